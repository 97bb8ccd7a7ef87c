"""docs/capabilities.md: every provider by every feature, made by asking the providers themselves.

`python -m tests.docs` writes it. A new provider is a line in `COLUMNS`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, cast

from proxy.app import Plugins
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.provider.contract import Prepared, Provider
from proxy.provider.conversions import Conversion, RefusedError
from proxy.responses.request import parse_create
from proxy.responses.seal import Sealer, SealKey
from proxy.upstream.client import HttpClient
from tests.docs.capability_answers import ANSWERS, answered
from tests.docs.capability_requests import FEATURES, PLAIN, Feature
from tests.docs.markdown import ROOT

DOCUMENT: Final = ROOT / "docs/capabilities.md"

SEALER: Final = Sealer([SealKey("test", bytes(32))])
PLUGINS: Final = Plugins()

SIGNS: Final[Mapping[str, str]] = {
    "exact": "**E**",
    "gateway": "G",
    "approximated": "A",
    "ignored": "i",
    "dropped": "D",
    "refused": "R",
    "nothing": "-",
}


@dataclass(frozen=True)
class Column:
    """A model of a provider with these options."""

    title: str
    type: str
    model: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def target(self) -> Target:
        """What the exchange sends requests to."""
        plugin = PLUGINS.provider(self.type)
        provider = plugin(plugin.Settings.model_validate(self.options), "vendor")
        return Target(Endpoint("vendor", provider, cast(HttpClient, None)), self.model)

    @property
    def provider(self) -> Provider:
        """The provider."""
        return self.target.endpoint.provider


AWS: Final[Mapping[str, Any]] = {"region": "us-east-1", "api_key": "k"}
VERTEX: Final[Mapping[str, Any]] = {"project": "p", "location": "l"}
AZURE: Final[Mapping[str, Any]] = {"base_url": "https://r.openai.azure.com", "api_key": "k"}


def _chat(title: str, dialect: str, model: str) -> Column:
    return Column(title, "openai_chat", model, {"dialect": dialect, "base_url": "http://vendor.test/v1"})


def _native(title: str, profile: str, model: str) -> Column:
    return Column(title, "responses", model, {"profile": profile, "base_url": "http://vendor.test/v1"})


VENDORS: Final = (
    Column("OpenAI", "responses", "gpt-5.6-sol", {"profile": "openai"}),
    Column("Azure", "azure", "gpt-5.6-sol", AZURE),
    Column("OpenAI, Chat", "openai_chat", "gpt-5.6-sol", {"dialect": "openai"}),
    Column("Anthropic", "anthropic", "claude-opus-5"),
    Column("Gemini", "gemini", "gemini-3.5-flash"),
    Column("Vertex AI", "gemini", "gemini-3.5-flash", VERTEX),
    Column("Mistral", "mistral", "mistral-medium-latest"),
    Column("Cohere", "cohere", "command-a-reasoning-08-2025"),
    Column("Ollama", "ollama", "qwen3"),
)

BEDROCK: Final = tuple(
    Column(title, "bedrock", model, AWS)
    for title, model in (
        ("Claude", "anthropic.claude-opus-5"),
        ("Nova", "amazon.nova-pro-v1:0"),
        ("Nova 2", "amazon.nova-2-lite-v1:0"),
        ("Llama", "meta.llama4-maverick-17b-instruct-v1:0"),
        ("Mistral", "mistral.mistral-large-3-675b-instruct"),
        ("DeepSeek", "deepseek.v3-v1:0"),
        ("gpt-oss", "openai.gpt-oss-120b-1:0"),
        ("Qwen", "qwen.qwen3-32b-v1:0"),
    )
)

NATIVES: Final = (
    _native("xAI", "xai", "grok-4.6"),
    _native("OpenRouter", "openrouter", "anthropic/claude-sonnet-5.5"),
    _native("Groq", "groq", "openai/gpt-oss-120b"),
    _native("DeepSeek", "deepseek", "deepseek-v4-pro"),
    _native("Bedrock Mantle", "bedrock_mantle", "openai.gpt-oss-120b"),
    _native("vLLM", "vllm", "qwen3"),
    _native("SGLang", "sglang", "qwen3"),
    _native("llama.cpp", "llama_cpp", "qwen3"),
    _native("anything else", "generic", "qwen3"),
)

CHAT_SERVERS: Final = (
    _chat("DeepSeek", "deepseek", "deepseek-v4-pro"),
    _chat("xAI", "xai", "grok-4.6"),
    _chat("Moonshot", "moonshot", "kimi-k3"),
    _chat("Alibaba", "dashscope", "qwen3.8-max"),
    _chat("Z.ai", "glm", "glm-5.3"),
    _chat("MiniMax", "minimax", "MiniMax-M3"),
    _chat("Perplexity", "perplexity", "sonar-reasoning-pro"),
    _chat("Groq", "groq", "openai/gpt-oss-120b"),
    _chat("Together", "together", "zai-org/GLM-5.1"),
    _chat("Fireworks", "fireworks", "accounts/fireworks/models/kimi-k2p6"),
    _chat("OpenRouter", "openrouter", "anthropic/claude-sonnet-5.5"),
    _chat("Cerebras", "cerebras", "gpt-oss-120b"),
    _chat("Hugging Face", "huggingface", "moonshotai/Kimi-K2-Instruct-0905:groq"),
)

SELF_HOSTED: Final = (
    _chat("vLLM", "vllm", "qwen3"),
    _chat("SGLang", "sglang", "qwen3"),
    _chat("llama.cpp", "llama_cpp", "qwen3"),
    _chat("Ollama, at /v1", "ollama", "gpt-oss:20b"),
    _chat("LM Studio", "lm_studio", "qwen3"),
    _chat("anything else", "generic", "qwen3"),
)

ANSWERED: Final = (
    *VENDORS,
    Column("Bedrock: Claude", "bedrock", "anthropic.claude-opus-5", AWS),
    _chat("OpenRouter, Chat", "openrouter", "anthropic/claude-sonnet-5.5"),
    _chat("other Chat servers", "generic", "qwen3"),
)

TABLES: Final[Mapping[str, tuple[Column, ...]]] = {
    "Vendors": VENDORS,
    "Amazon Bedrock": BEDROCK,
    "Servers that speak Responses": NATIVES,
    "Vendors that speak Chat Completions": CHAT_SERVERS,
    "Servers of your own that speak Chat Completions": SELF_HOSTED,
}

HEAD: Final = """\
# What each provider can do

