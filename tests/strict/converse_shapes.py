"""The values of Bedrock's Converse, held against the service model that AWS publishes with botocore: which members each
has, and of which kind. Everything else is refused, as the vendor refuses what it does not know."""

import base64
import binascii
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Final, TypeAlias

from botocore.session import Session

Fault: TypeAlias = tuple[str, str, str]
"""(rule, path, detail)."""

IN_THE_URL: Final = "modelId"


@cache
def input_shape(operation: str) -> Any:
    """The input of an operation of Bedrock Runtime."""
    return Session().get_service_model("bedrock-runtime").operation_model(operation).input_shape


def faults(body: Mapping[str, Any], operation: str) -> Iterator[Fault]:
    """What the body has that the operation's input has not, and what it lacks."""
    yield from _structure({IN_THE_URL: "x", **body}, input_shape(operation), "")


def _value(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    if getattr(shape, "is_document_type", False):
        return
    check = _KINDS.get(shape.type_name)
    if check is not None:
        yield from check(value, shape, path)


def _structure(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield "wrong-kind", path, "an object"
        return
    for name in value:
        if name not in shape.members:
            yield "unknown-member", _below(path, name), ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield "required", _below(path, name), ""
    if getattr(shape, "is_tagged_union", False) and len(value) != 1:
        yield "union", path, ", ".join(sorted(value))
    for name, inner in value.items():
        if name in shape.members and inner is not None:
            yield from _value(inner, shape.members[name], _below(path, name))


def _list(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield "wrong-kind", path, "a list"
        return
    yield from _bounds(len(value), shape, path)
    for index, entry in enumerate(value):
        yield from _value(entry, shape.member, f"{path}.{index}")


def _map(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, dict):
        yield "wrong-kind", path, "an object"
        return
    yield from _bounds(len(value), shape, path)
    for key, entry in value.items():
        yield from _value(key, shape.key, path)
        yield from _value(entry, shape.value, _below(path, key))


def _string(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield "wrong-kind", path, "a string"
        return
    yield from _bounds(len(value), shape, path)
    if shape.enum and value not in shape.enum:
        yield "enum", path, value
    pattern = shape.metadata.get("pattern")
    if pattern and not re.fullmatch(pattern, value):
        yield "pattern", path, value[:40]


def _blob(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    try:
        content = base64.b64decode(value, validate=True)
    except (TypeError, ValueError, binascii.Error):
        yield "wrong-kind", path, "base64"
        return
    yield from _bounds(len(content), shape, path)


def _number(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    whole = shape.type_name in ("integer", "long")
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        yield "wrong-kind", path, "a number"
        return
    yield from _bounds(value, shape, path)


def _boolean(value: Any, shape: Any, path: str) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield "wrong-kind", path, "true or false"


def _bounds(size: float, shape: Any, path: str) -> Iterator[Fault]:
    if not shape.metadata.get("min", size) <= size <= shape.metadata.get("max", size):
        yield "bounds", path, str(size)


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


_KINDS: Final[Mapping[str, Callable[[Any, Any, str], Iterator[Fault]]]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "blob": _blob,
    "integer": _number,
    "long": _number,
    "float": _number,
    "double": _number,
    "boolean": _boolean,
}
