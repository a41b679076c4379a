"""Where a difference's error comes from, how many cases show one, and how large a one so many cases show."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import chdtri
from scipy.stats import f as f_distribution
from scipy.stats import nct

from benchkit.stats.checks import Array, require, rounds_table
from benchkit.stats.estimates import NAN, Estimate, t_quantile

MOST_CASES, MOST_ROUNDS = 1_000_000, 100  # beyond what any run could have
NODES = (np.arange(40) + 0.5) / 40  # of the distribution of a variance that a pilot estimated


@dataclass(frozen=True, slots=True)
class Spread:
    """What a plan knows of SE²: (between + noise · rounds/K)/n for n cases in K rounds."""

    between: float  # of cases, ω², weighted as the estimate weighs them; with `noise` it is n·SE²
    noise: float = 0.0  # what `rounds` rounds add
    rounds: int = 1
    df: float = math.inf  # at which n·SE² is known; infinite where it is assumed
    strata: int = 1
    rate: float = 1.0  # (df + strata)/n
    between_low: float = NAN  # 95 % interval of ω²; NaN where it is not told apart from the noise
    between_high: float = NAN

    def at(self, rounds: int | None = None) -> float:
        """n·SE² with so many rounds."""
        return self.between + self.noise * (1.0 if rounds is None else self.rounds / rounds)

    def free(self, n: float) -> float:
        """Degrees of freedom with n cases sampled like these."""
        return max(1.0, self.rate * n - self.strata)

    def times(self, factor: float) -> Spread:
        """The same with a variance so many times as large."""
        names = ("between", "noise", "between_low", "between_high")
        return replace(self, **{name: factor * getattr(self, name) for name in names})


def spread(pilot: Estimate, noise: ArrayLike | None = None, rounds: int = 1) -> Spread:
    """What a comparison (of one kind, or U) says of the next run's error.

    `noise`, shape (cases,) in the order of the pilot's cases: the variance that `rounds` rounds leave in each
    case's difference, the sum of both models' `round_noise`. The interval of ω² = n·SE² − noise is that of
    Williams and Tukey by F quantiles. NaN throughout where the pilot has no error.
    """
    total = pilot.n * pilot.se**2
    rate = (pilot.df + pilot.strata) / pilot.n if pilot.n else NAN
    if noise is None:
        return Spread(total, 0.0, rounds, pilot.df, pilot.strata, rate)
    parts = pilot.coefficients**2 * np.nan_to_num(np.asarray(noise, dtype=np.float64))
    of_rounds = pilot.n * float(parts.sum())
    squares = float(np.sum(parts**2))
    df_noise = max(1, rounds - 1) * float(parts.sum()) ** 2 / squares if squares > 0 else math.inf
    low, high = _between(total, of_rounds, pilot.df, min(df_noise, 1e9))
    kept = min(of_rounds, total)
    return Spread(total - kept, kept, rounds, pilot.df, pilot.strata, rate, low, high)


def round_noise(values: ArrayLike) -> Array:
    """Variance of each case's mean over its rounds: (cases, rounds) in, s_i²/K_i out, (cases,).

    A case with one scored round takes the mean s² of the others; NaN where no case has two, or none at all.
    """
    array = rounds_table(values)
    counts = (~np.isnan(array)).sum(axis=1)
    means = np.nansum(array, axis=1) / np.maximum(counts, 1)
    squares = np.nansum((array - means[:, None]) ** 2, axis=1)
    repeated = counts > 1
    own = squares / np.maximum(counts - 1, 1)
    typical = float(own[repeated].mean()) if repeated.any() else NAN
    return np.where(counts > 0, np.where(repeated, own, typical) / np.maximum(counts, 1), NAN)


def weighting(sizes: ArrayLike, weights: ArrayLike) -> Spread:
    """What weights make of cases that each vary by 1, `sizes` of them in each category.

    n·SE² is n Σ w_c²/n_c: 1 where the weights are the cases' shares, more where a weight rests on few cases.
    Degrees of freedom are Satterthwaite's (1946), of categories that vary alike.
    """
    n, w = np.asarray(sizes, dtype=np.float64), np.asarray(weights, dtype=np.float64)
    variances = (w / w.sum()) ** 2 / n
    free = _satterthwaite(variances.tolist(), np.maximum(n - 1, 1).tolist())
    return Spread(float(n.sum() * variances.sum()), strata=len(n), rate=(free + len(n)) / float(n.sum()))


def mix(parts: Sequence[tuple[Spread, float, int]]) -> Spread:
    """U's spread over all cases: of each kind its spread, its weight in U and its cases.

    SE² = Σ v_k² s_k²/n_k: each kind counts v_k² n/n_k times. Degrees of freedom are Satterthwaite's (1946),
    of the variances as they are known, and of so many cases. Noise becomes that of one round.
    """
    n = sum(cases for _, _, cases in parts)
    factors = [weight**2 * n / cases for _, weight, cases in parts]
    each = [(factor, one) for factor, (one, _, _) in zip(factors, parts, strict=True)]
    totals = [factor * one.at() for factor, one in each]
    free = _satterthwaite(totals, [one.free(cases) for one, _, cases in parts])
    strata = sum(one.strata for _, one in each)
    return Spread(
        sum(factor * one.between for factor, one in each),
        sum(factor * one.noise * one.rounds for factor, one in each),
        1,
        _satterthwaite(totals, [one.df for _, one in each]),
        strata,
        (free + strata) / n,
        sum(factor * one.between_low for factor, one in each),
        sum(factor * one.between_high for factor, one in each),
    )


def _satterthwaite(variances: Sequence[float], df: Sequence[float]) -> float:
    unsure = sum(one**2 / free for one, free in zip(variances, df, strict=True))
    return sum(variances) ** 2 / unsure if unsure > 0 else math.inf


def _between(total: float, noise: float, df: float, df_noise: float) -> tuple[float, float]:
    if not (total > 0 and df >= 1):
        return NAN, NAN
    f_low, f_high = (float(f_distribution.ppf(p, df, df_noise)) for p in (0.025, 0.975))
    x_low, x_high = (float(chdtri(df, 1 - p)) / df for p in (0.025, 0.975))
    return max(0.0, (total - f_high * noise) / x_high), max(0.0, (total - f_low * noise) / x_low)


@dataclass(frozen=True, slots=True)
class Needed:
    """So many cases in all have the chance `power` to show `difference`."""

    cases: int
    low: float  # 95 % interval of the cases, since a pilot's variance is an estimate; NaN where assumed
    high: float
    difference: float
    power: float


def planned_power(
    known: Spread, n: float, delta: float, *, rounds: int | None = None, alpha: float = 0.05
) -> float:
    """Chance that n cases show a true difference of `delta`, averaged over what a pilot leaves unknown.

    σ² given a pilot's s² at df ν is taken as ν s²/χ²_ν: the chance is then right on average over pilots,
    where s² put in for σ² falls short (by 5 points at ν = 14).
    """
    error = math.sqrt(known.at(rounds) / n)
    if error == 0:
        return 1.0 if delta else alpha
    if math.isnan(error):
        return NAN
    factor = np.ones(1) if math.isinf(known.df) else np.sqrt(chdtri(known.df, NODES) / known.df)
    return float(_power(abs(delta) / error * factor, known.free(n), alpha).mean())


def needed_cases(
    known: Spread, delta: float, *, rounds: int | None = None, alpha: float = 0.05, power: float = 0.8
) -> Needed | None:
    """Cases in all, sampled like the pilot's, that have the chance `power` to show `delta`.

    The interval is that of the pilot's variance: cases · ν/χ²_ν at 2.5 and 97.5 %. None above a million
    cases or without a variance. Raises UsageError for a delta that is not above 0.
    """
    require(delta > 0, f"delta is {delta}; name a difference above 0 to look for.")
    least = max(2.0, (known.strata + 1) / known.rate) if known.rate > 0 else 2.0

    def short(n: float) -> float:
        return planned_power(known, n, delta, rounds=rounds, alpha=alpha) - power

    if not short(float(MOST_CASES)) >= 0:
        return None
    found = (
        least if short(least) >= 0 else float(brentq(short, least, float(MOST_CASES), xtol=1e-3, rtol=1e-9))
    )
    cases = math.ceil(found - 1e-3)
    low, high = _as_unsure(known.df, cases)
    return Needed(cases, low, high, delta, power)


def smallest_difference(
    known: Spread, n: float, *, rounds: int | None = None, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest true difference that n cases show with the chance `power`; NaN without a variance."""
    require(power > alpha, f"power is {power}; it must be above alpha, {alpha}.")
    error = math.sqrt(known.at(rounds) / n)
    if not error > 0:
        return 0.0 if error == 0 else NAN
    top = 4.0 * error
    while planned_power(known, n, top, rounds=rounds, alpha=alpha) < power:
        top *= 2
    return float(
        brentq(lambda d: planned_power(known, n, d, rounds=rounds, alpha=alpha) - power, 0.0, top, rtol=1e-6)
    )


