"""Budgets and limits of clients: what is refused before a vendor is called, how it is said, and what is charged."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import openai
import pytest

from config.settings import Price
from proxy.exchange.admission import Admission, admit, duration, rate_headers
from proxy.exchange.gateway import Client
from proxy.provider.contract import Prepared
from proxy.responses.errors import ResponsesError
from proxy.state.records import Charge, Claim
from proxy.state.store import StoreUnavailableError
from proxy.usage.estimate import Estimator
from proxy.usage.ledger import LocalLedger, SharedLedger
from proxy.usage.limits import Budget, Limits
from proxy.usage.prices import PER_USD, Catalogue, PriceBook
from tests.exchange.counting_vendor import House
from tests.exchange.faulty_store import FaultyStore
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.script import Turn, failure
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()

PRICE = {"input": "1", "output": "10"}
"""USD per million tokens: what an input token costs is a unit, and an output token ten."""

TOKEN = PER_USD // 10**6


# --- one request ------------------------------------------------------------------------------------------------------


@pytest.fixture
async def store() -> AsyncIterator[FaultyStore]:
    store = FaultyStore()
    await store.open()
    yield store
    await store.close()


class Desk:
    """Where requests for one model are admitted, at noon."""

    def __init__(
        self, house: House, store: FaultyStore, *, shared: bool = False, refuse_unpriced: bool = False
    ) -> None:
        self.house = house
        self.gateway = replace(
            house.gateway,
            store=store,
            ledger=SharedLedger(store) if shared else LocalLedger(store),
            prices=PriceBook(
                {("house", "model"): Price.model_validate(PRICE)},
                {"house": Catalogue(None, "https://vendor.example")},
                {},
            ),
            refuse_unpriced=refuse_unpriced,
        )
        self._number = 0

    async def admit(
        self, limits: Limits | None, prepared: Prepared, *, now: float = NOON, model: str = "model"
    ) -> Admission | None:
        self._number += 1
        target = replace(self.house.target, model=model)
        return await admit(self.gateway, Client("shop", limits=limits), target, prepared, f"resp_{self._number}", now)

    async def refused(self, limits: Limits, prepared: Prepared, **how: Any) -> ResponsesError:
        with pytest.raises(ResponsesError) as caught:
            await self.admit(limits, prepared, **how)
        assert caught.value.status == 429
        return caught.value

    def limited(self, limit: str) -> float | None:
        return self.gateway.metrics.registry.get_sample_value(
            "dragoman_limited_requests_total", {"client": "shop", "limit": limit}
        )


@pytest.fixture
def house(estimator: Estimator) -> House:
    return House(estimator)


@pytest.fixture
def desk(house: House, store: FaultyStore) -> Desk:
    return Desk(house, store)


async def test_a_client_without_limits_claims_nothing(desk: Desk) -> None:
    assert await desk.admit(None, desk.house.prepared("hi")) is None


async def test_a_request_claims_what_it_may_cost(desk: Desk) -> None:
    limits = Limits((Budget("day", PER_USD),), 3, 1_000, 1)
    admission = await desk.admit(limits, desk.house.prepared("hi!!", max_output_tokens=50, stream=True))
    assert admission is not None
    # One token of text, four that frame the message, three that open the answer.
    assert admission.claims == [
        Claim("shop/usd/day/2026-11-23", "budget", PER_USD, 508 * TOKEN),
        Claim("shop/streams", "budget", 1, 1),
        Claim("shop/requests", "rate", 3, 1),
        Claim("shop/tokens", "rate", 1_000, 58),
    ]
    assert admission.headers() == {
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "20s",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "942",
        "x-ratelimit-reset-tokens": "3.48s",
    }
    assert admission.charges(40, 9) == [
        Charge("shop/usd/day/2026-11-23", "budget", PER_USD, 9),
        Charge("shop/tokens", "rate", 1_000, -18),
    ]


@pytest.mark.parametrize(
    ("changes", "asked", "output_tokens"),
    [
        ({}, {}, 4096),
        ({}, {"max_output_tokens": 77}, 77),
        ({"max_output_tokens": 60}, {"max_output_tokens": 77}, 60),
        ({"max_output_tokens": 60}, {}, 60),
    ],
)
async def test_the_output_that_is_paid_for_is_what_may_be_written(
    desk: Desk, changes: dict[str, object], asked: dict[str, int], output_tokens: int
) -> None:
    desk.house.endpoint.changes = {"model": changes}
    desk.house.endpoint._known.clear()
    admission = await desk.admit(Limits((Budget("total", 10**18),)), desk.house.prepared("hi!!", **asked))
    assert admission is not None
    assert admission.claims[0].amount == (8 + 10 * output_tokens) * TOKEN


@pytest.mark.parametrize(
    ("budget", "wait", "told"),
    [
        (Budget("day", TOKEN), "43200", "the budget is 0.000001 USD per day"),
        (Budget("month", 2 * TOKEN), "648000", "the budget is 0.000002 USD per month"),
        (Budget("total", 0), None, "the budget is 0 USD in total"),
    ],
)
async def test_a_request_beyond_its_budget_is_refused(desk: Desk, budget: Budget, wait: str | None, told: str) -> None:
    error = await desk.refused(Limits((budget,), requests_per_minute=5), desk.house.prepared("hi"))
    assert (error.type, error.code, error.param) == ("insufficient_quota", "insufficient_quota", None)
    assert error.message.startswith(f"You exceeded your current quota: {told}, and ")
    assert error.headers.get("retry-after") == wait
    assert error.headers["x-should-retry"] == "false"
    # Nothing was taken of what did fit.
    assert error.headers["x-ratelimit-remaining-requests"] == "5"
    assert desk.limited("budget") == 1


async def test_the_last_second_of_a_window_is_a_second(desk: Desk) -> None:
    almost_midnight = datetime(2026, 11, 23, 23, 59, 59, 999_000, UTC).timestamp()
    error = await desk.refused(Limits((Budget("day", 0),)), desk.house.prepared("hi"), now=almost_midnight)
    assert error.headers["retry-after"] == "1"


async def test_what_is_left_of_a_budget_is_told(desk: Desk) -> None:
    error = await desk.refused(Limits((Budget("day", 12_345_678 * TOKEN // 1000),)), desk.house.prepared("x" * 10**6))
    assert "what is left of it (0.012345 USD) is less than what this request may cost." in error.message


async def test_of_several_budgets_the_longest_that_is_spent_is_told(desk: Desk) -> None:
    budgets = (Budget("total", PER_USD), Budget("month", 0), Budget("day", 0))
    assert "per month" in (await desk.refused(Limits(budgets), desk.house.prepared("hi"))).message


async def test_a_model_without_a_price_costs_a_budget_nothing(desk: Desk) -> None:
    admission = await desk.admit(Limits((Budget("day", 0),)), desk.house.prepared("hi"), model="mystery")
    assert admission is not None
    assert admission.claims[0].amount == 0
    assert admission.charges(100, None) == []


async def test_a_model_without_a_price_may_be_refused(house: House, store: FaultyStore) -> None:
    desk = Desk(house, store, refuse_unpriced=True)
    error = await desk.refused(Limits((Budget("day", PER_USD),)), house.prepared("hi"), model="mystery")
    assert (error.type, error.code, error.param) == ("insufficient_quota", "insufficient_quota", "model")
    assert error.message == "The model 'm' has no price here: clients with a budget cannot use it."
    assert error.headers == {"x-should-retry": "false"}
    assert (desk.limited("unpriced"), desk.limited("budget")) == (1, None)
    # Without a budget it does not matter.
    assert await desk.admit(Limits(requests_per_minute=1), house.prepared("hi"), model="mystery") is not None


async def test_too_many_requests_a_minute_are_refused(desk: Desk) -> None:
    limits = Limits(requests_per_minute=3)
    for _ in range(3):
        await desk.admit(limits, desk.house.prepared("hi"))
    error = await desk.refused(limits, desk.house.prepared("hi"), now=NOON + 0.75)
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")
    assert error.message == (
        "Rate limit reached for m on requests per min (RPM): Limit 3, Used 3, Requested 1. Please try again in 19.25s."
    )
    assert error.headers == {
        "retry-after": "20",
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
    }
    assert desk.limited("requests") == 1
    assert await desk.admit(limits, desk.house.prepared("hi"), now=NOON + 20) is not None


async def test_too_many_tokens_a_minute_are_refused(desk: Desk) -> None:
    limits = Limits(requests_per_minute=10, tokens_per_minute=1_000)
    await desk.admit(limits, desk.house.prepared("hi", max_output_tokens=800))
    error = await desk.refused(limits, desk.house.prepared("hi", max_output_tokens=800))
    assert (error.type, error.code) == ("tokens", "rate_limit_exceeded")
    assert error.message == (
        "Rate limit reached for m on tokens per min (TPM): Limit 1000, Used 808, Requested 808. Please try again in "
        "36.96s."
    )
    assert error.headers["retry-after"] == "37"
    assert error.headers["x-ratelimit-remaining-tokens"] == "192"
    assert error.headers["x-ratelimit-remaining-requests"] == "9"


async def test_a_request_that_never_fits_is_not_to_be_repeated(desk: Desk) -> None:
    error = await desk.refused(Limits(tokens_per_minute=1_000), desk.house.prepared("hi", max_output_tokens=1_000))
    assert (error.type, error.code) == ("tokens", "rate_limit_exceeded")
    assert error.message.startswith("Request too large for m on tokens per min (TPM): Limit 1000, Requested 1008. ")
    assert "retry-after" not in error.headers
    assert error.headers["x-should-retry"] == "false"


async def test_an_output_that_nobody_asked_for_is_not_too_large(desk: Desk) -> None:
    assert await desk.admit(Limits(tokens_per_minute=1_000), desk.house.prepared("hi")) is not None


async def test_too_many_streams_are_refused(desk: Desk) -> None:
    limits = Limits(concurrent_streams=1)
    first = await desk.admit(limits, desk.house.prepared("hi", stream=True))
    error = await desk.refused(limits, desk.house.prepared("hi", stream=True))
    assert (error.type, error.code) == ("requests", "rate_limit_exceeded")
    assert error.message == (
        "Rate limit reached for m on concurrent streams: Limit 1, Used 1, Requested 1. Please try again when one of "
        "them has ended."
    )
    assert error.headers == {"retry-after": "1"}
    assert desk.limited("streams") == 1
    assert await desk.admit(limits, desk.house.prepared("hi")) is not None
    assert first is not None
    await first.release()
    assert await desk.admit(limits, desk.house.prepared("hi", stream=True)) is not None


async def test_a_shared_ledger_tells_what_is_left_of_the_limit_that_was_reached(
    house: House, store: FaultyStore
) -> None:
    desk = Desk(house, store, shared=True)
    limits = Limits(requests_per_minute=5, tokens_per_minute=1_000)
    await desk.admit(limits, house.prepared("hi", max_output_tokens=800))
    error = await desk.refused(limits, house.prepared("hi", max_output_tokens=800))
    assert error.headers["x-ratelimit-remaining-tokens"] == "192"
    assert error.headers["x-ratelimit-limit-requests"] == "5"
    assert "x-ratelimit-remaining-requests" not in error.headers


@pytest.mark.parametrize("shared", [False, True])
async def test_nobody_spends_while_nobody_knows_what_was_spent(house: House, store: FaultyStore, shared: bool) -> None:
    desk = Desk(house, store, shared=shared)
    store.fail("reserve" if shared else "spent")
    limits = Limits((Budget("day", PER_USD),))
    with pytest.raises(StoreUnavailableError):
        await desk.admit(limits, house.prepared("hi"))
    assert desk.gateway.store_health.down
    assert await desk.admit(limits, house.prepared("hi")) is not None


@pytest.mark.parametrize("shared", [False, True])
async def test_a_request_that_is_not_made_gives_everything_back(house: House, store: FaultyStore, shared: bool) -> None:
    desk = Desk(house, store, shared=shared)
    limits = Limits((Budget("total", 41_000 * TOKEN),), 1, 5_000, 1)
    for _ in range(3):
        admission = await desk.admit(limits, house.prepared("hi", stream=True))
        assert admission is not None
        await admission.release()
        await admission.release()


async def test_a_huge_request_is_refused_as_any(desk: Desk) -> None:
    limits = Limits((Budget("total", 10**18),), 10**9, 10**9, 10)
    error = await desk.refused(limits, desk.house.prepared("é" * 10**6, max_output_tokens=10**30))
    assert error.code == "insufficient_quota"


# --- headers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (-3, "0s"),
        (0.006, "6ms"),
        (0.0001, "1ms"),
        (0.9991, "1s"),
        (1.5, "1.5s"),
        (20, "20s"),
        (59.9999, "1m0s"),
        (150, "2m30s"),
        (61.25, "1m1.25s"),
        (3600, "1h0m0s"),
        (90_061.001, "25h1m1.001s"),
    ],
)
def test_durations_are_written_as_openai_writes_them(seconds: float, written: str) -> None:
    assert duration(seconds) == written


def test_what_is_left_of_a_bucket_in_debt_is_nothing() -> None:
    assert rate_headers([Claim("shop/tokens", "rate", 60, 1)], [-60]) == {
        "x-ratelimit-limit-tokens": "60",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "2m0s",
    }


# --- the running gateway ----------------------------------------------------------------------------------------------


def with_clients(*clients: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "clients": [
            {"name": f"client-{number}", "key": f"sk-{number}", **entry} for number, entry in enumerate(clients)
        ],
        "providers": {"chat": {"models": {"gpt-4o": {"price": {"input": 1, "output": 10}}}}},
        **changes,
    }


async def ask(gateway: Gateway, *, key: str = "sk-0", **body: Any) -> Whole:
    return await gateway.create(
        **{"key": key, "model": "chat/gpt-4o", "input": "hi!!", "max_output_tokens": 100, **body}
    )


async def spent(gateway: Gateway) -> int:
    """What all clients have spent of their budgets, in units of an input token."""
    return sum(each.spent for each in await gateway.server.gateway.ledger.budgets(time.time())) // TOKEN


async def test_a_budget_admits_exactly_what_it_pays_for(gateways: Gateways, vendor: Vendor) -> None:
    # Each request holds 8 + 1000 units back.
    gateway = await gateways.start(**with_clients({"budget": {"usd": "0.007999", "per": "total"}}))
    gate = asyncio.Event()
    vendor.always(Turn(gate, "Hi."))
    asked = [asyncio.create_task(ask(gateway)) for _ in range(200)]
    refused = 0
    for answer in asyncio.as_completed(asked):
        whole = await answer
        if whole.status == 429:
            refused += 1
            assert whole.error["code"] == "insufficient_quota"
            if refused == 193:
                gate.set()
        else:
            assert whole.response["status"] == "completed"
    assert (refused, len(vendor.requests)) == (193, 7)
    assert await gateway.metric("dragoman_limited_requests_total", client="client-0", limit="budget") == 193
    # What was not used is free again: 11 tokens of input, 7 of output each.
    await eventually(lambda: spent(gateway), lambda found: found == 7 * 81)
    assert (await ask(gateway)).status == 200


async def test_one_client_does_not_spend_the_budget_of_another(gateways: Gateways) -> None:
    gateway = await gateways.start(
        **with_clients({"budget": {"usd": 0, "per": "day"}}, {"budget": {"usd": 1, "per": "day"}}, {})
    )
    assert (await ask(gateway)).error["type"] == "insufficient_quota"
    for key in ("sk-1", "sk-2"):
        assert (await ask(gateway, key=key)).status == 200


async def test_answers_tell_what_is_left(gateways: Gateways) -> None:
    gateway = await gateways.start(**with_clients({"limits": {"requests_per_minute": 2}}, {}))
    for stream in (False, True):
        answer = await ask(gateway, stream=stream)
        assert answer.status == 200
        assert answer.headers["x-ratelimit-limit-requests"] == "2"
        assert answer.headers["x-ratelimit-remaining-requests"] == "01"[not stream]
    answer = await ask(gateway)
    assert answer.status == 429
    assert answer.error["type"] == "requests"
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    assert not [name for name in (await ask(gateway, key="sk-1")).headers if "ratelimit" in name]


async def test_the_sdk_does_not_repeat_what_a_budget_refuses(gateways: Gateways) -> None:
    gateway = await gateways.start(**with_clients({"budget": {"usd": 0, "per": "total"}}))
    async with gateway.openai("sk-0").with_options(max_retries=2) as client:
        with pytest.raises(openai.RateLimitError) as caught:
            await client.responses.create(model="chat/gpt-4o", input="hi")
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    assert await gateway.metric("dragoman_limited_requests_total") == 1


async def test_what_a_failed_request_did_not_take_is_given_back(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(
        **with_clients({"budget": {"usd": "0.001008", "per": "total"}, "limits": {"tokens_per_minute": 200}})
    )
    for _ in range(3):
        vendor.play(failure(400))
        assert (await ask(gateway)).status == 400
    assert (await ask(gateway)).status == 200


async def test_a_stream_counts_until_it_has_ended(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(**with_clients({"limits": {"concurrent_streams": 1}}))
    gate = asyncio.Event()
    vendor.play(Turn("Hi", gate, "."))
    wire = await gateway.open(key="sk-0", model="chat/gpt-4o", input="hi", stream=True)
    await wire.until(b"output_text.delta")
    assert (await ask(gateway, stream=True)).error["code"] == "rate_limit_exceeded"
    assert (await ask(gateway)).status == 200
    gate.set()
    await wire.until(b"response.completed")

    async def again() -> int:
        return (await ask(gateway, stream=True)).status

    await eventually(again, lambda status: status == 200)


async def test_a_client_that_leaves_holds_nothing_back(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(
        **with_clients({"budget": {"usd": "0.001008", "per": "total"}, "limits": {"concurrent_streams": 1}})
    )
    vendor.play(Turn("Hi", asyncio.Event(), "."))
    wire = await gateway.open(key="sk-0", model="chat/gpt-4o", input="hi!!", stream=True, max_output_tokens=100)
    await wire.until(b"output_text.delta")
    assert (await ask(gateway)).status == 429
    await wire.close()
    await eventually(lambda: spent(gateway), lambda found: found > 0)
    budget = gateway.server.gateway.ledger.left(Claim("client-0/usd/total", "budget", 1008 * TOKEN, 0), time.time())
    assert budget == (1008 - await spent(gateway)) * TOKEN


async def test_what_was_spent_is_known_after_a_restart(gateways: Gateways, tmp_path: Path) -> None:
    # Two requests cost 162 units, and the third would hold 1008 back.
    changes = with_clients({"budget": {"usd": "0.001169", "per": "total"}}, store=f"sqlite:///{tmp_path / 'spent.db'}")
    gateway = await gateways.start(**changes)
    assert (await ask(gateway)).status == 200
    await eventually(lambda: spent(gateway), lambda found: found == 81)
    assert (await ask(gateway)).status == 200
    await eventually(lambda: spent(gateway), lambda found: found == 162)
    assert (await ask(gateway)).status == 429
    await gateways.stop()
    again = await gateways.start(**changes)
    assert await spent(again) == 162
    assert (await ask(again)).status == 429
    assert (await ask(again, max_output_tokens=99)).status == 200
