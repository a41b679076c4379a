"""The cases behind a difference: is it many of them, or a few?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..domain import ROUNDING
from .chart import FAINT, INK, MUTED, Chart, chart, frame, nothing, styled
from .marks import Look, all_models, case_means, is_simulated, legend_below, looks
from .words import LOWER_IS_BETTER, UNITS, axis_label, count, glyphs


@styled
def plot_case_pairs(
    scores: pd.DataFrame,
    metric: str,
    model_a: str,
    model_b: str,
    *,
    models: Sequence[str] | None = None,
    simulated: bool = False,
) -> Chart:
    """Per-case differences of two models on one metric, sorted; above zero is better for `model_a`."""
    title = f"{glyphs(metric)}, case by case"
    simulated = simulated or is_simulated((model_a, model_b))
    rows = scores if scores.empty else scores[scores["metric"] == metric]
    means = case_means(rows, ("model",)) if len(rows) else pd.DataFrame(columns=["id", "model", "value"])
    wide = means.pivot(index="id", columns="model", values="value").reindex(columns=[model_a, model_b])
    wide = wide.dropna()
    if wide.empty or model_a == model_b:
        sentence = f"No case has a {metric} of two models, {model_a} and {model_b}."
        return nothing(title, sentence, simulated=simulated)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    gaps = (wide[model_a] - wide[model_b]).astype(float)
    # Means of the same scores in another order differ by rounding, and that is a tie.
    gaps = gaps.where(gaps.abs() > ROUNDING * wide.abs().to_numpy().max(), 0.0)
    d = sign * gaps.sort_values(ascending=sign < 0)
    figure, axes = frame(title, 3.3, simulated=simulated)
    look = looks(all_models(pd.DataFrame({"model": [model_a, model_b]}), models), 30)
    _case_bars(axes[0, 0], d.to_numpy(), look[model_a], look[model_b])
    axes[0, 0].set_xlabel(f"cases, sorted (n = {len(d)} that both have a score for)")
    axes[0, 0].set_ylabel(f"difference{', turned' if sign < 0 else ''} ({UNITS.get(metric, '0 to 1')})")
    caption, alt = _pair_words(d, metric, model_a, model_b)
    wins = [int((d > 0).sum()), int((d < 0).sum()), int((d == 0).sum())]
    names = [f"{look[model_a].label} better: {wins[0]}", f"{look[model_b].label} better: {wins[1]}"]
    handles = [Patch(color=look[model_a].colour), Patch(color=look[model_b].colour), Patch(color=MUTED)]
    legend_below(figure, handles, [*names, f"tie: {wins[2]}"])
    return chart(figure, caption, alt, simulated=simulated)


def _case_bars(axes: Axes, d: np.ndarray, a: Look, b: Look) -> None:
    place = np.arange(d.size)
    colours = np.select([d > 0, d < 0], [a.colour, b.colour], MUTED)
    axes.bar(place, d, width=0.85 if d.size < 120 else 1.0, color=colours)
    ties = place[d == 0]
    axes.plot(ties, np.zeros(ties.size), "|", color=MUTED, markersize=5)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(d.mean(), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8}
    axes.text(1.005, d.mean(), f"mean\n{d.mean():+z.3f}", **where)
    if not d.any():  # an empty frame would look like a mistake
        axes.text(0.5, 0.7, "a tie on every case", transform=axes.transAxes, ha="center", color=MUTED)
    reach = max(abs(d).max() * 1.08, 0.01)
    axes.set(xlim=(-0.7, d.size - 0.3), ylim=(-reach, reach), xticks=[])
    axes.grid(axis="y", color=FAINT)


def _pair_words(d: pd.Series, metric: str, a: str, b: str) -> tuple[str, str]:
    better_a, better_b, ties = (d > 0).sum(), (d < 0).sum(), (d == 0).sum()
    caption = (
        f"On {axis_label(metric)} {a} is better than {b} on {better_a} of {count(len(d), 'case')}, "
        f"worse on {better_b}, with {count(ties, 'tie')}."
    )
    ends = f"from {d.min():+z.3f} to {d.max():+z.3f}, mean {d.mean():+z.3f}"
    return caption, f"Sorted bars of per-case differences in {metric}, {a} against {b}, {ends}."
