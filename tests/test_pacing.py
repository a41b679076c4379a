"""How fast the provider lets us go, in virtual time."""

from __future__ import annotations

import asyncio
import os
import random
import time

import pytest

from benchkit.llm.budget import first_of
from benchkit.llm.catalog import TIERS
from benchkit.llm.pacing import NO_ANSWERS, SPARE, Pacer, limit_in
from benchkit.llm.provider import EVERY_S, GONE_S, Sharers
from benchkit.llm.window import FEW, FIRST_TIMEOUT_S, GAP_S, HEARD_S, Window
from benchkit.offline.server.limits import Limiter

from .talking import Ticks, simulate

SPARE_S = 60 * SPARE
TPM = "Rate limit reached for model `m` on tokens per minute (TPM): Limit 6000, Used 5000, Requested 2000. "


def headers(left: int, limit: int = 6000, **more: str) -> dict[str, str]:
    return {"x-ratelimit-limit-tokens": str(limit), "x-ratelimit-remaining-tokens": str(left), **more}


def pacer(ticks: Ticks, **options) -> Pacer:
    return Pacer(clock=ticks.now, sleep=ticks.sleep, **options)


@pytest.fixture
def ticks():
    return Ticks()


@pytest.fixture
def first(ticks):
    return pacer(ticks)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (TPM, ("TPM", 6000)),
        ("… on requests per minute (RPM): Limit 30, Used 30, Requested 1. Please", ("RPM", 30)),
        ("… on tokens per day (TPD): Limit 200000, Used 197117", ("TPD", 200000)),
        ("(TPM): Limit 250,000, Used 1", ("TPM", 250_000)),
        ("", None),
    ],
)
def test_limit_in(message, expected):
    """A 429 names its limit in its text."""
    assert limit_in(message) == expected


async def test_nothing_is_known_at_first(ticks, first):
    """Where nothing is known of the provider only a few calls go, until the first of them is answered."""
    permits = [await first.acquire(5000) for _ in range(int(FEW))]
    assert (ticks.waits, first.window.in_flight, first.limits) == ([], 4, {})
    fifth = asyncio.ensure_future(first.acquire(1))
    await asyncio.sleep(0)
    assert not fifth.done()
    first.release(permits[0], 5000, 3.0)
    await fifth
    assert ticks.waits == []


async def test_all_that_may_go_at_once_do():
    """Calls that end together let as many others go together, in their order, within one turn of the loop."""
    first = pacer(Ticks(), most=8)
    permits = [await first.acquire(1) for _ in range(8)]
    line = [asyncio.ensure_future(first.acquire(1)) for _ in range(9)]
    await asyncio.sleep(0)
    for permit in permits:
        first.release(permit, 1, 0.2)
    while not line[0].done():
        await asyncio.sleep(0)
    assert [one.done() for one in line] == 8 * [True] + [False]
    first.release(line[0].result(), 1, 0.2)
    await line[8]


async def test_a_caller_that_is_cancelled_holds_nobody():
    """What it had comes back, and a smaller call behind it goes without waiting for a larger one's tokens."""
    first = Pacer(sleep=lambda wait: asyncio.sleep(3600))
    first.learn(headers(6000), await first.acquire(0))
    permit = await first.acquire(3000)
    large, small = (asyncio.ensure_future(first.acquire(tokens)) for tokens in (5000, 1000))
    await asyncio.sleep(0)
    large.cancel()
    await asyncio.wait_for(small, 5)
    first.release(permit, 3000, None)
    granted = asyncio.ensure_future(first.acquire(6000))
    while first.window.in_flight < 3:
        first._tokens += 1000
        first._freed.set()
        await asyncio.sleep(0)
    granted.cancel()
    await asyncio.wait([granted])
    assert (granted.cancelled(), first.window.in_flight) == (True, 2)


async def test_headers_teach_tokens_per_minute_and_requests_per_day(ticks, first):
    """After one reply the size is known, and what is left of it is what the provider says."""
    permit = await first.acquire(1000)
    first.learn(headers(5000, **{"x-ratelimit-limit-requests": "1000"}), permit)
    first.release(permit, 1000, 0.2)
    assert first.limits == {"TPM": 6000, "RPD": 1000}
    await first.acquire(4900)
    assert ticks.waits == []
    await first.acquire(1000)
    assert ticks.at == pytest.approx(9.0 + SPARE_S)  # 900 tokens more at 100 a second


