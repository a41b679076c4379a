"""Best of several, equivalence, looks: known answers, coverage and edges."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from benchkit.errors import UsageError
from benchkit.stats import contrasts
from benchkit.stats.contrasts import best, simultaneous_t
from benchkit.stats.equality import (
    cases_for_equivalence,
    equivalence_p,
    holm,
    sequence_alpha,
    sequence_radius,
)
from benchkit.stats.estimates import Pairs, pairwise
from benchkit.stats.strata import Design, design, stratified


def pairs(scores: np.ndarray, cases: Design | None = None) -> Pairs:
    """All differences of (models, cases) scores."""
    return pairwise(len(scores), lambda i, j: stratified(scores[i] - scores[j], cases))


def two(d: np.ndarray) -> Pairs:
    return pairwise(2, lambda i, j: stratified(d))


@pytest.mark.parametrize(
    ("k", "df", "one_sided", "two_sided"),
    [(1, 20, 1.72, 2.09), (2, 20, 2.03, 2.38), (3, 20, 2.19, 2.54), (9, 20, 2.60, 2.95), (3, 60, 2.10, 2.41)],
)
def test_dunnett_constants(k, df, one_sided, two_sided):
    """Dunnett's published tables at .05 (1955; 1964), equal groups: correlations of one half."""
    correlation = np.full((k, k), 0.5) + 0.5 * np.eye(k)
    assert simultaneous_t(correlation, df, 0.05, two_sided=False) == pytest.approx(one_sided, abs=0.007)
    assert simultaneous_t(correlation, df, 0.05) == pytest.approx(two_sided, abs=0.007)


def test_uncorrelated_and_equal_comparisons():
    """Independent normals: Šidák's constant; the same comparison k times: that of one."""
    sidak = scipy_stats.norm.isf((1 - 0.95 ** (1 / 4)) / 2)
    assert simultaneous_t(np.eye(4), 1e6, 0.05) == pytest.approx(sidak, abs=0.005)
    assert simultaneous_t(np.ones((4, 4)), 12, 0.05) == pytest.approx(scipy_stats.t.isf(0.025, 12), abs=0.005)


@pytest.mark.parametrize("shift", [0.0, 0.05, 1.0])
def test_two_models_are_the_t_interval(shift):
    """Of both models, whichever is ahead, and whether or not a difference is shown."""
    rng = np.random.default_rng(4)
    scores = rng.normal(0, 0.2, (2, 25)) + np.array([[shift], [0.0]])
    e = stratified(scores[0] - scores[1])
    found = best(pairs(scores))
    assert (found.low[0], found.high[0]) == pytest.approx((e.low, e.high))
    assert (found.low[1], found.high[1]) == pytest.approx((-e.high, -e.low))
    assert found.contender == (e.high >= 0, e.low <= 0)
    assert found.difference == pytest.approx([e.estimate, -e.estimate])


TRUTHS = [(0, 0, 0, 0), (0.5, 0, 0, 0), (0, 0, -9, -9), (0.3, 0.3, 0, -1), (0, 1, 2, 3)]


@pytest.fixture
def coarse(monkeypatch):
    """Critical values from fewer points, and once for the same correlations: thousands are needed."""
    contrasts._points.cache_clear()
    monkeypatch.setattr(contrasts, "POINTS", 11)
    monkeypatch.setattr(contrasts, "LARGEST", 512)
    known: dict[bytes, float] = {}

    def once(correlation: np.ndarray, df: float, alpha: float) -> float:
        key = correlation.tobytes()
        if key not in known:
            known[key] = simultaneous_t(correlation, df, alpha)
        return known[key]

    monkeypatch.setattr(contrasts, "simultaneous_t", once)
    yield
    contrasts._points.cache_clear()


