"""What becomes of the items of a conversation: their order, their ids, and the parts of their content."""

import base64
from typing import Any

import pytest

from proxy.responses.errors import ResponsesError
from tests.providers.mistral.material import (
    CLOCK,
    MODEL,
    WEATHER,
    answered,
    called,
    mistral,
    prepared,
    refused,
    said,
    sent,
    text,
    thought,
)

IMAGE = {"type": "input_image", "image_url": "https://example.org/a.png"}
PDF = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}
SPEECH = {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}}
ID = "k3PzQ81aZ"


def call(call_id: str, name: str = "weather", arguments: str = '{"city":"Oslo"}') -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(call_id: str, content: Any = "3 C", name: str = "weather") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "name": name, "content": content}


def thinking(words: str, **members: Any) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": words}], "closed": True, **members}


# --- order ------------------------------------------------------------------------------------------------------------


def test_system_messages_at_the_front_stay_apart() -> None:
    made = sent({"instructions": "A", "input": [said("system", "B"), said("developer", "C"), said("user", "Hi")]})
    assert made.messages == [*(said("system", word) for word in "ABC"), said("user", "Hi")]
    assert made.losses == {}


def test_a_later_system_message_is_tagged_user_text() -> None:
    items = [said("user", "Hi"), said("assistant", "Yes?"), said("developer", "Rhyme."), said("user", "Go")]
    made = sent({"input": items})
    assert made.messages[-1] == said("user", "<system>Rhyme.</system>\n\nGo")
    assert made.losses == {"input[2]": "approximated", "input": "approximated"}


def test_a_model_may_be_said_to_take_system_messages_anywhere() -> None:
    provider = mistral(families={"mistral-medium": {"tagged_system": False}})
    made = prepared({"input": [said("user", "Hi"), said("assistant", "Yes?"), said("developer", "Rhyme.")]})
    body = provider.encode(made).body
    assert b'{"role":"system","content":"Rhyme."}' in body


def test_a_user_never_follows_a_result() -> None:
    items = [
        said("user", "Oslo?"),
        called("call_abcdef123456"),
        answered("call_abcdef123456"),
        said("user", "And Rome?"),
    ]
    made = sent({"input": items, "tools": [WEATHER]})
    call_id = made.messages[1]["tool_calls"][0]["id"]
    assert made.messages == [
        said("user", "Oslo?"),
        {**said("assistant", ""), "tool_calls": [call(call_id)]},
        result(call_id),
        said("assistant", "OK"),
        said("user", "And Rome?"),
    ]


def test_calls_of_one_step_are_one_message_and_their_results_follow_in_order() -> None:
    items = [
        said("user", "Hi"),
        said("assistant", "Let me see."),
        called("aaaaaaaa1"),
        called("aaaaaaaa2", "clock", "{}"),
        answered("aaaaaaaa2", "noon"),
        answered("aaaaaaaa1"),
    ]
    made = sent({"input": items, "tools": [WEATHER, CLOCK]})
    assert made.messages[1:] == [
        {**said("assistant", "Let me see."), "tool_calls": [call("aaaaaaaa1"), call("aaaaaaaa2", "clock", "{}")]},
        result("aaaaaaaa1"),
        result("aaaaaaaa2", "noon", "clock"),
    ]


def test_users_that_follow_each_other_are_one() -> None:
    made = sent({"input": [said("user", "One"), said("user", [text("Two"), IMAGE])]})
    parts = [{"type": "text", "text": "One"}, {"type": "text", "text": "Two"}]
    image = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    assert made.messages == [said("user", [*parts, image])]
    assert made.losses == {"input": "approximated"}


def test_an_answer_that_is_begun_is_a_prefix() -> None:
    made = sent({"input": [said("user", "Hi"), said("assistant", "Hel")]})
    assert made.messages[-1] == {**said("assistant", "Hel"), "prefix": True}
    made = sent({"input": [said("user", "Hi"), said("assistant", "Hello"), said("user", "And?")]})
    assert all("prefix" not in message for message in made.messages)


def test_an_empty_answer_goes() -> None:
    made = sent({"input": [said("user", "Hi"), said("assistant", ""), said("user", "There?")]})
    assert [message["role"] for message in made.messages] == ["user"]


def test_somebody_has_to_ask() -> None:
    assert sent({"instructions": "Be", "input": []}).messages == [said("system", "Be"), said("user", "Continue.")]
    assert sent({"input": [said("assistant", "I")]}).messages[0]["role"] == "user"


def test_an_input_of_which_nothing_is_left_is_refused() -> None:
    items = [{"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm"}]}]
    assert refused({"input": items})[0] == "input"


def test_a_call_without_a_result_never_reaches_the_vendor() -> None:
    with pytest.raises(ResponsesError):
        sent({"input": [said("user", "Hi"), called(ID), said("user", "And?")], "tools": [WEATHER]})


