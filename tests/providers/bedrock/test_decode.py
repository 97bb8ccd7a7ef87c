"""Answers of Converse -> neutral events, streamed and whole."""

from typing import Any

import orjson
import pytest

from proxy.provider.contract import Frame
from proxy.provider.history import HOSTED_PROOF
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    Hosted,
    Proof,
    Reasoning,
    Started,
    Text,
    Unmapped,
    Usage,
)
from tests.providers.bedrock.answers import delta, ending, event, joined, start, stop, streamed, whole
from tests.providers.bedrock.requests import GPT, NOVA_2, OPUS, OSS, PROVIDER, QWEN, prepared

COUNTED = Usage(input_tokens=10, output_tokens=22)
END = [COUNTED, Finished("stop", "end_turn")]


def failure(events: list[Event]) -> Any:
    assert isinstance(events[-1], Failed)
    assert not any(isinstance(each, Finished) for each in events)
    return events[-1].error


def both(frames: list[Frame], content: list[Any], model: str = OPUS, reason: str = "end_turn") -> list[Event]:
    """The events of a stream; those of the whole answer have to be the same."""
    events = joined(streamed(*frames, *ending(reason), model=model))
    assert joined(whole(*content, model=model, reason=reason)) == events
    return events[1:]


# --- text, reasoning, calls -------------------------------------------------------------------------------------------


def test_text_has_no_start_and_blocks_beside_each_other_are_one_part() -> None:
    frames = [delta(0, text=""), delta(0, text="Hel"), delta(0, text="lo"), stop(0), delta(1, text="!"), stop(1)]
    assert both(frames, [{"text": "Hello"}, {"text": "!"}]) == [Text(1, "Hello!"), *END]


def test_a_tool_stream_of_claude() -> None:
    events = both(
        [
            delta(0, reasoningContent={"text": "Look "}),
            delta(0, reasoningContent={"text": "up"}),
            delta(0, reasoningContent={"signature": "S"}),
            stop(0),
            start(1, toolUse={"toolUseId": "tooluse_1", "name": "wx"}),
            delta(1, toolUse={"input": ""}),
            delta(1, toolUse={"input": '{"city":"Oslo"}'}),
            stop(1),
        ],
        [
            {"reasoningContent": {"reasoningText": {"text": "Look up", "signature": "S"}}},
            {"toolUse": {"toolUseId": "tooluse_1", "name": "wx", "input": {"city": "Oslo"}}},
        ],
        reason="tool_use",
    )
    assert events == [
        Reasoning(1, "Look up"),
        Proof(1, "thinking", "S", verbatim=True),
        CallOpened(2, "wx", "tooluse_1"),
        CallArguments(2, '{"city":"Oslo"}'),
        CallClosed(2),
        COUNTED,
        Finished("stop", "tool_use"),
    ]


def test_a_call_without_arguments() -> None:
    frames = [start(0, toolUse={"toolUseId": "t", "name": "now"}), stop(0)]
    content = [{"toolUse": {"toolUseId": "t", "name": "now", "input": {}}}]
    assert both(frames, content)[:2] == [CallOpened(1, "now", "t"), CallClosed(1)]


def test_calls_beside_each_other_keep_apart() -> None:
    events = streamed(
        start(0, toolUse={"toolUseId": "a", "name": "f"}),
        start(1, toolUse={"toolUseId": "b", "name": "g"}),
        delta(0, toolUse={"input": "{}"}),
        delta(1, toolUse={"input": '{"x":1}'}),
        stop(1),
        stop(0),
        ending("tool_use"),
    )
    assert [each for each in events if isinstance(each, CallArguments)] == [
        CallArguments(1, "{}"),
        CallArguments(2, '{"x":1}'),
    ]


def test_reasoning_of_others_is_their_chain_and_has_no_proof() -> None:
    frames = [delta(0, reasoningContent={"text": "Hm"}), stop(0), delta(1, text="Hi"), stop(1)]
    content = [{"reasoningContent": {"reasoningText": {"text": "Hm"}}}, {"text": "Hi"}]
    assert both(frames, content, OSS) == [Reasoning(1, "Hm", raw=True), Text(2, "Hi"), *END]


def test_reasoning_without_text_or_signature_proves_nothing() -> None:
    for pieces in ([{"signature": "S"}], [{"text": "Hm"}], [{"text": ""}]):
        events = streamed(*(delta(0, reasoningContent=piece) for piece in pieces), stop(0), ending())
        assert not any(isinstance(each, Proof) for each in events)


