"""Gemini's rules for `contents`: roles, parts, media, and how calls and their responses have to stand."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from tests.strict.gemini_models import Model

Fault: TypeAlias = tuple[str, str, str]
"""(rule, path, detail)."""

Content: TypeAlias = Mapping[str, Any]
Part: TypeAlias = Mapping[str, Any]

DATA: Final = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
"""The members of which a part has exactly one."""

_MODEL_ONLY: Final = frozenset({"functionCall", "executableCode", "codeExecutionResult", "toolCall", "toolResponse"})
_USER_ONLY: Final = frozenset({"functionResponse", "fileData"})

MEDIA_TYPES: Final = frozenset(
    {
        *(f"image/{kind}" for kind in ("png", "jpeg", "webp", "heic", "heif")),
        *(f"audio/{kind}" for kind in ("wav", "mp3", "mpeg", "aiff", "aac", "ogg", "flac")),
        *(f"video/{kind}" for kind in ("mp4", "mpeg", "mov", "avi", "webm", "wmv", "3gpp", "x-flv", "quicktime")),
        *(f"text/{kind}" for kind in ("plain", "html", "css", "csv", "xml", "rtf", "javascript", "markdown", "md")),
        "application/json",
        "application/pdf",
        "application/rtf",
        "application/x-javascript",
        "application/x-python",
        "text/x-python",
    }
)
RESPONSE_MEDIA_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/webp", "application/pdf", "text/plain"})


def content_faults(body: Mapping[str, Any], model: Model) -> Iterator[Fault]:
    """What is wrong with the contents and the system instruction."""
    contents: Sequence[Content] = body.get("contents") or ()
    if not contents:
        yield "contents-empty", "contents", ""
    elif contents[0].get("role") != "user":
        yield "first-role", "contents[0].role", ""
    for index, content in enumerate(contents):
        path = f"contents[{index}]"
        if content.get("role") not in ("user", "model"):
            yield "role", f"{path}.role", ""
        # A conversation that begins with the model is led by an empty text of the user.
        leads = index == 0 and len(contents) > 1 and contents[1].get("role") == "model"
        yield from _parts_faults(content, path, model, leads=leads)
    yield from _order_faults(contents)
    if (instruction := body.get("systemInstruction")) is not None:
        yield from _parts_faults({**instruction, "role": "user"}, "system_instruction", model, leads=False)


def parts_of(content: Content) -> Sequence[Part]:
    """The parts of a content."""
    return content.get("parts") or ()


def calls_of(content: Content) -> list[Part]:
    """The parts that are function calls."""
    return [part for part in parts_of(content) if part.get("functionCall") is not None]


def responses_of(content: Content) -> list[Part]:
    """The parts that are function responses."""
    return [part for part in parts_of(content) if part.get("functionResponse") is not None]


def _parts_faults(content: Content, path: str, model: Model, *, leads: bool) -> Iterator[Fault]:
    parts = parts_of(content)
    if not parts:
        yield "parts-empty", f"{path}.parts", ""
    for index, part in enumerate(parts):
        place = f"{path}.parts[{index}]"
        set_members = [name for name in DATA if part.get(name) is not None]
        if not set_members:
            yield "part-empty", f"{place}.data", ""
            continue
        for name in set_members[1:]:
            yield "part-twice", f"{place}.data", name
        if part.get("text") == "" and not part.get("thoughtSignature") and not (leads and len(parts) == 1):
            yield "text-empty", f"{place}.text", ""
        yield from _role_faults(part, content.get("role"), place)
        yield from _media_faults(part, f"{place}.", model.modern)
        if (response := part.get("functionResponse")) is not None:
            yield from _response_faults(response, f"{place}.function_response", model)


def _role_faults(part: Part, role: object, path: str) -> Iterator[Fault]:
    others = _USER_ONLY if role == "model" else _MODEL_ONLY
    for name in DATA:
        if name in others and part.get(name) is not None:
            yield "part-role", path, name
    if part.get("thought") and role != "model":
        yield "part-role", path, "thought"


def _media_faults(part: Part, path: str, modern: bool) -> Iterator[Fault]:
    if (blob := part.get("inlineData")) is not None:
        if blob.get("mimeType") not in MEDIA_TYPES:
            yield "media-type", f"{path}inline_data.mime_type", str(blob.get("mimeType"))
        if not blob.get("data"):
            yield "media-empty", f"{path}inline_data.data", ""
    if (file := part.get("fileData")) is not None and not str(file.get("fileUri")).startswith("https://"):
        yield "file-uri", f"{path}file_data.file_uri", str(file.get("fileUri"))
    if part.get("mediaResolution") is not None and not modern:
        yield "unknown-member", path.removesuffix("."), "mediaResolution"


def _response_faults(response: Mapping[str, Any], path: str, model: Model) -> Iterator[Fault]:
    if response.get("response") is None:
        yield "response-missing", f"{path}.response", ""
    elif (reference := _reference_within(response["response"])) is not None:
        yield "response-reference", f"{path}.response", reference
    for index, part in enumerate(response.get("parts") or ()):
        media = part.get("inlineData") or part.get("fileData") or {}
        if not model.modern or media.get("mimeType") not in RESPONSE_MEDIA_TYPES:
            yield "response-media", f"{path}.parts[{index}]", str(media.get("mimeType"))
        yield from _media_faults(part, f"{path}.parts[{index}].", model.modern)


def _reference_within(value: object) -> str | None:
    """A `$ref` anywhere in the value, which the server would try to resolve."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            if "$ref" in current:
                return str(current["$ref"])
            pending += current.values()
        elif isinstance(current, list):
            pending += current
    return None


# --- calls and responses ----------------------------------------------------------------------------------------------


def _order_faults(contents: Sequence[Content]) -> Iterator[Fault]:
    for index, content in enumerate(contents):
        path = f"contents[{index}]"
        before = contents[index - 1] if index else {}
        after = contents[index + 1] if index + 1 < len(contents) else {}
        calls, responses = calls_of(content), responses_of(content)
        if calls and before.get("role") != "user":
            yield "call-position", path, ""
        if calls and len(responses_of(after)) != len(calls):
            yield "response-count", path, ""
        if responses:
            if len(responses) != len(parts_of(content)):
                yield "response-mixed", path, ""
            if asked := calls_of(before):
                yield from _pair_faults(asked, responses, path)
            else:
                yield "response-position", path, ""


def _pair_faults(calls: Sequence[Part], responses: Sequence[Part], path: str) -> Iterator[Fault]:
    for index, (asking, answering) in enumerate(zip(calls, responses, strict=False)):
        call, response = asking["functionCall"], answering["functionResponse"]
        place = f"{path}.parts[{index}].function_response"
        name = str(response.get("name"))
        if response.get("name") != call.get("name"):
            yield "response-name", f"{place}.name", name
        if response.get("id") != call.get("id"):
            yield "response-id", f"{place}.id", name
