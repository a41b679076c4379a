"""Two run folders, file by file: which published values are not those that were computed again."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..signature import PACKAGES, parts
from .export import page_text

NEVER = ("config.json", ".config.json", ".written.json")  # what the run was told, not what it computed
ASIDE = ("run_timestamp", "drawn_by")  # keys of JSON that say when, and which code drew a figure
KEYS = ("id", "test_id", "name", "model", "model_a", "model_b", "test_case", "round", "metric", "attempt")


class Word(str):
    """What is said of a value instead of the value."""


ABSENT, THERE, ROW = Word("nothing"), Word("there"), Word("a row")
WIDEST = 120  # characters of a value in a line


@dataclass(frozen=True)
class Difference:
    """One published value that is not the one computed again; `str` names file, place and both."""

    file: str
    place: str
    stated: Any
    computed: Any

    def __str__(self) -> str:
        return f"{self.file}  {self.place}: states {_said(self.stated)}, recomputed {_said(self.computed)}"


@dataclass
class Verification:
    """What was compared, what differs, and what could not be computed again, in words."""

    differences: list[Difference] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """The differences, then a line per file, then the notes."""
        wrong = {name: sum(one.file == name for one in self.differences) for name in self.files}
        width = max(map(len, self.files), default=0)
        each = [
            f"{name:{width}}  {f'{wrong[name]:,} differ' if wrong[name] else 'agrees'}" for name in self.files
        ]
        return [*map(str, self.differences), *each, *self.notes]


def compared(stated: Path, computed: Path) -> Verification:
    """Every table, JSON file and text of two run folders; a page by the words that a reader sees.

    Raises RunError for a file that cannot be read.
    """
    found = Verification(files=sorted(_files(stated) | _files(computed)))
    versions = _versions(stated, computed)
    for name in found.files:
        there = [(folder / name).exists() for folder in (stated, computed)]
        if not all(there):
            found.differences.append(
                Difference(name, "the file", *((THERE if one else ABSENT) for one in there))
            )
            continue
        old, new = (_text(folder / name) for folder in (stated, computed))
        for before, now in versions.items():
            old = old.replace(before, now)
        found.differences += DIFFERENCES[Path(name).suffix](name, old, new)
    found.notes += [f"Made with {old}, recomputed with {new}." for old, new in versions.items() if ":" in old]
    return found


def _files(folder: Path) -> set[str]:
    paths = [path for kind in DIFFERENCES for path in (*folder.glob(f"*{kind}"), *folder.glob(f"*/*{kind}"))]
    names = {path.relative_to(folder).as_posix() for path in paths}
    return {name for name in names if name not in NEVER and (name.count("/") == 0 or name.startswith(INSIDE))}


INSIDE = ("figures/", "html/analysis_report")


def _text(path: Path) -> str:
    try:
        return page_text(path) if path.suffix == ".html" else path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read ({error}). Mend it, or make it again.") from error


def _versions(stated: Path, computed: Path) -> dict[str, str]:
    """What stands for another version of a package in the stated files: `scipy:1.1` to `scipy:1.2`."""
    found = [
        parts(str(_json(folder / "metrics_report.json").get("signature", "")))
        for folder in (stated, computed)
    ]
    apart = {
        name: [one.get(name, "") for one in found]
        for name in ("benchkit", *PACKAGES)
        if found[0].get(name) != found[1].get(name)
    }
    return {f"{name}{sign}{old}": f"{name}{sign}{new}" for name, (old, new) in apart.items() for sign in ": "}


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise RunError(f"{path} cannot be read ({error}). Mend it, or make it again.") from error


def json_apart(file: str, old: str, new: str) -> Iterator[Difference]:
    """Every leaf that differs, by its path; numbers to nine digits."""
    try:
        stated, computed = json.loads(old), json.loads(new)
    except ValueError as error:
        raise RunError(f"{file} cannot be read ({error}). Mend it, or make it again.") from error
    yield from values_apart(file, stated, computed)


def values_apart(file: str, stated: Any, computed: Any, place: str = "") -> Iterator[Difference]:
    """Differences of two JSON values, leaf by leaf."""
    if isinstance(stated, Mapping) and isinstance(computed, Mapping):
        for name in (name for name in {**computed, **stated} if name not in ASIDE):
            inner = f"{place}.{name}" if place else str(name)
            yield from values_apart(file, stated.get(name, ABSENT), computed.get(name, ABSENT), inner)
    elif isinstance(stated, list) and isinstance(computed, list):
        for at in range(max(len(stated), len(computed))):
            pair = [side[at] if at < len(side) else ABSENT for side in (stated, computed)]
            yield from values_apart(file, pair[0], pair[1], f"{place}[{_row(at, pair)}]")
    elif not same(stated, computed):
        yield Difference(file, place, stated, computed)


def same(one: Any, other: Any) -> bool:
    """Equal, numbers to nine digits; a truth value is no number."""
    numbers = [isinstance(v, int | float) and not isinstance(v, bool) for v in (one, other)]
    if all(numbers):
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-12)
    return type(one) is type(other) and one == other


def _row(at: int, pair: Sequence[Any]) -> str:
    row = next((one for one in pair if isinstance(one, Mapping)), {})
    told = [str(row[name]) for name in KEYS if name in row]
    return f"{at}: {', '.join(told)}" if told else str(at)


def table_apart(file: str, old: str, new: str) -> Iterator[Difference]:
    """Every cell that differs, by its row's keys; rows are held against each other by their keys."""
    stated, computed = _rows(old), _rows(new)
    for key in dict.fromkeys([*computed, *stated]):
        mine, ours = stated.get(key, {}), computed.get(key, {})
        if not mine or not ours:
            yield Difference(file, ", ".join(key), *((ROW if row else ABSENT) for row in (mine, ours)))
            continue
        for column in {**ours, **mine}:
            pair = [row.get(column, ABSENT) for row in (mine, ours)]
            if pair[0] != pair[1] and not _close(*pair):
                yield Difference(file, ", ".join((*key, column)), *pair)


