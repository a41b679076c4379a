"""What a case's rounds say together: all k right, and how far they agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import comb

from benchkit.stats.checks import Array, require, rounds_table
from benchkit.stats.means import NAN, case_means


@dataclass(frozen=True, slots=True)
class PassHatK:
    """pass^k: the chance that k rounds of a case are all right, averaged over cases."""

    k: int
    share: float  # NaN where no case has k scored rounds
    standard_error: float  # cases as units; NaN under 2 cases
    n: int  # cases with at least k scored rounds
    left_out: int  # cases with fewer


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far rounds of the same case agree; NaN where no case has two scored rounds."""

    n: int  # cases with at least two scored rounds
    alike: float  # 0..1: share of pairs of rounds with the same score, averaged over cases
    intraclass: float  # ICC(1): share of the variance that lies between cases; NaN where all scores are equal


def pass_hat_k_cases(values: ArrayLike, k: int | None = None) -> Array:
    """Each case's C(right, k)/C(scored, k) from 0/1 scores (cases, rounds); NaN with fewer than k scored.

    With k None it is the number of rounds, and the estimate is 1 where all are right, else 0 (Yao et al.
    2024).
    """
    array = rounds_table(values)
    k = array.shape[1] if k is None else k
    require(k >= 1, f"k is {k}; pass^k needs at least 1 round.")
    scored = ~np.isnan(array)
    binary = bool(np.isin(array[scored], (0.0, 1.0)).all())
    require(binary, "pass^k needs scores of 0 or 1; this metric has values between.")
    right, counts = np.where(scored, array, 0.0).sum(axis=1), scored.sum(axis=1)
    ways = comb(counts, k)
    return np.divide(comb(right, k), ways, out=np.full(len(array), np.nan), where=ways > 0)


def pass_hat_k(values: ArrayLike, k: int | None = None) -> PassHatK:
    """pass^k over all cases from 0/1 scores (cases, rounds) with NaN; k defaults to the number of rounds."""
    each = pass_hat_k_cases(values, k)
    kept = each[~np.isnan(each)]
    error = float(kept.std(ddof=1) / math.sqrt(kept.size)) if kept.size > 1 else NAN
    return PassHatK(
        k=rounds_table(values).shape[1] if k is None else k,
        share=float(kept.mean()) if kept.size else NAN,
        standard_error=error,
        n=int(kept.size),
        left_out=int(each.size - kept.size),
    )


def round_agreement(values: ArrayLike, *, tolerance: float = 1e-9) -> Agreement:
    """Agreement between rounds, (cases, rounds) with NaN; scores within `tolerance` count as the same."""
    array = rounds_table(values)
    array = array[(~np.isnan(array)).sum(axis=1) > 1]
    if not len(array):
        return Agreement(0, NAN, NAN)
    pairs = np.zeros(len(array))
    same = np.zeros(len(array))
    for i, j in combinations(range(array.shape[1]), 2):
        gap = np.abs(array[:, i] - array[:, j])
        pairs += ~np.isnan(gap)
        same += gap <= tolerance
    return Agreement(len(array), float(np.mean(same / pairs)), _intraclass(array))


def _intraclass(array: Array) -> float:
    """ICC(1) of a one-way analysis of variance with unequal numbers of rounds."""
    scored = ~np.isnan(array)
    counts, total, cases = scored.sum(axis=1), int(scored.sum()), len(array)
    if cases < 2:
        return NAN
    means = case_means(array)
    grand = float(np.nansum(array)) / total
    between = float(np.sum(counts * (means - grand) ** 2)) / (cases - 1)
    within = float(np.nansum((array - means[:, None]) ** 2)) / (total - cases)
    per_case = (total - float(np.sum(counts**2)) / total) / (cases - 1)
    spread = between + (per_case - 1) * within
    return (between - within) / spread if spread > 0 else NAN
