"""Earlier reasoning on its way back: what can go, in which form, and what is declared when it cannot."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat.dialect import Replay
from providers.openai_chat.reasoning import put_back, thought
from proxy.provider.history import OpenedProof, ReasoningItem
from tests.providers.openai_chat.material import prepared

DETAILS = [{"type": "reasoning.text", "text": "Hm"}, {"type": "reasoning.encrypted", "data": "E"}]


def item(content: str = "", proof: OpenedProof | None = None, path: str = "input[1]") -> ReasoningItem:
    return ReasoningItem([], [content] if content else [], proof, path)


def text_proof(text: str | None, signature: str = "") -> OpenedProof:
    return OpenedProof("reasoning_text", signature, "self", text)


def details_proof(payload: object = DETAILS) -> OpenedProof:
    return OpenedProof("reasoning_details", orjson.dumps(payload).decode(), "self", None)


def put(replay: Replay, *items: ReasoningItem, content: Any = "Yes") -> tuple[dict[str, Any], bool, list[str]]:
    """The assistant's message, whether reasoning went with it, and what was left behind."""
    request = prepared()
    message: dict[str, Any] = {"role": "assistant", "content": content}
    went = put_back(message, [thought(each) for each in items], replay, request)
    del message["role"]
    return message, went, [each.path for each in request.conversions]


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (item("Visible"), "Visible"),
        (item("Visible", text_proof("Exact")), "Exact"),
        (item("", text_proof("Exact")), "Exact"),
        (item("Visible", text_proof("")), "Visible"),
        (item("Visible", text_proof(None)), "Visible"),
        (item("Visible", OpenedProof("another kind", "x", "self", "Exact")), "Visible"),
        (ReasoningItem(["A summary"], [], None, "input[1]"), ""),
    ],
)
def test_the_sealed_text_counts_before_the_visible_one_and_a_summary_is_none(given: ReasoningItem, text: str) -> None:
    assert thought(given).text == text


def test_a_signature_goes_with_its_text_alone() -> None:
    assert thought(item("", text_proof("Exact", "S"))).signature == "S"
    assert thought(item("Visible", text_proof(None, "S"))).signature == ""


@pytest.mark.parametrize(("payload", "details"), [(DETAILS, DETAILS), ([], []), ({}, []), (None, [])])
def test_details_are_a_list(payload: object, details: object) -> None:
    assert thought(item("", details_proof(payload))).details == details


# --- forms ------------------------------------------------------------------------------------------------------------


def test_as_a_member_the_texts_are_joined() -> None:
    assert put(Replay("reasoning"), item("a"), item("b")) == ({"content": "Yes", "reasoning": "ab"}, True, [])


def test_as_a_block_in_front_of_the_content() -> None:
    replay = Replay(form="think_tags")
    assert put(replay, item("a")) == ({"content": "<think>\na\n</think>\n\nYes"}, True, [])
    assert put(replay, item("a"), content=None) == ({"content": "<think>\na\n</think>\n\n"}, True, [])


def test_as_the_details_that_came() -> None:
    replay = Replay("reasoning_details", form="details")
    message, went, left = put(replay, item("Hm", details_proof()), item("", details_proof([5])))
    assert (message, went, left) == ({"content": "Yes", "reasoning_details": [*DETAILS, 5]}, True, [])


def test_as_parts_of_the_content_with_their_signatures() -> None:
    message, went, _ = put(Replay(form="thinking_part"), item("", text_proof("a", "S")), item("b"))
    first, second, said = message["content"]
    assert went
    assert (first["thinking"], first["signature"]) == ([{"type": "text", "text": "a"}], "S")
    assert (second["thinking"], "signature" in second) == ([{"type": "text", "text": "b"}], False)
    assert said == {"type": "text", "text": "Yes"}


# --- what cannot go ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["text", "details", "think_tags", "thinking_part"])
def test_what_has_nothing_to_go_back_is_declared(form: Any) -> None:
    nothing = ReasoningItem(["A summary"], [], None, "input[3]")
    assert put(Replay(form=form), nothing) == ({"content": "Yes"}, False, ["input[3]"])


def test_the_rest_goes_all_the_same() -> None:
    empty = item("", path="input[3]")
    assert put(Replay(), item("a"), empty) == ({"content": "Yes", "reasoning_content": "a"}, True, ["input[3]"])
    replay = Replay("reasoning_details", form="details")
    message, went, left = put(replay, item("a", path="input[3]"), item("", details_proof()))
    assert (message["reasoning_details"], went, left) == (DETAILS, True, ["input[3]"])


def test_a_placeholder_stands_for_what_was_lost() -> None:
    replay = Replay(placeholder=" ")
    assert put(replay) == ({"content": "Yes", "reasoning_content": " "}, True, [])
    assert put(replay, item("a")) == ({"content": "Yes", "reasoning_content": "a"}, True, [])
    assert put(replay, item("")) == ({"content": "Yes", "reasoning_content": " "}, True, ["input[1]"])


ITEMS = st.lists(
    st.builds(
        lambda content, proof: item(content, proof),
        st.sampled_from(["", "Visible", "<think>"]),
        st.none()
        | st.builds(text_proof, st.none() | st.text(max_size=4), st.sampled_from(["", "S"]))
        | st.builds(details_proof, st.lists(st.dictionaries(st.text(max_size=3), st.integers(0, 3)), max_size=2)),
    ),
    max_size=4,
)


@settings(max_examples=200, deadline=None)
@given(items=ITEMS, form=st.sampled_from(["text", "details", "think_tags", "thinking_part"]))
def test_every_thought_goes_back_in_its_order_or_is_declared(items: list[ReasoningItem], form: Any) -> None:
    placed = [ReasoningItem([], each.content, each.proof, f"input[{number}]") for number, each in enumerate(items)]
    message, went, left = put(Replay(form=form), *placed)
    gone = [thought(each) for each in placed if each.path not in left]
    assert went is bool(gone)
    if form == "details":
        assert message.get("reasoning_content", []) == [detail for each in gone for detail in each.details]
    elif form == "thinking_part":
        parts = message["content"] if gone else []
        assert [part["thinking"][0]["text"] for part in parts if "thinking" in part] == [each.text for each in gone]
    elif gone:
        text = message["content"] if form == "think_tags" else message["reasoning_content"]
        assert "".join(each.text for each in gone) in text
