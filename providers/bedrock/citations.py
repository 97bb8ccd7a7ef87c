"""Citations -> annotations. The vendor cites with whole blocks: an annotation spans its block within the part."""

from collections.abc import Mapping
from typing import Final

from providers.anthropic.lenient import Json, mapping, text

DOCUMENTS: Final = ("documentPage", "documentChar", "documentChunk")
"""Members of a location inside a document of the request."""


def annotation(citation: Json, start: int, end: int) -> dict[str, object] | None:
    """The annotation of a text from `start` to `end`; None for kinds of citations that are not known."""
    location = mapping(citation.get("location"))
    if "web" in location:
        web = mapping(location["web"])
        return _of_page(text(web.get("url")), text(citation.get("title")) or text(web.get("domain")), start, end)
    if "searchResultLocation" in location:
        return _of_page(text(citation.get("source")), text(citation.get("title")), start, end)
    if any(member in location for member in DOCUMENTS):
        return {"type": "file_citation", "file_id": "", "filename": text(citation.get("title")), "index": end}
    return None


def cites_the_web(citation: Mapping[str, object]) -> bool:
    """Whether what is cited was found by a search of the vendor's."""
    return "web" in mapping(citation.get("location"))


def _of_page(url: str, title: str, start: int, end: int) -> dict[str, object]:
    return {"type": "url_citation", "start_index": start, "end_index": end, "url": url, "title": title}
