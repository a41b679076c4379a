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
    rounds = known["rounds"].astype(int) if "rounds" in known else 0
    curves, alike = known.assign(rounds=rounds).pivot(index="n", columns="rounds", values="power"), ""
    if len(curves.columns) > 1 and np.ptp(curves.to_numpy(), axis=1).max() < 1e-4:
        alike = f", in {' or '.join(map(str, curves))} rounds alike,"
        curves = curves.iloc[:, :1].set_axis([0], axis=1)
    axes, look = sheet.page(3.4).subplots(), looks(count(k, "round") for k in curves)
    line: dict[str, Any] = {"palette": [one.colour for one in look.values()], "dashes": False}
    sns.lineplot(curves, errorbar=None, legend=False, linewidth=1.8, ax=axes, **line)
    for (_, curve), one in zip(curves.items(), look.values(), strict=True):
        axes.plot(n_now, power_at(curve, n_now), zorder=3, **one.mark)
    _power_axis(axes, known["n"], n_now, target)
    if len(look) > 1:
        sheet.legend(handles(look))
    told = "; ".join(_curve_words(k, curve, n_now, target) for k, curve in curves.items())
    reading = f"The chance to find a difference of {what}{alike} with {count(n_now, 'case')} is {told}."
    alt = f"{count(len(look), 'rising curve')} of power over the number of cases; t{reading[1:]}"
    note = "Worked out before the answers of this run were paid for."
    return sheet.chart(reading, alt, note, data=(known, n_now, difference, target))


def _power_axis(axes: Axes, n: pd.Series, n_now: int, target: float) -> None:
    axes.set(ylim=(0, 1.03), xlabel="cases (n)", ylabel="power (chance to find it)")
    if n.min() > 0 and n.max() / n.min() > 200:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:,.0f}")
    for line in (axes.axhline(target), axes.axvline(n_now)):
        line.set(color=INK, linewidth=1, linestyle=(0, (4, 3)), zorder=1)
    aside(axes, target, f"target\n{percent(target)}")
    where: dict[str, Any] = {"transform": axes.get_xaxis_transform(), "ha": "center", "fontsize": 8}
    axes.text(n_now, 1.01, f"now: {n_now:,}", va="bottom", **where)
    axes.grid()


def power_at(curve: pd.Series, n: int) -> float:
    """The power of a curve (by n, rising) at n, on a line between points; NaN beyond its ends."""
    return float(np.interp(n, curve.index, curve, left=np.nan, right=np.nan))


def needed(curve: pd.Series, target: float) -> float:
    """The smallest n at which the power of a curve reaches the target, on a line between points; or NaN."""
    return float(np.ceil(np.interp(target, curve, curve.index, left=curve.index[0], right=np.nan) - 1e-9))


def _curve_words(rounds: Any, curve: pd.Series, n_now: int, target: float) -> str:
    now, enough = power_at(curve, n_now), needed(curve, target)
    chance = "not charted" if np.isnan(now) else percent(now)
    want = f"more than {curve.index.max():,.0f}" if np.isnan(enough) else f"{enough:,.0f}"
    each = f"{count(rounds, 'round')}: " if rounds else ""
    return f"{each}{chance}, and {percent(target)} takes {want} cases"
