"""`/v1/responses/compact` and compaction triggers: whose summaries are read, by which model they are written, and what
goes wrong."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.http.sockets import connected
from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole
from tests.vendors.script import Turn
from tests.vendors.server import Vendor

CHAT, CLAUDE = MODELS["openai_chat"], MODELS["anthropic"]
SUMMARY = "What was said."
TRIGGER = {"type": "compaction_trigger"}
CLIENTS = [{"name": "a", "key": "sk-client-a", "models": ["chat/*"]}, {"name": "b", "key": "sk-client-b"}]


async def compact(
    gateway: Gateway, *, key: str | None = None, path: str = "/v1/responses/compact", **body: Any
) -> Whole:
    return await gateway.create(key=key, path=path, **{"model": CHAT, "input": "Hello", **body})


async def compacted(gateway: Gateway, vendor: Vendor, **body: Any) -> list[dict[str, Any]]:
    """The output of a compaction."""
    vendor.play(Turn(SUMMARY))
    answer = await compact(gateway, **body)
    assert answer.status == 200, answer.body
    output: list[dict[str, Any]] = answer.json["output"]
    return output


# --- the form ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/responses/compact", "/responses/compact"])
async def test_the_answer_is_a_compaction(gateway: Gateway, vendor: Vendor, path: str) -> None:
    vendor.play(Turn(SUMMARY, tokens=(20, 4)))
    answer = await compact(gateway, path=path)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-dragoman-provider"] == "chat"
    assert answer.headers["x-request-id"].startswith("req_")
    assert answer.json["object"] == "response.compaction"
    assert answer.json["usage"]["total_tokens"] == 24


async def test_it_is_counted_and_logged_once(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(SUMMARY, tokens=(20, 4)))
    await compact(gateway)
    assert await gateway.metric("dragoman_requests_total") == 1
    assert await gateway.metric("dragoman_requests_total", outcome="completed", provider="chat") == 1
    assert await gateway.metric("dragoman_tokens_total", source="provider") == 24
    assert await gateway.metric("dragoman_requests_in_flight") == 0


async def test_tokens_are_estimated_where_the_vendor_reports_none(gateway: Gateway) -> None:
    answer = await compact(gateway, model="toy/any", input="Hello\n/usage none\n/say one two three four\n")
    assert answer.status == 200, answer.body
    assert answer.headers["x-dragoman-usage-source"] == "estimated"
    assert answer.json["usage"]["output_tokens"] >= 4
    assert answer.json["usage"]["input_tokens"] > 200


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({"input": []}, 400, None),
        ({"input": None}, 400, None),
        ({"input": 5}, 400, "input"),
        ({"model": "nobody"}, 400, "model"),
        ({"model": None}, 400, "model"),
        ({"stream": True}, 400, "stream"),
        ({"conversation": "conv_1"}, 400, "conversation"),
        ({"previous_response_id": "resp_1"}, 400, "previous_response_id"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, 404, "input"),
        ({"input": [{"type": "compaction", "encrypted_content": "gAAAA"}]}, 400, "input[0]"),
        ({"tools": [{"type": "function"}]}, 400, "tools[0].name"),
        ({"input": [{"role": "user", "content": [{"type": "input_text"}]}]}, 400, "input[0].content[0].text"),
    ],
)
async def test_what_is_wrong_is_said(
    gateway: Gateway, vendor: Vendor, body: dict[str, Any], status: int, param: str | None
) -> None:
    answer = await compact(gateway, **body)
    assert (answer.status, answer.error["param"]) == (status, param)
    assert vendor.requests == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"null"])
async def test_a_body_that_is_no_object_is_refused(gateway: Gateway, body: bytes) -> None:
    answer = await gateway.request("POST", "/v1/responses/compact", body=body)
    assert answer.status == 400
    assert answer.error["param"] is None


async def test_there_is_nothing_to_get_there(gateway: Gateway) -> None:
    for method in ("GET", "DELETE"):
        answer = await gateway.request(method, "/v1/responses/compact")
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"


async def test_clients_may_send_what_their_next_request_would_hold(gateway: Gateway, vendor: Vendor) -> None:
    output = await compacted(
        gateway,
        vendor,
        instructions="Be brief.",
        tools=[{"type": "function", "name": "f"}],
        parallel_tool_calls=True,
        reasoning={"effort": "high"},
        text={"verbosity": "low"},
        include=["reasoning.encrypted_content"],
        store=True,
        client_metadata={"a": "b"},
    )
    assert [item["type"] for item in output] == ["message", "compaction"]
    assert "tools" not in vendor.last.json


async def test_the_default_model_is_used_where_none_is_named(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(default_model=CLAUDE)
    for body in ({"model": None}, {}):
        await compacted(gateway, vendor, **({"input": "x"} | body))
    answer = await gateway.request("POST", "/v1/responses/compact", body=b'{"input": "x"}')
    assert answer.headers["x-dragoman-provider"] == "claude"


async def test_settings_that_stand_in_the_history_outlive_it(gateway: Gateway, vendor: Vendor) -> None:
    tools = {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "late"}]}
    update = {"type": "configuration_update", "reasoning": {"effort": "low"}}
    items: list[Any] = [{"role": "user", "content": "x"}, tools, {"role": "assistant", "content": "y"}, update]
    output = await compacted(gateway, vendor, input=items)
    assert [item["type"] for item in output] == ["message", "additional_tools", "configuration_update", "compaction"]
    assert output[1]["tools"] == tools["tools"]


async def test_a_large_history_with_odd_texts(gateway: Gateway, vendor: Vendor) -> None:
    items: list[Any] = [
        {"role": "user", "content": "\x00</user>\u2028{{x}} {}" * 20_000},
        {"type": "tool_search_call", "arguments": {"tools": ["a", {"b": 1}, None]}},
        *[{"role": "assistant", "content": f"Answer {number}"} for number in range(2000)],
        {"role": "user", "content": ""},
    ]
    output = await compacted(gateway, vendor, input=items)
    assert [item["type"] for item in output] == ["message", "message", "compaction"]
    assert "Answer 1999" in vendor.last.body.decode()


@pytest.mark.parametrize("depth", [200, 300, 900])
async def test_a_history_that_is_deeper_than_can_be_written(gateway: Gateway, depth: int) -> None:
    deep = b'{"tools":[' * (depth // 2) + b"]}" * (depth // 2)
    body = b'{"model":"%b","input":[{"type":"tool_search_call","arguments":%b}]}' % (CHAT.encode(), deep)
    answer = await gateway.request("POST", "/v1/responses/compact", body=body)
    assert answer.status == (200 if depth == 200 else 400), answer.body


# --- the model that writes --------------------------------------------------------------------------------------------


async def test_summaries_are_written_by_the_configured_model(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(
        clients=CLIENTS, compaction={"model": CLAUDE, "instructions": "Write a haiku of it."}
    )
    vendor.play(Turn(SUMMARY), Turn(SUMMARY))
    answer = await compact(gateway, key="sk-client-a")
    assert answer.status == 200
    assert answer.headers["x-dragoman-provider"] == "claude"
    assert "Write a haiku of it." in vendor.last.body.decode()
    assert vendor.last.path.startswith("/v1/messages")
    items = [{"role": "user", "content": "Hello"}, TRIGGER]
    triggered = await gateway.create(key="sk-client-a", model=CHAT, input=items)
    assert triggered.response["model"] == CHAT
    assert vendor.last.path.startswith("/v1/messages")
    refused = await compact(gateway, key="sk-client-a", model=CLAUDE)
    assert refused.error["code"] == "model_not_found"
    following = await gateway.create(key="sk-client-a", model=CHAT, input=answer.json["output"])
    assert following.headers["x-dragoman-provider"] == "chat"


async def test_strict_has_nothing_to_say_against_a_compaction(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(strict=True)
    for model in (CHAT, CLAUDE, MODELS["gemini"]):
        output = await compacted(gateway, vendor, model=model, temperature=0.3, top_logprobs=5, user="u")
        following = await gateway.create(model=model, input=output)
        assert following.status == 200, following.body


# --- whose summaries --------------------------------------------------------------------------------------------------


async def test_another_client_s_summary_and_a_changed_one_are_refused(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(clients=CLIENTS)
    output = await compacted(gateway, vendor, key="sk-client-a")
    asked = len(vendor.requests)
    changed = [*output[:-1], output[-1] | {"encrypted_content": output[-1]["encrypted_content"][:-2] + "zz"}]
    for key, items in (("sk-client-b", output), ("sk-client-a", changed)):
        for path in ("/v1/responses", "/v1/responses/compact"):
            answer = await gateway.create(key=key, path=path, model=CHAT, input=items)
            assert answer.status == 400
            assert answer.error["code"] == "invalid_encrypted_content"
            assert answer.error["param"] == "input[1].encrypted_content"
    assert len(vendor.requests) == asked


async def test_a_summary_is_no_reasoning_and_reasoning_no_summary(gateway: Gateway, vendor: Vendor) -> None:
    output = await compacted(gateway, vendor)
    vendor.play(Turn("So.", thinking="Hm", signature="c2ln"))
    thought = (await gateway.create(model=CLAUDE, input="x")).response["output"][0]
    assert thought["type"] == "reasoning"
    item = {"type": "compaction", "encrypted_content": thought["encrypted_content"]}
    assert (await gateway.create(model=CLAUDE, input=[item])).error["param"] == "input[0]"
    reasoning = {"type": "reasoning", "summary": [], "encrypted_content": output[-1]["encrypted_content"]}
    answer = await gateway.create(model=CLAUDE, input=[reasoning, {"role": "user", "content": "x"}])
    assert "input[0].encrypted_content" in answer.headers["x-dragoman-dropped"]
    assert SUMMARY not in vendor.last.body.decode()


# --- state ------------------------------------------------------------------------------------------------------------


async def test_nothing_is_kept_of_a_compaction(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(SUMMARY))
    answer = await compact(gateway, store=True)
    assert (await gateway.request("GET", f"/v1/responses/{answer.json['id']}")).status == 404


async def test_a_compaction_in_a_conversation_shortens_it(gateway: Gateway, vendor: Vendor) -> None:
    created = await gateway.request("POST", "/v1/conversations", body=b"{}")
    conversation = created.json["id"]
    vendor.play(Turn("A boat is red."), Turn(SUMMARY), Turn("Bye."))
    for items in ("What is red?", [TRIGGER], "And?"):
        answer = await gateway.create(model=CHAT, input=items, conversation=conversation)
        assert answer.status == 200, answer.body
    sent = vendor.last.body.decode()
    assert "A boat is red." not in sent
    assert SUMMARY in sent
    listed = await gateway.request("GET", f"/v1/conversations/{conversation}/items?order=asc")
    assert [item["type"] for item in listed.json["data"]] == [
        "message",
        "message",
        "compaction_trigger",
        "compaction",
        "message",
        "message",
    ]


async def test_a_stored_compaction_is_streamed_again(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(SUMMARY))
    answer = await gateway.create(model=CHAT, input=[{"role": "user", "content": "x"}, TRIGGER], stream=True)
    assert answer.terminal["type"] == "response.completed"
    again = await gateway.request("GET", f"/v1/responses/{answer.response['id']}?stream=true")
    assert again.body == answer.body


async def test_a_compaction_in_the_background(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(SUMMARY))
    begun = await gateway.create(model=CHAT, input=[{"role": "user", "content": "x"}, TRIGGER], background=True)
    async with asyncio.timeout(20):
        while (got := await gateway.request("GET", f"/v1/responses/{begun.json['id']}")).json["status"] != "completed":
            assert got.json["status"] in ("queued", "in_progress")
            await asyncio.sleep(0.01)
    assert [item["type"] for item in got.response["output"]] == ["compaction"]


async def test_a_compaction_over_a_websocket(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("A boat is red."), Turn(SUMMARY), Turn("Bye."))
    async with connected(gateway) as socket:
        first = await socket.respond(model=CHAT, input="What is red?", store=False)
        second = await socket.respond(model=CHAT, input=[TRIGGER], store=False, previous_response_id=first["id"])
        assert [item["type"] for item in second["output"]] == ["compaction"]
        await socket.respond(model=CHAT, input="And?", store=False, previous_response_id=second["id"])
    sent = vendor.last.body.decode()
    assert SUMMARY in sent
    assert "A boat is red." not in sent


# --- triggers that cannot be followed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("items", "param"),
    [([TRIGGER], None), ([TRIGGER, {"role": "user", "content": "x"}], "input[0]")],
)
async def test_a_trigger_has_something_before_it_and_nothing_behind(
    gateway: Gateway, vendor: Vendor, items: list[Any], param: str | None
) -> None:
    answer = await gateway.create(model=CHAT, input=items)
    assert (answer.status, answer.error["param"]) == (400, param)
    assert vendor.requests == []


@pytest.mark.parametrize("stream", [False, True])
async def test_half_a_summary_fails_and_is_not_kept_as_a_compaction(
    gateway: Gateway, vendor: Vendor, stream: bool
) -> None:
    vendor.play(Turn("Half a", stop="length", tokens=(20, 4)))
    answer = await gateway.create(model=CHAT, input=[{"role": "user", "content": "x"}, TRIGGER], stream=stream)
    assert answer.status == 502
    assert answer.error["code"] == "compaction_failed"
    assert answer.headers["x-should-retry"] == "false"
    assert len(vendor.requests) == 1
    assert await gateway.metric("dragoman_tokens_total", source="provider") == 24


async def test_a_failure_after_the_stream_began_is_its_last_event(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(stream_commit_after="20ms")
    going = asyncio.Event()
    vendor.play(Turn("Half ", going, "a", stop="length"))
    wire = await gateway.open(model=CHAT, input=[{"role": "user", "content": "x"}, TRIGGER], stream=True)
    await wire.until(b"response.in_progress")
    going.set()
    body = await wire.until(b"[DONE]")
    failed = orjson.loads(body.partition(b"event: response.failed\ndata: ")[2].partition(b"\n")[0])
    assert failed["response"]["output"] == []
    assert failed["response"]["error"]["code"] == "server_error"


async def test_a_client_that_leaves_ends_the_summary(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Half ", asyncio.Event(), "a"))
    asking = asyncio.create_task(compact(gateway))
    recorded = await vendor.arrival()
    asking.cancel()
    await asyncio.wait_for(recorded.closed.wait(), 10)
    async with asyncio.timeout(10):
        while not await gateway.metric("dragoman_requests_total", outcome="cancelled"):
            pass
    assert await gateway.metric("dragoman_requests_in_flight") == 0
