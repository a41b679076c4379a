"""What every figure shares: the Chart that shows itself, its sidecar, the frame, the palette."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from ..signature import small_print
from .words import glyphs, plain

WIDTH_IN = 8.0  # a notebook's text column
SCREEN_DPI, FILE_DPI = 100, 200  # shown at half the pixels it has: sharp on dense screens and in print
LINE_IN, FOOT_IN = 0.19, 0.22  # a line of the title; the strip below the figure for its small print
TITLE_WIDTH = 74  # characters of a title's line, with room for the badge beside it
INK, MUTED, FAINT, ALARM = "#222222", "#5F5F5F", "#D9D9D9", "#B33C00"

STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib
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
    "text.usetex": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
}
styled = rc_context(STYLE)  # decorates every plot function: the reader's own rcParams change nothing here


@dataclass(frozen=True)
class Chart:
    """A figure with its words.

    `name` is its file's. `reading` is what it shows, a computed sentence with its numbers; `note` says how it
    is drawn; the caption is both. `drawn_from` is a digest of the data. Shown as a cell's last expression it
    appears once, as HTML with the caption below, or as a PNG where HTML is not shown.
    """

    name: str
    reading: str
    alt: str
    note: str = ""
    figure: Figure | None = field(default=None, repr=False)  # None: read back from its file
    simulated: bool = False
    signature: str = ""  # how its numbers were made, in small print below
    drawn_from: str = ""
    drawn: bytes = field(default=b"", repr=False)  # the PNG of one that was read back

    @property
    def caption(self) -> str:
        return " ".join(
            filter(None, ("Simulated models:" if self.simulated else "", self.reading, self.note))
        )

    def stamped(self, signature: str, *, simulated: bool = False) -> Chart:
        """The chart as a run keeps it: signed, and marked SIMULATED where the run is; what is, stays."""
        chart = self
        if simulated and not self.simulated:
            _badge(self.figure)
            chart = replace(chart, simulated=True)
        if signature and not self.signature:
            _sign(self.figure, small_print(signature))
            chart = replace(chart, signature=signature)
        return chart

    @cached_property
    def png(self) -> bytes:
        """The picture, drawn once: saving a chart and showing it costs no more than one of the two."""
        return self.drawn or self._render("png")

    def save(self, path: str | Path) -> Path:
        """Write the figure as PNG, SVG or PDF, by the path's suffix; folders are made where missing."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = path.suffix.lstrip(".").lower() or "png"
        path.write_bytes(self.png if kind == "png" else self._render(kind))
        return path

    def sidecar(self) -> dict[str, Any]:
        """What stands beside the picture as JSON; `Chart.read` takes it back."""
        names = ("name", "reading", "note", "alt", "simulated", "signature", "drawn_from")
        return {"caption": self.caption} | {name: getattr(self, name) for name in names}

    @classmethod
    def read(cls, path: Path) -> Chart | None:
        """A chart from its picture and the sidecar beside it; None where either is missing or broken."""
        try:
            told = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
            png = path.read_bytes()
            names = ("name", "reading", "note", "alt", "simulated", "signature", "drawn_from")
            whole = png.startswith(b"\x89PNG") and b"IEND" in png[-12:]
            return cls(**{name: told[name] for name in names}, drawn=png) if whole else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def width_px(self) -> int:
        return round(WIDTH_IN * SCREEN_DPI)

    def html(self) -> str:
        """A `<figure>` that stands alone: the image inside, alt text and caption escaped."""
        source = f"data:image/png;base64,{base64.b64encode(self.png).decode()}"
        image = f'<img src="{source}" alt="{escape(self.alt_text)}" width="{self.width_px}">'
        return f"<figure>{image}<figcaption><em>{escape(self.caption)}</em></figcaption></figure>"

    @property
    def alt_text(self) -> str:
        return ("Simulated models: " if self.simulated else "") + self.alt

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        # A Figure made without pyplot has no picture in IPython, and a PNG output has no alt text in
        # JupyterLab. HTML has both; the PNG beside it serves readers that show no HTML.
        data = {
            "text/html": self.html(),
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": f"{self.alt_text}\n{self.caption}",
        }
        return data, {"image/png": {"width": self.width_px, "alt": self.alt_text}}

    def _render(self, kind: str) -> bytes:
        # The same table gives the same bytes: nothing of the date or of the software goes in.
        assert self.figure is not None
        words = {"png": "Description", "svg": "Description", "pdf": "Subject"}.get(kind)
        stamp = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}.get(kind)
        metadata: dict[str, Any] = {stamp: None, words: self.alt_text} if words and stamp else {}
        width, height = self.figure.get_size_inches()
        page = Bbox.from_extents(0, -FOOT_IN if self.signature else 0, width, height)
        buffer = BytesIO()
        with rc_context(STYLE | {"svg.hashsalt": "benchkit"}):
            if self.signature and self.figure.legends:
                _settle(self.figure)
            self.figure.savefig(buffer, format=kind, dpi=FILE_DPI, metadata=metadata, bbox_inches=page)
        return buffer.getvalue()


