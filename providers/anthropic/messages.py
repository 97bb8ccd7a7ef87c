"""History items -> `system` and `messages` of the Messages API.

Rules of the vendor that are kept here: the first message is the user's; turns of one role are merged; tool results
stand first in the user turn after their calls; a system message follows a user turn and stands before an assistant
turn or at the end; no text is blank; an assistant turn does not end in thinking.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.anthropic.content import Block, Content, tagged
from providers.anthropic.property_names import Names, renamed_arguments
from providers.anthropic.server_history import ServerHistory, server_history
from proxy.provider.conversions import approximated, dropped
from proxy.provider.history import CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem

PLACEHOLDER: Final = "."
"""The user's text where the vendor demands a user turn and the conversation has none."""

CONTINUE: Final = "Continue."
FAILED_WITHOUT_OUTPUT: Final = "The tool failed without any output."
"""A failed result must have content, unlike others."""

THINKING_TYPES: Final = frozenset({"thinking", "redacted_thinking"})
_CALL_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(slots=True)
class Turns:
    """The conversation under construction.

    `system_role`: later instructions become system messages, else tagged user text. `signed`: thinking needs its
    signature. `property_names`: by tool, the arguments that the vendor knows by other names. `mcp_servers`: the servers
    that the request names. `system` are the leading instructions, `messages` the turns, `container` is the one in which
    the vendor ran code last. `_waiting` are instructions on their way to the next place where the vendor takes them,
    `_notes` is what the user's next turn tells.
    """

    content: Content
    system_role: bool
    signed: bool = True
    property_names: Mapping[str, Names] = field(default_factory=dict)
    mcp_servers: frozenset[str] = frozenset()
    container: str | None = None
    system: list[Block] = field(default_factory=list)
    messages: list[Block] = field(default_factory=list)
    _waiting: list[Block] = field(default_factory=list)
    _notes: list[Block] = field(default_factory=list)
    _last_path: str = "input"

    def add_all(self, items: list[HistoryItem]) -> None:
        """Append the items, and bring the last turn into its final form."""
        history = server_history(items, self.mcp_servers, self.content.conversions)
        self.container = history.container
        useful = _useful_reasoning(items, history)
        for index, item in enumerate(items):
            match item:
                case MessageItem():
                    self._add_message(item)
                case ReasoningItem() if index in history.blocks:
                    self._append("assistant", history.blocks[index])
                    if note := history.notes.get(index):
                        self._notes.append({"type": "text", "text": note})
                case ReasoningItem():
                    self._add_reasoning(item, leads_to_step=index in useful)
                case CallItem():
                    self._add_call(item)
                case ResultItem():
                    self._add_result(item)
            self._last_path = item.path
        if self._notes:
            self._append("user", [])
        if not self.messages:
            self._append("user", [{"type": "text", "text": PLACEHOLDER}])
        self._place_waiting()

    def end_in_user_turn(self, *, prefill: bool) -> None:
        """Settle an assistant turn at the end: it is a prefill where the model takes one, else the user goes on."""
        last = self.messages[-1]
        if last["role"] != "assistant":
            return
        if not prefill:
            self.content.conversions.append(
                approximated(self._last_path, "the model takes no assistant text at the end; it is told to continue")
            )
            self._append("user", [{"type": "text", "text": CONTINUE}])
            return
        ending = _blocks(last)[-1]
        if isinstance(text := ending.get("text"), str):
            ending["text"] = text.rstrip()

    @property
    def lacks_thinking(self) -> bool:
        """Whether the conversation ends with tool results and the model's turn so far does not begin with thinking.

        The turn reaches back over all steps between which there are only results; without interleaved thinking only
        its first step thinks.
        """
        steps: list[Block] = []
        place = len(self.messages) - 1
        while place > 0 and _blocks(self.messages[place])[0]["type"] == "tool_result":
            steps.append(_blocks(self.messages[place - 1])[0])
            place -= 2
            if place > 0 and _blocks(self.messages[place])[-1]["type"] != "tool_result":
                break
        return bool(steps) and all(step["type"] not in THINKING_TYPES for step in (steps[0], steps[-1]))

    # --- one kind of item each --------------------------------------------------------------------------------------

    def _add_message(self, item: MessageItem) -> None:
        if item.role in ("system", "developer"):
            self._add_instruction(item)
            return
        blocks = self.content.blocks(item.parts, f"{item.path}.content")
        self._append("user" if item.role == "user" else "assistant", blocks)

    def _add_instruction(self, item: MessageItem) -> None:
        leading = not self.messages
        blocks = self.content.texts(item.parts, f"{item.path}.content", in_system=leading)
        if leading:
            self.system.extend(blocks)
        elif self.system_role:
            self._waiting.extend(blocks)
        elif blocks:
            self._append("user", tagged(blocks, item.path, self.content.conversions))

    def _add_reasoning(self, item: ReasoningItem, *, leads_to_step: bool) -> None:
        proof = item.proof
        if not leads_to_step:
            self.content.conversions.append(dropped(item.path, "reasoning without the step that it led to"))
            return
        if proof is not None and (proof.payload or not self.signed) and proof.kind == "thinking":
            block: Block = {"type": "thinking", "thinking": proof.text or "", "signature": proof.payload}
        elif proof is not None and proof.payload and proof.kind == "redacted_thinking":
            block = {"type": "redacted_thinking", "data": proof.payload}
        else:
            self.content.conversions.append(dropped(item.path, "reasoning without a proof that this model made it"))
            return
        self._append("assistant", [block])

    def _add_call(self, item: CallItem) -> None:
        block: Block = {
            "type": "tool_use",
            "id": vendor_call_id(item.call_id),
            "name": item.name,
            "input": self._input(item),
        }
        self._append("assistant", [block])

    def _input(self, item: CallItem) -> object:
        text = item.arguments or "{}"
        try:
            arguments = orjson.loads(text)
        except orjson.JSONDecodeError:
            arguments = None
        if isinstance(arguments, dict):
            names = self.property_names.get(item.name)
            # As it stands: numbers keep their spelling, and depth has no limit.
            return orjson.Fragment(renamed_arguments(text, names) if names else text)
        self.content.conversions.append(approximated(f"{item.path}.arguments", "the arguments are no JSON object"))
        return {"_raw": item.arguments}

    def _add_result(self, item: ResultItem) -> None:
        block: Block = {"type": "tool_result", "tool_use_id": vendor_call_id(item.call_id)}
        content: object
        if isinstance(item.output, str):
            content = "" if item.output.isspace() else item.output
        else:
            content = self.content.blocks(item.output, f"{item.path}.output")
        if content:
            block["content"] = content
        elif item.failed:
            block["content"] = FAILED_WITHOUT_OUTPUT
        if item.failed:
            block["is_error"] = True
        self._append("user", [block])

    # --- turns ------------------------------------------------------------------------------------------------------

    def _append(self, role: str, blocks: list[Block]) -> None:
        """Add blocks to the turn of the role, opening it where needed."""
        if role == "user" and self._notes and not (blocks and blocks[0]["type"] == "tool_result"):
            blocks, self._notes = [*self._notes, *blocks], []
        if not blocks:
            return
        if role == "assistant":
            if not self.messages:
                self._open("user", [{"type": "text", "text": PLACEHOLDER}])
            self._place_waiting()
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != role:
            self._open(role, blocks)
        elif blocks[0]["type"] == "tool_result":
            content = _blocks(last)
            place = next((i for i, block in enumerate(content) if block["type"] != "tool_result"), len(content))
            content[place:place] = blocks
        else:
            _blocks(last).extend(blocks)

    def _open(self, role: str, blocks: list[Block]) -> None:
        self.messages.append({"role": role, "content": list(blocks)})

    def _place_waiting(self) -> None:
        """Put waiting instructions after a user turn."""
        if not self._waiting:
            return
        if self.messages[-1]["role"] != "user":
            self._open("user", [{"type": "text", "text": PLACEHOLDER}])
        self._open("system", self._waiting)
        self._waiting = []


