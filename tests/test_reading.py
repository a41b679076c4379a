"""Reading answers without a browser: the order, the filters, what is marked, and that no text is markup."""

from __future__ import annotations

import pandas as pd
import pytest

from benchkit.widgets.reading import differences, read_answers

from .staging import conversations

ATTACK = "<img src=x onerror=alert(1)>"


@pytest.fixture
def pager():
    cases = conversations(("Where is it?", "It comes Monday."), ("Refund?", f"Yes, at once. {ATTACK}"))
    rows = [
        (id, model, round, "conversation", "x", "malformed" if (id, model) == ("c1", "b") else "answered",
         "", f"{model} says it comes Tuesday {ATTACK}", prompt)
        for id, prompt in zip(cases["id"], cases["prompt"], strict=True)
        for model in "ab"
        for round in (1, 2)
    ]  # fmt: skip
    names = ["id", "model", "round", "test_case", "category", "status", "error", "model_response", "prompt"]
    responses = pd.DataFrame(rows, columns=names)
    scores = responses[["id", "model", "round"]].assign(metric="task_completion")
    scores["value"] = [0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 0.0, 0.5]
    names = ("id", "model", "round", "requirement", "met", "quote", "status")
    judged = [("c2", "a", 1, "r1", 1.0, "it comes Tuesday", "")]
    judgements = pd.DataFrame(judged, columns=list(names))
    return read_answers(cases, responses, scores, {"conversation": "task_completion"}, judgements)


def test_where_the_models_differ_most_comes_first(pager):
    """Every model and round beside the golden answer, with scores."""
    assert pager.order == ["c2", "c1"]
    html = pager.view["html"]
    for part in ("a, round 1", "a, round 2", "b, round 1", "b, round 2", "Golden response", "0.500"):
        assert part in html


def test_evidence_is_marked_and_text_is_no_markup(pager):
    """The judge's quote in the answer; nothing of a model's or a case's runs."""
    assert "<mark>it comes Tuesday</mark>" in pager.view["html"]
    for _ in range(2):
        assert "<img" not in pager.view["html"]
        pager.do("Differences")


def test_model_and_status_are_of_one_answer(pager):
    """b was malformed on c1; a nowhere."""
    pager.choose("status", "malformed")
    assert pager.order == ["c1"]
    pager.choose("model", "a")
    assert pager.order == []


def test_differences_are_word_by_word():
    """What is new, what is lacking, escaped."""
    assert differences("It comes <b>", "It goes") == "It <del>comes &lt;b&gt;</del> <ins>goes</ins>"