def test_encrypted_reasoning_is_a_proof_alone() -> None:
    frames = [delta(0, reasoningContent={"redactedContent": "QUJD"}), stop(0), delta(1, text="Hi"), stop(1)]
    content = [{"reasoningContent": {"redactedContent": "QUJD"}}, {"text": "Hi"}]
    assert both(frames, content) == [Proof(1, "redacted_thinking", "QUJD"), Text(2, "Hi"), *END]


def test_encrypted_reasoning_in_pieces_is_joined_as_bytes() -> None:
    events = streamed(*(delta(0, reasoningContent={"redactedContent": "QQ=="}) for _ in "ab"), stop(0), ending())
    assert Proof(1, "redacted_thinking", "QUE=") in events
    events = streamed(*(delta(0, reasoningContent={"redactedContent": "!"}) for _ in "ab"), stop(0), ending())
    assert Proof(1, "redacted_thinking", "!!") in events


@pytest.mark.parametrize("pieces", [["[REDACTED]"], ["[RED", "ACTED]"], [" [REDACTED]\n"]])
def test_what_nova_does_not_show_is_not_shown(pieces: list[str]) -> None:
    events = streamed(
        *(delta(0, reasoningContent={"text": piece}) for piece in pieces), stop(0), ending(), model=NOVA_2
    )
    assert events[1:] == [Proof(1, "hidden", ""), *END]


@pytest.mark.parametrize("pieces", [["[RED", "DISH]"], ["[RED"], ["So", " [REDACTED]"]])
def test_what_only_begins_so_is_shown(pieces: list[str]) -> None:
    events = joined(
        streamed(*(delta(0, reasoningContent={"text": piece}) for piece in pieces), stop(0), ending(), model=NOVA_2)
    )
    assert events[1:] == [Reasoning(1, "".join(pieces), raw=True), *END]


def test_space_before_the_text_of_some_families_is_left_out() -> None:
    frames = [delta(0, text="\n\n"), delta(0, text="\nHi"), delta(0, text=" there"), stop(0)]
    assert both(frames, [{"text": "\n\n\nHi there"}], QWEN) == [Text(1, "Hi there"), *END]
    assert both(frames, [{"text": "\n\n\nHi there"}], OPUS) == [Text(1, "\n\n\nHi there"), *END]


# --- citations --------------------------------------------------------------------------------------------------------


def cited(**location: Any) -> dict[str, Any]:
    return {"title": "T", "source": "https://s.test", "location": location}


@pytest.mark.parametrize(
    ("citation", "annotation"),
    [
        (
            cited(web={"url": "https://a.test", "domain": "a.test"}),
            {"type": "url_citation", "start_index": 3, "end_index": 6, "url": "https://a.test", "title": "T"},
        ),
        (
            cited(searchResultLocation={"searchResultIndex": 0}),
            {"type": "url_citation", "start_index": 3, "end_index": 6, "url": "https://s.test", "title": "T"},
        ),
        (
            cited(documentPage={"documentIndex": 0, "start": 1, "end": 2}),
            {"type": "file_citation", "file_id": "", "filename": "T", "index": 6},
        ),
        (
            cited(documentChar={"documentIndex": 0}),
            {"type": "file_citation", "file_id": "", "filename": "T", "index": 6},
        ),
    ],
)
def test_a_citation_spans_its_block(citation: dict[str, Any], annotation: dict[str, Any]) -> None:
    frames = [delta(0, text="So "), stop(0), delta(1, text="Foo"), delta(1, citation=citation), stop(1)]
    content = [{"text": "So "}, {"citationsContent": {"content": [{"text": "Foo"}], "citations": [citation]}}]
    events = both(frames, content)
    assert Annotation(1, annotation) in events


def test_citations_alone_speak_of_the_text_before_them() -> None:
    citation = cited(web={"url": "https://a.test", "domain": "a.test"})
    events = streamed(delta(0, text="Foo"), stop(0), delta(1, citation=citation), stop(1), ending())
    found = [each.annotation for each in events if isinstance(each, Annotation)]
    assert [(each["start_index"], each["end_index"]) for each in found] == [(0, 3)]


