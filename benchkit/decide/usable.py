"""What became of answers that could not be used: where few came, and why."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from ..wording import count, kind_name

HALF = 0.5  # of a model's answers: fewer that can be used are few


def nothing_usable(rows: pd.DataFrame, least: float) -> str:
    """What became of a kind's scored answers where no model has more than this share in usable form; else "".

    `rows` are the complete scores of one kind and metric.
    """
    rows = rows[rows["value"].notna()]
    usable = rows["reason"] == ""
    few = len(rows) and not usable.all() and usable.groupby(rows["model"]).mean().max() <= least
    return _unusable(rows) if few else ""


def few_usable(rows: pd.DataFrame) -> Iterator[str]:
    """A sentence for every model and kind with fewer than half of the answers in usable form."""
    rows = rows[rows["value"].notna()]
    for (model, kind), some in rows.groupby(["model", "test_case"], sort=False):
        if (some["reason"] == "").mean() < HALF:
            yield f"Of {model} on {kind_name(str(kind))}, {_unusable(some)}."


def _unusable(rows: pd.DataFrame) -> str:
    """`60 of 60 answers were unusable, most often: cut off at max_tokens = 50; raise it`."""
    lost = rows.loc[rows["reason"] != "", "reason"]
    status, _, cause = str(lost.value_counts().index[0]).partition(": ")
    remedy = "; raise it" if cause.startswith("cut off at") else ""
    return (
        f"{len(lost):,} of {count(len(rows), 'answer')} were unusable, most often: {cause or status}{remedy}"
    )
