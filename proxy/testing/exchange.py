"""One exchange with a vendor, recorded or written, and what a client has to get from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class ExpectedCall(NamedTuple):
    """A tool call that a client has to get; `arguments` is JSON, compared as a value."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """A vendor's answer to a request.

    `request` is a create request without `model` and `stream` (an input of one word where it is empty). `answer` is the
    vendor's body as it came, `headers` those of the answer (names in lower case; without a content type, JSON or that
    of the provider's framing is meant); `stream`: it came as a stream. `sent` is what the vendor's body has to be for
    the request, as a JSON value (None: not compared).

    What the client has to get, where it is not None: the whole `text`, the `reasoning` text, the `calls`, the members
    of `usage` (input_tokens, cached_tokens, cache_write_tokens, output_tokens, reasoning_tokens), the `status` of the
    response, the `error_code` of a failure and its `http_status` where it came before the output, and the paths that
    were `dropped`.

    `end_optional`: the vendor is known to leave out its finish signal, so that a stream that just ends counts.
    """

    id: str
    model: str
    answer: bytes
    status_code: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: bool = False
    request: Mapping[str, object] = field(default_factory=dict)
    sent: object = None
    text: str | None = None
    reasoning: str | None = None
    calls: Sequence[ExpectedCall] | None = None
    usage: Mapping[str, int] | None = None
    status: str | None = None
    error_code: str | None = None
    http_status: int | None = None
    dropped: Sequence[str] | None = None
    end_optional: bool = False