Made by `make docs`, by asking the providers with a small request for each feature; a test holds this page to it. What
becomes of every single member of a request stands in [conversions](conversions.md), the words in
[fidelity](fidelity.md). Each column is one model, named below its table: others differ where
[their data](providers.md) says so, and `dragoman translate` tells it for any model.

| sign | meaning |
|---|---|
| **E** | exact: the vendor has it, and is told |
| G | exact, and the gateway's doing: for this vendor, or for everybody |
| A | approximated: carried in another form |
| i | ignored: left out, and the answer does not depend on it |
| D | dropped: left out, and said so; refused with `strict` |
| R | refused: a 400 before anybody is asked |
| - | there is none |
"""

NOTES: Final = """\
An image by URL that is G is fetched by the gateway, where `fetch` allows it. Tokens that are G are estimated by the
gateway. What a file or a schema is called may be told differently. Hosted tools that are D are dropped where they are
only offered, and refused where the request insists on them.
"""


def generated() -> str:
    """The whole document."""
    return "\n".join((HEAD, *_tables(), *_answers(), "", NOTES))


def installed(columns: tuple[Column, ...]) -> list[Column]:
    """The columns whose type is there."""
    return [column for column in columns if column.type in PLUGINS]


def outcome(feature: Feature, column: Column) -> str:
    """What becomes of a feature."""
    able = column.target.endpoint.capabilities(column.model)
    if feature.request is None:
        return "gateway"
    base = _conversions(feature.base, column)
    if not feature.native(able) and feature.title == "image by URL":
        return "gateway"
    found = _conversions(feature.request, column)
    if found is None:
        return "refused"
    new = [each.disposition for each in found if each not in (base or ()) and _matters(each)]
    for disposition in ("dropped", "approximated", "ignored"):
        if disposition in new:
            return disposition
    return "exact" if feature.native(able) else "gateway"


def _matters(conversion: Conversion) -> bool:
    """Whether the feature is concerned, and not only what something is called."""
    member = conversion.path.rpartition(".")[2]
    return member not in ("filename", "name") and (member != "strict" or conversion.disposition != "ignored")


def counting(column: Column) -> str:
    """Who counts tokens."""
    prepared, _ = _prepared(PLAIN, column)
    return "exact" if column.provider.encode_count(prepared) is not None else "gateway"


def listing(column: Column) -> str:
    """Whether the provider can be asked for its models."""
    return "exact" if type(column.provider).list_models is not Provider.list_models else "nothing"


def _prepared(request: Mapping[str, Any], column: Column) -> tuple[Prepared, Target]:
    parsed = parse_create({"model": "M", **request})
    prepared, _ = prepare(parsed, column.target, rules=Rules(), sealer=SEALER, client="default")
    return prepared, column.target


def _conversions(request: Mapping[str, Any], column: Column) -> list[Conversion] | None:
    """What a request loses; None: it is refused."""
    try:
        prepared, target = _prepared(request, column)
        encode(prepared, target, Rules())
    except RefusedError:
        return None
    return prepared.conversions


def _tables() -> Iterator[str]:
    for title, columns in TABLES.items():
        there = installed(columns)
        if not there:
            continue
        yield f"## {title}\n"
        yield from _head("feature", [column.title for column in there])
        for feature in FEATURES:
            yield _row(feature.title, [outcome(feature, column) for column in there])
        yield _row("counting tokens", [counting(column) for column in there])
        yield _row("list of models", [listing(column) for column in there])
        yield f"\n{', '.join(f'{column.title}: `{column.model}`' for column in there)}.\n"


def _answers() -> Iterator[str]:
    there = installed(ANSWERED)
    yield "## What answers hold\n"
    yield "Read from an answer that has everything that the vendor's format has.\n"
    yield from _head("in the answer", [column.title for column in there])
    found = [answered(column) for column in there]
    for title, holds in ANSWERS.items():
        yield _row(title, ["exact" if holds(events) else "nothing" for events in found])


def _head(first: str, titles: list[str]) -> Iterator[str]:
    yield f"| {first} | {' | '.join(titles)} |"
    yield f"|---{'|---' * len(titles)}|"


def _row(title: str, outcomes: list[str]) -> str:
    return f"| {title} | {' | '.join(SIGNS[each] for each in outcomes)} |"
