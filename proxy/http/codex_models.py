"""The catalogue of models that the Codex CLI reads from `GET /v1/models?client_version=...`.

It reads all of it or nothing: an entry that lacks a member it wants has it fall back to what it was built with.
"""

from collections.abc import Mapping
from typing import Final

from proxy.exchange.model_list import ListedModel
from proxy.provider.capabilities import Capabilities

CONTEXT_WINDOW: Final = 128_000
"""Of models of which nobody knows it. Codex shortens its history in time by this number."""

OUTPUT_OF_TOOLS: Final = 10_000
"""How many tokens of a command's output Codex sends."""

EFFORTS: Final[Mapping[str, str]] = {
    "none": "Answers without thinking.",
    "minimal": "Thinks as little as it can.",
    "low": "Thinks briefly.",
    "medium": "Thinks as the task needs.",
    "high": "Thinks at length.",
    "xhigh": "Thinks at great length.",
    "max": "Thinks as much as it can.",
}
"""The efforts that Codex knows, and what it shows of each."""

USUAL_EFFORTS: Final = ("low", "medium", "high")
"""Of models that reason and of which nobody knows the efforts."""

INSTRUCTIONS: Final = """\
You are a coding agent. You work in the user's terminal, in a folder of theirs, through the tools that you are given.

- Read before you write: look at the files that matter, and keep to the style and the conventions that you find there. \
Files named AGENTS.md hold instructions for the folder that they stand in and everything below it.
- Go on until the task is done or you cannot go on without the user. Do not guess what a command can tell you.
- Change as little as the task needs, at the cause and not at the symptom. Leave alone what you were not asked about, \
and changes that are not yours. Commit, push, delete and reset only when you are told to.
- Edit files with the patch tool where there is one. Search with rg where it is installed.
- Run the project's own tests and checks for what you changed, where there are some, and say so if you could not.
- Answer briefly and in plain words: what you changed and where, what you checked, and what is left to decide.
"""
"""What Codex tells the model before all else."""


def codex_model(model: ListedModel, place: int) -> dict[str, object]:
    """The entry of a model; `place` is its place in the list."""
    able = model.capabilities
    efforts = _efforts(able)
    window = model.context_window or CONTEXT_WINDOW
    return {
        "slug": model.name,
        "display_name": model.name,
        "description": f"Served by {model.provider}.",
        "default_reasoning_level": _default(efforts),
        "supported_reasoning_levels": [{"effort": effort, "description": EFFORTS[effort]} for effort in efforts],
        "shell_type": "shell_command",
        "visibility": "list",
        "supported_in_api": True,
        "priority": place,
        "base_instructions": INSTRUCTIONS,
        "supports_reasoning_summaries": able.reasoning,
        "default_reasoning_summary": "auto" if able.reasoning else "none",
        "support_verbosity": able.verbosity,
        "default_verbosity": None,
        "apply_patch_tool_type": "freeform" if able.tools else None,
        "truncation_policy": {"mode": "tokens", "limit": OUTPUT_OF_TOOLS},
        "supports_parallel_tool_calls": able.tools,
        "context_window": window,
        "max_context_window": window,
        "auto_compact_token_limit": None,
        "experimental_supported_tools": [],
        "input_modalities": ["text", "image"] if able.images else ["text"],
        "availability_nux": None,
        "upgrade": None,
    }


def _efforts(able: Capabilities) -> list[str]:
    if not able.reasoning:
        return []
    given = USUAL_EFFORTS if able.efforts is None else able.efforts
    return [effort for effort in EFFORTS if effort in given]


def _default(efforts: list[str]) -> str | None:
    """The usual one, else one in the middle."""
    return "medium" if "medium" in efforts else efforts[len(efforts) // 2] if efforts else None
