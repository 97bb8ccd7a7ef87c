"""A generateContent answer -> neutral events: one small function for each thing that a chunk may hold.

Source: the references of `GenerateContentResponse`, `Candidate` and `Part`, and the guide to thought signatures. Each
chunk of a stream is a whole response object with the next parts; a whole answer is read as a stream of one chunk. The
stream has no end mark: it is complete when a finish reason was given before its last byte. Whatever the shape of the
data, nothing raises.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import orjson

from providers.gemini.arguments import StreamedArguments
from providers.gemini.errors import BASE_URL_HINT
from providers.gemini.finish import FAILURES, FINISH_REASONS, block_reason, finish_reason
from providers.gemini.grounding import ContentPart, Grounding, PartKind
from providers.gemini.hosted import SEARCHES, asked_queries
from providers.gemini.logprobs import Token, split_at, tokens_of
from providers.gemini.reading import Json, json_text, mapping, mappings, text
from providers.gemini.server_calls import ServerCalls
from providers.gemini.signatures import CALL, TEXT, THOUGHT, TURN
from providers.gemini.structured import FINAL_ANSWER
from providers.gemini.usage import UsageReport, service_tier
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.provider.lenient_json import lenient_json
from proxy.responses.events import (
    Binding,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    Hosted,
    Key,
    Proof,
    Reasoning,
    Started,
    Text,
    Unmapped,
    Usage,
)

ErrorOf: TypeAlias = Callable[[object], ProviderError]

_MAX_FINISH_MESSAGE: Final = 500
"""How much of the vendor's explanation is passed on, in characters."""