def test_intervals_hold_together(coarse):
    """All four models' intervals of U_i − max_{j≠i} U_j hold the truth at once in 95 % of runs or more."""
    rng, held = np.random.default_rng(11), np.zeros((500, len(TRUTHS)))
    for run in range(500):
        noise = pairs(rng.normal(0, 1, (4, 20)) * [[1], [1], [0.3], [2]])
        for at, truth in enumerate(TRUTHS):
            theta = [truth[i] - max(truth[:i] + truth[i + 1 :]) for i in range(4)]
            found = best(shifted(noise, truth))
            held[run, at] = np.all((found.low <= theta) & (theta <= found.high))
    assert held.mean(axis=0).min() >= 0.935


def shifted(table: Pairs, truth: tuple[float, ...]) -> Pairs:
    """The same noise around another truth: only the estimates move."""
    return [
        [e and replace(e, estimate=e.estimate + truth[i] - truth[j]) for j, e in enumerate(row)]
        for i, row in enumerate(table)
    ]


@pytest.mark.parametrize("truth", [(0, 0), (0, 0, -9, -9), (0, -0.01, 0, 0, 0, 0, 0, 0)])
def test_a_wrong_winner_is_rare(coarse, truth):
    """Equal best models: one of them is shown better than each of the others in 5 % of runs at most."""
    rng, mu, named = np.random.default_rng(12), np.array(truth, float), []
    runs = 300 if len(mu) > 4 else 1000
    for _ in range(runs):
        found = best(pairs(mu[:, None] + rng.normal(0, 1, (len(mu), 20))))
        assert (found.low > 0).sum() <= 1
        named.append((found.low > 0).any())
    assert np.mean(named) < 0.05 + 2.5 * np.sqrt(0.05 * 0.95 / runs)


def test_a_winner_needs_no_adjustment_for_the_number_of_models():
    """Better than each of seven others at alpha is best, where Dunnett's constant asks for more."""
    base = np.random.default_rng(3).normal(0, 1, (8, 40))
    scores = base - base.mean(axis=1, keepdims=True)
    scores[0] += 0.6
    t = min(e.estimate / e.se for e in pairs(scores)[0][1:])
    found = best(pairs(scores))
    assert scipy_stats.t.isf(0.0225, 39) < t < scipy_stats.t.isf(found.tail[0], 39)
    assert found.low[0] > 0
    assert found.contender == (True, *[False] * 7)
    assert (found.high[1:] <= 0).all()


def test_pairs_that_show_nothing():
    """Models that never differ are both contenders; a pair without a case in common excludes nobody."""
    same = best(pairs(np.tile(np.random.default_rng(1).normal(size=12), (3, 1))))
    assert same.contender == (True, True, True)
    assert not same.low.any()
    scores = np.random.default_rng(2).normal(size=(3, 20)) + np.array([[0], [0], [9]])
    scores[1, :10], scores[0, 10:] = np.nan, np.nan
    apart = best(pairs(scores))
    assert apart.contender == (False, False, True)
    with pytest.raises(UsageError, match="at least 2"):
        best([[None]])


def test_fifty_models():
    """1,225 pairs over pairwise different cases."""
    rng = np.random.default_rng(3)
    scores = rng.normal(0, 1, (50, 60))
    scores[7] += 3
    scores[rng.random(scores.shape) < 0.05] = np.nan
    found = best(pairs(scores))
    assert [i for i, one in enumerate(found.contender) if one] == [7]
    assert found.tail.max() < 0.025 / 10


def test_equivalence_is_schuirmann_for_two():
    """Two one-sided t tests: statsmodels' p, where cases enough exclude a rare failure."""
    from statsmodels.stats.weightstats import DescrStatsW

    d = np.random.default_rng(9).normal(0.01, 0.2, 120)
    known = DescrStatsW(d)
    p = max(known.ttest_mean(-0.05, "larger")[1], known.ttest_mean(0.05, "smaller")[1])
    assert equivalence_p(two(d), (0, 1), 0.05) == pytest.approx(p)


@pytest.mark.parametrize(("n", "same"), [(20, False), (59, False), (60, True)])
def test_equivalence_needs_cases(n, same):
    """ln(1/α)/margin = 60 cases at .05 and .05, however equal the differences are."""
    assert cases_for_equivalence(0.05) == 60
    for d in (np.zeros(n), np.linspace(-1e-3, 1e-3, n)):
        assert (equivalence_p(two(d), (0, 1), 0.05) <= 0.05) is same
    assert equivalence_p(two(np.full(n, 0.06)), (0, 1), 0.05) == 1


