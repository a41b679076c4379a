"""How far the rounds of a case agree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from benchkit.stats.checks import Array, rounds_table
from benchkit.stats.estimates import NAN
from benchkit.stats.shares import case_means


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far rounds of the same case agree; NaN where no case has two scored rounds."""

    n: int  # cases with at least two scored rounds
    alike: float  # 0..1: share of pairs of rounds with the same score, averaged over cases
    intraclass: float  # ICC(1): share of the variance that lies between cases; NaN where all scores are equal


def round_agreement(values: ArrayLike, *, tolerance: float = 1e-9) -> Agreement:
    """Agreement between rounds, (cases, rounds) with NaN; scores within `tolerance` count as the same."""
    array = rounds_table(values)
    array = array[(~np.isnan(array)).sum(axis=1) > 1]
    if not len(array):
        return Agreement(0, NAN, NAN)
    pairs = np.zeros(len(array))
    same = np.zeros(len(array))
    for i, j in combinations(range(array.shape[1]), 2):
        gap = np.abs(array[:, i] - array[:, j])
        pairs += ~np.isnan(gap)
        same += gap <= tolerance
    return Agreement(len(array), float(np.mean(same / pairs)), _intraclass(array))


def _intraclass(array: Array) -> float:
    """ICC(1) of a one-way analysis of variance with unequal numbers of rounds."""
    scored = ~np.isnan(array)
    counts, total, cases = scored.sum(axis=1), int(scored.sum()), len(array)
    if cases < 2:
        return NAN
    means = case_means(array)
    grand = float(np.nansum(array)) / total
    between = float(np.sum(counts * (means - grand) ** 2)) / (cases - 1)
    within = float(np.nansum((array - means[:, None]) ** 2)) / (total - cases)
    per_case = (total - float(np.sum(counts**2)) / total) / (cases - 1)
    spread = between + (per_case - 1) * within
    return (between - within) / spread if spread > 0 else NAN
