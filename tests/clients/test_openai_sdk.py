"""The released `openai` SDK over a real socket: an application changes its base URL and nothing else."""

import asyncio
import base64
import socket
from typing import Any

import openai
import orjson
import pytest
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseReasoningItem
from pydantic import BaseModel

from proxy.testing.grammar import check_response
from tests.vendors.gateway import MODELS, VENDOR_KEYS, Gateway, Gateways
from tests.vendors.script import CUT, Called, ErrorEvent, Reply, Turn, failure
from tests.vendors.sent import conversation
from tests.vendors.server import Vendor

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF").decode()

WEATHER: Any = {
    "type": "function",
    "name": "weather",
    "description": "The weather of a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
    "strict": True,
}


class City(BaseModel):
    name: str
    people: int


# --- create and stream ------------------------------------------------------------------------------------------------


async def test_create(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Good ", "day.", tokens=(12, 3)))
    raw = await client.responses.with_raw_response.create(
        model=model, input="Hello", instructions="Be brief.", max_output_tokens=50, metadata={"a": "b"}
    )
    assert check_response(orjson.loads(raw.content)) == []
    response = raw.parse()
    assert response.output_text == "Good day."
    assert response.status == "completed"
    assert response.model == model
    assert response.metadata == {"a": "b"}
    assert response.instructions == "Be brief."
    assert response.usage is not None
    assert (response.usage.input_tokens, response.usage.output_tokens, response.usage.total_tokens) == (12, 3, 15)
    assert response._request_id is not None
    assert "Be brief." in str(vendor.last.json)
    assert "Hello" in str(vendor.last.json)


async def test_create_streamed(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Good ", "day", "."))
    stream = await client.responses.create(model=model, input="Hello", stream=True)
    events = [event async for event in stream]
    assert events[0].type == "response.created"
    assert [event.sequence_number for event in events] == list(range(len(events)))
    deltas = [event.delta for event in events if event.type == "response.output_text.delta"]
    assert deltas == ["Good ", "day", "."]
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == "Good day."


async def test_the_stream_helper(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Good ", "day."))
    async with client.responses.stream(model=model, input="Hello") as stream:
        snapshots = [event.snapshot async for event in stream if event.type == "response.output_text.delta"]
        final = await stream.get_final_response()
    assert snapshots == ["Good ", "Good day."]
    assert final.output_text == "Good day."
    assert final.status == "completed"


async def test_streamed_and_whole_answers_are_equal(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    turn = Turn("Let me ", "see.", calls=(Called("weather", ('{"city": ', '"Oslo"}')),))
    vendor.play(turn, turn)
    whole = await client.responses.create(model=model, input="Hello", tools=[WEATHER])
    async with client.responses.stream(model=model, input="Hello", tools=[WEATHER]) as stream:
        streamed = await stream.get_final_response()

    def bare(response: Any) -> Any:
        items = response.to_dict()["output"]
        for item in items:
            item.pop("id")
            item.pop("parsed_arguments", None)
            for part in item.get("content", ()):
                part.pop("parsed", None)
        return items

    assert bare(whole) == bare(streamed)
    assert whole.usage == streamed.usage


async def test_an_answer_cut_by_the_limit_is_incomplete(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Half a", stop="length"))
    response = await client.responses.create(model=model, input="Hello", max_output_tokens=16)
    assert response.status == "incomplete"
    assert response.incomplete_details is not None
    assert response.incomplete_details.reason == "max_output_tokens"
    assert response.output_text == "Half a"


async def test_the_synchronous_client(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("One."), Turn("Two."), Turn("Three."))

    def use() -> list[str]:
        with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-any", max_retries=0) as client:
            texts = [client.responses.create(model=model, input="Hello").output_text]
            with client.responses.create(model=model, input="Hello", stream=True) as events:
                texts += [event.text for event in events if event.type == "response.output_text.done"]
            with client.responses.stream(model=model, input="Hello") as stream:
                texts.append(stream.get_final_response().output_text)
            return texts

    assert await asyncio.to_thread(use) == ["One.", "Two.", "Three."]


async def test_raw_headers(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    raw = await client.responses.with_raw_response.create(model=model, input="Hello")
    provider, _, name = model.partition("/")
    assert raw.headers["x-request-id"].startswith("req_")
    assert raw.headers["x-dragoman-provider"] == provider
    assert raw.headers["x-dragoman-model"] == name
    assert raw.headers["x-dragoman-attempts"] == "1"
    assert float(raw.headers["x-dragoman-overhead-ms"]) >= 0
    assert "x-dragoman-dropped" not in raw.headers
    assert "x-dragoman-usage-source" not in raw.headers
    assert raw.parse().output_text == "Hello there."


async def test_raw_headers_of_a_stream(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    async with client.responses.with_streaming_response.create(model=model, input="Hello", stream=True) as raw:
        assert raw.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert raw.headers["x-dragoman-provider"] == model.partition("/")[0]
        assert raw.headers["cache-control"] == "no-cache"
        assert raw.headers["x-accel-buffering"] == "no"
        assert "content-length" not in raw.headers
        assert "content-encoding" not in raw.headers
        lines = [line async for line in raw.iter_lines()]
    assert "data: [DONE]" in lines


async def test_what_is_dropped_stands_in_a_header(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    raw = await client.responses.with_raw_response.create(
        model=model,
        input="Hello",
        tools=[WEATHER, {"type": "image_generation"}],
        context_management=[{"type": "compaction"}],
    )
    # OpenAI's own API has the tool.
    native = "input" in vendor.last.json
    assert raw.headers["x-dragoman-dropped"].split(", ") == [*([] if native else ["tools[1]"]), "context_management"]
    assert len(vendor.last.json["tools"]) == 1 + native


# --- structured output ------------------------------------------------------------------------------------------------


async def test_parse(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn('{"name": "Oslo", ', '"people": 709000}'))
    response = await client.responses.parse(model=model, input="A city", text_format=City)
    assert response.output_parsed == City(name="Oslo", people=709000)
    assert "people" in str(vendor.last.json)


async def test_parse_streamed(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    vendor.play(Turn('{"name": "Oslo", ', '"people": 709000}'))
    async with client.responses.stream(model=model, input="A city", text_format=City) as stream:
        final = await stream.get_final_response()
    assert final.output_parsed == City(name="Oslo", people=709000)


async def test_parse_with_the_scripted_model(client: openai.AsyncOpenAI) -> None:
    response = await client.responses.parse(model="toy/any", input="/json", text_format=City)
    assert isinstance(response.output_parsed, City)


# --- tools ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
async def test_parallel_tools_over_two_turns(
    client: openai.AsyncOpenAI, vendor: Vendor, model: str, streamed: bool
) -> None:
    calls = (
        Called("weather", ('{"city"', ': "Oslo"}'), id="call_oslo"),
        Called("weather", ('{"city": "Rome"}',), id="call_rome"),
        Called("now", ("",), id="call_now"),
    )
    now: Any = {"type": "function", "name": "now", "parameters": {"type": "object", "properties": {}}, "strict": False}
    vendor.play(Turn(calls=calls), Turn("Cold in Oslo."))
    history: list[Any] = [{"role": "user", "content": "Weather?"}]

    async def ask() -> Any:
        if streamed:
            async with client.responses.stream(model=model, input=history, tools=[WEATHER, now]) as stream:
                return await stream.get_final_response()
        return await client.responses.create(model=model, input=history, tools=[WEATHER, now])

    first = await ask()
    found = [item for item in first.output if isinstance(item, ResponseFunctionToolCall)]
    assert [item.name for item in found] == ["weather", "weather", "now"]
    assert [orjson.loads(item.arguments) for item in found] == [{"city": "Oslo"}, {"city": "Rome"}, {}]
    assert len({item.id for item in found}) == len({item.call_id for item in found}) == 3
    history += [item.to_dict() for item in first.output]
    for item in history:
        item.pop("parsed_arguments", None)
    for call, output in zip(found, ["-3", "17", "noon"], strict=True):
        history.append({"type": "function_call_output", "call_id": call.call_id, "output": output})
    second = await ask()
    assert second.output_text == "Cold in Oslo."

    sent = conversation(vendor.last)
    ids = [identifier for identifier, _, _ in sent.calls]
    assert [name for _, name, _ in sent.calls] == ["weather", "weather", "now"]
    assert [arguments for _, _, arguments in sent.calls] == [{"city": "Oslo"}, {"city": "Rome"}, {}]
    assert sent.results == list(zip(ids, ["-3", "17", "noon"], strict=True))
    assert len(set(ids)) == 3
    assert ids == [call.id for call in calls] or model == MODELS["mistral"]


async def test_a_whole_conversation_is_replayed_as_it_came(
    client: openai.AsyncOpenAI, vendor: Vendor, model: str
) -> None:
    history: list[Any] = [{"role": "user", "content": "One?"}]
    for answer in ("First.", "Second.", "Third."):
        vendor.play(Turn(answer))
        response = await client.responses.create(model=model, input=history)
        history += [item.to_dict() for item in response.output]
        history.append({"role": "user", "content": "More?"})
    roles = conversation(vendor.last).roles
    assert roles[::2] == ["user"] * 3
    assert set(roles[1::2]) in ({"assistant"}, {"model"})
    assert "First." in str(vendor.last.json)


async def test_the_scripted_model_calls_tools(client: openai.AsyncOpenAI) -> None:
    script = '/call weather {"city": "Oslo"}\n/then\n/say Cold.'
    history: list[Any] = [{"role": "user", "content": script}]
    first = await client.responses.create(model="toy/any", input=history, tools=[WEATHER])
    call = first.output[0]
    assert isinstance(call, ResponseFunctionToolCall)
    history += [call.to_dict(), {"type": "function_call_output", "call_id": call.call_id, "output": "-3"}]
    second = await client.responses.create(model="toy/any", input=history, tools=[WEATHER])
    assert second.output_text == "Cold."


# --- images and files -------------------------------------------------------------------------------------------------


async def test_images(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    address = "https://example.com/cat.png"
    content: list[Any] = [
        {"type": "input_text", "text": "What is this?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
        {"type": "input_image", "image_url": address, "detail": "auto"},
    ]
    await client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert conversation(vendor.last).images == [PNG, address]


async def test_a_pdf(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    content: list[Any] = [
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
        {"type": "input_text", "text": "Sum it up."},
    ]
    await client.responses.create(model=model, input=[{"role": "user", "content": content}])
    assert conversation(vendor.last).pdfs == [PDF]


# --- errors -----------------------------------------------------------------------------------------------------------


async def test_a_bad_request(client: openai.AsyncOpenAI, vendor: Vendor, model: str) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.create(model=model, input="Hello", temperature=7)
    assert raised.value.param == "temperature"
    assert raised.value.code == "decimal_above_max_value"
    assert raised.value.type == "invalid_request_error"
    assert raised.value.request_id is not None
    assert vendor.requests == []
    vendor.play(failure(400, "messages: too odd"))
    with pytest.raises(openai.BadRequestError, match="too odd"):
        await client.responses.create(model=model, input="Hello", stream=True)


async def test_an_unknown_model(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.create(model="nobody", input="Hello")
    assert raised.value.code == "model_not_found"
    assert raised.value.param == "model"


async def test_a_wrong_key(gateways: Gateways) -> None:
    gateway = await gateways.start(clients=[{"name": "a", "key": "sk-right-key"}])
    async with gateway.openai("sk-wrong-key") as client:
        with pytest.raises(openai.AuthenticationError) as raised:
            await client.responses.create(model="toy/any", input="Hello")
    assert raised.value.code == "invalid_api_key"
    assert "sk-wrong" not in str(raised.value)
    async with gateway.openai("sk-right-key") as client:
        assert (await client.responses.create(model="toy/any", input="/say Yes.")).output_text == "Yes."


async def test_what_is_not_there(client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="'resp_1' not found"):
        await client.responses.retrieve("resp_1")
    with pytest.raises(openai.NotFoundError):
        await client.responses.delete("resp_1")
    with pytest.raises(openai.NotFoundError):
        await client.responses.cancel("resp_1")
    with pytest.raises(openai.NotFoundError):
        await client.responses.input_items.list("resp_1")
    with pytest.raises(openai.NotFoundError):
        await client.responses.create(model="toy/any", input="Hello", conversation="conv_1")
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nobody")
    with pytest.raises(openai.NotFoundError):
        await client.embeddings.create(model="toy/any", input="Hello")
    with pytest.raises(openai.BadRequestError) as raised:
        await client.responses.create(model="toy/any", input="Hello", previous_response_id="resp_1")
    assert raised.value.code == "previous_response_not_found"


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_rate_limit(client: openai.AsyncOpenAI, vendor: Vendor, model: str, stream: bool) -> None:
    vendor.play(failure(429, "Slow down.", headers={"retry-after": "30"}))
    with pytest.raises(openai.RateLimitError) as raised:
        await client.responses.create(model=model, input="Hello", stream=stream)
    assert raised.value.code == "rate_limit_exceeded"
    assert raised.value.response.headers["retry-after"] == "30"


async def test_a_vendor_that_fails(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    vendor.play(
        failure(500, "Ouch."),
        failure(503, "The model is overloaded."),
        failure(401, "Bad key."),
        failure(403, "Not you."),
    )
    async with gateway.openai() as client:
        for status in (502, 503, 502):
            with pytest.raises(openai.InternalServerError) as raised:
                await client.responses.create(model=model, input="Hello")
            assert raised.value.status_code == status
        with pytest.raises(openai.PermissionDeniedError):
            await client.responses.create(model=model, input="Hello")


async def test_a_vendor_that_is_not_there(gateways: Gateways, model: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}"
    providers = {name: {"base_url": address} for name in VENDOR_KEYS}
    gateway = await gateways.start(providers=providers, retry={"attempts": 1})
    async with gateway.openai() as client:
        with pytest.raises(openai.InternalServerError) as raised:
            await client.responses.create(model=model, input="Hello")
    assert raised.value.status_code == 502
    assert "could not be reached" in raised.value.message


@pytest.mark.parametrize("fate", [CUT, ErrorEvent("Overloaded")], ids=["cut", "error"])
async def test_a_stream_that_fails(client: openai.AsyncOpenAI, vendor: Vendor, model: str, fate: Any) -> None:
    vendor.play(Turn("Half ", fate))
    stream = await client.responses.create(model=model, input="Hello", stream=True)
    events = [event async for event in stream]
    last = events[-1]
    assert last.type == "response.failed"
    assert last.response.error is not None
    assert last.response.output_text == "Half "


async def test_the_sdk_retries_what_it_may(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(retry={"attempts": 1})
    vendor.play(Reply(529), Turn("After all."))
    async with gateway.openai() as client:
        response = await client.with_options(max_retries=1).responses.create(model="chat/gpt-4o", input="Hello")
    assert response.output_text == "After all."
    assert len(vendor.requests) == 2


# --- models -----------------------------------------------------------------------------------------------------------


async def test_models(gateways: Gateways) -> None:
    gateway = await gateways.start(
        models={"gpt-house": "chat/gpt-4o", "claude-*": "claude/claude-*"},
        providers={"toy": {"models": {"any": {}}}},
    )
    async with gateway.openai() as client:
        listed = [model async for model in client.models.list()]
        assert [model.id for model in listed] == ["gpt-house", "toy/any", "toy/scripted"]
        assert (await client.models.retrieve("gpt-house")).owned_by == "chat"
        assert (await client.models.retrieve("toy/any")).id == "toy/any"
        assert (await client.models.retrieve("claude-sonnet-5")).owned_by == "claude"


async def test_aliases_answer_by_the_name_that_was_asked_for(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(models={"gpt-house": "claude/claude-sonnet-5"}, default_model="gpt-house")
    async with gateway.openai() as client:
        response = await client.responses.create(model="gpt-house", input="Hello")
        assert response.model == "gpt-house"
        assert vendor.last.json["model"] == "claude-sonnet-5"
        without = await client.responses.create(input="Hello")
        assert without.model == "gpt-house"


# --- reasoning --------------------------------------------------------------------------------------------------------

THINKING = "First this,\n then \u201cthat\u201d \U0001f914 \u00e9."
SIGNATURE = "EqQBCgIYAhIM" + "c2lnbmF0dXJl" * 40 + "=="
CLIENTS = [{"name": "a", "key": "sk-client-a"}, {"name": "b", "key": "sk-client-b"}]


class Thought:
    """A turn with thinking and a tool call, and the history that its client sends back."""

    def __init__(self, gateway: Gateway, vendor: Vendor, key: str = "sk-client-a") -> None:
        self.gateway = gateway
        self.vendor = vendor
        self.key = key
        self.history: list[Any] = [{"role": "user", "content": "Weather?"}]

    async def think(self, model: str, *, stream: bool) -> ResponseReasoningItem:
        self.vendor.play(
            Turn(thinking=THINKING, signature=SIGNATURE, calls=(Called("weather", ('{"city": "Oslo"}',), "toolu_1"),))
        )
        async with self.gateway.openai(self.key) as client:
            arguments: Any = self._arguments(model)
            if stream:
                async with client.responses.stream(**arguments) as events:
                    response = await events.get_final_response()
            else:
                response = await client.responses.create(**arguments)
        reasoning, call = response.output[0], response.output[1]
        assert isinstance(reasoning, ResponseReasoningItem)
        assert isinstance(call, ResponseFunctionToolCall)
        assert reasoning.encrypted_content is not None
        self.history += [item.to_dict() for item in (reasoning, call)]
        self.history[-1].pop("parsed_arguments", None)
        self.history.append({"type": "function_call_output", "call_id": call.call_id, "output": "-3"})
        return reasoning

    async def go_on(self, model: str, key: str | None = None) -> Any:
        async with self.gateway.openai(key or self.key) as client:
            return await client.responses.with_raw_response.create(**self._arguments(model))

    def _arguments(self, model: str) -> dict[str, Any]:
        return {
            "model": model,
            "input": self.history,
            "tools": [WEATHER],
            "reasoning": {"effort": "medium", "summary": "auto"},
            "include": ["reasoning.encrypted_content"],
            "store": False,
        }


@pytest.fixture
async def thought(gateways: Gateways, vendor: Vendor) -> Thought:
    changes = {"other": {"type": "anthropic", "base_url": vendor.url, "api_key": "sk-vendor-other"}}
    return Thought(await gateways.start(clients=CLIENTS, providers=changes), vendor)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_thinking_comes_back_to_the_vendor_byte_by_byte(thought: Thought, vendor: Vendor, stream: bool) -> None:
    reasoning = await thought.think("claude/claude-sonnet-5", stream=stream)
    assert "".join(part.text for part in reasoning.summary) == THINKING
    raw = await thought.go_on("claude/claude-sonnet-5")
    assert "x-dragoman-dropped" not in raw.headers
    blocks = vendor.last.json["messages"][1]["content"]
    assert blocks[0] == {"type": "thinking", "thinking": THINKING, "signature": SIGNATURE}
    assert blocks[1]["type"] == "tool_use"
    assert blocks[1]["id"] == "toolu_1"


async def test_a_changed_summary_does_not_change_the_thinking(thought: Thought, vendor: Vendor) -> None:
    await thought.think("claude/claude-sonnet-5", stream=False)
    thought.history[1]["summary"] = []
    await thought.go_on("claude/claude-sonnet-5")
    assert vendor.last.json["messages"][1]["content"][0]["thinking"] == THINKING


async def test_a_changed_seal_is_refused(thought: Thought, vendor: Vendor) -> None:
    await thought.think("claude/claude-sonnet-5", stream=False)
    sealed = thought.history[1]["encrypted_content"]
    position = len(sealed) // 2
    changed = "A" if sealed[position] != "A" else "B"
    thought.history[1]["encrypted_content"] = sealed[:position] + changed + sealed[position + 1 :]
    with pytest.raises(openai.BadRequestError) as raised:
        await thought.go_on("claude/claude-sonnet-5")
    assert raised.value.code == "invalid_encrypted_content"
    assert raised.value.param == "input[1].encrypted_content"
    assert len(vendor.requests) == 1


async def test_another_clients_seal_is_refused(thought: Thought, vendor: Vendor) -> None:
    await thought.think("claude/claude-sonnet-5", stream=False)
    with pytest.raises(openai.BadRequestError) as raised:
        await thought.go_on("claude/claude-sonnet-5", key="sk-client-b")
    assert raised.value.code == "invalid_encrypted_content"
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("elsewhere", ["chat/gpt-4o", "other/claude-sonnet-5", "toy/any"])
async def test_thinking_of_another_provider_is_dropped_and_named(
    thought: Thought, vendor: Vendor, elsewhere: str
) -> None:
    await thought.think("claude/claude-sonnet-5", stream=False)
    raw = await thought.go_on(elsewhere)
    assert "input[1].encrypted_content" in raw.headers["x-dragoman-dropped"].split(", ")
    if not elsewhere.startswith("toy/"):
        assert SIGNATURE not in str(vendor.last.json)


@pytest.mark.parametrize("foreign", ["gAAAAABforeign", "dg1.unknown.AAAA.BBBB", "dg1", "dg1...", ""])
async def test_a_seal_that_is_not_ours_is_dropped_and_named(thought: Thought, vendor: Vendor, foreign: str) -> None:
    await thought.think("claude/claude-sonnet-5", stream=False)
    thought.history[1]["encrypted_content"] = foreign
    raw = await thought.go_on("claude/claude-sonnet-5")
    if foreign:
        assert "input[1].encrypted_content" in raw.headers["x-dragoman-dropped"].split(", ")
    assert SIGNATURE not in str(vendor.last.json)


async def test_seals_outlive_the_process_with_configured_keys(gateways: Gateways, vendor: Vendor) -> None:
    keys = [{"id": "k1", "key": "0123456789abcdef0123456789abcdef"}]
    first = Thought(await gateways.start(seal_keys=keys), vendor)
    await first.think("claude/claude-sonnet-5", stream=False)
    first.gateway = await gateways.start(seal_keys=[{"id": "k2", "key": "fedcba9876543210fedcba9876543210"}, *keys])
    await first.go_on("claude/claude-sonnet-5")
    assert vendor.last.json["messages"][1]["content"][0]["signature"] == SIGNATURE


async def test_text_after_thinking_is_a_message(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.play(Turn("Cold.", thinking=THINKING, signature=SIGNATURE))
    response = await client.responses.create(
        model="claude/claude-sonnet-5", input="Weather?", reasoning={"effort": "low"}
    )
    assert [item.type for item in response.output] == ["reasoning", "message"]
    assert isinstance(response.output[1], ResponseOutputMessage)
    assert response.output_text == "Cold."
