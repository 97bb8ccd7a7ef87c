"""The trace that a request belongs to (W3C Trace Context): passed on as it came, and named in the log.

The gateway makes no spans of its own, so a vendor's, or another gateway's, are children of the client's.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MAX_TRACESTATE: Final = 2048
"""The longest `tracestate`, in characters, that is passed on; the specification asks for 512 at least."""

# Version ff is forbidden, and so are ids of zeros; later versions may go on behind the flags.
_TRACEPARENT: Final = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-[\x21-\x7e]{0,200})?"
)
_TRACESTATE: Final = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Trace:
    """A trace: its id (None: the request belongs to none), and the headers that carry it on."""

    id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


NO_TRACE: Final = Trace()


def trace_of(headers: Mapping[str, str]) -> Trace:
    """The trace of a request with these headers. One that is not well-formed is none, as the specification asks."""
    parent = headers.get("traceparent")
    if parent is None:
        return NO_TRACE
    parent = parent.strip()
    match = _TRACEPARENT.fullmatch(parent)
    if match is None or (match[1] == "00" and match[3]):
        return NO_TRACE
    carried = {"traceparent": parent}
    state = headers.get("tracestate", "").strip()
    if state and len(state) <= MAX_TRACESTATE and _TRACESTATE.fullmatch(state):
        carried["tracestate"] = state
    return Trace(match[2], carried)
