"""Answers that Gemini API and Vertex AI really gave, recorded by public projects (folder in DRAGOMAN_CORPUS)."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest

from providers.gemini.server_history import SERVER_PARTS
from proxy.provider.history import HOSTED_PROOF
from proxy.responses.events import Annotation, CallArguments, CallOpened, Event, Failed, Finished, Reasoning, Text
from tests.providers.gemini.answers import assembled, merged, output, shown, streamed, whole
from tests.providers.gemini.test_decode_robustness import check

CORPUS = os.environ.get("DRAGOMAN_CORPUS")
FAMILIES = ("gemini_generate_content", "vertex_generate_content")
FILES = sorted(path for family in FAMILIES for path in Path(CORPUS, family).glob("*.json")) if CORPUS else []

pytestmark = pytest.mark.skipif(not FILES, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")


def answers() -> list[Any]:
    recordings = [(path, orjson.loads(path.read_bytes())) for path in FILES]
    return [pytest.param(each, id=path.stem[-48:]) for path, each in recordings if each["status"] == 200]


def frames(stream: str) -> list[bytes]:
    lines = stream.replace("\r\n", "\n").split("\n")
    return [line.removeprefix("data: ").encode() for line in lines if line.startswith("data: ")]


def chunks_of(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """The response objects of an answer, whole or streamed."""
    body = recording["response_body"]
    if isinstance(body, str):
        return [orjson.loads(frame) for frame in frames(body)]
    return body if isinstance(body, list) else [body]


def decoded(recording: dict[str, Any]) -> list[Event]:
    body = recording["response_body"]
    return streamed(*frames(body)) if isinstance(body, str) else whole(body)


def candidates_of(recording: dict[str, Any]) -> list[dict[str, Any]]:
    return [each["candidates"][0] for each in chunks_of(recording) if each.get("candidates")]


def parts_of(recording: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for each in candidates_of(recording) for part in each.get("content", {}).get("parts", ())]


@pytest.mark.parametrize("recording", answers())
def test_answers_are_read_whole(recording: Any) -> None:
    events = decoded(recording)
    check(events)
    assert isinstance(events[-1], Finished)
    assert events[-1].reason != "unknown"
    parts = parts_of(recording)
    texts = [part["text"] for part in parts if "text" in part and not part.get("thought")]
    assert "".join(event.delta for event in events if isinstance(event, Text)) == "".join(texts)
    thoughts = [part["text"] for part in parts if part.get("thought")]
    assert "".join(event.delta for event in events if isinstance(event, Reasoning)) == "".join(thoughts)
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    assert [event.name for event in events if isinstance(event, CallOpened)] == [
        each["name"] for each in calls if "name" in each
    ]
    if not any("partialArgs" in each for each in calls):
        assert [orjson.loads(event.delta) for event in events if isinstance(event, CallArguments)] == [
            each.get("args", {}) for each in calls
        ]


@pytest.mark.parametrize("recording", answers())
def test_usage_adds_up_to_the_vendors_total(recording: Any) -> None:
    metadata = chunks_of(recording)[-1].get("usageMetadata", {})
    usage = assembled(decoded(recording)).response["usage"]
    assert usage["output_tokens_details"]["reasoning_tokens"] == metadata.get("thoughtsTokenCount", 0)
    assert usage["input_tokens_details"]["cached_tokens"] == metadata.get("cachedContentTokenCount", 0)
    if "totalTokenCount" in metadata:
        assert usage["total_tokens"] == metadata["totalTokenCount"]
        assert usage["input_tokens"] == metadata["promptTokenCount"] + metadata.get("toolUsePromptTokenCount", 0)


@pytest.mark.parametrize("recording", answers())
def test_every_signature_is_kept(recording: Any) -> None:
    signatures = [part["thoughtSignature"] for part in parts_of(recording) if "thoughtSignature" in part]
    sealed = [item["encrypted_content"] for item in assembled(decoded(recording)).output if "encrypted_content" in item]
    own = [value.rpartition(" ")[2] for value in sealed if not value.startswith(HOSTED_PROOF)]
    assert own == [
        signature for signature in signatures if not any(signature in value for value in sealed_parts(sealed))
    ]


def sealed_parts(sealed: list[str]) -> list[str]:
    """The proofs that hold whole parts."""
    return [value for value in sealed if value.startswith(HOSTED_PROOF)]


@pytest.mark.parametrize("recording", answers())
def test_what_the_vendors_tools_did_goes_back_exactly(recording: Any) -> None:
    worked = [part for part in parts_of(recording) if SERVER_PARTS & part.keys()]
    output = assembled(decoded(recording)).output
    held = sealed_parts([item.get("encrypted_content", "") for item in output])
    assert [part for value in held for part in orjson.loads(value.split(" ", 2)[2])["parts"]] == worked


@pytest.mark.parametrize("recording", answers())
def test_supports_cite_what_they_quote(recording: Any) -> None:
    events = decoded(recording)
    text = "".join(event.delta for event in events if isinstance(event, Text))
    cited: list[dict[str, Any]] = [event.annotation for event in events if isinstance(event, Annotation)]
    quoted = [
        support["segment"]["text"]
        for candidate in candidates_of(recording)
        for support in candidate.get("groundingMetadata", {}).get("groundingSupports", ())
        for _ in support["groundingChunkIndices"]
    ]
    assert [text[each["start_index"] : each["end_index"]] for each in cited] == quoted


@pytest.mark.parametrize("recording", answers())
def test_a_plain_answer_is_the_streamed_one(recording: Any) -> None:
    """A whole answer as a stream of one part a chunk, a stream cut into single chunks or put into one array."""
    body = recording["response_body"]
    if isinstance(body, dict) and body.get("candidates"):
        first = body["candidates"][0]
        pieces = [
            {"candidates": [{"content": {"parts": [part]}}]} for part in first.get("content", {}).get("parts", ())
        ]
        rest = {name: value for name, value in first.items() if name != "content"}
        other = streamed(*pieces, {**body, "candidates": [rest]})
    else:
        other = streamed(*chunks_of(recording))
        assert whole(chunks_of(recording)) == other
    assert merged(output(other)) == merged(output(decoded(recording)))
    ours, theirs = assembled(decoded(recording)).output, assembled(other).output
    minted = [item["call_id"].startswith("call_") for item in ours if item["type"] == "function_call"]
    if not any(minted):
        assert [shown(item) for item in theirs] == [shown(item) for item in ours]


@pytest.mark.parametrize("recording", [each for each in answers() if isinstance(each.values[0]["response_body"], str)])
def test_streams_that_are_cut_fail(recording: Any) -> None:
    data = frames(recording["response_body"])
    for length in range(len(data)):
        assert isinstance(streamed(*data[:length])[-1], Failed)
