"""How many cases, how many rounds, how large a difference: known answers and what a pilot knows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.power import TTestPower

from benchkit.errors import UsageError
from benchkit.stats.estimates import combine
from benchkit.stats.sample_size import (
    Spread,
    needed_cases,
    needed_rounds,
    planned_power,
    round_noise,
    smallest_difference,
    spread,
    weighting,
)
from benchkit.stats.strata import stratified


def test_known_answers():
    """Design §5.6: 969 cases; 13.27 points at one round and 7.57 at ten."""
    # Those are of normal quantiles: what is planned with as the degrees of freedom grow without end.
    assert needed_cases(Spread(1 / 9, rate=1e6), 0.03).cases == 969
    for rounds, points in ((1, 0.1327), (10, 0.0757)):
        known = Spread(1 / 9, 1 / 3, rate=1e6)
        assert smallest_difference(known, 198, rounds=rounds) == pytest.approx(points, abs=5e-5)
    assert needed_cases(Spread(1 / 9), 0.03).cases == 971
    assert smallest_difference(Spread(1 / 9, 1 / 3), 198) == pytest.approx(0.1327, abs=1e-3)
    assert smallest_difference(Spread(1 / 9, 1 / 3), 198, rounds=10) == pytest.approx(0.0757, abs=1e-3)


@pytest.mark.parametrize(("rounds", "cut"), [(2, 1 / 3), (4, 1 / 2), (6, 5 / 9)])
def test_rounds_cut_variance(rounds, cut):
    """With a uniform chance per case, a binary score's variance falls by 1/3, 1/2, 5/9 at K = 2, 4, 6."""
    one = Spread(1 / 12, 1 / 6)
    assert 1 - one.at(rounds) / one.at() == pytest.approx(cut)


@pytest.mark.parametrize(("n", "delta"), [(15, 0.4), (50, 0.2), (200, 0.05), (969, 0.03)])
def test_power_is_the_noncentral_t(n, delta):
    """statsmodels' power of a paired t test."""
    expected = TTestPower().power(delta / 0.5, n, 0.05)
    assert planned_power(Spread(0.25), n, delta) == pytest.approx(expected, abs=1e-9)
    assert planned_power(Spread(15 * 0.01**2), 15, 9.0) == 1.0


@pytest.mark.parametrize("sizes", [(40,), (30, 30), (180, 20), (12, 15, 60)])
def test_weights_widen_an_error_as_an_estimate_has_it(sizes):
    """Cases that vary alike in every category: n·SE², df and strata are those of `stratified`."""
    labels = [str(at) for at, n in enumerate(sizes) for _ in range(n)]
    values = np.concatenate([np.where(np.arange(n) % 2, 1.0, -1.0) for n in sizes])
    values = np.concatenate([part / part.std(ddof=1) for part in np.split(values, np.cumsum(sizes)[:-1])])
    one = stratified(values, labels, {str(at): at + 1 for at in range(len(sizes))})
    unit = weighting(sizes, np.arange(len(sizes)) + 1)
    assert unit.between == pytest.approx(one.n * one.se**2)
    assert (unit.free(one.n), unit.strata) == (pytest.approx(one.df), one.strata)


def test_cases_and_difference_invert_each_other():
    """The cases needed for the smallest difference of n cases are n, with or without a pilot."""
    for known in (Spread(0.2), Spread(0.1, 0.3, 3, 14.0, 5, 19 / 20)):
        delta = smallest_difference(known, 80)
        assert needed_cases(known, delta).cases == 80
        assert planned_power(known, 80, delta) == pytest.approx(0.8, abs=1e-4)
    interval = needed_cases(Spread(0.2, df=14.0), 0.2)
    ends = [interval.cases * 14 / scipy_stats.chi2.ppf(p, 14) for p in (0.975, 0.025)]
    assert (interval.low, interval.high) == pytest.approx(ends, abs=1)


