"""Mapping agents over items, over real HTTP: order, the journal, resuming, repairs."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from benchkit.agent import Item
from benchkit.errors import LimitStop, RunError, UsageError
from benchkit.llm.client import Client, connect
from benchkit.offline.server import OfflineServer
from benchkit.offline.world.models import ROSTER
from benchkit.run.lock import claim

from .talking import HASTY, STEADY, Run, at, client, critic, executor, items

FAITHFUL = replace(ROSTER[STEADY], id="offline/faithful", broken_json=0.0, refusal=0.0, schema_violation=0.0)
CLUMSY = replace(FAITHFUL, id="offline/clumsy", broken_json=0.5)
MODELS = (FAITHFUL, CLUMSY)


@pytest.fixture
def server(monkeypatch):
    with OfflineServer(latency_ms=0, record=True, models=MODELS) as server:
        at(server, monkeypatch)
        yield server


def agent(**options):
    return executor("offline/faithful", **options)


def rows(path, query):
    with sqlite3.connect(path / "calls.sqlite") as db:
        return db.execute(query).fetchall()


async def test_replies_in_the_items_order(server, tmp_path):
    """Whatever order replies arrive in, they come back in the items' order, with all that is known."""
    order = [Item(f"c{i}", "x" * (i % 7) * 50 + f" order {i}") for i in range(20)]
    replies = await client(tmp_path).map(agent(), order)
    keys = [agent(reasoning_effort="").call(item, 7).key for item in order]
    assert [reply.key for reply in replies] == keys
    first = replies[0]
    assert (first.status, first.attempts, first.waited_s) == ("answered", 1, 0.0)
    assert json.loads(first.text) == first.arguments
    assert first.cost_usd == pytest.approx((first.prompt_tokens * 0.15 + first.completion_tokens * 0.6) / 1e6)
    assert 0 < first.latency_s < 10
    assert first.fingerprint == "offline_7"
    assert first.request_id.startswith("req_")


async def test_no_items(server, tmp_path):
    """Nothing to do asks nothing, and needs no key."""
    assert await client(tmp_path).map(agent(), []) == []
    assert await client(tmp_path).map_all([]) == []
    assert server.requests == []


async def test_what_is_sent(server, tmp_path):
    """One tool, forced; an explicit token limit and seed; a seed of its own for each round."""
    order = [Item("c", "hello", round=1), Item("c", "hello", round=2)]
    await client(tmp_path, cap=1).map(agent(temperature=0.3, max_tokens=99), order)
    for body, seed in zip(server.requests, (8, 9), strict=True):
        assert (body["seed"], body["max_tokens"], body["temperature"]) == (seed, 99, 0.3)
        assert body["tool_choice"]["function"]["name"] == body["tools"][0]["function"]["name"]
        assert [message["role"] for message in body["messages"]] == ["system", "user"]


async def test_all_models_at_once(monkeypatch, tmp_path):
    """The calls of all models and agents overlap: no reply comes until both are asked."""
    with OfflineServer(latency_ms=0) as server:
        at(server, monkeypatch)
        admitted, both, asked_now = server.handlers._admitted, asyncio.Event(), Counter[str]()

        async def held(asked):
            asked_now[asked.model.id] += 1
            if asked_now.total() > asked_now[asked.model.id] > 0:
                both.set()
            try:
                async with asyncio.timeout(60):
                    await both.wait()
            finally:
                asked_now[asked.model.id] -= 1
            return await admitted(asked)

        monkeypatch.setattr(server.handlers, "_admitted", held)
        work = [(executor(STEADY), items(16)), (executor(HASTY), items(16))]
        await client(tmp_path).map_all(work)
        assert both.is_set()


async def test_a_cap_holds(monkeypatch, tmp_path):
    """`max_concurrency` is for all models together."""
    with OfflineServer(latency_ms=5) as server:
        at(server, monkeypatch)
        await client(tmp_path, cap=3).map_all([(executor(STEADY), items(15)), (executor(HASTY), items(15))])
        assert 1 < server.handlers.peak_in_flight <= 3


@pytest.mark.parametrize(
    ("name", "value"),
    [("max_concurrency", -1), ("max_concurrency", 1.5), ("timeout_s", float("nan")), ("timeout_s", 90_000)],
)
def test_unusable_paces(tmp_path, name, value):
    """No whole number of calls from 0 up, no number of seconds, or longer than a day: refused by name."""
    with pytest.raises(UsageError, match=name):
        connect(Run(tmp_path), **{name: value})


