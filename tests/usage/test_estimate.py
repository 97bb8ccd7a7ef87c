"""Estimated token counts: exact vectors, loading off the event loop and without a network, texts hard to cut."""

import asyncio
import importlib
import json
import lzma
import math
import socket
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiktoken import Encoding

from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Prepared
from proxy.provider.history import (
    AUTO,
    CallItem,
    CustomTool,
    FunctionTool,
    HistoryItem,
    HostedTool,
    MessageItem,
    OpenedProof,
    Part,
    ReasoningItem,
    ResultItem,
)
from proxy.responses.request import CreateRequest, TextConfig
from proxy.responses.usage import NO_TOKENS
from proxy.usage import estimate
from proxy.usage.estimate import FILE_TOKENS, IMAGE_TOKENS, MAX_COUNTED, Estimator, input_texts, output_texts


@cache
def encoding() -> Encoding:
    """Loaded once for the whole module; most tests are about what happens afterwards."""
    return estimate._encoding(estimate.O200K_BASE)


@pytest.fixture
def estimator() -> Estimator:
    ready = Estimator()
    ready._encoding = encoding()
    return ready


def message(*parts: str | Part, path: str = "input[0]") -> MessageItem:
    return MessageItem(
        "user", [{"type": "input_text", "text": part} if isinstance(part, str) else part for part in parts], path
    )


def prepared(
    *items: HistoryItem,
    tools: list[FunctionTool] | None = None,
    instructions: str | None = None,
    text: TextConfig | None = None,
) -> Prepared:
    request = CreateRequest("any", [], instructions=instructions, text=text or {})
    return Prepared("any", request, list(items), tools or [], AUTO, Capabilities(), False)


def output_message(text: str) -> Mapping[str, object]:
    return {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": text}]}


# --- the vocabulary ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("hello world", [24912, 2375]),
        ("tiktoken is great!", [83, 8251, 2488, 382, 2212, 0]),
        ("", []),
    ],
)
async def test_known_vectors(estimator: Estimator, text: str, tokens: list[int]) -> None:
    assert encoding().encode_ordinary(text) == tokens
    assert await estimator.count([text]) == len(tokens)


def test_pattern_and_special_tokens_are_those_of_tiktoken(monkeypatch: pytest.MonkeyPatch) -> None:
    hashes: list[str] = []

    def load(url: str, expected_hash: str) -> dict[bytes, int]:
        hashes.append(expected_hash)
        return {}

    public = importlib.import_module("tiktoken_ext.openai_public")
    monkeypatch.setattr(public, "load_tiktoken_bpe", load)
    original = public.o200k_base()
    assert original["pat_str"] == estimate._PATTERN
    assert original["special_tokens"] == estimate._SPECIAL_TOKENS
    assert hashes == [estimate.O200K_BASE_SHA256]


async def test_special_tokens_count_as_plain_text(estimator: Estimator) -> None:
    assert await estimator.count(["<|endoftext|>"]) > 1


# --- loading ----------------------------------------------------------------------------------------------------------


