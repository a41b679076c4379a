"""What the decision rests on: differences with their intervals, and the cases behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from ..metrics import described, in_order
from ..wording import count, interval, level, number, p_text
from .chart import INK, MUTED, Chart, chart, frame, nothing, styled
from .marks import Look, bar, is_simulated, legend_below, looks, sign_of
from .words import glyphs, unit

MOST_ROWS = 40  # more rows than this are a table, not a figure
BAND = "#E4EDF3"
NUMBERS = (
    *("n", "mean_a", "mean_b", "difference", "standard_error", "ci_low", "ci_high"),
    *("p_value", "p_adjusted"),
)


def turned(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with `d, low, high` turned so that positive is better for `model_a` on every metric.

    `winner` is the model that the outcome names; without outcomes the one whose interval excludes zero.
    """
    found = [name for name in NUMBERS if name in comparisons]
    rows = comparisons.astype(dict.fromkeys(found, float))  # from JSON, what is unknown is None
    sign = rows["metric"].map(sign_of).to_numpy()
    ends = rows[["ci_low", "ci_high"]].to_numpy(dtype=float) * sign[:, None]
    rows = rows.assign(d=rows["difference"] * sign, low=ends.min(axis=1), high=ends.max(axis=1))
    by_interval = np.select([rows["low"] > 0, rows["high"] < 0], ["better_a", "better_b"], "open")
    rows["outcome"] = rows.get("outcome", pd.Series(by_interval, index=rows.index))
    won = [rows["outcome"] == "better_a", rows["outcome"] == "better_b"]
    rows["winner"] = np.select(won, [rows["model_a"], rows["model_b"]], "")
    rows["primary"] = rows.get("primary", pd.Series(False, index=rows.index)).astype(bool)
    rows["p"] = rows.get("p_adjusted", rows["p_value"])
    return rows


