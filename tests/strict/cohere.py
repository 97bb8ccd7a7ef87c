"""Cohere's Chat API (v2) as strictly as the vendor can be. Source: docs.cohere.com, cohere 7.3, recorded refusals.

Where it is not known that the vendor refuses something that it does not describe, this one does.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import orjson

from tests.strict import cohere_schema
from tests.strict.complaint import Complaint, Request
from tests.vendors.script import END, Reply

Faults: TypeAlias = Iterator[tuple[str, str, str]]
"""(rule, path, detail) each."""

PATH: Final = "/v2/chat"

RULES: Final[Mapping[str, str]] = {
    "path": "invalid path {detail}",
    "credential": "invalid api token",
    "body": "invalid json syntax: the request is no JSON object",
    "unknown-member": "unknown field: {detail}",
    "member-type": "invalid type: {path} has to be {detail}",
    "range": "invalid request: {path} must be {detail}",
    "no-messages": "invalid request: list of messages must be at least 1 message long.",
    "role": "invalid request: unknown role {detail}",
    "system-place": "invalid request: a system message has to be the first of all",
    "content": "invalid request: {path} has to be text or a list of content blocks, and not empty",
    "block": "invalid request: a content block of type {detail} is not valid here",
    "vision": "invalid request: model does not support images",
    "image": "invalid request: an image is an address or a data URL, of a detail auto, low or high",
    "assistant": "invalid request: an assistant message must have content or tool_calls",
    "thinking-place": "invalid request: thinking has to be at the beginning of the content",
    "call": "invalid request: a tool call has an id, the type function, a name, and arguments that are a JSON object",
    "call-id": "invalid request: duplicate tool call id {detail}",
    "plan": "invalid request: tool_plan without tool_calls",
    "result": "invalid request: tool_call_id not found in previous tool calls: {detail}",
    "results-missing": "invalid request: all tool calls must be followed by tool messages: {detail}",
    "document": "invalid request: a document has data that are an object, and an id that no other has",
    "tool": "invalid request: a tool has the type function, a name of letters and digits, and a schema of an object",
    "tool-name": "invalid request: duplicate tool name {detail}",
    "strict-schema": "invalid request: strict_tools: {detail}",
    "strict-fields": "invalid request: strict_tools: more than 200 fields",
    "strict-alone": "invalid request: strict_tools needs tools",
    "tool-choice": "invalid request: tool_choice has to be REQUIRED or NONE",
    "tool-choice-alone": "invalid request: tool_choice needs tools",
    "tool-choice-model": "invalid request: tool_choice is not supported by this model",
    "format": "invalid request: response_format: {detail}",
    "format-tools": "invalid request: response_format is not supported with tools or documents",
    "format-words": "invalid request: messages must ask for JSON",
    "thinking": "invalid request: thinking is enabled or disabled; a budget goes with enabled",
    "thinking-model": "invalid request: thinking is not supported by this model",
    "budget": "invalid request: token_budget must be less than max_tokens",
    "safety": "invalid request: safety_mode {detail} is not valid here",
    "citations": "invalid request: citation_options.mode {detail}",
}
"""Every rule, and a sentence of the vendor's kind."""

MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "model": (str,),
    "messages": (list,),
    "tools": (list,),
    "strict_tools": (bool,),
    "documents": (list,),
    "citation_options": (dict,),
    "response_format": (dict,),
    "safety_mode": (str,),
    "max_tokens": (int,),
    "stop_sequences": (list,),
    "temperature": (int, float),
    "seed": (int,),
    "frequency_penalty": (int, float),
    "presence_penalty": (int, float),
    "k": (int,),
    "p": (int, float),
    "logprobs": (bool,),
    "tool_choice": (str,),
    "thinking": (dict,),
    "priority": (int,),
    "stream": (bool,),
}

RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "max_tokens": (1, 2**31),
    "temperature": (0, 1),
    "frequency_penalty": (0, 1),
    "presence_penalty": (0, 1),
    "k": (0, 500),
    "p": (0.01, 0.99),
    "priority": (0, 999),
}

MESSAGE_MEMBERS: Final = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls", "tool_plan", "citations"},
    "tool": {"role", "content", "tool_call_id"},
}
BLOCK_MEMBERS: Final = {
    "text": {"type", "text"},
    "thinking": {"type", "thinking"},
    "image_url": {"type", "image_url"},
    "document": {"type", "document"},
}
BLOCKS: Final = {
    "system": {"text"},
    "user": {"text", "image_url"},
    "assistant": {"text", "thinking"},
    "tool": {"text", "document"},
}

#: By the beginnings of their names.
THINKERS: Final = ("command-a-plus", "command-a-reasoning")
SEERS: Final = ("command-a-plus", "command-a-vision", "c4ai-aya-vision")
OF_AUGUST: Final = ("command-r-08-2024", "command-r-plus-08-2024")

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_URL = re.compile(r"https?://\S+|data:image/(?:jpeg|png|webp|gif);base64,\S+")


