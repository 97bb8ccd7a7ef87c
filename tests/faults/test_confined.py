"""The process as a careful cluster runs it: no root, no capabilities, nothing that can be written to."""

import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Final

import aiohttp
import pytest
import yaml

from tests.vendors.gateway import configuration
from tests.vendors.process import Process
from tests.vendors.server import Vendor

USER: Final = 65532
"""The image's user."""

HOMELESS: Final = {"HOME": "/nonexistent", "XDG_STATE_HOME": ""}


def confined(*, writable: Path | None = None) -> list[str]:
    """The command that runs another one without rights, on a file system of which only `writable` is not read-only,
    and empty."""
    room = "" if writable is None else f"mount -t tmpfs -o mode=1777 tmpfs {writable} && "
    script = (
        "for place in $(cut -d' ' -f2 /proc/mounts); do case $place in /proc*|/sys*|/dev*) ;; "
        "*) mount -o remount,bind,ro $place || exit 125 ;; esac; done; "
        f'{room}exec unshare --user --map-user={USER} --map-group={USER} -- "$@"'
    )
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def said(command: Sequence[str]) -> str:
    """What a Python program prints that runs confined."""
    done = subprocess.run([*confined(), *command], capture_output=True, text=True, timeout=30, check=False)
    return done.stdout.strip() if done.returncode == 0 else f"({done.returncode}) {done.stderr.strip()}"


LOOK: Final = """
import errno, os
try:
    open("/written", "w")
except OSError as error:
    place = errno.errorcode[error.errno]
else:
    place = "written"
rights = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("CapEff"))
print(os.getuid(), place, int(rights, 16))
"""


@cache
def missing() -> str | None:
    """Why nothing can be confined here; None where it can."""
    try:
        found = said([sys.executable, "-c", LOOK])
    except FileNotFoundError as error:
        return f"there is no {error.filename}"
    return None if found == f"{USER} EROFS 0" else f"a process cannot be confined here: {found}"


@pytest.fixture(autouse=True)
def confinement() -> None:
    """Tests that need it are skipped where it cannot be had, with the reason."""
    reason = missing()
    if reason is not None:
        pytest.skip(reason)


def written(folder: Path, vendor: Vendor, **changes: object) -> str:
    """A configuration file."""
    path = folder / "dragoman.yaml"
    path.write_text(yaml.safe_dump(configuration(vendor.url, **changes)))
    return str(path)


async def served(process: Process) -> None:
    """Asserts that it listens, answers, and ends in order."""
    url = f"http://127.0.0.1:{await process.listening()}"
    body = {"model": "chat/gpt-4o", "input": "Hello"}
    async with aiohttp.ClientSession() as http:
        async with http.post(f"{url}/v1/responses", json=body) as answer:
            assert answer.status == 200
            response = await answer.json()
        async with http.get(f"{url}/v1/responses/{response['id']}") as answer:
            assert (await answer.json())["output"] == response["output"]
        for path in ("/metrics", "/readyz", "/openapi.json"):
            async with http.get(url + path) as answer:
                assert answer.status == 200
    process.process.terminate()
    assert await process.end() == (0, "")
    assert b'"level":"error"' not in process.log
    assert b"Traceback" not in process.log


async def test_it_serves_from_memory(vendor: Vendor, tmp_path: Path) -> None:
    path = written(tmp_path, vendor, store="memory://")
    async with Process("serve", "--config", path, environ=HOMELESS, within=confined()) as process:
        await served(process)


async def test_it_keeps_its_state_in_the_one_folder_it_is_given(vendor: Vendor, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    path = written(tmp_path, vendor, store=None)
    environ = {**HOMELESS, "DRAGOMAN_STATE_DIR": str(state)}
    async with Process("serve", "--config", path, environ=environ, within=confined(writable=state)) as process:
        await served(process)


async def test_without_a_place_for_its_state_it_says_so_and_ends(vendor: Vendor, tmp_path: Path) -> None:
    path = written(tmp_path, vendor, store=None)
    environ = {**HOMELESS, "DRAGOMAN_STATE_DIR": str(tmp_path)}
    async with Process("serve", "--config", path, environ=environ, within=confined()) as process:
        status, _ = await process.end()
    assert status == 2
    assert b"Read-only file system" in process.log or b"read-only" in process.log.lower()
    assert b"Traceback" not in process.log
