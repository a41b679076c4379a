"""Every reply, durable before it is used: SQLite, WAL, full sync, one commit for what arrived together."""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..agent import Call, Reply, sendable
from ..errors import RunError
from ..log import setup_logging
from .rescue import COLUMNS, is_damaged, is_emptied, rescue

logger = setup_logging(__name__)
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS inputs (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls ({", ".join(COLUMNS)});
CREATE TABLE IF NOT EXISTS spending (id INTEGER PRIMARY KEY, sent INTEGER, cost_usd REAL, seconds REAL);
"""
_AGAIN = """ON CONFLICT(key) DO UPDATE SET status = excluded.status, reply = excluded.reply,
    sent = calls.sent + excluded.sent, cost_usd = excluded.cost_usd"""
LARGEST_BATCH = 500
LINGER_S = (
    0.003  # for others to join a commit: the writer takes turns with the loop, and each turn costs both
)
# Until a checkpoint moves it into the database, the log is only appended to: a cut costs only its end.
LARGEST_LOG = 64 * 2**20
Spent = tuple[int, float, float]  # requests sent, dollars, seconds at work


@dataclass(frozen=True)
class _Entry:
    """A reply's row, or none: then only what is spent is noted."""

    row: tuple[Any, ...] | None
    input: tuple[str, str] | None
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future


class Journal:
    """The replies of a run. `record` returns once a reply is on disk; failed calls are asked again.

    `spending` is asked for what this session has spent so far, so that a run that is killed counts it too.
    """

    def __init__(self, path: Path, spending: Callable[[], Spent] = lambda: (0, 0.0, 0.0)) -> None:
        """Open or create the journal. Raises RunError when the file cannot be used."""
        self.path, self._spending = path, spending
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        with _explained(path):
            _say_if_cut_off(path)
            self._db = _opened(path)
            self._reader = _connected(path)
            self._inputs = {digest for (digest,) in self._db.execute("SELECT digest FROM inputs")}
            self._session = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM spending").fetchone()[0]
        self._noted = 0.0  # clock
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def replies(self, keys: Iterable[str]) -> dict[str, Reply]:
        """What is on record for `keys`, by key; failed calls are left out, since they are asked again."""
        with _explained(self.path):
            return _replies(self._reader, list(keys))

    def spent(self) -> Spent:
        """What the whole run has spent, resumes included."""
        with _explained(self.path):
            recorded = self._reader.execute("SELECT total(sent), total(cost_usd) FROM calls").fetchone()
            query = "SELECT total(sent), total(cost_usd), total(seconds) FROM spending"
            sent, cost, seconds = self._reader.execute(query).fetchone()
        return int(max(sent, recorded[0])), max(cost, recorded[1]), seconds

    async def record(self, call: Call, reply: Reply) -> None:
        """Commit `reply`; concurrent callers share one commit. Raises RunError when it cannot be written."""
        body = json.dumps([call.messages, call.tool.definition], ensure_ascii=False)
        digest = sha256(body.encode()).hexdigest()
        await self._commit_with(_row(call, reply, digest), (digest, body))

    async def note(self) -> None:
        """Commit what is spent so far, with what is about to be sent: a ceiling has to survive a crash."""
        await self._commit_with(None, None)

    def close(self) -> None:
        """Write what is waiting and let go of the file."""
        self._entries.put(None)
        self._writer.join()
        self._reader.close()
        try:
            self._note_spending()
        except sqlite3.Error as error:
            logger.warning("what this session spent was not recorded in %s (%s)", self.path, error)
        with suppress(sqlite3.Error):
            self._db.close()

    async def _commit_with(self, row: tuple[Any, ...] | None, input: tuple[str, str] | None) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future = loop.create_future()
        self._entries.put(_Entry(row, input, loop, done))
        await done

    def _write(self) -> None:
        while (entry := self._entries.get()) is not None:
            time.sleep(LINGER_S)
            batch = [entry]
            while not self._entries.empty() and len(batch) < LARGEST_BATCH:
                following = self._entries.get()
                if following is None:
                    self._entries.put(None)
                    break
                batch.append(following)
            self._settle(batch, self._commit(batch))

    def _commit(self, batch: Sequence[_Entry]) -> sqlite3.Error | None:
        rows = [entry.row for entry in batch if entry.row]
        new = {entry.input[0]: entry.input for entry in batch if entry.input}
        inputs = [input for digest, input in new.items() if digest not in self._inputs]
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                self._insert("inputs", inputs, "ON CONFLICT DO NOTHING")
                self._insert("calls", rows, _AGAIN)
                if len(rows) < len(batch) or time.monotonic() - self._noted > 1:
                    self._note_spending()
            self._inputs.update(new)
            self._shorten_log()
        except sqlite3.Error as error:
            return error
        return None

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]], otherwise: str) -> None:
        """One statement for all: each one costs this thread a wait for its turn."""
        if rows:
            marks = ",".join(["(" + ",".join("?" * len(rows[0])) + ")"] * len(rows))
            values = [value for row in rows for value in row]
            self._db.execute(f"INSERT INTO {table} VALUES {marks} {otherwise}", values)

    def _note_spending(self) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO spending VALUES (?,?,?,?)", (self._session, *self._spending())
        )
        self._noted = time.monotonic()

    def _shorten_log(self) -> None:
        log = Path(f"{self.path}-wal")
        if log.exists() and log.stat().st_size > LARGEST_LOG:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _settle(self, batch: Sequence[_Entry], error: sqlite3.Error | None) -> None:
        problem = RunError(_unwritable(self.path, error)) if error else None
        for loop in {id(entry.loop): entry.loop for entry in batch}.values():
            waiting = [entry.done for entry in batch if entry.loop is loop]
            with suppress(RuntimeError):  # nobody waits in a loop that is closed
                loop.call_soon_threadsafe(_wake, waiting, problem)


