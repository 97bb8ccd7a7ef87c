"""Citations of an answer: at their places in the text that the client sees, and those that are told beside the choices,
as a list of sources and marks like `[1]` in the text (Perplexity)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from providers.openai_chat.reading import url_citations
from proxy.responses.events import Annotation, Event, Hosted, Key, Unmapped

_MARK: Final = re.compile(r"\[(\d{1,3})\]")

Citation: TypeAlias = dict[str, object]
"""An annotation in Responses form."""

Source: TypeAlias = tuple[str, str]
"""An address and its title."""

LATE: Final = Unmapped("annotations")
"""A citation of a text that was over when it came."""


class Citations:
    """The citations of one answer, all of whose text has one key. `numbered`: marks in the text name the sources.
    `searches`: the client asked for the server's own search, which is told with what it found.

    `said` is how many characters the server has sent as content. A server counts what it sent, think blocks and earlier
    messages included; the client sees the open text.
    """

    __slots__ = ("_found", "_key", "_open", "_sources", "_start", "_texts", "_told", "_waiting", "said")

    def __init__(self, key: Key, *, numbered: bool = False, searches: bool = False) -> None:
        self.said = 0
        self._key = key
        self._open = False
        self._start = 0
        # Annotations that came before the text.
        self._waiting: list[Citation] = []
        # Sources that stand beside the text, those that were cited, and the text as far as it may have marks.
        self._sources: list[Source] = []
        self._told: list[Source] = []
        self._texts: list[str] | None = [] if numbered else None
        self._found: dict[str, None] | None = {} if searches else None

    @property
    def plain(self) -> bool:
        """Whether text may go by unseen: only its length counts."""
        return self._texts is None and not self._waiting

    def sources(self, chunk: Mapping[str, Any]) -> None:
        """The sources that a chunk or a whole answer lists; later ones replace earlier ones."""
        self._sources = sources_in(chunk) or self._sources

    def begin(self, length: int) -> None:
        """A text begins, with so many of the characters that were sent."""
        self._open = True
        self._start = self.said - length

    def text(self, text: str) -> Sequence[Event]:
        """A piece of the open text; what waited for it follows."""
        if self._texts is not None:
            self._texts.append(text)
        waiting, self._waiting = self._waiting, []
        return self._cited(waiting)

    def annotate(self, annotations: object) -> Sequence[Event]:
        """The annotations of a message or a delta."""
        citations = url_citations(annotations)
        others = [LATE] if isinstance(annotations, list) and len(citations) < len(annotations) else []
        if not self._open:
            self._waiting += citations
            return others
        return [*others, *self._cited(citations)]

    def cite(self, source: Source) -> Sequence[Event]:
        """A source that is cited where the text has come to, or at the beginning of the next one."""
        if not self._open:
            self._waiting.append(_citation(source, 0, 0))
            return ()
        place = self.said - self._start
        return self._cited([_citation(source, place, place)], placed=True)

    def close(self) -> Sequence[Event]:
        """The text is over: the sources that stand beside it are cited."""
        if not self._open:
            return ()
        self._open = False
        length, sources = self.said - self._start, self._sources
        if self._texts is not None:
            found = numbered("".join(self._texts), sources)
            self._texts = []
        else:
            found = at_the_end(sources, length) if sources != self._told else []
        self._told = sources
        return self._cited(found, placed=True)

    def finish(self) -> Sequence[Event]:
        """The answer is over, and its text is closed."""
        events: list[Event] = []
        if self._found:
            events.append(found_by_search(self._found))
        if self._waiting or self._sources != self._told:
            events.append(LATE)
        return events

    def _cited(self, citations: Iterable[Citation], *, placed: bool = False) -> list[Event]:
        events: list[Event] = []
        for citation in citations:
            if self._found is not None:
                self._found[str(citation["url"])] = None
            found = citation if placed else self._placed(citation)
            events.append(LATE if found is None else Annotation(self._key, found))
        return events

    def _placed(self, citation: Citation) -> Citation | None:
        """The citation with its place in the open text; None where it cites what stood before that."""
        start, end = citation["start_index"], citation["end_index"]
        if not self._start or not isinstance(start, int) or not isinstance(end, int) or not (start or end):
            # A citation of nothing in particular cites the text.
            return citation
        if end <= self._start:
            return None
        return {**citation, "start_index": max(0, start - self._start), "end_index": end - self._start}


def numbered(text: str, sources: Sequence[Source]) -> list[Citation]:
    """The citations of a text: one for each mark; sources without a mark cite its end."""
    if not text:
        return []
    made, cited = [], set[int]()
    for mark in _MARK.finditer(text):
        number = int(mark[1]) - 1
        if 0 <= number < len(sources):
            cited.add(number)
            made.append(_citation(sources[number], mark.start(), mark.end()))
    uncited = [source for number, source in enumerate(sources) if number not in cited]
    return [*made, *at_the_end(uncited, len(text))]


def sources_in(chunk: Mapping[str, Any]) -> list[Source]:
    """The sources that stand beside the choices."""
    found = _search_results(chunk.get("search_results"))
    titles = dict(found)
    citations = chunk.get("citations")
    urls = [url for url in citations if isinstance(url, str) and url] if isinstance(citations, list) else []
    return [(url, titles.get(url, "")) for url in urls] or found


def at_the_end(sources: Iterable[Source], length: int) -> list[Citation]:
    """Citations of a text as a whole: they stand at its end."""
    return [_citation(source, length, length) for source in sources]


def found_by_search(urls: Iterable[str]) -> Hosted:
    """The search whose sources an answer cites; what was searched for is not told."""
    sources = [{"type": "url", "url": url} for url in urls]
    action = {"type": "search", "query": "", "queries": [], "sources": sources}
    return Hosted("web_search", "web_search_call", "completed", {"action": action})


def _citation(source: Source, start: int, end: int) -> Citation:
    url, title = source
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}


def _search_results(value: object) -> list[Source]:
    results = value if isinstance(value, list) else []
    return [
        (each["url"], each["title"] if isinstance(each.get("title"), str) else "")
        for each in results
        if isinstance(each, dict) and isinstance(each.get("url"), str) and each["url"]
    ]
