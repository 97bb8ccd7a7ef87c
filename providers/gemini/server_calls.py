"""The calls of Google's own tools within one answer: their items, and the proofs that hold their parts.

Calls may stand beside each other, and their items one after the other. So a proof holds all parts since the last one,
as far as no item that began before is still open: put back in the order of the proofs, the parts stand as they stood.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from providers.gemini import hosted
from providers.gemini.hosted import Step
from providers.gemini.reading import Json, mapping, text
from providers.gemini.server_history import packed
from proxy.provider.history import HOSTED_PROOF
from proxy.responses.events import Event, Hosted, Key, Proof, Unmapped

NOTHING: Final[tuple[Event, ...]] = ()

NOT_SENT_BACK: Final = frozenset({hosted.FILE_SEARCH, "MEDIA_PROCESSING"})
"""Types of tools whose parts the vendor does not take again."""

KNOWN_TYPES: Final = frozenset({*hosted.TOOL_KINDS, "GOOGLE_MAPS", "MEDIA_PROCESSING"})


@dataclass(slots=True)
class _Call:
    """A call under way; `id` is "" where the vendor gave none. A call may be several items."""

    key: Key
    id: str
    kind: str
    steps: list[Step]


class ServerCalls:
    """The calls of one answer. `images`: the client asked for images. `seen`: the types of tools whose calls were parts
    of it."""

    __slots__ = ("_code", "_images", "_kept", "_waiting", "seen")

    def __init__(self, *, images: bool) -> None:
        self.seen: set[str] = set()
        self._images = images
        self._waiting: list[_Call] = []
        # Parts that no proof holds yet.
        self._kept: list[Json] = []
        # Code that ran: what it drew may follow.
        self._code: _Call | None = None

    @property
    def drawing(self) -> bool:
        """Whether an image now would be what code has drawn."""
        return self._code is not None

    def code(self, value: Json, part: Json, key: Key) -> Sequence[Event]:
        """`executableCode`."""
        self._kept.append(part)
        return self._open(_Call(key, text(value.get("id")), hosted.CODE, [hosted.code_asked(value)]))

    def code_result(self, value: Json, part: Json, key: Key) -> Sequence[Event]:
        """`codeExecutionResult`; with the key for code that was not shown."""
        call = self._answered(value, hosted.CODE)
        events: Sequence[Event] = NOTHING
        if call is None:
            call = _Call(key, "", hosted.CODE, [Step(hosted.CODE, "failed", {})])
            events = (Hosted(key, hosted.CODE, "in_progress"),)
        self._kept.append(part)
        call.steps = [hosted.code_ran(call.steps[0], value)]
        self._code = call
        return events

    def tool_call(self, value: Json, part: Json, key: Key) -> Sequence[Event]:
        """`toolCall`."""
        tool = text(value.get("toolType"))
        if tool not in NOT_SENT_BACK:
            self._kept.append(part)
        kind = hosted.TOOL_KINDS.get(tool)
        if kind is None:
            return (Unmapped(f"tool_call.{tool.lower() if tool in KNOWN_TYPES else 'unknown'}"),)
        self.seen.add(tool)
        return self._open(_Call(key, text(value.get("id")), kind, hosted.ASKED[tool](mapping(value.get("args")))))

    def tool_response(self, value: Json, part: Json) -> Sequence[Event]:
        """`toolResponse`."""
        tool = text(value.get("toolType"))
        if tool not in NOT_SENT_BACK:
            self._kept.append(part)
        call = self._answered(value, hosted.TOOL_KINDS.get(tool))
        if call is None:
            return NOTHING
        call.steps = hosted.pages_answered(value) or call.steps
        return self._ended(call)

    def image(self, value: Json, key: Key) -> Sequence[Event]:
        """`inlineData`, of code that ran or made by the model itself."""
        if self._code is not None:
            drawn = hosted.image_of_code(value)
            if drawn is None:
                return (Unmapped("inline_data"),)
            step = self._code.steps[0]
            outputs = step.fields["outputs"]
            listed = outputs if isinstance(outputs, list) else []
            self._code.steps = [Step(step.kind, step.phase, {**step.fields, "outputs": [*listed, drawn]})]
            return NOTHING
        made = hosted.image_made(value)
        if made is None or not self._images:
            return (Unmapped("inline_data"),)
        return (Hosted(key, made.kind, made.phase, made.fields),)

    def end_code(self) -> Sequence[Event]:
        """Another part came: code that ran has drawn all."""
        call, self._code = self._code, None
        return NOTHING if call is None else self._ended(call)

    def settle(self, key: Key) -> Sequence[Event]:
        """The model went on: no result comes any more. `key` is for parts that belong to no item."""
        events = [*self.end_code()]
        while self._waiting:
            events += self._ended(self._waiting.pop(0))
        if self._kept:
            events.append(Proof(key, HOSTED_PROOF, self._packed(), "previous"))
        return events

    @property
    def waiting(self) -> bool:
        """Whether some call has no result yet."""
        return bool(self._waiting)

    @property
    def unsettled(self) -> bool:
        """Whether `settle` has anything to do."""
        return bool(self._waiting or self._kept or self._code is not None)

    def _open(self, call: _Call) -> Sequence[Event]:
        self._waiting.append(call)
        return (Hosted(call.key, call.kind, hosted.WORKING[call.kind], call.steps[0].fields),)

    def _answered(self, value: Json, kind: str | None) -> _Call | None:
        """The call that a result belongs to: the one with its id, else the first where one of the two has none."""
        identifier = text(value.get("id"))
        alike = [call for call in self._waiting if kind in (None, call.kind)]
        call = next((call for call in alike if call.id == identifier), None)
        if call is None:
            call = next((call for call in alike if not call.id or not identifier), None)
        if call is not None:
            self._waiting.remove(call)
        return call

    def _ended(self, call: _Call) -> Sequence[Event]:
        """The call is over. Its first step has been shown already, the others have not. The proof stands directly
        behind the last one."""
        keys: list[Key] = [f"{call.key}.{number}" if number else call.key for number in range(len(call.steps))]
        events: list[Event] = [
            Hosted(key, step.kind, step.phase, step.fields) for key, step in zip(keys, call.steps, strict=True)
        ]
        if call.kind != hosted.FILES:
            payload = packed([]) if self._waiting else self._packed()
            proof = Proof(keys[-1], HOSTED_PROOF, payload, "previous")
            # An item that is open already takes it along; one that is made at once has to be there first.
            events.insert(0 if len(events) == 1 else len(events), proof)
        return events

    def _packed(self) -> str:
        kept, self._kept = self._kept, []
        return packed(kept)
