"""Citations that stand beside the choices: a list of sources, and marks like `[1]` in the text (Perplexity)."""

import re
from collections.abc import Mapping
from typing import Any, Final

_MARK: Final = re.compile(r"\[(\d{1,3})\]")


class NumberedCitations:
    """Collects the sources and the text of one answer."""

    __slots__ = ("_sources", "_texts")

    def __init__(self) -> None:
        self._sources: list[tuple[str, str]] = []
        self._texts: list[str] = []

    def sources(self, chunk: Mapping[str, Any]) -> None:
        """The sources of a chunk or a whole answer; later ones replace earlier ones."""
        found = _search_results(chunk.get("search_results"))
        titles = dict(found)
        citations = chunk.get("citations")
        urls = [url for url in citations if isinstance(url, str) and url] if isinstance(citations, list) else []
        listed = [(url, titles.get(url, "")) for url in urls] or found
        if listed:
            self._sources = listed

    def text(self, text: str) -> None:
        """A piece of the visible text."""
        self._texts.append(text)

    def restart(self) -> None:
        """The text goes on in another part."""
        self._texts = []

    def annotations(self) -> list[dict[str, object]]:
        """The citations of the text, in Responses form: one for each mark; sources without a mark cite its end."""
        text = "".join(self._texts)
        if not text:
            return []
        made, cited = [], set[int]()
        for mark in _MARK.finditer(text):
            number = int(mark[1]) - 1
            if 0 <= number < len(self._sources):
                cited.add(number)
                made.append(_citation(self._sources[number], mark.start(), mark.end()))
        uncited = [source for number, source in enumerate(self._sources) if number not in cited]
        return [*made, *(_citation(source, len(text), len(text)) for source in uncited)]


def _citation(source: tuple[str, str], start: int, end: int) -> dict[str, object]:
    url, title = source
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}


def _search_results(value: object) -> list[tuple[str, str]]:
    results = value if isinstance(value, list) else []
    return [
        (each["url"], each["title"] if isinstance(each.get("title"), str) else "")
        for each in results
        if isinstance(each, dict) and isinstance(each.get("url"), str) and each["url"]
    ]
