"""A stream that is taken up again: byte for byte what it would have been."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import orjson
import pytest

from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import CUT, Called, Turn
from tests.vendors.server import Vendor

CHAT = MODELS["openai_chat"]

TOOLS = [{"type": "function", "name": "wave", "parameters": {"type": "object", "properties": {}}}]


def frames(body: bytes) -> list[bytes]:
    """The events of a stream, each with its frame; comments are left out."""
    return [frame + b"\n\n" for frame in body.split(b"\n\n") if frame and not frame.startswith(b":")]


def response_id_of(body: bytes) -> str:
    response_id: str = orjson.loads(body.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    return response_id


async def resumed(gateway: Gateway, response_id: str, after: int | None) -> list[bytes]:
    cursor = "" if after is None else f"&starting_after={after}"
    answer = await gateway.request("GET", f"/v1/responses/{response_id}?stream=true{cursor}")
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    return frames(answer.body)


def turns() -> Iterator[Turn]:
    yield Turn("Good ", "day", ", Zoë ", "\N{GRINNING FACE}", ".")
    yield Turn("Let me ", "see.", calls=(Called("wave", ('{"a"', ": 1}")), Called("wave", ("{}",), id="call_2")))
    yield Turn("So.", thinking="Long thoughts", signature="c2lnbmVk")
    yield Turn("Half a", " word", stop="length")
    yield Turn("Broken", " off", CUT)


@pytest.mark.parametrize("number", range(5))
@pytest.mark.parametrize("background", [False, True])
async def test_a_stored_stream_can_be_taken_up_behind_every_event(
    gateway: Gateway, vendor: Vendor, model: str, number: int, background: bool
) -> None:
    vendor.play(list(turns())[number])
    answer = await gateway.create(model=model, input="Hi", stream=True, background=background, tools=TOOLS)
    whole = frames(answer.body)
    assert len(whole) > 6
    response_id = response_id_of(answer.body)
    assert await resumed(gateway, response_id, None) == whole
    for after in range(len(whole) - 1):
        assert await resumed(gateway, response_id, after) == whole[after + 1 :]
    assert await resumed(gateway, response_id, 100_000) == whole[-1:]


async def test_only_what_was_streamed_is_a_stream(gateway: Gateway) -> None:
    response = (await gateway.create(model=CHAT, input="Hi")).response
    answer = await gateway.request("GET", f"/v1/responses/{response['id']}?stream=true")
    assert answer.status == 400
    queued = (await gateway.create(model=CHAT, input="Hi", background=True)).json
    answer = await gateway.request("GET", f"/v1/responses/{queued['id']}?stream=true")
    assert answer.status == 400
    for query in ("stream=true&starting_after=x", "starting_after=1", "stream=true&starting_after=-1", "stream=maybe"):
        assert (await gateway.request("GET", f"/v1/responses/{response['id']}?{query}")).status == 400


@pytest.fixture(params=["fresh_redis_url", "fresh_postgres_url"])
def shared(request: pytest.FixtureRequest) -> str:
    """A store that replicas share."""
    return cast(str, request.getfixturevalue(request.param))


@pytest.mark.parametrize("replicas", [1, 2])
async def test_a_running_stream_can_be_taken_up_behind_every_event(
    shared: str, gateways: Gateways, vendor: Vendor, replicas: int
) -> None:
    first = await gateways.start(store=shared)
    await assert_taken_up(first, first if replicas == 1 else await gateways.start(store=shared), vendor)


@pytest.mark.parametrize("store", ["memory://", "sqlite:///{}/state.db"])
async def test_a_running_stream_can_be_taken_up_from_the_stores_of_one_process(
    gateways: Gateways, vendor: Vendor, store: str, tmp_path: Path
) -> None:
    gateway = await gateways.start(store=store.format(tmp_path))
    await assert_taken_up(gateway, gateway, vendor)


async def assert_taken_up(first: Gateway, other: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", "day", going, ", ", "dear."))
    wire = await first.open(model=CHAT, input="Hi", stream=True, background=True)
    begun = await wire.until(b'"delta":"day"')
    response_id = response_id_of(begun)
    seen = len(frames(begun))
    followers = [asyncio.create_task(resumed(other, response_id, after)) for after in range(seen)]
    whole_follower = asyncio.create_task(resumed(other, response_id, None))
    await asyncio.sleep(0)
    going.set()
    whole = await whole_follower
    for after, follower in enumerate(followers):
        assert await follower == whole[after + 1 :]
    rest = await wire.until(b"[DONE]")
    head = begun + rest
    assert whole == [frame for frame in frames(_unchunked(head)) if frame.startswith((b"event:", b"data: [DONE]"))]
    assert await resumed(first, response_id, None) == whole


def _unchunked(raw: bytes) -> bytes:
    """The body of a chunked answer, as far as it came."""
    raw = raw.partition(b"\r\n\r\n")[2]
    body = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        if not size:
            break
        length = int(size, 16)
        body += raw[:length]
        raw = raw[length + 2 :]
    return body + b"\n\n"


async def test_a_follower_on_another_replica_can_cancel(shared: str, gateways: Gateways, vendor: Vendor) -> None:
    first = await gateways.start(store=shared)
    other = await gateways.start(store=shared)
    vendor.play(Turn("Good ", asyncio.Event()))
    wire = await first.open(model=CHAT, input="Hi", stream=True, background=True)
    begun = await wire.until(b"output_text.delta")
    response_id = response_id_of(begun)
    following = asyncio.create_task(resumed(other, response_id, None))
    answer = await other.request("POST", f"/v1/responses/{response_id}/cancel")
    assert answer.json["status"] == "cancelled"
    events = await following
    assert events[-2].startswith(b"event: response.failed")
    assert orjson.loads(events[-2].partition(b"data: ")[2])["response"] == answer.json
