"""Map an agent over items: paced, journaled, resumable, with a progress bar."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..agent import Agent, Call, Item, Reply
from ..errors import BenchkitError, LimitStop
from ..log import redact, setup_logging
from . import catalog
from .budget import CEILINGS, Budget
from .journal import Journal
from .outcome import answered, unanswered, usage_of
from .pacing import LARGEST_WINDOW, Pacer, limit_in
from .progress import Bar, Bars
from .provider import Provider
from .retry import LONGEST_WAIT_S, announced_wait, groq_rate_limit
from .transport import Exchange, message_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

logger = setup_logging(__name__)
Work = Sequence[tuple[Agent, Sequence[Item]]]


class _Run(Protocol):
    path: Path

    @property
    def provider(self) -> str: ...
    @property
    def seed(self) -> int: ...
    def parameter(self, notebook: str, name: str, default: Any = None) -> Any: ...
    def claim(self) -> AbstractContextManager[None]: ...


def connect(run: _Run, max_concurrency: int = 0) -> Client:
    """The client of a run. Nothing is opened or asked until something has to be sent."""
    ceilings = {name: run.parameter("01_generate", name, 0) for name in CEILINGS}
    return Client(run, Provider(run.provider, run.seed), Budget(**ceilings), max_concurrency)


class Client:
    """`async with client:` owns the run and its journal; `map` does the work."""

    def __init__(self, run: _Run, provider: Provider, budget: Budget, max_concurrency: int = 0) -> None:
        self.run, self.provider, self.budget = run, provider, budget
        self._cap = max_concurrency or 0
        self._rng = random.Random(run.seed)
        self._pacers: dict[str, Pacer] = {}
        self._journal: Journal
        self._gate: asyncio.Semaphore
        self._stopping: asyncio.Event
        self._stop: BenchkitError | None = None
        self._stack = AsyncExitStack()

    @property
    def name(self) -> str:
        return self.provider.name

    async def __aenter__(self) -> Client:
        self._stack.enter_context(self.run.claim())
        self._journal = Journal(self.run.path / "calls.sqlite")
        self.budget.begin(self._journal.spent())
        self._gate = asyncio.Semaphore(self._cap or 100_000)
        self._stopping, self._stop = asyncio.Event(), None
        return self

    async def __aexit__(self, *error: object) -> None:
        async with self._stack:
            await self.provider.close()
            self._pacers.clear()
            self._journal.close(self.budget.session_s)

    def recorded(self, work: Work) -> list[dict[str, Reply]]:
        """The replies on record for each agent's calls, by key; asks and opens nothing else."""
        path = self.run.path / "calls.sqlite"
        if not path.exists():
            return [{} for _ in work]
        journal = Journal(path)
        try:
            return [journal.replies(call.key for call in self._calls(agent, items)) for agent, items in work]
        finally:
            journal.close()

    async def map(self, agent: Agent, items: Sequence[Item], label: str = "") -> list[Reply]:
        """Run `agent` over `items`; the replies come in the items' order."""
        return (await self.map_all([(agent, items)], label))[0]

    async def map_all(self, work: Work, label: str = "") -> list[list[Reply]]:
        """Run several agents at once, each at its own model's pace. Only what is not on record is asked.

        Raises ProviderError, BudgetStop or RunError when it has to stop: what arrived is on record by then.
        """
        calls = [list(self._calls(agent, items)) for agent, items in work]
        known = [self._journal.replies(call.key for call in some) for some in calls]
        plans = [(agent, some, have) for (agent, _), some, have in zip(work, calls, known, strict=True)]
        todo = {agent.model for agent, some, have in plans if any(self._open(agent, c, have) for c in some)}
        if todo:
            await self.provider.check(sorted(todo))
        with Bars(_progress(plans), label) as bars:
            workers = [
                asyncio.ensure_future(self._worker(agent, queue, have, bars[agent.model]))
                for agent, some, have in plans
                for queue in [iter([c for c in some if self._open(agent, c, have)])]
                for _ in range(self._crew(some))
            ]
            await self._finish(workers)
        return [[have[call.key] for call in some] for _, some, have in plans]

    def _calls(self, agent: Agent, items: Sequence[Item]) -> Iterator[Call]:
        effort = agent.reasoning_effort or catalog.known(agent.model).effort
        for item in items:
            yield replace(agent, reasoning_effort=effort).call(item, self.run.seed)

    def _open(self, agent: Agent, call: Call, have: dict[str, Reply]) -> bool:
        """Whether there is anything left to do for a call: ask it, or have it repaired."""
        return call.key not in have or (agent.strict and have[call.key].status == "malformed")

    def _crew(self, calls: Sequence[Call]) -> int:
        return min(len(calls), self._cap or int(LARGEST_WINDOW))

    async def _finish(self, workers: Sequence[asyncio.Future]) -> None:
        """Let every worker end, so that nothing in flight is thrown away; then say why it stopped, if so."""
        try:
            done = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            for worker in workers:
                worker.cancel()
        for outcome in done:
            if isinstance(outcome, BaseException):
                raise self._stop or outcome

    async def _worker(self, agent: Agent, queue: Iterator[Call], have: dict[str, Reply], bar: Bar) -> None:
        for call in queue:
            try:
                have[call.key] = await self._settle(agent, call, have.get(call.key))
            except BenchkitError as error:
                self._stop = self._stop or error
                self._stopping.set()
                raise
            bar.advance(have[call.key].status)

    async def _settle(self, agent: Agent, call: Call, known: Reply | None) -> Reply:
        """The reply to a call; a strict agent's unusable one is asked once more with the error shown."""
        reply = known or await self._ask(agent, call)
        if not agent.strict or reply.status != "malformed":
            return reply
        again = call.repaired(reply.text, reply.error)
        return self._journal.replies([again.key]).get(again.key) or await self._ask(agent, again)

    async def _ask(self, agent: Agent, call: Call) -> Reply:
        """Send until answered or given up, and return once the outcome is on disk."""
        import groq

        waits: list[float] = []
        sent: list[int] = []
        attempt = groq_rate_limit(sleep=self._sleep, rng=self._rng, waited=self._noting(call, waits))(
            self._send
        )
        try:
            exchange = await attempt(call, sent)
            reply = answered(agent, call, exchange, self._cost(call.model, usage_of(exchange)))
        except groq.APIError as error:
            reply = unanswered(call, error, self.provider.transport.url)
        reply = replace(reply, attempts=len(sent), waited_s=round(sum(waits), 3), timestamp=_now())
        await self._journal.record(call, reply)
        logger.debug("%s", _line(call, reply))
        return reply

    async def _send(self, call: Call, sent: list[int]) -> Exchange:
        """One attempt: within the budget, at the model's pace, and what it teaches is learnt."""
        import groq

        pacer, model = self._pacer(call.model), self._model(call.model)
        most = model.cost_usd(call.tokens - call.max_tokens, call.max_tokens) or 0.0
        await pacer.acquire(call.tokens)
        exchange: Exchange | None = None
        reserved = 0.0
        try:
            if self._stop:
                raise self._stop
            self.budget.admit(most)
            reserved = most
            sent.append(1)
            async with self._gate:
                exchange = await self.provider.transport.send(call)
            pacer.learn(exchange.headers)
            return exchange
        except groq.RateLimitError as error:
            self._limited(call, pacer, error)
            raise
        finally:
            usage = usage_of(exchange)
            pacer.release(call.tokens, usage.get("total_tokens"), exchange.latency_s if exchange else None)
            self.budget.settle(reserved, self._cost(call.model, usage))

    def _limited(self, call: Call, pacer: Pacer, error: Exception) -> None:
        wait = announced_wait(error)
        named = limit_in(str(error))
        if wait is not None and (
            wait > LONGEST_WAIT_S or (named and named[0] in ("RPD", "TPD") and wait > 60)
        ):
            until = (datetime.now(UTC) + timedelta(seconds=wait)).strftime("%Y-%m-%d %H:%M UTC")
            raise LimitStop(
                f"{call.model} has reached a limit that cannot be waited out here: {message_of(error)} "
                f"Everything paid for is kept; run again after {until} to continue."
            ) from error
        pacer.refused(str(error), wait or 0.0)

    def _pacer(self, model: str) -> Pacer:
        if model not in self._pacers:
            self._pacers[model] = Pacer(largest=self._cap or LARGEST_WINDOW, sleep=self._sleep)
        return self._pacers[model]

    def _model(self, id: str) -> catalog.Model:
        return self.provider.models.get(id) or catalog.known(id)

    def _cost(self, model: str, usage: dict[str, Any]) -> float | None:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        return self._model(model).cost_usd(usage.get("prompt_tokens"), usage.get("completion_tokens"), cached)

    async def _sleep(self, wait_s: float) -> None:
        """Sleep that ends early, with the reason, when the run has to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), wait_s)
        except TimeoutError:
            return
        if self._stop:
            raise self._stop

    def _noting(self, call: Call, waits: list[float]) -> Any:
        def waited(wait_s: float, error: BaseException) -> None:
            waits.append(wait_s)
            logger.info("%s waits %.2f s: %s", _where(call), wait_s, redact(str(error))[:300])

        return waited


def _progress(plans: Sequence[tuple[Agent, list[Call], dict[str, Reply]]]) -> dict[str, tuple[int, int]]:
    """(calls planned, calls on record) a model."""
    counts: dict[str, tuple[int, int]] = {}
    for agent, calls, have in plans:
        planned, done = counts.get(agent.model, (0, 0))
        counts[agent.model] = (planned + len(calls), done + sum(call.key in have for call in calls))
    return counts


def _where(call: Call) -> str:
    return f"{call.agent} {call.model} {call.case} round {call.round} attempt {call.attempt}"


def _line(call: Call, reply: Reply) -> str:
    """A call's line in debug.log."""
    took = "-" if reply.latency_s is None else f"{reply.latency_s:.3f} s"
    return (
        f"{_where(call)}{' repair' if call.repair else ''}: {reply.status} in {took}, {reply.attempts} sent, "
        f"waited {reply.waited_s:.2f} s, tokens {reply.prompt_tokens}+{reply.completion_tokens} "
        f"{redact(reply.error)[:200]}".rstrip()
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