def test_importing_the_module_does_not_import_tiktoken() -> None:
    code = "import sys, proxy.usage.estimate as e; e.Estimator(); sys.exit('tiktoken' in sys.modules)"
    root = Path(estimate.__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


async def test_loads_once_off_the_loop_and_without_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("a socket was opened")

    for name in ("socket", "create_connection", "getaddrinfo"):
        monkeypatch.setattr(socket, name, refuse)
    estimator = Estimator()
    loop = asyncio.get_running_loop()
    ticks = 0
    ticks_in_load: list[int] = []

    async def ticker() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    async def some_turns() -> None:
        for _ in range(3):
            await asyncio.sleep(0)

    def decompress(content: bytes) -> bytes:
        ticks_in_load.append(ticks)
        # Would not return if the loop were what loads.
        asyncio.run_coroutine_threadsafe(some_turns(), loop).result(30)
        ticks_in_load.append(ticks)
        return lzma.LZMADecompressor().decompress(content)

    monkeypatch.setattr(lzma, "decompress", decompress)
    ticking = asyncio.create_task(ticker())
    counts = await asyncio.gather(*(estimator.count(["hello world"]) for _ in range(5)))
    ticking.cancel()
    assert counts == [2] * 5
    assert estimator.failure is None
    assert not estimator.degraded
    assert estimator.loaded
    assert len(ticks_in_load) == 2, "loaded more than once"
    assert ticks_in_load[0] < ticks_in_load[1] < ticks


async def test_a_cancelled_caller_does_not_take_the_loading_away(monkeypatch: pytest.MonkeyPatch) -> None:
    ready = encoding()
    begun = asyncio.Event()
    go_on = asyncio.Event()
    loop = asyncio.get_running_loop()

    def load(vocabulary: Path) -> Encoding:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result(30)
        return ready

    monkeypatch.setattr(estimate, "_encoding", load)
    estimator = Estimator()
    first = asyncio.create_task(estimator.count(["hello world"]))
    await begun.wait()
    second = asyncio.create_task(estimator.count(["hello world"]))
    await asyncio.sleep(0)
    first.cancel()
    go_on.set()
    assert await second == 2
    assert first.cancelled()


async def test_nothing_is_loaded_for_nothing() -> None:
    estimator = Estimator()
    assert await estimator.count([]) == 0
    assert await estimator.count(["", ""]) == 0
    assert not estimator.loaded


@pytest.mark.parametrize(
    "content",
    [None, b"hello world", lzma.compress(b"IQ== 0\n"), estimate.O200K_BASE.read_bytes()[:100_000]],
    ids=["missing", "not xz", "another vocabulary", "cut"],
)
async def test_without_a_vocabulary_four_bytes_are_a_token(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "o200k_base.tiktoken.xz"
    if content is not None:
        path.write_bytes(content)
    estimator = Estimator(path)
    assert not estimator.degraded
    assert await estimator.count(["hello", " world"]) == 3
    assert await estimator.count(["日本", "\ud800"]) == 3
    assert await estimator.count(["a" * 100_001]) == 25_001
    assert estimator.degraded
    assert estimator.failure
    assert estimator.loaded


# --- long and strange texts -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [*(unit * 10**6 for unit in ("a", " ", "\n", "^", "中", "\u0301")), "\ud800" * 10**5, " \n\t" * 10**5],
    ids=["letters", "spaces", "lines", "signs", "ideographs", "marks", "surrogates", "white space"],
)
async def test_long_texts_without_a_place_to_cut_finish(estimator: Estimator, text: str) -> None:
    assert 0 < await estimator.count([text]) <= 2 * len(text)


async def test_long_texts_leave_the_loop_free(estimator: Estimator, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    counting = Estimator._count

    async def turn() -> None:
        await asyncio.sleep(0)

    def count(self: Estimator, texts: list[str]) -> int:
        # It would wait for ever for a loop that it blocks itself.
        asyncio.run_coroutine_threadsafe(turn(), loop).result(30)
        return counting(self, texts)

    monkeypatch.setattr(Estimator, "_count", count)
    assert await estimator.count(["hello world " * 10_000]) > 20_000
    assert await estimator.count(["a"] * 10_000) == 10_000


async def test_cutting_at_spaces_costs_no_precision(estimator: Estimator) -> None:
    text = "The quick brown fox, they said, jumps over 12345 lazy dogs.\n" * 500
    assert await estimator.count([text]) == len(encoding().encode_ordinary(text))


@given(
    st.lists(st.tuples(st.text(min_size=1, max_size=20), st.integers(1, 2_000)), max_size=4).map(
        lambda runs: "".join(text * times for text, times in runs)
    )
)
@settings(max_examples=50, deadline=None)
def test_pieces_are_bounded_and_lose_nothing(text: str) -> None:
    pieces = list(estimate._pieces(text))
    assert "".join(pieces) == text
    assert all(len(piece) <= estimate._PIECE_CHARACTERS for piece in pieces)
    assert all(pieces) or not text
    assert len(pieces) <= 2 + 2 * len(text) // estimate._PIECE_CHARACTERS


@given(st.lists(st.text(st.characters(codec=None), max_size=200), max_size=8))
@settings(max_examples=100, deadline=None)
async def test_counts_are_bounded_and_additive(texts: list[str]) -> None:
    estimator = Estimator()
    estimator._encoding = encoding()
    total = await estimator.count(texts)
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    assert total <= size
    assert (total == 0) == (size == 0)
    assert total == sum([await estimator.count([text]) for text in texts])


# --- what counts ------------------------------------------------------------------------------------------------------


def test_every_text_of_a_request_counts() -> None:
    schema = MappingProxyType({"type": "object", "properties": {"größe": {"type": "integer", "maximum": 2**80}}})
    request = prepared(
        message("question", {"type": "input_file", "filename": "a.pdf", "file_data": "AAAA"}),
        ReasoningItem(["summary"], ["thought"], None, "input[1]"),
        ReasoningItem(["summary"], ["shown"], OpenedProof("signature", "xyz", "item", "exact thought"), "input[2]"),
        ReasoningItem(["only summary"], [], OpenedProof("encrypted", "xyz", "item", None), "input[3]"),
        ReasoningItem(["never sent"], [], None, "input[4]"),
        CallItem("call_1", "look", '{"at":1}', "input[5]"),
        ResultItem("call_1", "look", "seen", False, "input[6]"),
        ResultItem("call_2", "look", [{"type": "input_text", "text": "part"}], False, "input[7]"),
        MessageItem("assistant", [{"type": "refusal", "refusal": "no"}], "input[8]"),
        tools=[FunctionTool("look", "Looks.", schema, None, "tools[0]"), FunctionTool("bare", None, None, None, "")],
        instructions="be brief",
        text={"format": {"type": "json_schema", "name": "answer", "schema": {"type": "object"}}},
    )
    texts = list(input_texts(request))
    assert texts == [
        *("be brief", "question", "a.pdf", "thought", "exact thought", "only summary"),
        *("look", '{"at":1}', "seen", "part", "no"),
        *("look", "Looks.", f'{{"type":"object","properties":{{"größe":{{"type":"integer","maximum":{2**80}}}}}}}'),
        *("bare", '{"type":"json_schema","name":"answer","schema":{"type":"object"}}'),
    ]


def test_instructions_among_the_items_count_once() -> None:
    request = prepared(message("be brief", path="instructions"), message("question"), instructions="be brief")
    assert list(input_texts(request)) == ["be brief", "question"]
    apart = prepared(message("question"), instructions="be brief")
    assert estimate._overhead(request) == estimate._overhead(apart)


def test_every_text_that_the_model_wrote_counts() -> None:
    output: list[Mapping[str, object]] = [
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": "short"}], "encrypted_content": "dg1"},
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "short"}],
            "content": [{"type": "reasoning_text", "text": "long"}],
        },
        output_message("answer"),
        {"type": "message", "content": [{"type": "refusal", "refusal": "no"}]},
        {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
        {"type": "custom_tool_call", "call_id": "call_2", "name": "write", "input": "free text"},
        {"type": "local_shell_call", "action": {"type": "exec", "command": ["ls"]}},
        {"type": "mcp_call", "name": "remote", "arguments": "{}", "output": "written by a server"},
        {"type": "function_call_output", "call_id": "call_1", "output": "written by a tool"},
        {"type": "image_generation_call", "result": "AAAA"},
        {"type": "message", "content": None},
        {},
    ]
    assert list(output_texts(output)) == [
        *("short", "long", "answer", "no", "look", "{}", "write", "free text"),
        *('{"type":"exec","command":["ls"]}', "remote", "{}"),
    ]


