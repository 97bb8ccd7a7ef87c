"""A whole answer of Converse -> neutral events: it is turned into the events that a stream would have had, so both ways
give the same."""

import json
from collections.abc import Iterator

import orjson

from providers.anthropic.lenient import Json, mapping, sequence
from providers.bedrock.decode import ConverseDecoder
from providers.bedrock.errors import BASE_URL_HINT, stream_error
from providers.bedrock.models import Model
from proxy.provider.errors import ProviderError
from proxy.provider.lenient_json import lenient_json
from proxy.responses.events import Event, Failed


def decode_answer(body: bytes, model: Model) -> list[Event]:
    """The events of a whole answer, ending in `Finished` or `Failed`."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        answer = lenient_json(body)
    if not isinstance(answer, dict):
        return [Failed(ProviderError("vendor_failure", f"The provider's answer is not JSON. {BASE_URL_HINT}"))]
    message = mapping(answer.get("output")).get("message")
    if not isinstance(message, dict):
        if "__type" in answer or "message" in answer or "Message" in answer:
            return [Failed(stream_error("", answer))]
        return [Failed(ProviderError("vendor_failure", f"The provider's answer is no message. {BASE_URL_HINT}"))]
    decoder = ConverseDecoder(model)
    events: list[Event] = []
    for name, payload in _as_stream(message, answer):
        events.extend(decoder.apply(name, payload))
    events.extend(decoder.end())
    return events


def _as_stream(message: Json, answer: Json) -> Iterator[tuple[str, Json]]:
    """The events of the stream that would have carried the answer."""
    yield "messageStart", {}
    for index, block in enumerate(map(mapping, sequence(message.get("content")))):
        for name, payload in _block_as_stream(block):
            yield name, {**payload, "contentBlockIndex": index}
        yield "contentBlockStop", {"contentBlockIndex": index}
    yield "metadata", answer
    yield "messageStop", answer


def _block_as_stream(block: Json) -> Iterator[tuple[str, Json]]:
    if "toolUse" in block:
        call = mapping(block["toolUse"])
        yield "contentBlockStart", {"start": {"toolUse": call}}
        if arguments := call.get("input"):
            yield _delta("toolUse", {"input": arguments if isinstance(arguments, str) else _json_text(arguments)})
    elif "toolResult" in block:
        result = mapping(block["toolResult"])
        yield "contentBlockStart", {"start": {"toolResult": result}}
        yield _delta("toolResult", result.get("content"))
    elif "citationsContent" in block:
        cited = mapping(block["citationsContent"])
        for entry in map(mapping, sequence(cited.get("content"))):
            yield _delta("text", entry.get("text"))
        for citation in sequence(cited.get("citations")):
            yield _delta("citation", citation)
    elif "reasoningContent" in block:
        reasoning = mapping(block["reasoningContent"])
        yield _delta("reasoningContent", {**mapping(reasoning.get("reasoningText")), **reasoning})
    elif "text" in block:
        yield _delta("text", block["text"])
    elif block:
        yield "contentBlockStart", {"start": block}


def _delta(member: str, value: object) -> tuple[str, Json]:
    return "contentBlockDelta", {"delta": {member: value}}


def _json_text(value: object) -> str:
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        # orjson prints no more than 254 levels.
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            return "{}"
