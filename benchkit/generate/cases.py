"""Test cases that somebody brings: CSV or JSONL in, usable and unusable rows out, none dropped silently."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..domain import KINDS, TestCase, as_text
from ..errors import InputError
from ..metrics.answers import read_golden
from ..metrics.structured import check_schema

if TYPE_CHECKING:
    import pandas as pd

NEEDED = ("prompt", "golden_response")
# What other harnesses call a conversation: the two sides of it.
SIDES = {"customer", "agent"}
JSON_TYPES: dict[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}


def read_cases(cases_file: str) -> pd.DataFrame:
    """The cases in a CSV or JSONL file, in file order; a row that cannot be used says why in `problem`.

    Needs the columns prompt and golden_response; the others of a TestCase are optional.
    "" gives an empty table. Raises InputError for a file that is missing, empty or no such table.
    """
    import pandas as pd

    columns = [*TestCase.__dataclass_fields__, "problem"]
    rows = list(_read(Path(cases_file).expanduser())) if cases_file else []
    if cases_file and not rows:
        raise InputError(f"{cases_file} holds no row. Give a CSV or JSONL file with {' and '.join(NEEDED)}.")
    seen: dict[str, int] = {}
    cases = [_case(row, number, seen) for number, row in rows]
    return pd.DataFrame(cases, columns=columns)


def adopt_cases(validated: pd.DataFrame) -> pd.DataFrame:
    """The usable cases of a validated_tests.csv, whoever wrote it; `attrs["unusable"]` has the others.

    Other harnesses call a conversation "customer, agent", write JSON as a Python literal and know no
    response_schema. What is wrong with an unusable case stands there by its id. Raises InputError when none
    is usable.
    """
    import pandas as pd

    seen: dict[str, int] = {}
    rows = [
        row | _case(row, number, seen) | {"attempt": row["attempt"], "parent_id": row["parent_id"]}
        for number, row in enumerate(validated.to_dict("records"), 2)
    ]
    table = pd.DataFrame(rows, columns=[*dict.fromkeys((*validated.columns, "response_schema"))])
    bad = table["problem"] != ""
    if bad.all():
        raise InputError(f"validated_tests.csv holds no usable case ({'; '.join(table['problem'].head(3))}).")
    usable = table[~bad].reset_index(drop=True)
    usable.attrs["unusable"] = dict(zip(table["id"][bad], table["problem"][bad], strict=True))
    return usable


def _read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(row number as a spreadsheet or an editor shows it, row with its `problem`)."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give cases_file the path of a CSV or JSONL file.")
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8 and try again."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None
    jsonl = path.suffix.lower() in (".jsonl", ".ndjson", ".json")
    yield from _jsonl(path, text) if jsonl else _csv(path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    records = _records(text)
    _, header, problem = next(records, (1, [], ""))
    if problem:
        raise InputError(f"{path} has a first row that is {problem}. Write the column names there.")
    columns = [name.strip() for name in header]
    _check_columns(path, columns)
    twice = sorted({name for name in columns if name and columns.count(name) > 1})
    if twice:
        raise InputError(f"{path} has the column {', '.join(twice)} twice. Rename or remove one.")
    for number, cells, problem in records:
        if cells and len(cells) != len(columns):
            problem = f"has {len(cells)} cells, the header {len(columns)}"
        if cells or problem:
            yield number, dict(zip(columns, cells, strict=False)) | {"problem": problem}


def _records(text: str) -> Iterator[tuple[int, list[str], str]]:
    """(row number, cells, problem) of every record; reading goes on behind one that cannot be read."""
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    for number in count(1):
        begins = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield number, [], f"not readable as CSV ({error}; lines {begins} to {reader.line_num})"
        else:
            yield number, cells, ""


def _jsonl(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    rows = [(number, _parsed(line)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    objects = [row for _, row in rows if row.keys() != {"problem"}]
    if rows and not objects:
        raise InputError(f"{path} has no JSON object on any line. Write one object a line, not an array.")
    _check_columns(path, list(dict.fromkeys(key for row in objects for key in row)))
    yield from rows


def _parsed(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {"problem": f"not readable as JSON ({str(error)[:100]})"}
    return {**row, "problem": ""} if isinstance(row, dict) else {"problem": "not a JSON object"}


def _check_columns(path: Path, columns: Sequence[str]) -> None:
    absent = [name for name in NEEDED if name not in columns]
    if absent:
        raise InputError(
            f"{path} has no column {' or '.join(absent)} (it has: {', '.join(columns) or 'nothing'}). "
            "Separate columns by commas, with their names in small letters in the first row; prompt is what "
            "the customer says, golden_response the reference."
        )


def _case(row: Mapping[str, Any], number: int, seen: dict[str, int]) -> dict[str, Any]:
    """One table row, its problem found."""
    case: dict[str, Any] = {
        "id": _cell(row, "id").strip() or f"row-{number:04d}",
        "test_case": _kind(row),
        "category": _cell(row, "category").strip() or "uncategorised",
        "prompt": _cell(row, "prompt"),
        "golden_response": _cell(row, "golden_response"),
        "response_schema": _cell(row, "response_schema"),
        "attempt": 1,
        "parent_id": "",
        "family": _cell(row, "family").strip(),
    }
    problem = row.get("problem") or _structural_problem(row, case, seen)
    if not problem:
        seen[case["id"]] = number
    return case | {"problem": f"row {number}: {problem}" if problem else ""}


def _cell(row: Mapping[str, Any], name: str) -> str:
    return "" if row.get(name) is None else as_text(row[name])


def _kind(row: Mapping[str, Any]) -> str:
    named = _cell(row, "test_case").strip().lower()
    if named:
        return "conversation" if {side.strip() for side in named.split(",")} == SIDES else named
    is_json = bool(row.get("response_schema")) or isinstance(row.get("golden_response"), dict)
    return "json" if is_json else "conversation"


def _structural_problem(row: Mapping[str, Any], case: dict[str, Any], seen: dict[str, int]) -> str:
    if case["test_case"] not in KINDS:
        return f"test_case {case['test_case'][:60]!r} is neither of: {', '.join(KINDS)}"
    if not case["prompt"].strip():
        return "prompt is empty"
    if not isinstance(row.get("prompt"), str):
        return "prompt is not text"
    if not case["golden_response"].strip():
        return "golden_response is empty"
    if case["test_case"] == "conversation" and not isinstance(row["golden_response"], str):
        return "golden_response is not text"
    if case["id"] in seen:
        return f"id {case['id']} stands in row {seen[case['id']]} already"
    return _json_problem(case) if case["test_case"] == "json" else ""


def _json_problem(case: dict[str, Any]) -> str:
    """What is wrong with a json case; its golden and schema become canonical JSON when nothing is."""
    try:
        golden = read_golden(case["golden_response"])
        if not golden:
            return "golden_response is an empty object"
        schema = _schema(case["response_schema"]) if case["response_schema"] else schema_of(golden)
        check_schema(schema)
    except (InputError, ValueError, RecursionError) as error:
        return str(error)[:300]
    if schema.get("type", "object") != "object":
        return "response_schema does not describe an object, and a tool takes nothing else"
    case["golden_response"], case["response_schema"] = as_text(golden), as_text(schema)
    return ""


def _schema(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InputError(f"response_schema is not JSON ({error})") from None


def schema_of(value: Any) -> dict[str, Any]:
    """The JSON Schema of everything shaped like `value`: the same keys, the same types."""
    schema: dict[str, Any] = {"type": JSON_TYPES[type(value)]}
    if isinstance(value, dict):
        schema["properties"] = {key: schema_of(item) for key, item in value.items()}
        schema["required"] = list(value)
    shapes = [schema_of(item) for item in value] if isinstance(value, list) else []
    if shapes and all(shape == shapes[0] for shape in shapes):
        schema["items"] = shapes[0]
    return schema
