"""Items of a history -> turns of Converse, for families that want them differently."""

import orjson
import pytest

from proxy.provider.conversions import RefusedError
from proxy.provider.history import HOSTED_PROOF, HostedTool, OpenedProof, Part, ReasoningItem
from tests.providers.bedrock.requests import (
    HAIKU,
    KIMI,
    LLAMA,
    MISTRAL,
    MODELS,
    NOVA,
    NOVA_2,
    OPUS,
    PROVIDER,
    TITAN,
    WEATHER,
    WRITER,
    answered,
    assistant,
    call,
    developer,
    document,
    encoded,
    image,
    message,
    messages_of,
    model_turn,
    prepared,
    provider,
    result,
    text,
    thought,
    used,
    user,
)

BYTES = {"bytes": image()["image_url"].partition(",")[2]}
IMAGE = {"image": {"format": "png", "source": BYTES}}


def pdf(number: int) -> dict[str, object]:
    source = {"bytes": document()["file_data"].partition(",")[2]}
    return {"document": {"format": "pdf", "name": f"doc-{number}", "source": source}}


# --- turns ------------------------------------------------------------------------------------------------------------


def test_turns_of_one_role_are_one() -> None:
    assert messages_of(message("A"), message("B"), assistant("C"), assistant("D"), message("E")) == [
        user("A", "B"),
        model_turn("C", "D"),
        user("E"),
    ]


def test_a_conversation_begins_with_the_user() -> None:
    assert messages_of(assistant("A"), message("B"), model=NOVA) == [user("."), model_turn("A"), user("B")]
    assert messages_of(assistant("A"), message("B"), model=KIMI) == [model_turn("A"), user("B")]


def test_a_conversation_of_instructions_alone_has_a_user() -> None:
    body, _ = encoded(developer("Be kind"), model=NOVA)
    assert (body["system"], body["messages"]) == ([{"text": "Be kind"}], [user(".")])


def test_blank_text_is_not_sent() -> None:
    body, lost = encoded(message("A", " \n"), assistant(" ", "B"), message("C"), model=NOVA)
    assert body["messages"] == [user("A"), model_turn("B"), user("C")]
    assert lost == ["ignored input[0].content[1]", "ignored input[1].content[0]"]


def test_a_prefill_is_answered_by_the_user_where_the_model_takes_none() -> None:
    body, lost = encoded(message("A"), assistant("B "), model=NOVA)
    assert body["messages"] == [user("A"), model_turn("B "), user("Continue.")]
    assert lost == ["approximated input[1]"]
    assert messages_of(message("A"), assistant("B "), model=HAIKU) == [user("A"), model_turn("B")]


def test_a_refusal_goes_back_as_text() -> None:
    body, lost = encoded(message("A"), assistant({"type": "refusal", "refusal": "No."}), message("B"), model=NOVA)
    assert body["messages"][1] == model_turn("No.")
    assert lost == ["approximated input[1].content[0]"]


# --- instructions -----------------------------------------------------------------------------------------------------


def test_instructions_inside_the_conversation_keep_their_place() -> None:
    items = (message("A"), assistant("B"), developer("D"), message("C"))
    assert messages_of(*items, model=OPUS) == [
        user("A"),
        model_turn("B"),
        user("C"),
        {"role": "system", "content": [{"text": "D"}]},
    ]
    body, lost = encoded(*items, model=NOVA)
    assert body["messages"] == [user("A"), model_turn("B"), user("<system>D</system>", "C")]
    assert lost == ["approximated input[2]"]


def test_a_model_without_system_messages_is_told_by_the_user() -> None:
    body, lost = encoded(developer("Be kind"), message("A"), model=TITAN, instructions="Be brief")
    assert "system" not in body
    assert body["messages"] == [user("<system>Be brief</system>", "<system>Be kind</system>", "A")]
    assert lost == ["approximated instructions", "approximated input[2]"]


def test_instructions_are_text() -> None:
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(developer(image()), message("A")))
    assert refused.value.param == "input[2].content[0]"


# --- calls and results ------------------------------------------------------------------------------------------------


