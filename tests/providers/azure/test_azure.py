"""What Azure does otherwise than OpenAI: addresses, deployments, credentials, filters."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from providers.azure import Azure, AzureSettings
from providers.credentials.azure import AzureAccess
from proxy.exchange.endpoint import Endpoint
from proxy.provider.contract import Call, HttpAnswer, Prepared
from proxy.provider.errors import ProviderError
from proxy.provider.history import AUTO, MessageItem
from proxy.provider.secret import Secret
from proxy.responses.errors import ResponsesError
from proxy.responses.request import parse_create
from tests.providers.azure.exchanges import provider


def encoded(azure: Azure, model: str = "prod-mini", base_model: str = "", **parameters: Any) -> Call:
    request = parse_create({"model": model, "input": "Hi", **parameters})
    able = azure.capabilities(base_model or model)
    message = MessageItem("user", [{"type": "input_text", "text": "Hi"}], "input[0]")
    return azure.encode(Prepared(model, request, [message], [], AUTO, able, request.stream is True))


def body(call: Call) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(call.body)
    return read


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://r1.openai.azure.com", "https://r1.openai.azure.com/openai/v1"),
        ("https://r1.openai.azure.com/", "https://r1.openai.azure.com/openai/v1"),
        ("https://r1.openai.azure.com/openai", "https://r1.openai.azure.com/openai/v1"),
        ("https://r1.openai.azure.com/openai/v1", "https://r1.openai.azure.com/openai/v1"),
        ("https://r1.services.ai.azure.com", "https://r1.services.ai.azure.com/openai/v1"),
        (
            "https://r1.services.ai.azure.com/api/projects/p1",
            "https://r1.services.ai.azure.com/api/projects/p1/openai/v1",
        ),
        ("https://llama.models.ai.azure.com", "https://llama.models.ai.azure.com/v1"),
    ],
)
def test_the_path_of_the_api_is_added_once(written: str, address: str) -> None:
    assert provider(base_url=written).base_url == address


def test_a_deployment_is_the_model_and_the_path_has_no_version() -> None:
    call = encoded(provider())
    assert (call.path, body(call)["model"]) == ("/responses", "prod-mini")
    assert body(call)["store"] is False


def test_the_model_behind_a_deployment_says_what_it_can_do() -> None:
    azure = provider()
    assert Endpoint("a", azure, None, base_models={"old": "gpt-4o"}).capabilities("old").reasoning is False  # type: ignore[arg-type] # nobody is asked
    assert azure.capabilities("old").reasoning is True


def test_dated_paths_name_the_deployment() -> None:
    azure = provider(api="chat", api_version="2024-10-21")
    call = encoded(azure, "my deployment/1")
    assert azure.base_url == "https://r1.openai.azure.com/openai"
    assert call.path == "/deployments/my%20deployment%2F1/chat/completions?api-version=2024-10-21"


def test_responses_have_no_dated_path() -> None:
    with pytest.raises(ValidationError, match="the dated paths have no Responses"):
        AzureSettings(base_url="https://r1.openai.azure.com", api_key=Secret("k"), api_version="2024-10-21")


@pytest.mark.parametrize("credentials", [{}, {"api_key": Secret("k"), "entra": AzureAccess()}])
def test_there_is_one_credential(credentials: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="one of api_key and entra is required"):
        AzureSettings(base_url="https://r1.openai.azure.com", **credentials)


@pytest.mark.parametrize(
    ("base_url", "headers"),
    [
        ("https://r1.openai.azure.com", {"api-key": "an-azure-key"}),
        ("https://r1.services.ai.azure.com/api/projects/p1", {"Authorization": "Bearer an-azure-key"}),
        ("https://llama.models.ai.azure.com", {"Authorization": "Bearer an-azure-key"}),
    ],
)
async def test_a_key_has_the_header_that_its_address_wants(base_url: str, headers: dict[str, str]) -> None:
    azure = provider(base_url=base_url)
    assert await azure.authorize(Call("/responses", b""), _Nobody()) == headers
    assert list(azure.credential_headers()) == list(headers)


class _Nobody:
    async def request(self, *arguments: object, **more: object) -> HttpAnswer:
        raise AssertionError("nobody is asked")


def test_mistral_has_the_older_limit_and_openai_the_newer() -> None:
    azure = provider(api="chat")
    assert body(encoded(azure, "mistral-large-2411", max_output_tokens=100))["max_tokens"] == 100
    assert body(encoded(azure, "gpt-4.1", max_output_tokens=100))["max_completion_tokens"] == 100
    assert body(encoded(azure, "prod", "mistral-large-2411", max_output_tokens=100))["max_tokens"] == 100


def test_the_deployment_that_makes_images_stands_in_a_header() -> None:
    azure = provider(image_deployment="images-1")
    assert "image_generation" in azure.capabilities("gpt-5.6-sol").hosted_tools
    assert encoded(azure).headers["x-ms-oai-image-generation-deployment"] == "images-1"
    assert "image_generation" not in provider().capabilities("gpt-5.6-sol").hosted_tools


BLOCKED = {
    "error": {
        "code": "content_filter",
        "message": "The response was filtered due to the prompt",
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {
                "hate": {"filtered": False, "severity": "safe"},
                "self_harm": {"filtered": True, "severity": "medium"},
                "violence": {"filtered": True, "severity": "medium"},
            },
        },
    }
}


def test_a_blocked_prompt_is_the_clients_and_names_the_categories() -> None:
    error = provider().error(400, {}, json.dumps(BLOCKED).encode())
    assert (error.status, error.code, error.param) == (400, "invalid_prompt", "input")
    assert error.message == "The prompt was blocked by the provider's content filter (self harm, violence)."


def test_a_wait_that_stands_in_the_text_is_believed() -> None:
    told = {"error": {"code": "429", "message": "Rate limit is exceeded. Try again in 7 seconds."}}
    error = provider().error(429, {}, json.dumps(told).encode())
    assert (error.error_class, error.retry_after, error.headers["retry-after"]) == ("rate_limit", 7.0, "7")


def test_a_deployment_that_does_not_exist_is_an_unknown_model() -> None:
    told = {"error": {"code": "DeploymentNotFound", "message": "The API deployment for this resource does not exist."}}
    error = provider().error(404, {}, json.dumps(told).encode())
    assert (error.error_class, error.status) == ("model_unknown", 400)


def test_a_search_is_offered_under_its_older_name_where_the_newer_is_refused() -> None:
    azure = provider()
    call = Call("/responses", json.dumps({"tools": [{"type": "web_search", "filters": {}}]}).encode())
    refusal = ProviderError("bad_request", "The tool type 'web_search' is not supported.", vendor_status=400)
    amended = azure.amend(call, refusal)
    assert amended is not None
    assert body(amended[0])["tools"] == [{"type": "web_search_preview"}]
    assert [loss.path for loss in amended[1]] == ["tools"]


@pytest.mark.parametrize("model", [".", "..", "x" * 200, "a\nb", "é"])
def test_a_name_that_is_no_deployment_never_gets_into_a_path(model: str) -> None:
    with pytest.raises(ResponsesError) as raised:
        encoded(provider(api="chat", api_version="2024-10-21"), model)
    assert (raised.value.status, raised.value.param) == (400, "model")


async def test_configured_headers_are_treated_as_secrets() -> None:
    azure = provider(headers={"x-preview": "a-secret-of-ours"})
    assert (await azure.authorize(Call("/responses", b""), _Nobody()))["x-preview"] == "a-secret-of-ours"
    assert "x-preview" in azure.credential_headers()
    assert "x-preview" not in encoded(azure).headers
