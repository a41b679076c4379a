"""Every statement that a run supports, in our words: what the report says and what the agent chooses from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..wording import (
    count,
    ends_text,
    interval,
    kind_name,
    known,
    level,
    metric_names,
    number,
    p_equals,
    say,
    scope,
)
from .otherwise import Row, Said, sensitivity, unusable

# What is measured of serving: what it is called in a sentence, in a table, and its factor.
MEASURES = {
    "latency_s": ("seconds per answer, queue and all,", "seconds per answer", 1.0),
    "service_s": ("seconds of service per answer", "of those, service", 1.0),
    "queue_s": ("seconds in the queue per answer", "of those, the provider's queue", 1.0),
    "cost_usd": ("USD per 1,000 answers", "USD per 1,000 answers", 1000.0),
}


@dataclass(frozen=True)
class Fact:
    """One statement: its id, its topic (a key of SAYERS), the sentence, and the numbers of its row."""

    id: str
    topic: str
    text: str
    values: Mapping[str, float] = field(default_factory=dict)


def facts(report: Row) -> list[Fact]:
    """Every statement that metrics_report.json supports, the most important first; ids: `topic-1`, …"""
    return [
        Fact(f"{topic}-{at}", topic, text, _numbers(row))
        for topic, sayer in SAYERS.items()
        for at, (text, row) in enumerate(sayer(report), 1)
    ]


def _numbers(row: Row) -> dict[str, float]:
    return {name: value for name, value in row.items() if known(value) and not isinstance(value, bool)}


def with_facts(report: Row, rows_used: str = "") -> dict[str, Any]:
    """The report as metrics_report.json holds it: with its `facts`, and what became of brought rows."""
    whole = {**report, "rows_used": rows_used}
    return whole | {"facts": [asdict(one) for one in facts(whole)]}


def _ends(report: Row, row: Row, of: str = "", kind: str = "") -> str:
    """The interval of a row at the run's level, whose ends are named low and high with `of` before them."""
    return ends_text(report["configuration"]["alpha"], row[f"{of}low"], row[f"{of}high"], kind)


def _decision(report: Row) -> Said:
    for text in (report["decision"]["sentence"], *report["decision"]["because"]):
        yield text, {}


def _warnings(report: Row) -> Said:
    none = "All models of this run are simulated: it says nothing about any real model."
    decision = report["decision"]
    for text in filter(None, (decision["caveat"], report["simulated"] and none, *decision["warnings"])):
        yield text, {}


def _contenders(report: Row) -> Said:
    """Each model over the kinds that decide, then per kind the one that it stands worst against."""
    decision, margin = report["decision"], f"{report['configuration']['margin']:g}"
    about = scope(decision["kinds"])
    for row in decision["utility"]:
        text = "On {about} {model} stands {difference:+} against the best other model ({ends}): {word}."
        word = "it may be the best" if row["contender"] else "it is shown not to be the best"
        yield say(text, row, about=about, ends=_ends(report, row, kind="simultaneous "), word=word), row
    for row in (row for row in decision["floors"] if known(row["difference"])):
        text = "On {where} {model} stands {difference:+} against {against} ({ends}): {verdict}."
        verdict = f"a loss of more than {margin} is {'' if row['held'] else 'not '}excluded"
        if row["shown_worse"]:
            verdict = f"it is shown worse by more than the margin of {margin}"
        yield say(text, row, where=kind_name(row["kind"]), ends=_ends(report, row), verdict=verdict), row
    for row in decision["kinds"]:
        rests = "{metric} decides on {on} with {weight:%} of the weight, on {n:,} of {of}."
        text = rests if row["decides"] else "{metric} decides nothing on {on}: {why_not}."
        yield say(text, row, on=kind_name(row["kind"]), of=count(row["planned"], "case")), row


