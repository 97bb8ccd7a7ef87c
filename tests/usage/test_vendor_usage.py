"""What vendors report, what the response says, what is counted, and what it costs: the same for plain and streamed."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import orjson
import pytest

from providers.openai_chat.dialects import DIALECTS
from proxy.usage.prices import PER_USD
from tests.usage.usage_cases import CASES, PRICE, TEXT, UNCOUNTED, Case
from tests.vendors.gateway import VENDOR_KEYS, Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, END, Reply, failure
from tests.vendors.server import JSON, SSE, Vendor

KINDS = ("input", "cache_read", "cache_write", "output", "reasoning")
NANO = Decimal("1e-9")

ONE_OF_EACH = [
    next(case for case in CASES if case.id.startswith(start))
    for start in ("openai: reads and reasoning", "anthropic: reads and writes", "gemini: repeated")
]


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def started(gateways: Gateways, vendor: Vendor, server: str, model: str, **changes: Any) -> Gateway:
    """A gateway in front of the server, whose model has the price of the table."""
    if server in DIALECTS:
        entry = {"type": "openai_chat", "base_url": f"{vendor.url}/v1", "dialect": server}
    else:
        path = "/v1beta" if server == "gemini" else ""
        entry = {"type": server, "base_url": f"{vendor.url}{path}"}
    priced = {"models": {model: {"price": dict(PRICE)}}}
    return await gateways.start(providers={"it": {**entry, **priced, "api_key": VENDOR_KEYS["chat"]}}, **changes)


def replies(case: Case, stream: bool) -> Reply:
    return Reply(200, (case.stream, END), SSE) if stream else Reply(200, (case.body, END), JSON)


async def counted(gateway: Gateway, source: str) -> tuple[float, ...]:
    return tuple(
        [await gateway.metric("dragoman_tokens_total", provider="it", kind=kind, source=source) for kind in KINDS]
    )


async def costs_the_same_everywhere(gateway: Gateway, line: Mapping[str, Any], cost: str) -> None:
    """The cost is that of the log, the counter and the row of the spend record, which has the counter's tokens, too."""
    assert line["cost_usd"] == cost
    assert line["price_source"] == "config"
    running = gateway.server.gateway
    await running.spending.flush()
    (row,) = await running.store.spend(("provider", "outcome", "source"), 0.0, 4e9)
    assert row.by == ("it", line["outcome"], line["usage_source"])
    assert (row.requests, Decimal(row.cost)) == (1, Decimal(cost) * PER_USD)
    tokens = row.input_tokens, row.cache_read_tokens, row.cache_write_tokens, row.output_tokens, row.reasoning_tokens
    assert tokens == await counted(gateway, line["usage_source"])
    metric = Decimal(await gateway.metric("dragoman_cost_usd_total", provider="it", price_source="config"))
    assert abs(metric - Decimal(cost)) < NANO
    assert await gateway.metric("dragoman_unpriced_tokens_total", provider="it") == 0


def as_response(usage: tuple[int, int, int, int, int]) -> dict[str, Any]:
    given, cached, written, made, reasoning = usage
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": written},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + made,
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_usage_tokens_and_cost_are_those_of_the_table(
    gateways: Gateways, vendor: Vendor, journal: Journal, case: Case, stream: bool
) -> None:
    gateway = await started(gateways, vendor, case.server, case.model)
    vendor.play(replies(case, stream))
    answer = await gateway.create(model=f"it/{case.model}", input="hi", stream=stream)
    assert answer.response["usage"] == as_response(case.usage)
    assert await counted(gateway, "provider") == case.kinds
    assert await gateway.metric("dragoman_tokens_total") == sum(case.kinds)
    line = await journal.entry(provider="it")
    assert line["outcome"] == answer.response["status"]
    await costs_the_same_everywhere(gateway, line, case.cost)
    assert await gateway.metric("dragoman_estimated_cost_usd_total", provider="it") == 0
    if not stream:
        assert answer.headers["x-dragoman-cost-usd"] == case.cost
        assert "x-dragoman-usage-source" not in answer.headers


