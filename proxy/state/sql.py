# ruff: noqa: D102 - what the methods do stands in Store
"""A store on an SQL database: the operations are written once, a driver runs them."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from proxy.state import sql_operations as operations
from proxy.state import sql_spend
from proxy.state.metering import Totals, add_group, check_columns, in_order
from proxy.state.records import (
    BackgroundRun,
    Charge,
    Claim,
    Conversation,
    Ending,
    EventBatch,
    Grant,
    NewResponse,
    Order,
    Page,
    Place,
    Shortfall,
    SpendColumn,
    SpendGroup,
    Spending,
    StoredItem,
    StoredResponse,
)
from proxy.state.sql_chains import Operation, Result
from proxy.state.store import Store

IDENTIFIED: Final = frozenset({"dragoman_chains", "dragoman_conversations", "dragoman_responses"})
"""The tables whose rows are named by who writes them."""


class RepeatedError(Exception):
    """A row of one of these tables has the id already."""


class Driver(Protocol):
    """Runs operations, each in a transaction of its own or in one with others; it may begin one anew, after a rollback.
    All methods raise what `Store` says; `write` also RepeatedError, and has written nothing then."""

    async def open(self) -> None:
        """Connect, and bring the schema up to date."""

    async def close(self) -> None:
        """Finish what was begun and disconnect."""

    async def read(self, operation: Callable[[], Operation[Result]]) -> Result:
        """Run an operation that writes nothing."""

    async def write(self, operation: Callable[[], Operation[Result]]) -> Result:
        """Run an operation; what it wrote is kept when this returns."""


class SqlStore(Store):
    """A store on a driver. `most_rows`: of how many exchanges it is kept what they took (None: all)."""

    def __init__(self, driver: Driver, most_rows: int | None = None) -> None:
        self._driver = driver
        self._most_rows = most_rows

    async def open(self) -> None:
        await self._driver.open()

    async def close(self) -> None:
        await self._driver.close()

    async def ping(self) -> None:
        await self._driver.read(operations.ping)

    # --- responses ---------------------------------------------------------------------------------------------------

    async def save(self, response: NewResponse) -> None:
        with suppress(RepeatedError):
            await self._driver.write(partial(operations.save, response))

    async def response(self, response_id: str, owner: str, now: float) -> StoredResponse | None:
        return await self._driver.read(partial(operations.response, response_id, owner, now))

    async def output(self, response: StoredResponse) -> list[bytes]:
        return await self._driver.read(partial(operations.output, response))

    async def history(self, place: Place) -> list[StoredItem]:
        return await self._driver.read(partial(operations.history, place))

    async def response_with_history(
        self, response_id: str, owner: str, now: float
    ) -> tuple[StoredResponse, list[StoredItem]] | None:
        return await self._driver.read(partial(operations.response_with_history, response_id, owner, now))

    async def delete_response(self, response_id: str, owner: str, now: float) -> bool:
        return await self._driver.write(partial(operations.delete_response, response_id, owner, now))

    async def find_items(self, ids: Sequence[str], owner: str, now: float) -> dict[str, bytes]:
        return await self._driver.read(partial(operations.find_items, ids, owner, now))

    # --- conversations -----------------------------------------------------------------------------------------------

    async def create_conversation(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        with suppress(RepeatedError):
            await self._driver.write(partial(operations.create_conversation, conversation, items))

    async def conversation(self, conversation_id: str, owner: str) -> Conversation | None:
        return await self._driver.read(partial(operations.conversation, conversation_id, owner))

    async def conversation_with_history(
        self, conversation_id: str, owner: str
    ) -> tuple[Conversation, list[StoredItem]] | None:
        return await self._driver.read(partial(operations.conversation_with_history, conversation_id, owner))

    async def set_metadata(self, conversation_id: str, owner: str, metadata: Mapping[str, str]) -> Conversation | None:
        return await self._driver.write(partial(operations.set_metadata, conversation_id, owner, metadata))

    async def delete_conversation(self, conversation_id: str, owner: str) -> bool:
        return await self._driver.write(partial(operations.delete_conversation, conversation_id, owner))

    async def add_items(self, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
        return await self._driver.write(partial(operations.add_items, conversation_id, owner, items))

    async def conversation_items(
        self, conversation_id: str, owner: str, *, order: Order, after: str | None, limit: int
    ) -> Page | None:
        return await self._driver.read(
            partial(operations.conversation_items, conversation_id, owner, order, after, limit)
        )

    async def conversation_item(self, conversation_id: str, owner: str, item_id: str) -> bytes | None:
        return await self._driver.read(partial(operations.conversation_item, conversation_id, owner, item_id))

    async def remove_item(self, conversation_id: str, owner: str, item_id: str) -> bool:
        return await self._driver.write(partial(operations.remove_item, conversation_id, owner, item_id))

    # --- background responses ----------------------------------------------------------------------------------------

    async def start_run(self, response: NewResponse, run: BackgroundRun, until: float) -> None:
        with suppress(RepeatedError):
            await self._driver.write(partial(operations.start_run, response, run, until))

    async def set_in_progress(self, response_id: str) -> None:
        await self._driver.write(partial(operations.set_in_progress, response_id))

    async def append_events(self, response_id: str, replica: str, batch: EventBatch) -> bool:
        return await self._driver.write(partial(operations.append_events, response_id, replica, batch))

    async def events(self, response_id: str, after: int) -> list[EventBatch]:
        return await self._driver.read(partial(operations.events, response_id, after))

    async def finish_run(self, response_id: str, replica: str, ending: Ending) -> bool:
        return await self._driver.write(partial(operations.finish_run, response_id, replica, ending))

    async def renew_runs(self, replica: str, until: float) -> dict[str, bool]:
        return await self._driver.write(partial(operations.renew_runs, replica, until))

    async def release_runs(self, replica: str) -> None:
        await self._driver.write(partial(operations.release_runs, replica))

    async def take_over_runs(self, replica: str, now: float, until: float) -> list[BackgroundRun]:
        return await self._driver.write(partial(operations.take_over_runs, replica, now, until))

    async def request_cancel(self, response_id: str, owner: str) -> bool:
        return await self._driver.write(partial(operations.request_cancel, response_id, owner))

    # --- what was spent ----------------------------------------------------------------------------------------------

    async def reserve(
        self, reservation_id: str, claims: Sequence[Claim], now: float, until: float
    ) -> Grant | Shortfall:
        return await self._driver.write(partial(sql_spend.reserve, reservation_id, claims, now, until))

    async def release(self, reservation_id: str, charges: Sequence[Charge], now: float) -> None:
        await self._driver.write(partial(sql_spend.release, reservation_id, charges, now))

    async def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        await self._driver.write(partial(sql_spend.add_spend, spendings, now))

    async def spent(self, meters: Sequence[str]) -> dict[str, int]:
        return await self._driver.read(partial(sql_spend.spent, meters))

    async def spend(self, by: Sequence[SpendColumn], since: float, until: float) -> list[SpendGroup]:
        check_columns(by)
        totals: Totals = {}
        start: float | None = since
        while start is not None:
            groups, start = await self._driver.read(partial(sql_spend.spend_slice, by, start, until))
            for group in groups:
                add_group(totals, group)
        return in_order(totals)

    async def sweep_spend(self, before: float, now: float, limit: int) -> int:
        return await self._driver.write(partial(sql_spend.sweep_spend, before, now, limit, self._most_rows))

    # --- the rest ----------------------------------------------------------------------------------------------------

    async def secret(self, name: str, candidate: bytes) -> bytes:
        return await self._driver.write(partial(operations.secret, name, candidate))

    async def sweep(self, now: float, limit: int) -> int:
        return await self._driver.write(partial(operations.sweep, now, limit))

    async def trim(self, size: int, limit: int) -> int:
        return await self._driver.write(partial(operations.trim, size, limit))
