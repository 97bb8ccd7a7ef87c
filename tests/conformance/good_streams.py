"""Streams and responses without any violation, by name; each call builds a fresh one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from .builder import Json, StreamBuilder, response_object

_CITATION: Final[Json] = {
    "type": "url_citation",
    "url": "https://example.org",
    "title": "Tides",
    "start_index": 0,
    "end_index": 5,
}


def _image_generation() -> list[Json]:
    stream = StreamBuilder().open({"id": "ig_0", "type": "image_generation_call", "status": "in_progress"})
    stream.phase("in_progress", "generating")
    stream.phase("partial_image", partial_image_b64="AA==", partial_image_index=0)
    stream.phase("partial_image", partial_image_b64="AA==", partial_image_index=1)
    return stream.phase("completed").close(status="completed", result="AAA=").end()


def _mcp() -> list[Json]:
    stream = StreamBuilder().open({"id": "mcpl_0", "type": "mcp_list_tools", "server_label": "docs", "tools": []})
    stream.phase("in_progress", "completed").close(tools=[{"name": "ask", "input_schema": {}}])
    stream.open(
        {
            "id": "mcp_1",
            "type": "mcp_call",
            "status": "in_progress",
            "name": "ask",
            "server_label": "docs",
            "arguments": "",
            "output": None,
            "error": None,
        }
    )
    stream.phase("in_progress")
    arguments = stream.arguments(['{"q":', "1}"])
    return stream.phase("completed").close(status="completed", arguments=arguments, output="yes").message(["ok"]).end()


def _failed_mcp() -> list[Json]:
    stream = StreamBuilder().open({"id": "mcpl_0", "type": "mcp_list_tools", "server_label": "docs", "tools": []})
    return stream.phase("in_progress", "failed").close(error="unreachable").message(["sorry"]).end()


def _shell() -> list[Json]:
    call = {"id": "sh_0", "type": "shell_call", "status": "in_progress", "call_id": "call_0"}
    stream = StreamBuilder().open({**call, "action": {"commands": []}})
    commands = [stream.command(0, ["ls", " -a"]), stream.command(1, ["pwd"])]
    return stream.close(status="completed", action={"commands": commands}).end()


def _cut_off() -> list[Json]:
    """A failure while a message is open: the item stays open and comes back as incomplete."""
    stream = StreamBuilder().reasoning()
    message = {"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    stream.open(message)
    return stream.error().end("failed", output=[*stream.output, {**message, "status": "incomplete"}])


STREAMS: Final[dict[str, Callable[[], list[Json]]]] = {
    "text": lambda: StreamBuilder().message(["Hel", "lo"]).end(),
    "no output": lambda: StreamBuilder().end(),
    "empty delta": lambda: StreamBuilder().message(["", "a"]).function_call(["", "{}"]).end(),
    "queued": lambda: StreamBuilder(queued=True).message(["Hi"]).end(),
    "two parts": lambda: StreamBuilder().message(["one"], ["two"]).end(),
    "reasoning": lambda: StreamBuilder().reasoning(summary=[["Th", "ink"], ["More"]]).message(["Hi"]).end(),
    "empty reasoning": lambda: StreamBuilder().reasoning().message(["Hi"]).end(),
    "raw reasoning": lambda: StreamBuilder().reasoning(content=[["Th", "ink"]]).message(["Hi"]).end(),
    "full reasoning": lambda: StreamBuilder().reasoning(summary=[["a"]], content=[["b"]]).end(),
    "function call": lambda: StreamBuilder().function_call(['{"a"', ":1}"]).end(),
    "two calls": lambda: StreamBuilder().function_call(["{}"]).function_call(['{"a":', "2}"]).end(),
    "custom tool call": lambda: StreamBuilder().custom_tool_call(["circle", " 3"]).end(),
    "web search": lambda: StreamBuilder().web_search().message(["Tides rise."], annotations=[_CITATION]).end(),
    "code interpreter": lambda: StreamBuilder().code_interpreter(["1", "+1"]).message(["2"]).end(),
    "image generation": _image_generation,
    "mcp": _mcp,
    "failed mcp": _failed_mcp,
    "shell": _shell,
    "refusal": lambda: StreamBuilder().refusal(["I can", "not."]).end(),
    "annotations": lambda: StreamBuilder().message(["Tides rise."], annotations=[_CITATION, _CITATION]).end(),
    "incomplete text": lambda: StreamBuilder().message(["Hel"], status="incomplete").end("incomplete"),
    "incomplete call": lambda: StreamBuilder().function_call(['{"a'], status="incomplete").end("incomplete"),
    "failed": lambda: StreamBuilder().reasoning().message(["Hel"], status="incomplete").error().end("failed"),
    "failed, item open": _cut_off,
    "failed without error event": lambda: StreamBuilder().end("failed"),
    "failed at once": lambda: StreamBuilder(started=False).error().end("failed"),
    "cancelled": lambda: StreamBuilder(queued=True).message(["He"], status="incomplete").end("cancelled"),
}


def _finished(stream: str) -> Json:
    response: Json = STREAMS[stream]()[-1]["response"]
    return response


def _tool_use(**members: Any) -> Json:
    output = [*_finished("reasoning")["output"], *_finished("annotations")["output"], *_finished("two calls")["output"]]
    # The streams count their ids from 0 each.
    for number, item in enumerate(output):
        item["id"] = f"{item['id'].partition('_')[0]}_{number}"
    return response_object("completed", output=output, **members)


RESPONSES: Final[dict[str, Callable[[], Json]]] = {
    "queued": lambda: response_object("queued"),
    "in progress": lambda: response_object("in_progress"),
    "completed": _tool_use,
    "incomplete": lambda: _finished("incomplete call"),
    "failed": lambda: _finished("failed"),
    "cancelled": lambda: _finished("cancelled"),
    "code": lambda: _finished("code interpreter"),
    "called by a program": lambda: response_object(
        "completed",
        output=[
            {
                "id": "fc_0",
                "type": "function_call",
                "status": "in_progress",
                "call_id": "call_0",
                "name": "look_up",
                "arguments": "{}",
                "caller": {"type": "program", "caller_id": "call_1"},
            }
        ],
    ),
}
