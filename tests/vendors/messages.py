"""Turns in the form of Anthropic's Messages."""

import asyncio
from typing import Any

import orjson

from tests.vendors.script import END, ErrorEvent, Fate, Step, Turn

STOPS = {"stop": "end_turn", "length": "max_tokens"}


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    content: list[dict[str, Any]] = []
    if turn.thinking:
        content.append({"type": "thinking", "thinking": turn.thinking, "signature": turn.signature})
    if turn.text:
        content.append({"type": "text", "text": turn.text})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": orjson.loads(call.json or "{}")}
        for call in turn.calls
    ]
    return orjson.dumps({**_message(turn, model), "content": content, "stop_reason": _stop(turn)})


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer."""
    start = {**_message(turn, model), "usage": {"input_tokens": turn.tokens[0], "output_tokens": 1}}
    steps: list[Step] = [_event("message_start", message=start), _event("ping")]
    index = 0
    if turn.thinking:
        steps += _block(
            index,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": turn.thinking},
            {"type": "signature_delta", "signature": turn.signature},
        )
        index += 1
    is_open = False
    for piece in turn.pieces:
        if isinstance(piece, str):
            if not is_open:
                steps.append(_event("content_block_start", index=index, content_block={"type": "text", "text": ""}))
                is_open = True
            steps.append(_event("content_block_delta", index=index, delta={"type": "text_delta", "text": piece}))
        elif isinstance(piece, ErrorEvent):
            steps.append(_event("error", error={"type": piece.type, "message": piece.message}))
        else:
            steps.append(piece)
            if isinstance(piece, Fate):
                return steps
    if is_open:
        steps.append(_event("content_block_stop", index=index))
        index += 1
    for call in turn.calls:
        steps += _block(
            index,
            {"type": "tool_use", "id": call.id, "name": call.name, "input": {}},
            *(
                {"type": "input_json_delta", "partial_json": fragment} if isinstance(fragment, str) else fragment
                for fragment in call.arguments
            ),
        )
        index += 1
    usage = {"output_tokens": turn.tokens[1]}
    steps.append(_event("message_delta", delta={"stop_reason": _stop(turn), "stop_sequence": None}, usage=usage))
    return [*steps, _event("message_stop"), END]


def counted(tokens: int) -> bytes:
    """The answer of `count_tokens`."""
    return orjson.dumps({"input_tokens": tokens})


def _block(index: int, block: dict[str, Any], *deltas: dict[str, Any] | asyncio.Event | Fate) -> list[Step]:
    return [
        _event("content_block_start", index=index, content_block=block),
        *(
            _event("content_block_delta", index=index, delta=delta) if isinstance(delta, dict) else delta
            for delta in deltas
        ),
        _event("content_block_stop", index=index),
    ]


def _stop(turn: Turn) -> str:
    return "tool_use" if turn.calls else STOPS[turn.stop]


def _message(turn: Turn, model: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": turn.tokens[0], "output_tokens": turn.tokens[1]},
    }


def _event(name: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))
