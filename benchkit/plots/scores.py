"""What the answers are worth: means per model and metric, and per category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..domain import ROUNDING
from ..metrics import described, in_order
from ..wording import count, level
from .chart import ALARM, INK, MUTED, Chart, styled
from .sheet import Look, Sheet, aside, looks, named_rows, point, strip
from .tables import case_means, families_of, models_of, ours, over_cases, sign_of
from .words import axis_label, labels, limits, range_of, unit

COLUMNS = 3  # panels beside each other that stay readable at notebook width
LEAST_SPAN = 0.2  # of the heat map's colours: smaller differences must not look like night and day


@styled
def plot_scores(scores: pd.DataFrame, *, alpha: float = 0.05) -> Chart:
    """Mean score per model, one panel per metric, with the 1 − alpha t interval over cases.

    `scores` is the long scores table. A case's rounds are averaged first: n counts cases, and the dots are
    the cases. Unscored responses are counted beside n and left out of the mean.
    """
    names, rows = models_of(scores), ours(scores)
    sheet, look = Sheet("scores", "Scores per model and metric", names, scores), looks(names, 24)
    if rows.empty:
        return sheet.empty("No score to show.")
    means, panels = case_means(rows), _panels(rows)
    page = sheet.page(0.6 + len(panels) * (0.85 + 0.36 * len(names)))
    for name, axes in page.subplot_mosaic(panels, empty_sentinel="").items():
        _panel(axes, name, means[means["metric"] == name], rows[rows["metric"] == name], look, alpha)
        if name not in {line[0] for line in panels}:
            axes.set_yticklabels([])
    reading, alt = _scores_words(rows, means, names)
    note = f"Marks are means over cases with their {level(alpha)} t interval; dots are the cases."
    return sheet.chart(reading, alt, note, data=(means, alpha))


def _panels(rows: pd.DataFrame) -> list[Any]:
    """Metrics in lines of at most COLUMNS, each kind of test case on lines of its own; "" is a gap."""
    kind = rows.groupby("metric")["test_case"].first()[in_order(rows["metric"])]
    by_kind = [list(part.index) for _, part in kind.groupby(kind, sort=False)]
    columns = min(COLUMNS, max(map(len, by_kind)))
    lines = [part[i : i + columns] for part in by_kind for i in range(0, len(part), columns)]
    return [line + [""] * (columns - len(line)) for line in lines]


def _panel(
    axes: Axes, metric: str, means: pd.DataFrame, rows: pd.DataFrame, look: Mapping[str, Look], alpha: float
) -> None:
    """One metric: a dot a case, each model's mean with its interval, and its n."""
    if len(means):
        strip(axes, means, "value", look, size=3, alpha=0.3, jitter=0.22)
    missing = rows["value"].isna().groupby(rows["model"].astype(str)).sum()
    found = over_cases(means, "value", list(look), alpha, limits(metric), families_of(rows))
    for at, row in enumerate(found.itertuples()):
        point(axes, at, look[row.Index], row.mean, row.low, row.high)
        lost = missing.get(row.Index, 0)
        aside(axes, at, f"n {row.n}", color=MUTED, fontsize=7.5, va="bottom" if lost else "center")
        if lost:
            aside(axes, at, f"{lost} unsc.", color=ALARM, fontsize=7.5, va="top")
    named_rows(axes, [one.label for one in look.values()])
    _value_axis(axes, metric, means["value"])


def _value_axis(axes: Axes, metric: str, values: pd.Series) -> None:
    """From the metric's own end to end, or as far as the values go where it has none."""
    ends, seen = limits(metric), (values.min(), values.max()) if len(values) else (0.0, 1.0)
    low, high = np.where(np.isfinite(ends), ends, seen)
    pad = 0.03 * ((high - low) or 1)
    axes.set(xlim=(low - pad, high + pad), xlabel="")
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
    axes.set_title(metric, pad=16)
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
    best = [_best(sign_of(metric) * table.loc[metric].dropna()) for metric in table.index]
    ahead = ", ".join(f"{name} on {best.count(name)}" for name in names if name in best)
    n = f"{sizes.min()}" if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()}"
    lost = f"; {missing:,} of {count(len(rows), 'score')} unscored and left out, not zero" if missing else ""
    reading = (
        f"Of {count(len(table), 'metric')}, the best mean has {ahead or 'nobody, for the means tie'} "
        f"(n = {n} {'case' if n == '1' else 'cases'}{lost})."
    )
    told = [f"{metric}: {range_of(table.loc[metric].dropna().to_dict())}" for metric in in_order(table.index)]
    return reading, f"Dot plots of mean scores, {'; '.join(told)}."


