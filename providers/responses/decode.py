"""A server's stream of Responses events -> neutral events, one small function for each kind of event.

Every event is read, none is passed on as bytes: ids, numbers and the model's name are the gateway's. What small servers
leave out is made up for from what they said: items that were never added, texts that came only with their end, an end
without its output. Events that are not known here go on as they are.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Final, TypeGuard, get_type_hints

import orjson

from providers.responses.items import PROOF
from providers.responses.usage import usage_of
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses import hosted_items, items
from proxy.responses.events import (
    EVENT_NAME,
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Failed,
    Finished,
    FinishReason,
    Members,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
    Verbatim,
)

ErrorOf = Callable[[object], ProviderError]
"""A value that holds an error -> what it means."""

Json = dict[str, Any]

REASONS: Final[Mapping[str, FinishReason]] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "content_filter",
    "max_messages": "max_messages",
    "steered": "steered",
}

KEPT_MEMBERS: Final = ("tool_usage", "input_transformations")
"""Members of the server's response that ours has as they are."""

CALLS: Final[Mapping[str, str]] = {"function_call": "arguments", "custom_tool_call": "input"}
"""Items that are calls of the client's tools, and the member with what the model wrote."""

STREAMED: Final = frozenset(
    {
        "message",
        "reasoning",
        *CALLS,
        "web_search_call",
        "file_search_call",
        "code_interpreter_call",
        "image_generation_call",
        "mcp_call",
        "mcp_list_tools",
    }
)
"""Items that clients are shown while they grow. Any other is shown when it is whole, with all that was said of it: of
one that is cut there is no form, and nothing of a call that is cut may be carried out."""

NEEDED: Final[Mapping[str, Mapping[str, type]]] = {
    "apply_patch_call": {"call_id": str, "operation": dict},
    "apply_patch_call_output": {"call_id": str},
    "compaction": {"encrypted_content": str},
    "computer_call": {"call_id": str},
    "local_shell_call": {"call_id": str, "action": dict},
    "mcp_approval_request": {"name": str, "server_label": str, "arguments": str},
    "program": {"call_id": str, "code": str},
    "program_output": {"call_id": str},
    "shell_call": {"call_id": str, "action": dict},
    "shell_call_output": {"call_id": str, "output": list},
    "tool_search_call": {"execution": str},
    "tool_search_output": {"tools": list, "execution": str},
}
"""What a client relies on in an item that is shown whole; without it the item is left out."""

_CALL_MEMBERS: Final = frozenset({"type", "id", "status", "call_id", "name", "namespace", "arguments", "input"})

_BY_ID: Final = "id "
"""How the keys of items begin whose server tells no index."""

_WORDLESS: Final = frozenset({"response.created", "response.in_progress", "response.queued", "keepalive", "ping"})
"""Events that say nothing beyond what the gateway says itself."""

_CHANNELS: Final[Mapping[str, str]] = {
    "response.output_text.delta": "output_text",
    "response.refusal.delta": "refusal",
    "response.reasoning_text.delta": "reasoning_text",
    "response.reasoning_summary_text.delta": "summary_text",
    "response.reasoning_summary.delta": "summary_text",
    "response.reasoning.delta": "reasoning_text",
}
"""The events that go on with a text, and the type of the part that it stands in."""

_ENDED_CHANNELS: Final[Mapping[str, str]] = {
    f"{name.removesuffix('.delta')}.done": kind for name, kind in _CHANNELS.items()
}

_ITEM_OF: Final[Mapping[str, str]] = {
    "output_text": "message",
    "refusal": "message",
    "reasoning_text": "reasoning",
    "summary_text": "reasoning",
}
"""The kind of item that a part stands in."""

PARTS_OF: Final[Mapping[str, frozenset[str]]] = {
    item: frozenset(part for part, holder in _ITEM_OF.items() if holder == item) for item in ("message", "reasoning")
}
"""The parts that grow in a kind of item."""

MAX_MISNAMED: Final = 50
"""Among how many streamed parts one is looked for whose server calls it otherwise at the end."""

_TEXT_MEMBER: Final[Mapping[str, str]] = {"refusal": "refusal"}


@dataclass(slots=True)
class _Item:
    """An item that was opened: its key, its type, each of its texts as far as it was given, with its length, what was
    written of a call's arguments, what is held back until it is whole, and its `opening`, until there is anything in
    it: an item of which nothing is known is no output yet."""

    key: str
    kind: str
    given: dict[str, list[str]] = field(default_factory=dict)
    lengths: dict[str, int] = field(default_factory=dict)
    annotated: dict[str, int] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    length: int = 0
    held: list[Event] = field(default_factory=list)
    opening: Event | None = None


