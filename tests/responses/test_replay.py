"""Replay: the bytes of a stream, made again from the finished response and its journal."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count
from typing import Any, get_args
from unittest import mock

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses import identifiers
from proxy.responses.assembler import Assembler, IncompleteReason, Outgoing, TerminalStatus
from proxy.responses.errors import ResponsesError
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Closed,
    Event,
    Failed,
    Finished,
    Hosted,
    Members,
    Opened,
    Proof,
    Reasoning,
    Refusal,
    Started,
    Text,
    Unmapped,
    Usage,
    Verbatim,
)
from proxy.responses.replay import JournalError, replay, sequence_length
from proxy.responses.request import parse_create
from proxy.responses.response import opening
from proxy.responses.stream_writer import CHECKSUM_SIZE, TEXT_KINDS, StreamWriter, checksum
from proxy.responses.usage import TokenCount
from tests.responses.neutral_events import CITATION, HOSTED_FIELDS, LOGPROB, NATIVE_ITEMS, TABLE, WILD_EVENTS

COUNT = TokenCount(20, 5, 3, 0, 11, 4)
ERROR = ResponsesError(502, "The provider failed.", type="server_error")

EVERYTHING: list[Event] = [
    Started("id", "model", "flex"),
    Usage(1, 0, 0, 0, 1, 0),
    Reasoning(0, "Thin"),
    Reasoning(0, "king 🤔"),
    Proof(0, "signature", "S", verbatim=True),
    Reasoning(1, "raw", raw=True),
    Proof(2, "redacted", "R"),
    Text("t", "Hel"),
    Annotation("t", CITATION),
    Text("t", "lo 🙂", [LOGPROB, LOGPROB]),
    Text("t", ""),
    Text("t", "", [LOGPROB]),
    Text("t", "\U0001d54eorld"),
    Annotation("t", CITATION | {"title": "B"}),
    Text("u", "Again"),
    Proof(1, "signature", "late"),
    Refusal("t", "I "),
    Refusal("t", "won't."),
    *(Hosted(kind, kind, "in_progress", {"container_id": "c", "name": "n"}) for kind in HOSTED_FIELDS),
    *(Hosted(kind, kind, "completed", fields) for kind, fields in HOSTED_FIELDS.items()),
    Hosted("x", "mcp_call", "failed", {"error": "no"}),
    Hosted("z", "code_interpreter_call", "completed", {"code": "1", "annotations": [1], "logprobs": [1]}),
    Hosted("y", "tool_of_tomorrow_call", "completed", {"a": [1, 1.0, True, None]}),
    CallOpened(0, "files__read", "call_0"),
    CallOpened(1, "f", "call_1"),
    CallArguments(1, '{"b":'),
    CallArguments(0, '{"a":1'),
    CallArguments(1, "2}"),
    Text("t", "between"),
    CallArguments(0, "}"),
    CallClosed(0),
    CallClosed(1),
    CallOpened(2, "f"),
    CallClosed(2),
    CallOpened(3, "patch"),
    CallArguments(3, '{"input":"a\\'),
    CallArguments(3, 'nb"}'),
    CallOpened(4, "own", custom=True),
    CallArguments(4, "as it is"),
    CallClosed(4),
    CallOpened(5, "shell"),
    CallArguments(5, '{"commands":["ls"]}'),
    CallClosed(5),
    Unmapped("block"),
    Opened("0", NATIVE_ITEMS[0]),
    Text("0/0", "Na"),
    Text("0/0", "tive"),
    Text("0/1", "second part"),
    Closed("0", {**NATIVE_ITEMS[0], "status": "completed", "phase": "final_answer"}),
    Opened("1", NATIVE_ITEMS[1]),
    Reasoning("1/s0", "Hm"),
    Reasoning("1/s1", "So"),
    Reasoning("1/c0", "raw", raw=True),
    Proof("1", "responses", "E"),
    Closed("1", NATIVE_ITEMS[1]),
    Verbatim(None, "steer.accepted", {"steer": 1}),
    Opened("2", NATIVE_ITEMS[3]),
    Text("3/0", "waits"),
    Verbatim("2", "code_interpreter_call.in_progress", {"item_id": "x", "output_index": 7}),
    Verbatim("2", "code_interpreter_call_code.delta", {"item_id": "x", "delta": "1 +"}),
    Verbatim("2", "code_interpreter_call_code.delta", {"item_id": "x", "delta": " 1"}),
    Verbatim("2", "code_interpreter_call_code.done", {"item_id": "x", "code": "1 + 1"}),
    Verbatim("2", "code_interpreter_call.tomorrow", {"item_id": "x", "output_index": 7, "n": 1.0}),
    Closed("2", {**NATIVE_ITEMS[3], "code": "1 + 1", "outputs": None, "status": "completed"}),
    Opened("4", {"type": "item_of_tomorrow", "id": "tom_0123456789abcdef01", "x": 1}),
    Closed("4", {"type": "item_of_tomorrow", "id": "tom_0123456789abcdef01", "x": 2}),
    Members({"tool_usage": {}}),
    Text("t", "end"),
    Finished("stop"),
]
"""Whatever can happen in one answer."""


@dataclass(frozen=True)
class Streamed:
    """A stream as its client saw it, and what a store has of it."""

    events: list[Outgoing]
    response: dict[str, Any]
    journal: bytes

    def again(self, after: int = -1) -> list[Outgoing]:
        return list(replay(self.response, self.journal, after=after))


def seal(proof: Proof, text: str | None) -> str:
    return f"{proof.kind}|{proof.binds}|{proof.payload}|{text}"


def stream(
    events: Iterable[Event],
    status: TerminalStatus = "completed",
    *,
    begun: bool = True,
    queued: bool = False,
    reason: IncompleteReason | None = "max_output_tokens",
    error: ResponsesError | None = ERROR,
    usage: TokenCount | None = COUNT,
    response: dict[str, object] | None = None,
) -> Streamed:
    """Assemble the events one by one; the response goes through JSON, as in a store."""
    request = {"model": "m", "input": "ping", "instructions": "Sag „ja“ 🙂", "background": queued}
    assembler = Assembler(response or opening(parse_create(request)), table=TABLE, seal=seal)
    if begun:
        assembler.begin(queued=queued)
    outgoing = assembler.take()
    for event in events:
        assembler.feed((event,))
        outgoing += assembler.take()
    assembler.conclude(status, usage, reason=reason, error=error)
    outgoing += assembler.take()
    journal = assembler.journal()
    assert journal is not None
    stored = orjson.loads(orjson.dumps(assembler.response))
    assembler.announce()
    return Streamed(outgoing + assembler.take(), stored, journal)


# --- equality ---------------------------------------------------------------------------------------------------------

STATUSES = st.sampled_from(get_args(TerminalStatus))


@settings(max_examples=300, deadline=None)
@given(st.lists(WILD_EVENTS, max_size=24), STATUSES, st.booleans(), st.sampled_from([COUNT, None]))
def test_whatever_was_streamed_is_streamed_again(
    events: list[Event], status: TerminalStatus, queued: bool, usage: TokenCount | None
) -> None:
    first = stream(events, status, queued=queued, usage=usage)
    for after in range(-1, len(first.events) + 2):
        assert first.again(after) == first.events[after + 1 :]
    assert sequence_length(first.journal) == len(first.events)


@pytest.mark.parametrize("status", get_args(TerminalStatus))
@pytest.mark.parametrize("end", range(len(EVERYTHING) + 1))
def test_an_answer_that_ends_anywhere_is_streamed_again(end: int, status: TerminalStatus) -> None:
    first = stream(EVERYTHING[:end], status)
    assert first.again() == first.events


def test_every_neutral_event_and_every_text_was_tried() -> None:
    """What the assembler learns to take and to write has to be tried here."""
    first = stream(EVERYTHING)
    written = {name.removeprefix("response.") for name, _ in first.events}
    assert {*map(type, EVERYTHING), Failed} == {*get_args(Event)}
    assert {f"{name}.{end}" for name in TEXT_KINDS for end in ("delta", "done")} <= written
    assert first.again() == first.events


@pytest.mark.parametrize("queued", [True, False])
def test_a_stream_that_was_never_opened_has_only_its_rest(queued: bool) -> None:
    first = stream(EVERYTHING, begun=False, queued=queued)
    assert first.again() == first.events
    assert first.again(5) == first.events[6:]
    assert sequence_length(first.journal) == len(first.events)


def test_the_tier_of_the_opening_is_the_one_that_was_asked_for() -> None:
    first = stream([Started(service_tier="flex"), Text("t", "a")])
    assert orjson.loads(first.again()[0][1])["response"]["service_tier"] == "auto"
    assert orjson.loads(first.again()[-1][1])["response"]["service_tier"] == "flex"


def test_deltas_are_cut_between_characters_however_many_bytes_they_have() -> None:
    pieces = ["a", "é", "日本", "🙂", "👩‍👩‍👧", "\u0000", '"', "\\", "\u2028"]
    first = stream([Text("t", piece) for piece in pieces])
    again = [orjson.loads(data) for _, data in first.again()]
    assert [event["delta"] for event in again if event["type"].endswith("text.delta")] == pieces


def test_nothing_comes_after_the_end() -> None:
    first = stream(EVERYTHING)
    assert first.again(len(first.events) - 2) == first.events[-1:]
    assert first.again(len(first.events) - 1) == []
    assert first.again(10**30) == []


def test_a_stream_may_be_resumed_before_its_beginning() -> None:
    first = stream(EVERYTHING)
    assert first.again(-7) == first.events


def test_a_changed_outcome_is_the_one_that_is_streamed_again() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})))
    assembler.begin()
    assembler.feed([Text("t", "a")])
    assembler.conclude("completed", COUNT)
    assembler.conclude("failed", None, error=ERROR)
    journal = assembler.journal()
    assert journal is not None
    stored = orjson.loads(orjson.dumps(assembler.response))
    assembler.announce()
    assert list(replay(stored, journal)) == assembler.take()


def test_what_is_skipped_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    first = stream([Text("t", "a")] * 1000)
    dumps = mock.Mock(side_effect=orjson.dumps)
    monkeypatch.setattr(orjson, "dumps", dumps)
    assert first.again(1003) == first.events[1004:]
    # Five events, and the form in which the one item began.
    assert dumps.call_count == len(first.events[1004:]) + 1


def test_an_item_may_end_with_other_members_than_it_began_with() -> None:
    writer = StreamWriter()
    item: dict[str, object] = {"id": "x_1", "type": "x", "passing": 1, "number": 1}
    response = {"id": "resp_1", "status": "completed", "output": [item]}
    writer.open_item(item)
    del item["passing"]
    item |= {"number": 1.0, "late": True}
    writer.close_item(item)
    journal = writer.journal(response)
    writer.end(response)
    assert list(replay(response, journal)) == writer.take()


# --- the journal ------------------------------------------------------------------------------------------------------


def test_the_journal_of_an_ordinary_answer_is_small() -> None:
    first = stream([Text("t", "word ") for _ in range(100)])
    assert len(first.journal) < 350


def test_a_plain_answer_has_no_journal() -> None:
    assembler = Assembler(opening(parse_create({"model": "m", "input": "x"})), live=False)
    assembler.begin()
    assembler.feed(EVERYTHING)
    assembler.conclude("completed", COUNT)
    assert assembler.journal() is None


OLD_ANSWER: list[Event] = [
    Reasoning(0, "Thin"),
    Reasoning(0, "king"),
    Proof(0, "signature", "S"),
    Text("t", "Hel"),
    Annotation("t", CITATION),
    Text("t", "lo", [LOGPROB, LOGPROB]),
    Refusal("t", "No."),
    Hosted("c", "code_interpreter_call", "completed", HOSTED_FIELDS["code_interpreter_call"]),
    CallOpened(0, "files__read", "call_0"),
    CallArguments(0, '{"a":'),
    CallArguments(0, "1}"),
    CallClosed(0),
]
OLD_JOURNAL = (
    b'106d7b69[1,[false,"auto",144],[[3,{"summary":[]},["reasoning_summary_text",4,4]],'
    b'[5,{"status":"in_progress","content":[]},["output_text",3,-1,-3,2],["refusal",3]],'
    b'[6,{"status":"in_progress","code":""},"code_interpreter_call.in_progress",["code_interpreter_call_code",'
    b'8],"code_interpreter_call.interpreting","code_interpreter_call.completed"],'
    b'[7,{"status":"in_progress","arguments":""},["function_call_arguments",5,2]]]]'
)
"""The journal of that answer as version 1 had it. Stores keep journals for weeks, so it has to stay readable."""


def test_a_journal_of_version_1_is_read() -> None:
    numbers = count(1)
    response: dict[str, object] = {"id": "resp_0", "status": "in_progress", "output": [], "service_tier": "auto"}
    response |= dict.fromkeys(("usage", "completed_at", "incomplete_details", "error"))
    with mock.patch.object(identifiers, "item_id", lambda prefix: f"{prefix}_{next(numbers)}"):
        first = stream(OLD_ANSWER, "failed", response=response)
    assert list(replay(first.response, OLD_JOURNAL)) == first.events


# --- what does not fit ------------------------------------------------------------------------------------------------


def test_a_journal_that_was_changed_anywhere_is_refused() -> None:
    first = stream([Text("t", "abc"), Text("t", "de"), *([Text("t", "x")] * 3)])
    for position in range(len(first.journal)):
        damaged = bytearray(first.journal)
        damaged[position] ^= 1
        with pytest.raises(JournalError):
            replay(first.response, bytes(damaged))


def test_a_journal_that_was_cut_anywhere_is_refused() -> None:
    first = stream(EVERYTHING)
    for end in range(len(first.journal)):
        with pytest.raises(JournalError):
            replay(first.response, first.journal[:end])


def test_the_journal_of_another_response_is_refused() -> None:
    one, two = (stream([Text("t", "ab"), Text("t", "c")]) for _ in range(2))
    with pytest.raises(JournalError, match="another response"):
        replay(one.response, two.journal)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"1",
        b"[1,[],7]",
        b"[1,[1],[]]",
        b"[1,[],[[]]]",
        b"[2,[],[]]",
        b'[1,[],[[0,{},["x"]]]]',
    ],
)
def test_what_is_no_journal_is_refused(content: bytes) -> None:
    response = stream([]).response
    journal = checksum(response, content) + content
    with pytest.raises(JournalError):
        replay(response, journal)


def _longer(response: dict[str, Any]) -> None:
    response["output"][1]["content"][0]["text"] += "!"


def _without_an_annotation(response: dict[str, Any]) -> None:
    response["output"][1]["content"][0]["annotations"].pop()


def _without_a_logprob(response: dict[str, Any]) -> None:
    response["output"][1]["content"][0]["logprobs"].pop()


def _with_another_part(response: dict[str, Any]) -> None:
    response["output"][1]["content"].append({"type": "refusal", "refusal": ""})


def _without_a_part(response: dict[str, Any]) -> None:
    response["output"][1]["content"].pop()


def _with_a_part_of_another_type(response: dict[str, Any]) -> None:
    response["output"][1]["content"][0]["type"] = "reasoning_text"


def _with_a_text_that_is_none(response: dict[str, Any]) -> None:
    response["output"][1]["content"][0]["text"] = 7


def _without_a_summary(response: dict[str, Any]) -> None:
    del response["output"][0]["summary"]


def _without_an_item(response: dict[str, Any]) -> None:
    response["output"].pop()


def _without_ids(response: dict[str, Any]) -> None:
    del response["output"][0]["id"]


def _without_output(response: dict[str, Any]) -> None:
    response["output"] = None


def _unended(response: dict[str, Any]) -> None:
    response["status"] = "in_progress"


def _with_another_model(response: dict[str, Any]) -> None:
    response["model"] = "another"


@pytest.mark.parametrize(
    "change",
    [
        _longer,
        _without_an_annotation,
        _without_a_logprob,
        _with_another_part,
        _without_a_part,
        _with_a_part_of_another_type,
        _with_a_text_that_is_none,
        _without_a_summary,
        _without_an_item,
        _without_ids,
        _without_output,
        _unended,
        _with_another_model,
    ],
)
def test_a_response_that_was_changed_is_refused(change: Any) -> None:
    first = stream([Reasoning("r", "b"), Text("t", "a", [LOGPROB]), Annotation("t", CITATION), Text("t", "b")])
    assert first.again() == first.events
    change(first.response)
    with pytest.raises(JournalError):
        replay(first.response, first.journal)


@pytest.mark.parametrize("journal", [b"", b"00000000", b"00000000[1]", b"0" * 100, b"00000000[9,[],[]]"])
def test_the_length_of_what_is_no_journal_is_refused(journal: bytes) -> None:
    with pytest.raises(JournalError):
        sequence_length(journal)


def test_the_checksum_stands_in_front() -> None:
    first = stream(EVERYTHING)
    content = first.journal[CHECKSUM_SIZE:]
    assert checksum(first.response, content) + content == first.journal
    assert isinstance(orjson.loads(content), list)
