"""Ollama's own API as strictly as a server can be. Source: docs.ollama.com, ollama 0.6 (the SDK), the types of the
server's API.

The real server leaves out what it does not know, cuts what is too long, and says nothing of either: this one complains.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from proxy.provider.json_schema import references
from tests.strict.complaint import Complaint, Request
from tests.vendors.script import END, Reply

Faults: TypeAlias = Iterator[tuple[str, str, str]]
"""(rule, path, detail) each."""

PATH: Final = "/api/chat"

RULES: Final[Mapping[str, str]] = {
    "path": "404 page not found",
    "credential": "unauthorized",
    "body": "missing request body",
    "unknown-member": "json: unknown field {detail}",
    "member-type": "json: cannot unmarshal into Go struct field ChatRequest.{path} of type {detail}",
    "stream": "a request has to say whether it streams",
    "context-unnamed": "options.num_ctx is missing: the server's own would cut the messages",
    "option": "invalid option provided: {detail}",
    "context": "request ({detail} tokens) exceeds the available context size, try increasing it",
    "cut": "truncating input messages which exceed context length ({detail} tokens)",
    "truncate": "the messages may be cut: truncate and shift have to be false",
    "no-messages": "messages are missing",
    "role": "invalid role: {detail}",
    "content": "json: cannot unmarshal into Go struct field Message.content of type string",
    "image": "illegal base64 data at input byte 4",
    "vision": "this model is missing data required for image input",
    "thinking-place": "thinking belongs to messages of the assistant after the user's last one",
    "call": "json: cannot unmarshal into Go struct field ToolCallFunction.arguments of type map[string]any",
    "call-index": "the calls of a message are numbered from 0",
    "result": "a result names the tool and the call before it: {detail}",
    "result-order": "results stand in the order of their calls: {detail}",
    "results-missing": "calls without results: {detail}",
    "tools-model": '"{detail}" does not support tools',
    "tool": "json: cannot unmarshal into Go struct field ToolFunction of type api.ToolFunctionParameters",
    "tool-name": "two tools of one name: {detail}",
    "reference": "the model is not told what $ref points to",
    "format": 'invalid format: {detail}; expected "json" or a valid JSON Schema object',
    "format-tools": "with a format the model calls no tools",
    "format-cloud": "the cloud does not hold to formats",
    "think": 'invalid think value: "{detail}" (must be "high", "medium", "low", "max", true, or false)',
    "think-model": '"{detail}" does not support thinking',
    "think-level": "the model takes a level of thinking, and always thinks",
    "logprobs": "top_logprobs must be between 0 and 20, and logprobs true",
    "keep-alive": "time: invalid duration {detail}",
}
"""Every rule, and a sentence of the server's kind."""

MEMBERS: Final[Mapping[str, tuple[type, ...]]] = {
    "model": (str,),
    "messages": (list,),
    "tools": (list,),
    "format": (str, dict),
    "options": (dict,),
    "stream": (bool,),
    "keep_alive": (str, int, float),
    "think": (bool, str),
    "truncate": (bool,),
    "shift": (bool,),
    "logprobs": (bool,),
    "top_logprobs": (int,),
}

OPTIONS: Final[Mapping[str, tuple[type, ...]]] = {
    "num_ctx": (int,),
    "num_predict": (int,),
    "num_keep": (int,),
    "seed": (int,),
    "top_k": (int,),
    "repeat_last_n": (int,),
    "temperature": (int, float),
    "top_p": (int, float),
    "min_p": (int, float),
    "typical_p": (int, float),
    "repeat_penalty": (int, float),
    "presence_penalty": (int, float),
    "frequency_penalty": (int, float),
    "stop": (list,),
}

MESSAGE_MEMBERS: Final = {
    "system": {"role", "content"},
    "user": {"role", "content", "images"},
    "assistant": {"role", "content", "thinking", "tool_calls"},
    "tool": {"role", "content", "tool_name", "tool_call_id"},
}

PARAMETERS: Final[Mapping[str, tuple[type, ...]]] = {"type": (str,), "required": (list,), "properties": (dict,)}
PROPERTY: Final[Mapping[str, tuple[type, ...]]] = {
    "type": (str, list),
    "description": (str,),
    "enum": (list,),
    "anyOf": (list,),
    "properties": (dict,),
    "required": (list,),
}

LEVELS: Final = ("low", "medium", "high", "max")

