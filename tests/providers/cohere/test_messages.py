"""History items as messages: order, plans, thinking, results as documents, images."""

import base64

import orjson
import pytest

from tests.providers.cohere.material import (
    CLOCK,
    MODEL,
    OLD,
    PLAIN,
    WEATHER,
    answered,
    called,
    refused,
    said,
    sent,
    text,
    thought,
)

PIXEL = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}
SENT_PIXEL = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


def file(content: bytes, **members: object) -> dict[str, object]:
    return {"type": "input_file", "file_data": base64.b64encode(content).decode(), **members}


def test_instructions_and_leading_system_messages_are_one() -> None:
    found = sent({"instructions": "A", "input": [said("system", "B"), said("developer", "C"), said("user", "Hi")]})
    assert found.messages == [{"role": "system", "content": "A\n\nB\n\nC"}, {"role": "user", "content": "Hi"}]
    assert found.losses == {}


def test_blank_instructions_are_left_out() -> None:
    found = sent({"instructions": " \n"})
    assert [message["role"] for message in found.messages] == ["user"]
    assert found.losses == {"instructions": "ignored"}


def test_a_later_system_message_is_tagged_text_of_the_user() -> None:
    found = sent({"input": [said("user", "Hi"), said("assistant", "Yes?"), said("developer", "Rhyme.")]})
    assert found.messages[-1] == {"role": "user", "content": "<system>Rhyme.</system>"}
    assert found.losses == {"input[2]": "approximated"}


def test_instructions_alone_are_a_request() -> None:
    assert sent({"input": [said("developer", "Greet.")]}).messages == [{"role": "system", "content": "Greet."}]


def test_system_messages_hold_text_only() -> None:
    assert refused({"input": [said("system", [text("A"), PIXEL])]})[0] == "input[0].content[1]"


def test_a_message_of_several_parts_keeps_them() -> None:
    found = sent({"input": [said("user", [text("A"), PIXEL, text("B")])]})
    blocks = [{"type": "text", "text": "A"}, SENT_PIXEL, {"type": "text", "text": "B"}]
    assert found.messages == [{"role": "user", "content": blocks}]


@pytest.mark.parametrize(
    ("detail", "told", "loss"),
    [("auto", "auto", None), ("low", "low", None), ("high", "high", None), ("original", "high", "approximated")],
)
def test_details_of_images(detail: str, told: str, loss: str | None) -> None:
    image = {"type": "input_image", "image_url": "https://ex.org/a.png", "detail": detail}
    found = sent({"input": [said("user", [image])]})
    assert found.messages[0]["content"][0]["image_url"] == {"url": "https://ex.org/a.png", "detail": told}
    assert found.losses.get("input[0].content[0].detail") == loss


def test_a_blind_model_is_sent_no_image() -> None:
    assert refused({"input": [said("user", [PIXEL])]}, model=PLAIN)[0] == "input[0].content[0]"


def test_a_text_file_is_told() -> None:
    found = sent({"input": [said("user", [file("né".encode(), filename="a.md")])]})
    assert found.messages[0]["content"] == [{"type": "text", "text": "File a.md:\nné"}]
    assert found.losses == {"input[0].content[0]": "approximated"}


@pytest.mark.parametrize(
    ("part", "path"),
    [
        (file(b"%PDF-1.4", filename="a.pdf"), "file_data"),
        (file(b"\xff\xfe\xfa", filename="a.txt"), "file_data"),
        ({"type": "input_file", "file_id": "file_1"}, "file_id"),
        ({"type": "input_image", "file_id": "file_1"}, "file_id"),
    ],
)
def test_other_files_are_refused(part: dict[str, object], path: str) -> None:
    assert refused({"input": [said("user", [part])]})[0] == f"input[0].content[0].{path}"


def test_sound_is_refused() -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
    assert refused({"input": [said("user", [sound])]})[0] == "input[0].content[0]"