class ResponsesDecoder:
    """Reads one streamed answer."""

    def __init__(self, error_of: ErrorOf) -> None:
        self._error_of = error_of
        self._items: dict[str, _Item] = {}
        self._closed: set[str] = set()
        self._named: dict[str, str] = {}
        self._started = False
        self._over = False
        # Whether an item ended before it was complete: the answer is not complete then, whatever is said of it.
        self._half = False

    def feed(self, frame: Frame) -> Sequence[Event]:
        """The events of one frame."""
        if self._over or frame.data == b"[DONE]":
            return ()
        try:
            event = orjson.loads(frame.data)
        except orjson.JSONDecodeError:
            return self._fail(ProviderError("vendor_failure", "The provider's stream holds an event that is not JSON."))
        if not isinstance(event, dict):
            return ()
        name = event.get("type")
        if not isinstance(name, str):
            name = frame.event
        channel = _CHANNELS.get(name)
        if channel is not None:
            return self._delta(event, channel)
        read = _READERS.get(name)
        if read is not None:
            return read(self, event)
        if name in _WORDLESS:
            return self._start(event.get("response"))
        if name == "error" or (not name and "error" in event):
            return self._fail(self._error_of(event if "error" in event else {"error": event}))
        if name.startswith("response."):
            return self._own(name.removeprefix("response."), event)
        return ()

    def end(self) -> Sequence[Event]:
        """The body ended: without its terminal event it was cut."""
        if self._over:
            return ()
        return self._fail(ProviderError("cut", "The provider's stream ended before its answer did."))

    # --- the response ------------------------------------------------------------------------------------------------

    def whole(self, response: Mapping[str, Any]) -> list[Event]:
        """The events of a whole answer, or of what a terminal event has and the stream had not."""
        events = [*self._start(response)]
        output = response.get("output")
        streamed = list(self._items)
        for index, item in enumerate(output if isinstance(output, list) else ()):
            if isinstance(item, dict) and isinstance(item.get("type"), str):
                events += self._whole_item(self._key_at(index, item.get("id"), streamed), item)
        kept = {name: response[name] for name in KEPT_MEMBERS if response.get(name) is not None}
        if kept:
            events.append(Members(kept))
        usage = usage_of(response.get("usage"))
        if usage is not None:
            events.append(usage)
        return events

    def terminal(self, response: object, status: str) -> list[Event]:
        """The end of an answer, as its status says."""
        answer = response if isinstance(response, dict) else {}
        events = self.whole(answer)
        self._over = True
        stated = answer.get("status")
        status = stated if isinstance(stated, str) else status
        details = answer.get("incomplete_details")
        reason = details.get("reason") if isinstance(details, dict) else None
        if status == "completed" and reason is None and not self._half:
            return [*events, Finished("stop", status)]
        if status in ("completed", "incomplete"):
            return [*events, Finished(REASONS.get(str(reason), "length"), str(reason))]
        error = answer.get("error")
        if status == "cancelled" or (status != "failed" and not error):
            return [*events, Failed(ProviderError("vendor_failure", f"The provider ended its answer as {status!r}."))]
        return [*events, Failed(self._error_of({"error": error or {"message": "The provider's answer failed."}}))]

    def _start(self, response: object) -> list[Event]:
        answer = response if isinstance(response, dict) else {}
        if not answer and self._started:
            return []
        self._started = True
        tier = answer.get("service_tier")
        names = [value if isinstance(value := answer.get(name), str) else None for name in ("id", "model")]
        return [Started(names[0], names[1], tier if isinstance(tier, str) and tier != "auto" else None)]

    def _fail(self, error: ProviderError) -> list[Event]:
        self._over = True
        return [Failed(error)]

    def _completed(self, event: Json) -> list[Event]:
        return self.terminal(event.get("response"), "completed")

    def _incomplete(self, event: Json) -> list[Event]:
        return self.terminal(event.get("response"), "incomplete")

    def _failed(self, event: Json) -> list[Event]:
        return self.terminal(event.get("response"), "failed")

    # --- items -------------------------------------------------------------------------------------------------------

    def _added(self, event: Json) -> list[Event]:
        item = event.get("item")
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            return []
        key = self._key(event, item.get("id"))
        return [] if key in self._items or key in self._closed else self._open(key, item)

    def _done(self, event: Json) -> list[Event]:
        item = event.get("item")
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            return []
        return self._whole_item(self._key(event, item.get("id")), item)

    def _key(self, event: Json, item_id: object) -> str:
        """What an item is called here: its index, under which its id is known as well."""
        index = event.get("output_index")
        known = self._named.get(item_id) if isinstance(item_id, str) else None
        if isinstance(index, int) and not isinstance(index, bool):
            key = str(index)
        else:
            key = known if known is not None else f"{_BY_ID}{item_id}" if isinstance(item_id, str) else self._latest()
        if isinstance(item_id, str):
            self._named.setdefault(item_id, key)
        return key

    def _key_at(self, index: int, item_id: object, streamed: Sequence[str]) -> str:
        """What the item at a place of the whole output was called in the stream, which need not have told its index
        (llama.cpp's never does), nor the same id."""
        named = self._named.get(item_id) if isinstance(item_id, str) else None
        if named is not None or str(index) in self._items or index >= len(streamed):
            return named or str(index)
        return streamed[index] if streamed[index].startswith(_BY_ID) else str(index)

    def _latest(self) -> str:
        return next(reversed(self._items), "0")

    def _open(self, key: str, item: Json) -> list[Event]:
        kind = item["type"]
        self._items[key] = _Item(key, kind)
        if kind not in STREAMED:
            return []
        if kind in PARTS_OF:
            self._items[key].opening = Opened(key, _readable(item))
            return []
        if kind not in CALLS:
            return [Opened(key, _readable(item))]
        name, call_id, namespace = item.get("name"), item.get("call_id"), item.get("namespace")
        members = {
            member: value
            for member, value in item.items()
            if member in MEMBERS[kind] and member not in _CALL_MEMBERS and value is not None
        }
        opened = CallOpened(
            key,
            name if isinstance(name, str) else "",
            call_id if isinstance(call_id, str) else None,
            custom=kind == "custom_tool_call",
            id=item["id"] if isinstance(item.get("id"), str) else None,
            namespace=namespace if isinstance(namespace, str) and namespace else None,
            members=members,
        )
        return [opened, *self._rest_of_call(self._items[key], item)]

    def _whole_item(self, key: str, item: Json) -> list[Event]:
        """What of a finished item was not given yet, and its end."""
        if key in self._closed:
            return []
        known = self._items.get(key)
        events = self._open(key, item) if known is None else []
        opened = self._items[key]
        if opened.kind != item["type"]:
            return events
        self._closed.add(key)
        self._half = self._half or item.get("status") == "incomplete"
        if opened.kind not in STREAMED:
            if all(isinstance(item.get(name), wanted) for name, wanted in NEEDED.get(opened.kind, {}).items()):
                whole = _readable(item)
                return [*events, Opened(key, whole), *opened.held, Closed(key, whole)]
            return [*events, Unmapped("item")]
        if opened.kind in CALLS:
            return [*events, *self._rest_of_call(opened, item), CallClosed(key)]
        events += [*_begun(opened), *self._rest_of_parts(opened, item)]
        proof = item.get("encrypted_content")
        if opened.kind == "reasoning" and isinstance(proof, str) and proof:
            events.append(Proof(key, PROOF, proof))
        return [*events, Closed(key, _ended(_readable(item)))]

    def _rest_of_call(self, opened: _Item, item: Json) -> list[Event]:
        whole = item.get(CALLS[opened.kind])
        if not isinstance(whole, str) or len(whole) <= opened.length:
            return []
        written = "".join(opened.written)
        if not whole.startswith(written):
            return []
        opened.written, opened.length = [whole], len(whole)
        return [CallArguments(opened.key, whole[len(written) :])]

    def _rest_of_parts(self, opened: _Item, item: Json) -> list[Event]:
        events: list[Event] = []
        for member, short in (("summary", "s"), ("content", "")):
            parts = item.get(member) if _has_parts(opened.kind, member) else None
            listed = parts if isinstance(parts, list) else ()
            whole = {f"{opened.key}/{short}{index}": part for index, part in enumerate(listed)}
            streamed = [key for key in opened.given if key not in whole]
            for key, part in whole.items():
                if isinstance(part, dict) and _part_kind(part) in PARTS_OF[opened.kind]:
                    events += self._rest_of_part(opened, _streamed_as(opened, key, part, streamed), part)
        return events

    def _rest_of_part(self, opened: _Item, key: str, part: Json) -> list[Event]:
        kind = part["type"]
        text = part.get(_TEXT_MEMBER.get(kind, "text"))
        events = self._rest_of_text(opened, key, kind, text, part.get("logprobs"))
        annotations = part.get("annotations")
        told = opened.annotated.get(key, 0)
        for annotation in annotations[told:] if isinstance(annotations, list) else ():
            if _is_annotation(annotation):
                events.append(Annotation(key, annotation))
        opened.annotated[key] = max(told, len(annotations) if isinstance(annotations, list) else 0)
        return events

    # --- texts -------------------------------------------------------------------------------------------------------

    def _delta(self, event: Json, kind: str) -> list[Event]:
        delta = event.get("delta")
        if not isinstance(delta, str):
            return []
        opened, events = self._item_of(event, _ITEM_OF[kind])
        if opened is None:
            return []
        key = _part_key(opened.key, event, kind)
        opened.given.setdefault(key, []).append(delta)
        opened.lengths[key] = opened.lengths.get(key, 0) + len(delta)
        if opened.opening is not None and delta:
            events += _begun(opened)
        events.append(_text(key, kind, delta, event.get("logprobs")))
        return events

    def _text_done(self, event: Json, kind: str) -> list[Event]:
        opened, events = self._item_of(event, _ITEM_OF[kind])
        if opened is None:
            return []
        text = event.get(_TEXT_MEMBER.get(kind, "text"))
        return events + self._rest_of_text(opened, _part_key(opened.key, event, kind), kind, text, None)

    def _part_done(self, event: Json) -> list[Event]:
        part = event.get("part")
        kind = _part_kind(part) if isinstance(part, dict) else ""
        if not isinstance(part, dict) or not kind:
            return []
        opened, events = self._item_of(event, _ITEM_OF[kind])
        if opened is None:
            return []
        return events + self._rest_of_part(opened, _part_key(opened.key, event, kind), part)

    def _rest_of_text(self, opened: _Item, key: str, kind: str, text: object, logprobs: object) -> list[Event]:
        # Only a text that is longer is held against what was given, which may be long itself.
        if not isinstance(text, str) or len(text) <= opened.lengths.get(key, 0):
            return []
        given = "".join(opened.given.get(key, ()))
        if not text.startswith(given):
            return []
        opened.given[key], opened.lengths[key] = [text], len(text)
        return [*_begun(opened), _text(key, kind, text[len(given) :], None if given else logprobs)]

    def _annotation(self, event: Json) -> list[Event]:
        annotation = event.get("annotation")
        opened, events = self._item_of(event, "message")
        if opened is None or not _is_annotation(annotation):
            return []
        key = _part_key(opened.key, event, "output_text")
        opened.annotated[key] = opened.annotated.get(key, 0) + 1
        return [*events, Annotation(key, annotation)]

    def _item_of(self, event: Json, kind: str) -> tuple[_Item | None, list[Event]]:
        """The item that an event goes on with, opened where its server forgot to; None for one that is closed, or of
        another kind."""
        key = self._key(event, event.get("item_id"))
        opened = self._items.get(key)
        if opened is not None:
            return (opened, []) if opened.kind == kind and key not in self._closed else (None, [])
        events = self._open(key, {"type": kind, "id": event.get("item_id")})
        return self._items[key], events

    # --- calls -------------------------------------------------------------------------------------------------------

    def _arguments(self, event: Json, kind: str) -> list[Event]:
        delta = event.get("delta")
        opened = self._items.get(self._key(event, event.get("item_id")))
        if opened is None or opened.kind != kind or opened.key in self._closed or not isinstance(delta, str):
            return []
        opened.written.append(delta)
        opened.length += len(delta)
        return [CallArguments(opened.key, delta)] if delta else []

    def _arguments_done(self, event: Json, kind: str) -> list[Event]:
        opened = self._items.get(self._key(event, event.get("item_id")))
        if opened is None or opened.kind != kind or opened.key in self._closed:
            return []
        return self._rest_of_call(opened, event)

    # --- events of other kinds ---------------------------------------------------------------------------------------

    def _own(self, name: str, event: Json) -> list[Event]:
        """An event that is known to clients, or to newer ones: inside its item, or of the response."""
        if not EVENT_NAME.fullmatch(name) or event.get("error"):
            # Clients take any event that has an error for the end of the stream.
            return [Unmapped("event.unknown")]
        members = {member: value for member, value in event.items() if member not in _NOT_PASSED}
        if "item_id" not in event and "output_index" not in event:
            # What happens inside an item nobody can place that names none.
            return [Unmapped("event.unknown") if name.startswith(_INSIDE) else Verbatim(None, name, members)]
        key = self._key(event, event.get("item_id"))
        if key in self._closed or key not in self._items:
            return []
        told = Verbatim(key, name, members)
        kind = self._items[key].kind
        begun = _begun(self._items[key])
        if kind not in STREAMED:
            # What is said of a known item on its way stands in it at its end.
            if kind not in NEEDED:
                self._items[key].held.append(told)
            return []
        return [*begun, told]


