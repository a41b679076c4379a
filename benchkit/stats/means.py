"""A mean whose error knows that cases are the sample and that cases of one cluster resemble each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from benchkit.domain import ROUNDING
from benchkit.stats.checks import Array, Labels, check_share, cluster_codes, require, rounds_table, vector
from benchkit.stats.shares import case_means

FEW_CASES, FEW_CLUSTERS = 15, 5
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """The mean of one value per case with its standard error and t interval; NaN where n < 2."""

    n: int  # cases
    mean: float
    standard_error: float
    df: float  # degrees of freedom of the t interval
    ci_low: float
    ci_high: float
    alpha: float
    clusters: int  # distinct labels, 0 where none were given
    clustered: bool  # the error is that of whole clusters
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelMean:
    """One model's own mean over cases, beside the naive error that takes every row for a case of its own."""

    estimate: MeanEstimate
    rows: int  # scored responses
    unscored: int  # responses without a score
    naive_standard_error: float  # only to show what pooling rounds would claim


def estimate_mean(
    values: ArrayLike,
    *,
    clusters: Labels | None = None,
    alpha: float = 0.05,
    limits: tuple[float, float] | None = None,
) -> MeanEstimate:
    """Mean of one value per case, t interval at level 1 − alpha; with `clusters` the clusters are the sample.

    Labels bring the cluster-robust error (see `clustered_standard_error`) with its own degrees of freedom,
    C − 1 for clusters of one size: wide where a cluster's cases move together, and as rough as few clusters
    are. Labels that are all different change nothing. With `limits`, the lowest and highest possible value,
    the interval ends there at the latest. Taking the larger of this and the usual error looks
    safe and is not: it rejects 3 % of equal models, not 5 %, where clusters do not matter, and finds no
    more (benchmarks/calibration.py). Values that are all equal carry no variance to estimate an interval
    from. With `limits` the interval is then what n equal values exclude: at most a share 1 − alpha^(1/n) of
    all cases differs. Without, it is NaN.
    """
    x = vector(values, "values")
    check_share(alpha, "alpha")
    codes = cluster_codes(clusters, len(x))
    return checked_estimate(x, codes, alpha, limits, scale=float(np.abs(x).max(initial=0.0)))


def model_mean(
    values: ArrayLike,
    *,
    clusters: Labels | None = None,
    alpha: float = 0.05,
    limits: tuple[float, float] | None = None,
) -> ModelMean:
    """One model's mean over cases from (cases, rounds) with NaN; cases without any score are left out.

    `clusters` labels the cases (their category), not the rounds: a case's rounds are already inside its
    mean.
    """
    array = rounds_table(values)
    means = case_means(array)
    kept = ~np.isnan(means)
    labels = None if clusters is None else _kept_labels(clusters, kept)
    rows = array[~np.isnan(array)]
    naive = float(rows.std(ddof=1) / math.sqrt(rows.size)) if rows.size > 1 else NAN
    estimate = estimate_mean(means[kept], clusters=labels, alpha=alpha, limits=limits)
    return ModelMean(estimate, int(rows.size), int(array.size - rows.size), naive)


def clustered_standard_error(values: ArrayLike, clusters: Labels) -> float:
    """Cluster-robust standard error of a mean, NaN under 2 clusters: sqrt(Σ_c s_c² / (1 − n_c/n)) / n.

    s_c is the sum of x_i − x̄ over cluster c, n_c its number of cases. For clusters of one size that is the
    finite-cluster correction C/(C−1) of Miller (2024), "Adding error bars to evals"; for others it is CR2
    (Bell and McCaffrey 2002), which C/(C−1) falls short of.
    """
    x = vector(values, "values")
    codes = cluster_codes(clusters, len(x))
    return _cluster_error(x, codes)[0] if codes is not None and len(x) else NAN


def effective_clusters(clusters: Labels) -> float:
    """How many clusters of one size these labels are worth: the degrees of freedom of a mean's error, plus 1.

    All labels different give the number of cases; NaN under 2 clusters.
    """
    codes = cluster_codes(clusters, len(clusters))
    return _freedom(np.bincount(codes)) + 1 if codes is not None and len(codes) else NAN


