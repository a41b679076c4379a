"""Whether the decision stands: what was not measured, each category, and the weights of the kinds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from .deciding import Outcome, conclude
from .evidence import Evidence, Kind, filled
from .table import Measured

STEPS = 20  # weights are moved in steps of 1/20


def sensitivity(evidence: Evidence, base: Outcome, prefer: list[int]) -> dict[str, Any]:
    """What the outcome would be otherwise; {} where nothing decides. See `benchkit.decide` for the keys."""
    if not evidence.kinds or evidence.lost:
        return {}
    order = evidence.contrasts.difference.argsort()[::-1]
    top, next_best = int(order[0]), int(order[1])
    return {
        "unscored": unscored(evidence, base, prefer, top, next_best),
        "categories": (each := list(_without_each(evidence, base, prefer))),
        "expected_changes": _expected(evidence, base, top, [row.pop("share") for row in each]),
        "heterogeneity": [row for kind in evidence.kinds if (row := _spread(evidence, kind, top, next_best))],
        "weights": (moved := _moved(evidence, prefer)),
        "holds": list(_holds(evidence, base, moved)),
    }


def unscored(
    evidence: Evidence, base: Outcome, prefer: list[int], top: int, next_best: int
) -> dict[str, Any] | None:
    """The best two models' difference if all that is unscored went against the best one, and for it.

    A metric without an end takes the worst and best value that was seen. None where nothing is unscored.
    """
    import numpy as np

    missing = sum(int(np.isnan(kind.measured.values).sum()) for kind in evidence.kinds)
    if not missing:
        return None
    told, ends = [], []
    for way in (-1, 1):
        kinds = tuple(filled(k, _fill(k.measured, top, way), evidence.rules) for k in evidence.kinds)
        other = replace(evidence, kinds=kinds)
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
    import numpy as np

    low, high = one.metric.low, one.metric.high
    ends = [float(np.nanmin(one.values)) if low is None else low]
    ends += [float(np.nanmax(one.values)) if high is None else high]
    bad, good = ends if one.sign > 0 else reversed(ends)
    return [(good if way > 0 else bad) if i == top else (bad if way > 0 else good) for i in range(len(one.models))]


def _without_each(evidence: Evidence, base: Outcome, prefer: list[int]) -> Iterator[dict[str, Any]]:
    """The outcome without each category in turn, where a kind has several."""
    names = sorted({str(one) for kind in evidence.kinds for one in kind.measured.category})
    weights = evidence.rules.category_weights
    for name in names if len(names) > 1 else ():
        kept = [kind.measured.category != name for kind in evidence.kinds]
        left = {c for kind, keep in zip(evidence.kinds, kept, strict=True) for c in kind.measured.category[keep]}
        if not all(keep.any() for keep in kept) or (weights and not sum(weights[str(c)] for c in left)):
            continue
        kinds = (k.only(keep, evidence.rules) for k, keep in zip(evidence.kinds, kept, strict=True))
        outcome = conclude(replace(evidence, kinds=tuple(kinds)), prefer)
        gone = 1 - sum(int(keep.sum()) for keep in kept) / sum(len(keep) for keep in kept)
        yield {
            "without": name,
            "outcome": outcome[0],
            "model": outcome[1],
            "changes": outcome != base,
            "share": gone,
        }


def _expected(evidence: Evidence, base: Outcome, top: int, gone: list[float]) -> float | None:
    """How many categories would change a deploy or no deploy if they all were alike: fewer cases show less.

    With z = difference/SE on all cases and a share f of them gone, z without them is normal around z√(1 − f)
    with variance f; it changes sides of the critical value q with the normal tail beyond it.
    """
    from scipy.special import ndtr

    pairs = [one for one in evidence.pairs[top] if one is not None and one.se > 0]
    if base[0] not in ("deploy", "inconclusive") or not pairs or not gone:
        return None
    from ..stats.estimates import t_quantile

    tail = float(evidence.contrasts.tail[top])
    worst = min(pairs, key=lambda one: one.estimate / one.se)
    z, q = worst.estimate / worst.se, t_quantile(tail, worst.df)
    below = [float(ndtr((q - z * math.sqrt(1 - f)) / math.sqrt(f))) if f > 0 else float(z < q) for f in gone]
    return sum(below) if base[0] == "deploy" else sum(1 - one for one in below)


def _spread(evidence: Evidence, kind: Kind, top: int, next_best: int) -> dict[str, Any] | None:
    """Whether the best two models' difference varies between categories: the F test, and each one's own."""
    from ..stats import heterogeneity, stratified

    labels = kind.measured.category.astype(str)
    gap = kind.gain[top] - kind.gain[next_best]
    if len(set(labels)) < 2:
        return None
    found = heterogeneity(gap, labels)
    each = [(c, stratified(gap[labels == c], alpha=evidence.rules.alpha)) for c in sorted(set(labels))]
    return {
        "kind": kind.name,
        "metric": kind.metric,
        "model_a": evidence.models[top],
        "model_b": evidence.models[next_best],
        "f": found.f,
        "df1": found.df1,
        "df2": found.df2,
        "p_value": found.p_value,
        "categories": [
            {"category": c, "n": e.n, "difference": e.estimate, "low": e.low, "high": e.high} for c, e in each
        ],
    }


def _moved(evidence: Evidence, prefer: list[int]) -> list[dict[str, Any]]:
    """The outcome as one kind's weight goes from 0 to 1, the others keeping their proportions."""
    if len(evidence.kinds) < 2:
        return []
    rows = []
    # With two kinds the second's weight is what the first leaves.
    for kind in evidence.kinds if len(evidence.kinds) > 2 else evidence.kinds[:1]:
        rest = 1 - kind.weight
        for step in range(STEPS + 1):
            weight = step / STEPS
            others = {k.name: (1 - weight) * k.weight / rest for k in evidence.kinds if k is not kind}
            outcome, model = conclude(evidence.weighted(others | {kind.name: weight}), prefer)
            rows.append({"kind": kind.name, "weight": weight, "outcome": outcome, "model": model})
    return rows


def _holds(evidence: Evidence, base: Outcome, moved: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Per kind the weights around its own at which the outcome is the same: {kind, low, high}."""
    for kind in evidence.kinds:
        rows = [row for row in moved if row["kind"] == kind.name]
        same = [row["weight"] for row in rows if (row["outcome"], row["model"]) == base]
        if not rows:
            continue
        low = high = kind.weight
        for weight in sorted((w for w in same if w <= kind.weight), reverse=True):
            if low - weight > 1 / STEPS + 1e-9:
                break
            low = weight
        for weight in sorted(w for w in same if w >= kind.weight):
            if weight - high > 1 / STEPS + 1e-9:
                break
            high = weight
        yield {"kind": kind.name, "low": low, "high": high}
