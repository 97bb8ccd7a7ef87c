"""A process that is killed: what it acknowledged is there, and what it ran does not stay as it is for ever."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import orjson
import pytest
import yaml

from proxy.state.records import UNFINISHED
from tests.vendors.gateway import MODELS, configuration
from tests.vendors.process import Process
from tests.vendors.script import Turn
from tests.vendors.server import Recorded, Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]

RUNS = 200

BOUND = 45
"""Seconds within which a run of a dead replica has an end: its lease, and two looks around."""


class Client:
    """Talks to one process."""

    def __init__(self, http: aiohttp.ClientSession, port: int) -> None:
        self._http = http
        self._url = f"http://127.0.0.1:{port}/v1/responses"

    async def create(self, **body: Any) -> dict[str, Any]:
        async with self._http.post(self._url, json={"model": CHAT, "input": "Hi", **body}) as answer:
            response: dict[str, Any] = orjson.loads(await answer.read())
            return response

    async def streamed(self, **body: Any) -> AsyncIterator[dict[str, Any]]:
        request = {"model": CHAT, "input": "Hi", "stream": True, **body}
        async with self._http.post(self._url, json=request) as answer:
            async for line in answer.content:
                if line.startswith(b"data: {"):
                    yield orjson.loads(line[6:])

    async def fetched(self, response_id: str) -> dict[str, Any]:
        async with self._http.get(f"{self._url}/{response_id}") as answer:
            response: dict[str, Any] = orjson.loads(await answer.read())
            return response

    async def stream_of(self, response_id: str) -> list[dict[str, Any]]:
        async with self._http.get(f"{self._url}/{response_id}?stream=true") as answer:
            lines = (await answer.read()).split(b"\n")
        return [orjson.loads(line[6:]) for line in lines if line.startswith(b"data: {")]


async def ended(client: Client, response_id: str) -> dict[str, Any]:
    return await eventually(
        lambda: client.fetched(response_id), lambda found: found["status"] not in UNFINISHED, within=BOUND, every=0.2
    )


@asynccontextmanager
async def replica(path: Path, http: aiohttp.ClientSession) -> AsyncIterator[tuple[Process, Client]]:
    async with Process("serve", "--config", str(path)) as process:
        yield process, Client(http, await process.listening())


def written(folder: Path, vendor: Vendor, store: str) -> Path:
    path = folder / "dragoman.yaml"
    path.write_text(yaml.safe_dump(configuration(vendor.url, store=store, grace="1s")))
    return path


@pytest.fixture(params=["fresh_redis_url", "fresh_postgres_url"])
def shared(request: pytest.FixtureRequest) -> str:
    """A store that replicas share."""
    return cast(str, request.getfixturevalue(request.param))


@pytest.fixture(params=["sqlite", "fresh_redis_url", "fresh_postgres_url"])
def durable(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store that outlives a process."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return cast(str, request.getfixturevalue(request.param))


async def test_what_was_acknowledged_survives_kill_9(vendor: Vendor, tmp_path: Path, durable: str) -> None:
    path = written(tmp_path, vendor, durable)
    acknowledged: dict[str, dict[str, Any]] = {}
    half = asyncio.Event()

    def note(response: dict[str, Any]) -> None:
        acknowledged[response["id"]] = response
        if len(acknowledged) > RUNS // 2:
            half.set()

    async def run(client: Client, number: int) -> None:
        while True:
            try:
                if number % 2:
                    note(await client.create(input=f"Number {number}"))
                    continue
                async for event in client.streamed(input=f"Number {number}"):
                    if event["type"] == "response.completed":
                        note(event["response"])
            except (aiohttp.ClientError, orjson.JSONDecodeError):
                return

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        async with replica(path, http) as (process, client):
            running = [asyncio.create_task(run(client, number)) for number in range(RUNS)]
            await asyncio.wait_for(half.wait(), 60)
            process.process.kill()
            await asyncio.gather(*running)
        assert len(acknowledged) > RUNS // 2
        async with replica(path, http) as (_, client):
            for response_id, response in acknowledged.items():
                assert await client.fetched(response_id) == response
            last = await client.create(input="And now?", previous_response_id=next(iter(acknowledged)))
            assert last["status"] == "completed"


async def test_runs_of_a_dead_replica_are_begun_again_or_fail(vendor: Vendor, tmp_path: Path, shared: str) -> None:
    path = written(tmp_path, vendor, shared)
    stuck = asyncio.Event()
    dead = False

    def answer(recorded: Recorded) -> Turn:
        # The first replica's calls never end; the second one's do.
        return Turn("Done.") if dead else Turn("Begun ", stuck)

    vendor.responder = answer
    async with (
        aiohttp.ClientSession() as http,
        replica(path, http) as (first, client),
        replica(path, http) as (_, other),
    ):
        unseen = (await client.create(background=True))["id"]
        shown = ""
        async for event in client.streamed(background=True):
            shown = event.get("response", {}).get("id", shown)
            if event["type"] == "response.output_text.delta":
                break
        dead = True
        first.process.kill()
        again = await ended(other, unseen)
        assert again["status"] == "completed"
        assert again["output"][0]["content"][0]["text"] == "Done."
        lost = await ended(other, shown)
        assert lost["status"] == "failed"
        assert "ended before" in lost["error"]["message"]
        events = await other.stream_of(shown)
        assert [event["sequence_number"] for event in events] == list(range(len(events)))
        assert events[-1]["type"] == "response.failed"
        assert events[-1]["response"] == lost
    stuck.set()
