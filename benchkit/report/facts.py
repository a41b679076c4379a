"""Every statement that a run supports, in our words: what the report says and what the agent chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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
    scope,
)

Row = Mapping[str, Any]
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
}
MEASURES = {
    "latency_s": ("seconds per answer, queue and all,", 1.0),
    "service_s": ("seconds of service per answer", 1.0),
    "queue_s": ("seconds in the queue per answer", 1.0),
    "cost_usd": ("US$ per 1,000 answers", 1000.0),
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
    said = [one for topic in SAYERS for one in topic(report)]
    order = list(TOPICS)
    return list(_numbered(sorted(said, key=lambda one: order.index(one[0]))))


def with_facts(report: Row, rows_used: str = "") -> dict[str, Any]:
    """The report as metrics_report.json holds it: with its `facts`, and what became of brought rows."""
    whole = {**report, "rows_used": rows_used}
    return whole | {"facts": [asdict(one) for one in facts(whole)]}


def about(said: Iterable[Fact], *topics: str) -> list[str]:
    """The sentences on some topics."""
    return [one.text for one in said if one.topic in topics]


Said = tuple[str, str, Row]  # topic, text, values


def _numbered(said: Iterable[Said]) -> Iterator[Fact]:
    numbers: dict[str, int] = {}
    for topic, text, values in said:
        numbers[topic] = numbers.get(topic, 0) + 1
        yield Fact(f"{topic}-{numbers[topic]}", topic, text, values)


def _decision(report: Row) -> Iterator[Said]:
    decision = report["decision"]
    for text in (decision["sentence"], *decision["because"]):
        yield "decision", text, {"outcome": decision["outcome"]}
    if decision["caveat"]:
        yield "warning", decision["caveat"], {}
    if report["simulated"]:
        yield "warning", "All models of this run are simulated: it says nothing about any real model.", {}
    for text in decision["warnings"]:
        yield "warning", text, {}


def _contenders(report: Row) -> Iterator[Said]:
    """Each model over the kinds that decide, then per kind the one that it stands worst against."""
    decision, how = report["decision"], report["configuration"]
    about = scope(decision["kinds"])
    for row in decision["utility"]:
        word = "may be the best" if row["contender"] else "is shown not to be the best"
        text = (
            f"On {about} {row['model']} scores {number(row['mean'])}, "
            f"{number(row['difference'], sign=True)} against the best other model "
            f"({ends_text(how['alpha'], row['low'], row['high'], 'simultaneous ')}): it {word}."
        )
        yield "contender", text, row
    for row in decision["floors"]:
        if known(row["difference"]):
            yield "contender", _floor(row, how), row
    for row in decision["kinds"]:
        if row["decides"]:
            rests = (
                f"{percent(row['weight'])} of the weight, on {row['n']:,} of {count(row['planned'], 'case')}"
            )
            text = f"{row['metric']} decides on {kind_name(row['kind'])} with {rests}."
        else:
            text = f"{row['metric']} decides nothing on {kind_name(row['kind'])}: {row['why_not']}."
        yield "contender", text, row


def _floor(row: Row, how: Row) -> str:
    ends = ends_text(how["alpha"], row["low"], row["high"])
    worse = f"it is shown worse by more than the margin of {how['margin']:g}"
    held = f"a loss of more than {how['margin']:g} is excluded"
    left = f"a loss of more than {how['margin']:g} is not excluded"
    verdict = worse if row["shown_worse"] else held if row["held"] else left
    gap = number(row["difference"], sign=True)
    where = kind_name(row["kind"])
    return f"On {where} {row['model']} stands {gap} against {row['against']} ({ends}): {verdict}."


def _controls(report: Row) -> Iterator[Said]:
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
            f"On {metric} the best answer that knows nothing ({row['control']}) scores "
            f"{number(row['mean'])}, the best model {number(row['best_mean'])}: {verdict}."
        )
        yield "control", text, {name: row[name] for name in ("mean", "best_mean", "n")}


def _delivery(report: Row) -> Iterator[Said]:
    alpha = report["configuration"]["alpha"]
    for row in report.get("delivery", ()):
        text = (
            f"On {row['metric']} {row['model']} delivered {row['delivered']:,} of "
            f"{count(row['scored'], 'answer')} in usable form; those score {number(row['content'])} "
            f"({ends_text(alpha, row['content_low'], row['content_high'])})."
        )
        yield "delivery", text, {name: row[name] for name in ("delivered", "scored", "content")}
    for row in report.get("delivery_pairs", ()):
        if known(row["total"]) and known(row["from_delivery"]) and row["from_delivery"]:
            total, lost = (number(row[name], sign=True) for name in ("total", "from_delivery"))
            text = (
                f"On {row['metric']} {row['model_a']} − {row['model_b']} is {total}, of which {lost} comes "
                "from answers that were not delivered."
            )
            yield "delivery", text, {name: row[name] for name in ("total", "from_delivery")}


def _sensitivity(report: Row) -> Iterator[Said]:
    """Whether the outcome stands: what is unscored, each category, the weights, and what would settle it."""
    decision = report["decision"]
    found = decision["sensitivity"] or {}
    if lost := found.get("unscored"):
        verdict = "the outcome changes" if lost["changes"] else "the outcome stays"
        text = (
            f"With the {count(lost['n_unscored'], 'unscored response')} at their worst and at their best, "
            f"{lost['model']} − {lost['against']} is {interval(lost['worst'], lost['best'])}: {verdict}."
        )
        yield "sensitivity", text, lost
    each = found.get("categories") or ()
    for row in (row for row in each if row["changes"]):
        now = f"{row['outcome']} ({row['model']})" if row["model"] else row["outcome"]
        yield "sensitivity", f"Without {row['without']} the outcome would be: {now}.", row
    if few := [row["without"] for row in each if row.get("too_few")]:
        yield "sensitivity", f"Without {listed(few, 'or')} too few cases are left to tell.", {}
    told, changed = len(each) - len(few), sum(row["changes"] for row in each)
    if changed and known(expected := found.get("expected_changes")):
        text = (
            f"Without one category the outcome changes in {changed:,} of {told:,} that could be told; lost "
            f"cases alone are expected to change {number(expected, 1)}."
        )
        yield "sensitivity", text, {"changes": changed, "expected_changes": expected}
    if each and not few and not changed:
        text = f"The outcome stays the same without each of the {len(each)} categories in turn."
        yield "sensitivity", text, {"categories": len(each)}
    for row in found.get("holds") or ():
        low, high = percent(row["low"]), percent(row["high"])
        text = f"The outcome is the same with any weight of {row['kind']} from {low} to {high}."
        yield "sensitivity", text, row
    for row in found.get("heterogeneity") or ():
        if known(row["p_value"]):
            yield "sensitivity", _spread(row, report["configuration"]["alpha"]), {"p_value": row["p_value"]}
    yield from _other_ways(report)
    if need := decision["needed"]:
        price = f", about US$ {number(need['cost_usd'], 2)}" if known(need["cost_usd"]) else ""
        which = listed(map(kind_name, need["kinds"]))
        text = f"{need['cases']:,} {which} in all, {need['more']:,} more than now{price}, "
        if need["what"] == "least":
            text += "are the least that anything is decided on."
        else:
            among = f" between {listed(need['models'])}" if len(need["models"]) > 1 else ""
            power, size = percent(need["power"]), f"{need['difference']:g}"
            text += f"have a chance of {power} to settle a difference of {size}{among}."
        yield "sensitivity", text, {name: need[name] for name in ("cases", "more", "power", "cost_usd")}


def _spread(row: Row, alpha: float) -> str:
    """The F test of whether the two models' difference is the same in every category."""
    varies = "differs between categories" if row["p_value"] <= alpha else "is not shown to differ by category"
    test = f"F({row['df1']:g}, {row['df2']:g}) = {number(row['f'], 2)}, {p_equals(row['p_value'])}"
    test += f", at a level of {alpha:g}"
    return f"On {row['metric']} {row['model_a']} − {row['model_b']} {varies} ({test})."


