"""Tools that Google runs itself -> the items of OpenAI's hosted tools.

Code and its result are parts; calls of the other tools are parts only where the request asked for them
(`includeServerSideToolInvocations`), else the grounding tells of them (`grounding.py`). Calls and results are put
together in `server_calls.py`. Source: the guides to code execution and to the combination of tools.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from providers.gemini.reading import Json, mapping, mappings, text, texts
from proxy.responses.events import HostedPhase

WEB: Final = "web_search_call"
FILES: Final = "file_search_call"
CODE: Final = "code_interpreter_call"
IMAGE: Final = "image_generation_call"

CONTAINER: Final = "gemini"
"""Stands for the container that Google does not name."""

SEARCHES: Final = frozenset({"GOOGLE_SEARCH_WEB", "GOOGLE_SEARCH_IMAGE"})
PAGES: Final = "URL_CONTEXT"
FILE_SEARCH: Final = "FILE_SEARCH"

TOOL_KINDS: Final[Mapping[str, str]] = {**dict.fromkeys(SEARCHES, WEB), PAGES: WEB, FILE_SEARCH: FILES}
"""The item for each type of tool; others (maps, media processing) have no item."""

WORKING: Final[Mapping[str, HostedPhase]] = {WEB: "searching", FILES: "searching", CODE: "interpreting"}

_FAILED_OUTCOMES: Final = ("OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED", 2, 3)
_FAILED_PAGES: Final = (
    *("URL_RETRIEVAL_STATUS_ERROR", "URL_RETRIEVAL_STATUS_PAYWALL", "URL_RETRIEVAL_STATUS_UNSAFE"),
    *(2, 3, 4),
)
_IMAGE_FORMATS: Final[Mapping[str, str]] = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/jpg": "jpeg",
    "image/webp": "webp",
    "image/gif": "gif",
    "image/svg+xml": "svg",
}


@dataclass(frozen=True, slots=True)
class Step:
    """One item: its members, and how it ends where no result says otherwise."""

    kind: str
    phase: HostedPhase
    fields: Mapping[str, object]


def search(queries: Sequence[str], sources: Iterable[str] = ()) -> Step:
    """A search of the web."""
    return Step(
        WEB,
        "completed",
        {
            "action": {
                "type": "search",
                "query": queries[0] if queries else "",
                "queries": list(queries),
                "sources": [{"type": "url", "url": source} for source in sources],
            }
        },
    )


def file_search(queries: Sequence[str], results: Sequence[Json] | None = None) -> Step:
    """A search in files."""
    return Step(FILES, "completed", {"queries": list(queries), "results": None if results is None else list(results)})


def pages_read(pages: Sequence[Json]) -> list[Step]:
    """The pages of a `urlContextMetadata`, or of the answer of a `URL_CONTEXT` call, which spells names with `_`."""
    return [
        _page(url, "failed" if status in _FAILED_PAGES else "completed")
        for page in pages
        if (url := text(page.get("retrievedUrl")) or text(page.get("retrieved_url")))
        for status in (page.get("urlRetrievalStatus", page.get("url_retrieval_status")),)
    ]


def _page(url: str, phase: HostedPhase) -> Step:
    return Step(WEB, phase, {"action": {"type": "open_page", "url": url}})


def _asked_pages(arguments: Json) -> list[Step]:
    urls = texts(arguments.get("urls")) or [text(arguments.get("url"))]
    return [_page(url, "completed") for url in urls]


def asked_queries(arguments: Json) -> list[str]:
    """The queries of a call that searches."""
    query = text(arguments.get("query"))
    return texts(arguments.get("queries")) or ([query] if query else [])


ASKED: Final[Mapping[str, Callable[[Json], list[Step]]]] = {
    **dict.fromkeys(SEARCHES, lambda arguments: [search(asked_queries(arguments))]),
    PAGES: _asked_pages,
    FILE_SEARCH: lambda arguments: [file_search(asked_queries(arguments))],
}
"""What a call asks for, by the type of its tool."""


def code_asked(value: Json) -> Step:
    """`executableCode`: it has failed where no result says otherwise."""
    return Step(CODE, "failed", {"code": text(value.get("code")), "container_id": CONTAINER})


def code_ran(asked: Step, value: Json) -> Step:
    """`codeExecutionResult`, for what was asked."""
    outcome, output = value.get("outcome"), text(value.get("output"))
    logs = [{"type": "logs", "logs": output}] if output else []
    fields = {"container_id": CONTAINER, **asked.fields, "outputs": logs}
    return Step(CODE, "failed" if outcome in _FAILED_OUTCOMES else "completed", fields)


def pages_answered(value: Json) -> list[Step]:
    """The pages that a `toolResponse` says were read; none for other tools."""
    response = mapping(value.get("response"))
    return pages_read(mappings(response.get("url_metadata")) or mappings(response.get("urlMetadata")))


def image_made(value: Json) -> Step | None:
    """`inlineData`; None for media that are no image."""
    data, media_type = text(value.get("data")), _image_type(value)
    if not data or not media_type:
        return None
    fields: dict[str, object] = {"result": data}
    if media_type in _IMAGE_FORMATS:
        fields["output_format"] = _IMAGE_FORMATS[media_type]
    return Step(IMAGE, "completed", fields)


def image_of_code(value: Json) -> Json | None:
    """`inlineData` that code has drawn, as one of its outputs; None for media that are no image."""
    data, media_type = text(value.get("data")), _image_type(value)
    return {"type": "image", "url": f"data:{media_type};base64,{data}"} if data and media_type else None


def _image_type(value: Json) -> str:
    media_type = text(value.get("mimeType")).lower()
    return media_type if media_type.startswith("image/") else ""
