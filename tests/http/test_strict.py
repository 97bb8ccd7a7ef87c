"""Strict requests: refused instead of losing anything, whoever asks for it."""

from typing import Any

import aiohttp
import orjson
import pytest

from tests.http.sockets import CHAT, error_of
from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.script import Turn, failure
from tests.vendors.server import Vendor

STRICT = {"x-dragoman-strict": "true"}
LOSSY: dict[str, Any] = {"model": CHAT, "input": "hi", "tools": [{"type": "web_search"}, {"type": "file_search"}]}
LOSSY["tools"][1]["vector_store_ids"] = ["vs_1"]
KEYS = {"careful": "sk-careful-0123456789", "easy": "sk-easy-0123456789"}


async def post(
    gateway: Gateway, body: dict[str, Any], headers: dict[str, str] | None = None, path: str = "/v1/responses"
) -> Whole:
    return await gateway.request("POST", path, body=orjson.dumps(body), headers=headers)


async def test_without_it_a_loss_is_declared(gateway: Gateway) -> None:
    for headers in ({}, {"x-dragoman-strict": "false"}):
        answer = await post(gateway, LOSSY, headers)
        assert answer.response["status"] == "completed"
        assert answer.headers["x-dragoman-dropped"] == "tools[0], tools[1]"


@pytest.mark.parametrize("change", [{}, {"stream": True}, {"background": True}, {"stream": True, "background": True}])
async def test_the_header_refuses_every_loss_at_once(
    gateway: Gateway, vendor: Vendor, change: dict[str, Any], journal: Journal
) -> None:
    error = await post(gateway, {**LOSSY, **change}, {"X-Dragoman-Strict": "True"})
    assert error.status == 400
    assert error.error["param"] == "tools[0]"
    assert error.error["code"] == "unsupported_parameter"
    assert "'tools[0]'" in error.error["message"]
    assert "'tools[1]'" in error.error["message"]
    assert vendor.connections == set()
    assert await gateway.metric("dragoman_conversions_total", disposition="refused", element="tools") == 2
    assert await gateway.metric("dragoman_conversions_total", disposition="dropped") == 0
    line = await journal.entry(outcome="rejected")
    assert line["conversions"] == ["tools[0]: refused", "tools[1]: refused"]


@pytest.mark.parametrize("value", ["", "1", "yes", "maybe", "true, true", "0"])
async def test_the_header_is_true_or_false(gateway: Gateway, vendor: Vendor, value: str) -> None:
    for path in ("/v1/responses", "/v1/responses/compact", "/v1/responses?dry_run=true"):
        answer = await post(gateway, {"model": CHAT, "input": "hi"}, {"x-dragoman-strict": value}, path)
        assert answer.status == 400
        assert answer.error["param"] == "x-dragoman-strict"
        assert "'x-dragoman-strict'" in answer.error["message"]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await gateway.http.ws_connect(f"{gateway.url}/v1/responses", headers={"x-dragoman-strict": value})
    assert refused.value.status == 400
    assert vendor.connections == set()


