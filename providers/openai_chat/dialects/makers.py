"""Servers of those who make the models that they serve."""

from typing import Final

from providers.openai_chat.dialect import SAMPLING, Dialect, Members, Replay, as_reasoning_effort
from proxy.provider.capabilities import Capabilities

OPENAI: Final = Dialect(
    name="openai",
    capabilities=Capabilities(
        allowed_tools=True,
        custom_tools=True,
        reasoning=True,
        logprobs=True,
        verbosity=True,
        efforts=("none", "low", "medium", "high", "xhigh"),
    ),
    base_url="https://api.openai.com/v1",
    hosts=("api.openai.com",),
    price_catalogue="openai",
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
    object_arguments=False,
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
    service_tiers={tier: tier for tier in ("auto", "default", "flex", "priority", "fast")},
    obfuscation_option=True,
)

_THINKING: Final[Members] = {"thinking": {"type": "enabled"}}
_NOT_THINKING: Final[Members] = {"thinking": {"type": "disabled"}}


def _thinking_at(effort: str) -> Members:
    """Thinking is switched by one member, and its effort told by another."""
    return {**_THINKING, "reasoning_effort": effort}


#: Source: api-docs.deepseek.com (create-chat-completion, guides/thinking_mode with its table of efforts).
DEEPSEEK: Final = Dialect(
    name="deepseek",
    capabilities=Capabilities(json_schema=False, reasoning=True, logprobs=True),
    base_url="https://api.deepseek.com",
    hosts=("api.deepseek.com",),
    price_catalogue="deepseek",
    optional=SAMPLING | {"logprobs"},
    one_system_message=False,
    efforts={
        "none": _NOT_THINKING,
        "low": _thinking_at("low"),
        # And what is below it: medium, high.
        "xhigh": _thinking_at("high"),
        "max": _thinking_at("max"),
    },
    forced_effort="none",
    # An empty text counts as a missing one.
    replay=Replay("reasoning_content", "call_turns", placeholder=" "),
    sampling_while_reasoning=False,
)

#: Source: docs.x.ai (chat completions, reasoning), litellm's usage arithmetic. UNCONFIRMED: the limit of alternatives.
XAI: Final = Dialect(
    name="xai",
    capabilities=Capabilities(reasoning=True, logprobs=True, efforts=("low", "medium", "high", "xhigh")),
    base_url="https://api.x.ai/v1",
    hosts=("api.x.ai",),
    price_catalogue="x-ai",
    # Models that reason refuse penalties.
    optional=frozenset({"temperature", "top_p", "logprobs", "parallel_tool_calls", "user"}),
    one_system_message=False,
    text_parts=True,
    original_images=False,
    strict_schema="always",
    max_top_logprobs=8,
    reasoning_outside_output=True,
)

#: Source: platform.kimi.ai (chat API, thinking effort), harn's probes of tool choices.
MOONSHOT: Final = Dialect(
    name="moonshot",
    capabilities=Capabilities(json_schema=False, reasoning=True, efforts=("low", "high", "max")),
    base_url="https://api.moonshot.ai/v1",
    hosts=("api.moonshot.ai", "api.moonshot.cn"),
    price_catalogue="moonshotai",
    # Sampling is fixed.
    optional=frozenset({"prompt_cache_key"}),
    tokens_member="max_completion_tokens",
    original_images=False,
    replay=Replay("reasoning_content", "call_turns", placeholder=" "),
    tool_choices=frozenset({"none", "auto", "required"}),
    error_codes={"engine_overloaded_error": "overloaded"},
)

#: Source: Alibaba Cloud Model Studio (OpenAI compatible API, deep thinking, error codes). Models of other makers are
#: served too; what is Qwen's own stands in `models.toml`. The budgets of the lower efforts are this gateway's choice.
DASHSCOPE: Final = Dialect(
    name="dashscope",
    capabilities=Capabilities(json_schema=False, reasoning=True, logprobs=True),
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    hosts=(
        "dashscope.aliyuncs.com",
        "dashscope-intl.aliyuncs.com",
        "dashscope-us.aliyuncs.com",
        "maas.aliyuncs.com",
    ),
    optional=frozenset({"temperature", "top_p", "presence_penalty", "logprobs", "parallel_tool_calls"}),
    ranges={"temperature": (0.0, 1.99)},
    image_detail=False,
    efforts={
        "none": {"enable_thinking": False},
        "low": {"enable_thinking": True, "thinking_budget": 2048},
        "medium": {"enable_thinking": True, "thinking_budget": 8192},
        "high": {"enable_thinking": True},
    },
    forced_effort="none",
    tool_choices=frozenset({"none", "auto", "named"}),
    unforced="auto",
    parallel_tool_calls=False,
    strict_schema="sent",
    max_top_logprobs=5,
    error_codes={
        "AllocationQuota.FreeTierOnly": "quota",
        "Arrearage": "quota",
        "DataInspectionFailed": "prompt_blocked",
        "data_inspection_failed": "prompt_blocked",
    },
)

