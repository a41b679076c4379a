"""From comparisons to an outcome: adjustment, equivalence, and one of four verdicts."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats as scipy_stats

from benchkit.stats.checks import Array, check_share, require
from benchkit.stats.comparing import Paired
from benchkit.stats.means import NAN
from benchkit.stats.needed import CaseVariance, as_unsure_as, case_variance, enough_cases, enough_rounds

OUTCOMES = ("better_a", "better_b", "equivalent", "inconclusive")


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Two one-sided tests that the difference lies within ±margin; `equivalent` is p ≤ alpha."""

    margin: float
    p_value: float
    ci_low: float  # interval at level 1 − 2·alpha, the one that equivalence reads
    ci_high: float
    equivalent: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison allows to say. Where it is not `inconclusive`, nothing more is needed."""

    outcome: str  # one of OUTCOMES
    significant: bool  # the difference is told from zero; an equivalent pair may be that too
    p_value: float  # the one decided on, adjusted where the caller adjusted it
    p_equivalence: float  # likewise; NaN without a margin
    margin: float | None
    alpha: float
    resolves: float  # the difference that `more_cases` would settle; NaN where that is unknown or not needed
    cases_needed: int | None  # in all, at the same rounds; None where unknown, unheard of or not needed
    more_cases: int | None
    needed_low: float = NAN  # 95 % interval of `cases_needed`, as the variance is known no better
    needed_high: float = NAN
    rounds_needed: int | None = None  # in all, with the same cases; None where none would do or is known


def holm(p_values: ArrayLike) -> Array:
    """Holm's step-down adjustment of shape (m,); NaN stays NaN and is not counted as a test."""
    p = np.asarray(p_values, dtype=np.float64)
    require(p.ndim == 1, f"p_values has shape {p.shape}; give one list of p-values.")
    tested = ~np.isnan(p)
    require(bool(np.all((p[tested] >= 0) & (p[tested] <= 1))), "p_values must lie between 0 and 1.")
    adjusted = p.copy()
    if tested.sum() > 1:  # one p-value stays as it is, and a decision asks for that often
        # statsmodels takes a second to import; only this needs it.
        from statsmodels.stats.multitest import multipletests

        with _old_objects_left_alone():
            adjusted[tested] = multipletests(p[tested], method="holm")[1]
    return adjusted


