"""Exchanges with one server, written down as values: what a request becomes, and what an answer becomes.

Each shows one difference of its server. They are played through the product's own way (prepare, encode, decode,
assemble), so that an exchange notices when the line of data behind its difference is gone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import orjson

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.dialect import Dialect
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.provider.contract import Frame, Prepared
from proxy.provider.families import Families
from proxy.responses.assembler import Assembler
from proxy.responses.errors import ResponsesError
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.seal import SealedProof, Sealer, SealKey
from proxy.upstream.client import HttpClient

Observed: TypeAlias = dict[str, Any]

SEALER = Sealer([SealKey("test", bytes(32))])
BASE_URL = "http://vendor.test/v1"
HELLO = [{"role": "user", "content": "Hi"}]

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK: dict[str, Any] = {"type": "function", "name": "clock", "parameters": {"type": "object", "properties": {}}}


@dataclass(frozen=True)
class Sent:
    """What a Responses request becomes. `request` has its members besides the model; the input is "Hi" when it has
    none. `body`: the vendor's body without the model, and without messages when these are "Hi" alone. `losses`: paths
    of the request and what became of them, only those that are not mapped."""

    shows: str
    model: str
    request: Mapping[str, Any]
    body: Mapping[str, Any]
    losses: Mapping[str, str] = field(default_factory=dict)

    def observe(self, provider: OpenAIChat) -> Observed:
        try:
            prepared = prepared_for(provider, self.model, self.request)
            call = encode(prepared, target_of(provider, self.model), Rules())
        except ResponsesError as error:
            return {"refused": error.param, "code": error.code}
        body = orjson.loads(call.body)
        assert body.pop("model") == self.model
        assert call.stream is bool(body.get("stream", False))
        if body["messages"] == HELLO:
            del body["messages"]
        return {"body": body, "losses": {each.path: each.disposition for each in prepared.conversions}}

    @property
    def expected(self) -> Observed:
        return {"body": dict(self.body), "losses": dict(self.losses)}


@dataclass(frozen=True)
class Refused:
    """A Responses request that is refused before anything is sent."""

    shows: str
    model: str
    request: Mapping[str, Any]
    param: str
    code: str = "unsupported_value"

    def observe(self, provider: OpenAIChat) -> Observed:
        return Sent(self.shows, self.model, self.request, {}).observe(provider)

    @property
    def expected(self) -> Observed:
        return {"refused": self.param, "code": self.code}


@dataclass(frozen=True)
class Amended:
    """What is sent once more after the server refused a request: `gone` and `new` are members of the body, `lost` the
    path of what is lost with them and what became of it."""

    shows: str
    model: str
    request: Mapping[str, Any]
    status: int
    refusal: object
    gone: Sequence[str]
    lost: tuple[str, str]
    new: Sequence[str] = ()

    def observe(self, provider: OpenAIChat) -> Observed:
        prepared = prepared_for(provider, self.model, self.request)
        call = encode(prepared, target_of(provider, self.model), Rules())
        changed = provider.amend(call, provider.error(self.status, {}, orjson.dumps(self.refusal)))
        assert changed is not None
        before, after = orjson.loads(call.body), orjson.loads(changed[0].body)
        return {
            "gone": sorted(before.keys() - after.keys()),
            "new": sorted(after.keys() - before.keys()),
            "lost": (changed[1][0].path, changed[1][0].disposition),
        }

    @property
    def expected(self) -> Observed:
        return {"gone": sorted(self.gone), "new": sorted(self.new), "lost": self.lost}


@dataclass(frozen=True)
class Streamed:
    """What a streamed answer becomes. `chunks` are the data of its frames, JSON values or bytes; `[DONE]` is among them
    where the server sends it.

    `output`: the response's items in short form (`short`). `usage`: input, cached, output, reasoning tokens; None where
    the answer has none. `status` is that of the response; `error` the class of the error of a failed one. `request` has
    the members of the request that the answer is read by. `searches` are the web searches that are billed.
    """

    shows: str
    model: str
    chunks: Sequence[object]
    output: Sequence[Any]
    usage: tuple[int, int, int, int] | None = None
    status: str = "completed"
    error: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    searches: int = 0

    def observe(self, provider: OpenAIChat) -> Observed:
        prepared = prepared_for(provider, self.model, {**self.request, "stream": True})
        decoder = provider.decoder(prepared)
        assembler = started(prepared)
        for chunk in self.chunks:
            assembler.feed(decoder.feed(Frame("", chunk if isinstance(chunk, bytes) else orjson.dumps(chunk))))
        assembler.feed(decoder.end())
        return outcome(assembler)

    @property
    def expected(self) -> Observed:
        return _expected(self.output, self.usage, self.status, self.error, self.searches)


@dataclass(frozen=True)
class Whole:
    """What a whole answer becomes, in the words of `Streamed`."""

    shows: str
    model: str
    answer: object
    output: Sequence[Any]
    usage: tuple[int, int, int, int] | None = None
    status: str = "completed"
    error: str | None = None
    searches: int = 0

    def observe(self, provider: OpenAIChat) -> Observed:
        prepared = prepared_for(provider, self.model, {})
        assembler = started(prepared)
        body = self.answer if isinstance(self.answer, bytes) else orjson.dumps(self.answer)
        assembler.feed(provider.decode(body, prepared))
        return outcome(assembler)

    @property
    def expected(self) -> Observed:
        return _expected(self.output, self.usage, self.status, self.error, self.searches)


@dataclass(frozen=True)
class Failed:
    """What an error answer means: the class of the error, or the items that were salvaged from it. `request` has the
    members of the request that the answer is read by."""

    shows: str
    status: int
    body: object
    error_class: str | None = None
    salvaged: Sequence[Any] = ()
    model: str = "any"
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: float | None = None
    request: Mapping[str, Any] = field(default_factory=dict)

    def observe(self, provider: OpenAIChat) -> Observed:
        body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        prepared = prepared_for(provider, self.model, self.request)
        events = provider.salvage(self.status, body, prepared)
        if events is not None:
            assembler = started(prepared)
            assembler.feed(events)
            return {"salvaged": outcome(assembler)["output"]}
        error = provider.error(self.status, self.headers, body)
        return {"error": error.error_class, "retry_after": error.retry_after}

    @property
    def expected(self) -> Observed:
        if self.error_class is None:
            return {"salvaged": list(self.salvaged)}
        return {"error": self.error_class, "retry_after": self.retry_after}


@dataclass(frozen=True)
class Found:
    """An address, and whether `dialect: auto` finds the server by it. No line but `hosts` and `base_url` matters."""

    shows: str
    base_url: str
    public: str = ""
    model: str = "any"

    def observe(self, provider: OpenAIChat) -> Observed:
        dialect = provider.dialect(self.model)
        host = self.base_url.split("/")[2].partition(":")[0]
        known = any(host == each or host.endswith(f".{each}") for each in dialect.hosts)
        return {"known": known, "public": dialect.base_url}

    @property
    def expected(self) -> Observed:
        return {"known": True, "public": self.public}


Exchange: TypeAlias = Sent | Refused | Amended | Streamed | Whole | Failed | Found


def provider_of(rows: Families[Dialect]) -> OpenAIChat:
    """A provider with a dialect that need not be in the table."""
    provider = OpenAIChat(OpenAIChatSettings(base_url=BASE_URL, dialect="generic"), "chat")
    provider._families = rows
    return provider


def target_of(provider: OpenAIChat, model: str) -> Target:
    return Target(Endpoint("vendor", provider, cast(HttpClient, None)), model)


def prepared_for(provider: OpenAIChat, model: str, request: Mapping[str, Any]) -> Prepared:
    body = {"model": "any", "input": "Hi", **request}
    return prepare(parse_create(body), target_of(provider, model), rules=Rules(), sealer=SEALER, client="c")[0]


def sealed(kind: str, payload: str = "", *, model: str, text: str | None = None, binds: str = "self") -> str:
    """The `encrypted_content` of a reasoning item that this server's model made earlier."""
    proof = SealedProof(
        provider="openai_chat",
        endpoint=BASE_URL,
        account="",
        family=model,
        client="c",
        kind=kind,
        binds=binds,
        payload=payload,
        text=text,
    )
    return SEALER.seal(proof)


