"""Whatever a vendor sends, the decoder answers with events that end in exactly one end, and make a legal stream."""

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from proxy.provider.contract import Frame
from proxy.responses.events import (
    Annotation,
    CallArguments,
    CallClosed,
    CallOpened,
    Failed,
    Finished,
    Hosted,
    Key,
    Proof,
    Reasoning,
    Text,
)
from tests.providers.gemini.answers import assembled, call, chunk, decoder, said, stop, streamed, thought, whole

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])

WORDS = (
    *("", "a", " ", "é🌡", "{}", '{"a":1}', "STOP", "SAFETY", "MAX_TOKENS", "MALFORMED_FUNCTION_CALL", "OTHER", "f"),
    *(
        "final_answer",
        "image/png",
        "GOOGLE_SEARCH_WEB",
        "URL_CONTEXT",
        "FILE_SEARCH",
        "OUTCOME_FAILED",
        "$.a",
        "$.a[1]",
    ),
    *("$['a'].b", "flex", "ON_DEMAND", "https://a"),
)
NAMES = (
    *("text", "thought", "thoughtSignature", "functionCall", "name", "id", "args", "partialArgs", "willContinue"),
    *("jsonPath", "stringValue", "numberValue", "boolValue", "nullValue", "executableCode", "code", "outcome"),
    *("codeExecutionResult", "output", "toolCall", "toolResponse", "toolType", "response", "url_metadata", "queries"),
    *("inlineData", "mimeType", "data", "segment", "startIndex", "endIndex", "partIndex", "groundingChunkIndices"),
    *("web", "uri", "title", "retrievedContext", "citations", "urlMetadata", "retrievedUrl", "urls", "token"),
    *("chosenCandidates", "topCandidates", "candidates", "logProbability", "webSearchQueries", "groundingChunks"),
    *("groundingSupports", "blockReason", "promptTokenCount", "candidatesTokenCount", "totalTokenCount", "message"),
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.sampled_from(WORDS)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5)
MEMBERS = ("functionCall", "executableCode", "codeExecutionResult", "toolCall", "toolResponse", "inlineData")
PARTS = (
    st.fixed_dictionaries({"text": st.sampled_from(WORDS)}, optional={"thought": st.booleans()})
    | st.fixed_dictionaries({"text": LEAVES}, optional={"thought": LEAVES, "thoughtSignature": st.sampled_from(WORDS)})
    | st.sampled_from(MEMBERS).flatmap(
        lambda name: st.fixed_dictionaries({name: OBJECTS}, optional={"thoughtSignature": st.sampled_from(WORDS)})
    )
    | VALUES
)
CANDIDATES = st.fixed_dictionaries(
    {},
    optional={
        "index": LEAVES,
        "content": st.fixed_dictionaries({}, optional={"parts": st.lists(PARTS, max_size=4) | VALUES}) | VALUES,
        "finishReason": st.sampled_from(WORDS) | LEAVES,
        "finishMessage": LEAVES,
        "groundingMetadata": OBJECTS | VALUES,
        "citationMetadata": OBJECTS | VALUES,
        "urlContextMetadata": OBJECTS | VALUES,
        "logprobsResult": OBJECTS | VALUES,
    },
)
CHUNKS = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "responseId": LEAVES,
        "modelVersion": LEAVES,
        "candidates": st.lists(CANDIDATES | VALUES, min_size=1, max_size=2) | VALUES,
        "usageMetadata": OBJECTS | VALUES,
        "promptFeedback": OBJECTS | VALUES,
        "error": VALUES,
    },
)


def check(events: Any) -> None:
    """One end, at the end; calls are opened before they get arguments, and closed once; what is said is text."""
    assert [event for event in events if isinstance(event, Finished | Failed)] == [events[-1]]
    opened: set[Key] = set()
    closed: set[Key] = set()
    for event in events:
        if isinstance(event, CallOpened):
            assert event.key not in opened
            assert event.name
            opened.add(event.key)
        elif isinstance(event, CallArguments):
            assert event.key in opened - closed
        elif isinstance(event, CallClosed):
            assert event.key in opened - closed
            closed.add(event.key)
        elif isinstance(event, Proof):
            assert event.payload
        elif isinstance(event, Annotation | Hosted):
            orjson.dumps(event.annotation if isinstance(event, Annotation) else event.fields)
        if isinstance(event, Text | Reasoning | CallArguments):
            assert isinstance(event.delta, str)
            orjson.dumps(event.delta)
    assembled(events)


