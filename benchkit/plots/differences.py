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
from .marks import Look, is_simulated, legend_below, looks, sign_of
from .words import glyphs, unit

MOST_ROWS = 40  # more rows than this are a table, not a figure
BAND = "#E4EDF3"
NUMBERS = (
    *("n", "mean_a", "mean_b", "difference", "standard_error", "ci_low", "ci_high"),
    *("p_value", "p_adjusted"),
)


def turned(comparisons: pd.DataFrame) -> pd.DataFrame:
    """The comparisons with `d, low, high` turned so that positive is better for `model_a` on every metric."""
    found = [name for name in NUMBERS if name in comparisons]
    comparisons = comparisons.astype(dict.fromkeys(found, float))  # from JSON, what is unknown is None
    sign = comparisons["metric"].map(sign_of).to_numpy()
    ends = comparisons[["ci_low", "ci_high"]].to_numpy(dtype=float) * sign[:, None]
    return comparisons.assign(d=comparisons["difference"] * sign, low=ends.min(axis=1), high=ends.max(axis=1))


def unbounded(metric: str) -> bool:
    """Whether differences of a metric are on another scale than those of a score."""
    return described(metric).span is None


@styled
def plot_differences(
    comparisons: pd.DataFrame, *, margin: float | Mapping[str, float] | None = None, alpha: float = 0.05
) -> Chart:
    """Differences between models with their intervals; right is better for the first-named model.

    `comparisons` has the fields of `Comparison`, its intervals at 1 − alpha. `margin` is the equivalence
    margin in score units, one for all metrics or one per metric. Where lower is better the metric is turned
    round, so that a side means the same on every row; the columns keep the means. A metric without an upper
    end stands on an axis of its own.
    """
    name, title = "differences", "Differences between models"
    if comparisons.empty:
        return nothing(name, title, "No two models were compared.")
    rows, left_out = _difference_rows(turned(comparisons))
    pairs = list(dict.fromkeys(zip(rows["model_a"], rows["model_b"], strict=True)))
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
        name, figure, reading, alt, note=note, simulated=simulated, data=(comparisons, margin, alpha)
    )


def _legend(
    rows: pd.DataFrame, look: dict[str, Look], margin: float | Mapping[str, float] | None
) -> tuple[list[Any], list[str]]:
    """What a mark means, for the outcomes that are there; without outcomes for the margin alone."""
    outcomes = set(rows["outcome"]) if "outcome" in rows else set()
    handles: dict[str, Any] = {}
    won = dict(zip(("better_a", "better_b"), ("model_a", "model_b"), strict=True))
    winners = (
        {row[won[row["outcome"]]] for _, row in rows.iterrows() if row["outcome"] in won}
        if outcomes
        else set()
    )
    for model in (one for one in look if one in winners):
        handles[f"{look[model].label} better"] = _mark(look[model].colour, look[model].marker)
    if "open" in outcomes:
        handles["open"] = _mark(MUTED, "o", "white")
    if margin:
        handles[_margin_words(margin)] = Patch(facecolor=BAND, edgecolor=MUTED, lw=0.5)
    return list(handles.values()), list(handles)


def _mark(colour: str, marker: str, face: str = "") -> Line2D:
    style: dict[str, Any] = {"markerfacecolor": face or colour, "markersize": 7, "linewidth": 2.2}
    return Line2D([], [], color=colour, marker=marker, **style)


