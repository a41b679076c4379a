"""Map an agent over items: paced, journaled, resumable, with a progress bar."""

from __future__ import annotations

import asyncio
import gc
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..agent import Agent, Call, Item, Reply
from ..errors import Interrupted, LimitStop, Unanswered, UsageError
from ..log import setup_logging
from ..values import check
from .batch import Batches
from .budget import CEILINGS, Budget
from .catalog import provider_of
from .estimate import Estimate, estimate
from .jobs import Job, Status, changes, progress, say_what_changed, say_what_was_cut_off
from .journal import Journal, Record, explained, looking
from .progress import Bar, Bars, Live, in_notebook, ticking
from .provider import Provider
from .sender import Clock, Sender
from .window import LARGEST_WINDOW, LONGEST_TIMEOUT_S

if TYPE_CHECKING:
    from ..run import Run

Work = Sequence[tuple[Agent, Sequence[Item]]]
logger = setup_logging(__name__)
DAY_S = 86_400.0
GRACE_S = 8.0  # for what is in flight at an interrupt; the pipeline waits 10 s for the kernel


def connect(
    run: Run, max_concurrency: int = 0, timeout_s: float = 0, *, model: str = "", execution: str = "now"
) -> Client:
    """The client of a run. Nothing is opened or asked until something has to be sent.

    0 is what 01 gave for the whole run, as it did its ceilings; where that is 0 too, both adapt. A run of
    answers that were made elsewhere has no provider; `model`, where one is named, is asked at its own.
    `execution` is "now", or "batch": half the price, and a WaitingForBatch until the answers are there.
    """
    check(max_concurrency=max_concurrency, timeout_s=timeout_s, execution=execution)
    given = partial(run.parameter, "01_generate", default=0)
    cap = max_concurrency or given(name="max_concurrency")
    longest_s = float(timeout_s or given(name="timeout_s") or LONGEST_TIMEOUT_S)
    budget = Budget(**{name: given(name=name) for name in CEILINGS})
    name = provider_of(model) if model and run.provider == "imported" else run.provider
    return Client(run, Provider(name, run.seed, longest_s), budget, cap, execution=execution)


