"""What each Gemini model can do, as data.

`Model` holds the defaults, which are the newest models'; `models.toml` holds what other families differ in. A name that
no row fits, as that of a model of tomorrow or an alias like `gemini-flash-latest`, counts as one of the newest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from providers.gemini.address import bare_name
from providers.gemini.hosts import HostName
from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Changes, Families, shipped_rows

ThinkingStyle: TypeAlias = Literal["none", "budget", "level"]
Level: TypeAlias = Literal["MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"]

HOSTED_TOOLS: Final = ("web_search", "code_interpreter", "file_search", "image_generation")
"""The vendor's own tools that are translated; what else stands in a row is not offered."""

REQUEST_EFFORTS: Final = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""The values of `reasoning.effort`, from the least to the most; all are translated for every model that thinks."""

NEWEST: Final = Capabilities(
    audio=True,
    allowed_tools=True,
    tool_name_limit=128,
    tool_name_starts_with_letter=True,
    hosted_tools=("web_search", "code_interpreter", "file_search"),
    logprobs=True,
)


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table.

    `thinking`: how thinking is set: by a level, by a budget of tokens, or not at all. `levels` are those that the model
    takes, from the least to the most. `budgets` are tokens for each effort; an effort that is missing has the next
    one's, so `none` stands there only where thinking can be turned off. `validated`: takes the calling mode VALIDATED.
    `placeholder`: demands signatures of calls, and takes a placeholder where there is none. `schema_with_tools`: holds
    to a response schema in a request with functions. `result_media`: takes media inside function responses.
    `media_resolution`: takes a resolution for each part. `system_instruction`: takes one. `bills_queries`: each query
    of a search is billed; else the answer is, once. `off_at`: hosts where a budget of 0 turns thinking off, although it
    is set by levels.
    """

    thinking: ThinkingStyle = "level"
    levels: tuple[Level, ...] = ("LOW", "MEDIUM", "HIGH")
    budgets: Mapping[str, int] = field(default_factory=dict)
    validated: bool = True
    placeholder: bool = True
    schema_with_tools: bool = True
    result_media: bool = True
    media_resolution: bool = True
    system_instruction: bool = True
    bills_queries: bool = True
    off_at: tuple[HostName, ...] = ()
    capabilities: Capabilities = NEWEST


def model_families(extensions: Mapping[str, Changes] | None = None) -> Families[Model]:
    """The shipped rows, with an operator's. Raises ValueError for what a row does not have."""
    return Families(Model(), shipped_rows("providers.gemini"), extensions)


def model_named(name: str, families: Families[Model]) -> Model:
    """The row of a model."""
    return families.find(bare_name(name)).row


def capabilities_of(
    name: str, families: Families[Model], absent: frozenset[str] = frozenset(), *, image_urls: bool = True
) -> Capabilities:
    """The row as the core reads it. Signatures are bound to the model, so the family is its exact name. `absent`: tools
    of the vendor's that nothing is configured for, or that the host has not. `image_urls`: the host reads them."""
    row = model_named(name, families)
    thinks = row.thinking != "none"
    return replace(
        row.capabilities,
        family=bare_name(name),
        image_urls=row.capabilities.image_urls and image_urls,
        reasoning=thinks,
        efforts=REQUEST_EFFORTS if thinks else None,
        hosted_tools=tuple(
            tool for tool in row.capabilities.hosted_tools if tool in HOSTED_TOOLS and tool not in absent
        ),
    )
