"""Items -> system and messages."""

import base64
from typing import Any

import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.provider.conversions import RefusedError
from proxy.provider.history import CallItem, OpenedProof, ReasoningItem, ResultItem
from tests.providers.anthropic.requests import (
    HAIKU,
    OPUS,
    WEATHER,
    assistant,
    call,
    developer,
    encoded,
    message,
    messages_of,
    model_turn,
    prepared,
    result,
    system,
    text,
    thought,
    user,
)

TOOL_USE = {"type": "tool_use", "id": "toolu_1", "name": "wx", "input": {"city": "Oslo"}}
TOOL_RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "3 C"}
THINKING = {"type": "thinking", "thinking": "Need weather", "signature": "S1"}


def test_text_in() -> None:
    assert messages_of(message("A", "B")) == [user("A", "B")]


def test_turns_of_one_role_are_merged() -> None:
    items = [message("A"), message("B"), assistant("C"), assistant("D"), message("E")]
    assert messages_of(*items) == [user("A", "B"), model_turn("C", "D"), user("E")]


def test_instructions_and_leading_instructions_become_system_blocks_in_order() -> None:
    body, lost = encoded(developer("One"), message("Two", role="system"), message("A"), instructions="Zero")
    assert [block["text"] for block in body["system"]] == ["Zero", "One", "Two"]
    assert body["messages"] == [user("A")]
    assert lost == []


def test_hosts_that_join_system_blocks_get_breaks_between_them() -> None:
    body, _ = encoded(developer("One"), message("A"), instructions="Zero", model="qwen3")
    assert [block["text"] for block in body["system"]] == ["Zero\n\n", "One"]


def test_a_later_instruction_slides_behind_the_user_turn() -> None:
    items = [message("A"), assistant("B"), developer("D"), message("C", path="input[3]")]
    body, lost = encoded(*items, model=OPUS)
    assert body["messages"] == [user("A"), model_turn("B"), user("C"), system("D")]
    assert lost == []


def test_a_later_instruction_is_tagged_user_text_where_the_role_is_missing() -> None:
    items = [message("A"), assistant("B"), developer("D"), message("C", path="input[3]")]
    body, lost = encoded(*items, model="claude-sonnet-4-6")
    assert body["messages"] == [user("A"), model_turn("B"), user("<system>D</system>", "C")]
    assert lost == ["approximated input[2]"]


def test_an_instruction_between_assistant_turns_follows_a_user_turn() -> None:
    items = [message("A"), assistant("B"), developer("D"), developer("E"), assistant("C"), message("F")]
    expected = [user("A"), model_turn("B"), user("."), system("D", "E"), model_turn("C"), user("F")]
    assert messages_of(*items) == expected


def test_an_instruction_after_results_never_parts_them_from_the_call() -> None:
    items = [message("A"), call(), result(), developer("D"), message("C")]
    assert messages_of(*items) == [user("A"), model_turn(TOOL_USE), user(TOOL_RESULT, "C"), system("D")]


def test_instructions_can_be_text_only() -> None:
    image = {"type": "input_image", "image_url": "https://example.org/a.png"}
    with pytest.raises(RefusedError) as caught:
        encoded(developer(image, path="input[0]"), message("A"))
    assert caught.value.param == "input[0].content[0]"


def test_the_first_message_is_the_users() -> None:
    assert messages_of(assistant("Hi"), message("A")) == [user("."), model_turn("Hi"), user("A")]
    assert messages_of(developer("Only")) == [user(".")]


def test_blank_texts_are_never_sent() -> None:
    body, lost = encoded(message("A", " \n"), assistant("\t"), message("B", path="input[2]"))
    assert body["messages"] == [user("A", "B")]
    assert lost == ["ignored input[0].content[1]", "ignored input[1].content[0]"]


def test_refusals_are_text() -> None:
    assert messages_of(message("A"), assistant({"type": "refusal", "refusal": "No."}), message("B")) == [
        user("A"),
        model_turn("No."),
        user("B"),
    ]


# --- the end ----------------------------------------------------------------------------------------------------------


def test_prefill_where_the_model_takes_it_without_trailing_space() -> None:
    body, lost = encoded(message("A"), assistant("The answer is \n"), model=HAIKU)
    assert body["messages"] == [user("A"), model_turn("The answer is")]
    assert lost == []


def test_prefill_elsewhere_is_continued_by_the_user() -> None:
    body, lost = encoded(message("A"), assistant("The answer is"))
    assert body["messages"] == [user("A"), model_turn("The answer is"), user("Continue.")]
    assert lost == ["approximated input[1]"]


