"""What the answers are worth: means per model and metric, per category, and between rounds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..domain import ROUNDING
from ..metrics import described, in_order
from ..wording import count, level
from .chart import ALARM, INK, MUTED, Chart, chart, frame, nothing, styled
from .marks import (
    Look,
    case_means,
    fixed_jitter,
    is_simulated,
    looks,
    models_of,
    point,
    t_interval,
)
from .words import axis_label, glyphs, labels, limits, range_of, unit

COLUMNS = 3  # panels beside each other that stay readable at notebook width
LEAST_SPAN = 0.2  # of the heat map's colours: smaller differences must not look like night and day


def ours(scores: pd.DataFrame, metric: str = "", category: str = "") -> pd.DataFrame:
    """The models' rows of a scores table, without controls, narrowed by metric and category."""
    if scores.empty:
        return scores
    rows = scores[~scores["model"].astype(str).str.startswith("control: ")]
    rows = rows[rows["metric"] == metric] if metric else rows
    return rows[rows["category"] == category] if category else rows


@styled
def plot_scores(scores: pd.DataFrame, *, metric: str = "", category: str = "", alpha: float = 0.05) -> Chart:
    """Mean score per model, one panel per metric, with the 1 − alpha t interval over cases.

    `scores` is the long scores table, narrowed by `metric` and `category` where they are given. A case's
    rounds are averaged first: n counts cases, and the dots are the cases. Unscored responses are counted
    beside n and left out of the mean.
    """
    title = "Scores per model and metric" + (f", {category}" if category else "")
    rows = ours(scores, metric, category)
    if rows.empty:
        return nothing("scores", title, "No score to show.")
    names, metrics = models_of(scores), in_order(rows["metric"])
    simulated = is_simulated(scores, names)
    panels = _panels(rows, metrics)
    height = 0.6 + len(panels) * (0.85 + 0.36 * len(names))
    figure, axes = frame(title, height, rows=len(panels), cols=len(panels[0]), simulated=simulated)
    look, means = looks(names, 24), case_means(rows)
    for ax, name in zip(axes.flat, chain.from_iterable(panels), strict=True):
        if name:
            _panel(ax, name, means[means["metric"] == name], rows[rows["metric"] == name], look, alpha)
        else:
            ax.set_axis_off()
    for ax in axes[:, 1:].flat:
        ax.set_yticklabels([])
    reading, alt = _scores_words(rows, means, names)
    note = f"Marks are means over cases with their {level(alpha)} t interval; dots are the cases."
    return chart("scores", figure, reading, alt, note=note, simulated=simulated, data=(means, alpha))


def _panels(rows: pd.DataFrame, metrics: Sequence[str]) -> list[list[str]]:
    """Metrics in lines of at most COLUMNS, each kind of test case on lines of its own; "" is a gap."""
    kind = rows.groupby("metric")["test_case"].first()
    by_kind = [[m for m in metrics if kind[m] == k] for k in dict.fromkeys(kind[m] for m in metrics)]
    columns = min(COLUMNS, max(map(len, by_kind)))
    lines = [part[i : i + columns] for part in by_kind for i in range(0, len(part), columns)]
    return [line + [""] * (columns - len(line)) for line in lines]


def _panel(
    axes: Axes, metric: str, means: pd.DataFrame, rows: pd.DataFrame, look: dict[str, Look], alpha: float
) -> None:
    """One metric: a dot a case (strip), and each model's mean with its interval."""
    import seaborn as sns

    colours = {model: one.colour for model, one in look.items()}
    if len(means):
        dots: dict[str, Any] = {"order": list(look), "palette": colours, "legend": False, "size": 3}
        with fixed_jitter():
            sns.stripplot(means, x="value", y="model", hue="model", ax=axes, alpha=0.3, jitter=0.22, **dots)
    missing = rows["value"].isna().groupby(rows["model"].astype(str)).sum()
    within = limits(metric)
    words: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "fontsize": 7.5}
    for at, (model, one) in enumerate(look.items()):
        values = means.loc[means["model"].astype(str) == model, "value"].to_numpy(dtype=float)
        low, high = np.clip(t_interval(values, alpha), *within)
        mean = values.mean() if values.size else np.nan
        point({"mean": mean, "low": low, "high": high}, one, axes, at)
        lost = missing.get(model, 0)
        axes.text(1.02, at, f"n {values.size}", color=MUTED, va="bottom" if lost else "center", **words)
        if lost:
            axes.text(1.02, at, f"{lost} unsc.", color=ALARM, va="top", **words)
    axes.set_yticks(range(len(look)), [one.label for one in look.values()])
    axes.set(ylim=(len(look) - 0.5, -0.5), xlabel="", ylabel="")
    axes.tick_params(axis="y", length=0)
    _value_axis(axes, metric, means["value"])


def _value_axis(axes: Axes, metric: str, values: pd.Series) -> None:
    """From the metric's own end to end, or as far as the values go where it has none."""
    ends = np.array(limits(metric), dtype=float)
    seen = (values.min(), values.max()) if len(values) else (0.0, 1.0)
    low, high = np.where(np.isfinite(ends), ends, seen)
    pad = 0.03 * ((high - low) or 1)
    axes.set_xlim(low - pad, high + pad)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.grid(axis="x")
    axes.set_title(glyphs(metric), pad=16)
    lower = described(metric).lower_is_better
    words = f"{unit(metric)}; {'◀ ' if lower else ''}{described(metric).direction}"
    where: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (0, 4), "textcoords": "offset points"}
    axes.annotate(words, (0, 1), fontsize=8, color=ALARM if lower else MUTED, **where)


