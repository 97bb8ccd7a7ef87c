"""The methods of `Store` in SQL, each a generator as in `sql_chains`; what each promises is said there."""

from collections.abc import Mapping, Sequence
from typing import Final

import orjson

from proxy.state.records import (
    BackgroundRun,
    Conversation,
    Ending,
    EventBatch,
    NewResponse,
    Order,
    Page,
    Place,
    StoredItem,
    StoredResponse,
)
from proxy.state.sql_chains import (
    ChainState,
    Operation,
    Query,
    forget,
    forget_events,
    history,
    join,
    keep,
    keep_begun,
    new_chain,
    portions,
    put,
    release,
    release_removed,
    size_of,
)
from proxy.state.store import HistoryGoneError

__all__ = [
    "add_items",
    "append_events",
    "conversation",
    "conversation_item",
    "conversation_items",
    "conversation_with_history",
    "create_conversation",
    "delete_conversation",
    "delete_response",
    "events",
    "find_items",
    "finish_run",
    "history",
    "output",
    "ping",
    "release_runs",
    "remove_item",
    "renew_runs",
    "request_cancel",
    "response",
    "response_with_history",
    "save",
    "secret",
    "set_in_progress",
    "set_metadata",
    "start_run",
    "sweep",
    "take_over_runs",
    "trim",
]

save = keep

_ENDED: Final = "status NOT IN ('queued', 'in_progress')"
_ALIVE: Final = "(expires_at > ? OR status IN ('queued', 'in_progress'))"


def ping() -> Operation[None]:
    """Ask for anything."""
    yield Query("SELECT 1")


# --- responses --------------------------------------------------------------------------------------------------------

_RESPONSE = (
    "SELECT status, created_at, expires_at, body, chain, depth, start, input_end, journal, background "  # noqa: S608
    f"FROM dragoman_responses WHERE id = ? AND owner = ? AND {_ALIVE}"
)
# A response without output gives a row without a position.
_OUTPUT = (
    "SELECT item.position, item.body FROM dragoman_responses AS response LEFT JOIN dragoman_items AS item "
    "ON item.chain = ? AND item.position >= ? AND item.position < ? WHERE response.id = ? ORDER BY item.position"
)
_ENDED_RESPONSE = (
    "SELECT chain FROM dragoman_responses "  # noqa: S608
    f"WHERE id = ? AND owner = ? AND expires_at > ? AND {_ENDED} FOR UPDATE"
)
_FIND_SIZES: Final = (1, 8, 64)
# For each id the latest item that something of the owner's, which is still there, brought along.
_FIND = """
WITH wanted (id) AS (VALUES {})
SELECT id, body FROM dragoman_items WHERE number IN (
    SELECT (
        SELECT item.number FROM dragoman_items AS item
        WHERE item.owner = ? AND item.id = wanted.id AND item.hidden IS NULL AND (
            EXISTS (SELECT 1 FROM dragoman_chains WHERE id = item.chain AND state = 2)
            OR EXISTS (
                SELECT 1 FROM dragoman_responses WHERE chain = item.chain AND chain <> id AND depth > item.position
                AND start <= item.position AND (expires_at > ? OR status IN ('queued', 'in_progress'))
            ) OR EXISTS (
                SELECT 1 FROM dragoman_responses WHERE id = item.chain AND chain = id AND depth > item.position
                AND start <= item.position AND (expires_at > ? OR status IN ('queued', 'in_progress'))
            )
        )
        ORDER BY item.number DESC LIMIT 1
    ) FROM wanted
)
"""
_FINDS: Final[Mapping[int, str]] = {size: _FIND.format(", ".join(["(CAST(? AS TEXT))"] * size)) for size in _FIND_SIZES}


def response(response_id: str, owner: str, now: float) -> Operation[StoredResponse | None]:
    """`Store.response`."""
    rows = yield Query(_RESPONSE, (response_id, owner, now))
    if not rows:
        return None
    status, created_at, expires_at, body, chain, depth, start, input_end, journal, background = rows[0]
    return StoredResponse(
        id=response_id,
        owner=owner,
        status=status,
        created_at=created_at,
        expires_at=expires_at,
        body=body,
        place=Place(chain, depth),
        start=start,
        input_end=input_end,
        journal=journal,
        background=bool(background),
    )


