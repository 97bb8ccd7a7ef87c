"""Another configuration while requests are at work: nothing is dropped, and a bad one changes nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.loader import load
from config.settings import Settings
from proxy.app import Plugins
from proxy.reloading import Reloading
from tests.vendors.gateway import Gateway, Gateways, configuration
from tests.vendors.journal import Journal
from tests.vendors.script import Turn, failure
from tests.vendors.server import Vendor
from tests.vendors.waiting import eventually

KEY = "sk-shop-0123456789"
OTHER = "sk-other-0123456789"


def client(key: str = KEY, **changes: Any) -> dict[str, Any]:
    return {"clients": [{"name": "shop", "key": key, **changes}]}


class Configured:
    """A running gateway and its file, which is watched."""

    def __init__(self, gateway: Gateway, vendor: Vendor, file: Path) -> None:
        self.gateway = gateway
        self.file = file
        self._vendor = vendor
        self._plugins = Plugins()
        self.reloading = Reloading(gateway.server, self.read, file, interval=0.02)
        self.task = asyncio.create_task(self.reloading.keep_up())

    def read(self) -> Settings:
        return load(self.file, {}, self._plugins)

    def text(self, **changes: Any) -> str:
        return yaml.safe_dump(configuration(self._vendor.url, **changes), sort_keys=False)

    def write(self, text: str) -> None:
        """Replace the file in one step."""
        new = self.file.with_suffix(".new")
        new.write_text(text)
        new.replace(self.file)

    async def reloads(self, result: str) -> float:
        return await self.gateway.metric("dragoman_config_reloads_total", result=result)

    async def take(self, result: str = "taken", **changes: Any) -> None:
        """Write these changes, and wait until they were read."""
        before = await self.reloads(result)
        self.write(self.text(**changes))
        await eventually(lambda: self.reloads(result), lambda number: number > before)

    async def say(self, key: str = KEY, model: str = "chat/gpt-4o", **body: Any) -> int:
        return (await self.gateway.create(key=key, model=model, input="hi", **body)).status


@pytest.fixture
async def start(gateways: Gateways, vendor: Vendor, tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    started: list[Configured] = []

    async def begin(**changes: Any) -> Configured:
        gateway = await gateways.start(**changes)
        file = tmp_path / "dragoman-0.yaml"
        started.append(Configured(gateway, vendor, file))
        return started[-1]

    yield begin
    for configured in started:
        configured.task.cancel()


async def test_new_clients_models_and_rules_hold_at_once(start: Callable[..., Any]) -> None:
    running = await start(**client())
    assert [await running.say(), await running.say(OTHER)] == [200, 401]
    await running.take(**client(OTHER), models={"house": "claude/claude-sonnet-5"}, strict=True)
    assert [await running.say(), await running.say(OTHER)] == [401, 200]
    assert await running.say(OTHER, model="house") == 200
    # The connection that was open before is served by the new configuration as well.
    answer = await running.gateway.create(key=OTHER, model="house", input="hi", top_logprobs=2)
    assert answer.status == 400


async def test_what_is_at_work_ends_as_it_began(start: Callable[..., Any], vendor: Vendor) -> None:
    running = await start(**client())
    gate = asyncio.Event()
    vendor.play(Turn("Be", gate, "fore."))
    wire = await running.gateway.open(key=KEY, model="chat/gpt-4o", input="hi", stream=True)
    await wire.until(b"event: response.output_text.delta")
    await running.take(**client(OTHER), providers={"chat": {"base_url": "http://127.0.0.1:9/v1"}})
    gate.set()
    rest = await wire.until(b"data: [DONE]\n\n")
    assert b"event: response.completed" in rest
    assert await running.say(OTHER) == 502


async def test_state_budgets_and_counts_go_on(start: Callable[..., Any]) -> None:
    price = {"toy": {"models": {"dollar": {"price": {"input": 0, "output": 0, "request": 1}}}}}
    running = await start(**client(budget={"usd": 2, "per": "day"}), providers=price)
    first = await running.gateway.create(key=KEY, model="toy/dollar", input="/say Hi.")
    assert await running.say(model="toy/dollar") == 200
    assert await running.say(model="toy/dollar") == 429
    await running.take(**client(budget={"usd": 3, "per": "day"}), providers=price)
    body = {"previous_response_id": first.json["id"]}
    assert await running.say(model="toy/dollar", **body) == 200
    assert await running.say(model="toy/dollar", **body) == 429
    assert await running.gateway.metric("dragoman_cost_usd_total") == 3
    assert await running.gateway.metric("dragoman_budget_limit_usd") == 3


async def test_what_is_held_back_of_a_budget_stays_held_back(start: Callable[..., Any], vendor: Vendor) -> None:
    price = {"chat": {"models": {"gpt-4o": {"price": {"input": 0, "output": 0, "request": 1}}}}}
    running = await start(**client(budget={"usd": 2, "per": "day"}), providers=price)
    gate = asyncio.Event()
    vendor.play(Turn("Slow", gate))
    slow = asyncio.create_task(running.say())
    await vendor.arrival()
    await running.take(**client(budget={"usd": 2, "per": "day"}), providers=price, strict=True)
    assert [await running.say(), await running.say()] == [200, 429]
    gate.set()
    assert await slow == 200


@pytest.mark.parametrize(
    "bad",
    ["providers: [", "wrong_key: 1", "clients: [{name: shop}]", "providers: {x: {type: nobody-s}}"],
    ids=["no-yaml", "unknown-key", "no-key", "no-plugin"],
)
async def test_a_bad_file_changes_nothing_and_says_why(start: Callable[..., Any], journal: Journal, bad: str) -> None:
    running = await start(**client())
    before = running.gateway.server.gateway
    running.write(bad)
    await eventually(lambda: running.reloads("refused"), lambda number: number == 1)
    assert running.gateway.server.gateway is before
    assert await running.say() == 200
    entry = await journal.entry(event="configuration refused", level="error")
    assert str(running.file) in entry["problem"]
    await running.take(**client(OTHER))
    assert await running.say(OTHER) == 200


async def test_what_cannot_change_while_it_runs_is_named(start: Callable[..., Any], journal: Journal) -> None:
    running = await start(**client())
    await running.take(**client(OTHER), listen="127.0.0.1:1", grace="5s")
    assert await running.say(OTHER) == 200
    for name in ("listen", "grace"):
        await journal.entry(event="setting holds from the next start on", setting=name)


async def test_a_link_that_is_swapped_is_a_change(start: Callable[..., Any], tmp_path: Path, vendor: Vendor) -> None:
    running = await start(**client())
    # As Kubernetes mounts a ConfigMap: dragoman.yaml -> ..data/dragoman.yaml, ..data -> a folder of its own.
    mount = tmp_path / "mount"
    for number, key in enumerate((KEY, OTHER)):
        folder = mount / f"..{number}"
        folder.mkdir(parents=True)
        (folder / "dragoman.yaml").write_text(running.text(**client(key)))
    (mount / "..data").symlink_to("..0")
    (mount / "dragoman.yaml").symlink_to("..data/dragoman.yaml")
    running.task.cancel()
    running.file = mount / "dragoman.yaml"
    running.reloading = Reloading(running.gateway.server, running.read, running.file, interval=0.02)
    running.task = asyncio.create_task(running.reloading.keep_up())
    assert await running.say() == 200
    (mount / "..data_tmp").symlink_to("..1")
    (mount / "..data_tmp").replace(mount / "..data")
    await eventually(lambda: running.say(OTHER), lambda status: status == 200)
    assert await running.say() == 401


async def test_when_it_is_told_to_it_reads_a_file_that_has_not_changed(start: Callable[..., Any]) -> None:
    running = await start(**client())
    running.reloading.tell()
    await eventually(lambda: running.reloads("taken"), lambda number: number == 1)
    assert await running.say() == 200


async def test_a_websocket_goes_on_and_ends_when_its_key_does(start: Callable[..., Any]) -> None:
    running = await start(**client())
    url, headers = f"{running.gateway.url}/v1/responses", {"authorization": f"Bearer {KEY}"}

    async def ask(socket: Any, model: str) -> Any:
        await socket.send_json({"type": "response.create", "model": model, "input": "hi"})
        while True:
            event = await socket.receive_json(timeout=10)
            if event["type"] in ("response.completed", "error"):
                return event

    async with running.gateway.http.ws_connect(url, headers=headers) as socket:
        assert (await ask(socket, "house"))["error"]["code"] == "model_not_found"
        await running.take(**client(), models={"house": "chat/gpt-4o"})
        assert (await ask(socket, "house"))["type"] == "response.completed"
        await running.take(**client(OTHER))
        message = await socket.receive(timeout=10)
        assert message.data == 1008


async def test_breakers_and_slots_are_kept(start: Callable[..., Any], vendor: Vendor) -> None:
    rules: dict[str, Any] = {"retry": {"attempts": 1}, "providers": {"chat": {"breaker": {"failures": 1}}}}
    running = await start(**client(), **rules)
    vendor.play(failure(500))
    assert await running.say() == 502
    slots = running.gateway.server.gateway.endpoints["claude"].slots
    await running.take(**client(), **rules, strict=True)
    assert await running.say() == 503
    assert running.gateway.server.gateway.endpoints["claude"].slots is slots


async def test_no_request_is_dropped_while_it_changes_again_and_again(
    start: Callable[..., Any], vendor: Vendor
) -> None:
    running = await start(**client())
    vendor.always(Turn("Fine."))
    statuses: list[int] = []
    over = asyncio.Event()

    async def ask(stream: bool) -> None:
        while not over.is_set():
            statuses.append(await running.say(stream=stream))

    asking = [asyncio.create_task(ask(bool(number % 2))) for number in range(8)]
    for number in range(6):
        await running.take(**client(), strict=bool(number % 2))
    over.set()
    await asyncio.gather(*asking)
    assert set(statuses) == {200}
    runner = running.gateway.server._runners["main"]

    async def applications() -> int:
        return len(runner._at_work)

    await eventually(applications, lambda number: number == 1)
