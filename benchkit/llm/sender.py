"""A call from request to record: within the budget, at the model's pace, durable before it is used."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from ..agent import Agent, Call, Reply
from ..log import setup_logging
from . import catalog
from .budget import Budget, Stops
from .call_error import CallError
from .groq import Exchange
from .journal import Journal
from .pacing import Pacer
from .provider import Provider
from .replies import Timing, answered, unanswered
from .retry import groq_rate_limit
from .window import FEW, MANY

logger = setup_logging(__name__)


@dataclass
class Clock:
    """Time as the client sees it, so that a test need not wait."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep
    rng: random.Random = field(default_factory=random.Random)


class Sender:
    """Asks one call at a time for many workers; `stops` end a model's, or all of them.

    `cap` is how many calls of all models together may be in flight, 0: as many as replies stay quick with.
    """

    def __init__(self, provider: Provider, budget: Budget, journal: Journal, cap: int, clock: Clock) -> None:
        self.provider, self.budget, self.journal = provider, budget, journal
        self._clock, self._cap = clock, cap
        self._gate = asyncio.Semaphore(cap or 100_000)
        self._pacers: dict[str, Pacer] = {}
        self._going: dict[str, asyncio.Future[Reply]] = {}  # by key
        self.start_over()

    def start_over(self) -> None:
        """What stopped the last map is no reason for the next one."""
        self.stops = Stops(self._clock.sleep)

    async def ask(self, agent: Agent, call: Call, slots: asyncio.Semaphore) -> Reply:
        """Send until answered or given up, and return once the outcome is on disk.

        While it waits to ask again it lets go of its slot, so that another call can go in its place. A call
        that is on its way or on record already, for another job, is not sent again.
        """
        while going := self._going.get(call.key):
            async with _without(slots):
                await asyncio.wait([going])
            if not going.cancelled():
                return going.result()
        if known := self.journal.on_record.replies([call.key]):
            return known[call.key]
        going = self._going[call.key] = asyncio.get_running_loop().create_future()
        try:
            going.set_result(await self._ask(agent, call, slots))
            return going.result()
        finally:
            del self._going[call.key]
            going.cancel()  # unless there is a result

    async def _ask(self, agent: Agent, call: Call, slots: asyncio.Semaphore) -> Reply:
        timing = Timing()

        def waited(wait_s: float, error: CallError) -> None:
            timing.waits(wait_s, error)
            logger.info("%s waits %.2f s: %s", _where(call), wait_s, str(error)[:300])

        pause = partial(self._pause, call.model, slots)
        retried = groq_rate_limit(sleep=pause, rng=self._clock.rng, waited=waited)
        try:
            reply = answered(agent, call, await retried(self._send)(call, timing))
        except CallError as error:
            reply = unanswered(call, error, timing.sent[-1], self.provider.transport.url)
        reply = replace(reply, timestamp=now(), **timing.fields())
        await self.journal.record(call, reply)
        logger.debug("%s", _line(call, reply))
        return reply

    def pacer(self, model: str) -> Pacer:
        """The model's pacer; it starts from what the last session learnt, else from the catalog's guess."""
        if model not in self._pacers:
            learnt = self.journal.limits.get(model)
            self._pacers[model] = Pacer(
                model,
                most=self._cap,
                first=MANY if self.provider.name == "offline" else FEW,
                tiers=[learnt] if learnt else catalog.tiers(model),
                longest_s=self.provider.timeout_s,
                sharers=partial(self.provider.sharers, model),
                clock=self._clock.now,
                sleep=partial(self._sleep, model),
            )
        return self._pacers[model]

    async def _send(self, call: Call, timing: Timing) -> Exchange:
        """One attempt at the model's pace; what it teaches is learnt."""
        pacer, exchange = self.pacer(call.model), Exchange()
        permit = await pacer.acquire(call.tokens)
        timing.limit_s += permit.held_s
        timing.retry_s += permit.outage_s
        answers = False
        used: int | None = 0  # None: not known
        try:
            async with self._gate:
                await self._send_within_budget(call, exchange, timing, pacer.window.timeout_s)
            answers, used = True, exchange.usage.get("total_tokens")
            return exchange
        except CallError as error:
            if error.generated is None:
                pacer.failed(error, permit)
            else:  # it says what it generated, not how much that is
                answers, used = True, call.tokens - call.max_tokens
            raise
        finally:
            if answers:
                pacer.answered(exchange.headers, permit)
            pacer.release(permit, used, exchange.latency_s if answers else None)
            if pacer.limits:
                self.journal.limits[call.model] = pacer.limits

    async def _send_within_budget(
        self, call: Call, exchange: Exchange, timing: Timing, timeout_s: float
    ) -> None:
        model = self.provider.model(call.model)
        most = model.cost_usd(call.most_prompt_tokens, call.max_tokens) or 0.0
        sent, paid = False, 0.0
        self.stops.go_on(call.model)
        await self.budget.admit(most)
        try:
            self.stops.go_on(call.model)
            if self.budget.limited:
                await self.journal.note()
            timing.sent.append(exchange)
            sent, paid = True, most  # until the provider says what it was; a lost reply may well be billed
            await self.provider.transport.send(call, exchange, timeout_s)
            usage = exchange.usage
            prompt, cached = usage.get("prompt_tokens"), usage.get("cached_tokens", 0)
            exchange.cost_usd = model.cost_usd(prompt, usage.get("completion_tokens"), cached)
            paid = most if exchange.cost_usd is None else exchange.cost_usd
        except CallError as error:
            paid = most if error.generated is not None or (error.status is None and error.sent) else 0.0
            raise
        finally:
            self.budget.settle(most, paid, sent)

    async def _pause(self, model: str, slots: asyncio.Semaphore, wait_s: float) -> None:
        """Wait to ask again, with the slot free for another call."""
        pacer = self.pacer(model)
        pacer.asking_again += 1
        try:
            async with _without(slots):
                await self._sleep(model, wait_s)
        finally:
            pacer.asking_again -= 1

    async def pause(self, wait_s: float) -> None:
        """Wait to ask the provider for what is no model's."""
        self.budget.check_wait(wait_s)
        await self._clock.sleep(wait_s)

    async def _sleep(self, model: str, wait_s: float) -> None:
        """Sleep that ends early, with the reason, when the model or the run has to stop."""
        self.budget.check_wait(wait_s)
        await self.stops.sleep(model, wait_s)


@asynccontextmanager
async def _without(slots: asyncio.Semaphore) -> AsyncIterator[None]:
    """Leave the slot to another call in the meantime."""
    slots.release()
    try:
        yield
    finally:
        await slots.acquire()


def _where(call: Call) -> str:
    return f"{call.agent} {call.model} {call.case} round {call.round} attempt {call.attempt}"


def _line(call: Call, reply: Reply) -> str:
    """A call's line in debug.log."""
    took = "-" if reply.latency_s is None else f"{reply.latency_s:.3f} s"
    return (
        f"{_where(call)}{' repair' if call.repair else ''}: {reply.status} in {took}, {reply.attempts} sent, "
        f"held {reply.limit_s:.2f} s, waited {reply.waited_s:.2f} s, "
        f"tokens {reply.prompt_tokens}+{reply.completion_tokens} {reply.error[:200]}".rstrip()
    )


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
