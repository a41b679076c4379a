"""What the decision rests on: who is still in the running, and every difference with its interval."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..metrics import described, in_order
from ..wording import (
    PREFERENCES,
    count,
    interval,
    kind_name,
    known,
    level,
    listed,
    metric_names,
    number,
    p_text,
    scope,
)
from .chart import ALARM, INK, MUTED, Chart, styled
from .sheet import Look, Sheet, about_zero, aside, band, looks, named_rows, point
from .tables import sign_of
from .words import unit

Row = Mapping[str, Any]
OUT = "#B0B0B0"  # no contender
MOST_ROWS = 40  # more rows than this are a table, not a figure
OPEN = Look(MUTED, "o", "open", face="white")
COLUMNS = {"mean A": 52, "mean B": 92, "n": 116, "p adj.": 158}  # where each ends, in points from the axes
NUMBERS = ("n", "mean_a", "mean_b", "difference", "ci_low", "ci_high", "p_adjusted")


@styled
def plot_contenders(report: Row) -> Chart:
    """Each model's difference from the best of the others, and beside it its floors by kind.

    `report` is what metrics_report.json holds. Left: U of the model less that of the best other one with its
    simultaneous 1 − alpha interval; a model whose interval lies below 0 is no contender. Right, one panel per
    kind that decides, where more than one does: the difference to the model that it stands worst against, and
    the margin. With one kind both are the same quantity: it is drawn once. Where people decide, what they
    prefer is drawn instead.
    """
    if report["configuration"].get("decided_by") == "people" and report.get("people"):
        return _preferred(report)
    how, decision = report["configuration"], report["decision"]
    rows, floors, margin = decision["utility"], decision["floors"], how["margin"] or 0.0
    names = [row["model"] for row in rows]
    sheet = Sheet("contenders", "Who is in the running", names, report)
    decide = [kind for kind in decision["kinds"] if kind["decides"]]
    if not rows or not decide:
        return sheet.empty(decision["sentence"])
    kinds, look = decide if len(decide) > 1 else [], looks(how["models"], 26)
    shape: dict[str, Any] = {"sharey": True, "squeeze": False, "width_ratios": (1.4, *[1.0] * len(kinds))}
    (axes,) = sheet.page(1.45 + 0.46 * len(rows)).subplots(1, 1 + len(kinds), **shape)
    _differences(axes[0], rows, names, look)
    about = scope(decision["kinds"])
    axes[0].set_title(about if kinds else f"{about}: {decide[0]['metric']}, n = {decide[0]['n']}")
    words = "difference from the best{}other model (better ▶)"
    axes[0].set_xlabel(words.format("\n" if kinds else " "))
    for ax, kind in zip(axes[1:], kinds, strict=True):
        _differences(ax, [row for row in floors if row["kind"] == kind["kind"]], names, look)
        ax.set_title(kind_name(kind["kind"]))
        ax.set_xlabel(f"{kind['metric']}, n = {kind['n']}")
    gaps = [number(row["difference"], sign=True) for row in rows]
    out = ["" if row["contender"] else ", no contender" for row in rows]
    labels = [look[name].label for name in names]
    named_rows(axes[0], [f"{one}\n{gap}{no}" for one, gap, no in zip(labels, gaps, out, strict=True)])
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


def _preferred(report: Row) -> Chart:
    """What people prefer, and beside it what the labels alone and the metric alone give."""
    found = report["people"]
    a, b = found["models"]
    sheet = Sheet("contenders", "What people prefer", (a, b), report)
    axes, told = sheet.page(1.4 + 0.36 * len(PREFERENCES)).subplots(), []
    for place, (name, said) in enumerate(PREFERENCES.items()):
        shares = (found[name].get(end) for end in ("estimate", "low", "high"))
        mean, low, high = (max(-1.0, min(1.0, one)) if known(one) else None for one in shares)
        point(axes, place, Look(MUTED if place else INK, "o", said), mean, low, high)
        told.append(f"{said} {number(mean, sign=True)}" + (f" ({interval(low, high)})" if known(low) else ""))
    named_rows(axes, list(PREFERENCES.values()))
    about_zero(axes, 1.05)
    axes.set_xlabel(f"◀ {b} preferred · {a} preferred ▶")
    ends = level(found["alpha"])
    note = f"Share of cases where {a} is preferred less that where {b} is, with {ends} intervals."
    return sheet.chart(report["decision"]["because"][0], f"{note} {'; '.join(told)}.", note, data=(found,))


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


def turned(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with `d, low, high` turned so that positive is better for `model_a` on every metric.

    `winner` is the model that the outcome names, "" where none is shown to be better.
    """
    rows = comparisons.astype(dict.fromkeys(NUMBERS, float))  # from JSON, what is unknown is None
    sign = rows["metric"].map(sign_of)
    ends = [rows["ci_low"] * sign, rows["ci_high"] * sign]
    won = [rows["outcome"] == "better_a", rows["outcome"] == "better_b"]
    return rows.assign(
        d=rows["difference"] * sign,
        low=np.minimum(*ends),
        high=np.maximum(*ends),
        winner=np.select(won, [rows["model_a"], rows["model_b"]], ""),
        pair=list(zip(rows["model_a"], rows["model_b"], strict=True)),
        unbounded=[described(metric).span is None for metric in rows["metric"]],
    )


