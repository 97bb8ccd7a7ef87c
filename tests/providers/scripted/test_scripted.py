from collections.abc import Iterable
from typing import Any

import orjson
import pytest
from hypothesis import given, strategies

from proxy.provider.contract import Frame, Pause
from proxy.provider.conversions import RefusedError
from proxy.provider.errors import ERROR_RULES, ProviderError
from proxy.provider.history import (
    CallItem,
    FunctionTool,
    HistoryItem,
    MessageItem,
    OpenedProof,
    ReasoningItem,
    ResultItem,
    ToolChoice,
)
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)
from tests.providers.scripted.conftest import Model, body

WEATHER = FunctionTool(
    "get_weather",
    "The weather of a city.",
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    True,
    "tools[0]",
)
TIME = FunctionTool("get_time", None, None, None, "tools[1]")


def said(events: Iterable[Event]) -> str:
    return "".join(event.delta for event in events if isinstance(event, Text))


def only(events: Iterable[Event], kind: type[Any]) -> Any:
    found = [event for event in events if isinstance(event, kind)]
    assert len(found) == 1, found
    return found[0]


def usage(events: Iterable[Event]) -> Usage:
    return [event for event in events if isinstance(event, Usage)][-1]


def results(*outputs: str) -> list[HistoryItem]:
    calls: list[HistoryItem] = [CallItem(f"c{index}", "get_weather", "{}", "") for index in range(len(outputs))]
    return [*calls, *(ResultItem(f"c{index}", "get_weather", text, False, "") for index, text in enumerate(outputs))]


# --- text -------------------------------------------------------------------------------------------------------------


def test_say_streams_words(model: Model) -> None:
    events = model.streamed("/say Hello big world")

    assert [event.delta for event in events if isinstance(event, Text)] == ["Hello", " big", " world"]
    assert isinstance(events[0], Started)
    assert usage(events) == Usage(input_tokens=4, output_tokens=3, reasoning_tokens=0)
    assert events[-1] == Finished("stop", "stop")


def test_text_directives_in_a_row_are_lines_of_one_text(model: Model) -> None:
    events = model.streamed("/say one\n/say two\n/think hm\n/say three")

    assert said(event for event in events if isinstance(event, Text) and event.key == 0) == "one\ntwo"
    assert said(event for event in events if isinstance(event, Text) and event.key == 2) == "three"


def test_json_string_holds_what_a_line_cannot(model: Model) -> None:
    assert said(model.streamed(r'/say "  a\n\n b\t\u00e9 "')) == "  a\n\n b\té "


@given(strategies.text(min_size=1))
def test_any_text_comes_back(text: str) -> None:
    try:
        quoted = orjson.dumps(text).decode()
    except TypeError:  # lone surrogates are no text
        return
    assert said(Model().streamed(f"/say {quoted}")) == text


def test_repeat_and_big(model: Model) -> None:
    repeated = [event.delta for event in model.streamed("/repeat 3 tick") if isinstance(event, Text)]
    assert repeated == ["tick ", "tick ", "tick "]

    big = only(model.streamed("/big 300000"), Text)
    assert len(big.delta.encode()) == 300_000


def test_refusal_and_citation(model: Model) -> None:
    events = model.streamed("/say It is so.\n/cite https://example.com/a A page")
    assert only(events, Annotation).annotation == {
        "type": "url_citation",
        "start_index": 0,
        "end_index": 9,
        "url": "https://example.com/a",
        "title": "A page",
    }

    refusal = [event.delta for event in model.streamed("/refuse I will not.") if isinstance(event, Refusal)]
    assert "".join(refusal) == "I will not."


