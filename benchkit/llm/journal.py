"""Every reply, durable before it is used: SQLite, WAL, full sync, one commit for what arrived together.

The one file that knows the schema. Whoever only reads comes in by `read`, which changes no file of the run.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple, TypeVar
from weakref import WeakValueDictionary

from ..agent import Call, Reply, sendable
from ..errors import RunError, is_full, unwritable
from ..log import setup_logging

T = TypeVar("T")
Spent = tuple[int, float, float]  # requests sent, dollars, seconds at work
logger = setup_logging(__name__)
# Those that this process writes. Their files are not to be opened but by them: to close any of the files lets
# go of the process's locks, and another process would take the log for one that nobody uses.
OPEN: WeakValueDictionary[Path, Journal] = WeakValueDictionary()
BUSY_S = 10.0  # to wait for another process that is at the file
LARGEST_BATCH = 500
LINGER_S = 0.01  # for others to join a commit: each one costs the loop as much as a few calls do
LARGEST_LOG = 64 * 2**20  # a checkpoint then moves it into the database
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS inputs (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, agent TEXT, model TEXT, "case" TEXT, round INTEGER,
    attempt INTEGER, input TEXT, parameters TEXT, status TEXT, reply TEXT, sent INTEGER, cost_usd REAL);
CREATE TABLE IF NOT EXISTS spending (id INTEGER PRIMARY KEY, sent INTEGER, cost_usd REAL, seconds REAL);
CREATE TABLE IF NOT EXISTS limits (model TEXT, name TEXT, size INTEGER, PRIMARY KEY (model, name));
"""
# An answer is not taken back by a failure that is recorded after it.
_AGAIN = """ON CONFLICT(key) DO UPDATE SET sent = calls.sent + excluded.sent,
    status = iif(excluded.status = 'failed', calls.status, excluded.status),
    reply = iif(excluded.status = 'failed' AND calls.status != 'failed', calls.reply, excluded.reply),
    cost_usd = iif(excluded.status = 'failed', calls.cost_usd, excluded.cost_usd)"""


class Asked(NamedTuple):
    """A call on record: where in the run it stands, what was asked and how, and what came; texts as kept."""

    case: str
    round: int
    attempt: int
    key: str
    model: str
    body: str
    parameters: str
    said: str

    @property
    def messages(self) -> list[list[str]]:
        """(role, content) of each."""
        return _parsed(self.body)[0]

    @property
    def tool(self) -> dict[str, Any]:
        return _parsed(self.body)[1]

    @property
    def reply(self) -> Reply:
        return _reply(self.said)


def read(path: Path, query: Callable[[sqlite3.Connection], T]) -> T | None:
    """What `query` finds in a journal that is not going to be written; None where there is none.

    Needs no lock and changes nothing. Raises RunError for a journal that is damaged.
    """
    if writer := OPEN.get(path.resolve()):
        return writer.query(query)
    with explained(path):
        _refuse_no_database(path)
        if not _size(path):
            return None
        with _reading(path) as db:
            return query(db)


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    log = Path(f"{path}-wal")
    if not _size(log):
        with closing(_read_only(path)) as db:
            yield db
        return
    # SQLite would write an index of the log into the run's folder, and may not be able to.
    with TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        shutil.copyfile(log, f"{copy}-wal")  # first: whatever moves into the database since is in both
        shutil.copyfile(path, copy)
        with closing(sqlite3.connect(copy)) as db:
            yield db


def any_simulated(path: Path) -> bool:
    """Whether the offline provider made a reply in the journal, by its fingerprint; so it is taken to be
    where that cannot be told, because the journal or a record is damaged."""
    files = (path, Path(f"{path}-wal"))
    return _any_simulated(path, tuple(file.stat().st_mtime_ns for file in files if file.is_file()))


@lru_cache(maxsize=16)  # every figure asks, and a journal of real models has to be read to its end
def _any_simulated(path: Path, written: tuple[int, ...]) -> bool:
    query = """SELECT 1 FROM calls WHERE CASE WHEN json_valid(reply)
        THEN json_extract(reply, '$.fingerprint') LIKE 'offline%' ELSE 1 END LIMIT 1"""
    try:
        return bool(read(path, lambda db: db.execute(query).fetchone()))
    except RunError:
        return True


def asked_in(db: sqlite3.Connection, role: str, failed: bool = False) -> Iterator[Asked]:
    """The calls on record of the agents whose role is LIKE `role`, without those that failed or with them."""
    query = """SELECT "case", round, attempt, key, model, body, parameters, reply FROM calls
        JOIN inputs ON inputs.digest = calls.input WHERE agent LIKE ? AND (? OR status != 'failed')"""
    return map(Asked._make, db.execute(query, [role, failed]))


def system_prompts(path: Path) -> set[str]:
    """Every system prompt that went with a call on record. Raises RunError for a journal that is damaged."""
    query = "SELECT DISTINCT json_extract(body, '$[0][0][1]') FROM inputs WHERE json_valid(body)"
    return {said for (said,) in read(path, lambda db: db.execute(query).fetchall()) or () if said}


