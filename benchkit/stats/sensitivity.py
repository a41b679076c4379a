"""Does the comparison survive: the unscored responses, the loss of a cluster, the loss of one case?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from benchkit.stats.checks import Array, Labels, check_share, cluster_codes, require, rounds_table, vector
from benchkit.stats.comparing import Paired, paired
from benchkit.stats.means import case_means


@dataclass(frozen=True, slots=True)
class Bounds:
    """The comparison if every unscored response were worst for one model and best for the other."""

    against_a: Paired
    for_a: Paired
    unscored_a: int
    unscored_b: int


def bounds(
    values_a: ArrayLike,
    values_b: ArrayLike,
    *,
    worst: float,
    best: float,
    clusters: Labels | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    resamples: int = 0,
) -> Bounds:
    """Compare (cases, rounds) arrays with every NaN filled by `worst` for one model and `best` for the other.

    A lower-is-better metric has worst > best; for one without an upper bound give the worst score seen.
    Every planned case takes part, also those that the main comparison had to leave out.
    """
    a, b = rounds_table(values_a, "values_a"), rounds_table(values_b, "values_b")
    require(len(a) == len(b), f"values_a has {len(a)} cases and values_b {len(b)}; give the same cases.")
    require(worst != best, f"worst and best are both {best}; give the two ends of the metric's range.")

    def compare(fill_a: float, fill_b: float) -> Paired:
        return paired(
            case_means(_filled(a, fill_a)),
            case_means(_filled(b, fill_b)),
            clusters=clusters,
            alpha=alpha,
            seed=seed,
            resamples=resamples,
            lower_is_better=worst > best,
        )

    missing_a, missing_b = int(np.isnan(a).sum()), int(np.isnan(b).sum())
    return Bounds(compare(worst, best), compare(best, worst), missing_a, missing_b)


def without_each_cluster(
    a: ArrayLike,
    b: ArrayLike,
    clusters: Labels,
    *,
    alpha: float = 0.05,
    lower_is_better: bool = False,
    span: float | None = None,
) -> dict[str, Paired]:
    """The comparison of per-case means (n,) without each cluster in turn, by label; no resampling."""
    x, y = vector(a, "a"), vector(b, "b")
    check_share(alpha, "alpha")
    require(len(x) == len(y), f"a has {len(x)} cases and b has {len(y)}; give the same cases.")
    cluster_codes(clusters, len(x))
    labels = np.asarray([str(label) for label in clusters], dtype=str)
    return {
        str(label): paired(
            x[labels != label],
            y[labels != label],
            clusters=labels[labels != label],
            alpha=alpha,
            resamples=0,
            lower_is_better=lower_is_better,
            span=span,
        )
        for label in np.unique(labels)
    }


def without_extreme_case(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: Labels | None = None,
    alpha: float = 0.05,
    lower_is_better: bool = False,
    span: float | None = None,
) -> Paired:
    """The comparison of per-case means (n,) without the one case that most favours the leader."""
    x, y = vector(a, "a"), vector(b, "b")
    require(len(x) == len(y), f"a has {len(x)} cases and b has {len(y)}; give the same cases.")
    kept = np.ones(len(x), dtype=bool)
    if len(x):
        gap = x - y
        kept[np.argmax(gap if gap.mean() >= 0 else -gap)] = False
    labels = None if clusters is None else [c for c, keep in zip(clusters, kept, strict=True) if keep]
    return paired(
        x[kept],
        y[kept],
        clusters=labels,
        alpha=alpha,
        resamples=0,
        lower_is_better=lower_is_better,
        span=span,
    )


def _filled(values: Array, fill: float) -> Array:
    return np.where(np.isnan(values), fill, values)
