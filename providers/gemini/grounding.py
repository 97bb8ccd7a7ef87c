"""Where an answer's statements come from -> annotations of its text, and the searches that nothing else shows.

`groundingMetadata`, `citationMetadata` and `urlContextMetadata` come with the last chunk, as a rule; their offsets
count bytes of UTF-8. Source: the references of `GroundingSupport`, `Segment`, `Citation` and `UrlContextMetadata`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from providers.gemini import hosted
from providers.gemini.reading import Json, count, mapping, mappings, sequence, text, texts
from proxy.responses.events import Annotation, Key

PartKind: TypeAlias = Literal["text", "thought", "other"]
Span: TypeAlias = tuple[int, int]


class Place(NamedTuple):
    """What is cited: the vendor's word for the citation, the cited span, and the number of its source."""

    element: str
    span: Span
    source: int


@dataclass(slots=True)
class ContentPart:
    """A part of the vendor's content. Of a visible text: the `key` that it is shown under, and its pieces."""

    kind: PartKind
    key: Key = ""
    pieces: list[str] = field(default_factory=list)


class Grounding:
    """What is known of one answer: its content so far (`parts`), and what the vendor says of its sources."""

    __slots__ = (
        "_chunks",
        "_citations",
        "_entry_point",
        "_file_queries",
        "_pages",
        "_queries",
        "_searched",
        "_supports",
        "_told",
        "parts",
    )

    def __init__(self) -> None:
        self.parts: list[ContentPart] = []
        self._queries: list[str] = []
        # Each query once, as it is billed.
        self._searched: set[str] = set()
        self._file_queries: list[str] = []
        self._chunks: list[Json] = []
        self._supports: list[Json] = []
        self._citations: dict[tuple[Span, str], Json] = {}
        self._pages: list[Json] = []
        self._entry_point = False
        self._told: set[Place] = set()

    def read(self, candidate: Json) -> None:
        """Take in what a candidate says of its sources; what it says anew replaces what it said before."""
        if isinstance(said := candidate.get("groundingMetadata"), dict):
            web, images = texts(said.get("webSearchQueries")), texts(said.get("imageSearchQueries"))
            self._queries = web or images or self._queries
            self.searched([*web, *images])
            self._file_queries = texts(said.get("retrievalQueries")) or self._file_queries
            self._chunks = [mapping(chunk) for chunk in sequence(said.get("groundingChunks"))] or self._chunks
            self._supports = mappings(said.get("groundingSupports")) or self._supports
            self._entry_point = self._entry_point or bool(mapping(said.get("searchEntryPoint")))
        if isinstance(said := candidate.get("citationMetadata"), dict):
            citations = mappings(said.get("citations")) or mappings(said.get("citationSources"))
            for citation in citations:
                source = {"uri": text(citation.get("uri")), "title": text(citation.get("title"))}
                self._citations[_offsets(citation), source["uri"]] = {"web": source}
        if isinstance(said := candidate.get("urlContextMetadata"), dict):
            self._pages = mappings(said.get("urlMetadata")) or self._pages

    def searched(self, queries: Sequence[str]) -> None:
        """The vendor looked for these."""
        self._searched.update(queries)

    @property
    def searches(self) -> int:
        """How many different queries were made."""
        return len(self._searched)

    def annotations(self, key: Key, *, complete: bool) -> list[Annotation]:
        """The citations of the last text, the one with this key, in characters of that text. `complete`: the content
        has all its parts; otherwise what cites a part that is still to come has to wait."""
        if not self._supports and not self._citations:
            return []
        visible = _VisibleText(self.parts)
        first = visible.start_of(key)
        found: list[Annotation] = []
        for place, chunk in self._cited(visible, complete):
            start, end = place.span
            if start >= first or end > first:
                annotation = _annotation(chunk, max(start, first) - first, end - first)
                if annotation is not None:
                    found.append(Annotation(key, annotation))
                    self._told.add(place)
        return found

    def untold(self) -> list[str]:
        """What has no place in the answer: sources of a text that had ended when they came, or that nothing names; and
        the vendor's own display of a search."""
        if not self._supports and not self._citations:
            missed = set[str]()
        else:
            places = (place for place, _ in self._cited(_VisibleText(self.parts), complete=True))
            missed = {place.element for place in places if place not in self._told}
        if self._entry_point:
            missed.add("search_entry_point")
        return sorted(missed)

    def steps(self, seen: set[str]) -> list[hosted.Step]:
        """The searches and pages that were no parts of the answer; `seen` are the types of tools that were."""
        steps: list[hosted.Step] = []
        contexts = [context for chunk in self._chunks if (context := mapping(chunk.get("retrievedContext")))]
        sources = list(dict.fromkeys(url for chunk in self._chunks if (url := _page_of(chunk)[0])))
        if (self._queries or (sources and not self._pages)) and seen.isdisjoint(hosted.SEARCHES):
            steps.append(hosted.search(self._queries, sources))
        if (self._file_queries or contexts) and hosted.FILE_SEARCH not in seen:
            steps.append(hosted.file_search(self._file_queries, [_result(context) for context in contexts]))
        if hosted.PAGES not in seen:
            steps += hosted.pages_read(self._pages)
        return steps

    def _cited(self, visible: "_VisibleText", complete: bool) -> Iterator[tuple[Place, Json]]:
        """Each place that has a source, with the grounding chunk of the source."""
        for support in self._supports:
            segment = mapping(support.get("segment"))
            if not complete and _part_of(segment) >= len(self.parts):
                continue
            span = visible.span_of(segment)
            for each in sequence(support.get("groundingChunkIndices")):
                index = count(each)
                if index is not None:
                    chunk = self._chunks[index] if index < len(self._chunks) else {}
                    yield Place("grounding_supports", span, index), chunk
        for number, ((offsets, _), chunk) in enumerate(self._citations.items()):
            yield Place("citations", visible.place(*offsets), number), chunk


