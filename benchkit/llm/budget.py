"""What ends a run before its end: its ceilings, resumes included, and the reasons to send nothing more."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..errors import BudgetStop, LimitStop
from ..log import setup_logging
from ..values import check

logger = setup_logging(__name__)
CEILINGS = ("max_cost_usd", "max_calls", "max_minutes")


@dataclass
class Budget:
    """Dollars, requests and minutes; 0 means no ceiling. What is in flight counts as if it were spent."""

    max_cost_usd: float = 0.0
    max_calls: int = 0
    max_minutes: float = 0.0
    clock: Callable[[], float] = time.monotonic
    calls: int = field(default=0, init=False)
    cost_usd: float = field(default=0.0, init=False)
    _before: tuple[int, float, float] = field(default=(0, 0.0, 0.0), init=False)
    _reserved_usd: float = field(default=0.0, init=False)
    _in_flight: int = field(default=0, init=False)
    _began: float = field(default=0.0, init=False)
    _cut_off: bool = field(default=False, init=False)  # whether a call is counted at its most
    _settled: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    def __post_init__(self) -> None:
        check(**{name: getattr(self, name) for name in CEILINGS})

    @property
    def limited(self) -> bool:
        """Whether there is a ceiling at all."""
        return any(getattr(self, name) for name in CEILINGS)

    def begin(self, spent: tuple[int, float, float]) -> None:
        """Start from what the run has (requests sent, dollars, seconds at work)."""
        self._before = spent
        self.calls, self.cost_usd, _ = spent
        self._reserved_usd, self._in_flight = 0.0, 0
        self._began = self.clock()
        self._settled = asyncio.Event()

    def session(self) -> tuple[int, float, float]:
        """Spent since `begin`: requests sent, dollars (what is in flight at its most), seconds."""
        calls, cost, _ = self._before
        spent = self.cost_usd + max(0.0, self._reserved_usd) - cost
        return self.calls - calls, spent, self.clock() - self._began

    def noted(self) -> tuple[int, float, float]:
        """As `session`, for a later one to begin from should this be killed: what is in flight costs what the
        run's calls do on average. Nobody will tell what it was, and at its most it ate up whole ceilings."""
        calls, cost, seconds = self.session()
        ended = self.calls - self._in_flight
        if not (ended and self.cost_usd):
            return calls, cost, seconds
        usual = self._in_flight * self.cost_usd / ended
        return calls, cost - max(0.0, self._reserved_usd - usual), seconds

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
        self._cut_off |= sent and cost_usd >= most_usd > 0
        self._settled.set()

    def check_wait(self, wait_s: float) -> None:
        """Raises LimitStop if a wait of `wait_s` would use up the minutes: other models may go on."""
        if wait_s >= self.left_s:
            used = f"{self._used()} and the next wait is {wait_s:.0f} s"
            raise LimitStop(self._stopped("max_minutes", f"{self.max_minutes:g} minutes", used))

    @property
    def left_s(self) -> float:
        """Seconds until `max_minutes` are over, infinity without that ceiling."""
        return 60 * (self.max_minutes - self._minutes()) if self.max_minutes else float("inf")

    def _over(self, more_usd: float) -> bool:
        return bool(self.max_cost_usd) and self.cost_usd + more_usd > self.max_cost_usd

    def _minutes(self) -> float:
        return (self._before[2] + self.clock() - self._began) / 60

    def _used(self) -> str:
        minutes = self._minutes()
        return f"{minutes:.1f} minutes are used" if minutes >= 1 else f"{60 * minutes:.2g} s are used"

    def paid(self, cost_usd: float) -> None:
        """A call of a batch has come back."""
        self.calls += 1
        self.cost_usd += cost_usd

    def check(self, most_usd: float, calls: int = 1) -> None:
        """Raises BudgetStop if `calls` more, which cost at most `most_usd`, could pass a ceiling."""
        if self.max_calls and self.calls + calls > self.max_calls:
            sent = f"{self.calls} calls are sent"
            raise BudgetStop(self._stopped("max_calls", f"{self.max_calls} calls", sent))
        if self._over(self._reserved_usd + most_usd):
            counted = ", calls whose cost nobody told counted at their most," if self._cut_off else ""
            coming = "the next call" if calls == 1 else f"{calls:,} calls in batches"
            spent = f"{_usd(self.cost_usd)} is spent{counted} and {coming} may cost {_usd(most_usd)}"
            raise BudgetStop(self._stopped("max_cost_usd", f"${self.max_cost_usd:g}", spent))
        if self.max_minutes and self._minutes() >= self.max_minutes:
            raise BudgetStop(self._stopped("max_minutes", f"{self.max_minutes:g} minutes", self._used()))

    def _stopped(self, name: str, ceiling: str, state: str) -> str:
        return (
            f"stopped at {name} = {ceiling}: {state}. Everything paid for is kept; "
            f"raise {name} of 01_generate and run again to continue."
        )


def _usd(amount: float) -> str:
    """Dollars to four places; what those would round away, to two figures."""
    return f"${amount:.2g}" if 0 < amount < 0.0001 else f"${amount:.4f}"


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

    def start_over(self) -> None:
        """Forget what stopped: it may be over."""
        self._reasons.clear()
        self._stopping.clear()

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
