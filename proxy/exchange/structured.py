"""Structured output where a model cannot be held to the form of its answer.

The model is asked for it by an instruction. Its text is held back until the answer is whole: one that conforms is
emitted as it was written, one that does not is sent back to the model once, with what is wrong about it. An answer
that calls tools is no final one, so its text is nobody's JSON and goes on as it is.
"""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, cast

import orjson

from proxy.exchange.conformance import Checker, UnusableSchemaError, Violation, checker
from proxy.provider.contract import Prepared, Provider
from proxy.provider.conversions import approximated, refuse
from proxy.provider.history import HOSTED_PROOF, HistoryItem, MessageItem
from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    OUTPUT_EVENTS,
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Finished,
    Hosted,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Text,
    Verbatim,
)
from proxy.responses.request import TextConfig

PATH: Final = "text.format"

MAX_HELD: Final = 64 * 2**20
"""The longest answer, in characters, that is held back; beyond it the response fails."""

ENVELOPES: Final = ("parameters", "arguments", "input", "final_answer", "answer", "response", "result", "output")
"""What models wrap an answer into, besides the name of its schema."""

OBJECT_LINE: Final = (
    "Your answer has to be one JSON object and nothing else: no text before or after it, no code fence."
)
SCHEMA_LINE: Final = (
    "Your answer has to be one JSON value that conforms to the JSON Schema below, and nothing else: no text before or"
    " after it, no code fence."
)
TOOLS_LINE: Final = "Tools are called as usual; this is about the answer that you give when you call none."

AGAIN: Final = (
    "This is not the JSON that was asked for. {fault} Answer once more with the corrected JSON alone: no text before or"
    " after it, no code fence."
)

_FENCE: Final = "```"
_FENCE_LINE: Final = re.compile(r"```[\w+-]*[ \t]*\r?\n")
_FIRST_MEMBER: Final = re.compile(r'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*')


# --- the request ------------------------------------------------------------------------------------------------------


def instruct(prepared: Prepared, provider: Provider) -> None:
    """Put an instruction in the place of a format that the model cannot be held to, and declare it."""
    request = prepared.request
    form = cast("Mapping[str, object] | None", request.text.get("format"))
    if form is None or form.get("type") not in ("json_schema", "json_object"):
        return
    obstacle = provider.format_obstacle(form, prepared)
    if obstacle is None:
        return
    reason = f"asked for by an instruction, and the answer is checked: {obstacle}"
    prepared.conversions.append(approximated(PATH, reason))
    line = _instruction(form, tools=bool(prepared.tools or prepared.custom_tools or prepared.hosted_tools))
    told = request.instructions
    prepared.emulated_format = form
    prepared.request = replace(
        request,
        # The items are in `prepared`, and nothing else may keep the history alive.
        input=[],
        instructions=f"{told}\n\n{line}" if told and told.strip() else line,
        text=cast("TextConfig", {name: value for name, value in request.text.items() if name != "format"}),
        given=request.given | {"instructions"},
    )


def _instruction(form: Mapping[str, object], *, tools: bool) -> str:
    lines = [OBJECT_LINE if form["type"] == "json_object" else SCHEMA_LINE]
    if tools:
        lines.append(TOOLS_LINE)
    if form["type"] == "json_schema":
        try:
            schema = orjson.dumps(form["schema"]).decode()
        except orjson.JSONEncodeError:
            refuse(f"{PATH}.schema", "The schema is nested too deep.", value=True)
        if description := form.get("description"):
            lines.append(str(description))
        lines.append(f"The schema '{form['name']}':\n{schema}")
    return "\n".join(lines)


