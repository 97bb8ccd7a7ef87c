"""Bodies that are none: every one gets a clear error in OpenAI's envelope, and nothing reaches the vendor."""

import gzip
import io
import sys
import zlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.server import Vendor

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

GOOD = orjson.dumps({"model": "chat/gpt-4o", "input": "hi"})


@pytest.fixture(autouse=True)
async def _nothing_reached_the_vendor(request: pytest.FixtureRequest, vendor: Vendor) -> AsyncIterator[None]:
    yield
    if "accepted" not in request.node.name:
        assert vendor.requests == []


def with_input(text: bytes) -> bytes:
    return b'{"model": "chat/gpt-4o", "input": ' + text + b"}"


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", "empty"),
        (b"   ", "JSON"),
        (b"hello", "JSON"),
        (b"{", "JSON"),
        (b'{"model": "chat/gpt-4o", "input": "hi"', "JSON"),
        (b'{"model": "chat/gpt-4o", "input": "hi"} trailing', "JSON"),
        (b"{'model': 'x'}", "JSON"),
        (b"model=x&input=hi", "JSON"),
        (b"[]", "object"),
        (b'[{"model": "chat/gpt-4o"}]', "object"),
        (b'"text"', "object"),
        (b"null", "object"),
        (b"17", "object"),
        (b"true", "object"),
        (with_input(b"NaN"), "JSON"),
        (b'{"model": "chat/gpt-4o", "input": "hi", "temperature": NaN}', "JSON"),
        (b'{"model": "chat/gpt-4o", "input": "hi", "temperature": Infinity}', "JSON"),
        (b'{"model": "chat/gpt-4o", "input": "hi", "temperature": -Infinity}', "JSON"),
        (with_input(b"[" * 10_000 + b"]" * 10_000), ""),
        (with_input(b'{"a":' * 10_000 + b"1" + b"}" * 10_000), ""),
        (b'{"a":' * 10_000, ""),
        (with_input(b'"\\ud800"'), "JSON"),
        (with_input(b'"\xff\xfe"'), "JSON"),
        (with_input(b'"\xed\xa0\x80"'), "JSON"),
        (with_input(b'"a\x00b"'), "JSON"),
        (b"\x00" * 100, "JSON"),
        ('{"model": "chat/gpt-4o", "input": "hi"}'.encode("utf-16"), "JSON"),
        (b"\xef\xbb\xbf[]", "JSON"),
        (bytes(range(256)), "JSON"),
    ],
)
async def test_a_body_that_is_no_json_object(gateway: Gateway, body: bytes, says: str) -> None:
    answer = await gateway.request("POST", "/v1/responses", body=body, headers={"content-type": "application/json"})
    assert answer.status == 400
    error = answer.error
    assert error["type"] == "invalid_request_error"
    assert says in error["message"]


@pytest.mark.parametrize("levels", [260, 500, 900])
async def test_deep_nesting_where_anything_may_stand(gateway: Gateway, model: str, levels: int) -> None:
    deep = b'{"a":' * levels + b"{}" + b"}" * levels
    for stream in (b"true", b"false"):
        tool = b'{"type": "function", "name": "f", "parameters": %b}' % deep
        body = b'{"model": "%b", "input": "hi", "stream": %b, "tools": [%b]}' % (model.encode(), stream, tool)
        answer = await gateway.request("POST", "/v1/responses", body=body)
        assert answer.status == 400
        assert "deep" in answer.error["message"] or "depth" in answer.error["message"]


