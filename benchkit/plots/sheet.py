"""What every figure is drawn on and with: the sheet, the look of a model, and the marks that recur."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from textwrap import wrap
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .chart import FAINT, INK, MUTED, WIDTH_IN, Chart
from .words import labels, plain

LINE_IN = 0.19  # a line of the title
TITLE_WIDTH = 74  # characters of a title's line, with room for the badge beside it
NOTHING: Mapping[str, Any] = {}
BAND = "#E4EDF3"  # within it a difference would not matter

# Okabe and Ito's colours, safe for colour-blind readers, without the yellow that white paper swallows.
BLUE, SKY, ORANGE = "#0072B2", "#56B4E9", "#D55E00"
COLOURS = (BLUE, "#E69F00", "#009E73", "#CC79A7", ORANGE, SKY, "#333333")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")  # seven and ten meet after 70


class Sheet:
    """A figure at work: a name, a title, axes, one legend below, and in the end the Chart with its words.

    It is marked SIMULATED where the id of one of its `models` says so, or what it shows does of itself: a
    report, or a table in its `attrs`. Nothing of it is global.
    """

    def __init__(
        self, name: str, title: str, models: Iterable[str] = (), shown: pd.DataFrame | Mapping = NOTHING
    ) -> None:
        self.name, self.title = name, title
        about = shown.attrs if isinstance(shown, pd.DataFrame) else shown
        self.simulated = bool(about.get("simulated")) or any(str(m).startswith("offline/") for m in models)
        self.figure = Figure(layout="constrained")

    def page(self, height: float) -> Figure:
        """The figure, `height` inches high, for its axes; its title has a strip of its own above them."""
        lines = wrap(plain(self.title), TITLE_WIDTH) or [""]
        height += LINE_IN * (len(lines) - 1)
        self.figure.set_size_inches(WIDTH_IN, height)
        engine: Any = self.figure.get_layout_engine()
        engine.set(rect=(0, 0, 1, 1 - (0.16 + LINE_IN * len(lines)) / height))
        style: dict[str, Any] = {"va": "top", "fontsize": 11, "fontweight": "bold"}
        self.figure.text(0.008, 1 - 0.07 / height, "\n".join(lines), **style).set_in_layout(False)
        return self.figure

    def legend(self, handles: Mapping[str, Any]) -> None:
        """One legend under all axes, in as many columns as fit."""
        if handles:
            columns = max(1, min(len(handles), int(105 / (max(map(len, handles)) + 6))))
            where: dict[str, Any] = {"loc": "outside lower center", "ncols": columns}
            self.figure.legend(list(handles.values()), list(handles), **where)

    def chart(self, reading: str, alt: str, note: str = "", data: Sequence[Any] = ()) -> Chart:
        """The finished chart; `data` are the tables and values that it was drawn from."""
        words = plain(reading), plain(alt), plain(note)
        source = digest(self.title, *data)
        made = Chart(file_name(self.name), *words, self.figure, drawn_from=source, drawn_by=_code())
        return made.stamped(simulated=self.simulated)

    def empty(self, sentence: str) -> Chart:
        """An empty frame that says why it is empty."""
        say(self.page(1.7).subplots(), sentence)
        return self.chart(sentence, f"{self.title}: empty frame. {sentence}")


@cache
def _code() -> str:
    """A digest of what draws: a picture of other code is drawn again."""
    ours = sorted(Path(__file__).parent.glob("*.py"))
    return digest(matplotlib.__version__, *(path.read_text(encoding="utf-8") for path in ours))


MOST_DOTS = 20_000  # more show no more


def digest(*data: Any) -> str:
    """A short digest of tables and plain values: what a figure was drawn from."""
    found = sha256()
    for one in data:
        if isinstance(one, pd.DataFrame):
            found.update(one.to_csv(index=False, float_format="%.9g").encode())
        else:
            value = float(one) if isinstance(one, int | float) else one  # a threshold of 4 is one of 4.0
            found.update(json.dumps(value, sort_keys=True, default=str).encode())
    return found.hexdigest()[:16]


def file_name(name: str) -> str:
    """A name that every file system takes: two names that differ stay different."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "-" for c in name)
    return safe if safe == name and len(safe) <= 80 else f"{safe[:60]}-{digest(name)[:8]}"


@dataclass(frozen=True)
class Look:
    """How a model is drawn, the same in every figure that knows the same models."""

    colour: str
    marker: str
    label: str = ""
    face: str = ""  # of the mark, where it is not filled with the colour

    @property
    def mark(self) -> dict[str, Any]:
        """The mark, as matplotlib's lines take it."""
        fill = {"markerfacecolor": self.face, "markeredgewidth": 1.3} if self.face else {}
        edge = {"markeredgecolor": self.colour if self.face else "white", "markeredgewidth": 0.6}
        return {"color": self.colour, "marker": self.marker, "markersize": 8.5} | edge | fill

    def handle(self, **style: Any) -> Line2D:
        """The model's mark for a legend."""
        return Line2D([], [], **self.mark | {"linewidth": 0} | style)


