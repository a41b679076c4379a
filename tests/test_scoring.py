"""Responses to scores: what was not delivered, what is undefined, and metrics of one's own."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pandas as pd
import pytest

from benchkit.decide import Rules, compare, decide
from benchkit.domain import Requirement, TestCase, is_control
from benchkit.errors import UsageError
from benchkit.measure import align, metrics_json, metrics_report, score, summarise, with_controls
from benchkit.metrics import METRICS, add_metric, described, in_order, recorded, remember
from benchkit.metrics.requirements import answer_text
from benchkit.plots import plot_case_pairs, plot_scores

from .measured import HASTY, STEADY, About, case, cases, response, responses, score_table

LONG = "Dear customer, " + "we are looking into all of this at length and in great detail. " * 8


def scored(table, *rows):
    return score(align(responses(*rows), table), table).set_index(["metric", "model", "id"]).sort_index()


@pytest.mark.parametrize("status", ["malformed", "refused"])
@pytest.mark.parametrize(
    "metric", [name for name, one in METRICS.items() if one.kind == "conversation" and one.function]
)
def test_no_delivered_answer_scores_worse(metric, status):
    """What was not delivered is never ahead of an answer to the same case, however bad that is."""
    table = cases(case("a"), case("b"))
    found = scored(
        table,
        response("a", STEADY, "cannot be read", status=status, error="why"),
        response("b", STEADY, "cannot be read", status=status, error="why"),
        response("a", HASTY, LONG),
        response("b", HASTY, "Open."),
    ).loc[metric]
    worse = 1 if METRICS[metric].lower_is_better else -1
    for id in "ab":
        assert worse * found.loc[(STEADY, id), "value"] >= worse * found.loc[(HASTY, id), "value"]
        assert found.loc[(STEADY, id), "reason"] == f"{status}: why"


def test_the_worst_of_an_open_end_is_earned():
    """WER: as far off as the worst answer delivered to the case, and no better than an empty one: 1."""
    table = cases(case("a"), case("b"), case("c"))
    lost = [response(id, STEADY, "?", status="malformed") for id in "abc"]
    others = [response("a", HASTY, LONG), response("b", HASTY, "Please open the settings.")]
    found = scored(table, *lost, *others).loc["wer_score", "value"]
    assert found[STEADY, "a"] == found[HASTY, "a"] > 5
    assert found[STEADY, "b"] == 1.0 > found[HASTY, "b"]
    assert found[STEADY, "c"] == 1.0


def test_undefined_is_its_own_count():
    """A golden without a keyword leaves the metric's denominator for every model, delivered, lost or not."""
    table = cases(case("a", golden="You and me."), case("b"))
    rows = [response("a", STEADY, "Hello there."), response("b", STEADY, "Please open the settings.")]
    rows += [response("a", HASTY, "?", status="malformed"), response("b", HASTY, "", status="failed")]
    scores = score(align(responses(*rows), table), table)
    some = scores[(scores["metric"] == "task_completion") & (scores["id"] == "a")]
    assert list(some["reason"]) == ["undefined: the golden response has no keyword"] * 2
    assert some["value"].isna().all()
    summary = summarise(scores).set_index(["model", "metric"])
    columns = ["planned", "scored", "unscored", "undefined"]
    assert list(summary.loc[(STEADY, "task_completion"), columns]) == [2, 1, 0, 1]
    assert list(summary.loc[(HASTY, "task_completion"), columns]) == [2, 0, 1, 1]
    assert list(summary.loc[(HASTY, "bleu_score"), columns]) == [2, 1, 1, 0]


def test_scores_carry_the_family():
    """The family of a case stands beside its scores; "" where there is none."""
    table = cases(case("a", family="refunds"), case("b"))
    rows = [response(id, model, "Done.") for id in "ab" for model in (STEADY, HASTY)]
    scores = score(align(responses(*rows), table), table)
    assert dict(zip(scores["id"], scores["family"], strict=True)) == {"a": "refunds", "b": ""}


def test_a_mean_over_nothing_is_unknown():
    """Planned, scored and unscored stand beside every mean; nothing scored is NaN, not 0."""
    table = summarise(score_table({STEADY: {"field_accuracy": [[math.nan, math.nan]]}})).iloc[0]
    assert (table["planned"], table["scored"], table["unscored"]) == (2, 0, 2)
    assert math.isnan(table["mean"])