async def test_more_go_one_after_the_other():
    """Beyond the first window calls are spread, so that a refusal is heard before many more are sent."""
    ticks = Ticks()
    first = pacer(ticks, most=20)
    permits = [await first.acquire(1) for _ in range(20)]
    assert ticks.at == pytest.approx(HEARD_S + 11 * GAP_S)
    first.release(permits[0], 1, 0.2)
    assert first.window.size == 20


async def test_a_late_start_delays_no_other():
    """A loop that wakes late catches up to where each call was due; after a stall it does not burst."""
    ticks = Ticks()
    late = Pacer(most=30, clock=ticks.now, sleep=lambda wait_s: ticks.sleep(wait_s + GAP_S / 2))
    for _ in range(20):
        await late.acquire(1)
    assert ticks.at == pytest.approx(HEARD_S + 11 * GAP_S, abs=GAP_S)
    ticks.at += 1.0
    for _ in range(10):
        await late.acquire(1)
    assert ticks.at == pytest.approx(1.0 + HEARD_S + 19 * GAP_S, abs=2 * GAP_S)


async def test_the_catalog_is_the_first_guess():
    """Until the first reply the smallest tier holds; its headers tell the tier, hence the other limits."""
    ticks = Ticks()
    first = pacer(ticks, tiers=TIERS)
    permits = [await first.acquire(2500) for _ in range(2)]
    assert ticks.at == pytest.approx(2.0)  # 30 requests a minute
    first.learn(headers(240_000, 250_000, **{"x-ratelimit-limit-requests": "500000"}), permits[0])
    for permit in permits:
        first.release(permit, 2500, 0.2)
    assert (first.limits, first.size("RPM")) == ({"TPM": 250_000, "RPD": 500_000}, 1002)
    await first.acquire(2500)
    await first.acquire(2500)
    assert ticks.at == pytest.approx(2.12, abs=0.01)


async def test_a_guess_gives_way():
    """A guess grows as long as calls are answered; the first refusal puts the truth in its place."""
    first = pacer(Ticks(), tiers=[{"RPM": 30}])
    for _ in range(30):
        first.release(await first.acquire(1), 1, 0.1)
    assert first.size("RPM") == 60
    first.refused("(RPM): Limit 45, Used 45, Requested 1.", 1.0, await first.acquire(1))
    assert first.size("RPM") == 45


async def test_another_tier():
    """When headers announce other limits, what an earlier refusal said of requests a minute is forgotten."""
    first = pacer(Ticks(), tiers=TIERS)
    permit = await first.acquire(1)
    first.learn(headers(8_000, 8_000), permit)
    first.refused("(RPM): Limit 30, Used 30, Requested 1.", 1.0, permit)
    first.learn(headers(8_000, 8_000), permit)
    assert first.size("RPM") == 30
    first.learn(headers(250_000, 250_000), permit)
    assert first.size("RPM") == 1000


async def test_what_it_waits_for(ticks, first):
    """While a call is held, the pacer names the limit and until when, and the call knows how long it was."""
    permit = await first.acquire(1)
    first.refused("(RPM): Limit 60, Used 60, Requested 1.", 7.0, permit)
    first.release(permit, 0, None)
    assert first._wait(1) == 7.0
    assert first.waiting == ("told to wait", 7.0)
    assert (await first.acquire(1)).held_s == 7.0
    assert first.waiting == ("", 0.0)
    second = pacer(ticks)
    second.hold(5.0, NO_ANSWERS)  # which is no limit of the provider's
    permit = await second.acquire(1)
    assert (permit.held_s, permit.outage_s) == (0.0, 5.0)


async def test_unused_tokens_come_back(ticks, first):
    """What a call reserved and did not use is there for the next, without a wait."""
    for _ in range(20):
        permit = await first.acquire(3000)
        first.learn(headers(3000), permit)
        first.release(permit, 0, 0.2)
    assert ticks.waits == []


async def test_a_wait_for_tokens_ends_when_they_come_back():
    """A long wait for the refill is cut short by a call that ends and returns its tokens."""
    first = Pacer(sleep=lambda wait: asyncio.sleep(3600))
    permit = await first.acquire(6000)
    first.learn(headers(0), permit)
    second = asyncio.ensure_future(first.acquire(5900))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not second.done()
    first.release(permit, 10, 0.2)
    first._tokens += 100
    await asyncio.wait_for(second, 5)


async def test_others_use_the_same_limit(ticks, first):
    """Tokens that somebody else of the organisation takes are noticed by what the headers say is left."""
    for left in [6000] + 400 * [1000]:
        permit = await first.acquire(0)
        first.learn(headers(left), permit)
        first.release(permit, 0, 0.2)
    await first.acquire(3000)
    assert ticks.at == pytest.approx(20.0 + SPARE_S, abs=0.1)


