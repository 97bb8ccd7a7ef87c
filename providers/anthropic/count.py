"""The tokens of a request's input, by `POST /v1/messages/count_tokens`.

Source: Anthropic's API reference and SDK. The counter is free and has rate limits of its own.
"""

from dataclasses import replace
from typing import Final

import orjson

from providers.anthropic.encode import PATH
from providers.anthropic.lenient import mapping
from proxy.provider.contract import Call

MEMBERS: Final = ("model", "system", "messages", "thinking", "output_config", "mcp_servers", "tools", "tool_choice")
"""The members of a message request that the counter looks at. It does not take all others."""

VERSION_HEADER: Final = "anthropic-version"
BETA_HEADER: Final = "anthropic-beta"


def counting(call: Call) -> Call:
    """The counter's call for what a message request would send."""
    body = orjson.loads(call.body)
    counted = {name: body[name] for name in MEMBERS if name in body}
    headers = {VERSION_HEADER: call.headers[VERSION_HEADER]}
    if "mcp_servers" in counted:
        headers[BETA_HEADER] = call.headers[BETA_HEADER]
    return replace(call, path=f"{PATH}/count_tokens", body=orjson.dumps(counted), headers=headers, stream=False)


def counted_tokens(body: bytes) -> int:
    """The counter's answer. Raises ValueError for anything else."""
    tokens = mapping(orjson.loads(body)).get("input_tokens")
    if type(tokens) is not int or tokens < 1:
        raise ValueError("the answer has no input_tokens")
    return tokens