@contextmanager
def _old_objects_left_alone() -> Iterator[None]:
    """Garbage collections see only what is made inside: `multipletests` forces a whole one at every call.

    Among a notebook's objects that takes 0.1 s each, nine tenths of the time that a decision takes.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def equivalence(result: Paired, margin: float, *, alpha: float | None = None) -> Equivalence:
    """Two one-sided t tests (Schuirmann 1987) against ±margin with the comparison's own error and df.

    Without variance the exact counterpart is used where `span` is known: the p at which n equal differences
    exclude enough deviating cases to leave the margin; p = 1 otherwise. NaN where n < 2.
    """
    require(margin > 0, f"margin is {margin}; name a difference above 0 that would not matter.")
    alpha = result.alpha if alpha is None else alpha
    check_share(alpha, "alpha")
    low = high = NAN
    if result.standard_error == 0:
        p = (1 - _tolerated_share(result, margin)) ** result.n
    elif result.n < 2:
        p = NAN
    else:
        error, df = result.standard_error, result.df
        p = float(scipy_stats.t.sf((margin - abs(result.difference)) / error, df))
        half = float(scipy_stats.t.ppf(1 - alpha, df)) * error
        most = math.inf if result.span is None else result.span
        low, high = max(-most, result.difference - half), min(most, result.difference + half)
    return Equivalence(margin, p, low, high, bool(p <= alpha))


def decide(
    result: Paired,
    *,
    margin: float | None = None,
    alpha: float | None = None,
    p_value: float | None = None,
    p_equivalence: float | None = None,
    comparisons: int = 1,
    variance: CaseVariance | None = None,
    power: float = 0.8,
) -> Verdict:
    """One of OUTCOMES, and for `inconclusive` how many cases would resolve which difference at `power`.

    Equivalence within the margin comes first: a difference that was declared not to matter makes no winner,
    even where it is told from zero (`significant` says so). `p_value` and `p_equivalence` replace the
    comparison's own, for those adjusted by `holm` among so many `comparisons`; the cases needed are then
    those of its first step, alpha/comparisons. `variance` also says how many rounds would do. The difference
    to resolve is the margin; where the cases already suffice for that, or without a margin, it is what the
    estimate leaves open: max(|difference|, margin − |difference|). Clusters are taken to stay as many as
    they are.
    """
    alpha = result.alpha if alpha is None else alpha
    check_share(alpha, "alpha")
    check_share(power, "power")
    require(comparisons >= 1, f"comparisons is {comparisons}; this one is 1 of them.")
    p = result.p_value if p_value is None else p_value
    p_same = NAN
    if margin:
        p_same = equivalence(result, margin, alpha=alpha).p_value if p_equivalence is None else p_equivalence
    significant = bool(p <= alpha) and result.difference != 0
    outcome = outcome_of(result, p, p_same, alpha)
    verdict = Verdict(outcome, significant, p, p_same, margin or None, alpha, NAN, None, None)
    if outcome != "inconclusive":
        return verdict
    known = case_variance(result) if variance is None else variance
    return _with_need(verdict, result, known, alpha / comparisons, power)


def outcome_of(result: Paired, p_value: float, p_equivalence: float, alpha: float) -> str:
    """One of OUTCOMES by two p-values that are adjusted already; NaN shows nothing."""
    if p_equivalence <= alpha:
        return "equivalent"
    if p_value <= alpha and result.difference != 0:
        return "better_a" if (result.difference > 0) != result.lower_is_better else "better_b"
    return "inconclusive"


def still_in_the_running(
    means: ArrayLike, p_adjusted: ArrayLike, *, alpha: float = 0.05, lower_is_better: bool = False
) -> tuple[int, ...]:
    """Positions of the models not shown worse than the one with the best mean.

    `means` has shape (m,), NaN for a model without scores (never in the running); `p_adjusted` has shape
    (m, m), symmetric, two-sided and already adjusted. A NaN there shows nothing, so that model stays in.
    """
    average, p = np.asarray(means, dtype=np.float64), np.asarray(p_adjusted, dtype=np.float64)
    require(p.shape == (average.size,) * 2, f"p_adjusted has shape {p.shape} for {average.size} means.")
    check_share(alpha, "alpha")
    if np.isnan(average).all():
        return ()
    best = int(np.nanargmin(average) if lower_is_better else np.nanargmax(average))
    worse = (p[best] <= alpha) & (average != average[best])
    return tuple(np.flatnonzero(~worse & ~np.isnan(average)).tolist())


def _with_need(
    verdict: Verdict, result: Paired, variance: CaseVariance, alpha: float, power: float
) -> Verdict:
    """The verdict with the difference that more cases would settle, how many that takes, and how surely."""
    if result.n < 2:
        return verdict
    if result.standard_error == 0:
        resolves, needed = _to_resolve_without_variance(result, verdict.margin, alpha)
        more = None if needed is None else needed - result.n
        return replace(verdict, resolves=resolves, cases_needed=needed, more_cases=more)
    how = {"alpha": alpha, "power": power}
    resolves, needed = _to_resolve(result, variance, verdict.margin, how)
    if not resolves or needed is None:
        return replace(verdict, resolves=resolves or NAN)
    low, high = as_unsure_as(variance.df, needed)
    rounds = enough_rounds(variance, resolves, result.n, **how)
    return replace(
        verdict,
        resolves=resolves,
        cases_needed=needed,
        more_cases=needed - result.n,
        needed_low=low,
        needed_high=high,
        rounds_needed=rounds if rounds is not None and rounds > variance.rounds else None,
    )


def _to_resolve(
    result: Paired, variance: CaseVariance, margin: float | None, how: dict[str, float]
) -> tuple[float, int | None]:
    """(the difference that more cases would settle, how many cases that takes in all)."""
    gap = abs(result.difference)
    if margin:
        needed = enough_cases(variance, margin, variance.rounds, **how)
        if needed is None or needed > result.n:
            return margin, needed
        gap = max(gap, margin - gap)
    needed = enough_cases(variance, gap, variance.rounds, **how) if gap else None
    return gap, None if needed is None else max(result.n + 1, needed)


def _to_resolve_without_variance(
    result: Paired, margin: float | None, alpha: float
) -> tuple[float, int | None]:
    if result.difference and not result.wins == result.losses == 0:
        return abs(result.difference), max(result.n + 1, _equal_cases(result, alpha))
    share = _tolerated_share(result, margin) if margin else 0.0
    if not margin or not share:
        return NAN, None
    return margin, max(result.n + 1, math.ceil(math.log(alpha) / math.log1p(-min(share, 1 - 1e-9))))


def _equal_cases(result: Paired, alpha: float) -> int:
    """How many equal differences it takes until `equal_differences_p` is at most alpha."""
    if result.span is None:
        return math.ceil(1 - math.log2(alpha))
    gap = abs(result.difference)
    return math.ceil(math.log(alpha) / math.log(result.span / (result.span + gap)))


def _tolerated_share(result: Paired, margin: float) -> float:
    """The share of deviating cases that keeps a mean of equal differences in the margin, 0 if not known."""
    gap = abs(result.difference)
    if result.span is None or gap >= margin:
        return 0.0
    return min(1.0, (margin - gap) / (result.span + gap))