@styled
def plot_differences(
    comparisons: pd.DataFrame,
    *,
    kinds: Sequence[Mapping[str, Any]] = (),
    margin: float = 0.0,
    alpha: float = 0.05,
) -> Chart:
    """Differences between models with their intervals; right is better for the first-named model.

    `comparisons` has the fields of `Comparison`, its intervals at 1 − alpha. `kinds` are those of the
    decision: the metrics that decided are bold. `margin` is a difference in score that would not matter.
    Where lower is better the metric is turned round, so that a side means the same on every row; the columns
    keep the means. A metric without an upper end stands on an axis of its own.
    """
    names = [m for side in ("model_a", "model_b") for m in comparisons.get(side, ())]
    sheet, look = Sheet("differences", "Differences between models", names, comparisons), looks(names, 34)
    if comparisons.empty:
        return sheet.empty("No two models were compared.")
    every = turned(comparisons)
    decide = {(kind["kind"], kind["metric"]) for kind in kinds if kind["decides"]}
    measured = list(zip(every["test_case"], every["metric"], strict=True))
    every["decides"] = [of in decide for of in measured]
    names_of = metric_names(every.to_dict("records"))
    every["name"] = [names_of[of] for of in measured]
    rows = _in_reading_order(every)
    panels = [  # from the top down, with room for a heading above each pair
        part.assign(y=1 + np.arange(len(part)) + 1.1 * pd.factorize(part["pair"])[0])
        for _, part in rows.groupby("unbounded")
    ]
    heights = [1 + 0.31 * (len(part) + 0.9 * part["pair"].nunique()) for part in panels]
    shape: dict[str, Any] = {"squeeze": False, "height_ratios": heights}
    grid = sheet.page(0.85 + sum(heights)).subplots(len(panels), **shape)
    for axes, part in zip(grid.flat, panels, strict=True):
        within = band(axes, margin)
        _forest(axes, part, look)
        ends = part[["d", "low", "high"]].abs().to_numpy(dtype=float)
        about_zero(axes, 1.08 * max(margin, *ends[np.isfinite(ends)], 0.0))
        units = set(map(unit, part["metric"])) if part["unbounded"].all() else {"score"}
        what = units.pop() if len(units) == 1 else "score"
        axes.set_xlabel(f"difference in {what}   (◀ B better  ·  A better ▶)")
    shown = {f"{one.label} better": one for name, one in look.items() if name in set(rows["winner"])}
    shown |= {"open": OPEN} if (rows["outcome"] == "open").any() else {}
    sheet.legend({text: one.handle(lw=2.2) for text, one in shown.items()} | within)
    reading, note, alt = _difference_words(rows, len(every) - len(rows), level(alpha))
    return sheet.chart(reading, alt, note, data=(comparisons, list(kinds), margin, alpha))


