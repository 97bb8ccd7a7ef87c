"""Events of ConverseStream -> neutral events: one small function for each of the vendor's events and kinds of deltas.

Source: the service model of Bedrock Runtime. Whatever the shape of the data, nothing raises.
"""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import orjson

from providers.anthropic.lenient import Json, mapping, sequence, text
from providers.bedrock import server_tools
from providers.bedrock.citations import annotation, cites_the_web
from providers.bedrock.errors import stream_error
from providers.bedrock.messages import HIDDEN, REDACTED, THINKING
from providers.bedrock.models import Model
from providers.bedrock.usage import counts
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.provider.history import HOSTED_PROOF
from proxy.provider.lenient_json import lenient_json
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    FinishReason,
    Hosted,
    Key,
    Proof,
    Reasoning,
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
    "content_filtered": "content_filter",
    "guardrail_intervened": "content_filter",
}

MALFORMED: Final = frozenset({"malformed_model_output", "malformed_tool_use"})
"""Reasons that are failures: the vendor could not read what the model wrote."""

SERVICE_TIERS: Final = frozenset({"default", "flex", "priority"})
"""Tiers that have the same name for clients."""

UNMAPPED: Final = frozenset(
    {"audio", "citation.unknown", "content_block.unknown", "delta.unknown", "event.unknown", "image", "server_tool"}
)
"""Names of what an answer may hold and a response has no place for."""

BlockKind: TypeAlias = Literal["text", "reasoning", "call", "server_call", "server_result", "skipped"]
NOTHING: Final[tuple[Event, ...]] = ()


@dataclass(slots=True)
class _ServerCall:
    """A call of the vendor's own tool: `block` is what is sent back of it, `fields` are the item's members so far."""

    key: Key
    kind: str
    block: Json
    fields: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class _Block:
    """One content block. `start` is where a text block begins within its part; `pieces` are what was held back, or the
    input of the vendor's own tool; `signature` and `redacted` prove reasoning; `server_call` is the call that the block
    is or answers, `result` the answer."""

    kind: BlockKind
    key: Key = ""
    start: int = 0
    citations: list[Json] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)
    wrote: bool = False
    signature: str = ""
    redacted: list[str] = field(default_factory=list)
    server_call: _ServerCall | None = None
    result: Json = field(default_factory=dict)
    content: list[object] = field(default_factory=list)


