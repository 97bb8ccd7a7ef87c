"""What stands in a generateContent answer -> neutral events, row by row, and what the client gets of it."""

from typing import Any

import orjson
import pytest

from proxy.provider.contract import Frame
from proxy.responses.events import (
    CallArguments,
    CallClosed,
    CallOpened,
    Finished,
    Proof,
    Reasoning,
    Started,
    Text,
    Usage,
)
from tests.providers.gemini.answers import (
    assembled,
    call,
    chunk,
    decoder,
    failure,
    merged,
    output,
    said,
    shown,
    stop,
    streamed,
    thought,
    whole,
)

DONE = Finished("stop", "STOP")
CODE = {"executableCode": {"code": "print(1)", "language": "PYTHON"}}
RESULT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
USAGE = {"promptTokenCount": 50, "candidatesTokenCount": 20, "thoughtsTokenCount": 30, "totalTokenCount": 100}


def a_call(key: Any, name: str, arguments: str, call_id: str | None = None) -> list[Any]:
    return [CallOpened(key, name, call_id), CallArguments(key, arguments), CallClosed(key)]


def both(*parts: Any) -> list[Any]:
    """The output of the parts in a whole answer; in a stream of one part a chunk it has to be the same."""
    events = output(whole(stop(*parts)))
    assert output(streamed(*(chunk(part) for part in parts), stop())) == events
    return events


# --- the worked examples ----------------------------------------------------------------------------------------------


def test_a_tool_call_with_its_thought() -> None:
    parts = [
        thought("Two lookups"),
        call("wx", {"city": "Oslo"}, identifier="f1", signature="S"),
        call("wx", {"city": "Bergen"}, identifier="f2"),
    ]
    for events in (
        whole(stop(*parts, usage=USAGE)),
        streamed(chunk(parts[0], usage=USAGE), chunk(parts[1]), stop(parts[2], usage=USAGE)),
    ):
        got = assembled(events)
        assert [shown(item) for item in got.output] == [
            ("Two lookups", "function_call self S"),
            ("f1", "wx", '{"city":"Oslo"}'),
            ("f2", "wx", '{"city":"Bergen"}'),
        ]
        usage = got.response["usage"]
        assert (usage["input_tokens"], usage["output_tokens"], usage["total_tokens"]) == (50, 50, 100)
        assert usage["output_tokens_details"]["reasoning_tokens"] == 30


def test_a_grounded_stream() -> None:
    grounding = {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "u", "title": "t"}}],
        "groundingSupports": [{"segment": {"endIndex": 9}, "groundingChunkIndices": [0]}],
    }
    answer = stop(said("Ünal won in 2026."), groundingMetadata=grounding)
    chunks = (chunk(said("Ünal won")), chunk(said(" in 2026.")), stop(groundingMetadata=grounding))
    for got in (assembled(streamed(*chunks)), assembled(whole(answer))):
        message, search = got.output
        (part,) = message["content"]
        assert part["text"] == "Ünal won in 2026."
        assert part["annotations"] == [
            {"type": "url_citation", "start_index": 0, "end_index": 8, "url": "u", "title": "t"}
        ]
        assert shown(search) == {
            "action": {"type": "search", "query": "q", "queries": ["q"], "sources": [{"type": "url", "url": "u"}]}
        }
        names = got.names
        assert names.index("output_text.annotation.added") < names.index("output_text.done")
        assert names[-6:-1] == [
            "output_item.added",
            "web_search_call.in_progress",
            "web_search_call.searching",
            "web_search_call.completed",
            "output_item.done",
        ]


def test_a_blocked_prompt() -> None:
    answer = {
        "promptFeedback": {"blockReason": "SAFETY"},
        "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
    }
    for events in (whole(answer), streamed(answer)):
        assert events[1:] == [Usage(7, output_tokens=0), Finished("content_filter", "SAFETY")]
        response = assembled(events).response
        assert (response["status"], response["output"]) == ("incomplete", [])
        assert response["incomplete_details"] == {"reason": "content_filter"}
        assert [response["usage"][name] for name in ("input_tokens", "output_tokens", "total_tokens")] == [7, 0, 7]


