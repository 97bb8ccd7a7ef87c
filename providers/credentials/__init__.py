"""Credentials of the clouds that host models of several vendors: what signs or carries a call there.

Each module has the settings that say where a credential comes from, and a class that gives the headers of a call. A
credential that ends is renewed in time (`proxy.provider.renewal`). Libraries of the clouds are asked in a thread, and
only for what they are needed for: each is an extra.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from proxy.provider.contract import Call


class Credentials(Protocol):
    """What proves to one endpoint who calls."""

    async def authorize(self, call: Call, url: str) -> Mapping[str, str]:
        """The headers that carry the proof, for a call to this very URL. Raises ProviderError where none can be had."""
        ...

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """As `Provider.renew`."""
        ...

    def credential_headers(self) -> Sequence[str]:
        """The names of the headers that `authorize` gives, as far as they are secret."""
        ...

    def fingerprint(self) -> str:
        """16 hexadecimal characters that stand for the account, without asking anybody."""
        ...
