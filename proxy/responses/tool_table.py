"""The way back of a tool's name: offered to the vendor under a safe, flat name, known to the client by another."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ToolIdentity:
    """A tool as the client knows it. `kind` is the type of the tool: `function`, `custom`, or a row of CLIENT_TOOLS; it
    was offered as a function all the same."""

    name: str
    namespace: str | None = None
    kind: str = "function"


class ToolTable:
    """Offered name -> the client's tool. A name that was never offered comes back as it is."""

    __slots__ = ("_tools",)

    def __init__(self, tools: Mapping[str, ToolIdentity] | None = None) -> None:
        self._tools = tools or {}

    def restore(self, offered: str) -> ToolIdentity:
        """What the client calls the tool that the vendor named `offered`."""
        return self._tools.get(offered) or ToolIdentity(offered)


NO_TOOLS = ToolTable()