def test_equivalence_is_of_all_pairs():
    """The pair that shows it least decides."""
    rng = np.random.default_rng(5)
    level = rng.normal(0, 0.05, 100)
    table = pairs(np.array([level, level + rng.normal(0, 0.01, 100), level + 0.2 + rng.normal(0, 0.01, 100)]))
    assert equivalence_p(table, (0, 1), 0.05) <= 0.05
    assert equivalence_p(table, (0, 1, 2), 0.05) == equivalence_p(table, (0, 2), 0.05) > 0.05


def test_what_has_no_error_is_shown_equal_to_nothing():
    """A case per category, as many as would exclude a rare failure: no error is known, no equivalence."""
    d = np.random.default_rng(1).normal(0.04, 0.5, 100)
    one = pairwise(2, lambda i, j: stratified(d, [str(i) for i in range(100)]))
    assert np.isnan(equivalence_p(one, (0, 1), 0.05))


def test_holm():
    """statsmodels' adjustment; NaN is no test."""
    p = np.array([0.01, 0.04, 0.03, 0.005, 0.6])
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([0.04, np.nan, 0.01])[[0, 2]] == pytest.approx([0.04, 0.02])
    assert holm([]).shape == (0,)


def test_confidence_sequence_is_the_closed_form():
    """√[2(nρ² + 1)/(n²ρ²) · ln(√(nρ² + 1)/α)] · σ of Waudby-Smith et al., ρ² by their equation for n*."""
    for alpha in (0.01, 0.05):
        for n, planned in ((50, 100), (100, 100), (700, 100)):
            rho2 = (-2 * np.log(alpha) + np.log(-2 * np.log(alpha)) + 1) / planned
            width = np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / alpha))
            assert sequence_radius(n / planned, alpha) == pytest.approx(width * np.sqrt(n))
            z = scipy_stats.norm.isf(sequence_alpha(n / planned, alpha) / 2)
            assert z == pytest.approx(width * np.sqrt(n))
    assert sequence_radius(1) == pytest.approx(3.04, abs=0.005)


def test_ten_looks_stay_below_six_percent():
    """The first look at alpha, nine more by the sequence, equal models: 20,000 runs."""
    rng = np.random.default_rng(10)
    n = 50 * np.arange(1, 11)
    total = np.cumsum(rng.normal(0, np.sqrt(50), (20_000, 10)), axis=1)
    z = np.abs(total) / np.sqrt(n)
    limit = np.array([scipy_stats.norm.isf(0.025), *(sequence_radius(k) for k in range(2, 11))])
    assert np.mean((z > limit).any(axis=1)) < 0.06


@pytest.mark.usefixtures("coarse")
def test_whatever_is_missing_or_equal():
    """Few cases, gaps, ties, categories, families: intervals in order, a contender, one winner at most."""
    rng = np.random.default_rng(0)
    for _ in range(300):
        n, models = int(rng.integers(1, 14)), int(rng.integers(2, 6))
        coarse, size = rng.random() < 0.5, (models, n)
        scores = rng.choice([0, 0.5, 1, 0.1 + 0.2], size) if coarse else rng.normal(size=size)
        scores[rng.random(scores.shape) < rng.choice([0, 0.2, 0.7])] = np.nan
        families = rng.integers(0, 6, n).astype(str).tolist() if rng.random() < 0.5 else None
        cases = design(n, rng.integers(0, 4, n).astype(str).tolist(), None, families)
        table = pairs(scores, cases)
        found = best(table)
        assert (found.low <= found.high + 1e-12).all()
        assert any(found.contender)
        assert (found.low > 0).sum() <= 1
        one = table[0][1]
        if one.n:
            assert one.coefficients @ np.nan_to_num(scores[0] - scores[1]) == pytest.approx(one.estimate)
        if one.se > 0:
            assert one.influence @ one.influence == pytest.approx(one.se**2)
