"""Answers of the Messages API that are written down block by block."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tests.strict.messages_content import Block
from tests.vendors import messages
from tests.vendors.script import END, Step, Turn

_STREAMED: Final[Mapping[str, tuple[str, str, str]]] = {
    "text": ("text", "text_delta", "text"),
    "thinking": ("thinking", "thinking_delta", "thinking"),
    "tool_use": ("input", "input_json_delta", "partial_json"),
    "server_tool_use": ("input", "input_json_delta", "partial_json"),
    "mcp_tool_use": ("input", "input_json_delta", "partial_json"),
}
"""Blocks that are streamed: the member that comes in pieces, the type of a piece, and the member of that."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """One answer: its blocks, why it stopped, and the container that it used."""

    content: tuple[Block, ...]
    stop: str = "end_turn"
    container: str | None = None


def thinking(text: str, signature: str) -> dict[str, Any]:
    """A block of thinking."""
    return {"type": "thinking", "thinking": text, "signature": signature}


def redacted(data: str) -> dict[str, Any]:
    """A block of thinking that nobody may read."""
    return {"type": "redacted_thinking", "data": data}


def said(text: str, *citations: Mapping[str, Any]) -> dict[str, Any]:
    """A block of text."""
    return {"type": "text", "text": text, **({"citations": list(citations)} if citations else {})}


def use(call_id: str, name: str, **arguments: Any) -> dict[str, Any]:
    """A call of a tool."""
    return {"type": "tool_use", "id": call_id, "name": name, "input": arguments}


def calling(*content: Block) -> Blocks:
    """An answer that waits for results of tools."""
    return Blocks(content, "tool_use")


def content_of(turn: Turn | Blocks, model: str) -> tuple[Block, ...]:
    """The blocks of an answer."""
    if isinstance(turn, Blocks):
        return turn.content
    content: list[Block] = orjson.loads(messages.whole(turn, model))["content"]
    return tuple(content)


def whole(answer: Blocks, model: str) -> bytes:
    """The body of an answer that is not streamed."""
    return orjson.dumps(_message(answer, model) | {"content": answer.content, "stop_reason": answer.stop})


def stream(answer: Blocks, model: str) -> tuple[Step, ...]:
    """The steps of a streamed answer: what comes in pieces comes in two."""
    steps = [_event("message_start", message=_message(answer, model))]
    for index, block in enumerate(answer.content):
        steps.append(_event("content_block_start", index=index, content_block=_begun(block)))
        steps += [_event("content_block_delta", index=index, delta=delta) for delta in _deltas(block)]
        steps.append(_event("content_block_stop", index=index))
    delta: dict[str, Any] = {"stop_reason": answer.stop, "stop_sequence": None}
    if answer.container is not None:
        delta["container"] = {"id": answer.container, "expires_at": "2026-12-01T00:00:00Z"}
    steps.append(_event("message_delta", delta=delta, usage={"output_tokens": 7}))
    return (*steps, _event("message_stop"), END)


def _begun(block: Block) -> Block:
    """The block as it is before its first piece."""
    if block["type"] not in _STREAMED:
        return block
    member = _STREAMED[block["type"]][0]
    begun = {name: value for name, value in block.items() if name != "citations"}
    begun[member] = {} if member == "input" else ""
    return begun | ({"signature": ""} if block["type"] == "thinking" else {})


def _deltas(block: Block) -> Iterator[Mapping[str, Any]]:
    if block["type"] not in _STREAMED:
        return
    member, kind, name = _STREAMED[block["type"]]
    value = block[member]
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    middle = len(text) // 2
    for piece in (text[:middle], text[middle:]):
        yield {"type": kind, name: piece}
    for citation in block.get("citations") or ():
        yield {"type": "citations_delta", "citation": citation}
    if block["type"] == "thinking":
        yield {"type": "signature_delta", "signature": block["signature"]}


def _message(answer: Blocks, model: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "container": {"id": answer.container, "expires_at": "2026-12-01T00:00:00Z"} if answer.container else None,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": 11, "output_tokens": 7},
    }


def _event(name: str, **members: Any) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))
