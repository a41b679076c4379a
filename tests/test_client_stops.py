"""Ends before the end: ceilings, cancelling, crashes, bugs. What arrived is kept, the rest is asked later."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from benchkit.errors import BudgetStop, ProviderError, RunError, UsageError
from benchkit.llm.catalog import Model
from benchkit.llm.journal import OPEN, Journal
from benchkit.llm.sender import Sender
from benchkit.offline.server import OfflineServer

from .talking import KEY, at, client, executor, items
from .test_client import MODELS, agent, rows, server

__all__ = ["server"]  # a fixture


async def test_calls_ceiling(server, tmp_path):
    """`max_calls` holds over sessions, with all in flight at once, and raising it continues."""
    for ceiling in (5, 12):
        for _ in range(2):
            with pytest.raises(BudgetStop, match=rf"max_calls = {ceiling} calls.*run again"):
                await client(tmp_path, max_calls=ceiling).map(agent(), items(20))
            assert len(server.requests) == ceiling
    assert rows(tmp_path, "SELECT count(*) FROM calls") == [(12,)]
    assert len(await client(tmp_path, max_calls=20).map(agent(), items(20))) == 20
    assert len(server.requests) == 20


async def test_retries_count_as_calls(monkeypatch, tmp_path):
    """Every request counts against `max_calls`, also those that failed."""
    with OfflineServer(latency_ms=0, record=True, models=MODELS, faults={"500": 1.0}) as server:
        at(server, monkeypatch)
        for _ in range(2):
            with pytest.raises(BudgetStop):
                await client(tmp_path, max_calls=9).map(agent(), items(5))
            assert len(server.requests) == 9


async def test_dollars_ceiling(server, tmp_path):
    """`max_cost_usd` is never passed, most of it is used, and a resume starts from what is spent."""
    price = 0.0015
    with pytest.raises(BudgetStop, match=r"max_cost_usd = \$0\.0033"):
        await client(tmp_path, max_cost_usd=0.0033).map(agent(), items(60))
    spent = rows(tmp_path, "SELECT sum(cost_usd) FROM calls")[0][0]
    assert 0.0033 - price < spent <= 0.0033
    asked = len(server.requests)
    with pytest.raises(BudgetStop):
        await client(tmp_path, max_cost_usd=0.0033).map(agent(), items(60))
    assert len(server.requests) == asked


async def test_dollars_ceiling_without_a_price(tmp_path, monkeypatch):
    """A ceiling in dollars cannot be held where a price is unknown: refused before anything is paid."""
    with OfflineServer(latency_ms=0) as server:
        at(server, monkeypatch)
        monkeypatch.setattr("benchkit.llm.catalog.listed", lambda row: Model(row["id"]))
        with pytest.raises(UsageError, match=r"max_cost_usd cannot be held: the price of offline/steady"):
            await client(tmp_path, max_cost_usd=1.0).map(executor(), items(1))
        assert server.counts["served"] == 0


async def test_minutes_ceiling(server, tmp_path):
    """`max_minutes` counts the sessions before; when they are used up nothing is sent."""
    Journal(tmp_path / "calls.sqlite", lambda: (0, 0.0, 61.0)).close()
    with pytest.raises(BudgetStop, match="max_minutes = 1 minutes"):
        await client(tmp_path, max_minutes=1).map(agent(), items(3))
    assert server.requests == []


async def test_a_ceiling_survives_a_crash(server, tmp_path, monkeypatch):
    """What was sent before a session died counts in the next, though its replies were never written."""

    async def lost(self, call, reply):
        await asyncio.sleep(3600)

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "record", lost)
        patch.setattr(Journal, "close", lambda self: OPEN.pop(self._name) and self._db.close())
        one = client(tmp_path, max_calls=6)
        task = asyncio.ensure_future(one.map(agent(), items(4)))
        while server.counts["served"] < 4:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    with pytest.raises(BudgetStop):
        await client(tmp_path, max_calls=6).map(agent(), items(4))
    assert len(server.requests) == 6


async def test_an_interrupt_while_nothing_happens(monkeypatch, tmp_path):
    """A kernel's handler does not wake the loop: it is woken, so that no wait outlasts an interrupt."""
    loop = asyncio.get_running_loop()
    with OfflineServer(latency_ms=0, faults={"hang": 1.0}, models=MODELS) as server:
        at(server, monkeypatch)
        task = asyncio.ensure_future(client(tmp_path).map(agent(), items(2)))
        before = signal.signal(signal.SIGINT, lambda *_: loop.call_soon(task.cancel))
        try:
            while server.handlers.in_flight < 2:
                await asyncio.sleep(0.005)
            interrupt = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
            interrupt.start()
            with pytest.raises(asyncio.CancelledError):
                await asyncio.wait_for(asyncio.shield(task), 30)
        finally:
            signal.signal(signal.SIGINT, before)
        assert task.cancelled()


async def test_a_bug_of_ours_stops_the_run(server, tmp_path, monkeypatch):
    """An error that nobody foresaw stops all workers instead of being paid for with every call."""

    async def broken(self, agent, call, hands):
        await ask(self, agent, call, hands)
        raise ZeroDivisionError("ours")

    ask = Sender.ask
    monkeypatch.setattr(Sender, "ask", broken)
    with pytest.raises(ZeroDivisionError):
        await client(tmp_path, cap=3).map(agent(), items(30))
    assert len(server.requests) <= 6
    assert rows(tmp_path, "SELECT count(*) FROM calls")[0][0] == len(server.requests)


async def test_key_is_nowhere(server, tmp_path, monkeypatch, caplog):
    """The key is in no file of the run and in no line of the log."""
    at(server, monkeypatch)
    server.handlers.key = KEY
    await client(tmp_path).map(agent(), items(3))
    server.handlers.key = "another"
    with pytest.raises(ProviderError) as raised:
        await client(tmp_path).map(agent(), items(6))
    assert KEY not in str(raised.value)
    assert KEY not in caplog.text
    assert not any(KEY.encode() in file.read_bytes() for file in tmp_path.iterdir())


KILLED = """
import asyncio, sys
from pathlib import Path
from tests.talking import client, items
from tests.test_client import agent

asyncio.run(client(Path(sys.argv[1]), cap=4).map(agent(), items(60)))
"""


async def test_killed(monkeypatch, tmp_path):
    """After `kill -9` nothing that was recorded is asked again: only what was in flight is paid twice."""
    with OfflineServer(latency_ms=20, models=MODELS) as server:
        at(server, monkeypatch)
        root = Path(__file__).parents[1]
        worker = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], cwd=root)
        while server.counts["served"] < 20:
            await asyncio.sleep(0.01)
            assert worker.poll() is None
        with pytest.raises(RunError, match=f"in use by process {worker.pid}"):
            await client(tmp_path).map(agent(), items(60))
        worker.kill()
        worker.wait()
        replies = await client(tmp_path).map(agent(), items(60))
        assert {reply.status for reply in replies} == {"answered"}
        assert server.counts["served_again"] <= 4
        assert server.counts["served"] == 60 + server.counts["served_again"]


async def test_a_journal_that_is_gone_is_said(server, tmp_path, caplog):
    """Whoever deleted calls.sqlite and kept the responses pays again, and is told."""
    (tmp_path / "offline__steady_all_responses.csv").write_text("id\n")
    await client(tmp_path).map(agent(), items(1))
    assert "responses but no calls.sqlite any more" in caplog.text
    caplog.clear()
    await client(tmp_path).map(agent(), items(1))
    assert "any more" not in caplog.text
