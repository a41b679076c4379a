"""What is asked again, after how long, and how often."""

from __future__ import annotations

import random

import groq
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchkit import groq_rate_limit
from benchkit.errors import Unanswered
from benchkit.llm.call_error import is_loopback
from benchkit.llm.groq import call_error
from benchkit.llm.retry import Outage, backoff

from .talking import Ticks, api_error

REQUEST = httpx.Request("POST", "http://provider")


@pytest.mark.parametrize(
    ("error", "retried"),
    [(api_error(status), True) for status in (408, 429, 498, 500, 502, 503, 529)]
    + [(api_error(status), False) for status in (400, 401, 403, 404, 413, 422, 424)]
    + [(groq.APIConnectionError(request=REQUEST), True), (groq.APITimeoutError(REQUEST), True)],
)
def test_what_is_retried(error, retried):
    """Overload, limits, failures of the provider's and lost connections are asked again."""
    assert call_error(error).retried is retried
    assert call_error(ValueError("ours")) is None


@pytest.mark.parametrize(
    ("ours", "urls"),
    [
        (True, ["http://127.0.0.1:80", "http://localhost/x", "http://[::1]:9"]),
        (False, ["https://api.groq.com", "http://127.0.0.1.example.org", "http://[", ""]),
    ],
)
def test_loopback(ours, urls):
    """What this machine serves itself, and nothing that looks like it."""
    assert {is_loopback(url) for url in urls} == {ours}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.25"}, 0.25),
        *(({"retry-after": odd}, None) for odd in ("Wed, 21 Oct 2026 07:28:00 GMT", "-1", "nan", "inf")),
        ({}, None),
    ],
)
def test_announced_wait(headers, expected):
    """Retry-After, where it can be read: in seconds, or in parts of one."""
    error = call_error(api_error(429, "no", headers))
    assert (error.wait_s, error.announced) == (expected, expected is not None)


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
    """Three failures and an answer: four calls, waits that double, each told with its cause."""
    ticks, told = Ticks(), []
    errors = [api_error(500), api_error(498), groq.APITimeoutError(REQUEST)]
    assert await failing(errors, ticks, waited=lambda wait, error: told.append((wait, error.status))) == (
        5,
        4,
    )
    assert all(base <= wait <= base + 1 for base, wait in zip((1, 2, 4), ticks.waits, strict=True))
    assert told == list(zip(ticks.waits, (500, 498, None), strict=True))


@pytest.mark.parametrize(
    ("errors", "max_retries", "waits"),
    [
        ([api_error(500), api_error(502), api_error(503)], 2, 2),  # the last one is raised
        ([api_error(413, headers={"retry-after": "9"})], 3, 0),  # cannot be mended by asking again
        ([api_error(429), api_error(429)], 1, 1),  # a limit that says nothing is like any other failure
    ],
)
async def test_gives_up(errors, max_retries, waits):
    """The last error is raised when the retries are spent, and at once where none can help."""
    ticks = Ticks()
    with pytest.raises(groq.APIStatusError) as raised:
        await failing(errors, ticks, max_retries=max_retries)
    assert raised.value is errors[-1]
    assert len(ticks.waits) == waits


async def test_announced_waits():
    """Ten announced 429s are waited out with no retry allowed, each longer than it says; a 503 so long."""
    ticks = Ticks()
    errors = [api_error(429, headers={"retry-after": "7"}) for _ in range(10)]
    assert await failing(errors, ticks, max_retries=0) == (5, 11)
    assert all(7 <= wait <= 7 + 0.25 * 2 ** min(i, 6) for i, wait in enumerate(ticks.waits))
    ticks = Ticks()
    await failing([api_error(503, headers={"retry-after": "20"})], ticks)
    assert ticks.waits == [20.0]


def test_a_model_that_says_nothing_at_all():
    """Few failures that take long, as time-outs do, are an outage after 20 minutes; an answer ends it."""
    ticks, error = Ticks(), call_error(groq.APITimeoutError(REQUEST))
    outage = Outage("m", ticks.now)
    for at in (120.0, 360.0, 840.0):
        ticks.at = at
        assert outage.failed(error) == 0.0
    ticks.at = 1440.0
    with pytest.raises(Unanswered, match="m has answered nothing for 22 minutes"):
        outage.failed(error)
    outage.answered()
    assert outage.failed(error) == 0.0
