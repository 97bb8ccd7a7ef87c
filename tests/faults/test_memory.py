"""What a request held is free when it is over, without the garbage collector, which comes by rarely."""

import gc

import pytest

from proxy.exchange.run import Run
from tests.vendors.gateway import Gateway
from tests.vendors.script import CUT, GARBAGE, HANG_UP, HTML, ErrorEvent, Script, Turn, failure
from tests.vendors.server import Vendor


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "scripts",
    [
        (Turn("Hello."),),
        (failure(400),),
        (failure(503), Turn("Second time lucky.")),
        (HANG_UP, HANG_UP),
        (HTML, HTML),
        (GARBAGE, GARBAGE),
        (Turn("One ", CUT), Turn("One ", CUT)),
        (Turn("One ", ErrorEvent("Overloaded")), Turn("One ", CUT)),
    ],
    ids=["success", "refused", "retried", "hung-up", "html", "garbage", "cut", "error-event"],
)
async def test_a_request_leaves_nothing_to_the_garbage_collector(
    gateway: Gateway, vendor: Vendor, model: str, scripts: tuple[Script, ...], stream: bool
) -> None:
    gc.collect()
    gc.disable()
    try:
        vendor.play(*scripts)
        await gateway.create(model=model, input="hi", stream=stream)
        # The next request has taken the place of the last one wherever a connection remembers it.
        await gateway.metric("dragoman_requests_in_flight")
        assert [each for each in gc.get_objects() if isinstance(each, Run)] == []
    finally:
        gc.enable()
