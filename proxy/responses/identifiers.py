"""Ids as OpenAI forms them: a prefix that tells the kind, and 48 hexadecimal characters."""

import os
import re

USABLE_CALL_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def response_id() -> str:
    """A new response id."""
    return "resp_" + os.urandom(24).hex()


def item_id(prefix: str) -> str:
    """A new item id; `prefix` without its underscore (`msg`, `rs`, `fc`)."""
    return f"{prefix}_{os.urandom(24).hex()}"


def call_id() -> str:
    """A new call id, for a vendor that gave none or one that clients could not carry."""
    return "call_" + os.urandom(12).hex()


def request_id() -> str:
    """A new id of an HTTP request."""
    return "req_" + os.urandom(16).hex()
