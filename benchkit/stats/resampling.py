"""Bootstrap and sign flips for a mean of cases or of whole clusters, in bounded memory.

scipy's `bootstrap` and `permutation_test` do the same for any statistic; a mean has a closed jackknife and,
with many cases, closed resampling distributions, which makes thousands of comparisons affordable. Results
do not depend on the order of the cases, and swapping A and B mirrors them exactly.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, ndtri

from benchkit.stats.checks import Array

EXACT_UNITS = 14  # 2^13 sign patterns are enumerated, more are sampled
LARGE = 2000  # units from which the expansions below are closer than 2,000 random resamples
SMOOTH = 0.2  # largest skewness or kurtosis of the mean itself for which they are used
BATCH = 2_000_000  # random numbers held at a time


def bca_interval(
    sums: Array, sizes: Array, *, alpha: float, seed: int, resamples: int
) -> tuple[float, float]:
    """Bias-corrected accelerated bootstrap interval (Efron 1987) of Σ sums / Σ sizes, units resampled whole.

    `sums` and `sizes` have shape (units,): a case is its value and 1, a cluster its sum and its number of
    cases.
    """
    sums, sizes, sign = _canonical(sums, sizes)
    mean = float(sums.sum() / sizes.sum())
    influence = (sums - mean * sizes) * (len(sums) / sizes.sum())
    spread = math.sqrt(float(np.mean(influence**2)) / len(sums))
    skew, kurtosis = _shape_of_mean(influence)
    tails = ndtri(np.array([alpha / 2, 1 - alpha / 2]))
    if len(sums) > LARGE and max(abs(skew), abs(kurtosis)) < SMOOTH:
        levels = _bca_levels(tails, skew / 6, _acceleration(sums, sizes))
        ends = mean + spread * _cornish_fisher(ndtri(np.clip(levels, 1e-9, 1 - 1e-9)), skew, kurtosis)
    else:
        means = _resampled_means(sums, sizes, seed, resamples)
        levels = _bca_levels(tails, _bias(means, mean, spread), _acceleration(sums, sizes))
        ends = np.quantile(means, levels)
    low, high = float(ends[0]), float(ends[1])
    if not sign:
        low, high = (low - high) / 2, (high - low) / 2
    return (low, high) if sign >= 0 else (-high, -low)


def sign_flip_p(sums: Array, *, seed: int, resamples: int) -> float:
    """Two-sided p of Σ sums if each unit's sign could as well be the other: exact up to 14 units."""
    ordered = np.sort(np.abs(sums))
    observed = abs(float(sums.sum())) - 1e-9 * float(ordered.sum())
    total = float(ordered @ ordered)
    kurtosis = -2 * float(np.sum(ordered**4)) / total**2 if total else 0.0
    if len(sums) <= EXACT_UNITS:
        return float(np.mean(np.abs(_all_flips(ordered)) >= observed))
    if len(sums) > LARGE and abs(kurtosis) < SMOOTH:
        z = max(observed, 0.0) / math.sqrt(total)
        edgeworth = math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * kurtosis * (z**3 - 3 * z) / 24
        return min(1.0, max(0.0, 2 * (float(ndtr(-z)) + edgeworth)))
    beyond = int(np.sum(np.abs(_random_flips(ordered, seed, resamples)) >= observed))
    return (beyond + 1) / (resamples + 1)


def _canonical(sums: Array, sizes: Array) -> tuple[Array, Array, int]:
    """Units in value order, mirrored where that is lexicographically larger: A−B and B−A look alike.

    The sign is -1 where they were mirrored, 0 where they are their own mirror image.
    """
    up, down = np.lexsort((sizes, sums)), np.lexsort((sizes, -sums))
    changed = np.flatnonzero(sums[up] + sums[down])
    if changed.size and sums[up][changed[0]] < -sums[down][changed[0]]:
        return -sums[down], sizes[down], -1
    uneven = np.flatnonzero(sizes[up] != sizes[down])
    if not changed.size and uneven.size and sizes[up][uneven[0]] > sizes[down][uneven[0]]:
        return -sums[down], sizes[down], -1
    return sums[up], sizes[up], 1 if changed.size or uneven.size else 0


def _resampled_means(sums: Array, sizes: Array, seed: int, resamples: int) -> Array:
    rng, units = np.random.default_rng(seed), len(sums)
    equal = bool(np.all(sizes == sizes[0]))
    means = []
    for rows in _batches(resamples, units):
        drawn = rng.integers(0, units, size=(rows, units), dtype=np.int32)
        weight = units * sizes[0] if equal else sizes[drawn].sum(axis=1)
        means.append(sums[drawn].sum(axis=1) / weight)
    return np.concatenate(means)


def _batches(resamples: int, units: int) -> list[int]:
    step = max(1, BATCH // units)
    return [min(step, resamples - start) for start in range(0, resamples, step)]


def _bias(means: Array, mean: float, spread: float) -> float:
    """z₀: how far the resampled means lie to one side; ties count half, an empty side as half a resample."""
    gap, near = means - mean, 1e-9 * spread
    below = float(np.mean(gap < -near) + np.mean(np.abs(gap) <= near) / 2)
    least = 0.5 / len(means)
    return float(ndtri(min(max(below, least), 1 - least)))


def _acceleration(sums: Array, sizes: Array) -> float:
    """a from the jackknife, which a ratio of sums has in closed form; 0 where one unit holds everything."""
    left = sizes.sum() - sizes
    jackknife = (sums.sum() - sums) / left
    gap = jackknife.mean() - jackknife
    squares = float(gap @ gap)
    return float(np.sum(gap**3)) / (6 * squares**1.5) if squares else 0.0


def _bca_levels(tails: Array, bias: float, acceleration: float) -> Array:
    shifted = bias + tails
    return ndtr(bias + shifted / np.maximum(1 - acceleration * shifted, 1e-9))


def _shape_of_mean(influence: Array) -> tuple[float, float]:
    """Skewness and excess kurtosis of the resampled mean: those of one draw over √n and n."""
    n, variance = len(influence), float(np.mean(influence**2))
    if not variance:
        return 0.0, 0.0
    skew = float(np.mean(influence**3)) / variance**1.5
    kurtosis = float(np.mean(influence**4)) / variance**2 - 3
    return skew / math.sqrt(n), kurtosis / n


def _cornish_fisher(z: Array, skew: float, kurtosis: float) -> Array:
    """Quantiles of a standardised distribution from its skewness and excess kurtosis."""
    return z + skew * (z**2 - 1) / 6 + kurtosis * (z**3 - 3 * z) / 24 - skew**2 * (2 * z**3 - 5 * z) / 36


def _all_flips(sizes: Array) -> Array:
    """Σ ± sizes over every sign pattern; the first sign is fixed, for the mirror image counts the same."""
    totals = sizes[:1]
    for size in sizes[1:]:
        totals = np.concatenate([totals + size, totals - size])
    return totals


def _random_flips(sizes: Array, seed: int, resamples: int) -> Array:
    rng = np.random.default_rng(seed)
    totals = []
    for rows in _batches(resamples, len(sizes)):
        bits = np.unpackbits(rng.integers(0, 256, (rows, -(-len(sizes) // 8)), dtype=np.uint8), axis=1)
        totals.append(2 * (bits[:, : len(sizes)].astype(np.float64) @ sizes) - sizes.sum())
    return np.concatenate(totals)
