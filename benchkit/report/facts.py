"""Every statement that a run supports, in our words: what the report says and what the agent chooses from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from ..decide.people import verdict
from ..wording import (
    count,
    ends_text,
    interval,
    kind_name,
    known,
    level,
    listed,
    number,
    p_equals,
    percent,
    say,
    scope,
)

Row = Mapping[str, Any]
MEASURES = {
    "latency_s": ("seconds per answer, queue and all,", 1.0),
    "service_s": ("seconds of service per answer", 1.0),
    "queue_s": ("seconds in the queue per answer", 1.0),
    "cost_usd": ("USD per 1,000 answers", 1000.0),
}


@dataclass(frozen=True)
class Fact:
    """One statement: its id, its topic (a key of TOPICS), the sentence, and the numbers in it by name."""

    id: str
    topic: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


def facts(report: Row) -> list[Fact]:
    """Every statement that metrics_report.json supports, the most important first; ids: `topic-1`, …"""
    return [
        Fact(f"{topic}-{at}", topic, text, values)
        for topic, sayer in SAYERS.items()
        for at, (text, values) in enumerate(sayer(report), 1)
    ]


def with_facts(report: Row, rows_used: str = "") -> dict[str, Any]:
    """The report as metrics_report.json holds it: with its `facts`, and what became of brought rows."""
    whole = {**report, "rows_used": rows_used}
    return whole | {"facts": [asdict(one) for one in facts(whole)]}


def about(said: Iterable[Fact], *topics: str) -> list[str]:
    """The sentences on some topics."""
    return [one.text for one in said if one.topic in topics]


Said = Iterator[tuple[str, Row]]  # a sentence, and the values in it


def _some(row: Row, names: str) -> dict[str, Any]:
    return {name: row[name] for name in names.split()}


def _ends(report: Row, row: Row, of: str = "", kind: str = "") -> str:
    """The interval of a row at the run's level, whose ends are named low and high with `of` before them."""
    return ends_text(report["configuration"]["alpha"], row[f"{of}low"], row[f"{of}high"], kind)


def _decision(report: Row) -> Said:
    decision = report["decision"]
    for text in (decision["sentence"], *decision["because"]):
        yield text, {"outcome": decision["outcome"]}


def _warnings(report: Row) -> Said:
    decision, simulated = report["decision"], report["simulated"]
    none = "All models of this run are simulated: it says nothing about any real model."
    for text in filter(None, (decision["caveat"], simulated and none, *decision["warnings"])):
        yield text, {}


def _contenders(report: Row) -> Said:
    """Each model over the kinds that decide, then per kind the one that it stands worst against."""
    decision = report["decision"]
    about = scope(decision["kinds"])
    for row in decision["utility"]:
        text = (
            "On {about} {model} scores {mean}, {difference:+} against the best other model ({ends}): {word}."
        )
        word = "it may be the best" if row["contender"] else "it is shown not to be the best"
        yield say(text, row, about=about, ends=_ends(report, row, kind="simultaneous "), word=word), row
    for row in decision["floors"]:
        if known(row["difference"]):
            text = "On {where} {model} stands {difference:+} against {against} ({ends}): {verdict}."
            loss = f"more than {report['configuration']['margin']:g}"
            held = f"a loss of {loss} is {'' if row['held'] else 'not '}excluded"
            verdict = (
                f"it is shown worse by {loss.replace('than', 'than the margin of')}"
                if row["shown_worse"]
                else held
            )
            where = kind_name(row["kind"])
            yield say(text, row, where=where, ends=_ends(report, row), verdict=verdict), row
    for row in decision["kinds"]:
        rests = "{metric} decides on {on} with {weight:%} of the weight, on {n:,} of {of}."
        text = rests if row["decides"] else "{metric} decides nothing on {on}: {why_not}."
        yield say(text, row, on=kind_name(row["kind"]), of=count(row["planned"], "case")), row


