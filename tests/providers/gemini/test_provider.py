"""The provider as the core meets it: addresses, credentials, answers, the list of models."""

from typing import Any

import orjson
import pytest
from pydantic import ValidationError

from providers.gemini import Gemini, GeminiSettings
from proxy.provider.contract import Frame, HttpAnswer
from proxy.provider.errors import ProviderError
from proxy.responses.events import Failed, Finished, Text
from tests.providers.gemini.requests import FLASH_25, WEATHER, prepared

KEYED = Gemini(GeminiSettings.model_validate({"api_key": "a-key"}))


@pytest.mark.parametrize(
    ("configured", "base"),
    [
        ("https://generativelanguage.googleapis.com", "https://generativelanguage.googleapis.com/v1beta"),
        ("https://generativelanguage.googleapis.com/", "https://generativelanguage.googleapis.com/v1beta"),
        ("https://generativelanguage.googleapis.com/v1beta/", "https://generativelanguage.googleapis.com/v1beta"),
        ("https://generativelanguage.googleapis.com/v1", "https://generativelanguage.googleapis.com/v1"),
        ("https://host/v1alpha", "https://host/v1alpha"),
        ("https://host/v1beta1", "https://host/v1beta1"),
        ("http://host:8080/gemini", "http://host:8080/gemini/v1beta"),
        ("http://host/gemini/v1beta", "http://host/gemini/v1beta"),
        ("http://host/myv1", "http://host/myv1/v1beta"),
    ],
)
def test_one_rule_for_addresses(configured: Any, base: Any) -> None:
    assert Gemini(GeminiSettings(base_url=configured)).base_url == base


@pytest.mark.parametrize(
    "settings",
    [
        {"base_url": "generativelanguage.googleapis.com"},
        {"base_url": "https://host/v1beta?key=secret"},
        {"base_url": "https://host/v1beta/openai/"},
        {"key": "a"},
        {"max_request_bytes": 0},
        {"mid_system": "drop"},
        {"safety_settings": [{"category": "A"}]},
    ],
)
def test_wrong_settings_are_errors(settings: Any) -> None:
    with pytest.raises(ValidationError):
        GeminiSettings.model_validate(settings)


ANSWER: Any = {"type": "object", "properties": {"x": {"type": "integer"}}}
MAP: Any = {"type": "object", "additionalProperties": ANSWER}
OWN: Any = {"type": "object", "properties": {"parameters": ANSWER}}


@pytest.mark.parametrize(
    ("schema", "arguments", "answer"),
    [
        (ANSWER, {"x": 1}, {"x": 1}),
        (ANSWER, {"parameters": {"x": 1}}, {"x": 1}),
        (ANSWER, {"final_answer": {"x": 1}}, {"x": 1}),
        (ANSWER, {"parameters": {"x": 1}, "x": 2}, {"parameters": {"x": 1}, "x": 2}),
        (ANSWER, {"parameters": "x"}, {"parameters": "x"}),
        (ANSWER, {}, {}),
        (OWN, {"parameters": {"x": 1}}, {"parameters": {"x": 1}}),
        (MAP, {"parameters": {"x": 1}}, {"parameters": {"x": 1}}),
    ],
)
def test_an_answer_that_the_model_wrapped_is_unwrapped(schema: Any, arguments: Any, answer: Any) -> None:
    format_ = {"type": "json_schema", "name": "n", "schema": schema}
    request = prepared(model=FLASH_25, tools=[WEATHER], text={"format": format_})
    part = {"functionCall": {"name": "final_answer", "args": arguments}}
    body = orjson.dumps({"candidates": [{"content": {"parts": [part]}, "finishReason": "STOP"}]})
    (text,) = [event for event in KEYED.decode(body, request) if isinstance(event, Text)]
    assert orjson.loads(text.delta) == answer


