"""What the answers are worth: means per model and metric, and per category."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.ticker import MaxNLocator

from .chart import ALARM, INK, MUTED, Chart, chart, frame, nothing, styled
from .marks import Look, Mean, all_models, case_means, draw_mean, is_simulated, looks
from .words import (
    LOWER_IS_BETTER,
    UNITS,
    axis_label,
    better,
    count,
    glyphs,
    in_order,
    labels,
    limits,
    range_of,
)

LEAST_SPAN = 0.2  # of the heat map's colours: smaller differences must not look like night and day
COLUMNS = 3  # panels beside each other that stay readable at notebook width


def _of_metric(scores: pd.DataFrame, metric: str, category: str = "") -> pd.DataFrame:
    rows = scores[scores["metric"] == metric] if metric else scores
    return rows[rows["category"] == category] if category else rows


@styled
def plot_scores(
    scores: pd.DataFrame,
    *,
    metric: str = "",
    category: str = "",
    models: Sequence[str] | None = None,
    simulated: bool = False,
) -> Chart:
    """Mean score per model, one panel per metric, with the 95 % t interval over cases.

    `scores` is the long scores table, narrowed by `metric` and `category` where they are given. A case's
    rounds are averaged first: n counts cases, and the dots are the cases. Unscored responses are counted
    beside n and left out of the mean.
    """
    title = "Scores per model and metric" + (f", {glyphs(category)}" if category else "")
    rows = scores if scores.empty else _of_metric(scores, metric, category)
    if rows.empty:
        return nothing(title, "No score to show.", simulated=simulated)
    names, metrics = all_models(scores, models), in_order(rows["metric"])
    simulated = simulated or is_simulated(names)
    panels = _panels(rows, metrics)
    height = 0.6 + len(panels) * (0.85 + 0.36 * len(names))
    figure, axes = frame(title, height, rows=len(panels), cols=len(panels[0]), simulated=simulated)
    look, means = looks(names, 24), case_means(rows)
    for ax, name in zip(axes.flat, chain.from_iterable(panels), strict=True):
        if name:
            _score_panel(ax, means[means["metric"] == name], rows[rows["metric"] == name], look, limits(name))
            _metric_title(ax, name)
        else:
            ax.set_axis_off()
    for ax in axes[:, 1:].flat:
        ax.set_yticklabels([])
    caption, alt = _scores_words(rows, means)
    return chart(figure, caption, alt, simulated=simulated)


def _panels(rows: pd.DataFrame, metrics: Sequence[str]) -> list[list[str]]:
    """Metrics in lines of at most COLUMNS, each kind of test case on lines of its own; "" is a gap."""
    kind = rows.groupby("metric")["test_case"].first()
    by_kind = [[m for m in metrics if kind[m] == k] for k in dict.fromkeys(kind[m] for m in metrics)]
    columns = min(COLUMNS, max(map(len, by_kind)))
    lines = [part[i : i + columns] for part in by_kind for i in range(0, len(part), columns)]
    return [line + [""] * (columns - len(line)) for line in lines]


def _metric_title(axes: Axes, metric: str) -> None:
    axes.set_title(glyphs(metric), pad=16)
    lower = metric in LOWER_IS_BETTER
    note = f"{UNITS.get(metric, '0 to 1')}; {'◀ ' if lower else ''}{better(metric)}"
    where: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 4), "textcoords": "offset points"}
    axes.annotate(note, (0, 1), fontsize=8, color=ALARM if lower else MUTED, **where)


def _score_panel(
    axes: Axes,
    means: pd.DataFrame,
    rows: pd.DataFrame,
    look: dict[str, Look],
    within: tuple[float, float],
) -> None:
    unscored = rows["value"].isna().groupby(rows["model"].astype(str)).sum()
    note: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": 7.5}
    for row, (model, one) in enumerate(look.items()):
        values = means.loc[means["model"].astype(str) == model, "value"].to_numpy(dtype=float)
        jitter = np.random.default_rng(0).uniform(-0.24, 0.24, values.size)
        axes.scatter(values, row + jitter, s=7, color=one.colour, alpha=0.28, linewidth=0)
        draw_mean(axes, row, Mean.of(values), one, within)
        missing = unscored.get(model, 0)
        axes.text(1.02, row, f"n {values.size}", color=MUTED, va="bottom" if missing else "center", **note)
        if missing:
            axes.text(1.02, row, f"{missing} unsc.", color=ALARM, va="top", **note)
    axes.set_yticks(range(len(look)), [one.label for one in look.values()])
    axes.set_ylim(len(look) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    _value_axis(axes, means["value"])


def _value_axis(axes: Axes, values: pd.Series) -> None:
    low, high = (min(0.0, values.min()), max(1.0, values.max())) if len(values) else (0.0, 1.0)
    pad = 0.03 * (high - low)
    axes.set_xlim(low - pad, high + pad)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x")


def _scores_words(rows: pd.DataFrame, means: pd.DataFrame) -> tuple[str, str]:
    missing, sizes = int(rows["value"].isna().sum()), means.groupby(["metric", "model"]).size()
    if sizes.empty:
        text = f"All {count(missing, 'score')} are unscored, so that no mean can be given."
        return text, f"Panels without marks. {text}"
    n = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    left_out = f"{missing:,} of {count(len(rows), 'score')} {'is' if missing == 1 else 'are'} unscored"
    caption = (
        f"Mean over cases with its 95 % t interval, n = {n} {'case' if n == '1' else 'cases'} "
        f"per model and metric; "
        f"{left_out} and left out, not counted as zero."
    )
    table = means.groupby(["metric", "model"])["value"].mean()
    each = {metric: range_of(table[metric].to_dict()) for metric in in_order(table.index.levels[0])}
    return caption, "Dot plots of mean scores, " + "; ".join(f"{m}: {text}" for m, text in each.items()) + "."


@styled
def plot_heatmap(
    scores: pd.DataFrame, metric: str, *, models: Sequence[str] | None = None, simulated: bool = False
) -> Chart:
    """Mean of one metric per model and category, brighter is better; n counts cases, hatched is unscored."""
    title = f"{axis_label(metric)} by category"
    rows = scores if scores.empty else _of_metric(scores, metric)
    if rows.empty:
        return nothing(title, f"No response has been measured by {metric}.", simulated=simulated)
    names = all_models(scores, models)
    simulated = simulated or is_simulated(names)
    rows = rows.assign(category=rows["category"].fillna("(no category)").astype(str))
    means = case_means(rows, ("model", "category"))
    cell = means.groupby(["model", "category"])["value"].agg(["mean", "size"])
    categories = sorted(set(rows["category"]))
    table = cell["mean"].unstack().reindex(index=names, columns=categories)
    size = cell["size"].unstack().reindex(index=names, columns=categories).fillna(0).astype(int)
    crowded = len(categories) > 9
    figure, axes = frame(title, 1.5 + 0.42 * len(names) + 0.6 * crowded, simulated=simulated)
    _cells(axes[0, 0], table, size, metric, annotate=not crowded)
    _cell_labels(axes[0, 0], names, categories, crowded)
    caption, alt = _heatmap_words(table, size, metric)
    return chart(figure, caption, alt, simulated=simulated)


def _cells(axes: Axes, table: pd.DataFrame, size: pd.DataFrame, metric: str, *, annotate: bool) -> None:
    values = table.to_numpy(dtype=float)
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.array([0.0, 1.0])
    spare = max(0.0, LEAST_SPAN - np.ptp(known)) / 2
    colours = colormaps["cividis_r" if metric in LOWER_IS_BETTER else "cividis"]
    axes.set_facecolor("#F2F2F2")
    axes.axvspan(-0.5, table.shape[1] - 0.5, facecolor="#F2F2F2", edgecolor="#C8C8C8", hatch="///", zorder=0)
    norm = Normalize(known.min() - spare, known.max() + spare)
    image = axes.imshow(np.ma.masked_invalid(values), cmap=colours, norm=norm, aspect="auto", zorder=1)
    axes.figure.colorbar(image, ax=axes, label="mean (brighter is better)", pad=0.015, aspect=14, shrink=0.95)
    axes.set_xticks(np.arange(0.5, table.shape[1] - 1), minor=True)
    axes.set_yticks(np.arange(0.5, table.shape[0] - 1), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    for (row, column), value in np.ndenumerate(values):
        if annotate:
            dark = np.isfinite(value) and sum(colours(norm(value))[:3]) < 1.45
            text = f"{value:.2f}\nn {size.iat[row, column]}" if np.isfinite(value) else "unscored"
            where: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 8, "linespacing": 1.15}
            axes.text(column, row, text, color="white" if dark else INK, **where)


def _cell_labels(axes: Axes, names: Sequence[str], categories: Sequence[str], crowded: bool) -> None:
    axes.set_yticks(range(len(names)), [look.label for look in looks(names, 30).values()])
    short = labels(categories, 22).values()
    if crowded:
        axes.set_xticks(range(len(categories)), list(short), rotation=60, ha="right", rotation_mode="anchor")
    else:
        axes.set_xticks(range(len(categories)), [name.replace("_", "\n") for name in short])
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _heatmap_words(table: pd.DataFrame, size: pd.DataFrame, metric: str) -> tuple[str, str]:
    cells = table.stack().dropna()
    empty = int((size == 0).sum().sum())
    if cells.empty:
        return f"No case is scored by {metric}, so that no mean can be given.", "Heat map without a value."
    (low_model, low), (high_model, high) = cells.idxmin(), cells.idxmax()
    ends = {"lowest": (cells.min(), low_model, low), "highest": (cells.max(), high_model, high)}
    words = ", ".join(
        f"{end} {value:.2f} for {model} on {place}" for end, (value, model, place) in ends.items()
    )
    caption = (
        f"Mean {metric} ({better(metric)}) over the cases of a category: "
        + (words if cells.min() < cells.max() else f"{cells.min():.2f} everywhere")
        + (f"; {count(empty, 'cell')} without any scored case." if empty else ".")
    )
    means = table.mean(axis=1).dropna()
    shape = f"{count(len(table), 'model')} by {count(table.shape[1], 'category', 'categories')}"
    return caption, f"Heat map of {shape}; mean over categories: {range_of(means.to_dict())}."
