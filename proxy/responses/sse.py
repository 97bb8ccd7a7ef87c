"""Server-sent events, the way out: one event is one write, its name equals the type inside."""

from collections.abc import Iterable

HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}
HEARTBEAT = b": ping\n\n"
DONE = b"data: [DONE]\n\n"
"""The end of a stream: Open Responses requires it, the SDKs of OpenAI stop at it or ignore it."""

_HEADS: dict[str, bytes] = {}
_MAX_HEADS = 500


def frame(events: Iterable[tuple[str, bytes]]) -> bytes:
    """The events, framed and joined: each whole."""
    pieces: list[bytes] = []
    for name, data in events:
        head = _HEADS.get(name)
        if head is None:
            head = b"event: %b\ndata: " % name.encode()
            # Vendors that speak Responses have events of their own: whatever these are called is not kept for ever.
            if len(_HEADS) < _MAX_HEADS:
                _HEADS[name] = head
        pieces += (head, data, b"\n\n")
    return b"".join(pieces)
