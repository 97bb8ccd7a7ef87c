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
    """Offered name -> the client's tool. A model may also write `namespace.name`, `namespace__name`, the client's own
    name, or the bare name of a namespace's tool, where one tool alone can be meant. A name that means none comes back
    as it is."""

    __slots__ = ("_others", "_tools")

    def __init__(self, tools: Mapping[str, ToolIdentity] | None = None) -> None:
        self._tools = tools or {}
        self._others: dict[str, ToolIdentity | None] | None = None

    def restore(self, offered: str) -> ToolIdentity:
        """What the client calls the tool that the vendor named `offered`."""
        return self._tools.get(offered) or self._meant(offered) or ToolIdentity(offered)

    def _meant(self, written: str) -> ToolIdentity | None:
        if self._others is None:
            self._others = {}
            for tool in self._tools.values():
                for name in _other_names(tool):
                    self._others[name] = tool if self._others.get(name, tool) == tool else None
        return self._others.get(written)


def _other_names(tool: ToolIdentity) -> tuple[str, ...]:
    if tool.namespace is None:
        return (tool.name,)
    return (*(f"{tool.namespace}{between}{tool.name}" for between in (".", "__", "/")), tool.name)


NO_TOOLS = ToolTable()
