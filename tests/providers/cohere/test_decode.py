"""What answers become, streamed and whole."""

from itertools import permutations
from typing import Any

import pytest

from proxy.responses.events import Failed, Finished, Started, Text, Unmapped, Usage
from tests.providers.cohere.material import (
    block,
    calling,
    citing,
    cohere,
    document,
    event,
    finish,
    plain,
    start,
    streamed,
    whole,
)

PAGE = document("d1", title="A", url="https://ex.org/a")
NOTE = document("d2", title="Notes")
BARE = document("d3")


def cited(first: int, last: int) -> dict[str, Any]:
    return {
        "type": "url_citation",
        "url": "https://ex.org/a",
        "title": "A",
        "start_index": first,
        "end_index": last,
    }


def words(*texts: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": each} for each in texts]


def call(name: str, arguments: Any, call_id: str = "") -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {"id": call_id or f"{name}_1", "type": "function", "function": function}


def unmapped(answer: Any) -> list[str]:
    return [each.element for each in answer.events if isinstance(each, Unmapped)]


def test_a_text() -> None:
    found = streamed(start(), *block(0, "text", "Hel", "lo"), finish())
    assert found.output == [("text", ("Hello",))]
    assert found.status == "stop"
    assert found.events[0] == Started("c14c")
    assert found.events[-2] == Usage(74, None, 0, None, 3, None)
    assert found.events[-1] == Finished("stop", "COMPLETE")
    assert plain(whole({"content": words("Hello")})).output == found.output


def test_blocks_of_text_that_touch_are_one_text() -> None:
    found = streamed(start(), *block(0, "text", "A"), *block(1, "text", "B"), finish())
    assert found.output == [("text", ("AB",))]
    assert plain(whole({"content": words("A", "B")})).output == found.output


def test_thinking_is_its_own_proof() -> None:
    found = streamed(start(), *block(0, "thinking", "Hm", "."), *block(1, "text", "4"), finish())
    assert found.output == [("thought", "Hm.", "thinking|Hm."), ("text", ("4",))]
    message = {"content": [{"type": "thinking", "thinking": "Hm."}, *words("4")]}
    assert plain(whole(message)).output == found.output


def test_a_block_that_thinks_nothing_is_nothing() -> None:
    found = streamed(start(), *block(0, "text", "A"), *block(1, "thinking"), *block(2, "text", "B"), finish())
    assert found.output == [("text", ("AB",))]


def test_a_plan_is_reasoning_before_the_calls() -> None:
    plan = [event("tool-plan-delta", tool_plan=each) for each in ("I will", " look.")]
    found = streamed(start(), *plan, *calling(0, "weather", '{"city":', '"Oslo"}'), finish("TOOL_CALL"))
    assert found.output == [
        ("thought", "I will look.", "tool_plan|I will look."),
        ("call", "weather_1", "weather", '{"city":"Oslo"}'),
    ]
    message = {"tool_plan": "I will look.", "tool_calls": [call("weather", '{"city":"Oslo"}')]}
    assert plain(whole(message, "TOOL_CALL")).output == found.output


@pytest.mark.parametrize(("form", "output"), [("text", [("text", ("Look.",))]), ("drop", [])])
def test_a_plan_is_what_the_operator_says(form: str, output: list[Any]) -> None:
    provider = cohere(tool_plan_as=form)
    plan = event("tool-plan-delta", tool_plan="Look.")
    found = streamed(start(), plan, *calling(0, "clock", "{}"), finish("TOOL_CALL"), provider=provider)
    assert found.output == [*output, ("call", "clock_1", "clock", "{}")]
    message = {"tool_plan": "Look.", "tool_calls": [call("clock", "{}")]}
    assert plain(whole(message, "TOOL_CALL"), provider=provider).output == found.output
    assert unmapped(found) == ([] if output else ["tool_plan"])


def test_thinking_plan_and_calls_in_a_row() -> None:
    plan = event("tool-plan-delta", tool_plan="Look.")
    found = streamed(start(), *block(0, "thinking", "Hm."), plan, *calling(0, "clock", "{}"), finish("TOOL_CALL"))
    assert [each[0] for each in found.output] == ["thought", "thought", "call"]
    message = {
        "content": [{"type": "thinking", "thinking": "Hm."}],
        "tool_plan": "Look.",
        "tool_calls": [call("clock", "{}")],
    }
    assert plain(whole(message, "TOOL_CALL")).output == found.output


@pytest.mark.parametrize("arguments", ["", None])
def test_a_call_without_arguments_has_an_empty_object(arguments: Any) -> None:
    assert plain(whole({"tool_calls": [call("clock", arguments)]}, "TOOL_CALL")).output == [
        ("call", "clock_1", "clock", "{}")
    ]
    found = streamed(start(), *calling(0, "clock"), finish("TOOL_CALL"))
    assert found.output == [("call", "clock_1", "clock", "{}")]


def test_arguments_may_begin_with_the_call() -> None:
    begun = event("tool-call-start", 0, tool_calls=call("weather", '{"city":'))
    rest = event("tool-call-delta", 0, tool_calls={"function": {"arguments": '"Oslo"}'}})
    found = streamed(start(), begun, rest, finish("TOOL_CALL"))
    assert found.output == [("call", "weather_1", "weather", '{"city":"Oslo"}')]


def test_calls_may_come_interleaved() -> None:
    first, second = calling(0, "weather", '{"a":', "1}"), calling(1, "clock", '{"b":', "2}")
    mixed = [each for pair in zip(first, second, strict=True) for each in pair]
    found = streamed(start(), *mixed, finish("TOOL_CALL"))
    assert found.output == [("call", "weather_1", "weather", '{"a":1}'), ("call", "clock_1", "clock", '{"b":2}')]


def test_a_call_without_a_name_is_none() -> None:
    found = streamed(start(), *calling(0, ""), *calling(1, "clock", "{}"), finish("TOOL_CALL"))
    assert found.output == [("call", "clock_1", "clock", "{}")]
    assert unmapped(found) == ["tool_call.nameless"]


# --- citations --------------------------------------------------------------------------------------------------------


def test_citations_are_annotations() -> None:
    found = streamed(start(), *block(0, "text", "Oslo has 3 C."), citing(9, 12, PAGE, NOTE, BARE), finish())
    assert found.output == [
        (
            "text",
            (
                "Oslo has 3 C.",
                cited(9, 12),
                {"type": "file_citation", "file_id": "d2", "filename": "Notes", "index": 9},
                {"type": "file_citation", "file_id": "d3", "filename": "d3", "index": 9},
            ),
        )
    ]


def test_a_citation_counts_from_its_block() -> None:
    blocks = [*block(0, "thinking", "Hm"), *block(1, "text", "Well. "), *block(2, "text", "3 C.")]
    found = streamed(start(), *blocks, citing(0, 3, PAGE, content_index=2), finish())
    assert found.output[-1] == ("text", ("Well. 3 C.", cited(6, 9)))
    cite = {"start": 0, "end": 3, "sources": [PAGE], "type": "TEXT_CONTENT", "content_index": 2}
    content = [{"type": "thinking", "thinking": "Hm"}, *words("Well. ", "3 C.")]
    assert plain(whole({"content": content, "citations": [cite]})).output == found.output


def test_a_citation_without_a_block_is_of_the_last_text() -> None:
    content = [{"type": "thinking", "thinking": "Hm"}, *words("3 C.")]
    cite = {"start": 0, "end": 3, "sources": [PAGE]}
    assert plain(whole({"content": content, "citations": [cite]})).output[-1] == ("text", ("3 C.", cited(0, 3)))


def test_text_around_thinking_keeps_its_citations() -> None:
    content = [*words("3 C."), {"type": "thinking", "thinking": "Hm"}, *words("4 C.")]
    cites = [{"start": 0, "end": 3, "sources": [PAGE], "content_index": place} for place in (0, 2)]
    found = plain(whole({"content": content, "citations": cites}))
    assert [each for each in found.output if each[0] == "text"] == [
        ("text", ("3 C.", cited(0, 3))),
        ("text", ("4 C.", cited(0, 3))),
    ]


@pytest.mark.parametrize(
    "citation",
    [
        citing(0, 3, PAGE, type="PLAN"),
        citing(0, 3, PAGE, type="THINKING_CONTENT"),
        citing(0, 99, PAGE),
        citing(3, 0, PAGE),
        citing(-1, 2, PAGE),
        citing(None, 3, PAGE),
        citing(0, 3, PAGE, content_index=7),
        citing(0, 3, PAGE, content_index=0),
    ],
    ids=str,
)
def test_other_citations_are_counted_and_left_out(citation: dict[str, Any]) -> None:
    found = streamed(start(), *block(0, "thinking", "Hm"), *block(1, "text", "3 C."), citation, finish())
    assert found.output[-1] == ("text", ("3 C.",))
    assert unmapped(found) == ["citation"]


@pytest.mark.parametrize(
    "source",
    [
        {"type": "tool", "id": "c1:0", "tool_output": {"roll": "1"}},
        {"type": "document"},
        {"type": "document", "document": 7},
        {"type": []},
        7,
        None,
    ],
    ids=str,
)
def test_sources_that_are_no_documents_are_no_annotation(source: Any) -> None:
    found = streamed(start(), *block(0, "text", "3 C."), citing(0, 3, source), finish())
    assert found.output == [("text", ("3 C.",))]


def test_a_citation_behind_a_call_is_left_out() -> None:
    late = citing(0, 1, PAGE, content_index=0)
    found = streamed(start(), *block(0, "text", "A"), *calling(0, "clock", "{}"), late, finish("TOOL_CALL"))
    assert found.output[0] == ("text", ("A",))
    assert unmapped(found) == ["citation"]


def test_text_that_goes_on_behind_a_call() -> None:
    more = event("content-delta", 0, content={"text": "B"})
    late = citing(0, 1, PAGE, content_index=0)
    found = streamed(start(), *block(0, "text", "A"), *calling(0, "clock", "{}"), more, late, finish())
    assert [each[0] for each in found.output] == ["text", "call", "text"]
    assert unmapped(found) == ["citation"]


# --- log probabilities ------------------------------------------------------------------------------------------------


def test_log_probabilities() -> None:
    piece = {"text": "é", "token_ids": [1, 2], "logprobs": [-0.5, -0.25]}
    delta = {**event("content-delta", 0, content={"text": "é"}), "logprobs": piece}
    found = streamed(start(), *block(0, "text"), delta, finish())
    told = [{"token": "é", "logprob": -0.75, "bytes": [195, 169], "top_logprobs": []}]
    assert [each.logprobs for each in found.events if isinstance(each, Text)] == [told]
    answer = plain(whole({"content": words("é")}, logprobs=[{"text": "Hm", "logprobs": [-1]}, piece]))
    assert [each.logprobs for each in answer.events if isinstance(each, Text)] == [told]


@pytest.mark.parametrize(
    "logprobs",
    [
        7,
        [7],
        [{}],
        [{"text": "x", "logprobs": [-1]}],
        [{"text": "é", "logprobs": 7}],
        [{"text": "é", "logprobs": [None]}],
    ],
)
def test_log_probabilities_that_tell_nothing(logprobs: Any) -> None:
    answer = plain(whole({"content": words("é")}, logprobs=logprobs))
    assert answer.output == [("text", ("é",))]
    assert [each.logprobs for each in answer.events if isinstance(each, Text)] == [None]


# --- ends and usage ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("COMPLETE", "stop"),
        ("STOP_SEQUENCE", "stop"),
        ("TOOL_CALL", "stop"),
        ("MAX_TOKENS", "length"),
        ("ERROR_TOXIC", "content_filter"),
        ("SOMETHING_NEW", "unknown"),
        (None, "unknown"),
    ],
)
def test_finish_reasons(reason: str | None, status: str) -> None:
    found = streamed(start(), *block(0, "text", "A"), finish(reason))
    assert found.events[-1] == Finished(status, reason)  # type: ignore[arg-type]  # one of the reasons
    assert plain(whole({"content": words("A")}, reason or "")).status == status


