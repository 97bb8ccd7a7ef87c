"""Requests that real clients sent become what botocore and a strict Bedrock take, for every family."""

from typing import Any

import pytest

from proxy.provider.conversions import RefusedError
from proxy.responses.errors import ResponsesError
from proxy.testing.replay import translate
from tests.corpus.recordings import CLIENTS, CORPUS, requests
from tests.corpus.targets import FULL
from tests.providers.bedrock.requests import MODELS, PROVIDER, complaints, rejected

OF_THE_MODEL = ("tools", "tool_choice", "input", "text.format")
"""Parameters that a model may refuse: what it has not, and what it is not given."""


def sent(body: dict[str, Any], model: str) -> tuple[str | None, list[str]]:
    """What botocore and the vendor have against the request; for one that is rightly refused, nothing."""
    rest = {name: value for name, value in body.items() if name not in ("model", "stream")}
    try:
        call = translate(PROVIDER, model, rest, stream=body.get("stream") is True).call
    except RefusedError as refused:
        return (None, []) if (refused.param or "").startswith(OF_THE_MODEL) else (refused.message, [])
    except ResponsesError:
        # What no vendor would be sent.
        return None, []
    return rejected(call), [complaint.rule for complaint in complaints(call)]


@pytest.mark.parametrize("model", MODELS)
def test_a_full_request_is_taken(model: str) -> None:
    assert sent(dict(FULL), model) == (None, [])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.skipif(not requests(), reason=f"no recordings: {CORPUS} and {CLIENTS} not set")
def test_recorded_requests_are_taken(model: str) -> None:
    found = {request.id: sent(request.body, model) for request in requests()}
    assert {name: each for name, each in found.items() if each != (None, [])} == {}
