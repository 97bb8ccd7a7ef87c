"""Where statements come from: offsets in bytes -> characters of the text that the client sees, and the searches."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy.responses.events import Annotation, Hosted, Unmapped
from tests.providers.gemini.answers import assembled, call, chunk, output, said, shown, stop, streamed, thought, whole

PAGE = {"web": {"uri": "https://a", "title": "A"}}
OTHER_PAGE = {"web": {"uri": "https://b", "title": "B", "domain": "b"}}


def support(*chunks: int, **segment: Any) -> dict[str, Any]:
    return {"segment": segment, "groundingChunkIndices": list(chunks)}


def grounding(*supports: dict[str, Any], chunks: Any = (PAGE, OTHER_PAGE), **members: Any) -> dict[str, Any]:
    return {"groundingMetadata": {"groundingChunks": list(chunks), "groundingSupports": list(supports), **members}}


def annotations(events: Any) -> list[str]:
    """What is cited, and where from, as the client sees it."""
    return [
        part["text"][annotation["start_index"] : annotation["end_index"]] + " " + annotation["url"]
        for item in assembled(events).output
        if item["type"] == "message"
        for part in item["content"]
        for annotation in part["annotations"]
    ]


def spans(*parts: Any, metadata: dict[str, Any]) -> list[tuple[Any, Any]]:
    """The spans of the citations, in a whole answer; in a stream of one part a chunk they have to be the same."""

    def found(events: Any) -> list[tuple[Any, Any]]:
        cited = [event.annotation for event in events if isinstance(event, Annotation)]
        return [(each["start_index"], each["end_index"]) for each in cited]

    events = whole(stop(*parts, **metadata))
    assert found(streamed(*map(chunk, parts), stop(**metadata))) == found(events)
    return found(events)


# --- offsets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "segment", "span"),
    [
        ("plain text", {"startIndex": 6, "endIndex": 10}, (6, 10)),
        ("plain text", {"endIndex": 5}, (0, 5)),
        ("plain text", {}, (0, 0)),
        ("Ünal won", {"endIndex": 9}, (0, 8)),
        ("Ünal won", {"startIndex": 6, "endIndex": 9}, (5, 8)),
        ("日本語です", {"startIndex": 3, "endIndex": 9}, (1, 3)),
        ("日本語です", {"startIndex": 4, "endIndex": 8}, (1, 2)),
        ("a🌡️b", {"startIndex": 1, "endIndex": 8}, (1, 3)),
        ("short", {"startIndex": 2, "endIndex": 900}, (2, 5)),
        ("short", {"startIndex": 800, "endIndex": 900}, (5, 5)),
        ("shört", {"startIndex": 800, "endIndex": 900}, (5, 5)),
        ("short", {"startIndex": 4, "endIndex": 2}, (4, 4)),
        ("short", {"startIndex": -1, "endIndex": "x"}, (0, 0)),
        ("short", {"startIndex": True, "endIndex": 3.0}, (0, 3)),
    ],
)
def test_offsets(text: str, segment: Any, span: Any) -> None:
    assert spans(said(text), metadata=grounding(support(0, **segment))) == [span]


def test_offsets_run_on_through_a_stream() -> None:
    chunks = [chunk(said("Über")), chunk(said(" alles, ")), chunk(said("ähem"))]
    events = streamed(*chunks, stop(**grounding(support(0, startIndex=14, endIndex=19))))
    assert annotations(events) == ["ähem https://a"]


def test_offsets_count_from_their_part() -> None:
    metadata = grounding(
        support(0, partIndex=0, startIndex=3, endIndex=5),
        support(1, partIndex=1, startIndex=0, endIndex=2),
        support(1, partIndex=2, startIndex=1, endIndex=3),
    )
    events = whole(stop(said("Ähem "), said("Ö1 "), said("xyz"), **metadata))
    assert annotations(events) == ["em https://a", "Ö https://b", "yz https://b"]


def test_a_part_that_is_no_text_is_passed_over() -> None:
    assert spans(thought("T"), said("Text"), metadata=grounding(support(0, startIndex=1, endIndex=3))) == [(1, 3)]
    metadata = grounding(support(0, partIndex=1, startIndex=1, endIndex=3))
    assert spans(thought("T"), said("Text"), metadata=metadata) == [(1, 3)]


def test_every_part_of_an_answer_counts() -> None:
    parts = [said("abc"), said(""), {"fileData": {}}, said("def")]
    metadata = grounding(support(0, partIndex=3, startIndex=1, endIndex=3))
    assert annotations(whole(stop(*parts, **metadata))) == ["ef https://a"]
    thoughts = [thought("T"), thought("U"), said("abc"), said("def")]
    assert annotations(whole(stop(*thoughts, **metadata))) == ["ef https://a"]


@pytest.mark.parametrize(
    ("segment", "span"),
    [
        ({"startIndex": 1, "endIndex": 3, "text": "bc"}, (1, 3)),
        ({"startIndex": 4, "endIndex": 6, "text": "ef"}, (4, 6)),
        ({"startIndex": 0, "endIndex": 2, "text": "de"}, (3, 5)),
        ({"startIndex": 0, "endIndex": 2, "text": "not there"}, (0, 2)),
    ],
)
def test_a_quotation_decides_where_offsets_leave_it_open(segment: Any, span: Any) -> None:
    events = whole(stop(said("abc"), said("def"), **grounding(support(0, **segment))))
    cited = [event.annotation for event in events if isinstance(event, Annotation)]
    assert [(each["start_index"], each["end_index"]) for each in cited] == [span]


def test_parts_that_do_not_exist() -> None:
    assert spans(said("abc"), metadata=grounding(support(0, partIndex=9, endIndex=2))) == [(0, 2)]


def test_a_part_of_another_kind_parts_two_texts() -> None:
    parts = [said("One"), call("f", willContinue=True), said("Two"), said(" more"), {"functionCall": {}}]
    metadata = grounding(support(0, partIndex=2, endIndex=3))
    assert annotations(streamed(*map(chunk, parts), stop(**metadata))) == []
    chunks = [chunk(part, **metadata) for part in parts]
    assert annotations(streamed(*chunks, stop())) == ["Two https://a"]
    again = [chunk(part, **(metadata if part is parts[0] else {})) for part in parts]
    assert annotations(streamed(*again, stop())) == ["Two https://a"]


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    pieces=st.lists(st.text(alphabet="aé日🌡", min_size=1, max_size=6), min_size=1, max_size=5),
    start=st.integers(0, 40),
    length=st.integers(0, 40),
)
def test_what_is_cited_is_what_the_bytes_say(pieces: list[str], start: int, length: int) -> None:
    text = "".join(pieces)
    end = start + length
    events = streamed(
        *(chunk(said(piece)) for piece in pieces), stop(**grounding(support(0, startIndex=start, endIndex=end)))
    )
    (event,) = [event for event in events if isinstance(event, Annotation)]
    first, last = event.annotation["start_index"], event.annotation["end_index"]
    assert isinstance(first, int)
    assert isinstance(last, int)
    assert 0 <= first <= last <= len(text)
    assert len(text[:first].encode()) <= start
    assert text.encode()[: min(end, len(text.encode()))].startswith(text[:last].encode())
    assembled(events)


# --- which text -------------------------------------------------------------------------------------------------------


def test_a_text_that_was_closed_is_cited_where_it_is_known_in_time() -> None:
    metadata = grounding(support(0, endIndex=3), support(1, partIndex=2, endIndex=3))
    assert annotations(whole(stop(said("One"), call("f"), said("Two"), **metadata))) == [
        "One https://a",
        "Two https://b",
    ]


def test_citations_of_a_text_that_was_closed_come_too_late_in_a_stream() -> None:
    metadata = grounding(support(0, endIndex=3), support(1, partIndex=2, endIndex=3))
    events = streamed(chunk(said("One")), chunk(call("f")), chunk(said("Two")), stop(**metadata))
    assert annotations(events) == ["Two https://b"]


def test_signed_texts_have_citations_of_their_own() -> None:
    metadata = grounding(support(0, endIndex=3), support(1, partIndex=1, endIndex=3))
    assert annotations(whole(stop(said("One", "S"), said("Two", "T"), **metadata))) == [
        "One https://a",
        "Two https://b",
    ]


def test_a_segment_over_two_texts_is_cut_to_each() -> None:
    metadata = grounding(support(0, startIndex=1, endIndex=5))
    assert annotations(whole(stop(thought("T"), said("One"), call("f"), said("Two"), **metadata))) == [
        "ne https://a",
        "Tw https://a",
    ]


def test_citations_stand_before_the_signature_of_the_turn() -> None:
    got = assembled(whole(stop(said("One"), said("", "S"), **grounding(support(0, endIndex=3)))))
    assert got.kinds == ["message", "reasoning", "web_search_call"]
    assert len(got.output[0]["content"][0]["annotations"]) == 1


def test_metadata_that_comes_again_replaces_the_earlier() -> None:
    early, late = grounding(support(0, endIndex=1)), grounding(support(1, endIndex=2), webSearchQueries=["q"])
    assert annotations(streamed(chunk(said("abc"), **early), chunk(**late), stop(groundingMetadata={}))) == [
        "ab https://b"
    ]


def test_what_is_not_said_again_stays() -> None:
    names = {"webSearchQueries": ["q"], "retrievalQueries": ["r"], "groundingChunks": [PAGE]}
    page = {"urlMetadata": [{"retrievedUrl": "https://p"}]}
    first = chunk(said("abc"), groundingMetadata=names, urlContextMetadata=page)
    got = assembled(streamed(first, stop(groundingMetadata={name: [] for name in names}, urlContextMetadata={})))
    assert got.kinds == ["message", "web_search_call", "file_search_call", "web_search_call"]
    assert got.output[1]["action"]["sources"] == [{"type": "url", "url": "https://a"}]


# --- sources ----------------------------------------------------------------------------------------------------------


def test_each_source_is_an_annotation() -> None:
    metadata = grounding(support(0, 1, 7, -1, endIndex=2), support(1, startIndex=1, endIndex=3))
    assert annotations(whole(stop(said("abc"), **metadata))) == ["ab https://a", "ab https://b", "bc https://b"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (PAGE, {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://a", "title": "A"}),
        (
            {"web": {"uri": "https://a"}},
            {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://a", "title": ""},
        ),
        (
            {"maps": {"uri": "https://m", "title": "M", "placeId": "p"}},
            {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://m", "title": "M"},
        ),
        (
            {"image": {"sourceUri": "https://i", "imageUri": "https://x", "title": "I"}},
            {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://i", "title": "I"},
        ),
        (
            {"retrievedContext": {"uri": "https://r", "title": "R"}},
            {"type": "url_citation", "start_index": 0, "end_index": 2, "url": "https://r", "title": "R"},
        ),
        (
            {"retrievedContext": {"title": "f.pdf", "text": "x"}},
            {"type": "file_citation", "file_id": "f.pdf", "filename": "f.pdf", "index": 2},
        ),
        (
            {"retrievedContext": {"documentName": "d", "uri": "gs://b/f", "title": "f.pdf"}},
            {"type": "file_citation", "file_id": "d", "filename": "f.pdf", "index": 2},
        ),
        (
            {"retrievedContext": {"uri": "gs://b/f", "text": "x"}},
            {"type": "file_citation", "file_id": "gs://b/f", "filename": "gs://b/f", "index": 2},
        ),
        ({"web": {"title": "A"}}, None),
        ({}, None),
    ],
)
def test_kinds_of_sources(source: Any, expected: Any) -> None:
    events = whole(stop(said("abc"), **grounding(support(0, endIndex=2), chunks=[source])))
    found = [event.annotation for event in events if isinstance(event, Annotation)]
    assert found == ([expected] if expected else [])
    assembled(events)


@pytest.mark.parametrize("name", ["citations", "citationSources"])
def test_citations(name: str) -> None:
    source = {"startIndex": 3, "endIndex": 7, "uri": "https://c", "title": "C", "license": "mit"}
    nameless = {"endIndex": 2, "license": "mit"}
    metadata: dict[str, Any] = {"citationMetadata": {name: [source, nameless, None]}}
    assert spans(said("Ä cité"), metadata=metadata) == [(2, 5)]
    events = streamed(chunk(said("Ä cité"), **metadata), stop(**metadata))
    assert annotations(events) == ["cit https://c"]


# --- searches ---------------------------------------------------------------------------------------------------------


def searches(metadata: dict[str, Any]) -> list[Any]:
    return [shown(item) for item in assembled(whole(stop(said("abc"), **metadata))).output[1:]]


def test_a_search_is_shown_after_the_message() -> None:
    assert searches(grounding(chunks=[PAGE, PAGE, OTHER_PAGE], webSearchQueries=["q", "r"])) == [
        {
            "action": {
                "type": "search",
                "query": "q",
                "queries": ["q", "r"],
                "sources": [{"type": "url", "url": "https://a"}, {"type": "url", "url": "https://b"}],
            }
        }
    ]
    assert searches(grounding(chunks=[], imageSearchQueries=["i"]))[0]["action"]["queries"] == ["i"]


def test_sources_without_queries_are_a_search_too() -> None:
    assert searches(grounding(chunks=[PAGE]))[0]["action"]["queries"] == []


def test_no_sources_are_no_search() -> None:
    assert searches({"groundingMetadata": {}}) == []
    assert searches(grounding(chunks=[], searchEntryPoint={"renderedContent": "x"})) == []


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("URL_RETRIEVAL_STATUS_SUCCESS", "completed"),
        (1, "completed"),
        (None, "completed"),
        ("URL_RETRIEVAL_STATUS_ERROR", "failed"),
        ("URL_RETRIEVAL_STATUS_PAYWALL", "failed"),
        ("URL_RETRIEVAL_STATUS_UNSAFE", "failed"),
        (2, "failed"),
    ],
)
def test_pages_that_were_read(status: Any, expected: str) -> None:
    pages = [{"retrievedUrl": "https://a", "urlRetrievalStatus": status}, {"urlRetrievalStatus": status}]
    metadata = {"urlContextMetadata": {"urlMetadata": pages}}
    got = assembled(whole(stop(said("abc"), **metadata, **grounding(support(0, endIndex=1)))))
    assert [(item["type"], item["status"]) for item in got.output[1:]] == [("web_search_call", expected)]
    assert shown(got.output[1]) == {"action": {"type": "open_page", "url": "https://a"}}


def test_a_search_in_files() -> None:
    context = {"retrievedContext": {"title": "f.pdf", "text": "passage", "fileSearchStore": "s"}}
    assert searches(grounding(chunks=[context], retrievalQueries=["q"])) == [
        {"queries": ["q"], "results": [{"file_id": "f.pdf", "filename": "f.pdf", "text": "passage"}]}
    ]

    assert searches(grounding(chunks=[], retrievalQueries=["q"])) == [{"queries": ["q"], "results": []}]
    assert searches(grounding(chunks=[context])) == [
        {"queries": [], "results": [{"file_id": "f.pdf", "filename": "f.pdf", "text": "passage"}]}
    ]


def test_a_search_in_files_is_shown_once() -> None:
    parts = [{"toolCall": {"toolType": "FILE_SEARCH"}}, {"toolResponse": {"toolType": "FILE_SEARCH"}}, said("abc")]
    metadata = grounding(chunks=[{"retrievedContext": {"title": "f"}}], retrievalQueries=["q"])
    assert assembled(whole(stop(*parts, **metadata))).kinds == ["file_search_call", "message"]


def test_metadata_of_any_shape() -> None:
    odd: Any = [None, 5, "x", [], {}, [None, 5, "x", {}], {"segment": 5, "groundingChunkIndices": "x"}]
    names = ("webSearchQueries", "retrievalQueries", "groundingChunks", "groundingSupports")
    for value in odd:
        candidate = {
            "groundingMetadata": dict.fromkeys(names, value),
            "citationMetadata": {"citations": value},
            "urlContextMetadata": {"urlMetadata": value},
        }
        assembled(whole(stop(said("abc"), **candidate)))
        assembled(whole(stop(said("abc"), **dict.fromkeys(candidate, value))))


def test_searches_of_an_answer_that_was_cut_off() -> None:
    answer = stop(said("abc"), reason="MAX_TOKENS", **grounding(webSearchQueries=["q"]))
    assert isinstance(output(whole(answer))[-1], Hosted)
    assert assembled(whole(answer)).kinds == ["message", "web_search_call"]


# --- what has no place ------------------------------------------------------------------------------------------------


def uncounted(events: Any) -> list[str]:
    return [event.element for event in events if isinstance(event, Unmapped)]


def test_sources_of_a_text_that_had_ended_are_counted() -> None:
    metadata = grounding(support(0, endIndex=1, partIndex=0), support(1, endIndex=1, partIndex=2))
    events = streamed(chunk(said("A")), chunk(call("f")), chunk(said("B")), stop(**metadata))
    assert annotations(events) == ["B https://b"]
    assert uncounted(events) == ["grounding_supports"]
    events = streamed(chunk(said("A")), chunk(call("f")), stop(**grounding(support(0, endIndex=1))))
    assert (annotations(events), uncounted(events)) == ([], ["grounding_supports"])


def test_sources_that_came_in_time_are_not() -> None:
    metadata = grounding(support(0, endIndex=1, partIndex=0), support(1, endIndex=1, partIndex=2))
    events = whole(stop(said("A"), call("f"), said("B"), **metadata))
    assert annotations(events) == ["A https://a", "B https://b"]
    assert uncounted(events) == []
    events = streamed(chunk(said("A"), **metadata), chunk(call("f")), chunk(said("B")), stop(**metadata))
    assert (annotations(events), uncounted(events)) == (["A https://a", "B https://b"], [])


def test_sources_that_nothing_names_are_counted() -> None:
    events = whole(stop(said("A"), **grounding(support(0, 7, endIndex=1), chunks=[{"web": {}}])))
    assert (annotations(events), uncounted(events)) == ([], ["grounding_supports"])
    cited = {"citationMetadata": {"citations": [{"endIndex": 1, "license": "mit"}]}}
    assert uncounted(whole(stop(said("A"), **cited))) == ["citations"]


def test_the_display_of_a_search_is_counted() -> None:
    display = {"searchEntryPoint": {"renderedContent": "<div>"}}
    assert uncounted(whole(stop(said("A"), **grounding(**display)))) == ["search_entry_point"]
    assert uncounted(whole(stop(said("A"), **grounding(searchEntryPoint={})))) == []
