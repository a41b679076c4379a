"""Every reply, durable before it is used."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchkit.agent import Item, Reply
from benchkit.errors import RunError
from benchkit.llm.journal import Journal, any_simulated, looking

from .talking import executor

CALLS = [executor().call(Item(f"c{i}", f"Prompt {i}"), 7) for i in range(60)]


def reply(call, status="answered", size=20, **more) -> Reply:
    arguments = {"response_text": "x" * size, "n": [1, 2.5, None, True]}
    return Reply(call.key, status, arguments, "x" * size, cost_usd=0.25, attempts=2, **more)


async def fill(journal: Journal, calls=CALLS, **more) -> dict[str, Reply]:
    """Record a reply for each call, all at once."""
    replies = {call.key: reply(call, **more) for call in calls}
    await asyncio.gather(*(journal.record(call, replies[call.key]) for call in calls))
    return replies


def recorded(path: Path, keys: Iterable[str]) -> dict[str, Reply]:
    """What somebody finds who only looks."""
    with looking(path) as record:
        return record.replies(keys)


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "calls.sqlite"


async def test_replies_come_back_as_they_were(path):
    """Another session reads what the first one recorded; what was never asked is not there."""
    journal = Journal(path)
    written = await fill(journal)
    assert journal.on_record.replies(written) == written
    journal.close()
    assert recorded(path, [*written, "never"]) == written
    assert not Path(f"{path}-wal").exists()


async def test_on_disk_before_it_is_used(path):
    """When `record` returns, a process that opens the file sees the reply."""
    journal = Journal(path)
    await journal.record(CALLS[0], reply(CALLS[0]))
    with sqlite3.connect(path) as other:
        assert other.execute('SELECT "case", status, sent, cost_usd FROM calls').fetchall() == [
            ("c0", "answered", 2, 0.25)
        ]
        assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    journal.close()


async def test_one_commit_for_many(path, monkeypatch):
    """Replies that arrive together share a commit."""
    batches, commit = [], Journal._commit
    monkeypatch.setattr(
        Journal, "_commit", lambda self, batch: batches.append(len(batch)) or commit(self, batch)
    )
    journal = Journal(path)
    await fill(journal)
    journal.close()
    assert sum(batches) == 60
    assert len(batches) < 5


async def test_spending_outlives_the_session(path):
    """Requests, dollars and seconds of all sessions add up, whether or not their replies came."""
    for session in range(2):
        journal = Journal(path, lambda: (5, 0.5, 30.0))
        await journal.note()
        with sqlite3.connect(path) as other:  # on disk before it is spent, should this process be killed next
            assert other.execute("SELECT count(*), sum(sent) FROM spending").fetchone() == (
                session + 1,
                5 * session + 5,
            )
        journal.close()
    journal = Journal(path)
    assert journal.on_record.spent() == (10, 1.0, 60.0)
    journal.close()


async def test_limits_outlive_the_session(path):
    """What was learnt of the provider's limits is there for the next session."""
    journal = Journal(path)
    journal.limits["m"] = {"RPM": 30, "TPM": 8000}
    journal.close()
    second = Journal(path)
    assert second.limits == {"m": {"RPM": 30, "TPM": 8000}}
    second.limits["m"] = {"TPM": 250_000}  # another tier: what was learnt of requests is not known any more
    second.close()
    third = Journal(path)
    assert third.limits == {"m": {"TPM": 250_000}}
    third.close()


async def test_inputs_are_kept_once(path):
    """The same messages in three rounds are stored once, each reply with its own parameters."""
    journal = Journal(path)
    calls = [executor().call(Item("c", "same", round=n), 7) for n in (1, 2, 3)]
    await fill(journal, calls)
    await fill(journal, calls)
    journal.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM inputs").fetchone() == (1,)
        assert db.execute("SELECT count(DISTINCT parameters) FROM calls").fetchone() == (3,)


