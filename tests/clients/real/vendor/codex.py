"""What the model does for the Codex CLI, whichever vendor it is: it works with the tools that it finds offered.

Each step is made from what the tools returned, so the model gets on only when the results reached it.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

READ_AND_PATCH: Final = "codex: read and patch"
TWO_AT_ONCE: Final = "codex: two at once"
ASK_AN_AGENT: Final = "codex: ask an agent"

NOTICE: Final = "<subagent_notification>"
"""How a message begins that Codex writes in the user's place when another agent has ended: it is no prompt."""


@dataclass(frozen=True, slots=True)
class Step:
    """What the model says, or which tools it calls, each with its arguments."""

    text: str = ""
    calls: tuple[tuple[str, dict[str, Any]], ...] = ()


def next_step(offered_tools: Sequence[Mapping[str, Any]], turns: Sequence[Mapping[str, Any]]) -> Step | None:
    """The model's next step; None when the user asks for nothing of this module.

    A tool has `name` and `parameters` (its JSON Schema). A turn has a `role` (system, user, assistant, tool) and a
    `text`; that of a tool turn is what the tool returned.
    """
    for number in range(len(turns) - 1, -1, -1):
        if turns[number]["role"] == "user":
            for prompt, behaviour in _BEHAVIOURS.items():
                if prompt in turns[number]["text"]:
                    results = [turn["text"] for turn in turns[number + 1 :] if turn["role"] == "tool"]
                    return behaviour(offered_tools, results)
    return None


# --- behaviours ------------------------------------------------------------------------------------------------------


def _read_and_patch(offered: Sequence[Mapping[str, Any]], results: Sequence[str]) -> Step:
    """Read the colour in hello.txt, make it green by a patch, and say which it was."""
    if not results:
        return _shell(offered, "cat hello.txt")
    found = re.search(r"^colour: (\w+)$", results[0], re.MULTILINE)
    if found is None:
        return Step(f"The file did not come: {results[0]!r}")
    if len(results) == 1:
        patch = (
            '*** Begin Patch\n*** Update File: hello.txt\n@@\n greeting: "hello" \\o/ \u00e9\n'
            f"-{found[0]}\n+colour: green\n*** Add File: made.txt\n+made by the model\n*** End Patch\n"
        )
        if _offered(offered, "apply_patch"):
            return Step(calls=(("apply_patch", {"input": patch}),))
        return _shell(offered, f"apply_patch <<'EOF'\n{patch}EOF\n")
    if "Success" not in results[1]:
        return Step(f"The patch was not applied: {results[1]!r}")
    return Step(f"It was {found[1]} and is green.")


def _two_at_once(offered: Sequence[Mapping[str, Any]], results: Sequence[str]) -> Step:
    """Read two files in one answer, and say what stands in them."""
    if not results:
        first, second = _shell(offered, "cat first.txt"), _shell(offered, "cat second.txt")
        return Step(first.text or second.text, first.calls + second.calls)
    return Step(f"{len(results)} results: {' | '.join(results)}")


def _ask_an_agent(offered: Sequence[Mapping[str, Any]], results: Sequence[str]) -> Step:
    """Start another agent, wait for it, and pass on what it says."""
    if not results:
        return _in_group(offered, "spawn_agent", {"message": "say hello"})
    started = re.search(r'"agent_id"\s*:\s*"([^"]+)"', results[0])
    if started is None:
        return Step(f"No agent was started: {results[0]!r}")
    if len(results) == 1:
        return _in_group(offered, "wait_agent", {"targets": [started[1]], "timeout_ms": 30_000})
    return Step(f"The agent says: {results[1]}")


_BEHAVIOURS: Final[Mapping[str, Callable[[Sequence[Mapping[str, Any]], Sequence[str]], Step]]] = {
    READ_AND_PATCH: _read_and_patch,
    TWO_AT_ONCE: _two_at_once,
    ASK_AN_AGENT: _ask_an_agent,
}


# --- the tools that are offered --------------------------------------------------------------------------------------

_COMMANDS: Final = {"exec_command": "cmd", "shell_command": "command"}


def _offered(offered: Sequence[Mapping[str, Any]], name: str) -> bool:
    return any(tool["name"] == name for tool in offered)


def _shell(offered: Sequence[Mapping[str, Any]], command: str) -> Step:
    """Run a command with the shell tool that is there."""
    for name, argument in _COMMANDS.items():
        if _offered(offered, name):
            return Step(calls=((name, {argument: command}),))
    return Step(f"No shell is offered, only {_names(offered)}")


def _in_group(offered: Sequence[Mapping[str, Any]], member: str, arguments: dict[str, Any]) -> Step:
    """Call a member of a group: the name that a vendor knows it by ends with its own."""
    found = [tool["name"] for tool in offered if tool["name"].endswith(member)]
    if len(found) != 1:
        return Step(f"{member} is not offered once, but {found} of {_names(offered)}")
    return Step(calls=((found[0], arguments),))


def _names(offered: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(sorted(tool["name"] for tool in offered)) or "nothing"