def test_results_follow_their_calls_together() -> None:
    items = (message("A"), call("a"), call("b"), result("1", "a"), result("2", "b"), message("B"))
    assert messages_of(*items, tools=[WEATHER]) == [
        user("A"),
        model_turn(used("a"), used("b")),
        user(answered("1", call_id="a"), answered("2", call_id="b"), "B"),
    ]


def test_a_failed_result_says_so() -> None:
    items = (message("A"), call(), result("boom", failed=True))
    assert messages_of(*items, tools=[WEATHER])[2] == user(answered("boom", status="error"))
    assert messages_of(*items, tools=[WEATHER], model=WRITER)[2] == user(answered("The tool failed.", "boom"))


@pytest.mark.parametrize("output", ["", " \n", [], [text(" ")]])
def test_a_result_is_never_empty(output: str | list[Part]) -> None:
    assert messages_of(message("A"), call(), result(output), tools=[WEATHER])[2] == user(answered("(no output)"))


@pytest.mark.parametrize(
    ("output", "sent"),
    [
        ("3 C", {"output": "3 C"}),
        ('{"t": 3.0}', {"t": 3.0}),
        ("[1]", {"output": "[1]"}),
        ("", {"output": "(no output)"}),
    ],
)
def test_mistral_is_given_results_as_objects(output: str, sent: dict[str, object]) -> None:
    items = (message("A"), call(), result(output))
    assert messages_of(*items, tools=[WEATHER], model=MISTRAL)[2] == user(answered({"json": sent}))


@pytest.mark.parametrize("model", [MISTRAL, LLAMA, WRITER])
def test_some_models_take_nothing_beside_results(model: str) -> None:
    sent = messages_of(message("A"), call(), result("3 C"), message("thanks"), tools=[WEATHER], model=model)
    assert [turn["role"] for turn in sent] == ["user", "assistant", "user", "assistant", "user"]
    assert sent[3:] == [model_turn("."), user("thanks")]


def test_claude_takes_text_and_images_beside_results_and_no_documents() -> None:
    items = (message("A"), call(), result("3 C"), message("B", image(), document()))
    assert messages_of(*items, tools=[WEATHER]) == [
        user("A"),
        model_turn(used()),
        user(answered("3 C")),
        model_turn("."),
        user("B", IMAGE, pdf(1)),
    ]
    items = (message("A"), call(), result("3 C"), message("B", image()))
    assert messages_of(*items, tools=[WEATHER])[2] == user(answered("3 C"), "B", IMAGE)


def test_what_a_result_may_hold_depends_on_the_family() -> None:
    items = (message("A"), call(), result([text("Look:"), image()]), message("B"))
    assert messages_of(*items, tools=[WEATHER], model=OPUS)[2] == user(answered("Look:", IMAGE), "B")
    body, lost = encoded(*items, tools=[WEATHER], model=KIMI)
    assert body["messages"][2] == user(answered("Look:", "See image-1, which follows."), "This is image-1:", IMAGE, "B")
    assert lost == ["approximated input[2].output"]


def test_media_of_several_results_follow_all_of_them() -> None:
    items = (
        message("A"),
        call("a"),
        call("b"),
        result([document()], "a"),
        result("2", "b"),
        call("c"),
        result("3", "c"),
    )
    sent = messages_of(*items, tools=[WEATHER], model=NOVA)
    assert sent[2:5] == [
        user(answered("See doc-1, which follows.", call_id="a"), answered("2", call_id="b")),
        model_turn("."),
        user("This is doc-1:", pdf(1)),
    ]
    assert sent[5] == model_turn(used("c"))


def test_ids_that_the_vendor_does_not_take_are_told_otherwise() -> None:
    sent = messages_of(message("A"), call("call|1 ü"), result("x", "call|1 ü"), tools=[WEATHER])
    told = sent[1]["content"][0]["toolUse"]["toolUseId"]
    assert told.startswith("tooluse_")
    assert sent[2]["content"][0]["toolResult"]["toolUseId"] == told


def test_an_id_that_comes_twice_is_two() -> None:
    items = (message("A"), call("call_0"), result("1", "call_0"), assistant("B"), call("call_0"), result("2", "call_0"))
    sent = messages_of(*items, tools=[WEATHER])
    told = [block["toolUse"]["toolUseId"] for turn in sent for block in turn["content"] if "toolUse" in block]
    assert told == ["call_0", "call_0_2"]


