"""What came of a call: the model's answer, its own unusable one, our failure to get one, or the run's end."""

from __future__ import annotations

import json
from typing import Any

from ..agent import Agent, Call, Reply, sendable
from ..errors import ProviderError
from . import catalog
from .retry import is_retried
from .transport import Exchange, details, explain, message_of, was_sent

# The API checks tool calls on its side: what it turns down so is what the model answered.
_MODELS_OWN = ("tool_use_failed", "json_validate_failed")
MOST_USED = 1e12  # tokens or seconds of one call; more is no number that anybody measured
_MODEL_GONE = ("model_not_found", "model_decommissioned")


def answered(agent: Agent, call: Call, exchange: Exchange, cost_usd: float | None) -> Reply:
    """The reply in a completion; malformed when its arguments cannot be used."""
    body = exchange.body or {}
    arguments, text, error = agent.read(call, body["choices"][0]["message"])
    usage = usage_of(exchange)
    served = (usage.get("prompt_time") or 0) + (usage.get("completion_time") or 0)
    return Reply(
        call.key,
        status="malformed" if arguments is None else "answered",
        arguments=arguments,
        text=text,
        error=error,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cost_usd=cost_usd,
        latency_s=exchange.latency_s,
        queue_s=usage.get("queue_time"),
        server_s=served or None,
        request_id=_request_id(body),
        fingerprint=str(body.get("system_fingerprint") or ""),
    )


def unanswered(call: Call, error: Exception, exchange: Exchange, url: str) -> Reply:
    """The reply in an API error that retries did not mend.

    Raises ProviderError for what no other call could survive either: a refused key, a model that is gone.
    """
    import groq

    about = details(error)
    if is_models_own(error):
        made = about.get("failed_generation") or ""
        text = made if isinstance(made, str) else json.dumps(made, ensure_ascii=False)
        return Reply(
            call.key,
            status="malformed",
            text=sendable(text),
            error=sendable(message_of(error)),
            latency_s=exchange.latency_s,
            request_id=exchange.headers.get("x-request-id", ""),
        )
    if about.get("code") in _MODEL_GONE:
        raise ProviderError(catalog.replacement(call.model) or _gone(call.model, error)) from error
    if isinstance(error, groq.AuthenticationError | groq.PermissionDeniedError):
        raise ProviderError(explain(error, url)) from error
    cause = "" if was_sent(error) else " No connection was made."
    told = sendable(f"{type(error).__name__}: {message_of(error)}{cause}")
    return Reply(call.key, "failed", error=told, retriable=is_retried(error))


def is_models_own(error: Exception) -> bool:
    """Whether an API error is an answer of the model's: it made something, which the API turned down."""
    about = details(error)
    return about.get("code") in _MODELS_OWN or "failed_generation" in about


def usage_of(exchange: Exchange | None) -> dict[str, Any]:
    """The numbers of the usage that a completion states, `cached_tokens` among them; {} without one."""
    usage = (exchange.body or {}).get("usage") if exchange else None
    if not isinstance(usage, dict):
        return {}
    details = usage.get("prompt_tokens_details")
    stated = usage | ({"cached_tokens": details.get("cached_tokens")} if isinstance(details, dict) else {})
    return {name: value for name, value in stated.items() if _is_usable(name, value)}


def _is_usable(name: str, value: Any) -> bool:
    """Whether it is a number that can be: tokens are whole, and nothing is negative or beyond all bounds."""
    kinds = (int,) if name.endswith("_tokens") else (int, float)
    return type(value) in kinds and 0 <= value < MOST_USED


def _request_id(body: dict[str, Any]) -> str:
    about = body.get("x_groq")
    return str(about.get("id", "")) if isinstance(about, dict) else ""


def _gone(model: str, error: Exception) -> str:
    return (
        f"{model} is served no longer ({message_of(error).rstrip('.')}). What is paid for is kept; "
        "`benchkit models` lists what to use instead."
    )
