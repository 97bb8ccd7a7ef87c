"""Parameters -> body and path."""

import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from providers.gemini import Gemini, GeminiSettings
from providers.gemini.encode import PARAMETERS
from proxy.provider.capabilities import extended
from proxy.provider.contract import CORE_PARAMETERS
from proxy.provider.conversions import RefusedError
from proxy.responses.request import CreateRequest
from tests.providers.gemini.requests import (
    FLASH_3,
    FLASH_20,
    FLASH_25,
    GEMMA,
    WEATHER,
    body_of,
    developer,
    encoded,
    generation,
    losses,
    of_user,
    prepared,
    user,
)


def test_every_attribute_of_the_request_is_accounted_for() -> None:
    assert {field.name for field in fields(CreateRequest)} == PARAMETERS | CORE_PARAMETERS
    assert PARAMETERS.isdisjoint(CORE_PARAMETERS)


def test_a_request_with_tools_and_thinking() -> None:
    body, lost = encoded(
        user("Weather in Oslo and Bergen?"),
        tools=[WEATHER],
        instructions="Be brief",
        reasoning={"effort": "low", "summary": "auto"},
    )
    assert list(body.items()) == [
        ("systemInstruction", {"parts": [{"text": "Be brief"}]}),
        ("contents", [of_user("Weather in Oslo and Bergen?")]),
        ("tools", [{"functionDeclarations": [{"name": "wx", "parametersJsonSchema": WEATHER.parameters}]}]),
        ("toolConfig", {"functionCallingConfig": {"mode": "VALIDATED"}}),
        ("generationConfig", {"thinkingConfig": {"thinkingLevel": "LOW", "includeThoughts": True}}),
    ]
    assert lost == []


@pytest.mark.parametrize(
    ("model", "stream", "path"),
    [
        ("gemini-3.8-flash", False, "/models/gemini-3.8-flash:generateContent"),
        ("models/gemini-3.8-flash", False, "/models/gemini-3.8-flash:generateContent"),
        ("gemini-flash-latest", True, "/models/gemini-flash-latest:streamGenerateContent?alt=sse"),
    ],
)
def test_the_method_is_part_of_the_path(model: Any, stream: Any, path: Any) -> None:
    sent = Gemini(GeminiSettings()).encode(prepared(model=model, stream=stream))
    assert (sent.path, sent.stream) == (path, stream)


@pytest.mark.parametrize(
    "model",
    ["", "a/b", "a:b", "a?b", "a#b", "a%2fb", "a..b", "..", "models/models/a", "a b", "a\n", "ü", "tunedModels/a"],
)
def test_a_model_that_would_lead_elsewhere_is_refused(model: Any) -> None:
    with pytest.raises(RefusedError) as caught:
        Gemini(GeminiSettings()).encode(prepared(model=model))
    assert caught.value.param == "model"


# --- generationConfig -------------------------------------------------------------------------------------------------


def test_sampling_and_limits_have_the_vendors_names() -> None:
    assert generation(
        max_output_tokens=100, temperature=0.2, top_p=0.9, presence_penalty=0.5, frequency_penalty=-0.5, top_logprobs=3
    ) == (
        {
            "maxOutputTokens": 100,
            "temperature": 0.2,
            "topP": 0.9,
            "presencePenalty": 0.5,
            "frequencyPenalty": -0.5,
            "responseLogprobs": True,
            "logprobs": 3,
        },
        [],
    )


def test_a_plain_request_has_no_config() -> None:
    assert encoded() == ({"contents": [of_user("Hello")]}, [])


@pytest.mark.parametrize(
    ("model", "limit", "sent"), [(FLASH_3, 500_000, 500_000), (FLASH_25, 500_000, 65_536), (FLASH_20, 100, 100)]
)
def test_the_limit_is_as_high_as_the_model_goes(model: Any, limit: Any, sent: Any) -> None:
    config, lost = generation(model=model, max_output_tokens=limit)
    assert config == {"maxOutputTokens": sent}
    assert lost == (["approximated max_output_tokens"] if sent < limit else [])


def test_a_penalty_of_zero_is_none() -> None:
    assert generation(presence_penalty=0.0) == ({}, ["ignored presence_penalty"])


def test_sampling_of_models_without_it_is_dropped() -> None:
    request = prepared(temperature=0.2, top_p=0.5, presence_penalty=1.0)
    request.capabilities = extended(request.capabilities, {"sampling": False})
    body = body_of(Gemini(GeminiSettings()).encode(request))
    assert "generationConfig" not in body
    assert losses(request) == ["dropped temperature", "dropped top_p", "dropped presence_penalty"]