class GeminiDecoder:
    """Reads one answer. `error_of` makes the error of an object with `error` inside it. With `final_answer` the first
    call of that function is the structured answer, and its arguments are text; `envelopes` are members that only a
    wrapping of it has. `images`: the client asked for images. `bills_queries`: each query of a search is billed, not
    the answer once."""

    __slots__ = (
        "_answered",
        "_bills_queries",
        "_blocked",
        "_call",
        "_candidate",
        "_detail",
        "_envelopes",
        "_error_of",
        "_events",
        "_final_answer",
        "_finish_message",
        "_grounding",
        "_logprobs",
        "_nameless",
        "_over",
        "_reasoning",
        "_serial",
        "_signed",
        "_started",
        "_text",
        "_tier",
        "_tools",
        "_usage",
    )

    def __init__(
        self,
        *,
        final_answer: bool = False,
        envelopes: frozenset[str] = frozenset(),
        images: bool = False,
        bills_queries: bool = True,
        error_of: ErrorOf,
    ) -> None:
        self._bills_queries = bills_queries
        self._final_answer = final_answer
        self._envelopes = envelopes
        self._answered = False
        self._error_of = error_of
        self._events: list[Event] = []
        self._started = False
        self._tier: str | None = None
        self._over = False
        self._candidate: int | None = None
        self._detail: str | None = None
        self._finish_message = ""
        self._blocked: str | None = None
        self._serial = 0
        # The open text, whether its part was signed, and the open reasoning: one of them, or none.
        self._text: Key | None = None
        self._signed = False
        self._reasoning: Key | None = None
        self._logprobs: list[Token] = []
        self._call: _Call | None = None
        self._nameless = False
        self._tools = ServerCalls(images=images)
        self._grounding = Grounding()
        self._usage = UsageReport()

    # --- the way in -------------------------------------------------------------------------------------------------

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        if self._over:
            return ()
        try:
            value = orjson.loads(frame.data)
        except orjson.JSONDecodeError:
            self._unread(frame.data)
        else:
            if self._text is not None and (said := self._next_text(value)) is not None:
                self._grounding.parts[-1].pieces.append(said)
                return [*self._usage.replace(mapping(value.get("usageMetadata"))), Text(self._text, said)]
            self._value(value)
        return self._taken()

    def _next_text(self, chunk: object) -> str | None:
        """The text of a chunk that goes on with the open text and says nothing else but counts, as most chunks do."""
        if type(chunk) is not dict or not chunk.keys() <= _PLAIN_CHUNK or self._signed or not self._is_last("text"):
            return None
        candidates = chunk.get("candidates")
        if type(candidates) is not list or len(candidates) != 1:
            return None
        candidate = candidates[0]
        if type(candidate) is not dict or not candidate.keys() <= _PLAIN_CANDIDATE:
            return None
        content = candidate.get("content")
        if type(content) is not dict or candidate.get("index", 0) != self._candidate:
            return None
        parts = content.get("parts")
        if type(parts) is not list or len(parts) != 1 or type(parts[0]) is not dict or len(parts[0]) != 1:
            return None
        said = parts[0].get("text")
        return said if type(said) is str and said else None

    def end(self) -> Sequence[Event]:
        """What is owed when the body ended: without a finish reason it was cut."""
        if self._detail is None and self._blocked is None:
            self._fail(ProviderError("cut", "The provider's answer broke off before its end."))
        else:
            self._finish()
        return self._taken()

    def whole(self, body: bytes) -> list[Event]:
        """The events of a whole answer, to the end: an object, or the array that is a stream without `alt=sse`."""
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = lenient_json(body)
        if not isinstance(answer, (dict, list)):
            self._fail(_not_json(body))
        self._value(answer)
        if isinstance(answer, list):
            return [*self._taken(), *self.end()]
        if self._candidate is None and self._blocked is None:
            self._fail(ProviderError("vendor_failure", "The provider's answer has no candidates."))
        self._finish()
        return self._taken()

    def _taken(self) -> list[Event]:
        events, self._events = self._events, []
        return events

    # --- chunks -----------------------------------------------------------------------------------------------------

    def _unread(self, data: bytes) -> None:
        """A frame that orjson does not read: sloppy JSON, several objects, a page, or something that says nothing."""
        data = data.strip()
        value = lenient_json(data)
        if value is not None:
            self._value(value)
        elif data[:1] in (b"{", b"[", b"<") and data != b"[DONE]":
            values = [lenient_json(line) for line in data.splitlines() if line.strip()]
            if None in values:
                self._fail(_not_json(data))
            self._value(values)

    def _value(self, value: object) -> None:
        for chunk in value if isinstance(value, list) else (value,):
            if isinstance(chunk, dict) and not self._over:
                self._chunk(chunk)

    def _chunk(self, chunk: Json) -> None:
        counts = mapping(chunk.get("usageMetadata"))
        tier = service_tier(counts) if self._tier is None else self._tier
        if (error := chunk.get("error")) or isinstance(error, dict):
            self._events += self._usage.replace(counts)
            self._fail(self._error_of(chunk))
            return
        if not self._started or tier != self._tier:
            self._started, self._tier = True, tier
            self._events.append(
                Started(text(chunk.get("responseId")) or None, text(chunk.get("modelVersion")) or None, tier)
            )
        self._events += self._usage.replace(counts)
        if isinstance(feedback := chunk.get("promptFeedback"), dict):
            self._blocked = block_reason(feedback.get("blockReason")) or self._blocked
        if isinstance(candidates := chunk.get("candidates"), list):
            known = self._grounding.searches
            self._candidates(mappings(candidates))
            if (searches := self._grounding.searches) > known:
                self._events.append(Usage(web_searches=searches if self._bills_queries else 1))

    def _candidates(self, candidates: Sequence[Json]) -> None:
        """One candidate is read; others are nothing that was asked for."""
        indexes = [index if type(index := candidate.get("index")) is int else 0 for candidate in candidates]
        if self._candidate is None and indexes:
            self._candidate = min(indexes)
        if self._candidate in indexes:
            self._a_candidate(candidates[indexes.index(self._candidate)])

    def _a_candidate(self, candidate: Json) -> None:
        self._grounding.read(candidate)
        if (logprobs := candidate.get("logprobsResult")) is not None:
            self._logprobs = tokens_of(logprobs)
        parts = mappings(mapping(candidate.get("content")).get("parts"))
        for number, part in enumerate(parts):
            self._part(part, first=number == 0)
        if self._logprobs:
            if not parts and self._text is not None:
                self._events.append(Text(self._text, "", self._logprobs))
            self._logprobs = []
        self._finish_message = text(candidate.get("finishMessage")) or self._finish_message
        # Older models give a reason with each chunk: the last one counts.
        self._detail = finish_reason(candidate.get("finishReason")) or self._detail

    # --- parts ------------------------------------------------------------------------------------------------------

    def _part(self, part: Json, *, first: bool) -> None:
        """A part of the content; the first one of a chunk may go on with the part before."""
        if self._tools.drawing and "inlineData" not in part:
            self._events += self._tools.end_code()
        for member, read in _MEMBERS:
            if isinstance(value := part.get(member), dict):
                self._grounding.parts.append(ContentPart("other"))
                read(self, value, part)
                return
        said, signature = text(part.get("text")), text(part.get("thoughtSignature"))
        if part.get("thought") is True:
            self._thought(said, signature, goes_on=first)
        elif said:
            self._said(said, signature, goes_on=first)
        else:
            if not first:
                self._grounding.parts.append(ContentPart("other"))
            if not part.keys() <= _EMPTY_PART:
                self._events.append(Unmapped(next((_UNREAD[name] for name in _UNREAD if name in part), "part.unknown")))
            elif signature:
                self._prove(TURN, signature, "turn_end")

    def _thought(self, said: str, signature: str, *, goes_on: bool) -> None:
        if not (goes_on and self._is_last("thought")):
            self._grounding.parts.append(ContentPart("thought"))
        if not said and not signature:
            return
        self._close_text()
        if not self._tools.waiting:
            self._settle()
        anew = self._reasoning is None
        if self._reasoning is None:
            self._reasoning = self._next_key()
        if said:
            self._events.append(Reasoning(self._reasoning, said))
        if signature:
            self._events.append(Proof(self._reasoning, THOUGHT, signature))
            if said or not anew:
                # The thought is whole: another thought, or the signature of another part, has an item of its own.
                self._reasoning = None

    def _said(self, said: str, signature: str, *, goes_on: bool) -> None:
        """Visible text. A signature stands before the text that it begins with, else behind it; two parts of which one
        is signed are never one text."""
        self._settle()
        goes_on = goes_on and self._is_last("text")
        key = self._text
        if key is None or self._signed or (signature and not goes_on):
            self._close_text()
            if signature:
                self._prove(TEXT, signature, "next")
            key = self._text = self._next_key()
            self._reasoning = None
            goes_on = False
            late = ""
        else:
            late = signature
        if not goes_on:
            self._grounding.parts.append(ContentPart("text", key))
        self._grounding.parts[-1].pieces.append(said)
        tokens: list[Token] | None = None
        if self._logprobs:
            tokens, self._logprobs = split_at(self._logprobs, said)
        self._events.append(Text(key, said, tokens))
        if late:
            self._events.append(Proof(self._next_key(), TEXT, late, "previous"))
        self._signed = bool(signature)

    def _function_call(self, value: Json, part: Json) -> None:
        """A call, whole as a rule; where its arguments are streamed, only what goes on says so."""
        name, identifier = text(value.get("name")), text(value.get("id"))
        if self._call is not None and name and not (identifier and identifier == self._call.id):
            self._end_call()
        call = self._call
        if call is None:
            if not name:
                # An empty call ends one that was streamed, and may come again.
                self._nameless = self._nameless or bool(identifier or value.get("args") or value.get("partialArgs"))
                return
            call = self._call = _Call(name, identifier)
        call.signature = call.signature or text(part.get("thoughtSignature"))
        call.arguments.value.update(mapping(value.get("args")))
        call.arguments.feed(value.get("partialArgs"))
        if value.get("willContinue") is not True:
            self._end_call()

    def _end_call(self, *, whole: bool = True) -> None:
        """Give out the call. Arguments that were cut stay open, so that they pass for nothing whole."""
        call, self._call = self._call, None
        if call is None:
            return
        answer = self._final_answer and call.name == FINAL_ANSWER
        value = self._unwrapped(call.arguments.value) if answer else call.arguments.value
        arguments = json_text(value)[: None if whole else -1]
        if answer and self._answered:
            return
        self._close_text()
        self._settle()
        if call.signature and not answer:
            self._prove(CALL, call.signature, "next")
        self._reasoning = None
        key = self._next_key()
        if answer:
            # Its signature has nowhere to go back to: the client has a text, and no call.
            self._answered = True
            self._events.append(Text(key, arguments))
            return
        self._events += (CallOpened(key, call.name, call.id or None), CallArguments(key, arguments))
        if whole:
            self._events.append(CallClosed(key))

    def _unwrapped(self, answer: Json) -> Json:
        name, inner = next(iter(answer.items()), ("", None))
        return inner if len(answer) == 1 and name in self._envelopes and isinstance(inner, dict) else answer

    def _executable_code(self, value: Json, part: Json) -> None:
        self._hosted(self._tools.code(value, part, self._next_key()))

    def _code_result(self, value: Json, part: Json) -> None:
        self._hosted(self._tools.code_result(value, part, self._next_key()))

    def _tool_call(self, value: Json, part: Json) -> None:
        if text(value.get("toolType")) in SEARCHES:
            self._grounding.searched(asked_queries(mapping(value.get("args"))))
        self._hosted(self._tools.tool_call(value, part, self._next_key()))

    def _tool_response(self, value: Json, part: Json) -> None:
        self._hosted(self._tools.tool_response(value, part))

    def _inline_data(self, value: Json, part: Json) -> None:
        if part.get("thought") is True:
            self._events.append(Unmapped("thought.inline_data"))
            return
        events = self._tools.image(value, self._next_key())
        if any(isinstance(event, Hosted) for event in events):
            self._settle()
            self._hosted(events)
        else:
            self._events += events

    def _hosted(self, events: Sequence[Event]) -> None:
        """A part of a tool's work, which divides what stands before it from what follows."""
        self._close_text()
        self._reasoning = None
        self._events += events

    def _settle(self) -> None:
        """The answer went on behind what the vendor's tools did."""
        if self._tools.unsettled:
            self._events += self._tools.settle(self._next_key())

    # --- what is open -----------------------------------------------------------------------------------------------

    def _prove(self, kind: str, signature: str, binds: Binding) -> None:
        """Give out the signature of a part: with the open reasoning, else with a reasoning item of its own."""
        if self._reasoning is not None:
            self._events.append(Proof(self._reasoning, kind, signature))
            self._reasoning = None
        else:
            self._events.append(Proof(self._next_key(), kind, signature, binds))

    def _close_text(self, *, complete: bool = False) -> None:
        """The open text ends. Its citations are told while it is open, as far as they are known."""
        key, self._text, self._signed = self._text, None, False
        if key is not None:
            self._events += self._grounding.annotations(key, complete=complete)

    def _is_last(self, kind: PartKind) -> bool:
        parts = self._grounding.parts
        return bool(parts) and parts[-1].kind == kind

    def _next_key(self) -> Key:
        self._serial += 1
        return self._serial

    # --- the end ----------------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        if self._over:
            return
        detail = self._detail or self._blocked
        if self._detail in FAILURES:
            message = self._finish_message[:_MAX_FINISH_MESSAGE] or f"The provider broke off its answer: {detail}."
            self._fail(ProviderError("vendor_failure", message))
            return
        reason = FINISH_REASONS.get(self._detail or "", "unknown")
        if self._detail is None and self._blocked is not None:
            reason = "content_filter"
        regular = reason in ("stop", "unknown")
        self._end_call(whole=regular)
        if self._nameless:
            self._fail(
                ProviderError("vendor_failure", "The provider sent a function call without the function's name.")
            )
            return
        if regular:
            self._settle()
        else:
            self._events += self._tools.end_code()
        self._close_text(complete=True)
        self._events += (
            Hosted(f"grounding.{number}", step.kind, step.phase, step.fields)
            for number, step in enumerate(self._grounding.steps(self._tools.seen))
        )
        self._events += map(Unmapped, self._grounding.untold())
        self._over = True
        self._events.append(Finished(reason, detail))

    def _fail(self, error: ProviderError) -> None:
        if not self._over:
            self._end_call(whole=False)
            self._events += self._tools.end_code()
            self._over = True
            self._events.append(Failed(error))


