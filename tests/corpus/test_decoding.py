"""Every recorded answer of a vendor becomes a legal response, whole or streamed, and the same one however it is cut."""

import json
from typing import Any

import pytest

from providers.openai_chat.dialects import DIALECTS
from proxy.testing.grammar import check_response, check_stream

from . import generate_content
from .as_stream import as_stream
from .counting import expected_usage
from .frames import inside_characters, line_ends, payloads
from .recordings import CORPUS, Recording, answers, as_parameters, recordings, tell
from .replay import ESTIMATED, Replay, replay

STREAMS = as_parameters(answers(stream=True), lambda recording: recording.id, CORPUS)
WHOLE = as_parameters(answers(stream=False), lambda recording: recording.id, CORPUS)
ALL = [*STREAMS, *WHOLE]

#: Answers in which there is nothing for the client.
EMPTY = {
    "anthropic_messages-chat-tool-choice-and-calls-control-anthropic-cla-4afed042": "the model had nothing to say",
    "openrouter_chat-chat-tool-choice-and-calls-control-openrouter-cl-a16ba2c1": "the model had nothing to say",
}

PRICED_APART = {
    "youtube-video-url-input-e496e09a": (1917, 1881, 0),
    "return-matrix-direct-upload-e068c470": (144, 0, 0),
    "voxtral-small-latest-c-b578b85d": (375, 0, 0),
    "vertexai-gemini-2-5-flash-re-01f31454": (0, 0, 1),
    "citations-after-rendering-ab2ce049": (0, 0, 1),
    "pause-turn-web-search-vcr-eaab8736": (0, 0, 10),
    "search-annotations-stream-6f26b1ab": (0, 0, 1),
    "gpt-4o-mini-search-pr-9e3891e4": (0, 0, 1),
    "openai-web-search-tool-a7f79b55": (0, 0, 1),
}
"""Recordings, by their end, that have sound in their input, within what was read from the cache, or web searches."""

FINISH_REASONS = {
    "end_turn": "completed",
    "stop_sequence": "completed",
    "tool_use": "completed",
    "max_tokens": "incomplete",
    "pause_turn": "incomplete",
    "stop": "completed",
    "tool_calls": "completed",
    "length": "incomplete",
    "content_filter": "incomplete",
    "": "completed",
}
"""What the vendors' words for the end mean. Nothing continues a paused turn here; without a word any output counts."""


@pytest.mark.skipif(not recordings(), reason=f"no recordings: {CORPUS} not set")
def test_the_corpus_has_answers_of_every_protocol() -> None:
    found = {
        (family, stream): sum(recording.family == family for recording in answers(stream=stream))
        for family in ("anthropic", "gemini", "openai_chat")
        for stream in (True, False)
    }
    tell(f"recorded answers: {found}")
    assert min(found.values()) >= 6


@pytest.mark.parametrize("recording", STREAMS)
def test_stream_becomes_a_legal_stream(recording: Recording) -> None:
    assert check_stream(replay(recording).body) == []


@pytest.mark.parametrize("recording", WHOLE)
def test_whole_answer_becomes_a_legal_response(recording: Recording) -> None:
    assert check_response(replay(recording).response) == []


@pytest.mark.parametrize("recording", ALL)
def test_status_is_that_of_the_vendors_end(recording: Recording) -> None:
    words = generate_content.STATUSES if recording.family == "gemini" else FINISH_REASONS
    assert replay(recording).response["status"] == words[_finish_reason(recording)]


@pytest.mark.parametrize("recording", ALL)
def test_text_and_calls_are_those_of_the_vendor(recording: Recording) -> None:
    response = replay(recording).response
    assert _texts(response) == _vendor_texts(recording)
    assert _calls(response) == _vendor_calls(recording)


@pytest.mark.parametrize("recording", ALL)
def test_answer_has_output_where_the_vendor_gave_some(recording: Recording) -> None:
    features = recording.features
    expects = bool(features & {"text", "tool_call", "thinking", "refusal"}) and "empty" not in features
    if expects and recording.id not in EMPTY:
        assert replay(recording).response["output"] != []


