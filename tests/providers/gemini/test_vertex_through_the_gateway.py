"""Gemini on Vertex AI through the gateway, over sockets, before a strict one."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.loops.conversation import WX, Conversation, output_of
from tests.strict.gemini_vertex import KEY, StrictVertex
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import CUT, END, Called, Turn
from tests.vendors.server import Vendor

MODELS = ("gemini-3.5-flash", "gemini-2.5-flash")


@pytest.fixture
def strict(vendor: Vendor) -> Iterator[StrictVertex]:
    """The strict host, which must have nothing to complain of in the end."""
    found = StrictVertex()
    vendor.responder = found
    yield found
    assert found.complaints == []
    assert all(b"dg1." not in recorded.body for recorded in found.requests)


@pytest.fixture
async def gateway(gateways: Gateways, vendor: Vendor) -> Gateway:
    """A gateway that reaches it."""
    entry = {
        "type": "gemini",
        "project": "house",
        "location": "eu",
        "base_url": vendor.url,
        "api_key": KEY,
        "metadata": True,
    }
    return await gateways.start(providers={"vertex": entry})


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether the client streams."""
    return bool(request.param)


def call(call_id: str, city: str, signature: str = "") -> Called:
    return Called("wx", (f'{{"city": "{city}"}}',), id=call_id, signature=signature)


@pytest.mark.parametrize("model", MODELS)
async def test_a_loop_goes_on_with_everything_that_came(
    gateway: Gateway, strict: StrictVertex, model: str, stream: bool
) -> None:
    strict.play(
        Turn("Let me see.", calls=(call("a1", "Oslo"), call("a2", "Rome")), thinking="Two", signature="c2lnMQ=="),
        Turn(calls=(call("b1", "Bergen"),), thinking="One more", signature="c2lnMg=="),
        Turn("Cold ", "there.", signature="c2lnMw=="),
    )
    conversation = Conversation(gateway, f"vertex/{model}", stream=stream)
    assert await conversation.turn("Weather in the north?") == "Cold there."
    assert await conversation.turn("Thanks.") == "Hello there."
    assert [answer.headers["x-dragoman-attempts"] for answer in conversation.answers] == ["1"] * 4
    told = strict.requests[-1].body.decode()
    assert all(signature in told for signature in ("c2lnMQ==", "c2lnMg==", "c2lnMw=="))
    for answer in conversation.answers:
        for item in answer.response["output"]:
            if item["type"] == "function_call":
                assert output_of(item).replace('"', '\\"') in told


async def test_whatever_a_client_asks_for_reaches_vertex_in_its_form(
    gateway: Gateway, strict: StrictVertex, stream: bool
) -> None:
    files = [
        {"type": "input_file", "file_url": "gs://bucket/a.pdf"},
        {"type": "input_file", "file_url": "https://youtu.be/x"},
    ]
    answer = await gateway.create(
        model="vertex/gemini-3.5-flash",
        input=[{"role": "user", "content": [{"type": "input_text", "text": "Hi"}, *files]}],
        instructions="Be brief",
        tools=[WX, {"type": "web_search"}],
        reasoning={"effort": "none", "summary": "auto"},
        service_tier="flex",
        metadata={"team": "blue"},
        temperature=0.5,
        stream=stream,
    )
    assert answer.text == "Hello there."
    sent = strict.requests[0]
    assert sent.headers["x-vertex-ai-llm-shared-request-type"] == "flex"
    assert sent.json["labels"] == {"team": "blue"}
    assert "x-dragoman-dropped" not in answer.headers


@pytest.mark.parametrize("fate", [CUT, END])
async def test_a_stream_that_breaks_off_is_never_complete(gateway: Gateway, strict: StrictVertex, fate: Any) -> None:
    strict.play(Turn("One ", "two", fate))
    terminal = (await gateway.create(model="vertex/gemini-3.5-flash", input="Hi", stream=True)).terminal
    assert terminal["type"] == "response.failed"


async def test_counts_are_asked_for_there(gateway: Gateway, vendor: Vendor) -> None:
    answer = await gateway.create(path="/v1/responses/input_tokens", model="vertex/gemini-3.5-flash", input="Hi")
    assert answer.json["input_tokens"] > 0
    (count,) = vendor.counts
    assert count.path == "/v1/projects/house/locations/eu/publishers/google/models/gemini-3.5-flash:countTokens"
    assert count.json.keys() == {"contents"}
