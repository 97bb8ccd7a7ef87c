"""Reading JSON that may have any shape: what is not as expected counts as absent."""

import json
from typing import TypeAlias

import orjson

Json: TypeAlias = dict[str, object]


def mapping(value: object) -> Json:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[object]:
    """The array, or an empty one."""
    return value if isinstance(value, list) else []


def mappings(value: object) -> list[Json]:
    """The objects in an array."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The strings in an array that say something."""
    return [each for each in value if isinstance(each, str) and each] if isinstance(value, list) else []


def text(value: object) -> str:
    """The string, or an empty one."""
    return value if isinstance(value, str) else ""


def count(value: object) -> int | None:
    """The number of something: a number that is not negative, else None."""
    if type(value) is int and 0 <= value < 2**53:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 2**53:
        return None
    return int(value)


def json_text(value: Json) -> str:
    """The object as JSON text; an empty one where it is nested too deeply to be printed."""
    try:
        return orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        # orjson prints no integers of more than 64 bits, and only 254 levels.
        try:
            return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        except RecursionError:
            return "{}"
