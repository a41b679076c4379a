"""What a simulated model makes out of a text that it does not know: keywords, the value of a field."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from ...domain import UNSPACED
from .foreign import UNSEEN, Schema, type_of

STOP_WORDS = """
about after again also another because been before being between both cannot could does doing during
each from have having help here into just like more most must need only other over please some such than
that their them then there these they this those through under until very want were what when where
which while will with would your yours you
"""
STOP = frozenset(STOP_WORDS.split())
DATE_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)"
FORMATS = {
    "date-time": DATE_TIME,
    "date": r"\b\d{4}-\d\d-\d\d\b",
    "email": r"[\w.+-]+@[\w-]+\.[\w.-]*\w",
    "uri": r"https?://[^\s\"'<>)]+",
    "uuid": r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
}
TYPES = {
    "integer": r"-?\d+(?![\d.]*\d)",
    "number": r"-?\d+(?:\.\d+)?",
    "boolean": r"(?i:true|false|yes|no)\b",
    "string": r'"[^"]*"|[^\s.;,"][^.;\n"]*',
}
_LETTER = rf"[^\W\d_{UNSPACED}]"
KEYWORD = rf"{_LETTER}(?:{_LETTER}|['-]){{3,}}|[A-Z]*-?\d[\w.-]*\w"


@lru_cache(maxsize=4096)
def keywords(text: str) -> tuple[str, ...]:
    """The content words of a text, in order, each once; identifiers and numbers included."""
    found = re.findall(KEYWORD, text[:20_000])
    return tuple(dict.fromkeys(word for word in found if word.lower() not in STOP))


def see(text: str, path: str, schema: Schema) -> Any:
    """The value that `text` seems to state for a field, by its label or its form; or UNSEEN."""
    kind = type_of(schema)
    if members := {str(member): member for member in schema.get("enum") or ()}:
        named = _labelled(text, path, "|".join(map(re.escape, members))) or _mentioned(text, members)
        return members.get(named, UNSEEN)
    form = FORMATS.get(str(schema.get("format", "")), "") or _unanchored(str(schema.get("pattern", "")))
    found = _labelled(text, path, form or TYPES.get(kind, "(?!)"))
    if form and not found and (anywhere := re.search(form, text)):
        found = anywhere[0]
    return _as(kind, found) if found else UNSEEN


def _as(kind: str, found: str) -> Any:
    if kind in ("integer", "number"):
        return json.loads(found)
    return found.lower() in ("true", "yes") if kind == "boolean" else found.strip('"')


def _mentioned(text: str, members: Iterable[str]) -> str:
    lowered = text.lower()
    return next((m for m in members if m.lower() in lowered or m.lower().replace("_", " ") in lowered), "")


def _labelled(text: str, path: str, form: str) -> str:
    """What follows the field's label (whole path, then its last words) and looks like `form`."""
    words = _label(path)
    for name in filter(None, (words, words[-2:], words[-1:])):
        label = r"[\s_.-]+".join(map(re.escape, name))
        match = re.search(rf"(?i:\b{label})\W{{0,4}}(?:(?i:is|was|are|of|at|to)\b)?\W{{0,4}}?({form})", text)
        if match:
            return match[1]
    return ""


def _label(path: str) -> list[str]:
    """A leaf's path in words: "customer.firstName" is customer, first, name; positions count from 1."""
    words = re.sub(r"([a-z])([A-Z])|[._-]", lambda cut: f"{cut[1] or ''} {cut[2] or ''}", path)
    return [str(int(word) + 1) if word.isdigit() else word.lower() for word in words.split()]


@lru_cache(maxsize=512)
def _unanchored(pattern: str) -> str:
    """The pattern without anchors and capturing groups; "" for none or one that Python cannot read."""
    bare = re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern.removeprefix("^").removesuffix("$"))
    try:
        re.compile(bare)
    except re.error:
        return ""
    return bare
