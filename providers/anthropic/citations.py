"""Citations -> annotations. Anthropic cites with whole text blocks: an annotation spans its block within the part."""

from collections.abc import Mapping
from typing import Final

from providers.anthropic.lenient import Json, text

URL_FIELDS: Final[Mapping[str, str]] = {
    "web_search_result_location": "url",
    "search_result_location": "source",
}
"""Citations of something with an address, and the field that holds it."""

DOCUMENT_CITATIONS: Final = frozenset({"page_location", "char_location", "content_block_location"})


def annotation(citation: Json, start: int, end: int) -> dict[str, object] | None:
    """The annotation of a text from `start` to `end`; None for kinds of citations that are not known."""
    kind = text(citation.get("type"))
    if kind in URL_FIELDS:
        return {
            "type": "url_citation",
            "start_index": start,
            "end_index": end,
            "url": text(citation.get(URL_FIELDS[kind])),
            "title": text(citation.get("title")),
        }
    if kind in DOCUMENT_CITATIONS:
        return {
            "type": "file_citation",
            "file_id": text(citation.get("file_id")),
            "filename": text(citation.get("document_title")),
            "index": end,
        }
    return None
