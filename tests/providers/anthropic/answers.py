"""Short ways to write down a vendor's answer."""

from collections.abc import Sequence
from typing import Any

import orjson

from providers.anthropic.decode import MessagesDecoder, decode_message
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses.events import Event, Failed


def sse_frames(stream: str) -> list[Frame]:
    """The frames of an SSE body with whole events."""
    frames = []
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        event, data = "", []
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name == "event":
                event = value.strip()
            elif name == "data":
                data.append(value.removeprefix(" "))
        if data:
            frames.append(Frame(event, "\n".join(data).encode()))
    return frames


def decode_stream(payloads: list[Any]) -> list[Event]:
    """The events of a stream of payloads, to its end."""
    decoder = MessagesDecoder()
    events: list[Event] = []
    for payload in payloads:
        name = payload.get("type", "") if isinstance(payload, dict) else ""
        events += decoder.feed(Frame(name if isinstance(name, str) else "", orjson.dumps(payload)))
    events += decoder.end()
    return events


def failure(events: Sequence[Event]) -> ProviderError:
    """The error that ends the events."""
    ending = events[-1]
    assert isinstance(ending, Failed)
    assert isinstance(ending.error, ProviderError)
    return ending.error


def decode_whole(body: Any) -> list[Event]:
    return decode_message(body if isinstance(body, bytes) else orjson.dumps(body))


def start(**usage: Any) -> dict[str, Any]:
    return {"type": "message_start", "message": {"id": "msg_1", "model": "claude-opus-5", "usage": usage}}


def block(index: int, content: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text_block(index: int, *pieces: str, citations: tuple[dict[str, Any], ...] = ()) -> list[dict[str, Any]]:
    deltas = [{"type": "text_delta", "text": piece} for piece in pieces]
    cited = [{"type": "citations_delta", "citation": citation} for citation in citations]
    return block(index, {"type": "text", "text": ""}, *deltas, *cited)


def stop(reason: str | None = "end_turn", usage: dict[str, Any] | None = None, **delta: Any) -> list[dict[str, Any]]:
    return [
        {"type": "message_delta", "delta": {"stop_reason": reason, **delta}, "usage": usage or {}},
        {"type": "message_stop"},
    ]
