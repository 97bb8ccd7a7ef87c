"""The released `openai` SDK over every operation on stored things, on every store."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import openai
import pytest
from pydantic import BaseModel

from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import Called, Turn
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]

STORES = ("memory", "sqlite", "redis", "postgres")


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return cast(str, request.getfixturevalue(f"fresh_{request.param}_url"))


@pytest.fixture
async def gateway(store_url: str, gateways: Gateways) -> Gateway:
    """A gateway on that store."""
    return await gateways.start(store=store_url)


@pytest.fixture
async def client(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    """The SDK's client of that gateway."""
    async with gateway.openai() as client:
        yield client


async def test_create_retrieve_continue_delete(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Hello Ann."), Turn("You are Ann."))
    first = await client.responses.create(model=CHAT, input="I am Ann.", metadata={"a": "b"})
    assert await client.responses.retrieve(first.id) == first
    second = await client.responses.create(model=CHAT, input="Who am I?", previous_response_id=first.id)
    assert second.output_text == "You are Ann."
    assert b"I am Ann." in vendor.last.body
    await client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.retrieve(first.id)
    with pytest.raises(openai.NotFoundError):
        await client.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError, match="not found"):
        await client.responses.create(model=CHAT, input="Hi", previous_response_id=first.id)
    assert await client.responses.retrieve(second.id) == second


async def test_input_items_in_pages(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn(calls=(Called("wave"),)), Turn("Done."))
    tools: Any = [{"type": "function", "name": "wave", "parameters": {"type": "object", "properties": {}}}]
    first = await client.responses.create(model=CHAT, input="Wave!", tools=tools)
    call: Any = first.output[-1]
    second = await client.responses.create(
        model=CHAT,
        input=[{"type": "function_call_output", "call_id": call.call_id, "output": "waved"}],
        tools=tools,
        previous_response_id=first.id,
    )
    kinds = [item.type async for item in client.responses.input_items.list(second.id, limit=1, order="asc")]
    assert kinds == ["message", "function_call", "function_call_output"]
    newest = await client.responses.input_items.list(second.id, limit=2)
    assert [item.type for item in newest.data] == ["function_call_output", "function_call"]
    assert newest.has_more


