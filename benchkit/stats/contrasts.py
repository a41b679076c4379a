"""Which of several models is best: simultaneous intervals against the best of the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import chdtrc, ndtri
from scipy.stats import qmc

from benchkit.stats.checks import Array, require
from benchkit.stats.estimates import Estimate, Pairs, t_quantile, t_tail

POINTS, SEED = 13, 7  # 2^13 quasi-random points: critical values are good to three digits
LARGEST, BIN = 1024, 64
LEADER = 0.9  # of alpha, for a model that beats each of several others


@dataclass(frozen=True, slots=True)
class Contrasts:
    """Each of M models against the best of the others, U_i − max_{j≠i} U_j; all of shape (M,)."""

    difference: Array  # to the model that looks best among the others
    rival: tuple[int, ...]  # which that is
    low: Array  # simultaneous at level 1 − alpha
    high: Array
    contender: tuple[bool, ...]  # not shown worse than the best
    tail: Array  # the one-sided tail of the t quantile that makes model i's intervals simultaneous


def best(table: Pairs, *, alpha: float = 0.05) -> Contrasts:
    """Multiple comparisons with the best (Edwards and Hsu 1983) from pairwise estimates.

    `table` is what `pairwise` gives: [i][j] is U_i − U_j. With each model i in turn as the control, c_i makes
    all |U_ij − Û_ij| <= c_i SE_ij at once with 1 − alpha, by the multivariate t of the estimates'
    correlations (from their influence values, so pairs may rest on different cases). Models with
    Û_ij + c_i SE_ij >= 0 for all j may be the best: the contenders, G. Then, for all i at once with at least
    1 − alpha,
      min_{j in G, j≠i} (Û_ij − c_j SE_ij) <= U_i − max_{j≠i} U_j <= min_{j≠i} (Û_ij + c_i SE_ij), i in G;
    a sole contender's lower end is min_j (Û_ij − c_i SE_ij), one who is no contender is held against G.

    A model shown better than each of the others, pair by pair, is the sole contender: to be the best it has
    to beat all, which needs no adjustment for their number (intersection-union, Berger 1982; Hsu and Berger
    1999). Its lower end is then the one above where that is above 0, else min_j (Û_ij − t SE_ij), t at alpha;
    with three models or more at .9 alpha, which leaves room for the others' intervals. Simulated, a wrong
    sole contender stays below alpha and all intervals hold together with 1 − alpha
    (tests/test_stats_contrasts.py).

    Two models: exactly the t interval. A pair without an error shows nothing. Raises UsageError for fewer
    than 2 models.
    """
    require(len(table) >= 2, f"{len(table)} model: a comparison with the best needs at least 2.")
    tails = np.array([_tail(i, table, alpha) for i in range(len(table))])
    gap = np.array([[0.0 if e is None else e.estimate for e in row] for row in table])
    half = np.array([[_half(e, tails[i]) for e in row] for i, row in enumerate(table)])
    np.fill_diagonal(gap, np.inf)
    np.fill_diagonal(half, 0.0)
    with np.errstate(invalid="ignore"):
        up = np.where(np.isinf(half), np.inf, gap + half).min(axis=1)
    among = up >= 0
    if not among.any():  # each is shown worse than another, on different cases: none is left out
        among = np.ones(len(table), dtype=bool)
    alone = _alone(table, gap, alpha)
    if alone.max() > 0:
        among = alone == alone.max()
    ends = [_ends(i, gap, half, among, up) for i in range(len(table))]
    rival = np.where(np.isnan(gap), np.inf, gap).argmin(axis=1)
    return Contrasts(
        difference=gap[np.arange(len(table)), rival],
        rival=tuple(rival.tolist()),
        low=np.array(
            [low if low > 0 or one <= 0 else one for (low, _), one in zip(ends, alone, strict=True)]
        ),
        high=np.array([high for _, high in ends]),
        contender=tuple(among.tolist()),
        tail=tails,
    )


def simultaneous_t(correlation: Array, df: float, alpha: float, *, two_sided: bool = True) -> float:
    """c with P(max |T_j| <= c) = 1 − alpha (T_j <= c if one-sided) for a multivariate t; Dunnett (1955).

    `correlation` has shape (k, k). One comparison is Student's t; more are integrated by randomised
    quasi-Monte Carlo with a fixed seed over the normal part and exactly over the chi-square part.
    """
    k = len(correlation)
    if k == 1:
        return t_quantile(alpha / 2 if two_sided else alpha, df)
    values, vectors = np.linalg.eigh(correlation)
    z = _points(k) @ (vectors * np.sqrt(np.clip(values, 0, None))).T
    most = np.sort(np.maximum(np.abs(z).max(axis=1) if two_sided else z.max(axis=1), 0.0))
    # Only the largest need to be told apart; the others are taken BIN at a time.
    most = np.concatenate([most[:-LARGEST].reshape(-1, BIN).mean(axis=1), most[-LARGEST:]])
    share = np.where(np.arange(len(most)) < len(most) - LARGEST, BIN, 1) / 2**POINTS

    def excess(c: float) -> float:
        return float(chdtrc(df, df * (most / c) ** 2) @ share) - (1 - alpha)

    tail = alpha / 2 if two_sided else alpha
    least, most_of_all = t_quantile(tail, df), t_quantile(tail / k, df)  # one comparison; Bonferroni's
    return float(brentq(excess, 0.98 * least, 1.02 * most_of_all, xtol=1e-5))


def pair_alpha(models: int, df: float, alpha: float = 0.05) -> float:
    """The level of one two-sided comparison where `models` are compared with the best one, as one plans it.

    Dunnett's constant with correlations of one half, those of models that were asked alike.
    """
    if models < 3:
        return alpha
    correlation = np.full((models - 1, models - 1), 0.5) + 0.5 * np.eye(models - 1)
    return 2 * t_tail(simultaneous_t(correlation, df, alpha), df)


@lru_cache(maxsize=8)
def _points(k: int) -> Array:
    u = qmc.Sobol(k, scramble=True, rng=SEED).random_base2(POINTS)
    return ndtri(np.clip(u, 1e-12, 1 - 1e-12))


def _tail(i: int, table: Pairs, alpha: float) -> float:
    """The one-sided tail at which model i's own pairs hold at once; pairs may differ in df."""
    usable = [e for e in table[i] if e is not None and e.se > 0]
    if len(usable) < 2:
        return alpha / 2
    influence = np.array([e.influence for e in usable])
    correlation = influence @ influence.T / np.outer([e.se for e in usable], [e.se for e in usable])
    np.fill_diagonal(correlation, 1.0)
    df = float(np.median([e.df for e in usable]))
    return t_tail(simultaneous_t(np.clip(correlation, -1, 1), df, alpha), df)


