"""What ends a run before its end: its ceilings, resumes included, and the reasons to send nothing more."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import BudgetStop, LimitStop
from ..log import setup_logging
from ..values import check

logger = setup_logging(__name__)
Spent = tuple[int, float, float]  # requests sent, dollars, seconds at work
STOPPED_AT = re.compile(r"stopped at (max_\w+) =")  # begins what BudgetStop says of a ceiling
CEILINGS = {"max_cost_usd": "${:g}", "max_calls": "{} calls", "max_minutes": "{:g} minutes"}


@dataclass
class Budget:
    """Dollars, requests and minutes; 0 means no ceiling. What is in flight counts as if it were spent."""

    max_cost_usd: float = 0.0
    max_calls: int = 0
    max_minutes: float = 0.0
    clock: Callable[[], float] = time.monotonic
    calls: int = field(default=0, init=False)
    cost_usd: float = field(default=0.0, init=False)
    _before: Spent = field(default=(0, 0.0, 0.0), init=False)
    _reserved_usd: float = field(default=0.0, init=False)
    _in_flight: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _settled: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        check(**{name: getattr(self, name) for name in CEILINGS})

    @property
    def limited(self) -> bool:
        """Whether there is a ceiling at all."""
        return any(getattr(self, name) for name in CEILINGS)

    @property
    def left_s(self) -> float:
        """Seconds until `max_minutes` are over, infinity without that ceiling."""
        return 60 * self.max_minutes - self._seconds() if self.max_minutes else float("inf")

    def begin(self, spent: Spent) -> None:
        """Start from what the run has."""
        self._before = spent
        self.calls, self.cost_usd, _ = spent
        self._reserved_usd, self._in_flight = 0.0, 0
        self._began = self.clock()

    def noted(self) -> Spent:
        """Spent since `begin`, for a later session to begin from should this one be killed.

        What is in flight costs what the run's calls do on average, and its most where that is not known:
        nobody will tell what it was, and at its most it ate up whole ceilings.
        """
        calls, cost_usd, seconds = self._before
        ended, in_flight = self.calls - self._in_flight, max(0.0, self._reserved_usd)
        if ended and self.cost_usd:
            in_flight = min(in_flight, self._in_flight * self.cost_usd / ended)
        return self.calls - calls, self.cost_usd + in_flight - cost_usd, self._seconds() - seconds

    async def admit(self, most_usd: float) -> None:
        """Reserve a request that costs at most `most_usd`. Raises BudgetStop if that would pass a ceiling.

        While it would only do so because of what is in flight, waits for that to cost less than it might.
        """
        while self._in_flight and self._over(self._reserved_usd + most_usd) and not self._over(most_usd):
            self._settled.clear()
            await self._settled.wait()
        self.check(most_usd)
        self.calls += 1
        self._in_flight += 1
        self._reserved_usd += most_usd

    def settle(self, most_usd: float, cost_usd: float, sent: bool = True) -> None:
        """A request is over: its reservation goes, its cost stays."""
        self._in_flight -= 1
        self.calls -= not sent
        self._reserved_usd -= most_usd
        self.cost_usd += cost_usd
        self._settled.set()

    def paid(self, cost_usd: float) -> None:
        """A call of a batch has come back."""
        self.calls += 1
        self.cost_usd += cost_usd

    def check(self, most_usd: float, calls: int = 1) -> None:
        """Raises BudgetStop if `calls` more, which cost at most `most_usd`, could pass a ceiling."""
        if self.max_calls and self.calls + calls > self.max_calls:
            raise BudgetStop(self._stopped("max_calls", f"{self.calls} calls are sent"))
        if self._over(self._reserved_usd + most_usd):
            coming = "the next call" if calls == 1 else f"{calls:,} calls in batches"
            spent = f"${self.cost_usd:.4g} is spent and {coming} may cost ${most_usd:.4g}"
            raise BudgetStop(self._stopped("max_cost_usd", spent))
        if self.left_s <= 0:
            raise BudgetStop(self._stopped("max_minutes", self._used()))

    def check_wait(self, wait_s: float) -> None:
        """Raises LimitStop if a wait of `wait_s` would use up the minutes: other models may go on."""
        if wait_s >= self.left_s:
            used = f"{self._used()} and the next wait is {wait_s:.0f} s"
            raise LimitStop(self._stopped("max_minutes", used))

    def _over(self, more_usd: float) -> bool:
        return bool(self.max_cost_usd) and self.cost_usd + more_usd > self.max_cost_usd

    def _seconds(self) -> float:
        return self._before[2] + self.clock() - self._began

    def _used(self) -> str:
        return f"{self._seconds() / 60:.2g} minutes are used"

    def _stopped(self, name: str, state: str) -> str:
        ceiling = CEILINGS[name].format(getattr(self, name))
        return (
            f"stopped at {name} = {ceiling}: {state}. Everything paid for is kept; "
            f"raise {name} of 01_generate and run again to continue."
        )


class Stops:
    """The reasons to send nothing more, by model; "" is for all of them."""

    def __init__(self, sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep) -> None:
        self._sleep = sleep
        self._reasons: dict[str, BaseException] = {}
        self._stopping: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)  # by model

    def halt(self, error: BaseException, model: str = "") -> None:
        """Send nothing more, or nothing of `model`, because of `error`; what is in flight is waited for."""
        if self._why_not(model) is None:
            self._reasons[model] = error
            logger.info("stopping %s: %s", model or "all", error)
        for name, event in self._stopping.items():
            if self._why_not(name):
                event.set()

    def first(self, models: Iterable[str]) -> BaseException | None:
        """Why not all of `models` was asked: what stopped everything, else the first of them."""
        return next((reason for model in ("", *models) if (reason := self._reasons.get(model))), None)

    def go_on(self, model: str) -> None:
        """Raises the reason where `model` has to stop."""
        if reason := self._why_not(model):
            raise reason.with_traceback(None)  # each worker's would be added to it, to thousands of lines

    async def sleep(self, model: str, wait_s: float) -> None:
        """Sleep, and no longer than until `model` has to stop: then raises the reason."""
        self.go_on(model)  # an event that is first asked for after the halt would never be set
        await first_of(self._sleep(wait_s), self._stopping[model].wait())
        self.go_on(model)

    def _why_not(self, model: str) -> BaseException | None:
        return self._reasons.get("") or self._reasons.get(model)


async def first_of(*waits: Awaitable[Any]) -> None:
    """Return, or raise, as the first of `waits` does; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
