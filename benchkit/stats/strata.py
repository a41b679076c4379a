"""A mean difference over fixed, weighted categories, with the error of cases or of families of cases.

The categories are the ones that matter, not a sample of categories: what differs between them is no error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from benchkit.domain import ROUNDING
from benchkit.stats.checks import Array, Labels, check_share, require
from benchkit.stats.estimates import NAN, Estimate
from benchkit.stats.sampling import Codes, Design, design, scored

OWN_VARIANCE = 10  # cases in every category from which each has its own variance
ALIKE = 0.02  # spread over mean below which differences are called nearly equal


@dataclass(frozen=True, slots=True)
class Moments:
    """`moments` of m comparisons: estimate, se and df (m,), influence (m, cases or families)."""

    estimate: Array
    se: Array
    df: Array
    influence: Array


def stratified(
    d: ArrayLike,
    strata: Labels | Design | None = None,
    weights: Mapping[str, float] | None = None,
    families: Labels | None = None,
    *,
    alpha: float = 0.05,
) -> Estimate:
    """Δ = Σ w_c d̄_c of per-case differences d, shape (n,), NaN for a case without a value.

    Error, with n_c cases of C strata: SE² = s² Σ w_c²/n_c, s² = Σ_c Σ_i (d_i − d̄_c)²/(n − C), t with n − C
    degrees of freedom, which is ordinary least squares on category dummies; where every n_c >= 10, SE² =
    Σ w_c² s_c²/n_c with Welch's and Satterthwaite's df. Without strata both are the paired t. `families`:
    the cluster-robust CR2 of Bell and McCaffrey (2002) with their df, see `moments`. A Design in place of
    labels saves reading them again.

    Edges. Fewer than two cases, or as many strata as cases: no error, NaN. All differences equal (to
    rounding): se 0, no interval, no t test, and the p of `Estimate.at`. A stratum without any value gives its
    weight to the others, with a warning. Families that by luck have one mean: the error of cases. Raises
    UsageError for infinite values and for labels or weights that do not fit.
    """
    values = np.asarray(d, dtype=np.float64)
    require(values.ndim == 1, f"d has shape {values.shape}; give one difference per case, shape (n,).")
    require(not np.isinf(values).any(), "d holds infinite differences; use NaN for a case without a value.")
    check_share(alpha, "alpha")
    whole = strata if isinstance(strata, Design) else design(len(values), strata, weights, families)
    require(whole.n == len(values), f"d has {len(values)} cases and the design {whole.n}.")
    kept = ~np.isnan(values)
    part, notes = scored(whole, kept)
    if not part.n:
        empty = np.zeros(len(values))
        return Estimate(NAN, NAN, NAN, NAN, NAN, NAN, alpha, 0, 0, 0, empty, empty, (*notes, "No case."))
    return _estimate(values, kept, part, alpha, notes)


def moments(d: Array, cases: Design) -> Moments:
    """`stratified` of many comparisons at once: d has shape (m, n), without NaN.

    With families the estimate's variance is Σ_g (a_g'e_g)², where a case of stratum c in a family with m_gc
    cases there has a = w_c/(n_c √(1 − m_gc/n_c)): CR2, which here has this closed form, since the hat matrix
    of category dummies is blocks of 1/n_c; a family may reach over strata. df = (tr M)²/tr(M²),
    M_gh = a_g'(I − H)a_h. A stratum that is one family has no error of its own: it takes the others', by
    effective number of families n_c²/Σ m_gc².
    """
    sizes = np.bincount(cases.strata, minlength=len(cases.weights))
    member = np.eye(len(sizes))[cases.strata]
    means = (d @ member) / sizes
    left = d - means[:, cases.strata]
    if cases.families is not None:
        influence, df = _of_families(left, cases, sizes)
    elif sizes.min() >= OWN_VARIANCE or len(sizes) == 1:
        influence, df = _own_variances(left, cases, sizes, member)
    else:
        free = cases.n - len(sizes)
        influence = left * math.sqrt(float(np.sum(cases.weights**2 / sizes)) / free if free else NAN)
        df = np.full(len(d), float(free))
    return Moments(means @ cases.weights, np.sqrt(np.sum(influence**2, axis=1)), df, influence)


def _own_variances(left: Array, cases: Design, sizes: Codes, member: Array) -> tuple[Array, Array]:
    free = sizes - 1
    scale = cases.weights / np.sqrt(np.where(free > 0, sizes * free, NAN))
    influence = left * scale[cases.strata]
    parts = influence**2 @ member
    spread = np.sum(parts**2 / np.maximum(free, 1), axis=1)
    whole = np.sum(parts, axis=1) ** 2
    return influence, np.divide(whole, spread, out=np.full(len(left), float(free.sum())), where=spread > 0)


def _of_families(left: Array, cases: Design, sizes: Codes) -> tuple[Array, Array]:
    assert cases.families is not None
    count, strata = int(cases.families.max()) + 1, len(sizes)
    table = np.zeros((count, strata))
    np.add.at(table, (cases.families, cases.strata), 1.0)
    alone = (table == sizes).any(axis=0)
    room = np.where(table < sizes, 1 - table / sizes, np.inf)
    factor = np.where(alone, 0.0, cases.weights / sizes) / np.sqrt(room)
    order = np.argsort(cases.families, kind="stable")
    starts = np.searchsorted(cases.families[order], np.arange(count))
    sums = np.add.reduceat((left * factor[cases.families, cases.strata])[:, order], starts, axis=1)
    own = np.sum(factor**2 * table, axis=1)
    reach = factor * table / np.sqrt(sizes)
    trace = float(own.sum() - np.sum(reach**2))
    square = float(np.sum(own**2) - 2 * own @ np.sum(reach**2, axis=1) + np.sum((reach.T @ reach) ** 2))
    effective = sizes.astype(np.float64) ** 2 / np.sum(table**2, axis=0)
    each = cases.weights**2 / effective
    known = float(each[~alone].sum())
    scale = math.sqrt(float(each.sum()) / known) if known > 0 else NAN
    return sums * scale, np.full(len(left), trace**2 / square if square > 0 else NAN)


def _estimate(values: Array, kept: Codes, part: Design, alpha: float, notes: list[str]) -> Estimate:
    d = values[kept]
    found = moments(d[None, :], part)
    estimate, se, df = float(found.estimate[0]), float(found.se[0]), float(found.df[0])
    rounding = ROUNDING * (1 + float(np.abs(d).max()))
    if part.families is not None and se <= rounding < float(np.ptp(d)):
        note = "All families have the same mean, by luck: the error is that of single cases."
        return _estimate(values, kept, replace(part, families=None, first=None), alpha, [*notes, note])
    influence, coefficients = np.zeros(len(values)), np.zeros(len(values))
    influence[np.flatnonzero(kept) if part.first is None else part.first] = found.influence[0]
    if se <= rounding:
        estimate = 0.0 if abs(estimate) <= rounding else estimate
        se, df, influence = 0.0, (df if df > 0 else part.n - 1.0), influence * 0
    coefficients[kept] = (part.weights / np.bincount(part.strata, minlength=len(part.weights)))[part.strata]
    known = Estimate(
        *(estimate, se, df, NAN, NAN, NAN, alpha, part.n, len(part.weights)),
        0 if part.first is None else len(part.first),
        influence,
        coefficients,
        (*notes, *_warnings(part, estimate, se, float(np.ptp(d)) <= rounding)),
    )
    return known.at(alpha)


def _warnings(part: Design, estimate: float, se: float, equal: bool) -> list[str]:
    if part.n < 2:
        return ["One case: an error needs at least 2."]
    if math.isnan(se):
        return ["Every category is one case or one family: nothing tells what is chance."]
    if se == 0:
        signs = f"; p is that of {part.n} equal signs" if estimate else ""
        where = "" if equal else " within their categories"
        return [f"All {part.n} differences are equal{where}: no variance, no t test{signs}."]
    if se * math.sqrt(part.n) < ALIKE * abs(estimate):
        return ["The differences are nearly equal: their interval knows nothing of cases unlike these."]
    return []
