"""The chat completion that Groq would send for a draft: wording, tokens, seconds."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..world import Draft, SimulatedModel, text_of
from ..world.seeded import digest, seeded

Z95 = 1.6448536269514722  # the standard normal's 95th percentile
FRAME = 10  # tokens of a tool call besides its arguments


@dataclass(frozen=True)
class Usage:
    """Tokens and seconds as Groq reports them; the server waits for the sum of the seconds."""

    prompt_tokens: int
    completion_tokens: int
    queue_s: float
    prompt_s: float
    completion_s: float

    @property
    def wait_s(self) -> float:
        return self.queue_s + self.prompt_s + self.completion_s

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def body(self) -> dict[str, Any]:
        tokens = {"prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens}
        times = {
            "queue_time": self.queue_s,
            "prompt_time": self.prompt_s,
            "completion_time": self.completion_s,
        }
        times["total_time"] = self.prompt_s + self.completion_s  # without the queue, as Groq has it
        return tokens | {"total_tokens": self.tokens} | {name: round(s, 9) for name, s in times.items()}


def usage(
    model: SimulatedModel,
    draft: Draft,
    asked: int,
    limit: int,
    key: tuple[int, str],
    latency_ms: float | None,
) -> Usage:
    """What the reply costs: a lognormal wait, then tokens at the model's pace; or exactly `latency_ms`.

    `asked` are the prompt's tokens, `limit` those that the answer may have, `key` is (server's seed, all that
    the answer depends on).
    """
    used = min(_completion_tokens(draft), limit)
    if latency_ms is not None:
        whole = latency_ms / 1000
        return Usage(asked, used, whole * 0.1, whole * 0.2, whole * 0.7)
    median, p95 = model.latency_ms
    z = seeded("latency", key[0], model.id, key[1]).gauss(0.0, 1.0)
    wait = median * (p95 / median) ** (z / Z95) / 1000 if median > 0 else 0.0
    return Usage(asked, used, wait * 0.3, wait * 0.7, used / model.tokens_per_s)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of the messages and the tools, and a few for each message's frame."""
    tools = json.dumps(body["tools"]) if body.get("tools") else ""
    messages = body["messages"]
    return _tokens("".join(text_of(message) for message in messages) + tools) + 4 * len(messages)


def _completion_tokens(draft: Draft) -> int:
    return _tokens(draft.arguments) + FRAME if draft.tool else _tokens(draft.content or "") + 1


def _tokens(text: str) -> int:
    """About four characters a token."""
    return -(-len(text) // 4)


def completion(
    model: SimulatedModel, body: Mapping[str, Any], draft: Draft, cost: Usage, id: str, seed: int
) -> dict[str, Any]:
    """The chat completion as Groq words it; `id` is the request's.

    The fingerprint starts with "offline", whatever id the model has: a client can always tell.
    """
    message, finish = _message(draft, cost.completion_tokens)
    return {
        "id": f"chatcmpl-{id}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.id,
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}],
        "usage": cost.body(),
        "system_fingerprint": f"offline_{seed}",
        "x_groq": {"id": id, "seed": body.get("seed")},
        "service_tier": body.get("service_tier") or "on_demand",
    }


def _message(draft: Draft, tokens: int) -> tuple[dict[str, Any], str]:
    """(message, finish reason); what exceeds the tokens is cut off."""
    said = {"role": "assistant", "content": None}
    if not draft.tool:
        text = draft.content or ""
        cut = text[: tokens * 4]
        return said | {"content": cut}, "stop" if cut == text else "length"
    cut = draft.arguments[: max(0, tokens - FRAME) * 4]
    call = {
        "id": f"call_{digest(draft.arguments):016x}",
        "type": "function",
        "function": {"name": draft.tool, "arguments": cut},
    }
    return said | {"tool_calls": [call]}, "tool_calls" if cut == draft.arguments else "length"