@pytest.mark.parametrize("case", UNCOUNTED, ids=lambda case: case.id)
async def test_reports_that_are_none_are_estimated(
    gateways: Gateways, vendor: Vendor, journal: Journal, case: Case, stream: bool
) -> None:
    gateway = await started(gateways, vendor, case.server, case.model)
    vendor.play(replies(case, stream))
    answer = await gateway.create(model=f"it/{case.model}", input="Count to three.", stream=stream)
    usage = answer.response["usage"]
    given, made = usage["input_tokens"], usage["output_tokens"]
    assert given > 3
    assert made == len(TEXT.split())
    assert await counted(gateway, "estimated") == (given, 0, 0, made, 0)
    assert await gateway.metric("dragoman_tokens_total", source="provider") == 0
    line = await journal.entry(outcome="completed")
    assert line["usage_source"] == "estimated"
    cost = Decimal(given * 2 + made * 10) / 10**6
    assert Decimal(line["cost_usd"]) == cost
    estimated = Decimal(await gateway.metric("dragoman_estimated_cost_usd_total", provider="it"))
    assert abs(estimated - cost) < NANO
    if not stream:
        assert answer.headers["x-dragoman-usage-source"] == "estimated"
        assert Decimal(answer.headers["x-dragoman-cost-usd"]) == cost


async def test_a_prompt_that_is_not_counted_is_estimated_and_the_output_is_not(
    gateways: Gateways, vendor: Vendor, journal: Journal, stream: bool
) -> None:
    gateway = await started(gateways, vendor, "gemini", "m")
    case = next(case for case in CASES if case.id == "gemini: two numbers")
    report = {"candidatesTokenCount": 18, "thoughtsTokenCount": 58}
    answer = orjson.dumps({**case.whole, "usageMetadata": report})
    body = b"data: %b\r\n\r\n" % answer if stream else answer
    vendor.play(Reply(200, (body, END), SSE if stream else JSON))
    usage = (await gateway.create(model="it/m", input="Count to three.", stream=stream)).response["usage"]
    assert usage["input_tokens"] > 3
    assert (usage["output_tokens"], usage["output_tokens_details"]["reasoning_tokens"]) == (76, 58)
    line = await journal.entry(outcome="completed")
    assert line["usage_source"] == "estimated"
    # 18 * 10 + 58 * 12 micro-dollars, and the prompt
    assert Decimal(line["cost_usd"]) == Decimal(usage["input_tokens"] * 2 + 876) / 10**6


# --- answers that do not end well -------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.server)
async def test_what_was_counted_before_a_failure_is_paid(
    gateways: Gateways, vendor: Vendor, journal: Journal, case: Case
) -> None:
    gateway = await started(gateways, vendor, case.server, case.model)
    errors = {
        "anthropic": b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Busy."}}\n\n',
        "gemini": b'data: {"error":{"code":503,"message":"Busy.","status":"UNAVAILABLE"}}\r\n\r\n',
        "openai": b'data: {"error":{"message":"Busy.","type":"server_error","code":503}}\n\n',
    }
    frames = case.stream.replace(b"data: [DONE]\n\n", b"").replace(_message_stop(), b"")
    vendor.play(Reply(200, (frames + errors[case.server], END), SSE))
    answer = await gateway.create(model=f"it/{case.model}", input="hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    assert answer.terminal["response"]["usage"] == as_response(case.usage)
    assert await counted(gateway, "provider") == case.kinds
    await costs_the_same_everywhere(gateway, await journal.entry(outcome="failed"), case.cost)


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.server)
async def test_what_was_counted_after_the_client_left_is_paid(
    gateways: Gateways, vendor: Vendor, journal: Journal, case: Case
) -> None:
    gateway = await started(gateways, vendor, case.server, case.model, on_disconnect={"drain": "10s"})
    rest = asyncio.Event()
    begin, end = _in_two(case)
    vendor.play(Reply(200, (begin, rest, end, END), SSE))
    wire = await gateway.open(model=f"it/{case.model}", input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await gateway.metric("dragoman_streams_open")
    rest.set()
    line = await journal.entry(outcome="cancelled")
    assert line["usage_source"] == "provider"
    assert await counted(gateway, "provider") == case.kinds
    await costs_the_same_everywhere(gateway, line, case.cost)


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=lambda case: case.server)
async def test_an_answer_that_broke_off_before_its_count_is_estimated(
    gateways: Gateways, vendor: Vendor, journal: Journal, case: Case
) -> None:
    gateway = await started(gateways, vendor, case.server, case.model)
    begin, _ = _in_two(case)
    vendor.play(Reply(200, (_uncounted(begin), CUT), SSE))
    answer = await gateway.create(model=f"it/{case.model}", input="hi", stream=True)
    assert answer.terminal["type"] == "response.failed"
    usage = answer.terminal["response"]["usage"]
    assert usage["output_tokens"] > 0
    line = await journal.entry(outcome="failed")
    assert line["usage_source"] == "estimated"
    cost = Decimal(usage["input_tokens"] * 2 + usage["output_tokens"] * 10) / 10**6
    await costs_the_same_everywhere(gateway, line, f"{cost.normalize():f}")


