"""Capabilities: data that operators can change."""

from dataclasses import replace

import pytest

from proxy.provider.capabilities import Capabilities, extended


def test_the_default_is_a_model_with_texts_images_and_functions() -> None:
    default = Capabilities()
    assert default.images
    assert default.tools
    assert not default.audio
    assert not default.allowed_tools
    assert default.tool_name_limit == 64


def test_no_changes_are_the_same_object() -> None:
    shipped = Capabilities(family="qwen")
    assert extended(shipped, {}) is shipped


def test_a_change_leaves_the_rest_and_the_shipped_data_alone() -> None:
    shipped = Capabilities(family="qwen", reasoning=True)
    changed = extended(shipped, {"images": False, "context_window": 32_768})
    assert changed == replace(shipped, images=False, context_window=32_768)
    assert shipped.images


def test_lists_become_what_the_fields_are() -> None:
    changed = extended(Capabilities(), {"efforts": ["low", "high"]})
    assert changed == Capabilities(efforts=("low", "high"))
    assert hash(changed) == hash(Capabilities(efforts=("low", "high")))


def test_what_is_not_known_can_be_said_to_be_unknown_again() -> None:
    assert extended(Capabilities(efforts=("low",)), {"efforts": None}).efforts is None


def test_a_name_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(TypeError):
        extended(Capabilities(), {"smell": True})


def test_what_a_providers_code_has_to_do_can_only_be_taken_away() -> None:
    able = Capabilities(custom_tools=True, hosted_tools=("mcp", "web_search"))
    assert extended(able, {"hosted_tools": ["web_search", "shell"]}).hosted_tools == ("web_search",)
    assert not extended(able, {"custom_tools": False}).custom_tools
    assert extended(Capabilities(), {"custom_tools": True, "hosted_tools": ["mcp"]}) == Capabilities()
