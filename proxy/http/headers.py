"""Values of our own headers: printable ASCII of a bounded length, whatever a client wrote."""

from collections.abc import Sequence
from typing import Final

MAX_HEADER_TEXT: Final = 4000
"""How much of a client's own text a header repeats, in characters: clients refuse lines above 8 KiB."""

MORE: Final = "..."
"""What stands at the end of a list that is longer than that."""


def header_text(text: str) -> str:
    """The text as a header value may carry it."""
    return _printable(text)[:MAX_HEADER_TEXT]


def dropped_header(paths: Sequence[str]) -> dict[str, str]:
    """The header that names what was dropped; none where nothing was."""
    if not paths:
        return {}
    joined = _printable(", ".join(dict.fromkeys(paths)))
    if len(joined) > MAX_HEADER_TEXT:
        whole, _, _ = joined[: MAX_HEADER_TEXT - len(MORE) - 1].rpartition(", ")
        joined = f"{whole}, {MORE}" if whole else joined[: MAX_HEADER_TEXT - len(MORE)] + MORE
    return {"x-dragoman-dropped": joined}


def _printable(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return text.encode("unicode_escape").decode("ascii")
