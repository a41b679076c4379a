"""Answers and goldens as models and harnesses wrote them: the answer itself, or what became of it."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from benchkit.domain import TestCase
from benchkit.errors import InputError
from benchkit.jsontext import OPENING, JsonProblem, objects, parse, unfenced

from .reasoning import without_reasoning
from .refusals import declines
from .toolcalls import called_in_text, unwrapped

# What `str()` and pandas make of an answer that is not there.
ABSENT = frozenset(("", "none", "nan", "null", "<na>", "nat"))
# What harnesses leave in the place of an answer when the provider's client raised.
_CLIENT_ERROR = re.compile(r"Error code: [45]\d\d\b|\$ERROR\$")
_FENCE_END = re.compile(r"[\s`]*")
_REPLY_KEYS = frozenset(("response_text", "response_type", "next_steps"))
_MOST_MESSAGES = 8  # one within the other; nobody means more
DECLINED = "the model declined"
Value = str | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` is one of STATUSES; `value`, the text or the object for json, is there where answered."""

    status: str
    value: str | dict[str, Any] | None = None
    error: str = ""


def read_answer(text: object, kind: str, own: Collection[str] = ()) -> Answer:
    """What a model answered, from the text that came of it, live or kept by a harness.

    Read are the bare answer, the tool's arguments, a tool call or a message in the shapes of the providers
    (of several calls in one message the first), JSON or a Python literal, alone, in prose, in a code fence or
    in tool-call markup. Of several JSON objects in prose the largest is the answer. Reasoning is none, in any
    of the marks that `reasoning` knows, save for one that never closes and ends on the answer's object.
    `kind` is "json" or "conversation"; `own` are the keys of the case's record (`own_keys`).

    A text that is empty, None, NaN or a client's error message was lost by the harness: `failed`, which is
    unscored. A text that does nothing but decline is `refused`, and what holds no answer `malformed`: both
    are the model's own. Never raises.
    """
    return _read("" if text is None else str(text).strip(), kind, frozenset(own))


@lru_cache(maxsize=512)  # a model that is sure says the same in every round, and 04 reads each answer twice
def _read(raw: str, kind: str, own: frozenset[str]) -> Answer:
    if raw[:8].lower() in ABSENT:
        return Answer("failed", error="the answer is empty")
    if _CLIENT_ERROR.match(raw):
        return Answer("failed", error=raw[:200])
    said, unfinished = (raw, "") if _parsed(raw) is not None else without_reasoning(raw)
    try:
        value = _content(said, kind, own) if said else _ending_on(unfinished, kind, own)
    except JsonProblem as error:
        return Answer("refused" if str(error) == DECLINED else "malformed", error=str(error))
    if isinstance(value, str) and not value.strip():
        return Answer("malformed", error="no response_text in the tool's arguments")
    if isinstance(value, str) and declines(value):
        return Answer("refused", error=DECLINED)
    return Answer("answered", value)


def own_keys(case: TestCase) -> frozenset[str]:
    """The keys that the record of a json case may have at its top: the golden's and the schema's."""
    if not isinstance(case.golden_response, dict):
        return frozenset()
    properties = (case.response_schema or {}).get("properties")
    return frozenset(case.golden_response) | frozenset(properties if isinstance(properties, dict) else ())


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


def _content(text: str, kind: str, own: Collection[str], messages: int = _MOST_MESSAGES) -> Value:
    """What `text`, which holds no reasoning, answers."""
    bare = unfenced(text)
    whole = _parsed(bare)
    inside = unwrapped(whole, own) if isinstance(whole, dict | list) else whole
    if isinstance(inside, str) and messages:
        return _content(without_reasoning(inside)[0], kind, own, messages - 1)
    if isinstance(inside, dict):
        return _of(inside, kind, own)
    if isinstance(whole, list):
        if len(whole) != 1 or not isinstance(whole[0], dict):
            raise JsonProblem("a JSON array, not an object")
        whole = whole[0]
    if isinstance(whole, dict):
        return _of(whole, kind, own)
    called = called_in_text(bare)
    return _in_prose(bare, kind, own) if called is None else _of(called, kind, own)


def _of(value: dict[str, Any], kind: str, own: Collection[str]) -> Value:
    """The answer that an object is: the record itself, or a reply's text."""
    inner = value.get("response_text")
    held_back = value.get("refusal") or (inner if kind == "json" and isinstance(inner, str) else "")
    if isinstance(held_back, str) and not value.keys() & set(own) and declines(held_back):
        raise JsonProblem(DECLINED)
    if kind == "conversation":
        if isinstance(inner, str):
            return inner
        raise JsonProblem("no response_text in the tool's arguments")
    if not value.keys() <= _REPLY_KEYS or "response_text" in own:
        return value
    # A record that was handed in as a reply to the customer.
    if isinstance(inner, dict):
        return inner
    try:
        return next((one for one, _, _ in objects(inner)), value) if isinstance(inner, str) else value
    except JsonProblem:
        return value


def _in_prose(text: str, kind: str, own: Collection[str]) -> Value:
    """The largest object in a text for json; for a conversation the first reply in it, else the text."""
    try:
        found = list(objects(text))
    except JsonProblem:
        if kind == "json" or OPENING.match(text.lstrip("[ \n\t")):
            raise
        return text
    if kind == "json":
        if not found:
            raise JsonProblem(DECLINED if declines(text) else "no JSON object in the answer")
        value = max(found, key=lambda one: one[2] - one[1])[0]
        inside = unwrapped(value, own)
        return _of(inside if isinstance(inside, dict) else value, kind, own)
    replies = (unwrapped(value) or value for value, _, _ in found)
    texts = (reply.get("response_text") for reply in replies if isinstance(reply, dict))
    return next((reply for reply in texts if isinstance(reply, str)), text)


def _ending_on(thought: str, kind: str, own: Collection[str]) -> Value:
    """The object that ends a thought which was never closed."""
    for _, start, end in objects(thought) if thought else ():
        if _FENCE_END.fullmatch(thought, end):
            return _in_prose(thought[start:end], kind, own)
    raise JsonProblem("reasoning and no answer after it")


def _parsed(text: str) -> Any:
    """The value of a text that is JSON from end to end, else None."""
    if not text.startswith(("{", "[", '"')):
        return None
    try:
        return parse(text)
    except JsonProblem:
        return None
