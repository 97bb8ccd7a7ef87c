"""Answers that vendors really gave, recorded by public projects, read in the dialect that fits or the generic one.

The recordings are not part of the repository: `DRAGOMAN_CORPUS` names their folder.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialects import DIALECTS
from providers.openai_chat.errors import error_of_answer
from proxy.provider.contract import Frame
from proxy.responses.events import Event, Failed, Finished, Reasoning, Started, Text, Usage
from proxy.responses.usage import UsageTally
from tests.corpus.recordings import dialect_of
from tests.providers.openai_chat.material import calls_in, merged
from tests.providers.openai_chat.test_robustness import check

FAMILIES = (
    *("openai_chat", "azure_openai_chat", "llamacpp_openai_chat", "groq_chat", "deepseek_chat", "openrouter_chat"),
    *("together_chat", "xai_chat", "cerebras_chat", "huggingface_chat", "perplexity_chat", "moonshot_chat", "zai_chat"),
    *("alibaba_chat", "ollama_openai_chat", "gemini_openai_chat", "bedrock_mantle_chat", "cloudflare_openai_chat"),
    *("crusoe_chat", "databricks_chat", "doubleword_chat", "gpustack_openai_chat", "snowflake_chat"),
    *("vercel_gateway_chat", "mistral_chat"),
)
#: Vendors whose total leaves out tokens that another number tells: the reasoning of Gemini.
UNEXPLAINED_TOTALS = {"vercel_gateway_chat"}
#: Failures of the model that Groq answers as mistakes of the request.
SLIPS = {"tool_use_failed": "vendor_failure"}
CLASSES = {400: "bad_request", 401: "bad_credential", 429: "rate_limit", 500: "vendor_failure"}


def recordings() -> list[Path]:
    folder = os.environ.get("DRAGOMAN_CORPUS")
    if not folder:
        return []
    return [path for family in FAMILIES for path in sorted(Path(folder, family).glob("*.json"))]


RECORDINGS = recordings()

if not RECORDINGS:
    pytest.skip("DRAGOMAN_CORPUS does not name a folder of recorded traffic", allow_module_level=True)


def frames(stream: str) -> Iterator[Frame]:
    """The frames of a recorded stream."""
    for block in stream.replace("\r\n", "\n").split("\n\n"):
        lines = [line.partition(":")[::2] for line in block.split("\n")]
        data = "\n".join(value.removeprefix(" ") for name, value in lines if name == "data")
        if data:
            yield Frame("".join(value.strip() for name, value in lines if name == "event"), data.encode())


def values_in(recording: dict[str, Any]) -> list[dict[str, Any]]:
    """The JSON objects of a recorded answer."""
    body = recording["response_body"]
    if not isinstance(body, str):
        return [body]
    return [orjson.loads(frame.data) for frame in frames(body) if frame.data != b"[DONE]"]


def decoded(recording: dict[str, Any], dialect: str) -> list[Event]:
    decoder, body = ChatDecoder(DIALECTS[dialect]), recording["response_body"]
    if not isinstance(body, str):
        return decoder.whole(orjson.dumps(body))
    events = [event for frame in frames(body) for event in decoder.feed(frame)]
    return [*events, *decoder.end()]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_recorded_answer(path: Path) -> None:
    recording = orjson.loads(path.read_bytes())
    dialect = dialect_of(path.parent.name)
    if recording["status"] != 200:
        body = recording["response_body"]
        raw = body.encode() if isinstance(body, str) else orjson.dumps(body)
        error = error_of_answer(recording["status"], {}, raw, DIALECTS[dialect])
        told = body.get("error") if isinstance(body, dict) else None
        code = told.get("code") if isinstance(told, dict) else None
        assert error.error_class == SLIPS.get(str(code), CLASSES[recording["status"]])
        assert error.message
        return
    events = decoded(recording, dialect)
    check(events)
    values = values_in(recording)
    failed = any(value.get("error") for value in values)
    assert isinstance(events[-1], Failed if failed else Finished)
    assert isinstance(events[0], Started | Failed)
    _check_usage(events, values, path.parent.name)
    _check_output(events, values)
    if not failed and isinstance(recording["response_body"], str):
        _check_equality_with_a_whole_answer(events, values, dialect)


def _check_usage(events: list[Event], values: list[dict[str, Any]], family: str) -> None:
    counts = [value["usage"] for value in values if value.get("usage")]
    tally = UsageTally()
    for event in events:
        if isinstance(event, Usage):
            tally.replace(event)
    total = tally.total()
    if not counts:
        return
    last = counts[-1]
    audio = (last.get("prompt_tokens_details") or {}).get("audio_tokens") or 0
    besides = last["total_tokens"] == last["prompt_tokens"] + audio + last["completion_tokens"]
    assert total.input_tokens == last["prompt_tokens"] + (audio if besides else 0)
    reasoning = (last.get("completion_tokens_details") or {}).get("reasoning_tokens") or 0
    outside = last["total_tokens"] == last["prompt_tokens"] + last["completion_tokens"] + reasoning
    if family == "gemini_openai_chat":
        # Its reasoning is in the total alone.
        reasoning, outside = last["total_tokens"] - last["prompt_tokens"] - last["completion_tokens"], True
    outside = outside or reasoning > last["completion_tokens"]
    assert total.output_tokens == last["completion_tokens"] + (reasoning if outside else 0)
    if family not in UNEXPLAINED_TOTALS:
        assert total.total_tokens == last["total_tokens"]
    cached = (last.get("prompt_tokens_details") or {}).get("cached_tokens") or last.get("cached_tokens") or 0
    assert total.cached_tokens >= min(cached, total.input_tokens)


def _choices(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first candidate's choices."""
    choices = [value["choices"][0] for value in values if value.get("choices")]
    return [choice for choice in choices if choice.get("index", 0) == choices[0].get("index", 0)]


