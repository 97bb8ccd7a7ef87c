"""Server-sent events on their way out."""

import orjson
from hypothesis import given
from hypothesis import strategies as st

from proxy.responses import sse
from proxy.testing.grammar.sse import decode, parse

NAMES = st.sampled_from(["response.created", "response.output_text.delta", "response.completed"])


def test_an_event_is_an_event_line_and_a_data_line() -> None:
    assert sse.frame([("response.created", b'{"a":1}')]) == b'event: response.created\ndata: {"a":1}\n\n'


def test_no_events_are_no_bytes() -> None:
    assert sse.frame([]) == b""


@given(st.lists(st.tuples(NAMES, st.text())))
def test_events_are_joined_in_order_each_whole(events: list[tuple[str, str]]) -> None:
    framed = [(name, orjson.dumps({"type": name, "text": text})) for name, text in events]
    body = sse.frame(framed)
    assert body == b"".join(sse.frame([event]) for event in framed)
    frames = parse(body)
    assert [frame.violations for frame in frames] == [()] * len(events)
    assert [(frame.event, (decode(frame) or {}).get("text")) for frame in frames] == events


def test_the_end_and_the_heartbeat_are_whole_frames() -> None:
    beat, done = parse(sse.HEARTBEAT + sse.DONE)
    assert (beat.comments, beat.data, beat.violations) == (("ping",), None, ())
    assert done.is_done
    assert done.violations == ()


def test_no_proxy_keeps_or_changes_the_stream() -> None:
    assert sse.HEADERS == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-cache",
        "x-accel-buffering": "no",
    }
