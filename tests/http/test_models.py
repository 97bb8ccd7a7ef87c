"""The list of models: what it names, what it says of each, and when the vendors are asked."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from proxy.exchange import model_list
from proxy.exchange.model_list import ModelList
from proxy.http.models import MODELS
from tests.vendors.gateway import Gateway, Gateways, configuration
from tests.vendors.journal import Journal
from tests.vendors.script import END, SILENCE, Reply, Script
from tests.vendors.server import Recorded, Vendor

NONE: Mapping[str, Any] = {name: {"list_models": False} for name in configuration("http://vendor")["providers"]}
CHAT_ONLY: Mapping[str, Any] = {**NONE, "chat": {"list_models": True}}


def listing(*names: object, status: int = 200) -> Reply:
    """A vendor's list of models."""
    body = orjson.dumps({"object": "list", "data": [{"id": name} for name in names]})
    return Reply(status, (body, END), {"content-type": "application/json"})


async def seen(gateway: Gateway, query: str = "", key: str = "sk-any") -> list[str]:
    """The names in the list."""
    answer = await gateway.request("GET", f"/v1/models{query}", headers={"authorization": f"Bearer {key}"})
    assert answer.status == 200
    assert answer.json["object"] == "list"
    return [model["id"] for model in answer.json["data"]]


def list_of(gateway: Gateway) -> ModelList:
    """The running gateway's list."""
    app = gateway.server._runners["main"].app
    assert app is not None
    return app[MODELS]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine is no silent vendor."""
    monkeypatch.setattr(model_list, "WAIT", 10.0)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[Gateway, float], None]:
    """Sets the clock of a gateway's list forward."""

    def forward(gateway: Gateway, seconds: float) -> None:
        now = list_of(gateway)._clock()
        monkeypatch.setattr(list_of(gateway), "_clock", lambda: now + seconds)

    return forward


async def settled(gateway: Gateway) -> None:
    """Nobody is being asked any more."""
    asking = [offer.asking for offer in list_of(gateway)._offers.values() if offer.asking is not None]
    await asyncio.gather(*asking)


# --- what it names ----------------------------------------------------------------------------------------------------


async def test_aliases_configured_models_and_offers_are_named_once(gateways: Gateways, vendor: Vendor) -> None:
    vendor.always(listing("gpt-4o", "gpt-5.4", "gpt-5.4"))
    providers = {**CHAT_ONLY, "chat": {"models": {"gpt-4o": {"capabilities": {"images": False}}}}}
    gateway = await gateways.start(providers=providers, models={"fast": "claude/claude-haiku-4-5", "g-*": "chat/*"})
    assert await seen(gateway) == ["fast", "chat/gpt-4o", "chat/gpt-5.4"]
    assert vendor.last.method == "GET"
    assert vendor.last.path == "/v1/models"
    assert vendor.last.headers["authorization"] == "Bearer sk-vendor-chat"


async def test_every_provider_is_asked_in_its_own_way(gateways: Gateways, vendor: Vendor) -> None:
    gemini = {"models": [{"name": "models/gemini-3.5-flash", "supportedGenerationMethods": ["generateContent"]}]}

    def lists(recorded: Recorded) -> Script:
        if recorded.path.startswith("/v1beta/"):
            return Reply(200, (orjson.dumps(gemini), END), {"content-type": "application/json"})
        return listing("claude-opus-5" if "x-api-key" in recorded.headers else "gpt-4o")

    vendor.responder = lists
    asked = ("chat", "claude", "google", "toy")
    gateway = await gateways.start(providers={**NONE, **{name: {"list_models": True} for name in asked}})
    assert await seen(gateway) == [
        "chat/gpt-4o",
        "claude/claude-opus-5",
        "google/gemini-3.5-flash",
        "toy/scripted",
    ]