def _other_ways(report: Row) -> Iterator[Said]:
    """The best two models' difference in categories other than these, and without the t distribution."""
    found, alpha = report["decision"]["sensitivity"] or {}, report["configuration"]["alpha"]
    row = found.get("elsewhere")
    if row and known(row["low"]) and known(row["high"]):
        better = row["model"] if row["low"] > 0 else row["against"] if row["high"] < 0 else ""
        verdict = f"{better} is shown better there" if better else "no difference is shown there"
        text = (
            f"For categories other than these {row['categories']}, of which these would be a sample, "
            f"{row['model']} stands {number(row['difference'], sign=True)} against {row['against']} "
            f"({ends_text(alpha, row['low'], row['high'])}): {verdict}."
        )
        yield "sensitivity", text, row
    row = found.get("resampled")
    if row and known(row["p_sign_flip"]):
        ends = ends_text(alpha, row["low"], row["high"], "BCa ")
        text = (
            f"Resampled, without the t distribution, {row['model']} against {row['against']} has "
            f"{p_equals(row['p_sign_flip'])} by sign flips ({ends})."
        )
        yield "sensitivity", text, row


def _comparisons(report: Row) -> Iterator[Said]:
    rows = [row for row in report["comparisons"] if known(row["difference"])]
    decides = deciding(report)
    for row in sorted(
        rows, key=lambda row: ((row["test_case"], row["metric"]) not in decides, not row["primary"])
    ):
        keys = ("n", "mean_a", "mean_b", "difference", "ci_low", "ci_high", "p_adjusted")
        yield "comparison", comparison(row, report), {name: row[name] for name in keys}


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
    how = report["configuration"]
    a, b = row["model_a"], row["model_b"]
    outcome = {
        "better_a": f"{a} is shown to be better",
        "better_b": f"{b} is shown to be better",
    }.get(row["outcome"], "no difference is shown")
    lower = ", where lower is better," if row["metric"] in how["lower_is_better"] else ""
    ends = ends_text(how["alpha"], row["ci_low"], row["ci_high"])
    p = f", {p_equals(row['p_adjusted'])}" if known(row["p_adjusted"]) else ""
    control = failed_control(report, row)
    aside = (
        f", on a metric that tells nothing: {control['control']}, which knows nothing, scores "
        f"{number(control['mean'])} there"
        if control
        else ""
    )
    return (
        f"On {row['metric']}{lower} {a} has a mean of {number(row['mean_a'])} and {b} one of "
        f"{number(row['mean_b'])} over {count(row['n'], 'case')}: a difference of "
        f"{number(row['difference'], sign=True)} ({ends}{p}); {outcome}{aside}."
    )


