"""The tokens of a request's input, by `countTokens`.

Source: the references of the Gemini API (v1beta) and of Vertex AI. At the Gemini API the method takes a whole
`generateContent` request; a system instruction and tools are counted only in there.
"""

from dataclasses import replace
from typing import Final

import orjson

from providers.gemini.address import bare_name, count_path
from providers.gemini.hosts import Endpoint
from proxy.provider.contract import Call

MEMBERS: Final = ("systemInstruction", "contents", "tools", "toolConfig", "generationConfig", "cachedContent")
"""The members of a request that its input consists of."""

FORM_MEMBERS: Final = ("responseMimeType", "responseJsonSchema")
"""The members of `generationConfig` that are read as input."""


PLAIN_MEMBERS: Final = ("systemInstruction", "contents", "tools", "generationConfig")
"""The members that Vertex AI's counter takes."""


def counting(call: Call, endpoint: Endpoint, model: str) -> Call:
    """The counter's call for what a `generateContent` request to the model would send."""
    plainly = endpoint.host.counts_plainly
    body = orjson.loads(call.body)
    config = body.get("generationConfig") or {}
    body["generationConfig"] = {name: config[name] for name in FORM_MEMBERS if name in config}
    counted = {name: body[name] for name in (PLAIN_MEMBERS if plainly else MEMBERS) if body.get(name)}
    if not plainly:
        counted = {"generateContentRequest": {"model": f"models/{bare_name(model)}", **counted}}
    path = count_path(endpoint.models, model)
    return replace(call, path=path, body=orjson.dumps(counted), headers={}, stream=False)


def counted_tokens(body: bytes) -> int:
    """The counter's answer. Raises ValueError for anything else."""
    answer = orjson.loads(body)
    tokens = answer.get("totalTokens") if isinstance(answer, dict) else None
    if type(tokens) is not int or tokens < 1:
        raise ValueError("the answer has no totalTokens")
    return tokens
