"""Calls that the server made and refused: which are taken over, and how they may be written."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.salvage import calls_in_error, salvaged_call
from proxy.provider.history import AUTO, FunctionTool, ToolChoice
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Finished
from tests.providers.openai_chat.material import calls_in, prepared

OFFERED = ("weather", "clock")
GROQ = OpenAIChat(OpenAIChatSettings(dialect="groq"))


def refused(generation: object, code: object = "tool_use_failed") -> dict[str, Any]:
    return {"error": {"message": "Failed to call a function.", "code": code, "failed_generation": generation}}


def salvaged(generation: object) -> list[tuple[str, str]] | None:
    """The names and arguments of the calls; None where nothing is taken over."""
    events = calls_in_error(refused(generation), OFFERED)
    return None if events is None else [(name, arguments) for _, name, arguments in calls_in(events)]


@pytest.mark.parametrize(
    ("generation", "calls"),
    [
        ('{"name": "weather", "arguments": {\n  "city": "Oslo"\n}}', [("weather", '{"city":"Oslo"}')]),
        ('{"name": "weather", "arguments": "{\\"city\\": 5}"}', [("weather", '{"city": 5}')]),
        ('{"name": "weather", "parameters": {"city": 5}}', [("weather", '{"city":5}')]),
        ('{"name": "clock"}', [("clock", "{}")]),
        ('{"name": "clock", "arguments": null}', [("clock", "{}")]),
        ('{"name": "clock", "arguments": ""}', [("clock", "{}")]),
        ('[{"name": "clock"}, {"name": "weather", "arguments": {}}]', [("clock", "{}"), ("weather", "{}")]),
        (
            '{"tool_calls": [{"id": "x", "type": "function", "function": {"name": "clock", "arguments": "{}"}}]}',
            [("clock", "{}")],
        ),
        ('```json\n{"name": "clock"}\n```', [("clock", "{}")]),
        ('<tool_call>{"name": "clock"}</tool_call>', [("clock", "{}")]),
        ('<|python_tag|>{"name": "clock", "parameters": {}}', [("clock", "{}")]),
        ('<function=weather>{"city": "Oslo"}</function>', [("weather", '{"city": "Oslo"}')]),
        ('<function=weather{"city": "Oslo"}</function>', [("weather", '{"city": "Oslo"}')]),
        ('<function=weather>{"city": "Oslo"}', [("weather", '{"city": "Oslo"}')]),
        ('weather{"city": "Oslo"}</function>', [("weather", '{"city": "Oslo"}')]),
        (
            '<function=weather>{"city": "Oslo"}</function>\n<function=clock>{}</function>',
            [("weather", '{"city": "Oslo"}'), ("clock", "{}")],
        ),
    ],
)
def test_how_a_call_may_be_written(generation: str, calls: list[tuple[str, str]]) -> None:
    assert salvaged(generation) == calls


@pytest.mark.parametrize(
    "generation",
    [
        "",
        "I would call the weather tool.",
        "[]",
        "null",
        "5",
        "{}",
        '{"name": ""}',
        '{"name": 5, "arguments": {}}',
        '{"name": "weather", "arguments": [1]}',
        '{"name": "weather", "arguments": "Oslo"}',
        '{"name": "weather", "arguments": {"city": "Os',
        '<function=weather>{"city": </function>',
        "<function=weather></function>",
        'Sure! <function=weather>{"city": "Oslo"}</function>',
        '{"tool_calls": 5}',
        None,
        5,
        {"name": "weather"},
    ],
)
def test_what_cannot_be_read_is_not_salvaged(generation: object) -> None:
    assert salvaged(generation) is None


@pytest.mark.parametrize(
    "generation",
    [
        '{"name": "shell", "arguments": {"command": "ls"}}',
        '[{"name": "weather"}, {"name": "shell"}]',
        "<function=shell>{}</function>",
    ],
)
def test_a_tool_that_was_not_offered_is_not_called(generation: str) -> None:
    assert salvaged(generation) is None


def test_the_events_are_those_of_an_answer() -> None:
    assert calls_in_error(refused('{"name": "clock"}'), OFFERED) == [
        CallOpened("salvaged:0", "clock"),
        CallArguments("salvaged:0", "{}"),
        CallClosed("salvaged:0"),
        Finished("stop", "tool_use_failed"),
    ]


@pytest.mark.parametrize("value", [None, 5, [], {}, {"error": "x"}, {"error": {"code": "tool_use_failed"}}])
def test_other_errors_have_no_call(value: object) -> None:
    assert calls_in_error(value, OFFERED) is None
    assert calls_in_error(refused('{"name": "clock"}', "other"), OFFERED) is None


@pytest.mark.parametrize(("status", "found"), [(400, True), (422, False), (500, False)])
def test_only_a_bad_request_has_one(status: int, found: bool) -> None:
    body = orjson.dumps(refused('{"name": "clock"}'))
    assert (salvaged_call(status, body, OFFERED) is not None) is found
    assert salvaged_call(status, b"{", OFFERED) is None


@pytest.mark.parametrize(
    ("choice", "found"),
    [
        (AUTO, True),
        (ToolChoice("required"), True),
        (ToolChoice("auto", allowed=("clock",)), True),
        (ToolChoice("auto", allowed=("weather",)), False),
        (ToolChoice("none"), False),
    ],
)
def test_the_choice_says_what_may_be_called(choice: ToolChoice, found: bool) -> None:
    tools = [FunctionTool(name, None, None, None, "tools[0]") for name in OFFERED]
    request = prepared(GROQ, tools=tools, choice=choice)
    assert (GROQ.salvage(400, orjson.dumps(refused('{"name": "clock"}')), request) is not None) is found


@settings(max_examples=200, deadline=None)
@given(generation=st.text(max_size=40) | st.text("<>/function=weathr{}[]:,\"'`\n 1", max_size=40))
def test_whatever_was_said_is_offered_or_nothing(generation: str) -> None:
    for name, arguments in salvaged(generation) or ():
        assert name in OFFERED
        assert isinstance(orjson.loads(arguments), dict)