async def test_a_refused_request_costs_nothing(gateways: Gateways, vendor: Vendor, journal: Journal) -> None:
    gateway = await started(gateways, vendor, "openai", "m")
    vendor.play(failure(400))
    assert (await gateway.create(model="it/m", input="hi")).status == 400
    assert "cost_usd" not in await journal.entry(outcome="failed")
    assert await gateway.metric("dragoman_tokens_total") == 0
    assert await gateway.metric("dragoman_cost_usd_total") == 0


def _message_stop() -> bytes:
    return b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def _in_two(case: Case) -> tuple[bytes, bytes]:
    """The stream before and after the first frame that has text."""
    frames = [frame for frame in case.stream.replace(b"\r\n", b"\n").split(b"\n\n") if frame]
    texts = (b'"content":"one"', b'"type":"text_delta"', b'"parts":[{"text":')
    first = next(number for number, frame in enumerate(frames) if any(text in frame for text in texts))
    begin, end = frames[: first + 1], frames[first + 1 :]
    return b"\n\n".join([*begin, b""]), b"\n\n".join([*end, b""])


def _uncounted(frames: bytes) -> bytes:
    """The frames without what they say of usage."""
    return frames.replace(b'"usage"', b'"unused"').replace(b'"usageMetadata"', b'"unused"')


# --- what is asked for ------------------------------------------------------------------------------------------------

UNASKED = {"glm", "mistral", "openrouter", "together"}
"""Servers that send usage in a stream without being asked."""


@pytest.mark.parametrize("name", DIALECTS)
async def test_usage_is_asked_for_in_streams_where_it_does_not_come_unasked(
    gateways: Gateways, vendor: Vendor, name: str
) -> None:
    gateway = await started(gateways, vendor, name, "m")
    for stream in (False, True):
        assert (await gateway.create(model="it/m", input="hi", stream=stream)).status == 200
    plain, streamed = (recorded.json for recorded in vendor.requests)
    assert "stream_options" not in plain
    assert streamed.get("stream_options", {}).get("include_usage") is (None if name in UNASKED else True)


async def test_a_server_that_refuses_to_be_asked_is_asked_without(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await started(gateways, vendor, "generic", "m")
    case = next(case for case in CASES if case.id == "ollama: two numbers")
    vendor.play(failure(400, "Unknown parameter: 'stream_options'."), replies(case, stream=True))
    answer = await gateway.create(model="it/m", input="hi", stream=True)
    assert answer.response["usage"] == as_response(case.usage)
    assert "stream_options" in vendor.requests[0].json
    assert "stream_options" not in vendor.requests[1].json