def _controls(report: Row) -> Said:
    """Per metric the control that comes nearest to the best model; what decides first."""
    nearest: dict[str, Row] = {}
    for row in sorted(report.get("controls", ()), key=lambda row: row["gap"]):
        nearest.setdefault(row["metric"], row)
    primary = report["configuration"]["primary_metrics"].values()
    order = dict.fromkeys(row["metric"] for row in report.get("controls", ()))
    for metric in sorted(order, key=lambda name: name not in primary):
        row = nearest[metric]
        verdict = "the metric decides nothing" if row["disqualifies"] else "the metric can tell"
        if row.get("test_case") in unusable(report["decision"]):
            verdict = "too few usable answers came to tell"
        text = (
            "On {metric} the best answer that knows nothing ({control}) scores {mean}, the best model "
            "{best_mean}: {verdict}."
        )
        yield say(text, row, verdict=verdict), row


def _delivery(report: Row) -> Said:
    names = metric_names([*report.get("delivery", ()), *report.get("delivery_pairs", ())])
    for row in report.get("delivery", ()):
        text = (
            "On {on} {model} delivered {delivered:,} of {of} in usable form; those score {content} ({ends})."
        )
        on, ends = names[row.get("test_case", ""), row["metric"]], _ends(report, row, "content_")
        yield say(text, row, on=on, of=count(row["scored"], "answer"), ends=ends), row
    for row in report.get("delivery_pairs", ()):
        if known(row["total"]) and known(row["from_delivery"]) and row["from_delivery"]:
            text = (
                "On {on} {model_a} − {model_b} is {total:+}, of which {from_delivery:+} comes from "
                "answers that were not delivered."
            )
            yield say(text, row, on=names[row.get("test_case", ""), row["metric"]]), row


def deciding(report: Row) -> set[tuple[str, str]]:
    """The kinds with the metrics that decided: the named ones without those that something disqualified."""
    return {(row["kind"], row["metric"]) for row in report["decision"]["kinds"] if row["decides"]}


def failed_control(report: Row, row: Row) -> Row | None:
    """The control that comes nearest to the best model, where it disqualifies a comparison's metric."""
    of = (row["test_case"], row["metric"])
    failed = [
        one
        for one in report.get("controls", ())
        if one["disqualifies"] and (one["test_case"], one["metric"]) == of
    ]
    return min(failed, key=lambda one: one["gap"], default=None)


def _comparisons(report: Row) -> Said:
    """Both means, the difference with its interval, the outcome; what decides first."""
    decides, names = deciding(report), metric_names(report["comparisons"])
    rows = [row for row in report["comparisons"] if known(row["difference"])]
    rows.sort(key=lambda row: ((row["test_case"], row["metric"]) not in decides, not row["primary"]))
    text = (
        "On {on}{lower} {model_a} has a mean of {mean_a} and {model_b} one of {mean_b} over {cases}: a "
        "difference of {difference:+} ({ends}{p}); {outcome}{aside}."
    )
    turned = report["configuration"]["lower_is_better"]
    for row in rows:
        better = {"better_a": row["model_a"], "better_b": row["model_b"]}.get(row["outcome"])
        control = failed_control(report, row)
        aside = ", on a metric that tells nothing: {control}, which knows nothing, scores {mean} there"
        yield (
            say(
                text,
                row,
                on=names[row.get("test_case", ""), row["metric"]],
                lower=", where lower is better," if row["metric"] in turned else "",
                cases=count(row["n"], "case"),
                ends=_ends(report, row, "ci_"),
                p=f", {p_equals(row['p_adjusted'])}" if known(row["p_adjusted"]) else "",
                outcome=f"{better} is shown to be better" if better else "no difference is shown",
                aside=say(aside, control) if control else "",
            ),
            row,
        )


