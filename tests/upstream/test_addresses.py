# ruff: noqa: RUF001 - characters that stand for others are what the tests are about
"""Addresses and names of hosts that a stranger may lead a fetch to, and those that he may not."""

import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.upstream.addresses import AddressKind, is_internal_name, kind_of, normal_host

KINDS: dict[AddressKind, list[str]] = {
    "public": [
        *("1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.0", "172.15.255.255", "172.32.0.0"),
        *("169.253.255.255", "198.17.255.255", "198.20.0.0", "223.255.255.255", "11.0.0.0", "126.255.255.255"),
        *("2606:4700::1111", "2a00:1450:4001:80b::200e", "2001:4860:4860::8888", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"),
    ],
    "private": [
        *("10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"),
        *("fc00::1", "fd00::1", "fdff:ffff::1", "::ffff:10.0.0.1", "::ffff:c0a8:1", "64:ff9b::10.0.0.1"),
    ],
    "loopback": ["127.0.0.1", "127.0.0.2", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
    "shared": ["100.64.0.0", "100.100.100.199", "100.127.255.255", "::ffff:100.64.0.1"],
    "link_local": ["169.254.0.1", "169.254.169.253", "fe80::1", "febf::1", "::ffff:169.254.1.1"],
    "metadata": [
        *("169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192"),
        *("fd00:ec2::254", "fd20:ce::254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "::ffff:a9fe:a9fe"),
    ],
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1", "::ffff:224.0.0.1"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "0.255.255.255", "::", "::ffff:0.0.0.0"],
    "documentation": ["192.0.2.1", "198.51.100.255", "203.0.113.7", "2001:db8::1", "3fff::1"],
    "benchmarking": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "tunnel": [
        *("2002:7f00:1::", "2002:808:808::", "2001:0:7f00:1::", "2001:0:4136:e378::", "192.88.99.1"),
        *("::127.0.0.1", "::8.8.8.8", "::2", "2606:4700::5efe:10.0.0.1", "2606:4700::200:5efe:10.0.0.1"),
    ],
    "reserved": [
        *("192.0.0.1", "192.31.196.1", "192.52.193.1", "192.175.48.1", "240.0.0.1", "255.255.255.255"),
        *("2001:1::1", "2001:10::1", "2001:20::1", "100::1", "64:ff9b:1::1", "fec0::1", "4000::1", "5f00::1", "200::1"),
        *("::ffff:0:7f00:1", "fe80::1%eth0", "fe80::1%1", "2606:4700::1%1"),
        *("127.1", "2130706433", "0x7f.1", "017700000001", "127.0.0.01", "localhost", "", " 127.0.0.1", "1.1.1.1\n"),
    ],
}


@pytest.mark.parametrize(("kind", "address"), [(kind, one) for kind, addresses in KINDS.items() for one in addresses])
def test_an_address_is_of_a_kind(kind: AddressKind, address: str) -> None:
    assert kind_of(address) == kind


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.Com", "example.com"),
        ("ex_ample.co", "ex_ample.co"),
        ("1.example", "1.example"),
        ("127.0.0.1.nip.io", "127.0.0.1.nip.io"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("例え.jp", "xn--r8jz45g.jp"),
        ("93.184.215.14", "93.184.215.14"),
        ("::ffff:127.0.0.1", "::ffff:127.0.0.1"),
        ("2606:4700:0:0::1111", "2606:4700::1111"),
        ("localhost", "localhost"),
    ],
)
def test_a_host_has_one_form(host: str, normal: str) -> None:
    assert normal_host(host) == normal


NO_HOSTS = [
    *("2130706433", "0x7f000001", "0x7f.1", "0X7F.0.0.1", "017700000001", "0177.0.0.1", "127.1", "127.0.1", "0", "0x"),
    *("127.0.0.01", "127.0.0.1.", "256.1.1.1", "1.2.3.4.5", "1.1", "example.7", "example.0x1f", "a.0"),
    *("example.com.", "localhost.", ".", "..", "a..b", ".a", "", "-a.b", "a-.b", "a b", "a/b", "a@b", "a%2eb", "a\\b"),
    *("[::1]", "::1%lo", "fe80::1%25eth0", "::1::", "v1.a:b", ":", "1:2", "::ffff:127.1"),
    *(
        "①②⑦.0.0.1",
        "127。0。0。1",
        "127．0．0．1",
        "１２７.0.0.1",
        "⑯⑨。②⑤④。⑯⑨。②⑤④",
        "ⓛⓞⓒⓐⓛⓗⓞⓢⓣ",
        "ｌｏｃａｌｈｏｓｔ",
    ),
    *("٠.0.0.1", "faß.example", "exam\u200bple.com", "exam\u00adple.com", "a\u202e.com", "𝐞xample.com", "☃.example"),
    *("a" * 64 + ".example", "a." * 127 + "ab"),
]


@pytest.mark.parametrize("host", NO_HOSTS)
def test_what_could_mean_something_else_is_no_host(host: str) -> None:
    assert normal_host(host) is None


@given(st.from_regex(r"[0-9a-fxX.]{1,20}", fullmatch=True))
def test_what_a_resolver_reads_as_an_address_is_that_address_or_nothing(host: str) -> None:
    try:
        address = socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return
    assert normal_host(host) in (None, address)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "localhost",
            "a.localhost",
            "printer",
            "metadata",
            "metadata.google.internal",
            "printer.local",
            "a.svc.local",
        ),
        *("x.lan", "x.corp", "x.home", "x.intranet", "x.home.arpa", "home.arpa", "1.0.0.127.in-addr.arpa"),
    ],
)
def test_names_that_mean_something_only_inside(host: str) -> None:
    assert is_internal_name(host)


@pytest.mark.parametrize("host", ["example.com", "local.example", "internal.example.com", "1.1.1.1", "2606:4700::1111"])
def test_names_that_mean_the_same_everywhere(host: str) -> None:
    assert not is_internal_name(host)
