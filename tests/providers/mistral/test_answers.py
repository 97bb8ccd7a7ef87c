"""What becomes of answers, streamed and whole: each row of the vendor's mapping."""

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from proxy.provider.errors import ProviderError
from tests.providers.mistral.material import Answered, chunk, plain, streamed, whole

COUNTED = {"prompt_tokens": 9, "completion_tokens": 11, "total_tokens": 20}
CALL = {"id": "k3PzQ81aZ", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


def thinking(words: str, **members: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": words}], **members}


def both(message: Mapping[str, Any], finish: str = "stop", **members: Any) -> Answered:
    """The answer as a whole and in one chunk, which come to the same."""
    made = plain(whole(message, finish, **members))
    cut = streamed(chunk({"role": "assistant", "content": ""}), chunk(message, finish, **members))
    assert (cut.output, cut.usage, cut.status) == (made.output, made.usage, made.status)
    return made


def usage_of(**counts: Any) -> dict[str, Any] | None:
    return both({"content": "Hi"}, usage={**COUNTED, **counts}).usage


# --- content ----------------------------------------------------------------------------------------------------------


def test_a_text() -> None:
    made = both({"content": "Hello", "tool_calls": None}, usage=COUNTED)
    assert made.output == [("text", "Hello")]
    assert made.status == "stop"
    assert made.usage == {
        "input_tokens": 9,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 11,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 20,
    }


def test_a_stream_of_thoughts_and_text() -> None:
    made = streamed(
        chunk({"role": "assistant", "content": ""}),
        chunk({"content": [thinking("2+2")]}),
        chunk({"content": [thinking(" is 4", closed=True)]}),
        chunk({"content": "4"}),
        chunk({"content": ""}, "stop", usage=COUNTED),
        model="magistral-medium-latest",
    )
    assert made.output == [("thought", "2+2 is 4", "reasoning_text||2+2 is 4"), ("text", "4")]
    assert made.usage is not None
    assert (made.usage["total_tokens"], made.usage["output_tokens_details"]["reasoning_tokens"]) == (20, 0)


def test_a_signature_is_kept_for_the_way_back() -> None:
    made = both({"content": [thinking("Hm", signature="sig", closed=True), {"type": "text", "text": "4"}]})
    assert made.output == [("thought", "Hm", "reasoning_text|sig|Hm"), ("text", "4")]


def test_texts_in_parts_are_one_text() -> None:
    made = both({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]})
    assert made.output == [("text", "ab")]


def test_several_messages_are_read_in_their_order() -> None:
    messages = [
        {"role": "assistant", "content": [thinking("Hm", closed=True)]},
        {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL]},
    ]
    choice = {"index": 0, "messages": messages, "finish_reason": "tool_calls"}
    made = plain(whole(None, choices=[choice]))
    assert [item[0] for item in made.output] == ["thought", "text", "call"]


def test_what_is_cited_stands_where_the_text_has_come_to() -> None:
    parts = [
        {"type": "text", "text": "Oslo"},
        {"type": "tool_reference", "tool": "web_search", "title": "Oslo", "url": "https://a.example"},
        {"type": "text", "text": " is cold."},
        {"type": "resource_link", "uri": "https://b.example", "metadata": {"title": "Cold"}},
    ]
    assert both({"content": parts}).output == [
        ("text", "Oslo is cold.", ("https://a.example", "Oslo", 4, 4), ("https://b.example", "Cold", 13, 13))
    ]


def test_what_is_cited_before_a_text_stands_at_its_beginning() -> None:
    reference = {"type": "tool_reference", "tool": "web_search", "title": "Oslo", "url": "https://a.example"}
    made = both({"content": [reference, {"type": "text", "text": "Oslo"}]})
    assert made.output == [("text", "Oslo", ("https://a.example", "Oslo", 0, 0))]


