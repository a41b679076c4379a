"""A plausible instance of any JSON Schema, as far as possible from values that a text states."""

from __future__ import annotations

import json
import random as random_module
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from re import _parser  # type: ignore[attr-defined]  # the standard library's own reading of a pattern
from typing import Any

from benchkit.offline.scenarios import world

Random = random_module.Random
Schema = Mapping[str, Any]
See = Callable[[str, Schema], Any]  # (path, schema) -> value, or UNSEEN
UNSEEN = object()
DEEPEST = 8  # below it only what is required: a recursive schema has an end


def instance(schema: Any, random: Random, see: See = lambda path, schema: UNSEEN) -> Any:
    """An instance of `schema`; a schema that nothing can satisfy gets a near miss, never an error."""
    return _value(schema, random, see, "", schema, 0)


def label(path: str) -> str:
    """A leaf's path as words: "customer.firstName" is "customer first name", positions count from 1."""
    words = re.sub(r"([a-z])([A-Z])", r"\1 \2", path.replace(".", " ").replace("_", " ").replace("-", " "))
    return " ".join(str(int(word) + 1) if word.isdigit() else word.lower() for word in words.split())


def _value(schema: Any, random: Random, see: See, path: str, root: Any, depth: int) -> Any:
    schema = resolved(schema, root)
    if "const" in schema:
        return schema["const"]
    kind = kind_of(schema)
    if kind == "object":
        return _object(schema, random, see, path, root, depth)
    if kind == "array":
        return _array(schema, random, see, path, root, depth)
    seen = see(path, schema)
    if seen is not UNSEEN:
        return seen
    return scalar(schema, kind, random, path)


def scalar(schema: Schema, kind: str, random: Random, path: str) -> Any:
    """A plausible leaf."""
    if schema.get("enum"):
        return random.choice(list(schema["enum"]))
    if kind in ("integer", "number"):
        return _number(schema, kind, random)
    if kind == "boolean":
        return random.random() < 0.5
    return None if kind == "null" else _text(schema, random, path)


def resolved(schema: Any, root: Any, hops: int = 0) -> dict[str, Any]:
    """The schema with references followed, `allOf` merged and the first usable alternative taken."""
    if not isinstance(schema, Mapping) or hops > DEEPEST:
        return {}
    merged = {key: value for key, value in schema.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}
    parts = [_pointer(schema["$ref"], root)] if "$ref" in schema else []
    parts += _schemas(schema.get("allOf"))
    for choice in ("anyOf", "oneOf"):
        options = _schemas(schema.get(choice))
        parts += [next((o for o in options if o.get("type") != "null"), options[0])] if options else []
    for part in parts:
        for key, value in resolved(part, root, hops + 1).items():
            both = key == "properties" and isinstance(merged.get(key), Mapping)
            merged[key] = {**merged[key], **value} if both else merged.get(key, value)
    return merged


