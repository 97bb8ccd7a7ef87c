"""Compaction without a vendor: what a model is asked to summarise, and what becomes of its answer."""

from typing import Any

import orjson
import pytest

from proxy.exchange.compaction import (
    INSTRUCTIONS,
    Summarising,
    asks_for_compaction,
    open_summary,
    seal_summary,
    summary_request,
)
from proxy.provider.conversions import RefusedError
from proxy.responses.assembler import Assembler
from proxy.responses.compaction import PARAMETERS_OF_RESPONSES, compacted, parse_compact
from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    CallOpened,
    Event,
    Failed,
    Finished,
    FinishReason,
    Hosted,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)
from proxy.responses.replay import replay
from proxy.responses.request import CreateRequest, parse_create
from proxy.responses.response import opening
from proxy.responses.seal import SealedProof, Sealer, SealKey
from proxy.responses.usage import NO_TOKENS

SEALER = Sealer([SealKey("k", b"k" * 32)])
TRIGGER = {"type": "compaction_trigger"}


def parsed(*items: Any, **body: Any) -> CreateRequest:
    return parse_create({"model": "m", "input": [*items, TRIGGER], **body})


def summary_of(request: CreateRequest, instructions: str | None = None) -> CreateRequest:
    paths = [f"input[{index}]" for index in range(len(request.input))]
    return summary_request(request, instructions=instructions, sealer=SEALER, client="shop", paths=paths)


def transcript(*items: Any, **body: Any) -> str:
    """What the model is given of a history."""
    summary: list[Any] = list(summary_of(parsed(*items, **body)).input)
    [message] = summary
    assert message["role"] == "user"
    [part] = message["content"]
    text: str = part["text"]
    return text


# --- seals ------------------------------------------------------------------------------------------------------------


def test_a_summary_is_opened_by_a_sealer_with_the_same_key() -> None:
    sealed = seal_summary(SEALER, "shop", "Zusammenfassung ✓")
    again = Sealer([SealKey("new", b"n" * 32), SealKey("k", b"k" * 32)])
    assert open_summary(again, "shop", sealed, "input[0]") == "Zusammenfassung ✓"


@pytest.mark.parametrize(
    "sealed",
    [
        "",
        "gAAAAAB",
        seal_summary(Sealer([SealKey("other", b"o" * 32)]), "shop", "x"),
        SEALER.seal(SealedProof("anthropic", "e", "a", "f", "shop", "signature", "self", "x", None)),
    ],
)
def test_what_is_no_summary_of_ours_is_refused(sealed: str) -> None:
    with pytest.raises(RefusedError) as caught:
        open_summary(SEALER, "shop", sealed, "input[3]")
    assert (caught.value.status, caught.value.param) == (400, "input[3]")


@pytest.mark.parametrize("client", ["shop", "other"])
def test_a_changed_or_a_foreign_summary_is_refused(client: str) -> None:
    sealed = seal_summary(SEALER, "shop", "x")
    changed = sealed if client == "other" else sealed[:-1] + ("A" if sealed[-1] != "A" else "B")
    with pytest.raises(ResponsesError) as caught:
        open_summary(SEALER, client, changed, "input[3]")
    assert caught.value.code == "invalid_encrypted_content"
    assert caught.value.param == "input[3].encrypted_content"


# --- the request for a summary ----------------------------------------------------------------------------------------


def test_only_a_trigger_at_the_end_asks_for_a_compaction() -> None:
    assert asks_for_compaction(parsed({"role": "user", "content": "x"}))
    assert not asks_for_compaction(parse_create({"model": "m", "input": [TRIGGER, {"role": "user", "content": "x"}]}))
    assert not asks_for_compaction(parse_create({"model": "m", "input": []}))


def test_the_model_gets_the_history_as_one_message_without_tools() -> None:
    request = parsed(
        {"role": "user", "content": "x"},
        instructions="Be brief.",
        tools=[{"type": "function", "name": "f"}],
        tool_choice="required",
        text={"format": {"type": "json_object"}},
        temperature=0.5,
        max_output_tokens=16,
        metadata={"a": "b"},
        stream=True,
        prompt_cache_key="key",
    )
    summary = summary_of(request)
    assert (summary.tools, summary.tool_choice, summary.text, summary.metadata) == ([], "auto", {}, {})
    assert (summary.temperature, summary.max_output_tokens, summary.store) == (None, None, False)
    assert (summary.stream, summary.prompt_cache_key, summary.instructions) == (True, "key", INSTRUCTIONS)
    assert summary.given == {"model", "input", "instructions", "stream", "prompt_cache_key"}
    assert summary_of(request, "Mine.").instructions == "Mine."


