"""Every statement that a run supports, in our words: what the report says and what the agent chooses from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..wording import count, interval, known, level, number, p_equals, percent

Row = Mapping[str, Any]
# The topics in the order of their weight, with the heading that a passage of the commentary gets.
TOPICS = {
    "decision": "What the decision rests on",
    "warning": "What weakens it",
    "comparison": "Where the models differ",
    "coverage": "What was scored",
    "rounds": "Asking again",
    "cost": "Cost and speed",
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
    said = [*_decision(report), *_comparisons(report), *_coverage(report), *_rounds(report)]
    said += [*_cost(report), *_validator(report)]
    return list(_numbered(said))


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


def _comparisons(report: Row) -> Iterator[Said]:
    rows = [row for row in report["comparisons"] if known(row["difference"])]
    for row in sorted(rows, key=lambda row: not row["primary"]):
        keys = ("n", "mean_a", "mean_b", "difference", "ci_low", "ci_high", "p_adjusted")
        yield "comparison", comparison(row, report["configuration"]), {name: row[name] for name in keys}


def comparison(row: Row, how: Row) -> str:
    """One comparison in a sentence: both means, the difference with its interval, and the outcome."""
    a, b = row["model_a"], row["model_b"]
    outcome = {
        "better_a": f"{a} is shown to be better",
        "better_b": f"{b} is shown to be better",
    }.get(row["outcome"], "no difference is shown")
    lower = ", where lower is better," if row["metric"] in how["lower_is_better"] else ""
    ends = f"{level(how['alpha'])} interval {interval(row['ci_low'], row['ci_high'])}"
    p = f", {p_equals(row['p_adjusted'])}" if known(row["p_adjusted"]) else ""
    return (
        f"On {row['metric']}{lower} {a} has a mean of {number(row['mean_a'])} and {b} one of "
        f"{number(row['mean_b'])} over {count(row['n'], 'case')}: a difference of "
        f"{number(row['difference'], sign=True)} ({ends}{p}); {outcome}."
    )


def _coverage(report: Row) -> Iterator[Said]:
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
    ends = f"{level(alpha)} interval {interval(low, high)}"
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


def next_steps(report: Row) -> dict[str, str]:
    """What a reader may do next as far as the decision supports it, by id."""
    decision = report["decision"]
    steps = {}
    if decision["outcome"] == "deploy":
        steps["deploy"] = f"Deploy {decision['model']}."
    if decision["outcome"] in ("inconclusive", "split"):
        steps["more_cases"] = "Add cases, as many as the decision names, before deciding."
    if decision["warnings"]:
        steps["mend"] = "See to the warnings first: they weaken whatever is decided."
    steps["read"] = "Read the answers on which the models differ most, side by side, before deciding."
    steps["done"] = "Nothing more needs to be measured for this question."
    return steps
