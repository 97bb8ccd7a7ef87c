"""How a response that has ended comes into the store: before its client is told that it has ended."""

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias, cast

import orjson

from proxy.exchange.context import Context
from proxy.state.records import NewResponse, Status, StoredItem
from proxy.state.store import HistoryGoneError, Store

Keep: TypeAlias = Callable[[Mapping[str, object], bytes | None], Awaitable[None]]
"""Keeps a response that has ended, given its object and its journal. Raises ResponsesError when it cannot."""

DONE = ("completed", "incomplete")
"""The statuses of responses that go into their conversation."""


@dataclass(frozen=True, slots=True)
class Keeper:
    """Keeps one response of a client. `input` are its own items; `stored` is what its `store` says; `retention` is in
    seconds."""

    store: Store
    owner: str
    context: Context
    input: Sequence[StoredItem]
    stored: bool
    retention: float

    async def keep(self, response: Mapping[str, object], journal: bytes | None) -> None:
        """A `Keep`."""
        status = cast(Status, response["status"])
        conversation = self.context.conversation if status in DONE else None
        output = output_items(response)
        if not self.stored:
            if conversation is not None:
                await self.store.add_items(conversation, self.owner, [*self.input, *output])
            return
        after, items = self.context.after, self.input
        if after is None:
            items = [*self.context.items, *items]
        new = NewResponse(
            id=cast(str, response["id"]),
            owner=self.owner,
            status=status,
            created_at=cast(int, response["created_at"]),
            expires_at=time.time() + self.retention,
            body=body_without_output(response),
            after=after,
            input=items,
            output=output,
            journal=journal,
            conversation=conversation,
        )
        await save_whole(self.store, new, self.context.items)


async def save_whole(store: Store, new: NewResponse, history: Sequence[StoredItem]) -> None:
    """Save a response; when its history was deleted meanwhile, it keeps the history itself."""
    try:
        await store.save(new)
    except HistoryGoneError:
        await store.save(replace(new, after=None, input=[*history, *new.input], conversation=None))
        if new.conversation is not None:
            await store.add_items(new.conversation, new.owner, [*new.input, *new.output])


def output_items(response: Mapping[str, object]) -> list[StoredItem]:
    """The output of a response, as it is kept."""
    output = cast("list[dict[str, object]]", response["output"])
    return [StoredItem(cast(str, item["id"]), orjson.dumps(item)) for item in output]


def body_without_output(response: Mapping[str, object]) -> bytes:
    """The response object as it is kept: its output stands beside it."""
    return orjson.dumps({**response, "output": []})
