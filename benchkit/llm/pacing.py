"""How fast the provider lets us go: one pacer a model, learning limits from headers and refusals."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

_LIMIT = re.compile(r"\((RPM|RPD|TPM|TPD)\): Limit (\d+)")
_REQUESTED = re.compile(r"Requested (\d+)")
FIRST_WINDOW, LARGEST_WINDOW = 8.0, 256.0
# A queue that makes replies this much slower than the quickest seen is longer than it needs to be.
SLOWER = 2.5
SHORTEST_WAIT_S = 0.001  # what rounding leaves of a wait would be slept for ever
# How far what a header says moves the estimate: calls overtake each other on the way, and at which moment of
# a call it was true is not documented, so that only many replies together are worth believing.
TRUST = 0.02
SPARE = 0.005  # of a minute's tokens is left alone: it costs no pace, and near misses are refused


def limit_in(message: str) -> tuple[str, int] | None:
    """Which limit a 429 names, and its size: ("RPM", 30). Only there are RPM and TPD ever stated."""
    found = _LIMIT.search(message)
    return (found.group(1), int(found.group(2))) if found else None


@dataclass(frozen=True)
class Permit:
    """A call that may be sent: the tokens it reserves, and how many were believed to be left then."""

    tokens: int
    left: float
    corrected: float  # all corrections of that belief so far


class Pacer:
    """Admits a model's calls: held while the provider says so, spread over the minute.

    `acquire` reserves what the provider reserves (prompt and token limit); `release` gives back what was
    not used. The number in flight grows while replies stay quick and shrinks when they queue up.
    """

    def __init__(
        self,
        *,
        largest: float = LARGEST_WINDOW,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.limits: dict[str, int] = {}  # RPM, RPD, TPM, TPD as far as they are known
        self.window = min(FIRST_WINDOW, largest)
        self.in_flight = 0
        self.waited_s = 0.0
        self._largest = largest
        self._clock, self._sleep = clock, sleep
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self._hold_until = self._next_request = self._tokens_at = clock()
        self._tokens = self._corrected = 0.0  # what is left of TPM; until that is known, what was taken
        self._quickest = float("inf")
        self._crowded = False  # whether the next call waits for nothing but the window

    async def acquire(self, tokens: int) -> Permit:
        """Return when a call that reserves `tokens` may be sent; callers are served in their order."""
        async with self._turn:
            began = self._clock()
            while (wait := self._wait(tokens)) > 0 or self.in_flight >= int(self.window):
                self._crowded = wait <= 0
                self._freed.clear()
                await self._until_freed(wait)
            self._crowded = False
            now = self._clock()
            self.waited_s += now - began
            self.in_flight += 1
            self._tokens -= tokens
            self._next_request = max(now, self._next_request + self._spacing())
            return Permit(tokens, self._tokens, self._corrected)

    def release(self, permit: Permit, used: int | None, latency_s: float | None) -> None:
        """A call is over: it used `used` of its tokens (None: all) and was answered (None: it was not)."""
        self.in_flight -= 1
        self._tokens += permit.tokens - (permit.tokens if used is None else min(used, permit.tokens))
        if latency_s is not None:
            self._adapt(latency_s)
        self._freed.set()

    def learn(self, headers: Mapping[str, str], permit: Permit) -> None:
        """Limits from a reply's headers: tokens per minute and requests per day.

        What it says is left was true when the call arrived, so it is held against what was believed then:
        held against the present, every reply would take back what calls have since released.
        """
        first = "TPM" not in self.limits
        for name, header in (("TPM", "x-ratelimit-limit-tokens"), ("RPD", "x-ratelimit-limit-requests")):
            if str(headers.get(header, "")).isdigit():
                self._set_limit(name, int(headers[header]))
        left = str(headers.get("x-ratelimit-remaining-tokens", ""))
        if "TPM" in self.limits and left.isdigit():
            believed = permit.left + self._corrected - permit.corrected
            self._correct((1.0 if first else TRUST) * (float(left) - believed))

    def refused(self, message: str, wait_s: float, permit: Permit) -> None:
        """A 429: hold every call of the model for as long as it says, and learn the limit that it names."""
        named, asked = limit_in(message), _REQUESTED.search(message)
        if named:
            self._set_limit(*named)
        elif self.in_flight > 1:
            self.window = max(1.0, self.window * 0.7)
        if named and named[0] == "TPM" and asked:
            there = int(asked.group(1)) - wait_s * named[1] / 60
            self._correct(there - permit.tokens - self._refilled())  # which `release` gives back in a moment
        self.hold(wait_s)

    def hold(self, wait_s: float) -> None:
        self._hold_until = max(self._hold_until, self._clock() + wait_s)
        self._next_request = max(self._next_request, self._hold_until)

    async def _until_freed(self, wait_s: float) -> None:
        """Wait for a call to end: it may leave tokens and room before `wait_s` seconds have passed."""
        if wait_s <= 0:
            await self._freed.wait()
            return
        # The sleep ends with the reason when the run has to stop.
        await first_of(self._sleep(max(wait_s, SHORTEST_WAIT_S)), self._freed.wait())

    def _set_limit(self, name: str, size: int) -> None:
        if name == "TPM" and self.limits.get(name) != size:
            more = size - self.limits.get(name, 0)
            self._tokens, self._tokens_at = self._tokens + more, self._clock()
            self._corrected += more
        self.limits[name] = size

    def _correct(self, tokens: float) -> None:
        self._tokens += tokens
        self._corrected += tokens

    def _spacing(self) -> float:
        return 60.0 / self.limits["RPM"] if self.limits.get("RPM") else 0.0

    def _refilled(self) -> float:
        now, size = self._clock(), self.limits["TPM"]
        self._tokens = min(float(size), self._tokens + (now - self._tokens_at) * size / 60)
        self._tokens_at = now
        return self._tokens

    def _wait(self, tokens: int) -> float:
        now = self._clock()
        waits = [self._hold_until - now]
        if "RPM" in self.limits:
            waits.append(self._next_request - now)
        if self.limits.get("TPM"):
            size = self.limits["TPM"]
            waits.append((min(tokens + SPARE * size, size) - self._refilled()) * 60 / size)
        return max(waits)

    def _adapt(self, latency_s: float) -> None:
        # The quickest reply is forgotten slowly, so that a provider that got slower is not held against it.
        self._quickest = min(latency_s, self._quickest * 1.01)
        if latency_s > SLOWER * self._quickest + 0.05:
            self.window = max(FIRST_WINDOW if self._largest >= FIRST_WINDOW else 1.0, self.window - 0.5)
        elif self._crowded:
            self.window = min(self._largest, self.window + 1)


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
