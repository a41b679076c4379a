"""Tool calls and messages in the shapes of the providers: the arguments, or the text, that they hold."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection
from typing import Any

from benchkit.jsontext import JsonProblem, objects, parse, plain, tool_name

TOOL = "process_customer_response"  # the one tool that a model under test is given
_NESTED = ("function", "functionCall", "function_call", "toolUse")
_ARGUMENTS = ("arguments", "parameters", "input", "args")
_CALL_TYPES = ("function", "function_call", "tool_use", "tool_call", "tool-call")
_TEXT_TYPES = ("text", "output_text")
_BARE = frozenset((*_ARGUMENTS, "name", "id", "call_id", "type", "index", "status"))
_ENVELOPES = ("choices", "message", "candidates", "output", "parts", "content", "tool_calls")
_MARKUP = re.compile(
    r"</?tool_calls?>|</?tool_use>|</?function_calls?>|<function=|<invoke\b|\[TOOL_CALLS?\]|<\|python_tag\|>"
    r"|<\|tool_calls?(?:_section)?(?:_begin)?\|>|<｜tool▁calls?▁begin｜>|<\|START_ACTION\|>|functools\[|```tool_call"
)
_MARKUP_NAME = re.compile(
    r"<function=\s*\"?([\w.:-]+)|<invoke name=\"?([\w.:-]+)|\[TOOL_CALLS?\]\s*([\w.:-]+)"
    r"|functions\.([\w.-]+)|<｜tool▁sep｜>\s*([\w.-]+)|<tool_call>\s*([\w.-]+)\s*(?=[<{])"
)
_PYTHONIC = re.compile(rf"[\[\s]*(?:print\()?(?:\w+\.)*{TOOL}\(")
# A value ends before the next tag of its kind: else each beginning would be sought an end in all the rest.
_PARAMETER = re.compile(
    r"<parameter(?:=|\s+name=)\"?([\w.-]+)\"?\s*>([^<]*+(?:<(?!/?parameter)[^<]*+)*+)</parameter>"
    r"|<arg_key>([^<]*+)</arg_key>\s*<arg_value>([^<]*+(?:<(?!/?arg_)[^<]*+)*+)</arg_value>"
)


def unwrapped(
    value: dict[str, Any] | list[Any], own: Collection[str] = (), *, inside: bool = False
) -> dict[str, Any] | str | None:
    """The arguments of the first tool call in `value`, or the text of a message; None where it is neither.

    The first call of a message is its answer, and any more are not read. `own` are the keys of the case's
    record: what has one of them is the record itself, unless it calls our tool. `inside` says that a message
    is around it already. Raises JsonProblem for a call of another tool, for arguments that are no object, and
    for a message without an answer.
    """
    items = [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, dict)]
    for item in items:
        if call := _call(item, own):
            return _arguments(*call)
    for item in items:
        for key in _ENVELOPES:
            if isinstance(item.get(key), dict | list) and key not in own:
                found = unwrapped(item[key], own, inside=inside or key != "message")
                if found is not None:
                    return found
    return _text([item for item in items if not item.keys() & set(own)], inside)


def _call(item: dict[str, Any], own: Collection[str]) -> tuple[str, Any] | None:
    """(name, arguments) if `item` is a tool call."""
    inner = next((item[key] for key in _NESTED if isinstance(item.get(key), dict) and key not in own), item)
    key = next((key for key in _ARGUMENTS if key in inner), None)
    name = inner.get("name")
    if key is None or not isinstance(name, str):
        return None
    if {"name", key} <= set(own) and inner is item:
        return None
    is_marked = inner is not item or item.get("type") in _CALL_TYPES
    if tool_name(name) == TOOL and (is_marked or item.keys() <= _BARE):
        return name, inner[key]
    is_ours = bool({"name", key} & set(own)) or not (is_marked or _looks_like(inner[key], own))
    return None if is_ours else (name, inner[key])


def _looks_like(arguments: Any, own: Collection[str]) -> bool:
    """Whether the arguments hold the record that the case wants."""
    try:
        inside = parse(arguments) if isinstance(arguments, str) else arguments
    except JsonProblem:
        return False
    return isinstance(inside, dict) and bool(inside.keys() & set(own))


def _arguments(name: str, given: Any) -> dict[str, Any]:
    if tool_name(name) != TOOL:
        raise JsonProblem(f"called {name[:80]!r}, not {TOOL!r}")
    inside = parse(given) if isinstance(given, str) else given
    if not isinstance(inside, dict):
        raise JsonProblem("the tool call's arguments are no JSON object")
    return inside


def _text(items: list[dict[str, Any]], inside: bool) -> str | None:
    """What the last message among `items` says, or the blocks of one; reasoning blocks say nothing."""
    said = [item for item in items if item.get("role") in ("assistant", "model")]
    if said:
        text = said[-1].get("content") or said[-1].get("refusal")
        if not isinstance(text, str):
            raise JsonProblem("a message without an answer")
        return text
    types = (*_TEXT_TYPES, None) if inside else _TEXT_TYPES
    blocks = [item for item in items if item.get("type") in types and item.get("thought") is not True]
    return "\n".join(block["text"] for block in blocks if isinstance(block.get("text"), str)) or None


def called_in_text(text: str) -> dict[str, Any] | None:
    """The arguments of a call that is written as markup in `text`; None where there is no markup.

    Raises JsonProblem where there is some and no call of our tool can be read from it.
    """
    if _PYTHONIC.match(text):
        return _pythonic(text)
    begin = _MARKUP.search(text)
    if begin is None:
        return None
    markup = text if "/" in begin.group() else text[begin.start() :]
    named = _MARKUP_NAME.search(markup.partition("{")[0])
    try:
        given = next((value for value, _, _ in objects(markup)), None)
    except JsonProblem as error:
        raise JsonProblem(f"broken tool-call markup ({error})") from None
    if given is None:
        found = _PARAMETER.findall(markup)
        given = {(a or c).strip(): _value((b if a else d).strip()) for a, b, c, d in found} or None
    if given is None:
        raise JsonProblem("broken tool-call markup")
    if named:
        return _arguments(next(filter(None, named.groups())), given)
    key = next((key for key in _ARGUMENTS if key in given), None)
    return _arguments(given["name"], given[key]) if key and isinstance(given.get("name"), str) else given


def _pythonic(text: str) -> dict[str, Any]:
    """The arguments of a call that is written as Python writes one, alone or first in a list."""
    try:
        call: Any = ast.parse(text.strip(), mode="eval").body
        while not (isinstance(call, ast.Call) and ast.unparse(call.func).endswith(TOOL)):
            call = call.elts[0] if isinstance(call, ast.List) else call.args[0]
        return {str(one.arg): plain(ast.literal_eval(one.value)) for one in call.keywords}
    except (SyntaxError, ValueError, TypeError, AttributeError, IndexError, MemoryError, RecursionError):
        raise JsonProblem("broken tool-call markup") from None


def _value(text: str) -> Any:
    try:
        return parse(text)
    except JsonProblem:
        return text