# --- the answer -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Emulation:
    """What the answers to one request have to be. `name` is that of the schema; without a checker any JSON object is
    right."""

    name: str = ""
    checker: Checker | None = None

    async def read(self, text: str) -> str | Violation:
        """The JSON of an answer as the model wrote it, without a fence or an envelope around it; or what is wrong."""
        bare = text.strip()
        opened = _FENCE_LINE.match(bare) if bare.endswith(_FENCE) else None
        if opened is not None:
            bare = bare[opened.end() : -len(_FENCE)].strip()
        found = await self._check(bare)
        if found is None:
            return text if opened is None else bare
        inner = self._unwrapped(bare)
        return inner if inner is not None and await self._check(inner) is None else found

    async def _check(self, text: str) -> Violation | None:
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return Violation("", f"it is no JSON ({error.msg}, at character {error.pos})" if text else "it is empty")
        if self.checker is not None:
            return await self.checker.check(text, value)
        return None if isinstance(value, dict) else Violation("", "it is no JSON object")

    def _unwrapped(self, text: str) -> str | None:
        """The value of the only member of an object, where models are known to wrap answers into such."""
        if self.checker is None or (opened := _FIRST_MEMBER.match(text)) is None:
            return None
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError:
            return None
        wrapped = len(value) == 1 and next(iter(value)) in (*ENVELOPES, self.name)
        # Of a member that stands there twice this is no JSON.
        return text[opened.end() : -1].rstrip() if wrapped else None


async def emulation(prepared: Prepared, slots: asyncio.Semaphore) -> Emulation | None:
    """What reads the answers, where the model is told of their form only; `slots` are those of `conformance.checker`.
    Raises RefusedError for a schema that cannot be used."""
    form = prepared.emulated_format
    if form is None:
        return None
    if form["type"] == "json_object":
        return Emulation()
    try:
        found = await checker(cast("Mapping[str, object]", form["schema"]), slots)
    except UnusableSchemaError as error:
        message = f"The model cannot be held to the schema, and no answer can be checked against it: {error}."
        refuse(f"{PATH}.schema", message, value=True)
    return Emulation(str(form["name"]), found)


