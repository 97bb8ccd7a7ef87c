"""The vendor's events -> neutral events, row by row."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.anthropic.decode import MessagesDecoder
from proxy.provider.contract import Frame
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Failed,
    Finished,
    Hosted,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
    Usage,
)
from tests.providers.anthropic.answers import block, decode_stream, decode_whole, failure, start, stop, text_block

DONE = Finished("stop", "end_turn")


def output(*payloads: Any, **ending: Any) -> Any:
    """The events of the content, without what every message has."""
    events = decode_stream([start(), *payloads, *stop(**ending)])
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    return events[1:-1]


def test_a_message() -> None:
    events = decode_stream([
        start(input_tokens=10, output_tokens=1, service_tier="standard"),
        {"type": "ping"},
        *text_block(0, "Hel", "lo"),
        *stop(usage={"output_tokens": 5}),
    ])  # fmt: skip
    assert events == [
        Started("msg_1", "claude-opus-5", "default"),
        Usage(input_tokens=10, output_tokens=1),
        Text(1, "Hel"),
        Text(1, "lo"),
        Usage(input_tokens=10, output_tokens=5),
        DONE,
    ]


def test_text_that_comes_with_the_start() -> None:
    assert output(*block(0, {"type": "text", "text": "Hi"}, {"type": "text_delta", "text": "!"})) == [
        Text(1, "Hi"),
        Text(1, "!"),
    ]


def test_adjacent_text_blocks_are_one_part_and_others_are_not() -> None:
    tool = block(2, {"type": "tool_use", "id": "t", "name": "wx", "input": {}})
    events = output(*text_block(0, "A"), *text_block(1, "B"), *tool, *text_block(3, "C"))
    assert events == [Text(1, "A"), Text(1, "B"), CallOpened(2, "wx", "t"), CallClosed(2), Text(3, "C")]


def test_blocks_that_show_nothing_do_not_part_texts() -> None:
    events = output(*text_block(0, "A"), *block(1, {"type": "container_upload"}), *text_block(2, "B"))
    assert events == [Text(1, "A"), Unmapped("container_upload"), Text(1, "B")]


# --- thinking ---------------------------------------------------------------------------------------------------------


def test_thinking_and_its_signature() -> None:
    deltas = [{"type": "thinking_delta", "thinking": piece} for piece in ("Need ", "weather")]
    signature = {"type": "signature_delta", "signature": "S1"}
    assert output(*block(0, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, signature)) == [
        Reasoning(1, "Need "),
        Reasoning(1, "weather"),
        Proof(1, "thinking", "S1", binds="self", verbatim=True),
    ]


def test_omitted_thinking_is_a_proof_alone() -> None:
    deltas = [{"type": "thinking_delta", "thinking": ""}, {"type": "signature_delta", "signature": "S1"}]
    assert output(*block(0, {"type": "thinking"}, *deltas)) == [Proof(1, "thinking", "S1", verbatim=True)]


def test_an_interrupted_thinking_block_has_no_proof() -> None:
    assert output(*block(0, {"type": "thinking"}, {"type": "thinking_delta", "thinking": "So"})) == [Reasoning(1, "So")]


def test_hosts_that_do_not_sign_get_their_thinking_back() -> None:
    decoder = MessagesDecoder(signed=False)
    payloads = block(0, {"type": "thinking", "thinking": "So"}, {"type": "signature_delta", "signature": ""})
    events = [event for payload in payloads for event in decoder.apply(payload)]
    assert events == [Reasoning(1, "So"), Proof(1, "thinking", "", verbatim=True)]
    assert [event for payload in block(0, {"type": "thinking"}) for event in decoder.apply(payload)] == []


def test_redacted_thinking() -> None:
    assert output(*block(0, {"type": "redacted_thinking", "data": "D"})) == [Proof(1, "redacted_thinking", "D")]


def test_each_thinking_block_is_its_own() -> None:
    events = output(*(payload for index in (0, 1) for payload in block(index, {"type": "thinking", "thinking": "A"})))
    assert events == [Reasoning(1, "A"), Reasoning(2, "A")]


# --- tools ------------------------------------------------------------------------------------------------------------

TOOL = {"type": "tool_use", "id": "toolu_1", "name": "wx", "input": {}}


def json_deltas(*pieces: Any) -> Any:
    return [{"type": "input_json_delta", "partial_json": piece} for piece in pieces]


def test_a_call() -> None:
    assert output(*block(0, TOOL, *json_deltas("", '{"city":', '"Oslo"}')), reason="tool_use") == [
        CallOpened(1, "wx", "toolu_1"),
        CallArguments(1, '{"city":'),
        CallArguments(1, '"Oslo"}'),
        CallClosed(1),
    ]


def test_a_call_without_arguments() -> None:
    assert output(*block(0, TOOL, *json_deltas(""))) == [CallOpened(1, "wx", "toolu_1"), CallClosed(1)]


def test_input_that_comes_whole_with_the_start() -> None:
    whole = TOOL | {"input": {"city": "Oslo"}}
    assert output(*block(0, whole))[1] == CallArguments(1, '{"city":"Oslo"}')
    assert output(*block(0, whole, *json_deltas('{"city":"Rom"}')))[1:] == [
        CallArguments(1, '{"city":"Rom"}'),
        CallClosed(1),
    ]


def test_interleaved_blocks_keep_their_keys() -> None:
    first, second = block(0, TOOL, *json_deltas('{"a":1}')), block(1, TOOL | {"id": "toolu_2"}, *json_deltas('{"b":2}'))
    events = output(first[0], second[0], first[1], second[1], first[2], second[2])
    assert events == [
        CallOpened(1, "wx", "toolu_1"),
        CallOpened(2, "wx", "toolu_2"),
        CallArguments(1, '{"a":1}'),
        CallArguments(2, '{"b":2}'),
        CallClosed(1),
        CallClosed(2),
    ]


def test_blocks_that_were_never_closed_are_closed_at_the_end() -> None:
    assert output(*block(0, TOOL)[:-1]) == [CallOpened(1, "wx", "toolu_1"), CallClosed(1)]
    assert output(*block(0, TOOL)[:-1], *text_block(0, "A")) == [
        CallOpened(1, "wx", "toolu_1"),
        CallClosed(1),
        Text(2, "A"),
    ]


def test_missing_starts_and_indexes_are_tolerated() -> None:
    delta = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "A"}}
    assert output(delta, delta) == [Text(1, "A"), Text(1, "A")]
    thinking = {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "T"}}
    assert output(thinking) == [Reasoning(1, "T")]
    arguments = {"type": "content_block_delta", "delta": json_deltas("{}")[0]}
    assert output(arguments) == []


# --- hosted tools -----------------------------------------------------------------------------------------------------

SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
FOUND = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "u1", "title": "t1", "encrypted_content": "E"}],
}
CITED = {"type": "web_search_result_location", "url": "u1", "title": "t1", "cited_text": "c", "encrypted_index": "I"}


def test_web_search_with_a_citation() -> None:
    action = {"type": "search", "query": "x", "queries": ["x"], "sources": []}
    assert output(
        *block(0, SEARCH, *json_deltas('{"query":', '"x"}')),
        *block(1, FOUND),
        *text_block(2, "According to "),
        *text_block(3, "Fo", "o", citations=(CITED,)),
        *text_block(4, "."),
    ) == [
        Hosted(1, "web_search_call", "in_progress"),
        Hosted(1, "web_search_call", "searching", {"action": action}),
        Hosted(1, "web_search_call", "completed", {"action": action | {"sources": [{"type": "url", "url": "u1"}]}}),
        Text(2, "According to "),
        Text(2, "Fo"),
        Text(2, "o"),
        Annotation(
            2, {"type": "url_citation", "start_index": 13, "end_index": 16, "url": "u1", "title": "t1"}
        ),
        Text(2, "."),
    ]  # fmt: skip


def test_a_search_that_failed() -> None:
    failed = FOUND | {"content": {"type": "web_search_tool_result_error", "error_code": "max_uses_exceeded"}}
    assert output(*block(0, SEARCH | {"input": {"query": "x"}}), *block(1, failed))[-1].phase == "failed"


def test_web_fetch() -> None:
    call = {"type": "server_tool_use", "id": "s", "name": "web_fetch", "input": {"url": "https://example.org"}}
    answer = {"type": "web_fetch_tool_result", "tool_use_id": "s", "content": {"type": "web_fetch_result"}}
    assert output(*block(0, call), *block(1, answer))[-1] == Hosted(
        1, "web_search_call", "completed", {"action": {"type": "open_page", "url": "https://example.org"}}
    )


def test_a_page_that_was_read_for_a_call_of_an_earlier_answer() -> None:
    content = {"type": "web_fetch_result", "url": "https://example.org"}
    answer = {"type": "web_fetch_tool_result", "tool_use_id": "s", "content": content}
    assert output(*block(0, answer))[-1] == Hosted(
        1, "web_search_call", "completed", {"action": {"type": "open_page", "url": "https://example.org"}}
    )


@pytest.mark.parametrize(
    ("name", "arguments"), [("code_execution", {"code": "1+1"}), ("bash_code_execution", {"command": "1+1"})]
)
def test_code_execution(name: Any, arguments: Any) -> None:
    call = {"type": "server_tool_use", "id": "s", "name": name, "input": {}}
    content = {"type": f"{name}_result", "stdout": "2\n", "stderr": "w", "return_code": 0, "content": []}
    answer = {"type": f"{name}_tool_result", "tool_use_id": "s", "content": content}
    body = {"content": [call | {"input": arguments}, answer], "container": {"id": "c1"}, "stop_reason": "end_turn"}
    fields = {"code": "1+1", "container_id": "c1"}
    assert decode_whole(body)[1:-1] == [
        Hosted(1, "code_interpreter_call", "in_progress"),
        Hosted(1, "code_interpreter_call", "interpreting", fields),
        Hosted(1, "code_interpreter_call", "completed", fields | {"outputs": [{"type": "logs", "logs": "2\nw"}]}),
    ]


@pytest.mark.parametrize(
    ("content", "element"),
    [
        ({"type": "server_tool_use", "id": "s", "name": "advisor", "input": {}}, "advisor"),
        ({"type": "server_tool_use", "id": "s", "name": "from the future", "input": {}}, "content_block.unknown"),
        ({"type": "advisor_tool_result", "tool_use_id": "s", "content": {}}, "advisor_tool_result"),
        ({"type": "container_upload", "file_id": "f"}, "container_upload"),
        ({"type": "compaction", "content": "summary"}, "compaction"),
        ({"type": "fallback"}, "fallback"),
        ({"type": "from the future"}, "content_block.unknown"),
        ({"type": "citation.unknown"}, "citation.unknown"),
        ({"type": "tool_use", "id": "t"}, "content_block.unknown"),
        ({}, "content_block.unknown"),
    ],
)
def test_blocks_without_a_place_in_a_response_are_left_out_and_named(content: Any, element: Any) -> None:
    deltas = (*json_deltas('{"a":1}'), {"type": "text_delta", "text": "no"}, {"type": "from the future"})
    assert output(*block(0, content, *deltas)) == [Unmapped(element)]


def test_events_and_deltas_that_are_not_known_are_named() -> None:
    assert output({"type": "ping"}, {"type": "from the future"}, {"type": ""}, {}) == [Unmapped("event.unknown")]
    assert output(*block(0, {"type": "text", "text": ""}, {"type": "new", "text": "A"})) == [Unmapped("delta.unknown")]


# --- citations --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("citation", "annotation"),
    [
        (
            {"type": "search_result_location", "source": "u", "title": None},
            {"type": "url_citation", "start_index": 1, "end_index": 3, "url": "u", "title": ""},
        ),
        (
            {"type": "page_location", "document_title": "a.pdf", "file_id": "f1", "start_page_number": 1},
            {"type": "file_citation", "file_id": "f1", "filename": "a.pdf", "index": 3},
        ),
        (
            {"type": "char_location", "document_title": "n.txt", "file_id": None},
            {"type": "file_citation", "file_id": "", "filename": "n.txt", "index": 3},
        ),
        (
            {"type": "content_block_location", "document_title": "n"},
            {"type": "file_citation", "file_id": "", "filename": "n", "index": 3},
        ),
    ],
)
def test_citations(citation: Any, annotation: Any) -> None:
    expected = [Text(1, "é"), Text(1, "ab"), Annotation(1, annotation)]
    assert output(*text_block(0, "é"), *text_block(1, "ab", citations=(citation,))) == expected
    whole = {"content": [{"type": "text", "text": "é"}, {"type": "text", "text": "ab", "citations": [citation]}]}
    assert decode_whole(whole)[1:-1] == expected


def test_unknown_citations_are_left_out_and_named() -> None:
    assert output(*text_block(0, "A", citations=({"type": "from_the_future"},))) == [
        Text(1, "A"),
        Unmapped("citation.unknown"),
    ]


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("tool_use", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("pause_turn", "pause"),
        ("compaction", "unknown"),
        (None, "unknown"),
    ],
)
def test_stop_reasons(vendor: Any, reason: Any) -> None:
    expected = Finished(reason, vendor)
    assert decode_stream([start(), *text_block(0, "A"), *stop(vendor)])[-1] == expected
    assert decode_whole({"content": [], "stop_reason": vendor})[-1] == expected


def test_a_refusal_explains_itself_where_there_is_no_text() -> None:
    details = {"type": "refusal", "category": "cyber", "explanation": "Not this."}
    assert output(reason="refusal", stop_details=details) == [Refusal(1, "Not this.")]
    assert output(*text_block(0, "I can"), reason="refusal", stop_details=details) == [Text(1, "I can")]
    assert output(reason="refusal") == []


def test_a_cut_stream_fails() -> None:
    whole = [start(), *text_block(0, "A"), *stop()]
    for length in range(len(whole)):
        assert failure(decode_stream(whole[:length])).error_class == "cut"


def test_nothing_follows_the_end() -> None:
    events = decode_stream([start(), *stop(), *text_block(0, "A"), {"type": "error", "error": {}}])
    assert events[-1] == DONE


@pytest.mark.parametrize(
    ("error", "error_class"),
    [
        ({"type": "overloaded_error", "message": "Overloaded"}, "overloaded"),
        ({"type": "rate_limit_error", "message": "Slow down"}, "rate_limit"),
        ({"type": "api_error", "message": "Internal"}, "vendor_failure"),
        ({"type": "timeout_error", "message": "Late"}, "timeout"),
        ({"type": "invalid_request_error", "message": "prompt is too long: 2 > 1"}, "context_too_long"),
        ({}, "vendor_failure"),
        (None, "vendor_failure"),
    ],
)
def test_error_events(error: Any, error_class: Any) -> None:
    for payload in ({"type": "error", "error": error}, {"error": error}):
        found = failure(decode_stream([start(), *text_block(0, "A"), payload, *text_block(1, "B")]))
        assert found.error_class == error_class
        assert found.message


def test_frames_that_are_not_json() -> None:
    decoder = MessagesDecoder()
    assert list(decoder.feed(Frame("", b""))) == []
    assert list(decoder.feed(Frame("", b"[DONE]"))) == []
    assert failure(decoder.feed(Frame("", b'{"type":'))).error_class == "vendor_failure"
    assert list(decoder.end()) == []


def test_the_frames_name_counts_where_the_payload_has_no_type() -> None:
    decoder = MessagesDecoder()
    data = b'{"index":0,"delta":{"type":"text_delta","text":"A"}}'
    assert list(decoder.feed(Frame("content_block_delta", data))) == [Text(1, "A")]
    assert list(decoder.feed(Frame("", b'{"amazon-bedrock-invocationMetrics":{}}'))) == []


# --- usage ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ({"input_tokens": 12, "output_tokens": 1}, {"output_tokens": 9}, Usage(12, None, None, None, 9)),
        (
            {"input_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30, "output_tokens": 1},
            {"output_tokens": 45, "output_tokens_details": {"thinking_tokens": 18}},
            Usage(150, 100, 30, None, 45, 18),
        ),
        (
            {"input_tokens": 3, "cache_read_input_tokens": 2455, "cache_creation_input_tokens": 0},
            {"input_tokens": 3, "cache_read_input_tokens": 2455, "cache_creation_input_tokens": 0, "output_tokens": 7},
            Usage(2458, 2455, 0, None, 7),
        ),
        (
            {"input_tokens": 5000, "output_tokens": 1},
            {"input_tokens": 400, "output_tokens": 8},
            Usage(400, output_tokens=8),
        ),
        (
            {
                "input_tokens": 1,
                "cache_creation_input_tokens": 10,
                "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6},
            },
            {"output_tokens": 2},
            Usage(11, None, 10, 6, 2),
        ),
        # Some hosts tell the parts of what was written alone.
        (
            {"input_tokens": 1, "cache_creation": {"ephemeral_5m_input_tokens": 4, "ephemeral_1h_input_tokens": 6}},
            {"output_tokens": 2},
            Usage(11, None, 10, 6, 2),
        ),
        # A zero takes nothing back.
        (
            {"input_tokens": 12, "cache_read_input_tokens": 5, "output_tokens": 1},
            {"cache_read_input_tokens": 5, "output_tokens": 9, "cache_creation_input_tokens": 0},
            Usage(17, 5, 0, None, 9),
        ),
        (
            {"input_tokens": 3, "server_tool_use": {"web_search_requests": 1}},
            {"output_tokens": 2, "server_tool_use": {"web_search_requests": 4, "web_fetch_requests": 9}},
            Usage(3, output_tokens=2, web_searches=4),
        ),
        (
            {"input_tokens": 3},
            {"output_tokens": 2, "server_tool_use": {"web_search_requests": 0}},
            Usage(3, output_tokens=2),
        ),
        # What compaction took is in none of the sums, what the model's own turns took is.
        (
            {"input_tokens": 100, "output_tokens": 1},
            {
                "output_tokens": 20,
                "iterations": [
                    {
                        "type": "compaction",
                        "input_tokens": 1000,
                        "cache_read_input_tokens": 200,
                        "cache_creation_input_tokens": 300,
                        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 300},
                        "output_tokens": 50,
                    },
                    {"type": "message", "input_tokens": 100, "output_tokens": 20},
                    {"type": "advisor_message", "input_tokens": 7000, "output_tokens": 900},
                    "trash",
                ],
            },
            Usage(1600, 200, 300, 300, 70),
        ),
        (
            {"input_tokens": 100},
            {"output_tokens": 20, "iterations": [{"type": "message", "input_tokens": 100, "output_tokens": 20}, None]},
            Usage(100, output_tokens=20),
        ),
        ({"input_tokens": None, "output_tokens": "3"}, {"output_tokens": 2}, Usage(output_tokens=2)),
        (
            {"input_tokens": 1},
            {"output_tokens": 2, "output_tokens_details": {"thinking_tokens": 9}},
            Usage(1, None, None, None, 2, 2),
        ),
    ],
)
def test_usage(first: Any, last: Any, expected: Any) -> None:
    events = decode_stream([start(**first), *stop(usage=last)])
    assert [event for event in events if isinstance(event, Usage)][-1] == expected
    merged = first | last
    whole = decode_whole({"content": [], "usage": merged, "stop_reason": "end_turn"})
    assert [event for event in whole if isinstance(event, Usage)] == [expected]


def test_zeros_at_the_end_take_nothing_back() -> None:
    events = decode_stream(
        [start(input_tokens=12, output_tokens=1), *stop(usage={"input_tokens": 0, "output_tokens": 9})]
    )
    assert [event for event in events if isinstance(event, Usage)][-1] == Usage(12, output_tokens=9)


def test_no_usage_says_nothing() -> None:
    assert not [event for event in decode_stream([start(), *stop()]) if isinstance(event, Usage)]


@pytest.mark.parametrize(
    ("usage", "tier"),
    [
        ({"service_tier": "standard"}, "default"),
        ({"service_tier": "priority"}, "priority"),
        ({"service_tier": "batch"}, None),
        ({"service_tier": "standard", "speed": "fast"}, "priority"),
        ({}, None),
    ],
)
def test_the_tier_that_was_used(usage: Any, tier: Any) -> None:
    assert decode_stream([start(**usage)])[0] == Started("msg_1", "claude-opus-5", tier)


# --- whole answers ----------------------------------------------------------------------------------------------------


def test_a_whole_answer_is_the_same_as_its_stream() -> None:
    content: list[dict[str, Any]] = [
        {"type": "thinking", "thinking": "Need weather", "signature": "S1"},
        {"type": "redacted_thinking", "data": "D"},
        {"type": "text", "text": "Looking"},
        {"type": "tool_use", "id": "toolu_1", "name": "wx", "input": {"city": "Oslo"}},
    ]
    usage = {"input_tokens": 20, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 30, "output_tokens": 45}
    message = {"id": "msg_1", "model": "claude-opus-5", "content": content, "stop_reason": "tool_use", "usage": usage}
    streamed = [
        start(**usage),
        *block(
            0,
            {"type": "thinking", "thinking": ""},
            {"type": "thinking_delta", "thinking": "Need weather"},
            {"type": "signature_delta", "signature": "S1"},
        ),
        *block(1, content[1]),
        *text_block(2, "Looking"),
        *block(3, TOOL, *json_deltas('{"city":"Oslo"}')),
        *stop("tool_use"),
    ]
    assert decode_whole(message) == decode_stream(streamed)


@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", b"{}", b'"x"', b'{"content":"x"}', b'{"completion":"x"}'])
def test_whole_answers_that_are_no_message(body: Any) -> None:
    error = failure(decode_whole(body))
    assert error.error_class == "vendor_failure"
    assert "base_url" in error.message


def test_an_error_in_place_of_a_message() -> None:
    assert (
        failure(
            decode_whole({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}})
        ).error_class
        == "overloaded"
    )


# --- whatever comes ---------------------------------------------------------------------------------------------------

KEYS = [
    "type", "index", "delta", "content_block", "message", "usage", "content", "text", "thinking", "signature", "data",
    "partial_json", "citation", "citations", "input", "name", "id", "stop_reason", "stop_details", "error", "container",
    "tool_use_id", "input_tokens", "output_tokens", "cache_creation", "details", "explanation",
]  # fmt: skip
WORDS = [
    "message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta",
    "message_stop", "error", "text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search",
    "web_search_tool_result", "code_execution", "code_execution_tool_result", "text_delta", "citations_delta",
    "thinking_delta", "signature_delta", "input_json_delta", "refusal", "page_location", '{"a":1}',
]  # fmt: skip
LEAVES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 2**60), st.floats(), st.sampled_from(WORDS), st.text(max_size=3)
)
JSON = st.recursive(
    LEAVES,
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(st.sampled_from(KEYS), below, max_size=5)),
    max_leaves=12,
)
PAYLOADS = st.one_of(
    JSON,
    st.fixed_dictionaries(
        {"type": st.sampled_from(WORDS[:7])},
        optional={
            "index": st.one_of(st.integers(0, 2), JSON),
            "delta": st.one_of(
                st.fixed_dictionaries({"type": st.sampled_from(WORDS)}, optional=dict.fromkeys(KEYS[1:], JSON)), JSON
            ),
            "content_block": st.one_of(
                st.fixed_dictionaries({"type": st.sampled_from(WORDS)}, optional=dict.fromkeys(KEYS[1:], JSON)), JSON
            ),
            "message": JSON,
            "usage": JSON,
            "error": JSON,
        },
    ),
)


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(PAYLOADS, max_size=12))
def test_a_stream_of_anything_ends_once_and_never_raises(payloads: Any) -> None:
    events = decode_stream(payloads)
    endings = [event for event in events if isinstance(event, (Finished, Failed))]
    assert len(endings) == 1
    assert events[-1] is endings[0]


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(JSON, st.lists(JSON, max_size=4))
def test_a_whole_answer_of_anything_ends_once_and_never_raises(body: Any, content: Any) -> None:
    for candidate in (body, {"content": content, "usage": body, "stop_reason": body, "container": body}):
        events = decode_whole(orjson.dumps(candidate))
        assert [event for event in events if isinstance(event, (Finished, Failed))] == [events[-1]]
