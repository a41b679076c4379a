"""What more cases would find: the chance to see a difference, before it is paid for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from ..wording import count, percent
from .chart import INK, Chart, chart, frame, nothing, styled
from .marks import COLOURS, MARKERS, Look, legend_below


@styled
def plot_power(
    plan: pd.DataFrame, *, n_now: int, difference: float, target: float = 0.8, of: str = ""
) -> Chart:
    """The chance to find a difference of `difference` by the number of cases, with the n of this run marked.

    `plan` has `n` and `power` (0 to 1), and `rounds` where several are weighed, each its own line. `of` says
    of what, and whether that is assumed.
    """
    import seaborn as sns

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
