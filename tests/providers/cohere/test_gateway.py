"""The whole way over sockets: a client, the gateway, and the strict vendor."""

from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from proxy.app import Plugins
from tests.loops.conversation import Conversation
from tests.providers.cohere.material import MODEL, PLAIN, WEATHER
from tests.strict import cohere
from tests.strict.complaint import Complaint, received
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, Called, ErrorEvent, Reply, Script, Turn
from tests.vendors.server import Recorded, Vendor

pytestmark = pytest.mark.skipif("cohere" not in Plugins(), reason="the type cohere is not installed")

KEY = "sk-vendor-cohere"


class Strict:
    """Cohere, as `Vendor.responder`: what is written down first, then a greeting."""

    def __init__(self) -> None:
        self.complaints: list[Complaint] = []
        self.bodies: list[dict[str, Any]] = []
        self.scripts: deque[Script] = deque()

    def __call__(self, recorded: Recorded) -> Script:
        self.bodies.append(recorded.json)
        assert recorded.headers["x-client-name"] == "dragoman"
        found = cohere.complaints(received(recorded), KEY)
        if found:
            self.complaints += found
            return cohere.answer(found)
        return self.scripts.popleft() if self.scripts else Turn("Hello", " there", ".")


@pytest.fixture
def strict(vendor: Vendor) -> Iterator[Strict]:
    """The strict vendor, which must have nothing to complain of in the end."""
    strict = Strict()
    vendor.responder = strict
    yield strict
    assert strict.complaints == []


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor, strict: Strict) -> Gateway:
    """A gateway that reaches it."""
    return await gateways.start(providers={"command": {"type": "cohere", "base_url": vendor.url, "api_key": KEY}})


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether the client streams."""
    return bool(request.param)


async def test_a_text(gateway: Gateway, strict: Strict, stream: bool) -> None:
    strict.scripts.append(Turn("Hel", "lo", thinking="Greet.", tokens=(74, 3)))
    answer = await gateway.create(model=f"command/{MODEL}", input="Hi", instructions="Short", stream=stream)
    assert answer.text == "Hello"
    assert answer.response["usage"]["total_tokens"] == 77
    assert answer.response["output"][0]["content"] == [{"type": "reasoning_text", "text": "Greet."}]


async def test_a_tool_loop(gateway: Gateway, strict: Strict, stream: bool) -> None:
    calls = (Called("wx", ('{"city":', ' "Oslo"}'), id="wx_1"), Called("now", ("{}",), id="now_1"))
    strict.scripts += [Turn("I will", " look twice.", calls=calls, thinking="Two look-ups."), Turn("Cold.")]
    conversation = Conversation(gateway, f"command/{MODEL}", stream=stream)
    assert await conversation.turn("Weather?") == "Cold."
    assert await conversation.turn("Thanks.") == "Hello there."
    messages = strict.bodies[-1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert messages[1]["tool_plan"] == "I will look twice."
    assert messages[1]["content"] == [{"type": "thinking", "thinking": "Two look-ups."}]
    assert [call["id"] for call in messages[1]["tool_calls"]] == ["wx_1", "now_1"]


async def test_thinking_does_not_go_to_another_model(gateway: Gateway, strict: Strict) -> None:
    strict.scripts.append(Turn("Hello.", thinking="Greet."))
    first = await gateway.create(model=f"command/{MODEL}", input="Hi")
    items = [{"role": "user", "content": "Hi"}, *first.response["output"], {"role": "user", "content": "Well?"}]
    answer = await gateway.create(model=f"command/{PLAIN}", input=items)
    assert answer.text == "Hello there."
    assert strict.bodies[-1]["messages"][1] == {"role": "assistant", "content": "Hello."}


async def test_a_named_tool(gateway: Gateway, strict: Strict, stream: bool) -> None:
    strict.scripts.append(Turn("I will check", calls=(Called("weather", ('{"city":', '"Oslo"}'), id="wx_1"),)))
    choice = {"type": "function", "name": "weather"}
    tools = [WEATHER, {"type": "function", "name": "time"}]
    answer = await gateway.create(model=f"command/{MODEL}", input="Hi", tools=tools, tool_choice=choice, stream=stream)
    assert [tool["function"]["name"] for tool in strict.bodies[0]["tools"]] == ["weather"]
    assert answer.response["tool_choice"] == choice
    plan, call = answer.response["output"]
    assert plan["content"] == [{"type": "reasoning_text", "text": "I will check"}]
    assert (call["call_id"], call["arguments"]) == ("wx_1", '{"city":"Oslo"}')


async def test_a_schema_beside_tools_is_checked_by_the_gateway(gateway: Gateway, strict: Strict, stream: bool) -> None:
    strict.scripts.append(Turn('```json\n{"city": "Oslo"}\n```'))
    form = {"type": "json_schema", "name": "place", "schema": WEATHER["parameters"]}
    answer = await gateway.create(
        model=f"command/{MODEL}", input="Hi", tools=[WEATHER], text={"format": form}, stream=stream
    )
    assert answer.text == '{"city": "Oslo"}'
    assert "response_format" not in strict.bodies[0]


async def test_a_cut_stream_fails(gateway: Gateway, strict: Strict) -> None:
    strict.scripts.append(Turn("Hel", CUT))
    answer = await gateway.create(model=f"command/{MODEL}", input="Hi", stream=True)
    assert answer.terminal["type"] == "response.failed"


async def test_an_error_at_the_end_fails(gateway: Gateway, strict: Strict) -> None:
    strict.scripts.append(Turn("Hel", ErrorEvent("invalid tool generation")))
    answer = await gateway.create(model=f"command/{MODEL}", input="Hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    assert answer.terminal["response"]["error"]["message"] == "invalid tool generation"


async def test_too_long_is_the_clients_mistake(gateway: Gateway, strict: Strict, stream: bool) -> None:
    body = b'{"message": "too many tokens: total number of tokens in the prompt cannot exceed 256000"}'
    strict.scripts.append(Reply(400, (body,), {"content-type": "application/json"}))
    answer = await gateway.create(model=f"command/{MODEL}", input="Hi", stream=stream)
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert len(strict.bodies) == 1


async def test_a_used_up_key_is_not_tried_again(gateway: Gateway, strict: Strict) -> None:
    body = b'{"message": "You are using a Trial key, which is limited to 1000 API calls / month."}'
    strict.scripts.append(Reply(429, (body,), {"content-type": "application/json"}))
    answer = await gateway.create(model=f"command/{MODEL}", input="Hi")
    assert (answer.status, answer.error["code"]) == (429, "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"
    assert len(strict.bodies) == 1


async def test_the_vendors_counter_is_asked(gateway: Gateway, vendor: Vendor, strict: Strict) -> None:
    vendor.counter = lambda recorded: 42
    answer = await gateway.create(path="/v1/responses/input_tokens", model=f"command/{MODEL}", input="Hi")
    assert answer.json["input_tokens"] == 42
    assert vendor.counts[0].json["model"] == MODEL
