"""How the test cases came about: what became of each attempt, and the validator's scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from ..wording import count, listed
from .chart import FAINT, INK, Chart, styled
from .sheet import BLUE, ORANGE, SKY, Sheet, say, stacked_bars
from .words import each, labels

FATES = {
    "accepted at once": BLUE,
    "accepted after rewriting": SKY,
    "rejected, then rewritten": "#FBE3C0",
    "rejected for good": ORANGE,
}
SIDES = {"prompt_quality_score": "Prompt", "response_quality_score": "Golden response"}


def fates(accepted: pd.DataFrame, rejected: pd.DataFrame) -> pd.DataFrame:
    """How many attempts per category met each fate: categories as rows, the keys of FATES as columns."""
    tables = [
        table.reindex(columns=["id", "category", "attempt", "parent_id"]) for table in (accepted, rejected)
    ]
    cases = pd.concat(tables, keys=[True, False], names=["kept", "row"]).replace("", np.nan).reset_index()
    again = pd.to_numeric(cases["attempt"]).gt(1) | cases["parent_id"].notna()
    replaced = cases["id"].astype(str).isin(cases["parent_id"].dropna().astype(str))
    fate = np.select([cases["kept"] & ~again, cases["kept"], replaced], list(FATES)[:3], list(FATES)[3])
    table = pd.crosstab(cases["category"].fillna("(no category)").astype(str), fate)
    return table.reindex(columns=list(FATES), fill_value=0)


@styled
def plot_yield(accepted: pd.DataFrame, rejected: pd.DataFrame, *, brought: bool = False) -> Chart:
    """What became of every case, per category; `brought` cases are a person's, and nothing was generated.

    `accepted` and `rejected` are validated_tests and rejected_tests (`id, category`, and where there was
    regeneration `attempt, parent_id`). A bar counts attempts, so that rewriting is seen as the work it is.
    """
    sheet = Sheet("yield", "What became of the cases that were brought" if brought else "Yield of generation")
    if accepted.empty and rejected.empty:
        return sheet.empty("No case was generated or brought.")
    table = fates(accepted, rejected)
    axes = sheet.page(1.5 + 0.34 * len(table)).subplots()
    sheet.legend(stacked_bars(axes, table, labels(table.index, 36), FATES))
    at_once, rewritten, _, lost = totals = table.sum()
    axes.set_xlabel(f"{'cases' if brought else 'attempts'} (n = {totals.sum()})")
    kept, where = count(at_once + rewritten, "case"), count(len(table), "category", "categories")
    reading = (
        f"{kept} of {totals.sum():,} brought in {where} accepted, {lost} rejected."
        if brought
        else f"{kept} accepted from {count(totals.sum(), 'attempt')} in {where}: {at_once} at once and "
        f"{rewritten} after rewriting, {lost} rejected for good."
    )
    told = {c: f"{row.iloc[:2].sum()} of {row.sum()}" for c, row in table.iterrows()}
    alt = f"Stacked bars per category, accepted of all: {each(told)}."
    return sheet.chart(reading, alt, data=(table.reset_index(),))


@styled
def plot_validation(accepted: pd.DataFrame, rejected: pd.DataFrame, *, threshold: float = 4) -> Chart:
    """The validator's two scores (0 to 5) of every case, with the threshold that both must reach.

    Both tables have `prompt_quality_score, response_quality_score`; a case that was rejected before the
    validator saw it has none and is counted, not drawn.
    """
    sheet, tables = Sheet("validation", "Validation scores"), {"accepted": accepted, "rejected": rejected}
    scores = pd.concat(table.reindex(columns=list(SIDES)).assign(case=n) for n, table in tables.items())
    scores[list(SIDES)] = scores[list(SIDES)].apply(pd.to_numeric, errors="coerce")
    if not scores[list(SIDES)].notna().to_numpy().any():
        return sheet.empty("No case has a validator's score.")
    axes = sheet.page(2.9).subplots(1, 2, sharey=True)
    for ax, side in zip(axes, SIDES, strict=True):
        _score_histogram(ax, side, scores, threshold)
    axes[0].set_ylabel("cases")
    colours = zip(tables.items(), (BLUE, ORANGE), strict=True)
    sheet.legend({f"{n} ({len(table)})": Patch(facecolor=colour) for (n, table), colour in colours})
    sides = {name.lower(): scores[side].dropna() for side, name in SIDES.items()}
    below = listed(f"{(v < threshold).sum()} of {len(v)} {name}s" for name, v in sides.items())
    middle = each({name: f"{v.median():.3g}" for name, v in sides.items() if len(v)})
    reading = f"Below the threshold of {threshold:g}: {below}; a case needs both at or above it."
    alt = f"Two histograms of the validator's scores from 0 to 5; medians: {middle}."
    return sheet.chart(reading, alt, data=(scores, threshold))


def _score_histogram(axes: Axes, side: str, scores: pd.DataFrame, threshold: float) -> None:
    import seaborn as sns

    known = scores.dropna(subset=side)
    missing = len(scores) - len(known)
    axes.set_title(f"{SIDES[side]}, n = {len(known)}" + (f", {missing} unscored" if missing else ""))
    if known.empty:
        say(axes, "no score")
    else:
        bins, colours = np.arange(-0.25, 5.5, 0.5).tolist(), {"accepted": BLUE, "rejected": ORANGE}
        how: dict[str, Any] = {"bins": bins, "palette": colours, "alpha": 1, "edgecolor": "white"}
        sns.histplot(known, x=side, hue="case", multiple="stack", legend=False, ax=axes, **how)
        axes.margins(y=0.2)  # room for the threshold's name
        axes.axvline(threshold, color=INK, linewidth=1, linestyle=(0, (4, 3)))
        where: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "right", "va": "top"}
        axes.text(threshold - 0.08, 0.99, f"threshold {threshold:g}", fontsize=8, **where)
        axes.grid(axis="y", color=FAINT)
        axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlabel="validator's score (0 to 5)", xlim=(-0.3, 5.3), ylabel="")
