"""Files that come inside a request: data URLs and bare base64, and what kind of file they are.

Providers say which kinds their vendor takes; here stands only what a kind is called and how it is recognised.
"""

import base64
import binascii
import re
from pathlib import PurePosixPath
from typing import Final, NamedTuple

PDF: Final = "application/pdf"
PLAIN_TEXT: Final = "text/plain"

UNTYPED: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
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


HEAD: Final = 1024
"""How many bytes of a file are looked at to see what it is."""

ALIASES: Final = {
    "audio/mp3": "audio/mpeg",
    "audio/wave": "audio/wav",
    "audio/x-wav": "audio/wav",
    "image/heif": "image/heic",
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/vnd.microsoft.icon": "image/x-icon",
    "image/x-ms-bmp": "image/bmp",
    "image/x-png": "image/png",
}
"""Other names of types; HEIC is HEIF with a certain codec, and often said to be either."""

_SIGNATURES: Final = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (6, b"\x00\x00\x00\x00", "image/bmp"),
    (8, b"WEBP", "image/webp"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"\x00\x00\x01\x00", "image/x-icon"),
    (0, b"\xff\x0a", "image/jxl"),
    (0, b"\x00\x00\x00\x0cJXL ", "image/jxl"),
    (0, b"%PDF-", PDF),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"\x1f\x8b\x08", "application/gzip"),
    (0, b"{\\rtf", "text/rtf"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AIFF", "audio/aiff"),
    (8, b"AIFC", "audio/aiff"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"OggS", "audio/ogg"),
    (8, b"AVI ", "video/avi"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\x00\x00\x01\xba", "video/mpeg"),
)
"""Offset, bytes and type. What stands behind the beginning counts only after one of `_BEGINNINGS`."""

_BEGINNINGS: Final = {0: (b"",), 6: (b"BM",), 8: (b"RIFF", b"FORM")}

_BRANDS: Final = {
    b"heic": "image/heic",
    b"heix": "image/heic",
    b"heim": "image/heic",
    b"heis": "image/heic",
    b"hevc": "image/heic",
    b"mif1": "image/heif",
    b"msf1": "image/heif",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"qt  ": "video/quicktime",
    b"M4A ": "audio/mp4",
}
"""Types of ISO base media files by their major brand; others are MP4."""

RECOGNISED_IMAGES: Final = frozenset({"image/avif", "image/heic"}) | {
    known for _, _, known in _SIGNATURES if known.startswith("image/")
}
"""Image types, without their aliases, whose content is always recognised."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_SPACE = re.compile(r"\s+")
_CHARACTERS: Final = (HEAD + 2) // 3 * 4


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


def payload_start(url: str) -> int | None:
    """Where the payload of a data URL in base64 begins, None for anything else."""
    comma = url.find(",", 0, 1024) if url[:5].lower() == "data:" else -1
    parameters = (piece.strip().lower() for piece in url[5 : max(comma, 0)].split(";")[1:])
    return comma + 1 if comma > 0 and "base64" in parameters else None


def first_bytes(text: str, start: int = 0) -> bytes | None:
    """The first bytes of what stands in base64 from `start` on, at most `HEAD`; None where it cannot be base64.

    Only both ends of the text are looked at, however long it is.
    """
    if len(text) - start <= _CHARACTERS:
        whole = _SPACE.sub("", text[start:])
        if not whole:
            return b""
        if not _BASE64.fullmatch(whole) or len(whole.rstrip("=")) % 4 == 1:
            return None
        return base64.b64decode(whole.rstrip("=") + "=" * (-len(whole.rstrip("=")) % 4))[:HEAD]
    head, tail = _SPACE.sub("", text[start : start + _CHARACTERS]), _SPACE.sub("", text[-64:])
    if not _BASE64.fullmatch(head) or head.endswith("=") or (tail and not _BASE64.fullmatch(tail)):
        return None
    return base64.b64decode(head[: len(head) // 4 * 4])[:HEAD]


def unwrapped(text: str, start: int = 0) -> str | None:
    """What stands in base64 from `start` on as one line; None where it is one already, as far as both ends show."""
    if _SPACE.search(text, start, start + _CHARACTERS) is None and not text[-1:].isspace():
        return None
    return "".join(text[start:].split())


def sniffed(head: bytes) -> str:
    """The media type that the first bytes of a file show, "" when they show none."""
    if head[4:8] == b"ftyp":
        found = _BRANDS.get(head[8:12], "video/mp4")
        brands = head[16 : int.from_bytes(head[:4])]
        return "image/avif" if found == "image/heif" and b"avif" in brands else found
    for offset, signature, media_type in _SIGNATURES:
        if head.startswith(signature, offset) and head.startswith(_BEGINNINGS[offset]):
            return media_type
    if head[:1] == b"\xff" and len(head) > 1:
        # Frames of MPEG's third layer, and of AAC.
        if head[1] & 0xE6 == 0xE2:
            return "audio/mpeg"
        if head[1] & 0xF6 == 0xF0:
            return "audio/aac"
    text = head[:256].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "text/html"
    if text.startswith(b"<svg"):
        return "image/svg+xml"
    return PDF if b"%PDF-" in head else ""


def file_media(data: str, filename: object) -> Media | None:
    """A file that came as a data URL or as bare base64: its type is the declared one, else that of the name's ending,
    else PDF where the first bytes are a PDF's. None for a data URL that is not in base64."""
    media = data_url(data) if data[:5].lower() == "data:" else Media("", data)
    if media is None or media.type not in UNTYPED:
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