def _rows(text: str) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows of a CSV text by their keys; one that comes again is told from the first by its number."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    seen: Counter[tuple[str, ...]] = Counter()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        key = tuple(str(row[name]) for name in KEYS if row.get(name))
        seen[key] += 1
        found[(*key, f"row {seen[key]}") if seen[key] > 1 else key] = row
    return found


def _close(one: Any, other: Any) -> bool:
    try:
        return same(float(one), float(other))
    except (TypeError, ValueError):
        return False


def lines_apart(file: str, old: str, new: str) -> Iterator[Difference]:
    """Every line that differs, with the heading above it."""
    mine, ours = old.splitlines(), new.splitlines()
    for kind, low, high, left, right in SequenceMatcher(None, mine, ours, autojunk=False).get_opcodes():
        for step in range(max(high - low, right - left) if kind != "equal" else 0):
            pair = (
                mine[low + step] if low + step < high else ABSENT,
                ours[left + step] if left + step < right else ABSENT,
            )
            if set(pair) - {"", ABSENT}:
                above = [line for line in mine[: low + 1] if line.startswith("#")]
                heading = f" ({above[-1].lstrip('# ')})" if above else ""
                yield Difference(file, f"line {min(low + step, high) + 1}{heading}", *_middle(*pair))


def _middle(one: Any, other: Any) -> tuple[Any, Any]:
    """Two texts without what they begin and end with in common, but for a few words to find it by."""
    if one is ABSENT or other is ABSENT:
        return one, other
    blocks = [b for b in SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks() if b.size]
    start = blocks[0].size if blocks and blocks[0].a == blocks[0].b == 0 else 0
    last = blocks[-1] if blocks else None
    ends = last and last.a + last.size == len(one) and last.b + last.size == len(other) and last.a >= start
    tail = last.size if last and ends else 0
    start, tail = max(0, start - 20), max(0, tail - 20)
    return one[start : len(one) - tail], other[start : len(other) - tail]


DIFFERENCES = {".csv": table_apart, ".json": json_apart, ".md": lines_apart, ".html": lines_apart}


def _said(value: Any) -> str:
    if value is None or isinstance(value, Word):
        return value or "unknown"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]} […]"
