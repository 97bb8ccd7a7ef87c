"""Configurations of LiteLLM's proxy become ours; what has no counterpart is named."""

import io
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.errors import ConfigurationError
from config.litellm import Imported, faults_of, import_litellm, written
from config.litellm.vendors import VENDORS
from proxy.app import Plugins
from proxy.cli import main


def imported(document: Mapping[str, Any]) -> Imported:
    """What a document becomes, which the gateway could start with."""
    found = import_litellm(yaml.safe_dump(dict(document)), "litellm.yaml")
    assert faults_of(written(found), Plugins()) == []
    assert yaml.safe_load(written(found)) == found.configuration
    return found


def models(*elements: Mapping[str, Any], **settings: Any) -> Imported:
    """The import of a list of models, with a master key."""
    return imported({"model_list": list(elements), "general_settings": {"master_key": "sk-master"}, **settings})


def element(group: str, model: str, info: Mapping[str, Any] | None = None, **params: Any) -> dict[str, Any]:
    return {"model_name": group, "litellm_params": {"model": model, **params}, "model_info": dict(info or {})}


NEEDED: Mapping[str, Mapping[str, Any]] = {
    "hosted_vllm": {"api_base": "http://vllm:8000/v1"},
    "openai_like": {"api_base": "http://lab:8000/v1"},
    "custom_openai": {"api_base": "http://lab:8000/v1"},
    "lm_studio": {"api_base": "http://lab:1234/v1"},
    "llamafile": {"api_base": "http://lab:8080/v1"},
    "vertex_ai": {"vertex_project": "p", "vertex_location": "global"},
    "vertex_ai_beta": {"vertex_project": "p", "vertex_location": "global"},
    "azure_ai": {"api_base": "https://lab.services.ai.azure.com"},
    "azure": {"api_base": "https://lab.openai.azure.com"},
}


@pytest.mark.parametrize("prefix", VENDORS)
def test_every_vendor_has_an_entry_that_the_gateway_takes(prefix: str) -> None:
    found = models(element("name", f"{prefix}/a-model", **NEEDED.get(prefix, {})))
    (provider,) = found.configuration["providers"]
    assert provider == prefix
    assert found.configuration["models"] == {"name": f"{prefix}/a-model"}
    assert found.notes == []


@pytest.mark.parametrize(
    ("model", "params", "entry", "target"),
    [
        ("gpt-4o", {}, {"type": "responses", "api_key": "${OPENAI_API_KEY}"}, "openai/gpt-4o"),
        ("o3", {}, {"type": "responses", "api_key": "${OPENAI_API_KEY}"}, "openai/o3"),
        ("claude-opus-5", {}, {"type": "anthropic", "api_key": "${ANTHROPIC_API_KEY}"}, "anthropic/claude-opus-5"),
        (
            "openai/qwen3",
            {"api_base": "http://lab:8000/v1", "api_key": "none"},
            {"type": "openai_chat", "base_url": "http://lab:8000/v1", "api_key": "none"},
            "openai/qwen3",
        ),
        (
            "openai/gpt-5.6-sol",
            {"api_base": "https://eu.api.openai.com/v1", "api_key": "os.environ/EU_KEY", "organization": "org"},
            {
                "type": "responses",
                "base_url": "https://eu.api.openai.com/v1",
                "api_key": "${EU_KEY}",
                "organization": "org",
            },
            "openai/gpt-5.6-sol",
        ),
        (
            "meta-llama/Llama-4",
            {"api_base": "http://lab:8000/v1", "custom_llm_provider": "openai", "api_key": "k"},
            {"type": "openai_chat", "base_url": "http://lab:8000/v1", "api_key": "k"},
            "openai/meta-llama/Llama-4",
        ),
        (
            "vertex_ai/claude-opus-5",
            {"vertex_project": "p", "vertex_location": "europe-west1", "vertex_credentials": "/keys/sa.json"},
            {
                "type": "anthropic",
                "project": "p",
                "location": "europe-west1",
                "google": {"credentials_file": "/keys/sa.json"},
            },
            "vertex_ai/claude-opus-5",
        ),
        (
            "bedrock/converse/us.anthropic.claude-opus-4-8",
            {
                "aws_region_name": "us-east-1",
                "aws_access_key_id": "os.environ/ID",
                "aws_secret_access_key": "os.environ/SECRET",
            },
            {
                "type": "bedrock",
                "region": "us-east-1",
                "aws": {"access_key_id": "${ID}", "secret_access_key": "${SECRET}"},
            },
            "bedrock/us.anthropic.claude-opus-4-8",
        ),
        (
            "azure/my-deployment",
            {
                "api_base": "https://lab.openai.azure.com",
                "tenant_id": "t",
                "client_id": "c",
                "client_secret": "os.environ/S",
            },
            {
                "type": "azure",
                "base_url": "https://lab.openai.azure.com",
                "entra": {"tenant_id": "t", "client_id": "c", "client_secret": "${S}"},
            },
            "azure/my-deployment",
        ),
        (
            "groq/llama-4",
            {"timeout": 30, "stream_timeout": 5, "max_parallel_requests": 7, "api_key": "a${b}$c"},
            {
                "type": "openai_chat",
                "dialect": "groq",
                "api_key": "a$${b}$c",
                "timeout": {"total": 30, "first_byte": 5},
                "concurrency": 7,
            },
            "groq/llama-4",
        ),
    ],
)
def test_a_deployment_becomes_a_provider_and_a_target(
    model: str, params: dict[str, Any], entry: dict[str, Any], target: str
) -> None:
    found = models(element("name", model, **params))
    assert list(found.configuration["providers"].values()) == [entry]
    assert found.configuration["models"]["name"] == target


