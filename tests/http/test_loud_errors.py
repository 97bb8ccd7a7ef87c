"""What cannot be continued, fetched or changed is said on every path, and no model is asked without the history."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, TypeAlias

import orjson
import pytest

from tests.http.sockets import connected
from tests.http.test_stored import CLIENTS, begin, keep, new_response
from tests.vendors.gateway import MODELS, Gateway, Gateways, Whole
from tests.vendors.script import Turn
from tests.vendors.server import Vendor

CHAT = MODELS["openai_chat"]
KEYS = {"shop": {"authorization": "Bearer sk-shop-key"}, "desk": {"authorization": "Bearer sk-desk-key"}}

Request: TypeAlias = tuple[str, str, dict[str, Any] | None]

GONE = ("unknown", "odd", "deleted", "expired", "foreign", "unstored", "foreground")
"""The responses that do not exist for the client `shop`."""

NOT_FOUND = "previous_response_not_found"

CONTINUED: Mapping[str, str] = {
    **dict.fromkeys(GONE, NOT_FOUND),
    "running": "previous_response_in_progress",
    "failed": "previous_response_not_completed",
    "cancelled": "previous_response_not_completed",
}
"""The code of the error that a request to continue such a response is answered with."""

CONTINUING: Mapping[str, Callable[[str], Request]] = {
    "create": lambda name: ("POST", "/v1/responses", {"previous_response_id": name, "input": "And?"}),
    "create, streamed": lambda name: (
        "POST",
        "/v1/responses",
        {"previous_response_id": name, "input": "And?", "stream": True},
    ),
    "create, unstored": lambda name: (
        "POST",
        "/v1/responses",
        {"previous_response_id": name, "input": "And?", "store": False},
    ),
    "create, background": lambda name: (
        "POST",
        "/v1/responses",
        {"previous_response_id": name, "input": "And?", "background": True},
    ),
    "input_tokens": lambda name: (
        "POST",
        "/v1/responses/input_tokens",
        {"previous_response_id": name, "input": "And?"},
    ),
    "compact": lambda name: ("POST", "/v1/responses/compact", {"previous_response_id": name}),
}

OWN_PATHS: Mapping[str, Callable[[str], Request]] = {
    "retrieve": lambda name: ("GET", f"/v1/responses/{name}", None),
    "stream": lambda name: ("GET", f"/v1/responses/{name}?stream=true", None),
    "delete": lambda name: ("DELETE", f"/v1/responses/{name}", None),
    "cancel": lambda name: ("POST", f"/v1/responses/{name}/cancel", None),
    "input_items": lambda name: ("GET", f"/v1/responses/{name}/input_items", None),
}

OF_CONVERSATIONS: Mapping[str, Callable[[str], Request]] = {
    "create": lambda name: ("POST", "/v1/responses", {"conversation": name, "input": "And?"}),
    "create, by object": lambda name: ("POST", "/v1/responses", {"conversation": {"id": name}, "input": "And?"}),
    "create, background": lambda name: (
        "POST",
        "/v1/responses",
        {"conversation": name, "input": "And?", "background": True},
    ),
    "input_tokens": lambda name: ("POST", "/v1/responses/input_tokens", {"conversation": name, "input": "And?"}),
    "retrieve": lambda name: ("GET", f"/v1/conversations/{name}", None),
    "update": lambda name: ("POST", f"/v1/conversations/{name}", {"metadata": {}}),
    "delete": lambda name: ("DELETE", f"/v1/conversations/{name}", None),
    "list": lambda name: ("GET", f"/v1/conversations/{name}/items", None),
    "list behind an item": lambda name: ("GET", f"/v1/conversations/{name}/items?after=msg_x", None),
    "add": lambda name: (
        "POST",
        f"/v1/conversations/{name}/items",
        {"items": [{"role": "user", "content": "Hi"}]},
    ),
    "item": lambda name: ("GET", f"/v1/conversations/{name}/items/msg_x", None),
    "remove": lambda name: ("DELETE", f"/v1/conversations/{name}/items/msg_x", None),
}


class House:
    """A gateway, and the ids of responses and conversations in every state that is an error to somebody."""

    def __init__(self, gateway: Gateway, vendor: Vendor) -> None:
        self.gateway = gateway
        self.vendor = vendor
        self.responses: dict[str, str] = {"unknown": "resp_unknown", "odd": "chatcmpl-1"}
        self.conversations: dict[str, str] = {"unknown": "conv_unknown", "odd": "thread_1"}
        self.items: dict[str, str] = {"unknown": "msg_unknown", "odd": "k\u00e4se"}

    async def ask(self, request: Request, *, by: str = "shop") -> Whole:
        method, path, body = request
        if body is not None and not path.startswith("/v1/conversations"):
            body = {"model": CHAT, **body}
        content = None if body is None else orjson.dumps(body)
        headers = {"content-type": "application/json", **KEYS[by]}
        return await self.gateway.request(method, path, body=content, headers=headers)

    async def made(self, *, by: str = "shop", **body: Any) -> dict[str, Any]:
        return (await self.ask(("POST", "/v1/responses", {"input": "Hello", **body}), by=by)).response

    async def fill(self, going: asyncio.Event) -> None:
        for name, by, stored in (("deleted", "shop", True), ("foreign", "desk", True), ("unstored", "shop", False)):
            response = await self.made(by=by, store=stored)
            self.responses[name], self.items[name] = response["id"], response["output"][0]["id"]
        await self.ask(OWN_PATHS["delete"](self.responses["deleted"]))
        await keep(self.gateway, new_response("failed", "Hi", status="failed", owner="shop"))
        await keep(self.gateway, new_response("cancelled", "Hi", status="cancelled", owner="shop"))
        expired = new_response("expired", "Hi", "Good day.", owner="shop", lasting=-1)
        await self.gateway.server.gateway.store.save(expired)
        self.items["expired"] = "msg_expired_out"
        await begin(self.gateway, new_response("running", "Hi", owner="shop", status="queued", background=True))
        self.responses |= {name: f"resp_{name}" for name in ("failed", "cancelled", "expired", "running")}
        self.vendor.play(Turn("Good ", going, "day."))
        wire = await self.gateway.open(key="sk-shop-key", model=CHAT, input="Hi", stream=True)
        begun = await wire.until(b'"delta":"Good "')
        self.responses["foreground"] = orjson.loads(begun.partition(b"data: ")[2].partition(b"\n")[0])["response"]["id"]
        for name, by in (("deleted", "shop"), ("foreign", "desk")):
            made = await self.ask(("POST", "/v1/conversations", {}), by=by)
            self.conversations[name] = made.json["id"]
        await self.ask(OF_CONVERSATIONS["delete"](self.conversations["deleted"]))
        self.vendor.requests.clear()


@pytest.fixture
async def house(gateways: Gateways, vendor: Vendor) -> AsyncIterator[House]:
    going = asyncio.Event()
    house = House(await gateways.start(clients=CLIENTS), vendor)
    await house.fill(going)
    yield house
    going.set()


@pytest.mark.parametrize("way", CONTINUING)
async def test_what_cannot_be_continued(house: House, way: str) -> None:
    for name, code in CONTINUED.items():
        answer = await house.ask(CONTINUING[way](house.responses[name]))
        assert (answer.status, answer.error["code"]) == (400, code), name
        assert answer.error["param"] == "previous_response_id"
        assert f"'{house.responses[name]}'" in answer.error["message"]
    assert house.vendor.requests == []


async def test_what_cannot_be_continued_over_a_websocket(house: House) -> None:
    async with connected(house.gateway, key="sk-shop-key") as socket:
        for name, code in CONTINUED.items():
            error = await socket.refusal(model=CHAT, input="And?", previous_response_id=house.responses[name])
            assert error["code"] == code, name
    assert house.vendor.requests == []


@pytest.mark.parametrize("way", OWN_PATHS)
async def test_what_does_not_exist_under_its_own_path(house: House, way: str) -> None:
    for name in GONE:
        answer = await house.ask(OWN_PATHS[way](house.responses[name]))
        assert answer.status == 404, name
        assert answer.error["message"] == f"Response with id '{house.responses[name]}' not found."
        assert answer.error["code"] is None


async def test_what_did_not_go_well_is_there_and_is_not_continued(house: House) -> None:
    for name in ("failed", "cancelled", "running"):
        answer = await house.ask(OWN_PATHS["retrieve"](house.responses[name]))
        assert answer.status == 200
        assert (await house.ask(OWN_PATHS["input_items"](house.responses[name]))).status == 200
    assert (await house.ask(OWN_PATHS["delete"](house.responses["running"]))).status == 400


@pytest.mark.parametrize("way", OF_CONVERSATIONS)
async def test_conversations_that_do_not_exist(house: House, way: str) -> None:
    for name, conversation in house.conversations.items():
        answer = await house.ask(OF_CONVERSATIONS[way](conversation))
        assert answer.status == 404, name
        assert answer.error["message"] == f"Conversation with id '{conversation}' not found."
        assert (answer.error["param"], answer.error["code"]) == (None, None)
    assert house.vendor.requests == []


async def test_references_to_items_that_do_not_exist(house: House) -> None:
    for name, item in house.items.items():
        reference = {"type": "item_reference", "id": item}
        for path in ("/v1/responses", "/v1/responses/input_tokens", "/v1/responses/compact"):
            answer = await house.ask(("POST", path, {"input": [reference, {"role": "user", "content": "And?"}]}))
            assert answer.status == 404, (name, path)
            assert answer.error["message"] == (
                f"Item with id '{item}' not found. Items are not persisted when `store` is set to false."
            )
            assert answer.error["param"] == "input"
        answer = await house.ask(("POST", "/v1/conversations", {"items": [reference]}))
        assert (answer.status, answer.error["param"]) == (404, "items"), name
    assert house.vendor.requests == []