def _difference_rows(rows: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """The rows in reading order: pair by pair the deciding ones, then the largest differences.

    Of too many the deciding ones are kept, and of those the furthest from zero.
    """
    deciding = rows["primary"].astype(bool) if "primary" in rows else pd.Series(True, index=rows.index)
    kept = rows[deciding] if len(rows) > MOST_ROWS and deciding.any() else rows
    size = (kept["d"] / kept["standard_error"].where(kept["standard_error"] > 0)).abs().fillna(0)
    kept = kept.loc[size.nlargest(MOST_ROWS).index] if len(kept) > MOST_ROWS else kept
    metric_at = {metric: i for i, metric in enumerate(in_order(rows["metric"]))}
    pair_at = {p: i for i, p in enumerate(dict.fromkeys(zip(rows["model_a"], rows["model_b"], strict=True)))}
    first = kept["primary"].astype(bool) if "primary" in kept else pd.Series(False, index=kept.index)
    place = [
        (pair_at[a, b], not decides, -abs(d) if np.isfinite(d) else 1.0, metric_at[m])
        for a, b, m, decides, d in zip(
            kept["model_a"], kept["model_b"], kept["metric"], first, kept["d"], strict=True
        )
    ]
    order = sorted(range(len(kept)), key=place.__getitem__)
    return kept.iloc[order].reset_index(drop=True), len(rows) - len(kept)


def _forest(
    axes: Axes,
    columns: Axes,
    rows: pd.DataFrame,
    pairs: Sequence[tuple[str, str]],
    look: dict[str, Look],
    margin: float | Mapping[str, float] | None,
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
            deciding |= {at} if getattr(row, "primary", False) else set()
            wide = margin.get(row.metric) if isinstance(margin, Mapping) else margin
            if wide:
                axes.barh(at, 2 * wide, left=-wide, height=1, color=BAND, zorder=0)
            _interval(axes, at, row, look)
            _numbers(columns, at, row)
        at += 1.1
    axes.set_yticks(list(ticks), list(ticks.values()))
    for label, place in zip(axes.get_yticklabels(), ticks, strict=True):
        label.set_fontweight("bold" if place in deciding else "normal")
    axes.set_ylim(at - 0.4, -0.6)
    _columns(columns, -0.8, ("mean A", "mean B", "n", "p adj." if "p_adjusted" in rows else "p"), MUTED)
    columns.set_axis_off()


def _interval(axes: Axes, at: float, row: Any, look: dict[str, Look]) -> None:
    if not np.isfinite(row.d):
        axes.text(0, at, "no case that both have a score for", va="center", fontsize=8, color=MUTED)
        return
    # An interval may exclude zero where the adjusted p shows nothing: the outcome has the last word.
    shown = getattr(row, "outcome", "better_a" if row.low > 0 else "better_b" if row.high < 0 else "")
    winner = {"better_a": look[row.model_a], "better_b": look[row.model_b]}.get(shown)
    colour, marker = (winner.colour, winner.marker) if winner else (MUTED, "o")
    if np.isfinite([row.low, row.high]).all():
        axes.plot([row.low, row.high], [at, at], color=colour, linewidth=2.2, solid_capstyle="butt")
    face = colour if winner else "white"
    axes.plot(row.d, at, marker, color=colour, markerfacecolor=face, markersize=7, zorder=3)


def _numbers(axes: Axes, at: float, row: Any) -> None:
    means = [number(value) if np.isfinite(value) else "–" for value in (row.mean_a, row.mean_b)]
    _columns(axes, at, (*means, f"{row.n:.0f}", p_text(getattr(row, "p_adjusted", row.p_value))), INK)


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


def _margin_words(margin: float | Mapping[str, float]) -> str:
    sizes = sorted(set(margin.values())) if isinstance(margin, Mapping) else [margin]
    return "equivalence margin " + ", ".join(f"±{m:g}" for m in sizes)


def _difference_words(rows: pd.DataFrame, left_out: int, alpha: float) -> tuple[str, str, str]:
    """What is shown, by the outcomes where there are any, else by the intervals; how it is drawn; the alt."""
    if "outcome" in rows:
        won = [row[side] for side in ("a", "b") for _, row in _won(rows, side).iterrows()]
        what = f"of {count(len(rows), 'comparison')} show a difference"
    else:
        side = np.select([rows["low"] > 0, rows["high"] < 0], [rows["model_a"], rows["model_b"]], "")
        won = [str(model) for model in side if model]
        what = f"of {count(len(rows), 'interval')} exclude zero"
    ahead = {model: won.count(model) for model in dict.fromkeys(won)}
    favour = ": " * bool(ahead) + ", ".join(f"{n} for {m}" for m, n in ahead.items())
    which = "on other metrics" if "primary" in rows and rows["primary"].all() else "nearer to zero"
    some = f"; {count(left_out, 'comparison')} {which} left out" if left_out else ""
    note = f"Bars are {level(alpha)} intervals, adjusted for nothing{_bold(rows)}."
    each = [f"{row.metric} {_in_words(row)}" for row in rows.itertuples()]
    alt = f"Differences A minus B with {level(alpha)} intervals: " + "; ".join(each) + "."
    return f"{len(won)} {what}{favour}{some}.", note, alt


def _won(rows: pd.DataFrame, side: str) -> pd.DataFrame:
    return rows[rows["outcome"] == f"better_{side}"].rename(columns={f"model_{side}": side})


def _bold(rows: pd.DataFrame) -> str:
    deciding = rows["primary"].astype(bool) if "primary" in rows else pd.Series(False, index=rows.index)
    return "; in bold the metrics that decide" if deciding.any() and not deciding.all() else ""


def _in_words(row: Any) -> str:
    if not np.isfinite(row.difference):
        return "not compared"
    ends = interval(row.ci_low, row.ci_high) if np.isfinite(row.ci_low) else "no interval"
    return f"{number(row.difference, sign=True)} ({ends})"
