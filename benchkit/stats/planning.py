"""Planning: what a run can detect, and the cases and rounds that a wanted difference takes.

n = (z₁₋α/₂ + z₁₋β)² (ω² + σ_A²/K_A + σ_B²/K_B) / δ²: ω² is the variance over cases of the true difference,
σ² a model's variance between rounds of one case, K the rounds (Miller 2024, "Adding error bars to evals").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from benchkit.stats.checks import Array, check_share, require, rounds_table
from benchkit.stats.means import NAN, case_means

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


@dataclass(frozen=True, slots=True)
class Design:
    """One way to spend a number of calls: cases, rounds, and the smallest difference that it detects."""

    n: int
    rounds: int
    detectable: float


def variance_components(values_a: ArrayLike, values_b: ArrayLike) -> VarianceComponents:
    """Unbiased ω², σ_A², σ_B² of two (cases, rounds) arrays with NaN, same cases in order; ω² floored at 0.

    σ² is the mean over cases of the variance of a case's rounds; ω² the variance of per-case mean
    differences less what rounds add to it. Cases that a model has no score for are left out; fewer than two
    cases give NaN.
    """
    a, b = rounds_table(values_a, "values_a"), rounds_table(values_b, "values_b")
    require(len(a) == len(b), f"values_a has {len(a)} cases and values_b {len(b)}; give the same cases.")
    kept = ~(np.isnan(a).all(axis=1) | np.isnan(b).all(axis=1))
    a, b = a[kept], b[kept]
    if len(a) < 2:
        return VarianceComponents(NAN, NAN, NAN, len(a), False, ("Variances need at least 2 cases.",))
    (sigma2_a, noise_a), (sigma2_b, noise_b) = _round_noise(a), _round_noise(b)
    total = float(np.var(case_means(a) - case_means(b), ddof=1))
    separable = not (math.isnan(sigma2_a) or math.isnan(sigma2_b))
    return VarianceComponents(
        omega2=max(0.0, total - float(np.nansum([noise_a, noise_b]))),
        sigma2_a=float(np.nan_to_num(sigma2_a)),
        sigma2_b=float(np.nan_to_num(sigma2_b)),
        n=len(a),
        separable=separable,
        warnings=() if separable else (ONE_ROUND,),
    )


def difference_variance(
    omega2: float, sigma2_a: float = 0.0, sigma2_b: float = 0.0, rounds_a: int = 1, rounds_b: int = 1
) -> float:
    """Variance of one case's mean difference: ω² + σ_A²/K_A + σ_B²/K_B."""
    for name, value in (("omega2", omega2), ("sigma2_a", sigma2_a), ("sigma2_b", sigma2_b)):
        require(0 <= value < math.inf, f"{name} is {value}; a variance is a number of 0 or more.")
    for name, rounds in (("rounds_a", rounds_a), ("rounds_b", rounds_b)):
        require(rounds >= 1, f"{name} is {rounds}; a case needs at least 1 round.")
    return omega2 + sigma2_a / rounds_a + sigma2_b / rounds_b


def normal_factor(alpha: float, power: float) -> float:
    """(z₁₋α/₂ + z₁₋β)², 7.849 at alpha .05 and power .8."""
    check_share(alpha, "alpha")
    check_share(power, "power")
    return float(scipy_stats.norm.ppf(1 - alpha / 2) + scipy_stats.norm.ppf(power)) ** 2


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
) -> int:
    """Cases that find a true difference of `delta` with `power`; at least 2, what a paired comparison needs.

    The formula is the normal one; below about 30 cases ask `planned_power`, which knows the t distribution.
    """
    require(delta > 0, f"delta is {delta}; name a difference above 0 to look for.")
    variance = difference_variance(omega2, sigma2_a, sigma2_b, rounds_a, rounds_b)
    return max(2, math.ceil(normal_factor(alpha, power) * variance / delta**2))


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
) -> float:
    """The smallest true difference that n cases find with `power`: `cases_needed` inverted."""
    require(n >= 1, f"n is {n}; give at least 1 case.")
    variance = difference_variance(omega2, sigma2_a, sigma2_b, rounds_a, rounds_b)
    return math.sqrt(normal_factor(alpha, power) * variance / n)


def rounds_needed(
    delta: float,
    n: int,
    omega2: float,
    sigma2_a: float,
    sigma2_b: float,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int | None:
    """Rounds, the same for both models, with which n cases find `delta`; None where no number does."""
    require(delta > 0, f"delta is {delta}; name a difference above 0 to look for.")
    require(n >= 1, f"n is {n}; give at least 1 case.")
    difference_variance(omega2, sigma2_a, sigma2_b)
    allowed = n * delta**2 / normal_factor(alpha, power) - omega2
    noise = sigma2_a + sigma2_b
    if noise <= allowed:
        return 1
    # Less room than a millionth of the noise asks for a million rounds: rounding, not a plan.
    return math.ceil(noise / allowed) if allowed > noise * 1e-6 else None


def planned_power(
    delta: float,
    n: int,
    omega2: float,
    sigma2_a: float = 0.0,
    sigma2_b: float = 0.0,
    rounds_a: int = 1,
    rounds_b: int = 1,
    *,
    alpha: float = 0.05,
) -> float:
    """Chance that the paired t test over n cases finds a true difference of `delta` (noncentral t)."""
    require(n >= 2, f"n is {n}; a paired comparison needs at least 2 cases.")
    check_share(alpha, "alpha")
    variance = difference_variance(omega2, sigma2_a, sigma2_b, rounds_a, rounds_b)
    if variance == 0:
        return 1.0 if delta else alpha
    shift, critical = abs(delta) / math.sqrt(variance / n), float(scipy_stats.t.ppf(1 - alpha / 2, n - 1))
    # Far out the noncentral t overflows; there the test cannot miss.
    if shift > critical + 20:
        return 1.0
    tails = scipy_stats.nct.sf(critical, n - 1, shift) + scipy_stats.nct.cdf(-critical, n - 1, shift)
    return float(np.clip(tails, 0, 1))


def same_cost_designs(
    calls_per_model: int,
    omega2: float,
    sigma2_a: float = 0.0,
    sigma2_b: float = 0.0,
    *,
    rounds: tuple[int, ...] = (1, 2, 3, 5, 10),
    alpha: float = 0.05,
    power: float = 0.8,
) -> tuple[Design, ...]:
    """n against K: for each number of rounds the cases that the calls pay for, and what they detect."""
    designs = []
    for k in rounds:
        n = calls_per_model // k
        if n >= 2:
            found = detectable_difference(n, omega2, sigma2_a, sigma2_b, k, k, alpha=alpha, power=power)
            designs.append(Design(n, k, found))
    return tuple(designs)


def _round_noise(values: Array) -> tuple[float, float]:
    """σ², and the mean over cases of a case's σ²/K, which is what rounds add to the variance of case means.

    A case with one round takes the others' σ²; NaN where no case has two rounds.
    """
    scored = ~np.isnan(values)
    counts = scored.sum(axis=1)
    gaps = np.where(scored, values - case_means(values)[:, None], 0.0)
    repeated = counts > 1
    if not repeated.any():
        return NAN, NAN
    own = (gaps[repeated] ** 2).sum(axis=1) / (counts[repeated] - 1)
    sigma2 = float(own.mean())
    noise = np.full(len(values), sigma2)
    noise[repeated] = own / counts[repeated]
    return sigma2, float(noise.mean())