@pytest.mark.parametrize(
    ("given", "own", "expected"),
    [((2, 30.0), (0, 0), (2, 30)), ((2, 30.0), (5, 9), (5, 9)), ((0, 0), (0, 0), (0, 600))],
)
def test_the_pace_of_the_whole_run(tmp_path, given, own, expected):
    """What 01 gives holds in every notebook, unless 03 gives something of its own."""
    run = Run(tmp_path, parameters=dict(zip(("max_concurrency", "timeout_s"), given, strict=True)))
    one = connect(run, *own)
    assert (one._cap, one.provider.timeout_s) == expected


async def test_in_the_journal_before_it_is_seen(server, tmp_path, monkeypatch):
    """A reply that cannot be written is not handed out: the run stops and says so."""
    handed = []
    settle = Client._settle

    async def spy(self, job, call, slots):
        handed.append(await settle(self, job, call, slots))
        return handed[-1]

    monkeypatch.setattr(Client, "_settle", spy)
    one = client(tmp_path, cap=4)
    async with one:
        await one.map(agent(), items(3))
        one._sender.journal._db.execute("PRAGMA query_only = 1")
        with pytest.raises(RunError, match="cannot be written"):
            await one.map(agent(), items(40))
    assert len(handed) == 3
    assert server.counts["served"] <= 3 + 4
    replies = await client(tmp_path).map(agent(), items(40))
    assert all(reply.status == "answered" for reply in replies)
    assert server.counts["served_again"] <= 4


async def test_resuming_asks_for_what_is_missing(server, tmp_path):
    """What is on record is not asked again; more items ask for just those; the replies are the same."""
    first = await client(tmp_path).map(agent(), items(10))
    assert len(server.requests) == 10
    assert await client(tmp_path).map(agent(), items(10)) == first
    assert len(server.requests) == 10
    assert (await client(tmp_path).map(agent(), items(15)))[:10] == first
    assert len(server.requests) == 15


async def test_two_clients_of_a_run(server, tmp_path):
    """Each would count alone against the ceilings, and let go of the run with the other at work."""
    async with client(tmp_path):
        with pytest.raises(RunError, match="in use by another client here"):
            await client(tmp_path).map(agent(), items(3))
    assert len(await client(tmp_path).map(agent(), items(3))) == 3


LOOKS = """
import sys
from pathlib import Path
from tests.talking import client, items
from tests.test_client import agent

print(sum(map(bool, client(Path(sys.argv[1])).on_record([(agent(), items(9))])[0])))
"""


async def test_looking_at_a_run_that_is_going(server, tmp_path):
    """To look at the record in the process that writes it lets go of nothing: the log stays its own."""
    async with client(tmp_path) as one:
        await one.map(agent(), items(3))
        assert one.estimates([(agent(), items(9))])[0].recorded == 3
        assert one.on_record([(agent(), items(9))])[0][3:] == [None] * 6
        command = [sys.executable, "-c", LOOKS, str(tmp_path)]
        other = subprocess.run(command, cwd=Path(__file__).parents[1], capture_output=True, text=True)
        assert (other.stdout, other.returncode) == ("3\n", 0)
        assert (tmp_path / "calls.sqlite-wal").stat().st_size
        await one.map(agent(), items(9))
    assert None not in client(tmp_path).on_record([(agent(), items(9))])[0]


async def test_the_same_call_twice(server, tmp_path):
    """Two items or jobs that hold the same call ask it once and all have its reply."""
    async with client(tmp_path) as one:
        first, second = await one.map_all([(agent(), items(30)), (agent(), items(20) + items(3))])
        assert first[:20] + first[:3] == second
        assert len(server.requests) == 30


async def test_a_stop_is_of_its_own_map(monkeypatch, tmp_path):
    """What stopped one map of an open client is no reason for the next, nor for one of other models."""
    with OfflineServer(latency_ms=0, limits={"offline/faithful": {"rpd": 3}}, models=MODELS) as server:
        at(server, monkeypatch)
        async with client(tmp_path) as one:
            with pytest.raises(LimitStop):
                await one.map(agent(), items(12))
            assert len(await one.map(executor("offline/clumsy"), items(5))) == 5
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(one.map(executor("offline/clumsy"), items(3000)), 0.2)
            assert len(await one.map(executor("offline/clumsy"), items(5))) == 5


async def test_a_finished_run_needs_no_provider(server, tmp_path, monkeypatch):
    """When nothing is missing, neither key nor network is needed, repairs included."""
    work = [(agent(), items(5)), (critic("offline/clumsy"), items(20))]
    first = await client(tmp_path).map_all(work)
    asked = len(server.requests)
    assert asked > 25
    monkeypatch.delenv("GROQ_API_KEY")
    assert await client(tmp_path).map_all(work) == first
    assert client(tmp_path).on_record(work) == first
    assert len(server.requests) == asked


