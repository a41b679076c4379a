"""What came of a call: the model's answer, its own unusable one, our failure to get one, and its time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from ..agent import Agent, Call, Reply
from ..errors import ProviderError
from . import catalog
from .call_error import MODEL_GONE, REFUSED_KEY, TIMED_OUT, CallError, explain
from .groq import Exchange

CUT_OFF = "cut off at max_tokens"


@dataclass
class Timing:
    """One call on its way: the requests sent for it, and the seconds it waited."""

    sent: list[Exchange] = field(default_factory=list)
    waited_s: float = 0.0  # between attempts
    limit_s: float = 0.0
    retry_s: float = 0.0

    def waits(self, wait_s: float, error: CallError) -> None:
        """Note the wait after an attempt that brought `error`."""
        self.waited_s += wait_s
        if error.announced:
            self.limit_s += wait_s
        else:
            self.retry_s += wait_s

    def fields(self) -> dict[str, Any]:
        """What a reply keeps of it."""
        last = self.sent[-1]
        lost = self.sent[:-1] if last.received else self.sent
        ours = last.sent - last.began + time.perf_counter() - last.received if last.received else 0.0
        retry_s = self.retry_s + sum(exchange.ended - exchange.began for exchange in lost)
        seconds = {"waited_s": self.waited_s, "limit_s": self.limit_s, "retry_s": retry_s, "ours_s": ours}
        return {"attempts": len(self.sent)} | {name: round(value, 4) for name, value in seconds.items()}


def answered(agent: Agent, call: Call, exchange: Exchange) -> Reply:
    """The reply in a completion; malformed when it cannot be used, or ended at the token limit."""
    body, usage = exchange.body or {}, exchange.usage
    choice, about = body["choices"][0], body.get("x_groq")
    arguments, text, error = agent.read(call, choice["message"])
    if choice.get("finish_reason") == "length":
        arguments, error = None, f"{CUT_OFF} = {call.max_tokens}"
    served = (usage.get("prompt_time") or 0) + (usage.get("completion_time") or 0)
    return Reply(
        call.key,
        status="malformed" if arguments is None else "answered",
        arguments=arguments,
        text=text,
        error=error,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
        cost_usd=exchange.cost_usd,
        latency_s=exchange.latency_s,
        queue_s=usage.get("queue_time"),
        server_s=served or None,
        request_id=str(about.get("id", "")) if isinstance(about, dict) else "",
        fingerprint=str(body.get("system_fingerprint") or ""),
    )


def unanswered(call: Call, error: CallError, exchange: Exchange, url: str) -> Reply:
    """The reply in an error that retries did not mend.

    Raises ProviderError for what no other call could survive either: a refused key, a model that is gone.
    """
    if error.generated is not None:  # the API checks tool calls on its side: that is what the model answered
        return Reply(
            call.key,
            status="malformed",
            text=error.generated,
            error=error.message,
            latency_s=exchange.latency_s,
            request_id=exchange.headers.get("x-request-id", ""),
        )
    if error.code in MODEL_GONE:
        raise ProviderError(
            catalog.replacement(call.model)
            or f"{call.model} is served no longer ({error.said}). What is paid for is kept; "
            "`benchkit models` lists what to use instead."
        ) from error
    if error.status in REFUSED_KEY:
        raise ProviderError(explain(error, url)) from error
    remedy = ". Lower max_concurrency or raise timeout_s" if error.kind == TIMED_OUT else ""
    cause = "" if error.sent else " No connection was made."
    return Reply(call.key, "failed", error=f"{error}{remedy}{cause}", retriable=error.retried)


def is_cut_off(reply: Reply) -> bool:
    """Whether the answer ended at the token limit that we set."""
    return reply.status == "malformed" and reply.error.startswith(CUT_OFF)
