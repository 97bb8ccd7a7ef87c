"""Exchanges with a vendor that speaks Messages, with something of everything."""

import json
from typing import Any

from proxy.testing import Exchange, ExpectedCall

MODEL = "claude-sonnet-4-6"
TOOL = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
SIGNATURE = "RXJyb3JzIGFyZSBmb3VuZA" * 3


def sse(*events: dict[str, Any]) -> bytes:
    return b"".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events)


def start(**usage: int) -> dict[str, Any]:
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []}
    return {"type": "message_start", "message": {**message, "usage": {"input_tokens": 10, "output_tokens": 1, **usage}}}


def block(index: int, opened: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": opened},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def end(reason: str, output_tokens: int) -> list[dict[str, Any]]:
    usage = {"output_tokens": output_tokens}
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    ]


def text(*pieces: str) -> list[dict[str, Any]]:
    return block(0, {"type": "text", "text": ""}, *({"type": "text_delta", "text": piece} for piece in pieces))


TEXT = Exchange(
    "text",
    MODEL,
    sse(start(cache_read_input_tokens=100), *text("Gr\u00fc\u00df", "e, ", "world", "!"), *end("end_turn", 9)),
    stream=True,
    text="Gr\u00fc\u00dfe, world!",
    status="completed",
    usage={"input_tokens": 110, "cached_tokens": 100, "output_tokens": 9},
)
WHOLE = Exchange(
    "whole",
    MODEL,
    json.dumps(
        {
            **start()["message"],
            "content": [{"type": "text", "text": "Hello"}],
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 10, "output_tokens": 3},
        }
    ).encode(),
    text="Hello",
    status="completed",
    usage={"input_tokens": 10, "output_tokens": 3},
)
CALL = Exchange(
    "thought and call",
    MODEL,
    sse(
        start(),
        *block(
            0,
            {"type": "thinking", "thinking": "", "signature": ""},
            {"type": "thinking_delta", "thinking": "I look "},
            {"type": "thinking_delta", "thinking": "outside."},
            {"type": "signature_delta", "signature": SIGNATURE},
        ),
        *block(
            1,
            {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {}},
            {"type": "input_json_delta", "partial_json": '{"city":'},
            {"type": "input_json_delta", "partial_json": '"Oslo"}'},
        ),
        *end("tool_use", 20),
    ),
    stream=True,
    request={"tools": [TOOL], "reasoning": {"effort": "high"}},
    reasoning="I look outside.",
    calls=[ExpectedCall("get_weather", '{"city": "Oslo"}')],
    status="completed",
)
BUSY = Exchange(
    "rate limit",
    MODEL,
    b'{"type":"error","error":{"type":"rate_limit_error","message":"Too many requests in this minute"}}',
    status_code=429,
    http_status=429,
    error_code="rate_limit_exceeded",
)
REFUSED = Exchange(
    "bad request",
    MODEL,
    b'{"type":"error","error":{"type":"invalid_request_error","message":"messages: at least one message is required"}}',
    status_code=400,
)

EXCHANGES = [TEXT, WHOLE, CALL, BUSY, REFUSED]
ANYHOW = ("reasoning.effort=none",)
"""What the model does without being told."""
