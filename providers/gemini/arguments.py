"""Arguments of a function call that arrives in pieces (`partialArgs`, Vertex AI's `streamFunctionCallArguments`).

Each piece says by a JSON path (RFC 9535, names and indexes only) where its value belongs; a string may itself come in
pieces. Source: Vertex AI's guide to streaming function call arguments.
"""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final, TypeAlias

from providers.gemini.reading import Json, mappings, text

Step: TypeAlias = str | int
Container: TypeAlias = Json | list[object]

_STEP: Final = re.compile(
    r"""\.(?P<name>[^.\[\]]+) | \[(?P<index>\d{1,9})\] | \['(?P<single>[^']*)'\] | \["(?P<double>[^"]*)"\]""",
    re.VERBOSE,
)


class StreamedArguments:
    """The arguments of one call so far."""

    __slots__ = ("_continued", "value")

    def __init__(self) -> None:
        self.value: Json = {}
        self._continued = ""

    def feed(self, pieces: object) -> None:
        """Take in a chunk's `partialArgs`."""
        for piece in mappings(pieces):
            path = text(piece.get("jsonPath"))
            found = _value(piece)
            if found and (steps := _steps(path)):
                _put(self.value, steps, found[0], continued=path == self._continued)
            self._continued = path if piece.get("willContinue") is True else ""


def _value(piece: Json) -> tuple[object] | None:
    for name, kinds in (("stringValue", str), ("numberValue", (int, float)), ("boolValue", bool)):
        value = piece.get(name)
        if isinstance(value, kinds):
            return (value,)
    return (None,) if "nullValue" in piece else None


def _steps(path: str) -> list[Step]:
    """The names and indexes of a JSON path; none when it is not understood."""
    steps: list[Step] = []
    position = 1
    while path.startswith("$") and position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            return []
        position = step.end()
        index = step["index"]
        steps.append(int(index) if index is not None else step["name"] or step["single"] or step["double"] or "")
    return steps


def _put(root: Json, steps: Sequence[Step], value: object, *, continued: bool) -> None:
    place: Container = root
    for step, following in pairwise(steps):
        place = _inside(place, step, list if isinstance(following, int) else dict)
    earlier = _at(place, steps[-1])
    if continued and isinstance(earlier, str) and isinstance(value, str):
        value = earlier + value
    _set(place, steps[-1], value)


def _inside(place: Container, step: Step, kind: type[Json] | type[list[object]]) -> Container:
    """The container at a step, made if there is none of that kind."""
    inside = _at(place, step)
    if isinstance(inside, dict if kind is dict else list):
        container: Container = inside
    else:
        container = kind()
        _set(place, step, container)
    return container


def _at(place: Container, step: Step) -> object:
    if isinstance(place, dict):
        return place.get(str(step))
    return place[step] if isinstance(step, int) and step < len(place) else None


def _set(place: Container, step: Step, value: object) -> None:
    if isinstance(place, dict):
        place[str(step)] = value
    elif isinstance(step, int) and step < len(place):
        place[step] = value
    else:
        # Elements come in order; an index far away must not make a long list.
        place.append(value)