@pytest.fixture
def stars():
    """A metric of one's own, from 0 to 5, for as long as the test runs."""
    yield add_metric(
        "stars", "conversation", lambda text: float(min(5, text.count("!"))), high=5.0, unit="stars"
    )
    METRICS.pop("stars", None)


def test_a_metric_of_ones_own(stars):
    """It is scored, summarised and compared on its own range; what was not delivered has its worst value."""
    table = cases(*(case(f"c{i}") for i in range(4)))
    rows = [response(f"c{i}", STEADY, "Done" + "!" * (i + 2)) for i in range(4)]
    rows += [response(f"c{i}", HASTY, "Done!") for i in range(3)] + [
        response("c3", HASTY, "", status="refused")
    ]
    scores = score(align(responses(*rows), table), table)
    means = summarise(scores).set_index(["metric", "model"])["mean"]
    assert (means["stars", STEADY], means["stars", HASTY]) == (3.5, 0.75)
    row = compare(scores, Rules(primary_metric="stars")).set_index("metric").loc["stars"]
    assert (row["difference"], row["n"], row["primary"]) == (2.75, 4, True)
    assert stars.span == 5


def test_what_cannot_be_a_metric():
    """A built-in name keeps its meaning, a kind has to exist, and a range has two ends in order."""
    with pytest.raises(UsageError, match="clarity is built in"):
        add_metric("clarity", "conversation", len)
    with pytest.raises(UsageError, match="kind = 'voice' is not known"):
        add_metric("loudness", "voice", len)
    with pytest.raises(UsageError, match=r"goes from 0\.0 to 0"):
        add_metric("loudness", "json", len, high=0)
    assert "loudness" not in METRICS


def test_a_score_outside_of_its_range(stars):
    """A metric of one's own that leaves the range it was given is told so; what is no number, too."""
    table = cases(case("a"), case("b"))
    rows = [response(id, model, "Done!") for id in "ab" for model in (STEADY, HASTY)]
    for value in (7, -1, math.nan):
        add_metric("stars", "conversation", lambda text, value=value: value if text else 0, high=5.0)
        with pytest.raises(UsageError, match=r"stars gave .*its range is 0 to 5"):
            score(align(responses(*rows), table), table)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda text: 1 / (len(text) - 5), "ZeroDivisionError: division by zero"),
        (lambda text: "good", "ValueError: could not convert string to float: 'good'"),
        (lambda text: [1], "TypeError: float"),
    ],
)
def test_a_metric_that_fails_is_named_with_its_case(stars, function, said):
    """Whatever its function raises or returns in the place of a number."""
    add_metric("stars", "conversation", lambda text: function(text) if text else 0, high=5.0)
    table = cases(case("a"), case("b"))
    rows = [response(id, model, "Done!") for id in "ab" for model in (STEADY, HASTY)]
    with pytest.raises(UsageError) as caught:
        score(align(responses(*rows), table), table)
    assert str(caught.value).startswith(f"stars fails on an answer to case a ({said}")


def test_metrics_that_nobody_described():
    """Scores from elsewhere: a known metric is what it is, others show their range."""
    assert described("bleu_score") is METRICS["bleu_score"]
    share = described("exact", "json", [0.0, 1.0, math.nan])
    assert (share.low, share.high, share.worst) == (0.0, 1.0, 0.0)
    points = described("points", "json", [3.0, 7.5])
    assert (points.low, points.high, points.span, points.worst) == (None, None, None, None)
    assert in_order(["zeal", "points", "bleu_score", "clarity"]) == [
        "clarity",
        "bleu_score",
        "points",
        "zeal",
    ]