_DURATION = re.compile(r"-?\d+(?:\.\d+)?(?:ns|us|ms|s|m|h)(?:\d+(?:\.\d+)?(?:ns|us|ms|s|m|h))*")


@dataclass(frozen=True, slots=True)
class Server:
    """One server. `key`: what the cloud asks for (empty: a server of one's own); `blind`, `plain`, `mute` and
    `levelled` are models without eyes, without thinking, without tools, and with levels of thinking;
    `knows_truncate`: it refuses what is too long; older ones cut it."""

    key: str = ""
    blind: tuple[str, ...] = ("llama3.2",)
    plain: tuple[str, ...] = ("llama3.2", "gemma3")
    mute: tuple[str, ...] = ("gemma3",)
    levelled: tuple[str, ...] = ("gpt-oss:20b",)
    knows_truncate: bool = True


def complaints(request: Request, server: Server) -> list[Complaint]:
    """Everything that the server has to say against the request."""
    faults: list[tuple[str, str, str]] = []
    if request.path != PATH:
        faults.append(("path", "", request.path))
    if request.headers.get("authorization", "") != (f"Bearer {server.key}" if server.key else ""):
        faults.append(("credential", "", ""))
    if not isinstance(request.body, dict):
        faults.append(("body", "", ""))
    else:
        faults += _of_body(request.body, server)
    return [Complaint(rule, path, RULES[rule].format(path=path, detail=detail)) for rule, path, detail in faults]


def answer(found: Sequence[Complaint]) -> Reply:
    """The error answer for the first complaint. What is too long is told by the model's runner, as JSON in a text."""
    first = found[0]
    if first.rule == "path":
        return Reply(404, (first.message.encode(), END), {"content-type": "text/plain"})
    message = first.message
    if first.rule == "context":
        inner = {"error": {"code": 400, "message": message, "type": "exceed_context_size_error"}}
        message = orjson.dumps(inner).decode()
    status = 401 if first.rule == "credential" else 400
    return Reply(status, (orjson.dumps({"error": message}), END), {"content-type": "application/json; charset=utf-8"})


def tokens(body: Mapping[str, Any]) -> int:
    """The tokens of the messages, as this server counts: the words, and four around each message."""
    messages = [message for message in body["messages"] if isinstance(message, dict)]
    return sum(4 + len(str(message.get("content", "")).split()) for message in messages)


def _of_body(body: Mapping[str, Any], server: Server) -> Faults:
    wrong = False
    for name, value in body.items():
        if name not in MEMBERS:
            yield "unknown-member", name, name
        elif not _fits(value, MEMBERS[name]):
            wrong = True
            yield "member-type", name, MEMBERS[name][0].__name__
    for name in ("model", "messages"):
        if name not in body:
            wrong = True
            yield "member-type", name, MEMBERS[name][0].__name__
    if wrong:
        return
    yield from _settings(body, server)
    yield from _messages(body["messages"], body["model"], server)
    yield from _tools(body.get("tools", ()), body["model"], server)


