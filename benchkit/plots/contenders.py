"""The first screen: who is still in the running, and what every floor says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..wording import count, interval, kind_name, level, listed, number, scope
from .chart import ALARM, FAINT, INK, Chart, chart, frame, nothing, styled
from .differences import BAND
from .marks import Look, is_simulated, legend_below, looks, point
from .words import glyphs

Row = Mapping[str, Any]


@styled
def plot_contenders(report: Row) -> Chart:
    """Each model's difference from the best of the others, and beside it its floors by kind.

    `report` is what metrics_report.json holds. Left: U of the model less that of the best other one with its
    simultaneous 1 − alpha interval; a model whose interval lies below 0 is no contender. Right, one panel per
    kind that decides, where more than one does: the difference to the model that it stands worst against, and
    the margin. With one kind both are the same quantity: it is drawn once.
    """
    how, decision = report["configuration"], report["decision"]
    title = "Who is in the running"
    rows = decision["utility"]
    decide = [kind for kind in decision["kinds"] if kind["decides"]]
    if not rows or not decide:
        return nothing("contenders", title, decision["sentence"], simulated=bool(report["simulated"]))
    names = [row["model"] for row in rows]
    simulated, look = bool(report["simulated"]) or is_simulated(None, names), looks(how["models"], 26)
    kinds = decide if len(decide) > 1 else []
    width: Any = (1.4, *([1.0] * len(kinds)))
    shape: dict[str, Any] = {"cols": 1 + len(kinds), "sharey": True, "width_ratios": width}
    figure, axes = frame(title, 1.45 + 0.46 * len(rows), simulated=simulated, **shape)
    margin = how["margin"] or 0.0
    about = scope(decision["kinds"])
    _utility(axes[0, 0], rows, look)
    axes[0, 0].set_title(about if kinds else glyphs(f"{about}: {decide[0]['metric']}, n = {decide[0]['n']}"))
    words = "difference from the best{}other model (better ▶)"
    axes[0, 0].set_xlabel(words.format("\n" if kinds else " "))
    if margin and not kinds:
        axes[0, 0].axvspan(-margin, margin, color=BAND, zorder=0)
    for ax, kind in zip(axes[0, 1:], kinds, strict=True):
        found = {row["model"]: row for row in decision["floors"] if row["kind"] == kind["kind"]}
        _floor(ax, [found.get(name) for name in names], kind, look, margin, names)
    axes[0, 0].set_yticks(range(len(rows)), [_label(row, look[row["model"]]) for row in rows])
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    shown_worse = bool(kinds) and any(row["shown_worse"] for row in decision["floors"])
    legend_below(figure, *_legend(margin, worse=shown_worse))
    ends = level(how["alpha"])
    drawn = f"{about}, difference from the best other model, with simultaneous {ends} intervals"
    right = "right: per kind, difference from the model that it stands worst against"
    note = f"Left: {drawn}; {right}." if kinds else f"{drawn[0].upper()}{drawn[1:]}."
    reading, alt = _contender_words(rows, decision, ends)
    data = (rows, decision["floors"], how["alpha"], margin)
    return chart("contenders", figure, reading, alt, note=note, simulated=simulated, data=data)


def _utility(axes: Axes, rows: Sequence[Row], look: Mapping[str, Look]) -> None:
    for at, row in enumerate(rows):
        one = look[row["model"]]
        drawn = one if row["contender"] else Look("#B0B0B0", one.marker, one.label)
        ends = {name: np.nan if row[name] is None else row[name] for name in ("low", "high")}
        mean = np.nan if row["difference"] is None else row["difference"]
        point({"mean": mean} | ends, drawn, axes, at)
    _zero(axes)


def _label(row: Row, one: Look) -> str:
    """The name, and below it the difference: beside the axis, where no mark and no edge is in its way."""
    aside = "" if row["contender"] else ", no contender"
    return f"{one.label}\n{number(row['difference'], sign=True)}{aside}"


def _floor(
    axes: Axes,
    rows: Sequence[Row | None],
    kind: Row,
    look: Mapping[str, Look],
    margin: float,
    names: Sequence[str],
) -> None:
    if margin:
        axes.axvspan(-margin, margin, color=BAND, zorder=0)
    for at, (row, name) in enumerate(zip(rows, names, strict=True)):
        if row is None or row["difference"] is None:
            continue
        one = look[name]
        drawn = Look(ALARM if row["shown_worse"] else one.colour, one.marker, one.label)
        ends = {end: np.nan if row[end] is None else row[end] for end in ("low", "high")}
        point({"mean": row["difference"]} | ends, drawn, axes, at)
    _zero(axes)
    axes.set_title(glyphs(kind_name(kind["kind"])))
    axes.set_xlabel(f"{glyphs(kind['metric'])}, n = {kind['n']}")


def _zero(axes: Axes) -> None:
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    reach = max(1.05 * abs(np.array(axes.get_xlim())).max(), 0.01)
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT)


def _legend(margin: float, *, worse: bool) -> tuple[list[Any], list[str]]:
    bar = Line2D([], [], color=ALARM, linewidth=2.2, marker="o", markeredgecolor="white")
    band = Line2D([], [], color=BAND, linewidth=7)
    found = {"shown worse on this kind": bar} if worse else {}
    found |= {f"margin ±{margin:g}": band} if margin else {}
    return list(found.values()), list(found)


def _contender_words(rows: Sequence[Row], decision: Row, ends: str) -> tuple[str, str]:
    inside = [row["model"] for row in rows if row["contender"]]
    worse = [
        f"{row['model']} on {kind_name(row['kind'])}" for row in decision["floors"] if row["shown_worse"]
    ]
    reading = f"{count(len(inside), 'contender')} of {count(len(rows), 'model')}: {listed(inside)}"
    reading += f"; shown worse than another by more than the margin: {listed(worse)}." if worse else "."
    told = [
        f"{row['model']} {number(row['difference'], sign=True)} ({interval(row['low'], row['high'])})"
        for row in rows
    ]
    about = scope(decision["kinds"])
    return reading, f"Difference from the best other model, {about}, {ends} intervals: {'; '.join(told)}."
