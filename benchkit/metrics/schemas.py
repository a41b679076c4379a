"""JSON Schema 2020-12: whether one can be used, what breaks it, and how it has the places of a golden scored.

Also the metrics of a record's form: `schema_compliance` and `structural_consistency`.

Two keywords are ours, written as 2020-12 wants it of those that it does not know, so that every validator
passes them over: `x-weight`, how much a field counts, a number from 0, and `x-ordered`, true for an array
whose order matters. The standard itself has a keyword for neither; `prefixItems` gives places a meaning, and
so an order.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, meta

from benchkit.errors import InputError
from benchkit.jsontext import json_path

# Keywords that say which texts there are; what they hold is right or wrong, and nothing between.
_EXACT = ("enum", "const", "pattern", "format")
_FORMAT = re.compile(r'"format": "([^"\\]+)"')
# In the path of an evaluation these are followed by a name or a number of the schema's author's.
_NAMED = ("properties", "patternProperties", "dependentSchemas", "anyOf", "allOf", "oneOf", "prefixItems")
_OURS = {"x-weight": {"type": "number", "minimum": 0}, "x-ordered": {"type": "boolean"}}


@dataclass(frozen=True)
class Places:
    """What a schema says of the places of a golden, by JSON pointer."""

    exact: frozenset[str]  # those with an enum, const, pattern or format
    ordered: frozenset[str]  # arrays whose order matters
    weights: dict[str, float]  # x-weight


def check_schema(schema: Any) -> None:
    """Raises InputError unless `schema` can be what a tool's arguments are held to.

    It has to be an object, valid under 2020-12 with its regular expressions, without a $ref that leaves it,
    and it has to allow an object; x-weight is a number from 0 and x-ordered a boolean. Nothing is ever
    fetched.
    """
    if not isinstance(schema, dict):
        raise InputError(f"The response schema is {json_type(schema)}. Write it as a JSON Schema object.")
    try:
        meta.validate(schema)
        _own_keywords().validate(schema)
        validator(json.dumps(schema))
    except ValidationError as error:
        problem = f"{json_path(error.instance_path)}: {error.message[:200]}"
        raise InputError(
            f"The response schema is no JSON Schema 2020-12 at {problem}. Correct it."
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"The response schema cannot be read ({str(error)[:200]}). Correct it.") from error
    kinds = schema.get("type", "object")
    if "object" not in ([kinds] if isinstance(kinds, str) else kinds):
        raise InputError(f'The response schema has type {kinds}, but a tool takes an object. Use "object".')


@lru_cache(maxsize=256)
def validator(schema_text: str) -> Draft202012Validator:
    """The validator of a schema's JSON text: formats asserted, nothing fetched. Raises ValidationError."""
    return Draft202012Validator(json.loads(schema_text), validate_formats=True, offline=True)


def schema_problem(arguments: Any, schema: dict[str, Any]) -> str:
    """Where and how `arguments` break `schema`, or ""; raises InputError as `check_schema` does."""
    check_schema(schema)
    error = next(validator(json.dumps(schema)).iter_errors(arguments), None)
    return f"{json_path(error.instance_path)}: {error.message[:200]}" if error else ""


def schema_compliance(arguments: Any, schema: dict[str, Any] | None) -> float:
    """1 if `arguments` are valid under `schema` by JSON Schema 2020-12, formats asserted, else 0.

    Higher is better; the mean over responses is the compliance rate; it is never None. No schema allows all,
    and formats that nobody knows pass. Raises InputError as `check_schema` does.
    """
    return float(_usable(json.dumps({} if schema is None else schema)).is_valid(arguments))


@lru_cache(maxsize=256)
def _usable(schema_text: str) -> Any:
    check_schema(json.loads(schema_text))
    return validator(schema_text)


@lru_cache(maxsize=1)
def _own_keywords() -> Draft202012Validator:
    """2020-12's schema of schemas with our keywords in it, at whatever depth."""
    draft = "https://json-schema.org/draft/2020-12/schema"
    return Draft202012Validator(
        {"$id": "urn:benchkit", "$schema": draft, "$dynamicAnchor": "meta"}
        | {"allOf": [{"$ref": draft}], "properties": _OURS}
    )


def without_own_keywords(schema: Any) -> Any:
    """`schema` as a model is shown it: how its answer is scored is left out."""
    if isinstance(schema, list):
        return [without_own_keywords(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    # A property of such a name has a schema, an object, in the place of the keyword's value.
    return {
        key: without_own_keywords(value)
        for key, value in schema.items()
        if key not in _OURS or isinstance(value, dict)
    }


@lru_cache(maxsize=256)
def places(golden_text: str, schema_text: str) -> Places:
    """How a schema has the places of a golden scored.

    The validator itself says which keywords it applied where, so that every way of referring to them counts.
    """
    named = dict.fromkeys(_FORMAT.findall(schema_text), lambda _: True)  # of a format that nobody knows, too
    judge = Draft202012Validator(json.loads(schema_text), validate_formats=True, formats=named, offline=True)
    found = judge.evaluate(json.loads(golden_text)).list()["details"]
    exact, ordered = set(), set()
    weights: dict[str, float] = {}
    for one in sorted(found, key=lambda one: not one["valid"]):  # what holds is before what was tried
        at, keywords = one["instanceLocation"], _keywords(one["evaluationPath"])
        if "if" in keywords or "not" in keywords:
            continue
        annotated: Any = one.get("annotations") or one.get("droppedAnnotations")
        said = annotated if isinstance(annotated, dict) else {}
        if keywords[-1] in _EXACT:
            exact.add(at)
        if said.get("x-ordered", keywords[-1] == "prefixItems"):
            ordered.add(at)
        if "x-weight" in said:
            weights.setdefault(at, float(said["x-weight"]))
    return Places(frozenset(exact), frozenset(ordered), weights)


def _keywords(path: str) -> list[str]:
    """The keywords on an evaluation path, "" for each subschema to which the author gave its name."""
    found, parts = [], iter(path.split("/"))
    for keyword in parts:
        found.append(keyword)
        if keyword in _NAMED and next(parts, None) is not None:
            found.append("")
    return found


def json_type(value: Any) -> str:
    """The JSON type of a value; integer and float are both number."""
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]


def structural_consistency(response: Any, golden: dict[str, Any]) -> float | None:
    """Jaccard index of the sets of (path, JSON type) of response and golden, the root left out.

    0 to 1, higher is better. Containers count beside what they hold, all items of an array share one path
    (`next_steps[]`), integer and float are both number. Missing and extra keys cost alike. A response that is
    no object is 0; an empty golden gives None.
    """
    if not golden:
        return None
    if not isinstance(response, dict):
        return 0.0
    ours, theirs = set(_shape(response)), set(_shape(golden))
    return len(ours & theirs) / len(ours | theirs)


def _shape(value: Any, path: tuple[str | None, ...] = ()) -> Iterator[tuple[tuple[str | None, ...], str]]:
    """(path, JSON type) of all inside `value`; of an array's items the last key is None."""
    pairs = value.items() if isinstance(value, dict) else ()
    for key, child in [(None, item) for item in value] if isinstance(value, list) else pairs:
        yield (*path, key), json_type(child)
        yield from _shape(child, (*path, key))