def _half(e: Estimate | None, tail: float) -> float:
    """Half the width of a pair's interval: 0 without variance, infinite without an error."""
    if e is None or e.se == 0:
        return 0.0
    return t_quantile(tail, e.df) * e.se if e.se > 0 and e.df > 0 else np.inf


def _alone(table: Pairs, gap: Array, alpha: float) -> Array:
    """Per model min_j (Û_ij − t SE_ij); above 0 for one at most."""
    tail = alpha / 2 * (LEADER if len(table) > 2 else 1.0)
    half = np.array([[_half(e, tail) for e in row] for row in table])
    return np.where(np.isinf(half), -np.inf, gap - half).min(axis=1)


def _ends(i: int, gap: Array, half: Array, among: np.ndarray, up: Array) -> tuple[float, float]:
    rivals = among.copy()
    rivals[i] = False
    with np.errstate(invalid="ignore"):
        below = np.where(np.isinf(half), -np.inf, gap - half)
        against = np.where(np.isinf(half[:, i]), -np.inf, gap[i] - half[:, i])[rivals]
        above = np.where(np.isinf(half[:, i]), np.inf, gap[i] + half[:, i])[rivals]
    low = float(against.min()) if rivals.any() else max(0.0, float(below[i].min()))
    if among[i]:
        return low, float(up[i])
    return low, min(0.0, float(above.max()))
