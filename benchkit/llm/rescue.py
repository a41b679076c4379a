"""What can still be read of a damaged journal, page by page (sqlite.org/fileformat2.html).

SQLite mends a log that is cut off and refuses such a database: it reaches rows through pages that are gone.
"""

from __future__ import annotations

import re
import sqlite3
import struct
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

COLUMNS = (
    "key TEXT PRIMARY KEY",
    *("agent TEXT", "model TEXT", '"case" TEXT', "round INTEGER", "attempt INTEGER"),
    *("input TEXT", "parameters TEXT", "status TEXT", "reply TEXT", "sent INTEGER", "cost_usd REAL"),
)
_DIGEST = re.compile(r"[0-9a-f]{64}")
_LEAF = 13  # a page that holds rows of a table
_INTEGERS = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}  # serial type: bytes
Row = tuple[str, tuple[Any, ...]]  # table, values


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file itself is wrong, and not the disk, the folder or another process."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def is_cut_short(path: Path) -> bool:
    """Whether the file ends within a page, or before the first while its log has some.

    SQLite would take such a page's missing end for zeros, and an empty file for new, and delete the log.
    """
    log = Path(f"{path}-wal")
    size, logged = (file.stat().st_size if file.exists() else 0 for file in (path, log))
    if not size:
        return path.exists() and logged > 0
    with path.open("rb") as file:
        return size < 512 or size % _page_size(file.read(18)) > 0


def rescue(path: Path) -> tuple[Path, list[Row]]:
    """Move the journal aside; its new name, and every row that is still there in full, failed calls first."""
    pages = _pages(path)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    for suffix in ("", "-wal"):
        if Path(f"{path}{suffix}").exists():
            Path(f"{path}{suffix}").rename(f"{aside}{suffix}")
    Path(f"{path}-shm").unlink(missing_ok=True)
    return aside, sorted(_rows(pages), key=lambda row: "failed" not in row[1][8:9])


def _pages(path: Path) -> dict[int, bytes]:
    """Every page by its number, as the log has it last, else as the file has it."""
    whole, log = path.read_bytes(), Path(f"{path}-wal")
    frames = log.read_bytes() if log.exists() else b""
    size = _page_size(whole) if whole else int.from_bytes(frames[8:12], "big") or 4096
    pages = {at // size + 1: whole[at : at + size] for at in range(0, len(whole) - size + 1, size)}
    for at in range(32, len(frames) - size - 23, size + 24):
        if frames[at + 8 : at + 16] == frames[16:24]:  # the salt of frames that belong to this log
            pages[int.from_bytes(frames[at : at + 4], "big")] = frames[at + 24 : at + 24 + size]
    return pages


def _page_size(start: bytes) -> int:
    stated = int.from_bytes(start[16:18], "big")
    return 65536 if stated == 1 else stated or 4096


def _rows(pages: dict[int, bytes]) -> Iterator[Row]:
    for number, page in pages.items():
        start = 100 if number == 1 else 0
        if page[start] != _LEAF:
            continue
        count = int.from_bytes(page[start + 3 : start + 5], "big")
        for at in range(start + 8, min(start + 8 + 2 * count, len(page)), 2):
            try:
                row = _row(*_record(pages, page, int.from_bytes(page[at : at + 2], "big")))
            except (IndexError, KeyError, ValueError, struct.error):
                continue  # part of it is beyond the cut
            if row:
                yield row


def _row(rowid: int, values: list[Any]) -> Row | None:
    """Which table a record is from, by its form."""
    if len(values) == len(COLUMNS) and _DIGEST.fullmatch(str(values[0])) and isinstance(values[9], str):
        return "calls", tuple(values)
    if len(values) == 2 and _DIGEST.fullmatch(str(values[0])):
        return "inputs", tuple(values)
    if len(values) == 4 and values[0] is None and not any(isinstance(value, str) for value in values):
        return "spending", (rowid, *values[1:])
    return None


def _record(pages: dict[int, bytes], page: bytes, at: int) -> tuple[int, list[Any]]:
    """(row id, values) of the cell at `at`. Raises KeyError, IndexError or ValueError if not all is there."""
    length, at = _varint(page, at)
    rowid, at = _varint(page, at)
    here = _local(length, len(page))
    payload = page[at : at + here]
    if here < length:
        following = int.from_bytes(page[at + here : at + here + 4], "big")
        while len(payload) < length:
            payload += pages[following][4:]
            following = int.from_bytes(pages[following][:4], "big")
    return rowid, list(_values(payload[:length], length))


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
