"""The computed sections of the report: decision, comparisons, denominators, means, the judge, method."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..wording import count, interval, level, listed, metric_names, p_text, percent
from .facts import deciding, failed_control
from .markdown import bold, escaped, only_pair, pairs_of, section, sides

Row = Mapping[str, Any]
_SENTENCE = re.compile(r"(?<=\.) (?=[A-Z0-9])")
_MEANS = ("test_case", "metric", "model", "mean", "cases", "planned", "scored", "undefined", "unscored")


def headline(report: Row) -> str:
    """The sentence that the run ends on."""
    return f"**{escaped(report['decision']['sentence'])}**"


def reasons(report: Row) -> str:
    """At most three facts that the decision stands on, and the caveat that matters most."""
    found = report["decision"]
    caveat = f"> **Note.** {escaped(found['caveat'])}" if found["caveat"] else ""
    return "\n\n".join(filter(None, ["\n".join(f"- {escaped(one)}" for one in found["because"]), caveat]))


def controls(report: Row) -> str:
    """What answers that know nothing score, beside the best model."""
    names = metric_names(report.get("controls", ()))
    rows = [
        {
            "metric": names[row["test_case"], row["metric"]],
            "answer that knows nothing": row["control"],
            "its mean": row["mean"],
            "best model": row["best_model"],
            "its mean ": row["best_mean"],
            "cases": row["n"],
            "": "decides nothing" if row["disqualifies"] else "",
        }
        for row in report.get("controls", ())
    ]
    text = (
        "Could an answer that knows nothing do as well? A metric on which one comes within "
        f"{report['configuration']['margin']:g} of the best model decides nothing."
    )
    return section(report, rows, text)


def delivery(report: Row) -> str:
    """Whether answers came in usable form, and how good those are that did."""
    ends = f"{level(report['configuration']['alpha'])} interval"
    names = metric_names(report.get("delivery", ()))
    rows = [
        {
            "metric": names[row["test_case"], row["metric"]],
            "model": row["model"],
            "delivered": f"{row['delivered']:,} of {row['scored']:,}",
            "share": row["share"],
            ends: interval(row["low"], row["high"]),
            "score of those": row["content"],
            f"{ends} ": interval(row["content_low"], row["content_high"]),
        }
        for row in report.get("delivery", ())
    ]
    return section(report, rows)


def comparisons(report: Row) -> str:
    """The table of every comparison, the metric that decides first in its kind; one pair is named once."""
    how = report["configuration"]
    rows = sorted(report["comparisons"], key=lambda row: (row["test_case"], not row["primary"]))
    decides, pairs, names = deciding(report), pairs_of(rows), metric_names(rows)
    shown = [
        {
            "metric": bold(names[of]) if of in decides else names[of],
            **sides(row, pairs),
            "A − B": row["difference"],
            f"{level(how['alpha'])} interval": interval(row["ci_low"], row["ci_high"]),
            "p": p_text(row["p_value"]),
            "p (Holm)": p_text(row["p_adjusted"]),
            "effect size": row["effect_size"],
            "cases": row["n"],
            "won / tied / lost": f"{row['wins']} / {row['ties']} / {row['losses']}",
            "shown": _outcome(row, report),
        }
        for row in rows
        for of in [(row["test_case"], row["metric"])]
    ]
    which = "Bold: the metrics that decide." if decides else "No metric decides here."
    text = (
        f"{only_pair(rows)}{which} {adjusted(how)} A difference is shown where p (Holm) is at most "
        f"{how['alpha']:g}. An interval is adjusted for nothing, so that it may exclude zero where none is. "
        "The effect size is the mean difference over the standard deviation of the cases' differences "
        "(Cohen's d_z)."
    )
    return "\n\n".join(filter(None, (section(report, shown, text), _cautions(rows))))


def adjusted(how: Row) -> str:
    """Which p-values were adjusted together."""
    pairs = ", its pairs of models adjusted together" if len(how["models"]) > 2 else ""
    return f"Each kind's named metric stands alone{pairs}; all others are adjusted together (Holm)."


def _cautions(rows: Sequence[Row]) -> str:
    """What to be wary of, each sentence once with the deciding metrics that it is said of."""
    said: dict[str, dict[str, None]] = {}
    names = metric_names(rows)
    for row in rows:
        for one in _SENTENCE.split(row["warnings"]) if row["primary"] and row["warnings"] else ():
            said.setdefault(one, {})[names[row["test_case"], row["metric"]]] = None
    return "\n>\n".join(f"> On {listed(metrics)}: {one[0].lower()}{one[1:]}" for one, metrics in said.items())


def _outcome(row: Row, report: Row) -> str:
    """Which model is shown better, by its name, and whether answers that know nothing do as well."""
    named = {"better_a": f"{row['model_a']} better", "better_b": f"{row['model_b']} better"}
    shown = named.get(row["outcome"]) or str(row["outcome"])
    return f"{shown} (control failed)" if failed_control(report, row) else shown


def denominators(report: Row) -> str:
    return section(report, report["denominators"])


def means(report: Row) -> str:
    """Every mean over cases, with the responses planned, scored and unscored behind it."""
    rows = sorted(report["results_summary"]["table"], key=lambda row: (row["test_case"], row["metric"]))
    return section(report, [{name: row[name] for name in _MEANS} for row in rows])


def validator(report: Row) -> str:
    """How the checks and the validator did on cases whose faults are known; "" where nothing was planted."""
    found = report.get("validator")
    if not found:
        return ""
    ends = f"{level(found['alpha'])} interval"
    caught, alarms = (
        f"{row['refused']} of {row['judged']} {what} cases ({ends} {interval(row['low'], row['high'])})"
        for row, what in ((found["caught"], "spoilt"), (found["false_alarms"], "sound"))
    )
    groups = {**found["by_fault"], "all faults": found["caught"], "none (sound)": found["false_alarms"]}
    rows = [
        {
            "planted fault": name,
            "planted": row["planted"],
            "found by checks": row["by_checks"],
            "refused by the validator": f"{row['refused']} of {row['judged']}",
            ends: interval(row["low"], row["high"]),
            "missed by both": row["passed_both"] if name != "none (sound)" else "–",
        }
        for name, row in groups.items()
    ]
    text = f"The validator, tested on planted cases that it was not told of, refused {caught} and {alarms}."
    return section(report, rows, text)


def judge(report: Row) -> str:
    """What the judge did, and how on answers whose truth is known; "" where nobody judged."""
    found = report.get("judge") or {}
    told = escaped(found.get("judged", {}).get("in_words", ""))
    if "all" not in found:
        return told
    rows = [
        {
            "planted answer": name,
            "answers": row["answers"],
            "verdicts": row["verdicts"],
            "right": percent(row["right"]),
            f"{level(found['alpha'])} interval": interval(row["low"], row["high"]),
            "right without a look at quotes and values": percent(row["alone"]),
        }
        for name, row in {**found["by_fault"], "all": found["all"]}.items()
    ]
    text = f"{told} It was tested on answers that it was not told of. {found['in_words']}".strip()
    return section(report, rows, text)


def method(report: Row) -> str:
    """How the numbers were made; what was not so in this run is not said of it."""
    how = report["configuration"]
    aside = [row for row in report["decision"]["kinds"] if not row["decides"]]
    parts = (
        _asked(report),
        "The case is the unit: its rounds are averaged, then models are compared on the same "
        "cases. Categories are strata, fixed and weighted: what differs between them is no error. The "
        "decision rests on one quantity, the kinds' differences weighted; each model is compared with the "
        "best of the others by simultaneous intervals (multiple comparisons with the best) at alpha = "
        f"{how['alpha']:g}, and on no kind may it be worse than another by more than {how['margin']:g}.",
        _named(how),
        *(f"Of these {row['metric']} decides nothing: {row['why_not']}." for row in aside),
        adjusted(how),
        "Intervals speak of cases like these; they know nothing of other customers, prompts or dates.",
    )
    return " ".join(filter(None, parts))


def _asked(report: Row) -> str:
    """How many rounds were planned, what of them was never asked, and how many responses were scored."""
    rounds, rows = report["configuration"]["rounds"], report["denominators"]
    planned, scored = (sum(row[name] for row in rows) for name in ("planned", "scored"))
    most = {row["test_case"]: 0 for row in rows}
    for row in rows:
        most[row["test_case"]] = max(most[row["test_case"]], row["planned"])
    never = sum(most[row["test_case"]] - row["planned"] for row in rows)
    lost = "" if planned == scored else ", the others failed or are missing"
    put = f"Every case was to be put to every model in {count(rounds, 'round')}"
    if never:
        put = (
            f"Models answered in up to {count(rounds, 'round')}, and {never:,} responses were never asked for"
        )
    return f"{put}; {scored:,} of {planned:,} responses were scored{lost}." if rows else ""


def _named(how: Row) -> str:
    """Which metrics are to decide, and whether they and the terms were named before results were seen."""
    metrics = ", ".join(dict.fromkeys(how["primary_metrics"].values()))
    if how.get("decided_by") == "people":
        return f"People decide: their labels, corrected by one metric per kind ({metrics})."
    first = how.get("first_named", how)
    named = {kind: first["primary_metrics"].get(kind, "none") for kind in how["primary_metrics"]}
    late = [named[kind] for kind, name in how["primary_metrics"].items() if named[kind] != name]
    if late:
        was = ", ".join(late)
        return f"One metric per kind is named ({metrics}). After results were seen it was changed from {was}."
    if how.get("brought"):
        return (
            f"One metric per kind is named ({metrics}). The scores were brought: whether they had been seen "
            "before that is not known here."
        )
    terms = [name for name in ("alpha", "margin", "reference", "judge") if first.get(name) != how.get(name)]
    changed = f" {', '.join(terms).capitalize()} changed after that." if terms else ""
    return f"One metric per kind was named before the results were seen ({metrics}).{changed}"