# --- reasoning and the history ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("directive", "raw"), [("think", False), ("reason", True)])
def test_reasoning_has_a_proof(model: Model, directive: str, raw: bool) -> None:
    events = model.streamed(f"/{directive} Let me see.\n/say Yes.")

    reasoning = [event for event in events if isinstance(event, Reasoning)]
    assert "".join(event.delta for event in reasoning) == "Let me see."
    assert {(event.key, event.raw) for event in reasoning} == {(0, raw)}
    proof = only(events, Proof)
    assert (proof.key, proof.kind, proof.binds) == (0, "scripted", "self")
    assert events.index(proof) < events.index(only(events, Text))
    assert usage(events).reasoning_tokens == 3


def test_history_shows_what_the_model_was_given(model: Model) -> None:
    items: list[HistoryItem] = [
        MessageItem("developer", [{"type": "input_text", "text": "Be brief."}], "instructions"),
        MessageItem("user", [{"type": "input_text", "text": "Hi"}], "input[0]"),
        ReasoningItem(["thought"], [], OpenedProof("scripted", "p-1", "self", None), "input[1]"),
        CallItem("c1", "get_weather", '{"city":"Rome"}', "input[2]"),
        ResultItem("c1", "get_weather", "no such city", True, "input[3]"),
        MessageItem(
            "user",
            [
                {"type": "input_text", "text": "/history"},
                {"type": "input_image", "image_url": "data:image/png;base64," + "A" * 1000, "detail": "low"},
            ],
            "input[4]",
        ),
    ]
    answer = orjson.loads(said(model.streamed(*items, tools=[WEATHER], temperature=0.2)))

    assert answer["items"] == [
        {"role": "developer", "text": "Be brief."},
        {"role": "user", "text": "Hi"},
        {"reasoning": "thought", "proof": "p-1"},
        {"call": "get_weather", "call_id": "c1", "arguments": '{"city":"Rome"}'},
        {"result": "get_weather", "call_id": "c1", "text": "no such city", "failed": True},
        {
            "role": "user",
            "text": "/history",
            "parts": [
                {
                    "type": "input_image",
                    "image_url": "data:image/png;base64,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                    "detail": "low",
                }
            ],
        },
    ]
    assert answer["tools"] == ["get_weather"]
    assert answer["tool_choice"] == "auto"
    assert answer["settings"] == {"temperature": 0.2}
    assert answer["model"] == "any"


def test_instructions_are_given_once(model: Model) -> None:
    instructions = MessageItem("developer", [{"type": "input_text", "text": "Be brief."}], "instructions")
    first = {"role": "developer", "text": "Be brief."}
    for items in (["/history"], [instructions, "/history"]):
        events = model.streamed(*items, instructions="Be brief.")
        assert orjson.loads(said(events))["items"] == [first, {"role": "user", "text": "/history"}]
        assert usage(events).input_tokens == 3


def test_log_probabilities_are_declared_as_dropped(model: Model) -> None:
    prepared = model.prepared("Hi", top_logprobs=2, include=["message.output_text.logprobs"])
    model.provider.encode(prepared)
    assert [(conversion.path, conversion.disposition) for conversion in prepared.conversions] == [
        ("top_logprobs", "dropped"),
        ("include[0]", "dropped"),
    ]


# --- calls ------------------------------------------------------------------------------------------------------------


def test_calls(model: Model) -> None:
    events = model.streamed('/call get_weather {"city": "Oslo"}\n/call get_time', tools=[WEATHER, TIME])

    first, second = [event for event in events if isinstance(event, CallOpened)]
    assert (first.name, second.name) == ("get_weather", "get_time")
    assert first.call_id != second.call_id
    arguments = {
        key: "".join(event.delta for event in events if isinstance(event, CallArguments) and event.key == key)
        for key in (first.key, second.key)
    }
    assert arguments == {first.key: '{"city": "Oslo"}', second.key: "{}"}
    assert [event.key for event in events if isinstance(event, CallClosed)] == [first.key, second.key]


def test_call_without_arguments_follows_the_schema(model: Model) -> None:
    events = model.whole("/call get_weather", tools=[WEATHER])
    assert only(events, CallArguments).delta == '{"city":"text"}'