def test_a_metric_of_ones_own_decides(stars):
    """Named as primary, it decides by a margin of its own; figures, report and metrics.json have it."""
    table = cases(*(case(f"c{i:02d}", category="ab"[i % 2]) for i in range(30)))
    marks = {STEADY: (3, 4, 5), HASTY: (1, 2, 3)}
    rows = [
        response(f"c{i:02d}", model, "Done" + "!" * marks[model][(i + round) % 3], round=round)
        for i in range(30)
        for model in marks
        for round in (1, 2)
    ]
    aligned = align(responses(*rows), table)
    scores, rules = score(aligned, table), Rules(primary_metric="stars", margin=0.25)
    unjudged = About(config={"parameters": {"04_measure": {"enable_judge": False}}})
    report = metrics_report(with_controls(scores, table), aligned, rules, unjudged)
    assert (report["decision"]["outcome"], report["decision"]["model"]) == ("deploy", STEADY)
    assert "Nobody judged" not in str(report["decision"])
    assert report["metrics"]["stars"]["high"] == 5.0
    assert [row["metric"] for row in report["comparisons"] if row["primary"]] == ["stars"]
    assert report["decision"]["utility"][0]["difference"] == pytest.approx(2.0)
    means = metrics_json(summarise(scores), [STEADY], True)[STEADY]["conversation_metrics"]
    assert means["stars"] == pytest.approx(4.0)
    for chart in (plot_scores(scores, alpha=0.05), plot_case_pairs(scores, "stars", STEADY, HASTY)):
        assert "stars" in chart.caption or "metrics" in chart.caption


def test_metrics_of_different_ranges_are_added_as_shares(stars):
    """A gain of .5 on 0 to 5 is less than one of .3 on 0 to 1; the decision says how it added them."""
    rows = []
    for i in range(40):
        for model, (mark, share) in {STEADY: (3.0, 0.8), HASTY: (3.5, 0.5)}.items():
            about = {"model": model, "round": 1, "category": "", "family": "", "reason": ""}
            wobble = (i % 4) / 10
            rows += [
                about
                | {"id": f"c{i}", "test_case": "conversation", "metric": "stars", "value": mark + wobble},
                about | {"id": f"j{i}", "test_case": "json", "metric": "field_accuracy", "value": share},
            ]
    decision = decide(pd.DataFrame(rows), Rules(primary_metric="stars"))
    found = {row["model"]: row["difference"] for row in decision["utility"]}
    assert found[STEADY] == pytest.approx((0.3 - 0.5 / 5) / 2)
    assert any("stars has a range of its own" in line for line in decision["warnings"])


def test_a_metric_known_in_another_kernel(stars):
    """What a report recorded of a metric of one's own is what another kernel reads about it."""
    kept = recorded(["stars", "clarity", "elsewhere"])
    assert list(kept) == ["stars"]
    del METRICS["stars"]
    remember(kept)
    found = METRICS["stars"]
    assert (found.kind, found.high, found.unit, found.worst) == ("conversation", 5.0, "stars", 0.0)
    table = cases(case("a"), case("b"))
    rows = [response(id, model, "Done.") for id in "ab" for model in (STEADY, HASTY)]
    assert "stars" not in set(score(align(responses(*rows), table), table)["metric"])
    with pytest.raises(UsageError, match="stars has no function here"):
        found.value("Done.", None)


def test_controls_stand_below_the_scores():
    """One table for scores.csv and the decision: the models' scores first, and what was noted of them."""
    table = cases(case("a"), case("b"))
    rows = [response(id, model, "Done.") for id in "ab" for model in (STEADY, HASTY)]
    scores = score(align(responses(*rows), table), table)
    scores.attrs["simulated"] = True
    both = with_controls(scores, table)
    assert both.attrs["simulated"]
    assert list(both["model"].map(is_control)) == sorted(both["model"].map(is_control))
    assert both["model"].nunique() == 5


