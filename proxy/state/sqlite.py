"""The store in a SQLite file, or in memory.

A thread of its own runs what is asked for, all that waits in one transaction: one commit serves many, and the event
loop is woken once for all of them. Other processes may use the same file.
"""

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import takewhile
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from proxy.state.schema import MIGRATIONS, SQLITE, newer_schema
from proxy.state.sql import IDENTIFIED, RepeatedError, SqlStore
from proxy.state.sql_chains import Batch, Operation, Result, Row
from proxy.state.store import StoreOpenError, StoreUnavailableError

Durability: TypeAlias = Literal["process", "full"]
"""What keeps what was written: the end of the process, or a power cut as well."""

MAX_BATCH: Final = 256
"""How many operations share a transaction at most."""

ROWS_IN_MEMORY: Final = 100_000
"""Of how many exchanges a store in memory tells what they took: about 50 MB."""

OLDEST_SQLITE: Final = (3, 35, 0)
"""The first release with RETURNING."""

_CACHE_PAGES: Final = 4000
_CHECKPOINT_PAGES: Final = 4000
_JOURNAL_BYTES: Final = 64 * 2**20

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_MENDING: Final = _BUSY | {sqlite3.SQLITE_FULL}
_DEFECTS: Final = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)
"""What means that the gateway is wrong, not the database."""
_REPEATED: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_UNIQUE})


class SqliteStore(SqlStore):
    """A store in a file, whose folder is made; without a file, in memory, until it is closed. `patience` is how long
    another process's transaction is waited for, in seconds."""

    def __init__(self, file: Path | None, durability: Durability = "process", *, patience: float = 5.0) -> None:
        super().__init__(SqliteDriver(file, durability, patience), ROWS_IN_MEMORY if file is None else None)


class _Job(NamedTuple):
    operation: Callable[[], Operation[Any]]
    writes: bool
    caller: asyncio.Future[Any]


class _Outcome(NamedTuple):
    caller: asyncio.Future[Any]
    value: Any
    error: Exception | None


_Queue: TypeAlias = SimpleQueue[_Job | None]


class SqliteDriver:
    """Runs operations in a thread."""

    def __init__(self, file: Path | None, durability: Durability, patience: float) -> None:
        self._connect = partial(_connected, file, durability, patience)
        self._queue: _Queue | None = None
        self._closed: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Open the file and bring the schema up to date."""
        if self._queue is not None:
            return
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[None] = loop.create_future()
        closed: asyncio.Future[None] = loop.create_future()
        queue: _Queue = SimpleQueue()
        threading.Thread(
            target=_serve,
            args=(self._connect, queue, opened, closed),
            name="dragoman-store",
            daemon=True,
        ).start()
        try:
            await opened
        except asyncio.CancelledError:
            queue.put(None)
            raise
        self._queue, self._closed = queue, closed

    async def close(self) -> None:
        """Run what waits, and close the file."""
        queue, closed = self._queue, self._closed
        self._queue = None
        if queue is not None:
            queue.put(None)
        if closed is not None:
            await asyncio.shield(closed)
            self._closed = None

    async def read(self, operation: Callable[[], Operation[Result]]) -> Result:
        """Run an operation that writes nothing."""
        return await self._run(operation, writes=False)

    async def write(self, operation: Callable[[], Operation[Result]]) -> Result:
        """Run an operation. It is run also when the caller does not wait for it any more."""
        return await self._run(operation, writes=True)

    async def _run(self, operation: Callable[[], Operation[Result]], *, writes: bool) -> Result:
        queue = self._queue
        if queue is None:
            raise StoreUnavailableError from RuntimeError("the store is not open")
        caller: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        queue.put(_Job(operation, writes, caller))
        return await caller


# --- the thread -------------------------------------------------------------------------------------------------------


def _serve(
    connect: Callable[[], sqlite3.Connection],
    queue: _Queue,
    opened: asyncio.Future[None],
    closed: asyncio.Future[None],
) -> None:
    try:
        connection = connect()
    except Exception as error:
        _hand_back([_Outcome(opened, None, error)])
        return
    _hand_back([_Outcome(opened, None, None)])
    try:
        while jobs := _waiting(queue):
            _hand_back(_together(connection, jobs))
            # Nothing of a request may be held while the thread sleeps.
            del jobs
    finally:
        with suppress(sqlite3.Error):
            connection.close()
        _hand_back([_Outcome(closed, None, None)])


def _waiting(queue: _Queue) -> list[_Job]:
    """All jobs that wait, at least one; none at the end."""
    job = queue.get()
    jobs: list[_Job] = []
    while job is not None:
        jobs.append(job)
        if len(jobs) == MAX_BATCH:
            return jobs
        try:
            job = queue.get_nowait()
        except Empty:
            return jobs
    if jobs:
        queue.put(None)
    return jobs


def _together(connection: sqlite3.Connection, jobs: Sequence[_Job]) -> list[_Outcome]:
    """Run the jobs in one transaction, or, when one of them fails that writes, each in its own."""
    outcomes: list[_Outcome] = []
    try:
        connection.execute("BEGIN IMMEDIATE" if any(job.writes for job in jobs) else "BEGIN")
    except sqlite3.Error as error:
        return [_Outcome(job.caller, None, _translated(error)) for job in jobs]
    try:
        for operation, writes, caller in jobs:
            try:
                outcomes.append(_Outcome(caller, _performed(connection, operation()), None))
            except Exception as error:
                if writes:
                    raise
                outcomes.append(_Outcome(caller, None, _translated(error)))
        connection.execute("COMMIT")
    except Exception as error:
        _roll_back(connection)
        if len(jobs) == 1:
            return [_Outcome(jobs[0].caller, None, _translated(error))]
        return [outcome for job in jobs for outcome in _together(connection, (job,))]
    return outcomes


def _performed(connection: sqlite3.Connection, operation: Operation[Any]) -> object:
    try:
        statement = next(operation)
        while True:
            if type(statement) is Batch:
                connection.executemany(_plain(statement.sql), statement.rows)
                rows: list[Row] = []
            else:
                sql, parameters = statement
                rows = connection.execute(_plain(sql), parameters).fetchall()
            statement = operation.send(rows)
    except StopIteration as end:
        return end.value


@cache
def _plain(sql: str) -> str:
    # A transaction that writes has the file for itself.
    return sql.removesuffix(" SKIP LOCKED").removesuffix(" FOR UPDATE")


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite ends the transaction by itself after some errors.
    if connection.in_transaction:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")


def _translated(error: Exception) -> Exception:
    if isinstance(error, sqlite3.IntegrityError) and error.sqlite_errorcode in _REPEATED:
        # "UNIQUE constraint failed: TABLE.COLUMN"
        table = str(error).rpartition(" ")[2].partition(".")[0]
        return RepeatedError(table) if table in IDENTIFIED else error
    if not isinstance(error, sqlite3.Error) or isinstance(error, _DEFECTS):
        return error
    unavailable = StoreUnavailableError()
    unavailable.__cause__ = error
    return unavailable


def _hand_back(outcomes: Sequence[_Outcome]) -> None:
    """Give results to their callers, waking each event loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.caller.get_loop(), []).append(outcome)
    for loop, of_loop in by_loop.items():
        # A loop that is closed has nobody left who waits.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(_deliver, of_loop)


