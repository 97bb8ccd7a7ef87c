"""What is forgotten by itself: responses after their time, the oldest ones when there are too many, and at once what is
not to be stored."""

import time
from pathlib import Path

import pytest

from proxy.exchange import housekeeping
from proxy.exchange.housekeeping import Intervals
from proxy.state.records import Charge, Spending, StoredResponse
from tests.http.sockets import connected
from tests.state.kit import spend_row
from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]

FORGOTTEN = "dragoman_store_forgotten_total"


@pytest.fixture(autouse=True)
def diligent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The store is looked after all the time."""
    monkeypatch.setattr(housekeeping, "Intervals", lambda: Intervals(renew=0.01, trim=0.01, sweep=0.01))


@pytest.fixture(params=["memory", "sqlite", "fresh_redis_url", "fresh_postgres_url"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty store of each kind."""
    if request.param == "memory":
        return "memory://"
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return str(request.getfixturevalue(request.param))


async def assert_gone(gateway: Gateway, response_id: str) -> None:
    for path in ("", "/input_items"):
        assert (await gateway.request("GET", f"/v1/responses/{response_id}{path}")).status == 404
    answer = await gateway.create(model=CHAT, input="And?", previous_response_id=response_id)
    assert answer.error["code"] == "previous_response_not_found"


async def test_responses_are_kept_for_their_time_and_conversations_until_they_are_deleted(
    store: str, gateways: Gateways
) -> None:
    gateway = await gateways.start(store=store, retention="1s")
    made = (await gateway.create(model=CHAT, input="One", conversation={})).response
    again = (await gateway.create(model=CHAT, input="Two", previous_response_id=made["id"])).response
    queued = (await gateway.create(model=CHAT, input="Three", background=True)).json
    await eventually(lambda: gateway.metric(FORGOTTEN, reason="expired"), lambda forgotten: forgotten == 3)
    for response in (made, again, queued):
        await assert_gone(gateway, response["id"])
    path = f"/v1/conversations/{made['conversation']['id']}/items"
    assert len((await gateway.request("GET", path)).json["data"]) == 2
    answer = await gateway.create(model=CHAT, input="And?", conversation=made["conversation"])
    assert answer.status == 200
    assert await gateway.metric(FORGOTTEN, reason="size") == 0


async def test_an_unstored_background_response_can_be_fetched_for_ten_minutes(store: str, gateways: Gateways) -> None:
    gateway = await gateways.start(store=store)
    queued = (await gateway.create(model=CHAT, input="One", background=True, store=False)).json
    kept = gateway.server.gateway.store

    async def look() -> StoredResponse | None:
        return await kept.response(queued["id"], "default", time.time())

    found = await eventually(look, lambda found: found is not None and found.status == "completed")
    assert found is not None
    assert 590 < found.expires_at - time.time() <= 600
    assert await kept.response(queued["id"], "default", time.time() + 601) is None


async def test_the_oldest_go_when_there_are_too_many(store: str, gateways: Gateways) -> None:
    gateway = await gateways.start(store=store, limits={"store": 60_000})
    conversation = (await gateway.create(model=CHAT, input="One", conversation={}, store=False)).response
    made = [(await gateway.create(model=CHAT, input="x" * 10_000)).response["id"] for _ in range(12)]
    await eventually(lambda: gateway.metric(FORGOTTEN, reason="size"), lambda forgotten: forgotten >= 6)
    await assert_gone(gateway, made[0])
    answer = await gateway.create(model=CHAT, input="And?", previous_response_id=made[-1], store=False)
    assert answer.status == 200
    path = f"/v1/conversations/{conversation['conversation']['id']}"
    assert (await gateway.request("GET", path)).status == 200
    assert await gateway.metric(FORGOTTEN, reason="expired") == 0


async def test_rows_of_the_spend_record_go_after_their_time_and_budgets_do_not(store: str, gateways: Gateways) -> None:
    gateway = await gateways.start(store=store, usage_retention="1d")
    kept, now = gateway.server.gateway.store, time.time()
    charge = Charge("ann/usd/total", "budget", 100, 1)
    ages = {"new": 0.0, "younger": 86_000.0, "older": 87_000.0, "oldest": 10**8}
    await kept.add_spend([Spending(spend_row(name, at=now - age), [charge]) for name, age in ages.items()], now)

    async def look() -> int:
        return sum(group.requests for group in await kept.spend([], 0, now + 1))

    await eventually(look, lambda rows: rows == 2)
    assert await kept.spent([charge.meter]) == {charge.meter: 4}


async def test_what_is_not_to_be_stored_does_not_reach_the_disk(gateways: Gateways, tmp_path: Path) -> None:
    gateway = await gateways.start(store=f"sqlite:///{tmp_path / 'state' / 'state.db'}")
    secret = {"model": CHAT, "input": "A canary sings.", "instructions": "canary"}
    stored = (await gateway.create(model=CHAT, input="A sparrow sings.")).response["id"]
    for body in ({}, {"stream": True}, {"previous_response_id": stored}):
        assert (await gateway.create(**secret, **body, store=False)).status == 200
    async with connected(gateway) as socket:
        first = await socket.respond(**secret, store=False)
        await socket.respond(**secret, store=False, previous_response_id=first["id"])
        await socket.respond(**secret, store=False, generate=False)
    for path in ("compact", "input_tokens"):
        assert (await gateway.create(path=f"/v1/responses/{path}", **secret)).status == 200
    assert (await gateway.create(**secret, previous_response_id="resp_unknown")).status == 400
    await gateway.server.stop()
    kept = b"".join(file.read_bytes() for file in (tmp_path / "state").iterdir())
    assert b"sparrow" in kept
    assert b"canary" not in kept
