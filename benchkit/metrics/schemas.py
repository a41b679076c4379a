"""JSON Schema 2020-12: whether one can be used, what breaks it, and where it says that a text is exact."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError, meta

from benchkit.errors import InputError
from benchkit.jsontext import json_path

# Keywords that say which texts there are; what they hold is right or wrong, and nothing between.
_EXACT = frozenset(("enum", "const", "pattern", "format"))
_FORMAT = re.compile(r'"format": "([^"\\]+)"')
# In the path of an evaluation these are followed by a name or a number of the schema's author's.
_NAMED = frozenset(
    ("properties", "patternProperties", "dependentSchemas", "anyOf", "allOf", "oneOf", "prefixItems")
)


def check_schema(schema: Any) -> None:
    """Raises InputError unless `schema` can be what a tool's arguments are held to.

    It has to be an object, valid under 2020-12 with its regular expressions, without a $ref that leaves it,
    and it has to allow an object. Nothing is ever fetched.
    """
    if not isinstance(schema, dict):
        raise InputError(f"The response schema is {json_type(schema)}. Write it as a JSON Schema object.")
    try:
        meta.validate(schema)
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


@lru_cache(maxsize=256)
def exact_places(golden_text: str, schema_text: str) -> frozenset[str]:
    """The JSON pointers in a golden at which its schema has an enum, const, pattern or format.

    The validator itself says which keywords it applied where, so that every way of referring to them counts.
    """
    named = dict.fromkeys(_FORMAT.findall(schema_text), lambda _: True)  # of a format that nobody knows, too
    judge = Draft202012Validator(json.loads(schema_text), validate_formats=True, formats=named, offline=True)
    found = judge.evaluate(json.loads(golden_text)).list()["details"]
    return frozenset(one["instanceLocation"] for one in found if _is_exact(one["evaluationPath"]))


def _is_exact(path: str) -> bool:
    """Whether an evaluation path ends on a keyword of _EXACT, outside of conditions."""
    keyword, parts = "", iter(path.split("/")[1:])
    for keyword in parts:
        if keyword in ("if", "not"):
            return False
        if keyword in _NAMED and next(parts, None) is not None:
            keyword = ""  # a subschema of the author's, whatever its name
    return keyword in _EXACT


def json_type(value: Any) -> str:
    """The JSON type of a value; integer and float are both number."""
    if isinstance(value, bool):
        return "boolean"
    names = {str: "string", int: "number", float: "number", list: "array", dict: "object", type(None): "null"}
    return names[type(value)]
