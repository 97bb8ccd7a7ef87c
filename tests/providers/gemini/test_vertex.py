"""Gemini on Vertex AI: where requests go, what is different in them, and what comes back."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
import pytest
from google import genai
from google.auth.credentials import AnonymousCredentials
from google.genai import _api_client as sdk
from google.genai import models as sdk_models
from google.genai import types
from pydantic import ValidationError

from providers.gemini import Gemini, GeminiSettings
from proxy.provider.contract import HttpAnswer, Prepared
from proxy.provider.conversions import RefusedError
from proxy.provider.errors import ProviderError
from proxy.provider.history import FunctionTool, HostedTool
from proxy.responses.events import Started
from tests.providers.gemini.answers import chunk
from tests.providers.gemini.requests import (
    FLASH_3,
    FLASH_25,
    S1,
    WEATHER,
    assistant,
    body_of,
    call,
    losses,
    prepared,
    result,
    signed,
    user,
)

THERE: Final = {"project": "house", "location": "europe-west4"}
VERTEX: Final = Gemini(GeminiSettings.model_validate(THERE), "vertex")
EXPRESS: Final = Gemini(GeminiSettings.model_validate({"host": "vertex", "api_key": "a-key"}), "vertex")
OWN: Final = Gemini(GeminiSettings.model_validate({"api_key": "a-key"}))
MODELS: Final = "/projects/house/locations/europe-west4/publishers/google/models"

SEARCH: Final = HostedTool("web_search", {"type": "web_search"}, "tools[0]")


def on(**options: Any) -> Gemini:
    return Gemini(GeminiSettings.model_validate({**THERE, **options}), "vertex")


def sent(*items: Any, provider: Gemini = VERTEX, **options: Any) -> tuple[Any, list[str], Mapping[str, str]]:
    """The body, the conversions and the headers."""
    wanted = prepared(*items, provider=provider, **options)
    made = provider.encode(wanted)
    return body_of(made), losses(wanted), made.headers


# --- settings and addresses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("location", ["global", "us", "eu", "us-central1", "europe-west4", "asia-northeast1"])
def test_a_location_is_where_the_vendors_own_client_looks_for_it(location: str) -> None:
    nobody = AnonymousCredentials()  # type: ignore[no-untyped-call] # as it is shipped
    client = genai.Client(vertexai=True, project="house", location=location, credentials=nobody)
    options: Any = client._api_client._http_options
    assert on(location=location).base_url == f"{options.base_url.rstrip('/')}/v1"
    asked = types.HttpOptions(base_url=options.base_url, api_version="v1")
    path = f"publishers/google/models/{FLASH_25}:generateContent"
    request = client._api_client._build_request("post", path, {}, asked)
    made = on(location=location)
    assert made.base_url + made.encode(prepared(model=FLASH_25)).path == request.url
    assert isinstance(request, sdk.HttpRequest)


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ({"base_url": "http://proxy.test/google/"}, "http://proxy.test/google/v1"),
        ({"base_url": "http://proxy.test/v1beta1"}, "http://proxy.test/v1beta1"),
    ],
)
def test_an_address_of_ones_own(given: Any, base: str) -> None:
    assert on(**given).base_url == base


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({}, "gemini"),
        ({"base_url": "http://lab:1"}, "gemini"),
        (THERE, "vertex"),
        ({"host": "vertex", "api_key": "k"}, "vertex"),
        ({"base_url": "https://us-central1-aiplatform.googleapis.com/v1", "api_key": "k"}, "vertex"),
        ({**THERE, "api_key": "k"}, "vertex"),
    ],
)
def test_the_host_is_found_out(given: Any, host: str) -> None:
    assert GeminiSettings.model_validate(given).host_name == host


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"host": "vertex", "project": "p"}, "location"),
        ({"host": "gemini", "project": "p"}, "project"),
        ({"metadata": True}, "metadata"),
        ({**THERE, "api_key": "k", "google": {}}, "google, api_key"),
        ({"host": "vertex", "api_key": "k", "project": "p"}, "project and location"),
        ({**THERE, "file_search_stores": {"a": "b"}}, "file_search_stores"),
        ({"project": "a/../b", "location": "eu"}, "project"),
        ({"project": "p", "location": "eu.evil.example/"}, "location"),
        ({"host": "elsewhere"}, "host"),
    ],
)
def test_settings_that_lead_nowhere_are_errors(given: Any, named: str) -> None:
    with pytest.raises(ValidationError, match=named):
        GeminiSettings.model_validate(given)


def test_a_project_has_to_be_named_somewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("GOOGLE_CLOUD_PROJECT", "GCLOUD_PROJECT", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    with pytest.raises(ValidationError, match="project is required"):
        GeminiSettings.model_validate({"location": "eu"})
    file = tmp_path / "account.json"
    file.write_text('{"type": "service_account", "project_id": "of-the-file"}')
    given = {"location": "eu", "google": {"credentials_file": str(file)}}
    made = Gemini(GeminiSettings.model_validate(given)).encode(prepared())
    assert made.path.startswith("/projects/of-the-file/locations/eu/publishers/google/models/")


@pytest.mark.parametrize("name", [FLASH_3, f"models/{FLASH_3}", f"publishers/google/models/{FLASH_3}"])
def test_paths_of_the_methods(name: str) -> None:
    assert VERTEX.encode(prepared(model=name)).path == f"{MODELS}/{FLASH_3}:generateContent"
    streamed = VERTEX.encode(prepared(model=name, stream=True))
    assert streamed.path == f"{MODELS}/{FLASH_3}:streamGenerateContent?alt=sse"


@pytest.mark.parametrize("name", ["../../x", "a/b", "a%2Fb", "", "a:predict", "a?x"])
def test_a_model_that_would_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(RefusedError):
        VERTEX.encode(prepared(model=name))


async def test_a_key_names_the_project_itself() -> None:
    made = EXPRESS.encode(prepared())
    assert EXPRESS.base_url + made.path == (
        f"https://aiplatform.googleapis.com/v1/publishers/google/models/{FLASH_3}:generateContent"
    )
    assert await EXPRESS.authorize(made, NoHttp()) == {"x-goog-api-key": "a-key"}
    assert EXPRESS.credential_headers() == ("x-goog-api-key",)
    assert not EXPRESS.renew(401, {}, b"")
    assert VERTEX.credential_headers() == ("authorization",)


def test_signatures_go_back_to_the_same_project_only() -> None:
    origins = [each.origin("m") for each in (OWN, VERTEX, EXPRESS, on(project="other"), on(location="us"))]
    assert len(set(origins)) == len(origins)
    assert on().origin("m") == VERTEX.origin("m")


def test_prices_are_googles() -> None:
    assert VERTEX.price_catalogue == "google"


# --- what is sent -----------------------------------------------------------------------------------------------------


def in_the_sdks_eyes(body: Any) -> None:
    """Fails for what the vendor's SDK does not send to Vertex AI."""
    for tool in body.get("tools", ()):
        sdk_models._Tool_to_vertex(_snake(types.Tool.model_validate(tool)))
    if "toolConfig" in body:
        sdk_models._ToolConfig_to_vertex(_snake(types.ToolConfig.model_validate(body["toolConfig"])))
    for content in body["contents"]:
        sdk_models._Content_to_vertex(_snake(types.Content.model_validate(content)))


