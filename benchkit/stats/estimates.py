"""An estimate with its error, interval and p, and what it takes to combine several and to contrast them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
from scipy.special import stdtr, stdtrit

from benchkit.stats.checks import Array, require

NAN = float("nan")
MOST_SIGNS = 1000  # 2^-1000 is the least a float can hold with room to spare


@dataclass(frozen=True, slots=True)
class Estimate:
    """A weighted mean over cases; NaN for what the cases cannot tell, with a sentence in `warnings`.

    `influence` has shape (cases,), in the order the cases were given, 0 for those without a value: how far
    each case (or family, at the place of its first case) moved the estimate. Σ influence² is `se`², and
    Σ influence_1 · influence_2 the covariance of two estimates from the same cases. `coefficients`, of the
    same shape, are the weights of the cases: the estimate is Σ coefficients · d.
    """

    estimate: float
    se: float  # standard error
    df: float  # degrees of freedom
    low: float  # t interval at level 1 − alpha
    high: float
    p_value: float  # two-sided, of no difference
    alpha: float
    n: int  # cases with a value
    strata: int = 1
    units: int = 0  # sampled: families where cases come in some, else cases
    heaviest: float = 0.0  # the largest share of the estimate that one unit has, 1/units where all are alike
    influence: Array = field(default_factory=lambda: np.zeros(0))
    coefficients: Array = field(default_factory=lambda: np.zeros(0))
    warnings: tuple[str, ...] = ()

    def __neg__(self) -> Estimate:
        """The same comparison with the two sides swapped."""
        return replace(
            self, estimate=-self.estimate, low=-self.high, high=-self.low, influence=-self.influence
        )

    def within(self, span: float) -> Estimate:
        """The same estimate, its interval cut to the differences that there can be: −span to span."""
        return replace(self, low=max(self.low, -span), high=min(self.high, span))  # NaN stays NaN

    def lowest(self, span: float, alpha: float) -> float:
        """The least that the difference may be: the low end; of equal ones, what a rare failure leaves.

        Failures by `span` on a share q of the units are missed with a chance of up to e^(−q/heaviest), which
        is alpha at q = ln(1/alpha)·heaviest: see `cases_for_equivalence`.
        """
        if self.se != 0:
            return self.low
        return self.estimate - min(1.0, -math.log(alpha) * self.heaviest) * (span + self.estimate)

    def at(self, alpha: float) -> Estimate:
        """The same estimate with interval and p at level 1 − alpha; NaN where there is no error.

        p is that of the t test, but never below 2^(1−n) of n units: so many differences of one sign are, by
        the exact sign test, no surer than n tosses of a coin. The t test believes more than that where
        differences are (nearly) equal, whose variance says nothing of cases that were not drawn; with this
        rule p does not jump as equal differences become nearly equal. Without variance (se 0) there is no
        interval, and a p only if the estimate is not 0.
        """
        require(0 < alpha < 1, f"alpha is {alpha}; it must lie between 0 and 1, such as 0.05.")
        signs = 2.0 ** (1 - min(self.units, MOST_SIGNS)) if self.units > 1 else 1.0
        if not (self.se > 0 and self.df > 0):
            p = signs if self.se == 0 and self.estimate != 0 else NAN
            return replace(self, low=NAN, high=NAN, p_value=p, alpha=alpha)
        half = t_quantile(alpha / 2, self.df) * self.se
        p = min(1.0, max(signs, 2 * t_tail(abs(self.estimate) / self.se, self.df)))
        return replace(self, low=self.estimate - half, high=self.estimate + half, p_value=p, alpha=alpha)


Pairs = list[list[Estimate | None]]  # [i][j]: model i against model j, None on the diagonal


def pairwise(models: int, compare: Callable[[int, int], Estimate]) -> Pairs:
    """Every pair of models: `compare(i, j)` is asked for i < j, and turned round for the other half."""
    table: Pairs = [[None] * models for _ in range(models)]
    for i, j in combinations(range(models), 2):
        table[i][j] = one = compare(i, j)
        table[j][i] = -one
    return table


def fewest_units(table: Pairs, i: int) -> int:
    """The sampled units that model i shares with the one that it shares fewest with."""
    return min(one.units for one in table[i] if one is not None)


def t_quantile(tail: float, df: float) -> float:
    """The t above which a share `tail` of the distribution lies; exact for any df above 0."""
    return -float(stdtrit(df, tail))


def t_tail(t: float, df: float) -> float:
    """The share of the t distribution above `t`."""
    return float(stdtr(df, -t))


def combine(estimates: Sequence[Estimate], weights: Sequence[float], *, alpha: float = 0.05) -> Estimate:
    """U = Σ v_k Δ_k over kinds of different cases: SE² = Σ v_k² SE_k², Satterthwaite's (1946) df.

    `weights` are v_k >= 0, normalised to sum 1; a kind of weight 0 adds its cases and nothing else. df is
    SE⁴ / Σ (v_k² SE_k²)²/df_k. One kind without an error (se NaN) and a weight leaves U without one. Raises
    UsageError for weights that are negative, all 0 or not one per kind.
    """
    require(
        len(estimates) == len(weights) > 0,
        f"weights has {len(weights)} entries for {len(estimates)} kinds of cases; give one per kind.",
    )
    v = normalised(np.asarray(weights, dtype=np.float64), "kind weights")
    used = [(share, one) for share, one in zip(v.tolist(), estimates, strict=True) if share > 0]
    variances = [(share * one.se) ** 2 for share, one in used]
    total = math.fsum(variances)
    spread = math.fsum(s**2 / one.df for s, (_, one) in zip(variances, used, strict=True) if s > 0)
    df = total**2 / spread if spread > 0 else min(one.df for _, one in used)
    whole = Estimate(
        estimate=math.fsum(share * one.estimate for share, one in used),
        se=math.sqrt(total) if total >= 0 else NAN,
        df=used[0][1].df if len(used) == 1 else df,
        low=NAN,
        high=NAN,
        p_value=NAN,
        alpha=alpha,
        n=sum(one.n for one in estimates),
        strata=sum(one.strata for _, one in used),
        units=sum(one.units for _, one in used),
        heaviest=max(share * one.heaviest for share, one in used),
        influence=np.concatenate([share * e.influence for share, e in zip(v, estimates, strict=True)]),
        coefficients=np.concatenate([share * e.coefficients for share, e in zip(v, estimates, strict=True)]),
        warnings=tuple(dict.fromkeys(note for _, one in used for note in one.warnings)),
    )
    return whole.at(alpha)


def normalised(weights: Array, name: str) -> Array:
    """Weights of 0 or more that sum to 1, else UsageError."""
    finite = bool(np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0)
    require(finite, f"{name} are {weights.tolist()}; give numbers of 0 or more, not all 0.")
    return weights / weights.sum()
