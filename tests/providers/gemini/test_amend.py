"""The second try after a refusal."""

from typing import Any

import orjson
import pytest

from providers.gemini import Gemini, GeminiSettings
from providers.gemini.amend import amended
from providers.gemini.models import Model
from providers.gemini.signatures import CALL, PLACEHOLDER, TEXT, TURN
from proxy.provider.contract import Call
from tests.providers.gemini.requests import (
    FLASH_25,
    PNG,
    S1,
    S2,
    S3,
    WEATHER,
    assistant,
    body_of,
    call,
    check,
    function_call,
    of_model,
    prepared,
    result,
    signed,
    text,
    user,
)

PROVIDER = Gemini(GeminiSettings())
CORRUPTED = "Corrupted thought signature."


def refused(message: str, status: int = 400) -> Any:
    error = {"error": {"code": status, "message": message, "status": "INVALID_ARGUMENT"}}
    return PROVIDER.error(status, {}, orjson.dumps(error))


def second_try(message: str, *items: Any, status: int = 400, **options: Any) -> Any:
    """The bodies of both tries and the loss; None where there is no second."""
    first = PROVIDER.encode(prepared(*items, **options))
    changed = PROVIDER.amend(first, refused(message, status))
    if changed is None:
        return None
    check(body_of(changed[0]))
    assert (changed[0].path, changed[0].stream) == (first.path, first.stream)
    return body_of(first), body_of(changed[0]), ", ".join(f"{one.disposition} {one.path}" for one in changed[1])


@pytest.mark.parametrize(
    "message", [CORRUPTED, "Invalid thought_signature in contents[1]", "Thought signature is not valid"]
)
def test_refused_signatures_are_replaced_by_placeholders(message: Any) -> None:
    items: list[Any] = [user("A"), signed(TEXT, S1), assistant("B"), signed(TURN, S2, "turn_end"), user("C")]
    items += [signed(CALL, S3), call("c1"), call("c2"), result(call_id="c1"), result(call_id="c2")]
    _, second, lost = second_try(message, *items)
    assert second["contents"][1] == of_model("B")
    assert second["contents"][3] == of_model(function_call("c1", PLACEHOLDER), function_call("c2"))
    assert lost == "dropped input"


def test_models_without_placeholders_go_without_signatures() -> None:
    _, second, _ = second_try(CORRUPTED, user("A"), signed(CALL), call(), result(), model=FLASH_25)
    assert second["contents"][1] == of_model(function_call())


def test_missing_signatures_get_placeholders_in_all_turns() -> None:
    items: list[Any] = [
        user("A"),
        call("c1"),
        result(call_id="c1"),
        user("B"),
        signed(CALL),
        call("c2"),
        result(call_id="c2"),
    ]
    message = "Function call is missing a thought_signature in functionCall parts."
    _, second, lost = second_try(message, *items)
    assert second["contents"][1] == of_model(function_call("c1", PLACEHOLDER))
    assert second["contents"][4] == of_model(function_call("c2", S1))
    assert lost == "approximated input"


def test_placeholders_alone_are_no_reason_to_try_again() -> None:
    assert second_try(CORRUPTED, user("A"), call(), result()) is None


