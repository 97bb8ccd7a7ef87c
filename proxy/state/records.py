"""What a store keeps, as values. Bodies are JSON that no store looks into.

Items stand in chains, each at its position; a response is a stretch of a chain, and its history is everything before
that stretch. A response that continues the end of a chain is appended to it; one that continues an earlier place makes
a new chain, a fork, that knows its parent and the depth at which it left. So a conversation of any length keeps each
item once. A conversation is a chain of its own, whose id is the conversation's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Status: TypeAlias = Literal["queued", "in_progress", "completed", "incomplete", "failed", "cancelled"]

UNFINISHED: frozenset[str] = frozenset({"queued", "in_progress"})
"""The statuses of responses that are still being made."""


STREAMING = b"streaming"
"""The journal of a response that is still being streamed."""

KEPT_EVENTS = b"events"
"""The journal of a streamed response whose events are kept as they were sent."""


class StoredItem(NamedTuple):
    """An item: its id, and its JSON (the id included)."""

    id: str
    body: bytes


class Place(NamedTuple):
    """A point in a chain: behind the item at position `depth - 1`, in front of the one at `depth`.

    Positions may have gaps, never repeats.
    """

    chain: str
    depth: int


@dataclass(frozen=True, slots=True)
class NewResponse:
    """A response that is to be kept.

    `body` is the response object with an empty `output`; the items of input and output are kept beside it. `after` is
    the end of its history (None: it has none). `journal` says how it was streamed (`STREAMING`: it still is), None
    where it was not.
    `conversation` is the conversation that gets input and output, both or neither.
    """

    id: str
    owner: str
    status: Status
    created_at: int
    expires_at: float
    body: bytes
    after: Place | None = None
    input: Sequence[StoredItem] = ()
    output: Sequence[StoredItem] = ()
    journal: bytes | None = None
    background: bool = False
    conversation: str | None = None


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response as it is kept. Its own items are those of `place.chain` from `start` on: the input up to `input_end`,
    the output up to `place.depth`. What stands before `start`, in this chain and in its parents, is its history."""

    id: str
    owner: str
    status: Status
    created_at: int
    expires_at: float
    body: bytes
    place: Place
    start: int
    input_end: int
    journal: bytes | None
    background: bool


@dataclass(frozen=True, slots=True)
class Ending:
    """How a background response ended. `output` and `conversation` as in `NewResponse`; `keep_events`: the events that
    were appended stay, because they cannot be made again from the items."""

    status: Status
    body: bytes
    expires_at: float
    output: Sequence[StoredItem] = ()
    journal: bytes | None = None
    conversation: str | None = None
    keep_events: bool = False


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation; `length` is the depth of its end."""

    id: str
    owner: str
    created_at: int
    metadata: Mapping[str, str]
    length: int = 0

    @property
    def end(self) -> Place:
        """The place behind its last item."""
        return Place(self.id, self.length)


@dataclass(frozen=True, slots=True)
class BackgroundRun:
    """A background response that a replica works at. `request` is what is needed to begin it again; `attempt` counts
    from 1; `cancel`: its client wants it to end; `shown`: events of it were appended."""

    id: str
    owner: str
    replica: str
    request: bytes
    attempt: int = 1
    cancel: bool = False
    shown: bool = False


class Page(NamedTuple):
    """A piece of a list."""

    items: list[StoredItem]
    has_more: bool


class EventBatch(NamedTuple):
    """Events of one response that were appended together: the first and last sequence number, and their bytes."""

    first: int
    last: int
    data: bytes


Order: TypeAlias = Literal["asc", "desc"]


# --- what was spent ---------------------------------------------------------------------------------------------------


REROUTED = "rerouted"
"""The outcome of a row for what a target took whose request went on to another one, which has the request's own row."""


class SpendRow(NamedTuple):
    """What one exchange with a provider took: one row each, whatever its outcome, and no content. A row that is
    `REROUTED` is no request of its own.

    `id` is the response's; `at` its end. The five kinds of tokens are disjoint and sum to the total; `source` says
    how they are known (provider, estimated). `cost` is in USD * 10**12, None where the model has no price;
    `price_source` is config or catalogue. `duration_ms` and `first_output_ms` count from the request's arrival.
    """

    id: str
    at: float
    client: str
    provider: str
    model: str
    outcome: str
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    source: str
    cost: int | None
    price_source: str | None
    attempts: int
    duration_ms: int
    first_output_ms: int | None


MeterKind: TypeAlias = Literal["budget", "rate"]
"""What is metered: an amount that adds up (`budget`), or a bucket of `limit` units that fills again evenly within a
minute (`rate`)."""


class Claim(NamedTuple):
    """What a request wants of a meter before it may begin. A budget holds `amount` back until the claim is settled or
    released; a bucket gives it at once."""

    meter: str
    kind: MeterKind
    limit: int
    amount: int


class Charge(NamedTuple):
    """What a request took of a meter in the end: `amount` is added to what was spent of a budget; of a bucket it is
    what is taken beyond the claim (negative: given back)."""

    meter: str
    kind: MeterKind
    limit: int
    amount: int


class Grant(NamedTuple):
    """Claims that were granted. `left`: for each claim, in their order, what is left of its meter now."""

    left: Sequence[int]


class Shortfall(NamedTuple):
    """Claims of which nothing was granted: `claim` is the number of the first that does not fit, counted from 0; `left`
    what its meter has left; `wait` in seconds until a bucket has enough (None: that cannot be said)."""

    claim: int
    left: int
    wait: float | None


class Spending(NamedTuple):
    """A row, and what settles the claims that were made under its id."""

    row: SpendRow
    charges: Sequence[Charge] = ()


SpendColumn: TypeAlias = Literal["client", "provider", "model", "outcome", "source", "price_source", "day"]
"""What rows are grouped by; `day` is the UTC date of `at`, as 2026-11-23."""


class SpendGroup(NamedTuple):
    """Rows with the same values in the columns they are grouped by (None: there is no value), added up.
    `unpriced_tokens` are those of rows without a cost, `estimated_cost` that of rows whose tokens are estimated."""

    by: tuple[str | None, ...]
    requests: int
    input_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    output_tokens: int
    reasoning_tokens: int
    unpriced_tokens: int
    cost: int
    estimated_cost: int
