"""One request's way from the prepared call on: send, decode, assemble, keep.

A Run makes `(event type, JSON bytes)` pairs without framing; whoever drives it decides what becomes of them. Until the
first output every failure can still be an HTTP error or another attempt; after it a failure is `response.failed`.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import reduce

import structlog

from proxy.exchange.admission import Admission
from proxy.exchange.attempts import Attempts
from proxy.exchange.compaction import Summarising
from proxy.exchange.conformance import Violation
from proxy.exchange.context import NO_CONTEXT, Context
from proxy.exchange.counted import Counted, Share, counted
from proxy.exchange.endpoint import Target
from proxy.exchange.fetching import place_media
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.keeping import Keep
from proxy.exchange.prepare import encode, prepare
from proxy.exchange.proofs import sealing
from proxy.exchange.retrying import falls_back
from proxy.exchange.slots import NotAskedError
from proxy.exchange.structured import Holding, Repair, not_conforming
from proxy.exchange.truncation import halve
from proxy.exchange.upstream_call import UpstreamCall
from proxy.exchange.work import Work, prepare_work
from proxy.provider.contract import Call, Decoder, Prepared
from proxy.provider.errors import ProviderError
from proxy.responses.assembler import Assembler, IncompleteReason, Outgoing, Seal
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Event, Failed, Finished, FinishReason
from proxy.responses.request import CreateRequest
from proxy.responses.usage import NO_TOKENS, TokenCount, UsageSource, UsageTally
from proxy.state.records import StoredItem
from proxy.state.store import StoreUnavailableError
from proxy.upstream.client import CUT
from proxy.upstream.trace import NO_TRACE, Trace
from proxy.usage.gen_ai import ChunkTimes
from proxy.usage.metrics import RequestOutcome
from proxy.usage.prices import PriceSource

INCOMPLETE: Mapping[FinishReason, IncompleteReason] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "pause": "max_output_tokens",
    "max_messages": "max_messages",
    "steered": "steered",
}

DRAINED_BYTES = 2**20
"""How much of an answer is read at most whose client has left."""

MAX_VENDOR_ID = 256
"""How much of the vendor's own name for an answer is logged, in characters."""

MAX_PAUSES = 10
"""How often an answer goes on that its vendor paused, before it is incomplete."""

MAX_HALVINGS = 6
"""How often a history that is too long for a model of unknown size is halved (`truncation: auto`)."""

_log = structlog.get_logger("dragoman.exchange")


