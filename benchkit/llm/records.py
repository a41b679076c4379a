"""What a journal's file holds, and how it is opened whatever state it is in."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from ..agent import Call, Reply, sendable
from ..errors import RunError, is_full, unwritable
from ..log import setup_logging
from .frames import gone_from
from .rescue import COLUMNS, Row, finish, is_broken, is_damaged, is_empty, rows_of, stopped_over

T = TypeVar("T")
logger = setup_logging(__name__)
# The journals that this process writes. Their files are not to be looked at but by SQLite: to close any of
# them lets go of the process's locks, and another process would take the log for one that nobody uses.
OPEN: WeakValueDictionary[Path, Any] = WeakValueDictionary()
BUSY_S = 10.0  # to wait for another process that is at the file
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS inputs (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls ({", ".join(COLUMNS)});
CREATE TABLE IF NOT EXISTS spending (id INTEGER PRIMARY KEY, sent INTEGER, cost_usd REAL, seconds REAL);
CREATE TABLE IF NOT EXISTS limits (model TEXT, name TEXT, size INTEGER, PRIMARY KEY (model, name));
"""
_COLUMNS = (
    "digest, body FROM inputs",
    f"{', '.join(column.split()[0] for column in COLUMNS)} FROM calls",
    "id, sent, cost_usd, seconds FROM spending",
    "model, name, size FROM limits",
)
# Where the sessions' sums are gone, what the replies have cost is the least that was spent.
_AT_LEAST = """INSERT INTO spending SELECT last + 1, max(0, sent - noted), max(0, cost - noted_usd), 0 FROM
    (SELECT total(sent) AS sent, total(cost_usd) AS cost FROM calls),
    (SELECT total(sent) AS noted, total(cost_usd) AS noted_usd, coalesce(max(id), 0) AS last FROM spending)
    WHERE sent > noted OR cost > noted_usd"""


def recorded(path: Path, keys: Iterable[str]) -> dict[str, Reply]:
    """What is on record for `keys` in a journal that is not going to be written; {} where there is none."""
    wanted = list(keys)
    return read(path, lambda db: replies_in(db, wanted)) or {}


def read(path: Path, query: Callable[[sqlite3.Connection], T]) -> T | None:
    """What `query` finds in a journal that is not going to be written; None where there is none."""
    if not is_there(path):
        return None
    with explained(path):
        try:
            with closing(opened(path)) as db:
                return query(db)
        except sqlite3.DatabaseError as error:
            if not is_damaged(error) or path.resolve() in OPEN:
                raise
        with closing(_rescued(path)) as db:
            return query(db)


def is_there(path: Path) -> bool:
    """Whether there is a journal, or anything that one can be made from."""
    return path.exists() or Path(f"{path}-wal").exists() or stopped_over(path)


def replies_in(db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Reply]:
    """The replies on record for `keys`; those that are damaged are left out like those that failed."""
    found: dict[str, Reply | None] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ",".join("?" * len(some))
        query = f"SELECT key, CAST(reply AS BLOB) FROM calls WHERE status != 'failed' AND key IN ({marks})"
        found |= {key: _reply(key, body) for key, body in db.execute(query, some)}
    readable = {key: reply for key, reply in found.items() if reply}
    if lost := len(found) - len(readable):
        logger.warning("%d replies on record are damaged and cannot be read: these are asked again.", lost)
    return readable


def _reply(key: str, body: bytes) -> Reply | None:
    """A reply as it was recorded, None where that cannot be read any more."""
    try:
        reply = Reply(**json.loads(body.decode()))
    except (ValueError, TypeError):
        return None
    return reply if reply.key == key else None


