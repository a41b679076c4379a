"""How the test cases came about: the yield of generation and the validator's scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from .chart import FAINT, INK, MUTED, Chart, chart, frame, nothing, say, styled
from .marks import legend_below
from .words import count, labels, listed

ACCEPTED, REWRITTEN, REPLACED, REJECTED = "#0072B2", "#56B4E9", "#FBE3C0", "#D55E00"
FATES = {
    "accepted at once": ACCEPTED,
    "accepted after rewriting": REWRITTEN,
    "rejected, then rewritten": REPLACED,
    "rejected for good": REJECTED,
}
SIDES = {"prompt_quality_score": "Prompt", "response_quality_score": "Golden response"}


def _column(table: pd.DataFrame, name: str, default: object) -> pd.Series:
    """A column, its gaps filled; a column that the table lacks is all gap."""
    if name not in table:
        return pd.Series(default, index=table.index)
    return table[name].where(table[name].notna() & (table[name].astype(str) != ""), default)


def fates(accepted: pd.DataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    """How many attempts per category met each fate: categories as rows, the keys of FATES as columns."""
    parents = {str(p) for table in (accepted, rejected) for p in _column(table, "parent_id", "")}
    again = pd.to_numeric(_column(accepted, "attempt", 1)).gt(1) | _column(accepted, "parent_id", "").ne("")
    replaced = _column(rejected, "id", "").astype(str).isin(parents - {""})
    fate = [*np.where(again, *list(FATES)[1::-1]), *np.where(replaced, *list(FATES)[2:])]
    category = [c for table in (accepted, rejected) for c in _column(table, "category", "(no category)")]
    table = pd.crosstab(pd.Series(category, dtype=str), pd.Series(fate, dtype=str))
    return table.reindex(columns=list(FATES), fill_value=0)


@styled
def plot_yield(accepted: pd.DataFrame, rejected: pd.DataFrame, *, simulated: bool = False) -> Chart:
    """What became of every generated case, per category.

    `accepted` and `rejected` are validated_tests and rejected_tests (`id, category`, and where there was
    regeneration `attempt, parent_id`). A bar counts attempts, so that rewriting is seen as the work it is.
    """
    title = "Yield of generation"
    if accepted.empty and rejected.empty:
        return nothing(title, "No case was generated or brought.", simulated=simulated)
    table = fates(accepted, rejected).iloc[::-1]
    figure, axes = frame(title, 1.5 + 0.34 * len(table), simulated=simulated)
    stacked_bars(axes[0, 0], table, FATES)
    axes[0, 0].set_xlabel(f"attempts (n = {table.to_numpy().sum()})")
    axes[0, 0].set_yticks(range(len(table)), list(labels(table.index, 36).values()))
    used = [fate for fate in FATES if table[fate].any()]
    legend_below(figure, [Patch(facecolor=FATES[fate], edgecolor=MUTED, lw=0.4) for fate in used], used)
    caption, alt = _yield_words(table)
    return chart(figure, caption, alt, simulated=simulated)


def stacked_bars(
    axes: Axes, table: pd.DataFrame, colours: dict[str, str], hatches: dict[str, str] | None = None
) -> None:
    """One horizontal bar per row of counts, a number in every piece that has room for it."""
    left, whole = np.zeros(len(table)), max(1.0, table.sum(axis=1).max())
    for name, colour in colours.items():
        width = table[name].to_numpy(dtype=float)
        style: dict[str, Any] = {
            "color": colour,
            "edgecolor": MUTED,
            "linewidth": 0.4,
            "hatch": (hatches or {}).get(name),
        }
        axes.barh(range(len(table)), width, left=left, height=0.66, **style)
        for row in np.flatnonzero(width / whole > 0.03):
            ink = "white" if colour in (ACCEPTED, REJECTED) else INK
            where: dict[str, Any] = {"ha": "center", "va": "center", "color": ink, "fontsize": 8}
            axes.text(left[row] + width[row] / 2, float(row), f"{width[row]:.0f}", **where)
        left += width
    axes.set(xlim=(0, whole), ylim=(-0.6, len(table) - 0.4))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(axis="y", length=0)


def _yield_words(table: pd.DataFrame) -> tuple[str, str]:
    totals = table.sum()
    kept = totals.iloc[0] + totals.iloc[1]
    caption = (
        f"{count(kept, 'case')} accepted from {count(totals.sum(), 'attempt')} in "
        f"{count(len(table), 'category', 'categories')}: {totals.iloc[0]} at once and {totals.iloc[1]} after "
        f"rewriting, {totals.iloc[3]} rejected for good."
    )
    each = {c: f"{row.iloc[:2].sum()} of {row.sum()}" for c, row in table.iloc[::-1].iterrows()}
    return caption, f"Stacked bars of attempts per category, accepted of all: {listed(each)}."


@styled
def plot_validation(
    accepted: pd.DataFrame, rejected: pd.DataFrame, *, threshold: float = 4, simulated: bool = False
) -> Chart:
    """The validator's two scores (0 to 5) of every case, with the threshold that both must reach.

    Both tables have `prompt_quality_score, response_quality_score`; a case that was rejected before the
    validator saw it has none and is counted, not drawn.
    """
    title = "Validation scores"
    values = {
        side: [pd.to_numeric(_column(table, side, np.nan), errors="coerce") for table in (accepted, rejected)]
        for side in SIDES
    }
    if not any(part.notna().any() for parts in values.values() for part in parts):
        return nothing(title, "No case has a validator's score.", simulated=simulated)
    figure, axes = frame(title, 2.9, cols=2, sharey=True, simulated=simulated)
    for ax, (side, parts) in zip(axes[0], values.items(), strict=True):
        _score_histogram(ax, SIDES[side], parts, threshold)
    axes[0, 0].set_ylabel("cases")
    handles = [Patch(facecolor=c) for c in (ACCEPTED, REJECTED)]
    legend_below(figure, handles, [f"accepted ({len(accepted)})", f"rejected ({len(rejected)})"])
    caption, alt = _validation_words(values, threshold)
    return chart(figure, caption, alt, simulated=simulated)


def _score_histogram(axes: Axes, name: str, parts: list[pd.Series], threshold: float) -> None:
    known = [part.dropna() for part in parts]
    missing = sum(len(part) for part in parts) - sum(map(len, known))
    axes.set_title(f"{name}, n = {sum(map(len, known))}" + (f", {missing} unscored" if missing else ""))
    axes.set(xlabel="validator's score (0 to 5)", xlim=(-0.3, 5.3))
    if not any(map(len, known)):
        say(axes, "no score")
        return
    edges = np.arange(-0.25, 5.5, 0.5).tolist()
    style: dict[str, Any] = {"edgecolor": "white", "linewidth": 0.6}
    axes.margins(y=0.2)  # room for the threshold's name
    axes.hist(known, bins=edges, stacked=True, color=[ACCEPTED, REJECTED], **style)
    axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
    where: dict[str, Any] = {
        "transform": axes.get_xaxis_transform(),
        "ha": "right",
        "va": "top",
        "fontsize": 8,
    }
    axes.text(threshold - 0.08, 0.99, f"threshold {threshold:g}", **where)
    axes.grid(axis="y", color=FAINT)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))


def _validation_words(values: dict[str, list[pd.Series]], threshold: float) -> tuple[str, str]:
    each = {SIDES[side].lower(): pd.concat(parts) for side, parts in values.items()}
    below = listed({f"{name}s": f"{(v < threshold).sum()} of {v.notna().sum()}" for name, v in each.items()})
    middle = listed({name: f"{v.median():.3g}" for name, v in each.items() if v.notna().any()})
    caption = f"Scores below the threshold of {threshold:g}: {below}; a case needs both at or above it."
    return caption, f"Two histograms of the validator's scores from 0 to 5; medians: {middle}."