@pytest.mark.parametrize("recording", ALL)
def test_usage_is_the_vendors_arithmetic(recording: Recording) -> None:
    played, expected = replay(recording), expected_usage(recording)
    if expected is None:
        assert played.usage_source == "estimated"
        expected = ESTIMATED.as_response()
    else:
        told = expected["input_tokens"] != ESTIMATED.input_tokens
        assert played.usage_source == ("provider" if told else "estimated")
    assert played.response["usage"] == expected


@pytest.mark.parametrize("recording", ALL)
def test_what_has_a_price_of_its_own_is_counted(recording: Recording) -> None:
    count = replay(recording).count
    apart = count.input_audio_tokens, count.cached_audio_tokens, count.web_searches
    assert apart == next((told for end, told in PRICED_APART.items() if recording.id.endswith(end)), (0, 0, 0))
    assert (count.output_audio_tokens, count.output_image_tokens) == (0, 0)
    if count.cache_write_1h_tokens:
        assert b"ephemeral_1h_input_tokens" in recording.body


@pytest.mark.parametrize("recording", WHOLE)
def test_streaming_vendor_is_paid_as_much_as_one_that_answers_at_once(recording: Recording) -> None:
    told = replay(recording, stream=True, body=as_stream(recording), content_type="text/event-stream")
    assert told.count == replay(recording).count


@pytest.mark.parametrize("size", [1, 7, 4096])
@pytest.mark.parametrize("recording", STREAMS)
def test_pieces_of_any_size_give_the_same_bytes(recording: Recording, size: int) -> None:
    assert _same(replay(recording, cuts=range(0, len(recording.body), size)), replay(recording))


@pytest.mark.parametrize("recording", STREAMS)
def test_pieces_cut_at_every_line_end_give_the_same_bytes(recording: Recording) -> None:
    assert _same(replay(recording, cuts=line_ends(recording.body)), replay(recording))


@pytest.mark.parametrize("recording", STREAMS)
def test_pieces_cut_inside_every_character_give_the_same_bytes(recording: Recording) -> None:
    positions = inside_characters(recording.body)
    if not positions:
        pytest.skip("all characters of the recording are single bytes")
    assert _same(replay(recording, cuts=positions), replay(recording))


@pytest.mark.parametrize("recording", WHOLE)
def test_plain_and_streamed_client_get_the_same_object(recording: Recording) -> None:
    plain, streamed = replay(recording, stream=False), replay(recording, stream=True)
    assert check_stream(streamed.body) == []
    assert streamed.events[-1]["response"] == plain.response


@pytest.mark.parametrize("recording", STREAMS)
def test_plain_client_gets_the_object_of_the_stream(recording: Recording) -> None:
    plain, streamed = replay(recording, stream=False), replay(recording, stream=True)
    assert check_response(plain.response) == []
    assert streamed.events[-1]["response"] == plain.response


@pytest.mark.parametrize("recording", WHOLE)
def test_streaming_vendor_and_whole_answer_give_the_same_object(recording: Recording) -> None:
    whole = replay(recording, stream=True)
    told = replay(recording, stream=True, body=as_stream(recording), content_type="text/event-stream")
    assert check_stream(told.body) == []
    for member in ("status", "output", "usage", "incomplete_details"):
        assert told.response[member] == whole.response[member], member


@pytest.mark.parametrize("recording", STREAMS)
def test_text_of_the_deltas_is_the_text_of_the_object(recording: Recording) -> None:
    deltas: dict[str, str] = {}
    played = replay(recording)
    for event in played.events:
        if event["type"].endswith(".delta"):
            deltas[event["item_id"]] = deltas.get(event["item_id"], "") + event["delta"]
    for item in played.response["output"]:
        if item["type"] in ("message", "function_call", "reasoning"):
            assert deltas.get(item["id"], "") == _visible(item)


