"""What a model name means: the targets behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

from config.settings import AliasEntry, ProviderEntry, Settings

# names come from clients: the memory of past answers has a bound in number and length
_REMEMBERED_NAMES = 1024
_LONGEST_REMEMBERED_NAME = 256


class Target(NamedTuple):
    """A model of a configured provider. `weight` is None where targets are only in order of preference."""

    provider: str
    model: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class Family:
    """Model names of one vendor. A provider fits by its type, by the host of its base URL, by its dialect or profile
    where it names no base URL, or by its name."""

    patterns: tuple[str, ...]
    types: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    dialects: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


FAMILIES: tuple[Family, ...] = (
    Family(("claude-*",), frozenset({"anthropic"}), ("anthropic.com",), names=frozenset({"anthropic"})),
    Family(
        ("gpt-*", "chatgpt-*", "codex-*", "o1*", "o3*", "o4*"),
        hosts=("openai.com",),
        dialects=frozenset({"openai"}),
        names=frozenset({"openai"}),
    ),
    Family(("gemini-*",), frozenset({"gemini"}), ("generativelanguage.googleapis.com",), names=frozenset({"gemini"})),
    Family(
        ("mistral-*", "ministral-*", "magistral-*", "codestral-*", "devstral-*", "pixtral-*"),
        frozenset({"mistral"}),
        ("mistral.ai",),
        frozenset({"mistral"}),
        frozenset({"mistral"}),
    ),
    Family(("command-*",), frozenset({"cohere"}), ("cohere.com", "cohere.ai"), names=frozenset({"cohere"})),
    Family(("grok-*",), hosts=("x.ai",), dialects=frozenset({"xai"}), names=frozenset({"xai", "grok"})),
    Family(
        ("deepseek-*",),
        hosts=("deepseek.com",),
        dialects=frozenset({"deepseek"}),
        names=frozenset({"deepseek"}),
    ),
    Family(
        ("kimi-*", "moonshot-*"),
        hosts=("moonshot.ai", "moonshot.cn"),
        dialects=frozenset({"moonshot"}),
        names=frozenset({"moonshot", "kimi"}),
    ),
    Family(
        ("glm-*",),
        hosts=("z.ai", "bigmodel.cn"),
        dialects=frozenset({"glm"}),
        names=frozenset({"glm", "zai", "zhipu"}),
    ),
    Family(
        ("qwen*", "qwq-*", "qvq-*"),
        hosts=("aliyuncs.com",),
        dialects=frozenset({"dashscope"}),
        names=frozenset({"dashscope", "qwen", "alibaba"}),
    ),
    Family(
        ("minimax-*", "MiniMax-*"),
        hosts=("minimax.io", "minimaxi.com"),
        dialects=frozenset({"minimax"}),
        names=frozenset({"minimax"}),
    ),
    Family(("sonar*",), hosts=("perplexity.ai",), dialects=frozenset({"perplexity"}), names=frozenset({"perplexity"})),
    # models, inference profiles of a region, and ARNs
    Family(
        (
            *("ai21.*", "amazon.*", "anthropic.*", "cohere.*", "deepseek.*", "google.*", "meta.*", "minimax.*"),
            *("mistral.*", "moonshot.*", "moonshotai.*", "nvidia.*", "openai.*", "qwen.*", "writer.*", "zai.*"),
            *("apac.*", "au.*", "ca.*", "eu.*", "global.*", "jp.*", "us.*", "us-gov.*", "arn:aws*"),
        ),
        frozenset({"bedrock"}),
        names=frozenset({"bedrock"}),
    ),
)

# the dialect of an entry of a type that many vendors share, when it names neither dialect nor base URL
_USUAL_DIALECTS: Mapping[str, str] = {"openai_chat": "openai", "responses": "openai"}
_UNNAMED_DIALECT = "auto"


def filling(pattern: str, name: str) -> str | None:
    """The text that `*` stands for when the pattern means the name (also none: `gpt-4*` means `gpt-4`); None when it
    does not. A pattern without `*` means itself."""
    prefix, star, suffix = pattern.partition("*")
    if not star:
        return "" if pattern == name else None
    if len(name) < len(prefix) + len(suffix) or not (name.startswith(prefix) and name.endswith(suffix)):
        return None
    return name[len(prefix) : len(name) - len(suffix)]


def permits(patterns: Iterable[str], name: str) -> bool:
    """Whether one of a client's patterns means the name."""
    return any(filling(pattern, name) is not None for pattern in patterns)


class Names:
    """What the model names of one configuration mean. Built once; `resolve` is a dictionary look-up for aliases and for
    names that were asked for lately."""

    def __init__(self, settings: Settings) -> None:
        self._providers = settings.providers
        self._exact = {name: _targets(alias, "") for name, alias in settings.models.items() if "*" not in name}
        wildcards = [(name, alias) for name, alias in settings.models.items() if "*" in name]
        # sorting is stable: of two that are equally long, the first in the file is preferred
        self._wildcards = sorted(wildcards, key=lambda item: -len(item[0]))
        self._families = [
            (pattern, tuple(name for name, entry in settings.providers.items() if _fits(family, name, entry)))
            for family in FAMILIES
            for pattern in family.patterns
        ]
        self._known = [
            *self._exact,
            *(f"{name}/{model}" for name, entry in settings.providers.items() for model in entry.models),
        ]
        self._remembered = lru_cache(maxsize=_REMEMBERED_NAMES)(self._search)

    def resolve(self, name: str) -> tuple[Target, ...]:
        """The targets in order of preference; empty when the name means nothing. The order of the rules: exact alias,
        longest wildcard, `provider/model`, model family."""
        exact = self._exact.get(name)
        if exact is not None:
            return exact
        return self._remembered(name) if len(name) <= _LONGEST_REMEMBERED_NAME else self._search(name)

    def known(self) -> list[str]:
        """The names that can be listed: aliases without `*`, then the configured models as `provider/model`."""
        return list(self._known)

    def _search(self, name: str) -> tuple[Target, ...]:
        for pattern, alias in self._wildcards:
            if (text := filling(pattern, name)) is not None:
                return _targets(alias, text)
        provider, _, model = name.partition("/")
        if model and provider in self._providers:
            return (Target(provider, model),)
        fitting = {provider for provider, entry in self._providers.items() if name in entry.models}
        for pattern, providers in self._families:
            if filling(pattern, name) is not None:
                fitting.update(providers)
        return tuple(Target(provider, name) for provider in fitting) if len(fitting) == 1 else ()


def _targets(alias: AliasEntry, text: str) -> tuple[Target, ...]:
    targets = []
    for entry in alias.targets:
        provider, _, model = entry.model.partition("/")
        if model := model.replace("*", text):
            targets.append(Target(provider, model, entry.weight))
    return tuple(targets)


def _fits(family: Family, name: str, entry: ProviderEntry) -> bool:
    if name in family.names or entry.type in family.types:
        return True
    base_url = getattr(entry.options, "base_url", None)
    return _under(_host(str(base_url)), family.hosts) if base_url else _dialect(entry) in family.dialects


def _dialect(entry: ProviderEntry) -> str:
    dialect = getattr(entry.options, "dialect", None) or getattr(entry.options, "profile", _UNNAMED_DIALECT)
    return _USUAL_DIALECTS.get(entry.type, "") if dialect == _UNNAMED_DIALECT else str(dialect)


def _host(base_url: str) -> str:
    try:
        return urlsplit(base_url).hostname or ""
    except ValueError:
        return ""


def _under(host: str, domains: Sequence[str]) -> bool:
    return any(host == domain or host.endswith("." + domain) for domain in domains)
