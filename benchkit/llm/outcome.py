"""What came of a call: the model's answer, its own unusable one, our failure to get one, or the run's end."""

from __future__ import annotations

from typing import Any

from ..agent import Agent, Call, Reply
from ..errors import ProviderError
from ..log import redact
from . import catalog
from .transport import Exchange, details, explain, message_of

# The API checks tool calls on its side: what it turns down so is what the model answered.
_MODELS_OWN = ("tool_use_failed", "json_validate_failed")
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
        latency_s=round(exchange.latency_s, 4),
        queue_s=usage.get("queue_time"),
        server_s=served or None,
        request_id=str((body.get("x_groq") or {}).get("id", "")),
        fingerprint=str(body.get("system_fingerprint") or ""),
    )


def unanswered(call: Call, error: Exception, url: str) -> Reply:
    """The reply in an API error that retries did not mend.

    Raises ProviderError for what no other call could survive either: a refused key, a model that is gone.
    """
    import groq

    about = details(error)
    if about.get("code") in _MODELS_OWN or "failed_generation" in about:
        made = about.get("failed_generation") or ""
        text = made if isinstance(made, str) else str(made)
        return Reply(call.key, "malformed", text=text, error=message_of(error))
    if about.get("code") in _MODEL_GONE:
        raise ProviderError(catalog.replacement(call.model) or explain(error, url)) from error
    if isinstance(error, groq.AuthenticationError | groq.PermissionDeniedError):
        raise ProviderError(explain(error, url)) from error
    return Reply(call.key, "failed", error=redact(f"{type(error).__name__}: {message_of(error)}"))


def usage_of(exchange: Exchange | None) -> dict[str, Any]:
    """The usage that a completion states; {} without one."""
    usage = (exchange.body or {}).get("usage") if exchange else None
    return usage if isinstance(usage, dict) else {}
