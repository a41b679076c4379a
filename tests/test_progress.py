"""The progress line: what it counts, what it waits for, and what it leaves behind."""

from __future__ import annotations

import sys
import time
from types import SimpleNamespace

import pytest

from benchkit.llm.pacing import Pacer
from benchkit.llm.progress import Bar, Bars

from .talking import STEADY


def test_bar_in_a_terminal(capsys):
    """In a plain process the bar is tqdm's line on stderr, with what failed; nothing is on stdout."""
    with Bars({STEADY: (3, 1)}, "answer") as bars:
        bars[STEADY].advance("answered")
        bars[STEADY].advance("failed")
        assert Bar.monitor is None  # no thread of tqdm's draws from the side
    out, err = capsys.readouterr()
    assert out == ""
    assert "answer offline/steady: 100%" in err
    assert "3/3" in err
    assert "1 failed" in err


def test_bar_in_a_notebook(monkeypatch):
    """In a notebook it is one output of plain text that is updated, and stays when it is closed."""
    shown = []

    class Handle:
        def update(self, data, **options):
            shown.append(("update", data, options))

    def display(data, **options):
        shown.append(("display", data, options))
        return Handle()

    fake = SimpleNamespace(
        get_ipython=lambda: SimpleNamespace(kernel=1), display=SimpleNamespace(display=display)
    )
    monkeypatch.setitem(sys.modules, "IPython", fake)
    monkeypatch.setitem(sys.modules, "IPython.display", fake.display)
    label = "answer " * 20
    with Bars({STEADY: (2, 0)}, label) as bars:
        bars[STEADY].advance("answered")
        bars[STEADY].advance("malformed")
    kinds, datas, options = zip(*shown, strict=True)
    assert kinds[0] == "display"
    assert set(kinds[1:]) == {"update"}
    assert all(list(data) == ["text/plain"] for data in datas)
    assert "2/2" in datas[-1]["text/plain"]
    assert "1 malformed" in datas[-1]["text/plain"]
    assert all(option["metadata"] == {"benchkit": {"progress": True}} for option in options)
    assert options[0]["raw"]


def test_bar_says_what_it_waits_for(monkeypatch, capsys):
    """Pace against the limits, what is waited for and how long, and the cost stand in the line."""
    clock = SimpleNamespace(at=100.0)
    pacer = Pacer(clock=lambda: clock.at, tiers=[{"RPM": 30, "TPM": 8000}])
    with Bars({STEADY: (4, 0)}, "answer") as bars:
        bar = bars[STEADY]
        bar.pacer, bar.start_t = pacer, time.time() - 60
        bar.advance("answered", 500, 0.0125)
        bar.advance("failed", 0)
        pacer.hold(12.4)
        pacer._wait(1)
        line = str(bar)
        clock.at += 20.0
        pacer._wait(1)
        pacer.asking_again = 3
        assert "1 failed, 3 to ask again, $0.0125" in str(bar)
    assert "1 failed, waits 12 s (told to wait), $0.0125, 2 of 30 calls/min, 500 of 8,000 tokens/min" in line


def test_bar_in_a_narrow_terminal(capsys):
    """What went wrong stands where 80 columns show it, with what is in flight and what timed out."""
    pacer = Pacer(tiers=[{"RPM": 30, "TPM": 8000}])
    with Bars({STEADY: (20, 0)}, "answer") as bars:
        bar = bars[STEADY]
        bar.pacer, bar.dynamic_ncols, bar.ncols = pacer, None, 80
        for status in ("answered", "malformed", "failed"):
            bar.advance(status, 500, 0.0125)
        pacer.timed_out, pacer.window.in_flight = 2, 4
        line = str(bar)
        bar.advance("refused")
        bar.advance("cut off")
        bar.ncols = 120
        wide = str(bar)
    assert len(line) == 80
    assert "3/20 [00:00<00:00, 1 malformed, 1 failed, 2 timed" in line
    assert "5/20 [00:00<00:00, 1 malformed, 1 cut off, 1 refused, 1 failed, 2 timed out, 4 in flight" in wide


@pytest.mark.parametrize(("seconds", "left"), [(10, "00:10"), (40, "00:40"), (300, "05:00")])
def test_bar_while_nothing_comes(capsys, seconds, left):
    """The clock goes on between replies, and the time left grows with it."""
    with Bars({STEADY: (8, 0)}, "answer") as bars:
        bar = bars[STEADY]
        for _ in range(4):
            bar.advance("answered")
        bar.start_t = time.time() - seconds
        assert f"[{left}<{left}" in str(bar)


def test_bar_does_not_fill_a_log(capsys):
    """Where lines cannot be redrawn there are few: one at the start, one at the end."""
    with Bars({STEADY: (500, 0)}, "x") as bars:
        for _ in range(500):
            bars[STEADY].advance("answered", 10)
        bars[STEADY].tick()
    assert len(capsys.readouterr().err.replace("\r", "\n").strip().split("\n")) <= 3


def test_bar_says_how_long_replies_take(capsys):
    """The median of the last replies; a call without an answer has no latency."""
    with Bars({STEADY: (4, 0)}, "") as bars:
        for latency_s in (1.0, 2.0, 9.0, None):
            bars[STEADY].advance("answered", latency_s=latency_s)
    assert "2.0 s a reply" in capsys.readouterr().err
