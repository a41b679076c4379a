"""What rounds say together, what a comparison allows to say, and whether it survives."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchkit import stats


def scores(cases: int, seed: int = 0, shift: float = 0.0):
    """Per-case means of two correlated models, without ties."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0.5, 0.2, cases)
    return level + shift + rng.normal(0, 0.1, cases), level + rng.normal(0, 0.1, cases)


def test_case_means():
    """A case's mean is over its scored rounds, and NaN where none is scored."""
    got = stats.case_means([[1, 0, np.nan], [np.nan] * 3, [0.5, 0.5, 0.5]])
    assert got == pytest.approx([0.5, np.nan, 0.5], nan_ok=True)
    assert stats.case_means(np.empty((0, 3))).size == 0


def test_pass_hat_k():
    """pass^k by its formula: C(3,2)/C(4,2) for three right of four; too few rounds are left out."""
    values = [[1, 1, 1, 0], [1, 1, 1, 1], [0, 0, 1, 0], [1, np.nan, np.nan, np.nan]]
    assert stats.pass_hat_k_cases(values, 2) == pytest.approx([0.5, 1, 0, np.nan], nan_ok=True)
    got = stats.pass_hat_k(values, 2)
    assert (got.share, got.n, got.left_out) == (pytest.approx(0.5), 3, 1)
    assert stats.pass_hat_k(values).k == 4
    assert stats.pass_hat_k(values).share == pytest.approx(1 / 3)
    assert stats.pass_hat_k(values, 1).share == pytest.approx((0.75 + 1 + 0.25 + 1) / 4)
    assert math.isnan(stats.pass_hat_k(values, 9).share)


def test_pass_hat_k_is_unbiased():
    """Averaged over many draws of five rounds, the estimate for k = 3 is the cube of the chance."""
    draws = np.random.default_rng(1).random((40_000, 5)) < 0.7
    assert stats.pass_hat_k(draws, 3).share == pytest.approx(0.7**3, abs=0.006)


def test_round_agreement():
    """Pairs of rounds that agree, by hand; rounds that always agree put all variance between cases."""
    got = stats.round_agreement([[1, 1, 0], [0, 0, 0], [1, np.nan, np.nan]])
    assert (got.n, got.alike) == (2, pytest.approx((1 / 3 + 1) / 2))
    assert stats.round_agreement([[1, 1], [0, 0], [0.3, 0.3]]).intraclass == pytest.approx(1.0)
    assert math.isnan(stats.round_agreement([[1, 1], [1, 1]]).intraclass)
    assert stats.round_agreement([[1], [0]]).n == 0


def test_intraclass_known_answer():
    """The six targets and four judges of Shrout and Fleiss (1979) have ICC(1) = 0.17."""
    table = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert stats.round_agreement(table).intraclass == pytest.approx(0.17, abs=0.005)


@pytest.mark.parametrize(
    ("shift", "lower_is_better", "margin", "outcome"),
    [
        (0.3, False, None, "better_a"),
        (-0.3, False, 0.05, "better_b"),
        (0.3, True, None, "better_b"),
        (-0.3, True, 0.05, "better_a"),
        (0.0, False, 0.2, "equivalent"),
        (0.0, False, None, "inconclusive"),
    ],
)
def test_outcomes(shift, lower_is_better, margin, outcome):
    """Each direction of difference and metric has its outcome."""
    a, b = scores(60, seed=11)
    shifted = a - (a - b).mean() + shift + 0.001
    result = stats.paired(shifted, b, lower_is_better=lower_is_better, resamples=0)
    assert stats.decide(result, margin=margin).outcome == outcome


def test_equivalence_comes_before_a_winner():
    """A difference that is told from zero and lies within the margin is equivalent, and says so."""
    a, b = scores(3000, seed=2, shift=0.01)
    got = stats.decide(stats.paired(a, b, resamples=0), margin=0.05)
    assert (got.outcome, got.significant) == ("equivalent", True)
    assert stats.decide(stats.paired(a, b, resamples=0)).outcome == "better_a"


