"""From a chat request to what the simulated model makes of it, and to the completion that Groq would send."""

from __future__ import annotations

import json
import random as random_module
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchkit.offline import answers, author, commentary, critic, schemas
from benchkit.offline.answers import raw
from benchkit.offline.breakage import BROKEN, Draft, broken
from benchkit.offline.chance import chance, digest
from benchkit.offline.models import SimulatedModel

Random = random_module.Random
REPAIR = "Your last reply could not be used:"
REFUSAL = "I'm sorry, but I can't help with that request."
Z95 = 1.6448536269514722  # the standard normal's 95th percentile


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
        return {
            "queue_time": round(self.queue_s, 9),
            "prompt_tokens": self.prompt_tokens,
            "prompt_time": round(self.prompt_s, 9),
            "completion_tokens": self.completion_tokens,
            "completion_time": round(self.completion_s, 9),
            "total_tokens": self.tokens,
            "total_time": round(self.prompt_s + self.completion_s, 9),
        }


def respond(model: SimulatedModel, body: Mapping[str, Any], seed: int, key: str = "") -> Draft:
    """The model's draft: a function of (server seed, model, messages, request seed) and the tool alone.

    `key` is the request's (`request_key`), where it is known already.
    """
    random = chance("reply", seed, model.id, key or request_key(body))
    tool = chosen_tool(body)
    if tool is None:
        return Draft(content=_chat(body))
    name, parameters = str(tool.get("name", "")), tool.get("parameters") or {}
    arguments = _arguments(model, name, parameters, body["messages"], random)
    if random.random() < model.refusal and name == "process_customer_response":
        in_tool = "response_text" in arguments and random.random() < 0.5
        arguments = arguments | {"response_text": REFUSAL, "next_steps": []} if in_tool else arguments
        return Draft(name, raw(arguments)) if in_tool else Draft(content=REFUSAL)
    if random.random() < model.broken_json:
        return broken(random.choice(BROKEN), name, arguments, random)
    return Draft(name, raw(arguments))


def request_key(body: Mapping[str, Any]) -> str:
    """All of a request that an answer depends on, besides the tool."""
    return json.dumps([body.get("messages"), body.get("seed")])


def chosen_tool(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The function that the model is made to call, or may call: the forced one, else the first."""
    functions = [tool["function"] for tool in body.get("tools") or ()]
    choice = body.get("tool_choice")
    if not functions or choice == "none":
        return None
    forced = choice["function"]["name"] if isinstance(choice, Mapping) else ""
    return next((function for function in functions if function.get("name") == forced), functions[0])


def _arguments(
    model: SimulatedModel, name: str, parameters: Any, messages: list[Mapping[str, Any]], random: Random
) -> dict[str, Any]:
    said = _user_text(messages)
    if name == "process_customer_response":
        if "response_text" in (parameters.get("properties") or ()):
            return answers.conversation_answer(model, said, random)
        return answers.record_answer(model, said, parameters, random)
    order = _json_object(said)
    if name in ("generate_json_test", "generate_conversation_test"):
        return author.author(model, order, name.split("_")[1], random)
    if name == "validate_test_case":
        return critic.validate(model, order, random)
    if name == "write_commentary":
        return commentary.write(order)
    made = schemas.instance(parameters, random)
    return made if isinstance(made, dict) else {}


def _user_text(messages: list[Mapping[str, Any]]) -> str:
    """The task: the last user message that is no request to repair a reply."""
    told = [text_of(message) for message in messages if message.get("role") == "user"]
    return next((text for text in reversed(told) if not text.startswith(REPAIR)), "")


def text_of(message: Mapping[str, Any]) -> str:
    """A message's text, whether it came as a string or in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _json_object(text: str) -> dict[str, Any]:
    try:
        loaded = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _chat(body: Mapping[str, Any]) -> str:
    said = _user_text(body["messages"])[:200]
    return f"This is a simulated model; it answers through tools. You wrote: {said}"


def usage(
    model: SimulatedModel, draft: Draft, asked: int, limit: int, key: str, seed: int, latency_ms: float | None
) -> Usage:
    """What the reply costs: a lognormal wait, then tokens at the model's pace; or exactly `latency_ms`.

    `asked` are the prompt's tokens, `limit` those that the answer may have, `key` is `request_key`'s.
    """
    used = min(completion_tokens(draft), limit)
    if latency_ms is not None:
        whole = latency_ms / 1000
        return Usage(asked, used, whole * 0.1, whole * 0.2, whole * 0.7)
    median, p95 = model.latency_ms
    z = chance("latency", seed, model.id, key).gauss(0.0, 1.0)
    wait = median * (p95 / median) ** (z / Z95) / 1000 if median > 0 else 0.0
    return Usage(asked, used, wait * 0.3, wait * 0.7, used / model.tokens_per_s)


def tokens_in(text: str) -> int:
    """About four characters a token."""
    return -(-len(text) // 4)


def prompt_tokens(body: Mapping[str, Any]) -> int:
    """Tokens of the messages and the tools, and a few for each message's frame."""
    tools = json.dumps(body["tools"]) if body.get("tools") else ""
    messages = body["messages"]
    return tokens_in("".join(text_of(message) for message in messages) + tools) + 4 * len(messages)


def completion(
    model: SimulatedModel, body: Mapping[str, Any], draft: Draft, cost: Usage, ids: tuple[str, int], seed: int
) -> dict[str, Any]:
    """The chat completion as Groq words it; `ids` is (request id, unix time)."""
    request_id, created = ids
    said, finish = _message(draft, token_limit(body, model))
    return {
        "id": f"chatcmpl-{request_id}",
        "object": "chat.completion",
        "created": created,
        "model": model.id,
        "choices": [{"index": 0, "message": said, "logprobs": None, "finish_reason": finish}],
        "usage": cost.body(),
        "usage_breakdown": None,
        "system_fingerprint": fingerprint(seed),
        "x_groq": {"id": request_id, "seed": body.get("seed")},
        "service_tier": body.get("service_tier") or "on_demand",
    }


def fingerprint(seed: int) -> str:
    """Starts with "offline", whatever id the model has: a client can always tell what is simulated."""
    return f"offline_{seed}"


def token_limit(body: Mapping[str, Any], model: SimulatedModel) -> int:
    """The tokens that the answer may have: what is reserved of the limits."""
    return int(body.get("max_completion_tokens") or body.get("max_tokens") or model.max_output)


def completion_tokens(draft: Draft) -> int:
    """Tokens of the whole answer; a tool call's frame counts ten."""
    return tokens_in(draft.arguments) + 10 if draft.tool else tokens_in(draft.content or "") + 1


def _message(draft: Draft, limit: int) -> tuple[dict[str, Any], str]:
    """(message, finish reason); what exceeds the token limit is cut off."""
    if not draft.tool:
        text = draft.content or ""
        return {"role": "assistant", "content": text[: limit * 4]}, "length" if len(
            text
        ) > limit * 4 else "stop"
    room = max(0, limit - 10) * 4
    call = {"name": draft.tool, "arguments": draft.arguments[:room]}
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": f"call_{digest(draft.arguments):016x}", "type": "function", "function": call}],
    }
    return message, "length" if len(draft.arguments) > room else "tool_calls"
