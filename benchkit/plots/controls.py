"""Whether the metrics can tell: answers that know nothing, and delivery apart from content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..wording import count, level, listed, metric_names, number, percent
from .chart import ALARM, INK, Chart, styled
from .sheet import MARKERS, Look, Sheet, aside, dodge, handles, looks, named_rows, point
from .tables import sign_of
from .words import each

Row = Mapping[str, Any]
GREYS = ("#8C8C8C", "#5F5F5F", "#B4B4B4")  # of controls: no model is drawn in grey


@styled
def plot_controls(controls: pd.DataFrame | Sequence[Row]) -> Chart:
    """What answers that know nothing score on each metric, beside the best model.

    `controls` is the report's list: `metric, test_case, control, mean, best_model, best_mean, disqualifies`.
    A metric on which a control comes within the margin of the best model decides nothing.
    """
    table = pd.DataFrame(controls if isinstance(controls, pd.DataFrame) else list(controls))
    table = table.dropna(subset=["mean", "best_mean"]) if len(table) else table
    models = [] if table.empty else table["best_model"]
    sheet = Sheet("controls", "Could answers that know nothing do as well?", models, table)
    if table.empty:
        return sheet.empty("No control was scored.")
    metrics = list(table["metric"].unique())
    names = table["control"].str.removeprefix("control: ")
    table = table.assign(control=names, at=table["metric"].map(metrics.index))
    look = {name: Look(GREYS[i % 3], MARKERS[i], name) for i, name in enumerate(names.unique())}
    axes = sheet.page(1.3 + 0.36 * len(metrics)).subplots()
    for row in table.to_dict("records"):
        axes.plot(row["mean"], row["at"], **look[row["control"]].mark)
    bar: dict[str, Any] = {"color": INK, "markersize": 14, "markeredgewidth": 2.2, "linewidth": 0}
    (best,) = axes.plot(table["best_mean"], table["at"], marker="|", **bar)
    out = [m for m in metrics if table.loc[table["metric"] == m, "disqualifies"].any()]
    for metric in out:
        aside(axes, metrics.index(metric), "decides nothing", color=ALARM)
    named_rows(axes, [f"{m} ◀" if sign_of(m) < 0 else m for m in metrics])
    axes.set_xlabel("mean over cases")
    sheet.legend(handles(look) | {"best model": best})
    near = f"none of {count(len(metrics), 'metric')}"
    if out:
        near = f"{listed(out)}: there the metric decides nothing"
    reading = f"Answers that know nothing come near the best model on {near}."
    high = (table["mean"] * table["metric"].map(sign_of)).groupby(table["metric"]).idxmax()
    top = table.loc[high].set_index("metric")
    told = {m: f"{number(top['mean'][m])} ({top['control'][m]})" for m in metrics}
    alt = f"Dots of the controls' means beside the best model's; the highest control: {each(told)}."
    return sheet.chart(reading, alt, data=(table,))


@styled
def plot_delivery(delivery: pd.DataFrame | Sequence[Row], *, alpha: float = 0.05) -> Chart:
    """How many answers came in usable form, and what those are worth, per model and metric.

    `delivery` is the report's list: `test_case, metric, model, share, low, high, content, content_low,
    content_high`, its intervals at 1 − alpha.
    """
    table = pd.DataFrame(delivery if isinstance(delivery, pd.DataFrame) else list(delivery))
    names = [] if table.empty else list(table["model"].unique())
    sheet = Sheet("delivery", "Delivery and content", names, table)
    if table.empty or not table["share"].notna().any():
        return sheet.empty("No response was scored, so that delivery is unknown.")
    named = metric_names(table.to_dict("records"))
    table = table.assign(metric=[named[of] for of in zip(table["test_case"], table["metric"], strict=True)])
    metrics, look, place = list(table["metric"].unique()), looks(names, 26), dodge(names)
    axes = sheet.page(1.4 + len(metrics) * max(0.44, 0.15 * len(names))).subplots(1, 2, sharey=True)
    for row in table.to_dict("records"):
        at, one = metrics.index(row["metric"]) + place[row["model"]], look[row["model"]]
        point(axes[0], at, one, row["share"], row["low"], row["high"])
        point(axes[1], at, one, row["content"], row["content_low"], row["content_high"])
    axes[0].set_xlabel("share of answers in usable form")
    axes[1].set_xlabel("mean score among those")
    for ax in axes:
        named_rows(ax, metrics)
    sheet.legend(handles(look))
    came = table.groupby("model", sort=False)["share"].min()
    shares = each({m: percent(share) for m, share in came.items()})
    told = [f"{r['metric']}, {r['model']} {number(r['content'])}" for r in table.to_dict("records")]
    reading = f"Answers came in usable form, at least: {shares}."
    alt = f"Two dot plots, share delivered and mean among delivered: {'; '.join(told)}."
    note = f"Bars are {level(alpha)} intervals over cases."
    return sheet.chart(reading, alt, note, data=(table, alpha))
