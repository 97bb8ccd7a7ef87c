"""The order in which targets are tried."""

from collections import Counter
from typing import Any, cast

import pytest

from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.route import Candidate, able, in_order, sticky_key
from proxy.provider.capabilities import Capabilities
from proxy.responses.request import CreateRequest, parse_create
from proxy.state.records import Place


class Known:
    """An endpoint of which only the name and the capabilities matter."""

    def __init__(self, name: str, **changes: Any) -> None:
        self.name = name
        self._capabilities = Capabilities(**changes)

    def capabilities(self, model: str) -> Capabilities:
        return self._capabilities


def target(name: str, **changes: Any) -> Target:
    return Target(cast(Endpoint, Known(name, **changes)), "m")


def request(**members: Any) -> CreateRequest:
    return parse_create({"model": "x", "input": "hi", **members})


A, B, C = target("a"), target("b"), target("c")


def test_without_weights_the_order_is_that_of_preference() -> None:
    assert in_order([Candidate(A), Candidate(B), Candidate(C)], "key") == [A, B, C]


def test_weights_share_the_requests_out() -> None:
    candidates = [Candidate(A, 3), Candidate(B, 1), Candidate(C, 0)]
    orders = [in_order(candidates, f"key-{number}") for number in range(4000)]
    first = Counter(order[0].endpoint.name for order in orders)
    assert 2850 < first["a"] < 3150
    assert first["a"] + first["b"] == 4000
    assert all(order[2] is C for order in orders)


def test_equal_keys_find_the_same_target_also_when_others_go() -> None:
    candidates = [Candidate(A, 1), Candidate(B, 1), Candidate(C, 1)]
    for number in range(200):
        first = in_order(candidates, f"key-{number}")[0]
        assert in_order(candidates, f"key-{number}")[0] is first
        left = [candidate for candidate in candidates if candidate.target is first or candidate.target is A]
        assert in_order(left, f"key-{number}")[0] is first


def test_without_a_key_it_is_drawn_each_time() -> None:
    candidates = [Candidate(A, 1), Candidate(B, 1)]
    assert {in_order(candidates, None)[0].endpoint.name for _ in range(200)} == {"a", "b"}


def test_what_belongs_together_has_one_key() -> None:
    assert sticky_key(request(prompt_cache_key="cart-7"), Place("conv_1", 3), "resp_9") == "cart-7"
    assert sticky_key(request(), Place("resp_1", 3), "resp_9") == "resp_1"
    assert sticky_key(request(), None, "resp_1") == "resp_1"


IMAGE = [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]}]
SEEN = [
    {"type": "function_call", "call_id": "c", "name": "look", "arguments": "{}"},
    {
        "type": "function_call_output",
        "call_id": "c",
        "output": [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}],
    },
]
TOOL = [{"type": "function", "name": "look", "parameters": {"type": "object"}}]


@pytest.mark.parametrize(
    ("members", "lack"),
    [
        ({"input": IMAGE}, {"images": False}),
        ({"input": SEEN}, {"images": False}),
        ({"tools": TOOL}, {"tools": False}),
        ({"input": "word " * 2000}, {"context_window": 1000}),
    ],
    ids=["image", "image-of-a-tool", "tool", "window"],
)
def test_a_target_that_cannot_serve_a_request_is_not_tried(members: dict[str, Any], lack: dict[str, Any]) -> None:
    poor, rich = target("poor", **lack), target("rich", images=True, context_window=100_000)
    assert able([poor, rich], request(**members)) == [rich]
    assert able([poor, rich], request()) == [poor, rich]
    assert able([poor], request(**members)) == [poor]
    assert able([poor, poor], request(**members)) == [poor, poor]


def test_a_history_that_may_be_shortened_fits_everywhere() -> None:
    small, large = target("small", context_window=1000), target("large", context_window=100_000)
    assert able([small, large], request(input="word " * 2000, truncation="auto")) == [small, large]