async def test_the_header_cannot_loosen_the_configuration(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(strict=True)
    for headers in ({}, {"x-dragoman-strict": "false"}, STRICT):
        assert (await post(gateway, LOSSY, headers)).status == 400
    assert vendor.connections == set()


async def test_a_client_can_be_strict(gateways: Gateways, vendor: Vendor) -> None:
    clients = [
        {"name": "careful", "key": KEYS["careful"], "strict": True},
        {"name": "easy", "key": KEYS["easy"]},
    ]
    gateway = await gateways.start(clients=clients)
    for headers in ({}, {"x-dragoman-strict": "false"}):
        headers["authorization"] = f"Bearer {KEYS['careful']}"
        assert (await post(gateway, LOSSY, headers)).status == 400
    assert vendor.connections == set()
    assert (await gateway.create(key=KEYS["easy"], **LOSSY)).status == 200


async def test_what_is_ignored_or_asked_for_is_no_loss(gateway: Gateway, vendor: Vendor) -> None:
    body = {
        "model": MODELS["anthropic"],
        "input": "hi",
        "prompt_cache_key": "x",
        "max_tool_calls": 3,
        "truncation": "auto",
    }
    assert (await post(gateway, body, STRICT)).response["status"] == "completed"
    assert len(vendor.requests) == 1


async def test_an_approximated_contract_is_refused(gateway: Gateway, vendor: Vendor) -> None:
    tool = {"type": "custom", "name": "run", "format": {"type": "grammar", "syntax": "lark", "definition": "start: A"}}
    answer = await post(gateway, {"model": CHAT, "input": "hi", "tools": [tool]}, STRICT)
    assert (answer.status, answer.error["param"]) == (400, "tools[0].format")
    plain = {key: value for key, value in tool.items() if key != "format"}
    assert (await post(gateway, {"model": CHAT, "input": "hi", "tools": [plain]}, STRICT)).status == 200


async def test_a_long_list_of_losses_is_cut(gateway: Gateway) -> None:
    tools = [{"type": "web_search"} for _ in range(100)]
    answer = await post(gateway, {"model": CHAT, "input": "hi", "tools": tools}, STRICT)
    assert answer.status == 400
    assert "and 80 more" in answer.error["message"]
    assert len(answer.error["message"]) < 2000


@pytest.mark.parametrize("stream", [False, True])
async def test_a_strict_request_is_not_sent_again_with_a_loss(
    gateway: Gateway, vendor: Vendor, journal: Journal, stream: bool
) -> None:
    unsupported = failure(400, "Unsupported parameter: 'temperature'.", param="temperature")
    body = {"model": CHAT, "input": "hi", "temperature": 0.5, "stream": stream}
    vendor.play(unsupported)
    refused = await post(gateway, body, STRICT)
    assert refused.status == 400
    assert len(vendor.requests) == 1
    vendor.play(unsupported)
    answer = await post(gateway, body)
    assert answer.response["status"] == "completed"
    assert answer.headers["x-dragoman-dropped"] == "temperature"
    assert len(vendor.requests) == 3
    assert (await journal.entry(outcome="completed"))["conversions"] == ["temperature: dropped"]


async def test_over_a_websocket_the_upgrade_says_it(gateway: Gateway, vendor: Vendor) -> None:
    message = orjson.dumps({"type": "response.create", **LOSSY}).decode()
    async with gateway.http.ws_connect(f"{gateway.url}/v1/responses", headers=STRICT) as socket:
        for _ in range(2):
            await socket.send_str(message)
            error = error_of(orjson.loads((await socket.receive(10)).data))
            assert error["param"] == "tools[0]"
    assert vendor.connections == set()


async def test_a_dry_run_is_as_strict(gateway: Gateway) -> None:
    dry = await post(gateway, LOSSY, STRICT, "/v1/responses?dry_run=true")
    real = await post(gateway, LOSSY, STRICT)
    assert dry.error == real.error


# --- what is told of losses -------------------------------------------------------------------------------------------


async def test_the_log_names_paths_and_nothing_that_a_client_made_up(gateway: Gateway, journal: Journal) -> None:
    schema = {
        "type": "object",
        "properties": {f"canary{number}": {"type": "string", "pattern": "canary(?=x)"} for number in range(3)},
        "required": ["canary0"],
    }
    for model in MODELS.values():
        await gateway.create(
            model=model,
            input=[
                {"type": "reasoning", "summary": [], "encrypted_content": "canary"},
                {"role": "user", "content": "x"},
            ],
            tools=[
                {"type": "function", "name": "canary", "parameters": schema, "strict": True},
                {"type": "custom", "name": "canary2"},
            ],
            text={"format": {"type": "json_schema", "name": "canary", "schema": schema, "strict": True}},
            service_tier="flex",
        )
    assert any("conversions" in entry for entry in journal.entries)
    for entry in journal.entries:
        assert "canary" not in str(entry.get("conversions", ""))


async def test_a_long_list_in_the_log_is_cut(gateway: Gateway, journal: Journal) -> None:
    tools = [{"type": "web_search"} for _ in range(120)]
    answer = await gateway.create(model=CHAT, input="hi", tools=tools)
    assert answer.status == 200
    line = await journal.entry(outcome="completed")
    assert line["conversions"] == [*(f"tools[{index}]: dropped" for index in range(50)), "70 more"]


@pytest.mark.parametrize("change", [{}, {"stream": True}, {"background": True}, {"stream": True, "background": True}])
async def test_the_header_of_losses_is_bounded(gateway: Gateway, vendor: Vendor, change: dict[str, Any]) -> None:
    tools = [{"type": "web_search"} for _ in range(1000)]
    answer = await gateway.create(model=CHAT, input="hi", tools=tools, **change)
    assert answer.status == 200
    header = answer.headers["x-dragoman-dropped"]
    assert 3900 < len(header) <= 4000
    assert header.startswith("tools[0], tools[1], ")
    assert header.endswith("], ...")


async def test_an_error_of_the_vendor_names_the_losses_as_well(gateway: Gateway, vendor: Vendor) -> None:
    for stream in (False, True):
        vendor.play(failure(400))
        answer = await gateway.create(**LOSSY, stream=stream)
        assert answer.status == 400
        assert answer.headers["x-dragoman-dropped"] == "tools[0], tools[1]"


async def test_a_stream_names_them_when_it_begins(gateway: Gateway, vendor: Vendor) -> None:
    vendor.play(Turn("Good ", "day."))
    answer = await gateway.create(**LOSSY, stream=True)
    assert answer.text == "Good day."
    assert answer.headers["x-dragoman-dropped"] == "tools[0], tools[1]"
