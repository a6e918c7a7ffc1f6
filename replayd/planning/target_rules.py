"""Where replays may go: the rules of `--allow-target` and `--deny-target`. Pure.

Asked twice: `check_host` before a name is resolved, `check_address` for each address that
it resolved to, before that very address is connected to. Both return None or a sentence
that says why not and what would allow it.

In this order: what a deny pattern matches is denied. An address that no server of
anybody's choice has (link-local, metadata of a cloud, multicast, broadcast, unspecified)
is denied unless an allow pattern names it or a part of its network; so neither `*`, nor a
name that resolves to it, nor 0.0.0.0/0 opens it. In mode `loopback` anything else is
denied that is neither a loopback address nor matched by an allow pattern.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import NamedTuple

from replayd.errors import ConfigError
from replayd.planning.hosts import Address, embedded, host_port, literal_address, normal_host

MODES = ("anywhere", "loopback")

Network = IPv4Network | IPv6Network

_OPTIONS = "--allow-target and --deny-target"

_SPECIAL: tuple[tuple[Network, str], ...] = tuple(
    (ip_network(network), what)
    for network, what in (
        ("169.254.169.254/32", "a metadata service"),
        ("192.0.0.192/32", "a metadata service"),
        ("100.100.100.200/32", "a metadata service"),
        ("168.63.129.16/32", "a metadata service"),
        ("fd00:ec2::254/128", "a metadata service"),
        ("fd20:ce::254/128", "a metadata service"),
        ("169.254.0.0/16", "link-local"),
        ("fe80::/10", "link-local"),
        ("0.0.0.0/8", "unspecified"),
        ("::/128", "unspecified"),
        ("224.0.0.0/4", "multicast"),
        ("ff00::/8", "multicast"),
        ("255.255.255.255/32", "broadcast"),
    )
)


class Pattern(NamedTuple):
    """One `--allow-target` or `--deny-target`."""

    text: str
    host: str = ""
    """A name, or `*.` and a domain; empty: any host, or those of `network`."""
    network: Network | None = None
    port: int = 0
    """0: any."""

    @classmethod
    def parse(cls, text: str, option: str = _OPTIONS) -> "Pattern":
        """Reads `*`, HOST, `*.DOMAIN`, an address or a CIDR, each with or without `:PORT`
        (an IPv6 one then in brackets). `option`: where it stands, for people.

        Raises ConfigError.
        """
        host, port = _split_port(text, option)
        if host == "*":
            return cls(text, port=port)
        try:
            if "/" in host:
                return cls(text, network=ip_network(host, strict=False), port=port)
            name = normal_host(host.removeprefix("*."))
        except ValueError as error:
            raise _bad_pattern(text, option) from error
        if "*" in name:
            raise _bad_pattern(text, option)
        if host.startswith("*."):
            return cls(text, host="*." + _key(name), port=port)
        address = literal_address(name)
        if address is not None:
            return cls(text, network=ip_network(address), port=port)
        return cls(text, host=_key(name), port=port)

    def matches_host(self, key: str, port: int) -> bool:
        """Tells whether it is about this host by name."""
        if self.network is not None or self.port not in (0, port):
            return False
        if self.host.startswith("*."):
            return key.endswith(self.host[1:])
        return self.host in ("", key)

    def matches_address(self, address: Address, port: int) -> bool:
        """Tells whether it is about this address by number."""
        return self.network is not None and self.port in (0, port) and address in self.network


def _split_port(text: str, option: str) -> tuple[str, int]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            raise _bad_pattern(text, option)
        return host, _port(rest[1:], text, option) if rest else 0
    if text.count(":") == 1:
        host, _, rest = text.partition(":")
        return host, _port(rest, text, option)
    return text, 0


def _port(digits: str, text: str, option: str) -> int:
    if not (digits.isascii() and digits.isdigit()) or not 0 < int(digits[:6]) < 1 << 16:
        raise _bad_pattern(text, option)
    return int(digits)


def _bad_pattern(text: str, option: str) -> ConfigError:
    return ConfigError(
        f"{option}: {text!r} is none of *, HOST, *.DOMAIN, ADDRESS, "
        "CIDR, each with or without :PORT (IPv6 with a port in brackets: [fd00::/8]:443)"
    )


def _key(host: str) -> str:
    """A name as it is compared: without case, without the root's dot."""
    return host.lower().removesuffix(".")


