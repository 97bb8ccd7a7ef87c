"""What POST /v1/responses accepts, and the normal form that it becomes."""

import copy
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses.errors import ResponsesError
from proxy.responses.request import check_not_empty, check_state, edit_distance, parse_create, similar
from proxy.responses.validation import UnknownParameters

MINIMAL: dict[str, Any] = {"model": "M", "input": "ping"}
PING = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "ping"}]}


# --- the normal form --------------------------------------------------------------------------------------------------


def test_string_becomes_one_message() -> None:
    assert parse_create(MINIMAL).input == [PING]


def test_defaults() -> None:
    request = parse_create(MINIMAL)
    assert request.given == {"model", "input"}
    assert (request.store, request.stream, request.background, request.parallel_tool_calls) == (
        True,
        False,
        False,
        True,
    )
    assert (request.tool_choice, request.truncation, request.service_tier) == ("auto", "disabled", "auto")
    assert (request.temperature, request.top_p, request.top_logprobs) == (None, None, None)
    assert (request.tools, request.include, request.metadata, request.text, request.reasoning) == ([], [], {}, {}, {})


def test_null_means_absent() -> None:
    names = [
        "include",
        "instructions",
        "max_output_tokens",
        "metadata",
        "previous_response_id",
        "user",
        "tools",
        "text",
        "reasoning",
        "stream",
    ]
    assert parse_create(MINIMAL | dict.fromkeys(names)) == parse_create(MINIMAL)


def test_given_names_what_was_sent() -> None:
    assert parse_create(MINIMAL | {"temperature": 1, "top_p": None}).given == {"model", "input", "temperature"}


def test_body_is_left_alone() -> None:
    body = {
        "model": "M",
        "input": [{"role": "user", "content": "ping", "internal_chat_message_metadata_passthrough": {}}],
        "reasoning": {"generate_summary": "auto"},
        "tool_choice": {"type": "auto"},
        "client_metadata": {"a": "b"},
    }
    before = copy.deepcopy(body)
    parse_create(body)
    assert body == before


@pytest.mark.parametrize(
    ("item", "normal"),
    [
        ({"role": "user", "content": "ping"}, PING),
        ({"role": "user", "content": "ping", "type": None}, PING),
        (
            {"role": "assistant", "content": "pong", "phase": "final_answer"},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "pong"}],
                "phase": "final_answer",
            },
        ),
        ({"id": "msg_1"}, {"type": "item_reference", "id": "msg_1"}),
        (
            {"role": "user", "content": "ping", "id": "msg_1", "status": "completed"},
            PING | {"id": "msg_1", "status": "completed"},
        ),
        ({"role": "user", "content": "ping", "internal_chat_message_metadata_passthrough": {"a": 1}}, PING),
        ({"type": "function_call_output", "call_id": "call_1", "output": "x"},) * 2,
        ({"type": "function_call_output", "call_id": "call_1", "output": [{"type": "input_text", "text": "x"}]},) * 2,
    ],
)
def test_items_become_normal(item: dict[str, Any], normal: dict[str, Any]) -> None:
    assert parse_create({"model": "M", "input": [item]}).input == [normal]


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_wrapped_tool_choice_becomes_a_string(mode: str) -> None:
    assert parse_create(MINIMAL | {"tool_choice": {"type": mode}}).tool_choice == mode
    assert parse_create(MINIMAL | {"tool_choice": mode}).tool_choice == mode


def test_generate_summary_is_an_alias() -> None:
    assert parse_create(MINIMAL | {"reasoning": {"generate_summary": "concise"}}).reasoning == {"summary": "concise"}
    both = {"generate_summary": "concise", "summary": "auto"}
    assert parse_create(MINIMAL | {"reasoning": both}).reasoning == {"summary": "auto"}


def test_conversation_id_becomes_a_reference() -> None:
    assert parse_create(MINIMAL | {"conversation": "conv_1"}).conversation == {"id": "conv_1"}
    assert parse_create(MINIMAL | {"conversation": {"id": "conv_1"}}).conversation == {"id": "conv_1"}


def test_client_metadata_is_ignored() -> None:
    assert parse_create(MINIMAL | {"client_metadata": {"a": "b"}}) == parse_create(MINIMAL)


