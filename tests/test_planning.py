"""03's plan: known answers, what a pilot cannot tell, and that assumptions are never called measured."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from benchkit.agent import Item
from benchkit.errors import UsageError
from benchkit.execute import execute, plan_execution, recorded_responses
from benchkit.execute.pilot import clusters_of, pilot_scores
from benchkit.execute.planning import Aim, cases_for, plan_detection, power_curve, widest
from benchkit.execute.price import TIERS, answer_prices, least_minutes, price_table
from benchkit.measure import PRIMARY, compare
from benchkit.offline import OfflineServer
from benchkit.plots import plot_power

from .measured import drawn, responses_of, score_table
from .staging import HASTY, STEADY, cases, client_on

SIZES = {"json": 20, "conversation": 20}
NOBODY = drawn(1).iloc[:0]


def binary(n: int = 400, rounds: int = 4, models: tuple[str, ...] = (STEADY, HASTY)) -> pd.DataFrame:
    """Right or wrong with a chance that is uniform over cases: ω² = 1/6 of unrelated models, σ² = 1/6."""
    random = np.random.default_rng(3)
    values = {
        model: {"field_accuracy": (random.random((n, rounds)) < random.random((n, 1))).astype(float)}
        for model in models
    }
    return score_table(values)


def only(scores: pd.DataFrame, n: int, aim: Aim):
    return plan_detection(scores, {"json": n}, PRIMARY, aim)


class TestMeasured:
    def test_known_answer(self):
        """The formula of the design on planted variances: 7.849 · (1/6 + 1/3/K) / δ² cases."""
        outlook = only(binary(), 100, Aim(rounds=2, detect=0.1))
        row = outlook.table.iloc[0]
        assert row[["omega2", "sigma2_a", "sigma2_b"]].tolist() == pytest.approx([1 / 6] * 3, abs=0.03)
        assert row["cases_needed"] == pytest.approx(7.849 * (1 / 6 + 1 / 6) / 0.01, rel=0.12)
        assert row["detectable"] == pytest.approx(math.sqrt(7.849 * (1 / 3) / 100), rel=0.06)
        assert row["needed_low"] < row["cases_needed"] < row["needed_high"]
        assert cases_for(outlook) == {"json": row["cases_needed"]}
        assert outlook.sentences[0].startswith(
            f"field_accuracy (measured: {STEADY} and {HASTY}, 400 cases × 4 rounds): 100 cases × 2 rounds"
        )
        assert "assumed" not in " ".join(outlook.sentences)

    def test_the_same_cost_prefers_cases(self):
        """With case variance, one round of many cases detects least; every design costs the same calls."""
        designs = only(binary(), 30, Aim(rounds=2, detect=0.1)).designs
        assert designs["rounds"].tolist() == [1, 2, 3, 5, 10]
        assert (designs["n"] * designs["rounds"]).tolist() == [60] * 5
        assert designs["n"].tolist() == [60, 30, 20, 12, 6]
        assert designs["detectable"].is_monotonic_increasing

    def test_few_clusters_take_more_cases(self):
        """Five categories leave the test four degrees of freedom: 1.8 times the cases for the same variance.

        That is the comparison's own, n·SE², known no better than four degrees of freedom allow.
        """
        table, scores, aim = cases(10, ["json"]), binary(), Aim(rounds=2, detect=0.1)
        clusters = clusters_of(table)
        assert clusters == {"json": pytest.approx(5)}
        assert clusters_of(table.assign(category="one")) == {}
        free = only(scores, 100, aim).table.iloc[0]
        five = plan_detection(scores, {"json": 100}, PRIMARY, aim, clusters).table.iloc[0]
        (one,) = compare(scores, [STEADY, HASTY], PRIMARY).to_dict("records")
        seen = one["n"] * one["standard_error"] ** 2
        assert five["omega2"] + (five["sigma2_a"] + five["sigma2_b"]) / 4 == pytest.approx(seen)
        each = [
            row["cases_needed"] / (row["omega2"] + (row["sigma2_a"] + row["sigma2_b"]) / 2)
            for row in (five, free)
        ]
        assert each[0] / each[1] == pytest.approx(14.15 / 7.849, rel=0.02)
        assert five["needed_high"] / five["cases_needed"] == pytest.approx(4 / 0.4844, rel=0.01)

    def test_rounds_that_would_do(self):
        """More rounds help as far as noise goes; where case variance alone is too much, none does."""
        scores = binary()
        assert only(scores, 400, Aim(2, 0.1)).table["rounds_needed"].tolist() == [1]
        few = only(scores, 250, Aim(1, 0.08)).table["rounds_needed"].iloc[0]
        assert 5 < few < 60
        assert only(scores, 50, Aim(2, 0.05)).table["rounds_needed"].isna().tolist() == [True]

    def test_every_pair_and_the_hardest(self):
        """Three models are three pairs; the plan speaks of the pair that detects least."""
        models = ("a", "b", "c")
        random = np.random.default_rng(1)
        spread = {"a": 0.01, "b": 0.02, "c": 0.2}
        level = random.random((30, 1))
        scores = score_table(
            {m: {"field_accuracy": level + random.normal(0, spread[m], (30, 2))} for m in models}
        )
        outlook = only(scores, 30, Aim(2, 0.05))
        assert list(zip(outlook.table["model_a"], outlook.table["model_b"], strict=True)) == [
            ("a", "b"),
            ("a", "c"),
            ("b", "c"),
        ]
        assert "c" in widest(outlook.table)[["model_a", "model_b"]].iloc[0].tolist()
        assert len(outlook.sentences) == 1

    def test_two_kinds_have_their_own_plan(self):
        """A row a kind on its own primary metric, and a figure each."""
        outlook = plan_detection(drawn(2), SIZES, PRIMARY, Aim(3, 0.05))
        assert outlook.table["metric"].tolist() == ["field_accuracy", "task_completion"]
        for row in widest(outlook.table).to_dict("records"):
            curve = power_curve(row, outlook.aim)
            assert sorted(set(curve["rounds"])) == [1, 3, 6]
            assert curve.groupby("rounds")["power"].apply(lambda p: p.is_monotonic_increasing).all()
            chart = plot_power(curve, n_now=row["n"], difference=0.05, of=row["label"])
            assert f"a difference of 0.05 in {row['metric']} with 20 cases is 1 round: " in chart.caption
            now = curve[(curve["n"] == row["n"]) & (curve["rounds"] == 3)]["power"].item()
            assert now == pytest.approx(row["power"])


class TestWhatAPilotCannotTell:
    @pytest.mark.parametrize("scores", [NOBODY, binary(1), binary(models=(STEADY,))])
    def test_assumed_is_never_measured(self, scores):
        """Without two models on two cases a range is shown, and every row of it says that it is assumed."""
        outlook = only(scores, 20, Aim(3, 0.05))
        usable = outlook.table[outlook.table["usable"]]
        assert usable["basis"].str.startswith("assumed: ").all()
        assert usable["label"].eq("field_accuracy (assumed)").all()
        assert len(usable) == 3
        assert any(
            one.startswith("Nothing is known yet of how the models vary on") for one in outlook.sentences
        )
        assert usable["needed_low"].isna().all()

    def test_one_kind_is_known(self):
        """What is measured of one kind says nothing of the other."""
        outlook = plan_detection(binary(), SIZES, PRIMARY, Aim(3, 0.05))
        basis = outlook.table.groupby("test_case")["basis"].first()
        assert basis["json"].startswith("measured: ")
        assert basis["conversation"].startswith("assumed: ")
        assert "vary on task_completion:" in " ".join(outlook.sentences)

    def test_one_round(self):
        """One round cannot be split: it is said, no other K is planned, and no number of rounds is named."""
        outlook = only(binary(rounds=1), 20, Aim(3, 0.05))
        assert outlook.designs.empty
        assert outlook.table["rounds_needed"].isna().all()
        assert "its noise between rounds cannot be told from differences" in outlook.sentences[0]
        assert set(power_curve(outlook.table.iloc[0], outlook.aim)["rounds"]) == {3}

    def test_no_variance(self):
        """Answers that are all alike promise no power of 100 %: they say nothing."""
        same = score_table({m: {"field_accuracy": np.ones((5, 2))} for m in (STEADY, HASTY)})
        outlook = only(same, 20, Aim(3, 0.05))
        assert "The pilot shows no variance at all, so it says nothing." in outlook.sentences[0]
        assert outlook.table["usable"].tolist() == [False, True, True, True]
        assert math.isnan(outlook.table["power"].iloc[0])

    def test_one_case(self):
        """A plan of one case detects what the formula says, and its chance is unknown."""
        row = only(binary(), 1, Aim(1, 0.05)).table.iloc[0]
        assert math.isnan(row["power"])
        assert row["detectable"] > 1

    @pytest.mark.parametrize(
        "aim", [{"detect": 0}, {"detect": 1}, {"detect": math.nan}, {"detect": True}, {"rounds": 0}]
    )
    def test_no_aim(self, aim):
        """A difference or a number of rounds that is none is said at once."""
        with pytest.raises(UsageError):
            Aim(**({"rounds": 3, "detect": 0.05} | aim))


class TestWhatIsOnRecord:
    async def test_the_first_cases_are_a_pilot(self, tmp_path, monkeypatch):
        """What an interrupted run has on record is its own pilot, and asking for it asks nothing."""
        table = cases(6)
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            plan = plan_execution(client, table, [STEADY, HASTY], 2)
            assert not len(recorded_responses(plan, client))
            assert not len(pilot_scores(recorded_responses(plan, client), table))
            first = [(agent, [item for item in items if _early(item)]) for agent, items in plan.work]
            async with client:
                await client.map_all(first, "some")
            sent = server.counts["served"]
            one = recorded_responses(plan, client).query("model == @STEADY")
            assert len(one)
            assert not len(pilot_scores(one, table))  # a stop that early leaves nothing to compare
            some = recorded_responses(plan, client)
            assert server.counts["served"] == sent
            whole = await execute(plan, client)
            assert recorded_responses(plan, client).equals(whole)
        assert len(some) == 2 * 2 * 2 * 3
        outlook = plan_detection(pilot_scores(some, table), SIZES, PRIMARY, Aim(2, 0.05))
        assert outlook.table["basis"].str.contains("3 cases × 2 rounds").all()
        prices = answer_prices(some, plan.table)
        assert set(prices["model"]) == {STEADY, HASTY}
        assert prices["tokens"].gt(100).all()


def _early(item: Item) -> bool:
    return item.case.endswith(("001", "002", "003"))


class TestPrice:
    @pytest.mark.parametrize(
        ("limits", "calls", "tokens", "minutes"),
        [
            ({}, 1e6, 1e9, 0),
            ({"RPM": 30}, 60, 1e9, 2),
            ({"TPM": 8000}, 1, 16_000, 2),
            ({"RPM": 30, "TPM": 8000}, 60, 8_000, 2),
            ({"RPD": 1000}, 1000, 0, 0),
            ({"RPD": 1000}, 1500, 0, 720),
            (TIERS["free"], 500, 400_000, 1440),
            (TIERS["developer"], 2000, 100_000, 2),
        ],
    )
    def test_minutes(self, limits, calls, tokens, minutes):
        """The tightest limit decides; a day's share is there at once and refills over the day."""
        assert least_minutes(limits, calls, tokens) == pytest.approx(minutes)
        assert math.isnan(least_minutes(limits, calls, math.nan))

    def test_known_answers(self):
        """Answers times what one costs; models side by side take as long as the slowest."""
        prices = pd.DataFrame(
            [("a", "json", 1000.0, 0.01), ("a", "conversation", 500.0, 0.002), ("b", "json", 2000.0, 0.04)],
            columns=["model", "test_case", "tokens", "cost_usd"],
        )
        table = price_table(
            prices, ["a", "b"], {"plan": {"json": 10}, "more": {"json": 20, "conversation": 4}}, 3
        )
        assert table["calls"].tolist() == [30, 30, 60, 72, 72, 144]
        assert table["tokens"].iloc[:3].tolist() == [30_000, 60_000, 90_000]
        assert table["cost_usd"].iloc[:3].tolist() == pytest.approx([0.3, 1.2, 1.5])
        assert table["minutes, free"].iloc[:3].tolist() == [3.8, 7.5, 7.5]
        # b has answered no conversation: what it would cost is unknown, and so is the sum.
        assert table["tokens"].isna().tolist() == [False, False, False, False, True, True]
        assert table["minutes, free"].isna().tolist() == [False, False, False, False, True, True]

    def test_unknown_prices_stay_unknown(self):
        """Tokens without a price cost an unknown sum, and no answers at all leave both unknown."""
        made = responses_of(drawn(1))
        table = price_table(answer_prices(made), [STEADY, HASTY], {"plan": SIZES}, 3)
        assert table["cost_usd"].isna().all()
        assert table["tokens"].notna().all()
        none = price_table(answer_prices(made.iloc[:0]), ["A", "B"], {"plan": SIZES}, 3)
        assert none["calls"].tolist() == [120, 120, 240]
        assert none[["tokens", "cost_usd"]].isna().all(axis=None)