def test_none_with_calls_in_the_history_keeps_the_tools() -> None:
    items = [said("user", "Hi"), called(ID), answered(ID)]
    made = sent({"input": items, "tools": [WEATHER], "tool_choice": "none"})
    assert made.body["tool_choice"] == "none"
    assert len(made.body["tools"]) == 1


# --- ids --------------------------------------------------------------------------------------------------------------


def test_an_id_of_nine_letters_stays_and_another_becomes_one() -> None:
    items = [said("user", "Hi"), called(ID), called("call_" + "f" * 24), answered(ID), answered("call_" + "f" * 24)]
    made = sent({"input": items, "tools": [WEATHER]})
    ids = [each["id"] for each in made.messages[1]["tool_calls"]]
    assert ids[0] == ID
    assert ids[1] != ID
    assert [message["tool_call_id"] for message in made.messages[2:4]] == ids
    assert sent({"input": items, "tools": [WEATHER]}).body == made.body


# --- earlier thoughts -------------------------------------------------------------------------------------------------


def test_thoughts_come_first_in_the_message_that_followed_them() -> None:
    items = [
        said("user", "2+2?"),
        thought("Add them", "sig"),
        said("assistant", "4"),
        said("user", "3+3?"),
        thought("Again"),
        called(ID),
        answered(ID),
    ]
    made = sent({"input": items, "tools": [WEATHER]})
    assert made.messages[1]["content"] == [thinking("Add them", signature="sig"), {"type": "text", "text": "4"}]
    assert made.messages[3] == {"role": "assistant", "content": [thinking("Again")], "tool_calls": [call(ID)]}
    assert made.losses == {}


@pytest.mark.parametrize("model", [MODEL, "mistral-medium-3-5", "mistral-medium-2508"])
def test_thoughts_go_from_one_version_of_a_model_to_another(model: str) -> None:
    items = [said("user", "2+2?"), thought("Add them"), said("assistant", "4"), said("user", "3+3?")]
    assert sent({"input": items}, model=model).messages[1]["content"][0] == thinking("Add them")


@pytest.mark.parametrize(
    "item",
    [
        thought("Mine", family="magistral-medium"),
        thought("Mine", account="somebody"),
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Mine"}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Mine"}]},
    ],
)
def test_thoughts_of_others_stay_away(item: dict[str, Any]) -> None:
    made = sent({"input": [said("user", "2+2?"), item, said("assistant", "4"), said("user", "3+3?")]})
    assert made.messages[1] == said("assistant", "4")
    assert b"Mine" not in made.call.body
    assert [path.startswith("input[1]") for path in made.losses] == [True] * len(made.losses)
    assert made.losses


def test_a_model_that_does_not_reason_gets_no_thoughts() -> None:
    item = thought("Mine", family="mistral-large")
    made = sent(
        {"input": [said("user", "Hi"), item, said("assistant", "4"), said("user", "?")]}, model="mistral-large-2512"
    )
    assert b"Mine" not in made.call.body
    assert made.losses == {"input[1]": "ignored"}


# --- parts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "sent_part", "losses"),
    [
        ({**IMAGE, "detail": "low"}, {"url": IMAGE["image_url"], "detail": "low"}, {}),
        ({**IMAGE, "detail": "original"}, {"url": IMAGE["image_url"], "detail": "high"}, {"detail": "approximated"}),
        (
            {**IMAGE, "image_url": "data:image/png;base64,iVBORw0KGgo="},
            {"url": "data:image/png;base64,iVBORw0KGgo="},
            {},
        ),
    ],
)
def test_an_image(part: dict[str, Any], sent_part: dict[str, Any], losses: dict[str, str]) -> None:
    made = sent({"input": [said("user", [part])]})
    assert made.messages[0]["content"] == [{"type": "image_url", "image_url": sent_part}]
    assert made.losses == {f"input[0].content[0].{name}": found for name, found in losses.items()}


def test_a_model_that_sees_nothing_is_sent_no_image() -> None:
    assert refused({"input": [said("user", [IMAGE])]}, model="codestral-latest")[0] == "input[0].content[0]"


@pytest.mark.parametrize(
    ("part", "document"),
    [
        (PDF, {"document_url": "data:application/pdf;base64,JVBERi0=", "document_name": "a.pdf"}),
        (
            {**PDF, "file_data": "JVBERi0="},
            {"document_url": "data:application/pdf;base64,JVBERi0=", "document_name": "a.pdf"},
        ),
        (
            {"type": "input_file", "file_url": "https://example.org/b.docx"},
            {"document_url": "https://example.org/b.docx", "document_name": "file.pdf"},
        ),
    ],
)
def test_a_document(part: dict[str, Any], document: dict[str, str]) -> None:
    made = sent({"input": [said("user", [text("Read"), part])]})
    assert made.messages[0]["content"] == [{"type": "text", "text": "Read"}, {"type": "document_url", **document}]


