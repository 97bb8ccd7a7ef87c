"""Thinking that goes back to Claude: what the server gave, and what has to come back.

A block comes back byte for byte or not at all, together with those that it stood beside, in front of what it led to.
For some models it counts only behind the very conversation that it was given in.

Source: the extended-thinking guide of the Messages API, and recorded refusals.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tests.strict.messages_content import THINKING, Block, Message, blocks_of
from tests.strict.messages_models import Model
from tests.strict.messages_shapes import Fault

Read: TypeAlias = tuple[str, ...]
"""What the model had read: the instructions with the tools, and each block with the role of its turn."""


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """One answer of this server: its model, what that had read, and the blocks."""

    model: str
    read: Read
    content: tuple[Block, ...]


def given_by(body: Mapping[str, Any], content: Sequence[Block]) -> GivenAnswer:
    """What the server has to remember of the answer to a request."""
    return GivenAnswer(body["model"], _read(body, body["messages"]), tuple(content))


def thinking_faults(body: Mapping[str, Any], model: Model, given: Sequence[GivenAnswer]) -> Iterator[Fault]:
    """What is wrong with the thinking of earlier turns."""
    own = [answer for answer in given if answer.model == body["model"]]
    messages: Sequence[Message] = body["messages"]
    for position, message in enumerate(messages):
        blocks = blocks_of(message)
        if message["role"] != "assistant" or not blocks:
            continue
        path = f"messages.{position}"
        if blocks[-1]["type"] in THINKING:
            yield "thinking-last", path, blocks[-1]["type"]
        for start, end in _runs(blocks):
            wrong = list(_block_faults(blocks[start:end], f"{path}.content", start, own))
            yield from wrong
            if not wrong:
                before = _read(body, [*messages[:position], {**message, "content": blocks[:start]}])
                place = f"{path}.content.{start}"
                yield from _run_faults(blocks, start, end, place, own, before if model.bound else ())
    if (body.get("thinking") or {}).get("type") == "enabled":
        yield from _open_step_faults(messages)


def _runs(blocks: Sequence[Block]) -> Iterator[tuple[int, int]]:
    """The stretches of thinking blocks that stand side by side."""
    start = None
    for index, block in enumerate([*blocks, {"type": ""}]):
        if block["type"] in THINKING:
            start = index if start is None else start
        elif start is not None:
            yield start, index
            start = None


def _block_faults(run: Sequence[Block], path: str, start: int, given: Sequence[GivenAnswer]) -> Iterator[Fault]:
    known = [block for answer in given for block in answer.content if block["type"] in THINKING]
    for index, block in enumerate(run, start):
        if block in known:
            continue
        if block["type"] == "redacted_thinking":
            yield "redacted-data", f"{path}.{index}", ""
        elif any(block["signature"] == other.get("signature") for other in known):
            yield "thinking-altered", f"{path}.{index}", ""
        else:
            yield "thinking-signature", f"{path}.{index}", ""


def _run_faults(
    blocks: Sequence[Block], start: int, end: int, path: str, given: Sequence[GivenAnswer], before: Read
) -> Iterator[Fault]:
    run = list(blocks[start:end])
    places = [
        (answer, first, last)
        for answer in given
        for first, last in _runs(answer.content)
        if list(answer.content[first:last]) == run
    ]
    if not places:
        yield "thinking-partial", path, ""
        return
    if not any(_stands(blocks, start, end, *place) for place in places):
        yield "thinking-moved", path, ""
    if before and not any(before[: len(answer.read)] == answer.read for answer, _, _ in places):
        yield "thinking-bound", path, ""


def _stands(blocks: Sequence[Block], start: int, end: int, answer: GivenAnswer, first: int, last: int) -> bool:
    """Whether the run stands where it stood in the answer: before what it led to, and behind the earlier calls."""
    led_to = end == len(blocks) or _follows(blocks[end], answer, last)
    return led_to and not (
        _calls(blocks[:start]) & _calls(answer.content[last:]) or _calls(blocks[end:]) & _calls(answer.content[:first])
    )


def _calls(blocks: Sequence[Block]) -> set[str]:
    return {str(block["id"]) for block in blocks if "id" in block}


def _follows(block: Block, answer: GivenAnswer, place: int) -> bool:
    """Whether the block is the one that stood at this place of the answer. Texts may be cut or joined."""
    if place >= len(answer.content):
        return True
    expected = answer.content[place]
    if expected["type"] != block["type"]:
        return False
    if expected["type"] == "text":
        shorter, longer = sorted((str(expected["text"]), str(block["text"])), key=len)
        return longer.startswith(shorter)
    return all(expected.get(name) == block.get(name) for name in ("id", "name", "input"))


def _open_step_faults(messages: Sequence[Message]) -> Iterator[Fault]:
    """With a thinking budget a turn that still waits for results of tools begins with thinking: in its first step, or
    in its last."""
    steps: list[tuple[int, str]] = []
    place = len(messages) - 1
    while place > 0 and any(block["type"] == "tool_result" for block in blocks_of(messages[place])):
        steps.append((place - 1, blocks_of(messages[place - 1])[0]["type"]))
        if any(block["type"] != "tool_result" for block in blocks_of(messages[place])) and len(steps) > 1:
            steps.pop()
            break
        place -= 2
    if steps and all(kind not in THINKING for _, kind in (steps[0], steps[-1])):
        index, kind = steps[0]
        yield "thinking-missing", f"messages.{index}.content.0", kind


_MARK: Final = "cache_control"


def _read(body: Mapping[str, Any], messages: Sequence[Message]) -> Read:
    frame = _plain([body.get("system"), body.get("tools")])
    return (frame, *(_plain([message["role"], block]) for message in messages for block in blocks_of(message)))


def _plain(value: object) -> str:
    """The value as text; marks of the cache do not count."""
    return json.dumps(_unmarked(value), sort_keys=True)


def _unmarked(value: object) -> object:
    if isinstance(value, dict):
        return {name: _unmarked(entry) for name, entry in value.items() if name != _MARK}
    return [_unmarked(entry) for entry in value] if isinstance(value, list) else value
