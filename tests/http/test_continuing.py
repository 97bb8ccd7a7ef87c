"""`previous_response_id`, `conversation` and `store`: what the vendor is sent, and what the client is told."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import CUT, Called, Turn, failure
from tests.vendors.sent import conversation
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]

WEATHER = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def stored(gateway: Gateway, **body: Any) -> dict[str, Any]:
    answer = await gateway.create(**{"model": CHAT, "input": "Hello", **body})
    return answer.response


async def told(gateway: Gateway, response_id: str, *, key: str | None = None) -> Any:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return await gateway.request("GET", f"/v1/responses/{response_id}", headers=headers)


# --- previous_response_id ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_the_vendor_gets_the_whole_history(gateway: Gateway, vendor: Vendor, model: str, stream: bool) -> None:
    vendor.play(Turn("Four."), Turn("Eight."), Turn("Sixteen."))
    first = await stored(gateway, model=model, input="Two and two?", stream=stream)
    second = await stored(gateway, model=model, input="Twice that?", previous_response_id=first["id"], stream=stream)
    await stored(gateway, model=model, input="Again?", previous_response_id=second["id"], stream=stream)
    body = vendor.last.body
    said = [b"Two and two?", b"Four.", b"Twice that?", b"Eight.", b"Again?"]
    places = [body.find(words) for words in said]
    assert -1 not in places
    assert places == sorted(places)


@pytest.mark.parametrize("stream", [False, True])
async def test_twenty_turns_send_the_same_bytes_as_one_request_with_the_history(
    gateway: Gateway, vendor: Vendor, model: str, stream: bool
) -> None:
    items: list[Any] = []
    previous: str | None = None
    for turn in range(20):
        call = Called("weather", ('{"city":', f'"City {turn}"}}'), id=f"call_{turn}")
        vendor.play(
            Turn(calls=(call,), thinking="Hm", signature=f"c2ln{turn:04}") if turn % 3 == 1 else Turn(f"Answer {turn}.")
        )
        new: list[Any] = [{"role": "user", "content": f"Question {turn}"}]
        if turn % 3 == 2:
            new.insert(0, {"type": "function_call_output", "call_id": f"call_{turn - 1}", "output": f"{turn} C"})
        settings: dict[str, Any] = {
            "model": model,
            "tools": [WEATHER],
            "instructions": f"Be brief, {turn}.",
            "stream": stream,
        }
        answer = await gateway.create(**settings, input=new, previous_response_id=previous)
        chained = vendor.last.body
        vendor.play(Turn("Not this."))
        await gateway.create(**settings, input=[*items, *new], store=False)
        assert vendor.last.body == chained
        previous = answer.response["id"]
        items += [*new, *answer.response["output"]]
    assert len(items) > 40


@pytest.mark.parametrize("stream", [False, True])
async def test_a_hundred_responses_can_be_continued_at_once(gateway: Gateway, stream: bool) -> None:
    for _ in range(50):
        first = await stored(gateway, stream=stream)
        again = await told(gateway, first["id"])
        assert again.json == first
        await stored(gateway, previous_response_id=first["id"], stream=stream)


async def test_a_tool_turn_needs_only_its_output(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn(calls=(Called("weather", ('{"city":"Oslo"}',)),)), Turn("Cold."))
    first = await stored(gateway, model=model, input="Weather in Oslo?", tools=[WEATHER])
    call = first["output"][-1]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "3 C"}
    second = await stored(gateway, model=model, input=[output], tools=[WEATHER], previous_response_id=first["id"])
    sent = conversation(vendor.last)
    assert b"Weather in Oslo?" in vendor.last.body
    assert [(name, arguments) for _, name, arguments in sent.calls] == [("weather", {"city": "Oslo"})]
    assert [text for _, text in sent.results] == ["3 C"]
    assert second["previous_response_id"] == first["id"]


async def test_an_output_without_its_call_is_refused_also_with_a_history(gateway: Gateway) -> None:
    first = await stored(gateway)
    output = {"type": "function_call_output", "call_id": "call_x", "output": "3 C"}
    answer = await gateway.create(model=CHAT, input=[output], previous_response_id=first["id"])
    assert answer.status == 400
    assert "call_x" in answer.error["message"]


async def test_settings_are_not_inherited(gateway: Gateway, vendor: Vendor, model: str) -> None:
    first = await stored(
        gateway, model=model, instructions="Speak like a pirate.", tools=[WEATHER], metadata={"a": "b"}
    )
    second = await stored(gateway, model=model, previous_response_id=first["id"])
    assert b"pirate" not in vendor.last.body
    assert b"weather" not in vendor.last.body
    assert (second["instructions"], second["tools"], second["metadata"]) == (None, [], {})


async def test_another_model_can_go_on(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Four.", thinking="Easy", signature="c2lnbmVk"))
    first = await stored(gateway, model=MODELS["anthropic"], input="Two and two?", reasoning={"effort": "low"})
    await stored(gateway, model=MODELS["gemini"], input="Twice?", previous_response_id=first["id"])
    assert b"Two and two?" in vendor.last.body
    assert b"Four." in vendor.last.body
    assert b"c2lnbmVk" not in vendor.last.body


async def test_a_chain_can_branch(gateway: Gateway, vendor: Vendor) -> None:
    root = await stored(gateway, input="Root")
    left = await stored(gateway, input="Left", previous_response_id=root["id"])
    await stored(gateway, input="Right", previous_response_id=root["id"])
    assert b"Left" not in vendor.last.body
    await stored(gateway, input="Leaf", previous_response_id=left["id"])
    assert b"Left" in vendor.last.body
    assert b"Right" not in vendor.last.body


async def test_an_incomplete_response_can_be_continued(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Once upon", stop="length"))
    first = await stored(gateway)
    assert first["status"] == "incomplete"
    await stored(gateway, input="Go on", previous_response_id=first["id"])
    assert b"Once upon" in vendor.last.body


async def test_unknown_ids(gateway: Gateway, vendor: Vendor) -> None:
    for name in ("resp_x", "", "x" * 5000, "resp_\x00", "msg_1", "résp"):
        answer = await gateway.create(model=CHAT, input="Hi", previous_response_id=name)
        assert answer.status == 400
        assert answer.error["code"] == "previous_response_not_found"
        assert answer.error["param"] == "previous_response_id"
    assert vendor.requests == []


async def test_a_failed_response_is_kept_and_cannot_be_continued(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Half an", CUT))
    answer = await gateway.create(model=CHAT, input="Hi", stream=True)
    failed = answer.terminal["response"]
    assert (await told(gateway, failed["id"])).json == failed
    again = await gateway.create(model=CHAT, input="Hi", previous_response_id=failed["id"])
    assert again.status == 400
    assert again.error["code"] == "previous_response_not_completed"


async def test_an_http_error_leaves_nothing_behind(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(failure(400, "No."))
    answer = await gateway.create(model=CHAT, input="Hi")
    assert answer.status == 400


async def test_a_deleted_response_cannot_be_continued_and_its_descendants_can(gateway: Gateway, vendor: Vendor) -> None:
    first = await stored(gateway, input="One")
    second = await stored(gateway, input="Two", previous_response_id=first["id"])
    assert (await gateway.request("DELETE", f"/v1/responses/{first['id']}")).json["deleted"] is True
    answer = await gateway.create(model=CHAT, input="Hi", previous_response_id=first["id"])
    assert answer.error["code"] == "previous_response_not_found"
    await stored(gateway, input="Three", previous_response_id=second["id"])
    assert b"One" in vendor.last.body


async def test_a_response_whose_history_is_deleted_meanwhile_keeps_it(gateway: Gateway, vendor: Vendor) -> None:
    first = await stored(gateway, input="One")
    going = asyncio.Event()
    vendor.play(Turn("Two ", going, "too."))
    running = asyncio.create_task(stored(gateway, input="Two", previous_response_id=first["id"]))
    while len(vendor.requests) < 2:
        await vendor.arrival()
    await gateway.request("DELETE", f"/v1/responses/{first['id']}")
    # Another chain may take the place of what went.
    await stored(gateway, input="Unrelated")
    going.set()
    second = await running
    await stored(gateway, input="Three", previous_response_id=second["id"])
    assert b"One" in vendor.last.body
    assert b"Unrelated" not in vendor.last.body


async def test_a_history_above_the_limit_is_refused(gateways: Gateways) -> None:
    gateway = await gateways.start(limits={"history": "2KiB"})
    first = await stored(gateway, input="x" * 3000)
    answer = await gateway.create(model=CHAT, input="Hi", previous_response_id=first["id"])
    assert answer.status == 400
    assert answer.error["code"] == "context_length_exceeded"
    assert "limits.history" in answer.error["message"]


async def test_a_response_of_another_client_is_unknown(gateways: Gateways) -> None:
    clients = [{"name": name, "key": f"sk-{name}-0123456789"} for name in ("ann", "bob")]
    gateway = await gateways.start(clients=clients)
    first = (await gateway.create(model=CHAT, input="Secret", key="sk-ann-0123456789")).response
    answer = await gateway.create(model=CHAT, input="Hi", previous_response_id=first["id"], key="sk-bob-0123456789")
    assert answer.error["code"] == "previous_response_not_found"
    assert (await told(gateway, first["id"], key="sk-bob-0123456789")).status == 404
    assert (await told(gateway, first["id"], key="sk-ann-0123456789")).json == first


# --- store ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_store_false_keeps_nothing(gateway: Gateway, stream: bool) -> None:
    first = await stored(gateway, store=False, stream=stream)
    assert first["store"] is False
    assert (await told(gateway, first["id"])).status == 404
    answer = await gateway.create(model=CHAT, input="Hi", previous_response_id=first["id"])
    assert answer.error["code"] == "previous_response_not_found"
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    answer = await gateway.create(model=CHAT, input=[reference])
    assert answer.status == 404
    assert "Items are not persisted when `store` is set to false." in answer.error["message"]


async def test_a_reference_is_replaced_by_its_item(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Remember me."))
    first = await stored(gateway)
    reference = {"type": "item_reference", "id": first["output"][0]["id"]}
    await stored(gateway, input=[{"role": "user", "content": "Hi"}, reference, {"role": "user", "content": "So?"}])
    assert b"Remember me." in vendor.last.body


async def test_what_is_running_is_not_there_yet(gateway: Gateway, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("One ", going, "two."))
    wire = await gateway.open(model=CHAT, input="Hi", stream=True)
    begun = await wire.until(b"output_text.delta")
    created = orjson.loads(begun.partition(b"data: ")[2].partition(b"\n")[0])
    response_id = created["response"]["id"]
    assert (await told(gateway, response_id)).status == 404
    going.set()
    await wire.until(b"[DONE]")
    assert (await told(gateway, response_id)).json["status"] == "completed"


async def test_a_stream_whose_client_left_is_kept_as_cancelled(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("One ", asyncio.Event()))
    wire = await gateway.open(model=CHAT, input="Hi", stream=True)
    begun = await wire.until(b"output_text.delta")
    response_id = orjson.loads(begun.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
    await wire.close()
    await vendor.last.closed.wait()
    answer = await eventually(lambda: told(gateway, response_id), lambda found: found.status != 404)
    assert answer.json["status"] == "cancelled"
    again = await gateway.create(model=CHAT, input="Hi", previous_response_id=response_id)
    assert again.error["code"] == "previous_response_not_completed"


# --- conversation -----------------------------------------------------------------------------------------------------


async def new_conversation(gateway: Gateway, **body: Any) -> str:
    answer = await gateway.request("POST", "/v1/conversations", body=orjson.dumps(body))
    assert answer.status == 200, answer.body
    conversation_id: str = answer.json["id"]
    return conversation_id


async def listed(gateway: Gateway, conversation_id: str) -> list[dict[str, Any]]:
    answer = await gateway.request("GET", f"/v1/conversations/{conversation_id}/items?order=asc&limit=100")
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json["data"]
    return items


@pytest.mark.parametrize("form", ["text", "object"])
@pytest.mark.parametrize("store", [True, False])
async def test_a_conversation_gets_input_and_output(
    gateway: Gateway, vendor: Vendor, model: str, form: str, store: bool
) -> None:
    name = await new_conversation(gateway, items=[{"role": "user", "content": "Call me Ann."}])
    given: Any = name if form == "text" else {"id": name}
    vendor.play(Turn("Hello Ann."), Turn("Ann."))
    first = await stored(gateway, model=model, input="Hello", conversation=given, store=store)
    assert first["conversation"] == {"id": name}
    await stored(gateway, model=model, input="Who am I?", conversation=given, stream=True, store=store)
    places = [vendor.last.body.find(words) for words in (b"Call me Ann.", b"Hello Ann.", b"Who am I?")]
    assert -1 not in places
    assert places == sorted(places)
    roles = [item["role"] for item in await listed(gateway, name)]
    assert roles == ["user", "user", "assistant", "user", "assistant"]


async def test_a_conversation_without_an_id_is_made(gateway: Gateway, vendor: Vendor) -> None:
    given = {"metadata": {"topic": "tea"}, "items": [{"role": "user", "content": "Green tea."}]}
    first = await stored(gateway, conversation=given)
    name = first["conversation"]["id"]
    assert name.startswith("conv_")
    assert b"Green tea." in vendor.last.body
    answer = await gateway.request("GET", f"/v1/conversations/{name}")
    assert answer.json["metadata"] == {"topic": "tea"}
    assert len(await listed(gateway, name)) == 3
    empty = await stored(gateway, conversation={})
    assert len(await listed(gateway, empty["conversation"]["id"])) == 2


async def test_a_refused_request_makes_no_conversation_and_adds_nothing(gateway: Gateway, vendor: Vendor) -> None:
    name = await new_conversation(gateway)
    vendor.play(failure(400, "No."), Turn("Half", CUT))
    assert (await gateway.create(model=CHAT, input="Hi", conversation=name)).status == 400
    failed = await gateway.create(model=CHAT, input="Hi", conversation=name, stream=True)
    assert failed.terminal["type"] == "response.failed"
    assert await listed(gateway, name) == []


async def test_unknown_conversations(gateway: Gateway, vendor: Vendor) -> None:
    for name in ("conv_x", "", "c" * 5000, "conv_\x00"):
        answer = await gateway.create(model=CHAT, input="Hi", conversation=name)
        assert answer.status == 404
        assert "not found" in answer.error["message"]
    answer = await gateway.create(model=CHAT, input="Hi", conversation={"id": "conv_x", "metadata": {}})
    assert answer.status == 400
    assert vendor.requests == []


async def test_a_conversation_and_a_previous_response_exclude_each_other(gateway: Gateway) -> None:
    answer = await gateway.create(model=CHAT, input="Hi", conversation="conv_x", previous_response_id="resp_x")
    assert answer.error["code"] == "mutually_exclusive_parameters"


async def test_an_empty_conversation_alone_is_no_input(gateway: Gateway) -> None:
    name = await new_conversation(gateway)
    answer = await gateway.create(model=CHAT, input=[], conversation=name)
    assert answer.status == 400
    assert answer.error["code"] == "missing_required_parameter"


async def test_continuing_a_response_leaves_its_conversation_alone(gateway: Gateway) -> None:
    name = await new_conversation(gateway)
    first = await stored(gateway, conversation=name)
    second = await stored(gateway, previous_response_id=first["id"])
    assert "conversation" not in second
    assert len(await listed(gateway, name)) == 2


async def test_parallel_responses_in_a_conversation_each_stand_together(gateway: Gateway) -> None:
    name = await new_conversation(gateway)
    answers = await asyncio.gather(
        *(stored(gateway, input=f"Question {number}", conversation=name) for number in range(20))
    )
    items = await listed(gateway, name)
    assert len(items) == 40
    outputs = {answer["output"][0]["id"] for answer in answers}
    for question, answer in zip(items[::2], items[1::2], strict=True):
        assert question["role"] == "user"
        assert answer["id"] in outputs
    for answer in answers:
        assert (await told(gateway, answer["id"])).json == answer


async def test_a_removed_item_is_not_sent_any_more(gateway: Gateway, vendor: Vendor) -> None:
    name = await new_conversation(gateway, items=[{"role": "user", "content": "Forget this."}])
    first = await stored(gateway, conversation=name)
    item = (await listed(gateway, name))[0]
    assert (await gateway.request("DELETE", f"/v1/conversations/{name}/items/{item['id']}")).status == 200
    await stored(gateway, conversation=name)
    assert b"Forget this." not in vendor.last.body
    # A response that was made with it keeps its history.
    await stored(gateway, previous_response_id=first["id"])
    assert b"Forget this." in vendor.last.body


async def test_a_conversation_gets_the_turn_during_which_an_item_is_removed(gateway: Gateway, vendor: Vendor) -> None:
    name = await new_conversation(gateway, items=[{"role": "user", "content": "Forget this."}])
    item = (await listed(gateway, name))[0]
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    running = asyncio.create_task(stored(gateway, input="Hello", conversation=name))
    await vendor.arrival()
    assert (await gateway.request("DELETE", f"/v1/conversations/{name}/items/{item['id']}")).status == 200
    going.set()
    response = await running
    assert [item["role"] for item in await listed(gateway, name)] == ["user", "assistant"]
    assert (await told(gateway, response["id"])).json == response


async def test_a_new_conversation_may_begin_with_references(gateway: Gateway, vendor: Vendor) -> None:
    await stored(gateway, input=[{"id": "msg_mine", "role": "user", "content": "Remember this"}])
    reference = {"type": "item_reference", "id": "msg_mine"}
    response = await stored(gateway, input="What?", conversation={"items": [reference]})
    assert b"Remember this" in vendor.last.body
    await stored(gateway, input="Again?", conversation=response["conversation"]["id"])
    assert b"Remember this" in vendor.last.body
    unknown = {"type": "item_reference", "id": "msg_x"}
    answer = await gateway.create(model=CHAT, input="What?", conversation={"items": [unknown]})
    assert (answer.status, answer.error["param"]) == (404, "conversation.items")


async def test_a_new_conversation_that_cannot_be_written_is_refused(gateway: Gateway) -> None:
    deep = b"[" * 300 + b"]" * 300
    item = b'{"type":"tool_search_output","call_id":"c","execution":"client","status":"completed","tools":[%b]}' % (
        b'{"type":"function","name":"f","parameters":{"x":%b}}' % deep
    )
    body = b'{"model":"%b","input":"x","conversation":{"items":[%b]}}' % (CHAT.encode(), item)
    answer = await gateway.request("POST", "/v1/responses", body=body, headers={"content-type": "application/json"})
    assert (answer.status, answer.error["param"]) == (400, "conversation.items")


async def test_a_tool_turn_in_a_conversation_needs_only_its_output(
    gateway: Gateway, vendor: Vendor, model: str
) -> None:
    name = await new_conversation(gateway)
    vendor.play(Turn("Let me see.", calls=(Called("weather", ('{"city": "Oslo"}',)),)), Turn("Rain."))
    first = await stored(gateway, model=model, input="Oslo?", tools=[WEATHER], conversation=name)
    (call,) = [item for item in first["output"] if item["type"] == "function_call"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "wet"}
    await stored(gateway, model=model, input=[output], tools=[WEATHER], conversation=name)
    told_to_vendor = conversation(vendor.last)
    assert [arguments for _, _, arguments in told_to_vendor.calls] == [{"city": "Oslo"}]
    assert [identifier for identifier, _ in told_to_vendor.results] == [told_to_vendor.calls[0][0]]
    assert "wet" in told_to_vendor.results[0][1]
    kinds = [item["type"] for item in await listed(gateway, name)]
    assert kinds == ["message", "message", "function_call", "function_call_output", "message"]


async def test_an_incomplete_turn_reaches_its_conversation_and_a_cancelled_one_does_not(
    gateway: Gateway, vendor: Vendor
) -> None:
    name = await new_conversation(gateway)
    vendor.play(Turn("Half a", stop="length"), Turn("Never ", asyncio.Event()))
    await stored(gateway, conversation=name)
    assert len(await listed(gateway, name)) == 2
    queued = (await gateway.create(model=CHAT, input="Hi", conversation=name, background=True)).json
    await vendor.arrival()
    await vendor.arrival()
    answer = await gateway.request("POST", f"/v1/responses/{queued['id']}/cancel")
    assert answer.json["status"] == "cancelled"
    assert len(await listed(gateway, name)) == 2


async def test_every_item_of_a_stored_turn_can_be_referred_to(gateway: Gateway, vendor: Vendor) -> None:
    claude = MODELS["anthropic"]
    vendor.play(Turn("Dry.", thinking="Let me think", signature="c2lnbmVk"))
    thought: dict[str, Any] = {"model": claude, "reasoning": {"effort": "low"}}
    first = await stored(gateway, input="Oslo?", **thought)
    path = f"/v1/responses/{first['id']}/input_items"
    given = (await gateway.request("GET", path)).json["data"]
    references = [{"type": "item_reference", "id": item["id"]} for item in [*given, *first["output"]]]
    assert [item["type"] for item in first["output"]] == ["reasoning", "message"]
    second = await stored(gateway, input=[*references, {"role": "user", "content": "And now?"}], **thought)
    for words in (b"Oslo?", b"Let me think", b"c2lnbmVk", b"Dry.", b"And now?"):
        assert words in vendor.last.body
    path = f"/v1/responses/{second['id']}/input_items?order=asc"
    shown = (await gateway.request("GET", path)).json["data"]
    assert [item["id"] for item in shown][:-1] == [reference["id"] for reference in references]
    assert shown[1] == first["output"][0]
