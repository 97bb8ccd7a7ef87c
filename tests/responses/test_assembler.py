"""The assembler: whatever is decoded becomes a legal stream, and the object at its end is what was streamed."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses import assembler as assembler_module
from proxy.responses import sse
from proxy.responses.assembler import Assembler, IncompleteReason, TerminalStatus, is_json_object
from proxy.responses.errors import ResponsesError, error_code
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Event,
    Failed,
    Finished,
    Hosted,
    Key,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
)
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.tool_table import NO_TOOLS, ToolIdentity, ToolTable
from proxy.responses.usage import TokenCount
from proxy.testing.grammar import check_response, check_stream
from tests.responses.neutral_events import CITATION, EVENTS, HOSTED_FIELDS, PHASES, TABLE

COUNT = TokenCount(20, 5, 3, 0, 11, 4)
ERROR = ResponsesError(502, "The provider failed.", type="server_error")


@dataclass(frozen=True)
class Assembled:
    """What came out: the events in order, and the object."""

    events: list[dict[str, Any]]
    response: dict[str, Any]
    body: bytes

    @property
    def output(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.response["output"]
        return items

    @property
    def kinds(self) -> list[str]:
        return [item["type"] for item in self.output]

    @property
    def names(self) -> list[str]:
        return [event["type"].removeprefix("response.") for event in self.events]

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == f"response.{name}"]

    @property
    def violations(self) -> set[str]:
        return {violation.rule for violation in check_stream(self.body)}


def seal(proof: Proof, text: str | None) -> str:
    return f"{proof.kind}|{proof.binds}|{proof.payload}|{text}"


def assemble(
    events: Iterable[Event],
    *,
    status: TerminalStatus = "completed",
    reason: IncompleteReason | None = None,
    error: ResponsesError | None = None,
    table: ToolTable = NO_TOOLS,
    live: bool = True,
    lawful: bool = True,
    request: Mapping[str, object] | None = None,
) -> Assembled:
    """Feed the events one by one and finish; unless told otherwise what comes out has to obey every rule."""
    response = opening(parse_create({"model": "m", "input": "ping", **(request or {})}))
    assembler = Assembler(response, table=table, seal=seal, live=live)
    assembler.begin()
    outgoing = assembler.take()
    for event in events:
        assembler.feed((event,))
        outgoing += assembler.take()
    if status == "incomplete":
        reason = reason or "max_output_tokens"
    if status == "failed":
        error = error or ERROR
    assembler.finish(status, COUNT, reason=reason, error=error)
    outgoing += assembler.take()
    if not live:
        assert outgoing == []
    body = sse.frame(outgoing) + sse.DONE
    assembled = Assembled(
        [orjson.loads(data) for _, data in outgoing], orjson.loads(orjson.dumps(assembler.response)), body
    )
    assert [name for name, _ in outgoing] == [event["type"] for event in assembled.events]
    if lawful:
        assert check_response(assembled.response) == []
        if live:
            assert check_stream(body) == []
    return assembled


def call(key: Key, name: str, *pieces: str, call_id: str | None = None, closed: bool = True) -> list[Event]:
    end: list[Event] = [CallClosed(key)] if closed else []
    return [CallOpened(key, name, call_id), *(CallArguments(key, piece) for piece in pieces), *end]


def joined(events: Iterable[Mapping[str, Any]]) -> str:
    return "".join(event["delta"] for event in events)


# --- text -------------------------------------------------------------------------------------------------------------


def test_a_text_is_one_message_with_one_part() -> None:
    got = assemble([Text("t", "Hel"), Text("t", "lo")])
    assert got.names == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    [message] = got.output
    assert message["content"] == [{"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}]
    assert (message["role"], message["status"]) == ("assistant", "completed")


def test_each_key_is_a_part_of_the_same_message() -> None:
    got = assemble([Text(0, "a"), Text(1, "b"), Text(0, "c")])
    [message] = got.output
    assert [part["text"] for part in message["content"]] == ["a", "b", "c"]
    assert [event["content_index"] for event in got.of("content_part.added")] == [0, 1, 2]


def test_empty_deltas_leave_no_trace() -> None:
    got = assemble([Text("t", ""), Reasoning("r", ""), Refusal("f", ""), Text("t", "a"), Text("t", "")])
    assert got.kinds == ["message"]
    assert len(got.of("output_text.delta")) == 1


def test_an_answer_without_output_is_legal() -> None:
    assert assemble([]).output == []


@pytest.mark.parametrize(
    "text", ['quote " and \\', "line\nbreak\r\n", "\u2028 \u0000 \x7f", "日本語 🙂", "data: [DONE]\n\n"]
)
def test_any_character_arrives(text: str) -> None:
    got = assemble([Text("t", text), *call(0, "f", orjson.dumps({"a": text}).decode())])
    assert got.output[0]["content"][0]["text"] == text
    assert orjson.loads(got.output[1]["arguments"]) == {"a": text}


def test_log_probabilities_travel_with_their_delta_and_gather_in_the_part() -> None:
    one, two = (
        dict[str, object]({"token": token, "logprob": -0.5, "bytes": [97], "top_logprobs": []}) for token in ("a", "b")
    )
    got = assemble([Text("t", "a", [one]), Text("t", "x"), Text("t", "b", [two])])
    assert [event["logprobs"] for event in got.of("output_text.delta")] == [[one], [], [two]]
    assert got.of("output_text.done")[0]["logprobs"] == [one, two]
    assert got.output[0]["content"][0] == {
        "type": "output_text",
        "text": "axb",
        "annotations": [],
        "logprobs": [one, two],
    }


def test_annotations_are_counted_and_stand_in_the_part() -> None:
    other = CITATION | {"end_index": 2}
    got = assemble([Text("t", "ab"), Annotation("t", CITATION), Annotation("t", other)])
    assert [event["annotation_index"] for event in got.of("output_text.annotation.added")] == [0, 1]
    assert got.output[0]["content"][0]["annotations"] == [CITATION, other]


def test_annotations_of_a_part_that_is_not_open_are_left_out() -> None:
    got = assemble([Annotation("t", CITATION), Text("t", "ab"), Annotation("u", CITATION), Refusal("f", "no")])
    assert got.output[0]["content"][0]["annotations"] == []


def test_a_refusal_is_a_part_of_its_own() -> None:
    got = assemble([Text("t", "Well. "), Refusal("t", "I "), Refusal("t", "won't.")])
    [message] = got.output
    assert message["content"][1] == {"type": "refusal", "refusal": "I won't."}
    assert joined(got.of("refusal.delta")) == got.of("refusal.done")[0]["refusal"] == "I won't."


# --- reasoning --------------------------------------------------------------------------------------------------------


def test_a_summary_is_summary_text() -> None:
    got = assemble([Reasoning("r", "Let "), Reasoning("r", "me"), Text("t", "a")])
    reasoning, message = got.output
    assert reasoning["summary"] == [{"type": "summary_text", "text": "Let me"}]
    assert "content" not in reasoning
    assert "status" not in reasoning
    assert joined(got.of("reasoning_summary_text.delta")) == "Let me"
    assert message["type"] == "message"


def test_the_raw_chain_is_content() -> None:
    got = assemble([Reasoning("r", "Let ", raw=True), Reasoning("r", "me", raw=True)])
    [reasoning] = got.output
    assert (reasoning["summary"], reasoning["content"]) == ([], [{"type": "reasoning_text", "text": "Let me"}])
    assert joined(got.of("reasoning_text.delta")) == "Let me"


def test_each_key_is_a_reasoning_item() -> None:
    got = assemble([Reasoning(0, "a"), Reasoning(1, "b")])
    assert [item["summary"][0]["text"] for item in got.output] == ["a", "b"]


def test_a_proof_of_the_open_reasoning_is_its_encrypted_content() -> None:
    got = assemble([Reasoning(0, "think"), Proof(0, "signature", "S"), Text(1, "a")])
    assert got.output[0]["encrypted_content"] == "signature|self|S|None"


def test_a_verbatim_proof_is_sealed_with_the_exact_text() -> None:
    got = assemble([Reasoning(0, "th"), Reasoning(0, "ink"), Proof(0, "signature", "S", verbatim=True)])
    assert got.output[0]["encrypted_content"] == "signature|self|S|think"


def test_a_late_proof_becomes_a_later_item_bound_to_the_one_before() -> None:
    got = assemble([Reasoning(0, "think"), Text(1, "an"), Proof(0, "signature", "S"), Text(1, "swer")])
    assert got.kinds == ["reasoning", "message", "reasoning"]
    assert "encrypted_content" not in got.output[0]
    assert got.output[1]["content"][0]["text"] == "answer"
    assert got.output[2]["summary"] == []
    assert got.output[2]["encrypted_content"] == "signature|previous|S|None"


def test_redacted_reasoning_is_a_proof_without_text() -> None:
    got = assemble([Proof(0, "redacted", "R"), Reasoning(1, "think"), Proof(2, "redacted", "Q"), Text(3, "a")])
    assert got.kinds == ["reasoning", "reasoning", "reasoning", "message"]
    assert [item.get("encrypted_content") for item in got.output] == [
        "redacted|self|R|None",
        None,
        "redacted|self|Q|None",
        None,
    ]


def test_a_proof_may_come_before_the_text_that_it_proves() -> None:
    got = assemble([Proof(0, "signature", "S"), Reasoning(0, "think")])
    [reasoning] = got.output
    assert (reasoning["summary"][0]["text"], reasoning["encrypted_content"]) == ("think", "signature|self|S|None")


def test_a_proof_of_the_next_item_stands_before_it() -> None:
    got = assemble([Text("t", "a"), Proof("p", "thought", "P", "next"), *call(0, "f", "{}")])
    assert got.kinds == ["message", "reasoning", "function_call"]
    assert got.output[1]["encrypted_content"] == "thought|next|P|None"


def test_a_proof_stands_between_the_text_it_belongs_to_and_the_text_that_follows() -> None:
    got = assemble([Text("a", "One"), Proof("p", "signature", "S", "previous"), Text("b", "Two")])
    assert [item["type"] for item in got.output] == ["message", "reasoning", "message"]
    assert [item["content"][0]["text"] for item in got.output if item["type"] == "message"] == ["One", "Two"]


@pytest.mark.parametrize("binds", ["previous", "turn_end"])
def test_a_proof_of_a_message_stands_behind_the_whole_message(binds: Any) -> None:
    got = assemble([Text("t", "a"), Proof("p", "thought", "P", binds), Text("t", "b")])
    assert got.kinds == ["message", "reasoning"]
    assert got.output[0]["content"][0]["text"] == "ab"
    assert got.output[1]["encrypted_content"] == f"thought|{binds}|P|None"


@pytest.mark.parametrize("binds", ["previous", "turn_end"])
def test_a_proof_of_a_call_stands_behind_it(binds: Any) -> None:
    got = assemble([*call(0, "f", '{"a":1}'), Proof(0, "thought", "P", binds)])
    assert got.kinds == ["function_call", "reasoning"]


def test_a_message_that_a_proof_follows_is_not_the_incomplete_item() -> None:
    got = assemble([Text("t", "a"), Proof("p", "thought", "P", "turn_end")], status="incomplete")
    assert got.output[0]["status"] == "completed"


# --- calls ------------------------------------------------------------------------------------------------------------


def test_a_call_is_streamed_as_it_comes() -> None:
    got = assemble(call(0, "weather", '{"ci', 'ty":"Oslo"}', call_id="call_vendor.1"))
    assert got.names[2:-1] == [
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
    ]
    [item] = got.output
    assert (item["name"], item["arguments"], item["call_id"]) == ("weather", '{"city":"Oslo"}', "call_vendor.1")
    assert item["status"] == "completed"
    assert "namespace" not in item


@pytest.mark.parametrize("pieces", [(), ("",), ("  ",), ("\n", " ")])
@pytest.mark.parametrize("closed", [True, False])
def test_no_arguments_become_an_empty_object_that_is_streamed_too(pieces: Sequence[str], closed: bool) -> None:
    got = assemble(call(0, "f", *pieces, closed=closed))
    [item] = got.output
    assert orjson.loads(item["arguments"]) == {}
    assert joined(got.of("function_call_arguments.delta")) == item["arguments"]


def test_an_unused_vendor_id_is_kept_to_the_letter() -> None:
    ids = ["call_1", "toolu_01A-b:c.d", "9", "x" * 64]
    got = assemble([event for key, call_id in enumerate(ids) for event in call(key, "f", "{}", call_id=call_id)])
    assert [item["call_id"] for item in got.output] == ids


@pytest.mark.parametrize("call_id", [None, "", "x" * 65, "with space", "ünï", "line\n"])
def test_an_id_that_clients_could_not_carry_is_replaced(call_id: str | None) -> None:
    [item] = assemble(call(0, "f", "{}", call_id=call_id)).output
    assert re.fullmatch("call_[0-9a-f]{24}", item["call_id"])


def test_an_id_that_comes_again_is_replaced() -> None:
    first, second = assemble([*call(0, "f", "{}", call_id="call_0"), *call(1, "f", "{}", call_id="call_0")]).output
    assert first["call_id"] == "call_0"
    assert second["call_id"] != "call_0"


def test_the_table_restores_name_and_namespace_from_the_first_event_on() -> None:
    table = ToolTable({"files__read": ToolIdentity("read", "files"), "a_b": ToolIdentity("a.b")})
    got = assemble([*call(0, "files__read", "{}"), *call(1, "a_b", "{}"), *call(2, "unknown", "{}")], table=table)
    assert [(item["name"], item.get("namespace")) for item in got.output] == [
        ("read", "files"),
        ("a.b", None),
        ("unknown", None),
    ]
    added = got.of("output_item.added")
    assert (added[0]["item"]["name"], added[0]["item"]["namespace"]) == ("read", "files")
    assert [event["name"] for event in got.of("function_call_arguments.done")] == ["read", "a.b", "unknown"]


def test_interleaved_calls_stand_in_the_order_in_which_they_were_opened() -> None:
    got = assemble(
        [
            CallOpened(0, "f", "call_a"),
            CallOpened(1, "g", "call_b"),
            CallArguments(1, '{"b"'),
            CallArguments(0, '{"a"'),
            CallArguments(1, ":2}"),
            CallArguments(0, ":1}"),
            CallClosed(1),
            CallClosed(0),
        ]
    )
    assert [(item["name"], item["arguments"]) for item in got.output] == [("f", '{"a":1}'), ("g", '{"b":2}')]


def test_the_first_of_interleaved_calls_is_live_and_the_others_wait() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x", "stream": True})))
    assembler.feed([CallOpened(0, "f"), CallOpened(1, "g"), CallArguments(1, '{"b":1}')])
    assert [name for name, _ in assembler.take()] == ["response.output_item.added"]
    assembler.feed([CallArguments(0, '{"a":')])
    assert [name for name, _ in assembler.take()] == ["response.function_call_arguments.delta"]
    assembler.feed([CallArguments(0, "1}"), CallClosed(0)])
    assert [name.removeprefix("response.") for name, _ in assembler.take()] == [
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
    ]


def test_a_whole_call_gives_way_to_the_next_without_being_closed() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x", "stream": True})))
    assembler.feed([CallOpened(0, "f"), CallArguments(0, '{"a":1}'), CallOpened(1, "g")])
    assert [name.removeprefix("response.") for name, _ in assembler.take()][-2:] == [
        "output_item.done",
        "output_item.added",
    ]


def test_text_between_the_pieces_of_a_call_comes_after_it() -> None:
    got = assemble(
        [CallOpened(0, "f"), CallArguments(0, '{"a":'), Text("t", "mean"), Text("t", "while"), CallArguments(0, "1}")]
    )
    assert got.kinds == ["function_call", "message"]
    assert got.output[0]["arguments"] == '{"a":1}'
    assert got.output[1]["content"][0]["text"] == "meanwhile"


def test_text_after_a_call_is_a_new_message() -> None:
    got = assemble([Text("t", "a"), *call(0, "f", "{}"), Text("t", "b")])
    assert got.kinds == ["message", "function_call", "message"]


def test_only_calls_make_no_message() -> None:
    assert assemble([*call(0, "f", "{}"), *call(1, "g", "{}"), *call(2, "h", "{}")]).kinds == ["function_call"] * 3


def test_another_call_under_the_same_key_is_another_call() -> None:
    got = assemble([*call(0, "f", closed=False), *call(0, "g", '{"b":2}', closed=False)])
    assert [(item["name"], item["arguments"]) for item in got.output] == [("f", "{}"), ("g", '{"b":2}')]


@pytest.mark.parametrize(
    "event",
    [Text(0, "a"), Refusal(0, "a"), Reasoning(0, "a"), Proof(0, "k", "p"), Hosted(0, "mcp_call", "in_progress")],
)
def test_an_open_call_outlives_other_events_under_its_key(event: Event) -> None:
    got = assemble([CallOpened(0, "f"), CallArguments(0, '{"a":'), event, CallArguments(0, "1}"), CallClosed(0)])
    assert (got.kinds[0], got.output[0]["arguments"]) == ("function_call", '{"a":1}')
    assert len(got.output) == 2


def test_what_comes_after_a_whole_object_is_no_part_of_it() -> None:
    got = assemble([*call(0, "f", '{"a":1}'), CallArguments(0, "\n"), CallClosed(0), CallArguments(7, "{}")])
    assert [item["arguments"] for item in got.output] == ['{"a":1}']


def test_a_closed_call_that_is_cut_by_the_limit_is_incomplete() -> None:
    got = assemble(call(0, "f", '{"a":'), status="incomplete")
    assert (got.output[0]["status"], got.output[0]["arguments"]) == ("incomplete", '{"a":')


def test_a_whole_call_before_the_limit_is_completed() -> None:
    got = assemble(call(0, "f", '{"a":1}', closed=False), status="incomplete")
    assert got.output[0]["status"] == "completed"


def test_a_call_without_arguments_at_the_limit_is_incomplete() -> None:
    got = assemble(call(0, "f", closed=False), status="incomplete")
    assert (got.output[0]["status"], got.output[0]["arguments"]) == ("incomplete", "")


def test_arguments_that_are_no_json_are_handed_on_as_the_model_wrote_them() -> None:
    got = assemble([*call(0, "f", '{"a":'), Text("t", "b")], lawful=False)
    assert [item["type"] for item in got.output] == ["function_call", "message"]
    assert got.output[0]["arguments"] == '{"a":'
    assert got.violations == {"call-arguments"}


def test_too_much_that_waits_fails_the_answer_and_the_end_is_still_legal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembler_module, "MAX_HELD", 100)
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x", "stream": True})))
    assembler.begin()
    with pytest.raises(ResponsesError) as caught:
        assembler.feed(
            [
                CallOpened(0, "f"),
                CallOpened(1, "g"),
                CallOpened(2, "h"),
                *(CallArguments(2, "x" * 10) for _ in range(99)),
            ]
        )
    assert caught.value.status == 502
    assembler.finish("failed", COUNT, error=caught.value)
    outgoing = assembler.take()
    assert outgoing[-1][0] == "response.failed"
    assert {violation.rule for violation in check_stream(sse.frame(outgoing) + sse.DONE)} <= {"item-incomplete"}


@pytest.mark.parametrize("text", ["{}", ' {"a": [1]}\n', '{"a":{}}'])
def test_a_whole_object(text: str) -> None:
    assert is_json_object(text)


@pytest.mark.parametrize("text", ["", "[]", "null", '{"a":1', '{"a":1}}', "{}{}", '"}', "{}x"])
def test_no_whole_object(text: str) -> None:
    assert not is_json_object(text)


# --- hosted tools -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HOSTED_FIELDS)
def test_a_hosted_tool_that_ends_at_once_goes_through_all_its_phases(kind: str) -> None:
    got = assemble([Hosted(0, kind, "completed", HOSTED_FIELDS[kind]), Text("t", "a")])
    assert got.kinds == [kind, "message"]
    assert got.output[0] | HOSTED_FIELDS[kind] == got.output[0]
    assert got.output[0].get("status") == (None if kind == "mcp_list_tools" else "completed")


@pytest.mark.parametrize("kind", HOSTED_FIELDS)
@pytest.mark.parametrize("first", PHASES)
@pytest.mark.parametrize("second", PHASES)
def test_no_order_of_phases_breaks_the_stream(kind: str, first: Any, second: Any) -> None:
    assemble([Hosted(0, kind, first, HOSTED_FIELDS[kind]), Hosted(0, kind, second, HOSTED_FIELDS[kind])])


@pytest.mark.parametrize("kind", HOSTED_FIELDS)
@pytest.mark.parametrize("status", ["completed", "incomplete", "failed"])
def test_a_hosted_tool_without_an_end_did_not_succeed(kind: str, status: TerminalStatus) -> None:
    got = assemble([Hosted(0, kind, "in_progress", HOSTED_FIELDS[kind])], status=status)
    assert got.output[0].get("status") in (None, "failed", "incomplete")


def test_the_phases_of_a_web_search() -> None:
    query = {"type": "search", "query": "q"}
    got = assemble(
        [
            Hosted(0, "web_search_call", "in_progress"),
            Hosted(0, "web_search_call", "searching", {"action": query}),
            Hosted(0, "web_search_call", "completed", {"action": query | {"sources": []}}),
        ]
    )
    assert got.names[2:-1] == [
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
    ]
    assert "action" not in got.of("output_item.added")[0]["item"]
    assert got.output[0]["action"] == query | {"sources": []}


def test_code_is_streamed_once_and_before_it_runs() -> None:
    first, again = {"code": "print(1)", "container_id": "cntr_1"}, {"code": "print(2)", "outputs": []}
    got = assemble(
        [
            Hosted(0, "code_interpreter_call", "in_progress", {"container_id": "cntr_1"}),
            Hosted(0, "code_interpreter_call", "interpreting", first),
            Hosted(0, "code_interpreter_call", "completed", again),
        ]
    )
    assert got.names[3:-2] == [
        "code_interpreter_call.in_progress",
        "code_interpreter_call_code.delta",
        "code_interpreter_call_code.done",
        "code_interpreter_call.interpreting",
        "code_interpreter_call.completed",
    ]
    assert (got.output[0]["code"], got.output[0]["outputs"]) == ("print(1)", [])


def test_fields_do_not_touch_what_is_the_assemblers_own() -> None:
    fields = HOSTED_FIELDS["web_search_call"] | {"id": "vendor", "status": "odd", "type": "message"}
    [item] = assemble([Hosted(0, "web_search_call", "completed", fields)]).output
    assert item["id"].startswith("ws_")
    assert (item["status"], item["type"]) == ("completed", "web_search_call")


def test_text_waits_for_the_end_of_a_hosted_tool() -> None:
    search = HOSTED_FIELDS["web_search_call"]
    got = assemble(
        [Hosted(0, "web_search_call", "searching"), Text("t", "a"), Hosted(0, "web_search_call", "completed", search)]
    )
    assert got.kinds == ["web_search_call", "message"]


def test_steps_after_the_end_of_a_hosted_tool_are_left_out() -> None:
    search = HOSTED_FIELDS["web_search_call"]
    got = assemble(
        [Hosted(0, "web_search_call", "completed", search), Text("t", "a"), Hosted(0, "web_search_call", "failed")]
    )
    assert got.kinds == ["web_search_call", "message"]


# --- the end ----------------------------------------------------------------------------------------------------------


def test_a_completed_answer() -> None:
    response = assemble([Text("t", "a")]).response
    assert (response["status"], response["error"], response["incomplete_details"]) == ("completed", None, None)
    assert isinstance(response["completed_at"], int)
    assert response["usage"] == {
        "input_tokens": 20,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        "output_tokens": 11,
        "output_tokens_details": {"reasoning_tokens": 4},
        "total_tokens": 31,
    }


@pytest.mark.parametrize("reason", ["max_output_tokens", "content_filter"])
def test_an_incomplete_answer(reason: Any) -> None:
    got = assemble([*call(0, "f", "{}"), Text("t", "a")], status="incomplete", reason=reason)
    assert got.response["incomplete_details"] == {"reason": reason}
    assert got.response["completed_at"] is None
    assert [item["status"] for item in got.output] == ["completed", "incomplete"]


def test_reasoning_that_is_cut_is_incomplete() -> None:
    got = assemble([Reasoning("r", "thi")], status="incomplete")
    assert got.output[0]["status"] == "incomplete"


def test_a_failed_answer_keeps_what_there_was() -> None:
    got = assemble([Text("t", "par"), Text("t", "tial")], status="failed")
    assert got.response["error"] == {"code": "server_error", "message": "The provider failed."}
    assert (got.output[0]["status"], got.output[0]["content"][0]["text"]) == ("incomplete", "partial")
    assert got.events[-1]["type"] == "response.failed"


def test_a_failure_may_come_without_a_count() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    assembler.finish("failed", None, error=ERROR)
    assert assembler.response["usage"] is None
    assert check_stream(sse.frame(assembler.take()) + sse.DONE) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ResponsesError(429, "m", code="rate_limit_exceeded"), "rate_limit_exceeded"),
        (ResponsesError(429, "m", code="insufficient_quota"), "rate_limit_exceeded"),
        (ResponsesError(400, "m", code="invalid_prompt"), "invalid_prompt"),
        (ResponsesError(400, "m", code="context_length_exceeded"), "server_error"),
        (ResponsesError(504, "m", code="upstream_timeout"), "server_error"),
        (ResponsesError(502, "m"), "server_error"),
    ],
)
def test_the_code_of_a_failure_is_one_that_clients_know(error: ResponsesError, code: str) -> None:
    assert error_code(error) == code
    assert assemble([], status="failed", error=error).response["error"]["code"] == code


def test_the_service_tier_is_the_one_used() -> None:
    assert assemble([]).response["service_tier"] == "default"
    assert assemble([Started("id", "m", "flex")]).response["service_tier"] == "flex"


def test_what_the_vendor_says_of_itself_is_kept_for_the_log() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.feed(
        [Started("chatcmpl-1", "m-2", None), Usage(input_tokens=3), Finished("length", "MAX"), Failed(ERROR)]
    )
    assert assembler.started == Started("chatcmpl-1", "m-2", None)
    assert assembler.finished == Finished("length", "MAX")
    assert assembler.failure is ERROR
    assert assembler.tally.total().input_tokens == 3
    assert (assembler.has_output, assembler.output) == (False, [])


def test_has_output_from_the_first_item_on() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.feed([Text("t", "")])
    assert not assembler.has_output
    assembler.feed([Text("t", "a")])
    assert assembler.has_output
    assert len(assembler.output) == 1


def test_a_queued_response_says_so_before_it_is_in_progress() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x", "background": True})))
    assembler.begin(queued=True)
    assert assembler.response["status"] == "in_progress"
    assembler.feed([Text("t", "a")])
    assembler.finish("completed", COUNT)
    outgoing = assembler.take()
    assert check_stream(sse.frame(outgoing) + sse.DONE) == []
    opened = [(name.removeprefix("response."), orjson.loads(data)) for name, data in outgoing[:3]]
    assert [name for name, _ in opened] == ["created", "queued", "in_progress"]
    assert [event["response"]["status"] for _, event in opened] == ["queued", "queued", "in_progress"]
    assert [event["sequence_number"] for _, event in opened] == [0, 1, 2]


@pytest.mark.parametrize("count", [COUNT, None])
def test_a_cancelled_answer_keeps_what_there_was(count: TokenCount | None) -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    assembler.feed([Text("t", "par")])
    assembler.finish("cancelled", count, reason="content_filter", error=ERROR)
    outgoing, response = assembler.take(), assembler.response
    assert outgoing[-1][0] == "response.failed"
    assert orjson.loads(outgoing[-1][1])["response"]["status"] == response["status"] == "cancelled"
    assert [response[member] for member in ("error", "incomplete_details", "completed_at")] == [None, None, None]
    assert response["usage"] == (None if count is None else COUNT.as_response())
    assert assembler.output[0]["status"] == "incomplete"
    assert check_stream(sse.frame(outgoing) + sse.DONE) == []


OUTCOMES: Mapping[str, dict[str, Any]] = {
    "completed": {},
    "incomplete": {"reason": "content_filter"},
    "failed": {"error": ERROR},
    "cancelled": {},
}


@pytest.mark.parametrize("first", OUTCOMES)
@pytest.mark.parametrize("second", OUTCOMES)
def test_a_conclusion_may_be_changed_until_it_is_announced(first: Any, second: Any) -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    assembler.feed([Text("t", "a")])
    assembler.conclude(first, COUNT, **OUTCOMES[first])
    written = assembler.take()
    assert written[-1][0] == "response.output_item.done"
    assembler.conclude(second, None, **OUTCOMES[second])
    assert assembler.take() == []
    response = assembler.response
    assert (response["status"], response["usage"]) == (second, None)
    assert [response[member] is not None for member in ("completed_at", "incomplete_details", "error")] == [
        second == "completed",
        second == "incomplete",
        second == "failed",
    ]
    assembler.announce()
    [(_, data)] = assembler.take()
    assert orjson.loads(data)["response"] == response


def test_what_was_announced_stands() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    assembler.finish("completed", COUNT)
    announced = orjson.dumps(assembler.response)
    assert [name for name, _ in assembler.take()][-1] == "response.completed"
    assembler.finish("failed", None, error=ERROR)
    assembler.announce()
    assert assembler.take() == []
    assert orjson.dumps(assembler.response) == announced


# --- whatever comes ---------------------------------------------------------------------------------------------------

ENDS: st.SearchStrategy[TerminalStatus] = st.sampled_from(["completed", "incomplete", "failed", "cancelled"])


def unavoidable(got: Assembled) -> set[str]:
    """The rules that a model itself can break: it may write arguments that are no JSON, and be cut in the midst of a
    call that it began before others."""
    rules = set()
    for item in got.output:
        if item["type"] == "function_call" and not is_json_object(item["arguments"]):
            rules.add("call-arguments" if item["status"] == "completed" else "item-incomplete")
        if item["type"] == "custom_tool_call" and item["status"] == "incomplete":
            rules.add("item-incomplete")
    return rules


def normalised(response: Mapping[str, Any]) -> object:
    """The response with its random ids numbered in the order in which they appear, and without the time."""
    text = orjson.dumps({**response, "completed_at": None, "created_at": 0}).decode()
    numbers: dict[str, str] = {}
    return re.sub(r"[0-9a-f]{24,48}", lambda found: numbers.setdefault(found[0], f"#{len(numbers)}"), text)


@settings(max_examples=200, deadline=None)
@given(st.lists(EVENTS, max_size=24), ENDS)
def test_whatever_comes_the_stream_is_legal(events: list[Event], status: TerminalStatus) -> None:
    got = assemble(events, status=status, table=TABLE, lawful=False)
    assert got.violations <= unavoidable(got), check_stream(got.body)
    end = "failed" if status == "cancelled" else status
    assert [name for name in got.names if name in ("completed", "incomplete", "failed")] == [end]
    assert got.names[-1] == end


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=24), ENDS)
def test_whatever_comes_a_plain_answer_is_the_streamed_one(events: list[Event], status: TerminalStatus) -> None:
    live = assemble(events, status=status, table=TABLE, lawful=False)
    plain = assemble(events, status=status, table=TABLE, lawful=False, live=False)
    assert normalised(plain.response) == normalised(live.response)
    assert live.events[-1]["response"] == live.response


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, max_size=24), ENDS)
def test_whatever_comes_the_joined_deltas_are_the_output(events: list[Event], status: TerminalStatus) -> None:
    got = assemble(events, status=status, table=TABLE, lawful=False)
    for index, item in enumerate(got.output):
        deltas = joined(event for event in got.events if event.get("output_index") == index and "delta" in event)
        parts = item.get("content") or item.get("summary") or []
        shown = "".join(part.get("text", part.get("refusal")) for part in parts)
        if item["type"] in ("function_call", "mcp_call"):
            shown = item["arguments"]
        elif item["type"] == "custom_tool_call":
            shown = item["input"]
        elif item["type"] == "code_interpreter_call":
            shown = item["code"]
        assert deltas == shown


@settings(max_examples=100, deadline=None)
@given(st.lists(EVENTS, max_size=24))
def test_nothing_that_was_said_is_lost(events: list[Event]) -> None:
    said = {kind: "".join(e.delta for e in events if e.__class__ is kind) for kind in (Text, Refusal, Reasoning)}
    got = assemble(events, table=TABLE, lawful=False)
    parts = [part for item in got.output for part in (*item.get("content", ()), *item.get("summary", ()))]
    shown = {
        Text: "".join(part["text"] for part in parts if part["type"] == "output_text"),
        Refusal: "".join(part["refusal"] for part in parts if part["type"] == "refusal"),
        Reasoning: "".join(part["text"] for part in parts if part["type"] in ("reasoning_text", "summary_text")),
    }
    if any(isinstance(event, Opened) for event in events):
        # What belongs to an item that its vendor opened stands there, also when another item was begun in between.
        assert {kind: sorted(shown[kind]) for kind in shown} == {kind: sorted(said[kind]) for kind in said}
    else:
        assert shown == said
    proofs = sum(isinstance(event, Proof) for event in events)
    sealed = sum("encrypted_content" in item for item in got.output)
    assert (sealed > 0) == (proofs > 0)
