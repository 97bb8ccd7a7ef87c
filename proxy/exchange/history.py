"""Histories put in order, once, before any provider sees them.

What comes out keeps the promises of `proxy.provider.history`: calls of one assistant step stand together, their results
follow at once, each call has one result and each result its call.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NoReturn, TypeAlias

import orjson

from proxy.exchange.hosted_notes import note_of
from proxy.exchange.tools import BUILT_IN
from proxy.provider.conversions import Conversion, approximated, dropped, ignored, refuse
from proxy.provider.history import (
    HOSTED_PROOF,
    CallItem,
    HistoryItem,
    MessageItem,
    OpenedProof,
    Part,
    ReasoningItem,
    ResultItem,
)
from proxy.responses import errors
from proxy.responses.client_tools import BY_OUTPUT, CLIENT_TOOLS, KINDS_BY_CALL, Result
from proxy.responses.custom_input import wrapped
from proxy.responses.items import ITEM_TAGS

Item: TypeAlias = Mapping[str, Any]
OpenProof: TypeAlias = Callable[[str, str], OpenedProof | None]
"""(encrypted content, its path) -> the proof, or None when it is not for this target."""

OpenSummary: TypeAlias = Callable[[str, str], str]
"""(encrypted content of a compaction item, the item's path) -> the summary; refuses one that is not to be read."""

OfferedName: TypeAlias = Callable[[str, str | None], str]
"""(name, namespace) -> the name under which the tool is offered to the vendor. A tool of the client that has items of
its own is asked for by its type and `BUILT_IN`."""

HistoryMode: TypeAlias = Literal["refuse", "repair"]

EXPANDED = """\
The conversation so far was replaced by this summary of it. It is what is known of the assistant's earlier answers and \
of the results of its tools; go on from here.

<summary>
{}
</summary>"""
"""The message of the user that a compaction item becomes. Not one of the developer: what tools said stands in it."""

NO_OUTPUT = "No output was recorded for this call."


@dataclass(slots=True)
class _Step:
    """An assistant step whose calls still wait for results. `deferred` came in between and belongs after them."""

    items: list[HistoryItem] = field(default_factory=list)
    calls: dict[str, CallItem] = field(default_factory=dict)
    results: dict[str, ResultItem] = field(default_factory=dict)
    deferred: list[HistoryItem] = field(default_factory=list)

    @property
    def answered(self) -> bool:
        return len(self.results) == len(self.calls)


class _History:
    """Collects items in order."""

    def __init__(self, mode: HistoryMode, conversions: list[Conversion]) -> None:
        self.items: list[HistoryItem] = []
        self._mode = mode
        self._conversions = conversions
        self.step: _Step | None = None
        self._placed: dict[str, int] = {}
        self.notes: list[MessageItem] = []
        self._summary: MessageItem | None = None

    def add(self, item: HistoryItem) -> None:
        step = self.step
        if isinstance(item, CallItem):
            self._add_call(item)
        elif isinstance(item, ResultItem):
            self._add_result(item)
        elif step is None:
            self._append(item)
        elif step.answered:
            self._close_step()
            self._append(item)
        elif isinstance(item, ReasoningItem):
            step.items.append(item)
        elif isinstance(item, MessageItem) and item.role == "assistant":
            self._move_before_calls(step, item)
        else:
            step.deferred.append(item)

    def note(self, item: MessageItem) -> None:
        """Tell what a hosted tool did: after the assistant's turn, which nothing of the user may divide."""
        self.notes.append(item)

    def _append(self, item: HistoryItem) -> None:
        if self.notes and isinstance(item, MessageItem) and item.role != "assistant":
            self._place_notes()
        self.items.append(item)

    def _place_notes(self) -> None:
        self.items += self.notes
        self.notes = []

    def _move_before_calls(self, step: _Step, message: MessageItem) -> None:
        """Put a message in front of the step's calls, together with the reasoning that led to it."""
        start = len(step.items)
        while isinstance(earlier := step.items[start - 1], ReasoningItem) and _leads_on(earlier):
            start -= 1
        moved = [*step.items[start:], message]
        del step.items[start:]
        first_call = next(index for index, earlier in enumerate(step.items) if isinstance(earlier, CallItem))
        step.items[first_call:first_call] = moved

    def _add_call(self, call: CallItem) -> None:
        step = self.step
        if step is not None and step.answered:
            self._close_step()
            step = None
        if step is None:
            step = self.step = _Step()
        if earlier := step.calls.pop(call.call_id, None):
            step.items.remove(earlier)
            self._conversions.append(ignored(earlier.path, "the same call stands again later"))
        step.items.append(call)
        step.calls[call.call_id] = call

    def _add_result(self, result: ResultItem) -> None:
        step = self.step
        if step is not None and result.call_id in step.calls:
            earlier = step.results.get(result.call_id)
            step.results[result.call_id] = result
        elif (position := self._placed.get(result.call_id)) is not None:
            placed = self.items[position]
            assert isinstance(placed, ResultItem)
            earlier, result.name, result.call_id = placed, placed.name, placed.call_id
            self.items[position] = result
        elif self._mode == "repair":
            self._conversions.append(dropped(result.path, "an output without its call"))
            return
        else:
            raise errors.tool_call_missing(result.call_id)
        if earlier is not None:
            self._conversions.append(ignored(earlier.path, "a later output answers the same call"))

    def _close_step(self) -> None:
        step, self.step = self.step, None
        if step is None:
            return
        self.items += step.items
        for call_id, call in step.calls.items():
            result = step.results.get(call_id)
            if result is None:
                if self._mode == "refuse":
                    raise errors.tool_output_missing(call_id)
                self._conversions.append(Conversion(call.path, "approximated", "a missing output was filled in"))
                result = ResultItem(call_id, call.name, NO_OUTPUT, failed=True, path=call.path)
            result.name = call.name
            if call_id in self._placed:
                # Vendors that count their calls begin anew with each answer, and others take no id twice.
                call.call_id = result.call_id = self._another_id(call_id)
                self._placed[call.call_id] = len(self.items)
            self._placed[call_id] = len(self.items)
            self.items.append(result)
        for item in step.deferred:
            self.add(item)

    def _another_id(self, call_id: str) -> str:
        number = 2
        while (other := f"{call_id[:56]}_{number}") in self._placed:
            number += 1
        return other

    def compact(self, summary: MessageItem) -> None:
        """Put a summary in place of everything so far but the messages to the model."""
        step, self.step = self.step, None
        earlier, self._summary = self._summary, summary
        items = [*self.items, *([*step.items, *step.results.values(), *step.deferred] if step else ())]
        self.notes.clear()
        kept: list[HistoryItem] = []
        for item in items:
            if isinstance(item, MessageItem) and item.role != "assistant" and item is not earlier:
                kept.append(item)
            else:
                self._conversions.append(ignored(item.path, "the compaction item after it stands for it"))
        self.items = [*kept, summary]
        self._placed.clear()

    def close(self) -> list[HistoryItem]:
        while self.step is not None:
            self._close_step()
        self._place_notes()
        return self.items


def ordered(
    items: Sequence[Item],
    *,
    mode: HistoryMode,
    offered_name: OfferedName,
    open_proof: OpenProof,
    open_summary: OpenSummary,
    refused_parts: Collection[str],
    conversions: list[Conversion],
    inherited: int = 0,
    native_custom: bool = False,
    native: Collection[str] = (),
) -> list[HistoryItem]:
    """The history of a request, in order, as a provider may rely on it. `refused_parts` are the types of content parts
    that the model does not take; `native_custom`: it has custom tools itself; `native` are the types of items that it
    takes as they are. The first `inherited` items are not the request's own: they come from state.

    Raises ResponsesError: 400 for calls without outputs and outputs without calls unless `mode` is repair, 404 for
    references to items that are not stored, 400 for items that cannot be carried.
    """
    history = _History(mode, conversions)
    unneeded = _Unneeded(conversions, frozenset(native))
    reading = _Reading(history, offered_name, open_proof, refused_parts, native_custom, conversions, native)
    phases = "message" in native
    for index, item in enumerate(items):
        path = item_path(index, inherited)
        kind = item["type"]
        if kind == "message":
            parts, role = item["content"], item["role"]
            if len(parts) == 1 and (part := parts[0]).get("text") and history.step is None and not history.notes:
                # One text, as nearly every message of a long history: nothing to put in order.
                if role == "assistant" and (part.get("annotations") or part.get("logprobs") or item.get("phase")):
                    unneeded.look_at_answer(item, path)
                history.items.append(MessageItem(role, parts, path, item.get("phase") if phases else None))
                continue
            if role == "assistant":
                unneeded.look_at_answer(item, path)
            if message := _message(item, path, refused_parts, conversions):
                message.phase = item.get("phase") if phases else None
                history.add(message)
        elif kind == "function_call":
            unneeded.look_at(item, path)
            name = offered_name(item["name"], item.get("namespace"))
            arguments = item.get("arguments") or ""
            told = item if kind in native else None
            history.add(CallItem(item["call_id"], name, arguments if arguments.strip() else "{}", path, native=told))
        elif kind in ("function_call_output", "custom_tool_call_output"):
            unneeded.look_at(item, path)
            result = _result(item, path, refused_parts)
            result.native = item if kind in native else None
            history.add(result)
        elif kind == "reasoning":
            reading.reasoning(item, path)
        elif kind == "compaction":
            text = EXPANDED.format(open_summary(item.get("encrypted_content") or "", path))
            history.compact(MessageItem("user", [{"type": "input_text", "text": text}], path))
        elif kind == "compaction_trigger" and index < inherited:
            # It was answered by the compaction item after it.
            continue
        elif kind == "item_reference":
            raise errors.item_not_found(item["id"])
        elif kind in native and kind in _RUN_BY_SERVERS:
            history.add(_as_it_is(item, path))
        elif kind in _REFUSED:
            refuse(path, f"An item of type '{kind}' {_REFUSED[kind]}.", value=True)
        elif kind not in ITEM_TAGS:
            # A vendor's own kind, out of a stored answer.
            if native:
                history.add(_as_it_is(item, path))
            else:
                conversions.append(dropped(path, f"an item of type '{kind}' is known to its vendor alone"))
        elif kind not in _READ_ELSEWHERE:
            unneeded.look_at(item, path)
            following = (items[index + 1], item_path(index + 1, inherited)) if index + 1 < len(items) else None
            reading.tool_item(item, path, following)
    return history.close()


_NO_EFFECT: Mapping[str, tuple[str, ...]] = {
    "function_call": ("async", "caller"),
    "function_call_output": ("name", "namespace", "caller"),
    "custom_tool_call": ("async", "caller"),
    "custom_tool_call_output": ("name", "caller"),
    "shell_call": ("environment", "caller"),
    "shell_call_output": ("caller", "max_output_length"),
    "apply_patch_call": ("caller",),
    "apply_patch_call_output": ("caller",),
    "computer_call": ("pending_safety_checks",),
    "computer_call_output": ("acknowledged_safety_checks",),
}
"""Members of items that say something to a client or to OpenAI's own models, and nothing to others."""


@dataclass(slots=True)
class _Unneeded:
    """Declares members that have no effect, each kind of them where it stands first: histories repeat them."""

    conversions: list[Conversion]
    native: frozenset[str] = frozenset()
    seen: set[tuple[str, str]] = field(default_factory=set)

    def look_at(self, item: Item, path: str) -> None:
        kind = item["type"]
        if kind in self.native:
            return
        for member in _NO_EFFECT.get(kind, ()):
            if item.get(member):
                self._declare(kind, member, f"{path}.{member}")

    def look_at_answer(self, item: Item, path: str) -> None:
        if "message" in self.native:
            return
        if item.get("phase"):
            self._declare("message", "phase", f"{path}.phase")
        for index, part in enumerate(item["content"]):
            for member in ("annotations", "logprobs"):
                if part.get(member):
                    self._declare("message", member, f"{path}.content[{index}].{member}")

    def _declare(self, kind: str, member: str, path: str) -> None:
        if (kind, member) not in self.seen:
            self.seen.add((kind, member))
            self.conversions.append(ignored(path, "means nothing to the model, here and in the items after it"))


@dataclass(slots=True)
class _Reading:
    """Reads the items that are neither messages nor functions. `shell_calls`: the id of a local shell's call -> its
    `call_id`; `opened`: the reasoning item that comes next, read already for the tool item before it."""

    history: _History
    offered_name: OfferedName
    open_proof: OpenProof
    refused_parts: Collection[str]
    native_custom: bool
    conversions: list[Conversion]
    native: Collection[str] = ()
    shell_calls: dict[str, str] = field(default_factory=dict)
    opened: ReasoningItem | None = None

    def reasoning(self, item: Item, path: str) -> None:
        opened, self.opened = self.opened, None
        self.history.add(opened if opened is not None else _reasoning(item, path, self.open_proof))

    def tool_item(self, item: Item, path: str, following: tuple[Item, str] | None) -> None:
        """Read an item; `following`: the one after it, with its path."""
        kind = item["type"]
        if kind == "custom_tool_call":
            self._custom_call(item, path)
        elif kind in _SEARCHES and (item.get("execution") == "server" or not item.get("call_id")):
            if kind in self.native:
                self.history.add(_as_it_is(item, path))
                return
            self._hosted(item, path, following)
        elif kind in KINDS_BY_CALL:
            self._client_call(item, path)
        elif kind in BY_OUTPUT:
            self._client_output(item, path)
        else:
            self._hosted(item, path, following)

    def _custom_call(self, item: Item, path: str) -> None:
        name = self.offered_name(item["name"], item.get("namespace"))
        text = item.get("input") or ""
        arguments = text if self.native_custom else wrapped(text)
        told = item if "custom_tool_call" in self.native else None
        self.history.add(CallItem(item["call_id"], name, arguments, path, custom=self.native_custom, native=told))

    def _client_call(self, item: Item, path: str) -> None:
        kind = KINDS_BY_CALL[item["type"]][0]
        if item["type"] == "computer_call" and item.get("action") and not item.get("actions"):
            kind = "computer_use_preview"
        if item["type"] == "local_shell_call" and item.get("id"):
            self.shell_calls[item["id"]] = item["call_id"]
        arguments = orjson.dumps(CLIENT_TOOLS[kind].arguments(item)).decode()
        told = item if item["type"] in self.native else None
        self.history.add(CallItem(item["call_id"], self.offered_name(kind, BUILT_IN), arguments, path, native=told))

    def _client_output(self, item: Item, path: str) -> None:
        tool = BY_OUTPUT[item["type"]]
        told_as_it_is = item if item["type"] in self.native else None
        call_id = item.get("call_id") or ""
        if not call_id and item["type"] == "local_shell_call_output":
            call_id = self.shell_calls.get(item.get("id") or "", item.get("id") or "")
        if item["type"] == "tool_search_output":
            item = {**item, "tools": self._as_offered(item["tools"])}
        told: Result = tool.result(item)
        output: str | list[Part] = told if isinstance(told, str) else [*told]
        if isinstance(output, list):
            for part in output:
                if part["type"] in self.refused_parts:
                    _refuse_part(part, f"{path}.output")
        self.history.add(ResultItem(call_id, "", output, tool.failed(item), path, native=told_as_it_is))

    def _as_offered(self, tools: Sequence[Item], namespace: str | None = None) -> list[Item]:
        """The tools one by one, those that the model calls by name under the name that it knows."""
        found: list[Item] = []
        for tool in tools:
            if tool["type"] == "namespace":
                found += self._as_offered(tool["tools"], tool["name"])
            elif tool["type"] in ("function", "custom"):
                found.append({"name": self.offered_name(tool["name"], namespace)})
            else:
                found.append(tool)
        return found

    def _hosted(self, item: Item, path: str, following: tuple[Item, str] | None) -> None:
        """A tool that a server ran: what its vendor needs of it follows as a sealed proof, where it is this vendor."""
        if following is not None and following[0]["type"] == "reasoning" and following[0].get("encrypted_content"):
            opened = _reasoning(*following, self.open_proof)
            self.opened = opened
            if opened.proof is not None and opened.proof.kind == HOSTED_PROOF:
                return
        parts = note_of(item, images="input_image" not in self.refused_parts)
        if parts:
            self.conversions.append(approximated(path, "told to the model in words"))
            self.history.note(MessageItem("user", [*parts], path))
        else:
            self.conversions.append(ignored(path, "what the model took from it stands in its answer"))


def item_path(index: int, inherited: int) -> str:
    """The path of the item at `index`, of which the first `inherited` come from state: `history[3]`, `input[0]`."""
    if index < inherited:
        return f"history[{index}]"
    index -= inherited
    return _PATHS[index] if index < len(_PATHS) else f"input[{index}]"


_PATHS = tuple(f"input[{index}]" for index in range(1000))

_SEARCHES = frozenset({"tool_search_call", "tool_search_output"})
"""Items of a search for tools, which a server may have run."""

_RUN_BY_SERVERS = frozenset(
    {
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_list_tools",
        "mcp_call",
        "mcp_approval_request",
        "mcp_approval_response",
        "program",
        "program_output",
    }
)
"""Items of tools that a server ran, and what is said about them."""

_READ_ELSEWHERE = frozenset({"additional_tools", "configuration_update"})
"""Items that are settings: they are read before the history."""

_REFUSED: Mapping[str, str] = {
    "compaction_trigger": "asks for a compaction and stands at the end of the input",
    "program": "belongs to programmatic tool calling, which this provider does not have",
    "program_output": "belongs to programmatic tool calling, which this provider does not have",
}


def _message(
    item: Item, path: str, refused_parts: Collection[str], conversions: list[Conversion]
) -> MessageItem | None:
    parts = item["content"]
    empty = False
    for index, part in enumerate(parts):
        member = _TEXT_MEMBERS.get(part["type"])
        if member is None:
            if part["type"] in refused_parts:
                _refuse_part(part, f"{path}.content[{index}]")
        elif not part[member]:
            empty = True
    if empty:
        parts = [part for part in parts if part.get(_TEXT_MEMBERS.get(part["type"], "type"))]
    if not parts:
        conversions.append(ignored(path, "the message is empty"))
        return None
    return MessageItem(item["role"], parts, path)


_TEXT_MEMBERS = {"input_text": "text", "output_text": "text", "refusal": "refusal"}
"""The parts that are text, and the member that holds it."""


def _refuse_part(part: Part, path: str) -> NoReturn:
    refuse(path, f"The model does not take content of type '{part['type']}'.", value=True)


def _result(item: Item, path: str, refused_parts: Collection[str]) -> ResultItem:
    output = item.get("output") or ""
    if isinstance(output, list):
        for index, part in enumerate(output):
            if part["type"] in refused_parts:
                _refuse_part(part, f"{path}.output[{index}]")
        output = [part for part in output if part.get(_TEXT_MEMBERS.get(part["type"], "type"))]
    return ResultItem(item["call_id"], "", output or "", item.get("status") == "incomplete", path)


def _reasoning(item: Item, path: str, open_proof: OpenProof) -> ReasoningItem:
    sealed = item.get("encrypted_content")
    proof = open_proof(sealed, f"{path}.encrypted_content") if sealed else None
    return ReasoningItem(_texts(item.get("summary")), _texts(item.get("content")), proof, path)


def _as_it_is(item: Item, path: str) -> ReasoningItem:
    """An item of a tool that a server ran, for a vendor that knows it."""
    return ReasoningItem([], [], OpenedProof(HOSTED_PROOF, orjson.dumps(item).decode(), "previous", None), path)


def _leads_on(reasoning: ReasoningItem) -> bool:
    """Whether the reasoning belongs to what follows it."""
    return reasoning.proof is None or reasoning.proof.binds in ("self", "next")


def _texts(parts: list[dict[str, str]] | None) -> list[str]:
    return [part["text"] for part in parts or () if part.get("text")]
