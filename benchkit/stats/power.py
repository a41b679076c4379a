"""The power of the test that decides, and the factor by which it enters a plan."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from scipy import optimize
from scipy import stats as scipy_stats

from benchkit.stats.checks import check_share, require


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


@lru_cache(maxsize=4096)  # a report asks for the same few again and again
def t_factor(alpha: float, power: float, df: float) -> float:
    """The squared noncentrality at which a two-sided t test has `power`: 14.15 at df 4, 7.85 at many."""
    check_share(alpha, "alpha")
    check_share(power, "power")
    require(df > 0, f"{df} degrees of freedom leave no t test; give at least 2 cases or clusters.")
    if power <= alpha:
        return 0.0
    top = 1.0
    while t_power(top, df, alpha) < power:
        top *= 2
    return float(optimize.brentq(lambda shift: t_power(shift, df, alpha) - power, 0.0, top)) ** 2


def planning_factor(alpha: float, power: float, clusters: float | None = None, n: int | None = None) -> float:
    """`normal_factor`, or `t_factor` where n cases come in so many clusters of one size."""
    if clusters is None:
        return normal_factor(alpha, power)
    require(clusters >= 2, f"clusters is {clusters}; give at least 2, or None where every case is its own.")
    return t_factor(alpha, power, _freedom(n, clusters))


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
    clusters: float | None = None,
) -> float:
    """Chance that the paired t test over n cases finds a true difference of `delta` (noncentral t).

    `clusters` is the number of equally large clusters that the cases come in (see `effective_clusters`);
    where a cluster's cases move together, `omega2` has to hold what that adds.
    """
    require(n >= 2, f"n is {n}; a paired comparison needs at least 2 cases.")
    check_share(alpha, "alpha")
    variance = difference_variance(omega2, sigma2_a, sigma2_b, rounds_a, rounds_b)
    if variance == 0:
        return 1.0 if delta else alpha
    require(clusters is None or clusters >= 2, f"clusters is {clusters}; give at least 2, or None.")
    return t_power(abs(delta) / math.sqrt(variance / n), _freedom(n, clusters), alpha)


def t_power(shift: float, df: float, alpha: float) -> float:
    """Power of a two-sided t test whose statistic is shifted by `shift` standard errors."""
    critical = float(scipy_stats.t.ppf(1 - alpha / 2, df))
    # Far out the noncentral t overflows; there the test cannot miss.
    if shift > 3 * critical + 20:
        return 1.0
    upper = scipy_stats.nct.sf(critical, df, shift)
    # The wrong tail is empty from here on, and NaN in scipy where both are far out.
    lower = scipy_stats.nct.cdf(-critical, df, shift) if shift < 5 else 0.0
    return float(np.clip(upper + lower, 0, 1))


def _freedom(n: int | None, clusters: float | None) -> float:
    known = [one for one in (n, clusters) if one is not None]
    return max(1.0, min(known) - 1.0)
