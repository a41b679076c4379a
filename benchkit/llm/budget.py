"""Ceilings on a whole run, resumes included, held before a call is sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from ..errors import BudgetStop, UsageError

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
    _reserved_usd: float = field(default=0.0, init=False)
    _worked_s: float = field(default=0.0, init=False)
    _began: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        for name in CEILINGS:
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < float("inf"):
                raise UsageError(
                    f"{name} = {value!r} is not usable. Use 0 for no ceiling, or a number above 0."
                )

    def begin(self, spent: tuple[int, float, float]) -> None:
        """Start from what the run has (requests sent, dollars, seconds at work)."""
        self.calls, self.cost_usd, self._worked_s = spent
        self._began = self.clock()

    @property
    def session_s(self) -> float:
        return self.clock() - self._began

    def admit(self, most_usd: float) -> None:
        """Reserve a request that costs at most `most_usd`. Raises BudgetStop if that would pass a ceiling."""
        minutes = (self._worked_s + self.session_s) / 60
        would_cost = self.cost_usd + self._reserved_usd + most_usd
        if self.max_calls and self.calls + 1 > self.max_calls:
            raise self._stop("max_calls", f"{self.max_calls} calls", f"{self.calls} calls are sent")
        if self.max_cost_usd and would_cost > self.max_cost_usd:
            spent = f"${self.cost_usd:.4f} is spent and the next call may cost ${most_usd:.4f}"
            raise self._stop("max_cost_usd", f"${self.max_cost_usd:g}", spent)
        if self.max_minutes and minutes >= self.max_minutes:
            raise self._stop(
                "max_minutes", f"{self.max_minutes:g} minutes", f"{minutes:.1f} minutes are used"
            )
        self.calls += 1
        self._reserved_usd += most_usd

    def settle(self, most_usd: float, cost_usd: float | None) -> None:
        """A request is over: its reservation goes, its cost stays. An unknown cost counts as none."""
        self._reserved_usd -= most_usd
        self.cost_usd += cost_usd or 0.0

    def _stop(self, name: str, ceiling: str, state: str) -> BudgetStop:
        return BudgetStop(
            f"stopped at {name} = {ceiling}: {state}. Everything paid for is kept; "
            f"raise {name} in 01_generate and run again to continue."
        )
