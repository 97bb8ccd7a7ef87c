"""Turns in the form of Chat Completions."""

from typing import Any

import orjson

from tests.vendors.script import END, ErrorEvent, Fate, Step, Turn

FINISH = {"stop": "stop", "length": "length"}


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": turn.text or None, "refusal": None}
    if turn.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.json}}
            if call.custom
            else {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.json}}
            for call in turn.calls
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(turn)}
    return orjson.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": model,
            "choices": [choice],
            "usage": _usage(turn),
        }
    )


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer."""
    steps: list[Step] = [_chunk(model, {"role": "assistant", "content": ""})]
    for piece in turn.pieces:
        if isinstance(piece, str):
            steps.append(_chunk(model, {"content": piece}))
        elif isinstance(piece, ErrorEvent):
            steps.append(_frame({"error": {"message": piece.message, "type": piece.type, "code": 503}}))
        else:
            steps.append(piece)
            if isinstance(piece, Fate):
                return steps
    for index, call in enumerate(turn.calls):
        kind, text = ("custom", "input") if call.custom else ("function", "arguments")
        opened = {"index": index, "id": call.id, "type": kind, kind: {"name": call.name, text: ""}}
        steps.append(_chunk(model, {"tool_calls": [opened]}))
        for fragment in call.arguments:
            if isinstance(fragment, str):
                delta = {"tool_calls": [{"index": index, kind: {text: fragment}}]}
                steps.append(_chunk(model, delta))
            else:
                steps.append(fragment)
    steps.append(_chunk(model, {}, _finish(turn)))
    usage = {**_envelope(model), "choices": [], "usage": _usage(turn)}
    return [*steps, _frame(usage), b"data: [DONE]\n\n", END]


def _finish(turn: Turn) -> str:
    return "tool_calls" if turn.calls else FINISH[turn.stop]


def _usage(turn: Turn) -> dict[str, int]:
    given, made = turn.tokens
    return {"prompt_tokens": given, "completion_tokens": made, "total_tokens": given + made}


def _envelope(model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_790_000_000, "model": model}


def _chunk(model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
    return _frame({**_envelope(model), "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _frame(value: object) -> bytes:
    return b"data: %b\n\n" % orjson.dumps(value)
