"""Labels of some cases, corrected by a score of all: known answers, and what an empty hand gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.inter_rater import cohens_kappa

from benchkit.errors import UsageError
from benchkit.stats.preference import cohen_kappa, preference

DATA = Path(__file__).parents[2] / "shared" / "data" / "ppi_support_compare.csv"
Z = 1.959963984540054


@pytest.fixture(scope="module")
def support():
    if not DATA.is_file():
        pytest.skip("shared data is not here: ppi_support_compare.csv")
    table = pd.read_csv(DATA)
    labels = (table["v4_human_passed"] - table["v3_human_passed"]).to_numpy(float)
    scores = (table["v4_judge_passed"] - table["v3_judge_passed"]).to_numpy(float)
    return labels, scores


class TestPreference:
    def test_known_answer(self, support):
        """The published λ, θ and standard error; the judge alone nearly doubles the planted .09."""
        found = preference(*support)
        assert (found.labelled, found.others) == (600, 3400)
        assert found.weight == pytest.approx(0.551314, abs=5e-7)
        assert found.estimate == pytest.approx(0.094236, abs=5e-7)
        assert found.se == pytest.approx(0.022665, abs=5e-7)
        assert found.estimate - Z * found.se == pytest.approx(0.049813, abs=5e-7)
        assert found.estimate + Z * found.se == pytest.approx(0.138660, abs=5e-7)
        assert found.correlation == pytest.approx(0.578, abs=5e-4)
        assert support[1].mean() == pytest.approx(0.17)

    def test_labels_alone_and_the_judge_believed(self, support):
        alone, believed = preference(*support, weight=0), preference(*support, weight=1)
        assert (alone.estimate, alone.se) == pytest.approx((0.126667, 0.02681), abs=5e-6)
        assert (believed.estimate, believed.se) == pytest.approx((0.067843, 0.025711), abs=5e-7)

    def test_few_labels_or_a_score_that_says_nothing_count_alone(self):
        """A score that does not go with the labels may not move them."""
        labels = np.array([1.0, -1.0] * 20 + [np.nan] * 60)
        unrelated = np.array([1.0, 1.0, -1.0, -1.0] * 25)
        assert preference(labels, unrelated).weight == 0
        assert preference(labels, unrelated).estimate == 0
        related = np.where(np.isnan(labels), 1.0, labels)
        assert preference(labels, related).weight > 0
        few = labels.copy()
        few[19:40] = np.nan
        assert preference(few, related).weight == 0

    def test_few_labels_count_that_the_weight_was_learned(self):
        """The error is the jackknife's, spelled out here; taken from the formula it misses too often."""
        draw = np.random.default_rng(5)
        scores = draw.choice([-1.0, 0.0, 1.0], 200)
        labels = np.where(draw.random(200) < 0.6, scores, draw.choice([-1.0, 0.0, 1.0], 200))
        labels[24:] = np.nan
        found, others = preference(labels, scores), scores[24:]
        left_out = []
        for at in range(24):
            d, f = np.delete(labels[:24], at), np.delete(scores[:24], at)
            spread = np.concatenate([f, others]).var(ddof=1) * (1 + 23 / 176)
            weight = np.cov(d, f, ddof=0)[0, 1] / spread
            left_out.append(d.mean() + weight * (others.mean() - f.mean()))
        variance = np.var(left_out) * 24 + found.weight**2 * others.var(ddof=1) / 176
        assert found.se == pytest.approx(variance**0.5)

    def test_false_winners_of_a_biased_judge(self):
        """People are even, the judge leans to one side: with 20 labels too, few intervals exclude 0."""
        draw, wins, draws = np.random.default_rng(6), 0, 1000
        for _ in range(draws):
            people = draw.choice([-1.0, 0.0, 1.0], 200, p=[0.3, 0.4, 0.3])
            scores = np.where(draw.random(200) < 0.6, people, draw.choice([-1.0, 0.0, 1.0], 200))
            scores[draw.random(200) < 0.3] = 1.0
            found = preference(np.where(np.arange(200) < 20, people, np.nan), scores)
            wins += not found.low <= 0 <= found.high
        assert wins / draws < 0.05 + 2 * (0.05 * 0.95 / draws) ** 0.5

    @pytest.mark.parametrize("n", [20, 30, 50])
    def test_false_winners_of_labels_alone(self, n):
        """Of every sample that people who are even (30 % each way) can give, at most 5 % name a winner."""
        wrong = 0.0
        for told in range(1, n + 1):
            for ahead in range(told // 2 + 1):  # as many samples lean to one side as to the other
                labels = np.repeat([1.0, -1.0, 0.0], [ahead, told - ahead, n - told])
                if preference(labels, np.zeros(n)).high < 0:
                    wrong += 2 * stats.binom.pmf(told, n, 0.6) * stats.binom.pmf(ahead, told, 0.5)
        assert 0.04 < wrong < 0.05

    @pytest.mark.parametrize("n", [2, 20, 1000])
    def test_labels_that_all_agree_have_clopper_and_pearsons_interval(self, n):
        """Of n in favour of n; all ties leave to each side what n of n leave to all others."""
        share = stats.binomtest(n, n).proportion_ci(method="exact").low
        for side in (1.0, -1.0):
            found = preference(np.full(n, side), np.ones(n))
            assert (found.estimate, found.se) == (side, 0)
            assert sorted([side * found.low, side * found.high]) == pytest.approx([2 * share - 1, 1])
            assert found.p_value == pytest.approx(stats.binomtest(n, n).pvalue)
        ties = preference(np.zeros(n), np.ones(n))
        assert (ties.low, ties.high) == pytest.approx((share - 1, 1 - share))
        assert ties.p_value == 1

    def test_one_more_case_on_the_same_side_never_weakens_what_is_said(self):
        """Whatever the others said, added to them or in place of one of them."""
        for n in range(2, 40):
            for against in range(min(n, 9)):
                for other in (0.0, -1.0):
                    labels = np.repeat([1.0, other], [n - against, against])
                    before, *after = (
                        preference(some, np.zeros(len(some)))
                        for some in (
                            labels,
                            np.append(labels, 1.0),
                            np.where(np.arange(n) == n - 1, 1, labels),
                        )
                    )
                    for one in after if before.low > 0 else ():
                        assert one.low > 0
                        assert one.p_value <= before.p_value + 1e-12

    @pytest.mark.parametrize("n", [2, 3, 10, 29])
    def test_labels_that_vary_say_no_more_than_labels_all_alike(self, n):
        alike = preference(np.ones(n), np.zeros(n))
        for other in (0.0, -1.0):
            assert preference(np.append(np.ones(n - 1), other), np.zeros(n)).low <= alike.low

    @pytest.mark.parametrize("n", [0, 1])
    def test_fewer_than_two_labels(self, n):
        found = preference([1.0] * n + [np.nan] * 5, np.zeros(n + 5))
        assert found.labelled == n
        assert np.isnan([found.se, found.low, found.p_value]).all()

    def test_wrong_shapes(self):
        with pytest.raises(UsageError, match="give a score of each case"):
            preference([1.0, np.nan], [1.0, np.nan])


class TestKappa:
    @pytest.mark.parametrize("seed", range(2))
    def test_as_statsmodels(self, seed):
        draw = np.random.default_rng(seed)
        one = draw.integers(0, 3, 60)
        other = np.where(draw.random(60) < 0.6, one, draw.integers(0, 3, 60))
        table = np.zeros((3, 3))
        np.add.at(table, (one, other), 1)
        theirs, ours = cohens_kappa(table), cohen_kappa(list(one), list(other))
        assert ours.kappa == pytest.approx(theirs.kappa)
        assert (ours.low, ours.high) == pytest.approx((theirs.kappa_low, theirs.kappa_upp))

    def test_edges(self):
        assert cohen_kappa(["a", "b"] * 5, ["a", "b"] * 5).kappa == 1
        assert np.isnan(cohen_kappa(["a"] * 5, ["a"] * 5).kappa)
        assert cohen_kappa([], []).n == 0
