"""Durations, sizes and listen addresses, as they are written in a configuration. Every parser raises ValueError with
"expected ..." for what it cannot read."""

import ipaddress
import math
import re
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from pydantic import PlainValidator

_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}
_QUANTITY = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]{0,3})")
_LONGEST_DURATION = 36_500 * 86_400.0
_LARGEST_SIZE = 2**53

_LISTEN = re.compile(r"(?:\[(?P<ipv6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[A-Za-z0-9._-]*)):(?P<port>[0-9]{1,5})", re.ASCII)

DURATION_FORM = "a duration such as 10s, 500ms, 2m, 1h, 30d or a number of seconds"
SIZE_FORM = "a size such as 32MiB, 10MB or a number of bytes"
LISTEN_FORM = "HOST:PORT such as 127.0.0.1:8080, [::1]:8080 or :8080 (all interfaces)"


def parse_duration(value: object) -> float:
    """Seconds, zero or more."""
    seconds = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value
    elif isinstance(value, str) and (match := _QUANTITY.fullmatch(value.strip())):
        seconds = float(match[1]) * _SECONDS.get(match[2], math.nan)
    if not 0 <= seconds <= _LONGEST_DURATION:
        raise ValueError(f"expected {DURATION_FORM}")
    return float(seconds)


def parse_positive_duration(value: object) -> float:
    """Seconds, more than zero."""
    seconds = parse_duration(value)
    if not seconds:
        raise ValueError(f"expected {DURATION_FORM}, above zero")
    return seconds


def parse_size(value: object) -> int:
    """Bytes, one or more. KB, MB and GB count in thousands, KiB, MiB and GiB in 1024s; case does not matter."""
    size = math.nan
    if isinstance(value, int) and not isinstance(value, bool):
        size = value
    elif isinstance(value, str) and (match := _QUANTITY.fullmatch(value.strip())):
        size = float(match[1]) * _BYTES.get(match[2].lower(), math.nan)
    if not 1 <= size <= _LARGEST_SIZE:
        raise ValueError(f"expected {SIZE_FORM}")
    return int(size)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where a server listens. `host` is empty for all interfaces, IPv4 and IPv6; port 0 takes a free one."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen(value: object) -> ListenAddress:
    """The address of `HOST:PORT`. An IPv6 host stands in brackets; without a host all interfaces are meant."""
    if isinstance(value, ListenAddress):
        return value
    match = _LISTEN.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or int(match["port"]) > 65_535:
        raise ValueError(f"expected {LISTEN_FORM}")
    host = match["host"] or ""
    if match["ipv6"] is not None:
        try:
            host = str(ipaddress.IPv6Address(match["ipv6"]))
        except ValueError:
            raise ValueError(f"expected {LISTEN_FORM}") from None
    return ListenAddress(host, int(match["port"]))


Duration: TypeAlias = Annotated[float, PlainValidator(parse_duration)]
PositiveDuration: TypeAlias = Annotated[float, PlainValidator(parse_positive_duration)]
Size: TypeAlias = Annotated[int, PlainValidator(parse_size)]
Listen: TypeAlias = Annotated[ListenAddress, PlainValidator(parse_listen)]
