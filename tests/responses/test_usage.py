"""Token counts: reports replace each other within a call, add up over calls, and never contradict themselves."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.responses.events import Usage
from proxy.responses.usage import NO_TOKENS, TokenCount, UsageTally

NUMBERS = st.none() | st.integers(-3, 10**9)
REPORTS = st.builds(Usage, *([NUMBERS] * 6))


def tally(*calls: list[Usage]) -> UsageTally:
    made = UsageTally()
    for number, reports in enumerate(calls):
        if number:
            made.next_call()
        for report in reports:
            made.replace(report)
    return made


def test_nothing_reported_is_nothing_counted() -> None:
    made = UsageTally()
    assert (made.total(), made.reported) == (NO_TOKENS, False)


def test_a_later_report_of_a_call_replaces_the_earlier_one() -> None:
    made = tally([Usage(input_tokens=10, output_tokens=1), Usage(input_tokens=12, output_tokens=7)])
    assert made.total() == TokenCount(12, 0, 0, 0, 7, 0)


def test_what_a_later_report_leaves_out_stays() -> None:
    made = tally([Usage(input_tokens=10, cached_tokens=4, output_tokens=1), Usage(output_tokens=7, reasoning_tokens=2)])
    assert made.total() == TokenCount(10, 4, 0, 0, 7, 2)


def test_a_later_zero_is_a_number() -> None:
    assert tally([Usage(input_tokens=10, cached_tokens=4), Usage(cached_tokens=0)]).total().cached_tokens == 0


def test_calls_add_up() -> None:
    made = tally([Usage(10, 4, 2, 1, 7, 2)], [Usage(100, 40, 20, 10, 70, 20)])
    assert made.total() == TokenCount(110, 44, 22, 11, 77, 22)


def test_a_call_without_a_report_adds_nothing() -> None:
    made = tally([Usage(10, 4, 2, 1, 7, 2)], [], [])
    assert made.total() == TokenCount(10, 4, 2, 1, 7, 2)
    assert made.reported


def test_reported_needs_input_and_output() -> None:
    assert not tally([Usage(input_tokens=3)]).reported
    assert not tally([Usage(output_tokens=3)]).reported
    assert not tally([Usage(input_tokens=3)], [Usage(output_tokens=3)]).reported
    assert tally([Usage(input_tokens=3), Usage(output_tokens=0)]).reported


def test_total_is_computed() -> None:
    assert TokenCount(110, 44, 22, 11, 77, 22).total_tokens == 187
    assert TokenCount(110, 44, 22, 11, 77, 22).as_response() == {
        "input_tokens": 110,
        "input_tokens_details": {"cached_tokens": 44, "cache_write_tokens": 22},
        "output_tokens": 77,
        "output_tokens_details": {"reasoning_tokens": 22},
        "total_tokens": 187,
    }


def test_reported_vectors_of_vendors_hold() -> None:
    # OpenAI in 2026: 18011 tokens written to the cache, then read from it; both are part of the input.
    written = tally([Usage(input_tokens=18014, cached_tokens=0, cache_write_tokens=18011, output_tokens=5)]).total()
    read = tally([Usage(input_tokens=18014, cached_tokens=18011, cache_write_tokens=0, output_tokens=5)]).total()
    assert (written.input_tokens, written.cache_write_tokens) == (18014, 18011)
    assert (read.input_tokens, read.cached_tokens) == (18014, 18011)


@given(st.lists(st.lists(REPORTS, max_size=3), min_size=1, max_size=4))
def test_whatever_vendors_report_the_invariants_hold(calls: list[list[Usage]]) -> None:
    count = tally(*calls).total()
    assert count.cached_tokens + count.cache_write_tokens <= count.input_tokens
    assert count.cache_write_1h_tokens <= count.cache_write_tokens
    assert count.reasoning_tokens <= count.output_tokens
    assert count.total_tokens == count.input_tokens + count.output_tokens
    assert all(getattr(count, name) >= 0 for name in TokenCount._fields)


@given(st.lists(st.lists(REPORTS, max_size=3), min_size=1, max_size=4), st.lists(REPORTS, max_size=2))
def test_another_call_never_takes_away(calls: list[list[Usage]], more: list[Usage]) -> None:
    before, after = tally(*calls).total(), tally(*calls, more).total()
    assert all(getattr(before, name) <= getattr(after, name) for name in TokenCount._fields)


@given(st.lists(REPORTS, max_size=3))
def test_asking_changes_nothing(reports: list[Usage]) -> None:
    made = tally(reports)
    assert made.total() == made.total()
