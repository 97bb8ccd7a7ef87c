"""Build well-formed response streams for tests, one method for each stretch of the grammar."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from proxy.testing.grammar.events import CALLS

Json = dict[str, Any]

USAGE: Final[Json] = {
    "input_tokens": 12,
    "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
    "output_tokens": 9,
    "output_tokens_details": {"reasoning_tokens": 3},
    "total_tokens": 21,
}


def response_object(status: str = "in_progress", **members: Any) -> Json:
    """Give a response object with every setting at its default (section 7)."""
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_760_000_000,
        "status": status,
        "completed_at": 1_760_000_005 if status == "completed" else None,
        "model": "model-1",
        "output": [],
        "error": {"code": "server_error", "message": "The model failed."} if status == "failed" else None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == "incomplete" else None,
        "instructions": None,
        "metadata": {},
        "previous_response_id": None,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1.0,
        "top_p": 1.0,
        "top_logprobs": 0,
        "frequency_penalty": 0.0,
        "presence_penalty": 0.0,
        "truncation": "disabled",
        "text": {"format": {"type": "text"}, "verbosity": "medium"},
        "reasoning": {"effort": None, "summary": None},
        "max_output_tokens": None,
        "max_tool_calls": None,
        "store": True,
        "background": False,
        "service_tier": "default",
        "safety_identifier": None,
        "prompt_cache_key": None,
        "usage": copy.deepcopy(USAGE) if status in ("completed", "incomplete") else None,
        **members,
    }


def encode(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Write events as the body of a stream, with its end mark (section 11.1)."""
    frames = [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events]
    return "".join([*frames, "data: [DONE]\n\n"]).encode()


