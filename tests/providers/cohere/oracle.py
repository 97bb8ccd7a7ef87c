"""The vendor's own types of requests, of its client library: what they do not hold is no request."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cohere.v2.raw_client import RawV2Client
from pydantic import BaseModel, TypeAdapter

_PARAMETERS: Final = {
    name: TypeAdapter(parameter.annotation)
    for name, parameter in inspect.signature(RawV2Client.chat_stream).parameters.items()
    if name not in ("self", "request_options")
}


def unknown_to_the_sdk(body: Mapping[str, Any]) -> list[str]:
    """The places of the body that the types do not hold. Raises ValidationError for what does not fit."""
    found: list[str] = []
    for name, value in body.items():
        if name in _PARAMETERS:
            found += _extra(_PARAMETERS[name].validate_python(value), name)
        elif name != "stream":
            found.append(name)
    return found


def _extra(value: object, path: str) -> Iterator[str]:
    """What the types took without knowing it."""
    if isinstance(value, BaseModel):
        yield from (f"{path}.{name}" for name in value.model_extra or {})
        for name in type(value).model_fields:
            yield from _extra(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _extra(each, f"{path}[{index}]")
