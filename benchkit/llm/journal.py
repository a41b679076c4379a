"""Every reply, durable before it is used: SQLite, WAL, full sync, one commit for what arrived together."""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
from collections.abc import Iterable
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

from ..agent import Call, Reply
from ..errors import RunError
from ..log import setup_logging

logger = setup_logging(__name__)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS inputs (digest TEXT PRIMARY KEY, body TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    key TEXT PRIMARY KEY, agent TEXT, model TEXT, "case" TEXT, round INTEGER, attempt INTEGER,
    input TEXT, parameters TEXT, status TEXT, reply TEXT, sent INTEGER, cost_usd REAL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sessions (id INTEGER PRIMARY KEY, seconds REAL);
"""
_RECORD = """
INSERT INTO calls VALUES (?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT(key) DO UPDATE SET
    status = excluded.status, reply = excluded.reply, sent = calls.sent + excluded.sent,
    cost_usd = excluded.cost_usd
"""
_Entry = tuple[Call, Reply, asyncio.AbstractEventLoop, asyncio.Future]


class Journal:
    """The replies of a run. `record` returns once a reply is on disk; failed calls are asked again."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal. Raises RunError when the file cannot be used."""
        self.path = path
        self._entries: queue.SimpleQueue[_Entry | None] = queue.SimpleQueue()
        try:
            self._db = _open(path)
        except sqlite3.Error as error:
            raise RunError(
                f"{path} cannot be used as the journal ({error}). If the disk is full or the folder is "
                "read-only, mend that; a damaged file can be moved away, and its replies are paid for again."
            ) from error
        self._inputs = {digest for (digest,) in self._db.execute("SELECT digest FROM inputs")}
        self._writer = threading.Thread(target=self._write, name="journal", daemon=True)
        self._writer.start()

    def replies(self, keys: Iterable[str]) -> dict[str, Reply]:
        """What is on record for `keys`, by key; failed calls are left out, since they are asked again."""
        wanted = list(keys)
        found: dict[str, Reply] = {}
        for start in range(0, len(wanted), 500):
            some = wanted[start : start + 500]
            marks = ",".join("?" * len(some))
            query = f"SELECT key, reply FROM calls WHERE status != 'failed' AND key IN ({marks})"
            found |= {key: Reply(**json.loads(reply)) for key, reply in self._db.execute(query, some)}
        return found

    def spent(self) -> tuple[int, float, float]:
        """(requests sent, dollars, seconds at work) over the whole run, resumes included."""
        calls, cost = self._db.execute("SELECT total(sent), total(cost_usd) FROM calls").fetchone()
        (worked,) = self._db.execute("SELECT total(seconds) FROM sessions").fetchone()
        return int(calls), cost, worked

    async def record(self, call: Call, reply: Reply) -> None:
        """Commit `reply`; concurrent callers share one commit. Raises RunError when it cannot be written."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future = loop.create_future()
        self._entries.put((call, reply, loop, done))
        await done

    def close(self, worked_s: float = 0.0) -> None:
        """Write what is waiting, note the time at work, and let go of the file."""
        self._entries.put(None)
        self._writer.join()
        try:
            if worked_s:
                self._db.execute("INSERT INTO sessions (seconds) VALUES (?)", (worked_s,))
        except sqlite3.Error as error:
            logger.warning("the time at work was not recorded (%s)", error)
        self._db.close()

    def _write(self) -> None:
        while (entry := self._entries.get()) is not None:
            batch = [entry]
            while not self._entries.empty() and len(batch) < 1000:
                following = self._entries.get()
                if following is None:
                    self._entries.put(None)
                    break
                batch.append(following)
            self._settle(batch, self._commit(batch))

    def _commit(self, batch: list[_Entry]) -> sqlite3.Error | None:
        try:
            with self._db:
                self._db.execute("BEGIN IMMEDIATE")
                for call, reply, _, _ in batch:
                    self._insert(call, reply)
        except sqlite3.Error as error:
            self._inputs.clear()
            return error
        return None

    def _insert(self, call: Call, reply: Reply) -> None:
        body = json.dumps([call.messages, call.tool.definition()], ensure_ascii=False)
        digest = sha256(body.encode("utf-8", "surrogatepass")).hexdigest()
        if digest not in self._inputs:
            self._db.execute("INSERT OR IGNORE INTO inputs VALUES (?, ?)", (digest, _storable(body)))
            self._inputs.add(digest)
        self._db.execute(_RECORD, _row(call, reply, digest))

    def _settle(self, batch: list[_Entry], error: sqlite3.Error | None) -> None:
        problem = error and RunError(
            f"{self.path} cannot be written ({error}). Free the disk or make the folder writable, then run "
            "the same cell or command again: everything recorded so far is kept."
        )
        for loop in {id(entry[2]): entry[2] for entry in batch}.values():
            waiting = [done for _, _, owner, done in batch if owner is loop]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_wake, waiting, problem or None)


def _open(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.executescript(_SCHEMA)
    return db


def _row(call: Call, reply: Reply, digest: str) -> tuple[Any, ...]:
    parameters: dict[str, Any] = {
        "temperature": call.temperature,
        "max_tokens": call.max_tokens,
        "seed": call.seed,
    }
    parameters |= {"reasoning_effort": call.reasoning_effort} if call.reasoning_effort else {}
    body = _storable(json.dumps(asdict(reply), ensure_ascii=False))
    where = (call.agent, call.model, call.case, call.round, call.attempt)
    return (
        call.key,
        *where,
        digest,
        json.dumps(parameters),
        reply.status,
        body,
        reply.attempts,
        reply.cost_usd,
    )


def _storable(text: str) -> str:
    """Lone surrogates, which models do send in JSON escapes, cannot be stored as UTF-8."""
    return text.encode("utf-8", "replace").decode()


def _wake(waiting: list[asyncio.Future], problem: RunError | None) -> None:
    for done in waiting:
        if done.done():
            continue
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