class _VisibleText:
    """All the visible text of an answer, and the way from offsets in bytes to characters of it."""

    __slots__ = ("_parts", "_starts", "_text")

    def __init__(self, parts: Sequence[ContentPart]) -> None:
        self._parts: dict[int, tuple[int, str]] = {}
        self._starts: dict[Key, int] = {}
        length = 0
        for number, part in enumerate(parts):
            if part.kind == "text":
                said = "".join(part.pieces)
                self._parts[number] = length, said
                self._starts.setdefault(part.key, length)
                length += len(said)
        self._text = "".join(said for _, said in self._parts.values())

    def start_of(self, key: Key) -> int:
        """Where the text with the key begins."""
        return self._starts[key]

    def span_of(self, segment: Json) -> Span:
        """Where a segment stands. Its offsets count from its part; where that is no text, or does not say what the
        segment quotes, from the beginning; where that is not so either, the quotation is looked for."""
        offsets = _offsets(segment)
        part = self._parts.get(_part_of(segment))
        spans = [_span(*part, *offsets)] if part is not None else []
        spans.append(self.place(*offsets))
        quotation = text(segment.get("text"))
        if quotation:
            if found := [span for span in spans if self._text[slice(*span)] == quotation]:
                return found[0]
            if (at := self._text.find(quotation)) >= 0:
                return at, at + len(quotation)
        return spans[0]

    def place(self, start: int, end: int) -> Span:
        """Where something stands whose offsets count from the beginning."""
        return _span(0, self._text, start, end)


def _offsets(segment: Json) -> Span:
    start = count(segment.get("startIndex")) or 0
    return start, max(start, count(segment.get("endIndex")) or 0)


def _part_of(segment: Json) -> int:
    return count(segment.get("partIndex")) or 0


def _span(first: int, said: str, start: int, end: int) -> Span:
    return first + _characters(said, start), first + _characters(said, end)


def _characters(said: str, offset: int) -> int:
    """How many whole characters end within so many bytes."""
    if said.isascii():
        return min(offset, len(said))
    return len(said.encode("utf-8", "replace")[:offset].decode("utf-8", "ignore"))


# --- sources ----------------------------------------------------------------------------------------------------------


def _page_of(chunk: Json) -> tuple[str, str]:
    """Address and title of a chunk from the web, from maps or from a search for images."""
    for name, address in (("web", "uri"), ("maps", "uri"), ("image", "sourceUri")):
        source = mapping(chunk.get(name))
        if url := text(source.get(address)):
            return url, text(source.get("title"))
    return "", ""


def _annotation(chunk: Json, start: int, end: int) -> dict[str, object] | None:
    """The annotation of a span with its source; None where the source is not known."""
    url, title = _page_of(chunk)
    context = mapping(chunk.get("retrievedContext"))
    if not url and text(context.get("uri")).startswith(("https://", "http://")):
        url, title = text(context.get("uri")), text(context.get("title"))
    if url:
        return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}
    if context:
        return {"type": "file_citation", **_file(context), "index": end}
    return None


def _result(context: Json) -> Json:
    return {**_file(context), "text": text(context.get("text"))}


def _file(context: Json) -> Json:
    """A file of a file search or a data store, which may have a name, an address, or a title alone."""
    title = text(context.get("title"))
    identifier = text(context.get("documentName")) or text(context.get("uri")) or title
    return {"file_id": identifier, "filename": title or identifier}
