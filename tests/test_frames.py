"""The frames of a log, held against logs that SQLite wrote."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from benchkit.llm.frames import log_of


@pytest.fixture(params=[512, 4096, 65536])
def path(request, tmp_path) -> Path:
    """A database beside its log of five commits, with pages of each size."""
    path, size = tmp_path / "a.sqlite", request.param
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        for pragma in (f"page_size = {size}", "journal_mode = WAL", "wal_autocheckpoint = 0"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("CREATE TABLE t (x TEXT)")
        for number in range(4):
            db.execute("INSERT INTO t VALUES (?)", [str(number) * size])
        log = Path(f"{path}-wal").read_bytes()
        pages = db.execute("PRAGMA page_count").fetchone()[0]
    Path(f"{path}-wal").write_bytes(log)
    path.with_suffix(".pages").write_text(f"{size} {pages}")
    return path


def test_what_sqlite_wrote_is_sound(path):
    """Every checksum holds, and the last commit says how large the database is."""
    size, pages = map(int, path.with_suffix(".pages").read_text().split())
    log = log_of(path, 4096)
    assert (log.size, log.due, log.followed) == (size, pages, len(log.sound))
    assert all(log.ours + log.sound)
    assert log.headed
    assert not log.is_broken


@pytest.mark.parametrize("frame", [0, 1, 4])
@pytest.mark.parametrize("within", [3, 10, 17, 24, 500])
def test_a_bad_bit_spoils_one_frame(path, frame, within):
    """Whichever part of a frame is hit, the others are still sound, and something is behind it."""
    size = log_of(path, 4096).size
    file = Path(f"{path}-wal")
    data = bytearray(file.read_bytes())
    data[32 + frame * (size + 24) + within] ^= 1
    file.write_bytes(data)
    log = log_of(path, 4096)
    assert [index for index, sound in enumerate(log.sound) if not sound] == [frame]
    assert log.is_broken


@pytest.mark.parametrize("at", range(0, 32, 3))
def test_a_bad_header_spoils_none(path, at):
    """What the header says of the salt, the pages and the first checksum is known from elsewhere."""
    size = log_of(path, 4096).size
    file = Path(f"{path}-wal")
    data = bytearray(file.read_bytes())
    data[at] ^= 1
    file.write_bytes(data)
    log = log_of(path, size)
    assert all(log.sound)
    assert not log.headed
    assert log.is_broken


def test_an_end_cut_off_is_not_broken(path):
    """A log that ends within a frame, or whose last frame is wrong, is what a crash leaves."""
    file = Path(f"{path}-wal")
    whole = file.read_bytes()
    for rest in [whole[:cut] for cut in range(0, len(whole), len(whole) // 50)] + [whole[:-9] + bytes(9)]:
        file.write_bytes(rest)
        assert not log_of(path, 4096).is_broken