def test_raw_arguments_are_left_as_they_are(model: Model) -> None:
    assert only(model.whole('/call-raw get_weather {"city'), CallArguments).delta == '{"city'


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (ToolChoice("required"), "get_weather"),
        (ToolChoice("named", "get_time"), "get_time"),
        (ToolChoice("required", allowed=("get_time",)), "get_time"),
    ],
)
def test_echo_calls_the_tool_it_must(model: Model, choice: ToolChoice, name: str) -> None:
    events = model.streamed("What is it?", tools=[WEATHER, TIME], choice=choice)
    assert only(events, CallOpened).name == name
    assert not said(events)


def test_after_tool_results_the_next_step_is_played(model: Model) -> None:
    script = "/call get_weather\n/then\n/say Second.\n/call get_weather\n/then\n/say Third."

    assert said(model.streamed(script, *results("sun"))) == "Second."
    assert said(model.streamed(script, *results("sun", "rain"))) == "Second."
    assert said(model.streamed(script, *results("sun"), *results("rain"))) == "Third."
    last = model.streamed(script, *results("sun"), *results("rain"), *results("snow", "hail"))
    assert said(last) == "get_weather returned: snow\nget_weather returned: hail"


def test_echo_after_results_reports_failures_and_silence(model: Model) -> None:
    failed = ResultItem("c0", "get_weather", "", True, "")
    assert said(model.streamed("Hi", results("x")[0], failed)) == "get_weather failed: nothing"


# --- the echo and the asked-for form ----------------------------------------------------------------------------------


def test_echo_repeats(model: Model) -> None:
    assert said(model.streamed("Good morning,\nSir")) == "You said: Good morning,\nSir"
    assert said(model.streamed("Please:\n/delay 0.01")) == "You said: Please:"
    image: list[HistoryItem] = [MessageItem("user", [{"type": "input_image", "image_url": "x"}], "input[0]")]
    assert said(model.streamed(*image)) == "You said nothing (with 1 image)"
    assert said(model.streamed()) == "You said nothing."


@pytest.mark.parametrize("script", ["Tell me", "/json"])
def test_structured_output(model: Model, script: str) -> None:
    text = {"format": {"type": "json_schema", "name": "x", "schema": WEATHER.parameters}}
    assert orjson.loads(said(model.streamed(script, text=text))) == {"city": "text"}
    assert said(model.streamed(script, text={"format": {"type": "json_object"}})) == "{}"


def test_paths_and_comments_are_no_directives(model: Model) -> None:
    text = "/usr/bin/env fails\n// and so\n/\n/1 too"
    assert said(model.streamed(text)) == f"You said: {text}"


# --- tokens and endings -----------------------------------------------------------------------------------------------


def test_usage_is_given_at_the_start_and_at_the_end(model: Model) -> None:
    events = model.streamed("/usage in=20 cached=8 written=4 out=9 reasoning=2\n/say ok")
    assert events[1] == Usage(input_tokens=20)
    assert usage(events) == Usage(20, 8, 4, None, 9, 2)
    assert not [event for event in model.streamed("/usage none\n/say ok") if isinstance(event, Usage)]


def test_usage_names_what_has_a_price_of_its_own(model: Model) -> None:
    parts = "written-1h=3 audio-in=6 audio-cached=5 audio-out=4 image-out=2 searches=7"
    events = model.streamed(f"/usage in=20 cached=8 written=4 out=9 reasoning=2 {parts}\n/say ok")
    assert usage(events) == Usage(20, 8, 4, 3, 9, 2, 6, 5, 4, 2, 7)
    counts = usage(model.streamed("/usage audio-out=30 image-out=10\n/say ok"))
    assert (counts.output_tokens, counts.output_audio_tokens, counts.output_image_tokens) == (40, 30, 10)