class TestJudged:
    """`requirements_met` comes from judgements, and what nobody judged has no score."""

    MUST = (
        Requirement("a", "ask", weight=3),
        Requirement("b", "apologise"),
        Requirement("n", "blame", False),
    )

    def scored(self, said, **of_answer):
        """Scores of one answer, whose judgement `said` gives (met, status) by requirement."""
        table = cases(TestCase("c", "conversation", "x", "p", "golden", requirements=self.MUST).row())
        rows = [("c", STEADY, 1, name, met, "", why, "") for name, (met, why) in said.items()]
        names = ["id", "model", "round", "requirement", "met", "quote", "status", "first_fault"]
        answers = [response("c", STEADY, "Sorry!", **of_answer), response("c", HASTY, "No.")]
        found = score(align(responses(*answers), table), table, pd.DataFrame(rows, columns=names))
        judged = found[found["metric"] == "requirements_met"].set_index("model")
        return judged.loc[STEADY, "value"], judged.loc[STEADY, "reason"]

    @pytest.mark.parametrize(
        ("met", "value"), [((1, 1, 1), 1), ((1, 0, 1), 0.75), ((0, 0, 1), 0), ((1, 1, 0), 0)]
    )
    def test_by_weight(self, met, value):
        """Musts by weight; 0 where a must_not is violated; a fault of the judge is in the verdict."""
        said = {name: (float(one), "no verdict") for name, one in zip("abn", met, strict=True)}
        assert self.scored(said) == (value, "")

    @pytest.mark.parametrize("status", ["malformed", "refused"])
    def test_what_nobody_could_use_is_worst(self, status):
        value, reason = self.scored({"a": (1, "")}, status=status, error="why")
        assert value == 0
        assert reason.startswith(status)

    def test_a_failed_call_is_unscored(self):
        """Ours to have failed: neither a zero nor the case's fault."""
        lost = (math.nan, "failed: HTTP 500")
        value, reason = self.scored({"a": (1, ""), "b": lost, "n": (1, "")})
        assert math.isnan(value)
        assert reason == "judge failed: HTTP 500"

    @pytest.mark.parametrize(
        ("met", "value"), [((1, 1, None), None), ((0, 0, None), 0), ((None, 1, 0), 0), ((1, None, 1), None)]
    )
    def test_a_verdict_that_we_failed_to_get(self, met, value):
        """There is a score only where it is the same whatever the verdict had been."""
        lost = (math.nan, "failed: no verdict")
        said = {name: lost if one is None else (float(one), "") for name, one in zip("abn", met, strict=True)}
        found, reason = self.scored(said)
        assert found == value if value is not None else math.isnan(found)
        assert reason == ("judge failed: no verdict" if value is None else "")

    def test_a_case_without_requirements_is_undefined(self, monkeypatch):
        monkeypatch.setattr(TestJudged, "MUST", self.MUST[2:])
        value, reason = self.scored({"n": (1, "")})
        assert math.isnan(value)
        assert reason.startswith("undefined: ")

    def test_a_record_is_judged_as_text(self):
        """A negated summary, which field_accuracy hardly sees; without judgements there is no such metric."""
        golden = {"id": "A-1", "summary": "We refund the order in full."}
        row = cases(replace(TestCase("j", "json", "x", "p", golden, {}), requirements=self.MUST[:1]).row())
        wrong = json.dumps(golden | {"summary": "We never refund the order in full."})
        both = responses(response("j", STEADY, json.dumps(golden)), response("j", HASTY, wrong))
        names = ["id", "model", "round", "requirement", "met", "quote", "status", "first_fault"]
        said = [("j", STEADY, 1, "a", 1.0, "", "", ""), ("j", HASTY, 1, "a", 0.0, "", "", "")]
        judgements = pd.DataFrame(said, columns=names)
        found = score(align(both, row), row, judgements).set_index(["metric", "model"])["value"]
        assert found["field_accuracy"][HASTY] > 0.9
        assert found["record_requirements_met"].to_dict() == {STEADY: 1.0, HASTY: 0.0}
        assert "record_requirements_met" not in set(score(align(both, row), row)["metric"])
        assert answer_text(golden | {"steps": ["Wait.", 2]}).splitlines() == [
            "id: A-1", "summary: We refund the order in full.", "steps.0: Wait.", "steps.1: 2",
        ]  # fmt: skip

    def test_it_decides_where_it_was_measured(self):
        """Else the keywords do, which their controls disqualify."""
        rows = [("conversation", name, value) for name, value in (("task_completion", 1), ("clarity", 1))]
        table = pd.DataFrame(rows, columns=["test_case", "metric", "value"])
        assert Rules().primary(table) == {"conversation": "task_completion"}
        for value, decides in ((math.nan, "task_completion"), (0.5, "requirements_met")):
            more = pd.DataFrame([("conversation", "requirements_met", value)], columns=table.columns)
            assert Rules().primary(pd.concat([table, more])) == {"conversation": decides}
