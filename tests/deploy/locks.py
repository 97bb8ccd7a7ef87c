"""The lock files: what they pin, and with which hashes."""

import re
from collections.abc import Iterator
from typing import Final

from tests.docs.markdown import ROOT

LOCKS: Final = {path.stem: path for path in sorted((ROOT / "requirements").glob("*.lock"))}

_ENTRY = re.compile(
    r"^(?P<requirement>[A-Za-z0-9][^\\\n#]*?) *(?P<hashes>(?:\\\n +--hash=sha256:[0-9a-f]{64} *)*)$", re.MULTILINE
)


def entries(name: str) -> Iterator[tuple[str, int]]:
    """Every requirement of a lock file (`aiohttp==3.14.5 ; python_version < "3.14"`), with how many hashes it has."""
    for found in _ENTRY.finditer(LOCKS[name].read_text(encoding="utf-8")):
        yield found["requirement"].strip(), found["hashes"].count("--hash=")


def locked(name: str) -> list[str]:
    """The requirements of a lock file."""
    return [requirement for requirement, _ in entries(name)]
