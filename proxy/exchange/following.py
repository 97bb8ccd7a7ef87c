"""The events of a streamed response as its store has them: those that are kept, then those that come."""

import asyncio
import time
from collections.abc import AsyncIterator

import orjson

from proxy.exchange.context import parsed
from proxy.exchange.gateway import Gateway
from proxy.exchange.kept_events import events_after, is_terminal
from proxy.responses import errors
from proxy.responses.assembler import Outgoing
from proxy.responses.replay import replay
from proxy.state.records import KEPT_EVENTS, UNFINISHED, StoredItem, StoredResponse
from proxy.state.store import HistoryGoneError, StoreUnavailableError

STORE_RETRY = 1.0
"""How long, in seconds, is waited before a store that was down is asked again."""


async def follow_store(
    gateway: Gateway, found: StoredResponse, after: int, *, poll: float, patience: float
) -> AsyncIterator[list[Outgoing]]:
    """The events above the sequence number `after`, up to the terminal one. The store is asked every `poll` seconds for
    more; one that is down is waited for.

    Raises ResponsesError: 404 when the response was deleted meanwhile, 503 when the store is down for `patience`
    seconds.
    """
    store, failures = gateway.store, 0
    while True:
        try:
            current = await store.response(found.id, found.owner, time.time())
            if current is None:
                raise errors.response_not_found(found.id)
            if current.status not in UNFINISHED:
                for events in await _told(gateway, current, after):
                    yield events
                return
            batches = await store.events(found.id, after)
        except StoreUnavailableError:
            failures += 1
            if failures * STORE_RETRY > patience:
                raise
            await asyncio.sleep(STORE_RETRY)
            continue
        failures, news = 0, False
        for batch in batches:
            events, last = events_after(batch, after), batch.last
            if is_terminal(events[-1]):
                # It is told once the response has ended in the store as well.
                events.pop()
                last -= 1
            if events:
                yield events
                after, news = last, True
        if not news:
            await asyncio.sleep(poll)


async def _told(gateway: Gateway, ended: StoredResponse, after: int) -> list[list[Outgoing]]:
    """What is left of the stream of a response that has ended."""
    if ended.journal == KEPT_EVENTS:
        return [events_after(batch, after) for batch in await gateway.store.events(ended.id, after)]
    assert ended.journal is not None
    response: dict[str, object] = orjson.loads(ended.body)
    try:
        output = await gateway.store.output(ended)
    except HistoryGoneError:
        raise errors.response_not_found(ended.id) from None
    response["output"] = parsed([StoredItem("", body) for body in output])
    return [list(replay(response, ended.journal, after=after))]
