"""What more cases would find: the chance to see a difference, before it is paid for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from ..wording import count, percent
from .chart import INK, Chart, styled
from .sheet import Sheet, aside, handles, looks

Curves = dict[int, pd.DataFrame]  # by rounds; 0 where these make no difference


@styled
def plot_power(
    plan: pd.DataFrame, *, n_now: int, difference: float, target: float = 0.8, of: str = ""
) -> Chart:
    """The chance to find a difference of `difference` by the number of cases, with the n of this run marked.

    `plan` has `n` and `power` (0 to 1), and `rounds` where several are weighed, each its own line. `of` says
    of what, and whether that is assumed.
    """
    import seaborn as sns

    what = f"{difference:g}" + (f" in {of}" if of else "")
    sheet = Sheet("power", f"Chance to find a difference of {what}")
    known = plan.dropna(subset=["n", "power"]) if len(plan) else plan
    if known.empty:
        return sheet.empty("There is no plan: a pilot with two or more cases is needed.")
    curves, alike = _one_of(known)
    known = pd.concat([curve.assign(rounds=k) for k, curve in curves.items()])
    names = {k: count(k, "round") for k in curves}
    axes, look = sheet.axes(3.4), looks(names.values())
    palette = {k: look[name].colour for k, name in names.items()}
    line: dict[str, Any] = {"hue": "rounds", "palette": palette, "linewidth": 1.8, "legend": False}
    sns.lineplot(known, x="n", y="power", errorbar=None, ax=axes, **line)
    for k, curve in curves.items():
        axes.plot(n_now, power_at(curve, n_now), zorder=3, **look[names[k]].mark)
    _power_axis(axes, known, n_now, target)
    if len(curves) > 1:
        sheet.legend(handles(look))
    each = [_curve_words(k, curve, n_now, target) for k, curve in curves.items()]
    reading = (
        f"The chance to find a difference of {what}{alike} with {count(n_now, 'case')} is {'; '.join(each)}."
    )
    alt = f"{count(len(curves), 'rising curve')} of power over the number of cases; t{reading[1:]}"
    note = "Worked out before the answers of this run were paid for."
    return sheet.chart(reading, alt, note, data=(known, n_now, difference, target))


def _one_of(plan: pd.DataFrame) -> tuple[Curves, str]:
    """A curve per number of rounds; where all are the same one, and in words the rounds it stands for."""
    rounds = plan.get("rounds", pd.Series(0, index=plan.index)).astype(int)
    curves = {k: part.sort_values("n") for k, part in plan.groupby(rounds)}
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
    aside(axes, target, f"target\n{percent(target)}")
    where: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "center", "fontsize": 8}
    axes.text(n_now, 1.01, f"now: {n_now:,}", va="bottom", **where)
    axes.grid()


def power_at(curve: pd.DataFrame, n: int) -> float:
    """The power of a curve (sorted by n) at n, on a line between points; NaN beyond its ends."""
    return float(np.interp(n, curve["n"], curve["power"], left=np.nan, right=np.nan))


def needed(curve: pd.DataFrame, target: float) -> float:
    """The smallest n of a curve (sorted by n) whose power reaches the target, on a line between points."""
    above = np.flatnonzero(curve["power"].to_numpy() >= target)
    if not above.size:
        return float("nan")
    part = curve.iloc[max(0, above[0] - 1) : above[0] + 1]
    return float(np.ceil(np.interp(target, part["power"], part["n"]) - 1e-9))


def _curve_words(rounds: int, curve: pd.DataFrame, n_now: int, target: float) -> str:
    now, enough = power_at(curve, n_now), needed(curve, target)
    chance = "not charted" if np.isnan(now) else percent(now)
    want = f"more than {curve['n'].max():,.0f}" if np.isnan(enough) else f"{enough:,.0f}"
    return (
        f"{count(rounds, 'round') + ': ' if rounds else ''}{chance}, and {percent(target)} takes {want} cases"
    )
