"""Two run folders, file by file: which published values are not those that were computed again."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..signature import PACKAGES, parts
from .export import page_text

NEVER = ("config.json", ".config.json", ".written.json")  # what the run was told, not what it computed
ASIDE = ("run_timestamp", "drawn_by")  # keys of JSON that say when, and which code drew a figure
KEYS = ("id", "test_id", "name", "model", "model_a", "model_b", "test_case", "round", "metric", "attempt")
INSIDE = ("figures/", "html/analysis_report")  # what is compared of a run's folders
WIDEST, BEFORE = 120, 20  # characters of a value in a line, and of what a line has in common before it


class Word(str):
    """What is said of a value instead of the value."""


ABSENT, THERE = Word("nothing"), Word("there")


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
        wrong = Counter(one.file for one in self.differences)
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
        there = [THERE if (folder / name).exists() else ABSENT for folder in (stated, computed)]
        if ABSENT in there:
            found.differences.append(Difference(name, "the file", *there))
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
    return {name for name in names if name not in NEVER and ("/" not in name or name.startswith(INSIDE))}


def _text(path: Path) -> str:
    try:
        return page_text(path) if path.suffix == ".html" else path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(file: object, error: Exception) -> RunError:
    return RunError(f"{file} cannot be read ({error}). Mend it, or make it again.")


def _versions(stated: Path, computed: Path) -> dict[str, str]:
    """What stands for another version of a package in the stated files: `scipy:1.1` to `scipy:1.2`."""
    files = [folder / "metrics_report.json" for folder in (stated, computed)]
    old, new = (parts(str(_json(path, _text(path)).get("signature", ""))) for path in files)
    apart = [name for name in ("benchkit", *PACKAGES) if old.get(name) != new.get(name)]
    pairs = [(name, old.get(name, ""), new.get(name, "")) for name in apart]
    return {f"{name}{sign}{was}": f"{name}{sign}{now}" for name, was, now in pairs for sign in ": "}


def _json(file: object, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _unreadable(file, error) from error


def json_apart(file: str, old: str, new: str) -> Iterator[Difference]:
    """Every leaf that differs, by its path."""
    yield from values_apart(file, _json(file, old), _json(file, new))


def values_apart(file: str, stated: Any, computed: Any, place: str = "") -> Iterator[Difference]:
    """Differences of two JSON values, leaf by leaf."""
    if isinstance(stated, Mapping) and isinstance(computed, Mapping):
        for name in (name for name in {**computed, **stated} if name not in ASIDE):
            inner = f"{place}.{name}" if place else str(name)
            yield from values_apart(file, stated.get(name, ABSENT), computed.get(name, ABSENT), inner)
    elif isinstance(stated, list) and isinstance(computed, list):
        for at, (one, other) in enumerate(zip_longest(stated, computed, fillvalue=ABSENT)):
            row = next((row for row in (one, other) if isinstance(row, Mapping)), {})
            told = ", ".join([str(at), *(str(row[name]) for name in KEYS if name in row)])
            yield from values_apart(file, one, other, f"{place}[{told}]")
    elif not same(stated, computed):
        yield Difference(file, place, stated, computed)


def same(one: Any, other: Any) -> bool:
    """Equal; numbers, and a table's cells that are numbers, to nine digits. A truth value is no number."""
    if type(one) is not bool and type(other) is not bool:
        try:
            return one == other or math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-12)
        except (TypeError, ValueError):
            return False
    return type(one) is type(other) and bool(one == other)


def table_apart(file: str, old: str, new: str) -> Iterator[Difference]:
    """Every cell that differs, by its row's keys; rows are held against each other by their keys."""
    yield from values_apart(file, _rows(old), _rows(new))


def _rows(text: str) -> dict[str, dict[str, Any]]:
    """The rows of a CSV text by their keys; one that comes again is told from the first by its number."""
    found: dict[str, dict[str, Any]] = {}
    seen: Counter[str] = Counter()
    for row in csv.DictReader(io.StringIO(text, newline="")):
        key = ", ".join(str(row[name]) for name in KEYS if row.get(name))
        seen[key] += 1
        found[f"{key}, row {seen[key]}" if seen[key] > 1 else key] = row
    return found


def lines_apart(file: str, old: str, new: str) -> Iterator[Difference]:
    """Every line that differs, with the heading above it."""
    mine, ours = old.splitlines(), new.splitlines()
    for kind, low, high, left, right in SequenceMatcher(None, mine, ours, autojunk=False).get_opcodes():
        above = [line.lstrip("# ") for line in mine[: low + 1] if line.startswith("#")]
        heading = f" ({above[-1]})" if above else ""
        for step, pair in enumerate(zip_longest(mine[low:high], ours[left:right], fillvalue=ABSENT)):
            if kind != "equal" and set(pair) - {"", ABSENT}:
                yield Difference(file, f"line {min(low + step, high) + 1}{heading}", *_from_apart(*pair))


def _from_apart(one: str, other: str) -> tuple[str, str]:
    """Two texts from a few words before the place where they first differ."""
    if ABSENT in (one, other):
        return one, other
    alike = zip(one, other, strict=False)
    first = next((at for at, (a, b) in enumerate(alike) if a != b), min(len(one), len(other)))
    start = max(0, first - BEFORE)
    return one[start:], other[start:]


DIFFERENCES = {".csv": table_apart, ".json": json_apart, ".md": lines_apart, ".html": lines_apart}


def _said(value: Any) -> str:
    if value is None or isinstance(value, Word):
        return value or "unknown"
    if isinstance(value, Mapping):
        return "a row"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]} […]"