def output(stored: StoredResponse) -> Operation[list[bytes]]:
    """`Store.output`."""
    rows = yield Query(_OUTPUT, (stored.place.chain, stored.input_end, stored.place.depth, stored.id))
    if not rows:
        raise HistoryGoneError
    return [body for position, body in rows if position is not None]


def response_with_history(
    response_id: str, owner: str, now: float
) -> Operation[tuple[StoredResponse, list[StoredItem]] | None]:
    """`Store.response_with_history`."""
    found = yield from response(response_id, owner, now)
    if found is None:
        return None
    try:
        return found, (yield from history(found.place))
    except HistoryGoneError:
        # Where statements see what others wrote in between, it was deleted in between.
        return None


def delete_response(response_id: str, owner: str, now: float) -> Operation[bool]:
    """`Store.delete_response`."""
    rows = yield Query(_ENDED_RESPONSE, (response_id, owner, now))
    if not rows:
        return False
    yield from forget(response_id, rows[0][0])
    return True


def find_items(ids: Sequence[str], owner: str, now: float) -> Operation[dict[str, bytes]]:
    """`Store.find_items`."""
    found: dict[str, bytes] = {}
    for names in portions(list(dict.fromkeys(ids)), _FIND_SIZES):
        rows = yield Query(_FINDS[len(names)], (*names, owner, now, now))
        found.update((row[0], row[1]) for row in rows)
    return found


# --- conversations ----------------------------------------------------------------------------------------------------

_NEW_CONVERSATION = "INSERT INTO dragoman_conversations (id, owner, created_at, metadata) VALUES (?, ?, ?, ?)"
_CONVERSATION = (
    "SELECT conversation.created_at, conversation.metadata, chain.length FROM dragoman_conversations AS conversation "
    "JOIN dragoman_chains AS chain ON chain.id = conversation.id WHERE conversation.id = ? AND conversation.owner = ?"
)
# In one statement, so that it is of one moment: the conversation comes first, before its items.
_CONVERSATION_WITH_ITEMS = f"""
WITH found AS ({_CONVERSATION})
SELECT -1 AS position, NULL AS id, metadata AS body, created_at, length FROM found
UNION ALL
SELECT item.position, item.id, item.body, NULL, NULL FROM found, dragoman_items AS item
WHERE item.chain = ? AND item.hidden IS NULL
ORDER BY position
"""  # noqa: S608
_SET_METADATA = "UPDATE dragoman_conversations SET metadata = ? WHERE id = ? AND owner = ? RETURNING length(metadata)"
_OLD_METADATA = "SELECT length(metadata) FROM dragoman_conversations WHERE id = ? AND owner = ? FOR UPDATE"
_DELETE_CONVERSATION = "DELETE FROM dragoman_conversations WHERE id = ? AND owner = ? RETURNING length(metadata)"
_CLOSE = "UPDATE dragoman_chains SET state = 1 WHERE id = ?"
_GROW = "UPDATE dragoman_chains SET size = size + ? WHERE id = ?"
_LIVING = "SELECT length FROM dragoman_chains WHERE id = ? AND owner = ? AND state = 2"
_LOCKED = f"{_LIVING} FOR UPDATE"
_SEEN = "chain = ? AND owner = ? AND id = ? AND hidden IS NULL"
_ITEM = f"SELECT number, position, body FROM dragoman_items WHERE {_SEEN} ORDER BY number DESC LIMIT 1"  # noqa: S608
_REMOVE = "UPDATE dragoman_items SET hidden = ? WHERE number = ?"
_LENGTHEN = "UPDATE dragoman_chains SET length = length + 1 WHERE id = ?"

