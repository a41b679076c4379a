"""What the engine's benchmarks share: a provider in a process of its own, a run, and a table."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchkit.agent import Agent, Item
from benchkit.execute import PROCESS
from benchkit.llm.budget import Budget
from benchkit.llm.client import Client
from benchkit.llm.provider import Provider
from benchkit.log import log_to
from benchkit.run.lock import claim

HERE = Path(__file__).parent


@dataclass
class Run:
    """As much of a run as a client needs, with its lock and its debug.log."""

    path: Path
    provider: str = "groq"
    seed: int = 7
    parameters: dict[str, Any] = field(default_factory=dict)

    def parameter(self, notebook: str, name: str, default: Any = None) -> Any:
        return self.parameters.get(name, default)

    def claim(self) -> AbstractContextManager[None]:
        return claim(self.path)


class Server:
    """A provider in a process of its own; `stats` is what it counted."""

    def __init__(self, script: str, *arguments: str) -> None:
        command = [sys.executable, str(HERE / script), *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.url = self.process.stdout.readline().strip()

    def stats(self) -> dict[str, Any]:
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def canned(latency_ms: float) -> Iterator[Server]:
    """The bare server of canned.py."""
    with _running(Server("canned.py", str(latency_ms))) as server:
        yield server


@contextmanager
def offline(**options: Any) -> Iterator[Server]:
    """The offline provider, in a process of its own."""
    with _running(Server("hostile.py", json.dumps(options))) as server:
        yield server


@contextmanager
def _running(server: Server) -> Iterator[Server]:
    os.environ |= {"GROQ_BASE_URL": server.url, "GROQ_API_KEY": "benchmark"}
    try:
        yield server
    finally:
        server.process.stdin.close()
        server.process.wait()


@contextmanager
def run_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        log_to(Path(folder))
        yield Path(folder)


def client(folder: Path, cap: int = 0) -> Client:
    """A client with all that it has in a run: lock, journal, pacer, progress, debug.log."""
    return Client(Run(folder), Provider("groq"), Budget(), cap)


def agent(model: str, **options: Any) -> Agent:
    prompt = "You answer customers of a web shop, briefly, and call the tool with your answer."
    return Agent("conversation_executor", model, prompt, PROCESS, strict=False, **options)


def items(count: int, start: int = 0) -> list[Item]:
    """Prompts of one to seven sentences, none of them twice."""
    said = "It was to be here on Monday and nobody has told me anything since. "
    return [
        Item(f"case-{n}", f"Order {n} has not come. {said * (n % 7)}") for n in range(start, start + count)
    ]


def machine() -> str:
    where = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return f"{where}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"


def spread(values: Sequence[float], form: str = "8.2f") -> str:
    """Median and range."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle:{form}}   {least:.2f} to {most:.2f} ({len(values)})"
