"""The first screen: who is still in the running, and what every floor says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..wording import count, interval, kind_name, level, listed, number, scope
from .chart import ALARM, Chart, styled
from .sheet import Look, Sheet, about_zero, band, looks, named_rows, point
from .words import glyphs

Row = Mapping[str, Any]
OUT = "#B0B0B0"  # no contender


@styled
def plot_contenders(report: Row) -> Chart:
    """Each model's difference from the best of the others, and beside it its floors by kind.

    `report` is what metrics_report.json holds. Left: U of the model less that of the best other one with its
    simultaneous 1 − alpha interval; a model whose interval lies below 0 is no contender. Right, one panel per
    kind that decides, where more than one does: the difference to the model that it stands worst against, and
    the margin. With one kind both are the same quantity: it is drawn once.
    """
    how, decision = report["configuration"], report["decision"]
    rows, floors, margin = decision["utility"], decision["floors"], how["margin"] or 0.0
    names = [row["model"] for row in rows]
    sheet = Sheet("contenders", "Who is in the running", names, report)
    decide = [kind for kind in decision["kinds"] if kind["decides"]]
    if not rows or not decide:
        return sheet.empty(decision["sentence"])
    kinds, look = decide if len(decide) > 1 else [], looks(how["models"], 26)
    shape: dict[str, Any] = {"sharey": True, "width_ratios": (1.4, *[1.0] * len(kinds))}
    (axes,) = sheet.grid(1.45 + 0.46 * len(rows), cols=1 + len(kinds), **shape)
    _differences(axes[0], rows, names, look)
    about = scope(decision["kinds"])
    axes[0].set_title(about if kinds else glyphs(f"{about}: {decide[0]['metric']}, n = {decide[0]['n']}"))
    words = "difference from the best{}other model (better ▶)"
    axes[0].set_xlabel(words.format("\n" if kinds else " "))
    for ax, kind in zip(axes[1:], kinds, strict=True):
        _differences(ax, [row for row in floors if row["kind"] == kind["kind"]], names, look)
        ax.set_title(glyphs(kind_name(kind["kind"])))
        ax.set_xlabel(f"{glyphs(kind['metric'])}, n = {kind['n']}")
    named_rows(axes[0], [_label(row, look[row["model"]]) for row in rows])
    shown_worse = {"shown worse on this kind": Look(ALARM, "o").handle(lw=2.2)}
    worse = [f"{row['model']} on {kind_name(row['kind'])}" for row in floors if row["shown_worse"]]
    within = [band(ax, margin) for ax in axes[bool(kinds) :]]
    sheet.legend((shown_worse if worse and kinds else {}) | within[0])
    ends = level(how["alpha"])
    note = f"{about}, difference from the best other model, with simultaneous {ends} intervals"
    right = "right: per kind, difference from the model that it stands worst against"
    note = f"Left: {note}; {right}." if kinds else f"{note[0].upper()}{note[1:]}."
    inside = [row["model"] for row in rows if row["contender"]]
    reading = f"{count(len(inside), 'contender')} of {count(len(rows), 'model')}: {listed(inside)}"
    reading += f"; shown worse than another by more than the margin: {listed(worse)}." if worse else "."
    told = "; ".join(
        f"{row['model']} {number(row['difference'], sign=True)} ({interval(row['low'], row['high'])})"
        for row in rows
    )
    alt = f"Difference from the best other model, {about}, {ends} intervals: {told}."
    return sheet.chart(reading, alt, note, data=(rows, floors, how["alpha"], margin))


def _differences(axes: Axes, rows: Iterable[Row], names: Sequence[str], look: Mapping[str, Look]) -> None:
    """Differences with their intervals: who is no contender in grey, who is shown worse in red."""
    for row in rows:
        one = look[row["model"]]
        colour = ALARM if row.get("shown_worse") else one.colour if row.get("contender", True) else OUT
        place = names.index(row["model"])
        point(axes, place, replace(one, colour=colour), row["difference"], row["low"], row["high"])
    about_zero(axes)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.grid(axis="x")


def _label(row: Row, one: Look) -> str:
    """The name, and below it the difference: beside the axis, where no mark and no edge is in its way."""
    aside = "" if row["contender"] else ", no contender"
    return f"{one.label}\n{number(row['difference'], sign=True)}{aside}"