def test_adjusted_p_decides():
    """A p adjusted by the caller takes the place of the comparison's own."""
    a, b = scores(60, seed=11, shift=0.05)
    result = stats.paired(a, b, resamples=0)
    assert stats.decide(result).outcome == "better_a"
    assert stats.decide(result, p_value=0.2).outcome == "inconclusive"


def test_inconclusive_says_how_many():
    """The number of cases is the fewest whose t test has the power: the planning formula's, and two more."""
    a, b = scores(20, seed=6)
    result = stats.paired(a, b, resamples=0)
    got = stats.decide(result, margin=0.03)
    assert got.outcome == "inconclusive"
    assert got.resolves == 0.03
    variance = float(np.var(a - b, ddof=1))
    assert got.cases_needed == stats.cases_needed(0.03, variance) + 2
    assert stats.planned_power(0.03, got.cases_needed, variance) >= 0.8
    assert stats.planned_power(0.03, got.cases_needed - 1, variance) < 0.8
    assert got.more_cases == got.cases_needed - 20


def test_still_in_the_running():
    """A model stays unless it is shown worse than the best; one without scores never is in."""
    p = np.array([[1, 0.01, 0.3], [0.01, 1, 0.6], [0.3, 0.6, 1]])
    assert stats.still_in_the_running([0.9, 0.5, 0.8], p) == (0, 2)
    assert stats.still_in_the_running([0.9, 0.5, 0.8], p, lower_is_better=True) == (1, 2)
    assert stats.still_in_the_running([0.9, math.nan, 0.8], p) == (0, 2)
    assert stats.still_in_the_running([math.nan], [[math.nan]]) == ()


def test_rounds_needed_is_enough_and_no_more():
    """The returned rounds reach the difference, one fewer does not, and beyond ω² none do."""
    k = stats.rounds_needed(0.09, 198, 1 / 9, 1 / 6, 1 / 6)
    assert stats.detectable_difference(198, 1 / 9, 1 / 6, 1 / 6, k, k) <= 0.09
    assert stats.detectable_difference(198, 1 / 9, 1 / 6, 1 / 6, k - 1, k - 1) > 0.09
    assert stats.rounds_needed(0.05, 198, 1 / 9, 1 / 6, 1 / 6) is None
    assert stats.rounds_needed(0.5, 198, 1 / 9, 1 / 6, 1 / 6) == 1


def test_one_variance_for_looking_back_and_ahead():
    """At the comparison's own rounds it is n·SE², clusters included; other rounds change only the noise."""
    rng = np.random.default_rng(2)
    a, b = rng.random((30, 1)) + rng.normal(0, 0.3, (2, 30, 3))
    a[3, 1] = np.nan
    labels = np.arange(30) % 5
    result = stats.paired(stats.case_means(a), stats.case_means(b), clusters=labels, resamples=0)
    got, parts = stats.case_variance(result, a, b), stats.variance_components(a, b)
    assert got.at(3) == pytest.approx(30 * result.standard_error**2)
    assert got.at(1) - got.at(3) == pytest.approx(2 * (got.sigma2_a + got.sigma2_b) / 3)
    assert (got.df, got.clusters) == (pytest.approx(4), pytest.approx(5))
    assert got.sigma2_a / got.sigma2_b == pytest.approx(parts.sigma2_a / parts.sigma2_b)
    needed = stats.enough_cases(got, 0.05, 3, alpha=0.05, power=0.8)
    assert needed == math.ceil(stats.t_factor(0.05, 0.8, got.df) * got.at(3) / 0.05**2)
    assert stats.decide(result, margin=0.05, variance=got).cases_needed == needed
    third = stats.decide(result, margin=0.05, variance=got, comparisons=3)
    assert third.cases_needed == stats.enough_cases(got, 0.05, 3, alpha=0.05 / 3, power=0.8) > needed
    assert stats.enough_cases(got, 1e-5, 3, alpha=0.05, power=0.8) is None


