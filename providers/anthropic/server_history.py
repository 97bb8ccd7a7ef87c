"""What Anthropic's own tools did in earlier turns: the vendor's blocks, put back where they came from.

The vendor takes a result only behind its call, and a call without a result only while the results of the client's
tools, for which it waits, are all that follows. The blocks of an MCP server are taken while the request names it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.anthropic.content import Block
from providers.anthropic.lenient import Json, mapping, sequence, text
from proxy.provider.conversions import Conversion, approximated, dropped, ignored
from proxy.provider.history import HOSTED_PROOF, HistoryItem, ReasoningItem, ResultItem
from proxy.provider.tool_record import tool_record

CALLS: Final = frozenset({"server_tool_use", "mcp_tool_use"})
MCP_LISTING: Final = "mcp_tool_listing"

UNPAIRED: Final = "a call of the vendor's own tool without its result"


@dataclass(slots=True)
class ServerHistory:
    """`blocks`: by the index of its item, what is put back; `notes`: likewise, what is told in words instead.
    `container` is the latest in which code ran."""

    blocks: dict[int, list[Block]] = field(default_factory=dict)
    notes: dict[int, str] = field(default_factory=dict)
    container: str | None = None


def packed(blocks: Sequence[bytes], container: str = "") -> str:
    """The payload of a proof: the vendor's blocks, each as JSON, and where its code ran."""
    head = orjson.dumps({"container": container} if container else {})[1:-1]
    return (b'{%b%b"blocks":[%b]}' % (head, b"," if head else b"", b",".join(blocks))).decode()


def server_history(
    items: Sequence[HistoryItem], mcp_servers: frozenset[str], conversions: list[Conversion]
) -> ServerHistory:
    """What the proofs among the items hold, as far as the vendor takes it again."""
    found = ServerHistory()
    for index, item in enumerate(items):
        if isinstance(item, ReasoningItem) and item.proof is not None and item.proof.kind == HOSTED_PROOF:
            payload = _unpacked(item.proof.payload)
            blocks = map(mapping, sequence(payload.get("blocks")))
            found.blocks[index] = [block for block in blocks if text(block.get("type"))]
            found.container = text(payload.get("container")) or found.container
    if found.blocks:
        _leave_out_servers(found, items, mcp_servers, conversions)
        _leave_out_unpaired(found, items, conversions)
    return found


def _unpacked(payload: str) -> Json:
    try:
        return mapping(orjson.loads(payload))
    except orjson.JSONDecodeError:
        return {}


def _leave_out_servers(
    found: ServerHistory, items: Sequence[HistoryItem], mcp_servers: frozenset[str], conversions: list[Conversion]
) -> None:
    """Tell of the calls of MCP servers that the request does not name."""
    absent: dict[str, tuple[int, Block]] = {}
    for index, blocks in found.blocks.items():
        kept: list[Block] = []
        told: list[str] = []
        for block in blocks:
            kind = block.get("type")
            if kind == "mcp_tool_use" and text(block.get("server_name")) not in mcp_servers:
                absent[text(block.get("id"))] = index, block
            elif kind == "mcp_tool_result" and (call := absent.pop(text(block.get("tool_use_id")), None)) is not None:
                told.append(_told(call[1], block))
            elif kind == MCP_LISTING and text(block.get("mcp_server_name")) not in mcp_servers:
                conversions.append(ignored(items[index].path, "the request does not name the MCP server"))
            else:
                kept.append(block)
        found.blocks[index] = kept
        if told:
            found.notes[index] = "\n".join(told)
            conversions.append(approximated(items[index].path, "told to the model in words: the server is not offered"))
    conversions.extend(
        dropped(items[index].path, UNPAIRED) for index in sorted({index for index, _ in absent.values()})
    )


def _told(call: Json, result: Json) -> str:
    content = result.get("content")
    answer = (
        content
        if isinstance(content, str)
        else "\n".join(text(mapping(part).get("text")) for part in sequence(content))
    )
    asked = orjson.dumps(call.get("input")).decode()
    outcome = "failed" if result.get("is_error") else "answered"
    called = f"The assistant called {text(call.get('name'))} of {text(call.get('server_name'))} with: {asked}"
    return tool_record(f"{called}\nIt {outcome}:\n{answer}")


def _leave_out_unpaired(found: ServerHistory, items: Sequence[HistoryItem], conversions: list[Conversion]) -> None:
    shortened: set[int] = set()
    while unpaired := _unpaired(found, items):
        for index, blocks in found.blocks.items():
            kept = [block for block in blocks if unpaired.isdisjoint(_ids(block))]
            if len(kept) < len(blocks):
                found.blocks[index] = kept
                shortened.add(index)
    conversions.extend(dropped(items[index].path, UNPAIRED) for index in sorted(shortened))


def _unpaired(found: ServerHistory, items: Sequence[HistoryItem]) -> set[str]:
    """The ids of calls without results and of results without calls. Results that came twice are not looked for."""
    open_calls: dict[str, int] = {}
    answered: set[str] = set()
    lost: set[str] = set()
    for index, blocks in found.blocks.items():
        for block in blocks:
            if block.get("type") in CALLS:
                open_calls[text(block.get("id"))] = index
            elif "tool_use_id" in block:
                call_id = text(block.get("tool_use_id"))
                if call_id not in open_calls and call_id not in answered:
                    lost.add(call_id)
                open_calls.pop(call_id, None)
                answered.add(call_id)
    lost.update(call_id for call_id, index in open_calls.items() if not _waits(index, items))
    return lost


def _ids(block: Json) -> Iterator[str]:
    """The calls that a block belongs to: its own, and the one that made it."""
    if block.get("type") in CALLS:
        yield text(block.get("id"))
    elif "tool_use_id" in block:
        yield text(block.get("tool_use_id"))
    if caller := text(mapping(block.get("caller")).get("tool_id")):
        yield caller


def _waits(index: int, items: Sequence[HistoryItem]) -> bool:
    """Whether the results of the client's tools are all that follows the assistant's step."""
    after = items[index + 1 :]
    first = next((place for place, item in enumerate(after) if isinstance(item, ResultItem)), None)
    return first is not None and all(isinstance(item, ResultItem) for item in after[first:])