@QUICK
@given(chunks=st.lists(CHUNKS, max_size=5), final_answer=st.booleans())
def test_any_json_in_a_stream(chunks: list[object], final_answer: bool) -> None:
    check(streamed(*chunks, final_answer=final_answer))


@QUICK
@given(answer=CHUNKS | st.lists(CHUNKS, max_size=2), final_answer=st.booleans())
def test_any_json_as_a_whole_answer(answer: object, final_answer: bool) -> None:
    check(whole(answer, final_answer=final_answer))


@QUICK
@given(parts=st.lists(PARTS, max_size=6), candidate=CANDIDATES)
def test_any_parts(parts: list[Any], candidate: dict[str, Any]) -> None:
    members = {name: value for name, value in candidate.items() if name not in ("content", "finishReason", "index")}
    check(whole(stop(*parts, **members)))
    check(streamed(*map(chunk, parts), stop(**members)))


@QUICK
@given(data=st.binary(max_size=60), event=st.sampled_from(["", "error", "x"]))
def test_any_bytes(data: bytes, event: str) -> None:
    reader = decoder()
    check([*reader.feed(Frame(event, data)), *reader.end()])
    check(whole(data))


DEEP = b"[" * 900 + b"]" * 900


@pytest.mark.parametrize(
    "place",
    [
        b'{"usageMetadata":%b}',
        b'{"usageMetadata":{"promptTokenCount":%b}}',
        b'{"error":%b}',
        b'{"promptFeedback":%b}',
        b'{"candidates":[%b]}',
        b'{"candidates":[{"content":{"parts":[%b]}}]}',
        b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":%b}}}]}}]}',
        b'{"candidates":[{"content":{"parts":[{"toolCall":{"toolType":"URL_CONTEXT","args":{"urls":%b}}}]}}]}',
        b'{"candidates":[{"citationMetadata":{"citations":[{"uri":%b},{"uri":%b}]}}]}',
        b'{"candidates":[{"groundingMetadata":{"groundingChunks":%b}}]}',
    ],
)
def test_values_nested_too_deeply(place: bytes) -> None:
    data = place.replace(b"%b", DEEP)
    check(streamed(data, data, stop()))
    check(whole(data))


def test_paths_that_are_too_long() -> None:
    piece = {"jsonPath": "$" + ".a" * 100_000, "stringValue": "x"}
    check(streamed(chunk(call("f", partialArgs=[piece])), stop()))


def test_numbers_that_are_too_long() -> None:
    huge = b"9" * 5000
    check(
        streamed(
            b'{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":%b,"b":NaN}}}]}}]}' % huge
        )
    )
    check(streamed(b'{"candidates":[{"index":%b,"finishReason":%b}],"a":NaN}' % (huge[:300], huge[:300])))


def test_log_probabilities_that_are_no_numbers() -> None:
    for value in (b"NaN", b"-Infinity", b"9" * 400, b"true"):
        tokens = b'{"chosenCandidates":[{"token":"A","logProbability":%b}],"topCandidates":NaN}' % value
        data = b'{"candidates":[{"content":{"parts":[{"text":"A"}]},"logprobsResult":%b}]}' % tokens
        check(streamed(data, stop()))
        (event,) = (event for event in streamed(data) if isinstance(event, Text))
        assert event.logprobs == [{"token": "A", "logprob": 0.0, "bytes": [65], "top_logprobs": []}]


def test_half_a_stream_is_never_a_whole_answer() -> None:
    chunks = [chunk(thought("T")), chunk(said("A")), chunk(call("f", {"a": 1}))]
    for length in range(len(chunks) + 1):
        assert isinstance(streamed(*chunks[:length])[-1], Failed)
