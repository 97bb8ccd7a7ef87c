"""Events of a Messages stream -> neutral events: one small function for each of the vendor's events and blocks.

Source: Anthropic's streaming guide. A whole answer is turned into the events that a stream would have had, so both ways
give the same. Whatever the shape of the data, nothing raises.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import orjson

from providers.anthropic import hosted
from providers.anthropic.citations import annotation
from providers.anthropic.errors import BASE_URL_HINT, stream_error
from providers.anthropic.lenient import Json, mapping, sequence, text
from providers.anthropic.server_calls import ServerCalls
from providers.anthropic.server_history import MCP_LISTING
from providers.anthropic.transcript import Transcript
from providers.anthropic.usage import UsageReport
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    FinishReason,
    Key,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
)

FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
    "pause_turn": "pause",
}

SERVICE_TIERS: Final = {"standard": "default", "priority": "priority"}

UNMAPPED: Final = frozenset(
    {
        "advisor",
        "advisor_tool_result",
        "citation.unknown",
        "code_execution_output",
        "compaction",
        "container_upload",
        "content_block.unknown",
        "delta.unknown",
        "event.unknown",
        "fallback",
        "tool_search",
    }
)
"""Names of what an answer may hold and a response has no place for."""

SILENT_EVENTS: Final = frozenset({"", "ping"})

BlockKind: TypeAlias = Literal["text", "thinking", "redacted", "call", "server_call", "skipped"]
NOTHING: Final[tuple[Event, ...]] = ()


@dataclass(slots=True)
class _Block:
    """One content block. `start` is where a text block begins within its part; `fragments` are a call's arguments;
    `payload` is a thinking block's signature or its encrypted data, `wrote` whether it showed any text; `whole` is the
    input that came at the start."""

    kind: BlockKind
    key: Key
    start: int = 0
    citations: list[Json] = field(default_factory=list)
    fragments: list[str] = field(default_factory=list)
    payload: str = ""
    wrote: bool = False
    whole: Json = field(default_factory=dict)
    server_call: hosted.ServerCall | None = None


class MessagesDecoder:
    """Reads one answer. `feed` takes frames, `apply` the parsed payload of one.

    `signed`: the vendor signs its thinking. Hosts that do not get it back unsigned, so it is its own proof. `hosted`:
    the vendor may use tools of its own; what they did is kept as proofs, and a paused answer goes on after `resume`.
    `unwrap` takes the event out of a host's frame.
    """

    __slots__ = (
        "_blocks",
        "_last_index",
        "_over",
        "_pausing",
        "_serial",
        "_server",
        "_signed",
        "_stop_details",
        "_stop_reason",
        "_text_key",
        "_text_length",
        "_transcript",
        "_unwrap",
        "_usage",
        "_wrote_text",
    )

    def __init__(
        self, *, signed: bool = True, hosted: bool = False, unwrap: Callable[[Frame], Frame] | None = None
    ) -> None:
        self._signed = signed
        self._unwrap = unwrap
        self._transcript = Transcript() if hosted else None
        self._server = ServerCalls(self._transcript)
        self._blocks: dict[int, _Block] = {}
        self._last_index = 0
        self._over = False
        self._pausing = False
        self._serial = 0
        self._stop_details: Json = {}
        self._stop_reason: str | None = None
        self._text_key: Key | None = None
        self._text_length = 0
        self._usage = UsageReport()
        self._wrote_text = False

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        if self._unwrap is not None:
            frame = self._unwrap(frame)
        try:
            payload = orjson.loads(frame.data)
        except orjson.JSONDecodeError:
            return self._unreadable(frame.data)
        return self.apply(payload, frame.event)

    def apply(self, payload: object, name: str = "") -> Sequence[Event]:
        """The events of one parsed payload; `name` counts where the payload has no type."""
        if self._over or type(payload) is not dict:
            return NOTHING
        kind = payload.get("type")
        if type(kind) is not str:
            kind = "error" if "error" in payload else name
        handler = _EVENTS.get(kind)
        if handler is None:
            return NOTHING if kind in SILENT_EVENTS else (Unmapped("event.unknown"),)
        return handler(self, payload)

    def end(self) -> Sequence[Event]:
        """The body ended: without `message_stop` it was cut."""
        if self._over:
            return NOTHING
        return self._fail(ProviderError("cut", "The provider's answer ended before it was complete."))

    @property
    def paused(self) -> bool:
        """Whether the vendor wants the answer continued."""
        return self._pausing

    @property
    def content(self) -> Sequence[bytes]:
        """The blocks of this call's answer, as JSON, where the vendor's own tools were offered."""
        return self._transcript.blocks if self._transcript is not None else ()

    @property
    def container(self) -> str:
        """Where the vendor runs code, "" while it has run none."""
        return self._server.container

    @property
    def output_tokens(self) -> int:
        """What the vendor has counted of this call."""
        return self._usage.output or 0

    def resume(self) -> None:
        """Get ready for the frames of the call that continues the answer."""
        self._over = self._pausing = False
        self._last_index = 0
        self._stop_reason = None
        self._usage = UsageReport()
        if self._transcript is not None:
            self._transcript.blocks = []

    # --- the stream's events ------------------------------------------------------------------------------------------

    def _message_start(self, payload: Json) -> Sequence[Event]:
        message = mapping(payload.get("message"))
        usage = mapping(message.get("usage"))
        self._read_container(message)
        tier = SERVICE_TIERS.get(text(usage.get("service_tier")))
        started = Started(
            text(message.get("id")) or None,
            text(message.get("model")) or None,
            "priority" if usage.get("speed") == "fast" else tier,
        )
        return [started, *self._usage.replace(usage)]

    def _block_start(self, payload: Json) -> Sequence[Event]:
        block = mapping(payload.get("content_block"))
        index = self._index(payload)
        closed = self._close(index)
        self._last_index = index
        if self._transcript is not None:
            self._transcript.start(index, block)
        start = _BLOCKS.get(text(block.get("type")), MessagesDecoder._start_skipped)
        opened = start(self, block, index)
        return [*closed, *opened] if closed else opened

    def _block_delta(self, payload: Json) -> Sequence[Event]:
        delta = payload.get("delta")
        if type(delta) is not dict:
            return NOTHING
        kind, index = delta.get("type"), payload.get("index")
        handler = _DELTAS.get(kind) if type(kind) is str else None
        if type(index) is not int:
            index = self._last_index
        if self._transcript is not None:
            self._transcript.add(index, delta)
        if handler is None:
            block = self._blocks.get(index)
            return NOTHING if block is not None and block.kind == "skipped" else (Unmapped("delta.unknown"),)
        return handler(self, delta, index)

    def _block_stop(self, payload: Json) -> Sequence[Event]:
        return self._close(self._index(payload))

    def _message_delta(self, payload: Json) -> Sequence[Event]:
        delta = mapping(payload.get("delta"))
        self._stop_reason = text(delta.get("stop_reason")) or self._stop_reason
        self._stop_details = mapping(delta.get("stop_details")) or self._stop_details
        self._read_container(delta)
        return self._usage.replace(mapping(payload.get("usage")))

    def _message_stop(self, payload: Json) -> Sequence[Event]:
        events: list[Event] = []
        for index in list(self._blocks):
            events.extend(self._close(index))
        reason = FINISH_REASONS.get(self._stop_reason or "", "unknown")
        self._pausing = reason == "pause"
        explanation = text(self._stop_details.get("explanation"))
        if reason == "content_filter" and explanation and not self._wrote_text:
            events.append(Refusal(self._next_key(), explanation))
        if not self._pausing:
            events.extend(self._server.end(self._next_key(), postponed=self._stop_reason == "tool_use"))
        events.append(Finished(reason, self._stop_reason))
        self._over = True
        return events

    def _error(self, payload: Json) -> Sequence[Event]:
        return self._fail(stream_error(payload))

    # --- content blocks -----------------------------------------------------------------------------------------------

    def _start_text(self, block: Json, index: int) -> Sequence[Event]:
        opened = self._open_text(index)
        opened.citations.extend(map(mapping, sequence(block.get("citations"))))
        return self._text_delta({"text": block.get("text")}, index)

    def _open_text(self, index: int) -> _Block:
        if self._text_key is None:
            self._text_key = self._next_key()
            self._text_length = 0
        opened = self._blocks[index] = _Block("text", self._text_key, self._text_length)
        return opened

    def _start_thinking(self, block: Json, index: int) -> Sequence[Event]:
        self._open_thinking(index).payload = text(block.get("signature"))
        return self._thinking_delta(block, index)

    def _open_thinking(self, index: int) -> _Block:
        self._text_key = None
        opened = self._blocks[index] = _Block("thinking", self._next_key())
        return opened

    def _start_redacted(self, block: Json, index: int) -> Sequence[Event]:
        self._text_key = None
        self._blocks[index] = _Block("redacted", self._next_key(), payload=text(block.get("data")))
        return NOTHING

    def _start_call(self, block: Json, index: int) -> Sequence[Event]:
        name = text(block.get("name"))
        if not name:
            return self._start_skipped(block, index)
        self._text_key = None
        opened = self._blocks[index] = _Block("call", self._next_key(), whole=mapping(block.get("input")))
        return (CallOpened(opened.key, name, text(block.get("id")) or None),)

    def _start_server_call(self, block: Json, index: int) -> Sequence[Event]:
        opened = self._server.begin(block, self._next_key(), index)
        if opened is None:
            name = text(block.get("name"))
            self._blocks[index] = _Block("skipped", "")
            return (Unmapped(name if name in UNMAPPED else "content_block.unknown"),)
        call, events = opened
        self._text_key = None
        self._blocks[index] = _Block("server_call", call.key, whole=mapping(block.get("input")), server_call=call)
        return events

    def _start_server_result(self, block: Json, index: int) -> Sequence[Event]:
        call = self._server.called(block)
        asked = self._close(call.index) if call is not None and call.index in self._blocks else NOTHING
        self._text_key = None
        self._blocks[index] = _Block("skipped", "")
        key = self._next_key() if call is None else call.key
        return [*asked, *self._server.answer(block, call, key, index)]

    def _start_listing(self, block: Json, index: int) -> Sequence[Event]:
        self._text_key = None
        self._blocks[index] = _Block("skipped", "")
        return self._server.listing(block, self._next_key(), index)

    def _start_skipped(self, block: Json, index: int) -> Sequence[Event]:
        self._blocks[index] = _Block("skipped", "")
        kind = text(block.get("type"))
        return (Unmapped(kind if kind in UNMAPPED else "content_block.unknown"),)

    # --- deltas -------------------------------------------------------------------------------------------------------

    def _text_delta(self, delta: Json, index: int) -> Sequence[Event]:
        piece = delta.get("text")
        if type(piece) is not str or not piece:
            return NOTHING
        block = self._blocks.get(index) or self._open_text(index)
        if block.kind != "text":
            return NOTHING
        self._text_length += len(piece)
        self._wrote_text = True
        return (Text(block.key, piece),)

    def _citations_delta(self, delta: Json, index: int) -> Sequence[Event]:
        block = self._blocks.get(index)
        if block is not None:
            block.citations.append(mapping(delta.get("citation")))
        return NOTHING

    def _thinking_delta(self, delta: Json, index: int) -> Sequence[Event]:
        piece = text(delta.get("thinking"))
        if not piece:
            return NOTHING
        block = self._blocks.get(index) or self._open_thinking(index)
        if block.kind != "thinking":
            return NOTHING
        block.wrote = True
        return (Reasoning(block.key, piece),)

    def _signature_delta(self, delta: Json, index: int) -> Sequence[Event]:
        block = self._blocks.get(index)
        if block is not None and block.kind == "thinking":
            block.payload = text(delta.get("signature")) or block.payload
        return NOTHING

    def _input_delta(self, delta: Json, index: int) -> Sequence[Event]:
        block = self._blocks.get(index)
        piece = text(delta.get("partial_json"))
        if block is None or not piece:
            return NOTHING
        if block.kind == "call":
            block.whole = {}
            return (CallArguments(block.key, piece),)
        if block.kind == "server_call":
            block.fragments.append(piece)
        return NOTHING

    # --- the end of a block -------------------------------------------------------------------------------------------

    def _close(self, index: int) -> Sequence[Event]:
        block = self._blocks.pop(index, None)
        if block is None:
            return NOTHING
        closed = _CLOSE[block.kind](self, block)
        if self._transcript is not None:
            self._transcript.stop(index)
        return closed

    def _close_text(self, block: _Block) -> Sequence[Event]:
        if not block.citations:
            return NOTHING
        found = [annotation(citation, block.start, self._text_length) for citation in block.citations]
        known = [Annotation(block.key, value) for value in found if value is not None]
        return known if len(known) == len(found) else [*known, Unmapped("citation.unknown")]

    def _close_thinking(self, block: _Block) -> Sequence[Event]:
        # Where thinking is signed, a block without its signature was interrupted: the vendor would refuse it.
        if block.payload or (block.wrote and not self._signed):
            return (Proof(block.key, "thinking", block.payload, verbatim=True),)
        return NOTHING

    def _close_redacted(self, block: _Block) -> Sequence[Event]:
        return (Proof(block.key, "redacted_thinking", block.payload),) if block.payload else NOTHING

    def _close_call(self, block: _Block) -> Sequence[Event]:
        if block.whole:
            return (CallArguments(block.key, _json_text(block.whole)), CallClosed(block.key))
        return (CallClosed(block.key),)

    def _close_server_call(self, block: _Block) -> Sequence[Event]:
        call = block.server_call
        if call is None:
            return NOTHING
        return self._server.ask(call, block.whole, "".join(block.fragments))

    def _close_skipped(self, block: _Block) -> Sequence[Event]:
        return NOTHING

    # --- state --------------------------------------------------------------------------------------------------------

    def _index(self, payload: Json) -> int:
        """The block's index; hosts that leave it out mean the last block."""
        index = payload.get("index")
        return index if type(index) is int else self._last_index

    def _next_key(self) -> Key:
        self._serial += 1
        return self._serial

    def _read_container(self, holder: Json) -> None:
        self._server.container = text(mapping(holder.get("container")).get("id")) or self._server.container

    def _unreadable(self, data: bytes) -> Sequence[Event]:
        if self._over or not data.strip() or data.strip() == b"[DONE]":
            return NOTHING
        return self._fail(ProviderError("vendor_failure", "The provider's stream holds something that is not JSON."))

    def _fail(self, error: ProviderError) -> Sequence[Event]:
        self._over = True
        return (Failed(error),)


