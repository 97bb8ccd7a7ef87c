"""Dry runs: what would be sent and what would be lost, with nobody called, nothing kept and no secret shown."""

import asyncio
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from tests.http.sockets import CHAT
from tests.vendors.gateway import MODELS, PROTOCOLS, VENDOR_KEYS, Gateway, Gateways, Whole
from tests.vendors.journal import Journal
from tests.vendors.server import Vendor

DRY = "/v1/responses?dry_run=true"

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {"at": {"type": "string"}}}}
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}

BODIES: Mapping[str, dict[str, Any]] = {
    "text": {"input": "Good day", "instructions": "Brief.", "temperature": 0.5, "metadata": {"a": "b"}},
    "streamed": {"input": "Good day", "stream": True, "max_output_tokens": 2000, "top_p": 0.5},
    "background": {"input": "Good day", "background": True, "stream": True},
    "tools": {
        "input": [
            {"role": "user", "content": "Look."},
            {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": '{"at": "9007199254740993"}'},
            {"type": "function_call_output", "call_id": "call_1", "output": 'Ünïcode \u2028 and \\ and " and 1e400'},
        ],
        "tools": [LOOK, {"type": "web_search"}, {"type": "custom", "name": "free"}],
        "tool_choice": "required",
        "parallel_tool_calls": False,
    },
    "schema": {
        "input": "Count",
        "text": {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA, "strict": True}, "verbosity": "low"},
        "reasoning": {"effort": "low", "summary": "auto"},
    },
    "image": {
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "See"}, {"type": "input_image", "image_url": PIXEL}],
            }
        ]
    },
    "compaction": {"input": [{"role": "user", "content": "Good day"}, {"type": "compaction_trigger"}]},
}


def shown(answer: Whole) -> dict[str, Any]:
    """The object in an answer that has the documented form."""
    assert answer.status == 200, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"].startswith("req_")
    told: dict[str, Any] = answer.json
    assert told.keys() - {"notes"} == {"object", "provider", "model", "request", "conversions"}
    assert told["object"] == "dragoman.dry_run"
    assert told["request"].keys() == {"method", "url", "headers", "body"}
    for entry in told["conversions"]:
        assert entry.keys() == {"path", "disposition", "reason"}
    return told


def dispositions(told: Mapping[str, Any]) -> dict[str, str]:
    """What became of each path; none is named twice as exact."""
    paths = [entry["path"] for entry in told["conversions"] if entry["disposition"] == "exact"]
    assert len(set(paths)) == len(paths)
    return {entry["path"]: entry["disposition"] for entry in told["conversions"]}


def body_in(answer: Whole) -> bytes:
    """The vendor's body, byte for byte as it stands in the answer."""
    _, begin, rest = answer.body.partition(b'"body":')
    body, end, _ = rest.rpartition(b'},"conversions":')
    assert begin
    assert end
    return body


@pytest.mark.parametrize("name", BODIES)
async def test_what_is_shown_is_what_is_sent(gateway: Gateway, vendor: Vendor, model: str, name: str) -> None:
    dry = await gateway.create(path=DRY, model=model, **BODIES[name])
    told = shown(dry)
    assert vendor.connections == set()
    real = await gateway.create(model=model, **BODIES[name])
    # A summary that says what the vendor's usual greeting says is a summary, too.
    assert real.status == 200, real.body
    sent = await vendor.arrival()
    assert body_in(dry) == sent.body
    assert told["request"]["method"] == sent.method
    assert told["request"]["url"] == vendor.url + sent.path
    headers = {key.lower(): value for key, value in sent.headers.items()}
    assert headers.keys() == told["request"]["headers"].keys()
    for key, value in told["request"]["headers"].items():
        assert value in (headers[key], "***")
    assert "***" in told["request"]["headers"].values()
    provider, _, name_of_vendor = model.partition("/")
    assert (told["provider"], told["model"]) == (provider, name_of_vendor)
    assert dry.headers["x-dragoman-provider"] == provider
    assert dry.headers.get("x-dragoman-dropped") == real.headers.get("x-dragoman-dropped")


@pytest.mark.parametrize("values", [{"x-dragoman-dry-run": "true"}, {"x-dragoman-dry-run": "TRUE"}])
async def test_a_header_asks_for_it_as_well(gateway: Gateway, vendor: Vendor, values: dict[str, str]) -> None:
    body = orjson.dumps({"model": CHAT, "input": "hi", "stream": True})
    for path in ("/v1/responses", "/responses", "/v1/responses?dry_run=false"):
        shown(await gateway.request("POST", path, body=body, headers=values))
    assert vendor.connections == set()


