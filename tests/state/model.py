"""The rules of `proxy.state.store` as the plainest store there is: every place has a full copy of its history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from proxy.state.records import (
    UNFINISHED,
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
from proxy.state.store import HistoryGoneError, Store
from tests.state.spend_model import SpendModel


@dataclass(eq=False)
class Cell:
    """One keeping of an item."""

    item: StoredItem
    by_conversation: bool = False


Cells = tuple[Cell, ...]


@dataclass
class KeptResponse:
    record: StoredResponse
    history: Cells
    input: Cells
    output: Cells
    events: list[EventBatch] = field(default_factory=list)
    ended_by: str = ""

    @property
    def own(self) -> Cells:
        return self.input + self.output


@dataclass
class KeptConversation:
    value: Conversation
    cells: list[Cell]


@dataclass
class KeptRun:
    run: BackgroundRun
    until: float


class ModelStore(Store):
    """In memory, without sharing anything between histories, and slow."""

    def __init__(self) -> None:
        self._responses: dict[str, KeptResponse] = {}
        self._conversations: dict[str, KeptConversation] = {}
        self._runs: dict[str, KeptRun] = {}
        self._secrets: dict[str, bytes] = {}
        self._spend = SpendModel()
        self._places: dict[Place, Cells] = {}
        self._ends: dict[str, int] = {}
        self._of_conversations: set[str] = set()
        self._removed: set[str] = set()

    # --- what the tests ask the model ---------------------------------------------------------------------------------

    def content(self) -> bytes:
        """All that has to be kept, joined."""
        pieces = [cell.item.body for cell in self._needed()]
        for kept in self._responses.values():
            pieces += [kept.record.body, kept.record.journal or b"", *(batch.data for batch in kept.events)]
        return b"\n".join(pieces + [kept.run.request for kept in self._runs.values()])

    def is_certain(self, place: Place) -> bool:
        """Whether a place has to exist: something that is alive stands at it. Other places may, or may be gone."""
        for kept in self._responses.values():
            chain = kept.record.place.chain
            if place in {kept.record.place, Place(chain, kept.record.start), Place(chain, kept.record.input_end)}:
                return True
        return place.chain in self._conversations and self._needed().issuperset(self._places[place])

    def findable(self, owner: str, now: float) -> tuple[set[str], set[str]]:
        """The ids that have to be found, and those that may be."""
        surely: set[str] = set()
        perhaps: set[str] = set()
        for conversation in self._conversations.values():
            if conversation.value.owner == owner:
                perhaps.update(cell.item.id for cell in conversation.cells)
                surely.update(cell.item.id for cell in conversation.cells if cell.by_conversation)
        for kept in self._responses.values():
            if self._is_alive(kept, owner, now):
                perhaps.update(cell.item.id for cell in kept.own)
                surely.update(cell.item.id for cell in kept.own)
        return surely - self._removed, perhaps

    def living(self, now: float) -> list[StoredResponse]:
        """All responses that can be found now."""
        return [kept.record for kept in self._responses.values() if self._is_alive(kept, kept.record.owner, now)]

    def kept(self) -> list[StoredResponse]:
        """All responses that are kept, expired ones too."""
        return [kept.record for kept in self._responses.values()]

    def runs(self) -> list[BackgroundRun]:
        """All background responses that are being made."""
        return [kept.run for kept in self._runs.values()]

    # --- the store ----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ping(self) -> None:
        pass

    async def save(self, response: NewResponse) -> None:
        if response.id not in self._responses:
            self._keep(response, self._joined(response.conversation, response.owner))

    async def response(self, response_id: str, owner: str, now: float) -> StoredResponse | None:
        kept = self._responses.get(response_id)
        return kept.record if kept is not None and self._is_alive(kept, owner, now) else None

    async def output(self, response: StoredResponse) -> list[bytes]:
        kept = self._responses.get(response.id)
        if kept is None:
            raise HistoryGoneError
        return [cell.item.body for cell in kept.output]

    async def history(self, place: Place) -> list[StoredItem]:
        return [cell.item for cell in self._copy(place)]

    async def response_with_history(
        self, response_id: str, owner: str, now: float
    ) -> tuple[StoredResponse, list[StoredItem]] | None:
        record = await self.response(response_id, owner, now)
        return None if record is None else (record, await self.history(record.place))

    async def delete_response(self, response_id: str, owner: str, now: float) -> bool:
        record = await self.response(response_id, owner, now)
        if record is None or record.status in UNFINISHED:
            return False
        del self._responses[response_id]
        return True

    async def find_items(self, ids: Sequence[str], owner: str, now: float) -> dict[str, bytes]:
        cells = [cell for kept in self._conversations.values() if kept.value.owner == owner for cell in kept.cells]
        for kept in self._responses.values():
            if self._is_alive(kept, owner, now):
                cells += kept.own
        wanted = set(ids) - self._removed
        return {cell.item.id: cell.item.body for cell in cells if cell.item.id in wanted}

    async def create_conversation(self, conversation: Conversation, items: Sequence[StoredItem]) -> None:
        if conversation.id in self._conversations:
            return
        kept = KeptConversation(replace(conversation, length=0), [])
        self._of_conversations.add(conversation.id)
        self._conversations[conversation.id] = kept
        self._move_end(kept, [])
        self._move_end(kept, _cells(items, by_conversation=True))

    async def conversation(self, conversation_id: str, owner: str) -> Conversation | None:
        kept = self._joined(conversation_id, owner)
        return None if kept is None else kept.value

    async def conversation_with_history(
        self, conversation_id: str, owner: str
    ) -> tuple[Conversation, list[StoredItem]] | None:
        kept = self._joined(conversation_id, owner)
        return None if kept is None else (kept.value, [cell.item for cell in kept.cells])

    async def set_metadata(self, conversation_id: str, owner: str, metadata: Mapping[str, str]) -> Conversation | None:
        kept = self._joined(conversation_id, owner)
        if kept is None:
            return None
        kept.value = replace(kept.value, metadata=dict(metadata))
        return kept.value

    async def delete_conversation(self, conversation_id: str, owner: str) -> bool:
        if self._joined(conversation_id, owner) is None:
            return False
        del self._conversations[conversation_id]
        return True

    async def add_items(self, conversation_id: str, owner: str, items: Sequence[StoredItem]) -> bool:
        kept = self._joined(conversation_id, owner)
        if kept is None:
            return False
        self._move_end(kept, _cells(items, by_conversation=True))
        return True

    async def conversation_items(
        self, conversation_id: str, owner: str, *, order: Order, after: str | None, limit: int
    ) -> Page | None:
        kept = self._joined(conversation_id, owner)
        if kept is None:
            return None
        entries = [cell.item for cell in kept.cells]
        if order == "desc":
            entries.reverse()
        if after is not None:
            ids = [entry.id for entry in entries]
            if after not in ids:
                raise KeyError(after)
            entries = entries[ids.index(after) + 1 :]
        return Page(entries[:limit], len(entries) > limit)

    async def conversation_item(self, conversation_id: str, owner: str, item_id: str) -> bytes | None:
        cell = self._cell(conversation_id, owner, item_id)
        return None if cell is None else cell.item.body

    async def remove_item(self, conversation_id: str, owner: str, item_id: str) -> bool:
        cell = self._cell(conversation_id, owner, item_id)
        if cell is None:
            return False
        kept = self._conversations[conversation_id]
        kept.cells.remove(cell)
        self._removed.add(item_id)
        kept.value = replace(kept.value, length=kept.value.length + 1)
        self._move_end(kept, [])
        return True

    async def start_run(self, response: NewResponse, run: BackgroundRun, until: float) -> None:
        if response.id in self._responses:
            return
        self._keep(response, None)
        self._runs[response.id] = KeptRun(run, until)

    async def set_in_progress(self, response_id: str) -> None:
        kept = self._responses.get(response_id)
        if kept is not None and kept.record.status == "queued":
            kept.record = replace(kept.record, status="in_progress")

    async def append_events(self, response_id: str, replica: str, batch: EventBatch) -> bool:
        held = self._held(response_id, replica)
        if held is None:
            return False
        self._responses[response_id].events.append(batch)
        held.run = replace(held.run, shown=True)
        return True

    async def events(self, response_id: str, after: int) -> list[EventBatch]:
        kept = self._responses.get(response_id)
        return [] if kept is None else [batch for batch in kept.events if batch.last > after]

    async def finish_run(self, response_id: str, replica: str, ending: Ending) -> bool:
        if self._held(response_id, replica) is None:
            ended = self._responses.get(response_id)
            return ended is not None and (ended.ended_by, ended.record.status) == (replica, ending.status)
        del self._runs[response_id]
        kept = self._responses[response_id]
        kept.ended_by = replica
        kept.output = _cells(ending.output)
        place = Place(kept.record.place.chain, kept.record.place.depth + len(kept.output))
        self._ends[place.chain] = place.depth
        self._places[place] = kept.history + kept.own
        kept.record = replace(
            kept.record,
            status=ending.status,
            body=ending.body,
            expires_at=ending.expires_at,
            journal=ending.journal,
            place=place,
        )
        if not ending.keep_events:
            kept.events.clear()
        conversation = self._joined(ending.conversation, kept.record.owner)
        if conversation is not None:
            self._move_end(conversation, _cells(cell.item for cell in kept.own))
        return True

    async def renew_runs(self, replica: str, until: float) -> dict[str, bool]:
        held = {response_id: kept for response_id, kept in self._runs.items() if kept.run.replica == replica}
        for kept in held.values():
            kept.until = until
        return {response_id: kept.run.cancel for response_id, kept in held.items()}

    async def release_runs(self, replica: str) -> None:
        for kept in self._runs.values():
            if kept.run.replica == replica:
                kept.run = replace(kept.run, replica="")
                kept.until = 0

    async def take_over_runs(self, replica: str, now: float, until: float) -> list[BackgroundRun]:
        taken = [kept for kept in self._runs.values() if kept.until < now]
        for kept in taken:
            kept.run = replace(kept.run, replica=replica, attempt=kept.run.attempt + 1)
            kept.until = until
        return [kept.run for kept in taken]

    async def request_cancel(self, response_id: str, owner: str) -> bool:
        kept = self._runs.get(response_id)
        if kept is None or kept.run.owner != owner:
            return False
        kept.run = replace(kept.run, cancel=True)
        return True

    async def reserve(
        self, reservation_id: str, claims: Sequence[Claim], now: float, until: float
    ) -> Grant | Shortfall:
        return self._spend.reserve(reservation_id, claims, now, until)

    async def release(self, reservation_id: str, charges: Sequence[Charge], now: float) -> None:
        self._spend.release(reservation_id, charges, now)

    async def add_spend(self, spendings: Sequence[Spending], now: float) -> None:
        self._spend.add_spend(spendings, now)

    async def spent(self, meters: Sequence[str]) -> dict[str, int]:
        return self._spend.spent(meters)

    async def spend(self, by: Sequence[SpendColumn], since: float, until: float) -> list[SpendGroup]:
        return self._spend.spend(by, since, until)

    async def sweep_spend(self, before: float, now: float, limit: int) -> int:
        return self._spend.sweep(before, now, limit)

    async def secret(self, name: str, candidate: bytes) -> bytes:
        return self._secrets.setdefault(name, candidate)

    async def sweep(self, now: float, limit: int) -> int:
        return self._forget([kept for kept in self._ended() if kept.record.expires_at <= now][:limit])

    async def trim(self, size: int, limit: int) -> int:
        count = 0
        for kept in sorted(self._ended(), key=lambda kept: kept.record.created_at)[:limit]:
            if len(self.content()) <= size:
                break
            count += self._forget([kept])
        return count

    # --- within -------------------------------------------------------------------------------------------------------

    def _keep(self, response: NewResponse, conversation: KeptConversation | None) -> None:
        after = response.after
        history = () if after is None else self._copy(after)
        given, made = _cells(response.input), _cells(response.output)
        own_chain = None if conversation is None else conversation.value.id
        if (
            after is not None
            and self._ends[after.chain] == after.depth
            and not self._is_unfinished(after.chain)
            and (after.chain not in self._of_conversations or after.chain == own_chain)
        ):
            chain, start = after
        else:
            chain, start = response.id, 0
        input_end = start + len(given)
        depth = input_end + len(made)
        self._ends[chain] = depth
        self._places[Place(chain, start)] = history
        self._places[Place(chain, input_end)] = history + given
        self._places[Place(chain, depth)] = history + given + made
        record = StoredResponse(
            id=response.id,
            owner=response.owner,
            status=response.status,
            created_at=response.created_at,
            expires_at=response.expires_at,
            body=response.body,
            place=Place(chain, depth),
            start=start,
            input_end=input_end,
            journal=response.journal,
            background=response.background,
        )
        self._responses[response.id] = KeptResponse(record, history, given, made)
        if conversation is not None:
            cells = given + made
            self._move_end(conversation, cells if chain == own_chain else _cells(cell.item for cell in cells))

    def _move_end(self, kept: KeptConversation, cells: Iterable[Cell]) -> None:
        added = list(cells)
        kept.cells += added
        kept.value = replace(kept.value, length=kept.value.length + len(added))
        self._ends[kept.value.id] = kept.value.length
        self._places[kept.value.end] = tuple(kept.cells)

    def _copy(self, place: Place) -> Cells:
        cells = self._places.get(place)
        if cells is None or not self._needed().issuperset(cells):
            raise HistoryGoneError
        return cells

    def _needed(self) -> set[Cell]:
        needed = {cell for kept in self._responses.values() for cell in kept.history + kept.own}
        return needed.union(*(kept.cells for kept in self._conversations.values()))

    def _is_alive(self, kept: KeptResponse, owner: str, now: float) -> bool:
        record = kept.record
        return record.owner == owner and (record.status in UNFINISHED or record.expires_at > now)

    def _is_unfinished(self, chain: str) -> bool:
        """Whether output is still to come behind the end of a chain."""
        return any(
            kept.record.place.chain == chain and kept.record.status in UNFINISHED for kept in self._responses.values()
        )

    def _joined(self, conversation_id: str | None, owner: str) -> KeptConversation | None:
        kept = None if conversation_id is None else self._conversations.get(conversation_id)
        return kept if kept is not None and kept.value.owner == owner else None

    def _cell(self, conversation_id: str, owner: str, item_id: str) -> Cell | None:
        kept = self._joined(conversation_id, owner)
        cells = [] if kept is None else [cell for cell in kept.cells if cell.item.id == item_id]
        return cells[-1] if cells else None

    def _held(self, response_id: str, replica: str) -> KeptRun | None:
        kept = self._runs.get(response_id)
        return kept if kept is not None and kept.run.replica == replica else None

    def _ended(self) -> list[KeptResponse]:
        return [kept for kept in self._responses.values() if kept.record.status not in UNFINISHED]

    def _forget(self, responses: Sequence[KeptResponse]) -> int:
        for kept in responses:
            del self._responses[kept.record.id]
        return len(responses)


def _cells(items: Iterable[StoredItem], *, by_conversation: bool = False) -> Cells:
    return tuple(Cell(item, by_conversation) for item in items)
