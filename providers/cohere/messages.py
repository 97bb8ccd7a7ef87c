"""The conversation as messages of the Chat API: one pass over the items, in their order.

Rules of the vendor that are kept here: one system message, at the front; an assistant message has text or calls; the
results of its calls follow it at once, with text and documents only; what a model planned before its calls has a member
of its own.
"""

from collections.abc import Sequence
from typing import Final

import orjson

from providers.cohere.parts import Block, blocks_of, only_text, texts_of
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem

THINKING_PROOF: Final = "thinking"
PLAN_PROOF: Final = "tool_plan"
"""The kinds of the proofs that bring thinking and plans back to where they came from."""

NO_OUTPUT: Final = "(no output)"
"""The content of a result that has none."""


def messages(prepared: Prepared) -> list[Block]:
    """The `messages` of the request. Raises RefusedError for what cannot be carried."""
    writer = _Writer(prepared)
    writer.write()
    return writer.messages


def mentions_json(written: Sequence[Block]) -> bool:
    """Whether some message asks for JSON in words."""
    for message in written:
        content = message.get("content")
        blocks = content if isinstance(content, list) else [{"text": content}]
        if any("json" in str(block.get("text", "")).lower() for block in blocks):
            return True
    return False


def add_to_system(written: list[Block], line: str) -> None:
    """Add a line to the system message, which is made where there is none."""
    if written and written[0]["role"] == "system":
        written[0]["content"] = f"{written[0]['content']}\n\n{line}"
    else:
        written.insert(0, {"role": "system", "content": line})


class _Turn:
    """The assistant message that is being gathered."""

    __slots__ = ("calls", "plan", "plan_path", "texts", "thinking", "thinking_paths")

    def __init__(self) -> None:
        self.thinking: list[Block] = []
        self.thinking_paths: list[str] = []
        self.plan = ""
        self.plan_path = ""
        self.texts: list[Block] = []
        self.calls: list[Block] = []