class StreamBuilder:
    """Collects numbered events; items and parts get their indexes and ids in order of appearance."""

    def __init__(self, *, queued: bool = False, started: bool = True) -> None:
        self.events: list[Json] = []
        self.output: list[Json] = []
        self._item: Json = {}
        self._emit("response.created", response=response_object("queued" if queued else "in_progress"))
        if queued:
            self._emit("response.queued", response=response_object("queued"))
        if started:
            self._emit("response.in_progress", response=response_object())

    def _emit(self, kind: str, **members: Any) -> None:
        self.events.append({"type": kind, "sequence_number": len(self.events), **copy.deepcopy(members)})

    def _in_item(self, kind: str, **members: Any) -> None:
        self._emit(kind, item_id=self._item["id"], output_index=len(self.output), **members)

    def open(self, item: Json) -> StreamBuilder:
        """Add an item, as it looks before anything is known."""
        self._item = item
        self._emit("response.output_item.added", output_index=len(self.output), item=item)
        return self

    def close(self, **members: Any) -> StreamBuilder:
        """Finish the open item with the members that have become known."""
        done = {**self._item, **members}
        self._emit("response.output_item.done", output_index=len(self.output), item=done)
        self.output.append(done)
        return self

    def text_part(
        self,
        deltas: Sequence[str],
        *,
        series: str = "content",
        kind: str = "output_text",
        annotations: Sequence[Json] = (),
    ) -> Json:
        """Stream one part of the open item and give the finished part."""
        index = {"summary_index" if series == "summary" else "content_index": self._part_count(series)}
        stem = {"summary_text": "reasoning_summary_text"}.get(kind, kind)
        frame = "reasoning_summary_part" if series == "summary" else "content_part"
        member = "refusal" if kind == "refusal" else "text"
        arrays: Json = {"annotations": [], "logprobs": []} if kind == "output_text" else {}
        logprobs: Json = {"logprobs": []} if kind == "output_text" else {}
        self._in_item(f"response.{frame}.added", **index, part={"type": kind, member: "", **arrays})
        for delta in deltas:
            self._in_item(f"response.{stem}.delta", **index, delta=delta, **logprobs)
        for number, annotation in enumerate(annotations):
            self._in_item(f"response.{stem}.annotation.added", **index, annotation_index=number, annotation=annotation)
        text = "".join(deltas)
        self._in_item(f"response.{stem}.done", **index, **{member: text}, **logprobs)
        part = {"type": kind, member: text, **arrays}
        if annotations:
            part["annotations"] = [dict(annotation) for annotation in annotations]
        self._in_item(f"response.{frame}.done", **index, part=part)
        return part

    def _part_count(self, series: str) -> int:
        kind = "response.reasoning_summary_part.added" if series == "summary" else "response.content_part.added"
        return sum(event["type"] == kind and event["item_id"] == self._item["id"] for event in self.events)

    def arguments(self, deltas: Sequence[str]) -> str:
        """Stream the arguments of the open item and give them whole."""
        stem, member = CALLS[self._item["type"]]
        for delta in deltas:
            self._in_item(f"{stem}.delta", delta=delta)
        text = "".join(deltas)
        self._in_item(f"{stem}.done", **{member: text})
        return text

    def phase(self, *names: str, **members: Any) -> StreamBuilder:
        """Take the open hosted item through phases."""
        for name in names:
            self._in_item(f"response.{self._item['type']}.{name}", **members)
        return self

    def command(self, index: int, deltas: Sequence[str]) -> str:
        """Stream one command of the open shell call and give it whole."""
        place = {"output_index": len(self.output), "command_index": index}
        self._emit("response.shell_call_command.added", **place, command="")
        for delta in deltas:
            self._emit("response.shell_call_command.delta", **place, delta=delta)
        text = "".join(deltas)
        self._emit("response.shell_call_command.done", **place, command=text)
        return text

    # whole items

    def message(
        self, *texts: Sequence[str], status: str = "completed", annotations: Sequence[Json] = ()
    ) -> StreamBuilder:
        """Stream a message with one text part for each list of deltas."""
        self.open(
            {
                "id": f"msg_{len(self.output)}",
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
        )
        parts = [self.text_part(deltas, annotations=annotations) for deltas in texts]
        return self.close(status=status, content=parts)

    def refusal(self, deltas: Sequence[str]) -> StreamBuilder:
        """Stream a message that refuses."""
        self.open(
            {
                "id": f"msg_{len(self.output)}",
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
        )
        return self.close(status="completed", content=[self.text_part(deltas, kind="refusal")])

    def reasoning(
        self, *, summary: Sequence[Sequence[str]] = (), content: Sequence[Sequence[str]] = ()
    ) -> StreamBuilder:
        """Stream a reasoning item with summary parts, then with raw content parts."""
        self.open({"id": f"rs_{len(self.output)}", "type": "reasoning", "summary": [], "encrypted_content": "a"})
        done: Json = {
            "summary": [self.text_part(deltas, series="summary", kind="summary_text") for deltas in summary],
            "encrypted_content": "abc",
        }
        if content:
            done["content"] = [self.text_part(deltas, kind="reasoning_text") for deltas in content]
        return self.close(**done)

    def function_call(self, deltas: Sequence[str], *, status: str = "completed") -> StreamBuilder:
        """Stream a function call."""
        number = len(self.output)
        self.open(
            {
                "id": f"fc_{number}",
                "type": "function_call",
                "status": "in_progress",
                "call_id": f"call_{number}",
                "name": "look_up",
                "arguments": "",
            }
        )
        return self.close(status=status, arguments=self.arguments(deltas))

    def custom_tool_call(self, deltas: Sequence[str]) -> StreamBuilder:
        """Stream a call of a custom tool."""
        number = len(self.output)
        self.open(
            {
                "id": f"ctc_{number}",
                "type": "custom_tool_call",
                "status": "in_progress",
                "call_id": f"call_{number}",
                "name": "draw",
                "input": "",
            }
        )
        return self.close(status="completed", input=self.arguments(deltas))

    def web_search(self) -> StreamBuilder:
        """Stream a hosted web search."""
        self.open({"id": f"ws_{len(self.output)}", "type": "web_search_call", "status": "in_progress"})
        self.phase("in_progress", "searching", "completed")
        return self.close(status="completed", action={"type": "search", "query": "tide table"})

    def code_interpreter(self, deltas: Sequence[str]) -> StreamBuilder:
        """Stream a hosted run of code."""
        self.open(
            {
                "id": f"ci_{len(self.output)}",
                "type": "code_interpreter_call",
                "status": "in_progress",
                "code": "",
                "container_id": "cntr_1",
                "outputs": None,
            }
        )
        self.phase("in_progress")
        code = self.arguments(deltas)
        self.phase("interpreting", "completed")
        return self.close(status="completed", code=code)

    # endings

    def end(self, status: str = "completed", **members: Any) -> list[Json]:
        """Send the terminal event of a status and give all events."""
        kind = "response.failed" if status == "cancelled" else f"response.{status}"
        self._emit(kind, response=response_object(status, **{"output": self.output, **members}))
        return self.events

    def error(self) -> StreamBuilder:
        """Send the error event in both of its forms."""
        error = {"type": "server_error", "code": "server_error", "message": "The model failed.", "param": None}
        flat = {name: error[name] for name in ("code", "message", "param")}
        self._emit("error", error=error, **flat)
        return self
