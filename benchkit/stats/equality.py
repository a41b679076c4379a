"""No difference that matters, and what several tests, or several looks, at once do to a p-value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from benchkit.stats.checks import Array, require
from benchkit.stats.estimates import NAN, Estimate, Pairs, t_tail


def cases_for_equivalence(margin: float, alpha: float = 0.05, *, span: float = 1.0) -> int:
    """ln(1/α)·span/margin cases, or families where cases come in some: 60 at .05 and .05.

    A model that fails outright (by `span`, the metric's whole range) on a share margin/span of all cases is
    worse by the margin, and n cases miss every such failure with a chance of up to e^(−n·margin/span).
    """
    return math.ceil(math.log(1 / alpha) * span / margin)


def equivalence_p(estimates: Pairs, among: Sequence[int], margin: float, *, span: float = 1.0) -> float:
    """The p of the claim that all models `among` (positions, two or more) differ by less than `margin`.

    Two one-sided t tests (Schuirmann 1987) of each pair; the claim is that all pairs are within, so that
    testing each at alpha keeps alpha for all together (intersection-union test, Berger 1982). No pair's p is
    below e^(−margin/(span·heaviest)), n·margin/span where all n units weigh the same: see
    `cases_for_equivalence`. A pair whose differences are all equal has that p where they are within. NaN
    where a pair has no error: it shows nothing.
    """
    pairs = [one for i, j in combinations(among, 2) if (one := estimates[i][j])]
    return float(np.max([_within(one, margin, span) for one in pairs]))


def _within(e: Estimate, margin: float, span: float) -> float:
    missed = math.exp(-margin / (span * e.heaviest)) if e.heaviest > 0 else 1.0
    if e.se == 0:
        return missed if abs(e.estimate) < margin else 1.0
    return max(missed, t_tail((margin - abs(e.estimate)) / e.se, e.df)) if e.se > 0 and e.df > 0 else NAN


def holm(p_values: ArrayLike) -> Array:
    """Holm's (1979) step-down adjustment of shape (m,); NaN stays NaN and is not counted as a test.

    The j-th smallest of m becomes the largest of (m − i + 1)·p_(i) over i <= j, at most 1.
    """
    p = np.asarray(p_values, dtype=np.float64)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    adjusted = p.copy()
    steps = p[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps)) if len(order) else []
    return adjusted


def sequence_radius(fraction: float, alpha: float = 0.05) -> float:
    """Half the width, in standard errors, of an interval that holds at all looks together with 1 − alpha.

    `fraction` is the information now over that planned: n/n*, or (SE*/SE)². Robbins's normal mixture in the
    form of Waudby-Smith et al. (2021), with m = fraction · (−2 ln α + ln(−2 ln α) + 1), which makes it
    narrowest near n*: √[(m + 1)/m · ln((m + 1)/α²)]. At α .05: 3.04 at the planned n, where a single look
    has 1.96.
    """
    require(fraction > 0, f"fraction is {fraction}; give the cases now over the cases planned, above 0.")
    ln = -2 * math.log(alpha)
    m = fraction * (ln + math.log(ln) + 1)
    return math.sqrt((m + 1) / m * math.log((m + 1) / alpha**2))


def sequence_alpha(fraction: float, alpha: float = 0.05) -> float:
    """The alpha at which to read any two-sided interval at a second or later look: 2Φ(−radius).

    Give it to `best`, `stratified` or `combine` in place of alpha (and half of that of 2α to equivalence): t
    intervals stay t intervals, at the tail that the confidence sequence has.
    """
    return 2 * float(ndtr(-sequence_radius(fraction, alpha)))
