"""The Chart that every plot gives: a picture with its words, shown in a notebook, kept with a sidecar."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.style import context
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from ..signature import small_print

WIDTH_IN = 8.0  # a notebook's text column
SCREEN_DPI, FILE_DPI = 100, 200  # shown at half the pixels it has: sharp on dense screens and in print
WIDTH_PX = round(WIDTH_IN * SCREEN_DPI)
FOOT_IN = 0.22  # the strip below the figure for its small print
INK, MUTED, FAINT, ALARM = "#222222", "#5F5F5F", "#D9D9D9", "#B33C00"
# What a sidecar keeps.
TOLD = ("name", "reading", "note", "alt", "simulated", "signature", "drawn_from", "drawn_by")

STYLE: Any = {
    "font.size": 9,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.axisbelow": True,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "text.color": INK,
    "text.parse_math": False,  # a dollar sign in a model's name or category is a dollar sign
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
}


@contextmanager
def _drawing() -> Iterator[None]:
    """Over matplotlib's own defaults, so that no setting of the reader's shows; without a glyph, a box."""
    with context(["default", STYLE]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield


styled = _drawing()  # decorates every plot function


@dataclass(frozen=True)
class Chart:
    """A figure with its words.

    `name` is its file's. `reading` is what it shows, a computed sentence with its numbers; `note` says how it
    is drawn; the caption is both. `drawn_from` is a digest of the data and the title, `drawn_by` of the code
    that draws. Shown as a cell's last expression it appears once, as HTML with the caption below, or as a
    PNG where HTML is not shown.
    """

    name: str
    reading: str
    alt: str
    note: str = ""
    figure: Figure = field(default_factory=Figure, repr=False)  # empty in one that was read back
    simulated: bool = False
    signature: str = ""  # how its numbers were made, in small print below
    drawn_from: str = ""
    drawn_by: str = ""
    drawn: bytes = field(default=b"", repr=False)  # the PNG of one that was read back

    @property
    def caption(self) -> str:
        mark = "Simulated models:" if self.simulated else ""
        return " ".join(filter(None, (mark, self.reading, self.note)))

    @property
    def alt_text(self) -> str:
        return ("Simulated models: " if self.simulated else "") + self.alt

    def worded(self, words: Callable[[str], str]) -> Chart:
        """The chart with every text of its own, drawn or beside it, as `words` has it."""
        for text in self.figure.findobj(Text):
            text.set_text(words(text.get_text()))
        return replace(self, reading=words(self.reading), alt=words(self.alt), note=words(self.note))

    def as_drawn(self, before: Chart | None) -> Chart:
        """The chart with the picture of an earlier one of the same data, words and code."""
        same = before is not None and all(getattr(self, name) == getattr(before, name) for name in TOLD)
        return replace(self, drawn=before.png) if before and same else self

    def stamped(self, signature: str = "", *, simulated: bool = False) -> Chart:
        """The chart as a run keeps it: signed, and marked SIMULATED where the run is; what is, stays."""
        chart = self
        if simulated and not self.simulated:
            box = {"boxstyle": "round,pad=0.3", "facecolor": "#FFF3EC", "edgecolor": ALARM, "lw": 0.8}
            badge: dict[str, Any] = {"fontsize": 8, "fontweight": "bold", "color": ALARM, "bbox": box}
            self._print(1 - 0.07 / self.figure.get_figheight(), "SIMULATED", va="top", **badge)
            chart = replace(chart, simulated=True)
        if signature and not self.signature:
            at = (0.03 - FOOT_IN) / self.figure.get_figheight()  # below its lower edge: nothing gives way
            self._print(at, small_print(signature), va="bottom", fontsize=6, color=MUTED)
            chart = replace(chart, signature=signature)
        return chart

    def _print(self, at: float, text: str, **style: Any) -> None:
        self.figure.text(0.99, at, text, ha="right", **style).set_in_layout(False)

    @cached_property
    def png(self) -> bytes:
        """The picture, drawn once: saving a chart and showing it costs no more than one of the two."""
        return self.drawn or self._render()

    def sidecar(self) -> dict[str, Any]:
        """What stands beside the picture as JSON; `Chart.read` takes it back."""
        return {"caption": self.caption} | {name: getattr(self, name) for name in TOLD}

    @classmethod
    def read(cls, path: Path) -> Chart | None:
        """A chart from its picture and the sidecar beside it; None where either is missing or broken."""
        try:
            told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            png = path.read_bytes()
            whole = png.startswith(b"\x89PNG") and b"IEND" in png[-12:]
            return cls(**{name: told[name] for name in TOLD if name in told}, drawn=png) if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def html(self) -> str:
        """A `<figure>` that stands alone: the image inside, alt text and caption escaped."""
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        image = f'<img src="{source}" alt="{escape(self.alt_text)}" width="{WIDTH_PX}">'
        return f"<figure>{image}<figcaption><em>{escape(self.caption)}</em></figcaption></figure>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        # A Figure made without pyplot has no picture in IPython, and a PNG output has no alt text in
        # JupyterLab. HTML has both; the PNG beside it serves readers that show no HTML.
        data = {
            "text/html": self.html(),
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": f"{self.alt_text}\n{self.caption}",
        }
        return data, {"image/png": {"width": WIDTH_PX, "alt": self.alt_text}}

    def _render(self) -> bytes:
        # The same table gives the same bytes: nothing of the date or of the software goes in.
        width, height = self.figure.get_size_inches()
        page = Bbox.from_extents(0, -FOOT_IN if self.signature else 0, width, height)
        about: dict[str, Any] = {"metadata": {"Software": None, "Description": self.alt_text}}
        about["pil_kwargs"] = {"compress_level": 3}  # half the time for a tenth more bytes
        buffer = BytesIO()
        with _drawing():
            _settle(self.figure)
            self.figure.savefig(buffer, format="png", bbox_inches=page, dpi=FILE_DPI, **about)
        return buffer.getvalue()


def _settle(figure: Figure) -> None:
    """Lay it out once, where saving would draw it twice; legends stay there, not at the foot of the page."""
    figure.set_dpi(FILE_DPI)
    if engine := figure.get_layout_engine():
        engine.execute(figure)
        figure.set_layout_engine(None)
        for legend in figure.legends:
            legend.set_bbox_to_anchor((0, 0, 1, 1), transform=figure.transFigure)
