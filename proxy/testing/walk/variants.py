"""A walk over the types of a request: for each type a value, and for each of its members a value that has it.

What is accepted is described by TypedDicts (`proxy.responses.request`, `items`, `tools`, `content_parts`), so a member
that is added there is tried here without being named.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Required, TypeAlias, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from typing_extensions import ReadOnly, get_type_hints, is_typeddict

TypeForm: TypeAlias = Any
"""A type as it stands in an annotation."""

Json: TypeAlias = Any
"""Any JSON value."""

MARK = "mark3141"
PNG = (
    "data:image/png;base64,"
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABXvMqOgAAAABJRU5ErkJggg=="
)
PDF = "data:application/pdf;base64,JVBERi0xLjQKJSBtYXJrMzE0MQo="
SOUND = "bWFyazMxNDE="
"""Sound of which nobody can tell the format: a format that the content belies is corrected."""

SPECIAL: Mapping[str, Any] = {
    "image_url": PNG,
    "file_data": PDF,
    "file_url": f"https://example.com/{MARK}.pdf",
    "server_url": f"https://example.com/{MARK}",
    "data": SOUND,
    "arguments": f'{{"a":"{MARK}"}}',
    "call_id": "call_1",
    "result": PNG.partition(",")[2],
    "parameters": {"type": "object", "properties": {MARK: {"type": "string"}}},
    "schema": {
        "type": "object",
        "properties": {MARK: {"type": "string"}},
        "required": [MARK],
        "additionalProperties": False,
    },
    "input_schema": {"type": "object"},
    "output_schema": {"type": "object"},
    "compact_threshold": 5000,
    "start_index": 0,
    "end_index": 1,
    "index": 0,
}
"""Members that take not just any value of their type."""


@dataclass(frozen=True)
class Variant:
    """A value of a type that has one member set. `path` is the member, inside the value (`format.definition`)."""

    path: str
    value: Any


def value_of(annotation: TypeForm, name: str = "") -> Json:
    """A value of the type, with what it cannot be without; `name` is the member that it is for."""
    if name in SPECIAL:
        return SPECIAL[name]
    kind = first_of(annotation)
    if is_typeddict(kind):
        return {member: value_of(hint, member) for member, hint in members(kind).items() if member in required(kind)}
    origin = origin_of(kind)
    if origin is Literal:
        return get_args(kind)[0]
    if origin is list:
        return [value_of(get_args(kind)[0])]
    if origin is dict:
        return {"a": value_of(get_args(kind)[1])}
    return {str: MARK, int: 3, bool: True, float: 0.5}.get(kind, {"type": "object", "properties": {}})


def variants(kind: TypeForm, around: frozenset[TypeForm] = frozenset()) -> Iterator[Variant]:
    """For each member of a TypedDict, as deep as they go, and each of its values that are told apart: a value that has
    it. The first is the value without any member that may be left out. `around` are the types that this one stands in:
    of a type inside itself only the first value is made."""
    base = value_of(kind)
    yield Variant("", base)
    if kind in around:
        return
    for member, hint in members(kind).items():
        for alternative in alternatives(hint):
            for inner in _inner(alternative, member, around | {kind}):
                if inner.value != base.get(member):
                    yield Variant(
                        ".".join(part for part in (member, inner.path) if part), {**base, member: inner.value}
                    )


def _inner(annotation: TypeForm, name: str, around: frozenset[TypeForm]) -> Iterator[Variant]:
    if name in SPECIAL:
        yield Variant("", SPECIAL[name])
    elif is_typeddict(annotation):
        yield from variants(annotation, around)
    elif origin_of(annotation) is Literal:
        yield from (Variant("", value) for value in get_args(annotation))
    elif origin_of(annotation) is list:
        for alternative in alternatives(get_args(annotation)[0]):
            yield from (
                Variant(f"0.{inner.path}".rstrip("."), [inner.value]) for inner in _inner(alternative, "", around)
            )
    else:
        yield Variant("", value_of(annotation, name))


def alternatives(annotation: TypeForm) -> list[TypeForm]:
    """The types of a union, without None; a union inside a union is opened, and recursion stops at the second round."""
    kind = bare(annotation)
    if origin_of(kind) in (Union, types.UnionType):
        return [inner for option in get_args(kind) if option is not type(None) for inner in alternatives(option)]
    return [kind]


def origin_of(annotation: TypeForm) -> object:
    """What a type with arguments is a kind of."""
    return get_origin(annotation)


def first_of(annotation: TypeForm) -> TypeForm:
    """The first type of a union."""
    return alternatives(annotation)[0]


def bare(annotation: TypeForm) -> TypeForm:
    """The type behind what is said about it."""
    while True:
        if origin_of(annotation) in (Annotated, NotRequired, Required, ReadOnly):
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, FieldInfo):
            annotation = annotation.annotation
        else:
            return annotation


def members(kind: TypeForm) -> dict[str, TypeForm]:
    """The members of a TypedDict and their types."""
    return get_type_hints(kind, include_extras=True)


def required(kind: TypeForm) -> frozenset[str]:
    """The members that a TypedDict cannot be without."""
    return frozenset(kind.__required_keys__)