# --- text and thoughts ------------------------------------------------------------------------------------------------


def test_an_answer_in_chunks() -> None:
    first = {**chunk(said("Hel")), "responseId": "r1", "modelVersion": "gemini-4-argon"}
    assert streamed(first, chunk(said("lo")), stop(said("!"))) == [
        Started("r1", "gemini-4-argon"),
        Text(1, "Hel"),
        Text(1, "lo"),
        Text(1, "!"),
        DONE,
    ]


def test_the_service_tier() -> None:
    for metadata, tier in (
        ({"serviceTier": "standard"}, "default"),
        ({"serviceTier": "priority"}, "priority"),
        ({"serviceTier": "flex"}, "flex"),
        ({"trafficType": "ON_DEMAND"}, "default"),
        ({"trafficType": "ON_DEMAND_PRIORITY"}, "priority"),
        ({"trafficType": 1}, "default"),
        ({"trafficType": "PROVISIONED_THROUGHPUT"}, None),
        ({"trafficType": True, "serviceTier": []}, None),
    ):
        assert whole(stop(usage=metadata))[0] == Started(service_tier=tier)


def test_a_service_tier_that_comes_late() -> None:
    events = streamed(chunk(said("A")), stop(said("B"), usage={"serviceTier": "flex"}))
    assert [event for event in events if isinstance(event, Started)] == [Started(), Started(service_tier="flex")]


def test_adjacent_texts_are_one() -> None:
    assert both(said("A"), said("B")) == [Text(1, "A"), Text(1, "B")]


def test_empty_texts_say_nothing() -> None:
    assert both(said(""), said("A"), said(""), {}) == [Text(1, "A")]
    assert both({"text": "", "thought": True}) == []


def test_thoughts_are_a_summary_and_neighbours_are_one_item() -> None:
    assert both(thought("A"), thought("B"), said("C"), thought("D"), said("E")) == [
        Reasoning(1, "A"),
        Reasoning(1, "B"),
        Text(2, "C"),
        Reasoning(3, "D"),
        Text(4, "E"),
    ]


def test_thoughts_after_something_else_are_another_item() -> None:
    assert both(thought("T"), call("f"), thought("U"))[-1] == Reasoning(3, "U")
    assert both(thought("T"), CODE, RESULT, thought("U"))[-1] == Reasoning(4, "U")
    assert both(thought("T"), said("", "S"), thought("U")) == [
        Reasoning(1, "T"),
        Proof(1, "turn", "S"),
        Reasoning(2, "U"),
    ]


def test_text_after_a_call_is_another_message() -> None:
    events = both(said("A"), call("f"), said("B"))
    assert events == [Text(1, "A"), *a_call(2, "f", "{}"), Text(3, "B")]
    assert assembled(whole(stop(said("A"), call("f"), said("B")))).kinds == ["message", "function_call", "message"]


def test_candidates_besides_the_first_are_left_out() -> None:
    first, second = chunk(said("A"))["candidates"][0], chunk(said("B"))["candidates"][0]
    answers = [
        [first, second | {"index": 1}],
        [second | {"index": 1}, first | {"index": 0}],
        [first, second],
        [None, first | {"index": 2}, second | {"index": 3}],
    ]
    for candidates in answers:
        assert output(whole({"candidates": candidates})) == [Text(1, "A")]
    chunks = [{"candidates": [first | {"index": 0}]}, {"candidates": [second | {"index": 1}]}]
    assert output(streamed(*chunks, {"candidates": [first]})) == [Text(1, "A"), Text(1, "A")]


# --- signatures -------------------------------------------------------------------------------------------------------


def test_a_signed_call_without_thoughts_has_a_reasoning_item_of_its_own_before_it() -> None:
    events = both(call("f", signature="S"), call("g"))
    assert events[:2] == [Proof(1, "function_call", "S", "next"), CallOpened(2, "f")]
    got = assembled(whole(stop(call("f", signature="S"), call("g"))))
    assert got.kinds == ["reasoning", "function_call", "function_call"]
    assert shown(got.output[0]) == ("", "function_call next S")


