"""Groq's contract: what a request may hold, and the bodies of what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ...domain import as_text
from ..world import Draft, SimulatedModel
from .limits import error

Refused = tuple[int, dict[str, Any]]
INVALID = "Tool call validation failed: tool call validation failed"
UNKNOWN_TOOL = "attempted to call tool 'json' which was not in request.tools"
ADJUST = "Please adjust your prompt. See 'failed_generation' for more details."
CONTEXT_WINDOW = 131_072  # tokens
INVALID_KEY: Refused = (401, error("Invalid API Key", code="invalid_api_key"))


def not_found(model: str) -> Refused:
    message = f"The model `{model}` does not exist or you do not have access to it."
    return 404, error(message, code="model_not_found")


def decommissioned(model: str) -> Refused:
    message = (
        f"The model `{model}` has been decommissioned and is no longer supported. Please refer to "
        "https://console.groq.com/docs/deprecations for a recommendation on which model to use instead."
    )
    return 400, error(message, code="model_decommissioned")


def unknown_url(method: str, path: str) -> Refused:
    """The 404 that a base URL with /openai/v1 in it leads to."""
    message = (
        f"Unknown request URL: {method} {path}. Please check the URL for typos, or see the docs at "
        "https://console.groq.com/docs/"
    )
    return 404, error(message, code="unknown_url")


def bad_json(message: str) -> Refused:
    return 400, error(f"request body is not valid JSON: {message}", code="json_parse_failed")


def tool_use_failed(draft: Draft) -> Refused:
    """The 400 in one of the six forms that Groq is known to use; `failed_generation` is text."""
    tool, made, start = draft.tool, draft.arguments, draft.arguments[:80]
    unmatched = (
        f"parameters for tool {tool} did not match schema: errors: [missing properties: 'response_text']"
    )
    message, failed = (
        (f"Failed to call a function. {ADJUST}", f"<function={tool}>{made}</function>"),
        (f"{INVALID}: {unmatched}", as_text({"name": tool, "arguments": {"text": start}})),
        (f"{INVALID}: {UNKNOWN_TOOL}", as_text({"name": "json", "arguments": {"text": start}})),
        ("Failed to parse tool call arguments as JSON", made[: max(1, len(made) // 2)]),
        ("Tool choice is none, but model called a tool", as_text({"name": tool, "arguments": start})),
        (
            "Tool choice is required, but model did not call a tool",
            "Let me think about that." if len(made) % 2 else "",
        ),
    )[draft.invalid - 1]
    return 400, error(message, code="tool_use_failed", failed_generation=failed)


def token_limit(body: Mapping[str, Any], model: SimulatedModel) -> int:
    """The tokens that the answer may have: what is reserved of the limits."""
    return int(body.get("max_completion_tokens") or body.get("max_tokens") or model.max_output)


def chosen_tool(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The function that the model is made to call, or may call: the forced one, else the first."""
    functions = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or ()}
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        return functions[choice["function"]["name"]]
    return next(iter(functions.values()), None) if choice != "none" else None


def problem(body: Mapping[str, Any], model: SimulatedModel, size: int) -> Refused | None:
    """The first thing wrong with a chat request of `size` bytes, as Groq would put it, or None.

    Of what Groq checks, that which a prompt, a candidate or a line of a batch of ours can get wrong.
    """
    limit, temperature = token_limit(body, model), body.get("temperature") or 0
    effort, efforts = body.get("reasoning_effort"), ("none", "default", "low", "medium", "high")
    allowed = efforts[2:] if "gpt-oss" in model.id else efforts
    wrong = {
        "'messages' : minimum number of items is 1": not body.get("messages"),
        "'stream' : streaming is not simulated by the offline provider": body.get("stream"),
        "'temperature' : number must be between 0 and 2": not 0 <= temperature <= 2,
        "json mode cannot be combined with tool/function calling": body.get("response_format"),
        "tool_choice was not in request.tools": not _is_offered(body),
        f"`reasoning_effort` must be one of {', '.join(allowed)}": effort not in (None, *allowed),
        f"`max_completion_tokens` must be less than or equal to `{model.max_output}`": limit
        > model.max_output,
    }
    if message := next((message for message, is_so in wrong.items() if is_so), ""):
        return 400, error(message)
    if size // 4 > CONTEXT_WINDOW:
        message = "Please reduce the length of the messages or completion."
        return 400, error(message, code="context_length_exceeded", param="messages")
    return None


def _is_offered(body: Mapping[str, Any]) -> bool:
    """Whether a tool that is forced is among those of the request."""
    choice = body.get("tool_choice")
    names = [tool["function"]["name"] for tool in body.get("tools") or ()]
    return not isinstance(choice, Mapping) or choice["function"]["name"] in names


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=json_bytes(body), content_type="application/json", headers=headers
    )


def json_bytes(body: Any) -> bytes:
    return as_text(body).encode("utf-8", "replace")
