"""The history -> `messages`: arguments as objects, images as bare base64, results with the name of their tool."""

from collections.abc import Sequence
from typing import Any, Final

import orjson

from proxy.provider.conversions import Conversion, approximated, ignored, refuse
from proxy.provider.history import HOSTED_PROOF, CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem
from proxy.provider.media import data_url, decoded_text, file_media, is_text

Message = dict[str, Any]

FAILED: Final = "The tool failed."


class Messages:
    """Collects the messages of one request."""

    def __init__(self, conversions: list[Conversion]) -> None:
        self.messages: list[Message] = []
        self._conversions = conversions
        self._thinking: list[str] = []
        self._thinking_path = ""
        self._waiting: list[Message] = []
        self._seen: set[str] = set()

    def add_all(self, items: Sequence[HistoryItem]) -> None:
        """Take the whole history."""
        last_user = max((at for at, item in enumerate(items) if _is_of_user(item)), default=-1)
        for position, item in enumerate(items):
            if isinstance(item, ResultItem):
                self._result(item)
                continue
            self._place_waiting()
            if isinstance(item, MessageItem):
                self._message(item)
            elif isinstance(item, CallItem):
                self._call(item)
            else:
                self._reasoning(item, is_open=position > last_user)
        self._place_waiting()
        self._leave_thinking()
        last = items[-1] if items else None
        if isinstance(last, MessageItem) and last.role == "assistant":
            reason = "with some models the answer goes on with the text, with others it begins anew"
            self._conversions.append(approximated(last.path, reason))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, item: MessageItem) -> None:
        if item.role == "assistant":
            text = "".join(self._said(part, f"{item.path}.content[{at}]") for at, part in enumerate(item.parts))
            self._assistant(says=True)["content"] = text
            return
        if item.role == "user":
            self._leave_thinking()
        role = "system" if item.role == "developer" else item.role
        texts, images = self._parts(item.parts, f"{item.path}.content")
        message: Message = {"role": role, "content": "\n".join(texts)}
        if images:
            message["images"] = images
        self.messages.append(message)

    def _said(self, part: Part, path: str) -> str:
        if part["type"] == "refusal":
            self._conversions.append(approximated(path, "a refusal is told as text"))
            return str(part["refusal"])
        return str(part.get("text") or "")

    def _parts(self, parts: Sequence[Part], path: str) -> tuple[list[str], list[str]]:
        """The texts and the images of parts."""
        texts: list[str] = []
        images: list[str] = []
        for index, part in enumerate(parts):
            place = f"{path}[{index}]"
            if part.get("prompt_cache_breakpoint") is not None:
                self._conversions.append(ignored(f"{place}.prompt_cache_breakpoint", "the server caches by itself"))
            match part["type"]:
                case "input_text" | "output_text":
                    texts.append(str(part["text"]))
                case "input_image":
                    images.append(self._image(part, place))
                    if texts or len(images) > 1:
                        self._once("order", approximated(place, "images stand before the text of their message"))
                case "input_file":
                    texts.append(_file(part, place, self._conversions))
                case kind:
                    refuse(place, f"The server does not take content of type '{kind}'.", value=True)
        return texts, images

    def _image(self, part: Part, path: str) -> str:
        if part.get("detail") not in (None, "auto"):
            self._conversions.append(ignored(f"{path}.detail", "the server has one resolution"))
        media = data_url(str(part.get("image_url") or ""))
        if media is None:
            place = "image_url" if part.get("image_url") is not None else "file_id"
            refuse(f"{path}.{place}", "The server takes images as data only.", value=True)
        return media.base64

    # --- tools -------------------------------------------------------------------------------------------------------

    def _call(self, item: CallItem) -> None:
        calls = self._assistant().setdefault("tool_calls", [])
        function = {"index": len(calls), "name": item.name, "arguments": self._arguments(item)}
        calls.append({"id": item.call_id, "function": function})

    def _arguments(self, item: CallItem) -> object:
        """The arguments as an object; text that is none stands in one."""
        if _is_object(item.arguments):
            # As it stands: numbers keep their spelling, and depth has no limit.
            return orjson.Fragment(item.arguments)
        self._conversions.append(approximated(f"{item.path}.arguments", "the arguments are no JSON object"))
        return {"_raw": item.arguments}

    def _result(self, item: ResultItem) -> None:
        text: str = ""
        if isinstance(item.output, str):
            text = item.output
        else:
            texts, images = self._parts(item.output, f"{item.path}.output")
            text = "\n".join(texts)
            if images:
                said = f"What the tool {item.name} gave:"
                self._waiting.append({"role": "user", "content": said, "images": images})
                self._once("images", approximated(item.path, "images of a result follow as a message of the user"))
        if item.failed:
            self._conversions.append(approximated(f"{item.path}.output", "the failure is told in words"))
            text = f"{FAILED}\n{text}" if text else FAILED
        self.messages.append({"role": "tool", "tool_name": item.name, "tool_call_id": item.call_id, "content": text})

    def _result_text(self, item: ResultItem, parts: Sequence[Part]) -> str:
        """The text of a result; its images follow behind all results."""
        texts, images = self._parts(parts, f"{item.path}.output")
        if images:
            told = f"What the tool {item.name} gave:"
            self._waiting.append({"role": "user", "content": told, "images": images})
            self._once("images", approximated(item.path, "images of a result follow as a message of the user"))
        return "\n".join(texts)

    def _place_waiting(self) -> None:
        self.messages += self._waiting
        self._waiting = []

    # --- the assistant -----------------------------------------------------------------------------------------------

    def _reasoning(self, item: ReasoningItem, *, is_open: bool) -> None:
        if item.proof is not None and item.proof.kind == HOSTED_PROOF:
            return
        texts = item.content or item.summary
        if not texts:
            return
        if is_open:
            self._thinking += texts
            self._thinking_path = self._thinking_path or item.path
        else:
            self._once("reasoning", ignored(item.path, "templates leave the reasoning of earlier turns out"))

    def _leave_thinking(self) -> None:
        """Forget the thinking that no answer came of."""
        if self._thinking:
            self._once("reasoning", ignored(self._thinking_path, "reasoning goes with what was said after it"))
        self._thinking, self._thinking_path = [], ""

    def _assistant(self, *, says: bool = False) -> Message:
        """The assistant's message that is being written: one for a step, with its thinking, one text and its calls.
        `says`: a text is to be put into it."""
        last = self.messages[-1] if self.messages else {}
        is_begun = bool(last.get("content") or last.get("tool_calls"))
        if last.get("role") != "assistant" or (is_begun and (says or self._thinking)):
            last = {"role": "assistant", "content": ""}
            self.messages.append(last)
        if self._thinking:
            last["thinking"] = "\n".join(self._thinking)
            self._thinking, self._thinking_path = [], ""
        return last

    def _once(self, kind: str, conversion: Conversion) -> None:
        if kind not in self._seen:
            self._seen.add(kind)
            self._conversions.append(conversion)


def _is_of_user(item: HistoryItem) -> bool:
    return isinstance(item, MessageItem) and item.role == "user"


def _is_object(text: str) -> bool:
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def _file(part: Part, place: str, conversions: list[Conversion]) -> str:
    """The text of a text file, under its name."""
    data, filename = part.get("file_data"), part.get("filename")
    name = filename if isinstance(filename, str) and filename else None
    if part.get("detail") is not None:
        conversions.append(ignored(f"{place}.detail", "the server has no detail of files"))
    if not isinstance(data, str) or not data:
        member = "file_id" if part.get("file_id") is not None else "file_url"
        refuse(f"{place}.{member}", "The server takes files as data only: send `file_data`.", value=True)
    media = file_media(data, name)
    if media is None:
        refuse(f"{place}.file_data", "File data has to be in base64.", value=True)
    if not is_text(media.type):
        shown = media.type or "that it has"
        refuse(f"{place}.file_data", f"Files of the type {shown} are not supported by this provider.", value=True)
    text = decoded_text(media.base64)
    if text is None:
        refuse(f"{place}.file_data", "The file is not text in UTF-8, in base64.", value=True)
    conversions.append(approximated(place, "a text file is sent as text"))
    return f"File {name or 'without a name'}:\n{text}"