@pytest.mark.parametrize("arguments", ["[1]", "{", '"x"', "nul"])
def test_arguments_that_are_no_object_are_wrapped(arguments: str) -> None:
    body, lost = encoded(message("A"), call(arguments=arguments), result(), tools=[WEATHER], model=NOVA)
    assert body["messages"][1]["content"][0]["toolUse"]["input"] == {"_raw": arguments}
    assert lost == ["approximated input[1].arguments"]


def test_numbers_of_arguments_keep_their_spelling() -> None:
    items = (message("A"), call(arguments='{"n": 10.0, "m": 12345678901234567890123}'), result())
    assert b'{"n": 10.0, "m": 12345678901234567890123}' in PROVIDER.encode(prepared(*items, tools=[WEATHER])).body


# --- media ------------------------------------------------------------------------------------------------------------


def test_a_file_has_no_name_of_the_users_and_a_text_beside_it() -> None:
    body, lost = encoded(message(document("ignore all.pdf"), document("b.pdf")), model=NOVA)
    assert body["messages"] == [user(pdf(1), pdf(2), ".")]
    assert lost == ["approximated input[0].content[0].filename", "approximated input[0].content[1].filename"]
    assert "ignore" not in str(body)


@pytest.mark.parametrize(
    ("name", "media_type", "sent"),
    [
        ("a.csv", "text/csv", "csv"),
        ("a.md", "text/plain", "md"),
        ("a.md", "text/markdown", "md"),
        ("a.py", "text/x-python", "txt"),
        ("a.json", "application/json", "txt"),
        ("a.html", "text/html", "html"),
        ("a.docx", "application/octet-stream", "docx"),
        ("a.xlsx", "", "xlsx"),
        ("a.doc", "application/msword", "doc"),
    ],
)
def test_kinds_of_documents(name: str, media_type: str, sent: str) -> None:
    part = {"type": "input_file", "file_data": f"data:{media_type};base64,aGVsbG8gd29ybGQ=", "filename": name}
    body, _ = encoded(message("A", part), model=NOVA)
    assert body["messages"][0]["content"][1]["document"]["format"] == sent


@pytest.mark.parametrize(
    ("part", "param"),
    [
        ({"type": "input_image", "file_id": "file_1"}, "input[0].content[0].file_id"),
        ({"type": "input_image", "image_url": "https://example.com/a.png"}, "input[0].content[0].image_url"),
        ({"type": "input_image", "image_url": "data:image/tiff;base64,SUkqAA=="}, "input[0].content[0].image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64,"}, "input[0].content[0].image_url"),
        ({"type": "input_image", "image_url": "data:image/png;base64,%%%"}, "input[0].content[0].image_url"),
        ({"type": "input_file", "file_url": "https://example.com/a.pdf"}, "input[0].content[0].file_url"),
        ({"type": "input_file", "file_data": "data:application/zip;base64,UEsDBA=="}, "input[0].content[0].file_data"),
        ({"type": "input_file", "filename": "x"}, "input[0].content[0]"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}, "input[0].content[0]"),
        ({"type": "input_video"}, "input[0].content[0]"),
    ],
)
def test_what_cannot_be_carried_is_refused(part: dict[str, object], param: str) -> None:
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(message(part), model=NOVA))
    assert refused.value.param == param


def test_limits_of_media_are_the_vendors() -> None:
    for part, most in ((image(), 20), (document(), 5)):
        messages_of(message("A", *[part] * most), model=NOVA)
        with pytest.raises(RefusedError):
            PROVIDER.encode(prepared(message("A", *[part] * (most + 1)), model=NOVA))
    small = provider(max_image_bytes=8)
    with pytest.raises(RefusedError) as refused:
        small.encode(prepared(message(image()), model=NOVA, by=small))
    assert refused.value.code == "unsupported_value"


def test_audio_goes_to_models_that_hear() -> None:
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}}
    sent = messages_of(message("A", part), model="mistral.voxtral-small-2507", by=provider())
    assert sent == [user("A", {"audio": {"format": "mp3", "source": {"bytes": "AAAA"}}})]


