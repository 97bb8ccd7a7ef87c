"""The table of stream events: members, and what each does to the item it names (section 11.4 of the reference)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from proxy.testing.grammar.shapes import Shape


class Step(Enum):
    """What an event does to the state of the stream."""

    LIFECYCLE = auto()
    TERMINAL = auto()
    ERROR = auto()
    ITEM_ADDED = auto()
    ITEM_DONE = auto()
    PART_ADDED = auto()
    PART_DONE = auto()
    COMMAND_ADDED = auto()
    TEXT_DELTA = auto()
    TEXT_DONE = auto()
    ANNOTATION = auto()
    CALL_DELTA = auto()
    CALL_DONE = auto()
    PHASE = auto()
    PLACED = auto()
    FREE = auto()


@dataclass(frozen=True, slots=True)
class EventShape:
    """A row of the table; the last four fields say what an event of an item is about."""

    step: Step
    members: Shape = field(default_factory=dict)
    items: Sequence[str] = ()  # types of item that have this event; empty means any
    series: str = ""  # which parts of the item: content, summary or commands
    part: str = ""  # type of the part
    value: str = ""  # the member with the whole text, the status, or the phase


# The index member of each series of parts; the rule of its numbering carries the same name with a hyphen.
INDEXES: Final[dict[str, str]] = {"content": "content_index", "summary": "summary_index", "commands": "command_index"}

# Items whose argument text is streamed: the stem of the events and the member of the item.
CALLS: Final[dict[str, tuple[str, str]]] = {
    "function_call": ("response.function_call_arguments", "arguments"),
    "custom_tool_call": ("response.custom_tool_call_input", "input"),
    "mcp_call": ("response.mcp_call_arguments", "arguments"),
    "code_interpreter_call": ("response.code_interpreter_call_code", "code"),
}

# Phases of hosted tools, each with the phases it may directly follow; "" is the start.
PHASES: Final[dict[str, dict[str, Sequence[str]]]] = {
    "web_search_call": {"in_progress": [""], "searching": ["in_progress"], "completed": ["searching"]},
    "file_search_call": {"in_progress": [""], "searching": ["in_progress"], "completed": ["searching"]},
    "code_interpreter_call": {"in_progress": [""], "interpreting": ["in_progress"], "completed": ["interpreting"]},
    "image_generation_call": {
        "in_progress": [""],
        "generating": ["in_progress"],
        "partial_image": ["generating", "partial_image"],
        "completed": ["generating", "partial_image"],
    },
    "mcp_call": {"in_progress": [""], "completed": ["in_progress"], "failed": ["in_progress"]},
    "mcp_list_tools": {"in_progress": [""], "completed": ["in_progress"], "failed": ["in_progress"]},
}

_RESPONSE: Final[Shape] = {"response": "object"}
_ITEM: Final[Shape] = {"output_index": "integer", "item": "object"}
_PLACE: Final[Shape] = {"item_id": "string", "output_index": "integer"}
_CONTENT: Final[Shape] = {**_PLACE, "content_index": "integer"}
_SUMMARY: Final[Shape] = {**_PLACE, "summary_index": "integer"}
_COMMAND: Final[Shape] = {"output_index": "integer", "command_index": "integer"}
_PARTS: Final = ("message", "reasoning")


def _text(
    stem: str, place: Shape, item: str, series: str, part: str, value: str, extra: Shape | None = None
) -> dict[str, EventShape]:
    """Give the delta and done events of a text that is streamed into a part."""
    more = extra or {}
    return {
        f"{stem}.delta": EventShape(
            Step.TEXT_DELTA, {**place, "delta": "string", **more}, (item,), series, part, value
        ),
        f"{stem}.done": EventShape(Step.TEXT_DONE, {**place, value: "string", **more}, (item,), series, part, value),
    }


EVENTS: Final[dict[str, EventShape]] = {
    "response.created": EventShape(Step.LIFECYCLE, _RESPONSE, value="queued|in_progress"),
    "response.queued": EventShape(Step.LIFECYCLE, _RESPONSE, value="queued"),
    "response.in_progress": EventShape(Step.LIFECYCLE, _RESPONSE, value="in_progress"),
    "response.completed": EventShape(Step.TERMINAL, _RESPONSE, value="completed"),
    "response.incomplete": EventShape(Step.TERMINAL, _RESPONSE, value="incomplete"),
    # A cancelled background response has no event of its own and ends as failed.
    "response.failed": EventShape(Step.TERMINAL, _RESPONSE, value="failed|cancelled"),
    "error": EventShape(Step.ERROR),
    "response.output_item.added": EventShape(Step.ITEM_ADDED, _ITEM),
    "response.output_item.done": EventShape(Step.ITEM_DONE, _ITEM),
    "response.content_part.added": EventShape(Step.PART_ADDED, {**_CONTENT, "part": "object"}, _PARTS, "content"),
    "response.content_part.done": EventShape(Step.PART_DONE, {**_CONTENT, "part": "object"}, _PARTS, "content"),
    **_text("response.output_text", _CONTENT, "message", "content", "output_text", "text", extra={"logprobs": "array"}),
    "response.output_text.annotation.added": EventShape(
        Step.ANNOTATION,
        {**_CONTENT, "annotation_index": "integer", "annotation": "object"},
        ("message",),
        "content",
        "output_text",
    ),
    **_text("response.refusal", _CONTENT, "message", "content", "refusal", "refusal"),
    **_text("response.reasoning_text", _CONTENT, "reasoning", "content", "reasoning_text", "text"),
    "response.reasoning_summary_part.added": EventShape(
        Step.PART_ADDED, {**_SUMMARY, "part": "object"}, ("reasoning",), "summary"
    ),
    "response.reasoning_summary_part.done": EventShape(
        Step.PART_DONE, {**_SUMMARY, "part": "object"}, ("reasoning",), "summary"
    ),
    **_text("response.reasoning_summary_text", _SUMMARY, "reasoning", "summary", "summary_text", "text"),
    "response.shell_call_command.added": EventShape(
        Step.COMMAND_ADDED, {**_COMMAND, "command": "string"}, ("shell_call",), "commands"
    ),
    **_text("response.shell_call_command", _COMMAND, "shell_call", "commands", "command", "command"),
    "response.shell_call_output_content.delta": EventShape(
        Step.PLACED, {**_PLACE, "command_index": "integer", "delta": "object"}, ("shell_call_output",)
    ),
    "response.shell_call_output_content.done": EventShape(
        Step.PLACED, {**_PLACE, "command_index": "integer", "output": "array"}, ("shell_call_output",)
    ),
    "response.compaction.compacting": EventShape(Step.PLACED, _PLACE, ("compaction",)),
    "response.audio.delta": EventShape(Step.FREE, {"delta": "string"}),
    "response.audio.done": EventShape(Step.FREE),
    "response.audio.transcript.delta": EventShape(Step.FREE, {"delta": "string"}),
    "response.audio.transcript.done": EventShape(Step.FREE),
    **{
        f"{stem}.delta": EventShape(Step.CALL_DELTA, {**_PLACE, "delta": "string"}, (item,), value=value)
        for item, (stem, value) in CALLS.items()
    },
    **{
        f"{stem}.done": EventShape(Step.CALL_DONE, {**_PLACE, value: "string"}, (item,), value=value)
        for item, (stem, value) in CALLS.items()
    },
    **{
        f"response.{item}.{phase}": EventShape(
            Step.PHASE,
            {**_PLACE, "partial_image_b64": "string", "partial_image_index": "integer"}
            if phase == "partial_image"
            else _PLACE,
            (item,),
            value=phase,
        )
        for item, phases in PHASES.items()
        for phase in phases
    },
}
