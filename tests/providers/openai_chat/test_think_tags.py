"""The splitter of leading think blocks."""

from typing import Any

import pytest

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


def split(pieces: list[str]) -> Any:
    tags = ThinkTags()
    found = [piece for text in pieces for piece in tags.feed(text)] + tags.end()
    reasoning = "".join(piece.text for piece in found if piece.reasoning)
    return reasoning, "".join(piece.text for piece in found if not piece.reasoning)


@pytest.mark.parametrize(("text", "reasoning", "answer"), CASES.values(), ids=CASES)
def test_cut_anywhere_the_pieces_are_the_same(text: str, reasoning: Any, answer: str) -> None:
    assert split([text]) == (reasoning, answer)
    assert split(list(text)) == (reasoning, answer)
    for first in range(len(text) + 1):
        assert split([text[:first], text[first:]]) == (reasoning, answer)
        for second in range(first, len(text) + 1):
            assert split([text[:first], text[first:second], text[second:]]) == (reasoning, answer)


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
    assert text_in(streamed(*chunks, dialect="vllm")) == "<think>a</think>b"
