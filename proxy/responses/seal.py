"""The sealed proof: a vendor's opaque reasoning, wrapped into `encrypted_content` so that it survives the client.

`dg1.<key id>.<base64url(zlib(json))>.<base64url(HMAC-SHA256)>`. It is signed, not encrypted: what it holds was given to
this very client already. The seal says where the proof came from, so that it goes back only there.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
import zlib
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import NamedTuple

import orjson

from proxy.responses.errors import ResponsesError

PREFIX = "dg1"
MAX_OPENED_SIZE = 64 * 2**20
"""The largest sealed content that is unpacked, in bytes."""


class SealKey(NamedTuple):
    """A signing key and the id under which seals name it."""

    id: str
    key: bytes


@dataclass(frozen=True, slots=True)
class SealedProof:
    """What lies inside a seal: the origin of a proof (provider type, endpoint, account, model family), the client it
    was given to, and what the decoder's `Proof` event carried; `text` where the vendor verifies the exact text."""

    provider: str
    endpoint: str
    account: str
    family: str
    client: str
    kind: str
    binds: str
    payload: str
    text: str | None


class Sealer:
    """Seals with the first key and opens with all. Raises ValueError without keys."""

    __slots__ = ("_keys", "_sealing")

    def __init__(self, keys: Sequence[SealKey]) -> None:
        self._sealing = keys[0] if keys else SealKey("", b"")
        self._keys = {key.id: key.key for key in keys}
        if not keys or any(not key.id or "." in key.id or len(key.key) < 16 for key in keys):
            raise ValueError("a seal key needs an id without dots and at least 16 bytes")

    @classmethod
    def ephemeral(cls) -> "Sealer":
        """A sealer whose key lives as long as the process: proofs of an earlier process are dropped and declared."""
        return cls([SealKey(secrets.token_hex(4), secrets.token_bytes(32))])

    def adopt(self, key: SealKey) -> None:
        """Seal with this key from now on; what the earlier ones sealed still opens. Raises ValueError as the
        constructor does."""
        if not key.id or "." in key.id or len(key.key) < 16:
            raise ValueError("a seal key needs an id without dots and at least 16 bytes")
        self._sealing = key
        self._keys[key.id] = key.key

    def seal(self, proof: SealedProof) -> str:
        """The text for `encrypted_content`."""
        content = base64.urlsafe_b64encode(zlib.compress(orjson.dumps(asdict(proof)), 6)).decode()
        head = f"{PREFIX}.{self._sealing.id}.{content}"
        return f"{head}.{_mac(self._sealing.key, head)}"

    def open(self, sealed: str, *, client: str, path: str) -> SealedProof | None:
        """What was sealed, or None when it is not ours to open (another format, an unknown key id).

        Raises ResponsesError (400, param `path`) for a seal of ours that was changed, or that another client was given.
        """
        parts = sealed.split(".")
        if len(parts) != 4 or parts[0] != PREFIX or parts[1] not in self._keys:
            return None
        head = sealed.rpartition(".")[0]
        if not hmac.compare_digest(_mac(self._keys[parts[1]], head).encode(), parts[3].encode()):
            raise ResponsesError(
                400,
                "The encrypted content could not be verified: it was changed since it was issued.",
                param=path,
                code="invalid_encrypted_content",
            )
        try:
            unpacker = zlib.decompressobj()
            content = unpacker.decompress(base64.urlsafe_b64decode(parts[2]), MAX_OPENED_SIZE)
            proof = SealedProof(**orjson.loads(content))
            if not all(isinstance(value, str) for value in astuple(proof)[:-1]):
                return None
        except (binascii.Error, zlib.error, orjson.JSONDecodeError, TypeError, ValueError):
            return None
        if not hmac.compare_digest(proof.client.encode(), client.encode()):
            raise ResponsesError(
                400,
                "The encrypted content was issued to another client.",
                param=path,
                code="invalid_encrypted_content",
            )
        return proof


def _mac(key: bytes, head: str) -> str:
    digest = hmac.digest(key, head.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