_INSIDE: Final = (*STREAMED, *NEEDED, "output_", "content_part", "refusal", "reasoning")
"""How the names of events begin that belong to an item."""

_NOT_PASSED: Final = frozenset({"type", "sequence_number", "obfuscation"})


def decode_response(body: bytes, error_of: ErrorOf) -> list[Event]:
    """The events of a whole answer."""
    try:
        response = orjson.loads(body)
    except orjson.JSONDecodeError:
        return [Failed(ProviderError("vendor_failure", "The provider's answer is not valid JSON."))]
    if not isinstance(response, dict) or not isinstance(response.get("output"), list):
        if isinstance(response, dict) and response.get("error"):
            return [Failed(error_of(response))]
        return [Failed(ProviderError("vendor_failure", "The provider's answer is not a response."))]
    if not isinstance(response.get("status"), str) and not response["output"]:
        return [Failed(ProviderError("vendor_failure", "The provider's answer says nothing."))]
    return ResponsesDecoder(error_of).terminal(response, "completed")


def _part_kind(part: Json) -> str:
    """The type of a part that grows; empty for any other."""
    kind = part.get("type")
    return kind if isinstance(kind, str) and kind in _ITEM_OF else ""


_ANNOTATION_MEMBERS: Final[Mapping[str, Mapping[str, type]]] = {
    "url_citation": {"url": str, "title": str, "start_index": int, "end_index": int},
    "file_citation": {"file_id": str, "filename": str, "index": int},
    "container_file_citation": {"container_id": str, "file_id": str, "start_index": int, "end_index": int},
    "file_path": {"file_id": str, "index": int},
}
"""What clients rely on in an annotation, by its type; one of a type that is not here is left out."""


