"""What stands behind a mean: the rounds of a case, and the cases of a difference."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from ..domain import ROUNDING
from ..metrics import described, in_order
from ..wording import count, level, number, percent
from .chart import FAINT, INK, MUTED, Chart, styled
from .sheet import Look, Sheet, aside, dodge, handles, looks, named_rows, point
from .tables import case_means, families_of, models_of, ours, over_cases, sign_of
from .words import axis_label, each, range_of, unit

ALIKE = 1e-9  # a gap below it is rounding
MOST_BARS = 2_000  # more are thinner than a line


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
    metrics, place, family = in_order(gaps["metric"]), dodge(names), families_of(scored)
    axes = sheet.page(1.4 + len(metrics) * max(0.44, 0.15 * len(names)) + 0.1 * len(names)).subplots()
    n = gaps.groupby("metric")["id"].nunique()
    named_rows(axes, [f"{m}\nn = {n[m]} cases" for m in metrics])
    for at, metric in enumerate(metrics):
        ends = (0, described(metric).span or np.inf)
        part = gaps[gaps["metric"] == metric].assign(same=lambda rows: rows["gap"] < ALIKE)
        same = part.groupby("model")["same"].sum()
        for row in over_cases(part, "gap", names, alpha, ends, family).query("n > 0").itertuples():
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
    values = scored.groupby("metric", observed=True)["value"]
    units = [metric for metric in metrics if described(metric, "", values.get_group(metric)).span == 1]
    reading, alt = _agreement_words(gaps, names, units)
    note = f"Bars are {level(alpha)} intervals over cases, kept within the score's range; 0: rounds agree."
    return sheet.chart(reading, alt, note, data=(gaps, alpha))


def _agreement_words(gaps: pd.DataFrame, names: list[str], units: list[str]) -> tuple[str, str]:
    alike = (gaps["gap"] < ALIKE).groupby(gaps["model"]).mean().reindex(names).dropna()
    shares = each({m: percent(share) for m, share in alike.items()})
    means = gaps.groupby(["metric", "model"])["gap"].mean()
    reading = f"All rounds of a case score the same on this share of cases and metrics: {shares}"
    if units:  # others have units of their own, and no average with these
        mean = means[units].groupby("model").mean().reindex(names).dropna()
        over = "metrics" if len(units) == gaps["metric"].nunique() else "metrics of 0 to 1"
        reading += f"; on average over {over} two rounds differ by: {range_of(mean.to_dict())}"
    reading += "."
    parts = [f"{metric}, {model} {number(means[metric, model])}" for metric, model in means.index]
    most = "; ".join(parts) if len(parts) <= 20 else f"{len(parts)} means to {number(means.max())}"
    return reading, f"Dot plot of the mean difference between two rounds of a case: {most}."


@styled
def plot_case_pairs(scores: pd.DataFrame, metric: str, model_a: str, model_b: str) -> Chart:
    """Per-case differences of two models on one metric, sorted; above zero is better for `model_a`."""
    models = [model_a, model_b]
    sheet = Sheet(f"pairs_{metric}_{model_a}_{model_b}", f"{metric}, case by case", models, scores)
    rows = ours(scores, metric)
    means = case_means(rows, ("model",)) if len(rows) else pd.DataFrame(columns=["id", "model", "value"])
    wide = means.pivot(index="id", columns="model", values="value").reindex(columns=models).dropna()
    if wide.empty or model_a == model_b:
        return sheet.empty(f"No case has a {metric} of two models, {model_a} and {model_b}.")
    gaps = (wide[model_a] - wide[model_b]).astype(float)
    # Means of the same scores in another order differ by rounding, and that is a tie.
    gaps = gaps.where(gaps.abs() > ROUNDING * wide.abs().to_numpy().max(), 0.0)
    sign, look = sign_of(metric), looks([*models_of(scores), *models])
    a, b, d = look[model_a], look[model_b], sign * gaps.sort_values(ascending=sign < 0)
    axes = sheet.page(3.3).subplots()
    _case_bars(axes, d.to_numpy(), a, b)
    axes.set_xlabel(f"cases, sorted (n = {len(d)} that both have a score for)")
    axes.set_ylabel(f"difference{', turned' if sign < 0 else ''} ({unit(metric)})")
    better, worse, ties = ((d > 0).sum(), (d < 0).sum(), (d == 0).sum())
    told = {f"{a.label} better: {better}": a.colour, f"{b.label} better: {worse}": b.colour}
    sheet.legend({text: Patch(color=colour) for text, colour in (told | {f"tie: {ties}": MUTED}).items()})
    reading = (
        f"On {axis_label(metric)} {model_a} is better than {model_b} on {better} of {count(len(d), 'case')}, "
        f"worse on {worse}, with {count(ties, 'tie')}."
    )
    low, high, mean = (number(value, sign=True) for value in (d.min(), d.max(), d.mean()))
    ends = f"from {low} to {high}, mean {mean}"
    alt = f"Sorted bars of per-case differences in {metric}, {model_a} against {model_b}, {ends}."
    return sheet.chart(reading, alt, data=(wide.reset_index(), metric))


def _case_bars(axes: Axes, d: np.ndarray, a: Look, b: Look) -> None:
    place = np.unique(np.linspace(0, d.size - 1, min(d.size, MOST_BARS)).astype(int))  # d is sorted
    colours = np.select([d[place] > 0, d[place] < 0], [a.colour, b.colour], MUTED)
    axes.bar(place, d[place], width=0.85 if d.size < 120 else d.size / place.size, color=colours)
    ties = place[d[place] == 0]
    axes.plot(ties, np.zeros(ties.size), "|", color=MUTED, markersize=5)
    axes.axhline(0, color=INK, linewidth=0.8)
    axes.axhline(d.mean(), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    aside(axes, d.mean(), f"mean\n{number(d.mean(), sign=True)}")
    if not d.any():  # an empty frame would look like a mistake
        axes.text(0.5, 0.7, "a tie on every case", transform=axes.transAxes, ha="center", color=MUTED)
    reach = max(abs(d).max() * 1.08, 0.01)
    axes.set(xlim=(-0.7, d.size - 0.3), ylim=(-reach, reach), xticks=[])
    axes.grid(axis="y", color=FAINT)
