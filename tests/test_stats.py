"""The statistics against published tables, scipy and statsmodels."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from benchkit import stats

GPQA = Path(__file__).parent.parent / "../shared/data/gpqa_scores.csv"


@pytest.fixture(scope="module")
def gpqa():
    """Real scores of two models, each of shape (198 questions, 5 rounds)."""
    if not GPQA.exists():
        pytest.skip("../shared/data/gpqa_scores.csv is not here")
    import pandas as pd

    table = pd.read_csv(GPQA).pivot(index="item_id", columns=["model_id", "epoch"], values="score")
    nano = "openai/gpt-5-nano-2025-08-07"
    return table[nano].to_numpy(), table.drop(columns=nano, level=0).to_numpy()


def scores(cases: int, seed: int = 0, shift: float = 0.0):
    """Per-case means of two correlated models, without ties."""
    rng = np.random.default_rng(seed)
    level = rng.normal(0.5, 0.2, cases)
    return level + shift + rng.normal(0, 0.1, cases), level + rng.normal(0, 0.1, cases)


def exact_flip_p(differences):
    """The two-sided sign-flip p of whole-number differences, by convolving every case's two outcomes."""
    chances = np.ones(1)
    for d in np.abs(differences):
        step = np.zeros(2 * d + 1)
        step[0] += 0.5
        step[-1] += 0.5
        chances = np.convolve(chances, step)
    sums = np.arange(len(chances)) - len(chances) // 2
    return chances[np.abs(sums) >= abs(differences.sum())].sum()


@pytest.mark.parametrize(
    ("rounds", "difference", "error", "p", "low", "high"),
    [
        (5, 0.0585859, 0.0277885, 0.0362710, 0.003785, 0.113387),
        (3, 0.0488215, 0.0291722, 0.0958031, -0.008708, 0.106351),
    ],
)
def test_gpqa_paired(gpqa, rounds, difference, error, p, low, high):
    """The published comparison of two real models comes out to six digits."""
    a, b = (stats.case_means(v[:, :rounds]) for v in gpqa)
    got = stats.paired(a, b)
    assert (got.n, got.df, got.clustered) == (198, 197, False)
    assert got.difference == pytest.approx(difference, abs=5e-8)
    assert got.standard_error == pytest.approx(error, abs=5e-8)
    assert got.p_value == pytest.approx(p, abs=5e-8)
    assert (got.ci_low, got.ci_high) == pytest.approx((low, high), abs=5e-7)
    assert (got.bca_low, got.bca_high) == pytest.approx((low, high), abs=0.005)
    assert got.p_permutation == pytest.approx(exact_flip_p(np.rint((a - b) * rounds).astype(int)), abs=0.02)


@pytest.mark.parametrize(
    ("model", "mean", "naive", "clustered"),
    [(0, 0.675758, 0.0148844, 0.0275956), (1, 0.617172, 0.0154563, 0.0296200)],
)
def test_gpqa_own_mean(gpqa, model, mean, naive, clustered):
    """A model's own mean has the published naive and clustered errors, by cases and by labelled rows."""
    values = gpqa[model]
    got = stats.model_mean(values)
    assert got.estimate.mean == pytest.approx(mean, abs=5e-7)
    assert got.naive_standard_error == pytest.approx(naive, abs=5e-8)
    assert got.estimate.standard_error == pytest.approx(clustered, abs=5e-8)
    by_row = stats.clustered_standard_error(values.ravel(), np.repeat(np.arange(198), 5))
    assert by_row == pytest.approx(clustered, abs=5e-8)
    assert (got.rows, got.unscored) == (990, 0)


