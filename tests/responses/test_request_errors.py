"""The errors of POST /v1/responses, case by case against request_errors.json.

The table holds facts about OpenAI's API (measured 2026-08-30, recorded, or quoted by public programs). A null message
stands for a long list of values that is not compared; a null request for a case that needs stored items.
"""

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proxy.responses import errors
from proxy.responses.errors import ResponsesError, envelope
from proxy.responses.request import check_not_empty, parse_create
from tests.responses.nothing_stored import check_with_nothing_stored

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("request_errors.json").read_text())
BY_NAME = {case["name"]: case for case in CASES}

#: Cases which the gateway answers differently, with the reason.
ACCEPTED_HERE = {
    "reasoning.generate_summary": "accepted as an alias of summary: older clients and the public reference use it",
}

BY_THE_TARGET = "follows the target's capability data: carried, or left out and declared (strict: refused by its path)"

#: Cases which cannot apply here, with the reason. Those with a request are accepted by the checks of its form.
NOT_APPLICABLE = {
    "temperature on a model that does not take it": BY_THE_TARGET,
    "top_p on a model that does not take it": BY_THE_TARGET,
    "presence_penalty on a model that does not take it": BY_THE_TARGET,
    "frequency_penalty on a model that does not take it": BY_THE_TARGET,
    "top_logprobs on a reasoning model": BY_THE_TARGET,
    "include logprobs on a reasoning model": BY_THE_TARGET,
    "effort not taken by the model": "follows the target's capability data: the nearest effort is sent and declared",
    "reasoning item without its following item": "the vendors served have no such rule",
    "file of a type that is not taken": "refused by each provider, which names the part and the types that it takes",
}

#: Cases which are decided where models, histories and stored items are known: only their wording lives here.
DECIDED_ELSEWHERE: dict[str, Callable[[], ResponsesError]] = {
    "model unknown": lambda: errors.model_not_found("no-such-model"),
    "function call without output": lambda: errors.tool_output_missing("call_1"),
    "item id that is not stored": lambda: errors.item_not_found("rs_..."),
}

ANSWERED_ELSEWHERE = ACCEPTED_HERE.keys() | NOT_APPLICABLE.keys() | DECIDED_ELSEWHERE.keys()
CHECKED_HERE = [case for case in CASES if case["name"] not in ANSWERED_ELSEWHERE]


def refusal(request: object) -> ResponsesError:
    with pytest.raises(ResponsesError) as caught:
        check(request)
    return caught.value


def check(request: object) -> None:
    parsed = parse_create(request)
    check_with_nothing_stored(parsed)
    check_not_empty(parsed)


def assert_matches(error: ResponsesError, case: dict[str, Any]) -> None:
    facts = {"status": error.status, "type": error.type, "param": error.param, "code": error.code}
    assert facts == {name: case[name] for name in facts}
    assert case["message"] is None or error.message == case["message"]
    assert error.message


@pytest.mark.parametrize("case", CHECKED_HERE, ids=lambda case: case["name"])
def test_refused_as_by_openai(case: dict[str, Any]) -> None:
    assert_matches(refusal(case["request"]), case)


@pytest.mark.parametrize("name", DECIDED_ELSEWHERE)
def test_wording_of_what_is_decided_elsewhere(name: str) -> None:
    assert_matches(DECIDED_ELSEWHERE[name](), BY_NAME[name])
    if BY_NAME[name]["request"] is not None:
        check(BY_NAME[name]["request"])


@pytest.mark.parametrize("name", [*ACCEPTED_HERE, *NOT_APPLICABLE])
def test_accepted_here(name: str) -> None:
    if BY_NAME[name]["request"] is not None:
        check(BY_NAME[name]["request"])


def test_every_pair_is_refused_for_the_first_of_both() -> None:
    """Two wrong parameters in one request: the table stands in the order of OpenAI's checks."""
    order = [
        "model",
        "input",
        "previous_response_id",
        "prompt",
        "moderation",
        "include",
        "tools",
        "tool_choice",
        "metadata",
        "text",
        "temperature",
        "top_p",
        "presence_penalty",
        "frequency_penalty",
        "parallel_tool_calls",
        "stream",
        "stream_options",
        "background",
        "max_output_tokens",
        "max_tool_calls",
        "reasoning",
        "user",
        "safety_identifier",
        "prompt_cache_options",
        "prompt_cache_key",
        "prompt_cache_retention",
        "truncation",
        "instructions",
        "store",
        "service_tier",
        "top_logprobs",
        "context_management",
    ]

    def place(case: dict[str, Any]) -> int:
        return order.index(case["param"].partition(".")[0].partition("[")[0])

    fields = sorted((case for case in CHECKED_HERE if case["phase"] == "field"), key=place)
    compared = 0
    for first, second in itertools.combinations(fields, 2):
        if place(first) < place(second):
            wrong = order[place(second)]
            assert_matches(refusal(first["request"] | {wrong: second["request"][wrong]}), first)
            compared += 1
    assert compared > 1000