def _controls(report: Row) -> Said:
    """Per metric the control that comes nearest to the best model; what decides first."""
    nearest: dict[str, Row] = {}
    for row in report.get("controls", ()):
        if row["metric"] not in nearest or row["gap"] < nearest[row["metric"]]["gap"]:
            nearest[row["metric"]] = row
    primary, unusable = report["configuration"]["primary_metrics"].values(), _unusable(report["decision"])
    for metric in sorted(nearest, key=lambda name: name not in primary):
        row = nearest[metric]
        verdict = "the metric decides nothing" if row["disqualifies"] else "the metric can tell"
        if row.get("test_case") in unusable:
            verdict = "too few usable answers came to tell"
        text = (
            "On {metric} the best answer that knows nothing ({control}) scores {mean}, the best model "
            "{best_mean}: {verdict}."
        )
        yield say(text, row, verdict=verdict), _some(row, "mean best_mean n")


def _delivery(report: Row) -> Said:
    for row in report.get("delivery", ()):
        text = "On {metric} {model} delivered {delivered:,} of {of} in usable form; those score {content} "
        text += "({ends})."
        ends, of = _ends(report, row, "content_"), count(row["scored"], "answer")
        yield say(text, row, of=of, ends=ends), _some(row, "delivered scored content")
    for row in report.get("delivery_pairs", ()):
        if known(row["total"]) and known(row["from_delivery"]) and row["from_delivery"]:
            text = (
                "On {metric} {model_a} − {model_b} is {total:+}, of which {from_delivery:+} comes from "
                "answers that were not delivered."
            )
            yield say(text, row), _some(row, "total from_delivery")


def _sensitivity(report: Row) -> Said:
    """Whether the outcome stands: what is unscored, each category, the weights, and what would settle it."""
    decision = report["decision"]
    found = decision["sensitivity"] or {}
    if lost := found.get("unscored"):
        text = (
            "With the {unscored} at their worst and at their best, {model} − {against} is {ends}: the "
            "outcome {verdict}."
        )
        unscored = count(lost["n_unscored"], "unscored response")
        ends, verdict = interval(lost["worst"], lost["best"]), "changes" if lost["changes"] else "stays"
        yield say(text, lost, unscored=unscored, ends=ends, verdict=verdict), lost
    yield from _without_each(found.get("categories") or (), found.get("expected_changes"))
    for row in found.get("holds") or ():
        yield say("The outcome is the same with any weight of {kind} from {low:%} to {high:%}.", row), row
    for row in found.get("heterogeneity") or ():
        if known(row["p_value"]):
            yield _spread(row, report["configuration"]["alpha"]), {"p_value": row["p_value"]}
    yield from _other_ways(report, found)
    if need := decision["needed"]:
        price = f", about USD {number(need['cost_usd'], 2)}" if known(need["cost_usd"]) else ""
        which = listed(map(kind_name, need["kinds"]))
        text = f"{need['cases']:,} {which} in all, {need['more']:,} more than now{price}, "
        if need["what"] == "least":
            text += "are the least that anything is decided on."
        else:
            among = f" between {listed(need['models'])}" if len(need["models"]) > 1 else ""
            power, size = percent(need["power"]), f"{need['difference']:g}"
            text += f"have a chance of {power} to settle a difference of {size}{among}."
        yield text, {name: need[name] for name in ("cases", "more", "power", "cost_usd")}


def _without_each(each: Sequence[Row], expected: float | None) -> Said:
    """What the outcome would be without each category in turn."""
    for row in (row for row in each if row["changes"]):
        now = f"{row['outcome']} ({row['model']})" if row["model"] else row["outcome"]
        yield say("Without {without} the outcome would be: {now}.", row, now=now), row
    if few := [row["without"] for row in each if row.get("too_few")]:
        yield f"Without {listed(few, 'or')} too few cases are left to tell.", {}
    told, changed = len(each) - len(few), sum(row["changes"] for row in each)
    if changed and known(expected):
        text = (
            f"Without one category the outcome changes in {changed:,} of {told:,} that could be told; lost "
            f"cases alone are expected to change {number(expected, 1)}."
        )
        yield text, {"changes": changed, "expected_changes": expected}
    if each and not few and not changed:
        text = f"The outcome stays the same without each of the {len(each)} categories in turn."
        yield text, {"categories": len(each)}


