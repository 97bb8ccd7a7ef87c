"""Events of a chat stream -> neutral events: one small function for each of the vendor's events.

Source: Cohere's streaming guide and its SDK's event types. A whole answer is turned into the events that a stream would
have had, so both ways give the same. Whatever the shape of the data, nothing raises.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from providers.cohere.citations import annotations
from providers.cohere.errors import BASE_URL_HINT, answer_error
from providers.cohere.logprobs import entry, pieces_of
from providers.cohere.messages import PLAN_PROOF, THINKING_PROOF
from providers.cohere.reading import Json, index, mapping, mappings, parsed, text
from providers.cohere.settings import PlanForm
from providers.cohere.usage import usage_of
from proxy.provider.contract import Frame
from proxy.provider.errors import ErrorClass, ProviderError
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
    Started,
    Text,
    Unmapped,
)

FINISH_REASONS: Final[Mapping[str, FinishReason]] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "TOOL_CALL": "stop",
    "MAX_TOKENS": "length",
    "ERROR_TOXIC": "content_filter",
}

FAILURES: Final[Mapping[str, tuple[ErrorClass, str]]] = {
    "ERROR": ("vendor_failure", "The provider could not complete the answer."),
    "TIMEOUT": ("timeout", "The provider took too long to complete the answer."),
    "ERROR_LIMIT": ("context_too_long", "The conversation is too long for the model."),
}
"""Finish reasons that are failures, and what is said where the vendor says nothing more."""

PLAN: Final = -1
"""Stands for a content block's number: the plan has none."""

RESUMED: Final = -1
"""Stands for the place where a block begins in its text part: something else stood in the middle of it."""

SILENT_EVENTS: Final = frozenset({"", "citation-end", "debug"})
NOTHING: Final[tuple[Event, ...]] = ()


