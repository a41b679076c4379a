"""The rows of a file of cases: CSV with any separator, JSON lines, or one JSON array."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..run import delimited

NEEDED = ("prompt", "golden_response")
KNOWN = ("id", "test_case", "category", "family", *NEEDED, "response_schema", "requirements")
Row = tuple[int, Mapping[str, Any], str]  # number as an editor shows it, cells, what is wrong with it


def read_rows(path: Path) -> Iterator[Row]:
    """The rows of a cases file, in its order. Raises InputError for a file that holds no table of cases."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give cases_file the path of a CSV or JSONL file.")
    yield from _json(path) if path.suffix.lower() in (".jsonl", ".ndjson", ".json") else _csv(path)


def _csv(path: Path) -> Iterator[Row]:
    columns, rows = delimited.read_rows(path, NEEDED, KNOWN)
    _check_columns(path, columns)
    yield from ((number, dict(zip(columns, cells, strict=False)), problem) for number, cells, problem in rows)


def _json(path: Path) -> Iterator[Row]:
    text = delimited.read_text(path).removeprefix("\ufeff")
    if text.lstrip().startswith("["):
        rows = [(number, *_object(row)) for number, row in enumerate(_array(path, text), 1)]
    else:
        lines = enumerate(text.split("\n"), 1)
        rows = [(number, *_parsed(line)) for number, line in lines if line.strip()]
    objects = [row for _, row, problem in rows if not problem]
    if rows and not objects:
        raise InputError(f"{path} has no JSON object. Write one object a line, or one array of them.")
    found = list(dict.fromkeys(key for row in objects for key in row))
    names = dict(zip(found, delimited.known_names(path, found, KNOWN), strict=True))
    _check_columns(path, list(names.values()))
    yield from ((number, {names[key]: row[key] for key in row}, problem) for number, row, problem in rows)


def _array(path: Path, text: str) -> list[Any]:
    try:
        return list(json.loads(text, parse_constant=_nothing))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no JSON array ({str(error)[:100]}). Mend it there.") from None


def _parsed(line: str) -> tuple[dict[str, Any], str]:
    try:
        return _object(json.loads(line, parse_constant=_nothing))
    except (ValueError, RecursionError) as error:
        return {}, f"not readable as JSON ({str(error)[:100]})"


def _object(row: Any) -> tuple[dict[str, Any], str]:
    return (row, "") if isinstance(row, dict) else ({}, "not a JSON object")


def _nothing(constant: str) -> None:
    """NaN and Infinity, which JSON does not know and pandas writes, stand for a cell without a value."""


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    absent = [name for name in NEEDED if name not in columns]
    if absent:
        raise InputError(
            f"{path} has no column {' or '.join(absent)} (it has: {', '.join(columns) or 'nothing'}). "
            "Name the columns in the first row: prompt is what the customer says, golden_response the "
            "reference."
        )
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {', '.join(twice)} twice. Rename or remove one.")
