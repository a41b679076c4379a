"""What stands beside the decision is about the quantity that is decided on: its cases, weights, units."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from benchkit.decide import Rules, compare, control_table, decide
from benchkit.decide.evidence import gather
from benchkit.decide.table import complete
from benchkit.errors import UsageError
from benchkit.execute.plan import plan_power
from benchkit.metrics import METRICS, Metric
from benchkit.report.facts import facts
from benchkit.wording import number

from .measured import HASTY, STEADY, TERSE, report_of, score_table

JSON, TALK = "field_accuracy", "task_completion"
NOTHING = "control: boilerplate"


@pytest.fixture
def stars(monkeypatch):
    """A metric of 0 to 5, for json."""
    monkeypatch.setitem(METRICS, "stars", Metric("stars", "json", None, high=5.0))


def scores_of(seed: int = 1, hidden: float = 0.0, **gains: float) -> pd.DataFrame:
    """60 json and 60 conversation cases of differing difficulty, on both of which each model gains so much.

    Of the first model a share `hidden` of scores, the hardest ones, is missing.
    """
    random, n = np.random.default_rng(seed), 60
    base = {metric: np.sort(random.uniform(0.1, 0.6, n)) for metric in (JSON, TALK)}
    values = {
        model: {metric: np.clip(of + gain + random.normal(0, 0.05, n), 0, 1) for metric, of in base.items()}
        for model, gain in gains.items()
    }
    for metric in (JSON, TALK):
        values[next(iter(gains))][metric][: round(hidden * n)] = math.nan
    return score_table(values, ["one", "two", "three"])


class TestControls:
    @pytest.mark.parametrize("hidden", [0.0, 0.5])
    @pytest.mark.parametrize(
        "weights", [{}, {"one": 1, "two": 0, "three": 0}, {"one": 1, "two": 5, "three": 2}]
    )
    @pytest.mark.parametrize("unit", [1.0, 5.0])
    def test_the_gap_is_the_difference_that_would_be_decided_on(self, stars, unit, weights, hidden):
        """A control's lead is, to the digit, U's part of the same answers given by a model."""
        scores = scores_of(hidden=hidden, **{STEADY: 0.2, HASTY: 0.1, NOTHING: 0.12})
        if unit != 1:
            scores.loc[scores["metric"] == JSON, "value"] *= unit
            scores = scores.replace({"metric": {JSON: "stars"}})
        rules = Rules("" if unit == 1 else "stars,task_completion", category_weights=weights)
        found = control_table(scores, rules)
        named = scores.replace({"model": {NOTHING: TERSE}})
        evidence = gather(complete(named), rules)
        rows = found.set_index(["test_case", "metric"])
        for kind in evidence.kinds:
            row = rows.loc[kind.name, kind.metric]
            pairs = [kind.pairs[i][2] for i in (0, 1)]
            assert row["gap"] == pytest.approx(max(one.estimate for one in pairs))
            assert row["n"] == max(pairs, key=lambda one: one.estimate).n
            assert row["disqualifies"] == (row["gap"] < 0.05)
            size = unit if kind.metric == "stars" else 1
            assert row["best_mean"] - row["mean"] == pytest.approx(row["gap"] * size)

    def test_a_category_without_weight_saves_no_metric(self):
        """By hand: on all that counts the control is ahead; where it is far behind weighs nothing."""
        model, other, control = [0.85, 0.9] * 30, [0.7, 0.5] * 30, [0.9, 0.05] * 30
        values = {m: {JSON: v} for m, v in ((STEADY, model), (HASTY, other), (NOTHING, control))}
        scores = score_table(values, ["x", "y"])
        for weights, gap in (({"x": 1, "y": 0}, -0.05), ({"x": 0, "y": 1}, 0.85)):
            rules = Rules(category_weights=weights)
            (row,) = control_table(scores, rules).to_dict("records")
            assert row["gap"] == pytest.approx(gap)
            decides = decide(scores, rules, controls=control_table(scores, rules))["kinds"][0]["decides"]
            assert decides == (gap > 0)


class TestOneSize:
    """Kinds are added in U where their metrics have one size, and refused by name where they have none."""

    BOTH = pd.DataFrame({"test_case": ["json", "conversation"], "category": ""})
    REFUSED = "wer_score has no upper end.* added to those of field_accuracy.*kind_weights.*add_metric"

    @staticmethod
    def brought(json: float, metric: str = "rating", other: str = "mark") -> pd.DataFrame:
        """Scores that nobody described, of 0 to `json` and of 0 to 1."""
        scores = scores_of(**{STEADY: 0.2, HASTY: 0.1})
        scores.loc[scores["metric"] == JSON, "value"] *= json
        return scores.replace({"metric": {JSON: metric, TALK: other}})

    def test_an_open_range_beside_another_metric_is_refused(self):
        """In 03, which knows the cases alone, and in 04 with whatever reads the scores."""
        rules = Rules("wer_score")
        with pytest.raises(UsageError, match=self.REFUSED):
            rules.check_fit(self.BOTH)
        scores = scores_of(**{STEADY: 0.2, HASTY: 0.1}).replace({"metric": {TALK: "wer_score"}})
        for read in (decide, compare):
            with pytest.raises(UsageError, match=self.REFUSED):
                read(scores, rules)

    def test_what_is_not_added_is_not_refused(self):
        """One kind alone, one by its weight, people deciding, and one metric for both kinds."""
        Rules("wer_score").check_fit(self.BOTH[1:])
        Rules("wer_score", kind_weights={"json": 0, "conversation": 1}).check_fit(self.BOTH)
        Rules("preference,wer_score").check_fit(self.BOTH)
        for scores, rules in (
            (self.brought(100)[lambda t: t["test_case"] == "json"], Rules()),
            (self.brought(100), Rules(kind_weights={"json": 1, "conversation": 0})),
            (self.brought(100, "rating", "rating"), Rules()),
        ):
            assert decide(scores, rules)["outcome"] == "deploy"

    def test_brought_scores_are_refused_until_their_range_is_known(self, monkeypatch):
        """Of 0 to 100 and of 0 to 1: what nobody described has no ends; described, each counts alike."""
        with pytest.raises(UsageError, match=r"rating has no lower and no upper end.* those of mark"):
            decide(self.brought(100))
        monkeypatch.setitem(METRICS, "rating", Metric("rating", "json", None, high=100.0))
        found, alike = decide(self.brought(100)), decide(self.brought(1, "share"))
        assert found["utility"][0]["difference"] == pytest.approx(alike["utility"][0]["difference"])

    def test_a_kind_that_nobody_scored_asks_for_no_range(self):
        """Without any value there is nothing to add."""
        scores = self.brought(1)
        scores.loc[scores["metric"] == "rating", "value"] = math.nan
        assert [kind["decides"] for kind in decide(scores)["kinds"]] == [True, False]

    def test_a_plan_reads_of_a_pilot_what_is_planned(self):
        """Conversations alone are planned by wer_score, though the pilot had JSON cases too."""
        scores = scores_of(**{STEADY: 0.2, HASTY: 0.1}).replace({"metric": {TALK: "wer_score"}})
        rules = Rules("wer_score")
        plan = plan_power({"conversation": 60}, rules, [STEADY, HASTY], 1, pilot=scores)
        assert plan.basis.startswith("Measured on a pilot of 60 cases")


class TestDelivery:
    @pytest.mark.parametrize("weights", [{}, {"one": 0.9, "two": 0.1, "three": 0}])
    def test_the_split_is_of_the_difference_that_is_decided_on(self, weights):
        """Cases that are undefined or weigh nothing are in neither; by hand, what was not delivered."""
        scores = scores_of(hidden=0.3, **{STEADY: 0.2, HASTY: 0.1})
        scores.loc[scores["id"].str[-1] == "7", ["value", "reason"]] = [math.nan, "undefined: nothing"]
        lost = (scores["model"] == HASTY) & (scores["id"].str[-1] == "8")
        scores.loc[lost, ["value", "reason"]] = [0.0, "malformed: no call"]
        rules = Rules(category_weights=weights)
        found = report_of(scores, rules)["delivery_pairs"]
        kept = scores.assign(value=scores["value"].where(scores["reason"] != "malformed: no call"))
        for table, name in ((scores, "total"), (kept, "content")):
            evidence = gather(complete(table), rules)
            expected = {kind.name: kind.pairs[0][1].estimate for kind in evidence.kinds}
            assert {row["test_case"]: row[name] for row in found} == pytest.approx(expected)
        assert all(row["from_delivery"] == pytest.approx(row["total"] - row["content"]) for row in found)


class TestWhatIsPrinted:
    @pytest.mark.parametrize("lower", [False, True])
    def test_u_is_printed_as_a_difference_alone(self, monkeypatch, lower):
        """A mean over other cases, or of metrics of both directions, has no place beside a difference."""
        monkeypatch.setitem(METRICS, "miss", Metric("miss", "json", None, lower_is_better=lower))
        scores = scores_of(hidden=0.5, **{STEADY: 0.1, HASTY: 0.2}).replace({"metric": {JSON: "miss"}})
        report = report_of(scores, Rules("miss,task_completion"))
        said = [fact.text for fact in facts(report) if "against the best other model" in fact.text]
        for row, text in zip(report["decision"]["utility"], said, strict=True):
            figures = (number(row["difference"], sign=True), number(row["low"]), number(row["high"]))
            assert text.startswith(f"On all kinds together {row['model']} stands {figures[0]} against")
            assert re.findall(r"[+−]?\d+\.\d+", text) == list(figures)