def limits_in(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """The limits that earlier sessions learnt, by model and name."""
    found: dict[str, dict[str, int]] = {}
    for model, name, size in db.execute("SELECT model, name, size FROM limits"):
        found.setdefault(model, {})[name] = size
    return found


def opened(path: Path, to_write: bool = False) -> sqlite3.Connection:
    """The database with its tables; a damaged one is replaced by what can still be read of it.

    One that is going to be written is looked at in full, and how its last session ended is said.
    """
    if path.resolve() in OPEN:
        return connected(path)
    if stopped_over(path):
        logger.warning("%s was damaged: what could be read is kept. The damaged file is now %s.",
                       path, finish(path).name)  # fmt: skip
    if is_broken(path):
        return _rescued(path)
    # Before SQLite mends the log. One that is only looked at may be another process's, and has not ended.
    ended = _how_it_ended(path) if to_write or is_empty(path) else ""
    try:
        db = _prepared(connected(path))
        if not to_write or _is_sound(db):
            if ended:
                logger.warning("%s", ended)
            return db
    except sqlite3.DatabaseError as error:
        if not is_damaged(error) and getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_ERROR:
            raise
    except UnicodeDecodeError:  # of a name in the schema, in SQLite's own message
        pass
    return _rescued(path)


def connected(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
    db.text_factory = _text
    return db


def _text(raw: bytes) -> str:
    """A damaged text must not end a query over the others."""
    return raw.decode(errors="replace")


def _is_sound(db: sqlite3.Connection) -> bool:
    """Whether SQLite finds every page in its place, for 0.2 s a 100,000 calls; closes it otherwise."""
    try:
        sound = db.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
    except sqlite3.Error:
        db.close()
        raise
    if not sound:
        db.close()
    return sound


def _rescued(path: Path) -> sqlite3.Connection:
    """What can be read of a damaged journal takes its place once it is whole: being stopped costs nothing."""
    new = path.with_name(f"{path.name}.rescued")
    _remove(new)
    try:
        with closing(_prepared(connected(new))) as db:
            kept = _restore(db, rows_of(path))
            # To close it would do the same, and on a full disk keep quiet about having failed.
            if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise sqlite3.OperationalError(f"{new.name} is in use")
    except BaseException:
        _remove(new)  # the room that it took is needed
        raise
    aside = finish(path, new)
    logger.warning(
        "%s was damaged or cut off: %d replies could be read and are kept, any others are asked again. "
        "The damaged file is now %s.", path, kept, aside.name,
    )  # fmt: skip
    return _prepared(connected(path))


def _remove(database: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)


def _restore(db: sqlite3.Connection, rows: Iterable[Row]) -> int:
    """Write the rows; how many replies are among them."""
    with db:
        db.execute("BEGIN IMMEDIATE")
        for table, values in sorted(map(_readable, rows), key=_preference):
            marks = ",".join("?" * len(values))
            db.execute(f"INSERT OR REPLACE INTO {table} VALUES ({marks})", values)
        db.execute(_AT_LEAST)
    return db.execute("SELECT count(*) FROM calls WHERE status != 'failed'").fetchone()[0]


def _readable(row: Row) -> Row:
    """A call whose reply is damaged counts as failed: it is asked again, and what it has cost is kept."""
    table, values = row
    if table != "calls" or _reply(values[0], values[9].encode()):
        return row
    body = {"key": values[0], "status": "failed", "error": "the reply on record is damaged"}
    return table, (*values[:8], "failed", json.dumps(body), *values[10:])


def _preference(row: Row) -> tuple[bool, float]:
    """Of two versions of a row the later one counts: an answer, or more that is spent."""
    table, values = row
    return "failed" not in values[8:9], values[1] if table == "spending" else 0


def _prepared(db: sqlite3.Connection) -> sqlite3.Connection:
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.executescript(_SCHEMA)
        for columns in _COLUMNS:  # a schema that is damaged may still be one
            db.execute(f"SELECT {columns} LIMIT 0")
    except Exception:
        db.close()
        raise
    return db


@contextmanager
def explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if is_full(error):
            raise unwritable(path, error) from error
        raise RunError(
            f"{path} cannot be used as the journal ({error}). If the disk is full or the folder is "
            "read-only, mend that; a damaged file can be moved away, and its replies are paid for again."
        ) from error


def _how_it_ended(path: Path) -> str:
    """What there is to say of a journal that SQLite can open, "" where its last session closed it."""
    log = Path(f"{path}-wal")
    if is_empty(path):
        return f"{path} is empty: nothing is on record, so what is asked is paid for again."
    if gone_from(path):
        return f"the end of {log} is gone: the replies in it are asked again, and their cost is not known."
    if log.exists() and log.stat().st_size:
        return (
            f"the last session of {path.parent} ended abruptly: what is on record is kept, what was under "
            "way is asked again."
        )
    return ""


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
