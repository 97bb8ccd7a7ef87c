"""Items -> contents: roles, signatures, calls and their responses."""

from typing import Any

import orjson
import pytest

from providers.gemini import Gemini, GeminiSettings
from providers.gemini.signatures import CALL, PLACEHOLDER, TEXT, THOUGHT, TURN
from proxy.provider.conversions import RefusedError
from proxy.provider.history import OpenedProof, ReasoningItem
from tests.providers.gemini.requests import (
    FLASH_25,
    PIXEL,
    PNG,
    S1,
    S2,
    S3,
    assistant,
    call,
    contents_of,
    developer,
    encoded,
    function_call,
    function_response,
    image_in_result,
    of_model,
    of_user,
    prepared,
    result,
    signed,
    text,
    user,
)

# --- roles ------------------------------------------------------------------------------------------------------------


def test_neighbours_of_one_role_become_one_content() -> None:
    items: list[Any] = [user("A"), user("B"), assistant("C"), assistant("D"), user("E")]
    assert contents_of(*items) == [of_user("A", "B"), of_model("C", "D"), of_user("E")]


def test_the_first_content_is_the_users() -> None:
    assert contents_of(assistant("A"), user("B")) == [of_user(""), of_model("A"), of_user("B")]


def test_a_conversation_of_instructions_alone_has_a_user_who_says_nearly_nothing() -> None:
    body, lost = encoded(developer("Say hello"))
    assert body == {"systemInstruction": {"parts": [{"text": "Say hello"}]}, "contents": [of_user(".")]}
    assert lost == []


def test_an_answer_at_the_end_is_continued() -> None:
    body, lost = encoded(user("A"), assistant("B", path="input[1]"))
    assert body["contents"] == [of_user("A"), of_model("B"), of_user("Continue.")]
    assert lost == ["approximated input[1]"]


def test_later_instructions_are_tagged_where_they_stand() -> None:
    body, lost = encoded(user("A"), developer("B", "C"), user("D"))
    assert body["contents"] == [of_user("A", "<system>B</system>", "<system>C</system>", "D")]
    assert lost == ["approximated input[2]"]


def test_later_instructions_are_hoisted_where_the_operator_wants_it() -> None:
    body, lost = encoded(user("A"), developer("B"), settings=GeminiSettings(mid_system="hoist"))
    assert body == {"systemInstruction": {"parts": [{"text": "B"}]}, "contents": [of_user("A")]}
    assert lost == ["approximated input[2]"]


