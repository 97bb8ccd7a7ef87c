"""How much work a piece of code does, counted and not timed: the lines that run, and the sizes of what they handle.

A text, or bytes, count with their length whenever a function is given them, gives them back, or a line binds new ones
to a name: so joining or parsing everything anew with each small piece is seen, though it is one line and one call.
"""

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

_SIZED: Final = (str, bytes)

_UNIT: Final = 64
"""So many characters count as much as a line."""


def work(run: Callable[[], object], *packages: str) -> int:
    """The work of `run` inside the packages whose folders have these names, in lines or what costs as much."""
    counter = _Counter(tuple(f"/{package}/" for package in packages))
    before = sys.gettrace()
    sys.settrace(counter.called)
    try:
        run()
    finally:
        sys.settrace(before)
    return counter.units


def growth(run: Callable[[int], Callable[[], object]], size: int, *packages: str) -> float:
    """How many times more work there is for four times the size: about four where it is linear, sixteen where it is
    quadratic. `run` prepares a run of a size, which does not count."""
    run(size)()  # what is imported, compiled and kept the first time
    return work(run(4 * size), *packages) / work(run(size), *packages)


class _Counter:
    def __init__(self, folders: tuple[str, ...]) -> None:
        self.units = 0
        self._folders = folders
        self._inside: dict[Any, bool] = {}

    def called(self, frame: FrameType, event: str, given: object) -> Callable[..., Any] | None:
        code = frame.f_code
        inside = self._inside.get(code)
        if inside is None:
            inside = self._inside[code] = any(folder in code.co_filename for folder in self._folders)
        if not inside:
            return None
        known: dict[str, int] = {}
        self._bound(frame, known)

        def line(frame: FrameType, event: str, given: object) -> Callable[..., Any]:
            self.units += 1
            self._bound(frame, known)
            if event == "return" and isinstance(given, _SIZED):
                self.units += len(given) // _UNIT
            return line

        return line

    def _bound(self, frame: FrameType, known: dict[str, int]) -> None:
        for name, value in frame.f_locals.items():
            if isinstance(value, _SIZED) and known.get(name) != id(value):
                known[name] = id(value)
                self.units += len(value) // _UNIT
