"""What the tests of all stores share: values to keep, and the stores themselves."""

import itertools
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias, cast

import asyncpg  # type: ignore[import-untyped] # it has no types
from redis.asyncio import Redis

from proxy.state.opening import store_from
from proxy.state.records import (
    BackgroundRun,
    Conversation,
    Ending,
    EventBatch,
    NewResponse,
    Place,
    SpendRow,
    Status,
    StoredItem,
    StoredResponse,
)
from proxy.state.store import HistoryGoneError, Store
from tests.state.model import ModelStore

NOW: Final = 1_800_000_000.0
FOREVER: Final = NOW + 1e9
OWNER: Final = "ann"
OTHER_OWNER: Final = "bob"

LEASE: Final = NOW + 30
"""When the leases of started runs end."""

LATER: Final = NOW + 60
"""When they are over."""

ENDED: Final[tuple[Status, ...]] = ("completed", "incomplete", "failed", "cancelled")

_MARK: Final = re.compile(rb"<([^<>]{1,200})>")

_numbers = itertools.count(1)


# --- values -----------------------------------------------------------------------------------------------------------


def mark(name: str) -> bytes:
    """Content that `marks` finds again wherever a store holds it."""
    return f"<{name}>".encode()


def marks(content: bytes) -> set[str]:
    """The names of all marks in what a store holds."""
    return {found.decode() for found in _MARK.findall(content)}


def item(name: str) -> StoredItem:
    """An item whose content is its mark."""
    return StoredItem(name, b'{"id":"%s","text":"%s"}' % (name.encode(), mark(name)))


def items(*names: str) -> list[StoredItem]:
    """Items with these ids."""
    return [item(name) for name in names]


def numbered(prefix: str, count: int) -> list[StoredItem]:
    """`count` items."""
    return [item(f"{prefix}_{number}") for number in range(count)]


def answer(
    response_id: str,
    *,
    after: Place | None = None,
    input: Sequence[StoredItem] | None = None,  # noqa: A002 - the record's own name for it
    output: Sequence[StoredItem] | None = None,
    owner: str = OWNER,
    status: Status = "completed",
    created_at: int = int(NOW),
    expires_at: float = FOREVER,
    conversation: str | None = None,
) -> NewResponse:
    """A response that has ended, with one item of input and one of output unless others are given."""
    return NewResponse(
        id=response_id,
        owner=owner,
        status=status,
        created_at=created_at,
        expires_at=expires_at,
        body=b'{"id":"%s","body":"%s"}' % (response_id.encode(), mark(f"body {response_id}")),
        after=after,
        input=items(f"{response_id}_in") if input is None else input,
        output=items(f"{response_id}_out") if output is None else output,
        journal=mark(f"journal {response_id}"),
        conversation=conversation,
    )


def beginning(
    response_id: str,
    *,
    after: Place | None = None,
    input: Sequence[StoredItem] | None = None,  # noqa: A002 - the record's own name for it
    owner: str = OWNER,
    created_at: int = int(NOW),
    expires_at: float = FOREVER,
    conversation: str | None = None,
) -> NewResponse:
    """A background response that begins."""
    return NewResponse(
        id=response_id,
        owner=owner,
        status="queued",
        created_at=created_at,
        expires_at=expires_at,
        body=mark(f"begun {response_id}"),
        after=after,
        input=items(f"{response_id}_in") if input is None else input,
        background=True,
        conversation=conversation,
    )


def run_of(response_id: str, replica: str = "one", owner: str = OWNER) -> BackgroundRun:
    """The work at a background response."""
    return BackgroundRun(response_id, owner, replica, mark(f"request {response_id}"))


def ending(
    response_id: str,
    *,
    status: Status = "completed",
    output: Sequence[StoredItem] | None = None,
    expires_at: float = FOREVER,
    conversation: str | None = None,
    keep_events: bool = False,
) -> Ending:
    """The end of a background response, with one item of output unless others are given."""
    return Ending(
        status=status,
        body=mark(f"body {response_id}"),
        expires_at=expires_at,
        output=items(f"{response_id}_out") if output is None else output,
        journal=mark(f"journal {response_id}"),
        conversation=conversation,
        keep_events=keep_events,
    )


def batch(first: int, last: int) -> EventBatch:
    """Events whose bytes tell their numbers."""
    return EventBatch(first, last, mark(f"events {first}-{last}"))


