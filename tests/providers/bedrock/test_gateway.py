"""Through the gateway, over sockets, before a strict Bedrock."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.loops.conversation import Conversation, output_of
from tests.providers.bedrock.requests import HAIKU, KEY, KIMI, LLAMA, MISTRAL, NEWEST, NOVA, NOVA_2, OPUS, OSS, QWEN
from tests.strict.converse_play import StrictConverse
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, END, Called, ErrorEvent, Turn
from tests.vendors.server import Vendor

MODELS = (HAIKU, OPUS, NEWEST, NOVA, NOVA_2, LLAMA, MISTRAL, OSS, QWEN, KIMI)
CLAUDE = (HAIKU, OPUS, NEWEST)


@pytest.fixture
def strict(vendor: Vendor) -> Iterator[StrictConverse]:
    """The strict vendor, which must have nothing to complain of in the end."""
    found = StrictConverse(KEY)
    vendor.responder = found
    yield found
    assert found.complaints == []
    assert all(b"dg1." not in recorded.body for recorded in found.requests)


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor) -> Gateway:
    """A gateway that reaches it."""
    entry = {"type": "bedrock", "region": "us-east-1", "base_url": vendor.url, "api_key": KEY}
    return await gateways.start(providers={"aws": entry})


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether the client streams."""
    return bool(request.param)


def call(call_id: str, city: str) -> Called:
    return Called("wx", ('{"city"', f': "{city}"}}'), id=call_id)


TURNS = (
    Turn(
        "Let me ",
        "see.",
        calls=(call("a1", "Oslo"), call("a2", "Rome"), Called("now", ("",), id="a3")),
        thinking="Three look-ups",
        signature="S1",
    ),
    Turn(calls=(call("b1", "Bergen"),), thinking="One more", signature="S2"),
    Turn("Cold ", "there.", thinking="That is enough", signature="S3"),
    Turn(calls=(call("c1", "Turin"), call("c2", "Pisa")), thinking="The south", signature="S4"),
    Turn("Warm", ".", thinking="All said", signature="S5"),
)


@pytest.mark.parametrize("model", MODELS)
async def test_a_loop_goes_on_with_everything_that_came(
    gateway: Gateway, strict: StrictConverse, model: str, stream: bool
) -> None:
    strict.play(*TURNS)
    conversation = Conversation(gateway, f"aws/{model}", stream=stream, max_output_tokens=5000)
    assert await conversation.turn("Weather in the north?") == "Cold there."
    assert await conversation.turn("And in the south?") == "Warm."
    assert await conversation.turn("Thanks.") == "Hello there."
    assert [answer.headers["x-dragoman-attempts"] for answer in conversation.answers] == ["1"] * 6
    told = strict.requests[-1].body.decode()
    assert all(f"S{number}" in told for number in range(1, 6)) == (model in CLAUDE)
    for answer in conversation.answers:
        for item in answer.response["output"]:
            if item["type"] == "function_call":
                assert output_of(item).replace('"', '\\"') in told


@pytest.mark.parametrize("model", [HAIKU, MISTRAL])
async def test_a_loop_goes_on_without_reasoning_and_in_another_order(
    gateway: Gateway, strict: StrictConverse, model: str, stream: bool
) -> None:
    strict.play(*TURNS)
    conversation = Conversation(
        gateway, f"aws/{model}", stream=stream, keeps_reasoning=False, reverses=True, max_output_tokens=5000
    )
    assert await conversation.turn("Weather in the north?") == "Cold there."


async def test_a_conversation_moves_from_model_to_model(gateway: Gateway, strict: StrictConverse) -> None:
    conversation = Conversation(gateway, f"aws/{HAIKU}", max_output_tokens=5000)
    strict.play(*TURNS[:3])
    assert await conversation.turn("Weather?") == "Cold there."
    for model in (NOVA, MISTRAL, OSS, LLAMA):
        conversation.model = f"aws/{model}"
        assert await conversation.turn("Go on.") == "Hello there."


async def ask(gateway: Gateway, model: str = NOVA, **members: Any) -> Any:
    return await gateway.create(model=f"aws/{model}", input="Hi", **members)


async def test_a_stream_that_is_throttled_amid_the_output_fails(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("One ", "two", ErrorEvent("Too many requests", "rate_limit_error")))
    terminal = (await ask(gateway, stream=True)).terminal
    assert terminal["type"] == "response.failed"
    assert terminal["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Too many requests"}
    assert terminal["response"]["output"][0]["status"] == "incomplete"


async def test_a_stream_that_is_throttled_before_the_output_is_tried_again(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(ErrorEvent("Too many requests", "rate_limit_error")), Turn("Hello"))
    answer = await ask(gateway, stream=True)
    assert answer.text == "Hello"
    assert answer.headers["x-dragoman-attempts"] == "2"


@pytest.mark.parametrize("end", [CUT, END])
async def test_a_stream_that_is_cut_fails(gateway: Gateway, vendor: Vendor, end: Any) -> None:
    vendor.play(Turn("One ", "two", end))
    terminal = (await ask(gateway, stream=True)).terminal
    assert terminal["type"] == "response.failed"


async def test_what_a_model_does_not_take_is_left_out_and_said(gateway: Gateway, vendor: Vendor) -> None:
    strict = StrictConverse(KEY)
    vendor.responder = strict
    answer = await ask(gateway, "us.meta.llama3-3-70b-instruct-v1:0", service_tier="fast")
    assert answer.text == "Hello there."
    assert answer.headers["x-dragoman-dropped"] == "service_tier"


async def test_a_wrong_key_is_the_operators(gateways: Gateways, vendor: Vendor) -> None:
    vendor.responder = StrictConverse(KEY)
    entry = {"type": "bedrock", "region": "us-east-1", "base_url": vendor.url, "api_key": "wrong"}
    gateway = await gateways.start(providers={"aws": entry})
    answer = await ask(gateway)
    assert answer.status == 502
    assert answer.json["error"]["code"] == "provider_authentication_failed"


async def test_tokens_are_counted_by_the_vendor(gateway: Gateway, vendor: Vendor) -> None:
    vendor.counter = lambda recorded: 42
    body = b'{"model":"aws/us.anthropic.claude-haiku-4-5-20251001-v1:0","input":"Hi"}'
    headers = {"content-type": "application/json"}
    answer = await gateway.request("POST", "/v1/responses/input_tokens", body=body, headers=headers)
    assert answer.json["input_tokens"] == 42
    assert vendor.counts[0].path.startswith("/model/anthropic.claude-haiku")