def needed_rounds(
    known: Spread, n: int, delta: float, *, alpha: float = 0.05, power: float = 0.8
) -> int | None:
    """Rounds of either model with which the same n cases show `delta`; None where that is not known to do.

    More rounds lower only the noise. They are offered where the cases' own ω² is told from 0 and where even
    the upper end of its interval leaves them room: a plan that holds at either end.
    """
    if not (known.between_low > 0 and known.noise > 0):
        return None
    surely = Spread(known.between_high, known.noise, known.rounds, math.inf, known.strata, known.rate)

    def enough(rounds: int) -> bool:
        return planned_power(surely, n, delta, rounds=rounds, alpha=alpha) >= power

    found = 1 + bisect_left(range(1, MOST_ROUNDS + 1), True, key=enough)
    return found if found <= MOST_ROUNDS else None


def _power(shift: Array, df: float, alpha: float) -> Array:
    critical = t_quantile(alpha / 2, df)
    far = shift > 3 * critical + 20  # out there the noncentral t overflows, and the test cannot miss
    near = np.where(far, 0.0, shift)
    upper = nct.sf(critical, df, near)
    # The wrong tail is empty from a shift of 5 on, and NaN in scipy where both are far out.
    lower = np.where(near < 5, nct.cdf(-critical, df, np.minimum(near, 5)), 0.0)
    return np.where(far, 1.0, np.clip(upper + lower, 0, 1))


def _as_unsure(df: float, cases: int) -> tuple[float, float]:
    if not 1 <= df < math.inf:
        return NAN, NAN
    low, high = (cases * df / float(chdtri(df, tail)) for tail in (0.025, 0.975))
    return max(2.0, math.floor(low)), math.ceil(high)