def complaints(request: Request, key: str) -> list[Complaint]:
    """Everything that the vendor would refuse the request for."""
    faults: list[tuple[str, str, str]] = []
    if request.path != PATH:
        faults.append(("path", "", request.path))
    if request.headers.get("authorization") != f"Bearer {key}":
        faults.append(("credential", "", ""))
    if not isinstance(request.body, dict):
        faults.append(("body", "", ""))
    else:
        faults += _of_body(request.body)
    return [Complaint(rule, path, RULES[rule].format(path=path, detail=detail)) for rule, path, detail in faults]


def answer(found: Sequence[Complaint]) -> Reply:
    """The error answer for the first complaint."""
    status = {"path": 404, "credential": 401}.get(found[0].rule, 400)
    body = orjson.dumps({"id": "d7a4", "message": found[0].message})
    return Reply(status, (body, END), {"content-type": "application/json"})


def _of_body(body: Mapping[str, Any]) -> Faults:
    wrong = False
    for name, value in body.items():
        if name not in MEMBERS:
            yield "unknown-member", name, name
        elif not isinstance(value, MEMBERS[name]) or (isinstance(value, bool) and bool not in MEMBERS[name]):
            wrong = True
            yield "member-type", name, " or ".join(kind.__name__ for kind in MEMBERS[name])
    for name in ("model", "messages"):
        if name not in body:
            wrong = True
            yield "member-type", name, MEMBERS[name][0].__name__
    if wrong:
        return
    yield from _settings(body)
    yield from _messages(body["messages"], body["model"])
    yield from _tools(body)
    yield from _format(body)


# --- settings ---------------------------------------------------------------------------------------------------------


def _settings(body: Mapping[str, Any]) -> Faults:
    model = body["model"]
    for name, (least, most) in RANGES.items():
        if name in body and not least <= body[name] <= most:
            yield "range", name, f"from {least} to {most}"
    if len(body.get("stop_sequences", ())) > 5:
        yield "range", "stop_sequences", "5 at most"
    thinking = body.get("thinking")
    if thinking is not None:
        budget = thinking.get("token_budget")
        if not thinking.keys() <= {"type", "token_budget"} or thinking.get("type") not in ("enabled", "disabled"):
            yield "thinking", "thinking", ""
        elif budget is not None and (type(budget) is not int or budget < 1 or thinking["type"] == "disabled"):
            yield "thinking", "thinking.token_budget", ""
        elif budget is not None and budget >= body.get("max_tokens", 2**31):
            yield "budget", "thinking.token_budget", ""
        if not model.startswith(THINKERS):
            yield "thinking-model", "thinking", ""
    mode = body.get("safety_mode")
    if mode is not None:
        off = mode == "OFF" and not model.startswith(OF_AUGUST)
        if mode not in ("CONTEXTUAL", "STRICT", "OFF") or off or "tools" in body or "documents" in body:
            yield "safety", "safety_mode", mode
    citations = body.get("citation_options")
    if citations is not None and citations.get("mode") not in ("ENABLED", "DISABLED", "FAST", "ACCURATE", "OFF"):
        yield "citations", "citation_options", str(citations)


# --- messages ---------------------------------------------------------------------------------------------------------


def _messages(messages: Sequence[Any], model: str) -> Faults:
    if not messages:
        yield "no-messages", "messages", ""
    waiting: list[str] = []
    documents: set[str] = set()
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        role = message.get("role") if isinstance(message, dict) else None
        if role not in MESSAGE_MEMBERS:
            yield "role", path, str(role)
            continue
        for name in sorted(message.keys() - MESSAGE_MEMBERS[role]):
            yield "unknown-member", f"{path}.{name}", name
        if role == "system" and index:
            yield "system-place", path, ""
        if role == "tool":
            call_id = message.get("tool_call_id")
            if call_id in waiting:
                waiting.remove(call_id)
            else:
                yield "result", path, str(call_id)
        elif waiting:
            yield "results-missing", path, ", ".join(waiting)
            waiting = []
        if role == "assistant":
            yield from _assistant(message, path)
            calls = [call for call in message.get("tool_calls") or () if isinstance(call, dict)]
            waiting = [str(call.get("id")) for call in calls]
        if role != "assistant" or message.get("content") is not None:
            yield from _content(message.get("content"), role, f"{path}.content", model)
        yield from _documents(message.get("content"), documents, f"{path}.content")
    if waiting:
        yield "results-missing", "messages", ", ".join(waiting)


