"""`groq_rate_limit`: what is asked again, after how long, how often, and when a model is given up."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from .groq import CallError, call_error

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_WAIT_S = 300.0
IN_A_ROW = 32  # failures; as many by chance there cannot be, and a few calls spend their retries before
LONGEST_HOLD_S = 60.0
LONGEST_OUTAGE_S = 300.0
LONGEST_SILENCE_S = 1200.0  # however few the failures are, as they are where each one is a long time-out
LONGEST_REFUSED_S = 900.0  # a model that has refused every call for so long does not count minutes


def backoff(attempt: int, base_delay: float, rng: random.Random, at_least: float = 0.0) -> float:
    """Seconds before retry `attempt` (from 0): min(300, base · 2^attempt + U(0, 1)), or `at_least`."""
    return max(at_least, min(LONGEST_WAIT_S, base_delay * 2**attempt + rng.uniform(0, 1)))


def groq_rate_limit(
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    rng: random.Random | None = None,
    waited: Callable[[float, CallError], None] = lambda wait, error: None,
) -> Callable[[Callable[P, Awaitable[R]]], Callable[P, Awaitable[R]]]:
    """Retry an async function that calls Groq.

    Waits min(300, base_delay · 2^attempt + U(0, 1)) seconds and never less than the provider's Retry-After.
    Waiting out a limit that the provider announced spends no retry. `waited` is told of every wait.
    Raises the last error when the retries are spent, and at once what cannot be mended by asking again.
    """
    draw = rng or random.Random()

    def decorate(function: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        @functools.wraps(function)
        async def retrying(*args: P.args, **kwargs: P.kwargs) -> R:
            spent = told = 0
            while True:
                try:
                    return await function(*args, **kwargs)
                except Exception as error:
                    failed = call_error(error)
                    if not failed or not failed.retried or (spent >= max_retries and not failed.announced):
                        raise
                    wait = backoff(spent, base_delay, draw, failed.wait_s or 0.0)
                    if failed.announced:
                        # Told so again and again, the provider means more than it says.
                        wait = (failed.wait_s or 0.0) + draw.uniform(0, 0.25 * 2 ** min(told, 6))
                    told += failed.announced
                    spent += not failed.announced
                    waited(wait, failed)
                    await sleep(wait)

        return retrying

    return decorate


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
    def lasts_s(self) -> float:
        """Seconds since the first of the failures in a row, 0 without one."""
        return self._clock() - self._since if self._failures else 0.0

    @property
    def is_over(self) -> bool:
        """Whether it has lasted for longer than anybody should wait for."""
        return self.lasts_s > (LONGEST_OUTAGE_S if self._holds else LONGEST_SILENCE_S)
