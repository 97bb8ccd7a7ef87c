"""A Chat Completions answer as neutral events: one small function for each thing that a chunk may hold.

Everything is read tolerantly, for every server: a member of an unexpected type counts as absent, and nothing that a
vendor sends raises. A whole answer is read as a stream of one chunk whose delta is the message.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final, TypeAlias

import orjson

from providers.openai_chat.citations import Citations
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.errors import error_in_answer, failure_code, not_json
from providers.openai_chat.images import Images
from providers.openai_chat.reading import (
    FAILURES,
    FINISH_REASONS,
    SERVICE_TIERS,
    as_delta,
    joined_text,
    source_in,
    text_of,
    token_logprobs,
)
from providers.openai_chat.salvage import calls_in_error
from providers.openai_chat.stretches import Stretches
from providers.openai_chat.think_tags import Piece, ThinkTags
from providers.openai_chat.tool_calls import ToolCalls, dumped
from providers.openai_chat.usage import usage_of
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.provider.lenient_json import lenient_json
from proxy.provider.repetition import RepeatedText
from proxy.responses.events import (
    Event,
    Failed,
    Finished,
    Refusal,
    Started,
    Text,
    Unmapped,
    Usage,
)

CONTENT: Final = "content"
REFUSAL: Final = "refusal"

_DONE: Final = b"[DONE]"

ErrorOf: TypeAlias = Callable[[object], ProviderError]


class ChatDecoder:
    """Reads one answer. `error_of` makes the error of an error object inside it; `offered` are the names of the
    functions that the model may call. `searches`: the client asked for the server's own search."""

    __slots__ = (
        "_calls",
        "_choice",
        "_citations",
        "_counted",
        "_detail",
        "_dialect",
        "_error_of",
        "_events",
        "_held",
        "_images",
        "_logprobs",
        "_offered",
        "_output",
        "_over",
        "_reasoned",
        "_repeated",
        "_service_tier",
        "_started",
        "_text_open",
        "_think_tags",
        "_whole",
    )

    def __init__(
        self,
        dialect: Dialect,
        error_of: ErrorOf | None = None,
        offered: Collection[str] = frozenset(),
        *,
        searches: bool = False,
    ) -> None:
        self._dialect = dialect
        self._offered = offered
        self._error_of: ErrorOf = error_of or (lambda value: error_in_answer(value, dialect))
        self._events: list[Event] = []
        self._started = False
        self._whole = False
        self._over = False
        self._output = False
        self._counted = False
        self._service_tier: str | None = None
        self._choice: object = None
        self._detail: str | None = None
        # Text: white space is held back until something visible follows.
        self._repeated = RepeatedText()
        tags = dialect.think_tags or dialect.thinks_first
        self._think_tags = ThinkTags(inside=dialect.thinks_first) if tags else None
        self._text_open = False
        self._held = ""
        self._logprobs: list[dict[str, object]] | None = None
        self._citations = Citations(CONTENT, numbered=dialect.numbered_citations, searches=searches)
        # Reasoning, each stretch of which is an item of its own; and calls.
        self._reasoned = Stretches(dialect.replay)
        self._calls = ToolCalls()
        self._images = Images()

    # --- the way in -------------------------------------------------------------------------------------------------

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        if self._over:
            return ()
        data = frame.data
        if (text := self._repeated.text(data)) is not None:
            self._citations.said += len(text)
            return (Text(CONTENT, text),)
        try:
            chunk = orjson.loads(data)
        except orjson.JSONDecodeError:
            self._unread(data)
        else:
            if self._text_open and (text := self._next_text(chunk)) is not None:
                self._repeated.learn(data, b'"content"', text)
                self._citations.said += len(text)
                return (Text(CONTENT, text),)
            self._repeated.forget()
            self._value(chunk, frame.event)
        events, self._events = self._events, []
        return events

    def _next_text(self, chunk: object) -> str | None:
        """The text of a chunk that goes on with the open text and says nothing else, as nearly every chunk does."""
        if not isinstance(chunk, dict) or self._reasoned.key is not None or self._logprobs or not self._citations.plain:
            return None
        choices = chunk.get("choices")
        if (
            not isinstance(choices, list)
            or len(choices) != 1
            or chunk.get("usage") is not None
            or chunk.get("error")
            or chunk.get("x_groq") is not None
            or chunk.get("citations")
            or chunk.get("search_results")
            or (self._service_tier is None and chunk.get("service_tier"))
        ):
            return None
        choice = choices[0]
        if (
            not isinstance(choice, dict)
            or choice.get("finish_reason") is not None
            or choice.get("logprobs") is not None
            or choice.get("usage") is not None
            or choice.get("index") != self._choice
            or choice.get("error")
        ):
            return None
        delta = choice.get("delta")
        if not isinstance(delta, dict) or len(delta) != 1:
            return None
        text = delta.get("content")
        tags = self._think_tags
        return text if isinstance(text, str) and text and (tags is None or tags.passing) else None

    def end(self) -> Sequence[Event]:
        """What is owed when the body ended: without `[DONE]` it takes a finish reason to count as a whole answer."""
        if not self._over:
            if self._detail is not None or (self._dialect.finish_optional and self._output and self._calls.are_whole()):
                self._finish()
            else:
                self._fail(ProviderError("cut", "The provider's answer broke off before its end."))
        events, self._events = self._events, []
        return events

    def whole(self, body: bytes) -> list[Event]:
        """The events of a whole answer, to the end."""
        try:
            answer = orjson.loads(body)
        except orjson.JSONDecodeError:
            answer = lenient_json(body)
        choices = answer.get("choices") if isinstance(answer, dict) else None
        if answer is None:
            self._fail(not_json(body))
        elif not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            self._no_choices(answer)
        else:
            self._whole = True
            self._value({**answer, "choices": [as_delta(choices[0])]}, "")
            if not self._over:
                self._finish()
        events, self._events = self._events, []
        return events

    # --- frames -----------------------------------------------------------------------------------------------------

    def _unread(self, data: bytes) -> None:
        """A frame that orjson does not read: the end mark, a comment, several objects, sloppy JSON, or trash."""
        data = data.strip()
        if data == _DONE:
            self._finish()
        elif data[:1] in (b"{", b"["):
            value = lenient_json(data)
            lines = data.splitlines()
            if value is not None:
                self._value(value, "")
            elif len(lines) > 1:
                for line in lines:
                    self._line(line)
            else:
                self._fail(not_json(data))
        elif data[:1] == b"<":
            self._fail(not_json(data))

    def _line(self, line: bytes) -> None:
        if self._over:
            return
        value = lenient_json(line.strip())
        if value is not None:
            self._value(value, "")
        elif line.strip() == _DONE:
            self._finish()
        elif line.strip():
            self._fail(not_json(line))

    def _value(self, chunk: object, event: str) -> None:
        if not isinstance(chunk, dict):
            if isinstance(chunk, list) and chunk and isinstance(chunk[0], dict):
                self._value(chunk[0], event)
            elif event == "error":
                self._fail(self._error_of(chunk))
            return
        if chunk.get("error") or event == "error":
            self._usage(chunk.get("usage"))
            salvaged = calls_in_error(chunk, self._offered) if self._dialect.salvages_calls else None
            if salvaged is None or self._calls:
                self._fail(self._error_of(chunk))
            elif not self._over:
                self._flush()
                self._end_reasoning()
                self._over = True
                self._events += salvaged
            return
        choices = chunk.get("choices")
        told = isinstance(chunk.get("message"), str) or chunk.get("detail") or chunk.get("object") == "error"
        if choices is None and told:
            self._fail(self._error_of(chunk))
            return
        counts = chunk.get("usage")
        tier = chunk.get("service_tier") or (counts.get("service_tier") if isinstance(counts, dict) else None)
        if not self._started or (tier and self._service_tier is None):
            self._start(chunk, tier)
        if counts is not None:
            self._usage(counts, chunk.get("timings"))
        if (verdict := chunk.get("base_resp")) is not None and self._failed_by(verdict):
            return
        if chunk.get("citations") or chunk.get("search_results"):
            self._citations.sources(chunk)
        if isinstance(choices, list) and choices and isinstance(choices[0], dict):
            self._a_choice(choices[0])
        if (extra := chunk.get("x_groq")) is not None:
            self._x_groq(extra)

    def _start(self, chunk: Mapping[str, Any], named: object) -> None:
        """The answer began, or its service tier is known now, which the server may name in its own way."""
        tier = text_of(named)
        if not self._started and self._dialect.searches_always:
            self._events.append(Usage(web_searches=1))
        if not self._started or tier:
            self._started = True
            self._service_tier = tier
            ours = next((ours for ours, its in self._dialect.service_tiers.items() if its == tier), tier)
            known = SERVICE_TIERS.get(ours or "")
            self._events.append(Started(text_of(chunk.get("id")), text_of(chunk.get("model")), known))

    def _failed_by(self, verdict: object) -> bool:
        """Whether the server's verdict beside the choices (MiniMax) ends the answer; some only say why it ended."""
        code = failure_code(verdict)
        if code is None:
            return False
        if code in self._dialect.finish_reasons:
            self._detail = code
            return False
        self._fail(self._error_of({"base_resp": verdict}))
        return True

    def _a_choice(self, choice: Mapping[str, Any]) -> None:
        index = choice.get("index")
        if self._choice is None:
            self._choice = index
        elif index is not None and index != self._choice:
            # A second candidate, which nothing here asks for.
            return
        if (logprobs := choice.get("logprobs")) is not None:
            self._tokens(logprobs)
        delta = choice.get("delta")
        if delta is None and not self._output and not self._held:
            delta = choice.get("message")
        if isinstance(delta, dict):
            self._delta(delta)
        reason = choice.get("finish_reason")
        if reason is not None and self._detail is None and isinstance(reason, str) and reason:
            self._detail = reason
        if (counts := choice.get("usage")) is not None:
            self._usage(counts)
        if choice.get("error"):
            self._fail(self._error_of(choice))

    # --- the parts of a delta ----------------------------------------------------------------------------------------

    def _delta(self, delta: Mapping[str, Any]) -> None:
        content = delta.get("content")
        if content and len(delta) == 1 and isinstance(content, str):
            self._content(content)
            return
        thought, details = delta.get("reasoning_content") or delta.get("reasoning"), delta.get("reasoning_details")
        if thought or details:
            self._thought(thought, details)
        if isinstance(content, str):
            if content:
                self._content(content)
        elif content:
            self._content_value(content)
        if refusal := delta.get("refusal"):
            self._refusal(refusal)
        if audio := delta.get("audio"):
            self._audio(audio, spoken=not content)
        if images := delta.get("images"):
            self._made(images)
        if delta.get("executed_tools"):
            self._events.append(Unmapped("executed_tools"))
        if annotations := delta.get("annotations"):
            self._events += self._citations.annotate(annotations)
        if calls := delta.get("tool_calls"):
            self._tool_calls(calls)
        if call := delta.get("function_call"):
            self._tool_calls([{"index": 0, "function": call}])

    def _content(self, text: str) -> None:
        """Visible text, in which a leading think block may hide."""
        self._citations.said += len(text)
        tags = self._think_tags
        if tags is None or tags.passing:
            self._visible(text)
        else:
            self._pieces(tags.feed(text))

    def _pieces(self, pieces: Sequence[Piece]) -> None:
        for piece in pieces:
            if piece.reasoning:
                self._reasoning(piece.text, raw=True)
            else:
                self._visible(piece.text)

    def _visible(self, text: str) -> None:
        if not self._text_open:
            text = self._held + text
            if not text.strip():
                # Models put empty lines in front of tool calls; they become no message.
                self._held = text
                return
            self._held = ""
            self._end_reasoning()
            self._text_open = self._output = True
            self._citations.begin(len(text))
        elif self._reasoned.key is not None:
            self._end_reasoning()
        logprobs, self._logprobs = self._logprobs, None
        self._events.append(Text(CONTENT, text, logprobs))
        if not self._citations.plain:
            self._events += self._citations.text(text)

    def _content_value(self, content: object) -> None:
        """Content that is not a string: parts (Mistral, Databricks), or an object that JSON mode did not print."""
        if isinstance(content, list):
            for part in content:
                self._part(part)
        elif isinstance(content, dict) and isinstance(content.get("text"), str) and "type" in content:
            self._part(content)
        elif content is not True:
            self._content(dumped(content))

    def _part(self, part: object) -> None:
        if isinstance(part, str):
            if part:
                self._content(part)
        elif isinstance(part, dict):
            if part.get("type") in ("thinking", "reasoning"):
                self._thought(joined_text(part.get("thinking") or part.get("text") or part.get("summary")), None)
                self._reasoned.sign(text_of(part.get("signature")))
                if part.get("closed") is True:
                    self._end_reasoning()
            elif isinstance(text := part.get("text"), str) and text:
                self._content(text)
            elif isinstance(refusal := part.get("refusal"), str) and refusal:
                self._refusal(refusal)
            elif part.get("type") == "image_url":
                self._made([part])
            elif (source := source_in(part)) is not None:
                self._events += self._citations.cite(source)
            elif part.get("type") == "reference":
                # Mistral: numbers of documents that nothing else in the answer tells of.
                self._events.append(Unmapped("content.reference"))
            elif part.get("type") not in ("text", "output_text", "refusal", None):
                self._events.append(Unmapped("content.unknown"))

    def _refusal(self, refusal: object) -> None:
        if isinstance(refusal, str):
            self._end_reasoning()
            self._output = True
            self._events.append(Refusal(REFUSAL, refusal))

    def _audio(self, audio: object, *, spoken: bool) -> None:
        """Speech: its transcript is the text, where that is not told beside it."""
        if not isinstance(audio, dict):
            return
        if spoken and (transcript := text_of(audio.get("transcript"))):
            self._citations.said += len(transcript)
            self._visible(transcript)
        if audio.get("data"):
            self._events.append(Unmapped("audio"))

    def _made(self, images: object) -> None:
        """Images that the model made, each an item."""
        for event in self._images.read(images):
            if not isinstance(event, Unmapped):
                self._end_text()
            self._events.append(event)

    def _end_text(self) -> None:
        """Something else follows: text behind it is another message, and white space in front of it is none."""
        self._flush_think_tags()
        self._end_reasoning()
        self._output = True
        self._events += self._citations.close()
        self._text_open = False
        self._held = ""

    def _thought(self, thought: object, details: object) -> None:
        """Reasoning text; `reasoning_details` repeat it in parts, which say whether it is a summary."""
        entries = [entry for entry in details if isinstance(entry, dict)] if isinstance(details, list) else []
        summary = any(entry.get("type") == "reasoning.summary" for entry in entries)
        parts = (text_of(entry.get("summary") or entry.get("text")) or "" for entry in entries)
        text = joined_text(thought) or "".join(parts)
        if text:
            self._reasoning(text, raw=not summary)
        self._reasoned.details(entries, whole=self._whole)

    def _reasoning(self, text: str, *, raw: bool) -> None:
        self._output = True
        self._reasoned.text(text, self._events, raw=raw)

    def _end_reasoning(self) -> None:
        self._reasoned.end(self._events, in_text=self._text_open)

    def _tool_calls(self, calls: object) -> None:
        events = self._calls.feed(calls)
        if events:
            self._end_text()
            self._events += events

    # --- beside the delta ---------------------------------------------------------------------------------------------

    def _tokens(self, logprobs: object) -> None:
        """Log probabilities; they wait for the text they belong to (a token may be half a character)."""
        if tokens := token_logprobs(logprobs):
            self._logprobs = (self._logprobs or []) + tokens

    def _usage(self, counts: object, timings: object = None) -> None:
        usage = usage_of(counts, self._dialect, timings) if isinstance(counts, dict) and not self._over else None
        # Counts of nothing, as some gateways append them, take nothing back.
        if usage is not None and (usage.input_tokens or usage.output_tokens or not self._counted):
            self._counted = True
            self._events.append(usage)

    def _x_groq(self, extra: object) -> None:
        if isinstance(extra, dict):
            self._usage(extra.get("usage"))
            if extra.get("error"):
                self._fail(self._error_of(extra))

    # --- the end ------------------------------------------------------------------------------------------------------

    def _flush_think_tags(self) -> None:
        if self._think_tags is not None and not self._think_tags.passing:
            self._pieces(self._think_tags.end())
            self._think_tags.passing = True

    def _flush(self) -> None:
        """Give out what was held back."""
        self._flush_think_tags()
        if self._held and not self._calls and not self._output:
            # White space is all there is.
            self._events.append(Text(CONTENT, self._held, self._logprobs))
        elif self._logprobs and self._text_open:
            self._events.append(Text(CONTENT, "", self._logprobs))
        self._held, self._logprobs = "", None

    def _finish(self) -> None:
        if self._over:
            return
        reason = (self._detail or "").lower()
        if reason in FAILURES:
            self._fail(ProviderError("vendor_failure", f"The provider broke off its answer: {reason}."))
            return
        self._flush()
        self._events += self._citations.close()
        self._end_reasoning()
        self._events += self._calls.end()
        self._events += self._citations.finish()
        self._reasoned.finish(self._events)
        if self._calls.nameless:
            self._fail(ProviderError("vendor_failure", "The provider sent a tool call without the tool's name."))
            return
        self._over = True
        known = self._dialect.finish_reasons.get(reason) or FINISH_REASONS.get(reason, "unknown")
        self._events.append(Finished(known, self._detail))

    def _fail(self, error: ProviderError) -> None:
        if not self._over:
            self._flush()
            self._over = True
            self._events.append(Failed(error))

    def _no_choices(self, answer: object) -> None:
        """A whole answer without a choice: an error with status 200, or nothing that can be read."""
        if isinstance(answer, dict) and failure_code(answer.get("base_resp")) is not None:
            self._usage(answer.get("usage"))
            if not self._failed_by(answer["base_resp"]):
                self._finish()
        elif isinstance(answer, dict) and not (answer.get("error") or answer.get("message") or answer.get("detail")):
            self._usage(answer.get("usage"))
            self._fail(ProviderError("vendor_failure", "The provider's answer has no choices."))
        else:
            self._fail(self._error_of(answer))
