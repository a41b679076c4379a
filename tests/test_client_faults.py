"""A hostile provider, over real HTTP: every case ends answered, or the run stops with a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchkit.errors import LimitStop, ProviderError
from benchkit.offline.server import OfflineServer
from benchkit.offline.server.contract import tool_use_failed
from benchkit.offline.server.faults import NAMES

from .talking import Ticks, at, client, critic, executor, items
from .test_client import MODELS, agent, rows


def offline(monkeypatch, **options) -> OfflineServer:
    server = OfflineServer(**{"latency_ms": 0, "record": True, "models": MODELS} | options).start()
    at(server, monkeypatch)
    return server


@pytest.mark.parametrize("fault", [name for name in NAMES if name not in ("tool_use_failed", "hang")])
async def test_every_fault_is_mended(monkeypatch, tmp_path, fault):
    """Whatever goes wrong with every second request, each call ends answered, its attempts counted."""
    ticks = Ticks()
    with offline(monkeypatch, faults={fault: 0.4}, drip_s=0.02) as server:
        replies = await client(tmp_path, ticks).map(agent(), items(12))
        assert [reply.status for reply in replies] == ["answered"] * 12
        assert sum(reply.attempts for reply in replies) == len(server.requests)
        assert (len(server.requests) > 12) == (fault != "drip")
        assert sum(reply.waited_s for reply in replies) == pytest.approx(sum(ticks.waits), abs=0.1)


async def test_hanging(monkeypatch, tmp_path):
    """A reply that never comes is given up after the timeout and asked again."""
    ticks = Ticks()
    with offline(monkeypatch, faults={"hang": 0.4}):
        one = client(tmp_path, ticks)
        one.provider.timeout_s = 1.0
        replies = await one.map(agent(), items(12))
        assert {reply.status for reply in replies} == {"answered"}
        assert sum(reply.attempts for reply in replies) > 12


async def test_a_drip_without_end(monkeypatch, tmp_path):
    """A body that comes too slowly to ever end is given up as well, and recorded as failed."""
    with offline(monkeypatch, faults={"drip": 1.0}, drip_s=4.0):
        one = client(tmp_path)
        one.provider.timeout_s = 0.3
        (reply,) = await one.map(agent(), items(1))
    assert (reply.status, reply.attempts) == ("failed", 4)
    assert "timed out" in reply.error.lower()


async def test_failed_calls_are_recorded_and_asked_again(monkeypatch, tmp_path):
    """Four attempts, then `failed` with the reason; a resume asks again, and the attempts add up."""
    with offline(monkeypatch, faults={"503_text": 1.0}) as server:
        replies = await client(tmp_path).map(agent(), items(3))
        assert [(r.status, r.attempts, r.arguments, r.cost_usd) for r in replies] == [
            ("failed", 4, None, None)
        ] * 3
        assert "upstream connect error" in replies[0].error
        assert len(server.requests) == 12
    with offline(monkeypatch) as server:
        replies = await client(tmp_path).map(agent(), items(4))
        assert {reply.status for reply in replies} == {"answered"}
        assert len(server.requests) == 4
    assert rows(tmp_path, "SELECT status, sent FROM calls ORDER BY \"case\"") == [("answered", 5)] * 3 + [
        ("answered", 1)
    ]  # fmt: skip


async def test_a_few_failed_calls_are_asked_once_more(monkeypatch, tmp_path):
    """Where most calls were answered, those that failed get another four attempts before the map ends."""
    with offline(monkeypatch, faults={"500": 0.6}) as server:
        replies = await client(tmp_path).map(agent(), items(40))
        assert {reply.status for reply in replies} == {"answered"}
        assert max(rows(tmp_path, "SELECT sent FROM calls"))[0] > 4
        assert sum(sent for (sent,) in rows(tmp_path, "SELECT sent FROM calls")) == len(server.requests)


async def test_a_call_that_is_too_large(monkeypatch, tmp_path):
    """A 413 is a failure of ours, recorded, and not asked again as it stands."""
    ticks = Ticks()
    with offline(monkeypatch, tpm=1000) as server:
        replies = await client(tmp_path, ticks).map(agent(max_tokens=3000), items(2))
        assert [(reply.status, reply.attempts) for reply in replies] == [("failed", 1)] * 2
        assert "Request too large" in replies[0].error
        assert server.counts["refused_413"] == 2
        assert ticks.waits == []


@pytest.mark.parametrize("form", [0, 5])
async def test_tool_use_failed(monkeypatch, tmp_path, form):
    """In each of its forms it is the model's own answer: malformed, the raw text kept, not asked again."""
    monkeypatch.setattr(
        "benchkit.offline.server.contract.tool_use_failed",
        lambda draft: tool_use_failed(replace(draft, invalid=form + 1)),
    )
    with offline(monkeypatch, faults={"tool_use_failed": 1.0}) as server:
        (reply,) = await client(tmp_path).map(agent(), items(1))
        assert (reply.status, reply.arguments, reply.attempts) == ("malformed", None, 1)
        assert reply.error
        assert reply.latency_s is not None
        assert reply.request_id.startswith("req_")
        assert len(server.requests) == 1
        assert bool(reply.text) or form == 5
        (again,) = await client(tmp_path).map(agent(), items(1))
        assert again == reply
        assert len(server.requests) == 1