def checked_estimate(
    x: Array,
    codes: NDArray[np.intp] | None,
    alpha: float,
    limits: tuple[float, float] | None,
    scale: float,
) -> MeanEstimate:
    """`estimate_mean` on checked arrays; deviations below ROUNDING · scale count as none."""
    n, groups = len(x), 0 if codes is None else int(codes.max(initial=-1)) + 1
    mean = float(x.mean()) if n else NAN
    error = float(x.std(ddof=1) / math.sqrt(n)) if n > 1 else NAN
    if n > 1 and np.ptp(x) <= ROUNDING * scale:
        error = 0.0
    df = float(n - 1) if n > 1 else NAN
    clustered = codes is not None and 1 < groups < n and error > 0
    if codes is not None and clustered:
        of_clusters, df = _cluster_error(x, codes)
        # Coarse scores can give every cluster the same mean: that is luck, not certainty.
        error = of_clusters if of_clusters > ROUNDING * scale else error
    low, high = _interval(mean, error, df, alpha, n, limits)
    notes = _warnings(n, groups, df if clustered else NAN, error, limits)
    if error > 0 and limits is not None and (low == limits[0] or high == limits[1]):
        notes = (*notes, "The interval is cut off at the end of what is possible.")
    return MeanEstimate(n, mean, error, df, low, high, alpha, groups, clustered, notes)


def _cluster_error(x: Array, codes: NDArray[np.intp]) -> tuple[float, float]:
    """CR2 error of a mean and its degrees of freedom; NaN under 2 clusters."""
    sizes, n = np.bincount(codes), len(x)
    if len(sizes) < 2:
        return NAN, NAN
    sums = np.bincount(codes, weights=x - x.mean())
    return math.sqrt(float(np.sum(sums**2 / (1 - sizes / n)))) / n, _freedom(sizes)


def _freedom(sizes: NDArray[np.intp]) -> float:
    """Satterthwaite's degrees of freedom of the CR2 error of a mean, for cases that do not move together.

    The matrices of Bell and McCaffrey have this closed form where a mean is all that is estimated.
    """
    if len(sizes) < 2:
        return NAN
    n, squares = float(sizes.sum()), sizes.astype(np.float64) ** 2
    across = squares / (n - sizes)
    return n**2 / float(squares.sum() + across.sum() ** 2 - across @ across)


def _interval(
    mean: float, error: float, df: float, alpha: float, n: int, limits: tuple[float, float] | None
) -> tuple[float, float]:
    if error == 0:
        if limits is None:
            return NAN, NAN
        share = 1 - alpha ** (1 / n)
        return mean - share * (mean - limits[0]), mean + share * (limits[1] - mean)
    half = float(scipy_stats.t.ppf(1 - alpha / 2, df)) * error
    if limits is None:
        return mean - half, mean + half
    # What cannot be is not in the interval, and that costs no coverage.
    return max(limits[0], mean - half), min(limits[1], mean + half)


def _warnings(
    n: int, groups: int, df: float, error: float, limits: tuple[float, float] | None
) -> tuple[str, ...]:
    notes = []
    if n < 2:
        notes.append(f"{n} {'case' if n == 1 else 'cases'}: an interval needs at least 2.")
    elif n < FEW_CASES:
        notes.append(f"Only {n} cases, fewer than {FEW_CASES}: the interval is rough.")
    if groups == 1:
        notes.append("All cases are of one cluster: what clusters add to the error cannot be seen.")
    elif 1 < groups < FEW_CLUSTERS:
        notes.append(f"Only {groups} clusters, fewer than {FEW_CLUSTERS}: their error is rough.")
    elif df < FEW_CLUSTERS - 1.5:
        notes.append(f"{groups} clusters of very unequal size count as {df + 1:.1f}: their error is rough.")
    if error == 0:
        told = (
            "and so no interval"
            if limits is None
            else "and the interval is how far the mean could move if cases that were not tried did otherwise"
        )
        notes.append(f"All {n} cases give the same value: there is no spread to make an error of, {told}.")
    return tuple(notes)


def _kept_labels(clusters: Labels, kept: NDArray[np.bool_]) -> list[object]:
    require(
        len(clusters) == len(kept),
        f"clusters has {len(clusters)} labels for {len(kept)} cases; give one label per case.",
    )
    return [label for label, keep in zip(clusters, kept, strict=True) if keep]
