"""How far the rounds of one case agree: what asking again would change."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ..metrics import described, in_order
from ..wording import level, number, percent
from .chart import FAINT, MUTED, Chart, styled
from .sheet import Sheet, aside, dodge, handles, looks, named_rows, point
from .tables import models_of, ours, over_cases
from .words import each, glyphs, range_of

ALIKE = 1e-9  # a gap below it is rounding


def round_gaps(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean |difference| of two rounds, as `gap` per model, metric and case with two or more scored rounds.

    Sorted, the sum of |x_i - x_j| over all pairs of k rounds is the sum of (2i - k + 1) x_i, i from 0.
    """
    keys = ["model", "metric", "id"]
    known = scores.dropna(subset="value").sort_values("value")
    groups = known.groupby(keys, observed=True)["value"]
    k = groups.transform("size")
    part = (2 * groups.cumcount() - k + 1) * known["value"] / (k * (k - 1) / 2)
    sums = part[k > 1].groupby([known[key] for key in keys], observed=True).sum()
    return sums.clip(lower=0).rename("gap").reset_index()


@styled
def plot_round_agreement(scores: pd.DataFrame, *, alpha: float = 0.05) -> Chart:
    """How far two rounds of the same case differ: mean absolute difference per model and metric, over cases.

    0 means that asking again changes nothing; for a 0/1 metric it is the chance that two rounds disagree.
    """
    names, scored = models_of(scores), ours(scores)
    sheet, look = Sheet("rounds", "Agreement between rounds", names, scores), looks(names, 34)
    gaps = round_gaps(scored) if len(scored) else pd.DataFrame()
    if gaps.empty:
        return sheet.empty("No case has two scored rounds, so that agreement between rounds is unknown.")
    metrics, place = in_order(gaps["metric"]), dodge(names)
    axes = sheet.axes(1.4 + len(metrics) * max(0.44, 0.15 * len(names)) + 0.1 * len(names))
    n = gaps.groupby("metric")["id"].nunique()
    named_rows(axes, [f"{glyphs(m)}\nn = {n[m]} cases" for m in metrics])
    for at, metric in enumerate(metrics):
        ends = (0, described(metric).span or np.inf)
        part = gaps[gaps["metric"] == metric].assign(same=lambda rows: rows["gap"] < ALIKE)
        same = part.groupby("model")["same"].sum()
        for row in over_cases(part, "gap", names, alpha, ends).query("n > 0").itertuples():
            point(axes, at + place[row.Index], look[row.Index], row.mean, row.low, row.high)
            aside(
                axes, at + place[row.Index], f"{same[row.Index]} of {row.n} alike", fontsize=7.5, color=MUTED
            )
    for edge in np.arange(0.5, len(metrics) - 1):
        axes.axhline(edge, color=FAINT, linewidth=0.8)
    axes.set_xlim(left=-0.02 * max(0.1, axes.get_xlim()[1]))
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_xlabel("mean |difference| between two rounds of a case (score units)")
    sheet.legend(handles(look, lw=2))
    reading, alt = _agreement_words(gaps, names)
    note = f"Bars are {level(alpha)} intervals over cases, kept within the score's range; 0: rounds agree."
    return sheet.chart(reading, alt, note, data=(gaps, alpha))


def _agreement_words(gaps: pd.DataFrame, names: list[str]) -> tuple[str, str]:
    alike = (gaps["gap"] < ALIKE).groupby(gaps["model"]).mean().reindex(names).dropna()
    shares = each({m: percent(share) for m, share in alike.items()})
    means = gaps.groupby(["metric", "model"])["gap"].mean()
    mean = means.groupby("model").mean().reindex(names).dropna()
    reading = (
        f"All rounds of a case score the same on this share of cases and metrics: {shares}; on average over "
        f"metrics two rounds differ by: {range_of(mean.to_dict())}."
    )
    parts = [f"{metric}, {model} {number(means[metric, model])}" for metric, model in means.index]
    most = "; ".join(parts) if len(parts) <= 20 else f"{len(parts)} means to {number(means.max())}"
    return reading, f"Dot plot of the mean difference between two rounds of a case: {most}."
