"""Which addresses a URL that a stranger wrote may lead to: of hosts by their names, of IP addresses by their ranges.

Sources: the IANA registries of special-purpose addresses (IPv4 and IPv6), RFC 4038 and 6052 for the forms of IPv6 that
hold an IPv4 address, and the clouds' own pages for the addresses of their metadata.
"""

import ipaddress
import re
import socket
import unicodedata
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, Literal, TypeAlias

AddressKind: TypeAlias = Literal[
    "public",
    "private",
    "loopback",
    "shared",
    "link_local",
    "metadata",
    "multicast",
    "unspecified",
    "documentation",
    "benchmarking",
    "tunnel",
    "reserved",
]
"""What a range is for. `shared` is that of carriers' NAT; `tunnel`: the address leads to another one inside it."""

OPERATORS: Final[frozenset[AddressKind]] = frozenset({"private", "loopback", "shared"})
"""Kinds that an operator may have servers of his own in."""

_METADATA: Final = frozenset(
    map(
        ipaddress.ip_address,
        (
            "169.254.169.254",
            "169.254.170.2",
            "100.100.100.200",
            "168.63.129.16",
            "192.0.0.192",
            "fd00:ec2::254",
            "fd20:ce::254",
        ),
    )
)
"""Where clouds tell a machine its credentials: most of them, containers of AWS, Alibaba, Azure, Oracle, AWS and Google
over IPv6."""

_RANGES: Final[tuple[tuple[AddressKind, tuple[str, ...]], ...]] = (
    ("unspecified", ("0.0.0.0/8", "::/128")),
    ("private", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("shared", ("100.64.0.0/10",)),
    ("loopback", ("127.0.0.0/8", "::1/128")),
    ("link_local", ("169.254.0.0/16", "fe80::/10")),
    ("documentation", ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20")),
    ("benchmarking", ("198.18.0.0/15", "2001:2::/48")),
    ("multicast", ("224.0.0.0/4", "ff00::/8")),
    ("tunnel", ("192.88.99.0/24", "2002::/16", "2001::/32", "::/96")),
    (
        "reserved",
        (
            "192.0.0.0/24",
            "192.31.196.0/24",
            "192.52.193.0/24",
            "192.175.48.0/24",
            "240.0.0.0/4",
            "2001::/23",
            "2620:4f:8000::/48",
        ),
    ),
)
"""The first range that holds an address tells its kind."""

_IPV4_RANGES: Final = tuple(
    (kind, IPv4Network(text)) for kind, texts in _RANGES for text in texts if "." in text and ":" not in text
)
_IPV6_RANGES: Final = tuple((kind, IPv6Network(text)) for kind, texts in _RANGES for text in texts if ":" in text)
_GLOBAL_UNICAST: Final = IPv6Network("2000::/3")
_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_NAT64: Final = IPv6Network("64:ff9b::/96")
_ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})

_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_INTERNAL_ENDINGS: Final = frozenset(
    {"localhost", "localdomain", "local", "internal", "lan", "intranet", "home", "corp"}
)
_INTERNAL_NAMES: Final = (".home.arpa", ".in-addr.arpa", ".ip6.arpa")

MAX_NAME: Final = 253
"""The longest name of a host, in characters."""


@lru_cache(1024)
def kind_of(address: str) -> AddressKind:
    """What an IP address is for. What is no address in its usual form, or has a zone, is `reserved`."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "reserved"
    return _kind(parsed)


def normal_host(host: str) -> str | None:
    """The host of a URL (without brackets) in its one form: a name in lower case ASCII, or an address.

    None for what is neither: numbers that resolvers read as addresses (`2130706433`, `0x7f.1`, `127.1`, `0177.0.0.1`),
    addresses with a zone, names with a trailing dot, empty labels or characters that stand for others.
    """
    if ":" in host:
        try:
            # Python's own spelling of addresses that hold an IPv4 address differs between its versions.
            return socket.inet_ntop(socket.AF_INET6, IPv6Address(host).packed) if "%" not in host else None
        except ValueError:
            return None
    name = host.lower() if host.isascii() else _in_ascii(host)
    if name is None or len(name) > MAX_NAME:
        return None
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(IPv4Address(name))
        except ValueError:
            return None
    return name if all(map(_LABEL.fullmatch, labels)) else None


def is_internal_name(host: str) -> bool:
    """Whether a normal host is a name that only has a meaning inside a network, whatever it resolves to."""
    if ":" in host or _NUMBER.fullmatch(host.rpartition(".")[2]):
        return False
    return "." not in host or host.rpartition(".")[2] in _INTERNAL_ENDINGS or f".{host}".endswith(_INTERNAL_NAMES)


def _kind(address: IPv4Address | IPv6Address) -> AddressKind:
    if address in _METADATA:
        return "metadata"
    if isinstance(address, IPv4Address):
        return next((kind for kind, network in _IPV4_RANGES if address in network), "public")
    if address.scope_id is not None:
        return "reserved"
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        # The translator of NAT64 is the ordinary way to IPv4 in networks without it.
        return _kind(IPv4Address(number & 0xFFFF_FFFF))
    for kind, network in _IPV6_RANGES:
        if address in network:
            return kind
    if address not in _GLOBAL_UNICAST:
        return "reserved"
    return "tunnel" if number >> 32 & 0xFFFF_FFFF in _ISATAP else "public"


def _in_ascii(host: str) -> str | None:
    """An international name as DNS has it; None where a character is only another form of an ASCII one."""
    lowered = host.lower()
    if unicodedata.normalize("NFKC", lowered) != lowered or any(
        unicodedata.category(character)[0] not in "LM" for character in lowered if not character.isascii()
    ):
        return None
    try:
        encoded = lowered.encode("idna")
        # Letters that older and newer rules read as different names do not come back as they were.
        return encoded.decode("ascii") if encoded.decode("idna") == lowered else None
    except UnicodeError:
        return None
