"""What became of the rows that somebody brought, in one sentence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..domain import read_requirements
from ..wording import count

if TYPE_CHECKING:
    import pandas as pd

BY_HAND = "rejected by "  # how the reason of a person begins
COPY = "the same case as row"
# How a reason begins or what it says, and what that is called; the first that fits.
FATES = (
    (BY_HAND, "rejected in review"),
    (COPY, "duplicate"),
    ("unusable", "unusable"),
    ("row ", "unusable"),
    ("schema:", "unusable"),
    ("duplicate id", "unusable"),
    ("duplicate:", "duplicate"),
    ("near-duplicate:", "turned down by the checks"),
    ("facts:", "turned down by the checks"),
    ("no verdict", "without a verdict of the validator"),
    ("taken out", "taken out by hand"),
)


# For cases that leave a metric of requirements undefined.
REMEDY = (
    "Bring what an answer must do, or let draft_requirements have it written for cases without any; where a "
    "draft was dropped, validated_tests.csv says why (column draft)."
)
FLAGGED = "flagged: "  # how the validation_message of a case begins that is used and should be looked at


def rows_used(used: int, reasons: Iterable[str], flagged: int = 0) -> str:
    """Such as "9 of 13 rows used (3 flagged): 2 unusable, 1 duplicate, 1 refused by the validator".

    `reasons` has one entry for each row that is not used.
    """
    fates = Counter(map(_fate, reasons))
    listed = ", ".join(f"{count:,} {fate}" for fate, count in fates.most_common())
    said = f"{used:,} of {used + fates.total():,} rows used" + (f" ({flagged:,} flagged)" if flagged else "")
    return said + (f": {listed}" if listed else "")


def _fate(reason: str) -> str:
    said = reason.strip()
    found = (fate for mark, fate in FATES if said.startswith(mark) or (mark == COPY and COPY in said))
    return next(found, "refused by the validator")


def without_must(cases: pd.DataFrame) -> str:
    """How many usable conversations have no must, and so no requirements_met, and the remedy; "" for none."""
    some = cases[(cases["test_case"] == "conversation") & (cases["problem"] == "")]
    bare = sum(not _has_must(cell) for cell in some["requirements"])
    of = count(len(some), "conversation")
    return f"{bare:,} of {of} without a must, and so without requirements_met. {REMEDY}" if bare else ""


def _has_must(cell: str) -> bool:
    try:
        return any(one.must for one in read_requirements(cell))
    except (ValueError, RecursionError):
        return True  # to be turned down for what it is
