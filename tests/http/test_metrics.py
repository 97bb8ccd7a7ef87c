"""Metrics: the names and labels that dashboards rely on, and their bounds."""

import asyncio
import os

from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.script import Turn, failure
from tests.vendors.server import Vendor

FIXED = {
    "dragoman_requests_total": {"provider", "model", "client", "outcome"},
    "dragoman_tokens_total": {"provider", "model", "client", "kind", "source"},
    "dragoman_cost_usd_total": {"provider", "model", "client", "price_source"},
    "dragoman_request_seconds": {"provider", "model"},
    "dragoman_time_to_first_token_seconds": {"provider", "model"},
    "dragoman_overhead_seconds": {"provider", "model"},
    "dragoman_upstream_attempts_total": {"provider", "outcome"},
    "dragoman_conversions_total": {"provider", "element", "disposition"},
    "dragoman_requests_in_flight": set(),
    "dragoman_streams_open": set(),
}


async def test_names_and_labels_are_the_fixed_ones(gateway: Gateway, vendor: Vendor, model: str) -> None:
    compaction = [{"type": "compaction"}]
    for stream in (False, True):
        answer = await gateway.create(model=model, input="hi", stream=stream, context_management=compaction)
        assert answer.status == 200
    found: dict[str, set[str]] = {}
    for name, labels, _ in await gateway.samples():
        for suffix in ("_bucket", "_sum", "_count", "_created"):
            name = name.removesuffix(suffix)
        if name in FIXED:
            found[name] = labels.keys() - {"le"}
    assert found == FIXED


async def test_token_kinds_are_disjoint_and_sum_to_the_total(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Hi.", tokens=(100, 20)))
    await gateway.create(model=model, input="hi")
    assert await gateway.metric("dragoman_tokens_total") == 120
    assert await gateway.metric("dragoman_tokens_total", kind="input", source="provider") == 100
    assert await gateway.metric("dragoman_tokens_total", kind="output", source="provider") == 20


async def test_every_outcome_is_counted_once(gateway: Gateway, vendor: Vendor, model: str) -> None:
    vendor.play(Turn("Hi."), Turn("Hi", stop="length"), failure(400))
    await gateway.create(model=model, input="hi")
    await gateway.create(model=model, input="hi")
    await gateway.create(model=model, input="hi")
    await gateway.create(model="nobody", input="hi")
    for outcome in ("completed", "incomplete", "failed", "rejected"):
        assert await gateway.metric("dragoman_requests_total", outcome=outcome) == 1
    assert await gateway.metric("dragoman_requests_total", outcome="rejected", model="none", provider="none") == 1
    assert await gateway.metric("dragoman_upstream_attempts_total", outcome="client_error") == 1


async def test_invented_models_make_no_series(gateway: Gateway, vendor: Vendor) -> None:
    refused = failure(404, "The model does not exist.", code="model_not_found")
    vendor.responder = lambda recorded: refused
    for number in range(150):
        await gateway.create(model=f"chat/invented-{number}", input="hi")
        await gateway.create(model=f"invented-{number}", input="hi")
    samples = await gateway.samples()
    assert "invented" not in str(samples)
    assert len(samples) < 200


async def test_nothing_that_is_invented_makes_series(gateways: Gateways, vendor: Vendor) -> None:
    invented = 10_000 if os.environ.get("DRAGOMAN_SCALE") == "full" else 1_000
    gateway = await gateways.start(clients=[{"name": "shop", "key": "sk-shop-0123456789"}])
    refused = failure(404, "The model does not exist.", code="model_not_found")
    vendor.responder = lambda recorded: refused

    async def ask(number: int) -> None:
        name = f"invented-{number}"
        good = "sk-shop-0123456789"
        await gateway.create(key=good, model=f"chat/{name}", input="hi", user=name, safety_identifier=name)
        await gateway.create(key=good, model=name, input="hi")
        await gateway.create(key=f"sk-{name}", model="chat/gpt-4o", input="hi")
        await gateway.request("GET", f"/v1/{name}", headers={"authorization": f"Bearer {good}"})
        await gateway.request("POST", f"/{name}")

    # Whatever a failure of each kind brings is there after the first ones.
    await asyncio.gather(*(ask(number) for number in range(5)))
    before = {(name, *labels.items()) for name, labels, _ in await gateway.samples()}
    for begin in range(5, invented, 50):
        await asyncio.gather(*(ask(number) for number in range(begin, begin + 50)))
    after = {(name, *labels.items()) for name, labels, _ in await gateway.samples()}
    assert after == before
    assert "invented" not in str(after)


async def test_accepted_models_have_at_most_two_hundred_series(gateway: Gateway) -> None:
    for number in range(230):
        await gateway.create(model=f"toy/real-{number}", input="hi")
    models = {labels["model"] for _, labels, _ in await gateway.samples() if "model" in labels}
    assert len(models) == 201
    assert "other" in models


async def test_what_a_client_invents_never_becomes_a_label(gateways: Gateways, vendor: Vendor, model: str) -> None:
    gateway = await gateways.start(unknown_parameters="ignore")
    vendor.responder = lambda recorded: failure(404, "invented: no such model", code="model_not_found")
    await gateway.create(
        model=model,
        input="invented",
        user="invented",
        metadata={"invented": "invented"},
        safety_identifier="invented",
        prompt_cache_key="invented",
        invented=1,
        tools=[{"type": "web_search", "search_context_size": "low"}, {"type": "function", "name": "invented"}],
    )
    await gateway.create(model=f"{model}-invented", input="hi")
    await gateway.create(model="invented", input="hi")
    await gateway.request("GET", "/invented", headers={"x-request-id": "invented", "user-agent": "invented"})
    await gateway.request("INVENTED", "/v1/responses", body=b"{}")
    assert "invented" not in str(await gateway.samples())


async def test_metrics_can_have_an_address_of_their_own(gateways: Gateways) -> None:
    gateway = await gateways.start(metrics={"listen": "127.0.0.1:0"}, clients=[{"name": "a", "key": "sk-a-key"}])
    port = gateway.server._runners["metrics"].addresses[0][1]
    for path in ("/metrics", "/healthz", "/readyz"):
        async with gateway.http.get(f"http://127.0.0.1:{port}{path}") as answer:
            assert answer.status == 200
    async with gateway.http.get(f"http://127.0.0.1:{port}/v1/models") as answer:
        assert answer.status == 404
