"""How models and means are drawn: one colour and shape per model, one interval per mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.special import stdtrit

from .words import ANY, labels

# Okabe and Ito's colours, safe for colour-blind readers, without the yellow that white paper swallows.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#333333")
MARKERS = (
    "o",
    "s",
    "^",
    "D",
    "v",
    "P",
    "X",
    "<",
    ">",
    "h",
)  # ten: seven colours and ten shapes meet after 70


@dataclass(frozen=True)
class Look:
    """How a model is drawn, the same in every figure that is given the same models."""

    colour: str
    marker: str
    label: str


def looks(models: Sequence[str], width: int = 30) -> dict[str, Look]:
    """Colour, marker and label per model, by its place in `models`."""
    short = labels(models, width)
    return {
        model: Look(COLOURS[i % len(COLOURS)], MARKERS[i % len(MARKERS)], short[model])
        for i, model in enumerate(short)
    }


def all_models(table: pd.DataFrame, models: Sequence[str] | None) -> list[str]:
    """`models` in their own order, then whatever else the table has, sorted."""
    known = list(dict.fromkeys(models or ()))
    return known + sorted(set(table["model"].astype(str)) - set(known))


def is_simulated(models: Iterable[str]) -> bool:
    return any(str(model).startswith("offline/") for model in models)


def case_means(scores: pd.DataFrame, by: Sequence[str] = ("model", "metric")) -> pd.DataFrame:
    """Mean of each case over its scored rounds: columns `*by, id, value`; cases without any are absent."""
    means = scores.groupby([*by, "id"], observed=True, dropna=False)["value"].mean()
    return means.dropna().reset_index()


@dataclass(frozen=True)
class Mean:
    """A mean over n cases and the half width of its 95 % t interval (NaN under two cases)."""

    mean: float
    half: float
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Mean:
        known = np.asarray([v for v in values if not np.isnan(v)], dtype=float)
        n = len(known)
        if n < 2:
            return cls(float(known[0]) if n else float("nan"), float("nan"), n)
        return cls(known.mean(), stdtrit(n - 1, 0.975) * known.std(ddof=1) / np.sqrt(n), n)

    def ends(self, limits: tuple[float, float] = ANY) -> tuple[float, float]:
        """The interval, cut off at `limits`: what cannot be is not in it, and that costs no coverage."""
        return max(limits[0], self.mean - self.half), min(limits[1], self.mean + self.half)


def draw_mean(
    axes: Axes, at: float, mean: Mean, look: Look, limits: tuple[float, float] = ANY, alpha: float = 1.0
) -> None:
    """Marker at the mean and a bar over its interval within `limits`, on the row `at`."""
    if mean.n and not np.isnan(mean.half):
        bar: dict[str, Any] = {"color": look.colour, "linewidth": 2.2, "solid_capstyle": "butt"}
        axes.plot(mean.ends(limits), [at, at], **bar)
    if mean.n:
        style: dict[str, Any] = {
            "marker": look.marker,
            "color": look.colour,
            "markeredgecolor": "white",
            "alpha": alpha,
        }
        axes.plot(mean.mean, at, markersize=8.5, markeredgewidth=0.6, zorder=3, **style)


def legend_below(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """One legend under all axes, in as many columns as fit."""
    if handles:
        columns = max(1, min(len(names), int(105 / (max(map(len, names)) + 6))))
        figure.legend(handles, names, loc="outside lower center", ncols=columns)
