"""Settings of a request -> the settings of Converse."""

import dataclasses
import json
from typing import Any

import pytest

from providers.bedrock.encode import MAPPED, PARTLY_REPORTED, REPORTED
from proxy.provider.contract import CORE_PARAMETERS
from proxy.provider.conversions import RefusedError
from proxy.responses.request import CreateRequest
from tests.providers.bedrock.requests import (
    GPT,
    GROK,
    HAIKU,
    KIMI,
    LLAMA,
    MISTRAL,
    MODELS,
    NEWEST,
    NOVA,
    NOVA_2,
    OPUS,
    OSS,
    PROVIDER,
    QWEN,
    TITAN,
    WEATHER,
    body_of,
    developer,
    encoded,
    message,
    prepared,
    provider,
)

SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
FORM = {"format": {"type": "json_schema", "name": "out", "description": "An answer.", "schema": SCHEMA}}


def test_every_attribute_of_a_request_has_its_place() -> None:
    attributes = [
        CORE_PARAMETERS,
        MAPPED,
        frozenset(REPORTED),
        PARTLY_REPORTED,
    ]
    everywhere = [name for table in attributes for name in table]
    assert len(everywhere) == len(set(everywhere))
    assert set(everywhere) == {field.name for field in dataclasses.fields(CreateRequest)}


def test_a_plain_request_is_what_the_vendor_documents() -> None:
    request = prepared(message("Hi"), model=NOVA, instructions="Be brief", max_output_tokens=50, temperature=0.2)
    sent = PROVIDER.encode(request)
    assert sent.path == "/model/us.amazon.nova-pro-v1%3A0/converse"
    assert sent.body == (
        b'{"system":[{"text":"Be brief"}],"messages":[{"role":"user","content":[{"text":"Hi"}]}],'
        b'"inferenceConfig":{"maxTokens":50,"temperature":0.2}}'
    )
    assert request.conversions == []


def test_a_stream_is_asked_for_in_frames() -> None:
    sent = PROVIDER.encode(prepared(model=NOVA, stream=True))
    assert sent.path.endswith("/converse-stream")
    assert (sent.stream, sent.framing) == (True, "aws_event_stream")
    assert sent.headers == {"accept": "application/vnd.amazon.eventstream"}


def test_a_long_answer_is_streamed_whatever_the_client_does() -> None:
    assert PROVIDER.encode(prepared(model=OPUS)).stream
    assert not PROVIDER.encode(prepared(model=OPUS, max_output_tokens=1000)).stream


@pytest.mark.parametrize(
    ("model", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("../../admin", "..%2F..%2Fadmin"),
        ("x?y#z", "x%3Fy%23z"),
        ("a b\r\nHost: evil", "a%20b%0D%0AHost%3A%20evil"),
        ("%2e%2e", "%252e%252e"),
        (
            "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.x",
            "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fus.x",
        ),
    ],
)
def test_a_model_is_one_segment_of_the_path(model: str, segment: str) -> None:
    assert PROVIDER.encode(prepared(model=model)).path == f"/model/{segment}/converse"


@pytest.mark.parametrize("model", ["", ".", "..", "x" * 3000])
def test_a_name_that_would_change_the_path_is_refused(model: str) -> None:
    with pytest.raises(RefusedError) as refused:
        PROVIDER.encode(prepared(model=model))
    assert refused.value.param == "model"


# --- limits and sampling ----------------------------------------------------------------------------------------------


def test_claude_is_given_its_own_limit_and_others_none() -> None:
    assert encoded(model=OPUS)[0]["inferenceConfig"] == {"maxTokens": 128_000}
    assert "inferenceConfig" not in encoded(model=NOVA)[0]