def test_what_answers_have_anyhow_need_not_be_included() -> None:
    request = prepared(include=["web_search_call.action.sources", "computer_call_output.output.image_url"])
    Gemini(GeminiSettings()).encode(request)
    told = [(one.path, one.disposition, one.reason) for one in request.conversions]
    assert told == [
        ("include[0]", "ignored", "given whenever there is one"),
        ("include[1]", "ignored", "nothing of the kind occurs"),
    ]


def test_logprobs_are_asked_for_by_either_parameter() -> None:
    include = ["reasoning.encrypted_content", "message.output_text.logprobs"]
    assert generation(include=include) == ({"responseLogprobs": True}, ["ignored include[0]"])
    assert generation(top_logprobs=0) == ({}, [])


def test_logprobs_of_models_without_them_are_dropped() -> None:
    settings = GeminiSettings(families={"gemini-3.8": {"capabilities": {"logprobs": False}}})
    body, lost = encoded(settings=settings, include=["message.output_text.logprobs"], top_logprobs=2)
    assert "generationConfig" not in body
    assert lost == ["dropped include[0]", "dropped top_logprobs"]


# --- thinking ---------------------------------------------------------------------------------------------------------

PRO_25, LITE_25, PRO_3, FLASH_35 = "gemini-2.5-pro", "gemini-2.5-flash-lite", "gemini-3-pro-preview", "gemini-3.5-flash"
OFF, APPROXIMATED = "ignored reasoning.effort", "approximated reasoning.effort"


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "lost"),
    [
        (FLASH_3, "none", {"thinkingLevel": "LOW"}, [APPROXIMATED]),
        (FLASH_3, "minimal", {"thinkingLevel": "LOW"}, [APPROXIMATED]),
        (FLASH_3, "low", {"thinkingLevel": "LOW"}, []),
        (FLASH_3, "medium", {"thinkingLevel": "MEDIUM"}, []),
        (FLASH_3, "high", {"thinkingLevel": "HIGH"}, []),
        (FLASH_3, "xhigh", {"thinkingLevel": "HIGH"}, [APPROXIMATED]),
        (FLASH_3, "max", {"thinkingLevel": "HIGH"}, [APPROXIMATED]),
        (FLASH_35, "none", {"thinkingLevel": "MINIMAL"}, [APPROXIMATED]),
        (FLASH_35, "minimal", {"thinkingLevel": "MINIMAL"}, []),
        (PRO_3, "medium", {"thinkingLevel": "HIGH"}, [APPROXIMATED]),
        ("gemini-3.1-flash-lite-image", "low", {"thinkingLevel": "MINIMAL"}, [APPROXIMATED]),
        (FLASH_25, "none", {"thinkingBudget": 0}, []),
        (FLASH_25, "minimal", {"thinkingBudget": 128}, []),
        (FLASH_25, "low", {"thinkingBudget": 2048}, []),
        (FLASH_25, "medium", {"thinkingBudget": 8192}, []),
        (FLASH_25, "high", {"thinkingBudget": 24576}, []),
        (FLASH_25, "max", {"thinkingBudget": 24576}, [APPROXIMATED]),
        (LITE_25, "minimal", {"thinkingBudget": 512}, []),
        (PRO_25, "none", {"thinkingBudget": 128}, [APPROXIMATED]),
        (FLASH_20, "none", None, [OFF]),
        (FLASH_20, "high", None, ["dropped reasoning.effort"]),
        ("gemini-2.5-flash-image", "high", None, ["dropped reasoning.effort"]),
        (GEMMA, "high", None, ["dropped reasoning.effort"]),
    ],
)
def test_effort(model: Any, effort: Any, thinking: Any, lost: Any) -> None:
    config, conversions = generation(model=model, reasoning={"effort": effort})
    assert config.get("thinkingConfig") == thinking
    assert conversions == lost


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "lost"),
    [
        (FLASH_3, {"summary": "auto"}, {"includeThoughts": True}, []),
        (FLASH_3, {"summary": "detailed"}, {"includeThoughts": True}, ["approximated reasoning.summary"]),
        (FLASH_25, {"summary": "auto", "effort": "none"}, {"thinkingBudget": 0}, ["ignored reasoning.summary"]),
        (FLASH_20, {"summary": "auto"}, None, ["ignored reasoning.summary"]),
        (FLASH_3, {"mode": "pro"}, None, ["dropped reasoning.mode"]),
        (FLASH_3, {"mode": "standard", "context": "auto", "effort": None, "summary": None}, None, []),
        (FLASH_3, {"context": "all_turns"}, None, ["dropped reasoning.context"]),
    ],
)
def test_summaries_and_other_settings(model: Any, reasoning: Any, thinking: Any, lost: Any) -> None:
    config, conversions = generation(model=model, reasoning=reasoning)
    assert config.get("thinkingConfig") == thinking
    assert conversions == lost


