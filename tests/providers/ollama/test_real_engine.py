"""The demo's llama.cpp serves none of Ollama's paths: whoever points the gateway there is told so."""

from pathlib import Path

import pytest

from proxy.demo import engine
from tests.vendors.gateway import Gateways

WEIGHTS = engine.available()


@pytest.mark.skipif(isinstance(WEIGHTS, engine.Unavailable), reason=str(WEIGHTS))
async def test_a_server_of_another_api_points_at_the_address(gateways: Gateways) -> None:
    assert isinstance(WEIGHTS, Path)
    async with await engine.start(WEIGHTS) as running:
        gateway = await gateways.start(
            providers={"lab": {"type": "ollama", "base_url": running.url}}, retry={"attempts": 1}
        )
        answer = await gateway.create(model=f"lab/{engine.MODEL}", input="Hi")
    assert answer.status == 502
    assert "File Not Found" in answer.error["message"]
    assert "base_url" in answer.error["message"]
