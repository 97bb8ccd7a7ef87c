"""The gateway under test: the real server on a free port, from a written configuration."""

import asyncio
import copy
import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import openai
import orjson
import yaml
from prometheus_client.parser import text_string_to_metric_families

from config.loader import load
from proxy.app import Plugins, Server
from proxy.testing.grammar import check_response, check_stream
from tests.vendors.server import Vendor

MODELS = {
    "openai_chat": "chat/gpt-4o",
    "anthropic": "claude/claude-sonnet-5",
    "gemini": "google/gemini-3.5-flash",
    "responses": "native/gpt-5.6-sol",
    "openrouter": "router/gpt-4o",
    "mistral": "mistral/mistral-large-latest",
    "scripted": "toy/any",
}
"""What to ask for to reach the vendor in each protocol, and in some dialects of the first one."""

PROTOCOLS = ("openai_chat", "anthropic", "gemini", "responses")

DIALECTS = ("openrouter", "mistral")

VENDOR_KEYS = {
    "chat": "sk-vendor-chat",
    "claude": "sk-vendor-claude",
    "google": "sk-vendor-google",
    "native": "sk-vendor-native",
    "router": "sk-vendor-router",
    "mistral": "sk-vendor-mistral",
}


def configuration(vendor_url: str, **changes: Any) -> dict[str, Any]:
    """A gateway in front of the vendor in every protocol, and the scripted model; `changes` are merged in."""
    base: dict[str, Any] = {
        "listen": "127.0.0.1:0",
        "grace": "200ms",
        "on_disconnect": {"drain": "100ms"},
        "store": "memory://",
        "providers": {
            "chat": {
                "type": "openai_chat",
                "base_url": f"{vendor_url}/v1",
                "api_key": VENDOR_KEYS["chat"],
                "dialect": "openai",
            },
            "claude": {"type": "anthropic", "base_url": vendor_url, "api_key": VENDOR_KEYS["claude"]},
            "google": {"type": "gemini", "base_url": f"{vendor_url}/v1beta", "api_key": VENDOR_KEYS["google"]},
            "native": {
                "type": "responses",
                "base_url": f"{vendor_url}/v1",
                "api_key": VENDOR_KEYS["native"],
                "profile": "openai",
            },
            **{
                name: {
                    "type": "openai_chat",
                    "base_url": f"{vendor_url}/v1",
                    "api_key": VENDOR_KEYS[name],
                    "dialect": dialect,
                }
                for name, dialect in (("router", "openrouter"), ("mistral", "mistral"))
            },
            "toy": {"type": "scripted"},
        },
    }
    return _merged(base, changes)


def with_timeout(**timeout: str) -> dict[str, Any]:
    """The change that gives every vendor these time-outs."""
    return {name: {"timeout": timeout} for name in VENDOR_KEYS}


def _merged(base: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = copy.copy(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merged(merged[key], value) if both else value
    return merged


class Whole:
    """An HTTP answer that was read to its end."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return orjson.loads(self.body)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of a stream."""
        frames = self.body.decode().split("\n\n")
        lines = [line for frame in frames for line in frame.split("\n") if line.startswith("data: {")]
        return [orjson.loads(line.removeprefix("data: ")) for line in lines]

    @property
    def terminal(self) -> dict[str, Any]:
        """The terminal event of a stream that keeps to the rules."""
        assert self.status == 200, self.body
        assert self.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert check_stream(self.body) == []
        return self.events[-1]

    @property
    def response(self) -> dict[str, Any]:
        """The response of a plain answer, or of a stream's terminal event."""
        assert self.status == 200, self.body
        response: dict[str, Any] = self.terminal["response"] if self.body[:6] == b"event:" else self.json
        assert check_response(response) == []
        return response

    @property
    def text(self) -> str:
        """The response's text."""
        return "".join(
            part["text"] for item in self.response["output"] if item["type"] == "message" for part in item["content"]
        )

    @property
    def error(self) -> dict[str, Any]:
        """The error of an answer that has OpenAI's envelope."""
        assert self.status >= 400
        assert self.headers["content-type"].startswith("application/json")
        assert self.headers["x-request-id"].startswith("req_")
        assert self.json.keys() == {"error"}
        error: dict[str, Any] = self.json["error"]
        assert error.keys() == {"message", "type", "param", "code"}
        assert isinstance(error["message"], str)
        assert error["message"]
        assert isinstance(error["type"], str)
        assert "Traceback" not in error["message"]
        return error


class Gateway:
    """A running gateway and a plain HTTP client for it."""

    def __init__(self, server: Server, http: aiohttp.ClientSession, port: int) -> None:
        self.server = server
        self.http = http
        self.port = port
        self.wires: list[Wire] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def openai(self, key: str = "sk-any") -> openai.AsyncOpenAI:
        """The SDK's client."""
        return openai.AsyncOpenAI(base_url=f"{self.url}/v1", api_key=key, max_retries=0, timeout=20)

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: bytes | io.BytesIO | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Whole:
        """One request and its whole answer."""
        async with self.http.request(method, f"{self.url}{path}", data=body, headers=headers) as answer:
            return Whole(answer.status, answer.headers, await answer.read())

    async def create(self, *, key: str | None = None, path: str = "/v1/responses", **body: Any) -> Whole:
        """POST a response request."""
        headers = {"content-type": "application/json"}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return await self.request("POST", path, body=orjson.dumps(body), headers=headers)

    async def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's samples that carry these labels."""
        return sum(
            value
            for found, carried, value in await self.samples()
            if found == name and labels.items() <= carried.items()
        )

    async def samples(self) -> list[tuple[str, dict[str, str], float]]:
        """All samples of `/metrics`."""
        answer = await self.request("GET", "/metrics")
        assert answer.status == 200
        return [
            (sample.name, dict(sample.labels), sample.value)
            for family in text_string_to_metric_families(answer.body.decode())
            for sample in family.samples
        ]

    async def open(self, *, key: str = "sk-any", **body: Any) -> "Wire":
        """POST a response request over a connection that the test reads and closes itself."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        content = orjson.dumps(body)
        writer.write(
            b"POST /v1/responses HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n"
            b"authorization: Bearer %b\r\ncontent-length: %d\r\n\r\n%b" % (key.encode(), len(content), content)
        )
        await writer.drain()
        self.wires.append(wire := Wire(reader, writer))
        return wire


class Wire:
    """One end of a TCP connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def until(self, mark: bytes) -> bytes:
        """Everything up to the mark, which has to come within ten seconds."""
        async with asyncio.timeout(10):
            return await self.reader.readuntil(mark)

    async def close(self) -> None:
        """Leave."""
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


class Gateways:
    """Starts gateways in front of a vendor, and stops them."""

    def __init__(self, vendor: Vendor, folder: Path) -> None:
        self._vendor = vendor
        self._folder = folder
        self._running: list[Gateway] = []

    async def start(self, **changes: Any) -> Gateway:
        """A gateway with the usual configuration and these changes."""
        path = self._folder / f"dragoman-{len(self._running)}.yaml"
        path.write_text(yaml.safe_dump(configuration(self._vendor.url, **changes), sort_keys=False))
        plugins = Plugins()
        server = Server(load(path, {}, plugins), plugins)
        await server.start()
        connector = aiohttp.TCPConnector(limit=0)
        gateway = Gateway(server, aiohttp.ClientSession(connector=connector, auto_decompress=False), server.port)
        self._running.append(gateway)
        return gateway

    async def stop(self) -> None:
        """Stop them all."""
        for gateway in self._running:
            for wire in gateway.wires:
                await wire.close()
            await gateway.http.close()
            await gateway.server.stop()
