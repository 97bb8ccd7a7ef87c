"""Reasoning efforts: the values of Responses, and the nearest one that a model takes."""

from typing import Final, TypeAlias

Efforts: TypeAlias = tuple[str, ...]

#: The values of `reasoning.effort`, from the least to the most.
EFFORTS: Final[Efforts] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


def accepted_effort(effort: str, efforts: Efforts | None) -> str | None:
    """The accepted effort nearest upwards, else the highest; None when there is none at all."""
    if efforts is None or effort in efforts:
        return effort
    if not efforts or effort not in EFFORTS:
        return efforts[-1] if efforts else None
    ranked = sorted((each for each in efforts if each in EFFORTS), key=EFFORTS.index)
    above = [each for each in ranked if EFFORTS.index(each) >= EFFORTS.index(effort)]
    return above[0] if above else ranked[-1] if ranked else None
