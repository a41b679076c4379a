"""What came back: statuses and waiting times, per model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..domain import STATUSES
from ..wording import count, number
from .cases import stacked_bars
from .chart import INK, MUTED, Chart, chart, frame, nothing, say, styled
from .marks import Look, fixed_jitter, is_simulated, legend_below, looks, models_of
from .words import each, range_of

NOT_ASKED = "not asked yet"
COLOURS = {
    **dict(zip(STATUSES, ("#56B4E9", "#E69F00", "#CC79A7", "#D55E00"), strict=True)),
    NOT_ASKED: "#FFFFFF",
}
HATCHES = {"failed": "////", NOT_ASKED: "...."}
POINTS = 300  # drawn per model; more would be ink, the quantiles are of all
LEAST_BOX = 5  # responses that a box may stand for


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
def plot_statuses(responses: pd.DataFrame, *, planned: int | Mapping[str, int] | None = None) -> Chart:
    """Responses per model by status; `planned` is how many each model was to give (cases × rounds)."""
    title = "Responses by status"
    if responses.empty:
        return nothing("statuses", title, "No response yet.")
    names = models_of(responses)
    names += [one for one in planned if one not in names] if isinstance(planned, Mapping) else []
    simulated = is_simulated(responses, names)
    table = status_counts(responses, names, planned).iloc[::-1]
    colours = {s: COLOURS.get(s, "#999999") for s in table.columns}
    figure, axes = frame(title, 1.5 + 0.4 * len(table), simulated=simulated)
    stacked_bars(axes[0, 0], table, colours, HATCHES)
    _status_labels(axes[0, 0], table)
    axes[0, 0].set_xlabel("responses" if planned is None else "responses, of all that are planned")
    used = [s for s in table.columns if table[s].any()]
    handles = [Patch(facecolor=colours[s], edgecolor=MUTED, lw=0.5, hatch=HATCHES.get(s)) for s in used]
    legend_below(figure, handles, used)
    reading, alt = _status_words(table.iloc[::-1])
    return chart("statuses", figure, reading, alt, simulated=simulated, data=(table.reset_index(),))


def _status_labels(axes: Axes, table: pd.DataFrame) -> None:
    axes.set_yticks(range(len(table)), [look.label for look in looks(table.index, 34).values()])
    for row, (_, counts) in enumerate(table.iterrows()):
        trouble = {s: n for s, n in counts.items() if n and s != "answered"}
        note = ", ".join(f"{n} {s}" for s, n in trouble.items()) or "all answered"
        where: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "va": "center", "fontsize": 8}
        text = note.replace(", ", "\n", 1) if len(trouble) > 1 else note
        axes.text(1.01, row, text, color=MUTED, **where)


def _status_words(table: pd.DataFrame) -> tuple[str, str]:
    totals = table.sum()
    parts = ", ".join(f"{n:,} {s}" for s, n in totals.items() if n)
    whole = count(int(totals.sum()), "response")
    lost = "; failed ones are unscored, not zero" if totals["failed"] else ""
    told = {m: f"{row['answered']} of {row.sum()}" for m, row in table.iterrows()}
    reading = f"Of {whole} from {count(len(table), 'model')}, {parts}{lost}."
    return reading, f"Stacked bars of responses by status, answered of all: {each(told)}."


@styled
def plot_latency(responses: pd.DataFrame) -> Chart:
    """How long each model's answers took, and how much of that was the provider's queue; seconds.

    The box spans the middle half of the responses, the whiskers 5 % to 95 %, its line is the median. Service
    is latency less queue time, where the provider states its queue.
    """
    title = "Latency per model"
    times = responses.reindex(columns=["latency_s", "queue_s"]).apply(pd.to_numeric)
    if responses.empty or not times["latency_s"].notna().any():
        return nothing("latency", title, "No response has a measured latency.")
    names = models_of(responses)
    simulated, look = is_simulated(responses, names), looks(names, 26)
    times = times.assign(
        model=responses["model"].astype(str), service_s=times["latency_s"] - times["queue_s"]
    )
    shape: dict[str, Any] = {"cols": 2, "sharey": True, "width_ratios": (3, 2)}
    figure, axes = frame(title, 1.3 + 0.46 * len(names), simulated=simulated, **shape)
    _waits(axes[0, 0], times, "latency_s", "whole answer (s)", look)
    _waits(axes[0, 1], times, "queue_s", "of it the provider's queue (s)", look)
    timed = times.groupby("model")["latency_s"].count().reindex(names, fill_value=0)
    axes[0, 0].set_yticks(range(len(names)), [f"{look[m].label}\nn = {timed[m]:,}" for m in names])
    axes[0, 0].set_ylim(len(names) - 0.45, -0.55)
    reading, alt = _latency_words(times, names)
    note = "Boxes span the middle half of the responses, whiskers 5 % to 95 %."
    return chart("latency", figure, reading, alt, note=note, simulated=simulated, data=(times,))


def _waits(axes: Axes, times: pd.DataFrame, column: str, name: str, look: Mapping[str, Look]) -> None:
    import seaborn as sns

    axes.set_xlabel(name)
    axes.tick_params(axis="y", length=0)
    known = times.dropna(subset=column)
    if known.empty:
        say(axes, "not reported by the provider")
        return
    colours = {model: one.colour for model, one in look.items()}
    how: dict[str, Any] = {"x": column, "y": "model", "hue": "model", "order": list(look), "legend": False}
    dots = known.sort_values(column).groupby("model", group_keys=False)
    dots = pd.concat(part.iloc[:: max(1, -(-len(part) // POINTS))] for _, part in dots)
    boxed = known[known.groupby("model")[column].transform("size") >= LEAST_BOX]
    with fixed_jitter():
        sns.stripplot(dots, **how, palette=colours, size=2.4, alpha=0.45, jitter=0.3, ax=axes)
    if len(boxed):
        line: dict[str, Any] = {"linewidth": 1.1, "linecolor": INK, "fill": False, "width": 0.5}
        sns.boxplot(boxed, **how, palette=colours, whis=(5, 95), showfliers=False, **line, ax=axes)
    axes.set(xlabel=name, ylabel="")
    _wait_axis(axes, known[column], name)


def _wait_axis(axes: Axes, seconds: pd.Series, name: str) -> None:
    if seconds.min() > 0 and seconds.max() > 30 * seconds.median():
        axes.set_xscale("log")  # one hanging call must not press all the others into the axis
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(f"{name}, log scale")
    else:
        axes.set_xlim(0, seconds.max() * 1.06 or 1)
    axes.grid(axis="x")


def _latency_words(times: pd.DataFrame, names: Sequence[str]) -> tuple[str, str]:
    groups = times.groupby("model")
    middle = {
        column: groups[column].median().reindex(names).dropna() for column in times if column != "model"
    }
    n = count(int(times["latency_s"].notna().sum()), "timed response")
    reading = f"Median latency over {n}, in seconds: {range_of(middle['latency_s'].to_dict(), 2)}"
    if len(middle["queue_s"]):
        reading += (
            f"; of it the queue: {range_of(middle['queue_s'].to_dict(), 2)}; the service alone: "
            f"{range_of(middle['service_s'].to_dict(), 2)}."
        )
    else:
        reading += "; queue time not reported."
    slow = {m: f"{number(groups['latency_s'].quantile(0.95)[m], 2)} s" for m in middle["latency_s"].index}
    return reading, f"Box plots of latency per model; 95 % were answered within: {each(slow)}."
