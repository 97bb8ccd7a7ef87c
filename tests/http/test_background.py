"""`background: true`: begun at once, fetched, cancelled, followed."""

import asyncio
from typing import Any

import orjson
import pytest

from proxy.state.records import UNFINISHED
from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole
from tests.vendors.script import CUT, Called, Turn, failure
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]


async def begun(gateway: Gateway, **body: Any) -> dict[str, Any]:
    answer = await gateway.create(**{"model": CHAT, "input": "Hello", "background": True, **body})
    assert answer.status == 200, answer.body
    response: dict[str, Any] = answer.json
    return response


async def fetched(gateway: Gateway, response_id: str) -> dict[str, Any]:
    answer = await gateway.request("GET", f"/v1/responses/{response_id}")
    assert answer.status == 200, answer.body
    response: dict[str, Any] = answer.json
    return response


async def ended(gateway: Gateway, response_id: str) -> dict[str, Any]:
    return await eventually(lambda: fetched(gateway, response_id), lambda found: found["status"] not in UNFINISHED)


async def cancelled(gateway: Gateway, response_id: str) -> Whole:
    return await gateway.request("POST", f"/v1/responses/{response_id}/cancel")


async def test_a_background_response_is_answered_at_once_and_fetched_later(
    gateway: Gateway, vendor: Vendor, model: str
) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day.", tokens=(12, 3)))
    response = await begun(gateway, model=model)
    assert (response["status"], response["output"], response["usage"]) == ("queued", [], None)
    assert response["background"] is True
    await vendor.arrival()
    running = await eventually(lambda: fetched(gateway, response["id"]), lambda found: found["status"] != "queued")
    assert (running["status"], running["output"]) == ("in_progress", [])
    going.set()
    last = await ended(gateway, response["id"])
    assert last["status"] == "completed"
    assert last["output"][0]["content"][0]["text"] == "Good day."
    assert last["usage"]["total_tokens"] == 15
    assert last["created_at"] == response["created_at"]
    assert await gateway.metric("dragoman_requests_total", outcome="completed") == 1
    assert await gateway.metric("dragoman_background_runs") == 0


