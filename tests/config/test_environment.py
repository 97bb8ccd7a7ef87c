"""What vendors' usual variables stand for, without a file."""

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from config.environment import USUAL_ENTRIES, placeholder_environment, server_address
from config.loader import load
from config.naming import Names, Target
from config.placeholders import placeholder_settings
from config.settings import ProviderType, Settings
from config.startup import warnings
from proxy.app import Plugins
from tests.config.fakes import PROVIDER_TYPES, ChatSettings, load_text


class PlacedSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    base_url: str = ""
    api_key: str = ""
    region: str = ""
    project: str = ""
    location: str = ""


TYPES: Mapping[str, ProviderType] = {
    **PROVIDER_TYPES,
    "azure": ProviderType(PlacedSettings, "AZURE_OPENAI_API_KEY"),
    "bedrock": ProviderType(PlacedSettings, "AWS_BEARER_TOKEN_BEDROCK"),
    "cohere": ProviderType(PlacedSettings, "CO_API_KEY"),
    "gemini": ProviderType(PlacedSettings, "GEMINI_API_KEY"),
    "ollama": ProviderType(PlacedSettings, "OLLAMA_HOST"),
    "responses": ProviderType(ChatSettings, "OPENAI_API_KEY"),
}


def written(settings: Settings) -> dict[str, dict[str, Any]]:
    """The entries, as they would stand in a file."""
    return {
        name: {"type": entry.type, **entry.options.model_dump(exclude_unset=True)}
        for name, entry in settings.providers.items()
    }


@pytest.mark.parametrize(
    ("environ", "entries"),
    [
        ({"CO_API_KEY": "k"}, {"cohere": {"type": "cohere", "api_key": "k"}}),
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "eu-west-1"},
            {"bedrock": {"type": "bedrock", "api_key": "k", "region": "us-east-1"}},
        ),
        (
            {"AWS_BEARER_TOKEN_BEDROCK": "k", "AWS_REGION": " ", "AWS_DEFAULT_REGION": "eu-west-1"},
            {"bedrock": {"type": "bedrock", "api_key": "k", "region": "eu-west-1"}},
        ),
        (
            {"AZURE_OPENAI_API_KEY": "k", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"},
            {"azure": {"type": "azure", "api_key": "k", "base_url": "https://r.openai.azure.com"}},
        ),
        ({"OLLAMA_HOST": "0.0.0.0"}, {"ollama": {"type": "ollama", "base_url": "http://127.0.0.1:11434"}}),
        (
            {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://h/v1"},
            {"openai": {"type": "responses", "api_key": "k", "base_url": "http://h/v1"}},
        ),
        (
            {"GOOGLE_GENAI_USE_VERTEXAI": "True", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"},
            {"vertex": {"type": "gemini", "project": "p", "location": "l"}},
        ),
        ({"GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"}, {}),
        (
            {"GOOGLE_GENAI_USE_VERTEXAI": "false", "GOOGLE_CLOUD_PROJECT": "p", "GOOGLE_CLOUD_LOCATION": "l"},
            {},
        ),
        ({"AWS_REGION": "us-east-1", "AZURE_OPENAI_ENDPOINT": "https://r.openai.azure.com"}, {}),
    ],
)
def test_variables_stand_for_entries(environ: dict[str, str], entries: dict[str, dict[str, str]]) -> None:
    loaded = load(None, environ, TYPES)
    assert written(loaded) == entries
    assert warnings(loaded) == []
    assert load(None, environ, {}).providers == {}


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"AWS_BEARER_TOKEN_BEDROCK": "k"}, "AWS_BEARER_TOKEN_BEDROCK: enables no provider without AWS_REGION"),
        ({"AZURE_OPENAI_API_KEY": "k"}, "AZURE_OPENAI_API_KEY: enables no provider without AZURE_OPENAI_ENDPOINT"),
        (
            {"GOOGLE_GENAI_USE_VERTEXAI": "1"},
            "GOOGLE_GENAI_USE_VERTEXAI: enables no provider without GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION",
        ),
    ],
)
def test_a_variable_that_lacks_another_is_told_of(environ: dict[str, str], said: str) -> None:
    loaded = load(None, {**environ, "CO_API_KEY": "k"}, TYPES)
    assert list(loaded.providers) == ["cohere"]
    assert warnings(loaded) == [said]


