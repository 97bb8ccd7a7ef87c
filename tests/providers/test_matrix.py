"""Settings that have no counterpart everywhere: which provider carries them, under which name, and what becomes of them
where they have no place."""

from typing import Any

import orjson
import pytest

from providers.gemini import Gemini, GeminiSettings
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from proxy.provider.contract import Prepared, Provider
from proxy.provider.history import AUTO, MessageItem
from proxy.responses.request import parse_create

OPENAI = OpenAIChat(OpenAIChatSettings())
GROQ = OpenAIChat(OpenAIChatSettings(dialect="groq"))
GENERIC = OpenAIChat(OpenAIChatSettings(base_url="http://lab.test/v1"))
GEMINI = Gemini(GeminiSettings())

TARGETS: dict[str, tuple[Provider, str]] = {
    "openai": (OPENAI, "gpt-6-sol"),
    "groq": (GROQ, "gpt-oss-120b"),
    "generic": (GENERIC, "anything"),
    "gemini": (GEMINI, "gemini-3.8-flash"),
}

RESTING = {"reasoning": {"effort": "none"}}
"""An OpenAI model gives log probabilities only while it does not reason."""

TABLE: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"top_logprobs": 2, **RESTING},
        {
            "openai": {"logprobs": True, "top_logprobs": 2},
            "groq": {"top_logprobs": "dropped"},
            "generic": {"logprobs": True, "top_logprobs": 2},
            "gemini": {"generationConfig.responseLogprobs": True, "generationConfig.logprobs": 2},
        },
    ),
    (
        {"text": {"verbosity": "low"}},
        {
            "openai": {"verbosity": "low"},
            "groq": {"text.verbosity": "dropped"},
            "generic": {"text.verbosity": "dropped"},
            "gemini": {"text.verbosity": "dropped"},
        },
    ),
    (
        {"service_tier": "priority"},
        {
            "openai": {"service_tier": "priority"},
            "groq": {"service_tier": "performance"},
            "generic": {"service_tier": "dropped"},
            "gemini": {"serviceTier": "priority"},
        },
    ),
    (
        {"service_tier": "default"},
        {
            "openai": {"service_tier": "default"},
            "groq": {"service_tier": "on_demand"},
            "generic": {"service_tier": "ignored"},
            "gemini": {"serviceTier": "standard"},
        },
    ),
    (
        {"service_tier": "fast"},
        {
            "openai": {"service_tier": "fast"},
            "groq": {"service_tier": "dropped"},
            "generic": {"service_tier": "dropped"},
            "gemini": {"service_tier": "dropped"},
        },
    ),
    (
        {"prompt_cache_key": "k"},
        {
            "openai": {"prompt_cache_key": "k"},
            "groq": {"prompt_cache_key": "ignored"},
            "generic": {"prompt_cache_key": "ignored"},
            "gemini": {"prompt_cache_key": "ignored"},
        },
    ),
    (
        {"prompt_cache_options": {"mode": "explicit", "ttl": "12h"}},
        {
            "openai": {
                "prompt_cache_options": {"mode": "explicit", "ttl": "30m"},
                "prompt_cache_options.ttl": "approximated",
            },
            "groq": {"prompt_cache_options": "ignored"},
            "generic": {"prompt_cache_options": "ignored"},
            "gemini": {"prompt_cache_options": "ignored"},
        },
    ),
    (
        {"prompt_cache_retention": "24h"},
        {
            "openai": {"prompt_cache_retention": "24h"},
            "groq": {"prompt_cache_retention": "ignored"},
            "generic": {"prompt_cache_retention": "ignored"},
            "gemini": {"prompt_cache_retention": "ignored"},
        },
    ),
    (
        {"safety_identifier": "s"},
        {
            "openai": {"safety_identifier": "s"},
            "groq": {"safety_identifier": "ignored"},
            "generic": {"safety_identifier": "ignored"},
            "gemini": {"safety_identifier": "ignored"},
        },
    ),
    (
        {"user": "u"},
        {"openai": {"user": "u"}, "groq": {"user": "u"}, "generic": {"user": "ignored"}, "gemini": {"user": "ignored"}},
    ),
    (
        {"stream": True, "stream_options": {"include_obfuscation": True}},
        {
            "openai": {"stream_options": {"include_usage": True, "include_obfuscation": False}},
            "groq": {"stream_options": {"include_usage": True}},
            "generic": {"stream_options": {"include_usage": True}},
            "gemini": {},
        },
    ),
]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize(("parameters", "expected"), TABLE, ids=lambda value: next(iter(value)))
def test_what_becomes_of_a_setting(target: str, parameters: dict[str, Any], expected: dict[str, Any]) -> None:
    provider, model = TARGETS[target]
    body, losses = sent(provider, model, parameters)
    plain, usual_losses = sent(provider, model, RESTING if "reasoning" in parameters else {})
    found = {path: value for path, value in body.items() if plain.get(path) != value and path != "stream"}
    lost = {path: disposition for path, disposition in losses.items() if path not in usual_losses}
    assert {**found, **lost} == expected[target]


def sent(provider: Provider, model: str, parameters: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """The members of the body, those of `generationConfig` one by one, and the losses by their paths."""
    request = parse_create({"model": model, "input": "Hi", **parameters})
    message = MessageItem("user", [{"type": "input_text", "text": "Hi"}], "input[0]")
    able = provider.capabilities(model)
    prepared = Prepared(model, request, [message], [], AUTO, able, request.stream is True)
    body: dict[str, Any] = orjson.loads(provider.encode(prepared).body)
    body |= {f"generationConfig.{name}": value for name, value in body.pop("generationConfig", {}).items()}
    return body, {loss.path: loss.disposition for loss in prepared.conversions}