def _snake(value: Any) -> Any:
    return value.model_dump(exclude_none=True)


@pytest.mark.parametrize("model", [FLASH_3, FLASH_25])
def test_bodies_are_what_the_vendors_own_client_sends_there(model: str) -> None:
    wanted = prepared(
        user("A"), signed("function_call", S1), call(), result(), assistant("B"), user("C"),
        model=model, tools=[WEATHER], provider=VERTEX, reasoning={"effort": "low", "summary": "auto"},
    )  # fmt: skip
    if model == FLASH_3:
        wanted.hosted_tools = [SEARCH]
    body = body_of(VERTEX.encode(wanted))
    in_the_sdks_eyes(body)
    assert body["contents"][1]["parts"][0]["functionCall"]["id"] == "c1"


def with_search(provider: Gemini, *tools: FunctionTool) -> Any:
    wanted = prepared(tools=tools, provider=provider)
    wanted.hosted_tools = [SEARCH]
    return body_of(provider.encode(wanted))


def test_the_vendors_tools_beside_functions_are_not_shown_there() -> None:
    own, there = with_search(OWN, WEATHER), with_search(VERTEX, WEATHER)
    assert own["tools"] == there["tools"]
    assert own["toolConfig"]["includeServerSideToolInvocations"] is True
    assert "includeServerSideToolInvocations" not in there["toolConfig"]
    lenient = FunctionTool("f", None, None, False, "tools[1]")
    assert "toolConfig" not in with_search(VERTEX, lenient)


