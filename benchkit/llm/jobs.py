"""An agent's calls in a map: which are settled, which are open, and why those are asked that were before."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..agent import Agent, Call, Item, Reply
from ..log import setup_logging
from .changes import changes_in

logger = setup_logging(__name__)


@dataclass
class Job:
    """An agent's calls: which are settled, and which have a reply on record that is to be repaired."""

    agent: Agent
    seed: int
    keys: list[str]  # in the items' order
    items: dict[str, Item]  # by key; one that is there twice is asked once
    settled: dict[str, Reply] = field(default_factory=dict)  # by key
    unusable: dict[str, Reply] = field(default_factory=dict)
    hands: asyncio.Semaphore = field(default_factory=asyncio.Semaphore)  # calls that are being dealt with

    @property
    def left(self) -> int:
        return len(self.items) - len(self.settled)

    def reopen(self) -> int:
        """Failed calls become open again, where most others were answered; how many."""
        failed = [key for key, reply in self.settled.items() if reply.status == "failed"]
        if 2 * len(failed) > len(self.settled):
            return 0
        for key in failed:
            del self.settled[key]
        return len(failed)

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
