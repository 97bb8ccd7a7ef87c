"""Every recorded request of a client, as OpenAI's own types of requests take it."""

import json
import re
from typing import Any

import pytest

from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.responses.errors import ResponsesError
from proxy.responses.request import check_not_empty, parse_create
from proxy.responses.seal import Sealer, SealKey
from tests.corpus.oracle import complaints
from tests.corpus.recordings import CLIENTS, CORPUS, RecordedRequest, as_parameters, requests, sampled
from tests.providers.responses.exchanges import provider

SEALER = Sealer([SealKey("test", bytes(32))])
MOST = 80

#: What the SDK's types demand, and the API does not (it is the state of a response, or has a default).
DEMANDED: dict[str, dict[str, Any]] = {
    "function": {"strict": None, "parameters": None},
    "code_interpreter": {"container": {"type": "auto"}},
    "code_interpreter_call": {"outputs": None, "id": "ci_1", "code": None, "container_id": "c", "status": "completed"},
    "reasoning": {"id": "rs_1", "summary": []},
    "web_search_call": {"id": "ws_1", "status": "completed"},
}


def sent(body: dict[str, Any], profile: str) -> dict[str, Any] | ResponsesError:
    target = Target(Endpoint("v", provider(profile), None), "gpt-5.6-sol")  # type: ignore[arg-type] # nobody is asked
    try:
        request = parse_create(body)
        check_not_empty(request)
        prepared, _ = prepare(request, target, rules=Rules(), sealer=SEALER, client="c")
        call = encode(prepared, target, Rules())
    except ResponsesError as error:
        return error
    made: dict[str, Any] = json.loads(call.body)
    return made


def faults(body: dict[str, Any]) -> list[str]:
    """What OpenAI's types have against a body, once what they demand in vain stands in it."""
    for entry in (*body["input"], *body.get("tools", ())):
        for name, value in DEMANDED.get(entry["type"], {}).items():
            entry.setdefault(name, value)
        if entry.get("role") == "assistant":
            entry |= {"id": "msg_1", "status": "completed"}
    found = complaints("responses", body)
    # A union complains for each of its members: those of another type are not meant.
    others = tuple(fault.split(".type: ")[0] for fault in found if ".type: Input should be" in fault)
    return [fault for fault in found if not (others and fault.startswith(others)) and not _is_of_a_union(fault)]


def _is_of_a_union(fault: str) -> bool:
    """The complaints of those members that an input without a type of its own could be as well."""
    return bool(
        re.search(r"EasyInputMessageParam|\.Message\.(role|content)|^input\.str|ResponseOutputMessageParam\.id", fault)
    )


@pytest.mark.parametrize("profile", ["openai", "azure", "xai", "generic", "llama_cpp"])
@pytest.mark.parametrize(
    "request_", as_parameters(sampled(requests(), MOST), lambda request: request.id, CORPUS, CLIENTS)
)
def test_every_request_is_one_that_the_vendors_types_hold(request_: RecordedRequest, profile: str) -> None:
    made = sent(request_.body, profile)
    if isinstance(made, ResponsesError):
        assert made.status in (400, 404)
        return
    assert faults(made) == []
    assert made.get("store") is False
    assert not {"previous_response_id", "conversation", "background", "metadata", "prompt"} & set(made)
    assert b"dg1." not in json.dumps(made).encode()
