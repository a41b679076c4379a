"""Every reply, durable before it is used: SQLite, WAL, full sync, one commit for what arrived together.

The one file that knows the schema. Whoever only reads comes in by `looking`, which changes no file.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from ..agent import Call, Reply, sendable
from ..errors import RunError, is_full, unwritable
from ..log import setup_logging
from .budget import Spent

Place = tuple[str, int, int]  # case, round, attempt
logger = setup_logging(__name__)
# Those that this process writes. Their files are not to be opened but by them: to close any of the files lets
# go of the process's locks, and another process would take the log for one that nobody uses.
OPEN: WeakValueDictionary[Path, Journal] = WeakValueDictionary()
BUSY_S = 10.0  # to wait for another process that is at the file
LARGEST_BATCH = 500
LINGER_S = 0.01  # for others to join a commit: each one costs the loop as much as a few calls do
LARGEST_LOG = 16_384  # pages of 4 KB; a checkpoint then moves them into the database
_PARAMETERS = ("temperature", "max_tokens", "seed", "reasoning_effort")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS inputs (digest TEXT PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (key TEXT PRIMARY KEY, agent TEXT, model TEXT, "case" TEXT, round INTEGER,
    attempt INTEGER, input TEXT, parameters TEXT, status TEXT, reply TEXT, sent INTEGER, cost_usd REAL);
CREATE TABLE IF NOT EXISTS spending (id INTEGER PRIMARY KEY, sent INTEGER, cost_usd REAL, seconds REAL);
CREATE TABLE IF NOT EXISTS limits (model TEXT, name TEXT, size INTEGER, PRIMARY KEY (model, name));
CREATE TABLE IF NOT EXISTS shards (id INTEGER PRIMARY KEY, hash TEXT, keys TEXT, most_usd REAL, batch TEXT,
    state TEXT);
"""
# An answer is not taken back by a failure that is recorded after it.
_AGAIN = """ON CONFLICT(key) DO UPDATE SET sent = calls.sent + excluded.sent,
    status = iif(excluded.status = 'failed', calls.status, excluded.status),
    reply = iif(excluded.status = 'failed' AND calls.status != 'failed', calls.reply, excluded.reply),
    cost_usd = iif(excluded.status = 'failed', calls.cost_usd, excluded.cost_usd)"""


class Asked(NamedTuple):
    """A call on record: where in the run it stands, and what was asked; texts as kept."""

    place: Place
    key: str
    model: str
    body: str
    parameters: str

    def parts(self) -> dict[str, Any]:
        """What was asked, as `parts_of` gives it; {} for a repair."""
        messages, tool = _parsed(self.body)
        return _parts(self.model, _parsed(self.parameters), messages, tool) if len(messages) == 2 else {}


def parts_of(call: Call) -> dict[str, Any]:
    """What a call asks by the names under which a change of it is told."""
    return _parts(call.model, call.parameters, list(map(list, call.messages)), call.tool.definition)


def _parts(model: str, parameters: Mapping[str, Any], messages: list[Any], tool: Any) -> dict[str, Any]:
    own = {name: parameters.get(name) or 0 for name in _PARAMETERS}
    # The tool as text: a model sees the order of its keys, too.
    said = {"system prompt": messages[0], "prompt": messages[1], "tool or schema": json.dumps(tool)}
    return {"model": model} | own | said


class Shard(NamedTuple):
    """Calls that go to the provider in one batch. `state` is intended (it may have been made), asked (its
    batch is known), read, done (with all that it left open) or void (there is no such batch)."""

    id: int
    hash: str
    keys: list[str]
    most_usd: float
    batch: str
    state: str


