"""What a simulated model makes out of a text that it does not know: keywords, the value of a field."""

from __future__ import annotations

import re
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
FORMATS = {
    "date-time": r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)",
    "date": r"\b\d{4}-\d\d-\d\d\b",
    "email": r"[\w.+-]+@[\w-]+\.[\w.-]*\w",
    "uri": r"https?://[^\s\"'<>)]+",
    "uuid": r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b",
}
_LETTER = rf"[^\W\d_{UNSPACED}]"
KEYWORD = rf"{_LETTER}(?:{_LETTER}|['-]){{3,}}|[A-Z]*-?\d[\w.-]*\w"
NUMBER = r"-?\d+(?:\.\d+)?"


@lru_cache(maxsize=4096)
def keywords(text: str) -> tuple[str, ...]:
    """The content words of a text, in order, each once; identifiers and numbers included."""
    found = re.findall(KEYWORD, text[:20_000])
    return tuple(dict.fromkeys(word for word in found if word.lower() not in STOP))


def see(text: str, path: str, schema: Schema) -> Any:
    """The value that `text` seems to state for a field, or UNSEEN."""
    kind = type_of(schema)
    if schema.get("enum"):
        return _member(text, path, schema["enum"])
    if kind in ("integer", "number"):
        return _number(text, path, kind)
    if kind == "boolean":
        return _yes(text, path)
    return _text(text, path, schema) if kind == "string" else UNSEEN


def _labelled(text: str, path: str, value: str) -> str:
    """What follows the field's label (whole path, then its last word) and looks like `value`."""
    whole = _label(path)
    for name in dict.fromkeys((whole, " ".join(whole.split()[-2:]), whole.split()[-1] if whole else "")):
        words = r"[\s_.-]+".join(map(re.escape, name.split()))
        match = re.search(rf"(?i:\b{words})\W{{0,4}}(?:(?i:is|was|are|of|at|to)\b)?\W{{0,4}}?({value})", text)
        if name and match:
            return match[1]
    return ""


def _label(path: str) -> str:
    """A leaf's path as words: "customer.firstName" is "customer first name", positions count from 1."""
    words = re.sub(r"([a-z])([A-Z])|[._-]", lambda cut: f"{cut[1] or ''} {cut[2] or ''}", path)
    return " ".join(str(int(word) + 1) if word.isdigit() else word.lower() for word in words.split())


def _member(text: str, path: str, members: list[Any]) -> Any:
    lowered = text.lower()
    named = _labelled(text, path, "|".join(re.escape(str(member)) for member in members))
    if named:
        return next(member for member in members if str(member) == named)
    spoken = {str(member).lower(): member for member in members}
    found = [
        member for word, member in spoken.items() if word in lowered or word.replace("_", " ") in lowered
    ]
    return found[0] if found else UNSEEN


def _number(text: str, path: str, kind: str) -> Any:
    stated = _labelled(text, path, NUMBER)
    if not stated:
        return UNSEEN
    value = float(stated)
    if kind == "integer":
        return int(value) if value == int(value) else UNSEEN
    return int(value) if value == int(value) and "." not in stated else value


def _yes(text: str, path: str) -> Any:
    stated = _labelled(text, path, r"(?i:true|false|yes|no)\b").lower()
    return stated in ("true", "yes") if stated else UNSEEN


def _text(text: str, path: str, schema: Schema) -> Any:
    form = FORMATS.get(str(schema.get("format", "")), "") or _unanchored(str(schema.get("pattern", "")))
    if form:
        match = re.search(form, text)
        return _labelled(text, path, form) or (match[0] if match else UNSEEN)
    quoted = _labelled(text, path, '"[^"]*"').strip('"')
    return quoted or _labelled(text, path, r"[^\s.;,\"][^.;\n\"]*") or UNSEEN


@lru_cache(maxsize=512)
def _unanchored(pattern: str) -> str:
    """The pattern without anchors and capturing groups; "" for none or one that Python cannot read."""
    bare = re.sub(r"(?<!\\)\((?!\?)", "(?:", pattern.removeprefix("^").removesuffix("$"))
    try:
        re.compile(bare)
    except re.error:
        return ""
    return bare
