"""What came back and what it cost: statuses, waiting times, quality against price and waiting."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..domain import STATUSES
from ..wording import count, level, number
from .chart import MUTED, Chart, styled
from .sheet import Look, Sheet, aside, looks, named_rows, say, stacked_bars, strip
from .tables import case_means, families_of, models_of, ours, over_cases, sign_of
from .words import axis_label, each, labels, limits, range_of

COLOURS = dict(zip(STATUSES, ("#56B4E9", "#E69F00", "#CC79A7", "#D55E00"), strict=True))
POINTS = 300  # drawn per model; more would be ink, the quantiles are of all
LEAST_BOX = 5  # responses that a box may stand for


@styled
def plot_statuses(responses: pd.DataFrame) -> Chart:
    """Responses per model by status."""
    names = models_of(responses)
    sheet = Sheet("statuses", "Responses by status", names, responses)
    if responses.empty:
        return sheet.empty("No response yet.")
    table = pd.crosstab(responses["model"].astype(str), responses["status"].astype(str))
    table = table.reindex(index=names, columns=list(STATUSES), fill_value=0)
    axes = sheet.page(1.5 + 0.4 * len(table)).subplots()
    bars = stacked_bars(axes, table, labels(names, 34), COLOURS)
    for bar in bars.get("failed", ()):
        bar.set_hatch("////")
    sheet.legend(bars)
    for at, (_, counts) in enumerate(table.iterrows()):
        trouble = [f"{n} {s}" for s, n in counts.items() if n and s != "answered"]
        aside(axes, at, ", ".join(trouble).replace(", ", "\n", 1) or "all answered", color=MUTED)
    axes.set_xlabel("responses")
    totals = table.sum()
    parts = ", ".join(f"{n:,} {s}" for s, n in totals.items() if n)
    lost = "; failed ones are unscored, not zero" if totals["failed"] else ""
    reading = f"Of {count(totals.sum(), 'response')} from {count(len(table), 'model')}, {parts}{lost}."
    told = {m: f"{row['answered']} of {row.sum()}" for m, row in table.iterrows()}
    alt = f"Stacked bars of responses by status, answered of all: {each(told)}."
    return sheet.chart(reading, alt, data=(table.reset_index(),))


@styled
def plot_latency(responses: pd.DataFrame) -> Chart:
    """How long each model's answers took, and how much of that was the provider's queue; seconds.

    The box spans the middle half of the responses, the whiskers 5 % to 95 %, its line is the median. Service
    is latency less queue time, where the provider states its queue.
    """
    names = models_of(responses)
    sheet, look = Sheet("latency", "Latency per model", names, responses), looks(names, 26)
    times = responses.reindex(columns=["latency_s", "queue_s"]).apply(pd.to_numeric)
    if not times["latency_s"].notna().any():
        return sheet.empty("No response has a measured latency.")
    times = times.assign(model=responses["model"].astype(str))
    axes = sheet.page(1.3 + 0.46 * len(names)).subplots(1, 2, sharey=True, width_ratios=(3, 2))
    _waits(axes[0], times, "latency_s", "whole answer (s)", look)
    _waits(axes[1], times, "queue_s", "of it the provider's queue (s)", look)
    timed = times.groupby("model")["latency_s"].count()
    named_rows(axes[0], [f"{look[m].label}\nn = {timed[m]:,}" for m in names])
    reading, alt = _latency_words(times, names)
    note = "Boxes span the middle half of the responses, whiskers 5 % to 95 %."
    return sheet.chart(reading, alt, note, data=(times,))


def _waits(axes: Axes, times: pd.DataFrame, column: str, name: str, look: Mapping[str, Look]) -> None:
    known = times.dropna(subset=column).sort_values(column)
    axes.tick_params(axis="y", length=0)
    if known.empty:
        axes.set_xlabel(name)
        say(axes, "not reported by the provider")
        return
    by_model = known.groupby("model")[column]
    nth, size = by_model.cumcount(), by_model.transform("size")
    strip(axes, known[nth % (-(-size // POINTS)) == 0], column, look, size=2.4, alpha=0.45, jitter=0.3)
    for model, values in known[size >= LEAST_BOX].groupby("model")[column]:
        line = {"color": look[model].colour, "linewidth": 1.1}
        how: dict[str, Any] = {f"{part}props": line for part in ("box", "median", "whisker", "cap")}
        how |= {"whis": (5, 95), "showfliers": False, "widths": 0.5, "manage_ticks": False}
        axes.boxplot(values, positions=[list(look).index(model)], orientation="horizontal", **how)
    axes.set(xlabel=name, ylabel="")
    if known[column].min() > 0 and known[column].max() > 30 * known[column].median():
        axes.set_xscale("log")  # one hanging call must not press all the others into the axis
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set_xlabel(f"{name}, log scale")
    else:
        axes.set_xlim(0, known[column].max() * 1.06 or 1)
    axes.grid(axis="x")


def _latency_words(times: pd.DataFrame, names: Sequence[str]) -> tuple[str, str]:
    groups = times.groupby("model")
    whole, queue = (
        groups[column].median().reindex(names).dropna().to_dict() for column in ("latency_s", "queue_s")
    )
    waited = f"of it the queue: {range_of(queue, 2)}" if queue else "queue time not reported"
    timed = count(times["latency_s"].count(), "timed response")
    reading = f"Median latency over {timed}, in seconds: {range_of(whole, 2)}; {waited}."
    slow = {m: f"{number(groups['latency_s'].quantile(0.95)[m], 2)} s" for m in whole}
    return reading, f"Box plots of latency per model; 95 % were answered within: {each(slow)}."


def model_summary(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, models: Sequence[str], alpha: float = 0.05
) -> pd.DataFrame:
    """Per model: `mean, low, high, n` over cases, `cost` in US$ per 1,000 answers, `latency` (median, s)."""
    means = case_means(ours(scores, metric), ("model",))
    seen = responses.reindex(columns=["cost_usd", "latency_s"]).apply(pd.to_numeric)
    seen = seen.groupby(responses["model"].astype(str))
    spent = {"cost": seen["cost_usd"].mean() * 1000, "latency": seen["latency_s"].median()}
    return over_cases(means, "value", models, alpha, limits(metric), families_of(scores)).assign(**spent)


@styled
def plot_tradeoff(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, *, alpha: float = 0.05
) -> Chart:
    """Quality on one metric against cost per 1,000 responses and against median latency, per model.

    The bar is the 1 − alpha t interval of the quality over cases. A model whose price is unknown is named,
    not put at zero.
    """
    names = list(dict.fromkeys([*models_of(scores), *models_of(responses)]))
    sheet = Sheet(f"tradeoff_{metric}", f"{metric} against cost and latency", names, scores)
    if scores.empty or responses.empty or not (scores["metric"] == metric).any():
        return sheet.empty(f"No response has been measured by {metric}.")
    table, look = model_summary(scores, responses, metric, names, alpha), looks(names, 30)
    axes = sheet.page(3.3 + 0.09 * len(names)).subplots(1, 2, sharey=True)
    corner = "◣" if sign_of(metric) < 0 else "◤"
    for ax, column, what in zip(axes, ("cost", "latency"), ("price", "latency"), strict=True):
        unknown = _against(ax, table, column, look)
        who = unknown[0] if len(unknown) == 1 else count(len(unknown), "model")
        note = f"; {what} unknown: {who}" if unknown else ""
        ax.set_title(f"{corner} better{note}", fontsize=8, fontweight="normal", color=MUTED)
    axes[0].set(ylabel=axis_label(metric).replace(" (", "\n("), xlabel="cost (US$ per 1,000 responses)")
    axes[1].set(xlabel="median latency (s)")
    sheet.legend({f"{one.label} (n = {table['n'][m]})": one.handle() for m, one in look.items()})
    words = {
        "mean": f"mean {metric}",
        "cost": "US$ per 1,000 responses",
        "latency": "median latency in seconds",
    }
    told = [f"{text}: {range_of(table[c].dropna().to_dict()) or 'unknown'}" for c, text in words.items()]
    lost = int(table["cost"].isna().sum())
    reading = "; ".join(told) + (f" (price of {count(lost, 'model')} unknown)." if lost else ".")
    alt = f"Two scatter plots, quality against cost and latency; {reading}"
    note = f"Bars are {level(alpha)} t intervals over cases."
    return sheet.chart(reading[0].upper() + reading[1:], alt, note, data=(table.reset_index(), alpha))


def _against(axes: Axes, table: pd.DataFrame, column: str, look: Mapping[str, Look]) -> list[str]:
    """Draw quality against one column; the labels of the models whose value there is unknown."""
    measured = table[table["mean"].notna()]
    known = measured[measured[column].notna()]
    for model, row in known.iterrows():
        one = look[str(model)]
        ends = [[row["mean"] - row["low"]], [row["high"] - row["mean"]]]
        axes.errorbar(row[column], row["mean"], ends, elinewidth=1.8, zorder=3, **one.mark)
    axes.set_xlim(0, known[column].max() * 1.12 if known[column].gt(0).any() else 1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid()
    return [look[str(model)].label for model in measured.index.difference(known.index, sort=False)]