def spend_row(
    row_id: str,
    *,
    cost: int | None = 1,
    at: float = NOW,
    client: str = OWNER,
    model: str = "claude-sonnet-5",
    source: str = "provider",
    outcome: str = "completed",
) -> SpendRow:
    """What an exchange took: 1, 2, 3, 4 and 5 tokens of the five kinds."""
    return SpendRow(
        id=row_id,
        at=at,
        client=client,
        provider="anthropic",
        model=model,
        outcome=outcome,
        input_tokens=1,
        cache_read_tokens=2,
        cache_write_tokens=3,
        output_tokens=4,
        reasoning_tokens=5,
        source=source,
        cost=cost,
        price_source=None if cost is None else "catalogue",
        attempts=1,
        duration_ms=1200,
        first_output_ms=None if outcome == "failed" else 300,
    )


def own(response_id: str) -> set[str]:
    """The marks of what a response keeps beside its items."""
    return {f"body {response_id}", f"journal {response_id}"}


# --- what tests ask for again and again -------------------------------------------------------------------------------


async def kept(store: Store, new: NewResponse) -> StoredResponse:
    """Save a response and look it up."""
    await store.save(new)
    return await found(store, new.id, new.owner)


async def found(store: Store, response_id: str, owner: str = OWNER, now: float = NOW) -> StoredResponse:
    """A response that has to be there."""
    response = await store.response(response_id, owner, now)
    assert response is not None, response_id
    return response


async def started(
    store: Store,
    response_id: str,
    *,
    after: Place | None = None,
    replica: str = "one",
    conversation: str | None = None,
    until: float = LEASE,
) -> StoredResponse:
    """Start a run and look its response up."""
    await store.start_run(
        beginning(response_id, after=after, conversation=conversation), run_of(response_id, replica), until
    )
    return await found(store, response_id)


async def exists(store: Store, response_id: str, owner: str = OWNER, now: float = NOW) -> bool:
    """Whether a response is there."""
    return await store.response(response_id, owner, now) is not None


async def history(store: Store, place: Place) -> list[str]:
    """The ids of the items before a place; each has to come with its own content."""
    read = await store.history(place)
    assert read == items(*(entry.id for entry in read))
    return [entry.id for entry in read]


async def is_gone(store: Store, place: Place) -> bool:
    """Whether a place does not exist any more."""
    try:
        await store.history(place)
    except HistoryGoneError:
        return True
    return False


async def listed(store: Store, conversation_id: str, owner: str = OWNER) -> list[str]:
    """The ids of all items of a conversation that has to be there."""
    page = await store.conversation_items(conversation_id, owner, order="asc", after=None, limit=10_000)
    assert page is not None
    assert not page.has_more
    assert page.items == items(*(entry.id for entry in page.items))
    return [entry.id for entry in page.items]


async def end_of(store: Store, conversation_id: str, owner: str = OWNER) -> Place:
    """The end of a conversation that has to be there."""
    conversation = await store.conversation(conversation_id, owner)
    assert conversation is not None
    return conversation.end


async def talk(store: Store, *names: str, conversation_id: str = "conv", owner: str = OWNER) -> Place:
    """A new conversation with these items; its end."""
    await store.create_conversation(Conversation(conversation_id, owner, 7, {"topic": "x"}), items(*names))
    return await end_of(store, conversation_id, owner)


# --- the stores -------------------------------------------------------------------------------------------------------

Kind: TypeAlias = Literal["model", "memory", "sqlite", "redis", "postgres"]

KINDS: Final[tuple[Kind, ...]] = ("model", "memory", "sqlite", "redis", "postgres")

ONE_PROCESS: Final[frozenset[Kind]] = frozenset({"model", "memory"})
"""Stores that end with their process, and that no second replica shares."""


class Backend(Protocol):
    """Where stores of one kind keep things. All that `replica` makes share what they keep, unless the kind is one of
    `ONE_PROCESS`."""

    @property
    def kind(self) -> Kind:
        """Which store it is."""

    def replica(self) -> Store:
        """A store, not opened yet."""

    async def content(self) -> bytes | None:
        """Everything that is kept, joined; None where a test cannot look into it."""


@dataclass(frozen=True)
class ModelBackend:
    """The plain model of the rules, which the kit has to find without fault."""

    kind: Kind = "model"
    _made: list[ModelStore] = field(default_factory=list)

    def replica(self) -> Store:
        self._made.append(ModelStore())
        return self._made[-1]

    async def content(self) -> bytes | None:
        return b"".join(store.content() for store in self._made)


