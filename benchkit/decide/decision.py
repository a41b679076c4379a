"""The decision as metrics_report.json holds it: the outcome, what it stands on, and how it is said."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..run.rows import REMEDY
from ..wording import count, kind_name
from .comparing import Less, takes_less
from .controls import disqualified
from .deciding import INCONCLUSIVE, Outcome, conclude, floors, open_floor, routing
from .evidence import SHARE, Evidence, gather, utility_ends
from .needed import needed
from .people import UNSEEN, people_in_words, preferred_to, verdict
from .prices import NOT_KNOWN, Prices
from .rules import Rules
from .saying import Said, because, caveat, sentence, serving_words
from .sensitivity import sensitivity
from .table import complete


@dataclass(frozen=True)
class Beside:
    """What a decision is read with, beside the scores."""

    serving: pd.DataFrame | None = None  # the table of `compare_serving`
    prices: Prices = NOT_KNOWN
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
    found = _by_people(evidence, beside) if evidence.rules.people_decide else _by_metrics(evidence, beside)
    first, every = found["caveat"], [*beside.late, *evidence.few, *found.pop("warnings")]
    warnings = [line for line in dict.fromkeys(every) if line not in first]
    return plain(found | {"looks": beside.looks, "warnings": warnings})


def _by_metrics(evidence: Evidence, beside: Beside) -> dict[str, Any]:
    known = evidence.usable and beside.serving is not None
    prefer = takes_less(beside.serving) if known else {}
    said = _said(evidence, prefer, beside)
    changes = sensitivity(evidence, lambda other: published(other, prefer, beside.people)[0])
    people = [people_in_words(beside.people)] if beside.people else []
    unseen = [] if people else [UNSEEN]
    seen = [*_looked(beside.looks), *beside.noted]
    first = caveat(said, beside.late, changes.get("unscored"), [*seen, *unseen])
    return {
        "outcome": said.outcome,
        "model": said.named,
        "sentence": sentence(said),
        "because": because(said, [*people, *serving_words(said, beside.serving)]),
        "caveat": " ".join(filter(None, [beside.doubt, first])),
        "cases": evidence.n,
        "contenders": evidence.contenders if evidence.usable else list(evidence.models),
        "kinds": list(_kinds(evidence)),
        "utility": list(_utility(evidence)),
        "floors": floors(evidence) if evidence.usable else [],
        "split": said.routing,
        "needed": said.needed,
        "sensitivity": changes,
        "warnings": [*seen, *_evidence_notes(evidence), *unseen],
    }


def _by_people(evidence: Evidence, beside: Beside) -> dict[str, Any]:
    """The decision where the rules let people decide: the metrics correct their labels, and no more."""
    model, why_not, _ = verdict(beside.people, evidence.models)
    sentence = f"Deploy {model}: people prefer it" if model else f"No decision yet: {why_not}"
    seen = [*_looked(beside.looks), *beside.noted]
    aside = {"weight": 0.0, "decides": False, "why_not": "people decide, and it corrects their labels"}
    return {
        "outcome": "deploy" if model else "inconclusive",
        "model": model,
        "sentence": f"{sentence}.",
        "because": [people_in_words(beside.people)],
        "caveat": next(iter([*beside.late, *evidence.few, *seen]), ""),
        "cases": beside.people.get("cases", 0),
        "contenders": [model] if model else list(evidence.models),
        "kinds": [row | aside for row in _kinds(evidence)],
        "utility": [],
        "floors": [],
        "split": None,
        "needed": None,
        "sensitivity": {},
        "warnings": seen,
    }


def published(evidence: Evidence, prefer: Less | None, people: Mapping[str, Any]) -> tuple[Outcome, str]:
    """The outcome, and the model that people are shown to prefer to the one that it would else deploy."""
    outcome = conclude(evidence, prefer)
    other = preferred_to(people, outcome[1]) if outcome[0] == "deploy" else ""
    return INCONCLUSIVE if other else outcome, other


def _said(evidence: Evidence, prefer: Less, beside: Beside) -> Said:
    """The outcome with what its words need."""
    outcome, preferred = published(evidence, prefer, beside.people)
    if preferred or not evidence.usable:
        return Said(evidence, *outcome, preferred=preferred)
    if outcome[0] == "split":
        return Said(evidence, *outcome, routing=routing(evidence))
    if outcome[0] != "inconclusive":
        return Said(evidence, *outcome, prefer=prefer)
    floor = open_floor(evidence)
    return Said(evidence, *outcome, floor, needed=needed(evidence, floor, beside.prices, beside.rounds))


def _kinds(evidence: Evidence) -> Iterator[dict[str, Any]]:
    """Every kind with what decides on it, its share of U, and the cases that it rests on."""
    for kind, weight in evidence.weighed:
        row = {"kind": kind.name, "metric": kind.metric, "weight": weight, "decides": True, "why_not": ""}
        row |= {"n": kind.measured.shared, "planned": kind.planned}
        yield row | {"undefined": kind.planned - len(kind.measured.ids), "undelivered": False}
    for one in evidence.aside:
        row = {"kind": one.name, "metric": one.metric, "weight": 0.0, "decides": False}
        row |= {"why_not": one.why_not, "n": one.n, "planned": one.planned}
        yield row | {"undefined": None, "undelivered": one.undelivered}


def _utility(evidence: Evidence) -> Iterator[dict[str, Any]]:
    for i, model in enumerate(evidence.models) if evidence.usable else ():
        found, (low, high) = evidence.contrasts, utility_ends(evidence, i)
        row = {"model": model, "difference": found.difference[i]}
        yield row | {"low": low, "high": high, "contender": found.contender[i]}


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
        if ignored := kind.measured.weightless:
            cases = f"{ignored:,} of {count(kind.planned + ignored, 'case')}"
            yield f"On {kind_name(kind.name)}: {cases} have a category of weight 0, and count nowhere."
        if left:
            remedy = f" {REMEDY}" if "requirements" in metric.reads else ""
            yield (
                f"On {kind_name(kind.name)}: {metric.name} is undefined for {left:,} of "
                f"{count(kind.planned, 'case')}: {metric.undefined}.{remedy}"
            )
        asked = kind.measured.asked.sum(axis=(1, 2))
        for model, n in zip(evidence.models, asked, strict=True):
            if n < asked.max():
                yield (
                    f"On {kind_name(kind.name)}: {model} was never asked for {asked.max() - n:,} of "
                    f"{count(int(asked.max()), 'answer')}; it is compared by the others."
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
