"""A call from request to record: within the budget, at the model's pace, durable before it is used."""

from __future__ import annotations

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ..agent import Agent, Call, Reply
from ..errors import LimitStop, Unanswered
from ..log import setup_logging
from . import catalog
from .budget import Budget, Stops
from .groq import TIMED_OUT, CallError, Exchange
from .journal import Journal
from .pacing import NO_ANSWERS, SHORTEST_WAIT_S, TOKENS, Pacer, Permit, first_of, limit_in
from .provider import Provider
from .replies import Timing, answered, unanswered, usage_of
from .retry import LONGEST_WAIT_S, Outage, groq_rate_limit
from .window import FEW, MANY

logger = setup_logging(__name__)
LONGEST_DAILY_WAIT_S = 60.0  # of a daily limit: what it frees in a minute is not worth staying for


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
        self.stops = Stops()
        self._going: dict[str, asyncio.Future[Reply]] = {}  # by key
        self._outages: defaultdict[str, Outage] = defaultdict(partial(Outage, clock.now))

    async def ask(self, agent: Agent, call: Call, slots: asyncio.Semaphore | None = None) -> Reply:
        """Send until answered or given up, and return once the outcome is on disk.

        While it waits to ask again it lets go of its slot, so that another call can go in its place. A call
        that is on its way or on record already, for another job, is not sent again.
        """
        while going := self._going.get(call.key):
            async with _without(slots):
                await asyncio.wait([going])
            if not going.cancelled():
                return going.result()
        if known := self.journal.replies([call.key]):
            return known[call.key]
        going = self._going[call.key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._ask(agent, call, slots)
            going.set_result(reply)
            return reply
        finally:
            del self._going[call.key]
            going.cancel()  # unless there is a result

    async def _ask(self, agent: Agent, call: Call, slots: asyncio.Semaphore | None) -> Reply:
        timing = Timing()
        pause = partial(self._pause, call.model, slots)
        retried = groq_rate_limit(sleep=pause, rng=self._clock.rng, waited=_noting(call, timing))
        try:
            exchange = await retried(self._send)(call, timing)
            reply = answered(agent, call, exchange, self._cost(call, exchange))
        except CallError as error:
            reply = unanswered(call, error, timing.sent[-1], self.provider.transport.url)
        reply = replace(reply, timestamp=_now(), **timing.fields())
        await self.journal.record(call, reply)
        logger.debug("%s", _line(call, reply))
        return reply

    def model(self, id: str) -> catalog.Model:
        """The model as the provider lists it, else as the catalog knows it."""
        return self.provider.models.get(id) or catalog.known(id)

    def pacer(self, model: str) -> Pacer:
        """The model's pacer; it starts from what the last session learnt, else from the catalog's guess."""
        if model not in self._pacers:
            learnt = self.journal.limits.get(model)
            self._pacers[model] = Pacer(
                most=self._cap,
                first=MANY if self.provider.name == "offline" else FEW,
                tiers=[learnt] if learnt else catalog.tiers(model),
                longest_s=self.provider.timeout_s,
                clock=self._clock.now,
                sleep=partial(self._held, model),
            )
        return self._pacers[model]

    async def _send(self, call: Call, timing: Timing) -> Exchange:
        """One attempt at the model's pace; what it teaches is learnt."""
        pacer = self.pacer(call.model)
        permit = await pacer.acquire(call.tokens)
        timing.limit_s += permit.held_s
        timing.retry_s += permit.outage_s
        used: int | None = 0
        latency_s: float | None = None
        try:
            async with self._gate:
                exchange = await self._send_within_budget(call, timing.sent, pacer.window.timeout_s)
            used, latency_s = usage_of(exchange).get("total_tokens"), exchange.latency_s
            self._answered(call.model, exchange, permit)
            return exchange
        except CallError as error:
            if error.status == 429:
                self._limited(call, pacer, permit, error)
            elif error.retried:
                self._not_answered(call.model, pacer, permit, error)
            elif error.generated is not None:  # it says what it generated, not how much that is
                used, latency_s = call.tokens - call.max_tokens, timing.sent[-1].latency_s
                self._answered(call.model, timing.sent[-1], permit)
            raise
        finally:
            pacer.release(permit, used, latency_s)

    def _answered(self, model: str, exchange: Exchange, permit: Permit) -> None:
        pacer = self.pacer(model)
        self._outages[model].answered()
        pacer.learn(exchange.headers, permit)
        self.journal.limits[model] = pacer.limits

    async def _send_within_budget(self, call: Call, sent: list[Exchange], timeout_s: float) -> Exchange:
        most = self.model(call.model).cost_usd(call.most_prompt_tokens, call.max_tokens) or 0.0
        before, paid = len(sent), 0.0
        self.stops.go_on(call.model)
        await self.budget.admit(most)
        try:
            self.stops.go_on(call.model)
            if self.budget.limited:
                await self.journal.note()
            sent.append(Exchange())
            paid = most  # until the provider says what it was; a lost reply may well be billed
            exchange = await self.provider.transport.send(call, sent[-1], timeout_s)
            cost = self._cost(call, exchange)
            paid = most if cost is None else cost
            return exchange
        except CallError as error:
            paid = most if error.generated is not None or (error.status is None and error.sent) else 0.0
            raise
        finally:
            self.budget.settle(most, paid, sent=len(sent) > before)

    def _limited(self, call: Call, pacer: Pacer, permit: Permit, error: CallError) -> None:
        named = limit_in(error.message)
        daily = named is not None and named[0] in ("RPD", "TPD")
        longest_s = LONGEST_DAILY_WAIT_S if daily else LONGEST_WAIT_S
        without_end = self._outages[call.model].refused()
        if (daily and error.wait_s is None) or (error.wait_s or 0.0) > longest_s or without_end:
            raise LimitStop(
                f"{call.model} has reached a limit that cannot be waited out here: {_said(error)}. "
                f"Everything paid for is kept; run again {_after(error.wait_s)} to continue."
            ) from error
        pacer.refused(error.message, error.wait_s or 0.0, permit)
        self.journal.limits[call.model] = pacer.limits

    def _not_answered(self, model: str, pacer: Pacer, permit: Permit, error: CallError) -> None:
        """Where it is one of very many in a row, no call is to spend its retries on that."""
        outage = self._outages[model]
        if error.kind == TIMED_OUT:
            self._timed_out(model, pacer, permit, error)
        if (error.wait_s or 0.0) > LONGEST_WAIT_S:
            raise Unanswered(
                f"{model} does not answer and asks to wait ({_said(error)}). "
                f"Everything paid for is kept; run again {_after(error.wait_s)} to continue."
            ) from error
        if outage.is_over:
            raise Unanswered(
                f"{model} has answered nothing for {outage.lasts_s / 60:.0f} minutes ({_said(error)}). "
                "Everything paid for is kept; run again to continue."
            ) from error
        if hold_s := outage.failed():
            logger.info("%s answers nothing: all of its calls wait %.0f s", model, hold_s)
            pacer.window.start_over()
            pacer.hold(hold_s, NO_ANSWERS)

    def _timed_out(self, model: str, pacer: Pacer, permit: Permit, error: CallError) -> None:
        pacer.window.timed_out(permit.at)
        pacer.timed_out += 1
        if pacer.timed_out == 1:
            logger.warning(
                "%s: %s. It is asked again; if many time out, lower max_concurrency or raise timeout_s.",
                model, error.message,
            )  # fmt: skip

    def _cost(self, call: Call, exchange: Exchange) -> float | None:
        usage = usage_of(exchange)
        prompt, cached = usage.get("prompt_tokens"), usage.get("cached_tokens", 0)
        return self.model(call.model).cost_usd(prompt, usage.get("completion_tokens"), cached)

    async def _pause(self, model: str, slots: asyncio.Semaphore | None, wait_s: float) -> None:
        """Wait to ask again, with the slot free for another call."""
        pacer = self.pacer(model)
        pacer.asking_again += 1
        try:
            async with _without(slots):
                await self._sleep(model, wait_s)
        finally:
            pacer.asking_again -= 1

    async def _held(self, model: str, wait_s: float) -> None:
        """Sleep for a limit. Tokens may come back sooner, with a call that ends: these are waited for until
        the minutes are over."""
        left_s = self.budget.left_s
        if self.pacer(model).waiting[0] == TOKENS and 0 < left_s <= wait_s:
            await self._sleep_on(model, max(left_s, SHORTEST_WAIT_S))
        else:
            await self._sleep(model, wait_s)

    async def _sleep(self, model: str, wait_s: float) -> None:
        """Sleep that ends early, with the reason, when the model or the run has to stop."""
        self.budget.check_wait(wait_s)
        await self._sleep_on(model, wait_s)

    async def _sleep_on(self, model: str, wait_s: float) -> None:
        self.stops.go_on(model)  # an event that is first asked for after the halt would never be set
        await first_of(self._clock.sleep(wait_s), self.stops.wait(model))
        self.stops.go_on(model)


@asynccontextmanager
async def _without(slots: asyncio.Semaphore | None) -> AsyncIterator[None]:
    """Leave the slot to another call in the meantime."""
    if slots:
        slots.release()
    try:
        yield
    finally:
        if slots:
            await slots.acquire()


def _said(error: CallError) -> str:
    return error.message.rstrip(".")


def _after(wait_s: float | None) -> str:
    if wait_s is None:
        return "later"
    return f"after {(datetime.now(UTC) + timedelta(seconds=wait_s)).strftime('%Y-%m-%d %H:%M UTC')}"


def _noting(call: Call, timing: Timing) -> Callable[[float, CallError], None]:
    def waited(wait_s: float, error: CallError) -> None:
        timing.waited(wait_s, error)
        logger.info("%s waits %.2f s: %s", _where(call), wait_s, str(error)[:300])

    return waited


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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
