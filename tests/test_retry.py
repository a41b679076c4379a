"""What is asked again, after how long, and how often."""

from __future__ import annotations

import random

import groq
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit import groq_rate_limit
from benchkit.llm.groq import call_error, seconds
from benchkit.llm.retry import backoff

from .talking import Ticks, api_error

REQUEST = httpx.Request("POST", "http://provider")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("370ms", 0.37),
        ("7.66s", 7.66),
        ("2m59.56s", 179.56),
        ("3m7.055999999s", 187.055999999),
        ("9m52.272s", 592.272),
        ("1d2h", 93_600.0),
        ("1h23m31s", 5011.0),
        ("0s", 0.0),
        ("", None),
        ("12", None),
        ("soon", None),
        ("1.5s later", None),
    ],
)
def test_seconds(text, expected):
    """Go durations are read; anything else is no duration."""
    assert seconds(text) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize("status", [408, 429, 498, 500, 502, 503, 529])
def test_what_is_retried(status):
    """Overload, limits and failures of the provider's are asked again."""
    assert call_error(api_error(status)).retried


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 424])
def test_what_is_not_retried(status):
    """What asking again as it stands cannot mend is not asked again."""
    assert not call_error(api_error(status)).retried


def test_connections_are_retried():
    """Dropped connections and timeouts are asked again; an error of ours is not."""
    assert call_error(groq.APIConnectionError(request=REQUEST)).retried
    assert call_error(groq.APITimeoutError(REQUEST)).retried
    assert call_error(ValueError("ours")) is None


@pytest.mark.parametrize(
    ("message", "headers", "expected"),
    [
        ("Please try again in 9m52.272s. Need more?", {}, 592.272),
        ("Please try again in 370ms.", {"retry-after": "1"}, 1.0),
        ("Please try again in 2s.", {"retry-after": "1"}, 2.0),
        ("no", {"retry-after": "0.25"}, 0.25),
        ("no", {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, None),
        ("no", {"retry-after": "-1"}, None),
        ("no", {"retry-after": "nan"}, None),
        ("no", {"retry-after": "inf"}, None),
        ("no", {}, None),
    ],
)
def test_announced_wait(message, headers, expected):
    """The longer of Retry-After and the message's own wait, where either can be read."""
    error = call_error(api_error(429, message, headers))
    assert error.wait_s == (expected if expected is None else pytest.approx(expected))
    assert error.announced == (expected is not None)


@given(st.integers(0, 40), st.floats(0, 60), st.floats(0, 1000))
def test_backoff_bounds(attempt, base, least):
    """Between base · 2^attempt and a second more, at most 300 s, and never less than Retry-After."""
    wait = backoff(attempt, base, random.Random(attempt), least)
    low = min(300.0, base * 2**attempt)
    assert max(low, least) <= wait <= max(min(300.0, low + 1), least)


async def failing(errors, ticks, **options):
    """Call a function that raises `errors` in turn and then returns 5; (result, calls, waits)."""
    calls, left = [], list(errors)

    @groq_rate_limit(sleep=ticks.sleep, rng=random.Random(1), **options)
    async def ask(what):
        calls.append(what)
        if left:
            raise left.pop(0)
        return 5

    return await ask("x"), len(calls)


async def test_retries_until_answered():
    """Three failures and an answer: four calls, waits that double."""
    ticks = Ticks()
    assert await failing([api_error(500), api_error(498), groq.APITimeoutError(REQUEST)], ticks) == (5, 4)
    assert all(base <= wait <= base + 1 for base, wait in zip((1, 2, 4), ticks.waits, strict=True))


async def test_gives_up_after_max_retries():
    """The last error is raised when the retries are spent."""
    ticks = Ticks()
    errors = [api_error(500), api_error(502), api_error(503)]
    with pytest.raises(groq.InternalServerError, match="503"):
        await failing(errors, ticks, max_retries=2)
    assert len(ticks.waits) == 2


async def test_raises_at_once_what_cannot_be_mended():
    """A 413 costs one call and no wait, whatever Retry-After it carries."""
    ticks = Ticks()
    with pytest.raises(groq.APIStatusError):
        await failing([api_error(413, headers={"retry-after": "9"})], ticks)
    assert ticks.waits == []


async def test_announced_limits_spend_no_retry():
    """Ten announced 429s are waited out with no retry allowed, each longer than it says."""
    ticks = Ticks()
    errors = [api_error(429, headers={"retry-after": "7"}) for _ in range(10)]
    assert await failing(errors, ticks, max_retries=0) == (5, 11)
    assert all(7 <= wait <= 7 + 0.25 * 2 ** min(i, 6) for i, wait in enumerate(ticks.waits))


async def test_unannounced_limits_spend_retries():
    """A 429 that says nothing is like any other failure."""
    with pytest.raises(groq.RateLimitError):
        await failing([api_error(429)] * 2, Ticks(), max_retries=1)


async def test_never_less_than_retry_after():
    """A 503 with Retry-After is waited for that long."""
    ticks = Ticks()
    await failing([api_error(503, headers={"retry-after": "20"})], ticks)
    assert ticks.waits == [20.0]


async def test_waits_are_told():
    """`waited` hears of each wait and its cause."""
    told = []
    await failing([api_error(500)], Ticks(), waited=lambda wait, error: told.append((wait, error)))
    assert [(1 <= wait <= 2, error.status) for wait, error in told] == [(True, 500)]