def test_usage_that_names_only_reasoning_stays_consistent(model: Model) -> None:
    counts = usage(model.streamed("/usage reasoning=7\n/say ok"))
    assert (counts.output_tokens, counts.reasoning_tokens) == (7, 7)
    counts = usage(model.streamed("/usage out=1\n/think one two three"))
    assert (counts.output_tokens, counts.reasoning_tokens) == (1, 1)


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter", "pause", "unknown"])
def test_stop(model: Model, reason: str) -> None:
    assert only(model.streamed(f"/stop {reason}\n/say ok"), Finished).reason == reason


def test_output_limit(model: Model) -> None:
    events = model.streamed("/say one two three four", max_output_tokens=2)
    assert said(events) == "one two"
    assert events[-1] == Finished("length", "length")
    assert usage(events).output_tokens == 2


def test_delays_stand_before_their_piece(model: Model) -> None:
    pieces = model.canned("/say a\n/delay 1.5\n/say b\n/pace 0.25\n/say c d").pieces
    kinds = [piece.seconds if isinstance(piece, Pause) else piece.split(b"\n")[0][7:].decode() for piece in pieces]
    text = "text"
    assert kinds == ["start", "usage", text, 1.5, text, 0.25, text, 0.25, text, "usage", "finish"]

    first, *rest = model.canned("/say a\n/delay 1.5\n/say b\n/delay 1\n/say c", stream=False).pieces
    assert first == Pause(2.5)
    assert len(rest) == 1


def test_http_error(model: Model) -> None:
    canned = model.canned("/delay 1\n/fail 429 retry-after=7 Too fast")
    assert canned.status == 429
    assert canned.pieces[0] == Pause(1)

    error = model.provider.error(canned.status, canned.headers, body(canned))
    assert (error.error_class, error.message, error.retry_after) == ("rate_limit", "Too fast", 7)


@pytest.mark.parametrize(
    ("directive", "error_class"),
    [
        ("/fail 400", "bad_request"),
        ("/fail 418", "bad_request"),
        ("/fail 500", "vendor_failure"),
        ("/fail 503", "overloaded"),
        ("/fail 400 class=context_too_long", "context_too_long"),
    ],
)
def test_error_classes(model: Model, directive: str, error_class: str) -> None:
    canned = model.canned(directive)
    assert model.provider.error(canned.status, canned.headers, body(canned)).error_class == error_class


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b'{"error": 1}', b'{"error": {"class": []}}'])
def test_error_never_raises(model: Model, content: bytes) -> None:
    assert model.provider.error(500, {}, content).error_class == "vendor_failure"


@pytest.mark.parametrize("stream", [True, False])
def test_error_in_the_answer(model: Model, stream: bool) -> None:
    ask = model.streamed if stream else model.whole
    events = ask("/say So far\n/error class=overloaded Enough")
    assert said(events) == "So far"
    failed = events[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ProviderError)
    assert (failed.error.error_class, failed.error.message) == ("overloaded", "Enough")


@pytest.mark.parametrize("stream", [True, False])
def test_missing_finish_signal_is_a_failure(model: Model, stream: bool) -> None:
    ask = model.streamed if stream else model.whole
    failed = ask("/say So far\n/end")[-1]
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, ProviderError)
    assert failed.error.error_class == "cut"


def test_cut(model: Model) -> None:
    canned = model.canned("/say So far\n/cut")
    assert canned.cut
    assert b"finish" not in body(canned)

    whole = model.canned("/say So far\n/cut", stream=False)
    assert whole.cut
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(body(whole))


# --- the whole answer, and determinism --------------------------------------------------------------------------------

SCRIPTS = [
    "Hello",
    "/say one two\n/think deep thought\n/say three",
    "/reason step by step\n/call get_weather\n/call get_time {}",
    "/refuse no way\n/stop content_filter",
    "/say a b\n/cite https://example.com\n/usage in=9 out=2",
    "/history",
]


def coalesced(events: list[Event]) -> list[Event]:
    joined: list[Event] = []
    for event in events:
        last = joined[-1] if joined else None
        for kind in (Text, Refusal, Reasoning, CallArguments):
            if isinstance(event, kind) and isinstance(last, kind) and last.key == event.key:
                last.delta += event.delta
                break
        else:
            joined.append(event)
    return joined


