"""Where replays may go: spellings, names, and patterns that allow or deny."""

from collections.abc import Sequence

import pytest

from replayd.errors import ConfigError
from replayd.planning.target_rules import TargetRules, wide_open

SPECIAL = [
    ("169.254.169.254", "a metadata service"),
    ("169.254.170.2", "link-local"),
    ("0xa9fea9fe", "a metadata service"),
    ("2852039166", "a metadata service"),
    ("169.254.43518", "a metadata service"),
    ("①⑥⑨.②⑤④.①⑥⑨.②⑤④", "a metadata service"),
    ("::ffff:169.254.169.254", "a metadata service"),
    ("[::ffff:a9fe:a9fe]", "a metadata service"),
    ("64:ff9b::a9fe:a9fe", "a metadata service"),
    ("2002:a9fe:a9fe::", "a metadata service"),
    ("2001:0:808:808::5601:5601", "a metadata service"),
    ("2001:db8::5efe:a9fe:a9fe", "a metadata service"),
    ("192.0.0.192", "a metadata service"),
    ("100.100.100.200", "a metadata service"),
    ("168.63.129.16", "a metadata service"),
    ("fd00:ec2::254", "a metadata service"),
    ("fd20:ce::254", "a metadata service"),
    ("fe80::1", "link-local"),
    ("fe80::1%eth0", "link-local"),
    ("febf::1", "link-local"),
    ("0.0.0.0", "unspecified"),
    ("0", "unspecified"),
    ("0.1.2.3", "unspecified"),
    ("::", "unspecified"),
    ("::ffff:0.0.0.0", "unspecified"),
    ("::ffff:0:169.254.169.254", "a metadata service"),
    ("169.254.169.254.", "a metadata service"),
    ("224.0.0.1", "multicast"),
    ("239.255.255.255", "multicast"),
    ("ff02::1", "multicast"),
    ("255.255.255.255", "broadcast"),
]

LOOPBACK = ["127.0.0.1", "127.1", "0x7f000001", "127.255.255.254", "::1", "[::1]"]
LOOPBACK += ["::ffff:127.0.0.1", "①②⑦.⓪.⓪.①"]

ELSEWHERE = ["10.0.0.1", "192.168.1.1", "8.8.8.8", "2001:db8::1", "fd00::1", "100.64.0.1"]
ELSEWHERE += ["64:ff9b::808:808", "2002:7f00:1::", "64:ff9b::7f00:1"]


def check(rules: TargetRules, host: str, port: int = 80) -> str | None:
    return rules.check_host(host, port)


@pytest.mark.parametrize("mode", ["anywhere", "loopback"])
@pytest.mark.parametrize("allow", [(), ("*",), ("0.0.0.0/0", "::/0"), ("rebound.test",)])
@pytest.mark.parametrize(("host", "what"), SPECIAL)
def test_nobody_gets_to_special_addresses(
    mode: str, allow: Sequence[str], host: str, what: str
) -> None:
    denial = check(TargetRules(mode, allow), host)
    assert denial is not None
    assert f"is {what}; --allow-target" in denial


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1%2"])
def test_a_name_that_resolves_to_one_does_not_either(address: str) -> None:
    for rules in (TargetRules(), TargetRules("loopback", ["*"]), TargetRules(allow=["meta.test"])):
        assert rules.check_host("meta.test", 80) is None
        denial = rules.check_address(address, "meta.test", 80)
        assert denial is not None
        assert denial.startswith("meta.test:80 (")


@pytest.mark.parametrize(
    ("pattern", "host"),
    [
        ("169.254.169.254", "169.254.169.254"),
        ("169.254.169.254:80", "0xa9fea9fe"),
        ("169.254.170.0/24", "169.254.170.2"),
        ("0.0.0.0", "0"),
        ("fe80::/10", "fe80::1"),
        ("[fe80::/64]:80", "fe80::1%eth0"),
    ],
)
def test_naming_them_allows_them(pattern: str, host: str) -> None:
    assert check(TargetRules("loopback", [pattern]), host) is None
    assert check(TargetRules("anywhere", [pattern]), host) is None


def test_a_network_around_a_metadata_service_does_not_name_it() -> None:
    assert check(TargetRules(allow=["169.254.0.0/16"]), "169.254.170.2") is None
    assert check(TargetRules(allow=["169.254.0.0/16"]), "169.254.169.254") is not None


@pytest.mark.parametrize("host", LOOPBACK)
def test_loopback_is_always_allowed(host: str) -> None:
    assert check(TargetRules("loopback"), host) is None
    assert check(TargetRules("anywhere"), host) is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_elsewhere_needs_no_tcp_listener_or_a_pattern(host: str) -> None:
    assert check(TargetRules("anywhere"), host) is None
    assert check(TargetRules("loopback", ["*"]), host) is None
    denial = check(TargetRules("loopback"), host, 443)
    assert denial is not None
    assert "loopback only; --allow-target" in denial


def test_names_are_told_by_their_addresses() -> None:
    rules = TargetRules("loopback")
    assert rules.check_host("example.test", 80) is None
    assert rules.check_address("127.0.0.1", "example.test", 80) is None
    assert rules.check_address("::1", "localhost", 80) is None
    denial = rules.check_address("192.0.2.1", "example.test", 80)
    assert denial == (
        "example.test:80 (192.0.2.1) is not a loopback address, and with a TCP listener "
        "replays go to loopback only; --allow-target example.test:80 would allow it"
    )