def thought(kind: str, payload: str = "", *, model: str, text: str = "", verbatim: bool = True) -> dict[str, Any]:
    """A reasoning item that the client sends back."""
    sealed_content = sealed(kind, payload, model=model, text=text if verbatim else None)
    content = [{"type": "reasoning_text", "text": text}] if text else []
    return {"type": "reasoning", "summary": [], "content": content, "encrypted_content": sealed_content}


def called(call_id: str = "call_a", name: str = "weather", arguments: str = '{"city":"Oslo"}') -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def answered(output: Any = "3 C", call_id: str = "call_a") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


SCHEMA_IN_WORDS = (
    "Your answer has to be one JSON value that conforms to the JSON Schema below, and nothing else: no text before or"
    ' after it, no code fence.\nThe schema \'answer\':\n{"type":"object"}'
)
"""What a model is told that holds to no schema."""

OBJECT_IN_WORDS = "Your answer has to be one JSON object and nothing else: no text before or after it, no code fence."
"""What a model is told that has no JSON mode."""


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def chunk(delta: Mapping[str, Any] | None = None, *, finish: str | None = None, **members: Any) -> dict[str, Any]:
    """A chunk with one choice; `members` are the chunk's own."""
    return {
        "id": "c1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "delta": dict(delta or {}), "finish_reason": finish}],
        **members,
    }


