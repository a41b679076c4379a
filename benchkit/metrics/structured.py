"""Metrics of a JSON answer: the tool's arguments against the schema and the golden object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .fields import Json, compare_fields, field_accuracy
from .schemas import check_schema, json_type, schema_problem, validator

__all__ = [
    "check_schema",
    "compare_fields",
    "field_accuracy",
    "schema_compliance",
    "schema_problem",
    "structural_consistency",
]


def schema_compliance(arguments: Json, schema: dict[str, Any] | None) -> float:
    """1 if `arguments` are valid under `schema` by JSON Schema 2020-12, formats asserted, else 0.

    Higher is better; the mean over responses is the compliance rate; it is never None. No schema allows all,
    and formats that nobody knows pass. Raises InputError as `check_schema` does.
    """
    return float(_usable(json.dumps({} if schema is None else schema)).is_valid(arguments))


@lru_cache(maxsize=256)
def _usable(schema_text: str) -> Any:
    check_schema(json.loads(schema_text))
    return validator(schema_text)


def structural_consistency(response: Json, golden: dict[str, Any]) -> float | None:
    """Jaccard index of the sets of (path, JSON type) of response and golden, the root left out.

    0 to 1, higher is better. Containers count beside what they hold, all items of an array share one path
    (`next_steps[]`), integer and float are both number. Missing and extra keys cost alike. A response that is
    no object is 0; an empty golden gives None.
    """
    if not golden:
        return None
    if not isinstance(response, dict):
        return 0.0
    paths: dict[tuple[int, str | None], int] = {}
    ours, theirs = set(_shape(response, paths)), set(_shape(golden, paths))
    return len(ours & theirs) / len(ours | theirs)


def _shape(value: Json, paths: dict[tuple[int, str | None], int]) -> Iterator[tuple[int, str]]:
    """(path, JSON type) of all inside `value`; `paths` numbers the paths, so that depth costs nothing."""
    left = [(value, 0)]
    while left:
        parent, path = left.pop()
        for key, child in _children(parent):
            at = paths.setdefault((path, key), len(paths) + 1)
            yield at, json_type(child)
            left.append((child, at))


def _children(value: Json) -> list[tuple[str | None, Json]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(None, item) for item in value] if isinstance(value, list) else []
