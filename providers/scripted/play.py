"""Plays one step of a script: from directives to the pieces of the answer."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import orjson

from providers.scripted.decode import STATUS_CLASSES
from providers.scripted.given import input_tokens, joined_text, part_text, setting, words
from providers.scripted.instance import NoInstance, instance
from providers.scripted.script import (
    Directive,
    ScriptError,
    count_in,
    options_in,
    seconds_in,
    seconds_of,
    text_in,
    text_of,
)
from proxy.provider.contract import Pause, Prepared
from proxy.provider.errors import ERROR_RULES
from proxy.provider.history import MessageItem, ResultItem
from proxy.responses.events import FinishReason

MAX_SECONDS = 3600.0
MAX_REPETITIONS = 100_000
MAX_BYTES = 16 * 1024 * 1024
"""What one script may cost the process that plays it."""

Piece: TypeAlias = tuple[str, dict[str, Any]] | Pause
Ending: TypeAlias = Literal["finish", "fail", "error", "cut", "end"]

_WORD = re.compile(r"\s*\S+(?:\s+$)?|\s+")
_REASONING = frozenset({"summary", "reasoning"})
_SETTINGS = frozenset({"usage", "pace", "delay", "stop"})
"""Directives that say nothing: a step of these alone is an echo."""
_ARGUMENT_PIECE = 8
_FILLER = "All work and no play makes the model a dull one. "
_USAGE = {
    "in": "input_tokens",
    "cached": "cached_tokens",
    "written": "cache_write_tokens",
    "out": "output_tokens",
    "reasoning": "reasoning_tokens",
    "written-1h": "cache_write_1h_tokens",
    "audio-in": "input_audio_tokens",
    "audio-cached": "cached_audio_tokens",
    "audio-out": "output_audio_tokens",
    "image-out": "output_image_tokens",
    "searches": "web_searches",
}

_PARTS = {
    ("cached_tokens", "cache_write_tokens"): "input_tokens",
    ("input_audio_tokens",): "input_tokens",
    ("cached_audio_tokens",): "cached_tokens",
    ("cache_write_1h_tokens",): "cache_write_tokens",
}
"""Counts that together are part of another, which counts as 0 where it is not given."""

_OUTPUT_PARTS = (("reasoning_tokens",), ("output_audio_tokens", "output_image_tokens"))
"""Parts of the output, which is counted where it is not given."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An HTTP error in place of the answer."""

    status: int
    error_class: str | None
    retry_after: float | None
    message: str


class _OutputLimitReached(Exception):  # noqa: N818 - it ends the play, it is no error
    pass


