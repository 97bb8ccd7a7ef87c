"""The rules for `messages`: roles, contents, and how calls and the tools' answers have to stand."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, TypeAlias

from tests.strict.chat_servers import MESSAGE, Server

Faults: TypeAlias = Iterator[tuple[str, str, str]]
"""(rule, path, detail) each."""

Message: TypeAlias = Mapping[str, Any]

_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "text": frozenset({"type", "text", "prompt_cache_breakpoint"}),
    "image_url": frozenset({"type", "image_url"}),
    "file": frozenset({"type", "file"}),
    "input_audio": frozenset({"type", "input_audio"}),
    "refusal": frozenset({"type", "refusal"}),
    "document_url": frozenset({"type", "document_url", "document_name"}),
    "thinking": frozenset({"type", "thinking", "signature", "closed"}),
}
_TEXT_ONLY: Final = frozenset({"system", "developer", "tool"})


def texts_of(message: Message) -> list[str]:
    """The texts of a message."""
    content = message.get("content")
    if isinstance(content, str):
        return [content]
    return [str(part.get("text") or "") for part in content or () if isinstance(part, dict)]


# --- contents ---------------------------------------------------------------------------------------------------------


def content_faults(messages: Sequence[Message], server: Server) -> Faults:
    """What is wrong with the messages, each by itself."""
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        role = str(message.get("role"))
        if role not in MESSAGE or (role == "developer" and not server.developer_role):
            yield "role", path, role
            continue
        beside = {"assistant": server.assistant_members, "tool": server.tool_members}.get(role, frozenset())
        for name in message:
            if name not in MESSAGE[role] | beside:
                yield "message-member", f"{path}.{name}", ""
        yield from _one_content(message, f"{path}.content", server)
        if role == "assistant":
            yield from _calls(message, path, server)
        if role == "tool" and server.call_ids.fullmatch(str(message.get("tool_call_id"))) is None:
            yield "call-id", f"{path}.tool_call_id", str(message.get("tool_call_id"))


def _one_content(message: Message, path: str, server: Server) -> Faults:
    role, content = message["role"], message.get("content")
    stands_alone = role != "assistant" or not (message.get("tool_calls") or message.get("refusal"))
    if content is None:
        if stands_alone or not server.null_content:
            yield "content-missing", path, ""
    elif isinstance(content, str):
        if not content and role != "tool" and stands_alone and not server.empty_texts:
            yield "text-empty", path, ""
    elif not isinstance(content, list) or not server.list_content:
        yield "content-kind", path, ""
    else:
        if not content:
            yield "text-empty", path, ""
        for index, part in enumerate(content):
            yield from _part(part, role, f"{path}[{index}]", server)


def _part(part: Mapping[str, Any], role: str, path: str, server: Server) -> Faults:
    kind = str(part.get("type"))
    if kind not in server.part_types or (role in _TEXT_ONLY and kind != "text"):
        yield "part-type", path, kind
        return
    for name in part:
        if name not in _PARTS[kind]:
            yield "part-member", f"{path}.{name}", ""
    if kind == "text" and not part.get("text") and not server.empty_texts:
        yield "text-empty", path, ""


def _calls(message: Message, path: str, server: Server) -> Faults:
    calls = message.get("tool_calls")
    if calls is None:
        return
    if not calls:
        yield "calls-empty", f"{path}.tool_calls", ""
    seen: set[str] = set()
    for index, call in enumerate(calls):
        place = f"{path}.tool_calls[{index}]"
        kind, text = ("custom", "input") if call.get("type") == "custom" else ("function", "arguments")
        function, call_id = call.get(kind) or {}, call.get("id")
        foreign = kind == "custom" and not server.custom_tools
        if foreign or set(call) - {"index"} != {"id", "type", kind} or set(function) != {"name", text}:
            yield "call-form", place, ""
            continue
        if server.call_ids.fullmatch(str(call_id)) is None:
            yield "call-id", f"{place}.id", str(call_id)
        if call_id in seen:
            yield "call-repeated", f"{place}.id", str(call_id)
        seen.add(str(call_id))
        if kind == "function" and not _is_object(function["arguments"]):
            yield "call-arguments", f"{place}.function.arguments", ""


def _is_object(arguments: object) -> bool:
    try:
        return isinstance(arguments, str) and isinstance(json.loads(arguments), dict)
    except ValueError:
        return False


# --- order ------------------------------------------------------------------------------------------------------------


def order_faults(messages: Sequence[Message], server: Server) -> Faults:
    """What is wrong with the order of the messages."""
    yield from _pairs(messages)
    yield from _system_order(messages, server)
    roles = [str(message.get("role")) for message in messages]
    if server.needs_user and "user" not in roles:
        yield "user-missing", "messages", ""
    spoken = [role for role in roles if role not in ("system", "developer")]
    pairs = list(pairwise(spoken))
    if ("tool", "user") in pairs and not server.user_after_tool:
        yield "user-after-tool", "messages", ""
    if server.alternates and (spoken[:1] == ["assistant"] or any(first == second != "tool" for first, second in pairs)):
        yield "alternation", "messages", ""
    if roles[-1] == "assistant" and not server.ends_with_assistant and not messages[-1].get("prefix"):
        yield "last-role", "messages", ""


def _system_order(messages: Sequence[Message], server: Server) -> Faults:
    places = [index for index, message in enumerate(messages) if message.get("role") in ("system", "developer")]
    if server.system_messages == "any":
        return
    if places != list(range(len(places))):
        yield "system-position", "messages", ""
    if server.system_messages == "one" and len(places) > 1:
        yield "system-repeated", "messages", ""


def _pairs(messages: Sequence[Message]) -> Faults:
    """Every call is answered at once, once; every answer has its call."""
    waiting: dict[str, str] = {}
    answered: set[str] = set()
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        call_id = str(message.get("tool_call_id"))
        if message.get("role") == "tool":
            if waiting.pop(call_id, None) is not None:
                answered.add(call_id)
            elif call_id in answered:
                yield "tool-repeated", path, call_id
            else:
                yield "tool-orphan", f"{path}.role", ""
            continue
        if waiting:
            yield "call-unanswered", path, ", ".join(waiting)
        waiting = {str(call.get("id")): path for call in message.get("tool_calls") or ()}
        answered = set()
    if waiting:
        yield "call-unanswered", "messages", ", ".join(waiting)
