"""Which traces are passed on."""

import pytest

from proxy.upstream.trace import MAX_TRACESTATE, NO_TRACE, trace_of

ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{ID}-b7ad6b7169203331-01"


def test_a_request_without_the_header_belongs_to_no_trace() -> None:
    assert trace_of({}) is NO_TRACE


def test_both_headers_are_carried_as_they_came() -> None:
    trace = trace_of({"traceparent": PARENT, "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"})
    assert trace.id == ID
    assert trace.headers == {"traceparent": PARENT, "tracestate": "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"}


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "00",
        PARENT.upper(),
        PARENT + "-more",
        f"ff-{ID}-b7ad6b7169203331-01",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{ID}-{'0' * 16}-01",
        PARENT + "\r\nx-injected: 1",
        "x" * 10_000,
    ],
)
def test_a_header_that_is_not_well_formed_is_none(parent: str) -> None:
    assert trace_of({"traceparent": parent, "tracestate": "a=b"}) is NO_TRACE


def test_a_later_version_may_say_more() -> None:
    assert trace_of({"traceparent": f"01-{ID}-b7ad6b7169203331-01-what-comes"}).id == ID


@pytest.mark.parametrize("state", ["", "a=b\r\nx: y", "ä=b", "a" * (MAX_TRACESTATE + 1)])
def test_a_state_that_cannot_be_carried_is_left_out(state: str) -> None:
    assert dict(trace_of({"traceparent": PARENT, "tracestate": state}).headers) == {"traceparent": PARENT}