async def test_it_can_be_continued_when_it_has_ended_and_not_before(gateway: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."), Turn("Bye."))
    response = await begun(gateway, input="One")
    early = await gateway.create(model=CHAT, input="Two", previous_response_id=response["id"])
    assert early.status == 400
    assert early.error["code"] == "previous_response_in_progress"
    going.set()
    await ended(gateway, response["id"])
    answer = await gateway.create(model=CHAT, input="Two", previous_response_id=response["id"])
    assert answer.response["status"] == "completed"
    assert b"One" in vendor.last.body
    assert b"Good day." in vendor.last.body


async def test_its_input_can_be_listed_while_it_runs(gateway: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn(going, "Done."))
    response = await begun(gateway, input="One")
    path = f"/v1/responses/{response['id']}/input_items"
    items = (await gateway.request("GET", path)).json["data"]
    assert [item["content"][0]["text"] for item in items] == ["One"]
    going.set()
    await ended(gateway, response["id"])
    assert (await gateway.request("GET", path)).json["data"] == items


@pytest.mark.parametrize("script", [failure(400, "No."), Turn("Half", CUT)])
async def test_a_failure_is_told_in_the_response(gateway: Gateway, vendor: Vendor, script: Any) -> None:
    vendor.always(script)
    response = await begun(gateway)
    last = await ended(gateway, response["id"])
    assert last["status"] == "failed"
    assert last["error"]["message"]
    assert await gateway.metric("dragoman_requests_total", outcome="failed") == 1


async def test_a_refused_request_is_refused_at_once(gateway: Gateway) -> None:
    answer = await gateway.create(model="nobody/nothing", input="Hi", background=True)
    assert answer.status == 400
    answer = await gateway.create(model=CHAT, input="Hi", background=True, previous_response_id="resp_x")
    assert answer.error["code"] == "previous_response_not_found"


# --- cancel -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_cancel_ends_it_and_hangs_up(gateway: Gateway, vendor: Vendor, stream: bool) -> None:
    vendor.play(Turn("Good ", asyncio.Event()))
    if stream:
        wire = await gateway.open(model=CHAT, input="Hi", background=True, stream=True)
        text = await wire.until(b"output_text.delta")
        response_id = orjson.loads(text.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    else:
        response_id = (await begun(gateway))["id"]
    request = await vendor.arrival()
    answer = await cancelled(gateway, response_id)
    assert answer.status == 200
    assert answer.json["status"] == "cancelled"
    await asyncio.wait_for(request.closed.wait(), 10)
    assert (await cancelled(gateway, response_id)).json == answer.json
    assert await fetched(gateway, response_id) == answer.json
    if stream:
        rest = await wire.until(b"data: [DONE]")
        assert b"event: response.failed" in rest
    assert await gateway.metric("dragoman_requests_total", outcome="cancelled") == 1


async def test_only_what_runs_in_the_background_can_be_cancelled(gateway: Gateway) -> None:
    answer = await gateway.create(model=CHAT, input="Hi")
    refused = await cancelled(gateway, answer.response["id"])
    assert refused.status == 400
    assert refused.error["message"] == "Cannot cancel a synchronous response."
    response = await begun(gateway)
    await ended(gateway, response["id"])
    assert (await cancelled(gateway, response["id"])).status == 400
    assert (await cancelled(gateway, "resp_x")).status == 404


async def test_what_runs_cannot_be_deleted(gateway: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    response = await begun(gateway)
    assert (await gateway.request("DELETE", f"/v1/responses/{response['id']}")).status == 400
    going.set()
    await ended(gateway, response["id"])
    assert (await gateway.request("DELETE", f"/v1/responses/{response['id']}")).status == 200
    assert (await gateway.request("GET", f"/v1/responses/{response['id']}")).status == 404


# --- with other state -------------------------------------------------------------------------------------------------


async def test_without_store_it_can_be_fetched_and_not_continued(gateway: Gateway) -> None:
    response = await begun(gateway, store=False)
    last = await ended(gateway, response["id"])
    assert (last["status"], last["store"]) == ("completed", False)
    answer = await gateway.create(model=CHAT, input="Hi", previous_response_id=response["id"])
    assert answer.error["code"] == "previous_response_not_found"


async def test_its_conversation_gets_input_and_output_at_the_end(gateway: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    response = await begun(gateway, conversation={"items": [{"role": "user", "content": "Before"}]}, input="One")
    path = f"/v1/conversations/{response['conversation']['id']}/items?order=asc"
    assert len((await gateway.request("GET", path)).json["data"]) == 1
    await gateway.create(model=CHAT, input="Between", conversation=response["conversation"])
    going.set()
    await ended(gateway, response["id"])
    roles = [item["role"] for item in (await gateway.request("GET", path)).json["data"]]
    assert roles == ["user", "user", "assistant", "user", "assistant"]
    inputs = (await gateway.request("GET", f"/v1/responses/{response['id']}/input_items")).json["data"]
    assert [item["content"][0]["text"] for item in inputs] == ["One", "Before"]


async def test_many_at_once(gateway: Gateway) -> None:
    responses = await asyncio.gather(*(begun(gateway, input=f"Number {number}") for number in range(60)))
    for response in responses:
        assert (await ended(gateway, response["id"]))["status"] == "completed"


# --- streams ----------------------------------------------------------------------------------------------------------


async def test_a_streamed_background_response_goes_on_without_its_client(gateway: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    wire = await gateway.open(model=CHAT, input="Hi", background=True, stream=True)
    text = await wire.until(b"output_text.delta")
    assert b"event: response.queued" in text
    response_id = orjson.loads(text.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    await wire.close()
    going.set()
    last = await ended(gateway, response_id)
    assert last["output"][0]["content"][0]["text"] == "Good day."


async def test_a_streamed_background_response_is_a_legal_stream(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start()
    vendor.play(Turn("Good ", "day.", calls=(Called("wave", ("{}",)),), thinking="Hm", signature="c2ln"))
    tools = [{"type": "function", "name": "wave", "parameters": {"type": "object", "properties": {}}}]
    answer = await gateway.create(model=model, input="Hi", background=True, stream=True, tools=tools)
    assert [event["type"] for event in answer.events[:3]] == [
        "response.created",
        "response.queued",
        "response.in_progress",
    ]
    assert answer.events[0]["response"]["status"] == "queued"
    last = answer.terminal["response"]
    assert await fetched(gateway, last["id"]) == last


async def test_what_was_dropped_is_told_at_once(gateway: Gateway) -> None:
    for stream in (False, True):
        answer = await gateway.create(
            model=MODELS["gemini"], input="Hi", background=True, stream=stream, text={"verbosity": "low"}
        )
        assert answer.headers["x-dragoman-provider"] == "google"
        assert answer.headers["x-dragoman-model"] == "gemini-3.5-flash"
        assert answer.headers["x-dragoman-dropped"] == "text.verbosity"