class Holding:
    """Stands before the assembler for one upstream call and holds back the answer's text, with all that follows it,
    until it is known what the text is. `finished` is the end of an answer that has to be read now."""

    __slots__ = ("_again", "_held", "_messages", "_passing", "_refused", "_size", "finished")

    def __init__(self, *, again: bool = False) -> None:
        """`again`: it is the second call of a response, and its keys are not those of the first."""
        self.finished: Finished | None = None
        self._again = again
        self._held: list[Event] = []
        # The keys of messages that a vendor which speaks Responses opened itself.
        self._messages: set[str] = set()
        self._size = 0
        self._passing = False
        self._refused = False

    def __call__(self, events: Iterable[Event]) -> list[Event]:
        """What the assembler gets of these events. Raises ResponsesError when the answer is too long."""
        passed: list[Event] = []
        for event in map(_renamed, events) if self._again else events:
            if self._passing:
                passed.append(event)
            elif isinstance(event, CallOpened):
                passed += self._release(event)
            elif isinstance(event, Finished):
                # An end that is said twice is one.
                passed += self._end(event) if self.finished is None else ()
            elif self._is_held(event):
                self._hold(event)
            else:
                passed.append(event)
        return passed

    @property
    def text(self) -> str:
        """What is held back of the answer's text."""
        return "".join(event.delta for event in self._held if isinstance(event, Text))

    @property
    def output(self) -> dict[str, object]:
        """What is held back of the answer's text, as the item of an ordinary answer."""
        return {"type": "message", "content": [{"type": "output_text", "text": self.text}]}

    @property
    def besides(self) -> list[Event]:
        """What was held back with a text that is not shown, and happened all the same."""
        return [
            event
            for event in self._held
            if isinstance(event, Hosted | Reasoning)
            or (isinstance(event, Opened | Closed | Verbatim) and event.key not in self._messages)
            or (isinstance(event, Proof) and (event.binds == "self" or event.kind == HOSTED_PROOF))
        ]

    def rest(self) -> list[Event]:
        """What is still held back of an answer that ended without being read."""
        held, self._held = self._held, []
        return held

    def accepted(self, text: str) -> list[Event]:
        """What the assembler gets when this is the answer: what was held back, with the text in its place."""
        assert self.finished is not None
        texts = [index for index, event in enumerate(self._held) if isinstance(event, Text)]
        together = self._held[texts[0] : texts[-1] + 1]
        keys = {event.key for event in together if isinstance(event, Text | Annotation)}
        in_one = len(keys) == 1 and all(isinstance(event, Text | Annotation) for event in together)
        if in_one and text == self.text:
            return [*self._held, self.finished]
        # Readers expect a JSON text in one part, and places in it have moved.
        before, after = (
            [event for event in events if not self._is_of_text(event)]
            for events in (self._held[: texts[0]], self._held[texts[0] :])
        )
        return [*before, Text("json", text), *after, self.finished]

    def _is_held(self, event: Event) -> bool:
        if isinstance(event, Text | Annotation) or (isinstance(event, Proof) and event.binds == "next"):
            return True
        if isinstance(event, Opened) and event.item.get("type") == "message":
            self._messages.add(event.key)
            return True
        self._refused = self._refused or isinstance(event, Refusal)
        return bool(self._held) and event.__class__ in OUTPUT_EVENTS

    def _is_of_text(self, event: Event) -> bool:
        """Whether it is a part of the answer's text, or of a message that it stands in."""
        return isinstance(event, Text | Annotation) or (
            isinstance(event, Opened | Closed | Verbatim) and event.key in self._messages
        )

    def _hold(self, event: Event) -> None:
        self._held.append(event)
        self._size += len(getattr(event, "delta", "")) + 1
        if self._size > MAX_HELD:
            raise ResponsesError(502, "The model's answer is longer than can be checked.", type="server_error")

    def _end(self, event: Finished) -> list[Event]:
        """An answer that was cut, filtered or refused is shown as it is, any other is read first; a paused one may go
        on."""
        if event.reason == "pause":
            return [event]
        unread = event.reason not in ("stop", "unknown") or self._refused
        if unread or (event.reason == "unknown" and not self._held):
            return self._release(event)
        self.finished = event
        return []

    def _release(self, event: Event) -> list[Event]:
        self._passing = True
        return [*self.rest(), event]


_KEYED: Final = (
    Text,
    Annotation,
    Refusal,
    Reasoning,
    Proof,
    CallOpened,
    CallArguments,
    CallClosed,
    Hosted,
    Opened,
    Closed,
    Verbatim,
)


def _renamed(event: Event) -> Event:
    return replace(event, key=f"again {event.key}") if isinstance(event, _KEYED) and event.key is not None else event


@dataclass(frozen=True, slots=True)
class Repair:
    """An answer that did not conform, and what was wrong."""

    answer: str
    violation: Violation

    def items(self) -> list[HistoryItem]:
        """What goes behind the request's items for the model to answer once more."""
        asked: list[HistoryItem] = []
        if self.answer.strip():
            asked.append(MessageItem("assistant", [{"type": "output_text", "text": self.answer}], PATH))
        again = AGAIN.format(fault=_fault(self.violation))
        return [*asked, MessageItem("user", [{"type": "input_text", "text": again}], PATH)]


def not_conforming(violation: Violation) -> ResponsesError:
    """The failure of a response whose answer was wrong twice."""
    message = (
        f"The model's answer does not conform to the requested format, nor did it when asked again. {_fault(violation)}"
    )
    # The next attempt would most likely end alike, at the same price.
    headers = {"x-should-retry": "false"}
    return ResponsesError(502, message, type="server_error", code="invalid_structured_output", headers=headers)


def _fault(violation: Violation) -> str:
    place = f"At '{violation.pointer}'" if violation.pointer else "What is wrong"
    return f"{place}: {violation.message}."
