"""Groq's contract: what a request may hold, and the bodies of what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ...domain import as_text
from ..world import DECOMMISSIONED, Draft, SimulatedModel
from .limits import error

Refused = tuple[int, dict[str, Any]]
INVALID = "Tool call validation failed: tool call validation failed"
UNKNOWN_TOOL = "attempted to call tool 'json' which was not in request.tools"
ADJUST = "Please adjust your prompt. See 'failed_generation' for more details."
ROLES = ("system", "user", "assistant", "tool")
UNSUPPORTED = ("logprobs", "logit_bias", "top_logprobs")
INVALID_KEY: Refused = (401, error("Invalid API Key", code="invalid_api_key"))


def unknown_model(model: str) -> Refused:
    """404, or 400 for one that Groq has shut down."""
    return decommissioned(model) if model in DECOMMISSIONED else not_found(model)


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
    functions = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    if not functions or choice == "none":
        return None
    forced = choice["function"]["name"] if isinstance(choice, Mapping) else ""
    return next((function for function in functions if function.get("name") == forced), functions[0])


def problem(body: Mapping[str, Any], model: SimulatedModel, size: int) -> Refused | None:
    """The first thing wrong with a chat request of `size` bytes, as Groq would put it, or None."""
    message = _messages(body.get("messages")) or _options(body) or _tools(body) or _reasoning(body, model)
    if message:
        return 400, error(message)
    limit = token_limit(body, model)
    if limit > model.max_output:
        return 400, error(f"`max_completion_tokens` must be less than or equal to `{model.max_output}`")
    if size // 4 > model.context_window:
        message = "Please reduce the length of the messages or completion."
        return 400, error(message, code="context_length_exceeded", param="messages")
    return None


def _messages(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        return "'messages' : minimum number of items is 1"
    for at, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            return f"'messages.{at}' : discriminator property 'role' has invalid value"
        if message.get("name") is not None:
            return f"'messages.{at}' : property 'name' is unsupported"
    return ""


def _options(body: Mapping[str, Any]) -> str:
    if body.get("n") not in (None, 1):
        return "'n' : number must be at most 1"
    if body.get("stream"):
        return "streaming is not simulated by the offline provider: send the request with 'stream' : false"
    unsupported = [name for name in UNSUPPORTED if body.get(name) not in (None, False)]
    if unsupported:
        return f"'{unsupported[0]}' : property is not yet supported by any models"
    temperature = body.get("temperature")
    if isinstance(temperature, (int, float)) and not 0 <= temperature <= 2:
        return "'temperature' : number must be between 0 and 2"
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    if limit is not None and (not isinstance(limit, int) or limit < 1):
        return "'max_completion_tokens' : must be a positive integer"
    return ""


def _tools(body: Mapping[str, Any]) -> str:
    tools = body.get("tools")
    if not tools:
        return "" if body.get("tool_choice") in (None, "none", "auto") else "'tool_choice' : needs 'tools'"
    if not isinstance(tools, list) or len(tools) > 128:
        return "'tools' : maximum number of items is 128"
    functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)]
    names = [function.get("name") for function in functions if isinstance(function, Mapping)]
    if len(names) < len(tools) or not all(names):
        return "'tools' : every item must have a 'function' with a 'name'"
    if body.get("response_format"):
        return "json mode cannot be combined with tool/function calling"
    return _choice(body.get("tool_choice", "auto"), names)


def _choice(choice: Any, names: list[Any]) -> str:
    if isinstance(choice, str):
        known = ("none", "auto", "required")
        return "" if choice in known else f"'tool_choice' : one of {', '.join(known)} or a function"
    function = choice.get("function") if isinstance(choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    if name is None:
        return "'tool_choice' : value must be a string or name a function"
    return "" if name in names else f"tool_choice {name!r} was not in request.tools"


def _reasoning(body: Mapping[str, Any], model: SimulatedModel) -> str:
    effort = body.get("reasoning_effort")
    allowed = (
        ("low", "medium", "high") if "gpt-oss" in model.id else ("none", "default", "low", "medium", "high")
    )
    if effort is not None and effort not in allowed:
        return f"`reasoning_effort` must be one of {', '.join(f'`{one}`' for one in allowed)}"
    if body.get("reasoning_format") == "raw" and body.get("tools"):
        return "reasoning_format `raw` cannot be combined with tools"
    return ""


def json_response(status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        status=status, body=json_bytes(body), content_type="application/json", headers=headers
    )


def json_bytes(body: Any) -> bytes:
    return as_text(body).encode("utf-8", "replace")
