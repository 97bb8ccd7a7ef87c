"""Paths and methods: what exists, what does not, and in which words."""

import pytest
from yarl import URL

from tests.vendors.gateway import Gateway
from tests.vendors.server import Vendor


@pytest.mark.parametrize("prefix", ["/v1", ""])
async def test_all_paths_exist_with_and_without_v1(gateway: Gateway, prefix: str) -> None:
    assert (await gateway.create(path=f"{prefix}/responses", model="chat/gpt-4o", input="hi")).status == 200
    models = await gateway.request("GET", f"{prefix}/models")
    assert models.status == 200
    assert [model["id"] for model in models.json["data"]] == ["toy/scripted"]
    found = await gateway.request("GET", f"{prefix}/models/chat/gpt-4o")
    assert found.json.keys() >= {"id", "object", "created", "owned_by"}
    for method, path in (
        ("GET", "/responses/resp_x"),
        ("DELETE", "/responses/resp_x"),
        ("POST", "/responses/resp_x/cancel"),
        ("GET", "/responses/resp_x/input_items"),
    ):
        answer = await gateway.request(method, prefix + path)
        assert answer.status == 404
        assert answer.error["message"] == "Response with id 'resp_x' not found."
        assert answer.error["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v2/responses",
        "/v1/chat/completions",
        "/v1/responses/",
        "/v1//responses",
        "//v1/responses",
        "/v1/responses/x/y",
        "/V1/RESPONSES",
        "/v1/../v1/responses/nothing",
        "/%2e%2e/etc/passwd",
        "/v1/%00",
        "/v1/%c3%a9",
        "/v1/%ff%fe",
        "/v1/%",
        "/" + "a" * 4000,
        "/v1/responses;x=1",
        "/favicon.ico",
        "/metrics/",
    ],
)
async def test_unknown_paths(gateway: Gateway, vendor: Vendor, path: str) -> None:
    for method in ("GET", "POST", "DELETE", "PUT"):
        async with gateway.http.request(method, URL(gateway.url + path, encoded=True), data=b"{}") as answer:
            assert answer.status == 404, await answer.text()
            body = await answer.json()
        assert body["error"]["type"] == "invalid_request_error"
        assert body["error"]["code"] == "unknown_url"
        assert body["error"]["message"].startswith(f"Invalid URL ({method} ")
        assert len(body["error"]["message"]) < 300
    assert vendor.requests == []


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("PUT", "/v1/responses", "POST"),
        ("PATCH", "/v1/responses", "POST"),
        ("DELETE", "/v1/responses", "POST"),
        ("OPTIONS", "/v1/responses", "POST"),
        ("PROPFIND", "/v1/responses", "POST"),
        ("POST", "/v1/models", "GET"),
        ("POST", "/v1/models/x", "GET"),
        ("POST", "/v1/responses/resp_x", "GET"),
        ("POST", "/metrics", "GET"),
    ],
)
async def test_methods_that_are_not_allowed(gateway: Gateway, method: str, path: str, allowed: str) -> None:
    answer = await gateway.request(method, path, body=b"{}")
    assert answer.status == 405
    assert answer.error["type"] == "invalid_request_error"
    assert allowed in answer.error["message"]
    assert allowed in answer.headers["allow"]


async def test_a_plain_get_of_responses_is_not_allowed(gateway: Gateway) -> None:
    answer = await gateway.request("GET", "/v1/responses")
    assert answer.status == 405
    assert "POST" in answer.error["message"]


async def test_multi_agent_runs_are_refused_and_other_betas_overlooked(gateway: Gateway, vendor: Vendor) -> None:
    body = b'{"model": "chat/gpt-4o", "input": "hi"}'
    for beta, status in (
        ("responses_multi_agent=v1", 400),
        ("assistants=v2, responses_multi_agent=v1", 400),
        ("responses_websockets=2026-02-06", 200),
        ("", 200),
    ):
        headers = {"content-type": "application/json", "openai-beta": beta}
        answer = await gateway.request("POST", "/v1/responses?beta=true", body=body, headers=headers)
        assert answer.status == status
    assert len(vendor.requests) == 2


async def test_head_has_no_body(gateway: Gateway) -> None:
    answer = await gateway.request("HEAD", "/v1/models")
    assert answer.status == 405
    assert answer.body == b""


async def test_known_models_are_listed(gateway: Gateway) -> None:
    assert (await gateway.request("GET", "/v1/models/nobody")).error["code"] == "model_not_found"
    assert (await gateway.request("GET", "/v1/models/nobody")).status == 404


async def test_every_answer_has_a_request_id_of_its_own(gateway: Gateway) -> None:
    paths = ["/healthz", "/readyz", "/metrics", "/v1/models", "/nowhere", "/v1/responses"]
    found = [(await gateway.request("GET", path)).headers["x-request-id"] for path in paths * 2]
    assert len(set(found)) == len(found)
    assert all(identifier.startswith("req_") for identifier in found)


async def test_probes_ask_no_vendor(gateway: Gateway, vendor: Vendor) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        assert (await gateway.request("GET", path)).status == 200
    assert vendor.requests == []


async def test_a_gateway_that_stops_is_not_ready(gateway: Gateway) -> None:
    gateway.server._readiness.ready = False
    assert (await gateway.request("GET", "/readyz")).status == 503
    assert (await gateway.request("GET", "/healthz")).status == 200
