"""A sound provider with one defect at a time. Each has the rule that has to find it."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import orjson

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Frame, Origin, Prepared
from proxy.provider.errors import ProviderError
from proxy.responses.events import Annotation, Event, Failed, Finished, Text, Usage
from proxy.testing import Exchange

from .exchanges import MODEL

Change = Callable[[list[Event]], Sequence[Event]]


class Defective(Anthropic):
    """`rule` is the one that is broken, `exchange` (an exchange's id, a model's name) where it shows."""

    rule: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(AnthropicSettings(), "defective")


class Altered(Defective):
    """Reads streams as they are and changes what is in them."""

    def decoder(self, prepared: Prepared) -> Decoder:
        return AlteredDecoder(self, super().decoder(prepared), prepared)

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return events

    def ended(self, events: Sequence[Event]) -> Sequence[Event]:
        return events


class AlteredDecoder:
    def __init__(self, provider: Altered, decoder: Decoder, prepared: Prepared) -> None:
        self._provider, self._decoder, self._prepared = provider, decoder, prepared

    def feed(self, frame: Frame) -> Sequence[Event]:
        return self._provider.changed([*self._decoder.feed(frame)], self._prepared)

    def end(self) -> Sequence[Event]:
        return self._provider.ended(self._decoder.end())


class Rewritten(Defective):
    """Encodes as it should and changes the body."""

    def encode(self, prepared: Prepared) -> Call:
        call = super().encode(prepared)
        body = orjson.loads(call.body)
        self.rewrite(body, prepared)
        return replace(call, body=orjson.dumps(body))

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        """Change the body."""


# --- errors -----------------------------------------------------------------------------------------------------------


class RaisesOverPages(Defective):
    rule = "any error"

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        orjson.loads(body)
        return super().error(status, headers, body)


class BlamesTheClient(Defective):
    rule = "any error"

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        error = super().error(status, headers, body)
        return ProviderError("bad_request", "no") if status == 500 else error


class TakesTheVendorsRefusalForAFailure(Defective):
    rule = "error"

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        error = super().error(status, headers, body)
        return ProviderError("vendor_failure", error.message) if status == 400 else error


class HasItsOwnWords(Defective):
    rule = "error"

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return ProviderError(super().error(status, headers, body).error_class, "Something went wrong somewhere")


class DoesNotSayHowLong(Defective):
    rule = "retry-after"

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        return super().error(status, {}, body)


class QuotesTheKey(Defective):
    rule = "secrets"

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        error = super().error(status, headers, body)
        return ProviderError("forbidden", body.decode(errors="replace")[:5000]) if status == 401 else error


# --- answers ----------------------------------------------------------------------------------------------------------


class CitesWithoutAnAddress(Altered):
    rule = "grammar"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return [*events, *(Annotation(each.key, {"type": "url_citation"}) for each in events if isinstance(each, Text))]


class RaisesOverText(Altered):
    rule = "grammar"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        if any(isinstance(event, Text) for event in events):
            raise KeyError("text")
        return events


class GivesOtherThings(Altered):
    rule = "grammar"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return [*events, {"type": "text"}]  # type: ignore[list-item] # this is the defect


class ReadsPlainAnswersInAnotherWay(Altered):
    rule = "plain as streamed"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return events if prepared.stream else [each for each in events if getattr(each, "delta", "") != "world"]


class Shouts(Altered):
    rule = "as expected"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return [Text(each.key, each.delta.upper()) if isinstance(each, Text) else each for each in events]


class SendsAnotherModel(Rewritten):
    rule = "as expected"
    exchange = Exchange("sent", MODEL, b"{}", sent={"model": MODEL})

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        body["model"] = "another"


class CountsTheCacheTwice(Altered):
    rule = "usage"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return [
            replace(each, input_tokens=each.input_tokens + (each.cached_tokens or 0))
            if isinstance(each, Usage) and each.input_tokens
            else each
            for each in events
        ]


class CountsNothing(Altered):
    rule = "usage"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return [each for each in events if not isinstance(each, Usage)]


class RemembersTheLastAnswer(Altered):
    rule = "pieces"
    numbers = count()

    def decoder(self, prepared: Prepared) -> Decoder:
        self.number = next(self.numbers)
        return super().decoder(prepared)

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        return [Text(each.key, f"{each.delta}{self.number}") if isinstance(each, Text) else each for each in events]


class TakesACutForTheEnd(Altered):
    rule = "cut"

    def ended(self, events: Sequence[Event]) -> Sequence[Event]:
        return [Finished("stop") if isinstance(each, Failed) else each for each in events]


class BlamesTheClientForACut(Altered):
    rule = "cut"

    def ended(self, events: Sequence[Event]) -> Sequence[Event]:
        return [Failed(ProviderError("bad_request", "cut")) if isinstance(each, Failed) else each for each in events]


class TrustsTheVendor(Defective):
    rule = "damaged answers"

    def decoder(self, prepared: Prepared) -> Decoder:
        return Trusting(super().decoder(prepared))


class Trusting:
    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def feed(self, frame: Frame) -> Sequence[Event]:
        value = orjson.loads(frame.data)
        if value["type"] == "content_block_delta":
            value["delta"]["type"].upper()
        return self._decoder.feed(frame)

    def end(self) -> Sequence[Event]:
        return self._decoder.end()


class TiresAfterManyFrames(Altered):
    rule = "endless answers"

    def decoder(self, prepared: Prepared) -> Decoder:
        self.left = 1000
        return super().decoder(prepared)

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        self.left -= 1
        if self.left < 0:
            raise RecursionError
        return events


class ReadsAnythingAsJson(Defective):
    rule = "unreadable answers"

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        orjson.loads(body)["content"]
        return super().decode(body, prepared)


class TakesAnEmptyBodyForAnAnswer(Altered):
    rule = "unreadable answers"

    def ended(self, events: Sequence[Event]) -> Sequence[Event]:
        return [Text(0, "nothing"), Finished("stop")] if any(isinstance(each, Failed) for each in events) else events


class ReadsAFileForEachFrame(Altered):
    rule = "no I/O"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        Path(os.devnull).read_bytes()
        return events


class SleepsOverFrames(Altered):
    rule = "no I/O"

    def changed(self, events: list[Event], prepared: Prepared) -> Sequence[Event]:
        time.sleep(0)
        return events


class ConnectsWhenItEncodes(Defective):
    rule = "no I/O"

    def encode(self, prepared: Prepared) -> Call:
        socket.socket().close()
        return super().encode(prepared)


# --- requests ---------------------------------------------------------------------------------------------------------


class ForgetsTheProof(Rewritten):
    rule = "next turn"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        for message in body["messages"]:
            if isinstance(message["content"], list):
                message["content"] = [each for each in message["content"] if each.get("type") != "thinking"]


class MovesFromTurnToTurn(Defective):
    rule = "next turn"
    places = count()

    def origin(self, model: str) -> Origin:
        return Origin(self.type, f"place {next(self.places)}", "")


class RaisesOverImages(Defective):
    rule = "standard requests"

    def encode(self, prepared: Prepared) -> Call:
        if "input_image" in repr(prepared.items):
            raise ValueError("no images")
        return super().encode(prepared)


class TurnsTheConversationAround(Rewritten):
    rule = "standard requests"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        body["messages"].reverse()


class LosesInstructions(Rewritten):
    rule = "standard requests"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        body.pop("system", None)


class RenamesTools(Rewritten):
    rule = "standard requests"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        for tool in body.get("tools", ()):
            tool["name"] = tool["name"].upper()


class DeclaresWithoutAReason(Defective):
    rule = "standard requests"

    def encode(self, prepared: Prepared) -> Call:
        call = super().encode(prepared)
        prepared.conversions[:] = [replace(conversion, reason="") for conversion in prepared.conversions]
        return call


class NumbersItsCalls(Rewritten):
    rule = "determinism"
    numbers = count()

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        body["metadata"] = {"user_id": str(next(self.numbers))}


class EatsItsInput(Defective):
    rule = "determinism"

    def encode(self, prepared: Prepared) -> Call:
        call = super().encode(prepared)
        prepared.items.append(prepared.items[0])
        return call


class OrdersByHash(Rewritten):
    rule = "processes"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        body["stop_sequences"] = list({f"stop {number}" for number in range(20)})


class LosesAParameter(Rewritten):
    rule = "no parameter vanishes"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        body.pop("metadata", None)


class LosesDescriptions(Rewritten):
    rule = "no tool, item or part vanishes"

    def rewrite(self, body: dict[str, Any], prepared: Prepared) -> None:
        for tool in body.get("tools", ()):
            tool.pop("description", None)


class SendsWhatItsCapabilitiesDeny(Defective):
    rule = "capabilities"

    def capabilities(self, model: str) -> Capabilities:
        return replace(super().capabilities(model), sampling=False)

    def encode(self, prepared: Prepared) -> Call:
        return super().encode(replace(prepared, capabilities=super().capabilities(prepared.model)))


class DeclaresOnce(Defective):
    rule = "strict"

    def __init__(self) -> None:
        super().__init__()
        self._told = set[str]()

    def encode(self, prepared: Prepared) -> Call:
        call = super().encode(prepared)
        prepared.conversions[:] = [each for each in prepared.conversions if each.path not in self._told]
        self._told |= {each.path for each in prepared.conversions}
        return call


def defects() -> list[type[Defective]]:
    """All of them."""

    def leaves(kind: type[Defective]) -> Iterator[type[Defective]]:
        for each in kind.__subclasses__():
            if "rule" in vars(each):
                yield each
            yield from leaves(each)

    return list(leaves(Defective))