@pytest.mark.parametrize(
    ("request_", "param", "code"),
    [
        ({"zzz": 1}, "model", "missing_required_parameter"),
        ({"model": 7, "zzz": 1}, "input", "missing_required_parameter"),
        ({"model": 7, "input": 7, "zzz": 1}, "zzz", "unknown_parameter"),
        ({"model": "", "input": 7}, "model", "model_not_found"),
        ({"model": "M", "input": [{"role": "user", "zzz": 1}]}, "input[0].content", "missing_required_parameter"),
        ({"model": "M", "input": [{"role": "user", "content": 7, "zzz": 1}]}, "input[0].zzz", "unknown_parameter"),
        ({"model": "M", "input": [], "conversation": "a", "background": True}, None, None),
        ({"model": "M", "input": [], "background": True}, None, "missing_required_parameter"),
    ],
)
def test_order_of_checks(request_: object, param: str | None, code: str | None) -> None:
    error = refusal(request_)
    assert (error.param, error.code) == (param, code)


FUNCTION = {"type": "function", "name": "f"}


@pytest.mark.parametrize(
    ("parameters", "param", "message"),
    [
        ({"temperature": True}, "temperature", "expected a decimal, but got a boolean instead"),
        ({"top_logprobs": False}, "top_logprobs", "expected an integer, but got a boolean instead"),
        ({"top_logprobs": 21}, "top_logprobs", "Expected a value <= 20, but got 21 instead"),
        ({"max_output_tokens": 20.5}, "max_output_tokens", "expected an integer, but got a decimal number instead"),
        ({"metadata": {"a": 1}}, "metadata.a", "expected a string, but got an integer instead"),
        ({"metadata": {"a": None}}, "metadata.a", "expected a string, but got null instead"),
        ({"metadata": {"a": "x" * 513}}, "metadata.a", "maximum length 512, but got a string with length 513"),
        ({"metadata": {"k" * 65: "x"}}, "metadata", "property name too long"),
        ({"prompt_cache_key": "k" * 65}, "prompt_cache_key", "maximum length 64, but got a string with length 65"),
        ({"safety_identifier": "k" * 129}, "safety_identifier", "maximum length 128"),
        ({"include": [7]}, "include[0]", "but got an integer instead"),
        ({"tools": [7]}, "tools[0]", "expected an object, but got an integer instead"),
        ({"tools": [{"type": "bogus"}]}, "tools[0].type", "Invalid value: 'bogus'. Supported values are: 'function'"),
        ({"tools": [{"type": 7}]}, "tools[0].type", "expected a string, but got an integer instead"),
        ({"tools": [FUNCTION | {"name": ""}]}, "tools[0].name", "empty string"),
        ({"tools": [FUNCTION | {"name": "f" * 129}]}, "tools[0].name", "maximum length 128"),
        ({"tools": [FUNCTION | {"function": {}}]}, "tools[0].function", "Unknown parameter: 'tools[0].function'."),
        ({"tools": [{"type": "code_interpreter", "container": 7}]}, "tools[0].container", "one of a string or object"),
        (
            {"tools": [{"type": "mcp", "server_label": "a", "require_approval": "maybe"}]},
            "tools[0].require_approval",
            "Supported values are: 'always' and 'never'.",
        ),
        (
            {"tools": [{"type": "file_search", "vector_store_ids": [], "max_num_results": 51}]},
            "tools[0].max_num_results",
            "Expected a value <= 50, but got 51 instead.",
        ),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, "tool_choice.name", "Missing required"),
        ({"tool_choice": {}}, "tool_choice.type", "Missing required parameter: 'tool_choice.type'."),
        ({"text": {"format": {}}}, "text.format.type", "Missing required parameter"),
        (
            {"text": {"format": {"type": "json_schema", "name": "a b", "schema": {}}}},
            "text.format.name",
            "does not match pattern",
        ),
        ({"conversation": 7}, "conversation", "expected one of a string or object"),
        ({"top_k": 1}, "top_k", "Did you mean 'top_p'?"),
        ({"zzz": None}, "zzz", "Unknown parameter: 'zzz'."),
        ({"k" * 1000: 1}, "k" * 253 + "...", "Unknown parameter"),
        ({"input": "x" * 10_485_761}, "input", "maximum length 10485760, but got a string with length 10485761"),
    ],
)
def test_refused_parameter(parameters: dict[str, Any], param: str, message: str) -> None:
    error = refusal({"model": "M", "input": "ping"} | parameters)
    assert error.status == 400
    assert error.param == param
    assert message in error.message