async def test_requests_are_spread(ticks, first):
    """Once requests per minute are known, one goes a second at 60 a minute, no two at once."""
    permit = await first.acquire(1)
    first.refused("(RPM): Limit 60, Used 60, Requested 1.", 2.0, permit)
    first.release(permit, 0, None)
    times = []
    for _ in range(6):
        first.release(await first.acquire(1), 1, 0.1)
        times.append(ticks.at)
    assert times == pytest.approx([2.0, 3.0, 4.0, 5.0, 6.0, 7.0])


async def test_a_refusal_says_how_many_tokens_there_are(ticks, first):
    """After a refused call for tokens, the bucket is believed to have what the refusal implies."""
    permit = await first.acquire(2000)
    first.refused(TPM, 10.0, permit)  # 1,000 are there now, 2,000 in 10 s
    first.release(permit, 0, None)
    await first.acquire(2000)
    assert ticks.at == pytest.approx(10.0 + SPARE_S)
    await first.acquire(500)
    assert ticks.at == pytest.approx(15.0 + SPARE_S, abs=0.01)


async def wave(pacer: Pacer, latency_s: float) -> None:
    """Fill the window with more waiting, then end all of it."""
    permits = [await pacer.acquire(1) for _ in range(int(pacer.window.size))]
    waiting = asyncio.ensure_future(pacer.acquire(1))
    await asyncio.sleep(0)
    for permit in permits:
        pacer.release(permit, 1, latency_s)
    pacer.release(await waiting, 1, None)


async def test_window_grows_and_shrinks(first):
    """Quick replies widen a window that calls wait for, slow ones narrow it, never below where it began."""
    sizes = []
    for _ in range(4):
        await wave(first, 0.1)
        sizes.append(first.window.size)
    assert sizes == [8, 16, 32, 64]
    for _ in range(10):
        await wave(first, 1.0)
    assert first.window.size < 40
    for _ in range(20):
        permit = await first.acquire(1)
        first.release(permit, 1, 0.1)
    assert first.window.size < 40


async def test_failures_do_not_shrink_the_pace(ticks, first):
    """Calls that end without an answer leave window and tokens as they were."""
    permit = await first.acquire(100)
    first.learn(headers(5900), permit)
    first.release(permit, 0, None)
    for _ in range(100):
        first.release(await first.acquire(5900), 0, None)
    assert (first.window.size, ticks.waits) == (FEW, [])


async def test_a_sleep_that_raises_ends_the_acquire():
    """The reason to stop goes through, and the next caller is not locked out."""

    async def stop(wait_s):
        raise KeyError("stop")

    first = Pacer(sleep=stop)
    first.hold(10)
    for _ in range(2):
        with pytest.raises(KeyError):
            await first.acquire(1)


async def test_first_of():
    """The first to end decides; the others are cancelled."""
    ended = asyncio.Event()

    async def slow():
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    await first_of(slow(), asyncio.sleep(0.001))
    await asyncio.sleep(0)
    assert ended.is_set()
    await asyncio.wait_for(ended.wait(), 5)


class Provider:
    """A provider of `latency_s` with limits, in virtual time; what it refused and served."""

    def __init__(self, used: tuple[int, int] = (100, 500), latency_s: float = 0.3, **limits: int) -> None:
        self.now = asyncio.get_running_loop().time
        self.limiter = Limiter("m", self.now, **limits)
        self.refused, self.served, self.random = 0, [], random.Random(1)
        self.used, self.latency_s = used, latency_s

    async def call(self, pacer: Pacer, reserved: int) -> None:
        while True:
            permit = await pacer.acquire(reserved)
            await asyncio.sleep(0.01)
            refusal = self.limiter.admit(reserved)
            if not refusal:
                break
            self.refused += 1
            pacer.refused(refusal.body["error"]["message"], refusal.retry_after, permit)
            pacer.release(permit, 0, None)
        said, used = self.limiter.headers(), self.random.randint(*self.used)
        await asyncio.sleep(self.latency_s)
        self.limiter.give_back(reserved - used)
        self.served.append((self.now(), used))
        pacer.learn(said, permit)
        pacer.release(permit, used, self.latency_s)


async def race(calls: int, reserved: int, **options):
    """`calls` through a new pacer; (provider, pacer)."""
    provider = Provider(**options)
    pacer = Pacer(clock=provider.now, sleep=asyncio.sleep)
    await asyncio.gather(*(provider.call(pacer, reserved) for _ in range(calls)))
    return provider, pacer


