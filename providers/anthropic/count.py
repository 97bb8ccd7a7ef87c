"""The tokens of a request's input, by `POST /v1/messages/count_tokens` and what other hosts have in its place.

Source: Anthropic's API reference and SDK, the service model of Bedrock Runtime. The counter is free and has rate limits
of its own.
"""

import base64
from dataclasses import replace
from typing import Final

import orjson

from providers.anthropic.hosts import Endpoint
from providers.anthropic.lenient import mapping
from proxy.provider.contract import Call

MEMBERS: Final = (
    "anthropic_version",
    "anthropic_beta",
    "system",
    "messages",
    "thinking",
    "output_config",
    "mcp_servers",
    "tools",
    "tool_choice",
)
"""The members of a message request that the counter looks at, beside the model. It does not take all others."""

VERSION_HEADER: Final = "anthropic-version"
BETA_HEADER: Final = "anthropic-beta"


def counting(call: Call, endpoint: Endpoint, model: str) -> Call | None:
    """The counter's call for what a message request would send; None where the host cannot count for the model."""
    path = endpoint.host.count_path(endpoint.prefix, model)
    if path is None:
        return None
    if endpoint.host.count_wraps:
        whole = base64.b64encode(call.body).decode()
        counted: dict[str, object] = {"input": {"invokeModel": {"body": whole}}}
        return Call(path, orjson.dumps(counted))
    body = orjson.loads(call.body)
    counted = {"model": model, **{name: body[name] for name in MEMBERS if name in body}}
    needed = (VERSION_HEADER, BETA_HEADER) if "mcp_servers" in counted else (VERSION_HEADER,)
    headers = {name: call.headers[name] for name in needed if name in call.headers}
    return replace(call, path=path, body=orjson.dumps(counted), headers=headers, stream=False, framing="sse")


def counted_tokens(body: bytes) -> int:
    """The counter's answer. Raises ValueError for anything else."""
    answer = mapping(orjson.loads(body))
    tokens = answer.get("input_tokens", answer.get("inputTokens"))
    if type(tokens) is not int or tokens < 1:
        raise ValueError("the answer has no input_tokens")
    return tokens
