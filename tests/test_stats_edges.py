"""Where statistics have nothing to say, and what must hold for any data."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchkit import stats
from benchkit.errors import UsageError


def scores(cases: int, seed: int = 0, shift: float = 0.0):
    """Per-case means of two correlated models, without ties."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0.5, 0.2, cases)
    return level + shift + rng.normal(0, 0.1, cases), level + rng.normal(0, 0.1, cases)


@pytest.mark.parametrize("n", [0, 1])
def test_too_few_cases(n):
    """No or one case: counts and means, no interval, a warning, and an inconclusive decision."""
    got = stats.paired(np.full(n, 0.7), np.full(n, 0.5), clusters=["x"] * n)
    assert (got.n, got.wins) == (n, n)
    assert all(math.isnan(x) for x in (got.ci_low, got.bca_low, got.p_value, got.p_permutation, got.df))
    assert "at least 2" in got.warnings[0]
    verdict = stats.decide(got, margin=0.1)
    assert (verdict.outcome, verdict.more_cases) == ("inconclusive", None)


def test_identical_models():
    """Models that never differ: p is 1, no interval without a range, equivalent only with enough cases."""
    few, many = (stats.paired(np.ones(n), np.ones(n), span=1) for n in (10, 200))
    assert (few.p_value, few.p_permutation, few.effect_size, few.ties) == (1, 1, 0, 10)
    assert few.ci_high == pytest.approx(1 - 0.05 ** (1 / 10))
    assert stats.decide(few, margin=0.05).outcome == "inconclusive"
    assert stats.decide(few, margin=0.05).cases_needed == math.ceil(math.log(0.05) / math.log(0.95))
    assert stats.decide(many, margin=0.05).outcome == "equivalent"
    unbounded = stats.paired(np.ones(200), np.ones(200))
    assert math.isnan(unbounded.ci_low)
    assert stats.decide(unbounded, margin=0.05).outcome == "inconclusive"


@pytest.mark.parametrize("gap", [0.05, 0.3, -0.9])
def test_equal_differences_say_one_thing(gap):
    """p is under alpha just where the interval excludes zero, and the cases needed are where that begins."""
    shown = []
    for n in range(2, 90):
        a, b = np.full(n, max(gap, 0.0)), np.full(n, max(-gap, 0.0))
        got = stats.paired(a, b, span=1, resamples=0)
        shown.append(got.ci_low > 0 or got.ci_high < 0)
        assert shown[-1] == (got.p_value < 0.05) == (stats.decide(got).outcome != "inconclusive")
    needed = stats.decide(stats.paired(a[:2], b[:2], span=1, resamples=0)).cases_needed
    assert shown.index(True) + 2 == needed


def test_constant_difference():
    """A wins every case by the same amount: what n equal differences exclude, whatever rounding does."""
    b = np.random.default_rng(0).random(12)
    got = stats.paired(b + 0.1, b, span=1, clusters=list("abcabcabcabc"))
    assert (got.standard_error, got.wins) == (0, 12)
    assert got.p_permutation == 0.25  # three clusters
    assert stats.paired(b + 0.1, b, span=1).p_permutation == 2.0**-11
    assert got.p_value == pytest.approx((1 / 1.1) ** 12)
    assert stats.paired(b + 0.1, b).p_value == 2.0**-11
    assert got.ci_low <= 0.1 <= got.ci_high
    assert stats.decide(got).outcome == "inconclusive"
    three = stats.decide(stats.paired([0.5] * 3, [0.0] * 3))
    assert (three.outcome, three.more_cases) == ("inconclusive", 3)


def test_warnings_are_plain():
    """Under 15 cases or 5 clusters there is a sentence that says so; otherwise there is none."""
    a, b = scores(20)
    assert stats.paired(a, b, clusters=list("abcde") * 4, resamples=0).warnings == ()
    few = stats.paired(a[:9], b[:9], clusters=list("abcabcabc"), resamples=0).warnings
    assert [w.split(",")[0] for w in few] == ["Only 9 cases", "Only 3 clusters"]
    assert "one cluster" in stats.paired(a, b, clusters=["x"] * 20, resamples=0).warnings[0]
    uneven = stats.paired(a, b, clusters=list("abcde") + ["a"] * 15, resamples=0).warnings
    assert "5 clusters of very unequal size count as 2" in uneven[0]


