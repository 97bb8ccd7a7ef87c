"""Mistral's Chat Completions as strictly as the vendor can be, at each place that serves it.

What every server of Chat Completions refuses is said in `chat`, with the row `MISTRAL`; here stands what only Mistral
refuses. Source: docs.mistral.ai, mistralai 3.7, recorded refusals.
"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any, Final, Literal, TypeAlias

import orjson

from tests.strict import chat
from tests.strict.chat_servers import MISTRAL
from tests.strict.complaint import Complaint, Request
from tests.vendors.script import Reply

Place: TypeAlias = Literal["mistral", "azure", "vertex"]
Faults: TypeAlias = Iterator[tuple[str, str, str]]
"""(rule, path, detail) each."""

RULES: Final[Mapping[str, str]] = {
    "place-member": "Extra inputs are not permitted",
    "limit-missing": "max_tokens: Field required",
    "temperature": "temperature: Input should be less than or equal to 1.5",
    "greedy": "top_p must be 1 when using greedy sampling.",
    "effort": "reasoning_effort: Input should be 'none' or 'high'",
    "effort-model": "reasoning_effort is not supported by this model.",
    "tier": "service_tier: Input should be 'auto' or 'standard_only'",
    "model-version": "The model of a call at Vertex AI has its version in the address alone.",
    "turns": "Expected user and assistant to take turns, got {detail} twice.",
    "first-role": "Expected the first role after the system messages to be user, got {detail}.",
    "last-role": "Expected last role User or Tool (or Assistant with prefix True) for serving but got {detail}",
    "prefix-place": "prefix is allowed on the last message only",
    "results-order": "Not the same number of function calls and responses",
    "result-name": "A tool message carries the name of the tool that was called.",
    "image": "An image is an address, or an object of address and detail.",
    "vision": "This model does not take images.",
    "audio": "input_audio: Input should be a valid string, of base64",
    "hearing": "This model does not take audio.",
    "document": "document_url: Input should be a valid string",
    "file": "file_id: Input should be a valid string",
    "thinking": "thinking: Input should be a list of text chunks, and closed",
    "stop": "stop: Input should be a valid string or a list of strings",
    "guardrails": "guardrails: Input should be a list of objects",
}
"""Every rule, and a sentence of the vendor's kind."""

_CLOUD: Final = frozenset({"prompt_cache_key", "service_tier"})
_UNTAKEN: Final[Mapping[Place, frozenset[str]]] = {
    "mistral": frozenset(),
    "azure": _CLOUD,
    "vertex": _CLOUD | {"safe_prompt"},
}
#: By the beginnings of their names. They always think, or never.
_WITHOUT_EFFORT: Final = (
    *(
        "magistral",
        "ministral",
        "mistral-large",
        "devstral",
        "pixtral",
        "codestral",
        "open-",
        "mistral-nemo",
        "voxtral",
    ),
    "mistral-tiny",
)
_BLIND: Final = ("codestral", "open-", "mistral-nemo", "mistral-tiny", "voxtral")
_MESSAGE_ORDER: Final = frozenset({"turns", "first-role", "last-role", "results-order", "user-after-tool"})


def complaints(body: Mapping[str, Any], place: Place = "mistral") -> list[Complaint]:
    """Everything that the place would refuse the body for."""
    request = Request(chat.PATH, {"authorization": "Bearer k"}, body)
    found = [*chat.complaints(request, replace(MISTRAL, part_types=MISTRAL.part_types | {"file"}), "k")]
    # What a part may have is said below.
    found = [
        each for each in found if not (each.rule == "part-member" and each.path.endswith((".file_id", ".input_audio")))
    ]
    faults = [
        *_settings(body, place),
        *_order(body["messages"]),
        *_results(body["messages"]),
        *_parts(body["messages"], str(body.get("model"))),
    ]
    return [*found, *(Complaint(rule, path, RULES[rule].format(detail=detail)) for rule, path, detail in faults)]


def answer(found: Sequence[Complaint]) -> Reply:
    """The error answer for the first complaint, in the vendor's form."""
    first = found[0]
    if first.rule in _MESSAGE_ORDER:
        told = {"object": "error", "message": first.message, "type": "invalid_request_message_order"}
        body = orjson.dumps({**told, "param": None, "code": "3230"})
        return Reply(400, (body,), {"content-type": "application/json"})
    if first.rule == "place-member":
        first = Complaint("unknown-member", first.path, first.message)
    return chat.answer([first], MISTRAL)


