"""The computed sections of the report: decision, comparisons, denominators, means, cost, method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import digits, escaped, signed, table

_MEANS = ("test_case", "metric", "model", "mean", "cases", "planned", "scored", "unscored")


def decision(report: Mapping[str, Any]) -> str:
    """The sentence that the run ends on, and every warning that belongs beside it."""
    warnings = [f"> **Warning.** {escaped(line)}" for line in report["decision"]["warnings"]]
    made = report["decision"]
    return "\n\n".join(
        [f"**{escaped(made['headline'])}**", *(f"- {escaped(one)}" for one in made["details"]), *warnings]
    )


def comparisons(report: Mapping[str, Any]) -> str:
    """The table of every comparison, the metric that decides first in its kind; one pair is named once."""
    level = f"{100 * (1 - report['configuration']['alpha']):g} % interval"
    rows = sorted(report["comparisons"], key=lambda row: (row["test_case"], not row["primary"]))
    pairs = {(row["model_a"], row["model_b"]) for row in rows}
    shown = [
        {
            "metric": f"**{row['metric']}**" if row["primary"] else row["metric"],
            **({"A": row["model_a"], "B": row["model_b"]} if len(pairs) > 1 else {}),
            "A − B": row["difference"],
            level: _range(row["ci_low"], row["ci_high"]),
            "p (Holm)": row["p_adjusted"],
            "cases": row["n"],
            "won / tied / lost": f"{row['wins']} / {row['ties']} / {row['losses']}",
            "outcome": _outcome(row),
        }
        for row in rows
    ]
    named = "".join(f"A is {a}, B is {b}. " for a, b in pairs) if len(pairs) == 1 else ""
    text = f"{named}Bold: the metrics that decide.\n\n{signed(table(shown), report['signature'])}"
    return "\n\n".join(filter(None, (text, _cautions(rows))))


def _cautions(rows: Sequence[Mapping[str, Any]]) -> str:
    """What to be wary of, each sentence once."""
    said = dict.fromkeys(row["warnings"] for row in rows if row["primary"] and row["warnings"])
    return "\n".join(f"> {one}" for one in said)


def _outcome(row: Mapping[str, Any]) -> str:
    named = {"better_a": f"{row['model_a']} better", "better_b": f"{row['model_b']} better"}
    return named.get(row["outcome"], row["outcome"])


def _range(low: float | None, high: float | None) -> str:
    return "unknown" if low is None or high is None else f"{low:z.3f} to {high:z.3f}"


def denominators(report: Mapping[str, Any]) -> str:
    return signed(table(report["denominators"]), report["signature"])


def validator(report: Mapping[str, Any]) -> str:
    """How the validator did on cases whose faults are known, or "" where nothing was planted."""
    found = report.get("validator")
    if not found:
        return ""
    level = f"{100 * (1 - found['alpha']):g} % interval"
    caught, alarms = (
        f"{row['refused']} of {row['judged']} {what} cases ({level} {_range(row['low'], row['high'])})"
        for row, what in ((found["caught"], "spoilt"), (found["false_alarms"], "sound"))
    )
    return f"The validator, tested on planted cases that it was not told of, refused {caught} and {alarms}."


def means(report: Mapping[str, Any]) -> str:
    """Every mean over cases, with the responses planned, scored and unscored behind it."""
    rows = sorted(report["results_summary"]["table"], key=lambda row: (row["test_case"], row["metric"]))
    return signed(table([{name: row[name] for name in _MEANS} for row in rows]), report["signature"])


def cost(report: Mapping[str, Any]) -> str:
    """Dollars, tokens and seconds per model; an unknown price is said to be unknown."""
    rows = [
        {
            "model": row["model"],
            "cost, USD": digits(row["cost_usd"], 4),
            "USD per 1,000 answers": digits(row["cost_usd_per_1000"], 3),
            "tokens in": row["prompt_tokens"],
            "tokens out": row["completion_tokens"],
            "latency, median s": digits(row["latency_s_median"], 2),
            "latency, 95th percentile s": digits(row["latency_s_p95"], 2),
            "queue, median s": digits(row["queue_s_median"], 2),
            "answers timed": row["timed"],
        }
        for row in report["results_summary"]["cost"]
    ]
    return signed(table(rows), report["signature"])


def method(report: Mapping[str, Any]) -> str:
    how = report["configuration"]
    return (
        f"Every model answered every case in {how['rounds']} rounds. The case is the unit: its rounds are "
        "averaged, then models are compared on the same cases by a paired t interval at "
        f"alpha = {how['alpha']:g}; cases of one category count as a cluster, so that the interval is wide "
        "where they move together. One metric per kind was named before the results were seen "
        f"({', '.join(how['primary_metrics'].values())}); all others are Holm-adjusted. "
        f"A difference within {how['margin']:g} was declared not to matter. "
        "Intervals speak of cases like these; they know nothing of other customers, prompts or dates."
    )
