"""How fast the provider lets us go: one pacer a model, learning limits from headers and refusals."""

from __future__ import annotations

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..log import setup_logging
from .budget import first_of
from .call_error import TIMED_OUT, CallError
from .retry import Outage
from .window import FEW, FIRST_WINDOW, LARGEST_WINDOW, LONGEST_TIMEOUT_S, Window

logger = setup_logging(__name__)
_LIMIT = re.compile(r"\((RPM|RPD|TPM|TPD)\): Limit ([\d,]+)", re.ASCII)
_REQUESTED = re.compile(r"Requested (\d+)", re.ASCII)
Limits = Mapping[str, int]  # by name: RPM, RPD, TPM, TPD
SHORTEST_WAIT_S = 0.001  # what rounding leaves of a wait would be slept for ever
# How far what a header says moves the estimate: calls overtake each other on the way, and at which moment of
# a call it was true is not documented, so that only many replies together are worth believing.
TRUST = 0.02
NO_ANSWERS = "no answers"  # a hold that is not the provider's word
SPARE = 0.005  # of a minute's tokens is left alone: it costs no pace, and near misses are refused


def limit_in(message: str) -> tuple[str, int] | None:
    """Which limit a 429 names, and its size: ("RPM", 30). Only there are RPM and TPD ever stated."""
    found = _LIMIT.search(message)
    return (found[1], int(found[2].replace(",", ""))) if found else None


def whole_number(header: str | None) -> int | None:
    """The number that a header states; None for anything else."""
    return int(header) if header and header.isascii() and header.isdecimal() else None


def tier_of(tiers: Sequence[Limits], known: Limits) -> Limits:
    """The largest tier none of whose limits is above what is known of them; {} where there is none."""
    fitting = [tier for tier in tiers if all(tier[name] <= known.get(name, tier[name]) for name in tier)]
    return fitting[-1] if fitting else {}


@dataclass(frozen=True)
class Permit:
    """A call that may be sent: the tokens it reserves, and how many were believed to be left then."""

    number: int  # of the model's calls so far
    at: float  # clock
    tokens: int
    left: float  # without any correction of that belief so far
    held_s: float = 0.0  # by a limit, while nothing else was in its way
    outage_s: float = 0.0  # because nothing was answered


