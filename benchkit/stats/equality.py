"""No difference that matters, and what several tests at once do to a p-value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from benchkit.stats.checks import Array, check_share, require
from benchkit.stats.estimates import NAN, Estimate, Pairs, t_tail


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether all pairs of some models lie within ±margin of each other."""

    equivalent: bool
    p_value: float  # of the pair that shows it least; NaN where a pair has no error
    pair: tuple[int, int]  # that pair
    enough_cases: bool  # whether so many cases can exclude a rare outright failure of the margin's size


def cases_for_equivalence(margin: float, alpha: float = 0.05, *, span: float = 1.0) -> int:
    """ln(1/α)·span/margin cases: 60 at .05 and .05.

    A model that fails outright (by `span`, the metric's whole range) on a share margin/span of all cases is
    worse by the margin, and n cases miss every such failure with a chance of up to e^(−n·margin/span).
    """
    check_share(alpha, "alpha")
    require(margin > 0, f"margin is {margin}; name a difference above 0 that would not matter.")
    return math.ceil(math.log(1 / alpha) * span / margin)


def equivalent(
    estimates: Pairs, among: Sequence[int], margin: float, *, alpha: float = 0.05, span: float = 1.0
) -> Equivalence:
    """Whether all models `among` (positions) differ pairwise by less than `margin`, at level alpha.

    Two one-sided t tests (Schuirmann 1987) of each pair; the claim is that all pairs are within, so that
    testing each at alpha keeps alpha for all together (intersection-union test, Berger 1982). No pair's p is
    below e^(−margin/(span·largest coefficient)), n·margin/span where all cases weigh the same: see
    `cases_for_equivalence`. A pair whose differences are all equal has that p where they are within; one
    without an error has none and shows nothing. One model is equivalent to itself, at p 0. Raises UsageError
    for a margin that is not above 0.
    """
    check_share(alpha, "alpha")
    require(margin > 0, f"margin is {margin}; name a difference above 0 that would not matter.")
    tests = {}
    for i, j in combinations(among, 2):
        e = estimates[i][j]
        require(e is not None, f"There is no estimate of model {i} against model {j}.")
        assert e is not None
        tests[i, j] = _tost(e, margin), _missed(e, margin, span)
    if not tests:
        return Equivalence(True, 0.0, (among[0], among[0]), True)
    pair = max(tests, key=lambda at: (math.isnan(tests[at][0]), max(tests[at])))
    p = float(np.max(tests[pair]))  # NaN where one of the two is
    return Equivalence(p <= alpha, p, pair, max(rare for _, rare in tests.values()) <= alpha)


def _tost(e: Estimate, margin: float) -> float:
    if e.se == 0:
        return 0.0 if abs(e.estimate) < margin else 1.0
    return t_tail((margin - abs(e.estimate)) / e.se, e.df) if e.se > 0 and e.df > 0 else NAN


def _missed(e: Estimate, margin: float, span: float) -> float:
    most = float(np.max(e.coefficients, initial=0.0))
    return math.exp(-margin / (span * most)) if most > 0 else 1.0


def holm(p_values: ArrayLike) -> Array:
    """Holm's (1979) step-down adjustment of shape (m,); NaN stays NaN and is not counted as a test.

    The j-th smallest of m becomes the largest of (m − i + 1)·p_(i) over i <= j, at most 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    require(p.ndim == 1, f"p_values has shape {p.shape}; give one list of p-values.")
    tested = np.flatnonzero(~np.isnan(p))
    require(bool(np.all((p[tested] >= 0) & (p[tested] <= 1))), "p_values must lie between 0 and 1.")
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = p.copy()
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else []
    return adjusted
