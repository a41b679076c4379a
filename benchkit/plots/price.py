"""What quality costs in money and in waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..wording import count, level
from .chart import MUTED, Chart, styled
from .sheet import Look, Sheet, looks
from .tables import case_means, models_of, ours, over_cases, sign_of
from .words import axis_label, limits, range_of


def model_summary(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, models: Sequence[str], alpha: float = 0.05
) -> pd.DataFrame:
    """Per model: `mean, low, high, n` over cases, `cost` in US$ per 1,000 answers, `latency` (median, s)."""
    means = case_means(ours(scores, metric), ("model",))
    seen = responses.reindex(columns=["cost_usd", "latency_s"]).apply(pd.to_numeric)
    seen = seen.groupby(responses["model"].astype(str))
    spent = {"cost": seen["cost_usd"].mean() * 1000, "latency": seen["latency_s"].median()}
    return over_cases(means, "value", models, alpha, limits(metric)).assign(**spent)


@styled
def plot_tradeoff(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, *, alpha: float = 0.05
) -> Chart:
    """Quality on one metric against cost per 1,000 responses and against median latency, per model.

    The bar is the 1 − alpha t interval of the quality over cases. A model whose price is unknown is named,
    not put at zero.
    """
    names = list(dict.fromkeys([*models_of(scores), *models_of(responses)]))
    sheet = Sheet(f"tradeoff_{metric}", f"{metric} against cost and latency", names, scores)
    if scores.empty or responses.empty or not (scores["metric"] == metric).any():
        return sheet.empty(f"No response has been measured by {metric}.")
    table, look = model_summary(scores, responses, metric, names, alpha), looks(names, 30)
    (axes,) = sheet.grid(3.3 + 0.09 * len(names), cols=2, sharey=True)
    corner = "◣" if sign_of(metric) < 0 else "◤"
    for ax, column, what in zip(axes, ("cost", "latency"), ("price", "latency"), strict=True):
        unknown = _against(ax, table, column, look)
        who = unknown[0] if len(unknown) == 1 else count(len(unknown), "model")
        note = f"; {what} unknown: {who}" if unknown else ""
        ax.set_title(f"{corner} better{note}", fontsize=8, fontweight="normal", color=MUTED)
    axes[0].set(ylabel=axis_label(metric).replace(" (", "\n("), xlabel="cost (US$ per 1,000 responses)")
    axes[1].set(xlabel="median latency (s)")
    sheet.legend({f"{one.label} (n = {table['n'][m]})": one.handle() for m, one in look.items()})
    words = {
        "mean": f"mean {metric}",
        "cost": "US$ per 1,000 responses",
        "latency": "median latency in seconds",
    }
    told = [f"{text}: {range_of(table[c].dropna().to_dict()) or 'unknown'}" for c, text in words.items()]
    lost = int(table["cost"].isna().sum())
    reading = "; ".join(told) + (f" (price of {count(lost, 'model')} unknown)." if lost else ".")
    alt = f"Two scatter plots, quality against cost and latency; {reading}"
    note = f"Bars are {level(alpha)} t intervals over cases."
    return sheet.chart(reading[0].upper() + reading[1:], alt, note, data=(table.reset_index(), alpha))


def _against(axes: Axes, table: pd.DataFrame, column: str, look: Mapping[str, Look]) -> list[str]:
    """Draw quality against one column; the labels of the models whose value there is unknown."""
    measured = table[table["mean"].notna()]
    known = measured[measured[column].notna()]
    for model, row in known.iterrows():
        one = look[str(model)]
        if np.isfinite(row["low"]):
            bar: dict[str, Any] = {"color": one.colour, "linewidth": 1.8, "solid_capstyle": "butt"}
            axes.plot([row[column]] * 2, [row["low"], row["high"]], **bar)
        axes.plot(row[column], row["mean"], zorder=3, **one.mark)
    axes.set_xlim(0, known[column].max() * 1.12 if known[column].gt(0).any() else 1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid()
    return [look[str(model)].label for model in measured.index.difference(known.index, sort=False)]
