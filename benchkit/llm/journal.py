"""Every reply, durable before it is used: SQLite, WAL, full sync, one commit for what arrived together."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..agent import Call, Reply
from ..errors import RunError, unwritable
from ..log import setup_logging
from .records import OPEN, T, connected, explained, limits_in, opened, replies_in, row_of

logger = setup_logging(__name__)
# An answer is not taken back by a failure that is recorded after it.
_AGAIN = """ON CONFLICT(key) DO UPDATE SET sent = calls.sent + excluded.sent,
    status = iif(excluded.status = 'failed', calls.status, excluded.status),
    reply = iif(excluded.status = 'failed' AND calls.status != 'failed', calls.reply, excluded.reply),
    cost_usd = iif(excluded.status = 'failed', calls.cost_usd, excluded.cost_usd)"""
LARGEST_BATCH = 500
LINGER_S = 0.01  # for others to join a commit: each one costs the loop as much as a few calls do
# Until a checkpoint moves it into the database, the log is only appended to: a cut costs only its end.
LARGEST_LOG = 64 * 2**20
Spent = tuple[int, float, float]  # requests sent, dollars, seconds at work


@dataclass(frozen=True)
class _Entry:
    """A reply's row, or none: then only what is spent is noted."""

    row: tuple[Any, ...] | None
    input: tuple[str, str] | None
    done: asyncio.Future


