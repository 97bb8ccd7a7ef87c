"""What is known of models, the list that a server gives, and the credential of the cloud."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from providers.ollama import OllamaSettings
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from tests.providers.ollama.exchanges import provider


class Http:
    """Answers with one body, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = HttpAnswer(status, {}, body)
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        self.asked.append((method, url, headers or {}))
        return self.answer


@pytest.mark.parametrize(
    ("model", "images", "tools", "reasoning"),
    [
        ("llama3.2:3b", False, True, False),
        ("llama3.2-vision", True, True, False),
        ("hf.co/someone/llama3.2", False, True, False),
        ("gemma3:4b", True, False, False),
        ("gemma2", False, False, False),
        ("gemma4", True, True, False),
        ("qwen3:4b", False, True, True),
        ("qwen3-coder:30b", False, True, False),
        ("qwen3.6", True, True, True),
        ("gpt-oss:120b-cloud", False, True, True),
        ("something-new", True, True, True),
    ],
)
def test_families(model: str, images: bool, tools: bool, reasoning: bool) -> None:
    able = provider().capabilities(model)
    assert (able.images, able.tools, able.reasoning) == (images, tools, reasoning)


@pytest.mark.parametrize(
    ("model", "base_url", "window", "held"),
    [
        ("qwen3", "http://lab:11434", 8192, True),
        ("kimi-k3:1t-cloud", "http://lab:11434", None, False),
        ("glm-5:cloud", "http://lab:11434", None, False),
        ("glm-5", "https://ollama.com", None, False),
        ("glm-5", "https://ollama.com.example.org", 8192, True),
    ],
)
def test_the_cloud_has_contexts_of_its_own(model: str, base_url: str, window: int | None, held: bool) -> None:
    able = provider(base_url=base_url).capabilities(model)
    assert (able.context_window, able.json_schema) == (window, held)


def test_an_operator_knows_better() -> None:
    server = provider(families={"llama3": {"thinking": "switch", "capabilities": {"reasoning": True}}})
    assert server.capabilities("llama3.3").reasoning
    assert not server.capabilities("llama2").reasoning


@pytest.mark.parametrize(
    "settings",
    [
        {"num_ctx": 0},
        {"base_url": "lab:11434"},
        {"families": {"a": {"thinks": True}}},
        {"families": {"a": {"thinking": "loudly"}}},
        {"options": {"num_ctx": 4096}},
        {"extra_body": {"options": [1]}},
        {"unknown": 1},
    ],
)
def test_settings_that_cannot_be(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OllamaSettings(**settings)


async def test_the_list_of_models() -> None:
    listed = {"models": [{"name": "a:latest", "size": 1}, {"name": ""}, {"name": 3}, None, {"name": "b:1b"}]}
    http = Http(200, json.dumps(listed).encode())
    assert await provider(base_url="http://lab:11434/v1").list_models(http) == ["a:latest", "b:1b"]
    assert http.asked == [("GET", "http://lab:11434/api/tags", {})]


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [
        (200, b"{}", "vendor_failure"),
        (200, b"<html>", "vendor_failure"),
        (200, b'{"models":{}}', "vendor_failure"),
        (401, b'{"error":"unauthorized"}', "bad_credential"),
    ],
)
async def test_a_list_that_is_none(status: int, body: bytes, error_class: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await provider().list_models(Http(status, body))
    assert caught.value.error_class == error_class


async def test_the_key_of_the_cloud() -> None:
    call = Call("/api/chat", b"{}")
    http = Http(200, b"")
    cloud = provider(base_url="https://ollama.com", api_key="sk-1")
    assert await cloud.authorize(call, http) == {"Authorization": "Bearer sk-1"}
    assert cloud.credential_headers() == ("Authorization",)
    assert await provider().authorize(call, http) == {}
    assert provider().credential_headers() == ()
    assert http.asked == []
