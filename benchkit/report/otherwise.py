"""Whether the decision would stand otherwise, as facts, and what a reader may do next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..decide.people import verdict
from ..decide.prices import in_dollars
from ..decide.saying import aim
from ..wording import count, ends_text, interval, kind_name, known, listed, number, p_equals, percent, say

Row = Mapping[str, Any]
Said = Iterator[tuple[str, Row]]  # a sentence, and the row that it is said of


def sensitivity(report: Row) -> Said:
    """Whether the outcome stands: what is unscored, each category, the weights, and what would settle it."""
    found, alpha = report["decision"]["sensitivity"] or {}, report["configuration"]["alpha"]
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
            text = (
                "On {metric} {model_a} − {model_b} {varies} (F({df1:g}, {df2:g}) = {f}, {p}, at a level of "
                "{alpha:g})."
            )
            varies = "differs between categories"
            if row["p_value"] > alpha:
                varies = "is not shown to differ by category"
            f, p = number(row["f"], 2), p_equals(row["p_value"])
            yield say(text, row, varies=varies, p=p, f=f, alpha=alpha, df2=round(row["df2"], 1)), row
    yield from _other_ways(found, alpha)
    if need := report["decision"]["needed"]:
        yield _needed(need), need


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


def _other_ways(found: Row, alpha: float) -> Said:
    """The best two models' difference in categories other than these, and without the t distribution."""
    row = found.get("elsewhere")
    if row and known(row["low"]) and known(row["high"]):
        better = row["model"] if row["low"] > 0 else row["against"] if row["high"] < 0 else ""
        verdict = f"{better} is shown better there" if better else "no difference is shown there"
        text = (
            "For categories other than these {categories}, of which these would be a sample, {model} stands "
            "{difference:+} against {against} ({ends}): {verdict}."
        )
        yield say(text, row, ends=ends_text(alpha, row["low"], row["high"]), verdict=verdict), row
    row = found.get("resampled")
    if row and known(row["p_sign_flip"]):
        text = (
            "Resampled, without the t distribution, {model} against {against} has {p} by sign flips ({ends})."
        )
        ends = ends_text(alpha, row["low"], row["high"], "BCa ")
        yield say(text, row, p=p_equals(row["p_sign_flip"]), ends=ends), row


def _needed(need: Row) -> str:
    """How many cases would settle it, and at what price."""
    told = in_dollars(need["cost_usd"], *(need[name] for name in ("counted", "left_out") if name in need))
    price = f", {told}" if told else ""
    which = listed(map(kind_name, need["kinds"]))
    text = f"{need['cases']:,} {which} in all, {need['more']:,} more than now{price}, "
    if need["what"] == "least":
        return text + "are the least that anything is decided on."
    return text + f"have a chance of {percent(need['power'])} {aim(need)}."


def unusable(decision: Row) -> dict[str, str]:
    """{kind: what became of its answers}, of kinds that decide nothing for want of usable ones."""
    return {row["kind"]: row["why_not"] for row in decision["kinds"] if row.get("undelivered")}


def next_steps(report: Row) -> dict[str, str]:
    """What a reader may do next as far as the decision supports it, by id."""
    decision, how = report["decision"], report.get("configuration", {})
    lost, by_people, steps = unusable(decision), how.get("decided_by") == "people", {}
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
    if by_people and decision["outcome"] != "deploy":
        steps["label"] = verdict(report.get("people", {}), how["models"])[2]
    for kind, why in lost.items():
        steps[f"usable_{kind}"] = f"See to it that answers to {kind_name(kind)} come in usable form: {why}."
    spoilt = {(row["test_case"], row["metric"]) for row in report.get("controls", ()) if row["disqualifies"]}
    primary = how.get("primary_metrics", {}).items()
    if not by_people and any(of in spoilt and of[0] not in lost for of in primary):
        steps["metric"] = "Decide on a metric that answers that know nothing do not pass."
    if decision["warnings"]:
        steps["mend"] = "See to the warnings first: they weaken whatever is decided."
    steps["read"] = "Read the answers on which the models differ most, side by side, before deciding."
    return {name: step for name, step in steps.items() if step}
