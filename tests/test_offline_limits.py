"""Groq's limits as the offline provider keeps them, on a clock that only the test moves."""

from __future__ import annotations

import pytest

from benchkit.offline.server.limits import Limiter, go_duration


class Clock:
    """Seconds that pass only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0s"),
        (0.37, "370ms"),
        (7.66, "7.66s"),
        (59.9999999, "1m0s"),
        (179.56, "2m59.56s"),
        (592.272, "9m52.272s"),
        (5011.2, "1h23m31.2s"),
    ],
)
def test_durations_are_written_as_go_does(seconds: float, text: str) -> None:
    """Milliseconds below a second, then seconds, minutes and hours."""
    assert go_duration(seconds) == text


def test_requests_per_minute_refill_continuously() -> None:
    """30 a minute: 30 at once, the 31st two seconds later, as the 429 says."""
    clock = Clock()
    limits = Limiter("m", clock, rpm=30)
    assert [limits.admit(1) for _ in range(30)] == [None] * 30
    refusal = limits.admit(1)
    assert refusal is not None
    assert (refusal.status, refusal.retry_after) == (429, pytest.approx(2.0))
    message = refusal.body["error"]["message"]
    assert "on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please try again in 2s." in message
    assert (refusal.body["error"]["type"], refusal.body["error"]["code"]) == (
        "requests",
        "rate_limit_exceeded",
    )
    clock.now += 2.0
    assert limits.admit(1) is None


def test_a_refusal_takes_nothing() -> None:
    """A request that one limit refuses costs the other limits nothing."""
    limits = Limiter("m", Clock(), rpm=1, tpm=1000)
    assert limits.admit(100) is None
    assert limits.admit(100) is not None
    assert limits.headers()["x-ratelimit-remaining-tokens"] == "900"


def test_burst_bounds_what_a_minute_can_take_at_once() -> None:
    """1,200 a minute with a burst of 5: five at once, then one every 50 ms."""
    clock = Clock()
    limits = Limiter("m", clock, rpm=1200, burst=5)
    assert sum(limits.admit(1) is None for _ in range(50)) == 5
    clock.now += 1.0
    assert sum(limits.admit(1) is None for _ in range(50)) == 5
    admitted = 0
    for _ in range(200):
        clock.now += 0.025
        admitted += limits.admit(1) is None
    assert admitted == pytest.approx(100, abs=2)


def test_tokens_are_reserved_and_the_unused_ones_returned() -> None:
    """Prompt and token limit are taken; what was not used comes back and lets the next request in."""
    limits = Limiter("m", Clock(), tpm=8000, tpd=200_000)
    assert limits.admit(6000) is None
    refusal = limits.admit(6000)
    assert refusal is not None
    assert (
        "on tokens per minute (TPM): Limit 8000, Used 6000, Requested 6000."
        in refusal.body["error"]["message"]
    )
    assert refusal.retry_after == pytest.approx(4000 / 8000 * 60)
    limits.give_back(5500)
    assert limits.admit(6000) is None


def test_one_request_above_the_minute_is_too_large_for_ever() -> None:
    """413 with the limit and the size, however empty the bucket's past is."""
    refusal = Limiter("m", Clock(), tpm=8000).admit(11_881)
    assert refusal is not None
    assert (refusal.status, refusal.body["error"]["type"]) == (413, "tokens")
    assert "Limit 8000, Requested 11881" in refusal.body["error"]["message"]
    assert refusal.retry_after > 0


def test_headers_know_requests_per_day_and_tokens_per_minute_only() -> None:
    """1,000 a day, 58 used: 1h23m31.2s until they are refilled; RPM and TPD stand nowhere."""
    limits = Limiter("m", Clock(), rpm=100, rpd=1000, tpm=8000, tpd=200_000)
    for _ in range(58):
        limits.admit(100)
    assert limits.headers() == {
        "x-ratelimit-limit-requests": "1000",
        "x-ratelimit-remaining-requests": "942",
        "x-ratelimit-reset-requests": "1h23m31.2s",
        "x-ratelimit-limit-tokens": "8000",
        "x-ratelimit-remaining-tokens": "2200",
        "x-ratelimit-reset-tokens": "43.5s",
    }


@pytest.mark.parametrize(
    ("limit", "named", "wait"),
    [
        (
            {"rpd": 2},
            "requests per day (RPD): Limit 2, Used 2, Requested 1. Please try again in 12h0m0s",
            43_200,
        ),
        ({"tpd": 250}, "tokens per day (TPD): Limit 250, Used 200, Requested 100. Please try", 17_280),
    ],
)
def test_daily_limits_are_named_with_the_time_to_wait(limit: dict[str, int], named: str, wait: float) -> None:
    """The day's buckets roll: what is missing comes back at the day's rate."""
    limits = Limiter("m", Clock(), **limit)
    assert [limits.admit(100), limits.admit(100)] == [None, None]
    refusal = limits.admit(100)
    assert refusal is not None
    assert named in refusal.body["error"]["message"]
    assert refusal.retry_after == pytest.approx(wait)


def test_without_limits_everything_is_admitted_and_no_header_said() -> None:
    """0 is no limit."""
    limits = Limiter("m", Clock())
    assert all(limits.admit(10**9) is None for _ in range(100))
    assert limits.headers() == {}


def test_a_request_larger_than_the_burst_waits_for_a_full_bucket() -> None:
    """burst_tokens below a request's size delays it but does not lock it out."""
    clock = Clock()
    limits = Limiter("m", clock, tpm=60_000, burst_tokens=1000)
    assert limits.admit(3000) is None
    refusal = limits.admit(3000)
    assert refusal is not None
    assert refusal.retry_after == pytest.approx(3.0)
    clock.now += 3.0
    assert limits.admit(3000) is None