@pytest.mark.parametrize(
    ("item", "param", "message"),
    [
        ({"role": "user", "content": 7}, "content", "expected one of a string or array of objects, but got an integer"),
        ({"role": "user", "content": None}, "content", "but got null instead"),
        ({"role": "user", "content": [7]}, "content[0]", "expected an object, but got an integer"),
        ({"role": "user", "content": [{"text": "x"}]}, "content[0].type", "Missing required parameter"),
        (
            {"role": "user", "content": [{"type": "input_image", "image_url": {"url": "x"}}]},
            "content[0].image_url",
            "expected an image URL, but got an object",
        ),
        ({"role": 7, "content": "x"}, "role", "but got an integer instead"),
        ({"role": "user", "content": "x" * 10_485_761}, "content", "string too long"),
        ({"type": 7}, "type", "expected a string, but got an integer"),
        ({"type": "<input message>", "role": "user", "content": "x"}, "", "Invalid value: '<input message>'."),
        ({"type": "function_call_output", "call_id": "a", "output": 7}, "output", "one of a string or array"),
        ({"type": "function_call_output", "call_id": "", "output": ""}, "call_id", "empty string"),
        ({"type": "function_call_output", "call_id": "a" * 65, "output": ""}, "call_id", "maximum length 64"),
        (
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "output_text", "text": "x"}]},
            "output[0]",
            "Supported values are: 'input_text', 'input_image', and 'input_file'.",
        ),
        ({"type": "function_call", "call_id": "a", "name": "f", "arguments": {}}, "arguments", "expected a string"),
        ({"type": "reasoning"}, "summary", "Missing required parameter"),
        ({"type": "mcp_approval_response", "approval_request_id": "a", "approve": 1}, "approve", "a boolean"),
    ],
)
def test_refused_item(item: dict[str, Any], param: str, message: str) -> None:
    error = refusal({"model": "M", "input": [{"role": "user", "content": "x"}, item]})
    assert error.status == 400
    assert error.param == (f"input[1].{param}" if param else "input[1]")
    assert message in error.message


@pytest.mark.parametrize("body", [None, 7, "x", [], True])
def test_refused_body(body: object) -> None:
    error = refusal(body)
    assert (error.status, error.param) == (400, None)


def test_nesting_without_end() -> None:
    nested: dict[str, Any] = {"type": "eq", "key": "a", "value": 1}
    for _ in range(900):
        nested = {"type": "and", "filters": [nested]}
    tool = {"type": "file_search", "vector_store_ids": ["vs_1"], "filters": nested}
    error = refusal({"model": "M", "input": "ping", "tools": [tool]})
    assert error.code == "invalid_value"
    assert len(error.message) < 500


def test_wording_of_a_missing_call() -> None:
    error = errors.tool_call_missing("call_1")
    assert error.message == "No tool call found for function call output with call_id call_1."
    assert (error.status, error.param, error.code) == (400, "input", None)


def test_envelope_has_all_four_members() -> None:
    assert envelope(ResponsesError(429, "Slow down.", type="requests", headers={"retry-after": "1"})) == {
        "error": {"message": "Slow down.", "type": "requests", "param": None, "code": None}
    }


def test_table_equals_the_specification() -> None:
    folder = os.environ.get("DRAGOMAN_SPEC")
    if folder is None:
        pytest.skip("DRAGOMAN_SPEC names no folder with errors.json")
    specified = json.loads(Path(folder, "errors.json").read_text())["cases"]
    assert [{name: case[name] for name in CASES[0]} for case in specified] == CASES
    assert len(BY_NAME) == len(specified)
