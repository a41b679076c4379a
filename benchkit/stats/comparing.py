"""Two models on the same cases: the difference, four ways to be unsure of it, and what to be wary of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats as scipy_stats

from benchkit.domain import ROUNDING
from benchkit.stats.checks import Array, Labels, check_share, cluster_codes, require, vector
from benchkit.stats.means import NAN, MeanEstimate, checked_estimate
from benchkit.stats.resampling import bca_interval, sign_flip_p


@dataclass(frozen=True, slots=True)
class Paired:
    """A paired comparison; `difference` is mean A − mean B, NaN what n < 2 or no variance leaves unknown."""

    n: int  # cases that both models have a score for
    mean_a: float
    mean_b: float
    difference: float
    standard_error: float
    df: float
    ci_low: float  # t interval at level 1 − alpha
    ci_high: float
    bca_low: float  # bootstrap interval at the same level
    bca_high: float
    p_value: float  # two-sided paired t
    p_permutation: float  # two-sided sign flip
    effect_size: float  # Cohen's d_z: difference over the standard deviation of per-case differences
    wins: int  # cases where A is better
    ties: int
    losses: int
    clusters: int  # distinct labels, 0 where none were given
    clustered: bool  # the error is that of whole clusters
    alpha: float
    lower_is_better: bool
    span: float | None  # largest possible per-case difference, None if unbounded
    warnings: tuple[str, ...]


def paired(
    a: ArrayLike,
    b: ArrayLike,
    *,
    clusters: Labels | None = None,
    alpha: float = 0.05,
    seed: int = 0,
    resamples: int = 2000,
    lower_is_better: bool = False,
    span: float | None = None,
) -> Paired:
    """Compare per-case means a and b, shape (n,), the same case at the same position.

    `clusters` labels each case; error and degrees of freedom are then those of the clusters (see
    `estimate_mean`), and bootstrap and sign flips also take whole clusters, keeping the wider answer (with
    C clusters no sign-flip p is below 2^(1−C)). `resamples=0` skips both (NaN). Above 2,000
    cases they use the expansion of their distribution unless a few cases carry the mean. With few clusters,
    as with few cases, a bootstrap interval is too narrow: decide on the t interval, read the other beside it.

    Edges. n < 2: no error, interval or p (NaN, with a warning). All differences equal: standard error 0,
    effect size 0 or NaN, bootstrap NaN; the interval needs `span`, the largest possible |a − b| (1 for
    scores in 0..1), and says what n equal differences exclude, NaN without it; p is 1 for no difference,
    else `equal_differences_p`, which agrees with that interval. Raises UsageError for mismatched shapes,
    NaN, an alpha outside 0..1 or negative resamples.
    """
    a, b = vector(a, "a"), vector(b, "b")
    _check(a, b, alpha, resamples, span)
    codes = cluster_codes(clusters, len(a))
    limits = None if span is None else (-span, span)
    estimate = checked_estimate(a - b, codes, alpha, limits, _scale(a, b))
    # Equal differences have no error, of clusters or of cases; their signs flip with their clusters still.
    grouped = estimate.clustered or (estimate.standard_error == 0 and 1 < estimate.clusters < estimate.n)
    resampled = _resample(a - b, codes if grouped else None, estimate, seed, resamples)
    return _result(a, b, estimate, resampled, lower_is_better, span)


def _result(
    a: Array,
    b: Array,
    estimate: MeanEstimate,
    resampled: tuple[float, float, float],
    lower_is_better: bool,
    span: float | None,
) -> Paired:
    wins, ties, losses = _count(b - a if lower_is_better else a - b, _scale(a, b))
    return Paired(
        n=estimate.n,
        mean_a=float(a.mean()) if len(a) else NAN,
        mean_b=float(b.mean()) if len(b) else NAN,
        difference=estimate.mean,
        standard_error=estimate.standard_error,
        df=estimate.df,
        ci_low=estimate.ci_low,
        ci_high=estimate.ci_high,
        bca_low=resampled[0],
        bca_high=resampled[1],
        p_value=_p_value(estimate, span, equal=wins == losses == 0),
        p_permutation=resampled[2],
        effect_size=_effect_size(a - b, estimate, equal=wins == losses == 0),
        wins=wins,
        ties=ties,
        losses=losses,
        clusters=estimate.clusters,
        clustered=estimate.clustered,
        alpha=estimate.alpha,
        lower_is_better=lower_is_better,
        span=span,
        warnings=estimate.warnings,
    )


def _scale(a: Array, b: Array) -> float:
    """The largest score, against which a difference is rounding or not."""
    return float(max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0)))


def _check(a: Array, b: Array, alpha: float, resamples: int, span: float | None) -> None:
    require(
        len(a) == len(b),
        f"a has {len(a)} cases and b has {len(b)}; keep only the cases that both models have a score for.",
    )
    check_share(alpha, "alpha")
    require(resamples >= 0, f"resamples is {resamples}; give 0 to skip resampling, or about 2000.")
    widest = float(np.abs(a - b).max(initial=0.0))
    require(
        span is None or span >= widest * (1 - ROUNDING),
        f"span is {span} but two scores differ by {widest:g}; give the largest possible difference, or None.",
    )


def _count(gain: Array, scale: float) -> tuple[int, int, int]:
    """Cases that A wins, ties and loses; gains below rounding are ties."""
    wins, losses = int(np.sum(gain > ROUNDING * scale)), int(np.sum(gain < -ROUNDING * scale))
    return wins, len(gain) - wins - losses, losses


def _p_value(estimate: MeanEstimate, span: float | None, equal: bool) -> float:
    if estimate.n < 2:
        return NAN
    if estimate.standard_error == 0:
        return 1.0 if equal else equal_differences_p(estimate.mean, estimate.n, span)
    t = abs(estimate.mean) / estimate.standard_error
    return float(2 * scipy_stats.t.sf(t, estimate.df))


def equal_differences_p(difference: float, n: int, span: float | None) -> float:
    """The alpha at which n equal differences just exclude a mean of zero: (span/(span + |difference|))^n.

    That is where the interval of equal values ends, so that p and interval say the same. Without a span there
    is no interval, and the p of n equal signs is 2^(1−n).
    """
    return 2.0 ** (1 - n) if span is None else (span / (span + abs(difference))) ** n


def _effect_size(difference: Array, estimate: MeanEstimate, equal: bool) -> float:
    if estimate.n < 2:
        return NAN
    if estimate.standard_error == 0:
        return 0.0 if equal else NAN
    return estimate.mean / float(difference.std(ddof=1))


def _resample(
    difference: Array, codes: NDArray[np.intp] | None, estimate: MeanEstimate, seed: int, resamples: int
) -> tuple[float, float, float]:
    """BCa interval and sign-flip p: the wider and the larger of cases and, where given, whole clusters."""
    if resamples == 0 or estimate.n < 2:
        return NAN, NAN, NAN
    if estimate.standard_error == 0:
        equal = difference if codes is None else np.bincount(codes, weights=difference).astype(np.float64)
        return NAN, NAN, sign_flip_p(equal, seed=seed, resamples=resamples)
    units = [(difference, np.ones(len(difference)))]
    if codes is not None:
        units.append(
            (np.bincount(codes, weights=difference).astype(np.float64), np.bincount(codes).astype(np.float64))
        )
    ends = [bca_interval(s, m, alpha=estimate.alpha, seed=seed, resamples=resamples) for s, m in units]
    flips = [sign_flip_p(s, seed=seed, resamples=resamples) for s, _ in units]
    return min(low for low, _ in ends), max(high for _, high in ends), max(flips)
