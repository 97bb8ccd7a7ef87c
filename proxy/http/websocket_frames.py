"""WebSocket frames (RFC 6455, section 5), the way out, with permessage-deflate (RFC 7692) where it was negotiated.

aiohttp's own writer can only be awaited, once for each frame; events that arrive together leave in one write here.
"""

import struct
import zlib
from collections.abc import Iterable
from typing import Self

from aiohttp import web

from proxy.responses.assembler import Outgoing

PING = b"\x89\x00"
_TEXT, _COMPRESSED_TEXT = 0x81, 0xC1

MAX_COMPRESSED = 64 * 1024
"""The largest event that is compressed, in bytes: compression takes place on the event loop."""


class Framing:
    """Frames the events of one connection."""

    def __init__(self, window_bits: int = 0, *, context_takeover: bool = True) -> None:
        """`window_bits` of the compression; 0: there is none."""
        self._deflate = zlib.compressobj(zlib.Z_BEST_SPEED, zlib.DEFLATED, -window_bits) if window_bits else None
        self._flush = zlib.Z_SYNC_FLUSH if context_takeover else zlib.Z_FULL_FLUSH

    @classmethod
    def negotiated(cls, socket: "web.WebSocketResponse[bool]") -> Self:
        """What the handshake of a prepared socket agreed on."""
        extensions = socket.headers.get("Sec-WebSocket-Extensions", "")
        return cls(int(socket.compress), context_takeover="server_no_context_takeover" not in extensions)

    def frames(self, events: Iterable[Outgoing], member: bytes = b"") -> bytes:
        """The events, each in a frame of its own; `member`, if any, takes the place of each one's last brace."""
        pieces: list[bytes] = []
        deflate = self._deflate
        for _, data in events:
            body = data[:-1] + member if member else data
            first = _TEXT
            if deflate is not None and len(body) <= MAX_COMPRESSED:
                # An empty block that ends the flush is left out, which the receiver adds again.
                body = (deflate.compress(body) + deflate.flush(self._flush))[:-4]
                first = _COMPRESSED_TEXT
            size = len(body)
            if size < 126:
                pieces.append(bytes((first, size)))
            elif size < 65_536:
                pieces.append(struct.pack("!BBH", first, 126, size))
            else:
                pieces.append(struct.pack("!BBQ", first, 127, size))
            pieces.append(body)
        return b"".join(pieces)
