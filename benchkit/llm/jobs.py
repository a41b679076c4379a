"""An agent's calls in a map: which are settled, which are open, and why those are asked that were before."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..agent import Agent, Call, Item, Reply, sendable
from ..log import setup_logging
from .journal import Asked, asked_in
from .replies import is_cut_off

if TYPE_CHECKING:
    import sqlite3

logger = setup_logging(__name__)
Status = Callable[[Call, Reply], str]
Place = tuple[str, int, int]  # case, round, attempt
_PARAMETERS = ("temperature", "max_tokens", "seed", "reasoning_effort")
TURNS = 3  # of a call that fails where most others are answered


@dataclass
class Job:
    """An agent's calls: which are settled, and which have a reply on record that is to be repaired."""

    agent: Agent
    seed: int
    keys: list[str]  # in the items' order
    items: dict[str, Item]  # by key; one that is there twice is asked once
    settled: dict[str, Reply] = field(default_factory=dict)  # by key
    unusable: dict[str, Reply] = field(default_factory=dict)
    status: Status = lambda call, reply: reply.status  # what a reply is counted as
    postponed: deque[tuple[Call, Reply]] = field(default_factory=deque)
    turns: Counter[str] = field(default_factory=Counter)  # by key, of calls that failed
    slots: asyncio.Semaphore = field(default_factory=asyncio.Semaphore)  # for calls that are being dealt with

    @property
    def left(self) -> int:
        return len(self.items) - len(self.settled)

    def next(self, queue: Iterator[Call]) -> Call | None:
        """The next call to ask: one that failed, where more are settled than have failed, else a new one.

        Left to the end, the waits between the attempts of such a call would be all that the map waits for.
        """
        if self.postponed and len(self.turns) <= len(self.settled):
            return self.postponed.popleft()[0]
        return next(queue, None)

    def postpone(self, call: Call, reply: Reply) -> bool:
        """Whether a failed call gets another turn: what made it fail may be over by then."""
        self.turns[call.key] += 1
        if not reply.retriable or self.turns[call.key] == TURNS:
            return False
        self.postponed.append((call, reply))
        return True

    def open(self) -> Iterator[Call]:
        """What is left to do, made when it is its turn: a hundred thousand calls are large."""
        for key, item in self.items.items():
            if key not in self.settled:
                yield self.agent.call(item, self.seed, key)


def progress(jobs: Sequence[Job]) -> dict[str, tuple[int, int]]:
    """(calls planned, calls on record) a model."""
    counts: dict[str, tuple[int, int]] = {}
    for job in jobs:
        planned, done = counts.get(job.agent.model, (0, 0))
        counts[job.agent.model] = (planned + len(job.items), done + len(job.settled))
    return counts


def changes(jobs: Sequence[Job], db: sqlite3.Connection) -> list[Counter[str]]:
    """How many of each job's calls are asked again, by what has changed of them."""
    models = {job.agent.model for job in jobs}
    return [_changes_of(job, db, models) if job.left else Counter() for job in jobs]


def say_what_changed(jobs: Sequence[Job], changes: Sequence[Counter[str]]) -> None:
    for job, counts in zip(jobs, changes, strict=True):
        for what, count in counts.items():
            logger.warning(
                "%d of %d calls of %s to %s are asked again: changed %s; their old replies stay on record.",
                count, len(job.items), job.agent.role, job.agent.model, what,
            )  # fmt: skip


def say_what_was_cut_off(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if count := sum(map(is_cut_off, job.settled.values())):
            logger.warning(
                "%d of %d answers of %s to %s were cut off at max_tokens = %d and count as malformed: raise "
                "max_tokens, or read them as what the model could not finish in that.",
                count, len(job.items), job.agent.model, job.agent.role, job.agent.max_tokens,
            )  # fmt: skip


def _changes_of(job: Job, db: sqlite3.Connection, models: Collection[str]) -> Counter[str]:
    """Another model is a change only where it takes the place of one that is not among `models` any more."""
    before = _at_places(job, asked_in(db, sendable(job.agent.role)), models)
    found: Counter[str] = Counter()
    for key, item in job.items.items() if before else ():
        if old := before.get((sendable(item.case), item.round, item.attempt)):
            call = job.agent.call(item, job.seed, key)
            least: list[str] = min((_differences(call, one) for one in old), key=len)
            found[", ".join(least)] += 1
    return found


def _at_places(job: Job, asked: Iterable[Asked], models: Collection[str]) -> Mapping[Place, list[Asked]]:
    """The calls on record at a place of the job none of whose calls is one of the job's."""
    found: dict[Place, list[Asked]] = {}
    kept: set[Place] = set()
    for one in asked:
        place = (one.case, one.round, one.attempt)
        if one.key in job.items:
            kept.add(place)
        elif (one.model == job.agent.model or one.model not in models) and len(one.messages) == 2:
            found.setdefault(place, []).append(one)
    return {place: some for place, some in found.items() if place not in kept}


def _differences(call: Call, before: Asked) -> list[str]:
    (system, user), parameters = before.messages, json.loads(before.parameters)
    changed = ["model"] if before.model != call.model else []
    changed += [name for name in _PARAMETERS if (parameters.get(name) or 0) != (getattr(call, name) or 0)]
    changed += ["system prompt"] if system != list(call.messages[0]) else []
    changed += ["prompt"] if user != list(call.messages[1]) else []
    # As text: a model sees the order of the keys, too.
    same = json.dumps(before.tool) == json.dumps(call.tool.definition)
    return changed + ([] if same else ["tool or schema"])