class ConverseDecoder:
    """Reads one answer. `feed` takes frames, `apply` the parsed payload of one.

    `gross`: the cache is in the input of the usage. Both the stop and the usage end an answer, in either order; the end
    of the body ends it without the usage.
    """

    __slots__ = (
        "_blocks",
        "_counted",
        "_gross",
        "_last_index",
        "_model",
        "_over",
        "_searches",
        "_serial",
        "_server_calls",
        "_span",
        "_stop_reason",
        "_text_key",
        "_text_length",
        "_web_sources",
    )

    def __init__(self, model: Model, *, gross: bool = False) -> None:
        self._model = model
        self._gross = gross
        self._blocks: dict[int, _Block] = {}
        self._counted = False
        self._last_index = 0
        self._over = False
        self._searches = 0
        self._serial = 0
        self._server_calls: dict[str, _ServerCall] = {}
        self._span = (0, 0)
        self._stop_reason: str | None = None
        self._text_key: Key | None = None
        self._text_length = 0
        self._web_sources: dict[str, None] = {}

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        if self._over:
            return NOTHING
        try:
            payload = orjson.loads(frame.data)
        except orjson.JSONDecodeError:
            payload = lenient_json(frame.data)
        origin, _, exception = frame.event.rpartition("/")
        if origin in ("exception", "error"):
            return self._fail(stream_error(exception, mapping(payload)))
        if not isinstance(payload, dict):
            return self._fail(
                ProviderError("vendor_failure", "The provider's stream holds something that is not JSON.")
            )
        return self.apply(frame.event, payload)

    def apply(self, name: str, payload: Json) -> Sequence[Event]:
        """The events of one event's payload."""
        handler = _EVENTS.get(name)
        if self._over or handler is None:
            return NOTHING if self._over else (Unmapped("event.unknown"),)
        return handler(self, payload)

    def end(self) -> Sequence[Event]:
        """The body ended: without a reason to stop it was cut."""
        if self._over:
            return NOTHING
        if self._stop_reason is None:
            return self._fail(ProviderError("cut", "The provider's answer ended before it was complete."))
        return self._finish()

    # --- the stream's events ------------------------------------------------------------------------------------------

    def _message_start(self, payload: Json) -> Sequence[Event]:
        return (Started(),)

    def _block_start(self, payload: Json) -> Sequence[Event]:
        start = mapping(payload.get("start"))
        index = self._index(payload)
        closed = self._close(index)
        self._last_index = index
        member = next((name for name in _STARTS if name in start), None)
        if member is None:
            # Texts and reasoning begin with their first delta.
            return closed if not start else [*closed, *self._skip(index, "content_block.unknown")]
        return [*closed, *_STARTS[member](self, mapping(start[member]), index)]

    def _block_delta(self, payload: Json) -> Sequence[Event]:
        delta, index = mapping(payload.get("delta")), self._index(payload)
        self._last_index = index
        events: list[Event] = []
        for member, value in delta.items():
            handler = _DELTAS.get(member)
            if handler is not None:
                events += handler(self, value, index)
            elif (block := self._blocks.get(index)) is None or block.kind != "skipped":
                events.append(Unmapped("delta.unknown"))
        return events

    def _block_stop(self, payload: Json) -> Sequence[Event]:
        return self._close(self._index(payload))

    def _message_stop(self, payload: Json) -> Sequence[Event]:
        self._stop_reason = text(payload.get("stopReason")) or "unknown"
        return self._finish() if self._counted else NOTHING

    def _metadata(self, payload: Json) -> Sequence[Event]:
        events: list[Event] = []
        tier = text(mapping(payload.get("serviceTier")).get("type"))
        if tier in SERVICE_TIERS:
            events.append(Started(service_tier=tier))
        usage = counts(mapping(payload.get("usage")), gross=self._gross)
        if usage is not None:
            usage.web_searches = self._searches or None
            events.append(usage)
            self._counted = True
        return [*events, *self._finish()] if self._counted and self._stop_reason is not None else events

    # --- the beginning of a block -------------------------------------------------------------------------------------

    def _start_tool_use(self, start: Json, index: int) -> Sequence[Event]:
        name = text(start.get("name"))
        if text(start.get("type")) == server_tools.SERVER_CALL:
            return self._start_server_call(start, name, index)
        if not name:
            return self._skip(index, "content_block.unknown")
        opened = self._open("call", index)
        return (CallOpened(opened.key, name, text(start.get("toolUseId")) or None),)

    def _start_server_call(self, start: Json, name: str, index: int) -> Sequence[Event]:
        kind = server_tools.KINDS.get(name)
        if kind is None:
            return self._skip(index, "server_tool")
        opened = self._open("server_call", index)
        block: Json = {"toolUseId": text(start.get("toolUseId")), "name": name, "type": server_tools.SERVER_CALL}
        call = _ServerCall(opened.key, kind, block, server_tools.asked(kind, {}))
        opened.server_call = self._server_calls[text(start.get("toolUseId"))] = call
        self._searches += kind == server_tools.WEB
        return (Hosted(opened.key, kind, "in_progress"),)

    def _start_tool_result(self, start: Json, index: int) -> Sequence[Event]:
        call_id = text(start.get("toolUseId"))
        call = self._server_calls.get(call_id)
        if call is None:
            return self._skip(index, "server_tool")
        opened = self._open("server_result", index)
        opened.server_call = call
        members = {name: text(start.get(name)) for name in ("status", "type")}
        opened.result = {"toolUseId": call_id, **{name: value for name, value in members.items() if value}}
        return NOTHING

    def _start_image(self, start: Json, index: int) -> Sequence[Event]:
        return self._skip(index, "image")

    def _skip(self, index: int, element: str) -> Sequence[Event]:
        self._blocks[index] = _Block("skipped")
        return (Unmapped(element),)

    def _open(self, kind: BlockKind, index: int) -> _Block:
        """A block that is no text: later text is another part."""
        self._text_key = None
        opened = self._blocks[index] = _Block(kind, self._next_key())
        return opened

    def _lazily(self, kind: BlockKind, index: int) -> tuple[_Block | None, Sequence[Event]]:
        """The block of this kind at the index, which begins here where another one stood; None where what comes is
        skipped."""
        block = self._blocks.get(index)
        if block is not None and block.kind == kind:
            return block, NOTHING
        if block is not None and block.kind == "skipped":
            return None, NOTHING
        closed = self._close(index)
        return (self._open_text(index) if kind == "text" else self._open(kind, index)), closed

    def _open_text(self, index: int) -> _Block:
        if self._text_key is None:
            self._text_key = self._next_key()
            self._text_length = 0
            self._span = (0, 0)
        opened = self._blocks[index] = _Block("text", self._text_key, self._text_length)
        return opened

    # --- deltas -------------------------------------------------------------------------------------------------------

    def _text_delta(self, value: object, index: int) -> Sequence[Event]:
        piece = text(value)
        if not piece:
            return NOTHING
        block, closed = self._lazily("text", index)
        if block is None:
            return NOTHING
        if self._model.trims_start and not self._text_length:
            piece = piece.lstrip()
        if not piece:
            return closed
        self._text_length += len(piece)
        block.wrote = True
        return [*closed, Text(block.key, piece)] if closed else (Text(block.key, piece),)

    def _citation_delta(self, value: object, index: int) -> Sequence[Event]:
        block, closed = self._lazily("text", index)
        if block is not None:
            block.citations.append(mapping(value))
        return closed

    def _tool_use_delta(self, value: object, index: int) -> Sequence[Event]:
        piece, block = text(mapping(value).get("input")), self._blocks.get(index)
        if block is None or not piece:
            return NOTHING
        if block.kind == "call":
            return (CallArguments(block.key, piece),)
        if block.kind == "server_call":
            block.pieces.append(piece)
        return NOTHING

    def _tool_result_delta(self, value: object, index: int) -> Sequence[Event]:
        block = self._blocks.get(index)
        if block is not None and block.kind == "server_result":
            block.content += sequence(value)
        return NOTHING

    def _reasoning_delta(self, value: object, index: int) -> Sequence[Event]:
        delta = mapping(value)
        piece, signature = text(delta.get("text")), text(delta.get("signature"))
        redacted = text(delta.get("redactedContent"))
        if not (piece or signature or redacted):
            return NOTHING
        block, closed = self._lazily("reasoning", index)
        if block is None:
            return NOTHING
        block.signature += signature
        if redacted:
            block.redacted.append(redacted)
        shown = self._shown(block, piece)
        if not shown:
            return closed
        block.wrote = True
        return [*closed, Reasoning(block.key, shown, self._model.raw_reasoning)]

    def _shown(self, block: _Block, piece: str) -> str:
        """What is shown of a piece of reasoning: nothing while all of it may be the text that stands for none."""
        hidden = self._model.hidden_reasoning
        if block.wrote or not hidden:
            return piece
        block.pieces.append(piece)
        held = "".join(block.pieces)
        return "" if hidden.startswith(held.strip()) else held

    def _skipped_delta(self, value: object, index: int) -> Sequence[Event]:
        block = self._blocks.get(index)
        return NOTHING if block is not None and block.kind == "skipped" else self._skip(index, "image")

    # --- the end of a block -------------------------------------------------------------------------------------------

    def _close(self, index: int) -> Sequence[Event]:
        block = self._blocks.pop(index, None)
        return NOTHING if block is None else _CLOSE[block.kind](self, block)

    def _close_text(self, block: _Block) -> Sequence[Event]:
        if block.wrote:
            self._span = (block.start, self._text_length)
        if not block.citations:
            return NOTHING
        # A block of citations alone speaks of the text before it.
        found = [annotation(citation, *self._span) for citation in block.citations]
        for citation, made in zip(block.citations, found, strict=True):
            if made is not None and cites_the_web(citation):
                self._web_sources[str(made["url"])] = None
        known: list[Event] = [Annotation(block.key, value) for value in found if value is not None]
        return known if len(known) == len(found) else [*known, Unmapped("citation.unknown")]

    def _close_reasoning(self, block: _Block) -> Sequence[Event]:
        if block.redacted:
            return (Proof(block.key, REDACTED, _joined(block.redacted)),)
        if block.signature and block.wrote and self._model.claude is not None:
            return (Proof(block.key, THINKING, block.signature, verbatim=True),)
        if block.pieces and not block.wrote:
            held = "".join(block.pieces)
            if held.strip() == self._model.hidden_reasoning:
                return (Proof(block.key, HIDDEN, ""),)
            return (Reasoning(block.key, held, self._model.raw_reasoning),) if held else NOTHING
        return NOTHING

    def _close_call(self, block: _Block) -> Sequence[Event]:
        return (CallClosed(block.key),)

    def _close_server_call(self, block: _Block) -> Sequence[Event]:
        call = block.server_call
        if call is None:
            return NOTHING
        arguments = mapping(lenient_json("".join(block.pieces).encode("utf-8", "replace")))
        call.block["input"] = arguments
        call.fields.update(server_tools.asked(call.kind, arguments))
        return (Hosted(call.key, call.kind, server_tools.WORKING[call.kind], dict(call.fields)),)

    def _close_server_result(self, block: _Block) -> Sequence[Event]:
        call = block.server_call
        if call is None or self._server_calls.pop(text(block.result.get("toolUseId")), None) is None:
            return NOTHING
        call.fields.update(server_tools.answered(call.kind, block.content))
        failed = block.result.get("status") == "error"
        done = Hosted(call.key, call.kind, "failed" if failed else "completed", dict(call.fields))
        if call.kind != server_tools.CODE or "input" not in call.block:
            return (done,)
        result: Json = {**block.result, "content": block.content}
        payload = server_tools.packed([{"toolUse": call.block}, {"toolResult": result}])
        return (Proof(call.key, HOSTED_PROOF, payload, "previous"), done)

    def _close_skipped(self, block: _Block) -> Sequence[Event]:
        return NOTHING

    # --- the end ------------------------------------------------------------------------------------------------------

    def _finish(self) -> Sequence[Event]:
        events: list[Event] = []
        for index in list(self._blocks):
            events.extend(self._close(index))
        unanswered = self._server_calls.values()
        events += [Hosted(call.key, call.kind, "failed", dict(call.fields)) for call in unanswered]
        if self._web_sources and not self._searches:
            events.append(self._unseen_search())
        reason = self._stop_reason or ""
        if reason in MALFORMED:
            message = f"The provider could not read what the model wrote ({reason})."
            return [*events, *self._fail(ProviderError("vendor_failure", message))]
        self._over = True
        return [*events, Finished(FINISH_REASONS.get(reason, "unknown"), reason)]

    def _unseen_search(self) -> Event:
        """The search behind citations, where the vendor did not show it."""
        sources = [{"type": "url", "url": url} for url in self._web_sources if url]
        action = {"type": "search", "query": "", "queries": [], "sources": sources}
        return Hosted(self._next_key(), server_tools.WEB, "completed", {"action": action})

    # --- state --------------------------------------------------------------------------------------------------------

    def _index(self, payload: Json) -> int:
        """The block's index; without one the last block is meant."""
        index = payload.get("contentBlockIndex")
        return index if type(index) is int else self._last_index

    def _next_key(self) -> Key:
        self._serial += 1
        return self._serial

    def _fail(self, error: ProviderError) -> Sequence[Event]:
        self._over = True
        return (Failed(error),)