def test_a_refusal_in_the_history_is_told_as_text() -> None:
    declined = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]}
    found = sent({"input": [said("user", "Hi"), declined, said("user", "Please")]})
    assert found.messages[1] == {"role": "assistant", "content": "No."}
    assert found.losses == {"input[1].content[0]": "approximated"}


def test_an_assistant_message_at_the_end_is_no_prefill() -> None:
    found = sent({"input": [said("user", "Hi"), said("assistant", "Well,")]})
    assert found.messages[-1] == {"role": "assistant", "content": "Well,"}
    assert found.losses == {"input[1]": "approximated"}


# --- calls and results ------------------------------------------------------------------------------------------------


def test_results_follow_their_calls() -> None:
    found = sent(
        {
            "input": [
                said("user", "Hi"),
                said("assistant", "Let me see."),
                called("c1"),
                called("c2", "clock", "{}"),
                answered("c2", "noon"),
                answered("c1", "3 C"),
                said("user", "And?"),
            ],
            "tools": [WEATHER, CLOCK],
        }
    )
    clock = {"id": "c2", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    assert found.messages[1] == {"role": "assistant", "content": "Let me see.", "tool_calls": [CALL, clock]}
    assert [message["role"] for message in found.messages] == ["user", "assistant", "tool", "tool", "user"]
    assert {message["tool_call_id"]: message["content"] for message in found.messages[2:4]} == {
        "c1": "3 C",
        "c2": "noon",
    }


def test_a_call_without_words_has_no_content() -> None:
    found = sent({"input": [said("user", "Hi"), called("c1"), answered("c1")], "tools": [WEATHER]})
    assert found.messages[1] == {"role": "assistant", "tool_calls": [CALL]}


def test_an_object_is_a_document() -> None:
    output = '{"id":"d1","title":"A","url":"https://ex.org/a","big":123456789012345678901234567890}'
    found = sent({"input": [said("user", "Hi"), called("c1"), answered("c1", output)]})
    assert b'"data":' + output.encode() in found.call.body
    document = found.messages[2]["content"][0]["document"]
    assert document["id"] == "d1"
    assert document["data"]["title"] == "A"


def test_documents_of_the_same_id_are_named_once() -> None:
    items = [said("user", "Hi"), called("c1"), answered("c1", '{"id":"d1","n":1}')]
    items += [called("c2"), answered("c2", '{"id":"d1","n":2}'), called("c3"), answered("c3", '{"id":7}')]
    messages = sent({"input": items}).messages
    documents = [message["content"][0]["document"] for message in messages if message["role"] == "tool"]
    assert documents == [
        {"id": "d1", "data": {"id": "d1", "n": 1}},
        {"data": {"id": "d1", "n": 2}},
        {"data": {"id": 7}},
    ]


@pytest.mark.parametrize("output", ["[1, 2]", '"text"', "7", "{}", '{"a":', "NaN", '{"a":NaN}', "{} {}"])
def test_other_results_are_text(output: str) -> None:
    found = sent({"input": [said("user", "Hi"), called("c1"), answered("c1", output)]})
    assert found.messages[2] == {"role": "tool", "tool_call_id": "c1", "content": output}


def test_deep_results_go_as_they_are() -> None:
    deep = '{"a":' * 900 + "1" + "}" * 900
    found = sent({"input": [said("user", "Hi"), called("c1"), answered("c1", deep)]})
    assert deep.encode() in found.call.body


@pytest.mark.parametrize("output", ["", "  "])
def test_an_empty_result_is_told_in_words(output: str) -> None:
    found = sent({"input": [said("user", "Hi"), called("c1"), answered("c1", output)]})
    assert found.messages[2]["content"] == "(no output)"
    assert found.losses == {"input[2].output": "approximated"}


def test_results_of_several_parts() -> None:
    found = sent({"input": [said("user", "Hi"), called("c1"), answered("c1", [text("A"), text('{"b":1}')])]})
    document = {"type": "document", "document": {"data": {"b": 1}}}
    assert found.messages[2]["content"] == [{"type": "text", "text": "A"}, document]


def test_images_in_results_follow_the_results() -> None:
    items = [said("user", "Hi"), called("c1"), called("c2", "clock", "{}")]
    items += [answered("c1", [text("See"), PIXEL]), answered("c2", [PIXEL]), said("user", "And?")]
    found = sent({"input": items})
    assert [message["role"] for message in found.messages] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert found.messages[4]["content"] == [
        {"type": "text", "text": "Images of call c1:"},
        SENT_PIXEL,
        {"type": "text", "text": "Images of call c2:"},
        SENT_PIXEL,
    ]
    assert found.losses == {"input[3].output": "approximated", "input[4].output": "approximated"}


def test_files_in_results_are_refused() -> None:
    pdf = file(b"%PDF-1.4", filename="a.pdf")
    assert refused({"input": [said("user", "Hi"), called("c1"), answered("c1", [pdf])]})[0] == (
        "input[2].output[0].file_data"
    )


@pytest.mark.parametrize("arguments", ['{"city":"Os', "[]", '"x"', "7"])
def test_arguments_that_are_no_object_are_put_into_one(arguments: str) -> None:
    found = sent({"input": [said("user", "Hi"), called("c1", arguments=arguments), answered("c1")]})
    function = found.messages[1]["tool_calls"][0]["function"]
    assert orjson.loads(function["arguments"]) == {"_raw": arguments}
    assert found.losses == {"input[1].arguments": "approximated"}


# --- thinking and plans -----------------------------------------------------------------------------------------------


def test_thinking_and_plan_go_back_to_their_model() -> None:
    items = [said("user", "Hi"), thought("Hm."), thought("I will look.", "tool_plan"), called("c1"), answered("c1")]
    found = sent({"input": items, "tools": [WEATHER]})
    assert found.messages[1] == {
        "role": "assistant",
        "tool_plan": "I will look.",
        "content": [{"type": "thinking", "thinking": "Hm."}],
        "tool_calls": [CALL],
    }
    assert found.losses == {}


def test_thinking_stands_in_front_of_its_text() -> None:
    items = [said("user", "Hi"), thought("A"), said("assistant", "a"), thought("B"), said("assistant", "b")]
    found = sent({"input": [*items, said("user", "Go on")]})
    assert [message["role"] for message in found.messages] == ["user", "assistant", "assistant", "user"]
    assert found.messages[2]["content"] == [{"type": "thinking", "thinking": "B"}, {"type": "text", "text": "b"}]


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Hm."}]},
        thought("Hm.", model="command-a-reasoning-08-2025"),
        thought("Hm.", account="somebody else"),
        thought("Hm.", "signature"),
        thought(""),
    ],
)
def test_other_thinking_does_not(item: dict[str, object]) -> None:
    found = sent({"input": [said("user", "Hi"), item, said("assistant", "Yes?"), said("user", "Hm")]})
    assert found.messages[1] == {"role": "assistant", "content": "Yes?"}
    assert "dropped" in found.losses.values()


@pytest.mark.parametrize("kind", ["thinking", "tool_plan"])
def test_thinking_without_its_step_is_dropped(kind: str) -> None:
    found = sent({"input": [said("user", "Hi"), thought("Hm.", kind), said("user", "Well?")]})
    assert [message["role"] for message in found.messages] == ["user", "user"]
    assert found.losses == {"input[1]": "dropped"}


def test_words_before_a_call_that_were_no_plan_stay_words() -> None:
    items = [said("user", "Hi"), said("assistant", "Looking."), called("c1"), answered("c1")]
    for model in (MODEL, PLAIN, OLD):
        assert sent({"input": items}, model=model).messages[1]["content"] == "Looking."
