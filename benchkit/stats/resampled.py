"""Two answers that assume less than t, as details beside it: a bootstrap interval and sign flips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import bootstrap, permutation_test

from benchkit.stats.checks import Array, Labels
from benchkit.stats.estimates import NAN
from benchkit.stats.strata import Design, design, stratified

FEWEST_DRAWN = 10  # cases or families: of fewer, a bootstrap's interval is far too short
BATCH = 2_000_000  # random numbers that are held at a time


@dataclass(frozen=True, slots=True)
class Resampled:
    """NaN under 2 cases or families; the interval also under FEWEST_DRAWN, and where all are alike."""

    low: float  # BCa interval of the estimate at level 1 − alpha
    high: float
    p_sign_flip: float  # two-sided: each case's (or family's) sign could as well be the other


def resampled(
    d: ArrayLike,
    strata: Labels | Design | None = None,
    families: Labels | None = None,
    *,
    alpha: float = 0.05,
    resamples: int = 2000,
    seed: int = 0,
) -> Resampled:
    """BCa bootstrap (Efron 1987) and sign-flip test (Fisher 1935) of `stratified`'s estimate, by scipy.stats.

    Units are cases, or families where they are given. A unit's share of the estimate, times the number of
    units, is what is flipped; for the bootstrap less what its category alone explains, so that categories
    stay fixed. Exact flips up to 11 units, else `resamples` random ones. Memory is bounded; time grows with
    cases × resamples: for a pair that matters, not for all of many.
    """
    values = np.asarray(d, dtype=np.float64)
    whole = strata if isinstance(strata, Design) else design(len(values), strata, None, families)
    e = stratified(values, whole, alpha=alpha)
    kept = e.coefficients > 0
    shares = (e.coefficients * np.nan_to_num(values))[kept]
    totals = np.bincount(whole.strata[kept], shares, len(whole.labels))
    counts = np.bincount(whole.strata[kept], minlength=len(whole.labels))
    centred = shares - (totals / np.maximum(counts, 1))[whole.strata[kept]]
    flips, draws = (_of_units(part, whole, kept) for part in (shares, centred))
    if len(flips) < 2:
        return Resampled(NAN, NAN, NAN)
    rng, batch = np.random.default_rng(seed), max(1, BATCH // len(flips))
    p = permutation_test(
        (flips,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=batch,
        rng=rng,
    ).pvalue
    if len(draws) < FEWEST_DRAWN or np.ptp(draws) <= 1e-12 * (1 + float(np.abs(draws).max())):
        return Resampled(NAN, NAN, float(p))
    ends = bootstrap(
        (e.estimate + draws,),
        np.mean,
        confidence_level=1 - alpha,
        method="BCa",
        n_resamples=resamples,
        batch=batch,
        rng=rng,
    ).confidence_interval
    return Resampled(float(ends.low), float(ends.high), float(p))


def _of_units(parts: Array, whole: Design, kept: np.ndarray) -> Array:
    if whole.families is None:
        return parts * len(parts)
    codes = np.unique(whole.families[kept], return_inverse=True)[1]
    sums = np.bincount(codes, parts).astype(np.float64)
    return sums * len(sums)
