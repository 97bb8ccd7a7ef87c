"""Conversations: the requests that make and change them, and the objects that answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, NotRequired

from pydantic import FailFast, Field, TypeAdapter
from typing_extensions import TypedDict

from proxy.responses import errors
from proxy.responses.errors import ResponsesError
from proxy.responses.items import InputItem
from proxy.responses.request import Metadata, similar
from proxy.responses.validation import UnknownParameters, ValidatedT, Validator

MAX_ITEMS: Final = 20
"""How many items one request may bring."""

UNKEPT_ITEMS: Final = frozenset({"compaction_trigger"})
"""Items that ask for something at once and say nothing later."""

Items = Annotated[list[InputItem], FailFast(), Field(max_length=MAX_ITEMS)]


class CreateParameters(TypedDict):
    """The body of POST /v1/conversations."""

    items: NotRequired[Items]
    metadata: NotRequired[Metadata]


class UpdateParameters(TypedDict):
    """The body of POST /v1/conversations/{id}."""

    metadata: NotRequired[Metadata]


class AddParameters(TypedDict):
    """The body of POST /v1/conversations/{id}/items."""

    items: Items


CREATE: Final = Validator(TypeAdapter(CreateParameters))
UPDATE: Final = Validator(TypeAdapter(UpdateParameters))
ADD: Final = Validator(TypeAdapter(AddParameters))


@dataclass(frozen=True, slots=True)
class NewConversation:
    """What a new conversation begins with."""

    items: list[InputItem] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def parse_create(body: object, *, unknown_parameters: UnknownParameters = "reject") -> NewConversation:
    """The request for a new conversation; raises ResponsesError (400)."""
    given = _given(body, CreateParameters.__annotations__, unknown_parameters)
    parameters = _validated(CREATE, given, unknown_parameters)
    items = parameters.get("items", [])
    _check_kept(items)
    return NewConversation(items, parameters.get("metadata", {}))


def parse_update(body: object, *, unknown_parameters: UnknownParameters = "reject") -> dict[str, str]:
    """The new metadata of a conversation, where null is none; raises ResponsesError (400)."""
    given = _given(body, UpdateParameters.__annotations__, unknown_parameters, required="metadata")
    return _validated(UPDATE, given, unknown_parameters).get("metadata", {})


def parse_items(body: object, *, unknown_parameters: UnknownParameters = "reject") -> list[InputItem]:
    """The items that a conversation is to get, at least one; raises ResponsesError (400)."""
    given = _given(body, AddParameters.__annotations__, unknown_parameters, required="items")
    if "items" not in given:
        raise errors.invalid_type("items", "an array of input items", "null")
    items = _validated(ADD, given, unknown_parameters)["items"]
    if not items:
        raise errors.array_empty("items")
    _check_kept(items)
    return items


def conversation_object(conversation_id: str, created_at: int, metadata: Mapping[str, str]) -> dict[str, object]:
    """A conversation as clients see it; `created_at` in seconds since the epoch."""
    return {"id": conversation_id, "object": "conversation", "created_at": created_at, "metadata": dict(metadata)}


def _given(
    body: object, known: Collection[str], unknown_parameters: UnknownParameters, *, required: str | None = None
) -> dict[str, Any]:
    """The parameters that are not null, checked in the order of a create request: required ones, then unknown ones."""
    if not isinstance(body, dict):
        raise errors.invalid_body("Invalid body: expected a JSON object with the parameters of the request.")
    if required is not None and required not in body:
        raise errors.missing_parameter(required)
    if unknown_parameters == "reject":
        for name in body:
            if name not in known:
                raise errors.unknown_parameter(name, similar(name, [one for one in known if one not in body]))
    return {name: value for name, value in body.items() if name in known and value is not None}


def _validated(
    validator: Validator[ValidatedT], given: Mapping[str, Any], unknown_parameters: UnknownParameters
) -> ValidatedT:
    items = given.get("items")
    if isinstance(items, list) and len(items) > MAX_ITEMS:
        # Counted before any item is looked at: the first of too many may be wrong as well.
        raise errors.array_too_long("items", MAX_ITEMS, len(items))
    return validator.validate(given, unknown_parameters=unknown_parameters)


def _check_kept(items: list[InputItem]) -> None:
    for index, item in enumerate(items):
        if item["type"] in UNKEPT_ITEMS:
            raise ResponsesError(
                400,
                f"Invalid value: '{item['type']}'. A conversation does not keep items of this type.",
                param=f"items[{index}]",
                code="invalid_value",
            )