def recorded(path: Path, keys: Iterable[str]) -> dict[str, Reply]:
    """What is on record for `keys` in a journal that is not going to be written; {} where there is none."""
    if not path.exists():
        return {}
    with _explained(path):
        db = _opened(path)
        try:
            return _replies(db, list(keys))
        finally:
            db.close()


def _replies(db: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Reply]:
    found: dict[str, Reply] = {}
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        marks = ",".join("?" * len(some))
        query = f"SELECT key, reply FROM calls WHERE status != 'failed' AND key IN ({marks})"
        found |= {key: Reply(**json.loads(reply)) for key, reply in db.execute(query, some)}
    return found


def _opened(path: Path) -> sqlite3.Connection:
    """The database with its tables; a damaged one is replaced by what can still be read of it."""
    if not is_emptied(path):
        try:
            return _prepared(_connected(path))
        except sqlite3.DatabaseError as error:
            if not is_damaged(error):
                raise
    aside, rows = rescue(path)
    db = _prepared(_connected(path))
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


def _connected(path: Path) -> sqlite3.Connection:
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
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise RunError(
            f"{path} cannot be used as the journal ({error}). If the disk is full or the folder is "
            "read-only, mend that; a damaged file can be moved away, and its replies are paid for again."
        ) from error


def _unwritable(path: Path, error: Exception) -> str:
    return (
        f"{path} cannot be written ({error}). Free the disk or make the folder writable, then run "
        "the same cell or command again: everything recorded so far is kept."
    )


def _say_if_cut_off(path: Path) -> None:
    log = Path(f"{path}-wal")
    if log.exists() and log.stat().st_size:
        logger.warning(
            "the last session of %s ended abruptly: what is on record is kept, what was under way is asked "
            "again.", path.parent,
        )  # fmt: skip


def _row(call: Call, reply: Reply, digest: str) -> tuple[Any, ...]:
    parameters: dict[str, Any] = {
        "temperature": call.temperature,
        "max_tokens": call.max_tokens,
        "seed": call.seed,
    }
    parameters |= {"reasoning_effort": call.reasoning_effort} if call.reasoning_effort else {}
    where = (sendable(call.agent), sendable(call.model), sendable(call.case), call.round, call.attempt)
    body = sendable(json.dumps(vars(reply), ensure_ascii=False))
    asked = (digest, json.dumps(parameters))
    return (call.key, *where, *asked, reply.status, body, reply.attempts, reply.cost_usd)


def _wake(waiting: Iterable[asyncio.Future], problem: RunError | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
