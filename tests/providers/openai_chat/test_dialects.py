"""The tables of dialects and of model families."""

from typing import Any

import pytest

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialects import DIALECTS, GENERIC, OPENAI, detected
from providers.openai_chat.models import EFFORTS, OPENAI_FAMILIES, accepted_effort, family_of


@pytest.mark.parametrize(
    ("base_url", "dialect"),
    [
        ("https://api.openai.com/v1", OPENAI),
        ("https://eu.api.openai.com/v1", OPENAI),
        ("https://api.openai.com.example.org/v1", GENERIC),
        ("https://evil-api.openai.com.org/v1", GENERIC),
        ("http://127.0.0.1:8000/v1", GENERIC),
    ],
)
def test_the_dialect_is_detected_by_the_host(base_url: str, dialect: Any) -> None:
    assert detected(base_url) is dialect
    assert OpenAIChat(OpenAIChatSettings(base_url=base_url)).dialect is dialect


@pytest.mark.parametrize("name", DIALECTS)
def test_every_row_is_consistent(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.name == name
    assert set(dialect.efforts) <= set(EFFORTS)
    assert dialect.tool_choices <= {"none", "auto", "required", "named"}
    assert "auto" in dialect.tool_choices
    assert bool(dialect.service_tiers) == ("service_tier" in dialect.optional)


def test_the_defaults_for_an_unknown_server() -> None:
    assert GENERIC.one_system_message
    assert not GENERIC.developer_role
    assert not GENERIC.null_content
    assert GENERIC.tokens_member == "max_tokens"
    assert GENERIC.usage_option
    assert not GENERIC.strict_tools
    assert GENERIC.think_tags
    assert GENERIC.replay is None
    assert not GENERIC.finish_optional
    assert not GENERIC.capabilities.allowed_tools


@pytest.mark.parametrize(
    ("model", "prefix"),
    [
        ("gpt-5", "gpt-5"),
        ("gpt-5-mini-2025-08-07", "gpt-5"),
        ("gpt-5-chat-latest", "gpt-5-chat"),
        ("gpt-5-pro-2025-10-06", "gpt-5-pro"),
        ("gpt-5.1-2025-11-13", "gpt-5.1"),
        ("gpt-5.1-chat-latest", "gpt-5.1-chat"),
        ("gpt-5.5-pro", "gpt-5.5-pro"),
        ("gpt-5.6-terra", "gpt-5.6"),
        ("gpt-5.9", "gpt-5."),
        ("gpt-6.1-sol-2026-10-01", "gpt-6.1-sol"),
        ("gpt-7", "gpt-"),
        ("ft:gpt-4o-mini:acme::id", "gpt-4"),
        ("o3-mini", "o3"),
        ("openai/o4-mini", "o4"),
        ("chatgpt-4o-latest", "chatgpt-"),
    ],
)
def test_the_longest_prefix_wins(model: str, prefix: str) -> None:
    family = family_of(model, OPENAI_FAMILIES)
    assert family is not None
    assert prefix in family.prefixes


def test_no_prefix_stands_in_two_families() -> None:
    prefixes = [prefix for family in OPENAI_FAMILIES for prefix in family.prefixes]
    assert len(prefixes) == len(set(prefixes))


def test_no_openai_model_takes_the_effort_max() -> None:
    assert all("max" not in (family.efforts or ()) for family in OPENAI_FAMILIES)


@pytest.mark.parametrize(
    ("effort", "efforts", "accepted"),
    [
        ("low", None, "low"),
        ("low", (), None),
        ("none", ("low", "high"), "low"),
        ("medium", ("low", "high"), "high"),
        ("max", ("none", "low"), "low"),
        ("high", ("low", "default"), "low"),
    ],
)
def test_the_accepted_effort(effort: str, efforts: tuple[str, ...] | None, accepted: str | None) -> None:
    assert accepted_effort(effort, efforts) == accepted
