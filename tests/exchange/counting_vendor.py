"""A vendor with a token counter, and a gateway in front of it: no sockets, the counter's answers are canned."""

from collections.abc import Callable, Mapping
from typing import Any, cast

import orjson
from pydantic import BaseModel

from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.gateway import Gateway
from proxy.exchange.prepare import Rules, prepare
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, CannedAnswer, Decoder, Http, Prepared, Provider
from proxy.provider.conversions import approximated, refuse
from proxy.provider.errors import ProviderError
from proxy.provider.history import MessageItem
from proxy.responses.events import Event
from proxy.responses.request import parse_create
from proxy.responses.seal import Sealer, SealKey
from proxy.upstream.client import HttpClient, Upstream
from proxy.usage.estimate import Estimator
from proxy.usage.metrics import Metrics

SEALER = Sealer([SealKey("k", b"k" * 32)])

Counter = Callable[[Prepared], int | CannedAnswer]


class NoSettings(BaseModel):
    """Nothing to set."""


class CountingVendor(Provider):
    """Counts as `counter` says, if there is one, and refuses a user who says `REFUSE`."""

    type = "counting"
    Settings = NoSettings

    def __init__(self, settings: BaseModel, name: str) -> None:
        self.counter: Counter | None = None
        self.denied: ProviderError | None = None
        self.asked: list[list[str]] = []

    @property
    def base_url(self) -> str:
        return "https://vendor.example"

    def capabilities(self, model: str) -> Capabilities:
        return Capabilities(family="family")

    def encode(self, prepared: Prepared) -> Call:
        prepared.conversions.append(approximated("temperature", "rounded"))
        for item in prepared.items:
            if isinstance(item, MessageItem) and item.parts[0]["text"] == "REFUSE":
                refuse(item.path, "Not that.")
        return Call("/chat", orjson.dumps([repr(item) for item in prepared.items]))

    def encode_count(self, prepared: Prepared) -> Call | None:
        if self.counter is None:
            return None
        body = self.encode(prepared).body
        answer = self.counter(prepared)
        if isinstance(answer, int):
            answer = number(answer)
        self.asked.append([item.path for item in prepared.items])
        return Call("/count", body, canned=answer)

    def decode_count(self, body: bytes) -> int:
        return int(body)

    async def authorize(self, call: Call, http: Http) -> Mapping[str, str]:
        if self.denied is not None:
            raise self.denied
        return {}

    def decoder(self, prepared: Prepared) -> Decoder:
        raise NotImplementedError

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        raise NotImplementedError


def number(tokens: int) -> CannedAnswer:
    """The counter's answer."""
    return CannedAnswer(200, {}, [b"%d" % tokens])


class House:
    """The gateway, and the vendor behind its only endpoint. `window` is the model's context window."""

    def __init__(self, estimator: Estimator, window: int | None = None, counter: Counter | None = None) -> None:
        self.vendor = CountingVendor(NoSettings(), "house")
        self.vendor.counter = counter
        changes = {"model": {"context_window": window}}
        self.endpoint = Endpoint("house", self.vendor, cast(HttpClient, None), changes=changes)
        self.target = Target(self.endpoint, "model")
        unused: Any = None
        self.gateway = Gateway(
            endpoints={"house": self.endpoint},
            names=unused,
            upstream=Upstream(),
            sealer=SEALER,
            metrics=Metrics(),
            estimator=estimator,
            store=unused,
            prices=unused,
            ledger=unused,
            spending=unused,
        )

    def prepared(self, *items: Mapping[str, Any] | str, inherited: int = 0, **body: Any) -> Prepared:
        """A request with these items; a text is a message of the user. The first `inherited` come from state."""
        given = [{"role": "user", "content": item} if isinstance(item, str) else item for item in items]
        request = parse_create({"model": "m", "input": given, "truncation": "auto", **body})
        return prepare(
            request, self.target, rules=Rules(history="repair"), sealer=SEALER, client="c", inherited=inherited
        )[0]
