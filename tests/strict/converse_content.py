"""The rules for `system` and `messages`: roles, blocks, and how tool calls and results have to stand."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

from tests.strict.converse_families import Family
from tests.strict.converse_shapes import Fault

Message: TypeAlias = Mapping[str, Any]
Block: TypeAlias = Mapping[str, Any]

MAX_IMAGES: Final = 20
MAX_DOCUMENTS: Final = 5
MAX_CACHE_POINTS: Final = 4

_NAME: Final = re.compile(r"[a-zA-Z0-9\s\-()\[\]]+")
_SILENT: Final = frozenset({"cachePoint"})
"""Blocks that say nothing."""

_USER: Final = frozenset({"text", "image", "document", "audio", "video", "toolResult", "guardContent", "cachePoint"})
_ASSISTANT: Final = frozenset({"text", "toolUse", "toolResult", "reasoningContent", "citationsContent", "cachePoint"})


def kind_of(block: Block) -> str:
    """The kind of a block: its one member."""
    return next(iter(block))


def all_blocks(body: Mapping[str, Any]) -> Iterator[tuple[str, Block]]:
    """Every block of the messages with its path, those inside results too."""
    for place, message in enumerate(body.get("messages") or ()):
        for index, block in enumerate(message["content"]):
            path = f"messages.{place}.content.{index}"
            yield path, block
            for number, inner in enumerate((block.get("toolResult") or {}).get("content") or ()):
                yield f"{path}.toolResult.content.{number}", inner


def content_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    """All of them."""
    messages: Sequence[Message] = body.get("messages") or []
    if not messages:
        yield "messages-empty", "messages", ""
        return
    yield from _role_faults(messages, family)
    if body.get("system") and not family.system:
        yield "system", "system", ""
    for index, block in enumerate(body.get("system") or ()):
        if "text" in block and not block["text"].strip():
            yield "text-blank", f"system.{index}", ""
    for place, message in enumerate(messages):
        yield from _turn_faults(message, f"messages.{place}", family)
    yield from _pairing_faults(messages)
    yield from _media_faults(body, family)
    yield from _cache_faults(body, family)


def _role_faults(messages: Sequence[Message], family: Family) -> Iterator[Fault]:
    if messages[0]["role"] != "user" and not (family.leading and messages[0]["role"] == "assistant"):
        yield "first-role", "messages.0", ""
    for place, (message, following) in enumerate(pairwise(messages)):
        if message["role"] == following["role"]:
            yield "alternation", f"messages.{place + 1}", message["role"]
    for place, message in enumerate(messages):
        if message["role"] != "system":
            continue
        if not family.system_role:
            yield "system-role", f"messages.{place}", ""
        elif messages[place - 1]["role"] != "user" or any(
            following["role"] != "assistant" for following in messages[place + 1 : place + 2]
        ):
            yield "system-position", f"messages.{place}", ""
    if messages[-1]["role"] == "assistant" and not family.prefill:
        yield "prefill", f"messages.{len(messages) - 1}", ""


def _turn_faults(message: Message, path: str, family: Family) -> Iterator[Fault]:
    blocks = message["content"]
    kinds = [kind_of(block) for block in blocks]
    if not set(kinds) - _SILENT:
        yield "content-empty", path, ""
        return
    if kinds[0] in _SILENT:
        yield "cache-first", path, ""
    allowed = _USER if message["role"] == "user" else _ASSISTANT
    for index, (kind, block) in enumerate(zip(kinds, blocks, strict=True)):
        if kind not in allowed:
            yield "block-role", f"{path}.content.{index}", kind
        if kind == "text" and not block["text"].strip():
            yield "text-blank", f"{path}.content.{index}", ""
        if kind == "reasoningContent" and not family.reasoning:
            yield "reasoning", f"{path}.content.{index}", ""
        if kind == "reasoningContent" and (block[kind].get("reasoningText") or {}).get("text") == "":
            yield "reasoning-empty", f"{path}.content.{index}", ""
    if kinds[-1] == "reasoningContent":
        yield "reasoning-last", path, ""
    if "document" in kinds and "text" not in kinds:
        yield "document-alone", path, ""
    if message["role"] == "user" and "toolResult" in kinds:
        yield from _result_turn_faults(blocks, kinds, path, family)


def _result_turn_faults(blocks: Sequence[Block], kinds: Sequence[str], path: str, family: Family) -> Iterator[Fault]:
    others = [kind for kind in kinds if kind != "toolResult" and kind not in _SILENT]
    for kind in others:
        if kind not in family.shares:
            yield "result-shares", path, kind
    said = [kind for kind in kinds if kind not in _SILENT]
    if "toolResult" in said[said.index(others[0]) :] if others else False:
        yield "result-position", path, ""
    for index, block in enumerate(blocks):
        result = block.get("toolResult")
        if result is None:
            continue
        if not result["content"]:
            yield "result-empty", f"{path}.content.{index}", ""
        if "status" in result and not family.status:
            yield "result-status", f"{path}.content.{index}", ""
        for inner in result["content"]:
            kind = kind_of(inner)
            found = {kind, (inner[kind].get("format") if isinstance(inner[kind], dict) else None) or kind}
            if not found & family.in_results:
                yield "result-content", f"{path}.content.{index}", kind
            if kind == "text" and not inner["text"].strip():
                yield "text-blank", f"{path}.content.{index}", ""


def _pairing_faults(messages: Sequence[Message]) -> Iterator[Fault]:
    seen: set[str] = set()
    for place, message in enumerate(messages):
        path = f"messages.{place}"
        calls = [block["toolUse"] for block in message["content"] if "toolUse" in block]
        results = [block["toolResult"] for block in message["content"] if "toolResult" in block]
        own = {call["toolUseId"] for call in calls if call.get("type") == "server_tool_use"}
        if message["role"] == "assistant":
            for call in calls:
                if call["toolUseId"] in seen:
                    yield "use-repeated", path, call["toolUseId"]
                seen.add(call["toolUseId"])
                if not isinstance(call["input"], dict):
                    yield "use-input", path, ""
            asked = {call["toolUseId"] for call in calls} - own
            after = messages[place + 1]["content"] if place + 1 < len(messages) else ()
            given = [block["toolResult"]["toolUseId"] for block in after if "toolResult" in block]
            for call_id in asked - set(given):
                yield "use-unanswered", path, call_id
            for result in results:
                if result["toolUseId"] not in own:
                    yield "result-orphan", path, result["toolUseId"]
            continue
        before = messages[place - 1]["content"] if place else ()
        asked = {block["toolUse"]["toolUseId"] for block in before if "toolUse" in block}
        answered: set[str] = set()
        for result in results:
            if result["toolUseId"] not in asked:
                yield "result-orphan", path, result["toolUseId"]
            if result["toolUseId"] in answered:
                yield "result-repeated", path, result["toolUseId"]
            answered.add(result["toolUseId"])


def _media_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    images = [path for path, block in all_blocks(body) if "image" in block]
    documents = [(path, block["document"]) for path, block in all_blocks(body) if "document" in block]
    if images and not family.images:
        yield "images", images[0], ""
    if len(images) > MAX_IMAGES:
        yield "image-count", images[MAX_IMAGES], str(len(images))
    if len(documents) > MAX_DOCUMENTS:
        yield "document-count", documents[MAX_DOCUMENTS][0], str(len(documents))
    names: set[str] = set()
    for path, document in documents:
        if not _NAME.fullmatch(document["name"]) or "  " in document["name"]:
            yield "document-name", path, document["name"]
        if document["name"] in names:
            yield "document-repeated", path, document["name"]
        names.add(document["name"])


def _cache_faults(body: Mapping[str, Any], family: Family) -> Iterator[Fault]:
    tools = (body.get("toolConfig") or {}).get("tools") or ()
    holders = [*tools, *(body.get("system") or ()), *(block for _, block in all_blocks(body))]
    points = [holder["cachePoint"] for holder in holders if "cachePoint" in holder]
    if points and not family.caches:
        yield "cache", "", ""
    if len(points) > MAX_CACHE_POINTS:
        yield "cache-count", "", str(len(points))
    lives = [point.get("ttl", "5m") for point in points]
    if "1h" in lives and not family.caches_long:
        yield "cache-life", "", ""
    if "1h" in lives[lives.index("5m") :] if "5m" in lives else False:
        yield "cache-order", "", ""
