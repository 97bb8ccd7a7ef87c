"""Client keys: who asks. Kept as hashes, compared in constant time."""

import hashlib
import hmac
import time
from collections.abc import Sequence

from proxy.exchange.gateway import Client
from proxy.provider.secret import Secret
from proxy.responses.errors import ResponsesError

REFRESH = 5.0
"""How often, in seconds, keys that lie in files are looked at again."""

ANYONE = Client()


class Keys:
    """The clients and their keys. Without any, everyone is the client `default`."""

    def __init__(self, clients: Sequence[tuple[Client, Secret]]) -> None:
        self._clients = list(clients)
        self._hashes: list[tuple[bytes, Client]] = []
        self._refreshed = float("-inf")

    def identify(self, authorization: str | None) -> Client:
        """The client behind an `Authorization` header. Raises ResponsesError (401), in the same words for every wrong
        key."""
        if not self._clients:
            return ANYONE
        if not authorization:
            raise ResponsesError(
                401,
                "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.",
            )
        scheme, _, key = authorization.partition(" ")
        now = time.monotonic()
        if now - self._refreshed > REFRESH:
            self._hashes = [(_hash(secret.reveal()), client) for client, secret in self._clients]
            self._refreshed = now
        found: Client | None = None
        digest = _hash(key.strip())
        for known, client in self._hashes:
            if hmac.compare_digest(known, digest):
                found = client
        if found is None or scheme.lower() != "bearer":
            raise ResponsesError(401, "Incorrect API key provided.", code="invalid_api_key")
        return found


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogateescape")).digest()
