"""What can still be read of a damaged journal, page by page (sqlite.org/fileformat2.html).

SQLite mends a log that is cut off and refuses such a database: it reaches rows through pages that are gone.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import Any

from .frames import Log, log_of

COLUMNS = (
    "key TEXT PRIMARY KEY",
    *("agent TEXT", "model TEXT", '"case" TEXT', "round INTEGER", "attempt INTEGER"),
    *("input TEXT", "parameters TEXT", "status TEXT", "reply TEXT", "sent INTEGER", "cost_usd REAL"),
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEAF = 13  # a page that holds rows of a table
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type: bytes
_USUAL = 4096  # bytes of a page, unless another was asked for
_SIZES = (_USUAL, 512, 1024, 2048, 8192, 16384, 32768, 65536)
Row = tuple[str, tuple[Any, ...]]  # table, values


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, and not the disk, the folder or another process."""
    code = getattr(error, "sqlite_errorcode", 0)  # which errors of Python's own module do not have
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_broken(path: Path) -> bool:
    """Whether the file ends within a page or before its last, is gone, or its log is wrong before its end.

    SQLite would take what is missing for zeros or a new file, and delete the log: so this is asked first.
    """
    size = _size_of(path)
    if not size:
        return _size_of(Path(f"{path}-wal")) > 0
    if size < 512:
        return True
    with path.open("rb") as file:
        page = _page_size(file.read(18)) or _USUAL
    log = log_of(path, page)
    return size % page > 0 or log.is_broken or _has_gaps(log, _size_of(path) // page)  # it may have grown


def is_empty(path: Path) -> bool:
    """Whether there is a file and nothing in it, nor in its log."""
    return path.is_file() and not _size_of(path) and not _size_of(Path(f"{path}-wal"))


def rows_of(path: Path) -> list[Row]:
    """Every row that is still there in full, whatever size the pages turn out to have."""
    whole = path.read_bytes() if path.exists() else b""
    stated = _page_size(whole)
    for size in (stated,) if stated else _SIZES:
        if rows := list(_rows_at(path, whole, size)):
            return rows
    return []


def stopped_over(path: Path) -> bool:
    """Whether a session ended while it put what it had rescued in the damaged journal's place."""
    return _whole(path).exists()


def finish(path: Path, rescued: Path | None = None) -> Path:
    """Put what was rescued in the damaged journal's place; the new name of the damaged one.

    From its renaming on `rescued` is known to be whole, whatever becomes of the files that it stands for.
    """
    if rescued:
        rescued.rename(_whole(path))
    aside = _set_aside(path)
    _whole(path).rename(path)
    return aside


def _whole(path: Path) -> Path:
    return path.with_name(f"{path.name}.whole")


def _set_aside(path: Path) -> Path:
    """Move the journal's files away; the new name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("-wal", ""):
        if Path(f"{path}{suffix}").exists():
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)
    return aside if aside.exists() else Path(f"{aside}-wal")


def _size_of(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def _page_size(start: bytes) -> int:
    """What the file's header says, 0 where that is no size."""
    stated = int.from_bytes(start[16:18], "big")
    stated = 65536 if stated == 1 else stated
    return stated if start.startswith(b"SQLite format 3\0") and stated in _SIZES else 0


def _has_gaps(log: Log, pages: int) -> bool:
    """Whether the database that the log was written for had pages that neither it nor the file has."""
    logged = log.pages(slice(log.followed)) if log.due > pages else {}
    return any(number not in logged for number in range(pages + 1, log.due + 1))


def _rows_at(path: Path, whole: bytes, size: int) -> Iterator[Row]:
    """The rows as SQLite would read them; then as they are with what is behind the log's first wrong frame.

    The second alone might miss some: a commit that failed leaves older pages behind the last one.
    """
    log = log_of(path, size)
    size = log.size
    pages = {at // size + 1: whole[at : at + size] for at in range(0, len(whole) - size + 1, size)}
    pages |= log.pages(slice(log.followed))
    yield from _rows(pages, pages)
    behind = log.pages(slice(log.followed, None))
    yield from _rows(pages | behind, behind)


def _rows(pages: dict[int, bytes], some: dict[int, bytes]) -> Iterator[Row]:
    """The rows on `some` of the pages."""
    for number, page in some.items():
        start = 100 if number == 1 else 0
        if page[start] != _LEAF:
            continue
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        for at in range(start + 8, min(start + 8 + 2 * count, len(page)), 2):
            try:
                row = _row(*_record(pages, page, int.from_bytes(page[at : at + 2], "big")))
            except (IndexError, KeyError, ValueError, struct.error):
                continue  # part of it is gone or something else
            if row:
                yield row


def _row(rowid: int, values: list[Any]) -> Row | None:
    """Which table a record is from, by its form."""
    if len(values) == len(COLUMNS) and _DIGEST.fullmatch(str(values[0])) and isinstance(values[9], str):
        return ("calls", tuple(values)) if _are_amounts([value or 0 for value in values[10:]]) else None
    if len(values) == 2 and sha256(str(values[1]).encode()).hexdigest() == values[0]:
        return "inputs", tuple(values)
    if len(values) == 4 and values[0] is None and 0 < rowid < 2**31 and _are_amounts(values[1:]):
        return "spending", (rowid, *values[1:])
    return None


def _are_amounts(values: list[Any]) -> bool:
    """Whether these can have been spent: what is not must not stop a run at its ceiling."""
    return all(isinstance(value, int | float) and isfinite(value) and value >= 0 for value in values)


def _record(pages: dict[int, bytes], page: bytes, at: int) -> tuple[int, list[Any]]:
    """(row id, values) of the cell at `at`. Raises KeyError, IndexError or ValueError if not all is there."""
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    here = _local(length, len(page))
    payload = [page[at : at + here]]
    if here < length:
        payload += _overflow(pages, int.from_bytes(page[at + here : at + here + 4], "big"), length - here)
    return rowid, list(_values(b"".join(payload)[:length], length))


def _overflow(pages: dict[int, bytes], number: int, length: int) -> Iterator[bytes]:
    """The pages that a payload goes on to, from the first; damage can lead them round in a circle."""
    for _ in range(len(pages)):
        if length <= 0:
            return
        yield pages[number][4:]
        length -= len(pages[number]) - 4
        number = int.from_bytes(pages[number][:4], "big")


def _local(length: int, size: int) -> int:
    """How much of a payload is on its leaf; the rest is on overflow pages."""
    least = (size - 12) * 32 // 255 - 23
    some = least + (length - least) % (size - 4)
    if length <= size - 35:
        return length
    return some if some <= size - 35 else least


def _values(payload: bytes, length: int) -> Iterator[Any]:
    if len(payload) < length:
        raise ValueError("cut off")
    end, at = _varint(payload, 0)
    body = end
    while at < end:
        kind, at = _varint(payload, at)
        size = _INTEGERS.get(kind, 8 if kind == 7 else max(0, kind - 12) // 2)
        yield _value(kind, payload[body : body + size])
        body += size


def _value(kind: int, raw: bytes) -> Any:
    if kind >= 12:
        return raw.decode() if kind % 2 else raw
    if kind == 7:
        return struct.unpack(">d", raw)[0]
    return {0: None, 8: 0, 9: 1}[kind] if kind in (0, 8, 9) else int.from_bytes(raw, "big", signed=True)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """(value, where it ends) of a variable-length integer."""
    value = 0
    for offset in range(8):
        byte = data[at + offset]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + offset + 1
    return value << 8 | data[at + 8], at + 9
