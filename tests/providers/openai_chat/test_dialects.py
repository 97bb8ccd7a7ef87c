"""The tables of dialects and of model families."""

from typing import Any

import pytest
from pydantic import ValidationError

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialects import DIALECTS, GENERIC, OPENAI, detected
from providers.openai_chat.efforts import EFFORTS, accepted_effort
from providers.openai_chat.families import OF_ONE_MAKER, bare, families


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
    assert OpenAIChat(OpenAIChatSettings(base_url=base_url)).settings.chosen is dialect


@pytest.mark.parametrize("name", DIALECTS)
def test_every_row_is_consistent(name: str) -> None:
    dialect = DIALECTS[name]
    assert dialect.name == name
    assert set(dialect.efforts) <= set(EFFORTS)
    assert dialect.tool_choices <= {"none", "auto", "required", "named"}
    assert "auto" in dialect.tool_choices or not dialect.tool_choices
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
        ("gpt-5.6-terra", "gpt-5."),
        ("gpt-5.9", "gpt-5."),
        ("gpt-5.6-mini", "gpt-5."),
        ("gpt-4o-audio-preview", "gpt-4o-audio"),
        ("gpt-6.1-sol-2026-10-01", "gpt-6.1-sol"),
        ("gpt-7", ""),
        ("ft:gpt-4o-mini:acme::id", "gpt-4"),
        ("o3-mini", "o3"),
        ("openai/o4-mini", "o4"),
        ("accounts/acme/models/o4-mini#accounts/acme/deployments/d1", "o4"),
        ("/models/o4-mini/", "o4"),
        ("chatgpt-4o-latest", "chatgpt-"),
    ],
)
def test_the_longest_prefix_wins(model: str, prefix: str) -> None:
    assert families(OPENAI).find(bare(model)).prefix == prefix


def test_no_openai_model_takes_the_effort_max() -> None:
    for model in ("gpt-4.1", "gpt-5", "gpt-5.5", "gpt-5.6", "gpt-6-astra", "gpt-7", "o3"):
        assert "max" not in (OpenAIChat(OpenAIChatSettings()).capabilities(model).efforts or ())


@pytest.mark.parametrize("name", sorted(set(DIALECTS) - OF_ONE_MAKER))
def test_mistral_weights_keep_their_rules_on_every_server(name: str) -> None:
    rows = families(DIALECTS[name])
    for model in ("mistral-small-3.2", "Ministral-3b", "devstral-2"):
        assert rows.find(model).row.order == "mistral"
        assert rows.find(model).row.nine_letter_ids


def test_openai_serves_no_open_weights() -> None:
    assert families(OPENAI).find("mistral-small").row is OPENAI
    assert set(DIALECTS) >= OF_ONE_MAKER


@pytest.mark.parametrize("name", [name for name, dialect in DIALECTS.items() if dialect.hosts])
def test_every_server_is_detected_by_its_hosts(name: str) -> None:
    dialect = DIALECTS[name]
    addresses = [f"https://{host}/v1" for host in dialect.hosts]
    assert {detected(address).name for address in (*addresses, dialect.base_url or addresses[0])} == {name}


def test_older_servers_call_the_reasoning_that_goes_back_otherwise() -> None:
    settings = OpenAIChatSettings(
        base_url="http://lab:8000/v1", dialect="vllm", switches={"replay": {"member": "reasoning_content"}}
    )
    replay = OpenAIChat(settings).dialect("qwen3").replay
    assert replay is not None
    assert (replay.member, replay.scope) == ("reasoning_content", "open_turn")


def test_a_switch_changes_the_dialect_and_an_extension_one_family() -> None:
    settings = OpenAIChatSettings(
        base_url="http://lab:8000/v1",
        switches={"tokens_member": "max_completion_tokens", "replay": {"member": "reasoning", "scope": "all"}},
        families={"org/Qwen3": {"think_tags": False, "capabilities": {"images": False}}},
    )
    provider = OpenAIChat(settings)
    qwen, other = provider.dialect("org/Qwen3-8b"), provider.dialect("phi-5")
    assert qwen.tokens_member == other.tokens_member == "max_completion_tokens"
    assert other.replay is not None
    assert other.replay.scope == "all"
    assert not qwen.think_tags
    assert other.think_tags
    assert not provider.capabilities("qwen3").images
    assert provider.capabilities("phi-5").images


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"switches": {"think_tag": True}}, "switches.think_tag: unknown member; did you mean 'think_tags'?"),
        ({"switches": {"replay": {"scop": "all"}}}, "switches.replay.scop: found 'all'; Unexpected keyword"),
        ({"switches": {"error_codes": {"7": "bad"}}}, "switches.error_codes.7: found 'bad'; Input should be "),
        ({"switches": {"tool_choices": ["auto", "any"]}}, "switches.tool_choices: found 'any'; expected one of none, "),
        ({"switches": {"forced_effort": "off"}}, "switches.forced_effort: found 'off'; expected one of none, "),
        ({"switches": {"efforts": {"most": {}}}}, "switches.efforts: found 'most'; expected one of none, "),
        ({"switches": {"optional": ["n"]}}, "switches.optional: found 'n'; expected one of frequency_penalty, "),
        ({"switches": {"ranges": {"n": [0, 1]}}}, "switches.ranges: found 'n'; expected one of frequency_penalty, "),
        (
            {"switches": {"service_tiers": {"slow": "x"}}},
            "switches.service_tiers: found 'slow'; expected one of auto, ",
        ),
        (
            {"families": {"qwen": {"capabilities": {"efforts": ["on"]}}}},
            "families.qwen.capabilities.efforts: found 'on'",
        ),
        ({"families": {"qwen": {"order": "any"}}}, "families.qwen.order: found 'any'"),
        ({"dialect": "vllm", "base_url": None}, "base_url is required: the dialect 'vllm' has no public address"),
        ({"dialect": "klingon"}, "is none of: auto, "),
    ],
)
def test_a_mistake_in_the_settings_is_named(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError) as raised:
        OpenAIChatSettings(**{"base_url": "http://lab:8000/v1", **settings})
    assert complaint in str(raised.value)


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
