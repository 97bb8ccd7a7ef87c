"""What each Cohere model can do, as data.

`Model` holds the defaults, which are the newest models'; `models.toml` holds what other families differ in. A name that
no row fits counts as one of the newest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from proxy.provider.capabilities import Capabilities
from proxy.provider.families import Changes, Families, shipped_rows

BUDGETS: Final[Mapping[str, int]] = {
    "minimal": 512,
    "low": 2_048,
    "medium": 8_192,
    "high": 16_384,
    "xhigh": 31_000,
    "max": 31_000,
}
"""Tokens of thinking for each effort."""

REQUEST_EFFORTS: Final = ("none", *BUDGETS)
"""The values of `reasoning.effort`; all are translated for every model that thinks."""

NEWEST: Final = Capabilities(
    # Text files are told as text; there is no part for any other.
    files=True,
    file_urls=False,
    logprobs=True,
)


@dataclass(frozen=True, slots=True)
class Model:
    """One row of the table.

    `thinks`: reasons before it answers, unless it is told not to. `tool_choice`: takes one. `safety_off`: takes the
    safety mode OFF. `capabilities`: what the core has to know.
    """

    thinks: bool = True
    tool_choice: bool = True
    safety_off: bool = False
    capabilities: Capabilities = NEWEST


def model_families(extensions: Mapping[str, Changes] | None = None) -> Families[Model]:
    """The shipped rows, with an operator's. Raises ValueError for what a row does not have."""
    return Families(Model(), shipped_rows("providers.cohere"), extensions)


def capabilities_of(name: str, families: Families[Model]) -> Capabilities:
    """The row as the core reads it. Thinking goes back to the very model that it is of."""
    row = families.find(name).row
    return replace(
        row.capabilities,
        family=name.lower(),
        reasoning=row.thinks,
        efforts=REQUEST_EFFORTS if row.thinks else None,
        forced_tool_choice=row.tool_choice,
    )