def _json_text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "{}"


_EVENTS: Final[Mapping[str, Callable[[MessagesDecoder, Json], Sequence[Event]]]] = {
    "message_start": MessagesDecoder._message_start,
    "content_block_start": MessagesDecoder._block_start,
    "content_block_delta": MessagesDecoder._block_delta,
    "content_block_stop": MessagesDecoder._block_stop,
    "message_delta": MessagesDecoder._message_delta,
    "message_stop": MessagesDecoder._message_stop,
    "error": MessagesDecoder._error,
}
"""Other events, such as `ping`, say nothing."""

_BLOCKS: Final[Mapping[str, Callable[[MessagesDecoder, Json, int], Sequence[Event]]]] = {
    "text": MessagesDecoder._start_text,
    "thinking": MessagesDecoder._start_thinking,
    "redacted_thinking": MessagesDecoder._start_redacted,
    "tool_use": MessagesDecoder._start_call,
    "server_tool_use": MessagesDecoder._start_server_call,
    "mcp_tool_use": MessagesDecoder._start_server_call,
    MCP_LISTING: MessagesDecoder._start_listing,
    **dict.fromkeys(hosted.RESULTS, MessagesDecoder._start_server_result),
}
"""Other blocks (`container_upload`, `compaction`, ...) are skipped and counted."""