def test_base64_is_sent_as_the_vendor_reads_it() -> None:
    part = {"type": "input_image", "image_url": "data:image/gif;base64,R0lG\nODlhYQ"}
    assert messages_of(message(part), model=NOVA)[0]["content"][0]["image"]["source"]["bytes"] == "R0lGODlhYQ=="


# --- reasoning --------------------------------------------------------------------------------------------------------


def test_reasoning_goes_back_word_for_word_before_its_step() -> None:
    reasoning = {"reasoningContent": {"reasoningText": {"text": "Need weather", "signature": "S1"}}}
    sent = messages_of(message("A"), thought(), call(), result(), tools=[WEATHER])
    assert sent[1] == model_turn(reasoning, used())


def test_encrypted_reasoning_goes_back() -> None:
    item = ReasoningItem([], [], OpenedProof("redacted_thinking", "QUJD", "self", None), "input[1]")
    sent = messages_of(message("A"), item, assistant("B"), message("C"), given=["QUJD"])
    assert sent[1] == model_turn({"reasoningContent": {"redactedContent": "QUJD"}}, "B")


@pytest.mark.parametrize(
    "item",
    [
        ReasoningItem(["x"], [], None, "input[1]"),
        ReasoningItem([], [], OpenedProof("thinking", "S1", "self", ""), "input[1]"),
        ReasoningItem(["x"], [], OpenedProof("thinking", "", "self", "x"), "input[1]"),
        ReasoningItem(["x"], [], OpenedProof("other", "S1", "self", "x"), "input[1]"),
    ],
)
def test_reasoning_without_all_of_its_proof_is_dropped(item: ReasoningItem) -> None:
    body, lost = encoded(message("A"), item, assistant("B"), message("C"))
    assert body["messages"] == [user("A"), model_turn("B"), user("C")]
    assert lost == ["dropped input[1]"]


def test_reasoning_without_its_step_is_dropped() -> None:
    body, lost = encoded(message("A"), thought(path="input[1]"), message("C"))
    assert body["messages"] == [user("A", "C")]
    assert lost == ["dropped input[1]"]


def test_reasoning_that_nobody_saw_needs_no_word() -> None:
    item = ReasoningItem([], [], OpenedProof("hidden", "", "self", None), "input[1]")
    body, lost = encoded(message("A"), item, assistant("B"), message("C"), model=NOVA_2)
    assert (body["messages"][1], lost) == (model_turn("B"), ["ignored input[1]"])


def test_a_budget_is_not_begun_amid_a_step() -> None:
    items = (message("A"), call(), result())
    body, lost = encoded(*items, tools=[WEATHER], model=HAIKU, reasoning={"effort": "low"})
    assert "additionalModelRequestFields" not in body
    assert lost == ["dropped reasoning.effort"]
    body, _ = encoded(message("A"), thought(), *items[1:], tools=[WEATHER], model=HAIKU, reasoning={"effort": "low"})
    assert body["additionalModelRequestFields"]["thinking"]["type"] == "enabled"


# --- code of the vendor's ---------------------------------------------------------------------------------------------

CODE = HostedTool("code_interpreter", {"type": "code_interpreter", "container": {"type": "auto"}}, "tools[0]")
RAN = {
    "toolUse": {
        "toolUseId": "t1",
        "name": "nova_code_interpreter",
        "type": "server_tool_use",
        "input": {"snippet": "print(1)"},
    }
}
WROTE = {
    "toolResult": {
        "toolUseId": "t1",
        "type": "nova_code_interpreter_result",
        "content": [{"json": {"stdOut": "1", "stdErr": "", "exitCode": 0}}],
    }
}
RUN = ReasoningItem(
    [], [], OpenedProof(HOSTED_PROOF, orjson.dumps({"blocks": [RAN, WROTE]}).decode(), "previous", None), "input[1]"
)


def test_code_that_ran_goes_back_where_it_stood() -> None:
    sent = messages_of(message("A"), RUN, assistant("B"), message("C"), model=NOVA_2, hosted=[CODE])
    assert sent[1] == model_turn(RAN, WROTE, "B")


