"""Requests on their way to a vendor: every target that they are translated for, and what becomes of them."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

from providers.anthropic import Anthropic, AnthropicSettings
from providers.bedrock import Bedrock, BedrockSettings
from providers.gemini import Gemini, GeminiSettings
from providers.mistral import Mistral, MistralSettings
from providers.ollama import Ollama, OllamaSettings
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.responses import Responses, ResponsesSettings
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.provider.contract import Call, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.secret import Secret
from proxy.responses.errors import ResponsesError
from proxy.responses.request import check_not_empty, parse_create
from proxy.responses.seal import Sealer, SealKey
from proxy.upstream.client import HttpClient
from tests.responses.nothing_stored import check_with_nothing_stored

from .recordings import requests, sampled

SEALER: Final = Sealer([SealKey("test", bytes(32))])


@dataclass(frozen=True, slots=True)
class Destination:
    """A model of a provider. `vendor` names the oracle of its requests."""

    vendor: str
    model: str
    dialect: str = ""

    @property
    def id(self) -> str:
        """The name of a test's case."""
        kind = f"responses, {self.dialect}:" if self.vendor == "responses" else f"{self.dialect or self.vendor}/"
        return f"{kind}{self.model}"

    @property
    def target(self) -> Target:
        """What the exchange sends requests to."""
        provider = PROVIDERS[self.vendor](self.dialect)
        return Target(Endpoint("vendor", provider, cast(HttpClient, None)), self.model)


PROVIDERS: Final[Mapping[str, Callable[[str], Provider]]] = {
    "anthropic": lambda dialect: Anthropic(AnthropicSettings(), "anthropic"),
    "bedrock": lambda dialect: Bedrock(BedrockSettings(region="us-east-1", api_key=Secret("key")), "bedrock"),
    "gemini": lambda dialect: Gemini(GeminiSettings(), "gemini"),
    "mistral": lambda dialect: Mistral(MistralSettings(api_key=Secret("key")), "mistral"),
    "ollama": lambda dialect: Ollama(OllamaSettings(), "ollama"),
    "openai_chat": lambda dialect: OpenAIChat(
        OpenAIChatSettings(base_url="http://vendor.test/v1", dialect=dialect), "chat"
    ),
    "responses": lambda dialect: Responses(
        ResponsesSettings(base_url="http://vendor.test/v1", profile=dialect), "responses"
    ),
}
"""How a provider of each type is made; `dialect` is that of Chat Completions, or a profile of Responses."""


CHAT_SERVERS: Final = (
    ("deepseek", "deepseek-v4-pro"),
    ("xai", "grok-4.6"),
    ("xai", "grok-3"),
    ("moonshot", "kimi-k3"),
    ("moonshot", "kimi-k2.6"),
    ("dashscope", "qwen3.8-max"),
    ("dashscope", "qwen3-32b"),
    ("glm", "glm-5.3"),
    ("glm", "glm-4.6v"),
    ("minimax", "MiniMax-M3"),
    ("mistral", "mistral-medium-latest"),
    ("mistral", "ministral-8b-latest"),
    ("perplexity", "sonar-reasoning-pro"),
    ("groq", "openai/gpt-oss-120b"),
    ("groq", "qwen/qwen3-32b"),
    ("together", "zai-org/GLM-5.1"),
    ("fireworks", "accounts/fireworks/models/kimi-k2p6"),
    ("openrouter", "anthropic/claude-sonnet-5.5"),
    ("openrouter", "mistralai/mistral-medium-3.1"),
    ("cerebras", "gpt-oss-120b"),
    ("cerebras", "zai-glm-4.7"),
    ("huggingface", "moonshotai/Kimi-K2-Instruct-0905:groq"),
    ("vllm", "qwen3"),
    ("vllm", "minimax-m2.7"),
    ("sglang", "qwen3"),
    ("llama_cpp", "qwen3"),
    ("ollama", "gpt-oss:20b"),
    ("lm_studio", "qwen3"),
    ("generic", "qwen3"),
)
"""Servers that speak Chat Completions after OpenAI's example, with models whose families differ."""