def test_every_cluster_by_luck_the_same():
    """Coarse scores that give every cluster one mean are luck: the cases' error, the clusters' freedom."""
    d = np.array([1, 0, 0, 1, 0, 0, 0, 1, 0])
    got = stats.paired(d, np.zeros(9), clusters=list("aaabbbccc"), resamples=0)
    assert (got.standard_error, got.df) == (pytest.approx(d.std(ddof=1) / 3), 2)
    assert got.p_value > 0.1


def test_own_mean_leaves_unscored_cases_out():
    """A case without a score is left out with its label; equal values have an interval only with limits."""
    got = stats.model_mean([[1, 1], [np.nan, np.nan], [0, np.nan]], clusters=["x", "y", "z"])
    assert (got.estimate.n, got.estimate.mean, got.estimate.clusters) == (2, 0.5, 2)
    assert (got.rows, got.unscored) == (3, 3)
    perfect = stats.model_mean(np.ones((20, 3)), limits=(0, 1)).estimate
    assert (perfect.ci_low, perfect.ci_high) == pytest.approx((0.05 ** (1 / 20), 1))


def test_one_round_cannot_be_split():
    """With one round per case all variance counts as between cases, and a warning says why."""
    rng = np.random.default_rng(0)
    a, b = rng.random((30, 1)), rng.random((30, 1))
    got = stats.variance_components(a, b)
    assert (got.sigma2_a, got.separable) == (0, False)
    assert got.omega2 == pytest.approx(np.var(a - b, ddof=1))
    assert "one round" in got.warnings[0]
    assert math.isnan(stats.variance_components(a[:1], b[:1]).omega2)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: stats.paired([1, 2], [1]), "a has 2 cases and b has 1"),
        (lambda: stats.paired([1, np.nan], [1, 2]), "the first at position 1"),
        (lambda: stats.paired([[1]], [[1]]), r"shape \(n,\)"),
        (lambda: stats.paired([1, 2], [1, 3], clusters=["x"]), "1 labels for 2 cases"),
        (lambda: stats.paired([1, 2], [1, 3], alpha=5), "alpha is 5"),
        (lambda: stats.paired([1, 2], [1, 3], resamples=-1), "resamples is -1"),
        (lambda: stats.paired([1, 5], [1, 3], span=1), "differ by 2"),
        (lambda: stats.case_means([1, 2]), "cases, rounds"),
        (lambda: stats.equivalence(stats.paired([1, 2], [1, 3]), 0), "margin is 0"),
        (lambda: stats.cases_needed(0, 1), "delta is 0"),
        (lambda: stats.cases_needed(0.1, -1), "omega2 is -1"),
        (lambda: stats.pass_hat_k([[0.5, 1]], 1), "0 or 1"),
        (lambda: stats.bounds([[1]], [[0]], worst=1, best=1), "both 1"),
        (lambda: stats.proportion(3, 2), "3 successes of 2"),
        (lambda: stats.holm([1.2]), "between 0 and 1"),
        (lambda: stats.model_mean([[1], [0]], clusters=["x"]), "1 labels for 2 cases"),
    ],
)
def test_wrong_calls_say_what_and_where(call, says):
    """A call that cannot be answered names the argument, the place and the remedy."""
    with pytest.raises(UsageError, match=says):
        call()


# Properties. Scores are eighths: sums are exact, so a tie is a tie.

eighths = st.integers(-16, 16).map(lambda i: i / 8)
cases = st.lists(st.tuples(eighths, eighths, st.sampled_from("abcdef")), min_size=2, max_size=40)
few_examples = settings(max_examples=60, deadline=None)


def columns(rows):
    a, b, labels = zip(*rows, strict=True)
    return np.array(a), np.array(b), list(labels)


def spread_of(result):
    return result.ci_high - result.ci_low


@few_examples
@given(cases)
@example([(0.0, 0.0, "a"), (0.0, 0.0, "b"), (0.0, 0.125, "c"), (0.0, -0.125, "a")])
def test_swapping_mirrors(rows):
    """A against B is the mirror image of B against A, bootstrap included."""
    a, b, labels = columns(rows)
    one = stats.paired(a, b, clusters=labels, resamples=99)
    two = stats.paired(b, a, clusters=labels, resamples=99)
    near = {"abs": 1e-9, "nan_ok": True}
    assert (one.difference, one.ci_low, one.bca_low) == pytest.approx(
        (-two.difference, -two.ci_high, -two.bca_high), **near
    )
    assert (one.p_value, one.p_permutation) == pytest.approx((two.p_value, two.p_permutation), **near)
    assert (one.wins, one.ties, one.losses) == (two.losses, two.ties, two.wins)
    assert one.effect_size == pytest.approx(-two.effect_size, **near)