class Record:
    """What is on record, as one connection finds it among what is committed."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self._path, self._db = path, db

    def replies(self, keys: Iterable[str]) -> dict[str, Reply]:
        """The replies for `keys`, by key; those that failed are left out, since they are asked again."""
        wanted = list(keys)
        found: dict[str, Reply] = {}
        with explained(self._path):
            for start in range(0, len(wanted), 500):
                some = wanted[start : start + 500]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, reply FROM calls WHERE status != 'failed' AND key IN ({marks})"
                found |= {key: _reply(body) for key, body in self._db.execute(query, some)}
        return found

    def asked(self, role: str) -> Iterator[Asked]:
        """The calls of the agents of that role which did not fail."""
        query = """SELECT "case", round, attempt, key, model, body, parameters FROM calls
            JOIN inputs ON inputs.digest = calls.input WHERE agent = ? AND status != 'failed'"""
        for case, round, attempt, *rest in self._db.execute(query, [role]):
            yield Asked((case, round, attempt), *rest)

    def limits(self) -> dict[str, dict[str, int]]:
        """The limits that earlier sessions learnt, by model and name."""
        found: dict[str, dict[str, int]] = {}
        for model, name, size in self._db.execute("SELECT model, name, size FROM limits"):
            found.setdefault(model, {})[name] = size
        return found

    def spent(self) -> Spent:
        """What the whole run has spent, resumes included."""
        sums = "total(sent), total(cost_usd)"
        sent, cost, seconds = self._db.execute(f"SELECT {sums}, total(seconds) FROM spending").fetchone()
        recorded = self._db.execute(f"SELECT {sums} FROM calls").fetchone()
        return int(max(sent, recorded[0])), max(cost, recorded[1]), seconds

    def cost_usd(self) -> tuple[float, float]:
        """What the replies on record cost, and at most all that was sent: some tell no price."""
        recorded = self._db.execute("SELECT total(cost_usd) FROM calls").fetchone()[0]
        most = self.spent()[1]
        return recorded, recorded if math.isclose(recorded, most) else most

    def paid(self, roles: Iterable[str]) -> Iterator[tuple[str, str, str, int, float]]:
        """(role, model, case, how many calls have a price, their dollars) of the agents of these roles."""
        wanted = list(roles)
        query = f"""SELECT agent, model, "case", count(cost_usd), total(cost_usd) FROM calls
            WHERE agent IN ({",".join("?" * len(wanted))}) GROUP BY agent, model, "case" """
        yield from self._db.execute(query, wanted)

    def simulated(self) -> bool:
        """Whether the offline provider made a reply, by its fingerprint, or one cannot be read."""
        query = """SELECT 1 FROM calls WHERE CASE WHEN json_valid(reply)
            THEN json_extract(reply, '$.fingerprint') LIKE 'offline%' ELSE 1 END LIMIT 1"""
        return bool(self._db.execute(query).fetchone())


@contextmanager
def looking(path: Path) -> Iterator[Record]:
    """What is on record in a journal that is not going to be written; nothing is where there is none.

    Needs no lock and changes nothing. Raises RunError for a journal that is damaged.
    """
    with explained(path):
        if writer := OPEN.get(path.resolve()):
            yield writer.on_record
            return
        _refuse_no_database(path)
        with TemporaryDirectory() as folder, closing(_to_read(path, Path(folder))) as db:
            yield Record(path, db)


def _to_read(path: Path, folder: Path) -> sqlite3.Connection:
    """The journal, or where it has a log a copy in `folder`: SQLite would write the log's index beside it."""
    log = Path(f"{path}-wal")
    if not _size(path):
        db = sqlite3.connect(":memory:")
        db.executescript(_SCHEMA)
        return db
    if not _size(log):
        return _read_only(path)
    copy = folder / path.name
    shutil.copyfile(log, f"{copy}-wal")  # first: what moves into the database since is in both
    shutil.copyfile(path, copy)
    return sqlite3.connect(copy)


def any_simulated(path: Path) -> bool:
    """Whether the offline provider made a reply in the journal; so it is taken to be where that cannot be
    told, because the journal or a record is damaged."""
    files = (path, Path(f"{path}-wal"))
    return _any_simulated(path, tuple(file.stat().st_mtime_ns for file in files if file.is_file()))


