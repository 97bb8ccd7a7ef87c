"""The WebSocket mode: what a connection remembers, and requests that only prepare state."""

from typing import Any

import pytest

from tests.http.sockets import CHAT, connected, said, text_of
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, Called, Reply, Turn, failure
from tests.vendors.server import Vendor

# --- state ------------------------------------------------------------------------------------------------------------


async def test_unstored_turns_send_the_vendor_the_whole_history(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("One."), Turn("Two."), Turn("Three."))
    previous: str | None = None
    async with connected(gateway) as socket:
        for question in ("First?", "Second?", "Third?"):
            response = await socket.respond(
                model=model, input=question, store=False, previous_response_id=previous, instructions="Count."
            )
            assert response["store"] is False
            assert response["previous_response_id"] == previous
            previous = response["id"]
        assert (await gateway.request("GET", f"/v1/responses/{previous}")).status == 404
    first = await gateway.create(
        model=model,
        instructions="Count.",
        stream=True,
        store=False,
        input=[
            {"role": "user", "content": "First?"},
            {"role": "assistant", "content": "One."},
            {"role": "user", "content": "Second?"},
            {"role": "assistant", "content": "Two."},
            {"role": "user", "content": "Third?"},
        ],
    )
    assert first.status == 200
    assert vendor.requests[-2].body == vendor.requests[-1].body


async def test_a_tool_loop_without_store(gateway: Gateway, vendor: Vendor, model: str) -> None:
    tool = {"type": "function", "name": "weather", "parameters": {"type": "object", "properties": {}}}
    vendor.play(Turn(calls=(Called("weather"),)), Turn("Rain."))
    async with connected(gateway) as socket:
        first = await socket.respond(model=model, input="?", store=False, tools=[tool])
        output = {"type": "function_call_output", "call_id": first["output"][-1]["call_id"], "output": "wet"}
        second = await socket.respond(
            model=model, input=[output], store=False, tools=[tool], previous_response_id=first["id"]
        )
    assert text_of(second) == "Rain."


async def test_what_is_not_stored_is_unknown_to_others(gateway: Gateway) -> None:
    async with connected(gateway) as socket, connected(gateway) as other:
        response = await socket.respond(model=CHAT, input="hi", store=False)
        error = await other.refusal(model=CHAT, input="?", previous_response_id=response["id"])
        assert error["code"] == "previous_response_not_found"
        assert error["param"] == "previous_response_id"
        answer = await gateway.create(model=CHAT, input="?", previous_response_id=response["id"])
        assert answer.error["code"] == "previous_response_not_found"
        assert await socket.respond(model=CHAT, input="?", previous_response_id=response["id"])


async def test_a_lane_remembers_its_last_response_only(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False)
        second = await socket.respond(model=CHAT, input="2", store=False)
        error = await socket.refusal(model=CHAT, input="?", store=False, previous_response_id=first["id"])
        assert error["code"] == "previous_response_not_found"
        assert await socket.respond(model=CHAT, input="?", store=False, previous_response_id=second["id"])


async def test_any_lane_can_continue_what_another_made(gateway: Gateway, vendor: Vendor) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False, stream_id="a")
        for lane in ("b", "c", None):
            await socket.respond(model=CHAT, input="2", store=False, previous_response_id=first["id"], stream_id=lane)
            assert [text for _, text in said(vendor.last)] == ["1", "Hello there.", "2"]


async def test_what_is_stored_and_what_is_not_continue_each_other(gateway: Gateway, vendor: Vendor) -> None:
    previous: str | None = None
    async with connected(gateway) as socket:
        for number, store in enumerate((True, False, True, True, False, False)):
            response = await socket.respond(model=CHAT, input=str(number), store=store, previous_response_id=previous)
            previous = response["id"]
            asked = [text for role, text in said(vendor.last) if role == "user"]
            assert asked == [str(earlier) for earlier in range(number + 1)]


