"""Paging without a browser: what filters, keys' actions and text fields do."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from benchkit.errors import InputError
from benchkit.widgets.paging import EVERY, HERE, Action, Pager

from .browser import chromium_page

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
    pager.take(ITEMS.iloc[:0])
    pager.refresh()
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


def test_an_action_that_changes_the_items_is_drawn_once():
    """A key pressed between two drawings of one action would meet a view that is over."""
    act = Action("Drop", lambda pager: pager.take(ITEMS.loc[["b"]]), "d")
    pager = Pager(ITEMS, str, name="cases", actions=[act])
    seen = []
    pager.observe(lambda change: seen.append(change["new"]["html"]), "view")
    pager._hear(pager, {"step": pager.view["step"], "do": "Drop", "values": {}}, [])
    assert seen == ["b"]


MODEL = """
const state = %s, heard = [], listeners = [];
window.heard = heard;
window.answer = (said) => {
    state.view = { ...state.view, step: state.view.step + 1, said };
    listeners.forEach((draw) => draw());
};
const model = {
    get: (name) => state[name], send: (content) => heard.push(content.do),
    on: (_, draw) => listeners.push(draw), off() {},
};
widget.render({ model, el: document.body });
document.querySelector(".bk-pager").focus();
"""


def test_no_key_is_lost_while_an_answer_is_under_way(pager):
    """Turns are kept and sent one by one; a decision on what was not seen is not made, and that is said."""
    source = (HERE / "paging.js").read_text().replace("export default", "const widget =")
    state = json.dumps({"controls": pager.controls, "view": pager.view})
    with chromium_page() as page:
        page.add_script_tag(content=source + MODEL % state)
        for key in ("ArrowRight", "ArrowRight", "n", "ArrowLeft"):
            page.keyboard.press(key)
        assert page.evaluate("heard") == ["Next"]
        page.evaluate("answer('shown')")
        assert page.evaluate("heard") == ["Next", "Next"]
        assert (
            page.locator(".bk-said").inner_text()
            == "shown “Note” came before this was shown: press it again."
        )
        page.evaluate("answer('')")
        page.evaluate("answer('')")
        page.keyboard.press("n")
        assert page.evaluate("heard") == ["Next", "Next", "Previous", "Note"]