def _in_reading_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Pair by pair the deciding rows, then the largest differences; of too many the deciding ones alone."""
    kept = rows[rows["primary"]] if len(rows) > MOST_ROWS and rows["primary"].any() else rows
    kept = kept.loc[kept["d"].abs().fillna(0).nlargest(MOST_ROWS).index.sort_values()]
    place = kept.assign(
        pair=kept["pair"].map(list(rows["pair"].unique()).index),
        size=-kept["d"].abs().fillna(-1.0),
        other=~kept["primary"],
        at=kept["metric"].map(in_order(rows["metric"]).index),
    )
    return kept.loc[place.sort_values(["pair", "other", "size", "at"], kind="stable").index]


def _forest(axes: Axes, rows: pd.DataFrame, look: Mapping[str, Look]) -> None:
    header: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    header["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # above band and zero line
    for (a, b), y in rows.groupby("pair", sort=False)["y"].min().items():
        heading = f"A  {look[a].label}   against   B  {look[b].label}"
        axes.text(0.0, y - 1, heading, fontweight="bold", **header).set_in_layout(False)
    for row in rows.itertuples():
        # An interval may exclude zero where the adjusted p shows nothing: then nobody has won.
        point(axes, row.y, look.get(row.winner, OPEN), row.d, row.low, row.high)
        if not known(row.d):
            axes.text(0, row.y, "no case that both have a score for", va="center", fontsize=8, color=MUTED)
        means = [number(value) if known(value) else "–" for value in (row.mean_a, row.mean_b)]
        _columns(axes, row.y, (*means, f"{row.n:.0f}", p_text(row.p_adjusted)), INK)
    _columns(axes, -0.8, list(COLUMNS), MUTED)
    turned_round = [" (turned)" * described(metric).lower_is_better for metric in rows["metric"]]
    metrics = [name + turn for name, turn in zip(rows["name"], turned_round, strict=True)]
    axes.set_yticks(rows["y"], metrics)
    for label, bold in zip(axes.get_yticklabels(), rows["decides"], strict=True):
        label.set_fontweight("bold" if bold else "normal")
    axes.set_ylim(rows["y"].max() + 0.7, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _columns(axes: Axes, at: float, texts: Sequence[str], colour: str) -> None:
    for place, text in zip(COLUMNS.values(), texts, strict=True):
        aside(axes, at, text, place, ha="right", color=colour)


def _difference_words(rows: pd.DataFrame, left_out: int, ends: str) -> tuple[str, str, str]:
    """What is shown; how it is drawn; the alt text."""
    ahead = rows.loc[rows["winner"] != "", "winner"].value_counts(sort=False).to_dict()
    favour = ": " * bool(ahead) + ", ".join(f"{n} for {m}" for m, n in ahead.items())
    some = f"; {count(left_out, 'comparison')} left out" if left_out else ""
    shown = "shows" if sum(ahead.values()) == 1 or len(rows) == 1 else "show"
    reading = f"{sum(ahead.values())} of {count(len(rows), 'comparison')} {shown} a difference{favour}{some}."
    bold = "; in bold the metrics that decide" if 0 < rows["decides"].sum() < len(rows) else ""
    note = f"Bars are {ends} intervals, adjusted for nothing{bold}."
    told = "; ".join(f"{row.name} {_in_words(row)}" for row in rows.itertuples())
    return reading, note, f"Differences A minus B with {ends} intervals: {told}."


def _in_words(row: Any) -> str:
    if not known(row.difference):
        return "not compared"
    ends = interval(row.ci_low, row.ci_high) if known(row.ci_low) else "no interval"
    return f"{number(row.difference, sign=True)} ({ends})"