async def test_the_key_is_a_header_and_the_account_its_fingerprint() -> None:
    call = KEYED.encode(prepared())
    assert await KEYED.authorize(call, Pages()) == {"x-goog-api-key": "a-key"}
    assert "a-key" not in f"{KEYED.settings!r}{call}"
    origin = KEYED.origin("gemini-3.8-flash")
    assert (origin.provider, origin.endpoint) == ("gemini", "https://generativelanguage.googleapis.com/v1beta")
    assert origin != Gemini(GeminiSettings.model_validate({"api_key": "other"})).origin("gemini-3.8-flash")


async def test_hosts_without_keys() -> None:
    provider = Gemini(GeminiSettings())
    assert await provider.authorize(provider.encode(prepared()), Pages()) == {}
    assert provider.origin("gemini-3.8-flash").account == ""


def test_the_class_says_what_the_core_asks_for() -> None:
    assert (Gemini.type, Gemini.Settings, Gemini.environment_key) == ("gemini", GeminiSettings, "GEMINI_API_KEY")


ANSWER = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
}


def test_answers_are_decoded_streamed_and_whole() -> None:
    body = orjson.dumps(ANSWER)
    decoder = KEYED.decoder(prepared(stream=True))
    streamed = [*decoder.feed(Frame("", body)), *decoder.end()]
    whole = KEYED.decode(body, prepared())
    for events in (streamed, whole):
        assert [event.delta for event in events if isinstance(event, Text)] == ["Hello"]
        assert isinstance(events[-1], Finished)


def test_errors_inside_answers_are_free_of_the_key() -> None:
    error = {"error": {"code": 503, "message": "a-key: the model is overloaded", "status": "UNAVAILABLE"}}
    last = KEYED.decode(orjson.dumps(error), prepared())[-1]
    assert isinstance(last, Failed)
    assert isinstance(last.error, ProviderError)
    assert last.error.error_class == "overloaded"
    assert "a-key" not in last.error.message
    assert "a-key" not in KEYED.error(503, {}, orjson.dumps(error)).message


# --- the list of models -----------------------------------------------------------------------------------------------


class Pages:
    """Answers in order; remembers what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[Any] = []

    async def request(self, method: Any, url: Any, *, headers: Any = None, body: Any = None) -> Any:
        self.requests.append((method, url, dict(headers or {})))
        return self.answers.pop(0)


def page(*names: str, methods: Any = ("generateContent", "countTokens"), **more: Any) -> HttpAnswer:
    models = [{"name": f"models/{name}", "supportedGenerationMethods": list(methods)} for name in names]
    return HttpAnswer(200, {}, orjson.dumps({"models": models, **more}))


async def test_all_pages_of_models_are_read() -> None:
    http = Pages(page("a", "b", nextPageToken="x/y"), page("b", "c"))
    assert await KEYED.list_models(http) == ["a", "b", "c"]
    base = "https://generativelanguage.googleapis.com/v1beta/models?pageSize=1000"
    headers = {"x-goog-api-key": "a-key"}
    assert http.requests == [("GET", base, headers), ("GET", f"{base}&pageToken=x%2Fy", headers)]


async def test_models_that_do_not_generate_content_are_left_out() -> None:
    assert await KEYED.list_models(Pages(page("embedding", methods=["embedContent"]))) == []


@pytest.mark.parametrize("body", [b"[]", b"{}", b'{"models":[1,{"name":1},{"name":"models/a"}]}', b'{"models":{}}'])
async def test_lists_of_other_shapes_are_empty(body: Any) -> None:
    assert await KEYED.list_models(Pages(HttpAnswer(200, {}, body))) == []


@pytest.mark.parametrize(
    ("answer", "error_class"),
    [(HttpAnswer(401, {}, b"{}"), "bad_credential"), (HttpAnswer(200, {}, b"<html>"), "vendor_failure")],
)
async def test_lists_that_fail(answer: Any, error_class: Any) -> None:
    with pytest.raises(ProviderError) as caught:
        await KEYED.list_models(Pages(answer))
    assert caught.value.error_class == error_class


async def test_endless_lists_end() -> None:
    http = Pages(*[page(f"m{index}", nextPageToken="again") for index in range(30)])
    assert len(await KEYED.list_models(http)) == 20