def test_unknown_parameters_can_be_ignored() -> None:
    body = {
        "model": "M",
        "zzz": 1,
        "input": [{"role": "user", "zzz": 1, "content": [{"type": "input_text", "text": "ping", "zzz": 1}]}],
        "tools": [{"type": "function", "name": "f", "zzz": 1}],
        "text": {"format": {"type": "text", "zzz": 1}, "zzz": 1},
    }
    request = parse_create(body, unknown_parameters="ignore")
    assert request.input == [PING]
    assert request.tools == [{"type": "function", "name": "f"}]
    assert request.text == {"format": {"type": "text"}}
    with pytest.raises(ResponsesError, match="Unknown parameter: 'zzz'"):
        parse_create(body)


def test_integer_counts_as_decimal() -> None:
    assert parse_create(MINIMAL | {"temperature": 0, "top_p": 1}).temperature == 0


# --- accepted parameters ----------------------------------------------------------------------------------------------

COMPARISON = {"type": "in", "key": "year", "value": [2025, "2026"]}


@pytest.mark.parametrize(
    "parameters",
    [
        {"user": "someone", "safety_identifier": "u" * 128, "prompt_cache_key": "k" * 64},
        {"metadata": {f"{number:064}": "v" * 512 for number in range(16)}},
        {"top_logprobs": 20, "temperature": 2, "top_p": 0, "presence_penalty": -2, "frequency_penalty": 2.0},
        {"max_output_tokens": 16, "max_tool_calls": 1},
        {"include": ["file_search_call.results", "message.output_text.logprobs"]},
        {
            "text": {
                "format": {"type": "json_schema", "name": "a-b_c", "schema": {}, "strict": None},
                "verbosity": "low",
            }
        },
        {"text": {"format": {"type": "json_object"}}},
        {"reasoning": {"effort": None, "summary": None, "context": "auto", "mode": "pro"}},
        {"stream_options": {"include_obfuscation": False}},
        {"context_management": [{"type": "compaction", "compact_threshold": 1000}]},
        {"prompt_cache_options": {"mode": "explicit", "ttl": "30m"}, "prompt_cache_retention": "24h"},
        {"moderation": {"model": "m", "policy": {"input": {"mode": "block"}}}},
        {"prompt": {"id": "pmpt_1", "variables": {"a": "x", "b": {"type": "input_text", "text": "x"}}}},
        {"background_options": {"completion_window": "2h"}, "image": {"context_compression": "auto"}},
        {"tools": [{"type": "function", "name": "a.b c", "parameters": None, "strict": None, "description": None}]},
        {"tools": [{"type": "function", "name": "f", "async": True, "defer_loading": False}]},
        {
            "tools": [
                {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
            ]
        },
        {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}]},
        {"tools": [{"type": "web_search"}, {"type": "web_search_preview_2025_03_11", "search_context_size": "low"}]},
        {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"], "filters": COMPARISON}]},
        {
            "tools": [
                {
                    "type": "file_search",
                    "vector_store_ids": ["vs_1"],
                    "filters": {"type": "and", "filters": [COMPARISON, {"type": "or", "filters": [COMPARISON]}]},
                    "ranking_options": {
                        "ranker": "auto",
                        "score_threshold": 0.5,
                        "hybrid_search": {"embedding_weight": 1, "text_weight": 0.5},
                    },
                }
            ]
        },
        {"tools": [{"type": "code_interpreter", "container": "cntr_1"}]},
        {"tools": [{"type": "code_interpreter", "container": {"type": "auto", "file_ids": []}}]},
        {"tools": [{"type": "mcp", "server_label": "a", "server_url": "x", "require_approval": "never"}]},
        {"tools": [{"type": "mcp", "server_label": "a", "allowed_tools": {"read_only": True}, "require_approval": {}}]},
        {"tools": [{"type": "shell", "environment": {"type": "local"}}, {"type": "local_shell"}]},
        {"tools": [{"type": "computer"}, {"type": "apply_patch"}, {"type": "tool_search"}]},
        {"tools": [{"type": "image_generation", "partial_images": 3}]},
        {"tool_choice": {"type": "function", "name": "f"}},
        {"tool_choice": {"type": "mcp", "server_label": "a"}},
        {"tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]}},
        {"tool_choice": {"type": "web_search_preview"}},
    ],
)
def test_accepted_parameters(parameters: dict[str, Any]) -> None:
    request = parse_create(MINIMAL | parameters)
    for name, value in parameters.items():
        assert getattr(request, name) == value


URL_CITATION = {"type": "url_citation", "url": "x", "title": "x", "start_index": 0, "end_index": 1}


@pytest.mark.parametrize(
    "item",
    [
        {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {
            "id": "msg_1",
            "type": "message",
            "status": "completed",
            "role": "assistant",
            "content": [{"type": "output_text", "text": "x", "annotations": [URL_CITATION], "logprobs": []}],
            "phase": "commentary",
        },
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_image", "image_url": "data:", "detail": "auto"}],
        },
        {"type": "message", "role": "user", "content": [{"type": "input_file", "file_data": "data:", "filename": "a"}]},
        {
            "type": "message",
            "role": "user",
            "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}],
        },
        {"type": "message", "role": "system", "content": []},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "namespace": "n", "id": None},
        {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
        {"type": "reasoning", "summary": []},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "x"}],
            "content": [{"type": "reasoning_text", "text": "x"}],
            "encrypted_content": None,
            "status": None,
        },
        {"type": "item_reference", "id": "msg_1"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed"},
        {
            "type": "web_search_call",
            "action": {"type": "search", "query": "x", "sources": [{"type": "url", "url": "x"}]},
        },
        {"type": "file_search_call", "queries": ["x"], "results": None},
        {"type": "code_interpreter_call", "code": "1", "container_id": "c", "outputs": [{"type": "logs", "logs": "1"}]},
        {"type": "image_generation_call", "result": "eA==", "status": "completed"},
        {"type": "computer_call", "call_id": "c", "action": {"type": "click", "x": 1, "y": 1, "button": "left"}},
        {"type": "computer_call_output", "call_id": "c", "output": {"type": "computer_screenshot", "image_url": "x"}},
        {"type": "mcp_list_tools", "server_label": "a", "tools": [{"name": "t", "input_schema": {}}]},
        {"type": "mcp_call", "name": "t", "server_label": "a", "arguments": "{}", "output": "x", "error": None},
        {"type": "mcp_approval_request", "name": "t", "server_label": "a", "arguments": "{}"},
        {"type": "mcp_approval_response", "approval_request_id": "mcpr_1", "approve": True},
        {"type": "local_shell_call", "call_id": "c", "action": {"type": "exec", "command": ["ls"], "env": {}}},
        {"type": "local_shell_call_output", "id": "c", "output": "x"},
        {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}},
        {
            "type": "shell_call_output",
            "call_id": "c",
            "output": [{"stdout": "", "stderr": "", "outcome": {"type": "exit", "exit_code": 0}}],
        },
        {"type": "apply_patch_call", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "call_id": "c", "status": "failed", "output": "x"},
        {"type": "tool_search_call", "arguments": {"q": 1}, "execution": "client", "call_id": None},
        {"type": "tool_search_output", "tools": [{"type": "function", "name": "f"}]},
        {"type": "additional_tools", "role": "developer", "tools": []},
        {"type": "configuration_update", "reasoning": {"effort": "low"}},
        {"type": "compaction", "encrypted_content": "x"},
        {"type": "compaction_trigger"},
        {"type": "program", "call_id": "c", "code": "x", "fingerprint": "x"},
        {"type": "program_output", "call_id": "c", "result": "x", "status": "completed"},
    ],
)
def test_accepted_items(item: dict[str, Any]) -> None:
    assert parse_create({"model": "M", "input": [item]}).input == [item]