@pytest.mark.parametrize(
    ("ending", "error_class", "message"),
    [
        (finish("ERROR", error="it broke"), "vendor_failure", "it broke"),
        (finish("ERROR"), "vendor_failure", "could not complete"),
        (finish("ERROR", error="too many tokens: 9"), "context_too_long", "too many tokens: 9"),
        (finish("ERROR", error="x", error_type="TOO_MANY_TOKENS"), "context_too_long", "x"),
        (finish("TIMEOUT"), "timeout", "too long"),
        (finish("ERROR_LIMIT"), "context_too_long", "too long"),
        ({"message": "internal server error", "id": "x"}, "vendor_failure", "internal server error"),
    ],
    ids=str,
)
def test_failures(ending: dict[str, Any], error_class: str, message: str) -> None:
    found = streamed(start(), *block(0, "text", "A"), ending, finish())
    assert found.status == "failed"
    assert found.error.error_class == error_class
    assert message in found.error.message
    assert found.output == [("text", ("A",))]


def test_usage_of_a_failure_counts() -> None:
    found = streamed(start(), finish("ERROR"))
    assert found.usage is not None
    assert found.usage["input_tokens"] == 74


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"tokens": {"input_tokens": 74.0, "output_tokens": 2.6}}, (74, 0, 3, 0)),
        ({"tokens": {"input_tokens": 9, "output_tokens": 7, "reasoning_tokens": 5}}, (9, 0, 7, 5)),
        ({"tokens": {"input_tokens": 9, "output_tokens": 7, "reasoning_tokens": 50}}, (9, 0, 7, 7)),
        ({"tokens": {"input_tokens": 9, "output_tokens": 7}, "cached_tokens": 4}, (9, 4, 7, 0)),
        ({"tokens": {"input_tokens": 9, "output_tokens": 7}, "cached_tokens": 40}, (9, 9, 7, 0)),
        ({"billed_units": {"input_tokens": 3, "output_tokens": 1}}, (3, 0, 1, 0)),
        ({"tokens": {"input_tokens": 9}, "billed_units": {"input_tokens": 3, "output_tokens": 1}}, (9, 0, 1, 0)),
        ({"tokens": {"input_tokens": -1, "output_tokens": True}}, None),
        ({"tokens": {"input_tokens": 1e300, "output_tokens": "7"}}, None),
        ({}, None),
        (None, None),
        (7, None),
    ],
)
def test_usage(usage: Any, expected: tuple[int, ...] | None) -> None:
    ending = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}
    found = streamed(start(), *block(0, "text", "A"), ending)
    if expected is None:
        assert found.usage is None
        return
    assert found.usage is not None
    read, cached, written, thought = expected
    assert found.usage == {
        "input_tokens": read,
        "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0},
        "output_tokens": written,
        "output_tokens_details": {"reasoning_tokens": thought},
        "total_tokens": read + written,
    }


