"""Answers that know nothing of a case, or belong to another: what no metric may take for a good one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..domain import CONTROL, TestCase

Value = str | dict[str, Any]
BOILERPLATE = (
    "Thank you for contacting us. We are sorry for any inconvenience and are happy to help. We have received "
    "your request and are looking into it. Please let us know if there is anything else we can do for you."
)
MOST_DEPTH = 20  # levels of a record of defaults; a schema may contain itself


def control_answers(tests: Sequence[TestCase]) -> Iterator[tuple[TestCase, str, Value]]:
    """(case, name, answer) of four answers to every case that know nothing of it.

    Names are "control: " and then: "prompt copied", the prompt; "boilerplate", a polite text; "another
    golden", the golden answer of the next case of the same kind and category (of the same kind, where there
    is none); for json "schema defaults", the schema's defaults, first enumerated values, and empty or zero
    else. In json the first two fill every text that the schema leaves free.
    """
    for case, other in zip(tests, _others(tests), strict=True):
        for name, answer in _answers(case, other):
            yield case, CONTROL + name, answer


def _answers(case: TestCase, other: TestCase | None) -> Iterator[tuple[str, Value]]:
    if case.test_case == "json":
        schema = _dereferenced(case.response_schema or {})
        yield "prompt copied", defaults(schema, case.prompt)
        yield "boilerplate", defaults(schema, BOILERPLATE)
        yield "schema defaults", defaults(schema)
    else:
        yield "prompt copied", case.prompt
        yield "boilerplate", BOILERPLATE
    if other is not None:
        yield "another golden", other.golden_response


def _others(tests: Sequence[TestCase]) -> list[TestCase | None]:
    """For every case the next one of its kind and category, the last's being the first."""
    kinds: dict[str, list[TestCase]] = {}
    categories: dict[tuple[str, str], list[TestCase]] = {}
    for test in tests:
        kinds.setdefault(test.test_case, []).append(test)
        categories.setdefault((test.test_case, test.category), []).append(test)
    following: dict[str, TestCase] = {}
    for some in (*kinds.values(), *categories.values()):  # a category's, where it has two, replaces a kind's
        following |= {one.id: some[i - len(some) + 1] for i, one in enumerate(some) if len(some) > 1}
    return [following.get(test.id) for test in tests]


def _dereferenced(schema: dict[str, Any]) -> dict[str, Any]:
    from jsonschema_rs import dereference

    return dereference(schema, offline=True)


def defaults(schema: Any, text: str = "", depth: int = MOST_DEPTH) -> Any:
    """What a schema without references says by itself; `text` where it leaves a text free."""
    if not isinstance(schema, dict) or not depth:
        return None
    for word in ("const", "default"):
        if word in schema:
            return schema[word]
    if schema.get("enum"):
        return schema["enum"][0]
    for word in ("allOf", "anyOf", "oneOf"):
        if schema.get(word) and "properties" not in schema:
            return defaults(schema[word][0], text, depth - 1)
    kinds = schema.get("type", "object" if "properties" in schema or depth == MOST_DEPTH else "string")
    kind = kinds if isinstance(kinds, str) else next((one for one in kinds if one != "null"), "null")
    if kind == "object":
        properties = schema.get("properties") or {}
        return {name: defaults(inner, text, depth - 1) for name, inner in properties.items()}
    if kind == "array":
        return [defaults(schema.get("items", {}), text, depth - 1)] * min(int(schema.get("minItems", 0)), 10)
    if kind == "string":
        return "" if "format" in schema or "pattern" in schema else text
    return {"integer": 0, "number": 0, "boolean": False}.get(kind)
