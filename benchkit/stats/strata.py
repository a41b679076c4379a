"""A mean difference over fixed, weighted categories, with the error of cases or of families of cases.

The categories are the ones that matter, not a sample of categories: what differs between them is no error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchkit.domain import ROUNDING
from benchkit.stats.checks import Array, Labels, require
from benchkit.stats.estimates import NAN, Estimate, normalised

OWN_VARIANCE = 10  # cases in every category from which each has its own variance
ALIKE = 0.02  # spread over mean below which differences are called nearly equal
Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Design:
    """How cases were sampled: made once by `design`, used by every comparison of the same n cases."""

    n: int
    strata: Codes  # (n,) which stratum
    labels: tuple[str, ...]  # of the strata
    weights: Array  # (strata,) sum 1
    given: bool  # whether they were named, so that one of 0 leaves its cases out; else the cases' shares
    families: Codes | None  # (n,) which family; None where every case is its own
    first: Codes | None  # (families,) the place of each family's first case


def design(
    n: int,
    strata: Labels | None = None,
    weights: Mapping[str, float] | None = None,
    families: Labels | None = None,
) -> Design:
    """Labels of n cases as a Design; `weights` by stratum, by default the cases' shares.

    Weights are normalised. Raises UsageError for labels that are not one per case, for a weight that names
    no stratum, and for a stratum without a weight (0 leaves it out). A family "" or None is a case of its
    own.
    """
    codes, labels = np.zeros(n, dtype=np.intp), ("all",)
    if strata is not None:
        require(len(strata) == n, f"strata has {len(strata)} labels for {n} cases; give one label per case.")
        known, codes = np.unique(np.asarray([str(one) for one in strata], dtype=str), return_inverse=True)
        labels = tuple(known.tolist())
    shares = np.bincount(codes, minlength=len(labels)) if weights is None else _given(weights, labels)
    family, first = (None, None) if families is None else _families(families, n)
    used = normalised(shares.astype(np.float64), "category weights") if n else np.ones(len(labels))
    return Design(n, codes, labels, used, weights is not None, family, first)


def _given(weights: Mapping[str, float], labels: tuple[str, ...]) -> Array:
    unknown = ", ".join(sorted(set(weights) - set(labels)))
    require(not unknown, f"weights name {unknown}; the categories are {', '.join(labels)}.")
    without = ", ".join(sorted(set(labels) - set(weights)))
    require(not without, f"weights leave out {without}; give every category one, 0 to ignore it.")
    return np.array([weights[label] for label in labels], dtype=np.float64)


def _families(families: Labels, n: int) -> tuple[Codes | None, Codes | None]:
    require(len(families) == n, f"families has {len(families)} labels for {n} cases; give one per case.")
    own = [f"\0{i}" if label is None or label == "" else str(label) for i, label in enumerate(families)]
    known, first, codes = np.unique(np.asarray(own, dtype=str), return_index=True, return_inverse=True)
    return (None, None) if len(known) == n else (codes, first.astype(np.intp))


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
    degrees of freedom, which is ordinary least squares on category dummies; where every n_c >= 10, or weights
    are given, SE² = Σ w_c² s_c²/n_c with Welch's and Satterthwaite's df. Without strata both are the paired
    t. `families`: the cluster-robust CR2 of Bell and McCaffrey (2002) with their df, see `_of_families`. A
    Design in place of labels saves reading them again.

    Edges. Fewer than two cases, or as many strata as cases: no error, NaN. All differences equal (to
    rounding): se 0, no interval, no t test, and the p of `Estimate.at`. A stratum without any value gives its
    weight to the others, with a warning. Families that by luck have one mean: the error of cases. Differences
    that are equal within every category, as those of one case each are, and not between them: the error
    without categories. Raises UsageError for labels or weights that do not fit.
    """
    values = np.asarray(d, dtype=np.float64)
    whole = strata if isinstance(strata, Design) else design(len(values), strata, weights, families)
    require(whole.n == len(values), f"d has {len(values)} cases and the design {whole.n}.")
    kept = ~np.isnan(values) & ~(whole.given & (whole.weights[whole.strata] == 0))
    part, notes = _scored(whole, kept)
    if not part.n:
        empty = np.zeros(len(values))
        return Estimate(NAN, NAN, NAN, NAN, NAN, NAN, alpha, 0, 0, 0, 0.0, empty, empty, (*notes, "No case."))
    return _estimate(values, kept, part, alpha, notes)


