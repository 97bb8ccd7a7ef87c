"""Error answers, counters and lists of models: whatever stands in them, it is an error of the gateway's own kind, a
number or a list of names."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.provider.contract import HttpAnswer
from proxy.provider.errors import ProviderError
from proxy.responses.events import Failed, Finished
from proxy.testing.event_types import check_event
from proxy.testing.replay import finished, translate
from tests.fuzz.damage import HOSTILE, JUNK, damaged_bytes, damaged_json, written
from tests.fuzz.scale import tries
from tests.fuzz.sources import NAMES, sources
from tests.fuzz.test_answers import said

HEADERS = st.dictionaries(
    st.sampled_from(
        ["retry-after", "retry-after-ms", "x-should-retry", "x-amzn-errortype", "content-type", "x-request-id"]
    )
    | st.sampled_from(["x-ratelimit-reset", "x-ratelimit-reset-requests", "anthropic-ratelimit-requests-reset"]),
    st.sampled_from(["", "0", "-1", "1e400", "NaN", "inf", "9" * 5000, "Wed, 21 Oct 2015 07:28:00 GMT", "٣", "1m30s"])
    | st.text("\x00\u20281:,{}é ", max_size=12),
    max_size=3,
)
LISTS: tuple[bytes, ...] = (
    b'{"data":[{"id":"a"},{"id":"b"}],"has_more":false,"last_id":"b"}',
    b'{"models":[{"name":"models/a","supportedGenerationMethods":["generateContent"]}],"nextPageToken":""}',
    b'{"models":[{"name":"a","model":"a","endpoints":["chat"]}]}',
    b'{"modelSummaries":[{"modelId":"a","outputModalities":["TEXT"],"inferenceTypesSupported":["ON_DEMAND"]}]}',
    b'{"inferenceProfileSummaries":[{"inferenceProfileId":"us.a","status":"ACTIVE"}],"nextToken":null}',
    b'[{"id":"a"}]',
)


def bodies(name: str) -> st.SearchStrategy[bytes]:
    failures = [source.exchange.answer for source in sources(name) if source.exchange.status_code >= 400]
    real = st.sampled_from(failures or [b'{"error":{"message":"No."}}'])
    words = said(name).values.map(written)
    return real.flatmap(damaged_json) | words | st.sampled_from(JUNK) | real.flatmap(damaged_bytes)


@pytest.mark.parametrize("name", NAMES)
@tries(60)
@given(data=st.data())
def test_any_error_answer(name: str, data: Any) -> None:
    provider, exchange = data.draw(st.sampled_from(sources(name)))
    status, body = (
        data.draw(st.sampled_from([400, 401, 403, 404, 408, 413, 422, 429, 500, 503, 529])),
        data.draw(bodies(name)),
    )
    error = provider.error(status, data.draw(HEADERS), body)
    assert isinstance(error, ProviderError)
    assert error.message
    error.message.encode()
    assert error.retry_after is None or 0 <= error.retry_after < float("inf")
    call = translate(provider, exchange.model, exchange.request, stream=exchange.stream)
    provider.amend(call.call, error)
    events = provider.salvage(status, body, call.prepared)
    if events is not None:
        for event in events:
            check_event(event)
        assert isinstance(events[-1], Finished | Failed)


@pytest.mark.parametrize("name", NAMES)
@tries(30)
@given(data=st.data())
def test_any_number_of_tokens(name: str, data: Any) -> None:
    provider, _ = sources(name)[0]
    counted = st.sampled_from(
        [b'{"input_tokens":%b}', b'{"totalTokens":%b}', b'{"tokens":%b}', b'{"inputTokens":%b}', b"%b"]
    )
    body = data.draw(counted) % data.draw(st.sampled_from(HOSTILE)).data
    # A ValueError is declared: it cannot be read.
    with suppress(ValueError):
        assert provider.decode_count(body) >= 0


class OneAnswer:
    """A vendor with the same answer to everything, for so many requests."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.asked = 0

    async def request(
        self, method: str, url: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> HttpAnswer:
        self.asked += 1
        assert url.startswith(("http://", "https://"))
        assert self.asked < 500, "pages without an end"
        return HttpAnswer(200, {"content-type": "application/json"}, self._body)


@pytest.mark.parametrize("name", NAMES)
@tries(60)
@given(data=st.data())
def test_any_list_of_models(name: str, data: Any) -> None:
    provider, _ = sources(name)[0]
    body = data.draw(st.sampled_from(LISTS).flatmap(damaged_json) | st.sampled_from(JUNK))
    try:
        models = finished(provider.list_models(OneAnswer(body)))
    except ProviderError:
        return
    for model in models:
        assert isinstance(model, str)
        model.encode()
