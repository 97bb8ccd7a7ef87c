"""The conversation as Chat Completions messages: one pass over the items, in their order.

What the assistant said, thought and called in one step is gathered in a draft, which becomes one message when another
side speaks. Tool messages take text only, so media in tool results follow in one user message after the last result of
the group.
"""

from collections.abc import Sequence

from providers.openai_chat.dialect import Dialect, ReplayScope
from providers.openai_chat.order import Content, Message, arranged, joined, nine_letters
from providers.openai_chat.parts import chat_parts, content_of, only_text
from providers.openai_chat.reasoning import Thought, put_back, thought
from providers.openai_chat.tool_calls import dumped, is_object
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, ignored, refuse
from proxy.provider.history import CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem


def messages(prepared: Prepared, dialect: Dialect) -> tuple[list[Message], bool]:
    """The `messages` of the request, and whether earlier reasoning goes back with them."""
    writer = _Writer(prepared, dialect)
    written = writer.write()
    if not written and prepared.items:
        refuse("input", "Nothing of the input can be sent to this provider.")
    return arranged(written, prepared, dialect), writer.replays


class _Draft:
    """The assistant message that is being gathered. `texts` are one entry a Responses message."""

    __slots__ = ("calls", "reasoning", "refusals", "texts", "turn")

    def __init__(self, turn: int) -> None:
        self.turn = turn
        self.texts: list[str] = []
        self.refusals: list[str] = []
        self.reasoning: list[Thought] = []
        self.calls: list[dict[str, object]] = []


