"""03: a table that follows a run, in place of lines: who is how far, how fast, for how much."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from IPython.display import HTML, display

if TYPE_CHECKING:
    from ..llm.client import Client
    from ..llm.progress import Bar

LEVELS = "▁▂▃▄▅▆▇█"
HEADS = ("", "done", "time left", "cost", "latency", "last replies", "pace of the last minute", "")
BEFORE = "Nothing has been asked yet. Here you see how far each model is once the cell below runs."
MEANWHILE = "■ in the toolbar stops this. What has arrived is kept."
STOPPED = "Stopped with {done:,} of {planned:,} calls done. Run the cell below again: it asks only the rest."
ENDED = "All {planned:,} calls are done."


def watch(client: Client) -> None:
    """Show what `client` asks from now on here, updated in place."""
    shown: Any = display(HTML(f"<p>{BEFORE}</p>"), display_id=True)
    client.live = lambda bars, over: shown.update(HTML(table(bars, over)))


def table(bars: Mapping[str, Bar], over: bool) -> str:
    """The bars as HTML, a row each; names are escaped."""
    done, planned = sum(bar.n for bar in bars.values()), sum(bar.total for bar in bars.values())
    said = MEANWHILE if not over else ENDED if done == planned else STOPPED
    heads = "".join(f"<th>{head}</th>" for head in HEADS)
    rows = "".join(_row(name, bar) for name, bar in bars.items())
    return f"<table><tr>{heads}</tr>{rows}</table><p>{said.format(done=done, planned=planned)}</p>"


def _row(name: str, bar: Bar) -> str:
    how_far = f'<progress max="{bar.total}" value="{bar.n}" aria-label="{escape(name)}"></progress>'
    cells = (
        f"{bar.n:,} of {bar.total:,} {how_far}",
        _left(bar),
        f"${bar.cost_usd:.4f}" if bar.cost_usd else "",
        f"{bar.latency_s:.1f} s" if bar.latencies_s else "",
        levels(bar.latencies_s),
        bar.pace(),
        escape(", ".join(bar.doing())),
    )
    return f"<tr><th>{escape(name)}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def _left(bar: Bar) -> str:
    """By the mean pace so far; "" where there is none, and at the end."""
    asked, left = bar.n - bar.initial, bar.total - bar.n
    return bar.format_interval(left * bar.format_dict["elapsed"] / asked) if asked and left else ""


def levels(numbers: Collection[float]) -> str:
    """A character a number, from 0 to the largest."""
    top = max(numbers, default=0.0) or 1.0
    return "".join(LEVELS[min(7, int(8 * number / top))] for number in numbers)