async def test_a_provider_that_is_not_to_be_listed_is_not_asked(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(providers=NONE)
    assert await seen(gateway) == []
    assert vendor.requests == []
    assert (await gateway.create(model="chat/gpt-4o", input="hi")).status == 200


async def test_what_an_alias_leads_elsewhere_is_not_named(gateways: Gateways, vendor: Vendor) -> None:
    vendor.always(listing("gpt-4o", "gpt-5.4"))
    gateway = await gateways.start(providers=CHAT_ONLY, models={"chat/gpt-4*": "claude/claude-opus-5"})
    assert await seen(gateway) == ["chat/gpt-5.4"]


async def test_a_client_sees_only_offers_that_it_may_use(gateways: Gateways, vendor: Vendor) -> None:
    vendor.always(listing("gpt-4o", "gpt-5.4"))
    clients = [{"name": "a", "key": "sk-client-a", "models": ["chat/gpt-5*"]}, {"name": "b", "key": "sk-client-b"}]
    gateway = await gateways.start(providers=CHAT_ONLY, clients=clients)
    assert await seen(gateway, key="sk-client-a") == ["chat/gpt-5.4"]
    assert await seen(gateway, key="sk-client-b") == ["chat/gpt-4o", "chat/gpt-5.4"]


async def test_names_that_are_none_are_left_out(gateways: Gateways, vendor: Vendor, journal: Journal) -> None:
    vendor.always(listing("a\nb", "", " ", "x" * 300, 7, None, "m/with/slashes", "caf\u00e9", *map(str, range(3000))))
    gateway = await gateways.start(providers=CHAT_ONLY)
    names = await seen(gateway)
    assert names[:2] == ["chat/m/with/slashes", "chat/caf\u00e9"]
    assert len(names) == model_list.MOST


# --- what it says -----------------------------------------------------------------------------------------------------


async def test_an_entry_tells_what_is_known(gateways: Gateways) -> None:
    gateway = await gateways.start(providers=NONE, models={"fast": "claude/claude-haiku-4-5"})
    for path in ("/v1/models/fast", "/models/fast"):
        entry = (await gateway.request("GET", path)).json
        assert entry.pop("created") > 1.7e9
        assert entry == {
            "id": "fast",
            "object": "model",
            "owned_by": "claude",
            "context_window": 200_000,
            "max_output_tokens": 64_000,
            "input_modalities": ["text", "image", "file"],
            "output_modalities": ["text"],
            "prices": {
                "source": "catalogue",
                "input": 1,
                "output": 5,
                "cache_read": 0.1,
                "cache_write_5m": 1.25,
                "cache_write_1h": 2,
                "web_search": 0.01,
            },
        }


async def test_the_operators_word_counts_most(gateways: Gateways) -> None:
    known = {
        "price": {
            "input": 0.075,
            "output": 0.3,
            "request": 0.001,
            "tiers": [{"above_input": 1000, "input": 1}, {"above_input": 500, "input": 0.5}],
        },
        "capabilities": {"images": False, "files": False, "audio": True, "context_window": 5, "max_output_tokens": 3},
    }
    gateway = await gateways.start(providers={**NONE, "chat": {"list_models": False, "models": {"gpt-4o": known}}})
    answer = await gateway.request("GET", "/v1/models/chat/gpt-4o")
    entry = answer.json
    assert entry["context_window"] == 5
    assert entry["max_output_tokens"] == 3
    assert entry["input_modalities"] == ["text", "audio"]
    rates = {"output": 0.3, "request": 0.001}
    assert entry["prices"] == {
        "source": "config",
        "input": 0.075,
        **rates,
        "tiers": [{"above_input": 500, "input": 0.5, **rates}, {"above_input": 1000, "input": 1, **rates}],
    }
    assert b'"input":0.075' in answer.body


async def test_what_nobody_knows_is_not_told(gateways: Gateways, vendor: Vendor) -> None:
    gateway = await gateways.start(providers=NONE)
    entry = (await gateway.request("GET", "/v1/models/claude/of-tomorrow")).json
    assert "prices" not in entry
    assert entry["input_modalities"]
    toy = (await gateway.request("GET", "/v1/models/toy/any")).json
    assert toy.keys() == {"id", "object", "created", "owned_by", "input_modalities", "output_modalities"}
    assert vendor.requests == []


async def test_images_may_come_where_the_vendor_makes_them(gateways: Gateways) -> None:
    gateway = await gateways.start(providers=NONE)
    assert (await gateway.request("GET", "/v1/models/google/gemini-3-pro-image")).json["output_modalities"] == [
        "text",
        "image",
    ]


# --- when vendors are asked -------------------------------------------------------------------------------------------


async def test_the_list_is_kept(gateways: Gateways, vendor: Vendor, clock: Callable[[Gateway, float], None]) -> None:
    vendor.always(listing("gpt-4o"))
    gateway = await gateways.start(providers=CHAT_ONLY, models_cache="10m")
    assert vendor.requests == []
    for _ in range(3):
        assert await seen(gateway) == ["chat/gpt-4o"]
    assert len(vendor.requests) == 1
    held = asyncio.Event()
    vendor.always(replace(listing("gpt-5.4"), held=held))
    clock(gateway, 599)
    assert await seen(gateway) == ["chat/gpt-4o"]
    assert len(vendor.requests) == 1
    clock(gateway, 2)
    assert await seen(gateway) == ["chat/gpt-4o"]
    held.set()
    await settled(gateway)
    assert await seen(gateway) == ["chat/gpt-5.4"]
    assert len(vendor.requests) == 2


async def test_many_at_once_ask_once(gateways: Gateways, vendor: Vendor) -> None:
    vendor.always(listing("gpt-4o"))
    gateway = await gateways.start(providers=CHAT_ONLY)
    assert await asyncio.gather(*(seen(gateway) for _ in range(20))) == [["chat/gpt-4o"]] * 20
    assert len(vendor.requests) == 1


@pytest.mark.parametrize(
    "script",
    [listing(status=401), listing(status=500), Reply(200, (b"<html>", END)), Reply(200, (b"[", END))],
    ids=["refused", "failed", "html", "not_json"],
)
async def test_a_failure_is_remembered_for_a_minute_and_hides_nothing(
    gateways: Gateways, vendor: Vendor, journal: Journal, clock: Callable[[Gateway, float], None], script: Reply
) -> None:
    gateway = await gateways.start(providers=CHAT_ONLY, models={"fast": "claude/claude-haiku-4-5"}, models_cache="1s")
    vendor.always(script)
    assert await seen(gateway) == ["fast"]
    assert await seen(gateway) == ["fast"]
    assert len(vendor.requests) == 1
    [entry] = [entry for entry in journal.entries if entry["event"] == "models not listed"]
    assert entry["provider"] == "chat"
    assert "sk-vendor" not in str(entry)
    vendor.always(listing("gpt-4o"))
    clock(gateway, model_list.AGAIN)
    await seen(gateway)
    await settled(gateway)
    assert await seen(gateway) == ["fast", "chat/gpt-4o"]
    vendor.always(script)
    clock(gateway, 2)
    await seen(gateway)
    await settled(gateway)
    assert await seen(gateway) == ["fast", "chat/gpt-4o"]


async def test_a_vendor_that_is_silent_delays_nobody_for_long(
    gateways: Gateways, vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_list, "WAIT", 0.05)
    vendor.responder = lambda recorded: (
        Reply(200, (SILENCE,)) if recorded.headers.get("x-api-key") else listing("gpt-4o")
    )
    gateway = await gateways.start(providers={**CHAT_ONLY, "claude": {"list_models": True}})
    async with asyncio.timeout(5):
        await seen(gateway)
        offers = list_of(gateway)._offers
        if (asking := offers["chat"].asking) is not None:
            await asking
        # The silent one is still being asked: nobody waits for it again.
        monkeypatch.setattr(model_list, "WAIT", 0.0)
        assert offers["claude"].asking is not None
        assert await seen(gateway) == ["chat/gpt-4o"]
    assert len(vendor.requests) == 2


async def test_the_end_of_the_gateway_ends_the_asking(gateways: Gateways, vendor: Vendor) -> None:
    vendor.always(Reply(200, (SILENCE,)))
    gateway = await gateways.start(providers=CHAT_ONLY)
    waiting = asyncio.create_task(gateway.http.get(f"{gateway.url}/v1/models"))
    recorded = await vendor.arrival()
    waiting.cancel()
    await gateways.stop()
    await asyncio.wait_for(recorded.closed.wait(), 10)


# --- Codex ------------------------------------------------------------------------------------------------------------

CODEX_NEEDS = {
    "slug": str,
    "display_name": str,
    "supported_reasoning_levels": list,
    "shell_type": str,
    "visibility": str,
    "supported_in_api": bool,
    "priority": int,
    "base_instructions": str,
    "supports_reasoning_summaries": bool,
    "support_verbosity": bool,
    "apply_patch_tool_type": str,
    "truncation_policy": dict,
    "supports_parallel_tool_calls": bool,
    "context_window": int,
    "experimental_supported_tools": list,
}


async def test_codex_is_given_its_catalogue(gateways: Gateways) -> None:
    models = {"fast": "claude/claude-haiku-4-5", "gpt": "chat/gpt-5.6-sol", "own": "toy/any"}
    gateway = await gateways.start(providers=NONE, codex=True, models=models)
    answer = await gateway.request("GET", "/v1/models?client_version=0.169.0")
    assert [model["id"] for model in answer.json["data"]] == list(models)
    assert [model["slug"] for model in answer.json["models"]] == list(models)
    for entry in answer.json["models"]:
        assert {name: type(entry[name]) for name in CODEX_NEEDS} == CODEX_NEEDS
        levels = [level["effort"] for level in entry["supported_reasoning_levels"]]
        assert entry["default_reasoning_level"] in levels
        assert set(levels) <= {"none", "minimal", "low", "medium", "high", "xhigh", "max"}
        assert set(entry["input_modalities"]) <= {"text", "image"}
    fast, gpt, _ = answer.json["models"]
    assert fast["context_window"] == 200_000
    assert gpt["support_verbosity"] is True


async def test_codex_is_not_told_that_a_model_can_do_what_it_cannot(gateways: Gateways) -> None:
    able = {"reasoning": False, "images": False, "tools": False}
    providers = {**NONE, "chat": {"list_models": False, "models": {"old": {"capabilities": able}}}}
    gateway = await gateways.start(providers=providers, codex=True)
    [entry] = (await gateway.request("GET", "/v1/models?client_version=1")).json["models"]
    assert entry["supported_reasoning_levels"] == []
    assert entry["default_reasoning_level"] is None
    assert entry["apply_patch_tool_type"] is None
    assert entry["input_modalities"] == ["text"]
    assert entry["supports_parallel_tool_calls"] is False


async def test_others_are_given_the_plain_list(gateways: Gateways) -> None:
    on = await gateways.start(providers=NONE, codex=True)
    off = await gateways.start(providers=NONE)
    assert (await on.request("GET", "/v1/models")).json.keys() == {"object", "data"}
    assert (await off.request("GET", "/v1/models?client_version=1")).json.keys() == {"object", "data"}


async def test_the_sdk_reads_the_list(gateways: Gateways, vendor: Vendor) -> None:
    vendor.always(listing("gpt-4o"))
    gateway = await gateways.start(providers=CHAT_ONLY)
    async with gateway.openai() as client:
        models = [model async for model in client.models.list()]
        assert [(model.id, model.object, model.owned_by) for model in models] == [("chat/gpt-4o", "model", "chat")]
        assert (await client.models.retrieve("chat/gpt-4o")).id == "chat/gpt-4o"
