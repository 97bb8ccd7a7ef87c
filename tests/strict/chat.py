"""Chat Completions as strictly as its servers can be: every rule that one of them enforces, as one function.

`complaints` is pure. What the server remembers of its own answers, the reasoning, is handed in.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import orjson

from tests.strict.chat_messages import content_faults, order_faults, texts_of
from tests.strict.chat_reasoning import GivenReasoning, reasoning_faults
from tests.strict.chat_servers import ErrorForm, Server
from tests.strict.complaint import Complaint, Request
from tests.vendors.script import Reply

RULES: Final[Mapping[str, str]] = {
    # the request as such
    "key-invalid": "Incorrect API key provided.",
    "path-unknown": "Invalid URL (POST {detail}).",
    "not-an-object": "We could not parse the JSON body of your request.",
    "model-missing": "you must provide a model parameter",
    "unknown-member": "Unknown parameter: '{detail}'.",
    "tokens-member": "Unsupported parameter: '{detail}' is not supported with this model.",
    "tokens-twice": "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
    "tokens-value": "Invalid '{detail}': integer below minimum value. Expected a value >= 1.",
    "stream-options": "Unknown parameter: 'stream_options'.",
    "stream-options-alone": "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
    "sampling": "Invalid '{detail}': value out of range.",
    "logprobs-alone": "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
    "several-answers": "Only n = 1 is supported.",
    "response-format": "This response_format type is unavailable now",
    "response-schema": "Missing required parameter: 'response_format.json_schema.{detail}'.",
    "json-word": (
        "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'."
    ),
    # tools
    "tools-empty": "Invalid 'tools': empty array. Expected an array with minimum length 1.",
    "tool-type": "Invalid value: '{detail}'. Supported values are: 'function'.",
    "tool-name": (
        "Invalid '{detail}': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]{{1,64}}$'."
    ),
    "tool-duplicate": "Tool names must be unique.",
    "tool-member": "Unknown parameter: '{detail}'.",
    "tool-parameters": "Invalid schema for function '{detail}': schema must be a JSON Schema of 'type: \"object\"'.",
    "strict-tools": "Unknown parameter: '{detail}'.",
    "tool-choice": "Thinking mode does not support this tool_choice: {detail}",
    "tool-choice-alone": "'tool_choice' is only allowed when 'tools' are specified.",
    "tool-choice-unknown": "Tool choice '{detail}' not found in 'tools' parameter.",
    "parallel-alone": "'parallel_tool_calls' is only allowed when 'tools' are specified.",
    # messages
    "messages-empty": "Invalid 'messages': empty array. Expected an array with minimum length 1.",
    "role": "Invalid value: '{detail}'. Supported values are: 'system', 'assistant', 'user', and 'tool'.",
    "message-member": "Unknown parameter: '{detail}'.",
    "content-missing": "Invalid value for 'content': expected a string, got null.",
    "content-kind": "Invalid type for '{detail}': expected a string.",
    "part-type": "Invalid content type: {detail}.",
    "part-member": "Unknown parameter: '{detail}'.",
    "text-empty": "Invalid '{detail}': text content blocks must be non-empty.",
    "system-position": "System message must be at the beginning.",
    "system-repeated": "Only one system message is supported.",
    "user-missing": "The messages must contain at least one user message.",
    "call-unanswered": (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'."
        " The following tool_call_ids did not have response messages: {detail}"
    ),
    "tool-orphan": (
        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
    ),
    "tool-repeated": "Duplicate tool messages for the tool_call_id {detail}.",
    "call-repeated": "Duplicate tool call id {detail}.",
    "calls-empty": "Invalid '{detail}': empty array. Expected an array with minimum length 1.",
    "call-form": "Invalid '{detail}': a tool call has an id, a type, a function name and arguments.",
    "call-id": "Tool call id was {detail} but must be a-z, A-Z, 0-9, with a length of 9.",
    "call-arguments": "Invalid '{detail}': arguments must be a JSON object, written as a string.",
    "user-after-tool": "Unexpected role 'user' after role 'tool'",
    "alternation": "After the (optional) system message(s), user and assistant roles should be alternating.",
    "last-role": ("Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant"),
    # reasoning
    "reasoning-missing": "The `reasoning_content` in the thinking mode must be passed back to the API.",
    "reasoning-altered": "The reasoning of message {detail} is not what the model gave.",
    "details-altered": "The reasoning_details of message {detail} are not what the model gave, in its order.",
}
"""Every rule, and a sentence of a server that enforces it; where none is known, one that says the same."""

PATH: Final = "/v1/chat/completions"

_NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FUNCTION_MEMBERS: Final = frozenset({"name", "description", "parameters", "strict"})
_LIMITS: Final = ("max_tokens", "max_completion_tokens")
_RANGES: Final = (("temperature", 0, 2), ("top_p", 0, 1), ("top_logprobs", 0, 20))
_UNKNOWN: Final = frozenset({"unknown-member", "message-member", "part-member", "tool-member", "stream-options"})


def complaints(request: Request, server: Server, key: str, given: Sequence[GivenReasoning] = ()) -> list[Complaint]:
    """Everything that the server would refuse the request for. `key` is the valid one, `given` the reasoning of the
    answers that this server has made."""
    if request.headers.get("authorization") != f"Bearer {key}":
        return [_complaint("key-invalid")]
    if request.path != PATH:
        return [_complaint("path-unknown", detail=request.path)]
    body = request.body
    if not isinstance(body, dict):
        return [_complaint("not-an-object")]
    if not isinstance(body.get("messages"), list) or not body["messages"]:
        return [_complaint("messages-empty", "messages")]
    faults = [
        *_member_faults(body, server),
        *_format_faults(body, server),
        *_tool_faults(body, server),
        *_choice_faults(body, server),
        *content_faults(body["messages"], server),
        *order_faults(body["messages"], server),
        *reasoning_faults(body["messages"], server, given),
    ]
    return [_complaint(*fault) for fault in faults]


def answer(found: Sequence[Complaint], server: Server) -> Reply:
    """The error answer for the complaints, about the first one, in the server's own form."""
    first = found[0]
    if first.rule == "key-invalid":
        return _reply(401, server.form, first, "invalid_api_key")
    if first.rule == "path-unknown":
        return _reply(404, server.form, first, "unknown_url")
    if first.rule in _UNKNOWN:
        status = 422 if server.validation_form == "detail" else 400
        return _reply(status, server.validation_form, first, "unknown_parameter")
    return _reply(400, server.form, first, None)