def test_a_level_that_the_table_lists_is_exact() -> None:
    settings = GeminiSettings(families={"gemini-3.8": {"levels": ["LOW", "HIGH", "XHIGH"]}})
    body, lost = encoded(settings=settings, reasoning={"effort": "xhigh"})
    assert body["generationConfig"]["thinkingConfig"] == {"thinkingLevel": "XHIGH"}
    assert lost == []


def test_an_unknown_effort_is_refused() -> None:
    with pytest.raises(RefusedError) as caught:
        encoded(reasoning={"effort": "enormous"})
    assert caught.value.param == "reasoning.effort"


# --- instructions -----------------------------------------------------------------------------------------------------


def test_leading_system_messages_follow_the_instructions() -> None:
    body, lost = encoded(developer("Second"), user("Hello"), instructions="First")
    assert body["systemInstruction"] == {"parts": [{"text": "First"}, {"text": "Second"}]}
    assert body["contents"] == [of_user("Hello")]
    assert lost == []


def test_blank_instructions_say_nothing() -> None:
    assert encoded(instructions=" ") == ({"contents": [of_user("Hello")]}, ["ignored instructions"])


def test_models_without_a_system_instruction_read_it_as_tagged_text() -> None:
    body, lost = encoded(user("Hello"), model=GEMMA, instructions="Be brief")
    assert body == {"contents": [of_user("<system>Be brief</system>", "Hello")]}
    assert lost == ["approximated instructions"]
    assert encoded(developer("Be brief"), user("Hello"), model=GEMMA) == (body, ["approximated input"])


# --- the rest ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "sent", "lost"),
    [
        ("auto", None, []),
        ("default", "standard", []),
        ("flex", "flex", []),
        ("priority", "priority", []),
        ("fast", None, ["dropped service_tier"]),
    ],
)
def test_service_tier(tier: Any, sent: Any, lost: Any) -> None:
    body, conversions = encoded(service_tier=tier)
    assert body.get("serviceTier") == sent
    assert conversions == lost


def test_what_identifies_or_caches_is_left_out() -> None:
    body, lost = encoded(
        prompt_cache_key="a",
        prompt_cache_options={"mode": "explicit"},
        prompt_cache_retention="24h",
        safety_identifier="someone",
        user="someone",
    )
    assert body == {"contents": [of_user("Hello")]}
    assert lost == [
        "ignored prompt_cache_key",
        "ignored prompt_cache_options",
        "ignored prompt_cache_retention",
        "ignored safety_identifier",
        "ignored user",
    ]


def test_the_operators_members_come_last() -> None:
    settings = GeminiSettings.model_validate(
        {
            "safety_settings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
            "extra_body": {"generationConfig": {"temperature": 1, "seed": 7}, "serviceTier": "flex"},
        }
    )
    body, _ = encoded(settings=settings, temperature=0.2, top_p=0.5)
    assert body["safetySettings"] == [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}]
    assert body["generationConfig"] == {"temperature": 1, "topP": 0.5, "seed": 7}
    assert body["serviceTier"] == "flex"
    assert encoded(settings=settings)[0]["generationConfig"] == {"temperature": 1, "seed": 7}


def test_too_long_a_body_is_refused_before_it_is_sent() -> None:
    settings = GeminiSettings(max_request_bytes=200)
    assert encoded(user("Hello"), settings=settings)
    with pytest.raises(RefusedError) as caught:
        encoded(user("Hello" * 50), settings=settings)
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")


def test_equal_requests_give_equal_bytes_in_every_process() -> None:
    program = """
from tests.providers.gemini.requests import *
request = prepared(user("Hello"), signed("function_call"), call(), result("{}"), tools=[WEATHER, CLOCK],
    temperature=1.0, top_p=0.5, reasoning={"effort": "high", "summary": "auto"})
print(Gemini(GeminiSettings()).encode(request).body)
"""
    root = Path(__file__).parents[3]
    bodies = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("0", "1")
    }
    assert len(bodies) == 1
