"""Scores to tables: comparisons, delivery and content, rounds, and what an answer takes."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchkit import stats
from benchkit.decide import Rules, compare, compare_serving
from benchkit.decide.comparing import takes_less
from benchkit.decide.delivery import delivery, delivery_pairs
from benchkit.decide.rounds import round_agreement, variance_split
from benchkit.decide.table import complete, measured
from benchkit.domain import CATEGORIES
from benchkit.errors import UsageError
from benchkit.metrics import JUDGED, METRICS

from .measured import HASTY, STEADY, TERSE, drawn, response, responses, score_table

ALL = (STEADY, HASTY, TERSE)


def only(table, **where):
    """The rows that have these values."""
    for name, value in where.items():
        table = table[table[name] == value]
    return table


def parts(scores, *models):
    return list(measured(complete(scores), models or (STEADY, HASTY)))


class TestComparisons:
    def test_a_comparison_is_the_stratified_one(self):
        """Rounds are averaged first, cases without a score from both left out, categories are strata."""
        scores = drawn(1, n=30)
        row = only(compare(scores, Rules()), metric="field_accuracy").iloc[0]
        means = only(scores, metric="field_accuracy").groupby(["id", "model"])["value"].mean().unstack()
        labels = [CATEGORIES[int(id[-3:]) % 5] for id in means.index]
        gap = (means[STEADY] - means[HASTY]).to_numpy()
        expected = stats.stratified(gap, labels)
        assert (row["difference"], row["standard_error"], row["df"], row["p_value"]) == pytest.approx(
            (expected.estimate, expected.se, expected.df, expected.p_value)
        )
        assert (row["ci_low"], row["ci_high"], row["n"]) == pytest.approx(
            (expected.low, expected.high, expected.n)
        )
        assert row["mean_a"] - row["mean_b"] == pytest.approx(row["difference"])
        assert row["effect_size"] == pytest.approx(np.nanmean(gap) / np.nanstd(gap, ddof=1), rel=0.05)

    def test_given_weights_move_the_estimate(self):
        """All weight on one category: the mean difference there, and of the others nothing."""
        scores = drawn(1, n=30)
        weights = dict.fromkeys(CATEGORIES, 0.0) | {CATEGORIES[1]: 2.0}
        row = only(compare(scores, Rules(category_weights=weights)), metric="clarity").iloc[0]
        some = only(scores, metric="clarity", category=CATEGORIES[1])
        means = some.groupby(["model", "id"])["value"].mean().unstack(0)
        assert row["difference"] == pytest.approx((means[STEADY] - means[HASTY]).mean())

    def test_two_families(self):
        """A kind's primary pairs are adjusted among themselves, every other comparison among the rest."""
        table = compare(drawn(2, ALL), Rules())
        assert list(table["primary"]) == [True] * 6 + [False] * (len(table) - 6)
        for rows in (table[:3], table[3:6], table[6:]):
            assert list(rows["p_adjusted"]) == pytest.approx(list(stats.holm(rows["p_value"])))
        shown = table["outcome"] != "open"
        assert list(shown) == list(table["p_adjusted"] <= 0.05)

    def test_a_reference_is_model_b(self):
        """Its pairs come first, it is model B of them, and no pair is lost."""
        scores = drawn(2, ALL)
        table = only(compare(scores, Rules(reference=HASTY)), metric="field_accuracy")
        assert [tuple(pair) for pair in table[["model_a", "model_b"]].to_numpy()] == [
            (STEADY, HASTY),
            (TERSE, HASTY),
            (STEADY, TERSE),
        ]
        with pytest.raises(UsageError, match="reference = 'nobody' is none of the models"):
            compare(scores, Rules(reference="nobody"))

    def test_families_are_one_sampled_unit(self):
        """Copies of a case, named one family, make no interval narrower than the case alone."""
        scores = drawn(5, n=20)
        copies = [scores.assign(id=scores["id"] + f"-{i}", family=scores["id"]) for i in range(4)]
        alone = only(compare(scores, Rules()), metric="field_accuracy").iloc[0]
        fourfold = only(compare(pd.concat(copies), Rules()), metric="field_accuracy").iloc[0]
        assert fourfold["n"] == 4 * alone["n"]
        assert fourfold["standard_error"] == pytest.approx(alone["standard_error"], rel=0.02)

    def test_only_what_is_needed(self):
        """id, model, round, metric and value suffice; controls are in no comparison."""
        scores = drawn(1)
        bare = scores[["id", "model", "round", "metric", "value"]]
        known = only(compare(scores.assign(category=""), Rules()), metric="clarity").iloc[0]
        control = bare[bare["model"] == STEADY].assign(model="control: boilerplate")
        row = only(compare(pd.concat([bare, control]), Rules()), metric="clarity").iloc[0]
        assert row["test_case"] == "conversation"
        assert row["difference"] == known["difference"]
        assert len(compare(pd.concat([bare, control]), Rules())) == len(METRICS) - len(JUDGED)


