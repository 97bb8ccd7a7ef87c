"""Turns in the form of Bedrock's Converse and ConverseStream, framed as AWS frames them."""

import re
import struct
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote
from zlib import crc32

import orjson

from tests.vendors.script import END, ErrorEvent, Fate, Step, Turn

STREAM: Final = "application/vnd.amazon.eventstream"
STOPS: Final = {"stop": "end_turn", "length": "max_tokens"}
EXCEPTIONS: Final = {"overloaded_error": "serviceUnavailableException", "rate_limit_error": "throttlingException"}
"""By the type of an error event; others are failures of the server."""

_PATH: Final = re.compile(r"/model/([^/]+)/(converse|converse-stream)$")


def asked(path: str) -> tuple[str, bool] | None:
    """The model that a path names, and whether the answer is to be streamed; None for other paths."""
    match = _PATH.search(path)
    return None if match is None else (unquote(match[1]), match[2] == "converse-stream")


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    content: list[dict[str, Any]] = []
    if turn.thinking:
        shown = {"text": turn.thinking, **({"signature": turn.signature} if turn.signature else {})}
        content.append({"reasoningContent": {"reasoningText": shown}})
    if turn.text:
        content.append({"text": turn.text})
    content += [
        {"toolUse": {"toolUseId": call.id, "name": call.name, "input": orjson.loads(call.json or "{}")}}
        for call in turn.calls
    ]
    message = {"role": "assistant", "content": content}
    return orjson.dumps({"output": {"message": message}, "stopReason": _stop(turn), **_metadata(turn)})


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer. Only calls have a start of their own."""
    steps: list[Step] = [event("messageStart", {"role": "assistant"})]
    index = 0
    if turn.thinking:
        steps.append(_delta(index, reasoningContent={"text": turn.thinking}))
        if turn.signature:
            steps.append(_delta(index, reasoningContent={"signature": turn.signature}))
        steps.append(event("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    for piece in turn.pieces:
        if isinstance(piece, str):
            steps.append(_delta(index, text=piece))
        elif isinstance(piece, ErrorEvent):
            steps.append(exception(EXCEPTIONS.get(piece.type, "internalServerException"), piece.message))
        else:
            steps.append(piece)
            if isinstance(piece, Fate):
                return steps
    if turn.text:
        steps.append(event("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    for call in turn.calls:
        start = {"toolUse": {"toolUseId": call.id, "name": call.name}}
        steps.append(event("contentBlockStart", {"contentBlockIndex": index, "start": start}))
        steps += [
            _delta(index, toolUse={"input": fragment}) if isinstance(fragment, str) else fragment
            for fragment in call.arguments
        ]
        steps.append(event("contentBlockStop", {"contentBlockIndex": index}))
        index += 1
    steps.append(event("messageStop", {"stopReason": _stop(turn)}))
    return [*steps, event("metadata", _metadata(turn)), END]


def counted(tokens: int) -> bytes:
    """The answer of CountTokens."""
    return orjson.dumps({"inputTokens": tokens})


def event(name: str, payload: Mapping[str, Any]) -> bytes:
    """One event."""
    headers = {":event-type": name, ":content-type": "application/json", ":message-type": "event"}
    return aws_frame(headers, orjson.dumps({**payload, "p": "abcdef"}))


def exception(name: str, message: str) -> bytes:
    """An exception inside a stream."""
    headers = {":exception-type": name, ":content-type": "application/json", ":message-type": "exception"}
    return aws_frame(headers, orjson.dumps({"message": message}))


def aws_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One frame of an AWS event stream."""
    block = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value.encode())) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    head = prelude + struct.pack(">I", crc32(prelude)) + block + payload
    return head + struct.pack(">I", crc32(head))


def _delta(index: int, **kind: Any) -> bytes:
    return event("contentBlockDelta", {"contentBlockIndex": index, "delta": kind})


def _stop(turn: Turn) -> str:
    return "tool_use" if turn.calls else STOPS[turn.stop]


def _metadata(turn: Turn) -> dict[str, Any]:
    read, written = turn.tokens
    usage = {"inputTokens": read, "outputTokens": written, "totalTokens": read + written}
    return {"usage": usage, "metrics": {"latencyMs": 5}}
