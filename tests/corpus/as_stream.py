"""A recorded whole answer, told as the stream that the same vendor would have sent: in small pieces."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from proxy.provider.contract import Frame
from proxy.testing.frames import stream_of

from . import generate_content
from .recordings import Recording

PIECE: Final = 5
"""How many characters a delta has."""


def as_stream(recording: Recording) -> bytes:
    """The body of the stream."""
    answer = json.loads(recording.body)
    if recording.wrapped:
        events = (base64.b64encode(_bytes(payload)).decode() for payload in _messages(answer))
        frames = [Frame("chunk", _bytes({"bytes": event, "p": "abc"})) for event in events]
        return stream_of("aws_event_stream", frames)
    if recording.family == "anthropic":
        return b"".join(
            b"event: %b\ndata: %b\n\n" % (payload["type"].encode(), _bytes(payload)) for payload in _messages(answer)
        )
    if recording.family == "gemini":
        return generate_content.as_stream(answer if isinstance(answer, list) else [answer], PIECE)
    return b"".join(b"data: %b\n\n" % _bytes(chunk) for chunk in _chat(answer)) + b"data: [DONE]\n\n"


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _pieces(text: str) -> Iterator[str]:
    return (text[start : start + PIECE] for start in range(0, len(text), PIECE))


# --- Messages ---------------------------------------------------------------------------------------------------------

_DELTAS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "text": (("text", "text_delta"),),
    "thinking": (("thinking", "thinking_delta"), ("signature", "signature_delta")),
}
"""For each kind of block the members that come in deltas of their own."""


def _messages(message: dict[str, Any]) -> Iterator[dict[str, Any]]:
    usage = message["usage"]
    opening = {**message, "content": [], "stop_reason": None, "usage": {**usage, "output_tokens": 1}}
    yield {"type": "message_start", "message": opening}
    yield {"type": "ping"}
    for index, block in enumerate(message["content"]):
        yield from ({**event, "index": index} for event in _block(block))
    stop = {name: message.get(name) for name in ("stop_reason", "stop_sequence", "stop_details")}
    yield {"type": "message_delta", "delta": stop, "usage": usage}
    yield {"type": "message_stop"}


def _block(block: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kind, deltas = block["type"], list[dict[str, Any]]()
    start = dict(block)
    for member, delta in _DELTAS.get(kind, ()):
        whole, start[member] = start.get(member) or "", ""
        pieces = [whole] if member == "signature" else _pieces(whole)
        deltas += [{"type": delta, member: piece} for piece in pieces]
    if kind in ("tool_use", "server_tool_use"):
        start["input"] = {}
        text = json.dumps(block["input"], ensure_ascii=False, separators=(",", ":")) if block["input"] else ""
        deltas += [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *_pieces(text))]
    citations = start.pop("citations", None) or ()
    deltas += [{"type": "citations_delta", "citation": citation} for citation in citations]
    yield {"type": "content_block_start", "content_block": start}
    yield from ({"type": "content_block_delta", "delta": delta} for delta in deltas)
    yield {"type": "content_block_stop"}


# --- Chat Completions -------------------------------------------------------------------------------------------------


def _chat(answer: dict[str, Any]) -> Iterator[dict[str, Any]]:
    choice = answer["choices"][0]
    head = {name: value for name, value in answer.items() if name not in ("choices", "usage", "timings")}
    for delta in _message_deltas(choice["message"], choice.get("logprobs")):
        logprobs = delta.pop("logprobs", None)
        yield head | {"choices": [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": None}]}
    yield head | {"choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]}
    if "usage" in answer:
        ending = {name: answer[name] for name in ("usage", "timings") if name in answer}
        yield head | {"choices": []} | ending


def _message_deltas(message: dict[str, Any], logprobs: dict[str, Any] | None) -> Iterator[dict[str, Any]]:
    yield {"role": "assistant", "content": ""}
    details = message.get("reasoning_details") or ()
    for detail in details:
        yield from _detail(detail)
    for member in ("reasoning_content",) if details else ("reasoning_content", "reasoning"):
        yield from ({member: piece} for piece in _pieces(message.get(member) or ""))
    yield from _content_deltas(message.get("content"), (logprobs or {}).get("content") or [])
    yield from ({"refusal": piece} for piece in _pieces(message.get("refusal") or ""))
    if annotations := message.get("annotations"):
        yield {"annotations": annotations}
    for index, call in enumerate(message.get("tool_calls") or ()):
        function = call["function"]
        yield {"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]}
        for piece in _pieces(function["arguments"]):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}


def _detail(detail: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """An entry of OpenRouter's: its text in pieces, each told once more as `reasoning`; encrypted ones at once."""
    member = {"reasoning.summary": "summary", "reasoning.text": "text"}.get(detail["type"])
    if member is None:
        yield {"reasoning_details": [detail]}
    else:
        for piece in _pieces(detail[member]):
            yield {"reasoning": piece, "reasoning_details": [{**detail, member: piece}]}


def _content_deltas(content: Any, tokens: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    if isinstance(content, str) and tokens and content == "".join(token["token"] for token in tokens):
        yield from ({"content": token["token"], "logprobs": {"content": [token]}} for token in tokens)
    elif isinstance(content, str):
        for piece in _pieces(content):
            yield {"content": piece, "logprobs": {"content": tokens}}
            tokens = []
    elif isinstance(content, list):
        yield from ({"content": [part]} for part in content)
    elif content is not None:
        yield {"content": content}
