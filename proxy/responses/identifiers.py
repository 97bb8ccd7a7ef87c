"""Ids as OpenAI forms them: a prefix that tells the kind, and 48 hexadecimal characters.

Ids of what may be kept begin with the time, as OpenAI's do: what is made together lies together in the indexes of a
store, which else has to write a page of each of them for each id.
"""

import os
import re
from time import time_ns

USABLE_CALL_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
STORABLE_ID = re.compile(r"[!-~]{1,256}")


_BLOCK = 24 * 170


class _Entropy:
    """Random bytes from the system, taken in blocks: a system call for each id doubles its cost."""

    __slots__ = ("_block", "_position")

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Throw the rest of the block away: a forked process must not repeat its parent's ids."""
        self._block, self._position = b"", 0

    def take(self, size: int) -> str:
        """`size` random bytes in hexadecimal."""
        position = self._position
        end = position + size
        if end > len(self._block):
            self._block = os.urandom(_BLOCK)
            position, end = 0, size
        self._position = end
        return self._block[position:end].hex()


_entropy = _Entropy()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_entropy.forget)


def _timed() -> str:
    """48 hexadecimal characters: the milliseconds since the epoch, and 144 random bits."""
    return (time_ns() // 1_000_000).to_bytes(6, "big").hex() + _entropy.take(18)


def response_id() -> str:
    """A new response id."""
    return "resp_" + _timed()


def item_id(prefix: str) -> str:
    """A new item id; `prefix` without its underscore (`msg`, `rs`, `fc`)."""
    return f"{prefix}_{_timed()}"


def call_id() -> str:
    """A new call id, for a vendor that gave none or one that clients could not carry."""
    return "call_" + _entropy.take(12)


def request_id() -> str:
    """A new id of an HTTP request."""
    return "req_" + _entropy.take(16)


def conversation_id() -> str:
    """A new conversation id."""
    return "conv_" + _timed()


def is_storable(name: str) -> bool:
    """Whether something stored can have this id; anything else need not be looked for."""
    return STORABLE_ID.fullmatch(name) is not None


def kept_item_id(prefix: str, given: object) -> str | None:
    """The id that a vendor gave an item, where it begins as ours do and can stand for one item alone; else None."""
    if isinstance(given, str) and _KEPT.fullmatch(given) and given.startswith(f"{prefix}_"):
        return given
    return None


_KEPT = re.compile(r"[a-z]{2,6}_[A-Za-z0-9_-]{16,100}")
"""An id with a kind's prefix, and enough behind it not to be given twice."""
