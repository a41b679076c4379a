"""From the evidence to one outcome: deploy, equivalent, split or inconclusive."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .evidence import LEAST_CASES, Evidence, Kind

if TYPE_CHECKING:
    from ..stats import Contrasts, Estimate

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
    return [row for kind in evidence.kinds for row in _floors(evidence, kind)]


def _floors(evidence: Evidence, kind: Kind) -> list[Floor]:
    key, margin = f"floors at {evidence.alpha()}", evidence.rules.margin
    if key not in kind.found:
        kind.found[key] = [_floor(evidence, kind, i, margin) for i in range(len(evidence.models))]
    return kind.found[key]


def _floor(evidence: Evidence, kind: Kind, i: int, margin: float) -> Floor:
    rows = []
    for j, one in enumerate(kind.pairs[i]):
        if one is not None:
            low, high = ends(evidence, one)
            # Differences that are all equal have no interval: they are held against the margin as they are.
            bottom, top = (one.estimate, one.estimate) if one.se == 0 else (low, high)
            shown, held = top < -margin, bottom > -margin
            row = Floor(kind.name, kind.metric, i, j, one.estimate, low, high, shown, held)
            rows.append((not shown, top if shown else -math.inf if math.isnan(bottom) else bottom, row))
    return min(rows, key=lambda one: one[:2])[2]


def safe(evidence: Evidence) -> list[int]:
    """The models that are shown, on every kind, not to be worse than any other by more than the margin."""
    fallen = {row.model for row in floors(evidence) if not row.held}
    return [i for i in range(len(evidence.models)) if i not in fallen]


def by_kind(evidence: Evidence) -> dict[str, Contrasts]:
    """Each kind's own comparison with the best."""
    return {kind.name: kind.contrasts(evidence.alpha()) for kind in evidence.kinds}


def conclude(evidence: Evidence, prefer: list[int] | None = None) -> Outcome:
    """The outcome of DESIGN's rules, and the model that it names.

    A model is deployed where its U is shown above that of every other one and it is shown, on every kind,
    not to be worse than any other by more than the margin. Equivalent are contenders that all lie within the
    margin; of those that are safe on every kind the first in `prefer` (cheapest first) is named, and none
    where `prefer` does not rank them. Split: two kinds whose contenders have no model in common. Under
    LEAST_CASES, or where a model has no measurement: inconclusive.
    """
    if not evidence.kinds or evidence.lost or evidence.n < LEAST_CASES:
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
    from ..stats import equivalent as within

    found = evidence.contrasts
    among = [i for i, one in enumerate(found.contender) if one]
    if len(among) < 2:
        return []
    alpha, span = evidence.alpha(2) / 2, max(kind.span for kind in evidence.kinds)
    shown = within(evidence.pairs, among, evidence.rules.margin, alpha=alpha, span=span)
    return sorted(among, key=lambda i: -found.difference[i]) if shown.equivalent else []


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
    found = by_kind(evidence)
    among = {kind: {i for i, one in enumerate(of.contender) if one} for kind, of in found.items()}
    if not any(among[a].isdisjoint(among[b]) for a in among for b in among):
        return None
    picked = {kind: int(of.difference.argmax()) for kind, of in found.items()}
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

    parts = [(k, one) for k in evidence.kinds if (one := k.pairs[picked[k.name]][single]) is not None]
    if not parts:
        return 0.0, 0.0, 0.0
    share = sum(kind.weight for kind, _ in parts)
    one = combine([one for _, one in parts], [kind.weight for kind, _ in parts])
    low, high = ends(evidence, one)
    return share * one.estimate, share * low, share * high


def ends(evidence: Evidence, one: Estimate) -> tuple[float, float]:
    """The interval of an estimate at 1 − alpha; NaN for none, as of equal differences."""
    at = one.at(evidence.alpha())
    return at.low, at.high
