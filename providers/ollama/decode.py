"""An answer of `/api/chat` -> neutral events. A whole answer is one line of a stream that says everything."""

import json
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson

from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.provider.lenient_json import lenient_json
from proxy.responses.events import (
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    FinishReason,
    Reasoning,
    Started,
    Text,
    Unmapped,
    Usage,
)

REASONS: Final[dict[str, FinishReason]] = {"stop": "stop", "length": "length", "load": "stop", "unload": "stop"}

OPENING: Final = "<think>"
CLOSING: Final = "</think>"

ErrorOf = Callable[[object], ProviderError]
Json = dict[str, Any]


class OllamaDecoder:
    """Reads one streamed answer. `tagged`: a `<think>` block in front of the text is reasoning, as older servers give
    it."""

    def __init__(self, error_of: ErrorOf, *, tagged: bool = True) -> None:
        self._error_of = error_of
        self._started = False
        self._over = False
        self._calls = 0
        self._text_key = 0
        self._thinking_key = 0
        self._last = ""
        # The beginning of the text, while it may be that of a block of reasoning; None: it is no more.
        self._beginning: str | None = "" if tagged else None
        self._inside = False
        self._tail = ""
        # Behind the block, white space is none of the text.
        self._behind = False

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one line."""
        if self._over:
            return ()
        line = _json(frame.data)
        if line is None:
            return self._fail(ProviderError("vendor_failure", "The provider's stream holds a line that is not JSON."))
        return self.line(line) if isinstance(line, dict) else ()

    def end(self) -> Sequence[Event]:
        """The body ended: without the line that says so, the answer was cut."""
        if self._over:
            return ()
        return self._fail(ProviderError("cut", "The provider's stream ended before its answer did."))

    def line(self, line: Json) -> list[Event]:
        """The events of one object."""
        if line.get("error"):
            return self._fail(self._error_of(line))
        events: list[Event] = []
        if not self._started:
            self._started = True
            model = line.get("model")
            events.append(Started(None, model if isinstance(model, str) else None))
        message = line.get("message")
        if isinstance(message, dict):
            thinking, content = message.get("thinking"), message.get("content")
            events += self._thinking(thinking)
            events += self._content(
                content, _of_text(line.get("logprobs"), content) if thinking else line.get("logprobs")
            )
            if message.get("images"):
                events.append(Unmapped("images"))
            calls = message.get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                events += self._call(call)
                if self._over:
                    return events
        if line.get("done") is True:
            events += [*self._rest(), *self._finished(line)]
        return events

    # --- the parts of a line -----------------------------------------------------------------------------------------

    def _thinking(self, delta: object) -> list[Event]:
        if not isinstance(delta, str) or not delta:
            return []
        # Thinking of its own: then the text has no tags.
        return [*self._rest(), self._reasoning(delta)]

    def _content(self, delta: object, logprobs: object) -> list[Event]:
        if not isinstance(delta, str) or not delta:
            return []
        if self._beginning is not None:
            return self._at_the_beginning(delta, logprobs)
        if self._inside:
            return self._inside_tags(delta)
        if self._behind:
            return self._behind_tags(delta)
        return [self._text(delta, logprobs)]

    def _at_the_beginning(self, delta: str, logprobs: object) -> list[Event]:
        beginning = (self._beginning or "") + delta
        told = beginning.lstrip()
        if told.startswith(OPENING):
            self._beginning, self._inside = None, True
            return self._inside_tags(told[len(OPENING) :])
        if OPENING.startswith(told):
            self._beginning = beginning
            return []
        held, self._beginning = self._beginning, None
        return [self._text(beginning, None if held else logprobs)]

    def _inside_tags(self, delta: str) -> list[Event]:
        text = self._tail + delta
        thought, closing, rest = text.partition(CLOSING)
        if closing:
            self._inside, self._tail, self._behind = False, "", True
            return [*([self._reasoning(thought)] if thought else ()), *self._behind_tags(rest)]
        # The last characters may be the first of the closing tag.
        kept = next((size for size in range(len(CLOSING) - 1, 0, -1) if text.endswith(CLOSING[:size])), 0)
        self._tail = text[len(text) - kept :]
        shown = text[: len(text) - kept]
        return [self._reasoning(shown)] if shown else []

    def _behind_tags(self, delta: str) -> list[Event]:
        text = delta.lstrip()
        self._behind = not text
        return [self._text(text, None)] if text else []

    def _rest(self) -> list[Event]:
        """What was held back and was no tag."""
        held, self._beginning = self._beginning, None
        tail, self._tail = self._tail, ""
        return [*([self._text(held, None)] if held else ()), *([self._reasoning(tail)] if tail else ())]

    def _reasoning(self, delta: str) -> Event:
        if self._last != "thinking":
            self._last = "thinking"
            self._thinking_key += 1
        return Reasoning(f"thinking {self._thinking_key}", delta, raw=True)

    def _text(self, delta: str, logprobs: object) -> Event:
        if self._last != "text":
            self._last = "text"
            self._text_key += 1
        given = [_logprob(entry) for entry in logprobs if _is_logprob(entry)] if isinstance(logprobs, list) else []
        return Text(f"text {self._text_key}", delta, given or None)

    def _call(self, call: object) -> list[Event]:
        function = call.get("function") if isinstance(call, dict) else None
        name = function.get("name") if isinstance(function, dict) else None
        if not isinstance(call, dict) or not isinstance(function, dict) or not isinstance(name, str) or not name:
            return self._fail(ProviderError("vendor_failure", "The provider's answer has a tool call without a name."))
        events = self._rest()
        self._last = "call"
        key = f"call {self._calls}"
        self._calls += 1
        given = function.get("arguments")
        arguments = given if isinstance(given, str) else _json_text(given if given is not None else {})
        call_id = call.get("id")
        return [
            *events,
            CallOpened(key, name, call_id if isinstance(call_id, str) and call_id else None),
            CallArguments(key, arguments),
            CallClosed(key),
        ]

    # --- the end -----------------------------------------------------------------------------------------------------

    def _finished(self, line: Json) -> list[Event]:
        self._over = True
        counts = Usage(input_tokens=_count(line.get("prompt_eval_count")), output_tokens=_count(line.get("eval_count")))
        reason = line.get("done_reason")
        told = reason if isinstance(reason, str) and reason else "stop"
        events: list[Event] = [] if counts == Usage() else [counts]
        return [*events, Finished(REASONS.get(told, "unknown"), told)]

    def _fail(self, error: ProviderError) -> list[Event]:
        self._over = True
        return [*self._rest(), Failed(error)]


def decode_answer(body: bytes, error_of: ErrorOf, *, tagged: bool = True) -> list[Event]:
    """The events of a whole answer."""
    answer = _json(body)
    if answer is None:
        return [Failed(ProviderError("vendor_failure", "The provider's answer is not valid JSON."))]
    if not isinstance(answer, dict) or not (_speaks(answer.get("message")) or answer.get("error")):
        return [Failed(ProviderError("vendor_failure", "The provider's answer is not a message."))]
    decoder = OllamaDecoder(error_of, tagged=tagged)
    # A whole answer has ended, whether or not it says so.
    return decoder.line(answer | {"done": True})


def _speaks(message: object) -> bool:
    """Whether it is a message of the model, be it an empty one."""
    if not isinstance(message, dict):
        return False
    texts = (message.get("content"), message.get("thinking"))
    return any(isinstance(text, str) for text in texts) or isinstance(message.get("tool_calls"), list)


def _json(data: bytes) -> object:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return lenient_json(data)


def _json_text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        # orjson prints no more than 254 levels.
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            return "{}"


def _of_text(logprobs: object, text: object) -> list[Json]:
    """What of the logprobs of a thought and a text belongs to the text; nothing where that cannot be told."""
    entries = [entry for entry in logprobs if _is_logprob(entry)] if isinstance(logprobs, list) else []
    rest = text if isinstance(text, str) else ""
    for place in range(len(entries) - 1, -1, -1):
        token = str(entries[place]["token"])
        if not rest.endswith(token):
            return []
        rest = rest.removesuffix(token)
        if not rest:
            return entries[place:]
    return []


def _is_logprob(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("token"), str) and _number(entry.get("logprob"))


def _logprob(entry: Json) -> dict[str, object]:
    alternatives = entry.get("top_logprobs")
    top = [_token(each) for each in alternatives if _is_logprob(each)] if isinstance(alternatives, list) else []
    return {**_token(entry), "top_logprobs": top}


def _token(entry: Json) -> dict[str, object]:
    given = entry.get("bytes")
    return {"token": entry["token"], "logprob": entry["logprob"], "bytes": given if isinstance(given, list) else None}


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**53:
        return None
    return int(value)