def test_pages_that_were_found_unseen_are_a_search() -> None:
    citation = cited(web={"url": "https://a.test", "domain": "a.test"})
    events = streamed(delta(0, text="Foo"), delta(0, citation=citation), stop(0), ending(), model=NOVA_2)
    searched = [each for each in events if isinstance(each, Hosted)]
    assert [(each.kind, each.phase) for each in searched] == [("web_search_call", "completed")]
    assert searched[0].fields["action"]["sources"] == [{"type": "url", "url": "https://a.test"}]  # type: ignore[index] # an action


def test_unknown_citations_are_counted() -> None:
    events = streamed(delta(0, text="Foo"), delta(0, citation=cited(else_={})), stop(0), ending())
    assert Unmapped("citation.unknown") in events


# --- the vendor's own tools -------------------------------------------------------------------------------------------

SEARCH = {"toolUseId": "s", "name": "nova_grounding", "type": "server_tool_use"}
RUN = {"toolUseId": "c", "name": "nova_code_interpreter", "type": "server_tool_use"}
WROTE = {"json": {"stdOut": "1\n", "stdErr": "oops", "exitCode": 0}}


def test_a_search_is_shown() -> None:
    frames = [
        start(0, toolUse=SEARCH),
        delta(0, toolUse={"input": '{"query":"ruby"}'}),
        stop(0),
        start(1, toolResult={"toolUseId": "s", "type": "nova_grounding_result", "status": "success"}),
        delta(1, toolResult=[{"text": "[HIDDEN]"}]),
        stop(1),
        delta(2, text="4.0"),
        stop(2),
    ]
    content = [
        {"toolUse": {**SEARCH, "input": {"query": "ruby"}}},
        {"toolResult": {"toolUseId": "s", "type": "nova_grounding_result", "content": [{"text": "[HIDDEN]"}]}},
        {"text": "4.0"},
    ]
    events = both(frames, content, NOVA_2)
    action = {"action": {"type": "search", "query": "ruby", "queries": ["ruby"], "sources": []}}
    assert events == [
        Hosted(1, "web_search_call", "in_progress"),
        Hosted(1, "web_search_call", "searching", action),
        Hosted(1, "web_search_call", "completed", action),
        Text(3, "4.0"),
        Usage(input_tokens=10, output_tokens=22, web_searches=1),
        Finished("stop", "end_turn"),
    ]


def test_code_is_shown_and_kept_as_it_was() -> None:
    frames = [
        start(0, toolUse=RUN),
        delta(0, toolUse={"input": '{"snippet":'}),
        delta(0, toolUse={"input": '"print(1)"}'}),
        stop(0),
        start(1, toolResult={"toolUseId": "c", "type": "nova_code_interpreter_result"}),
        delta(1, toolResult=[WROTE]),
        stop(1),
    ]
    content = [
        {"toolUse": {**RUN, "input": {"snippet": "print(1)"}}},
        {"toolResult": {"toolUseId": "c", "type": "nova_code_interpreter_result", "content": [WROTE]}},
    ]
    events = both(frames, content, NOVA_2)
    proof = next(each for each in events if isinstance(each, Proof))
    assert (proof.kind, proof.binds, proof.key) == (HOSTED_PROOF, "previous", 1)
    assert orjson.loads(proof.payload) == {"blocks": content}
    done = [each for each in events if isinstance(each, Hosted)][-1]
    assert done.phase == "completed"
    assert done.fields == {
        "code": "print(1)",
        "container_id": "",
        "outputs": [{"type": "logs", "logs": "1\noops"}],
    }


def test_a_tool_that_gives_no_result_has_failed() -> None:
    events = streamed(start(0, toolUse=RUN), stop(0), ending(), model=NOVA_2)
    assert [each.phase for each in events if isinstance(each, Hosted)] == ["in_progress", "interpreting", "failed"]
    events = streamed(
        start(0, toolUse=RUN), stop(0), start(1, toolResult={"toolUseId": "c", "status": "error"}), stop(1), ending()
    )
    assert [each.phase for each in events if isinstance(each, Hosted)][-1] == "failed"