def test_no_prefill_beside_budget_thinking() -> None:
    body, _ = encoded(message("A"), assistant("The answer is"), model=HAIKU, reasoning={"effort": "low"})
    assert body["messages"][-1] == user("Continue.")
    assert body["thinking"]["type"] == "enabled"


# --- tools ------------------------------------------------------------------------------------------------------------


def test_a_step_with_thinking_comes_back_unmodified() -> None:
    items = [message("Oslo weather?"), thought(), call(), result()]
    assert messages_of(*items) == [user("Oslo weather?"), model_turn(THINKING, TOOL_USE), user(TOOL_RESULT)]


def test_interleaved_thinking_keeps_its_sequence() -> None:
    items = [
        message("A"),
        thought("one", "S1"),
        call("c1"),
        result("r1", "c1"),
        thought("two", "S2"),
        assistant("I see"),
        call("c2"),
        result("r2", "c2"),
    ]
    kinds = [[block["type"] for block in turn["content"]] for turn in messages_of(*items)]
    assert kinds == [
        ["text"],
        ["thinking", "tool_use"],
        ["tool_result"],
        ["thinking", "text", "tool_use"],
        ["tool_result"],
    ]


def test_redacted_thinking_comes_back() -> None:
    item = ReasoningItem([], [], OpenedProof("redacted_thinking", "DATA", "self", None), "input[1]")
    turn = messages_of(message("A"), item, call(), result())[1]
    assert turn["content"][0] == {"type": "redacted_thinking", "data": "DATA"}


@pytest.mark.parametrize(
    "proof",
    [
        None,
        OpenedProof("thinking", "", "self", "text"),
        OpenedProof("thought_signature", "X", "next", None),
    ],
)
def test_reasoning_without_a_usable_proof_is_dropped_and_declared(proof: Any) -> None:
    item = ReasoningItem(["secret"], [], proof, "input[1]")
    body, lost = encoded(message("A"), item, assistant("B"), message("C"))
    assert body["messages"] == [user("A"), model_turn("B"), user("C")]
    assert lost == ["dropped input[1]"]


def test_hosts_that_do_not_sign_take_their_thinking_unsigned() -> None:
    turn = messages_of(message("A"), thought(signature=""), call(), result(), model="qwen3")[1]
    assert turn["content"][0] == {"type": "thinking", "thinking": "Need weather", "signature": ""}


def test_models_that_take_no_files_refuse_them() -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(message({"type": "input_file", "file_data": "JVBERi0x"}), model="qwen3")
    assert caught.value.param == "input[0].content[0]"


def test_reasoning_that_leads_to_nothing_is_dropped_and_declared() -> None:
    body, lost = encoded(message("A"), thought(path="input[1]"), thought(path="input[2]"), message("B"))
    assert body["messages"] == [user("A", "B")]
    assert lost == ["dropped input[1]", "dropped input[2]"]


def test_parallel_calls_and_their_results_stand_together() -> None:
    items = [message("A"), call("c1"), call("c2"), result("r1", "c1"), result("r2", "c2"), message("B")]
    turns = messages_of(*items)
    assert [block["id"] for block in turns[1]["content"]] == ["c1", "c2"]
    assert [block.get("tool_use_id") for block in turns[2]["content"]] == ["c1", "c2", None]


@pytest.mark.parametrize(
    ("arguments", "sent", "lost"),
    [
        ("{}", {}, []),
        ("", {}, []),
        ('{"n":10.0}', {"n": 10.0}, []),
        ('{"city":"Os', {"_raw": '{"city":"Os'}, ["approximated input[1].arguments"]),
        ("[1]", {"_raw": "[1]"}, ["approximated input[1].arguments"]),
    ],
)
def test_arguments_become_an_object(arguments: Any, sent: Any, lost: Any) -> None:
    body, reported = encoded(message("A"), call(arguments=arguments), result())
    assert body["messages"][1]["content"][0]["input"] == sent
    assert reported == lost


def test_arguments_keep_their_depth_and_the_spelling_of_their_numbers() -> None:
    deep = '{"a":' * 400 + "1.50" + "}" * 400
    request = prepared(message("A"), call("c1", deep), result("r", "c1"))
    assert deep.encode() in Anthropic(AnthropicSettings()).encode(request).body


