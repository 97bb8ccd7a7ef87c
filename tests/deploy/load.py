"""A load whose every token and dollar is known: by what the answers said, and by prices multiplied by hand."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Self

import aiohttp
import orjson

CONFIGURATION: Final[Mapping[str, Any]] = {
    "listen": "127.0.0.1:0",
    "store": "memory://",
    "limits": {"store": "24KiB"},
    "on_disconnect": {"drain": "50ms"},
    "admin": {"listen": "127.0.0.1:0", "key": "administration-0123456789"},
    "providers": {
        "lab": {
            "type": "scripted",
            "models": {
                "large": {"price": {"input": 2, "output": 8, "cache_read": 0.5, "cache_write_5m": 2.5}},
                "small": {"price": {"input": 0.1, "output": 0.4}},
                "new": {},
            },
        },
        "spare": {"type": "scripted", "models": {"large": {"price": {"input": 3, "output": 15}}}},
    },
    "clients": [
        {"name": "shop", "key": "sk-shop", "budget": [{"usd": 1, "per": "day"}, {"usd": 20, "per": "month"}]},
        {"name": "desk", "key": "sk-desk", "limits": {"requests_per_minute": 3}},
        {"name": "poor", "key": "sk-poor", "budget": {"usd": 0.01, "per": "total"}},
        {"name": "walker", "key": "sk-walker"},
    ],
}

PRICES: Final[Mapping[str, Mapping[str, str]]] = {
    "lab/large": {"input": "2", "cache_read": "0.5", "cache_write": "2.5", "output": "8", "reasoning": "8"},
    "lab/small": {"input": "0.1", "cache_read": "0.1", "cache_write": "0.1", "output": "0.4", "reasoning": "0.4"},
    "spare/large": {"input": "3", "cache_read": "3", "cache_write": "3", "output": "15", "reasoning": "15"},
}
"""USD per million tokens of each kind."""

KINDS: Final = ("input", "cache_read", "cache_write", "output", "reasoning")


@dataclass(slots=True)
class Told:
    """What clients were told, added up: requests by client, provider, model and outcome; tokens by client, provider,
    model and kind; USD by client, provider and model; the amounts of `x-dragoman-cost-usd`; refusals by client."""

    requests: Counter[tuple[str, ...]] = field(default_factory=Counter)
    tokens: Counter[tuple[str, ...]] = field(default_factory=Counter)
    estimated_tokens: int = 0
    unpriced_tokens: int = 0
    cost: dict[tuple[str, ...], Decimal] = field(default_factory=dict)
    estimated_cost: Decimal = Decimal(0)
    in_headers: Decimal = Decimal(0)
    by_hand: Decimal = Decimal(0)
    limited: Counter[tuple[str, ...]] = field(default_factory=Counter)
    attempts: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def ended(self, client: str, target: str, outcome: str) -> None:
        """A request came to its end."""
        self.requests[client, *target.split("/"), outcome] += 1

    def answered(self, client: str, target: str, response: Mapping[str, Any], headers: Mapping[str, str]) -> None:
        """A response was received whole."""
        self.ended(client, target, response["status"])
        self.attempts[target.partition("/")[0], "ok"] += 1
        counted = _disjoint(response["usage"])
        for kind, number in counted.items():
            if number:
                self.tokens[client, *target.split("/"), kind] += number
        estimated = headers.get("x-dragoman-usage-source") == "estimated"
        self.estimated_tokens += sum(counted.values()) if estimated else 0
        if target not in PRICES:
            self.unpriced_tokens += sum(counted.values())
            return
        cost = sum((number * Decimal(PRICES[target][kind]) for kind, number in counted.items()), Decimal(0)) / 10**6
        key = (client, *target.split("/"))
        self.cost[key] = self.cost.get(key, Decimal(0)) + cost
        self.estimated_cost += cost if estimated else 0
        if "x-dragoman-cost-usd" in headers:
            self.in_headers += Decimal(headers["x-dragoman-cost-usd"])
            self.by_hand += cost


class Clients:
    """The clients of one gateway."""

    def __init__(self, url: str, told: Told) -> None:
        self._url = f"{url}/v1/responses"
        self._told = told

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def plain(self, client: str, target: str, script: str, **parameters: Any) -> None:
        """A request whose answer is one piece."""
        status, headers, body = await self._post(client, {"model": target, "input": script, **parameters})
        assert status == 200, body
        self._told.answered(client, target, orjson.loads(body), headers)

    async def stream(self, client: str, target: str, script: str, **parameters: Any) -> None:
        """A stream that is read to its end. Its headers are sent before anybody knows its cost."""
        status, _, body = await self._post(client, {"model": target, "input": script, "stream": True, **parameters})
        assert status == 200, body
        event = body.rpartition(b"event: response.")[2].partition(b"data: ")[2].partition(b"\n")[0]
        self._told.answered(client, target, orjson.loads(event)["response"], {})

    async def background(self, client: str, target: str, script: str) -> None:
        """A background response, asked for until it has ended."""
        status, _, body = await self._post(client, {"model": target, "input": script, "background": True})
        assert status == 200, body
        response = orjson.loads(body)
        async with asyncio.timeout(10):
            while response["status"] in ("queued", "in_progress"):
                async with self._session.get(f"{self._url}/{response['id']}", headers=_key(client)) as answer:
                    response = orjson.loads(await answer.read())
        self._told.answered(client, target, response, {})

    async def leaving(self, client: str, target: str, script: str) -> None:
        """A stream whose client leaves after the first piece of text."""
        request = {"model": target, "input": script, "stream": True}
        async with self._session.post(self._url, json=request, headers=_key(client)) as answer:
            assert answer.status == 200
            async for line in answer.content:
                if line.startswith(b"event: response.output_text.delta"):
                    break
            answer.close()
        self._told.ended(client, target, "cancelled")

    async def failing(self, client: str, target: str, script: str, status: int, outcome: str, calls: int) -> None:
        """A request that the vendor fails, each time that it is tried."""
        found, _, body = await self._post(client, {"model": target, "input": script})
        assert found == status, body
        self._told.ended(client, target, "failed")
        self._told.attempts[target.partition("/")[0], outcome] += calls

    async def rejected(self, client: str, request: Mapping[str, Any]) -> None:
        """A request that the gateway refuses."""
        status, _, body = await self._post(client, request)
        assert status == 400, body
        self._told.ended(client, "none/none", "rejected")

    async def limited(self, client: str, target: str, limit: str) -> None:
        """A request that is too much for its client."""
        status, _, body = await self._post(client, {"model": target, "input": "/say Hello", "max_output_tokens": 100})
        assert status == 429, body
        self._told.ended(client, "none/none", "rejected")
        self._told.limited[client, limit] += 1

    async def _post(self, client: str, request: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        async with self._session.post(self._url, json=request, headers=_key(client)) as answer:
            return answer.status, answer.headers, await answer.read()


async def play(url: str, told: Told, *, first: bool) -> None:
    """One round of the load. A client is out of its budget, and another has asked too often, from the first one on."""
    async with Clients(url, told) as clients:
        await asyncio.gather(*_round(clients, first=first))


def _round(clients: Clients, *, first: bool) -> Sequence[Any]:
    cached = "/usage in=1000 cached=400 written=100 out=70 reasoning=20\n/think Let me see.\n/say Hello there."
    works: list[Any] = [
        clients.plain("shop", "lab/large", cached),
        clients.stream("shop", "lab/large", cached),
        clients.plain("shop", "lab/large", "/usage in=31 out=7\n/say Without losses, but one.", top_logprobs=3),
        clients.plain("shop", "lab/small", "/usage none\n/say Nobody counted this."),
        clients.plain("shop", "lab/new", "/usage in=700 out=30\n/say What does it cost?"),
        clients.plain("shop", "lab/large", "/repeat 30 word ", max_output_tokens=16),
        clients.background("shop", "spare/large", "/usage in=11 out=5\n/say In a while."),
        clients.stream("shop", "spare/large", "/pace 0.02\n/usage in=900 out=12\n/say one two three four five six"),
        clients.failing("shop", "lab/large", "/fail 503", 503, "overloaded", 2),
        clients.failing("shop", "spare/large", "/fail 429 class=quota", 429, "rate_limited", 1),
        clients.leaving("walker", "lab/large", "/pace 0.05\n/repeat 200 word "),
        clients.rejected("shop", {"model": "lab/large", "input": "/nonsense"}),
        *(clients.plain("walker", "lab/small", f"/usage in={100 + n} out=10\n/say Hello.") for n in range(10)),
    ]
    return [*works, _desk(clients, first=first), _poor(clients, first=first)]


async def _desk(clients: Clients, *, first: bool) -> None:
    for _ in range(3 if first else 0):
        await clients.plain("desk", "lab/small", "/usage in=20 out=10\n/say Hello.")
    await clients.limited("desk", "lab/small", "requests")


async def _poor(clients: Clients, *, first: bool) -> None:
    if first:
        await clients.plain("poor", "lab/large", "/usage in=2000 out=1000\n/say Hello.", max_output_tokens=100)
    await clients.limited("poor", "lab/large", "budget")


def _disjoint(usage: Mapping[str, Any]) -> dict[str, int]:
    read = usage["input_tokens_details"]["cached_tokens"]
    written = usage["input_tokens_details"].get("cache_write_tokens", 0)
    reasoning = usage["output_tokens_details"]["reasoning_tokens"]
    fresh = usage["input_tokens"] - read - written
    numbers = (fresh, read, written, usage["output_tokens"] - reasoning, reasoning)
    return dict(zip(KINDS, numbers, strict=True))


def _key(client: str) -> dict[str, str]:
    return {"authorization": f"Bearer sk-{client}"}
