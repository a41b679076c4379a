"""What every figure shares: the Chart that shows itself, the frame, the palette, the labels."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field, replace
from functools import cached_property
from html import escape
from io import BytesIO
from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from ..signature import small_print
from .words import glyphs, plain

WIDTH_IN = 8.0  # a notebook's text column
SCREEN_DPI, FILE_DPI = 100, 200  # shown at half the pixels it has: sharp on dense screens and in print

FOOT_IN = 0.22  # below the figure, for its small print

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


class Picture:
    """What shows itself in a notebook: `png`, `width_px`, `alt` and `caption` are there."""

    png: bytes
    width_px: int
    alt: str
    caption: str

    def signed(self, signature: str) -> Picture:
        """The picture with how it was made in small print at its foot."""
        raise NotImplementedError

    def save(self, path: str | Path) -> Path:
        """Write the picture to `path`."""
        raise NotImplementedError

    def html(self) -> str:
        """A `<figure>` that stands alone: the image inside, alt text and caption escaped."""
        return _figure_html(self.png, self.width_px, self.alt, self.caption)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> tuple[dict, dict]:
        # A Figure made without pyplot has no picture in IPython, and a PNG output has no alt text in
        # JupyterLab. HTML has both; the PNG beside it serves readers that show no HTML.
        data = {
            "text/html": self.html(),
            "image/png": base64.b64encode(self.png).decode(),
            "text/plain": f"{self.alt}\n{self.caption}",
        }
        return data, {"image/png": {"width": self.width_px, "alt": self.alt}}


@dataclass(frozen=True)
class Chart(Picture):
    """A figure with its one-sentence caption and its alt text.

    Shown as a cell's last expression it appears once, as an HTML figure with the caption below, or as a PNG
    where HTML is not shown. The alt text is also in the PNG's output metadata (`image/png`, `alt`).
    """

    figure: Figure = field(repr=False)
    caption: str
    alt: str
    signature: str = ""  # how its numbers were made, as `signed` printed it below

    def signed(self, signature: str) -> Chart:
        """The chart with `signature` in small print at its foot, and whole in the file's metadata.

        A chart that is signed already stays as it is.
        """
        if self.signature or not signature:
            return self
        _sign(self.figure, small_print(signature))
        return replace(self, signature=signature)

    @cached_property
    def png(self) -> bytes:  # type: ignore[override]
        """The picture, drawn once: saving a chart and showing it costs no more than one of the two."""
        return self._render("png")

    def save(self, path: str | Path) -> Path:
        """Write the figure as PNG, SVG or PDF, by the path's suffix; folders are made where missing."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = path.suffix.lstrip(".").lower() or "png"
        path.write_bytes(self.png if kind == "png" else self._render(kind))
        return path

    @property
    def width_px(self) -> int:  # type: ignore[override]
        return round(self.figure.get_figwidth() * SCREEN_DPI)

    @property
    def _extent(self) -> Bbox:
        """The page in inches: the figure, and the strip below it that holds the small print."""
        width, height = self.figure.get_size_inches()
        return Bbox.from_extents(0, -FOOT_IN if self.signature else 0, width, height)

    def _render(self, kind: str) -> bytes:
        # The same table gives the same bytes: nothing of the date or of the software goes in.
        words = {"png": "Description", "svg": "Description", "pdf": "Subject"}.get(kind)
        stamp = {"png": "Software", "svg": "Date", "pdf": "CreationDate"}.get(kind)
        metadata: dict[str, Any] = {stamp: None, words: self.alt} if words and stamp else {}
        made = {"png": "Comment", "svg": "Source", "pdf": "Keywords"}.get(kind)
        metadata |= {made: self.signature} if made and self.signature else {}
        metadata |= {"Title": self.caption} if kind in ("png", "svg", "pdf") else {}
        buffer = BytesIO()
        with rc_context(STYLE | {"svg.hashsalt": "benchkit"}):
            if self.signature and self.figure.legends:
                _settle(self.figure)
            self.figure.savefig(
                buffer, format=kind, dpi=FILE_DPI, metadata=metadata, bbox_inches=self._extent
            )
        return buffer.getvalue()


def _figure_html(png: bytes, width: int, alt: str, caption: str) -> str:
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    image = f'<img src="{source}" alt="{escape(alt)}" width="{width}">'
    return f"<figure>{image}<figcaption><em>{escape(caption)}</em></figcaption></figure>"


def frame(
    title: str, height: float, *, rows: int = 1, cols: int = 1, simulated: bool = False, **grid: Any
) -> tuple[Figure, np.ndarray]:
    """A titled figure `height` inches high and its axes as a `rows × cols` array; nothing global."""
    figure = Figure(figsize=(WIDTH_IN, height), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title, x=0.008, ha="left", fontsize=11, fontweight="bold")
    if simulated:
        box: dict[str, Any] = {
            "boxstyle": "round,pad=0.3",
            "facecolor": "#FFF3EC",
            "edgecolor": ALARM,
            "linewidth": 0.8,
        }
        badge: dict[str, Any] = {"fontsize": 8, "fontweight": "bold", "color": ALARM, "bbox": box}
        figure.text(0.99, 1 - 0.07 / height, "SIMULATED", ha="right", va="top", **badge)
    return figure, figure.subplots(rows, cols, squeeze=False, **grid)


def _sign(figure: Figure, text: str) -> None:
    """Small print below the figure's lower edge, so that nothing in its layout has to give way."""
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


def chart(figure: Figure, caption: str, alt: str, *, simulated: bool) -> Chart:
    """The finished chart; simulated data is named in the words as well as in the picture."""
    mark = "Simulated models: " if simulated else ""
    return Chart(figure, mark + plain(caption), mark + plain(alt))


def nothing(title: str, sentence: str, *, simulated: bool = False) -> Chart:
    """An empty frame that says why it is empty."""
    figure, axes = frame(title, 1.7, simulated=simulated)
    say(axes[0, 0], sentence)
    return chart(figure, sentence, f"{title}: empty frame. {sentence}", simulated=simulated)


def say(axes: Axes, sentence: str) -> None:
    """Put a sentence where there is nothing to draw."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT)
    where: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center"}
    # Out of the layout: a narrow panel must not give way to a long sentence.
    axes.text(0.5, 0.5, fill(glyphs(sentence), 90), color=MUTED, **where).set_in_layout(False)