# --- after parsing ----------------------------------------------------------------------------------------------------


def test_stateless_request_passes() -> None:
    request = parse_create(MINIMAL)
    check_state(request)
    check_not_empty(request)


@pytest.mark.parametrize("source", [{"previous_response_id": "r"}, {"conversation": "c"}, {"prompt": {"id": "p"}}])
def test_empty_input_is_no_error_where_something_else_is_given(source: dict[str, Any]) -> None:
    check_not_empty(parse_create({"model": "M", "input": []} | source))


def test_suggestions() -> None:
    assert similar("stre", ["stream", "store", "tools"]) == ["store", "stream"]
    assert [edit_distance("store", other) for other in ("store", "stare", "sto", "tools", "instructions")][:3] == [
        0,
        1,
        2,
    ]


def refusal(body: object, unknown_parameters: UnknownParameters) -> ResponsesError | None:
    try:
        parse_create(body, unknown_parameters=unknown_parameters)
    except ResponsesError as error:
        return error
    return None


# --- recorded requests ------------------------------------------------------------------------------------------------


def recordings(variable: str, pattern: str) -> Iterator[tuple[str, dict[str, Any]]]:
    folder = os.environ.get(variable)
    if folder is None:
        pytest.skip(f"{variable} names no folder with recordings")
    for path in sorted(Path(folder).glob(pattern)):
        recording = json.loads(path.read_text())
        if recording["method"] == "POST" and recording["path"].endswith("/responses"):
            yield path.name, recording