def test_deployments_that_are_reached_alike_share_a_provider() -> None:
    found = models(
        element("small", "anthropic/claude-haiku-5"),
        element("large", "anthropic/claude-opus-5"),
        element("other", "anthropic/claude-opus-5", api_key="os.environ/OTHER"),
    )
    assert list(found.configuration["providers"]) == ["anthropic", "anthropic-2"]
    assert found.configuration["models"] == {
        "small": "anthropic/claude-haiku-5",
        "large": "anthropic/claude-opus-5",
        "other": "anthropic-2/claude-opus-5",
    }


def test_a_name_that_needs_no_alias_has_none() -> None:
    found = models(element("anthropic/*", "anthropic/*"), element("xai/grok-5", "xai/grok-5"))
    assert "models" not in found.configuration


@pytest.mark.parametrize(
    ("first", "second", "weights"),
    [
        ({}, {}, [1, 1]),
        ({"weight": 3}, {"weight": 1}, [3, 1]),
        ({"rpm": 600}, {"rpm": 1200}, [1, 2]),
        ({"tpm": 1000}, {}, [1, 1]),
        ({"weight": 0.25}, {"weight": 0.75}, [10, 30]),
    ],
)
def test_deployments_of_one_name_are_shared_out(
    first: dict[str, Any], second: dict[str, Any], weights: list[int]
) -> None:
    found = models(element("name", "gpt-4o", **first), element("name", "groq/llama-4", **second))
    targets = found.configuration["models"]["name"]["targets"]
    assert [target["weight"] for target in targets] == weights


def test_an_order_is_kept() -> None:
    found = models(element("name", "gpt-4o", order=2), element("name", "groq/llama-4", order=1))
    assert found.configuration["models"]["name"] == ["groq/llama-4", "openai/gpt-4o"]


def test_fallbacks_come_when_the_others_could_not() -> None:
    found = models(
        element("one", "gpt-4o"),
        element("two", "gpt-4o"),
        element("two", "groq/llama-4"),
        element("last", "claude-opus-5"),
        router_settings={"fallbacks": [{"one": ["last", "nobody"]}, {"two": ["last"]}]},
    )
    assert found.configuration["models"]["one"] == ["openai/gpt-4o", "anthropic/claude-opus-5"]
    assert found.configuration["models"]["two"] == {
        "targets": [
            {"model": "openai/gpt-4o", "weight": 1},
            {"model": "groq/llama-4", "weight": 1},
            {"model": "anthropic/claude-opus-5", "weight": 0},
        ]
    }


def test_default_fallbacks_are_those_of_every_name_without_its_own() -> None:
    found = models(
        element("one", "gpt-4o"),
        element("two", "groq/llama-4"),
        element("last", "claude-opus-5"),
        litellm_settings={"default_fallbacks": ["last"], "fallbacks": [{"two": ["one"]}]},
    )
    assert found.configuration["models"] == {
        "one": ["openai/gpt-4o", "anthropic/claude-opus-5"],
        "two": ["groq/llama-4", "openai/gpt-4o"],
        "last": "anthropic/claude-opus-5",
    }


def test_prices_windows_and_what_a_model_cannot_do() -> None:
    info = {
        "input_cost_per_token": "3e-06",
        "output_cost_per_token": 0.000015,
        "cache_read_input_token_cost": 3e-07,
        "max_input_tokens": 128_000,
        "supports_vision": False,
        "base_model": "azure/gpt-4o",
    }
    found = models(element("name", "azure/deployment", info, api_base="https://lab.openai.azure.com"))
    assert found.configuration["providers"]["azure"]["models"] == {
        "deployment": {
            "price": {"input": 3.0, "output": 15.0, "cache_read": 0.3},
            "capabilities": {"context_window": 128_000, "images": False},
            "base_model": "gpt-4o",
        }
    }


def test_how_often_and_how_long() -> None:
    found = models(
        element("name", "gpt-4o", timeout=20),
        element("other", "groq/llama-4"),
        litellm_settings={"num_retries": 3, "request_timeout": 600},
        router_settings={"allowed_fails": 2, "cooldown_time": 45},
    )
    assert found.configuration["retry"] == {"attempts": 4}
    openai, groq = found.configuration["providers"].values()
    assert (openai["timeout"], groq["timeout"]) == ({"total": 20}, {"total": 600})
    assert openai["breaker"] == groq["breaker"] == {"failures": 3, "pause": 45}