def test_with_a_file_nothing_is_said_of_variables_that_enable_nothing(tmp_path: Any) -> None:
    assert warnings(load_text("providers: {}", tmp_path, {"AZURE_OPENAI_API_KEY": "k"})) == []


def test_a_variable_of_two_types_is_that_of_the_preferred_one_in_any_order() -> None:
    for types in (TYPES, dict(reversed(list(TYPES.items())))):
        assert load(None, {"OPENAI_API_KEY": "k"}, types).providers["openai"].type == "responses"
    without = {name: known for name, known in TYPES.items() if name != "responses"}
    assert load(None, {"OPENAI_API_KEY": "k"}, without).providers["openai"].type == "openai_chat"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:8000", "http://gpu-box:8000"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("0.0.0.0:9", "http://127.0.0.1:9"),
        (":9", "http://127.0.0.1:9"),
        ("::", "http://[::1]:11434"),
        ("[::]:9", "http://[::1]:9"),
        ("::1", "http://[::1]:11434"),
        ("[2001:db8::1]", "http://[2001:db8::1]:11434"),
        ("http://gpu-box", "http://gpu-box:80"),
        ("https://ollama.example/", "https://ollama.example:443"),
        ("HTTPS://ollama.example/proxy/", "https://ollama.example:443/proxy"),
        ("http://0.0.0.0:11434", "http://127.0.0.1:11434"),
        ("host:port", "host:port"),
        ("http://[", "http://["),
    ],
)
def test_forms_of_an_ollama_server(host: str, url: str) -> None:
    assert server_address(host) == url


def test_placeholders_are_enough_for_every_shipped_type() -> None:
    plugins = Plugins()
    providers = placeholder_settings(plugins).providers
    assert {entry.type for entry in providers.values()} >= set(plugins)
    assert providers["openai"].type == "responses"


def test_placeholders_do_without_what_cannot_be_had() -> None:
    class Demanding(BaseModel):
        api_key: str
        certificate: str

    types = {"scripted": PROVIDER_TYPES["scripted"], "strict": ProviderType(Demanding, "STRICT_API_KEY")}
    assert list(placeholder_settings(types).providers) == ["scripted"]
    assert placeholder_environment(types, "x") == {"STRICT_API_KEY": "x"}


def test_every_option_of_a_usual_entry_is_one_of_its_type() -> None:
    claimed = {provider_type.environment_key: provider_type.settings for provider_type in Plugins().values()}
    for variable, entry in USUAL_ENTRIES.items():
        if variable in claimed:
            options = {*(option.name for option in entry.options), *([entry.sets] if entry.sets else [])}
            assert options <= claimed[variable].model_fields.keys(), variable


@pytest.mark.parametrize(
    "model",
    [
        "anthropic.claude-sonnet-4-5-20250929-v1:0",
        "us.anthropic.claude-opus-5-v1:0",
        "global.amazon.nova-2-lite-v1:0",
        "us-gov.anthropic.claude-x",
        "openai.gpt-oss-120b-1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-x",
    ],
)
def test_ids_of_bedrock_lead_there_where_there_is_one(model: str) -> None:
    region = {"AWS_REGION": "us-east-1"}
    one = load(None, {"AWS_BEARER_TOKEN_BEDROCK": "k", "ANTHROPIC_API_KEY": "k", **region}, TYPES)
    assert Names(one).resolve(model) == (Target("bedrock", model),)
    entry = one.providers["bedrock"]
    two = one.model_copy(update={"providers": {"east": entry, "west": entry}})
    assert Names(two).resolve(model) == ()
    assert Names(load(None, {"ANTHROPIC_API_KEY": "k"}, TYPES)).resolve(model) == ()


def test_openais_models_lead_to_the_type_that_speaks_responses(tmp_path: Any) -> None:
    for options, leads in (("", True), (", profile: openai", True), (", profile: xai", False)):
        path = tmp_path / "dragoman.yaml"
        path.write_text(f"providers: {{a: {{type: responses{options}}}}}")
        found = Names(load(path, {}, Plugins())).resolve("gpt-5.6-sol")
        assert found == ((Target("a", "gpt-5.6-sol"),) if leads else ()), options
