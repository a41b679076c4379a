"""How fast the provider lets us go: one pacer a model, learning limits from headers and refusals."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from .retry import seconds

_LIMIT = re.compile(r"\((RPM|RPD|TPM|TPD)\): Limit (\d+)")
FIRST_WINDOW, LARGEST_WINDOW = 8.0, 256.0
# A queue that makes replies this much slower than the quickest seen is longer than it needs to be.
SLOWER = 2.5


def limit_in(message: str) -> tuple[str, int] | None:
    """Which limit a 429 names, and its size: ("RPM", 30). Only there are RPM and TPD ever stated."""
    found = _LIMIT.search(message)
    return (found.group(1), int(found.group(2))) if found else None


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
        self._hold_until = self._next_request = clock()
        self._tokens: float = 0.0
        self._tokens_at = clock()
        self._quickest = float("inf")

    async def acquire(self, tokens: int) -> None:
        """Return when a call that reserves `tokens` may be sent; callers are served in their order."""
        async with self._turn:
            began = self._clock()
            while (wait := self._wait(tokens)) > 0 or self.in_flight >= int(self.window):
                if wait > 0:
                    await self._sleep(wait)
                else:
                    self._freed.clear()
                    await self._freed.wait()
            now = self._clock()
            self.waited_s += now - began
            self.in_flight += 1
            self._tokens -= tokens
            self._next_request = max(now, self._next_request) + self._spacing()

    def release(self, reserved: int, used: int | None, latency_s: float | None) -> None:
        """A call is over: it used `used` of `reserved` tokens (None: all) and was answered (None: not)."""
        full = self.in_flight >= int(self.window) - 1
        self.in_flight -= 1
        self._tokens += reserved - (reserved if used is None else min(used, reserved))
        if latency_s is not None:
            self._adapt(latency_s, full)
        self._freed.set()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Limits from a reply's headers: tokens per minute and requests per day."""
        for name, header in (("TPM", "x-ratelimit-limit-tokens"), ("RPD", "x-ratelimit-limit-requests")):
            if str(headers.get(header, "")).isdigit():
                self._set_limit(name, int(headers[header]))
        remaining = headers.get("x-ratelimit-remaining-tokens", "")
        if "TPM" in self.limits and str(remaining).isdigit():
            self._tokens = min(self._refilled(), float(remaining))

    def refused(self, message: str, wait_s: float) -> None:
        """A 429: hold every call of the model for as long as it says, and learn the limit that it names."""
        named = limit_in(message)
        if named:
            self._set_limit(*named)
        elif self.in_flight > 1:
            self.window = max(1.0, self.window * 0.7)
        self.hold(wait_s)

    def hold(self, wait_s: float) -> None:
        self._hold_until = max(self._hold_until, self._clock() + wait_s)

    def _set_limit(self, name: str, size: int) -> None:
        if name == "TPM" and self.limits.get(name) != size:
            self._tokens, self._tokens_at = float(size), self._clock()
        self.limits[name] = size

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
        if "TPM" in self.limits:
            size = self.limits["TPM"]
            waits.append((min(tokens, size) - self._refilled()) * 60 / size)
        return max(waits)

    def _adapt(self, latency_s: float, full: bool) -> None:
        # The quickest reply is forgotten slowly, so that a provider that got slower is not held against it.
        self._quickest = min(latency_s, self._quickest * 1.01)
        if latency_s > SLOWER * self._quickest + 0.05:
            self.window = max(FIRST_WINDOW if self._largest >= FIRST_WINDOW else 1.0, self.window - 0.5)
        elif full:
            self.window = min(self._largest, self.window + 1)


def header_wait(headers: Mapping[str, str]) -> float | None:
    """Seconds until the token bucket is full again, from the headers; None when they do not say."""
    return seconds(str(headers.get("x-ratelimit-reset-tokens", "")))
