"""Paging without a browser: what filters, keys' actions and text fields do."""

from __future__ import annotations

import pandas as pd
import pytest

from benchkit.errors import InputError
from benchkit.widgets.paging import EVERY, Action, Pager

ITEMS = pd.DataFrame(
    {"model": ["x", "y", "x", "y"], "status": ["answered", "failed", "failed", "answered"]},
    index=["a", "a", "b", "b"],
)


@pytest.fixture
def pager():
    return Pager(
        ITEMS,
        lambda key: f"<b>{key}</b>",
        name="cases",
        actions=[Action("Note", lambda pager: f"noted {pager.values['why']}", "n"), Action("Fail", _fail)],
        form=lambda key: {"why": key},
    )


def _fail(pager):
    raise InputError("no reason is given")


def test_one_item_goes_to_the_browser(pager):
    """Its HTML, its fields and where it stands."""
    assert pager.view["html"] == "<b>a</b>"
    assert (pager.view["position"], pager.view["fields"]) == ("1 of 2", {"why": "a"})
    assert [one["name"] for one in pager.view["filters"]] == ["model", "status"]


def test_the_browser_gets_all_of_it(pager):
    """What a browser is sent: no name of ours hides one that ipywidgets sends the state by."""
    state = pager.get_state()
    assert state["view"] == pager.view
    assert [one["label"] for one in state["controls"]["buttons"]] == ["Previous", "Next", "Note", "Fail"]


def test_turning_stops_at_the_ends(pager):
    """Next at the last and previous at the first stay."""
    seen = []
    for label in ("Previous", "Next", "Next", "Previous"):
        pager.do(label)
        seen.append(pager.key)
    assert seen == ["a", "b", "b", "a"]


def test_one_row_has_to_have_all_that_was_chosen(pager):
    """x failed on b only, though on a there is an x and a failure."""
    pager.choose("model", "x")
    assert pager.order == ["a", "b"]
    pager.choose("status", "failed")
    assert (pager.order, pager.view["position"]) == (["b"], "1 of 1")
    pager.choose("model", EVERY)
    assert (pager.order, pager.key) == (["a", "b"], "b")


def test_nothing_left_is_said(pager):
    """And an action on nothing does nothing."""
    pager.refresh(ITEMS.iloc[:0])
    assert (pager.key, pager.view["position"]) == (None, "0 of 0")
    pager.do("Fail")
    pager.do("Next")
    assert pager.view["said"] == ""


def test_actions_get_the_fields_and_say_what_they_did(pager):
    """What an action raises is said, and the item stays."""
    pager.do("Note", why="late")
    assert (pager.view["said"], pager.view["failed"]) == ("noted late", False)
    pager.do("Fail")
    assert (pager.view["said"], pager.view["failed"], pager.key) == ("no reason is given", True, "a")


def test_a_press_meets_only_what_was_seen(pager):
    """A message about an earlier view does nothing but draw again."""
    seen = pager.view["step"]
    pager._hear(pager, {"step": seen, "do": "Next", "values": {}}, [])
    pager._hear(pager, {"step": seen, "do": "Note", "values": {"why": "stale"}}, [])
    assert (pager.key, pager.view["said"]) == ("b", "")
    pager._hear(pager, {"step": pager.view["step"], "filter": "model", "value": "y"}, [])
    assert pager.chosen == {"model": "y"}


def test_going_to_a_hidden_item_takes_the_filters_off(pager):
    """Undo shows what it undid."""
    pager.choose("status", "failed")
    pager.choose("model", "x")
    pager.go("a")
    assert (pager.key, pager.chosen) == ("a", {})
