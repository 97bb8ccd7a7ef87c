"""Servers of those who host the models of others."""

from typing import Final

from providers.openai_chat.dialect import Dialect

HOSTS: Final[tuple[Dialect, ...]] = ()