def _best(means: pd.Series) -> str:
    """The model with the highest mean, "" where two share it."""
    first = means[means >= means.max() - ROUNDING]
    return str(first.index[0]) if len(first) == 1 else ""


@styled
def plot_heatmap(scores: pd.DataFrame, metric: str) -> Chart:
    """Mean of one metric per model and category, brighter is better; n counts cases, hatched is unscored."""
    names, rows = models_of(scores), ours(scores, metric)
    sheet = Sheet(f"categories_{metric}", f"{axis_label(metric)} by category", names, scores)
    if rows.empty:
        return sheet.empty(f"No response has been measured by {metric}.")
    rows = rows.assign(category=rows["category"].fillna("(no category)").astype(str))
    means = case_means(rows, ("model", "category"))
    cells = means.groupby(["model", "category"])["value"].agg(["mean", "size"])
    categories = sorted(set(rows["category"]))
    table, size = (
        cells[name].unstack().reindex(index=names, columns=categories) for name in ("mean", "size")
    )
    crowded = len(categories) > 9
    axes = sheet.page(1.5 + 0.42 * len(names) + 0.9 * crowded).subplots()
    _cells(axes, table, size, metric, crowded=crowded)
    reading, alt = _heatmap_words(table, metric)
    return sheet.chart(reading, alt, data=(means,))


def _cells(axes: Axes, table: pd.DataFrame, size: pd.DataFrame, metric: str, *, crowded: bool) -> None:
    import seaborn as sns

    values = table.to_numpy(dtype=float)
    known = values[np.isfinite(values)] if np.isfinite(values).any() else np.array([0.0, 1.0])
    spare = max(0.0, LEAST_SPAN - np.ptp(known)) / 2
    words = np.vectorize(lambda v, n: f"{v:.2f}\nn {n:.0f}")(values, size)
    across = labels(table.columns, 26).values()
    axes.axvspan(0, table.shape[1], facecolor="#F2F2F2", edgecolor="#C8C8C8", hatch="///", zorder=0)
    how: dict[str, Any] = {"fmt": "", "annot_kws": {"fontsize": 8}, "annot": False if crowded else words}
    how |= {"vmin": known.min() - spare, "vmax": known.max() + spare, "linewidths": 2}
    how["cmap"] = colormaps["cividis_r" if described(metric).lower_is_better else "cividis"]
    how["cbar_kws"] = {"label": "mean (brighter is better)", "pad": 0.015, "aspect": 14, "shrink": 0.95}
    how["xticklabels"] = list(across) if crowded else [one.replace("_", "\n") for one in across]
    sns.heatmap(values, ax=axes, yticklabels=list(labels(table.index, 30).values()), **how)
    for row, column in np.argwhere(~np.isfinite(values)) if not crowded else ():
        axes.text(column + 0.5, row + 0.5, "unscored", ha="center", va="center", fontsize=8, color=INK)
    axes.tick_params(which="both", length=0, rotation=0)
    axes.tick_params(axis="x", rotation=90 * crowded)


def _heatmap_words(table: pd.DataFrame, metric: str) -> tuple[str, str]:
    cells, empty = table.stack().dropna(), int(table.isna().sum().sum())
    if cells.empty:
        return f"No case is scored by {metric}, so that no mean can be given.", "Heat map without a value."
    (low_model, low), (high_model, high) = cells.idxmin(), cells.idxmax()
    ends = f"lowest {cells.min():.2f} for {low_model} on {low}, "
    ends += f"highest {cells.max():.2f} for {high_model} on {high}"
    told = ends if cells.min() < cells.max() else f"{cells.min():.2f} everywhere"
    lost = f"; {count(empty, 'cell')} without any scored case" if empty else ""
    reading = f"Mean {metric} ({described(metric).direction}) over the cases of a category: {told}{lost}."
    shape = f"{count(len(table), 'model')} by {count(table.shape[1], 'category', 'categories')}"
    means = range_of(table.mean(axis=1).dropna().to_dict())
    return reading, f"Heat map of {shape}; mean over categories: {means}."
