"""`reasoning_details` go back as they came: their order, their members and every byte of their texts."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat import OpenAIChat, OpenAIChatSettings
from providers.openai_chat.details import Details
from proxy.exchange.prepare import Rules, encode
from proxy.provider.contract import Frame
from proxy.responses.assembler import Assembler
from proxy.responses.response import opening

from .exchanges.exchange import BASE_URL, DONE, answered, chunk, prepared_for, said, sealed, target_of, whole

MODEL = "google/gemini-3-pro"
OPENROUTER = OpenAIChat(OpenAIChatSettings(base_url=BASE_URL, dialect="openrouter"), "chat")
TEXT_OF = {"reasoning.text": "text", "reasoning.summary": "summary"}

Entry = dict[str, Any]


# --- pieces -----------------------------------------------------------------------------------------------------------


def text(value: str | None, **members: Any) -> Entry:
    return {"type": "reasoning.text", "text": value, **members}


def collected(*deltas: list[Entry]) -> Any:
    details = Details()
    for delta in deltas:
        details.add(delta)
    return orjson.loads(details.take())


@pytest.mark.parametrize(
    ("deltas", "entries"),
    [
        ([[text("a", index=0)], [text("b", index=0)]], [text("ab", index=0)]),
        ([[text("a")], [text("b")]], [text("ab")]),
        ([[text("a", index=0)], [text("b", index=1)]], [text("a", index=0), text("b", index=1)]),
        ([[text("a", id="x")], [text("b", id="y")]], [text("a", id="x"), text("b", id="y")]),
        ([[text("a", id=None)], [text("b", id="y")]], [text("ab", id="y")]),
        (
            [[text("a", signature=None, format="f")], [{"type": "reasoning.text", "signature": "S"}]],
            [text("a", signature="S", format="f")],
        ),
        ([[text("a", signature="S")], [text("b")]], [text("a", signature="S"), text("b")]),
        (
            [[{"type": "reasoning.text", "signature": "S"}], [{"type": "reasoning.text", "id": "x"}]],
            [{"type": "reasoning.text", "signature": "S", "id": "x"}],
        ),
        (
            [[{"type": "reasoning.encrypted", "data": "A"}], [{"type": "reasoning.encrypted", "data": "B"}]],
            [{"type": "reasoning.encrypted", "data": "A"}, {"type": "reasoning.encrypted", "data": "B"}],
        ),
        (
            [[text("a")], [{"type": "reasoning.encrypted", "data": "A"}], [text("b")]],
            [text("a"), {"type": "reasoning.encrypted", "data": "A"}, text("b")],
        ),
        ([[{"type": "reasoning.new", "text": "a"}], [{"type": "reasoning.new", "text": "b"}]], None),
        ([[{"type": 5, "text": "a"}], [{}]], None),
        ([[text(None), text("a")]], [text("a")]),
    ],
)
def test_pieces_become_entries(deltas: list[list[Entry]], entries: list[Entry] | None) -> None:
    each = [entry for delta in deltas for entry in delta]
    assert collected(*deltas) == (each if entries is None else entries)


def test_what_is_given_is_not_changed() -> None:
    first = text("a")
    assert collected([first], [text("b")]) == [text("ab")]
    assert first == text("a")


def test_what_was_taken_is_forgotten() -> None:
    details = Details()
    details.add([text("a")])
    assert details
    details.take()
    assert not details
    assert details.take() == "[]"


# --- there and back ---------------------------------------------------------------------------------------------------


def replayed(assembler: Assembler) -> list[Any]:
    """The details that the next request gives back, over all assistant messages; the conversation goes on with the
    results of the calls, or with another question."""
    assembler.settle(completed=True)
    items: list[Any] = [said("user", "Hi"), *assembler.output]
    calls = [item for item in assembler.output if item["type"] == "function_call"]
    items += [answered(call_id=str(call["call_id"])) for call in calls] or [said("user", "Go on")]
    prepared = prepared_for(OPENROUTER, MODEL, {"input": items})
    body = orjson.loads(encode(prepared, target_of(OPENROUTER, MODEL), Rules()).body)
    assert not [each for each in prepared.conversions if "encrypted" in each.path]
    return [entry for message in body["messages"] for entry in message.get("reasoning_details", ())]


def assembler_of(prepared: Any) -> Assembler:
    """An assembler that seals as the exchange does."""

    def seal(proof: Any, content: str | None) -> str:
        return sealed(proof.kind, proof.payload, model=MODEL, text=content, binds=proof.binds)

    assembler = Assembler(opening(prepared.request), seal=seal)
    assembler.begin()
    return assembler


def after_a_stream(chunks: Sequence[Any]) -> list[Any]:
    prepared = prepared_for(OPENROUTER, MODEL, {"stream": True})
    decoder, assembler = OPENROUTER.decoder(prepared), assembler_of(prepared)
    for each in chunks:
        assembler.feed(decoder.feed(Frame("", each if isinstance(each, bytes) else orjson.dumps(each))))
    assembler.feed(decoder.end())
    assert assembler.failure is None
    return replayed(assembler)


def after_a_whole_answer(message: Entry) -> list[Any]:
    prepared = prepared_for(OPENROUTER, MODEL, {})
    assembler = assembler_of(prepared)
    assembler.feed(OPENROUTER.decode(orjson.dumps(whole(message)), prepared))
    assert assembler.failure is None
    return replayed(assembler)


def call(number: int) -> Entry:
    """A whole call in one delta."""
    return {"index": number, "id": f"call_{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "format": st.sampled_from(["anthropic-claude-v1", "openai-responses-v1", "unknown", None]),
        "id": st.text(min_size=1, max_size=5),
        "new": st.integers(-5, 5) | st.booleans() | st.lists(st.none()),
    },
)
TEXTS = st.builds(
    lambda kind, words, members: {"type": kind, TEXT_OF[kind]: words, **members},
    st.sampled_from(sorted(TEXT_OF)),
    st.text(min_size=1, max_size=12),
    MEMBERS,
)
SIGNED = st.builds(lambda entry, proof: {**entry, "signature": proof}, TEXTS, st.text(min_size=1, max_size=6))
SECRETS = st.builds(
    lambda data, members: {"type": "reasoning.encrypted", "data": data, **members}, st.text(max_size=12), MEMBERS
)
ENTRIES = st.lists(TEXTS | SIGNED | SECRETS, max_size=6).map(
    lambda entries: [{**entry, "index": index} for index, entry in enumerate(entries)]
)


def in_pieces(entry: Entry, cuts: Sequence[int]) -> list[Entry]:
    """The deltas of one entry: its text is cut, and its signature comes last."""
    member = TEXT_OF.get(entry["type"])
    if member is None:
        return [entry]
    words, proof = entry[member], {"signature": entry["signature"]} if "signature" in entry else {}
    places = sorted({0, len(words), *(cut % (len(words) + 1) for cut in cuts)})
    head = {name: value for name, value in entry.items() if name != "signature"}
    pieces = [{**head, member: words[start:end]} for start, end in pairwise(places)]
    return [*pieces, {**{name: head[name] for name in ("type", "index")}, **proof}] if proof else pieces


@settings(max_examples=150, deadline=None)
@given(
    entries=ENTRIES,
    cuts=st.lists(st.integers(0, 12), max_size=3),
    told=st.booleans(),
    between=st.lists(st.sampled_from(["", "text", "call"]), max_size=6),
)
def test_a_stream_gives_back_every_entry(entries: list[Entry], cuts: list[int], told: bool, between: list[str]) -> None:
    chunks: list[Any] = []
    for number, entry in enumerate(entries):
        kind = between[number] if number < len(between) else ""
        if kind == "text":
            chunks.append(chunk({"content": "So. "}))
        elif kind == "call":
            chunks.append(chunk({"tool_calls": [call(number)]}))
        for piece in in_pieces(entry, cuts):
            words = piece.get(TEXT_OF.get(piece["type"], ""))
            chunks.append(chunk({"content": "", "reasoning": words if told else None, "reasoning_details": [piece]}))
    assert after_a_stream([*chunks, chunk({"content": "Done"}, finish="stop"), DONE]) == entries


@settings(max_examples=100, deadline=None)
@given(entries=ENTRIES, calls=st.integers(0, 2), content=st.sampled_from([None, "", "Done"]))
def test_a_whole_answer_gives_back_every_entry(entries: list[Entry], calls: int, content: str | None) -> None:
    message: Entry = {"content": content, "reasoning_details": entries}
    if calls or not content:
        message["tool_calls"] = [call(number) for number in range(calls or 1)]
    assert orjson.dumps(after_a_whole_answer(message)) == orjson.dumps(entries)


@pytest.mark.parametrize(
    "last",
    [
        {"reasoning_details": [{"type": "reasoning.encrypted", "data": "E"}]},
        {"content": "", "reasoning_details": [{"type": "reasoning.encrypted", "data": "E"}]},
    ],
)
@pytest.mark.parametrize("said_first", [{"content": "Hello"}, {"tool_calls": [call(0)]}])
def test_an_entry_after_everything_else_goes_back_too(last: Entry, said_first: Entry) -> None:
    found = after_a_stream([chunk(said_first), chunk(last), chunk({}, finish="stop"), DONE])
    assert found == [{"type": "reasoning.encrypted", "data": "E"}]


def test_entries_around_calls_keep_their_order_when_text_follows_the_calls() -> None:
    entries = [{"type": "reasoning.text", "text": words, "index": index} for index, words in enumerate(("a", "b"))]
    chunks: list[Any] = []
    for index, entry in enumerate(entries):
        chunks += [chunk({"tool_calls": [call(index)]}), chunk({"reasoning_details": [entry]})]
    assert after_a_stream([*chunks, chunk({"content": "Done"}, finish="stop"), DONE]) == entries


def test_details_of_another_model_stay_here() -> None:
    items = [
        said("user", "Hi"),
        {
            "type": "reasoning",
            "summary": [],
            "encrypted_content": sealed("reasoning_details", '[{"type":"reasoning.text"}]', model="other"),
        },
        said("assistant", "Hello"),
        said("user", "Go on"),
    ]
    prepared = prepared_for(OPENROUTER, MODEL, {"input": items})
    body = orjson.loads(encode(prepared, target_of(OPENROUTER, MODEL), Rules()).body)
    assert not any("reasoning_details" in message for message in body["messages"])
    assert any(each.path.startswith("input[1]") for each in prepared.conversions)