def replies_in(db: sqlite3.Connection, keys: Iterable[str]) -> dict[str, Reply]:
    """The replies on record for `keys`; those that failed are left out, since they are asked again."""
    wanted = list(keys)
    found: dict[str, Reply] = {}
    for start in range(0, len(wanted), 500):
        some = wanted[start : start + 500]
        marks = ",".join("?" * len(some))
        query = f"SELECT key, reply FROM calls WHERE status != 'failed' AND key IN ({marks})"
        found |= {key: _reply(body) for key, body in db.execute(query, some)}
    return found


def keep_failed(path: Path) -> None:
    """Let the failed calls of a journal stand, so that who reads it asks none of them again: for a copy."""
    with explained(path), closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE calls SET status = 'kept' WHERE status = 'failed'")


class _BadRecord(sqlite3.DatabaseError):
    """A record that SQLite reads and that is not as it was written."""


def _reply(body: str) -> Reply:
    try:
        return Reply(**_parsed(body))
    except TypeError as error:
        raise _BadRecord(f"a reply on record is none: {error}") from error


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, TypeError) as error:
        raise _BadRecord(f"a record is no JSON: {error}") from error


def limits_in(db: sqlite3.Connection) -> dict[str, dict[str, int]]:
    """The limits that earlier sessions learnt, by model and name."""
    found: dict[str, dict[str, int]] = {}
    for model, name, size in db.execute("SELECT model, name, size FROM limits"):
        found.setdefault(model, {})[name] = size
    return found


class _Entry(NamedTuple):
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
            self._db, self._reader = _opened(path), _connected(path)
            self.limits = limits_in(self._db)
            self._session = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM spending").fetchone()[0]
        self._commits, self._noted = 0, 0.0  # clock
        OPEN[self._name] = self

    def replies(self, keys: Iterable[str]) -> dict[str, Reply]:
        """What is on record for `keys`, by key; failed calls are left out, since they are asked again."""
        return self.query(lambda db: replies_in(db, keys))

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
        await self._commit_with(_row(call, reply, digest), (digest, body))

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
        self._committed = False
        self._db.execute("BEGIN IMMEDIATE")
        inputs = [entry.input for entry in self._writing if entry.input]
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
        if self._commits % 100 == 0 and _size(Path(f"{self.path}-wal")) > LARGEST_LOG:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _settle(self, problem: Exception | None) -> None:
        """The transaction is over: tell whoever waits for it."""
        batch, self._writing = self._writing, []
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


def _opened(path: Path) -> sqlite3.Connection:
    """The database to write to, with its tables; one that is there is looked at in full before."""
    _refuse_no_database(path)
    if _size(path):
        # A connection that only reads leaves a damaged file and its log as they are, even as it closes.
        with closing(_read_only(path)) as db:
            if (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":  # 0.2 s a 100,000 calls
                raise _damaged(path, found)
    if _size(Path(f"{path}-wal")):
        logger.warning(
            "the last session of %s ended abruptly: what is on record is kept, what was under way is asked "
            "again.", path.parent,
        )  # fmt: skip
    db = _connected(path)
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0"):
        db.execute(f"PRAGMA {pragma}")
    db.executescript(_SCHEMA)
    return db


def _connected(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)


def _refuse_no_database(path: Path) -> None:
    """What SQLite would take for a new file, and write over, deleting the log beside it."""
    size, log = _size(path), _size(Path(f"{path}-wal"))
    if not size and log:
        raise _damaged(path, f"it is gone or empty, and {path.name}-wal is not")
    if size:
        with path.open("rb") as file:
            if file.read(16) != b"SQLite format 3\0" or size < 512:
                raise _damaged(path, "it is no SQLite database")


def _read_only(path: Path) -> sqlite3.Connection:
    """Without a log no file is made beside it either; with one, only the log's index is."""
    sealed = "" if _size(Path(f"{path}-wal")) else "&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro{sealed}", uri=True)


def _size(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's and the disk's errors as a RunError that says what to do."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:  # the last of a damaged name in the schema
        if is_full(error):
            raise unwritable(path, error) from error
        if _is_damage(error):
            raise _damaged(path, str(error)) from error
        raise RunError(
            f"{path} cannot be used as the journal ({error}). If the disk is full or the folder is "
            "read-only, mend that."
        ) from error


def _is_damage(error: Exception) -> bool:
    """Whether the file itself is wrong, and not the disk, the folder or another process."""
    if isinstance(error, _BadRecord | UnicodeDecodeError) or "Could not decode" in str(error):
        return True
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED


def _damaged(path: Path, why: str) -> RunError:
    name = path.name
    return RunError(
        f"{path} is damaged ({' '.join(why.split())[:200]}) and left as it is: `sqlite3 {name} .recover | "
        f"sqlite3 mended.sqlite` reads out what is there, to be put in its place as {name}; moved away, its "
        "replies are paid for again."
    )


def _row(call: Call, reply: Reply, digest: str) -> tuple[Any, ...]:
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


def _wake(done: asyncio.Future, problem: Exception | None) -> None:
    with suppress(RuntimeError):  # nobody waits in a loop that is closed
        if done.done():
            return
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
