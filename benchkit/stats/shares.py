"""Shares of cases: delivered, right, right in all rounds; with intervals that know what a case is."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import comb

from benchkit.stats.checks import Array, Labels, check_share, require, rounds_table
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
    left_out: int  # cases with fewer
    low: float  # interval at level 1 − alpha, see `share_interval`
    high: float


def case_means(values: ArrayLike) -> Array:
    """Mean over the scored rounds of each case: (…, cases, rounds) in, (…, cases) out; NaN if none is."""
    array = rounds_table(values)
    counts = (~np.isnan(array)).sum(axis=-1)
    return np.divide(np.nansum(array, axis=-1), counts, out=np.full(counts.shape, np.nan), where=counts > 0)


def proportion(successes: int, n: int, *, alpha: float = 0.05) -> Proportion:
    """A share of independent trials with its Wilson (1927) interval, such as planted faults caught."""
    check_share(alpha, "alpha")
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
    p, units = min(1.0, max(0.0, e.estimate)), e.families or e.n
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


def pass_hat_k_cases(values: ArrayLike, k: int | None = None) -> Array:
    """Each case's C(right, k)/C(scored, k) from 0/1 scores (cases, rounds); NaN with fewer than k scored.

    With k None it is the number of rounds, and the estimate is 1 where all are right, else 0 (Yao et al.
    2024). Raises UsageError for scores other than 0 and 1.
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


def pass_hat_k(
    values: ArrayLike, k: int | None = None, *, families: Labels | None = None, alpha: float = 0.05
) -> PassHatK:
    """pass^k over all cases from 0/1 scores (cases, rounds) with NaN; k defaults to the number of rounds."""
    each, rounds = pass_hat_k_cases(values, k), rounds_table(values).shape[1]
    k = rounds if k is None else k
    share, error, low, high = share_interval(each, families, rounds=max(1, rounds // k), alpha=alpha)
    n = int((~np.isnan(each)).sum())
    return PassHatK(k, share, error, n, len(each) - n, low, high)
