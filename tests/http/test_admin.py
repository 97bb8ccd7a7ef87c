"""The administration: what was spent, on a port and with a key of its own."""

import asyncio
import csv
import io
import time
from pathlib import Path
from typing import Any

import pytest

from proxy.http import access
from proxy.state.records import Spending, SpendRow
from tests.vendors.gateway import Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import Turn
from tests.vendors.server import Vendor

KEY = "sk-admin-canary"

CONFIGURED: dict[str, Any] = {
    "admin": {"listen": "127.0.0.1:0", "key": KEY},
    "clients": [{"name": "shop", "key": "sk-shop-canary"}, {"name": "desk", "key": "sk-desk-canary"}],
    "providers": {"chat": {"models": {"gpt-4o": {"price": {"input": 2.5, "output": 10}}}}},
}

COST = "0.0000975"
"""Of 11 tokens at 2.50 USD and 7 at 10 USD a million."""


@pytest.fixture
async def gateway(gateways: Gateways) -> Gateway:
    return await gateways.start(**CONFIGURED)


async def ask(
    gateway: Gateway,
    query: str = "",
    *,
    path: str = "/admin/usage",
    method: str = "GET",
    authorization: str | None = f"Bearer {KEY}",
) -> Whole:
    headers = {} if authorization is None else {"authorization": authorization}
    url = f"http://127.0.0.1:{gateway.server.admin_port}{path}{query}"
    async with gateway.http.request(method, url, headers=headers) as answer:
        return Whole(answer.status, answer.headers, await answer.read())


def row(number: int, *, model: str = "m", cost: int | None = 1, at: float | None = None, tokens: int = 1) -> SpendRow:
    return SpendRow(
        id=f"resp_{number:032x}",
        at=time.time() if at is None else at,
        client="shop",
        provider="chat",
        model=model,
        outcome="completed",
        input_tokens=tokens,
        cache_read_tokens=0,
        cache_write_tokens=0,
        output_tokens=0,
        reasoning_tokens=0,
        source="provider",
        cost=cost,
        price_source=None if cost is None else "config",
        attempts=1,
        duration_ms=10,
        first_output_ms=None,
    )


def keep(gateway: Gateway, *rows: SpendRow) -> None:
    for one in rows:
        gateway.server.gateway.spending.add(Spending(one))


# --- the numbers ------------------------------------------------------------------------------------------------------


async def test_what_was_spent_is_known_at_once(gateway: Gateway) -> None:
    for key, stream in (("sk-shop-canary", False), ("sk-shop-canary", True), ("sk-desk-canary", False)):
        answer = await gateway.create(key=key, model="chat/gpt-4o", input="hi", stream=stream)
        assert answer.response["status"] == "completed"
    answer = await ask(gateway)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-request-id"].startswith("req_")
    data = {one.pop("client"): one for one in answer.json["data"]}
    common = {"model": "gpt-4o", "cache_read_tokens": 0, "cache_write_tokens": 0, "reasoning_tokens": 0}
    common |= {"unpriced_tokens": 0, "estimated_cost_usd": "0"}
    assert data == {
        "shop": {**common, "requests": 2, "input_tokens": 22, "output_tokens": 14, "cost_usd": "0.000195"},
        "desk": {**common, "requests": 1, "input_tokens": 11, "output_tokens": 7, "cost_usd": COST},
    }
    assert answer.json["total"]["cost_usd"] == "0.0002925"
    assert answer.json["by"] == ["client", "model"]


async def test_the_sums_are_those_of_the_counters(gateway: Gateway, vendor: Vendor) -> None:
    for number in range(5):
        vendor.play(Turn("one", tokens=(1_000 + number, 7 * number + 1)))
        await gateway.create(key="sk-shop-canary", model="chat/gpt-4o", input="hi", stream=number % 2 == 0)
    vendor.play(Turn("two"))
    await gateway.create(key="sk-desk-canary", model="chat/invented-by-nobody", input="hi")
    total = (await ask(gateway)).json["total"]
    counted = await gateway.metric("dragoman_cost_usd_total")
    assert abs(float(total["cost_usd"]) - counted) < 1e-9
    assert total["cost_usd"] == "0.013275"
    tokens = sum(total[f"{kind}_tokens"] for kind in ("input", "cache_read", "cache_write", "output", "reasoning"))
    assert tokens == await gateway.metric("dragoman_tokens_total")
    assert total["unpriced_tokens"] == await gateway.metric("dragoman_unpriced_tokens_total") == 18
    assert total["requests"] == 6