async def test_a_stream_is_stored_and_streamed_again(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Good ", "day", "."))
    events = [event async for event in await client.responses.create(model=CHAT, input="Hi", stream=True)]
    last: Any = events[-1]
    assert await client.responses.retrieve(last.response.id) == last.response
    again = [event async for event in await client.responses.retrieve(last.response.id, stream=True)]
    assert again == events
    rest = await client.responses.retrieve(last.response.id, stream=True, starting_after=4)
    assert [event async for event in rest] == events[5:]


async def test_background_and_cancel(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Done."), Turn("Never ", asyncio.Event()))
    queued = await client.responses.create(model=CHAT, input="Hi", background=True)
    assert queued.status == "queued"
    current = await eventually(
        lambda: client.responses.retrieve(queued.id), lambda found: found.status not in ("queued", "in_progress")
    )
    assert (current.status, current.output_text) == ("completed", "Done.")
    running = await client.responses.create(model=CHAT, input="Hi", background=True)
    ended = await client.responses.cancel(running.id)
    assert ended.status == "cancelled"
    assert (await client.responses.retrieve(running.id)).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        await client.responses.cancel(queued.id)


async def test_background_and_stream(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    stream = await client.responses.create(model=CHAT, input="Hi", background=True, stream=True)
    seen = []
    async for event in stream:
        seen.append(event)
        if event.type == "response.output_text.delta":
            break
    await stream.close()
    first: Any = seen[0]
    going.set()
    rest = await client.responses.retrieve(first.response.id, stream=True, starting_after=seen[-1].sequence_number)
    events = [*seen, *[event async for event in rest]]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output_text == "Good day."


async def test_conversations(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Hello Ann."), Turn("You are Ann."))
    conversation = await client.conversations.create(
        items=[{"type": "message", "role": "user", "content": "I am Ann."}], metadata={"topic": "names"}
    )
    await client.responses.create(model=CHAT, input="Hello", conversation=conversation.id)
    last = await client.responses.create(model=CHAT, input="Who am I?", conversation={"id": conversation.id})
    assert last.conversation is not None
    assert last.conversation.id == conversation.id
    assert b"I am Ann." in vendor.last.body
    items = [item async for item in client.conversations.items.list(conversation.id, order="asc", limit=2)]
    assert [item.type for item in items] == ["message"] * 5
    first: Any = items[0]
    assert await client.conversations.items.retrieve(first.id, conversation_id=conversation.id) == first
    await client.conversations.items.delete(first.id, conversation_id=conversation.id)
    with pytest.raises(openai.NotFoundError):
        await client.conversations.items.retrieve(first.id, conversation_id=conversation.id)
    added = await client.conversations.items.create(
        conversation.id, items=[{"type": "message", "role": "user", "content": "One more."}]
    )
    assert len(added.data) == 1
    updated = await client.conversations.update(conversation.id, metadata={"topic": "tea"})
    assert updated.metadata == {"topic": "tea"}
    assert await client.conversations.retrieve(conversation.id) == updated
    assert (await client.conversations.delete(conversation.id)).deleted
    with pytest.raises(openai.NotFoundError):
        await client.conversations.retrieve(conversation.id)
    assert (await client.responses.retrieve(last.id)).output_text == "You are Ann."


async def test_tokens_are_counted_with_the_history(client: openai.AsyncOpenAI) -> None:
    first = await client.responses.create(model=CHAT, input="A few words to begin with.")
    alone = await client.responses.input_tokens.count(model=CHAT, input="Hi")
    both = await client.responses.input_tokens.count(model=CHAT, input="Hi", previous_response_id=first.id)
    assert 0 < alone.input_tokens < both.input_tokens


async def test_compact_and_go_on(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Noted, Ann."), Turn("SUMMARY: the user is Ann."), Turn("You are Ann."))
    first = await client.responses.create(model=CHAT, input="I am Ann.")
    compacted = await client.responses.compact(model=CHAT, previous_response_id=first.id)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output][-1] == "compaction"
    history: Any = [item.model_dump(exclude_none=True, warnings=False) for item in compacted.output]
    last = await client.responses.create(model=CHAT, input=[*history, {"role": "user", "content": "Who am I?"}])
    assert last.output_text == "You are Ann."
    assert b"SUMMARY: the user is Ann." in vendor.last.body


async def test_the_stream_helper_takes_a_background_response_up_again(
    client: openai.AsyncOpenAI, vendor: Vendor
) -> None:
    going = asyncio.Event()
    vendor.play(Turn("Good ", going, "day."))
    seen = []
    async with client.responses.stream(model=CHAT, input="Hi", background=True) as stream:
        async for event in stream:
            seen.append(event)
            if event.type == "response.output_text.delta":
                break
    first: Any = seen[0]
    going.set()
    async with client.responses.stream(response_id=first.response.id, starting_after=seen[-1].sequence_number) as rest:
        types = [event.type async for event in rest]
        final = await rest.get_final_response()
    assert types[0] == "response.output_text.delta"
    assert types[-1] == "response.completed"
    assert final.output_text == "Good day."
    assert final.id == first.response.id
    async with client.responses.stream(response_id=first.response.id) as whole:
        assert [event.type async for event in whole] == [*(event.type for event in seen), *types]


class Name(BaseModel):
    """What is asked for."""

    name: str


async def test_parsed_answers_are_continued(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Noted."), Turn('{"name": "Ann"}'), Turn('{"name": "Ann"}'))
    first = await client.responses.create(model=CHAT, input="I am Ann.")
    second = await client.responses.parse(
        model=CHAT, input="Who am I?", previous_response_id=first.id, text_format=Name
    )
    assert second.output_parsed == Name(name="Ann")
    assert b"I am Ann." in vendor.last.body
    async with client.responses.stream(
        model=CHAT, input="Again?", previous_response_id=second.id, text_format=Name
    ) as stream:
        third = await stream.get_final_response()
    assert third.output_parsed == Name(name="Ann")
    assert (await client.responses.retrieve(third.id)).output_text == '{"name": "Ann"}'


async def test_lists_in_both_orders(client: openai.AsyncOpenAI) -> None:
    said: Any = [{"role": "user", "content": f"Number {number}"} for number in range(15)]
    conversation = await client.conversations.create(items=said)
    made = await client.responses.create(model=CHAT, input=said, conversation=conversation.id)
    for order in ("asc", "desc"):
        listed: list[Any] = [
            item async for item in client.conversations.items.list(conversation.id, order=order, limit=4)
        ]
        given = [item async for item in client.responses.input_items.list(made.id, order=order, limit=4)]
        texts = [item.content[0].text for item in listed]
        if order == "desc":
            listed.reverse()
            texts.reverse()
            given.reverse()
        assert texts == [f"Number {number}" for number in [*range(15), *range(15)]] + ["Hello there."]
        assert [item.id for item in given] == [item.id for item in listed][:-1]


async def test_over_a_websocket(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Hello Ann."), Turn("You are Ann."), Turn("Ann."), Turn("Still Ann."))
    async with client.responses.connect() as connection:

        async def completed(**body: Any) -> Any:
            await connection.response.create(model=CHAT, **body)
            async for event in connection:
                if event.type == "response.completed":
                    return event.response
            raise AssertionError("the connection ended")

        first = await completed(input="I am Ann.")
        assert await client.responses.retrieve(first.id) == first
        again = [event async for event in await client.responses.retrieve(first.id, stream=True)]
        last: Any = again[-1]
        assert last.response == first
        second = await completed(input="Who am I?", previous_response_id=first.id)
        assert second.output_text == "You are Ann."
        assert b"I am Ann." in vendor.last.body
        unstored = await completed(input="Who?", previous_response_id=second.id, store=False)
        with pytest.raises(openai.NotFoundError):
            await client.responses.retrieve(unstored.id)
        third = await completed(input="And now?", previous_response_id=unstored.id)
        assert b"Who?" in vendor.last.body
        given = [item async for item in client.responses.input_items.list(third.id, order="asc")]
        assert len(given) == 7
        await client.responses.delete(first.id)
        await connection.response.create(model=CHAT, input="Hi", previous_response_id=first.id)
        refusal: Any = await connection.recv()
        assert (refusal.type, refusal.error.code) == ("error", "previous_response_not_found")
