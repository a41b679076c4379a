"""Where two artifacts differ: nested values, tables and texts, each difference with its place."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

# What tells a row of a list from its neighbours, for a place that a reader finds again.
_NAMES = ("id", "metric", "test_case", "category", "model", "model_a", "model_b", "round", "rounds")
_ABSENT = "nothing"
WIDEST = 160  # characters of a value in a line


@dataclass(frozen=True)
class Difference:
    """One place where an artifact states another value than its sources give."""

    file: str
    place: str
    stated: Any
    recomputed: Any

    def __str__(self) -> str:
        return f"{self.file}  {self.place}: states {_said(self.stated)}, recomputed {_said(self.recomputed)}"


def values_apart(file: str, stated: Any, recomputed: Any, place: str = "") -> Iterator[Difference]:
    """Every leaf of a nested value that differs; numbers that agree to 9 digits are the same."""
    if isinstance(stated, Mapping) and isinstance(recomputed, Mapping):
        for name in dict.fromkeys((*recomputed, *stated)):
            inner = f"{place}.{name}" if place else str(name)
            yield from values_apart(file, stated.get(name, _Missing), recomputed.get(name, _Missing), inner)
    elif isinstance(stated, list) and isinstance(recomputed, list):
        for at in range(max(len(stated), len(recomputed))):
            mine, ours = (some[at] if at < len(some) else _Missing for some in (stated, recomputed))
            name = f"{place}[{_name(at, mine if ours is _Missing else ours)}]"
            yield from values_apart(file, mine, ours, name)
    elif not same(stated, recomputed):
        yield Difference(file, place, stated, recomputed)


class _Missing:
    """What only one side has."""


def same(one: Any, other: Any) -> bool:
    """Whether two leaves are equal: 5 and 5.0 are, 1 and true are not, unknown is only unknown."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        if math.isnan(one) or math.isnan(other):
            return math.isnan(one) and math.isnan(other)
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and one == other


def rows_apart(
    file: str,
    stated: Sequence[Mapping],
    recomputed: Sequence[Mapping],
    key: Sequence[str],
    columns: Sequence[str],
) -> Iterator[Difference]:
    """Differences of two tables whose rows are found by `key`, in whatever order they stand."""
    mine: dict[tuple, Mapping] = {}
    for row in stated:
        name = tuple(row[k] for k in key)
        if name in mine:
            yield Difference(file, _place(name), "the row twice", "one row")
        mine[name] = row
    ours = {tuple(row[k] for k in key): row for row in recomputed}
    for name in dict.fromkeys((*ours, *mine)):
        if name not in mine or name not in ours:
            sides = ("a row", _Missing) if name in mine else (_Missing, "a row")
            yield Difference(file, _place(name), *sides)
            continue
        for column in columns:
            if not same(mine[name][column], ours[name][column]):
                place = f"{_place(name)}, {column}"
                yield Difference(file, place, mine[name][column], ours[name][column])


def cells_apart(file: str, stated: str, recomputed: str) -> Iterator[Difference]:
    """Differences of two CSV texts, cell by cell."""
    mine, ours = (list(csv.reader(io.StringIO(text, newline=""))) for text in (stated, recomputed))
    if len(mine) != len(ours):
        yield Difference(file, "rows", len(mine), len(ours))
    head = ours[0] if ours else []
    for number, (one, other) in enumerate(zip(mine, ours, strict=False), 1):
        for at in range(max(len(one), len(other))):
            cells = [row[at] if at < len(row) else _Missing for row in (one, other)]
            if cells[0] != cells[1]:
                column = head[at] if at < len(head) else f"column {at + 1}"
                yield Difference(file, f"row {number}, {column}", *_middle(*cells))


def lines_apart(file: str, stated: str, recomputed: str) -> Iterator[Difference]:
    """Differences of two texts, line by line, each shortened to the words that differ."""
    mine, ours = stated.splitlines(), recomputed.splitlines()
    matcher = SequenceMatcher(None, mine, ours, autojunk=False)
    for kind, low, high, left, right in matcher.get_opcodes():
        for step in range(max(high - low, right - left) if kind != "equal" else 0):
            one = mine[low + step] if low + step < high else _Missing
            other = ours[left + step] if left + step < right else _Missing
            if one != other and {one, other} - {"", _Missing}:
                place = f"line {min(low + step, high) + 1}{_heading(mine, low)}"
                yield Difference(file, place, *_middle(one, other))


def _heading(lines: Sequence[str], at: int) -> str:
    """The heading that a line stands under, in brackets, if any."""
    return next((f" ({line.lstrip('# ')})" for line in reversed(lines[: at + 1]) if line.startswith("#")), "")


def _middle(one: Any, other: Any) -> tuple[Any, Any]:
    """Two texts without the words that they begin and end with in common."""
    if one is _Missing or other is _Missing:
        return one, other
    mine, ours = one.split(), other.split()
    least, start = min(len(mine), len(ours)), 0
    while start < least and mine[start] == ours[start]:
        start += 1
    end = 0
    while end < least - start and mine[-1 - end] == ours[-1 - end]:
        end += 1
    around = max(0, start - 2)  # two words more, to find it by
    return " ".join(mine[around : len(mine) - end]), " ".join(ours[around : len(ours) - end])


def _name(at: int, row: Any) -> str:
    told = [str(row[name]) for name in _NAMES if name in row] if isinstance(row, Mapping) else []
    return f"{at}: {', '.join(told)}" if told else str(at)


def _place(name: tuple) -> str:
    return ", ".join(str(part) for part in name)


def _said(value: Any) -> str:
    if value is _Missing:
        return _ABSENT
    text = repr(value) if isinstance(value, str) else "unknown" if _is_unknown(value) else str(value)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]} […]"


def _is_unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