@pytest.mark.parametrize("value", ["", "1", "yes", "true,false", " ", "True "])
async def test_what_is_neither_true_nor_false_calls_nobody(gateway: Gateway, vendor: Vendor, value: str) -> None:
    body = orjson.dumps({"model": CHAT, "input": "hi"})
    by_header = await gateway.request("POST", "/v1/responses", body=body, headers={"x-dragoman-dry-run": value})
    by_query = await gateway.request("POST", f"/v1/responses?dry_run={value.replace(' ', '%20')}", body=body)
    if value.strip().lower() == "true":
        shown(by_header)
        shown(by_query)
    else:
        assert (by_header.status, by_header.error["param"]) == (400, "x-dragoman-dry-run")
        assert (by_query.status, by_query.error["param"]) == (400, "dry_run")
    twice = await gateway.request("POST", "/v1/responses?dry_run=true&dry_run=true", body=body)
    assert (twice.status, twice.error["param"]) == (400, "dry_run")
    assert vendor.connections == set()


async def test_false_is_the_real_request(gateway: Gateway, vendor: Vendor) -> None:
    answer = await gateway.create(path="/v1/responses?dry_run=false", model=CHAT, input="hi")
    assert answer.response["status"] == "completed"
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"model": "chat/gpt-4o"}',
        b'{"model": "nobody", "input": "hi"}',
        b'{"model": "chat/gpt-4o", "input": ""}',
        b'{"model": "chat/gpt-4o", "input": "hi", "nonsense": 1}',
        b'{"model": "chat/gpt-4o", "input": "hi", "temperature": "warm"}',
        b'{"model": "chat/gpt-4o", "input": "hi", "moderation": {"model": "x"}}',
        b'{"model": "chat/gpt-4o", "input": "hi", "previous_response_id": "resp_unknown"}',
        b'{"model": "chat/gpt-4o", "input": "hi", "conversation": "conv_unknown"}',
        b'{"model": "chat/gpt-4o", "input": [{"type": "item_reference", "id": "msg_unknown"}]}',
        b'{"model": "chat/gpt-4o", "input": "hi", "prompt": {"id": "unknown"}}',
        b'{"model": "chat/gpt-4o", "input": "hi", "tools": [{"type": "web_search"}], "tool_choice": "required"}',
        b'{"model": "chat/gpt-4o", "input": [{"type": "function_call_output", "call_id": "c", "output": "x"}]}',
        b'{"model": "chat/gpt-4o", "input": [{"role": "user", "content": [{"type": "input_file", "file_url": '
        b'"http://127.0.0.1:1/a.pdf"}]}]}',
        b'{"model": "chat/gpt-4o", "input": "hi", "text": {"format": {"type": "json_schema", "name": "x", "schema": '
        + b'{"items":' * 400 + b"{}" + b"}" * 400 + b"}}}",
    ],
)  # fmt: skip
async def test_a_refusal_is_the_real_one(gateway: Gateway, vendor: Vendor, body: bytes) -> None:
    dry = await gateway.request("POST", DRY, body=body)
    real = await gateway.request("POST", "/v1/responses", body=body)
    assert dry.status == real.status >= 400
    assert dry.error == real.error
    assert vendor.connections == set()


async def test_everything_that_was_given_is_in_the_report(gateway: Gateway) -> None:
    told = shown(
        await gateway.create(
            path=DRY,
            model=MODELS["anthropic"],
            input=[
                {"role": "user", "content": "One"},
                {"role": "assistant", "content": "Two"},
                {"role": "user", "content": "Three"},
            ],
            instructions="Brief.",
            temperature=0.5,
            store=False,
            metadata={"a": "b"},
            include=["reasoning.encrypted_content"],
            text={"verbosity": "low", "format": {"type": "text"}},
            tools=[LOOK, {"type": "file_search", "vector_store_ids": ["vs_1"]}],
            tool_choice="auto",
            top_p=None,
        )
    )
    found = dispositions(told)
    exact = {path for path, disposition in found.items() if disposition == "exact"}
    assert exact == {
        *("input[0]", "input[1]", "input[2]", "instructions", "include[0]"),
        *("metadata", "store", "text.format", "tool_choice", "tools[0]"),
    }
    assert found["text.verbosity"] == found["temperature"] == found["tools[1]"] == "dropped"
    assert all(entry["reason"] for entry in told["conversions"] if entry["disposition"] != "exact")


# --- nothing is kept --------------------------------------------------------------------------------------------------


def contents(file: Path) -> list[str]:
    """All that the store holds."""
    with sqlite3.connect(file) as database:
        held = list(database.iterdump())
    database.close()
    return held


