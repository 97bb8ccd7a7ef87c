"""History items -> `systemInstruction` and `contents`.

Rules of the vendor that are kept here: roles are `user` and `model`, and the first content is the user's; contents of
one role are merged; the calls of a step stand in one content, and their responses in the next one, with nothing else in
it; a signature stands on the very part on which it came, or nowhere.

Thought texts are not sent back, but for a thought that is signed itself: they are summaries, cost input tokens, and the
signatures hold what the model needs.
"""

from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import orjson

from providers.gemini.parts import IN_RESULTS, PartWriter, VendorPart, only_text
from providers.gemini.server_history import id_of, parts_of, unpaired
from providers.gemini.settings import MidSystem
from providers.gemini.signatures import CALL, PLACEHOLDER, TEXT, THOUGHT, TURN
from proxy.provider.contract import Prepared
from proxy.provider.conversions import approximated, dropped, ignored, refuse
from proxy.provider.history import CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem

Content: TypeAlias = dict[str, Any]

CONTINUE: Final = "Continue."
BEGIN: Final = "."
"""The user's text where there is nothing but instructions."""

ROLES: Final = {"user": "user", "assistant": "model"}

MEMBERS: Final = {CALL: "functionCall", TEXT: "text"}
"""The member that a part with such a signature has."""


