"""Answers that Cohere really gave, recorded by public projects (folder in DRAGOMAN_CORPUS), and their requests."""

from typing import Any

import orjson
import pytest

from proxy.responses.events import Annotation, Event, Failed, Finished, Text, Usage
from tests.providers.cohere.exchanges import recordings
from tests.providers.cohere.material import COHERE, plain, streamed
from tests.strict import cohere
from tests.strict.complaint import Request

RECORDED = recordings()

pytestmark = pytest.mark.skipif(not RECORDED, reason="DRAGOMAN_CORPUS does not name a folder of recorded traffic")

TOLERATED = {
    "content",  # an empty text beside calls, where ours have no content
    "system-place",
    "thinking-model",  # models that have been taken out of service
    "format",  # the name that the member of the schema had
    "format-words",
}
"""Rules of the strict vendor that are stricter than the vendor was."""


def answers(*, status: int) -> list[Any]:
    return [pytest.param(each, id=each["id"][-48:]) for each in RECORDED if each["status"] == status]


def decoded(recording: dict[str, Any]) -> list[Event]:
    body = recording["response_body"]
    if not isinstance(body, str):
        return plain(body).events
    return streamed(*(line.removeprefix("data: ").encode() for line in body.split("\n") if line[:5] == "data:")).events


@pytest.mark.parametrize("recording", answers(status=200))
def test_an_answer_is_read_whole(recording: Any) -> None:
    events = decoded(recording)
    if "mid_stream_error" in recording["features"]:
        assert isinstance(events[-1], Failed)
        assert "invalid tool generation" in events[-1].error.message
        return
    assert isinstance(events[-1], Finished)
    assert events[-1].reason in ("stop", "length")
    usage = next(each for each in events if isinstance(each, Usage))
    body = recording["response_body"]
    ending = orjson.loads(body.split("data: ")[-2].encode())["delta"] if isinstance(body, str) else body
    tokens = ending["usage"]["tokens"]
    assert (usage.input_tokens, usage.output_tokens) == (tokens["input_tokens"], tokens["output_tokens"])
    assert usage.cached_tokens == ending["usage"].get("cached_tokens")
    assert usage.reasoning_tokens == tokens.get("reasoning_tokens")


def test_citations_name_the_very_words() -> None:
    recording = next(each for each in RECORDED if "documents_in" in each["features"])
    events = decoded(recording)
    answer = "".join(each.delta for each in events if isinstance(each, Text))
    body = recording["response_body"]
    payloads = [
        orjson.loads(line[6:]) for line in body.split("\n") if line.startswith('data: {"type":"citation-start"')
    ]
    cited = [payload["delta"]["message"]["citations"] for payload in payloads]
    assert cited
    assert [answer[each["start"] : each["end"]] for each in cited] == [each["text"] for each in cited]
    places = [each.annotation for each in events if isinstance(each, Annotation)]
    assert [(place["file_id"], place["filename"], place["index"]) for place in places] == [
        ("doc:0", "facts.txt", each["start"]) for each in cited
    ]


@pytest.mark.parametrize("recording", answers(status=400))
def test_an_error_is_understood(recording: Any) -> None:
    error = COHERE.error(recording["status"], {}, orjson.dumps(recording["response_body"]))
    assert error.error_class == "context_too_long"
    assert error.message == recording["response_body"]["message"]


@pytest.mark.parametrize("recording", answers(status=200))
def test_the_strict_vendor_takes_what_the_vendor_took(recording: Any) -> None:
    request = Request(recording["path"], {"authorization": "Bearer k"}, recording["request_body"])
    assert [str(each) for each in cohere.complaints(request, "k") if each.rule not in TOLERATED] == []