def _spread(row: Row, alpha: float) -> str:
    """The F test of whether the two models' difference is the same in every category."""
    varies = "differs between categories" if row["p_value"] <= alpha else "is not shown to differ by category"
    text = (
        "On {metric} {model_a} − {model_b} {varies} (F({df1:g}, {df2:g}) = {f}, {p}, at a level of "
        "{alpha:g})."
    )
    return say(text, row, varies=varies, p=p_equals(row["p_value"]), f=number(row["f"], 2), alpha=alpha)


def _other_ways(report: Row, found: Row) -> Said:
    """The best two models' difference in categories other than these, and without the t distribution."""
    row = found.get("elsewhere")
    if row and known(row["low"]) and known(row["high"]):
        better = row["model"] if row["low"] > 0 else row["against"] if row["high"] < 0 else ""
        verdict = f"{better} is shown better there" if better else "no difference is shown there"
        text = (
            "For categories other than these {categories}, of which these would be a sample, {model} stands "
            "{difference:+} against {against} ({ends}): {verdict}."
        )
        yield say(text, row, ends=_ends(report, row), verdict=verdict), row
    row = found.get("resampled")
    if row and known(row["p_sign_flip"]):
        text = (
            "Resampled, without the t distribution, {model} against {against} has {p} by sign flips ({ends})."
        )
        yield say(text, row, p=p_equals(row["p_sign_flip"]), ends=_ends(report, row, kind="BCa ")), row


def _comparisons(report: Row) -> Said:
    rows = [row for row in report["comparisons"] if known(row["difference"])]
    decides = deciding(report)
    for row in sorted(
        rows, key=lambda row: ((row["test_case"], row["metric"]) not in decides, not row["primary"])
    ):
        yield (
            comparison(row, report),
            _some(row, "n mean_a mean_b difference ci_low ci_high p_adjusted"),
        )


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


