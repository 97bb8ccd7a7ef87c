"""A model that answers in streams only, asked for a whole answer: the gateway collects the stream."""

from typing import Any

import orjson

from tests.vendors.gateway import Gateways
from tests.vendors.script import END, Called, Reply, Turn
from tests.vendors.server import SSE, Vendor

MODEL = "ali/qwen3-32b"


def provider(vendor: Vendor) -> dict[str, Any]:
    return {"providers": {"ali": {"type": "openai_chat", "base_url": f"{vendor.url}/v1", "dialect": "dashscope"}}}


def frame(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: %b\n\n" % orjson.dumps({"id": "c1", "model": "m", "choices": [choice]})


async def test_a_client_that_does_not_stream_gets_the_whole_answer(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**provider(vendor))
    vendor.responder = lambda recorded: Turn("Hello", " there.", calls=(Called("wx", ('{"x":', "1}")),), tokens=(5, 6))
    whole, streamed = [
        await gateway.create(model=MODEL, input="Hi", stream=stream, tools=[{"type": "function", "name": "wx"}])
        for stream in (False, True)
    ]
    assert [recorded.json["stream"] for recorded in vendor.requests] == [True, True]
    assert whole.headers["content-type"].startswith("application/json")
    assert whole.text == streamed.text == "Hello there."
    assert [item["arguments"] for item in whole.response["output"][1:]] == ['{"x":1}']
    assert whole.response["usage"] == streamed.response["usage"]
    assert whole.response["usage"]["total_tokens"] == 11


async def test_a_stream_that_breaks_off_is_tried_again_and_then_a_502(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**provider(vendor))
    vendor.always(Reply(200, (frame({"content": "Hel"}), END), SSE))
    answer = await gateway.create(model=MODEL, input="Hi")
    assert (answer.status, answer.error["code"], len(vendor.requests)) == (502, "server_error", 2)


async def test_an_error_in_the_stream_has_its_own_status(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**provider(vendor))
    error = {"error": {"message": "No.", "code": "data_inspection_failed", "type": "x"}}
    vendor.always(Reply(200, (frame({"content": "Hel"}), b"data: %b\n\n" % orjson.dumps(error), END), SSE))
    answer = await gateway.create(model=MODEL, input="Hi")
    assert (answer.status, answer.error["code"], len(vendor.requests)) == (400, "invalid_prompt", 1)
