"""The rules for `system` and `messages`: roles, blocks, and how tool calls and results have to stand."""

import base64
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from tests.strict.messages_models import Model
from tests.strict.messages_shapes import Fault

Message: TypeAlias = Mapping[str, Any]
Block: TypeAlias = Mapping[str, Any]

MAX_IMAGES: Final = 100
MAX_IMAGE: Final = 5 * 2**20
"""Of the base64 text, in bytes."""

MAX_MARKS: Final = 4
IMAGE_TYPES: Final[Mapping[str, bytes]] = {
    "image/png": b"\x89PNG\r\n\x1a\n",
    "image/jpeg": b"\xff\xd8\xff",
    "image/gif": b"GIF8",
    "image/webp": b"RIFF",
}
"""The images that are taken, and what each begins with."""

NEW_VERSION: Final = "2026-10-21"
"""From this version on, documents do not stand in assistant turns, nor citations in what the user says."""

THINKING: Final = frozenset({"thinking", "redacted_thinking"})
SERVER_RESULTS: Final[Mapping[str, str]] = {
    "web_search": "web_search_tool_result",
    "web_fetch": "web_fetch_tool_result",
    "code_execution": "code_execution_tool_result",
    "bash_code_execution": "bash_code_execution_tool_result",
    "text_editor_code_execution": "text_editor_code_execution_tool_result",
    "tool_search_tool_bm25": "tool_search_tool_result",
    "tool_search_tool_regex": "tool_search_tool_result",
}
"""The result that follows each server tool's use."""

_MCP: Final = {"mcp_tool_use": "mcp_tool_result"}
_SERVER_SIDE: Final = frozenset({"server_tool_use", *_MCP, *SERVER_RESULTS.values(), *_MCP.values()})
_USER: Final = frozenset({"text", "image", "document", "search_result", "tool_result", "container_upload"})
_ASSISTANT: Final = frozenset({"text", "tool_use", "document", "container_upload"}) | THINKING | _SERVER_SIDE
_IN_RESULTS: Final = frozenset({"text", "image", "document", "search_result", "tool_reference"})
_ID: Final = re.compile(r"[a-zA-Z0-9_-]+")
_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,128}")


