"""Waves of streams with a reload in the middle, many plain requests, and the end of a busy process."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import pytest
import yaml

from proxy.http.kernel import raise_file_limit
from tests.load.clients import ask, descriptors, resident, stream
from tests.load.scale import DURATION, INTERVAL, REQUESTS, STREAMS
from tests.load.vendor import LoadVendor
from tests.vendors.process import Process
from tests.vendors.waiting import eventually

GROWTH = 10 * 2**20
"""How much more memory the third wave may need than the second, in bytes."""


@pytest.fixture(autouse=True)
def _many_files() -> None:
    raise_file_limit()


def written(folder: Path, vendor: LoadVendor, **changes: object) -> Path:
    path = folder / "dragoman.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "listen": "127.0.0.1:0",
                "store": f"sqlite:///{folder / 'state.db'}",
                "providers": {
                    "chat": {
                        "type": "openai_chat",
                        "base_url": vendor.url,
                        "api_key": "sk-x",
                        "dialect": "openai",
                        "concurrency": 4 * STREAMS,
                    }
                },
                "limits": {"concurrency": 4 * STREAMS},
                **changes,
            }
        )
    )
    return path


async def wave(port: int, streams: int) -> tuple[list[asyncio.Task[object]], asyncio.Semaphore]:
    """Begin streams, and wait until each has its first text."""
    begun = asyncio.Semaphore(0)
    tasks: list[asyncio.Task[object]] = [asyncio.create_task(stream(port, begun)) for _ in range(streams)]
    for _ in tasks:
        await begun.acquire()
    return tasks, begun


async def test_streams_live_through_a_reload_and_leave_nothing_behind(tmp_path: Path) -> None:
    async with LoadVendor(INTERVAL, DURATION) as vendor:
        path = written(tmp_path, vendor)
        async with Process("serve", "--config", str(path)) as process:
            port = await process.listening()
            pid = process.process.pid
            at_rest = descriptors(pid)
            memory: list[int] = []
            for _ in range(3):
                tasks, _ = await wave(port, STREAMS)
                path.write_text(path.read_text() + "# another word\n")
                process.process.send_signal(signal.SIGHUP)
                assert (await process.entry("configuration taken"))["level"] == "info"
                ended = await asyncio.gather(*tasks)
                assert Counter(ended) == {ended[0]: STREAMS}
                assert getattr(ended[0], "terminal", None) == "response.completed"
                assert getattr(ended[0], "deltas", 0) == round(DURATION / INTERVAL) + 1
                memory.append(resident(pid))

            async def left() -> int:
                return descriptors(pid)

            await eventually(left, lambda number: number <= at_rest + 1)
            assert memory[2] <= memory[1] + GROWTH


async def test_plain_requests_leave_nothing_behind(tmp_path: Path) -> None:
    async with (
        LoadVendor(INTERVAL, DURATION) as vendor,
        Process("serve", "--config", str(written(tmp_path, vendor))) as process,
    ):
        port = await process.listening()
        pid = process.process.pid
        at_rest = descriptors(pid)
        memory: list[int] = []
        for _ in range(4):
            answered = await asyncio.gather(*(ask(port, REQUESTS // 4 // 20) for _ in range(20)))
            assert sum(answered) == REQUESTS // 4
            memory.append(resident(pid))

        async def left() -> int:
            return descriptors(pid)

        await eventually(left, lambda number: number <= at_rest + 1)
        assert memory[3] <= memory[2] + GROWTH


async def test_every_stream_sees_its_terminal_event_when_the_process_ends(tmp_path: Path) -> None:
    async with (
        LoadVendor(0.1, None) as vendor,
        Process("serve", "--config", str(written(tmp_path, vendor, grace="4s"))) as process,
    ):
        port = await process.listening()
        tasks, _ = await wave(port, 200)
        process.process.terminate()
        ended = await asyncio.gather(*tasks)
        status, _ = await process.end()
    assert status == 0
    assert Counter(getattr(each, "terminal", None) for each in ended) == {"response.failed": 200}


async def test_streams_that_end_within_the_grace_end_as_if_nothing_were(tmp_path: Path) -> None:
    async with (
        LoadVendor(0.1, None) as vendor,
        Process("serve", "--config", str(written(tmp_path, vendor, grace="20s"))) as process,
    ):
        port = await process.listening()
        tasks, _ = await wave(port, 200)
        process.process.terminate()
        await process.entry("stopping")
        vendor.finish()
        ended = await asyncio.gather(*tasks)
        status, _ = await process.end()
    assert status == 0
    assert Counter(getattr(each, "terminal", None) for each in ended) == {"response.completed": 200}