@pytest.mark.parametrize(
    ("pattern", "host", "port", "matches"),
    [
        ("*", "a.test", 1, True),
        ("*:80", "a.test", 80, True),
        ("*:80", "a.test", 81, False),
        ("a.test", "a.test", 1, True),
        ("A.Test.", "a.tEST", 1, True),
        ("a.test", "a.test.", 1, True),
        ("bücher.test", "xn--bcher-kva.test", 1, True),
        ("xn--bcher-kva.test", "BÜCHER.test", 1, True),
        ("a.test", "b.a.test", 1, False),
        ("a.test", "aa.test", 1, False),
        ("a.test:80", "a.test", 80, True),
        ("a.test:80", "a.test", 81, False),
        ("*.a.test", "b.a.test", 1, True),
        ("*.a.test", "c.b.A.test", 1, True),
        ("*.a.test", "a.test", 1, False),
        ("*.a.test", "ba.test", 1, False),
        ("*.a.test:80", "b.a.test", 81, False),
        ("192.0.2.1", "a.test", 1, True),
        ("192.0.2.1:80", "a.test", 80, True),
        ("192.0.2.1:80", "a.test", 81, False),
        ("192.0.2.0/24", "a.test", 1, True),
        ("192.0.2.77/24", "a.test", 1, True),
        ("192.0.2.0/24:80", "a.test", 80, True),
        ("192.0.2.0/24:80", "a.test", 81, False),
        ("0xc0000201", "a.test", 1, True),
        ("198.51.100.0/24", "a.test", 1, False),
        ("2001:db8::1", "a.test", 1, False),
    ],
)
def test_patterns(pattern: str, host: str, port: int, matches: bool) -> None:
    allowed = TargetRules("loopback", [pattern]).check_address("192.0.2.1", host, port)
    assert (allowed is None) == matches
    denied = TargetRules("anywhere", deny=[pattern]).check_address("192.0.2.1", host, port)
    assert (denied is not None) == matches


@pytest.mark.parametrize(
    ("pattern", "port", "matches"),
    [
        ("2001:db8::1", 1, True),
        ("[2001:db8::1]", 1, True),
        ("[2001:db8::1]:80", 80, True),
        ("[2001:db8::1]:80", 81, False),
        ("2001:db8::/32", 1, True),
        ("[2001:db8::/32]:80", 80, True),
        ("[2001:db8::/32]:80", 81, False),
        ("fd00::/8", 1, False),
    ],
)
def test_patterns_of_ipv6(pattern: str, port: int, matches: bool) -> None:
    allowed = TargetRules("loopback", [pattern]).check_address("2001:db8::1", "a.test", port)
    assert (allowed is None) == matches


def test_deny_wins() -> None:
    rules = TargetRules(allow=["*", "a.test"], deny=["a.test:80", "10.0.0.0/8"])
    assert rules.check_host("a.test", 80) == "a.test:80 is denied by --deny-target a.test:80"
    assert rules.check_host("a.test", 81) is None
    denial = rules.check_address("10.1.2.3", "b.test", 81)
    assert denial == "b.test:81 (10.1.2.3) is denied by --deny-target 10.0.0.0/8"
    assert TargetRules("loopback", deny=["127.0.0.1"]).check_host("127.1", 80) is not None


@pytest.mark.parametrize("address", ["::ffff:10.0.0.1", "2002:a00:1::", "64:ff9b::a00:1"])
def test_deny_looks_into_addresses(address: str) -> None:
    assert TargetRules(deny=["10.0.0.0/8"]).check_host(address, 80) is not None


def test_a_mapped_address_is_allowed_as_its_ipv4_address() -> None:
    rules = TargetRules("loopback", ["10.0.0.0/8"])
    assert rules.check_host("::ffff:10.0.0.1", 80) is None
    assert rules.check_host("2002:a00:1::", 80) is not None


def test_what_is_no_host_or_address_is_denied() -> None:
    rules = TargetRules()
    assert rules.check_host("a b", 80) == "the host 'a b' is not a host name or an address"
    assert rules.check_address("a.test", "a.test", 80) == "'a.test' is not an address"
    assert "is empty" in (rules.check_address("127.0.0.1", "", 80) or "")


NO_PATTERNS = ["", "a.test:", "a.test:0", "a.test:65536", "a.test:x", "a.test:٨", ":80", "[::1"]
NO_PATTERNS += ["[::1]x", "[::1]:", "10.0.0.0/33", "a.test/8", "http://a.test", "a b", "::g"]
NO_PATTERNS += ["*.", "*.*", "a.*", "fd00::/8:443", "a.test:" + "9" * 5000]


@pytest.mark.parametrize("pattern", NO_PATTERNS)
def test_what_is_no_pattern(pattern: str) -> None:
    for arguments in ({"allow": [pattern]}, {"deny": [pattern]}):
        with pytest.raises(ConfigError, match="--allow-target and --deny-target: "):
            TargetRules(**arguments)  # type: ignore[arg-type]


def test_what_is_no_mode() -> None:
    with pytest.raises(ConfigError, match="'nowhere' is none of anywhere, loopback"):
        TargetRules("nowhere")


def test_the_unspecified_address_is_loopback_to_those_who_deny_that() -> None:
    rules = TargetRules(allow=["0.0.0.0", "::"], deny=["127.0.0.0/8", "::1"])
    assert rules.check_host("0.0.0.0", 80) is not None
    assert rules.check_host("::", 80) is not None


def test_which_patterns_open_everything() -> None:
    narrow = ["a.test", "*.test", "10.0.0.0/8", "127.0.0.1:80"]
    assert wide_open(["*", "*:80", "0.0.0.0/0", "[::/0]:80", *narrow]) == [
        "*",
        "*:80",
        "0.0.0.0/0",
        "[::/0]:80",
    ]
