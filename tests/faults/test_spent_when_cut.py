"""What is counted of answers that were not read, or not sent, to their end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from proxy.state.records import UNFINISHED
from tests.vendors.gateway import MODELS, Gateway, Gateways, with_timeout
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, SILENCE, Reply, Turn
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

WORDS = "one two three four five six seven eight nine ten eleven twelve"
REPORTED_IN, REPORTED_OUT = 1100, 700

PATIENT = {"on_disconnect": {"drain": "10s"}}
HASTY = {"on_disconnect": {"drain": "0s"}}


NOT_COUNTED = [model for protocol, model in MODELS.items() if protocol in ("openai_chat", "anthropic")]
"""Those that say at the end what they wrote; Gemini counts along with every piece."""


async def tokens(gateway: Gateway, **labels: str) -> float:
    return await gateway.metric("dragoman_tokens_total", **labels)


async def test_the_last_count_is_waited_for_when_the_client_has_left(
    gateways: Gateways, vendor: Vendor, journal: Journal, model: str
) -> None:
    gateway = await gateways.start(**PATIENT)
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two.", tokens=(REPORTED_IN, REPORTED_OUT)))
    wire = await gateway.open(model=model, input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await gateway.metric("dragoman_streams_open")
    gate.set()
    line = await journal.entry(outcome="cancelled")
    assert line["usage_source"] == "provider"
    assert await tokens(gateway, source="provider") == REPORTED_IN + REPORTED_OUT
    assert await tokens(gateway) == REPORTED_IN + REPORTED_OUT


@pytest.mark.parametrize("model", NOT_COUNTED)
async def test_a_vendor_that_does_not_end_is_not_waited_for_longer_than_allowed(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str
) -> None:
    vendor.play(Turn(*(f"{word} " for word in WORDS.split()), SILENCE, tokens=(REPORTED_IN, REPORTED_OUT)))
    wire = await gateway.open(model=model, input="hi", stream=True)
    await wire.until(b"twelve")
    await wire.close()
    await asyncio.wait_for(vendor.last.closed.wait(), 10)
    line = await journal.entry(outcome="cancelled")
    assert line["usage_source"] == "estimated"
    assert line["output_tokens"] in (12, 13)
    assert await tokens(gateway, source="estimated") == line["input_tokens"] + line["output_tokens"]
    assert await tokens(gateway, source="provider") == 0


async def test_what_was_counted_along_is_not_estimated(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn(*(f"{word} " for word in WORDS.split()), CUT, tokens=(REPORTED_IN, REPORTED_OUT)))
    answer = await gateway.create(model=MODELS["gemini"], input="hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    assert await tokens(gateway, source="provider") == REPORTED_IN + REPORTED_OUT
    assert await tokens(gateway, source="estimated") == 0


async def test_an_input_that_the_vendor_counted_is_not_estimated(
    gateway: Gateway, vendor: Vendor, journal: Journal
) -> None:
    vendor.play(Turn(*(f"{word} " for word in WORDS.split()), SILENCE, tokens=(REPORTED_IN, REPORTED_OUT)))
    wire = await gateway.open(model="claude/claude-sonnet-5", input="hi", stream=True)
    await wire.until(b"twelve")
    await wire.close()
    line = await journal.entry(outcome="cancelled")
    assert line["input_tokens"] == REPORTED_IN
    assert line["output_tokens"] in (12, 13)


@pytest.mark.parametrize("model", NOT_COUNTED)
async def test_without_patience_the_vendor_is_cut_at_once(
    gateways: Gateways, vendor: Vendor, journal: Journal, model: str
) -> None:
    gateway = await gateways.start(**HASTY)
    vendor.play(Turn("One ", asyncio.Event(), "two.", tokens=(REPORTED_IN, REPORTED_OUT)))
    wire = await gateway.open(model=model, input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await asyncio.wait_for(vendor.last.closed.wait(), 10)
    assert (await journal.entry(outcome="cancelled"))["usage_source"] == "estimated"


@pytest.mark.parametrize("model", NOT_COUNTED)
async def test_what_was_sent_before_the_connection_broke_is_counted(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str
) -> None:
    vendor.play(Turn(*(f"{word} " for word in WORDS.split()), CUT, tokens=(REPORTED_IN, REPORTED_OUT)))
    answer = await gateway.create(model=model, input="hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    usage = answer.terminal["response"]["usage"]
    assert usage["output_tokens"] in (12, 13)
    line = await journal.entry(outcome="failed")
    assert line["usage_source"] == "estimated"
    assert await tokens(gateway) == usage["total_tokens"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_input_that_the_vendor_was_sent_is_spent(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str, stream: bool
) -> None:
    vendor.play(Reply(held=asyncio.Event()))
    wire = await gateway.open(model=model, input="Think of a number.", stream=stream)
    await vendor.arrival()
    await wire.close()
    line = await journal.entry(outcome="cancelled")
    assert line["usage_source"] == "estimated"
    assert line["input_tokens"] > 5
    assert line["output_tokens"] == 0


async def test_what_never_left_costs_nothing(gateways: Gateways, journal: Journal) -> None:
    async with unanswered() as address:
        gateway = await gateways.start(providers={"chat": {"base_url": f"https://{address}/v1"}})
        wire = await gateway.open(model=MODELS["openai_chat"], input="Think of a number.")
        await eventually(lambda: gateway.metric("dragoman_requests_in_flight"), lambda number: number == 1)
        await wire.close()
        line = await journal.entry(outcome="cancelled")
    assert (line["input_tokens"], line["usage_source"]) == (0, "provider")
    assert await tokens(gateway) == 0


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_an_input_that_was_not_answered_in_time_is_spent(
    gateways: Gateways, vendor: Vendor, journal: Journal, model: str, stream: bool
) -> None:
    gateway = await gateways.start(providers=with_timeout(first_byte="50ms"), retry={"attempts": 1})
    vendor.play(Reply(held=asyncio.Event()))
    answer = await gateway.create(model=model, input="Think of a number.", stream=stream)
    assert answer.status == 504
    line = await journal.entry(outcome="failed")
    assert line["usage_source"] == "estimated"
    assert line["input_tokens"] > 5
    assert line["output_tokens"] == 0


@asynccontextmanager
async def unanswered() -> AsyncIterator[str]:
    """The address of a server that takes connections and never says anything, so that no TLS comes about."""
    left = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await left.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"{host}:{port}"
    finally:
        left.set()
        server.close()
        await server.wait_closed()


async def test_a_request_that_the_vendor_refused_costs_nothing(
    gateway: Gateway, vendor: Vendor, journal: Journal, model: str
) -> None:
    vendor.play(Reply(status=400, steps=(b'{"error":{"message":"No.","type":"invalid_request_error"}}',)))
    assert (await gateway.create(model=model, input="hi")).status == 400
    assert (await journal.entry(outcome="failed"))["input_tokens"] == 0
    assert await tokens(gateway) == 0


async def test_a_trace_is_passed_on_and_logged(gateway: Gateway, vendor: Vendor, journal: Journal, model: str) -> None:
    vendor.play(Turn("Hello."))
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    answer = await gateway.request(
        "POST",
        "/v1/responses",
        body=b'{"model":"%b","input":"hi"}' % model.encode(),
        headers={"content-type": "application/json", "traceparent": parent, "tracestate": "a=b"},
    )
    assert answer.status == 200
    assert vendor.last.headers["traceparent"] == parent
    assert vendor.last.headers["tracestate"] == "a=b"
    assert (await journal.entry(outcome="completed"))["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


async def test_a_trace_that_is_none_goes_no_further(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Hello."))
    await gateway.request(
        "POST",
        "/v1/responses",
        body=b'{"model":"%b","input":"hi"}' % model.encode(),
        headers={"content-type": "application/json", "traceparent": "nonsense", "tracestate": "a=b"},
    )
    assert "traceparent" not in vendor.last.headers
    assert "tracestate" not in vendor.last.headers


@pytest.mark.parametrize("over", ["sse", "websocket"])
async def test_what_a_client_left_behind_is_recorded_before_the_process_ends(
    gateways: Gateways, vendor: Vendor, journal: Journal, tmp_path: Path, over: str
) -> None:
    settings: dict[str, Any] = {"store": f"sqlite:///{tmp_path / 'state.db'}", "on_disconnect": {"drain": "5s"}}
    first = await gateways.start(**settings)
    vendor.play(Turn("One ", SILENCE, tokens=(REPORTED_IN, REPORTED_OUT)))
    body = {"model": MODELS["openai_chat"], "input": "hi"}
    if over == "sse":
        wire = await first.open(**body, stream=True)
        await wire.until(b"event: response.output_text.delta")
        await wire.close()
    else:
        async with first.http.ws_connect(f"{first.url}/v1/responses") as socket:
            await socket.send_json({"type": "response.create", **body})
            while (await socket.receive_json(timeout=10))["type"] != "response.output_text.delta":
                pass
    await eventually(lambda: first.metric("dragoman_streams_open"), lambda number: number == 0)
    await first.server.stop()
    line = await journal.entry(outcome="cancelled")
    second = await gateways.start(**settings)
    (row,) = await second.server.gateway.store.spend(("outcome",), 0.0, 4e9)
    assert row.by == ("cancelled",)
    assert row.input_tokens + row.output_tokens == line["input_tokens"] + line["output_tokens"] > 0


async def test_a_background_run_that_is_begun_again_is_paid_for_twice(
    gateways: Gateways, vendor: Vendor, tmp_path: Path
) -> None:
    key = "sk-shop-0123456789"
    settings: dict[str, Any] = {
        "store": f"sqlite:///{tmp_path / 'state.db'}",
        "clients": [{"name": "shop", "key": key, "budget": {"usd": 100, "per": "total"}}],
    }
    first = await gateways.start(**settings)
    vendor.play(Reply(held=asyncio.Event()), Turn("Done.", tokens=(REPORTED_IN, REPORTED_OUT)))
    begun = await first.create(key=key, model=MODELS["openai_chat"], input="hi", background=True)
    await vendor.arrival()
    await first.server.stop()
    second = await gateways.start(**settings)
    headers = {"authorization": f"Bearer {key}"}
    path = f"/v1/responses/{begun.json['id']}"
    await eventually(
        lambda: second.request("GET", path, headers=headers), lambda found: found.json["status"] not in UNFINISHED
    )
    await second.server.gateway.spending.flush()
    rows = {row.by[0]: row for row in await second.server.gateway.store.spend(("outcome",), 0.0, 4e9)}
    assert rows.keys() == {"cancelled", "completed"}
    assert (rows["completed"].input_tokens, rows["completed"].output_tokens) == (REPORTED_IN, REPORTED_OUT)
    spent = await second.metric("dragoman_budget_spent_usd", client="shop")
    assert spent == pytest.approx(sum(row.cost for row in rows.values()) / 1e12, abs=1e-12)
