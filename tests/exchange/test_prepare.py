"""From a request to what a provider translates: equal in, equal out, and every loss declared."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import orjson
import pytest
from pydantic import BaseModel

from proxy.exchange.endpoint import Endpoint, Target
from proxy.exchange.prepare import Rules, encode, prepare
from proxy.exchange.tools import Offer
from proxy.provider.capabilities import Capabilities
from proxy.provider.contract import Call, Decoder, Origin, Prepared, Provider
from proxy.provider.conversions import RefusedError, approximated, dropped, ignored
from proxy.provider.errors import ProviderError
from proxy.provider.history import OpenedProof, ReasoningItem
from proxy.responses.errors import ResponsesError
from proxy.responses.events import Event
from proxy.responses.request import parse_create
from proxy.responses.seal import SealedProof, Sealer, SealKey
from proxy.upstream.client import HttpClient

SEALER = Sealer([SealKey("k", b"k" * 32)])


class NoSettings(BaseModel):
    """Nothing to set."""


class Plain(Provider):
    """A provider that carries what it is given, and one loss of each kind when it is asked for."""

    type = "plain"
    Settings = NoSettings

    def __init__(self, settings: BaseModel, name: str) -> None:
        self.name = name
        self.losses: list[str] = []

    @property
    def base_url(self) -> str:
        return "https://vendor.example"

    def capabilities(self, model: str) -> Capabilities:
        return Capabilities(family=model.partition("-")[0], audio=False)

    def encode(self, prepared: Prepared) -> Call:
        made = {
            "dropped": dropped("temperature", "is not known there"),
            "ignored": ignored("user"),
            "approximated": approximated("reasoning.effort", "the nearest level is used"),
            "contract": approximated("text.format.schema", "is not enforced", contract=True),
        }
        prepared.conversions += [made[loss] for loss in self.losses]
        items = [repr(item) for item in prepared.items]
        tools = [repr(tool) for tool in prepared.tools]
        return Call("/chat", orjson.dumps([prepared.model, items, tools, repr(prepared.tool_choice)]))

    def decoder(self, prepared: Prepared) -> Decoder:
        raise NotImplementedError

    def decode(self, body: bytes, prepared: Prepared) -> list[Event]:
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
        raise NotImplementedError

    def origin(self, model: str) -> Origin:
        return Origin("plain", self.base_url, "account")


def target(model: str = "family-1", changes: Mapping[str, Mapping[str, object]] | None = None) -> Target:
    endpoint = Endpoint("house", Plain(NoSettings(), "house"), cast(HttpClient, None), changes=changes or {})
    return Target(endpoint, model)


def prepared(
    body: Mapping[str, Any] | None = None, *, to: Target | None = None, rules: Rules | None = None, client: str = "shop"
) -> tuple[Prepared, Offer]:
    request = parse_create({"model": "m", "input": "ping", **(body or {})})
    return prepare(request, to or target(), rules=rules or Rules(), sealer=SEALER, client=client)


def declared(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    made, _ = prepared(body)
    return [(conversion.path, conversion.disposition) for conversion in made.conversions]


# --- proofs -----------------------------------------------------------------------------------------------------------

PROOF = SealedProof("plain", "https://vendor.example", "account", "family", "shop", "signature", "self", "S", "think")


def sealed(proof: SealedProof) -> dict[str, Any]:
    item = {"type": "reasoning", "summary": [], "encrypted_content": SEALER.seal(proof)}
    return {"input": [item, {"type": "message", "role": "user", "content": "go"}]}


def test_a_proof_is_opened_at_its_origin() -> None:
    made, _ = prepared(sealed(PROOF))
    assert made.items[0] == ReasoningItem([], [], OpenedProof("signature", "S", "self", "think"), "input[0]")
    assert made.conversions == []


@pytest.mark.parametrize("member", ["provider", "endpoint", "account", "family"])
def test_a_proof_of_another_origin_is_dropped_and_declared(member: str) -> None:
    made, _ = prepared(sealed(replace(PROOF, **{member: "other"})))
    assert made.items[0] == ReasoningItem([], [], None, "input[0]")
    assert [(one.path, one.disposition) for one in made.conversions] == [("input[0].encrypted_content", "dropped")]


@pytest.mark.parametrize("content", ["gAAAAABo-of-openai", "dg1.other.a.b", "x"])
def test_a_proof_that_is_not_ours_is_dropped_and_declared(content: str) -> None:
    body = sealed(PROOF)
    body["input"][0]["encrypted_content"] = content
    assert declared(body) == [("input[0].encrypted_content", "dropped")]


def test_a_changed_proof_and_another_clients_are_refused() -> None:
    changed = sealed(PROOF)
    changed["input"][0]["encrypted_content"] += "x"
    for body, client in ((changed, "shop"), (sealed(PROOF), "lab")):
        with pytest.raises(ResponsesError) as caught:
            prepared(body, client=client)
        assert (caught.value.status, caught.value.param) == (400, "input[0].encrypted_content")


# --- capabilities -----------------------------------------------------------------------------------------------------

IMAGE = {"role": "user", "content": [{"type": "input_image", "image_url": "https://a.example/i.png"}]}


def test_an_operators_changes_count() -> None:
    assert prepared({"input": [IMAGE]})[0].capabilities.images
    changed = target(changes={"family-1": {"images": False, "tool_name_limit": 16}})
    with pytest.raises(RefusedError) as caught:
        prepared({"input": [IMAGE]}, to=changed)
    assert caught.value.param == "input[0].content[0]"
    made, _ = prepared({"tools": [{"type": "function", "name": "x" * 40}]}, to=changed)
    assert len(made.tools[0].name) == 16


def test_the_changes_of_one_model_are_not_those_of_another() -> None:
    endpoint = target(changes={"family-1": {"images": False}}).endpoint
    assert not endpoint.capabilities("family-1").images
    assert endpoint.capabilities("family-2").images
    assert endpoint.capabilities("family-1") is endpoint.capabilities("family-1")


def test_sound_is_refused_by_a_model_that_does_not_hear() -> None:
    sound = {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}
    with pytest.raises(RefusedError) as caught:
        prepared({"input": [{"role": "user", "content": "x"}, sound]})
    assert caught.value.param == "input[1].content[0]"


# --- parameters of the gateway's own ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"), [("moderation", {"model": "omni"}), ("access_programs", {"cyber": "standard"})]
)
def test_parameters_whose_meaning_would_be_lost_are_refused(name: str, value: object) -> None:
    with pytest.raises(RefusedError) as caught:
        prepared({name: value})
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, name, "unsupported_parameter")


@pytest.mark.parametrize(
    ("body", "disposition"),
    [
        ({"context_management": [{"type": "compaction"}]}, "dropped"),
        ({"background_options": {}}, "ignored"),
        ({"max_tool_calls": 3}, "ignored"),
        ({"image": {}}, "ignored"),
    ],
)
def test_parameters_that_are_left_out_are_declared(body: Mapping[str, Any], disposition: str) -> None:
    [name] = body
    assert declared(body) == [(name, disposition)]


@pytest.mark.parametrize(
    "body", [{}, {"truncation": "auto"}, {"truncation": "disabled"}, {"store": False, "metadata": {"a": "b"}}]
)
def test_what_loses_nothing_declares_nothing(body: Mapping[str, Any]) -> None:
    assert declared(body) == []


def test_tools_that_items_bring_along_are_offered() -> None:
    tool = {"type": "function", "name": "late"}
    made, offer = prepared(
        {
            "input": [
                {"type": "additional_tools", "role": "developer", "tools": [tool]},
                {"role": "user", "content": "x"},
            ]
        }
    )
    assert [(one.name, one.path) for one in made.tools] == [("late", "input[0].tools[0]")]
    assert offer.table.restore("late").name == "late"
    assert len(made.items) == 1


def test_the_history_is_treated_as_the_operator_wants() -> None:
    body = {"input": [{"type": "function_call", "call_id": "a", "name": "f", "arguments": ""}]}
    with pytest.raises(ResponsesError, match="No tool output found for function call a"):
        prepared(body)
    assert len(prepared(body, rules=Rules(history="repair"))[0].items) == 2


def test_tools_that_the_vendor_lacks_are_treated_as_the_operator_wants() -> None:
    body = {"tools": [{"type": "web_search"}]}
    assert declared(body) == [("tools[0]", "dropped")]
    with pytest.raises(RefusedError):
        prepared(body, rules=Rules(unsupported_hosted_tools="reject"))


# --- strict -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "param"),
    [("dropped", "temperature"), ("contract", "text.format.schema"), ("ignored", None), ("approximated", None)],
)
def test_strict_refuses_drops_and_broken_contracts(loss: str, param: str | None) -> None:
    to = target()
    cast(Plain, to.endpoint.provider).losses = ["ignored", "approximated", loss]
    made, _ = prepared(to=to)
    encode(made, to, Rules())
    made, _ = prepared(to=to)
    if param is None:
        encode(made, to, Rules(strict=True))
        return
    with pytest.raises(RefusedError) as caught:
        encode(made, to, Rules(strict=True))
    assert (caught.value.status, caught.value.param, caught.value.code) == (400, param, "unsupported_parameter")
    assert "house/family-1" in caught.value.message


def test_strict_refuses_what_the_core_drops() -> None:
    to = target()
    made, _ = prepared({"tools": [{"type": "web_search"}]}, to=to)
    with pytest.raises(RefusedError) as caught:
        encode(made, to, Rules(strict=True))
    assert caught.value.param == "tools[0]"


# --- equal requests ---------------------------------------------------------------------------------------------------


def test_equal_requests_become_equal_calls() -> None:
    body = {
        "input": [
            {"role": "user", "content": "go"},
            {"type": "function_call", "call_id": "a", "name": "read", "namespace": "files", "arguments": ""},
            {"type": "function_call", "call_id": "b", "name": "a.b", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "b", "output": "2"},
            {"type": "function_call_output", "call_id": "a", "output": "1"},
        ],
        "tools": [
            {"type": "function", "name": "a.b"},
            {"type": "function", "name": "a_b"},
            {"type": "namespace", "name": "files", "tools": [{"type": "function", "name": "read"}]},
        ],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "a_b"}]},
    }
    text = orjson.dumps(body)
    calls = []
    for _ in range(3):
        to = target()
        made, _ = prepared(orjson.loads(text), to=to)
        calls.append(encode(made, to, Rules()))
    assert calls[0] == calls[1] == calls[2]
    assert orjson.dumps(body) == text


def test_preparing_changes_nothing_of_the_request() -> None:
    body = {
        "model": "m",
        "input": [
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": ""}]},
            {"type": "function_call", "call_id": "a", "name": "f", "arguments": " "},
            {"type": "function_call_output", "call_id": "a", "output": [{"type": "input_text", "text": ""}]},
        ],
    }
    request = parse_create(body)
    before = orjson.dumps(request.input)
    prepare(request, target(), rules=Rules(), sealer=SEALER, client="shop")
    assert orjson.dumps(request.input) == before


# --- tools that items bring -------------------------------------------------------------------------------------------

LATE: dict[str, Any] = {
    "type": "namespace",
    "name": "mail",
    "description": "Mail",
    "tools": [{"type": "function", "name": "send", "defer_loading": True}],
}
CLIENT_SEARCH: dict[str, Any] = {"type": "tool_search", "execution": "client"}


def test_what_a_search_found_is_offered_also_inside_a_namespace() -> None:
    found = [
        {"type": "tool_search_call", "call_id": "c", "execution": "client", "arguments": {"query": "mail"}},
        {"type": "tool_search_output", "call_id": "c", "execution": "client", "tools": [LATE]},
    ]
    made, _ = prepared({"input": found, "tools": [CLIENT_SEARCH, LATE]})
    assert [tool.name for tool in made.tools] == ["tool_search", "mail__send"]


def test_a_deferred_tool_of_additional_tools_waits_for_the_search() -> None:
    brought = {"type": "additional_tools", "role": "developer", "tools": [LATE, {"type": "function", "name": "now"}]}
    user = {"type": "message", "role": "user", "content": "go"}
    made, _ = prepared({"input": [brought, user], "tools": [CLIENT_SEARCH]})
    assert [tool.name for tool in made.tools] == ["tool_search", "now"]
