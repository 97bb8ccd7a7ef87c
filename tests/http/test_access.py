"""Client keys, and what each client may use."""

from pathlib import Path

import pytest

from proxy.http.surface import KEYS
from tests.vendors.gateway import Gateway, Gateways, configuration
from tests.vendors.server import Vendor

CLIENTS = [
    {"name": "shop", "key": "sk-shop-key"},
    {"name": "desk", "key": "sk-desk-key", "models": ["small", "chat/gpt-4o-*"]},
]
MODELS = {"small": "chat/gpt-4o-mini", "large": "claude/claude-sonnet-5"}


@pytest.fixture
async def guarded(gateways: Gateways) -> Gateway:
    unlisted = {name: {"list_models": False} for name in configuration("http://vendor")["providers"]}
    return await gateways.start(clients=CLIENTS, models=MODELS, providers=unlisted)


WRONG = [
    "Bearer wrong",
    "Bearer sk-shop-kez",
    "Bearer sk-shop-key-and-more",
    "Bearer sk-shop-ke",
    "Bearer",
    "Bearer  ",
    "Basic sk-shop-key",
    "Basic c2stc2hvcC1rZXk6",
    "sk-shop-key",
    "Bearer ' OR '1'='1",
    "Bearer \u00e9\u00e8",
    "Bearer " + "x" * 5000,
    "Bearer sk-shop-key sk-shop-key",
]


async def test_all_wrong_keys_get_the_same_answer(guarded: Gateway, vendor: Vendor) -> None:
    bodies = set()
    for wrong in WRONG:
        for method, path in (
            ("POST", "/v1/responses"),
            ("GET", "/v1/models"),
            ("GET", "/nowhere"),
            ("PUT", "/v1/models"),
        ):
            answer = await guarded.request(method, path, body=b"{}", headers={"authorization": wrong})
            assert answer.status == 401
            assert answer.error["code"] == "invalid_api_key"
            bodies.add(answer.body)
    assert len(bodies) == 1
    assert vendor.requests == []


async def test_no_key_is_told_from_a_wrong_one(guarded: Gateway, vendor: Vendor) -> None:
    answer = await guarded.request("POST", "/v1/responses", body=b"{}")
    assert answer.status == 401
    assert answer.error["code"] is None
    assert "Authorization: Bearer" in answer.error["message"]
    assert vendor.requests == []


@pytest.mark.parametrize("header", ["Bearer sk-shop-key", "bearer sk-shop-key", "BEARER  sk-shop-key "])
async def test_the_right_key_is_let_in(guarded: Gateway, vendor: Vendor, header: str) -> None:
    body = b'{"model": "small", "input": "hi"}'
    answer = await guarded.request("POST", "/v1/responses", body=body, headers={"authorization": header})
    assert answer.status == 200
    assert vendor.last.headers["authorization"] == "Bearer sk-vendor-chat"
    assert await guarded.metric("dragoman_requests_total", client="shop", outcome="completed") == 1


@pytest.mark.parametrize(
    "path",
    [
        "/v1//models",
        "//v1/models",
        "/v1/models%2f",
        "/%76%31/models",
        "/healthz/../v1/models",
        "/metrics%2f..%2fv1/models",
    ],
)
async def test_no_spelling_of_a_path_gets_around_the_key(guarded: Gateway, path: str) -> None:
    for host in ("localhost", "localhost/#@", "healthz"):
        answer = await guarded.request("GET", path, headers={"host": host})
        assert answer.status == 401


async def test_probes_and_metrics_need_no_key(guarded: Gateway) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await guarded.request("GET", path)).status == 200


async def test_a_client_uses_its_models_only(guarded: Gateway, vendor: Vendor) -> None:
    assert (await guarded.create(key="sk-desk-key", model="small", input="hi")).status == 200
    assert (await guarded.create(key="sk-desk-key", model="chat/gpt-4o-2026", input="hi")).status == 200
    count = len(vendor.requests)
    forbidden = await guarded.create(key="sk-desk-key", model="large", input="hi")
    unknown = await guarded.create(key="sk-desk-key", model="largo", input="hi")
    assert forbidden.status == unknown.status == 400
    assert forbidden.error["code"] == "model_not_found"
    assert forbidden.body.replace(b"large", b"largo") == unknown.body
    assert len(vendor.requests) == count
    assert (await guarded.create(key="sk-shop-key", model="large", input="hi")).status == 200


async def test_a_client_sees_its_models_only(guarded: Gateway) -> None:
    async def seen(key: str) -> list[str]:
        answer = await guarded.request("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
        return [model["id"] for model in answer.json["data"]]

    assert await seen("sk-shop-key") == ["small", "large"]
    assert await seen("sk-desk-key") == ["small"]
    desk = {"authorization": "Bearer sk-desk-key"}
    assert (await guarded.request("GET", "/v1/models/large", headers=desk)).status == 404
    assert (await guarded.request("GET", "/v1/models/small", headers=desk)).status == 200


async def test_without_clients_any_key_is_taken(gateway: Gateway) -> None:
    for key in (None, "anything"):
        assert (await gateway.create(key=key, model="chat/gpt-4o", input="hi")).status == 200
    assert await gateway.metric("dragoman_requests_total", client="default") == 2


async def test_a_key_file_that_is_emptied_lets_nobody_in_who_was_not(gateways: Gateways, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("sk-shop-key")
    gateway = await gateways.start(clients=[{"name": "shop", "key": {"file": str(path)}}])
    path.write_text("")
    keys = gateway.server._runners["main"].app[KEYS]
    keys._refreshed = float("-inf")
    for header in ("Bearer ", "Bearer", "bearer  "):
        answer = await gateway.request("GET", "/v1/models", headers={"authorization": header})
        assert answer.status == 401
    assert (await gateway.request("GET", "/v1/models", headers={"authorization": "Bearer sk-shop-key"})).status == 200