def test_each_signed_call_has_its_own() -> None:
    got = assembled(whole(stop(call("f", signature="S"), call("g", signature="T"))))
    assert got.kinds == ["reasoning", "function_call", "reasoning", "function_call"]


def test_a_signed_text() -> None:
    assert both(said("A", "S")) == [Proof(1, "text", "S", "next"), Text(2, "A")]
    assert both(thought("T"), said("A", "S")) == [Reasoning(1, "T"), Proof(1, "text", "S"), Text(2, "A")]
    got = assembled(whole(stop(thought("T"), said("A", "S"))))
    assert [shown(item) for item in got.output] == [("T", "text self S"), ["A"]]


def test_a_signature_that_comes_while_the_text_is_open() -> None:
    events = streamed(chunk(said("A")), chunk(said("B", "S")), stop())
    assert output(events) == [Text(1, "A"), Text(1, "B"), Proof(2, "text", "S", "previous")]
    assert [shown(item) for item in assembled(events).output] == [["AB"], ("", "text previous S")]


def test_text_after_a_signed_text_is_another_part() -> None:
    assert both(said("A", "S"), said("B")) == [Proof(1, "text", "S", "next"), Text(2, "A"), Text(3, "B")]
    late = streamed(chunk(said("A")), chunk(said("B", "S")), chunk(said("C")), stop())
    assert output(late)[-2:] == [Proof(2, "text", "S", "previous"), Text(3, "C")]


def test_two_signed_texts_are_two_messages() -> None:
    events = both(said("A", "S"), said("B", "T"))
    assert events == [Proof(1, "text", "S", "next"), Text(2, "A"), Proof(3, "text", "T", "next"), Text(4, "B")]
    got = assembled(whole(stop(said("A", "S"), said("B", "T"))))
    assert got.kinds == ["reasoning", "message", "reasoning", "message"]


def test_parts_of_one_chunk_are_parts_of_their_own() -> None:
    got = assembled(whole(stop(said("A"), said("B", "S"))))
    assert [shown(item) for item in got.output] == [["A"], ("", "text next S"), ["B"]]


@pytest.mark.parametrize("part", [said("", "S"), {"thoughtSignature": "S"}])
def test_a_signature_on_an_empty_part_belongs_to_the_end_of_the_turn(part: Any) -> None:
    assert both(said("A"), part) == [Text(1, "A"), Proof(2, "turn", "S", "turn_end")]
    assert both(call("f"), part)[-1] == Proof(2, "turn", "S", "turn_end")
    got = assembled(whole(stop(said("A"), part)))
    assert [shown(item) for item in got.output] == [["A"], ("", "turn turn_end S")]
    assert [shown(item) for item in assembled(whole(stop(thought("T"), part))).output] == [("T", "turn self S")]


def test_a_signature_on_a_thought_stays_with_it() -> None:
    assert both(thought("T", "S"), said("A")) == [Reasoning(1, "T"), Proof(1, "thought", "S"), Text(2, "A")]
    assert both(thought("", "S"), thought("T")) == [Proof(1, "thought", "S"), Reasoning(1, "T")]
    assert [shown(item) for item in assembled(whole(stop(thought("", "S"), thought("T")))).output] == [
        ("T", "thought self S")
    ]


def test_the_signature_of_what_follows_a_signed_thought_does_not_take_its_place() -> None:
    made = assembled(whole(stop(thought("T", "S"), thought("U"), call("f", signature="C"))))
    assert [shown(item) for item in made.output[:2]] == [("T", "thought self S"), ("U", "function_call self C")]
    events = streamed(chunk(thought("T")), chunk(thought("", "S")), stop(said("A", "X")))
    made = assembled(events)
    assert [shown(item) for item in made.output] == [("T", "thought self S"), ("", "text next X"), ["A"]]
    got = assembled(whole(stop(thought("T", "S"), call("f", signature="C"))))
    assert [shown(item) for item in got.output[:2]] == [("T", "thought self S"), ("", "function_call next C")]


