"""The best two models' difference in U, in two other ways: in other categories, and resampled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .evidence import Evidence

if TYPE_CHECKING:
    import numpy as np

MOST_CASES = 5_000  # above which resampling takes long and says what the t interval says


def elsewhere(evidence: Evidence, top: int, next_best: int) -> dict[str, Any] | None:
    """The difference for categories other than these, which are then a sample; None under two of them."""
    from ..stats import other_categories

    pair = evidence.pairs[top][next_best]
    labels = [str(label) for kind in evidence.kinds for label in kind.measured.category]
    if pair is None or not pair.n or len(set(labels)) < 2:
        return None
    found = other_categories(_gaps(evidence, top, next_best), labels, pair.coefficients, alpha=pair.alpha)
    return {
        "model": evidence.models[top],
        "against": evidence.models[next_best],
        "categories": found.families,
        "difference": found.estimate,
        "low": found.low,
        "high": found.high,
        "p_value": found.p_value,
    }


def resampled_pair(evidence: Evidence, top: int, next_best: int) -> dict[str, Any] | None:
    """BCa interval and sign flips over all cases, kinds and categories fixed; None above MOST_CASES."""
    from ..stats import design, resampled

    strata = {
        f"{kind.name}: {label}": kind.weight * weight
        for kind in evidence.kinds
        for label, weight in zip(kind.design.labels, kind.design.weights, strict=True)
    }
    cases = [f"{kind.name}: {kind.design.labels[at]}" for kind in evidence.kinds for at in kind.design.strata]
    family = [str(label) for kind in evidence.kinds for label in kind.measured.family]
    if len(cases) > MOST_CASES:
        return None
    whole = design(len(cases), cases, strata, family if any(family) else None)
    found = resampled(_gaps(evidence, top, next_best), whole, alpha=evidence.rules.alpha)
    return {"low": found.low, "high": found.high, "p_sign_flip": found.p_sign_flip}


def _gaps(evidence: Evidence, top: int, next_best: int) -> np.ndarray:
    import numpy as np

    return np.concatenate([kind.gain[top] - kind.gain[next_best] for kind in evidence.kinds])
