"""Schema versions: of a new database, of one that is there, and of one from a later release."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it brings no types
import pytest

from proxy.state import schema
from proxy.state.postgres import PostgresStore
from proxy.state.records import Charge, Place, Spending
from proxy.state.sqlite import SqliteStore
from proxy.state.store import StoreOpenError
from tests.state.kit import FOREVER, NOW, answer, beginning, exists, listed, run_of, spend_row, talk

LATEST = len(schema.MIGRATIONS)
COLUMN = ("ALTER TABLE dragoman_secrets ADD COLUMN note {text}",)
BROKEN = ("CREATE TABLE dragoman_halfway (id {text})", "ALTER TABLE dragoman_nowhere ADD COLUMN note {text}")

AddMigration = Callable[[tuple[str, ...]], None]


@pytest.fixture
def add_migration(monkeypatch: pytest.MonkeyPatch) -> AddMigration:
    """Make the release a later one."""

    def add(migration: tuple[str, ...]) -> None:
        later = (*schema.MIGRATIONS, migration)
        for module in ("schema", "sqlite", "postgres"):
            monkeypatch.setattr(f"proxy.state.{module}.MIGRATIONS", later)

    return add


def version_of(file: Path) -> int:
    with closing(sqlite3.connect(file)) as connection:
        version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def set_version(file: Path, version: int) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")


def tables_of(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


async def opened_and_closed(store: SqliteStore | PostgresStore) -> None:
    await store.open()
    await store.close()


async def filled_by_the_first_release(store: SqliteStore | PostgresStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the release the first one for a while, and keep one of each."""
    with monkeypatch.context() as patched:
        for module in ("schema", "sqlite", "postgres"):
            patched.setattr(f"proxy.state.{module}.MIGRATIONS", schema.MIGRATIONS[:1])
        await store.open()
        await talk(store, "i1", "i2")
        await store.save(answer("r", after=Place("conv", 2), conversation="conv"))
        await store.start_run(beginning("run"), run_of("run"), FOREVER)
        await store.secret("seal", b"first")
        await store.close()


async def assert_whole(store: SqliteStore | PostgresStore) -> None:
    """What the first release kept is there, and what was spent is kept now. Closes the store."""
    assert await listed(store, "conv") == ["i1", "i2", "r_in", "r_out"]
    assert await exists(store, "r")
    assert await store.renew_runs("one", FOREVER) == {"run": False}
    assert await store.secret("seal", b"second") == b"first"
    assert await store.spend([], 0, FOREVER) == []
    await store.add_spend([Spending(spend_row("r"), [Charge("ann/usd/total", "budget", 10, 3)])], NOW)
    assert await store.spent(["ann/usd/total"]) == {"ann/usd/total": 3}
    await store.close()


# --- SQLite -----------------------------------------------------------------------------------------------------------


async def test_a_new_file_gets_the_latest_version(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.db"
    await opened_and_closed(SqliteStore(file))
    assert version_of(file) == LATEST


async def test_an_older_file_is_brought_up_to_date_and_keeps_what_it_has(
    tmp_path: Path, add_migration: AddMigration
) -> None:
    file = tmp_path / "dragoman.db"
    store = SqliteStore(file)
    await store.open()
    await store.save(answer("r"))
    await store.close()
    add_migration(COLUMN)
    await store.open()
    assert await exists(store, "r")
    await store.close()
    assert version_of(file) == LATEST + 1
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("SELECT note FROM dragoman_secrets")


async def test_a_file_without_a_spend_record_gets_one_and_keeps_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "dragoman.db"
    store = SqliteStore(file)
    await filled_by_the_first_release(store, monkeypatch)
    assert version_of(file) == 1
    assert "dragoman_spend" not in tables_of(file)
    await store.open()
    await assert_whole(store)
    assert version_of(file) == LATEST


async def test_a_file_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.db"
    set_version(file, LATEST + 1)
    with pytest.raises(StoreOpenError, match=f"schema version {LATEST + 1}, this release knows up to {LATEST}"):
        await SqliteStore(file).open()
    assert version_of(file) == LATEST + 1
    assert tables_of(file) == set()


async def test_a_migration_that_breaks_off_leaves_the_file_as_it_was(
    tmp_path: Path, add_migration: AddMigration
) -> None:
    file = tmp_path / "dragoman.db"
    await opened_and_closed(SqliteStore(file))
    before = tables_of(file)
    add_migration(BROKEN)
    with pytest.raises(StoreOpenError, match="dragoman_nowhere"):
        await SqliteStore(file).open()
    assert version_of(file) == LATEST
    assert tables_of(file) == before


OPENING = """
import asyncio, sys
from pathlib import Path
from proxy.state.sqlite import SqliteStore
store = SqliteStore(Path(sys.argv[1]))
sys.stdin.readline()
asyncio.run(store.open())
"""


def test_of_several_processes_that_begin_at_once_all_find_a_whole_file(tmp_path: Path) -> None:
    file = tmp_path / "state" / "dragoman.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPENING, str(file)],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
    complaints = [process.communicate(timeout=60)[1].decode() for process in processes]
    assert complaints == [""] * 4
    assert version_of(file) == LATEST


async def test_of_several_stores_that_open_a_new_file_at_once_all_work(tmp_path: Path) -> None:
    file = tmp_path / "dragoman.db"
    stores = [SqliteStore(file) for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores:
        await store.ping()
        await store.close()


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


async def versions_of(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [row[0] for row in await connection.fetch("SELECT version FROM dragoman_schema")]
    finally:
        await connection.close()


async def test_of_several_replicas_that_begin_at_once_one_makes_the_tables(fresh_postgres_url: str) -> None:
    stores = [PostgresStore(fresh_postgres_url) for _ in range(8)]
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores:
        await store.ping()
        await store.close()
    assert await versions_of(fresh_postgres_url) == [LATEST]


async def test_an_older_database_is_brought_up_to_date_and_keeps_what_it_has(
    fresh_postgres_url: str, add_migration: AddMigration
) -> None:
    store = PostgresStore(fresh_postgres_url)
    await store.open()
    await store.save(answer("r"))
    await store.close()
    add_migration(COLUMN)
    await store.open()
    assert await exists(store, "r")
    await store.close()
    assert await versions_of(fresh_postgres_url) == [LATEST + 1]


async def test_a_database_without_a_spend_record_gets_one_and_keeps_what_it_has(
    fresh_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled_by_the_first_release(PostgresStore(fresh_postgres_url), monkeypatch)
    assert await versions_of(fresh_postgres_url) == [1]
    stores = [PostgresStore(fresh_postgres_url) for _ in range(4)]
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores[1:]:
        await store.close()
    await assert_whole(stores[0])
    assert await versions_of(fresh_postgres_url) == [LATEST]


async def test_a_database_of_a_later_release_is_left_alone(
    fresh_postgres_url: str, add_migration: AddMigration, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_migration(COLUMN)
    await opened_and_closed(PostgresStore(fresh_postgres_url))
    monkeypatch.undo()
    with pytest.raises(StoreOpenError, match=f"schema version {LATEST + 1}, this release knows up to {LATEST}"):
        await PostgresStore(fresh_postgres_url).open()


async def test_a_migration_that_breaks_off_leaves_the_database_as_it_was(
    fresh_postgres_url: str, add_migration: AddMigration
) -> None:
    await opened_and_closed(PostgresStore(fresh_postgres_url))
    add_migration(BROKEN)
    with pytest.raises(StoreOpenError, match="dragoman_nowhere"):
        await PostgresStore(fresh_postgres_url).open()
    assert await versions_of(fresh_postgres_url) == [LATEST]
