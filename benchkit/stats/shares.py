"""Shares of cases, delivered, right, right in all rounds, and how far the rounds of a case agree."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import comb

from benchkit.stats.checks import Array, Labels, require, rounds_table
from benchkit.stats.estimates import NAN, t_quantile
from benchkit.stats.strata import stratified


@dataclass(frozen=True, slots=True)
class Proportion:
    """A share of n trials with its Wilson score interval; NaN where n is 0."""

    successes: int
    n: int
    share: float
    ci_low: float
    ci_high: float


@dataclass(frozen=True, slots=True)
class PassHatK:
    """pass^k: the chance that k rounds of a case are all right, averaged over cases."""

    k: int
    share: float  # NaN where no case has k scored rounds
    standard_error: float  # cases, or families of cases, as units; NaN under 2
    n: int  # cases with at least k scored rounds
    low: float  # interval at level 1 − alpha, see `share_interval`
    high: float


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far rounds of the same case agree; NaN where no case has two scored rounds."""

    n: int  # cases with at least two scored rounds
    alike: float  # 0..1: share of pairs of rounds with the same score, averaged over cases
    intraclass: float  # ICC(1): share of the variance that lies between cases; NaN where all scores are equal


def case_means(values: ArrayLike) -> Array:
    """Mean over the scored rounds of each case: (…, cases, rounds) in, (…, cases) out; NaN if none is."""
    array = rounds_table(values)
    counts = (~np.isnan(array)).sum(axis=-1)
    return np.divide(np.nansum(array, axis=-1), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def proportion(successes: int, n: int, *, alpha: float = 0.05) -> Proportion:
    """A share of independent trials with its Wilson (1927) interval, such as planted faults caught."""
    fits = 0 <= successes <= n
    require(fits, f"{successes} successes of {n} trials is impossible; give 0 ≤ successes ≤ n.")
    if n == 0:
        return Proportion(0, 0, NAN, NAN, NAN)
    low, high = wilson(successes / n, n, t_quantile(alpha / 2, math.inf))
    return Proportion(successes, n, successes / n, low, high)


def share_interval(
    each: ArrayLike, families: Labels | None = None, *, rounds: int = 1, alpha: float = 0.05
) -> tuple[float, float, float, float]:
    """(share, standard error, low, high) of a mean over cases of values in 0..1, (cases,), NaN for none.

    A case's value may be its share over `rounds`. Wilson's interval with the effective sample size
    p(1 − p)/SE² and t in place of z (Korn and Graubard 1998): never outside 0..1, and not empty where all
    cases are alike; there, and at most, every round is a trial of its own or every case, whichever is known.
    """
    values = np.asarray(each, dtype=np.float64)
    e = stratified(values, None, None, families, alpha=alpha)
    if not e.n:
        return NAN, NAN, NAN, NAN
    p, units = min(1.0, max(0.0, e.estimate)), e.units
    alike = float(np.nanmax(values) - np.nanmin(values)) < 1e-12
    known = not alike and e.se > 0
    size = min(p * (1 - p) / e.se**2, float(e.n * rounds)) if known else float(units)
    low, high = wilson(p, size, t_quantile(alpha / 2, e.df if known else math.inf))
    return e.estimate, 0.0 if alike and e.n > 1 else e.se, low, high


def wilson(share: float, n: float, z: float) -> tuple[float, float]:
    """[p + z²/2n ± z√(p(1 − p)/n + z²/4n²)]/(1 + z²/n)."""
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n)
    return (0.0 if share == 0 else max(0.0, low)), (1.0 if share == 1 else min(1.0, high))


def pass_hat_k(
    values: ArrayLike, k: int | None = None, *, families: Labels | None = None, alpha: float = 0.05
) -> PassHatK:
    """pass^k from 0/1 scores (cases, rounds) with NaN; k is the number of rounds where it is not given.

    Each case's estimate is C(right, k)/C(scored, k), none with fewer than k scored rounds (Yao et al. 2024);
    cases, or families, are the units. Raises UsageError for scores other than 0 and 1.
    """
    array = rounds_table(values)
    rounds = array.shape[1]
    k = k or rounds
    scored = ~np.isnan(array)
    binary = bool(np.isin(array[scored], (0.0, 1.0)).all())
    require(binary, "pass^k needs scores of 0 or 1; this metric has values between.")
    right, ways = np.where(scored, array, 0.0).sum(axis=1), comb(scored.sum(axis=1), k)
    each = np.divide(comb(right, k), ways, out=np.full(len(array), np.nan), where=ways > 0)
    share, error, low, high = share_interval(each, families, rounds=max(1, rounds // k), alpha=alpha)
    return PassHatK(k, share, error, int((ways > 0).sum()), low, high)


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
