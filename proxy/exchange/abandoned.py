"""The end of a background response that nobody works at any more: made from what was kept of its stream.

What was shown stays as it was. Its last item is closed, and the terminal event follows, by the writer that wrote the
rest: it is led through the kept events once more, without writing them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from proxy.exchange.kept_events import is_terminal
from proxy.responses.assembler import Outgoing
from proxy.responses.errors import ResponsesError, error_code
from proxy.responses.stream_writer import TEXT_KINDS, StreamWriter

_NAMES = {kind.first["type"]: name for name, kind in TEXT_KINDS.items() if kind.parts is not None}
"""The texts that have a part of their own, by the type of that part."""

_NEVER_INCOMPLETE = frozenset({"image_generation_call", "mcp_list_tools"})


_UNFIT = (AssertionError, KeyError, TypeError, ValueError)
"""What playing raises for events that it does not know."""


class Closing(NamedTuple):
    """The response as it ended, and the events that its stream lacked."""

    response: dict[str, Any]
    events: list[Outgoing]


def closing(opening: bytes, kept: Sequence[Outgoing], error: ResponsesError | None) -> Closing:
    """How a response ends of which `kept` are the events so far: as failed, or without an error as cancelled.

    `opening` is the response object that its client was given. A stream that has its end already keeps that.
    """
    if kept and is_terminal(kept[-1]):
        return Closing(orjson.loads(kept[-1][1])["response"], [])
    response: dict[str, Any] = orjson.loads(opening)
    response["status"] = "cancelled" if error is None else "failed"
    response["error"] = None if error is None else {"code": error_code(error), "message": error.message}
    if response.get("service_tier") == "auto":
        response["service_tier"] = "default"
    try:
        return _closed(response, {**orjson.loads(opening), "status": "in_progress"}, kept)
    except _UNFIT:
        # Events of another release: what was done is kept, and what was not is left open.
        response["output"] = [orjson.loads(data)["item"] for name, data in kept if name == "response.output_item.done"]
        last = orjson.dumps({"type": "response.failed", "sequence_number": len(kept), "response": response})
        return Closing(response, [("response.failed", last)])


def _closed(response: dict[str, Any], opening: Mapping[str, object], kept: Sequence[Outgoing]) -> Closing:
    tape = _Tape(opening, len(kept))
    for name, data in kept[3:]:
        tape.play(name.removeprefix("response."), orjson.loads(data))
    # The end of a part may have been written already, together with that of its text.
    if kept and tape.writer.sequence - len(tape.writer.outgoing) != len(kept):
        raise ValueError("the events were not written by this writer")
    response["output"] = tape.close()
    tape.writer.end(response)
    return Closing(response, tape.writer.take())


class _Tape:
    """Events that were kept, played to a writer."""

    def __init__(self, opening: Mapping[str, object], count: int) -> None:
        self.writer = StreamWriter(after=count - 1)
        self.writer.begin(opening, queued=True)
        self._output: list[dict[str, Any]] = []
        self._item: dict[str, Any] | None = None
        self._part: dict[str, Any] | None = None
        self._text: str | None = None

    def play(self, name: str, event: Mapping[str, Any]) -> None:
        """Take in the next event; `name` is its type without `response.`."""
        kind, _, phase = name.rpartition(".")
        if name == "output_item.added":
            self._item = event["item"]
            self.writer.open_item(event["item"])
            if event["item"]["type"] == "function_call":
                # The end of its arguments is told also where there are none.
                self._open("function_call_arguments")
        elif name == "output_item.done":
            self._item = None
            self._output.append(event["item"])
            self.writer.close_item(event["item"])
        elif kind.endswith("_part"):
            # Its end is written together with the end of its text.
            if phase == "added":
                self._part = event["part"]
                self._open(_NAMES[event["part"]["type"]])
        elif phase == "delta":
            if self._text != kind:
                self._open(kind)
            if event.get("logprobs"):
                self._part_of_text().setdefault("logprobs", []).extend(event["logprobs"])
                self.writer.write_logprobs(event["delta"], event["logprobs"])
            else:
                self.writer.write_delta(event["delta"])
        elif name == "output_text.annotation.added":
            self._part_of_text()["annotations"].append(event["annotation"])
            self.writer.write_annotation(event["annotation"], event["annotation_index"])
        elif phase == "done" and kind in TEXT_KINDS:
            if self._text != kind:
                self._open(kind)
            self._close_text()
        else:
            self.writer.tell(name)

    def close(self) -> list[dict[str, Any]]:
        """Close what is open; all items."""
        if self._text is not None:
            self._close_text()
        item = self._item
        if item is not None:
            if "status" in item:
                item["status"] = "failed" if item["type"] in _NEVER_INCOMPLETE else "incomplete"
            self._output.append(item)
            self.writer.close_item(item)
        return self._output

    def _open(self, text: str) -> None:
        self._text = text
        self.writer.open_text(text)

    def _close_text(self) -> None:
        assert self._text is not None
        assert self._item is not None
        kind = TEXT_KINDS[self._text]
        holder = self._item if kind.parts is None else self._part_of_text()
        holder[kind.member] = self.writer.text
        if kind.parts is not None:
            self._item[kind.parts].append(holder)
        self.writer.close_text(holder)
        self._text = self._part = None

    def _part_of_text(self) -> dict[str, Any]:
        assert self._part is not None
        return self._part
