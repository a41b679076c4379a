"""From the evidence to one outcome: deploy, equivalent, split or inconclusive."""

from __future__ import annotations

import math
from itertools import combinations
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .evidence import LEAST_CASES, Evidence, Kind, contrasts

if TYPE_CHECKING:
    from ..stats import Contrasts

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
    low: float  # NaN: no error is known, so nothing is excluded
    high: float
    shown_worse: bool  # by more than the margin
    held: bool  # shown not to be worse by more than the margin; or equal to the other on every case


def floors(evidence: Evidence) -> list[Floor]:
    """Every model's worst standing on every kind that decides."""
    margin = evidence.rules.margin
    return [_floor(evidence, kind, i, margin) for kind in evidence.kinds for i in range(len(evidence.models))]


def _floor(evidence: Evidence, kind: Kind, i: int, margin: float) -> Floor:
    rows = []
    for j, one in enumerate(kind.pairs[i]):
        if one is not None:
            low, high = ends(evidence, one)
            rows.append(
                Floor(kind.name, kind.metric, i, j, one.estimate, low, high, high < -margin, low > -margin)
            )
    worse = [row for row in rows if row.shown_worse]
    pick = min(worse, key=lambda row: row.high) if worse else min(rows, key=_depth)
    return pick


def _depth(row: Floor) -> float:
    return -math.inf if math.isnan(row.low) else row.low


def safe(evidence: Evidence) -> list[int]:
    """The models that are shown, on every kind, not to be worse than any other by more than the margin."""
    fallen = {row.model for row in floors(evidence) if not row.held}
    return [i for i in range(len(evidence.models)) if i not in fallen]


def by_kind(evidence: Evidence) -> dict[str, Contrasts]:
    """Each kind's own comparison with the best."""
    return {
        kind.name: contrasts(kind.pairs, evidence.rules.alpha, evidence.first_cases)
        for kind in evidence.kinds
    }


def conclude(evidence: Evidence, prefer: list[int] | None = None) -> Outcome:
    """The outcome of DESIGN's rules, and the model that it names.

    A model is deployed where its U is shown above that of every other one and it is shown, on every kind, not to be
    worse than any other by more than the margin. Equivalent are contenders that all lie within the margin;
    of those the first in `prefer` (cheapest first) is named that is safe on every kind. Split: two kinds whose
    contenders have no model in common. Under LEAST_CASES, or where a model has no measurement: inconclusive.
    """
    if not evidence.kinds or evidence.lost or evidence.n < LEAST_CASES:
        return INCONCLUSIVE
    held, same = safe(evidence), equivalent(evidence)
    for i in held:
        if evidence.contrasts.low[i] > 0:
            return "deploy", evidence.models[i]
    for i in sorted(same, key=(prefer or same).index):
        if i in held:
            return "equivalent", evidence.models[i]
    if routing(evidence):
        return "split", ""
    return INCONCLUSIVE


def equivalent(evidence: Evidence) -> list[int]:
    """The contenders, best first, where all lie within the margin of each other; [] where that is not shown.

    Each kind needs weight · ln(1/alpha)/margin cases: n cases without an outright failure leave a share of
    them possible below ln(1/alpha)/n (the rule of three, Hanley and Lippman-Hand 1983).
    """
    found = evidence.contrasts
    among = [i for i, one in enumerate(found.contender) if one]
    pairs = [(i, j) for i, j in combinations(among, 2)]
    if not pairs or not all(_enough(evidence, i, j) and _within(evidence, i, j) for i, j in pairs):
        return []
    return sorted(among, key=lambda i: -found.difference[i])


def _enough(evidence: Evidence, i: int, j: int) -> bool:
    least = math.log(1 / evidence.rules.alpha) / evidence.rules.margin
    return all(one.n >= k.weight * least for k in evidence.kinds if (one := k.pairs[i][j]) is not None)


def _within(evidence: Evidence, i: int, j: int) -> bool:
    """Two one-sided tests at alpha; all pairs at once are an intersection-union, which needs no adjustment."""
    one, margin = evidence.pairs[i][j], evidence.rules.margin
    assert one is not None
    low, high = ends(evidence, one, 2 * evidence.rules.alpha)
    return -margin < low <= high < margin


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
    over = int(evidence.contrasts.difference.argmax())
    each = [_gain(evidence, picked, single) for single in range(len(evidence.models))]
    # The best single model is not known: the gain over it is the least of the gains over each.
    return Routing(picked, over, *(min(values) for values in zip(*each, strict=True)))


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


def ends(evidence: Evidence, one: object, alpha: float | None = None) -> tuple[float, float]:
    """The interval of an estimate at 1 − alpha; at a later look the one that holds at any number of looks."""
    from ..stats import Estimate

    assert isinstance(one, Estimate)
    if one.se == 0:
        return one.estimate, one.estimate
    at = one.at(evidence.rules.alpha if alpha is None else alpha)
    return at.low, at.high