def _coverage(report: Row) -> Said:
    if rows := report.get("rows_used"):
        yield f"Of the cases that were brought: {rows}.", {}
    for row in report["denominators"]:
        parts = [f"{row[name]:,} {name}" for name in ("malformed", "refused", "failed") if row[name]]
        text = (
            "Of {planned:,} planned {test_case} answers of {model} {scored:,} were scored and {unscored:,} "
            "were not{trouble}."
        )
        yield say(text, row, trouble=f" ({', '.join(parts)})" if parts else ""), row


def _rounds(report: Row) -> Said:
    primary, found = report["configuration"]["primary_metrics"].values(), report.get("rounds", {})
    names = metric_names(found.get("agreement", ()))
    for row in found.get("agreement", ()):
        if row["metric"] in primary and known(row["alike"]):
            text = (
                "On {on} two rounds of a case gave {model} the same score in {alike:%} of all pairs of "
                "rounds, over {cases}."
            )
            on = names[row.get("test_case", ""), row["metric"]]
            yield say(text, row, on=on, cases=count(row["n"], "case")), row


def _cost(report: Row) -> Said:
    for row in report.get("serving", ()):
        if known(row["difference"]) and row["measure"] in MEASURES:
            yield _served(row, report), row
    for row in report["results_summary"]["cost"]:
        if known(row["cost_usd"]):
            text = "{answers} of {model} cost USD {usd}, USD {cost_usd_per_1000} per 1,000."
            yield say(text, row, answers=count(row["priced"], "answer"), usd=number(row["cost_usd"], 4)), row
        if known(row["latency_s_median"]):
            whole = f"Half of {row['model']}'s answers came within {number(row['latency_s_median'], 2)} s"
            queue = row["queue_s_median"]
            part = f", of which {number(queue, 2)} s is the queue's median" if known(queue) else ""
            yield f"{whole}{part}.", row


def _served(row: Row, report: Row) -> str:
    """The paired difference of two models in seconds or dollars per answer."""
    unit, _, factor = MEASURES[row["measure"]]
    names = ("mean_a", "mean_b", "difference", "ci_low", "ci_high")
    scaled = {name: factor * row[name] if known(row[name]) else None for name in names}
    text = (
        "{model_a} takes {mean_a} {unit}, {model_b} {mean_b}, over the same {cases}: {difference:+} ({ends})."
    )
    cases, ends = count(row["n"], "case"), _ends(report, scaled, "ci_")
    return say(text, {**row, **scaled}, unit=unit, cases=cases, ends=ends)


def _validator(report: Row) -> Said:
    found = report.get("validator") or {}
    for name, what in (("caught", "spoilt"), ("false_alarms", "sound")) if found else ():
        row = found[name]
        ends = f"{level(found['alpha'])} interval {interval(row['low'], row['high'])}"
        text = "The validator refused {refused} of {judged} {what} cases that it was not told of ({ends})."
        yield say(text, row, what=what, ends=ends), row


def _judge(report: Row) -> Said:
    """What it judged; how it did on answers whose truth is known, in all and where it did worst."""
    found = report.get("judge") or {}
    if judged := found.get("judged"):
        yield judged["in_words"], judged
    if "all" in found:
        yield found["in_words"], found["all"]
        name, row = min(found["by_fault"].items(), key=lambda one: one[1]["right"])
        if row["right"] < 1:
            text = (
                "The judge did worst on planted answers of the kind “{name}”: {right:%} of {verdicts} right "
                "({ends})."
            )
            ends = ends_text(found["alpha"], row["low"], row["high"])
            yield say(text, row, name=name, verdicts=count(row["verdicts"], "verdict"), ends=ends), row


# The topics in the order of their weight.
SAYERS: dict[str, Callable[[Row], Said]] = {
    "decision": _decision,
    "warning": _warnings,
    "contender": _contenders,
    "comparison": _comparisons,
    "control": _controls,
    "sensitivity": sensitivity,
    "cost": _cost,
    "delivery": _delivery,
    "coverage": _coverage,
    "rounds": _rounds,
    "validator": _validator,
    "judge": _judge,
}