class Pacer:
    """All about the pace of one model: admits its calls, held while the provider says so, spread over the
    minute, and learns from what comes of them.

    `acquire` reserves what the provider reserves (prompt and token limit); `release` gives back what was
    not used; the window adapts how many are in flight.
    `tiers` are limits that the model may have, smallest first: the first guess, until the provider says.
    `sharers` says how many processes there are under the same key: each takes its part of every limit.
    `most` is how many calls the user lets go at once, 0: as many as replies stay quick with, and `first` of
    them before there is any reply.
    """

    def __init__(
        self,
        model: str = "",
        *,
        most: int = 0,
        first: float = FEW,
        tiers: Sequence[Limits] = (),
        longest_s: float = LONGEST_TIMEOUT_S,
        sharers: Callable[[], int] = lambda: 1,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.model, self.outage = model, Outage(model, clock)
        self.limits: dict[str, int] = {}  # as far as they are known
        self.guessed: dict[str, float] = dict(tiers[0]) if tiers else {}  # the provider's word replaces it
        flight = FIRST_WINDOW if tiers else most or first
        self.window = Window(most or LARGEST_WINDOW, flight, clock, given=most > 0, longest_s=longest_s)
        self.waiting = ("", 0.0)  # the limit that holds the next call, and until when
        self.timed_out = 0  # requests without a reply in time
        self.asking_again = 0  # calls that wait between two of their attempts
        self._tiers, self._sharers, self._clock, self._sleep = tiers, sharers, clock, sleep
        self._queue: deque[tuple[int, asyncio.Future[Permit]]] = deque()  # (tokens, their turn)
        self._dispatcher: asyncio.Future | None = None
        self._freed = asyncio.Event()
        self._hold_until = self._next_request = self._tokens_at = clock()
        self._held_for = ""
        # What is left of TPM; while not even a guess is known, what was taken.
        self._tokens, self._corrected = self.guessed.get("TPM", 0.0), 0.0

    async def acquire(self, tokens: int) -> Permit:
        """Return when a call that reserves `tokens` may be sent; calls go in their order."""
        if not self._queue and self._delay(tokens) <= 0:
            return self._admit(tokens)
        turn: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        self._queue.append((tokens, turn))
        if self._dispatcher is None or self._dispatcher.done():
            self._dispatcher = asyncio.ensure_future(self._serve())
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                self._freed.set()  # nobody is to be held for its sake
            elif not turn.exception():
                self.release(turn.result(), 0, None)
            raise

    async def _serve(self) -> None:
        """Admit what waits, all at once that may go: one a turn of the loop leaves the window empty."""
        try:
            while self._queue:
                tokens, turn = self._queue[0]
                held_s, outage_s = await self._held(tokens, turn)
                self._queue.popleft()
                if not turn.done():
                    turn.set_result(self._admit(tokens, held_s, outage_s))
        except Exception as error:  # the reason to stop, which is everybody's
            while self._queue:
                _, turn = self._queue.popleft()
                if not turn.done():
                    turn.set_exception(error)

    async def _held(self, tokens: int, turn: asyncio.Future[Permit]) -> tuple[float, float]:
        """Wait until a call may go; seconds that a limit held it while nothing else did, and an outage."""
        held_s = outage_s = 0.0
        while not turn.done() and (delay := self._delay(tokens)) > 0:
            began, limited, outage = self._clock(), not self.window.crowded, self.waiting[0] == NO_ANSWERS
            self._freed.clear()
            await self._until_freed(delay)
            waited_s = self._clock() - began if limited else 0.0
            held_s, outage_s = held_s + waited_s * (not outage), outage_s + waited_s * outage
        return held_s, outage_s

    def _delay(self, tokens: int) -> float:
        """Seconds until a call of `tokens` may go, infinity where another one has to end for that."""
        wait, room = self._wait(tokens), self.window.delay()
        self.window.crowded = wait <= 0 < room
        return max(wait, room)

    def _admit(self, tokens: int, held_s: float = 0.0, outage_s: float = 0.0) -> Permit:
        number = self.window.enter(spaced=self.size("RPM") > 0)
        self._tokens -= tokens
        self._next_request = max(self._clock(), self._next_request + self._spacing())
        return Permit(number, self._clock(), tokens, self._tokens - self._corrected, held_s, outage_s)

    def release(self, permit: Permit, used: int | None, latency_s: float | None) -> None:
        """A call is over: it used `used` of its tokens (None: all) and was answered (None: it was not)."""
        self.window.leave(permit.number, latency_s)
        if latency_s is not None:
            self._raise_guess()
        self._tokens += permit.tokens - (permit.tokens if used is None else min(used, permit.tokens))
        self._freed.set()

    def _raise_guess(self) -> None:
        if "RPM" not in self.limits and "RPM" in self.guessed:
            self.guessed["RPM"] += 1  # a guess that nobody contradicts doubles within a minute

    def answered(self, headers: Mapping[str, str], permit: Permit) -> None:
        """A call was answered, with these headers."""
        self.outage.answered()
        self.learn(headers, permit)

    def failed(self, error: CallError, permit: Permit) -> None:
        """A call was not. Raises LimitStop or Unanswered where the model is given up for now."""
        if error.status == 429:
            named = limit_in(error.message)
            self.outage.refused(error, daily=named is not None and named[0].endswith("D"))
            self.refused(error.message, error.wait_s or 0.0, permit)
        elif error.retried:
            if error.kind == TIMED_OUT:
                self._timed_out(error, permit)
            if hold_s := self.outage.failed(error):
                logger.info("%s answers nothing: all of its calls wait %.0f s", self.model, hold_s)
                self.window.start_over()
                self.hold(hold_s, NO_ANSWERS)

    def _timed_out(self, error: CallError, permit: Permit) -> None:
        self.window.timed_out(permit.at)
        self.timed_out += 1
        if self.timed_out == 1:
            logger.warning(
                "%s: %s. It is asked again; if many time out, lower max_concurrency or raise timeout_s.",
                self.model, error.message,
            )  # fmt: skip

    def learn(self, headers: Mapping[str, str], permit: Permit) -> None:
        """Limits from a reply's headers: tokens per minute and requests per day.

        What it says is left was true when the call arrived, so it is held against what was believed then:
        held against the present, every reply would take back what calls have since released.
        """
        first, before = "TPM" not in self.limits, dict(self.limits)
        for name, header in (("TPM", "x-ratelimit-limit-tokens"), ("RPD", "x-ratelimit-limit-requests")):
            if (size := whole_number(headers.get(header))) is not None:
                self._set_limit(name, size)
        if self.limits != before:
            if any(self.limits[name] != size for name, size in before.items()):
                for name in ("RPM", "TPD"):  # another tier: what a refusal said was true of the last one
                    self.limits.pop(name, None)
            self._guess()
        left = whole_number(headers.get("x-ratelimit-remaining-tokens"))
        if "TPM" in self.limits and left is not None:
            ours = left / self._sharers()
            self._correct((1.0 if first else TRUST) * (ours - permit.left - self._corrected))

    def refused(self, message: str, wait_s: float, permit: Permit) -> None:
        """A 429: hold every call of the model for as long as it says, and learn the limit that it names."""
        named, requested = limit_in(message), _REQUESTED.search(message)
        if named:
            self._set_limit(*named)
        else:
            self.window.shrink(permit.at)
        if named and named[0] == "TPM" and requested:
            there = int(requested[1]) - wait_s * named[1] / 60
            self._correct(there - permit.tokens - self._refilled())  # which `release` gives back in a moment
        self.hold(wait_s)

    def now(self) -> float:
        """The clock that `waiting` is by."""
        return self._clock()

    def hold(self, wait_s: float, why: str = "told to wait") -> None:
        """Admit nobody for `wait_s` seconds from now."""
        if self._clock() + wait_s > self._hold_until:
            self._hold_until, self._held_for = self._clock() + wait_s, why
        self._next_request = max(self._next_request, self._hold_until)

    async def _until_freed(self, wait_s: float) -> None:
        """Wait for a call to end: it may leave tokens and room before `wait_s` seconds have passed."""
        if wait_s == float("inf"):
            await self._freed.wait()
            return
        # The sleep ends with the reason when the run has to stop.
        await first_of(self._sleep(max(wait_s, SHORTEST_WAIT_S)), self._freed.wait())

    def _set_limit(self, name: str, size: int) -> None:
        if name == "TPM" and self.limits.get(name) != size:
            more = size / self._sharers() - self.size(name)
            self._tokens, self._tokens_at = self._tokens + more, self._clock()
            self._corrected += more
        self.limits[name] = size

    def _guess(self) -> None:
        """What is said of some limits tells the tier, and with it what is said nowhere."""
        if tier := tier_of(self._tiers, self.limits):
            self.guessed = {name: size for name, size in tier.items() if name not in self.limits}
            self._next_request = min(self._next_request, self._clock() + self._spacing())

    def size(self, name: str) -> float:
        """This process's part of a limit as it is known, else as it is guessed; 0 is none."""
        return (self.limits.get(name) or self.guessed.get(name, 0)) / self._sharers()

    def _correct(self, tokens: float) -> None:
        self._tokens += tokens
        self._corrected += tokens

    def _spacing(self) -> float:
        rpm = self.size("RPM")
        return 60.0 / rpm if rpm else 0.0

    def _refilled(self) -> float:
        now, size = self._clock(), self.size("TPM")
        self._tokens = min(size, self._tokens + (now - self._tokens_at) * size / 60)
        self._tokens_at = now
        return self._tokens

    def _wait(self, tokens: int) -> float:
        """Seconds until the limits let a call of `tokens` go, noting which of them it waits for."""
        now = self._clock()
        waits = [(self._hold_until - now, self._held_for)]
        if self.size("RPM"):
            waits.append((self._next_request - now, "requests per minute"))
        if size := self.size("TPM"):
            spare = SPARE * self._sharers() ** 2 * size  # of others' calls only replies tell, later
            short = min(tokens + spare, size) - self._refilled()
            waits.append((short * 60 / size, "tokens per minute"))
        wait, why = max(waits)
        self.waiting = (why, now + wait) if wait > 0 else ("", 0.0)
        return wait
