"""What is sent and what comes back: requests of two sizes, and the vendor's answers as ready-made pieces of bytes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tests.conformance.builder import StreamBuilder

CHAT_PATH: Final = "/v1/chat/completions"
RESPONSES_PATH: Final = "/v1/responses"

WHOLE: Final = "mock-whole"
BURST: Final = "mock-burst"
PACED: Final = "mock-paced"
"""The model's name tells the vendor how to answer."""

BURST_EVENTS: Final = 200
PACED_EVENTS: Final = 100
PACE: Final = 0.01
"""Seconds from one event of a paced stream to the next."""

PROMPT_TOKENS: Final = 250
CREATED: Final = 1_760_000_000

_WORDS: Final = [
    "an",
    "interpreter",
    "turns",
    "every",
    "sentence",
    "into",
    "one",
    "that",
    "both",
    "courts",
    "understand",
]


def words(count: int) -> list[str]:
    """Short pieces of text that stand for tokens."""
    return [("" if index == 0 else " ") + _WORDS[index % len(_WORDS)] for index in range(count)]


# --- requests ---------------------------------------------------------------------------------------------------------


def _prose(size: int) -> str:
    return "".join(words(size // 4))[:size]


def request_body(model: str, size: int, *, stream: bool, store: bool = False) -> bytes:
    """A Responses request with a history of about `size` bytes in all."""
    turns = max(1, size // 1000) | 1
    return orjson.dumps({**_head(model, stream, store), "input": _messages(turns, 420 if turns == 1 else 880)})


def first_turn(items: int) -> bytes:
    """A request that is kept, and makes a history of so many items with its answer."""
    return orjson.dumps({**_head(WHOLE, False, True), "input": _messages(items - 1, 300)})


def chained_turn(previous: str) -> bytes:
    """A request that is kept and continues a response."""
    return orjson.dumps({**_head(WHOLE, False, True), "previous_response_id": previous, "input": _messages(1, 300)})


def whole_turn(items: int) -> bytes:
    """The same turn with nothing kept: a history of so many items, and one more, in the body."""
    return orjson.dumps({**_head(WHOLE, False, False), "input": _messages(items + 1, 300)})


def _head(model: str, stream: bool, store: bool) -> dict[str, Any]:
    return {
        "model": model,
        "instructions": _prose(250),
        "temperature": 0.7,
        "top_p": 0.95,
        "max_output_tokens": 1024,
        "stream": stream,
        "store": store,
        "metadata": {"team": "benchmark", "trace": "0123456789abcdef"},
    }


def _messages(count: int, size: int) -> list[dict[str, Any]]:
    """Messages of the user and the model in turns, each with a text of `size` bytes."""
    return [
        {
            "type": "message",
            "role": ("user", "assistant")[index % 2],
            "content": [{"type": ("input_text", "output_text")[index % 2], "text": _prose(size)}],
        }
        for index in range(count)
    ]


# --- answers ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer: `pieces` are written at once, or one every `interval` seconds."""

    pieces: Sequence[bytes]
    interval: float = 0.0


def replies() -> dict[tuple[str, str], Reply]:
    """The answer to every path and model."""
    answers: dict[tuple[str, str], Reply] = {}
    for path, whole, events in (
        (CHAT_PATH, _chat_whole, _chat_events),
        (RESPONSES_PATH, _responses_whole, _responses_events),
    ):
        answers[path, WHOLE] = Reply([_whole(orjson.dumps(whole(BURST_EVENTS)))])
        answers[path, BURST] = Reply([b"".join(_stream(events(BURST_EVENTS)))])
        answers[path, PACED] = Reply(_stream(events(PACED_EVENTS)), PACE)
    return answers


def _whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


def _stream(events: Sequence[bytes]) -> list[bytes]:
    """The pieces of a stream: the head goes with the first event, the end with the last."""
    pieces = [b"%x\r\n%b\r\n" % (len(event), event) for event in events]
    pieces[0] = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n" + pieces[0]
    )
    pieces[-1] += b"0\r\n\r\n"
    return pieces


def _chat(kind: str, choices: list[dict[str, Any]], tokens: int | None) -> dict[str, Any]:
    usage = None
    if tokens is not None:
        usage = {
            "prompt_tokens": PROMPT_TOKENS,
            "completion_tokens": tokens,
            "total_tokens": PROMPT_TOKENS + tokens,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
        }
    return {
        "id": "chatcmpl-BqQz0aVbG7nLxT4kE2dWmY8uR1sPc",
        "object": kind,
        "created": CREATED,
        "model": "mock",
        "service_tier": "default",
        "system_fingerprint": "fp_50cad350e4",
        "choices": choices,
        "usage": usage,
    }


def _chat_whole(count: int) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": "".join(words(count)),
        "refusal": None,
        "annotations": [],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return _chat("chat.completion", [choice], count)


def _chat_events(count: int) -> list[bytes]:
    def choice(delta: dict[str, Any], finish: str | None = None) -> list[dict[str, Any]]:
        return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]

    kind = "chat.completion.chunk"
    chunks = [
        _chat(kind, choice({"role": "assistant", "content": "", "refusal": None}), None),
        *(_chat(kind, choice({"content": word}), None) for word in words(count)),
        _chat(kind, choice({}, "stop"), None),
        _chat(kind, [], count),
    ]
    return [b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]


def _responses_whole(count: int) -> dict[str, Any]:
    response: dict[str, Any] = StreamBuilder().message(["".join(words(count))]).end()[-1]["response"]
    return response


def _responses_events(count: int) -> list[bytes]:
    events = StreamBuilder().message(words(count)).end()
    frames = [b"event: %b\ndata: %b\n\n" % (event["type"].encode(), orjson.dumps(event)) for event in events]
    return [*frames, b"data: [DONE]\n\n"]
