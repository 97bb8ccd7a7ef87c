"""Turns what pydantic reports into problems that say where, what was found and what is allowed."""

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from config.document import Document
from config.errors import Location, Problem, suggestion, value_text
from config.settings import MappingOf

_EXPECTED = {
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number",
    "float_parsing": "a number",
    "float_type": "a number",
    "decimal_parsing": "a number",
    "decimal_type": "a number",
    "decimal_max_places": "a number with at most {decimal_places} decimals",
    "finite_number": "a number",
    "string_type": "text",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "dict_type": "a mapping",
    "mapping_type": "a mapping",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "literal_error": "{expected}",
    "enum": "{expected}",
    "greater_than": "a number above {gt}",
    "greater_than_equal": "a number not below {ge}",
    "less_than": "a number below {lt}",
    "less_than_equal": "a number not above {le}",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_too_short": "at least {min_length} characters",
    "string_too_long": "at most {max_length} characters",
    "too_short": "a list of at least {min_length}",
    "too_long": "a list of at most {max_length}",
}
_STRUCTURES = frozenset({"a mapping", "a list"})


def problems_of(
    error: ValidationError,
    document: Document,
    model: type[BaseModel],
    *,
    prefix: Location = (),
    more_keys: Sequence[str] = (),
) -> Iterator[Problem]:
    """The problems in a validation error of `model`, whose data stands at `prefix` in the document. `more_keys` are
    known at the top of the data besides the model's own."""
    for details in error.errors(include_url=False):
        yield _problem(details, document, model, prefix, more_keys)


def _problem(
    details: ErrorDetails, document: Document, model: type[BaseModel], prefix: Location, more_keys: Sequence[str]
) -> Problem:
    kind = details["type"]
    reported = details["loc"]
    if kind in ("extra_forbidden", "missing"):
        location = (*written_location(document.data, (*prefix, *reported[:-1])), reported[-1])
        if kind == "missing":
            return document.problem(location, "is missing", "expected a value")
        known = [*known_keys(model, reported[:-1]), *(more_keys if len(reported) == 1 else ())]
        return document.problem(location, "unknown key", suggestion(str(reported[-1]), known, "keys"))
    location = written_location(document.data, (*prefix, *reported))
    context: Mapping[str, Any] = details.get("ctx", {})
    if kind in ("value_error", "assertion_error"):
        message = document.mask(str(context.get("error") or details["msg"]))
        if not message.startswith("expected "):
            value = details["input"]
            if isinstance(value, str | int | float) and not document.secret(location, value):
                return document.problem(location, f"found {value_text(value)}", message)
            return document.problem(location, message)
        allowed = message.removeprefix("expected ")
    elif kind in _EXPECTED:
        allowed = _EXPECTED[kind].format_map(
            {name: f"{value:g}" if isinstance(value, float) else value for name, value in context.items()}
        )
    else:
        allowed = document.mask(details["msg"].removeprefix("Input should be "))
    return document.problem(location, found(document, location, details["input"], allowed), f"expected {allowed}")


def found(document: Document, location: Location, value: object, allowed: str = "") -> str:
    """What was found at a place, as far as it may be shown."""
    if isinstance(value, BaseModel):
        value = {}
    if value is None or isinstance(value, dict | list | tuple):
        return f"found {value_text(value)}"
    if allowed in _STRUCTURES:
        # text in the wrong place may well be a key
        return "found text" if isinstance(value, str) else f"found {value_text(value)}"
    return "found a value that is not shown" if document.secret(location, value) else f"found {value_text(value)}"


def written_location(data: object, reported: Sequence[str | int]) -> Location:
    """The part of a reported location that the written data has."""
    # pydantic adds names of its own (union branches, "[key]", normalised forms): only what the file holds is a path
    location: list[str | int] = []
    here: Any = data
    for part in reported:
        is_item = isinstance(here, list) and isinstance(part, int) and part < len(here)
        if is_item or (isinstance(here, dict) and part in here):
            here = here[part]
            location.append(part)
    return tuple(location)


def known_keys(model: type[BaseModel], location: Sequence[str | int]) -> list[str]:
    """The keys that may stand at a place below a model; empty where that cannot be told."""
    candidates: list[Any] = [model]
    for part in location:
        candidates = [below for candidate in candidates for below in _below(candidate, part)]
    return [
        key for candidate in candidates for alternative in _alternatives(candidate) for key in fields_of(alternative)
    ]


def fields_of(annotation: object) -> dict[str, FieldInfo]:
    """The fields of a model under the keys they are written with; none for another type."""
    if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return {}
    return {field.alias or name: field for name, field in annotation.model_fields.items()}


def _below(annotation: object, part: str | int) -> Iterator[object]:
    for alternative in _alternatives(annotation):
        if field := fields_of(alternative).get(str(part)):
            checked_by = next((item.model for item in field.metadata if isinstance(item, MappingOf)), None)
            yield checked_by or field.annotation
        elif arguments := get_args(alternative):
            # the values of a mapping, the items of a list
            yield arguments[1] if len(arguments) == 2 and isinstance(part, str) else arguments[0]


def _alternatives(annotation: object) -> Iterator[object]:
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _alternatives(get_args(annotation)[0])
    elif origin in (Union, types.UnionType):
        for argument in get_args(annotation):
            yield from _alternatives(argument)
    else:
        yield annotation