def _reply(status: int, form: ErrorForm, complaint: Complaint, code: str | None) -> Reply:
    message, param = complaint.message, complaint.path or None
    kind = "invalid_request_error"
    bodies: Mapping[ErrorForm, dict[str, Any]] = {
        "envelope": {"error": {"message": message, "type": kind, "param": param, "code": code}},
        "flat": {"object": "error", "message": message, "type": kind, "param": param, "code": code},
        "detail": {
            "detail": [
                {
                    "type": "extra_forbidden",
                    "loc": ["body", *re.split(r"[.\[\]]+", complaint.path)],
                    "msg": "Extra inputs are not permitted",
                    "input": None,
                }
            ]
        },
        "coded": {"code": code or "InvalidParameter", "message": message, "request_id": "request-1"},
    }
    return Reply(status, (orjson.dumps(bodies[form]),), {"content-type": "application/json"})


def _complaint(rule: str, path: str = "", detail: str = "") -> Complaint:
    return Complaint(rule, path, RULES[rule].format(detail=detail or path))


Faults = Iterator[tuple[str, str, str]]


def _member_faults(body: Mapping[str, Any], server: Server) -> Faults:
    if not isinstance(body.get("model"), str) or not body["model"]:
        yield "model-missing", "model", ""
    for name in body:
        if name in _LIMITS:
            if name not in server.tokens_members:
                yield "tokens-member", name, name
            elif not isinstance(body[name], int) or body[name] < 1:
                yield "tokens-value", name, name
        elif name == "stream_options" and not server.stream_options:
            yield "stream-options", name, name
        elif name not in server.members:
            yield "unknown-member", name, name
    if all(name in body for name in _LIMITS):
        yield "tokens-twice", "max_tokens", ""
    if "stream_options" in body and not body.get("stream"):
        yield "stream-options-alone", "stream_options", ""
    for name, lowest, highest in _RANGES:
        value = body.get(name)
        if value is not None and (not isinstance(value, int | float) or not lowest <= value <= highest):
            yield "sampling", name, name
    if body.get("top_logprobs") is not None and not body.get("logprobs"):
        yield "logprobs-alone", "top_logprobs", ""
    if body.get("n", 1) != 1:
        yield "several-answers", "n", ""


def _format_faults(body: Mapping[str, Any], server: Server) -> Faults:
    asked = body.get("response_format")
    if asked is None:
        return
    kind = asked.get("type")
    if kind not in server.response_formats:
        yield "response-format", "response_format", ""
    if kind == "json_schema":
        for name in ("name", "schema"):
            if name not in (asked.get("json_schema") or {}):
                yield "response-schema", "response_format", name
    if kind == "json_object":
        texts = [text for message in body["messages"] for text in texts_of(message)]
        if not any("json" in text.lower() for text in texts):
            yield "json-word", "messages", ""


def _tool_faults(body: Mapping[str, Any], server: Server) -> Faults:
    tools = body.get("tools")
    if tools is None:
        if "parallel_tool_calls" in body:
            yield "parallel-alone", "parallel_tool_calls", ""
        return
    if not tools:
        yield "tools-empty", "tools", ""
    names: set[str] = set()
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if tool.get("type") == "custom" and server.custom_tools:
            continue
        if tool.get("type") != "function":
            yield "tool-type", path, str(tool.get("type"))
            continue
        function = tool.get("function") or {}
        name = str(function.get("name") or "")
        if _NAME.fullmatch(name) is None:
            yield "tool-name", f"{path}.function.name", ""
        if name in names:
            yield "tool-duplicate", path, ""
        names.add(name)
        for member in (*(set(tool) - {"type", "function"}), *sorted(set(function) - _FUNCTION_MEMBERS)):
            yield "tool-member", f"{path}.function.{member}", ""
        if "strict" in function and not server.strict_tools:
            yield "strict-tools", f"{path}.function.strict", ""
        parameters = function.get("parameters")
        if parameters is not None and parameters.get("type") != "object":
            yield "tool-parameters", f"{path}.function.parameters", name


def _choice_faults(body: Mapping[str, Any], server: Server) -> Faults:
    choice = body.get("tool_choice")
    if choice is None:
        return
    if not body.get("tools"):
        yield "tool-choice-alone", "tool_choice", ""
    kind = choice if isinstance(choice, str) else "named"
    own = not isinstance(choice, str) and choice.get("type") in ("allowed_tools", "custom")
    forced = kind not in ("none", "auto") and not server.forced_while_thinking
    thinks = (body.get("thinking") or {}).get("type") != "disabled"
    if kind not in server.tool_choices or (own and not server.custom_tools) or (forced and thinks):
        yield "tool-choice", "tool_choice", str(choice)
    elif kind == "named" and not own:
        wanted = (choice.get("function") or {}).get("name")
        offered = [(tool.get("function") or {}).get("name") for tool in body.get("tools") or ()]
        if choice.get("type") != "function" or wanted not in offered:
            yield "tool-choice-unknown", "tool_choice", str(wanted)
