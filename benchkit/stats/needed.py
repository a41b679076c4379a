"""What a comparison says of the next run: one arithmetic for the report and for the plan."""

from __future__ import annotations

import math
from dataclasses import dataclass

from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from benchkit.stats.checks import require, rounds_table
from benchkit.stats.comparing import Paired
from benchkit.stats.means import NAN
from benchkit.stats.planning import cases_needed, detectable_difference, rounds_needed, variance_components
from benchkit.stats.power import difference_variance, planned_power, planning_factor

MOST_CASES, MOST_ROUNDS = 1_000_000, 1_000  # beyond what any run could have


@dataclass(frozen=True, slots=True)
class CaseVariance:
    """The variance of one case's mean difference as a comparison sees it, by where it comes from.

    ω² + (σ_A² + σ_B²)/`rounds` is n·SE² of the comparison, with whatever its clusters add and the rounds
    that went unscored. A σ² is 0, and its noise in ω², where no case has two rounds.
    """

    omega2: float
    sigma2_a: float
    sigma2_b: float
    rounds: int  # of the comparison
    df: float  # degrees of freedom at which n·SE² is known
    clusters: float | None  # of one size, that are the sample; None where every case is its own
    separable: bool
    told: bool = True  # cases are shown to differ beyond the noise of their rounds: ω² is told from 0

    def at(self, rounds: int) -> float:
        """The variance with so many rounds of either model."""
        return difference_variance(self.omega2, self.sigma2_a, self.sigma2_b, rounds, rounds)


def case_variance(
    result: Paired, values_a: ArrayLike | None = None, values_b: ArrayLike | None = None
) -> CaseVariance:
    """What `result` knows of a case's variance; without the (cases, rounds) scores all of it is ω²."""
    total = result.n * result.standard_error**2 if result.n > 1 else NAN
    # Also where every case so far has a label of its own: more cases will share them.
    clusters = max(2.0, result.df + 1) if result.clusters > 1 else None
    if values_a is None or values_b is None:
        return CaseVariance(total, 0.0, 0.0, 1, result.df, clusters, False)
    parts, rounds = variance_components(values_a, values_b), rounds_table(values_a).shape[1]
    noise, sigma2 = parts.noise, parts.sigma2_a + parts.sigma2_b
    # Clusters can by chance show less than the rounds alone add: then all of it is noise.
    of_rounds = min(noise, total)
    scale = of_rounds * rounds / sigma2 if sigma2 > 0 else 1.0
    a, b = scale * parts.sigma2_a, scale * parts.sigma2_b
    told = parts.omega2_low != 0 and total > of_rounds
    return CaseVariance(total - of_rounds, a, b, rounds, result.df, clusters, parts.separable, told)


def enough_cases(
    variance: CaseVariance, delta: float, rounds: int, *, alpha: float, power: float
) -> int | None:
    """Cases in all whose paired t test finds `delta` with `power`; None above MOST_CASES.

    Clusters are taken to stay as many as they are. Without them it is the planning formula, and the few
    cases more that a t test needs.
    """
    require(delta > 0, f"delta is {delta}; name a difference above 0 to look for.")
    if planning_factor(alpha, power, variance.clusters) * variance.at(rounds) > MOST_CASES * delta**2:
        return None
    how = (variance.omega2, variance.sigma2_a, variance.sigma2_b, rounds, rounds)
    n = cases_needed(delta, *how, alpha=alpha, power=power, clusters=variance.clusters)
    while variance.clusters is None and planned_power(delta, n, *how, alpha=alpha) < power:
        n += 1
    return n


def enough_rounds(variance: CaseVariance, delta: float, n: int, *, alpha: float, power: float) -> int | None:
    """Rounds of either model with which n cases find `delta`; None where no number does, or none is known."""
    if not variance.separable or n < 2:
        return None
    how = (variance.omega2, variance.sigma2_a, variance.sigma2_b)
    found = rounds_needed(delta, n, *how, alpha=alpha, power=power, clusters=_clusters(variance, n))
    return found if found is not None and found <= MOST_ROUNDS else None


def smallest_shown(variance: CaseVariance, n: int, rounds: int, *, alpha: float, power: float) -> float:
    """The smallest difference that n cases find with `power`."""
    how = (variance.omega2, variance.sigma2_a, variance.sigma2_b, rounds, rounds)
    return detectable_difference(n, *how, alpha=alpha, power=power, clusters=_clusters(variance, n))


def as_unsure_as(df: float, needed: int, *, level: float = 0.95) -> tuple[float, float]:
    """The interval of `needed` cases, as the variance is known no better at `df` (chi-square); or NaN.

    Chi-square is that of normal differences: on scores like those of the shared data it holds the truth 92
    times in 100 without clusters and 95 with five.
    """
    if not df >= 1:
        return NAN, NAN
    tail = (1 - level) / 2
    low, high = (needed * df / float(scipy_stats.chi2.ppf(p, df)) for p in (1 - tail, tail))
    return max(2.0, float(round(low))), max(2.0, float(math.ceil(high)))


def _clusters(variance: CaseVariance, n: int) -> float:
    """Without clusters every case is one, so that the t test's own degrees of freedom count."""
    return max(2.0, float(n)) if variance.clusters is None else variance.clusters
