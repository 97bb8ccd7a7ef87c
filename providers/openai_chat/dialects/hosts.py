"""Servers of those who host the models of others."""

from typing import Final

from providers.openai_chat.dialect import SAMPLING, Dialect, Replay
from proxy.provider.capabilities import Capabilities

_LEVELS: Final = ("none", "low", "medium", "high")

#: Source: Groq's API reference, its pages on reasoning, service tiers and tool use. Earlier reasoning is refused there.
#: A model that makes a bad call or bad JSON is no mistake of the request: another attempt may do better.
GROQ: Final = Dialect(
    name="groq",
    capabilities=Capabilities(reasoning=True, efforts=_LEVELS),
    base_url="https://api.groq.com/openai/v1",
    hosts=("api.groq.com",),
    price_catalogue="groq",
    optional=frozenset({"temperature", "top_p", "parallel_tool_calls", "service_tier", "user"}),
    tokens_member="max_completion_tokens",
    strict_schema="sent",
    service_tiers={"auto": "auto", "default": "on_demand", "flex": "flex", "priority": "performance"},
    think_tags=True,
    salvages_calls=True,
    error_codes={"tool_use_failed": "vendor_failure", "json_validate_failed": "vendor_failure"},
)

#: Source: Together's API reference, its page on reasoning. Usage comes on the last chunk unasked (recorded). Most of
#: its models that reason can only be told whether they do.
TOGETHER: Final = Dialect(
    name="together",
    capabilities=Capabilities(reasoning=True, logprobs=True),
    base_url="https://api.together.xyz/v1",
    hosts=("api.together.xyz", "api.together.ai"),
    price_catalogue="together",
    optional=SAMPLING | {"logprobs"},
    constants={"context_length_exceeded_behavior": "error"},
    efforts={"none": {"reasoning": {"enabled": False}}, "medium": {"reasoning": {"enabled": True}}},
    strict_schema="sent",
    logprobs_number=True,
    usage_option=False,
    think_tags=True,
    error_codes={"credit_limit": "quota"},
)

#: Source: Fireworks' API reference, its guide on reasoning. What it keeps of earlier reasoning is the model's default.
FIREWORKS: Final = Dialect(
    name="fireworks",
    capabilities=Capabilities(reasoning=True, logprobs=True, efforts=_LEVELS),
    base_url="https://api.fireworks.ai/inference/v1",
    hosts=("api.fireworks.ai",),
    price_catalogue="fireworks",
    optional=SAMPLING | {"logprobs", "parallel_tool_calls", "prompt_cache_key", "service_tier", "user"},
    replay=Replay("reasoning_content"),
    strict_schema="always",
    max_top_logprobs=5,
    service_tiers={"priority": "priority"},
    think_tags=True,
)

#: Source: OpenRouter's API reference, its pages on reasoning, errors and service tiers. What a model behind it does not
#: take is left out there.
OPENROUTER: Final = Dialect(
    name="openrouter",
    capabilities=Capabilities(audio=True, reasoning=True, logprobs=True, verbosity=True),
    base_url="https://openrouter.ai/api/v1",
    hosts=("openrouter.ai",),
    price_catalogue="openrouter",
    optional=SAMPLING | {"logprobs", "parallel_tool_calls", "service_tier", "user", "verbosity"},
    text_parts=True,
    pdf=True,
    file_urls=True,
    efforts={
        effort: {"reasoning": {"effort": effort}} for effort in ("none", "minimal", "low", "medium", "high", "xhigh")
    },
    replay=Replay("reasoning_details", scope="all", form="details"),
    strict_tools=True,
    strict_schema="sent",
    service_tiers={tier: tier for tier in ("auto", "default", "flex", "priority")},
    usage_option=False,
)

#: Source: Cerebras' API reference and SDK, its page on reasoning.
CEREBRAS: Final = Dialect(
    name="cerebras",
    capabilities=Capabilities(reasoning=True, logprobs=True, efforts=_LEVELS),
    base_url="https://api.cerebras.ai/v1",
    hosts=("api.cerebras.ai",),
    price_catalogue="cerebras",
    optional=SAMPLING | {"logprobs", "parallel_tool_calls", "service_tier", "user"},
    tokens_member="max_completion_tokens",
    ranges={"temperature": (0, 1.5)},
    strict_tools=True,
    strict_schema="sent",
    service_tiers={tier: tier for tier in ("auto", "default", "flex", "priority")},
    think_tags=True,
    error_codes={"queue_exceeded": "overloaded"},
)

#: A router to other hosts, which hands requests and answers on: what holds for all of them. Source: the types of
#: huggingface_hub, recorded answers.
HUGGINGFACE: Final = Dialect(
    name="huggingface",
    capabilities=Capabilities(reasoning=True, logprobs=True, efforts=_LEVELS),
    base_url="https://router.huggingface.co/v1",
    hosts=("router.huggingface.co",),
    optional=SAMPLING | {"logprobs", "parallel_tool_calls"},
    strict_schema="sent",
    max_top_logprobs=5,
    think_tags=True,
    salvages_calls=True,
)

HOSTS: Final = (GROQ, TOGETHER, FIREWORKS, OPENROUTER, CEREBRAS, HUGGINGFACE)
