"""What Gemini's models differ in, as far as the rules ask for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

ALL_LEVELS: Final = ("MINIMAL", "LOW", "MEDIUM", "HIGH")
THREE_LEVELS: Final = ("LOW", "MEDIUM", "HIGH")


@dataclass(frozen=True, slots=True)
class Model:
    """One model. `levels` and `budgets` are the thinking settings that it takes, empty and None for none; a budget of
    -1 leaves it to the model. `signed`: calls have to carry their signatures. `modern`: Gemini 3 and later."""

    levels: tuple[str, ...] = ()
    budgets: range | None = None
    signed: bool = False
    modern: bool = False

    @property
    def name_limit(self) -> int:
        """The most characters of a function's name."""
        return 128 if self.modern else 64

    @property
    def thinks(self) -> bool:
        """Whether a thinking configuration is taken at all."""
        return bool(self.levels) or self.budgets is not None


def _third(*levels: str) -> Model:
    return Model(levels=levels, signed=True, modern=True)


MODELS: Final[Mapping[str, Model]] = {
    "gemini-4-argon": _third(*THREE_LEVELS),
    "gemini-4-carbon": _third(*THREE_LEVELS),
    "gemini-3.8-flash": _third(*THREE_LEVELS),
    "gemini-3.7-flash": _third(*THREE_LEVELS),
    "gemini-3.5-flash": _third(*ALL_LEVELS),
    "gemini-3.1-pro-preview": _third(*THREE_LEVELS),
    "gemini-3-pro-preview": _third("LOW", "HIGH"),
    "gemini-3-flash-preview": _third(*ALL_LEVELS),
    "gemini-2.5-pro": Model(budgets=range(128, 32_769)),
    "gemini-2.5-flash": Model(budgets=range(24_577)),
    "gemini-2.0-flash": Model(),
    "gemini-1.5-flash": Model(),
}
