"""OpenAI's Responses API as strictly as it can be: every rule that it enforces on a client that lets it keep nothing.

`complaints` is pure. What the vendor remembers of its own answers, the encrypted reasoning, is handed in.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, get_type_hints

import orjson
from openai.types.responses.response_create_params import ResponseCreateParamsStreaming

from tests.strict.complaint import Complaint, Request
from tests.vendors.script import Reply

PATH: Final = "/v1/responses"

RULES: Final[Mapping[str, str]] = {
    "key-invalid": "Incorrect API key provided.",
    "path-unknown": "Invalid URL (POST {detail}).",
    "not-an-object": "We could not parse the JSON body of your request.",
    "unknown-parameter": "Unknown parameter: '{detail}'.",
    "stored": "Previous response with id '{detail}' not found.",
    "input-empty": "Invalid 'input': empty array. Expected an array with minimum length 1.",
    "null-member": "Invalid type for '{detail}': expected a value, but got null instead.",
    "item-id": "Item with id '{detail}' not found. Items are not persisted when `store` is set to false.",
    "created-by": "Unknown parameter: '{detail}'.",
    "part-type": "Invalid value: '{detail}'. Supported values depend on the role.",
    "call-unanswered": "No tool output found for function call {detail}.",
    "output-orphan": "No tool call found for function call output with call_id {detail}.",
    "call-repeated": "Duplicate item found with call_id {detail}.",
    "reasoning-alone": "Item of type 'reasoning' was provided without its required following item.",
    "reasoning-unknown": "The encrypted content {detail} could not be verified.",
    "reasoning-text": "Reasoning input items can only be provided with encrypted content here.",
    "tools-empty": "Invalid 'tools': empty array. Expected an array with minimum length 1.",
    "tool-name": "Tool names must be unique: {detail}.",
    "tool-choice": "Tool choice '{detail}' not found in 'tools' parameter.",
    "limit": "Invalid 'max_output_tokens': integer below minimum value. Expected a value >= 16.",
    "stream-options": "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
}

KNOWN: Final = frozenset(get_type_hints(ResponseCreateParamsStreaming))
CALLS: Final = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
NEVER_KEPT: Final = frozenset({"message", "reasoning", *CALLS, *CALLS.values()})
PARTS: Final = {
    "user": {"input_text", "input_image", "input_file", "input_audio"},
    "system": {"input_text"},
    "developer": {"input_text"},
    "assistant": {"output_text", "refusal"},
}


def complaints(request: Request, key: str, given: Collection[str]) -> list[Complaint]:
    """What the vendor has against a request. `given`: the encrypted reasoning of its earlier answers."""
    if request.headers.get("authorization") != f"Bearer {key}":
        return [_complaint("key-invalid", "")]
    if request.path != PATH:
        return [_complaint("path-unknown", "", request.path)]
    if not isinstance(request.body, dict):
        return [_complaint("not-an-object", "")]
    return [*_parameters(request.body), *_items(request.body, given), *_tools(request.body)]


def answer(found: list[Complaint]) -> Reply:
    """The vendor's refusal."""
    first = found[0]
    status = {"key-invalid": 401, "path-unknown": 404, "item-id": 404}.get(first.rule, 400)
    error = {"message": first.message, "type": "invalid_request_error", "param": first.path or None, "code": None}
    return Reply(status, (orjson.dumps({"error": error}),), {"content-type": "application/json"})


def _parameters(body: Mapping[str, Any]) -> Iterator[Complaint]:
    for name in body:
        if name not in KNOWN:
            yield _complaint("unknown-parameter", name, name)
    if body.get("previous_response_id") is not None or body.get("store") is not False:
        yield _complaint("stored", "previous_response_id", str(body.get("previous_response_id")))
    if not body.get("input"):
        yield _complaint("input-empty", "input")
    if body.get("max_output_tokens", 16) < 16:
        yield _complaint("limit", "max_output_tokens")
    if "stream_options" in body and not body.get("stream"):
        yield _complaint("stream-options", "stream_options")


def _items(body: Mapping[str, Any], given: Collection[str]) -> Iterator[Complaint]:
    items: list[dict[str, Any]] = list(body.get("input") or ())
    calls: dict[str, str] = {}
    answered: set[str] = set()
    for index, item in enumerate(items):
        path, kind = f"input[{index}]", item["type"]
        for name, value in item.items():
            if value is None:
                yield _complaint("null-member", f"{path}.{name}", f"{path}.{name}")
        if kind in NEVER_KEPT and "id" in item:
            yield _complaint("item-id", f"{path}.id", str(item["id"]))
        if "created_by" in item:
            yield _complaint("created-by", f"{path}.created_by", "created_by")
        if kind == "message":
            for position, part in enumerate(item["content"]):
                if part["type"] not in PARTS[item["role"]]:
                    yield _complaint("part-type", f"{path}.content[{position}].type", part["type"])
        elif kind in CALLS:
            if item["call_id"] in calls:
                yield _complaint("call-repeated", f"{path}.call_id", item["call_id"])
            calls[item["call_id"]] = CALLS[kind]
        elif kind in CALLS.values():
            if calls.get(item["call_id"]) != kind:
                yield _complaint("output-orphan", f"{path}.call_id", item["call_id"])
            answered.add(item["call_id"])
        elif kind == "reasoning":
            yield from _reasoning(items, index, given)
    for call_id in calls:
        if call_id not in answered:
            yield _complaint("call-unanswered", "input", call_id)


def _reasoning(items: list[dict[str, Any]], index: int, given: Collection[str]) -> Iterator[Complaint]:
    item, path = items[index], f"input[{index}]"
    following = items[index + 1] if index + 1 < len(items) else {"type": "none"}
    if following["type"] == "none" or following.get("role") in ("user", "system", "developer"):
        yield _complaint("reasoning-alone", path)
    if "encrypted_content" not in item:
        yield _complaint("reasoning-text", path)
    elif item["encrypted_content"] not in given:
        yield _complaint("reasoning-unknown", f"{path}.encrypted_content", str(item["encrypted_content"])[:40])


def _tools(body: Mapping[str, Any]) -> Iterator[Complaint]:
    tools = body.get("tools")
    if tools is None:
        return
    if not tools:
        yield _complaint("tools-empty", "tools")
    names = [tool["name"] for tool in tools if tool.get("name") is not None]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield _complaint("tool-name", "tools", name)
    choice = body.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") in ("function", "custom") and choice.get("name") not in names:
        yield _complaint("tool-choice", "tool_choice", str(choice.get("name")))


def _complaint(rule: str, path: str, detail: str = "") -> Complaint:
    return Complaint(rule, path, RULES[rule].replace("{detail}", detail))