def test_the_master_key_is_a_client() -> None:
    found = models(element("name", "gpt-4o"), general_settings={"master_key": "os.environ/MASTER"})
    assert found.configuration["clients"] == [{"name": "master", "key": "${MASTER}"}]
    assert found.configuration["listen"] == ":4000"


def test_without_a_master_key_only_this_machine_may_call() -> None:
    found = imported({"model_list": [element("name", "gpt-4o")]})
    assert found.configuration["listen"] == "127.0.0.1:4000"
    assert "anybody may call" in found.notes[0]


@pytest.mark.parametrize(
    ("written_element", "words"),
    [
        (element("name", "voyage/voyage-3"), "nothing here stands for 'voyage/voyage-3'"),
        (element("name", "dall-e-3", {"mode": "image_generation"}), "does not serve the mode 'image_generation'"),
        ({"litellm_params": {"model": "gpt-4o"}}, "it has no model_name"),
        ("gpt-4o", "it has no model_name"),
    ],
)
def test_what_cannot_be_done_is_left_out_and_said(written_element: Any, words: str) -> None:
    found = models(written_element)
    assert found.configuration["providers"] == {}
    assert "left out" in found.notes[0]
    assert words in found.notes[0]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"temperature": 0.2, "max_tokens": 100}, "max_tokens, temperature: requests say it themselves"),
        ({"mock_response": "x"}, "mock_response: left out"),
        ({"extra_headers": {"x-a": "b"}, "custom_llm_provider": "groq"}, "extra_headers are left out"),
        ({"input_cost_per_token": 1e-6}, "one of input and output is missing"),
    ],
)
def test_what_is_lost_of_a_deployment_is_said(params: dict[str, Any], words: str) -> None:
    found = models(element("name", "llama-4", **{"custom_llm_provider": "groq", **params}))
    assert [note for note in found.notes if words in note]
    assert all(note.startswith("model_list[0] (name): ") for note in found.notes)


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"litellm_settings": {"cache": True}}, "litellm_settings.cache: answers are not cached here"),
        ({"router_settings": {"retry_policy": {"a": 1}}}, "router_settings.retry_policy: left out"),
        ({"environment_variables": {"A": "b"}}, "environment_variables: set them"),
        ({"guardrails": [{"guardrail_name": "x"}]}, "guardrails: left out"),
        ({"router_settings": {"model_group_alias": {"a": "nobody"}}}, "model_group_alias.a: left out"),
    ],
)
def test_what_is_lost_of_the_settings_is_said(settings: dict[str, Any], place: str) -> None:
    found = models(element("name", "gpt-4o"), **settings)
    assert [note for note in found.notes if place in note]


@pytest.mark.parametrize("text", ["", "[]", "model_list: {}", "a: [", "model_list"])
def test_what_is_no_configuration_of_litellm_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"litellm\.yaml"):
        import_litellm(text, "litellm.yaml")


def run(*arguments: str) -> tuple[int, str, str]:
    """The command's exit status, standard output and standard error."""
    output, complaints = io.StringIO(), io.StringIO()
    with redirect_stdout(output), redirect_stderr(complaints):
        status = main(["import-litellm", *arguments])
    return status, output.getvalue(), complaints.getvalue()


def test_the_command_writes_a_file_once(tmp_path: Path) -> None:
    source, result = tmp_path / "litellm.yaml", tmp_path / "dragoman.yaml"
    source.write_text(yaml.safe_dump({"model_list": [element("name", "gpt-4o", temperature=1)]}))
    status, output, complaints = run(str(source), "--output", str(result))
    assert (status, output) == (0, "")
    assert "note: model_list[0] (name): temperature" in complaints
    assert yaml.safe_load(result.read_text())["models"] == {"name": "openai/gpt-4o"}
    assert "# - model_list[0] (name): temperature" in result.read_text()
    status, output, complaints = run(str(source))
    assert (status, output) == (0, result.read_text())
    status, _, complaints = run(str(source), "--output", str(result))
    assert status == 2
    assert "File exists" in complaints


def test_the_command_says_what_has_to_be_completed(tmp_path: Path) -> None:
    source = tmp_path / "litellm.yaml"
    source.write_text(yaml.safe_dump({"model_list": [element("name", "hosted_vllm/qwen3")]}))
    status, output, complaints = run(str(source))
    assert status == 1
    assert "to be completed: providers.hosted_vllm" in complaints
    assert "type: openai_chat" in output


def test_a_file_that_is_not_there_is_misuse(tmp_path: Path) -> None:
    status, _, complaints = run(str(tmp_path / "none.yaml"))
    assert status == 2
    assert "No such file" in complaints
