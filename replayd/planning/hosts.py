"""The spellings of hosts: names as DNS and TLS want them, literal addresses in all forms.

Names are not resolved here. `literal_address` takes every form that a resolver takes as
an address without asking DNS, so that none slips past a rule.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

MAX_LENGTH = 255
"""Characters of a host name (RFC 1035 section 2.3.4)."""

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))

_LOOPBACK, _LOOPBACK6 = IPv4Address("127.0.0.1"), IPv6Address("::1")

_FORBIDDEN = re.compile(r"[\x00-\x20\x7f#/<>?@\[\\\]^|]")
"""What would end the host where it is written: in a URL, a CONNECT or a Host field."""


@lru_cache(maxsize=4096)
def normal_host(host: str) -> str:
    """Returns a host without brackets, international names in their ASCII form (IDNA).

    Raises ValueError, its text saying why, when it is no name and no address.
    """
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not host.isascii() and len(host) <= MAX_LENGTH:
        try:
            host = host.encode("idna").decode()
        except UnicodeError:
            raise ValueError("is not a host name") from None
    if not host:
        raise ValueError("is empty")
    if len(host) > MAX_LENGTH:
        raise ValueError(f"is longer than {MAX_LENGTH} characters")
    if _FORBIDDEN.search(host) or (":" in host and literal_address(host) is None):
        raise ValueError("is not a host name or an address")
    return host


@lru_cache(maxsize=4096)
def literal_address(host: str) -> Address | None:
    """Returns the address that a normal host spells out, None when it is a name.

    Beside the usual forms these are the ones of inet_aton: one to four numbers, decimal,
    octal (0...) or hexadecimal (0x...), such as 127.1, 0x7f000001 or 2130706433. The root's dot
    behind them changes nothing (as the URL standard of browsers and of some proxies has it).
    """
    try:
        return ip_address(host)
    except ValueError:
        return _inet_aton(host.removesuffix("."))


def _inet_aton(host: str) -> IPv4Address | None:
    parts = host.split(".")
    if not 1 <= len(parts) <= 4:
        return None
    numbers = [_number(part) for part in parts]
    if any(number is None for number in numbers):
        return None
    *heads, last = [number for number in numbers if number is not None]
    # The last number fills all the bytes that the others leave.
    if any(number > 0xFF for number in heads) or last >= 1 << 8 * (4 - len(heads)):
        return None
    value = last
    for position, number in enumerate(heads):
        value |= number << 8 * (3 - position)
    return IPv4Address(value)


def _number(text: str) -> int | None:
    """Reads a number as C does, None when it is none; a long one is no address."""
    if not text.isascii() or not text.isalnum() or len(text) > 64:
        return None
    lower = text.lower()
    base = 16 if lower.startswith("0x") else 8 if lower.startswith("0") else 10
    try:
        return int(lower, base)
    except ValueError:
        # A lone 0x counts as 0; 08 and words are none.
        return 0 if lower == "0x" else None


def embedded(address: Address) -> tuple[Address, ...]:
    """Returns the address and every IPv4 address that it carries to somebody else.

    Mapped and compatible (RFC 4291 section 2.5.5), translated (RFC 2765 section 2.1), 6to4
    (RFC 3056), Teredo (RFC 4380), NAT64 (RFC 6052, RFC 8215), ISATAP (RFC 5214 section 6.1).
    The unspecified address carries loopback: that is where systems connect to for it.
    """
    if isinstance(address, IPv4Address):
        return (address, _LOOPBACK) if address.is_unspecified else (address,)
    value = int(address)
    found: list[Address] = [IPv6Address(value)]
    if not value:
        found.append(_LOOPBACK6)
    last = IPv4Address(value & 0xFFFFFFFF)
    nat64 = any(found[0] in network for network in _NAT64)
    isatap = (value >> 32) & 0xFDFFFFFF == 0x5EFE
    compatible = value >> 32 == 0 and value > 1
    translated = value >> 32 == 0xFFFF0000
    if address.ipv4_mapped is not None or nat64 or isatap or compatible or translated:
        found.append(last)
    if address.sixtofour is not None:
        found.append(address.sixtofour)
    if address.teredo is not None:
        found.extend(address.teredo)
    return tuple(found)


def host_port(host: str, port: int) -> str:
    """Writes a host and a port, an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