class TestDelivery:
    def test_a_third_of_the_difference_may_be_delivery(self):
        """By hand: half of B's answers malformed, the others as good as A's: no content difference."""
        scores = score_table(
            {STEADY: {"task_completion": np.full(20, 0.8)}, HASTY: {"task_completion": np.full(20, 0.8)}}
        )
        lost = (scores["model"] == HASTY) & (scores["id"].str[-1].astype(int) % 2 == 0)
        scores.loc[lost, ["value", "reason"]] = [0.0, "malformed: no call"]
        table = delivery(parts(scores), 0.05).set_index("model")
        row = table.loc[HASTY]
        assert (row["planned"], row["scored"], row["delivered"], row["share"]) == (20, 20, 10, 0.5)
        assert row["low"] < 0.5 < row["high"]
        assert row["content"] == pytest.approx(0.8)
        # 20 of 20 delivered: Wilson's interval, 20/(20 + 1.96²) to 1.
        assert (table.loc[STEADY, "low"], table.loc[STEADY, "high"]) == (pytest.approx(0.83887, abs=1e-5), 1)
        (pair,) = delivery_pairs(parts(scores), Rules()).to_dict("records")
        shares = (pair["total"], pair["from_delivery"], pair["content"])
        assert shares == (pytest.approx(0.4), pytest.approx(0.4), pytest.approx(0))

    def test_content_stays_within_the_metrics_range(self):
        """Twelve of thirteen cases right: t reaches beyond 1, the interval does not."""
        values = [1.0] * 12 + [0.5]
        scores = complete(score_table({m: {"field_accuracy": values} for m in (STEADY, HASTY)}, ["one"]))
        row = delivery(parts(scores), 0.05).iloc[0]
        assert row["content_high"] == 1.0
        assert 0.8 < row["content_low"] < row["content"]

    def test_failed_calls_are_no_failed_delivery(self):
        """What we lost is neither delivered nor undelivered."""
        scores = score_table({m: {"task_completion": [0.5, math.nan, 0.7]} for m in (STEADY, HASTY)}, ["one"])
        row = delivery(parts(scores), 0.05).iloc[0]
        assert (row["planned"], row["scored"], row["delivered"], row["share"]) == (3, 2, 2, 1.0)


