"""The computed sections of the report: decision, comparisons, denominators, means, method."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .details import details, equivalence, how_equivalent, how_intervals
from .markdown import escaped, interval, listed, only_pair, pairs_of, sides, signed, table

_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z0-9])")
_MEANS = ("test_case", "metric", "model", "mean", "cases", "planned", "scored", "unscored")


def decision(report: Mapping[str, Any]) -> str:
    """The headline with what weakens it right below, then what it stands on."""
    return "\n\n".join([headline(report), *(f"- {escaped(one)}" for one in report["decision"]["details"])])


def headline(report: Mapping[str, Any]) -> str:
    """The sentence that the run ends on, and every warning that belongs beside it."""
    warnings = [f"> **Warning.** {escaped(line)}" for line in report["decision"]["warnings"]]
    return "\n\n".join([f"**{escaped(report['decision']['headline'])}**", *warnings])


def reminder(report: Mapping[str, Any]) -> str:
    """The warnings once more in a line, for what is read without the decision; "" where there are none."""
    lines = [_SENTENCE.split(line)[0].rstrip(".") for line in report["decision"]["warnings"]]
    if not lines:
        return ""
    return (
        f"> **Read with the warning{'s' * (len(lines) > 1)} at the decision:** {escaped('; '.join(lines))}."
    )


def comparisons(report: Mapping[str, Any]) -> str:
    """The table of every comparison, the metric that decides first in its kind; one pair is named once.

    The sign-flip p-value, adjusted for nothing, stands beside the other; the bootstrap's interval, the effect
    size and what equivalence was decided on follow in a table of their own.
    """
    how = report["configuration"]
    level = f"{100 * (1 - how['alpha']):g} % interval"
    rows = sorted(report["comparisons"], key=lambda row: (row["test_case"], not row["primary"]))
    pairs = pairs_of(rows)
    shown = [
        {
            "metric": f"**{row['metric']}**" if row["primary"] else row["metric"],
            **sides(row, pairs),
            "A − B": row["difference"],
            level: interval(row["ci_low"], row["ci_high"]),
            "p (Holm)": row["p_adjusted"],
            "p (sign-flip)": row["p_permutation"],
            "cases": row["n"],
            "won / tied / lost": f"{row['wins']} / {row['ties']} / {row['losses']}",
            "outcome": _outcome(row, len(pairs) > 1),
        }
        for row in rows
    ]
    text = f"{only_pair(rows)}Bold: the metrics that decide. {_adjusted(how)} {_reading(how)}"
    text += _least_flipped(rows)
    parts = (text, signed(table(shown), report["signature"]), _cautions(rows), details(report, rows))
    return "\n\n".join(filter(None, parts))


def _least_flipped(rows: Sequence[Mapping[str, Any]]) -> str:
    """What a sign-flip p cannot fall below with so few cases or whole clusters, where that is near alpha."""
    units = [(row["clusters"], "flips whole categories: with {} of them") for row in rows if row["clustered"]]
    units += [(row["n"], "flips cases: with {} of them") for row in rows if row["n"] > 1]
    few, what = min(units, default=(9, ""))
    if few > 8:
        return ""
    return (
        f" The sign-flip p, adjusted for nothing, {what.format(few)} it is never below "
        f"{2.0 ** (1 - few):.3f}, however clear the difference."
    )


def _reading(how: Mapping[str, Any]) -> str:
    """What in the table shows a difference."""
    same = (
        f"; where the difference is shown to lie within {how['margin']:g}, the models are equivalent instead"
        if how["margin"]
        else ""
    )
    return (
        f"The outcome decides: a difference is shown where p (Holm) is at most {how['alpha']:g}{same}. An "
        "interval is adjusted for nothing, so that it may exclude zero where the outcome is inconclusive."
    )


def _cautions(rows: Sequence[Mapping[str, Any]]) -> str:
    """What to be wary of, each sentence once with the deciding metrics that it is said of."""
    said: dict[str, dict[str, None]] = {}
    for row in rows:
        for one in _SENTENCE.split(row["warnings"]) if row["primary"] and row["warnings"] else ():
            said.setdefault(one, {})[row["metric"]] = None
    return "\n>\n".join(f"> On {listed(metrics)}: {one[0].lower()}{one[1:]}" for one, metrics in said.items())


def _outcome(row: Mapping[str, Any], sides_named: bool) -> str:
    """The outcome with the model's name, or with its letter where the row says who is who."""
    if row["outcome"] == "equivalent":
        return f"equivalent ({equivalence(row)})"
    if sides_named:
        return {"better_a": "A better", "better_b": "B better"}.get(row["outcome"], row["outcome"])
    named = {"better_a": f"{row['model_a']} better", "better_b": f"{row['model_b']} better"}
    return named.get(row["outcome"], row["outcome"])


