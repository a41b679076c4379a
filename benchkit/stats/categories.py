"""What categories do to a difference: how it varies over them, and what it would be in others."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, ndtr

from benchkit.stats.checks import Labels, require
from benchkit.stats.estimates import NAN, Estimate, interval_at, t_quantile
from benchkit.stats.sampling import Design, design
from benchkit.stats.strata import stratified


@dataclass(frozen=True, slots=True)
class Heterogeneity:
    """The F test that the difference is the same in every category; NaN where it cannot be made."""

    f: float
    df_between: float
    df_within: float
    p_value: float


def heterogeneity(d: ArrayLike, strata: Labels | Design) -> Heterogeneity:
    """F = [Σ n_c (d̄_c − d̄)²/(C − 1)]/s² with C − 1 and n − C df, s² as in `stratified`; cases as units."""
    values, codes, labels = _scored(d, strata)
    sizes = np.bincount(codes, minlength=len(labels))
    sizes_used = sizes[sizes > 0]
    between, within = len(sizes_used) - 1, len(values) - len(sizes_used)
    if between < 1 or within < 1:
        return Heterogeneity(NAN, float(between), float(within), NAN)
    means = np.bincount(codes, values, len(labels)) / np.maximum(sizes, 1)
    inside = float(np.sum((values - means[codes]) ** 2)) / within
    across = float(np.sum(sizes * (means - values.mean()) ** 2)) / between
    f = across / inside if inside > 0 else NAN
    return Heterogeneity(f, float(between), float(within), float(fdtrc(between, within, f)))


def by_category(
    d: ArrayLike, strata: Labels, families: Labels | None = None, *, alpha: float = 0.05
) -> dict[str, Estimate]:
    """Each category's own mean difference, with the error that `stratified` gives it."""
    labels = sorted({str(label) for label in strata})
    return {
        label: stratified(
            d, strata, {other: float(other == label) for other in labels}, families, alpha=alpha
        )
        for label in labels
    }


def other_categories(
    d: ArrayLike, strata: Labels, coefficients: ArrayLike | None = None, *, alpha: float = 0.05
) -> Estimate:
    """The mean difference in categories like these: the categories are the sample.

    With w_c the weight of a category, Δ = Σ w_c d̄_c and SE² = Σ w_c² (d̄_c − Δ)²/(1 − w_c): CR2 (Bell and
    McCaffrey 2002) of a weighted mean, with their df. `coefficients` are the cases' weights, for U those of
    its `Estimate` over the cases of all kinds; by default all cases weigh the same. NaN under 2 categories.
    """
    values = np.asarray(d, dtype=np.float64)
    whole = design(len(values), strata)
    kept = ~np.isnan(values)
    weight = np.where(kept, 1.0 if coefficients is None else np.asarray(coefficients, dtype=np.float64), 0.0)
    weight = weight / (weight.sum() or 1.0)
    shares = np.bincount(whole.strata, weight, len(whole.labels))
    used = shares > 0
    sums = np.bincount(whole.strata, weight * np.where(kept, values, 0.0), len(whole.labels))[used]
    w = shares[used]
    estimate = float(sums.sum()) if len(w) else NAN
    if len(w) < 2:
        se, df = NAN, NAN
    else:
        influence = (sums - w * estimate) / np.sqrt(1 - w)
        across = w**2 / (1 - w)
        se = math.sqrt(float(influence @ influence))
        df = 1 / float(w @ w + across.sum() ** 2 - across @ across)
    known = Estimate(estimate, se, df, NAN, NAN, NAN, alpha, int(kept.sum()), 1, int(used.sum()))
    return interval_at(known, alpha)


def expected_change(full: Estimate, part: Estimate, alpha: float, *, margin: float = 0.0) -> float:
    """The chance that `part`, made of some of the cases of `full`, differs in significance by that alone.

    With a `margin` above 0: that it does not show the equivalence within it that `full` shows, by two
    one-sided tests at alpha/2 each.

    If what was left out is like the rest, the smaller sample's estimate is normal around the whole one's, its
    variance larger by SE_part² − SE_full². Many changes that were to be expected are lost cases, no finding.
    """
    if not (full.se > 0 and part.se > 0):
        return NAN
    reach = t_quantile(alpha / 2, part.df) * part.se
    room = math.sqrt(max(part.se**2 - full.se**2, (0.01 * full.se) ** 2))
    centre = abs(full.estimate)
    if margin:
        inside = margin - reach
        return (
            1 - float(ndtr((inside - centre) / room) - ndtr((-inside - centre) / room)) if inside > 0 else 1.0
        )
    significant = float(ndtr((centre - reach) / room) + ndtr((-centre - reach) / room))
    return 1 - significant if full.p_value <= alpha else significant


def _scored(d: ArrayLike, strata: Labels | Design) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    values = np.asarray(d, dtype=np.float64)
    whole = strata if isinstance(strata, Design) else design(len(values), strata)
    require(whole.n == len(values), f"d has {len(values)} cases and the design {whole.n}.")
    kept = ~np.isnan(values)
    return values[kept], whole.strata[kept], whole.labels
