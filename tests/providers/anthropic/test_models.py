"""The model table: any spelling of a name finds its row, and names newer than the table take the modern path."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from providers.anthropic import AnthropicSettings
from providers.anthropic.models import (
    COMPATIBLE,
    FAMILIES,
    NEWEST,
    Models,
    family_of,
    model_named,
)

SPELLINGS = [
    ("claude-opus-4-8", ("opus", (4, 8))),
    ("claude-opus-4-8-20260101", ("opus", (4, 8))),
    ("claude-opus-4-8@20260101", ("opus", (4, 8))),
    ("claude-opus-4-8@default", ("opus", (4, 8))),
    ("claude-opus-4.8", ("opus", (4, 8))),
    ("Claude-Opus-4-8", ("opus", (4, 8))),
    ("claude-4-8-opus", ("opus", (4, 8))),
    ("claude-4.8-opus-20260101", ("opus", (4, 8))),
    ("anthropic/claude-opus-4-8", ("opus", (4, 8))),
    ("us.anthropic.claude-opus-4-8-20260101-v1:0", ("opus", (4, 8))),
    ("opus-4-8", ("opus", (4, 8))),
    ("claude-opus-5", ("opus", (5, 0))),
    ("claude-opus-5-20261101", ("opus", (5, 0))),
    ("claude-opus-5-0", ("opus", (5, 0))),
    ("claude-opus-5-5", ("opus", (5, 5))),
    ("claude-haiku-4-5-20251001", ("haiku", (4, 5))),
    ("claude-mythos-5-2", ("mythos", (5, 2))),
]


@pytest.mark.parametrize(("name", "row"), SPELLINGS)
def test_every_spelling_finds_its_row(name: Any, row: Any) -> None:
    family, (major, minor) = row
    assert FAMILIES.find(f"claude-{family}-{major}-{minor}").prefix
    assert model_named(name) is FAMILIES.find(f"claude-{family}-{major}-{minor}").row


@pytest.mark.parametrize(
    "name",
    [
        "claude-opus-4-9",
        "claude-opus-6",
        "claude-opus-6-20280101",
        "claude-opus-5-7",
        "claude-7-sonnet",
        "claude-7-1-sonnet@20280303",
        "claude-epic-1000",
        "claude-epic-6-1",
        "claude-mythos-preview",
        "claude-opus-latest",
        "claude-next",
        "claude",
        "claude-10-3-haiku",
    ],
)
def test_names_newer_than_the_table_take_the_modern_path(name: Any) -> None:
    assert model_named(name) is NEWEST
    assert (NEWEST.thinking, NEWEST.sampling, NEWEST.prefill, NEWEST.forced_choice) == ("adaptive", False, False, False)


@pytest.mark.parametrize(
    ("name", "model"),
    [
        ("claude-3-5-sonnet-20241022", "before-3-7"),
        ("claude-3-haiku-20240307", "before-3-7"),
        ("claude-2.1", "before-3-7"),
        ("claude-instant-1.2", "before-3-7"),
        ("claude-3-7-sonnet-latest", "before-4-5"),
        ("claude-sonnet-4-20250514", "before-4-5"),
        ("claude-opus-4-1", "before-4-5"),
        ("qwen3-8b", ""),
        ("MiniMax-M3", ""),
        ("not-a-claudette-4-5", ""),
    ],
)
def test_older_and_foreign_models(name: Any, model: Any) -> None:
    assert model_named(name) is (FAMILIES.find(model).row if model else COMPATIBLE)


@pytest.mark.parametrize(
    "name", [name for name, _ in SPELLINGS] + ["claude-opus-latest", "claude", "claude-2.1", "Qwen3"]
)
def test_the_family_stands_for_the_name(name: Any) -> None:
    assert model_named(family_of(name)) is model_named(name)
    assert family_of(family_of(name)) == family_of(name)


def test_families_part_where_signatures_do() -> None:
    assert family_of("claude-opus-4-8-20260101") == family_of("anthropic/claude-4.8-opus")
    assert family_of("claude-opus-4-8") != family_of("claude-opus-4-7")
    assert family_of("claude-opus-5") != family_of("claude-sonnet-5")


COLUMNS = [
    # model, thinking, thinks, off, efforts, sampling, forced, prefill, system role, output
    ("haiku-4-5", "budget", False, "omit", "", True, True, True, False, 64),
    ("sonnet-4-5", "budget", False, "omit", "", True, True, True, False, 64),
    ("opus-4-5", "budget", False, "omit", "low medium high", True, True, True, False, 64),
    ("sonnet-4-6", "adaptive", False, "omit", "low medium high max", True, True, False, False, 128),
    ("opus-4-6", "adaptive", False, "omit", "low medium high max", True, True, False, False, 128),
    ("opus-4-7", "adaptive", False, "omit", "low medium high xhigh max", False, True, False, False, 128),
    ("opus-4-8", "adaptive", False, "omit", "low medium high xhigh max", False, True, False, True, 128),
    ("opus-5", "adaptive", True, "disabled", "low medium high xhigh max", False, True, False, True, 128),
    ("sonnet-5", "adaptive", True, "disabled", "low medium high xhigh max", False, True, False, False, 128),
    ("sonnet-5-5", "adaptive", True, "between_tools", "low medium high xhigh max", False, False, False, False, 128),
    ("haiku-5-5", "adaptive", True, "disabled", "low medium high xhigh max", False, True, False, False, 128),
    ("opus-5-5", "adaptive", True, "never", "low medium high xhigh max", False, False, False, True, 128),
    ("fable-5", "adaptive", True, "never", "low medium high xhigh max", False, True, False, True, 128),
    ("fable-5-1", "adaptive", True, "never", "low medium high xhigh max", False, False, False, True, 128),
    ("mythos-5-2", "adaptive", True, "never", "low medium high xhigh max", False, False, False, True, 128),
]


@pytest.mark.parametrize("row", COLUMNS, ids=[row[0] for row in COLUMNS])
def test_rows_hold_the_documented_facts(row: Any) -> None:
    model = model_named(f"claude-{row[0]}")
    assert row[1:] == (
        model.thinking,
        model.thinks,
        model.off,
        " ".join(model.efforts),
        model.sampling,
        model.forced_choice,
        model.prefill,
        model.system_role,
        (model.max_output_tokens or 0) // 1000,
    )


def test_the_core_reads_the_same_facts() -> None:
    capabilities = Models().capabilities("claude-sonnet-5-5-20261010")
    assert capabilities.family == "claude-sonnet-5-5"
    assert not capabilities.forced_tool_choice
    assert not capabilities.sampling
    assert capabilities.reasoning
    assert capabilities.max_output_tokens == 128_000
    assert not Models().capabilities("claude-3-opus").json_schema
    assert Models().capabilities("llama").max_output_tokens is None


def test_the_configuration_extends_the_table() -> None:
    models = Models({"claude-opus-6": {"forced_choice": True}, "MiniMax-M3": {"prefill": False}})
    assert models.named("anthropic/claude-6-opus-20280101") == replace(NEWEST, forced_choice=True)
    assert models.named("claude-opus-5-5") is model_named("claude-opus-5-5")
    assert models.named("minimax-m3-large") == replace(COMPATIBLE, prefill=False)
    assert models.capabilities("claude-opus-6").forced_tool_choice


def test_a_mistake_in_an_extension_is_named() -> None:
    with pytest.raises(ValidationError, match=r"claude-opus-6\.forced: unknown member; did you mean 'forced_choice'"):
        AnthropicSettings(families={"claude-opus-6": {"forced": True}})
