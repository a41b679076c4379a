"""An agent's calls in a map: which are settled, which are open, and why those are asked that were before."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from ..agent import Agent, Call, Item, Reply, sendable
from ..log import setup_logging
from . import catalog
from .journal import Place, Record, parts_of
from .progress import Bar
from .replies import is_cut_off

logger = setup_logging(__name__)
Status = Callable[[Call, Reply], str]
TURNS = 3  # of a call that fails where most others are answered


@dataclass
class Job:
    """An agent's calls: which are settled by what is on record, and what becomes of the others."""

    agent: Agent
    seed: int
    keys: list[str]  # in the items' order
    items: dict[str, Item]  # by key; one that is there twice is asked once
    settled: dict[str, Reply]  # by key
    status: Status = lambda call, reply: reply.status  # what a reply is counted as
    postponed: deque[tuple[Call, Reply]] = field(default_factory=deque)
    turns: Counter[str] = field(default_factory=Counter)  # by key, of calls that failed

    @staticmethod
    def of(agent: Agent, items: Sequence[Item], seed: int, record: Record) -> Job:
        """What `agent` has to do by the record. A reply that needed a repair is settled by that."""
        agent = replace(agent, reasoning_effort=agent.reasoning_effort or catalog.known(agent.model).effort)
        keys = [agent.call(item, seed).key for item in items]
        by_key = dict(zip(keys, items, strict=True))
        settled = record.replies(keys)
        bad = {key: reply for key, reply in settled.items() if agent.strict and reply.status == "malformed"}
        again = {
            agent.call(by_key[key], seed).repaired(reply.text, reply.error).key: key
            for key, reply in bad.items()
        }
        repaired = {again[key]: reply for key, reply in record.replies(again).items()}
        return Job(agent, seed, keys, by_key, {key: settled[key] for key in settled.keys() - bad} | repaired)

    @property
    def replies(self) -> list[Reply | None]:
        """In the items' order, None where there is none."""
        return [self.settled.get(key) for key in self.keys]

    @property
    def left(self) -> int:
        return len(self.items) - len(self.settled)

    def next(self) -> Call | None:
        """The next call to ask: one that failed, where more are settled than have failed, else a new one.

        Left to the end, the waits between the attempts of such a call would be all that the map waits for.
        """
        if self.postponed and len(self.turns) <= len(self.settled):
            return self.postponed.popleft()[0]
        return next(self._open, None)

    def settle(self, call: Call, reply: Reply, bar: Bar) -> None:
        """One more call is over, with this reply."""
        self.settled[call.key] = reply
        tokens = (reply.prompt_tokens or 0) + (reply.completion_tokens or 0)
        status = "cut off" if is_cut_off(reply) else self.status(call, reply)
        bar.advance(status, tokens, reply.cost_usd or 0.0, reply.latency_s)

    def postpone(self, call: Call, reply: Reply) -> bool:
        """Whether a failed call gets another turn: what made it fail may be over by then."""
        self.turns[call.key] += 1
        if not reply.retriable or self.turns[call.key] == TURNS:
            return False
        self.postponed.append((call, reply))
        return True

    @cached_property
    def _open(self) -> Iterator[Call]:
        """What is left to do, made when it is its turn: a hundred thousand calls are large."""
        left = ((key, item) for key, item in self.items.items() if key not in self.settled)
        return (self.agent.call(item, self.seed, key) for key, item in left)


def progress(jobs: Sequence[Job]) -> dict[str, tuple[int, int]]:
    """(calls planned, calls on record) a candidate."""
    counts: dict[str, tuple[int, int]] = {}
    for job in jobs:
        planned, done = counts.get(job.agent.name, (0, 0))
        counts[job.agent.name] = (planned + len(job.items), done + len(job.settled))
    return counts


def changes(jobs: Sequence[Job], record: Record) -> list[Counter[str]]:
    """How many of each job's calls are asked again, by what has changed of them."""
    models = {job.agent.model for job in jobs}
    keys = {key for job in jobs for key in job.items}  # another candidate's call is no old one of this
    return [_changes_of(job, record, models, keys) if job.left else Counter() for job in jobs]


def say_what_changed(jobs: Sequence[Job], changes: Sequence[Counter[str]]) -> None:
    for job, counts in zip(jobs, changes, strict=True):
        for what, count in counts.items():
            logger.warning(
                "%d of %d calls of %s to %s are asked again: changed %s; their old replies stay on record.",
                count, len(job.items), job.agent.role, job.agent.name, what,
            )  # fmt: skip


def say_what_was_cut_off(jobs: Sequence[Job]) -> None:
    for job in jobs:
        if count := sum(map(is_cut_off, job.settled.values())):
            logger.warning(
                "%d of %d answers of %s to %s were cut off at max_tokens = %d and count as malformed: raise "
                "max_tokens, or read them as what the model could not finish in that.",
                count, len(job.items), job.agent.name, job.agent.role, job.agent.max_tokens,
            )  # fmt: skip


def _changes_of(job: Job, record: Record, models: Collection[str], keys: Collection[str]) -> Counter[str]:
    """Another model is a change only where it takes the place of one that is not among `models` any more."""
    before: dict[Place, list[dict[str, Any]]] = {}
    kept: set[Place] = set()  # where one of the job's calls is on record
    for one in record.asked(sendable(job.agent.role)):
        if one.key in job.items:
            kept.add(one.place)
        elif one.key in keys:
            continue
        elif (one.model == job.agent.model or one.model not in models) and (parts := one.parts()):
            before.setdefault(one.place, []).append(parts)
    found: Counter[str] = Counter()
    for key, item in job.items.items() if before else ():
        place = (sendable(item.case), item.round, item.attempt)
        if place in before and place not in kept:
            now = parts_of(job.agent.call(item, job.seed, key))
            changed = [[name for name in now if now[name] != then[name]] for then in before[place]]
            least: list[str] = min(changed, key=len)
            found[", ".join(least)] += 1
    return found