def _joined(pieces: Sequence[str]) -> str:
    """The base64 text of what came in several pieces, each in base64 of its own."""
    if len(pieces) == 1:
        return pieces[0]
    try:
        return b64encode(b"".join(b64decode(piece, validate=True) for piece in pieces)).decode()
    except (Base64Error, ValueError):
        return "".join(pieces)


_EVENTS: Final[Mapping[str, Callable[[ConverseDecoder, Json], Sequence[Event]]]] = {
    "messageStart": ConverseDecoder._message_start,
    "contentBlockStart": ConverseDecoder._block_start,
    "contentBlockDelta": ConverseDecoder._block_delta,
    "contentBlockStop": ConverseDecoder._block_stop,
    "messageStop": ConverseDecoder._message_stop,
    "metadata": ConverseDecoder._metadata,
}

_STARTS: Final[Mapping[str, Callable[[ConverseDecoder, Json, int], Sequence[Event]]]] = {
    "toolUse": ConverseDecoder._start_tool_use,
    "toolResult": ConverseDecoder._start_tool_result,
    "image": ConverseDecoder._start_image,
}

_DELTAS: Final[Mapping[str, Callable[[ConverseDecoder, object, int], Sequence[Event]]]] = {
    "text": ConverseDecoder._text_delta,
    "reasoningContent": ConverseDecoder._reasoning_delta,
    "toolUse": ConverseDecoder._tool_use_delta,
    "toolResult": ConverseDecoder._tool_result_delta,
    "citation": ConverseDecoder._citation_delta,
    "image": ConverseDecoder._skipped_delta,
}

_CLOSE: Final[Mapping[BlockKind, Callable[[ConverseDecoder, _Block], Sequence[Event]]]] = {
    "text": ConverseDecoder._close_text,
    "reasoning": ConverseDecoder._close_reasoning,
    "call": ConverseDecoder._close_call,
    "server_call": ConverseDecoder._close_server_call,
    "server_result": ConverseDecoder._close_server_result,
    "skipped": ConverseDecoder._close_skipped,
}
