"""A store that cannot be reached: who needs it is told, and nobody else notices."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

from tests.state.servers import Server, postgres_server, redis_server
from tests.vendors.gateway import MODELS, Gateways
from tests.vendors.journal import Journal
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]

SERVERS = {"redis": redis_server, "postgres": postgres_server}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the test's own."""
    running: AbstractContextManager[Server] = SERVERS[request.param]()
    with running as server:
        yield server


async def test_only_requests_that_need_it_fail(gateways: Gateways, vendor: Vendor, server: Server) -> None:
    gateway = await gateways.start(store=server.url)
    first = (await gateway.create(model=CHAT, input="Hello")).response
    server.stop()

    def refused(answer: Any) -> None:
        assert answer.status == 503
        assert answer.error["code"] == "store_unavailable"
        assert int(answer.headers["retry-after"]) > 0

    refused(await gateway.create(model=CHAT, input="Hello"))
    asked = len(vendor.requests)
    refused(await gateway.create(model=CHAT, input="Hello"))
    refused(await gateway.create(model=CHAT, input="Hello", stream=True))
    refused(await gateway.create(model=CHAT, input="Hello", background=True))
    refused(await gateway.create(model=CHAT, input="Hello", previous_response_id=first["id"], store=False))
    refused(await gateway.create(model=CHAT, input="Hello", conversation="conv_x", store=False))
    refused(await gateway.create(model=CHAT, input="Hello", conversation={}, store=False))
    for method, path in (
        ("GET", f"/v1/responses/{first['id']}"),
        ("DELETE", f"/v1/responses/{first['id']}"),
        ("POST", f"/v1/responses/{first['id']}/cancel"),
        ("GET", f"/v1/responses/{first['id']}/input_items"),
        ("POST", "/v1/conversations"),
        ("GET", "/v1/conversations/conv_x"),
    ):
        refused(await gateway.request(method, path, body=b"{}" if method == "POST" else None))
    # The vendor is paid for nothing that could not be kept.
    assert len(vendor.requests) == asked
    answer = await gateway.create(model=CHAT, input="Hello", store=False)
    assert answer.response["status"] == "completed"
    assert (await gateway.request("GET", "/readyz")).status == 200
    server.start()
    answer = await gateway.create(model=CHAT, input="Hello", previous_response_id=first["id"])
    assert answer.response["status"] == "completed"


async def test_a_stream_whose_response_cannot_be_kept_fails(gateways: Gateways, vendor: Vendor, server: Server) -> None:
    gateway = await gateways.start(store=server.url)
    await gateway.create(model=CHAT, input="Hello")
    server.stop()
    answer = await gateway.create(model=CHAT, input="Hello", stream=True)
    failed = answer.terminal
    assert failed["type"] == "response.failed"
    assert failed["response"]["output"]


async def test_a_start_without_the_store_serves_what_needs_none(
    gateways: Gateways, vendor: Vendor, server: Server
) -> None:
    server.stop()
    gateway = await gateways.start(store=server.url)
    assert (await gateway.create(model=CHAT, input="Hello", store=False)).response["status"] == "completed"
    assert (await gateway.create(model=CHAT, input="Hello")).status == 503
    assert await gateway.metric("dragoman_store_failures_total") > 0


async def test_it_is_said_once_that_the_store_is_down_and_once_that_it_is_back(
    gateways: Gateways, server: Server, journal: Journal
) -> None:
    server.stop()
    gateway = await gateways.start(store=server.url)
    first = await gateway.metric("dragoman_store_failures_total")
    await eventually(partial(gateway.metric, "dragoman_store_failures_total"), lambda times: times > first + 1)
    server.start()
    await journal.entry(event="store reached")
    said = [entry["event"] for entry in journal.entries if entry["event"].startswith("store ")]
    assert said == ["store not reached", "store reached"]
