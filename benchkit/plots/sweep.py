"""The runs of a sweep: by how much each run's best candidate leads."""

from __future__ import annotations

import pandas as pd

from ..wording import count, interval, level, number
from .chart import Chart, styled
from .sheet import BLUE, Look, Sheet, about_zero, named_rows, point
from .words import labels

MOST_ROWS = 60  # more runs than this are a table, not a figure


@styled
def plot_sweep(runs: pd.DataFrame) -> Chart:
    """A dot and an interval for each run that has a result: U of its best candidate less the best other's.

    `runs` has `run, best, difference, low, high, alpha` (of its interval), one row a run, None or NaN where
    nothing is known.
    """
    sheet = Sheet("sweep", "By how much the best candidate of each run leads", runs["best"].dropna())
    found = runs[runs["difference"].notna()].head(MOST_ROWS)
    if found.empty:
        return sheet.empty("No run has a result yet.")
    rows = found.to_dict("records")
    axes = sheet.page(1.1 + 0.34 * len(rows)).subplots()
    for at, row in enumerate(rows):
        point(axes, at, Look(BLUE, "o"), row["difference"], row["low"], row["high"])
    about_zero(axes)
    short = labels(found["run"], 44)
    named_rows(axes, [f"{short[row['run']]}\n{row['best']}" for row in rows])
    axes.set_xlabel("difference from the best other candidate (better ▶)")
    shown = [row["run"] for row in rows if row["low"] is not None and row["low"] > 0]
    ends = level(float(rows[0]["alpha"]))
    reading = (
        f"The best candidate is shown better than every other in {len(shown)} of {count(len(rows), 'run')}."
    )
    note = (
        f"Simultaneous {ends} intervals: alpha is divided by the number of runs, so that all hold together."
    )
    if len(rows) < runs["difference"].notna().sum():
        note += f" The first {MOST_ROWS} runs are drawn; sweep.csv has all."
    told = "; ".join(
        f"{one['run']}: {one['best']} {number(one['difference'], sign=True)} "
        f"({interval(one['low'], one['high'])})"
        for one in rows
    )
    data = found[["run", "best", "difference", "low", "high"]]
    return sheet.chart(
        reading, f"Lead of each run's best candidate, {ends} intervals: {told}.", note, data=[data]
    )