@pytest.mark.parametrize(
    ("message", "options", "gone", "lost"),
    [
        (
            "Logprobs is not enabled for models/gemini-9",
            {"top_logprobs": 2},
            ["responseLogprobs", "logprobs"],
            "dropped top_logprobs",
        ),
        (
            "Thinking level MINIMAL is not supported for this model.",
            {"reasoning": {"effort": "low"}},
            ["thinkingConfig"],
            "dropped reasoning",
        ),
        (
            "Unable to submit request because include_thoughts is not supported",
            {"reasoning": {"summary": "auto"}},
            ["thinkingConfig"],
            "dropped reasoning",
        ),
        (
            "Penalty is not enabled for models/gemini-9",
            {"presence_penalty": 1.0, "frequency_penalty": 1.0},
            ["presencePenalty", "frequencyPenalty"],
            "dropped presence_penalty, dropped frequency_penalty",
        ),
        (
            "Penalty is not enabled for models/gemini-9",
            {"frequency_penalty": 1.0},
            ["frequencyPenalty"],
            "dropped frequency_penalty",
        ),
        (
            "Logprobs is not enabled for models/gemini-9",
            {"include": ["message.output_text.logprobs"]},
            ["responseLogprobs"],
            "dropped include",
        ),
        ("Unknown name \"topP\" at 'generation_config': Cannot find field.", {"top_p": 0.5}, ["topP"], "dropped top_p"),
        ("temperature is deprecated", {"temperature": 0.5}, ["temperature"], "dropped temperature"),
    ],
)
def test_members_that_the_model_does_not_take(message: Any, options: Any, gone: Any, lost: Any) -> None:
    first, second, conversion = second_try(message, max_output_tokens=100, **options)
    assert set(gone) <= first["generationConfig"].keys() if len(gone) > 1 else gone[0] in first["generationConfig"]
    assert second["generationConfig"] == {"maxOutputTokens": 100}
    assert conversion == lost


def test_an_empty_config_is_not_sent() -> None:
    assert "generationConfig" not in second_try("thinking is not supported", reasoning={"effort": "low"})[1]


def test_schemas_that_are_too_complex_are_not_enforced() -> None:
    message = "The specified schema produces a constraint that has too many states for serving."
    first, second, lost = second_try(message, tools=[WEATHER])
    assert first.keys() - second.keys() == {"toolConfig"}
    assert lost == "approximated tools.strict"


def test_the_vendors_own_tools_stay_told_of_when_schemas_are_not_enforced() -> None:
    body = {"toolConfig": {"includeServerSideToolInvocations": True, "functionCallingConfig": {"mode": "VALIDATED"}}}
    found = amended(Call("/", orjson.dumps(body)), refused("too many states"), Model())
    assert found is not None
    assert orjson.loads(found[0].body) == {"toolConfig": {"includeServerSideToolInvocations": True}}


def test_a_penalty_that_is_named_is_left_out_alone() -> None:
    options: dict[str, Any] = {"presence_penalty": 1.0, "frequency_penalty": 1.0}
    _, second, lost = second_try("frequencyPenalty is not supported", **options)
    assert second["generationConfig"] == {"presencePenalty": 1.0}
    assert lost == "dropped frequency_penalty"


def test_a_service_tier_that_is_not_taken() -> None:
    _, second, lost = second_try('Unknown name "serviceTier": Cannot find field.', service_tier="flex")
    assert "serviceTier" not in second
    assert lost == "dropped service_tier"


def test_resolutions_that_are_not_taken() -> None:
    picture = PNG | {"detail": "high"}
    message = "Unknown name \"mediaResolution\" at 'contents[0].parts[0]': Cannot find field."
    _, second, lost = second_try(message, user(picture), call(), result([text("A"), picture]))
    assert "mediaResolution" not in orjson.dumps(second).decode()
    assert lost == "ignored input.content.detail"


def test_ids_of_calls_that_are_not_taken() -> None:
    message = "Unknown name \"id\" at 'contents[1].parts[0].function_call': Cannot find field."
    _, second, lost = second_try(message, user("A"), call(), result())
    assert '"id"' not in orjson.dumps(second).decode()
    assert lost == "approximated input"


@pytest.mark.parametrize(
    ("message", "status", "options"),
    [
        ("Please use a valid role: user, model.", 400, {"temperature": 0.5}),
        (CORRUPTED, 400, {}),
        ("logprobs", 400, {"temperature": 0.5}),
        ("temperature", 500, {"temperature": 0.5}),
        ("temperature", 422, {"temperature": 0.5}),
        ("input token count exceeds; temperature", 400, {"temperature": 0.5}),
        ("too many states", 400, {"tools": [WEATHER], "model": "gemini-2.0-flash"}),
        ("response_json_schema is too deep", 400, {"text": {"format": {"type": "json_schema", "schema": {}}}}),
    ],
)
def test_other_refusals_are_final(message: Any, status: Any, options: Any) -> None:
    assert second_try(message, status=status, **options) is None
