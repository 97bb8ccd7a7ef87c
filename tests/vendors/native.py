"""Turns in the form of Responses itself, as OpenAI writes them."""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson

from tests.vendors.script import END, ErrorEvent, Fate, Step, Turn

RESPONSE_ID = "resp_00000000000000000000000000000000000000000000aaaa"
REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    return orjson.dumps(_ended(turn, model))


def counted(tokens: int) -> bytes:
    """The answer of the counter."""
    return orjson.dumps({"object": "response.input_tokens", "input_tokens": tokens})


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer."""
    writer = _Writer()
    opened = {**_response(model), "status": "in_progress"}
    steps: list[Step] = [writer.event("response.created", response=opened)]
    steps.append(writer.event("response.in_progress", response=opened))
    for index, item in enumerate(_output(turn)):
        pieces = list(_inside(writer, turn, item, index))
        steps += pieces
        if any(isinstance(piece, Fate) for piece in pieces):
            return steps
    ended = _ended(turn, model)
    steps.append(writer.event(f"response.{ended['status']}", response=ended))
    return [*steps, END]


class _Writer:
    """Numbers the events."""

    def __init__(self) -> None:
        self._number = 0

    def event(self, name: str, /, **members: Any) -> bytes:
        written = {"type": name, "sequence_number": self._number, **members}
        self._number += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(written))


def _inside(writer: _Writer, turn: Turn, item: dict[str, Any], index: int) -> Iterator[Step]:
    place = {"item_id": item["id"], "output_index": index}
    first = {**item, "status": "in_progress"}
    if item["type"] == "message":
        yield writer.event("response.output_item.added", output_index=index, item={**first, "content": []})
        yield from _message(writer, turn, place)
    elif item["type"] == "reasoning":
        first.pop("status")
        first |= {"summary": [], "encrypted_content": ""}
        yield writer.event("response.output_item.added", output_index=index, item=first)
        part = {**place, "summary_index": 0}
        empty, full = {"type": "summary_text", "text": ""}, {"type": "summary_text", "text": turn.thinking}
        if turn.thinking:
            yield writer.event("response.reasoning_summary_part.added", **part, part=empty)
            yield writer.event("response.reasoning_summary_text.delta", **part, delta=turn.thinking, obfuscation="x")
            yield writer.event("response.reasoning_summary_text.done", **part, text=turn.thinking)
            yield writer.event("response.reasoning_summary_part.done", **part, part=full)
    else:
        member, kind = _written(item)
        yield writer.event("response.output_item.added", output_index=index, item={**first, member: ""})
        call = turn.calls[index - sum(other["type"] in ("reasoning", "message") for other in _output(turn))]
        for fragment in call.arguments:
            if isinstance(fragment, str):
                yield writer.event(f"response.{kind}.delta", **place, delta=fragment)
            else:
                yield fragment
                if isinstance(fragment, Fate):
                    return
        yield writer.event(f"response.{kind}.done", **place, **{member: item[member]})
    yield writer.event("response.output_item.done", output_index=index, item=item)


def _message(writer: _Writer, turn: Turn, place: dict[str, Any]) -> Iterator[Step]:
    part = {**place, "content_index": 0}
    empty: dict[str, Any] = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    yield writer.event("response.content_part.added", **part, part=empty)
    for piece in turn.pieces:
        if isinstance(piece, str):
            yield writer.event("response.output_text.delta", **part, delta=piece, logprobs=[], obfuscation="abc")
        elif isinstance(piece, ErrorEvent):
            yield writer.event("error", code=piece.type, message=piece.message, param=None)
        else:
            yield piece
            if isinstance(piece, Fate):
                return
    yield writer.event("response.output_text.done", **part, text=turn.text, logprobs=[])
    yield writer.event("response.content_part.done", **part, part={**empty, "text": turn.text})


def _written(item: dict[str, Any]) -> tuple[str, str]:
    custom = item["type"] == "custom_tool_call"
    return ("input", "custom_tool_call_input") if custom else ("arguments", "function_call_arguments")


def _output(turn: Turn) -> list[dict[str, Any]]:
    """The items of a turn, whole."""
    items: list[dict[str, Any]] = []
    if turn.thinking or turn.signature:
        summary = [{"type": "summary_text", "text": turn.thinking}] if turn.thinking else []
        items.append({"id": _id("rs", 0), "type": "reasoning", "summary": summary, "encrypted_content": turn.signature})
    if any(isinstance(piece, str | asyncio.Event | Fate | ErrorEvent) for piece in turn.pieces):
        part = {"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}
        message = {"id": _id("msg", 0), "type": "message", "status": "completed", "role": "assistant"}
        items.append({**message, "content": [part]})
    for number, call in enumerate(turn.calls):
        kind, prefix = ("custom_tool_call", "ctc") if call.custom else ("function_call", "fc")
        member = "input" if call.custom else "arguments"
        item = {"id": _id(prefix, number), "type": kind, "status": "completed", member: call.json}
        items.append({**item, "call_id": call.id, "name": call.name})
    return items


def _id(prefix: str, number: int) -> str:
    return f"{prefix}_{number:048x}"


def _ended(turn: Turn, model: str) -> dict[str, Any]:
    given, made = turn.tokens
    usage = {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given + made,
    }
    ended = {**_response(model), "output": _output(turn), "usage": usage}
    if turn.stop in REASONS:
        return ended | {"status": "incomplete", "incomplete_details": {"reason": REASONS[turn.stop]}}
    return ended | {"status": "completed"}


def _response(model: str) -> dict[str, Any]:
    return {
        "id": RESPONSE_ID,
        "object": "response",
        "created_at": 1_700_000_000,
        "model": f"{model}-2026-11-01",
        "output": [],
        "error": None,
        "incomplete_details": None,
        "usage": None,
        "store": False,
        "service_tier": "default",
    }
