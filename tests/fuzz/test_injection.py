"""What a vendor or a client writes stays inside the JSON, the header and the path that it was written into."""

from contextlib import suppress
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.contract import Call, Provider
from proxy.responses import sse
from proxy.responses.assembler import Assembler
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Text, Verbatim
from proxy.testing import Exchange
from proxy.testing.grammar.sse import parse
from proxy.testing.replay import play, translate
from proxy.upstream.client import _head, written_headers, written_url
from proxy.upstream.connection import origin_of
from tests.fuzz.scale import tries
from tests.fuzz.sources import NAMES, sources
from tests.providers.responses.exchanges import provider, stream

ESCAPES = st.text("\r\n\x00\x85\u2028:{}a /", max_size=12)


@tries(150)
@given(name=ESCAPES, words=ESCAPES)
def test_the_name_of_a_vendors_event_ends_no_line(name: str, words: str) -> None:
    told: dict[str, Any] = {"type": f"response.{name}", "text": words}
    added = {"type": "response.output_text.delta", "delta": f"A{words}"}
    body = stream(added, told, {"type": "response.completed", "response": {"status": "completed", "output": []}})
    played = play(provider("openai"), Exchange("name", "m", body, stream=True))
    for each in parse(played.body):
        assert each.violations == ()
        assert each.is_done or each.event == orjson.loads(each.data or b"")["type"]


@tries(50)
@given(name=ESCAPES)
def test_no_provider_gives_an_event_a_name_that_ends_its_line(name: str) -> None:
    assembler = Assembler({"id": "resp_1"})
    assembler.begin()
    with suppress(ResponsesError):
        assembler.feed([Text("t", "A"), Verbatim(None, name, {})])
    for each in parse(sse.frame(assembler.take())):
        assert each.violations == ()


def test_an_event_that_nobody_knows_brings_no_error_with_it() -> None:
    told = {"type": "response.new_thing", "error": "x"}
    added = {"type": "response.output_text.delta", "delta": "A"}
    body = stream(added, told, {"type": "response.completed", "response": {"status": "completed", "output": []}})
    played = play(provider("openai"), Exchange("error", "m", body, stream=True))
    assert b"new_thing" not in played.body
    assert b"event: response.completed" in played.body


def test_the_names_of_events_are_not_kept_for_ever() -> None:
    for number in range(3000):
        sse.frame([(f"response.event_{number}", b"{}")])
    assert len(sse._HEADS) <= sse._MAX_HEADS


REMOTE = [name for name in NAMES if name != "scripted"]
"""The providers that send something."""

HOSTILE_TEXTS = st.sampled_from(
    [
        *("../../admin", "..", ".", "a/../b", "a//b", "/a", "a?b=c", "a#b", "a%2e%2e%2fb", "a%0d%0ax: y", "a b"),
        *("a\r\nx-evil: 1", "a\nb", "a\x00b", 'a"b', "a\\b", "é🙂", "\u2028", "@evil.test", "//evil.test/a", "a:b"),
        *("http://evil.test/", "a\tb", ":80", "a;b", "a&key=b", "{a}", "a" * 300, "models/a", "projects/p/../x"),
        "arn:aws:x/../y",
    ]
) | st.text("a./?#%:@\\\r\n\x00é\u2028 &;", min_size=1, max_size=12)


@pytest.mark.parametrize("name", REMOTE)
@tries(60)
@given(model=HOSTILE_TEXTS, stream=st.booleans())
def test_a_models_name_stays_one_piece_of_the_path(name: str, model: str, stream: bool) -> None:
    provider, _ = sources(name)[0]
    call = sent(provider, model, {}, stream=stream)
    if call is None:
        return
    harmless = translate(provider, "a-model", {}, stream=stream).call
    url, usual = urlsplit(written_url(provider.base_url, call)), urlsplit(written_url(provider.base_url, harmless))
    assert (url.scheme, url.netloc, url.fragment) == (usual.scheme, usual.netloc, "")
    assert url.query == usual.query
    assert not {".", ".."} & {unquote(piece) for piece in url.path.split("/")}
    if call.path == harmless.path:
        return
    # A project's own models have names of several pieces.
    assert url.path.count("/") == usual.path.count("/") or "//" not in url.path.removeprefix("/")
    head = one_request(provider.base_url, call)
    assert head.startswith(f"{call.method} {url.path}".encode())


@pytest.mark.parametrize("name", REMOTE)
@tries(60)
@given(data=st.data())
def test_what_a_client_writes_stays_in_the_body(name: str, data: Any) -> None:
    provider, exchange = sources(name)[0]
    texts = [data.draw(HOSTILE_TEXTS) for _ in range(6)]
    request = {
        "input": [
            {"role": "user", "content": texts[0]},
            {"type": "function_call", "call_id": texts[1][:64], "name": "f", "arguments": "{}", "id": texts[2]},
            {"type": "function_call_output", "call_id": texts[1][:64], "output": texts[3]},
        ],
        "tools": [{"type": "function", "name": "f", "description": texts[4], "parameters": {"type": "object"}}],
        "instructions": texts[5],
        "user": texts[2],
        "prompt_cache_key": texts[3][:64],
        "safety_identifier": texts[4][:64],
        "metadata": {"a": texts[5]},
    }
    call = sent(provider, exchange.model, request, stream=True)
    if call is None:
        return
    harmless = translate(provider, exchange.model, {}, stream=True).call
    assert call.path == harmless.path
    one_request(provider.base_url, call)
    orjson.loads(call.body)


def sent(provider: Provider, model: str, request: dict[str, Any], *, stream: bool) -> Call | None:
    """The call for a request; None for one that is refused, which is the client's mistake."""
    refusal = None
    try:
        return translate(provider, model, request, stream=stream).call
    except ResponsesError as error:
        refusal = error
    assert refusal.status == 400
    return None


def one_request(base_url: str, call: Call) -> bytes:
    """The head of the call, which is one: no field is split, none is added."""
    head = _head(origin_of(base_url), call, {})
    lines = head.split(b"\r\n")
    assert lines[-2:] == [b"", b""]
    assert b"\n" not in head.replace(b"\r\n", b"")
    assert b"\r" not in head.replace(b"\r\n", b"")
    assert len(lines) - 3 == len(written_headers(base_url, call, {}))
    assert lines[0].count(b" ") == 2
    return head


@tries(100)
@given(value=st.text("a\r\n\x00é\u2028: ", max_size=12), name=st.text("a-\r\n: \x00é", min_size=1, max_size=6))
def test_no_header_is_split(value: str, name: str) -> None:
    call = Call("/v1/x", b"{}", {name: value})
    try:
        head = _head(origin_of("http://vendor.test"), call, {})
    except ValueError:
        return
    assert head.count(b"\r\n") == len(written_headers("http://vendor.test", call, {})) + 2
    assert head.count(b"\n") == head.count(b"\r") == head.count(b"\r\n")
