"""What the tests are made of: providers, what a client's request becomes, and what an answer becomes.

Whatever is sent is held against the strict vendor and against the types of its client library.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import orjson
import pytest

from providers.mistral import Mistral, MistralSettings
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.provider.contract import Call, Frame, Prepared
from proxy.provider.conversions import RefusedError
from proxy.responses.assembler import Assembler
from proxy.responses.events import Started
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.seal import SealedProof, Sealer, SealKey
from proxy.upstream.client import HttpClient
from tests.providers.mistral.oracle import unknown_to_the_sdk
from tests.strict.mistral import complaints

MODEL = "mistral-medium-latest"
SEALER = Sealer([SealKey("test", bytes(32))])

WEATHER: dict[str, Any] = {
    "type": "function",
    "name": "weather",
    "description": "Tells the weather.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
CLOCK: dict[str, Any] = {"type": "function", "name": "clock", "parameters": {}, "strict": True}


def mistral(**settings: Any) -> Mistral:
    return Mistral(MistralSettings.model_validate({"api_key": "sk-m", **settings}))


MISTRAL = mistral()


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
    request: Mapping[str, Any] | None = None, *, model: str = MODEL, provider: Mistral = MISTRAL, strict: bool = False
) -> Prepared:
    target = Target(Endpoint("vendor", provider, cast(HttpClient, None)), model)
    body = {"model": "any", "input": "Hi", **(request or {})}
    return prepare(parse_create(body), target, rules=Rules(strict=strict), sealer=SEALER, client="c")[0]


def sent(
    request: Mapping[str, Any] | None = None, *, model: str = MODEL, provider: Mistral = MISTRAL, strict: bool = False
) -> Sent:
    """What the request becomes, which neither the vendor nor its client library has anything against."""
    made = prepared(request, model=model, provider=provider, strict=strict)
    target = Target(Endpoint("vendor", provider, cast(HttpClient, None)), model)
    call = encode(made, target, Rules(strict=strict))
    body = orjson.loads(call.body)
    name = provider.settings.host_name
    if name != "self_hosted":
        assert [*map(str, complaints(body, name))] == []
        assert unknown_to_the_sdk(body, name) == []
    return Sent(call, body, {each.path: each.disposition for each in made.conversions})


def refused(
    request: Mapping[str, Any], *, model: str = MODEL, provider: Mistral = MISTRAL, strict: bool = False
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


def thought(words: str, signature: str = "", *, family: str = "mistral-medium", account: str = "") -> dict[str, Any]:
    """A reasoning item with a proof that a model of the family gave."""
    key = MISTRAL.settings.api_key
    assert key is not None
    proof = SealedProof(
        provider="mistral",
        endpoint=MISTRAL.base_url,
        account=account or key.fingerprint(),
        family=family,
        client="c",
        kind="reasoning_text",
        binds="self",
        payload=signature,
        text=words,
    )
    content = [{"type": "reasoning_text", "text": words}]
    return {"type": "reasoning", "summary": [], "content": content, "encrypted_content": SEALER.seal(proof)}


# --- answers ----------------------------------------------------------------------------------------------------------


class Answered(NamedTuple):
    """What an answer became: items in short form, the usage, and how it ended."""

    output: list[Any]
    usage: dict[str, Any] | None
    status: str
    error: Any
    events: list[Any]

    @property
    def tier(self) -> str | None:
        return next((each.service_tier for each in reversed(self.events) if isinstance(each, Started)), None)


def chunk(delta: Mapping[str, Any] | None = None, finish: str | None = None, **members: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": dict(delta or {}), "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice], **members}


def whole(message: Mapping[str, Any] | None, finish: str = "stop", **members: Any) -> dict[str, Any]:
    """A whole answer; `members` may have `choices` of its own."""
    choice = {"index": 0, "message": {"role": "assistant", **(message or {})}, "finish_reason": finish}
    return {"id": "c1", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **members}


def streamed(*chunks: object, model: str = MODEL, done: bool = True) -> Answered:
    """What a stream becomes; chunks are values, or bytes as they are."""
    request = prepared({"stream": True}, model=model)
    decoder = MISTRAL.decoder(request)
    events: list[Any] = []
    for each in chunks:
        events += decoder.feed(Frame("", each if isinstance(each, bytes) else orjson.dumps(each)))
    if done:
        events += decoder.feed(Frame("", b"[DONE]"))
    events += decoder.end()
    return _outcome(request, events)


def plain(answer: object, model: str = MODEL) -> Answered:
    """What a whole answer becomes."""
    request = prepared(model=model)
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return _outcome(request, MISTRAL.decode(body, request))


def _outcome(request: Prepared, events: Sequence[Any]) -> Answered:
    assembler = Assembler(opening(request.request), seal=lambda proof, words: f"{proof.kind}|{proof.payload}|{words}")
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
        part = item["content"][0]
        cited = [(each["url"], each["title"], each["start_index"], each["end_index"]) for each in part["annotations"]]
        return ("text", part["text"], *cited)
    if kind == "reasoning":
        return ("thought", "".join(each["text"] for each in item["content"]), item.get("encrypted_content"))
    return ("call", item["call_id"], item["name"], item["arguments"])
