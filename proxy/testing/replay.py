"""Plays a vendor's answer to a Run of the gateway: no network, no event loop, no clock, no chance.

It is the gateway's own Run, decoder, tool table and assembler; only the connection, the credentials and the tokenizer
are replaced. Ids and times are replaced in what comes out, so that equal bytes of a vendor give equal bytes for the
client.
"""

import re
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import Any, Final, NamedTuple, TypeVar, cast

import orjson

from config.naming import Names
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.gateway import Client, Gateway
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.exchange.run import Run
from proxy.exchange.tools import Offer
from proxy.exchange.work import Work
from proxy.provider.contract import Call, Decoder, Frame, Framing, Prepared, Provider
from proxy.provider.conversions import Conversion
from proxy.provider.errors import ProviderError
from proxy.responses import sse
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Event
from proxy.responses.request import CreateRequest, parse_create
from proxy.responses.response import opening
from proxy.responses.seal import Sealer, SealKey
from proxy.responses.usage import NO_TOKENS, TokenCount
from proxy.state.store import Store
from proxy.testing.event_types import check_event
from proxy.testing.exchange import Exchange
from proxy.upstream.client import Answer, HttpClient, Upstream
from proxy.usage.estimate import Estimator
from proxy.usage.ledger import Ledger
from proxy.usage.metrics import Metrics
from proxy.usage.prices import PriceBook
from proxy.usage.spending import SpendWriter

ResultT = TypeVar("ResultT")

ESTIMATED: Final = TokenCount(1, 0, 0, 0, 1, 0)
"""Stands for an answer whose vendor gave no usage."""

NOW: Final = 1_700_000_000
"""The time of every response that is played, in seconds since the epoch."""

CONTENT_TYPES: Final[Mapping[Framing, str]] = {
    "sse": "text/event-stream",
    "ndjson": "application/x-ndjson",
    "aws_event_stream": "application/vnd.amazon.eventstream",
}
"""What a stream in a framing is called."""

SEALER: Final = Sealer([SealKey("test", bytes(32))])


class WaitsError(Exception):
    """What should be ready waits for something."""


