"""Whether the decision stands: what was not measured, each category, and the weights of the kinds."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from .beside import elsewhere, heterogeneous, resampled_pair
from .deciding import Outcome, conclude
from .evidence import LEAST_CASES, Evidence, Kind
from .table import Measured

if TYPE_CHECKING:
    from ..stats import Estimate

STEPS = 10  # weights are moved in steps of a tenth


def sensitivity(evidence: Evidence, base: Outcome, prefer: list[int]) -> dict[str, Any]:
    """What the outcome would be otherwise; {} where nothing decides. See `benchkit.decide` for the keys."""
    if not evidence.usable:
        return {}
    top, next_best = evidence.order[:2]
    return {
        "unscored": unscored(evidence, base, prefer, top, next_best),
        "categories": (each := list(_without_each(evidence, base, prefer, top, next_best))),
        "expected_changes": sum(row["expected"] for row in each) if each else None,
        "heterogeneity": [*heterogeneous(evidence, top, next_best)],
        "elsewhere": elsewhere(evidence, top, next_best),
        "resampled": resampled_pair(evidence, top, next_best),
        "weights": (moved := _moved(evidence, prefer)),
        "holds": list(_holds(evidence, base, moved)),
    }


def unscored(
    evidence: Evidence, base: Outcome, prefer: list[int], top: int, next_best: int
) -> dict[str, Any] | None:
    """The best two models' difference if all that is unscored went against the best one, and for it.

    A metric without an end takes the worst and best value that was seen. None where nothing is unscored.
    """
    missing = sum(int(np.isnan(kind.measured.values).sum()) for kind in evidence.kinds)
    if not missing:
        return None
    told, ends = [], []
    for way in (-1, 1):
        other = evidence.with_scores(k.measured.filled(_fill(k.measured, top, way)) for k in evidence.kinds)
        told.append(conclude(other, prefer))
        pair = other.pairs[top][next_best]
        ends.append(float("nan") if pair is None else pair.estimate)
    return {
        "model": evidence.models[top],
        "against": evidence.models[next_best],
        "n_unscored": missing,
        "worst": ends[0],
        "best": ends[1],
        "changes": any(one != base for one in told),
    }


def _fill(one: Measured, top: int, way: int) -> list[float]:
    """One value a model: for `top` the good end where `way` is 1, for the others the other end."""
    low, high = one.metric.low, one.metric.high
    ends = [float(np.nanmin(one.values)) if low is None else low]
    ends += [float(np.nanmax(one.values)) if high is None else high]
    bad, good = ends if one.sign > 0 else reversed(ends)
    return [
        (good if way > 0 else bad) if i == top else (bad if way > 0 else good) for i in range(len(one.models))
    ]


def _without_each(
    evidence: Evidence, base: Outcome, prefer: list[int], top: int, next_best: int
) -> Iterator[dict[str, Any]]:
    """The outcome without each category in turn, and the chance of a change if it were like the others."""
    names = sorted({label for kind in evidence.kinds for label in kind.labels})
    for name in names if len(names) > 1 else ():
        if not all(_weighs(kind, evidence, name) for kind in evidence.kinds):
            continue
        part = evidence.with_scores(k.measured.only(k.measured.category != name) for k in evidence.kinds)
        outcome = conclude(part, prefer)
        full, rest = evidence.pairs[top][next_best], part.pairs[top][next_best]
        assert full is not None
        assert rest is not None
        few = outcome != base and _too_few(evidence, part, base)
        yield {
            "without": name,
            "outcome": "" if few else outcome[0],
            "model": "" if few else outcome[1],
            "too_few": few,
            "changes": outcome != base and not few,
            "expected": 0.0 if few else _expected(evidence, full, rest, base),
        }


def _too_few(evidence: Evidence, part: Evidence, base: Outcome) -> bool:
    """Whether a rule about the number of cases alone forbids what all of them allowed."""
    from ..stats import cases_for_equivalence

    if part.n < LEAST_CASES:
        return evidence.n >= LEAST_CASES
    span = max(kind.span for kind in evidence.kinds)
    least = cases_for_equivalence(evidence.rules.margin, evidence.alpha(2) / 2, span=span)
    weighs = min(1 / one.coefficients.max() for row in part.pairs for one in row if one and one.n)
    return base[0] == "equivalent" and weighs < least


def _expected(evidence: Evidence, full: Estimate, rest: Estimate, base: Outcome) -> float:
    """The chance of a change by lost cases alone: of a difference, or of lying within the margin."""
    from ..stats import expected_change

    if base[0] == "equivalent":
        return expected_change(full, rest, evidence.alpha(2), margin=evidence.rules.margin)
    return expected_change(full, rest, evidence.alpha())


def _weighs(kind: Kind, evidence: Evidence, without: str) -> bool:
    """Whether a kind has a case of another category, and one with a weight."""
    weights = evidence.rules.category_weights
    return any(label != without and (not weights or weights[label]) for label in kind.labels)


def _moved(evidence: Evidence, prefer: list[int]) -> list[dict[str, Any]]:
    """The outcome as one kind's weight goes from 0 to 1, the others keeping their proportions."""
    if len(evidence.kinds) < 2:
        return []
    rows = []
    # With two kinds the second's weight is what the first leaves.
    for at, kind in enumerate(evidence.kinds if len(evidence.kinds) > 2 else evidence.kinds[:1]):
        rest = 1 - evidence.weights[at]
        for step in range(STEPS + 1):
            weight = step / STEPS
            others = {k.name: (1 - weight) * v / rest for k, v in evidence.weighed if k is not kind}
            outcome, model = conclude(evidence.weighted(others | {kind.name: weight}), prefer)
            rows.append({"kind": kind.name, "weight": weight, "outcome": outcome, "model": model})
    return rows


def _holds(evidence: Evidence, base: Outcome, moved: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Per kind the weights around its own at which the outcome is the same: {kind, low, high}."""
    for kind, own in evidence.weighed:
        steps = {r["weight"]: (r["outcome"], r["model"]) == base for r in moved if r["kind"] == kind.name}
        below = sorted((w for w in steps if w <= own), reverse=True)
        above = sorted(w for w in steps if w >= own)
        low, high = ([own, *takewhile(steps.__getitem__, part)][-1] for part in (below, above))
        if steps:
            yield {"kind": kind.name, "low": low, "high": high}