_GLM_QUOTAS: Final = (1113, *range(1308, 1322))

#: Source: docs.z.ai (chat completion, thinking mode, error codes), agentscope's formatter.
GLM: Final = Dialect(
    name="glm",
    capabilities=Capabilities(json_schema=False, reasoning=True, efforts=("low", "high", "max")),
    base_url="https://api.z.ai/api/paas/v4",
    hosts=("api.z.ai", "open.bigmodel.cn"),
    price_catalogue="zai",
    optional=frozenset({"temperature", "top_p"}),
    streamed_tools={"tool_stream": True},
    ranges={"temperature": (0.0, 1.0), "top_p": (0.01, 1.0)},
    needs_user_message=True,
    image_detail=False,
    efforts={**as_reasoning_effort(), "none": _NOT_THINKING},
    replay=Replay("reasoning_content", "all", members={"thinking": {"type": "enabled", "clear_thinking": False}}),
    tool_choices=frozenset({"auto"}),
    unforced="auto",
    inline_references=True,
    usage_option=False,
    error_codes={
        **{str(code): "quota" for code in _GLM_QUOTAS},
        "1211": "model_unknown",
        "1261": "context_too_long",
        "1301": "prompt_blocked",
        "1302": "rate_limit",
        "1305": "overloaded",
    },
)

#: Source: platform.minimax.io (OpenAI compatible API, error codes). What fails inside fails so without a code of ours.
MINIMAX: Final = Dialect(
    name="minimax",
    capabilities=Capabilities(json_schema=False, json_object=False, reasoning=True),
    base_url="https://api.minimax.io/v1",
    hosts=("api.minimax.io", "api.minimaxi.com"),
    price_catalogue="minimax",
    optional=frozenset({"temperature", "top_p"}),
    constants={"reasoning_split": True},
    tokens_member="max_completion_tokens",
    ranges={"temperature": (0.01, 1.0)},
    original_images=False,
    efforts={"none": _NOT_THINKING, "high": {"thinking": {"type": "adaptive"}}},
    replay=Replay("reasoning_details", "all", "details", tagged_text=True),
    tool_choices=frozenset({"auto"}),
    think_tags=True,
    finish_reasons={"1027": "content_filter"},
    error_codes={
        "1001": "timeout",
        "1002": "rate_limit",
        "1004": "bad_credential",
        "1008": "quota",
        "1026": "prompt_blocked",
        "1039": "rate_limit",
        "2013": "bad_request",
        "2049": "bad_credential",
    },
)

#: Source: docs.mistral.ai, mistralai 3.7, recorded answers (audio is counted beside the prompt).
MISTRAL: Final = Dialect(
    name="mistral",
    capabilities=Capabilities(reasoning=True, logprobs=True),
    base_url="https://api.mistral.ai/v1",
    hosts=("api.mistral.ai",),
    price_catalogue="mistral",
    optional=SAMPLING | {"logprobs", "parallel_tool_calls", "prompt_cache_key", "service_tier"},
    ranges={"temperature": (0.0, 1.5)},
    one_system_message=False,
    tagged_system=True,
    order="mistral",
    last_assistant="prefix",
    named_results=True,
    nine_letter_ids=True,
    text_parts=True,
    original_images=False,
    pdf=True,
    document_urls=True,
    file_urls=True,
    plain_audio=True,
    efforts={
        # And what is below it: none.
        "minimal": {"reasoning_effort": "none"},
        "high": {"reasoning_effort": "high"},
    },
    # UNCONFIRMED: whether another `top_p` is refused.
    greedy_top_p=True,
    replay=Replay(scope="all", form="thinking_part", sealed=True),
    required_word="any",
    hides_tools=True,
    strict_tools=True,
    strict_schema="sent",
    # Who has the priority tier gets it unless told otherwise.
    service_tiers={"default": "standard_only", "priority": "auto"},
    usage_option=False,
    audio_outside_input=True,
    error_codes={"1500": "model_unknown", "invalid_model": "model_unknown", "3051": "context_too_long"},
)

#: Source: docs.perplexity.ai, perplexityai 0.46.1, recorded answers.
PERPLEXITY: Final = Dialect(
    name="perplexity",
    capabilities=Capabilities(json_object=False, reasoning=True, efforts=("minimal", "low", "medium", "high")),
    base_url="https://api.perplexity.ai",
    hosts=("api.perplexity.ai",),
    price_catalogue="perplexity",
    optional=SAMPLING,
    order="alternating",
    last_assistant="followed",
    image_detail=False,
    tool_choices=frozenset({"none", "auto", "required"}),
    strict_schema="always",
    think_tags=True,
    numbered_citations=True,
    counts_apart=True,
)

MAKERS: Final = (OPENAI, DEEPSEEK, XAI, MOONSHOT, DASHSCOPE, GLM, MINIMAX, MISTRAL, PERPLEXITY)