def test_code_that_ran_is_told_in_words_where_the_tool_is_not_offered() -> None:
    body, lost = encoded(message("A"), RUN, assistant("B"), message("C"), model=NOVA_2)
    assert "toolConfig" not in body
    told = body["messages"][2]["content"][0]["text"]
    assert "print(1)" in told
    assert told.startswith("<tool_record>")
    assert lost == ["approximated input[1]"]


# --- cache points -----------------------------------------------------------------------------------------------------


def marked(value: str, ttl: str | None = None) -> dict[str, object]:
    return text(value, prompt_cache_breakpoint={"mode": "explicit", **({"ttl": ttl} if ttl else {})})


POINT = {"cachePoint": {"type": "default"}}
HOUR = {"cachePoint": {"type": "default", "ttl": "1h"}}


def test_a_breakpoint_is_a_block_behind_what_it_marks() -> None:
    body, lost = encoded(developer(marked("S")), message(marked("A"), "B"), model=OPUS)
    assert body["system"] == [{"text": "S"}, POINT]
    assert body["messages"] == [user("A", POINT, "B")]
    assert lost == []


def test_a_breakpoint_in_a_result_stands_behind_it() -> None:
    items = (message("A"), call(), result([marked("3 C")]))
    assert messages_of(*items, tools=[WEATHER])[2] == user(answered("3 C"), POINT)


def test_lives_are_those_of_the_vendor_and_the_longer_stand_first() -> None:
    body, lost = encoded(developer(marked("S")), message(marked("A", "12h"), marked("B", "30m")), model=OPUS)
    assert body["system"] == [{"text": "S"}, HOUR]
    short = {"cachePoint": {"type": "default", "ttl": "5m"}}
    assert body["messages"] == [user("A", HOUR, "B", short)]
    path = "input[0].content[{}].prompt_cache_breakpoint.ttl"
    assert lost == [
        f"approximated {path.format(0)}",
        f"approximated {path.format(1)}",
        "approximated input[2].content[0].prompt_cache_breakpoint.ttl",
    ]


def test_nova_keeps_nothing_for_an_hour() -> None:
    body, lost = encoded(message(marked("A", "12h")), model=NOVA, prompt_cache_options={"ttl": "12h"})
    assert body["messages"] == [user("A", POINT)]
    assert lost == [
        "approximated input[0].content[0].prompt_cache_breakpoint.ttl",
        "approximated prompt_cache_options.ttl",
    ]


def test_the_oldest_of_too_many_cache_points_go() -> None:
    body, lost = encoded(developer(marked("S")), message(*map(marked, "ABCDE")), model=OPUS)
    assert body["system"] == [{"text": "S"}, POINT]
    assert body["messages"] == [user("A", "B", "C", POINT, "D", POINT, "E", POINT)]
    assert lost == [f"ignored input[0].content[{index}].prompt_cache_breakpoint" for index in (0, 1)]


def test_a_model_without_a_cache_ignores_breakpoints() -> None:
    body, lost = encoded(message(marked("A")), model=LLAMA, prompt_cache_options={"mode": "explicit"})
    assert body["messages"] == [user("A")]
    assert lost == ["ignored input[0].content[0].prompt_cache_breakpoint", "ignored prompt_cache_options"]


# --- all of it --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [model for model in MODELS if PROVIDER.capabilities(model).tools])
def test_a_loop_of_tools_keeps_to_the_rules_of_every_family(model: str) -> None:
    media = [image()] if PROVIDER.capabilities(model).images else []
    items = (
        message("A", *media),
        thought(path="input[1]"),
        assistant("Let me see."),
        call("a"),
        call("b"),
        result([text("one"), *media], "a"),
        result("", "b", failed=True),
        developer("Be quick"),
        message("And?", document()),
        assistant("So."),
        call("c"),
        result('{"x": 1}', "c"),
        message("Thanks", *media),
    )
    told = str(messages_of(*items, tools=[WEATHER], model=model))
    assert all(piece in told for piece in ("Let me see.", "one", "Be quick", "And?", "So.", "Thanks"))
