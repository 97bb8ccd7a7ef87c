"""The configuration's data on vendors agrees with the provider types that are shipped, of which it imports none."""

from pathlib import Path

import pytest

from config.environment import SHARED_TYPE, USUAL_DIALECTS
from config.loader import load
from config.naming import FAMILIES, Names, Target
from providers.openai_chat.dialects import DIALECTS
from proxy.app import Plugins

PLUGINS = Plugins()

FAMILY_NAMES = [(dialect, pattern) for family in FAMILIES for dialect in family.dialects for pattern in family.patterns]


@pytest.mark.parametrize(("variable", "dialect"), USUAL_DIALECTS.items())
def test_a_key_is_enough(variable: str, dialect: str) -> None:
    loaded = load(None, {variable: "k"}, PLUGINS)
    assert list(loaded.providers) == [dialect]
    entry = loaded.providers[dialect]
    provider = PLUGINS.provider(entry.type)(entry.options, dialect)
    assert provider.base_url.startswith("https://")
    assert entry.type != SHARED_TYPE or provider.base_url == DIALECTS[dialect].base_url


@pytest.mark.parametrize(("dialect", "pattern"), FAMILY_NAMES)
def test_a_family_leads_to_its_vendor_by_dialect_and_by_address(dialect: str, pattern: str, tmp_path: Path) -> None:
    model = pattern.replace("*", "x")
    path = tmp_path / "dragoman.yaml"
    for written in (f"dialect: {dialect}", *(f"base_url: 'https://{host}'" for host in DIALECTS[dialect].hosts)):
        path.write_text(f"providers: {{a: {{type: {SHARED_TYPE}, {written}}}}}")
        assert Names(load(path, {}, PLUGINS)).resolve(model) == (Target("a", model),), written


def test_no_family_leads_to_a_host_of_others_models() -> None:
    led_to = {dialect for family in FAMILIES for dialect in family.dialects}
    assert not led_to & {"cerebras", "fireworks", "groq", "huggingface", "openrouter", "together"}
