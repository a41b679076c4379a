"""The first screen: who is still in the running, what every floor says, and whether the metrics can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from ..wording import count, interval, level, listed, number
from .chart import ALARM, FAINT, INK, MUTED, Chart, chart, frame, nothing, styled
from .differences import BAND
from .marks import Look, is_simulated, legend_below, looks, point, sign_of
from .words import each, glyphs

Row = Mapping[str, Any]


@styled
def plot_contenders(report: Row) -> Chart:
    """Each model's utility against the best of the others, and its floors by kind beside it.

    `report` is what metrics_report.json holds. Left: U of the model less that of the best other one with its
    simultaneous 1 − alpha interval; a model whose interval lies below 0 is no contender. Right, one panel per
    kind that decides: the difference to the model that it stands worst against, and the margin.
    """
    how, decision = report["configuration"], report["decision"]
    title = "Who is in the running"
    rows = decision["utility"]
    if not rows:
        return nothing(
            "contenders", title, f"No utility could be computed: {decision['caveat'] or 'see below'}"
        )
    names = [row["model"] for row in rows]
    simulated, look = bool(report["simulated"]) or is_simulated(None, names), looks(how["models"], 26)
    kinds = [kind for kind in decision["kinds"] if kind["decides"]]
    width: Any = (1.4, *([1.0] * len(kinds)))
    shape: dict[str, Any] = {"cols": 1 + len(kinds), "sharey": True, "width_ratios": width}
    figure, axes = frame(title, 1.45 + 0.46 * len(rows), simulated=simulated, **shape)
    margin = how["margin"] or 0.0
    _utility(axes[0, 0], rows, look)
    for ax, kind in zip(axes[0, 1:], kinds, strict=True):
        found = {row["model"]: row for row in decision["floors"] if row["kind"] == kind["kind"]}
        _floor(ax, [found.get(name) for name in names], kind, look, margin, names)
    axes[0, 0].set_yticks(range(len(rows)), [look[name].label for name in names])
    axes[0, 0].set_ylim(len(rows) - 0.5, -0.5)
    legend_below(figure, *_legend(margin, worse=any(row["shown_worse"] for row in decision["floors"])))
    ends = level(how["alpha"])
    note = (
        f"Left: all kinds together, against the best other model, with simultaneous {ends} intervals; "
        "right: per kind, against the model that it stands worst against."
    )
    reading, alt = _contender_words(rows, decision, ends)
    data = (rows, decision["floors"], how["alpha"], margin)
    return chart("contenders", figure, reading, alt, note=note, simulated=simulated, data=data)


def _utility(axes: Axes, rows: Sequence[Row], look: Mapping[str, Look]) -> None:
    for at, row in enumerate(rows):
        one = look[row["model"]]
        drawn = one if row["contender"] else Look("#B0B0B0", one.marker, one.label)
        ends = {name: np.nan if row[name] is None else row[name] for name in ("low", "high")}
        mean = np.nan if row["difference"] is None else row["difference"]
        point({"mean": mean} | ends, drawn, axes, at)
        word = "" if row["contender"] else "  no contender"
        words = f"{number(row['difference'], sign=True)}{word}"
        where: dict[str, Any] = {"xytext": (0, 8), "textcoords": "offset points", "ha": "center"}
        if np.isfinite(mean):
            axes.annotate(words, (mean, at), fontsize=7.5, color=MUTED, **where)
    _zero(axes)
    axes.set_title("utility, all kinds together")
    axes.set_xlabel("utility less the best other's (better ▶)")


def _floor(
    axes: Axes,
    rows: Sequence[Row | None],
    kind: Row,
    look: Mapping[str, Look],
    margin: float,
    names: Sequence[str],
) -> None:
    if margin:
        axes.axvspan(-margin, margin, color=BAND, zorder=0)
    for at, (row, name) in enumerate(zip(rows, names, strict=True)):
        if row is None or row["difference"] is None:
            continue
        one = look[name]
        drawn = Look(ALARM if row["shown_worse"] else one.colour, one.marker, one.label)
        ends = {end: np.nan if row[end] is None else row[end] for end in ("low", "high")}
        point({"mean": row["difference"]} | ends, drawn, axes, at)
    _zero(axes)
    axes.set_title(glyphs(kind["kind"]))
    axes.set_xlabel(f"{glyphs(kind['metric'])}, n = {kind['n']}")


def _zero(axes: Axes) -> None:
    axes.axvline(0, color=INK, linewidth=1, zorder=1)
    reach = max(1.15 * abs(np.array(axes.get_xlim())).max(), 0.01)  # with room for the words at a mark
    axes.set_xlim(-reach, reach)
    axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=FAINT)


def _legend(margin: float, *, worse: bool) -> tuple[list[Any], list[str]]:
    bar = Line2D([], [], color=ALARM, linewidth=2.2, marker="o", markeredgecolor="white")
    band = Line2D([], [], color=BAND, linewidth=7)
    found = {"shown worse on this kind": bar} if worse else {}
    found |= {f"margin ±{margin:g}": band} if margin else {}
    return list(found.values()), list(found)


def _contender_words(rows: Sequence[Row], decision: Row, ends: str) -> tuple[str, str]:
    inside = [row["model"] for row in rows if row["contender"]]
    worse = [f"{row['model']} on {row['kind']}" for row in decision["floors"] if row["shown_worse"]]
    reading = f"{count(len(inside), 'contender')} of {count(len(rows), 'model')}: {listed(inside)}"
    reading += f"; shown worse than another by more than the margin: {listed(worse)}." if worse else "."
    told = [
        f"{row['model']} {number(row['difference'], sign=True)} ({interval(row['low'], row['high'])})"
        for row in rows
    ]
    return reading, f"Utility less the best other model's with {ends} intervals: {'; '.join(told)}."


@styled
def plot_controls(controls: pd.DataFrame | Sequence[Row]) -> Chart:
    """What answers that know nothing score on each metric, beside the best model.

    `controls` is the report's list: `metric, test_case, control, mean, best_model, best_mean, disqualifies`.
    A metric on which a control comes within the margin of the best model decides nothing.
    """
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
