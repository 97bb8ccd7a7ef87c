"""Files that come inside a request: data URLs and bare base64, and what kind of file they are.

Providers say which kinds their vendor takes; here stands only what a kind is called and how it is recognised.
"""

import base64
import binascii
from pathlib import PurePosixPath
from typing import Final, NamedTuple

PDF: Final = "application/pdf"
PLAIN_TEXT: Final = "text/plain"

_UNTYPED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Declared types that say nothing."""

_TEXT_APPLICATIONS: Final = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/sql",
        "application/toml",
        "application/x-ndjson",
        "application/x-sh",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    }
)
"""Types of text that do not begin with `text/`."""

TYPES_BY_ENDING: Final = {
    "3gp": "video/3gpp",
    "aac": "audio/aac",
    "aiff": "audio/aiff",
    "avi": "video/avi",
    "css": "text/css",
    "csv": "text/csv",
    "flac": "audio/flac",
    "flv": "video/x-flv",
    "gif": "image/gif",
    "heic": "image/heic",
    "heif": "image/heif",
    "htm": "text/html",
    "html": "text/html",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "mov": "video/mov",
    "mp3": "audio/mp3",
    "mp4": "video/mp4",
    "mpeg": "video/mpeg",
    "mpg": "video/mpg",
    "ogg": "audio/ogg",
    "pdf": PDF,
    "png": "image/png",
    "rtf": "text/rtf",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "wmv": "video/wmv",
    "xml": "text/xml",
    **dict.fromkeys(
        ("c", "cc", "conf", "cpp", "cs", "go", "h", "hpp", "ini", "java", "js", "json", "jsonl", "jsx", "kt", "log",
         "lua", "markdown", "md", "php", "pl", "proto", "ps1", "py", "rb", "rs", "rst", "scala", "sh", "sql", "svg",
         "swift", "tex", "toml", "ts", "tsv", "tsx", "txt", "vue", "yaml", "yml"),
        PLAIN_TEXT,
    ),
}  # fmt: skip


class Media(NamedTuple):
    """A file as base64 text. `type` is its media type in lower case, "" when nothing tells it."""

    type: str
    base64: str


def data_url(url: str) -> Media | None:
    """The parts of a data URL in base64, None for anything else; the payload is neither read nor copied twice."""
    if url[:5].lower() != "data:":
        return None
    head, comma, payload = url.partition(",")
    declared, *parameters = (piece.strip().lower() for piece in head[5:].split(";"))
    return Media(declared, payload) if comma and "base64" in parameters else None


def file_media(data: str, filename: object) -> Media | None:
    """A file that came as a data URL or as bare base64: its type is the declared one, else that of the name's ending,
    else PDF where the first bytes are a PDF's. None for a data URL that is not in base64."""
    media = data_url(data) if data[:5].lower() == "data:" else Media("", data)
    if media is None or media.type not in _UNTYPED:
        return media
    found = type_by_ending(filename) or (PDF if media.base64.startswith("JVBERi") else "")
    return Media(found, media.base64)


def type_by_ending(name: object) -> str:
    """The media type that the ending of a file's name (or path) stands for, "" when there is none."""
    ending = PurePosixPath(name).suffix if isinstance(name, str) else ""
    return TYPES_BY_ENDING.get(ending[1:].lower(), "")


def is_text(media_type: str) -> bool:
    """Whether a file of the type can be read as text."""
    return media_type.startswith("text/") or media_type in _TEXT_APPLICATIONS or media_type.endswith(("+json", "+xml"))


def decoded_text(payload: str) -> str | None:
    """The text of a file in base64; None when it is not base64, or not UTF-8."""
    try:
        return base64.b64decode(payload, validate=True).decode("utf-8-sig")
    except (binascii.Error, ValueError):
        return None
