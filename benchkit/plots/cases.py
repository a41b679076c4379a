"""How the test cases came about: what became of each attempt, and the validator's scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..wording import count, listed
from .chart import FAINT, INK, MUTED, Chart, chart, frame, nothing, say, styled
from .marks import legend_below
from .words import each, labels

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
def plot_yield(accepted: pd.DataFrame, rejected: pd.DataFrame, *, brought: bool = False) -> Chart:
    """What became of every case, per category; `brought` cases are a person's, and nothing was generated.

    `accepted` and `rejected` are validated_tests and rejected_tests (`id, category`, and where there was
    regeneration `attempt, parent_id`). A bar counts attempts, so that rewriting is seen as the work it is.
    """
    title = "What became of the cases that were brought" if brought else "Yield of generation"
    if accepted.empty and rejected.empty:
        return nothing("yield", title, "No case was generated or brought.")
    table = fates(accepted, rejected).iloc[::-1]
    figure, axes = frame(title, 1.5 + 0.34 * len(table))
    stacked_bars(axes[0, 0], table, FATES)
    axes[0, 0].set_xlabel(f"{'cases' if brought else 'attempts'} (n = {table.to_numpy().sum()})")
    axes[0, 0].set_yticks(range(len(table)), list(labels(table.index, 36).values()))
    used = [fate for fate in FATES if table[fate].any()]
    legend_below(figure, [Patch(facecolor=FATES[fate], edgecolor=MUTED, lw=0.4) for fate in used], used)
    reading, alt = _yield_words(table, brought)
    return chart("yield", figure, reading, alt, data=(table.reset_index(),))


def stacked_bars(
    axes: Axes, table: pd.DataFrame, colours: dict[str, str], hatches: dict[str, str] | None = None
) -> None:
    """One horizontal bar per row of counts, a number in every piece that has room for it."""
    left, whole = np.zeros(len(table)), max(1.0, table.sum(axis=1).max())
    for name, colour in colours.items():
        width = table[name].to_numpy(dtype=float)
        style: dict[str, Any] = {"color": colour, "edgecolor": MUTED, "hatch": (hatches or {}).get(name)}
        axes.barh(range(len(table)), width, left=left, height=0.66, linewidth=0.4, **style)
        for row in np.flatnonzero(width / whole > 0.03):
            ink = "white" if colour in (ACCEPTED, REJECTED) else INK
            where: dict[str, Any] = {"ha": "center", "va": "center", "color": ink, "fontsize": 8}
            axes.text(left[row] + width[row] / 2, float(row), f"{width[row]:.0f}", **where)
        left += width
    axes.set(xlim=(0, whole), ylim=(-0.6, len(table) - 0.4))
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.tick_params(axis="y", length=0)


def _yield_words(table: pd.DataFrame, brought: bool) -> tuple[str, str]:
    totals, where = table.sum(), count(len(table), "category", "categories")
    kept = count(totals.iloc[0] + totals.iloc[1], "case")
    if brought:
        reading = f"{kept} of {totals.sum():,} brought in {where} accepted, {totals.iloc[3]} rejected."
    else:
        reading = (
            f"{kept} accepted from {count(totals.sum(), 'attempt')} in {where}: {totals.iloc[0]} at once and "
            f"{totals.iloc[1]} after rewriting, {totals.iloc[3]} rejected for good."
        )
    told = {c: f"{row.iloc[:2].sum()} of {row.sum()}" for c, row in table.iloc[::-1].iterrows()}
    return reading, f"Stacked bars per category, accepted of all: {each(told)}."


@styled
def plot_validation(accepted: pd.DataFrame, rejected: pd.DataFrame, *, threshold: float = 4) -> Chart:
    """The validator's two scores (0 to 5) of every case, with the threshold that both must reach.

    Both tables have `prompt_quality_score, response_quality_score`; a case that was rejected before the
    validator saw it has none and is counted, not drawn.
    """
    title, kinds = "Validation scores", {"accepted": accepted, "rejected": rejected}
    scores = pd.concat(
        pd.DataFrame({s: pd.to_numeric(_column(t, s, np.nan), errors="coerce") for s in SIDES}).assign(
            case=kind
        )
        for kind, t in kinds.items()
    )
    if not scores[list(SIDES)].notna().to_numpy().any():
        return nothing("validation", title, "No case has a validator's score.")
    figure, axes = frame(title, 2.9, cols=2, sharey=True)
    for ax, side in zip(axes[0], SIDES, strict=True):
        _score_histogram(ax, side, scores, threshold)
    axes[0, 0].set_ylabel("cases")
    handles = [Patch(facecolor=c) for c in (ACCEPTED, REJECTED)]
    legend_below(figure, handles, [f"accepted ({len(accepted)})", f"rejected ({len(rejected)})"])
    reading, alt = _validation_words(scores, threshold)
    return chart("validation", figure, reading, alt, data=(scores, threshold))


def _score_histogram(axes: Axes, side: str, scores: pd.DataFrame, threshold: float) -> None:
    import seaborn as sns

    known = scores.dropna(subset=side)
    missing = len(scores) - len(known)
    axes.set_title(f"{SIDES[side]}, n = {len(known)}" + (f", {missing} unscored" if missing else ""))
    if known.empty:
        say(axes, "no score")
    else:
        edges = np.arange(-0.25, 5.5, 0.5).tolist()
        colours = {"accepted": ACCEPTED, "rejected": REJECTED}
        how: dict[str, Any] = {"bins": edges, "palette": colours, "alpha": 1, "edgecolor": "white"}
        sns.histplot(known, x=side, hue="case", multiple="stack", legend=False, ax=axes, **how)
        axes.margins(y=0.2)  # room for the threshold's name
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        where: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "right", "va": "top"}
        axes.text(threshold - 0.08, 0.99, f"threshold {threshold:g}", fontsize=8, **where)
        axes.grid(axis="y", color=FAINT)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlabel="validator's score (0 to 5)", xlim=(-0.3, 5.3), ylabel="")


def _validation_words(scores: pd.DataFrame, threshold: float) -> tuple[str, str]:
    sides = {name.lower(): scores[side] for side, name in SIDES.items()}
    below = listed(f"{(v < threshold).sum()} of {v.notna().sum()} {name}s" for name, v in sides.items())
    middle = each({name: f"{v.median():.3g}" for name, v in sides.items() if v.notna().any()})
    reading = f"Below the threshold of {threshold:g}: {below}; a case needs both at or above it."
    return reading, f"Two histograms of the validator's scores from 0 to 5; medians: {middle}."
