"""Turns in the form of Ollama's own API."""

from collections.abc import Mapping
from typing import Any

import orjson

from tests.vendors.script import END, Called, ErrorEvent, Fate, Step, Turn

STREAM = "application/x-ndjson"
CREATED = "2026-10-01T12:00:00.000000Z"


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.text}
    if turn.thinking:
        message["thinking"] = turn.thinking
    if turn.calls:
        message["tool_calls"] = [_call(call, index) for index, call in enumerate(turn.calls)]
    return orjson.dumps({"model": model, "created_at": CREATED, "message": message, **_end(turn)})


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer. A call is never in pieces."""
    steps: list[Step] = [_line(model, thinking=turn.thinking)] if turn.thinking else []
    for piece in turn.pieces:
        if isinstance(piece, str):
            steps.append(_line(model, content=piece))
        elif isinstance(piece, ErrorEvent):
            return [*steps, orjson.dumps({"error": piece.message}) + b"\n", END]
        else:
            steps.append(piece)
            if isinstance(piece, Fate):
                return steps
    for index, call in enumerate(turn.calls):
        steps += [fragment for fragment in call.arguments if not isinstance(fragment, str)]
        steps.append(_line(model, tool_calls=[_call(call, index)]))
    last = {"model": model, "created_at": CREATED, "message": {"role": "assistant", "content": ""}, **_end(turn)}
    return [*steps, orjson.dumps(last) + b"\n", END]


def _line(model: str, **message: object) -> bytes:
    told = {"role": "assistant", "content": "", **message}
    return orjson.dumps({"model": model, "created_at": CREATED, "message": told, "done": False}) + b"\n"


def _call(call: Called, index: int) -> Mapping[str, object]:
    named = {"id": call.id} if call.id else {}
    return {**named, "function": {"index": index, "name": call.name, "arguments": orjson.Fragment(call.json)}}


def _end(turn: Turn) -> Mapping[str, object]:
    read, written = turn.tokens
    return {
        "done": True,
        "done_reason": turn.stop,
        "total_duration": 3_000_000_000,
        "load_duration": 2_000_000_000,
        "prompt_eval_count": read,
        "prompt_eval_duration": 100_000_000,
        "eval_count": written,
        "eval_duration": 900_000_000,
    }
