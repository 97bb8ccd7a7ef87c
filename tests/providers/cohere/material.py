"""What the tests are made of: providers, what a client's request becomes, and what an answer becomes.

Whatever is sent is held against the strict vendor and against the types of its client library.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import orjson
import pytest

from providers.cohere import Cohere, CohereSettings
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.provider.contract import Call, Frame, Prepared
from proxy.provider.conversions import RefusedError
from proxy.responses.assembler import Assembler
from proxy.responses.events import Event
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.seal import SealedProof, Sealer, SealKey
from proxy.upstream.client import HttpClient
from tests.providers.cohere.oracle import unknown_to_the_sdk
from tests.strict.cohere import complaints
from tests.strict.complaint import Request

MODEL = "command-a-plus-05-2026"
PLAIN = "command-a-03-2025"
OLD = "command-r-plus-08-2024"
SEALER = Sealer([SealKey("test", bytes(32))])

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK: dict[str, Any] = {"type": "function", "name": "clock"}


def cohere(**settings: Any) -> Cohere:
    return Cohere(CohereSettings.model_validate({"api_key": "sk-c", **settings}))


COHERE = cohere()


class Sent(NamedTuple):
    """What a request became: the call, its body, and the paths that are not carried as they are."""

    call: Call
    body: dict[str, Any]
    losses: dict[str, str]

    @property
    def messages(self) -> list[dict[str, Any]]:
        messages: list[dict[str, Any]] = self.body["messages"]
        return messages

    @property
    def settings(self) -> dict[str, Any]:
        """The body without model and messages."""
        return {name: value for name, value in self.body.items() if name not in ("model", "messages")}


def prepared(
    request: Mapping[str, Any] | None = None, *, model: str = MODEL, provider: Cohere = COHERE, strict: bool = False
) -> Prepared:
    target = Target(Endpoint("vendor", provider, cast(HttpClient, None)), model)
    body = {"model": "any", "input": "Hi", **(request or {})}
    return prepare(parse_create(body), target, rules=Rules(strict=strict), sealer=SEALER, client="c")[0]


def sent(
    request: Mapping[str, Any] | None = None, *, model: str = MODEL, provider: Cohere = COHERE, strict: bool = False
) -> Sent:
    """What the request becomes, which neither the vendor nor its client library has anything against."""
    made = prepared(request, model=model, provider=provider, strict=strict)
    target = Target(Endpoint("vendor", provider, cast(HttpClient, None)), model)
    call = encode(made, target, Rules(strict=strict))
    body = orjson.loads(call.body)
    assert [*map(str, complaints(Request(call.path, {"authorization": "Bearer k"}, body), "k"))] == []
    assert unknown_to_the_sdk(body) == []
    return Sent(call, body, {each.path: each.disposition for each in made.conversions})


def refused(
    request: Mapping[str, Any], *, model: str = MODEL, provider: Cohere = COHERE, strict: bool = False
) -> tuple[str | None, str]:
    """Where the request is refused, and the message."""
    with pytest.raises(RefusedError) as caught:
        sent(request, model=model, provider=provider, strict=strict)
    assert caught.value.status == 400
    return caught.value.param, caught.value.message


def said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def text(value: str) -> dict[str, Any]:
    return {"type": "input_text", "text": value}


def called(call_id: str, name: str = "weather", arguments: str = '{"city":"Oslo"}') -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments}


def answered(call_id: str, output: Any = "3 C") -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def thought(words: str, kind: str = "thinking", *, model: str = MODEL, account: str = "") -> dict[str, Any]:
    """A reasoning item with a proof that the model gave."""
    key = COHERE.settings.api_key
    assert key is not None
    proof = SealedProof(
        provider="cohere",
        endpoint=COHERE.base_url,
        account=account or key.fingerprint(),
        family=model,
        client="c",
        kind=kind,
        binds="self",
        payload="",
        text=words,
    )
    content = [{"type": "reasoning_text", "text": words}]
    return {"type": "reasoning", "summary": [], "content": content, "encrypted_content": SEALER.seal(proof)}


# --- answers ----------------------------------------------------------------------------------------------------------


class Answered(NamedTuple):
    """What an answer became: items in short form, the usage, how it ended, and the neutral events."""

    output: list[Any]
    usage: dict[str, Any] | None
    status: str
    error: Any
    events: list[Event]


def event(kind: str, index: int | None = None, **members: Any) -> dict[str, Any]:
    """An event with members of `delta.message`."""
    placed = {} if index is None else {"index": index}
    return {"type": kind, **placed, "delta": {"message": members}}


def start() -> dict[str, Any]:
    return {**event("message-start", role="assistant", content=[], tool_calls=[], citations=[]), "id": "c14c"}


def block(index: int, kind: str, *pieces: str) -> list[dict[str, Any]]:
    """A content block of the kind text or thinking."""
    return [
        event("content-start", index, content={"type": kind, kind: ""}),
        *(event("content-delta", index, content={kind: piece}) for piece in pieces),
        {"type": "content-end", "index": index},
    ]


def calling(index: int, name: str, *fragments: str, call_id: str = "") -> list[dict[str, Any]]:
    """A tool call."""
    call = {"id": call_id or f"{name}_1", "type": "function", "function": {"name": name, "arguments": ""}}
    return [
        event("tool-call-start", index, tool_calls=call),
        *(event("tool-call-delta", index, tool_calls={"function": {"arguments": each}}) for each in fragments),
        {"type": "tool-call-end", "index": index},
    ]


def citing(start: Any, end: Any, *sources: Any, **members: Any) -> dict[str, Any]:
    citation = {"start": start, "end": end, "text": "?", "sources": list(sources), "type": "TEXT_CONTENT", **members}
    return event("citation-start", 0, citations=citation)


def document(name: str, **members: Any) -> dict[str, Any]:
    return {"type": "document", "id": name, "document": {"id": name, **members}}


def finish(reason: str | None = "COMPLETE", read: float = 74, written: float = 3, **members: Any) -> dict[str, Any]:
    usage = {
        "billed_units": {"input_tokens": 3, "output_tokens": 1},
        "tokens": {"input_tokens": read, "output_tokens": written},
    }
    return {"type": "message-end", "delta": {"finish_reason": reason, "usage": usage, **members}}


def whole(message: Mapping[str, Any], reason: str = "COMPLETE", **members: Any) -> dict[str, Any]:
    """A whole answer."""
    ending = finish(reason)["delta"]
    return {"id": "c14c", "message": {"role": "assistant", **message}, **ending, **members}


def streamed(*payloads: object, provider: Cohere = COHERE) -> Answered:
    """What a stream becomes; payloads are values, or bytes as they are."""
    request = prepared({"stream": True}, provider=provider)
    decoder = provider.decoder(request)
    events: list[Event] = []
    for each in payloads:
        name = str(each["type"]) if isinstance(each, dict) and "type" in each else ""
        events += decoder.feed(Frame(name, each if isinstance(each, bytes) else orjson.dumps(each)))
    events += decoder.end()
    return _outcome(request, events)


def plain(answer: object, provider: Cohere = COHERE) -> Answered:
    """What a whole answer becomes."""
    request = prepared(provider=provider)
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return _outcome(request, provider.decode(body, request))


def _outcome(request: Prepared, events: Sequence[Event]) -> Answered:
    assembler = Assembler(opening(request.request), seal=lambda proof, words: f"{proof.kind}|{words}")
    assembler.begin()
    assembler.feed(list(events))
    failure, finished = assembler.failure, assembler.finished
    status = "failed" if failure is not None or finished is None else finished.reason
    assembler.settle(completed=status == "stop")
    total = assembler.tally.total() if assembler.tally.reported else None
    usage = None if total is None else total.as_response()
    return Answered([_short(item) for item in assembler.output], usage, status, failure, list(events))


def _short(item: Mapping[str, Any]) -> Any:
    kind = item["type"]
    if kind == "message":
        return ("text", *((part["text"], *part["annotations"]) for part in item["content"]))
    if kind == "reasoning":
        return ("thought", "".join(each["text"] for each in item["content"]), item.get("encrypted_content"))
    return ("call", item["call_id"], item["name"], item["arguments"])