async def test_any_grouping_adds_up_to_the_same(gateway: Gateway) -> None:
    for model in ("chat/gpt-4o", "claude/claude-sonnet-5", "toy/any"):
        await gateway.create(key="sk-shop-canary", model=model, input="hi")
    totals = [
        (await ask(gateway, f"?by={by}")).json["total"]
        for by in ("client", "provider,model", "outcome", "source", "price_source", "day", "day,client,model,provider")
    ]
    assert totals[0]["requests"] == 3
    assert all(total == totals[0] for total in totals)


async def test_csv_has_the_same_numbers(gateway: Gateway) -> None:
    await gateway.create(key="sk-shop-canary", model="chat/gpt-4o", input="hi")
    answer = await ask(gateway, "?format=csv&by=client,provider,model")
    assert answer.headers["content-type"].startswith("text/csv")
    [found] = csv.DictReader(io.StringIO(answer.body.decode(), newline=""))
    [same] = (await ask(gateway, "?by=client,provider,model")).json["data"]
    assert found == {name: str(value) for name, value in same.items()}
    assert found["cost_usd"] == COST


async def test_the_span_is_cut_where_it_is_said(gateways: Gateways) -> None:
    gateway = await gateways.start(**CONFIGURED, usage_retention="36500d")
    days = [1_794_787_200.0 + 86_400 * day for day in range(3)]  # from 2026-11-16
    keep(gateway, *(row(number, at=at, cost=10**number) for number, at in enumerate([days[0] - 0.001, *days])))
    for query, cost in (
        ("since=2026-11-16&until=2026-11-18", "0.00000000011"),
        ("since=2026-11-15&until=2026-11-16", "0.000000000001"),
        ("since=2026-11-16T00:00:00%2B02:00&until=2026-11-16T00:00Z", "0.000000000001"),
        ("since=2026-11-16T02:00:00+02:00&until=2026-11-19", "0.00000000111"),
    ):
        assert (await ask(gateway, f"?{query}")).json["total"]["cost_usd"] == cost, query
    answer = await ask(gateway, "?by=day&since=2026-11-01&until=2026-12-01")
    assert [one["day"] for one in answer.json["data"]] == ["2026-11-15", "2026-11-16", "2026-11-17", "2026-11-18"]
    assert (answer.json["since"], answer.json["until"]) == ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z")


async def test_nothing_spent_is_an_empty_list(gateway: Gateway) -> None:
    answer = await ask(gateway)
    assert answer.json["data"] == []
    assert answer.json["total"]["cost_usd"] == "0"
    assert (await ask(gateway, "?format=csv")).body.count(b"\r\n") == 1


async def test_ten_thousand_rows_with_any_names_are_all_there(gateway: Gateway) -> None:
    names = ["=cmd|' /C calc'!A0", "new\nline", "\x1b[2Jclear", 'quo"te', "ünï", "m"]
    keep(gateway, *(row(number, model=names[number % 6], cost=number, tokens=10**12) for number in range(10_000)))
    answer = await ask(gateway, "?by=model")
    assert {one["model"] for one in answer.json["data"]} == set(names)
    assert answer.json["total"]["requests"] == 10_000
    assert answer.json["total"]["input_tokens"] == 10**16
    assert answer.json["total"]["cost_usd"] == "0.000049995"
    sheet = await ask(gateway, "?by=model&format=csv")
    assert b"\x1b" not in sheet.body + answer.body
    assert b'\r\n"=' not in sheet.body


async def test_a_row_that_is_added_twice_counts_once(gateway: Gateway) -> None:
    keep(gateway, row(1, cost=5), row(1, cost=5))
    assert (await ask(gateway)).json["total"]["requests"] == 1
    keep(gateway, row(1, cost=5))
    assert (await ask(gateway)).json["total"]["requests"] == 1


async def test_many_may_ask_at_once(gateway: Gateway) -> None:
    keep(gateway, *(row(number) for number in range(100)))
    answers = await asyncio.gather(*(ask(gateway, "?by=client") for _ in range(30)))
    assert {answer.json["total"]["requests"] for answer in answers} == {100}


# --- who may ask ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, None),
        ("", None),
        ("Bearer sk-shop-canary", "invalid_api_key"),
        (f"Bearer {KEY}x", "invalid_api_key"),
        (f"Basic {KEY}", "invalid_api_key"),
        (KEY, "invalid_api_key"),
        ("Bearer", "invalid_api_key"),
    ],
)
async def test_only_the_administrator_s_key_is_let_in(
    gateway: Gateway, authorization: str | None, code: str | None
) -> None:
    for path in ("/admin/usage", "/nowhere"):
        answer = await ask(gateway, path=path, authorization=authorization)
        assert answer.status == 401
        assert answer.error["code"] == code


