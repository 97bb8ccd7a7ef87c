"""Servers of those who make the models that they serve."""

from typing import Final

from providers.openai_chat.dialect import SAMPLING, Dialect
from proxy.provider.capabilities import Capabilities

OPENAI: Final = Dialect(
    name="openai",
    capabilities=Capabilities(
        allowed_tools=True,
        reasoning=True,
        logprobs=True,
        verbosity=True,
        efforts=("none", "low", "medium", "high", "xhigh"),
    ),
    base_url="https://api.openai.com/v1",
    hosts=("api.openai.com",),
    optional=SAMPLING
    | {
        "logprobs",
        "parallel_tool_calls",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "user",
        "verbosity",
    },
    tokens_member="max_completion_tokens",
    developer_role=True,
    one_system_message=False,
    text_parts=True,
    null_content=True,
    refusal_member=True,
    pdf=True,
    file_ids=True,
    cache_breakpoints=True,
    shows_reasoning=False,
    sampling_while_reasoning=False,
    strict_tools=True,
    strict_schema="sent",
    service_tiers={tier: tier for tier in ("auto", "default", "flex", "scale", "priority", "fast")},
    obfuscation_option=True,
)

MAKERS: Final = (OPENAI,)