class Performance:
    """One answer in the making.

    `digest` names the request: response and call ids are made from it, so that equal requests are answered equally.
    `shown` is what `/history` says, `rounds` how often the tools have returned.
    """

    def __init__(self, prepared: Prepared, digest: str, shown: bytes, remarks: str, rounds: int) -> None:
        self.pieces: list[Piece] = []
        self.ending: Ending = "finish"
        self.failure: Failure | None = None
        self._prepared = prepared
        self._digest = digest
        self._shown = shown
        self._remarks = remarks
        self._rounds = rounds
        self._limit: int | None = setting(prepared, "max_output_tokens")
        self._key = -1
        self._kind = ""
        self._said = 0
        self._reasoned = hashlib.sha256()
        self._pace = 0.0
        self._bytes = 0
        self._output_tokens = 0
        self._reasoning_tokens = 0
        self._reason: FinishReason = "stop"
        self._usage: dict[str, int] | None = {}

    def play(self, step: Sequence[Directive]) -> None:
        """Play the directives; without any, the model echoes. Raises ScriptError."""
        self._usage = _usage_of(step)
        if self._usage is not None:
            self._usage.setdefault("input_tokens", input_tokens(self._prepared))
            _check_usage(self._usage)
        self._add("start", {"id": f"scripted_{self._digest[:24]}", "model": self._prepared.model})
        if self._usage is not None:
            # Told at the start as well, so that a broken answer has its input counted.
            self._add("usage", {"input_tokens": self._usage["input_tokens"]})
        try:
            if not any(directive.name not in _SETTINGS for directive in step):
                step = (*step, Directive("echo", ""))
            for directive in step:
                _PLAYERS[directive.name](self, directive)
        except _OutputLimitReached:
            self.ending = "finish"
            self._reason = "length"
        if self.ending == "finish":
            self._close_block()
            self._finish()

    # --- text ---------------------------------------------------------------------------------------------------------

    def say(self, directive: Directive) -> None:
        """Visible text."""
        self._text("text", _deltas(text_of(directive)))

    def echo(self, directive: Directive) -> None:
        """The tools' results, the forced call, the asked-for form, or a sentence that repeats what was said."""
        choice = self._prepared.tool_choice
        if self._rounds:
            self._text("text", _deltas(self._results()))
        elif self._prepared.tools and choice.mode in {"required", "named"}:
            self._call(directive, self._forced_tool(), None)
        elif self._form() is not None:
            self.json(directive)
        else:
            self._text("text", _deltas(self._sentence()))

    def json(self, directive: Directive) -> None:
        """An instance of the schema in `text.format`."""
        form = self._form()
        if form is None:
            raise directive.fail("the request has no text.format of type json_schema or json_object")
        schema = form.get("schema") if form.get("type") == "json_schema" else {"type": "object"}
        text = orjson.dumps(self._instance(directive, schema or {})).decode()
        self._text("text", _slices(text))

    def history(self, directive: Directive) -> None:
        """What the model was given."""
        self._text("text", _slices(self._shown.decode(), 256))

    def repeat(self, directive: Directive) -> None:
        """One text many times."""
        number, _, source = directive.argument.partition(" ")
        count = count_in(directive, number, 1, MAX_REPETITIONS)
        text = text_in(directive, source.strip())
        if source.strip() == text:
            text += " "
        self._text("text", (text for _ in range(count)))

    def big(self, directive: Directive) -> None:
        """One delta of many bytes."""
        length = count_in(directive, directive.argument, 1, MAX_BYTES)
        self._text("text", ((_FILLER * (length // len(_FILLER) + 1))[:length],))

    def refuse(self, directive: Directive) -> None:
        """Text in the refusal channel."""
        self._text("refusal", _deltas(text_of(directive)))

    def cite(self, directive: Directive) -> None:
        """A citation of everything said in the open text."""
        if self._kind != "text":
            raise directive.fail("a text must come right before it")
        url, _, title = directive.argument.partition(" ")
        if not url:
            raise directive.fail("an address must follow")
        annotation = {
            "type": "url_citation",
            "start_index": 0,
            "end_index": self._said,
            "url": url,
            "title": title.strip() or url,
        }
        self._add("citation", {"key": self._key, "annotation": annotation})

    # --- reasoning and calls ------------------------------------------------------------------------------------------

    def think(self, directive: Directive) -> None:
        """A reasoning summary."""
        self._text("summary", _deltas(text_of(directive)))

    def reason(self, directive: Directive) -> None:
        """Raw reasoning."""
        self._text("reasoning", _deltas(text_of(directive)))

    def call(self, directive: Directive) -> None:
        """A tool call with valid arguments."""
        name, _, arguments = directive.argument.partition(" ")
        arguments = arguments.strip()
        if arguments:
            try:
                valid = isinstance(orjson.loads(arguments), dict)
            except orjson.JSONDecodeError:
                valid = False
            if not valid:
                raise directive.fail("the arguments must be a JSON object (/call-raw takes anything)")
        self._call(directive, name, arguments or None)

    def call_raw(self, directive: Directive) -> None:
        """A tool call with any arguments."""
        name, _, arguments = directive.argument.partition(" ")
        self._call(directive, name, arguments.strip())

    # --- time and endings ---------------------------------------------------------------------------------------------

    def delay(self, directive: Directive) -> None:
        """A wait before the next piece."""
        self.pieces.append(Pause(seconds_of(directive, MAX_SECONDS)))

    def pace(self, directive: Directive) -> None:
        """A wait before every piece from here on."""
        self._pace = seconds_of(directive, MAX_SECONDS)

    def stop(self, directive: Directive) -> None:
        """Why the answer ends."""
        reasons: tuple[FinishReason, ...] = get_args(FinishReason)
        for reason in reasons:
            if directive.argument == reason:
                self._reason = reason
                return
        raise directive.fail(f"expected one of {', '.join(reasons)}, got '{directive.argument[:64]}'")

    def fail(self, directive: Directive) -> None:
        """An HTTP error in place of the answer."""
        status, _, rest = directive.argument.partition(" ")
        number = count_in(directive, status, 400, 599)
        options, message = options_in(directive, rest.strip(), ("class", "retry-after"))
        retry_after = options.get("retry-after")
        self.ending = "fail"
        self.failure = Failure(
            number,
            _error_class(directive, options, STATUS_CLASSES.get(number)),
            None if retry_after is None else seconds_in(directive, retry_after, MAX_SECONDS),
            message or f"The scripted model fails with status {number}, as it was told.",
        )

    def error(self, directive: Directive) -> None:
        """An error after what was said."""
        options, message = options_in(directive, directive.argument, ("class",))
        error_class = _error_class(directive, options, "vendor_failure")
        message = message or "The scripted model fails, as it was told."
        self._close_block()
        self.ending = "error"
        self._add("error", {"class": error_class, "message": message})

    def cut(self, directive: Directive) -> None:
        """The connection breaks."""
        self.ending = "cut"

    def end(self, directive: Directive) -> None:
        """The answer ends without its finish signal."""
        self.ending = "end"

    def usage(self, directive: Directive) -> None:
        """Nothing to say here: `play` has read it before the answer began."""

    # --- the pieces ---------------------------------------------------------------------------------------------------

    def _add(self, name: str, data: dict[str, Any]) -> None:
        self.pieces.append((name, data))

    def _text(self, kind: str, deltas: Iterable[str]) -> None:
        opened = self._kind != kind
        if opened:
            self._open_block(kind)
        for index, delta in enumerate(deltas):
            text = delta if opened or index else "\n" + delta
            self._count(text, reasoning=kind in _REASONING)
            data: dict[str, Any] = {"key": self._key, "delta": text}
            if kind in _REASONING:
                self._reasoned.update(text.encode())
                data["raw"] = kind == "reasoning"
                self._add_paced("reasoning", data)
            else:
                self._said += len(text)
                self._add_paced(kind, data)

    def _add_paced(self, name: str, data: dict[str, Any]) -> None:
        if self._pace:
            self.pieces.append(Pause(self._pace))
        self._add(name, data)

    def _open_block(self, kind: str) -> None:
        self._close_block()
        self._kind = kind
        self._key += 1
        self._said = 0

    def _close_block(self) -> None:
        if self._kind in _REASONING:
            self._add("proof", {"key": self._key, "payload": self._reasoned.hexdigest()})
            self._reasoned = hashlib.sha256()
        self._kind = ""

    def _call(self, directive: Directive, name: str, arguments: str | None) -> None:
        if not name:
            raise directive.fail("a tool name must follow")
        if arguments is None:
            schema = next((tool.parameters for tool in self._prepared.tools if tool.name == name), None)
            arguments = orjson.dumps(self._instance(directive, schema or {"type": "object"})).decode()
        self._count(arguments or "{}")
        self._open_block("call")
        identity = hashlib.sha256(f"{self._digest} {self._key}".encode()).hexdigest()
        self._add_paced("call", {"key": self._key, "name": name, "call_id": f"call_{identity[:24]}"})
        for delta in _slices(arguments, _ARGUMENT_PIECE):
            self._add_paced("arguments", {"key": self._key, "delta": delta})
        self._add("call_end", {"key": self._key})

    def _count(self, text: str, *, reasoning: bool = False) -> None:
        self._bytes += len(text)
        if self._bytes > MAX_BYTES:
            raise ScriptError(f"An answer of more than {MAX_BYTES} bytes is not played.")
        count = words(text)
        if self._limit is not None and self._output_tokens + count > self._limit:
            raise _OutputLimitReached
        self._output_tokens += count
        if reasoning:
            self._reasoning_tokens += count

    def _finish(self) -> None:
        if self._usage is not None:
            parts = (sum(self._usage.get(name, 0) for name in names) for names in _OUTPUT_PARTS)
            counts = {
                "output_tokens": max(self._output_tokens, *parts),
                "reasoning_tokens": min(self._reasoning_tokens, self._usage.get("output_tokens", self._output_tokens)),
                **self._usage,
            }
            self._add("usage", counts)
        self._add("finish", {"reason": self._reason})

    # --- what the echo says -------------------------------------------------------------------------------------------

    def _sentence(self) -> str:
        message = next(
            (item for item in reversed(self._prepared.items) if isinstance(item, MessageItem) and item.role == "user"),
            None,
        )
        if message is None:
            return "You said nothing."
        others = [str(part.get("type", "")).removeprefix("input_") for part in message.parts if part_text(part) is None]
        shown = ", ".join(f"{others.count(kind)} {kind}" for kind in sorted(set(others)))
        said = f"You said: {self._remarks}" if self._remarks else "You said nothing"
        return f"{said} (with {shown})" if shown else said if self._remarks else said + "."

    def _results(self) -> str:
        results: list[str] = []
        for item in reversed(self._prepared.items):
            if isinstance(item, ResultItem):
                text = item.output if isinstance(item.output, str) else joined_text(item.output)
                results.insert(0, f"{item.name} {'failed' if item.failed else 'returned'}: {text or 'nothing'}")
            elif results:
                break
        return "\n".join(results)

    def _forced_tool(self) -> str:
        choice = self._prepared.tool_choice
        if choice.mode == "named" and choice.name:
            return choice.name
        return next(
            (tool.name for tool in self._prepared.tools if choice.allowed is None or tool.name in choice.allowed),
            self._prepared.tools[0].name,
        )

    def _form(self) -> Mapping[str, Any] | None:
        text = setting(self._prepared, "text") or {}
        form = text.get("format") or {}
        return form if form.get("type") in {"json_schema", "json_object"} else None

    def _instance(self, directive: Directive, schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON value
        try:
            return instance(schema)
        except NoInstance as reason:
            raise directive.fail(f"no instance of the schema was found: {reason}") from None


_PLAYERS: Mapping[str, Callable[[Performance, Directive], None]] = {
    "say": Performance.say,
    "echo": Performance.echo,
    "json": Performance.json,
    "history": Performance.history,
    "repeat": Performance.repeat,
    "big": Performance.big,
    "refuse": Performance.refuse,
    "cite": Performance.cite,
    "think": Performance.think,
    "reason": Performance.reason,
    "call": Performance.call,
    "call-raw": Performance.call_raw,
    "delay": Performance.delay,
    "pace": Performance.pace,
    "usage": Performance.usage,
    "stop": Performance.stop,
    "fail": Performance.fail,
    "error": Performance.error,
    "cut": Performance.cut,
    "end": Performance.end,
}


def _deltas(text: str) -> list[str]:
    """The words, each with the space before it."""
    return _WORD.findall(text)


def _slices(text: str, length: int = _ARGUMENT_PIECE) -> list[str]:
    return [text[start : start + length] for start in range(0, len(text), length)]


def _error_class(directive: Directive, options: Mapping[str, str], default: str | None) -> str | None:
    name = options.get("class")
    if name is not None and name not in ERROR_RULES:
        raise directive.fail(f"unknown class '{name[:64]}'; the classes are {', '.join(ERROR_RULES)}")
    return name or default


def _usage_of(step: Sequence[Directive]) -> dict[str, int] | None:
    """The counts that the last `/usage` gives; None for `/usage none`."""
    directive = next((directive for directive in reversed(step) if directive.name == "usage"), None)
    if directive is None:
        return {}
    if directive.argument == "none":
        return None
    options, rest = options_in(directive, directive.argument, tuple(_USAGE))
    if rest or not options:
        raise directive.fail(f"expected 'none' or counts such as in=12 out=3 ({', '.join(_USAGE)})")
    return {_USAGE[name]: count_in(directive, value, 0, 10**9) for name, value in options.items()}


def _check_usage(usage: Mapping[str, int]) -> None:
    parts = list(_PARTS.items())
    if "output_tokens" in usage:
        parts += [(names, "output_tokens") for names in _OUTPUT_PARTS]
    for names, whole in parts:
        if sum(usage.get(name, 0) for name in names) > usage.get(whole, 0):
            told = " and ".join(_words(name) for name in names)
            raise ScriptError(f"/usage: {told} are part of {_words(whole)} and cannot be more.")


def _words(name: str) -> str:
    return name.replace("_", " ")