def test_a_text_file_is_text() -> None:
    data = base64.b64encode(b"a,b").decode()
    made = sent({"input": [said("user", [{"type": "input_file", "filename": "a.csv", "file_data": data}])]})
    assert "a,b" in made.messages[0]["content"]


def test_a_file_of_another_kind_is_refused() -> None:
    part = {"type": "input_file", "filename": "a.bin", "file_data": "data:application/zip;base64,UEsDBA=="}
    assert refused({"input": [said("user", [part])]})[0] == "input[0].content[0].file_data"


def test_a_file_by_id_is_the_vendors_own_where_the_settings_say_so() -> None:
    item = said("user", [text("Read"), {"type": "input_file", "file_id": "f-1"}])
    assert refused({"input": [item]})[0] == "input[0].content[1].file_id"
    made = sent({"input": [item]}, provider=mistral(file_ids=True))
    assert made.messages[0]["content"][1] == {"type": "file", "file_id": "f-1"}


def test_speech_is_for_voxtral() -> None:
    made = sent({"input": [said("user", [SPEECH])]}, model="voxtral-small-latest")
    assert made.messages[0]["content"] == [{"type": "input_audio", "input_audio": "UklGRg=="}]
    assert made.losses == {"input[0].content[0].input_audio.format": "ignored"}
    assert refused({"input": [said("user", [SPEECH])]})[0] == "input[0].content[0]"


def test_several_texts_stay_parts_and_a_single_one_is_a_string() -> None:
    made = sent({"input": [said("user", [text("a"), text("b")])]})
    assert made.messages[0]["content"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert sent({"input": [said("user", [text("a")])]}).messages[0]["content"] == "a"


def test_a_refusal_is_text() -> None:
    answer = {
        "type": "message",
        "role": "assistant",
        "id": "msg_1",
        "status": "completed",
        "content": [{"type": "refusal", "refusal": "No."}],
    }
    made = sent({"input": [said("user", "Hi"), answer, said("user", "Why?")]})
    assert made.messages[1] == said("assistant", "No.")
    assert made.losses == {"input[1].content": "approximated"}


def test_a_cache_breakpoint_is_of_no_effect() -> None:
    part = {**text("a"), "prompt_cache_breakpoint": {"mode": "explicit"}}
    made = sent({"input": [said("user", [part])]})
    assert made.messages == [said("user", "a")]
    assert made.losses == {"input[0].content[0].prompt_cache_breakpoint": "ignored"}


# --- results ----------------------------------------------------------------------------------------------------------


def test_texts_of_a_result_stay_and_media_follow_as_the_users() -> None:
    items = [
        said("user", "Hi"),
        called(ID),
        called("aaaaaaaa2"),
        answered(ID, [text("3"), text("C"), IMAGE]),
        answered("aaaaaaaa2", ""),
    ]
    made = sent({"input": items, "tools": [WEATHER]})
    roles = [message["role"] for message in made.messages]
    assert roles == ["user", "assistant", "tool", "tool", "assistant", "user"]
    assert [part["text"] for part in made.messages[2]["content"]][:2] == ["3", "C"]
    assert made.messages[3] == result("aaaaaaaa2", "")
    assert made.messages[-1]["content"][-1]["type"] == "image_url"


def test_arguments_that_broke_off_are_wrapped() -> None:
    made = sent({"input": [said("user", "Hi"), called(ID, arguments='{"ci'), answered(ID)], "tools": [WEATHER]})
    assert made.messages[1]["tool_calls"] == [call(ID, arguments='{"_raw":"{\\"ci"}')]
    assert made.losses == {"input[1].arguments": "approximated"}


def test_a_custom_call_is_a_call_of_its_function() -> None:
    items = [
        said("user", "Hi"),
        {"type": "custom_tool_call", "call_id": ID, "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": ID, "output": "done"},
    ]
    made = sent({"input": items, "tools": [{"type": "custom", "name": "patch"}]})
    assert made.messages[1]["tool_calls"] == [call(ID, "patch", '{"input":"*** Begin"}')]
    assert made.messages[2] == result(ID, "done", "patch")


def test_a_hosted_call_of_another_vendor_is_declared() -> None:
    search = {
        "type": "web_search_call",
        "id": "ws_1",
        "status": "completed",
        "action": {"type": "search", "query": "fjords"},
    }
    made = sent({"input": [said("user", "Hi"), search, said("assistant", "Found."), said("user", "Go on")]})
    assert [message["role"] for message in made.messages] == ["user", "assistant", "user"]
    assert made.losses == {"input[1]": "ignored"}