@dataclass(frozen=True, slots=True)
class Played:
    """What the client gets. `body`: the SSE body, empty for a plain answer. `response`: the object of the terminal
    event, or the plain answer. `error`: why the answer failed; `before_output`: while it could still be an HTTP error
    (`body` is then that of a stream that time had committed). `usage_source`: whose counts these are. `count`: what is
    to be paid for. `call`: what the vendor was sent; `prepared`: for which request, `conversions` what it lost. `made`
    is what came out before its ids and times were replaced. `neutral` are the events that the provider gave, `raised`
    is the exception that it raised when it read the answer."""

    body: bytes
    response: dict[str, Any]
    error: ResponsesError | None
    before_output: bool
    usage_source: str
    count: TokenCount
    call: Call
    prepared: Prepared
    conversions: Sequence[Conversion]
    made: "Made"
    neutral: Sequence[Event]
    raised: Exception | None

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events of the body."""
        datas = (line.removeprefix(b"data: ") for line in self.body.split(b"\n") if line.startswith(b"data: {"))
        return [orjson.loads(data) for data in datas]


class Made(NamedTuple):
    """What a client and a store would really get: the SSE body, the response as JSON, and the journal of a stream."""

    body: bytes
    response: bytes
    journal: bytes | None


@dataclass(frozen=True, slots=True)
class Translated:
    """A request on its way to the vendor."""

    request: CreateRequest
    target: Target
    prepared: Prepared
    offered: Offer
    call: Call


def play(
    provider: Provider,
    exchange: Exchange,
    *,
    stream: bool | None = None,
    cuts: Iterable[int] = (),
    answer: bytes | None = None,
    content_type: str | None = None,
) -> Played:
    """Play the exchange, the vendor's body in pieces that end at the cuts.

    `stream`: the client streams (None: as the vendor did). `answer` and `content_type` replace what the exchange has; a
    JSON content type makes a whole answer of it. Raises ResponsesError for a request that is refused before it is sent.
    """
    body = exchange.answer if answer is None else answer
    streaming = exchange.stream if stream is None else stream
    watched = _Watched(provider)
    translated = translate(watched, exchange.model, exchange.request, stream=streaming)
    prepared, call = translated.prepared, translated.call
    if streaming is not exchange.stream:
        # A plain answer may be read from a stream and the other way round: what counts is what the vendor sent.
        call = encode(replace(prepared, stream=exchange.stream, conversions=[]), translated.target, Rules())
    headers = dict(exchange.headers)
    if content_type is not None:
        headers["content-type"] = content_type
    elif "content-type" not in headers:
        streamed = exchange.stream and exchange.status_code < 400
        headers["content-type"] = CONTENT_TYPES[call.framing] if streamed else "application/json"
    streamed = exchange.stream if content_type is None else "json" not in content_type
    call = replace(call, stream=streamed)
    gateway = _gateway(_Upstream(exchange.status_code, headers, pieces_at(body, cuts)))
    work = Work(translated.target, prepared, translated.offered.table, call)
    run = Run(gateway, translated.request, Client(), work, opening(translated.request), arrived=0.0)
    return _played(run, watched, call, prepared, body)


def translate(
    provider: "Provider | _Watched",
    model: str,
    request: Mapping[str, object],
    *,
    stream: bool,
    rules: Rules | None = None,
) -> Translated:
    """What becomes of a request without `model` and `stream`. Raises ResponsesError for what is refused."""
    rules = rules or Rules()
    target = target_of(provider, model)
    whole = {"input": "ping", **copied(request), "model": model, "stream": stream}
    parsed = parse_create(whole)
    prepared, offered = prepare(parsed, target, rules=rules, sealer=SEALER, client=Client().name)
    return Translated(parsed, target, prepared, offered, encode(prepared, target, rules))


def target_of(provider: "Provider | _Watched", model: str) -> Target:
    """The provider's model, as requests are sent to it here."""
    return Target(Endpoint("vendor", cast(Provider, provider), cast(HttpClient, None)), model)


def framing_of(provider: Provider, exchange: Exchange) -> Framing:
    """How the vendor cuts the stream of the exchange into frames."""
    return translate(provider, exchange.model, exchange.request, stream=exchange.stream).call.framing


def pieces_at(body: bytes, cuts: Iterable[int]) -> list[bytes]:
    """The body, cut at the positions."""
    places = sorted({0, len(body), *(cut for cut in cuts if 0 < cut < len(body))})
    return [body[start:end] for start, end in pairwise(places)]


def copied(value: Mapping[str, object]) -> dict[str, Any]:
    """A copy that nobody else holds: reading a request may change it."""
    whole: dict[str, Any] = orjson.loads(orjson.dumps(value))
    return whole


