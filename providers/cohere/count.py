"""The tokens of a request's input, by `POST /v1/tokenize`.

The counter takes one text and knows nothing of messages and tools: they are written down for it, with about as much
around each message as the vendor's template has, some eight tokens.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import orjson

from providers.cohere.reading import Json, mapping, mappings, parsed, text
from proxy.provider.contract import Call

PATH: Final = "/v1/tokenize"
MAX_TEXT: Final = 65_536
"""The longest text that the counter takes, in characters."""


def counting(call: Call) -> Call | None:
    """The counter's call for what a chat request would send; None for what it cannot count: images, long texts."""
    body = mapping(orjson.loads(call.body))
    lines = [line for message in mappings(body.get("messages")) for line in _lines(message)]
    if body.get("tools"):
        lines.append(orjson.dumps(body["tools"]).decode())
    content = "\n".join(lines)
    if _has_images(body) or not 0 < len(content) <= MAX_TEXT:
        return None
    asked = {"text": content, "model": text(body.get("model"))}
    return replace(call, path=PATH, body=orjson.dumps(asked), stream=False)


def counted_tokens(body: bytes) -> int:
    """The number of tokens in the counter's answer. Raises ValueError for anything else."""
    tokens = mapping(parsed(body)).get("tokens")
    if not isinstance(tokens, list) or not tokens:
        raise ValueError("the answer has no tokens")
    return len(tokens)


def _lines(message: Json) -> Iterator[str]:
    yield f"--- turn of the {text(message.get('role'))} ---"
    if plan := text(message.get("tool_plan")):
        yield plan
    content = message.get("content")
    if isinstance(content, str):
        yield content
    for block in mappings(content):
        told = text(block.get("text")) or text(block.get("thinking"))
        yield told or orjson.dumps(mapping(block.get("document")).get("data")).decode()
    for call in mappings(message.get("tool_calls")):
        function = mapping(call.get("function"))
        yield f"{text(function.get('name'))} {text(function.get('arguments'))}"


def _has_images(body: Json) -> bool:
    contents = (message.get("content") for message in mappings(body.get("messages")))
    return any(block.get("type") == "image_url" for content in contents for block in mappings(content))
