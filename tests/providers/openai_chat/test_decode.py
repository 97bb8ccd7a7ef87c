"""Answers become neutral events: the quirks of servers, one by one."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialects import DIALECTS
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Failed,
    Finished,
    FinishReason,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)
from tests.providers.openai_chat.material import chunk, merged, reasoning_in, streamed, text_in, whole

STOP = Finished("stop", "stop")


def ended(*deltas: Any, dialect: Any = "openai", reason: Any = "stop") -> Any:
    """The events of these deltas and a finish reason, without the end."""
    events = streamed(*(chunk(delta) for delta in deltas), chunk(finish_reason=reason), dialect=dialect)
    assert events[-1] == Finished("stop", "stop")
    return events[:-1]


def failure(events: Any) -> Any:
    """The error at the end of the events."""
    assert isinstance(events[-1], Failed)
    assert sum(isinstance(event, Failed | Finished) for event in events) == 1
    assert isinstance(events[-1].error, ProviderError)
    return events[-1].error


def test_text() -> None:
    assert ended({"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}) == [
        Text("content", "Hel"),
        Text("content", "lo"),
    ]


def test_the_start_tells_id_model_and_tier() -> None:
    first = {**chunk({"content": "a"}), "service_tier": "default"}
    assert streamed(first, chunk(finish_reason="stop"), start=True)[0] == Started("c1", "m", "default")


def test_a_tier_that_comes_late_is_told_again() -> None:
    events = streamed(chunk({"content": "a"}), {**chunk(finish_reason="stop"), "service_tier": "flex"}, start=True)
    assert [event.service_tier for event in events if isinstance(event, Started)] == [None, "flex"]


@pytest.mark.parametrize(
    ("dialect", "its", "ours"),
    [
        ("groq", "on_demand", "default"),
        ("groq", "performance", "priority"),
        ("openai", "flex", "flex"),
        ("huggingface", "on_demand", None),
        ("generic", "standard", "default"),
        ("generic", "turbo", None),
        ("generic", "priority", "priority"),
    ],
)
def test_tiers_have_the_names_of_responses(dialect: Any, its: str, ours: str | None) -> None:
    chunks = [{**chunk({"content": text}), "service_tier": its} for text in "ab"]
    starts = [event for event in streamed(*chunks, dialect=dialect, start=True) if isinstance(event, Started)]
    assert [event.service_tier for event in starts] == [ours]


def test_a_refusal() -> None:
    assert ended({"content": None, "refusal": "I "}, {"refusal": "won't"}) == [
        Refusal("refusal", "I "),
        Refusal("refusal", "won't"),
    ]


def test_text_after_a_call_has_the_same_key() -> None:
    events = ended(
        {"content": "a"}, {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f"}}]}, {"content": "b"}
    )
    assert events == [
        Text("content", "a"),
        CallOpened("call:0", "f", "x"),
        Text("content", "b"),
        CallClosed("call:0"),
    ]


# --- reasoning -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "hm", "content": None},
        {"reasoning": "hm", "content": ""},
        {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_details": [{"type": "reasoning.text", "text": "hm"}]},
        {"reasoning_content": "hm", "reasoning": "hm"},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]},
    ],
)
def test_raw_reasoning(delta: Any) -> None:
    assert ended(delta, {"content": "a"}) == [Reasoning("reasoning", "hm", raw=True), Text("content", "a")]


def test_summaries_are_told_apart() -> None:
    delta = {"reasoning": "hm", "reasoning_details": [{"type": "reasoning.summary", "summary": "hm"}]}
    assert ended(delta) == [Reasoning("reasoning", "hm", raw=False)]


@pytest.mark.parametrize("dialect", ["vllm", "llama_cpp"])
def test_servers_that_want_reasoning_back_get_it_sealed(dialect: Any) -> None:
    proof = Proof("reasoning", "reasoning_text", "", "self", verbatim=True)
    assert ended({"reasoning": "a"}, {"reasoning": "b"}, {"content": "c"}, dialect=dialect) == [
        Reasoning("reasoning", "a", raw=True),
        Reasoning("reasoning", "b", raw=True),
        proof,
        Text("content", "c"),
    ]
    assert ended({"reasoning": "a"}, dialect=dialect)[-1] == proof


def test_a_second_burst_is_another_item() -> None:
    keys = [event.key for event in ended({"reasoning": "a"}, {"content": "b"}, {"reasoning": "c"}, dialect="vllm")]
    assert keys == ["reasoning", "reasoning", "content", "reasoning:2", "reasoning:2"]


def test_a_cut_stream_gives_no_proof() -> None:
    events = streamed(chunk({"reasoning": "a"}), dialect="vllm", done=False)
    assert not any(isinstance(event, Proof) for event in events)
    assert failure(events).error_class == "cut"


def test_reasoning_after_text_has_details_of_its_own() -> None:
    entry = {"type": "reasoning.text", "text": "b"}
    deltas = [{"content": "a"}, {"reasoning": "b", "reasoning_details": [entry]}, {"content": "c"}]
    assert ended(*deltas, dialect="openrouter") == [
        Text("content", "a"),
        Reasoning("reasoning", "b", raw=True),
        Proof("reasoning", "reasoning_details", '[{"type":"reasoning.text","text":"b"}]'),
        Text("content", "c"),
    ]


# --- text in other forms ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab"),
        (["a", "b"], "ab"),
        ([{"type": "audio"}, None, 5, {"type": "text", "text": "a"}], "a"),
        ({"type": "text", "text": "a"}, "a"),
        ({"title": "x"}, '{"title":"x"}'),
        (5, "5"),
    ],
)
def test_content_that_is_no_string(content: Any, text: str) -> None:
    assert text_in(ended({"content": content})) == text


def test_white_space_before_a_call_is_no_message() -> None:
    events = ended({"content": "\n\n"}, {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f"}}]})
    assert not any(isinstance(event, Text) for event in events)


def test_white_space_before_text_is_kept() -> None:
    assert ended({"content": "\n"}, {"content": " a"}) == [Text("content", "\n a")]


def test_white_space_alone_is_an_answer() -> None:
    assert ended({"content": "\n"}) == [Text("content", "\n")]


def test_the_transcript_of_speech_is_text() -> None:
    assert ended({"audio": {"id": "a", "transcript": "Hi"}}) == [Text("content", "Hi")]


def test_citations_follow_their_text() -> None:
    citation = {"type": "url_citation", "url_citation": {"start_index": 1, "end_index": 2, "title": "T", "url": "u"}}
    event = Annotation("content", {"type": "url_citation", "start_index": 1, "end_index": 2, "url": "u", "title": "T"})
    assert ended({"content": "ab", "annotations": [citation]}) == [Text("content", "ab"), event]
    assert ended({"content": "", "annotations": [citation]}, {"content": "ab"}) == [Text("content", "ab"), event]


@pytest.mark.parametrize(
    ("annotation", "cited"),
    [
        ({"type": "url_citation", "url_citation": {"url": "u"}}, ("u", "", 0, 0)),
        ({"type": "url_citation", "url": "u", "title": "T", "start_index": 1, "end_index": 2}, ("u", "T", 1, 2)),
        ({"url_citation": {"url": "u", "title": 5, "start_index": -1, "end_index": True}}, ("u", "", 0, 0)),
        ({"type": "url_citation", "url_citation": {"title": "no address"}}, None),
        ({"type": "file", "file": {"hash": "h"}}, None),
        ({"type": "file", "url": "u"}, None),
        ("u", None),
    ],
)
def test_the_forms_of_citations(annotation: Any, cited: Any) -> None:
    events = ended({"content": "ab", "annotations": [annotation, None]})
    members = ("url", "title", "start_index", "end_index")
    found = [tuple(event.annotation[name] for name in members) for event in events if isinstance(event, Annotation)]
    assert found == ([cited] if cited else [])


def test_annotations_that_are_no_list_are_none() -> None:
    for annotations in ({"url": "u"}, "u", 5, True):
        assert ended({"content": "ab", "annotations": annotations}) == [Text("content", "ab")]


def test_log_probabilities_in_lists_side_by_side() -> None:
    lists = {"tokens": ["a", "b", 5], "token_logprobs": [-0.5, None], "top_logprobs": [{"a": -0.5, "c": -2}, 5]}
    bare: dict[str, Any] = {"logprob": 0.0, "bytes": [], "top_logprobs": []}
    first = {"token": "a", "logprob": -0.5, "bytes": []}
    assert streamed(chunk({"content": "ab"}, logprobs=lists), chunk(finish_reason="stop"))[0] == Text(
        "content",
        "ab",
        [
            {**first, "top_logprobs": [first, {"token": "c", "logprob": -2, "bytes": []}]},
            {**bare, "token": "b"},
            {**bare, "token": ""},
        ],
    )
    assert streamed(chunk({"content": "a"}, logprobs=-0.5))[0] == Text("content", "a")


def test_log_probabilities_belong_to_their_text() -> None:
    token = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "id": 7,
        "top_logprobs": [{"token": "b", "logprob": -1, "id": 8}],
    }
    read = {
        "token": "a",
        "logprob": -0.5,
        "bytes": [97],
        "top_logprobs": [{"token": "b", "logprob": -1, "bytes": []}],
    }
    events = streamed(
        chunk({"content": ""}, logprobs={"content": [], "refusal": None}),
        chunk({"content": "a"}, logprobs={"content": [token]}),
        chunk({"content": "b"}, logprobs=None),
        chunk({"content": ""}, logprobs={"content": [token]}, finish_reason="stop"),
    )
    assert events == [Text("content", "a", [read]), Text("content", "b"), Text("content", "", [read]), STOP]


# --- usage -----------------------------------------------------------------------------------------------------------

COUNTS = {
    "prompt_tokens": 18014,
    "completion_tokens": 50,
    "total_tokens": 18064,
    "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 18011},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
USAGE = Usage(18014, 3, 18011, None, 50, 20)


@pytest.mark.parametrize(
    "last",
    [
        {"choices": [], "usage": COUNTS},
        {"choices": None, "usage": COUNTS},
        {"usage": COUNTS},
        {"choices": [{"index": 0, "delta": {}, "usage": COUNTS}]},
        {"choices": [], "x_groq": {"usage": COUNTS}},
        {**chunk({"content": ""}), "usage": COUNTS},
    ],
)
def test_usage_wherever_it_stands(last: object) -> None:
    events = streamed(chunk({"content": "a"}), chunk(finish_reason="stop"), last)
    assert events == [Text("content", "a"), USAGE, STOP]


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"prompt_tokens": 5, "completion_tokens": 2}, Usage(5, None, None, None, 2, None)),
        ({"prompt_tokens": 5, "completion_tokens": None}, Usage(5)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "prompt_cache_hit_tokens": 4}, Usage(9, 4, None, None, 1, None)),
        ({"prompt_tokens": 9, "completion_tokens": 1, "cached_tokens": 4}, Usage(9, 4, None, None, 1, None)),
        ({"prompt_tokens": 9, "completion_tokens": 4, "reasoning_tokens": 3}, Usage(9, None, None, None, 4, 3)),
        ({"prompt_tokens": 9.0, "completion_tokens": True}, Usage(9)),
        ({"prompt_tokens": 9, "total_tokens": 12}, Usage(9, output_tokens=3)),
        ({"prompt_tokens": 9, "total_tokens": 5}, Usage(9, output_tokens=0)),
        ({"completion_tokens": 3, "total_tokens": 12}, Usage(9, output_tokens=3)),
        (
            {"completion_tokens": 1, "prompt_cache_hit_tokens": 4, "prompt_cache_miss_tokens": 5},
            Usage(9, 4, output_tokens=1),
        ),
        ({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}, Usage(0, output_tokens=0)),
        ({"total_tokens": 12}, None),
        (
            {
                "prompt_tokens": 90,
                "completion_tokens": 60,
                "prompt_tokens_details": {"audio_tokens": 70, "cached_tokens": 0},
                "completion_tokens_details": {"audio_tokens": 40, "image_tokens": 10},
            },
            Usage(90, 0, output_tokens=60, input_audio_tokens=70, output_audio_tokens=40, output_image_tokens=10),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "server_tool_use_details": {"web_search_requests": 3}},
            Usage(5, output_tokens=2, web_searches=3),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "server_tool_use": {"web_search_requests": 2}},
            Usage(5, output_tokens=2, web_searches=2),
        ),
        (
            {"prompt_tokens": 5, "completion_tokens": 2, "num_sources_used": 4},
            Usage(5, output_tokens=2, web_searches=4),
        ),
        ({"prompt_tokens": 5, "completion_tokens": 2, "num_sources_used": 0}, Usage(5, output_tokens=2)),
        ({"prompt_tokens": -1, "completion_tokens": "2", "prompt_tokens_details": 5}, None),
        ({}, None),
    ],
)
def test_the_forms_of_usage(counts: dict[str, Any], usage: Usage | None) -> None:
    events = streamed(chunk(finish_reason="stop"), {"choices": [], "usage": counts})
    assert [event for event in events if isinstance(event, Usage)] == ([usage] if usage else [])


def test_llama_cpp_counts_cached_tokens_among_the_timings() -> None:
    last = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}, "timings": {"cache_n": 7}}
    assert Usage(9, 7, None, None, 1, None) in streamed(chunk(finish_reason="stop"), last, dialect="llama_cpp")


@pytest.mark.parametrize(
    ("total", "thought", "output"),
    [(897, 54, 79), (843, 25, 25), (None, 20, 25), (863, 20, 45), (850, 20, 25), (843, 26, 51), (None, 61, 86)],
)
def test_whether_reasoning_is_part_of_the_output(total: int | None, thought: int, output: int) -> None:
    counts = {"prompt_tokens": 818, "completion_tokens": 25, "total_tokens": total, "reasoning_tokens": thought}
    events = streamed(chunk(finish_reason="stop"), {"choices": [], "usage": counts}, dialect="generic")
    assert Usage(818, None, None, None, output, thought) in events


def test_counts_of_nothing_take_nothing_back() -> None:
    nothing = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
    reports: list[object] = [{"choices": [], "usage": usage} for usage in (nothing, COUNTS, nothing)]
    events = streamed(chunk(finish_reason="stop"), *reports)
    assert [event for event in events if isinstance(event, Usage)] == [Usage(0, output_tokens=0), USAGE]


@pytest.mark.parametrize(("dialect", "output", "thought"), [("generic", 74, 62), ("xai", 74, 62), ("vllm", 12, None)])
def test_what_stands_in_the_total_alone_is_reasoning(dialect: str, output: int, thought: int | None) -> None:
    counts = {"prompt_tokens": 35, "completion_tokens": 12, "total_tokens": 109}
    events = streamed(chunk(finish_reason="stop"), {"choices": [], "usage": counts}, dialect=dialect)
    assert Usage(35, output_tokens=output, reasoning_tokens=thought) in events


# --- the end ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "finished"),
    [
        ("stop", "stop"),
        ("tool_calls", "stop"),
        ("function_call", "stop"),
        ("eos", "stop"),
        ("length", "length"),
        ("model_context_window_exceeded", "length"),
        ("content_filter", "content_filter"),
        ("sensitive", "content_filter"),
        ("something_new", "unknown"),
    ],
)
def test_finish_reasons(reason: Any, finished: FinishReason) -> None:
    assert streamed(chunk({"content": "a"}, finish_reason=reason))[-1] == Finished(finished, reason)


@pytest.mark.parametrize("reason", ["error", "network_error", "abort", "insufficient_system_resource"])
def test_finish_reasons_that_are_failures(reason: Any) -> None:
    assert failure(streamed(chunk({"content": "a"}, finish_reason=reason))).error_class == "vendor_failure"


@pytest.mark.parametrize("dialect", ["openai", "vllm", "llama_cpp", "generic"])
def test_without_done_a_finish_reason_is_enough(dialect: Any) -> None:
    assert streamed(chunk({"content": "a"}, finish_reason="stop"), dialect=dialect, done=False)[-1] == STOP


@pytest.mark.parametrize("reason", [None, ""])
def test_without_any_end_the_answer_is_cut(reason: Any) -> None:
    events = streamed(chunk({"content": "a"}, finish_reason=reason), done=False)
    assert events[0] == Text("content", "a")
    assert failure(events).error_class == "cut"


ENDLESS = replace(DIALECTS["generic"], finish_optional=True)


def test_a_server_that_never_says_finish_is_believed() -> None:
    assert streamed(chunk({"content": "a"}), dialect=ENDLESS, done=False)[-1] == Finished("unknown", None)


def test_an_unknown_server_is_not_believed_without_a_finish() -> None:
    assert failure(streamed(chunk({"content": "a"}), dialect="generic", done=False)).error_class == "cut"


def test_nothing_is_no_answer_even_where_the_finish_is_optional() -> None:
    assert failure(streamed(dialect=ENDLESS, done=False)).error_class == "cut"


def test_half_a_call_is_no_answer_even_where_the_finish_is_optional() -> None:
    half = chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a":'}}]})
    assert failure(streamed(half, dialect=ENDLESS, done=False)).error_class == "cut"


def test_done_without_a_finish_reason_is_an_end() -> None:
    assert streamed(chunk({"content": "a"}))[-1] == Finished("unknown", None)


def test_the_first_finish_reason_counts_and_later_text_too() -> None:
    events = streamed(chunk({"content": "a"}, finish_reason="length"), chunk({"content": "b"}, finish_reason="stop"))
    assert text_in(events) == "ab"
    assert events[-1] == Finished("length", "length")


def test_nothing_follows_the_end() -> None:
    events = streamed(chunk({"content": "a"}, finish_reason="stop"), b"[DONE]", chunk({"content": "b"}))
    assert events == [Text("content", "a"), STOP]


# --- frames ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "noise",
    [
        b"",
        b"ping",
        b"null",
        b"5",
        b"[]",
        b'"text"',
        {"choices": []},
        {"choices": [], "prompt_filter_results": [{}]},
        {"choices": None},
        {"choices": [None]},
        {"choices": [{"delta": None}]},
        {"object": "chat.completion.chunk"},
        {"choices": [{"index": 1, "delta": {"content": "another candidate"}}]},
    ],
)
def test_noise_is_passed_over(noise: object) -> None:
    events = streamed(chunk({"content": "a"}), noise, chunk({"content": "b"}, finish_reason="stop"))
    assert merged(events) == [Text("content", "ab"), STOP]


def test_several_objects_in_one_frame() -> None:
    lines = b"\n".join(orjson.dumps(chunk({"content": text})) for text in "ab") + b"\n[DONE]"
    assert text_in(streamed(lines)) == "ab"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b'{"choices":[{"delta":{"content":"\\ud83d"}}]}', "\ufffd"),
        (b'{"choices":[{"delta":{"content":"a\xff"}}]}', "a\ufffd"),
        (b'{"choices":[{"delta":{"content":"a"},"x":NaN}]}', "a"),
    ],
)
def test_sloppy_json_is_read(raw: bytes, text: str) -> None:
    assert text_in(streamed(raw)) == text


@pytest.mark.parametrize("raw", [b'{"choices":[', b"<html>no</html>", b'{"choices":[}\n{"choices":[]}'])
def test_trash_is_a_failure(raw: bytes) -> None:
    events = streamed(chunk({"content": "a"}), raw)
    assert events[0] == Text("content", "a")
    assert failure(events).error_class == "vendor_failure"


@pytest.mark.parametrize(
    ("value", "error_class", "message"),
    [
        ({"error": {"code": 502, "message": "upstream died"}}, "vendor_failure", "upstream died"),
        ({"error": {"code": 429, "message": "slow down"}, "choices": []}, "rate_limit", "slow down"),
        ({"error": "broken"}, "vendor_failure", "broken"),
        ({"error": {"type": "invalid_request_error", "message": "bad"}}, "bad_request", "bad"),
        ({"object": "error", "message": "bad", "code": 400}, "bad_request", "bad"),
        ({"code": "Throttling", "message": "x", "request_id": "1"}, "vendor_failure", "x"),
        ({"choices": [], "x_groq": {"error": "overloaded"}}, "overloaded", "overloaded"),
        ({"choices": [{"delta": {}, "error": {"message": "dead", "code": 503}}]}, "overloaded", "dead"),
        ([{"error": {"code": 400, "message": "bad"}}], "bad_request", "bad"),
    ],
)
def test_an_error_in_the_stream(value: object, error_class: str, message: str) -> None:
    events = streamed(chunk({"content": "Par"}), value, chunk({"content": "t"}))
    assert events[:-1] == [Text("content", "Par")]
    error = failure(events)
    assert (error.error_class, error.message) == (error_class, message)


SALVAGEABLE = {"code": "tool_use_failed", "message": "no", "failed_generation": '{"name": "f", "arguments": {}}'}


def test_a_refused_call_ends_what_was_open() -> None:
    decoder = ChatDecoder(DIALECTS["groq"], offered=["f"])
    chunks = [chunk({"reasoning": "hm"}), chunk({"content": "So"}), {"error": SALVAGEABLE}, chunk({"content": "more"})]
    events = [event for each in chunks for event in decoder.feed(Frame("", orjson.dumps(each)))]
    assert [type(event) for event in [*events, *decoder.end()]] == [
        *(Started, Reasoning, Text, CallOpened, CallArguments, CallClosed, Finished)
    ]


def test_a_refused_call_after_another_is_a_failure() -> None:
    decoder = ChatDecoder(DIALECTS["groq"], offered=["f"])
    opened = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}
    for each in (chunk(opened), {"error": SALVAGEABLE}):
        events = decoder.feed(Frame("", orjson.dumps(each)))
    assert failure(list(events)).error_class == "vendor_failure"


def test_what_was_held_back_comes_before_a_failure() -> None:
    events = streamed(chunk({"content": "<thi"}), {"error": "x"}, dialect="generic")
    assert events[0] == Text("content", "<thi")


# --- whole answers ---------------------------------------------------------------------------------------------------


def answer(message: dict[str, Any], reason: Any = "stop", **more: Any) -> Any:
    return {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": reason}], **more}


def test_a_whole_answer_is_read_in_the_order_of_its_parts() -> None:
    message = {
        "role": "assistant",
        "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": "{}"}}, {"function": {"name": "f"}}],
        "content": "text",
        "reasoning_content": "hm",
    }
    assert whole(answer(message, "tool_calls", usage=COUNTS)) == [
        USAGE,
        Reasoning("reasoning", "hm", raw=True),
        Text("content", "text"),
        CallOpened("call:0", "f", "a"),
        CallArguments("call:0", "{}"),
        CallClosed("call:0"),
        CallOpened("call:1", "f", None),
        CallClosed("call:1"),
        Finished("stop", "tool_calls"),
    ]


def test_only_the_first_choice_counts() -> None:
    both = {"choices": [{"index": 0, "message": {"content": "a"}}, {"index": 1, "message": {"content": "b"}}]}
    assert whole(both) == [Text("content", "a"), Finished("unknown", None)]


def test_think_tags_in_a_whole_answer() -> None:
    events = whole(answer({"content": "<think>hm</think>\n\nHi"}), "generic")
    assert events == [Reasoning("reasoning", "hm", raw=True), Text("content", "Hi"), STOP]


@pytest.mark.parametrize(
    ("body", "error_class"),
    [
        (b"", "vendor_failure"),
        (b"<html></html>", "vendor_failure"),
        (b"null", "vendor_failure"),
        (b"[]", "vendor_failure"),
        (b"5", "vendor_failure"),
        ({}, "vendor_failure"),
        ({"choices": []}, "vendor_failure"),
        ({"choices": None, "error": {"code": 429, "message": "slow"}}, "rate_limit"),
        ({"error": {"message": "no", "code": "insufficient_quota"}}, "quota"),
        ({"detail": "no"}, "vendor_failure"),
    ],
)
def test_a_whole_answer_that_is_none(body: Any, error_class: str) -> None:
    assert failure(whole(body)).error_class == error_class


def test_streamed_and_whole_answers_are_the_same_events() -> None:
    message: dict[str, Any] = {"reasoning": "hm, so", "content": "<b>It is</b> 3 C", "refusal": None}
    arguments = '{"city": "Oslo"}'
    calls: list[dict[str, Any]] = [
        {"index": n, "id": f"i{n}", "function": {"name": "f", "arguments": arguments}} for n in (0, 1)
    ]
    deltas: list[dict[str, Any]] = [
        {"reasoning": "hm, "},
        {"reasoning": "so"},
        *({"content": letter} for letter in "<b>It is</b> 3 C"),
    ]
    for call in calls:
        head = {"index": call["index"], "id": call["id"], "function": {"name": "f", "arguments": ""}}
        deltas.append({"tool_calls": [head]})
        deltas += [{"tool_calls": [{"index": call["index"], "function": {"arguments": a}}]} for a in arguments]
    for dialect in ("openai", "vllm", "generic"):
        parts = streamed(*(chunk(delta) for delta in deltas), chunk(finish_reason="stop"), dialect=dialect)
        assert merged(parts) == whole(answer({**message, "tool_calls": calls}), dialect)
        assert reasoning_in(parts) == "hm, so"
