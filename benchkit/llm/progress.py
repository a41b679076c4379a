"""A progress bar that leaves plain text behind: tqdm's line, shown where the work is watched."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from tqdm.std import tqdm

METADATA = {"benchkit": {"progress": True}}  # how the pipeline tells these lines from other output


class Bar(tqdm):
    """tqdm in a terminal. In a notebook its line is one updated plain-text output, without widgets."""

    monitor_interval = 0  # no thread of tqdm's that would draw into a notebook from the side

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.disable: bool = False
        self.counts = {"malformed": 0, "failed": 0}
        self._shown: Any = None
        self._notebook = _in_notebook()
        kwargs |= {"ncols": 100} if self._notebook else {}
        super().__init__(*args, mininterval=0.2, file=sys.stderr, **kwargs)

    def advance(self, status: str) -> None:
        """One more call is over."""
        if status in self.counts:
            self.counts[status] += 1
            self.set_postfix({name: n for name, n in self.counts.items() if n}, refresh=False)
        self.update()

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
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
        if self._notebook and not self.disable:
            self.display()
            self.disable = True  # tqdm would blank the line
            self._instances.discard(self)
        else:
            super().close()


class Bars:
    """A bar a model, opened and closed together; `progress` is (planned, done already) a model."""

    def __init__(self, progress: Mapping[str, tuple[int, int]], label: str) -> None:
        self._progress, self._label = progress, label

    def __enter__(self) -> dict[str, Bar]:
        self._bars = {
            model: Bar(total=planned, initial=done, desc=f"{self._label} {model}".strip(), unit="call")
            for model, (planned, done) in self._progress.items()
        }
        return self._bars

    def __exit__(self, *error: object) -> None:
        for bar in self._bars.values():
            bar.close()


def _in_notebook() -> bool:
    if "IPython" not in sys.modules:
        return False
    from IPython import get_ipython

    return getattr(get_ipython(), "kernel", None) is not None
