"""Reading a result more than once: the confidence sequence of the normal mixture."""

from __future__ import annotations

import math

from scipy.special import ndtr

from benchkit.stats.checks import check_share, require


def sequence_radius(fraction: float, alpha: float = 0.05) -> float:
    """Half the width, in standard errors, of an interval that holds at all looks together with 1 − alpha.

    `fraction` is the information now over that planned: n/n*, or (SE*/SE)². Robbins's normal mixture in the
    form of Waudby-Smith et al. (2021), with m = fraction · (−2 ln α + ln(−2 ln α) + 1), which makes it
    narrowest near n*: √[(m + 1)/m · ln((m + 1)/α²)]. At α .05: 3.04 at the planned n, where a single look
    has 1.96.
    """
    check_share(alpha, "alpha")
    require(fraction > 0, f"fraction is {fraction}; give the cases now over the cases planned, above 0.")
    ln = -2 * math.log(alpha)
    m = fraction * (ln + math.log(ln) + 1)
    return math.sqrt((m + 1) / m * math.log((m + 1) / alpha**2))


def sequence_alpha(fraction: float, alpha: float = 0.05) -> float:
    """The alpha at which to read any two-sided interval at a second or later look: 2Φ(−radius).

    Give it to `best`, `stratified` or `combine` in place of alpha (and half of that of 2α to `equivalent`):
    t intervals stay t intervals, at the tail that the confidence sequence has.
    """
    return 2 * float(ndtr(-sequence_radius(fraction, alpha)))
