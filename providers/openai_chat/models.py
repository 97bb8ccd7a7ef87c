"""OpenAI's model families in Chat Completions: which efforts they take and what they think by default.

Source: the profiles of pydantic-ai 2.68 (verified there against the live API) and OpenAI's model pages.
"""

from dataclasses import dataclass
from typing import Final, TypeAlias

Efforts: TypeAlias = tuple[str, ...]

#: The values of `reasoning.effort`, from the least to the most.
EFFORTS: Final[Efforts] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")


@dataclass(frozen=True, slots=True)
class ModelFamily:
    """Models that share their rules.

    `prefixes` begin the names of its models. `efforts` are the accepted values (empty: the family does not reason;
    None: not known, any value may be sent). `thinks`: it reasons when no effort is asked for. `developer`: system
    messages have the role `developer`. `verbosity` and `cache_breakpoints`: it takes these.
    """

    prefixes: tuple[str, ...]
    efforts: Efforts | None
    thinks: bool = True
    developer: bool = True
    verbosity: bool = True
    cache_breakpoints: bool = False

    @property
    def reasons(self) -> bool:
        """Whether its models reason at all."""
        return self.efforts is None or bool(self.efforts)


#: Chat Completions takes `max` of no model, although Responses does: it is left out of every row.
_UP_TO_XHIGH: Final[Efforts] = ("low", "medium", "high", "xhigh")
_OFF_TO_XHIGH: Final[Efforts] = ("none", *_UP_TO_XHIGH)
_LOW_TO_HIGH: Final[Efforts] = ("low", "medium", "high")

OPENAI_FAMILIES: Final[tuple[ModelFamily, ...]] = (
    ModelFamily(("gpt-6-astra", "gpt-6.1-sol"), _UP_TO_XHIGH, cache_breakpoints=True),
    # The bare prefixes stand for models that are newer than this table; the empty one for names that it does not know.
    ModelFamily(
        ("", "gpt-", "gpt-6", "gpt-6-sol", "gpt-6-luna", "gpt-6.1-terra", "gpt-5.", "gpt-5.6"),
        _OFF_TO_XHIGH,
        cache_breakpoints=True,
    ),
    ModelFamily(("gpt-5.5",), _OFF_TO_XHIGH),
    ModelFamily(("gpt-5.4", "gpt-5.3", "gpt-5.2"), _OFF_TO_XHIGH, thinks=False),
    ModelFamily(("gpt-5.1",), ("none", *_LOW_TO_HIGH), thinks=False),
    ModelFamily(
        ("gpt-5.2-pro", "gpt-5.3-pro", "gpt-5.4-pro", "gpt-5.5-pro", "gpt-5.6-pro"), ("medium", "high", "xhigh")
    ),
    ModelFamily(("gpt-5-pro",), ("high",)),
    ModelFamily(
        ("gpt-5.1-chat", "gpt-5.2-chat", "gpt-5.3-chat", "gpt-5.4-chat", "gpt-5.5-chat", "gpt-5.6-chat"), ("medium",)
    ),
    ModelFamily(("gpt-5",), ("minimal", *_LOW_TO_HIGH)),
    ModelFamily(("gpt-5-chat",), (), thinks=False),
    ModelFamily(("o", "o1", "o3", "o4"), _LOW_TO_HIGH, verbosity=False),
    ModelFamily(
        ("gpt-4", "gpt-3", "gpt-audio", "gpt-realtime", "chatgpt-", "omni-", "davinci", "babbage"),
        (),
        thinks=False,
        developer=False,
        verbosity=False,
    ),
)


def family_of(model: str, families: tuple[ModelFamily, ...]) -> ModelFamily | None:
    """The family with the longest prefix of the name, None when there is none.

    A date or another suffix does not matter, nor do the `ft:` of a fine-tuned model and a folder in front.
    """
    name = _bare(model)
    best, length = None, -1
    for family in families:
        for prefix in family.prefixes:
            if len(prefix) > length and name.startswith(prefix):
                best, length = family, len(prefix)
    return best


def family_name(model: str, families: tuple[ModelFamily, ...]) -> str:
    """The longest prefix that the table knows of the model, else the model's own name."""
    name = _bare(model)
    known = [prefix for family in families for prefix in family.prefixes if name.startswith(prefix)]
    return max(known, key=len, default="") or name


def _bare(model: str) -> str:
    return model.lower().removeprefix("ft:").rpartition("/")[2]


def accepted_effort(effort: str, efforts: Efforts | None) -> str | None:
    """The accepted effort nearest upwards, else the highest; None when there is none at all."""
    if efforts is None or effort in efforts:
        return effort
    if not efforts or effort not in EFFORTS:
        return efforts[-1] if efforts else None
    ranked = sorted((each for each in efforts if each in EFFORTS), key=EFFORTS.index)
    above = [each for each in ranked if EFFORTS.index(each) >= EFFORTS.index(effort)]
    return above[0] if above else ranked[-1] if ranked else None
