"""How far the rounds of one case agree: what asking again would change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .chart import FAINT, MUTED, Chart, chart, frame, nothing, styled
from .marks import Look, Mean, all_models, draw_mean, is_simulated, legend_below, looks
from .words import UNBOUNDED, count, glyphs, in_order, listed, percent, range_of


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
def plot_round_agreement(
    scores: pd.DataFrame, *, models: Sequence[str] | None = None, simulated: bool = False
) -> Chart:
    """How far two rounds of the same case differ: mean absolute difference per model and metric, over cases.

    0 means that asking again changes nothing; for a 0/1 metric it is the chance that two rounds disagree.
    The column counts the cases whose rounds all scored the same.
    """
    title = "Agreement between rounds"
    gaps = round_gaps(scores) if len(scores) else pd.DataFrame()
    if gaps.empty:
        sentence = "No case has two scored rounds, so that agreement between rounds is unknown."
        return nothing(title, sentence, simulated=simulated)
    names, metrics = all_models(scores, models), in_order(gaps["metric"])
    simulated = simulated or is_simulated(names)
    look, step = looks(names, 34), 0.8 / len(names)
    height = 1.4 + len(metrics) * max(0.44, 0.15 * len(names)) + 0.1 * len(names)
    figure, axes = frame(title, height, simulated=simulated)
    for (model, metric), part in gaps.assign(model=gaps["model"].astype(str)).groupby(["model", "metric"]):
        at = metrics.index(metric) + step * (names.index(model) - (len(names) - 1) / 2)
        _draw_gap(axes[0, 0], at, Mean.of(part["gap"]), look[model], bounded=metric not in UNBOUNDED)
        where: dict[str, Any] = {
            "transform": axes[0, 0].get_yaxis_transform(),
            "va": "center",
            "fontsize": 7.5,
        }
        same = f"{(part['gap'] < 1e-9).sum()} of {len(part)} alike"
        axes[0, 0].text(1.01, at, same, color=MUTED, **where)
    _agreement_axis(axes[0, 0], metrics, gaps)
    handles = [
        Line2D(
            [], [], color=look[m].colour, marker=look[m].marker, markeredgecolor="white", markersize=8, lw=2
        )
        for m in names
    ]
    legend_below(figure, handles, [look[m].label for m in names])
    caption, alt = _agreement_words(gaps, [name for name in names if name in set(gaps["model"].astype(str))])
    return chart(figure, caption, alt, simulated=simulated)


def within_range(mean: Mean, *, bounded: bool) -> tuple[float, float]:
    """The ends of a 95 % interval that stays above 0, and below 1 where it is `bounded`.

    The t interval of the log-odds of the mean, or of its logarithm where nothing bounds it. At a bound
    itself, and under two cases, there is none: NaN.
    """
    m = mean.mean
    if np.isnan(mean.half) or not mean.half or m <= 0 or (bounded and m >= 1):
        return float("nan"), float("nan")
    if not bounded:
        return m * np.exp(-mean.half / m), m * np.exp(mean.half / m)
    odds, half = np.log(m / (1 - m)), mean.half / (m * (1 - m))
    low, high = (float(1 / (1 + np.exp(-(odds + end)))) for end in (-half, half))
    return low, high


def _draw_gap(axes: Axes, at: float, mean: Mean, look: Look, *, bounded: bool) -> None:
    low, high = within_range(mean, bounded=bounded)
    if not np.isnan(low):
        axes.plot([low, high], [at, at], color=look.colour, linewidth=2.2, solid_capstyle="butt")
    draw_mean(axes, at, Mean(mean.mean, float("nan"), mean.n), look)


def _agreement_axis(axes: Axes, metrics: Sequence[str], gaps: pd.DataFrame) -> None:
    n = gaps.groupby("metric")["id"].nunique()
    axes.set_yticks(range(len(metrics)), [f"{glyphs(m)}\nn = {n[m]} cases" for m in metrics])
    axes.set_ylim(len(metrics) - 0.5, -0.5)
    for edge in np.arange(0.5, len(metrics) - 1):
        axes.axhline(edge, color=FAINT, linewidth=0.8)
    axes.set_xlim(left=-0.02 * max(0.1, axes.get_xlim()[1]))
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel("mean |difference| between two rounds of a case (score units; 0: rounds agree)")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def _agreement_words(gaps: pd.DataFrame, names: Sequence[str]) -> tuple[str, str]:
    gaps = gaps.assign(model=gaps["model"].astype(str))
    mean = gaps.groupby(["model", "metric"])["gap"].mean().groupby("model").mean().reindex(names)
    alike = (gaps["gap"] < 1e-9).groupby(gaps["model"]).mean().reindex(names)
    shares = listed({m: percent(share) for m, share in alike.items()})
    sizes = gaps.groupby(["model", "metric"])["id"].nunique()
    n = count(sizes.max(), "case") if sizes.min() == sizes.max() else f"{sizes.min()} to {sizes.max()} cases"
    caption = (
        f"Two rounds of a case differ, on average over metrics, by: {range_of(mean.to_dict())}; all rounds "
        f"score the same on this share of cases and metrics: {shares} (bars: 95 % intervals over {n}, kept "
        "within the score's range)."
    )
    worst = gaps.groupby(["metric", "model"])["gap"].mean()
    each = [f"{metric}, {model} {worst[metric, model]:z.3f}" for metric, model in worst.index]
    most = (
        "; ".join(each)
        if len(each) <= 20
        else f"{len(each)} means from {worst.min():z.3f} to {worst.max():z.3f}"
    )
    return caption, f"Dot plot of the mean difference between two rounds of a case: {most}."
