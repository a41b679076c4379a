"""What people prefer, and how far each metric goes with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..decide.people import LENGTH, as_said, people_in_words
from ..wording import PREFERENCES, count, interval, level, listed, number, percent
from .markdown import escaped, signed, table

LONGER = "the longer answer"


def people(report: Mapping[str, Any]) -> str:
    """The preference of people beside the metric alone, and the metrics beside people; "" without labels."""
    found = report.get("people")
    if not found:
        return ""
    parts = [people_in_words(found), _preferences(found), *_labellers(found), AGREEMENT, _agreement(found)]
    texts = [escaped(part) if part[:1] != "|" else signed(part, report["signature"]) for part in parts]
    return "\n\n".join(texts)


AGREEMENT = (
    "Does a metric order two answers as people do? Of the pairs on which a person has a preference and the "
    "metric a difference, the share that it orders alike. A metric that is no better than the length of the "
    "answer measures nothing that its length does not."
)


def _preferences(found: Mapping[str, Any]) -> str:
    a, b = found["models"]
    difference, ends = f"{a} − {b}", f"{level(found['alpha'])} interval"
    rows = []
    for name, said in PREFERENCES.items():
        one = as_said({"low": None, "high": None} | found[name])
        bounds = interval(one["low"], one["high"]) if "low" in found[name] else ""
        rows.append({"by": said, difference: number(one["estimate"]), ends: bounds})
    return table(rows)


def _labellers(found: Mapping[str, Any]) -> list[str]:
    """How many people, how far two of them agree, and which labels are not used."""
    said = []
    if named := found["labellers"]:
        said.append(f"The labels are of {count(named, 'person', 'people')}.")
    if unnamed := found["unnamed"]:
        said.append(f"{count(unnamed, 'label')} {'names' if unnamed == 1 else 'name'} no labeller.")
    if kappa := found["kappa"]:
        ends = interval(kappa["low"], kappa["high"], 2)
        said.append(
            f"{listed(kappa['labellers'])} both labelled {count(kappa['n'], 'case')} and agree on "
            f"{percent(kappa['alike'])} of them: Cohen's kappa {number(kappa['kappa'], 2)} "
            f"({level(found['alpha'])} interval {ends})."
        )
    if found["outside"]:
        cases = count(found["outside"], "labelled case")
        said.append(f"{cases} outside of the random sample are not used: from them nothing can be inferred.")
    return [" ".join(said)] if said else []


def _agreement(found: Mapping[str, Any]) -> str:
    ends = f"{level(found['alpha'])} interval"
    return table(
        [
            {
                "by": LONGER if row["metric"] == LENGTH else row["metric"],
                "ordered alike": f"{row['alike']} of {row['pairs']}",
                "share": number(row["share"], 2),
                ends: interval(row["low"], row["high"], 2),
                "not told apart": row["tied"],
                "rank correlation": number(row["correlation"], 2),
                f"its {ends}": interval(row["correlation_low"], row["correlation_high"], 2),
            }
            for row in found["agreement"]
        ]
    )