# --- what is not as it should be --------------------------------------------------------------------------------------


def test_a_stream_without_its_end_was_cut() -> None:
    frames = [start(), *block(0, "text", "A"), *calling(0, "clock", "{}")]
    for length in range(len(frames) + 1):
        found = streamed(*frames[:length], b"[DONE]")
        assert found.error.error_class == "cut"


def test_nothing_counts_behind_the_end() -> None:
    found = streamed(start(), finish(), *block(0, "text", "A"), b"nonsense", finish("ERROR"))
    assert (found.output, found.status) == ([], "stop")


def test_what_is_no_json_fails() -> None:
    assert streamed(start(), b"<html>").error.error_class == "vendor_failure"
    for body in (b"", b"<html>", b"[]", b"{}", b"7", b'{"message": 7}', b'{"message": []}'):
        assert plain(body).error.error_class == "vendor_failure"
    assert plain(b'{"message": "no such thing"}').error.message == "no such thing"


def test_bytes_that_are_no_utf_8_are_read() -> None:
    delta = b'{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"A\xff\\ud83d"}}}}'
    found = streamed(start(), delta, finish())
    assert found.output[0][1][0].startswith("A\ufffd")
    assert found.status == "stop"


def test_unknown_events_and_blocks_are_counted() -> None:
    odd = event("content-start", 0, content={"type": "image", "image": {}})
    rest = event("content-delta", 0, content={"text": "not ours"})
    news = {"type": "mood-start"}
    silent = [{"type": "debug", "prompt": "x"}, {"type": "citation-end", "index": 0}, b"", b"[DONE]", b"null"]
    found = streamed(start(), odd, rest, news, *silent, *block(1, "text", "A"), finish())
    assert found.output == [("text", ("A",))]
    assert unmapped(found) == ["content.unknown", "event.unknown"]


