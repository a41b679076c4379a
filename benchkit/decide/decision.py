"""The decision as metrics_report.json holds it: the outcome, what it stands on, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import pandas as pd

from ..run.rows import REMEDY
from ..wording import count, kind_name
from .controls import disqualified
from .deciding import INCONCLUSIVE, Floor, Outcome, conclude, equivalent, floors, routing
from .evidence import LEAST_CASES, SHARE, Evidence, gather, utility_ends
from .needed import needed
from .people import UNSEEN, chosen_by, people_in_words, preferred_to
from .rules import Rules
from .saying import Said, because, caveat, sentence, serving_words
from .sensitivity import sensitivity
from .serving import cheapest_first, facing
from .table import complete


@dataclass(frozen=True)
class Beside:
    """What a decision is read with, beside the scores."""

    serving: pd.DataFrame | None = None  # the table of `compare_serving`
    prices: pd.DataFrame | None = None  # dollars of one answer: model, test_case, cost_usd
    looks: Mapping[str, Any] | None = None  # sizes now and at the first look, where this is a later one
    late: Sequence[str] = ()  # what was named after results were seen
    doubt: str = ""  # that the judge on whose verdicts it rests is often wrong
    noted: Sequence[str] = ()  # other warnings, the most important first
    rounds: int = 1
    people: Mapping[str, Any] = field(default_factory=dict)  # what `decide.people` makes of labels


def decide(
    scores: pd.DataFrame,
    rules: Rules | None = None,
    *,
    controls: pd.DataFrame | None = None,
    beside: Beside | None = None,
) -> dict[str, Any]:
    """The decision of a table of scores: id, model, round, metric, value; optional test_case, category,
    family.

    `controls` is the table of `control_table`. The docstring of `benchkit.decide` describes what comes back.
    Raises UsageError where the rules do not fit the scores, InputError for scores that cannot be compared.
    """
    scores = complete(scores)
    beside = beside or Beside(rounds=int(scores["round"].nunique()))
    look = beside.looks["cases"] / beside.looks["first_cases"] if beside.looks else 0.0
    spoilt = {} if controls is None else disqualified(controls)
    return decided(gather(scores, rules or Rules(), spoilt, look=look), beside)


def decided(evidence: Evidence, beside: Beside | None = None) -> dict[str, Any]:
    """The decision that the evidence allows."""
    beside = beside or Beside()
    if evidence.rules.people_decide:
        return _by_people(evidence, beside)
    known = evidence.usable and beside.serving is not None
    prefer = cheapest_first(beside.serving, evidence.models, evidence.contenders) if known else []
    said = _said(evidence, conclude(evidence, prefer), beside)
    changes = sensitivity(evidence, said.outcome, prefer)
    people = [people_in_words(beside.people)] if beside.people else []
    unseen = [] if people else [UNSEEN]
    seen = [*_looked(beside.looks), *beside.noted]
    first = " ".join(filter(None, [beside.doubt, caveat(said, beside.late, changes, [*seen, *unseen])]))
    every = [*beside.late, *evidence.few, *seen, *_evidence_notes(evidence), *unseen]
    return plain(
        {
            "outcome": said.outcome[0],
            "model": said.outcome[1],
            "sentence": sentence(said),
            "because": because(said, [*people, *serving_words(said, beside.serving)]),
            "caveat": first,
            "cases": evidence.n,
            "contenders": evidence.contenders if evidence.usable else list(evidence.models),
            "kinds": list(_kinds(evidence)),
            "utility": list(_utility(evidence)),
            "floors": list(_floors(evidence)),
            "split": _split(said),
            "savings": said.savings,
            "needed": said.needed,
            "looks": beside.looks,
            "sensitivity": changes,
            "warnings": [line for line in dict.fromkeys(every) if line not in first],
        }
    )


def _by_people(evidence: Evidence, beside: Beside) -> dict[str, Any]:
    """The decision where the rules let people decide: the metrics correct their labels, and no more."""
    model, why_not = chosen_by(beside.people, evidence.models)
    sentence = f"Deploy {model}: people prefer it" if model else f"No decision yet: {why_not}"
    first, *rest = [*beside.late, *evidence.few, *_looked(beside.looks), *beside.noted] or [""]
    aside = {"weight": 0.0, "decides": False, "why_not": "people decide, and it corrects their labels"}
    return plain(
        {
            "outcome": "deploy" if model else "inconclusive",
            "model": model,
            "sentence": f"{sentence}.",
            "because": [people_in_words(beside.people)],
            "caveat": first,
            "cases": beside.people.get("cases", 0),
            "contenders": [model] if model else list(evidence.models),
            "kinds": [row | aside for row in _kinds(evidence)],
            "utility": [],
            "floors": [],
            **dict.fromkeys(("split", "savings", "needed")),
            "looks": beside.looks,
            "sensitivity": {},
            "warnings": list(dict.fromkeys(rest)),
        }
    )


def _said(evidence: Evidence, outcome: Outcome, beside: Beside) -> Said:
    """The outcome with what its words need."""
    if not evidence.usable:
        return Said(evidence, outcome)
    if outcome[0] == "deploy" and (other := preferred_to(beside.people, outcome[1])):
        return Said(evidence, INCONCLUSIVE, preferred=other)
    if outcome[0] == "split":
        return Said(evidence, outcome, routing=routing(evidence))
    if outcome[0] != "inconclusive":
        return Said(evidence, outcome, savings=_savings(evidence, outcome, beside.serving))
    floor = _open_floor(evidence)
    return Said(evidence, outcome, floor, needed=needed(evidence, floor, beside.prices, beside.rounds))


def _open_floor(evidence: Evidence) -> Floor | None:
    """The floor that keeps a model from being named: the best one, or the best of equivalent ones."""
    if evidence.n < LEAST_CASES:
        return None
    best = [i for i, low in enumerate(evidence.contrasts.low) if low > 0] or equivalent(evidence)
    fallen = [row for row in floors(evidence) if row.model in best[:1] and not row.held]
    return min(fallen, key=lambda row: row.low if row.low == row.low else -math.inf, default=None)


def _kinds(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Every kind with what decides on it, its share of U, and the cases that it rests on."""
    for kind, weight in evidence.weighed:
        row = {"kind": kind.name, "metric": kind.metric, "weight": weight, "decides": True, "why_not": ""}
        row |= {"n": kind.shared, "planned": kind.planned}
        yield row | {"undefined": kind.planned - len(kind.measured.ids), "undelivered": False}
    for one in evidence.aside:
        row = {"kind": one.name, "metric": one.metric, "weight": 0.0, "decides": False}
        row |= {"why_not": one.why_not, "n": one.n, "planned": one.planned}
        yield row | {"undefined": None, "undelivered": one.undelivered}