async def test_the_administrator_s_key_is_no_client_s(gateway: Gateway) -> None:
    answer = await gateway.create(key=KEY, model="toy/any", input="hi")
    assert answer.status == 401


async def test_without_clients_the_administration_still_asks_for_its_key(gateways: Gateways) -> None:
    gateway = await gateways.start(admin=CONFIGURED["admin"])
    assert (await ask(gateway, authorization=None)).status == 401
    assert (await ask(gateway)).status == 200


async def test_a_key_in_a_file_can_change(gateways: Gateways, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "REFRESH", 0.0)
    file = tmp_path / "key"
    file.write_text("sk-before\n")
    gateway = await gateways.start(admin={"listen": "127.0.0.1:0", "key": {"file": str(file)}})
    assert (await ask(gateway, authorization="Bearer sk-before")).status == 200
    (tmp_path / "new").write_text("sk-after-it\n")
    (tmp_path / "new").replace(file)
    assert (await ask(gateway, authorization="Bearer sk-before")).status == 401
    assert (await ask(gateway, authorization="Bearer sk-after-it")).status == 200


async def test_who_is_refused_is_counted_as_no_client_and_no_key_is_logged(gateway: Gateway, journal: Journal) -> None:
    await ask(gateway, authorization="Bearer sk-wrong-canary")
    await ask(gateway, "?since=canary")
    assert await gateway.metric("dragoman_requests_total", client="none", outcome="rejected") == 2
    assert await gateway.metric("dragoman_requests_total") == 2
    assert "canary" not in str(journal.entries)
    assert [entry["path"] for entry in journal.entries if entry["event"] == "request"] == ["/admin/usage"] * 2


# --- what is served ---------------------------------------------------------------------------------------------------


async def test_the_administration_has_two_paths(gateway: Gateway) -> None:
    for path in ("/metrics", "/readyz", "/v1/responses", "/v1/models", "/admin", "/admin/usage/", "/"):
        assert (await ask(gateway, path=path)).error["code"] == "unknown_url"
    assert (await ask(gateway, path="/healthz", authorization=None)).status == 200
    answer = await ask(gateway, method="POST")
    assert answer.status == 405
    assert "GET" in answer.headers["allow"]
    assert (await ask(gateway, method="HEAD")).status == 200


async def test_the_main_port_serves_none_of_it(gateway: Gateway) -> None:
    for key in ("sk-shop-canary", KEY):
        answer = await gateway.request("GET", "/admin/usage", headers={"authorization": f"Bearer {key}"})
        assert answer.status == (404 if key.startswith("sk-shop") else 401)


async def test_without_an_address_nothing_is_served(gateways: Gateways) -> None:
    gateway = await gateways.start(admin={"key": KEY})
    assert gateway.server.admin_port is None
    assert (await gateway.request("GET", "/admin/usage")).status == 404


@pytest.mark.parametrize(
    ("query", "param", "says"),
    [
        ("by=clint", "by", "client, provider, model, outcome, source, price_source, day"),
        ("by=client,client", "by", "again"),
        ("by=client&by=model", "by", "more than once"),
        ("since=yesterday", "since", "7d"),
        ("since=7", "since", "7d"),
        ("until=%00", "until", "2026-11-23T10:00Z"),
        ("since=1d&until=2d", "since", "not before the end"),
        ("format=table", "format", "'json' and 'csv'"),
        ("sinse=7d", "sinse", "'since'"),
        ("%1b[2J=1", "\x1b[2J", "Unknown parameter"),
        ("by=" + "x" * 5_000, "by", "expected some of"),
    ],
)
async def test_a_wrong_query_is_explained(gateway: Gateway, query: str, param: str, says: str) -> None:
    error = (await ask(gateway, f"?{query}")).error
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert says in error["message"]
    assert len(error["message"]) < 1_000


async def test_empty_parameters_are_the_defaults(gateway: Gateway) -> None:
    keep(gateway, row(1))
    answer = await ask(gateway, "?by=&since=&until=&format=")
    assert answer.json["by"] == ["client", "model"]
    assert answer.json["total"]["requests"] == 1


async def test_a_store_that_is_gone_is_said(gateway: Gateway) -> None:
    await gateway.server.gateway.store.close()
    answer = await ask(gateway)
    assert answer.status == 503
    assert answer.error["code"] == "store_unavailable"
    assert "what was spent" in answer.error["message"]
    assert answer.headers["retry-after"]