async def test_tool_use_failed_for_a_strict_agent(monkeypatch, tmp_path):
    """The generator, the validator and the report agent are asked once more, and only once."""
    with offline(monkeypatch, faults={"tool_use_failed": 1.0}) as server:
        (reply,) = await client(tmp_path).map(critic("offline/faithful"), items(1))
        assert reply.status == "malformed"
        assert [len(body["messages"]) for body in server.requests] == [2, 4]
        assert (await client(tmp_path).map(critic("offline/faithful"), items(1))) == [reply]
        assert len(server.requests) == 2


@pytest.mark.parametrize("limit", [{"rpd": 5}, {"tpd": 3_000}])
async def test_daily_limit(monkeypatch, tmp_path, limit):
    """A daily limit stops the run with the time at which to go on; what arrived is kept and it resumes."""
    with offline(monkeypatch, **limit) as server:
        with pytest.raises(LimitStop, match=r"cannot be waited out.*run again after 20\d\d-.* UTC") as raised:
            await client(tmp_path).map(agent(), items(12))
        assert raised.value.exit_code == 3
        served = server.counts["served"]
        assert rows(tmp_path, "SELECT count(*) FROM calls") == [(served,)]
        assert 1 <= served <= 5
    with offline(monkeypatch) as server:
        assert len(await client(tmp_path).map(agent(), items(12))) == 12
        assert len(server.requests) == 12 - served


async def test_one_models_daily_limit_stops_no_other(monkeypatch, tmp_path):
    """The other model is asked to its end before the run stops; nothing of it is left for the resume."""
    with offline(monkeypatch, limits={"offline/faithful": {"rpd": 3}}) as server:
        work = [(agent(), items(12)), (executor("offline/twin"), items(40))]
        with pytest.raises(LimitStop, match=r"^offline/faithful has reached a limit"):
            await client(tmp_path).map_all(work)
        asked = "SELECT count(*) FROM calls WHERE status != 'failed' AND model = 'offline/twin'"
        assert rows(tmp_path, asked) == [(40,)]
        assert server.counts["refused_429:offline/faithful"] <= 12 - 3  # none of them is asked again


async def test_minutes_are_each_models_own(monkeypatch, tmp_path):
    """A model that has to wait for longer than there is left keeps no other from using the minutes."""
    ticks = Ticks()
    with offline(monkeypatch, limits={"offline/faithful": {"rpm": 1, "burst": 1}}, clock=ticks.now):
        one = client(tmp_path, ticks, max_minutes=0.5)
        one.budget.clock = ticks.now
        with pytest.raises(LimitStop, match=r"max_minutes = 0\.5 minutes: .* the next wait is"):
            await one.map_all([(agent(), items(5)), (executor("offline/twin"), items(60))])
        asked = "SELECT count(*) FROM calls WHERE status != 'failed' AND model = 'offline/twin'"
        assert rows(tmp_path, asked) == [(60,)]


async def test_refusals_without_end(monkeypatch, tmp_path):
    """A model that refuses every call for a second more, over and over, stops the run after a while."""
    ticks = Ticks()
    with offline(monkeypatch, rpm=1, burst=1, clock=lambda: 0.0) as server:
        with pytest.raises(LimitStop, match=r"cannot be waited out here.*run again after"):
            await client(tmp_path, ticks).map(agent(), items(3))
        assert server.counts["served"] == 1
        assert 900 < ticks.at < 2000
        assert len(server.requests) < 60


async def test_a_key_that_dies(monkeypatch, tmp_path):
    """A key that stops working ends the run at once; with a good one it goes on where it was."""
    with offline(monkeypatch, key_dies_after=6) as server:
        with pytest.raises(ProviderError, match=r"refused the key \(401: .*run again; what is paid for"):
            await client(tmp_path, cap=4).map(agent(), items(30))
        served = server.counts["served"]
        assert 6 <= served <= 10
        assert len(server.requests) == served
        assert rows(tmp_path, "SELECT count(*) FROM calls WHERE status = 'answered'") == [(served,)]
    with offline(monkeypatch) as server:
        replies = await client(tmp_path).map(agent(), items(30))
        assert {reply.status for reply in replies} == {"answered"}
        assert len(server.requests) == 30 - served


async def test_a_model_that_is_retired(monkeypatch, tmp_path):
    """A model that is switched off midway stops the run and is named; what arrived is kept."""
    with offline(monkeypatch, retire_after={"offline/faithful": 5}) as server:
        with pytest.raises(ProviderError, match=r"offline/faithful is served no longer .*decommissioned"):
            await client(tmp_path, cap=2).map(agent(), items(20))
        served = server.counts["served"]
        assert rows(tmp_path, "SELECT count(*) FROM calls WHERE status = 'answered'") == [(served,)]
        with pytest.raises(ProviderError, match="does not serve a model 'offline/faithful'"):
            await client(tmp_path).map(agent(), items(20))
        assert len(await client(tmp_path).map(agent(), [])) == 0


async def test_nothing_is_paid_for_an_unknown_model(monkeypatch, tmp_path):
    """One model of two that is not served: nothing is asked of the other either."""
    with offline(monkeypatch) as server:
        with pytest.raises(ProviderError, match=r"mixtral-8x7b-32768 was retired .* use openai/gpt-oss-120b"):
            await client(tmp_path).map_all([(agent(), items(2)), (executor("mixtral-8x7b-32768"), items(2))])
        assert server.requests == []
