"""History items -> `system` and `messages` of Converse.

Rules of the vendor that are kept here: turns alternate; the first is the user's, but for some models; the results of a
step stand together, first in the user turn after their calls, and some models take nothing beside them; no text is
blank; a turn with a document has a text; an assistant turn does not end in reasoning.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson

from providers.anthropic.property_names import Names, renamed_arguments
from providers.bedrock.content import Block, Content, content_of, tagged
from providers.bedrock.server_tools import told, unpacked
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import HOSTED_PROOF, CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem

PLACEHOLDER: Final = "."
"""The text of a turn that the vendor demands and the conversation does not have."""

CONTINUE: Final = "Continue."
NO_OUTPUT: Final = "(no output)"
"""A result must have content."""

FAILED: Final = "The tool failed."

THINKING: Final = "thinking"
REDACTED: Final = "redacted_thinking"
HIDDEN: Final = "hidden"
"""Kinds of proofs: signed reasoning, encrypted reasoning, and reasoning of which the vendor shows nothing."""

_CALL_ID: Final = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


@dataclass(slots=True)
class Turns:
    """The conversation under construction.

    `property_names`: by tool, the arguments that the vendor knows by other names. `runs_code`: the request offers the
    vendor's code interpreter. `system` are the leading instructions, `messages` the turns, `called` the names of the
    functions that were called. `_waiting` are instructions on their way to the next place where the vendor takes them,
    `_moved` is what a result may not hold, on its way behind the results, `_notes` what the user's next turn tells.
    `_ids` are the ids of the latest calls as the vendor is told them, `_taken` all of them, with how often each stood
    for a call.
    """

    content: Content
    property_names: Mapping[str, Names] = field(default_factory=dict)
    runs_code: bool = False
    system: list[Block] = field(default_factory=list)
    messages: list[Block] = field(default_factory=list)
    called: dict[str, None] = field(default_factory=dict)
    _waiting: list[Block] = field(default_factory=list)
    _moved: list[Block] = field(default_factory=list)
    _notes: list[Block] = field(default_factory=list)
    _ids: dict[str, str] = field(default_factory=dict)
    _taken: dict[str, int] = field(default_factory=dict)
    _last_path: str = "input"

    def add_instructions(self, instructions: str | None) -> None:
        """The request's instructions, before the items."""
        if instructions is None:
            return
        if not instructions or instructions.isspace():
            self.content.conversions.append(ignored("instructions", "blank text"))
        elif self.content.model.system:
            self.system.append({"text": instructions})
        else:
            self._append("user", tagged([{"text": instructions}], "instructions", self.content.conversions))

    def add_all(self, items: Sequence[HistoryItem]) -> None:
        """Append the items, and bring the turns into their final form."""
        useful = _useful_reasoning(items)
        for index, item in enumerate(items):
            if self._moved and not isinstance(item, ResultItem):
                self._place_moved()
            match item:
                case MessageItem():
                    self._add_message(item)
                case ReasoningItem() if item.proof is not None and item.proof.kind == HOSTED_PROOF:
                    self._add_server_blocks(item, item.proof.payload)
                case ReasoningItem():
                    self._add_reasoning(item, leads_to_step=index in useful)
                case CallItem():
                    self._add_call(item)
                case ResultItem():
                    self._add_result(item)
            self._last_path = item.path
        self._place_moved()
        if self._notes:
            self._append("user", [])
        if not self.messages:
            self._open("user", [{"text": PLACEHOLDER}])
        self._place_waiting()
        for message in self.messages:
            blocks = content_of(message)
            if any("document" in block for block in blocks) and not any("text" in block for block in blocks):
                blocks.append({"text": PLACEHOLDER})

    def end_in_user_turn(self, *, prefill: bool) -> None:
        """Settle an assistant turn at the end: it is a prefill where the model takes one, else the user goes on."""
        last = self.messages[-1]
        if last["role"] != "assistant":
            return
        if not prefill:
            self.content.conversions.append(
                approximated(self._last_path, "the model takes no assistant text at the end; it is told to continue")
            )
            self._append("user", [{"text": CONTINUE}])
            return
        ending = content_of(last)[-1]
        if isinstance(text := ending.get("text"), str):
            ending["text"] = text.rstrip()

    @property
    def has_tool_blocks(self) -> bool:
        """Whether any turn has calls of functions, and their results."""
        return bool(self.called)

    @property
    def lacks_thinking(self) -> bool:
        """Whether the conversation ends with tool results and the model's turn so far does not begin with thinking.

        The turn reaches back over all steps between which there are only results; without interleaved thinking only
        its first step thinks.
        """
        steps: list[Block] = []
        place = len(self.messages) - 1
        while place > 0 and "toolResult" in content_of(self.messages[place])[0]:
            steps.append(content_of(self.messages[place - 1])[0])
            place -= 2
            if place > 0 and "toolResult" not in content_of(self.messages[place])[-1]:
                break
        return bool(steps) and all("reasoningContent" not in step for step in (steps[0], steps[-1]))

    # --- one kind of item each --------------------------------------------------------------------------------------

    def _add_message(self, item: MessageItem) -> None:
        if item.role in ("system", "developer"):
            self._add_instruction(item)
            return
        blocks = self.content.blocks(item.parts, f"{item.path}.content")
        self._append("user" if item.role == "user" else "assistant", blocks)

    def _add_instruction(self, item: MessageItem) -> None:
        model = self.content.model
        leading = not self.messages and model.system
        blocks = self.content.texts(item.parts, f"{item.path}.content", in_system=leading)
        if leading:
            self.system.extend(blocks)
        elif model.system_role:
            self._waiting.extend(blocks)
        elif blocks:
            self._append("user", tagged(blocks, item.path, self.content.conversions))

    def _add_reasoning(self, item: ReasoningItem, *, leads_to_step: bool) -> None:
        proof, model, report = item.proof, self.content.model, self.content.conversions.append
        if proof is not None and proof.kind == HIDDEN:
            report(ignored(item.path, "the vendor showed nothing of it"))
        elif proof is None or not proof.payload or proof.kind not in (THINKING, REDACTED) or model.claude is None:
            report(dropped(item.path, "reasoning without a proof that this model made it"))
        elif not leads_to_step:
            report(dropped(item.path, "reasoning without the step that it led to"))
        elif proof.kind == REDACTED:
            self._append("assistant", [{"reasoningContent": {"redactedContent": proof.payload}}])
        elif not proof.text:
            report(dropped(item.path, "reasoning without its text, which the vendor does not take again"))
        else:
            shown = {"text": proof.text, "signature": proof.payload}
            self._append("assistant", [{"reasoningContent": {"reasoningText": shown}}])

    def _add_server_blocks(self, item: ReasoningItem, payload: str) -> None:
        blocks = unpacked(payload)
        if self.runs_code:
            self._append("assistant", blocks)
        elif blocks:
            reason = "told to the model in words: the tool is not offered"
            self.content.conversions.append(approximated(item.path, reason))
            self._notes.append({"text": told(blocks)})

    def _add_call(self, item: CallItem) -> None:
        if not self.content.model.tools:
            refuse(item.path, "The model takes no tools, and so no calls of any.")
        call = {"toolUseId": self._new_id(item.call_id), "name": item.name, "input": self._input(item)}
        self.called[item.name] = None
        self._append("assistant", [{"toolUse": call}])

    def _new_id(self, call_id: str) -> str:
        """The id of a call: the vendor takes none twice, and others begin anew in every answer."""
        first = found = vendor_call_id(call_id)
        while found in self._taken:
            self._taken[first] += 1
            found = vendor_call_id(f"{first}_{self._taken[first]}")
        self._taken[found] = 1
        self._ids[call_id] = found
        return found

    def _input(self, item: CallItem) -> object:
        text = item.arguments or "{}"
        if _is_object(text):
            names = self.property_names.get(item.name)
            # As it stands: numbers keep their spelling, and depth has no limit.
            return orjson.Fragment(renamed_arguments(text, names) if names else text)
        self.content.conversions.append(approximated(f"{item.path}.arguments", "the arguments are no JSON object"))
        return {"_raw": item.arguments}

    def _add_result(self, item: ResultItem) -> None:
        model = self.content.model
        blocks, after = self._result_content(item)
        if item.failed and not model.result_status:
            self.content.conversions.append(approximated(f"{item.path}.output", "the failure is told in words"))
            blocks.insert(0, self._result_text(FAILED))
        points = [block for block in blocks if "cachePoint" in block]
        told_blocks = [block for block in blocks if "cachePoint" not in block] or [self._result_text(NO_OUTPUT)]
        result: Block = {"toolUseId": self._ids[item.call_id], "content": told_blocks}
        if item.failed and model.result_status:
            result["status"] = "error"
        self._append("user", [{"toolResult": result}, *points])
        self._moved += after

    def _result_content(self, item: ResultItem) -> tuple[list[Block], list[Block]]:
        """What stands in the result, and what has to follow the results."""
        if isinstance(item.output, str):
            blank = not item.output or item.output.isspace()
            return ([] if blank else [self._result_text(item.output)]), []
        inside: list[Block] = []
        after: list[Block] = []
        for block in self.content.blocks(item.output, f"{item.path}.output"):
            if "text" in block:
                inside.append(self._result_text(str(block["text"])))
            elif "cachePoint" in block or self._fits_in_result(block):
                inside.append(block)
            else:
                name = self._name_of(block)
                inside.append(self._result_text(f"See {name}, which follows."))
                after += [{"text": f"This is {name}:"}, block]
        if after:
            reason = "the model takes no such content from a tool: it stands behind the results, as the user's"
            self.content.conversions.append(approximated(f"{item.path}.output", reason))
        return inside, after

    def _fits_in_result(self, block: Block) -> bool:
        for kind in ("image", "document"):
            if isinstance(media := block.get(kind), Mapping):
                return kind in self.content.model.result_media or media["format"] in self.content.model.result_media
        return False

    def _name_of(self, block: Block) -> str:
        """How a result refers to what follows it."""
        document = block.get("document")
        if isinstance(document, Mapping):
            return str(document["name"])
        return f"image-{self.content.images}" if "image" in block else "the recording"

    def _result_text(self, text: str) -> Block:
        if self.content.model.result_form == "text":
            return {"text": text}
        return {"json": orjson.Fragment(text) if _is_object(text) else {"output": text}}

    # --- turns ------------------------------------------------------------------------------------------------------

    def _append(self, role: str, blocks: list[Block]) -> None:
        """Add blocks to the turn of the role, opening it where needed."""
        if role == "user" and self._notes and not (blocks and "toolResult" in blocks[0]):
            blocks, self._notes = [*self._notes, *blocks], []
        if not blocks:
            return
        if role == "assistant":
            if not self.messages and not self.content.model.leading_assistant:
                self._open("user", [{"text": PLACEHOLDER}])
            self._place_waiting()
        last = self.messages[-1] if self.messages else None
        if last is None or last["role"] != role:
            self._open(role, blocks)
        elif role == "user" and self._may_not_share(content_of(last), blocks):
            self._open("assistant", [{"text": PLACEHOLDER}])
            self._open("user", blocks)
        else:
            content_of(last).extend(blocks)

    def _may_not_share(self, turn: Sequence[Block], blocks: Sequence[Block]) -> bool:
        if not any("toolResult" in block for block in turn):
            return False
        if self.content.model.beside_results == "nothing":
            return not any("toolResult" in block for block in blocks)
        return any("document" in block or "audio" in block for block in blocks)

    def _open(self, role: str, blocks: list[Block]) -> None:
        self.messages.append({"role": role, "content": list(blocks)})

    def _place_moved(self) -> None:
        moved, self._moved = self._moved, []
        self._append("user", moved)

    def _place_waiting(self) -> None:
        """Put waiting instructions after a user turn."""
        if not self._waiting:
            return
        if not self.messages or self.messages[-1]["role"] != "user":
            self._open("user", [{"text": PLACEHOLDER}])
        self._open("system", self._waiting)
        self._waiting = []


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _useful_reasoning(items: Sequence[HistoryItem]) -> set[int]:
    """The indexes of the reasoning items that are followed by a part of their own step: the vendor refuses an
    assistant turn that ends in reasoning."""
    useful: set[int] = set()
    step_follows = False
    for index in range(len(items) - 1, -1, -1):
        item = items[index]
        if isinstance(item, ReasoningItem):
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
    return f"tooluse_{hashlib.sha256(call_id.encode('utf-8', 'replace')).hexdigest()[:24]}"