@pytest.mark.parametrize(
    ("tier", "header", "lost"),
    [
        ("auto", None, []),
        ("default", None, ["ignored service_tier"]),
        ("flex", "flex", []),
        ("priority", "priority", []),
        ("fast", None, ["dropped service_tier"]),
        ("scale", None, ["dropped service_tier"]),
    ],
)
def test_the_service_tier_is_a_header(tier: str, header: str | None, lost: list[str]) -> None:
    body, said, headers = sent(service_tier=tier)
    assert "serviceTier" not in body
    assert headers.get("x-vertex-ai-llm-shared-request-type") == header
    assert said == lost


def test_a_tier_that_is_refused_is_left_out() -> None:
    made = VERTEX.encode(prepared(provider=VERTEX, service_tier="flex"))
    said = {"error": {"code": 400, "message": "Flex requests are not supported.", "status": "INVALID_ARGUMENT"}}
    changed = VERTEX.amend(made, VERTEX.error(400, {}, orjson.dumps(said)))
    assert changed is not None
    assert (changed[0].headers, changed[0].body) == ({}, made.body)
    assert [(each.path, each.disposition) for each in changed[1]] == [("service_tier", "dropped")]
    assert VERTEX.amend(changed[0], VERTEX.error(400, {}, orjson.dumps(said))) is None


def test_metadata_are_labels_where_that_is_configured() -> None:
    metadata = {"team": "blue-1", "Team": "x", "note": "Two words", "1st": "y", "empty": ""}
    body, said, _ = sent(metadata=metadata)
    assert "labels" not in body
    body, said, _ = sent(metadata=metadata, provider=on(metadata=True))
    assert body["labels"] == {"team": "blue-1", "empty": ""}
    assert said == ["ignored metadata"] * 3


def test_thinking_is_turned_off_where_the_host_can() -> None:
    model = "gemini-3.1-pro-preview"
    body, said, _ = sent(model=model, reasoning={"effort": "none", "summary": "auto"})
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingBudget": 0}
    assert said == ["ignored reasoning.summary"]
    body, said, _ = sent(model=model, reasoning={"effort": "none"}, provider=OWN)
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "LOW"}
    assert said == ["approximated reasoning.effort"]


def file(**members: Any) -> dict[str, Any]:
    return {"type": "input_file", **members}


def image(url: str) -> dict[str, Any]:
    return {"type": "input_image", "image_url": url}


@pytest.mark.parametrize(
    ("part", "uri", "media_type"),
    [
        (file(file_url="gs://bucket/a.pdf"), "gs://bucket/a.pdf", "application/pdf"),
        (file(file_url="gs://bucket/a", filename="a.mp4"), "gs://bucket/a", "video/mp4"),
        (image("gs://bucket/a.png"), "gs://bucket/a.png", "image/png"),
        (file(file_url="https://youtu.be/x"), "https://youtu.be/x", "video/mp4"),
        (file(file_url="https://a.example/b.pdf"), "https://a.example/b.pdf", "application/pdf"),
    ],
)
def test_media_that_the_host_reads_itself(part: Any, uri: str, media_type: str) -> None:
    parts = sent(user(part))[0]["contents"][0]["parts"]
    assert parts[-1] == {"fileData": {"fileUri": uri, "mimeType": media_type}}