@pytest.mark.parametrize(("rounds", "p", "digits"), [(5, 0.00064, 5e-6), (3, 0.0256, 5e-5)])
def test_gpqa_pooling_is_the_error(gpqa, rounds, p, digits):
    """Rounds taken for cases give the smaller p of the published table, and at 3 rounds the wrong verdict."""
    a, b = (v[:, :rounds] for v in gpqa)
    assert stats.paired(a.ravel(), b.ravel(), resamples=0).p_value == pytest.approx(p, abs=digits)
    honest = stats.paired(stats.case_means(a), stats.case_means(b), resamples=0)
    pooled = stats.paired(a.ravel(), b.ravel(), resamples=0)
    assert stats.decide(pooled).outcome == "better_a"
    assert stats.decide(honest).outcome == ("better_a" if rounds == 5 else "inconclusive")


def test_planning_checks():
    """Design §5.6: 969 cases; 13.27 points at one round and 7.57 at ten."""
    assert stats.cases_needed(0.03, 1 / 9) == 969
    assert stats.detectable_difference(198, 1 / 9, 1 / 6, 1 / 6) == pytest.approx(0.1327, abs=5e-5)
    assert stats.detectable_difference(198, 1 / 9, 1 / 6, 1 / 6, 10, 10) == pytest.approx(0.0757, abs=5e-5)


@pytest.mark.parametrize(("rounds", "cut"), [(2, 1 / 3), (4, 1 / 2), (6, 5 / 9)])
def test_rounds_cut_variance(rounds, cut):
    """With a uniform chance per case, a binary score's variance falls by 1/3, 1/2, 5/9 at K = 2, 4, 6."""
    between, within = 1 / 12, 1 / 6
    one = stats.difference_variance(between, within)
    assert 1 - stats.difference_variance(between, within, rounds_a=rounds) / one == pytest.approx(cut)


def test_uniform_components_are_recovered():
    """From simulated rounds with a uniform chance per case the variances 1/6, 1/6 and 1/6 come back."""
    rng = np.random.default_rng(3)
    a, b = (rng.random((20_000, 4)) < rng.random((20_000, 1)) for _ in range(2))
    got = stats.variance_components(a, b)
    assert (got.sigma2_a, got.sigma2_b, got.omega2) == pytest.approx((1 / 6, 1 / 6, 2 / 12), abs=0.004)


def test_components_unbiased_with_gaps():
    """Over many small pilots with unscored rounds the mean estimate is the truth."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(1500):
        a = rng.normal(0, 1, (12, 1)) + rng.normal(0, 0.6, (12, 3))
        b = rng.normal(0, 0.9, (12, 3))
        a[rng.random((12, 3)) < 0.15] = np.nan
        got = stats.variance_components(a, b)
        found.append((got.omega2, got.sigma2_a, got.sigma2_b))
    assert np.mean(found, axis=0) == pytest.approx((1.0, 0.36, 0.81), abs=0.04)


def test_p_equals_scipy():
    """Without clusters the p-value and interval are scipy's paired t test."""
    for n in (2, 3, 15, 400):
        a, b = scores(n, seed=n, shift=0.03)
        expected = scipy_stats.ttest_rel(a, b)
        interval = expected.confidence_interval(0.95)
        got = stats.paired(a, b, resamples=0)
        assert got.p_value == pytest.approx(expected.pvalue, rel=1e-10)
        assert (got.ci_low, got.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-9)


