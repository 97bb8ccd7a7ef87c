"""What a strict vendor has to say against a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from tests.vendors.server import Recorded


@dataclass(frozen=True, slots=True)
class Complaint:
    """A rule that the request breaks, the place, and the vendor's own sentence."""

    rule: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class Request:
    """One request as the vendor sees it. `path` has the query; the names of `headers` are in lower case; `body` is what
    was read from JSON, None when it is none."""

    path: str
    headers: Mapping[str, str]
    body: Any


def received(recorded: Recorded) -> Request:
    """The request that came over the socket."""
    try:
        body = orjson.loads(recorded.body)
    except orjson.JSONDecodeError:
        body = None
    return Request(recorded.path, {name.lower(): value for name, value in recorded.headers.items()}, body)
