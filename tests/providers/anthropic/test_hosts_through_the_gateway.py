"""Claude on other hosts through the gateway, over sockets, before strict ones."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.loops.conversation import Conversation, output_of
from tests.strict.messages_hosts import KEY, StrictHost
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, END, Called, ErrorEvent, Reply, Turn
from tests.vendors.server import Vendor

MODELS = ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", "global.anthropic.claude-opus-5-5")


@pytest.fixture
def strict(vendor: Vendor) -> Iterator[StrictHost]:
    """The strict host, which must have nothing to complain of in the end."""
    found = StrictHost("bedrock")
    vendor.responder = found
    yield found
    assert found.complaints == []
    assert all(b"dg1." not in recorded.body for recorded in found.requests)


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor) -> Gateway:
    """A gateway that reaches Bedrock."""
    entry = {"type": "anthropic", "region": "us-east-1", "base_url": vendor.url, "api_key": KEY, "auto_cache": True}
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
)


@pytest.mark.parametrize("model", MODELS)
async def test_a_loop_goes_on_with_everything_that_came(
    gateway: Gateway, strict: StrictHost, model: str, stream: bool
) -> None:
    strict.play(*TURNS)
    conversation = Conversation(gateway, f"aws/{model}", stream=stream, max_output_tokens=5000)
    assert await conversation.turn("Weather in the north?") == "Cold there."
    assert await conversation.turn("Thanks.") == "Hello there."
    assert [answer.headers["x-dragoman-attempts"] for answer in conversation.answers] == ["1"] * 4
    told = strict.requests[-1].body.decode()
    assert all(f'"signature":"S{number}"' in told for number in (1, 2, 3))
    for answer in conversation.answers:
        for item in answer.response["output"]:
            if item["type"] == "function_call":
                assert output_of(item).replace('"', '\\"') in told


async def test_whatever_a_client_asks_for_reaches_bedrock_in_its_form(
    gateway: Gateway, strict: StrictHost, stream: bool
) -> None:
    strict.play(Turn('{"a": 1}'))
    answer = await gateway.create(
        model="aws/eu.anthropic.claude-haiku-4-5-20251001-v1:0",
        input=[{"role": "user", "content": "Hi"}, {"role": "developer", "content": "Rhyme."}],
        instructions="Be brief",
        tools=[{"type": "web_search"}, {"type": "code_interpreter", "container": {"type": "auto"}}],
        text={"format": {"type": "json_object"}},
        reasoning={"effort": "low", "summary": "auto"},
        service_tier="flex",
        safety_identifier="someone",
        max_output_tokens=5000,
        stream=stream,
    )
    assert answer.status == 200
    assert strict.requests[0].headers["x-amzn-bedrock-service-tier"] == "flex"
    assert set(answer.headers["x-dragoman-dropped"].replace(" ", "").split(",")) >= {"tools[0]", "tools[1]"}


async def ask(gateway: Gateway, **members: Any) -> Any:
    return await gateway.create(model="aws/eu.anthropic.claude-opus-5-5", input="Hi", max_output_tokens=100, **members)


async def test_a_stream_that_is_throttled_amid_the_output_fails(gateway: Gateway, strict: StrictHost) -> None:
    strict.play(Turn("One ", "two", ErrorEvent("Too many requests", "rate_limit_error")))
    terminal = (await ask(gateway, stream=True)).terminal
    assert terminal["type"] == "response.failed"
    assert terminal["response"]["error"] == {"code": "rate_limit_exceeded", "message": "Too many requests"}
    assert terminal["response"]["output"][0]["status"] == "incomplete"


@pytest.mark.parametrize("fate", [CUT, END])
async def test_a_stream_that_breaks_off_is_never_complete(gateway: Gateway, strict: StrictHost, fate: Any) -> None:
    strict.play(Turn("One ", "two", fate))
    assert (await ask(gateway, stream=True)).terminal["type"] == "response.failed"


async def test_a_damaged_frame_ends_the_stream(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Reply(200, (b"\x00" * 64, END), {"content-type": "application/vnd.amazon.eventstream"}))
    vendor.play(Reply(200, (b"\x00" * 64, END), {"content-type": "application/vnd.amazon.eventstream"}))
    answer = await ask(gateway, stream=True)
    assert (answer.status, answer.error["code"]) == (502, "server_error")


async def test_an_image_by_its_address_is_not_sent_there(gateway: Gateway, strict: StrictHost) -> None:
    part = {"type": "input_image", "image_url": "https://a.example/x.png"}
    answer = await gateway.create(
        model="aws/eu.anthropic.claude-opus-5-5", input=[{"role": "user", "content": [part]}], max_output_tokens=90
    )
    assert (answer.status, answer.error["param"]) == (400, "input[0].content[0].image_url")
    assert strict.requests == []
