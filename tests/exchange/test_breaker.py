"""Circuit breakers: when they open, whom they let through, when they close."""

import pytest

from proxy.exchange.breaker import MAX_BREAKERS, BreakerRules, Breakers, BreakerState, TargetName
from proxy.provider.errors import ErrorClass, ProviderError
from proxy.responses.errors import ResponsesError

NAME = ("lab", "qwen3")
RULES = BreakerRules(failures=3, pause=10.0)
BROKEN = ProviderError("vendor_failure", "It broke.")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen() -> list[tuple[TargetName, BreakerState]]:
    return []


@pytest.fixture
def breakers(clock: Clock, seen: list[tuple[TargetName, BreakerState]]) -> Breakers:
    return Breakers(lambda name, state: seen.append((name, state)), clock)


def fail(breakers: Breakers, times: int, error: ResponsesError = BROKEN) -> None:
    for _ in range(times):
        assert breakers.enter(NAME)
        breakers.leave(NAME, error, RULES)


def test_it_opens_after_so_many_failures_in_a_row(
    breakers: Breakers, seen: list[tuple[TargetName, BreakerState]]
) -> None:
    fail(breakers, 2)
    breakers.leave(NAME, None, RULES)
    fail(breakers, 2)
    assert seen == []
    fail(breakers, 1)
    assert not breakers.enter(NAME)
    assert breakers.pause(NAME) == 10.0
    assert breakers.states() == {NAME: "open"}
    assert seen == [(NAME, "open")]


@pytest.mark.parametrize(
    ("error_class", "counts"),
    [
        ("vendor_failure", True),
        ("overloaded", True),
        ("timeout", True),
        ("connect", True),
        ("cut", True),
        ("bad_credential", True),
        ("rate_limit", False),
        ("quota", False),
        ("bad_request", False),
        ("model_unknown", False),
    ],
)
def test_what_counts_against_a_target(breakers: Breakers, error_class: ErrorClass, counts: bool) -> None:
    fail(breakers, 3, ProviderError(error_class, "No."))
    assert breakers.enter(NAME) is not counts


def test_after_the_pause_one_is_let_through_and_its_success_closes(
    breakers: Breakers, clock: Clock, seen: list[tuple[TargetName, BreakerState]]
) -> None:
    fail(breakers, 3)
    clock.now += 10.0
    assert breakers.pause(NAME) == 0.0
    assert breakers.enter(NAME)
    assert not breakers.enter(NAME)
    assert breakers.states() == {NAME: "half_open"}
    breakers.leave(NAME, None, RULES)
    assert breakers.enter(NAME)
    assert breakers.states() == {}
    assert [state for _, state in seen] == ["open", "half_open", "closed"]


def test_each_failed_probe_doubles_the_pause_up_to_a_bound(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 3)
    pauses = []
    for _ in range(5):
        pauses.append(breakers.pause(NAME))
        clock.now += pauses[-1]
        fail(breakers, 1)
    assert pauses == [10.0, 20.0, 40.0, 80.0, 80.0]


def test_a_probe_that_nobody_waited_for_leaves_the_next_one_free(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 3)
    clock.now += 10.0
    assert breakers.enter(NAME)
    breakers.abandon(NAME)
    assert breakers.enter(NAME)


def test_calls_that_began_before_it_opened_prolong_nothing(breakers: Breakers, clock: Clock) -> None:
    for _ in range(6):
        assert breakers.enter(NAME)
    for _ in range(6):
        breakers.leave(NAME, BROKEN, RULES)
        clock.now += 1.0
    # The third of them opened it.
    assert breakers.pause(NAME) == pytest.approx(10.0 - 4.0)


def test_without_a_number_of_failures_it_never_opens(breakers: Breakers) -> None:
    for _ in range(100):
        breakers.leave(NAME, BROKEN, BreakerRules(failures=0))
    assert breakers.enter(NAME)


def test_invented_names_take_a_bounded_memory(breakers: Breakers) -> None:
    for number in range(MAX_BREAKERS + 50):
        for _ in range(3):
            breakers.leave(("lab", f"model-{number}"), BROKEN, RULES)
    assert len(breakers.states()) == MAX_BREAKERS


def test_a_new_configuration_knows_what_the_old_one_learned(breakers: Breakers, clock: Clock) -> None:
    fail(breakers, 3)
    breakers.leave(("gone", "x"), BROKEN, BreakerRules(failures=1))
    later = Breakers(clock=clock)
    later.keep(breakers, lambda name: name[0] == "lab")
    assert later.states() == {NAME: "open"}