async def test_state_is_read_and_left_alone(gateways: Gateways, vendor: Vendor, tmp_path: Path, model: str) -> None:
    file = tmp_path / "state.db"
    prompts = {"greeting": {"instructions": "Greet {{name}}."}}
    gateway = await gateways.start(store=f"sqlite:///{file}", prompts=prompts)
    first = await gateway.create(model=model, input="First")
    conversation = (await gateway.request("POST", "/v1/conversations", body=b"{}")).json["id"]
    await gateway.create(model=model, input="Second", conversation=conversation)
    before = contents(file)
    asked = len(vendor.requests), len(vendor.counts)
    builds_upon: list[dict[str, Any]] = [
        {"previous_response_id": first.response["id"]},
        {"conversation": conversation},
        {"conversation": {"metadata": {"a": "b"}, "items": [{"role": "user", "content": "Earlier"}]}},
        {"background": True},
        {"prompt": {"id": "greeting", "variables": {"name": "Ada"}}},
        {"input": [{"type": "item_reference", "id": first.response["output"][0]["id"]}]},
    ]
    dry = [await gateway.create(path=DRY, model=model, **{"input": "Third", **change}) for change in builds_upon]
    await asyncio.sleep(0)
    assert contents(file) == before
    assert (len(vendor.requests), len(vendor.counts)) == asked
    for change, answer in zip(builds_upon, dry, strict=True):
        told = shown(answer)
        assert "input[0]" in dispositions(told)
        while not vendor._arrivals.empty():
            await vendor.arrival()
        await gateway.create(model=model, **{"input": "Third", **change})
        if "conversation" not in change or change["conversation"] != conversation:
            assert (await vendor.arrival()).body == body_in(answer)
    assert b"Second" in body_in(dry[1])
    assert b"Greet Ada." in body_in(dry[4])


async def test_another_client_s_state_is_not_shown(gateways: Gateways, vendor: Vendor) -> None:
    clients = [
        {"name": "one", "key": "sk-one-0123456789"},
        {"name": "two", "key": "sk-two-0123456789", "models": ["claude/*"]},
    ]
    gateway = await gateways.start(clients=clients)
    first = await gateway.create(key="sk-one-0123456789", model=CHAT, input="hi")
    previous = first.response["id"]
    asked = {"model": MODELS["anthropic"], "input": "hi", "previous_response_id": previous}
    assert (await gateway.create(key="sk-two-0123456789", path=DRY, **asked)).error["param"] == "previous_response_id"
    refused = await gateway.create(key="sk-two-0123456789", path=DRY, model=CHAT, input="hi")
    assert refused.error["code"] == "model_not_found"
    assert (await gateway.create(path=DRY, model=CHAT, input="hi")).status == 401


# --- nobody is asked --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_no_counter_is_asked_to_shorten_a_history(gateways: Gateways, vendor: Vendor, protocol: str) -> None:
    model = MODELS[protocol]
    provider, _, name = model.partition("/")
    limits = {"context_window": 3000, "max_output_tokens": 500}
    gateway = await gateways.start(providers={provider: {"models": {name: {"capabilities": limits}}}})
    turns = [{"role": role, "content": "word " * 400} for _ in range(6) for role in ("user", "assistant")]
    items = [*turns, {"role": "user", "content": "The last one."}]
    told = shown(await gateway.create(path=DRY, model=model, input=items, truncation="auto"))
    assert vendor.connections == set()
    found = dispositions(told)
    assert found["input[0]"] == "dropped"
    assert found["input[12]"] == "exact"
    assert any("estimate" in note for note in told["notes"])