async def test_a_hundred_levels_are_accepted(gateway: Gateway, vendor: Vendor, model: str) -> None:
    deep: dict[str, Any] = {}
    for _ in range(50):
        deep = {"type": "object", "properties": {"a": deep}}
    answer = await gateway.create(
        model=model, input="hi", tools=[{"type": "function", "name": "f", "parameters": deep}]
    )
    assert answer.status == 200
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    "name", ["a\r\nx-injected: 1", "\u00e9", "\x00", "\x7f", "\U0001f600", "m" * 9000, "a b", "a/b/c", "..", "%0d%0a"]
)
async def test_odd_model_names_are_accepted_and_break_no_header(gateway: Gateway, vendor: Vendor, name: str) -> None:
    for prefix, stream in (("chat", False), ("claude", True)):
        answer = await gateway.create(model=f"{prefix}/{name}", input="hi", stream=stream)
        assert answer.status == 200
        assert vendor.last.json["model"] == name
        assert answer.headers["x-dragoman-model"].isprintable()
        assert "x-injected" not in answer.headers


@pytest.mark.parametrize("digits", ["1e999", "9" * 400, "-" + "9" * 400, "1" + "0" * 5000, "1e-99999"])
async def test_huge_numbers(gateway: Gateway, digits: str) -> None:
    for name in ("temperature", "max_output_tokens", "unknown", "input"):
        body = f'{{"model": "chat/gpt-4o", "input": "hi", "{name}": {digits}}}'.encode()
        if digits == "1e-99999" and name == "temperature":
            continue  # which is zero
        answer = await gateway.request("POST", "/v1/responses", body=body)
        assert answer.status == 400
        assert answer.error["type"] == "invalid_request_error"


async def test_duplicate_keys_are_accepted_with_the_last_value(gateway: Gateway, vendor: Vendor) -> None:
    body = b'{"model": "nobody", "model": "chat/gpt-4o", "input": "one", "input": "two"}'
    answer = await gateway.request("POST", "/v1/responses", body=body)
    assert answer.status == 200
    assert "two" in str(vendor.last.json)


@pytest.mark.parametrize("text", ["\x00", "a\u2028b\u2029", "\U0001f600" * 10, "\ufeff", "\x7f\x1b[31m", "\ufffe"])
async def test_odd_characters_are_accepted_in_texts(gateway: Gateway, vendor: Vendor, model: str, text: str) -> None:
    answer = await gateway.create(model=model, input=f"<{text}>", instructions=f"say {text}")
    assert answer.status == 200
    assert any(f"<{text}>" in str(leaf) for leaf in _leaves(vendor.last.json))


def _leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for member in value.values() for leaf in _leaves(member)]
    if isinstance(value, list):
        return [leaf for member in value for leaf in _leaves(member)]
    return [value]


async def test_a_body_above_the_limit(gateway: Gateway) -> None:
    body = io.BytesIO(with_input(b'"%b"' % (b"x" * 33 * 2**20)))
    answer = await gateway.request("POST", "/v1/responses", body=body)
    assert answer.status == 413
    assert answer.error["code"] == "request_too_large"


async def test_the_limit_can_be_configured(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"body": "1KiB"})
    answer = await gateway.request("POST", "/v1/responses", body=with_input(b'"%b"' % (b"x" * 2000)))
    assert answer.status == 413
    assert answer.error["code"] == "request_too_large"


COMPRESSED = {
    "gzip": gzip.compress(GOOD),
    "deflate": zlib.compress(GOOD),
    "zstd": zstd.compress(GOOD),
    "identity": GOOD,
    "GZIP": gzip.compress(GOOD),
}


@pytest.mark.parametrize("encoding", COMPRESSED)
async def test_compressed_bodies_are_accepted(gateway: Gateway, vendor: Vendor, encoding: str) -> None:
    headers = {"content-encoding": encoding, "content-type": "application/json"}
    answer = await gateway.request("POST", "/v1/responses", body=COMPRESSED[encoding], headers=headers)
    assert answer.status == 200, answer.body
    assert answer.text == "Hello there."
    assert "content-encoding" not in vendor.last.headers


async def test_raw_deflate_is_accepted(gateway: Gateway) -> None:
    compressor = zlib.compressobj(wbits=-15)
    body = compressor.compress(GOOD) + compressor.flush()
    answer = await gateway.request("POST", "/v1/responses", body=body, headers={"content-encoding": "deflate"})
    assert answer.status == 200, answer.body


