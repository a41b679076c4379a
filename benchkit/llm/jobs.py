"""An agent's calls in a map: which are settled, which are open, and why those are asked that were before."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..agent import Agent, Call, Item, Reply
from ..log import setup_logging
from .changes import changes_in

logger = setup_logging(__name__)
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
    postponed: deque[tuple[Call, Reply]] = field(default_factory=deque)
    turns: Counter[str] = field(default_factory=Counter)  # by key, of calls that failed
    hands: asyncio.Semaphore = field(default_factory=asyncio.Semaphore)  # calls that are being dealt with

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
    models = {job.agent.model for job in jobs}
    return [changes_in(db, job.agent, job.seed, job.items, models) if job.left else Counter() for job in jobs]


def say_what_changed(jobs: Sequence[Job], changes: Sequence[Counter[str]]) -> None:
    for job, counts in zip(jobs, changes, strict=True):
        for what, count in counts.items():
            logger.warning(
                "%d of %d calls of %s to %s are asked again: changed %s; their old replies stay on record.",
                count, len(job.items), job.agent.role, job.agent.model, what,
            )  # fmt: skip
