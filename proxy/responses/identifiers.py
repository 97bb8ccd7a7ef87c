"""Ids as OpenAI forms them: a prefix that tells the kind, and 48 hexadecimal characters."""

import os
import re

USABLE_CALL_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


_BLOCK = 24 * 170


class _Entropy:
    """Random bytes from the system, taken in blocks: a system call for each id costs more than making the id."""

    __slots__ = ("_block", "_position", "_process")

    def __init__(self) -> None:
        self._block, self._position, self._process = b"", 0, 0

    def take(self, size: int) -> str:
        position = self._position
        end = position + size
        if end > len(self._block) or self._process != os.getpid():
            # A forked process must not repeat its parent's ids.
            self._block, self._process = os.urandom(_BLOCK), os.getpid()
            position, end = 0, size
        self._position = end
        return self._block[position:end].hex()


_entropy = _Entropy()


def response_id() -> str:
    """A new response id."""
    return "resp_" + _entropy.take(24)


def item_id(prefix: str) -> str:
    """A new item id; `prefix` without its underscore (`msg`, `rs`, `fc`)."""
    return f"{prefix}_{_entropy.take(24)}"


def call_id() -> str:
    """A new call id, for a vendor that gave none or one that clients could not carry."""
    return "call_" + _entropy.take(12)


def request_id() -> str:
    """A new id of an HTTP request."""
    return "req_" + _entropy.take(16)