@pytest.mark.parametrize(
    "encoding",
    ["br", "compress", "lzma", "gzip, gzip", "gzip,zstd", "identity, gzip", "x" * 2000, "gzip;q=1", "\u00e9t\u00e9"],
)
async def test_other_encodings_are_refused(gateway: Gateway, encoding: str) -> None:
    headers = {"content-encoding": encoding}
    answer = await gateway.request("POST", "/v1/responses", body=gzip.compress(gzip.compress(GOOD)), headers=headers)
    assert answer.status in (400, 415)
    message = answer.error["message"]
    assert "encoding" in message
    assert len(message) < 300


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
@pytest.mark.parametrize("damage", ["plain", "cut", "flipped", "trash-after"])
async def test_corrupt_compressed_bodies(gateway: Gateway, encoding: str, damage: str) -> None:
    whole = COMPRESSED[encoding]
    body = {
        "plain": GOOD,
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:12] + bytes(byte ^ 0xFF for byte in whole[12:]),
        "trash-after": whole[:-4] + b"\xff" * 40,
    }[damage]
    answer = await gateway.request("POST", "/v1/responses", body=body, headers={"content-encoding": encoding})
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd"])
async def test_compression_bombs(gateway: Gateway, encoding: str) -> None:
    plain = b" " * (64 * 2**20)
    body = {
        "gzip": lambda: gzip.compress(plain, 1),
        "deflate": lambda: zlib.compress(plain, 1),
        "zstd": lambda: zstd.compress(plain),
    }[encoding]()
    answer = await gateway.request("POST", "/v1/responses", body=body, headers={"content-encoding": encoding})
    assert answer.status == 413
    assert answer.error["code"] == "request_too_large"


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "nonsense", "a/b; charset=latin-1"]
)
async def test_the_content_type_does_not_matter_and_the_body_is_accepted(
    gateway: Gateway, content_type: str | None
) -> None:
    headers = {} if content_type is None else {"content-type": content_type}
    assert (await gateway.request("POST", "/v1/responses", body=GOOD, headers=headers)).status == 200


@pytest.mark.parametrize(
    ("change", "status", "param", "code"),
    [
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id", "previous_response_not_found"),
        ({"conversation": "conv_1"}, 404, None, None),
        ({"prompt": {"id": "pmpt_1"}}, 404, None, None),
        ({"conversation": {"id": "conv_1", "items": []}}, 400, "conversation", "invalid_value"),
        ({"conversation": {"items": [{"role": "user"}]}}, 400, "conversation.items[0].content", None),
        ({"model": None}, 400, "model", "invalid_type"),
        ({"model": "nobody-knows"}, 400, "model", "model_not_found"),
        ({"model": "nobody/knows"}, 400, "model", "model_not_found"),
        ({"model": ""}, 400, "model", None),
        ({"model": 7}, 400, "model", "invalid_type"),
        ({"temperature": "hot"}, 400, "temperature", "invalid_type"),
        ({"temperatur": 1}, 400, "temperatur", "unknown_parameter"),
        ({"stream": "yes"}, 400, "stream", "invalid_type"),
        ({"input": []}, 400, None, None),
        ({"input": [{"type": "nonsense"}]}, 400, "input[0]", None),
        ({"input": [{"role": "user", "content": [{"type": "x"}]}]}, 400, "input[0].content[0]", None),
    ],
)
async def test_requests_that_cannot_be_served(
    gateway: Gateway, change: dict[str, Any], status: int, param: str | None, code: str | None
) -> None:
    for stream in (False, True):
        body: dict[str, Any] = {"model": "chat/gpt-4o", "input": "hi", "stream": stream, **change}
        answer = await gateway.create(**body)
        assert answer.status == status
        error = answer.error
        assert error["type"] == "invalid_request_error"
        if param is not None:
            assert str(error["param"]).startswith(param)
        if code is not None:
            assert error["code"] == code
