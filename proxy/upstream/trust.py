"""Whom a connection to a vendor trusts, and as whom it shows itself: TLS contexts, new ones when their files change."""

import asyncio
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import structlog

_Stamp: TypeAlias = tuple[tuple[int, int], ...]

_log = structlog.get_logger("dragoman.upstream")


@dataclass(frozen=True, slots=True)
class Trust:
    """Files beside what the system trusts: certificates of authorities of one's own (`ca`), and the certificate and the
    key with which the gateway shows itself (`cert`, `key`)."""

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None


SYSTEM: Final = Trust()
"""The system's authorities, and no certificate of our own."""


def context_for(trust: Trust) -> ssl.SSLContext:
    """A context that verifies certificates and names. Reads files. Raises OSError (ssl.SSLError among them) for files
    that cannot be read, hold no certificates, or do not belong together."""
    context = ssl.create_default_context()
    if trust.ca is not None:
        context.load_verify_locations(cafile=trust.ca)
    if trust.cert is not None:
        # A key that is locked would be asked for at a terminal.
        context.load_cert_chain(trust.cert, trust.key, password=lambda: b"")
    return context


class Contexts:
    """The contexts of one process. Belongs to one event loop."""

    def __init__(self) -> None:
        self._known: dict[Trust, tuple[_Stamp, ssl.SSLContext]] = {}

    async def get(self, trust: Trust) -> ssl.SSLContext:
        """The context of files as they are now; while they cannot be read, the last one. Raises OSError when there was
        none."""
        known = self._known.get(trust)
        if known is not None and trust is SYSTEM:
            return known[1]
        try:
            stamp = _stamp(trust)
            if known is not None and known[0] == stamp:
                return known[1]
            context = await asyncio.to_thread(context_for, trust)
        except OSError as error:
            if known is None:
                raise
            _log.error("certificates not read", reason=str(error), hint="the last ones go on being used")
            # Said once for each state of the files.
            self._known[trust] = (_stamp_or_none(trust), known[1])
            return known[1]
        self._known[trust] = (stamp, context)
        return context


def _stamp(trust: Trust) -> _Stamp:
    found = [path.stat() for path in (trust.ca, trust.cert, trust.key) if path is not None]
    return tuple((status.st_mtime_ns, status.st_ino) for status in found)


def _stamp_or_none(trust: Trust) -> _Stamp:
    try:
        return _stamp(trust)
    except OSError:
        return ()
