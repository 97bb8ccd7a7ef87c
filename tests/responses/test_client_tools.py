"""Calls of tools that were offered as functions come back as what the client asked for, streamed and whole."""

import json
from typing import Any

import pytest

from proxy.responses.assembler import Assembler
from proxy.responses.client_tools import CLIENT_TOOLS, call_members
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Event, Text
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.tool_table import ToolIdentity, ToolTable
from tests.responses.test_assembler import assemble, call

TABLE = ToolTable(
    {
        "n__say": ToolIdentity("say", "n", "custom"),
        **{kind: ToolIdentity(kind, kind=kind) for kind in CLIENT_TOOLS},
    }
)
PATCH = '*** Begin Patch\n+"é"\n*** End Patch\n'


@pytest.mark.parametrize("live", [True, False])
def test_a_custom_tools_text_is_taken_out_of_its_json(live: bool) -> None:
    arguments = json.dumps({"input": PATCH})
    pieces = [arguments[start : start + 7] for start in range(0, len(arguments), 7)]
    got = assemble(call(0, "n__say", *pieces, call_id="call_1"), table=TABLE, live=live)
    item = got.output[0]
    assert (item["type"], item["name"], item["namespace"]) == ("custom_tool_call", "say", "n")
    assert (item["input"], item["status"], item["call_id"]) == (PATCH, "completed", "call_1")
    if live:
        assert "".join(event["delta"] for event in got.of("custom_tool_call_input.delta")) == PATCH
        assert got.of("custom_tool_call_input.done")[0]["input"] == PATCH
        added = got.of("output_item.added")[0]["item"]
        assert (added["input"], added["namespace"], added["id"]) == ("", "n", item["id"])


def test_a_custom_tool_of_the_vendors_own_is_not_unwrapped() -> None:
    events: list[Event] = [CallOpened(0, "say", "call_1", custom=True), CallArguments(0, '{"input":"x"}')]
    item = assemble([*events, CallClosed(0), Text("t", "said")]).output[0]
    assert (item["type"], item["input"]) == ("custom_tool_call", '{"input":"x"}')


def test_a_custom_call_that_is_cut_is_incomplete_and_keeps_what_came() -> None:
    got = assemble([*call(0, "n__say", '{"input":"one\\', closed=False)], table=TABLE, status="incomplete")
    assert (got.output[0]["input"], got.output[0]["status"]) == ("one", "incomplete")


CALLS: list[tuple[str, Any, dict[str, Any]]] = [
    (
        "shell",
        {"commands": ["ls"], "timeout_ms": 5},
        {
            "type": "shell_call",
            "action": {"commands": ["ls"], "timeout_ms": 5, "max_output_length": None},
            "environment": None,
        },
    ),
    (
        "local_shell",
        {"command": ["ls", "-l"], "working_directory": "/tmp"},
        {
            "type": "local_shell_call",
            "action": {
                "type": "exec",
                "command": ["ls", "-l"],
                "env": {},
                "timeout_ms": None,
                "user": None,
                "working_directory": "/tmp",
            },
        },
    ),
    (
        "apply_patch",
        {"type": "update_file", "path": "a", "diff": "@@\n-x\n+y"},
        {"type": "apply_patch_call", "operation": {"type": "update_file", "path": "a", "diff": "@@\n-x\n+y"}},
    ),
    (
        "computer",
        {"actions": [{"type": "click", "x": 1, "y": 2}, {"type": "wait"}]},
        {
            "type": "computer_call",
            "actions": [{"button": "left", "type": "click", "x": 1, "y": 2}, {"type": "wait"}],
            "pending_safety_checks": [],
        },
    ),
    (
        "computer_use_preview",
        {"action": {"type": "screenshot"}},
        {"type": "computer_call", "action": {"type": "screenshot"}, "pending_safety_checks": []},
    ),
    (
        "tool_search",
        {"query": "weather"},
        {"type": "tool_search_call", "execution": "client", "arguments": {"query": "weather"}},
    ),
]


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize(("kind", "arguments", "members"), CALLS, ids=[kind for kind, *_ in CALLS])
def test_a_tool_of_the_client_has_an_item_of_its_own(
    kind: str, arguments: object, members: dict[str, Any], live: bool
) -> None:
    text = json.dumps(arguments)
    events = [Text("t", "Look."), *call(0, kind, text[:5], text[5:], call_id="call_1"), *call(1, kind, text)]
    got = assemble(events, table=TABLE, live=live)
    message, first, second = got.output
    assert message["type"] == "message"
    assert {name: first[name] for name in (*members, "call_id", "status")} == {
        **members,
        "call_id": "call_1",
        "status": "completed",
    }
    assert first["id"].startswith(CLIENT_TOOLS[kind].prefix)
    assert (second["type"], second["call_id"] != "call_1") == (first["type"], True)