DESTINATIONS: Final = (
    *(
        Destination("openai_chat", model, "openai")
        for model in ("gpt-4.1", "gpt-5.4", "gpt-5.6-sol", "gpt-6-astra", "o3")
    ),
    *(Destination("openai_chat", model, dialect) for dialect, model in CHAT_SERVERS),
    *(
        Destination("anthropic", model)
        for model in (
            "claude-haiku-4-5",
            "claude-opus-4-5",
            "claude-sonnet-4-6",
            "claude-opus-4-8",
            "claude-sonnet-5-5",
            "claude-opus-5-5",
            "claude-of-tomorrow-9",
        )
    ),
    *(
        Destination("gemini", model)
        for model in (
            "gemini-2.0-flash",
            "gemini-2.5-flash",
            "gemini-2.5-pro",
            "gemini-3.1-pro-preview",
            "gemini-3.5-flash",
            "gemini-4-argon",
        )
    ),
)


MORE_DESTINATIONS: Final = (
    Destination("bedrock", "us.anthropic.claude-opus-4-8"),
    Destination("bedrock", "us.amazon.nova-pro-v1:0"),
    Destination("mistral", "mistral-medium-latest"),
    Destination("ollama", "qwen3.5"),
    Destination("responses", "gpt-5.6-sol", "openai"),
    Destination("responses", "grok-4.6", "xai"),
)
"""Models of providers whose requests are held against their vendors' types beside their other tests."""


@dataclass(frozen=True, slots=True)
class Translated:
    """A request that a vendor can be sent. `conversions` say what it lost."""

    call: Call
    conversions: tuple[Conversion, ...]

    @property
    def body(self) -> dict[str, Any]:
        """The body, read again."""
        body: dict[str, Any] = orjson.loads(self.call.body)
        return body


@dataclass(frozen=True, slots=True)
class Declined:
    """A request that is refused before anything reaches the vendor."""

    status: int
    param: str | None
    code: str | None
    message: str


def translate(body: Mapping[str, Any], destination: Destination) -> Translated | Declined:
    """What becomes of a request; whatever else is raised is a defect."""
    target = destination.target
    try:
        request = parse_create(dict(body))
        check_with_nothing_stored(request)
        check_not_empty(request)
        prepared, _ = prepare(request, target, rules=Rules(), sealer=SEALER, client="default")
        call = encode(prepared, target, Rules())
    except ResponsesError as error:
        return Declined(error.status, error.param, error.code, error.message)
    return Translated(call, tuple(prepared.conversions))


FULL: Final[Mapping[str, Any]] = {
    "model": "M",
    "instructions": "Be brief",
    "input": [
        {"role": "developer", "content": "Think"},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "Weather?", "prompt_cache_breakpoint": {"mode": "explicit"}}],
        },
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]},
        {"type": "function_call", "call_id": "call_1", "name": "wx", "arguments": '{"b": 1, "a": 2}'},
        {"type": "function_call", "call_id": "call_2", "name": "wx", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_2", "output": [{"type": "input_text", "text": "3 C"}]},
        {"type": "function_call_output", "call_id": "call_1", "output": "4 C"},
    ],
    "tools": [
        {
            "type": "function",
            "name": "wx",
            "strict": True,
            "parameters": {
                "type": "object",
                "properties": {name: {"type": "string", "minLength": 1} for name in ("zeta", "alpha", "mid")},
                "required": ["zeta", "alpha", "mid"],
                "additionalProperties": False,
            },
        },
        {
            "type": "namespace",
            "name": "ns",
            "description": "More",
            "tools": [
                {"type": "function", "name": "an unsafe name, and one that is much too long for any vendor " * 2}
            ],
        },
        {"type": "web_search"},
    ],
    "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "wx"}]},
    "include": ["reasoning.encrypted_content", "message.output_text.logprobs"],
    "metadata": {"b": "1", "a": "2"},
    "reasoning": {"effort": "low", "summary": "auto"},
    "prompt_cache_options": {"mode": "explicit", "ttl": "12h"},
    "safety_identifier": "someone",
    "service_tier": "priority",
    "temperature": 0.5,
    "top_p": 0.9,
    "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object", "properties": {}}}},
}
"""A request with something in most places where an order could be lost."""


MOST: Final = 60
"""How many of the recorded requests the digest is made of unless all are asked for."""


def digest() -> str:
    """A hash over the bodies, headers and conversions of requests for all destinations."""
    whole = hashlib.sha256()
    for body in (FULL, *(request.body for request in sampled(requests(), MOST))):
        for destination in (*DESTINATIONS, *MORE_DESTINATIONS):
            translated = translate(body, destination)
            if isinstance(translated, Translated):
                whole.update(translated.call.body)
                whole.update(repr((sorted(translated.call.headers.items()), translated.conversions)).encode())
            else:
                whole.update(repr(translated).encode())
    return whole.hexdigest()
