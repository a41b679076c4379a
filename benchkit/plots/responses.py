"""What came back: statuses and waiting times, per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..domain import STATUSES
from .cases import stacked_bars
from .chart import MUTED, Chart, chart, frame, nothing, say, styled
from .marks import Look, all_models, is_simulated, legend_below, looks
from .words import count, listed, range_of

NOT_ASKED = "not asked yet"
COLOURS = {
    **dict(zip(STATUSES, ("#56B4E9", "#E69F00", "#CC79A7", "#D55E00"), strict=True)),
    NOT_ASKED: "#FFFFFF",
}
HATCHES = {"failed": "////", NOT_ASKED: "...."}
POINTS = 300  # drawn per model; more would be ink, the quantiles are of all


def status_counts(
    responses: pd.DataFrame, models: Sequence[str], planned: int | Mapping[str, int] | None = None
) -> pd.DataFrame:
    """Responses per model and status, and how many of the planned ones have not been asked for."""
    status = responses.get("status", pd.Series("answered", index=responses.index))
    table = pd.crosstab(responses["model"].astype(str), status.astype(str))
    other = sorted(set(table.columns) - set(STATUSES))
    table = table.reindex(index=list(models), columns=[*STATUSES, *other], fill_value=0)
    want = pd.Series(planned, index=table.index) if planned is not None else table.sum(axis=1)
    table[NOT_ASKED] = (want - table.sum(axis=1)).clip(lower=0).fillna(0).astype(int)
    return table


@styled
def plot_statuses(
    responses: pd.DataFrame,
    *,
    planned: int | Mapping[str, int] | None = None,
    models: Sequence[str] | None = None,
    simulated: bool = False,
) -> Chart:
    """Responses per model by status; `planned` is how many each model was to give (cases × rounds)."""
    title = "Responses by status"
    if responses.empty:
        return nothing(title, "No response yet.", simulated=simulated)
    names = all_models(responses, models)
    simulated = simulated or is_simulated(names)
    table = status_counts(responses, names, planned).iloc[::-1]
    colours = {s: COLOURS.get(s, "#999999") for s in table.columns}
    figure, axes = frame(title, 1.5 + 0.4 * len(table), simulated=simulated)
    stacked_bars(axes[0, 0], table, colours, HATCHES)
    _status_labels(axes[0, 0], table)
    axes[0, 0].set_xlabel("responses" if planned is None else "responses, of all that are planned")
    used = [s for s in table.columns if table[s].any()]
    handles = [Patch(facecolor=colours[s], edgecolor=MUTED, lw=0.5, hatch=HATCHES.get(s)) for s in used]
    legend_below(figure, handles, used)
    caption, alt = _status_words(table.iloc[::-1])
    return chart(figure, caption, alt, simulated=simulated)


def _status_labels(axes: Axes, table: pd.DataFrame) -> None:
    axes.set_yticks(range(len(table)), [look.label for look in looks(list(table.index), 34).values()])
    for row, (_, counts) in enumerate(table.iterrows()):
        trouble = {s: n for s, n in counts.items() if n and s != "answered"}
        note = ", ".join(f"{n} {s}" for s, n in trouble.items()) or "all answered"
        where: dict[str, Any] = {
            "transform": axes.get_yaxis_transform(),
            "va": "center",
            "fontsize": 8,
            "color": MUTED,
        }
        axes.text(1.01, row, note.replace(", ", "\n", 1) if len(trouble) > 1 else note, **where)


def _status_words(table: pd.DataFrame) -> tuple[str, str]:
    totals = table.sum()
    parts = {s: int(n) for s, n in totals.items() if n}
    caption = (
        f"Of {count(int(totals.sum()), 'response')} from {count(len(table), 'model')}, "
        f"{', '.join(f'{n:,} {s}' for s, n in parts.items())}; failed ones are unscored, not zero."
    )
    each = {m: f"{row['answered']} of {row.sum()}" for m, row in table.iterrows()}
    return caption, f"Stacked bars of responses by status, answered of all: {listed(each)}."


@styled
def plot_latency(
    responses: pd.DataFrame, *, models: Sequence[str] | None = None, simulated: bool = False
) -> Chart:
    """How long each model's answers took, and how much of that was the provider's queue; seconds.

    The box spans the middle half of the responses, the line 5 % to 95 %, the white tick is the median.
    """
    title = "Latency per model"
    times = {c: pd.to_numeric(responses.get(c, pd.Series(dtype=float))) for c in ("latency_s", "queue_s")}
    if responses.empty or times["latency_s"].notna().sum() == 0:
        return nothing(title, "No response has a measured latency.", simulated=simulated)
    names = all_models(responses, models)
    simulated = simulated or is_simulated(names)
    figure, axes = frame(
        title, 1.3 + 0.46 * len(names), cols=2, sharey=True, width_ratios=(3, 2), simulated=simulated
    )
    look, model = looks(names, 26), responses["model"].astype(str)
    panels = ("whole answer (s)", "of it the provider's queue (s)")
    for ax, values, name in zip(axes[0], times.values(), panels, strict=True):
        _waits(ax, [values[model == m].dropna().to_numpy() for m in names], [look[m] for m in names], name)
    timed = times["latency_s"].notna().groupby(model).sum().reindex(names, fill_value=0)
    axes[0, 0].set_yticks(range(len(names)), [f"{look[m].label}\nn = {timed[m]:,}" for m in names])
    axes[0, 0].set_ylim(len(names) - 0.45, -0.55)
    caption, alt = _latency_words(times["latency_s"], times["queue_s"], model, names)
    return chart(figure, caption, alt, simulated=simulated)


def _waits(axes: Axes, values: list[np.ndarray], look: list[Look], name: str) -> None:
    axes.set_xlabel(name)
    axes.tick_params(axis="y", length=0)
    everything = np.concatenate(values)
    if not everything.size:
        say(axes, "not reported by the provider")
        return
    for row, (seconds, one) in enumerate(zip(values, look, strict=True)):
        if seconds.size:
            _wait_row(axes, row, seconds, one)
    if everything.min() > 0 and everything.max() > 30 * np.median(everything):
        axes.set_xscale("log")  # one hanging call must not press all the others into the axis
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(f"{name}, log scale")
    else:
        axes.set_xlim(0, everything.max() * 1.06 or 1)
    axes.grid(axis="x")


def _wait_row(axes: Axes, row: int, seconds: np.ndarray, look: Look) -> None:
    shown = np.sort(seconds)[:: max(1, -(-seconds.size // POINTS))]
    jitter = np.random.default_rng(0).uniform(0.16, 0.34, shown.size)
    axes.scatter(shown, row + jitter, s=5, color=look.colour, alpha=0.45, linewidth=0)
    if seconds.size >= 5:
        low, q1, q3, high = np.quantile(seconds, (0.05, 0.25, 0.75, 0.95))
        axes.plot([low, high], [row, row], color=look.colour, linewidth=1.2)
        axes.plot([q1, q3], [row, row], color=look.colour, linewidth=8, solid_capstyle="butt")
    middle = np.median(seconds)
    axes.plot([middle] * 2, [row - 0.1, row + 0.1], color="white", linewidth=4.0)
    axes.plot([middle] * 2, [row - 0.17, row + 0.17], color="black", linewidth=1.6)


def _latency_words(
    latency: pd.Series, queue: pd.Series, model: pd.Series, names: Sequence[str]
) -> tuple[str, str]:
    middle = latency.groupby(model).median().reindex(names).dropna()
    waited = queue.median() if queue.notna().any() else None
    tail = "queue time not reported" if waited is None else f"median queue time {waited:.2g} s"
    n = count(int(latency.notna().sum()), "timed response")
    caption = f"Median latency in seconds over {n}: {range_of(middle.to_dict())}; {tail}."
    spread = {m: f"{latency[model == m].quantile(0.95):.3g} s" for m in middle.index}
    return caption, f"Distribution of latency per model; 95 % were answered within: {listed(spread)}."
