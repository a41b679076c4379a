"""How models are drawn: one colour and shape per model; who is simulated; what a case is worth on average."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.special import stdtrit

from ..metrics import described
from .words import labels

# Okabe and Ito's colours, safe for colour-blind readers, without the yellow that white paper swallows.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#333333")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "h")  # seven and ten meet after 70


@dataclass(frozen=True)
class Look:
    """How a model is drawn, the same in every figure that knows the same models."""

    colour: str
    marker: str
    label: str

    def handle(self, **style: Any) -> Line2D:
        """The model's mark for a legend."""
        how: dict[str, Any] = {"markeredgecolor": "white", "markersize": 8, "linewidth": 0} | style
        return Line2D([], [], color=self.colour, marker=self.marker, **how)


def looks(models: Iterable[str], width: int = 30) -> dict[str, Look]:
    """Colour, marker and label per model, in the order given; the look goes by the place in the alphabet, so
    that no table's order changes it."""
    names = list(dict.fromkeys(map(str, models)))
    short = labels(names, width)
    place = {name: i for i, name in enumerate(sorted(names))}
    return {
        name: Look(COLOURS[place[name] % len(COLOURS)], MARKERS[place[name] % len(MARKERS)], short[name])
        for name in names
    }


def models_of(table: pd.DataFrame) -> list[str]:
    """The models of a table in their order of appearance, without controls."""
    names = table["model"].astype(str).unique() if "model" in table else ()
    return [name for name in names if not name.startswith("control: ")]


def is_simulated(table: pd.DataFrame | None, models: Iterable[str] = ()) -> bool:
    """Whether a table says so of itself (`attrs`), or a model's id does."""
    told = table is not None and bool(table.attrs.get("simulated"))
    return told or any(str(model).startswith("offline/") for model in models)


def case_means(scores: pd.DataFrame, by: Sequence[str] = ("model", "metric")) -> pd.DataFrame:
    """Mean of each case over its scored rounds: columns `*by, id, value`; cases without any are absent."""
    means = scores.groupby([*by, "id"], observed=True, dropna=False, sort=False)["value"].mean()
    return means.dropna().reset_index()


def t_interval(values: Iterable[float], alpha: float) -> tuple[float, float]:
    """The 1 − alpha t interval of a mean; NaN under two values."""
    known = np.asarray(list(values), dtype=float)
    if known.size < 2:
        return float("nan"), float("nan")
    half = stdtrit(known.size - 1, 1 - alpha / 2) * known.std(ddof=1) / np.sqrt(known.size)
    return float(known.mean() - half), float(known.mean() + half)


def sign_of(metric: str) -> int:
    """1 where higher is better, −1 where lower is."""
    return -1 if described(metric).lower_is_better else 1


def point(values: Mapping[str, float], one: Look, axes: Any, at: float) -> None:
    """A model's `mean` on the row `at` with the bar from `low` to `high`, where they are known."""
    if np.isfinite([values["low"], values["high"]]).all():
        bar(axes, values["low"], values["high"], at, one.colour)
    if np.isfinite(values["mean"]):
        style: dict[str, Any] = {"marker": one.marker, "color": one.colour, "markeredgecolor": "white"}
        axes.plot(values["mean"], at, markersize=8.5, markeredgewidth=0.6, zorder=3, **style)


def bar(axes: Any, low: float, high: float, at: float, colour: str) -> None:
    """An interval on the row `at`, with ends that are seen above and below a mark that covers the bar."""
    style: dict[str, Any] = {"color": colour, "linewidth": 2.2, "solid_capstyle": "butt"}
    axes.plot([low, high], [at, at], marker="|", markersize=14, markeredgewidth=1.3, **style)


@contextmanager
def fixed_jitter() -> Iterator[None]:
    """seaborn spreads its dots by NumPy's global generator: the same table shall give the same picture."""
    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)


def legend_below(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """One legend under all axes, in as many columns as fit."""
    if handles:
        columns = max(1, min(len(names), int(105 / (max(map(len, names)) + 6))))
        figure.legend(handles, names, loc="outside lower center", ncols=columns)
