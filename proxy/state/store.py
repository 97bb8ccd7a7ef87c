"""The interface of all stores. What stands here is what `tests/state/kit` holds each of them to."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

from proxy.responses.errors import ResponsesError
from proxy.state.records import (
    BackgroundRun,
    Charge,
    Claim,
    Conversation,
    Ending,
    EventBatch,
    Grant,
    NewResponse,
    Order,
    Page,
    Place,
    Shortfall,
    SpendColumn,
    SpendGroup,
    Spending,
    StoredItem,
    StoredResponse,
)

RETRY_AFTER = "5"
"""What clients are told to wait, in seconds, while the store cannot be reached."""


class StoreUnavailableError(ResponsesError):
    """The store cannot be reached, or refuses to work. The cause says why; it is for the log alone."""

    def __init__(self) -> None:
        super().__init__(
            503,
            "The gateway cannot reach its store of responses. Try again, or send the request with store: false and "
            "without anything that is stored.",
            type="service_unavailable_error",
            code="store_unavailable",
            headers={"retry-after": RETRY_AFTER},
        )


class HistoryGoneError(Exception):
    """What a response continues, or what is read, was deleted, or expired, meanwhile."""


class StoreOpenError(Exception):
    """The store cannot be used as it is configured: a folder that cannot be written, a schema from a later release. The
    text is for the operator and holds no password."""


class Store(ABC):
    """Keeps responses, conversations, background runs, what was spent, and secrets.

    Every method is atomic, safe under concurrent calls from any number of replicas, and what it wrote is kept when it
    returns. All of them may raise StoreUnavailableError. Responses and conversations belong to their owner: a
    foreign id is like an unknown one, and so is an expired or a deleted one. Times are seconds since the epoch.

    What failed with StoreUnavailableError may have been done all the same. `save`, `start_run`, `create_conversation`
    and `finish_run` may be called again then: with an id that is kept already the first three do nothing. So may
    `reserve`, `release` and `add_spend`: none of them takes or charges anything twice.
    """

    @abstractmethod
    async def open(self) -> None:
        """Connect, and bring the schema up to date. Raises StoreOpenError for what will not mend itself, and
        StoreUnavailableError for a server that cannot be reached now; `open` may be called again then."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what was begun and disconnect. A store that is not open is left alone."""

    @abstractmethod
    async def ping(self) -> None:
        """Return when the store works."""

    # --- responses ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def save(self, response: NewResponse) -> None:
        """Keep a response that has ended, with its items.

        Where `after` is the end of its chain the items are appended to that chain, except to the chain of a
        conversation other than `response.conversation`; in all other cases a new chain is made (its id is the
        response's), a fork of `after`. Items that did not go to the conversation's own chain by this rule are
        appended there as well. A conversation that was deleted meanwhile gets nothing.

        Raises HistoryGoneError, and keeps nothing, when `after` does not exist any more.
        """

    @abstractmethod
    async def response(self, response_id: str, owner: str, now: float) -> StoredResponse | None:
        """The response, or None when it is unknown, foreign, deleted or expired."""

    @abstractmethod
    async def output(self, response: StoredResponse) -> list[bytes]:
        """The output items of a response, in order. Raises HistoryGoneError when the response was deleted meanwhile."""

    @abstractmethod
    async def history(self, place: Place) -> list[StoredItem]:
        """Everything before a place, in order, through all forks.

        Of a conversation's items, those that were removed from it before the place came to be are left out.
        Raises HistoryGoneError when the place does not exist (any more).
        """

    @abstractmethod
    async def response_with_history(
        self, response_id: str, owner: str, now: float
    ) -> tuple[StoredResponse, list[StoredItem]] | None:
        """What `response` gives, and the `history` of its place."""

    @abstractmethod
    async def delete_response(self, response_id: str, owner: str, now: float) -> bool:
        """Forget a response that has ended: it is gone at once. Its items go as soon as no other response, and no
        conversation, needs them. False when there is no such response, or it has not ended."""

    @abstractmethod
    async def find_items(self, ids: Sequence[str], owner: str, now: float) -> dict[str, bytes]:
        """The items with these ids that a response or a conversation of this owner brought along and that still exists;
        absent: not found. An item of a deleted response, and one removed from its conversation, is not found."""

    # --- conversations -----------------------------------------------------------------------------------------------

    @abstractmethod
    async def create_conversation(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        """Keep a new conversation; `conversation.length` counts for nothing."""

    @abstractmethod
    async def conversation(self, conversation_id: str, owner: str) -> Conversation | None:
        """The conversation, or None."""

    @abstractmethod
    async def conversation_with_history(
        self, conversation_id: str, owner: str
    ) -> tuple[Conversation, list[StoredItem]] | None:
        """What `conversation` gives, and the `history` of its end."""

    @abstractmethod
    async def set_metadata(self, conversation_id: str, owner: str, metadata: Mapping[str, str]) -> Conversation | None:
        """Replace the metadata; the conversation as it is now, or None."""

    @abstractmethod
    async def delete_conversation(self, conversation_id: str, owner: str) -> bool:
        """Forget a conversation. Its responses stay, and with them the items of their histories."""

    @abstractmethod
    async def add_items(self, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
        """Append items, all or none. False when there is no such conversation."""

    @abstractmethod
    async def conversation_items(
        self, conversation_id: str, owner: str, *, order: Order, after: str | None, limit: int
    ) -> Page | None:
        """A page of the conversation's items, beginning behind the item `after`. None when there is no such
        conversation; raises KeyError when `after` is not one of its items."""

    @abstractmethod
    async def conversation_item(self, conversation_id: str, owner: str, item_id: str) -> bytes | None:
        """One item, or None. Of several with the same id the latest."""

    @abstractmethod
    async def remove_item(self, conversation_id: str, owner: str, item_id: str) -> bool:
        """Take an item out of the conversation; responses that were made with it keep it in their history, and once
        there is none its content goes. False when there is no such item."""

    # --- background responses ----------------------------------------------------------------------------------------

    @abstractmethod
    async def start_run(self, response: NewResponse, run: BackgroundRun, until: float) -> None:
        """Keep a background response that begins (`output` is empty, the conversation gets nothing yet), and that
        `run.replica` works at it `until` then. Raises HistoryGoneError as `save` does."""

    @abstractmethod
    async def set_in_progress(self, response_id: str) -> None:
        """A queued background response is being worked at."""

    @abstractmethod
    async def append_events(self, response_id: str, replica: str, batch: EventBatch) -> bool:
        """Keep events of a background response. False, and nothing kept, when this replica does not hold the run any
        more."""

    @abstractmethod
    async def events(self, response_id: str, after: int) -> list[EventBatch]:
        """The kept batches that hold a sequence number above `after`, in order."""

    @abstractmethod
    async def finish_run(self, response_id: str, replica: str, ending: Ending) -> bool:
        """End a background response: its output is appended behind its input, the run is gone, its events too unless
        they are kept, and the conversation gets input and output. True as well, and nothing changed, when this
        replica ended it before, with the same status. False, and nothing changed, when it does not hold the run any
        more."""

    @abstractmethod
    async def renew_runs(self, replica: str, until: float) -> dict[str, bool]:
        """Extend the leases of all runs that a replica holds. Which they are, and whether each is to be cancelled."""

    @abstractmethod
    async def release_runs(self, replica: str) -> None:
        """Let go of all runs of a replica that ends: others may take them over at once."""

    @abstractmethod
    async def take_over_runs(self, replica: str, now: float, until: float) -> list[BackgroundRun]:
        """Take the runs whose lease is over, each with its `attempt` raised by one and `shown` as it is. Of several
        replicas that ask, one gets each run."""

    @abstractmethod
    async def request_cancel(self, response_id: str, owner: str) -> bool:
        """Ask whoever works at a background response to end it. False when nobody does."""

    # --- what was spent ----------------------------------------------------------------------------------------------

    @abstractmethod
    async def reserve(
        self, reservation_id: str, claims: Sequence[Claim], now: float, until: float
    ) -> Grant | Shortfall:
        """Grant all claims or none. Each names a meter of its own.

        A claim on a budget fits when what was spent, what others hold back and its amount are no more than its limit;
        it is held back then until it is let go of, or the time `until` has come. A claim on a bucket fits when its
        amount is there, and is taken; a bucket that was never used is full. An id that holds claims already is
        granted again, and nothing is taken.
        """

    @abstractmethod
    async def release(self, reservation_id: str, charges: Sequence[Charge], now: float) -> None:
        """Let go of what is held back under an id, and charge its meters. Nothing is done for an id that holds no
        claims; those that have ended are known for an hour."""

    @abstractmethod
    async def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        """Keep rows, charge their meters, and let go of what is held back under their ids. A row whose id is kept
        already changes nothing. Each row is kept whole or not at all, not all of them together."""

    @abstractmethod
    async def spent(self, meters: Sequence[str]) -> dict[str, int]:
        """What was charged to budgets, without what is held back; 0 for those that were never charged."""

    @abstractmethod
    async def spend(self, by: Sequence[SpendColumn], since: float, until: float) -> list[SpendGroup]:
        """The rows from `since` on and before `until`, added up by their values in these columns (by none: all of them
        together), the most expensive group first. Raises ValueError for a column that there is not.

        Of rows that come or go meanwhile some may be missing. It may take long; other calls are not held up.
        """

    @abstractmethod
    async def sweep_spend(self, before: float, now: float, limit: int) -> int:
        """Forget up to `limit` rows from before a time, the oldest first; how many they were. Meters and reservations
        that are out of use go with them: a budget without an end (its meter's name ends in `/total`) never does."""

    # --- the rest ----------------------------------------------------------------------------------------------------

    @abstractmethod
    async def secret(self, name: str, candidate: bytes) -> bytes:
        """The secret of this name: what is kept, or else the candidate, which is kept from then on. All replicas get
        the same."""

    @abstractmethod
    async def sweep(self, now: float, limit: int) -> int:
        """Forget up to `limit` responses that have expired, as `delete_response` does; how many they were. Responses
        that are still being made never expire."""

    @abstractmethod
    async def trim(self, size: int, limit: int) -> int:
        """Forget the oldest ended responses, up to `limit` of them, while more than `size` bytes are kept; how many
        they were. Of responses that were made at the same time either may be the older one."""