def _scored(whole: Design, kept: NDArray[np.bool_]) -> tuple[Design, list[str]]:
    """The design of the cases that have a value; strata without any hand their weight to the others."""
    counts = np.bincount(whole.strata[kept], minlength=len(whole.labels))
    if kept.all() and counts.all():
        return whole, []
    present = np.flatnonzero(counts)
    lost = [whole.labels[c] for c in np.flatnonzero(counts == 0) if whole.weights[c] > 0]
    notes = [f"No case with a value in {', '.join(lost)}: its weight goes to the others."] if lost else []
    if not whole.weights[present].any():
        present, kept = present[:0], kept & False
    weights = whole.weights[present]
    place = np.zeros(len(whole.labels), dtype=np.intp)
    place[present] = np.arange(len(present))
    family = first = None
    if whole.families is not None and whole.first is not None:
        seen, family = np.unique(whole.families[kept], return_inverse=True)
        first = whole.first[seen]
    labels = tuple(whole.labels[c] for c in present)
    counted, strata = int(kept.sum()), place[whole.strata[kept]]
    return Design(counted, strata, labels, weights / weights.sum(), whole.given, family, first), notes


def _estimate(values: Array, kept: Codes, part: Design, alpha: float, notes: list[str]) -> Estimate:
    d, strata = values[kept], part.strata
    sizes = np.bincount(strata, minlength=len(part.weights))
    means = np.bincount(strata, d, len(sizes)) / sizes
    moved, df = _influence(d - means[strata], part, sizes)
    estimate, se = float(means @ part.weights), math.sqrt(float(np.sum(moved**2)))
    rounding = ROUNDING * (1 + float(np.abs(d).max()))
    if se <= rounding < float(np.ptp(d)):
        if part.families is not None:
            note = "All families have the same mean, by luck: the error is that of single cases."
            lucky = _estimate(values, kept, replace(part, families=None, first=None), alpha, [*notes, note])
            units, heaviest = _units(part, lucky.coefficients[kept])
            return replace(lucky, units=units, heaviest=heaviest).at(alpha)
        note = "Differences are equal within every category: the error is that of cases without categories."
        notes = [*notes, note]
        moved, df = _pooled(d - d.mean(), part, sizes, part.n - 1)
        se = math.sqrt(float(np.sum(moved**2)))
    influence, coefficients = np.zeros(len(values)), np.zeros(len(values))
    influence[np.flatnonzero(kept) if part.first is None else part.first] = moved
    if se <= rounding:
        estimate = 0.0 if abs(estimate) <= rounding else estimate
        se, df, influence = 0.0, (df if df > 0 else part.n - 1.0), influence * 0
    coefficients[kept] = (part.weights / sizes)[strata]
    known = Estimate(
        *(estimate, se, df, NAN, NAN, NAN, alpha, part.n, len(sizes)),
        *_units(part, coefficients[kept]),
        influence,
        coefficients,
        tuple(notes),
    )
    return replace(known, warnings=(*notes, *_warnings(known))).at(alpha)


def _units(part: Design, coefficients: Array) -> tuple[int, float]:
    """(sampled units, the largest share of the estimate that one has)."""
    each = coefficients if part.families is None else np.bincount(part.families, coefficients)
    return len(each), float(each.max())


def _influence(left: Array, cases: Design, sizes: Codes) -> tuple[Array, float]:
    """(influence of each case or family, df) of what each case's difference leaves of its category's mean."""
    if cases.families is not None:
        return _of_families(left, cases, sizes)
    free = sizes - 1
    if cases.given and sizes.min() < OWN_VARIANCE and len(sizes) > 1:
        return _own(left, cases, sizes)
    if sizes.min() < OWN_VARIANCE and len(sizes) > 1:
        return _pooled(left, cases, sizes, int(free.sum()))
    influence = left * (cases.weights / np.sqrt(np.where(free > 0, sizes * free, NAN)))[cases.strata]
    parts = np.bincount(cases.strata, influence**2, len(sizes))
    spread = float(np.sum(parts**2 / np.maximum(free, 1)))
    return influence, float(np.sum(parts)) ** 2 / spread if spread > 0 else float(free.sum())


