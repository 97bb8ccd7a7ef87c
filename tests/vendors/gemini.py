"""Turns in the form of Gemini's generateContent and streamGenerateContent, framed as Google frames them."""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

import orjson

from tests.vendors.script import END, ErrorEvent, Fate, Reply, Step, Turn

STOPS = {"stop": "STOP", "length": "MAX_TOKENS"}

STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}

_PATH: Final = re.compile(r"/models/([^/:?]+):(generateContent|streamGenerateContent)(?:\?(.*))?$")


def asked(path: str) -> tuple[str, bool] | None:
    """The model that a path names, and whether the answer is to be streamed; None for other paths."""
    match = _PATH.search(path)
    return None if match is None else (match[1], match[2] == "streamGenerateContent")


def asks_for_events(path: str) -> bool:
    """Whether the stream is wanted as events; without `alt=sse` it is one array."""
    match = _PATH.search(path)
    return match is not None and "alt=sse" in (match[3] or "").split("&")


def parts(turn: Turn) -> list[dict[str, Any]]:
    """The parts of an answer that is not streamed. The end of a text carries its signature itself."""
    written: list[dict[str, Any]] = []
    if turn.thinking:
        written.append({"text": turn.thinking, "thought": True})
    if turn.text:
        written.append({"text": turn.text})
    if turn.signature and turn.signed != "call":
        if not turn.text:
            written.append({"text": ""})
        written[-1]["thoughtSignature"] = turn.signature
    return written + _calls(turn)


def whole(turn: Turn, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    content = {"parts": parts(turn), "role": "model"}
    candidate = {"content": content, "finishReason": STOPS[turn.stop], "index": 0}
    return orjson.dumps({"candidates": [candidate], **_around(turn, model)})


def stream(turn: Turn, model: str) -> list[Step]:
    """The steps of a streamed answer: each chunk has the next parts, the last one the reason of the end."""
    steps: list[Step] = []
    if turn.thinking:
        steps.append(_chunk(turn, model, {"text": turn.thinking, "thought": True}))
    last_text = max((index for index, piece in enumerate(turn.pieces) if isinstance(piece, str)), default=-1)
    for index, piece in enumerate(turn.pieces):
        if isinstance(piece, str):
            part = {"text": piece}
            if turn.signed == "text" and turn.signature and index == last_text:
                part["thoughtSignature"] = turn.signature
            steps.append(_chunk(turn, model, part))
        elif isinstance(piece, ErrorEvent):
            steps.append(_frame(_error(503, piece.message)))
        else:
            steps.append(piece)
            if isinstance(piece, Fate):
                return steps
    for call, part in zip(turn.calls, _calls(turn), strict=True):
        played = [fragment for fragment in call.arguments if isinstance(fragment, asyncio.Event | Fate)]
        steps += played
        if any(isinstance(step, Fate) for step in played):
            return steps
        steps.append(_chunk(turn, model, part))
    closing = {"text": ""}
    if turn.signed == "end" and turn.signature:
        closing["thoughtSignature"] = turn.signature
    return [*steps, _chunk(turn, model, closing, STOPS[turn.stop]), END]


def as_array(steps: Sequence[Step]) -> list[Step]:
    """The stream of a request without `alt=sse`: one array that grows."""
    written: list[Step] = []
    for step in steps:
        if isinstance(step, bytes):
            opening = b"[" if not any(isinstance(earlier, bytes) for earlier in written) else b",\r\n"
            written.append(opening + step.removeprefix(b"data: ").removesuffix(b"\r\n\r\n"))
        elif step is END:
            written += [b"]", step]
        else:
            written.append(step)
    return written


def counted(tokens: int) -> bytes:
    """The answer of `countTokens`."""
    return orjson.dumps({"totalTokens": tokens, "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens}]})


def refusal(code: int, message: str, *details: dict[str, Any]) -> Reply:
    """An error answer."""
    return Reply(code, (orjson.dumps(_error(code, message, *details)),), {"content-type": "application/json"})


def _error(code: int, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    error = {"code": code, "message": message, "status": STATUSES.get(code, "UNKNOWN")}
    return {"error": {**error, "details": list(details)} if details else error}


def _calls(turn: Turn) -> list[dict[str, Any]]:
    written = []
    for index, call in enumerate(turn.calls):
        made: dict[str, Any] = {"name": call.name}
        if call.json and not any(isinstance(fragment, Fate) for fragment in call.arguments):
            made["args"] = orjson.loads(call.json)
        if call.id:
            made["id"] = call.id
        part: dict[str, Any] = {"functionCall": made}
        if signature := call.signature or (turn.signature if index == 0 and turn.signed == "call" else ""):
            part["thoughtSignature"] = signature
        written.append(part)
    return written


def _around(turn: Turn, model: str) -> dict[str, Any]:
    given, made = turn.tokens
    thought = made // 2 if turn.thinking else 0
    usage = {"promptTokenCount": given, "candidatesTokenCount": made - thought, "totalTokenCount": given + made}
    if thought:
        usage["thoughtsTokenCount"] = thought
    return {"usageMetadata": usage, "modelVersion": model, "responseId": "gen-1"}


def _chunk(turn: Turn, model: str, part: dict[str, Any], finish: str | None = None) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": [part], "role": "model"}, "index": 0}
    if finish is not None:
        candidate["finishReason"] = finish
    return _frame({"candidates": [candidate], **_around(turn, model)})


def _frame(value: object) -> bytes:
    return b"data: %b\r\n\r\n" % orjson.dumps(value)