# --- reading the vendor's answer independently ------------------------------------------------------------------------


def _same(left: Replay, right: Replay) -> bool:
    return left.body == right.body and left.response == right.response


def _choices(recording: Recording) -> list[dict[str, Any]]:
    """The pieces of the first candidate, as messages or deltas."""
    every = [choice for payload in payloads(recording) for choice in payload.get("choices") or ()]
    return [choice for choice in every if choice.get("index") == every[0].get("index")]


def _part_of(choice: dict[str, Any], recording: Recording) -> dict[str, Any]:
    """The delta of a stream or the message of a whole answer; Perplexity sends both."""
    return choice.get("delta" if recording.stream else "message") or {}


def _finish_reason(recording: Recording) -> str:
    if recording.family == "anthropic":
        found = [
            holder.get("stop_reason")
            for payload in payloads(recording)
            for holder in (payload, payload.get("delta") or {})
        ]
    elif recording.family == "gemini":
        found = [generate_content.finish_of(payload) for payload in payloads(recording)]
    else:
        found = [choice.get("finish_reason") for choice in _choices(recording)]
    return str(next((reason for reason in reversed(found) if reason), ""))


def _vendor_texts(recording: Recording) -> str:
    if recording.family == "anthropic":
        return "".join(_anthropic_text(payload) for payload in payloads(recording)).strip()
    if recording.family == "gemini":
        return "".join(generate_content.text_of(payload) for payload in payloads(recording)).strip()
    pieces = []
    for choice in _choices(recording):
        delta = _part_of(choice, recording)
        content = delta.get("content") or ""
        if isinstance(content, list):
            content = "".join(part.get("text") or "" for part in content if part["type"] == "text")
        elif isinstance(content, dict):
            content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        pieces += [content, delta.get("refusal") or ""]
    text = "".join(pieces).strip()
    if DIALECTS[recording.dialect].think_tags and text.startswith("<think>"):
        return text.partition("</think>")[2].strip()
    return text


def _anthropic_text(payload: dict[str, Any]) -> str:
    blocks = [payload.get("content_block"), payload.get("delta"), *(payload.get("content") or ())]
    return "".join(block["text"] for block in blocks if block and block.get("type") in ("text", "text_delta"))


def _vendor_calls(recording: Recording) -> list[str]:
    """The names of the calls, in order."""
    if recording.family == "anthropic":
        blocks = [
            block
            for payload in payloads(recording)
            for block in (payload.get("content_block") or {}, *(payload.get("content") or ()))
        ]
        return [block["name"] for block in blocks if block.get("type") == "tool_use"]
    if recording.family == "gemini":
        return [name for payload in payloads(recording) for name in generate_content.calls_of(payload)]
    names: list[str] = []
    seen: set[tuple[object, object]] = set()
    for choice in _choices(recording):
        for position, call in enumerate(_part_of(choice, recording).get("tool_calls") or ()):
            key = (call.get("index", position), call.get("id"))
            if call["function"].get("name") and key not in seen:
                seen.add(key)
                names.append(call["function"]["name"])
    # A call that Groq refused to its model is the client's to answer.
    refused = [payload["error"]["failed_generation"] for payload in payloads(recording) if payload.get("error")]
    return names + [json.loads(generation)["name"] for generation in refused]


def _texts(response: dict[str, Any]) -> str:
    parts = [part for item in response["output"] if item["type"] == "message" for part in item["content"]]
    return "".join(part.get("text", part.get("refusal", "")) for part in parts).strip()


def _calls(response: dict[str, Any]) -> list[str]:
    return [item["name"] for item in response["output"] if item["type"] == "function_call"]


def _visible(item: dict[str, Any]) -> str:
    if item["type"] == "function_call":
        return str(item["arguments"])
    parts = [*item.get("summary", ()), *item.get("content", ())]
    return "".join(part.get("text", part.get("refusal", "")) for part in parts)