MEMBERS: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset(get_type_hints(form))
    for kind, form in {
        "message": items.OutputMessage,
        "reasoning": items.Reasoning,
        "function_call": items.FunctionCall,
        "custom_tool_call": items.CustomToolCall,
        "web_search_call": hosted_items.WebSearchCall,
        "file_search_call": hosted_items.FileSearchCall,
        "code_interpreter_call": hosted_items.CodeInterpreterCall,
        "image_generation_call": hosted_items.ImageGenerationCall,
        "mcp_list_tools": hosted_items.MCPListTools,
        "mcp_call": hosted_items.MCPCall,
        "mcp_approval_request": hosted_items.MCPApprovalRequest,
        "computer_call": hosted_items.ComputerCall,
        "local_shell_call": hosted_items.LocalShellCall,
        "shell_call": hosted_items.ShellCall,
        "shell_call_output": hosted_items.ShellCallOutput,
        "apply_patch_call": hosted_items.ApplyPatchCall,
        "apply_patch_call_output": hosted_items.ApplyPatchCallOutput,
        "tool_search_call": items.ToolSearchCall,
        "tool_search_output": items.ToolSearchOutput,
        "program": items.Program,
        "program_output": items.ProgramOutput,
        "compaction": items.Compaction,
    }.items()
}
"""The members of the items that clients know: others could not be sent back."""

