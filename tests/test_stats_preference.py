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

    def test_all_cases_labelled(self):
        labels = np.array([1.0, 0.0, -1.0, 1.0] * 6)
        found = preference(labels, labels)
        assert (found.others, found.weight, found.estimate) == (0, 0.0, 0.25)

    def test_labels_that_all_agree_have_no_interval(self):
        found = preference(np.ones(30), np.ones(30))
        assert found.estimate == 1
        assert np.isnan([found.low, found.high, found.p_value]).all()

    @pytest.mark.parametrize("n", [0, 1])
    def test_fewer_than_two_labels(self, n):
        found = preference([1.0] * n + [np.nan] * 5, np.zeros(n + 5))
        assert found.labelled == n
        assert np.isnan([found.se, found.low, found.p_value]).all()

    def test_wrong_shapes(self):
        with pytest.raises(UsageError, match="give a score of each case"):
            preference([1.0, np.nan], [1.0, np.nan])


class TestKappa:
    @pytest.mark.parametrize("seed", range(5))
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
