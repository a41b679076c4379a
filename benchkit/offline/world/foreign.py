"""A record for somebody else's JSON Schema: what a text states for each field, else plain defaults."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Schema = Mapping[str, Any]
See = Callable[[str, Schema], Any]  # (path, schema of a leaf) -> value, or UNSEEN
UNSEEN = object()
DEEPEST = 8  # a recursive schema has an end
EXAMPLES = {
    "date-time": "2026-01-05T08:00:00Z",
    "date": "2026-01-05",
    "time": "08:00:00Z",
    "email": "name@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-a000-000000000000",
}


def record(schema: Any, see: See = lambda path, schema: UNSEEN) -> dict[str, Any]:
    """An object under `schema`. A default fits its type, bounds and format; patterns it knows nothing of."""
    made = _value(schema, see, "", schema, 0)
    return made if isinstance(made, dict) else {"value": made}


def type_of(schema: Schema) -> str:
    """The JSON type to make: the first that is not null, or what the keywords imply."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    implied = {"properties": "object", "required": "object", "items": "array", "minimum": "number"}
    return str(kind or next((made for keyword, made in implied.items() if keyword in schema), "string"))


def _value(schema: Any, see: See, path: str, root: Any, depth: int) -> Any:
    schema = _resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    kind = type_of(schema)
    if kind == "object":
        return _object(schema, see, path, root, depth)
    if kind == "array":
        items = [schema.get("items", {})] * (int(schema.get("minItems") or 1) if depth < DEEPEST else 0)
        parts = [*(schema.get("prefixItems") or ()), *items][: schema.get("maxItems")]
        return [_value(part, see, _joined(path, at), root, depth + 1) for at, part in enumerate(parts)]
    seen = see(path, schema)
    return _default(schema, kind) if seen is UNSEEN else seen


def _object(schema: Schema, see: See, path: str, root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties") or {}
    names = [*properties, *(name for name in schema.get("required") or () if name not in properties)]
    return {
        name: _value(properties.get(name, {}), see, _joined(path, name), root, depth + 1)
        for name in (names if depth < DEEPEST else ())
    }


def _default(schema: Schema, kind: str) -> Any:
    if schema.get("enum"):
        return schema["enum"][0]
    if kind in ("integer", "number"):
        low = schema.get("minimum", schema.get("exclusiveMinimum", -1) + 1)
        return min(low, schema.get("maximum", low), schema.get("exclusiveMaximum", low + 1) - 1)
    if kind in ("boolean", "null"):
        return {"boolean": False, "null": None}[kind]
    text = EXAMPLES.get(str(schema.get("format")), "not stated")
    return text.ljust(int(schema.get("minLength") or 0), ".")[: schema.get("maxLength")]


def _resolved(schema: Any, root: Any) -> Mapping[str, Any]:
    """The schema behind local references and alternatives: of several, the first that is not null."""
    for _ in range(DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        several = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or ()
        first = next((one for one in several if one != {"type": "null"}), None)
        if "$ref" not in schema and first is None:
            return schema
        schema = _target(schema["$ref"], root) if "$ref" in schema else first
    return {}


def _target(reference: Any, root: Any) -> Any:
    """What a local reference ("#/$defs/x") points to; anything else is any value."""
    for step in filter(None, str(reference).removeprefix("#").split("/")):
        root = root.get(step, {}) if isinstance(root, Mapping) else {}
    return root


def _joined(path: str, step: str | int) -> str:
    return f"{path}.{step}" if path else str(step)