@pytest.mark.parametrize(
    ("part", "element"),
    [
        ({"type": "reference", "reference_ids": [1, "a"]}, "content.reference"),
        ({"type": "tool_reference", "tool": "web_search", "title": "T"}, "content.unknown"),
        ({"type": "resource_link", "uri": "library://1"}, "content.unknown"),
        ({"type": "hologram"}, "content.unknown"),
    ],
)
def test_what_has_no_form_is_counted(part: dict[str, Any], element: str) -> None:
    made = both({"content": [{"type": "text", "text": "a"}, part]})
    assert made.output == [("text", "a")]
    assert [each.element for each in made.events if type(each).__name__ == "Unmapped"] == [element]


# --- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("indexes", [(0, 1), (0, 0), (None, None)])
def test_calls_come_whole_and_a_new_id_is_a_new_call(indexes: tuple[int | None, ...]) -> None:
    calls = [{**CALL, "index": indexes[0]}, {**CALL, "id": "aaaaaaaa2", "index": indexes[1]}]
    calls = [{name: value for name, value in each.items() if value is not None} for each in calls]
    made = both({"content": "", "tool_calls": calls}, "tool_calls")
    assert made.output == [
        ("call", "k3PzQ81aZ", "weather", '{"city":"Oslo"}'),
        ("call", "aaaaaaaa2", "weather", '{"city":"Oslo"}'),
    ]
    assert made.status == "stop"


@pytest.mark.parametrize("call_id", ["null", "", None])
def test_a_call_without_an_id_gets_one(call_id: str | None) -> None:
    made = both_calls({**CALL, "id": call_id})
    assert made.output[0][1].startswith("call_")


def test_arguments_that_are_an_object_are_printed() -> None:
    made = both_calls({**CALL, "function": {"name": "weather", "arguments": {"city": "Oslo"}}})
    assert made.output[0][3] == '{"city":"Oslo"}'


def both_calls(call: dict[str, Any]) -> Answered:
    made = plain(whole({"content": "", "tool_calls": [call]}, "tool_calls"))
    cut = streamed(chunk({"tool_calls": [call]}, "tool_calls"))
    assert [item[2:] for item in cut.output] == [item[2:] for item in made.output]
    return made


def test_arguments_of_a_server_of_ones_own_may_come_in_pieces() -> None:
    function = {"name": "weather", "arguments": '{"ci'}
    made = streamed(
        chunk({"tool_calls": [{"index": 0, "id": "k3PzQ81aZ", "function": function}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": 'ty":"Oslo"}'}}]}),
        chunk({}, "tool_calls"),
    )
    assert made.output == [("call", "k3PzQ81aZ", "weather", '{"city":"Oslo"}')]


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "status"),
    [("stop", "stop"), ("tool_calls", "stop"), ("length", "length"), ("model_length", "length"), ("error", "failed")],
)
def test_a_finish_reason(reason: str, status: str) -> None:
    assert plain(whole({"content": "Hi"}, reason)).status == status
    assert streamed(chunk({"content": "Hi"}), chunk({}, reason)).status == status


def test_a_call_may_end_with_stop() -> None:
    assert both({"content": "", "tool_calls": [CALL]}, "stop").status == "stop"


def test_an_end_without_done_counts_where_a_reason_was_given() -> None:
    assert streamed(chunk({"content": "Hi"}, "stop", usage=COUNTED), done=False).status == "stop"
    made = streamed(chunk({"content": "Hi"}), done=False)
    assert isinstance(made.error, ProviderError)
    assert made.error.error_class == "cut"


@pytest.mark.parametrize(
    "line",
    [
        {"object": "error", "message": "Internal server error", "type": "internal_error", "code": 3700},
        {"detail": "Something went wrong"},
        {"detail": [{"loc": ["body"], "msg": "bad", "type": "value_error"}]},
    ],
)
def test_an_error_inside_a_stream(line: dict[str, Any]) -> None:
    made = streamed(chunk({"content": "Par"}), line)
    assert made.output == [("text", "Par")]
    assert made.status == "failed"