class _Writer:
    def __init__(self, prepared: Prepared) -> None:
        self.messages: list[Block] = []
        self._prepared = prepared
        self._report = prepared.conversions.append
        self._turn: _Turn | None = None
        self._media: list[Block] = []
        self._documents: set[str] = set()

    def write(self) -> None:
        """Write all items."""
        self._instructions(self._prepared.request.instructions)
        for item in self._prepared.items:
            self._item(item)
        self._end_of_results()
        self._end_of_turn()
        if self.messages and self.messages[-1]["role"] == "assistant":
            path = self._prepared.items[-1].path
            self._report(approximated(path, "the model does not go on with the assistant's text: it answers anew"))

    def _item(self, item: HistoryItem) -> None:
        match item:
            case ResultItem():
                self._end_of_turn()
                self._result(item)
                return
            case MessageItem(role="user"):
                self._end_of_results()
                self._end_of_turn()
                self._user(item)
            case MessageItem(role="assistant"):
                self._end_of_results()
                self._assistant(item)
            case MessageItem():
                self._end_of_results()
                self._end_of_turn()
                self._system(item)
            case ReasoningItem():
                self._end_of_results()
                self._reasoning(item)
            case CallItem():
                self._end_of_results()
                self._call(item)

    # --- system and user --------------------------------------------------------------------------------------------

    def _instructions(self, text: str | None) -> None:
        if text is None:
            return
        if text.strip():
            add_to_system(self.messages, text)
        else:
            self._report(ignored("instructions", "blank text"))

    def _system(self, item: MessageItem) -> None:
        text = texts_of(item.parts, f"{item.path}.content", self._prepared, "the system")
        if all(message["role"] == "system" for message in self.messages):
            add_to_system(self.messages, text)
            return
        reason = "the model follows one system message, at the front: this one is sent as tagged user text"
        self._report(approximated(item.path, reason))
        self.messages.append({"role": "user", "content": f"<system>{text}</system>"})

    def _user(self, item: MessageItem) -> None:
        text = only_text(item.parts)
        blocks = blocks_of(item.parts, f"{item.path}.content", self._prepared) if text is None else []
        self.messages.append({"role": "user", "content": blocks if text is None else text})

    # --- the assistant ----------------------------------------------------------------------------------------------

    def _drafted(self) -> _Turn:
        if self._turn is None:
            self._turn = _Turn()
        return self._turn

    def _assistant(self, item: MessageItem) -> None:
        text = only_text(item.parts)
        if text is None:
            text = texts_of(item.parts, f"{item.path}.content", self._prepared, "the assistant")
        self._drafted().texts.append({"type": "text", "text": text})

    def _reasoning(self, item: ReasoningItem) -> None:
        proof = item.proof
        if proof is None or not proof.text or proof.kind not in (THINKING_PROOF, PLAN_PROOF):
            self._report(dropped(item.path, "only what this very model thought goes back to it"))
            return
        turn = self._turn
        if turn is not None and turn.texts and proof.kind == THINKING_PROOF:
            # Thinking stands at the beginning of a message.
            self._end_of_turn()
        turn = self._drafted()
        if proof.kind == PLAN_PROOF:
            turn.plan = f"{turn.plan}\n{proof.text}" if turn.plan else proof.text
            turn.plan_path = item.path
        else:
            turn.thinking.append({"type": "thinking", "thinking": proof.text})
            turn.thinking_paths.append(item.path)

    def _call(self, item: CallItem) -> None:
        function = {"name": item.name, "arguments": self._arguments(item)}
        self._drafted().calls.append({"id": item.call_id, "type": "function", "function": function})

    def _arguments(self, item: CallItem) -> str:
        if _object(item.arguments) is not None:
            return item.arguments
        self._report(approximated(f"{item.path}.arguments", "the arguments are no JSON object: they are put into one"))
        return orjson.dumps({"_raw": item.arguments}).decode()

    def _end_of_turn(self) -> None:
        """Write the assistant's message, if there is one."""
        turn, self._turn = self._turn, None
        if turn is None:
            return
        if turn.plan and not turn.calls:
            self._report(dropped(turn.plan_path, "a plan without the calls that it led to"))
        if not turn.texts and not turn.calls:
            reason = "thinking without the step that it led to"
            self._prepared.conversions.extend(dropped(path, reason) for path in turn.thinking_paths)
            return
        message: Block = {"role": "assistant"}
        if turn.calls and turn.plan:
            message["tool_plan"] = turn.plan
        if turn.thinking or len(turn.texts) > 1:
            message["content"] = [*turn.thinking, *turn.texts]
        elif turn.texts:
            message["content"] = turn.texts[0]["text"]
        if turn.calls:
            message["tool_calls"] = turn.calls
        self.messages.append(message)

    # --- results ----------------------------------------------------------------------------------------------------

    def _result(self, item: ResultItem) -> None:
        output = item.output
        if not isinstance(output, str) and (text := only_text(output)) is not None:
            output = text
        content = self._told(item, output) if isinstance(output, str) else self._blocks(item, output)
        if item.failed:
            self._report(ignored(f"{item.path}.status", "a result has no mark of failure; its text says what happened"))
        self.messages.append({"role": "tool", "tool_call_id": item.call_id, "content": content})

    def _told(self, item: ResultItem, text: str) -> object:
        if not text.strip():
            self._report(approximated(f"{item.path}.output", "an empty result is told in words"))
            return NO_OUTPUT
        document = self._document(text)
        return text if document is None else [document]

    def _blocks(self, item: ResultItem, output: Sequence[Part]) -> object:
        path = f"{item.path}.output"
        for position, part in enumerate(output):
            if part.get("type") == "input_file" and not part.get("file_data"):
                refuse(f"{path}[{position}]", "Cohere takes no files in results of tools.", value=True)
        blocks = blocks_of(output, path, self._prepared)
        images = [block for block in blocks if block["type"] != "text"]
        written: list[Block] = [
            self._document(str(block["text"])) or block for block in blocks if block["type"] == "text"
        ]
        if images:
            self._report(approximated(path, "results take text only: the images follow as a message of the user"))
            written.append({"type": "text", "text": f"[see the images of call {item.call_id}]"})
            self._media += [{"type": "text", "text": f"Images of call {item.call_id}:"}, *images]
        return written or NO_OUTPUT

    def _document(self, text: str) -> Block | None:
        """A JSON object as a document, which the model can cite; None for other text. What the object calls its `id`
        is what citations name, as long as no other document is called so."""
        data = _object(text)
        if not data:
            return None
        # As it stands: numbers keep their spelling, and depth has no limit.
        document: Block = {"data": orjson.Fragment(text)}
        name = data.get("id")
        if isinstance(name, str) and name and name not in self._documents:
            self._documents.add(name)
            document["id"] = name
        return {"type": "document", "document": document}

    def _end_of_results(self) -> None:
        """Write the images of the results that came before, if there are any."""
        if self._media:
            self.messages.append({"role": "user", "content": self._media})
            self._media = []


def _object(text: str) -> dict[str, object] | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
