"""The store in a Redis server (7.0 or later, or Valkey), for any number of replicas.

Every method is one script on the server, so it happens whole or not at all. Redis keeps what its own settings tell it
to keep: a store that is to survive the end of the server needs `appendonly yes`.

All keys begin with `{dragoman}:`; the braces put them into one slot of a cluster. The scripts and the layout of the
keys are in `redis_scripts/`.
"""

# ruff: noqa: D102 - `Store` says what its methods do

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias, cast

import orjson

from proxy.state.metering import (
    METERS_KEPT,
    RESERVATIONS_KEPT,
    Bucket,
    Totals,
    add_group,
    bounded,
    check_columns,
    checked,
    date_of,
    day_of,
    in_order,
    seconds_until,
    storable,
    units,
)
from proxy.state.records import (
    REROUTED,
    UNFINISHED,
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
    SpendRow,
    Status,
    StoredItem,
    StoredResponse,
)
from proxy.state.redis_server import (
    Argument,
    Reply,
    Script,
    connect,
    evaluate,
    load_scripts,
    refuse_eviction,
)
from proxy.state.store import HistoryGoneError, Store, StoreOpenError, StoreUnavailableError

if TYPE_CHECKING:
    from redis.asyncio import Redis

SCHEMA: Final = 1
"""The version of the layout of the keys."""

BATCH: Final = 100
"""How many responses one script forgets at most, and how many rows one takes: it holds up all others."""

PAGE: Final = 500
"""How many rows one script reads."""

BILLION: Final = 10**9
"""What amounts of money are divided by, for the scripts know no numbers beyond 2**53."""

Fields: TypeAlias = "list[bytes]"
"""A reply of strings. Those that may be missing are None in truth; where that can be it is looked for."""