def test_requests_of_real_clients_are_accepted() -> None:
    seen = 0
    for name, recording in recordings("DRAGOMAN_CLIENTS", "*/*.json"):
        seen += 1
        # Some scenarios send a temperature of 9 to see how the client shows the refusal.
        if (recording["body"].get("temperature") or 0) > 2:
            with pytest.raises(ResponsesError, match="temperature"):
                parse_create(recording["body"])
            continue
        error = refusal(recording["body"], "reject")
        assert error is None, f"{recording['client']}/{name}: {error}"
    assert seen > 0


def test_requests_that_openai_accepted_are_accepted() -> None:
    seen = 0
    for name, recording in recordings("DRAGOMAN_CORPUS", "openai_responses/*.json"):
        # Some recordings hold the answer alone.
        if recording["status"] == 200 and recording["request_body"] is not None:
            seen += 1
            error = refusal(recording["request_body"], "reject")
            assert error is None, f"{name}: {error}"
    assert seen > 0


def test_output_of_openai_is_accepted_as_input() -> None:
    replayed = 0
    for name, recording in recordings("DRAGOMAN_CORPUS", "openai_responses/*.json"):
        body = recording.get("response_body")
        if isinstance(body, dict) and body.get("object") == "response" and body.get("output"):
            replayed += 1
            error = refusal({"model": "M", "input": body["output"]}, "reject")
            assert error is None, f"{name}: {error}"
    assert replayed > 0


# --- any JSON ---------------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "type",
        "role",
        "content",
        "text",
        "input_text",
        "output_text",
        "user",
        "assistant",
        "message",
        "function",
        "name",
        "id",
        "function_call",
        "tools",
        "input",
        "model",
        "call_id",
        "output",
        "format",
        "filters",
        "and",
        "eq",
        "<string>",
        "<object>",
        "value",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text() | WORDS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(WORDS | st.text(), children, max_size=4),
    max_leaves=12,
)

VALID: list[dict[str, Any]] = [
    {
        "model": "M",
        "input": [
            {
                "role": "user",
                "content": [{"type": "input_text", "text": "x"}, {"type": "input_image", "image_url": "x"}],
            },
            {"role": "assistant", "content": [{"type": "output_text", "text": "x", "annotations": [URL_CITATION]}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "x"}]},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "x"}]},
            {"type": "shell_call", "call_id": "c", "action": {"commands": ["ls"]}, "environment": {"type": "local"}},
        ],
        "reasoning": {"effort": "low"},
        "metadata": {"a": "b"},
        "include": ["reasoning.encrypted_content"],
    },
    {
        "model": "M",
        "input": "ping",
        "tools": [
            {"type": "function", "name": "f", "parameters": {}},
            {"type": "file_search", "vector_store_ids": ["v"], "filters": {"type": "and", "filters": [COMPARISON]}},
            {"type": "mcp", "server_label": "a", "allowed_tools": ["x"], "require_approval": {"always": {}}},
            {"type": "code_interpreter", "container": {"type": "auto"}},
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{}]},
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {}}, "verbosity": "low"},
        "prompt": {"id": "p", "variables": {"a": "b"}},
        "context_management": [{"type": "compaction"}],
        "temperature": 1,
    },
]


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(child, (*path, key))


@st.composite
def mutated(draw: st.DrawFn) -> object:
    body = copy.deepcopy(draw(st.sampled_from(VALID)))
    path = draw(st.sampled_from(list(places(body))))
    replacement = draw(JSON)
    if not path:
        return replacement
    target: Any = body
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = replacement
    return body


def assert_parsed_or_refused(body: object) -> None:
    for error in (refusal(body, "reject"), refusal(body, "ignore")):
        if error is not None:
            assert (error.status, error.type) == (400, "invalid_request_error")
            assert error.message


@pytest.mark.parametrize("body", VALID)
def test_bases_of_the_mutations_are_accepted(body: dict[str, Any]) -> None:
    parse_create(body)


@settings(max_examples=150, deadline=None, database=None)
@given(JSON | st.fixed_dictionaries({"model": JSON, "input": JSON}))
def test_any_json_is_parsed_or_refused(body: object) -> None:
    assert_parsed_or_refused(body)


@settings(max_examples=300, deadline=None, database=None)
@given(mutated())
def test_any_mutation_is_parsed_or_refused(body: object) -> None:
    assert_parsed_or_refused(body)
