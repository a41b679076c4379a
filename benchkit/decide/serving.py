"""What an answer takes: seconds and dollars, in a sentence beside the quality."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .saying import known, listed

Row = Mapping[str, Any]
MOST_DIGITS = 8
# measure: (what it is called, factor, digits, unit, more, less)
_SAID = {
    "latency_s": ("an answer of {0} takes {1}", 1.0, 3, "{} s", "longer", "less"),
    "cost_usd": ("1,000 answers of {0} cost {1}", 1000.0, 3, "USD {}", "more", "less"),
}


def serving_sentence(rows: Sequence[Row], anchor: str, alpha: float) -> str:
    """How much longer and dearer an answer of `anchor` is than the others', over the same cases; or ""."""
    parts = []
    for measure, (said, factor, digits, unit, more, less) in _SAID.items():
        facing = [_facing(row, anchor, factor) for row in rows if row["measure"] == measure]
        told = [
            _against(one, alpha, digits, unit, more, less)
            for one in facing
            if one and known(one["difference"])
        ]
        if told:
            parts.append(said.format(anchor, listed(told)))
    return f"Beside quality, {'; '.join(parts)}." if parts else ""


def _facing(row: Row, anchor: str, factor: float) -> dict[str, Any] | None:
    """A row read from the side of `anchor`, in the unit that is said."""
    if anchor not in (row["model_a"], row["model_b"]):
        return None
    sign, other = (1, row["model_b"]) if row["model_a"] == anchor else (-1, row["model_a"])
    ends = [row["ci_low"], row["ci_high"]]
    ends = sorted(sign * factor * end for end in ends) if all(map(known, ends)) else []
    gap = sign * factor * row["difference"] if known(row["difference"]) else None
    return {"other": other, "difference": gap, "ends": ends}


def _against(one: Mapping[str, Any], alpha: float, digits: int, unit: str, more: str, less: str) -> str:
    gap, ends = one["difference"], one["ends"]
    digits = enough_digits(gap, digits)
    size = unit.format(f"{abs(gap):z,.{digits}f}")
    said = f"{size} {more if gap > 0 else less} than {one['other']}"
    if round(gap, digits) == 0:
        said = f"the same as {one['other']} to {digits} digits"
    # The interval is of what is said: of how much less, where it is less.
    ends = ends if gap > 0 else [-end for end in reversed(ends)]
    if not ends:
        return f"{said} (no interval)"
    level = f"{100 * (1 - alpha):g} % interval {ends[0]:z,.{digits}f} to {ends[1]:z,.{digits}f}"
    return f"{said} ({level}{', not told from zero' if ends[0] <= 0 <= ends[1] else ''})"


def enough_digits(gap: float, digits: int) -> int:
    """`digits`, or as many more as it takes to show two figures of a gap that would round to nothing."""
    if round(gap, digits) != 0 or abs(gap) < 10.0**-MOST_DIGITS:
        return digits
    return min(MOST_DIGITS, 1 - math.floor(math.log10(abs(gap))))
