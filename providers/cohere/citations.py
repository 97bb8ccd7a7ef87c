"""Citations -> annotations. A citation names its sources; each source with a document becomes one annotation."""

from typing import Final

from providers.cohere.reading import Json, index, mapping, mappings, text

CITED_TEXT: Final = frozenset({"", "TEXT_CONTENT"})
"""The types of citations of the answer's text; others cite what the model planned or thought."""


def annotations(citation: Json, block: int, length: int) -> list[dict[str, object]] | None:
    """The annotations of a citation inside a content block that begins at `block` of a text part, which has `length`
    characters so far. None for a citation that says nothing of that text."""
    start, end = index(citation.get("start")), index(citation.get("end"))
    if (
        text(citation.get("type")) not in CITED_TEXT
        or start is None
        or end is None
        or not start <= end <= length - block
    ):
        return None
    found = (_annotation(source, block + start, block + end) for source in _sources(citation))
    return [annotation for annotation in found if annotation is not None]


def _sources(citation: Json) -> list[Json]:
    return [source for source in mappings(citation.get("sources")) if source.get("type") == "document"]


def _annotation(source: Json, start: int, end: int) -> dict[str, object] | None:
    document = mapping(source.get("document"))
    title, url = text(document.get("title")), text(document.get("url"))
    if url:
        return {"type": "url_citation", "url": url, "title": title, "start_index": start, "end_index": end}
    name = text(source.get("id")) or text(document.get("id"))
    if not name:
        return None
    return {"type": "file_citation", "file_id": name, "filename": title or name, "index": start}
