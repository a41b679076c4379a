"""The words of a run: cases as rows, verdicts at the threshold, scores without a value."""

from __future__ import annotations

import json
import math
from dataclasses import FrozenInstanceError

import pytest

from benchkit.domain import Score, TestCase, Validation, as_text
from benchkit.errors import (
    BudgetStop,
    InputError,
    Interrupted,
    LimitStop,
    ProviderError,
    RunError,
    UsageError,
)

JSON_CASE = TestCase(
    "j", "json", "billing_inquiry", "p é", {"b": 1, "a": [True, None]}, {"type": "object"}, 2, "j0"
)
TEXT_CASE = TestCase("c", "conversation", "x", "=1+1", "{not json")


@pytest.mark.parametrize("case", [JSON_CASE, TEXT_CASE])
def test_a_case_comes_back_from_its_row(case):
    """A case written as a row and read again is the same case."""
    assert TestCase.from_row(case.row()) == case
    assert all(isinstance(case.row()[name], str) for name in ("golden_response", "response_schema"))


def test_a_row_keeps_the_order_of_keys():
    """JSON text in a row has the keys as the author put them, and no escapes."""
    assert JSON_CASE.row()["golden_response"] == '{"b": 1, "a": [true, null]}'
    assert as_text({"é": 1}) == '{"é": 1}'
    assert as_text("=x") == "=x"


def test_a_broken_row_raises_value_error():
    """A json golden that is no JSON is a ValueError, for the callers to name the file."""
    with pytest.raises(ValueError, match="Expecting"):
        TestCase.from_row(JSON_CASE.row() | {"golden_response": "{'a': 1}"})


@pytest.mark.parametrize(
    ("prompt", "response", "threshold", "accepted"),
    [
        (4, 4, 4, True),
        (5, 3.999, 4, False),
        (3.999, 5, 4, False),
        (0, 0, 0, True),
        (5, 5, 5, True),
        (5, math.nan, 4, False),
        (math.nan, 5, 0, False),
    ],
)
def test_both_scores_must_reach_the_threshold(prompt, response, threshold, accepted):
    """The threshold itself is enough, for both; what is no number reaches nothing."""
    assert Validation("a", prompt, response, "", "").accepts(threshold) is accepted


def test_unscored_is_not_zero():
    """A score without a value holds None and its reason."""
    score = Score.unscored("a", "m", 1, "clarity", "no answer came")
    assert (score.value, score.reason) == (None, "no answer came")


def test_cases_are_frozen():
    """Nobody changes a case after it was made."""
    with pytest.raises(FrozenInstanceError):
        TEXT_CASE.prompt = "other"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError, 2),
        (InputError, 1),
        (RunError, 1),
        (ProviderError, 1),
        (BudgetStop, 3),
        (LimitStop, 3),
        (Interrupted, 4),
    ],
)
def test_exit_codes(error, code):
    """Every error knows the exit code of the command line, and a notebook shows it as one sentence."""
    assert error("what").exit_code == code
    assert error("what")._render_traceback_() == [f"{error.__name__}: what"]


def test_schema_text_is_parsed_again():
    """An absent schema is None, whatever the CSV made of it."""
    for absent in ("", None):
        assert TestCase.from_row(TEXT_CASE.row() | {"response_schema": absent}).response_schema is None
    row = JSON_CASE.row() | {"response_schema": json.dumps({"type": "object", "required": ["a"]})}
    assert TestCase.from_row(row).response_schema == {"type": "object", "required": ["a"]}
