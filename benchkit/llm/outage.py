"""A model that answers nothing at all: how long to hold its calls for that, and when to give it up."""

from __future__ import annotations

from collections.abc import Callable

IN_A_ROW = 32  # failures; as many by chance there cannot be, and a few calls spend their retries before
LONGEST_HOLD_S = 60.0
LONGEST_OUTAGE_S = 300.0
LONGEST_REFUSED_S = 900.0  # a model that has refused every call for so long does not count minutes


class Outage:
    """Failures and refusals in a row, until one call is answered; failures are held for ever longer."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._failures, self._holds = 0, 0
        self._since = self._until = 0.0
        self._refused_since: float | None = None

    def answered(self) -> None:
        self._failures = self._holds = 0
        self._refused_since = None

    def refused(self) -> bool:
        """One more refusal; whether refusals are all that has come for too long."""
        now = self._clock()
        if self._refused_since is None:
            self._refused_since = now
        return now - self._refused_since > LONGEST_REFUSED_S

    def failed(self) -> float:
        """One more failure; seconds to hold every call from now, 0 for none."""
        now = self._clock()
        self._since = self._since if self._failures else now
        self._failures += 1
        if self._failures < IN_A_ROW or now < self._until:  # what was under way as the hold began
            return 0.0
        self._holds += 1
        hold_s = min(2.0**self._holds, LONGEST_HOLD_S)
        self._until = now + hold_s
        return hold_s

    @property
    def is_over(self) -> bool:
        """Whether it has lasted for longer than anybody should wait for."""
        return self._holds > 0 and self._clock() - self._since > LONGEST_OUTAGE_S
