"""One call to a vendor: sent, and read as neutral events."""

import asyncio
from collections.abc import Callable, Mapping

from proxy.exchange.endpoint import Target
from proxy.exchange.slots import Slots
from proxy.provider.contract import Call, Decoder, Prepared
from proxy.provider.errors import ProviderError
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Event
from proxy.upstream.client import Answer, Upstream
from proxy.upstream.connection import Timeouts
from proxy.upstream.framers import FRAMERS, FrameDamagedError, Framer, FrameTooLargeError
from proxy.upstream.trace import NO_TRACE, Trace

MIN_KEY = 8
"""The shortest key, in characters, that is masked where a vendor repeats it; anything shorter is a word."""

RENEWABLE = frozenset({400, 401, 403})
"""The statuses of refusals that may be for an issued credential that has ended."""

MAX_STREAM = 256 * 2**20
"""The largest stream that is read, in bytes: a vendor that never ends must not fill the memory."""

REST_OF_BODY = 1.0
"""How long, in seconds, the end of a finished body is waited for, so that its connection can be used again."""


class UpstreamCall:
    """A call and its answer. `send` it, read it with `piece` and `events`, and `finish` or `abort` it, always."""

    __slots__ = (
        "_answer",
        "_call",
        "_continued",
        "_credentials",
        "_decoder",
        "_framer",
        "_prepared",
        "_size",
        "_slots",
        "_target",
        "_upstream",
        "sent",
    )

    def __init__(
        self, upstream: Upstream, target: Target, prepared: Prepared, call: Call, continued: Decoder | None = None
    ) -> None:
        """`continued` is the decoder of the answer that this call goes on with. The call has a slot of its endpoint,
        and gives it back."""
        self._upstream = upstream
        self._target = target
        self._prepared = prepared
        self._call = call
        self._credentials: Mapping[str, str] = {}
        self._answer: Answer | None = None
        self._framer: Framer | None = None
        self._decoder: Decoder | None = None
        self._continued = continued
        self._size = 0
        self._slots: Slots | None = target.endpoint.slots
        # Whether the vendor may have it, and work at it.
        self.sent = False

    async def send(self, timeouts: Timeouts, trace: Trace = NO_TRACE) -> list[Event] | None:
        """Send the call, with the headers of the trace that it belongs to. None when its answer is to be read; else the
        events of the answer that an error answer held.

        Raises ResponsesError for an error of the vendor, and when it cannot be reached.
        """
        provider, call = self._target.endpoint.provider, self._call
        answer = await self._ask(timeouts, trace)
        refusal = await _refusal(answer)
        if answer.status in RENEWABLE and provider.renew(answer.status, answer.headers, refusal or b""):
            # An issued credential may end between two calls: nobody's request fails for that.
            answer = await self._ask(timeouts, trace)
            refusal = await _refusal(answer)
        if refusal is not None:
            salvaged = provider.salvage(answer.status, refusal, self._prepared)
            if salvaged is None:
                raise provider.error(answer.status, answer.headers, refusal)
            return salvaged
        self._answer = answer
        content_type = answer.headers.get("content-type", "")
        if call.stream and ("json" not in content_type or call.framing == "ndjson"):
            if "html" in content_type:
                raise _not_an_api(answer)
            self._framer = FRAMERS[call.framing]()
            self._decoder = self._continued or provider.decoder(self._prepared)
        return None

    async def _ask(self, timeouts: Timeouts, trace: Trace) -> Answer:
        endpoint = self._target.endpoint
        headers = self._credentials = await endpoint.provider.authorize(self._call, endpoint.http)
        if trace is not NO_TRACE:
            headers = {**headers, **trace.headers}
        return await self._upstream.send(
            endpoint.provider.base_url, self._call, headers, timeouts, self._was_sent, endpoint.trust
        )

    def _was_sent(self) -> None:
        self.sent = True

    @property
    def answering(self) -> bool:
        """Whether there is an answer to read."""
        return self._answer is not None

    @property
    def streamed(self) -> bool:
        """Whether the answer comes in pieces that mean something for themselves."""
        return self._decoder is not None

    @property
    def decoder(self) -> Decoder | None:
        """What reads the stream; None while there is none."""
        return self._decoder

    @property
    def ended(self) -> bool:
        """Whether the whole answer has arrived."""
        return self._answer is None or self._answer.ended

    async def piece(self) -> bytes:
        """Wait for the next piece of a stream, empty at its end, or for the whole of another answer."""
        assert self._answer is not None
        return await (self._answer.next_piece() if self.streamed else self._answer.read())

    def piece_now(self) -> bytes | None:
        """The next piece of a stream if it is there already."""
        return None if self._answer is None else self._answer.piece_now()

    def listen(self, arrived: Callable[[], None] | None) -> bool:
        """Have a function called when bytes arrive; None: nobody. False when it never would be."""
        return self._answer is not None and self._answer.listen(arrived)

    def events(self, piece: bytes) -> list[Event]:
        """What a piece says, an empty one what the decoder still owes. Raises ResponsesError."""
        framer, decoder, answer = self._framer, self._decoder, self._answer
        if framer is None or decoder is None:
            assert answer is not None
            if piece.lstrip()[:1] not in (b"{", b"["):
                raise _not_an_api(answer)
            return self._target.endpoint.provider.decode(piece, self._prepared)
        self._size += len(piece)
        if self._size > MAX_STREAM:
            raise ProviderError("vendor_failure", "The provider's answer is larger than the gateway reads.")
        events: list[Event] = []
        try:
            for frame in framer.feed(piece) if piece else framer.end():
                events += decoder.feed(frame)
        except FrameTooLargeError:
            raise ProviderError("vendor_failure", "The provider sent a larger event than the gateway reads.") from None
        except FrameDamagedError:
            raise ProviderError("vendor_failure", "The provider's stream arrived damaged.") from None
        if not piece:
            events += decoder.end()
        return events

    def mask_credentials(self, error: ResponsesError) -> None:
        """Vendors quote the key that they refuse."""
        error.message = self.masked(error.message)
        error.code = self.masked(error.code) if error.code is not None else None
        error.param = self.masked(error.param) if error.param is not None else None

    def masked(self, text: str) -> str:
        """What a vendor wrote, without the credentials that it was sent."""
        for value in self._credentials.values():
            key = value.rpartition(" ")[2]
            if len(key) >= MIN_KEY:
                text = text.replace(key, "***")
        return text

    def abort(self) -> None:
        """Cut the connection, unless the answer is whole."""
        self._give_slot_back()
        answer, self._answer = self._answer, None
        if answer is not None:
            answer.abort()

    async def finish(self) -> None:
        """Read what is left of a body that has said all, and give the connection back; cut one that does not end."""
        answer = self._answer
        if answer is None or answer.ended:
            self._give_slot_back()
            return
        try:
            async with asyncio.timeout(REST_OF_BODY):
                while await answer.next_piece():
                    pass
        except (ResponsesError, TimeoutError):
            pass
        finally:
            answer.abort()
            self._give_slot_back()

    def _give_slot_back(self) -> None:
        slots, self._slots = self._slots, None
        if slots is not None:
            slots.give_back()


async def _refusal(answer: Answer) -> bytes | None:
    """The body of an error answer, whose connection is not used again; None for an answer that is to be read."""
    if answer.status == 200:
        return None
    if answer.status < 400:
        answer.abort()
        raise _not_an_api(answer)
    body = await _explanation(answer)
    answer.abort()
    return body


async def _explanation(answer: Answer) -> bytes:
    """The body of an error answer; empty where it cannot be read: the status stays what it is."""
    try:
        return await answer.read()
    except ProviderError:
        return b""


def _not_an_api(answer: Answer) -> ProviderError:
    content_type = answer.headers.get("content-type", "none")[:60]
    return ProviderError(
        "vendor_failure",
        f"The provider answered with something that is not its API (content type {content_type}); "
        "the operator should look at its base_url.",
    )
