"""Whatever a vendor sends, a decoder answers with events that end in exactly one end."""

from typing import Any

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.openai_chat.decode import ChatDecoder
from providers.openai_chat.dialects import DIALECTS
from proxy.provider.contract import Frame
from proxy.provider.errors import ProviderError
from proxy.responses.events import CallArguments, CallClosed, CallOpened, Failed, Finished, Key, Proof, Reasoning, Text
from tests.providers.openai_chat.material import OPENAI, chunk, streamed

QUICK = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
THOROUGH = settings(QUICK, max_examples=300)
DIALECT = st.sampled_from(sorted(DIALECTS))

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.sampled_from(["", "a", " ", "<think>", "</think>", "{}", '{"a":1}', "stop", "error", "url_citation", "text"])
    | st.sampled_from(["reasoning.text", "reasoning.encrypted", "tool_use_failed", "data:image/png;base64,AA=="])
)
NAMES = st.sampled_from(
    [
        *("content", "reasoning", "reasoning_content", "reasoning_details", "refusal", "tool_calls", "function_call"),
        *("function", "name", "arguments", "id", "index", "annotations", "url_citation", "audio", "transcript", "type"),
        *("custom", "input", "images", "image_url", "start_index", "end_index", "executed_tools"),
        *("text", "url", "token", "logprob", "bytes", "top_logprobs", "thinking", "summary", "signature", "data"),
    ]
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5), max_leaves=12
)
CHOICES = st.fixed_dictionaries(
    {},
    optional={
        "index": LEAVES,
        "delta": st.dictionaries(NAMES, VALUES, max_size=5) | VALUES,
        "message": VALUES,
        "finish_reason": LEAVES,
        "logprobs": st.dictionaries(st.sampled_from(["content", "tokens", "token_logprobs", "top_logprobs"]), VALUES)
        | VALUES,
        "usage": VALUES,
        "error": VALUES,
    },
)
ERRORS = st.fixed_dictionaries(
    {},
    optional={
        "message": LEAVES,
        "code": LEAVES,
        "failed_generation": LEAVES,
        "metadata": st.dictionaries(st.sampled_from(["raw", "reasons"]), VALUES),
    },
)
CHUNKS = VALUES | st.fixed_dictionaries(
    {},
    optional={
        "id": LEAVES,
        "model": LEAVES,
        "service_tier": LEAVES,
        "choices": st.lists(CHOICES | VALUES, max_size=2) | VALUES,
        "usage": st.dictionaries(
            st.sampled_from(["prompt_tokens", "completion_tokens", "prompt_tokens_details", "total_tokens"]), VALUES
        ),
        "timings": VALUES,
        "x_groq": VALUES,
        "base_resp": VALUES,
        "citations": VALUES,
        "search_results": VALUES,
        "error": ERRORS | VALUES,
        "message": VALUES,
        "detail": VALUES,
    },
)


def check(events: Any) -> None:
    """One end, at the end; calls are opened before they get arguments, and closed once; deltas are texts."""
    ends = [index for index, event in enumerate(events) if isinstance(event, Finished | Failed)]
    assert ends == [len(events) - 1]
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
        if isinstance(event, Text | Reasoning | CallArguments):
            assert isinstance(event.delta, str)
            orjson.dumps(event.delta)
        if isinstance(event, Proof):
            assert str(event.key).startswith("reasoning")


@THOROUGH
@given(dialect=DIALECT, chunks=st.lists(CHUNKS, max_size=5), done=st.booleans())
def test_any_json_in_a_stream(dialect: Any, chunks: list[object], done: bool) -> None:
    check(streamed(*chunks, dialect=dialect, done=done))


@THOROUGH
@given(dialect=DIALECT, answer=CHUNKS)
def test_any_json_as_a_whole_answer(dialect: Any, answer: str) -> None:
    check(ChatDecoder(DIALECTS[dialect]).whole(orjson.dumps(answer)))


@QUICK
@given(data=st.binary(max_size=60), event=st.sampled_from(["", "error", "message", "x"]))
def test_any_bytes_in_a_stream(data: bytes, event: str) -> None:
    decoder = ChatDecoder(DIALECTS["generic"])
    check([*decoder.feed(Frame(event, data)), *decoder.end()])


@QUICK
@given(status=st.integers(100, 599), body=st.binary(max_size=40) | CHUNKS.map(orjson.dumps))
def test_any_error_answer(status: int, body: Any) -> None:
    error = OPENAI.error(status, {}, body)
    assert isinstance(error, ProviderError)
    assert error.message


def test_arguments_nested_too_deeply_to_be_printed() -> None:
    head = b'{"choices":[{"delta":{"tool_calls":[{"id":"x","function":{"name":"f","arguments":'
    check(streamed(head + b"[" * 400 + b"]" * 400 + b"}}]}}]}", chunk(finish_reason="stop")))


def test_half_a_stream_is_never_a_whole_answer() -> None:
    deltas = [{"content": "a"}, {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "f", "arguments": "{"}}]}]
    chunks = [chunk(delta) for delta in deltas]
    for length in range(len(chunks) + 1):
        for dialect in ("openai", "vllm", "llama_cpp"):
            events = streamed(*chunks[:length], dialect=dialect, done=False)
            assert isinstance(events[-1], Failed)