async def test_any_text_can_be_stored(path):
    """Half characters, NULs, quotes and a megabyte of text come back; halves as question marks."""
    call = executor().call(Item("c\x00\ud83d'\"", "p\x00" + "ü" * 1_000_000), 7)
    journal = Journal(path)
    text = "\x00\u2028'\";DROP TABLE calls;--"
    await journal.record(call, Reply(call.key, "answered", {"a\x00": text}, text + "\ud83d"))
    got = journal.on_record.replies([call.key])[call.key]
    journal.close()
    assert (got.arguments, got.text) == ({"a\x00": text}, text + "?")


async def test_a_record_that_is_cancelled_is_kept(path):
    """A caller that goes away while its reply is being written loses nothing."""
    journal = Journal(path)
    task = asyncio.ensure_future(journal.record(CALLS[0], reply(CALLS[0])))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    journal.close()
    assert set(recorded(path, [CALLS[0].key])) == {CALLS[0].key}


class Held:
    """A commit that waits in its thread until it is let go."""

    def __init__(self, monkeypatch) -> None:
        self.began, self.go, commit = threading.Event(), threading.Event(), Journal._commit

        def held(journal, batch):
            self.began.set()
            assert self.go.wait(20)
            commit(journal, batch)

        monkeypatch.setattr(Journal, "_commit", held)