async def test_what_changes_an_answer_is_asked_again(server, tmp_path):
    """Another temperature, prompt, round or model is another call; the old ones stay on record."""
    for changed in (agent(), agent(temperature=0.1), replace(agent(), system_prompt="x"), executor(STEADY)):
        await client(tmp_path).map(changed, items(2))
    await client(tmp_path).map(agent(), [replace(item, round=2) for item in items(2)])
    assert len(server.requests) == 10
    await client(tmp_path).map(agent(), items(2))
    assert len(server.requests) == 10


async def test_again_and_again(server, tmp_path):
    """A client can be entered again after closing, and inside itself."""
    one = client(tmp_path)
    for count in (2, 4):
        async with one, one:
            assert len(await one.map(agent(), items(count))) == count
        with claim(tmp_path):
            assert one._depth == 0
    assert len(server.requests) == 4


async def test_failing_to_open_lets_go(tmp_path, monkeypatch):
    """When the journal cannot be opened, the run is free again for others."""
    (tmp_path / "calls.sqlite").mkdir()
    one = client(tmp_path)
    with pytest.raises(RunError, match="cannot be used as the journal"):
        await one.map(agent(), items(1))
    assert not (tmp_path / ".owner.json").exists()
    (tmp_path / "calls.sqlite").rmdir()
    with OfflineServer(latency_ms=0, models=MODELS) as server:
        at(server, monkeypatch)
        assert len(await one.map(agent(), items(1))) == 1


async def test_repairs_for_strict_agents(server, tmp_path):
    """A strict agent's unusable reply is asked once more with the error; both are on record."""
    await client(tmp_path).map(critic("offline/clumsy"), items(20))
    repairs = [body for body in server.requests if len(body["messages"]) > 2]
    assert 3 < len(repairs) < 17
    for body in repairs:
        assert [message["role"] for message in body["messages"]] == ["system", "user", "assistant", "user"]
        assert body["messages"][3]["content"].startswith("Your last reply could not be used:")
    assert len(server.requests) == 20 + len(repairs)
    assert rows(tmp_path, "SELECT count(*) FROM calls WHERE status = 'malformed'")[0][0] >= len(repairs)


async def test_a_repair_that_is_missing_is_made_up_for(server, tmp_path):
    """Where only the unusable reply is on record, a resume asks for the repair and nothing else."""
    judge = critic("offline/clumsy")
    first = await client(tmp_path).map(judge, items(20))
    repairs = sum(len(body["messages"]) > 2 for body in server.requests)
    with sqlite3.connect(tmp_path / "calls.sqlite") as db:
        db.execute(
            "DELETE FROM calls WHERE input IN (SELECT digest FROM inputs WHERE body LIKE '%Your last%')"
        )
    server.requests.clear()
    again = await client(tmp_path).map(judge, items(20))
    assert [len(body["messages"]) for body in server.requests] == [4] * repairs
    assert [reply.text for reply in again] == [reply.text for reply in first]


async def test_no_repairs_for_models_under_test(server, tmp_path):
    """What a model under test sent is its answer: nothing is asked twice, the raw text is kept."""
    replies = await client(tmp_path).map(executor("offline/clumsy"), items(40))
    assert len(server.requests) == 40
    bad = [reply for reply in replies if reply.status == "malformed"]
    assert 10 < len(bad) < 30
    assert all(reply.arguments is None and reply.error and reply.attempts == 1 for reply in bad)
    assert sum(bool(reply.text) for reply in bad) > len(bad) / 2
    assert all(reply.latency_s is not None for reply in bad)


async def test_huge_and_odd_text(server, tmp_path):
    """A 100 KB prompt, half characters, NULs and markup go all the way and come back on record."""
    odd = ["word " * 20_000, "half \ud83d", "nul \x00", "<script>alert(1)</script>", "=cmd()", "😀\u2028", ""]
    order = [Item(f"c{i}\ud83d", text) for i, text in enumerate(odd)]
    replies = await client(tmp_path).map(agent(), order)
    assert {reply.status for reply in replies} == {"answered"}
    sent = {body["messages"][1]["content"] for body in server.requests}
    assert sent == {text.replace("\ud83d", "?") for text in odd}
    assert await client(tmp_path).map(agent(), order) == replies


async def test_our_own_server_is_known(tmp_path, monkeypatch):
    """The embedded provider has no limits to be found out: many calls go at once, in every session."""
    for start in (0, 60):
        one = connect(Run(tmp_path, "offline"))
        async with one:
            assert one._sender.pacer(STEADY).window.size == 64
            await one.map(executor(STEADY), items(2, start=start))
