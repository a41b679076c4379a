"""What the tests of the stages share: a run, a client over real HTTP, and cases of the simulated world."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchkit.agent import Reply
from benchkit.domain import CATEGORIES, KINDS, Requirement, TestCase
from benchkit.generate import CUSTOMER_INTERACTION, plan_cases
from benchkit.llm.client import Client, connect
from benchkit.llm.estimate import Estimate
from benchkit.offline import OfflineServer
from benchkit.offline.world.models import ROSTER, SimulatedModel
from benchkit.offline.world.requirements import required
from benchkit.offline.world.scenarios import recognised
from benchkit.offline.world.simulated_generator import own_case
from benchkit.run import Run, start_run
from benchkit.runner.parameters import NOTEBOOKS, notebook_folder
from benchkit.runner.replay import replay
from benchkit.values import checked

AUTHOR, CRITIC, STEADY, HASTY = "offline/author", "offline/critic", "offline/steady", "offline/hasty"


def simulated(like: str, **qualities: Any) -> SimulatedModel:
    """A model of the roster with another id and other qualities."""
    return replace(ROSTER[like], **qualities)


def client_on(server: OfflineServer, path: Path, monkeypatch: Any) -> Client:
    """A client of a new run in `path`, which reaches the server as it would reach Groq."""
    monkeypatch.setenv("GROQ_BASE_URL", server.url)
    monkeypatch.setenv("GROQ_API_KEY", "offline")
    return connect(run_in(path))


def run_in(path: Path) -> Run:
    return start_run(path, provider="groq", seed=7)


async def run_again(run: Run, first: int = 0) -> None:
    """The cells of the run's notebooks from number `first` on once more, in this process."""
    for name in NOTEBOOKS[first:]:
        parameters = run.config["parameters"][name] | {"run_dir": str(run.path)}
        await replay(notebook_folder() / f"{name}.ipynb", parameters)


def written(kind: str, number: int, fault: str = "", seed: int = 3) -> dict[str, Any]:
    """A row of initial_tests.csv, from the simulated world; without a fault it is a good case."""
    category = CATEGORIES[number % len(CATEGORIES)]
    prompt, golden = own_case(kind, category, fault, random.Random(f"{seed} {kind} {number} {fault}"))
    schema = CUSTOMER_INTERACTION if kind == "json" else None
    known = recognised(prompt)
    wanted = required(known) if known else ()
    case = TestCase(f"{kind}-{number:03d}", kind, category, prompt, golden, schema, requirements=wanted)
    return case.row() | {"problem": ""}


def cases(count: int, kinds: Iterable[str] = KINDS, fault: str = "", seed: int = 3) -> pd.DataFrame:
    """`count` cases of each kind."""
    return pd.DataFrame([written(kind, i + 1, fault, seed) for kind in kinds for i in range(count)])


def case_plan(json_cases: int, conversation_cases: int, **more: Any) -> pd.DataFrame:
    """What 01 asks its generators for."""
    given = {"json_cases": json_cases, "conversation_cases": conversation_cases} | more
    return plan_cases(checked("01_generate", given))


WANTED = (Requirement("r1", "say when"), Requirement("r2", "ask"), Requirement("r3", "deny", must=False))


def conversations(*pairs: tuple[str, str]) -> pd.DataFrame:
    """Conversation cases c1, c2, … from (prompt, golden response)."""
    rows = [
        TestCase(f"c{i}", "conversation", "x", prompt, golden, requirements=WANTED).row() | {"problem": ""}
        for i, (prompt, golden) in enumerate(pairs, 1)
    ]
    return pd.DataFrame(rows)


class Canned:
    """A client whose replies are given by case and attempt: for what no simulated model says."""

    name = "offline"

    def __init__(self, replies: Mapping[str, Mapping[str, Any] | None]) -> None:
        self.given, self.asked = replies, []

    async def __aenter__(self) -> Canned:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def estimates(self, work: Any) -> list[Estimate]:
        return [Estimate(len(items), 0, 0, None, 0.0, "") for _, items in work]

    async def map(self, agent: Any, items: Any, label: str = "") -> list[Reply]:
        self.asked.append([item.case for item in items])
        return [self._reply(self.given[item.case]) for item in items]

    def _reply(self, said: Mapping[str, Any] | None) -> Reply:
        if said is None:
            return Reply("key", "malformed", text="?", error="called no tool")
        return Reply("key", "answered", dict(said), json.dumps(said), timestamp="2026-01-01T00:00:00")
