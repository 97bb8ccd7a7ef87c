"""Four times as much of anything costs about four times as much: nothing a vendor sends is quadratic."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson
import pytest

from proxy.provider.contract import Frame, Framing
from proxy.testing.frames import stream_of
from proxy.testing.replay import framing_of, play
from proxy.upstream.framers import FRAMERS
from tests.fuzz.sources import sources
from tests.fuzz.work import growth, work

MOST: Final = 6.0
"""The growth of work for four times the size that is still linear: room for what is rarely done."""

TOOL: Final = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}

Json = dict[str, Any]
Told = Sequence[tuple[str, Json]]


# --- Chat Completions -------------------------------------------------------------------------------------------------


def chat(*deltas: Json) -> Told:
    chunks: list[Json] = [{"id": "c", "choices": [{"index": 0, "delta": delta}]} for delta in deltas]
    return [("", chunk) for chunk in (*chunks, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})]


def chat_call(index: int, arguments: str, *, opens: bool = False) -> Json:
    function = {"name": "f", "arguments": arguments} if opens else {"arguments": arguments}
    return {"tool_calls": [{"index": index, "function": function, **({"id": f"c{index}"} if opens else {})}]}


def chat_cited(size: int) -> list[Json]:
    citation = {"url": "http://a.test", "title": "t", "start_index": 0, "end_index": 1}
    return [{"content": "a", "annotations": [{"type": "url_citation", "url_citation": citation}]}] * size


# --- Messages ---------------------------------------------------------------------------------------------------------


def messages(*events: Json) -> Told:
    start = {"type": "message_start", "message": {"id": "m", "model": "c", "content": [], "usage": {}}}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 1}}
    return [(str(event["type"]), event) for event in (start, *events, end, {"type": "message_stop"})]


def block(index: int, opened: Json, *deltas: Json) -> list[Json]:
    return [
        {"type": "content_block_start", "index": index, "content_block": opened},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


# --- generateContent, Responses ---------------------------------------------------------------------------------------


def gemini(*parts: Json) -> Told:
    chunks: list[Json] = [{"candidates": [{"content": {"parts": [part]}}]} for part in parts]
    return [("", chunk) for chunk in (*chunks, {"candidates": [{"content": {"parts": []}, "finishReason": "STOP"}]})]


def native(*events: Json) -> Told:
    end = {"type": "response.completed", "response": {"status": "completed", "output": []}}
    return [(str(event["type"]), event) for event in (*events, end)]


def native_text(delta: str, *, index: int = 0) -> Json:
    return {"type": "response.output_text.delta", "output_index": 0, "content_index": index, "delta": delta}


def native_done(text: str) -> Json:
    return {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": text}


def native_message(size: int) -> Json:
    parts = [{"type": "output_text", "text": "b", "annotations": []}] * size
    item = {"type": "message", "role": "assistant", "content": parts}
    return {"type": "response.output_item.done", "output_index": 0, "item": item}


ANSWERS: Final[dict[str, tuple[str, Callable[[int], Told]]]] = {
    "chat: tiny deltas": ("openai_chat", lambda size: chat(*[{"content": "a"}] * size)),
    "chat: arguments in single bytes": (
        "openai_chat",
        lambda size: chat(chat_call(0, "{", opens=True), *[chat_call(0, "}")] * size),
    ),
    "chat: calls one after the other": (
        "openai_chat",
        lambda size: chat(*[chat_call(index, "{}", opens=True) for index in range(size)]),
    ),
    "chat: calls interleaved": (
        "openai_chat",
        lambda size: chat(
            *[chat_call(index, "{", opens=True) for index in range(size)],
            *[chat_call(index, "}") for index in range(size)],
        ),
    ),
    "chat: many calls behind a long open one": (
        "openai_chat",
        lambda size: chat(
            chat_call(0, '{"a":"' + "x" * 100 * size + "}", opens=True),
            *[chat_call(index + 1, "{}", opens=True) for index in range(size)],
        ),
    ),
    "chat: text between pieces of a call": (
        "openai_chat",
        lambda size: chat(chat_call(0, "{", opens=True), *[chat_call(0, '"}'), {"content": "a"}] * size),
    ),
    "chat: citations": ("openai_chat", lambda size: chat(*chat_cited(size))),
    "messages: tiny deltas": (
        "anthropic",
        lambda size: messages(*block(0, {"type": "text", "text": ""}, *[{"type": "text_delta", "text": "a"}] * size)),
    ),
    "messages: arguments in single bytes": (
        "anthropic",
        lambda size: messages(
            *block(
                0,
                {"type": "tool_use", "id": "t", "name": "f", "input": {}},
                *[{"type": "input_json_delta", "partial_json": "}"}] * size,
            )
        ),
    ),
    "messages: signatures in pieces": (
        "anthropic",
        lambda size: messages(
            *block(
                0,
                {"type": "thinking", "thinking": ""},
                *[{"type": "thinking_delta", "thinking": "a"}, {"type": "signature_delta", "signature": "a"}] * size,
            )
        ),
    ),
    "gemini: calls": (
        "gemini",
        lambda size: gemini(*[{"functionCall": {"name": "f", "args": {"a": index}}} for index in range(size)]),
    ),
    "gemini: arguments in pieces": (
        "gemini",
        lambda size: gemini(
            *[
                {
                    "functionCall": {
                        "name": "f",
                        "willContinue": True,
                        "partialArgs": [{"jsonPath": "$.a", "stringValue": "x", "willContinue": True}],
                    }
                }
            ]
            * size
        ),
    ),
    "responses: a text that ends again and again": (
        "responses",
        lambda size: native(*[native_text("a" * 60), native_done("b")] * size),
    ),
    "responses: parts under other names": (
        "responses",
        lambda size: native(*[native_text("a", index=9 * size + each) for each in range(size)], native_message(size)),
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_of_four_times_the_size(name: str) -> None:
    vendor, told = ANSWERS[name]
    source = next(each for each in sources(vendor) if each.exchange.stream)
    exchange = replace(source.exchange, request={"tools": [TOOL]})
    framing = framing_of(source.provider, exchange)

    def prepared(size: int) -> Callable[[], object]:
        frames = [Frame(event, orjson.dumps(data)) for event, data in told(size)]
        body = stream_of(framing, frames)
        # Pieces as the network has them, so that no list of all events is handed on.
        return lambda: play(source.provider, exchange, stream=True, answer=body, cuts=range(0, len(body), max(1, 200)))

    assert growth(prepared, 60, "responses", "providers", "upstream") < MOST


STREAMS: Final[dict[str, tuple[Framing, Callable[[int], list[bytes]]]]] = {
    "one line in small pieces": ("sse", lambda size: [b"data: ", *[b"x" * 70] * size, b"\n\n"]),
    "a frame of many lines": ("sse", lambda size: [b"data: x\n"] * size + [b"\n"]),
    "lines that end with CR": ("sse", lambda size: [b"data: x" + b"x" * 70 + b"\r"] * size + [b"\r\n"]),
    "line ends alone": ("sse", lambda size: [b"\n"] * size),
    "halves of line ends": ("sse", lambda size: [b"\r"] * size),
    "comments": ("sse", lambda size: [b": x\n\n"] * size),
    "one value in small pieces": ("ndjson", lambda size: [*[b"x" * 70] * size, b"\n"]),
    "many small values": ("ndjson", lambda size: [b'{"a":1}\n'] * size),
    "a binary frame in small pieces": ("aws_event_stream", lambda size: _split(_binary(b"x" * 70 * size), 70)),
    "many binary frames": ("aws_event_stream", lambda size: _split(_binary(b"x" * 70) * size, 70)),
}


def _binary(data: bytes) -> bytes:
    return stream_of("aws_event_stream", [Frame("chunk", data)])


def _split(body: bytes, length: int) -> list[bytes]:
    return [body[start : start + length] for start in range(0, len(body), length)]


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_of_four_times_the_size(name: str) -> None:
    framing, pieces_of = STREAMS[name]

    def prepared(size: int) -> Callable[[], object]:
        pieces, framer = pieces_of(size), FRAMERS[framing]()
        return lambda: [*map(framer.feed, pieces), framer.end()]

    assert growth(prepared, 200, "upstream") < MOST


def test_work_that_grows_with_the_square_is_seen() -> None:
    def prepared(size: int) -> Callable[[], object]:
        return lambda: _joined_anew(["x" * 100] * size)

    assert growth(prepared, 200, "fuzz") > 2 * MOST
    assert work(prepared(10), "fuzz") > 0


def _joined_anew(pieces: list[str]) -> str:
    whole = ""
    for piece in pieces:
        whole = whole + piece
    return whole
