"""The cases behind a difference: is it many of them, or a few?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..domain import ROUNDING
from ..wording import count, number
from .chart import FAINT, INK, MUTED, Chart, styled
from .sheet import Look, Sheet, aside, looks
from .tables import case_means, models_of, ours, sign_of
from .words import axis_label, glyphs, unit


@styled
def plot_case_pairs(scores: pd.DataFrame, metric: str, model_a: str, model_b: str) -> Chart:
    """Per-case differences of two models on one metric, sorted; above zero is better for `model_a`."""
    models = [model_a, model_b]
    sheet = Sheet(f"pairs_{metric}_{model_a}_{model_b}", f"{metric}, case by case", models, scores)
    rows = ours(scores, metric)
    means = case_means(rows, ("model",)) if len(rows) else pd.DataFrame(columns=["id", "model", "value"])
    wide = means.pivot(index="id", columns="model", values="value").reindex(columns=models).dropna()
    if wide.empty or model_a == model_b:
        return sheet.empty(f"No case has a {metric} of two models, {model_a} and {model_b}.")
    gaps = (wide[model_a] - wide[model_b]).astype(float)
    # Means of the same scores in another order differ by rounding, and that is a tie.
    gaps = gaps.where(gaps.abs() > ROUNDING * wide.abs().to_numpy().max(), 0.0)
    sign, look = sign_of(metric), looks([*models_of(scores), *models])
    a, b, d = look[model_a], look[model_b], sign * gaps.sort_values(ascending=sign < 0)
    axes = sheet.axes(3.3)
    _case_bars(axes, d.to_numpy(), a, b)
    axes.set_xlabel(f"cases, sorted (n = {len(d)} that both have a score for)")
    axes.set_ylabel(f"difference{', turned' if sign < 0 else ''} ({glyphs(unit(metric))})")
    better, worse, ties = ((d > 0).sum(), (d < 0).sum(), (d == 0).sum())
    told = {f"{a.label} better: {better}": a.colour, f"{b.label} better: {worse}": b.colour}
    sheet.legend({text: Patch(color=colour) for text, colour in (told | {f"tie: {ties}": MUTED}).items()})
    reading = (
        f"On {axis_label(metric)} {model_a} is better than {model_b} on {better} of {count(len(d), 'case')}, "
        f"worse on {worse}, with {count(ties, 'tie')}."
    )
    low, high, mean = (number(value, sign=True) for value in (d.min(), d.max(), d.mean()))
    ends = f"from {low} to {high}, mean {mean}"
    alt = f"Sorted bars of per-case differences in {metric}, {model_a} against {model_b}, {ends}."
    return sheet.chart(reading, alt, data=(wide.reset_index(), metric))


def _case_bars(axes: Axes, d: np.ndarray, a: Look, b: Look) -> None:
    place = np.arange(d.size)
    colours = np.select([d > 0, d < 0], [a.colour, b.colour], MUTED)
    axes.bar(place, d, width=0.85 if d.size < 120 else 1.0, color=colours)
    ties = place[d == 0]
    axes.plot(ties, np.zeros(ties.size), "|", color=MUTED, markersize=5)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(d.mean(), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    aside(axes, d.mean(), f"mean\n{number(d.mean(), sign=True)}")
    if not d.any():  # an empty frame would look like a mistake
        axes.text(0.5, 0.7, "a tie on every case", transform=axes.transAxes, ha="center", color=MUTED)
    reach = max(abs(d).max() * 1.08, 0.01)
    axes.set(xlim=(-0.7, d.size - 0.3), ylim=(-reach, reach), xticks=[])
    axes.grid(axis="y", color=FAINT)
