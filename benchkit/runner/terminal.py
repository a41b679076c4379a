"""What a terminal shows while notebooks run: one line a notebook, alive while its cells work."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO

Add = Callable[..., Any]  # argparse's add_argument, of a command
BAR = 20
QUIET_S = 10.0  # between lines where nothing can be overwritten: a log file, a pipe, a notebook
WARNINGS = re.compile(r" - (WARNING|ERROR|CRITICAL) - ")
CONTROLS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # a model may have written them


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a command's result; a reader that has left, as `| head` does, changes no exit code."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, flush=True)
    except BrokenPipeError:  # what is still buffered must not fail when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def table_of(rows: list[dict[str, Any]]) -> str:
    """Rows as columns of text, their names above them; nothing known is a dash."""
    cells = [list(rows[0]), *([_cell(value) for value in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def _cell(value: Any) -> str:
    return "-" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


class Terminal:
    """Progress on `stream`: a line that is redrawn on a terminal, a few plain lines elsewhere."""

    def __init__(
        self,
        stream: TextIO | None = None,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.stream = stream or sys.stderr
        self.verbose = verbose
        self._clock = clock
        self._redraws = self.stream.isatty()
        self._name, self._at, self._of, self._note = "", 0, 0, ""
        self._started = self._spoke = clock()

    def notebook(self, name: str) -> None:
        """`name` begins."""
        self._name, self._at, self._of, self._note = name, 0, 0, ""
        self._started = self._spoke = self._clock()
        self._draw()

    def say(self, text: str) -> None:
        """A line of its own, that stays."""
        self._put(text, stays=True)

    def cell(self, index: int, total: int) -> None:
        """Cell `index` of `total`, from 0, begins."""
        self._at, self._of, self._note = index, total, ""
        self._draw()

    def message(self, msg: dict[str, Any]) -> None:
        """A message of the kernel: progress goes into the line, warnings above it, the rest nowhere."""
        content = msg["content"]
        if msg["msg_type"] == "stream":
            self._stream(content["name"], content["text"])
            return
        ours = content.get("metadata", {}).get("benchkit", {})
        if ours.get("say"):
            self.say(CONTROLS.sub("", content["data"]["text/plain"]))
            self._draw()
        elif ours.get("progress"):
            self._note = "  ".join(CONTROLS.sub("", content["data"]["text/plain"]).split("\n")).strip()
            self._draw()

    def end(self, outcome: str = "") -> None:
        """The notebook ended, `outcome` says how unless well; its line stays."""
        self._at, self._note = self._at if outcome else self._of, ""
        self._put(f"{self._line()}  {outcome}".rstrip(), stays=True)

    def _stream(self, name: str, text: str) -> None:
        told = self.verbose or (name == "stderr" and WARNINGS.search(text))
        if told and text.strip():
            for line in CONTROLS.sub("", text).strip("\n").split("\n"):
                self._put(line, stays=True)
            self._draw()

    def _draw(self) -> None:
        if self._redraws:
            self._put(self._line(), stays=False)
        elif self._note and self._clock() - self._spoke >= QUIET_S:
            self._spoke = self._clock()
            self._put(self._line(), stays=True)

    def _line(self) -> str:
        count = f"{self._at}/{self._of}"
        if self._note:
            return f"{self._name:<12} {count:>5}  {self._note}"
        full = round(BAR * self._at / self._of) if self._of else 0
        bar = "█" * full + "░" * (BAR - full)
        return f"{self._name:<12} {count:>5}  {bar}  {self._clock() - self._started:5.1f} s"

    def _put(self, text: str, stays: bool) -> None:
        if self._redraws:
            width = shutil.get_terminal_size().columns - 1
            text = "\r" + (text if stays else text[:width]) + "\x1b[K"
        with suppress(BrokenPipeError):  # whoever read it is gone; that is no reason to end a paid run
            self.stream.write(text + ("\n" if stays else ""))
            self.stream.flush()