def test_ids_of_other_alphabets_are_the_same_in_call_and_result() -> None:
    items = [
        message("A"),
        CallItem("functions.wx:0", "wx", "{}", "p"),
        ResultItem("functions.wx:0", "wx", "x", False, "p"),
    ]
    turns = messages_of(*items)
    sent = turns[1]["content"][0]["id"]
    assert sent == turns[2]["content"][0]["tool_use_id"]
    assert sent.startswith("toolu_")
    assert sent == messages_of(*items)[1]["content"][0]["id"]


def test_result_content() -> None:
    image = {"type": "input_image", "image_url": "data:image/png;base64,AAAA"}
    pdf = {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,BBBB"}
    turns = messages_of(message("A"), call(), result([text("see"), image, pdf]))
    assert turns[2]["content"][0]["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"},
            "title": "a.pdf",
        },
    ]


@pytest.mark.parametrize("output", ["", "  ", [], [text("\n")]])
def test_empty_results_have_no_content(output: Any) -> None:
    block = messages_of(message("A"), call(), result(output))[2]["content"][0]
    assert block == {"type": "tool_result", "tool_use_id": "toolu_1"}


def test_failed_results() -> None:
    assert messages_of(message("A"), call(), result("boom", failed=True))[2]["content"][0]["is_error"] is True
    empty = messages_of(message("A"), call(), result("", failed=True))[2]["content"][0]
    assert empty["content"] == "The tool failed without any output."


# --- images and files -------------------------------------------------------------------------------------------------


def block_of(part: Any, **options: Any) -> Any:
    return messages_of(message(part), **options)[0]["content"][0]


def test_image_addresses_and_data() -> None:
    assert block_of({"type": "input_image", "image_url": "https://example.org/a.png", "detail": "auto"}) == {
        "type": "image",
        "source": {"type": "url", "url": "https://example.org/a.png"},
    }
    assert block_of({"type": "input_image", "image_url": "data:image/jpg;base64,AAAA"}) == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
    }


