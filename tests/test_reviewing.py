"""The widget of 02: what its keys and fields do to a run, and what it shows."""

from __future__ import annotations

import pytest

from benchkit.validate.review import Review
from benchkit.widgets.reviewing import review_cases

from .test_review import C1, C2, J1, SCRIPT, first, ids, run

__all__ = ["first", "run"]
REJECTED = "conversation-004"


@pytest.fixture
def pager(run):
    return review_cases(run, "ada")


def show(pager, case):
    pager.go(case)
    pager.refresh()


def test_filters_leave_what_they_say(pager):
    """Kind, category, score, reason and outcome."""
    names = [one["name"] for one in pager.view["filters"]]
    assert names == ["outcome", "kind", "category", "score", "reason", "reviewed"]
    pager.choose("kind", "json")
    assert pager.order == [J1]
    pager.choose("kind", "(all)")
    pager.choose("reason", "response quality")
    assert pager.order == [REJECTED]


def test_a_case_is_edited_rejected_accepted_and_undone(pager, run):
    """Each press changes the run on disk, and the page shows the case as it is then."""
    show(pager, C1)
    pager.do("Reject", **pager.view["fields"] | {"Reason": "nobody asks"})
    assert pager.view["said"] == f"{C1} rejected."
    assert "rejected by ada: nobody asks" in pager.view["html"]
    show(pager, C2)
    pager.do("Save edit", **pager.view["fields"] | {"Prompt": "Where is it?", "Reason": "short"})
    assert run.validated_tests().set_index("id").loc[C2, "prompt"] == "Where is it?"
    show(pager, REJECTED)
    pager.do("Accept", **pager.view["fields"] | {"Reason": "good"})
    assert ids(run.validated_tests())[-1] == REJECTED
    pager.choose("kind", "json")
    pager.do("Undo last change")
    assert pager.key == REJECTED
    assert REJECTED not in ids(run.validated_tests())


def test_an_error_stays_in_the_widget_and_nothing_is_written(pager, run):
    """What was wrong is said in red; the case stays."""
    show(pager, C1)
    for label, fields, why in (
        ("Reject", {"Reason": ""}, "Give a reason"),
        ("Save edit", {"Reason": "x", "Prompt": ""}, "prompt or golden_response is empty"),
        ("Save edit", {"Reason": "x", "Requirements": "[{"}, "not readable as JSON"),
        ("Undo last change", {}, "no change to undo"),
    ):
        pager.do(label, **pager.view["fields"] | fields)
        assert why in pager.view["said"]
        assert pager.view["failed"]
        assert pager.key == C1
    assert not (run.path / "review.csv").exists()


def test_planted_scripts_are_shown_and_never_run(run):
    """In names, reasons and messages; the texts stand in fields, which run nothing."""
    Review(run, SCRIPT).edit(C1, SCRIPT, prompt=SCRIPT)
    Review(run, SCRIPT).reject(C1, SCRIPT)
    pager = review_cases(run)
    show(pager, C1)
    assert "<script" not in pager.view["html"]
    assert pager.view["html"].count("&lt;script&gt;") >= 4
    assert pager.view["fields"]["Prompt"] == SCRIPT


def test_a_case_stays_in_its_place_whatever_becomes_of_it(pager):
    """The next case after a rejected one is the one that stood behind it."""
    before = list(pager.order)
    show(pager, C1)
    pager.do("Reject", **pager.view["fields"] | {"Reason": "nobody asks"})
    pager.do("Next", **pager.view["fields"])
    assert (pager.order, pager.key) == (before, C2)


def test_a_long_schema_is_folded(pager):
    """The fields to edit stay in view; a conversation has none."""
    show(pager, J1)
    assert "<details><summary>Schema</summary>" in pager.view["html"]
    assert "interaction_id" in pager.view["html"].split("<summary>")[1]
    show(pager, C1)
    assert "Schema" not in pager.view["html"]
