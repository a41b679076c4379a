"""Before anything is asked: how much, how long, what again and why; after it: where the time went."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from benchkit.agent import Item, Reply
from benchkit.llm.estimate import estimate, time_table
from benchkit.llm.journal import looking
from benchkit.offline.server import OfflineServer

from .talking import HASTY, STEADY, Ticks, at, client, executor, items
from .test_client import MODELS, agent, server

__all__ = ["server"]  # a fixture
FREE = "openai/gpt-oss-20b"


def replies(count: int, **more) -> dict[str, Reply]:
    return {f"{n}": Reply(f"{n}", "answered", completion_tokens=100, **more) for n in range(count)}


@pytest.mark.parametrize(
    ("model", "calls", "learnt", "minutes", "bound"),
    [
        (FREE, 60, {}, 2.7, "8,000 TPM (lowest tier"),
        (FREE, 60, {"RPM": 10, "TPM": 250_000}, 6.0, "10 RPM (learnt)"),
        (FREE, 2000, {"RPM": 30, "TPM": 8000, "TPD": 10**9}, 1440.0, "1,000 RPD (lowest tier"),
        (FREE, 100_000, {"TPM": 10**9, "RPD": 500_000}, 100.0, "1,000 RPM (tier of the learnt ones"),
        (STEADY, 500, {}, 10 / 60, "the calls themselves"),
        (STEADY, 0, {}, 0.0, "the calls themselves"),
    ],
)
def test_minutes(model, calls, learnt, minutes, bound):
    """The slowest limit sets the minutes: as learnt, else as the lowest tier has it; none: the calls do."""
    found = estimate(executor(model), items(calls), {}, learnt)
    assert found.minutes == pytest.approx(minutes, rel=0.02)
    assert found.bound.startswith(bound)
    assert found.missing == calls


def test_what_is_on_record_is_not_counted():
    """Tokens, dollars and minutes are of what is missing, at the size and pace of what is on record."""
    found = estimate(executor(STEADY), items(100), replies(40, latency_s=3.0), {})
    assert (found.planned, found.recorded, found.missing) == (100, 40, 60)
    assert found.tokens == pytest.approx(60 * (150 + 100 + 12), rel=0.05)
    assert found.minutes == pytest.approx(2 * 3.0 / 60)


@pytest.mark.parametrize(("cap", "minutes"), [(0, 1 / 60), (2, 12 / 60), (1, 24 / 60), (100, 1 / 60)])
def test_the_cap_is_counted(tmp_path, cap, minutes):
    """With `max_concurrency` the calls themselves take longer: it is all models' together."""
    work = [(executor(STEADY), items(12)), (executor(HASTY), items(12))]
    found = client(tmp_path, cap=cap).estimates(work)
    assert [one.minutes for one in found] == pytest.approx([minutes] * 2)


async def test_limits_are_learnt_for_the_next_estimate(monkeypatch, tmp_path):
    """What the provider's headers said in one session sets the minutes of the next."""
    with OfflineServer(latency_ms=0, models=MODELS, tpm=40_000, rpd=9000) as server:
        at(server, monkeypatch)
        await client(tmp_path).map(agent(), items(2))
        (found,) = client(tmp_path).estimates([(agent(), items(400))])
    with looking(tmp_path / "calls.sqlite") as record:
        assert record.limits() == {agent().model: {"TPM": 40_000, "RPD": 9000}}
    assert found.bound == "40,000 TPM (learnt)"
    assert found.minutes == pytest.approx(found.tokens / 40_000, rel=1e-4)


# The same schema with its keys in another order.
TURNED = replace(agent().tool, parameters=dict(reversed(agent().tool.parameters.items())))


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        (agent(temperature=0.1), "temperature"),
        (agent(max_tokens=99), "max_tokens"),
        (replace(agent(), system_prompt="Be kind."), "system prompt"),
        (replace(agent(), system_prompt="Be kind.", temperature=0.1), "temperature, system prompt"),
        (replace(agent(), tool=replace(agent().tool, description="x")), "tool or schema"),
        (replace(agent(), tool=TURNED), "tool or schema"),
        (executor(STEADY), "model"),
    ],
)
async def test_what_is_asked_again_and_why(server, tmp_path, caplog, changed, what):
    """A change that changes answers is named with the number of calls it touches, before and when they go."""
    await client(tmp_path).map(agent(), items(3))
    work = [(changed, items(5))]
    assert client(tmp_path).changes(work) == [{what: 3}]
    with caplog.at_level(logging.WARNING):
        await client(tmp_path).map_all(work)
    assert (
        f"3 of 5 calls of conversation_executor to {changed.model} are asked again: changed {what};"
        in caplog.text
    )
    assert client(tmp_path).changes(work) == [{}]


async def test_one_case_that_changed(server, tmp_path):
    """A case whose prompt was mended is asked again, the others are not; more cases are no change."""
    await client(tmp_path).map(agent(), items(3))
    mended = [*items(2), replace(items(3)[2], content="Where is it?")]
    assert client(tmp_path).changes([(agent(), mended)]) == [{"prompt": 1}]
    assert client(tmp_path).changes([(agent(), [*items(5), Item("case-0", "x", round=2)])]) == [{}]


async def test_a_second_model_is_no_change(server, tmp_path):
    """A model that is added beside another is asked for the first time."""
    await client(tmp_path).map(executor(STEADY), items(3))
    both = [(executor(STEADY), items(3)), (executor(HASTY), items(3))]
    assert client(tmp_path).changes(both) == [{}, {}]
    assert client(tmp_path).changes(both[1:]) == [{"model": 3}]


def test_no_journal_no_change(tmp_path):
    """Where nothing was asked nothing is asked again."""
    assert client(tmp_path).changes([(agent(), items(3))]) == [{}]
    assert list(tmp_path.iterdir()) == []


async def test_where_the_time_went(monkeypatch, tmp_path):
    """Every second of a call is under one heading, and a resumed run still knows."""
    ticks, faults = Ticks(), {"500": 0.4}
    limit = {"rpm": 600, "burst": 3, "clock": ticks.now}
    with OfflineServer(latency_ms=0, models=MODELS, faults=faults, **limit) as server:
        at(server, monkeypatch)
        one = client(tmp_path, ticks)
        got = await one.map(agent(), items(12))
        assert sum(reply.limit_s for reply in got) > 0
        assert sum(reply.retry_s for reply in got) > 1
        assert all(reply.latency_s and reply.ours_s > 0 for reply in got)
        assert all(reply.waited_s <= reply.limit_s + reply.retry_s + 0.001 for reply in got)
        assert await client(tmp_path).map(agent(), items(12)) == got


def test_the_table_of_times():
    """A row a model: mean seconds of its calls."""
    slow = Reply("a", "answered", attempts=3, latency_s=2.0, limit_s=1.0, retry_s=4.0, ours_s=0.5)
    table = time_table(
        [("x", slow), ("x", Reply("b", "answered", latency_s=1.0)), ("y", Reply("c", "malformed"))]
    )
    assert table.to_numpy().tolist() == [["x", 2, 4, 0.5, 1.5, 2.0, 0.25], ["y", 1, 1, 0.0, 0.0, 0.0, 0.0]]
    assert time_table([]).empty
