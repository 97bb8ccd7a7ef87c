"""A strict vendor for each target, and a gateway in front of it."""

from collections.abc import Iterator

import pytest

from tests.loops.targets import TARGETS, StrictVendor, Target
from tests.vendors.gateway import Gateway, Gateways
from tests.vendors.server import Vendor


@pytest.fixture(params=TARGETS, ids=lambda target: target.id)
def target(request: pytest.FixtureRequest) -> Target:
    """A model behind a strict vendor."""
    found = request.param
    assert isinstance(found, Target)
    return found


@pytest.fixture
def strict(target: Target, vendor: Vendor) -> Iterator[StrictVendor]:
    """The strict vendor, which must have nothing to complain of in the end."""
    strict = target.strict()
    vendor.responder = strict
    yield strict
    assert strict.complaints == []
    assert all(b"dg1." not in recorded.body for recorded in strict.requests)


@pytest.fixture
async def gateway(gateways: Gateways, target: Target) -> Gateway:
    """A gateway that reaches the target."""
    return await gateways.start(**target.changes)


@pytest.fixture(params=[False, True], ids=["whole", "stream"])
def stream(request: pytest.FixtureRequest) -> bool:
    """Whether the client streams."""
    return bool(request.param)
