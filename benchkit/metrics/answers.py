"""Answers and goldens as other harnesses wrote them: the answer itself, or what became of it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from benchkit.errors import InputError

from .jsontext import OPENING, JsonProblem, objects, parse

# What `str()` and pandas make of an answer that is not there.
_LOST = frozenset(("", "none", "nan", "null", "<na>", "nat"))
_THINKING = re.compile(r"<(/?)(?:think|thinking|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"\s*```[\w+-]*[ \t]*\n(.*?)\n?[ \t]*```\s*", re.DOTALL)
_FENCE_END = re.compile(r"[\s`]*")
_REPLY_KEYS = frozenset(("response_text", "response_type", "next_steps"))
_CALL_KEYS = frozenset(("name", "arguments", "parameters", "id", "type", "index", "function", "tool_calls"))


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is `answered` with a value (text, or an object for json), `malformed`, or `failed`: lost."""

    status: str
    value: str | dict[str, Any] | None = None
    error: str = ""


def read_answer(text: object, kind: str) -> Answer:
    """What a model answered, from the text that a harness kept of it.

    Read are the bare answer, the tool's arguments, a whole tool call (arguments as an object or as text),
    JSON or a Python literal, alone, in prose or in a code fence, after a `<think>` section. Of several JSON
    objects the largest is the answer. What stands in a `<think>` section is not, save for one that never
    closes and ends on the answer's object. `kind` is "json" or "conversation".

    A text that is empty, None or NaN was lost by the harness: `failed`, which is unscored. Anything that
    holds no answer is `malformed`, which is the model's own. Never raises.
    """
    raw = "" if text is None else str(text).strip()
    if raw.lower() in _LOST:
        return Answer("failed", error="lost by the harness")
    said, unfinished = (raw, "") if _parsed(raw) is not None else _without_thinking(raw)
    try:
        if not said:
            return Answer("answered", _ending_on(unfinished, kind))
        return Answer("answered", _object(said) if kind == "json" else _reply(said))
    except JsonProblem as error:
        return Answer("malformed", error=str(error))


def read_golden(text: object) -> dict[str, Any]:
    """A json case's golden: an object, JSON or a Python literal. Raises InputError when it is neither."""
    if isinstance(text, dict):
        return text
    try:
        golden = parse(str(text))
    except JsonProblem as error:
        raise InputError(
            f"golden_response is {error}: {str(text)[:60]!r}. Write it as a JSON object."
        ) from None
    if not isinstance(golden, dict):
        raise InputError(f"golden_response is no object: {str(text)[:60]!r}. Write it as a JSON object.")
    return golden


def _without_thinking(text: str) -> tuple[str, str]:
    """(`text` outside of think sections, what follows an opening that is never closed)."""
    kept, position, thinking = "", 0, False
    for tag in _THINKING.finditer(text):
        closes = bool(tag.group(1))
        if closes and not thinking:
            kept, position = "", tag.end()  # some templates eat the opening: all before was thought
        elif closes != thinking:
            continue
        else:
            kept += "" if closes else text[position : tag.start()]
            position, thinking = tag.end(), not closes
    rest = text[position:]
    return (kept.strip(), rest) if thinking else ((kept + rest).strip(), "")


def _ending_on(thought: str, kind: str) -> str | dict[str, Any]:
    """The object that ends a thought which was never closed."""
    if thought:
        for value, _, end in objects(thought):
            if not _FENCE_END.fullmatch(thought, end):
                continue
            if kind == "json":
                return _record(value)
            if (reply := _response_text(value)) is not None:
                return reply
    raise JsonProblem("a <think> section and no answer after it")


def _object(text: str) -> dict[str, Any]:
    """The object that a json answer consists of."""
    whole = _parsed(_unfenced(text))
    if isinstance(whole, str):
        return _object_in(whole)
    if isinstance(whole, list):
        if len(whole) == 1 and isinstance(whole[0], dict):
            return _record(whole[0])
        raise JsonProblem("a JSON array, not an object")
    return _record(whole) if isinstance(whole, dict) else _object_in(text)


def _object_in(text: str) -> dict[str, Any]:
    found = list(objects(text))
    if not found:
        raise JsonProblem("no JSON object in the answer")
    return _record(max(found, key=lambda one: one[2] - one[1])[0])


def _record(value: dict[str, Any]) -> dict[str, Any]:
    """`value` out of the tool call, or the reply's text, that it is wrapped in."""
    value = _arguments(value)
    inner = value.get("response_text") if value.keys() <= _REPLY_KEYS else None
    if isinstance(inner, dict):
        return inner
    try:
        return next((one for one, _, _ in objects(inner)), value) if isinstance(inner, str) else value
    except JsonProblem:
        return value


def _reply(text: str) -> str:
    """The response text of a conversation's answer."""
    bare = _unfenced(text)
    whole = _parsed(bare)
    if isinstance(whole, dict | list):
        return _only_reply(whole if isinstance(whole, list) else [whole])
    if isinstance(whole, str):
        return whole
    try:
        found = [value for value, _, _ in objects(bare)]
    except JsonProblem:
        if OPENING.match(bare):
            raise
        return bare
    return next((reply for reply in map(_response_text, found) if reply is not None), bare)


def _only_reply(values: Iterable[Any]) -> str:
    for value in values:
        if isinstance(value, dict) and (reply := _response_text(value)) is not None:
            return reply
    raise JsonProblem("no response_text in the tool's arguments")


def _response_text(value: dict[str, Any]) -> str | None:
    reply = _arguments(value).get("response_text")
    return reply if isinstance(reply, str) else None


def _arguments(value: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a tool call in any of its usual shapes; what is no tool call stays as it is."""
    call: Any = value
    if isinstance(call.get("tool_calls"), list) and len(call["tool_calls"]) == 1:
        call = call["tool_calls"][0]
    if isinstance(call, dict) and isinstance(call.get("function"), dict):
        call = call["function"]
    if not isinstance(call, dict) or not call.keys() <= _CALL_KEYS or not isinstance(call.get("name"), str):
        return value
    inside = call.get("arguments", call.get("parameters"))
    inside = _parsed(inside) if isinstance(inside, str) else inside
    if not isinstance(inside, dict):
        raise JsonProblem("the tool call's arguments are no JSON object")
    return inside


def _parsed(text: str) -> Any:
    """The value of a text that is JSON from end to end, else None."""
    if not text.startswith(("{", "[", '"')):
        return None
    try:
        return parse(text)
    except JsonProblem:
        return None


def _unfenced(text: str) -> str:
    fenced = _FENCE.fullmatch(text)
    return fenced.group(1).strip() if fenced else text
