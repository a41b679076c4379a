"""05: the decision first, then what it stands on; the agent chooses facts, and writes none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .commentary import Commentary, comment, published
from .facts import facts
from .markdown import displayed
from .pictures import linked, shown
from .rounds import agreement, variance
from .serving import cost, serving
from .tables import (
    comparisons,
    controls,
    decision,
    delivery,
    denominators,
    headline,
    means,
    method,
    reminder,
    validator,
)
from .worst import side_by_side, worst_cases

if TYPE_CHECKING:
    import pandas as pd

    from ..plots import Chart

__all__ = [
    "Commentary",
    "agreement",
    "comment",
    "comparisons",
    "controls",
    "cost",
    "decision",
    "delivery",
    "denominators",
    "displayed",
    "facts",
    "headline",
    "means",
    "method",
    "published",
    "reminder",
    "serving",
    "shown",
    "side_by_side",
    "validator",
    "variance",
    "worst_cases",
    "write",
]
PLANNED = (
    "What the run could find was worked out before it was paid for, from another run or, where the figure "
    "says so, from assumptions; what more cases would find now stands with the decision."
)
SIMULATED = (
    "**SIMULATED.** Every answer in this run came from the offline provider's simulated models. "
    "It shows how the method works and says nothing about any real model."
)


def write(
    report: Mapping[str, Any], commented: Commentary, worst: pd.DataFrame, figures: Mapping[str, Chart]
) -> str:
    """analysis_report.md: every number in it is read from `report`."""
    agreed = agreement(report)
    sections = [
        f"# Which model to deploy: {' or '.join(report['configuration']['models'])}",
        SIMULATED if report["simulated"] else "",
        "## Decision",
        decision(report),
        "## Comparisons",
        comparisons(report),
        *linked(figures, "differences"),
        *linked(figures, "pairs"),
        "## Controls" if report["controls"] else "",
        controls(report),
        "## What was measured",
        denominators(report),
        "A failed call is unscored; malformed answers and refusals are the model's own and score worst.",
        delivery(report),
        validator(report),
        *linked(figures, "validation"),
        "## Means by model",
        means(report),
        *linked(figures, "scores"),
        *linked(figures, "categories"),
        "## Agreement between rounds" if agreed else "",
        agreed,
        *linked(figures, "rounds"),
        variance(report),
        PLANNED if any(name.startswith("power") for name in figures) else "",
        *linked(figures, "power"),
        "## Cost and latency",
        cost(report),
        serving(report),
        *linked(figures, "latency"),
        *linked(figures, "tradeoff"),
        "## Where the models differ most",
        side_by_side(worst, report["signature"]),
        "## Commentary",
        reminder(report),
        published(commented, report),
        "## Method",
        method(report),
        "How every number above was made; the small print under tables and figures is its short form:",
        f"`{report['signature']}`",
    ]
    return "\n\n".join(filter(None, sections)) + "\n"