@pytest.mark.parametrize(
    ("model", "parameters", "sent", "lost"),
    [
        (NOVA, {"temperature": 1.5}, {"temperature": 1}, ["approximated temperature"]),
        (NOVA, {"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5, "topP": 0.5}, []),
        (GROK, {"temperature": 0.5, "top_p": 0.5}, {}, ["dropped temperature", "dropped top_p"]),
        (GROK, {"temperature": 1, "top_p": 1}, {}, []),
        (OPUS, {"temperature": 0.5}, {}, ["dropped temperature"]),
        (HAIKU, {"temperature": 0.5, "top_p": 0.5}, {"temperature": 0.5}, ["dropped top_p"]),
    ],
)
def test_sampling(model: str, parameters: dict[str, Any], sent: Any, lost: list[str]) -> None:
    body, found = encoded(model=model, max_output_tokens=100, **parameters)
    inference = body["inferenceConfig"]
    assert (inference, found) == ({"maxTokens": 100, **sent}, lost)


# --- reasoning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "fields", "lost"),
    [
        (NOVA_2, "none", {"reasoningConfig": {"type": "disabled"}}, []),
        (NOVA_2, "low", {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}}, []),
        (
            NOVA_2,
            "minimal",
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "low"}},
            ["approximated reasoning.effort"],
        ),
        (
            NOVA_2,
            "max",
            {"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}},
            ["approximated reasoning.effort"],
        ),
        (NOVA, "low", None, ["dropped reasoning.effort"]),
        (NOVA, "none", None, ["ignored reasoning.effort"]),
        (OSS, "medium", {"reasoning_effort": "medium"}, []),
        (OSS, "none", {"reasoning_effort": "low"}, ["dropped reasoning.effort"]),
        (GPT, "xhigh", {"reasoning": {"effort": "xhigh"}}, []),
        (GPT, "none", {"reasoning": {"effort": "none"}}, []),
        (GROK, "high", {"reasoning": {"effort": "high"}}, []),
        (QWEN, "low", {"reasoning_config": "low"}, []),
        (KIMI, "high", {"reasoning_effort": "high"}, []),
        (LLAMA, "high", None, ["dropped reasoning.effort"]),
        (OPUS, "high", {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}, []),
        (OPUS, "none", None, ["ignored reasoning.effort"]),
        (HAIKU, "low", {"thinking": {"type": "enabled", "budget_tokens": 2048}}, []),
        (
            NEWEST,
            "none",
            {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            ["dropped reasoning.effort"],
        ),
    ],
)
def test_an_effort_is_told_in_the_form_of_the_family(
    model: str, effort: str, fields: dict[str, Any] | None, lost: list[str]
) -> None:
    body, found = encoded(model=model, reasoning={"effort": effort})
    assert (body.get("additionalModelRequestFields"), found) == (fields, lost)


def test_a_summary_is_asked_of_claude_and_ignored_by_others() -> None:
    body, lost = encoded(model=OPUS, reasoning={"effort": "low", "summary": "auto"})
    assert body["additionalModelRequestFields"]["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert "ignored reasoning.summary" not in lost
    assert encoded(model=OSS, reasoning={"summary": "auto"})[1] == ["ignored reasoning.summary"]


def test_a_thinking_budget_leaves_no_temperature() -> None:
    body, lost = encoded(model=HAIKU, reasoning={"effort": "low"}, temperature=0.2)
    assert "temperature" not in body["inferenceConfig"]
    assert lost == ["dropped temperature"]


# --- the form of the answer -------------------------------------------------------------------------------------------


def test_a_schema_is_a_string_of_json() -> None:
    body, lost = encoded(model=HAIKU, text=FORM)
    form = body["outputConfig"]["textFormat"]
    assert form["type"] == "json_schema"
    inner = form["structure"]["jsonSchema"]
    assert (inner["name"], inner["description"], json.loads(inner["schema"])) == ("out", "An answer.", SCHEMA)
    assert lost == []


@pytest.mark.parametrize("model", [NOVA, LLAMA, MISTRAL, TITAN])
def test_a_model_without_structured_outputs_says_so(model: str) -> None:
    request = prepared(model=model)
    assert PROVIDER.format_obstacle(FORM["format"], request) == "the model has no structured outputs"
    assert PROVIDER.format_obstacle({"type": "json_object"}, request) == "the vendor has no such mode"


def test_a_schema_that_the_dialect_does_not_take_is_an_obstacle() -> None:
    form = {**FORM["format"], "schema": {"type": "object", "additionalProperties": {"type": "string"}}}
    assert "free property names" in (PROVIDER.format_obstacle(form, prepared(model=HAIKU)) or "")
    with pytest.raises(RefusedError):
        PROVIDER.encode(prepared(model=HAIKU, text={"format": form}))


# --- the other settings -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "sent", "lost"),
    [
        ("auto", None, []),
        ("default", {"type": "default"}, []),
        ("flex", {"type": "flex"}, []),
        ("priority", {"type": "priority"}, []),
        ("fast", None, ["dropped service_tier"]),
    ],
)
def test_service_tiers(tier: str, sent: Any, lost: list[str]) -> None:
    body, found = encoded(model=NOVA, service_tier=tier)
    assert (body.get("serviceTier"), found) == (sent, lost)