@dataclass(frozen=True)
class MemoryBackend:
    """Nothing but memory."""

    kind: Kind = "memory"

    def replica(self) -> Store:
        return store_from("memory://", durability="process")

    async def content(self) -> bytes | None:
        return None


@dataclass(frozen=True)
class SQLiteBackend:
    """A file."""

    path: Path
    kind: Kind = "sqlite"

    def replica(self) -> Store:
        return store_from(f"sqlite:///{self.path}", durability="process")

    async def content(self) -> bytes | None:
        with closing(sqlite3.connect(self.path)) as connection:
            connection.text_factory = bytes
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            rows = [
                value
                for (table,) in tables
                for row in connection.execute(f'SELECT * FROM "{table.decode()}"')
                for value in row
            ]
        return b"\n".join(value for value in rows if isinstance(value, bytes))


@dataclass(frozen=True)
class RedisBackend:
    """A database of a Redis server."""

    url: str
    kind: Kind = "redis"

    def replica(self) -> Store:
        return store_from(self.url, durability="process")

    async def content(self) -> bytes | None:
        async with Redis.from_url(self.url) as client:
            # Its type is that of the synchronous client as well.
            values = await cast(Awaitable[list[bytes]], client.eval(_ALL_VALUES, 0))
        return b"\n".join(values)


_ALL_VALUES: Final = """
local commands = {
    string = {'GET'}, hash = {'HVALS'}, list = {'LRANGE', 0, -1}, set = {'SMEMBERS'}, zset = {'ZRANGE', 0, -1}
}
local found = {}
for _, key in ipairs(redis.call('KEYS', '*')) do
    local command = commands[redis.call('TYPE', key).ok]
    local values = redis.call(command[1], key, unpack(command, 2))
    for _, value in ipairs(type(values) == 'table' and values or {values}) do
        found[#found + 1] = value
    end
end
return found
"""


@dataclass(frozen=True)
class PostgresBackend:
    """A schema of a PostgreSQL server's database."""

    url: str
    kind: Kind = "postgres"

    def replica(self) -> Store:
        return store_from(self.url, durability="process")

    async def content(self) -> bytes | None:
        connection = await asyncpg.connect(self.url)
        try:
            tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
            rows = [
                value
                for (table,) in tables
                for row in await connection.fetch(f'SELECT * FROM "{table}"')
                for value in row.values()
            ]
        finally:
            await connection.close()
        return b"\n".join(value if isinstance(value, bytes) else str(value).encode() for value in rows)


@asynccontextmanager
async def redis_backend(url: str) -> AsyncIterator[Backend]:
    """An empty database of the server at `url`, empty again afterwards."""
    database = f"{url.removesuffix('/0')}/{2000 + next(_numbers) % 2000}"
    yield RedisBackend(database)
    async with Redis.from_url(database) as client:
        await client.flushdb()


@asynccontextmanager
async def postgres_backend(url: str) -> AsyncIterator[Backend]:
    """An empty schema in the database at `url`, which goes afterwards."""
    name = f"kit_{next(_numbers)}"
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE SCHEMA {name}")
        yield PostgresBackend(f"{url}?search_path={name}")
        await connection.execute(f"DROP SCHEMA {name} CASCADE")
    finally:
        await connection.close()


@asynccontextmanager
async def _plain(backend: Backend) -> AsyncIterator[Backend]:
    yield backend


def backend_of(kind: Kind, server: str, folder: Path) -> AbstractAsyncContextManager[Backend]:
    """An empty backend. `server` is the URL of a running server, for kinds that need one; files go to `folder`."""
    match kind:
        case "model":
            return _plain(ModelBackend())
        case "memory":
            return _plain(MemoryBackend())
        case "sqlite":
            return _plain(SQLiteBackend(folder / f"state-{next(_numbers)}.db"))
        case "redis":
            return redis_backend(server)
        case "postgres":
            return postgres_backend(server)


def server_of(kind: Kind) -> str | None:
    """The fixture that gives the URL of the server which a kind needs."""
    return {"redis": "redis_url", "postgres": "postgres_url"}.get(kind)


async def content(backend: Backend) -> set[str] | None:
    """The marks of what is kept."""
    held = await backend.content()
    return None if held is None else marks(held)


async def holds(backend: Backend, expected: set[str]) -> None:
    """Exactly this content is kept, as far as one can look into the store."""
    held = await content(backend)
    assert held is None or held == expected
