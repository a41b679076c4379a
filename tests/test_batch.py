"""The map by batches, over real HTTP against the offline provider."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

from benchkit.agent import Reply
from benchkit.errors import BudgetStop, ProviderError, WaitingForBatch
from benchkit.llm.call_error import status_error
from benchkit.llm.client import Client
from benchkit.llm.journal import Journal
from benchkit.offline import OfflineServer
from benchkit.offline.server.batches import FAULTS

from .talking import at, client, critic, executor, items


def batching(path: Path, **ceilings: Any) -> Client:
    made = client(path, **ceilings)
    made.execution = "batch"
    return made


def ask(path: Path, count: int = 9, agent: Any = None, **ceilings: Any) -> list[Reply]:
    return asyncio.run(batching(path, **ceilings).map(agent or executor(), items(count)))


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_mended(fault, tmp_path, monkeypatch):
    """Whatever befalls the trial and the first shard: every call is answered, none is paid for twice."""
    with OfflineServer(latency_ms=0, batch_faults=["", fault, fault]) as server:
        at(server, monkeypatch)
        replies = ask(tmp_path)
        if fault == "bad_line":  # refused as it stands, so ours to ask again, by a later run
            assert [reply.status for reply in replies].count("failed") == 1
            replies = [ask(tmp_path), ask(tmp_path)][-1]
        assert {reply.status for reply in replies} <= {"answered", "malformed"}
        assert (server.counts["served"], server.counts["served_again"]) == (9, 0)


def test_answers_are_those_of_the_ordinary_way_at_half_the_price(tmp_path, monkeypatch):
    """The same texts; half the cost; no latency, which would be no customer's."""
    with OfflineServer(latency_ms=0) as server:
        at(server, monkeypatch)
        halves = ask(tmp_path / "batch")
        whole = asyncio.run(client(tmp_path / "now").map(executor(), items(9)))
    assert [reply.text for reply in halves] == [reply.text for reply in whole]
    assert [reply.cost_usd for reply in halves] == [reply.cost_usd / 2 for reply in whole]
    assert {reply.latency_s for reply in halves} == {reply.queue_s for reply in halves} == {None}


def test_it_waits_and_then_goes_on(tmp_path, monkeypatch):
    """Exit code 6 while the trial, then the rest, is with the provider; the same call again collects."""
    now = [0.0]
    with OfflineServer(latency_ms=0, batch_s=60, clock=lambda: now[0]) as server:
        at(server, monkeypatch)
        for said in ("first line", "8 calls"):
            for _ in range(2):
                with pytest.raises(WaitingForBatch, match=said) as waiting:
                    ask(tmp_path)
            assert waiting.value.exit_code == 6
            now[0] += 60
        assert len(ask(tmp_path)) == 9
        assert (server.counts["batches"], server.counts["served"]) == (2, 9)


@pytest.mark.parametrize("step", ["upload", "create_batch", "mark"])
def test_a_process_that_dies_between_the_steps_pays_nothing_twice(step, tmp_path, monkeypatch):
    """Dead after the intent, after the upload, or after the batch was made and before its id was written."""

    class Died(BaseException):
        pass

    async def dies(*_: Any) -> Any:
        raise Died

    with OfflineServer(latency_ms=0) as server:
        at(server, monkeypatch)
        owner = Journal if step == "mark" else "benchkit.llm.groq.Transport"
        with monkeypatch.context() as patch:
            patch.setattr(*((owner, step, dies) if step == "mark" else (f"{owner}.{step}", dies)))
            with pytest.raises(Died):
                ask(tmp_path)
        assert len(ask(tmp_path)) == 9
        assert (server.counts["batches"], server.counts["served"], server.counts["served_again"]) == (2, 9, 0)


