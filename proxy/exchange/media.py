"""Media of a request that are what they say: the declared type is held against the first bytes of the content.

Only the ends of a payload are looked at: a request may bring many megabytes.
"""

from collections.abc import Callable
from typing import Final

from proxy.provider.contract import Prepared
from proxy.provider.conversions import Conversion, approximated
from proxy.provider.history import MessageItem, Part, ResultItem
from proxy.provider.media import (
    ALIASES,
    PDF,
    RECOGNISED_IMAGES,
    UNTYPED,
    first_bytes,
    payload_start,
    sniffed,
    type_by_ending,
    unwrapped,
)
from proxy.responses.errors import ResponsesError, malformed_value

CORRECTED: Final = "the media type is corrected to what the content is"

_AUDIO_FORMATS: Final = {"audio/mpeg": "mp3", "audio/wav": "wav"}


def check_media(prepared: Prepared) -> None:
    """Correct the media types that the content belies, and declare it; base64 in lines becomes one.

    Raises ResponsesError (400) for images that are none, PDFs that are none, empty content, and what is not base64.
    """
    conversions = prepared.conversions
    replace_parts(prepared, lambda part, path: _checked(part, path, conversions))


def replace_parts(prepared: Prepared, replacement: Callable[[Part, str], Part | None]) -> None:
    """Put `replacement(part, path)` in the place of each part with media; None leaves it. The client's own lists and
    parts are not changed."""
    for item in prepared.items:
        if isinstance(item, MessageItem):
            for part in item.parts:
                if part["type"] in _CHECKS:
                    item.parts = _replaced(item.parts, f"{item.path}.content", replacement)
                    break
        elif isinstance(item, ResultItem) and not isinstance(item.output, str):
            item.output = _replaced(item.output, f"{item.path}.output", replacement)


def _replaced(parts: list[Part], path: str, replacement: Callable[[Part, str], Part | None]) -> list[Part]:
    changed: list[Part] | None = None
    for index, part in enumerate(parts):
        if part["type"] in _CHECKS and (new := replacement(part, f"{path}[{index}]")) is not None:
            changed = changed or list(parts)
            changed[index] = new
    return parts if changed is None else changed


def _checked(part: Part, path: str, conversions: list[Conversion]) -> Part | None:
    return _CHECKS[str(part["type"])](part, path, conversions)


# --- one kind of media each ------------------------------------------------------------------------------------------


def _image(part: Part, path: str, conversions: list[Conversion]) -> Part | None:
    url = part.get("image_url")
    if not isinstance(url, str) or url[:5].lower() != "data:":
        return None
    place = f"{path}.image_url"
    start = payload_start(url)
    head = None if start is None else first_bytes(url, start)
    if start is None or head is None:
        raise image_error(place, "invalid_base64_image", "a data URL has to be in base64")
    declared = declared_type(url)
    found = image_type(head, declared, place)
    payload = unwrapped(url, start)
    if found == declared and payload is None:
        return None
    if found != declared and declared not in UNTYPED:
        conversions.append(approximated(place, CORRECTED))
    return {**part, "image_url": f"data:{found};base64,{url[start:] if payload is None else payload}"}


def _file(part: Part, path: str, conversions: list[Conversion]) -> Part | None:
    data = part.get("file_data")
    if not isinstance(data, str) or not data:
        return None
    place = f"{path}.file_data"
    is_url = data[:5].lower() == "data:"
    start = payload_start(data) if is_url else 0
    if start is None:
        # Every provider refuses it, in its own words.
        return None
    head = first_bytes(data, start)
    if head is None:
        raise malformed_value(place, "the content is not base64")
    if not head:
        raise malformed_value(place, "the file is empty")
    declared = declared_type(data) if is_url else ""
    declared = type_by_ending(part.get("filename")) if declared in UNTYPED else declared
    check_pdf(head, declared, place)
    payload = unwrapped(data, start)
    as_declared = None if payload is None else {**part, "file_data": data[:start] + payload}
    if ALIASES.get(declared, declared) not in RECOGNISED_IMAGES:
        return as_declared
    found = image_type(head, declared, place)
    if found == declared:
        return as_declared
    conversions.append(approximated(place, CORRECTED))
    return {**part, "file_data": f"data:{found};base64,{data[start:] if payload is None else payload}"}


def _audio(part: Part, path: str, conversions: list[Conversion]) -> Part | None:
    audio = part.get("input_audio")
    data = audio.get("data") if isinstance(audio, dict) else None
    if not isinstance(audio, dict) or not isinstance(data, str):
        return None
    place = f"{path}.input_audio"
    head = first_bytes(data)
    if head is None:
        raise malformed_value(f"{place}.data", "the content is not base64")
    if not head:
        raise malformed_value(f"{place}.data", "the sound is empty")
    found = _AUDIO_FORMATS.get(sniffed(head), audio.get("format"))
    payload = unwrapped(data)
    if found == audio.get("format") and payload is None:
        return None
    if found != audio.get("format"):
        conversions.append(approximated(f"{place}.format", CORRECTED))
    return {**part, "input_audio": {**audio, "format": found, "data": data if payload is None else payload}}


_CHECKS: Final[dict[str, Callable[[Part, str, list[Conversion]], Part | None]]] = {
    "input_image": _image,
    "input_file": _file,
    "input_audio": _audio,
}


# --- what content is -------------------------------------------------------------------------------------------------


def declared_type(url: str) -> str:
    """The media type that a data URL says, in lower case."""
    return url[5 : url.index(",")].partition(";")[0].strip().lower()


def image_type(head: bytes, declared: str, place: str) -> str:
    """The type of an image: the declared one, where the first bytes do not say another.

    Raises ResponsesError (400) for what is no image.
    """
    if not head:
        raise image_error(place, "empty_image_file", "the image is empty")
    found, usual = sniffed(head), ALIASES.get(declared, declared)
    if found.startswith("image/"):
        return declared if ALIASES.get(found, found) == usual else found
    if found or usual in RECOGNISED_IMAGES or not usual.startswith("image/"):
        raise image_error(place, "invalid_image_format", "the content is not an image of a known format")
    return declared


def check_pdf(head: bytes, declared: str, place: str) -> None:
    """Raise ResponsesError (400) for content that is said to be a PDF and is none."""
    if declared == PDF and b"%PDF-" not in head:
        raise malformed_value(place, "the file says that it is a PDF, and its content is none")


def image_error(place: str, code: str, reason: str) -> ResponsesError:
    """An image that cannot be used; the codes are OpenAI's, `reason` is a sentence without its full stop."""
    return ResponsesError(400, f"Invalid '{place}': {reason}.", param=place, code=code)
