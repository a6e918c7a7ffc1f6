"""Hosts: names in one spelling, and every spelling of an address."""

from ipaddress import ip_address

import pytest

from replayd.planning.hosts import embedded, host_port, literal_address, normal_host


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("example.test", "example.test"),
        ("UPPER.test.", "UPPER.test."),
        ("under_score.test", "under_score.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("①②⑦.⓪.⓪.①", "127.0.0.1"),
        ("169。254。169。254", "169.254.169.254"),
        ("[::1]", "::1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("127.1", "127.1"),
    ],
)
def test_hosts(host: str, normal: str) -> None:
    assert normal_host(host) == normal


@pytest.mark.parametrize(
    ("host", "said"),
    [
        ("", "is empty"),
        ("[]", "is empty"),
        ("a" * 256, "longer than 255"),
        ("ü" * 300, "longer than 255"),
        ("ü" * 64 + ".test", "not a host name"),
        ("a b", "not a host name"),
        ("a\r\nX: 1", "not a host name"),
        ("a\x00", "not a host name"),
        ("user@a.test", "not a host name"),
        ("a.test/x", "not a host name"),
        ("a.test:80", "not a host name or an address"),
        ("::g", "not a host name or an address"),
        ("a#", "not a host name"),
        ("a\\b", "not a host name"),
    ],
)
def test_what_is_no_host(host: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        normal_host(host)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0X7F.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("169.254.43518", "169.254.169.254"),
        ("0xa9fea9fe", "169.254.169.254"),
        ("0", "0.0.0.0"),
        ("0x", "0.0.0.0"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0x7f.1.", "127.0.0.1"),
        ("::1", "::1"),
        ("0:0::1", "::1"),
        ("::ffff:7f00:1", "::ffff:127.0.0.1"),
    ],
)
def test_every_spelling_of_an_address(host: str, address: str) -> None:
    assert literal_address(host) == ip_address(address)


NO_ADDRESSES = [
    "a.test",
    "127.0.0.1..",
    ".",
    "::1.",
    "127.0.0.256",
    "08",
    "1.2.3.4.5",
    "4294967296",
    "127..1",
]
NO_ADDRESSES += ["1_0", "-1", "0x100000000", "256.1", "١٢٧.1", "", "0xg", "9" * 5000]


@pytest.mark.parametrize("host", NO_ADDRESSES)
def test_what_is_no_address(host: str) -> None:
    assert literal_address(host) is None


@pytest.mark.parametrize(
    ("address", "inner"),
    [
        ("::ffff:169.254.169.254", ["169.254.169.254"]),
        ("::169.254.169.254", ["169.254.169.254"]),
        ("64:ff9b::a9fe:a9fe", ["169.254.169.254"]),
        ("64:ff9b:1::a9fe:a9fe", ["169.254.169.254"]),
        ("2002:a9fe:a9fe::1", ["169.254.169.254"]),
        ("2001:0:a9fe:a9fe:0:0:5601:5601", ["169.254.169.254", "169.254.169.254"]),
        ("2001:db8::5efe:a9fe:a9fe", ["169.254.169.254"]),
        ("2001:db8::200:5efe:a9fe:a9fe", ["169.254.169.254"]),
        ("fe80::1%eth0", []),
        ("::1", []),
        ("::ffff:0:169.254.169.254", ["169.254.169.254"]),
        ("::", ["::1"]),
        ("0.0.0.0", ["127.0.0.1"]),
        ("127.0.0.1", []),
        ("2001:db8::a9fe:a9fe", []),
    ],
)
def test_addresses_within_addresses(address: str, inner: list[str]) -> None:
    first, *rest = embedded(ip_address(address))
    assert str(first) == str(ip_address(address.partition("%")[0]))
    assert rest == [ip_address(each) for each in inner]


def test_host_and_port() -> None:
    assert host_port("a.test", 80) == "a.test:80"
    assert host_port("::1", 80) == "[::1]:80"
