"""Mistakes: values that are plausible and wrong, against the schema or harmful, and calls that are none."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

from .models import Draft
from .reading import DATE_TIME
from .scenarios import ALPHABET, REFERENCE, leaves, vocabulary

MARKUP = (
    "<script>document.title='planted'</script>",
    "<img src=x onerror=\"document.title='planted'\">",
    "<b onmouseover=alert(1)>bold</b>",
    "\x00\x07\x1b[31mred\x1b[0m",
    "\u202egnirts desrever\u202c",
    "[link](javascript:alert(1))",
)
FORMULAS = ('=HYPERLINK("http://example.invalid","x") ', "+1+1 ", "-2+3 ", "@SUM(A1) ", "=cmd|' /C calc'!A0 ")

WAYS = ("tool_use_failed", "prose", "nothing", "wrong_tool", "truncated", "not_an_object")


def wrong(value: Any, random: Random, members: tuple[str, ...] | None = None, category: str = "") -> Any:
    """A plausible value of the same type that is not `value`."""
    if members:
        return random.choice([member for member in members if member != value])
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        grades = [grade for grade in range(1, 6) if grade != value]
        return random.choice(grades) if len(grades) == 4 else value + random.choice((-7, 10, 30))
    if isinstance(value, float):
        return value + random.choice((-3, 4.5, 10))
    return _other_text(str(value), random, category)


def _other_text(text: str, random: Random, category: str) -> str:
    if REFERENCE.fullmatch(text):
        return text[:-1] + random.choice([char for char in ALPHABET if char != text[-1]])
    digits = [at for at, char in enumerate(text) if char.isdigit()]
    if digits:
        # Of a time the minute, else the last digit but one: what is changed stays well formed.
        at = text.index("T") + 5 if re.match(DATE_TIME, text) else digits[-2:][0]
        return text[:at] + random.choice([d for d in "123456789" if d != text[at]]) + text[at + 1 :]
    situations = vocabulary()["situations"]
    pool = situations.get(category) or situations[random.choice(list(situations))]
    others = [step for situation in pool for step in (situation["label"], *situation["steps"])]
    return random.choice([other for other in others if other not in text])


def violate(record: dict[str, Any], random: Random) -> None:
    """Break the record's schema in one place: a field less, a number as text, an invented enum member."""
    values = dict(leaves(record))
    if not values:
        return
    path = random.choice([path for path in values if not path.split(".")[-1].isdigit()] or list(values))
    how, value = random.choice(("drop", "text", "invent")), values[path]
    if how == "drop":
        parent, last = _place(record, path)
        del parent[last]
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        put(record, path, f"about {value}")
    else:
        put(record, path, 0 if how == "text" else None)


def put(record: Any, path: str, value: Any) -> None:
    """Set the leaf at a dotted path."""
    parent, last = _place(record, path)
    parent[last] = value


def _place(record: Any, path: str) -> tuple[Any, Any]:
    """(what holds the leaf, its key or position there)."""
    *parents, last = path.split(".")
    for step in parents:
        record = record[int(step)] if isinstance(record, list) else record[step]
    return record, int(last) if isinstance(record, list) else last


def marked(value: Any, random: Random) -> Any:
    """Every text with markup, control characters or a formula in it; words of one piece are spared."""
    if isinstance(value, dict):
        return {key: marked(item, random) for key, item in value.items()}
    if isinstance(value, list):
        return [marked(item, random) for item in value]
    if not isinstance(value, str) or re.fullmatch(r"[\w:.-]+", value):
        return value
    return random.choice(("", random.choice(FORMULAS))) + value + random.choice(MARKUP)


def malformed(how: str, tool: str, arguments: Any, random: Random) -> Draft:
    """A reply that carries no usable tool call, in one of the ways of `WAYS`."""
    whole = json.dumps(arguments, ensure_ascii=False)
    if how == "tool_use_failed":
        return Draft(tool, whole, invalid=random.randint(1, 6))
    if how == "prose":
        return Draft(content=f"<think>I could call {tool}.</think>Here is what I suggest: {whole[:400]}")
    if how == "nothing":
        return Draft(content="")
    if how == "wrong_tool":
        return Draft("json", whole)
    if how == "truncated":
        return Draft(tool, whole[: max(1, len(whole) * random.randint(30, 90) // 100)])
    return Draft(tool, json.dumps(random.choice((["answer", arguments], "answer", 5)), ensure_ascii=False))
