"""A request for the number of input tokens: what a create request has, without the settings of the answer."""

from typing import Final

from proxy.responses import errors
from proxy.responses.request import (
    IGNORED_PARAMETERS,
    MOVED_PARAMETERS,
    CreateRequest,
    parse_create,
    similar,
)
from proxy.responses.validation import UnknownParameters

PARAMETERS: Final = frozenset(
    {
        "conversation",
        "input",
        "instructions",
        "model",
        "parallel_tool_calls",
        "personality",
        "previous_response_id",
        "reasoning",
        "text",
        "tool_choice",
        "tools",
        "truncation",
    }
)
"""What OpenAI's SDK knows. `personality` chooses among styles of OpenAI's own models and adds nothing to others."""

MAX_PERSONALITY: Final = 64

STATE: Final = ("previous_response_id", "conversation")


def parse_count(body: object, *, unknown_parameters: UnknownParameters = "reject") -> CreateRequest:
    """The create request whose input is to be counted; the input may be absent where the request continues something.

    Raises ResponsesError (400), as `parse_create` does.
    """
    if not isinstance(body, dict):
        raise errors.invalid_body("Invalid body: expected a JSON object with the parameters of the request.")
    counted = {}
    for name, value in body.items():
        if name in PARAMETERS:
            counted[name] = value
        elif unknown_parameters == "reject" and name not in IGNORED_PARAMETERS:
            if name in MOVED_PARAMETERS:
                raise errors.moved_parameter(name, MOVED_PARAMETERS[name])
            raise errors.unknown_parameter(name, similar(name, PARAMETERS.difference(body)))
    _check_personality(counted.pop("personality", None))
    if counted.get("input") is None:
        counted.pop("input", None)
        if any(counted.get(name) is not None for name in STATE):
            counted["input"] = []
    return parse_create(counted, unknown_parameters=unknown_parameters)


def _check_personality(value: object) -> None:
    if value is None:
        return
    if not isinstance(value, str):
        raise errors.malformed_value("personality", "expected a string")
    if len(value) > MAX_PERSONALITY:
        raise errors.string_too_long("personality", MAX_PERSONALITY, len(value))
