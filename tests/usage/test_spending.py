"""Rows of the spend record are written behind, each once, and are not lost because a store is away for a while."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence

import pytest

from proxy.state.records import Charge, Claim, Grant, Spending, SpendRow
from proxy.state.store import StoreUnavailableError
from proxy.usage import spending as spending_module
from proxy.usage.spending import BATCH, RowResult, SpendWriter
from tests.exchange.faulty_store import FaultyStore
from tests.vendors.journal import Journal
from tests.vendors.waiting import eventually

NOW = 1_795_437_296.0


class RecordingStore(FaultyStore):
    """Remembers how many rows came at a time, and never takes a row named `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []

    async def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        self.batches.append(len(spendings))
        if any(spending.row.id == "poison" for spending in spendings):
            raise OverflowError("too large")
        await super().add_spend(spendings, now)


def spending(name: str, *charges: Charge) -> Spending:
    return Spending(
        SpendRow(name, NOW, "shop", "p", "m", "completed", 3, 0, 0, 2, 0, "provider", 5, "config", 1, 10, None), charges
    )


@pytest.fixture
async def store() -> AsyncIterator[RecordingStore]:
    store = RecordingStore()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def counted() -> Counter[RowResult]:
    return Counter()


@pytest.fixture
async def writer(store: RecordingStore, counted: Counter[RowResult]) -> AsyncIterator[SpendWriter]:
    def count(result: RowResult, rows: int) -> None:
        counted[result] += rows

    writer = SpendWriter(store, count, delay=0.01)
    yield writer
    await writer.stop(0.1)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that failed is tried again at once."""
    monkeypatch.setattr(spending_module, "RETRY_INTERVAL", 0.0)


async def kept(store: FaultyStore) -> tuple[int, int]:
    """How many rows are kept, and what they cost together."""
    groups = await store.spend((), 0, NOW + 1)
    return (groups[0].requests, groups[0].cost) if groups else (0, 0)


async def all_kept(store: FaultyStore, rows: int) -> None:
    """Return when so many rows are kept."""
    await eventually(lambda: kept(store), lambda found: found[0] >= rows, every=0.001)


async def test_rows_are_written_without_being_asked(store: RecordingStore, writer: SpendWriter) -> None:
    writer.start()
    for each in range(3):
        writer.add(spending(f"r{each}"))
    await all_kept(store, 3)
    assert store.batches == [3]
    writer.add(spending("later"))
    await all_kept(store, 4)
    assert await kept(store) == (4, 20)


async def test_rows_from_before_the_start_are_written(store: RecordingStore, writer: SpendWriter) -> None:
    writer.add(spending("early"))
    writer.start()
    writer.start()
    await all_kept(store, 1)


async def test_many_rows_are_written_in_batches(
    store: RecordingStore, writer: SpendWriter, counted: Counter[RowResult]
) -> None:
    for each in range(2 * BATCH + 1):
        writer.add(spending(f"r{each}"))
    await writer.flush()
    assert store.batches == [BATCH, BATCH, 1]
    assert writer.waiting == 0
    assert counted == {"written": 2 * BATCH + 1}


async def test_a_full_batch_does_not_wait(store: RecordingStore) -> None:
    writer = SpendWriter(store, delay=3600)
    writer.start()
    for each in range(BATCH):
        writer.add(spending(f"r{each}"))
    await all_kept(store, BATCH)
    await writer.stop()


async def test_a_row_that_comes_while_others_are_written_is_written_too(
    store: RecordingStore, writer: SpendWriter
) -> None:
    gate = store.hold("add_spend")
    writer.start()
    writer.add(spending("first"))
    await store.begun("add_spend")
    writer.add(spending("second"))
    gate.set()
    await all_kept(store, 2)


async def test_flushing_nothing_does_nothing(store: RecordingStore, writer: SpendWriter) -> None:
    await writer.flush()
    assert store.batches == []


async def test_two_who_flush_write_each_row_once(
    store: RecordingStore, writer: SpendWriter, counted: Counter[RowResult]
) -> None:
    writer.start()
    for each in range(700):
        writer.add(spending(f"r{each}"))
    await asyncio.gather(writer.flush(), writer.flush())
    assert await kept(store) == (700, 3500)
    assert counted["written"] == 700


async def test_a_row_brings_its_charges_and_settles_what_was_held_back(
    store: RecordingStore, writer: SpendWriter
) -> None:
    claim = Claim("shop/usd/total", "budget", 100, 90)
    await store.reserve("r", [claim], NOW, NOW + 100)
    writer.add(spending("r", Charge(claim.meter, "budget", 100, 30)))
    await writer.flush()
    assert await store.spent([claim.meter]) == {claim.meter: 30}
    assert await store.reserve("s", [claim._replace(amount=70)], NOW, NOW + 100) == Grant((0,))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("done", [False, True], ids=["before it was done", "when it was done"])
async def test_a_store_that_fails_gets_the_rows_again_and_counts_them_once(
    store: RecordingStore, writer: SpendWriter, counted: Counter[RowResult], journal: Journal, done: bool
) -> None:
    store.fail("add_spend", times=3, done=done)
    writer.start()
    charge = Charge("shop/usd/total", "budget", 100, 5)
    for each in range(10):
        writer.add(spending(f"r{each}", charge))
    await journal.entry(event="spend rows are written again")
    assert await kept(store) == (10, 50)
    assert await store.spent(["shop/usd/total"]) == {"shop/usd/total": 50}
    assert counted == {"written": 10}
    assert [line["event"] for line in journal.entries] == ["spend rows wait", "spend rows are written again"]


async def test_who_flushes_is_told_that_the_store_is_down(store: RecordingStore, writer: SpendWriter) -> None:
    writer.add(spending("r"))
    store.fail("add_spend")
    with pytest.raises(StoreUnavailableError):
        await writer.flush()
    assert writer.waiting == 1
    await writer.flush()
    assert await kept(store) == (1, 5)


async def test_whoever_leaves_in_the_middle_of_a_flush_takes_no_row_along(
    store: RecordingStore, writer: SpendWriter
) -> None:
    gate = store.hold("add_spend", done=True)
    writer.add(spending("r"))
    leaving = asyncio.create_task(writer.flush())
    await store.begun("add_spend")
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    gate.set()
    await writer.flush()
    assert await kept(store) == (1, 5)


async def test_a_row_that_no_store_takes_holds_up_no_other(
    store: RecordingStore, writer: SpendWriter, counted: Counter[RowResult], journal: Journal
) -> None:
    for name in ("a", "b", "poison", "c", "d"):
        writer.add(spending(name))
    await writer.flush()
    assert await kept(store) == (4, 20)
    assert counted == {"written": 4, "lost": 1}
    (line,) = journal.entries
    assert (line["event"], line["id"]) == ("spend row refused", "poison")


async def test_of_too_many_rows_the_oldest_are_lost_and_counted(
    store: RecordingStore,
    writer: SpendWriter,
    counted: Counter[RowResult],
    journal: Journal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spending_module, "MAX_ROWS", 1000)
    for each in range(1_010):
        writer.add(spending(f"r{each}"))
    assert (writer.waiting, counted) == (1000, {"lost": 10})
    await writer.flush()
    assert counted == {"lost": 10, "written": 1000}
    await store.add_spend([spending(f"r{each}") for each in range(10)], NOW)
    assert (await kept(store))[0] == 1_010
    assert [line["event"] for line in journal.entries] == ["spend rows are lost"]


@pytest.mark.usefixtures("impatient")
async def test_rows_that_wait_for_a_store_are_bounded_too(
    store: RecordingStore, writer: SpendWriter, counted: Counter[RowResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spending_module, "MAX_ROWS", 1000)
    store.fail("add_spend")
    for each in range(600):
        writer.add(spending(f"r{each}"))
    with pytest.raises(StoreUnavailableError):
        await writer.flush()
    for each in range(600, 1_200):
        writer.add(spending(f"r{each}"))
    assert (writer.waiting, counted["lost"]) == (1000, 200)
    await writer.flush()
    assert (await kept(store))[0] == 1000


async def test_the_end_writes_what_is_left(store: RecordingStore, counted: Counter[RowResult]) -> None:
    writer = SpendWriter(store, delay=3600)
    writer.start()
    for each in range(BATCH - 1):
        writer.add(spending(f"r{each}"))
    await writer.stop()
    assert (await kept(store))[0] == BATCH - 1


async def test_the_end_does_not_wait_for_ever(
    store: RecordingStore, writer: SpendWriter, counted: Counter[RowResult], journal: Journal
) -> None:
    writer.add(spending("r"))
    store.hold("add_spend")
    await writer.stop(0.01)
    assert (writer.waiting, counted) == (0, {"lost": 1})
    assert journal.entries[-1]["event"] == "spend rows are lost"


@pytest.mark.usefixtures("impatient")
async def test_the_end_tries_a_store_again(store: RecordingStore, writer: SpendWriter) -> None:
    store.fail("add_spend", times=5)
    writer.start()
    writer.add(spending("r"))
    await writer.stop()
    assert await kept(store) == (1, 5)