class Contents:
    """The conversation under construction: `system` are the texts of the system instruction, `contents` the turns.
    `circulates`: what the vendor showed of its own tools is among them."""

    def __init__(self, prepared: Prepared, writer: PartWriter, mid_system: MidSystem) -> None:
        self.system: list[VendorPart] = []
        self.contents: list[Content] = []
        self._prepared = prepared
        self._writer = writer
        self._mid_system = mid_system
        self._waiting: list[tuple[str, str, str]] = []
        self._media: list[VendorPart] = []
        self._last_path = "input"
        self._unpaired: frozenset[str] = frozenset()
        self.circulates = False

    def add_all(self, items: Sequence[HistoryItem]) -> None:
        """Append the items, and bring the conversation into its final form."""
        self._unpaired = unpaired(items)
        for item in items:
            if isinstance(item, MessageItem) and self._goes_on_with_text(item):
                pass
            elif isinstance(item, ResultItem):
                self._add_result(item)
            else:
                if self._media:
                    self._place_media()
                if isinstance(item, MessageItem):
                    self._add_message(item)
                elif isinstance(item, CallItem):
                    self._add_call(item)
                else:
                    self._add_reasoning(item)
            self._last_path = item.path
        self._place_media()
        self._close_turn()
        if self.contents and self.contents[-1]["role"] == "model":
            reason = "an answer of the model at the end is no beginning of the next: it is told to continue"
            self._prepared.conversions.append(approximated(self._last_path, reason))
            self._user([{"text": CONTINUE}])
        if not self._writer.model.system_instruction:
            self._system_as_user()
        if not self.contents:
            self._user([{"text": BEGIN}])
        elif self.contents[0]["role"] == "model":
            self.contents.insert(0, {"role": "user", "parts": [{"text": ""}]})
        if self._writer.model.placeholder:
            place_placeholders(self.contents)

    # --- messages -----------------------------------------------------------------------------------------------------

    def _add_message(self, item: MessageItem) -> None:
        if item.role in ("system", "developer"):
            self._add_system(item)
            return
        text = only_text(item.parts)
        parts: list[VendorPart] = [{"text": text}]
        if text is None:
            parts = self._writer.parts(item.parts, f"{item.path}.content")
        if item.role == "user":
            self._user(parts)
        else:
            for part in parts:
                self._signed(part, TEXT)

    def _goes_on_with_text(self, item: MessageItem) -> bool:
        """Whether the item was one text that begins a turn of its own, as most of a long history are; it is written."""
        role = ROLES.get(item.role)
        if role is None or self._waiting or self._media or not self.contents or self.contents[-1]["role"] == role:
            return False
        if (text := only_text(item.parts)) is None:
            return False
        self.contents.append({"role": role, "parts": [{"text": text}]})
        return True

    def _add_system(self, item: MessageItem) -> None:
        texts: list[str] = []
        for index, part in enumerate(item.parts):
            place = f"{item.path}.content[{index}]"
            text = self._writer.text(part, place)
            if text is None:
                refuse(place, "Gemini takes only text in system and developer messages.", value=True)
            texts.append(text)
        if not self.contents:
            self.system += [{"text": text} for text in texts]
        elif self._mid_system == "hoist":
            reason = "an instruction inside the conversation is moved into the system instruction"
            self._prepared.conversions.append(approximated(item.path, reason))
            self.system += [{"text": text} for text in texts]
        else:
            reason = "an instruction inside the conversation is sent as tagged user text"
            self._prepared.conversions.append(approximated(item.path, reason))
            self._user([{"text": f"<system>{text}</system>"} for text in texts])

    def _system_as_user(self) -> None:
        """The system instruction as the first text of the user, for models that take none."""
        if not self.system:
            return
        reason = "the model takes no system instruction: it is sent as tagged user text"
        path = "input" if self._prepared.request.instructions is None else "instructions"
        self._prepared.conversions.append(approximated(path, reason))
        texts: list[VendorPart] = [{"text": f"<system>{part['text']}</system>"} for part in self.system]
        self.system = []
        if self.contents and self.contents[0]["role"] == "user":
            self.contents[0]["parts"][:0] = texts
        else:
            self.contents.insert(0, {"role": "user", "parts": texts})

    def _user(self, parts: list[VendorPart]) -> None:
        """Parts of the user; not into a content of function responses, which has nothing else in it."""
        self._close_turn()
        last = self.contents[-1] if self.contents else None
        if last is not None and last["role"] == "user" and "functionResponse" not in last["parts"][-1]:
            last["parts"] += parts
        else:
            self.contents.append({"role": "user", "parts": parts})

    # --- the model's turn ---------------------------------------------------------------------------------------------

    def _add_call(self, item: CallItem) -> None:
        self._signed({"functionCall": {"id": item.call_id, "name": item.name, "args": self._arguments(item)}}, CALL)

    def _arguments(self, item: CallItem) -> object:
        if _is_object(item.arguments):
            return orjson.Fragment(item.arguments)
        reason = "the arguments are no JSON object: they are sent as text inside one"
        self._prepared.conversions.append(approximated(f"{item.path}.arguments", reason))
        return {"arguments": item.arguments}

    def _signed(self, part: VendorPart, kind: str) -> None:
        """Append a part of the model, with the first signature that waits for one of its kind."""
        if self._waiting:
            for index, (waiting, payload, _) in enumerate(self._waiting):
                if waiting == kind:
                    part["thoughtSignature"] = payload
                    del self._waiting[index]
                    break
        self._of_model(part)

    def _of_model(self, part: VendorPart) -> None:
        if self.contents and self.contents[-1]["role"] == "model":
            self.contents[-1]["parts"].append(part)
        else:
            self.contents.append({"role": "model", "parts": [part]})

    def _add_reasoning(self, item: ReasoningItem) -> None:
        if (parts := parts_of(item)) is not None:
            self._add_server_parts(parts, item.path)
            return
        proof = item.proof
        if proof is None or not proof.payload:
            reason = "the model reads no reasoning but its own, by its signature"
            self._prepared.conversions.append(ignored(item.path, reason))
            return
        turn = self.contents[-1]["parts"] if self.contents and self.contents[-1]["role"] == "model" else []
        if proof.kind in MEMBERS and proof.binds in ("self", "next"):
            # `self`: with the thought that stands in front of the part.
            self._waiting.append((proof.kind, proof.payload, item.path))
        elif proof.kind in MEMBERS and proof.binds == "previous":
            earlier = next((part for part in reversed(turn) if part.get(MEMBERS[proof.kind])), None)
            if earlier is None or "thoughtSignature" in earlier:
                self._report_lost(item.path)
            else:
                earlier["thoughtSignature"] = proof.payload
        elif proof.kind == TURN and turn:
            turn.append({"text": "", "thoughtSignature": proof.payload})
        elif proof.kind == TURN:
            # It came before the first part that is shown; its place is the end all the same.
            self._waiting.append((TURN, proof.payload, item.path))
        elif proof.kind == THOUGHT and item.summary:
            self._of_model({"text": "".join(item.summary), "thought": True, "thoughtSignature": proof.payload})
        else:
            self._report_lost(item.path)

    def _add_server_parts(self, parts: Sequence[VendorPart], path: str) -> None:
        """Parts of the vendor's own tools, exactly as they came."""
        kept = [part for part in parts if id_of(part) not in self._unpaired]
        if len(kept) < len(parts):
            reason = "a call of the vendor's own tool without its result"
            self._prepared.conversions.append(dropped(path, reason))
        for part in kept:
            self.circulates = self.circulates or "toolCall" in part
            self._of_model(part)

    def _close_turn(self) -> None:
        """The model's turn is over: the signatures of its end stand there, for the others no part comes any more."""
        for kind, payload, path in self._waiting:
            if kind == TURN and self.contents and self.contents[-1]["role"] == "model":
                self._of_model({"text": "", "thoughtSignature": payload})
            else:
                self._report_lost(path)
        self._waiting.clear()

    def _report_lost(self, path: str) -> None:
        self._prepared.conversions.append(ignored(path, "the part that the signature belongs to is not there"))

    # --- results ------------------------------------------------------------------------------------------------------

    def _add_result(self, item: ResultItem) -> None:
        self._close_turn()
        text, media = self._output(item)
        response: VendorPart = {"id": item.call_id, "name": item.name, "response": _response(text, failed=item.failed)}
        if media:
            response["parts"] = media
        part = {"functionResponse": response}
        last = self.contents[-1] if self.contents else None
        if last is not None and "functionResponse" in last["parts"][-1]:
            last["parts"].append(part)
        else:
            self.contents.append({"role": "user", "parts": [part]})

    def _output(self, item: ResultItem) -> tuple[str, list[VendorPart]]:
        """The text of a result, and the media that the function response itself holds; other media follow later."""
        if isinstance(item.output, str):
            return item.output, []
        texts: list[str] = []
        inside: list[VendorPart] = []
        for index, part in enumerate(item.output):
            place = f"{item.path}.output[{index}]"
            if (text := self._writer.text(part, place)) is not None:
                texts.append(text)
                continue
            media = self._writer.media(part, place)
            name = _filename(part)
            if self._writer.model.result_media and _media_type(media) in IN_RESULTS:
                if name:
                    self._prepared.conversions.append(
                        approximated(f"{place}.filename", "the vendor's files have no names: it is told as text")
                    )
                    texts.append(f"[file {name}]")
                inside.append(media)
            else:
                reason = "a function response takes no such content: it follows as the user's"
                self._prepared.conversions.append(approximated(place, reason))
                label = f"{item.call_id}-{index}" + (f" ({name})" if name else "")
                texts.append(f"See file {label}.")
                self._media += [{"text": f"This is file {label}:"}, media]
        return "\n".join(texts), inside

    def _place_media(self) -> None:
        """Write the media of the results that came before, if there are any."""
        if self._media:
            self._user(self._media)
            self._media = []