def wide_open(patterns: Iterable[str]) -> list[str]:
    """Returns those of the allow patterns that name no place: any host, or any address.

    Raises ConfigError when one is none.
    """
    parsed = [Pattern.parse(text) for text in patterns]
    return [
        each.text
        for each in parsed
        if (not each.host and each.network is None)
        or (each.network is not None and each.network.prefixlen == 0)
    ]


class TargetRules:
    """The rules of one daemon. `mode` is `anywhere` or `loopback`.

    Raises ConfigError when a pattern is none.
    """

    def __init__(
        self, mode: str = "anywhere", allow: Iterable[str] = (), deny: Iterable[str] = ()
    ) -> None:
        if mode not in MODES:
            raise ConfigError(f"the target mode {mode!r} is none of {', '.join(MODES)}")
        self._loopback_only = mode == "loopback"
        self._allow = tuple(Pattern.parse(text) for text in allow)
        self._deny = tuple(Pattern.parse(text) for text in deny)
        # A capture has many flows to few targets.
        self._host_checked = lru_cache(maxsize=4096)(self._check_host)

    def check_host(self, host: str, port: int) -> str | None:
        """Says why this host must not even be resolved; None when it may, or when its
        addresses will tell. A host that is an address gets its answer at once.
        """
        return self._host_checked(host, port)

    def _check_host(self, host: str, port: int) -> str | None:
        try:
            name = normal_host(host)
        except ValueError as error:
            return f"the host {host!r} {error}"
        address = literal_address(name)
        if address is not None:
            return self._check(address, name, port)
        return self._denied_by(_key(name), (), host_port(name, port), port)

    def check_address(self, ip_text: str, host: str, port: int) -> str | None:
        """Says why this address, which `host` resolved to, must not be connected to."""
        address = literal_address(ip_text)
        if address is None:
            return f"{ip_text!r} is not an address"
        try:
            return self._check(address, normal_host(host), port)
        except ValueError as error:
            return f"the host {host!r} {error}"

    def _check(self, address: Address, name: str, port: int) -> str | None:
        key, where = _key(name), _where(address, name, port)
        carried = embedded(address)
        denied = self._denied_by(key, carried, where, port)
        if denied is not None:
            return denied
        for inner in carried:
            special = self._special(inner, port)
            if special is not None:
                return f"{where} is {special}; --allow-target {inner} would allow it"
        # A mapped address is connected to as the IPv4 address that it carries.
        mapped = getattr(address, "ipv4_mapped", None) or address
        if not self._loopback_only or mapped.is_loopback:
            return None
        if any(
            rule.matches_host(key, port) or rule.matches_address(mapped, port)
            for rule in self._allow
        ):
            return None
        return (
            f"{where} is not a loopback address, and with a TCP listener replays go to "
            f"loopback only; --allow-target {host_port(name, port)} would allow it"
        )

    def _denied_by(
        self, key: str, addresses: tuple[Address, ...], where: str, port: int
    ) -> str | None:
        for rule in self._deny:
            if rule.matches_host(key, port) or any(
                rule.matches_address(address, port) for address in addresses
            ):
                return f"{where} is denied by --deny-target {rule.text}"
        return None

    def _special(self, address: Address, port: int) -> str | None:
        """Says what the address is when it is special and no allow pattern names it."""
        for network, what in _SPECIAL:
            if address in network and not any(
                rule.matches_address(address, port) and _within(rule.network, network)
                for rule in self._allow
            ):
                return what
        return None


def _within(inner: Network | None, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    if isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network):
        return inner.subnet_of(outer)
    return False


def _where(address: Address, name: str, port: int) -> str:
    spelled = host_port(name, port)
    return spelled if str(address) == name else f"{spelled} ({address})"