@dataclass(slots=True)
class _Call:
    """A function call under way. `id` and `signature` are "" where the vendor gave none."""

    name: str
    id: str
    signature: str = ""
    arguments: StreamedArguments = field(default_factory=StreamedArguments)


def _not_json(data: bytes) -> ProviderError:
    if data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return ProviderError("vendor_failure", f"The provider answered with a page of HTML. {BASE_URL_HINT}")
    return ProviderError("vendor_failure", "The provider's answer is not valid JSON.")


_MEMBERS: Final[Sequence[tuple[str, Callable[[GeminiDecoder, Json, Json], None]]]] = (
    ("functionCall", GeminiDecoder._function_call),
    ("executableCode", GeminiDecoder._executable_code),
    ("codeExecutionResult", GeminiDecoder._code_result),
    ("toolCall", GeminiDecoder._tool_call),
    ("toolResponse", GeminiDecoder._tool_response),
    ("inlineData", GeminiDecoder._inline_data),
)
"""What a part may be besides text."""

_UNREAD: Final = {
    "fileData": "file_data",
    "functionResponse": "function_response",
    "audioTranscription": "audio_transcription",
}
"""Members of parts that have no Responses form, and what they are counted as; others are `part.unknown`."""

_PLAIN_CHUNK: Final = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"})
_PLAIN_CANDIDATE: Final = frozenset({"content", "index"})
"""The members of chunks that bring text alone."""

_EMPTY_PART: Final = frozenset({"text", "thought", "thoughtSignature"})
"""The members of a part that is there for its signature alone."""
