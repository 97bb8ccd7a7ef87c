"""Background responses: worked at without anybody waiting, watched by whoever asks, on any replica.

A run holds a lease in the store. When its replica dies the lease runs out and another replica takes the run over: it is
begun again if nothing of its output was shown, and ends as failed otherwise. What followers see was kept before.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal, TypeAlias, cast

import orjson
import structlog

from proxy.exchange.abandoned import closing
from proxy.exchange.accept import read, read_again
from proxy.exchange.context import Context, parsed
from proxy.exchange.following import follow_store
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.keeping import DONE, body_without_output, output_items
from proxy.exchange.kept_events import LAST_OPENING, all_events, batch_of, is_terminal
from proxy.exchange.record import record
from proxy.exchange.run import Run
from proxy.exchange.work import plan
from proxy.responses import identifiers
from proxy.responses.assembler import Outgoing
from proxy.responses.errors import ResponsesError
from proxy.responses.response import opening
from proxy.state.records import (
    KEPT_EVENTS,
    STREAMING,
    UNFINISHED,
    BackgroundRun,
    Ending,
    NewResponse,
    Place,
    Status,
    StoredResponse,
)
from proxy.state.store import HistoryGoneError, StoreUnavailableError

KEPT_WITHOUT_STORE = 600.0
"""How long, in seconds, a background response with `store: false` can be fetched after its end."""

MAX_ATTEMPTS = 3
"""How often a run is begun: a request that kills the process that runs it must not go round for ever."""

_log = structlog.get_logger("dragoman.background")


@dataclass(frozen=True, slots=True)
class Timing:
    """How long a lease lasts, how often followers on other replicas look, and how long a store that is down is
    waited for at the end of a run; all in seconds."""

    lease: float = 15.0
    poll: float = 0.1
    patience: float = 600.0


Stop: TypeAlias = Literal["cancelled", "lost", "shutdown"]


@dataclass(eq=False, slots=True)
class _Active:
    """A run that this replica works at. `log` are the events that may be shown, from sequence number 0 on, `pending`
    those that are to be kept first. `ending`: its end is being written down; `kept`: it stands in the store."""

    run: Run
    record: BackgroundRun
    log: list[Outgoing] = field(default_factory=list)
    pending: list[Outgoing] = field(default_factory=list)
    task: asyncio.Task[None] | None = None
    stop: Stop | None = None
    ending: bool = False
    kept: bool = False
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    work: asyncio.Event = field(default_factory=asyncio.Event)

    def push(self, events: list[Outgoing]) -> bool:
        """Take events over, to be kept and then shown."""
        self.pending += events
        self.work.set()
        return True

    def show(self, count: int) -> None:
        """Let the followers have the first `count` events that are pending."""
        self.log += self.pending[:count]
        del self.pending[:count]
        changed, self.changed = self.changed, asyncio.Event()
        changed.set()

    def interrupt(self, reason: Stop) -> None:
        """Stop working at it, unless its end is being written down already."""
        if self.stop is None and not self.ending and self.task is not None:
            self.stop = reason
            self.task.cancel()


class BackgroundRuns:
    """The background responses of one process."""

    def __init__(self, gateway: Gateway, clients: Mapping[str, Client], timing: Timing | None = None) -> None:
        """`clients` are those that runs of other replicas may belong to, by name."""
        self.replica = identifiers.request_id()
        self._gateway = gateway
        self._clients = clients
        self._timing = timing or Timing()
        self._active: dict[str, _Active] = {}
        # Runs that this replica holds and nobody works at: to be begun again, or ended.
        self._adrift: dict[str, BackgroundRun] = {}
        self._stopping = False

    def follow_gateway(self, gateway: Gateway, clients: Mapping[str, Client]) -> None:
        """Go on with another configuration. What runs ends as it began."""
        self._gateway, self._clients = gateway, clients

    # --- a new one ---------------------------------------------------------------------------------------------------

    async def start(self, run: Run, body: bytes, request_id: str) -> dict[str, object]:
        """Begin to work at a run whose request came as `body`; the object that its client is given, queued.

        A client that leaves meanwhile does not stop it: the store may have it by then. Raises HistoryGoneError when
        what the run continues was deleted, or lost an item, since it was looked at: nothing was kept, and the request
        can be accepted anew. A run that is not begun is discarded.
        """
        response: dict[str, object] = {**run.assembler.response, "status": "queued"}
        await asyncio.shield(asyncio.get_running_loop().create_task(self._start(run, response, body, request_id)))
        return response

    async def _start(self, run: Run, response: Mapping[str, object], body: bytes, request_id: str) -> None:
        context, store = run.context, self._gateway.store
        new = NewResponse(
            id=cast(str, response["id"]),
            owner=run.client.name,
            status="queued",
            created_at=cast(int, response["created_at"]),
            expires_at=time.time() + self._gateway.retention,
            body=orjson.dumps(response),
            after=context.after,
            input=run.input if context.after is not None else [*context.items, *run.input],
            journal=STREAMING if run.prepared.stream else None,
            background=True,
        )
        lease = BackgroundRun(new.id, new.owner, self.replica, _to_begin_again(body, strict=run.strict))
        until = time.time() + self._timing.lease
        try:
            await store.start_run(new, lease, until)
        except StoreUnavailableError:
            # The store may have it all the same, and its client is told otherwise.
            self._adrift[new.id] = replace(lease, cancel=True)
            await run.discard()
            raise
        except Exception:
            await run.discard()
            raise
        self._begin(_Active(run, lease), request_id)

    def record(self, run: Run) -> StoredResponse:
        """What the store knows of a run that was begun here."""
        response = run.assembler.response
        response_id = cast(str, response["id"])
        return StoredResponse(
            id=response_id,
            owner=run.client.name,
            status="queued",
            created_at=cast(int, response["created_at"]),
            expires_at=time.time() + self._gateway.retention,
            body=b"",
            place=Place(response_id, 0),
            start=0,
            input_end=0,
            journal=STREAMING,
            background=True,
        )

    def _begin(self, active: _Active, request_id: str) -> None:
        self._active[active.record.id] = active
        active.run.keep_by(partial(self._keep, active))
        active.task = asyncio.get_running_loop().create_task(self._work(active, request_id))

    async def _work(self, active: _Active, request_id: str) -> None:
        run, response_id = active.run, active.record.id
        self._gateway.metrics.background_runs.inc()
        publisher = asyncio.get_running_loop().create_task(self._publish(active))
        try:
            await self._drive(active, publisher)
        except asyncio.CancelledError:
            if active.stop is None:
                raise
        except Exception as error:  # whatever it was, the response must not stay as it is for ever
            if not isinstance(error, ResponsesError):
                _log.error("unexpected", response_id=response_id, exc_info=error)
        finally:
            publisher.cancel()
            run.keep_by(None)
            try:
                try:
                    await run.close()
                finally:
                    record(self._gateway, run, request_id)
            finally:
                self._gateway.metrics.background_runs.dec()
                if not active.kept and active.stop not in ("lost", "shutdown"):
                    self._adrift[response_id] = replace(active.record, attempt=active.record.attempt + 1)
                self._active.pop(response_id, None)
                active.ended.set()
                active.show(0)

    async def _drive(self, active: _Active, publisher: asyncio.Task[None]) -> None:
        run = active.run
        try:
            with suppress(StoreUnavailableError):
                await self._gateway.store.set_in_progress(active.record.id)
            if run.prepared.stream:
                active.push(run.assembler.take())
            while await run.advance():
                active.push(run.assembler.take())
                await run.pump(active.push)
        except asyncio.CancelledError:
            stop, task = active.stop, active.task
            if stop is None or task is None:
                raise
            if stop == "lost" or (stop == "shutdown" and len(active.log) <= LAST_OPENING + 1):
                raise
            task.uncancel()
            if stop == "cancelled":
                await run.cancel()
            else:
                await run.fail(shutting_down())
        except ResponsesError as error:
            if active.ending:
                raise
            await run.fail(error)
        publisher.cancel()
        await asyncio.wait([publisher])
        # Where the end could not be kept, followers are told what the store says, and not this.
        if active.kept:
            active.push(run.assembler.take())
            active.show(len(active.pending))

    async def _publish(self, active: _Active) -> None:
        """Keep events as they come, in batches of what came meanwhile, and let followers see what is kept."""
        store, response_id = self._gateway.store, active.record.id
        kept: int | None = 0 if active.record.attempt == 1 else None
        while True:
            await active.work.wait()
            active.work.clear()
            count, first = len(active.pending), len(active.log)
            try:
                if kept is None:
                    kept = await self._kept_events(response_id)
                fresh = active.pending[max(0, kept - first) : count]
                if fresh and not await store.append_events(
                    response_id, self.replica, batch_of(first + count - len(fresh), fresh)
                ):
                    active.interrupt("lost")
                    return
            except StoreUnavailableError:
                active.work.set()
                await asyncio.sleep(self._timing.poll)
            except Exception as error:  # the store is defective: the end may be kept all the same, and is told then
                _log.error("unexpected", response_id=response_id, exc_info=error)
                return
            else:
                active.show(count)

    async def _kept_events(self, response_id: str) -> int:
        """How many events an earlier attempt left behind."""
        batches = await self._gateway.store.events(response_id, -1)
        return batches[-1].last + 1 if batches else 0

    async def _keep(self, active: _Active, response: Mapping[str, object], journal: bytes | None) -> None:
        """Write down how a run ended; a store that is down is waited for."""
        active.ending = True
        ending = self._ending(active.run, response, journal)
        deadline = time.monotonic() + self._timing.patience
        wait = 0.25
        while True:
            try:
                if not await self._gateway.store.finish_run(active.record.id, self.replica, ending):
                    raise ResponsesError(503, "Another replica took this response over.", type="server_error")
                active.kept = True
                return
            except StoreUnavailableError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, 5.0)

    def _ending(self, run: Run, response: Mapping[str, object], journal: bytes | None) -> Ending:
        status = cast(Status, response["status"])
        return Ending(
            status=status,
            body=body_without_output(response),
            expires_at=self._expiry(stored=run.request.store),
            output=output_items(response),
            journal=journal,
            conversation=run.context.conversation if status in DONE else None,
        )

    # --- those who watch ---------------------------------------------------------------------------------------------

    async def follow(self, found: StoredResponse, after: int) -> AsyncIterator[list[Outgoing]]:
        """The events of a streamed response with sequence numbers above `after`: those that were, then those that
        come, up to the terminal event. A store that is down is waited for. Raises ResponsesError: 404 when the response
        was deleted meanwhile, 503 when the store stays down."""
        active = self._active.get(found.id)
        while active is not None:
            changed, ended = active.changed, active.ended.is_set()
            if len(active.log) > after + 1:
                events = active.log[after + 1 :]
                after += len(events)
                yield events
                if is_terminal(events[-1]):
                    return
            elif ended:
                break
            else:
                await changed.wait()
        timing = self._timing
        async for events in follow_store(self._gateway, found, after, poll=timing.poll, patience=timing.patience):
            yield events

    # --- cancel ------------------------------------------------------------------------------------------------------

    async def cancel(self, found: StoredResponse) -> StoredResponse | None:
        """End a background response, wherever it runs; how it is stored then. It may have ended otherwise before, and
        it may still run when the replica that runs it does not answer."""
        store = self._gateway.store
        await store.request_cancel(found.id, found.owner)
        deadline = time.monotonic() + 2 * self._timing.lease
        while True:
            active = self._active.get(found.id)
            if active is not None:
                active.interrupt("cancelled")
                with suppress(TimeoutError):
                    async with asyncio.timeout(deadline - time.monotonic()):
                        await active.ended.wait()
            current = await store.response(found.id, found.owner, time.time())
            if current is None or current.status not in UNFINISHED or time.monotonic() > deadline:
                return current
            await asyncio.sleep(self._timing.poll)

    # --- leases ------------------------------------------------------------------------------------------------------

    async def renew(self) -> None:
        """Extend the leases of what runs here; stop what was cancelled elsewhere, or taken over."""
        if not self._active:
            return
        known = list(self._active)
        held = await self._gateway.store.renew_runs(self.replica, time.time() + self._timing.lease)
        for response_id in known:
            active = self._active.get(response_id)
            if active is None:
                continue
            if response_id not in held:
                active.interrupt("lost")
            elif held[response_id]:
                active.interrupt("cancelled")

    async def take_over(self) -> None:
        """Go on with the runs whose replica died, and with those that were left adrift here."""
        if self._stopping:
            return
        now = time.time()
        for lost in await self._gateway.store.take_over_runs(self.replica, now, now + self._timing.lease):
            self._adrift[lost.id] = lost
        for lost in list(self._adrift.values()):
            active = self._active.get(lost.id)
            if active is not None and active.stop == "lost":
                continue
            if active is None:
                try:
                    await self._adopt(lost)
                except StoreUnavailableError:
                    raise
                except Exception as error:  # the others must not wait for this one
                    _log.error("unexpected", response_id=lost.id, exc_info=error)
                    continue
            # Else its lease ran out while it was worked at here, and is ours again.
            del self._adrift[lost.id]

    async def _adopt(self, lost: BackgroundRun) -> None:
        # What is held back for it nobody will settle.
        await self._gateway.ledger.release(lost.id)
        found = await self._gateway.store.response(lost.id, lost.owner, time.time())
        if found is None or found.status not in UNFINISHED:
            return
        try:
            await self._go_on(lost, found)
        except StoreUnavailableError:
            raise
        except ResponsesError as error:
            await self._give_up(found, error)
        except Exception as error:  # a request that cannot be read any more
            _log.error("unexpected", response_id=lost.id, exc_info=error)
            await self._give_up(found, replica_ended())

    async def _go_on(self, lost: BackgroundRun, found: StoredResponse) -> None:
        if lost.cancel:
            await self._give_up(found, None)
            return
        shown = await self._gateway.store.events(lost.id, LAST_OPENING)
        client = self._clients.get(lost.owner)
        if shown or lost.attempt > MAX_ATTEMPTS or client is None:
            _log.warning("run given up", response_id=lost.id, attempts=lost.attempt - 1)
            raise replica_ended()
        _log.warning("run begun again", response_id=lost.id, attempt=lost.attempt)
        request_id = identifiers.request_id()
        self._begin(_Active(await self._again(lost, found, client, request_id), lost), request_id)

    async def _again(self, lost: BackgroundRun, found: StoredResponse, client: Client, row_id: str) -> Run:
        gateway = self._gateway
        body, strict = _begun_with(lost.request)
        request = read(gateway, body)
        gateway.prompts.fill(request)
        candidates = gateway.candidates(request.model, client)
        try:
            items = await gateway.store.history(Place(found.place.chain, found.input_end))
        except HistoryGoneError:
            raise replica_ended() from None
        echoed = orjson.loads(found.body)
        conversation: str | None = (echoed.get("conversation") or {}).get("id")
        request.input = parsed(items)
        work, others = await plan(
            gateway,
            request,
            client,
            candidates,
            request.prompt_cache_key or found.place.chain,
            rules=gateway.rules_for(client, strict=strict),
        )
        run = Run(
            gateway,
            request,
            client,
            work,
            opening(request, response_id=found.id, created_at=found.created_at, conversation=conversation),
            arrived=time.perf_counter(),
            context=Context(conversation=conversation),
            others=others,
            row_id=row_id,
        )
        run.release_input(partial(read_again, gateway, body, items))
        return run

    async def _give_up(self, found: StoredResponse, error: ResponsesError | None) -> None:
        """End a response that nobody works at any more: as failed, or without an error as cancelled."""
        store, streamed = self._gateway.store, found.journal is not None
        kept = all_events(await store.events(found.id, -1)) if streamed else []
        response, last = closing(found.body, kept, error)
        if streamed and last and not await store.append_events(found.id, self.replica, batch_of(len(kept), last)):
            return
        ending = Ending(
            status=cast(Status, response["status"]),
            body=body_without_output(response),
            expires_at=self._expiry(stored=bool(response["store"])),
            output=output_items(response),
            journal=KEPT_EVENTS if streamed else None,
            keep_events=streamed,
        )
        await store.finish_run(found.id, self.replica, ending)

    def _expiry(self, *, stored: bool) -> float:
        return time.time() + (self._gateway.retention if stored else KEPT_WITHOUT_STORE)

    # --- the end of the process --------------------------------------------------------------------------------------

    async def stop(self, grace: float) -> None:
        """Let what runs end within `grace` seconds; leave the rest to other replicas, or to the next start, and end as
        failed what was partly shown."""
        self._stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                for active in list(self._active.values()):
                    await active.ended.wait()
        tasks = [active.task for active in self._active.values() if active.task is not None]
        for active in list(self._active.values()):
            active.interrupt("shutdown")
        if tasks:
            await asyncio.wait(tasks, timeout=5.0)
        with suppress(StoreUnavailableError):
            await self._gateway.store.release_runs(self.replica)


_STRICT = b"strict\n"
"""What stands before the body of a strict request, where it is kept: the body alone does not say so."""


def _to_begin_again(body: bytes, *, strict: bool) -> bytes:
    return _STRICT + body if strict else body


def _begun_with(kept: bytes) -> tuple[bytes, bool]:
    """The body of a request that is begun again, and whether it is strict."""
    return kept.removeprefix(_STRICT), kept.startswith(_STRICT)


def shutting_down() -> ResponsesError:
    """What a response fails with that the end of the process cut off."""
    return ResponsesError(503, "The gateway is shutting down.", type="service_unavailable_error")


def replica_ended() -> ResponsesError:
    """What a background response fails with whose process ended, and which cannot be begun again."""
    return ResponsesError(500, "The gateway process that ran this response ended before it.", type="server_error")