def _scores_words(rows: pd.DataFrame, means: pd.DataFrame, names: Sequence[str]) -> tuple[str, str]:
    missing, sizes = int(rows["value"].isna().sum()), means.groupby(["metric", "model"]).size()
    if sizes.empty:
        text = f"All {count(missing, 'score')} are unscored, so that no mean can be given."
        return text, f"Panels without marks. {text}"
    table = means.groupby(["metric", "model"])["value"].mean().unstack()
    best = [_best(table.loc[metric], metric) for metric in table.index]
    ahead = {name: best.count(name) for name in names if best.count(name)}
    few = count(len(table), "metric")
    first = ", ".join(f"{name} on {n}" for name, n in ahead.items()) or "nobody, for the means tie"
    n = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    lost = f"; {missing:,} of {count(len(rows), 'score')} unscored and left out, not zero" if missing else ""
    reading = f"Of {few}, the best mean has {first} (n = {n} {'case' if n == '1' else 'cases'}{lost})."
    told = {metric: range_of(table.loc[metric].dropna().to_dict()) for metric in in_order(table.index)}
    return reading, "Dot plots of mean scores, " + "; ".join(f"{m}: {text}" for m, text in told.items()) + "."


def _best(means: pd.Series, metric: str) -> str:
    """The model with the best mean, "" where two share it."""
    turned = (-means if described(metric).lower_is_better else means).dropna().sort_values(ascending=False)
    tie = len(turned) > 1 and abs(turned.iloc[0] - turned.iloc[1]) <= ROUNDING
    return "" if tie or turned.empty else str(turned.index[0])


@styled
def plot_heatmap(scores: pd.DataFrame, metric: str) -> Chart:
    """Mean of one metric per model and category, brighter is better; n counts cases, hatched is unscored."""
    name, title = f"categories_{metric}", f"{axis_label(metric)} by category"
    rows = ours(scores, metric)
    if rows.empty:
        return nothing(name, title, f"No response has been measured by {metric}.")
    names = models_of(scores)
    simulated = is_simulated(scores, names)
    rows = rows.assign(category=rows["category"].fillna("(no category)").astype(str))
    means = case_means(rows, ("model", "category"))
    cell = means.groupby(["model", "category"])["value"].agg(["mean", "size"])
    categories = sorted(set(rows["category"]))
    table = cell["mean"].unstack().reindex(index=names, columns=categories)
    size = cell["size"].unstack().reindex(index=names, columns=categories).fillna(0).astype(int)
    crowded = len(categories) > 9
    figure, axes = frame(title, 1.5 + 0.42 * len(names) + 0.9 * crowded, simulated=simulated)
    _cells(axes[0, 0], table, size, metric, crowded=crowded)
    reading, alt = _heatmap_words(table, size, metric)
    return chart(name, figure, reading, alt, simulated=simulated, data=(means,))


def _cells(axes: Axes, table: pd.DataFrame, size: pd.DataFrame, metric: str, *, crowded: bool) -> None:
    import seaborn as sns

    values = table.to_numpy(dtype=float)
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.array([0.0, 1.0])
    spare = max(0.0, LEAST_SPAN - np.ptp(known)) / 2
    words = np.vectorize(lambda v, n: f"{v:.2f}\nn {n}" if np.isfinite(v) else "")(values, size.to_numpy())
    axes.set_facecolor("#F2F2F2")
    axes.axvspan(0, table.shape[1], facecolor="#F2F2F2", edgecolor="#C8C8C8", hatch="///", zorder=0)
    sns.heatmap(
        table.to_numpy(dtype=float),
        ax=axes,
        mask=~np.isfinite(values),
        annot=False if crowded else words,
        fmt="",
        annot_kws={"fontsize": 8},
        linewidths=2,
        cmap=colormaps["cividis_r" if described(metric).lower_is_better else "cividis"],
        vmin=known.min() - spare,
        vmax=known.max() + spare,
        cbar_kws={"label": "mean (brighter is better)", "pad": 0.015, "aspect": 14, "shrink": 0.95},
        xticklabels=[
            one.replace("_", "\n") if not crowded else one for one in labels(table.columns, 26).values()
        ],
        yticklabels=[look.label for look in looks(table.index, 30).values()],
    )
    for row, column in np.argwhere(~np.isfinite(values)) if not crowded else ():
        axes.text(column + 0.5, row + 0.5, "unscored", ha="center", va="center", fontsize=8, color=INK)
    axes.tick_params(which="both", length=0, rotation=0)
    if crowded:
        axes.tick_params(axis="x", rotation=90)


def _heatmap_words(table: pd.DataFrame, size: pd.DataFrame, metric: str) -> tuple[str, str]:
    cells = table.stack().dropna()
    empty = int((size == 0).sum().sum())
    if cells.empty:
        return f"No case is scored by {metric}, so that no mean can be given.", "Heat map without a value."
    (low_model, low), (high_model, high) = cells.idxmin(), cells.idxmax()
    ends = f"lowest {cells.min():.2f} for {low_model} on {low}"
    ends += f", highest {cells.max():.2f} for {high_model} on {high}"
    reading = f"Mean {metric} ({described(metric).direction}) over the cases of a category: " + (
        ends if cells.min() < cells.max() else f"{cells.min():.2f} everywhere"
    )
    reading += f"; {count(empty, 'cell')} without any scored case." if empty else "."
    means = table.mean(axis=1).dropna()
    shape = f"{count(len(table), 'model')} by {count(table.shape[1], 'category', 'categories')}"
    return reading, f"Heat map of {shape}; mean over categories: {range_of(means.to_dict())}."