def test_clusters_that_show_less_than_the_noise_leave_no_variance_between_cases():
    """Where by chance n·SE² is below what rounds add, all of it is noise, and still n·SE²."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 0.3, (2, 40, 2))
    rank = np.argsort(np.argsort(stats.case_means(a - b)))
    labels = np.minimum(rank, 39 - rank) % 5  # the highest with the lowest: every cluster's mean is alike
    result = stats.paired(stats.case_means(a), stats.case_means(b), clusters=labels, resamples=0)
    got = stats.case_variance(result, a, b)
    assert (got.omega2, got.told) == (0, False)
    assert got.at(2) == pytest.approx(40 * result.standard_error**2)
    assert got.at(4) == pytest.approx(got.at(2) / 2)


def test_as_unsure_as_the_variance():
    """The chi-square interval by hand: 4 degrees of freedom leave a factor of 23 between its ends."""
    assert stats.as_unsure_as(4, 1000) == (round(4000 / 11.1433), math.ceil(4000 / 0.484419))
    assert all(math.isnan(one) for one in stats.as_unsure_as(math.nan, 10))


def test_the_variance_between_cases_has_an_interval():
    """Williams and Tukey hold the truth about 95 times in 100, also 0; so does the interval of the share."""
    rng, held = np.random.default_rng(5), []
    for omega2 in (0.0, 0.02):
        low = omega2 / (omega2 + 2 * 0.09 / 3)
        for _ in range(400):
            gap = rng.normal(0, math.sqrt(omega2), (20, 1))
            got = stats.variance_components(gap + rng.normal(0, 0.3, (20, 3)), rng.normal(0, 0.3, (20, 3)))
            held.append((got.omega2_low <= omega2 <= got.omega2_high, got.share_low <= low <= got.share_high))
    assert np.mean(held, axis=0) == pytest.approx([0.955, 0.955], abs=0.025)


def test_bounds():
    """Unscored responses are worst for one model and best for the other, by hand, in both directions."""
    a, b = [[1.0, np.nan], [0.5, 0.5]], [[0.0, 0.0], [np.nan, np.nan]]
    got = stats.bounds(a, b, worst=0.0, best=1.0)
    assert (got.unscored_a, got.unscored_b) == (1, 2)
    assert got.against_a.difference == pytest.approx((0.5 - 0 + 0.5 - 1) / 2)
    assert got.for_a.difference == pytest.approx((1 - 0 + 0.5 - 0) / 2)
    lower = stats.bounds(a, b, worst=2.0, best=0.0)
    assert lower.against_a.lower_is_better
    assert lower.against_a.difference > lower.for_a.difference


def test_leaving_out():
    """Each cluster is left out once; the case left out is the one that most favours the leader."""
    a, b = np.array([1.0, 0.9, 0.2, 0.4]), np.array([0.0, 0.8, 0.3, 0.4])
    each = stats.without_each_cluster(a, b, ["x", "x", "y", "z"])
    assert {k: v.n for k, v in each.items()} == {"x": 2, "y": 3, "z": 3}
    assert each["y"].difference == pytest.approx((1 + 0.1 + 0) / 3)
    assert stats.without_extreme_case(a, b).difference == pytest.approx(0, abs=1e-12)
    mirrored = stats.without_extreme_case(b, a, clusters=["x", "x", "y", "z"])
    assert mirrored.difference == pytest.approx(0, abs=1e-12)
    assert mirrored.clusters == 3


def test_proportion():
    """Caught 9 of 10: Wilson's interval; nothing tried has no share."""
    got = stats.proportion(9, 10)
    assert (got.share, got.ci_low, got.ci_high) == pytest.approx((0.9, 0.5958, 0.9821), abs=1e-4)
    assert math.isnan(stats.proportion(0, 0).share)