def digest(*data: Any) -> str:
    """A short digest of tables and plain values: what a figure was drawn from."""
    found = sha256()
    for one in data:
        if isinstance(one, pd.DataFrame):
            found.update(one.to_csv(index=False, float_format="%.9g").encode())
        else:
            plain = float(one) if isinstance(one, int | float) else one  # a threshold of 4 is one of 4.0
            found.update(json.dumps(plain, sort_keys=True, default=str).encode())
    return found.hexdigest()[:16]


def frame(
    title: str, height: float, *, rows: int = 1, cols: int = 1, simulated: bool = False, **grid: Any
) -> tuple[Figure, np.ndarray]:
    """A titled figure `height` inches high and its axes as a `rows × cols` array; nothing global.

    The title has a strip of its own, which no axes and no label reaches into.
    """
    lines = wrap(glyphs(title), TITLE_WIDTH) or [""]
    head = 0.16 + LINE_IN * len(lines)
    height += LINE_IN * (len(lines) - 1)
    figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
    FigureCanvasAgg(figure)
    engine: Any = figure.get_layout_engine()
    engine.set(rect=(0, 0, 1, 1 - head / height))
    where: dict[str, Any] = {"ha": "left", "va": "top", "fontsize": 11, "fontweight": "bold"}
    figure.text(0.008, 1 - 0.07 / height, "\n".join(lines), **where).set_in_layout(False)
    if simulated:
        _badge(figure)
    return figure, figure.subplots(rows, cols, squeeze=False, **grid)


def chart(
    name: str,
    figure: Figure,
    reading: str,
    alt: str,
    *,
    note: str = "",
    simulated: bool = False,
    data: tuple = (),
) -> Chart:
    """The finished chart; simulated data is named in the words as well as in the picture."""
    return Chart(
        file_name(name), plain(reading), plain(alt), plain(note), figure, simulated, drawn_from=digest(*data)
    )


def file_name(name: str) -> str:
    """A name that every file system takes: two names that differ stay different."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "-" for c in name)
    return safe if safe == name and len(safe) <= 80 else f"{safe[:60]}-{digest(name)[:8]}"


def nothing(name: str, title: str, sentence: str, *, simulated: bool = False) -> Chart:
    """An empty frame that says why it is empty."""
    figure, axes = frame(title, 1.7, simulated=simulated)
    say(axes[0, 0], sentence)
    return chart(name, figure, sentence, f"{title}: empty frame. {sentence}", simulated=simulated)


def say(axes: Axes, sentence: str) -> None:
    """Put a sentence where there is nothing to draw."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT)
    where: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center"}
    # Out of the layout: a narrow panel must not give way to a long sentence.
    axes.text(0.5, 0.5, "\n".join(wrap(glyphs(sentence), 90)), color=MUTED, **where).set_in_layout(False)


def _badge(figure: Figure | None) -> None:
    assert figure is not None
    box: Mapping[str, Any] = {"boxstyle": "round,pad=0.3", "facecolor": "#FFF3EC", "edgecolor": ALARM}
    words: dict[str, Any] = {"fontsize": 8, "fontweight": "bold", "color": ALARM, "bbox": {**box, "lw": 0.8}}
    where = (0.99, 1 - 0.07 / figure.get_figheight())
    figure.text(*where, "SIMULATED", ha="right", va="top", **words).set_in_layout(False)


def _sign(figure: Figure | None, text: str) -> None:
    """Small print below the figure's lower edge, so that nothing in its layout has to give way."""
    assert figure is not None
    where: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 6, "color": MUTED}
    at = (0.03 - FOOT_IN) / figure.get_figheight()
    figure.text(0.99, at, glyphs(text), **where).set_in_layout(False)


def _settle(figure: Figure) -> None:
    """End the layout, and hold the legends where it put them: they would move to the foot of the page."""
    figure.set_dpi(FILE_DPI)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for legend in figure.legends:
        legend.set_bbox_to_anchor((0, 0, 1, 1), transform=figure.transFigure)