def looks(models: Iterable[str], width: int = 30) -> dict[str, Look]:
    """Colour, marker and label per model, in the order given; the look goes by the place in the alphabet, so
    that no table's order changes it."""
    short = labels(models, width)
    place = {name: i for i, name in enumerate(sorted(short))}
    return {
        name: Look(COLOURS[place[name] % len(COLOURS)], MARKERS[place[name] % len(MARKERS)], label)
        for name, label in short.items()
    }


def handles(look: Mapping[str, Look], **style: Any) -> dict[str, Line2D]:
    """The legend of the models."""
    return {one.label: one.handle(**style) for one in look.values()}


def band(axes: Axes, margin: float) -> dict[str, Patch]:
    """The margin as a band about 0, where there is one; its part of the legend."""
    if not margin:
        return {}
    axes.axvspan(-margin, margin, color=BAND, zorder=0)
    return {f"margin ±{margin:g}": Patch(facecolor=BAND, edgecolor=MUTED, lw=0.5)}


def point(axes: Axes, at: float, one: Look, *ends: float | None) -> None:
    """A mark at the first of `ends` on the row `at`, and a bar from the second to the third; None is unknown.

    The ends of the bar are seen above and below a mark that covers it.
    """
    mean, low, high = np.array(ends, dtype=float)
    if np.isfinite([low, high]).all():
        bar: dict[str, Any] = {"color": one.colour, "linewidth": 2.2, "solid_capstyle": "butt"}
        axes.plot([low, high], [at, at], marker="|", markersize=14, markeredgewidth=1.3, **bar)
    if np.isfinite(mean):
        axes.plot(mean, at, zorder=3, **one.mark)


def dodge(names: Sequence[str]) -> dict[str, float]:
    """Where in a row each of several models stands, from the row's middle."""
    return dict(
        zip(names, 0.4 * np.linspace(1 / len(names) - 1, 1 - 1 / len(names), len(names)), strict=True)
    )


def named_rows(axes: Axes, names: Sequence[str]) -> None:
    """One row for each name, from the top down."""
    axes.set_yticks(range(len(names)), names)
    axes.set(ylim=(len(names) - 0.5, -0.5), ylabel="")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def aside(axes: Axes, at: float, text: str, points: float = 5, **style: Any) -> None:
    """Words beside the row `at`, `points` right of the axes."""
    how: dict[str, Any] = {"va": "center", "fontsize": 8, "annotation_clip": False} | style
    across = axes.get_yaxis_transform()
    axes.annotate(text, (1, at), xycoords=across, xytext=(points, 0), textcoords="offset points", **how)


def about_zero(axes: Axes, reach: float = 0.0) -> None:
    """Zero in the middle, with as much room on one side as on the other."""
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    reach = max(reach or 1.05 * abs(np.array(axes.get_xlim())).max(), 0.01)
    axes.set_xlim(-reach, reach)


def say(axes: Axes, sentence: str) -> None:
    """Put a sentence where there is nothing to draw."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=FAINT)
    where: dict[str, Any] = {"transform": axes.transAxes, "ha": "center", "va": "center"}
    # Out of the layout: a narrow panel must not give way to a long sentence.
    axes.text(0.5, 0.5, "\n".join(wrap(plain(sentence), 90)), color=MUTED, **where).set_in_layout(False)


def stacked_bars(
    axes: Axes,
    table: pd.DataFrame,
    names: Mapping[str, str],
    colours: Mapping[str, str],
) -> dict[str, Any]:
    """A bar for each row of counts, a number in every piece that has room for it; what its legend shows.

    `names` are the rows' labels, `colours` those of the columns.
    """
    left, whole = np.zeros(len(table)), max(1.0, table.sum(axis=1).max())
    named_rows(axes, list(names.values()))
    found = {}
    for name, colour in colours.items():
        style: dict[str, Any] = {"color": colour, "edgecolor": MUTED, "linewidth": 0.4, "height": 0.66}
        found[name] = axes.barh(range(len(table)), table[name], left=left, **style)
        shown = [f"{n}" if n > 0.03 * whole else "" for n in table[name]]
        ink = "white" if colour in (BLUE, ORANGE) else INK
        axes.bar_label(found[name], shown, label_type="center", color=ink, fontsize=8)
        left += table[name].to_numpy()
    axes.set_xlim(0, whole)
    axes.grid(visible=False)
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    return {name: bars for name, bars in found.items() if table[name].any()}


def strip(axes: Axes, table: pd.DataFrame, value: str, look: Mapping[str, Look], **how: Any) -> None:
    """A dot for each row of `table`, or for MOST_DOTS of them drawn by chance, in the row of its model.

    seaborn spreads dots by NumPy's global generator: the same table shall give the same picture.
    """
    import seaborn as sns

    table = table.sample(MOST_DOTS, random_state=0) if len(table) > MOST_DOTS else table
    colours, before = {model: one.colour for model, one in look.items()}, np.random.get_state()
    np.random.seed(0)
    try:
        how |= {"order": list(look), "palette": colours, "legend": False}
        sns.stripplot(table, x=value, y="model", hue="model", ax=axes, **how)
    finally:
        np.random.set_state(before)
