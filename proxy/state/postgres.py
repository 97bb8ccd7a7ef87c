"""The store in a PostgreSQL database, through asyncpg.

Transactions run at READ COMMITTED. Whoever appends to a chain, forks it or lets its content go locks the chain's row
first, and every statement sees what was committed before it, so what follows the lock sees all of the earlier holders.
"""

import asyncio
import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cache
from typing import Final, Protocol, cast

from proxy.state.schema import MIGRATIONS, POSTGRES, newer_schema
from proxy.state.sql import IDENTIFIED, RepeatedError, SqlStore
from proxy.state.sql_chains import Batch, Operation, Result, Row
from proxy.state.sqlite import Durability
from proxy.state.store import StoreOpenError, StoreUnavailableError

CONNECTIONS: Final = 10
"""How many connections one process holds at most."""

CONNECT_TIMEOUT: Final = 5.0
"""How long a connection may take to be made, in seconds."""

TURN_TIMEOUT: Final = 20.0
"""How long a call waits for one of the connections, in seconds: a database that is only busy is not down."""

COMMAND_TIMEOUT: Final = 10.0
"""How long a statement may take, in seconds."""

ATTEMPTS: Final = 5
"""How often a transaction is tried that others keep getting in the way of."""

_MIGRATION_LOCK: Final = 0x6472_6167_6F6D_616E

_CONFLICTS: Final = frozenset({"40001", "40P01"})
_UNIQUE_VIOLATION: Final = "23505"
_DEFECTS: Final = frozenset({"22", "23"})
"""Classes of SQLSTATE that mean that the gateway is wrong, not the database: data and integrity."""
_MISCONFIGURED: Final = frozenset({"28", "3D", "3F", "42"})
"""Classes that do not mend themselves: authorization, no such database, no such schema, no right to make tables."""


class _Connection(Protocol):
    def transaction(self) -> AbstractAsyncContextManager[object]: ...
    async def execute(self, query: str) -> str: ...
    async def fetch(self, query: str, *args: object) -> list[Row]: ...
    async def executemany(self, command: str, args: Sequence[Sequence[object]]) -> None: ...


class _Pool(Protocol):
    def acquire(self, *, timeout: float) -> AbstractAsyncContextManager[_Connection]: ...
    async def close(self) -> None: ...
    def terminate(self) -> None: ...


class _CreatePool(Protocol):
    async def __call__(
        self,
        dsn: str,
        *,
        min_size: int,
        max_size: int,
        timeout: float,  # noqa: ASYNC109 - asyncpg's
        command_timeout: float,
        server_settings: dict[str, str],
    ) -> _Pool: ...


class _Asyncpg(Protocol):
    create_pool: _CreatePool
    PostgresError: type[Exception]
    InterfaceError: type[Exception]
    InternalClientError: type[Exception]


class PostgresStore(SqlStore):
    """A store in the database that a URL names, in tables of its default schema whose names begin with `dragoman_`."""

    def __init__(self, url: str, durability: Durability = "process") -> None:
        super().__init__(PostgresDriver(url, durability))