def finished(coroutine: Coroutine[Any, Any, ResultT]) -> ResultT:
    """The result of a coroutine that has nothing to wait for. Raises WaitsError for one that has."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: ResultT = stop.value
        return result
    coroutine.close()
    raise WaitsError


# --- the run ----------------------------------------------------------------------------------------------------------


def _played(run: Run, watched: "_Watched", call: Call, prepared: Prepared, answer: bytes) -> Played:
    pieces: list[bytes] = []
    before_output = False
    try:
        more = True
        while more:
            more = finished(run.advance())
            pieces.append(sse.frame(run.assembler.take()))
    except ResponsesError as error:
        before_output = True
        finished(run.fail(error))
        pieces.append(sse.frame(run.assembler.take()))
    made = Made(
        b"".join(pieces) + sse.DONE if run.prepared.stream else b"",
        orjson.dumps(run.assembler.response),
        run.assembler.journal(),
    )
    names = _Names(answer + call.body)
    response: dict[str, Any] = orjson.loads(names.settled(made.response))
    played = Played(
        body=names.settled(made.body),
        response=response,
        error=run.error,
        before_output=before_output,
        usage_source=run.usage_source,
        count=run.usage or NO_TOKENS,
        call=call,
        prepared=prepared,
        conversions=[*run.prepared.conversions],
        made=made,
        neutral=watched.events,
        raised=watched.raised,
    )
    finished(run.close())
    return played


class _Names:
    """Numbers in the place of the ids that the gateway made, and one time for all."""

    _ID = re.compile(rb"\b[a-z]{2,6}_(?:[0-9a-f]{48}|[0-9a-f]{24})\b")
    _TIME = re.compile(rb'("(?:created_at|completed_at)":)\d+')

    def __init__(self, given: bytes) -> None:
        self._given = frozenset(self._ID.findall(given))
        self._known: dict[bytes, bytes] = {}

    def settled(self, text: bytes) -> bytes:
        return self._TIME.sub(b"\\g<1>%d" % NOW, self._ID.sub(self._number, text))

    def _number(self, found: re.Match[bytes]) -> bytes:
        name = found.group()
        if name in self._given:
            return name
        known = self._known.get(name)
        if known is None:
            prefix, _, random = name.partition(b"_")
            known = self._known[name] = prefix + b"_" + b"%0*x" % (len(random), len(self._known) + 1)
        return known


# --- what is replaced -------------------------------------------------------------------------------------------------


class _Watched:
    """The provider without credentials, and with one answer to everything: nothing amends a call or goes on with it.
    What it makes of the answer is written down."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider
        self.events: list[Event] = []
        self.raised: Exception | None = None

    def __getattr__(self, name: str) -> object:
        return getattr(self._provider, name)

    def decoder(self, prepared: Prepared) -> Decoder:
        return _WatchedDecoder(self, self._provider.decoder(prepared))

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        return [*self.watch(lambda: self._provider.decode(body, prepared))]

    def watch(self, read: Callable[[], Sequence[Event]]) -> Sequence[Event]:
        """The events that are read, written down."""
        try:
            events = read()
            for event in events:
                check_event(event)
        except Exception as error:
            self.raised = self.raised or error
            raise
        self.events += events
        return events

    async def authorize(self, call: Call, http: object) -> Mapping[str, str]:
        return {}

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        return False

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        try:
            return self._provider.error(status, headers, body)
        except Exception as error:
            self.raised = self.raised or error
            raise

    def amend(self, call: Call, error: ProviderError) -> None:
        return None

    def continuation(self, call: Call, decoder: Decoder) -> None:
        return None


class _WatchedDecoder:
    def __init__(self, watched: _Watched, decoder: Decoder) -> None:
        self._watched = watched
        self._decoder = decoder

    def feed(self, frame: Frame) -> Sequence[Event]:
        return self._watched.watch(lambda: self._decoder.feed(frame))

    def end(self) -> Sequence[Event]:
        return self._watched.watch(self._decoder.end)


class _Answer:
    def __init__(self, status: int, headers: Mapping[str, str], pieces: Sequence[bytes]) -> None:
        self.status = status
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
    """The same answer to every call."""

    def __init__(self, status: int, headers: Mapping[str, str], pieces: Sequence[bytes]) -> None:
        self._answer = status, headers, pieces

    async def send(
        self,
        base_url: str,
        call: Call,
        headers: Mapping[str, str],
        timeouts: object,
        sent: Callable[[], None],
        trust: object = None,
    ) -> Answer:
        sent()
        return _Answer(*self._answer)


class _Estimator:
    async def estimate(self, prepared: Prepared, output: Sequence[Mapping[str, object]]) -> TokenCount:
        return ESTIMATED


@cache
def _metrics() -> Metrics:
    return Metrics()


def _gateway(upstream: _Upstream) -> Gateway:
    """A gateway for one call. A run that is not kept and not paid for needs no store, names and prices."""
    return Gateway(
        endpoints={},
        names=cast(Names, None),
        upstream=cast(Upstream, upstream),
        store=cast(Store, None),
        prices=cast(PriceBook, None),
        ledger=cast(Ledger, None),
        spending=cast(SpendWriter, None),
        sealer=SEALER,
        metrics=_metrics(),
        estimator=cast(Estimator, _Estimator()),
        attempts=1,
    )