def _settings(body: Mapping[str, Any], place: Place) -> Faults:
    model = str(body.get("model"))
    for name in sorted(_UNTAKEN[place] & body.keys()):
        yield "place-member", name, name
    if place == "azure" and "max_tokens" not in body:
        yield "limit-missing", "max_tokens", ""
    if place == "vertex" and "@" in model:
        yield "model-version", "model", ""
    if body.get("temperature") is not None and not 0 <= body["temperature"] <= 1.5:
        yield "temperature", "temperature", ""
    if body.get("temperature") == 0 and body.get("top_p", 1) != 1:
        yield "greedy", "top_p", ""
    if "reasoning_effort" in body:
        if body["reasoning_effort"] not in ("none", "high"):
            yield "effort", "reasoning_effort", ""
        if model.startswith(_WITHOUT_EFFORT):
            yield "effort-model", "reasoning_effort", ""
    if body.get("service_tier", "auto") not in ("auto", "standard_only"):
        yield "tier", "service_tier", ""
    stop = body.get("stop", "")
    if not isinstance(stop, str) and not (isinstance(stop, list) and all(isinstance(each, str) for each in stop)):
        yield "stop", "stop", ""
    guardrails = body.get("guardrails", [])
    if not isinstance(guardrails, list) or not all(isinstance(each, dict) for each in guardrails):
        yield "guardrails", "guardrails", ""


def _order(messages: Sequence[Mapping[str, Any]]) -> Faults:
    spoken = [str(message.get("role")) for message in messages if message.get("role") != "system"]
    if spoken and spoken[0] != "user":
        yield "first-role", "messages", spoken[0]
    for first, second in pairwise(spoken):
        if first == second != "tool":
            yield "turns", "messages", first
    if not spoken:
        yield "last-role", "messages", "system"
    for index, message in enumerate(messages):
        last = index == len(messages) - 1
        if "prefix" in message and not (last and message.get("role") == "assistant" and not message.get("tool_calls")):
            yield "prefix-place", f"messages[{index}].prefix", ""


def _results(messages: Sequence[Mapping[str, Any]]) -> Faults:
    """Right behind the calls, one for each, in their order, under their names."""
    for index, message in enumerate(messages):
        calls = message.get("tool_calls") or []
        results = messages[index + 1 : index + 1 + len(calls)] if calls else []
        wanted = [call["id"] for call in calls]
        if [result.get("tool_call_id") for result in results] != wanted:
            yield "results-order", f"messages[{index}]", ""
        for call, result in zip(calls, results, strict=False):
            if result.get("name") != call["function"]["name"]:
                yield "result-name", f"messages[{index}]", ""


def _parts(messages: Sequence[Mapping[str, Any]], model: str) -> Faults:
    for index, message in enumerate(messages):
        content = message.get("content")
        for number, part in enumerate(content if isinstance(content, list) else ()):
            path = f"messages[{index}].content[{number}]"
            check = _CHECKS.get(str(part.get("type")))
            if check is not None and not check(part):
                yield _FAULTY[str(part["type"])], path, ""
            if part.get("type") == "image_url" and model.startswith(_BLIND):
                yield "vision", path, ""
            if part.get("type") == "input_audio" and not model.startswith("voxtral"):
                yield "hearing", path, ""


def _is_image(part: Mapping[str, Any]) -> bool:
    image = part.get("image_url")
    if isinstance(image, dict):
        return set(image) <= {"url", "detail"} and image.get("detail", "auto") in ("low", "auto", "high")
    return isinstance(image, str)


def _is_audio(part: Mapping[str, Any]) -> bool:
    try:
        return set(part) == {"type", "input_audio"} and bool(base64.b64decode(part["input_audio"], validate=True))
    except (binascii.Error, TypeError, ValueError):
        return False


def _is_thinking(part: Mapping[str, Any]) -> bool:
    texts = part.get("thinking")
    shape = isinstance(texts, list) and texts and all(set(text) == {"type", "text"} for text in texts)
    return bool(shape) and part.get("closed") is True and part.get("signature", "s") != ""


_CHECKS: Final = {
    "image_url": _is_image,
    "input_audio": _is_audio,
    "document_url": lambda part: isinstance(part.get("document_url"), str),
    "file": lambda part: set(part) == {"type", "file_id"} and isinstance(part["file_id"], str),
    "thinking": _is_thinking,
}
_FAULTY: Final = {
    "image_url": "image",
    "input_audio": "audio",
    "document_url": "document",
    "file": "file",
    "thinking": "thinking",
}
