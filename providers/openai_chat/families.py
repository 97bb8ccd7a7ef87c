"""Which row a model has: the dialect's own, changed by what `models.toml` and the configuration say of its family."""

from collections.abc import Mapping
from typing import Final

from providers.openai_chat.dialect import Dialect
from proxy.provider.families import Changes, Families, changed, shipped_rows

_PACKAGE = "providers.openai_chat"

OF_ONE_MAKER: Final = frozenset({"openai", "deepseek", "xai", "moonshot", "glm", "minimax", "mistral", "perplexity"})
"""The dialects of servers that serve their maker's models alone: the rows of open weights say nothing of these."""


def families(
    dialect: Dialect, switches: Changes | None = None, extensions: Mapping[str, Changes] | None = None
) -> Families[Dialect]:
    """The rows of a dialect's models. `switches` change the dialect itself, `extensions` single families. Raises
    ValueError for columns that there are not and values that do not fit."""
    default, shipped = changed(dialect, switches or {}, "switches"), rows(dialect)
    try:
        return Families(default, shipped, {bare(name): changes for name, changes in (extensions or {}).items()})
    except ValueError as error:
        raise ValueError(f"families.{error}") from None


def rows(dialect: Dialect) -> list[tuple[tuple[str, ...], Changes]]:
    """What `models.toml` says of the dialect's models: its own rows, and those of open weights that it has not."""
    shipped = [*shipped_rows(_PACKAGE, dialect.name)]
    if dialect.name in OF_ONE_MAKER:
        return shipped
    own = {prefix for prefixes, _ in shipped for prefix in prefixes}
    for prefixes, changes in shipped_rows(_PACKAGE, "weights"):
        shipped.append((tuple(prefix for prefix in prefixes if prefix not in own), changes))
    return shipped


def bare(model: str) -> str:
    """The model's name without the folders in front, the `ft:` of a fine-tuned model and the `#` of a deployment."""
    return model.removeprefix("ft:").partition("#")[0].rstrip("/").rpartition("/")[2]
