"""What becomes of recorded requests of real clients has no complaint of the strict Messages API."""

import os
from typing import Final

import pytest

from tests.corpus.recordings import CLIENTS, CORPUS, requests, sampled
from tests.corpus.targets import Destination, Translated, translate
from tests.strict import messages
from tests.strict.complaint import Request
from tests.strict.messages_models import MODELS

MOST: Final = 80
"""How many of the recorded requests are looked at unless all are asked for."""

KEY: Final = "sk-right"


@pytest.mark.skipif(not os.environ.get(CORPUS), reason=f"no recordings: {CORPUS} and {CLIENTS} not set")
@pytest.mark.parametrize("model", [model for model in MODELS if model != "claude-sonnet-4"])
def test_a_recorded_request_becomes_one_that_the_vendor_takes(model: str) -> None:
    destination = Destination("anthropic", model)
    wrong: dict[str, set[str]] = {}
    looked_at = 0
    for recorded in sampled(requests(), MOST):
        translated = translate(recorded.body, destination)
        if not isinstance(translated, Translated):
            continue
        looked_at += 1
        headers = {name.lower(): value for name, value in translated.call.headers.items()} | {"x-api-key": KEY}
        found = messages.complaints(Request(translated.call.path, headers, translated.body), KEY)
        if found:
            wrong[recorded.id] = {f"{complaint.rule} {complaint.path}" for complaint in found}
    assert wrong == {}
    assert looked_at > MOST // 2
