"""The providers that LiteLLM writes in front of a model's name, and what stands for each of them here.

Source: LiteLLM's pages of its providers, and their parameters in `litellm_params`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Vendor:
    """What a prefix stands for. `key` is the variable that LiteLLM reads where no `api_key` is written; `base_url`
    stands where no `api_base` is written. `options` are those of every entry, `carried` names ours by LiteLLM's."""

    type: str
    key: str | None = None
    base_url: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    carried: Mapping[str, str] = field(default_factory=dict)


def _chat(dialect: str, key: str | None = None) -> Vendor:
    return Vendor("openai_chat", key, options={"dialect": dialect})


def _compatible(base_url: str, key: str) -> Vendor:
    return Vendor("openai_chat", key, base_url)


_AWS: Final = {
    "aws_region_name": "region",
    "aws_access_key_id": "aws.access_key_id",
    "aws_secret_access_key": "aws.secret_access_key",
    "aws_session_token": "aws.session_token",
    "aws_profile_name": "aws.profile",
}
_GOOGLE: Final = {
    "vertex_project": "project",
    "vertex_location": "location",
    "vertex_credentials": "google.credentials_file",
    "vertex_ai_project": "project",
    "vertex_ai_location": "location",
}
_ENTRA: Final = {
    "tenant_id": "entra.tenant_id",
    "client_id": "entra.client_id",
    "client_secret": "entra.client_secret",
}
_ORGANIZATION: Final = {"organization": "organization"}

VERTEX: Final = Vendor("gemini", carried=_GOOGLE)

VENDORS: Final[Mapping[str, Vendor]] = {
    "openai": Vendor("responses", "OPENAI_API_KEY", carried=_ORGANIZATION),
    "azure": Vendor("azure", "AZURE_API_KEY", "${AZURE_API_BASE}", carried=_ENTRA),
    "azure_ai": Vendor("azure", "AZURE_AI_API_KEY", "${AZURE_AI_API_BASE}", {"api": "chat"}, _ENTRA),
    "anthropic": Vendor("anthropic", "ANTHROPIC_API_KEY"),
    "bedrock": Vendor("bedrock", options={"region": "${AWS_REGION}"}, carried=_AWS),
    "vertex_ai": VERTEX,
    "vertex_ai_beta": VERTEX,
    "gemini": Vendor("gemini", "GEMINI_API_KEY"),
    "mistral": Vendor("mistral", "MISTRAL_API_KEY"),
    "codestral": Vendor("mistral", "CODESTRAL_API_KEY", "https://codestral.mistral.ai/v1"),
    "cohere": Vendor("cohere", "COHERE_API_KEY"),
    "cohere_chat": Vendor("cohere", "COHERE_API_KEY"),
    "ollama": Vendor("ollama"),
    "ollama_chat": Vendor("ollama"),
    "cerebras": _chat("cerebras", "CEREBRAS_API_KEY"),
    "dashscope": _chat("dashscope", "DASHSCOPE_API_KEY"),
    "deepseek": _chat("deepseek", "DEEPSEEK_API_KEY"),
    "fireworks_ai": _chat("fireworks", "FIREWORKS_API_KEY"),
    "groq": _chat("groq", "GROQ_API_KEY"),
    "hosted_vllm": _chat("vllm"),
    "huggingface": _chat("huggingface", "HUGGINGFACE_API_KEY"),
    "lm_studio": _chat("lm_studio"),
    "minimax": _chat("minimax", "MINIMAX_API_KEY"),
    "moonshot": _chat("moonshot", "MOONSHOT_API_KEY"),
    "openrouter": _chat("openrouter", "OPENROUTER_API_KEY"),
    "perplexity": _chat("perplexity", "PERPLEXITYAI_API_KEY"),
    "together_ai": _chat("together", "TOGETHERAI_API_KEY"),
    "xai": _chat("xai", "XAI_API_KEY"),
    "zai": _chat("glm", "ZAI_API_KEY"),
    "llamafile": _chat("llama_cpp"),
    "nvidia_nim": _compatible("https://integrate.api.nvidia.com/v1", "NVIDIA_NIM_API_KEY"),
    "deepinfra": _compatible("https://api.deepinfra.com/v1/openai", "DEEPINFRA_API_KEY"),
    "sambanova": _compatible("https://api.sambanova.ai/v1", "SAMBANOVA_API_KEY"),
    "openai_like": Vendor("openai_chat"),
    "custom_openai": Vendor("openai_chat"),
    "litellm_proxy": Vendor("openai_chat", "LITELLM_PROXY_API_KEY", "${LITELLM_PROXY_API_BASE}"),
}

CLAUDE_ON_VERTEX: Final = Vendor("anthropic", carried=_GOOGLE)
MISTRAL_ON_VERTEX: Final = Vendor("mistral", options={"host": "vertex"}, carried=_GOOGLE)
COMPATIBLE: Final = Vendor("openai_chat", "OPENAI_API_KEY", carried=_ORGANIZATION)
"""`openai/` with an address of another server's."""

_OWN_HOSTS: Final = re.compile(r"^https?://([a-z0-9-]+\.)?api\.openai\.com(/|$)")

_UNPREFIXED: Final = (
    (re.compile(r"gpt-|chatgpt-|o[134](-|$)|codex-"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-"), "vertex_ai"),
    (re.compile(r"command-"), "cohere"),
)
"""Whose a model without a prefix is, as LiteLLM knows it."""

_ROUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "bedrock": ("converse/", "converse_like/", "invoke/"),
    "openai": ("responses/", "chat/"),
    "azure": ("responses/", "chat/", "o_series/", "gpt5_series/"),
    "vertex_ai": ("gemini/",),
}
"""What may stand between a prefix and the model, and says only by which way LiteLLM goes."""


@dataclass(frozen=True, slots=True)
class Named:
    """Whose model it is: LiteLLM's name for the vendor, what stands for it here, the vendor's name for the model."""

    prefix: str
    vendor: Vendor
    model: str


def named(model: str, custom: str | None, api_base: str | None) -> Named | None:
    """Whose model a `litellm_params.model` is; None for a vendor that nothing here stands for."""
    prefix, slash, rest = model.partition("/")
    if custom is not None:
        prefix, rest = custom, rest if slash and prefix == custom else model
    elif not slash or (prefix not in VENDORS and api_base is not None):
        found = next((vendor for pattern, vendor in _UNPREFIXED if pattern.match(model)), None)
        prefix, rest = found or ("openai" if api_base is not None else ""), model
    vendor = VENDORS.get(prefix)
    if vendor is None:
        return None
    for route in _ROUTES.get(prefix, ()):
        rest = rest.removeprefix(route)
    return Named(prefix, _special(prefix, vendor, rest, api_base), rest)


def _special(prefix: str, vendor: Vendor, model: str, api_base: str | None) -> Vendor:
    if prefix in ("vertex_ai", "vertex_ai_beta"):
        if model.startswith("claude"):
            return CLAUDE_ON_VERTEX
        return MISTRAL_ON_VERTEX if re.match("mistral|codestral", model) else vendor
    if prefix == "openai" and api_base is not None and not _OWN_HOSTS.match(api_base):
        return COMPATIBLE
    return vendor
