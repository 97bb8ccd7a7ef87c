"""What Chat Completions is at Mistral, and what its models differ in: the row and the families that the dialect
`mistral` of `openai_chat` has, too, changed by what is particular to a host."""

from collections.abc import Mapping
from typing import Any

from providers.mistral.hosts import Host
from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects import DIALECTS
from providers.openai_chat.families import families
from proxy.provider.families import Changes, Families


def rows(host: Host, extensions: Mapping[str, Changes], *, file_ids: bool = False) -> Families[Dialect]:
    """The rows of the models at the host; `extensions` are the operator's. Raises ValueError for columns that there are
    not and values that do not fit."""
    columns: dict[str, Any] = {**host.columns}
    if file_ids:
        columns["file_ids"] = True
    return families(DIALECTS["mistral"], columns, extensions)
