"""The history -> `input`, as each server takes it. Ids of messages, reasoning and functions stay behind: to a server
that keeps nothing they mean nothing, and one that keeps something answers an unknown one with 404."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from providers.responses.profile import Profile
from proxy.provider.conversions import Conversion, approximated, ignored, refuse
from proxy.provider.history import HOSTED_PROOF, CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem

PROOF: Final = "responses"
"""The kind of proof that holds a server's encrypted reasoning."""

TAGGED: Final = "<system>\n{}\n</system>"

Item = dict[str, Any]

_WITHOUT_ID: Final = frozenset(
    {"function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output", "reasoning"}
)
_CALLED: Final = frozenset({"function_call", "custom_tool_call"})


class InputItems:
    """Collects the items of one request. `instructions` are leading messages to the model, where they go there."""

    def __init__(self, profile: Profile, conversions: list[Conversion]) -> None:
        self.items: list[Item] = []
        self.instructions: list[str] = []
        self._profile = profile
        self._conversions = conversions
        self._custom: set[str] = set()
        self._seen: set[str] = set()

    def add_all(self, items: Sequence[HistoryItem]) -> None:
        """Take the whole history."""
        for position, item in enumerate(items):
            if isinstance(item, MessageItem):
                self._message(item)
            elif isinstance(item, CallItem):
                self._call(item)
            elif isinstance(item, ResultItem):
                self._result(item)
            else:
                self._reasoning(item, leads_on=_leads_on(items[position + 1 :]))

    # --- messages ----------------------------------------------------------------------------------------------------

    def _message(self, item: MessageItem) -> None:
        profile = self._profile
        role: str = item.role
        if role in ("system", "developer") and profile.system_messages != "developer":
            if profile.system_messages == "instructions" and not self.items:
                text = _text_of(item.parts)
                if text is not None:
                    self.instructions.append(text)
                    return
            role = "system"
        parts = [self._part(part, f"{item.path}.content[{index}]", role) for index, part in enumerate(item.parts)]
        message: Item = {"type": "message", "role": role, "content": parts}
        if item.phase and profile.phases:
            message["phase"] = item.phase
        elif item.phase:
            self._once("phase", ignored(f"{item.path}.phase", "the server does not know it"))
        self.items.append(message)

    def _part(self, part: Part, path: str, role: str) -> Item:
        profile = self._profile
        kept = {name: value for name, value in part.items() if value is not None}
        if kept.pop("prompt_cache_breakpoint", None) is not None:
            if profile.cache_breakpoints:
                kept["prompt_cache_breakpoint"] = part["prompt_cache_breakpoint"]
            else:
                self._conversions.append(ignored(f"{path}.prompt_cache_breakpoint", "the server caches by itself"))
        kind = kept["type"]
        if kind == "output_text":
            whole = "message" in profile.capabilities.native_items
            kept = {"type": kind, "text": kept["text"], "annotations": kept.get("annotations") or [] if whole else []}
            if whole and part.get("logprobs"):
                kept["logprobs"] = part["logprobs"]
        elif kind == "refusal" and not profile.refusals:
            kept = {"type": "output_text", "text": kept["refusal"], "annotations": []}
            self._conversions.append(approximated(path, "a refusal is told as text"))
        elif kept.get("file_id") is not None and not profile.file_ids:
            refuse(f"{path}.file_id", "The server does not know files by id.", value=True)
        elif kind == "input_image" and "image_url" in kept and "detail" not in kept:
            kept["detail"] = "auto"
        return _ordered(kept)

    # --- tools -------------------------------------------------------------------------------------------------------

    def _call(self, item: CallItem) -> None:
        if item.native is not None:
            call = _cleaned(item.native) | {"call_id": item.call_id}
            if call["type"] in _CALLED and "namespace" not in self._profile.capabilities.native_tools:
                call.pop("namespace", None)
                call["name"] = item.name
            if call["type"] == "function_call":
                call["arguments"] = item.arguments
            self.items.append(call)
        elif item.custom:
            self._custom.add(item.call_id)
            self.items.append(
                {"type": "custom_tool_call", "call_id": item.call_id, "name": item.name, "input": item.arguments}
            )
        else:
            self.items.append(
                {"type": "function_call", "call_id": item.call_id, "name": item.name, "arguments": item.arguments}
            )

    def _result(self, item: ResultItem) -> None:
        if item.native is not None:
            result = _cleaned(item.native) | {"call_id": item.call_id}
            if result["type"] in ("function_call_output", "custom_tool_call_output"):
                result["output"] = self._output(item)
            self.items.append(result)
            return
        kind = "custom_tool_call_output" if item.call_id in self._custom else "function_call_output"
        self.items.append({"type": kind, "call_id": item.call_id, "output": self._output(item)})

    def _output(self, item: ResultItem) -> str | list[Item]:
        """The result, as parts or as text. What is no text follows as a message of the user, where results are text."""
        if isinstance(item.output, str):
            return item.output
        parts = [self._part(part, f"{item.path}.output[{index}]", "user") for index, part in enumerate(item.output)]
        if self._profile.result_parts:
            return parts
        texts = [str(part["text"]) for part in parts if part["type"] == "input_text"]
        others = [index for index, part in enumerate(parts) if part["type"] != "input_text"]
        if others:
            path = f"{item.path}.output[{others[0]}]"
            refuse(path, "The server takes only text as the result of a tool.", value=True)
        return "\n".join(texts)

    # --- reasoning ---------------------------------------------------------------------------------------------------

    def _reasoning(self, item: ReasoningItem, *, leads_on: bool) -> None:
        proof = item.proof
        if proof is not None and proof.kind == HOSTED_PROOF:
            self.items.append(_cleaned(orjson.loads(proof.payload)))
            return
        replay = self._profile.replay
        encrypted = proof.payload if proof is not None and proof.kind == PROOF else None
        if encrypted is not None and replay in ("encrypted", "both"):
            if not leads_on:
                self._conversions.append(ignored(item.path, "nothing follows that the reasoning led to"))
                return
            told: Item = {"type": "reasoning", "summary": _parts("summary_text", item.summary)}
            if item.content:
                told["content"] = _parts("reasoning_text", item.content)
            self.items.append(told | {"encrypted_content": encrypted})
        elif replay in ("text", "both") and (item.content or item.summary):
            # Where there is only a summary, it stands for the reasoning.
            summary = item.summary if item.content else []
            content = _parts("reasoning_text", item.content or item.summary)
            self.items.append({"type": "reasoning", "summary": _parts("summary_text", summary), "content": content})
        elif item.content or item.summary or proof is not None:
            self._once("reasoning", ignored(item.path, "the server takes no such reasoning back"))

    def _once(self, kind: str, conversion: Conversion) -> None:
        """Histories repeat their losses: each kind is declared where it stands first."""
        if kind not in self._seen:
            self._seen.add(kind)
            self._conversions.append(conversion)


