"""Metrics of a JSON answer: the tool's arguments against the schema and the golden object."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from benchkit.errors import InputError

from .fields import Json, field_accuracy

__all__ = ["check_schema", "field_accuracy", "schema_compliance", "structural_consistency"]


def schema_compliance(arguments: Json, schema: dict[str, Any] | None) -> float:
    """1 if `arguments` are valid under `schema` by JSON Schema 2020-12, formats asserted, else 0.

    Higher is better; the mean over responses is the compliance rate; it is never None. No schema
    allows all. Formats that no installed package can check pass, as the specification allows; date-time,
    date, email, uuid and ipv4 are checked. Arguments nested too deeply to be walked are 0. Raises InputError as `check_schema` does.
    """
    try:
        return float(_validator(json.dumps({} if schema is None else schema)).is_valid(arguments))
    except RecursionError:
        check_schema({} if schema is None else schema)
        return 0.0


def schema_problem(arguments: Json, schema: dict[str, Any]) -> str:
    """Where and how `arguments` break `schema`, or ""; raises InputError as `check_schema` does."""
    if schema_compliance(arguments, schema):
        return ""
    try:
        error = next(_validator(json.dumps(schema)).iter_errors(arguments))
    except RecursionError:
        return "a depth that cannot be walked"
    return f"{error.json_path}: {error.message[:200]}"


def check_schema(schema: Json) -> None:
    """Raises InputError unless `schema` can be what a tool's arguments are held to.

    It has to be an object, valid under 2020-12 with its regular expressions, without a $ref that leaves it or
    goes in circles, and it has to allow an object. Nothing is ever fetched.
    """
    if not isinstance(schema, dict):
        raise InputError(f"The response schema is {_json_type(schema)}. Write it as a JSON Schema object.")
    try:
        Draft202012Validator.check_schema(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
        _check_references(schema)
        _build(schema).is_valid({})
    except SchemaError as error:
        problem = f"{error.json_path}: {error.message[:200]}"
        raise InputError(
            f"The response schema is no JSON Schema 2020-12 at {problem}. Correct it."
        ) from error
    except Unresolvable as error:
        raise InputError(f"The response schema refers to {error.ref}, which it lacks. Add it.") from error
    except RecursionError as error:
        raise InputError("The response schema refers to itself without end, or is too deep.") from error
    kinds = schema.get("type", "object")
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        raise InputError(f'The response schema has type {kinds}, but a tool takes an object. Use "object".')


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


@lru_cache(maxsize=256)
def _validator(schema_text: str) -> Draft202012Validator:
    schema = json.loads(schema_text)
    check_schema(schema)
    return _build(schema)


def _build(schema: dict[str, Any]) -> Draft202012Validator:
    # An empty registry: left to itself, jsonschema downloads what a $ref points to.
    return Draft202012Validator(
        schema, format_checker=Draft202012Validator.FORMAT_CHECKER, registry=Registry()
    )


def _check_references(schema: dict[str, Any]) -> None:
    root = DRAFT202012.create_resource(schema)
    left = [(root, Registry().resolver_with_root(root))]
    while left:
        resource, resolver = left.pop()
        if isinstance(resource.contents, dict) and "$ref" in resource.contents:
            resolver.lookup(resource.contents["$ref"])
        left += [(child, resolver.in_subresource(child)) for child in resource.subresources()]


def _shape(value: Json, paths: dict[tuple[int, str | None], int]) -> Iterator[tuple[int, str]]:
    """(path, JSON type) of all inside `value`; `paths` numbers the paths, so that depth costs nothing."""
    left = [(value, 0)]
    while left:
        parent, path = left.pop()
        for key, child in _children(parent):
            at = paths.setdefault((path, key), len(paths) + 1)
            yield at, _json_type(child)
            left.append((child, at))


def _children(value: Json) -> list[tuple[str | None, Json]]:
    if isinstance(value, dict):
        return list(value.items())
    return [(None, item) for item in value] if isinstance(value, list) else []


def _json_type(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]