def test_a_block_that_was_not_opened_is_what_its_content_shows() -> None:
    thought = event("content-delta", 0, content={"thinking": "Hm"})
    said = event("content-delta", 1, content={"text": "A"})
    assert [each[0] for each in streamed(start(), thought, said, finish()).output] == ["thought", "text"]


def test_events_without_their_number_are_of_the_latest_block() -> None:
    opened = event("content-start", 3, content={"type": "thinking", "thinking": "H"})
    more = event("content-delta", content={"thinking": "m"})
    found = streamed(start(), opened, more, {"type": "content-end"}, *block(0, "text", "A"), finish())
    assert found.output == [("thought", "Hm", "thinking|Hm"), ("text", ("A",))]


def test_the_events_name_counts_where_the_payload_has_no_type() -> None:
    from proxy.provider.contract import Frame
    from tests.providers.cohere.material import COHERE, prepared

    decoder = COHERE.decoder(prepared())
    assert decoder.feed(Frame("message-end", b'{"delta":{"finish_reason":"COMPLETE"}}')) == [
        Finished("stop", "COMPLETE")
    ]


def test_blocks_in_any_order_end_in_one_way() -> None:
    parts = [
        block(0, "text", "A"),
        block(1, "thinking", "B"),
        calling(0, "clock", "{}"),
        [event("tool-plan-delta", tool_plan="C")],
        [citing(0, 1, PAGE, content_index=0)],
    ]
    for order in permutations(parts):
        found = streamed(start(), *(each for part in order for each in part), finish())
        assert found.status == "stop"
        assert sorted(each[0] for each in found.output) == ["call", "text", "thought", "thought"]
        assert [type(each) for each in found.events].count(Finished) == 1
        assert not any(isinstance(each, Failed) for each in found.events)
