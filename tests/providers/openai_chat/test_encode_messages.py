"""Items become messages."""

import base64
from typing import Any

import pytest

from providers.openai_chat import OpenAIChat
from proxy.provider.conversions import RefusedError
from proxy.provider.history import HistoryItem, Part
from tests.providers.openai_chat.material import (
    GENERIC,
    LLAMA_CPP,
    OPENAI,
    PROVIDERS,
    VLLM,
    assistant,
    call,
    conversions_of,
    messages_of,
    prepared,
    result,
    system,
    text,
    thought,
    user,
)

PDF = "data:application/pdf;base64,JVBERi0="
IMAGE: dict[str, Any] = {"type": "input_image", "image_url": "data:image/png;base64,iVBORw0=", "detail": "high"}
CALL = {"id": "call_a", "type": "function", "function": {"name": "weather", "arguments": '{"city":"Oslo"}'}}


def test_a_user_message_of_one_text_is_a_string() -> None:
    assert messages_of(OPENAI, prepared(OPENAI, user("Hello"))) == [{"role": "user", "content": "Hello"}]


def test_several_texts_stay_parts_where_the_server_takes_them_and_are_joined_elsewhere() -> None:
    items = [user("a", "b")]
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert messages_of(OPENAI, prepared(OPENAI, *items))[0]["content"] == parts
    assert messages_of(GENERIC, prepared(GENERIC, *items))[0]["content"] == "a\nb"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
@pytest.mark.parametrize("model", ["gpt-4.1", "gpt-6-sol"])
def test_instructions_are_the_first_message(provider: OpenAIChat, model: str) -> None:
    messages = messages_of(provider, prepared(provider, user("Hello"), model=model, instructions="Be brief."))
    assert messages[0]["role"] in ("system", "developer")
    assert messages[0]["content"] == "Be brief."
    assert messages[1] == {"role": "user", "content": "Hello"}


def test_blank_instructions_are_no_message() -> None:
    request = prepared(OPENAI, user("Hello"), instructions=" ")
    assert messages_of(OPENAI, request) == [{"role": "user", "content": "Hello"}]
    assert conversions_of(request) == [("instructions", "ignored")]


@pytest.mark.parametrize(("model", "role"), [("gpt-4.1", "system"), ("o3", "developer"), ("gpt-6-sol", "developer")])
def test_the_system_role_goes_by_the_family(model: str, role: str) -> None:
    messages = messages_of(OPENAI, prepared(OPENAI, system("x"), user("y"), system("z"), model=model))
    assert [message["role"] for message in messages] == [role, "user", role]


def test_other_servers_get_one_system_message_at_the_front() -> None:
    request = prepared(GENERIC, system("a"), user("b"), system("c", path="input[2]"), instructions="i")
    assert messages_of(GENERIC, request) == [
        {"role": "system", "content": "i\n\na\n\nc"},
        {"role": "user", "content": "b"},
    ]
    assert conversions_of(request) == [("input[2]", "approximated")]


def test_one_assistant_step_is_one_message() -> None:
    items: list[HistoryItem] = [
        user("q"),
        assistant("I ", "look"),
        assistant("now"),
        call(),
        call("call_b", "clock", "  "),
    ]
    items += [result("3 C"), result("noon", "call_b"), user("and?")]
    second = {"id": "call_b", "type": "function", "function": {"name": "clock", "arguments": "{}"}}
    assert messages_of(OPENAI, prepared(OPENAI, *items))[1:] == [
        {"role": "assistant", "content": "I look\nnow", "tool_calls": [CALL, second]},
        {"role": "tool", "tool_call_id": "call_a", "content": "3 C"},
        {"role": "tool", "tool_call_id": "call_b", "content": "noon"},
        {"role": "user", "content": "and?"},
    ]


def test_text_after_results_is_another_message() -> None:
    messages = messages_of(OPENAI, prepared(OPENAI, user("q"), call(), result("3 C"), assistant("It is 3 C.")))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant"]


@pytest.mark.parametrize(("provider", "content"), [(OPENAI, None), (VLLM, ""), (LLAMA_CPP, ""), (GENERIC, "")])
def test_calls_without_text_have_null_or_empty_content(provider: OpenAIChat, content: Any) -> None:
    assert messages_of(provider, prepared(provider, user("q"), call(), result("")))[1]["content"] == content


def test_a_refusal_has_its_own_member_or_is_text() -> None:
    refusal = {"type": "refusal", "refusal": "No."}
    request = prepared(OPENAI, user("q"), assistant(refusal), user("why?"))
    assert messages_of(OPENAI, request)[1] == {"role": "assistant", "content": None, "refusal": "No."}
    request = prepared(GENERIC, user("q"), assistant(refusal), user("why?"))
    assert messages_of(GENERIC, request)[1] == {"role": "assistant", "content": "No."}
    assert conversions_of(request) == [("input[1].content", "approximated")]


def test_media_in_results_follow_the_group_in_one_labelled_user_message() -> None:
    items: list[HistoryItem] = [
        user("q"),
        call(),
        call("call_b"),
        result([text("see"), IMAGE]),
        result("3 C", "call_b"),
        user("so?"),
    ]
    request = prepared(OPENAI, *items)
    messages = messages_of(OPENAI, request)
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user", "user"]
    assert messages[2]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "text", "text": "[see attached content of call call_a]"},
    ]
    assert messages[4]["content"] == [
        {"type": "text", "text": "Content of call call_a:"},
        {"type": "image_url", "image_url": {"url": IMAGE["image_url"], "detail": "high"}},
    ]
    assert conversions_of(request) == [("input[2].output", "approximated")]


