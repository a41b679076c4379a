"""Test cases that somebody brings: CSV or JSONL in, usable and unusable rows out, none dropped silently."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .domain import KINDS, TestCase, as_text
from .errors import InputError
from .log import setup_logging
from .metrics.answers import read_golden
from .metrics.structured import check_schema

if TYPE_CHECKING:
    import pandas as pd

logger = setup_logging(__name__)
NEEDED = ("prompt", "golden_response")
# What other harnesses call a conversation: the two sides of it.
CONVERSATION_NAMES = ("conversation", "customer, agent", "customer,agent")
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

    Needs the columns prompt and golden_response; id, category, test_case and response_schema are optional.
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
    """The usable cases of a validated_tests.csv, whoever wrote it; the others are warned of, one by one.

    Other harnesses call a conversation "customer, agent", write JSON as a Python literal and know no
    response_schema. Raises InputError when no case is usable.
    """
    import pandas as pd

    seen: dict[str, int] = {}
    rows = [
        row | _case(row, number, seen) | {"attempt": row["attempt"], "parent_id": row["parent_id"]}
        for number, row in enumerate(validated.to_dict("records"), 2)
    ]
    table = pd.DataFrame(rows, columns=list(validated.columns))
    bad = table["problem"] != ""
    for row in table[bad].to_dict("records"):
        logger.warning("validated_tests.csv %s (id %s): left out", row["problem"], row["id"])
    if bad.all():
        raise InputError(f"validated_tests.csv holds no usable case ({'; '.join(table['problem'].head(3))}).")
    return table[~bad].reset_index(drop=True)


def _read(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number in the file, row); a row that is no row holds its `problem` alone."""
    if not path.is_file():
        raise InputError(f"{path} is not a file. Give cases_file the path of a CSV or JSONL file.")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path} is not UTF-8 (byte {error.start}). Save it as UTF-8 and try again."
        ) from None
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}).") from None
    yield from _jsonl(path, text) if path.suffix in (".jsonl", ".ndjson", ".json") else _csv(path, text)


def _csv(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    csv.field_size_limit(2**31 - 1)
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    _check_columns(path, reader.fieldnames or ())
    line = reader.line_num + 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield line, {"problem": f"not readable as CSV ({error})"}
            return
        if row is None:
            return
        if "" in row:
            row = {"problem": f"has {len(row) - 1 + len(row[''])} fields, the header {len(row) - 1}"} | row
        yield line, row
        line = reader.line_num + 1


def _jsonl(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    first = _parsed(lines[0][1]) if lines else {}
    _check_columns(path, first if isinstance(first, dict) and "problem" not in first else NEEDED)
    for number, line in lines:
        yield number, _parsed(line)


def _parsed(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        return {"problem": f"not readable as JSON ({str(error)[:100]})"}
    return row if isinstance(row, dict) else {"problem": "not a JSON object"}


def _check_columns(path: Path, columns: Any) -> None:
    absent = [name for name in NEEDED if name not in columns]
    if absent:
        raise InputError(
            f"{path} has no column {' or '.join(absent)} (it has: {', '.join(columns) or 'nothing'}). "
            "Rename the columns that hold the customer's message and the reference answer."
        )


def _case(row: Mapping[str, Any], number: int, seen: dict[str, int]) -> dict[str, Any]:
    """One table row, its problem found."""
    golden, schema = row.get("golden_response"), row.get("response_schema")
    id = str(row.get("id") or "").strip() or f"row-{number:04d}"
    case: dict[str, Any] = {
        "id": id,
        "test_case": _kind(row),
        "category": str(row.get("category") or "").strip() or "uncategorised",
        "prompt": row["prompt"] if isinstance(row.get("prompt"), str) else as_text(row.get("prompt") or ""),
        "golden_response": "" if golden is None else as_text(golden),
        "response_schema": as_text(schema) if schema else "",
        "attempt": 1,
        "parent_id": "",
    }
    problem = row.get("problem") or _structural_problem(case, number, seen)
    return case | {"problem": f"row {number}: {problem}" if problem else ""}


def _kind(row: Mapping[str, Any]) -> str:
    named = str(row.get("test_case") or "").strip().lower()
    if named:
        return "conversation" if named in CONVERSATION_NAMES else named
    is_json = bool(row.get("response_schema")) or isinstance(row.get("golden_response"), dict)
    return "json" if is_json else "conversation"


def _structural_problem(case: dict[str, Any], number: int, seen: dict[str, int]) -> str:
    if case["test_case"] not in KINDS:
        return f"test_case {case['test_case']!r} is neither of: {', '.join(KINDS)}"
    if not case["prompt"].strip():
        return "prompt is empty"
    if not case["golden_response"].strip():
        return "golden_response is empty"
    if case["id"] in seen:
        return f"id {case['id']} stands in row {seen[case['id']]} already"
    seen[case["id"]] = number
    return _json_problem(case) if case["test_case"] == "json" else ""


def _json_problem(case: dict[str, Any]) -> str:
    """What is wrong with a json case; its golden and schema become canonical JSON when nothing is."""
    try:
        golden = read_golden(case["golden_response"])
        schema = json.loads(case["response_schema"]) if case["response_schema"] else schema_of(golden)
        check_schema(schema)
    except (InputError, ValueError, RecursionError) as error:
        return str(error)[:300]
    if schema.get("type", "object") != "object":
        return "response_schema does not describe an object, and a tool takes nothing else"
    case["golden_response"], case["response_schema"] = as_text(golden), as_text(schema)
    return ""


def schema_of(value: Any) -> dict[str, Any]:
    """The JSON Schema of everything shaped like `value`: the same keys, the same types."""
    schema: dict[str, Any] = {"type": JSON_TYPES[type(value)]}
    if isinstance(value, dict):
        schema["properties"] = {key: schema_of(item) for key, item in value.items()}
        schema["required"] = list(value)
    if isinstance(value, list) and value and len({type(item) for item in value}) == 1:
        schema["items"] = schema_of(value[0])
    return schema
