"""How many cases show a difference, and how large a difference so many cases show."""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import chdtri
from scipy.stats import nct

from benchkit.stats.checks import Array, check_share, require
from benchkit.stats.estimates import NAN, t_quantile
from benchkit.stats.variances import Spread

MOST_CASES, MOST_ROUNDS = 1_000_000, 100  # beyond what any run could have
NODES = (np.arange(40) + 0.5) / 40  # of the distribution of a variance that a pilot estimated


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
    check_share(alpha, "alpha")
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
    check_share(power, "power")
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
    check_share(power, "power")
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


def _power(shift: NDArray[np.float64], df: float, alpha: float) -> Array:
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
