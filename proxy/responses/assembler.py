"""The assembler: neutral events in, a legal Responses stream and object out.

The knowledge of what a legal stream looks like stands here and nowhere else (Responses reference, sections 7, 8 and
11). One item is open at a time, because some clients hang otherwise; what interleaves with a tool call is held back
until the call is complete. The assembler's state is the response: the stored object, the terminal event and the plain
JSON body are one value. The bytes of the events are made by `proxy.responses.stream_writer`.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Literal, TypeAlias

import orjson

from proxy.responses import identifiers
from proxy.responses.client_tools import CLIENT_TOOLS, ClientTool, call_members
from proxy.responses.custom_input import InputReader
from proxy.responses.errors import ResponsesError, error_code
from proxy.responses.event_size import check
from proxy.responses.events import (
    OUTPUT_EVENTS,
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Failed,
    Finished,
    Hosted,
    Key,
    Members,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
    Usage,
    Verbatim,
)
from proxy.responses.held_events import HeldEvents
from proxy.responses.hosted_phases import FIXED_MEMBERS, ID_PREFIXES, WHOLE_OR_FAILED, first_members
from proxy.responses.hosted_stream import complete, end_text, go_on, relay, tell_phases
from proxy.responses.native_items import FORMED_BY, FORMS, end_status, native_members
from proxy.responses.open_item import ItemKind, OpenItem
from proxy.responses.stream_writer import Outgoing as Outgoing
from proxy.responses.stream_writer import StreamWriter
from proxy.responses.tool_table import NO_TOOLS, ToolIdentity, ToolTable
from proxy.responses.usage import TokenCount, UsageTally

Seal: TypeAlias = Callable[[Proof, str | None], str]
"""Makes the `encrypted_content` of a proof; the text is given where the proof asks to keep it."""

IncompleteReason: TypeAlias = Literal["max_output_tokens", "content_filter", "max_messages", "steered"]
TerminalStatus: TypeAlias = Literal["completed", "incomplete", "failed", "cancelled"]

MAX_HELD = 64 * 2**20
"""How much text may be held back while another call is open, in characters; beyond it the answer fails."""

MAX_ASKED = 20
"""How many times an open call is read to see whether it is whole, before it is read more rarely."""

MAX_EARLY = 1000
"""How many events of its own a vendor may send before its first output."""


def _ignored_seal(proof: Proof, text: str | None) -> str:
    return proof.payload


class Assembler:
    """Builds one response. `feed` it events, `take` what is to be sent, and `finish` it: `conclude`, so that it can be
    kept, and then `announce`.

    `response` is the opening object (`proxy.responses.response.opening`); it is changed in place. With `live` false no
    event bytes are made: a plain answer needs only the object.
    """

    __slots__ = (
        "_announced",
        "_channel",
        "_channel_key",
        "_concluded",
        "_counted",
        "_early",
        "_held",
        "_members",
        "_open",
        "_output",
        "_releasing",
        "_seal",
        "_settling",
        "_spent",
        "_table",
        "_writer",
        "failure",
        "finished",
        "has_output",
        "response",
        "started",
        "tally",
        "uncounted",
        "unmapped",
    )

    def __init__(
        self,
        response: dict[str, object],
        *,
        table: ToolTable = NO_TOOLS,
        seal: Seal = _ignored_seal,
        live: bool = True,
    ) -> None:
        self.response = response
        self.tally = UsageTally()
        self.started: Started | None = None
        self.finished: Finished | None = None
        self.failure: ResponsesError | None = None
        self.has_output = False
        # Whether output came after the vendor's last count, and not with it; said by `settle`.
        self.uncounted = False
        self.unmapped: list[str] = []
        self._table = table
        self._seal = seal
        self._writer = StreamWriter(live=live)
        self._output: list[dict[str, object]] = []
        self._open: OpenItem | None = None
        # What is held back; and whether it is released at the moment.
        self._held = HeldEvents()
        self._releasing = False
        # Events of the response itself that came before any output.
        self._early: list[Verbatim] = []
        self._settling = False
        self._concluded = False
        self._announced = False
        self._spent: set[str] = set()
        self._counted = (0, 0)
        # What a vendor that speaks Responses says of its response besides.
        self._members: dict[str, object] = {}
        # Which events go on with the text that is open at the writer.
        self._channel: type | None = None
        self._channel_key: Key = ""

    # --- the way in -------------------------------------------------------------------------------------------------

    def begin(self, *, queued: bool = False) -> None:
        """Emit `response.created` and `response.in_progress`. A response that was queued shows that in the first, and
        in `response.queued` between them."""
        self._writer.begin(self.response, queued=queued)

    def feed(self, events: Iterable[Event]) -> None:
        """Take in events of the current upstream call. Raises ResponsesError when too much has to be held back, and for
        what cannot be written."""
        writer = self._writer
        for event in events:
            if (
                isinstance(event, (Text, CallArguments, Reasoning, Refusal))
                and event.__class__ is self._channel
                and event.key == self._channel_key
                and not (isinstance(event, Text) and event.logprobs)
            ):
                delta = event.delta
                if delta:
                    # As `write_delta` does, without the call.
                    writer.chunks.append(delta)
                    if writer.live:
                        sequence = writer.sequence
                        writer.outgoing.append(
                            (writer.delta_type, writer.delta_template % (sequence, orjson.dumps(delta)))
                        )
                        writer.sequence = sequence + 1
            else:
                if not self._releasing:
                    check(event)
                self._apply(event)

    def begin_again(self, *, table: ToolTable | None = None, seal: Seal | None = None) -> None:
        """Another attempt is made, before any output: what the vendor said in the last one does not count. `table` and
        `seal` are those of another target, where it is asked."""
        if table is not None and seal is not None:
            self._table, self._seal, self.started = table, seal, None
        self.failure = None
        self._members, self._early = {}, []

    def take(self) -> list[Outgoing]:
        """The events made since the last call, in order."""
        return self._writer.take()

    def finish(
        self,
        status: TerminalStatus,
        count: TokenCount | None,
        *,
        reason: IncompleteReason | None = None,
        error: ResponsesError | None = None,
    ) -> None:
        """`conclude` and `announce`."""
        self.conclude(status, count, reason=reason, error=error)
        self.announce()

    def conclude(
        self,
        status: TerminalStatus,
        count: TokenCount | None,
        *,
        reason: IncompleteReason | None = None,
        error: ResponsesError | None = None,
    ) -> None:
        """End the response: close what is open and fill in the outcome. Called again before `announce`, it changes the
        outcome; after `announce` nothing is changed.

        `count` may be None for a failed or a cancelled response. `reason` counts for incomplete, `error` for failed.
        """
        if self._announced:
            return
        self.settle(completed=status == "completed")
        self._concluded = True
        response = self.response
        response["status"] = status
        response["output"] = self._output
        if response.get("service_tier") in (None, "auto"):
            response["service_tier"] = "default"
        if self.started is not None and self.started.service_tier:
            response["service_tier"] = self.started.service_tier
        response["completed_at"] = int(time.time()) if status == "completed" else None
        response["incomplete_details"] = {"reason": reason} if status == "incomplete" and reason is not None else None
        response["error"] = (
            {"code": error_code(error), "message": error.message} if status == "failed" and error is not None else None
        )
        response["usage"] = count.as_response() if count is not None else None
        response.update(self._members)

    def journal(self) -> bytes | None:
        """How the response was streamed, for `proxy.responses.replay`; None when it was not. After `conclude`."""
        assert self._concluded
        return self._writer.journal(self.response) if self._writer.live else None

    def announce(self) -> None:
        """Emit the terminal event, after `conclude`. The second time nothing is emitted."""
        assert self._concluded
        if not self._announced:
            self._announced = True
            self._writer.end(self.response)

    @property
    def announced(self) -> bool:
        """Whether the response has ended for good."""
        return self._announced

    @property
    def output(self) -> list[dict[str, object]]:
        """The items so far; the open one has its text only after `settle`."""
        return self._output

    # --- one event ---------------------------------------------------------------------------------------------------

    def _apply(self, event: Event) -> None:
        if isinstance(event, Usage):
            self.tally.replace(event)
            if event.output_tokens is not None:
                self._counted = (len(self._output), len(self._writer.chunks))
        elif isinstance(event, Started):
            self.started = event
        elif isinstance(event, Finished):
            self.finished = event
        elif isinstance(event, Failed):
            self.failure = event.error
        elif isinstance(event, Members):
            self._members.update({name: value for name, value in event.members.items() if name not in self.response})
        elif isinstance(event, Unmapped):
            if event.element not in self.unmapped:
                self.unmapped.append(event.element)
        elif not self._must_wait(event):
            self._apply_output(event)

    def _apply_output(self, event: Event) -> None:
        if isinstance(event, Text):
            self._text(event)
        elif isinstance(event, Reasoning):
            self._reasoning(event)
        elif isinstance(event, Refusal):
            self._refusal(event)
        elif isinstance(event, CallOpened):
            self._call_opened(event)
        elif isinstance(event, CallArguments):
            self._call_arguments(event)
        elif isinstance(event, CallClosed):
            self._call_closed(event)
        elif isinstance(event, Annotation):
            self._annotation(event)
        elif isinstance(event, Proof):
            self._proof(event)
        elif isinstance(event, Hosted):
            self._hosted(event)
        elif isinstance(event, Opened):
            self._opened(event)
        elif isinstance(event, Closed):
            self._closed(event)
        elif isinstance(event, Verbatim):
            self._verbatim(event)

    def _must_wait(self, event: Event) -> bool:
        """Whether the open item must be completed before this event; if so it is held back."""
        # What is released has waited already.
        if self._releasing or self._goes_on(event):
            return False
        over = self._is_over(event, alone=not self._held)
        if over:
            self._close("completed")
            if not self._held:
                return False
        self._held.add(event)
        if self._held.size > MAX_HELD and not self._settling:
            raise ResponsesError(
                502, "The provider interleaved more output than can be put in order.", type="server_error"
            )
        if over:
            self._release()
        return True

    def _goes_on(self, event: Event) -> bool:
        """Whether no open item stands in the event's way: there is none that does, or the event is a part of it."""
        opened = self._open
        if opened is None or event.__class__ not in OUTPUT_EVENTS:
            return True
        key: Key | None = getattr(event, "key", None)
        if opened.native is not None:
            return key is None or (event.__class__ in FORMED_BY[opened.kind] and _belongs(key, opened.native))
        if opened.kind not in ("call", "hosted"):
            return True
        if key != opened.key:
            return False
        # A proof of a hosted tool stands directly behind its item, before what had to wait for that.
        proof = opened.kind == "hosted" and isinstance(event, Proof) and event.binds == "previous"
        return proof or event.__class__ in _CONTINUES[opened.kind]

    def _is_over(self, event: Event, *, alone: bool) -> bool:
        """Whether an event that is no part of the open item shows that this is complete; `alone`: nothing waits that
        came before the event."""
        opened = self._open
        assert opened is not None
        if opened.native is not None:
            return False
        if opened.vendor_closed or opened.kind != "call":
            return opened.vendor_closed
        # A vendor that opens another call under the same key has done with the first.
        if isinstance(event, CallOpened) and event.key == opened.key:
            return True
        return (alone or isinstance(event, CallOpened)) and self._is_whole_by_now(opened)

    def _release(self) -> None:
        """Apply what was held back, up to what has to wait for the next item."""
        if self._releasing:
            # It goes on where this was asked for.
            return
        self._releasing = True
        try:
            while self._held:
                if not self._goes_on(self._held.first):
                    if not self._is_over(self._held.first, alone=True):
                        break
                    self._close("completed")
                self.feed(self._held.take())
        finally:
            self._releasing = False

    def settle(self, *, completed: bool) -> None:
        """Close everything. Unless completed, the last item and the calls that are not whole are incomplete."""
        if not self._settling:
            items, pieces = self._counted
            self.uncounted = len(self._output) > items or len(self._writer.chunks) > pieces + 1
        self._settling = True
        while self._open is not None or self._held:
            opened = self._open
            if opened is not None:
                last = not self._held and not opened.later
                if opened.kind == "hosted":
                    # In the midst of an answer nothing is incomplete, and images and lists of tools never are.
                    half = last and not completed and opened.item["type"] not in WHOLE_OR_FAILED
                    self._close("incomplete" if half else "failed")
                elif completed:
                    self._close("completed")
                elif opened.kind == "call":
                    self._close("completed" if self._is_whole(opened) else "incomplete")
                else:
                    self._close("incomplete" if last else "completed")
            self._release()
        self._tell_early()

    # --- messages ----------------------------------------------------------------------------------------------------

    def _text(self, event: Text) -> None:
        if not event.delta and not event.logprobs:
            return
        if self._channel is not Text or self._channel_key != event.key:
            self._open_part(event.key, Text, "output_text")
        if event.logprobs:
            opened = self._open
            assert opened is not None
            assert opened.part is not None
            collected = opened.part["logprobs"]
            assert isinstance(collected, list)
            collected += event.logprobs
            self._writer.write_logprobs(event.delta, event.logprobs)
        else:
            self.feed((event,))

    def _refusal(self, event: Refusal) -> None:
        if event.delta:
            self._open_part(event.key, Refusal, "refusal")
            self.feed((event,))

    def _open_part(self, key: Key, channel: type, text: str) -> None:
        opened = self._open
        if opened is None or opened.kind != "message" or opened.later:
            # A proof of what was said so far stands between it and what follows.
            self._close("completed")
            opened = self._open_item(
                "message", key, "msg", {"type": "message", "status": "in_progress", "role": "assistant", "content": []}
            )
        else:
            self._close_part(opened)
        opened.key = key
        self._open_text(opened, channel, text)

    def _annotation(self, event: Annotation) -> None:
        opened = self._open
        if opened is None or opened.part is None or opened.key != event.key:
            return
        annotations = opened.part.get("annotations")
        if not isinstance(annotations, list):
            return
        annotations.append(event.annotation)
        self._writer.write_annotation(event.annotation, len(annotations) - 1)

    # --- reasoning ---------------------------------------------------------------------------------------------------

    def _reasoning(self, event: Reasoning) -> None:
        if not event.delta:
            return
        opened = self._open
        if opened is not None and opened.native is not None and opened.kind == "reasoning":
            # Another paragraph of the same item.
            self._close_part(opened)
            opened.key = event.key
        elif opened is None or opened.kind != "reasoning" or opened.key != event.key:
            self._close("completed")
            opened = self._open_item("reasoning", event.key, "rs", {"type": "reasoning", "summary": []})
        self._open_text(opened, Reasoning, "reasoning_text" if event.raw else "reasoning_summary_text")
        self.feed((event,))

    def _close_reasoning(self, opened: OpenItem) -> None:
        text = self._writer.text if opened.part is not None else ""
        self._close_part(opened)
        proof = opened.proof
        if proof is not None:
            opened.item["encrypted_content"] = self._seal(proof, text if proof.verbatim else None)

    def _proof(self, event: Proof) -> None:
        opened = self._open
        if event.binds == "self":
            if opened is not None and opened.kind == "reasoning" and event.key in (opened.key, opened.native):
                opened.proof = event
                return
            if f"reasoning {event.key}" in self._spent:
                event = Proof(event.key, event.kind, event.payload, "previous", event.verbatim)
        if opened is not None and opened.kind in ("message", "hosted") and event.binds in ("previous", "turn_end"):
            opened.later.append(event)
            return
        self._close("completed")
        opened = self._open_item("reasoning", event.key, "rs", {"type": "reasoning", "summary": []})
        opened.proof = event
        if event.binds != "self":
            self._close("completed")

    # --- calls -------------------------------------------------------------------------------------------------------

    def _call_opened(self, event: CallOpened) -> None:
        self._close("completed")
        call_id = event.call_id or ""
        if not identifiers.USABLE_CALL_ID.fullmatch(call_id) or f"call {call_id}" in self._spent:
            call_id = identifiers.call_id()
        self._spent.add(f"call {call_id}")
        tool = self._table.restore(event.name)
        if event.namespace is not None:
            tool = ToolIdentity(event.name, event.namespace, "custom" if event.custom else "function")
        client_tool = CLIENT_TOOLS.get(tool.kind)
        if client_tool is not None:
            self._open = OpenItem("call", event.key, {"call_id": call_id}, tool=client_tool)
            return
        custom = event.custom or tool.kind == "custom"
        item: dict[str, object] = {
            "type": "custom_tool_call" if custom else "function_call",
            "status": "in_progress",
            "input" if custom else "arguments": "",
            "call_id": call_id,
            "name": tool.name,
        }
        if tool.namespace is not None:
            item["namespace"] = tool.namespace
        item.update(event.members)
        opened = self._open_item("call", event.key, "ctc" if custom else "fc", item, event.id)
        if not custom:
            self._open_text(opened, CallArguments, "function_call_arguments")
        elif event.custom:
            opened.plain = True
            self._open_text(opened, CallArguments, "custom_tool_call_input")
        else:
            opened.input = InputReader()
            self._writer.open_text("custom_tool_call_input")

    def _call_arguments(self, event: CallArguments) -> None:
        opened = self._open
        if opened is None or opened.kind != "call" or opened.key != event.key:
            # Of a call that was closed already: only white space can follow a whole object.
            return
        if opened.input is not None:
            if delta := opened.input.feed(event.delta):
                self._writer.write_delta(delta)
        elif opened.tool is not None:
            opened.collected.append(event.delta)

    def _call_closed(self, event: CallClosed) -> None:
        opened = self._open
        if opened is None or opened.kind != "call" or opened.key != event.key or opened.vendor_closed:
            return
        if opened.plain or is_json_object(self._arguments(opened).strip() or "{}"):
            self._close("completed")
            self._release()
        else:
            # A length stop may still follow, and then the call is incomplete.
            opened.vendor_closed = True

    def _arguments(self, opened: OpenItem) -> str:
        """What the model wrote as the arguments of the open call, so far."""
        if opened.input is not None:
            return opened.input.arguments
        return self._writer.text if opened.tool is None else "".join(opened.collected)

    def _is_whole_by_now(self, opened: OpenItem) -> bool:
        """`_is_whole`, asked while more may come: after some answers only when there is twice as much, so that a call
        is not read anew with each of many that are opened before its end."""
        amount = self._pieces_of(opened)
        if opened.asked >= MAX_ASKED and amount < 2 * opened.amount:
            return False
        if amount == opened.amount:
            return False
        opened.asked, opened.amount = opened.asked + 1, amount
        return self._is_whole(opened)

    def _pieces_of(self, opened: OpenItem) -> int:
        """How many pieces of its arguments the open call has got."""
        if opened.input is not None:
            return opened.input.count
        return len(self._writer.chunks) if opened.tool is None else len(opened.collected)

    def _is_whole(self, opened: OpenItem) -> bool:
        """Whether the arguments of the open call are one whole object. Of a plain text only its vendor knows."""
        return not opened.plain and is_json_object(self._arguments(opened))

    def _close_call(self, opened: OpenItem, status: str) -> None:
        writer, item = self._writer, opened.item
        if item["type"] == "custom_tool_call":
            if opened.input is not None and (rest := opened.input.end()):
                writer.write_delta(rest)
            item["input"] = writer.text
        else:
            if not writer.text.strip() and status == "completed":
                # Some clients build the arguments from the deltas alone.
                writer.write_delta("{}")
            item["arguments"] = writer.text
        writer.close_text(item)

    def _close_client_tool(self, opened: OpenItem, tool: ClientTool, status: str) -> None:
        """Show a call of a tool that has items of its own. For one that is not whole there is no form."""
        self._open = None
        if status != "completed":
            return
        try:
            members = call_members(tool, "".join(opened.collected).strip())
        except ValueError as problem:
            self.failure = ResponsesError(
                502, f"The model's {tool.call} cannot be carried out: {problem}.", type="server_error"
            )
            return
        first = {"type": tool.call, "status": "in_progress", "call_id": opened.item["call_id"], **members}
        item = self._open_item("call", opened.key, tool.prefix, first).item
        item["status"] = "completed"
        self._open = None
        self._writer.close_item(item)

    # --- hosted tools ------------------------------------------------------------------------------------------------

    def _hosted(self, event: Hosted) -> None:
        opened = self._open
        if opened is None or opened.kind != "hosted" or opened.key != event.key:
            if f"hosted {event.key}" in self._spent:
                return
            self._close("completed")
            opened = self._open_item("hosted", event.key, ID_PREFIXES.get(event.kind, "item"), first_members(event))
        go_on(self._writer, opened, event)
        if event.phase in ("completed", "failed"):
            self._close(event.phase)
            self._release()

    # --- items of vendors that speak Responses themselves -----------------------------------------------------------

    def _opened(self, event: Opened) -> None:
        if f"native {event.key}" in self._spent:
            return
        self._spent.add(f"native {event.key}")
        self._close("completed")
        kind = str(event.item.get("type"))
        form = FORMS.get(kind)
        given = {name: value for name, value in event.item.items() if name not in FIXED_MEMBERS}
        prefix = ID_PREFIXES.get(kind, "item")
        if form is not None:
            members = {**form.first, **{name: value for name, value in given.items() if name not in form.own}}
            members = {name: [] if value == [] else value for name, value in members.items()}
            opened = self._open_item(form.kind, event.key, prefix, members, event.item.get("id"))
        else:
            first = native_members(kind, event.item, given)
            opened = self._open_item("hosted", event.key, prefix, first, event.item.get("id"))
        opened.native = event.key

    def _closed(self, event: Closed) -> None:
        opened = self._open
        if opened is None or opened.native != event.key:
            return
        kind = opened.item["type"]
        final = event.item if event.item.get("type") == kind else {}
        form, status = FORMS.get(str(kind)), end_status(str(kind), final)
        if form is None:
            if "status" in final:
                opened.item.setdefault("status", status)
            complete(self._writer, opened, final, status)
        else:
            self._close_part(opened)
            own = form.own | FIXED_MEMBERS
            opened.item.update({name: value for name, value in final.items() if name not in own})
        self._close(status)
        self._release()

    def _verbatim(self, event: Verbatim) -> None:
        opened = self._open
        if event.key is None:
            if not self.has_output:
                # There may be another attempt yet.
                self._hold_early(event)
                return
            # A stream is kept item by item: what comes inside one stands there.
            tell = self._writer.tell_alone if opened is None or opened.tool is not None else self._writer.tell
            tell(event.name, event.members)
        elif opened is not None and opened.native == event.key:
            relay(self._writer, opened, event)

    def _hold_early(self, event: Verbatim) -> None:
        self._early.append(event)
        if len(self._early) > MAX_EARLY:
            raise ResponsesError(502, "The provider tells much and does not answer.", type="server_error")

    def _tell_early(self) -> None:
        early, self._early = self._early, []
        for event in early:
            self._writer.tell_alone(event.name, event.members)

    # --- items -------------------------------------------------------------------------------------------------------

    def _open_item(
        self,
        kind: ItemKind,
        key: Key,
        prefix: str,
        members: dict[str, object],
        given_id: object = None,
    ) -> OpenItem:
        item_id = identifiers.kept_item_id(prefix, given_id)
        if item_id is None or f"id {item_id}" in self._spent:
            item_id = identifiers.item_id(prefix)
        else:
            self._spent.add(f"id {item_id}")
        item = {"id": item_id, **members}
        opened = self._open = OpenItem(kind, key, item)
        self._output.append(item)
        self._spent.add(f"{kind} {key}")
        self.has_output = True
        if self._early:
            self._tell_early()
        self._writer.open_item(item)
        return opened

    def _close(self, status: str) -> None:
        """Close the open item, if there is one."""
        opened = self._open
        if opened is None:
            return
        item = opened.item
        if opened.tool is not None:
            self._close_client_tool(opened, opened.tool, status)
            return
        if opened.kind == "message":
            self._close_part(opened)
            item["status"] = status
        elif opened.kind == "reasoning":
            self._close_reasoning(opened)
            if status != "completed":
                item["status"] = status
        elif opened.kind == "call":
            self._close_call(opened, status)
            item["status"] = status
        else:
            end_text(self._writer, opened)
            if status == "failed" and item["type"] in ("mcp_call", "mcp_list_tools"):
                tell_phases(self._writer, opened, 1)
                self._writer.tell(f"{item['type']}.failed")
            if "status" in item:
                item["status"] = status
        self._channel = self._open = None
        self._writer.close_item(item)
        for proof in opened.later:
            self._proof(proof)

    # --- texts -------------------------------------------------------------------------------------------------------

    def _open_text(self, opened: OpenItem, channel: type, name: str) -> None:
        """Open a text of the item at the writer; events of class `channel` under the item's key go on with it."""
        opened.part = self._writer.open_text(name)
        self._channel, self._channel_key = channel, opened.key

    def _close_part(self, opened: OpenItem) -> None:
        """Close the open part, if there is one, and put it into its item."""
        part = opened.part
        if part is None:
            return
        kind = self._writer.kind
        part[kind.member] = self._writer.text
        self._writer.close_text(part)
        assert kind.parts is not None
        parts = opened.item.setdefault(kind.parts, [])
        assert isinstance(parts, list)
        parts.append(part)
        opened.part = self._channel = None


def _belongs(key: Key, native: str) -> bool:
    """Whether an event is one of the item that its vendor opened under the key `native`."""
    return key == native or (isinstance(key, str) and key.startswith(f"{native}/"))


_CONTINUES: Mapping[str, frozenset[type]] = {
    "call": frozenset({CallArguments, CallClosed}),
    "hosted": frozenset({Hosted}),
}
"""The events that go on with an open call or hosted tool of the same key; every other one waits for its end."""


def is_json_object(text: str) -> bool:
    """Whether the text is one whole JSON object."""
    if not text.rstrip().endswith("}"):
        return False
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False
