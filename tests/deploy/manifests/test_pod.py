"""The sidecar as its manifest says it, started as a process on this machine, beside an application that knows nothing
but OPENAI_BASE_URL."""

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.benchmarks.processes import free_port
from tests.deploy.manifests.tools import KUBERNETES, at, kustomized, of_kind
from tests.docs.markdown import ROOT
from tests.vendors.process import Process
from tests.vendors.script import Turn
from tests.vendors.server import Vendor


class Keys:
    """A mounted Secret: a folder whose content changes at once, by a link, as the kubelet does it."""

    def __init__(self, folder: Path, **items: str) -> None:
        self.folder = folder
        folder.mkdir()
        self._generation = 0
        self.write(**items)
        for name in items:
            (folder / name.replace("_", "-")).symlink_to(Path("..data", name.replace("_", "-")))

    def write(self, **items: str) -> None:
        """Put these in the place of what was there."""
        self._generation += 1
        content = self.folder / f"..{self._generation}"
        content.mkdir()
        for name, value in items.items():
            (content / name.replace("_", "-")).write_text(value)
        link = self.folder / "..data_tmp"
        link.symlink_to(content.name)
        link.rename(self.folder / "..data")


class Pod:
    """The gateway and the application of the example, with what their manifests give them."""

    def __init__(self, vendor: Vendor, folder: Path) -> None:
        manifests = kustomized(KUBERNETES / "examples/sidecar")
        (workload,) = of_kind(manifests, "Deployment")
        (config,) = of_kind(manifests, "ConfigMap")
        spec: Mapping[str, Any] = at(workload, "spec.template.spec")
        self.sidecar, self.application = spec["initContainers"][0], spec["containers"][0]
        self.api, self.metrics = free_port(), free_port()
        self.keys = Keys(folder / "keys", anthropic_api_key="sk-first")
        (folder / "config").mkdir()
        text = config["data"]["dragoman.yaml"]
        # One machine has one loopback: ports and folders are the test's own.
        places = {
            "127.0.0.1:8080": f"127.0.0.1:{self.api}",
            "0.0.0.0:9464": f"127.0.0.1:{self.metrics}",
            "/etc/dragoman": str(folder),
            "type: anthropic": f"type: anthropic\n    base_url: {vendor.url}",
        }
        for here, there in places.items():
            assert text.count(here) == 1
            text = text.replace(here, there)
        (folder / "config/dragoman.yaml").write_text(text)
        self.arguments = [argument.replace("/etc/dragoman", str(folder)) for argument in self.sidecar["args"]]

    async def probe(self, name: str) -> int:
        """What the kubelet sees."""
        get = self.sidecar[name]["httpGet"]
        assert get["port"] == "dragoman"
        async with aiohttp.ClientSession() as http, http.get(f"http://127.0.0.1:{self.metrics}{get['path']}") as answer:
            return answer.status

    @asynccontextmanager
    async def running_application(self) -> AsyncIterator[asyncio.subprocess.Process]:
        environ = {each["name"]: each["value"] for each in self.application["env"]}
        assert environ["OPENAI_BASE_URL"] == "http://127.0.0.1:8080/v1"
        environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{self.api}/v1"
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.deploy.manifests.application",
            cwd=ROOT,
            env=environ,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
def pod(vendor: Vendor, tmp_path: Path) -> Pod:
    return Pod(vendor, tmp_path)


async def ask(application: asyncio.subprocess.Process, question: str) -> None:
    assert application.stdin is not None
    application.stdin.write(f"{question}\n".encode())
    await application.stdin.drain()


async def told(application: asyncio.subprocess.Process, mark: bytes) -> bytes:
    assert application.stdout is not None
    async with asyncio.timeout(20):
        return await application.stdout.readuntil(mark)


async def test_the_application_reaches_a_vendor_through_its_sidecar(pod: Pod, vendor: Vendor) -> None:
    async with Process(*pod.arguments) as gateway:
        await gateway.listening()
        assert [await pod.probe(name) for name in ("startupProbe", "livenessProbe")] == [200, 200]
        async with pod.running_application() as application:
            await ask(application, "Hello?")
            assert await told(application, b"\n") == b"Hello there.\n"
        assert vendor.last.headers["x-api-key"] == "sk-first"


async def test_a_key_that_rotates_is_used_from_then_on(pod: Pod, vendor: Vendor) -> None:
    async with Process(*pod.arguments) as gateway, pod.running_application() as application:
        await gateway.listening()
        await ask(application, "Hello?")
        await told(application, b"\n")
        pod.keys.write(anthropic_api_key="sk-second")
        await ask(application, "And now?")
        await told(application, b"\n")
    assert [request.headers["x-api-key"] for request in vendor.requests] == ["sk-first", "sk-second"]


async def test_it_ends_after_the_last_stream_of_the_application(pod: Pod, vendor: Vendor) -> None:
    gate = asyncio.Event()
    vendor.play(Turn("One ", gate, "two."))
    async with Process(*pod.arguments) as gateway:
        await gateway.listening()
        async with pod.running_application() as application:
            await ask(application, "Count.")
            assert await told(application, b"One ") == b"One "
            # Early, as it would come to a container that is no native sidecar: the stream is finished all the same.
            gateway.process.terminate()
            await gateway.entry("stopping")
            gate.set()
            assert await told(application, b"\n") == b"two.\n"
            status, _ = await gateway.end()
    assert status == 0
    assert b"Traceback" not in gateway.log
