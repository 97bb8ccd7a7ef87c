"""Citations by number: the sources stand beside the choices, the text has marks."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat.citations import NumberedCitations

URLS = ["https://a.example", "https://b.example"]


def cited(texts: list[str], *chunks: dict[str, Any]) -> list[tuple[Any, ...]]:
    citations = NumberedCitations()
    for chunk in chunks:
        citations.sources(chunk)
    for text in texts:
        citations.text(text)
    members = ("url", "title", "start_index", "end_index")
    return [tuple(each[member] for member in members) for each in citations.annotations()]


def test_each_mark_cites_its_source() -> None:
    assert cited(["A[1], B[2], A[1]"], {"citations": URLS}) == [
        (URLS[0], "", 1, 4),
        (URLS[1], "", 7, 10),
        (URLS[0], "", 13, 16),
    ]


def test_marks_are_found_across_pieces() -> None:
    assert cited(["A[", "2", "]"], {"citations": URLS})[0] == (URLS[1], "", 1, 4)


def test_a_source_without_a_mark_cites_the_end() -> None:
    assert cited(["A[2]"], {"citations": URLS}) == [(URLS[1], "", 1, 4), (URLS[0], "", 4, 4)]


@pytest.mark.parametrize("mark", ["[0]", "[3]", "[999]", "[1234]", "[a]", "[-1]", "[]", "[ 1 ]"])
def test_other_brackets_are_text(mark: str) -> None:
    end = len(mark)
    assert cited([mark], {"citations": URLS}) == [(URLS[0], "", end, end), (URLS[1], "", end, end)]


def test_titles_come_from_the_search_results() -> None:
    results = [{"url": URLS[1], "title": "B", "date": None}]
    assert cited(["A[1][2]"], {"citations": URLS, "search_results": results}) == [
        (URLS[0], "", 1, 4),
        (URLS[1], "B", 4, 7),
    ]


def test_search_results_alone_are_sources() -> None:
    results = [{"url": URLS[0], "title": "A"}, {"title": "none"}, 5, {"url": URLS[1], "title": 5}]
    assert cited(["[2]"], {"search_results": results}) == [(URLS[1], "", 0, 3), (URLS[0], "A", 3, 3)]


def test_later_sources_replace_earlier_ones_and_nothing_replaces_none() -> None:
    assert cited(["[1]"], {"citations": URLS}, {"citations": URLS[1:]}, {}, {"citations": []}) == [(URLS[1], "", 0, 3)]


def test_without_text_nothing_is_cited() -> None:
    assert cited([], {"citations": URLS}) == []


def test_another_part_begins_anew() -> None:
    citations = NumberedCitations()
    citations.sources({"citations": URLS[:1]})
    citations.text("Long text")
    citations.restart()
    citations.text("[1]")
    assert [each["start_index"] for each in citations.annotations()] == [0]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["url", "title", "citations"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(citations=VALUES, results=VALUES, texts=st.lists(st.text("[]123 a", max_size=8), max_size=4))
def test_any_sources_and_any_text(citations: object, results: object, texts: list[str]) -> None:
    whole = "".join(texts)
    for url, title, start, end in cited(texts, {"citations": citations, "search_results": results}):
        assert isinstance(url, str)
        assert isinstance(title, str)
        assert 0 <= start <= end <= len(whole)
        assert start == end or (whole[start], whole[end - 1]) == ("[", "]")
