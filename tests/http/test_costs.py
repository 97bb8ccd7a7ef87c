"""What an answer costs is the same everywhere: in the header, the log, the metrics, the spend record."""

import asyncio
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from proxy.state.records import SpendColumn, SpendGroup
from proxy.usage.prices import PER_USD
from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.journal import Journal
from tests.vendors.script import CUT, SILENCE, Turn, failure
from tests.vendors.server import Vendor

PRICED = {
    "claude": {"models": {"claude-sonnet-5": {"price": {"input": "2", "output": "10", "request": "0.001"}}}},
    "chat": {"models": {"gpt-4o": {"price": {"input": "0.0375", "output": "0.15"}}}},
    "google": {"models": {"gemini-3.5-flash": {"price": {"input": "1", "output": "3"}}}},
    "toy": {
        "models": {
            "priced": {
                "price": {
                    "input": "2",
                    "output": "10",
                    "cache_read": "0.2",
                    "cache_write_5m": "2.5",
                    "tiers": [{"above_input": 1000, "input": "4", "output": "20"}],
                }
            }
        }
    },
}


@pytest.fixture
async def priced(gateways: Gateways) -> Gateway:
    return await gateways.start(providers=PRICED)


async def rows(gateway: Gateway, by: Sequence[SpendColumn] = ()) -> list[SpendGroup]:
    """The spend record, all that waits included."""
    await gateway.server.gateway.spending.flush()
    return await gateway.server.gateway.store.spend(by, 0.0, 4e9)


async def test_all_places_say_the_same_of_a_plain_answer(priced: Gateway, vendor: Vendor, journal: Journal) -> None:
    vendor.play(Turn("Hi.", tokens=(1000, 7)))
    answer = await priced.create(model=MODELS["anthropic"], input="hi")
    # 1000 * 2 and 7 * 10 of a million, and a tenth of a cent.
    cost = "0.00307"
    assert answer.headers["x-dragoman-cost-usd"] == cost
    line = await journal.entry(event="request")
    assert (line["cost_usd"], line["price_source"]) == (cost, "config")
    labels = {"provider": "claude", "model": "claude-sonnet-5", "client": "default", "price_source": "config"}
    assert await priced.metric("dragoman_cost_usd_total", **labels) == float(cost)
    (row,) = await rows(priced, ("provider", "model", "client", "price_source", "outcome", "source"))
    assert row.by == ("claude", "claude-sonnet-5", "default", "config", "completed", "provider")
    assert Decimal(row.cost) / PER_USD == Decimal(cost)


async def test_a_stream_costs_what_the_plain_answer_does(priced: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Hi.", tokens=(1234, 567)), Turn("Hi.", tokens=(1234, 567)))
    plain = await priced.create(model=model, input="hi")
    before = await priced.metric("dragoman_cost_usd_total")
    assert before == float(plain.headers["x-dragoman-cost-usd"])
    stream = await priced.create(model=model, input="hi", stream=True)
    assert stream.terminal["type"] == "response.completed"
    assert await priced.metric("dragoman_cost_usd_total") == pytest.approx(2 * before, abs=1e-12)


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        ("in=1000 out=10", "0.0021"),
        ("in=1001 out=10", "0.004204"),
        ("in=1000 cached=400 written=100 out=10 reasoning=4", "0.00143"),
        ("in=0 out=0", "0"),
    ],
)
async def test_kinds_and_tiers_are_priced_by_themselves(priced: Gateway, usage: str, cost: str) -> None:
    answer = await priced.create(model="toy/priced", input=f"/usage {usage}\n/say Hi.")
    assert answer.headers.get("x-dragoman-cost-usd", "0") == cost


async def test_the_tier_is_that_of_each_call(priced: Gateway) -> None:
    # Two attempts of 800 tokens are not one call of 1600.
    answer = await priced.create(model="toy/priced", input="/usage in=800 out=3\n/error It broke.")
    assert answer.status == 502
    assert await priced.metric("dragoman_cost_usd_total") == pytest.approx(2 * 800 * 2 / 1e6, abs=1e-15)
    # Who pays for an answer that failed is told so.
    assert answer.headers["x-dragoman-cost-usd"] == "0.0032"


