"""Whether the metrics can tell: answers that know nothing, and delivery apart from content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from ..wording import count, level, listed, number
from .chart import ALARM, INK, Chart, chart, frame, nothing, styled
from .marks import is_simulated, legend_below, looks, point, sign_of
from .words import each, glyphs

Row = Mapping[str, Any]


@styled
def plot_controls(controls: pd.DataFrame | Sequence[Row]) -> Chart:
    """What answers that know nothing score on each metric, beside the best model.

    `controls` is the report's list: `metric, test_case, control, mean, best_model, best_mean, disqualifies`.
    A metric on which a control comes within the margin of the best model decides nothing.
    """
    import seaborn as sns

    name, title = "controls", "Could answers that know nothing do as well?"
    table = pd.DataFrame(list(controls) if not isinstance(controls, pd.DataFrame) else controls)
    table = table.dropna(subset=["mean", "best_mean"]) if len(table) else table
    if table.empty:
        return nothing(name, title, "No control was scored.")
    simulated = is_simulated(table, table["best_model"])
    metrics = list(dict.fromkeys(table["metric"]))
    table = table.assign(control=table["control"].str.removeprefix("control: "))
    kinds = list(dict.fromkeys(table["control"]))
    figure, axes = frame(title, 1.3 + 0.36 * len(metrics), simulated=simulated)
    ax = axes[0, 0]
    how: dict[str, Any] = {"order": metrics, "hue_order": kinds, "jitter": False, "size": 6, "linewidth": 0}
    marks = sns.color_palette(["#888888", "#B07A3C", "#6C8EBF", "#9C6ADE", "#5B8C5A"][: len(kinds)])
    sns.stripplot(table, x="mean", y="metric", hue="control", palette=marks, ax=ax, **how)
    best = table.groupby("metric", sort=False)["best_mean"].first()
    ax.plot(best.reindex(metrics), range(len(metrics)), "|", color=INK, markersize=15, markeredgewidth=2.2)
    out = set(table.loc[table["disqualifies"].astype(bool), "metric"])
    for at, metric in enumerate(metrics):
        if metric in out:
            where: dict[str, Any] = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 8}
            ax.text(1.01, at, "decides nothing", color=ALARM, **where)
    ax.set_yticks(range(len(metrics)), [glyphs(f"{m} ◀" if sign_of(m) < 0 else m) for m in metrics])
    ax.set(xlabel="mean over cases", ylabel="")
    ax.grid(axis="x")
    handles, labels = ax.get_legend_handles_labels()
    ax.get_legend().remove()
    handles.append(Line2D([], [], color=INK, marker="|", markersize=12, markeredgewidth=2.2, linewidth=0))
    legend_below(figure, handles, [*labels, "best model"])
    high = (table["mean"] * table["metric"].map(sign_of)).groupby(table["metric"]).idxmax()
    top = table.loc[high].set_index("metric").reindex(metrics)
    told = {m: f"{number(top['mean'][m])} ({top['control'][m]})" for m in metrics}
    reading = (
        f"Answers that know nothing come near the best model on {listed([m for m in metrics if m in out])}: "
        "there the metric decides nothing."
        if out
        else f"Answers that know nothing come near the best model on none of {count(len(metrics), 'metric')}."
    )
    alt = f"Dots of the controls' means beside the best model's; the highest control: {each(told)}."
    return chart(name, figure, reading, alt, simulated=simulated, data=(table,))


@styled
def plot_delivery(delivery: pd.DataFrame | Sequence[Row], *, alpha: float = 0.05) -> Chart:
    """How many answers came in usable form, and what those are worth, per model and metric.

    `delivery` is the report's list: `test_case, metric, model, share, low, high, content, content_low,
    content_high`, its intervals at 1 − alpha.
    """
    name, title = "delivery", "Delivery and content"
    table = pd.DataFrame(list(delivery) if not isinstance(delivery, pd.DataFrame) else delivery)
    if table.empty or not table["share"].notna().any():
        return nothing(name, title, "No response was scored, so that delivery is unknown.")
    names, metrics = list(dict.fromkeys(table["model"])), list(dict.fromkeys(table["metric"]))
    simulated, look, step = is_simulated(table, names), looks(names, 26), 0.8 / len(names)
    height = 1.4 + len(metrics) * max(0.44, 0.15 * len(names))
    figure, axes = frame(title, height, cols=2, sharey=True, simulated=simulated)
    sides = (("share", "low", "high"), ("content", "content_low", "content_high"))
    for ax, columns in zip(axes[0], sides, strict=True):
        for row in table.astype(dict.fromkeys(columns, float)).to_dict("records"):
            at = metrics.index(row["metric"]) + step * (names.index(row["model"]) - (len(names) - 1) / 2)
            point(dict(zip(("mean", "low", "high"), (row[c] for c in columns), strict=True)),
                  look[str(row["model"])], ax, at)  # fmt: skip
        ax.grid(axis="x")
        ax.tick_params(axis="y", length=0)
    axes[0, 0].set_xlabel("share of answers in usable form")
    axes[0, 1].set_xlabel("mean score among those")
    axes[0, 0].set_yticks(range(len(metrics)), [glyphs(m) for m in metrics])
    axes[0, 0].set_ylim(len(metrics) - 0.5, -0.5)
    legend_below(figure, [one.handle() for one in look.values()], [one.label for one in look.values()])
    came = table.groupby("model", sort=False)["share"].min()
    reading = (
        f"Answers came in usable form, at least: {each({m: f'{100 * v:.0f} %' for m, v in came.items()})}."
    )
    told = [f"{r['metric']}, {r['model']} {number(r['content'])}" for r in table.to_dict("records")]
    note = f"Bars are {level(alpha)} intervals over cases."
    alt = f"Two dot plots, share delivered and mean among delivered: {'; '.join(told)}."
    return chart(name, figure, reading, alt, note=note, simulated=simulated, data=(table, alpha))
