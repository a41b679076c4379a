"""05: the decision on one screen, then what it stands on; the agent chooses facts, and writes none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..wording import of_candidates
from .commentary import Commentary, comment, published
from .comparing_runs import against
from .facts import facts, with_facts
from .markdown import displayed, escaped, inline, linked, shown
from .people import people
from .serving import agreement, cost, serving, variance
from .tables import (
    comparisons,
    controls,
    delivery,
    denominators,
    headline,
    judge,
    means,
    method,
    reasons,
    validator,
)
from .worst import side_by_side, worst_cases

if TYPE_CHECKING:
    from ..plots import Chart
    from .runs_compared import RunsCompared
PLANNED = (
    "What the run could find was worked out before it was paid for, from another run or, where the figure "
    "says so, from assumptions; what more cases would find now stands with the decision."
)
SIMULATED = (
    "**SIMULATED.** No real model answered: this shows how the method works, and nothing of any real one."
)
FAILED = "A failed call is unscored; malformed answers and refusals are the model's own and score worst."


def standing(report: Mapping[str, Any]) -> str:
    """Whether the decision would stand otherwise, then what else to read it with: the other warnings."""
    warnings = "\n>\n".join(f"> {escaped(line)}" for line in report["decision"]["warnings"])
    stands = "\n".join(f"- {escaped(one.text)}" for one in facts(report) if one.topic == "sensitivity")
    return "\n\n".join(filter(None, [stands, warnings]))


def write(
    report: Mapping[str, Any],
    commented: Commentary,
    worst: pd.DataFrame,
    figures: Mapping[str, Chart],
    earlier: RunsCompared | None = None,
) -> str:
    """analysis_report.md: every number is read from `report`; a heading without anything is left out."""
    first = [
        f"# Which model to deploy: {' or '.join(map(inline, report['configuration']['models']))}",
        SIMULATED if report["simulated"] else "",
        headline(report),
        *linked(figures, "contenders"),
        reasons(report),
        "What matters most, as the report agent ordered it:" if commented.passages else "",
        published(commented, report),
    ]
    rest = {
        "Would it stand otherwise?": [standing(report)],
        "Comparisons": [comparisons(report), *linked(figures, "differences"), *linked(figures, "pairs")],
        "Could answers that know nothing do as well?": (
            [controls(report), *linked(figures, "controls")] if report.get("controls") else []
        ),
        "What was measured": [
            f"Of the cases that were brought: {escaped(report['rows_used'])}."
            if report.get("rows_used")
            else "",
            denominators(report),
            FAILED,
            delivery(report),
            *linked(figures, "delivery"),
            validator(report),
            judge(report),
            *linked(figures, "validation"),
        ],
        "What people prefer": [people(report)],
        "Where the models differ most": [side_by_side(worst, report["signature"])],
        "Against an earlier run": [earlier.markdown if earlier else ""],
        "Means by model": [means(report), *linked(figures, "scores"), *linked(figures, "categories")],
        "Agreement between rounds": [agreement(report), *linked(figures, "rounds"), variance(report)],
        "What was planned": [PLANNED, *linked(figures, "power")] if shown(figures, "power") else [],
        "Cost and latency": [
            cost(report),
            serving(report),
            *linked(figures, "latency"),
            *linked(figures, "tradeoff"),
        ],
        "Method": [
            method(report),
            "How every number above was made; the small print under tables and figures is its short form:",
            f"`{report['signature']}`",
        ],
    }
    sections = [part for name, some in rest.items() if any(some) for part in (f"## {name}", *some)]
    given = report.get("made_with", {}).get("parameters", {}).get("03_execute", {})
    parts = [part for part in (*first, *sections) if part]
    if given.get("candidates"):  # what models answered, and the lines of prompts, stay as they are
        quoted = rest["Where the models differ most"] + rest["Against an earlier run"]
        parts = [part if part in quoted else of_candidates(part) for part in parts]
    return "\n\n".join(parts) + "\n"
