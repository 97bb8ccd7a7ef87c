"""A process that is told to end while background responses run, and the one that is started after it."""

import asyncio
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import yaml

from proxy.state.records import UNFINISHED
from tests.vendors.gateway import MODELS, configuration
from tests.vendors.process import Process
from tests.vendors.script import Turn
from tests.vendors.server import Recorded, Vendor
from tests.vendors.waiting import eventually

CHAT = MODELS["openai_chat"]


async def test_runs_of_a_process_that_ends_are_begun_again_or_end_with_it(vendor: Vendor, tmp_path: Path) -> None:
    path = tmp_path / "dragoman.yaml"
    store = f"sqlite:///{tmp_path / 'state.db'}"
    path.write_text(yaml.safe_dump(configuration(vendor.url, store=store, grace="1s")))
    stuck, ended = asyncio.Event(), False

    def answer(recorded: Recorded) -> Turn:
        return Turn("Done.") if ended else Turn("Begun ", stuck)

    vendor.responder = answer
    async with aiohttp.ClientSession() as http:
        async with Process("serve", "--config", str(path)) as process:
            url = f"http://127.0.0.1:{await process.listening()}/v1/responses"
            body: dict[str, Any] = {"model": CHAT, "input": "Hi", "background": True}
            async with http.post(url, json=body) as created:
                unseen = (await created.json())["id"]
            async with http.post(url, json={**body, "stream": True}) as stream:
                events = b""
                while b"output_text.delta" not in events:
                    events += await stream.content.readany()
                ended = True
                process.process.terminate()
                # Whoever watches is told of the end.
                events += await stream.content.read()
            status, _ = await process.end()
        assert status == 0
        assert b"never retrieved" not in process.log
        assert b"Traceback" not in process.log
        frames = [orjson.loads(line[6:]) for line in events.split(b"\n") if line.startswith(b"data: {")]
        assert frames[-1]["type"] == "response.failed"
        assert events.endswith(b"data: [DONE]\n\n")
        shown = frames[-1]["response"]
        async with Process("serve", "--config", str(path)) as process:
            url = f"http://127.0.0.1:{await process.listening()}/v1/responses"
            async with http.get(f"{url}/{shown['id']}") as found:
                assert await found.json() == shown
            response = await eventually(
                partial(fetched, http, f"{url}/{unseen}"), lambda found: found["status"] not in UNFINISHED
            )
            assert (response["status"], response["output"][0]["content"][0]["text"]) == ("completed", "Done.")
    stuck.set()


async def fetched(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as found:
        return await found.json()