def test_what_the_vendor_has_nothing_for_is_declared() -> None:
    _, lost = encoded(
        model=NOVA,
        frequency_penalty=0.5,
        presence_penalty=0.5,
        top_logprobs=2,
        prompt_cache_key="k",
        prompt_cache_retention="24h",
        text={"verbosity": "low"},
        reasoning={"mode": "pro", "context": "all_turns"},
        include=["message.output_text.logprobs", "reasoning.encrypted_content", "file_search_call.results"],
        user="u",
    )
    assert sorted(lost) == [
        "dropped frequency_penalty",
        "dropped include[0]",
        "dropped presence_penalty",
        "dropped reasoning.context",
        "dropped reasoning.mode",
        "dropped text.verbosity",
        "dropped top_logprobs",
        "ignored include[1]",
        "ignored include[2]",
        "ignored prompt_cache_key",
        "ignored prompt_cache_retention",
        "ignored user",
    ]


def test_the_guardrail_is_in_every_request_and_its_mode_in_streams() -> None:
    guarded = provider(
        guardrail={"identifier": "5zwrm", "version": "DRAFT", "trace": "enabled", "stream_processing_mode": "async"}
    )
    config = {"guardrailIdentifier": "5zwrm", "guardrailVersion": "DRAFT", "trace": "enabled"}
    assert encoded(model=NOVA, by=guarded)[0]["guardrailConfig"] == config
    streamed = encoded(model=NOVA, by=guarded, stream=True)[0]["guardrailConfig"]
    assert streamed == {**config, "streamProcessingMode": "async"}


def test_latency_and_fields_of_the_operator() -> None:
    fast = provider(latency="optimized", additional_fields={"top_k": 5, "output_config": {"x": 1}})
    request = prepared(model=OPUS, reasoning={"effort": "low"}, by=fast)
    body = body_of(fast.encode(request))
    assert body["performanceConfig"] == {"latency": "optimized"}
    assert body["additionalModelRequestFields"] == {
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low", "x": 1},
        "top_k": 5,
    }


def test_metadata_goes_to_the_vendors_logs_only_where_the_operator_wants_it() -> None:
    open_handed = provider(request_metadata=True)
    metadata = {"job": "a-1", "bad key!": "x", "long": "y" * 300}
    body, lost = encoded(model=NOVA, by=open_handed, metadata=metadata, safety_identifier="u@example.com")
    sent = body["requestMetadata"]
    assert sent["job"] == "a-1"
    assert len(sent["user"]) == 64
    assert sent.keys() == {"job", "user"}
    assert lost == ["approximated safety_identifier", "ignored metadata"]
    assert "requestMetadata" not in encoded(model=NOVA, metadata=metadata)[0]


def test_equal_requests_give_equal_bytes() -> None:
    def sent() -> bytes:
        return PROVIDER.encode(prepared(message("Hi"), developer("Be kind"), tools=[WEATHER])).body

    assert sent() == sent()


@pytest.mark.parametrize("model", MODELS)
def test_every_family_takes_what_every_client_sends(model: str) -> None:
    body, _ = encoded(
        message("Hi"), developer("Be kind"), message("Go on"), model=model, instructions="Be brief", top_p=0.5
    )
    told = json.dumps(body)
    assert all(piece in told for piece in ("Be brief", "Hi", "Be kind", "Go on"))
