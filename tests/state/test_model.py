"""Random lives of a store, step by step beside the plain model of the rules."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from proxy.state.records import Conversation, EventBatch, Order, Place, Status
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    FOREVER,
    NOW,
    OTHER_OWNER,
    OWNER,
    Backend,
    Kind,
    answer,
    backend_of,
    beginning,
    ending,
    found,
    items,
    mark,
    marks,
    run_of,
    server_of,
)
from tests.state.model import ModelStore

ResultT = TypeVar("ResultT")

FULL: Final = os.environ.get("DRAGOMAN_SCALE") == "full"

STEPS: Final = 100 if FULL else 50

EXAMPLES: Final[dict[Kind, int]] = {"memory": 30, "sqlite": 20, "redis": 15, "postgres": 8}
"""How many lives a store has to live; ten times as many at full scale."""

ROOM: Final = 12
"""How many responses live at most, so that checking them all after each step stays quick."""

CHOICE = st.integers(0, 1_000)
OWNERS = st.sampled_from([OWNER, OWNER, OWNER, OTHER_OWNER])
REPLICAS = st.sampled_from(["one", "two", "three"])
COUNTS = st.sampled_from([1, 1, 2, 0, 3])
ORDERS: st.SearchStrategy[Order] = st.sampled_from(["asc", "desc"])
LIFETIMES = st.sampled_from([10**8, 10**8, 200])


@dataclass(frozen=True)
class Point:
    """A place as the store names it and as the model does. Their positions need not be the same."""

    real: Place
    model: Place
    owner: str


class Lives(RuleBasedStateMachine):
    """One life: what is done to the store is done to the model, and they have to tell the same."""

    def __init__(self, backend: Callable[[], AbstractAsyncContextManager[Backend]]) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.context = backend()
        self.backend = self.wait(self.context.__aenter__())
        self.store = self.backend.replica()
        self.wait(self.store.open())
        self.model = ModelStore()
        self.now = NOW
        self.steps = 0
        self.count = 0
        self.begun = 0
        self.points: list[Point] = []
        self.histories: dict[Place, list[str]] = {}
        self.conversations: dict[str, str] = {}
        self.sequence: dict[str, int] = {}
        self.item_ids: list[str] = []

    def wait(self, call: Coroutine[object, object, ResultT]) -> ResultT:
        return self.runner.run(call)

    # --- choosing -----------------------------------------------------------------------------------------------------

    def named(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def item_names(self, owner: str, count: int) -> list[str]:
        names = [self.named("item") for _ in range(count)]
        self.item_ids += names
        return names

    def point(self, owner: str, choice: int) -> Point | None:
        """Mostly a place that lives, sometimes one that was, sometimes none."""
        living = [
            Point(self.wait(found(self.store, record.id, owner, self.now)).place, record.place, owner)
            for record in self.model.living(self.now)
            if record.owner == owner
        ]
        earlier = [point for point in self.points if point.owner == owner]
        candidates: list[Point | None] = [None, *living, *living, *self.ends(owner), *earlier[-6:]]
        return candidates[choice % len(candidates)]

    def ends(self, owner: str) -> list[Point]:
        ends = []
        for conversation_id, its_owner in self.conversations.items():
            if its_owner == owner:
                model = self.wait(self.model.conversation(conversation_id, owner))
                real = self.wait(self.store.conversation(conversation_id, owner))
                if model is not None and real is not None:
                    ends.append(Point(real.end, model.end, owner))
        return ends

    def conversation(self, choice: int) -> str | None:
        """One that lives or lived, of either owner, or none."""
        known = list(self.conversations)[-4:]
        return [None, *known][choice % (len(known) + 1)]

    def response(self, choice: int) -> str:
        """One that is kept, or one that never was."""
        known = [*self.model.known(), "nothing"]
        return known[choice % len(known)]

    def remember(self, point: Point | None) -> None:
        if point is not None:
            self.points.append(point)

    def write(self, point: Point | None, act: Callable[[Store, Place | None], Coroutine[object, object, None]]) -> bool:
        """Do what continues a point to both. Whether it was done: a place nobody stands at may be gone already."""
        self.remember(point)
        try:
            self.wait(act(self.store, None if point is None else point.real))
        except HistoryGoneError:
            assert point is not None
            assert not self.model.is_certain(point.model), f"{point.real} is still needed"
            return False
        # Where the model has no history any more, the store cannot have one.
        self.wait(act(self.model, None if point is None else point.model))
        return True

    # --- responses ----------------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.known()) < ROOM)
    @rule(owner=OWNERS, place=CHOICE, taken=CHOICE, given=COUNTS, made=COUNTS, lifetime=LIFETIMES)
    def save(self, owner: str, place: int, taken: int, given: int, made: int, lifetime: int) -> None:
        self.begun += 1
        new = answer(
            self.named("resp"),
            owner=owner,
            input=items(*self.item_names(owner, given)),
            output=items(*self.item_names(owner, made)),
            created_at=self.begun,
            expires_at=self.now + lifetime,
            conversation=self.conversation(taken),
        )
        self.write(self.point(owner, place), lambda store, after: store.save(replace(new, after=after)))

    @precondition(lambda self: len(self.model.known()) < ROOM and self.model.living(self.now))
    @rule(choice=CHOICE)
    def save_next(self, choice: int) -> None:
        """The usual turn: it continues a response, at its end or elsewhere."""
        living = self.model.living(self.now)
        record = living[choice % len(living)]
        real = self.wait(found(self.store, record.id, record.owner, self.now))
        self.begun += 1
        new = answer(
            self.named("resp"),
            owner=record.owner,
            input=items(*self.item_names(record.owner, 1)),
            output=items(*self.item_names(record.owner, 1)),
            created_at=self.begun,
        )
        point = Point(real.place, record.place, record.owner)
        assert self.write(point, lambda store, after: store.save(replace(new, after=after)))

    @precondition(lambda self: len(self.model.known()) < ROOM and self.conversations)
    @rule(taken=CHOICE, given=COUNTS, made=COUNTS)
    def save_turn(self, taken: int, given: int, made: int) -> None:
        """The usual turn of a conversation."""
        living = [point for owner in (OWNER, OTHER_OWNER) for point in self.ends(owner)]
        if not living:
            return
        self.begun += 1
        point = living[taken % len(living)]
        new = answer(
            self.named("resp"),
            owner=point.owner,
            input=items(*self.item_names(point.owner, given)),
            output=items(*self.item_names(point.owner, made)),
            created_at=self.begun,
            conversation=point.real.chain,
        )
        assert self.write(point, lambda store, after: store.save(replace(new, after=after)))

    @rule(choice=CHOICE, owner=OWNERS)
    def delete(self, choice: int, owner: str) -> None:
        response_id = self.response(choice)
        record = self.wait(self.model.response(response_id, owner, self.now))
        if record is not None:
            real = self.wait(self.store.response(response_id, owner, self.now))
            assert real is not None
            self.remember(Point(real.place, record.place, owner))
        self.same(lambda store: store.delete_response(response_id, owner, self.now))

    @rule(seconds=st.sampled_from([1, 20, 100]))
    def pass_time(self, seconds: int) -> None:
        self.now += seconds

    @rule()
    def sweep(self) -> None:
        self.same(lambda store: store.sweep(self.now, 1_000))

    @rule(limit=st.integers(0, 2))
    def trim(self, limit: int) -> None:
        self.same(lambda store: store.trim(0, limit))

    @precondition(lambda self: self.points)
    @rule(choice=CHOICE)
    def read_from_an_earlier_place(self, choice: int) -> None:
        point = self.points[choice % len(self.points)]
        try:
            read = self.wait(self.store.history(point.real))
        except HistoryGoneError:
            assert not self.model.is_certain(point.model), f"{point.real} is still needed"
        else:
            assert read == self.wait(self.model.history(point.model))

    @rule(start=CHOICE, owner=OWNERS)
    def find_items(self, start: int, owner: str) -> None:
        wanted = self.item_ids[start % (len(self.item_ids) + 1) :][:30]
        surely, perhaps = self.model.findable(owner, self.now)
        results = self.wait(self.store.find_items(wanted, owner, self.now))
        assert surely.intersection(wanted) <= set(results) <= perhaps.intersection(wanted)
        assert list(results.items()) == [tuple(entry) for entry in items(*results)]

    # --- conversations ------------------------------------------------------------------------------------------------

    @rule(owner=OWNERS, count=COUNTS)
    def create_conversation(self, owner: str, count: int) -> None:
        conversation = Conversation(self.named("conv"), owner, int(self.now), {"number": str(self.count)})
        self.conversations[conversation.id] = owner
        brought = items(*self.item_names(owner, count))
        self.same(lambda store: store.create_conversation(conversation, brought))

    @precondition(lambda self: self.conversations)
    @rule(choice=CHOICE, owner=OWNERS, count=COUNTS)
    def add_items(self, choice: int, owner: str, count: int) -> None:
        conversation_id = self.conversation(choice) or "nothing"
        brought = items(*self.item_names(owner, count))
        self.keep_end(conversation_id)
        self.same(lambda store: store.add_items(conversation_id, owner, brought))

    @precondition(lambda self: self.conversations)
    @rule(choice=CHOICE, number=CHOICE, owner=OWNERS)
    def remove_item(self, choice: int, number: int, owner: str) -> None:
        conversation_id = self.conversation(choice) or "nothing"
        page = self.wait(self.model.conversation_items(conversation_id, owner, order="asc", after=None, limit=1_000))
        names = ["nothing"] if page is None or not page.items else [entry.id for entry in page.items]
        self.keep_end(conversation_id)
        self.same(lambda store: store.remove_item(conversation_id, owner, names[number % len(names)]))

    @precondition(lambda self: self.conversations)
    @rule(choice=CHOICE, owner=OWNERS)
    def delete_conversation(self, choice: int, owner: str) -> None:
        conversation_id = self.conversation(choice) or "nothing"
        self.keep_end(conversation_id)
        self.same(lambda store: store.delete_conversation(conversation_id, owner))

    @precondition(lambda self: self.conversations)
    @rule(choice=CHOICE, owner=OWNERS, value=st.text(max_size=5))
    def set_metadata(self, choice: int, owner: str, value: str) -> None:
        conversation_id = self.conversation(choice) or "nothing"
        real = self.wait(self.store.set_metadata(conversation_id, owner, {"value": value}))
        model = self.wait(self.model.set_metadata(conversation_id, owner, {"value": value}))
        assert (real is None) == (model is None)
        assert real is None or dict(real.metadata) == {"value": value}

    @precondition(lambda self: self.conversations)
    @rule(choice=CHOICE, number=CHOICE, owner=OWNERS, order=ORDERS, limit=st.integers(1, 4), behind=st.booleans())
    def list_items(self, choice: int, number: int, owner: str, order: Order, limit: int, behind: bool) -> None:
        conversation_id = self.conversation(choice) or "nothing"
        after = self.item_ids[number % len(self.item_ids)] if behind and self.item_ids else None

        async def read(store: Store) -> object:
            try:
                return await store.conversation_items(conversation_id, owner, order=order, after=after, limit=limit)
            except KeyError:
                return "unknown cursor"

        self.same(read)
        if after is not None:
            self.same(lambda store: store.conversation_item(conversation_id, owner, after))

    # --- background responses -----------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.model.known()) < ROOM)
    @rule(owner=OWNERS, place=CHOICE, taken=CHOICE, given=COUNTS, replica=REPLICAS)
    def start_run(self, owner: str, place: int, taken: int, given: int, replica: str) -> None:
        self.begun += 1
        new = beginning(
            self.named("resp"),
            owner=owner,
            input=items(*self.item_names(owner, given)),
            created_at=self.begun,
            expires_at=self.now + 50,
            conversation=self.conversation(taken),
        )
        run, until = run_of(new.id, replica, owner), self.now + 30
        self.write(
            self.point(owner, place), lambda store, after: store.start_run(replace(new, after=after), run, until)
        )

    @rule(choice=CHOICE)
    def set_in_progress(self, choice: int) -> None:
        response_id = self.response(choice)
        self.same(lambda store: store.set_in_progress(response_id))

    @rule(choice=CHOICE, replica=REPLICAS, length=st.integers(1, 3))
    def append_events(self, choice: int, replica: str, length: int) -> None:
        response_id = self.response(choice)
        first = self.sequence.get(response_id, 0)
        batch = EventBatch(first, first + length - 1, mark(f"events {response_id} {first}"))
        self.same(lambda store: store.append_events(response_id, replica, batch))
        self.sequence[response_id] = first + length

    @rule(
        choice=CHOICE,
        replica=REPLICAS,
        taken=CHOICE,
        made=COUNTS,
        status=st.sampled_from(["completed", "incomplete", "failed", "cancelled"]),
        keep=st.booleans(),
    )
    def finish_run(self, choice: int, replica: str, taken: int, made: int, status: Status, keep: bool) -> None:
        response_id = self.response(choice)
        result = ending(
            response_id,
            status=status,
            output=items(*self.item_names(OWNER, made)),
            expires_at=self.now + 300,
            conversation=self.conversation(taken),
            keep_events=keep,
        )
        self.same(lambda store: store.finish_run(response_id, replica, result))

    @rule(replica=REPLICAS)
    def renew_runs(self, replica: str) -> None:
        self.same(lambda store: store.renew_runs(replica, self.now + 30))

    @rule(replica=REPLICAS)
    def release_runs(self, replica: str) -> None:
        self.same(lambda store: store.release_runs(replica))

    @rule(replica=REPLICAS)
    def take_over_runs(self, replica: str) -> None:
        # Between two seconds, so that no lease ends in this very moment.
        now = self.now + 0.5
        real = self.wait(self.store.take_over_runs(replica, now, now + 29.5))
        model = self.wait(self.model.take_over_runs(replica, now, now + 29.5))
        assert sorted(real, key=lambda run: run.id) == sorted(model, key=lambda run: run.id)

    @rule(choice=CHOICE, owner=OWNERS)
    def request_cancel(self, choice: int, owner: str) -> None:
        response_id = self.response(choice)
        self.same(lambda store: store.request_cancel(response_id, owner))

    # --- what has to hold ---------------------------------------------------------------------------------------------

    @invariant()
    def all_responses_are_the_models(self) -> None:
        self.steps += 1
        self.wait(self._compare_responses())

    @invariant()
    def all_conversations_are_the_models(self) -> None:
        self.wait(self._compare_conversations())

    @invariant()
    def nothing_else_is_kept(self) -> None:
        held = self.wait(self.backend.content())
        assert held is None or marks(held) == marks(self.model.content())

    def teardown(self) -> None:
        try:
            self.wait(self._delete_everything())
            held = self.wait(self.backend.content())
            assert held is None or not marks(held)
        finally:
            self.wait(self.store.close())
            self.wait(self.context.__aexit__(None, None, None))
            self.runner.close()

    async def _compare_responses(self) -> None:
        living = {record.id: record for record in self.model.living(self.now)}
        for response_id in self.model.known():
            if response_id not in living:
                for owner in (OWNER, OTHER_OWNER):
                    assert await self.store.response(response_id, owner, self.now) is None
        for record in living.values():
            real = await self.store.response(record.id, record.owner, self.now)
            assert real is not None, record.id
            assert (real.status, real.body, real.journal) == (record.status, record.body, record.journal)
            assert (real.created_at, real.expires_at) == (record.created_at, record.expires_at)
            assert real.background == record.background
            assert await self.store.output(real) == await self.model.output(record)
            if record.background:
                assert await self.store.events(record.id, 0) == await self.model.events(record.id, 0)
            await self._compare_histories(real.place, record.place)
            if self.steps % 4 == 0:
                for one, another in ((real.input_end, record.input_end), (real.start, record.start)):
                    await self._compare_histories(Place(real.place.chain, one), Place(record.place.chain, another))

    async def _compare_conversations(self) -> None:
        for conversation_id, owner in self.conversations.items():
            real = await self.store.conversation(conversation_id, owner)
            model = await self.model.conversation(conversation_id, owner)
            assert (real is None) == (model is None)
            if real is None or model is None:
                continue
            assert dict(real.metadata) == dict(model.metadata)
            assert await self.store.conversation_items(
                conversation_id, owner, order="asc", after=None, limit=1_000
            ) == await self.model.conversation_items(conversation_id, owner, order="asc", after=None, limit=1_000)
            await self._compare_histories(real.end, model.end)

    async def _compare_histories(self, real: Place, model: Place) -> None:
        read = await self.store.history(real)
        assert read == await self.model.history(model)
        ids = [entry.id for entry in read]
        assert self.histories.setdefault(real, ids) == ids, f"{real} was given twice"

    async def _delete_everything(self) -> None:
        await self.store.release_runs("one")
        for replica in ("two", "three"):
            await self.store.release_runs(replica)
        for run in await self.store.take_over_runs("last", self.now, self.now + 30):
            assert await self.store.finish_run(run.id, "last", ending(run.id))
        for conversation_id, owner in self.conversations.items():
            await self.store.delete_conversation(conversation_id, owner)
        # The newest first, the oldest last, and those that expired by a sweep.
        for response_id in reversed(self.model.known()):
            for owner in (OWNER, OTHER_OWNER):
                await self.store.delete_response(response_id, owner, self.now)
        await self.store.sweep(FOREVER * 2, 1_000)

    def keep_end(self, conversation_id: str) -> None:
        """Remember where a conversation ends, as a response does that is being made while it goes on."""
        for point in self.ends(self.conversations.get(conversation_id, OWNER)):
            if point.real.chain == conversation_id:
                self.remember(point)

    def same(self, act: Callable[[Store], Coroutine[object, object, object]]) -> None:
        """Both say the same."""
        real = self.wait(act(self.store))
        assert real == self.wait(act(self.model))


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_store_lives_as_the_model_does(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    fixture = server_of(kind)
    server: str = "" if fixture is None else request.getfixturevalue(fixture)
    run_state_machine_as_test(
        lambda: Lives(lambda: backend_of(kind, server, tmp_path)),  # type: ignore[arg-type] # it only calls it
        settings=settings(
            max_examples=EXAMPLES[kind] * (10 if FULL else 1),
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
