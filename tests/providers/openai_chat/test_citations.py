"""Citations: at their places in the text that the client sees, and by number, where the text has marks."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.openai_chat.citations import Citations, Source, numbered, sources_in
from proxy.responses.events import Annotation, Event, Finished, Hosted, Proof, Reasoning, Text, Unmapped
from tests.providers.openai_chat.material import chunk, streamed, text_in, whole

URLS = ["https://a.example", "https://b.example"]


def cited(texts: list[str], *answers: dict[str, Any]) -> list[tuple[Any, ...]]:
    sources: list[Source] = []
    for answer in answers:
        sources = sources_in(answer) or sources
    members = ("url", "title", "start_index", "end_index")
    return [tuple(each[member] for member in members) for each in numbered("".join(texts), sources)]


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
    citations = Citations("text", numbered=True)
    citations.sources({"citations": URLS[:1]})
    starts = []
    for text in ("Long text", "[1]"):
        citations.said += len(text)
        citations.begin(len(text))
        citations.text(text)
        starts += [event.annotation["start_index"] for event in citations.close() if isinstance(event, Annotation)]
    assert starts == [9, 0]
    assert citations.finish() == []


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


# --- places -----------------------------------------------------------------------------------------------------------


def citing(content: str, start: int, end: int, **members: Any) -> dict[str, Any]:
    """A delta, or a message, with a text and one citation; its places count from where the server began."""
    citation = {"url": URLS[0], "title": "A", "start_index": start, "end_index": end}
    return {"content": content, "annotations": [{"type": "url_citation", "url_citation": citation}], **members}


def places(events: Sequence[Event]) -> list[Any]:
    """What is cited of the last text, or `late`."""
    text, found = "", list[Any]()
    for event in events:
        if isinstance(event, Text):
            text += event.delta
        elif isinstance(event, Annotation):
            found.append(text[cast(int, event.annotation["start_index"]) : cast(int, event.annotation["end_index"])])
        elif isinstance(event, Unmapped):
            found.append("late")
        elif not isinstance(event, Finished | Proof | Reasoning):
            text = ""
    return found


CALLED = {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}]}


def test_a_place_counts_from_what_the_client_sees() -> None:
    thought = "<think>Ünsure</think>\n\n"
    start = len(thought) + 4
    answer = citing(f"{thought}The Ünal won.", start, start + 4)
    whole_answer = {"choices": [{"index": 0, "message": answer, "finish_reason": "stop"}]}
    assert places(whole(whole_answer, "vllm")) == ["Ünal"]
    pieces = [chunk({"content": piece}) for piece in ("<thi", "nk>Ünsure</th", "ink>\n\nThe ", "Ünal", " won", ".")]
    late = chunk({"annotations": answer["annotations"]}, finish_reason="stop")
    assert places(streamed(*pieces, late, dialect="vllm")) == ["Ünal"]


def test_a_place_in_a_message_behind_a_call() -> None:
    events = streamed(chunk({"content": "One. "}), chunk(CALLED), chunk(citing("Two.", 5, 8)))
    assert places(events) == ["Two"]


def test_a_citation_across_the_beginning_is_cut() -> None:
    assert places(streamed(chunk({"content": "One. "}), chunk(CALLED), chunk(citing("Two.", 0, 8)))) == ["Two"]


def test_a_citation_of_a_text_that_is_over_comes_too_late() -> None:
    events = streamed(chunk({"content": "One. "}), chunk(CALLED), chunk(citing("Two.", 0, 3)))
    assert places(events) == ["late"]
    events = streamed(chunk({"content": "One. "}), chunk(CALLED), chunk(citing("", 0, 3)))
    assert places(events) == ["late"]


def test_a_citation_in_front_of_its_text_waits() -> None:
    events = streamed(chunk(citing("", 0, 3)), chunk({"content": "One"}), chunk({"content": "."}))
    assert places(events) == ["One"]


def test_many_pieces_are_counted() -> None:
    pieces = [chunk({"content": f"{number:02} "}) for number in range(50)]
    assert places(streamed(*pieces, chunk(CALLED), *pieces, chunk(citing("end", 297, 302)))) == ["49 en"]


def test_a_citation_of_nothing_in_particular() -> None:
    events = streamed(chunk({"content": "One. "}), chunk(CALLED), chunk(citing("Two.", 0, 0)))
    assert places(events) == [""]


# --- sources beside the choices ---------------------------------------------------------------------------------------


def test_sources_of_any_server_cite_the_end_of_the_text() -> None:
    events = streamed(chunk({"content": "One"}), chunk({"content": "."}), {**chunk(), "citations": URLS})
    cited_ends = [event.annotation["end_index"] for event in events if isinstance(event, Annotation)]
    assert cited_ends == [4, 4]
    assert text_in(events) == "One."


def test_sources_in_a_chunk_with_text_are_read() -> None:
    events = streamed(chunk({"content": "One"}), {**chunk({"content": "."}), "citations": URLS[:1]})
    assert [event.annotation["end_index"] for event in events if isinstance(event, Annotation)] == [4]


@pytest.mark.parametrize("dialect", ["generic", "perplexity"])
def test_sources_of_an_answer_without_text_are_counted_once(dialect: str) -> None:
    last = {**chunk({}, finish_reason="tool_calls"), "citations": URLS}
    assert streamed(chunk(CALLED), last, dialect=dialect).count(Unmapped("annotations")) == 1
    repeated = {**chunk({"content": "A[1]"}), "citations": URLS}
    events = streamed(repeated, chunk(CALLED), last, dialect=dialect)
    assert Unmapped("annotations") not in events


def test_no_search_is_told_that_nobody_asked_for() -> None:
    assert not [event for event in streamed(chunk(citing("One", 0, 3))) if isinstance(event, Hosted)]