# --- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "arguments"),
    [
        (None, "{}"),
        ({}, "{}"),
        ({"a": [1, {"b": None}]}, '{"a":[1,{"b":null}]}'),
        ({"z": 1, "a": "é"}, '{"z":1,"a":"é"}'),
        ("text", "{}"),
        ([1], "{}"),
    ],
)
def test_arguments(args: Any, arguments: str) -> None:
    assert both(call("f", args, identifier="c")) == a_call(1, "f", arguments, "c")


def test_a_missing_id_is_left_to_the_assembler() -> None:
    assert both(call("f"))[0] == CallOpened(1, "f", None)
    assert both(call("f", identifier=""))[0] == CallOpened(1, "f", None)


def test_arguments_that_are_streamed() -> None:
    pieces = [
        call("f", willContinue=True, signature="S", identifier="c"),
        {"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "Os", "willContinue": True}]}},
        {"functionCall": {"partialArgs": [{"jsonPath": "$.city", "stringValue": "lo"}]}},
        {"functionCall": {"partialArgs": [{"jsonPath": "$.days[0].hot", "boolValue": False}]}},
        {"functionCall": {"partialArgs": [{"jsonPath": "$.days[0]['a b']", "numberValue": 1.5}]}},
        {"functionCall": {"partialArgs": [{"jsonPath": '$["days"][1]', "nullValue": "NULL_VALUE"}]}},
        {"functionCall": {"partialArgs": [{"jsonPath": "$.city2", "stringValue": "x"}]}},
    ]
    for piece in pieces:
        piece["functionCall"]["willContinue"] = True
    arguments = '{"city":"Oslo","days":[{"hot":false,"a b":1.5},null],"city2":"x"}'
    expected = [Proof(1, "function_call", "S", "next"), *a_call(2, "f", arguments, "c"), *a_call(3, "g", "{}")]
    assert both(*pieces, {"functionCall": {}}, call("g"), {"functionCall": {}}) == expected


def test_text_between_streamed_arguments_stands_before_the_call() -> None:
    piece = call("f", willContinue=True)
    assert both(said("A"), piece, said("B"), said("C"), {"functionCall": {}}) == [
        Text(1, "A"),
        Text(1, "B"),
        Text(1, "C"),
        *a_call(2, "f", "{}"),
    ]


def test_streamed_arguments_of_the_next_call_end_the_one_before() -> None:
    first = call("f", willContinue=True, partialArgs=[{"jsonPath": "$.a", "stringValue": "1", "willContinue": True}])
    again = {"functionCall": {"name": "f", "id": "c", "willContinue": True}}
    other = call("f", identifier="d")
    assert both(again, other) == [*a_call(1, "f", "{}", "c"), *a_call(2, "f", "{}", "d")]
    assert both(first, call("g")) == [*a_call(1, "f", '{"a":"1"}'), *a_call(2, "g", "{}")]
    assert both(again, again, {"functionCall": {}}) == a_call(1, "f", "{}", "c")


@pytest.mark.parametrize(
    ("path", "value", "arguments"),
    [
        ("$.a[999999999]", "x", {"a": ["x"]}),
        ("$.a.b.c", "x", {"a": {"b": {"c": "x"}}}),
        ("$[0]", "x", {"0": "x"}),
        ("$['']", "x", {"": "x"}),
        ("a", "x", {}),
        ("a.b", "x", {}),
        ("$", "x", {}),
        ("$..a", "x", {}),
        ("$.a[*]", "x", {}),
        ("$.a", 5, {}),
        (None, "x", {}),
    ],
)
def test_json_paths(path: Any, value: Any, arguments: Any) -> None:
    events = both(call("f", partialArgs=[{"jsonPath": path, "stringValue": value}, None]))
    assert isinstance(events[1], CallArguments)
    assert orjson.loads(events[1].delta) == arguments


def test_values_of_another_kind_are_replaced() -> None:
    paths = ("$.a", "$.a.b", "$.a[0]", "$.a")
    events = both(call("f", partialArgs=[{"jsonPath": path, "numberValue": 1} for path in paths]))
    assert events == a_call(1, "f", '{"a":1}')


@pytest.mark.parametrize(
    ("pieces", "value"),
    [
        ([{"stringValue": "x", "willContinue": True}, {"stringValue": "y"}], "xy"),
        ([{"stringValue": "x"}, {"stringValue": "y"}], "y"),
        ([{"willContinue": True}, {"stringValue": "y"}], "y"),
        ([{"stringValue": "x", "willContinue": True}, {"numberValue": 2}], 2),
        ([{"numberValue": 2, "willContinue": True}, {"stringValue": "y"}], "y"),
    ],
)
def test_only_strings_are_continued(pieces: Any, value: Any) -> None:
    events = both(call("f", partialArgs=[piece | {"jsonPath": "$.a"} for piece in pieces]))
    assert orjson.loads(events[1].delta) == {"a": value}


def test_a_call_that_was_cut_is_incomplete() -> None:
    piece = call("f", willContinue=True, partialArgs=[{"jsonPath": "$.a", "stringValue": "1"}])
    for events in (streamed(chunk(piece), stop(reason="MAX_TOKENS")), streamed(chunk(piece))):
        (item,) = assembled(events).output
        assert (item["arguments"], item["status"]) == ('{"a":"1"', "incomplete")
    assert assembled(streamed(chunk(piece), stop())).output[0]["status"] == "completed"


def test_a_call_without_a_name_fails() -> None:
    assert "name" in failure(whole(stop({"functionCall": {"args": {"a": 1}}}))).message
    assert failure(streamed(chunk({"functionCall": {"id": "x"}}), stop())).error_class == "vendor_failure"
    pieces = {"functionCall": {"partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}]}}
    assert "name" in failure(streamed(chunk(pieces), chunk({"functionCall": {}}), stop())).message
    assert both({"functionCall": {}}) == []


# --- the answer as a call ---------------------------------------------------------------------------------------------


def test_the_final_answer_is_text() -> None:
    parts = [thought("T"), call("final_answer", {"a": 1}, signature="S"), call("final_answer", {"a": 2})]
    expected = [Reasoning(1, "T"), Text(2, '{"a":1}')]
    assert output(whole(stop(*parts), final_answer=True)) == expected
    assert output(streamed(*map(chunk, parts), stop(), final_answer=True)) == expected
    assert assembled(whole(stop(*parts), final_answer=True)).kinds == ["reasoning", "message"]


def test_other_calls_stay_calls() -> None:
    assert output(whole(stop(call("f")), final_answer=True)) == a_call(1, "f", "{}")
    assert output(whole(stop(call("final_answer")))) == a_call(1, "final_answer", "{}")
    answer = stop(call("final_answer"), call("f"))
    assert output(whole(answer, final_answer=True)) == [Text(1, "{}"), *a_call(2, "f", "{}")]


# --- log probabilities ------------------------------------------------------------------------------------------------


def logprobs(*tokens: str) -> dict[str, Any]:
    chosen = [{"token": token, "tokenId": 1, "logProbability": -0.5} for token in tokens]
    return {"chosenCandidates": chosen, "topCandidates": [{"candidates": [each]} for each in chosen]}


def a_token(token: str) -> dict[str, Any]:
    value = {"token": token, "logprob": -0.5, "bytes": list(token.encode())}
    return {**value, "top_logprobs": [value]}


def test_log_probabilities() -> None:
    events = output(whole(stop(said("Hi é"), logprobsResult=logprobs("Hi", " é"))))
    assert events == [Text(1, "Hi é", [a_token("Hi"), a_token(" é")])]
    part = assembled(whole(stop(said("Hi é"), logprobsResult=logprobs("Hi", " é")))).output[0]["content"][0]
    assert part["logprobs"] == [a_token("Hi"), a_token(" é")]


def test_each_text_has_its_own_tokens() -> None:
    events = output(whole(stop(said("AB"), call("f"), said("C"), logprobsResult=logprobs("A", "B", "C"))))
    assert [event.logprobs for event in events if isinstance(event, Text)] == [
        [a_token("A"), a_token("B")],
        [a_token("C")],
    ]


def test_tokens_that_do_not_join_to_the_text_stay_with_it() -> None:
    events = output(whole(stop(said("é"), logprobsResult=logprobs("\ufffd", "\ufffd"))))
    assert events == [Text(1, "é", [a_token("\ufffd"), a_token("\ufffd")])]


def test_tokens_that_come_after_the_text() -> None:
    events = output(streamed(chunk(said("A")), stop(logprobsResult=logprobs("A"))))
    assert events == [Text(1, "A"), Text(1, "", [a_token("A")])]


def test_tokens_of_calls_and_thoughts_are_left_out() -> None:
    answer = stop(thought("T"), call("f"), logprobsResult=logprobs("T", "f"))
    assert not [event for event in whole(answer) if isinstance(event, Text)]
    events = output(streamed(chunk(call("f"), logprobsResult=logprobs("f")), chunk(said("A")), stop()))
    assert events[-1] == Text(2, "A")
    assert output(whole(stop(said("A"), logprobsResult=logprobs("A", "f")))) == [Text(1, "A", [a_token("A")])]
    assert output(whole(stop(logprobsResult=logprobs("A")))) == []


def test_log_probabilities_of_any_shape() -> None:
    result: dict[str, Any] = {"chosenCandidates": [{"token": 5, "logProbability": "x"}, None], "topCandidates": [7]}
    (event,) = output(whole(stop(said("A"), logprobsResult=result)))
    assert event == Text(1, "A", [{"token": "", "logprob": 0.0, "bytes": [], "top_logprobs": []}])
    assert output(whole(stop(said("A"), logprobsResult=[1]))) == [Text(1, "A")]


# --- the end ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("CONTINUATION", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("IMAGE_PROHIBITED_CONTENT", "content_filter"),
        ("IMAGE_RECITATION", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("ESCALATION", "content_filter"),
        ("OTHER", "unknown"),
        ("NEWS_OF_TOMORROW", "unknown"),
    ],
)
def test_finish_reasons(vendor: Any, reason: Any) -> None:
    for events in (whole(stop(said("A"), reason=vendor)), streamed(chunk(said("A")), stop(reason=vendor))):
        assert events[1:] == [Text(1, "A"), Finished(reason, vendor)]
    assert whole(stop(reason=vendor.lower()))[-1] == Finished(reason, vendor)


@pytest.mark.parametrize(
    ("number", "vendor", "reason"),
    [
        (1, "STOP", "stop"),
        (2, "MAX_TOKENS", "length"),
        (3, "SAFETY", "content_filter"),
        (4, "RECITATION", "content_filter"),
        (5, "OTHER", "unknown"),
        (8, "SPII", "content_filter"),
        (10, "MODEL_ARMOR", "content_filter"),
        (99, "99", "unknown"),
        (-1, "-1", "unknown"),
    ],
)
def test_finish_reasons_as_numbers(number: int, vendor: str, reason: Any) -> None:
    assert whole(stop(said("A"), reason=number))[-1] == Finished(reason, vendor)


@pytest.mark.parametrize(
    "vendor",
    [
        "MALFORMED_FUNCTION_CALL",
        "UNEXPECTED_TOOL_CALL",
        "TOO_MANY_TOOL_CALLS",
        "MALFORMED_RESPONSE",
        "MISSING_THOUGHT_SIGNATURE",
        "LANGUAGE",
        "NO_IMAGE",
        "IMAGE_OTHER",
        "PUP_LIMITED_DISABLED",
        9,
        14,
        15,
        16,
    ],
)
def test_reasons_that_are_failures(vendor: Any) -> None:
    error = failure(whole(stop(reason=vendor, finishMessage="Malformed function call.")))
    assert (error.error_class, error.message) == ("vendor_failure", "Malformed function call.")
    assert failure(streamed(stop(reason=vendor, finishMessage="Why."), chunk())).message == "Why."
    events = streamed(chunk(said("A")), stop(reason=vendor), {"usageMetadata": {"promptTokenCount": 1}})
    assert events[1:3] == [Text(1, "A"), Usage(1)]
    assert failure(events).message.startswith("The provider broke off its answer: ")


def test_a_safety_stop_keeps_the_calls() -> None:
    got = assembled(whole(stop(call("f", {"a": 1}), reason="SAFETY")))
    assert got.response["incomplete_details"] == {"reason": "content_filter"}
    assert [(item["arguments"], item["status"]) for item in got.output] == [('{"a":1}', "completed")]


@pytest.mark.parametrize("content", [None, {}, {"role": "model"}, {"parts": None}, {"parts": []}])
def test_a_candidate_without_parts(content: Any) -> None:
    for reason, expected in (("STOP", "stop"), ("SAFETY", "content_filter"), ("MAX_TOKENS", "length")):
        events = whole({"candidates": [{"content": content, "finishReason": reason}]})
        assert events == [Started(), Finished(expected, reason)]  # type: ignore[arg-type]  # a row of the table
        assert assembled(events).output == []


def test_the_last_reason_counts() -> None:
    events = streamed(stop(said("A")), stop(said("B"), reason="MAX_TOKENS"), chunk(), {"usageMetadata": {}})
    assert events[1:] == [Text(1, "A"), Text(1, "B"), Finished("length", "MAX_TOKENS")]


def test_usage_after_the_end_counts() -> None:
    events = streamed(stop(said("A")), {"usageMetadata": USAGE})
    assert events[-2:] == [Usage(50, output_tokens=50, reasoning_tokens=30), DONE]


@pytest.mark.parametrize("unspecified", [None, "", 0, "FINISH_REASON_UNSPECIFIED", False, []])
def test_a_stream_without_a_finish_reason_was_cut(unspecified: Any) -> None:
    events = streamed(chunk(said("A")), stop(said("B"), reason=unspecified))
    assert failure(events).error_class == "cut"
    assert failure(streamed()).error_class == "cut"
    assert failure(streamed({"usageMetadata": USAGE})).error_class == "cut"


def test_a_cut_anywhere_fails() -> None:
    chunks = [chunk(thought("T")), chunk(call("f", willContinue=True)), chunk({"functionCall": {}}), chunk(said("A"))]
    for length in range(len(chunks) + 1):
        assert failure(streamed(*chunks[:length])).error_class == "cut"


def test_a_whole_answer_without_a_reason_is_left_to_its_output() -> None:
    assert whole(chunk(said("A")))[-1] == Finished("unknown")


@pytest.mark.parametrize("reason", ["", 0, None, "BLOCK_REASON_UNSPECIFIED", "BLOCKED_REASON_UNSPECIFIED", False])
def test_feedback_that_blocks_nothing(reason: Any) -> None:
    feedback = {"promptFeedback": {"blockReason": reason, "safetyRatings": []}}
    assert whole(feedback | stop(said("A")))[1:] == [Text(1, "A"), DONE]
    assert failure(whole(feedback)).error_class == "vendor_failure"
    assert failure(streamed(feedback)).error_class == "cut"


@pytest.mark.parametrize(
    ("reason", "detail"),
    [("OTHER", "OTHER"), ("JAILBREAK", "JAILBREAK"), (5, "MODEL_ARMOR"), (1, "SAFETY"), (77, "77")],
)
def test_every_block_reason_is_a_safety_stop(reason: Any, detail: str) -> None:
    answer = {"promptFeedback": {"blockReason": reason}, "candidates": []}
    for events in (
        whole(answer),
        streamed(answer),
        streamed(chunk(said("A")), answer),
        streamed(answer, {"promptFeedback": {}}),
    ):
        assert events[-1] == Finished("content_filter", detail)


def test_the_reason_of_a_candidate_wins() -> None:
    assert whole(stop(said("A")) | {"promptFeedback": {"blockReason": "SAFETY"}})[-1] == DONE


# --- errors and other frames ------------------------------------------------------------------------------------------

ERROR = {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}


@pytest.mark.parametrize("frame", [ERROR, [ERROR], [None, ERROR], [ERROR, stop(said("B"))]])
def test_an_error_in_the_stream(frame: Any) -> None:
    events = streamed(chunk(said("A")), frame, stop(said("B")))
    assert events[1] == Text(1, "A")
    assert (failure(events).message, len(events)) == ("Overloaded", 3)
    assert failure(whole(frame)).message == "Overloaded"


def test_an_error_after_the_finish_reason() -> None:
    assert failure(streamed(stop(said("A")), ERROR)).message == "Overloaded"


def test_an_error_that_is_empty() -> None:
    assert failure(streamed({"error": {}})).error_class == "overloaded"
    assert streamed({**stop(said("A")), "error": None})[-1] == DONE


def test_what_an_error_says_of_usage_counts() -> None:
    events = streamed({**ERROR, "usageMetadata": {"promptTokenCount": 3}})
    assert events[0] == Usage(3)


def test_a_frame_may_hold_an_array() -> None:
    assert streamed([chunk(said("A")), stop(said("B"))])[1:] == [Text(1, "A"), Text(1, "B"), DONE]


def test_a_whole_answer_may_be_an_array() -> None:
    assert whole([chunk(said("A")), stop(said("B"))])[1:] == [Text(1, "A"), Text(1, "B"), DONE]
    assert failure(whole([chunk(said("A"))])).error_class == "cut"
    assert failure(whole([])).error_class == "cut"


def test_sloppy_json_is_read() -> None:
    data = b'{"candidates":[{"content":{"parts":[{"text":"A\\ud83d \xff"}]},"finishReason":"STOP","avgLogprobs":NaN}]}'
    assert merged(output(streamed(data))) == [Text(1, "A\ufffd \ufffd")]
    assert output(whole(data)) == [Text(1, "A\ufffd \ufffd")]


def test_several_objects_in_a_frame() -> None:
    data = b"\n".join([orjson.dumps(chunk(said("A"))), b"", orjson.dumps(stop(said("B")))])
    assert streamed(data)[1:] == [Text(1, "A"), Text(1, "B"), DONE]


@pytest.mark.parametrize("data", [b"", b" ", b"[DONE]", b"ping", b"5", b"null", b'"x"', b"[]", b"[[1]]"])
def test_frames_that_say_nothing(data: bytes) -> None:
    assert streamed(stop(said("A")), data)[1:] == [Text(1, "A"), DONE]


@pytest.mark.parametrize("data", [b'{"candidates":', b"<html>", b'{"a":1}\n{"b":'])
def test_frames_that_cannot_be_read(data: bytes) -> None:
    assert failure(streamed(chunk(said("A")), data)).error_class == "vendor_failure"


@pytest.mark.parametrize("body", [b"", b"<html>", b"{", b'"x"', b"{}", b'{"candidates":[]}', b'{"candidates":{}}'])
def test_whole_answers_that_are_none(body: bytes) -> None:
    error = failure(whole(body))
    assert error.error_class == "vendor_failure"
    assert ("base_url" in error.message) == body.startswith(b"<")
    assert ("valid JSON" in error.message) == (body in (b"", b"{", b'"x"'))


def test_nothing_follows_the_end() -> None:
    for ending in (stop(said("A")), chunk(said("A"))):
        reader = decoder()
        reader.feed(Frame("", orjson.dumps(ending)))
        assert len(list(reader.end())) == 1
        assert list(reader.end()) == []
        assert list(reader.feed(Frame("", orjson.dumps(stop(said("A")))))) == []
    reader = decoder()
    reader.feed(Frame("", orjson.dumps(ERROR)))
    assert list(reader.feed(Frame("", orjson.dumps(stop(said("A")))))) == []
    assert list(reader.end()) == []


# --- chunks that bring text alone -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "second",
    [
        chunk(said("B")),
        chunk(said("B"), index=0),
        chunk(said("B"), usage={"promptTokenCount": 1}),
        chunk(said("B"), safetyRatings=[]),
        chunk(said("B"), said("C")),
        chunk(said("B", "S")),
        chunk(thought("B")),
        chunk(said("B"), index=1),
        chunk(said("B")) | {"promptFeedback": {"blockReason": "SAFETY"}},
    ],
)
def test_short_ways_lead_to_the_same_place(second: Any) -> None:
    """A member that changes nothing sends the chunk the long way."""
    long = {**second, "unknown": None}
    assert streamed(chunk(said("A")), second, stop(said("D"))) == streamed(chunk(said("A")), long, stop(said("D")))
