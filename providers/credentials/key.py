"""A key of the operator's own, which nobody issues and which does not end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proxy.provider.contract import Call
from proxy.provider.secret import Secret


@dataclass(frozen=True, slots=True)
class Key:
    """A key, or none. `headers`: those that carry it, and what stands before it in them."""

    key: Secret | None
    headers: Mapping[str, str]

    async def authorize(self, call: Call, url: str) -> Mapping[str, str]:
        """The key in its headers."""
        key = self._revealed()
        return {name: before + key for name, before in self.headers.items()} if key else {}

    def renew(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """There is no other."""
        return False

    def credential_headers(self) -> Sequence[str]:
        """The headers, where there is a key."""
        return tuple(self.headers) if self._revealed() else ()

    def fingerprint(self) -> str:
        """Stands for the key."""
        return self.key.fingerprint() if self.key is not None else ""

    def _revealed(self) -> str:
        return self.key.reveal() if self.key is not None else ""
