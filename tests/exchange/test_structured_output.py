"""Structured output of models that cannot be held to it, from the client to the vendor and back."""

import asyncio
import io
from typing import Any

import orjson
import pytest

from tests.http.sockets import connected, text_of
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.script import CUT, Called, Reply, Turn, failure
from tests.vendors.server import Recorded, Vendor

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
RECURSIVE: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
    "required": ["name"],
    "additionalProperties": False,
}
RIGHT = '{"name": "Ada", "age": 36}'
TREE = '{"name": "a", "children": [{"name": "b"}]}'
PROSE = "Sure! Ada was 36."

CHAT, CLAUDE, GOOGLE = "deep/deepseek-v4-pro", "claude/claude-sonnet-5", "google/gemini-2.5-flash"

TOOL = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor) -> Gateway:
    """A gateway with a server that holds to no schema."""
    deep = {"type": "openai_chat", "dialect": "deepseek", "base_url": f"{vendor.url}/v1", "api_key": "sk-vendor-deep"}
    return await gateways.start(providers={"deep": deep})


def form(schema: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"format": {"type": "json_schema", "name": "person", "schema": schema, **members}}


async def ask(gateway: Gateway, model: str = CHAT, schema: dict[str, Any] = SCHEMA, **body: Any) -> Whole:
    body = {"model": model, "input": "Who?", "text": form(schema)} | body
    return await gateway.create(**body)


def instructions(recorded: Recorded) -> str:
    """What the vendor got as instructions."""
    body = recorded.json
    if "system" in body:
        return "\n".join(block["text"] for block in body["system"])
    if "systemInstruction" in body:
        return "\n".join(part["text"] for part in body["systemInstruction"]["parts"])
    text: str = body["messages"][0]["content"]
    return text


# --- what the vendor is asked -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "text"),
    [
        (CHAT, form(SCHEMA, description="A person.")),
        (CLAUDE, form(RECURSIVE, description="A person.")),
        (CLAUDE, {"format": {"type": "json_object"}}),
    ],
)
async def test_the_format_is_an_instruction_behind_the_clients_own(
    gateway: Gateway, vendor: Vendor, model: str, text: dict[str, Any]
) -> None:
    vendor.always(Turn(TREE if text["format"].get("schema") is not SCHEMA else RIGHT))
    answer = await ask(gateway, model, text=text, instructions="Be brief.")
    told = instructions(vendor.last)
    assert told.startswith("Be brief.")
    if (schema := text["format"].get("schema")) is not None:
        assert orjson.dumps(schema).decode() in told
        assert "A person." in told
        assert "'person'" in told
    assert not {"response_format", "output_config"} & vendor.last.json.keys() or "format" not in vendor.last.json.get(
        "output_config", {}
    )
    echoed = answer.response["text"]["format"]
    assert echoed == ({"strict": False, "description": None} if "schema" in echoed else {}) | text["format"]
    assert answer.response["instructions"] == "Be brief."


async def test_a_schema_that_the_vendor_takes_is_left_to_it(gateway: Gateway, vendor: Vendor) -> None:
    vendor.always(Turn("not", " JSON"))
    answer = await ask(gateway, CLAUDE)
    assert answer.text == "not JSON"
    assert vendor.last.json["output_config"]["format"]["schema"]["required"] == ["name", "age"]


async def test_a_strict_request_takes_a_checked_answer_for_the_format(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(strict=True)
    vendor.always(Turn(TREE))
    assert (await ask(gateway, CLAUDE, RECURSIVE)).text == TREE


async def test_a_count_of_the_input_counts_the_instruction(gateway: Gateway, vendor: Vendor) -> None:
    plain = {"model": CLAUDE, "input": "Who?"}
    without = await gateway.create(path="/v1/responses/input_tokens", **plain)
    with_it = await gateway.create(path="/v1/responses/input_tokens", **plain, text=form(RECURSIVE))
    assert with_it.json["input_tokens"] > without.json["input_tokens"]
    assert orjson.dumps(RECURSIVE).decode() in instructions(vendor.counts[-1])


# --- the answer -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ((RIGHT[:9], RIGHT[9:]), RIGHT),
        (("```json\n", RIGHT, "\n```"), RIGHT),
        (("```\n", RIGHT, "\n```\n"), RIGHT),
        (('{"parameters": ', RIGHT, "}"), RIGHT),
        (('```json\n{ "person" : ', RIGHT, " }\n```"), RIGHT),
    ],
)
async def test_an_answer_that_conforms_is_shown_as_it_was_written(
    gateway: Gateway, vendor: Vendor, written: tuple[str, ...], shown: str, stream: bool
) -> None:
    vendor.play(Turn(*written))
    answer = await ask(gateway, stream=stream)
    assert (answer.response["status"], answer.text, len(vendor.requests)) == ("completed", shown, 1)
    assert answer.headers["x-dragoman-attempts"] == "1"
    if stream:
        deltas = [event["delta"] for event in answer.events if event["type"] == "response.output_text.delta"]
        assert "".join(deltas) == shown


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("model", "schema", "right"), [(CHAT, SCHEMA, RIGHT), (CLAUDE, RECURSIVE, TREE), (CLAUDE, None, '{"a": 1}')]
)
@pytest.mark.parametrize("wrong", [PROSE, f"Here it is: {RIGHT}", '{"name": 1}', "[]", "", '{"name": "Ada"'])
async def test_an_answer_that_does_not_conform_is_asked_for_once_more(
    gateway: Gateway, vendor: Vendor, model: str, schema: dict[str, Any] | None, right: str, wrong: str, stream: bool
) -> None:
    if schema is None and wrong == '{"name": 1}':
        wrong = "17"
    text = {"format": {"type": "json_object"}} if schema is None else form(schema)
    vendor.play(Turn(wrong, tokens=(10, 5)), Turn(right, tokens=(20, 7)))
    answer = await ask(gateway, model, stream=stream, text=text)
    assert (answer.response["status"], answer.text) == ("completed", right)
    if wrong.startswith(("Sure", "Here")):
        assert wrong[:4] not in answer.body.decode()
    usage = answer.response["usage"]
    assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (30, 12, 42)
    first, second = (recorded.json["messages"] for recorded in vendor.requests)
    assert second[: len(first) - 1] == first[:-1]
    assert [message["role"] for message in second].count("assistant") == (1 if wrong else 0)
    assert second[-1]["role"] == "user"
    assert "corrected JSON" in orjson.dumps(second[-1]).decode()
    assert instructions(vendor.requests[0]) == instructions(vendor.requests[1])
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="ok") == 2
    if not stream:
        assert answer.headers["x-dragoman-attempts"] == "2"


