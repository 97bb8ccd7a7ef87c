"""Where Mistral's models are served, and the settings that lead there."""

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from providers.mistral import Mistral, MistralSettings
from providers.mistral.access import scope_of
from providers.mistral.hosts import HOSTS, predict_path
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from tests.providers.mistral.material import MISTRAL, WEATHER, mistral, prepared, refused, said, sent

AZURE = mistral(base_url="https://mine.models.ai.azure.com/v1")
VERTEX = Mistral(MistralSettings(project="my-project", location="europe-west4"))
OWN = mistral(base_url="http://lab:8000/v1")


class Refusing:
    """An HTTP client that nobody may use."""

    async def request(self, method: str, url: str, **rest: Any) -> HttpAnswer:
        raise AssertionError(url)


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "host", "address"),
    [
        ({}, "mistral", "https://api.mistral.ai/v1"),
        ({"base_url": "https://eu.api.mistral.ai/v1/"}, "mistral", "https://eu.api.mistral.ai/v1"),
        ({"base_url": "https://a.models.ai.azure.com/v1"}, "azure", "https://a.models.ai.azure.com/v1"),
        ({"base_url": "https://a.services.ai.azure.com/models"}, "azure", "https://a.services.ai.azure.com/models"),
        ({"base_url": "http://lab:8000/v1"}, "self_hosted", "http://lab:8000/v1"),
        ({"base_url": "https://mistral.ai.example.org/v1"}, "self_hosted", "https://mistral.ai.example.org/v1"),
        ({"base_url": "https://notmistral.ai/v1"}, "self_hosted", "https://notmistral.ai/v1"),
        ({"base_url": "http://proxy/v1", "host": "mistral"}, "mistral", "http://proxy/v1"),
        (
            {"project": "p", "location": "us-central1"},
            "vertex",
            "https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/mistralai/models",
        ),
        (
            {"project": "example.com:p", "location": "global"},
            "vertex",
            "https://aiplatform.googleapis.com/v1/projects/example.com:p/locations/global/publishers/mistralai/models",
        ),
    ],
)
def test_the_host_is_known_by_the_address(settings: dict[str, Any], host: str, address: str) -> None:
    found = MistralSettings.model_validate(settings)
    assert (found.host_name, found.address) == (host, address)
    assert Mistral(found).base_url == address


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"host": "azure"}, "base_url is required"),
        ({"host": "self_hosted"}, "base_url is required"),
        ({"project": "p"}, "location is required"),
        ({"google": {}, "base_url": "https://x/v1", "host": "mistral"}, "google: the host 'mistral' does not take it"),
        ({"entra": {}, "base_url": "http://lab/v1", "host": "self_hosted"}, "entra: the host 'self_hosted'"),
        ({"entra": {}, "base_url": "https://a.models.ai.azure.com/v1", "api_key": "k"}, "entra, api_key: one at most"),
        (
            {"project": "p", "location": "europe-west4", "safe_prompt": True},
            "safe_prompt: the host 'vertex' does not take it",
        ),
        ({"project": "p", "location": "evil.example/"}, "location"),
        ({"base_url": "ftp://x"}, "has to begin with http"),
        ({"families": {"a": {"colour": 1}}}, "unknown member"),
        ({"random_sed": 1}, "random_sed"),
        ({"random_seed": -1}, "random_seed"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"stop": [""]}, "stop"),
        ({"api_version": "1&x=2"}, "api_version"),
    ],
)
def test_settings_that_cannot_be_meant(settings: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        MistralSettings.model_validate(settings)


def test_the_type_claims_its_variable() -> None:
    assert (Mistral.type, Mistral.environment_key) == ("mistral", "MISTRAL_API_KEY")


async def test_the_key_is_a_bearer_token() -> None:
    call = Call("/chat/completions", b"{}")
    assert await MISTRAL.authorize(call, Refusing()) == {"Authorization": "Bearer sk-m"}
    assert MISTRAL.credential_headers() == ("Authorization",)
    bare = mistral(api_key=None, base_url="http://lab/v1")
    assert await bare.authorize(call, Refusing()) == {}
    assert bare.credential_headers() == ()
    assert "sk-m" not in repr(MISTRAL.settings)


def test_thoughts_belong_to_an_account_at_a_host() -> None:
    origins = {each.origin("m") for each in (MISTRAL, mistral(api_key="other"), OWN, VERTEX)}
    assert len(origins) == 4
    assert all(origin.provider == "mistral" for origin in origins)


# --- Azure ------------------------------------------------------------------------------------------------------------


def test_azure_wants_a_limit() -> None:
    made = sent(provider=AZURE)
    assert made.settings == {"max_tokens": 4096}
    assert made.losses == {"max_output_tokens": "approximated"}
    assert made.call.path == "/chat/completions"
    asked = sent({"max_output_tokens": 50}, provider=AZURE)
    assert asked.settings == {"max_tokens": 50}
    assert asked.losses == {}
    assert sent(provider=mistral(base_url=AZURE.base_url, max_tokens=9)).settings == {"max_tokens": 9}


def test_a_version_of_azures_api_is_named_in_the_address() -> None:
    provider = mistral(base_url="https://a.services.ai.azure.com/models", api_version="2024-05-01-preview")
    assert sent(provider=provider).call.path == "/chat/completions?api-version=2024-05-01-preview"


@pytest.mark.parametrize("provider", [AZURE, VERTEX])
def test_the_clouds_have_no_cache_key_and_no_tiers(provider: Mistral) -> None:
    made = sent({"prompt_cache_key": "k", "service_tier": "priority", "max_output_tokens": 50}, provider=provider)
    assert made.settings == {"max_tokens": 50}
    assert made.losses == {"prompt_cache_key": "ignored", "service_tier": "dropped"}


@pytest.mark.parametrize("provider", [AZURE, VERTEX])
def test_the_clouds_take_no_documents(provider: Mistral) -> None:
    part = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
    assert refused({"input": [said("user", [part])]}, provider=provider)[0] == "input[0].content[0].file_data"
    assert not provider.capabilities("mistral-medium-3").file_urls
    text_file = {"type": "input_file", "filename": "a.txt", "file_data": "SGk="}
    assert "Hi" in sent({"input": [said("user", [text_file])]}, provider=provider).messages[0]["content"]


@pytest.mark.parametrize(
    ("address", "header"),
    [
        ("https://a.models.ai.azure.com/v1", {"Authorization": "Bearer sk-m"}),
        ("https://a.services.ai.azure.com/models", {"api-key": "sk-m"}),
        ("https://a.openai.azure.com/openai/v1", {"api-key": "sk-m"}),
        ("https://a.services.ai.azure.com/api/projects/p/openai/v1", {"Authorization": "Bearer sk-m"}),
    ],
)
async def test_a_key_of_azures_stands_in_the_header_of_its_host(address: str, header: dict[str, str]) -> None:
    provider = mistral(base_url=address)
    assert await provider.authorize(Call("/chat/completions", b"{}"), Refusing()) == header
    assert list(provider.credential_headers()) == list(header)


@pytest.mark.parametrize(
    ("address", "scope"),
    [
        ("https://a.services.ai.azure.com/models", "https://cognitiveservices.azure.com/.default"),
        ("https://a.services.ai.azure.com/api/projects/p/openai/v1", "https://ai.azure.com/.default"),
    ],
)
def test_a_token_is_for_the_address(address: str, scope: str) -> None:
    assert scope_of(address) == scope


# --- Vertex AI --------------------------------------------------------------------------------------------------------


def test_vertex_has_the_model_in_its_address() -> None:
    made = sent({"tools": [WEATHER], "temperature": 0.3}, model="mistral-medium-3@001", provider=VERTEX)
    assert made.call.path == "/mistral-medium-3@001:rawPredict"
    assert made.body["model"] == "mistral-medium-3"
    assert made.body["temperature"] == 0.3
    cut = sent({"stream": True}, model="mistral-medium-3", provider=VERTEX)
    assert cut.call.path == "/mistral-medium-3:streamRawPredict"
    assert cut.body["stream"] is True


@pytest.mark.parametrize("model", ["../../secrets", "a/b?c=d#e", "a:b", "ä b", "%2e%2e", ".."])
def test_a_models_name_stays_one_segment_of_the_path(model: str) -> None:
    path = predict_path(model, stream=False)
    assert path.endswith(":rawPredict")
    assert not set(path[1:].removesuffix(":rawPredict")) & set("/?#: ")


async def test_vertex_lists_no_models() -> None:
    assert await VERTEX.list_models(Refusing()) == []


def test_an_error_of_googles() -> None:
    told = {"code": 404, "message": "Publisher Model `mistral-huge` was not found.", "status": "NOT_FOUND"}
    for body in ({"error": told}, [{"error": told}]):
        assert VERTEX.error(404, {}, orjson.dumps(body)).error_class == "model_unknown"
    told = {"code": 429, "message": "Quota exceeded for requests per minute", "status": "RESOURCE_EXHAUSTED"}
    assert VERTEX.error(429, {}, orjson.dumps({"error": told})).error_class == "rate_limit"


# --- servers of one's own ---------------------------------------------------------------------------------------------


def test_a_server_of_ones_own_takes_audio_as_openai_has_it() -> None:
    speech = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    made = sent({"input": [said("user", [speech])]}, model="voxtral-small-2507", provider=OWN)
    assert made.messages[0]["content"] == [speech]
    assert made.losses == {}


def test_only_the_vendors_own_prices_are_known() -> None:
    found = {each.settings.host_name: each.price_catalogue for each in (MISTRAL, AZURE, VERTEX, OWN)}
    assert found == {"mistral": "mistral", "azure": None, "vertex": None, "self_hosted": None}
    assert found.keys() == HOSTS.keys()


# --- the list of models, and what it tells ----------------------------------------------------------------------------


class Listing:
    """An HTTP client that gives one answer."""

    def __init__(self, status: int, body: object) -> None:
        self.answer = HttpAnswer(status, {}, body if isinstance(body, bytes) else orjson.dumps(body))
        self.asked: list[tuple[str, str, Any]] = []

    async def request(self, method: str, url: str, *, headers: Any = None, body: bytes | None = None) -> HttpAnswer:
        self.asked.append((method, url, headers))
        return self.answer


def card(model: str, **members: Any) -> dict[str, Any]:
    able = {"completion_chat": True, "function_calling": True, "vision": False, "audio": False, "reasoning": True}
    return {"id": model, "object": "model", "capabilities": {**able, **members.pop("able", {})}, **members}


async def test_the_models_that_chat_are_listed() -> None:
    http = Listing(
        200, {"data": [card("mistral-medium-latest"), card("mistral-embed", able={"completion_chat": False})]}
    )
    provider = mistral()
    assert await provider.list_models(http) == ["mistral-medium-latest"]
    assert http.asked == [("GET", "https://api.mistral.ai/v1/models", {"Authorization": "Bearer sk-m"})]


async def test_what_the_list_tells_corrects_the_table() -> None:
    provider = mistral()
    before = provider.capabilities("mistral-large-9")
    assert (before.reasoning, before.images, before.context_window) == (False, True, None)
    await provider.list_models(Listing(200, [card("mistral-large-9", max_context_length=262144)]))
    after = provider.capabilities("mistral-large-9")
    assert (after.reasoning, after.images, after.tools, after.context_window) == (True, False, True, 262144)
    assert provider.capabilities("mistral-large-8") == mistral().capabilities("mistral-large-8")
    made = sent({"reasoning": {"effort": "high"}}, provider=provider)
    assert made.settings == {"reasoning_effort": "high"}


async def test_what_the_operator_says_wins() -> None:
    provider = mistral(families={"Mistral-Large": {"capabilities": {"images": True}}})
    await provider.list_models(Listing(200, [card("mistral-large-9")]))
    able = provider.capabilities("mistral-large-9")
    assert (able.images, able.reasoning) == (True, True)


@pytest.mark.parametrize("body", [{}, [], {"data": [1, {"id": 2}, {"id": ""}, {}]}, {"data": "x"}, "x", None])
async def test_a_list_of_nothing_is_empty(body: object) -> None:
    assert await mistral().list_models(Listing(200, body)) == []


async def test_a_card_without_capabilities_says_nothing() -> None:
    provider = mistral()
    card_of = {"id": "mistral-large-9", "capabilities": "many", "max_context_length": True}
    assert await provider.list_models(Listing(200, {"data": [card_of]})) == ["mistral-large-9"]
    assert provider.capabilities("mistral-large-9") == mistral().capabilities("mistral-large-9")


@pytest.mark.parametrize(
    ("status", "body", "found"),
    [
        (401, {"detail": "Invalid API Key"}, "bad_credential"),
        (200, b"<html>", "vendor_failure"),
        (200, b"{", "vendor_failure"),
    ],
)
async def test_a_list_that_is_not_to_be_had(status: int, body: object, found: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await mistral().list_models(Listing(status, body))
    assert caught.value.error_class == found


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("mistral-medium-latest", "mistral-medium"),
        ("mistral-medium-3-5", "mistral-medium"),
        ("mistral-medium-2508", "mistral-medium"),
        ("magistral-small-1.2", "magistral-small"),
        ("ministral-8b-latest", "ministral-8b"),
        ("mistral-medium-3@001", "mistral-medium"),
        ("zai-glm-5-3-flash", "zai-glm-5-3-flash"),
        ("-3", "-3"),
        ("@1", "@1"),
    ],
)
def test_versions_of_a_model_are_one_family(model: str, family: str) -> None:
    assert MISTRAL.capabilities(model).family == family


def test_a_model_behaves_like_the_one_it_is_said_to_be() -> None:
    made = prepared(model="my-tuned-one")
    made.capabilities = MISTRAL.capabilities("magistral-medium-2509")
    made.request.reasoning["effort"] = "high"
    assert b"reasoning_effort" not in MISTRAL.encode(made).body
