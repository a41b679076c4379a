"""Labelling without a browser: what each key does to labels.csv."""

from __future__ import annotations

import pandas as pd
import pytest

from benchkit.measure import draw_pairs, read_labels
from benchkit.widgets.labelling import NAME, OTHER, label_answers

from .staging import run_in

ATTACK = "<img src=x onerror=alert(1)>"


def responses():
    rows = [
        (f"c{i}", model, 1, "answered", "conversation", f"prompt {i}", f"{text} {i} {ATTACK}")
        for i in range(6)
        for model, text in (("m/a", "yes"), ("m/b", "no"))
    ]
    names = ["id", "model", "round", "status", "test_case", "prompt", "model_response"]
    return pd.DataFrame(rows, columns=names)


@pytest.fixture
def run(tmp_path):
    return run_in(tmp_path / "run")


def kept(run):
    return read_labels("", draw_pairs(responses(), run.seed), run.path / "labels.csv")


def test_every_label_is_on_disk_at_once(run):
    """Side, model, labeller and time; the next pair follows, and a name is needed first."""
    pager = label_answers(run, responses(), 4)
    pairs = draw_pairs(responses(), run.seed)
    assert pager.order == list(pairs["pair"][:4])
    pager.do("Left is better", **{NAME: ""})
    assert pager.view["failed"]
    for i, label in enumerate(("Left is better", "Right is better", "Both alike")):
        pager.do(label, **{NAME: "Ann"})
        assert len(kept(run)) == i + 1
    wanted = [pairs["model_1"][0], pairs["model_2"][1], "tie"]
    assert list(kept(run)["preferred"]) == wanted
    assert set(kept(run)["labeller"]) == {"ann"}
    assert kept(run)["time"].str.startswith("20").all()
    assert pager.view["position"] == "4 of 4"


def test_reopened_it_goes_on_where_it_stopped(run):
    """And a second labeller begins at the first pair."""
    first = label_answers(run, responses(), 4)
    first.do("Left is better", **{NAME: "ann"})
    again = label_answers(run, responses(), 4)
    assert (again.view["position"], again.view["fields"]) == ("2 of 4", {NAME: "ann"})
    again.do("Go on", **{NAME: "bob"})
    assert again.view["position"] == "1 of 4"
    again.do("Both alike", **{NAME: "bob"})
    first.do("Left is better", **{NAME: "ann"})
    assert sorted(kept(run)["labeller"]) == ["ann", "ann", "bob"]


def test_undo_takes_back_ones_own_last_label(run):
    """Shown again, and labelled anew it is one label."""
    pager = label_answers(run, responses(), 4)
    pager.do("Left is better", **{NAME: "ann"})
    pager.do("Right is better", **{NAME: "ann"})
    pager.do("Undo", **{NAME: "bob"})
    assert len(kept(run)) == 2
    pager.do("Undo", **{NAME: "ann"})
    assert (len(kept(run)), pager.view["position"]) == (1, "2 of 4")
    pager.do("Previous", **{NAME: "ann"})
    pager.do("Both alike", **{NAME: "ann"})
    assert list(kept(run)["preferred"]) == ["tie"]


def test_undo_of_a_changed_label_brings_the_earlier_one_back(run):
    """Where the labels are read, and where they are shown."""
    pager = label_answers(run, responses(), 4)
    pager.do("Left is better", **{NAME: "ann"})
    first = list(kept(run)["preferred"])
    for label in ("Both alike", "Right is better"):
        pager.do("Previous", **{NAME: "ann"})
        pager.do(label, **{NAME: "ann"})
    assert list(kept(run)["preferred"]) != first
    assert "1 of 4" in pager.view["said"]
    pager.do("Undo", **{NAME: "ann"})
    assert list(kept(run)["preferred"]) == ["tie"]
    pager.do("Undo", **{NAME: "ann"})
    assert list(kept(run)["preferred"]) == first
    assert "Your label: <b>left</b>" in pager.view["html"]
    pager.do("Undo", **{NAME: "ann"})
    assert len(kept(run)) == 0


def test_a_label_can_be_withdrawn_later(run):
    """Whatever was labelled since, all that this labeller said of the pair, and nobody else's."""
    pager = label_answers(run, responses(), 4)
    for who in ("bob", "ann"):
        pager.do("Go on", **{NAME: who})
        for _ in range(3):
            pager.do("Left is better", **{NAME: who})
    for _ in range(2):
        pager.do("Previous", **{NAME: "ann"})
    pager.do("Both alike", **{NAME: "ann"})
    pager.move(1 - len(pager.order))
    pager.move(1)
    pager.do("Withdraw", **{NAME: "ann"})
    assert (pager.view["position"], pager.view["said"][:10]) == ("2 of 4", "Withdrawn.")
    assert "Not labelled yet" in pager.view["html"]
    assert sorted(kept(run)["labeller"]) == ["ann", "ann", "bob", "bob", "bob"]
    pager.do("Withdraw", **{NAME: "ann"})
    assert len(kept(run)) == 5


def test_cases_outside_the_sample_can_be_labelled(run):
    """They are in the file, and people.py leaves them out."""
    pager = label_answers(run, responses(), 4)
    pager.choose("Cases", OTHER)
    assert len(pager.order) == 2
    pager.do("Left is better", **{NAME: "ann"})
    assert len(kept(run)) == 1


def test_nothing_says_who_answered_and_nothing_runs(run):
    """No model's name, no markup of an answer."""
    pager = label_answers(run, responses(), 4)
    assert "m/a" not in str(pager.view)
    assert "m/b" not in str(pager.view)
    assert "<img" not in pager.view["html"]
