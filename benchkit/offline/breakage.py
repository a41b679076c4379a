"""Replies that carry no usable tool call."""

from __future__ import annotations

import random as random_module
from dataclasses import dataclass
from typing import Any

from benchkit.offline.answers import raw
from benchkit.offline.limits import error

Random = random_module.Random
BROKEN = ("tool_use_failed", "prose", "nothing", "wrong_tool", "truncated", "not_an_object")
INVALID = "Tool call validation failed: tool call validation failed"


@dataclass(frozen=True)
class Draft:
    """What the model made: a tool call (name and raw arguments), or text, or a 400 in place of both."""

    tool: str = ""
    arguments: str = ""
    content: str | None = None
    failure: dict[str, Any] | None = None


def broken(how: str, tool: str, arguments: Any, random: Random) -> Draft:
    """A reply that carries no usable tool call, in one of the ways of `BROKEN`."""
    whole = raw(arguments)
    if how == "tool_use_failed":
        return Draft(failure=tool_use_failed(random.randrange(6), tool, whole, random))
    if how == "prose":
        return Draft(content=f"<think>I could call {tool}.</think>Here is what I suggest: {whole[:400]}")
    if how == "nothing":
        return Draft(content="")
    if how == "wrong_tool":
        return Draft("json", whole)
    if how == "truncated":
        return Draft(tool, whole[: max(1, len(whole) * random.randint(30, 90) // 100)])
    return Draft(tool, raw(random.choice((["answer", arguments], "answer", 5))))


def tool_use_failed(form: int, tool: str, generation: str, random: Random) -> dict[str, Any]:
    """The 400 in one of the six forms (0 to 5) that Groq is known to use; `failed_generation` is text."""
    message, failed = (
        (
            "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
            f"<function={tool}>{generation}</function>",
        ),
        (
            f"{INVALID}: parameters for tool {tool} did not match schema: "
            "errors: [missing properties: 'response_text']",
            raw({"name": tool, "arguments": {"text": generation[:80]}}),
        ),
        (
            f"{INVALID}: attempted to call tool 'json' which was not in request.tools",
            raw({"name": "json", "arguments": {"text": generation[:80]}}),
        ),
        ("Failed to parse tool call arguments as JSON", generation[: max(1, len(generation) // 2)]),
        ("Tool choice is none, but model called a tool", raw({"name": tool, "arguments": generation[:80]})),
        (
            "Tool choice is required, but model did not call a tool",
            random.choice(("", "Let me think about that.")),
        ),
    )[form]
    return error(message, code="tool_use_failed", failed_generation=failed)
