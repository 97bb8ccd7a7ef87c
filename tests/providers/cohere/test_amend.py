"""What is tried once more after a refusal."""

import orjson
import pytest

from proxy.provider.contract import Call
from tests.providers.cohere.material import COHERE, WEATHER, sent

NO_THINKING = "invalid request: thinking is not supported by this model"


def refusal(message: str) -> bytes:
    return orjson.dumps({"message": message, "id": "x"})


def amended(call: Call, message: str, status: int = 400) -> tuple[dict[str, object], list[str]] | None:
    found = COHERE.amend(call, COHERE.error(status, {}, refusal(message)))
    return None if found is None else (orjson.loads(found[0].body), [each.path for each in found[1]])


def test_a_setting_that_the_model_does_not_have_is_left_out() -> None:
    found = sent({"reasoning": {"effort": "low"}, "temperature": 0.5, "stream": True})
    rest = {name: value for name, value in found.body.items() if name != "thinking"}
    assert amended(found.call, NO_THINKING) == (rest, ["reasoning.effort"])


def test_all_settings_that_are_named_are_left_out() -> None:
    strict = {**WEATHER, "strict": True}
    call = sent({"tools": [strict], "tool_choice": "required", "service_tier": "flex"}).call
    found = amended(call, "tool_choice and strict_tools are not compatible with this model")
    assert found is not None
    assert found[1] == ["tools.strict", "tool_choice"]
    assert found[0].keys() == {"model", "messages", "tools", "priority"}


@pytest.mark.parametrize(
    ("message", "status"),
    [
        ("invalid request: thinking.token_budget must be positive", 400),
        ("tool_choice is not supported by this model", 400),
        ("too many tokens: thinking is not supported", 400),
        (NO_THINKING, 500),
        ("", 400),
    ],
)
def test_other_refusals_stay(message: str, status: int) -> None:
    assert amended(sent({"reasoning": {"effort": "low"}}).call, message, status) is None
