"""The tokens of a request's input, by `countTokens`.

Source: the Gemini API reference (v1beta). The method takes a whole `generateContent` request; a system instruction and
tools are counted only in there.
"""

from dataclasses import replace
from typing import Final

import orjson

from providers.gemini.address import bare_name, count_path
from proxy.provider.contract import Call

MEMBERS: Final = ("systemInstruction", "contents", "tools", "toolConfig", "generationConfig", "cachedContent")
"""The members of a request that its input consists of."""

FORM_MEMBERS: Final = ("responseMimeType", "responseJsonSchema")
"""The members of `generationConfig` that are read as input."""


def counting(call: Call, model: str) -> Call:
    """The counter's call for what a `generateContent` request to the model would send."""
    body = orjson.loads(call.body)
    config = body.get("generationConfig") or {}
    body["generationConfig"] = {name: config[name] for name in FORM_MEMBERS if name in config}
    request = {"model": f"models/{bare_name(model)}", **{name: body[name] for name in MEMBERS if body.get(name)}}
    return replace(call, path=count_path(model), body=orjson.dumps({"generateContentRequest": request}), stream=False)


def counted_tokens(body: bytes) -> int:
    """The counter's answer. Raises ValueError for anything else."""
    answer = orjson.loads(body)
    tokens = answer.get("totalTokens") if isinstance(answer, dict) else None
    if type(tokens) is not int or tokens < 1:
        raise ValueError("the answer has no totalTokens")
    return tokens
