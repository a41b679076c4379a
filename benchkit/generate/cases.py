"""Test cases that somebody brings: usable and unusable rows out, none dropped silently."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ..domain import KINDS, TestCase, as_text, read_requirements, requirements_given
from ..errors import InputError
from ..log import setup_logging
from ..metrics.answers import read_golden
from ..metrics.schemas import check_schema, json_type
from ..run.json_io import plain
from ..run.rows import rows_used
from ..wording import count
from .files import NEEDED, Row, read_rows

logger = setup_logging(__name__)
# What other harnesses call a conversation: the two sides of it.
SIDES = {"customer", "agent"}
# What pandas, databases and spreadsheets write into a cell that holds nothing.
ABSENT = frozenset(("", "nan", "null", "none", "<na>", "nat", "n/a", "#n/a"))
NEGATION = re.compile(
    r"\b(?:not|never|cannot|(?:under|in) no)\b|n['’]t\b|^(?:no|none|avoid|refrain|without)\b", re.IGNORECASE
)


def read_cases(cases_file: str) -> pd.DataFrame:
    """The cases in a file, in its order; a row that cannot be used says why in `problem`.

    CSV (also with semicolons, tabs or bars), JSON lines or a JSON array, with prompt and golden_response;
    the other KNOWN columns are optional, in letters of either case, and further ones are ignored. Cells that
    hold nothing (NaN, NULL) are absent. A golden_response that is an object makes a json case where no
    test_case says otherwise; json cases without a response_schema share one made of all of them.
    Requirements are a JSON list of objects or texts, or one a line (`read_requirements`).

    "" gives an empty table. Raises InputError for a file that is missing, empty or no such table.
    """
    rows = list(read_rows(Path(cases_file).expanduser())) if cases_file else []
    if cases_file and not rows:
        raise InputError(f"{cases_file} holds no row. Give a table with {' and '.join(NEEDED)}.")
    if assumed := sum(_is_taken_for_json(row) for _, row, problem in rows if not problem):
        logger.warning(
            "%s: %d rows without a test_case have a JSON object as golden_response and are json cases.",
            cases_file, assumed,
        )  # fmt: skip
    if denied := [f"row {number}, {one}" for number, row, _ in rows for one in _unread_negations(row)]:
        logger.warning(
            "%s: %s not understood, so read as what an answer must do: %s%s. Begin a ban with "
            '"must not", or give the kind.',
            cases_file, count(len(denied), "negation"), "; ".join(denied[:5]), "; …" * (len(denied) > 5),
        )  # fmt: skip
    columns = [*TestCase.__dataclass_fields__, "problem"]
    return pd.DataFrame(_cases(rows, asked=True), columns=columns)


def adopt_cases(validated: pd.DataFrame) -> pd.DataFrame:
    """The usable cases of a validated_tests.csv, whoever wrote it, with all of its columns.

    Other harnesses call a conversation "customer, agent", write JSON as a Python literal and know no
    response_schema. `attrs["unusable"]` says what is wrong with the other rows by their ids, and
    `attrs["rows_used"]` how many there are. Raises InputError when none is usable.
    """
    given = validated.to_dict("records")
    cases = _cases([(number, row, "") for number, row in enumerate(given, 2)], asked=False)
    kept = ("attempt", "parent_id", "problem")  # a column of that name may be somebody's own
    rows = [
        row | case | {name: row[name] for name in kept if name in row}
        for row, case in zip(given, cases, strict=True)
        if not case["problem"]
    ]
    problems = {case["id"]: case["problem"] for case in cases if case["problem"]}
    if not rows:
        said = "; ".join(list(problems.values())[:3])
        raise InputError(f"validated_tests.csv holds no usable case ({said}).")
    table = pd.DataFrame(rows, columns=list(dict.fromkeys((*validated.columns, "response_schema"))))
    table.attrs["unusable"] = problems
    table.attrs["rows_used"] = rows_used(len(table), filter(None, (case["problem"] for case in cases)))
    return table


def _cases(rows: Sequence[Row], *, asked: bool) -> list[dict[str, Any]]:
    """One table row each, with its problem found; `asked`: models will be shown the schemas."""
    cases = [_case(row, number) | {"problem": problem} for number, row, problem in rows]
    for case, (_, row, problem) in zip(cases, rows, strict=True):
        try:
            if not problem:
                _make_canonical(case, row)
        except (InputError, ValueError, RecursionError) as error:
            case["problem"] = str(error)[:1000]
    _add_schemas(cases, asked)
    ids: dict[str, int] = {}
    contents: dict[tuple[str, ...], int] = {}
    for case, (number, _, _) in zip(cases, rows, strict=True):
        content = tuple(case[name].strip() for name in _CONTENT)
        problem = case["problem"]
        if not problem and content in contents:
            problem = f"the same case as row {contents[content]}"
        elif not problem and case["id"] in ids:
            problem = f"id {case['id']} stands in row {ids[case['id']]} already"
        case["problem"] = f"row {number}: {problem}" if problem else ""
        if not problem:
            ids[case["id"]] = contents[content] = number
    return cases


_CONTENT = ("test_case", "prompt", "golden_response", "response_schema")


def _case(row: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "id": _cell(row, "id").strip() or f"row-{number:04d}",
        "test_case": _kind(row),
        "category": _cell(row, "category").strip() or "uncategorised",
        "family": _cell(row, "family").strip(),
        "prompt": _cell(row, "prompt"),
        "golden_response": _cell(row, "golden_response"),
        "response_schema": _cell(row, "response_schema"),
        "requirements": _cell(row, "requirements"),
        "attempt": 1,
        "parent_id": "",
    }


def _cell(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, float) and value.is_integer() and name == "id":
        value = int(value)  # pandas makes 1.0 of an id where another one is absent
    text = "" if value is None else as_text(value)
    return "" if text.strip().lower() in ABSENT else text


def _kind(row: Mapping[str, Any]) -> str:
    named = _cell(row, "test_case").strip().lower()
    if named:
        return "conversation" if {side.strip() for side in named.split(",")} == SIDES else named
    return "json" if _cell(row, "response_schema") or _has_object(row) else "conversation"


def _is_taken_for_json(row: Mapping[str, Any]) -> bool:
    """Whether nothing but the text of its golden response says that this is a json case."""
    told = _cell(row, "test_case") or _cell(row, "response_schema")
    return not told and isinstance(row.get("golden_response"), str) and _has_object(row)


def _has_object(row: Mapping[str, Any]) -> bool:
    golden = row.get("golden_response")
    if not isinstance(golden, str) or not golden.lstrip().startswith("{"):
        return isinstance(golden, dict)
    try:
        return bool(read_golden(golden))
    except (InputError, ValueError, RecursionError):
        return False


def _make_canonical(case: dict[str, Any], row: Mapping[str, Any]) -> None:
    """Requirements, and of a json case golden and schema, as JSON on one line.

    Raises InputError or ValueError that says why the case, as `row` gives it, cannot be used.
    """
    kind = case["test_case"]
    if kind not in KINDS:
        raise InputError(f"test_case {kind[:60]!r} is neither of: {', '.join(KINDS)}")
    for name in NEEDED:
        if not case[name].strip():
            raise InputError(f"{name} is empty")
        if not isinstance(row[name], str) and (name == "prompt" or kind == "conversation"):
            raise InputError(f"{name} is not text")
    try:
        found = read_requirements(case["requirements"])
    except ValueError as error:
        raise InputError(f"requirements cannot be used: {error}") from None
    case["requirements"] = as_text([one.record() for one in found] or "")
    if kind == "json":
        golden = plain(read_golden(case["golden_response"]))
        if not golden:
            raise InputError("golden_response is an empty object")
        case["golden_response"] = as_text(golden)
        if case["response_schema"]:
            case["response_schema"] = as_text(_schema(case["response_schema"]))


def _schema(text: str) -> Any:
    try:
        schema = json.loads(text)
    except ValueError as error:
        raise InputError(f"response_schema is not JSON ({error})") from None
    check_schema(schema)
    if schema.get("type", "object") != "object":
        raise InputError("response_schema does not describe an object, and a tool takes nothing else")
    return schema


def _add_schemas(cases: Sequence[dict[str, Any]], asked: bool) -> None:
    """What has no schema of its own gets one made of all such goldens.

    One made of a single golden would tell it to the models, which see the schema.
    """
    bare = [case for case in cases if case["test_case"] == "json" and not case["problem"]]
    bare = [case for case in bare if not case["response_schema"]]
    common = schema_of([json.loads(case["golden_response"]) for case in bare], least=2 if asked else 1)
    for case in bare:
        if common["properties"]:
            case["response_schema"] = as_text(common)
        else:
            case["problem"] = (
                "response_schema is absent, and one made of golden responses would tell this one. Give one"
            )


def _unread_negations(row: Mapping[str, Any]) -> Iterator[str]:
    """Requirements that deny something and are read as a must, though nobody says that they are one."""
    cell = _cell(row, "requirements")
    try:
        pairs = list(zip(requirements_given(cell), read_requirements(cell), strict=True))
    except (ValueError, RecursionError):
        return  # the row's problem
    for given, one in pairs:
        told = isinstance(given, dict) and {"kind", "must", "must_not"} & given.keys()
        if one.must and not told and NEGATION.search(one.text):
            yield f"{one.id} {one.text[:80]!r}"


def schema_of(values: Sequence[Any], *, least: int = 2) -> dict[str, Any]:
    """The JSON Schema of what is shaped like these values: types and keys, no value of any of them.

    Keys are named that `least` of the objects at a place have, since a key that one golden has alone may be
    its data; required are those that all have. Where a value is null somewhere, it may be null everywhere;
    where it is null in all, anything is allowed.
    """
    some = [value for value in values if value is not None]
    types = ("integer" if type(value) is int else json_type(value) for value in some)
    kinds = list(dict.fromkeys(types))
    if "number" in kinds:
        kinds = [kind for kind in kinds if kind != "integer"]
    if not kinds:
        return {}
    kinds += ["null"] * (len(some) < len(values))
    schema: dict[str, Any] = {"type": kinds[0] if len(kinds) == 1 else kinds}
    objects = [value for value in some if isinstance(value, dict)]
    if objects:
        counts = Counter(key for one in objects for key in one)
        named = [key for key, count in counts.items() if count >= least]
        inside = {key: [one[key] for one in objects if key in one] for key in named}
        schema["properties"] = {key: schema_of(inside[key], least=least) for key in named}
        schema["required"] = [key for key in named if counts[key] == len(objects)]
    items = [item for value in some if isinstance(value, list) for item in value]
    return schema | ({"items": schema_of(items, least=least)} if items else {})