def test_edges():
    """No variance, no difference, no pilot worth the name, or more cases than there could be."""
    with pytest.raises(UsageError, match="above 0"):
        needed_cases(Spread(0.1), 0.0)
    assert needed_cases(Spread(0.0), 0.1).cases == 2
    assert needed_cases(Spread(1.0), 1e-5) is None
    assert needed_cases(spread(stratified([0.1])), 0.1) is None
    assert math.isnan(smallest_difference(spread(stratified([0.1])), 20))


def test_a_pilot_of_two_kinds():
    """n·SE² of U and its degrees of freedom; twice the cases have half the SE²."""
    rng = np.random.default_rng(1)
    u = combine([stratified(rng.normal(0, 1, 20)), stratified(rng.normal(0, 0.3, 40))], [1, 1])
    known = spread(u)
    assert known.at() / 60 == pytest.approx(u.se**2)
    assert known.free(60) == pytest.approx(u.df)
    assumed = Spread(known.between, strata=2, rate=known.rate)
    critical, shift = scipy_stats.t.isf(0.025, u.df), 0.3 / u.se
    missed = scipy_stats.nct.cdf(critical, u.df, shift) - scipy_stats.nct.cdf(-critical, u.df, shift)
    assert planned_power(assumed, 60, 0.3) == pytest.approx(1 - missed)


def test_round_noise():
    """s_i²/K_i; one round takes the mean s²; no score, no noise."""
    values = np.array([[1, 0, 1], [1, 1, np.nan], [0, np.nan, np.nan], [np.nan] * 3])
    found = round_noise(values)
    assert found[:3] == pytest.approx([1 / 9, 0, (1 / 3 + 0) / 2])
    assert np.isnan(found[3])


def test_pilot_separates_rounds_from_cases():
    """ω² and σ²/K of simulated rounds, on average over pilots, and an interval that holds ω²."""
    rng, between, held = np.random.default_rng(3), [], []
    for _ in range(1000):
        base = rng.normal(0, 0.3, (60, 1))
        a, b = (x + rng.normal(0, 0.4, (60, 3)) for x in (base, 0))
        pilot = stratified(a.mean(axis=1) - b.mean(axis=1))
        known = spread(pilot, round_noise(a) + round_noise(b), 3)
        between.append(known.between)
        held.append(known.between_low <= 0.09 <= known.between_high)
    assert np.mean(between) == pytest.approx(0.09, abs=0.005)
    assert 0.92 < np.mean(held) <= 0.99


def test_rounds_in_place_of_cases():
    """Offered only where ω² is told from 0 and its upper end leaves room; then they do."""
    known = Spread(0.02, 0.1, 3, 99.0, 1, 1.0, 0.01, 0.03)
    found = needed_rounds(known, 100, 0.07)
    assert planned_power(Spread(0.03, 0.1, 3), 100, 0.07, rounds=found) >= 0.8
    assert planned_power(Spread(0.03, 0.1, 3), 100, 0.07, rounds=found - 1) < 0.8
    assert needed_rounds(known, 100, 0.04) is None
    assert needed_rounds(Spread(0.02, 0.1, 3, 9.0, 1, 1.0, 0.0, 0.03), 100, 0.2) is None
    assert needed_rounds(Spread(0.02, 0.1, 3), 100, 0.2) is None


@pytest.mark.parametrize("n", [10, 40])
def test_n_named_by_a_pilot_has_the_power_on_average(n):
    """Normal pilots of n cases: N for .4 σ has 80 % power over pilots, where s² put in has less."""
    cases, reached = scipy_stats.zscore(np.arange(n), ddof=1), []
    for share in (np.arange(100) + 0.5) / 100:  # the pilots' s², from the least to the largest
        deviation = math.sqrt(scipy_stats.chi2.ppf(share, n - 1) / (n - 1))
        needed = needed_cases(spread(stratified(cases * deviation)), 0.4)
        reached.append(planned_power(Spread(1.0), needed.cases, 0.4))
    assert np.mean(reached) == pytest.approx(0.8, abs=0.025)