_DELTAS: Final[Mapping[str, Callable[[MessagesDecoder, Json, int], Sequence[Event]]]] = {
    "text_delta": MessagesDecoder._text_delta,
    "citations_delta": MessagesDecoder._citations_delta,
    "thinking_delta": MessagesDecoder._thinking_delta,
    "signature_delta": MessagesDecoder._signature_delta,
    "input_json_delta": MessagesDecoder._input_delta,
}

_CLOSE: Final[Mapping[BlockKind, Callable[[MessagesDecoder, _Block], Sequence[Event]]]] = {
    "text": MessagesDecoder._close_text,
    "thinking": MessagesDecoder._close_thinking,
    "redacted": MessagesDecoder._close_redacted,
    "call": MessagesDecoder._close_call,
    "server_call": MessagesDecoder._close_server_call,
    "skipped": MessagesDecoder._close_skipped,
}


# --- whole answers ----------------------------------------------------------------------------------------------------


def decode_message(body: bytes, *, signed: bool = True, hosted: bool = False) -> list[Event]:
    """The events of a whole answer, ending in `Finished` or `Failed`."""
    try:
        message = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [Failed(ProviderError("vendor_failure", f"The provider's answer is not JSON. {BASE_URL_HINT}"))]
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        if isinstance(message, dict) and "error" in message:
            return [Failed(stream_error(message))]
        return [Failed(ProviderError("vendor_failure", f"The provider's answer is no message. {BASE_URL_HINT}"))]
    decoder = MessagesDecoder(signed=signed, hosted=hosted)
    events: list[Event] = []
    for payload in _as_stream(message):
        events.extend(decoder.apply(payload))
    events.extend(decoder.end())
    return events


def _as_stream(message: Json) -> Iterator[Json]:
    """The payloads of the stream that would have carried the message."""
    yield {"type": "message_start", "message": message}
    for index, block in enumerate(sequence(message["content"])):
        yield {"type": "content_block_start", "index": index, "content_block": block}
        yield {"type": "content_block_stop", "index": index}
    yield {"type": "message_delta", "delta": message}
    yield {"type": "message_stop"}
