"""What is special to the store in a SQLite file, and in memory."""

import asyncio
import contextlib
import gc
import resource
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from proxy.state import sql_chains, sql_operations
from proxy.state.records import Conversation, Place, StoredItem
from proxy.state.schema import SQLITE
from proxy.state.sqlite import MAX_BATCH, SqliteStore
from proxy.state.store import HistoryGoneError, StoreOpenError, StoreUnavailableError
from tests.state.kit import NOW, OWNER, answer, exists, found, history, item, items, listed


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "state" / "dragoman.db"


@pytest.fixture
async def store(file: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(file, patience=0.05)
    await store.open()
    yield store
    await store.close()


def store_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "dragoman-store"}


# --- the file ---------------------------------------------------------------------------------------------------------


async def test_only_the_owner_may_read_the_file_and_its_folder(store: SqliteStore, file: Path) -> None:
    await store.save(answer("r"))
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    beside = list(file.parent.iterdir())
    assert {path.name for path in beside} >= {"dragoman.db", "dragoman.db-wal"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in beside} == {0o600}


def test_a_file_that_is_there_keeps_its_mode(file: Path) -> None:
    file.parent.mkdir()
    file.touch()
    file.chmod(0o640)
    store = SqliteStore(file)

    async def use() -> None:
        await store.open()
        await store.close()

    asyncio.run(use())
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


async def test_a_closed_store_leaves_one_file(file: Path) -> None:
    store = SqliteStore(file)
    await store.open()
    await store.save(answer("r"))
    await store.close()
    assert [path.name for path in file.parent.iterdir()] == ["dragoman.db"]


async def test_odd_names_of_files_mean_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (":memory:", "file:x?mode=memory", "a b#%41.db"):
        store = SqliteStore(Path(name))
        await store.open()
        await store.close()
        assert (tmp_path / name).stat().st_size > 0


