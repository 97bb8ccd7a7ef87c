"""The item that is being streamed."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from proxy.responses.client_tools import ClientTool
from proxy.responses.custom_input import InputReader
from proxy.responses.events import Key, Proof

ItemKind: TypeAlias = Literal["message", "reasoning", "call", "hosted"]


@dataclass(slots=True)
class OpenItem:
    """The item that is being streamed. `part` is its open part, if any; `phase` is how many phases of a hosted tool
    were told.

    A call whose arguments are not what the client is shown collects them: `input` takes a custom tool's input out of
    them; `tool` is a tool of the client that has items of its own, of which nothing is shown before they are whole.
    `plain`: the arguments are a custom tool's input as they are. `asked` is how often it was asked whether the
    arguments are whole, `amount` how many pieces they had the last time. `native`: the key under which a vendor that
    speaks Responses itself opened the item, which it also closes; `telling`: a member of it streams.
    """

    kind: ItemKind
    key: Key
    item: dict[str, object]
    part: dict[str, object] | None = None
    proof: Proof | None = None
    vendor_closed: bool = False
    phase: int = 0
    later: list[Proof] = field(default_factory=list)
    input: InputReader | None = None
    tool: ClientTool | None = None
    collected: list[str] = field(default_factory=list)
    plain: bool = False
    native: str | None = None
    telling: bool = False
    asked: int = 0
    amount: int = -1
