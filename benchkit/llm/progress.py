"""Progress that leaves plain text behind: tqdm's line a model, shown where the work is watched."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from statistics import median
from typing import Any

from tqdm.std import tqdm

from .pacing import Pacer

METADATA = {"benchkit": {"progress": True}}  # how the pipeline tells these lines from other output
MINUTE_S = 60.0
# A kernel notices an interrupt when its loop wakes, which a wait for the network may not do for minutes.
TICK_S = 0.5
# Counts come first and pace last, which a narrow terminal cuts off. In a notebook also without the bar: the
# words leave it a character or two, and a line of a set width would be cut where it says what failed.
LINE = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]"
WORDS = LINE.replace("|{bar}|", "")
COUNTED = ("malformed", "cut off", "refused", "failed")


class Bar(tqdm):
    """tqdm in a terminal. In a notebook its line is one updated plain-text output, without widgets."""

    monitor_interval = 0  # no thread of tqdm's that would draw into a notebook from the side

    def __init__(self, *args: Any, show: Callable[[], None] | None = None, **kwargs: Any) -> None:
        self.show = show  # in place of the line
        self.disable: bool = False
        self.counts = dict.fromkeys(COUNTED, 0)
        self.cost_usd = 0.0
        self.pacer: Pacer | None = None
        self._ended: deque[tuple[float, int]] = deque()  # (clock, tokens) of the last minute's calls
        self.latencies_s: deque[float] = deque(maxlen=20)  # of the last calls
        self._ticked = time.monotonic()
        self._shown: Any = None
        self._notebook = in_notebook()
        # A file is not redrawn, so that each line would stay.
        often = 0.5 if self._notebook else 0.2 if sys.stderr.isatty() else 10.0
        line = WORDS if self._notebook else LINE
        # The time left by the mean pace so far: a smoothed one stands still between replies.
        super().__init__(*args, mininterval=often, smoothing=0, file=sys.stderr, bar_format=line, **kwargs)

    def advance(
        self, status: str, tokens: int = 0, cost_usd: float = 0.0, latency_s: float | None = None
    ) -> None:
        """One more call is over."""
        if status in self.counts:
            self.counts[status] += 1
        self.cost_usd += cost_usd
        if latency_s is not None:
            self.latencies_s.append(latency_s)
        self._ended.append((time.monotonic(), tokens))
        self.update()

    def tick(self) -> None:
        """Show what has changed without a call that ended: a wait, and the time that passes."""
        now = time.monotonic()
        if not self.disable and now - self._ticked >= max(1.0, self.mininterval):
            self._ticked = now
            self.refresh()

    @property
    def format_dict(self) -> dict[str, Any]:
        return super().format_dict | {"postfix": self._about() or None}

    def _about(self) -> str:
        waits = f"{self.latency_s:.1f} s a reply" if self.latencies_s else ""
        cost = f"${self.cost_usd:.4f}" if self.cost_usd else ""
        return ", ".join(part for part in (*self.doing(), cost, waits, self.pace()) if part)

    @property
    def latency_s(self) -> float:
        """The median of the last calls, NaN before any."""
        return median(self.latencies_s or [float("nan")])

    def doing(self) -> list[str]:
        """What went wrong, what is under way, and what is waited for; no more than there is."""
        parts = [f"{count} {name}" for name, count in self.counts.items() if count]
        if self.pacer:
            late, flying = self.pacer.timed_out, self.pacer.window.in_flight
            parts += [f"{late} timed out"] if late else []
            parts += [f"{flying} in flight"] if flying else []
        return [*parts, *filter(None, [self._wait()])]

    def pace(self) -> str:
        """Calls and tokens of the last minute, or of the time since the start, against the limits."""
        now = time.monotonic()
        while self._ended and self._ended[0][0] < now - MINUTE_S:
            self._ended.popleft()
        if not self._ended:
            return ""
        over_s = min(MINUTE_S, max(1.0, time.time() - self.start_t))
        calls = len(self._ended) * MINUTE_S / over_s
        tokens = sum(tokens for _, tokens in self._ended) * MINUTE_S / over_s
        return f"{_short(calls)}{self._of('RPM')} calls/min, {_short(tokens)}{self._of('TPM')} tokens/min"

    def _of(self, limit: str) -> str:
        size = self.pacer.size(limit) if self.pacer else 0
        return f" of {_short(size)}" if size else ""

    def _wait(self) -> str:
        if not self.pacer:
            return ""
        why, until = self.pacer.waiting
        if why:
            return f"waits {max(0.0, until - self.pacer.now()):.0f} s ({why})"
        return f"{self.pacer.asking_again} to ask again" if self.pacer.asking_again else ""

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        if self.show:
            self.show()
            return
        if not self._notebook:
            super().display(msg, pos)
            return
        from IPython.display import display

        shown = {"text/plain": str(self) if msg is None else msg}
        if self._shown is None:
            self._shown = display(shown, raw=True, metadata=METADATA, display_id=True)
        else:
            self._shown.update(shown, raw=True, metadata=METADATA)

    def close(self) -> None:
        if (self._notebook or self.show) and not self.disable:
            self.display()
            self.disable = True  # tqdm would blank the line
            self._instances.discard(self)
        else:
            super().close()


def _short(number: float) -> str:
    """As a line has room for: thousands from ten of them on."""
    return f"{number / 1000:,.0f}k" if number >= 10_000 else f"{number:,.0f}"


Live = Callable[[Mapping[str, Bar], bool], None]


class Bars:
    """A bar a model, opened and closed together; `progress` is (planned, done already) a model.

    `live` shows them all in place of their lines: it gets the bars by name, and whether the work is over.
    """

    def __init__(self, progress: Mapping[str, tuple[int, int]], label: str, live: Live | None = None) -> None:
        self._progress, self._label, self._live = progress, label, live
        self._bars: dict[str, Bar] = {}

    def __enter__(self) -> dict[str, Bar]:
        show = partial(self._live, self._bars, False) if self._live else None
        for model, (planned, done) in self._progress.items():
            said = f"{self._label} {model}".strip()
            self._bars[model] = Bar(total=planned, initial=done, desc=said, unit="call", show=show)
        return self._bars

    def tick(self) -> None:
        for bar in self._bars.values():
            bar.tick()

    def __exit__(self, *error: object) -> None:
        for bar in self._bars.values():
            bar.close()
        if self._live:
            self._live(self._bars, True)


@asynccontextmanager
async def ticking(do: Callable[[], None]) -> AsyncIterator[None]:
    """Wake the loop every half second, and `do`: whatever is waited for, an interrupt is noticed by then."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(TICK_S)
            do()

    task = asyncio.ensure_future(tick())
    try:
        yield
    finally:
        task.cancel()


def say(text: str) -> None:
    """A line for whoever waits: in the notebook, and on the terminal of the command that runs it."""
    if not in_notebook():
        print(text, file=sys.stderr)
        return
    from IPython.display import display

    display({"text/plain": text}, raw=True, metadata={"benchkit": {"say": True}})


def in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