async def test_a_file_of_something_else_cannot_be_the_store(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    text = b"Remember the milk. " * 500
    file.write_bytes(text)
    with pytest.raises(StoreOpenError, match=r"notes\.txt cannot be used: file is not a database"):
        await SqliteStore(file).open()
    assert file.read_bytes() == text


async def test_a_folder_cannot_be_the_store(tmp_path: Path) -> None:
    with pytest.raises(StoreOpenError, match="Is a directory"):
        await SqliteStore(tmp_path).open()


async def test_a_folder_that_cannot_be_made_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    store = SqliteStore(tmp_path / "taken" / "state" / "dragoman.db")
    with pytest.raises(StoreOpenError) as refused:
        await store.open()
    for part in (f"{tmp_path}/taken/state", "DRAGOMAN_STATE_DIR", "store: memory://"):
        assert part in str(refused.value)
    with pytest.raises(StoreUnavailableError):
        await store.ping()
    await store.close()


async def test_a_store_can_be_opened_after_it_could_not(tmp_path: Path) -> None:
    blocker = tmp_path / "taken"
    blocker.touch()
    store = SqliteStore(blocker / "dragoman.db")
    with pytest.raises(StoreOpenError):
        await store.open()
    blocker.unlink()
    await store.open()
    await store.ping()
    await store.close()


async def test_full_durability_waits_for_the_disk(file: Path) -> None:
    levels = []
    for store in (SqliteStore(file, "process"), SqliteStore(file, "full")):
        await store.open()
        levels.append(await store._driver.read(_synchronous))
        await store.close()
    assert levels == [1, 2]


def _synchronous() -> sql_chains.Operation[int]:
    rows = yield sql_chains.Query("PRAGMA synchronous")
    level: int = rows[0][0]
    return level


# --- when it does not work --------------------------------------------------------------------------------------------


async def test_a_store_that_is_not_open_says_so() -> None:
    store = SqliteStore(None)
    with pytest.raises(StoreUnavailableError) as refused:
        await store.ping()
    assert str(refused.value.__cause__) == "the store is not open"
    await store.close()


async def test_a_file_that_another_process_holds_is_unavailable_until_it_lets_go(
    store: SqliteStore, file: Path
) -> None:
    await store.save(answer("before"))
    with closing(sqlite3.connect(file, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        refused = await asyncio.gather(
            *(store.save(answer(f"r{number}")) for number in range(5)), return_exceptions=True
        )
        assert {type(error) for error in refused} == {StoreUnavailableError}
        assert "locked" in str(refused[0].__cause__)  # type: ignore[union-attr]  # it is an exception, as was seen
        assert await exists(store, "before")
        holder.execute("ROLLBACK")
    await store.save(answer("after"))
    assert await exists(store, "after")
    assert not await exists(store, "r0")


async def test_a_full_disk_fails_what_does_not_fit_and_nothing_else(store: SqliteStore, file: Path) -> None:
    await store.save(answer("before"))
    used = sum(path.stat().st_size for path in file.parent.iterdir())
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (used + 2**18, limit[1]))
    try:
        too_large = answer("large", output=[StoredItem("large", bytes(2**21))])
        outcomes = await asyncio.gather(
            store.save(too_large), *(store.save(answer(f"r{number}")) for number in range(5)), return_exceptions=True
        )
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert isinstance(outcomes[0], StoreUnavailableError)
    assert outcomes[1:] == [None] * 5
    assert not await exists(store, "large")
    assert await history(store, (await found(store, "r4")).place) == ["r4_in", "r4_out"]
    await store.save(too_large)
    assert await exists(store, "large")


async def test_what_a_failing_neighbour_asked_for_does_not_harm_the_others(store: SqliteStore) -> None:
    taken = answer("taken")
    await store.save(taken)
    gone = answer("gone", after=Place("never", 3))
    outcomes = await asyncio.gather(
        *(store.save(answer(f"a{number}")) for number in range(20)),
        store.save(taken),
        store.save(gone),
        *(store.save(answer(f"b{number}")) for number in range(20)),
        return_exceptions=True,
    )
    failed = {index: type(outcome).__name__ for index, outcome in enumerate(outcomes) if outcome is not None}
    assert failed == {21: "HistoryGoneError"}
    for name in ("a0", "a19", "b0", "b19"):
        assert await history(store, (await found(store, name)).place) == [f"{name}_in", f"{name}_out"]


# --- the thread -------------------------------------------------------------------------------------------------------


def commits(file: Path) -> int:
    """How many transactions stand in the write-ahead log: the frames that end one name the size of the database."""
    log = file.with_name(f"{file.name}-wal").read_bytes()
    step = 24 + int.from_bytes(log[8:12])
    return sum(1 for frame in range(32, len(log), step) if int.from_bytes(log[frame + 4 : frame + 8]))


async def test_what_waits_is_written_in_few_transactions(store: SqliteStore, file: Path) -> None:
    begun, gate = threading.Event(), threading.Event()

    def hold() -> sql_chains.Operation[None]:
        begun.set()
        gate.wait(10)
        yield sql_chains.Query("SELECT 1")

    held = asyncio.ensure_future(store._driver.read(hold))
    await asyncio.to_thread(begun.wait, 10)
    before = commits(file)
    saves = [asyncio.ensure_future(store.save(answer(f"r{number}"))) for number in range(MAX_BATCH * 3)]
    await asyncio.sleep(0)
    gate.set()
    await asyncio.gather(held, *saves)
    assert commits(file) == before + 3


async def test_close_writes_everything_that_waits(file: Path) -> None:
    store = SqliteStore(file)
    await store.open()
    saves = [asyncio.ensure_future(store.save(answer(f"r{number}"))) for number in range(MAX_BATCH * 2 + 10)]
    await asyncio.sleep(0)
    await store.close()
    assert await asyncio.gather(*saves) == [None] * len(saves)
    await store.open()
    assert await exists(store, "r0")
    assert await exists(store, f"r{MAX_BATCH * 2 + 9}")
    await store.close()


async def test_no_thread_stays_behind(file: Path) -> None:
    before = store_threads()
    store = SqliteStore(file)
    await store.open()
    (thread,) = store_threads() - before
    await store.open()
    assert store_threads() - before == {thread}
    await store.close()
    await store.close()
    thread.join(10)
    assert not thread.is_alive()


async def test_callers_that_leave_break_nothing(store: SqliteStore) -> None:
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    calls = [
        asyncio.ensure_future(store.save(answer(f"r{number}", after=Place("never", 1) if number % 2 else None)))
        for number in range(60)
    ]
    await asyncio.sleep(0)
    for call in calls:
        call.cancel()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {asyncio.CancelledError}
    await store.save(answer("last"))
    assert await exists(store, "r0")
    assert not await exists(store, "r1")
    del calls, outcomes
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


async def test_a_call_made_while_the_loop_ends_does_not_stop_the_thread(store: SqliteStore) -> None:
    async def leave() -> None:
        call = asyncio.ensure_future(store.ping())
        await asyncio.sleep(0)
        assert not call.done()

    def on_another_loop() -> None:
        with contextlib.suppress(RuntimeError):
            asyncio.run(leave())

    await asyncio.to_thread(on_another_loop)
    await store.ping()


async def test_two_processes_share_a_file(store: SqliteStore, file: Path) -> None:
    other = SqliteStore(file)
    await other.open()
    await asyncio.gather(
        *(
            replica.save(answer(f"{name}{number}"))
            for number in range(50)
            for name, replica in (("a", store), ("b", other))
        )
    )
    assert await exists(store, "b49")
    assert await exists(other, "a49")
    await other.close()


SAVING = """
import asyncio, sys
from pathlib import Path
from proxy.state.sqlite import SqliteStore
from tests.state.kit import answer

async def worker(store, name):
    for number in range(10**9):
        response = f"{name}_{number}"
        await store.save(answer(response))
        sys.stdout.write(response + "\\n")
        sys.stdout.flush()

async def main():
    store = SqliteStore(Path(sys.argv[1]))
    await store.open()
    await asyncio.gather(*(worker(store, f"w{number}") for number in range(20)))

asyncio.run(main())
"""


def test_what_was_acknowledged_survives_the_kill_of_the_process(file: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SAVING, str(file)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        acknowledged = [process.stdout.readline().decode().strip() for _ in range(300)]
        process.kill()
        acknowledged += [line.strip() for line in process.stdout.read().decode().split("\n")[:-1]]
    assert len(acknowledged) >= 300
    asyncio.run(check(file, acknowledged))


async def check(file: Path, acknowledged: Sequence[str]) -> None:
    store = SqliteStore(file)
    await store.open()
    for name in acknowledged:
        response = await found(store, name, now=NOW)
        assert await history(store, response.place) == [f"{name}_in", f"{name}_out"]
    await store.close()


async def test_stores_in_memory_share_nothing_and_end_with_close() -> None:
    one, other = SqliteStore(None), SqliteStore(None)
    await one.open()
    await other.open()
    await one.save(answer("r"))
    assert not await exists(other, "r")
    await one.close()
    await one.open()
    assert not await exists(one, "r")
    await one.close()
    await other.close()


# --- the statements ---------------------------------------------------------------------------------------------------


def statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for module in (sql_chains, sql_operations):
        for name, value in vars(module).items():
            texts = value.values() if isinstance(value, dict) else [value]
            for index, text in enumerate(texts):
                if isinstance(text, str) and text.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                    found[f"{name} {index}"] = text
    return {name: text for name, text in found.items() if "{" not in text}


def plans() -> dict[str, list[str]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for migration in SQLITE.migrations(0):
            for statement in migration:
                connection.execute(statement)
        return {
            name: [
                row[3]
                for row in connection.execute(
                    "EXPLAIN QUERY PLAN " + text.partition(" FOR UPDATE")[0], [None] * text.count("?")
                )
            ]
            for name, text in statements().items()
        }


def test_no_statement_reads_a_whole_table() -> None:
    whole = {name: step for name, plan in plans().items() for step in plan if step.startswith("SCAN dragoman_")}
    # The oldest responses come in the table's order, as far as they are asked for. The bytes of all chains are added up
    # only where they are limited.
    assert whole == {"_OLDEST 0": "SCAN dragoman_responses", "_TOTAL 0": "SCAN dragoman_chains"}


def test_statements_about_one_item_do_not_walk_along_its_chain() -> None:
    made = plans()
    for name in ("_ITEM 0", "_CURSORS 0", "_CURSORS 1", "_MISSING 0", "_UNSEEN 0"):
        assert "dragoman_items_places" not in made[name][0]


# --- what goes --------------------------------------------------------------------------------------------------------


async def test_a_chain_whose_end_was_deleted_is_not_continued(store: SqliteStore) -> None:
    await store.save(answer("a"))
    a = await found(store, "a")
    await store.save(answer("b", after=a.place))
    b = await found(store, "b")
    assert b.place.chain == a.place.chain
    assert await store.delete_response("b", OWNER, NOW)
    await store.save(answer("c", after=a.place))
    c = await found(store, "c")
    assert c.place.chain == "c"
    with pytest.raises(HistoryGoneError):
        await store.save(answer("d", after=b.place))
    assert not await exists(store, "d")


async def test_a_long_line_of_forks_is_read_whole_and_goes_whole(store: SqliteStore, file: Path) -> None:
    place, expected = None, []
    for number in range(150):
        await store.save(answer(f"keep{number}", after=place))
        await store.save(answer(f"drop{number}", after=place))
        place = (await found(store, f"drop{number}")).place
        expected += [f"drop{number}_in", f"drop{number}_out"]
    assert place is not None
    assert await history(store, place) == expected
    for number in range(150):
        assert await store.delete_response(f"drop{number}", OWNER, NOW)
        assert await store.delete_response(f"keep{number}", OWNER, NOW)
    with closing(sqlite3.connect(file)) as connection:
        for table in ("chains", "items", "responses"):
            assert connection.execute(f"SELECT count(*) FROM dragoman_{table}").fetchone() == (0,)
        assert connection.execute("SELECT sum(size) FROM dragoman_chains").fetchone() == (None,)


async def test_the_bytes_that_are_kept_are_counted_exactly(store: SqliteStore, file: Path) -> None:
    await store.create_conversation(Conversation("conv", OWNER, 1, {"a": "b"}), items("i1", "i2"))
    end = Place("conv", 2)
    await store.save(answer("r", after=end, conversation="conv"))
    await store.save(answer("fork", after=end, conversation="conv"))
    await store.remove_item("conv", OWNER, "i1")
    await store.add_items("conv", OWNER, [item("late")])
    await store.remove_item("conv", OWNER, "late")
    await store.set_metadata("conv", OWNER, {"longer": "than before"})
    await store.delete_response("r", OWNER, NOW)
    assert await listed(store, "conv") == ["i2", "r_in", "r_out", "fork_in", "fork_out"]
    with closing(sqlite3.connect(file)) as connection:
        counted = connection.execute("SELECT sum(size) FROM dragoman_chains").fetchone()[0]
        held = sum(
            connection.execute(f"SELECT coalesce(sum(length({column})), 0) FROM dragoman_{table}").fetchone()[0]
            for table, column in (
                ("items", "body"),
                ("responses", "body"),
                ("responses", "journal"),
                ("conversations", "metadata"),
            )
        )
    assert counted == held > 0


def test_the_variables_of_a_statement_are_few_enough_for_any_build() -> None:
    assert max(text.count("?") for text in statements().values()) < 100