@pytest.mark.parametrize("script", SCRIPTS)
def test_streamed_and_whole_answers_are_equal(model: Model, script: str) -> None:
    assert coalesced(model.streamed(script, tools=[WEATHER, TIME])) == model.whole(script, tools=[WEATHER, TIME])


@pytest.mark.parametrize("script", SCRIPTS)
def test_equal_requests_are_answered_equally(model: Model, script: str) -> None:
    assert model.call(script, tools=[WEATHER]) == Model().call(script, tools=[WEATHER])


def test_call_ids_differ_between_turns(model: Model) -> None:
    first = only(model.streamed("/call get_weather"), CallOpened)
    second = only(model.streamed("/call get_weather\n/then\n/call get_weather", *results("x")), CallOpened)
    assert first.call_id != second.call_id


def test_unreadable_frames_fail(model: Model) -> None:
    for frame in (Frame("text", b"{"), Frame("", b"{}"), Frame("text", b"[]"), Frame("text", b"{}")):
        decoder = model.provider.decoder(model.prepared("x"))
        assert isinstance(decoder.feed(frame)[0], Failed)
        assert not decoder.end()
    assert isinstance(model.provider.decode(b"nonsense", model.prepared("x"))[0], Failed)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("/sey hi", "Unknown directive '/sey'. Did you mean /say? "),
        ("/SAY hi", "Did you mean /say?"),
        ("/say", "/say: a text must follow"),
        ('/say "open', "must be a JSON string"),
        ('/say ""', "must not be empty"),
        ("/echo hi", "takes no argument"),
        ("/json", "no text.format"),
        ("/cite https://example.com", "a text must come right before it"),
        ("/say x\n/cite", "an address must follow"),
        ("/call", "a tool name must follow"),
        ("/call f {", "must be a JSON object"),
        ("/call f [1]", "must be a JSON object"),
        ("/delay soon", "expected seconds between 0 and 3600"),
        ("/delay nan", "expected seconds"),
        ("/pace -1", "expected seconds"),
        ("/repeat 0 x", "expected a whole number between 1 and 100000"),
        ("/repeat 3", "a text must follow"),
        ("/big 999999999", "expected a whole number"),
        ("/big 16000000\n/big 16000000", "is not played"),
        ("/stop now", "expected one of stop, length"),
        ("/fail 200", "expected a whole number between 400 and 599"),
        ("/fail 500 class=odd", "unknown class 'odd'; the classes are bad_request"),
        ("/fail 429 retry-after=soon", "expected seconds"),
        ("/fail 429 retry-after=1 retry-after=2", "given twice"),
        ("/say x\n/fail 500", "only /delay may precede it"),
        ("/cut\n/say x", "nothing can follow /cut"),
        ("/usage", "expected 'none' or counts"),
        ("/usage in=x", "expected a whole number"),
        ("/usage in=1 cached=2", "cannot be more"),
        ("/usage out=1 reasoning=2", "cannot be more"),
        ("/usage in=9 written=1 written-1h=2", "cannot be more"),
        ("/usage in=9 cached=1 audio-cached=2", "cannot be more"),
        ("/usage in=9 audio-in=10", "cannot be more"),
        ("/usage out=9 audio-out=5 image-out=5", "cannot be more"),
        ("/call f\n/then\n/bogus", "Unknown directive '/bogus'"),
    ],
)
def test_wrong_scripts_are_refused_with_a_reason(model: Model, script: str, message: str) -> None:
    with pytest.raises(RefusedError) as raised:
        model.call(script)
    assert message in raised.value.message
    assert (raised.value.status, raised.value.param) == (400, "input[0]")


def test_every_error_class_can_be_played(model: Model) -> None:
    for error_class in ERROR_RULES:
        failed = model.streamed(f"/error class={error_class}")[-1]
        assert isinstance(failed, Failed)
        assert failed.error.status == ERROR_RULES[error_class].status