def _deltas(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [choice["message"] if choice.get("delta") is None else choice["delta"] for choice in _choices(values)]


def _check_output(events: list[Event], values: list[dict[str, Any]]) -> None:
    """Texts and names of tools are those of the recording."""
    deltas = _deltas(values)
    texts = [delta["content"] for delta in deltas if isinstance(delta.get("content"), str)]
    text = "".join(event.delta for event in events if isinstance(event, Text))
    if all(isinstance(delta.get("content"), str | None) for delta in deltas) and "".join(texts).strip():
        assert text.strip() == "".join(texts).strip() or "".join(texts).lstrip().startswith("<think>")
    names = [
        call["function"]["name"]
        for delta in deltas
        for call in delta.get("tool_calls") or ()
        if call["function"].get("name")
    ]
    assert [name for _, name, _ in calls_in(events)] == names
    thoughts = [delta.get("reasoning_content") or delta.get("reasoning") for delta in deltas]
    expected = "".join(thought for thought in thoughts if isinstance(thought, str))
    if expected:
        assert "".join(event.delta for event in events if isinstance(event, Reasoning)) == expected


def _check_equality_with_a_whole_answer(events: list[Event], values: list[dict[str, Any]], dialect: str) -> None:
    """The stream, put together as a whole answer by hand, gives the same output."""
    message: dict[str, Any] = {}
    calls: dict[int, dict[str, Any]] = {}
    for delta in _deltas(values):
        for name in ("content", "refusal", "reasoning", "reasoning_content"):
            if isinstance(delta.get(name), str):
                message[name] = message.get(name, "") + delta[name]
        if details := delta.get("reasoning_details"):
            message["reasoning_details"] = [*message.get("reasoning_details", ()), *details]
        for call in delta.get("tool_calls") or ():
            function = calls.setdefault(call["index"], {"id": None, "function": {"arguments": ""}})["function"]
            calls[call["index"]]["id"] = call.get("id") or calls[call["index"]]["id"]
            function["name"] = call["function"].get("name") or function.get("name")
            function["arguments"] += call["function"].get("arguments") or ""
    reason = next(choice["finish_reason"] for choice in _choices(values) if choice.get("finish_reason"))
    choice = {"message": {**message, "tool_calls": list(calls.values())}, "finish_reason": reason}
    answer = ChatDecoder(DIALECTS[dialect]).whole(orjson.dumps({"id": "c", "choices": [choice]}))
    ignored = Started | Usage
    streamed = [event for event in events if not isinstance(event, ignored)]
    plain = [Text(event.key, event.delta) if isinstance(event, Text) else event for event in streamed]
    kept = [event for event in plain if not isinstance(event, Text) or event.delta]
    assert merged([event for event in kept if type(event).__name__ != "Annotation"]) == [
        event for event in answer if not isinstance(event, ignored)
    ]