class ChatDecoder:
    """Reads one answer. `feed` takes frames, `apply` the parsed payload of one. `plan_as`: what becomes of the plan
    before tool calls."""

    __slots__ = (
        "_calls",
        "_last",
        "_last_call",
        "_last_text",
        "_over",
        "_plan_as",
        "_reasoning",
        "_serial",
        "_skipped",
        "_starts",
        "_text_key",
        "_text_length",
        "_thinking",
    )

    def __init__(self, plan_as: PlanForm = "reasoning") -> None:
        self._plan_as: PlanForm = plan_as
        self._over = False
        self._serial = 0
        # The content block, the one of text and the call of the latest event, for events that do not say theirs.
        self._last = 0
        self._last_text = 0
        self._last_call = -1
        # The text part that goes on, its length, and by content block the part's key and where the block begins in it.
        self._text_key: Key | None = None
        self._text_length = 0
        self._starts: dict[int, tuple[Key, int]] = {}
        # The content blocks that think; those that are not known.
        self._thinking: set[int] = set()
        self._skipped: set[int] = set()
        # The reasoning item that goes on, and the content block that it is of.
        self._reasoning: tuple[Key, int] | None = None
        # The calls that go on.
        self._calls: dict[int, Key] = {}

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        payload = parsed(frame.data)
        if payload is None:
            return self._unreadable(frame.data)
        return self.apply(payload, frame.event)

    def apply(self, payload: object, name: str = "") -> Sequence[Event]:
        """The events of one parsed payload; `name` counts where the payload has no type."""
        if self._over or not isinstance(payload, dict):
            return NOTHING
        kind = text(payload.get("type")) or name
        handler = _EVENTS.get(kind)
        if handler is not None:
            return handler(self, payload)
        if kind in SILENT_EVENTS and "message" not in payload:
            return NOTHING
        if isinstance(payload.get("message"), str):
            # An error answer inside the stream, or in its place.
            return self._fail(answer_error(payload))
        return (Unmapped("event.unknown"),)

    def end(self) -> Sequence[Event]:
        """The body ended: without `message-end` it was cut."""
        if self._over:
            return NOTHING
        return self._fail(ProviderError("cut", "The provider's answer ended before it was complete."))

    # --- the stream's events ------------------------------------------------------------------------------------------

    def _message_start(self, payload: Json) -> Sequence[Event]:
        return (Started(text(payload.get("id")) or None),)

    def _content_start(self, payload: Json) -> Sequence[Event]:
        place = self._last = self._index(payload)
        content = mapping(_delta(payload).get("content"))
        kind = text(content.get("type")) or ("thinking" if "thinking" in content else "text")
        # A block with the number of an earlier one is another.
        left = self._leave_reasoning() if self._reasoning is not None and self._reasoning[1] == place else NOTHING
        self._starts.pop(place, None)
        self._thinking.discard(place)
        self._skipped.discard(place)
        if kind == "thinking":
            self._thinking.add(place)
        elif kind != "text":
            self._skipped.add(place)
            return [*left, Unmapped("content.unknown")]
        return [*left, *self._content(content, payload, place)]

    def _content_delta(self, payload: Json) -> Sequence[Event]:
        place = self._last = self._index(payload)
        return self._content(mapping(_delta(payload).get("content")), payload, place)

    def _content_end(self, payload: Json) -> Sequence[Event]:
        if self._reasoning is not None and self._reasoning[1] == self._index(payload):
            return self._leave_reasoning()
        return NOTHING

    def _plan_delta(self, payload: Json) -> Sequence[Event]:
        plan = text(_delta(payload).get("tool_plan"))
        if not plan:
            return NOTHING
        if self._plan_as == "drop":
            return (Unmapped("tool_plan"),)
        if self._plan_as == "text":
            return [*self._leave_reasoning(), self._text(plan)]
        return self._reason(plan, PLAN)

    def _call_start(self, payload: Json) -> Sequence[Event]:
        call = _call(payload)
        function = mapping(call.get("function"))
        told = index(payload.get("index"))
        place = self._last_call = self._last_call + 1 if told is None else told
        events: list[Event] = [*self._leave_reasoning(), *self._close_call(place)]
        name = text(function.get("name"))
        if not name:
            return [*events, Unmapped("tool_call.nameless")]
        self._text_key = None
        key = self._calls[place] = self._next_key()
        events.append(CallOpened(key, name, text(call.get("id")) or None))
        if arguments := text(function.get("arguments")):
            events.append(CallArguments(key, arguments))
        return events

    def _call_delta(self, payload: Json) -> Sequence[Event]:
        key = self._calls.get(self._call_index(payload))
        piece = text(mapping(_call(payload).get("function")).get("arguments"))
        return (CallArguments(key, piece),) if piece and key is not None else NOTHING

    def _call_end(self, payload: Json) -> Sequence[Event]:
        return self._close_call(self._call_index(payload))

    def _citation(self, payload: Json) -> Sequence[Event]:
        citation = mapping(_delta(payload).get("citations"))
        told = index(citation.get("content_index"))
        place = self._last_text if told is None else told
        key, start = self._starts.get(place, (None, 0))
        if key is None or key != self._text_key or start == RESUMED:
            return (Unmapped("citation"),)
        found = annotations(citation, start, self._text_length)
        if found is None:
            return (Unmapped("citation"),)
        return [Annotation(key, annotation) for annotation in found]

    def _message_end(self, payload: Json) -> Sequence[Event]:
        delta = mapping(payload.get("delta"))
        reason = text(delta.get("finish_reason"))
        events: list[Event] = [*self._leave_reasoning()]
        for place in list(self._calls):
            events += self._close_call(place)
        events += usage_of(mapping(delta.get("usage")))
        if reason == "ERROR" and text(delta.get("error")):
            return [*events, *self._fail(answer_error(delta))]
        if reason in FAILURES:
            return [*events, *self._fail(ProviderError(*FAILURES[reason]))]
        self._over = True
        return [*events, Finished(FINISH_REASONS.get(reason, "unknown"), reason or None)]

    # --- content ------------------------------------------------------------------------------------------------------

    def _content(self, content: Json, payload: Json, place: int) -> Sequence[Event]:
        """The events of what a block says; one that was not opened is what its content shows."""
        if place in self._skipped:
            return NOTHING
        thought, said = text(content.get("thinking")), text(content.get("text"))
        if place in self._thinking or (thought and not said and place not in self._starts):
            self._thinking.add(place)
            return self._reason(thought, place) if thought else NOTHING
        if not said:
            return NOTHING
        left = self._leave_reasoning()
        key, start = self._text_key, self._text_length
        piece = self._text(said, entry(payload.get("logprobs")))
        begun = self._starts.get(place)
        self._last_text = place
        if begun is None:
            self._starts[place] = (piece.key, start if key == piece.key else 0)
        elif begun[0] != piece.key:
            self._starts[place] = (piece.key, RESUMED)
        return [*left, piece] if left else (piece,)

    def _text(self, piece: str, logprobs: list[dict[str, object]] | None = None) -> Text:
        """A piece of the text part that goes on, or of a new one."""
        if self._text_key is None:
            self._text_key = self._next_key()
            self._text_length = 0
        self._text_length += len(piece)
        return Text(self._text_key, piece, logprobs or None)

    def _reason(self, piece: str, place: int) -> Sequence[Event]:
        """A piece of what a block thinks."""
        reasoning = self._reasoning
        if reasoning is not None and reasoning[1] == place:
            return (Reasoning(reasoning[0], piece, raw=True),)
        left = self._leave_reasoning()
        self._text_key = None
        key = self._next_key()
        self._reasoning = (key, place)
        return [*left, Reasoning(key, piece, raw=True)]

    # --- state --------------------------------------------------------------------------------------------------------

    def _leave_reasoning(self) -> Sequence[Event]:
        """The end of the reasoning that goes on: it is its own proof, for the model that it is of."""
        reasoning, self._reasoning = self._reasoning, None
        if reasoning is None:
            return NOTHING
        kind = PLAN_PROOF if reasoning[1] == PLAN else THINKING_PROOF
        return (Proof(reasoning[0], kind, "", verbatim=True),)

    def _close_call(self, place: int) -> Sequence[Event]:
        key = self._calls.pop(place, None)
        return NOTHING if key is None else (CallClosed(key),)

    def _call_index(self, payload: Json) -> int:
        found = index(payload.get("index"))
        return self._last_call if found is None else found

    def _index(self, payload: Json) -> int:
        found = index(payload.get("index"))
        return self._last if found is None else found

    def _next_key(self) -> Key:
        self._serial += 1
        return self._serial

    def _unreadable(self, data: bytes) -> Sequence[Event]:
        # Some deployments end their streams as OpenAI does.
        if self._over or data.strip() in (b"", b"[DONE]", b"null"):
            return NOTHING
        return self._fail(ProviderError("vendor_failure", "The provider's stream holds something that is not JSON."))

    def _fail(self, error: ProviderError) -> Sequence[Event]:
        self._over = True
        return (Failed(error),)


