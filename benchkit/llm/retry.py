"""`groq_rate_limit`: what is asked again, after how long, how often, and when a model is given up."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec, TypeVar

from ..errors import LimitStop, Unanswered
from .call_error import CallError
from .groq import call_error

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_WAIT_S = 300.0
IN_A_ROW = 32  # failures; as many by chance there cannot be, and a few calls spend their retries before
LONGEST_HOLD_S = 60.0
LONGEST_OUTAGE_S = 300.0
LONGEST_SILENCE_S = 1200.0  # however few the failures are, as they are where each one is a long time-out
LONGEST_DAILY_WAIT_S = 60.0  # of a daily limit: what it frees in a minute is not worth staying for
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
    """What has come of a model since it last answered: how long all of its calls are held for that, and when
    it is given up. The errors that it raises end the model's part of the run."""

    def __init__(self, model: str, clock: Callable[[], float]) -> None:
        self._model, self._clock = model, clock
        self._failures, self._holds = 0, 0
        self._since = self._until = 0.0
        self._refused_since: float | None = None

    def answered(self) -> None:
        """The model answers: what failed before is over."""
        self._failures = self._holds = 0
        self._refused_since = None

    def refused(self, error: CallError, daily: bool) -> None:
        """One more refusal. Raises LimitStop where its wait, or that of all in a row, is too long."""
        now = self._clock()
        if self._refused_since is None:
            self._refused_since = now
        longest_s = LONGEST_DAILY_WAIT_S if daily else LONGEST_WAIT_S
        unknown_s = float("inf") if daily else 0.0
        wait_s = unknown_s if error.wait_s is None else error.wait_s
        if wait_s > longest_s or now - self._refused_since > LONGEST_REFUSED_S:
            raise LimitStop(
                self._given_up("has reached a limit that cannot be waited out here", error)
            ) from error

    def failed(self, error: CallError) -> float:
        """One more failure; seconds to hold every call from now, 0 for none: where it is one of very many in
        a row, no call is to spend its retries on that. Raises Unanswered where that has lasted too long."""
        now = self._clock()
        if (error.wait_s or 0.0) > LONGEST_WAIT_S:
            raise Unanswered(self._given_up("does not answer and asks to wait", error)) from error
        self._since = self._since if self._failures else now
        silent_s = now - self._since
        if silent_s > (LONGEST_OUTAGE_S if self._holds else LONGEST_SILENCE_S):
            what = f"has answered nothing for {silent_s / 60:.0f} minutes"
            raise Unanswered(self._given_up(what, error)) from error
        self._failures += 1
        if self._failures < IN_A_ROW or now < self._until:  # what was under way as the hold began
            return 0.0
        self._holds += 1
        hold_s = min(2.0**self._holds, LONGEST_HOLD_S)
        self._until = now + hold_s
        return hold_s

    def _given_up(self, what: str, error: CallError) -> str:
        when = "later"
        if error.wait_s is not None:
            end = datetime.now(UTC) + timedelta(seconds=error.wait_s)
            when = end.strftime("after %Y-%m-%d %H:%M UTC")
        return (
            f"{self._model} {what} ({error.said}). Everything paid for is kept; run again {when} to continue."
        )
