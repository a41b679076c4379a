"""Widgets without a front end: what they show after a choice, and that model text never is markup."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from benchkit.measure.explore import browse_cases, explore_scores, readable

ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>"
CASES = pd.DataFrame(
    {
        "id": ["c1", "c2"],
        "category": ["billing_inquiry", "product_question"],
        "prompt": ["Where is my refund?", ATTACK],
        "golden_response": ["On its way since Monday.", '{"answer": 5}'],
    }
)
RESPONSES = pd.DataFrame(
    [
        ("c1", "a", 1, "It went out on Monday.", "answered", ""),
        ("c1", "b", 1, ATTACK, "malformed", "no tool call"),
        ("c2", "a", 2, '{"answer": 6}', "answered", ""),
        ("c2", "a", 1, None, "failed", "gave up after 3 tries"),
    ],
    columns=["id", "model", "round", "model_response", "status", "error"],
)
SCORES = pd.DataFrame(
    [
        ("c1", "conversation", "billing_inquiry", "a", 1, "clarity", 0.75, ""),
        ("c1", "conversation", "billing_inquiry", "b", 1, "clarity", 0.25, ""),
        ("c2", "json", "product_question", "a", 2, "field_accuracy", 0.5, ""),
        ("c2", "json", "product_question", "a", 1, "field_accuracy", None, "failed"),
    ],
    columns=["id", "test_case", "category", "model", "round", "metric", "value", "reason"],
)


def _parts(box):
    controls, pane = box.children
    return [*controls.children, pane]


def test_browsing_shows_prompt_golden_answers_and_scores():
    """The first case is on show at once, with every model's answer and what it scored."""
    shown = _parts(browse_cases(CASES, RESPONSES, SCORES))[-1].value
    for text in ("Where is my refund?", "On its way since Monday.", "It went out on Monday.", "clarity 0.75"):
        assert text in shown
    assert "malformed · no tool call · clarity 0.25" in shown


def test_another_case_is_another_picture():
    """Choosing a case redraws; rounds come in order and a failed one says so."""
    case, _, pane = _parts(browse_cases(CASES, RESPONSES, SCORES))
    case.value = 1
    assert "refund" not in pane.value
    assert pane.value.index("round 1 · failed · gave up") < pane.value.index("round 2 · answered")
    assert "field_accuracy unscored" in pane.value
    assert "&quot;answer&quot;: 6" in pane.value


def test_one_model_hides_the_others():
    """Choosing a model leaves only its answers."""
    _, model, pane = _parts(browse_cases(CASES, RESPONSES, SCORES))
    model.value = "b"
    assert "It went out on Monday." not in pane.value
    assert "no tool call" in pane.value


@pytest.mark.parametrize("choice", [0, 1])
def test_model_text_never_is_markup(choice):
    """Tags in prompts and answers are shown as text: no script, no image, no handler in the page."""
    case, _, pane = _parts(browse_cases(CASES, RESPONSES))
    case.value = choice
    assert "&lt;script&gt;" in pane.value
    assert not re.search(r"<(script|img)", pane.value)


def test_cases_of_the_same_id_stay_apart():
    """Two rows with one id are two choices."""
    twice = pd.concat([CASES.iloc[:1], CASES.iloc[:1].assign(prompt="Another prompt")])
    case, _, pane = _parts(browse_cases(twice, RESPONSES))
    case.value = 1
    assert "Another prompt" in pane.value


def test_nothing_to_browse_is_said():
    """No case and no response each give a sentence."""
    assert "no case" in _parts(browse_cases(pd.DataFrame(), pd.DataFrame()))[-1].value
    assert "No response to this case" in _parts(browse_cases(CASES, pd.DataFrame()))[-1].value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ('{"a":1}', '{\n  "a": 1\n}'),
        ({"a": [1]}, '{\n  "a": [\n    1\n  ]\n}'),
        ('{"a":', '{"a":'),
        ("[" * 100_000, "[" * 100_000),
        (None, ""),
        (float("nan"), ""),
        ("a\x1b[31mb\nc", "a\u241b[31mb\nc"),
        ("\ud800", "\ufffd"),
    ],
)
def test_readable(value, shown):
    """JSON is indented, anything else stays, and what a terminal or a page would act on is made visible."""
    assert readable(value) == shown


def test_scores_are_drawn_again_for_a_metric():
    """The widget shows plot_scores's figure, narrowed to the choice."""
    metric, category, pane = _parts(explore_scores(SCORES))
    assert "1 of 4 scores unscored" in pane.value
    metric.value = "clarity"
    assert "unscored" not in pane.value
    category.value = "product_question"
    assert "No score to show." in pane.value
    assert metric.options == ("(all)", "clarity", "field_accuracy")


def test_no_scores_are_no_error():
    """An empty table gives the empty frame."""
    assert "No score to show." in _parts(explore_scores(pd.DataFrame()))[-1].value
