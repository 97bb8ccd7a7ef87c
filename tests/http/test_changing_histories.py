"""Background responses whose history changes while they are being prepared."""

import asyncio
from typing import Any

import orjson

from tests.vendors.gateway import MODELS, Gateway, Gateways
from tests.vendors.script import END, Reply
from tests.vendors.server import Recorded, Vendor
from tests.vendors.waiting import eventually

CLAUDE = MODELS["anthropic"]

LONG = "word " * 700
"""A text for which the vendor's counter is asked."""


class Held:
    """Claude's counter of tokens, which holds back its first answer: until then a request is being prepared."""

    def __init__(self, vendor: Vendor) -> None:
        self.asked = asyncio.Event()
        self.going = asyncio.Event()
        vendor.counter = self._count

    def _count(self, recorded: Recorded) -> int | Reply:
        if self.asked.is_set():
            return 900
        self.asked.set()
        return Reply(200, (b'{"input_tokens": 900}', END), {"content-type": "application/json"}, held=self.going)


async def items(gateway: Gateway, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await gateway.request("GET", f"{path}?order=asc")).json["data"]
    return found


async def counting(gateways: Gateways) -> Gateway:
    sizes = {"context_window": 1000, "max_output_tokens": 50}
    model = CLAUDE.partition("/")[2]
    return await gateways.start(providers={"claude": {"models": {model: {"capabilities": sizes}}}})


async def test_a_background_turn_before_which_an_item_is_removed_is_made_without_it(
    gateways: Gateways, vendor: Vendor
) -> None:
    gateway = await counting(gateways)
    counter = Held(vendor)
    said = [{"role": "user", "content": text} for text in ("Forget this.", LONG)]
    said.append({"role": "assistant", "content": "Yes."})
    made = await gateway.request("POST", "/v1/conversations", body=orjson.dumps({"items": said}))
    name = made.json["id"]
    path = f"/v1/conversations/{name}/items"
    forgotten = (await items(gateway, path))[0]
    asked: dict[str, Any] = {"model": CLAUDE, "truncation": "auto", "background": True, "conversation": name}
    starting = asyncio.create_task(gateway.create(input="Hello", **asked))
    await asyncio.wait_for(counter.asked.wait(), 10)
    assert (await gateway.request("DELETE", f"{path}/{forgotten['id']}")).status == 200
    counter.going.set()
    response = (await starting).json
    await eventually(
        lambda: gateway.request("GET", f"/v1/responses/{response['id']}"),
        lambda found: found.json["status"] == "completed",
    )
    assert b"Forget this." not in vendor.last.body
    # The turn alone was added: nothing of the history stands there twice.
    texts = [item["content"][0]["text"] for item in await items(gateway, path)]
    assert texts[:-1] == [LONG, "Yes.", "Hello"]


async def test_a_background_turn_before_which_its_history_is_deleted_is_refused(
    gateways: Gateways, vendor: Vendor
) -> None:
    gateway = await counting(gateways)
    counter = Held(vendor)
    first = (await gateway.create(model=CLAUDE, input=LONG)).response
    asked: dict[str, Any] = {"model": CLAUDE, "truncation": "auto", "background": True}
    starting = asyncio.create_task(gateway.create(input="Hello", previous_response_id=first["id"], **asked))
    await asyncio.wait_for(counter.asked.wait(), 10)
    assert (await gateway.request("DELETE", f"/v1/responses/{first['id']}")).status == 200
    counter.going.set()
    assert (await starting).error["code"] == "previous_response_not_found"
    assert len(vendor.requests) == 1
