"""The tools that a client runs and that OpenAI's models know by heart, as functions that any model can call.

`shell`, `local_shell`, `apply_patch`, the computer and a client's tool search have items of their own. A row of
`CLIENT_TOOLS` says how such a tool is told to a model that does not know it, what becomes of the arguments that the
model writes, and how the items of a history become a call and its result again (Responses reference, section 6.1).
"""

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import orjson

JSON: TypeAlias = Mapping[str, Any]
Result: TypeAlias = str | list[dict[str, object]]
"""What a tool answered: text, or content parts."""


@dataclass(frozen=True, slots=True)
class ClientTool:
    """One tool of the client.

    `call` and `output` are the types of its items, `prefix` begins the id of a call. `description` and `parameters`
    tell the tool to a model. `members`: arguments -> the members of the call item; raises ValueError for arguments that
    mean nothing. `arguments`: the call item -> the arguments; `result`: the output item -> what the model is told.
    """

    call: str
    output: str
    prefix: str
    description: str
    parameters: JSON
    members: Callable[[JSON], dict[str, object]]
    arguments: Callable[[JSON], dict[str, object]]
    result: Callable[[JSON], Result]
    failed: Callable[[JSON], bool] = field(default=lambda output: output.get("status") == "incomplete")


def call_members(tool: ClientTool, arguments: str) -> dict[str, object]:
    """The members of the call item for the arguments that a model wrote. Raises ValueError for what is no such call."""
    value = orjson.loads(arguments or "{}")
    if not isinstance(value, dict):
        raise ValueError("the arguments are no object")
    return tool.members(value)


# --- shell ------------------------------------------------------------------------------------------------------------


def _strings(value: object) -> list[str]:
    """A list of strings; a single one counts as a list. Raises ValueError for anything else, and for none."""
    if isinstance(value, str) and value:
        return [value]
    if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        return value
    raise ValueError("not a list of strings")


