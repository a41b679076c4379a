"""A role given to a model: a model id, a system prompt and exactly one tool that it must call."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from .jsontext import json_path, parse, tool_name, unfenced

PROMPTS = Path(__file__).parent / "prompts"


def system_prompt(name: str) -> str:
    """The text of `prompts/{name}.md`."""
    return (PROMPTS / f"{name}.md").read_text(encoding="utf-8").strip()


@dataclass(frozen=True)
class Tool:
    """A function that the model is made to call; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: dict[str, Any] = field(hash=False)

    @cached_property
    def text(self) -> str:
        """The definition as JSON text: what the key, the journal and the provider's count are made of."""
        return sendable(json.dumps({"type": "function", "function": asdict(self)}, ensure_ascii=False))

    @cached_property
    def definition(self) -> dict[str, Any]:
        """The tool as the API takes it."""
        return json.loads(self.text)

    def problem(self, arguments: Mapping[str, Any]) -> str:
        """What is wrong with `arguments` under the schema, or ""."""
        error = next(iter(self._checker.iter_errors(arguments)), None)
        return f"{json_path(error.instance_path)}: {error.message[:300]}" if error else ""

    @cached_property
    def _checker(self) -> Any:
        from jsonschema_rs import Draft202012Validator

        return Draft202012Validator(self.parameters, validate_formats=True, offline=True)


def object_of(**properties: dict[str, Any]) -> dict[str, Any]:
    """The schema of an object that has these properties, all of them and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class Item:
    """One thing to run an agent over. `tool` takes the place of the agent's own, as a json case's does."""

    case: str
    content: str  # the user message
    round: int = 1
    attempt: int = 1
    tool: Tool | None = None


@dataclass(frozen=True)
class Call:
    """One request to the provider. Its key is all that the answer depends on, and which answer it is."""

    agent: str
    model: str
    messages: tuple[tuple[str, str], ...]  # (role, content)
    tool: Tool
    temperature: float
    max_tokens: int
    seed: int
    case: str
    round: int
    attempt: int
    reasoning_effort: str = ""
    repair: bool = False

    @cached_property
    def key(self) -> str:
        parts = {name: value for name, value in vars(self).items() if name in _CALL_FIELDS}
        parts |= {"tool": self.tool.text, "temperature": float(self.temperature)}  # 0 asks the same as 0.0
        return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """What the provider gets beside model, messages and tool, by the API's names."""
        own = {"temperature": self.temperature, "max_tokens": self.max_tokens, "seed": self.seed}
        return own | ({"reasoning_effort": self.reasoning_effort} if self.reasoning_effort else {})

    @cached_property
    def tokens(self) -> int:
        """What the provider is going to reserve: about four characters a token, and the whole limit."""
        text = sum(len(content) for _, content in self.messages) + len(self.tool.text)
        return text // 4 + 50 + self.max_tokens

    @cached_property
    def most_prompt_tokens(self) -> int:
        """More than the prompt can have: no token is shorter than a byte."""
        text = sum(len(content.encode()) for _, content in self.messages) + len(self.tool.text.encode())
        return text + 200

    def repaired(self, bad: str, error: str) -> Call:
        """The same call asked once more, with what was wrong about the reply."""
        note = f"Your last reply could not be used: {error}. Call the tool {self.tool.name} again, correctly."
        said = (("assistant", sendable(bad) or "(nothing)"), ("user", sendable(note)))
        return replace(self, messages=self.messages + said, repair=True)


_CALL_FIELDS = frozenset(Call.__dataclass_fields__)  # not what is cached beside them


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for a call. `None` is not known; `failed` means that no answer came."""

    key: str
    status: str  # answered, malformed, failed; what declines is told apart by the stage
    arguments: dict[str, Any] | None = None
    text: str = ""  # raw: the arguments as they came, else the text that came instead
    error: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None
    latency_s: float | None = None  # of the last attempt, request sent to body read
    queue_s: float | None = None
    server_s: float | None = None  # prompt and completion time, as the provider states them
    attempts: int = 1  # requests sent for it
    waited_s: float = 0.0  # between attempts, for limits that refused one and for retries
    limit_s: float = 0.0  # held back by the provider's limits, before it was sent and after refusals
    retry_s: float = 0.0  # in attempts that failed and the waits after them
    ours_s: float = 0.0  # in making the request and reading the reply
    timestamp: str = ""
    request_id: str = ""
    fingerprint: str = ""
    retriable: bool = False  # of a failed one: asking again as it stands may yet be answered


@dataclass(frozen=True)
class Agent:
    """`strict` holds arguments to the tool's schema and asks once more when they miss it.

    A model under test is not strict: what it sends is its answer, and asking again would flatter it.
    """

    role: str
    model: str
    system_prompt: str
    tool: Tool
    temperature: float = 0.7
    max_tokens: int = 2048
    strict: bool = True
    reasoning_effort: str = ""
    candidate: str = ""  # the name that its answers are compared under

    @property
    def name(self) -> str:
        """The candidate's name, else the model's id."""
        return self.candidate or self.model

    def call(self, item: Item, seed: int, key: str = "") -> Call:
        """The call for an item; `key` is its key where that is known, and is not worked out again."""
        call = Call(
            agent=self.role,
            model=self.model,
            messages=(("system", sendable(self.system_prompt)), ("user", sendable(item.content))),
            tool=item.tool or self.tool,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            seed=seed + item.round,
            case=sendable(item.case),
            round=item.round,
            attempt=item.attempt,
            reasoning_effort=self.reasoning_effort,
        )
        if key:
            vars(call)["key"] = key
        return call

    def read(self, call: Call, message: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str, str]:
        """(arguments, raw text, error) of a completion's message; arguments are None when unusable."""
        name, raw = _tool_call(message)
        if name is None:
            return None, raw, "called no tool"
        if tool_name(name) != call.tool.name:
            return None, raw, f"called {name[:80]!r}, not {call.tool.name!r}"
        try:
            arguments = _parsed(raw)
        except ValueError as error:
            return None, raw, f"arguments are not JSON ({str(error)[:120]})"
        if not isinstance(arguments, dict):
            return None, raw, f"arguments are {type(arguments).__name__}, not an object"
        problem = call.tool.problem(arguments) if self.strict else ""
        return (None, raw, problem) if problem else (arguments, raw, "")


def _tool_call(message: Mapping[str, Any]) -> tuple[str | None, str]:
    """(name, raw arguments) of the first tool call, or (None, the text that came instead)."""
    calls = message.get("tool_calls")
    first = calls[0] if isinstance(calls, list) and calls else None
    function = first.get("function") if isinstance(first, Mapping) else None
    if not isinstance(function, Mapping):
        return None, _as_text(message.get("content"))
    return str(function.get("name")), _as_text(function.get("arguments"))


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    return sendable(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _parsed(raw: str) -> Any:
    """`raw` as JSON; an escaped half of a character would come back as text that nothing can store."""
    value = parse(unfenced(raw))  # as an imported answer is read
    if "\\ud" in raw or "\\uD" in raw:
        value = json.loads(sendable(json.dumps(value, ensure_ascii=False)))
    # A hundred thousand replies need their arguments' names once.
    return {sys.intern(name): one for name, one in value.items()} if isinstance(value, dict) else value


def sendable(text: str) -> str:
    """Lone surrogates, which JSON can hold and UTF-8 cannot, become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
