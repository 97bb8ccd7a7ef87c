"""Tools that Google runs itself -> the items of OpenAI's hosted tools.

Code and its result are parts; calls of the other tools are parts only where the request asked for them
(`includeServerSideToolInvocations`), else the grounding tells of them (`grounding.py`). Source: the guides to code
execution and to the combination of tools.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from providers.gemini.reading import Json, mapping, mappings, text, texts
from proxy.responses.events import Hosted, HostedPhase, Key

WEB: Final = "web_search_call"
FILES: Final = "file_search_call"
CODE: Final = "code_interpreter_call"
IMAGE: Final = "image_generation_call"

CONTAINER: Final = "gemini"
"""Stands for the container that Google does not name."""

SEARCHES: Final = frozenset({"GOOGLE_SEARCH_WEB", "GOOGLE_SEARCH_IMAGE"})
PAGES: Final = "URL_CONTEXT"
FILE_SEARCH: Final = "FILE_SEARCH"

_TOOL_KINDS: Final[Mapping[str, str]] = {**dict.fromkeys(SEARCHES, WEB), PAGES: WEB, FILE_SEARCH: FILES}
"""The item for each type of tool; others (maps, media processing) show nothing."""

_WORKING: Final[Mapping[str, HostedPhase]] = {WEB: "searching", FILES: "searching", CODE: "interpreting"}

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


@dataclass(slots=True)
class _Call:
    """A call that waits for its result; `id` is "" where the vendor gave none. A call may be several items."""

    key: Key
    id: str
    kind: str
    steps: list[Step]


class ServerTools:
    """The calls of one answer. `seen`: the types of tools whose calls were parts of it."""

    __slots__ = ("_waiting", "seen")

    def __init__(self) -> None:
        self._waiting: list[_Call] = []
        self.seen: set[str] = set()

    def code(self, value: Json, key: Key) -> Sequence[Hosted]:
        """`executableCode`."""
        fields = {"code": text(value.get("code")), "container_id": CONTAINER}
        return self._open(_Call(key, text(value.get("id")), CODE, [Step(CODE, "failed", fields)]))

    def code_result(self, value: Json, key: Key) -> Sequence[Hosted]:
        """`codeExecutionResult`; with the key for code that was not shown."""
        call = self._answered(value, CODE) or _Call(key, "", CODE, [Step(CODE, "failed", {})])
        outcome, output = value.get("outcome"), text(value.get("output"))
        logs = [{"type": "logs", "logs": output}] if output else []
        fields = {"container_id": CONTAINER, **call.steps[0].fields, "outputs": logs}
        return (Hosted(call.key, CODE, "failed" if outcome in _FAILED_OUTCOMES else "completed", fields),)

    def tool_call(self, value: Json, key: Key) -> Sequence[Hosted]:
        """`toolCall`."""
        tool = text(value.get("toolType"))
        kind = _TOOL_KINDS.get(tool)
        if kind is None:
            return ()
        self.seen.add(tool)
        steps = _ASKED[tool](mapping(value.get("args")))
        return self._open(_Call(key, text(value.get("id")), kind, steps))

    def tool_response(self, value: Json, key: Key) -> Sequence[Hosted]:
        """`toolResponse`; with the key for a call that was not shown."""
        call = self._answered(value, _TOOL_KINDS.get(text(value.get("toolType"))))
        if call is None:
            return ()
        response = mapping(value.get("response"))
        pages = mappings(response.get("url_metadata")) or mappings(response.get("urlMetadata"))
        call.steps = pages_read(pages) or call.steps
        return _ended(call)

    def image(self, value: Json, key: Key) -> Sequence[Hosted]:
        """`inlineData`; media that are no image have no item."""
        data, media_type = text(value.get("data")), text(value.get("mimeType")).lower()
        if not data or not media_type.startswith("image/"):
            return ()
        fields: dict[str, object] = {"result": data}
        if media_type in _IMAGE_FORMATS:
            fields["output_format"] = _IMAGE_FORMATS[media_type]
        return (Hosted(key, IMAGE, "completed", fields),)

    def settle(self) -> Sequence[Hosted]:
        """The model went on: no result comes any more."""
        waiting, self._waiting = self._waiting, []
        return [event for call in waiting for event in _ended(call)] if waiting else ()

    def _open(self, call: _Call) -> Sequence[Hosted]:
        self._waiting.append(call)
        return (Hosted(call.key, call.kind, _WORKING[call.kind], call.steps[0].fields),)

    def _answered(self, value: Json, kind: str | None) -> _Call | None:
        """The call that a result belongs to: the one with its id, else the first where one of the two has none."""
        identifier = text(value.get("id"))
        alike = [call for call in self._waiting if kind in (None, call.kind)]
        call = next((call for call in alike if call.id == identifier), None)
        if call is None:
            call = next((call for call in alike if not call.id or not identifier), None)
        if call is not None:
            self._waiting.remove(call)
        return call


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


def _asked_queries(arguments: Json) -> list[str]:
    query = text(arguments.get("query"))
    return texts(arguments.get("queries")) or ([query] if query else [])


_ASKED: Final[Mapping[str, Callable[[Json], list[Step]]]] = {
    **dict.fromkeys(SEARCHES, lambda arguments: [search(_asked_queries(arguments))]),
    PAGES: _asked_pages,
    FILE_SEARCH: lambda arguments: [file_search(_asked_queries(arguments))],
}


def _ended(call: _Call) -> Sequence[Hosted]:
    """The call is over. Its first step has been shown already, the others have not."""
    return [
        Hosted(f"{call.key}.{number}" if number else call.key, step.kind, step.phase, step.fields)
        for number, step in enumerate(call.steps)
    ]