def _own(left: Array, cases: Design, sizes: Codes) -> tuple[Array, float]:
    """Each category's own variance, also of few cases, with Welch's and Satterthwaite's df.

    Weights that were named may give the smallest category the most: its error is then not that of the others,
    which a pooled s² says it is (coverage .43 of a noisier one of 5 cases). One case, or few that are all
    equal, tell no variance: they take the largest that another category shows, the most that is known.
    """
    free, squares = sizes - 1, np.bincount(cases.strata, left**2, len(sizes))
    if not free.any():
        return left * NAN, 0.0
    silent = (np.sqrt(squares) <= ROUNDING) & (sizes < OWN_VARIANCE)
    variance = np.where(silent, 0.0, squares / np.maximum(free, 1))
    factor = np.where(silent, 0.0, cases.weights**2 / sizes)
    factor[variance.argmax()] += float(np.sum((cases.weights**2 / sizes)[silent]))
    parts = factor * variance
    spread = float(np.sum(parts**2 / np.maximum(free, 1)))
    df = float(parts.sum()) ** 2 / spread if spread > 0 else float(free.sum())
    return left * np.sqrt(factor / np.maximum(free, 1))[cases.strata], df


def _pooled(left: Array, cases: Design, sizes: Codes, df: int) -> tuple[Array, float]:
    """The influence of cases that have one variance in all categories, with `df` degrees of freedom."""
    scale = math.sqrt(float(np.sum(cases.weights**2 / sizes)) / df) if df else NAN
    return left * scale, float(df)


def _of_families(left: Array, cases: Design, sizes: Codes) -> tuple[Array, float]:
    """CR2: the estimate's variance is Σ_g (a_g'e_g)².

    A case of stratum c in a family with m_gc cases there has a = w_c/(n_c √(1 − m_gc/n_c)); CR2 has this
    closed form here, since the hat matrix of category dummies is blocks of 1/n_c. A family may reach over
    strata. df = (tr M)²/tr(M²), M_gh = a_g'(I − H)a_h. A stratum that is one family has no error of its own:
    it takes the others', by effective number of families n_c²/Σ m_gc².
    """
    assert cases.families is not None
    assert cases.first is not None
    count = len(cases.first)
    table = np.zeros((count, len(sizes)))
    np.add.at(table, (cases.families, cases.strata), 1.0)
    alone = (table == sizes).any(axis=0)
    room = np.where(table < sizes, 1 - table / sizes, np.inf)
    factor = np.where(alone, 0.0, cases.weights / sizes) / np.sqrt(room)
    sums = np.bincount(cases.families, left * factor[cases.families, cases.strata], count)
    own = np.sum(factor**2 * table, axis=1)
    reach = factor * table / np.sqrt(sizes)
    trace = float(own.sum() - np.sum(reach**2))
    square = float(np.sum(own**2) - 2 * own @ np.sum(reach**2, axis=1) + np.sum((reach.T @ reach) ** 2))
    effective = sizes.astype(np.float64) ** 2 / np.sum(table**2, axis=0)
    each = cases.weights**2 / effective
    known = float(each[~alone].sum())
    scale = math.sqrt(float(each.sum()) / known) if known > 0 else NAN
    return np.asarray(sums * scale, np.float64), trace**2 / square if square > 0 else NAN


def _warnings(e: Estimate) -> list[str]:
    if e.n < 2:
        return ["One case: an error needs at least 2."]
    if math.isnan(e.se):
        return ["Every category is one case or one family: nothing tells what is chance."]
    if e.se == 0:
        of = " of families" if e.units < e.n else ""
        signs = f"; p is that of {e.units} equal signs{of}" if e.estimate else ""
        return [f"All {e.n} differences are equal: no variance, no t test{signs}."]
    if e.se * math.sqrt(e.units) < ALIKE * abs(e.estimate):
        return ["The differences are nearly equal: their interval knows nothing of cases unlike these."]
    return []