def test_full_use_of_requests_per_minute():
    """1,200 a minute, announced only by a 429: at least 97 % used after 5 s, few refused."""
    provider, pacer = simulate(race(1000, 10, rpm=1200, burst=20))
    late = [at for at, _ in provider.served if at > 5]
    assert pacer.limits["RPM"] == 1200
    assert len(late) / ((late[-1] - 5) * 20) >= 0.97
    assert provider.refused <= 30


@pytest.mark.parametrize(("calls", "rpm"), [(300, 600), (400, 1200)])
def test_few_are_sent_before_a_refusal_is_heard(calls, rpm):
    """While it is found out how many may go, at most 1 % of the calls are refused."""
    provider, _ = simulate(race(calls, 10, rpm=rpm, burst=rpm // 60))
    assert provider.refused <= calls / 100


def test_full_use_of_tokens_per_minute():
    """60,000 tokens a minute, each call reserving far more than it uses: at least 97 % used, 1 % refused."""
    provider, pacer = simulate(race(1500, 2300, tpm=60_000))
    late = [(at, used) for at, used in provider.served if at > 60]
    assert pacer.limits["TPM"] == 60_000
    assert sum(used for _, used in late) / ((late[-1][0] - 60) * 1000) >= 0.97
    assert provider.refused <= 15


async def shared_race(calls: tuple[int, ...], reserved: int, **options: int) -> Provider:
    """As many processes under one key as `calls` has numbers, each with so many to make."""
    provider, asking = Provider(**options), set(range(len(calls)))

    async def process(number: int) -> None:
        pacer = Pacer(sharers=lambda: max(1, len(asking)), clock=provider.now, sleep=asyncio.sleep)
        await asyncio.gather(*(provider.call(pacer, reserved) for _ in range(calls[number])))
        asking.remove(number)

    await asyncio.gather(*map(process, sorted(asking)))
    return provider


@pytest.mark.parametrize("calls", [(375, 375, 375, 375), (1200, 300)])
def test_processes_share_tokens_per_minute(calls):
    """Each takes its part, and all of the limit is used, also by one that is left alone; 1 % are refused."""
    provider = simulate(shared_race(calls, 2300, tpm=60_000))
    late = [(at, used) for at, used in provider.served if at > 60]
    assert sum(used for _, used in late) / ((late[-1][0] - 60) * 1000) >= 0.95
    assert provider.refused <= 15


def test_processes_share_requests_per_minute():
    """1,200 a minute of two processes: no more is refused than of one, and 97 % is used."""
    provider = simulate(shared_race((500, 500), 10, rpm=1200, burst=20))
    late = [at for at, _ in provider.served if at > 5]
    assert len(late) / ((late[-1] - 5) * 20) >= 0.97
    assert provider.refused <= 30


def test_who_shares(tmp_path):
    """A file each, that names no key; one that has left or died is counted no more, another model never."""
    now = 0.0
    ours, other, third = (Sharers("http://p", "gsk_secret", "m", tmp_path, n) for n in range(3))
    stranger = Sharers("http://p", "gsk_secret", "n", tmp_path, 4)
    assert [one(lambda: now) for one in (stranger, ours, other, third, ours)] == [1, 1, 2, 3, 1]
    now = EVERY_S
    assert ours(lambda: now) == 3
    other.leave()
    died = next(tmp_path.glob("*-2"))
    os.utime(died, (0, time.time() - 2 * GONE_S))
    now = 2 * EVERY_S
    assert ours(lambda: now) == 1
    assert not [file for file in tmp_path.iterdir() if "secret" in file.name or file.stat().st_size]


def test_nowhere_to_tell(tmp_path):
    """Where no file can be written a process takes itself to be alone."""
    assert Sharers("http://p", "k", "m", tmp_path / "none", 1)() == 1


def test_small_free_limit_is_not_starved():
    """8,000 tokens a minute with 2,500 reserved and 300 used: the rest of each call is used by others."""
    provider, _ = simulate(race(200, 2500, used=(300, 300), tpm=8000))
    late = [at for at, _ in provider.served if at > 60]
    assert len(late) * 300 / ((late[-1] - 60) * 8000 / 60) >= 0.9
    assert provider.refused <= 5  # of the first eight, before any limit is known


def test_unlimited_provider_is_not_held():
    """Without limits 1,000 calls of 0.3 s are over soon: the window doubles with every wave."""
    provider, pacer = simulate(race(1000, 10))
    assert provider.served[-1][0] < 4.0
    assert pacer.window.size > 100


@pytest.mark.parametrize(
    "latency_s",
    [lambda draw: 2.0 * draw.lognormvariate(0, 0.8), lambda draw: 0.06 if draw.random() < 0.15 else 1.5],
    ids=["long-tailed", "cached or not"],
)
def test_uneven_answers_are_no_queue(latency_s):
    """Answers of very different length leave the window open: each slow one beside a quick one is no sign."""

    async def calls():
        draw, pacer = random.Random(1), Pacer(clock=asyncio.get_running_loop().time, sleep=asyncio.sleep)

        async def call():
            permit = await pacer.acquire(1)
            took_s = latency_s(draw)
            await asyncio.sleep(took_s)
            pacer.release(permit, 1, took_s)

        await asyncio.gather(*(call() for _ in range(3000)))
        return pacer.window

    assert simulate(calls()).size > 150


class Slots:
    """Serves `slots` calls at a time, each for `each_s`, and goes on when nobody waits for it any more."""

    def __init__(self, slots: int, each_s: float, most: int = 0) -> None:
        self.now = asyncio.get_running_loop().time
        self.pacer = Pacer(most=most, clock=self.now, sleep=asyncio.sleep)
        self.slots, self.each_s, self.sent, self.largest = asyncio.Semaphore(slots), each_s, 0, 0.0

    async def serve(self) -> None:
        async with self.slots:
            await asyncio.sleep(self.each_s)

    async def call(self) -> None:
        while True:
            permit, began = await self.pacer.acquire(1), self.now()
            self.sent += 1
            served = asyncio.ensure_future(self.serve())
            await asyncio.wait([served], timeout=self.pacer.window.timeout_s)
            self.largest = max(self.largest, self.pacer.window.size)
            if served.done():
                return self.pacer.release(permit, 1, self.now() - began)
            self.pacer.window.timed_out(permit.at)
            self.pacer.release(permit, None, None)


@pytest.mark.parametrize(
    ("slots", "each_s", "calls", "longest_s", "lost"),
    [(2, 3, 40, 60, 0), (2, 3, 400, 600, 0), (1, 60, 40, 2800, 6)],
)
def test_a_slow_server_is_kept_busy_and_not_buried(slots, each_s, calls, longest_s, lost):
    """A few at a time, seconds each: all are answered in about the time that it needs, hardly any in vain."""

    async def ask():
        server = Slots(slots, each_s)
        await asyncio.gather(*(server.call() for _ in range(calls)))
        assert server.sent <= calls + lost
        assert server.largest <= 64
        return server.now()

    assert calls * each_s / slots <= simulate(ask()) <= longest_s


def test_too_many_at_once_by_the_users_own_word():
    """Fifty at a server that serves one at a time, and also what nobody waits for: it gets through."""

    async def ask():
        server = Slots(1, 20, most=50)
        await asyncio.gather(*(server.call() for _ in range(40)))
        return server.now(), server.pacer.window.size

    took_s, size = simulate(ask())
    assert took_s < 4000
    assert size < 25


def test_timeouts():
    """Two minutes while nothing is known; then as long as replies take, never under half a minute."""
    window = Window(256, FEW, lambda: 0.0)
    assert window.timeout_s == FIRST_TIMEOUT_S == 120
    for latency_s, timeout_s in ((2.0, 30.0), (10.0, 60.0), (1.0, 60.0), (500.0, 600.0)):
        window.leave(window.enter(spaced=True), latency_s)
        assert window.timeout_s == timeout_s
    short = Window(256, FEW, lambda: 0.0, longest_s=5.0)
    assert short.timeout_s == 5.0


def test_timeouts_shrink_the_window_once_a_flight():
    """Replies that do not come narrow it and are waited for longer; one lost among quick ones does not."""
    now = 0.0
    window = Window(256, 64, lambda: now)
    for _ in range(8):
        window.enter(spaced=True)
    now = 120.0
    for _ in range(8):
        window.timed_out(sent_at=0.0)
    assert (window.size, window.timeout_s) == (pytest.approx(64 * 0.7), 240.0)
    window.timed_out(sent_at=121.0)
    assert (window.size, window.timeout_s) == (pytest.approx(64 * 0.49), 480.0)
    window.leave(1, 1.0)
    assert window.timeout_s == 30.0
    now = 152.0
    window.timed_out(sent_at=122.0)
    assert window.size == pytest.approx(64 * 0.49)
    window.timed_out(sent_at=122.0)  # and nothing between the two
    assert window.size == pytest.approx(64 * 0.343)


def test_refusals_that_name_no_limit_shrink_the_window_once_a_flight():
    """Eight refusals of calls that went together are one word."""
    window = Window(256, 8, lambda: 1.0)
    for _ in range(8):
        window.enter(spaced=True)
    for _ in range(8):
        window.shrink(sent_at=0.0)
    assert window.size == pytest.approx(5.6)