def _deliver(outcomes: Sequence[_Outcome]) -> None:
    for caller, value, error in outcomes:
        if caller.done():
            continue
        if error is None:
            caller.set_result(value)
        else:
            caller.set_exception(error)


# --- opening ----------------------------------------------------------------------------------------------------------


def _connected(file: Path | None, durability: Durability, patience: float) -> sqlite3.Connection:
    """A connection to a database of our schema. Raises StoreOpenError, StoreUnavailableError."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StoreOpenError(f"SQLite {sqlite3.sqlite_version} is too old; the store needs 3.35 or later.")
    try:
        if file is not None:
            _make_file(file)
        connection = sqlite3.connect(
            ":memory:" if file is None else os.path.abspath(file),  # noqa: PTH100 - of a name like :memory: too
            isolation_level=None,
            timeout=patience,
            cached_statements=256,
        )
    except (OSError, sqlite3.Error, ValueError) as error:
        raise _unusable(file, error) from error
    try:
        _prepare(connection, durability, patience)
    except (sqlite3.Error, StoreOpenError) as error:
        connection.close()
        if isinstance(error, StoreOpenError):
            raise
        raise _unusable(file, error) from error
    return connection


def _make_file(file: Path) -> None:
    for folder in reversed(list(takewhile(lambda folder: not folder.exists(), file.parents))):
        folder.mkdir(mode=0o700, exist_ok=True)
    # SQLite gives the files that it makes beside this one the same mode.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))


def _prepare(connection: sqlite3.Connection, durability: Durability, patience: float) -> None:
    _when_free(lambda: connection.execute("PRAGMA journal_mode = WAL"), patience)
    connection.execute(f"PRAGMA synchronous = {'FULL' if durability == 'full' else 'NORMAL'}")
    connection.execute(f"PRAGMA cache_size = {_CACHE_PAGES}")
    connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _migrate(connection)
        connection.execute("COMMIT")
    except BaseException:
        _roll_back(connection)
        raise


def _migrate(connection: sqlite3.Connection) -> None:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    latest = len(MIGRATIONS)
    if version > latest:
        raise StoreOpenError(newer_schema(version))
    if version == latest:
        return
    for migration in SQLITE.migrations(version):
        for statement in migration:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {latest}")


def _when_free(step: Callable[[], object], patience: float) -> None:
    """Try a step until no other process is in its way: changing the journal's mode does not wait by itself."""
    deadline = time.monotonic() + patience
    while True:
        try:
            step()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _unusable(file: Path | None, error: Exception) -> Exception:
    """What is raised for a file that cannot be opened."""
    if isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in _MENDING:
        return StoreUnavailableError()
    if file is None:
        return StoreOpenError(f"The store in memory cannot be made: {error}.")
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return StoreOpenError(
        f"The store {file} cannot be used: {reason}. The folder {file.parent} must be writable; name another with "
        "`store: sqlite:///FILE` or the variable DRAGOMAN_STATE_DIR, or keep nothing with `store: memory://`."
    )
