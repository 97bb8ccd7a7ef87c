"""The servers that speak Chat Completions, one row each. What the columns mean stands in `dialect`, what the models
behind a server differ in stands in `models.toml`."""

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from providers.openai_chat.dialect import Dialect
from providers.openai_chat.dialects.hosts import HOSTS
from providers.openai_chat.dialects.makers import MAKERS, OPENAI
from providers.openai_chat.dialects.self_hosted import GENERIC, SELF_HOSTED

__all__ = ["DIALECTS", "GENERIC", "OPENAI", "detected"]

DIALECTS: Final[Mapping[str, Dialect]] = {dialect.name: dialect for dialect in (*MAKERS, *HOSTS, *SELF_HOSTED, GENERIC)}


def detected(base_url: str) -> Dialect:
    """The dialect of `dialect: auto`: the one that knows the address's host or a domain above it, else the generic."""
    host = urlsplit(base_url).hostname or ""
    for dialect in DIALECTS.values():
        if any(host == known or host.endswith(f".{known}") for known in dialect.hosts):
            return dialect
    return GENERIC
