"""The whole way over sockets: a client, the gateway, and the strict server."""

import base64
from collections import deque
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.loops.conversation import Conversation, said
from tests.strict import ollama
from tests.strict.complaint import Complaint, received
from tests.strict.ollama import Server
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, Called, ErrorEvent, Reply, Script, Turn
from tests.vendors.server import Recorded, Vendor

PNG: Final = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(24)).decode()
FORM: Final = {
    "type": "json_schema",
    "name": "place",
    "schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TREE: Final = {
    "type": "function",
    "name": "plant",
    "parameters": {
        "type": "object",
        "properties": {
            "tree": {"$ref": "#/$defs/tree"},
            "kind": {"oneOf": [{"type": "string"}]},
            "any": {"$ref": "#/$defs/any"},
        },
        "$defs": {
            "tree": {"type": "object", "properties": {"left": {"$ref": "#/$defs/tree"}}},
            "any": {"anyOf": [True, {"type": "null"}]},
        },
    },
}


class Strict:
    """Ollama, as `Vendor.responder`: what is written down first, then a greeting."""

    def __init__(self) -> None:
        self.server = Server()
        self.complaints: list[Complaint] = []
        self.bodies: list[dict[str, Any]] = []
        self.scripts: deque[Script] = deque()

    def __call__(self, recorded: Recorded) -> Script:
        self.bodies.append(recorded.json)
        found = ollama.complaints(received(recorded), self.server)
        self.complaints += found
        # An older server answers all the same.
        if found and found[0].rule != "cut":
            return ollama.answer(found)
        return self.scripts.popleft() if self.scripts else Turn("Hello", " there", ".")