class Journal:
    """The replies of a run. `record` returns once a reply is on disk; failed calls are asked again.

    `spending` is asked for what this session has spent so far, so that a run that is killed counts it too.
    `limits` are the provider's by model and name, as the sessions learnt them.
    All but COMMIT happens in the event loop: a second thread that works takes turns with it, and each turn
    costs both. The loop leaves the connection alone while the thread has it.
    """

    def __init__(self, path: Path, spending: Callable[[], Spent] = lambda: (0, 0.0, 0.0)) -> None:
        """Open or create the journal. Raises RunError when the file cannot be used."""
        self.path, self._spending = path, spending
        self._waiting: list[_Entry] = []
        self._writing: list[_Entry] = []  # what is in the transaction under way
        self._committed = True
        self._flushing: asyncio.Future | None = None
        self._pool = ThreadPoolExecutor(1, "journal")
        self._name = path.resolve()  # of the file, wherever the folder goes
        if self._name in OPEN:
            raise RunError(f"{path.parent} is in use by another client here. Ask with that one, or wait.")
        with explained(path):
            self._db = opened(path, to_write=True)
            self._reader = connected(path)
            digests = self._db.execute("SELECT digest FROM inputs WHERE digest NOT GLOB '*[^0-9a-f]*'")
            self._inputs = {bytes.fromhex(row[0]) for row in digests if len(row[0]) == 64}
            self.limits = limits_in(self._db)
            self._session = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM spending").fetchone()[0]
        self._commits, self._noted = 0, 0.0  # clock
        OPEN[self._name] = self

    def replies(self, keys: Iterable[str]) -> dict[str, Reply]:
        """What is on record for `keys`, by key; failed calls are left out, since they are asked again."""
        return self.query(lambda db: replies_in(db, list(keys)))

    def query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` finds among what is committed."""
        with explained(self.path):
            return query(self._reader)

    def spent(self) -> Spent:
        """What the whole run has spent, resumes included."""
        with explained(self.path):
            recorded = self._reader.execute("SELECT total(sent), total(cost_usd) FROM calls").fetchone()
            query = "SELECT total(sent), total(cost_usd), total(seconds) FROM spending"
            sent, cost, seconds = self._reader.execute(query).fetchone()
        return int(max(sent, recorded[0])), max(cost, recorded[1]), seconds

    async def record(self, call: Call, reply: Reply) -> None:
        """Commit `reply`; concurrent callers share one commit. Raises RunError when it cannot be written."""
        body = f"[{json.dumps(call.messages, ensure_ascii=False)}, {call.tool.text}]"
        digest = sha256(body.encode()).hexdigest()
        await self._commit_with(row_of(call, reply, digest), (digest, body))

    async def note(self) -> None:
        """Commit what is spent so far, with what is about to be sent: a ceiling has to survive a crash."""
        await self._commit_with(None, None)

    def close(self) -> None:
        """Write what is waiting and let go of the file."""
        self._pool.shutdown()  # once a commit under way is over
        with suppress(RuntimeError):  # the loop is closed
            if self._flushing:
                self._flushing.cancel()
        self._reader.close()
        problem: Exception | None = None
        try:
            while self._writing or self._waiting:
                self._begin()
                self._commit()
                self._settle(None)
            self._note_spending()
        except (sqlite3.Error, OSError) as error:
            problem = unwritable(self.path, error)
            logger.warning("the end of this session was not recorded in %s (%s)", self.path, error)
        self._writing += self._waiting
        self._settle(problem)
        with suppress(sqlite3.Error):
            self._db.close()
        OPEN.pop(self._name, None)

    async def _commit_with(self, row: tuple[Any, ...] | None, input: tuple[str, str] | None) -> None:
        done: asyncio.Future = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(row, input, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.ensure_future(self._flush())
        await done

    async def _flush(self) -> None:
        """Commit what waits, batch by batch; only the wait for the disk is left to the thread."""
        while self._waiting or self._writing:
            await asyncio.sleep(LINGER_S)
            problem: Exception | None = None
            try:
                self._begin()
                await asyncio.get_running_loop().run_in_executor(self._pool, self._commit)
            except Exception as error:  # whatever it is, nobody is to wait for ever
                ours = not isinstance(error, sqlite3.Error | OSError)
                problem = error if ours else unwritable(self.path, error)
                with suppress(sqlite3.Error):
                    self._db.execute("ROLLBACK")
            self._settle(problem)

    def _begin(self) -> None:
        """Begin a transaction with the next batch in it, unless a loop went away over one."""
        if self._writing:
            return
        self._writing, self._waiting = self._waiting[:LARGEST_BATCH], self._waiting[LARGEST_BATCH:]
        rows = [entry.row for entry in self._writing if entry.row]
        new = {entry.input[0]: entry.input for entry in self._writing if entry.input}
        self._committed = False
        self._db.execute("BEGIN IMMEDIATE")
        inputs = [input for digest, input in new.items() if bytes.fromhex(digest) not in self._inputs]
        self._insert("inputs", inputs, "ON CONFLICT DO NOTHING")
        self._insert("calls", rows, _AGAIN)
        if len(rows) < len(self._writing) or time.monotonic() - self._noted > 1:
            self._note_spending()

    def _commit(self) -> None:
        """The only thing that is done in the thread, once or, after a loop went away, twice."""
        if not self._committed:
            self._db.execute("COMMIT")
            self._committed = True
        self._commits += 1
        if self._commits % 100 == 0 and Path(f"{self.path}-wal").stat().st_size > LARGEST_LOG:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _settle(self, problem: Exception | None) -> None:
        """The transaction is over: tell whoever waits for it."""
        batch, self._writing = self._writing, []
        if not problem:
            self._inputs.update(bytes.fromhex(entry.input[0]) for entry in batch if entry.input)
        for entry in batch:
            _wake(entry.done, problem)

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]], otherwise: str) -> None:
        if rows:
            marks = ",".join(["(" + ",".join("?" * len(rows[0])) + ")"] * len(rows))
            values = [value for row in rows for value in row]
            self._db.execute(f"INSERT INTO {table} VALUES {marks} {otherwise}", values)

    def _note_spending(self) -> None:
        values = (self._session, *self._spending())
        self._db.execute("INSERT OR REPLACE INTO spending VALUES (?,?,?,?)", values)
        # All of a model's: which limits are known no longer was learnt, too.
        self._db.executemany("DELETE FROM limits WHERE model = ?", [(model,) for model in self.limits])
        learnt = [(model, *limit) for model, some in self.limits.items() for limit in some.items()]
        self._insert("limits", learnt, "ON CONFLICT DO UPDATE SET size = excluded.size")
        self._noted = time.monotonic()


def _wake(done: asyncio.Future, problem: Exception | None) -> None:
    with suppress(RuntimeError):  # nobody waits in a loop that is closed
        if done.done():
            return
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
