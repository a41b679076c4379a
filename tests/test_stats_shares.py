"""Shares, pass^k, agreement, and resampling: known answers and edges."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchkit.errors import UsageError
from benchkit.stats import (
    case_means,
    pass_hat_k,
    proportion,
    resampled,
    round_agreement,
    share_interval,
    stratified,
)

NAN = np.nan


@pytest.mark.parametrize(("successes", "n"), [(0, 12), (3, 12), (12, 12), (50, 198)])
def test_wilson(successes, n):
    """scipy's Wilson interval; no trials, no share; more successes than trials, an error."""
    known = scipy_stats.binomtest(successes, n).proportion_ci(method="wilson")
    found = proportion(successes, n)
    assert (found.ci_low, found.ci_high) == pytest.approx((known.low, known.high))
    assert np.isnan(proportion(0, 0).share)
    with pytest.raises(UsageError, match="impossible"):
        proportion(n + 1, n)


def test_case_means():
    """Unequal rounds: each case over its own; none scored: NaN."""
    found = case_means([[1, 0, NAN], [NAN, NAN, NAN], [1, 1, 0]])
    assert found[[0, 2]] == pytest.approx([0.5, 2 / 3])
    assert np.isnan(found[1])


def test_pass_hat_k():
    """C(right, k)/C(rounds, k) of each case, then cases as units; cases with fewer rounds are left out."""
    values = [[1, 1, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1], [1, NAN, NAN]]
    found = pass_hat_k(values, 2)
    each = np.array([1, 1 / 3, 0, 1])
    assert (found.share, found.n) == (pytest.approx(each.mean()), 4)
    assert found.standard_error == pytest.approx(each.std(ddof=1) / 2)
    assert pass_hat_k(values).share == pytest.approx(0.5)
    assert found.low < found.share < found.high
    with pytest.raises(UsageError, match="0 or 1"):
        pass_hat_k([[0.5, 1]])


def test_families_widen_a_share():
    """Ten families of four alike cases are ten trials, not forty."""
    each = np.repeat([1, 0, 1, 1, 1, 0, 1, 1, 0, 1], 4).astype(float)
    families = np.repeat(np.arange(10), 4)
    _, _, low, high = share_interval(each, families)
    _, _, low_cases, high_cases = share_interval(each)
    assert high - low > 1.7 * (high_cases - low_cases)
    passed = pass_hat_k(each[:, None], families=families)
    assert (passed.low, passed.high) == (low, high)


@pytest.mark.parametrize(("p", "rounds"), [(0.5, 1), (0.9, 1), (0.97, 3), (1.0, 1)])
def test_share_interval_covers(p, rounds):
    """40 cases of unequal chances: 93 to 99 % of intervals hold the share, all lie in 0..1."""
    rng, held = np.random.default_rng(3), []
    for _ in range(1500):
        chance = rng.beta(8 * p, 8 * (1 - p), (40, 1)) if p < 1 else np.ones((40, 1))
        _, _, low, high = share_interval((rng.random((40, rounds)) < chance).mean(axis=1), rounds=rounds)
        held.append(low <= p <= high)
        assert 0 <= low <= high <= 1
    assert np.mean(held) > 0.925


def test_agreement():
    """Pairs of rounds alike, averaged over cases; ICC(1) of a one-way analysis of variance."""
    values = np.array([[1, 1, 0], [0, 0, 0], [1, NAN, NAN], [1, 1, 1]])
    found = round_agreement(values)
    assert (found.n, found.alike) == (3, pytest.approx((1 / 3 + 1 + 1) / 3))
    between, within = 3 * np.var([2 / 3, 0, 1], ddof=1), (2 / 3) / 6
    assert found.intraclass == pytest.approx((between - within) / (between + 2 * within))
    assert round_agreement([[1.0], [0.0]]).n == 0


def test_resampled_without_categories_is_scipy():
    """All sign flips of nine cases counted; the BCa interval close to t for many normal cases."""
    d = np.array([3, -1, 4, 1, -5, 9, 2, 6, 5.0])
    signs = np.array(np.meshgrid(*[[-1, 1]] * 9)).reshape(9, -1)
    exact = np.mean(np.abs(signs.T @ d) >= abs(d.sum()) - 1e-9)
    assert resampled(d).p_sign_flip == pytest.approx(exact)
    many = np.random.default_rng(1).normal(0.1, 1, 400)
    e, found = stratified(many), resampled(many)
    assert (found.low, found.high) == pytest.approx((e.low, e.high), abs=0.01)
    assert found.p_sign_flip == pytest.approx(e.p_value, abs=0.02)


def test_resampled_keeps_categories_and_families():
    """Far apart categories do not widen it; families are drawn and flipped whole."""
    rng = np.random.default_rng(2)
    labels = np.repeat(["a", "b", "c", "d"], 40)
    d = rng.normal(0, 0.2, 160) + np.repeat([-2, -1, 1, 2.3], 40)
    e, found = stratified(d, labels), resampled(d, labels)
    assert found.high - found.low == pytest.approx(e.high - e.low, rel=0.1)
    alike = np.repeat(rng.normal(0.3, 1, 40), 4)
    families = np.repeat(range(40), 4)
    e, found = stratified(alike, None, None, families), resampled(alike, None, families)
    assert found.high - found.low == pytest.approx(e.high - e.low, rel=0.15)
    few, enough = (resampled(np.r_[[0.5], np.arange(n) / 10]) for n in (8, 9))
    assert np.isnan([few.low, few.high]).all(), "nine cases allow no interval"
    assert enough.low < enough.high
    assert resampled([0.1] * 8).p_sign_flip == 2**-7
    assert np.isnan(resampled([0.1]).p_sign_flip)
