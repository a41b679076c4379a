"""The table that follows a run in a notebook: what it says, and that it takes the place of the lines."""

from __future__ import annotations

import time

from benchkit.llm.pacing import Pacer
from benchkit.llm.progress import Bars
from benchkit.widgets.live import levels, table

NAME = "m/<script>"


def test_a_row_says_how_far_how_fast_and_for_how_much(capsys):
    """Done of planned, time left, cost, latency as it comes, pace against the limits, and what fails."""
    seen = []
    with Bars({NAME: (10, 1)}, "answer", lambda bars, over: seen.append(table(bars, over))) as bars:
        bar = bars[NAME]
        bar.pacer, bar.start_t = Pacer(tiers=[{"RPM": 30, "TPM": 8000}]), time.time() - 60
        for status, latency_s in (("answered", 1.0), ("failed", None), ("answered", 4.0)):
            bar.advance(status, 500, 0.01, latency_s)
        bar.pacer.window.in_flight = 2
        said = table(bars, False)
    for part in (
        "4 of 10",
        "02:00",
        "$0.0300",
        "2.5 s",
        "▃█",
        "3 of 30 calls/min",
        "1,500 of 8,000 tokens/min",
    ):
        assert part in said
    assert "1 failed, 2 in flight" in said
    assert "in the toolbar stops this" in said
    assert "Stopped with 4 of 10 calls done. Run the cell below again" in seen[-1]
    assert "<script" not in said
    assert capsys.readouterr() == ("", "")


def test_at_the_end_there_is_no_time_left():
    """And nothing to stop."""
    with Bars({"a": (2, 2), "b": (1, 0)}, "", lambda bars, over: None) as bars:
        assert "1 of 1" not in table(bars, False)
        bars["b"].advance("answered")
    said = table(bars, True)
    assert "All 3 calls are done." in said
    assert "00:0" not in said


def test_levels_go_from_nothing_to_the_largest():
    assert levels([0.0, 1.0, 2.0]) == "▁▅█"
    assert levels([0.0]) == "▁"
    assert levels([]) == ""
