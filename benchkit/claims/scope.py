"""The comparisons that a clause speaks of, and what they came to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .known import number
from .reading import Names, Sentence

Row = Mapping[str, Any]
NEGATED = re.compile(
    r"\b(?:not(?! only)|no(?! doubt)|never|neither|nor|cannot|without|none|nobody|nothing|hardly|"
    r"fail(?:s|ed)? to|instead of|rather than)\b|n't\b",
    re.IGNORECASE,
)
# What is only thought of is no claim.
OPEN = re.compile(r"\b(?:if|whether|unless|could|might|may|can be|in case|question)\b", re.IGNORECASE)
_EVERYWHERE = re.compile(
    r"\b(?:every|all|each)(?: of)?(?: the)?(?: single)?(?: \w+)? (?:metrics?|measures?|comparisons?|differences)\b|"
    r"\b(?:everywhere|across the board|everything|in every respect|without exception|on everything)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Scope:
    """A clause's comparisons. `named` tells whether it says which metrics they are on."""

    rows: tuple[Row, ...]
    named: bool

    def of(self, models: Sequence[str]) -> tuple[Row, ...]:
        """The rows of these models: between them where there are two, else of the one against any."""
        some = set(models)
        both = len(some) > 1
        return tuple(
            row
            for row in self.rows
            if not some or (pair_of(row) <= some if both else bool(pair_of(row) & some))
        )


def scope(clause: str, sentence: Sentence, names: Names, facts: Mapping[str, Any]) -> Scope:
    """The rows on the clause's metrics, else on the sentence's; the deciding ones where none is named."""
    rows = tuple(facts["comparisons"])
    metrics = names.metrics_in(clause) or sentence.metrics
    if _EVERYWHERE.search(clause):
        return Scope(rows, True)
    if metrics:
        return Scope(tuple(row for row in rows if row["metric"] in metrics), True)
    kinds = sentence.kinds or tuple({row["test_case"] for row in rows})
    some = tuple(row for row in rows if row["test_case"] in kinds)
    deciding = tuple(row for row in some if row.get("primary"))
    return Scope(deciding or some, False)


def pair_of(row: Row) -> set[str]:
    return {row["model_a"], row["model_b"]}


def winner(row: Row) -> str:
    """The model that a comparison shows to be better, or ""."""
    return {"better_a": row["model_a"], "better_b": row["model_b"]}.get(row["outcome"], "")


def is_significant(row: Row, alpha: float) -> bool:
    p = number(row.get("p_adjusted"))
    p = number(row.get("p_value")) if p is None else p
    return p is not None and p <= alpha


def includes_zero(row: Row) -> bool | None:
    """Whether the t interval holds zero; None where there is none."""
    low, high = number(row["ci_low"]), number(row["ci_high"])
    return None if low is None or high is None else low <= 0 <= high
