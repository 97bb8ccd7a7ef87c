"""Recorded vendor traffic, as frozen values.

`DRAGOMAN_CORPUS` names a folder with one folder a vendor API and one JSON file an exchange; `DRAGOMAN_CLIENTS` one with
a folder a client and a JSON file a request. Without them the tests that need them are skipped, and say so.
"""

import base64
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, TypeVar
from urllib.parse import unquote

import pytest

from providers.openai_chat.dialects import DIALECTS

Family: TypeAlias = Literal["anthropic", "gemini", "openai_chat"]
ElementT = TypeVar("ElementT")

CORPUS: Final = "DRAGOMAN_CORPUS"
CLIENTS: Final = "DRAGOMAN_CLIENTS"
SCALE: Final = "DRAGOMAN_SCALE"

ANTHROPIC_FOLDERS: Final = ("anthropic_messages", "anthropic_vertex", "bedrock_invoke_anthropic")

GEMINI_FOLDERS: Final = ("gemini_generate_content", "vertex_generate_content")

OWN_FORMATS: Final[Mapping[str, str]] = {
    "cohere_v2_chat": "Cohere's own format",
    "ollama_chat": "Ollama's own format",
}
"""Folders that are called chat and do not speak Chat Completions."""

OTHER_ENDPOINTS: Final[Mapping[str, str]] = {
    "/v1/messages/count_tokens": "counts tokens",
    ":countTokens": "counts tokens",
    "/model/anthropic.claude-instant-v1/invoke": "Text Completions, which came before Messages",
}
"""Paths, by their end, of recordings in the folders that are no answers of the protocols."""

DIALECT_NAMES: Final[Mapping[str, str]] = {
    "alibaba_chat": "dashscope",
    "azure_openai_chat": "openai",
    "llamacpp_openai_chat": "llama_cpp",
    "openai_chat": "openai",
    "zai_chat": "glm",
}
"""Dialects of folders that have another name. A folder without a dialect of its own is read by the generic one."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange. `body` is the vendor's answer; `dialect` is empty but for Chat Completions; `model` is what was
    asked for, `tools` are the names of the functions that were offered (Chat Completions). A stream that came as one
    JSON array, as Gemini's does without `alt=sse`, counts as a whole answer."""

    id: str
    folder: str
    family: Family
    dialect: str
    model: str
    status: int
    stream: bool
    body: bytes
    features: frozenset[str]
    tools: tuple[str, ...] = ()

    @property
    def content_type(self) -> str:
        """What the vendor said the body is."""
        if not self.stream:
            return "application/json"
        return "application/vnd.amazon.eventstream" if self.wrapped else "text/event-stream"

    @property
    def wrapped(self) -> bool:
        """Whether the host streams in frames of AWS."""
        return self.folder == "bedrock_invoke_anthropic"


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A body that a client sent to `POST /v1/responses`; `text` is its JSON."""

    id: str
    text: str

    @property
    def body(self) -> dict[str, Any]:
        """A new copy of the body."""
        body: dict[str, Any] = json.loads(self.text)
        return body


@cache
def recordings() -> tuple[Recording, ...]:
    """All exchanges of the vendors' protocols; none without a corpus."""
    return tuple(_recordings())


def answers(*, stream: bool) -> list[Recording]:
    """The recorded answers with status 200, whole or streamed."""
    return [recording for recording in recordings() if recording.status == 200 and recording.stream is stream]


@cache
def requests() -> tuple[RecordedRequest, ...]:
    """All recorded create requests, of OpenAI's own endpoint and of real clients."""
    found = []
    for variable, pattern, member in (
        (CORPUS, "openai_responses/*.json", "request_body"),
        (CLIENTS, "*/*.json", "body"),
    ):
        for path, exchange in _exchanges(variable, pattern):
            body = exchange.get(member)
            if exchange["method"] == "POST" and exchange["path"].endswith("/responses") and isinstance(body, dict):
                found.append(RecordedRequest(f"{path.parent.name}/{path.stem}", json.dumps(body)))
    return tuple(found)


def as_parameters(elements: Sequence[ElementT], identify: Callable[[ElementT], str], *variables: str) -> list[Any]:
    """Parameters of a test, one an element; one that is skipped where the variables name no folders."""
    if elements:
        return [pytest.param(element, id=identify(element)) for element in elements]
    reason = f"no recordings: {' and '.join(variables)} not set"
    return [pytest.param(None, id="none", marks=pytest.mark.skip(reason=reason))]


def sampled(elements: Sequence[ElementT], most: int) -> list[ElementT]:
    """At most so many of the elements, evenly spread, the first and the last included; all at full scale."""
    if len(elements) <= most or os.environ.get(SCALE) == "full":
        return list(elements)
    return [elements[round(index * (len(elements) - 1) / (most - 1))] for index in range(most)]


def tell(text: str) -> None:
    """Show a figure of a test run (`pytest -rP` or `-s`)."""
    sys.stdout.write(f"{text}\n")


def dialect_of(folder: str) -> str:
    """The dialect of a folder's recordings."""
    name = DIALECT_NAMES.get(folder, folder.removesuffix("_chat").removesuffix("_openai"))
    return name if name in DIALECTS else "generic"


# --- reading ----------------------------------------------------------------------------------------------------------


def _exchanges(variable: str, pattern: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    folder = os.environ.get(variable)
    if not folder:
        return
    for path in sorted(Path(folder).glob(pattern)):
        yield path, json.loads(path.read_bytes())


def _recordings() -> Iterator[Recording]:
    for path, exchange in _exchanges(CORPUS, "*/*.json"):
        folder = path.parent.name
        family = _family(folder)
        if family is None or any(exchange["path"].endswith(end) for end in OTHER_ENDPOINTS):
            continue
        yield Recording(
            id=path.stem,
            folder=folder,
            family=family,
            dialect=dialect_of(folder) if family == "openai_chat" else "",
            model=_model(exchange, path.stem),
            status=exchange["status"],
            stream=exchange["stream"] and exchange["response_body_kind"] != "json",
            body=_body(exchange),
            features=frozenset(exchange["features"]),
            tools=_tools(exchange) if family == "openai_chat" else (),
        )


def _family(folder: str) -> Family | None:
    if folder in ANTHROPIC_FOLDERS:
        return "anthropic"
    if folder in GEMINI_FOLDERS:
        return "gemini"
    return "openai_chat" if folder.endswith("_chat") and folder not in OWN_FORMATS else None


def _model(exchange: Mapping[str, Any], fallback: str) -> str:
    if "/models/" in exchange["path"]:
        return str(exchange["path"].rpartition("/models/")[2].partition(":")[0])
    if "/invoke" in exchange["path"]:
        return unquote(exchange["path"].split("/")[2])
    request, answer = exchange["request_body"], exchange["response_body"]
    for body in (request, answer):
        if isinstance(body, dict) and isinstance(body.get("model"), str) and body["model"]:
            return str(body["model"])
    return fallback


def _tools(exchange: Mapping[str, Any]) -> tuple[str, ...]:
    offered = (exchange["request_body"] or {}).get("tools") or ()
    return tuple(dict.fromkeys(tool["function"]["name"] for tool in offered if "function" in tool))


def _body(exchange: Mapping[str, Any]) -> bytes:
    kind, body = exchange["response_body_kind"], exchange["response_body"]
    if kind == "base64":
        return base64.b64decode(body)
    text = body if kind == "text" else json.dumps(body, ensure_ascii=False)
    return (str(exchange.get("response_body_prefix") or "") + text).encode()