_PAGES: Final[Mapping[Order, str]] = {
    "asc": "SELECT id, body FROM dragoman_items WHERE chain = ? AND position > ? AND hidden IS NULL "
    "ORDER BY position LIMIT ?",
    "desc": "SELECT id, body FROM dragoman_items WHERE chain = ? AND position < ? AND hidden IS NULL "
    "ORDER BY position DESC LIMIT ?",
}
# Of several items with the id of the cursor the one furthest on: so whoever pages comes to an end.
_CURSORS: Final[Mapping[Order, str]] = {
    "asc": f"SELECT position FROM dragoman_items WHERE {_SEEN} ORDER BY number DESC LIMIT 1",  # noqa: S608
    "desc": f"SELECT position FROM dragoman_items WHERE {_SEEN} ORDER BY number LIMIT 1",  # noqa: S608
}
_BEFORE_ALL: Final = -1
_BEHIND_ALL: Final = 2**31 - 1


def create_conversation(new: Conversation, items: Sequence[StoredItem]) -> Operation[None]:
    """`Store.create_conversation`."""
    metadata = orjson.dumps(dict(new.metadata))
    yield Query(_NEW_CONVERSATION, (new.id, new.owner, new.created_at, metadata))
    yield from new_chain(new.id, new.owner, len(items), ChainState.CONVERSATION, len(metadata) + size_of(items))
    yield from put(Place(new.id, 0), new.owner, items)


def conversation(conversation_id: str, owner: str) -> Operation[Conversation | None]:
    """`Store.conversation`."""
    rows = yield Query(_CONVERSATION, (conversation_id, owner))
    if not rows:
        return None
    created_at, metadata, length = rows[0]
    return Conversation(conversation_id, owner, created_at, orjson.loads(metadata), length)


def conversation_with_history(
    conversation_id: str, owner: str
) -> Operation[tuple[Conversation, list[StoredItem]] | None]:
    """`Store.conversation_with_history`."""
    rows = yield Query(_CONVERSATION_WITH_ITEMS, (conversation_id, owner, conversation_id))
    if not rows:
        return None
    _, _, metadata, created_at, length = rows[0]
    found = Conversation(conversation_id, owner, created_at, orjson.loads(metadata), length)
    return found, [StoredItem(row[1], row[2]) for row in rows[1:]]


def set_metadata(conversation_id: str, owner: str, metadata: Mapping[str, str]) -> Operation[Conversation | None]:
    """`Store.set_metadata`."""
    rows = yield Query(_OLD_METADATA, (conversation_id, owner))
    if not rows:
        return None
    text = orjson.dumps(dict(metadata))
    yield Query(_SET_METADATA, (text, conversation_id, owner))
    yield Query(_GROW, (len(text) - rows[0][0], conversation_id))
    return (yield from conversation(conversation_id, owner))


def delete_conversation(conversation_id: str, owner: str) -> Operation[bool]:
    """`Store.delete_conversation`."""
    rows = yield Query(_DELETE_CONVERSATION, (conversation_id, owner))
    if not rows:
        return False
    yield Query(_CLOSE, (conversation_id,))
    yield from release(conversation_id, rows[0][0])
    return True


def add_items(conversation_id: str, owner: str, items: Sequence[StoredItem]) -> Operation[bool]:
    """`Store.add_items`."""
    return (yield from join(conversation_id, owner, items))


def conversation_items(
    conversation_id: str, owner: str, order: Order, after: str | None, limit: int
) -> Operation[Page | None]:
    """`Store.conversation_items`."""
    if not (yield Query(_LIVING, (conversation_id, owner))):
        return None
    position = _BEFORE_ALL if order == "asc" else _BEHIND_ALL
    if after is not None:
        found = yield Query(_CURSORS[order], (conversation_id, owner, after))
        if not found:
            raise KeyError(after)
        position = found[0][0]
    rows = yield Query(_PAGES[order], (conversation_id, position, limit + 1))
    return Page([StoredItem(row[0], row[1]) for row in rows[:limit]], len(rows) > limit)


