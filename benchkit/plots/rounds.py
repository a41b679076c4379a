"""How far the rounds of one case agree: what asking again would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..metrics import described, in_order
from ..wording import level, number, percent
from .chart import FAINT, MUTED, Chart, chart, frame, nothing, styled
from .marks import is_simulated, legend_below, looks, models_of, point, t_interval
from .scores import ours
from .words import each, glyphs, range_of


def round_gaps(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean |difference| of two rounds, as `gap` per model, metric and case with two or more scored rounds.

    Sorted, the sum of |x_i - x_j| over all pairs of k rounds is the sum of (2i - k + 1) x_i, i from 0.
    """
    keys = ["model", "metric", "id"]
    known = scores.dropna(subset="value").sort_values("value")
    groups = known.groupby(keys, observed=True)["value"]
    k = groups.transform("size")
    part = (2 * groups.cumcount() - k + 1) * known["value"] / (k * (k - 1) / 2)
    sums = part[k > 1].groupby([known[key] for key in keys], observed=True).sum()
    return sums.clip(lower=0).rename("gap").reset_index()


@styled
def plot_round_agreement(scores: pd.DataFrame, *, alpha: float = 0.05) -> Chart:
    """How far two rounds of the same case differ: mean absolute difference per model and metric, over cases.

    0 means that asking again changes nothing; for a 0/1 metric it is the chance that two rounds disagree.
    """
    title, rows = "Agreement between rounds", ours(scores)
    gaps = round_gaps(rows) if len(rows) else pd.DataFrame()
    if gaps.empty:
        sentence = "No case has two scored rounds, so that agreement between rounds is unknown."
        return nothing("rounds", title, sentence)
    names, metrics = models_of(scores), in_order(gaps["metric"])
    simulated, look, step = is_simulated(scores, names), looks(names, 34), 0.8 / len(names)
    height = 1.4 + len(metrics) * max(0.44, 0.15 * len(names)) + 0.1 * len(names)
    figure, axes = frame(title, height, simulated=simulated)
    ax = axes[0, 0]
    for (model, metric), part in gaps.groupby(["model", "metric"]):
        at = metrics.index(metric) + step * (names.index(model) - (len(names) - 1) / 2)
        low, high = np.clip(t_interval(part["gap"], alpha), 0, described(metric).span or np.inf)
        point({"mean": part["gap"].mean(), "low": low, "high": high}, look[model], ax, at)
        same = f"{(part['gap'] < 1e-9).sum()} of {len(part)} alike"
        where: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 7.5}
        ax.text(1.01, at, same, color=MUTED, **where)
    _agreement_axis(ax, metrics, gaps)
    legend_below(figure, [one.handle(lw=2) for one in look.values()], [one.label for one in look.values()])
    reading, alt = _agreement_words(gaps, names)
    note = f"Bars are {level(alpha)} intervals over cases, kept within the score's range; 0: rounds agree."
    return chart("rounds", figure, reading, alt, note=note, simulated=simulated, data=(gaps, alpha))


def _agreement_axis(axes: Axes, metrics: Sequence[str], gaps: pd.DataFrame) -> None:
    n = gaps.groupby("metric")["id"].nunique()
    axes.set_yticks(range(len(metrics)), [f"{glyphs(m)}\nn = {n[m]} cases" for m in metrics])
    axes.set_ylim(len(metrics) - 0.5, -0.5)
    for edge in np.arange(0.5, len(metrics) - 1):
        axes.axhline(edge, color=FAINT, linewidth=0.8)
    axes.set_xlim(left=-0.02 * max(0.1, axes.get_xlim()[1]))
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel("mean |difference| between two rounds of a case (score units)")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _agreement_words(gaps: pd.DataFrame, names: Sequence[str]) -> tuple[str, str]:
    alike = (gaps["gap"] < 1e-9).groupby(gaps["model"]).mean().reindex(names).dropna()
    shares = each({m: percent(share) for m, share in alike.items()})
    mean = gaps.groupby(["model", "metric"])["gap"].mean().groupby("model").mean().reindex(names).dropna()
    reading = (
        f"All rounds of a case score the same on this share of cases and metrics: {shares}; on average over "
        f"metrics two rounds differ by: {range_of(mean.to_dict())}."
    )
    worst = gaps.groupby(["metric", "model"])["gap"].mean()
    parts = [f"{metric}, {model} {number(worst[metric, model])}" for metric, model in worst.index]
    most = "; ".join(parts) if len(parts) <= 20 else f"{len(parts)} means to {number(worst.max())}"
    return reading, f"Dot plot of the mean difference between two rounds of a case: {most}."
