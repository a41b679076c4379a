"""Beside the main table: the bootstrap, the effect size, and what equivalence was decided on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .markdown import cell, interval, pairs_of, sides, signed, table

Row = Mapping[str, Any]


def details(report: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """The table below that of the comparisons, in its order; or ""."""
    how, pairs = report["configuration"], pairs_of(rows)
    level, two_sided = f"{100 * (1 - how['alpha']):g} %", f"{100 * (1 - 2 * how['alpha']):g} %"
    shown = []
    for row in rows:
        one = {
            "metric": f"**{row['metric']}**" if row["primary"] else row["metric"],
            **sides(row, pairs),
            f"{level} bootstrap interval": interval(row["bca_low"], row["bca_high"]),
            "effect size": row["effect_size"],
            "p (unadjusted)": row["p_value"],
        }
        if how["margin"]:
            one[f"{two_sided} interval"] = interval(row["equivalence_low"], row["equivalence_high"])
            one["p (equivalence, Holm)"] = row["p_equivalence_adjusted"]
        shown.append(one)
    if not shown:
        return ""
    text = (
        "The same comparisons, seen otherwise. The bootstrap (BCa) resamples cases and, where they are "
        "clusters, whole categories, and takes the wider; with few of either it is too narrow, so the t "
        "interval above decides. The effect size is the mean difference over the standard deviation of the "
        "cases' differences (Cohen's d_z)."
    )
    return f"{text}\n\n{signed(table(shown), report['signature'])}"


def equivalence(row: Row) -> str:
    """The adjusted p of the two one-sided tests that made a pair equivalent."""
    p = row["p_equivalence_adjusted"]
    return "p < 0.001" if p is not None and p < 0.001 else f"p {cell(p)}"


def how_equivalent(how: Mapping[str, Any]) -> str:
    """How equivalence was decided, where a margin was named."""
    if not how["margin"]:
        return ""
    return (
        f"A difference within {how['margin']:g} was declared not to matter. Models are equivalent where two "
        f"one-sided t tests put the difference within that margin at alpha = {how['alpha']:g}, which is the "
        f"{100 * (1 - 2 * how['alpha']):g} % interval inside it; of several comparisons the p-value is "
        "adjusted like that of a difference (Holm), the interval is not."
    )


def how_intervals(report: Mapping[str, Any]) -> str:
    """Where an interval is no plain t interval, as far as that came up."""
    rows, alpha = report["comparisons"], report["configuration"]["alpha"]
    parts = []
    if any(row["standard_error"] == 0 for row in rows):
        parts.append(
            "Where all n cases give the same difference there is no spread for a t interval: what is shown "
            "is exact instead, how far the mean could move if the largest share of other cases that n such "
            f"cases leave possible, 1 − {alpha:g}^(1/n), were as different as can be."
        )
    if any("cut off" in row["warnings"] for row in rows):
        parts.append("A t interval that would run beyond the largest possible difference is cut off there.")
    return " ".join(parts)
