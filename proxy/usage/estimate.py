"""Token counts for answers whose vendor reports none: an estimate with the o200k_base vocabulary.

The vocabulary is shipped beside this module; nothing is ever downloaded. It costs 0.3 to 0.5 s of CPU and 77 MiB
of memory, so it is loaded by the first estimate and never by an import.
"""

import asyncio
import binascii
import hashlib
import json
import lzma
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from proxy.provider.history import CallItem, HistoryItem, MessageItem, Part, ReasoningItem, ResultItem
from proxy.responses.usage import TokenCount

if TYPE_CHECKING:
    from tiktoken import Encoding

    from proxy.provider.contract import Prepared

MESSAGE_TOKENS: Final = 4
"""What frames one item of the conversation, in tokens (OpenAI cookbook, "How to count tokens")."""

REPLY_TOKENS: Final = 3
"""What opens the answer, in tokens (same source)."""

IMAGE_TOKENS: Final = 765
"""An image: what OpenAI counts for 1024 x 1024 pixels in high detail. The real size is not looked at."""

FILE_TOKENS: Final = 2_000
"""A file that is not text, or not at hand: about one page of a PDF as text and picture."""

AUDIO_CHARACTERS_PER_TOKEN: Final = 2_000
"""Sound: ten tokens a second, at 128 kbit/s in base64."""

O200K_BASE: Final = Path(__file__).with_name("encodings") / "o200k_base.tiktoken.xz"
O200K_BASE_SHA256: Final = "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d"
_SPECIAL_TOKENS: Final = {"<|endoftext|>": 199_999, "<|endofprompt|>": 200_018}
_PATTERN: Final = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*"
    r"|\s*[\r\n]+"
    r"|\s+(?!\S)"
    r"|\s+"
)

_DIRECT_CHARACTERS: Final = 20_000
"""Up to here texts are counted at once: 1 to 2 ms, 4 ms for the worst kinds of text."""

_CHARACTERS_PER_TEXT: Final = 20
"""What beginning another text takes, measured in the time for characters."""

MAX_COUNTED: Final = 2_000_000
"""How many characters are counted, in a tenth of a second or in one; what follows is taken to be like them."""

_PIECE_CHARACTERS: Final = 4_096
_BYTES_PER_TOKEN: Final = 4
_TEXT_FILES: Final = ("data:text/", "data:application/json")

_TOLD: Final = ("description", "parameters", "server_label", "server_description", "allowed_tools", "filters")
"""What of a tool that a vendor runs can be told to the model."""

_CALL_MEMBERS: Final = ("name", "arguments", "input", "code", "queries", "action", "actions", "operation")
"""What a model writes in the calls of all kinds; other members come from the server that ran the tool."""


