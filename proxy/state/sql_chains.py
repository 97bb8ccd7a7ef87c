"""Chains in SQL: where items go, what stands before a place, and when content goes.

Operations are generators that do no I/O: they yield statements and are sent rows. A driver runs one in a transaction.

Positions are never used twice. When content goes from the end of a chain, `length` comes down to what is left, and the
chain is closed for good: whoever continues it makes a fork. So a place that is deeper than its chain is long is gone,
and cannot come to mean other items.
"""

from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from proxy.state.records import NewResponse, Place, StoredItem
from proxy.state.store import HistoryGoneError

Value: TypeAlias = str | bytes | int | float | None
Row: TypeAlias = Sequence[Any]
"""What a database answers; the statement says what stands in it."""


class Query(NamedTuple):
    """One statement, with `?` for its parameters. ` FOR UPDATE` and its like are left out where a transaction has the
    database for itself."""

    sql: str
    parameters: tuple[Value, ...] = ()


class Batch(NamedTuple):
    """One statement for each of the rows. It answers nothing."""

    sql: str
    rows: Sequence[tuple[Value, ...]]


Statement: TypeAlias = Query | Batch
Result = TypeVar("Result")
Entry = TypeVar("Entry")
Operation: TypeAlias = Generator[Statement, list[Row], Result]
"""What is done in one transaction. One that raises has written nothing, or is rolled back."""


def portions(entries: Sequence[Entry], sizes: Sequence[int]) -> Iterator[list[Entry]]:
    """The entries in portions of a few sizes, the last one filled up by repetition, so that there are few statements
    to prepare. The sizes go up."""
    largest = sizes[-1]
    for start in range(0, len(entries), largest):
        portion = list(entries[start : start + largest])
        size = next(size for size in sizes if size >= len(portion))
        yield portion + portion[-1:] * (size - len(portion))


class ChainState:
    """Who may append to a chain."""

    OPEN: Final = 0
    """Whoever continues its end."""
    CLOSED: Final = 1
    """Nobody: its end was deleted, or a background response at its end is still being made."""
    CONVERSATION: Final = 2
    """The conversation whose chain it is."""


# --- what is kept -----------------------------------------------------------------------------------------------------