def test_tools_and_blocks_that_are_not_known_are_counted() -> None:
    other = {"toolUseId": "x", "name": "nova_oracle", "type": "server_tool_use"}
    events = streamed(
        start(0, toolUse=other),
        delta(0, toolUse={"input": "{}"}),
        stop(0),
        start(1, toolResult={"toolUseId": "nobody"}),
        delta(1, toolResult=[]),
        stop(1),
        start(2, image={"format": "png"}),
        delta(2, image={"source": {"bytes": "AA=="}}),
        stop(2),
        start(3, hologram={}),
        delta(3, hologram=1),
        stop(3),
        delta(4, hologram=1),
        event("tomorrow"),
        ending(),
    )
    assert [each.element for each in events if isinstance(each, Unmapped)] == [
        "server_tool",
        "server_tool",
        "image",
        "content_block.unknown",
        "delta.unknown",
        "event.unknown",
    ]


# --- usage ------------------------------------------------------------------------------------------------------------


def usage_of(events: list[Event]) -> Usage:
    return next(each for each in events if isinstance(each, Usage))


def test_what_the_cache_gave_is_added_once() -> None:
    events = streamed(ending(cacheReadInputTokens=90, cacheWriteInputTokens=5))
    assert usage_of(events) == Usage(input_tokens=105, cached_tokens=90, cache_write_tokens=5, output_tokens=22)


def test_streams_of_openai_count_the_cache_already() -> None:
    counts = {"inputTokens": 4995, "outputTokens": 19, "cacheReadInputTokens": 0, "cacheWriteInputTokens": 4993}
    metadata = event("metadata", usage=counts)
    frames = [event("messageStop", stopReason="end_turn"), metadata]
    assert usage_of(streamed(*frames, model=GPT)).input_tokens == 4995
    assert usage_of(streamed(*frames, model=OPUS)).input_tokens == 9988
    assert usage_of(whole(model=GPT, usage={**counts, "inputTokens": 2})).input_tokens == 4995
    net = event("metadata", usage={**counts, "inputTokens": 2})
    assert usage_of(streamed(frames[0], net, model=GPT)).input_tokens == 4995


def test_what_is_kept_for_an_hour_is_told_apart() -> None:
    details = [{"ttl": "5m", "inputTokens": 3}, {"ttl": "1h", "inputTokens": 4}]
    usage = {"inputTokens": 1, "outputTokens": 1, "cacheWriteInputTokens": 7, "cacheDetails": details}
    events = streamed(event("messageStop", stopReason="end_turn"), event("metadata", usage=usage))
    assert (usage_of(events).cache_write_tokens, usage_of(events).cache_write_1h_tokens) == (7, 4)


def test_the_tier_that_was_used_is_told() -> None:
    events = streamed(
        event("messageStop", stopReason="end_turn"),
        event("metadata", usage={"inputTokens": 1, "outputTokens": 1}, serviceTier={"type": "flex"}),
    )
    assert Started(service_tier="flex") in events
    assert Started(service_tier="priority") in whole({"text": "x"}, serviceTier={"type": "priority"})


# --- endings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "finish"),
    [
        ("end_turn", "stop"),
        ("tool_use", "stop"),
        ("stop_sequence", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filtered", "content_filter"),
        ("guardrail_intervened", "content_filter"),
        ("brand_new", "unknown"),
    ],
)
def test_reasons_to_stop(reason: str, finish: str) -> None:
    events = both([delta(0, text="x"), stop(0)], [{"text": "x"}], reason=reason)
    assert events[-1] == Finished(finish, reason)  # type: ignore[arg-type] # from the table


@pytest.mark.parametrize("reason", ["malformed_model_output", "malformed_tool_use"])
def test_malformed_answers_are_failures(reason: str) -> None:
    assert failure(streamed(delta(0, text="x"), ending(reason))).error_class == "vendor_failure"
    assert failure(whole({"text": "x"}, reason=reason)).error_class == "vendor_failure"


def test_the_usage_may_come_first() -> None:
    stopped, counted = ending()
    assert streamed(delta(0, text="x"), counted, stopped, end=False)[1:] == [Text(1, "x"), *END]


def test_the_answer_is_over_with_stop_and_usage() -> None:
    events = streamed(delta(0, text="x"), ending(), delta(0, text="y"), event("messageStop", stopReason="max_tokens"))
    assert events[1:] == [Text(1, "x"), *END]


def test_a_stream_without_usage_is_whole() -> None:
    events = streamed(delta(0, text="x"), event("messageStop", stopReason="end_turn"))
    assert events[1:] == [Text(1, "x"), Finished("stop", "end_turn")]


