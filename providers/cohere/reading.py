"""Reading JSON that may have any shape: what is not as expected counts as absent."""

import math
from typing import TypeAlias

import orjson

from proxy.provider.lenient_json import lenient_json

Json: TypeAlias = dict[str, object]


def parsed(data: bytes) -> object:
    """The value; None for what is no JSON."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return lenient_json(data)


def mapping(value: object) -> Json:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Json]:
    """The objects in an array."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text(value: object) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def index(value: object) -> int | None:
    """A place in a list or in a text, else None."""
    return value if type(value) is int and 0 <= value < 2**53 else None


def count(value: object) -> int | None:
    """The number of something, rounded: the vendor counts in floats. None for what is no such number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        return None
    return round(value)


def probability(value: object) -> float | None:
    """The logarithm of a probability, else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return None
    return float(value)
