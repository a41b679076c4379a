"""The cases behind a difference: is it many of them, or a few?"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..domain import ROUNDING
from ..wording import count, number
from .chart import FAINT, INK, MUTED, Chart, chart, frame, nothing, styled
from .marks import Look, case_means, is_simulated, legend_below, looks, models_of, sign_of
from .scores import ours
from .words import axis_label, glyphs, unit


@styled
def plot_case_pairs(scores: pd.DataFrame, metric: str, model_a: str, model_b: str) -> Chart:
    """Per-case differences of two models on one metric, sorted; above zero is better for `model_a`."""
    name, title = f"pairs_{metric}_{model_a}_{model_b}", f"{metric}, case by case"
    simulated = is_simulated(scores, (model_a, model_b))
    rows = ours(scores, metric)
    means = case_means(rows, ("model",)) if len(rows) else pd.DataFrame(columns=["id", "model", "value"])
    wide = means.pivot(index="id", columns="model", values="value").reindex(columns=[model_a, model_b])
    wide = wide.dropna()
    if wide.empty or model_a == model_b:
        sentence = f"No case has a {metric} of two models, {model_a} and {model_b}."
        return nothing(name, title, sentence, simulated=simulated)
    gaps = (wide[model_a] - wide[model_b]).astype(float)
    # Means of the same scores in another order differ by rounding, and that is a tie.
    gaps = gaps.where(gaps.abs() > ROUNDING * wide.abs().to_numpy().max(), 0.0)
    sign = sign_of(metric)
    d = sign * gaps.sort_values(ascending=sign < 0)
    figure, axes = frame(title, 3.3, simulated=simulated)
    look = looks([*models_of(scores), model_a, model_b])
    _case_bars(axes[0, 0], d.to_numpy(), look[model_a], look[model_b])
    axes[0, 0].set_xlabel(f"cases, sorted (n = {len(d)} that both have a score for)")
    axes[0, 0].set_ylabel(f"difference{', turned' if sign < 0 else ''} ({glyphs(unit(metric))})")
    won = [int((d > 0).sum()), int((d < 0).sum()), int((d == 0).sum())]
    names = [f"{look[model_a].label} better: {won[0]}", f"{look[model_b].label} better: {won[1]}"]
    handles = [Patch(color=look[model_a].colour), Patch(color=look[model_b].colour), Patch(color=MUTED)]
    legend_below(figure, handles, [*names, f"tie: {won[2]}"])
    reading = (
        f"On {axis_label(metric)} {model_a} is better than {model_b} on {won[0]} of {count(len(d), 'case')}, "
        f"worse on {won[1]}, with {count(won[2], 'tie')}."
    )
    low, high, mean = (number(value, sign=True) for value in (d.min(), d.max(), d.mean()))
    ends = f"from {low} to {high}, mean {mean}"
    alt = f"Sorted bars of per-case differences in {metric}, {model_a} against {model_b}, {ends}."
    return chart(name, figure, reading, alt, simulated=simulated, data=(wide.reset_index(), metric))


def _case_bars(axes: Axes, d: np.ndarray, a: Look, b: Look) -> None:
    place = np.arange(d.size)
    colours = np.select([d > 0, d < 0], [a.colour, b.colour], MUTED)
    axes.bar(place, d, width=0.85 if d.size < 120 else 1.0, color=colours)
    ties = place[d == 0]
    axes.plot(ties, np.zeros(ties.size), "|", color=MUTED, markersize=5)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(d.mean(), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8}
    axes.text(1.005, d.mean(), f"mean\n{number(d.mean(), sign=True)}", **where)
    if not d.any():  # an empty frame would look like a mistake
        axes.text(0.5, 0.7, "a tie on every case", transform=axes.transAxes, ha="center", color=MUTED)
    reach = max(abs(d).max() * 1.08, 0.01)
    axes.set(xlim=(-0.7, d.size - 0.3), ylim=(-reach, reach), xticks=[])
    axes.grid(axis="y", color=FAINT)