class Run:
    """One response in the making. Drive it with `advance` until that is false, then `close` it, always.

    What a response that ends announces was kept before: its client may ask for it at once.
    """

    def __init__(
        self,
        gateway: Gateway,
        request: CreateRequest,
        client: Client,
        work: Work,
        response: dict[str, object],
        *,
        arrived: float,
        context: Context = NO_CONTEXT,
        input: Sequence[StoredItem] = (),  # noqa: A002 - the API's own name for it
        keep: Keep | None = None,
        admission: Admission | None = None,
        trace: Trace = NO_TRACE,
        row_id: str | None = None,
        others: Sequence[Target] = (),
        deadline: float | None = None,
    ) -> None:
        """`response` is the opening object, `arrived` the request's arrival by `time.perf_counter`, `input` the
        request's own items as they are kept; `keep` keeps the response at its end (None: it is not kept);
        `admission` is what was claimed of the client's budgets and limits (None: it has none); `row_id` names its row
        in the spend record (None: the response does). `others` are the targets that may be asked when the first fails,
        `deadline` is when its client stops waiting, by `time.perf_counter` (None: it does not say). Whoever tells the
        client of the response before its first output sets `told`."""
        self.request = request
        self.client = client
        self.arrived = arrived
        self.target = work.target
        self.context = context
        self.input = input
        self.prepared = work.prepared
        self.admission = admission
        self.trace = trace
        self.row_id = row_id or str(response["id"])
        self.attempts = Attempts(gateway, deadline)
        self.outcome: RequestOutcome = "cancelled"
        self.error: ResponsesError | None = None
        self.sent: float | None = None
        self.first_output: float | None = None
        self.chunk_times = ChunkTimes()
        self.upstream_seconds = 0.0
        self.usage: TokenCount | None = None
        self.usage_source: UsageSource = "provider"
        # What is to be paid for: what the targets that failed did, then what the last one did.
        self.shares: Sequence[Share] = ()
        self._elsewhere: list[Share] = []
        self.cost: int | None = None
        self.price_source: PriceSource | None = None
        self.told = False
        self._gateway = gateway
        self._upstream_call: UpstreamCall | None = None
        # Whether a vendor works at the answer, or has: what it was sent is spent.
        self._taken = False
        self._finished = False
        self._amended = False
        self._halvings = 0
        self._pauses = 0
        # The decoder of an answer that goes on, until the first piece of its next call is there.
        self._paused: Decoder | None = None
        self._keep = keep
        self._opening = response
        self._take(work)
        self._summarising: Summarising | None = None
        self._holding: Holding | None = None
        self._repair: Repair | None = None
        self._others = list(others)
        self._counted_before_repair = Counted((), estimated=False)
        self._problem: Exception | None = None
        self._reread: Callable[[], CreateRequest] | None = None
        self.assembler = self._new_assembler()
        gateway.open_runs.add(self.row_id)

    def _take(self, work: Work) -> None:
        self._table = work.table
        self._call = work.call
        self._inherited = work.inherited
        self._kept_paths = work.kept_paths
        self._compacts = work.compacts
        self._fetched = work.fetched
        self._rules = work.rules
        self._emulation = work.emulation

    def release_input(self, reread: Callable[[], CreateRequest]) -> None:
        """Let go of the input, which is in the vendor's body now; `reread` makes the request again if it is needed.

        A long history is thousands of small objects. To keep them while the vendor thinks costs a quarter of the CPU
        of a 100 KB request: the next one has to be read into cold memory.
        """
        self._reread = reread
        self.request.input = self.prepared.request.input = []
        self.prepared.items = []

    def keep_by(self, keep: Keep | None) -> None:
        """Change how the response is kept at its end."""
        self._keep = keep

    @property
    def strict(self) -> bool:
        """Whether the request is refused rather than changed."""
        return self._rules.strict

    @property
    def dropped(self) -> list[str]:
        """The paths of what was dropped, for the header and the log."""
        return [conversion.path for conversion in self.prepared.conversions if conversion.disposition == "dropped"]

    @property
    def overhead(self) -> float:
        """The gateway's own time so far, in seconds: all but the waiting for the vendor."""
        return time.perf_counter() - self.arrived - self.upstream_seconds

    async def advance(self) -> bool:
        """Wait for the vendor's next bytes and work them in; what there is to send is in `assembler.take()`.

        False once the response is finished. Raises ResponsesError for a failure before the first output.
        """
        while not self._finished:
            try:
                if self._problem is not None:
                    problem, self._problem = self._problem, None
                    raise problem
                assembler = self.assembler
                if not self._answered:
                    if self._upstream_call is None:
                        await self._send()
                    if self._upstream_call is not None:
                        await self._read(self._upstream_call)
                if self._holding is not None and self._holding.finished is not None and assembler.failure is None:
                    await self._judge(self._holding)
                if assembler.failure is not None:
                    raise assembler.failure
                if assembler.finished is not None:
                    await self._go_on(assembler.finished)
                if assembler.finished is not None:
                    self._settle(assembler.finished)
                    if assembler.failure is not None:
                        raise assembler.failure
            except Exception as caught:  # whatever goes wrong inside a decoder, the client gets its terminal event
                error = caught if isinstance(caught, ResponsesError) else _unexpected(caught)
                if self._upstream_call is not None:
                    self._upstream_call.mask_credentials(error)
                if isinstance(error, NotAskedError):
                    self._gateway.metrics.count_refused(error.reason)
                else:
                    self.attempts.end(self.target, error)
                self._abort()
                if await self._try_again(error):
                    _let_go(error)
                    continue
                if self.assembler.has_output and self.prepared.stream:
                    await self.fail(error)
                    return False
                self.error, self.outcome = error, "failed"
                self.assembler.settle(completed=False)
                await self._count_usage()
                raise error from error.__cause__
            if assembler.has_output and self.first_output is None:
                self.first_output = time.perf_counter()
                self.chunk_times.chunk(self.first_output)
                if assembler.finished is not None and self._keep is not None and self.prepared.stream:
                    # The whole answer came at once: its client sees the output before the store is waited for.
                    return True
            if assembler.finished is not None:
                self.attempts.end(self.target, None)
                await self._finish(assembler.finished)
                return False
            if assembler.has_output:
                return True
        return False

    async def finish_at_once(self) -> None:
        """Complete the response without asking the model: its input is what a later one continues."""
        self._finished = True
        self.usage, self.outcome = NO_TOKENS, "completed"
        self.assembler.conclude("completed", self.usage)
        await self._keep_response()
        self.assembler.announce()

    async def pump(self, send: Callable[[list[Outgoing]], bool]) -> None:
        """Hand the vendor's events on as they arrive, from the event loop itself: no task switch for each token.

        Returns when `advance` has something to do: the end, a failure, or a client that does not keep up, which `send`
        says by its answer.
        """
        call = self._upstream_call
        if call is None or not call.streamed or call.ended or self._answered:
            return
        over, chunk_times = asyncio.get_running_loop().create_future(), self.chunk_times
        began, worked = time.perf_counter(), 0.0

        def arrived() -> None:
            nonlocal worked
            if over.done():
                return
            start = time.perf_counter()
            try:
                # The end, or a failure, may have come with the last bytes, and nothing more arrives after it.
                while not over.done() and (piece := call.piece_now()) is not None:
                    if piece:
                        self._feed(call.events(piece))
                        chunk_times.chunk(start)
                    if not piece or self._answered or not send(self.assembler.take()):
                        over.set_result(None)
            except Exception as problem:  # it is `advance` that deals with it
                self._problem = problem
                over.set_result(None)
            finally:
                worked += time.perf_counter() - start

        if not call.listen(arrived):
            return
        try:
            arrived()
            await over
        finally:
            call.listen(None)
            self.upstream_seconds += time.perf_counter() - began - worked

    async def fail(self, error: ResponsesError) -> None:
        """End the response as failed: what was produced stays, the terminal event says why. One that has ended, stays
        as it ended."""
        if self.assembler.announced:
            return
        self._finished = True
        self.error, self.outcome = error, "failed"
        self.assembler.settle(completed=False)
        await self._count_usage()
        self.assembler.conclude("failed", self.usage, error=error)
        await self._keep_response()
        self.assembler.announce()

    async def give_up(self, error: ResponsesError) -> None:
        """End without a response: nobody was told of it, the client gets the error alone, and nothing is kept."""
        self._finished = True
        self.error, self.outcome = error, "failed"
        self._abort()
        if self.assembler.finished is None:
            self.attempts.cancel(self.target)
        self.assembler.settle(completed=False)
        await self._count_usage()

    async def cancel(self) -> None:
        """End the response as cancelled; what was produced stays."""
        self._finished = True
        self.outcome = "cancelled"
        self._abort()
        self.attempts.cancel(self.target)
        self.assembler.settle(completed=False)
        await self._count_usage()
        self.assembler.conclude("cancelled", self.usage)
        await self._keep_response()
        self.assembler.announce()

    async def close(self) -> None:
        """Give the connection back, or cut it when the client left before the end."""
        if self.outcome == "cancelled" and not self._finished and self.attempts.number:
            if not (self.told or (self.prepared.stream and self.assembler.has_output)):
                # Its client never learned that there is such a response.
                self._keep = None
                await self._forget_conversation()
            await self._drain()
            await self.cancel()
        elif self.error is not None and self._keep is not None:
            # Its client was told of an error alone.
            await self._forget_conversation()
        if self.error is not None:
            _let_go(self.error)
        call, self._upstream_call = self._upstream_call, None
        if call is not None:
            await call.finish()

    async def discard(self) -> None:
        """Let go of what a run claimed that is not driven at all."""
        self._gateway.open_runs.remove(self.row_id)
        if self.admission is not None:
            await self.admission.release()

    async def _drain(self) -> None:
        """Read on for a moment for a client that has left: the vendor's last count is worth more than an estimate."""
        call, patience = self._upstream_call, self._gateway.drain
        if call is None or not call.answering or patience <= 0:
            return
        left = DRAINED_BYTES
        # Whatever goes wrong now, nobody is there to be told.
        with suppress(Exception):
            async with asyncio.timeout(patience) as timeout:
                with self._gateway.open_runs.draining(timeout):
                    while left > 0 and not self._answered:
                        left -= await self._read(call)

    async def _forget_conversation(self) -> None:
        """Take back the conversation that the request made, of which its client does not know."""
        if self.context.new_conversation is not None:
            with suppress(StoreUnavailableError):
                await self._gateway.store.delete_conversation(self.context.new_conversation[0].id, self.client.name)

    # --- sending -----------------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        timeouts = await self.attempts.begin(self.target)
        if self._compacts:
            self._summarising = Summarising(self._gateway.sealer, self.client.name)
        if self._emulation is not None and self._paused is None:
            self._holding = Holding(again=self._repair is not None)
        call = self._upstream_call = UpstreamCall(
            self._gateway.upstream, self.target, self.prepared, self._call, self._paused
        )
        began = time.perf_counter()
        if self.sent is None:
            self.sent = began
        self.chunk_times.again()
        try:
            salvaged = await call.send(timeouts, self.trace)
        except (asyncio.CancelledError, ProviderError) as problem:
            # A vendor that has not begun to answer works at it all the same.
            waiting = not isinstance(problem, ProviderError) or problem.error_class == "timeout"
            self._taken = self._taken or (call.sent and waiting)
            raise
        finally:
            self.upstream_seconds += time.perf_counter() - began
        self._taken = True
        if salvaged is not None:
            self._abort()
            self._feed(salvaged)

    async def _read(self, call: UpstreamCall) -> int:
        """Wait for the next piece, and work it in; how many bytes it has."""
        began = time.perf_counter()
        try:
            piece = await call.piece()
        finally:
            self.upstream_seconds += time.perf_counter() - began
        if piece and self.first_output is not None:
            self.chunk_times.chunk(time.perf_counter())
        self._feed(call.events(piece))
        if not piece and not self._answered:
            self.assembler.feed((Failed(ProviderError("cut", CUT)),))
        return len(piece)

    async def _go_on(self, finished: Finished) -> None:
        """Have another call go on with an answer that the vendor only paused."""
        upstream = self._upstream_call
        decoder = upstream.decoder if upstream is not None and finished.reason == "pause" else None
        if upstream is None or decoder is None or self._pauses >= MAX_PAUSES:
            return
        call = self.target.endpoint.provider.continuation(self._call, decoder)
        if call is None:
            return
        self.attempts.end(self.target, None)
        self._pauses += 1
        self._call, self._paused, self._upstream_call = call, decoder, None
        await upstream.finish()
        self.assembler.finished = None
        self.assembler.tally.next_call()

    def _feed(self, events: Sequence[Event]) -> None:
        self._paused = None
        between = self._holding or self._summarising
        self.assembler.feed(events if between is None else between(events))

    @property
    def _answered(self) -> bool:
        """Whether the upstream call has said all."""
        assembler, holding = self.assembler, self._holding
        return (
            assembler.finished is not None
            or assembler.failure is not None
            or (holding is not None and holding.finished is not None)
        )

    def _abort(self) -> None:
        call, self._upstream_call = self._upstream_call, None
        if call is not None:
            call.abort()

    async def _try_again(self, error: ResponsesError) -> bool:
        """Whether there is another attempt; waits for it. Only while the client has seen nothing."""
        if isinstance(error, NotAskedError):
            return self._paused is None and not self._shown and await self._fall_back(error)
        if not isinstance(error, ProviderError):
            return False
        # Of a call that goes on with an answer nothing was read yet, or too much.
        goes_on = self._paused is not None
        if not goes_on and (self._pauses or self._shown):
            return False
        if goes_on and error.error_class == "context_too_long":
            return False
        if error.error_class == "context_too_long" and self._halve():
            pass
        elif not self._amended and (amended := self._amend(error)) is not None:
            self._amended = True
            self._call = amended
        else:
            began = time.perf_counter()
            elsewhere = bool(self._others) and not goes_on
            if not await self.attempts.wait(self.target, error, pauses=self._pauses, elsewhere=elsewhere):
                return not goes_on and await self._fall_back(error)
            self.upstream_seconds += time.perf_counter() - began
        earlier = self.assembler.tally
        if self.assembler.has_output and not goes_on:
            self.assembler = self._new_assembler()
        if goes_on:
            self.assembler.failure = None
        else:
            self._holding = None
            self.assembler.begin_again()
        earlier.next_call()
        self.assembler.tally = earlier
        return True

    @property
    def _shown(self) -> bool:
        """Whether its client may have seen output of it."""
        return self.assembler.has_output and self.prepared.stream

    async def _fall_back(self, error: ResponsesError) -> bool:
        """Go on to the next target that can serve the request, where that may help."""
        if not falls_back(error) or self._repair is not None:
            return False
        while self._others:
            if self.attempts.is_over():
                return False
            target = self._others.pop(0)
            if self._gateway.breakers.pause(target.name) > 0:
                continue
            try:
                work = await prepare_work(
                    self._gateway,
                    self._reread() if self._reread is not None else self.request,
                    self.client,
                    target,
                    inherited=self._inherited,
                    rules=self._rules,
                )
            except ResponsesError:
                # It cannot serve the request: the client is told of what went wrong before.
                continue
            await self._go_to(work)
            return True
        return False

    async def _go_to(self, work: Work) -> None:
        """Ask another target from now on. What the last one did is counted for itself."""
        whole = await self._counted()
        if whole.calls:
            self._elsewhere.append(self._share(whole))
        self.target, self.prepared = work.target, work.prepared
        self._take(work)
        if self._reread is not None:
            self.prepared.request.input = []
            self.prepared.items = []
        self._holding, self._summarising = None, None
        self._amended, self._taken = False, False
        self._halvings = 0
        self.attempts.new_target()
        if self.assembler.has_output:
            self.assembler = self._new_assembler()
        else:
            self.assembler.begin_again(table=self._table, seal=self._seal())
            self.assembler.tally = UsageTally()

    def _amend(self, error: ProviderError) -> Call | None:
        amended = self.target.endpoint.provider.amend(self._call, error)
        if amended is None:
            return None
        call, conversions = amended
        if self._rules.strict and any(conversion.strict_refuses for conversion in conversions):
            return None
        known = self.prepared.conversions
        known += [conversion for conversion in conversions if conversion not in known]
        return call

    def _halve(self) -> bool:
        """Shorten a history that is too long for a model whose size nobody knows."""
        if self.request.truncation != "auto" or self._halvings >= MAX_HALVINGS:
            return False
        self._halvings += 1
        again = self._prepared_again()
        if not halve(again):
            return False
        self._kept_paths = frozenset(item.path for item in again.items)
        # What an amendment took out stands in the new call again.
        self._amended = False
        self._encode_again(again)
        return True

    def _encode_again(self, again: Prepared) -> None:
        """Make the call anew, with what was wrong about the answer if it is asked for once more."""
        if self._repair is not None:
            again.items = [*again.items, *self._repair.items()]
        self._call = encode(again, self.target, self._rules)
        known = self.prepared.conversions
        self.prepared.conversions = [*known, *(new for new in again.conversions if new not in known)]

    # --- structured output -------------------------------------------------------------------------------------------

    async def _judge(self, holding: Holding) -> None:
        """Read an answer that was held back: it goes to the client, or the model is asked once more."""
        assert self._emulation is not None
        found = await self._emulation.read(holding.text)
        if not isinstance(found, Violation):
            self._holding = None
            self.assembler.feed(holding.accepted(found))
        elif self._repair is None:
            await self._ask_again(holding, Repair(holding.text, found))
        else:
            raise not_conforming(found)

    async def _ask_again(self, holding: Holding, repair: Repair) -> None:
        call, self._upstream_call = self._upstream_call, None
        if call is not None:
            await call.finish()
        self.attempts.end(self.target, None)
        self._counted_before_repair = await self._counted()
        self.assembler.tally, self._taken = UsageTally(), False
        self.assembler.feed(holding.besides)
        self._holding, self._repair = None, repair
        self.attempts.new_question()
        self._pauses, self._amended = 0, False
        self._encode_again(self._prepared_again())

    # --- the end -----------------------------------------------------------------------------------------------------

    def _settle(self, finished: Finished) -> None:
        """Close what is open. A call that turns out to mean nothing is the assembler's failure."""
        if self._holding is not None:
            self.assembler.feed(self._holding.rest())
        self.assembler.settle(completed=finished.reason not in INCOMPLETE)

    async def _finish(self, finished: Finished) -> None:
        assembler = self.assembler
        started, call = assembler.started, self._upstream_call
        if started is not None and started.id is not None and call is not None:
            # It goes into the log.
            started.id = call.masked(started.id[:MAX_VENDOR_ID])
        reason = INCOMPLETE.get(finished.reason)
        await self._count_usage()
        self._finished = True
        if reason is not None:
            self.outcome = "incomplete"
            assembler.conclude("incomplete", self.usage, reason=reason)
        elif finished.reason == "unknown" and not assembler.has_output:
            self.error = ProviderError("vendor_failure", "The provider ended its answer without output or a reason.")
            self.outcome = "failed"
            assembler.conclude("failed", self.usage, error=self.error)
        else:
            self.outcome = "completed"
            assembler.conclude("completed", self.usage)
        await self._keep_response()
        assembler.announce()

    async def _keep_response(self) -> None:
        """Keep the response that was concluded. One that cannot be kept has failed: nobody could find it again.

        Once begun, it is done: whoever is cancelled meanwhile may announce what the store has, and nothing else.
        """
        keep, self._keep = self._keep, None
        if keep is None:
            return
        try:
            keeping = asyncio.ensure_future(keep(self.assembler.response, self.assembler.journal()))
            try:
                await asyncio.shield(keeping)
            except asyncio.CancelledError:
                await asyncio.wait([keeping])
                if not keeping.cancelled() and keeping.exception() is None:
                    self.assembler.announce()
                raise
        except Exception as caught:  # whatever a store may do, the client gets its terminal event
            if not isinstance(caught, ResponsesError):
                _log.error("unexpected", exc_info=caught)
            error = caught if isinstance(caught, ResponsesError) else StoreUnavailableError()
            if isinstance(error, StoreUnavailableError):
                self._gateway.store_failed()
            if self.outcome in ("failed", "cancelled"):
                return
            self.outcome, self.error = "failed", error
            if not self.prepared.stream:
                raise error from caught.__cause__
            self.assembler.conclude("failed", self.usage, error=error)

    async def _count_usage(self) -> None:
        """Count all that the vendors did for the response."""
        before, now = self._counted_before_repair, await self._counted()
        whole = Counted((*before.calls, *now.calls), before.estimated or now.estimated)
        self.shares = (*self._elsewhere, self._share(whole))
        self.usage = reduce(TokenCount.plus, [count for share in self.shares for count in share.counts], NO_TOKENS)
        self.usage_source = "estimated" if any(share.source == "estimated" for share in self.shares) else "provider"

    def _share(self, whole: Counted) -> Share:
        return Share(self.target, whole.calls, "estimated" if whole.estimated else "provider")

    async def _counted(self) -> Counted:
        return await counted(self.assembler, self._holding, self._estimate, stream=self._call.stream, taken=self._taken)

    async def _estimate(self) -> TokenCount:
        """The tokens of this answer, where nobody says how many."""
        written = self.assembler.output if self._summarising is None else self._summarising.output
        if self._holding is not None:
            written = [*written, self._holding.output]
        again = self._prepared_again()
        if self._repair is not None:
            again.items = [*again.items, *self._repair.items()]
        return await self._gateway.estimator.estimate(again, written)

    def _prepared_again(self) -> Prepared:
        if self._reread is None:
            return replace(self.prepared)
        gateway = self._gateway
        again = prepare(
            self._reread(),
            self.target,
            rules=self._rules,
            sealer=gateway.sealer,
            client=self.client.name,
            inherited=self._inherited,
        )[0]
        if self._kept_paths is not None:
            again.items = [item for item in again.items if item.path in self._kept_paths]
        place_media(again, self._fetched)
        return again

    # --- the assembler -----------------------------------------------------------------------------------------------

    def _new_assembler(self) -> Assembler:
        assembler = Assembler(
            dict(self._opening),
            table=self._table,
            seal=self._seal(),
            live=self.prepared.stream,
        )
        assembler.begin(queued=self.request.background)
        return assembler

    def _seal(self) -> Seal:
        return sealing(self._gateway.sealer, self.target, self.prepared.capabilities.family, self.client.name)


def _unexpected(error: Exception) -> ProviderError:
    failure = ProviderError("vendor_failure", "The provider's answer could not be understood.")
    failure.__cause__ = error
    return failure


def _let_go(error: BaseException) -> None:
    """Take the traceback from a failure that is dealt with. It holds the run with its bodies, which holds the failure:
    hundreds of such requests would wait for the garbage collector."""
    failure: BaseException | None = error
    while failure is not None:
        failure.__traceback__ = None
        failure = failure.__cause__ or failure.__context__