def conversation_item(conversation_id: str, owner: str, item_id: str) -> Operation[bytes | None]:
    """`Store.conversation_item`."""
    if not (yield Query(_LIVING, (conversation_id, owner))):
        return None
    rows = yield Query(_ITEM, (conversation_id, owner, item_id))
    return rows[0][2] if rows else None


def remove_item(conversation_id: str, owner: str, item_id: str) -> Operation[bool]:
    """`Store.remove_item`. The place behind the removal is one further on than the one before it, so that the two are
    told apart."""
    living = yield Query(_LOCKED, (conversation_id, owner))
    rows = (yield Query(_ITEM, (conversation_id, owner, item_id))) if living else []
    if not rows:
        return False
    yield Query(_REMOVE, (living[0][0], rows[0][0]))
    yield Query(_LENGTHEN, (conversation_id,))
    yield from release_removed(conversation_id)
    return True


# --- background responses ---------------------------------------------------------------------------------------------

_NEW_RUN = (
    "INSERT INTO dragoman_runs (response, owner, replica, lease, request, attempt, cancel, shown) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_PROGRESS = "UPDATE dragoman_responses SET status = 'in_progress' WHERE id = ? AND status = 'queued'"
_SHOW = "UPDATE dragoman_runs SET shown = 1 WHERE response = ? AND replica = ? RETURNING response"
_NEW_EVENTS = (
    "INSERT INTO dragoman_events (response, first, last, data) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (response, first) DO UPDATE SET last = excluded.last, data = excluded.data"
)
_EVENTS = "SELECT first, last, data FROM dragoman_events WHERE response = ? AND last > ? ORDER BY first"
_EVENTS_SIZE = "SELECT coalesce(sum(length(data)), 0) FROM dragoman_events WHERE response = ?"
_END_RUN = "DELETE FROM dragoman_runs WHERE response = ? AND replica = ? RETURNING length(request)"
_BEGUN = "SELECT owner, chain, start, depth, length(body), length(journal) FROM dragoman_responses WHERE id = ?"
_EXTEND = "UPDATE dragoman_chains SET length = ?, size = size + ?, state = 0 WHERE id = ?"
_OWN_ITEMS = "SELECT id, body FROM dragoman_items WHERE chain = ? AND position >= ? AND position < ? ORDER BY position"
_END_RESPONSE = (
    "UPDATE dragoman_responses SET status = ?, body = ?, journal = ?, expires_at = ?, depth = ?, ended_by = ? "
    "WHERE id = ?"
)
_ENDED_BY = "SELECT 1 FROM dragoman_responses WHERE id = ? AND ended_by = ? AND status = ?"
_RENEW = "UPDATE dragoman_runs SET lease = ? WHERE replica = ? RETURNING response, cancel"
_RELEASE = "UPDATE dragoman_runs SET replica = '', lease = 0 WHERE replica = ?"
_TAKE_OVER = (
    "UPDATE dragoman_runs SET replica = ?, lease = ?, attempt = attempt + 1 WHERE lease < ? "
    "RETURNING response, owner, request, attempt, cancel, shown"
)
_CANCEL = "UPDATE dragoman_runs SET cancel = 1 WHERE response = ? AND owner = ? RETURNING response"


def start_run(new: NewResponse, run: BackgroundRun, until: float) -> Operation[None]:
    """`Store.start_run`."""
    yield from keep_begun(new, run.request)
    yield Query(
        _NEW_RUN,
        (new.id, run.owner, run.replica, until, run.request, run.attempt, int(run.cancel), int(run.shown)),
    )


def set_in_progress(response_id: str) -> Operation[None]:
    """`Store.set_in_progress`."""
    yield Query(_PROGRESS, (response_id,))


def append_events(response_id: str, replica: str, batch: EventBatch) -> Operation[bool]:
    """`Store.append_events`. The same events may come again, from a replica that did not hear that they are kept."""
    if not (yield Query(_SHOW, (response_id, replica))):
        return False
    yield Query(_NEW_EVENTS, (response_id, *batch))
    return True


def events(response_id: str, after: int) -> Operation[list[EventBatch]]:
    """`Store.events`."""
    rows = yield Query(_EVENTS, (response_id, after))
    return [EventBatch(first, last, data) for first, last, data in rows]


def finish_run(response_id: str, replica: str, ending: Ending) -> Operation[bool]:
    """`Store.finish_run`."""
    ended = yield Query(_END_RUN, (response_id, replica))
    if not ended:
        return bool((yield Query(_ENDED_BY, (response_id, replica, ending.status))))
    ((owner, chain, start, depth, body, journal),) = yield Query(_BEGUN, (response_id,))
    end = depth + len(ending.output)
    size = size_of(ending.output) + len(ending.body) + len(ending.journal or b"")
    size -= ended[0][0] + body + (journal or 0)
    if ending.keep_events:
        # They are counted from here on: as long as they come in, each is a statement as cheap as can be.
        ((kept,),) = yield Query(_EVENTS_SIZE, (response_id,))
        size += int(kept)
    else:
        yield from forget_events(response_id)
    yield Query(_EXTEND, (end, size, chain))
    yield from put(Place(chain, depth), owner, ending.output)
    yield Query(
        _END_RESPONSE, (ending.status, ending.body, ending.journal, ending.expires_at, end, replica, response_id)
    )
    if ending.conversation is not None:
        rows = yield Query(_OWN_ITEMS, (chain, start, end))
        yield from join(ending.conversation, owner, [StoredItem(row[0], row[1]) for row in rows])
    return True


def renew_runs(replica: str, until: float) -> Operation[dict[str, bool]]:
    """`Store.renew_runs`."""
    rows = yield Query(_RENEW, (until, replica))
    return {row[0]: bool(row[1]) for row in rows}


def release_runs(replica: str) -> Operation[None]:
    """`Store.release_runs`."""
    yield Query(_RELEASE, (replica,))


def take_over_runs(replica: str, now: float, until: float) -> Operation[list[BackgroundRun]]:
    """`Store.take_over_runs`."""
    rows = yield Query(_TAKE_OVER, (replica, until, now))
    return [
        BackgroundRun(response_id, owner, replica, request, attempt, bool(cancel), bool(shown))
        for response_id, owner, request, attempt, cancel, shown in rows
    ]


def request_cancel(response_id: str, owner: str) -> Operation[bool]:
    """`Store.request_cancel`."""
    return bool((yield Query(_CANCEL, (response_id, owner))))


# --- the rest ---------------------------------------------------------------------------------------------------------

_NEW_SECRET = "INSERT INTO dragoman_secrets (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING"  # noqa: S105
_SECRET = "SELECT value FROM dragoman_secrets WHERE name = ?"  # noqa: S105
_EXPIRED = (
    f"SELECT id, chain FROM dragoman_responses WHERE expires_at <= ? AND {_ENDED} "  # noqa: S608
    "ORDER BY expires_at LIMIT ? FOR UPDATE SKIP LOCKED"
)
_OLDEST = (
    f"SELECT id, chain FROM dragoman_responses WHERE {_ENDED} "  # noqa: S608
    "ORDER BY number LIMIT ? FOR UPDATE SKIP LOCKED"
)
_TOTAL = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM dragoman_chains"


def secret(name: str, candidate: bytes) -> Operation[bytes]:
    """`Store.secret`."""
    yield Query(_NEW_SECRET, (name, candidate))
    rows = yield Query(_SECRET, (name,))
    value: bytes = rows[0][0]
    return value


def sweep(now: float, limit: int) -> Operation[int]:
    """`Store.sweep`."""
    rows = yield Query(_EXPIRED, (now, limit))
    for response_id, chain in rows:
        yield from forget(response_id, chain)
    return len(rows)


def trim(size: int, limit: int) -> Operation[int]:
    """`Store.trim`. The indexes of a database are not counted, its content is."""
    ((total,),) = yield Query(_TOTAL)
    if total <= size:
        return 0
    freed = forgotten = 0
    for response_id, chain in (yield Query(_OLDEST, (limit,))):
        if total - freed <= size:
            break
        freed += yield from forget(response_id, chain)
        forgotten += 1
    return forgotten
