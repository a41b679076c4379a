"""How fast the provider lets us go: one pacer a model, learning limits from headers and refusals."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_LIMIT = re.compile(r"\((RPM|RPD|TPM|TPD)\): Limit (\d+)")
_REQUESTED = re.compile(r"Requested (\d+)")
Limits = Mapping[str, int]  # by name: RPM, RPD, TPM, TPD
FIRST_WINDOW, LARGEST_WINDOW = 8.0, 256.0
# Until it is known how many calls may go, a few go at once, and more one after the other once a refusal of
# those would have been heard, so that the next refusal is heard before many more are on their way.
HEARD_S, GAP_S = 0.03, 0.003
FIRST_FLIGHT = 64  # most that go so before there is any reply
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
    held_s: float = 0.0  # by a limit, while nothing else was in its way


class Pacer:
    """Admits a model's calls: held while the provider says so, spread over the minute.

    `acquire` reserves what the provider reserves (prompt and token limit); `release` gives back what was
    not used. The number in flight grows while replies stay quick and shrinks when they queue up.
    `tiers` are limits that the model may have, smallest first: the first guess, until the provider says.
    """

    def __init__(
        self,
        *,
        largest: float = LARGEST_WINDOW,
        tiers: Sequence[Limits] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.limits: dict[str, int] = {}  # as far as they are known
        self.guessed: dict[str, float] = dict(tiers[0]) if tiers else {}  # the provider's word replaces it
        self.window = min(FIRST_WINDOW, largest)
        self.in_flight = 0
        self.waiting = ("", 0.0)  # the limit that holds the next call, and until when
        self._largest, self._tiers = largest, tiers
        self._flight = min(FIRST_WINDOW if tiers else FIRST_FLIGHT, largest)  # until there is a reply
        self._clock, self._sleep = clock, sleep
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()
        self._hold_until = self._next_request = self._next_start = self._tokens_at = clock()
        # What is left of TPM; while not even a guess is known, what was taken.
        self._tokens, self._corrected = self.guessed.get("TPM", 0.0), 0.0
        self._quickest = float("inf")
        self._crowded = False  # whether the next call waits for nothing but the window
        self._seeking = True  # how many may be in flight, until a reply was slow or all of them are

    async def acquire(self, tokens: int) -> Permit:
        """Return when a call that reserves `tokens` may be sent; callers are served in their order."""
        async with self._turn:
            held_s = 0.0
            while (wait := self._wait(tokens)) > 0 or not self._has_room():
                self._crowded = wait <= 0
                self._freed.clear()
                began = self._clock()
                await self._until_freed(max(wait, self._gap_left()))
                held_s += 0.0 if self._crowded else self._clock() - began
            self._crowded, self.waiting = False, ("", 0.0)
            now = self._clock()
            self.in_flight += 1
            self._tokens -= tokens
            self._next_request = max(now, self._next_request + self._spacing())
            self._next_start = now + self._gap()
            return Permit(tokens, self._tokens, self._corrected, held_s)

    def release(self, permit: Permit, used: int | None, latency_s: float | None) -> None:
        """A call is over: it used `used` of its tokens (None: all) and was answered (None: it was not)."""
        if latency_s is not None:
            self._landed()
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
        first, before = "TPM" not in self.limits, dict(self.limits)
        for name, header in (("TPM", "x-ratelimit-limit-tokens"), ("RPD", "x-ratelimit-limit-requests")):
            if str(headers.get(header, "")).isdigit():
                self._set_limit(name, int(headers[header]))
        if self.limits != before:
            self._guess()
        left = str(headers.get("x-ratelimit-remaining-tokens", ""))
        if "TPM" in self.limits and left.isdigit():
            believed = permit.left + self._corrected - permit.corrected
            self._correct((1.0 if first else TRUST) * (float(left) - believed))

    def refused(self, message: str, wait_s: float, permit: Permit) -> None:
        """A 429: hold every call of the model for as long as it says, and learn the limit that it names."""
        named, asked = limit_in(message), _REQUESTED.search(message)
        self._landed()
        if named:
            self._set_limit(*named)
        elif self.in_flight > 1:
            self.window = max(1.0, self.window * 0.7)
        if named and named[0] == "TPM" and asked:
            there = int(asked.group(1)) - wait_s * named[1] / 60
            self._correct(there - permit.tokens - self._refilled())  # which `release` gives back in a moment
        self.hold(wait_s)

    def now(self) -> float:
        """The clock that `waiting` is by."""
        return self._clock()

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

    def _landed(self) -> None:
        """The first reply is there: from now on replies decide how many are in flight."""
        if self._flight:
            self.window = min(self._largest, max(self.window, float(self.in_flight)))
            self._flight = 0

    def _set_limit(self, name: str, size: int) -> None:
        if name == "TPM" and self.limits.get(name) != size:
            more = size - self.size(name)
            self._tokens, self._tokens_at = self._tokens + more, self._clock()
            self._corrected += more
        self.limits[name] = size

    def _guess(self) -> None:
        """What is said of some limits tells the tier, and with it what is said nowhere."""
        known = [tier for tier in self._tiers if all(tier[n] <= self.limits.get(n, tier[n]) for n in tier)]
        if known:
            self.guessed = {name: size for name, size in known[-1].items() if name not in self.limits}
            self._next_request = min(self._next_request, self._clock() + self._spacing())

    def size(self, name: str) -> float:
        """A limit as it is known, else as it is guessed; 0 is none."""
        return self.limits.get(name) or self.guessed.get(name, 0)

    def _correct(self, tokens: float) -> None:
        self._tokens += tokens
        self._corrected += tokens

    def _spacing(self) -> float:
        rpm = self.size("RPM")
        return 60.0 / rpm if rpm else 0.0

    def _gap(self) -> float:
        """Seconds between two calls while it is being found out how many may be in flight."""
        if not self._seeking or self.in_flight < FIRST_WINDOW or self.size("RPM"):
            return 0.0
        if self._flight and self.in_flight == FIRST_WINDOW:
            return HEARD_S
        return min(GAP_S, self._quickest / (2 * self.window))

    def _gap_left(self) -> float:
        return self._next_start - self._clock() if self.in_flight < self._most() else 0.0

    def _most(self) -> int:
        return int(self._flight or self.window)

    def _has_room(self) -> bool:
        return self.in_flight < self._most() and self._next_start <= self._clock()

    def _refilled(self) -> float:
        now, size = self._clock(), self.size("TPM")
        self._tokens = min(size, self._tokens + (now - self._tokens_at) * size / 60)
        self._tokens_at = now
        return self._tokens

    def _wait(self, tokens: int) -> float:
        """Seconds until the limits let a call of `tokens` go, noting which of them it waits for."""
        now = self._clock()
        waits = [(self._hold_until - now, "told to wait")]
        if self.size("RPM"):
            waits.append((self._next_request - now, "requests per minute"))
        if size := self.size("TPM"):
            short = min(tokens + SPARE * size, size) - self._refilled()
            waits.append((short * 60 / size, "tokens per minute"))
        wait, why = max(waits)
        self.waiting = (why, now + wait) if wait > 0 else ("", 0.0)
        return wait

    def _adapt(self, latency_s: float) -> None:
        if "RPM" not in self.limits and "RPM" in self.guessed:
            self.guessed["RPM"] += 1  # a guess that nobody contradicts doubles within a minute
        # The quickest reply is forgotten slowly, so that a provider that got slower is not held against it.
        self._quickest = min(latency_s, self._quickest * 1.01)
        if latency_s > SLOWER * self._quickest + 0.05:
            self.window = max(FIRST_WINDOW if self._largest >= FIRST_WINDOW else 1.0, self.window - 0.5)
            self._seeking = False  # gaps between calls would now cost more than bursts do
        elif self._crowded:
            self.window = min(self._largest, self.window + 1)
        self._seeking = self._seeking and self.window < self._largest


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