def _fits(value: Any, kinds: tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and (not isinstance(value, bool) or bool in kinds)


# --- settings ---------------------------------------------------------------------------------------------------------


def _settings(body: Mapping[str, Any], server: Server) -> Faults:
    model, options = body["model"], body.get("options", {})
    in_the_cloud = bool(server.key) or model.endswith("-cloud")
    if "stream" not in body:
        yield "stream", "stream", ""
    for name, value in options.items():
        if name not in OPTIONS or not _fits(value, OPTIONS[name]):
            yield "option", f"options.{name}", name
    if body.get("truncate") is not False or body.get("shift") is not False:
        yield "truncate", "truncate", ""
    window = options.get("num_ctx")
    if not in_the_cloud and not isinstance(window, int):
        yield "context-unnamed", "options.num_ctx", ""
    elif isinstance(window, int) and (size := tokens(body)) > window:
        yield "context" if server.knows_truncate else "cut", "messages", str(size)
    form = body.get("format")
    if form is not None:
        if form != "json" and not isinstance(form, dict):
            yield "format", "format", str(form)
        if body.get("tools"):
            yield "format-tools", "format", ""
        if in_the_cloud:
            yield "format-cloud", "format", ""
    think = body.get("think")
    if think is not None:
        if isinstance(think, str) and think not in LEVELS:
            yield "think", "think", think
        if model in server.plain:
            yield "think-model", "think", model
        if model in server.levelled and isinstance(think, bool):
            yield "think-level", "think", ""
    top = body.get("top_logprobs", 0)
    if not 0 <= top <= 20 or (top and body.get("logprobs") is not True):
        yield "logprobs", "top_logprobs", ""
    alive = body.get("keep_alive")
    if isinstance(alive, str) and not _DURATION.fullmatch(alive):
        yield "keep-alive", "keep_alive", alive


# --- messages ---------------------------------------------------------------------------------------------------------


def _messages(messages: Sequence[Any], model: str, server: Server) -> Faults:
    if not messages:
        yield "no-messages", "messages", ""
    waiting: list[tuple[str, str]] = []
    last_user = max((at for at, message in enumerate(messages) if _role(message) == "user"), default=-1)
    for index, message in enumerate(messages):
        path, role = f"messages[{index}]", _role(message)
        if role not in MESSAGE_MEMBERS:
            yield "role", path, str(role)
            continue
        for name in sorted(message.keys() - MESSAGE_MEMBERS[role]):
            yield "unknown-member", f"{path}.{name}", name
        if not isinstance(message.get("content"), str):
            yield "content", path, ""
        if role == "tool":
            yield from _result(message, waiting, path)
        elif waiting:
            yield "results-missing", path, ", ".join(name for _, name in waiting)
            waiting = []
        if "thinking" in message and (index < last_user or not message["thinking"]):
            yield "thinking-place", path, ""
        for image in message.get("images", ()):
            if model in server.blind:
                yield "vision", f"{path}.images", ""
            if not _is_base64(image):
                yield "image", f"{path}.images", ""
        for number, call in enumerate(message.get("tool_calls", ())):
            place = f"{path}.tool_calls[{number}]"
            if not _is_call(call):
                yield "call", place, ""
                continue
            if call["function"].get("index", number) != number:
                yield "call-index", place, ""
            waiting.append((call.get("id", ""), call["function"]["name"]))
    if waiting:
        yield "results-missing", "messages", ", ".join(name for _, name in waiting)


def _role(message: Any) -> str | None:
    role = message.get("role") if isinstance(message, dict) else None
    return role if isinstance(role, str) else None


def _result(message: Mapping[str, Any], waiting: list[tuple[str, str]], path: str) -> Faults:
    found = (message.get("tool_call_id", ""), message.get("tool_name"))
    if found not in waiting:
        yield "result", path, str(found)
        return
    if found != waiting[0]:
        yield "result-order", path, str(found)
    waiting.remove(found)


def _is_call(call: Any) -> bool:
    function = call.get("function") if isinstance(call, dict) else None
    return (
        isinstance(function, dict)
        and call.keys() <= {"id", "function"}
        and function.keys() <= {"index", "name", "arguments"}
        and bool(function.get("name"))
        and isinstance(function.get("arguments"), dict)
    )


def _is_base64(image: Any) -> bool:
    try:
        return bool(base64.b64decode(image, validate=True))
    except (binascii.Error, TypeError, ValueError):
        return False


# --- tools ------------------------------------------------------------------------------------------------------------


def _tools(tools: Sequence[Any], model: str, server: Server) -> Faults:
    if tools and model in server.mute:
        yield "tools-model", "tools", model
    names: set[str] = set()
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        function = tool.get("function") if isinstance(tool, dict) else None
        if (
            not isinstance(function, dict)
            or tool.keys() != {"type", "function"}
            or tool["type"] != "function"
            or not function.keys() <= {"name", "description", "parameters"}
            or not function.get("name")
            or not isinstance(function.get("description", ""), str)
            or not _is_readable(function.get("parameters"), PARAMETERS)
        ):
            yield "tool", path, ""
            continue
        if references(function["parameters"]):
            yield "reference", path, ""
        if function["name"] in names:
            yield "tool-name", path, function["name"]
        names.add(function["name"])


def _is_readable(schema: Any, members: Mapping[str, tuple[type, ...]]) -> bool:
    """Whether the server's types can hold it."""
    if not isinstance(schema, dict) or any(
        name in schema and not _fits(schema[name], members[name]) for name in members
    ):
        return False
    inner = [*schema.get("properties", {}).values(), *(schema.get("anyOf", ()) if "anyOf" in members else ())]
    return all(_is_readable(each, PROPERTY) for each in inner)