@few_examples
@given(cases, eighths)
def test_a_shift_of_both_changes_nothing(rows, shift):
    """What is added to both models changes nothing; added to one it moves the difference alone."""
    a, b, labels = columns(rows)
    plain = stats.paired(a, b, clusters=labels, resamples=99)
    both = stats.paired(a + shift, b + shift, clusters=labels, resamples=99)
    for field in ("difference", "standard_error", "ci_low", "bca_high", "p_value", "p_permutation", "wins"):
        assert getattr(both, field) == pytest.approx(getattr(plain, field), abs=1e-9, nan_ok=True)
    one = stats.paired(a + shift, b, clusters=labels, resamples=0)
    assert one.difference == pytest.approx(plain.difference + shift, abs=1e-9)
    assert one.standard_error == pytest.approx(plain.standard_error, abs=1e-9)


@few_examples
@given(cases, st.randoms(use_true_random=False))
def test_order_of_cases_is_nothing(rows, random):
    """The order in which cases arrive changes no result, bootstrap included."""
    shuffled = random.sample(rows, len(rows))
    one, two = (
        stats.paired(a, b, clusters=c, resamples=99) for a, b, c in (columns(rows), columns(shuffled))
    )
    for field in ("difference", "ci_low", "ci_high", "bca_low", "bca_high", "p_value", "p_permutation"):
        assert getattr(one, field) == pytest.approx(getattr(two, field), abs=1e-9, nan_ok=True)


@few_examples
@given(cases)
def test_clusters_are_the_sample(rows):
    """Labels bring their own error and fewer degrees of freedom, never fewer than one; distinct ones nothing.

    The bootstrap and the sign flips beside it keep the wider answer.
    """
    a, b, labels = columns(rows)
    plain = stats.paired(a, b, resamples=99)
    wide = stats.paired(a, b, clusters=labels, resamples=99)
    assert wide.clustered == (plain.standard_error > 0 and 1 < len(set(labels)) < len(a))
    if not wide.clustered:
        assert (wide.standard_error, wide.df) == pytest.approx((plain.standard_error, plain.df), nan_ok=True)
        return
    assert wide.standard_error > 0
    assert 1 <= wide.df + 1e-9 <= len(set(labels))
    assert wide.bca_low <= plain.bca_low
    assert wide.bca_high >= plain.bca_high
    assert wide.p_permutation >= plain.p_permutation
    alone = stats.paired(a, b, clusters=range(len(a)), resamples=99)
    assert (alone.df, alone.standard_error) == (plain.df, plain.standard_error)


@few_examples
@given(st.lists(st.sampled_from("abcdef"), min_size=2, max_size=40))
def test_effective_clusters(labels):
    """Clusters of one size count as many as there are, unequal ones as fewer, one alone as none."""
    got = stats.effective_clusters(labels)
    sizes = [labels.count(label) for label in set(labels)]
    if len(sizes) == 1:
        assert math.isnan(got)
    elif len(set(sizes)) == 1:
        assert got == pytest.approx(len(sizes))
    else:
        assert 2 - 1e-9 <= got < len(sizes) + 1e-9


@few_examples
@given(cases)
def test_interval_and_p_tell_the_same(rows):
    """The interval excludes zero exactly where p is below alpha, and counts add up."""
    a, b, labels = columns(rows)
    got = stats.paired(a, b, clusters=labels, resamples=0)
    assert got.wins + got.ties + got.losses == got.n
    if got.standard_error > 0 and abs(got.p_value - 0.05) > 1e-9:
        assert (got.p_value < 0.05) == (got.ci_low > 0 or got.ci_high < 0)
    assert stats.decide(got, margin=0.3).outcome in stats.OUTCOMES


@few_examples
@given(cases, st.floats(0.05, 2))
def test_inconclusive_always_asks_for_more(rows, margin):
    """An open decision never says that the cases at hand are enough."""
    a, b, _ = columns(rows)
    verdict = stats.decide(stats.paired(a, b, resamples=0, span=4), margin=margin)
    if verdict.outcome == "inconclusive" and verdict.more_cases is not None:
        assert verdict.more_cases >= 1
        assert verdict.resolves > 0
