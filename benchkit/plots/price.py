"""What quality costs in money and waiting, and what more cases would find."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, MaxNLocator

from ..wording import count, level, percent
from .chart import INK, MUTED, Chart, chart, frame, nothing, styled
from .marks import (
    COLOURS,
    MARKERS,
    Look,
    case_means,
    is_simulated,
    legend_below,
    looks,
    models_of,
    sign_of,
    t_interval,
)
from .scores import ours
from .words import axis_label, limits, range_of


def model_summary(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, models: Sequence[str], alpha: float = 0.05
) -> pd.DataFrame:
    """Per model: `mean, low, high, n` over cases, `cost` in US$ per 1,000 answers, `latency` (median, s)."""
    means = case_means(ours(scores, metric), ("model",))
    values = {m: means.loc[means["model"].astype(str) == m, "value"].to_numpy(dtype=float) for m in models}
    ends = {m: np.clip(t_interval(v, alpha), *limits(metric)) for m, v in values.items()}
    table = pd.DataFrame(
        {m: (v.mean() if v.size else np.nan, *ends[m], v.size) for m, v in values.items()},
        index=["mean", "low", "high", "n"],
    ).T
    model = responses["model"].astype(str)
    for name, column in (("cost", "cost_usd"), ("latency", "latency_s")):
        seen = pd.to_numeric(responses.get(column, pd.Series(np.nan, index=responses.index)))
        table[name] = seen.groupby(model).mean() * 1000 if name == "cost" else seen.groupby(model).median()
    return table.astype(float)


@styled
def plot_tradeoff(
    scores: pd.DataFrame, responses: pd.DataFrame, metric: str, *, alpha: float = 0.05
) -> Chart:
    """Quality on one metric against cost per 1,000 responses and against median latency, per model.

    The bar is the 1 − alpha t interval of the quality over cases. A model whose price is unknown is named,
    not put at zero.
    """
    name, title = f"tradeoff_{metric}", f"{metric} against cost and latency"
    if scores.empty or responses.empty or not (scores["metric"] == metric).any():
        return nothing(name, title, f"No response has been measured by {metric}.")
    names = list(dict.fromkeys([*models_of(scores), *models_of(responses)]))
    simulated = is_simulated(scores, names)
    table, look = model_summary(scores, responses, metric, names, alpha), looks(names, 30)
    figure, axes = frame(title, 3.3 + 0.09 * len(names), cols=2, sharey=True, simulated=simulated)
    corner = "◣" if sign_of(metric) < 0 else "◤"
    for ax, (column, what) in zip(axes[0], (("cost", "price"), ("latency", "latency")), strict=True):
        unknown = _against(ax, table, column, look)
        who = unknown[0] if len(unknown) == 1 else count(len(unknown), "model")
        note = f"; {what} unknown: {who}" if unknown else ""
        ax.set_title(f"{corner} better{note}", fontsize=8, fontweight="normal", color=MUTED)
    axes[0, 0].set(ylabel=axis_label(metric).replace(" (", "\n("), xlabel="cost (US$ per 1,000 responses)")
    axes[0, 1].set(xlabel="median latency (s)")
    handles = [one.handle() for one in look.values()]
    legend_below(figure, handles, [f"{look[m].label} (n = {table['n'][m]:.0f})" for m in names])
    reading, alt = _tradeoff_words(table, metric)
    note = f"Bars are {level(alpha)} t intervals over cases."
    return chart(
        name, figure, reading, alt, note=note, simulated=simulated, data=(table.reset_index(), alpha)
    )


def _against(axes: Axes, table: pd.DataFrame, column: str, look: dict[str, Look]) -> list[str]:
    """Draw quality against one column; the labels of the models whose value there is unknown."""
    measured = table[table["mean"].notna()]
    known = measured[measured[column].notna()]
    for model, row in known.iterrows():
        one = look[str(model)]
        if np.isfinite(row["low"]):
            ends = [row["low"], row["high"]]
            axes.plot([row[column]] * 2, ends, color=one.colour, linewidth=1.8, solid_capstyle="butt")
        style: dict[str, Any] = {"color": one.colour, "markeredgecolor": "white", "markeredgewidth": 0.6}
        axes.plot(row[column], row["mean"], marker=one.marker, markersize=9, zorder=3, **style)
    axes.set_xlim(0, known[column].max() * 1.12 if known[column].gt(0).any() else 1)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid()
    return [look[str(model)].label for model in measured.index.difference(known.index, sort=False)]


def _tradeoff_words(table: pd.DataFrame, metric: str) -> tuple[str, str]:
    parts = {
        f"mean {metric}": table["mean"],
        "US$ per 1,000 responses": table["cost"],
        "median latency in seconds": table["latency"],
    }
    known = {name: values.dropna().to_dict() for name, values in parts.items()}
    words = [f"{name}: {range_of(values) if values else 'unknown'}" for name, values in known.items()]
    unknown = int(table["cost"].isna().sum())
    caption = "; ".join(words) + (f" (price of {count(unknown, 'model')} unknown)." if unknown else ".")
    return caption[0].upper() + caption[1:], f"Two scatter plots, quality against cost and latency; {caption}"


@styled
def plot_power(
    plan: pd.DataFrame, *, n_now: int, difference: float, target: float = 0.8, of: str = ""
) -> Chart:
    """The chance to find a difference of `difference` by the number of cases, with the n of this run marked.

    `plan` has `n` and `power` (0 to 1), and `rounds` where several are weighed, each its own line. `of` says
    of what, and whether that is assumed.
    """
    what = f" in {of}" if of else ""
    title = f"Chance to find a difference of {difference:g}{what}"
    known = plan.dropna(subset=["n", "power"]) if len(plan) else plan
    if known.empty:
        return nothing("power", title, "There is no plan: a pilot with two or more cases is needed.")
    known = known.assign(rounds=known.get("rounds", pd.Series(0, index=known.index)).astype(int))
    curves = {int(k): part.sort_values("n") for k, part in known.groupby("rounds")}
    curves, alike = _one_of(curves)
    known = pd.concat([part.assign(rounds=k) for k, part in curves.items()])
    figure, axes = frame(title, 3.4)
    ax, colours = axes[0, 0], dict(zip(curves, COLOURS, strict=False))
    line: dict[str, Any] = {"hue": "rounds", "palette": colours, "linewidth": 1.8, "legend": False}
    sns.lineplot(known, x="n", y="power", errorbar=None, ax=ax, **line)
    for i, (k, curve) in enumerate(curves.items()):
        if curve["n"].min() <= n_now <= curve["n"].max():
            now = np.interp(n_now, curve["n"], curve["power"])
            style: dict[str, Any] = {"color": colours[k], "marker": MARKERS[i % len(MARKERS)], "zorder": 3}
            ax.plot(n_now, now, markersize=8, markeredgecolor="white", **style)
    _power_axis(ax, known, n_now, target)
    if len(curves) > 1:
        handles = [Look(colours[k], MARKERS[i % len(MARKERS)], "").handle() for i, k in enumerate(curves)]
        legend_below(figure, handles, [count(k, "round") for k in curves])
    reading, alt = _power_words(curves, n_now, f"{difference:g}{what}{alike}", target)
    note = "Worked out before the answers of this run were paid for."
    return chart("power", figure, reading, alt, note=note, data=(known, n_now, difference, target))


def _one_of(curves: dict[int, pd.DataFrame]) -> tuple[dict[int, pd.DataFrame], str]:
    """One curve, and the rounds it stands for in words, where they are all the same; else all, and ""."""
    first, *others = curves.values()
    same = all(
        part["n"].tolist() == first["n"].tolist() and np.allclose(part["power"], first["power"], atol=1e-4)
        for part in others
    )
    if not others or not same:
        return curves, ""
    return {0: first}, f", in {' or '.join(map(str, curves))} rounds alike,"


def _power_axis(axes: Axes, plan: pd.DataFrame, n_now: int, target: float) -> None:
    axes.set(ylim=(0, 1.03), xlabel="cases (n)", ylabel="power (chance to find it)")
    if plan["n"].min() > 0 and plan["n"].max() / plan["n"].min() > 200:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:,.0f}")
    for line in (axes.axhline(target), axes.axvline(n_now)):
        line.set(color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    axes.text(
        1.005,
        target,
        f"target\n{percent(target)}",
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=8,
    )
    where: dict[str, Any] = {
        "transform": axes.get_xaxis_transform(),
        "va": "bottom",
        "ha": "center",
        "fontsize": 8,
    }
    axes.text(n_now, 1.01, f"now: {n_now:,}", **where)
    axes.grid()


def needed(curve: pd.DataFrame, target: float) -> float:
    """The smallest n of a curve (sorted by n) whose power reaches the target, on a line between points."""
    above = np.flatnonzero(curve["power"].to_numpy() >= target)
    if not above.size:
        return float("nan")
    part = curve.iloc[max(0, above[0] - 1) : above[0] + 1]
    return float(np.ceil(np.interp(target, part["power"], part["n"]) - 1e-9))


def _power_words(
    curves: dict[int, pd.DataFrame], n_now: int, difference: str, target: float
) -> tuple[str, str]:
    each = []
    for k, curve in curves.items():
        inside = curve["n"].min() <= n_now <= curve["n"].max()
        now = percent(np.interp(n_now, curve["n"], curve["power"])) if inside else "not charted"
        enough, most = needed(curve, target), f"more than {curve['n'].max():,.0f}"
        want = most if np.isnan(enough) else f"{enough:,.0f}"
        each.append(f"{count(k, 'round') + ': ' if k else ''}{now}, and {percent(target)} takes {want} cases")
    caption = (
        f"The chance to find a difference of {difference} with {count(n_now, 'case')} is {'; '.join(each)}."
    )
    return caption, f"{count(len(curves), 'rising curve')} of power over the number of cases; t{caption[1:]}"
