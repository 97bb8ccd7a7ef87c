"""`client.responses.compact` of the released SDK, and what later requests make of its answer."""

from typing import Any

import openai
import orjson
import pytest

from proxy.testing.grammar import check_response
from tests.vendors.gateway import MODELS, Gateways
from tests.vendors.script import CUT, Called, Script, Turn, failure
from tests.vendors.sent import conversation
from tests.vendors.server import Vendor

SUMMARY = "The user wants a boat. The tool found three."

HISTORY: list[Any] = [
    {"role": "developer", "content": "Speak of boats only."},
    {"role": "user", "content": "Find a boat."},
    {"type": "function_call", "call_id": "call_9", "name": "search", "arguments": '{"for": "boats"}'},
    {"type": "function_call_output", "call_id": "call_9", "output": "Three boats."},
    {"role": "assistant", "content": "There are three."},
    {"role": "user", "content": "Take the red one."},
]


async def compacted(client: openai.AsyncOpenAI, vendor: Vendor, **body: Any) -> dict[str, Any]:
    """The answer to a request to compact, as it was sent."""
    vendor.play(Turn(SUMMARY[:9], SUMMARY[9:], tokens=(80, 12)))
    raw = await client.responses.with_raw_response.compact(**body)
    answer: dict[str, Any] = orjson.loads(raw.content)
    parsed = raw.parse()
    assert parsed.object == "response.compaction"
    assert parsed.output[-1].type == "compaction"
    return answer


def texts(item: dict[str, Any]) -> list[str]:
    return [part["text"] for part in item["content"]]


async def test_a_history_with_calls_becomes_the_users_messages_and_one_item(
    client: openai.AsyncOpenAI, vendor: Vendor, model: str
) -> None:
    answer = await compacted(client, vendor, model=model, input=HISTORY, instructions="Be a broker.")
    assert answer.keys() == {"id", "object", "created_at", "output", "usage"}
    assert answer["id"].startswith("resp_")
    *messages, item = answer["output"]
    assert [(message["role"], texts(message)) for message in messages] == [
        ("user", ["Find a boat."]),
        ("user", ["Take the red one."]),
    ]
    assert all(message["id"].startswith("msg_") and message["status"] == "completed" for message in messages)
    assert item.keys() == {"id", "type", "encrypted_content"}
    assert item["id"].startswith("cmp_")
    assert (answer["usage"]["input_tokens"], answer["usage"]["output_tokens"]) == (80, 12)
    sent = conversation(vendor.last)
    assert (sent.roles, sent.calls, sent.results) == (["user"], [], [])
    assert "tools" not in vendor.last.json
    for told in ("Speak of boats only.", "Find a boat.", "search", "Three boats.", "There are three.", "Be a broker."):
        assert told in vendor.last.body.decode()


async def test_the_next_turn_has_the_summary_and_not_what_it_stands_for(
    client: openai.AsyncOpenAI, vendor: Vendor, model: str
) -> None:
    answer = await compacted(client, vendor, model=model, input=HISTORY)
    response = await client.responses.create(
        model=model, input=[*answer["output"], {"role": "user", "content": "And now?"}]
    )
    assert response.output_text == "Hello there."
    body = vendor.last.body.decode()
    places = [body.find(words) for words in ("Find a boat.", "Take the red one.", SUMMARY, "And now?")]
    assert -1 not in places
    assert places == sorted(places)
    assert "Three boats." not in body
    assert set(conversation(vendor.last).roles) == {"user"}


async def test_work_goes_on_with_tools_after_a_compaction(
    client: openai.AsyncOpenAI, vendor: Vendor, model: str
) -> None:
    answer = await compacted(client, vendor, model=model, input=HISTORY)
    tools: Any = [{"type": "function", "name": "buy", "parameters": {"type": "object", "properties": {}}}]
    vendor.play(Turn(calls=(Called("buy", id="call_buy1"),)), Turn("Bought."))
    first = await client.responses.create(model=model, input=answer["output"], tools=tools)
    call: Any = first.output[0].to_dict()
    result: Any = {"type": "function_call_output", "call_id": call["call_id"], "output": "ok"}
    second = await client.responses.create(model=model, input=[*answer["output"], call, result], tools=tools)
    assert second.output_text == "Bought."
    assert SUMMARY in vendor.last.body.decode()