def test_a_failed_result_is_declared() -> None:
    request = prepared(OPENAI, user("q"), call(), result("boom", failed=True))
    messages_of(OPENAI, request)
    assert conversions_of(request) == [("input[2].status", "ignored")]


# --- reasoning -------------------------------------------------------------------------------------------------------

TURNS: list[HistoryItem] = [
    user("q"),
    thought("old"),
    assistant("a"),
    user("q2"),
    thought("new", path="input[4]"),
    call(),
    result("x"),
]


def test_openai_takes_no_reasoning_back() -> None:
    request = prepared(OPENAI, *TURNS)
    assert "new" not in str(messages_of(OPENAI, request))
    assert conversions_of(request) == [("input[1]", "ignored"), ("input[4]", "ignored")]


@pytest.mark.parametrize(("provider", "member"), [(VLLM, "reasoning"), (LLAMA_CPP, "reasoning_content")])
def test_reasoning_since_the_last_user_message_goes_back(provider: OpenAIChat, member: str) -> None:
    request = prepared(provider, *TURNS)
    messages = messages_of(provider, request)
    assert [message.get(member) for message in messages if message["role"] == "assistant"] == [None, "new"]
    assert conversions_of(request) == [("input[1]", "ignored")]


def test_the_sealed_text_wins_over_the_visible_one() -> None:
    request = prepared(VLLM, user("q"), thought("visible", sealed="sealed"), call(), result("x"))
    assert messages_of(VLLM, request)[1]["reasoning"] == "sealed"


# --- parts -----------------------------------------------------------------------------------------------------------


def content_of(part: Part, provider: OpenAIChat = OPENAI, **more: Any) -> Any:
    request = prepared(provider, user("x", part), **more)
    return messages_of(provider, request)[0]["content"], conversions_of(request)


def test_images() -> None:
    content, _ = content_of(IMAGE)
    assert content[1] == {"type": "image_url", "image_url": {"url": IMAGE["image_url"], "detail": "high"}}
    content, _ = content_of({"type": "input_image", "image_url": "https://a/b.png", "detail": None})
    assert content[1] == {"type": "image_url", "image_url": {"url": "https://a/b.png"}}


@pytest.mark.parametrize("data", [PDF, "JVBERi0="])
def test_a_pdf_is_a_file_at_openai(data: str) -> None:
    content, conversions = content_of({"type": "input_file", "file_data": data, "filename": "a.pdf"})
    assert content[1] == {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}}
    assert conversions == []


def test_a_file_id_is_taken_at_openai() -> None:
    content, _ = content_of({"type": "input_file", "file_id": "file-1"})
    assert content[1] == {"type": "file", "file": {"file_id": "file-1"}}


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)
@pytest.mark.parametrize("head", ["data:text/csv;base64,", "data:application/octet-stream;base64,", ""])
def test_a_text_file_becomes_text_everywhere(provider: OpenAIChat, head: str) -> None:
    data = head + base64.b64encode("a;b\nä;1".encode()).decode()
    content, conversions = content_of({"type": "input_file", "file_data": data, "filename": "t.csv"}, provider)
    assert "File t.csv:\na;b\nä;1" in (content if isinstance(content, str) else content[1]["text"])
    assert conversions == [("input[0].content[1]", "approximated")]


def test_audio_goes_to_audio_models() -> None:
    audio = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    content, _ = content_of(audio, model="gpt-audio-2")
    assert content[1] == audio


def test_cache_breakpoints() -> None:
    part = {**text("y"), "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "12h"}}
    content, conversions = content_of(part, model="gpt-5.6-sol")
    assert content[1]["prompt_cache_breakpoint"] == {"mode": "explicit", "ttl": "30m"}
    assert conversions == [("input[0].content[1].prompt_cache_breakpoint.ttl", "approximated")]
    content, conversions = content_of(part, GENERIC)
    assert content == "x\ny"
    assert conversions == [("input[0].content[1].prompt_cache_breakpoint", "ignored")]


@pytest.mark.parametrize(
    ("provider", "part", "param"),
    [
        (OPENAI, {"type": "input_image", "file_id": "file-1"}, "file_id"),
        (OPENAI, {"type": "input_file", "file_url": "https://a/b.pdf"}, "file_url"),
        (GENERIC, {"type": "input_file", "file_id": "file-1"}, "file_id"),
        (GENERIC, {"type": "input_file", "file_data": PDF}, "file_data"),
        (OPENAI, {"type": "input_file", "file_data": "data:application/zip;base64,AA=="}, "file_data"),
        (OPENAI, {"type": "input_file", "file_data": "%%%", "filename": "a.txt"}, "file_data"),
        (OPENAI, {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, ""),
        (OPENAI, {"type": "input_video"}, ""),
    ],
)
def test_what_cannot_be_carried_is_refused_with_its_path(provider: OpenAIChat, part: Part, param: Any) -> None:
    with pytest.raises(RefusedError) as refusal:
        messages_of(provider, prepared(provider, user("x", part)))
    assert refusal.value.status == 400
    assert refusal.value.param == f"input[0].content[1]{'.' if param else ''}{param}"


def test_an_input_of_which_nothing_is_left_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        messages_of(GENERIC, prepared(GENERIC, thought("Hm")))
    assert (caught.value.status, caught.value.param) == (400, "input")