def test_image_detail_is_ignored() -> None:
    _, lost = encoded(message({"type": "input_image", "image_url": "https://example.org/a.png", "detail": "low"}))
    assert lost == ["ignored input[0].content[0].detail"]


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_image", "file_id": "file-1"}, "input[0].content[0].file_id"),
        ({"type": "input_image", "image_url": "gs://bucket/a.png"}, "input[0].content[0].image_url"),
        ({"type": "input_image", "image_url": "data:image/png,plain"}, "input[0].content[0].image_url"),
        ({"type": "input_image", "image_url": "data:image/svg+xml;base64,AAAA"}, "input[0].content[0].image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64,AAAAAAAAA"}, "input[0].content[0].image_url"),
        ({"type": "input_image"}, "input[0].content[0]"),
        ({"type": "input_file", "file_id": "file-1"}, "input[0].content[0].file_id"),
        ({"type": "input_file", "file_url": "file:///etc/passwd"}, "input[0].content[0].file_url"),
        (
            {"type": "input_file", "filename": "a.docx", "file_data": "data:application/msword;base64,AAAA"},
            "input[0].content[0].file_data",
        ),
        ({"type": "input_file", "file_data": "data:text/plain;base64,!!"}, "input[0].content[0].file_data"),
        ({"type": "input_file", "file_data": "data:text/plain;base64,/w=="}, "input[0].content[0].file_data"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "input[0].content[0]"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_its_path(part: Any, param: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(message(part), settings=AnthropicSettings(max_image_bytes=8))
    assert (caught.value.status, caught.value.param) == (400, param)


@pytest.mark.parametrize(
    ("part", "source", "title"),
    [
        (
            {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0x"},
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"},
            "a.pdf",
        ),
        (
            {"filename": "A.PDF", "file_data": "JVBERi0x"},
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"},
            "A.PDF",
        ),
        ({"file_data": "JVBERi0x"}, {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0x"}, None),
        (
            {"file_url": "https://example.org/a.pdf"},
            {"type": "url", "url": "https://example.org/a.pdf"},
            None,
        ),
        (
            {"filename": "n.md", "file_data": "data:text/markdown;base64," + base64.b64encode("# é".encode()).decode()},
            {"type": "text", "media_type": "text/plain", "data": "# é"},
            "n.md",
        ),
        (
            {"filename": "n.csv", "file_data": base64.b64encode(b"a,b").decode()},
            {"type": "text", "media_type": "text/plain", "data": "a,b"},
            "n.csv",
        ),
    ],
)
def test_files_become_documents(part: Any, source: Any, title: Any) -> None:
    expected = {"type": "document", "source": source} | ({"title": title} if title else {})
    assert block_of({"type": "input_file", **part}) == expected


def test_a_file_that_is_an_image_is_an_image() -> None:
    block = block_of({"type": "input_file", "filename": "a.png", "file_data": "data:image/png;base64,AAAA"})
    assert block["type"] == "image"


# --- cache breakpoints ------------------------------------------------------------------------------------------------


def marked(value: Any, **ttl: str) -> Any:
    return text(value) | {"prompt_cache_breakpoint": {"mode": "explicit", **ttl}}


def lives(body: Any) -> list[str | None]:
    blocks = [*body.get("system", ()), *(block for turn in body["messages"] for block in turn["content"])]
    return [block["cache_control"].get("ttl") for block in blocks if "cache_control" in block]


def test_breakpoints_become_cache_control() -> None:
    body, lost = encoded(developer(marked("D")), message(marked("A"), "B"), prompt_cache_options={"ttl": "12h"})
    expected = {"type": "ephemeral", "ttl": "1h"}
    assert body["system"][0]["cache_control"] == expected
    assert body["messages"][0]["content"][0]["cache_control"] == expected
    assert "cache_control" not in body["messages"][0]["content"][1]
    assert lost == ["approximated prompt_cache_options.ttl"]


def test_a_breakpoint_lives_as_long_as_it_says_itself() -> None:
    body, lost = encoded(
        message(marked("A", ttl="12h"), marked("B", ttl="30m"), marked("C")), prompt_cache_options={"mode": "explicit"}
    )
    assert lives(body) == ["1h", "5m", None]
    assert lost == [f"approximated input[0].content[{n}].prompt_cache_breakpoint.ttl" for n in (0, 1)]


def test_no_shorter_life_stands_before_a_longer_one() -> None:
    body, lost = encoded(developer(marked("D", ttl="30m")), message(marked("A"), marked("B", ttl="12h"), marked("C")))
    assert lives(body) == ["1h", "1h", "1h", None]
    assert len(lost) == 4
    settings = AnthropicSettings(auto_cache=True)
    body, _ = encoded(message(marked("A", ttl="30m")), settings=settings, prompt_cache_options={"ttl": "12h"})
    assert (lives(body), body["cache_control"]["ttl"]) == (["1h"], "1h")


def test_the_order_of_lives_is_that_of_the_blocks_and_not_of_the_items() -> None:
    body, _ = encoded(
        message("A"),
        assistant("B"),
        developer(marked("D", ttl="12h")),
        message(marked("C", ttl="30m")),
        model="claude-opus-4-8",
    )
    assert lives(body) == ["1h", "1h"]
    items: list[Any] = [message("A"), call(), result([marked("R", ttl="30m")]), message(marked("C", ttl="12h"))]
    body, _ = encoded(*items, tools=[WEATHER])
    block = body["messages"][2]["content"][0]["content"][0]
    assert block["cache_control"]["ttl"] == "1h"


def test_settings_of_the_cache_that_the_vendor_does_not_have_are_ignored() -> None:
    options = {"prewarm": True, "comparison_response_id": "resp_1"}
    _, lost = encoded(message(marked("A")), prompt_cache_options=options)
    assert lost == ["ignored prompt_cache_options.comparison_response_id", "ignored prompt_cache_options.prewarm"]


def test_at_most_four_breakpoints_the_oldest_of_the_messages_go_first() -> None:
    parts = [marked(str(number)) for number in range(5)]
    body, lost = encoded(developer(marked("D")), message(*parts))
    assert "cache_control" in body["system"][0]
    assert ["cache_control" in block for block in body["messages"][0]["content"]] == [False, False, True, True, True]
    assert lost == [f"ignored input[0].content[{number}].prompt_cache_breakpoint" for number in (0, 1)]


def test_the_automatic_breakpoint_counts() -> None:
    body, lost = encoded(
        message(*[marked(str(number)) for number in range(4)]), settings=AnthropicSettings(auto_cache=True)
    )
    assert body["cache_control"] == {"type": "ephemeral"}
    assert len(lost) == 1


def test_breakpoints_of_tagged_instructions_count_as_message_ones() -> None:
    body, _ = encoded(message("A"), assistant("B"), developer(marked("D")), message("C"), model="claude-sonnet-5")
    block = body["messages"][2]["content"][0]
    assert block == {"type": "text", "text": "<system>D</system>", "cache_control": {"type": "ephemeral"}}


def test_history_tools_need_no_offer() -> None:
    body, _ = encoded(message("A"), call(), result(), tools=[WEATHER])
    assert body["tools"][0]["name"] == "wx"