# --- placeholders -----------------------------------------------------------------------------------------------------


def place_placeholders(contents: Sequence[Content], *, everywhere: bool = False) -> bool:
    """Put the placeholder on the first call of each step that has no signature there; whether there was one.

    Steps before the user's last message are not checked by the vendor and stay as they are, unless `everywhere`.
    """
    placed = False
    for content in reversed(contents):
        parts: list[Part] = content["parts"]
        if content["role"] == "user":
            if not everywhere and not all("functionResponse" in part for part in parts):
                break
            continue
        call = next((part for part in parts if "functionCall" in part), None)
        if isinstance(call, dict) and "thoughtSignature" not in call:
            call["thoughtSignature"] = PLACEHOLDER
            placed = True
    return placed


# --- function responses -----------------------------------------------------------------------------------------------


def _response(text: str, *, failed: bool) -> object:
    """The `response`, which has to be an object; the vendor looks for `output` and `error` in it."""
    if failed:
        return {"error": text}
    if _is_object(text, without_references=True):
        return orjson.Fragment(text)
    return {"output": text}


def _is_object(text: str, *, without_references: bool = False) -> bool:
    """Whether the text is a JSON object. `without_references`: and has no key `$ref`, which the vendor would follow."""
    if text.lstrip()[:1] != "{":
        return False
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    if without_references and ("$ref" in text or "\\u" in text):
        return isinstance(value, dict) and not _has_reference(value)
    return isinstance(value, dict)


def _has_reference(value: object) -> bool:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            if "$ref" in current:
                return True
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)
    return False


def _media_type(part: VendorPart) -> object:
    data = part.get("inlineData")
    return data.get("mimeType") if isinstance(data, dict) else None


def _filename(part: Part) -> str | None:
    name = part.get("filename")
    return name if isinstance(name, str) and name else None
