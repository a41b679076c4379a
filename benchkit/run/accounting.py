"""What became of the cases that a run began with, from the two tables that 02 leaves."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

# How a reject's reason begins, and what its sort is called; in the order in which they are told.
LOST = {
    "unusable": "unusable",
    "schema": "unusable",
    "duplicate": "duplicate",
    "near-duplicate": "turned down by the checks",
    "facts": "turned down by the checks",
    "prompt quality": "refused by the validator",
    "response quality": "refused by the validator",
    "no verdict": "without a verdict",
}
FLAGGED = "flagged: "  # how the message of an accepted case begins that somebody should look at


def rows_used(accepted: pd.DataFrame, rejected: pd.DataFrame) -> str:
    """ "9 of 13 cases used: 2 unusable, 1 duplicate, 1 refused by the validator; 3 of the 9 are flagged."

    `accepted` and `rejected` are validated_tests and rejected_tests. A case that was written anew counts
    once, by what became of its last attempt.
    """
    parents = {parent for table in (accepted, rejected) for parent in table["parent_id"] if parent}
    last = rejected[~rejected["id"].isin(parents)] if len(parents) else rejected
    lost = Counter(_sort(str(reason)) for reason in last["reason"])
    said = f"{len(accepted)} of {len(accepted) + len(last)} cases used"
    told = [f"{lost[name]} {name}" for name in dict.fromkeys((*LOST.values(), "rejected")) if lost[name]]
    said += f": {', '.join(told)}" if told else ""
    flagged = int(accepted["validation_message"].str.startswith(FLAGGED).sum())
    return f"{said}; {flagged} of the {len(accepted)} are flagged." if flagged else f"{said}."


def _sort(reason: str) -> str:
    return next((name for begins, name in LOST.items() if reason.startswith(begins)), "rejected")
