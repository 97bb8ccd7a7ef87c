"""The state machine of a response stream (sections 11.2 to 11.5 of the Responses reference)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from proxy.testing.grammar.events import CALLS, EVENTS, INDEXES, PHASES, EventShape, Step
from proxy.testing.grammar.items import (
    PARTS,
    check_added_item,
    check_annotation,
    check_finished,
    check_item,
    check_part,
)
from proxy.testing.grammar.response import ECHO, check_response_object
from proxy.testing.grammar.rules import Report
from proxy.testing.grammar.shapes import check_shape, fits, type_of

Event = Mapping[str, Any]

_CONSTANT: Final = ("id", "created_at", "model", "tools", "instructions", "metadata", "store")
# The tier that served a response is known at its end.
_SETTINGS: Final = tuple(name for name in ECHO if name not in (*_CONSTANT, "completed_at", "service_tier"))
_IDENTITY: Final = ("type", "id", "call_id", "name")
_ERROR: Final = {"type": "string", "code": "string|null", "message": "string", "param": "string|null"}


class _Stage(Enum):
    START = auto()
    CREATED = auto()
    QUEUED = auto()
    OPEN = auto()
    ERROR = auto()
    ENDED = auto()


# The stage each lifecycle event leads to, and the stages it may come from.
_LIFECYCLE: Final[dict[str, tuple[_Stage, Sequence[_Stage]]]] = {
    "response.created": (_Stage.CREATED, [_Stage.START]),
    "response.queued": (_Stage.QUEUED, [_Stage.CREATED]),
    "response.in_progress": (_Stage.OPEN, [_Stage.CREATED, _Stage.QUEUED]),
}


@dataclass(slots=True)
class _Part:
    kind: str
    deltas: list[str] = field(default_factory=list)
    annotations: list[object] = field(default_factory=list)
    text: str | None = None  # known once the text is done
    final: Mapping[str, Any] | None = None  # known once the part is done


@dataclass(slots=True)
class _Item:
    index: int
    added: Mapping[str, Any]
    done: Mapping[str, Any] | None = None
    series: dict[str, list[_Part]] = field(default_factory=lambda: {name: [] for name in INDEXES})
    argument_deltas: list[str] = field(default_factory=list)
    arguments: str | None = None
    phase: str = ""

    @property
    def id(self) -> object:
        return self.added.get("id")

    @property
    def kind(self) -> str:
        return type_of(self.added)

    @property
    def open_parts(self) -> list[_Part]:
        return [part for parts in self.series.values() for part in parts if part.final is None]


class StreamChecker:
    """Follows a stream event by event and reports every breach of the grammar and of the lifecycle."""

    def __init__(self, report: Report, *, overlap: bool) -> None:
        self._report = report
        self._overlap = overlap
        self._stage = _Stage.START
        self._count = 0
        self._next_sequence = 0
        self._items: list[_Item] = []
        self._at = "stream"
        self._first: Mapping[str, Any] | None = None  # the response of the first event
        self._steps: dict[Step, Callable[[Event, EventShape], None]] = {
            Step.LIFECYCLE: self._lifecycle,
            Step.TERMINAL: self._terminal,
            Step.ERROR: self._error,
            Step.ITEM_ADDED: self._item_added,
            Step.FREE: self._free,
        }
        self._item_steps: dict[Step, Callable[[Event, EventShape, _Item], None]] = {
            Step.ITEM_DONE: self._item_done,
            Step.PART_ADDED: self._part_added,
            Step.PART_DONE: self._part_done,
            Step.COMMAND_ADDED: self._command_added,
            Step.TEXT_DELTA: self._text_delta,
            Step.TEXT_DONE: self._text_done,
            Step.ANNOTATION: self._annotation,
            Step.CALL_DELTA: self._call_delta,
            Step.CALL_DONE: self._call_done,
            Step.PHASE: self._phase,
            Step.PLACED: self._placed,
        }

    def feed(self, event: Event) -> None:
        """Take the next event of the stream."""
        kind = event.get("type")
        self._at = f"event {self._count} ({kind})"
        self._count += 1
        self._check_sequence(event)
        if not isinstance(kind, str):
            self._breach("event-type", f"type is {kind!r}")
            return
        if kind != "error" and event.get("error"):
            self._breach("stray-error", f"error is {event['error']!r:.80}")
        shape = EVENTS.get(kind)
        if self._stage is _Stage.ENDED:
            repeated = shape is not None and shape.step is Step.TERMINAL
            self._breach("terminal-repeated" if repeated else "after-terminal", kind)
            return
        if shape is None:
            self._breach("keepalive" if kind == "keepalive" else "unknown-event", kind)
            return
        self._check_stage(kind, shape)
        sound = check_shape(event, shape.members, self._at, self._report, missing="member-missing", wrong="member-type")
        # Without logprobs an event still says what it is about.
        if not sound and not all(fits(event.get(n), k) for n, k in shape.members.items() if n != "logprobs"):
            return
        if shape.step in self._steps:
            self._steps[shape.step](event, shape)
        elif (item := self._find(event, shape)) is not None:
            self._item_steps[shape.step](event, shape, item)

    def finish(self) -> None:
        """Say that the stream has ended."""
        self._at = f"end after {self._count} events"
        if self._stage is _Stage.ERROR:
            self._breach("error-without-failed", "the stream ends after error")
        elif self._stage is not _Stage.ENDED:
            self._breach("terminal-missing", f"the stream ends {self._stage.name.lower()}")

    def _breach(self, rule: str, message: str) -> None:
        self._report.add(rule, self._at, message)

    # order of events

    def _check_sequence(self, event: Event) -> None:
        number = event.get("sequence_number")
        if not fits(number, "integer"):
            self._breach("sequence-missing", f"sequence_number is {number!r}")
            self._next_sequence += 1
            return
        if number != self._next_sequence:
            self._breach("sequence-gap", f"{number} instead of {self._next_sequence}")
        self._next_sequence = int(event["sequence_number"]) + 1

    def _check_stage(self, kind: str, shape: EventShape) -> None:
        if self._stage is _Stage.START and kind != "response.created":
            self._breach("created-first", kind)
            self._stage = _Stage.CREATED if shape.step is Step.LIFECYCLE else _Stage.OPEN
        if self._stage is _Stage.ERROR:
            if kind != "response.failed":
                self._breach("error-without-failed", f"{kind} follows error")
                self._stage = _Stage.OPEN
        elif kind in _LIFECYCLE:
            target, sources = _LIFECYCLE[kind]
            if self._stage not in sources:
                self._breach("lifecycle-order", f"{kind} while {self._stage.name.lower()}")
            else:
                self._stage = target
        elif self._stage is not _Stage.OPEN and kind not in ("error", "response.failed"):
            # A response that fails before it began has nothing in progress to announce.
            self._breach("lifecycle-order", f"{kind} while {self._stage.name.lower()}")
            self._stage = _Stage.OPEN

    # responses

    def _lifecycle(self, event: Event, shape: EventShape) -> None:
        response = event["response"]
        self._check_response(response, shape)
        if response.get("output") != []:
            self._breach("lifecycle-output", f"output is {response.get('output')!r:.80}")

    def _terminal(self, event: Event, shape: EventShape) -> None:
        self._check_response(event["response"], shape)
        unclosed = [item.index for item in self._items if item.done is None]
        if unclosed and event["type"] != "response.failed":
            self._breach("item-unclosed", f"items {unclosed}")
        self._check_terminal_output(event["response"].get("output"))
        self._stage = _Stage.ENDED

    def _error(self, event: Event, shape: EventShape) -> None:
        error = event.get("error")
        if isinstance(error, dict):
            check_shape(error, _ERROR, self._at, self._report, missing="error-form", wrong="error-form")
            if any(name not in event or event[name] != error.get(name) for name in ("code", "message", "param")):
                self._breach("error-flat", "code, message and param do not repeat the nested error")
        else:
            self._breach("error-form", f"error is {error!r:.80}")
        self._stage = _Stage.ERROR

    def _free(self, event: Event, shape: EventShape) -> None:
        """Accept an event that is about no item."""

    def _check_response(self, response: Mapping[str, Any], shape: EventShape) -> None:
        check_response_object(response, f"{self._at}.response", self._report)
        if response.get("status") not in shape.value.split("|"):
            self._breach("lifecycle-status", f"status is {response.get('status')!r}")
        if self._first is None:
            self._first = response
        for rule, names in (("lifecycle-constant", _CONSTANT), ("settings-constant", _SETTINGS)):
            changed = [name for name in names if response.get(name) != self._first.get(name)]
            if changed:
                self._breach(rule, f"{', '.join(changed)} changed")

    def _check_terminal_output(self, output: object) -> None:
        if not isinstance(output, list):
            return
        ids = [entry.get("id") for entry in output if isinstance(entry, dict)]
        # An item that was cut off by a failure may be left out.
        kept = [item for item in self._items if item.done is not None or item.id in ids]
        if len(output) != len(kept):
            self._breach("terminal-output", f"{len(output)} items instead of {len(kept)}")
            return
        for index, (entry, item) in enumerate(zip(output, kept, strict=True)):
            if item.done is None:
                same = isinstance(entry, dict) and all(entry.get(name) == item.added.get(name) for name in _IDENTITY)
            else:
                same = _comparable(entry) == _comparable(item.done)
            if not same:
                self._breach("terminal-output", f"output[{index}] differs from output_item.done")

    # items

    def _item_added(self, event: Event, shape: EventShape) -> None:
        item, index = event["item"], event["output_index"]
        if index != len(self._items):
            self._breach("output-index", f"{index} instead of {len(self._items)}")
        still_open = [other.index for other in self._items if other.done is None]
        if still_open and not self._overlap:
            self._breach("item-overlap", f"items {still_open} are open")
        if item.get("id") in [other.id for other in self._items]:
            self._breach("item-id-reused", f"id {item.get('id')}")
        check_added_item(item, self._at, self._report)
        self._items.append(_Item(index, item))

    def _find(self, event: Event, shape: EventShape) -> _Item | None:
        """Give the open item an event names, after reporting what does not fit."""
        index = event["output_index"]
        item = next((item for item in reversed(self._items) if item.index == index), None)
        if item is None or item.done is not None:
            self._breach("item-not-open", f"output_index {index} was {'never added' if item is None else 'done'}")
            return None
        if "item_id" in shape.members and event["item_id"] != item.id:
            self._breach("item-id-mismatch", f"{event['item_id']} instead of {item.id}")
        if shape.items and item.kind not in shape.items:
            self._breach("event-item-type", f"item {index} is a {item.kind}")
            return None
        return item

    def _placed(self, event: Event, shape: EventShape, item: _Item) -> None:
        """Accept an event that only needs its item to be open."""

    def _item_done(self, event: Event, shape: EventShape, item: _Item) -> None:
        done = event["item"]
        item.done = done
        changed = [name for name in _IDENTITY if done.get(name) != item.added.get(name)]
        if changed:
            self._breach("item-identity", f"{', '.join(changed)} changed")
        check_item(done, f"{self._at}.item", self._report)
        check_finished(done, f"{self._at}.item", self._report)
        self._check_parts_streamed(item, done)
        self._check_arguments_streamed(item, done)
        last_phase = "completed" if done.get("status", "completed") == "completed" else item.phase
        # A list of MCP tools has no status: its error member says that it failed.
        failed = item.kind == "mcp_list_tools" and item.phase == "failed"
        if item.kind in PHASES and item.phase != last_phase and not failed:
            self._breach("hosted-unfinished", f"done after phase {item.phase!r}")

    def _check_parts_streamed(self, item: _Item, done: Mapping[str, Any]) -> None:
        if item.open_parts:
            self._breach("part-unclosed", f"{len(item.open_parts)} parts are open")
            return
        for series, parts in item.series.items():
            if series == "commands":
                if item.kind == "shell_call":
                    action = done.get("action")
                    commands = action.get("commands") if isinstance(action, dict) else None
                    if parts and commands != [part.text for part in parts]:
                        self._breach("item-content", "action.commands differ from the streamed ones")
            elif (item.kind, series) in PARTS:
                streamed = [_without_notes(part.final) for part in parts]
                given = done.get(series) or []
                if not isinstance(given, list) or [_without_notes(part) for part in given] != streamed:
                    self._breach("item-content", f"{series} differs from the {len(parts)} streamed parts")

    def _check_arguments_streamed(self, item: _Item, done: Mapping[str, Any]) -> None:
        if item.kind not in CALLS:
            return
        member = CALLS[item.kind][1]
        if item.arguments is None:
            # A hosted tool may show its arguments in the item alone; calls for the client are always streamed.
            if item.argument_deltas or item.kind not in PHASES:
                self._breach("call-done-missing", f"{member} were not done")
        elif done.get(member) != item.arguments:
            self._breach("item-content", f"{member} differ from the streamed ones")

    # parts

    def _part_added(self, event: Event, shape: EventShape, item: _Item) -> None:
        part = event["part"]
        allowed = PARTS.get((item.kind, shape.series), {})
        kind = type_of(part)
        self._open_part(event, shape, item, kind)
        if kind not in allowed:
            self._breach("part-kind", f"{kind!r} in the {shape.series} of a {item.kind}")
            return
        sound = check_shape(part, allowed[kind], self._at, self._report, missing="part-initial", wrong="part-initial")
        if sound and any(part[name] not in ("", []) for name in allowed[kind]):
            self._breach("part-initial", f"{part!r:.80} is not empty")

    def _command_added(self, event: Event, shape: EventShape, item: _Item) -> None:
        self._open_part(event, shape, item, "command")
        if event["command"]:
            self._breach("part-initial", f"command is {event['command']!r:.80}")

    def _open_part(self, event: Event, shape: EventShape, item: _Item, kind: str) -> None:
        parts, index = item.series[shape.series], event[INDEXES[shape.series]]
        if item.open_parts:
            self._breach("part-overlap", f"{len(item.open_parts)} parts are open")
        if shape.series == "summary" and item.series["content"]:
            self._breach("reasoning-order", "a summary part after a content part")
        if index != len(parts):
            self._breach(INDEXES[shape.series].replace("_", "-"), f"{index} instead of {len(parts)}")
        parts.append(_Part(kind))

    def _find_part(self, event: Event, shape: EventShape, item: _Item) -> _Part | None:
        """Give the open part an event names, after reporting what does not fit."""
        parts, index = item.series[shape.series], event[INDEXES[shape.series]]
        part = parts[index] if 0 <= index < len(parts) else None
        if part is None or part.final is not None:
            self._breach("part-not-open", f"{shape.series} {index} was {'never added' if part is None else 'done'}")
            return None
        if shape.part and shape.part != part.kind:
            self._breach("part-kind", f"{shape.part} event for a {part.kind} part")
            return None
        return part

    def _text_delta(self, event: Event, shape: EventShape, item: _Item) -> None:
        part = self._find_part(event, shape, item)
        if part is None:
            return
        if part.text is not None:
            self._breach("part-order", "a delta after the text was done")
        part.deltas.append(event["delta"])

    def _text_done(self, event: Event, shape: EventShape, item: _Item) -> None:
        part = self._find_part(event, shape, item)
        if part is None:
            return
        text, joined = event[shape.value], "".join(part.deltas)
        if part.text is not None:
            self._breach("part-order", "the text was done before")
        if text != joined:
            self._breach("text-done", f"{text!r:.80} instead of {joined!r:.80}")
        part.text = text
        if shape.series == "commands":
            part.final = {"command": text}

    def _annotation(self, event: Event, shape: EventShape, item: _Item) -> None:
        part = self._find_part(event, shape, item)
        if part is None:
            return
        if part.text is not None:
            self._breach("part-order", "an annotation after the text was done")
        if event["annotation_index"] != len(part.annotations):
            self._breach("annotation-index", f"{event['annotation_index']} instead of {len(part.annotations)}")
        # The annotation may come before the last of the text it marks.
        check_annotation(event["annotation"], None, self._at, self._report)
        part.annotations.append(event["annotation"])

    def _part_done(self, event: Event, shape: EventShape, item: _Item) -> None:
        part = self._find_part(event, shape, item)
        if part is None:
            return
        final = event["part"]
        part.final = final
        if part.text is None:
            self._breach("part-order", "the part is done before its text")
        if final.get("type") != part.kind:
            self._breach("part-kind", f"{final.get('type')!r} was added as {part.kind!r}")
            return
        check_part(final, PARTS.get((item.kind, shape.series), {}), f"{self._at}.part", self._report)
        text = final.get("refusal" if part.kind == "refusal" else "text")
        if part.text is not None and text != part.text:
            self._breach("part-content", f"{text!r:.80} instead of {part.text!r:.80}")
        if final.get("annotations", []) != part.annotations:
            self._breach("annotation-list", f"{len(part.annotations)} annotations were added")

    # calls and hosted tools

    def _call_delta(self, event: Event, shape: EventShape, item: _Item) -> None:
        self._check_argument_event(item, "a delta")
        item.argument_deltas.append(event["delta"])

    def _call_done(self, event: Event, shape: EventShape, item: _Item) -> None:
        self._check_argument_event(item, "done")
        given, joined = event[shape.value], "".join(item.argument_deltas)
        if given != joined:
            self._breach("text-done", f"{given!r:.80} instead of {joined!r:.80}")
        item.arguments = given

    def _check_argument_event(self, item: _Item, what: str) -> None:
        if item.arguments is not None:
            self._breach("call-order", f"{what} after the arguments were done")
        if item.kind in PHASES and item.phase != "in_progress":
            self._breach("hosted-phase", f"arguments in phase {item.phase!r}")

    def _phase(self, event: Event, shape: EventShape, item: _Item) -> None:
        if item.phase not in PHASES[item.kind][shape.value]:
            self._breach("hosted-phase", f"{shape.value} after {item.phase!r}")
        item.phase = shape.value


def _comparable(item: object) -> object:
    """Drop what may differ between the done item and the terminal one: encrypted content and rounded logprobs."""
    if isinstance(item, dict):
        return {
            name: _tokens(value) if name == "logprobs" else _comparable(value)
            for name, value in item.items()
            if name != "encrypted_content"
        }
    return [_comparable(entry) for entry in item] if isinstance(item, list) else item


def _tokens(logprobs: object) -> object:
    if not isinstance(logprobs, list):
        return logprobs
    return [entry.get("token") if isinstance(entry, dict) else entry for entry in logprobs]


def _without_notes(part: object) -> object:
    """Drop what a part may carry in one place only: log probabilities, and the status of a summary part."""
    if not isinstance(part, dict):
        return part
    return {name: value for name, value in part.items() if name not in ("logprobs", "status")}