async def test_a_history_from_state_is_compacted(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Four."))
    first = await client.responses.create(model=model, input="Two and two?")
    answer = await compacted(
        client, vendor, model=model, previous_response_id=first.id, input=[{"role": "user", "content": "Thanks."}]
    )
    body = vendor.last.body.decode()
    assert "Two and two?" in body
    assert "Four." in body
    assert [texts(message) for message in answer["output"][:-1]] == [["Two and two?"], ["Thanks."]]
    assert [item["id"] for item in answer["output"][:1]] == [
        item.id async for item in await client.responses.input_items.list(first.id, order="asc")
    ]
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(answer["id"])
    with pytest.raises(openai.BadRequestError):
        await client.responses.create(model=model, input="x", previous_response_id=answer["id"])


async def test_a_compaction_is_compacted_again(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    first = await compacted(client, vendor, model=model, input=HISTORY)
    more: list[Any] = [{"role": "assistant", "content": "Done."}, {"role": "user", "content": "Sell it."}]
    second = await compacted(client, vendor, model=model, input=[*first["output"], *more])
    assert SUMMARY in vendor.last.body.decode()
    assert [item["type"] for item in second["output"]] == ["message", "message", "message", "compaction"]
    await client.responses.create(model=model, input=[*second["output"], {"role": "user", "content": "And?"}])
    assert vendor.last.body.decode().count(SUMMARY) == 1


async def test_a_summary_fits_any_model(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    answer = await compacted(client, vendor, model=model, input=HISTORY)
    for other in (MODELS["openai_chat"], MODELS["anthropic"], MODELS["gemini"]):
        raw = await client.responses.with_raw_response.create(model=other, input=answer["output"])
        assert SUMMARY in vendor.last.body.decode()
        assert "x-dragoman-dropped" not in raw.headers


async def test_a_summary_outlives_a_restart_with_the_same_keys(gateways: Gateways, vendor: Vendor) -> None:
    model, keys = MODELS["anthropic"], [{"id": "k1", "key": "0123456789abcdef0123456789abcdef"}]
    first, second = await gateways.start(seal_keys=keys), await gateways.start(seal_keys=keys)
    third = await gateways.start()
    async with first.openai() as client:
        answer = await compacted(client, vendor, model=model, input=HISTORY)
    async with second.openai() as client:
        await client.responses.create(model=model, input=answer["output"])
    assert SUMMARY in vendor.last.body.decode()
    asked = len(vendor.requests)
    async with third.openai() as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.responses.create(model=model, input=answer["output"])
    assert caught.value.param == "input[2]"
    assert len(vendor.requests) == asked


@pytest.mark.parametrize(
    ("script", "error", "code"),
    [
        (failure(401, "Bad key."), openai.InternalServerError, "provider_authentication_failed"),
        (failure(429, "Slow down."), openai.RateLimitError, "rate_limit_exceeded"),
        (Turn("Half a", CUT), openai.InternalServerError, None),
        (Turn("Half a summ", stop="length"), openai.InternalServerError, "compaction_failed"),
        (Turn(), openai.InternalServerError, "compaction_failed"),
    ],
)
async def test_failures_of_the_model_are_those_of_create(
    gateways: Gateways, vendor: Vendor, model: str, script: Script, error: type[openai.APIStatusError], code: str | None
) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    vendor.play(script)
    async with gateway.openai() as client:
        with pytest.raises(error) as caught:
            await client.responses.compact(model=model, input=HISTORY)
    assert code in (None, caught.value.code)
    assert await gateway.metric("dragoman_requests_total", outcome="failed") == 1


# --- a trigger at the end of the input --------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_a_trigger_makes_a_response_of_exactly_one_compaction(
    client: openai.AsyncOpenAI, vendor: Vendor, model: str, stream: bool
) -> None:
    vendor.play(Turn(SUMMARY, tokens=(80, 12)))
    body: Any = {
        "model": model,
        "input": [*HISTORY, {"type": "compaction_trigger"}],
        "tools": [{"type": "function", "name": "search"}],
        "tool_choice": "required",
    }
    if stream:
        async with client.responses.stream(**body) as events:
            types = [event.type async for event in events]
            response = await events.get_final_response()
        assert types == [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.compaction.compacting",
            "response.output_item.done",
            "response.completed",
        ]
    else:
        raw = await client.responses.with_raw_response.create(**body)
        assert check_response(orjson.loads(raw.content)) == []
        response = raw.parse()
    [item] = response.output
    assert item.type == "compaction"
    assert response.usage is not None
    assert response.usage.total_tokens == 92
    assert "tools" not in vendor.last.json
    # Whoever goes on from it by its id has the user's messages and the summary.
    await client.responses.create(model=model, input="And now?", previous_response_id=response.id)
    sent = vendor.last.body.decode()
    for told in ("Speak of boats only.", "Find a boat.", "Take the red one.", SUMMARY, "And now?"):
        assert told in sent
    assert "Three boats." not in sent
    # Whoever keeps the history puts the item in place of it.
    history: Any = [HISTORY[1], item.to_dict(), {"role": "user", "content": "And then?"}]
    await client.responses.create(model=model, input=history)
    assert SUMMARY in vendor.last.body.decode()