def _utility(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for i, model in enumerate(evidence.models) if evidence.usable else ():
        found = evidence.contrasts
        yield {
            "model": model,
            "mean": evidence.mean(i),
            "difference": found.difference[i],
            **dict(zip(("low", "high"), utility_ends(evidence, i), strict=True)),
            "contender": found.contender[i],
        }


def _floors(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for row in floors(evidence) if evidence.usable else ():
        yield asdict(row) | {"model": evidence.models[row.model], "against": evidence.models[row.against]}


def _split(said: Said) -> dict[str, Any] | None:
    one, models = said.routing, said.evidence.models
    if one is None:
        return None
    routed = {kind: models[i] for kind, i in one.models.items()}
    return {"routing": routed, "over": models[one.over], "gain": one.gain, "low": one.low, "high": one.high}


def _savings(evidence: Evidence, outcome: Outcome, serving: pd.DataFrame | None) -> dict[str, Any] | None:
    """What 1,000 answers of the equivalent model that is named take less than those of the best other one."""
    if outcome[0] != "equivalent" or not outcome[1] or serving is None:
        return None
    than = next(model for model in evidence.contenders if model != outcome[1])
    row: dict[str, Any] = {"model": outcome[1], "than": than}
    for measure, name in (("cost_usd", "cost_usd"), ("service_s", "seconds"), ("latency_s", "seconds")):
        found = facing(serving, measure, outcome[1], than)
        if found and f"{name}_per_1000" not in row:
            less, low, high = (-1000 * one for one in (found[0], found[2], found[1]))
            row |= {f"{name}_per_1000": less, f"{name}_low": low, f"{name}_high": high}
    return row


def _looked(looks: Mapping[str, Any] | None) -> Iterator[str]:
    if looks:
        size = f"{looks['first_cases']:,} cases in {count(looks['first_rounds'], 'round')}"
        yield (
            f"Results were seen before, of {size}: the intervals here "
            "are the wider ones that hold however often one looks."
        )


def _evidence_notes(evidence: Evidence) -> Iterator[str]:
    """What the estimates themselves warn of."""
    for name in (kind.metric for kind in evidence.kinds if kind.measured.metric.unit == SHARE):
        yield f"{name} has a range of its own: differences on it are shares of it, to be added to others."
    for kind in evidence.kinds:
        metric, left = kind.measured.metric, kind.planned - len(kind.measured.ids)
        if left:
            remedy = f" {REMEDY}" if "requirements" in metric.reads else ""
            yield (
                f"On {kind_name(kind.name)}: {metric.name} is undefined for {left:,} of "
                f"{count(kind.planned, 'case')}: {metric.undefined}.{remedy}"
            )
        for note in dict.fromkeys(n for row in kind.pairs for one in row if one for n in one.warnings):
            yield f"On {kind_name(kind.name)}: {note[0].lower()}{note[1:]}"


def plain(value: Any) -> Any:
    """A value as JSON holds it: Python's own types, None for NaN and infinity."""
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and not math.isfinite(value) else value
