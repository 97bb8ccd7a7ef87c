"""The tokens of a request's input, by `POST /model/{id}/count-tokens`.

Source: the service model of Bedrock Runtime. The counter knows models by their own ids alone: not by those of inference
profiles, and not by ARNs. It is free, and some models have none.
"""

from dataclasses import replace
from typing import Final

import orjson

from providers.anthropic.lenient import mapping
from providers.bedrock.encode import model_path
from providers.bedrock.models import plain_id
from proxy.provider.contract import Call

MEMBERS: Final = ("messages", "system", "toolConfig", "additionalModelRequestFields")
"""The members of a request that the counter looks at. It does not take all others."""


def counting(call: Call, model: str) -> Call | None:
    """The counter's call for what a request would send; None for a model whose own id is not known."""
    plain = plain_id(model)
    if plain.startswith("arn:"):
        return None
    body = orjson.loads(call.body)
    counted = {name: body[name] for name in MEMBERS if name in body}
    asked = orjson.dumps({"input": {"converse": counted}})
    return replace(call, path=model_path(plain, "count-tokens"), body=asked, headers={}, stream=False)


def counted_tokens(body: bytes) -> int:
    """The counter's answer. Raises ValueError for anything else."""
    tokens = mapping(orjson.loads(body)).get("inputTokens")
    if type(tokens) is not int or tokens < 1:
        raise ValueError("the answer has no inputTokens")
    return tokens
