"""What a journal keeps when its files are damaged, and what it says of the rest."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchkit.agent import Reply
from benchkit.errors import RunError
from benchkit.llm.journal import Journal
from benchkit.llm.records import _restore, recorded

from .test_journal import CALLS, fill, reply

SIZES = (300, 9000, 20, 3000)
NOISE = random.Random(7).randbytes(2**16)


@dataclass(frozen=True)
class Crash:
    """A killed session's files, with what is on record: the first half in the file, the second in its log."""

    files: dict[str, bytes]
    written: dict[str, Reply]

    def put(self, path: Path, **files: bytes | None) -> None:
        """Lay the files out at `path`; those that are named are other than they were, or gone."""
        for suffix, name in (("", "main"), ("-wal", "log"), ("-shm", "index")):
            content = files.get(name, self.files.get(name))
            if content is not None:
                Path(f"{path}{suffix}").write_bytes(content)

    @property
    def logged(self) -> dict[str, Reply]:
        return dict(list(self.written.items())[20:])


async def _crash(path: Path) -> Crash:
    journal, written = Journal(path, lambda: (100, 20.0, 60.0)), {}
    for number, call in enumerate(CALLS[:40]):
        if number == 20:
            journal._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        written |= await fill(journal, [call], size=SIZES[number % 4])
    await journal.note()
    names = {"main": "", "log": "-wal", "index": "-shm"}
    files = {name: Path(f"{path}{suffix}").read_bytes() for name, suffix in names.items()}
    journal.close()
    return Crash(files, written)


@pytest.fixture(scope="module")
def crash(tmp_path_factory) -> Crash:
    return asyncio.run(_crash(tmp_path_factory.mktemp("crash") / "calls.sqlite"))


@pytest.fixture
def closed(crash, path) -> Path:
    """The same journal, closed."""
    crash.put(path, index=None)
    Journal(path, lambda: (0, 0.0, 0.0)).close()
    return path


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "calls.sqlite"


def found_at(path: Path, written: dict[str, Reply]) -> dict[str, Reply]:
    """What a session finds; all of it as it was written, and the same for the one after it."""
    journal = Journal(path)
    found = journal.replies(written)
    journal.close()
    assert found == {key: written[key] for key in found}
    assert recorded(path, written) == found
    return found


def damaged(data: bytes, at: int, by: bytes) -> bytes:
    return data[:at] + by + data[at + len(by) :]


def flipped(data: bytes, at: int) -> bytes:
    return damaged(data, at, bytes([data[at] ^ 4]))


def test_a_killed_session_is_not_damaged(crash, path, caplog):
    """What `kill -9` leaves opens with everything, and nothing is moved aside."""
    crash.put(path)
    assert found_at(path, crash.written) == crash.written
    assert "ended abruptly: what is on record is kept" in caplog.text
    assert not list(path.parent.glob("*damaged*"))


@pytest.mark.parametrize("at", [0, 9, 17, 26, 40, 50, 156, *random.Random(3).sample(range(5000, 200000), 12)])
def test_a_bad_bit_in_the_log(crash, path, caplog, at):
    """One bad bit costs one reply at most, though SQLite would drop all from there on; the sums are kept."""
    crash.put(path, log=flipped(crash.files["log"], at))
    found = found_at(path, crash.written)
    assert len(found) >= 39
    assert f"{len(found)} replies could be read and are kept, any others are asked again" in caplog.text
    assert "ended abruptly" not in caplog.text
    (aside,) = path.parent.glob("calls.sqlite.damaged-*-wal")
    assert aside.read_bytes() == flipped(crash.files["log"], at)
    journal = Journal(path)
    assert journal.spent()[:2] == (100, 20.0)
    journal.close()


def test_a_hole_in_the_log(crash, path):
    """Zeros over four pages of the log cost what was on them alone."""
    crash.put(path, log=damaged(crash.files["log"], 60_000, bytes(16_384)))
    assert 36 <= len(found_at(path, crash.written)) <= 40