def _schemas(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _pointer(reference: Any, root: Any) -> Any:
    """What a local reference ("#/$defs/x") points to; anything else is any value."""
    target = root
    for step in filter(None, str(reference).removeprefix("#").split("/")):
        target = target.get(step, {}) if isinstance(target, Mapping) else {}
    return target


def kind_of(schema: Schema) -> str:
    """The JSON type to make: the first that is not null, or what the keywords imply."""
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((item for item in kind if item != "null"), "null")
    if kind:
        return str(kind)
    implied = {"properties": "object", "required": "object", "items": "array", "minimum": "number"}
    return next((kind for keyword, kind in implied.items() if keyword in schema), "string")


def _object(schema: Schema, random: Random, see: See, path: str, root: Any, depth: int) -> dict[str, Any]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = [str(name) for name in schema.get("required") or ()]
    if depth > 3 * DEEPEST:
        return {}
    names = required if depth > DEEPEST else list(dict.fromkeys([*properties, *required]))
    return {
        name: _value(
            properties.get(name, {}), random, see, f"{path}.{name}" if path else name, root, depth + 1
        )
        for name in names
    }


def _array(schema: Schema, random: Random, see: See, path: str, root: Any, depth: int) -> list[Any]:
    least = int(schema.get("minItems") or 0)
    most = int(schema.get("maxItems", max(least, 3)))
    count = max(least, min(most, random.randint(1, 3), least if depth > DEEPEST else most))
    first = _schemas(schema.get("prefixItems"))
    made: list[Any] = []
    for at in range(max(count, len(first))):
        item = first[at] if at < len(first) else schema.get("items", {})
        made.append(_value(item, random, see, f"{path}.{at}" if path else str(at), root, depth + 1))
    if schema.get("uniqueItems"):
        made = list({json.dumps(item, sort_keys=True): item for item in made}.values())
    return made


def _number(schema: Schema, kind: str, random: Random) -> int | float:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    step = schema.get("multipleOf") or (1 if kind == "integer" else 0.5)
    low = low if low is not None else (high - 90 * step if high is not None else step)
    high = high if high is not None else low + 90 * step
    first = -(-low // step) + ("exclusiveMinimum" in schema and low % step == 0)
    last = high // step - ("exclusiveMaximum" in schema and high % step == 0)
    value = round(random.randint(int(first), max(int(first), int(last))) * step, 9)
    return int(value) if value == int(value) else value


def _text(schema: Schema, random: Random, path: str) -> str:
    if "format" in schema and (made := _formatted(str(schema["format"]), random)):
        return made
    if "pattern" in schema and (made := matching(str(schema["pattern"]), random)):
        return made
    text = _named(label(path), random)
    least, most = int(schema.get("minLength") or 0), int(schema.get("maxLength", 10_000))
    while len(text) < least:
        text += f" {text}"
    return text[:most]


def _named(label: str, random: Random) -> str:
    """A text that suits the field's name."""
    words = world()
    for hint, name in (("name", "names"), ("city", "cities"), ("product", "products"), ("item", "products")):
        if hint in label:
            return random.choice(words[name])
    if label.endswith(("id", "number", "reference", "code")):
        return f"{label[:2].upper()}-{random.randrange(10000, 99999)}"
    situation = random.choice(words["situations"][random.choice(list(words["situations"]))])
    return random.choice((situation["label"], *situation["steps"]))


def _formatted(name: str, random: Random) -> str:
    at = datetime(2026, 1, 5, 8, tzinfo=UTC) + timedelta(minutes=random.randrange(400_000))
    code = f"{random.getrandbits(128):032x}"
    return {
        "date-time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "date": f"{at:%Y-%m-%d}",
        "time": f"{at:%H:%M:%SZ}",
        "email": f"{random.choice(world()['names']).lower().replace(' ', '.')}@example.org",
        "uri": f"https://example.org/case/{code[:8]}",
        "uuid": f"{code[:8]}-{code[8:12]}-4{code[13:16]}-a{code[17:20]}-{code[20:]}",
        "ipv4": ".".join(str(random.randrange(1, 255)) for _ in range(4)),
    }.get(name, "")


def matching(pattern: str, random: Random) -> str:
    """A text that the pattern matches, or "" where the pattern is beyond a simple walk over it."""
    try:
        made = _walk(_parser.parse(pattern), random)
        return made if re.search(pattern, made) else ""
    except (re.error, RecursionError, OverflowError):
        return ""


def _walk(parsed: Any, random: Random) -> str:
    return "".join(_piece(str(op), argument, random) for op, argument in parsed)


def _piece(op: str, argument: Any, random: Random) -> str:
    if op == "LITERAL":
        return chr(argument)
    if op == "IN":
        return _member(argument, random)
    if op in ("MAX_REPEAT", "MIN_REPEAT"):
        least, most, inner = argument
        times = random.randint(int(least), min(int(most), int(least) + 6))
        return "".join(_walk(inner, random) for _ in range(max(times, min(1, int(most)))))
    if op == "SUBPATTERN":
        return _walk(argument[3], random)
    if op == "BRANCH":
        return _walk(random.choice(argument[1]), random)
    return random.choice("ABCDEFGHKMNP") if op in ("ANY", "NOT_LITERAL") else ""


def _member(choices: Any, random: Random) -> str:
    """A character of a set such as [0-9A-Z]; a negated or exotic set gets a letter."""
    op, argument = random.choice([choice for choice in choices if str(choice[0]) != "NEGATE"])
    if str(choices[0][0]) == "NEGATE":
        return random.choice("ABCDEFGHKMNP")
    if str(op) == "RANGE":
        return chr(random.randint(*argument))
    if str(op) == "CATEGORY":
        return random.choice("0123456789" if "DIGIT" in str(argument) else "abcdefghkm")
    return chr(argument)