def _number(value: object) -> int | None:
    """A whole number; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _shell_members(arguments: JSON) -> dict[str, object]:
    command = arguments.get("command")
    # A list under this name is one command: the program and its arguments, as other shells take them.
    line = shlex.join(_strings(command)) if isinstance(command, list) else command
    action = {
        "commands": _strings(arguments.get("commands") or line),
        "timeout_ms": _number(arguments.get("timeout_ms")),
        "max_output_length": _number(arguments.get("max_output_length")),
    }
    return {"action": action, "environment": None}


def _given(values: JSON, *names: str) -> dict[str, object]:
    return {name: values[name] for name in names if values.get(name) is not None}


def _shell_result(output: JSON) -> Result:
    return orjson.dumps(
        [
            {
                "stdout": entry["stdout"],
                "stderr": entry["stderr"],
                **(
                    {"exit_code": entry["outcome"]["exit_code"]}
                    if entry["outcome"]["type"] == "exit"
                    else {"timed_out": True}
                ),
            }
            for entry in output["output"]
        ]
    ).decode()


def _local_shell_members(arguments: JSON) -> dict[str, object]:
    command = arguments.get("command") or arguments.get("commands")
    words = ["bash", "-lc", command] if isinstance(command, str) and command else _strings(command)
    env = arguments.get("env")
    action: dict[str, object] = {
        "type": "exec",
        "command": words,
        "env": {name: str(value) for name, value in env.items()} if isinstance(env, dict) else {},
        "timeout_ms": _number(arguments.get("timeout_ms")),
        "user": _text(arguments.get("user")),
        "working_directory": _text(arguments.get("working_directory")),
    }
    return {"action": action}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _output_text(output: JSON) -> Result:
    value = output.get("output")
    return value if isinstance(value, str) else ""


# --- apply_patch ------------------------------------------------------------------------------------------------------

_OPERATIONS: Final = ("create_file", "update_file", "delete_file")


def _patch_members(arguments: JSON) -> dict[str, object]:
    operation = arguments.get("operation")
    values = operation if isinstance(operation, dict) else arguments
    kind, path, diff = values.get("type"), values.get("path"), values.get("diff")
    if kind not in _OPERATIONS or not isinstance(path, str) or not path:
        raise ValueError("no operation on a file")
    if kind == "delete_file":
        return {"operation": {"type": kind, "path": path}}
    if not isinstance(diff, str):
        raise ValueError("no diff")
    return {"operation": {"type": kind, "path": path, "diff": diff}}


def _patch_result(output: JSON) -> Result:
    return output.get("output") or f"The operation {output['status']}."


# --- the computer -----------------------------------------------------------------------------------------------------

_POINT: Final = {"x": {"type": "integer"}, "y": {"type": "integer"}}
_ACTION: Final[JSON] = {
    "type": "object",
    "properties": {
        "type": {
            "type": "string",
            "enum": ["click", "double_click", "drag", "keypress", "move", "screenshot", "scroll", "type", "wait"],
        },
        **_POINT,
        "button": {"type": "string", "enum": ["left", "right", "wheel", "back", "forward"]},
        "path": {
            "type": "array",
            "items": {"type": "object", "properties": _POINT, "required": ["x", "y"]},
            "description": "of a drag",
        },
        "keys": {"type": "array", "items": {"type": "string"}, "description": "of a keypress"},
        "scroll_x": {"type": "integer", "description": "of a scroll, in pixels"},
        "scroll_y": {"type": "integer", "description": "of a scroll, in pixels"},
        "text": {"type": "string", "description": "of a type"},
    },
    "required": ["type"],
}


@dataclass(frozen=True, slots=True)
class _Action:
    """An action of the computer: the members that it cannot be without, those it may have, and what they are when the
    model did not say it. It has no others: a client sends the item back, and unknown members are errors."""

    needed: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    filled: JSON = field(default_factory=dict)


_PLACE: Final = ("x", "y")
_HELD: Final = ("keys",)
_ACTIONS: Final[Mapping[str, _Action]] = {
    "click": _Action(_PLACE, ("button", *_HELD), {"button": "left"}),
    "double_click": _Action(_PLACE, _HELD),
    "drag": _Action(("path",), _HELD),
    "keypress": _Action(("keys",)),
    "move": _Action(_PLACE, _HELD),
    "screenshot": _Action(),
    "scroll": _Action(_PLACE, ("scroll_x", "scroll_y", *_HELD), {"scroll_x": 0, "scroll_y": 0}),
    "type": _Action(("text",)),
    "wait": _Action(),
}

_BUTTONS: Final = ("left", "right", "wheel", "back", "forward")


def _pixels(value: object) -> int | None:
    if isinstance(value, float):
        return round(value)
    return _number(value)


def _key_names(value: object) -> list[str] | None:
    keys = [value] if isinstance(value, str) else value
    return keys if isinstance(keys, list) and keys and all(isinstance(key, str) for key in keys) else None


def _drag_path(value: object) -> list[dict[str, int]] | None:
    places: list[dict[str, int]] = []
    for point in value if isinstance(value, list) else ():
        x, y = (_pixels(point.get(name)) for name in _PLACE) if isinstance(point, dict) else (None, None)
        if x is None or y is None:
            return None
        places.append({"x": x, "y": y})
    return places or None


_VALUES: Final[Mapping[str, Callable[[object], object]]] = {
    "x": _pixels,
    "y": _pixels,
    "scroll_x": _pixels,
    "scroll_y": _pixels,
    "keys": _key_names,
    "path": _drag_path,
    "text": lambda value: value if isinstance(value, str) else None,
    "button": lambda value: "wheel" if value == "middle" else value if value in _BUTTONS else None,
}
"""The members of actions: what a model wrote -> the member; None for what means nothing."""


def _action(value: object) -> dict[str, object]:
    kind = value.get("type") if isinstance(value, dict) else None
    form = _ACTIONS.get(kind) if isinstance(kind, str) else None
    if form is None or not isinstance(value, dict):
        raise ValueError("no action of a computer")
    members = {
        name: member
        for name in (*form.needed, *form.possible)
        if (member := _VALUES[name](value.get(name))) is not None
    }
    if any(name not in members for name in form.needed):
        raise ValueError("an action without what it needs")
    return {"type": kind, **form.filled, **members}


def _computer_members(arguments: JSON) -> dict[str, object]:
    actions = arguments.get("actions") or ([arguments] if "type" in arguments else [])
    if not isinstance(actions, list) or not actions:
        raise ValueError("no actions")
    return {"actions": [_action(action) for action in actions], "pending_safety_checks": []}


def _preview_members(arguments: JSON) -> dict[str, object]:
    action = arguments.get("action")
    return {"action": _action(action if isinstance(action, dict) else arguments), "pending_safety_checks": []}


def _screenshot(output: JSON) -> Result:
    screenshot = output["output"]
    return [{"type": "input_image", "detail": "auto", **_given(screenshot, "image_url", "file_id")}]


# --- tool search ------------------------------------------------------------------------------------------------------


def _found_tools(output: JSON) -> Result:
    names = [name for tool in output["tools"] if (name := tool.get("name"))]
    if names:
        return f"These tools can be called now: {', '.join(names)}."
    return "What was found can be used now, if it is among the tools." if output["tools"] else "No tool was found."


# --- the table --------------------------------------------------------------------------------------------------------

CLIENT_TOOLS: Final[Mapping[str, ClientTool]] = {
    "shell": ClientTool(
        "shell_call",
        "shell_call_output",
        "sh",
        "Run commands in the user's shell, one after the other, and get what each of them prints and how it ends.",
        {
            "type": "object",
            "properties": {
                "commands": {"type": "array", "items": {"type": "string"}, "description": "The command lines to run."},
                "timeout_ms": {"type": "integer", "description": "How long they may take, in milliseconds."},
                "max_output_length": {"type": "integer", "description": "How much output is wanted, in characters."},
            },
            "required": ["commands"],
        },
        _shell_members,
        lambda call: _given(call["action"], "commands", "timeout_ms", "max_output_length"),
        _shell_result,
    ),
    "local_shell": ClientTool(
        "local_shell_call",
        "local_shell_call_output",
        "lsh",
        "Run one command on the user's machine and get what it prints.",
        {
            "type": "object",
            "properties": {
                "command": {
                    "type": "array",
                    "items": {"type": "string"},
                    "description": "The program and its arguments; for shell syntax: bash -lc and the command line.",
                },
                "working_directory": {"type": "string"},
                "timeout_ms": {"type": "integer", "description": "How long it may take, in milliseconds."},
                "env": {"type": "object", "additionalProperties": {"type": "string"}},
                "user": {"type": "string", "description": "The user to run it as."},
            },
            "required": ["command"],
        },
        _local_shell_members,
        lambda call: {
            name: value
            for name, value in _given(
                call["action"], "command", "working_directory", "timeout_ms", "env", "user"
            ).items()
            if value != {}
        },
        _output_text,
    ),
    "apply_patch": ClientTool(
        "apply_patch_call",
        "apply_patch_call_output",
        "apc",
        "Create, change or delete one file of the user. The diff of create_file is the whole content, each line with a "
        "leading +. The diff of update_file has hunks: a line @@ (or @@ with the line of code that the hunk stands "
        "under), then lines with a leading space (context), - (removed) or + (added). File headers and line numbers "
        "are not part of it.",
        {
            "type": "object",
            "properties": {
                "type": {"type": "string", "enum": list(_OPERATIONS)},
                "path": {"type": "string", "description": "The path of the file, relative to the working directory."},
                "diff": {"type": "string", "description": "Needed for create_file and update_file."},
            },
            "required": ["type", "path"],
        },
        _patch_members,
        lambda call: dict(call["operation"]),
        _patch_result,
        lambda output: output["status"] == "failed",
    ),
    "computer": ClientTool(
        "computer_call",
        "computer_call_output",
        "cu",
        "Act on the user's screen: the actions are done in order, and a screenshot taken after them is the result. "
        "Places are pixels of the screenshot, from its upper left corner.",
        {
            "type": "object",
            "properties": {"actions": {"type": "array", "items": _ACTION}},
            "required": ["actions"],
        },
        _computer_members,
        lambda call: {"actions": call.get("actions") or ([call["action"]] if call.get("action") else [])},
        _screenshot,
    ),
    "computer_use_preview": ClientTool(
        "computer_call",
        "computer_call_output",
        "cu",
        "Act on the user's screen: the action is done, and a screenshot taken after it is the result. Places are "
        "pixels of the screenshot, from its upper left corner.",
        {"type": "object", "properties": {"action": _ACTION}, "required": ["action"]},
        _preview_members,
        lambda call: {"action": call.get("action") or next(iter(call.get("actions") or ()), {})},
        _screenshot,
    ),
    "tool_search": ClientTool(
        "tool_search_call",
        "tool_search_output",
        "tsc",
        "Search for tools that can be called besides the ones that are known.",
        {
            "type": "object",
            "properties": {"query": {"type": "string", "description": "What the tool should be able to do."}},
            "required": ["query"],
        },
        lambda arguments: {"execution": "client", "arguments": dict(arguments)},
        lambda call: dict(call["arguments"]) if isinstance(call["arguments"], dict) else {"query": call["arguments"]},
        _found_tools,
    ),
}
"""By the type of the tool, which is the name of its function, too."""

KINDS_BY_CALL: Final[Mapping[str, tuple[str, ...]]] = {
    tool.call: tuple(kind for kind, other in CLIENT_TOOLS.items() if other.call == tool.call)
    for tool in CLIENT_TOOLS.values()
}
"""The tools whose calls are items of a type."""

BY_OUTPUT: Final[Mapping[str, ClientTool]] = {tool.output: tool for tool in CLIENT_TOOLS.values()}
"""By the type of the items that hold results, which are read alike for all tools of that type."""
