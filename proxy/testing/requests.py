"""Standard requests: what clients send every day, and what has to be found again in what the vendor is sent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from proxy.provider.capabilities import Capabilities

Item: TypeAlias = dict[str, Any]

PNG: Final = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABXvMqOgAAAABJRU5ErkJggg=="
PDF: Final = "JVBERi0xLjQKJSBtYXJrMzE0MQo="


@dataclass(frozen=True, slots=True)
class Standard:
    """A request without `model` and `stream`. `told` are words of it that stand in the vendor's request, in this order
    (those of one group in any); `anywhere` are words that stand there somewhere. `needs` says which models have to
    take it: others may refuse it."""

    name: str
    request: Mapping[str, Any]
    told: Sequence[frozenset[str]] = ()
    anywhere: Sequence[str] = ()
    needs: Callable[[Capabilities], bool] = lambda able: True


def _user(*texts: str) -> Item:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text} for text in texts]}


def _said(role: str, text: str) -> Item:
    return {"type": "message", "role": role, "content": text}


def _call(name: str, call_id: str, arguments: str, **more: str) -> Item:
    return {"type": "function_call", "call_id": call_id, "name": name, "arguments": arguments, **more}


def _result(call_id: str, output: object) -> Item:
    return {"type": "function_call_output", "call_id": call_id, "output": output}


def _function(name: str, **more: object) -> Item:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string", "description": "elderberry"}, "days": {"type": "integer"}},
        "required": ["city"],
    }
    return {"type": "function", "name": name, "description": f"Says what {name} is for", "parameters": schema, **more}


def _order(*groups: str) -> list[frozenset[str]]:
    return [frozenset(group.split()) for group in groups]


def _tools(able: Capabilities) -> bool:
    return able.tools


def _never(able: Capabilities) -> bool:
    return False


WEATHER: Final = _function("get_weather")
CITY: Final = '{"city":"alder-%d"}'
LONG: Final = "a_name_that_is_longer_than_most_vendors_take_and_goes_on_" + "x" * 40

STANDARD: Final[tuple[Standard, ...]] = (
    Standard("a text", {"input": "alder"}, _order("alder")),
    Standard("an odd text", {"input": 'alder "quoted" \\ \u2028 \x07 \U0001f600 birch'}, _order("alder birch")),
    Standard("instructions", {"instructions": "cedar", "input": "alder"}, anywhere=("cedar", "alder")),
    Standard(
        "a conversation",
        {
            "input": [
                _user("alder"),
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "birch"}]},
                _user("cedar", "dogwood"),
                _said("assistant", "elm"),
                _user("fir"),
            ]
        },
        _order("alder", "birch", "cedar", "dogwood", "elm", "fir"),
    ),
    Standard(
        "two messages of the user in a row", {"input": [_user("alder"), _user("birch")]}, _order("alder", "birch")
    ),
    Standard(
        "two messages of the assistant in a row",
        {"input": [_user("alder"), _said("assistant", "birch"), _said("assistant", "cedar"), _user("dogwood")]},
        _order("alder", "birch", "cedar", "dogwood"),
    ),
    Standard(
        "a message of the assistant at the beginning",
        {"input": [_said("assistant", "alder"), _user("birch")]},
        _order("alder", "birch"),
    ),
    Standard(
        "instructions, system and developer messages",
        {
            "instructions": "alder",
            "input": [
                _said("system", "birch"),
                _said("developer", "cedar"),
                _user("dogwood"),
                _said("assistant", "elm"),
                _said("developer", "fir"),
                _user("ginkgo"),
            ],
        },
        _order("dogwood", "elm", "ginkgo"),
        ("alder", "birch", "cedar", "fir"),
    ),
    Standard("nothing but a developer message", {"input": [_said("developer", "alder")]}, anywhere=("alder",)),
    Standard(
        "a refusal in the history",
        {
            "input": [
                _user("alder"),
                {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "birch"}]},
                _user("cedar"),
            ]
        },
        _order("alder", "birch", "cedar"),
    ),
    Standard(
        "an offered function",
        {"input": "alder", "tools": [WEATHER]},
        anywhere=("alder", "get_weather", "Says what get_weather is for", "elderberry"),
        needs=_tools,
    ),
    Standard(
        "a function without a schema",
        {"input": "alder", "tools": [{"type": "function", "name": "get_weather"}]},
        anywhere=("alder", "get_weather"),
        needs=_tools,
    ),
    Standard(
        "a tool loop",
        {
            "input": [
                _user("alder-0"),
                _call("get_weather", "call_1", CITY % 1),
                _result("call_1", "birch-1"),
                _said("assistant", "cedar"),
                _user("dogwood"),
            ],
            "tools": [WEATHER],
        },
        _order("alder-0", "alder-1", "birch-1", "cedar", "dogwood"),
        ("get_weather",),
        _tools,
    ),
    Standard(
        "parallel calls whose results come in another order",
        {
            "input": [
                _user("alder-0"),
                _said("assistant", "elm"),
                _call("get_weather", "call_1", CITY % 1),
                _call("get_time", "call_2", CITY % 2),
                _call("get_weather", "call_3", "{}"),
                _result("call_3", ""),
                _result("call_2", "birch-2"),
                _result("call_1", [{"type": "input_text", "text": "birch-1"}]),
            ],
            "tools": [WEATHER, _function("get_time")],
        },
        _order("alder-0", "elm", "alder-1 alder-2", "birch-1 birch-2"),
        ("get_weather", "get_time"),
        _tools,
    ),
    Standard(
        "two rounds of calls, and the same id in neither",
        {
            "input": [
                _user("alder-0"),
                _call("get_weather", "call_1", CITY % 1),
                _result("call_1", "birch-1"),
                _call("get_weather", "call-with:odd.characters_and_a_length_of_some_60_in_all_of_it", CITY % 2),
                _result("call-with:odd.characters_and_a_length_of_some_60_in_all_of_it", "birch-2"),
                _user("dogwood"),
            ],
            "tools": [WEATHER],
        },
        _order("alder-0", "alder-1", "birch-1", "alder-2", "birch-2", "dogwood"),
        (),
        _tools,
    ),
    Standard(
        "calls of functions that are not offered any more",
        {
            "input": [
                _user("alder-0"),
                _call("get_weather", "call_1", CITY % 1),
                _result("call_1", "birch-1"),
                _user("dogwood"),
            ]
        },
        _order("alder-0", "alder-1", "birch-1", "dogwood"),
        needs=_tools,
    ),
    Standard(
        "arguments that were cut off",
        {
            "input": [
                _user("alder-0"),
                _call("get_weather", "call_1", '{"city":"alder-1'),
                _result("call_1", "birch-1"),
            ],
            "tools": [WEATHER],
        },
        _order("alder-0", "alder-1", "birch-1"),
        needs=_tools,
    ),
    Standard(
        "a custom tool and its call",
        {
            "input": [
                _user("alder-0"),
                {"type": "custom_tool_call", "call_id": "call_1", "name": "run_code", "input": "alder-1"},
                {"type": "custom_tool_call_output", "call_id": "call_1", "output": "birch-1"},
                _user("dogwood"),
            ],
            "tools": [{"type": "custom", "name": "run_code", "description": "Runs code"}],
        },
        _order("alder-0", "alder-1", "birch-1", "dogwood"),
        ("run_code",),
        _tools,
    ),
    Standard(
        "namespaces, and names that are too long and not safe",
        {
            "input": [
                _user("alder-0"),
                _call("get.weather", "call_1", CITY % 1, namespace="weather"),
                _result("call_1", "birch-1"),
                _call(LONG, "call_2", CITY % 2),
                _result("call_2", "birch-2"),
            ],
            "tools": [
                {"type": "namespace", "name": "weather", "description": "d", "tools": [_function("get.weather")]},
                _function(LONG),
            ],
        },
        _order("alder-0", "alder-1", "birch-1", "alder-2", "birch-2"),
        needs=_tools,
    ),
    *(
        Standard(
            f"tool choice {name}",
            {"input": "alder", "tools": [WEATHER, _function("get_time")], "tool_choice": choice},
            anywhere=("alder",),
            needs=needs,
        )
        for name, choice, needs in (
            ("none", "none", _tools),
            ("required", "required", _never),
            ("named", {"type": "function", "name": "get_weather"}, _never),
            (
                "of allowed tools",
                {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "get_weather"}]},
                _tools,
            ),
        )
    ),
    Standard(
        "an image",
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "alder"},
                        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}"},
                    ],
                }
            ]
        },
        anywhere=("alder", PNG),
        needs=lambda able: able.images,
    ),
    Standard(
        "a file",
        {
            "input": [
                {
                    "role": "user",
                    "content": [
                        {"type": "input_text", "text": "alder"},
                        {
                            "type": "input_file",
                            "filename": "a.pdf",
                            "file_data": f"data:application/pdf;base64,{PDF}",
                        },
                    ],
                }
            ]
        },
        anywhere=("alder", PDF),
        # Who takes files may still take those of text only.
        needs=lambda able: False,
    ),
    Standard(
        "visible reasoning of another model",
        {
            "input": [
                _user("alder"),
                {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "birch"}]},
                _said("assistant", "cedar"),
                _user("dogwood"),
            ]
        },
        _order("alder", "cedar", "dogwood"),
    ),
    Standard(
        "a schema for the answer",
        {
            "input": "alder",
            "text": {
                "format": {
                    "type": "json_schema",
                    "name": "weather",
                    "strict": True,
                    "schema": {
                        "type": "object",
                        "properties": {"elderberry": {"type": "string"}},
                        "required": ["elderberry"],
                        "additionalProperties": False,
                    },
                }
            },
        },
        anywhere=("alder", "elderberry"),
    ),
    Standard(
        "an answer in JSON",
        {"input": "Answer alder as JSON", "text": {"format": {"type": "json_object"}}},
        anywhere=("alder",),
    ),
    Standard(
        "many settings",
        {
            "input": "alder",
            "max_output_tokens": 3141,
            "temperature": 0.5,
            "top_p": 0.9,
            "metadata": {"a": "b"},
            "user": "someone",
            "prompt_cache_key": "k",
            "service_tier": "auto",
            "parallel_tool_calls": False,
            "tools": [WEATHER],
        },
        anywhere=("alder",),
        needs=_tools,
    ),
)
"""All of them."""
