"""The provider as a whole: addresses, credentials, models, the counter."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from providers.cohere import Cohere, CohereSettings
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from tests.providers.cohere.material import (
    CLOCK,
    COHERE,
    MODEL,
    WEATHER,
    answered,
    called,
    cohere,
    prepared,
    said,
    thought,
)


class Http:
    """Gives the answers in their order, and keeps what it was asked."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        self.asked.append((method, url, headers or {}))
        status, value = self.answers.pop(0)
        return HttpAnswer(status, {}, value if isinstance(value, bytes) else orjson.dumps(value))


def test_it_is_named() -> None:
    assert (Cohere.type, Cohere.environment_key, COHERE.price_catalogue) == ("cohere", "CO_API_KEY", "cohere")


@pytest.mark.parametrize("address", ["https://c.test", "https://c.test/", "https://c.test/v2", "https://c.test/v2/"])
def test_the_version_of_an_address_is_left_out(address: str) -> None:
    assert cohere(base_url=address).base_url == "https://c.test"


async def test_the_key_is_sent_where_there_is_one() -> None:
    call = Call("/v2/chat", b"")
    assert await COHERE.authorize(call, Http()) == {"authorization": "Bearer sk-c"}
    assert COHERE.credential_headers() == ("authorization",)
    open_one = Cohere(CohereSettings())
    assert await open_one.authorize(call, Http()) == {}
    assert open_one.credential_headers() == ()


def test_thinking_belongs_to_an_account() -> None:
    assert COHERE.origin(MODEL) != cohere(api_key="sk-d").origin(MODEL)
    assert COHERE.origin(MODEL) == cohere().origin(MODEL)


@pytest.mark.parametrize(
    "settings",
    [{"base_ulr": "x"}, {"safety_mode": "NONE"}, {"citations": "fast"}, {"client_name": "a\nb"}, {"flex_priority": -1}],
    ids=str,
)
def test_settings_are_checked(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(settings))):
        CohereSettings.model_validate(settings)


async def test_models_are_listed_page_by_page() -> None:
    pages = (
        {"models": [{"name": "a"}, {"name": ""}, 7], "next_page_token": "t&1"},
        {"models": [{"name": "b"}], "next_page_token": ""},
    )
    http = Http(*((200, page) for page in pages))
    assert await COHERE.list_models(http) == ["a", "b"]
    first, second = http.asked
    assert first == (
        "GET",
        "https://api.cohere.com/v1/models?endpoint=chat&page_size=1000",
        {"authorization": "Bearer sk-c"},
    )
    assert second[1].endswith("&page_token=t%261")


@pytest.mark.parametrize(
    ("status", "body", "error_class"),
    [(401, {"message": "no"}, "bad_credential"), (200, b"<html>", "vendor_failure"), (200, {}, "vendor_failure")],
)
async def test_a_list_that_is_none(status: int, body: Any, error_class: str) -> None:
    with pytest.raises(ProviderError) as caught:
        await COHERE.list_models(Http((status, body)))
    assert caught.value.error_class == error_class


async def test_a_list_without_end_is_left() -> None:
    http = Http(*((200, {"models": [{"name": "a"}], "next_page_token": "t"}) for _ in range(20)))
    assert len(await COHERE.list_models(http)) == 20


# --- counting ---------------------------------------------------------------------------------------------------------


def test_the_counter_is_told_all_that_is_text() -> None:
    items = [said("user", "Hi"), thought("Hm."), thought("Look.", "tool_plan"), said("assistant", "So:"), called("c1")]
    items += [answered("c1", '{"a": "b"}'), said("user", "And?")]
    call = COHERE.encode_count(prepared({"instructions": "Short", "input": items, "tools": [WEATHER, CLOCK]}))
    assert call is not None
    assert (call.path, call.stream, call.method) == ("/v1/tokenize", False, "POST")
    body = orjson.loads(call.body)
    assert body.keys() == {"text", "model"}
    assert body["model"] == MODEL
    for word in ("Short", "Hi", "Hm.", "Look.", "So:", 'weather {"city":"Oslo"}', '{"a":"b"}', "And?", "clock"):
        assert word in body["text"]
    assert body["text"].count("--- turn of the") == 5


@pytest.mark.parametrize(
    "content",
    [
        "a" * 70_000,
        [{"type": "input_image", "image_url": "https://ex.org/a.png"}],
    ],
    ids=["long", "image"],
)
def test_what_the_counter_does_not_take(content: Any) -> None:
    assert COHERE.encode_count(prepared({"input": [said("user", content)]})) is None


def test_the_counters_answer() -> None:
    assert COHERE.decode_count(b'{"tokens": [1, 2, 3], "token_strings": ["a", "b", "c"]}') == 3
    for body in (b"", b"{}", b"[]", b'{"tokens": []}', b'{"tokens": 7}'):
        with pytest.raises(ValueError, match="no tokens"):
            COHERE.decode_count(body)
