from collections.abc import Callable

import pytest

from config.quantities import ListenAddress, parse_duration, parse_listen, parse_positive_duration, parse_size


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("10s", 10.0),
        ("500ms", 0.5),
        ("2m", 120.0),
        ("1.5h", 5400.0),
        ("30d", 2_592_000.0),
        ("10 s", 10.0),
        ("7", 7.0),
        (5, 5.0),
        (0.25, 0.25),
        (0, 0.0),
    ],
)
def test_durations_are_seconds(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize(
    ("written", "size"),
    [
        ("32MiB", 33_554_432),
        ("10MB", 10_000_000),
        ("1kib", 1024),
        ("1.5 KiB", 1536),
        ("2GiB", 2_147_483_648),
        ("7B", 7),
        ("7", 7),
        (4096, 4096),
    ],
)
def test_sizes_are_bytes(written: object, size: int) -> None:
    assert parse_size(written) == size


@pytest.mark.parametrize(
    ("written", "host", "port", "loopback", "text"),
    [
        ("127.0.0.1:8080", "127.0.0.1", 8080, True, "127.0.0.1:8080"),
        ("localhost:1", "localhost", 1, True, "localhost:1"),
        ("127.9.9.9:1", "127.9.9.9", 1, True, "127.9.9.9:1"),
        ("[::1]:8080", "::1", 8080, True, "[::1]:8080"),
        ("[0:0:0:0:0:0:0:1]:8080", "::1", 8080, True, "[::1]:8080"),
        ("[::]:8080", "::", 8080, False, "[::]:8080"),
        (":8080", "", 8080, False, ":8080"),
        ("0.0.0.0:0", "0.0.0.0", 0, False, "0.0.0.0:0"),
        ("gateway.internal:65535", "gateway.internal", 65535, False, "gateway.internal:65535"),
    ],
)
def test_listen_addresses(written: str, host: str, port: int, loopback: bool, text: str) -> None:
    address = parse_listen(written)
    assert (address.host, address.port, address.loopback, str(address)) == (host, port, loopback, text)
    assert parse_listen(address) == address == ListenAddress(host, port)


NOT_QUANTITIES: dict[Callable[[object], object], list[object]] = {
    parse_duration: [
        *("", "s", "10 weeks", "-1s", -1, True, None, "1e3s", [], "999999999999d", "\u0663s"),
        *(float("nan"), float("inf"), 1e300, 10**400),
    ],
    parse_positive_duration: [0, "0s", "0ms"],
    parse_size: ["", "MiB", "10XB", 0, -1, True, 1.5, None, "0.1B", {}, 10**30],
    parse_listen: [
        *("", "8080", 8080, "host", "host:", "::1:80", "[::1]", "[x]:80", "[::1%]:80"),
        *("host:65536", "a b:80", "http://host:80", None, "host:\u0663"),
    ],
}


@pytest.mark.parametrize(
    ("parse", "written"), [(parse, item) for parse, items in NOT_QUANTITIES.items() for item in items]
)
def test_what_is_not_a_quantity_is_refused_with_the_form(parse: Callable[[object], object], written: object) -> None:
    with pytest.raises(ValueError, match=r"^expected (a duration|a size|HOST:PORT) ?such as "):
        parse(written)
