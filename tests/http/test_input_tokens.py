"""`/v1/responses/input_tokens`: the number a vendor's counter gives, or an estimate; the model is never asked."""

from typing import Any

import openai
import pytest

from tests.vendors.gateway import MODELS, PROTOCOLS, Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import HANG_UP, Reply, Turn, failure
from tests.vendors.server import Vendor

COUNTED = ("anthropic", "gemini")
"""The protocols whose vendors count."""

TOOL = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}


async def count(gateway: Gateway, **body: Any) -> Whole:
    return await gateway.create(path="/v1/responses/input_tokens", **body)


def tokens(answer: Whole) -> int:
    """The number in an answer that has the documented form."""
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.json.keys() == {"object", "input_tokens"}
    assert answer.json["object"] == "response.input_tokens"
    number: int = answer.json["input_tokens"]
    return number


@pytest.mark.parametrize("protocol", COUNTED)
async def test_the_vendor_s_counter_is_asked_and_no_model(gateway: Gateway, vendor: Vendor, protocol: str) -> None:
    vendor.counter = lambda recorded: 1234
    answer = await count(gateway, model=MODELS[protocol], input="How warm is it?", tools=[TOOL], instructions="Brief.")
    assert tokens(answer) == 1234
    provider, _, model = MODELS[protocol].partition("/")
    assert answer.headers["x-dragoman-provider"] == provider
    assert answer.headers["x-dragoman-model"] == model
    assert "x-dragoman-usage-source" not in answer.headers
    assert vendor.requests == []
    assert len(vendor.counts) == 1


async def test_what_claude_s_counter_is_sent(gateway: Gateway, vendor: Vendor) -> None:
    tokens(await count(gateway, model=MODELS["anthropic"], input="Hi", tools=[TOOL], instructions="Brief."))
    asked = vendor.counts[0]
    assert asked.path == "/v1/messages/count_tokens"
    assert asked.headers["x-api-key"]
    assert asked.headers["anthropic-version"]
    # Without max_tokens, which the counter does not take.
    assert asked.json.keys() == {"model", "system", "messages", "tools"}


async def test_what_gemini_s_counter_is_sent(gateway: Gateway, vendor: Vendor) -> None:
    tokens(await count(gateway, model=MODELS["gemini"], input="Hi", tools=[TOOL], instructions="Brief."))
    asked = vendor.counts[0]
    assert asked.path == "/v1beta/models/gemini-3.5-flash:countTokens"
    assert asked.headers["x-goog-api-key"]
    request = asked.json["generateContentRequest"]
    assert request.pop("model") == "models/gemini-3.5-flash"
    assert {"systemInstruction", "contents", "tools"} <= request.keys()


async def test_a_vendor_without_a_counter_is_estimated(gateway: Gateway, vendor: Vendor) -> None:
    short = await count(gateway, model=MODELS["openai_chat"], input="Hi")
    long = await count(gateway, model=MODELS["openai_chat"], input="Hi", tools=[TOOL], instructions="Be brief.")
    assert short.headers["x-dragoman-usage-source"] == "estimated"
    assert tokens(short) < tokens(long)
    assert vendor.requests == vendor.counts == []


@pytest.mark.parametrize("protocol", COUNTED)
@pytest.mark.parametrize(
    "reply",
    [failure(401), failure(404), failure(429), failure(500), HANG_UP, Reply(200, (b"[]",)), Reply(200, (b"{",))],
)
async def test_a_counter_that_fails_is_replaced_by_an_estimate(
    gateway: Gateway, vendor: Vendor, protocol: str, reply: Reply
) -> None:
    vendor.counter = lambda recorded: reply
    answer = await count(gateway, model=MODELS[protocol], input="Hi")
    assert 0 < tokens(answer) < 50
    assert answer.headers["x-dragoman-usage-source"] == "estimated"
    assert len(vendor.counts) == 1


async def test_equal_questions_are_asked_once(gateway: Gateway, vendor: Vendor) -> None:
    numbers = {
        tokens(await count(gateway, model=MODELS["anthropic"], input=text)) for text in ("a", "a", "another", "a")
    }
    assert len(numbers) == 2
    assert len(vendor.counts) == 2


