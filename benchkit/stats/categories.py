"""What categories do to a difference: how it varies over them, and what it would be in others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import fdtrc, ndtr
from scipy.stats import f_oneway

from benchkit.stats.checks import Labels
from benchkit.stats.estimates import NAN, Estimate, t_quantile
from benchkit.stats.strata import design, stratified


def heterogeneity(
    d: ArrayLike, strata: Labels, families: Labels | None = None
) -> tuple[float, float, float, float]:
    """(F, its two degrees of freedom, p) that the difference is the same in every category.

    One-way analysis of variance with C − 1 and n − C degrees of freedom, cases as units; where cases come in
    families, `_of_families`. NaN where it cannot be made.
    """
    values = np.asarray(d, dtype=np.float64)
    whole = design(len(values), strata, None, families)
    codes = np.where(np.isnan(values), -1, whole.strata)
    groups = [values[codes == code] for code in np.unique(codes) if code >= 0]
    between, within = len(groups) - 1, sum(map(len, groups)) - len(groups)
    if between < 1 or within < 1 or not any(np.ptp(group) for group in groups):
        return NAN, between, within, NAN
    if whole.families is not None:
        return _of_families([one for one in by_category(d, strata, families).values() if one.n])
    found = f_oneway(*groups)
    return float(found.statistic), between, within, float(found.pvalue)


def _of_families(each: Sequence[Estimate]) -> tuple[float, float, float, float]:
    """Wald's F of equal categories from their CR2 estimates, with Hotelling's degrees of freedom.

    With D the covariance of q contrasts, F = (η − q + 1)/(ηq) · Q on q and η − q + 1 degrees of freedom, η
    from those of the categories' own errors (Zhang 2013), at most the families less 1. Simulated without a
    difference, p is .05 or less in 0 to 6 % of tables (tests/test_stats_strata.py).
    """
    q, values = len(each) - 1, np.array([one.estimate for one in each])
    if not all(one.se > 0 and one.df > 0 for one in each):
        return NAN, q, NAN, NAN
    moved = np.array([one.influence for one in each])
    contrasts = np.hstack([-np.ones((q, 1)), np.eye(q)])
    inverse = np.linalg.pinv(contrasts @ moved @ moved.T @ contrasts.T)
    part = np.diag(contrasts.T @ inverse @ contrasts) * np.array([one.se**2 for one in each])
    part = part * q / part.sum()
    known = q * (q + 1) / (2 * float(np.sum(part**2 / np.array([one.df for one in each]))))
    free = min(known, float(np.count_nonzero(moved.any(axis=0))) - 1) - q + 1
    if free <= 0:
        return NAN, q, NAN, NAN
    gap = contrasts @ values
    f = free / ((free + q - 1) * q) * float(gap @ inverse @ gap)
    return f, q, free, float(fdtrc(q, free, f))


def by_category(
    d: ArrayLike, strata: Labels, families: Labels | None = None, *, alpha: float = 0.05
) -> dict[str, Estimate]:
    """Each category's own mean difference, with the error that it has among the others."""
    whole = design(len(strata), strata, None, families)
    alone = np.eye(len(whole.labels))
    return {
        label: stratified(d, replace(whole, weights=alone[at]), alpha=alpha)
        for at, label in enumerate(whole.labels)
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
    return known.at(alpha)


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
