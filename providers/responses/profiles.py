"""The servers, one row each. Sources: the vendors' documents and SDKs of November 2026, recorded traffic."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from providers.responses.profile import PARAMETERS, Profile
from proxy.provider.capabilities import Capabilities

_CLIENT_TOOLS: Final = (
    "shell",
    "local_shell",
    "apply_patch",
    "computer",
    "computer_use_preview",
    "tool_search",
    "programmatic_tool_calling",
)

_ITEMS: Final = (
    "message",
    "function_call",
    "function_call_output",
    "custom_tool_call",
    "custom_tool_call_output",
    "web_search_call",
    "file_search_call",
    "code_interpreter_call",
    "image_generation_call",
    "mcp_list_tools",
    "mcp_call",
    "mcp_approval_request",
    "mcp_approval_response",
    "computer_call",
    "computer_call_output",
    "local_shell_call",
    "local_shell_call_output",
    "shell_call",
    "shell_call_output",
    "apply_patch_call",
    "apply_patch_call_output",
    "tool_search_call",
    "tool_search_output",
    "program",
    "program_output",
)

_HOSTED: Final = ("web_search", "file_search", "code_interpreter", "image_generation", "mcp", "tool_search", "shell")

_INCLUDE: Final = frozenset(
    {
        "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
        "file_search_call.results",
        "message.input_image.image_url",
        "message.output_text.logprobs",
        "reasoning.encrypted_content",
        "web_search_call.action.sources",
        "web_search_call.results",
    }
)

_SAMPLING: Final = frozenset({"temperature", "top_p", "presence_penalty", "frequency_penalty"})
_USUAL: Final = frozenset(
    {
        "max_output_tokens",
        "parallel_tool_calls",
        "reasoning.effort",
        "temperature",
        "text.verbosity",
        "tool_choice",
        "top_p",
    }
)

_PLAIN: Final = Capabilities(
    audio=False, files=False, file_urls=False, image_urls=True, json_object=True, reasoning=True, logprobs=False
)
"""A server of open weights: functions, text and images."""

OPENAI: Final = Profile(
    "openai",
    "OpenAI",
    Capabilities(
        audio=True,
        allowed_tools=True,
        custom_tools=True,
        hosted_tools=_HOSTED,
        native_items=_ITEMS,
        native_tools=("function", "custom", "namespace", "allowed_tools", *_CLIENT_TOOLS),
        native_parameters=("access_programs", "image", "max_tool_calls", "moderation"),
        logprobs=True,
        verbosity=True,
        reasoning=True,
    ),
    base_url="https://api.openai.com/v1",
    hosts=("openai.com",),
    counter_path="/responses/input_tokens",
    price_catalogue="openai",
    models="openai",
    parameters=frozenset(PARAMETERS),
    include=_INCLUDE,
    service_tiers=("auto", "default", "flex", "scale", "priority", "fast", "ultrafast"),
    replay="encrypted",
    phases=True,
    refusals=True,
    file_ids=True,
    cache_breakpoints=True,
    choices=frozenset({"none", "auto", "required", "named", "hosted"}),
)

AZURE: Final = replace(
    OPENAI,
    name="azure",
    title="Azure OpenAI",
    base_url="",
    hosts=("openai.azure.com", "services.ai.azure.com", "cognitiveservices.azure.com"),
    models_path="/models",
    price_catalogue="azure",
    capabilities=replace(
        OPENAI.capabilities,
        hosted_tools=("web_search", "file_search", "code_interpreter", "mcp", "tool_search", "shell"),
        native_parameters=("max_tool_calls",),
    ),
    parameters=frozenset(PARAMETERS) - {"access_programs", "image", "moderation"},
    service_tiers=("auto", "default"),
)

XAI: Final = Profile(
    "xai",
    "xAI",
    replace(_PLAIN, hosted_tools=("web_search", "code_interpreter", "file_search", "mcp"), logprobs=True),
    base_url="https://api.x.ai/v1",
    hosts=("x.ai",),
    price_catalogue="x-ai",
    models="xai",
    parameters=_USUAL | {"prompt_cache_key", "reasoning.summary", "top_logprobs", "user", "max_tool_calls"},
    include=frozenset(
        {
            "reasoning.encrypted_content",
            "message.output_text.logprobs",
            "code_interpreter_call.outputs",
            "file_search_call.results",
            "web_search_call.action.sources",
        }
    ),
    replay="encrypted",
    tool_members={"web_search": ("filters",), "code_interpreter": ()},
)

OPENROUTER: Final = Profile(
    "openrouter",
    "OpenRouter",
    replace(_PLAIN, files=True, audio=True, hosted_tools=("web_search",), verbosity=True, logprobs=True),
    base_url="https://openrouter.ai/api/v1",
    hosts=("openrouter.ai",),
    price_catalogue="openrouter",
    models="openrouter",
    parameters=_USUAL
    | _SAMPLING
    | {
        "max_tool_calls",
        "prompt_cache_key",
        "reasoning.summary",
        "safety_identifier",
        "service_tier",
        "top_logprobs",
        "user",
    },
    include=frozenset({"reasoning.encrypted_content", "message.output_text.logprobs"}),
    service_tiers=("auto", "default", "flex", "priority"),
    replay="both",
)

GROQ: Final = Profile(
    "groq",
    "Groq",
    _PLAIN,
    base_url="https://api.groq.com/openai/v1",
    hosts=("groq.com",),
    price_catalogue="groq",
    models="groq",
    parameters=_USUAL | {"service_tier", "user"},
    service_tiers=("auto", "default", "flex"),
    states_storage=False,
    system_messages="system",
    replay="none",
)

DEEPSEEK: Final = Profile(
    "deepseek",
    "DeepSeek",
    replace(_PLAIN, custom_tools=True, json_schema=True),
    base_url="https://api.deepseek.com",
    hosts=("deepseek.com",),
    price_catalogue="deepseek",
    models="deepseek",
    parameters=_USUAL | {"user"},
    efforts={"minimal": "low", "medium": "high", "xhigh": "high"},
    system_messages="instructions",
    replay="text",
)

MISTRAL: Final = Profile(
    "mistral",
    "Mistral",
    replace(_PLAIN, files=True, file_urls=True, native_tools=("namespace",)),
    base_url="https://api.mistral.ai/v1",
    hosts=("mistral.ai",),
    counter_path="/responses/input_tokens",
    price_catalogue="mistral",
    models="mistral",
    parameters=_USUAL | {"prompt_cache_key"},
    replay="text",
)

PERPLEXITY: Final = Profile(
    "perplexity",
    "Perplexity",
    replace(_PLAIN, hosted_tools=("web_search",), json_schema=False, json_object=False),
    base_url="https://api.perplexity.ai/v1",
    hosts=("perplexity.ai",),
    models_path="",
    price_catalogue="perplexity",
    models="perplexity",
    parameters=frozenset({"max_output_tokens", "reasoning.effort", "temperature", "top_p"}),
    states_storage=False,
    system_messages="instructions",
    replay="none",
    choices=frozenset({"auto"}),
)

FIREWORKS: Final = Profile(
    "fireworks",
    "Fireworks",
    replace(_PLAIN, hosted_tools=("mcp",)),
    base_url="https://api.fireworks.ai/inference/v1",
    hosts=("fireworks.ai",),
    price_catalogue="fireworks",
    models="fireworks",
    parameters=_USUAL | {"max_tool_calls", "prompt_cache_key", "user"},
    system_messages="instructions",
    replay="text",
)

DASHSCOPE: Final = Profile(
    "dashscope",
    "Alibaba (Qwen)",
    replace(_PLAIN, hosted_tools=("web_search", "code_interpreter", "file_search", "mcp")),
    base_url="https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
    hosts=("aliyuncs.com",),
    models="dashscope",
    parameters=_USUAL - {"text.verbosity", "parallel_tool_calls"},
    efforts={"xhigh": "high", "max": "high"},
    system_messages="system",
    replay="none",
)

BEDROCK_MANTLE: Final = Profile(
    "bedrock_mantle",
    "Amazon Bedrock (Mantle)",
    replace(
        OPENAI.capabilities,
        audio=False,
        files=False,
        hosted_tools=("web_search", "mcp", "tool_search"),
        native_items=(
            "message",
            "function_call",
            "function_call_output",
            "custom_tool_call",
            "custom_tool_call_output",
            "web_search_call",
            "mcp_list_tools",
            "mcp_call",
            "mcp_approval_request",
            "mcp_approval_response",
            "tool_search_call",
            "tool_search_output",
        ),
        native_tools=("function", "custom", "namespace", "allowed_tools", "tool_search"),
        native_parameters=("max_tool_calls",),
    ),
    base_url="https://bedrock-mantle.{region}.api.aws",
    hosts=("api.aws",),
    path="/openai/v1/responses",
    models_path="/openai/v1/models",
    price_catalogue="aws",
    models="openai",
    parameters=frozenset(PARAMETERS) - {"access_programs", "image", "moderation", "prompt_cache_options"},
    include=_INCLUDE,
    service_tiers=("auto", "default"),
    replay="encrypted",
    refusals=True,
    choices=frozenset({"none", "auto", "required", "named", "hosted"}),
)

VLLM: Final = Profile(
    "vllm",
    "vLLM",
    replace(_PLAIN, hosted_tools=("mcp",), logprobs=True),
    models="vllm",
    parameters=_USUAL - {"text.verbosity"} | {"top_logprobs", "max_tool_calls"},
    system_messages="instructions",
    replay="text",
)

SGLANG: Final = Profile(
    "sglang",
    "SGLang",
    replace(_PLAIN, custom_tools=True, native_tools=("namespace",)),
    models="sglang",
    parameters=_USUAL - {"text.verbosity"} | _SAMPLING,
    system_messages="instructions",
    replay="text",
)

LLAMA_CPP: Final = Profile(
    "llama_cpp",
    "llama.cpp",
    replace(_PLAIN, json_schema=True),
    counter_path="/responses/input_tokens",
    models="llama_cpp",
    parameters=frozenset({"max_output_tokens", "temperature", "top_p", "tool_choice", "parallel_tool_calls"}),
    system_messages="instructions",
    replay="text",
    result_parts=False,
    choices=frozenset({"none", "auto", "required"}),
)

LM_STUDIO: Final = Profile(
    "lm_studio",
    "LM Studio",
    replace(_PLAIN, image_urls=False, hosted_tools=("mcp",)),
    models="lm_studio",
    parameters=_USUAL - {"text.verbosity"},
    system_messages="instructions",
    replay="none",
    choices=frozenset({"none", "auto", "required"}),
)

OLLAMA: Final = Profile(
    "ollama",
    "Ollama",
    replace(_PLAIN, image_urls=False),
    models="ollama",
    parameters=frozenset({"max_output_tokens", "temperature", "top_p", "reasoning.effort"}),
    system_messages="instructions",
    replay="none",
    choices=frozenset({"auto"}),
)

ARK: Final = Profile(
    "ark",
    "Volcengine Ark",
    replace(_PLAIN, hosted_tools=("web_search",)),
    base_url="https://ark.cn-beijing.volces.com/api/v3",
    hosts=("volces.com",),
    parameters=_USUAL - {"text.verbosity", "parallel_tool_calls"} | {"max_tool_calls"},
    system_messages="system",
    replay="none",
)

DRAGOMAN: Final = replace(
    OPENAI,
    name="dragoman",
    title="another Dragoman",
    base_url="",
    hosts=(),
    price_catalogue=None,
    models="generic",
    capabilities=replace(OPENAI.capabilities, native_parameters=("max_tool_calls",)),
    parameters=frozenset(PARAMETERS) - {"access_programs", "image", "moderation"},
)

GENERIC: Final = Profile(
    "generic",
    "anything else",
    _PLAIN,
    parameters=_USUAL,
    system_messages="instructions",
    replay="both",
)

PROFILES: Final[Mapping[str, Profile]] = {
    profile.name: profile
    for profile in (
        OPENAI,
        AZURE,
        XAI,
        OPENROUTER,
        GROQ,
        DEEPSEEK,
        MISTRAL,
        PERPLEXITY,
        FIREWORKS,
        DASHSCOPE,
        BEDROCK_MANTLE,
        ARK,
        VLLM,
        SGLANG,
        LLAMA_CPP,
        LM_STUDIO,
        OLLAMA,
        DRAGOMAN,
        GENERIC,
    )
}


def detected(base_url: str) -> Profile:
    """The profile of the host of an address; generic for one that none claims."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        host = ""
    for profile in PROFILES.values():
        if any(host == known or host.endswith(f".{known}") for known in profile.hosts):
            return profile
    return GENERIC
