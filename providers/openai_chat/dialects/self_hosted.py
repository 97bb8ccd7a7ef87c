"""Servers that people run themselves, and the row for a server that nothing is known of."""

from typing import Final

from providers.openai_chat.dialect import SAMPLING, Dialect, Replay
from proxy.provider.capabilities import Capabilities

_SELF_HOSTED: Final = Capabilities(reasoning=True, logprobs=True)

#: Source: vLLM 0.33 (`reasoning` on earlier messages: PR 27752, 33402).
VLLM: Final = Dialect(
    name="vllm",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    text_parts=True,
    replay=Replay("reasoning"),
    strict_schema="always",
    says_json=False,
)

#: Source: the llama.cpp server's README; the object form of `tool_choice` is ignored there, parallel calls are off.
LLAMA_CPP: Final = Dialect(
    name="llama_cpp",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    text_parts=True,
    replay=Replay("reasoning_content"),
    tool_choices=frozenset({"none", "auto", "required"}),
    parallel_tool_calls=False,
    strict_schema="always",
    says_json=False,
)

#: A server that nothing is known of: only what the least of them understands.
GENERIC: Final = Dialect(
    name="generic",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    think_tags=True,
    reasoning_outside_output=True,
)

SELF_HOSTED: Final = (VLLM, LLAMA_CPP)