def comparison(row: Row, report: Row) -> str:
    """One comparison in a sentence: both means, the difference with its interval, the outcome."""
    text = (
        "On {metric}{lower} {model_a} has a mean of {mean_a} and {model_b} one of {mean_b} over {cases}: a "
        "difference of {difference:+} ({ends}{p}); {outcome}{aside}."
    )
    better = {"better_a": row["model_a"], "better_b": row["model_b"]}.get(row["outcome"])
    control = failed_control(report, row)
    aside = ", on a metric that tells nothing: {control}, which knows nothing, scores {mean} there"
    return say(
        text,
        row,
        lower=", where lower is better,"
        if row["metric"] in report["configuration"]["lower_is_better"]
        else "",
        cases=count(row["n"], "case"),
        ends=_ends(report, row, "ci_"),
        p=f", {p_equals(row['p_adjusted'])}" if known(row["p_adjusted"]) else "",
        outcome=f"{better} is shown to be better" if better else "no difference is shown",
        aside=say(aside, control) if control else "",
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
    for row in report.get("rounds", {}).get("agreement", ()):
        if row["metric"] in report["configuration"]["primary_metrics"].values() and known(row["alike"]):
            text = (
                "On {metric} two rounds of a case gave {model} the same score in {alike:%} of all pairs of "
                "rounds, over {cases}."
            )
            yield say(text, row, cases=count(row["n"], "case")), _some(row, "n alike intraclass")


def _cost(report: Row) -> Said:
    for row in report.get("serving", ()):
        if known(row["difference"]) and row["measure"] in MEASURES:
            yield _served(row, report), _some(row, "difference n")
    for row in report["results_summary"]["cost"]:
        if known(row["cost_usd"]):
            text = "{answers} of {model} cost USD {usd}, USD {cost_usd_per_1000} per 1,000."
            usd, answers = number(row["cost_usd"], 4), count(row["priced"], "answer")
            yield say(text, row, answers=answers, usd=usd), _some(row, "cost_usd")
        if known(row["latency_s_median"]):
            whole = f"Half of {row['model']}'s answers came within {number(row['latency_s_median'], 2)} s"
            queue = row["queue_s_median"]
            part = f", of which {number(queue, 2)} s is the queue's median" if known(queue) else ""
            yield f"{whole}{part}.", _some(row, "latency_s_median queue_s_median")


def _served(row: Row, report: Row) -> str:
    """The paired difference of two models in seconds or dollars per answer."""
    unit, factor = MEASURES[row["measure"]]
    names = ["mean_a", "mean_b", "difference", "ci_low", "ci_high"]
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
        yield say(text, row, what=what, ends=ends), _some(row, "refused judged")


def _judge(report: Row) -> Said:
    """What it judged; how it did on answers whose truth is known, in all and where it did worst."""
    found = report.get("judge") or {}
    if judged := found.get("judged"):
        yield judged["in_words"], _some(judged, "answers verdicts faulty undecided lost")
    if "all" in found:
        yield found["in_words"], _some(found["all"], "right low high alone verdicts")
        name, row = min(found["by_fault"].items(), key=lambda one: one[1]["right"])
        if row["right"] < 1:
            text = (
                "The judge did worst on planted answers of the kind “{name}”: {right:%} of {verdicts} right "
                "({ends})."
            )
            ends = ends_text(found["alpha"], row["low"], row["high"])
            told = say(text, row, name=name, verdicts=count(row["verdicts"], "verdict"), ends=ends)
            yield told, _some(row, "right low high verdicts")


# The topics in the order of their weight, with the heading that a passage of the commentary gets.
TOPICS = {
    "decision": "What the decision rests on",
    "warning": "What weakens it",
    "contender": "Who is in the running",
    "comparison": "Where the models differ",
    "control": "Whether the metrics can tell",
    "sensitivity": "What would change it",
    "cost": "Cost and speed",
    "delivery": "What was delivered",
    "coverage": "What was scored",
    "rounds": "Asking again",
    "validator": "The test cases",
    "judge": "The judge",
}
SAYERS: dict[str, Callable[[Row], Said]] = dict(
    zip(
        TOPICS,
        (
            *(_decision, _warnings, _contenders, _comparisons, _controls, _sensitivity, _cost, _delivery),
            *(_coverage, _rounds, _validator, _judge),
        ),
        strict=True,
    )
)


def _unusable(decision: Row) -> dict[str, str]:
    """{kind: what became of its answers}, of kinds that decide nothing for want of usable ones."""
    return {row["kind"]: row["why_not"] for row in decision.get("kinds", ()) if row.get("undelivered")}


def _spoilt(row: Row, how: Row) -> bool:
    """Whether a control disqualifies a metric that would decide; where people do, it corrects and no more."""
    decides = how.get("decided_by") != "people"
    return decides and row["disqualifies"] and how["primary_metrics"].get(row["test_case"]) == row["metric"]


def next_steps(report: Row) -> dict[str, str]:
    """What a reader may do next as far as the decision supports it, by id."""
    decision = report["decision"]
    steps = {}
    if decision["outcome"] == "deploy":
        steps["deploy"] = f"Deploy {decision['model']}."
    if decision["outcome"] == "equivalent":
        named = f"Take {decision['model']}, or whichever" if decision["model"] else "Take whichever"
        steps["take"] = f"{named} of the equivalent models suits better."
    if decision["split"]:
        each = listed(f"{model} for {kind}" for kind, model in decision["split"]["routing"].items())
        steps["route"] = f"Route each kind of case to its own model: {each}."
    if need := decision["needed"]:
        steps["more_cases"] = f"Add {need['more']:,} {listed(map(kind_name, need['kinds']))} before deciding."
    how = report.get("configuration", {})
    if how.get("decided_by") == "people" and decision["outcome"] != "deploy":
        steps["label"] = verdict(report.get("people", {}), how["models"])[2]
    unusable = _unusable(decision)
    for kind, why in unusable.items():
        steps[f"usable_{kind}"] = f"See to it that answers to {kind_name(kind)} come in usable form: {why}."
    if any(_spoilt(row, how) and row["test_case"] not in unusable for row in report.get("controls", ())):
        steps["metric"] = "Decide on a metric that answers that know nothing do not pass."
    if decision["warnings"]:
        steps["mend"] = "See to the warnings first: they weaken whatever is decided."
    steps["read"] = "Read the answers on which the models differ most, side by side, before deciding."
    return {name: step for name, step in steps.items() if step}
