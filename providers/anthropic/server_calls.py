"""The calls of Anthropic's own tools within one answer: their items, and the proofs that hold their blocks.

Calls may stand beside and inside each other, and their items one after the other. So a proof holds all blocks since the
last one, as far as no item that began before is still open: put back in the order of the proofs, the blocks stand as
they stood.
"""

from collections.abc import Sequence
from typing import Final

from providers.anthropic import hosted
from providers.anthropic.hosted import ServerCall
from providers.anthropic.lenient import Json, text
from providers.anthropic.server_history import packed
from providers.anthropic.transcript import Transcript
from proxy.provider.history import HOSTED_PROOF
from proxy.responses.events import Event, Hosted, Key, Proof, Unmapped

NOTHING: Final[tuple[Event, ...]] = ()


class ServerCalls:
    """The calls under way. `container` is where code runs. Without a transcript there are no proofs."""

    __slots__ = ("_calls", "_kept", "_ran_code", "_transcript", "container")

    def __init__(self, transcript: Transcript | None) -> None:
        self.container = ""
        self._calls: dict[str, ServerCall] = {}
        # Blocks that no proof holds yet.
        self._kept: list[bytes] = []
        self._ran_code = False
        self._transcript = transcript

    def begin(self, block: Json, key: Key, index: int) -> tuple[ServerCall, Sequence[Event]] | None:
        """A call began; None for a tool that is not known."""
        call = hosted.opened(block, key, index)
        if call is None:
            return None
        self._calls[text(block.get("id"))] = call
        return call, (Hosted(key, call.kind, "in_progress", dict(call.fields)),) if call.kind else NOTHING

    def ask(self, call: ServerCall, whole: Json, fragments: str) -> Sequence[Event]:
        """The input of a call is complete."""
        self._keep(call.index)
        made = hosted.asked(call, whole, fragments, self.container)
        return (made,) if call.kind else NOTHING

    def called(self, result: Json) -> ServerCall | None:
        """The call that a result belongs to; None where an earlier answer holds it."""
        return self._calls.get(text(result.get("tool_use_id")))

    def answer(self, result: Json, call: ServerCall | None, key: Key, index: int) -> Sequence[Event]:
        """The result of a call is there. `key` and `index` are for one whose call stands in an earlier answer, which
        had to wait for the client's tools."""
        events: list[Event] = []
        if call is None:
            name = hosted.RESULTS[text(result.get("type"))]
            call = ServerCall(key, hosted.KINDS.get(name, name), name, index)
            if call.kind:
                events.append(Hosted(key, call.kind, "in_progress"))
        self._keep(index)
        events.extend(self._proof(call))
        self._calls.pop(text(result.get("tool_use_id")), None)
        if not call.kind:
            return [*events, Unmapped("tool_search")]
        if call.kind == hosted.CODE:
            self._ran_code = True
            if hosted.made_files(result):
                events.append(Unmapped("code_execution_output"))
        return [*events, hosted.answered(call, result, self.container)]

    def listing(self, block: Json, key: Key, index: int) -> Sequence[Event]:
        """The tools of an MCP server were listed."""
        made = hosted.listed(block, key)
        self._keep(index)
        proof = self._proof(ServerCall(key, made.kind, made.kind, index))
        began = Hosted(key, made.kind, "in_progress", {"server_label": made.fields["server_label"]})
        return (began, *proof, made)

    def end(self, key: Key, *, postponed: bool) -> Sequence[Event]:
        """The answer ends. `postponed`: the vendor goes on with open calls when it has the results of the client's
        tools, so they have to be sent back. Where code ran is said at the end of a stream alone."""
        events: list[Event] = []
        if postponed:
            for call_id, call in list(self._calls.items()):
                events.extend(self._proof(call))
                del self._calls[call_id]
                if call.kind:
                    events.append(Hosted(call.key, call.kind, "failed"))
        if self._ran_code and self.container and self._transcript is not None:
            events.append(Proof(key, HOSTED_PROOF, packed((), self.container), "previous"))
        return events

    def _keep(self, index: int) -> None:
        """Keep a block, which is whole."""
        if self._transcript is not None and (block := self._transcript.stop(index)):
            self._kept.append(block)

    def _proof(self, call: ServerCall) -> Sequence[Event]:
        """The proof of an item that is about to be completed."""
        if self._transcript is None:
            return NOTHING
        first = next((each for each in self._calls.values() if each.kind), None)
        blocks: list[bytes] = []
        if first is None or first is call:
            blocks, self._kept = self._kept, []
        elif not call.kind:
            return NOTHING
        return (Proof(call.key, HOSTED_PROOF, packed(blocks), "previous"),)