async def test_a_model_without_a_price_is_never_free(gateway: Gateway, journal: Journal) -> None:
    for _ in range(3):
        answer = await gateway.create(model="toy/nobody-s-price", input="/usage in=70 out=30\n/say Hi.")
        assert "x-dragoman-cost-usd" not in answer.headers
    labels = {"provider": "toy", "model": "nobody-s-price"}
    assert await gateway.metric("dragoman_unpriced_tokens_total", **labels) == 300
    assert await gateway.metric("dragoman_cost_usd_total") == 0
    assert [entry["level"] for entry in journal.entries if entry["event"] == "unpriced model"] == ["warning"]
    (row,) = await rows(gateway)
    assert (row.cost, row.unpriced_tokens, row.requests) == (0, 300, 3)


async def test_the_catalogue_knows_the_vendors_prices(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Hi.", tokens=(1_000_000, 1_000_000)))
    answer = await gateway.create(model="chat/gpt-4o", input="hi")
    assert answer.headers["x-dragoman-cost-usd"] == "12.5"
    assert await gateway.metric("dragoman_cost_usd_total", price_source="catalogue") == 12.5


async def test_what_the_cache_spared_is_counted(priced: Gateway) -> None:
    await priced.create(model="toy/priced", input="/usage in=1000 cached=400 written=100 out=10\n/say Hi.")
    spared = (400 * (2 - 0.2) - 100 * (2.5 - 2)) / 1e6
    assert await priced.metric("dragoman_cache_saved_usd") == pytest.approx(spared, abs=1e-15)


async def test_estimated_cost_is_shown_apart(priced: Gateway) -> None:
    answer = await priced.create(model="toy/priced", input="/usage none\n/say one two three")
    cost = float(answer.headers["x-dragoman-cost-usd"])
    assert answer.headers["x-dragoman-usage-source"] == "estimated"
    assert cost > 0
    assert await priced.metric("dragoman_cost_usd_total") == cost
    assert await priced.metric("dragoman_estimated_cost_usd_total") == cost
    (row,) = await rows(priced)
    assert row.estimated_cost == row.cost


async def test_background_and_compacted_responses_cost_as_well(priced: Gateway, journal: Journal) -> None:
    script = "/usage in=100 out=10\n/say Hi."
    begun = await priced.create(model="toy/priced", input=script, background=True)
    await journal.entry(response_id=begun.json["id"], outcome="completed")
    assert await priced.metric("dragoman_cost_usd_total") == pytest.approx(0.0003, abs=1e-15)
    compacted = await priced.create(path="/v1/responses/compact", model="toy/priced", input=script)
    assert compacted.status == 200
    assert float(compacted.headers["x-dragoman-cost-usd"]) > 0
    assert sum(row.requests for row in await rows(priced)) == 2


async def load(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    """Some of everything: every outcome, priced and unpriced, counted and estimated."""
    chat = MODELS["openai_chat"]
    vendor.play(
        Turn("Hi.", tokens=(120, 30)),
        Turn("Hi", stop="length", tokens=(7, 9)),
        Turn("One two three", CUT),
        failure(400),
        Turn("One ", SILENCE),
    )
    await gateway.create(model=chat, input="hi")
    await gateway.create(model=chat, input="hi", stream=True)
    await gateway.create(model=chat, input="hi", stream=True)
    await gateway.create(model=chat, input="hi")
    wire = await gateway.open(model=chat, input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await wire.close()
    await journal.entry(outcome="cancelled")
    scripts = [
        f"/usage in={number} cached={number // 2} out={number % 7} reasoning={number % 3}\n/say Hi."
        for number in range(1, 60)
    ]
    models = ["toy/priced", "toy/unpriced"]
    await asyncio.gather(
        *(
            gateway.create(model=models[number % 2], input=script, stream=number % 3 == 0)
            for number, script in enumerate(scripts)
        )
    )
    await gateway.create(model="toy/priced", input="/usage none\n/say one two")
    await gateway.create(model="nobody", input="hi")


async def test_the_rows_are_the_counters(priced: Gateway, vendor: Vendor, journal: Journal) -> None:
    await load(priced, vendor, journal)
    groups = await rows(priced, ("provider", "model", "outcome", "source", "price_source"))
    assert {row.by[2] for row in groups} == {"completed", "incomplete", "failed", "cancelled"}
    for row in groups:
        provider, model, outcome, _, _ = cast(tuple[str, ...], row.by)
        same = [other for other in groups if other.by[:3] == row.by[:3]]
        counted = await priced.metric("dragoman_requests_total", provider=provider, model=model, outcome=outcome)
        assert sum(other.requests for other in same) == counted
    kinds = {
        "input": "input_tokens",
        "cache_read": "cache_read_tokens",
        "cache_write": "cache_write_tokens",
        "output": "output_tokens",
        "reasoning": "reasoning_tokens",
    }
    for kind, column in kinds.items():
        for source in ("provider", "estimated"):
            recorded = sum(getattr(row, column) for row in groups if row.by[3] == source)
            assert recorded == await priced.metric("dragoman_tokens_total", kind=kind, source=source)
    cost = sum(row.cost for row in groups) / PER_USD
    assert cost > 0
    assert cost == pytest.approx(await priced.metric("dragoman_cost_usd_total"), abs=1e-12)
    unpriced = sum(row.unpriced_tokens for row in groups)
    assert unpriced == await priced.metric("dragoman_unpriced_tokens_total") > 0


async def test_the_record_outlives_the_process(gateways: Gateways, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"store": f"sqlite:///{tmp_path / 'state.db'}", "providers": PRICED}
    first = await gateways.start(**settings)
    answer = await first.create(model="toy/priced", input="/usage in=1000 out=10\n/say Hi.")
    await first.server.stop()
    second = await gateways.start(**settings)
    (row,) = await rows(second)
    assert Decimal(row.cost) / PER_USD == Decimal(answer.headers["x-dragoman-cost-usd"])


async def test_the_conventions_names_stand_beside_ours(priced: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("One ", "two ", "three.", tokens=(100, 20)))
    await priced.create(model=MODELS["anthropic"], input="hi", stream=True)
    labels = {
        "gen_ai_operation_name": "chat",
        "gen_ai_provider_name": "anthropic",
        "gen_ai_request_model": "claude-sonnet-5",
    }
    usage = "gen_ai_client_token_usage"
    assert await priced.metric(f"{usage}_sum", **labels, gen_ai_token_type="input") == 100
    assert await priced.metric(f"{usage}_sum", **labels, gen_ai_token_type="output") == 20
    assert await priced.metric("gen_ai_client_operation_duration_seconds_count", **labels, error_type="") == 1
    first = "gen_ai_client_operation_time_to_first_chunk_seconds"
    assert await priced.metric(f"{first}_count", **labels) == 1
    between = "gen_ai_client_operation_time_per_output_chunk_seconds"
    assert await priced.metric(f"{between}_bucket", **labels, le="+Inf") == await priced.metric(f"{between}_count")


async def test_a_failure_has_its_type(priced: Gateway, vendor: Vendor) -> None:
    vendor.play(failure(400))
    await priced.create(model=MODELS["anthropic"], input="hi")
    assert await priced.metric("gen_ai_client_operation_duration_seconds_count", error_type="client_error") == 1


async def test_the_times_between_the_pieces_of_a_stream_are_observed(priced: Gateway) -> None:
    await priced.create(model="toy/priced", input="/pace 0.002\n/say one two three four", stream=True)
    between = "gen_ai_client_operation_time_per_output_chunk_seconds"
    assert await priced.metric(f"{between}_count", gen_ai_provider_name="toy") >= 3
    assert await priced.metric(f"{between}_sum", gen_ai_provider_name="toy") >= 0.006


async def test_an_answer_that_is_asked_for_again_is_counted_by_itself(
    gateways: Gateways, vendor: Vendor, journal: Journal
) -> None:
    """The vendor counts the first, longer answer, and the second breaks off uncounted."""
    prices = {"input": "1", "output": "10", "tiers": [{"above_input": 900, "input": "100", "output": "1000"}]}
    deep = {
        "type": "openai_chat",
        "dialect": "deepseek",
        "base_url": f"{vendor.url}/v1",
        "api_key": "sk-vendor-deep",
        "models": {"deepseek-v4-pro": {"price": prices}},
    }
    gateway = await gateways.start(providers={"deep": deep}, retry={"attempts": 1})
    vendor.play(Turn("Sure! Ada was 36.", tokens=(900, 50)), Turn('{"name": ', '"Ada"', CUT))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    form = {"format": {"type": "json_schema", "name": "person", "schema": schema}}
    answer = await gateway.create(model="deep/deepseek-v4-pro", input="Who?", text=form, stream=True)
    assert answer.status == 502
    line = await journal.entry(outcome="failed")
    assert (line["attempts"], line["usage_source"]) == (2, "estimated")
    again, written = line["input_tokens"] - 900, line["output_tokens"] - 50
    assert 50 < again < 900
    assert 0 < written < 50
    # Neither of the two calls is large.
    assert Decimal(line["cost_usd"]) == Decimal(line["input_tokens"] + 10 * line["output_tokens"]) / 10**6
    assert await gateway.metric("dragoman_tokens_total") == line["input_tokens"] + line["output_tokens"]