@pytest.mark.parametrize(
    ("part", "param"),
    [
        (file(file_url="gs://bucket/a"), "file_url"),
        (file(file_url="https://a.example/b"), "file_url"),
        (image("gs://bucket/a.pdf"), "image_url"),
        (file(file_url="ftp://a.example/b.pdf"), "file_url"),
    ],
)
def test_media_of_which_nothing_tells_what_they_are(part: Any, param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        sent(user(part))
    assert refused.value.param == f"input[0].content[0].{param}"


def test_buckets_are_read_on_vertex_alone() -> None:
    with pytest.raises(RefusedError):
        sent(user(file(file_url="gs://bucket/a.pdf")), provider=OWN)


def test_what_the_host_has_not() -> None:
    able = VERTEX.capabilities(FLASH_3)
    assert able.hosted_tools == ("web_search", "code_interpreter")
    assert not able.image_urls
    stores = Gemini(GeminiSettings.model_validate({"file_search_stores": {"vs": "s"}}))
    assert stores.capabilities(FLASH_3).hosted_tools == ("web_search", "code_interpreter", "file_search")
    assert stores.capabilities(FLASH_3).image_urls


def test_the_counter_takes_the_members_as_they_are() -> None:
    wanted: Prepared = prepared(
        user("A"), tools=[WEATHER], provider=VERTEX, instructions="Be brief", temperature=0.5, service_tier="flex"
    )
    count = VERTEX.encode_count(wanted)
    assert count.path == f"{MODELS}/{FLASH_3}:countTokens"
    assert (count.headers, count.stream) == ({}, False)
    assert body_of(count).keys() == {"systemInstruction", "contents", "tools"}
    assert VERTEX.decode_count(b'{"totalTokens": 12, "totalBillableCharacters": 40}') == 12


# --- what comes back --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("traffic", "tier"),
    [("ON_DEMAND", "default"), ("ON_DEMAND_FLEX", "flex"), ("ON_DEMAND_PRIORITY", "priority"), (1, "default"),
     ("PROVISIONED_THROUGHPUT", None), (True, None), ([], None)],
)  # fmt: skip
def test_the_traffic_type_is_the_tier(traffic: Any, tier: str | None) -> None:
    answer = chunk({"text": "A"}, usage={"trafficType": traffic, "promptTokenCount": 1}, finishReason="STOP")
    started = next(event for event in VERTEX.decode(orjson.dumps(answer), prepared()) if isinstance(event, Started))
    assert started.service_tier == tier


@pytest.mark.parametrize(
    ("status", "word", "message", "error_class"),
    [
        (400, "INVALID_ARGUMENT", "Please use a valid role: user, model.", "bad_request"),
        (400, "INVALID_ARGUMENT", "The input token count (9) exceeds the maximum number of tokens", "context_too_long"),
        (401, "UNAUTHENTICATED", "Request had invalid authentication credentials.", "bad_credential"),
        (403, "PERMISSION_DENIED", "Permission 'aiplatform.endpoints.predict' denied on resource", "forbidden"),
        (404, "NOT_FOUND", "Publisher Model `projects/house/locations/x` was not found", "model_unknown"),
        (429, "RESOURCE_EXHAUSTED", "Resource exhausted. Please try again later.", "rate_limit"),
        (503, "UNAVAILABLE", "The service is currently unavailable.", "vendor_failure"),
    ],
)
def test_errors_of_the_host(status: int, word: str, message: str, error_class: str) -> None:
    said = orjson.dumps({"error": {"code": status, "message": message, "status": word}})
    for body in (said, b"[" + said + b"]"):
        error = VERTEX.error(status, {}, body)
        assert error.error_class == error_class
        assert "house" not in error.message


# --- lists of models --------------------------------------------------------------------------------------------------


class NoHttp:
    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> Any:
        raise AssertionError(url)


class Pages:
    def __init__(self, *answers: HttpAnswer) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, Any]] = []

    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> HttpAnswer:
        self.requests.append((url, dict(headers)))
        return self.answers.pop(0)


def page(value: Any, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, value if isinstance(value, bytes) else orjson.dumps(value))


async def test_models_of_the_publisher() -> None:
    http = Pages(
        page({"publisherModels": [{"name": "publishers/google/models/gemini-4-argon"}], "nextPageToken": "t"}),
        page({"publisherModels": [{"name": "publishers/google/models/gemini-3.8-flash"}, 7, {"name": 7}]}),
    )
    assert await EXPRESS.list_models(http) == ["gemini-4-argon", "gemini-3.8-flash"]
    first = "https://aiplatform.googleapis.com/v1beta1/publishers/google/models?pageSize=1000"
    assert http.requests == [
        (first, {"x-goog-api-key": "a-key"}),
        (f"{first}&pageToken=t", {"x-goog-api-key": "a-key"}),
    ]
    assert await EXPRESS.list_models(Pages(page({}, 404))) == []


@pytest.mark.parametrize("answer", [page({}, 403), page(b"<html>")])
async def test_lists_that_fail(answer: HttpAnswer) -> None:
    with pytest.raises(ProviderError):
        await EXPRESS.list_models(Pages(answer))