async def test_an_estimate_adds_what_frames_the_texts(estimator: Estimator) -> None:
    count = await estimator.estimate(
        prepared(message("hello world"), message("hello world")),
        [{"type": "reasoning", "summary": [], "content": [{"text": "hello"}]}, output_message("hello world")],
    )
    assert (count.input_tokens, count.output_tokens, count.reasoning_tokens) == (2 * (2 + 4) + 3, 3, 1)
    assert (count.cached_tokens, count.cache_write_tokens, count.cache_write_1h_tokens) == (0, 0, 0)
    assert count.total_tokens == 18


@pytest.mark.parametrize(
    ("part", "tokens"),
    [
        ({"type": "input_image", "image_url": "data:image/png;base64," + "A" * 100_000}, IMAGE_TOKENS),
        ({"type": "input_file", "file_data": "data:application/pdf;base64," + "A" * 100_000}, FILE_TOKENS),
        ({"type": "input_file", "file_id": "file_1"}, FILE_TOKENS),
        ({"type": "input_file", "file_data": "data:text/plain;base64," + "A" * 16_000}, 3_004),
        ({"type": "input_audio", "input_audio": {"format": "mp3", "data": "A" * 20_000}}, 10),
    ],
)
async def test_media_count_flat_and_never_as_text(estimator: Estimator, part: Part, tokens: int) -> None:
    framing = 7
    assert (await estimator.estimate(prepared(message(part)), [])).input_tokens == framing + tokens
    result = ResultItem("call_1", "look", [part], False, "input[0]")
    assert (await estimator.estimate(prepared(result), [])).input_tokens == framing + tokens