_TYPES: Final[Mapping[str, Mapping[str, tuple[type, ...]]]] = {
    "web_search_call": {"action": (dict,)},
    "file_search_call": {"queries": (list,), "results": (list, NoneType)},
    "code_interpreter_call": {"code": (str, NoneType), "container_id": (str,), "outputs": (list, NoneType)},
    "image_generation_call": {"result": (str,)},
    "mcp_list_tools": {"server_label": (str,), "tools": (list,)},
    "mcp_call": {"name": (str,), "server_label": (str,), "arguments": (str,), "output": (str, NoneType)},
    "reasoning": {"status": (str,)},
    "message": {"status": (str,), "phase": (str, NoneType)},
}
"""The members of items that grow, and what they have to be; one that is something else is left out."""


def _readable(item: Json) -> Json:
    """The item without what clients do not know, and could not send back, and what is not of its type."""
    types = _TYPES.get(item["type"], {})
    known = MEMBERS.get(item["type"], item.keys())
    return {
        name: value
        for name, value in item.items()
        if name in known and (name not in types or isinstance(value, types[name]))
    }


_RESULTS: Final[Mapping[str, str]] = {"web_search_call": "action", "image_generation_call": "result"}
"""What a completed item of a kind has."""


def _ended(item: Json) -> Json:
    """The item at its end: without what makes it complete it has failed."""
    member = _RESULTS.get(item["type"])
    if member is None or item.get(member) is not None or item.get("status", "completed") != "completed":
        return item
    return {**item, "status": "failed"}