async def test_nothing_is_fetched(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(
        fetch={"allow": ["127.0.0.1"]},
        providers={"chat": {"switches": {"image_urls": False}}},
    )
    parts = [
        {"type": "input_image", "image_url": f"{vendor.url}/a.png"},
        {"type": "input_file", "file_url": f"{vendor.url}/b.pdf"},
        {"type": "input_image", "image_url": f"{vendor.url}/a.png"},
    ]
    told = shown(await gateway.create(path=DRY, model=CHAT, input=[{"role": "user", "content": parts}]))
    assert [note.split()[1] for note in told["notes"]] == [f"{vendor.url}/a.png", f"{vendor.url}/b.pdf"]
    image, file, again = told["request"]["body"]["messages"][0]["content"]
    assert image["image_url"]["url"] == again["image_url"]["url"] == PIXEL
    assert file["file"]["filename"] == "b.pdf"
    assert vendor.connections == set()


async def test_where_there_is_no_dry_run_nothing_runs(gateway: Gateway, vendor: Vendor) -> None:
    counted = await gateway.create(
        path="/v1/responses/input_tokens?dry_run=true", model=MODELS["anthropic"], input="hi"
    )
    assert (counted.status, counted.error["param"]) == (400, "dry_run")
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await gateway.http.ws_connect(f"{gateway.url}/v1/responses", headers={"x-dragoman-dry-run": "true"})
    assert refused.value.status == 400
    assert vendor.connections == set()


async def test_what_is_kept_is_not_changed_by_the_wish_for_a_dry_run(gateway: Gateway, vendor: Vendor) -> None:
    kept = (await gateway.create(model=CHAT, input="hi")).response["id"]
    conversation = (await gateway.request("POST", "/v1/conversations")).json["id"]
    for method, path in (
        ("DELETE", f"/v1/responses/{kept}"),
        ("POST", f"/v1/responses/{kept}/cancel"),
        ("POST", "/v1/conversations"),
        ("POST", f"/v1/conversations/{conversation}"),
        ("POST", f"/v1/conversations/{conversation}/items"),
        ("DELETE", f"/v1/conversations/{conversation}/items/msg_1"),
        ("DELETE", f"/v1/conversations/{conversation}"),
    ):
        answer = await gateway.request(method, f"{path}?dry_run=true")
        assert (answer.status, answer.error["param"]) == (400, "dry_run"), path
    assert (await gateway.request("GET", f"/v1/responses/{kept}")).status == 200
    assert (await gateway.request("GET", f"/v1/conversations/{conversation}")).status == 200


async def test_a_compaction_has_one(gateway: Gateway, vendor: Vendor, model: str) -> None:
    dry = await gateway.create(path="/v1/responses/compact?dry_run=true", model=model, input="Good day")
    assert any("summary" in note for note in shown(dry)["notes"])
    assert vendor.connections == set()
    await gateway.create(path="/v1/responses/compact", model=model, input="Good day")
    assert (await vendor.arrival()).body == body_in(dry)


# --- what is told of it -----------------------------------------------------------------------------------------------


async def test_no_credential_is_shown(gateways: Gateways, vendor: Vendor, journal: Journal) -> None:
    address = vendor.url.removeprefix("http://")
    changes = {
        "chat": {"organization": "org-canary", "project": "proj-canary"},
        "claude": {"base_url": f"http://canary-user:canary-password@{address}"},
    }
    gateway = await gateways.start(providers=changes)
    for name, model in MODELS.items():
        answer = await gateway.create(path=DRY, model=model, input="hi")
        shown(answer)
        for secret in (*VENDOR_KEYS.values(), "canary"):
            assert secret not in answer.body.decode(), name
            assert secret not in str(journal.entries)


MCP = {"type": "mcp", "server_label": "dw", "server_url": "https://mcp.example.com", "require_approval": "never"}


@pytest.mark.parametrize(
    ("place", "members"),
    [
        ("tools", {"authorization": "canary-token"}),
        ("tools", {"headers": {"Authorization": "Bearer canary-token"}}),
        ("tools", {"server_url": "https://me:canary-token@mcp.example.com"}),
        ("input", {"authorization": "canary-token"}),
        ("input", {"server_url": "https://me:canary-token@mcp.example.com"}),
    ],
)
async def test_no_credential_of_a_tool_is_shown(gateway: Gateway, place: str, members: dict[str, Any]) -> None:
    tool = {**MCP, **members}
    added = {"type": "additional_tools", "role": "developer", "tools": [tool]}
    items = [*([added] if place == "input" else []), {"role": "user", "content": "hi"}]
    tools = [tool] if place == "tools" else []
    answer = await gateway.create(path=DRY, model=MODELS["anthropic"], input=items, tools=tools)
    assert shown(answer)["request"]["body"]["mcp_servers"][0]["name"] == "dw"
    assert b"***" in answer.body
    assert b"canary" not in answer.body


async def test_it_is_logged_and_in_no_metric(gateway: Gateway, vendor: Vendor, journal: Journal) -> None:
    answer = await gateway.create(path=DRY, model=CHAT, input="canary", tools=[{"type": "web_search"}])
    shown(answer)
    line = await journal.entry(dry_run=True, outcome="completed")
    assert line["provider"] == "chat"
    assert line["model"] == "gpt-4o"
    assert line["requested_model"] == CHAT
    assert line["request_id"] == answer.headers["x-request-id"]
    assert line["conversions"] == ["tools[0]: dropped"]
    await gateway.create(path=DRY, model=CHAT, input="hi", moderation={"model": "x"})
    line = await journal.entry(dry_run=True, outcome="rejected")
    assert line["param"] == "moderation"
    assert line["conversions"] == ["moderation: refused"]
    assert "canary" not in str(journal.entries)
    for name in ("dragoman_requests_total", "dragoman_conversions_total", "dragoman_request_seconds_count"):
        assert await gateway.metric(name) == 0


async def test_many_at_once_are_alike(gateway: Gateway, vendor: Vendor) -> None:
    many = await asyncio.gather(*(gateway.create(path=DRY, model=CHAT, **BODIES["tools"]) for _ in range(20)))
    assert len({answer.body for answer in many}) == 1
    assert vendor.connections == set()
