"""Budgets and limits of clients, over HTTP, on one gateway and on several that share a store."""

import asyncio
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import openai
import pytest

from proxy.usage.prices import PER_USD
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.waiting import eventually

KEY = "sk-shop-0123456789"
MODEL = "toy/dollar"

DOLLAR_A_CALL = {"toy": {"models": {"dollar": {"price": {"input": 0, "output": 0, "request": 1}}}}}
"""What a call costs is known before it is made, so a budget of N dollars is one of N calls."""


def shop(**limits: Any) -> dict[str, Any]:
    """A configuration with one client that has these limits; `model` costs a dollar a call."""
    return {"providers": DOLLAR_A_CALL, "clients": [{"name": "shop", "key": KEY, **limits}]}


async def say(gateway: Gateway, script: str = "/say Hi.", model: str = MODEL, **body: Any) -> Whole:
    return await gateway.create(key=KEY, model=model, input=script, store=False, **body)


@pytest.fixture(params=["fresh_redis_url", "fresh_postgres_url"])
def shared(request: pytest.FixtureRequest) -> str:
    return cast(str, request.getfixturevalue(request.param))


@pytest.fixture(params=["sqlite", "fresh_redis_url", "fresh_postgres_url"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return cast(str, request.getfixturevalue(request.param))


async def test_of_two_hundred_calls_at_once_as_many_as_the_budget_pays_for(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop(budget={"usd": 7, "per": "day"}))
    answers = await asyncio.gather(*(say(gateway, "/delay 0.2\n/say Hi.") for _ in range(200)))
    assert Counter(answer.status for answer in answers) == {200: 7, 429: 193}
    assert {answer.error["code"] for answer in answers if answer.status == 429} == {"insufficient_quota"}
    assert await gateway.metric("dragoman_cost_usd_total", client="shop") == 7
    assert await gateway.metric("dragoman_limited_requests_total", client="shop", limit="budget") == 193
    assert await gateway.metric("dragoman_budget_spent_usd", client="shop", per="day") == 7
    assert await gateway.metric("dragoman_budget_limit_usd", client="shop", per="day") == 7


async def test_a_budget_holds_across_replicas(shared: str, gateways: Gateways) -> None:
    settings = shop(budget=[{"usd": 9, "per": "month"}]) | {"store": shared}
    replicas = [await gateways.start(**settings), await gateways.start(**settings)]
    answers = await asyncio.gather(*(say(replicas[number % 2], "/delay 0.2\n/say Hi.") for number in range(200)))
    assert Counter(answer.status for answer in answers) == {200: 9, 429: 191}
    told = sum(Decimal(answer.headers["x-dragoman-cost-usd"]) for answer in answers if answer.status == 200)
    for replica in replicas:
        await replica.server.gateway.spending.flush()
    (row,) = await replicas[0].server.gateway.store.spend(("client",), 0.0, 4e9)
    assert (row.by, row.requests, Decimal(row.cost) / PER_USD) == (("shop",), 9, told)
    counted = [await replica.metric("dragoman_cost_usd_total") for replica in replicas]
    assert sum(counted) == 9
    assert [(await say(replica)).status for replica in replicas] == [429, 429]


async def test_what_was_spent_is_spent_after_a_restart(durable: str, gateways: Gateways) -> None:
    settings = shop(budget={"usd": 3, "per": "total"}) | {"store": durable}
    first = await gateways.start(**settings)
    assert [(await say(first)).status for _ in range(2)] == [200, 200]
    await first.server.stop()
    second = await gateways.start(**settings)
    assert [(await say(second)).status for _ in range(2)] == [200, 429]


async def test_what_a_call_did_not_cost_can_be_spent_by_others(gateways: Gateways) -> None:
    prices = {"toy": {"models": {"dollar": {"price": {"input": 0, "output": 1_000_000}}}}}
    gateway = await gateways.start(
        providers=prices, clients=[{"name": "shop", "key": KEY, "budget": {"usd": 20, "per": "day"}}]
    )
    # Eighteen words at most are set aside, two are said.
    answers = [await say(gateway, "/say one two", max_output_tokens=18) for _ in range(3)]
    assert [answer.headers["x-dragoman-cost-usd"] for answer in answers if answer.status == 200] == ["2", "2"]
    assert answers[2].error["code"] == "insufficient_quota"
    assert (await say(gateway, "/say one two", max_output_tokens=16)).status == 200


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("script", ["/fail 400 No.", "/error It broke.", "/delay 60\n/say Hi."])
async def test_nothing_is_held_back_of_a_call_that_ended_badly(
    gateways: Gateways, journal: Journal, script: str, stream: bool
) -> None:
    gateway = await gateways.start(**shop(budget={"usd": 100, "per": "day"}, limits={"concurrent_streams": 5}))
    wire = await gateway.open(key=KEY, model=MODEL, input=script, stream=stream, store=False)
    if "delay" in script:
        await eventually(lambda: gateway.metric("dragoman_requests_in_flight"), lambda number: number == 1)
        await wire.close()
    await journal.entry(event="request")
    spent = await gateway.metric("dragoman_budget_spent_usd", client="shop")
    assert spent == await gateway.metric("dragoman_cost_usd_total")
    left = 100 - int(spent)
    answers = await asyncio.gather(*(say(gateway, "/delay 0.2\n/say Hi.") for _ in range(left + 3)))
    assert Counter(answer.status for answer in answers) == {200: left, 429: 3}


async def test_the_sdk_does_not_try_again_what_no_time_will_mend(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop(budget={"usd": 1, "per": "total"}))
    client = openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=3, timeout=20)
    await client.responses.create(model=MODEL, input="hi")
    with pytest.raises(openai.RateLimitError) as caught:
        await client.responses.create(model=MODEL, input="hi")
    assert caught.value.code == "insufficient_quota"
    assert await gateway.metric("dragoman_limited_requests_total") == 1
    await client.close()


async def test_requests_a_minute(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop(limits={"requests_per_minute": 3}))
    answers = await asyncio.gather(*(say(gateway) for _ in range(8)))
    assert Counter(answer.status for answer in answers) == {200: 3, 429: 5}
    refused = next(answer for answer in answers if answer.status == 429)
    assert (refused.error["code"], refused.error["type"]) == ("rate_limit_exceeded", "requests")
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert refused.headers["x-ratelimit-limit-requests"] == "3"
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    granted = [answer for answer in answers if answer.status == 200]
    assert {answer.headers["x-ratelimit-remaining-requests"] for answer in granted} == {"0", "1", "2"}


async def test_tokens_a_minute(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop(limits={"tokens_per_minute": 1000}))
    first = await say(gateway, "/usage in=600 out=390\n/say Hi.", max_output_tokens=400)
    assert first.status == 200
    assert first.headers["x-ratelimit-limit-tokens"] == "1000"
    refused = await say(gateway, "/say Hi.", max_output_tokens=400)
    assert (refused.error["code"], refused.error["type"]) == ("rate_limit_exceeded", "tokens")


async def test_streams_at_the_same_time(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop(limits={"concurrent_streams": 2}))
    wires = [
        await gateway.open(key=KEY, model=MODEL, input="/say One\n/delay 60\n/say two", stream=True) for _ in range(2)
    ]
    for wire in wires:
        await wire.until(b"event: response.output_text.delta")
    refused = await say(gateway, stream=True)
    assert refused.error["code"] == "rate_limit_exceeded"
    assert (await say(gateway)).status == 200
    await wires[0].close()
    again = await eventually(lambda: say(gateway, stream=True), lambda answer: answer.status == 200)
    assert again.terminal["type"] == "response.completed"


async def test_background_responses_are_limited_and_settled(gateways: Gateways, journal: Journal) -> None:
    gateway = await gateways.start(**shop(budget={"usd": 1, "per": "day"}))
    begun = await gateway.create(key=KEY, model=MODEL, input="/say Hi.", background=True)
    assert begun.status == 200
    await journal.entry(response_id=begun.json["id"], outcome="completed")
    refused = await gateway.create(key=KEY, model=MODEL, input="/say Hi.", background=True)
    assert refused.error["code"] == "insufficient_quota"


async def test_a_websocket_is_limited_as_well(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop(budget={"usd": 1, "per": "day"}))
    url = f"{gateway.url}/v1/responses"
    async with gateway.http.ws_connect(url, headers={"authorization": f"Bearer {KEY}"}) as socket:
        types: list[str] = []
        for _ in range(2):
            await socket.send_json({"type": "response.create", "model": MODEL, "input": "/say Hi.", "store": False})
            while True:
                event = await socket.receive_json(timeout=10)
                if event["type"] in ("response.completed", "error"):
                    types.append(event["type"])
                    break
    assert types == ["response.completed", "error"]
    assert event["error"]["code"] == "insufficient_quota"


@pytest.mark.parametrize(("unpriced", "status"), [("allow", 200), ("refuse", 429)])
async def test_models_without_a_price_under_a_budget(gateways: Gateways, unpriced: str, status: int) -> None:
    gateway = await gateways.start(**shop(budget={"usd": 1, "per": "day"}), unpriced=unpriced)
    answer = await say(gateway, model="toy/nobody-s-price")
    assert answer.status == status
    limited = await gateway.metric("dragoman_limited_requests_total", limit="unpriced")
    assert limited == (1 if unpriced == "refuse" else 0)


async def test_who_has_no_limits_gets_no_headers(gateways: Gateways) -> None:
    gateway = await gateways.start(**shop())
    assert not [name for name in (await say(gateway)).headers if name.lower().startswith("x-ratelimit")]
