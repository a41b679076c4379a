"""The simulated report agent: what it says truly, and what the liar says."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from benchkit.offline import commentary
from benchkit.offline.chance import chance
from benchkit.offline.claims import Claim, decided, ranked, significant
from benchkit.offline.falsehoods import falsehoods
from benchkit.offline.models import ROSTER

A, B = "offline/steady", "offline/hasty"


def comparison(
    metric: str, kind: str, mean_a: float, mean_b: float, half: float, p: float, outcome: str
) -> dict[str, Any]:
    gap = mean_a - mean_b
    interval = {
        "ci_low": gap - half,
        "ci_high": gap + half,
        "p_value": p,
        "p_adjusted": p,
        "outcome": outcome,
    }
    names = {"metric": metric, "test_case": kind, "model_a": A, "model_b": B, "n": 20}
    return {**names, "mean_a": mean_a, "mean_b": mean_b, "difference": gap, **interval}


MESSAGE: dict[str, Any] = {
    "decision": "offline/steady is better on task_completion.",
    "simulated": True,
    "alpha": 0.05,
    "models": [A, B],
    "comparisons": [
        comparison("task_completion", "conversation", 0.81, 0.62, 0.08, 0.004, "better_a"),
        comparison("wer_score", "conversation", 0.44, 0.71, 0.1, 0.003, "better_a"),
        comparison("field_accuracy", "json", 0.93, 0.90, 0.11, 0.41, "inconclusive"),
        comparison("schema_compliance", "json", 0.95, 0.95, 0.01, 0.9, "equivalent"),
    ],
    "denominators": [{"model": A, "test_case": "json", "planned": 30, "scored": 28, "unscored": 2}],
    "cost": [{"model": A, "cost_usd": 0.0123, "latency_s_median": 0.61}],
}


def spoken(claims: list[Claim]) -> str:
    return " ".join(claim.text for claim in claims)


def test_the_analyst_cites_only_numbers_of_the_message() -> None:
    """Every figure is one of the message's, rounded to the places that are written."""
    rows = [*MESSAGE["comparisons"], *MESSAGE["denominators"], *MESSAGE["cost"]]
    known = [float(value) for row in rows for value in row.values() if isinstance(value, int | float)]
    cited = re.findall(r"-?\d+(?:\.\d+)?", spoken(commentary.truths(MESSAGE)))
    assert len(cited) > 15
    for figure in cited:
        places = len(figure.partition(".")[2])
        assert any(f"{value:.{places}f}" == figure for value in known), figure


def test_the_analyst_names_a_winner_only_where_the_comparison_has_one() -> None:
    """Better, undecided and equivalent are worded as such; a lower error rate is the better one."""
    texts = {claim.text.split()[1].strip(","): claim.text for claim in commentary.truths(MESSAGE)[2:6]}
    assert f"{A} did better than {B}" in texts["task_completion"]
    assert f"{A} did better than {B}" in texts["wer_score"]
    assert "no winner" in texts["field_accuracy"]
    assert "equivalent" in texts["schema_compliance"]


def test_the_analyst_states_the_adjusted_p() -> None:
    """The p in its sentences is the one that the tables print; the raw one in its place is a falsehood."""
    row = comparison("bleu_score", "conversation", 0.81, 0.62, 0.08, 0.013, "better_a") | {"p_value": 0.003}
    message = MESSAGE | {"comparisons": [row]}
    assert "(p = 0.013)" in spoken(commentary.truths(message))
    said = [claim.text for claim in falsehoods(message, chance(1)) if claim.lie == "unadjusted p-value"]
    assert [text.endswith("on bleu_score, p = 0.003.") for text in said] == [True]
    assert not any(claim.lie == "unadjusted p-value" for claim in falsehoods(MESSAGE, chance(1)))


def test_the_commentary_fits_its_tool() -> None:
    """One to five passages with a title and a text, even when there is nothing to say."""
    for model in (ROSTER["offline/analyst"], ROSTER["offline/liar"]):
        for message in (MESSAGE, {}):
            passages = commentary.write(model, message, chance(1))["passages"]
            assert 1 <= len(passages) <= 5
            assert all(passage["title"] and passage["text"] for passage in passages)


def test_only_what_was_sent_back_is_written_again() -> None:
    """A retry answers the passages that were refused and repeats none that was kept."""
    message = MESSAGE | {"sent_back": [{"passage": {"title": "Records", "text": "x"}, "problems": ["y"]}]}
    passages = commentary.write(ROSTER["offline/analyst"], message, chance(1))["passages"]
    assert [passage["title"] for passage in passages] == ["Records"]


def test_the_liar_lies_in_more_than_ten_kinds() -> None:
    """All kinds of falsehood come up for one ordinary report, and twice the same for the same draw."""
    said = falsehoods(MESSAGE, chance(1))
    assert said == falsehoods(MESSAGE, chance(1))
    assert len(Counter(claim.lie for claim in said)) >= 15
    assert {claim.lie for claim in commentary.truths(MESSAGE)} == {""}


def test_about_half_of_what_the_liar_says_is_false() -> None:
    """Over many commentaries the share of falsehoods is the published one."""
    drawn = [claim for at in range(100) for claim in commentary.claims(MESSAGE, 0.5, chance("lies", at))]
    assert sum(bool(claim.lie) for claim in drawn) / len(drawn) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("seed", range(10))
def test_every_falsehood_is_false(seed: int) -> None:
    """The figure of a falsehood is not what the report has at that place, whatever the draw."""
    rows = {row["metric"]: row for row in MESSAGE["comparisons"]}
    for claim in falsehoods(MESSAGE, chance(seed)):
        row = next((row for metric, row in rows.items() if metric in claim.text), None)
        figures = [float(figure) for figure in re.findall(r"(?<![\w/])-?\d+(?:\.\d+)?", claim.text)]
        if claim.lie == "invented p-value" and row:
            assert abs(figures[0] - row["p_value"]) > 0.004
        if claim.lie in ("wrong difference", "another metric's number") and row:
            assert abs(figures[0] - abs(row["difference"])) > 0.015
        if claim.lie == "invented n" and row:
            assert figures[0] != row["n"]
        if claim.lie == "swapped winner" and row:
            assert claim.text.endswith(f"{ranked(row)[1]} did better than {ranked(row)[0]}.")
        if claim.lie == "wrong mean" and row:
            assert abs(figures[0] - row["mean_a"]) > 0.02
        if claim.lie == "wrong significance" and row:
            assert ("not" in claim.text) is significant(row, 0.05)
        if claim.lie == "equivalence claimed" and row:
            assert row["outcome"] != "equivalent"


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"ci_low": 0.1, "ci_high": 0.2}, True),
        ({"ci_low": -0.2, "ci_high": -0.1}, True),
        ({"ci_low": -0.1, "ci_high": 0.2}, False),
        ({"ci_low": 0.1, "ci_high": 0.2, "outcome": "inconclusive"}, False),
        ({"ci_low": -0.1, "ci_high": 0.2, "outcome": "better_b"}, True),
    ],
)
def test_a_comparison_is_decided_by_its_outcome_first(row: dict[str, Any], expected: bool) -> None:
    """Only a comparison without an outcome is read off its interval."""
    assert decided(row) is expected