# --- what continues something -----------------------------------------------------------------------------------------


async def test_the_history_is_counted_with_the_input(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("It is cold."))
    first = await gateway.create(model=MODELS["anthropic"], input="How warm is it in Oslo?")
    kept = first.response["id"]
    tokens(await count(gateway, model=MODELS["anthropic"], input="And now?", previous_response_id=kept))
    assert [message["role"] for message in vendor.counts[0].json["messages"]] == ["user", "assistant", "user"]


async def test_the_input_may_be_absent_where_there_is_a_history(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("It is cold."))
    first = await gateway.create(model=MODELS["gemini"], input="How warm is it in Oslo?")
    bodies: list[dict[str, Any]] = [{}, {"input": None}, {"input": []}]
    for body in bodies:
        answer = await count(gateway, model=MODELS["gemini"], previous_response_id=first.response["id"], **body)
        assert tokens(answer) > 0
    assert len(vendor.counts) == 1


async def test_a_conversation_is_counted_and_nothing_is_added_to_it(gateway: Gateway) -> None:
    items = [{"role": "user", "content": "How warm is it in Oslo?"}]
    made = await gateway.create(path="/v1/conversations", items=items)
    conversation = made.json["id"]
    alone = tokens(await count(gateway, model=MODELS["openai_chat"], conversation=conversation))
    more = tokens(await count(gateway, model=MODELS["openai_chat"], conversation=conversation, input="And now?"))
    again = tokens(await count(gateway, model=MODELS["openai_chat"], conversation={"id": conversation}))
    assert alone == again < more
    listed = await gateway.request("GET", f"/v1/conversations/{conversation}/items")
    assert len(listed.json["data"]) == 1


async def test_a_new_conversation_s_items_are_counted_and_it_is_not_made(gateway: Gateway) -> None:
    new = {"items": [{"role": "user", "content": "How warm is it in Oslo?"}]}
    assert tokens(await count(gateway, model=MODELS["openai_chat"], conversation=new)) > 5


async def test_what_truncation_leaves_is_counted(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(providers={"chat": {"models": {"small": {"capabilities": {"context_window": 400}}}}})
    history = [
        {"role": "user", "content": "word " * 500},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "And now?"},
    ]
    whole = await count(gateway, model="chat/small", input=history)
    left = await count(gateway, model="chat/small", input=history, truncation="auto")
    assert tokens(whole) > 500
    assert tokens(left) < 20
    assert "x-dragoman-dropped" not in whole.headers
    assert left.headers["x-dragoman-dropped"] == "input[0], input[1]"


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"model": MODELS["anthropic"]}, "input", "missing_required_parameter"),
        ({"model": MODELS["anthropic"], "input": None}, "input", "missing_required_parameter"),
        ({"input": "Hi"}, "model", "missing_required_parameter"),
        ({"model": "nobody/knows", "input": "Hi"}, "model", "model_not_found"),
        ({"model": MODELS["anthropic"], "input": "Hi", "temperature": 1}, "temperature", "unknown_parameter"),
        ({"model": MODELS["anthropic"], "input": "Hi", "instrctions": "x"}, "instrctions", "unknown_parameter"),
        ({"model": MODELS["anthropic"], "input": "Hi", "truncation": "never"}, "truncation", "invalid_value"),
        ({"model": MODELS["anthropic"], "input": "Hi", "personality": 3}, "personality", None),
        ({"model": MODELS["anthropic"], "input": "Hi", "personality": "x" * 65}, "personality", None),
        ({"model": MODELS["anthropic"], "input": 3}, "input", None),
        (
            {"model": MODELS["anthropic"], "input": "Hi", "previous_response_id": "resp_unknown"},
            "previous_response_id",
            "previous_response_not_found",
        ),
        (
            {"model": MODELS["anthropic"], "previous_response_id": "resp_1", "conversation": "conv_1"},
            None,
            "mutually_exclusive_parameters",
        ),
    ],
)
async def test_a_client_s_mistake_is_a_400(
    gateway: Gateway, vendor: Vendor, body: dict[str, Any], param: str | None, code: str | None
) -> None:
    answer = await count(gateway, **body)
    assert answer.status == 400
    if param is not None:
        assert answer.error["param"] == param
    if code is not None:
        assert answer.error["code"] == code
    assert vendor.requests == vendor.counts == []