class _Writer:
    """Gathers the messages of one request."""

    def __init__(self, prepared: Prepared, dialect: Dialect) -> None:
        self.replays = False
        self._prepared = prepared
        self._dialect = dialect
        self._call_ids = (
            nine_letters(item.call_id for item in prepared.items if isinstance(item, CallItem))
            if dialect.nine_letter_ids
            else {}
        )
        self._messages: list[Message] = []
        self._draft: _Draft | None = None
        self._media: list[dict[str, object]] = []
        self._turn = 0
        self._replay = dialect.replay if prepared.capabilities.reasoning else None
        self._replayed_turns = _replayed_turns(prepared.items, self._replay.scope) if self._replay is not None else None

    def write(self) -> list[Message]:
        items = _with_instructions(self._prepared)
        last = len(items) - 1
        replays = self._replay is not None
        for index, item in enumerate(items):
            if isinstance(item, MessageItem):
                if self._media:
                    self._end_of_results()
                role = item.role
                if role == "user":
                    self._user(item)
                elif role == "assistant":
                    # An answer in words between two questions, as most are, needs no draft.
                    alone = self._draft is None and not replays and (index == last or _speaks_next(items[index + 1]))
                    if alone and (text := only_text(item.parts)):
                        self._messages.append({"role": "assistant", "content": text})
                    else:
                        self._assistant(item)
                else:
                    self._system(item)
            elif isinstance(item, CallItem):
                self._end_of_results()
                self._call(item)
            elif isinstance(item, ReasoningItem):
                self._end_of_results()
                self._reasoning(item)
            else:
                self._flush()
                self._result(item)
        self._end_of_results()
        self._flush()
        return self._messages

    # --- the assistant's side ---------------------------------------------------------------------------------------

    def _drafted(self) -> _Draft:
        if self._draft is None:
            self._draft = _Draft(self._turn)
        return self._draft

    def _assistant(self, item: MessageItem) -> None:
        draft = self._draft or self._drafted()
        if (text := only_text(item.parts)) is not None:
            draft.texts.append(text)
            return
        refusals = [str(part.get("refusal") or "") for part in item.parts if part.get("type") == "refusal"]
        texts = [str(part.get("text") or "") for part in item.parts if part.get("type") != "refusal"]
        if refusals and not self._dialect.refusal_member:
            self._prepared.conversions.append(approximated(f"{item.path}.content", "a refusal is sent as text"))
            texts += refusals
        else:
            draft.refusals += refusals
        if texts:
            draft.texts.append("".join(texts))

    def _call(self, item: CallItem) -> None:
        call_id = self._call_ids.get(item.call_id, item.call_id)
        called: dict[str, object]
        if item.custom:
            called = {"id": call_id, "type": "custom", "custom": {"name": item.name, "input": item.arguments}}
        else:
            function = {"name": item.name, "arguments": self._arguments(item)}
            called = {"id": call_id, "type": "function", "function": function}
        self._drafted().calls.append(called)

    def _arguments(self, item: CallItem) -> str:
        if not item.arguments.strip():
            return "{}"
        if not self._dialect.object_arguments or is_object(item.arguments):
            return item.arguments
        reason = "the server takes arguments that are a JSON object: the text was wrapped into one"
        self._prepared.conversions.append(approximated(f"{item.path}.arguments", reason))
        return dumped({"_raw": item.arguments})

    def _reasoning(self, item: ReasoningItem) -> None:
        self._drafted().reasoning.append(thought(item))

    def _flush(self) -> None:
        """Write the draft, if there is one."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        if not (draft.texts or draft.refusals or draft.calls):
            reason = "nothing that the assistant said or called follows it"
            self._prepared.conversions.extend(ignored(each.path, reason) for each in draft.reasoning)
            return
        message: Message = {"role": "assistant", "content": "\n".join(draft.texts) or None}
        if message["content"] is None and not self._dialect.null_content:
            message["content"] = ""
        if draft.refusals:
            message["refusal"] = "".join(draft.refusals)
        if draft.reasoning or self._replay is not None:
            self._put_back(draft, message)
        if draft.calls:
            message["tool_calls"] = draft.calls
        self._messages.append(message)

    def _put_back(self, draft: _Draft, message: Message) -> None:
        """Give the reasoning back where the server wants it; what does not go back is declared."""
        replay = self._replay
        if replay is not None and (self._replayed_turns is None or draft.turn in self._replayed_turns):
            if put_back(message, draft.reasoning, replay, self._prepared):
                self.replays = True
            return
        reason = "the server takes no reasoning back" if replay is None else "the server does not want it back here"
        self._prepared.conversions.extend(ignored(each.path, reason) for each in draft.reasoning)

    # --- the other sides --------------------------------------------------------------------------------------------

    def _user(self, item: MessageItem) -> None:
        if self._draft is not None:
            self._flush()
        self._turn += 1
        text = only_text(item.parts)
        self._messages.append({"role": "user", "content": self._content(item) if text is None else text})

    def _system(self, item: MessageItem) -> None:
        self._flush()
        content = self._content(item)
        if self._dialect.tagged_system and any(message["role"] != "system" for message in self._messages):
            self._tagged(item, content)
            return
        first = self._messages[0] if self._messages else None
        if self._dialect.one_system_message and first is not None and first["role"] == "system":
            if len(self._messages) > 1:
                self._moved(item)
            first["content"] = joined(first["content"], content)
        elif self._dialect.one_system_message and first is not None:
            self._moved(item)
            self._messages.insert(0, {"role": "system", "content": content})
        else:
            self._messages.append({"role": system_role(self._dialect), "content": content})

    def _content(self, item: MessageItem) -> Content:
        if (text := only_text(item.parts)) is not None:
            return text
        parts = chat_parts(item.parts, f"{item.path}.content", self._prepared, self._dialect)
        return content_of(parts, self._dialect)

    def _tagged(self, item: MessageItem, content: Content) -> None:
        reason = "the server takes system messages at the front only: this one is sent as tagged user text"
        self._prepared.conversions.append(approximated(item.path, reason))
        if isinstance(content, str):
            content = f"<system>{content}</system>"
        else:
            content = [{"type": "text", "text": "<system>"}, *content, {"type": "text", "text": "</system>"}]
        self._messages.append({"role": "user", "content": content})

    def _moved(self, item: MessageItem) -> None:
        self._prepared.conversions.append(
            approximated(item.path, "the server takes one system message, at the front: this one was moved there")
        )

    # --- tool results -----------------------------------------------------------------------------------------------

    def _result(self, item: ResultItem) -> None:
        content: object = item.output
        if not isinstance(item.output, str):
            content = self._result_content(item, item.output)
        if item.failed:
            self._prepared.conversions.append(
                ignored(f"{item.path}.status", "a tool message has no mark of failure; its text says what happened")
            )
        message: Message = {"role": "tool", "tool_call_id": self._call_ids.get(item.call_id, item.call_id)}
        if self._dialect.named_results:
            message["name"] = item.name
        self._messages.append({**message, "content": content})

    def _result_content(self, item: ResultItem, output: Sequence[Part]) -> object:
        """The text of the result; its media are kept for the message after the group."""
        parts = chat_parts(output, f"{item.path}.output", self._prepared, self._dialect)
        texts = [part for part in parts if part["type"] == "text"]
        media = [part for part in parts if part["type"] != "text"]
        if media:
            self._prepared.conversions.append(
                approximated(f"{item.path}.output", "tool messages take text only: the media follow as a user message")
            )
            texts.append({"type": "text", "text": f"[see attached content of call {item.call_id}]"})
            self._media += [{"type": "text", "text": f"Content of call {item.call_id}:"}, *media]
        return content_of(texts, self._dialect)

    def _end_of_results(self) -> None:
        """Write the media of the results that came before, if there are any."""
        if self._media:
            self._messages.append({"role": "user", "content": self._media})
            self._media = []


def _replayed_turns(items: Sequence[HistoryItem], scope: ReplayScope) -> frozenset[int] | None:
    """The turns, counted by user messages, whose reasoning goes back; None: all of them."""
    if scope == "all":
        return None
    turn, with_calls = 0, set[int]()
    for item in items:
        if isinstance(item, MessageItem):
            turn += item.role == "user"
        elif isinstance(item, CallItem):
            with_calls.add(turn)
    return frozenset({turn} if scope == "open_turn" else with_calls)


def _speaks_next(item: HistoryItem) -> bool:
    """Whether another side than the assistant speaks with this item."""
    return isinstance(item, MessageItem) and item.role != "assistant"


def _with_instructions(prepared: Prepared) -> Sequence[HistoryItem]:
    """The items with the instructions in front of everything."""
    instructions = prepared.request.instructions
    if instructions is None:
        return prepared.items
    if not instructions.strip():
        prepared.conversions.append(ignored("instructions", "blank text"))
        return prepared.items
    parts: list[Part] = [{"type": "input_text", "text": instructions}]
    return [MessageItem("developer", parts, "instructions"), *prepared.items]


def system_role(dialect: Dialect) -> str:
    """The role of a system message."""
    return "developer" if dialect.developer_role else "system"


def mentions_json(written: Sequence[Message]) -> bool:
    """Whether some message has the word json, as `json_object` demands."""
    for message in written:
        content = message["content"]
        texts = [content] if isinstance(content, str) else [part.get("text") or "" for part in content or ()]
        if any("json" in text.lower() for text in texts):
            return True
    return False


def with_system_line(written: list[Message], line: str, dialect: Dialect) -> None:
    """Add one line of system text: at the end, after the leading system messages, or to the one system message."""
    if dialect.tagged_system:
        place = next((index for index, message in enumerate(written) if message["role"] != "system"), len(written))
        written.insert(place, {"role": "system", "content": line})
    elif not dialect.one_system_message:
        written.append({"role": system_role(dialect), "content": line})
    elif written and written[0]["role"] == "system":
        written[0]["content"] = joined(written[0]["content"], line)
    else:
        written.insert(0, {"role": "system", "content": line})
