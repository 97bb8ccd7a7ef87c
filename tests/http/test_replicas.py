"""Several gateways on one store: what one began, any other goes on with; what one left, the next start takes up."""

import asyncio
from pathlib import Path
from typing import Any, cast

import orjson
import pytest

from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import Turn
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]
CLAUDE = MODELS["anthropic"]


@pytest.fixture(params=["fresh_redis_url", "fresh_postgres_url"])
def shared(request: pytest.FixtureRequest) -> str:
    """A store that replicas share."""
    return cast(str, request.getfixturevalue(request.param))


@pytest.fixture(params=["sqlite", "fresh_redis_url", "fresh_postgres_url"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that outlives a process."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return cast(str, request.getfixturevalue(request.param))


@pytest.fixture
async def replicas(shared: str, gateways: Gateways) -> tuple[Gateway, Gateway]:
    """Two gateways on that store."""
    return await gateways.start(store=shared), await gateways.start(store=shared)


async def listed(gateway: Gateway, path: str) -> list[str]:
    answer = await gateway.request("GET", f"{path}?order=asc&limit=100")
    assert answer.status == 200, answer.body
    return [item["content"][0]["text"] for item in answer.json["data"]]


async def ended(gateway: Gateway, response_id: str) -> dict[str, Any]:
    async def look() -> dict[str, Any]:
        answer = await gateway.request("GET", f"/v1/responses/{response_id}")
        response: dict[str, Any] = answer.json
        return response

    return await eventually(look, lambda response: response["status"] not in ("queued", "in_progress"))


async def test_a_chain_goes_from_one_to_the_other(replicas: tuple[Gateway, Gateway], vendor: Vendor) -> None:
    previous: str | None = None
    expected: list[str] = []
    for number in range(6):
        here, there = replicas[number % 2], replicas[1 - number % 2]
        vendor.play(Turn(f"Answer {number}"))
        body = {"previous_response_id": previous} if previous else {}
        made = (await here.create(model=CHAT, input=f"Question {number}", stream=number % 3 == 0, **body)).response
        previous = made["id"]
        expected += [f"Question {number}", f"Answer {number}"]
        assert (await there.request("GET", f"/v1/responses/{previous}")).json == made
        assert await listed(there, f"/v1/responses/{previous}/input_items") == expected[:-1]
    assert [message["content"] for message in vendor.last.json["messages"]] == expected[:-1]
    assert (await replicas[0].request("DELETE", f"/v1/responses/{previous}")).status == 200
    assert (await replicas[1].request("GET", f"/v1/responses/{previous}")).status == 404
    refused = await replicas[1].create(model=CHAT, input="And?", previous_response_id=previous)
    assert refused.error["code"] == "previous_response_not_found"


async def test_a_conversation_belongs_to_all_of_them(replicas: tuple[Gateway, Gateway]) -> None:
    first, other = replicas
    conversation = (await first.request("POST", "/v1/conversations", body=b"{}")).json["id"]
    answers = await asyncio.gather(
        *(
            replicas[number % 2].create(model=CHAT, input=f"Question {number}", conversation=conversation)
            for number in range(20)
        )
    )
    assert {answer.status for answer in answers} == {200}
    texts = await listed(other, f"/v1/conversations/{conversation}/items")
    assert sorted(texts[::2]) == sorted(f"Question {number}" for number in range(20))
    assert set(texts[1::2]) == {"Hello there."}
    assert texts == await listed(first, f"/v1/conversations/{conversation}/items")


async def test_what_one_sealed_the_other_opens(replicas: tuple[Gateway, Gateway], vendor: Vendor) -> None:
    vendor.play(Turn("So.", thinking="Long thoughts", signature="c2lnbmVk"))
    made = (await replicas[0].create(model=CLAUDE, input="Think", reasoning={"effort": "low"})).response
    body: Any = {"model": CLAUDE, "reasoning": {"effort": "low"}, "store": False}
    history = [{"role": "user", "content": "Think"}, *made["output"], {"role": "user", "content": "And?"}]
    assert (await replicas[1].create(**body, input=history)).status == 200
    assert b"c2lnbmVk" in vendor.last.body
    assert (await replicas[1].create(**body, input="And?", previous_response_id=made["id"])).status == 200
    assert b"c2lnbmVk" in vendor.last.body
    vendor.play(Turn("SUMMARY: tea."))
    compacted = await replicas[0].create(path="/v1/responses/compact", model=CLAUDE, previous_response_id=made["id"])
    answer = await replicas[1].create(**body, input=[*compacted.json["output"], {"role": "user", "content": "And?"}])
    assert answer.status == 200
    assert b"SUMMARY: tea." in vendor.last.body


async def test_a_background_response_is_everywhere(replicas: tuple[Gateway, Gateway], vendor: Vendor) -> None:
    first, other = replicas
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."), Turn("Never ", asyncio.Event()))
    queued = (await first.create(model=CHAT, input="One", background=True)).json
    early = await other.create(model=CHAT, input="Two", previous_response_id=queued["id"])
    assert early.error["code"] == "previous_response_in_progress"
    assert (await other.request("DELETE", f"/v1/responses/{queued['id']}")).status == 400
    await vendor.arrival()
    going.set()
    assert (await ended(other, queued["id"]))["output"][0]["content"][0]["text"] == "Good day."
    hanging = (await first.create(model=CHAT, input="One", background=True)).json
    request = await vendor.arrival()
    answer = await other.request("POST", f"/v1/responses/{hanging['id']}/cancel")
    assert answer.json["status"] == "cancelled"
    await asyncio.wait_for(request.closed.wait(), 10)
    assert (await first.request("GET", f"/v1/responses/{hanging['id']}")).json == answer.json


async def test_the_next_start_has_all_of_it(durable: str, gateways: Gateways, vendor: Vendor) -> None:
    before = await gateways.start(store=durable)
    streamed = await before.create(model=CHAT, input="One", stream=True)
    made = streamed.response
    conversation = (await before.create(model=CHAT, input="Two", conversation={})).response["conversation"]["id"]
    vendor.play(Turn(asyncio.Event()), Turn("Begun ", asyncio.Event()))
    unseen = (await before.create(model=CHAT, input="Three", background=True)).json["id"]
    await vendor.arrival()
    wire = await before.open(model=CHAT, input="Four", background=True, stream=True)
    begun = await wire.until(b'"delta":"Begun "')
    shown = orjson.loads(begun.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    await before.server.stop()
    after = await gateways.start(store=durable)
    assert (await after.request("GET", f"/v1/responses/{made['id']}")).json == made
    assert (await after.request("GET", f"/v1/responses/{made['id']}?stream=true")).body == streamed.body
    assert await listed(after, f"/v1/conversations/{conversation}/items") == ["Two", "Hello there."]
    again = await ended(after, unseen)
    assert (again["status"], again["output"][0]["content"][0]["text"]) == ("completed", "Hello there.")
    lost = await ended(after, shown)
    assert (lost["status"], lost["error"]["code"]) == ("failed", "server_error")
    assert lost["output"][0]["content"][0]["text"] == "Begun "
    answer = await after.create(model=CHAT, input="And?", previous_response_id=made["id"])
    assert answer.status == 200
    assert b"One" in vendor.last.body
