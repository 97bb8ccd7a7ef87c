"""The table of models."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import providers.gemini.models
from providers.gemini import Gemini, GeminiSettings
from providers.gemini.models import REQUEST_EFFORTS, Model, model_families, model_named
from providers.gemini.thinking import LEVELS

FAMILIES = model_families()
ALL_LEVELS = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
LOW_TO_HIGH = ("LOW", "MEDIUM", "HIGH")


@pytest.mark.parametrize(
    ("name", "levels"),
    [
        ("gemini-4-argon", LOW_TO_HIGH),
        ("gemini-4-carbon", LOW_TO_HIGH),
        ("gemini-3.8-flash", LOW_TO_HIGH),
        ("gemini-3.7-flash", LOW_TO_HIGH),
        ("gemini-3.1-pro-preview", LOW_TO_HIGH),
        ("models/gemini-3.1-pro-preview", LOW_TO_HIGH),
        ("gemini-3-pro-preview", ("LOW", "HIGH")),
        ("gemini-3-flash-preview", ALL_LEVELS),
        ("gemini-3.5-flash", ALL_LEVELS),
        ("gemini-3.1-flash-lite", ALL_LEVELS),
        ("gemini-3.1-flash-lite-image", ("MINIMAL", "HIGH")),
    ],
)
def test_levels(name: Any, levels: Any) -> None:
    model = model_named(name, FAMILIES)
    assert model.thinking == "level"
    assert model.levels == levels
    assert model.placeholder
    assert model.schema_with_tools


@pytest.mark.parametrize("name", ["gemini-flash-latest", "gemini-pro-latest", "gemini-5-xenon", "gemini-3.9-flash"])
def test_unknown_models_count_as_the_newest(name: Any) -> None:
    assert model_named(name, FAMILIES) == Model() == model_named("gemini-4-argon", FAMILIES)


@pytest.mark.parametrize(
    ("name", "thinking", "off"),
    [
        ("gemini-2.5-flash", "budget", True),
        ("gemini-2.5-flash-preview-09-2025", "budget", True),
        ("gemini-2.5-flash-lite", "budget", True),
        ("gemini-2.5-pro", "budget", False),
        ("gemini-2.5-flash-image", "none", False),
        ("gemini-2.0-flash", "none", False),
        ("gemini-1.5-pro", "none", False),
        ("gemma-3-27b-it", "none", False),
        ("gemma-4-31b-it", "none", False),
    ],
)
def test_older_models(name: Any, thinking: Any, off: Any) -> None:
    model = model_named(name, FAMILIES)
    assert model.thinking == thinking
    assert ("none" in model.budgets) is off
    newer = (model.placeholder, model.schema_with_tools, model.result_media, model.media_resolution)
    assert not any(newer)


@pytest.mark.parametrize(
    ("name", "abilities"),
    [
        ("gemini-4-argon", {"tool_name_limit": 128, "audio": True, "allowed_tools": True, "reasoning": True}),
        ("gemini-2.5-pro", {"tool_name_limit": 64, "tool_name_starts_with_letter": True, "max_output_tokens": 65_536}),
        ("gemini-2.0-flash", {"reasoning": False, "efforts": None, "max_output_tokens": 8_192}),
        ("gemini-2.5-flash-image", {"tools": False, "json_schema": False}),
        ("gemini-3-pro-image-preview", {"tools": False, "json_schema": True}),
        ("gemma-3-27b-it", {"tools": False, "images": True, "files": False, "audio": False}),
        ("gemini-9", {"efforts": REQUEST_EFFORTS, "forced_tool_choice": True, "sampling": True, "verbosity": False}),
    ],
)
def test_capabilities(name: Any, abilities: Any) -> None:
    capabilities = Gemini(GeminiSettings()).capabilities(name)
    assert {name: getattr(capabilities, name) for name in abilities} == abilities


def test_signatures_are_bound_to_the_model() -> None:
    provider = Gemini(GeminiSettings())
    assert provider.capabilities("models/gemini-3.8-flash").family == "gemini-3.8-flash"
    assert provider.capabilities("gemini-3.8-flash").family != provider.capabilities("gemini-3.8-flash-lite").family


def test_operators_extend_the_table() -> None:
    settings = GeminiSettings(families={"gemini-2.5-pro": {"budgets": {"none": 0}, "capabilities": {"audio": False}}})
    families = model_families(settings.families)
    assert model_named("gemini-2.5-pro-002", families).budgets == {"none": 0}
    assert not Gemini(settings).capabilities("gemini-2.5-pro").audio
    assert Gemini(settings).capabilities("gemini-2.5-flash").audio


@pytest.mark.parametrize("changes", [{"level": ["LOW"]}, {"levels": ["ENORMOUS"]}, {"capabilities": {"sound": True}}])
def test_rows_with_unknown_members_are_errors(changes: Any) -> None:
    with pytest.raises(ValidationError, match="gemini-9"):
        GeminiSettings(families={"gemini-9": changes})


def test_the_shipped_rows_stand_in_order() -> None:
    rows = tomllib.loads(Path(providers.gemini.models.__file__).with_name("models.toml").read_text())["families"]
    for row in rows:
        model = model_named(row["prefixes"][0], FAMILIES)
        assert list(model.levels) == sorted(model.levels, key=LEVELS.index)
        assert (model.thinking == "budget") == bool(model.budgets)
        assert set(model.budgets) <= set(REQUEST_EFFORTS)
