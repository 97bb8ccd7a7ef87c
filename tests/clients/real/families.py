"""The vendors that every client is tried with, and the gateway in front of them."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import yaml

from tests.clients.real.vendor.protocols import Chat, Gemini, Messages
from tests.clients.real.vendor.stand_in import StandIns
from tests.strict.chat_servers import DEEPSEEK, OPENAI, OPENROUTER, Server
from tests.vendors.process import Process
from tests.vendors.server import Vendor

KEY: Final = "sk-real-clients-0123456789abcdef"
VENDOR_KEY: Final = "sk-vendor-0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Family:
    """One vendor: the settings of its provider, the path of its API, and the model. `server` is the row of a server of
    Chat Completions. `lacks` is what the vendor itself does not have, by scenario."""

    settings: Mapping[str, str]
    path: str
    model: str
    server: Server | None = None
    lacks: Mapping[str, str] = field(default_factory=dict)

    def alias(self, name: str) -> str:
        """What clients ask for. Some of them let only models think whose names they know."""
        return f"gpt-5.5-{name.replace('_', '-')}"


def _chat(server: Server, model: str, **lacks: str) -> Family:
    return Family({"type": "openai_chat", "dialect": server.name}, "/v1", model, server, lacks)


FAMILIES: Final[Mapping[str, Family]] = {
    "anthropic": Family({"type": "anthropic"}, "", "claude-opus-5"),
    "gemini": Family({"type": "gemini"}, "/v1beta", "gemini-3.5-flash"),
    "openrouter": _chat(OPENROUTER, "anthropic/claude-sonnet-5"),
    "openai_chat": _chat(OPENAI, "gpt-5.5", reasoning="Chat Completions of OpenAI gives no thoughts away"),
    "deepseek": _chat(DEEPSEEK, "deepseek-v4", image="its models see no images"),
}
"""Chat Completions is one family of three, and differs most from server to server."""


def configuration(vendor_url: str) -> dict[str, Any]:
    """The gateway's settings: usual ones, all vendors, an alias for each, and one client."""
    return {
        "listen": "127.0.0.1:0",
        "grace": "200ms",
        "providers": {
            name: {
                **family.settings,
                "base_url": vendor_url + family.path,
                "api_key": VENDOR_KEY,
                "list_models": False,
            }
            for name, family in FAMILIES.items()
        },
        "models": {
            f"{maker}{family.alias(name)}": f"{name}/{family.model}"
            for name, family in FAMILIES.items()
            for maker in ("", "house-")
        },
        "codex": True,
        "clients": [{"name": "real", "key": KEY}],
    }


class Journal:
    """What the gateway logged, and what the vendors refused."""

    def __init__(self, vendors: StandIns) -> None:
        self._vendors = vendors
        self.lines: list[bytes] = []

    @property
    def faults(self) -> list[str]:
        """What a good run has none of, each once: refusals, entries of errors, and lines that are no entries."""
        refusals = [f"a vendor refused {each.path}: {each.complaints[0].message}" for each in self._vendors.refused]
        logged = [f"the gateway logged {fault}" for line in self.lines if (fault := _fault(line)) is not None]
        return [f"{fault} ({times} times)" for fault, times in Counter(refusals + logged).items()]


def _fault(line: bytes) -> str | None:
    """What is wrong with a line of the log: the end of it says the most."""
    try:
        entry = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line.decode(errors="replace").strip()[-500:]
    if entry.get("level") not in ("error", "critical"):
        return None
    return f"{entry['event']}: {(entry.get('exception') or entry.get('error') or line.decode())[-500:]}"


@asynccontextmanager
async def running() -> AsyncIterator[tuple[str, Journal]]:
    """A gateway in a process of its own, before the vendors; its address and what it logs."""
    servers = {family.model: family.server for family in FAMILIES.values() if family.server is not None}
    vendors = StandIns(Chat(VENDOR_KEY, servers), Messages(VENDOR_KEY), Gemini(VENDOR_KEY))
    journal = Journal(vendors)
    with tempfile.TemporaryDirectory() as folder:
        async with Vendor() as vendor:
            vendor.responder = vendors
            settings = Path(folder, "dragoman.yaml")
            written = yaml.safe_dump(configuration(vendor.url), sort_keys=False)
            await asyncio.to_thread(settings.write_text, written, encoding="utf-8")
            async with Process("serve", "--config", str(settings)) as process:
                port = await process.listening()
                try:
                    yield f"http://127.0.0.1:{port}/v1", journal
                finally:
                    process.process.terminate()
                    await process.end()
                    journal.lines.extend(process.log.splitlines())
