"""Replies that carry no usable tool call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any

WAYS = ("tool_use_failed", "prose", "nothing", "wrong_tool", "truncated", "not_an_object")


@dataclass(frozen=True)
class Draft:
    """What a model made: a tool call (name and raw arguments), or text.

    `invalid` 1 to 6 is a call that the provider refuses, in one of the ways in which Groq words it.
    """

    tool: str = ""
    arguments: str = ""
    content: str | None = None
    invalid: int = 0


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