@pytest.mark.parametrize("size", [0, 20, 31, 4000, None])
def test_a_log_that_is_gone(crash, path, caplog, size):
    """The index that a killed session leaves tells of a log that is gone since: so its loss is said."""
    crash.put(path, log=None if size is None else crash.files["log"][:size])
    assert set(found_at(path, crash.written)) == set(crash.written) - set(crash.logged)
    assert "calls.sqlite-wal is gone: the replies in it are asked again" in caplog.text
    assert "is kept" not in caplog.text


def test_pages_of_a_commit_that_failed(crash, path):
    """Older pages behind the last commit, which one that failed left there, do not hide a reply."""
    logs, written = {}, dict(crash.written)
    for name, size, call in (("long", 60_000, CALLS[50]), ("short", 20, CALLS[51])):
        other = path.with_name(name)
        crash.put(other, index=None)
        journal = Journal(other)
        written |= asyncio.run(fill(journal, [call], size=size))
        logs[name] = Path(f"{other}-wal").read_bytes()
        journal.close()
    crash.put(path, index=None, log=logs["short"] + logs["long"][len(logs["short"]) :])
    assert set(found_at(path, written)) >= set(crash.written) | {CALLS[51].key}


@pytest.mark.parametrize("content", [None, b""])
def test_a_log_alone(crash, path, caplog, content):
    """Without its database, a log gives back what is in it."""
    crash.put(path, main=content, index=None)
    found = found_at(path, crash.written)
    assert set(found) >= set(crash.logged)
    assert f"{len(found)} replies could be read" in caplog.text
    assert "ended abruptly" not in caplog.text


@pytest.mark.parametrize("pages", [1, 2, 5, 10, 20])
def test_a_file_cut_between_pages(crash, path, caplog, pages):
    """A database that ends at a page, beside its log, gives what is in the two."""
    crash.put(path, main=crash.files["main"][: pages * 4096], index=None)
    assert set(found_at(path, crash.written)) >= set(crash.logged)
    assert "was damaged or cut off" in caplog.text


def test_an_empty_file(path, caplog):
    """A file with nothing in it is not taken for new in silence."""
    path.write_bytes(b"")
    assert recorded(path, [CALLS[0].key]) == {}
    assert "calls.sqlite is empty: nothing is on record, so what is asked is paid for again" in caplog.text


def test_no_file(path, caplog):
    """Of a run that is new there is nothing to say."""
    Journal(path).close()
    assert not caplog.text


def test_a_header_that_is_gone(crash, closed, caplog):
    """The size of the pages is found out where the header does not say it."""
    closed.write_bytes(damaged(closed.read_bytes(), 0, NOISE[:100]))
    assert found_at(closed, crash.written) == crash.written
    assert "40 replies could be read" in caplog.text


@pytest.mark.parametrize("page", [3, 8, 15, 25])
@pytest.mark.parametrize("first", ["written", "read"])
def test_pages_overwritten(crash, closed, caplog, page, first):
    """Noise over six pages costs the replies there, whether the journal is opened to be written or read."""
    closed.write_bytes(damaged(closed.read_bytes(), page * 4096, NOISE[: 6 * 4096]))
    before = recorded(closed, crash.written) if first == "read" else {}
    found = found_at(closed, crash.written)
    assert 40 > len(found) >= 20
    assert set(before) <= set(found)
    assert f"{len(found)} replies could be read" in caplog.text


@pytest.mark.parametrize("noise", [b"x" * 64, b"\xff" * 64, b"\x00" * 64])
def test_a_reply_overwritten(crash, closed, caplog, noise):
    """A reply that cannot be read is asked again, is not shown, and what it has cost counts on."""
    data = closed.read_bytes()
    closed.write_bytes(damaged(data, data.index(b'"arguments": {'), noise))
    found = found_at(closed, crash.written)
    (lost,) = set(crash.written) - set(found)
    assert "1 replies on record are damaged and cannot be read: these are asked again" in caplog.text
    assert "xxx" not in caplog.text
    journal = Journal(closed)
    assert journal.spent()[:2] == (100, 20.0)
    again = next(call for call in CALLS if call.key == lost)
    asyncio.run(journal.record(again, reply(again)))
    assert set(journal.replies(crash.written)) == set(crash.written)
    journal.close()


