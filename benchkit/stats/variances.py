"""Where a difference's error comes from: the cases, and the rounds that each was asked in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import chdtri
from scipy.stats import f as f_distribution

from benchkit.stats.checks import Array, rounds_table
from benchkit.stats.estimates import NAN, Estimate


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
