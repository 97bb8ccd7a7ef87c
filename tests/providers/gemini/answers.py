"""Short ways to write down a vendor's answer, and to see what becomes of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from providers.gemini.decode import GeminiDecoder
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses import sse
from proxy.responses.assembler import Assembler, IncompleteReason, TerminalStatus
from proxy.responses.events import Event, Failed, Finished, Proof, Reasoning, Started, Text, Usage
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.testing.grammar import check_response, check_stream

INCOMPLETE: dict[str, IncompleteReason] = {"length": "max_output_tokens", "content_filter": "content_filter"}


def error_of(value: object) -> ProviderError:
    """Stands for the provider's reading of an error object."""
    error = value.get("error") if isinstance(value, dict) else None
    message = error.get("message") if isinstance(error, dict) else None
    return ProviderError("overloaded", message if isinstance(message, str) and message else "An error.")


def decoder(*, final_answer: bool = False, images: bool = False) -> GeminiDecoder:
    return GeminiDecoder(final_answer=final_answer, images=images, error_of=error_of)


# --- answers ----------------------------------------------------------------------------------------------------------


def chunk(*parts: Any, usage: Any = None, **candidate: Any) -> dict[str, Any]:
    """A chunk, or a whole answer, with one candidate of these parts."""
    value: dict[str, Any] = {"candidates": [{"content": {"role": "model", "parts": list(parts)}, **candidate}]}
    return value if usage is None else {**value, "usageMetadata": usage}


def stop(*parts: Any, reason: Any = "STOP", usage: Any = None, **candidate: Any) -> dict[str, Any]:
    """The last chunk."""
    return chunk(*parts, usage=usage, finishReason=reason, **candidate)


def said(text: str, signature: str | None = None) -> dict[str, Any]:
    return {"text": text} | _signed(signature)


def thought(text: str, signature: str | None = None) -> dict[str, Any]:
    return {"text": text, "thought": True} | _signed(signature)


def call(
    name: str, args: Any = None, *, signature: str | None = None, identifier: str | None = None, **members: Any
) -> dict[str, Any]:
    value: dict[str, Any] = {"name": name, **members}
    if args is not None:
        value["args"] = args
    if identifier is not None:
        value["id"] = identifier
    return {"functionCall": value} | _signed(signature)


def _signed(signature: str | None) -> dict[str, Any]:
    return {} if signature is None else {"thoughtSignature": signature}


# --- events -----------------------------------------------------------------------------------------------------------


def streamed(*chunks: Any, final_answer: bool = False, images: bool = False) -> list[Event]:
    """The events of a stream to its end: chunks are values, or bytes as they are."""
    reader = decoder(final_answer=final_answer, images=images)
    events: list[Event] = []
    for each in chunks:
        events += reader.feed(Frame("", each if isinstance(each, bytes) else orjson.dumps(each)))
    return [*events, *reader.end()]


def whole(answer: Any, *, final_answer: bool = False, images: bool = False) -> list[Event]:
    """The events of a whole answer."""
    body = answer if isinstance(answer, bytes) else orjson.dumps(answer)
    return decoder(final_answer=final_answer, images=images).whole(body)


def output(events: Iterable[Event]) -> list[Event]:
    """The events that bear output."""
    return [event for event in events if not isinstance(event, (Started, Usage, Finished, Failed))]


def merged(events: Iterable[Event]) -> list[Event]:
    """Neighbouring deltas of one key as one."""
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        if isinstance(event, Text) and isinstance(last, Text) and event.key == last.key:
            logprobs = [*(last.logprobs or ()), *(event.logprobs or ())] or None
            joined[-1] = Text(event.key, last.delta + event.delta, logprobs)
        elif isinstance(event, Reasoning) and isinstance(last, Reasoning) and event.key == last.key:
            joined[-1] = Reasoning(event.key, last.delta + event.delta, event.raw)
        else:
            joined.append(event)
    return joined


def failure(events: Sequence[Event]) -> ProviderError:
    """The error that ends the events."""
    ending = events[-1]
    assert isinstance(ending, Failed)
    assert isinstance(ending.error, ProviderError)
    return ending.error


# --- responses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Assembled:
    """What the client gets: the stream's events, and the object."""

    events: list[dict[str, Any]]
    response: dict[str, Any]

    @property
    def output(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.response["output"]
        return items

    @property
    def kinds(self) -> list[str]:
        return [item["type"] for item in self.output]

    @property
    def names(self) -> list[str]:
        return [event["type"].removeprefix("response.") for event in self.events]


def assembled(events: Sequence[Event]) -> Assembled:
    """Play decoded events to the assembler, one by one; what comes out has to obey every rule of the language."""
    assembler = Assembler(opening(parse_create({"model": "m", "input": "ping"})), seal=_seal)
    assembler.begin()
    outgoing = assembler.take()
    for event in events:
        assembler.feed((event,))
        outgoing += assembler.take()
    finished = assembler.finished
    reason = INCOMPLETE.get(finished.reason) if finished is not None else None
    status: TerminalStatus = "failed" if finished is None else "completed" if reason is None else "incomplete"
    assembler.finish(status, assembler.tally.total(), reason=reason, error=assembler.failure)
    outgoing += assembler.take()
    response: dict[str, Any] = orjson.loads(orjson.dumps(assembler.response))
    assert check_stream(sse.frame(outgoing) + sse.DONE) == []
    assert check_response(response) == []
    return Assembled([orjson.loads(data) for _, data in outgoing], response)


def _seal(proof: Proof, text: str | None) -> str:
    return f"{proof.kind} {proof.binds} {proof.payload}"


def shown(item: dict[str, Any]) -> Any:
    """The gist of an item: what it says, without ids."""
    if item["type"] == "message":
        return [part["text"] for part in item["content"]]
    if item["type"] == "reasoning":
        return "".join(part["text"] for part in item["summary"]), item.get("encrypted_content")
    if item["type"] == "function_call":
        return item["call_id"], item["name"], item["arguments"]
    return {name: value for name, value in item.items() if name not in ("id", "type", "status")}