def test_every_kind_of_item_is_in_the_transcript() -> None:
    image = "data:image/png;base64,iVBORw0KGgo="
    text = transcript(
        {"role": "developer", "content": "Rule."},
        {
            "role": "user",
            "content": [{"type": "input_text", "text": "See"}, {"type": "input_image", "image_url": image}],
        },
        {"role": "user", "content": [{"type": "input_file", "filename": "a.pdf", "file_data": image}]},
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "Thought."}], "encrypted_content": "SECRET"},
        {"type": "reasoning", "summary": []},
        {
            "role": "assistant",
            "content": [{"type": "output_text", "text": "Said."}, {"type": "refusal", "refusal": "No."}],
        },
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"a": 1}'},
        {"type": "function_call_output", "call_id": "c1", "output": [{"type": "input_text", "text": "Found."}]},
        {"type": "custom_tool_call", "call_id": "c2", "name": "patch", "input": "*** Begin"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "Done."},
        {"type": "function_call_output", "call_id": "lost", "output": "Orphan."},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "Oslo"}},
        {"type": "image_generation_call", "id": "ig_1", "status": "completed", "result": "iVBORw0KGgo"},
        {
            "type": "computer_call_output",
            "call_id": "c3",
            "output": {"type": "computer_screenshot", "image_url": image},
        },
        {"type": "additional_tools", "role": "developer", "tools": [{"type": "function", "name": "late"}]},
        {"type": "compaction", "encrypted_content": seal_summary(SEALER, "shop", "Earlier.")},
        instructions="Be brief.",
    )
    for part in (
        "<instructions>\nBe brief.\n</instructions>",
        "<developer>\nRule.\n</developer>",
        "<user>\nSee\n[image]\n</user>",
        "<user>\n[file a.pdf]\n</user>",
        "<reasoning>\nThought.\n</reasoning>",
        "<assistant>\nSaid.\nNo.\n</assistant>",
        '<call name="look">\n{"a": 1}\n</call>',
        '<result name="look">\nFound.\n</result>',
        '<call name="patch">\n*** Begin\n</call>',
        '<result name="patch">\nDone.\n</result>',
        "<result>\nOrphan.\n</result>",
        '<web_search_call>\n{"action":{"type":"search","query":"Oslo"}}\n</web_search_call>',
        '"image_url":"[data]"',
        '"tools":["late"]',
        "<summary>\nEarlier.\n</summary>",
    ):
        assert part in text
    assert text.count("<reasoning>") == 1
    assert "SECRET" not in text
    assert "iVBORw0KGgo" not in text


def test_there_has_to_be_something_to_summarise() -> None:
    with pytest.raises(ResponsesError) as caught:
        summary_of(parsed())
    assert (caught.value.status, caught.value.code) == (400, "missing_required_parameter")


def test_an_earlier_summary_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        transcript({"role": "user", "content": "x"}, {"type": "compaction", "encrypted_content": "gAAAA"})
    assert caught.value.param == "input[1]"


# --- the answer -------------------------------------------------------------------------------------------------------


def answered(*events: Event) -> list[Event]:
    """What the assembler gets of an answer, fed in two pieces."""
    summarising = Summarising(SEALER, "shop")
    return [*summarising(events[:2]), *summarising(events[2:])]


def test_the_text_becomes_one_sealed_item() -> None:
    usage = Usage(input_tokens=5, output_tokens=2)
    made = answered(
        Started("id"), Reasoning("r", "hm"), Text("a", " One"), Text("b", " two. "), usage, Finished("stop", "end_turn")
    )
    assert made[:2] == [Started("id"), usage]
    hosted, finished = made[2:]
    assert isinstance(hosted, Hosted)
    assert open_summary(SEALER, "shop", str(hosted.fields["encrypted_content"]), "") == "One two."
    assert finished == Finished("stop", "end_turn")


@pytest.mark.parametrize("reason", ["length", "content_filter", "pause"])
def test_a_summary_that_is_not_whole_is_never_sealed(reason: FinishReason) -> None:
    [failed] = answered(Text("a", "Half a"), Finished(reason))
    assert isinstance(failed, Failed)
    assert (failed.error.status, failed.error.code) == (502, "compaction_failed")
    assert failed.error.headers == {"x-should-retry": "false"}


