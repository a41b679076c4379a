"""A commentary's sentences, and what the computed report says that they have to agree with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, TypeGuard

LOWER_IS_BETTER = frozenset({"wer_score"})


@dataclass(frozen=True)
class Claim:
    """One sentence of a commentary; `lie` names the kind of falsehood, "" is true."""

    passage: str
    text: str
    lie: str = ""


def comparisons(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The comparisons that have an interval: the others allow no statement."""
    rows = message.get("comparisons") or ()
    return [row for row in rows if all(known(row.get(key)) for key in ("difference", "ci_low", "ci_high"))]


def known(value: Any) -> TypeGuard[float]:
    """Whether a number is there to be cited."""
    return isinstance(value, (int, float)) and isfinite(value)


def decided(row: Mapping[str, Any]) -> bool:
    """Whether the comparison names a winner: by its `outcome` where it has one, else by its interval."""
    if row.get("outcome"):
        return str(row["outcome"]).startswith("better")
    return row["ci_low"] > 0 or row["ci_high"] < 0


def p_shown(row: Mapping[str, Any]) -> Any:
    """The p-value that the tables print: the adjusted one, where there is one."""
    return row["p_adjusted"] if known(row.get("p_adjusted")) else row.get("p_value")


def significant(row: Mapping[str, Any], alpha: float) -> bool:
    """Whether the p-value, adjusted where it is, stays within `alpha`."""
    p = p_shown(row)
    return p <= alpha if known(p) else decided(row)


def ranked(row: Mapping[str, Any]) -> tuple[str, str]:
    """(the model that is ahead, the other); for a lower-is-better metric the smaller mean is ahead."""
    a_ahead = (row["difference"] > 0) != (row["metric"] in LOWER_IS_BETTER)
    return (row["model_a"], row["model_b"]) if a_ahead else (row["model_b"], row["model_a"])