class PostgresDriver:
    """Runs operations on a pool of connections. A connection that is lost is made again when it is needed next.

    With durability "process" the server's own `synchronous_commit` holds, with "full" it is `on`. Raises
    ModuleNotFoundError without asyncpg.
    """

    def __init__(self, url: str, durability: Durability) -> None:
        self._asyncpg = cast(_Asyncpg, importlib.import_module("asyncpg"))
        self._url = url
        self._settings = {"application_name": "dragoman"}
        if durability == "full":
            self._settings["synchronous_commit"] = "on"
        self._failures = (
            self._asyncpg.PostgresError,
            self._asyncpg.InterfaceError,
            self._asyncpg.InternalClientError,
            OSError,
            TimeoutError,
        )
        self._pool: _Pool | None = None
        self._running = 0
        self._drained: asyncio.Future[None] | None = None

    async def open(self) -> None:
        """Connect once, and bring the schema up to date."""
        if self._pool is not None:
            return
        pool = None
        try:
            # The URL and its parts must not be seen in what asyncpg says of them.
            pool = await self._asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=CONNECTIONS,
                timeout=CONNECT_TIMEOUT,
                command_timeout=COMMAND_TIMEOUT,
                server_settings=self._settings,
            )
            async with pool.acquire(timeout=CONNECT_TIMEOUT) as connection, connection.transaction():
                await _migrate(connection)
        except BaseException as error:
            if pool is not None:
                pool.terminate()
            if isinstance(error, (*self._failures, ValueError)):
                raise self._unusable(error) from error
            raise
        self._pool = pool

    async def close(self) -> None:
        """Wait for what was begun, for a while, and disconnect."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT):
                if self._running:
                    self._drained = asyncio.get_running_loop().create_future()
                    await self._drained
                await pool.close()
        except self._failures:
            pool.terminate()
        finally:
            self._drained = None

    async def read(self, operation: Callable[[], Operation[Result]]) -> Result:
        """Run an operation that writes nothing; each of its statements sees what is committed by then."""
        return await self._run(operation, writes=False)

    async def write(self, operation: Callable[[], Operation[Result]]) -> Result:
        """Run an operation in a transaction, again when it met another one."""
        return await self._run(operation, writes=True)

    async def _run(self, operation: Callable[[], Operation[Result]], *, writes: bool) -> Result:
        pool = self._pool
        if pool is None:
            raise StoreUnavailableError from RuntimeError("the store is not open")
        self._running += 1
        try:
            return await self._tried(pool, operation, writes=writes)
        finally:
            self._running -= 1
            if not self._running and self._drained is not None and not self._drained.done():
                self._drained.set_result(None)

    async def _tried(self, pool: _Pool, operation: Callable[[], Operation[Result]], *, writes: bool) -> Result:
        attempt = 1
        while True:
            try:
                async with pool.acquire(timeout=TURN_TIMEOUT) as connection:
                    if not writes:
                        return await _performed(connection, operation())
                    async with connection.transaction():
                        return await _performed(connection, operation())
            except self._failures as error:
                state = _state(error)
                if state in _CONFLICTS and attempt < ATTEMPTS:
                    attempt += 1
                    continue
                if state == _UNIQUE_VIOLATION and getattr(error, "table_name", None) in IDENTIFIED:
                    raise RepeatedError from error
                if state[:2] in _DEFECTS:
                    raise
                raise StoreUnavailableError from error

    def _unusable(self, error: BaseException) -> Exception:
        """What is raised for a database that cannot be opened."""
        if _state(error)[:2] in _MISCONFIGURED:
            return StoreOpenError(f"The PostgreSQL database cannot be used: {error}.")
        if isinstance(error, ValueError):
            return StoreOpenError("The store's URL cannot be read: expected postgresql://USER@HOST:PORT/DATABASE.")
        return StoreUnavailableError()


def _state(error: BaseException) -> str:
    """The SQLSTATE of what the server says; empty for anything else."""
    return str(getattr(error, "sqlstate", None) or "")


async def _performed(connection: _Connection, operation: Operation[Result]) -> Result:
    try:
        statement = next(operation)
        while True:
            if isinstance(statement, Batch):
                await connection.executemany(_numbered(statement.sql), statement.rows)
                rows: list[Row] = []
            else:
                rows = await connection.fetch(_numbered(statement.sql), *statement.parameters)
            statement = operation.send(rows)
    except StopIteration as end:
        return cast(Result, end.value)


@cache
def _numbered(sql: str) -> str:
    """The statement with $1, $2, ... for its parameters."""
    first, *rest = sql.split("?")
    return first + "".join(f"${number}{piece}" for number, piece in enumerate(rest, 1))


async def _migrate(connection: _Connection) -> None:
    # Of several replicas that start at once one makes the tables.
    await connection.fetch("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
    await connection.execute("CREATE TABLE IF NOT EXISTS dragoman_schema (version INTEGER NOT NULL)")
    rows = await connection.fetch("SELECT version FROM dragoman_schema")
    version = rows[0][0] if rows else 0
    if version > len(MIGRATIONS):
        raise StoreOpenError(newer_schema(version))
    if version == len(MIGRATIONS):
        return
    for migration in POSTGRES.migrations(version):
        for statement in migration:
            await connection.execute(statement)
    await connection.execute("DELETE FROM dragoman_schema")
    await connection.fetch("INSERT INTO dragoman_schema (version) VALUES ($1)", len(MIGRATIONS))