def test_a_reply_overwritten_beside_other_damage(crash, closed):
    """In a rescue too, a damaged reply is asked again and its cost is kept."""
    data = closed.read_bytes()
    data = damaged(data, data.index(b'"arguments": {'), b"x" * 64)
    closed.write_bytes(damaged(data, 0, NOISE[:100]))
    assert len(found_at(closed, crash.written)) == 39
    with sqlite3.connect(closed) as db:
        assert db.execute("SELECT count(*), sum(sent) FROM calls").fetchone() == (40, 80)


def test_spending_that_is_gone(crash, closed):
    """Where the sums are lost, what the replies have cost is spent, and later sessions add to it."""
    with sqlite3.connect(closed) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'spending'").fetchone()
    closed.write_bytes(damaged(closed.read_bytes(), (page - 1) * 4096, NOISE[:4096]))
    for spent in ((80, 10.0, 0.0), (85, 11.0, 30.0)):
        journal = Journal(closed, lambda: (5, 1.0, 30.0))
        assert journal.spent() == spent
        assert set(journal.replies(crash.written)) == set(crash.written)
        journal.close()


@pytest.mark.parametrize("name", [b"CREATE TABLE calls", b"spending", b"digest TEXT", b"sqlite_autoindex"])
@pytest.mark.parametrize("into", range(0, 8, 3))
def test_a_schema_that_is_no_text(crash, closed, name, into):
    """A byte of the schema that is no letter any more costs no reply."""
    data = closed.read_bytes()
    closed.write_bytes(damaged(data, data.index(name) + into, b"\xff"))
    assert len(found_at(closed, crash.written)) >= 39


def test_a_digest_that_is_none(crash, closed):
    """What was asked under it is written once more; the replies are not concerned."""
    with sqlite3.connect(closed) as db:
        db.execute("UPDATE inputs SET digest = 'x' || substr(digest, 2) WHERE rowid % 2")
        db.execute("UPDATE inputs SET digest = substr(digest, 2) WHERE rowid = 2")
    db.close()
    assert found_at(closed, crash.written) == crash.written


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_rescue_that_is_stopped(crash, closed, monkeypatch, nth):
    """Wherever a rescue ends while it moves files, the next session puts them right and loses nothing."""
    closed.write_bytes(closed.read_bytes()[:-1])
    Path(f"{closed}-wal").write_bytes(crash.files["log"])
    kind, moved = type(closed), []
    rename = kind.rename

    def stopped(self, to):
        moved.append(self)
        if len(moved) == nth:
            raise KeyboardInterrupt
        return rename(self, to)

    with monkeypatch.context() as patched:
        patched.setattr(kind, "rename", stopped)
        with pytest.raises(KeyboardInterrupt):
            Journal(closed)
    assert len(found_at(closed, crash.written)) >= 39
    assert not [file for file in closed.parent.iterdir() if file.suffix in (".rescued", ".whole")]


def test_a_rescue_without_room(crash, closed, monkeypatch):
    """What was rescued takes the damaged journal's place only where all of it is in its file."""
    closed.write_bytes(closed.read_bytes()[:-1])
    before, others = closed.read_bytes(), []

    def restore(db, rows):
        kept = _restore(db, rows)
        others.append(sqlite3.connect(db.execute("PRAGMA database_list").fetchone()[2]))
        others[-1].execute("BEGIN")  # the log cannot be emptied while somebody reads
        others[-1].execute("SELECT count(*) FROM calls").fetchone()
        return kept

    with monkeypatch.context() as patched:
        patched.setattr("benchkit.llm.records._restore", restore)
        patched.setattr("benchkit.llm.records.BUSY_S", 0.01)
        with pytest.raises(RunError, match=r"rescued is in use"):
            Journal(closed)
    others[0].close()
    assert closed.read_bytes() == before
    assert not list(closed.parent.glob("*.rescued*"))
    assert len(found_at(closed, crash.written)) >= 39