@pytest.mark.parametrize(
    "events", [[], [Text("a", " \n")], [Refusal("a", "I will not.")], [CallOpened("c", "f", "call_1")]]
)
def test_an_answer_without_text_is_a_failure(events: list[Event]) -> None:
    [failed] = answered(*events, Finished("stop"))
    assert isinstance(failed, Failed)
    assert "wrote nothing" in failed.error.message


def test_a_failure_of_the_vendor_stays_what_it_is() -> None:
    failure = Failed(ResponsesError(503, "Busy."))
    assert answered(Text("a", "x"), failure) == [failure]


def test_the_stream_of_a_compaction_can_be_told_again() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x", "stream": True})))
    assembler.begin()
    assembler.feed(answered(Text("a", "One."), Finished("stop")))
    assembler.conclude("completed", NO_TOKENS)
    journal = assembler.journal()
    assert journal is not None
    assembler.announce()
    events = assembler.take()
    assert [name.removeprefix("response.") for name, _ in events] == [
        "created",
        "in_progress",
        "output_item.added",
        "compaction.compacting",
        "output_item.done",
        "completed",
    ]
    response = orjson.loads(orjson.dumps(assembler.response))
    assert list(replay(response, journal)) == events


# --- the requests and answers of /compact -----------------------------------------------------------------------------


def test_a_request_to_compact_is_one_to_create_without_a_trace() -> None:
    request = parse_compact({"model": "m", "input": "x", "instructions": "Be brief.", "tools": [], "store": True})
    assert asks_for_compaction(request)
    assert (request.store, request.stream, request.instructions) == (False, False, "Be brief.")
    assert parse_compact({"model": "m", "input": [{"role": "user", "content": "x"}, TRIGGER]}).input[1:] == [TRIGGER]
    assert parse_compact({"model": "m", "input": None, "previous_response_id": "resp_1"}).input == [TRIGGER]


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ([], None, None),
        ({"input": "x"}, "model", "missing_required_parameter"),
        ({"input": "x", "model": None}, "model", "missing_required_parameter"),
        ({"model": "m"}, None, "missing_required_parameter"),
        ({"model": "m", "input": []}, None, "missing_required_parameter"),
        ({"model": "m", "input": ""}, None, "missing_required_parameter"),
        ({"model": "m", "input": 5}, "input", "invalid_type"),
        ({"model": "m", "input": "x", "inputs": "x"}, "inputs", "unknown_parameter"),
        ({"model": "m", "input": "x", "instructions": 5}, "instructions", "invalid_type"),
        ({"model": "m", "input": "x", "previous_response_id": 5}, "previous_response_id", "invalid_type"),
        *[({"model": "m", "input": "x", name: True}, name, "unknown_parameter") for name in PARAMETERS_OF_RESPONSES],
    ],
)
def test_what_is_wrong_with_a_request_to_compact(body: object, param: str | None, code: str | None) -> None:
    with pytest.raises(ResponsesError) as caught:
        parse_compact(body)
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, code)


def test_unknown_parameters_are_overlooked_where_the_operator_says_so() -> None:
    body = {"model": "m", "input": "x", "zzz": 1, "stream": True, "conversation": "conv_1"}
    request = parse_compact(body, unknown_parameters="ignore")
    assert (request.stream, request.conversation) == (False, None)


def test_the_answer_has_the_messages_of_the_user_and_the_item() -> None:
    history = [
        b'{"id":"msg_1","type":"message","role":"user","content":[],"status":"completed"}',
        b'{"id":"msg_2","type":"message","role":"assistant","content":[]}',
        b'{"id":"msg_3","type":"message","role":"developer","content":[]}',
        b'{"id":"cmp_1","type":"compaction","encrypted_content":"x"}',
        b'{"id":"ct_1","type":"compaction_trigger"}',
    ]
    item = {"id": "cmp_2", "type": "compaction", "encrypted_content": "y"}
    answer = compacted({"id": "resp_1", "created_at": 5, "output": [item], "usage": {}, "status": "completed"}, history)
    assert answer == {
        "id": "resp_1",
        "object": "response.compaction",
        "created_at": 5,
        "output": [orjson.loads(history[0]), item],
        "usage": {},
    }
