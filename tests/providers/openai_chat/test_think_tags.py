"""The splitter of leading think blocks."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat.dialects import DIALECTS
from providers.openai_chat.think_tags import ThinkTags
from tests.providers.openai_chat.material import chunk, reasoning_in, streamed, text_in

CASES = {
    "plain": ("Hello <b>", "", "Hello <b>"),
    "block": ("<think>I wonder.\nYes</think>\n\nHello", "I wonder.\nYes", "Hello"),
    "space in front": ("\n <think>\na </think>b", "a", "b"),
    "two blocks": ("<think>a</think>\n<think>b</think>c", "ab", "c"),
    "empty block": ("<think>\n\n</think>\n\nc", "", "c"),
    "a later tag is text": ("Say <think>x</think>", "", "Say <think>x</think>"),
    "a tag after the answer began": ("<think>a</think>b<think>c</think>", "a", "b<think>c</think>"),
    "closing tag alone": ("a</think>b", "", "a</think>b"),
    "never closed": ("<think>a and b", "a and b", ""),
    "cut tag": ("<think>a</thi", "a</thi", ""),
    "a beginning that is no tag": ("<thin ice", "", "<thin ice"),
    "only a beginning": ("<thi", "", "<thi"),
    "less-than inside": ("<think>a < b</ c</think>d", "a < b</ c", "d"),
    "nothing": ("", "", ""),
}


#: Where the prompt has the opening tag already.
INSIDE_CASES = {
    "closing tag alone": ("a and b</think>\n\nc", "a and b", "c"),
    "opened once more": ("\n<think>\na</think>b", "a", "b"),
    "another block": ("a</think><think>b</think>c", "ab", "c"),
    "a later tag is text": ("a</think>b</think>c", "a", "b</think>c"),
    "nothing thought": ("</think>b", "", "b"),
    "never closed": ("a and b", "a and b", ""),
    "cut tag": ("a</thi", "a</thi", ""),
    "a beginning that is no tag": ("<thin ice</think>b", "<thin ice", "b"),
    "only a beginning": ("<thi", "<thi", ""),
    "white space": (" \n", "", ""),
}


def split(pieces: list[str], *, inside: bool = False) -> Any:
    tags = ThinkTags(inside=inside)
    found = [piece for text in pieces for piece in tags.feed(text)] + tags.end()
    reasoning = "".join(piece.text for piece in found if piece.reasoning)
    return reasoning, "".join(piece.text for piece in found if not piece.reasoning)


@pytest.mark.parametrize(
    ("inside", "text", "reasoning", "answer"),
    [(False, *case) for case in CASES.values()] + [(True, *case) for case in INSIDE_CASES.values()],
    ids=[*CASES, *(f"inside, {name}" for name in INSIDE_CASES)],
)
def test_cut_anywhere_the_pieces_are_the_same(inside: bool, text: str, reasoning: Any, answer: str) -> None:
    assert split([text], inside=inside) == (reasoning, answer)
    assert split(list(text), inside=inside) == (reasoning, answer)
    for first in range(len(text) + 1):
        assert split([text[:first], text[first:]], inside=inside) == (reasoning, answer)
        for second in range(first, len(text) + 1):
            assert split([text[:first], text[first:second], text[second:]], inside=inside) == (reasoning, answer)


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(st.sampled_from(["<think>", "</think>", "<", "/", "think", ">", "a", " ", "\n", "b c"]), max_size=9)
)
def test_any_pieces_give_what_the_whole_gives(pieces: list[str]) -> None:
    for inside in (False, True):
        assert split(pieces, inside=inside) == split(["".join(pieces)], inside=inside)


def test_nothing_is_held_back_once_the_answer_began() -> None:
    tags = ThinkTags()
    assert [piece.text for piece in tags.feed("<think>a</think>b<")] == ["a", "b<"]
    assert tags.passing


def test_only_a_dialect_that_wants_it_splits() -> None:
    chunks = [chunk({"content": "<think>a</th"}), chunk({"content": "ink>b"}, finish_reason="stop")]
    assert (reasoning_in(streamed(*chunks, dialect="generic")), text_in(streamed(*chunks, dialect="generic"))) == (
        "a",
        "b",
    )
    assert text_in(streamed(*chunks, dialect="openai")) == "<think>a</think>b"


def test_a_switch_says_that_the_answer_begins_inside() -> None:
    chunks = [chunk({"content": "a</th"}), chunk({"content": "ink>b"}, finish_reason="stop")]
    events = streamed(*chunks, dialect=replace(DIALECTS["vllm"], thinks_first=True))
    assert (reasoning_in(events), text_in(events)) == ("a", "b")
    assert text_in(streamed(*chunks, dialect="generic")) == "a</think>b"
