"""`POST /v1/responses/compact`: what a request may contain, and the object that answers it."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from proxy.responses import errors
from proxy.responses.items import InputItem
from proxy.responses.request import CreateRequest, parse_create
from proxy.responses.validation import UnknownParameters

PARAMETERS_OF_RESPONSES: Final = frozenset(
    {
        "background",
        "background_options",
        "context_management",
        "conversation",
        "prompt",
        "stream",
        "stream_options",
    }
)
"""Parameters of create that mean nothing here. The others are taken, and have no effect unless they concern the input:
clients send what their next request would hold."""


_SETTINGS: Final = frozenset({"additional_tools", "configuration_update"})
"""Items that hold for what comes after them and that no summary can stand for."""


def parse_compact(body: object, *, unknown_parameters: UnknownParameters = "reject") -> CreateRequest:
    """The request in a decoded JSON body, as one to create a response that is the compaction of its input.

    Raises ResponsesError (400) as `parse_create` does, and where neither input nor a previous response is given.
    """
    if not isinstance(body, dict):
        raise errors.invalid_body("Invalid body: expected a JSON object with the parameters of the request.")
    given: dict[str, Any] = {name: value for name, value in body.items() if value is not None}
    for name in PARAMETERS_OF_RESPONSES.intersection(given):
        if unknown_parameters == "reject":
            raise errors.unknown_parameter(name)
        del given[name]
    given.setdefault("input", [])
    request = parse_create(given, unknown_parameters=unknown_parameters)
    if not request.input and request.previous_response_id is None:
        raise errors.input_missing()
    request.store = False
    if not request.input or request.input[-1]["type"] != "compaction_trigger":
        trigger: InputItem = {"type": "compaction_trigger"}
        request.input = [*request.input, trigger]
    return request


def compacted(response: Mapping[str, Any], history: Iterable[bytes]) -> dict[str, object]:
    """The object that answers, given the response whose output is the compaction item, and the items it stands for."""
    kept = [item for item in map(orjson.loads, history) if item["type"] in _SETTINGS or item.get("role") == "user"]
    return {
        "id": response["id"],
        "object": "response.compaction",
        "created_at": response["created_at"],
        "output": [*kept, *response["output"]],
        "usage": response["usage"],
    }
