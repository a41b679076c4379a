"""`groq_rate_limit`: what is asked again, after how long, and how often."""

from __future__ import annotations

import asyncio
import functools
import random
import re
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
LONGEST_WAIT_S = 300.0
LONGEST_NAMED_S = 366 * 86_400.0  # what names a longer one, or none that is a number, names none
RETRIED = frozenset({408, 429, 498})  # and every 5xx; anything else is an answer or a mistake of ours
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|d|h|m|s)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_TRY_AGAIN = re.compile(r"try again in ((?:\d+(?:\.\d+)?(?:ms|d|h|m|s))+)")


def seconds(duration: str) -> float | None:
    """Seconds in a Go duration such as `9m52.272s` or `370ms`; None for anything else."""
    parts = _DURATION.findall(duration)
    if not parts or "".join(number + unit for number, unit in parts) != duration.strip():
        return None
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)


def is_retried(error: BaseException) -> bool:
    """Whether asking again as it stands can help: 408, 429, 498, 5xx, timeouts, dropped connections."""
    import groq

    if isinstance(error, groq.APIStatusError):
        return error.status_code in RETRIED or error.status_code >= 500
    return isinstance(error, groq.APIConnectionError)  # timeouts are a kind of it


def announced_wait(error: BaseException) -> float | None:
    """Seconds that the provider asks to wait, from `retry-after` or its message; None if it names none."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    try:
        after: float | None = float(headers["retry-after"])
    except (KeyError, ValueError):
        after = None
    named = _TRY_AGAIN.search(str(error))
    in_text = seconds(named.group(1)) if named else None
    known = [wait for wait in (after, in_text) if wait is not None and 0 <= wait < LONGEST_NAMED_S]
    return max(known) if known else None


def is_announced_limit(error: BaseException) -> bool:
    """A 429 that says how long to wait: waiting it out is no lost progress, so it spends no retry."""
    return getattr(error, "status_code", None) == 429 and announced_wait(error) is not None


def backoff(attempt: int, base_delay: float, rng: random.Random, at_least: float = 0.0) -> float:
    """Seconds before retry `attempt` (from 0): min(300, base · 2^attempt + U(0, 1)), or `at_least`."""
    return max(at_least, min(LONGEST_WAIT_S, base_delay * 2**attempt + rng.uniform(0, 1)))


def groq_rate_limit(
    max_retries: int = 3,
    base_delay: float = 1.0,
    *,
    sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    rng: random.Random | None = None,
    waited: Callable[[float, BaseException], None] = lambda wait, error: None,
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
                    announced = is_announced_limit(error)
                    if not is_retried(error) or (spent >= max_retries and not announced):
                        raise
                    wait = backoff(spent, base_delay, draw, announced_wait(error) or 0.0)
                    if announced:
                        # Told so again and again, the provider means more than it says.
                        wait = (announced_wait(error) or 0.0) + draw.uniform(0, 0.25 * 2 ** min(told, 6))
                    told += announced
                    spent += not announced
                    waited(wait, error)
                    await sleep(wait)

        return retrying

    return decorate