async def test_an_unknown_conversation_is_a_404(gateway: Gateway) -> None:
    answer = await count(gateway, model=MODELS["anthropic"], input="Hi", conversation="conv_unknown")
    assert (answer.status, answer.error["type"]) == (404, "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"null", b"{}", b"[" * 5000])
async def test_a_body_that_is_no_request_is_a_400(gateway: Gateway, body: bytes) -> None:
    headers = {"content-type": "application/json"}
    answer = await gateway.request("POST", "/v1/responses/input_tokens", body=body, headers=headers)
    assert answer.status == 400
    assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_what_is_nested_too_deep_is_a_400(gateway: Gateway, protocol: str) -> None:
    statuses = []
    for depth in (10, 80, 100, *range(116, 130), 300, 480):
        schema = b'{"type":"object","properties":{"a":' * depth + b"{}" + b"}}" * depth
        body = b'{"model":"%b","input":"Hi","tools":[{"type":"function","name":"f","parameters":%b}]}'
        answer = await gateway.request(
            "POST", "/v1/responses/input_tokens", body=body % (MODELS[protocol].encode(), schema)
        )
        statuses.append(answer.status)
    assert statuses == sorted(statuses)
    assert set(statuses) == {200, 400}


async def test_unknown_parameters_can_be_overlooked(gateways: Gateways) -> None:
    gateway = await gateways.start(unknown_parameters="ignore")
    assert tokens(await count(gateway, model=MODELS["openai_chat"], input="Hi", temperature=1, new_thing=2)) > 0


async def test_a_personality_and_what_codex_adds_are_overlooked(gateway: Gateway) -> None:
    extras = {"personality": "friendly", "client_metadata": {"a": "b"}}
    assert tokens(await count(gateway, model=MODELS["openai_chat"], input="Hi", **extras)) > 0


async def test_the_default_model_is_counted_for(gateways: Gateways) -> None:
    gateway = await gateways.start(default_model=MODELS["openai_chat"])
    answer = await count(gateway, input="Hi")
    assert tokens(answer) > 0
    assert answer.headers["x-dragoman-provider"] == "chat"


# --- the rest ---------------------------------------------------------------------------------------------------------


async def test_a_count_is_no_response_in_the_metrics_and_one_line_in_the_log(
    gateway: Gateway, journal: Journal
) -> None:
    tokens(await count(gateway, model=MODELS["anthropic"], input="the secret word"))
    assert await gateway.metric("dragoman_requests_total") == 0
    assert await gateway.metric("dragoman_tokens_total") == 0
    lines = [entry for entry in journal.entries if entry["event"] == "input_tokens"]
    assert len(lines) == 1
    assert lines[0]["provider"] == "claude"
    assert lines[0]["usage_source"] == "provider"
    assert "secret" not in str(lines)


async def test_only_post_is_answered(gateway: Gateway) -> None:
    for method in ("GET", "DELETE"):
        answer = await gateway.request(method, "/v1/responses/input_tokens")
        assert answer.status == 405


async def test_the_sdk_reads_the_answer(client: openai.AsyncOpenAI, vendor: Vendor) -> None:
    vendor.counter = lambda recorded: 77
    counted = await client.responses.input_tokens.count(model=MODELS["gemini"], input="Hi")
    assert (counted.object, counted.input_tokens) == ("response.input_tokens", 77)


async def test_the_path_without_its_version_is_the_same(gateway: Gateway) -> None:
    answer = await gateway.create(path="/responses/input_tokens", model=MODELS["openai_chat"], input="Hi")
    assert tokens(answer) > 0