def test_bca_equals_scipy():
    """The bootstrap interval of a skewed sample is scipy's BCa up to Monte Carlo error."""
    d = np.random.default_rng(2).lognormal(0, 1, 60)
    expected = scipy_stats.bootstrap(
        (d,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    got = stats.paired(d, np.zeros(60), resamples=20_000)
    assert (got.bca_low, got.bca_high) == pytest.approx((expected.low, expected.high), rel=0.02)
    assert got.bca_low - got.ci_low > 0.05  # it leans with the skew, the t interval cannot


def test_bca_of_a_symmetric_sample():
    """Differences that are their own mirror image have a symmetric interval, whatever was drawn."""
    got = stats.paired([0.0, 0.125, -0.125], [0.0] * 3, resamples=99)
    assert got.bca_low == -got.bca_high


@pytest.mark.parametrize("n", [2, 9, 14])
def test_sign_flip_exact(n):
    """Up to 14 cases the sign-flip p is scipy's exact permutation test."""
    a, b = scores(n, seed=n, shift=0.05)
    expected = scipy_stats.permutation_test(
        (a - b,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=True
    )
    assert stats.paired(a, b).p_permutation == pytest.approx(expected.pvalue, abs=1e-12)


def test_sign_flip_sampled():
    """With more cases the sampled sign-flip p agrees with the t test of near-normal differences."""
    a, b = scores(120, seed=8, shift=0.01)
    got = stats.paired(a, b, resamples=20_000)
    assert 0.01 < got.p_value < 0.5
    assert got.p_permutation == pytest.approx(got.p_value, abs=0.012)


def test_expansion_meets_resampling(monkeypatch):
    """Above 2,000 cases the closed form gives what sampling gives, on skewed differences too."""
    a = np.random.default_rng(4).exponential(1, 2500)
    closed = stats.paired(a, np.full(2500, 0.96))
    monkeypatch.setattr("benchkit.stats.resampling.LARGE", 10_000)
    sampled = stats.paired(a, np.full(2500, 0.96), resamples=20_000)
    assert closed.bca_low != sampled.bca_low
    near = 0.08 * closed.standard_error
    assert (closed.bca_low, closed.bca_high) == pytest.approx((sampled.bca_low, sampled.bca_high), abs=near)
    assert closed.p_permutation == pytest.approx(sampled.p_permutation, abs=0.01)


def test_a_few_heavy_cases_are_resampled():
    """One case that carries the mean is resampled also in a large sample: expansions do not hold there."""
    d = np.random.default_rng(0).normal(0, 0.01, 3000)
    d[0] = 50.0
    got = stats.paired(d, np.zeros(3000), resamples=400)
    assert got.p_permutation > 0.3
    assert got.bca_high > 3 * got.difference / 2


def test_holm():
    """Holm's worked example; a comparison that has no p takes no share of alpha."""
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    with_gap = stats.holm([0.01, math.nan, 0.04])
    assert with_gap[[0, 2]] == pytest.approx([0.02, 0.04])
    assert math.isnan(with_gap[1])
    assert stats.holm([]).size == 0


def test_equivalence_equals_statsmodels():
    """The two one-sided tests are statsmodels' ttost_paired."""
    from statsmodels.stats.weightstats import ttost_paired

    a, b = scores(40, seed=1, shift=0.01)
    for margin in (0.02, 0.05, 0.1):
        expected = ttost_paired(a, b, -margin, margin)[0]
        got = stats.equivalence(stats.paired(a, b, resamples=0), margin)
        assert got.p_value == pytest.approx(expected, rel=1e-9)
        assert got.equivalent == (-margin < got.ci_low and got.ci_high < margin)


def test_clusters_widen_by_hand():
    """Two clusters: the error is that of the two cluster sums, with one degree of freedom."""
    d = np.array([0.5, 0.7, 0.1, 0.3])
    got = stats.paired(d, np.zeros(4), clusters=["x", "x", "y", "y"], resamples=0)
    assert got.standard_error == pytest.approx(math.sqrt(2 * (0.4**2 + 0.4**2)) / 4)
    assert (got.df, got.clusters, got.clustered) == (1, 2, True)


def test_unequal_clusters_are_bell_and_mccaffrey():
    """Error and degrees of freedom are those of the CR2 matrices, written out for a mean."""
    labels, n = np.repeat(np.arange(4), [7, 4, 2, 1]), 14
    d = np.random.default_rng(6).normal(0.2, 1, n)
    hat, residuals = np.full((n, n), 1 / n), d - d.mean()
    error, rows = 0.0, []
    for c in range(4):
        own = np.flatnonzero(labels == c)
        left, basis = np.linalg.eigh(np.eye(len(own)) - hat[np.ix_(own, own)])
        adjusted = np.ones(len(own)) @ (basis / np.sqrt(left)) @ basis.T / n
        rows.append(adjusted @ (np.eye(n) - hat)[own])
        error += float(adjusted @ residuals[own]) ** 2
    spread = np.array(rows) @ np.array(rows).T
    got = stats.paired(d, np.zeros(n), clusters=labels, resamples=0)
    assert got.standard_error == pytest.approx(math.sqrt(error))
    assert got.df == pytest.approx(np.trace(spread) ** 2 / np.sum(spread**2))
    assert stats.effective_clusters(labels) == pytest.approx(got.df + 1)


def test_t_factor():
    """The factor of a plan with few clusters: where scipy's noncentral t has the power; many meet 7.849."""
    for df in (1, 2.5, 4, 49):
        shift, critical = math.sqrt(stats.t_factor(0.05, 0.8, df)), scipy_stats.t.ppf(0.975, df)
        assert scipy_stats.nct.sf(critical, df, shift) == pytest.approx(0.8, abs=1e-4)
    assert stats.t_factor(0.05, 0.8, 4) == pytest.approx(14.146, abs=5e-4)
    assert stats.t_factor(0.05, 0.8, 1e6) == pytest.approx(7.849, abs=1e-3)


def test_plan_with_clusters_is_its_own_inverse():
    """Cases, difference and power of a plan with five clusters say the same."""
    n = stats.cases_needed(0.1, 0.2, 0.1, 0.1, 3, 3, clusters=5)
    assert n / stats.cases_needed(0.1, 0.2, 0.1, 0.1, 3, 3) == pytest.approx(14.146 / 7.849, abs=0.02)
    assert stats.planned_power(0.1, n, 0.2, 0.1, 0.1, 3, 3, clusters=5) == pytest.approx(0.8, abs=0.002)
    assert stats.detectable_difference(n, 0.2, 0.1, 0.1, 3, 3, clusters=5) == pytest.approx(0.1, abs=5e-4)
    assert stats.rounds_needed(0.1, n, 0.2, 0.1, 0.1, clusters=5) == 3


def test_power_equals_statsmodels():
    """The power of a plan is statsmodels' paired t power; with many cases it meets the planning formula."""
    from statsmodels.stats.power import TTestPower

    for n, delta in ((15, 0.4), (50, 0.2), (200, 0.05)):
        expected = TTestPower().power(delta / 0.5, n, 0.05)
        assert stats.planned_power(delta, n, 0.25) == pytest.approx(expected, abs=1e-9)
    assert stats.planned_power(0.03, 969, 1 / 9) == pytest.approx(0.8, abs=0.002)
    assert stats.planned_power(5.0, 15, 1e-6) == 1.0
    assert stats.planned_power(0.0, 20, 0.1) == pytest.approx(0.05)


@pytest.mark.parametrize("n", [15, 50])
def test_false_positives(n):
    """Equal binary models: 5 % false positives with cases as units, over 10 % with pooled rounds."""
    rng = np.random.default_rng(n)
    honest, pooled = [], []
    for _ in range(1200):
        a, b = (rng.random((n, 3)) < rng.random((n, 1)) for _ in range(2))
        honest.append(stats.paired(a.mean(axis=1), b.mean(axis=1), resamples=0).p_value < 0.05)
        pooled.append(stats.paired(a.ravel(), b.ravel(), resamples=0).p_value < 0.05)
    assert np.mean(honest) == pytest.approx(0.05, abs=0.02)
    assert np.mean(pooled) > 0.1


@pytest.mark.parametrize("sizes", [(10,) * 5, (20, 14, 10, 4, 2)])
@pytest.mark.parametrize("together", [0.0, 0.1])
def test_false_positives_with_clusters(sizes, together):
    """Five clusters, even or not, moving together or not: near 5 % false positives."""
    rng, labels = np.random.default_rng(1), np.repeat(np.arange(5), sizes)
    wrong = 0
    for _ in range(1200):
        d = rng.normal(0, 1, 50) + math.sqrt(together) * rng.normal(0, 1, 5)[labels]
        wrong += stats.paired(d, np.zeros(50), clusters=labels, resamples=0).p_value < 0.05
    assert wrong / 1200 == pytest.approx(0.05, abs=0.02)