async def test_a_deleted_response_cannot_be_continued(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        response = await socket.respond(model=CHAT, input="hi")
        assert (await gateway.request("DELETE", f"/v1/responses/{response['id']}")).status == 200
        error = await socket.refusal(model=CHAT, input="?", previous_response_id=response["id"])
        assert error["code"] == "previous_response_not_found"


@pytest.mark.parametrize(
    ("change", "script"),
    [
        ({"temperature": 5}, None),
        ({"background": True}, None),
        ({}, failure(400)),
        ({}, failure(429)),
        ({}, failure(401)),
        ({}, Turn("Half", CUT)),
    ],
    ids=["form", "background", "400", "429", "401", "cut"],
)
async def test_a_continuation_that_fails_evicts_what_it_continued(
    gateways: Gateways, vendor: Vendor, change: dict[str, Any], script: Reply | Turn | None
) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False)
        if script is not None:
            vendor.play(script)
        await socket.create(model=CHAT, input="2", store=False, previous_response_id=first["id"], **change)
        assert (await socket.events())[-1]["type"] in ("error", "response.failed")
        error = await socket.refusal(model=CHAT, input="3", store=False, previous_response_id=first["id"])
        assert error["code"] == "previous_response_not_found"


async def test_a_failure_leaves_what_is_stored(gateway: Gateway) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1")
        await socket.refusal(model=CHAT, input="2", previous_response_id=first["id"], temperature=5)
        assert await socket.respond(model=CHAT, input="3", previous_response_id=first["id"])


async def test_a_history_beyond_the_limit_is_not_remembered(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"history": "1KiB"})
    async with connected(gateway) as socket:
        small = await socket.respond(model=CHAT, input="1", store=False)
        large = await socket.respond(model=CHAT, input="x" * 2000, store=False, stream_id="b")
        error = await socket.refusal(model=CHAT, input="?", store=False, previous_response_id=large["id"])
        assert error["code"] == "previous_response_not_found"
        assert await socket.respond(model=CHAT, input="?", store=False, previous_response_id=small["id"])


async def test_a_conversation(gateway: Gateway, vendor: Vendor) -> None:
    made = (await gateway.request("POST", "/v1/conversations", body=b"{}")).json
    async with connected(gateway) as socket:
        await socket.respond(model=CHAT, input="1", conversation=made["id"])
        await socket.respond(model=CHAT, input="2", conversation=made["id"], store=False)
    assert [text for _, text in said(vendor.last)] == ["1", "Hello there.", "2"]
    items = (await gateway.request("GET", f"/v1/conversations/{made['id']}/items")).json["data"]
    assert len(items) == 4


# --- generate: false --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", [False, True])
async def test_a_warm_up_asks_no_model_and_can_be_continued(
    gateway: Gateway, vendor: Vendor, model: str, store: bool
) -> None:
    system = {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be brief."}]}
    async with connected(gateway) as socket:
        await socket.create(model=model, input=[system], generate=False, store=store, stream=True)
        events = await socket.events()
        assert [event["type"] for event in events] == [
            "response.created",
            "response.in_progress",
            "response.completed",
        ]
        response = events[-1]["response"]
        assert response["output"] == []
        assert response["usage"]["total_tokens"] == 0
        assert vendor.requests == []
        await socket.respond(model=model, input="hi", store=store, previous_response_id=response["id"])
    assert "Be brief." in str(vendor.last.json)
    assert "hi" in str(vendor.last.json)
    found = await gateway.request("GET", f"/v1/responses/{response['id']}")
    assert found.status == (200 if store else 404)


@pytest.mark.parametrize("body", [{}, {"input": []}, {"input": None}, {"instructions": "Be brief."}])
async def test_a_warm_up_needs_no_input(gateway: Gateway, model: str, body: dict[str, Any]) -> None:
    async with connected(gateway) as socket:
        warm = await socket.respond(model=model, generate=False, store=False, **body)
        assert await socket.respond(model=model, input="hi", store=False, previous_response_id=warm["id"])
        warm = await socket.respond(model=model, generate=False, store=False, **body)
        error = await socket.refusal(model=model, input=[], store=False, previous_response_id=warm["id"])
        assert error["code"] == "missing_required_parameter"


async def test_a_warm_up_is_checked(gateway: Gateway, vendor: Vendor) -> None:
    async with connected(gateway) as socket:
        for body in ({"model": "nope"}, {"model": CHAT, "temperature": 5}, {"model": CHAT, "tools": "x"}):
            error = await socket.refusal(**body, input="hi", generate=False)
            assert error["param"] in body
    assert vendor.requests == []


async def test_a_warm_up_in_the_middle_of_a_chain(gateway: Gateway, vendor: Vendor) -> None:
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="1", store=False)
        warm = await socket.respond(
            model=CHAT, input="2", store=False, generate=False, previous_response_id=first["id"]
        )
        await socket.respond(model=CHAT, input="3", store=False, previous_response_id=warm["id"])
    assert [text for role, text in said(vendor.last) if role == "user"] == ["1", "2", "3"]