def _blocks(message: Mapping[str, object]) -> list[Block]:
    content = message["content"]
    assert isinstance(content, list)
    return content


def _useful_reasoning(items: list[HistoryItem], history: ServerHistory) -> set[int]:
    """The indexes of the reasoning items that are followed by a part of their own step: the vendor refuses an
    assistant turn that ends in thinking."""
    useful: set[int] = set()
    step_follows = False
    for index in range(len(items) - 1, -1, -1):
        item = items[index]
        if index in history.blocks:
            step_follows = step_follows or bool(history.blocks[index])
        elif isinstance(item, ReasoningItem):
            if step_follows:
                useful.add(index)
        else:
            step_follows = isinstance(item, CallItem) or (
                isinstance(item, MessageItem) and item.role == "assistant" and any(map(_is_visible, item.parts))
            )
    return useful


def _is_visible(part: Part) -> bool:
    text = part.get("refusal" if part.get("type") == "refusal" else "text")
    return isinstance(text, str) and bool(text) and not text.isspace()


def vendor_call_id(call_id: str) -> str:
    """The id as the vendor takes it; ids that other vendors made in other alphabets are hashed."""
    if _CALL_ID.fullmatch(call_id):
        return call_id
    return f"toolu_{hashlib.sha256(call_id.encode()).hexdigest()[:24]}"