def test_a_stream_without_a_stop_was_cut() -> None:
    for frames in ([], [delta(0, text="x"), stop(0)], [event("metadata", usage={"inputTokens": 1})]):
        assert failure(streamed(*frames)).error_class == "cut"


# --- exceptions -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "error_class", "status"),
    [
        ("internalServerException", "vendor_failure", 502),
        ("modelStreamErrorException", "vendor_failure", 502),
        ("validationException", "bad_request", 400),
        ("throttlingException", "rate_limit", 429),
        ("serviceUnavailableException", "overloaded", 503),
        ("modelTimeoutException", "timeout", 504),
        ("tomorrowsException", "vendor_failure", 502),
        ("", "vendor_failure", 502),
    ],
)
def test_exceptions_inside_a_stream(name: str, error_class: str, status: int) -> None:
    error = failure(streamed(delta(0, text="x"), Frame(f"exception/{name}", b'{"message":"Too many requests"}')))
    assert (error.error_class, error.status, error.message) == (error_class, status, "Too many requests")


def test_errors_of_the_transport_inside_a_stream() -> None:
    assert failure(streamed(Frame("error/InternalFailure", b'{"message":"x"}'))).message == "x"
    assert failure(streamed(Frame("exception/throttlingException", b"\xff not JSON"))).error_class == "rate_limit"


def test_nothing_follows_an_exception() -> None:
    events = streamed(Frame("exception/throttlingException", b"{}"), delta(0, text="x"), ending())
    assert isinstance(events[-1], Failed)
    assert len(events) == 2


# --- anything ---------------------------------------------------------------------------------------------------------

ODD: list[Any] = [None, True, 1, -1, 1e300, "x", "", [], {}, [[]], {"text": 1}, [{"text": {}}], {"toolUse": []}]


@pytest.mark.parametrize(
    "name", ["messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"]
)
def test_no_shape_of_an_event_raises(name: str) -> None:
    for value in ODD:
        for member in ("start", "delta", "contentBlockIndex", "stopReason", "usage", "serviceTier"):
            events = streamed(start(0, toolUse=RUN), event(name, **{member: value}), ending(), model=NOVA_2)
            assert isinstance(events[-1], (Finished, Failed))
        for kind in ("text", "toolUse", "toolResult", "reasoningContent", "citation", "image"):
            for place in ("start", "delta"):
                streamed(event(name, contentBlockIndex=0, **{place: {kind: value}}), stop(0), ending(), model=NOVA_2)


@pytest.mark.parametrize("data", [b"", b"x", b"[]", b"1", b"null", b"\xff", b"[" * 100_000])
def test_frames_that_are_no_objects_fail(data: bytes) -> None:
    assert failure(streamed(Frame("contentBlockDelta", data))).error_class == "vendor_failure"


def test_lone_halves_of_characters_are_read() -> None:
    frame = Frame("contentBlockDelta", b'{"contentBlockIndex":0,"delta":{"text":"a\\ud83d"}}')
    assert [each.delta for each in streamed(frame, ending()) if isinstance(each, Text)] == ["a\ufffd"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"[]",
        b"{}",
        b'{"output":{}}',
        b'{"output":{"message":[]}}',
        b"<html>",
        b"[" * 100_000,
        b'{"message":"no"}',
    ],
)
def test_bodies_that_are_no_answers_fail(body: bytes) -> None:
    assert failure(PROVIDER.decode(body, prepared())).status == 502


def test_no_shape_of_a_whole_answer_raises() -> None:
    for value in ODD:
        for kind in ("text", "toolUse", "toolResult", "reasoningContent", "citationsContent", "image", "new"):
            assert isinstance(whole({kind: value}, model=NOVA_2)[-1], Finished)
        assert isinstance(whole(value)[-1], Finished)
        assert isinstance(whole(usage=value, stopReason=value)[-1], (Finished, Failed))


def test_an_error_in_the_place_of_an_answer_is_read() -> None:
    body = b'{"__type":"com.amazon.coral#ThrottlingException","message":"slow down"}'
    assert failure(PROVIDER.decode(body, prepared())).error_class == "rate_limit"


def test_deep_arguments_are_kept() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    events = whole({"toolUse": {"toolUseId": "t", "name": "f", "input": {"n": deep}}})
    assert CallArguments(1, '{"n":' + "[" * 300 + "1" + "]" * 300 + "}") in events
