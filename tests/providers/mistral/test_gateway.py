"""The whole way over sockets: a client, the gateway, and the strict vendor at each of its hosts."""

from collections import deque
from collections.abc import Iterator
from typing import Any, cast

import orjson
import pytest

from proxy.app import Plugins
from tests.loops.conversation import Conversation, output_of
from tests.strict import chat_reasoning, mistral
from tests.strict.complaint import Complaint
from tests.strict.mistral import Place
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import END, Called, Reply, Script, Turn
from tests.vendors.server import Recorded, Vendor

pytestmark = pytest.mark.skipif("mistral" not in Plugins(), reason="the type mistral is not installed")

HOSTS: dict[Place, tuple[str, str]] = {
    "mistral": ("mistral-medium-latest", "/v1/chat/completions"),
    "azure": ("mistral-medium-3", "/v1/chat/completions"),
    "vertex": ("mistral-medium-3@001", "/v1/mistral-medium-3@001:{}"),
}


class Strict:
    """Mistral, as `Vendor.responder`: `replies` first, then `turns`, then a greeting."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.complaints: list[Complaint] = []
        self.paths: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.replies: deque[Reply] = deque()
        self.turns: deque[Turn] = deque()

    def __call__(self, recorded: Recorded) -> Script:
        self.paths.append(recorded.path)
        self.bodies.append(recorded.json)
        assert recorded.headers["authorization"] == "Bearer sk-m"
        if self.replies:
            return self.replies.popleft()
        found = mistral.complaints(recorded.json, self.place)
        if found:
            self.complaints += found
            return mistral.answer(found)
        turn = self.turns.popleft() if self.turns else Turn("Hello", " there", ".")
        if recorded.json.get("stream"):
            steps = chat_reasoning.stream(turn, "m", "chunks")
            return Reply(200, tuple(steps), {"content-type": "text/event-stream"})
        return Reply(200, (chat_reasoning.whole(turn, "m", "chunks"), END), {"content-type": "application/json"})


@pytest.fixture(params=HOSTS)
def strict(request: pytest.FixtureRequest, vendor: Vendor) -> Iterator[Strict]:
    """The strict vendor at each host, which must have nothing to complain of in the end."""
    strict = Strict(request.param)
    vendor.responder = strict
    yield strict
    assert strict.complaints == []


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor, strict: Strict) -> Gateway:
    """A gateway that reaches it."""
    entry = {"type": "mistral", "host": strict.place, "base_url": f"{vendor.url}/v1", "api_key": "sk-m"}
    return await gateways.start(providers={"house": entry})


def told(status: int, **body: Any) -> Reply:
    return Reply(status, (orjson.dumps(body), END), {"content-type": "application/json"})


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_tool_loop(gateway: Gateway, strict: Strict, stream: bool) -> None:
    model, path = HOSTS[strict.place]
    calls = (Called("wx", ('{"city": "Oslo"}',), id="aaaaaaaa1"), Called("now", ("{}",), id="aaaaaaaa2"))
    strict.turns += [
        Turn("Let me see.", calls=calls, thinking="Two look-ups", signature=""),
        Turn("Cold.", thinking="Enough", signature=""),
    ]
    conversation = Conversation(gateway, f"house/{model}", stream=stream)
    assert await conversation.turn("Weather?") == "Cold."
    assert await conversation.turn("Thanks.") == "Hello there."
    assert strict.paths == [path.format("streamRawPredict" if stream else "rawPredict")] * 3
    messages = strict.bodies[-1]["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert messages[1]["content"][0]["thinking"] == [{"type": "text", "text": "Two look-ups"}]
    first = cast(list[dict[str, Any]], conversation.answers[0].response["output"])
    assert [item["call_id"] for item in first if item["type"] == "function_call"] == ["aaaaaaaa1", "aaaaaaaa2"]
    assert messages[2]["content"] == output_of(next(item for item in first if item["type"] == "function_call"))


async def test_a_member_that_the_host_does_not_know_is_left_out_once(gateway: Gateway, strict: Strict) -> None:
    extra = [{"type": "extra_forbidden", "loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]
    strict.replies.append(told(422, detail=extra))
    answer = await gateway.create(model=f"house/{HOSTS[strict.place][0]}", input="Hi", temperature=0.5)
    assert answer.text == "Hello there."
    assert answer.headers["x-dragoman-dropped"] == "temperature"
    assert [("temperature" in body) for body in strict.bodies] == [True, False]


async def test_capacity_that_is_exceeded_is_a_rate_limit(gateway: Gateway, strict: Strict) -> None:
    full = {"object": "error", "message": "Service tier capacity exceeded for this model.", "code": "3505"}
    strict.replies += [told(429, **full), told(429, **full)]
    answer = await gateway.create(model=f"house/{HOSTS[strict.place][0]}", input="Hi")
    assert (answer.status, answer.error["code"]) == (429, "rate_limit_exceeded")
    assert answer.error["message"] == full["message"]