def blocks_of(message: Message) -> list[Block]:
    """The blocks of a message; a text counts as one."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def all_blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Block]]:
    """Every block of a request with its path, in the order in which the model reads them: `system`, then the turns;
    blocks inside of tool results after their result."""
    system = body.get("system")
    for index, block in enumerate(system if isinstance(system, list) else ()):
        yield f"system.{index}", block
    for position, message in enumerate(body["messages"]):
        for index, block in enumerate(blocks_of(message)):
            path = f"messages.{position}.content.{index}"
            yield path, block
            if block["type"] == "tool_result":
                for inner, entry in enumerate(blocks_of(block)):
                    yield f"{path}.tool_result.content.{inner}", entry


def content_faults(body: Mapping[str, Any], model: Model, version: str) -> Iterator[Fault]:
    """What is wrong with `system` and `messages`."""
    messages: Sequence[Message] = body["messages"]
    if not messages:
        yield "messages-empty", "messages", ""
        return
    yield from _system_faults(body.get("system"))
    yield from _turn_faults(messages, model)
    yield from _end_faults(messages, model, thinks=(body.get("thinking") or {}).get("type") == "enabled")
    for position, message in enumerate(messages):
        for index, block in enumerate(blocks_of(message)):
            yield from _block_faults(block, str(message["role"]), f"messages.{position}.content.{index}", version)
    yield from _call_faults(messages)
    yield from _server_call_faults(messages)
    yield from _mark_faults(body)
    images = sum(block["type"] == "image" for _, block in all_blocks(body))
    if images > MAX_IMAGES:
        yield "image-count", "messages", str(images)


# --- turns ------------------------------------------------------------------------------------------------------------


def _system_faults(system: object) -> Iterator[Fault]:
    if not isinstance(system, list):
        return
    for index, block in enumerate(system):
        yield from _text_faults(block, f"system.{index}")


def _turn_faults(messages: Sequence[Message], model: Model) -> Iterator[Fault]:
    if messages[0]["role"] != "user":
        yield "first-role", "messages", ""
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        if not message["content"] and (index < len(messages) - 1 or message["role"] != "assistant"):
            yield "content-empty", path, ""
        if message["role"] == "system":
            if not model.system_role:
                yield "system-role", path, ""
            before = messages[index - 1]["role"] if index else ""
            after = messages[index + 1]["role"] if index + 1 < len(messages) else "assistant"
            if before != "user" or after != "assistant":
                yield "system-position", path, ""


def _end_faults(messages: Sequence[Message], model: Model, *, thinks: bool) -> Iterator[Fault]:
    last = messages[-1]
    if last["role"] != "assistant":
        return
    blocks = blocks_of(last)
    if blocks and blocks[-1]["type"] in _SERVER_SIDE:
        # A turn that was paused: the model goes on where it stopped.
        return
    if not model.prefill or thinks:
        yield "prefill", "messages", ""
    if blocks and str(blocks[-1].get("text") or "x")[-1:].isspace():
        yield "final-whitespace", "messages", ""


# --- blocks -----------------------------------------------------------------------------------------------------------


def _block_faults(block: Block, role: str, path: str, version: str) -> Iterator[Fault]:
    kind = block["type"]
    if kind not in (_USER if role == "user" else _ASSISTANT if role == "assistant" else {"text"}):
        yield "block-role", path, f"`{kind}` blocks in {role} turns"
    if kind == "document" and role == "assistant" and version >= NEW_VERSION:
        yield "block-role", path, "`document` blocks in assistant turns"
    if kind == "text" and role == "user" and block.get("citations") and version >= NEW_VERSION:
        yield "citations-version", f"{path}.text.citations", ""
    if kind in ("tool_use", "server_tool_use", "mcp_tool_use"):
        if not _ID.fullmatch(block["id"]):
            yield "use-id", f"{path}.{kind}.id", ""
        if not _NAME.fullmatch(block["name"]):
            yield "use-name", f"{path}.{kind}.name", ""
    if kind == "server_tool_use" and block["name"] not in SERVER_RESULTS:
        yield "server-use-name", f"{path}.server_tool_use.name", block["name"]
    if kind == "tool_result":
        if block.get("is_error") and not block.get("content"):
            yield "error-empty", f"{path}.tool_result", ""
        for index, inner in enumerate(block["content"] if isinstance(block.get("content"), list) else ()):
            place = f"{path}.tool_result.content.{index}"
            if inner["type"] not in _IN_RESULTS:
                yield "block-role", place, f"`{inner['type']}` blocks in tool results"
            yield from _plain_faults(inner, place)
    yield from _plain_faults(block, path)


def _plain_faults(block: Block, path: str) -> Iterator[Fault]:
    kind = block["type"]
    if kind == "text":
        yield from _text_faults(block, path)
    elif kind == "image":
        yield from _image_faults(block["source"], f"{path}.image.source")
    elif kind == "document":
        yield from _document_faults(block["source"], f"{path}.document.source")


def _text_faults(block: Block, path: str) -> Iterator[Fault]:
    if not block["text"]:
        yield "text-empty", path, path.partition(".")[0]
    elif block["text"].isspace():
        yield "text-blank", path, path.partition(".")[0]


def _image_faults(source: Block, path: str) -> Iterator[Fault]:
    if source["type"] == "url":
        yield from _address_faults(source["url"], f"{path}.url.url")
    if source["type"] != "base64":
        return
    media_type, data = source["media_type"], source["data"]
    if media_type not in IMAGE_TYPES:
        yield "image-type", f"{path}.base64.media_type", ", ".join(IMAGE_TYPES)
        return
    if len(data) > MAX_IMAGE:
        yield "image-size", f"{path}.base64", str(len(data))
    head = base64.b64decode(data[:64])
    real = next((kind for kind, magic in IMAGE_TYPES.items() if head.startswith(magic)), media_type)
    if real != media_type:
        yield "image-mismatch", f"{path}.base64", media_type


def _document_faults(source: Block, path: str) -> Iterator[Fault]:
    if source["type"] == "url":
        yield from _address_faults(source["url"], f"{path}.url.url")
    elif source["type"] == "base64":
        if source["media_type"] != "application/pdf":
            yield "document-type", f"{path}.base64.media_type", ""
        elif not base64.b64decode(source["data"][:64]).startswith(b"%PDF"):
            yield "document-data", f"{path}.base64.data", ""
    elif source["type"] == "text" and not source["data"].strip():
        yield "text-empty", f"{path}.text.data", "document"


def _address_faults(url: str, path: str) -> Iterator[Fault]:
    if not url.startswith(("http://", "https://")):
        yield "address", path, url[:64]


# --- calls and results ------------------------------------------------------------------------------------------------


def _of_kind(message: Message | None, kind: str) -> list[Block]:
    return [block for block in blocks_of(message) if block["type"] == kind] if message is not None else []


def _call_faults(messages: Sequence[Message]) -> Iterator[Fault]:
    known: set[str] = set()
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        calls = [block["id"] for block in _of_kind(message, "tool_use")]
        if message["role"] == "assistant" and calls:
            if len(set(calls)) < len(calls) or known & set(calls):
                yield "use-repeated", path, ""
            known |= set(calls)
            yield from _answer_faults(calls, messages[index + 1] if index + 1 < len(messages) else None, path)
        before = messages[index - 1] if index else None
        asked = {block["id"] for block in _of_kind(before, "tool_use")}
        for position, block in enumerate(blocks_of(message)):
            if block["type"] == "tool_result" and block["tool_use_id"] not in asked:
                yield "result-orphan", f"{path}.content.{position}", block["tool_use_id"]


def _answer_faults(calls: Sequence[str], following: Message | None, path: str) -> Iterator[Fault]:
    """All calls of a turn are answered at the beginning of the next one, once each."""
    blocks = blocks_of(following) if following is not None and following["role"] == "user" else []
    leading = next((i for i, block in enumerate(blocks) if block["type"] != "tool_result"), len(blocks))
    answered = Counter(block["tool_use_id"] for block in blocks[:leading])
    late = {block["tool_use_id"] for block in blocks[leading:] if block["type"] == "tool_result"}
    missing = [call for call in calls if not answered[call]]
    if missing:
        rule = "result-position" if late >= set(missing) else "use-unanswered"
        yield rule, path, ", ".join(missing)
    for call in calls:
        if answered[call] + (call in late) > 1:
            yield "result-repeated", path, call


def _server_call_faults(messages: Sequence[Message]) -> Iterator[Fault]:
    """What the server called has its result in the same turn, behind it and of the same kind; the last turn alone may
    wait for one, when only results of client tools follow."""
    for index, message in enumerate(messages):
        path = f"messages.{index}"
        if message["role"] != "assistant":
            continue
        waiting: dict[str, tuple[str, str]] = {}
        for block in blocks_of(message):
            kind = block["type"]
            if kind in ("server_tool_use", "mcp_tool_use"):
                result = _MCP.get(kind) or SERVER_RESULTS.get(block["name"], "")
                waiting[block["id"]] = (result, block["name"])
            elif kind in _SERVER_SIDE:
                expected, _ = waiting.pop(block["tool_use_id"], ("", ""))
                if not expected:
                    yield "server-result-orphan", path, block["tool_use_id"]
                elif expected != kind:
                    yield "server-result-kind", path, block["tool_use_id"]
        rest = [block for after in messages[index + 1 :] for block in blocks_of(after)]
        if waiting and not all(block["type"] == "tool_result" for block in rest):
            for call_id, (result, name) in waiting.items():
                yield "server-use-unanswered", path, f"`{name}` with id `{call_id}`: `{result}`"


# --- the cache --------------------------------------------------------------------------------------------------------


def _mark_faults(body: Mapping[str, Any]) -> Iterator[Fault]:
    tools = [(f"tools.{index}", tool) for index, tool in enumerate(body.get("tools") or ())]
    marked = [(path, holder["cache_control"]) for path, holder in (*tools, *all_blocks(body)) if _is_marked(holder)]
    if _is_marked(body):
        marked.append(("cache_control", body["cache_control"]))
    if len(marked) > MAX_MARKS:
        yield "cache-count", marked[MAX_MARKS][0], str(len(marked))
    short = False
    for path, mark in marked:
        if mark.get("ttl") == "1h" and short:
            yield "cache-order", f"{path}.cache_control.ttl", ""
        short = short or mark.get("ttl") != "1h"


def _is_marked(holder: Mapping[str, Any]) -> bool:
    return holder.get("cache_control") is not None