def _delta(payload: Json) -> Json:
    return mapping(mapping(payload.get("delta")).get("message"))


def _call(payload: Json) -> Json:
    """The call of an event: one object, where a whole answer has a list."""
    return mapping(_delta(payload).get("tool_calls"))


_EVENTS: Final[Mapping[str, Callable[[ChatDecoder, Json], Sequence[Event]]]] = {
    "message-start": ChatDecoder._message_start,
    "content-start": ChatDecoder._content_start,
    "content-delta": ChatDecoder._content_delta,
    "content-end": ChatDecoder._content_end,
    "tool-plan-delta": ChatDecoder._plan_delta,
    "tool-call-start": ChatDecoder._call_start,
    "tool-call-delta": ChatDecoder._call_delta,
    "tool-call-end": ChatDecoder._call_end,
    "citation-start": ChatDecoder._citation,
    "message-end": ChatDecoder._message_end,
}


# --- whole answers ----------------------------------------------------------------------------------------------------


def decode_answer(body: bytes, plan_as: PlanForm = "reasoning") -> list[Event]:
    """The events of a whole answer, ending in `Finished` or `Failed`."""
    answer = parsed(body)
    if answer is None:
        return [Failed(ProviderError("vendor_failure", f"The provider's answer is not JSON. {BASE_URL_HINT}"))]
    if not isinstance(answer, dict) or not isinstance(answer.get("message"), dict):
        if isinstance(answer, dict) and text(answer.get("message")):
            return [Failed(answer_error(answer))]
        return [Failed(ProviderError("vendor_failure", f"The provider's answer is no message. {BASE_URL_HINT}"))]
    decoder = ChatDecoder(plan_as)
    events: list[Event] = []
    for payload in _as_stream(answer):
        events.extend(decoder.apply(payload))
    events.extend(decoder.end())
    return events


def _as_stream(answer: Json) -> Iterator[Json]:
    """The payloads of the stream that would have carried the answer. The plan stands behind the thinking, a citation
    behind the text that it is of."""
    message = mapping(answer.get("message"))
    blocks = list(enumerate(_blocks(message.get("content"))))
    spoken = [place for place, block in blocks if block.get("type") != "thinking"]
    citations: dict[int, list[Json]] = {}
    for citation in mappings(message.get("citations")):
        told = index(citation.get("content_index"))
        # Without a block of this answer it is of the last text.
        place = told if told is not None and told < len(blocks) else (spoken or [0])[-1]
        citations.setdefault(place, []).append(citation)
    plan = _event("tool-plan-delta", tool_plan=message.get("tool_plan"))
    yield {"type": "message-start", "id": answer.get("id")}
    for place, block in blocks:
        if spoken and place == spoken[0]:
            yield plan
        yield from _told(place, block, answer.get("logprobs") if spoken == [place] else None)
        for citation in citations.get(place, ()):
            yield _event("citation-start", citations=citation)
    if not spoken:
        yield plan
    for number, call in enumerate(mappings(message.get("tool_calls"))):
        yield {**_event("tool-call-start", tool_calls=call), "index": number}
        yield {"type": "tool-call-end", "index": number}
    yield {"type": "message-end", "delta": answer}


def _told(place: int, block: Json, logprobs: object) -> Iterator[Json]:
    """A content block: at once, or in the pieces of which log probabilities are told."""
    pieces = pieces_of(logprobs, text(block.get("text")))
    yield {**_event("content-start", content={**block, "text": ""} if pieces else block), "index": place}
    for piece in pieces:
        content = {"text": piece.get("text")}
        yield {**_event("content-delta", content=content), "index": place, "logprobs": piece}
    yield {"type": "content-end", "index": place}


def _event(kind: str, **members: object) -> Json:
    return {"type": kind, "delta": {"message": members}}


def _blocks(content: object) -> list[Json]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return mappings(content)