@lru_cache(maxsize=16)  # every figure asks, and a journal of real models has to be read to its end
def _any_simulated(path: Path, written: tuple[int, ...]) -> bool:
    try:
        with looking(path) as record:
            return record.simulated()
    except RunError:
        return True


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


class _Entry(NamedTuple):
    """A reply's row and what was asked, or neither: then only what is spent is noted."""

    row: tuple[Any, ...] | None
    input: tuple[str, str] | None
    done: asyncio.Future[None]


class Journal:
    """The replies of a run. `record` returns once a reply is on disk; failed calls are asked again.

    `spending` is asked for what this session has spent so far, so that a run that is killed counts it too.
    `limits` are the provider's by model and name, as the sessions learnt them.
    A thread of its own writes batch by batch, so that the event loop never waits for the disk.
    """

    def __init__(self, path: Path, spending: Callable[[], Spent] = lambda: (0, 0.0, 0.0)) -> None:
        """Open or create the journal. Raises RunError when the file cannot be used."""
        self.path, self._spending = path, spending
        self._waiting: deque[_Entry] = deque()
        self._flushing: asyncio.Future | None = None
        self._pool = ThreadPoolExecutor(1, "journal")
        self._name = path.resolve()  # of the file, wherever the folder goes
        if self._name in OPEN:
            raise RunError(f"{path.parent} is in use by another client here. Ask with that one, or wait.")
        with explained(path):
            self._db, self._reader = _opened(path), _connected(path)
            self.on_record = Record(path, self._reader)
            self.limits = self.on_record.limits()
            self._session = self._db.execute("SELECT coalesce(max(id), 0) + 1 FROM spending").fetchone()[0]
        self._noted = 0.0  # clock
        OPEN[self._name] = self

    async def record(self, call: Call, reply: Reply) -> None:
        """Commit `reply`; concurrent callers share one commit. Raises RunError when it cannot be written."""
        body = f"[{json.dumps(call.messages, ensure_ascii=False)}, {call.tool.text}]"
        digest = sha256(body.encode()).hexdigest()
        await self._commit_with(_row(call, reply, digest), (digest, body))

    async def note(self) -> None:
        """Commit what is spent so far, with what is about to be sent: a ceiling has to survive a crash."""
        await self._commit_with(None, None)

    async def shards(self) -> list[Shard]:
        """All of the run, but for those that the provider never had."""
        rows = await self._do("SELECT * FROM shards WHERE state != 'void' ORDER BY id")
        return [Shard(id, hash, _parsed(keys), *rest) for id, hash, keys, *rest in rows]

    async def intend(self, hash: str, keys: list[str], most_usd: float) -> Shard:
        """A new shard, on disk before anything of it is sent."""
        query = "INSERT INTO shards (hash, keys, most_usd, batch, state) VALUES (?,?,?,?,?) RETURNING id"
        ((id,),) = await self._do(query, hash, json.dumps(keys), most_usd, "", "intended")
        return Shard(id, hash, keys, most_usd, "", "intended")

    async def mark(self, shard: int, state: str, batch: str = "") -> None:
        await self._do("UPDATE shards SET state = ?, batch = ? WHERE id = ?", state, batch, shard)

    async def close_shards(self) -> None:
        """What is read is done with."""
        await self._do("UPDATE shards SET state = 'done' WHERE state = 'read'")

    async def _do(self, query: str, *values: Any) -> list[Any]:
        """Run a statement in the thread that writes. Raises RunError when it cannot be written."""

        def run() -> list[Any]:
            with explained(self.path):
                return self._db.execute(query, values).fetchall()

        return await asyncio.get_running_loop().run_in_executor(self._pool, run)

    def close(self) -> None:
        """Write what is waiting and let go of the file."""
        self._pool.shutdown()  # once a batch under way is written
        if self._flushing:
            self._flushing.cancel()
        self._reader.close()
        while self._waiting:
            self._write()
        try:
            self._note_spending()
        except sqlite3.Error as error:
            logger.warning("the end of this session was not recorded in %s (%s)", self.path, error)
        with suppress(sqlite3.Error):
            self._db.close()
        OPEN.pop(self._name, None)

    async def _commit_with(self, row: tuple[Any, ...] | None, input: tuple[str, str] | None) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Entry(row, input, done))
        if self._flushing is None or self._flushing.done():
            self._flushing = asyncio.ensure_future(self._flush())
        await done

    async def _flush(self) -> None:
        while self._waiting:
            await asyncio.sleep(LINGER_S)
            await asyncio.get_running_loop().run_in_executor(self._pool, self._write)

    def _write(self) -> None:
        """Commit the next batch of what waits, and tell whoever waits for it."""
        batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), LARGEST_BATCH))]
        problem: Exception | None = None
        try:
            self._commit(batch)
        except Exception as error:  # whatever it is, nobody is to wait for ever
            ours = not isinstance(error, sqlite3.Error | OSError)
            problem = error if ours else unwritable(self.path, error)
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
        for entry in batch:
            entry.done.get_loop().call_soon_threadsafe(_wake, entry.done, problem)

    def _commit(self, batch: Sequence[_Entry]) -> None:
        rows = [entry.row for entry in batch if entry.row]
        self._db.execute("BEGIN IMMEDIATE")
        self._insert("inputs", [entry.input for entry in batch if entry.input], "ON CONFLICT DO NOTHING")
        self._insert("calls", rows, _AGAIN)
        if len(rows) < len(batch) or time.monotonic() - self._noted > 1:
            self._note_spending()
        self._db.execute("COMMIT")

    def _insert(self, table: str, rows: Sequence[tuple[Any, ...]], otherwise: str) -> None:
        if rows:  # one statement: each lets go of the interpreter, and waits for a busy loop to have it back
            marks = ",".join(["(" + ",".join("?" * len(rows[0])) + ")"] * len(rows))
            values = [value for row in rows for value in row]
            self._db.execute(f"INSERT INTO {table} VALUES {marks} {otherwise}", values)

    def _note_spending(self) -> None:
        values = (self._session, *self._spending())
        self._db.execute("INSERT OR REPLACE INTO spending VALUES (?,?,?,?)", values)
        # All of a model's: which limits are known no longer was learnt, too.
        limits = {model: dict(some) for model, some in list(self.limits.items())}
        self._db.executemany("DELETE FROM limits WHERE model = ?", [(model,) for model in limits])
        learnt = [(model, *limit) for model, some in limits.items() for limit in some.items()]
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
    for pragma in ("journal_mode = WAL", "synchronous = FULL", f"wal_autocheckpoint = {LARGEST_LOG}"):
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
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        unread = isinstance(error, _BadRecord | UnicodeDecodeError) or "Could not decode" in str(error)
        if unread or code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise _damaged(path, str(error)) from error
        raise RunError(
            f"{path} cannot be used as the journal ({error}). If the disk is full or the folder is "
            "read-only, mend that."
        ) from error


def _damaged(path: Path, why: str) -> RunError:
    return RunError(
        f"{path} is damaged ({' '.join(why.split())[:200]}) and left as it is: `sqlite3 {path.name} .recover "
        "| sqlite3 mended.sqlite` reads out what is there, to be put in its place; moved away, its replies "
        "are paid for again."
    )


def _row(call: Call, reply: Reply, digest: str) -> tuple[Any, ...]:
    where = (sendable(call.agent), sendable(call.model), sendable(call.case), call.round, call.attempt)
    body = sendable(json.dumps({name: getattr(reply, name) for name in Reply.__slots__}, ensure_ascii=False))
    asked = (digest, json.dumps(call.parameters))
    return (call.key, *where, *asked, reply.status, body, reply.attempts, reply.cost_usd)


def _wake(done: asyncio.Future[None], problem: Exception | None) -> None:
    if done.done():
        return
    if problem:
        done.set_exception(problem)
    else:
        done.set_result(None)
