"""What quality costs in money and waiting, and what more cases would find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..wording import count, level
from .chart import MUTED, Chart, chart, frame, nothing, styled
from .marks import (
    Look,
    case_means,
    is_simulated,
    legend_below,
    looks,
    models_of,
    sign_of,
    t_interval,
)
from .scores import ours
from .words import axis_label, limits, range_of


def model_summary(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, models: Sequence[str], alpha: float = 0.05
) -> pd.DataFrame:
    """Per model: `mean, low, high, n` over cases, `cost` in US$ per 1,000 answers, `latency` (median, s)."""
    means = case_means(ours(scores, metric), ("model",))
    values = {m: means.loc[means["model"].astype(str) == m, "value"].to_numpy(dtype=float) for m in models}
    ends = {m: np.clip(t_interval(v, alpha), *limits(metric)) for m, v in values.items()}
    table = pd.DataFrame(
        {m: (v.mean() if v.size else np.nan, *ends[m], v.size) for m, v in values.items()},
        index=["mean", "low", "high", "n"],
    ).T
    model = responses["model"].astype(str)
    for name, column in (("cost", "cost_usd"), ("latency", "latency_s")):
        seen = pd.to_numeric(responses.get(column, pd.Series(np.nan, index=responses.index)))
        table[name] = seen.groupby(model).mean() * 1000 if name == "cost" else seen.groupby(model).median()
    return table.astype(float)


@styled
def plot_tradeoff(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, *, alpha: float = 0.05
) -> Chart:
    """Quality on one metric against cost per 1,000 responses and against median latency, per model.

    The bar is the 1 − alpha t interval of the quality over cases. A model whose price is unknown is named,
    not put at zero.
    """
    name, title = f"tradeoff_{metric}", f"{metric} against cost and latency"
    if scores.empty or responses.empty or not (scores["metric"] == metric).any():
        return nothing(name, title, f"No response has been measured by {metric}.")
    names = list(dict.fromkeys([*models_of(scores), *models_of(responses)]))
    simulated = is_simulated(scores, names)
    table, look = model_summary(scores, responses, metric, names, alpha), looks(names, 30)
    figure, axes = frame(title, 3.3 + 0.09 * len(names), cols=2, sharey=True, simulated=simulated)
    corner = "◣" if sign_of(metric) < 0 else "◤"
    for ax, (column, what) in zip(axes[0], (("cost", "price"), ("latency", "latency")), strict=True):
        unknown = _against(ax, table, column, look)
        who = unknown[0] if len(unknown) == 1 else count(len(unknown), "model")
        note = f"; {what} unknown: {who}" if unknown else ""
        ax.set_title(f"{corner} better{note}", fontsize=8, fontweight="normal", color=MUTED)
    axes[0, 0].set(ylabel=axis_label(metric).replace(" (", "\n("), xlabel="cost (US$ per 1,000 responses)")
    axes[0, 1].set(xlabel="median latency (s)")
    handles = [one.handle() for one in look.values()]
    legend_below(figure, handles, [f"{look[m].label} (n = {table['n'][m]:.0f})" for m in names])
    reading, alt = _tradeoff_words(table, metric)
    note = f"Bars are {level(alpha)} t intervals over cases."
    return chart(
        name, figure, reading, alt, note=note, simulated=simulated, data=(table.reset_index(), alpha)
    )


def _against(axes: Axes, table: pd.DataFrame, column: str, look: dict[str, Look]) -> list[str]:
    """Draw quality against one column; the labels of the models whose value there is unknown."""
    measured = table[table["mean"].notna()]
    known = measured[measured[column].notna()]
    for model, row in known.iterrows():
        one = look[str(model)]
        if np.isfinite(row["low"]):
            ends = [row["low"], row["high"]]
            axes.plot([row[column]] * 2, ends, color=one.colour, linewidth=1.8, solid_capstyle="butt")
        style: dict[str, Any] = {"color": one.colour, "markeredgecolor": "white", "markeredgewidth": 0.6}
        axes.plot(row[column], row["mean"], marker=one.marker, markersize=9, zorder=3, **style)
    axes.set_xlim(0, known[column].max() * 1.12 if known[column].gt(0).any() else 1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid()
    return [look[str(model)].label for model in measured.index.difference(known.index, sort=False)]


def _tradeoff_words(table: pd.DataFrame, metric: str) -> tuple[str, str]:
    parts = {
        f"mean {metric}": table["mean"],
        "US$ per 1,000 responses": table["cost"],
        "median latency in seconds": table["latency"],
    }
    known = {name: values.dropna().to_dict() for name, values in parts.items()}
    words = [f"{name}: {range_of(values) if values else 'unknown'}" for name, values in known.items()]
    unknown = int(table["cost"].isna().sum())
    caption = "; ".join(words) + (f" (price of {count(unknown, 'model')} unknown)." if unknown else ".")
    return caption[0].upper() + caption[1:], f"Two scatter plots, quality against cost and latency; {caption}"
