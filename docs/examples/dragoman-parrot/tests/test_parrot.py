"""What is Parrot's own: its settings, its credential, its counter, its models."""

import asyncio
from collections.abc import Mapping

import pytest
from proxy.provider.contract import Call, HttpAnswer
from proxy.provider.errors import ProviderError
from proxy.provider.secret import Secret
from proxy.testing.replay import translate
from pydantic import ValidationError

from dragoman_parrot import Parrot, ParrotSettings

KEY = "sk-of-parrot-0123456789"
PARROT = Parrot(ParrotSettings(base_url="http://127.0.0.1:1/v2/", api_key=Secret(KEY)), "parrot")


class Server:
    """Gives one answer, and keeps what it was asked."""

    def __init__(self, status: int, body: bytes) -> None:
        self.answer = HttpAnswer(status, {}, body)
        self.asked: list[tuple[str, str, Mapping[str, str]]] = []

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        self.asked.append((method, url, headers or {}))
        return self.answer


def test_the_address_is_one_without_a_version() -> None:
    assert PARROT.base_url == "http://127.0.0.1:1"
    with pytest.raises(ValidationError, match="http"):
        ParrotSettings(base_url="parrot.example")


def test_the_key_stands_in_its_header() -> None:
    headers = asyncio.run(PARROT.authorize(Call("/v2/speak", b""), Server(200, b"")))
    assert headers == {"x-parrot-key": KEY}
    assert PARROT.credential_headers() == ("x-parrot-key",)


def test_what_is_counted_is_what_is_sent() -> None:
    translated = translate(PARROT, "macaw-2", {"input": "Hello", "instructions": "Be kind"}, stream=False)
    call = PARROT.encode_count(translated.prepared)
    assert call.path == "/v2/count"
    assert call.body == b'{"model":"macaw-2","manners":"Be kind","turns":[{"speaker":"human","said":["Hello"]}]}'
    assert PARROT.decode_count(b'{"heard": 7}') == 7


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"heard": "many"}'])
def test_a_count_that_is_none_is_refused(body: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - of the JSON reader, too
        PARROT.decode_count(body)


def test_models_are_listed() -> None:
    server = Server(200, b'{"parrots": [{"name": "macaw-2"}, {"name": "budgie-1"}]}')
    assert asyncio.run(PARROT.list_models(server)) == ["macaw-2", "budgie-1"]
    assert server.asked == [("GET", "http://127.0.0.1:1/v2/parrots", {"x-parrot-key": KEY})]


@pytest.mark.parametrize(("status", "body"), [(401, b"{}"), (200, b"<html>"), (200, b'{"parrots": 7}')])
def test_models_that_cannot_be_listed_are_an_error(status: int, body: bytes) -> None:
    with pytest.raises(ProviderError):
        asyncio.run(PARROT.list_models(Server(status, body)))


def test_only_large_parrots_are_told_what_to_call() -> None:
    tools = [{"type": "function", "name": "get_weather"}]
    request = {"input": "Hello", "tools": tools, "tool_choice": {"type": "function", "name": "get_weather"}}
    call = translate(PARROT, "macaw-2", request, stream=False).call
    assert b'"choose":{"tool":"get_weather"}' in call.body
    translated = translate(PARROT, "budgie-1", request, stream=False)
    assert b'"choose":"auto"' in translated.call.body
    assert [conversion.path for conversion in translated.prepared.conversions] == ["tool_choice"]
