"""Installs the Python clients, each with what its lock file names, into an environment of its own.

The name of an environment holds a hash of its lock file and the Python's version, so what was installed once is found
again, and a changed pin makes a new one.
"""

import hashlib
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent

CLIENTS: Final = ("openai", "openai_agents", "langchain_openai", "pydantic_ai")
"""The folders beside this file; also the names of the clients."""


class NotInstalledError(Exception):
    """A client could not be installed; the message has the installer's own last words."""


def install(cache: Path, *names: str) -> dict[str, list[str]]:
    """Install what is missing and give the command that starts each client; all of them where none is named.

    Raises NotInstalledError when one cannot be had.
    """
    chosen = [name for name in CLIENTS if name in names or not names]
    with ThreadPoolExecutor(len(CLIENTS)) as pool:
        pythons = pool.map(lambda name: _installed(cache, name), chosen)
        return {
            name: ["env", f"PYTHONPATH={HERE}", str(python), str(HERE / name / "main.py")]
            for name, python in zip(chosen, pythons, strict=True)
        }


def _installed(cache: Path, name: str) -> Path:
    """The Python of a client's environment, which is complete when its stamp is there."""
    lock = HERE / name / "requirements.txt"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = cache / f"python-{name}-{digest}"
    stamp = folder / "complete"
    python = folder / "bin/python"
    if stamp.exists():
        return python
    cache.mkdir(parents=True, exist_ok=True)
    uv = _uv()
    _run(name, uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    _run(name, uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python), "--require-hashes",
         "-r", str(lock))  # fmt: skip
    stamp.touch()
    return python


def _run(name: str, *command: str) -> None:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode != 0:
        raise NotInstalledError(f"{name}: uv ended with {done.returncode}: {done.stdout[-2000:]}")


def _uv() -> str:
    """The uv beside this Python, else the machine's."""
    beside = Path(sys.executable).with_name("uv")
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise NotInstalledError("uv was not found; `make setup` brings it")
    return found