async def test_the_model_is_told_where_its_answer_is_wrong(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn('{"name": "Ada", "age": "36"}'), Turn(RIGHT))
    await ask(gateway)
    told = vendor.last.json["messages"][-1]["content"]
    assert "'/age'" in told
    assert "integer" in told


@pytest.mark.parametrize("wrong", [PROSE, '{"name": "Secret Name"}'])
async def test_an_answer_that_is_wrong_twice_fails_the_response(gateway: Gateway, vendor: Vendor, wrong: str) -> None:
    vendor.always(Turn(wrong))
    answer = await ask(gateway)
    assert (answer.status, answer.error["type"], answer.error["code"]) == (
        502,
        "server_error",
        "invalid_structured_output",
    )
    assert len(vendor.requests) == 2
    assert "Ada" not in answer.error["message"]
    assert "Secret" not in answer.error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert await gateway.metric("dragoman_tokens_total", source="provider") == 2 * (11 + 7)


async def test_a_stream_that_showed_its_reasoning_fails_with_its_terminal_event(
    gateway: Gateway, vendor: Vendor
) -> None:
    vendor.always(Turn(PROSE, thinking="Hmm.", signature="s1g"))
    answer = await ask(gateway, CLAUDE, RECURSIVE, stream=True, reasoning={"effort": "low", "summary": "auto"})
    assert answer.terminal["type"] == "response.failed"
    assert answer.response["error"]["code"] == "server_error"
    assert PROSE not in answer.body.decode()
    assert [item["type"] for item in answer.response["output"]] == ["reasoning", "reasoning"]
    assert (await gateway.request("GET", f"/v1/responses/{answer.response['id']}")).json["status"] == "failed"