@pytest.mark.parametrize(("kind", "arguments", "members"), CALLS, ids=[kind for kind, *_ in CALLS])
def test_a_call_becomes_the_arguments_again(kind: str, arguments: object, members: dict[str, Any]) -> None:
    tool = CLIENT_TOOLS[kind]
    again = tool.arguments({**members, "call_id": "call_1"})
    assert call_members(tool, json.dumps(again)) == {name: value for name, value in members.items() if name != "type"}


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [
        ("shell", "{}"),
        ("shell", '{"commands":[]}'),
        ("shell", '{"commands":[1]}'),
        ("shell", "[]"),
        ("local_shell", '{"command":[]}'),
        ("apply_patch", '{"type":"rename_file","path":"a"}'),
        ("apply_patch", '{"type":"update_file","path":"a"}'),
        ("apply_patch", '{"type":"delete_file","path":""}'),
        ("computer", '{"actions":[{"type":"click"}]}'),
        ("computer", '{"actions":[{"type":"jump"}]}'),
        ("computer_use_preview", '{"action":3}'),
    ],
)
def test_a_call_that_means_nothing_is_a_failure_and_no_item(kind: str, arguments: str) -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "ping"})), table=TABLE)
    assembler.feed(call(0, kind, arguments))
    assembler.settle(completed=True)
    assert assembler.failure is not None
    assert (assembler.failure.status, assembler.output) == (502, [])


def test_a_call_that_is_no_json_is_a_failure_too() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "ping"})), table=TABLE)
    assembler.feed(call(0, "shell", "ls -l"))
    assembler.settle(completed=True)
    assert assembler.failure is not None
    assert assembler.output == []


def test_a_list_named_command_is_one_command_of_the_shell() -> None:
    for arguments, line in (
        ({"command": ["grep", "-n", "a b", "c"]}, "grep -n 'a b' c"),
        ({"command": "ls -l"}, "ls -l"),
        ({"commands": "ls -l"}, "ls -l"),
    ):
        action = call_members(CLIENT_TOOLS["shell"], json.dumps(arguments))["action"]
        assert action == {"commands": [line], "timeout_ms": None, "max_output_length": None}


ACTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"type": "click", "x": 1.0, "y": 2.6, "button": "middle"}, {"x": 1, "y": 3, "button": "wheel"}),
    ({"type": "click", "x": 1, "y": 2, "button": None, "text": "", "path": []}, {"x": 1, "y": 2, "button": "left"}),
    ({"type": "move", "x": 1, "y": 2, "keys": "shift", "note": "n"}, {"x": 1, "y": 2, "keys": ["shift"]}),
    ({"type": "scroll", "x": 1, "y": 2, "scroll_y": 9}, {"x": 1, "y": 2, "scroll_x": 0, "scroll_y": 9}),
    ({"type": "drag", "path": [{"x": 1, "y": 2, "z": 3}]}, {"path": [{"x": 1, "y": 2}]}),
    ({"type": "wait", "ms": 100}, {}),
]


@pytest.mark.parametrize(("written", "members"), ACTIONS)
def test_an_action_has_the_members_of_its_kind_and_can_be_sent_back(
    written: dict[str, Any], members: dict[str, Any]
) -> None:
    made = call_members(CLIENT_TOOLS["computer"], json.dumps({"actions": [written]}))
    assert made["actions"] == [{"type": written["type"], **members}]
    parse_create({"model": "m", "input": [{"type": "computer_call", "call_id": "c", **made}]})


@pytest.mark.parametrize(
    "action",
    [
        {"type": "drag", "path": [{"x": 1}]},
        {"type": "drag", "path": ["a"]},
        {"type": "keypress", "keys": [1]},
        {},
        {"type": []},
    ],
)
def test_an_action_without_what_it_needs_is_none(action: object) -> None:
    with pytest.raises(ValueError, match="action"):
        call_members(CLIENT_TOOLS["computer"], json.dumps({"actions": [action]}))


def test_a_call_that_is_cut_is_not_shown() -> None:
    events = [Text("t", "Look."), *call(0, "shell", '{"commands":["rm', closed=False)]
    assert assemble(events, table=TABLE, status="incomplete").kinds == ["message"]
    assert assemble(events[1:], table=TABLE, status="failed").kinds == []
