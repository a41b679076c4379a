"""From the evidence to one outcome: deploy, equivalent, split or inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from .evidence import LEAST_CASES, Evidence, Kind

Outcome = tuple[str, str]  # what it is, and the model that it names ("" for none)
INCONCLUSIVE: Outcome = ("inconclusive", "")


@dataclass(frozen=True)
class Floor:
    """One model on one kind, against the other that it stands worst against; differences are its gains."""

    kind: str
    metric: str
    model: int
    against: int
    difference: float
    low: float  # NaN: no error is known
    high: float
    shown_worse: bool  # by more than the margin
    held: bool  # shown not to be worse by more than the margin; or equal to the other on every case


def floors(evidence: Evidence) -> list[Floor]:
    """Every model's worst standing on every kind that decides."""
    margin = evidence.rules.margin
    return [_floor(kind, i, margin) for kind in evidence.kinds for i in range(len(evidence.models))]


def _floor(kind: Kind, i: int, margin: float) -> Floor:
    rows = []
    for j, one in enumerate(kind.pairs[i]):
        if one is not None:
            # Differences that are all equal have no interval: they are held against the margin as they are.
            bottom, top = (one.estimate, one.estimate) if one.se == 0 else (one.low, one.high)
            shown, held = top < -margin, bottom > -margin
            row = Floor(kind.name, kind.metric, i, j, one.estimate, one.low, one.high, shown, held)
            rows.append((not shown, top if shown else -math.inf if math.isnan(bottom) else bottom, row))
    return min(rows, key=lambda one: one[:2])[2]


def safe(evidence: Evidence) -> list[int]:
    """The models that are shown, on every kind, not to be worse than any other by more than the margin."""
    fallen = {row.model for row in floors(evidence) if not row.held}
    return [i for i in range(len(evidence.models)) if i not in fallen]


def conclude(evidence: Evidence, prefer: list[int] | None = None) -> Outcome:
    """The outcome of DESIGN's rules, and the model that it names.

    A model is deployed where its U is shown above that of every other one and it is shown, on every kind,
    not to be worse than any other by more than the margin. Equivalent are contenders that all lie within the
    margin; of those that are safe on every kind the first in `prefer` (cheapest first) is named, and none
    where `prefer` does not rank them. Split: two kinds whose contenders have no model in common. Under
    LEAST_CASES, or where a model has no measurement: inconclusive.
    """
    if not evidence.usable or evidence.n < LEAST_CASES:
        return INCONCLUSIVE
    held, same = safe(evidence), equivalent(evidence)
    for i in held:
        if evidence.contrasts.low[i] > 0:
            return "deploy", evidence.models[i]
    if taken := [i for i in same if i in held]:
        ranked = [i for i in prefer or () if i in taken]
        first = taken if len(taken) == 1 else ranked if len(ranked) == len(taken) else []
        return "equivalent", evidence.models[first[0]] if first else ""
    if routing(evidence):
        return "split", ""
    return INCONCLUSIVE


def equivalent(evidence: Evidence) -> list[int]:
    """The contenders, best first, where all are shown to lie within the margin of each other; else []."""
    from ..stats import equivalence_p

    found = evidence.contrasts
    among = [i for i, one in enumerate(found.contender) if one]
    if len(among) < 2:
        return []
    alpha, span = evidence.alpha(2) / 2, max(kind.span for kind in evidence.kinds)
    p = equivalence_p(evidence.pairs, among, evidence.rules.margin, span=span)
    return sorted(among, key=lambda i: -found.difference[i]) if p <= alpha else []


@dataclass(frozen=True)
class Routing:
    """Each kind's own model, over the best single one; `gain` in U with its interval."""

    models: dict[str, int]
    over: int
    gain: float
    low: float
    high: float


def routing(evidence: Evidence) -> Routing | None:
    """The best model of each kind, where two kinds have no contender in common; else None."""
    among = [{i for i, one in enumerate(kind.contrasts.contender) if one} for kind in evidence.kinds]
    if not any(a.isdisjoint(b) for a, b in combinations(among, 2)):
        return None
    picked = {kind.name: int(kind.contrasts.difference.argmax()) for kind in evidence.kinds}
    over = evidence.order[0]
    each = [_gain(evidence, picked, single) for single in range(len(evidence.models))]
    # The best single model is not known: the gain over it is the least of the gains over each.
    return Routing(picked, over, *(_least(values) for values in zip(*each, strict=True)))


def _least(values: Sequence[float]) -> float:
    """The least; NaN where one is not known."""
    return math.nan if any(math.isnan(one) for one in values) else min(values)


def _gain(evidence: Evidence, picked: dict[str, int], single: int) -> tuple[float, float, float]:
    """(estimate, low, high) of routing over one model for everything."""
    from ..stats import combine

    pairs = ((kind.pairs[picked[kind.name]][single], weight) for kind, weight in evidence.weighed)
    parts = [(one, weight) for one, weight in pairs if one is not None]
    if not parts:
        return 0.0, 0.0, 0.0
    estimates, weights = zip(*parts, strict=True)
    one, share = combine(estimates, weights, alpha=evidence.alpha()), sum(weights)
    one = one.within(evidence.reach / share)
    return share * one.estimate, share * one.low, share * one.high