def _cleaned(item: Mapping[str, Any]) -> Item:
    """The client's item without what only a server says, and without members that say nothing."""
    left_out = {"created_by", "status"} if item["type"] in _CALLED else {"created_by"}
    if item["type"] in _WITHOUT_ID:
        left_out |= {"id", "status"}
    return _ordered({name: value for name, value in item.items() if value is not None and name not in left_out})


def _ordered(members: Item) -> Item:
    """The members in one order, whoever wrote them: equal histories are equal bytes, as vendors' caches want them."""
    return {"type": members["type"], **dict(sorted(members.items()))}


def _parts(kind: str, texts: Sequence[str]) -> list[Item]:
    return [{"type": kind, "text": text} for text in texts]


def _text_of(parts: Sequence[Part]) -> str | None:
    """The text of parts that are nothing else; None where there is anything else, or an end of a cached beginning."""
    if any(part["type"] != "input_text" or part.get("prompt_cache_breakpoint") is not None for part in parts):
        return None
    return "\n".join(str(part["text"]) for part in parts)


def _leads_on(following: Sequence[HistoryItem]) -> bool:
    """Whether something of the assistant's follows reasoning: OpenAI refuses it alone."""
    for item in following:
        if isinstance(item, MessageItem):
            return item.role == "assistant"
        if isinstance(item, CallItem):
            return True
        if isinstance(item, ReasoningItem) and item.proof is not None and item.proof.kind == HOSTED_PROOF:
            return True
        if isinstance(item, ResultItem):
            return False
    return False