class TestFamilies:
    """Cases of one family count as one: as many more of them tell no more."""

    SECONDS = {STEADY: (1.0, 2.0, 4.0), HASTY: (11.0, 10.0, 13.5)}  # noqa: RUF012

    def table(self, times: int, seed: int = 2):
        """Twelve cases, or as many families of so many equal cases; right or wrong in the second metric."""
        random = np.random.default_rng(seed)
        base = {"field_accuracy": random.random((12, 2)), "schema_compliance": np.ones((12, 2))}
        base["schema_compliance"][0, 0] = 0.0
        values = {name: np.repeat(each, times, axis=0) for name, each in base.items()}
        scores = complete(score_table(dict.fromkeys((STEADY, HASTY), values), ["one"]))
        number = scores["id"].str[-3:].astype(int)
        return scores.assign(family=(number // times).map("f{}".format) if times > 1 else "")

    def test_delivery_and_rounds(self):
        """Content and share delivered, pass^k and its error: of twelve, however often each is asked."""
        for equal in (False, True):
            alone, many = (self.table(times) for times in (1, 3))
            if equal:
                alone, many = (table.assign(value=0.8) for table in (alone, many))
            both = [delivery(parts(table), 0.05) for table in (alone, many)]
            ends = ["content", "content_low", "content_high", "share", "low", "high"]
            assert both[1][ends].to_numpy() == pytest.approx(both[0][ends].to_numpy())
        told = [round_agreement(parts(self.table(times))) for times in (1, 3)]
        ends = ["pass_hat_k", "pass_hat_k_error"]
        assert told[1][ends].to_numpy() == pytest.approx(told[0][ends].to_numpy(), nan_ok=True)

    def test_serving(self):
        """Seconds of three cases, or of three families of four that take the same: one interval."""
        tables = []
        for times in (1, 4):
            ids = [(f"f{case}", f"c{case}-{again}") for case in range(3) for again in range(times)]
            took = {model: dict(zip("012", of, strict=True)) for model, of in self.SECONDS.items()}
            rows = [response(id, m, latency_s=took[m][family[1]]) for family, id in ids for m in took]
            scores = score_table({STEADY: {"clarity": np.ones(len(ids))}}, ["one"])
            scores = scores.assign(id=[id for _, id in ids], family=[family for family, _ in ids])
            tables.append(compare_serving(responses(*rows), scores if times > 1 else None).loc[0])
        ends = ["mean_a", "mean_b", "difference", "standard_error", "df", "ci_low", "ci_high"]
        assert tables[1][ends].tolist() == pytest.approx(tables[0][ends].tolist())
        assert [table["n"] for table in tables] == [3, 12]


class TestRounds:
    def test_agreement_and_pass_hat_k(self):
        """By hand: two of three cases with every round right; a metric that is not binary has no k."""
        right = [[1, 1], [1, 1], [1, 0]]
        table = score_table(
            {
                m: {"schema_compliance": right, "field_accuracy": [[0.5, 0.5], [0.2, 0.4], [1, 1]]}
                for m in ALL[:2]
            }
        )
        agreed = round_agreement(parts(table)).set_index(["model", "metric"]).loc[STEADY]
        row = agreed.loc["schema_compliance"]
        assert (row["n"], row["alike"], row["k"], row["pass_hat_k"]) == (
            3, pytest.approx(2 / 3), 2, pytest.approx(2 / 3),
        )  # fmt: skip
        assert math.isnan(agreed.loc["field_accuracy", "pass_hat_k"])

    def test_the_variance_between_cases_and_between_rounds(self):
        """Planted: ω² = .02 between cases, σ² = .03 of either model's rounds."""
        random, n, k = np.random.default_rng(3), 4000, 3
        gap = random.normal(0, math.sqrt(0.02), (n, 1))
        values = {
            STEADY: {"field_accuracy": gap + random.normal(0, math.sqrt(0.03), (n, k))},
            HASTY: {"field_accuracy": random.normal(0, math.sqrt(0.03), (n, k))},
        }
        (row,) = variance_split(parts(score_table(values, ["one"]))).to_dict("records")
        assert row["omega2"] == pytest.approx(0.02, rel=0.1)
        assert (row["sigma2_a"], row["sigma2_b"]) == pytest.approx((0.03, 0.03), rel=0.05)
        assert row["between_cases"] == pytest.approx(0.5, abs=0.04)
        assert row["share_low"] < row["between_cases"] < row["share_high"]


class TestServing:
    TOOK = ([[1.0, 2.0], [2.0, 2.0], [4.0, math.nan]], [[11.0, 11.0], [11.0, 11.0], [11.0, 11.0]])
    QUEUED = (0.1, 9.6)

    def table(self, cost: float = math.nan):
        rows = [
            response(
                f"c{case}", model, round=round, latency_s=value, queue_s=queue, cost_usd=cost, category="a"
            )
            for model, cases, queue in zip((STEADY, HASTY), self.TOOK, self.QUEUED, strict=True)
            for case, of_case in enumerate(cases)
            for round, value in enumerate(of_case, 1)
        ]
        return responses(*rows)

    def test_serving_is_paired_and_the_queue_is_apart(self):
        """Of 9.5 s more most was waiting in the server's queue: the model's own seconds are told apart."""
        table = compare_serving(self.table(), reference=STEADY).set_index("measure")
        gap = np.array([11 - 1.5, 11 - 2, 11 - 4])
        expected = stats.stratified(gap)
        row = table.loc["latency_s"]
        assert (row["model_a"], row["n"], row["difference"], row["losses"]) == (
            HASTY,
            3,
            pytest.approx(8.5),
            3,
        )
        assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.low, expected.high))
        assert table.loc["queue_s", "difference"] == pytest.approx(9.5)
        assert table.loc["service_s", "difference"] == pytest.approx(-1.0)
        assert (table.loc["cost_usd", "n"], math.isnan(table.loc["cost_usd", "difference"])) == (0, True)

    def test_which_takes_less(self):
        """By dollars, or by seconds of service where what an answer costs is not known or the same."""
        assert takes_less(compare_serving(self.table())) == {(HASTY, STEADY): "faster"}
        priced = self.table().assign(cost_usd=lambda t: np.where(t["model"] == STEADY, 0.1, 0.2))
        assert takes_less(compare_serving(priced)) == {(STEADY, HASTY): "cheaper"}
        assert takes_less(compare_serving(self.table(0.1))) == {(HASTY, STEADY): "faster"}
        nothing = self.table(0.1).assign(latency_s=math.nan)
        assert takes_less(compare_serving(nothing)) == {}