async def test_closing_over_a_commit(path, monkeypatch):
    """Closing waits for the commit under way, writes what came after it, and leaves nobody waiting."""
    held, journal = Held(monkeypatch), Journal(path)
    first = asyncio.ensure_future(fill(journal, CALLS[:2]))
    while not held.began.is_set():
        await asyncio.sleep(0)
    second = asyncio.ensure_future(fill(journal, CALLS[2:4]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    held.go.set()
    journal.close()
    written = await first | await second
    assert recorded(path, [call.key for call in CALLS]) == written


async def test_a_commit_that_fails(path, monkeypatch):
    """Whoever waits for a commit that fails is told, none of it is on record, and the next one goes on."""
    journal, commit = Journal(path), Journal._commit

    def fails(self, batch):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(Journal, "_commit", fails)
    for task in [asyncio.ensure_future(fill(journal, [call])) for call in CALLS[:3]]:
        with pytest.raises(RunError, match=r"cannot be written: disk I/O error\. .* run again"):
            await task
    monkeypatch.setattr(Journal, "_commit", commit)
    written = await fill(journal, CALLS[2:4])
    assert journal.on_record.replies(call.key for call in CALLS) == written
    journal.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM inputs").fetchone() == (2,)


async def test_an_answer_outlives_a_failure(path):
    """A failed call is not among the replies; once it is answered, in whatever order, all requests count."""
    journal = Journal(path)
    for status in ("failed", "answered", "failed"):
        await journal.record(CALLS[0], reply(CALLS[0], status=status))
        assert bool(journal.on_record.replies([CALLS[0].key])) == (journal.on_record.spent()[0] > 2)
    assert journal.on_record.replies([CALLS[0].key])[CALLS[0].key].status == "answered"
    assert journal.on_record.spent()[:2] == (6, 0.25)
    journal.close()


async def test_a_bug_of_ours(path, monkeypatch):
    """An error that nobody foresaw reaches whoever waits, instead of being waited for."""
    journal = Journal(path)

    def broken(self, table, rows, otherwise):
        raise ZeroDivisionError("ours")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "_insert", broken)
        with pytest.raises(ZeroDivisionError):
            await fill(journal, CALLS[:1])
    written = await fill(journal, CALLS[:2])
    journal.close()
    assert recorded(path, written) == written


async def test_full_disk(path):
    """A full disk, or a file that may not be written, is a RunError; nothing is lost and it goes on."""
    journal = Journal(path)
    written = await fill(journal, CALLS[:5])
    journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    journal._db.execute("PRAGMA max_page_count = 1")
    with pytest.raises(RunError, match=r"the disk of .* is full \(database .*\)\. Make room on it and run"):
        await fill(journal, CALLS[5:], size=5000)
    assert journal.on_record.replies(call.key for call in CALLS) == written
    journal._db.execute("PRAGMA max_page_count = 100000")
    written |= await fill(journal, CALLS[5:], size=5000)
    journal.close()
    journal = Journal(path)
    journal._db.execute("PRAGMA query_only = 1")
    with pytest.raises(RunError, match=r"is read-only \(attempt to write a readonly .*\)\. Make it writable"):
        await journal.record(CALLS[0], reply(CALLS[0]))
    journal.close()
    assert recorded(path, written) == written


def test_no_folder(tmp_path):
    """What cannot be opened is a RunError that says what to do; where there is none, none is made."""
    assert recorded(tmp_path / "calls.sqlite", ["a"]) == {}
    assert not any(tmp_path.iterdir())
    (tmp_path / "empty").touch()  # as a process leaves it that is killed while it makes the journal
    assert recorded(tmp_path / "empty", ["a"]) == {}
    Journal(tmp_path / "empty").close()
    for path in (tmp_path / "gone" / "calls.sqlite", tmp_path):
        with pytest.raises(RunError, match=r"cannot be used as the journal .*read-only, mend that"):
            Journal(path)


async def _copy_of_a_crash(path: Path, sizes: list[int]) -> tuple[Path, dict[str, Reply]]:
    """The files as a process that is killed leaves them, and the replies that it had recorded."""
    journal = Journal(path)
    written: dict[str, Reply] = {}
    for call, size in zip(CALLS, sizes, strict=False):
        written |= await fill(journal, [call], size=size)
    copy = path.parent / "copy" / path.name
    copy.parent.mkdir()
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    journal.close()
    return copy, written


def contents(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}


async def test_log_cut_off_anywhere(path, caplog):
    """A log cut at any byte opens; what is there is a prefix of what was written, as it was written."""
    copy, replies = await _copy_of_a_crash(path, [50, 9000, 300] * 8)
    written, log = list(replies.items()), Path(f"{copy}-wal")
    main, whole = copy.read_bytes(), log.read_bytes()
    draw, kept = random.Random(5), []
    for cut in [*sorted(draw.randrange(len(whole)) for _ in range(40)), len(whole)]:
        copy.write_bytes(main)
        log.write_bytes(whole[:cut])
        with caplog.at_level(logging.WARNING):
            journal = Journal(copy)
        found = journal.on_record.replies(key for key, _ in written)
        journal.close()
        assert found == dict(written[: len(found)])
        kept.append(len(found))
    assert kept == sorted(kept)
    assert kept[-1] == 24
    assert "ended abruptly" in caplog.text


async def test_looking_at_an_interrupted_run_changes_nothing(path):
    """Who only reads finds everything, and neither writes, mends nor makes a file, with a log or without."""
    copy, written = await _copy_of_a_crash(path, [50, 9000] * 5)
    for where in (copy, path):
        before = contents(where)
        assert recorded(where, written) == written
        assert contents(where) == before
    assert Path(f"{copy}-wal").stat().st_size
    assert not Path(f"{path}-wal").exists()


async def test_looking_at_a_folder_that_nobody_may_write(path, monkeypatch):
    """A journal on a read-only medium is read."""
    copy, written = await _copy_of_a_crash(path, [50] * 5)
    for file in (copy, Path(f"{copy}-wal")):
        file.chmod(0o444)
    copy.parent.chmod(0o555)
    assert recorded(copy, written) == written
    copy.parent.chmod(0o755)


def _cut(at: float):
    return lambda data: data[: int(at * len(data))]


def _holed(data: bytes) -> bytes:
    middle = len(data) // 2 // 4096 * 4096
    return data[:middle] + b"\xff" * 8192 + data[middle + 8192 :]


DAMAGE = {
    "a hole": _holed,
    "no head": lambda data: b"\0" * 100 + data[100:],
    "cut in half": _cut(0.5),
    "its last tenth gone": _cut(0.9),
    "something else": lambda data: b"my notes " * 1000,
    "a byte": lambda data: data[:1],
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("log", [False, True], ids=["closed", "with a log"])
async def test_a_damaged_file_is_refused_and_left_alone(path, damage, log):
    """Whoever opens it is told in a sentence what reads out what is there; nothing is written or deleted."""
    await _copy_of_a_crash(path, [50, 9000, 300, 3000] * 12)
    copy = path.parent / "again" / path.name
    copy.parent.mkdir()
    copy.write_bytes(DAMAGE[damage](path.read_bytes()))
    if log:
        journal = Journal(path)
        await fill(journal, CALLS[50:])
        shutil.copy(f"{path}-wal", f"{copy}-wal")
        journal.close()
    before = contents(copy)
    with pytest.raises(
        RunError, match=r"again/calls\.sqlite is damaged \(.*`sqlite3 calls\.sqlite \.recover"
    ):
        Journal(copy)
    kept = contents(copy)
    kept.pop("calls.sqlite-shm", b"")  # the log's index, which holds nothing of its own
    assert kept == before
    if not log:
        assert any_simulated(copy)


async def test_a_log_whose_database_is_gone(path):
    """SQLite would delete the log beside an empty file: it is refused instead, to read and to write."""
    copy, written = await _copy_of_a_crash(path, [50, 9000] * 5)
    for emptied in (True, False):
        copy.write_bytes(b"") if emptied else copy.unlink()
        before = contents(copy)
        for use in (Journal, lambda file: recorded(file, written)):
            with pytest.raises(RunError, match=r"it is gone or empty, and calls\.sqlite-wal is not"):
                use(copy)
        assert contents(copy) == before


@pytest.mark.parametrize("spoilt", ["{", '{"nobody": 1}', b"\xff\xfe"])
async def test_a_damaged_record(path, spoilt):
    """A record that is not as it was written is refused, not paid for again in silence."""
    journal = Journal(path)
    written = await fill(journal, CALLS[:2])
    journal.close()
    with sqlite3.connect(path) as db:
        value = "CAST(? AS TEXT)" if isinstance(spoilt, bytes) else "?"
        db.execute(f"UPDATE calls SET reply = {value} WHERE \"case\" = 'c0'", [spoilt])
    with pytest.raises(RunError, match=r"is damaged .*\.recover"):
        recorded(path, written)


@pytest.mark.parametrize(
    ("fingerprint", "spoil", "expected"),
    [
        ("fp_1", "", False),
        ("offline_7", "", True),
        ("fp_1", "UPDATE calls SET reply = '{' WHERE rowid = 2", True),
    ],
)
async def test_simulated_or_not(path, fingerprint, spoil, expected):
    """Told by the fingerprints; where one record cannot be read it is taken for simulated."""
    assert not any_simulated(path)
    journal = Journal(path)
    await fill(journal, CALLS[:3], fingerprint=fingerprint)
    journal.close()
    with sqlite3.connect(path) as db:
        db.execute(spoil or "SELECT 1")
    assert any_simulated(path) is expected


WRITE = """
import asyncio, sys
from pathlib import Path
from benchkit.llm.journal import Journal
sys.path.insert(0, sys.argv[2])
from tests.test_journal import CALLS, reply

async def main():
    journal = Journal(Path(sys.argv[1]))
    for call in CALLS:
        await journal.record(call, reply(call, size=3000))
        print(call.key, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [1, 45])
def test_killed(path, after):
    """`kill -9` at any moment: every reply that `record` returned for is there, once."""
    root = str(Path(__file__).parents[1])
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE, str(path), root], stdout=subprocess.PIPE, text=True, env=os.environ
    )
    told = [writer.stdout.readline().strip() for _ in range(after)]
    writer.send_signal(signal.SIGKILL)
    told += writer.stdout.read().split()  # not `communicate`, which drops what `readline` read ahead
    writer.wait(timeout=20)
    writer.stdout.close()
    found = recorded(path, [call.key for call in CALLS])
    assert set(told) <= set(found)
    assert len(found) <= len(told) + 1