def whole(message: Mapping[str, Any], *, finish: str | None = "stop", **members: Any) -> dict[str, Any]:
    """A whole answer with one choice."""
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **members}


DONE = b"[DONE]"


# --- what is compared -------------------------------------------------------------------------------------------------


def started(prepared: Prepared) -> Assembler:
    assembler = Assembler(opening(prepared.request), seal=lambda proof, text: f"{proof.kind}|{proof.payload}|{text}")
    assembler.begin()
    return assembler


def outcome(assembler: Assembler) -> Observed:
    """The response in short form."""
    failure = assembler.failure
    finished = assembler.finished
    status = "failed"
    if failure is None and finished is not None:
        status = "incomplete" if finished.reason in ("length", "content_filter", "pause") else "completed"
    assembler.settle(completed=status == "completed")
    total = assembler.tally.total()
    return {
        "output": [short(item) for item in assembler.output],
        "usage": (total.input_tokens, total.cached_tokens, total.output_tokens, total.reasoning_tokens)
        if assembler.tally.reported and total is not None
        else None,
        "status": status if status != "incomplete" or finished is None else f"incomplete: {finished.reason}",
        "error": getattr(failure, "error_class", None),
        "searches": total.web_searches,
    }


def short(item: Mapping[str, Any]) -> Any:
    """An item in short form: ("text", text, *citations), ("refusal", text), ("raw" or "summary", text, sealed or None),
    ("call", name, arguments), ("custom", name, input), (other type,)."""
    kind = item["type"]
    if kind == "message":
        part = item["content"][0]
        if part["type"] == "refusal":
            return ("refusal", part["refusal"])
        cited = [(each["url"], each["start_index"], each["end_index"]) for each in part["annotations"]]
        return ("text", part["text"], *cited)
    if kind == "reasoning":
        raw = bool(item.get("content"))
        texts = item["content"] if raw else item["summary"]
        return ("raw" if raw else "summary", "".join(each["text"] for each in texts), item.get("encrypted_content"))
    if kind == "function_call":
        return ("call", item["name"], item["arguments"])
    if kind == "custom_tool_call":
        return ("custom", item["name"], item["input"])
    return (kind,)


def _expected(
    output: Sequence[Any], usage: tuple[int, int, int, int] | None, status: str, error: str | None, searches: int
) -> Observed:
    return {"output": list(output), "usage": usage, "status": status, "error": error, "searches": searches}
