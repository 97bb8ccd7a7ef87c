"""What the client gets of an answer: legal, the same however it comes, and what the exchange says that it is."""

from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from typing import Any, Final

import orjson

from proxy.provider.contract import Provider
from proxy.responses.events import Closed, Members, Opened, Verbatim
from proxy.testing import grammar
from proxy.testing.exchange import Exchange
from proxy.testing.problem import Problem
from proxy.testing.replay import Played, play

FEW: Final = 5
"""How many problems of one kind are told."""

NATIVE_RULES: Final = frozenset({"unknown-event", "unknown-item", "item-overlap"})
"""What the stream of a vendor that speaks Responses itself may do: its own events and items, several open at once."""


# --- grammar ----------------------------------------------------------------------------------------------------------


def legal(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """The client's stream and its plain object keep the grammar of the Responses API."""
    for stream in (True, False):
        played = play(provider, exchange, stream=stream)
        yield from raised("grammar", exchange.id, played)
        yield from breaches("grammar", exchange.id, played)


def breaches(rule: str, subject: str, played: Played, *, but: Collection[str] = ()) -> Iterator[Problem]:
    """Where what the client gets is against the grammar, `but` for some rules of it."""
    native = is_native(played)
    tolerated = {*but, *(NATIVE_RULES if native else ())}
    if played.body:
        found = grammar.check_stream(played.body, overlap=native)
    else:
        # A plain client is told of an error alone.
        found = grammar.check_response(played.response) if played.error is None else []
    for violation in [each for each in found if each.rule not in tolerated][:FEW]:
        yield Problem(rule, subject, grammar.RULES[violation.rule], f"{violation.message} at {violation.at}")


def is_native(played: Played) -> bool:
    """Whether the vendor speaks Responses itself: there are events that no other gives."""
    return any(isinstance(event, Opened | Closed | Verbatim | Members) for event in played.neutral)


def raised(rule: str, subject: str, played: Played) -> Iterator[Problem]:
    """The exception that the provider raised over the answer, or that it gave something else than events."""
    if played.raised is not None:
        error = played.raised
        wanted = "events, and `Failed` for what cannot be read"
        yield Problem(rule, subject, wanted, f"{type(error).__name__}: {error!s:.300}")


# --- streamed and plain -----------------------------------------------------------------------------------------------


def same_plain(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """A plain client gets the very object with which the stream ends."""
    streamed, plain = play(provider, exchange, stream=True), play(provider, exchange, stream=False)
    last = streamed.events[-1].get("response")
    if last != plain.response:
        yield Problem(
            "plain as streamed", exchange.id, f"{_short(last)} as in the stream", _difference(last, plain.response)
        )


def _difference(left: object, right: object, path: str = "response") -> str:
    """The first place at which two JSON values differ."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in {**left, **right}:
            if left.get(name, ...) != right.get(name, ...):
                return _difference(left.get(name), right.get(name), f"{path}.{name}")
    if isinstance(left, list) and isinstance(right, list):
        for index, (one, other) in enumerate(zip(left, right, strict=False)):
            if one != other:
                return _difference(one, other, f"{path}[{index}]")
    return f"{_short(right)} instead of {_short(left)} at {path}"


def _short(value: object) -> str:
    return f"{value!r:.200}"


# --- what the exchange expects ----------------------------------------------------------------------------------------


def as_expected(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """The vendor is sent, and the client gets, what the exchange says."""
    played = play(provider, exchange)
    expected: list[tuple[str, object, object]] = [
        ("status", exchange.status, played.response["status"]),
        ("text", exchange.text, text_of(played.response)),
        ("reasoning", exchange.reasoning, reasoning_of(played.response)),
        ("http_status", exchange.http_status, played.error.status if played.error and played.before_output else 200),
    ]
    if exchange.sent is not None:
        expected.append(("sent", exchange.sent, _json(played.call.body)))
    if exchange.calls is not None:
        wanted = [(call.name, _json(call.arguments)) for call in exchange.calls]
        expected.append(("calls", wanted, [(name, _json(arguments)) for name, arguments in calls_of(played.response)]))
    if exchange.error_code is not None and exchange.error_code not in _codes(played):
        expected.append(("error_code", exchange.error_code, _codes(played)[0] if played.error else None))
    if exchange.dropped is not None:
        lost = {conversion.path for conversion in played.conversions if conversion.disposition == "dropped"}
        expected.append(("dropped", sorted(exchange.dropped), sorted(lost)))
    for name, wanted_value, found in expected:
        if wanted_value is not None and wanted_value != found:
            told = _difference(wanted_value, found, name)
            yield Problem("as expected", exchange.id, f"{name} to be {_short(wanted_value)}", told)


def counted(provider: Provider, exchange: Exchange) -> Iterator[Problem]:
    """The usage is the one that the exchange says, from the vendor's own numbers, streamed and plain."""
    if exchange.usage is None:
        return
    for stream in (True, False):
        played = play(provider, exchange, stream=stream)
        if played.usage_source != "provider":
            told = "counts that were estimated: the decoder gave no `Usage`, or none for all of the answer"
            yield Problem("usage", exchange.id, "the vendor's own counts", told)
        for name, number in exchange.usage.items():
            found = getattr(played.count, name)
            if found != number:
                yield Problem("usage", exchange.id, f"{name} to be {number}", f"{found}")


def text_of(response: Mapping[str, Any]) -> str:
    """The visible text of a response, refusals included."""
    parts = chain.from_iterable(item["content"] for item in response["output"] if item["type"] == "message")
    return "".join(part.get("text", part.get("refusal", "")) for part in parts)


def reasoning_of(response: Mapping[str, Any]) -> str:
    """The visible reasoning of a response."""
    items = [item for item in response["output"] if item["type"] == "reasoning"]
    return "".join(part["text"] for item in items for part in (*item["summary"], *(item.get("content") or ())))


def calls_of(response: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The calls of a response: names, and arguments or plain input."""
    return [
        (item["name"], item.get("arguments", item.get("input", "")))
        for item in response["output"]
        if item["type"] in ("function_call", "custom_tool_call")
    ]


def _codes(played: Played) -> list[str | None]:
    error = played.response.get("error") or {}
    return [played.error.code if played.error else None, error.get("code")]


def _json(text: str | bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