def _is_annotation(value: object) -> TypeGuard[Json]:
    """Whether it is an annotation that a client can read."""
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(kind, str):
        return False
    members = _ANNOTATION_MEMBERS.get(kind)
    return members is not None and all(isinstance(value.get(name), wanted) for name, wanted in members.items())


def _has_parts(kind: str, member: str) -> bool:
    return kind == "reasoning" or (kind == "message" and member == "content")


def _streamed_as(opened: _Item, key: str, part: Json, others: list[str]) -> str:
    """What the part was called in the stream, whose indices need not be those of the whole item (Bedrock Mantle counts
    the parts of all items): another one whose text it goes on with. One that was found is taken out of the others."""
    text = part.get(_TEXT_MEMBER.get(part["type"], "text"))
    if key in opened.given or not isinstance(text, str):
        return key
    summary = part["type"] == "summary_text"
    for other in others[:MAX_MISNAMED]:
        if opened.lengths[other] > len(text):
            continue
        given = "".join(opened.given[other])
        if given and other.startswith(f"{opened.key}/s") == summary and text.startswith(given):
            others.remove(other)
            return other
    return key


def _begun(opened: _Item) -> list[Event]:
    """The opening of an item, once."""
    opening, opened.opening = opened.opening, None
    return [] if opening is None else [opening]


def _part_key(item: str, event: Json, kind: str) -> str:
    short, member = ("s", "summary_index") if kind == "summary_text" else ("", "content_index")
    index = event.get(member)
    return f"{item}/{short}{index if isinstance(index, int) else 0}"


def _text(key: str, kind: str, delta: str, logprobs: object) -> Event:
    if kind == "output_text":
        told = [entry for entry in logprobs if isinstance(entry, dict)] if isinstance(logprobs, list) else []
        return Text(key, delta, told or None)
    if kind == "refusal":
        return Refusal(key, delta)
    return Reasoning(key, delta, raw=kind == "reasoning_text")


def _text_ended(kind: str) -> Callable[[ResponsesDecoder, Json], list[Event]]:
    return lambda decoder, event: decoder._text_done(event, kind)


_READERS: Final[Mapping[str, Callable[[ResponsesDecoder, Json], list[Event]]]] = {
    "response.completed": ResponsesDecoder._completed,
    "response.done": ResponsesDecoder._completed,
    "response.incomplete": ResponsesDecoder._incomplete,
    "response.failed": ResponsesDecoder._failed,
    "response.cancelled": ResponsesDecoder._failed,
    "response.output_item.added": ResponsesDecoder._added,
    "response.output_item.done": ResponsesDecoder._done,
    "response.content_part.done": ResponsesDecoder._part_done,
    "response.reasoning_summary_part.done": ResponsesDecoder._part_done,
    "response.reasoning_part.done": ResponsesDecoder._part_done,
    "response.output_text.annotation.added": ResponsesDecoder._annotation,
    "response.content_part.added": lambda decoder, event: [],
    "response.reasoning_summary_part.added": lambda decoder, event: [],
    "response.reasoning_part.added": lambda decoder, event: [],
    "response.function_call_arguments.delta": lambda decoder, event: decoder._arguments(event, "function_call"),
    "response.function_call_arguments.done": lambda decoder, event: decoder._arguments_done(event, "function_call"),
    "response.custom_tool_call_input.delta": lambda decoder, event: decoder._arguments(event, "custom_tool_call"),
    "response.custom_tool_call_input.done": lambda decoder, event: decoder._arguments_done(event, "custom_tool_call"),
    **{name: _text_ended(kind) for name, kind in _ENDED_CHANNELS.items()},
}