_APPEND = (
    "UPDATE dragoman_chains SET length = length + ?, size = size + ? WHERE id = ? AND length = ? "
    "AND (state = 0 OR (state = 2 AND id = ? AND owner = ?)) RETURNING state"
)
_APPEND_RUN = (
    "UPDATE dragoman_chains SET length = length + ?, size = size + ?, state = 1 "
    "WHERE id = ? AND length = ? AND state = 0 RETURNING state"
)
_HOLD = "SELECT length FROM dragoman_chains WHERE id = ? AND length >= ? FOR UPDATE"
# The sum keeps SQLite from the index of places, which would lead through the whole chain.
_MISSING = (
    "SELECT 1 FROM dragoman_items WHERE chain = ? AND hidden IS NOT NULL AND body IS NULL AND position + 0 < ? "
    "AND hidden >= ? LIMIT 1"
)
_NEW_CHAIN = (
    "INSERT INTO dragoman_chains (id, owner, parent, parent_depth, length, state, size) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NEW_ITEM = "INSERT INTO dragoman_items (chain, position, owner, id, body) VALUES (?, ?, ?, ?, ?)"
_NEW_RESPONSE = (
    "INSERT INTO dragoman_responses (id, owner, status, created_at, expires_at, chain, start, input_end, depth, "
    "background, body, journal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_JOIN = (
    "UPDATE dragoman_chains SET length = length + ?, size = size + ? WHERE id = ? AND owner = ? AND state = 2 "
    "RETURNING length"
)


def size_of(items: Sequence[StoredItem]) -> int:
    """The bytes that count."""
    return sum([len(item.body) for item in items])


def new_chain(
    chain: str, owner: str, length: int, state: int, size: int, after: Place | None = None
) -> Operation[None]:
    """Make a chain whose items follow."""
    parent, depth = (None, None) if after is None else after
    yield Query(_NEW_CHAIN, (chain, owner, parent, depth, length, state, size))


def put(place: Place, owner: str, items: Sequence[StoredItem]) -> Operation[None]:
    """Put items at a place of a chain that has counted them."""
    if items:
        chain, start = place
        yield Batch(
            _NEW_ITEM, [(chain, position, owner, name, body) for position, (name, body) in enumerate(items, start)]
        )


def join(conversation: str, owner: str, items: Sequence[StoredItem]) -> Operation[bool]:
    """Append items to a conversation; False when there is no such conversation."""
    rows = yield Query(_JOIN, (len(items), size_of(items), conversation, owner))
    if not rows:
        return False
    yield from put(Place(conversation, rows[0][0] - len(items)), owner, items)
    return True


def keep(response: NewResponse) -> Operation[None]:
    """Keep a response that has ended, as `Store.save` says."""
    items = [*response.input, *response.output]
    after, conversation, owner = response.after, response.conversation, response.owner
    size = _size(response, items)
    place, joined = None, False
    if after is not None:
        rows = yield Query(_APPEND, (len(items), size, *after, conversation, owner))
        if rows:
            place, joined = after, rows[0][0] == ChainState.CONVERSATION
    if place is None:
        place = yield from _fork(response, len(items), ChainState.OPEN, size)
    yield from _put_response(response, place, items)
    if conversation is not None and not joined and items:
        yield from join(conversation, owner, items)


def keep_begun(response: NewResponse, request: bytes) -> Operation[None]:
    """Keep a response that is still being made; the request is kept beside it. Nothing is appended behind its input
    until it has ended."""
    items, after = response.input, response.after
    size = _size(response, items) + len(request)
    place = None
    if after is not None and (yield Query(_APPEND_RUN, (len(items), size, *after))):
        place = after
    if place is None:
        place = yield from _fork(response, len(items), ChainState.CLOSED, size)
    yield from _put_response(response, place, items)


def _size(response: NewResponse, items: Sequence[StoredItem]) -> int:
    return size_of(items) + len(response.body) + len(response.journal or b"")


def _fork(response: NewResponse, length: int, state: int, size: int) -> Operation[Place]:
    after = response.after
    if after is not None:
        chain, depth = after
        # Held until the fork is there to be seen by whoever deletes.
        held = yield Query(_HOLD, (chain, depth))
        if not held or (yield Query(_MISSING, (chain, depth, depth))):
            raise HistoryGoneError
    yield from new_chain(response.id, response.owner, length, state, size, after)
    return Place(response.id, 0)


def _put_response(response: NewResponse, place: Place, items: Sequence[StoredItem]) -> Operation[None]:
    yield from put(place, response.owner, items)
    chain, start = place
    input_end = start + len(response.input)
    yield Query(
        _NEW_RESPONSE,
        (
            response.id,
            response.owner,
            response.status,
            response.created_at,
            response.expires_at,
            chain,
            start,
            input_end,
            start + len(items),
            int(response.background),
            response.body,
            response.journal,
        ),
    )


# --- what stands before a place ---------------------------------------------------------------------------------------

# A link without items gives a row without an id; no row at all: there is no such place.
_HISTORY = """
WITH RECURSIVE links (chain, parent, parent_depth, depth, level) AS (
    SELECT id, parent, parent_depth, CAST(? AS INTEGER), 0 FROM dragoman_chains WHERE id = ? AND length >= ?
    UNION ALL
    SELECT above.id, above.parent, above.parent_depth, links.parent_depth, links.level + 1
    FROM links JOIN dragoman_chains AS above ON above.id = links.parent
)
SELECT item.id, item.body FROM links LEFT JOIN dragoman_items AS item
    ON item.chain = links.chain AND item.position < links.depth AND (item.hidden IS NULL OR item.hidden >= links.depth)
ORDER BY links.level DESC, item.position
"""


def history(place: Place) -> Operation[list[StoredItem]]:
    """Everything before a place, as `Store.history` says."""
    chain, depth = place
    rows = yield Query(_HISTORY, (depth, chain, depth))
    if not rows:
        raise HistoryGoneError
    items = [StoredItem(name, body) for name, body in rows if name is not None]
    if any(item.body is None for item in items):
        raise HistoryGoneError
    return items


# --- what goes --------------------------------------------------------------------------------------------------------

_CHAIN = "SELECT state, length, parent, size FROM dragoman_chains WHERE id = ? FOR UPDATE"
_NEEDED = (
    "SELECT (SELECT max(depth) FROM dragoman_responses WHERE chain = ? AND chain <> id), "
    "(SELECT depth FROM dragoman_responses WHERE id = ? AND chain = id), "
    "(SELECT max(parent_depth) FROM dragoman_chains WHERE parent = ?)"
)
_CUT = "DELETE FROM dragoman_items WHERE chain = ? AND position >= ? RETURNING length(body)"
_SHORTEN = "UPDATE dragoman_chains SET length = ?, state = 1 WHERE id = ?"
_REMOVE_CHAIN = "DELETE FROM dragoman_chains WHERE id = ?"
_LIGHTEN = "UPDATE dragoman_chains SET size = size - ? WHERE id = ?"
_UNSEEN = """
SELECT item.number, length(item.body) FROM dragoman_items AS item
WHERE item.chain = ? AND item.hidden IS NOT NULL AND item.body IS NOT NULL
AND NOT EXISTS (
    SELECT 1 FROM dragoman_responses
    WHERE chain = item.chain AND chain <> id AND depth > item.position AND depth <= item.hidden
) AND NOT EXISTS (
    SELECT 1 FROM dragoman_responses
    WHERE id = item.chain AND chain = id AND depth > item.position AND depth <= item.hidden
) AND NOT EXISTS (
    SELECT 1 FROM dragoman_chains
    WHERE parent = item.chain AND parent_depth > item.position AND parent_depth <= item.hidden
)
"""
_EMPTY = "UPDATE dragoman_items SET body = NULL WHERE number = ?"
_FORGET = "DELETE FROM dragoman_responses WHERE id = ? RETURNING length(body), length(journal), background"
_FORGET_EVENTS = "DELETE FROM dragoman_events WHERE response = ? RETURNING length(data)"


def forget(response_id: str, chain: str) -> Operation[int]:
    """Let a response go that exists, and what only it needed; the bytes that went."""
    ((body, journal, background),) = yield Query(_FORGET, (response_id,))
    freed: int = body + (journal or 0)
    if background:
        freed += yield from forget_events(response_id)
    return (yield from release(chain, freed))


def forget_events(response_id: str) -> Operation[int]:
    """Let the events of a response go; the bytes that went."""
    rows = yield Query(_FORGET_EVENTS, (response_id,))
    return sum(row[0] for row in rows)


def release(chain: str, freed: int) -> Operation[int]:
    """Let go what nothing needs any more of a chain, and of its parents; the bytes that went, `freed` included: those
    that the chain had counted and that are gone already.

    What a response needs reaches up to its depth, what a fork needs up to where it left; a conversation needs all that
    was not removed from it.
    """
    gone = 0
    following: str | None = chain
    while following is not None:
        chain = following
        rows = yield Query(_CHAIN, (chain,))
        if not rows:
            break
        state, length, parent, size = rows[0]
        if state != ChainState.CONVERSATION:
            (depths,) = yield Query(_NEEDED, (chain, chain, chain))
            needed = max([-1, *(depth for depth in depths if depth is not None)])
            if needed < length:
                rows = yield Query(_CUT, (chain, max(needed, 0)))
                freed += sum(row[0] or 0 for row in rows)
            if needed < 0:
                yield Query(_REMOVE_CHAIN, (chain,))
                gone += size
                freed = 0
                following = parent
                continue
            if needed < length:
                yield Query(_SHORTEN, (needed, chain))
        gone += freed + (yield from release_removed(chain, freed))
        break
    return gone


def release_removed(chain: str, freed: int = 0) -> Operation[int]:
    """Let go the content of removed items that no history has any more; the bytes that went. The rows stay: they show
    that something is missing to whoever comes with a place from before. The chain counts `freed` bytes less as well."""
    rows = yield Query(_UNSEEN, (chain,))
    if rows:
        yield Batch(_EMPTY, [(row[0],) for row in rows])
    size: int = sum(row[1] for row in rows)
    if size or freed:
        yield Query(_LIGHTEN, (size + freed, chain))
    return size