class Estimator:
    """Estimates tokens; one a process, used from one event loop. No method raises for any text.

    Without a usable vocabulary it counts four UTF-8 bytes as a token and is `degraded`.
    """

    __slots__ = ("_encoding", "_failure", "_loading", "_vocabulary")

    def __init__(self, vocabulary: Path = O200K_BASE) -> None:
        self._vocabulary = vocabulary
        self._encoding: Encoding | None = None
        self._failure: str | None = None
        self._loading: asyncio.Future[None] | None = None

    @property
    def loaded(self) -> bool:
        """Whether the vocabulary was asked for and is there or has failed."""
        return self._encoding is not None or self._failure is not None

    @property
    def degraded(self) -> bool:
        """Whether the vocabulary could not be loaded; once so, it stays so."""
        return self._failure is not None

    @property
    def failure(self) -> str | None:
        """Why the vocabulary could not be loaded, for a log line."""
        return self._failure

    async def load(self) -> None:
        """Load the vocabulary in a thread, unless that was done; callers at the same time share one loading.

        The last step, building the tables inside tiktoken, keeps the GIL for 0.1 to 0.2 s, once. To have that behind
        before requests come, call this at the start.
        """
        if self.loaded:
            return
        if self._loading is None:
            self._loading = asyncio.get_running_loop().run_in_executor(None, self._load)
        # A caller that is cancelled must not take the loading away from the others.
        await asyncio.shield(self._loading)

    async def count(self, texts: Iterable[str]) -> int:
        """The tokens of the texts, each counted for itself. Special tokens count as the plain text they are here."""
        gathered = list(texts)
        size = sum(map(len, gathered))
        if size == 0:
            return 0
        await self.load()
        if size + _CHARACTERS_PER_TEXT * len(gathered) <= _DIRECT_CHARACTERS:
            return self._count(gathered)
        if size <= MAX_COUNTED:
            return await asyncio.to_thread(self._count, gathered)
        counted = await asyncio.to_thread(self._count, _beginning(gathered))
        return -(-counted * size // MAX_COUNTED)

    async def estimate(self, prepared: "Prepared", output: Sequence[Mapping[str, object]]) -> TokenCount:
        """The counts of one upstream call: what the vendor was sent and the output items that came of it.

        Nothing counts as cached: nobody knows.
        """
        count_in = await self.estimate_input(prepared)
        reasoning = await self.count(text for item in output for text in _reasoning_texts(item))
        visible = await self.count(text for item in output for text in _visible_texts(item))
        return TokenCount(count_in, 0, 0, 0, visible + reasoning, reasoning)

    async def estimate_input(self, prepared: "Prepared") -> int:
        """The tokens of what the vendor is sent."""
        return await self.count(input_texts(prepared)) + _overhead(prepared)

    async def weigh(self, groups: Sequence[Sequence[HistoryItem]]) -> list[int]:
        """The tokens of each group of items: what `estimate_input` is less without it."""
        texts = [[text for item in group for text in _item_texts(item)] for group in groups]
        size = sum(len(text) + _CHARACTERS_PER_TEXT for some in texts for text in some)
        if size:
            await self.load()
        counts = (
            self._count_each(texts) if size <= _DIRECT_CHARACTERS else await asyncio.to_thread(self._count_each, texts)
        )
        return [count + sum(map(_item_overhead, group)) for count, group in zip(counts, groups, strict=True)]

    def _count_each(self, groups: Sequence[Sequence[str]]) -> list[int]:
        return [self._count(texts) for texts in groups]

    def _count(self, texts: Sequence[str]) -> int:
        encoding = self._encoding
        if encoding is None:
            return -(-_bytes(texts) // _BYTES_PER_TOKEN)
        return sum(len(encoding.encode_ordinary(piece)) for text in texts for piece in _pieces(text))

    def _load(self) -> None:
        try:
            self._encoding = _encoding(self._vocabulary)
        except Exception as error:  # whatever it is, an estimate must not fail a request
            self._failure = f"{type(error).__name__}: {error}"


def _encoding(vocabulary: Path) -> "Encoding":
    # tiktoken is imported here, as most processes never need it.
    from tiktoken import Encoding

    content = lzma.decompress(vocabulary.read_bytes())
    if hashlib.sha256(content).hexdigest() != O200K_BASE_SHA256:
        raise ValueError(f"{vocabulary.name} is not the o200k_base vocabulary")
    ranks = {
        binascii.a2b_base64(token): int(rank)
        for token, _, rank in (line.partition(b" ") for line in content.splitlines())
    }
    return Encoding("o200k_base", pat_str=_PATTERN, mergeable_ranks=ranks, special_tokens=_SPECIAL_TOKENS)


def _beginning(texts: Sequence[str]) -> list[str]:
    """The first `MAX_COUNTED` characters of the texts."""
    beginning: list[str] = []
    left = MAX_COUNTED
    for text in texts:
        beginning.append(text[:left])
        left -= len(beginning[-1])
        if not left:
            break
    return beginning


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces of bounded size.

    The time for one long word grows faster than the word, and a million spaces overflow the stack of tiktoken's regular
    expressions, which ends in a panic. Pieces begin at spaces where there are any, as tokens do; a cut elsewhere adds a
    token or two.
    """
    start = 0
    while len(text) - start > _PIECE_CHARACTERS:
        space = text.rfind(" ", start + 1, start + _PIECE_CHARACTERS)
        end = start + _PIECE_CHARACTERS if space < 0 else space
        yield text[start:end]
        start = end
    yield text[start:]


def input_texts(prepared: "Prepared") -> Iterator[str]:
    """All texts of a request as the vendor gets it: instructions, messages, calls and results, tools, answer format.

    Earlier reasoning counts by its exact text where that is known, and by its summary where only a proof goes back.
    """
    instructions = prepared.request.instructions
    if instructions and not _holds_instructions(prepared):
        yield instructions
    for item in prepared.items:
        yield from _item_texts(item)
    for tool in prepared.tools:
        yield tool.name
        if tool.description:
            yield tool.description
        if tool.parameters is not None:
            yield _text(tool.parameters)
    for custom in prepared.custom_tools:
        yield from (custom.name, custom.description or "")
        if custom.format is not None:
            yield _text(custom.format)
    for hosted in prepared.hosted_tools:
        # What the vendor tells the model of it is not known; the client's own words are the least of it.
        yield from (hosted.type, *(_text(hosted.tool[name]) for name in _TOLD if hosted.tool.get(name) is not None))
    answer_format = prepared.request.text.get("format")
    if answer_format and answer_format["type"] == "json_schema":
        yield _text(answer_format)


def most_tokens(prepared: "Prepared") -> int:
    """A bound of what `Estimator.estimate_input` can say, known without the vocabulary: a token has at least a byte."""
    return _bytes(input_texts(prepared)) + _overhead(prepared)


def rough_tokens(prepared: "Prepared") -> int:
    """About what `Estimator.estimate_input` says, known at once: four bytes of UTF-8 are a token."""
    return -(-_bytes(input_texts(prepared)) // _BYTES_PER_TOKEN) + _overhead(prepared)


def output_texts(output: Sequence[Mapping[str, object]]) -> Iterator[str]:
    """All texts that a model wrote, from the output items of a response: texts, refusals, reasoning, calls.

    Reasoning counts by its content, by its summary only where there is no content.
    """
    for item in output:
        yield from _reasoning_texts(item)
        yield from _visible_texts(item)


def _bytes(texts: Iterable[str]) -> int:
    return sum([len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass")) for text in texts])


def _holds_instructions(prepared: "Prepared") -> bool:
    return any(isinstance(item, MessageItem) and item.path == "instructions" for item in prepared.items)


def _item_texts(item: HistoryItem) -> Iterator[str]:
    match item:
        case MessageItem():
            yield from _part_texts(item.parts)
        case CallItem():
            yield item.name
            yield item.arguments
        case ResultItem(output=str(text)):
            yield text
        case ResultItem(output=parts):
            yield from _part_texts(parts)
        case ReasoningItem(proof=proof) if proof is not None and proof.text:
            yield proof.text
        case ReasoningItem():
            yield from item.content or (item.summary if item.proof is not None else ())


def _reasoning_texts(item: Mapping[str, object]) -> Iterator[str]:
    if item.get("type") == "reasoning":
        yield from _part_texts(item.get("content") or item.get("summary"))


def _visible_texts(item: Mapping[str, object]) -> Iterator[str]:
    kind = item.get("type")
    if kind == "message":
        yield from _part_texts(item.get("content"))
    elif isinstance(kind, str) and kind.endswith("_call"):
        yield from (_text(value) for member in _CALL_MEMBERS if (value := item.get(member)) is not None)


def _part_texts(parts: object) -> Iterator[str]:
    """The texts among content parts; what is not text counts in `_media_tokens`."""
    if not isinstance(parts, Sequence):
        return
    for part in parts:
        if isinstance(part, Mapping):
            yield from (text for member in ("text", "refusal", "filename") if isinstance(text := part.get(member), str))


def _text(value: object) -> str:
    """A string as it is, other JSON in its compact form. Not orjson: it knows no large integers."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_plain)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


def _overhead(prepared: "Prepared") -> int:
    """The tokens of a request that are not text of its own."""
    total = REPLY_TOKENS + sum(map(_item_overhead, prepared.items))
    if prepared.request.instructions and not _holds_instructions(prepared):
        total += MESSAGE_TOKENS
    return total


def _item_overhead(item: HistoryItem) -> int:
    match item:
        case MessageItem(parts=parts) | ResultItem(output=[*parts]):
            return MESSAGE_TOKENS + sum(map(_media_tokens, parts))
    return MESSAGE_TOKENS


def _media_tokens(part: Part) -> int:
    match part:
        case {"type": "input_image"}:
            return IMAGE_TOKENS
        case {"type": "input_file", "file_data": str(data)} if data.startswith(_TEXT_FILES):
            # Four characters of base64 are three bytes.
            return len(data) * 3 // 4 // _BYTES_PER_TOKEN
        case {"type": "input_file"}:
            return FILE_TOKENS
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            return len(data) // AUDIO_CHARACTERS_PER_TOKEN
    return 0
