"""`truncation: auto` at the running gateway: what the vendor gets, and what the client is told."""

from typing import Any

import pytest

from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import Turn, failure
from tests.vendors.server import Vendor

TOO_LONG = failure(400, "This model's maximum context length is 4096 tokens.", code="context_length_exceeded")

SMALL: dict[str, Any] = {"chat": {"models": {"small": {"capabilities": {"context_window": 400}}}}}


def exchanges(count: int, words: int) -> list[dict[str, Any]]:
    """Turns with this many words of the user's, and a last question."""
    spoken = [
        [{"role": "user", "content": f"{number}" + " word" * words}, {"role": "assistant", "content": "Yes."}]
        for number in range(count)
    ]
    return [*(item for exchange in spoken for item in exchange), {"role": "user", "content": "And now?"}]


def questions(vendor: Vendor) -> list[str]:
    """The first word of each message of the user's, as the vendor got them last."""
    messages = vendor.last.json["messages"]
    return [str(message["content"]).split()[0] for message in messages if message["role"] == "user"]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_oldest_turns_are_left_out_and_named(
    gateways: Gateways, vendor: Vendor, strict: bool, stream: bool
) -> None:
    gateway = await gateways.start(providers=SMALL, strict=strict)
    answer = await gateway.create(model="chat/small", input=exchanges(5, 80), truncation="auto", stream=stream)
    assert answer.response["truncation"] == "auto"
    assert questions(vendor) == ["2", "3", "4", "And"]
    assert answer.headers["x-dragoman-dropped"] == "input[0], input[1], input[2], input[3]"


async def test_without_truncation_everything_is_sent(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(providers=SMALL)
    answer = await gateway.create(model="chat/small", input=exchanges(5, 80))
    assert "x-dragoman-dropped" not in answer.headers
    assert len(questions(vendor)) == 6


async def test_a_stored_history_is_shortened_for_the_vendor_and_kept_whole(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(providers=SMALL)
    first = await gateway.create(model="chat/small", input=exchanges(1, 200))
    asked = {"input": "And then?", "previous_response_id": first.response["id"]}
    second = await gateway.create(model="chat/small", truncation="auto", instructions="word " * 150, **asked)
    assert questions(vendor) == ["And", "And"]
    assert second.headers["x-dragoman-dropped"] == "history[0], history[1]"
    listed = await gateway.request("GET", f"/v1/responses/{second.response['id']}/input_items")
    assert len(listed.json["data"]) == 5


async def test_a_history_too_long_for_a_model_of_unknown_size_is_halved(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(TOO_LONG, TOO_LONG, Turn("Hello."))
    answer = await gateway.create(model=MODELS["openai_chat"], input=exchanges(7, 3), truncation="auto")
    assert answer.text == "Hello."
    assert questions(vendor) == ["6", "And"]
    assert [len(request.json["messages"]) for request in vendor.requests] == [15, 7, 3]
    assert answer.headers["x-dragoman-dropped"].split(", ") == [f"input[{index}]" for index in range(12)]


async def test_one_turn_that_is_too_long_is_the_vendor_s_error(gateway: Gateway, vendor: Vendor) -> None:
    vendor.always(TOO_LONG)
    answer = await gateway.create(model=MODELS["openai_chat"], input="word " * 50, truncation="auto")
    assert (answer.status, answer.error["code"]) == (400, "context_length_exceeded")
    assert len(vendor.requests) == 1


@pytest.mark.parametrize("protocol", ["anthropic", "gemini"])
async def test_the_vendor_s_counter_decides(gateways: Gateways, vendor: Vendor, protocol: str) -> None:
    provider, _, model = MODELS[protocol].partition("/")
    sizes = {"context_window": 1000, "max_output_tokens": 100}
    gateway = await gateways.start(providers={provider: {"models": {model: {"capabilities": sizes}}}})

    def entries(body: Any) -> list[Any]:
        found: list[Any] = body["messages"] if protocol == "anthropic" else body["contents"]
        return found

    vendor.counter = lambda recorded: (
        150 * len(entries(recorded.json if protocol == "anthropic" else recorded.json["generateContentRequest"]))
    )
    answer = await gateway.create(model=MODELS[protocol], input=exchanges(5, 140), truncation="auto")
    assert answer.status == 200
    assert len(entries(vendor.last.json)) == 5
    assert vendor.counts
