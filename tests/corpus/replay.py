"""Plays a recorded answer to a Run of the exchange: no network, no event loop, no clock, no chance.

It is the product's own Run, decoder, tool table and assembler; only the connection, the time, the random ids and the
tokenizer are replaced. Equal bytes of a vendor give equal bytes for the client.
"""

import time
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count, pairwise
from typing import Any, TypeVar, cast
from unittest import mock

import orjson

from config.naming import Names
from providers.anthropic import Anthropic, AnthropicSettings
from providers.gemini import Gemini, GeminiSettings
from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialect import Dialect
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.prepare import encode, prepare
from proxy.exchange.run import Run, Work
from proxy.provider.contract import Call, Prepared, Provider
from proxy.provider.families import Families
from proxy.responses import identifiers, sse
from proxy.responses.errors import ResponsesError
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.seal import Sealer, SealKey
from proxy.responses.usage import NO_TOKENS, TokenCount
from proxy.state.store import Store
from proxy.upstream.client import Answer, HttpClient, Upstream
from proxy.usage.estimate import Estimator
from proxy.usage.ledger import Ledger
from proxy.usage.metrics import Metrics
from proxy.usage.prices import PriceBook
from proxy.usage.spending import SpendWriter

from .recordings import Recording

ResultT = TypeVar("ResultT")

ESTIMATED = TokenCount(1, 0, 0, 0, 1, 0)
"""Stands for an answer whose vendor gave no usage."""

NOW = 1_700_000_000.0


@dataclass(frozen=True, slots=True)
class Replay:
    """What the client gets. `body`: the SSE body, empty for a plain answer. `response`: the object of the terminal
    event, or the plain answer. `error`: why the answer failed; `before_output`: while it could still be an HTTP error
    (`body` is then that of a stream that time had committed). `usage_source`: whose counts these are. `journal`: what a
    store would get, None for a plain answer. `count`: what is to be paid for."""

    body: bytes
    response: dict[str, Any]
    error: ResponsesError | None
    before_output: bool
    usage_source: str
    journal: bytes | None
    count: TokenCount

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of the body."""
        datas = (line.removeprefix(b"data: ") for line in self.body.split(b"\n") if line.startswith(b"data: {"))
        return [orjson.loads(data) for data in datas]


def provider_of(recording: Recording) -> Provider:
    """The provider that reads the recording."""
    if recording.family == "anthropic":
        return Anthropic(AnthropicSettings(), "anthropic")
    if recording.family == "gemini":
        return Gemini(GeminiSettings(), "gemini")
    return OpenAIChat(OpenAIChatSettings(base_url="http://vendor.test/v1", dialect=recording.dialect), "chat")


def provider_with(dialect: Dialect) -> Provider:
    """A provider with a dialect that is not in the table."""
    provider = OpenAIChat(OpenAIChatSettings(base_url="http://vendor.test/v1", dialect="generic"), "chat")
    provider._families = Families(dialect)
    return provider


def pieces_at(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The body, cut at the positions."""
    places = sorted({0, len(body), *(cut for cut in cuts if 0 < cut < len(body))})
    return [body[start:end] for start, end in pairwise(places)]


def replay(
    recording: Recording,
    *,
    stream: bool | None = None,
    cuts: Iterable[int] = (),
    body: bytes | None = None,
    content_type: str | None = None,
    provider: Provider | None = None,
) -> Replay:
    """Play the recording, its body in pieces that end at the cuts.

    `stream`: the client streams (None: as recorded). `body` and `content_type` replace what was recorded.
    """
    answer = _Answer(
        pieces_at(recording.body if body is None else body, cuts),
        {"content-type": content_type or recording.content_type},
    )
    endpoint = Endpoint("vendor", provider or provider_of(recording), cast(HttpClient, None))
    request = parse_create(
        {
            "model": recording.model,
            "input": "ping",
            "stream": recording.stream if stream is None else stream,
            "max_output_tokens": 1000,
            "tools": [{"type": "function", "name": name} for name in recording.tools],
        }
    )
    with _without_chance():
        target = Target(endpoint, recording.model)
        gateway = _gateway(answer)
        prepared, offered = prepare(request, target, rules=gateway.rules, sealer=gateway.sealer, client=Client().name)
        # A plain answer may be read from a stream and the other way round: what counts is what the vendor sent.
        call = _as_sent(encode(prepared, target, gateway.rules), answer)
        work = Work(target, prepared, offered.table, call)
        return _played(Run(gateway, request, Client(), work, opening(request), arrived=0.0))


def _as_sent(call: Call, answer: "_Answer") -> Call:
    return Call(call.path, call.body, call.headers, stream="json" not in answer.headers["content-type"])


def _played(run: Run) -> Replay:
    pieces: list[bytes] = []
    before_output = False
    try:
        more = True
        while more:
            more = _now(run.advance())
            pieces.append(sse.frame(run.assembler.take()))
    except ResponsesError as error:
        before_output = True
        _now(run.fail(error))
        pieces.append(sse.frame(run.assembler.take()))
    body = b"".join(pieces) + sse.DONE if run.prepared.stream else b""
    response: dict[str, Any] = orjson.loads(orjson.dumps(run.assembler.response))
    count = run.usage or NO_TOKENS
    return Replay(body, response, run.error, before_output, run.usage_source, run.assembler.journal(), count)


def _now(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of a coroutine that has nothing to wait for."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
    coroutine.close()
    raise AssertionError("the run waits for something")


# --- what is replaced -------------------------------------------------------------------------------------------------


@contextmanager
def _without_chance() -> Iterator[None]:
    """Ids are numbered and the clock stands still."""
    numbers = count(1)

    def item_id(prefix: str = "resp") -> str:
        return f"{prefix}_{next(numbers):048x}"

    def call_id() -> str:
        return f"call_{next(numbers):024x}"

    with (
        mock.patch.multiple(identifiers, response_id=item_id, item_id=item_id, call_id=call_id),
        mock.patch.object(time, "time", return_value=NOW),
    ):
        yield


class _Answer:
    def __init__(self, pieces: Sequence[bytes], headers: Mapping[str, str]) -> None:
        self.status = 200
        self.headers = headers
        self._pieces = iter(pieces)

    async def read(self) -> bytes:
        return b"".join(self._pieces)

    async def next_piece(self) -> bytes:
        return next(self._pieces, b"")

    def listen(self, listener: Callable[[], None] | None) -> bool:
        return False

    def piece_now(self) -> bytes | None:
        return None

    @property
    def ended(self) -> bool:
        return True

    def abort(self) -> None:
        """There is no connection."""


class _Upstream:
    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def send(
        self, base_url: str, call: Call, headers: Mapping[str, str], timeouts: object, sent: Callable[[], None]
    ) -> Answer:
        sent()
        return self._answer


class _Estimator:
    async def estimate(self, prepared: Prepared, output: Sequence[Mapping[str, object]]) -> TokenCount:
        return ESTIMATED


@cache
def _metrics() -> Metrics:
    return Metrics()


def _gateway(answer: Answer) -> Gateway:
    return Gateway(
        endpoints={},
        names=cast(Names, None),
        upstream=cast(Upstream, _Upstream(answer)),
        store=cast(Store, None),
        prices=cast(PriceBook, None),
        ledger=cast(Ledger, None),
        spending=cast(SpendWriter, None),
        sealer=Sealer([SealKey("test", bytes(32))]),
        metrics=_metrics(),
        estimator=cast(Estimator, _Estimator()),
        attempts=1,
    )
