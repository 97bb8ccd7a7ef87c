"""A real llama.cpp, which imitates the Messages and the Responses API, behind the gateway."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from proxy.demo import engine
from tests.loops.conversation import WX
from tests.vendors.gateway import Gateway, Gateways

WEIGHTS = engine.available()

pytestmark = pytest.mark.skipif(isinstance(WEIGHTS, engine.Unavailable), reason=str(WEIGHTS))


ENTRIES = [
    ({"type": "anthropic", "host": "compatible"}, ""),
    ({"type": "responses", "profile": "llama_cpp"}, "/v1"),
]
"""The ways to ask it, and the path that its base URL has in each."""


@pytest.fixture(params=ENTRIES, ids=lambda entry: str(entry[0]["type"]))
async def gateway(gateways: Gateways, request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    """A gateway in front of a small model on this machine."""
    assert isinstance(WEIGHTS, Path)
    entry, path = request.param
    async with await engine.start(WEIGHTS) as running:
        yield await gateways.start(providers={"lab": {**entry, "base_url": f"{running.url}{path}"}})


async def test_the_engine_is_reached_in_every_way(gateway: Gateway) -> None:
    asked: dict[str, Any] = {"model": f"lab/{engine.MODEL}", "max_output_tokens": 16, "temperature": 0.0}
    whole = await gateway.create(**asked, input="Say hello.")
    assert whole.response["status"] in ("completed", "incomplete")
    assert whole.text
    assert whole.response["usage"]["input_tokens"] > 0
    assert "x-dragoman-usage-source" not in whole.headers
    streamed = await gateway.create(**asked, input="Say hello.", stream=True)
    assert streamed.text == whole.text
    turns = [
        {"role": "user", "content": "Say hello."},
        {"role": "assistant", "content": whole.text},
        {"role": "developer", "content": "Rhyme."},
        {"role": "user", "content": "Again."},
    ]
    answers = await asyncio.gather(
        gateway.create(**asked, input=turns, instructions="Be brief", top_p=0.9),
        gateway.create(**asked, input="Hi", tools=[WX], tool_choice="none", service_tier="default"),
        gateway.create(**asked, input="Hi", tools=[WX], stream=True),
        gateway.create(**asked, input="And now?", previous_response_id=whole.response["id"]),
    )
    for answer in answers:
        assert answer.response["status"] in ("completed", "incomplete")
        assert answer.headers["x-dragoman-attempts"] == "1"
