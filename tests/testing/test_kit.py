"""The kit finds every planted defect, and nothing where there is none."""

import re
from pathlib import Path
from typing import Any

import pytest

from providers.anthropic import Anthropic, AnthropicSettings
from proxy.testing import Check, Exchange, checks, conforms

from .defects import Defective, defects
from .exchanges import ANYHOW, EXCHANGES, MODEL, TEXT

SOUND = Anthropic(AnthropicSettings(), "sound")


@pytest.mark.parametrize("check", checks(SOUND, EXCHANGES, anyhow=ANYHOW), ids=str)
def test_a_sound_provider_conforms(check: Check) -> None:
    assert check.run() == []


@pytest.mark.parametrize("defect", defects(), ids=lambda defect: defect.__name__)
def test_a_defect_is_found_by_its_rule(defect: type[Defective]) -> None:
    provider = defect()
    own: list[Exchange] = [vars(defect)["exchange"]] if "exchange" in vars(defect) else []
    found = [
        problem
        for check in checks(provider, [*EXCHANGES, *own], anyhow=ANYHOW)
        if check.rule == defect.rule
        for problem in check.run()
    ]
    assert found
    for problem in found:
        assert problem.expected
        assert problem.found
        assert str(problem).startswith(problem.subject)


def test_every_rule_has_a_defect() -> None:
    rules = {check.rule for check in checks(SOUND, EXCHANGES)}
    assert {defect.rule for defect in defects()} == rules


def test_checks_have_names_of_their_own() -> None:
    names = [str(check) for check in checks(SOUND, EXCHANGES)]
    assert len(set(names)) == len(names)


def test_a_check_can_be_run_twice() -> None:
    for check in checks(SOUND, [TEXT])[:8]:
        assert check.run() == check.run()


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("text", "Hello"),
        ("reasoning", "Hm"),
        ("calls", []),
        ("status", "incomplete"),
        ("usage", {"input_tokens": 11}),
        ("usage", {"reasoning_tokens": 5}),
        ("error_code", "server_error"),
        ("http_status", 429),
        ("dropped", ["temperature"]),
        ("sent", {}),
    ],
)
def test_what_an_exchange_expects_is_held_against_the_answer(member: str, value: Any) -> None:
    expected: dict[str, Any] = {member: value}
    if member == "calls":
        expected[member] = [("get_weather", "{}")]
    exchange = Exchange("text", MODEL, TEXT.answer, stream=True, **expected)
    found = [problem for check in of_exchanges(checks(SOUND, [exchange])) for problem in check.run()]
    assert {problem.rule for problem in found} == {"usage" if member == "usage" else "as expected"}


def of_exchanges(found: list[Check]) -> list[Check]:
    """Those that the exchange alone decides about."""
    return [check for check in found if check.rule in ("as expected", "usage", "plain as streamed", "grammar")]


def test_problems_are_told_line_by_line() -> None:
    exchange = Exchange("text", MODEL, TEXT.answer, stream=True, text="Hello", status="failed")
    with pytest.raises(AssertionError) as raised:
        conforms(SOUND, [exchange], anyhow=ANYHOW)
    lines = str(raised.value).splitlines()
    assert len(lines) == 2
    assert all(line.startswith("text: as expected: expected") for line in lines)


def test_an_exchange_whose_request_is_refused_is_told() -> None:
    exchange = Exchange("odd", MODEL, TEXT.answer, stream=True, request={"temperature": "warm"})
    told = [str(problem) for check in of_exchanges(checks(SOUND, [exchange])) for problem in check.run()]
    assert told
    assert all("temperature" in each for each in told)


def test_models_without_an_exchange_are_held_to_the_standard_requests() -> None:
    subjects = {check.subject for check in checks(SOUND, [], models=["claude-opus-5-5"])}
    assert subjects == {"any request", "model claude-opus-5-5", "all models"}


def test_the_documents_name_every_rule() -> None:
    text = (Path(__file__).parents[2] / "docs/writing_a_provider.md").read_text()
    documented = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    assert sorted(documented) == sorted({check.rule for check in checks(SOUND, EXCHANGES)})
