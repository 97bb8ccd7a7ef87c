"""What real clients sent becomes what the vendor takes, at each place that serves its models."""

import os
from typing import Any, Final, cast

import orjson
import pytest

from providers.mistral import Mistral
from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.responses.errors import ResponsesError
from proxy.responses.request import parse_create
from proxy.upstream.client import HttpClient
from tests.corpus.recordings import CLIENTS, CORPUS, requests, sampled
from tests.providers.mistral.material import MISTRAL, SEALER, mistral
from tests.providers.mistral.oracle import unknown_to_the_sdk
from tests.strict.mistral import Place, complaints

MOST: Final = 80
"""How many of the recorded requests are looked at unless all are asked for."""

HOSTS: Final[dict[str, tuple[Mistral, str]]] = {
    "medium": (MISTRAL, "mistral-medium-latest"),
    "voxtral": (MISTRAL, "voxtral-small-latest"),
    "azure": (mistral(base_url="https://a.models.ai.azure.com/v1"), "mistral-large-2512"),
    "vertex": (mistral(project="p", location="europe-west4"), "mistral-medium-3@001"),
}


@pytest.mark.skipif(not os.environ.get(CORPUS), reason=f"no recordings: {CORPUS} and {CLIENTS} not set")
@pytest.mark.parametrize("name", HOSTS)
def test_a_recorded_request_becomes_one_that_the_vendor_takes(name: str) -> None:
    provider, model = HOSTS[name]
    place = cast(Place, provider.settings.host_name)
    wrong: dict[str, list[str]] = {}
    looked_at = 0
    for each in sampled(requests(), MOST):
        body = _translated(each.body, provider, model)
        if body is None:
            continue
        looked_at += 1
        found = [f"{complaint.rule} {complaint.path}" for complaint in complaints(body, place)]
        found += unknown_to_the_sdk(body, place)
        if found:
            wrong[each.id] = found
    assert wrong == {}
    assert looked_at > MOST // 3


def _translated(body: dict[str, Any], provider: Mistral, model: str) -> dict[str, Any] | None:
    """What is sent; None where the request is refused."""
    target = Target(Endpoint("vendor", provider, cast(HttpClient, None)), model)
    try:
        made, _ = prepare(parse_create(body), target, rules=Rules(), sealer=SEALER, client="c")
        sent: dict[str, Any] = orjson.loads(encode(made, target, Rules()).body)
    except ResponsesError:
        return None
    return sent
