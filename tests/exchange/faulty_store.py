"""A store in memory whose operations can be held up, or fail, at a test's word."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import ParamSpec, TypeVar

from proxy.state.records import (
    BackgroundRun,
    Charge,
    Claim,
    Ending,
    EventBatch,
    Grant,
    NewResponse,
    Shortfall,
    Spending,
    StoredResponse,
)
from proxy.state.sqlite import SqliteStore
from proxy.state.store import StoreUnavailableError

Given = ParamSpec("Given")
Result = TypeVar("Result")


class FaultyStore(SqliteStore):
    """`hold` an operation, or let its next calls `fail`: before they are done, or when they are done."""

    def __init__(self) -> None:
        super().__init__(None)
        self._held: dict[str, asyncio.Event] = {}
        self._late: dict[str, asyncio.Event] = {}
        self._failing: dict[str, int] = {}
        self._forgetful: set[str] = set()
        self._begun: dict[str, asyncio.Event] = {}

    def hold(self, operation: str, *, done: bool = False) -> asyncio.Event:
        """Calls of the operation wait for the event that is returned; `done`: when they have done their work."""
        return (self._late if done else self._held).setdefault(operation, asyncio.Event())

    def fail(self, operation: str, times: int = 1, *, done: bool = False) -> None:
        """The next calls of the operation fail; `done`: what they were to do is done all the same."""
        self._failing[operation] = times
        if done:
            self._forgetful.add(operation)

    async def begun(self, operation: str) -> None:
        """Wait for a call of the operation."""
        async with asyncio.timeout(10):
            await self._begun.setdefault(operation, asyncio.Event()).wait()

    async def _faulty(
        self, call: Callable[Given, Awaitable[Result]], *given: Given.args, **named: Given.kwargs
    ) -> Result:
        operation: str = call.__name__
        self._begun.setdefault(operation, asyncio.Event()).set()
        if operation in self._held:
            await self._held[operation].wait()
        if self._failing.get(operation, 0):
            self._failing[operation] -= 1
            if operation in self._forgetful:
                await call(*given, **named)
            raise StoreUnavailableError
        result = await call(*given, **named)
        if operation in self._late:
            await self._late[operation].wait()
        return result

    async def save(self, response: NewResponse) -> None:
        await self._faulty(super().save, response)

    async def response(self, response_id: str, owner: str, now: float) -> StoredResponse | None:
        return await self._faulty(super().response, response_id, owner, now)

    async def start_run(self, response: NewResponse, run: BackgroundRun, until: float) -> None:
        await self._faulty(super().start_run, response, run, until)

    async def append_events(self, response_id: str, replica: str, batch: EventBatch) -> bool:
        return await self._faulty(super().append_events, response_id, replica, batch)

    async def events(self, response_id: str, after: int) -> list[EventBatch]:
        return await self._faulty(super().events, response_id, after)

    async def finish_run(self, response_id: str, replica: str, ending: Ending) -> bool:
        return await self._faulty(super().finish_run, response_id, replica, ending)

    async def reserve(
        self, reservation_id: str, claims: Sequence[Claim], now: float, until: float
    ) -> Grant | Shortfall:
        return await self._faulty(super().reserve, reservation_id, claims, now, until)

    async def release(self, reservation_id: str, charges: Sequence[Charge], now: float) -> None:
        await self._faulty(super().release, reservation_id, charges, now)

    async def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        await self._faulty(super().add_spend, spendings, now)

    async def spent(self, meters: Sequence[str]) -> dict[str, int]:
        return await self._faulty(super().spent, meters)
