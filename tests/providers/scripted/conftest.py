"""Requests for the scripted model, and the way of its answers back into events."""

from typing import Any

import pytest

from providers.scripted import Scripted, ScriptedSettings
from proxy.provider.contract import Call, CannedAnswer, Frame, Pause, Prepared
from proxy.provider.history import AUTO, FunctionTool, HistoryItem, MessageItem, ToolChoice
from proxy.responses.events import Event
from proxy.responses.request import CreateRequest


class Model:
    """The scripted provider with a short way to ask it."""

    def __init__(self) -> None:
        self.provider = Scripted(ScriptedSettings())

    def prepared(
        self,
        *items: str | HistoryItem,
        stream: bool = True,
        tools: list[FunctionTool] | None = None,
        choice: ToolChoice = AUTO,
        **settings: Any,
    ) -> Prepared:
        history: list[HistoryItem] = [
            MessageItem("user", [{"type": "input_text", "text": item}], f"input[{index}]")
            if isinstance(item, str)
            else item
            for index, item in enumerate(items)
        ]
        request = CreateRequest("any", [], frozenset(settings), **settings)
        return Prepared("any", request, history, tools or [], choice, self.provider.capabilities("any"), stream)

    def call(self, *items: str | HistoryItem, **options: Any) -> Call:
        return self.provider.encode(self.prepared(*items, **options))

    def canned(self, *items: str | HistoryItem, **options: Any) -> CannedAnswer:
        canned = self.call(*items, **options).canned
        assert canned is not None
        return canned

    def streamed(self, *items: str | HistoryItem, **options: Any) -> list[Event]:
        prepared = self.prepared(*items, **options)
        canned = self.provider.encode(prepared).canned
        assert canned is not None
        assert canned.status == 200
        decoder = self.provider.decoder(prepared)
        events = [event for frame in frames(canned) for event in decoder.feed(frame)]
        return events if canned.cut else [*events, *decoder.end()]

    def whole(self, *items: str | HistoryItem, **options: Any) -> list[Event]:
        prepared = self.prepared(*items, stream=False, **options)
        canned = self.provider.encode(prepared).canned
        assert canned is not None
        return self.provider.decode(body(canned), prepared)


def body(canned: CannedAnswer) -> bytes:
    return b"".join(piece for piece in canned.pieces if not isinstance(piece, Pause))


def frames(canned: CannedAnswer) -> list[Frame]:
    found = []
    for frame in body(canned).decode().split("\n\n")[:-1]:
        event, data = frame.split("\n")
        found.append(Frame(event.removeprefix("event: "), data.removeprefix("data: ").encode()))
    return found


@pytest.fixture
def model() -> Model:
    return Model()