class Client:
    """`async with client:` owns the run and its journal, again and again if need be; `map` does the work."""

    def __init__(
        self,
        run: Run,
        provider: Provider,
        budget: Budget,
        max_concurrency: int = 0,
        clock: Clock | None = None,
        execution: str = "now",
    ) -> None:
        check(max_concurrency=max_concurrency)
        self.run, self.provider, self.budget = run, provider, budget
        self._cap, self._clock = max_concurrency, clock or Clock()
        self.execution = execution
        self.live: Live | None = None  # shows the progress in place of lines
        self._sender: Sender
        self._stack: AsyncExitStack
        self._depth = 0

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def _path(self) -> Path:
        return self.run.path / "calls.sqlite"

    async def __aenter__(self) -> Client:
        if not self._depth:
            await self._open()
        self._depth += 1
        return self

    async def __aexit__(self, *error: object) -> None:
        self._depth -= 1
        if not self._depth:
            await self._stack.aclose()

    async def _open(self) -> None:
        async with AsyncExitStack() as stack:
            stack.enter_context(self.run.claim())
            self._say_if_gone()
            journal = stack.enter_context(closing(Journal(self._path, self.budget.noted)))
            self.budget.begin(journal.on_record.spent())
            stack.push_async_callback(self.provider.close)
            self._sender = Sender(self.provider, self.budget, journal, self._cap, self._clock)
            self._stack = stack.pop_all()

    def _say_if_gone(self) -> None:
        asked = self.run.provider == self.name  # answers that were made elsewhere never had any calls
        if asked and not self._path.exists() and any(self.run.path.glob("*_all_responses.csv")):
            logger.warning(
                "%s has responses but no %s any more: what is asked is paid for again.",
                self.run.path, self._path.name,
            )  # fmt: skip

    def estimates(self, work: Work) -> list[Estimate]:
        """What each agent has yet to ask, at the limits that are known; asks nothing."""
        with looking(self._path) as record:
            learnt, jobs = record.limits(), self._jobs(work, record)
        models = {job.agent.model for job in jobs if job.left}
        at_once = self._cap / len(models) if self._cap and models else 0  # the cap is all models' together
        told = [
            estimate(agent, items, job.settled, learnt.get(agent.model, {}), at_once)
            for (agent, items), job in zip(work, jobs, strict=True)
        ]
        return [one.by_batch() for one in told] if self.execution == "batch" else told

    def changes(self, work: Work) -> list[Counter[str]]:
        """How many of each agent's calls are asked again, by what has changed of them; asks nothing."""
        with looking(self._path) as record:
            return changes(self._jobs(work, record), record)

    def on_record(self, work: Work) -> list[list[Reply | None]]:
        """The replies on record in the items' order, None where there is none; asks nothing."""
        with looking(self._path) as record:
            return [job.replies for job in self._jobs(work, record)]

    def _jobs(self, work: Work, record: Record) -> list[Job]:
        return [Job.of(agent, items, self.run.seed, record) for agent, items in work]

    async def map(self, agent: Agent, items: Sequence[Item], label: str = "") -> list[Reply]:
        """Run `agent` over `items`; the replies come in the items' order."""
        return (await self.map_all([(agent, items)], label))[0]

    async def map_all(
        self, work: Work, label: str = "", status: Status = lambda call, reply: reply.status
    ) -> list[list[Reply]]:
        """Run several agents at once, each at its own model's pace. Only what is not on record is asked.

        `status` is what the progress line counts a reply as: a stage knows refusals, too.
        Raises ProviderError, BudgetStop or RunError when it has to stop: what arrived is on record by then.
        """
        async with self:
            record = self._sender.journal.on_record  # of the open file, wherever the folder goes
            with explained(self._path):
                jobs = self._jobs(work, record)
                say_what_changed(jobs, changes(jobs, record))
            if self.execution == "batch":
                jobs = await self._in_batches(work, jobs)
            for job in jobs:
                job.status = status
            watched = Bars(progress(jobs), label, self.live)
            self._sender.start_over()
            with _few_collections(), _interrupts_in_words(), watched as bars:
                async with ticking(watched.tick):
                    await self._check({job.agent.model for job in jobs if job.left})
                    await self._finish(jobs, bars)
        say_what_was_cut_off(jobs)
        return [[job.settled[key] for key in job.keys] for job in jobs]

    async def _in_batches(self, work: Work, jobs: Sequence[Job]) -> list[Job]:
        with _interrupts_in_words():
            await self._check({job.agent.model for job in jobs if job.left})
            again = partial(self._jobs, work, self._sender.journal.on_record)
            return await Batches(self._sender, self.run.path.name, again).settle()

    async def _check(self, models: set[str]) -> None:
        """Before anything is paid: all models are there, and their prices where a ceiling needs them."""
        if models:
            await self.provider.check(sorted(models))
        unknown = [model for model in sorted(models) if self.provider.model(model).cost_usd(1, 1) is None]
        if unknown and self.budget.max_cost_usd:
            raise UsageError(
                f"max_cost_usd cannot be held: the price of {', '.join(unknown)} is not known. "
                "Set max_cost_usd = 0 in 01_generate and use max_calls, or choose another model."
            )

    def _workers(self, job: Job, bar: Bar) -> list[asyncio.Future]:
        """Workers for a job. As many hold a slot as calls may be in flight, and above eight half
        as many more, so that replies on their way to the disk leave no gap; others wait to ask again."""
        most = self._cap or int(LARGEST_WINDOW)
        slots = asyncio.Semaphore(most + max(0, most - 8) // 2)
        bar.pacer = self._sender.pacer(job.agent.model)
        workers = range(min(job.left, 2 * most))
        return [asyncio.ensure_future(self._worker(job, slots, bar)) for _ in workers]

    async def _finish(self, jobs: Sequence[Job], bars: Mapping[str, Bar]) -> None:
        """Let every worker end, so that nothing in flight is thrown away; then say why it stopped, if so."""
        workers = [worker for job in jobs for worker in self._workers(job, bars[job.agent.name])]
        await self._ended(workers)
        outcomes = await asyncio.gather(*workers, return_exceptions=True)
        if reason := self._sender.stops.first(job.agent.model for job in jobs):
            raise reason
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        for job in jobs:
            for call, reply in job.postponed:  # most failed: asking them again is for a later day
                job.settle(call, reply, bars[job.agent.name])

    async def _ended(self, workers: Sequence[asyncio.Future]) -> None:
        """Wait for all workers. Interrupted, send nothing more and wait a little for what is in flight: it
        is paid for. Interrupted again, cut it off."""
        if not workers:
            return
        try:
            await asyncio.wait(workers)
        except asyncio.CancelledError:
            self._sender.stops.halt(Interrupted("interrupted."))
            await asyncio.wait(workers, timeout=GRACE_S)
            raise
        finally:
            for worker in workers:
                worker.cancel()

    async def _worker(self, job: Job, slots: asyncio.Semaphore, bar: Bar) -> None:
        while True:
            try:
                async with slots:
                    if (call := job.next()) is None:
                        return
                    reply = await self._settle(job, call, slots)
            except (LimitStop, Unanswered) as error:  # one model's, which keeps no other from going on
                self._sender.stops.halt(error, job.agent.model)
                raise
            except Exception as error:  # whatever it is, the others must not go on paying
                self._sender.stops.halt(error)
                raise
            if reply.status != "failed" or not job.postpone(call, reply):
                job.settle(call, reply, bar)

    async def _settle(self, job: Job, call: Call, slots: asyncio.Semaphore) -> Reply:
        """The reply to a call; a strict agent's unusable one is asked once more with the error shown.

        One that is on record is not sent again, so that only the repair is made up for where it is missing.
        """
        reply = await self._sender.ask(job.agent, call, slots)
        if not job.agent.strict or reply.status != "malformed":
            return reply
        return await self._sender.ask(job.agent, call.repaired(reply.text, reply.error), slots)


@contextmanager
def _few_collections() -> Iterator[None]:
    """The collector, which by default looks through all that a call makes three times, seldom finds any."""
    before = gc.get_threshold()
    gc.set_threshold(max(20_000, before[0]), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


@contextmanager
def _interrupts_in_words() -> Iterator[None]:
    """In a notebook an interrupt is a sentence; elsewhere whoever cancelled is owed the cancellation."""
    try:
        yield
    except asyncio.CancelledError:
        if not in_notebook():
            raise
        raise Interrupted(
            "interrupted. Every reply that had arrived is kept; run this cell again to go on with the rest."
        ) from None