def test_unknown_members_of_a_chunk_are_passed_over() -> None:
    delta = {"content": "Hi", "tool_call_id": None, "index": 0, "metadata": {"a": 1}}
    made = streamed(chunk(delta, p="abcdef"), chunk({"content": " you"}, p="abc"), chunk({}, "stop", p=""))
    assert made.output == [("text", "Hi you")]


# --- counts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "read", "cached", "made", "reasoned"),
    [
        ({}, 9, 0, 11, 0),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, 9, 4, 11, 0),
        ({"num_cached_tokens": 4}, 9, 4, 11, 0),
        ({"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25, "num_cached_tokens": 12}, 20, 12, 5, 0),
        ({"completion_tokens_details": {"reasoning_tokens": 7}}, 9, 0, 11, 7),
        ({"total_tokens": 99}, 9, 0, 11, 0),
        (
            {"total_tokens": 395, "prompt_audio_seconds": 4, "prompt_tokens_details": {"audio_tokens": 375}},
            384,
            0,
            11,
            0,
        ),
        ({"prompt_audio_seconds": {}}, 9, 0, 11, 0),
    ],
)
def test_usage(counts: dict[str, Any], read: int, cached: int, made: int, reasoned: int) -> None:
    usage = usage_of(**counts)
    assert usage is not None
    assert usage["input_tokens"] == read
    assert usage["input_tokens_details"] == {"cached_tokens": cached, "cache_write_tokens": 0}
    assert usage["output_tokens"] == made
    assert usage["output_tokens_details"] == {"reasoning_tokens": reasoned}
    assert usage["total_tokens"] == read + made


def test_sound_of_which_no_token_was_counted_is_estimated() -> None:
    assert usage_of(prompt_tokens=0, total_tokens=11, prompt_audio_seconds=4) is None


@pytest.mark.parametrize(("tier", "ours"), [("standard", "default"), ("priority", "priority"), ("cosmic", None)])
def test_the_tier_that_was_used(tier: str, ours: str | None) -> None:
    assert both({"content": "Hi"}, usage={**COUNTED, "service_tier": tier}).tier == ours


# --- anything ---------------------------------------------------------------------------------------------------------


WRONG: tuple[object, ...] = (None, True, 1, -1.5, "x", [], {}, [[]], [{}], {"type": 1})


@pytest.mark.parametrize(
    "place", ["choices", "choice", "delta", "content", "part", "thinking", "calls", "usage", "object"]
)
def test_a_value_of_any_type_at_any_place_is_no_reason_to_fall_over(place: str) -> None:
    for wrong in WRONG:
        value: Any = {
            "choices": {**chunk(), "choices": wrong},
            "choice": {**chunk(), "choices": [wrong]},
            "delta": {**chunk(), "choices": [{"index": 0, "delta": wrong, "finish_reason": wrong, "logprobs": wrong}]},
            "content": chunk({"content": wrong, "role": wrong}),
            "part": chunk(
                {"content": [wrong, {"type": wrong, "text": wrong}, thinking("a", signature=wrong, closed=wrong)]}
            ),
            "thinking": chunk(
                {"content": [{"type": "thinking", "thinking": wrong}, {"type": "resource_link", "uri": wrong}]}
            ),
            "calls": chunk({"tool_calls": [wrong, {"id": wrong, "function": wrong}, {**CALL, "index": wrong}]}),
            "usage": chunk({"content": "a"}, usage={"prompt_tokens": wrong, "prompt_tokens_details": wrong}),
            "object": wrong,
        }[place]
        made = streamed(value, chunk({}, "stop"))
        assert made.status in ("stop", "failed", "unknown")
        assert plain(orjson.dumps(value)).status in ("stop", "failed", "unknown")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"<html>", b"{", b"\xff", b'{"choices":[]}', b'"x"'])
def test_a_body_that_is_no_answer_is_a_failure(body: bytes) -> None:
    assert plain(body).status == "failed"