@pytest.mark.parametrize("gone", ["batch", "file"])
def test_what_the_provider_does_not_know_any_more_is_never_sent_again(gone, tmp_path, monkeypatch):
    """A batch, or its results, that is gone or another key's: named, and nothing is paid twice by itself."""

    async def nothing(*_: Any) -> Any:
        raise status_error("NotFound", 404, {"error": {"message": "not found"}})

    now = [0.0]
    with OfflineServer(latency_ms=0, batch_s=60, clock=lambda: now[0]) as server:
        at(server, monkeypatch)
        for _ in range(2):
            with pytest.raises(WaitingForBatch):
                ask(tmp_path)
            now[0] += 60
        with monkeypatch.context() as patch:
            patch.setattr(f"benchkit.llm.groq.Transport.{gone}", nothing)
            for _ in range(2):
                with pytest.raises(ProviderError, match=rf"{gone} \S+.*8 calls\) is not known") as refused:
                    ask(tmp_path)
        assert 'execution = "now"' in str(refused.value)
        assert server.counts["batches"] == 2
        assert len(ask(tmp_path)) == 9
        assert server.counts["served_again"] == 0


def test_a_batch_is_found_behind_pages_of_others(tmp_path, monkeypatch):
    """One whose id was never written is found by its run, shard and hash, pages away."""
    with OfflineServer(latency_ms=0, batch_s=60, clock=lambda: 0.0) as server:
        at(server, monkeypatch)

        async def dies(*_: Any) -> Any:
            raise OSError("gone")

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "mark", dies)
            with pytest.raises(OSError, match="gone"):
                ask(tmp_path / "one")
        for number in range(25):
            with pytest.raises(WaitingForBatch):
                ask(tmp_path / str(number), 1)
        with pytest.raises(WaitingForBatch, match="batch_000000"):
            ask(tmp_path / "one")
        assert server.counts["batches"] == 26


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch_plan": False}, "this account's plan has no batches"),
        ({"batch_tools": False}, "does not take"),
    ],
)
def test_what_no_batch_can_do_is_said_with_the_ordinary_way(options, says, tmp_path, monkeypatch):
    """One sentence, after one line at most."""
    with OfflineServer(latency_ms=0, **options) as server:
        at(server, monkeypatch)
        with pytest.raises(ProviderError, match=says) as refused:
            ask(tmp_path)
        assert 'execution = "now"' in str(refused.value)
        assert server.counts["batches"] <= 1
        assert len(asyncio.run(client(tmp_path).map(executor(), items(9)))) == 9


def test_a_ceiling_holds_before_a_shard_is_sent(tmp_path, monkeypatch):
    """What is with the provider counts at its most, and the calls of a shard count each."""
    with OfflineServer(latency_ms=0) as server:
        at(server, monkeypatch)
        with pytest.raises(BudgetStop, match="max_calls"):
            ask(tmp_path, max_calls=5)
        assert server.counts["served"] == 1
        assert len(ask(tmp_path, max_calls=9)) == 9


def test_a_strict_agent_is_asked_once_more_by_a_batch_too(tmp_path, monkeypatch, caplog):
    """The validator's malformed reply comes back with its error shown."""
    caplog.set_level(logging.INFO)
    with OfflineServer(latency_ms=0, record=True) as server:
        at(server, monkeypatch)
        replies = ask(tmp_path, agent=critic())
        again = ask(tmp_path, agent=critic())
    assert [reply.text for reply in replies] == [reply.text for reply in again]
    assert len(replies) == 9


def test_breaks_that_do_not_follow_each_other_end_nothing(tmp_path, monkeypatch):
    """A long map may lose its connection many times: only breaks in a row say that nobody is there."""
    monkeypatch.setattr("benchkit.llm.batch.MOST_LINES", 1)
    with OfflineServer(latency_ms=0, batch_faults=["", *["lost_upload", ""] * 6]) as server:
        at(server, monkeypatch)
        assert len(ask(tmp_path)) == 9
        assert (server.counts["served"], server.counts["served_again"]) == (9, 0)