def _assistant(message: Mapping[str, Any], path: str) -> Faults:
    calls = message.get("tool_calls")
    if message.get("content") is None and not calls:
        yield "assistant", path, ""
    if "tool_plan" in message and not calls:
        yield "plan", f"{path}.tool_plan", ""
    seen: set[str] = set()
    for index, call in enumerate(calls or ()):
        place = f"{path}.tool_calls[{index}]"
        function = call.get("function") if isinstance(call, dict) else None
        if (
            not isinstance(function, dict)
            or call.keys() != {"id", "type", "function"}
            or call["type"] != "function"
            or function.keys() != {"name", "arguments"}
            or not _NAME.fullmatch(str(function["name"]))
            or not _is_object(function["arguments"])
            or not call["id"]
        ):
            yield "call", place, ""
        elif call["id"] in seen:
            yield "call-id", place, call["id"]
        else:
            seen.add(call["id"])


def _content(content: Any, role: str, path: str, model: str) -> Faults:
    if not isinstance(content, (str, list)) or not content:
        yield "content", path, ""
        return
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    kinds = [block.get("type") if isinstance(block, dict) else None for block in blocks]
    if "thinking" in kinds and (kinds != sorted(kinds, key=lambda kind: kind != "thinking")):
        yield "thinking-place", path, ""
    if "thinking" in kinds and not model.startswith(THINKERS):
        yield "thinking-model", path, ""
    for index, (block, kind) in enumerate(zip(blocks, kinds, strict=True)):
        place = f"{path}[{index}]"
        if kind not in BLOCKS[role] or block.keys() != BLOCK_MEMBERS[kind]:
            yield "block", place, str(kind)
        elif kind in ("text", "thinking") and (not isinstance(block[kind], str) or not block[kind].strip()):
            yield "content", place, ""
        elif kind == "image_url":
            yield from _image(block["image_url"], place, model)


def _image(image: Any, path: str, model: str) -> Faults:
    if not model.startswith(SEERS):
        yield "vision", path, ""
    if (
        not isinstance(image, dict)
        or not image.keys() <= {"url", "detail"}
        or not _URL.fullmatch(str(image.get("url")))
        or image.get("detail", "auto") not in ("auto", "low", "high")
    ):
        yield "image", path, ""


def _documents(content: Any, seen: set[str], path: str) -> Faults:
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if not isinstance(block, dict) or block.get("type") != "document":
            continue
        document = block["document"] if isinstance(block.get("document"), dict) else {}
        name, data = document.get("id"), document.get("data")
        if not document.keys() <= {"id", "data"} or not isinstance(data, dict) or not data or name in {"", *seen}:
            yield "document", f"{path}[{index}]", ""
        elif name is not None:
            seen.add(name)


# --- tools and form ---------------------------------------------------------------------------------------------------


def _tools(body: Mapping[str, Any]) -> Faults:
    tools = body.get("tools")
    choice = body.get("tool_choice")
    if choice is not None:
        if choice not in ("REQUIRED", "NONE"):
            yield "tool-choice", "tool_choice", ""
        if not tools:
            yield "tool-choice-alone", "tool_choice", ""
        if body["model"].startswith(OF_AUGUST):
            yield "tool-choice-model", "tool_choice", ""
    if body.get("strict_tools") and not tools:
        yield "strict-alone", "strict_tools", ""
    schemas: list[Mapping[str, Any]] = []
    names: set[str] = set()
    for index, tool in enumerate(tools or ()):
        place = f"tools[{index}]"
        function = tool.get("function") if isinstance(tool, dict) else None
        schema = function.get("parameters") if isinstance(function, dict) else None
        if (
            not isinstance(function, dict)
            or tool.keys() != {"type", "function"}
            or tool["type"] != "function"
            or not function.keys() <= {"name", "description", "parameters"}
            or not _NAME.fullmatch(str(function.get("name")))
            or not isinstance(function.get("description", ""), str)
            or not isinstance(schema, dict)
            or schema.get("type") != "object"
        ):
            yield "tool", place, ""
            continue
        if function["name"] in names:
            yield "tool-name", place, function["name"]
        names.add(function["name"])
        schemas.append(schema)
        if body.get("strict_tools"):
            for where, detail in cohere_schema.faults(schema):
                yield "strict-schema", f"{place}.function.parameters{where}", detail
    if body.get("strict_tools") and sum(map(cohere_schema.fields, schemas)) > 200:
        yield "strict-fields", "tools", ""


def _format(body: Mapping[str, Any]) -> Faults:
    form = body.get("response_format")
    if form is None or form == {"type": "text"}:
        return
    if form.get("type") != "json_object" or not form.keys() <= {"type", "json_schema"}:
        yield "format", "response_format", "type has to be text or json_object"
        return
    if "tools" in body or "documents" in body:
        yield "format-tools", "response_format", ""
    if "json_schema" in form:
        for where, detail in cohere_schema.faults(form["json_schema"]):
            yield "format", f"response_format.json_schema{where}", detail
    elif b"json" not in orjson.dumps(body["messages"]).lower():
        yield "format-words", "messages", ""


def _is_object(text: Any) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except (orjson.JSONDecodeError, TypeError):
        return False