def _decided(rows: pd.DataFrame, kinds: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """`rows` with `decides`, for those of a metric that decided on its kind."""
    found = {(kind["kind"], kind["metric"]) for kind in kinds if kind["decides"]}
    of = zip(rows["test_case"], rows["metric"], strict=True) if found else [()] * len(rows)
    return rows.assign(decides=[one in found for one in of])


def unbounded(metric: str) -> bool:
    """Whether differences of a metric are on another scale than those of a score."""
    return described(metric).span is None


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
    name, title = "differences", "Differences between models"
    if comparisons.empty:
        return nothing(name, title, "No two models were compared.")
    rows, left_out = _difference_rows(_decided(turned(comparisons), kinds))
    pairs = list(dict.fromkeys(_pairs(rows)))
    names = dict.fromkeys(m for side in ("model_a", "model_b") for m in comparisons[side].astype(str))
    simulated, look = is_simulated(comparisons, names), looks(names, 34)
    panels = [part for _, part in rows.groupby(rows["metric"].map(unbounded))]
    sizes = [
        1 + 0.31 * (len(part) + 0.9 * len(part[["model_a", "model_b"]].drop_duplicates())) for part in panels
    ]
    shape: dict[str, Any] = {"rows": len(panels), "cols": 2, "width_ratios": (5, 2), "height_ratios": sizes}
    figure, axes = frame(title, 0.85 + sum(sizes), sharey="row", simulated=simulated, **shape)
    for (forest, columns), part in zip(axes, panels, strict=True):
        _forest(forest, columns, part, pairs, look, margin)
        _difference_axis(forest, part, shown_margin=bool(margin))
    legend_below(figure, *_legend(rows, look, margin))
    reading, note, alt = _difference_words(rows, left_out, alpha)
    return chart(
        name,
        figure,
        reading,
        alt,
        note=note,
        simulated=simulated,
        data=(comparisons, list(kinds), margin, alpha),
    )


def _legend(rows: pd.DataFrame, look: dict[str, Look], margin: float) -> tuple[list[Any], list[str]]:
    """What a mark means, for the outcomes that are there."""
    winners = [look[model] for model in look if model in set(rows["winner"])]
    handles: dict[str, Any] = {f"{one.label} better": _mark(one.colour, one.marker) for one in winners}
    if (rows["outcome"] == "open").any():
        handles["open"] = _mark(MUTED, "o", "white")
    if margin:
        handles[f"margin ±{margin:g}"] = Patch(facecolor=BAND, edgecolor=MUTED, lw=0.5)
    return list(handles.values()), list(handles)


def _mark(colour: str, marker: str, face: str = "") -> Line2D:
    style: dict[str, Any] = {"markerfacecolor": face or colour, "markersize": 7, "linewidth": 2.2}
    return Line2D([], [], color=colour, marker=marker, **style)


def _difference_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows in reading order: pair by pair the deciding ones, then the largest differences.

    Of too many the deciding ones are kept, and of those the furthest from zero.
    """
    kept = rows[rows["primary"]] if len(rows) > MOST_ROWS and rows["primary"].any() else rows
    if len(kept) > MOST_ROWS:
        size = (kept["d"] / kept["standard_error"].where(kept["standard_error"] > 0)).abs().fillna(0)
        kept = kept.loc[size.nlargest(MOST_ROWS).index]
    pairs = {pair: i for i, pair in enumerate(dict.fromkeys(_pairs(rows)))}
    metrics = {metric: i for i, metric in enumerate(in_order(rows["metric"]))}
    place = kept.assign(
        pair=[pairs[pair] for pair in _pairs(kept)],
        size=-kept["d"].abs().fillna(-1.0),
        other=~kept["primary"],
        at=kept["metric"].map(metrics),
    )
    order = place.sort_values(["pair", "other", "size", "at"], kind="stable").index
    return kept.loc[order].reset_index(drop=True), len(rows) - len(kept)


def _pairs(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["model_a"], rows["model_b"], strict=True))


def _forest(
    axes: Axes,
    columns: Axes,
    rows: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    look: dict[str, Look],
    margin: float,
) -> None:
    at, ticks, deciding = 0.0, {}, set()
    header: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    header["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}  # above band and zero line
    for a, b in pairs:
        if (of_pair := rows[(rows["model_a"] == a) & (rows["model_b"] == b)]).empty:
            continue
        heading = f"A  {look[a].label}   against   B  {look[b].label}"
        axes.text(0.0, at, heading, fontweight="bold", **header).set_in_layout(False)
        for row in of_pair.itertuples():
            at += 1
            ticks[at] = glyphs(row.metric) + (" (turned)" if described(row.metric).lower_is_better else "")
            deciding |= {at} if row.decides else set()
            if margin:
                axes.barh(at, 2 * margin, left=-margin, height=1, color=BAND, zorder=0)
            _interval(axes, at, row, look)
            _numbers(columns, at, row)
        at += 1.1
    axes.set_yticks(list(ticks), list(ticks.values()))
    for label, place in zip(axes.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if place in deciding else "normal")
    axes.set_ylim(at - 0.4, -0.6)
    _columns(columns, -0.8, ("mean A", "mean B", "n", "p adj."), MUTED)
    columns.set_axis_off()


def _interval(axes: Axes, at: float, row: Any, look: dict[str, Look]) -> None:
    if not np.isfinite(row.d):
        axes.text(0, at, "no case that both have a score for", va="center", fontsize=8, color=MUTED)
        return
    winner = look.get(row.winner)  # an interval may exclude zero where the adjusted p shows nothing
    colour, marker = (winner.colour, winner.marker) if winner else (MUTED, "o")
    if np.isfinite([row.low, row.high]).all():
        bar(axes, row.low, row.high, at, colour)
    face = colour if winner else "white"
    axes.plot(row.d, at, marker, color=colour, markerfacecolor=face, markersize=7, zorder=3)


def _numbers(axes: Axes, at: float, row: Any) -> None:
    means = [number(value) if np.isfinite(value) else "–" for value in (row.mean_a, row.mean_b)]
    _columns(axes, at, (*means, f"{row.n:.0f}", p_text(row.p)), INK)


def _columns(axes: Axes, at: float, texts: Sequence[str], colour: str) -> None:
    for place, text in zip((0.26, 0.54, 0.71, 1.0), texts, strict=True):
        where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right", "va": "center"}
        axes.text(place, at, text, fontsize=8, color=colour, **where)


def _difference_axis(axes: Axes, rows: pd.DataFrame, *, shown_margin: bool) -> None:
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    ends = rows[["d", "low", "high"]].to_numpy(dtype=float)
    ends = np.append(ends[np.isfinite(ends)], axes.get_xlim() if shown_margin else 0.0)
    reach = max(abs(ends).max() * 1.08, 0.01)
    axes.set_xlim(-reach, reach)
    axes.set_xlabel(f"difference in {_unit(rows)}   (◀ B better  ·  A better ▶)")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _unit(rows: pd.DataFrame) -> str:
    """What the axis of these metrics counts."""
    units = {unit(metric) for metric in rows["metric"]}
    return units.pop() if len(units) == 1 and rows["metric"].map(unbounded).all() else "score"


def _difference_words(rows: pd.DataFrame, left_out: int, alpha: float) -> tuple[str, str, str]:
    """What is shown; how it is drawn; the alt text."""
    ahead = rows.loc[rows["winner"] != "", "winner"].value_counts(sort=False).to_dict()
    favour = ": " * bool(ahead) + ", ".join(f"{n} for {m}" for m, n in ahead.items())
    which = "on other metrics" if rows["primary"].all() else "nearer to zero"
    some = f"; {count(left_out, 'comparison')} {which} left out" if left_out else ""
    shown = "shows" if sum(ahead.values()) == 1 or len(rows) == 1 else "show"
    reading = f"{sum(ahead.values())} of {count(len(rows), 'comparison')} {shown} a difference{favour}{some}."
    bold = "; in bold the metrics that decide" if 0 < rows["decides"].sum() < len(rows) else ""
    note = f"Bars are {level(alpha)} intervals, adjusted for nothing{bold}."
    each = [f"{row.metric} {_in_words(row)}" for row in rows.itertuples()]
    return reading, note, f"Differences A minus B with {level(alpha)} intervals: {'; '.join(each)}."


def _in_words(row: Any) -> str:
    if not np.isfinite(row.difference):
        return "not compared"
    ends = interval(row.ci_low, row.ci_high) if np.isfinite(row.ci_low) else "no interval"
    return f"{number(row.difference, sign=True)} ({ends})"
