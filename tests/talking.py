"""What the tests of the engine share: runs, clocks, agents and a provider on loopback."""

from __future__ import annotations

import asyncio
import random
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import groq
import httpx

from benchkit.agent import Agent, Item, Tool
from benchkit.execute import PROCESS
from benchkit.llm.budget import Budget
from benchkit.llm.client import Client
from benchkit.llm.provider import Provider
from benchkit.llm.sender import Clock
from benchkit.run.lock import claim

KEY = "gsk_0123456789abcdefghij"
STEADY, HASTY = "offline/steady", "offline/hasty"
SCORED = Tool(
    "validate_test_case",
    "Hand in the verdict.",
    {
        "type": "object",
        "properties": {
            "id": {"type": "string"},
            "prompt_quality_score": {"type": "number", "minimum": 0, "maximum": 5},
            "response_quality_score": {"type": "number", "minimum": 0, "maximum": 5},
            "message": {"type": "string"},
        },
        "required": ["id", "prompt_quality_score", "response_quality_score", "message"],
    },
)


@dataclass
class Run:
    """As much of a run as a client needs."""

    path: Path
    provider: str = "groq"
    seed: int = 7
    parameters: dict[str, Any] = field(default_factory=dict)
    locked: bool = True

    def parameter(self, notebook: str, name: str, default: Any = None) -> Any:
        return self.parameters.get(name, default)

    def claim(self):
        return claim(self.path) if self.locked else nullcontext()


class Ticks:
    """A clock that jumps over every wait, and remembers it."""

    def __init__(self) -> None:
        self.at, self.waits = 0.0, []

    def now(self) -> float:
        return self.at

    async def sleep(self, wait_s: float) -> None:
        until = self.at + wait_s
        self.waits.append(wait_s)
        await asyncio.sleep(0)
        self.at = max(self.at, until)

    def clock(self) -> Clock:
        return Clock(self.now, self.sleep, random.Random(0))


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in which waiting takes no time."""

    def __init__(self) -> None:
        super().__init__()
        self.virtual_s, select = 0.0, self._selector.select

        def jump(timeout: float | None) -> Any:
            self.virtual_s += timeout or 0.0
            return select(0)

        self._selector.select = jump

    def time(self) -> float:
        return self.virtual_s


def simulate(main: Any) -> Any:
    """Run a coroutine in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)


def executor(model: str = STEADY, **options: Any) -> Agent:
    """A model under test."""
    return Agent("conversation_executor", model, "You help.", PROCESS, strict=False, **options)


def critic(model: str = "offline/critic", **options: Any) -> Agent:
    """An agent that is asked once more when its reply cannot be used."""
    return Agent("validator", model, "You judge.", SCORED, strict=True, **options)


def items(count: int, start: int = 0) -> list[Item]:
    return [Item(f"case-{i}", f"Order {i} has not arrived. What now?") for i in range(start, start + count)]


def client(path: Path, ticks: Ticks | None = None, cap: int = 0, **ceilings: Any) -> Client:
    """A client of a run in `path` on the provider that the environment names."""
    ticks = ticks or Ticks()
    provider = Provider("groq", sleep=ticks.sleep)
    return Client(Run(path), provider, Budget(**ceilings), cap, ticks.clock())


def at(server: Any, monkeypatch: Any, key: str = KEY) -> None:
    """Point provider "groq" to `server`."""
    monkeypatch.setenv("GROQ_BASE_URL", getattr(server, "url", server))
    monkeypatch.setenv("GROQ_API_KEY", key)


def api_error(status: int, message: str = "no", headers: dict[str, str] | None = None, **more: Any):
    """The SDK's error for a response, as the SDK classifies it."""
    body = {"error": {"message": message, "type": "x", **more}}
    request = httpx.Request("POST", "http://provider/openai/v1/chat/completions")
    response = httpx.Response(status, json=body, headers=headers, request=request)
    return groq.Groq(api_key="x")._make_status_error_from_response(response)
