"""The best two models' difference in other ways: in each category, in other categories, and resampled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from .evidence import Evidence

MOST_CASES = 5_000  # above which resampling takes long and says what the t interval says


def heterogeneous(evidence: Evidence, top: int, next_best: int) -> Iterator[dict[str, Any]]:
    """Whether the difference varies between the categories of a kind: the F test, and each one's own."""
    from ..stats import by_category, heterogeneity

    for kind in evidence.kinds:
        gap, family, labels = kind.gain[top] - kind.gain[next_best], kind.measured.family, kind.labels
        if len(set(labels)) < 2:
            continue
        found = heterogeneity(gap, labels)
        each = by_category(gap, labels, family if any(family) else None, alpha=evidence.alpha())
        yield {
            **{"kind": kind.name, "metric": kind.metric},
            **_named(evidence, top, next_best, "model_a", "model_b"),
            **dict(zip(("f", "df1", "df2", "p_value"), found, strict=True)),
            "categories": [
                {"category": name, "n": labels.count(name), "difference": one.estimate}
                | {"low": one.low, "high": one.high}
                for name, one in ((name, one.within(kind.reach)) for name, one in each.items())
            ],
        }


def elsewhere(evidence: Evidence, top: int, next_best: int) -> dict[str, Any] | None:
    """The difference for categories other than these, which are then a sample; None under two of them."""
    from ..stats import other_categories

    pair = evidence.pairs[top][next_best]
    labels = [label for kind in evidence.kinds for label in kind.labels]
    if pair is None or not pair.n or len(set(labels)) < 2:
        return None
    found = other_categories(_gaps(evidence, top, next_best), labels, pair.coefficients, alpha=pair.alpha)
    found = found.within(evidence.reach)
    return {
        **_named(evidence, top, next_best),
        **{"categories": found.families, "difference": found.estimate},
        **{"low": found.low, "high": found.high, "p_value": found.p_value},
    }


def _named(
    evidence: Evidence, top: int, next_best: int, a: str = "model", b: str = "against"
) -> dict[str, str]:
    return {a: evidence.models[top], b: evidence.models[next_best]}


def resampled_pair(evidence: Evidence, top: int, next_best: int) -> dict[str, Any] | None:
    """BCa interval and sign flips over all cases, kinds and categories fixed; None above MOST_CASES."""
    from ..stats import design, resampled

    strata = {
        f"{kind.name}: {label}": share * weight
        for kind, share in evidence.weighed
        for label, weight in zip(kind.design.labels, kind.design.weights, strict=True)
    }
    cases = [f"{kind.name}: {kind.design.labels[at]}" for kind in evidence.kinds for at in kind.design.strata]
    family = [str(label) for kind in evidence.kinds for label in kind.measured.family]
    if len(cases) > MOST_CASES:
        return None
    whole = design(len(cases), cases, strata, family if any(family) else None)
    found = resampled(_gaps(evidence, top, next_best), whole, alpha=evidence.alpha())
    ends = {"low": found.low, "high": found.high, "p_sign_flip": found.p_sign_flip}
    return _named(evidence, top, next_best) | ends


def _gaps(evidence: Evidence, top: int, next_best: int) -> np.ndarray:
    return np.concatenate([kind.gain[top] - kind.gain[next_best] for kind in evidence.kinds])
