"""What a vendor or a client writes stays inside the JSON, the header and the path that it was written into."""

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from proxy.responses import sse
from proxy.responses.assembler import Assembler
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Text, Verbatim
from proxy.testing import Exchange
from proxy.testing.grammar.sse import parse
from proxy.testing.replay import play
from tests.fuzz.scale import tries
from tests.providers.responses.exchanges import provider, stream

ESCAPES = st.text("\r\n\x00\x85\u2028:{}a /", max_size=12)


@tries(150)
@given(name=ESCAPES, words=ESCAPES)
def test_the_name_of_a_vendors_event_ends_no_line(name: str, words: str) -> None:
    told: dict[str, Any] = {"type": f"response.{name}", "text": words}
    added = {"type": "response.output_text.delta", "delta": f"A{words}"}
    body = stream(added, told, {"type": "response.completed", "response": {"status": "completed", "output": []}})
    played = play(provider("openai"), Exchange("name", "m", body, stream=True))
    for each in parse(played.body):
        assert each.violations == ()
        assert each.is_done or each.event == orjson.loads(each.data or b"")["type"]


@tries(50)
@given(name=ESCAPES)
def test_no_provider_gives_an_event_a_name_that_ends_its_line(name: str) -> None:
    assembler = Assembler({"id": "resp_1"})
    assembler.begin()
    with suppress(ResponsesError):
        assembler.feed([Text("t", "A"), Verbatim(None, name, {})])
    for each in parse(sse.frame(assembler.take())):
        assert each.violations == ()


def test_the_names_of_events_are_not_kept_for_ever() -> None:
    for number in range(3000):
        sse.frame([(f"response.event_{number}", b"{}")])
    assert len(sse._HEADS) <= sse._MAX_HEADS