@pytest.fixture
def strict(vendor: Vendor) -> Iterator[Strict]:
    """The strict server, which must have nothing to complain of in the end."""
    strict = Strict()
    vendor.responder = strict
    yield strict
    assert strict.complaints == []


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor, strict: Strict) -> Gateway:
    """A gateway that reaches it."""
    return await gateways.start(providers={"lab": {"type": "ollama", "base_url": vendor.url}})


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether the client streams."""
    return bool(request.param)


async def test_a_text(gateway: Gateway, strict: Strict, stream: bool) -> None:
    strict.scripts.append(Turn("Hel", "lo", thinking="Greet.", tokens=(74, 3)))
    answer = await gateway.create(
        model="lab/qwen3.5", stream=stream, input="Hi", instructions="Short", reasoning={"effort": "medium"}
    )
    assert answer.text == "Hello"
    assert answer.response["usage"]["total_tokens"] == 77
    assert answer.response["output"][0]["content"] == [{"type": "reasoning_text", "text": "Greet."}]
    assert strict.bodies[0]["think"] is True


@pytest.mark.parametrize("reverses", [False, True])
async def test_a_tool_loop(gateway: Gateway, strict: Strict, stream: bool, reverses: bool) -> None:
    calls = (Called("wx", ('{"city":', ' "Oslo"}'), id=""), Called("now", ("{}",), id=""))
    strict.scripts += [Turn("I will", " look.", calls=calls, thinking="Two look-ups."), Turn("Cold.")]
    conversation = Conversation(gateway, "lab/qwen3.5", stream=stream, reverses=reverses)
    assert await conversation.turn("Weather?") == "Cold."
    assert await conversation.turn("Thanks.") == "Hello there."
    step = strict.bodies[1]["messages"]
    assert (step[1]["thinking"], step[1]["content"]) == ("Two look-ups.", "I will look.")
    assert [call["function"]["arguments"] for call in step[1]["tool_calls"]] == [{"city": "Oslo"}, {}]
    assert all("thinking" not in message for message in strict.bodies[2]["messages"])


async def test_schemas_that_the_server_cannot_read(gateway: Gateway, strict: Strict) -> None:
    await gateway.create(model="lab/qwen3.5", input="Hi", tools=[TREE])
    told = strict.bodies[0]["tools"][0]["function"]["parameters"]["properties"]
    assert told["any"] == {"anyOf": [{}, {"type": "null"}]}
    assert told["tree"] == {"type": "object", "properties": {"left": {"type": "object"}}}


async def test_an_image_and_levels(gateway: Gateway, strict: Strict, stream: bool) -> None:
    image = {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"}
    await gateway.create(model="lab/qwen3.5", input=[{"role": "user", "content": [image]}], stream=stream)
    await gateway.create(model="lab/gpt-oss:20b", input="Hi", reasoning={"effort": "none"}, stream=stream)
    await gateway.create(model="lab/llama3.2", input="Hi", reasoning={"effort": "high"}, stream=stream)
    assert strict.bodies[0]["messages"][0]["images"] == [PNG]
    assert [body.get("think") for body in strict.bodies] == [None, "low", None]


async def test_a_named_tool(gateway: Gateway, strict: Strict, stream: bool) -> None:
    strict.scripts.append(Turn(calls=(Called("wx", ('{"city":"Oslo"}',), id="c1"),)))
    choice = {"type": "function", "name": "wx"}
    tools = [{"type": "function", "name": name} for name in ("wx", "now")]
    answer = await gateway.create(model="lab/qwen3.5", input="Hi", tools=tools, tool_choice=choice, stream=stream)
    assert [tool["function"]["name"] for tool in strict.bodies[0]["tools"]] == ["wx"]
    assert answer.response["output"][0]["call_id"] == "c1"


async def test_a_schema(gateway: Gateway, strict: Strict, stream: bool) -> None:
    strict.scripts += [Turn('{"city": "Oslo"}'), Turn('```json\n{"city": "Oslo"}\n```')]
    alone = await gateway.create(model="lab/qwen3.5", input="Hi", text={"format": FORM}, stream=stream)
    tools = [{"type": "function", "name": "wx"}]
    beside = await gateway.create(model="lab/qwen3.5", input="Hi", text={"format": FORM}, tools=tools, stream=stream)
    assert (alone.text, beside.text) == ('{"city": "Oslo"}', '{"city": "Oslo"}')
    assert strict.bodies[0]["format"] == FORM["schema"]
    assert "format" not in strict.bodies[1]


async def test_the_cloud(gateways: Gateways, vendor: Vendor, strict: Strict, stream: bool) -> None:
    strict.server = Server(key="sk-ollama")
    strict.scripts.append(Turn('{"city": "Oslo"}'))
    gateway = await gateways.start(
        providers={"lab": {"type": "ollama", "base_url": vendor.url, "api_key": "sk-ollama"}}
    )
    long = "word " * 20_000
    answer = await gateway.create(model="lab/glm-5:cloud", input=long, text={"format": FORM}, stream=stream)
    assert answer.text == '{"city": "Oslo"}'
    assert "num_ctx" not in strict.bodies[0]["options"]


# --- what is too long -------------------------------------------------------------------------------------------------


async def small(gateways: Gateways, vendor: Vendor) -> Gateway:
    return await gateways.start(providers={"lab": {"type": "ollama", "base_url": vendor.url, "num_ctx": 256}})


async def test_nothing_is_cut_in_silence(gateways: Gateways, vendor: Vendor, strict: Strict) -> None:
    gateway = await small(gateways, vendor)
    strict.server = Server(knows_truncate=False)
    refused = told = 0
    for words in (100, 200, 253, 300, 400, 2000):
        before = len(strict.complaints)
        answer = await gateway.create(model="lab/qwen3.5", input="word " * words, store=False)
        declared = await gateway.metric("dragoman_conversions_total", element="input", disposition="approximated")
        if answer.status != 200:
            assert answer.error["code"] == "context_length_exceeded"
            refused += 1
        elif len(strict.complaints) > before:
            assert declared > told
        told = int(declared)
    assert {complaint.rule for complaint in strict.complaints} == {"cut"}
    assert refused >= 2
    strict.complaints.clear()


async def test_what_the_server_refuses_is_the_clients_mistake(
    gateways: Gateways, vendor: Vendor, strict: Strict, stream: bool
) -> None:
    gateway = await small(gateways, vendor)
    answer = await gateway.create(model="lab/qwen3.5", input="word " * 280, stream=stream)
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert answer.error["message"] == RULE.format(detail=284)
    assert [complaint.rule for complaint in strict.complaints] == ["context"]
    strict.complaints.clear()


RULE: Final = ollama.RULES["context"]


async def test_older_turns_make_room_where_the_client_wants_it(
    gateways: Gateways, vendor: Vendor, strict: Strict
) -> None:
    gateway = await small(gateways, vendor)
    turns = [said(text, role) for text in ("word " * 150, "else " * 150, "last") for role in ("user", "assistant")][:-1]
    answer = await gateway.create(model="lab/qwen3.5", input=turns, truncation="auto", store=False)
    assert answer.text == "Hello there."
    assert strict.bodies[0]["messages"][-1]["content"] == "last"
    assert "input[0]" in answer.headers["x-dragoman-dropped"]


# --- what goes wrong --------------------------------------------------------------------------------------------------


async def test_a_cut_stream_fails(gateway: Gateway, strict: Strict) -> None:
    strict.scripts.append(Turn("Hel", CUT))
    answer = await gateway.create(model="lab/qwen3.5", input="Hi", stream=True)
    assert answer.terminal["type"] == "response.failed"


async def test_an_error_amid_the_stream_fails(gateway: Gateway, strict: Strict) -> None:
    strict.scripts.append(Turn("Par", ErrorEvent("llama runner process has terminated")))
    answer = await gateway.create(model="lab/qwen3.5", input="Hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    error = answer.terminal["response"]["error"]
    assert (error["code"], error["message"]) == ("server_error", "llama runner process has terminated")


async def test_an_unknown_model_is_not_asked_for_twice(gateway: Gateway, strict: Strict, stream: bool) -> None:
    body = b'{"error": "model \\"nothing\\" not found, try pulling it first"}'
    strict.scripts.append(Reply(404, (body,), {"content-type": "application/json"}))
    answer = await gateway.create(model="lab/nothing", input="Hi", stream=stream)
    assert (answer.status, answer.error["code"]) == (400, "model_not_found")
    assert len(strict.bodies) == 1


async def test_a_level_that_the_model_does_not_know_becomes_a_plain_wish(gateway: Gateway, strict: Strict) -> None:
    body = b'{"error": "invalid think value: \\"max\\" (must be \\"high\\", \\"medium\\", \\"low\\", true, or false)"}'
    strict.scripts.append(Reply(400, (body,), {"content-type": "application/json"}))
    answer = await gateway.create(model="lab/qwen3.8", input="Hi", reasoning={"effort": "xhigh"})
    assert answer.text == "Hello there."
    assert [body["think"] for body in strict.bodies] == ["max", True]


async def test_a_prompt_that_was_not_counted_is_estimated(gateway: Gateway, strict: Strict) -> None:
    body = b'{"message": {"role": "assistant", "content": "Hello"}, "done": true, "eval_count": 7}'
    strict.scripts.append(Reply(200, (body,), {"content-type": "application/json"}))
    answer = await gateway.create(model="lab/qwen3.5", input="Say hello to the whole world.")
    usage = answer.response["usage"]
    assert usage["input_tokens"] > 3
    assert usage["output_tokens"] == 7
    assert usage["total_tokens"] == usage["input_tokens"] + 7
    assert answer.headers["x-dragoman-usage-source"] == "estimated"


async def test_a_model_that_was_only_loaded_says_nothing(gateway: Gateway, strict: Strict, stream: bool) -> None:
    line = b'{"message": {"role": "assistant", "content": ""}, "done_reason": "load", "done": true}\n'
    strict.scripts.append(Reply(200, (line,), {"content-type": "application/x-ndjson"}))
    answer = await gateway.create(model="lab/qwen3.5", input="Hi", stream=stream)
    assert (answer.response["status"], answer.text) == ("completed", "")