class RedisStore(Store):
    """Keeps everything in the database that `url` names (redis://, rediss://, unix://)."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._scripts: Mapping[str, Script] = {}
        self._client: Redis | None = None
        self._failures: tuple[type[BaseException], ...] = ()
        self._underway = 0
        self._quiet = asyncio.Event()

    async def open(self) -> None:
        if self._client is not None:
            return
        try:
            from redis import exceptions
        except ImportError as error:
            raise StoreOpenError("A store in Redis needs a package more: pip install 'dragoman[redis]'.") from error
        self._failures = (exceptions.RedisError, OSError)
        self._scripts = self._scripts or load_scripts()
        client = connect(self._url)
        try:
            found = await evaluate(client, self._scripts["schema"], [SCHEMA])
            await refuse_eviction(client)
        except BaseException as error:
            await client.aclose()
            if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
                raise StoreOpenError(f"Redis does not let the store in: {error}") from None
            if isinstance(error, exceptions.ResponseError) and "compiling script" in str(error):
                raise StoreOpenError("The store needs Redis 7.0 or later.") from error
            if isinstance(error, self._failures):
                raise StoreUnavailableError from error
            raise
        version = int(cast("bytes", found))
        if version > SCHEMA:
            await client.aclose()
            raise StoreOpenError(
                f"What Redis holds was written by a later release (schema {version}, known: {SCHEMA})."
            )
        self._client = client

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is None:
            return
        if self._underway:
            self._quiet.clear()
            await self._quiet.wait()
        await client.aclose()

    async def ping(self) -> None:
        await self._run("schema", SCHEMA)

    # --- responses ---------------------------------------------------------------------------------------------------

    async def save(self, response: NewResponse) -> None:
        await self._keep(response, None, 0)

    async def response(self, response_id: str, owner: str, now: float) -> StoredResponse | None:
        return _response(response_id, owner, now, await self._run("response", response_id))

    async def output(self, response: StoredResponse) -> list[bytes]:
        place = response.place
        found = await self._run("output", response.id, place.chain, response.input_end, place.depth)
        if found is None:
            raise HistoryGoneError
        return cast("Fields", found)[1::2]

    async def history(self, place: Place) -> list[StoredItem]:
        found = await self._run("history", place.chain, place.depth)
        if found is None:
            raise HistoryGoneError
        return _items(cast("Fields", found))

    async def response_with_history(
        self, response_id: str, owner: str, now: float
    ) -> tuple[StoredResponse, list[StoredItem]] | None:
        found = await self._run("response_with_history", response_id, owner)
        if found is None:
            return None
        fields, flat = cast("list[Fields]", found)
        response = _response(response_id, owner, now, cast("Reply", fields))
        return None if response is None else (response, _items(flat))

    async def delete_response(self, response_id: str, owner: str, now: float) -> bool:
        return await self._run("delete_response", response_id, owner, now) == 1

    async def find_items(self, ids: Sequence[str], owner: str, now: float) -> dict[str, bytes]:
        if not ids:
            return {}
        found = cast("list[bytes | None]", await self._run("find_items", owner, now, *ids))
        return {item_id: body for item_id, body in zip(ids, found, strict=True) if body is not None}

    # --- conversations -----------------------------------------------------------------------------------------------

    async def create_conversation(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        metadata = orjson.dumps(dict(conversation.metadata))
        await self._run(
            "create_conversation",
            conversation.id,
            conversation.owner,
            conversation.created_at,
            metadata,
            *_flat(items),
        )

    async def conversation(self, conversation_id: str, owner: str) -> Conversation | None:
        return _conversation(conversation_id, await self._run("conversation", conversation_id, owner))

    async def conversation_with_history(
        self, conversation_id: str, owner: str
    ) -> tuple[Conversation, list[StoredItem]] | None:
        found = await self._run("conversation_with_history", conversation_id, owner)
        if found is None:
            return None
        fields, flat = cast("list[Fields]", found)
        conversation = _conversation(conversation_id, cast("Reply", fields))
        return None if conversation is None else (conversation, _items(flat))

    async def set_metadata(self, conversation_id: str, owner: str, metadata: Mapping[str, str]) -> Conversation | None:
        body = orjson.dumps(dict(metadata))
        return _conversation(conversation_id, await self._run("set_metadata", conversation_id, owner, body))

    async def delete_conversation(self, conversation_id: str, owner: str) -> bool:
        return await self._run("delete_conversation", conversation_id, owner) == 1

    async def add_items(self, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
        return await self._run("add_items", conversation_id, owner, *_flat(items)) == 1

    async def conversation_items(
        self, conversation_id: str, owner: str, *, order: Order, after: str | None, limit: int
    ) -> Page | None:
        cursor = [] if after is None else [after]
        found = await self._run("conversation_items", conversation_id, owner, int(order == "desc"), limit, *cursor)
        if found is None:
            return None
        if found == 0:
            raise KeyError(after)
        has_more, *flat = cast("list[Reply]", found)
        return Page(_items(cast("Fields", flat)), has_more == 1)

    async def conversation_item(self, conversation_id: str, owner: str, item_id: str) -> bytes | None:
        return cast("bytes | None", await self._run("conversation_item", conversation_id, owner, item_id))

    async def remove_item(self, conversation_id: str, owner: str, item_id: str) -> bool:
        return await self._run("remove_item", conversation_id, owner, item_id) == 1

    # --- background responses ----------------------------------------------------------------------------------------

    async def start_run(self, response: NewResponse, run: BackgroundRun, until: float) -> None:
        await self._keep(response, run, until)

    async def set_in_progress(self, response_id: str) -> None:
        await self._run("set_in_progress", response_id)

    async def append_events(self, response_id: str, replica: str, batch: EventBatch) -> bool:
        return await self._run("append_events", response_id, replica, *batch) == 1

    async def events(self, response_id: str, after: int) -> list[EventBatch]:
        found = cast("Fields", await self._run("events", response_id, after))
        batches = (member.split(b":", 2) for member in found)
        return [EventBatch(int(first), int(last), data) for first, last, data in batches]

    async def finish_run(self, response_id: str, replica: str, ending: Ending) -> bool:
        finished = await self._run(
            "finish_run",
            response_id,
            replica,
            ending.status,
            ending.body,
            ending.expires_at,
            *_optional(ending.journal),
            ending.conversation or "",
            int(ending.keep_events),
            *_flat(ending.output),
        )
        return finished == 1

    async def renew_runs(self, replica: str, until: float) -> dict[str, bool]:
        flat = cast("list[Reply]", await self._run("renew_runs", replica, until))
        return {_text(cast("bytes", held)): cancel == 1 for held, cancel in zip(flat[::2], flat[1::2], strict=True)}

    async def release_runs(self, replica: str) -> None:
        await self._run("release_runs", replica)

    async def take_over_runs(self, replica: str, now: float, until: float) -> list[BackgroundRun]:
        found = cast("list[Fields]", await self._run("take_over_runs", replica, now, until))
        return [
            BackgroundRun(
                id=_text(response_id),
                owner=_text(owner),
                replica=replica,
                request=request,
                attempt=int(attempt),
                cancel=cancel == b"1",
                shown=shown == b"1",
            )
            for response_id, owner, request, attempt, cancel, shown in found
        ]

    async def request_cancel(self, response_id: str, owner: str) -> bool:
        return await self._run("request_cancel", response_id, owner) == 1

    # --- what was spent ----------------------------------------------------------------------------------------------

    async def reserve(
        self, reservation_id: str, claims: Sequence[Claim], now: float, until: float
    ) -> Grant | Shortfall:
        claims = checked(claims)
        if not claims:
            return Grant(())
        reply = cast("list[int]", await self._run("reserve", reservation_id, now, until, *_metered(claims)))
        if reply[0]:
            pairs = zip(claims, reply[1::2], reply[2::2], strict=True)
            return Grant(tuple(_left(claim, high, low) for claim, high, low in pairs))
        _, number, high, low = reply
        claim = claims[number]
        wait = seconds_until(Bucket(low, now), claim.limit, claim.amount) if claim.kind == "rate" else None
        return Shortfall(number, _left(claim, high, low), wait)

    async def release(self, reservation_id: str, charges: Sequence[Charge], now: float) -> None:
        await self._run("release", reservation_id, now, *_metered(bounded(charges)))

    async def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        for start in range(0, len(spendings), BATCH):
            arguments: list[Argument] = []
            for row, charges in spendings[start : start + BATCH]:
                arguments += [
                    row.id,
                    row.at,
                    orjson.dumps(storable(row)[1:]),
                    len(charges),
                    *_metered(bounded(charges)),
                ]
            await self._run("add_spend", now, *arguments)

    async def spent(self, meters: Sequence[str]) -> dict[str, int]:
        reply = cast("list[int]", await self._run("spent", *meters)) if meters else []
        pairs = zip(meters, reply[::2], reply[1::2], strict=True)
        return {meter: high * BILLION + low for meter, high, low in pairs}

    async def spend(self, by: Sequence[SpendColumn], since: float, until: float) -> list[SpendGroup]:
        check_columns(by)
        totals: Totals = {}
        last = b""
        while found := cast("Fields", await self._run("spend_page", since, until, PAGE, last)):
            last, *rows = found
            for fields in rows:
                row = SpendRow("", *orjson.loads(fields))
                add_group(totals, _group(by, row))
        return in_order(totals)

    async def sweep_spend(self, before: float, now: float, limit: int) -> int:
        return await self._forget("sweep_spend", before, now, now - RESERVATIONS_KEPT, now - METERS_KEPT, limit=limit)

    # --- the rest ----------------------------------------------------------------------------------------------------

    async def secret(self, name: str, candidate: bytes) -> bytes:
        return cast("bytes", await self._run("secret", name, candidate))

    async def sweep(self, now: float, limit: int) -> int:
        return await self._forget("sweep", now, limit=limit)

    async def trim(self, size: int, limit: int) -> int:
        return await self._forget("trim", size, limit=limit)

    async def _keep(self, response: NewResponse, run: BackgroundRun | None, until: float) -> None:
        after = response.after or Place("", 0)
        work: list[Argument] = [0, "", 0, b"", 0, 0, 0]
        if run is not None:
            work = [1, run.replica, until, run.request, run.attempt, int(run.cancel), int(run.shown)]
        kept = await self._run(
            "save",
            response.id,
            response.owner,
            response.status,
            response.created_at,
            response.expires_at,
            response.body,
            *_optional(response.journal),
            int(response.background),
            *after,
            response.conversation or "",
            len(response.input),
            *work,
            *_flat(response.input),
            *_flat(response.output),
        )
        if kept == 0:
            raise HistoryGoneError

    async def _forget(self, script: str, *bounds: float, limit: int) -> int:
        forgotten = 0
        while forgotten < limit:
            batch = min(BATCH, limit - forgotten)
            count = cast("int", await self._run(script, *bounds, batch))
            forgotten += count
            if count < batch:
                break
        return forgotten

    async def _run(self, script: str, *arguments: Argument) -> Reply:
        client = self._client
        if client is None:
            raise StoreUnavailableError
        self._underway += 1
        try:
            return await evaluate(client, self._scripts[script], arguments)
        except self._failures as error:
            raise StoreUnavailableError from error
        finally:
            self._underway -= 1
            if not self._underway:
                self._quiet.set()


# --- values -----------------------------------------------------------------------------------------------------------


def _text(value: bytes) -> str:
    return value.decode("utf-8", "surrogatepass")


def _optional(value: bytes | None) -> tuple[int, bytes]:
    return (0, b"") if value is None else (1, value)


def _flat(items: Iterable[StoredItem]) -> list[str | bytes]:
    return [value for item in items for value in item]


def _items(flat: Fields) -> list[StoredItem]:
    return [StoredItem(_text(item_id), body) for item_id, body in zip(flat[::2], flat[1::2], strict=True)]


def _response(response_id: str, owner: str, now: float, reply: Reply) -> StoredResponse | None:
    fields = cast("Fields | None", reply)
    if fields is None or _text(fields[0]) != owner:
        return None
    status, expires_at = cast("Status", _text(fields[1])), float(fields[3])
    if expires_at <= now and status not in UNFINISHED:
        return None
    return StoredResponse(
        id=response_id,
        owner=owner,
        status=status,
        created_at=int(fields[2]),
        expires_at=expires_at,
        body=fields[4],
        place=Place(_text(fields[5]), int(fields[6])),
        start=int(fields[7]),
        input_end=int(fields[8]),
        journal=fields[9],
        background=fields[10] == b"1",
    )


def _conversation(conversation_id: str, reply: Reply) -> Conversation | None:
    if reply is None:
        return None
    owner, created_at, metadata, length = cast("Fields", reply)
    return Conversation(conversation_id, _text(owner), int(created_at), orjson.loads(metadata), int(length))


def _metered(entries: Iterable[Claim] | Iterable[Charge]) -> list[Argument]:
    """Claims or charges as arguments: meter, kind, limit and amount in two parts each."""
    arguments: list[Argument] = []
    for meter, kind, limit, amount in entries:
        limit_high, limit_low = divmod(limit, BILLION)
        amount_high, amount_low = divmod(amount, BILLION)
        arguments += [meter, kind, limit_high, limit_low, amount_high, amount_low]
    return arguments


def _left(claim: Claim, high: int, low: int) -> int:
    return units(Bucket(low, 0.0)) if claim.kind == "rate" else max(0, high * BILLION + low)


def _group(by: Sequence[SpendColumn], row: SpendRow) -> SpendGroup:
    tokens = row[6:11]
    return SpendGroup(
        tuple(date_of(day_of(row.at)) if column == "day" else getattr(row, column) for column in by),
        int(row.outcome != REROUTED),
        *tokens,
        sum(tokens) if row.cost is None else 0,
        row.cost or 0,
        (row.cost or 0) if row.source == "estimated" else 0,
    )