@pytest.mark.parametrize("items", [[developer(PNG)], [user("A"), developer("B", PNG)]])
def test_instructions_are_text(items: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(*items)
    assert "content[" in str(caught.value.param)


def test_a_refusal_is_text() -> None:
    body, lost = encoded(user("A"), assistant({"type": "refusal", "refusal": "No."}), user("B"))
    assert body["contents"][1] == of_model("No.")
    assert lost == ["approximated input[1].content[0]"]


# --- signatures -------------------------------------------------------------------------------------------------------


def test_a_call_has_its_signature() -> None:
    items: list[Any] = [user("A"), signed(CALL, S1), call("c1"), call("c2"), result(call_id="c1"), result(call_id="c2")]
    body, lost = encoded(*items)
    assert body["contents"] == [
        of_user("A"),
        of_model(function_call("c1", S1), function_call("c2")),
        of_user(function_response(call_id="c1"), function_response(call_id="c2")),
    ]
    assert lost == []


def test_a_signature_that_came_with_a_thought_stands_on_what_the_thought_led_to() -> None:
    items: list[Any] = [user("A"), signed(CALL, S1, "self"), call(), result(), signed(TEXT, S2, "self"), assistant("B")]
    contents = contents_of(*items, user("C"))
    assert contents[1] == of_model(function_call(signature=S1))
    assert contents[3] == of_model({"text": "B", "thoughtSignature": S2})


def test_the_signature_of_a_turn_that_came_before_its_text_stands_at_the_end() -> None:
    body, lost = encoded(user("A"), signed(TURN, S1, "turn_end"), assistant("B"), user("C"))
    assert body["contents"] == [of_user("A"), of_model("B", {"text": "", "thoughtSignature": S1}), of_user("C")]
    assert lost == []
    body, lost = encoded(user("A"), signed(TURN, S1, "self"), call(), result())
    assert body["contents"][1]["parts"][-1] == {"text": "", "thoughtSignature": S1}
    assert lost == []


def test_a_signed_thought_goes_back_with_its_text() -> None:
    contents = contents_of(user("A"), signed(THOUGHT, S1, "self"), assistant("B"), user("C"))
    assert contents[1] == of_model({"text": "Hm", "thought": True, "thoughtSignature": S1}, "B")


def test_a_text_in_front_of_a_call_does_not_take_its_signature() -> None:
    items: list[Any] = [user("A"), signed(CALL, S1), assistant("Let me see"), call(), result()]
    assert contents_of(*items)[1] == of_model("Let me see", function_call(signature=S1))


def test_a_call_in_front_of_a_text_does_not_take_its_signature() -> None:
    items: list[Any] = [user("A"), signed(TEXT, S1), call(), result(), user("B")]
    body, lost = encoded(*items)
    assert body["contents"][1] == of_model(function_call())
    assert lost == ["ignored input[9]"]


def test_a_signature_does_not_wait_for_the_next_step() -> None:
    items: list[Any] = [user("A"), signed(TEXT, S1), call(), result(), assistant("B"), user("C")]
    body, lost = encoded(*items)
    assert body["contents"][3] == of_model("B")
    assert lost == ["ignored input[9]"]


@pytest.mark.parametrize(
    ("items", "parts"),
    [
        ([signed(TEXT, S1), assistant("A", "B")], [{"text": "A", "thoughtSignature": S1}, "B"]),
        ([assistant("A", "B"), signed(TEXT, S1, "previous")], ["A", {"text": "B", "thoughtSignature": S1}]),
        ([assistant("A"), signed(TURN, S1, "turn_end")], ["A", {"text": "", "thoughtSignature": S1}]),
        (
            [signed(TEXT, S1), assistant("A"), signed(TEXT, S2), assistant("B")],
            [{"text": "A", "thoughtSignature": S1}, {"text": "B", "thoughtSignature": S2}],
        ),
        (
            [assistant("A"), signed(TURN, S1, "turn_end"), signed(TEXT, S2, "previous")],
            [{"text": "A", "thoughtSignature": S2}, {"text": "", "thoughtSignature": S1}],
        ),
    ],
)
def test_texts_have_their_signatures(items: Any, parts: Any) -> None:
    body, lost = encoded(user("Q"), *items, user("R"))
    assert body["contents"][1] == of_model(*parts)
    assert lost == []


def test_a_text_before_its_calls_has_the_signature_that_came_late() -> None:
    items: list[Any] = [user("A"), assistant("T"), signed(CALL, S2), call(), signed(TEXT, S1, "previous"), result()]
    assert contents_of(*items)[1] == of_model({"text": "T", "thoughtSignature": S1}, function_call(signature=S2))


def test_steps_have_their_own_signatures() -> None:
    items: list[Any] = [user("A"), signed(CALL, S1), call("c1"), result(call_id="c1"), signed(CALL, S2), call("c2")]
    contents = contents_of(*items, result(call_id="c2"), signed(TEXT, S3), assistant("Z"), user("B"))
    assert contents[1] == of_model(function_call("c1", S1))
    assert contents[3] == of_model(function_call("c2", S2))
    assert contents[5] == of_model({"text": "Z", "thoughtSignature": S3})


@pytest.mark.parametrize(
    "items",
    [
        [signed(CALL, S1), user("B")],
        [signed(TURN, S1, "turn_end"), user("B")],
        [signed(TEXT, S1, "previous"), assistant("A"), user("B")],
        [assistant("A"), signed(CALL, S1, "previous"), user("B")],
        [assistant("A"), signed("of another kind", S1), user("B")],
        [assistant("A"), signed(TEXT, S1, "self"), user("B")],
        [assistant("A"), signed(TEXT, S1, "turn_end"), user("B")],
        [ReasoningItem([], [], OpenedProof(THOUGHT, S1, "self", None), "input[9]"), assistant("A"), user("B")],
        [signed(TEXT, ""), assistant("A"), user("B")],
        [ReasoningItem(["Hm"], [], None, "input[9]"), assistant("A"), user("B")],
    ],
)
def test_a_proof_without_its_part_is_left_out(items: Any) -> None:
    body, lost = encoded(user("Q"), *items)
    assert b"thoughtSignature" not in orjson.dumps(body)
    assert lost == ["ignored input[9]"]


def test_one_part_has_one_signature() -> None:
    items: list[Any] = [
        user("Q"),
        signed(TEXT, S1),
        assistant("A"),
        signed(TEXT, S2, "previous", "input[7]"),
        user("R"),
    ]
    body, lost = encoded(*items)
    assert body["contents"][1] == of_model({"text": "A", "thoughtSignature": S1})
    assert lost == ["ignored input[7]"]


# --- placeholders -----------------------------------------------------------------------------------------------------


def test_the_first_call_of_a_foreign_step_has_the_placeholder() -> None:
    items: list[Any] = [user("A"), call("c1"), call("c2"), result(call_id="c1"), result(call_id="c2")]
    assert contents_of(*items)[1] == of_model(function_call("c1", PLACEHOLDER), function_call("c2"))


def test_only_steps_of_the_open_turn_have_placeholders() -> None:
    items: list[Any] = [user("A"), call("c1"), result(call_id="c1"), assistant("B"), user("C")]
    items += [call("c2"), result(call_id="c2"), call("c3"), result(call_id="c3")]
    contents = contents_of(*items)
    assert contents[1] == of_model(function_call("c1"))
    assert contents[5] == of_model(function_call("c2", PLACEHOLDER))
    assert contents[7] == of_model(function_call("c3", PLACEHOLDER))


def test_a_real_signature_wins_and_siblings_get_no_placeholder() -> None:
    items: list[Any] = [user("A"), signed(CALL, S1), call("c1"), call("c2"), result(call_id="c1"), result(call_id="c2")]
    assert PLACEHOLDER not in str(contents_of(*items))


def test_models_before_gemini_3_know_no_placeholder() -> None:
    assert contents_of(user("A"), call(), result(), model=FLASH_25)[1] == of_model(function_call())


# --- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments", ['{"a": 1.0, "b": [12345678901234567890123]}', "{}", '{"a":' * 300 + "1" + "}" * 300]
)
def test_arguments_go_as_they_are(arguments: Any) -> None:
    sent = Gemini(GeminiSettings()).encode(prepared(user("A"), call(arguments=arguments), result()))
    assert f'"args":{arguments}'.encode() in sent.body


