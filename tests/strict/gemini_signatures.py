"""Thought signatures: what the server gave, and what has to come back.

A signature comes back byte for byte on the part that it was given with. In the steps since the last message of the user
the first call of each step has to carry its signature; a call that this server did not make carries the placeholder.

Source: the thought-signatures page of the Gemini API.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from tests.strict.gemini_contents import Content, Part, calls_of, parts_of, responses_of
from tests.strict.gemini_models import Model
from tests.vendors import gemini as form
from tests.vendors.script import Turn

PLACEHOLDERS: Final = frozenset({"skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="})
"""What stands for the signature of a call that was made elsewhere: the literal, and the base64 of it."""

Fault: TypeAlias = tuple[str, str, str, int]
"""(rule, path, detail, position)."""


@dataclass(frozen=True, slots=True)
class GivenStep:
    """One answer of this server: its calls with their signatures ("" for none), the texts that its text signature may
    come back on, that signature, and the one of the empty text at the end."""

    calls: tuple[tuple[str, str], ...]
    texts: frozenset[str] = frozenset()
    text_signature: str = ""
    end_signature: str = ""


def given_by(turn: Turn, *, streamed: bool) -> GivenStep:
    """What the server has to remember of an answer."""
    parts = form.parts(turn)
    calls = tuple(
        (_identity(part["functionCall"]), part.get("thoughtSignature", "")) for part in parts if "functionCall" in part
    )
    if turn.signed == "call" or not turn.signature:
        return GivenStep(calls)
    if turn.signed == "end" and (streamed or not turn.text):
        return GivenStep(calls, frozenset({turn.text}), end_signature=turn.signature)
    last = [piece for piece in turn.pieces if isinstance(piece, str)][-1:] if streamed else []
    return GivenStep(calls, frozenset({turn.text, *last}), text_signature=turn.signature)


def signature_faults(contents: Sequence[Content], model: Model, given: Sequence[GivenStep]) -> Iterator[Fault]:
    """What is wrong with the signatures of a request."""
    last_message = max(
        (
            index
            for index, content in enumerate(contents)
            if content.get("role") == "user" and not responses_of(content)
        ),
        default=-1,
    )
    for index, content in enumerate(contents):
        if content.get("role") == "model":
            if calls := calls_of(content):
                place = f"contents[{index}]"
                required = model.signed and index > last_message
                yield from _call_faults(calls, given, place, position=index + 1, required=required)
            yield from _text_faults(content, given, f"contents[{index}]")
        for position, part in enumerate(parts_of(content)):
            owner = _unsigned(part, content.get("role"))
            if owner and part.get("thoughtSignature"):
                yield "signature-misplaced", f"contents[{index}].parts[{position}]", owner, 0


def _call_faults(
    calls: Sequence[Part], given: Sequence[GivenStep], path: str, *, position: int, required: bool
) -> Iterator[Fault]:
    identities = [_identity(part["functionCall"]) for part in calls]
    steps = [step for step in given if [identity for identity, _ in step.calls] == identities]
    for index, part in enumerate(calls):
        sent = part.get("thoughtSignature") or ""
        expected = {step.calls[index][1] for step in steps}
        name = str(part["functionCall"].get("name"))
        place = f"{path}.parts.function_call[{index}]"
        if index == 0 and required and not sent and expected != {""}:
            yield "signature-missing", place, name, position
        elif sent in PLACEHOLDERS:
            if index:
                yield "signature-on-sibling", place, name, position
            elif steps and "" not in expected:
                yield "signature-corrupted", place, name, position
        elif sent and sent not in expected:
            yield "signature-on-sibling" if expected == {""} else "signature-corrupted", place, name, position


def _text_faults(content: Content, given: Sequence[GivenStep], path: str) -> Iterator[Fault]:
    texts = [part for part in parts_of(content) if part.get("text") is not None and not part.get("thought")]
    whole = "".join(part["text"] for part in texts)
    for part in texts:
        signature = part.get("thoughtSignature")
        if not signature:
            continue
        if part["text"]:
            known = any(signature == step.text_signature and part["text"] in step.texts for step in given)
        else:
            known = any(signature == step.end_signature and whole in step.texts for step in given)
        if not known:
            yield "signature-corrupted", path, "text", 0


def _unsigned(part: Part, role: object) -> str:
    """What the part is, if it is something that never carries a signature."""
    if part.get("functionResponse") is not None:
        return "function response"
    return "part of the user" if role == "user" else ""


def _identity(call: Mapping[str, Any]) -> str:
    """A call as it can be found again: its name and arguments. Ids may be of our own making."""
    return json.dumps([call.get("name"), call.get("args") or {}], sort_keys=True)