texts = st.text(max_size=40)
items = st.one_of(
    texts.map(lambda text: message(text or "x")),
    texts.map(lambda text: CallItem("call_1", "look", json.dumps(text), "input[0]")),
    texts.map(lambda text: ResultItem("call_1", "look", text, False, "input[0]")),
    texts.map(lambda text: ReasoningItem([text], [text], None, "input[0]")),
)
outputs = st.one_of(
    texts.map(output_message),
    texts.map(lambda text: {"type": "reasoning", "summary": [{"type": "summary_text", "text": text}]}),
    texts.map(lambda text: {"type": "function_call", "name": "look", "arguments": text}),
)


@given(st.lists(items, max_size=5), st.lists(outputs, max_size=5), st.booleans())
@settings(max_examples=100, deadline=None)
async def test_invariants_hold(history: list[HistoryItem], output: list[Mapping[str, object]], degraded: bool) -> None:
    estimator = Estimator()
    if degraded:
        estimator._failure = "damaged"
    else:
        estimator._encoding = encoding()
    count = await estimator.estimate(prepared(*history), output)
    assert count.total_tokens == count.input_tokens + count.output_tokens
    assert 0 <= count.reasoning_tokens <= count.output_tokens
    assert count.cached_tokens + count.cache_write_tokens <= count.input_tokens
    assert count.input_tokens >= 3 + 4 * len(history)
    if not any(output_texts(output)):
        assert count.output_tokens == NO_TOKENS.output_tokens
    if degraded:
        size = sum(len(text.encode()) for text in input_texts(prepared(*history)))
        assert count.input_tokens == 3 + 4 * len(history) + math.ceil(size / 4)
    more = await estimator.estimate(prepared(*history, message("one more")), output)
    assert more.input_tokens > count.input_tokens
    assert more.output_tokens == count.output_tokens


def test_tools_of_every_kind_count() -> None:
    made = prepared(message("x"))
    made.custom_tools = [CustomTool("patch", "Patches it.", {"type": "grammar", "definition": "start: x"}, "tools[0]")]
    server = {"type": "mcp", "server_label": "docs", "server_description": "All of it.", "authorization": "secret"}
    made.hosted_tools = [HostedTool("mcp", server, "tools[1]")]
    texts = " ".join(input_texts(made))
    assert all(text in texts for text in ("patch", "Patches it.", "start: x", "mcp", "docs", "All of it."))
    assert "secret" not in texts


async def test_a_text_without_end_counts_like_its_beginning(estimator: Estimator) -> None:
    words = "one two three four five six seven eight nine ten "
    whole = words * (3 * MAX_COUNTED // len(words))
    beginning = await estimator.count([whole[:MAX_COUNTED]])
    assert await estimator.count([whole]) == pytest.approx(3 * beginning, rel=1e-3)
    assert await estimator.count([whole[: MAX_COUNTED // 2], whole]) == pytest.approx(3.5 * beginning, rel=1e-3)