def _coverage(report: Row) -> Iterator[Said]:
    if rows := report.get("rows_used"):
        yield "coverage", f"Of the cases that were brought: {rows}.", {}
    for row in report["denominators"]:
        yield "coverage", _counted(row), row


def _counted(row: Row) -> str:
    """What came of a model's planned responses of one kind."""
    parts = [f"{row[name]:,} {name}" for name in ("malformed", "refused", "failed") if row[name]]
    trouble = f" ({', '.join(parts)})" if parts else ""
    return (
        f"Of {row['planned']:,} planned {row['test_case']} answers of {row['model']} {row['scored']:,} were "
        f"scored and {row['unscored']:,} were not{trouble}."
    )


def _rounds(report: Row) -> Iterator[Said]:
    how = report["configuration"]
    for row in report.get("rounds", {}).get("agreement", ()):
        if row["metric"] in how["primary_metrics"].values() and known(row["alike"]):
            text = (
                f"On {row['metric']} two rounds of a case gave {row['model']} the same score in "
                f"{percent(row['alike'])} of all pairs of rounds, over {count(row['n'], 'case')}."
            )
            yield "rounds", text, {name: row[name] for name in ("n", "alike", "intraclass")}


def _cost(report: Row) -> Iterator[Said]:
    how = report["configuration"]
    for row in report.get("serving", ()):
        if known(row["difference"]) and row["measure"] in MEASURES:
            yield "cost", served(row, how["alpha"]), {name: row[name] for name in ("difference", "n")}
    for row in report["results_summary"]["cost"]:
        if known(row["cost_usd"]):
            text = f"{count(row['priced'], 'answer')} of {row['model']} cost US$ {number(row['cost_usd'], 4)}"
            per = f", US$ {number(row['cost_usd_per_1000'])} per 1,000."
            yield "cost", text + per, {"cost_usd": row["cost_usd"]}
        if known(row["latency_s_median"]):
            yield "cost", waited(row), {name: row[name] for name in ("latency_s_median", "queue_s_median")}


def served(row: Row, alpha: float) -> str:
    """The paired difference of two models in seconds or dollars per answer."""
    unit, factor = MEASURES[row["measure"]]
    a, b, gap = (factor * row[name] for name in ("mean_a", "mean_b", "difference"))
    low, high = (factor * row[end] if known(row[end]) else None for end in ("ci_low", "ci_high"))
    ends = ends_text(alpha, low, high)
    return (
        f"{row['model_a']} takes {number(a)} {unit}, {row['model_b']} {number(b)}, over the same "
        f"{count(row['n'], 'case')}: {number(gap, sign=True)} ({ends})."
    )


def waited(row: Row) -> str:
    """A model's median latency, and the provider's queue and the service apart where they are known."""
    whole = f"Half of {row['model']}'s answers came within {number(row['latency_s_median'], 2)} s"
    queue = row["queue_s_median"]
    return whole + (f", of which {number(queue, 2)} s is the queue's median." if known(queue) else ".")


def _validator(report: Row) -> Iterator[Said]:
    found = report.get("validator")
    if not found:
        return
    for name, what in (("caught", "spoilt"), ("false_alarms", "sound")):
        row = found[name]
        ends = f"{level(found['alpha'])} interval {interval(row['low'], row['high'])}"
        yield (
            "validator",
            f"The validator refused {row['refused']} of {row['judged']} {what} cases that it was not told "
            f"of ({ends}).",
            {"refused": row["refused"], "judged": row["judged"]},
        )


SAYERS = (
    *(_decision, _contenders, _comparisons, _controls, _sensitivity, _cost, _delivery, _coverage, _rounds),
    _validator,
)


def _unusable(decision: Row) -> dict[str, str]:
    """{kind: what became of its answers}, of kinds that decide nothing for want of usable ones."""
    return {row["kind"]: row["why_not"] for row in decision.get("kinds", ()) if row.get("undelivered")}


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
    unusable = _unusable(decision)
    for kind, why in unusable.items():
        steps[f"usable_{kind}"] = f"See to it that answers to {kind_name(kind)} come in usable form: {why}."
    if any(row["disqualifies"] and row["test_case"] not in unusable for row in report.get("controls", ())):
        steps["metric"] = "Decide on a metric that answers that know nothing do not pass."
    if decision["warnings"]:
        steps["mend"] = "See to the warnings first: they weaken whatever is decided."
    steps["read"] = "Read the answers on which the models differ most, side by side, before deciding."
    return steps
