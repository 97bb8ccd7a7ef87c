"""The history -> `turns`: who speaks, what is said, the calls and their results; and the system's words apart."""

from collections.abc import Sequence
from typing import Any

import orjson
from proxy.provider.conversions import Conversion, approximated, ignored, refuse
from proxy.provider.history import HOSTED_PROOF, CallItem, HistoryItem, MessageItem, Part, ResultItem

Turn = dict[str, Any]


def turns(items: Sequence[HistoryItem], conversions: list[Conversion]) -> tuple[list[str], list[Turn]]:
    """What the system says, and the turns. Parrot's speakers take turns: what one says at a stretch is one turn."""
    system: list[str] = []
    found: list[Turn] = []
    for item in items:
        match item:
            case MessageItem(role="system" | "developer"):
                if found:
                    conversions.append(approximated(item.path, "the system speaks before all others"))
                system.append(_text(item.parts, f"{item.path}.content", conversions))
            case MessageItem():
                turn = _turn(found, "parrot" if item.role == "assistant" else "human")
                turn.setdefault("said", []).append(_text(item.parts, f"{item.path}.content", conversions))
            case CallItem():
                call = {"id": item.call_id, "tool": item.name, "input": _object(item)}
                _turn(found, "parrot").setdefault("calls", []).append(call)
            case ResultItem():
                output = item.output
                if not isinstance(output, str):
                    output = _text(output, f"{item.path}.output", conversions)
                result = {"id": item.call_id, "said": output, "failed": item.failed}
                _turn(found, "tools").setdefault("results", []).append(result)
            case _ if item.proof is None or item.proof.kind != HOSTED_PROOF:
                conversions.append(ignored(item.path, "the model does not read its earlier reasoning"))
    return system, found


def _turn(found: list[Turn], speaker: str) -> Turn:
    """The turn of the speaker that is going on, or a new one."""
    if not found or found[-1]["speaker"] != speaker:
        found.append({"speaker": speaker})
    return found[-1]


def _object(item: CallItem) -> object:
    """The arguments as an object; text that is none stands in one."""
    try:
        arguments = orjson.loads(item.arguments)
    except orjson.JSONDecodeError:
        return {"text": item.arguments}
    return arguments if isinstance(arguments, dict) else {"text": item.arguments}


def _text(parts: Sequence[Part], path: str, conversions: list[Conversion]) -> str:
    """The parts as one text."""
    texts: list[str] = []
    for index, part in enumerate(parts):
        place = f"{path}[{index}]"
        if part.get("prompt_cache_breakpoint") is not None:
            conversions.append(ignored(f"{place}.prompt_cache_breakpoint", "Parrot remembers by content"))
        if part["type"] == "refusal":
            conversions.append(approximated(place, "a refusal is told as text"))
            texts.append(str(part["refusal"]))
        elif part["type"] in ("input_text", "output_text"):
            texts.append(str(part["text"]))
        else:
            refuse(place, f"Parrot does not take content of type '{part['type']}'.", value=True)
    return "\n".join(texts)