def denominators(report: Mapping[str, Any]) -> str:
    return signed(table(report["denominators"]), report["signature"])


def validator(report: Mapping[str, Any]) -> str:
    """How the validator did on cases whose faults are known, or "" where nothing was planted."""
    found = report.get("validator")
    if not found:
        return ""
    level = f"{100 * (1 - found['alpha']):g} % interval"
    caught, alarms = (
        f"{row['refused']} of {row['judged']} {what} cases ({level} {interval(row['low'], row['high'])})"
        for row, what in ((found["caught"], "spoilt"), (found["false_alarms"], "sound"))
    )
    text = f"The validator, tested on planted cases that it was not told of, refused {caught} and {alarms}."
    return f"{text}\n\n{signed(table(_by_fault(found, level)), report['signature'])}"


def _by_fault(found: Mapping[str, Any], level: str) -> list[dict[str, Any]]:
    """What was caught of every planted fault: by the checks without a model, and by the validator."""
    groups = {**found["by_fault"], "all faults": found["caught"], "none (sound)": found["false_alarms"]}
    return [
        {
            "planted fault": name,
            "planted": row["planted"],
            "found by checks": row["by_checks"],
            "refused by the validator": f"{row['refused']} of {row['judged']}",
            level: interval(row["low"], row["high"]),
            "missed by both": row["passed_both"] if name != "none (sound)" else "–",
        }
        for name, row in groups.items()
    ]


def means(report: Mapping[str, Any]) -> str:
    """Every mean over cases, with the responses planned, scored and unscored behind it."""
    rows = sorted(report["results_summary"]["table"], key=lambda row: (row["test_case"], row["metric"]))
    return signed(table([{name: row[name] for name in _MEANS} for row in rows]), report["signature"])


def method(report: Mapping[str, Any]) -> str:
    """How the numbers were made; what was not so in this run is not said of it."""
    how = report["configuration"]
    parts = (
        _asked(report),
        "The case is the unit: its rounds are averaged, then models are compared on the same cases by a "
        f"paired t interval at alpha = {how['alpha']:g}; cases of one category count as a cluster, so that "
        "the interval is wide where they move together.",
        _named(how),
        _adjusted(how),
        how_intervals(report),
        how_equivalent(how),
        "Intervals speak of cases like these; they know nothing of other customers, prompts or dates.",
    )
    return " ".join(filter(None, parts))


def _asked(report: Mapping[str, Any]) -> str:
    """How many rounds were planned, and how many responses could be scored."""
    rounds, rows = report["configuration"]["rounds"], report["denominators"]
    planned, scored = (sum(row[name] for row in rows) for name in ("planned", "scored"))
    each = f"{rounds} round{'s' if rounds != 1 else ''}"
    if planned == scored:
        return f"Every case was put to every model in {each}, and all {planned:,} responses were scored."
    return (
        f"{each} of every case {'were' if rounds != 1 else 'was'} planned for every model; {scored:,} of "
        f"{planned:,} responses were scored, the others failed or are missing."
    )


def _named(how: Mapping[str, Any]) -> str:
    """Which metrics decide, and whether they and the terms were named before results were seen."""
    first = how.get("first_named", how)
    metrics = ", ".join(how["primary_metrics"].values())
    late = [
        kind for kind, name in how["primary_metrics"].items() if first["primary_metrics"].get(kind) != name
    ]
    if late:
        before = ", ".join(first["primary_metrics"].get(kind, "none") for kind in late)
        return (
            f"One metric per kind decides ({metrics}). After results were seen it was changed from {before}."
        )
    terms = [name for name in ("alpha", "margin", "reference") if first.get(name) != how.get(name)]
    changed = f" {', '.join(terms).capitalize()} changed after that." if terms else ""
    return f"One metric per kind was named before the results were seen ({metrics}).{changed}"


def _adjusted(how: Mapping[str, Any]) -> str:
    """Which p-values were adjusted together."""
    pairs = ", its pairs of models adjusted together" if len(how["models"]) > 2 else ""
    return f"Each kind's deciding metric stands alone{pairs}; all others are adjusted together (Holm)."
