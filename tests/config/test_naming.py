from pathlib import Path

import pytest

from config.naming import Names, Target, filling, permits
from config.settings import Settings
from tests.config.fakes import load_text

CONFIGURATION = """
providers:
  anthropic: {type: anthropic, api_key: k}
  openai: {type: openai_chat, api_key: k, base_url: http://127.0.0.1:1/v1}
  lab:
    type: openai_chat
    api_key: k
    base_url: http://127.0.0.1:8000/v1
    models: {qwen3: {}, o3-own: {}, meta/llama: {}}
models:
  assistant: [anthropic/claude-sonnet-5, lab/qwen3]
  house: {targets: [{model: lab/qwen3, weight: 3}, anthropic/claude-haiku-5]}
  "fast-*": openai/*
  "fast-claude-*": [anthropic/claude-*-fast, lab/fallback]
  "*-latest": lab/*
  fast-claude-exact: lab/exact
  "lab/special": openai/special
  "openai/hid*": lab/hidden
"""


@pytest.fixture
def names(tmp_path: Path) -> Names:
    return Names(load_text(CONFIGURATION, tmp_path))


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        # an exact alias
        ("assistant", [("anthropic", "claude-sonnet-5", None), ("lab", "qwen3", None)]),
        ("house", [("lab", "qwen3", 3.0), ("anthropic", "claude-haiku-5", 1.0)]),
        ("fast-claude-exact", [("lab", "exact", None)]),
        ("lab/special", [("openai", "special", None)]),
        # the longest wildcard
        ("fast-gpt", [("openai", "gpt", None)]),
        ("fast-claude-4", [("anthropic", "claude-4-fast", None), ("lab", "fallback", None)]),
        ("fast-latest", [("lab", "fast", None)]),
        ("openai/hidden", [("lab", "hidden", None)]),
        # an alias that fits, and whose target has no model left
        ("fast-", []),
        # provider/model
        ("lab/qwen3", [("lab", "qwen3", None)]),
        ("lab/meta/llama", [("lab", "meta/llama", None)]),
        ("openai/anything at all", [("openai", "anything at all", None)]),
        ("openai/", []),
        ("/openai", []),
        ("nobody/model", []),
        # families
        ("claude-sonnet-5", [("anthropic", "claude-sonnet-5", None)]),
        ("gpt-4o", [("openai", "gpt-4o", None)]),
        ("o3", [("openai", "o3", None)]),
        ("chatgpt-4o", [("openai", "chatgpt-4o", None)]),
        ("gemini-3-pro", []),
        # a model that one provider lists, one that two could serve
        ("qwen3", [("lab", "qwen3", None)]),
        ("meta/llama", [("lab", "meta/llama", None)]),
        ("o3-own", []),
        # nothing
        ("", []),
        ("Assistant", []),
        ("x" * 100_000, []),
    ],
)
def test_what_a_name_means(names: Names, name: str, targets: list[tuple[str, str, float | None]]) -> None:
    for _ in range(2):
        assert names.resolve(name) == tuple(Target(*target) for target in targets)


def test_known_names_are_aliases_and_configured_models(names: Names) -> None:
    assert names.known() == [
        *("assistant", "house", "fast-claude-exact", "lab/special"),
        *("lab/qwen3", "lab/o3-own", "lab/meta/llama"),
    ]


@pytest.mark.parametrize(
    ("providers", "name", "provider"),
    [
        ("{a: {type: anthropic, api_key: k}}", "claude-x", "a"),
        ("{a: {type: anthropic, api_key: k}, b: {type: anthropic, api_key: k}}", "claude-x", None),
        ("{a: {type: openai_chat, api_key: k}}", "gpt-x", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://eu.api.openai.com/v1'}}", "o4-mini", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://notopenai.com/v1'}}", "gpt-x", None),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://api.x.ai/v1'}}", "grok-5", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://api.deepseek.com'}}", "deepseek-chat", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'http://[broken'}}", "gpt-x", None),
        ("{mistral: {type: openai_chat, api_key: k, base_url: 'http://h'}}", "mistral-large", "mistral"),
        ("{a: {type: openai_chat, api_key: k, dialect: xai}}", "grok-5", "a"),
        ("{a: {type: openai_chat, api_key: k, dialect: xai}}", "gpt-x", None),
        ("{a: {type: openai_chat, api_key: k, dialect: openai}}", "gpt-x", "a"),
        ("{a: {type: openai_chat, api_key: k, dialect: groq}}", "deepseek-chat", None),
        ("{a: {type: openai_chat, api_key: k, dialect: xai, base_url: 'http://h'}}", "grok-5", None),
        ("{a: {type: openai_chat, api_key: k, dialect: xai}, xai: {type: openai_chat, api_key: k}}", "grok-5", None),
        ("{a: {type: openai_chat, api_key: k, dialect: mistral}}", "devstral-2", "a"),
        ("{qwen: {type: openai_chat, api_key: k, base_url: 'http://h'}}", "qwen3-max", "qwen"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://api.moonshot.cn/v1'}}", "kimi-k3", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://api.minimax.io/v1'}}", "MiniMax-M3", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://api.z.ai/api/paas/v4'}}", "glm-5.3", "a"),
        ("{a: {type: openai_chat, api_key: k, base_url: 'https://api.perplexity.ai'}}", "sonar", "a"),
        ("{a: {type: gemini, api_key: k}}", "gemini-3-pro", "a"),
        ("{a: {type: gemini, api_key: k}, b: {type: anthropic, api_key: k}}", "claude-x", "b"),
    ],
)
def test_families(providers: str, name: str, provider: str | None, tmp_path: Path) -> None:
    names = Names(load_text(f"providers: {providers}", tmp_path))
    assert names.resolve(name) == ((Target(provider, name),) if provider else ())


def test_of_equally_long_wildcards_the_first_in_the_file_is_meant(tmp_path: Path) -> None:
    for aliases, model in (("{'a*': x/first, '*a': x/second}", "first"), ("{'*a': x/second, 'a*': x/first}", "second")):
        loaded = load_text(f"providers: {{x: {{type: scripted}}}}\nmodels: {aliases}", tmp_path)
        assert Names(loaded).resolve("aa") == (Target("x", model),)


def test_the_memory_of_names_is_bounded(names: Names) -> None:
    for number in range(5000):
        names.resolve(f"lab/{number}")
    names.resolve("lab/" + "x" * 10_000)
    assert names._remembered.cache_info().currsize <= 1024


def test_without_providers_nothing_is_known() -> None:
    names = Names(Settings())
    assert (names.resolve("gpt-4o"), names.known()) == ((), [])


@pytest.mark.parametrize(
    ("pattern", "name", "text"),
    [
        ("a", "a", ""),
        ("a", "b", None),
        ("*", "", ""),
        ("*", "x/y", "x/y"),
        ("a-*", "a-", ""),
        ("a-*", "a-b", "b"),
        ("a-*", "a", None),
        ("aa*aa", "aaa", None),
        ("aa*aa", "aaaa", ""),
        ("*.x", "b.x", "b"),
        ("*.x", "bzx", None),
    ],
)
def test_patterns(pattern: str, name: str, text: str | None) -> None:
    assert filling(pattern, name) == text
    assert permits(["never", pattern], name) == (text is not None)
