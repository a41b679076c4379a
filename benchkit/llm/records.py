"""What a journal's file holds, and how it is opened whatever state it is in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from ..agent import Call, Reply, sendable
from ..errors import RunError
from ..log import setup_logging
from .rescue import COLUMNS, is_cut_short, is_damaged, rescue

T = TypeVar("T")
logger = setup_logging(__name__)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS inputs (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls ({", ".join(COLUMNS)});
CREATE TABLE IF NOT EXISTS spending (id INTEGER PRIMARY KEY, sent INTEGER, cost_usd REAL, seconds REAL);
CREATE TABLE IF NOT EXISTS limits (model TEXT, name TEXT, size INTEGER, PRIMARY KEY (model, name));
"""


def recorded(path: Path, keys: Iterable[str]) -> dict[str, Reply]:
    """What is on record for `keys` in a journal that is not going to be written; {} where there is none."""
    wanted = list(keys)
    return read(path, lambda db: replies_in(db, wanted)) or {}


def read(path: Path, query: Callable[[sqlite3.Connection], T]) -> T | None:
    """What `query` finds in a journal that is not going to be written; None where there is none."""
    if not path.exists():
        return None
    with explained(path), closing(opened(path)) as db:
        return query(db)


def replies_in(db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Reply]:
    found: dict[str, Reply] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ",".join("?" * len(some))
        query = f"SELECT key, reply FROM calls WHERE status != 'failed' AND key IN ({marks})"
        found |= {key: Reply(**json.loads(reply)) for key, reply in db.execute(query, some)}
    return found


def limits_in(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """The limits that earlier sessions learnt, by model and name."""
    found: dict[str, dict[str, int]] = {}
    for model, name, size in db.execute("SELECT model, name, size FROM limits"):
        found.setdefault(model, {})[name] = size
    return found


def opened(path: Path) -> sqlite3.Connection:
    """The database with its tables; a damaged one is replaced by what can still be read of it."""
    if not is_cut_short(path):
        try:
            return _prepared(connected(path))
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
    aside, rows = rescue(path)
    db = _prepared(connected(path))
    with db:
        db.execute("BEGIN IMMEDIATE")
        for table, values in rows:
            marks = ",".join("?" * len(values))
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)
    kept = db.execute("SELECT count(*) FROM calls").fetchone()[0]
    logger.warning(
        "%s was damaged or cut off: %d replies could be read and are kept, any others are asked again. "
        "The damaged file is now %s.", path, kept, aside.name,
    )  # fmt: skip
    return db


def connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise RunError(
            f"{path} cannot be used as the journal ({error}). If the disk is full or the folder is "
            "read-only, mend that; a damaged file can be moved away, and its replies are paid for again."
        ) from error


def unwritable(path: Path, error: Exception) -> str:
    return (
        f"{path} cannot be written ({error}). Free the disk or make the folder writable, then run "
        "the same cell or command again: everything recorded so far is kept."
    )


def say_if_cut_off(path: Path) -> None:
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        logger.warning(
            "the last session of %s ended abruptly: what is on record is kept, what was under way is asked "
            "again.", path.parent,
        )  # fmt: skip


def row_of(call: Call, reply: Reply, digest: str) -> tuple[Any, ...]:
    parameters: dict[str, Any] = {
        "temperature": call.temperature,
        "max_tokens": call.max_tokens,
        "seed": call.seed,
    }
    parameters |= {"reasoning_effort": call.reasoning_effort} if call.reasoning_effort else {}
    where = (sendable(call.agent), sendable(call.model), sendable(call.case), call.round, call.attempt)
    body = sendable(json.dumps({name: getattr(reply, name) for name in Reply.__slots__}, ensure_ascii=False))
    asked = (digest, json.dumps(parameters))
    return (call.key, *where, *asked, reply.status, body, reply.attempts, reply.cost_usd)
