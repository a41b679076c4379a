"""Answers that nobody could have used: how many, and the commonest cause."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ..wording import count, kind_name, percent

HALF = 0.5  # of a model's answers: fewer that can be used are few
_MENDS = {"cut off at max_tokens": "raise it"}  # by how the cause begins


def nothing_usable(rows: pd.DataFrame, least: float) -> str:
    """What became of a kind's scored answers where no model has more than this share in usable form; else "".

    `rows` are the complete scores of one kind and metric.
    """
    rows = rows[rows["value"].notna()]
    if not len(rows):
        return ""
    share = (rows["reason"] == "").groupby(rows["model"]).mean().max()
    return _told(rows) if share <= least and (rows["reason"] != "").any() else ""


def of_few(rows: pd.DataFrame) -> Iterator[str]:
    """A sentence for every model and kind with fewer than half of the answers in usable form."""
    rows = rows[rows["value"].notna()]
    for (model, kind), some in rows.groupby(["model", "test_case"], sort=False):
        if (some["reason"] == "").mean() < HALF:
            yield f"Of {model} on {kind_name(str(kind))}, {_told(some)}."


def _told(rows: pd.DataFrame) -> str:
    """`all 60 answers were unusable, most of them cut off at max_tokens = 50; raise it`."""
    lost = rows.loc[rows["reason"] != "", "reason"]
    status, _, cause = str(lost.value_counts(sort=True).index[0]).partition(": ")
    cause, same = cause or status, int(lost.str.endswith(cause or status).sum())
    size = count(len(rows), "answer")
    whole = f"all {size}" if len(lost) == len(rows) else f"{len(lost):,} of {size}"
    share = "all" if same == len(lost) else "most" if same > len(lost) / 2 else percent(same / len(lost))
    mend = next((f"; {what}" for start, what in _MENDS.items() if cause.startswith(start)), "")
    return f"{whole} were unusable, {share} of them {_as_cause(cause)}{mend}"


def _as_cause(cause: str) -> str:
    return cause if cause.startswith("cut off") else f"for one cause: {cause}"