async def test_the_reasoning_of_both_calls_is_shown(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(
        Turn(PROSE, thinking="One.", signature="s1g"),
        Turn(TREE, thinking="Two.", signature="s2g"),
    )
    answer = await ask(gateway, CLAUDE, RECURSIVE, stream=True, reasoning={"effort": "low", "summary": "auto"})
    output = answer.response["output"]
    assert [item["type"] for item in output] == ["reasoning", "reasoning", "message"]
    assert [item["summary"][0]["text"] for item in output[:2]] == ["One.", "Two."]
    assert output[0]["encrypted_content"] != output[1]["encrypted_content"]
    assert answer.text == TREE


# --- what is not read -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
async def test_tools_beside_a_schema_are_called(gateway: Gateway, vendor: Vendor, stream: bool) -> None:
    vendor.play(Turn("Let me look.", calls=(Called("look"),)), Turn(RIGHT))
    answer = await ask(gateway, tools=[TOOL], stream=stream)
    assert [item["type"] for item in answer.response["output"]] == ["message", "function_call"]
    assert (answer.response["status"], answer.text) == ("completed", "Let me look.")
    result = {"type": "function_call_output", "call_id": "call_1", "output": "Ada, 36"}
    history = [{"role": "user", "content": "Who?"}, *answer.response["output"], result]
    answer = await ask(gateway, tools=[TOOL], stream=stream, input=history)
    assert (answer.response["status"], answer.text, len(vendor.requests)) == ("completed", RIGHT, 2)


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_that_was_cut_by_its_limit_is_shown(gateway: Gateway, vendor: Vendor, stream: bool) -> None:
    vendor.play(Turn('{"name": "A', stop="length"))
    answer = await ask(gateway, stream=stream)
    assert (answer.response["status"], answer.text) == ("incomplete", '{"name": "A')
    assert answer.response["incomplete_details"] == {"reason": "max_output_tokens"}


async def test_a_repair_that_is_cut_by_its_limit_is_shown(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(PROSE), Turn('{"name": "A', stop="length"))
    answer = await ask(gateway)
    assert (answer.response["status"], answer.text) == ("incomplete", '{"name": "A')


# --- around it --------------------------------------------------------------------------------------------------------


async def test_a_failure_amid_held_text_is_tried_again(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(RIGHT[:5], CUT), Turn(RIGHT))
    answer = await ask(gateway, stream=True)
    assert (answer.response["status"], answer.text, len(vendor.requests)) == ("completed", RIGHT, 2)


async def test_a_failed_repair_is_tried_again(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(PROSE), failure(503), Turn(RIGHT))
    answer = await ask(gateway)
    assert (answer.text, answer.headers["x-dragoman-attempts"]) == (RIGHT, "3")
    assert vendor.requests[1].body == vendor.requests[2].body


async def test_a_background_response_is_checked(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(PROSE), Turn(f"```json\n{RIGHT}\n```"))
    followed = await ask(gateway, background=True, stream=True)
    assert (followed.response["status"], followed.text) == ("completed", RIGHT)
    found = await gateway.request("GET", f"/v1/responses/{followed.response['id']}")
    assert (found.response["status"], found.text) == ("completed", RIGHT)
    assert PROSE not in followed.body.decode()


async def test_an_answer_over_a_websocket_is_checked(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(PROSE), Turn(RIGHT))
    async with connected(gateway) as socket:
        response = await socket.respond(model=CHAT, input="Who?", text=form(SCHEMA))
        assert text_of(response) == RIGHT
        assert PROSE not in "".join(socket.frames)


async def test_a_client_that_leaves_while_text_is_held_ends_the_call(gateway: Gateway, vendor: Vendor) -> None:
    held = asyncio.Event()
    vendor.play(Turn(RIGHT[:5], held, RIGHT[5:]))
    wire = await gateway.open(model=CHAT, input="Who?", text=form(SCHEMA), stream=True)
    recorded = await vendor.arrival()
    await wire.close()
    async with asyncio.timeout(10):
        await recorded.closed.wait()


async def test_the_input_of_the_repair_is_that_of_the_first_call(gateway: Gateway, vendor: Vendor) -> None:
    history = [
        {"role": role, "content": f"{role} {number}"} for number in range(20) for role in ("user", "assistant")
    ] + [{"role": "user", "content": "Who?"}]
    vendor.play(Turn(PROSE), Turn(RIGHT))
    await ask(gateway, input=history, truncation="auto")
    first, second = (recorded.json["messages"] for recorded in vendor.requests)
    assert second[: len(first)] == first
    assert len(second) == len(first) + 2


async def test_estimated_usage_counts_both_calls(gateway: Gateway, vendor: Vendor) -> None:
    def unreported(text: str) -> Reply:
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        body = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]}
        return Reply(200, (orjson.dumps(body),), {"content-type": "application/json"})

    vendor.play(unreported(RIGHT))
    once = (await ask(gateway)).response["usage"]
    vendor.play(unreported(PROSE), unreported(RIGHT))
    answer = await ask(gateway)
    assert answer.headers["x-dragoman-usage-source"] == "estimated"
    assert answer.response["usage"]["input_tokens"] > 2 * once["input_tokens"]
    assert answer.response["usage"]["output_tokens"] > once["output_tokens"]


# --- schemas ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/hostname"},
        {"$ref": "#/$defs/nothing"},
        {"type": "objekt"},
        {"type": "object", "properties": 5},
        {"type": "string", "pattern": "(?=look)"},
        {"type": "string", "pattern": "("},
        {"$schema": "http://127.0.0.1:9/meta", "type": "object"},
    ],
)
async def test_a_schema_that_cannot_be_kept_is_refused(
    gateway: Gateway, vendor: Vendor, schema: dict[str, Any]
) -> None:
    answer = await ask(gateway, schema=schema)
    assert (answer.status, answer.error["param"]) == (400, "text.format.schema")
    assert vendor.requests == []


async def test_an_empty_schema_takes_any_json(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Ada"), Turn("[1]"))
    assert (await ask(gateway, schema={})).text == "[1]"


@pytest.mark.parametrize("model", [CHAT, CLAUDE])
async def test_a_schema_without_bottom_is_refused(gateway: Gateway, vendor: Vendor, model: str) -> None:
    deep = b'{"properties":{"a":' * 100_000 + b"{}" + b"}}" * 100_000
    body = b'{"model":"%b","input":"x","text":{"format":{"type":"json_schema","name":"a","schema":%b}}}'
    answer = await gateway.request("POST", "/v1/responses", body=io.BytesIO(body % (model.encode(), deep)))
    assert answer.status == 400
    assert vendor.requests == []


async def test_a_pattern_holds_nobody_up(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn('"' + "a" * 100_000 + '!"'), Turn('"aaa"'))
    asked = asyncio.ensure_future(ask(gateway, schema={"type": "string", "pattern": "^(a+)+$"}))
    assert (await asked).text == '"aaa"'
