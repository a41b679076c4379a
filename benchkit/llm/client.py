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
from ..errors import BenchkitError, LimitStop, ProviderError
from ..log import redact, setup_logging
from . import catalog
from .budget import Budget
from .journal import Journal
from .pacing import LARGEST_WINDOW, Pacer, limit_in
from .progress import Bar
from .provider import Provider
from .retry import LONGEST_WAIT_S, announced_wait, groq_rate_limit
from .transport import Exchange, details, explain, message_of

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
    ceilings = {
        name: run.parameter("01_generate", name, 0) for name in ("max_cost_usd", "max_calls", "max_minutes")
    }
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
        with _bars(plans, label) as bars:
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

    async def _finish(self, workers: list[asyncio.Future]) -> None:
        """Let every worker end, so that nothing in flight is thrown away, then say why it stopped, if it did."""
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
            _advance(bar, have[call.key])

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
            reply = self._answered(agent, call, exchange)
        except groq.APIError as error:
            reply = self._unanswered(call, error)
        reply = replace(reply, attempts=len(sent), waited_s=round(sum(waits), 3), timestamp=_now())
        await self._journal.record(call, reply)
        logger.debug("%s", _line(call, reply))
        return reply

    async def _send(self, call: Call, sent: list[int]) -> Exchange:
        """One attempt: within the budget, at the model's pace, and what it teaches is learnt."""
        import groq

        if self._stop:
            raise self._stop
        pacer, model = self._pacer(call.model), self._model(call.model)
        most = model.cost_usd(call.tokens - call.max_tokens, call.max_tokens) or 0.0
        await pacer.acquire(call.tokens)
        exchange: Exchange | None = None
        try:
            self.budget.admit(most)
            sent.append(1)
            async with self._gate:
                exchange = await self.provider.transport.send(call)
            pacer.learn(exchange.headers)
            return exchange
        except groq.RateLimitError as error:
            self._limited(call, pacer, error)
            raise
        finally:
            usage = _usage(exchange)
            pacer.release(call.tokens, usage.get("total_tokens"), exchange and exchange.latency_s)
            if sent:
                self.budget.settle(most, self._cost(call.model, usage))

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

    def _answered(self, agent: Agent, call: Call, exchange: Exchange) -> Reply:
        body = exchange.body or {}
        arguments, text, error = agent.read(call, body["choices"][0]["message"])
        usage = _usage(exchange)
        served = (usage.get("prompt_time") or 0) + (usage.get("completion_time") or 0)
        return Reply(
            call.key,
            status="malformed" if arguments is None else "answered",
            arguments=arguments,
            text=text,
            error=error,
            prompt_tokens=usage.get("prompt_tokens"),
            completion_tokens=usage.get("completion_tokens"),
            cost_usd=self._cost(call.model, usage),
            latency_s=round(exchange.latency_s, 4),
            queue_s=usage.get("queue_time"),
            server_s=served or None,
            request_id=str((body.get("x_groq") or {}).get("id", "")),
            fingerprint=str(body.get("system_fingerprint") or ""),
        )

    def _unanswered(self, call: Call, error: Exception) -> Reply:
        """A refusal by the API: the model's own unusable answer, this call's failure, or the end of the run."""
        import groq

        about = details(error)
        code = about.get("code")
        if code in ("tool_use_failed", "json_validate_failed") or "failed_generation" in about:
            made = about.get("failed_generation") or ""
            text = made if isinstance(made, str) else str(made)
            return Reply(call.key, "malformed", text=text, error=message_of(error))
        if code in ("model_not_found", "model_decommissioned"):
            raise ProviderError(catalog.replacement(call.model) or explain(error, "")) from error
        if isinstance(error, groq.AuthenticationError | groq.PermissionDeniedError):
            raise ProviderError(explain(error, self.provider.transport.url)) from error
        return Reply(call.key, "failed", error=redact(f"{type(error).__name__}: {message_of(error)}"))

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


class _bars:
    """A bar a model, opened together and closed together."""

    def __init__(self, plans: Sequence[tuple[Agent, list[Call], dict[str, Reply]]], label: str) -> None:
        self._plans, self._label = plans, label

    def __enter__(self) -> dict[str, Bar]:
        totals: dict[str, list[int]] = {}
        for agent, calls, have in self._plans:
            total = totals.setdefault(agent.model, [0, 0])
            total[0] += len(calls)
            total[1] += sum(call.key in have for call in calls)
        self._bars = {
            model: Bar(total=total, initial=done, desc=f"{self._label} {model}".strip(), unit="call")
            for model, (total, done) in totals.items()
        }
        return self._bars

    def __exit__(self, *error: object) -> None:
        for bar in self._bars.values():
            bar.close()


def _advance(bar: Bar, reply: Reply) -> None:
    counts = getattr(bar, "counts", {"malformed": 0, "failed": 0})
    if reply.status in counts:
        counts[reply.status] += 1
        bar.set_postfix({name: n for name, n in counts.items() if n}, refresh=False)
    bar.counts = counts
    bar.update()


def _usage(exchange: Exchange | None) -> dict[str, Any]:
    usage = (exchange.body or {}).get("usage") if exchange else None
    return usage if isinstance(usage, dict) else {}


def _where(call: Call) -> str:
    return f"{call.agent} {call.model} {call.case} round {call.round} attempt {call.attempt}"


def _line(call: Call, reply: Reply) -> str:
    took = "-" if reply.latency_s is None else f"{reply.latency_s:.3f} s"
    return (
        f"{_where(call)}{' repair' if call.repair else ''}: {reply.status} in {took}, {reply.attempts} sent, "
        f"waited {reply.waited_s:.2f} s, tokens {reply.prompt_tokens}+{reply.completion_tokens} "
        f"{redact(reply.error)[:200]}".rstrip()
    )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