@pytest.mark.parametrize("arguments", ['{"city": "Os', "[1]", '"text"', "null"])
def test_arguments_that_are_no_object_are_wrapped(arguments: Any) -> None:
    body, lost = encoded(user("A"), call(arguments=arguments), result())
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {"arguments": arguments}
    assert lost == ["approximated input[1].arguments"]


# --- responses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "failed", "response"),
    [
        ("3 C", False, {"output": "3 C"}),
        ("", False, {"output": ""}),
        ('{"t": 3}', False, {"t": 3}),
        (' {"t": 3}', False, {"t": 3}),
        ("[1]", False, {"output": "[1]"}),
        ('{"t": 3', False, {"output": '{"t": 3'}),
        ('{"a": [{"$ref": "x"}]}', False, {"output": '{"a": [{"$ref": "x"}]}'}),
        ('{"a": {"\\u0024ref": "x"}}', False, {"output": '{"a": {"\\u0024ref": "x"}}'}),
        ('{"a": "$ref"}', False, {"a": "$ref"}),
        ("broken", True, {"error": "broken"}),
        ('{"t": 3}', True, {"error": '{"t": 3}'}),
        ([text("A"), text("B")], False, {"output": "A\nB"}),
        ([text('{"t": 3}')], False, {"t": 3}),
        ([], False, {"output": ""}),
    ],
)
def test_responses_are_objects(output: Any, failed: Any, response: Any) -> None:
    contents = contents_of(user("A"), call(), result(output, failed=failed))
    assert contents[2] == of_user(function_response(response))


def test_nothing_stands_beside_responses() -> None:
    items: list[Any] = [user("A"), call(), result(), user("B"), developer("C")]
    assert contents_of(*items)[2:] == [of_user(function_response()), of_user("B", "<system>C</system>")]


def test_media_stand_in_the_response_of_newer_models() -> None:
    body, lost = encoded(user("A"), call(), image_in_result())
    response = function_response({"output": "A picture"})
    response["functionResponse"]["parts"] = [{"inlineData": {"mimeType": "image/png", "data": PIXEL}}]
    assert body["contents"][2:] == [of_user(response)]
    assert lost == []


def test_media_follow_the_responses_of_older_models() -> None:
    items: list[Any] = [user("A"), call("c1"), call("c2")]
    items += [result([text("A picture"), PNG], "c1"), result("3 C", "c2"), user("B")]
    body, lost = encoded(*items, model=FLASH_25)
    assert body["contents"][2:] == [
        of_user(
            function_response({"output": "A picture\nSee file c1-1."}, "c1"), function_response({"output": "3 C"}, "c2")
        ),
        of_user("This is file c1-1:", {"inlineData": {"mimeType": "image/png", "data": PIXEL}}, "B"),
    ]
    assert lost == ["approximated input[2].output[1]"]


def test_media_that_no_response_takes_follow_it() -> None:
    audio = {"type": "input_file", "file_data": "data:audio/wav;base64,UklGRg==", "filename": "a.wav"}
    body, lost = encoded(user("A"), call(), result([audio]))
    assert body["contents"][2:] == [
        of_user(function_response({"output": "See file c1-0 (a.wav)."})),
        of_user("This is file c1-0 (a.wav):", {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}),
    ]
    assert lost == ["approximated input[2].output[0]"]


def test_the_name_of_a_file_in_a_response_is_told() -> None:
    file = {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}
    body, lost = encoded(user("A"), call(), result([file]))
    response = body["contents"][2]["parts"][0]["functionResponse"]
    assert response["response"] == {"output": "[file a.pdf]"}
    assert response["parts"] == [{"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}}]
    assert lost == ["approximated input[2].output[0].filename"]
