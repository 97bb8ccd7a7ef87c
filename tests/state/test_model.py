"""Random lives of a store, step by step beside the plain model of the rules."""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from proxy.state.records import Conversation, EventBatch, Order, Place, StoredItem, StoredResponse
from proxy.state.store import HistoryGoneError, Store
from tests.state.kit import (
    ENDED,
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

LENGTH: Final = 100 if FULL else 50
"""How many steps a life has."""

EXAMPLES: Final[dict[Kind, int]] = {"memory": 25, "sqlite": 12, "redis": 10, "postgres": 6}
"""How many lives a store has to live; ten times as many at full scale."""

WEIGHTS: Final = {
    "answer_anything": 5,
    "answer_next": 8,
    "answer_in_conversation": 5,
    "delete_response": 9,
    "pass_time": 1,
    "sweep": 1,
    "trim": 1,
    "read_from_an_earlier_place": 2,
    "find_items": 2,
    "create_conversation": 5,
    "add_items": 2,
    "remove_item": 5,
    "delete_conversation": 2,
    "set_metadata": 1,
    "list_items": 2,
    "set_in_progress": 1,
    "append_events": 2,
    "finish_run": 5,
    "renew_runs": 1,
    "release_runs": 1,
    "take_over_runs": 2,
    "request_cancel": 1,
}
"""What may happen, and how often."""

STEPS: Final = [step for step, weight in WEIGHTS.items() for _ in range(weight)]

OWNERS = st.sampled_from([OWNER, OWNER, OWNER, OTHER_OWNER])
REPLICAS = st.sampled_from(["one", "two", "three"])
COUNTS = st.sampled_from([1, 1, 2, 0, 3])
SELDOM = st.integers(0, 7).map(lambda number: number == 7)
ORDERS: st.SearchStrategy[Order] = st.sampled_from(["asc", "desc"])
LIFETIMES = st.sampled_from([10**8, 10**8, 10**8, 200])


class Draw(Protocol):
    """Draws a value from a strategy."""

    def __call__(self, strategy: st.SearchStrategy[ResultT]) -> ResultT: ...


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

    def new_items(self, draw: Draw) -> list[StoredItem]:
        names = [self.named("item") for _ in range(draw(COUNTS))]
        self.item_ids += names
        return items(*names)

    def somebody(self, draw: Draw, owner: str) -> str:
        """Mostly the owner, sometimes somebody else."""
        return {OWNER: OTHER_OWNER, OTHER_OWNER: OWNER}[owner] if draw(SELDOM) else owner

    def point_of(self, record: StoredResponse) -> Point:
        real = self.wait(found(self.store, record.id, record.owner, self.now))
        return Point(real.place, record.place, record.owner)

    def point(self, draw: Draw, owner: str) -> Point | None:
        """A place that lives or that was, or none."""
        living = [record for record in self.model.living(self.now) if record.owner == owner]
        earlier = [point for point in self.points if point.owner == owner]
        candidates: list[Callable[[], Point | None]] = [lambda: None]
        candidates += [lambda record=record: self.point_of(record) for record in living]  # type: ignore[misc] # bound now
        candidates += [lambda point=point: point for point in (*self.ends(owner), *earlier[-8:])]  # type: ignore[misc]
        return draw(st.sampled_from(candidates))()

    def ends(self, owner: str) -> list[Point]:
        """The ends of the conversations that live."""
        ends = []
        for conversation_id, its_owner in self.conversations.items():
            if its_owner == owner:
                model = self.wait(self.model.conversation(conversation_id, owner))
                real = self.wait(self.store.conversation(conversation_id, owner))
                if model is not None and real is not None:
                    ends.append(Point(real.end, model.end, owner))
        return ends

    def conversation(self, draw: Draw) -> tuple[str, str]:
        """One that lives or lived, or never did, and who asks for it."""
        known = list(self.conversations)[-4:]
        conversation_id = "nothing" if not known or draw(SELDOM) else draw(st.sampled_from(known))
        return conversation_id, self.somebody(draw, self.conversations.get(conversation_id, OWNER))

    def response(self, draw: Draw) -> tuple[str, str]:
        """One that is kept, or one that never was, and who asks for it."""
        owners = {record.id: record.owner for record in self.model.kept()}
        response_id = "nothing" if not owners or draw(SELDOM) else draw(st.sampled_from(list(owners)))
        return response_id, self.somebody(draw, owners.get(response_id, OWNER))

    def run(self, draw: Draw) -> tuple[str, str]:
        """A response, mostly an unfinished one, and a replica, mostly the one that works at it."""
        runs = self.model.runs()
        if not runs or draw(SELDOM):
            return self.response(draw)[0], draw(REPLICAS)
        run = draw(st.sampled_from(runs))
        return run.id, draw(REPLICAS) if draw(SELDOM) else run.replica

    def remember(self, point: Point | None) -> None:
        if point is not None:
            self.points.append(point)

    def remember_end(self, conversation_id: str) -> None:
        """As a response does that is being made while the conversation goes on."""
        for point in self.ends(self.conversations.get(conversation_id, OWNER)):
            if point.real.chain == conversation_id:
                self.remember(point)

    # --- doing --------------------------------------------------------------------------------------------------------

    @rule(step=st.sampled_from(STEPS), data=st.data())
    def live(self, step: str, data: st.DataObject) -> None:
        act: Callable[[Draw], None] = getattr(self, step)
        act(data.draw)

    def same(self, act: Callable[[Store], Coroutine[object, object, object]]) -> None:
        """Both say the same."""
        real = self.wait(act(self.store))
        assert real == self.wait(act(self.model))

    def write(self, point: Point | None, act: Callable[[Store, Place | None], Coroutine[object, object, None]]) -> None:
        """Do what continues a point to both. A place nobody stands at may be gone already; where the model has no
        history any more, the store must not have one."""
        self.remember(point)
        try:
            self.wait(act(self.store, None if point is None else point.real))
        except HistoryGoneError:
            assert point is not None
            assert not self.model.is_certain(point.model), f"{point.real} is still needed"
        else:
            self.wait(act(self.model, None if point is None else point.model))

    def save_at(self, draw: Draw, point: Point | None, owner: str, conversation: str | None = None) -> None:
        self.begun += 1
        new = answer(
            self.named("resp"),
            owner=owner,
            input=self.new_items(draw),
            output=self.new_items(draw),
            created_at=self.begun,
            expires_at=self.now + draw(LIFETIMES),
            conversation=conversation,
        )
        self.write(point, lambda store, after: store.save(replace(new, after=after)))

    def begin_at(self, draw: Draw, point: Point | None, owner: str, conversation: str | None = None) -> None:
        self.begun += 1
        new = beginning(
            self.named("resp"),
            owner=owner,
            input=self.new_items(draw),
            created_at=self.begun,
            expires_at=self.now + 50,
            conversation=conversation,
        )
        run, until = run_of(new.id, draw(REPLICAS), owner), self.now + 30
        self.write(point, lambda store, after: store.start_run(replace(new, after=after), run, until))

    def answer_anything(self, draw: Draw) -> None:
        """Any place, any conversation."""
        owner, conversation = draw(OWNERS), draw(st.none()) if draw(SELDOM) else self.conversation(draw)[0]
        (self.begin_at if draw(SELDOM) else self.save_at)(draw, self.point(draw, owner), owner, conversation)

    def answer_next(self, draw: Draw) -> None:
        """The usual turn: it continues a response that lives."""
        living = self.model.living(self.now)
        record = None if not living or draw(SELDOM) else draw(st.sampled_from(living))
        owner = draw(OWNERS) if record is None else record.owner
        point = None if record is None else self.point_of(record)
        (self.begin_at if draw(SELDOM) else self.save_at)(draw, point, owner)

    def answer_in_conversation(self, draw: Draw) -> None:
        """The usual turn of a conversation."""
        ends = [point for owner in (OWNER, OTHER_OWNER) for point in self.ends(owner)]
        if ends:
            point = draw(st.sampled_from(ends))
            (self.begin_at if draw(SELDOM) else self.save_at)(draw, point, point.owner, point.real.chain)

    def delete_response(self, draw: Draw) -> None:
        response_id, owner = self.response(draw)
        record = self.wait(self.model.response(response_id, owner, self.now))
        if record is not None:
            self.remember(self.point_of(record))
        self.same(lambda store: store.delete_response(response_id, owner, self.now))

    def pass_time(self, draw: Draw) -> None:
        self.now += draw(st.sampled_from([1, 20, 100]))

    def sweep(self, draw: Draw) -> None:
        self.same(lambda store: store.sweep(self.now, 1_000))

    def trim(self, draw: Draw) -> None:
        limit = draw(st.integers(0, 2))
        self.same(lambda store: store.trim(0, limit))

    def read_from_an_earlier_place(self, draw: Draw) -> None:
        if not self.points:
            return
        point = draw(st.sampled_from(self.points))
        try:
            read = self.wait(self.store.history(point.real))
        except HistoryGoneError:
            assert not self.model.is_certain(point.model), f"{point.real} is still needed"
        else:
            assert read == self.wait(self.model.history(point.model))

    def find_items(self, draw: Draw) -> None:
        owner, wanted = draw(OWNERS), self.item_ids[-40:]
        surely, perhaps = self.model.findable(owner, self.now)
        results = self.wait(self.store.find_items(wanted, owner, self.now))
        assert surely.intersection(wanted) <= set(results) <= perhaps.intersection(wanted)
        assert list(results.items()) == [tuple(entry) for entry in items(*results)]

    def create_conversation(self, draw: Draw) -> None:
        conversation = Conversation(self.named("conv"), draw(OWNERS), int(self.now), {"number": str(self.count)})
        self.conversations[conversation.id] = conversation.owner
        brought = self.new_items(draw)
        self.same(lambda store: store.create_conversation(conversation, brought))

    def add_items(self, draw: Draw) -> None:
        conversation_id, owner = self.conversation(draw)
        brought = self.new_items(draw)
        self.remember_end(conversation_id)
        self.same(lambda store: store.add_items(conversation_id, owner, brought))

    def remove_item(self, draw: Draw) -> None:
        conversation_id, owner = self.conversation(draw)
        page = self.wait(self.model.conversation_items(conversation_id, owner, order="asc", after=None, limit=1_000))
        names = [] if page is None else [entry.id for entry in page.items]
        name = "nothing" if not names or draw(SELDOM) else draw(st.sampled_from(names))
        self.remember_end(conversation_id)
        self.same(lambda store: store.remove_item(conversation_id, owner, name))

    def delete_conversation(self, draw: Draw) -> None:
        conversation_id, owner = self.conversation(draw)
        self.remember_end(conversation_id)
        self.same(lambda store: store.delete_conversation(conversation_id, owner))

    def set_metadata(self, draw: Draw) -> None:
        (conversation_id, owner), value = self.conversation(draw), draw(st.text(max_size=5))
        real = self.wait(self.store.set_metadata(conversation_id, owner, {"value": value}))
        model = self.wait(self.model.set_metadata(conversation_id, owner, {"value": value}))
        assert (real is None) == (model is None)
        assert real is None or dict(real.metadata) == {"value": value}

    def list_items(self, draw: Draw) -> None:
        conversation_id, owner = self.conversation(draw)
        order, limit = draw(ORDERS), draw(st.integers(1, 4))
        after = draw(st.sampled_from([None, *self.item_ids[-12:]]))

        async def read(store: Store) -> object:
            try:
                return await store.conversation_items(conversation_id, owner, order=order, after=after, limit=limit)
            except KeyError:
                return "unknown cursor"

        self.same(read)
        if after is not None:
            self.same(lambda store: store.conversation_item(conversation_id, owner, after))

    def set_in_progress(self, draw: Draw) -> None:
        response_id, _ = self.run(draw)
        self.same(lambda store: store.set_in_progress(response_id))

    def append_events(self, draw: Draw) -> None:
        response_id, replica = self.run(draw)
        first = self.sequence.get(response_id, 0)
        last = first + draw(st.integers(0, 2))
        batch = EventBatch(first, last, mark(f"events {response_id} {first}"))
        self.same(lambda store: store.append_events(response_id, replica, batch))
        self.sequence[response_id] = last + 1

    def finish_run(self, draw: Draw) -> None:
        response_id, replica = self.run(draw)
        result = ending(
            response_id,
            status=draw(st.sampled_from(ENDED)),
            output=self.new_items(draw),
            expires_at=self.now + draw(LIFETIMES),
            conversation=draw(st.none()) if draw(SELDOM) else self.conversation(draw)[0],
            keep_events=draw(st.booleans()),
        )
        self.same(lambda store: store.finish_run(response_id, replica, result))

    def renew_runs(self, draw: Draw) -> None:
        replica = draw(REPLICAS)
        self.same(lambda store: store.renew_runs(replica, self.now + 30))

    def release_runs(self, draw: Draw) -> None:
        replica = draw(REPLICAS)
        self.same(lambda store: store.release_runs(replica))

    def take_over_runs(self, draw: Draw) -> None:
        replica = draw(REPLICAS)
        # Between two seconds, so that no lease ends in this very moment.
        now = self.now + 0.5
        real = self.wait(self.store.take_over_runs(replica, now, now + 29.5))
        model = self.wait(self.model.take_over_runs(replica, now, now + 29.5))
        assert sorted(real, key=lambda run: run.id) == sorted(model, key=lambda run: run.id)

    def request_cancel(self, draw: Draw) -> None:
        response_id, owner = self.response(draw)
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
        for record in self.model.kept():
            if record.id not in living:
                assert await self.store.response(record.id, record.owner, self.now) is None
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
        for record in reversed(self.model.kept()):
            await self.store.delete_response(record.id, record.owner, self.now)
        await self.store.sweep(FOREVER * 2, 1_000)


@pytest.mark.parametrize("kind", EXAMPLES)
def test_a_store_lives_as_the_model_does(kind: Kind, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    fixture = server_of(kind)
    server: str = "" if fixture is None else request.getfixturevalue(fixture)
    run_state_machine_as_test(
        lambda: Lives(lambda: backend_of(kind, server, tmp_path)),  # type: ignore[arg-type] # it only calls it
        settings=settings(
            max_examples=EXAMPLES[kind] * (10 if FULL else 1),
            stateful_step_count=LENGTH,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
