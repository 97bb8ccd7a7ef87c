"""Servers that people run themselves, and the row for a server that nothing is known of.

All of them give a model's `<think>` block as text where they were not told how the model marks its reasoning, so all
of them have `think_tags`.
"""

from typing import Final

from providers.openai_chat.dialect import SAMPLING, Dialect, Replay
from proxy.provider.capabilities import Capabilities

_SELF_HOSTED: Final = Capabilities(reasoning=True, logprobs=True)

#: Source: vLLM 0.33 (`reasoning` on earlier messages: PR 27752, 33402; older servers call it `reasoning_content`).
VLLM: Final = Dialect(
    name="vllm",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    text_parts=True,
    replay=Replay("reasoning"),
    strict_schema="always",
    says_json=False,
    think_tags=True,
)

#: Source: SGLang 0.5.23 (serving_chat: an assistant message at the end would become the user's).
SGLANG: Final = Dialect(
    name="sglang",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    last_assistant="followed",
    text_parts=True,
    replay=Replay("reasoning_content"),
    strict_tools=True,
    strict_schema="always",
    says_json=False,
    think_tags=True,
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
    think_tags=True,
)

#: Source: docs.ollama.com/api/openai-compatibility and the server's own translation, which makes each text part a
#: message, takes four efforts, decodes images from data URLs and does not read `tool_choice`.
OLLAMA: Final = Dialect(
    name="ollama",
    capabilities=Capabilities(reasoning=True, logprobs=True, efforts=("none", "low", "medium", "high")),
    hosts=("ollama.com",),
    optional=SAMPLING | {"logprobs"},
    image_urls=False,
    image_detail=False,
    replay=Replay("reasoning"),
    tool_choices=frozenset(),
    unforced="auto",
    think_tags=True,
    finish_optional=True,
)

#: Source: lmstudio.ai/docs/developer and the server's own refusals (an object as `tool_choice`, images by address,
#: `json_object`). UNCONFIRMED: which efforts it takes besides those of gpt-oss.
LM_STUDIO: Final = Dialect(
    name="lm_studio",
    capabilities=Capabilities(reasoning=True, json_object=False, efforts=("none", "low", "medium", "high", "xhigh")),
    optional=SAMPLING,
    image_urls=False,
    tool_choices=frozenset({"none", "auto", "required"}),
    strict_schema="always",
    think_tags=True,
)

#: A server that nothing is known of: only what the least of them understands.
GENERIC: Final = Dialect(
    name="generic",
    capabilities=_SELF_HOSTED,
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    think_tags=True,
    reasoning_outside_output=True,
)

SELF_HOSTED: Final = (VLLM, SGLANG, LLAMA_CPP, OLLAMA, LM_STUDIO)
