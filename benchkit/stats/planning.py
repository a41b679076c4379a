"""Planning: what a run can detect, and the cases and rounds that a wanted difference takes.

n = (z₁₋α/₂ + z₁₋β)² (ω² + σ_A²/K_A + σ_B²/K_B) / δ²: ω² is the variance over cases of the true difference,
σ² a model's variance between rounds of one case, K the rounds (Miller 2024, "Adding error bars to evals").
Where cases come in few clusters the normal quantiles give way to the t test's own: `clusters` names them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from benchkit.stats.checks import Array, require, rounds_table
from benchkit.stats.means import NAN, case_means
from benchkit.stats.power import difference_variance, planning_factor

ONE_ROUND = (
    "A model has one round per case: its noise between rounds cannot be told from differences between "
    "cases, so more rounds look of less use than they are."
)


@dataclass(frozen=True, slots=True)
class VarianceComponents:
    """Where the variance of a difference sits: between cases (ω²) and between rounds (σ² of each model)."""

    omega2: float
    sigma2_a: float
    sigma2_b: float
    n: int  # cases with a score from both models
    separable: bool  # False: some model has no case with two rounds, so its σ² is 0 here and part of ω²
    warnings: tuple[str, ...]
    noise: float = NAN  # what the rounds add to the variance of a case's mean difference, as they were scored
    omega2_low: float = NAN  # 95 % interval of ω²; NaN where nothing can be separated
    omega2_high: float = NAN
    share_low: float = NAN  # and of its share in the variance of a case's mean difference
    share_high: float = NAN


def variance_components(values_a: ArrayLike, values_b: ArrayLike) -> VarianceComponents:
    """Unbiased ω², σ_A², σ_B² of two (cases, rounds) arrays with NaN, same cases in order; ω² floored at 0.

    σ² is the mean over cases of the variance of a case's rounds; ω² the variance of per-case mean
    differences less what rounds add to it, with the interval of Williams and Tukey. That is made for normal
    scores: on those like the shared data it holds the truth 92 times in 100. Where its low end is 0, ω²
    cannot be told from 0. Cases that a model has no score for are left out; fewer than two cases give NaN.
    """
    a, b = rounds_table(values_a, "values_a"), rounds_table(values_b, "values_b")
    require(len(a) == len(b), f"values_a has {len(a)} cases and values_b {len(b)}; give the same cases.")
    kept = ~(np.isnan(a).all(axis=1) | np.isnan(b).all(axis=1))
    a, b = a[kept], b[kept]
    if len(a) < 2:
        return VarianceComponents(NAN, NAN, NAN, len(a), False, ("Variances need at least 2 cases.",))
    (sigma2_a, noise_a, df_a), (sigma2_b, noise_b, df_b) = _round_noise(a), _round_noise(b)
    total = float(np.var(case_means(a) - case_means(b), ddof=1))
    separable = not (math.isnan(sigma2_a) or math.isnan(sigma2_b))
    noise = float(np.nansum([noise_a, noise_b]))
    df_noise = noise**2 / (noise_a**2 / df_a + noise_b**2 / df_b) if separable and noise > 0 else math.inf
    ends = _between(total, noise, len(a) - 1, df_noise) if separable else (NAN,) * 4
    return VarianceComponents(
        max(0.0, total - noise),
        float(np.nan_to_num(sigma2_a)),
        float(np.nan_to_num(sigma2_b)),
        len(a),
        separable,
        () if separable else (ONE_ROUND,),
        noise,
        *ends,
    )


def cases_needed(
    delta: float,
    omega2: float,
    sigma2_a: float = 0.0,
    sigma2_b: float = 0.0,
    rounds_a: int = 1,
    rounds_b: int = 1,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    clusters: float | None = None,
) -> int:
    """Cases that find a true difference of `delta` with `power`; at least 2, what a paired comparison needs.

    The formula is the normal one; below about 30 cases ask `planned_power`, which knows the t distribution.
    With `clusters`, the number of equally large clusters that the cases come in (see `effective_clusters`),
    it is the cases that their t test needs: 1.8 times as many with five.
    """
    require(delta > 0, f"delta is {delta}; name a difference above 0 to look for.")
    variance = difference_variance(omega2, sigma2_a, sigma2_b, rounds_a, rounds_b)
    return max(2, math.ceil(planning_factor(alpha, power, clusters) * variance / delta**2))


def detectable_difference(
    n: int,
    omega2: float,
    sigma2_a: float = 0.0,
    sigma2_b: float = 0.0,
    rounds_a: int = 1,
    rounds_b: int = 1,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    clusters: float | None = None,
) -> float:
    """The smallest true difference that n cases find with `power`: `cases_needed` inverted."""
    require(n >= 1, f"n is {n}; give at least 1 case.")
    variance = difference_variance(omega2, sigma2_a, sigma2_b, rounds_a, rounds_b)
    return math.sqrt(planning_factor(alpha, power, clusters, n) * variance / n)


def rounds_needed(
    delta: float,
    n: int,
    omega2: float,
    sigma2_a: float,
    sigma2_b: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    clusters: float | None = None,
) -> int | None:
    """Rounds, the same for both models, with which n cases find `delta`; None where no number does."""
    require(delta > 0, f"delta is {delta}; name a difference above 0 to look for.")
    require(n >= 1, f"n is {n}; give at least 1 case.")
    difference_variance(omega2, sigma2_a, sigma2_b)
    allowed = n * delta**2 / planning_factor(alpha, power, clusters, n) - omega2
    noise = sigma2_a + sigma2_b
    if noise <= allowed:
        return 1
    # Less room than a millionth of the noise asks for a million rounds: rounding, not a plan.
    return math.ceil(noise / allowed) if allowed > noise * 1e-6 else None


def _round_noise(values: Array) -> tuple[float, float, int]:
    """σ², the mean over cases of a case's σ²/K, which rounds add to the variance of case means, and its df.

    A case with one round takes the others' σ²; NaN where no case has two rounds.
    """
    scored = ~np.isnan(values)
    counts = scored.sum(axis=1)
    gaps = np.where(scored, values - case_means(values)[:, None], 0.0)
    repeated = counts > 1
    if not repeated.any():
        return NAN, NAN, 0
    own = (gaps[repeated] ** 2).sum(axis=1) / (counts[repeated] - 1)
    sigma2 = float(own.mean())
    noise = np.full(len(values), sigma2)
    noise[repeated] = own / counts[repeated]
    return sigma2, float(noise.mean()), int((counts[repeated] - 1).sum())


def _between(total: float, noise: float, df: int, df_noise: float) -> tuple[float, float, float, float]:
    """95 % interval of ω² = E(total) − E(noise), floored at 0, and of its share in E(total)."""
    if total <= 0:
        return 0.0, 0.0, NAN, NAN
    far = min(df_noise, 1e9)  # scipy's F has no infinite degrees of freedom
    f_low, f_high = (float(scipy_stats.f.ppf(p, df, far)) for p in (0.025, 0.975))
    x_low, x_high = (float(scipy_stats.chi2.ppf(p, df)) / df for p in (0.025, 0.975))
    ends = (total - f_high * noise) / x_high, (total - f_low * noise) / x_low
    shares = 1 - f_high * noise / total, 1 - f_low * noise / total
    low, high, share_low, share_high = (max(0.0, one) for one in (*ends, *shares))
    return low, high, share_low, share_high
