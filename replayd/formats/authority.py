"""A host and a port as they stand in a URL or a Host field, taken apart."""

import re

DEFAULT_PORTS = {"http": 80, "https": 443}

_AUTHORITY = re.compile(r"(\[[^\]]*\]|.*?)(?::([^:\]]*))?", re.DOTALL)
"""RFC 3986 section 3.2, an IPv6 address in brackets."""


def split_authority(authority: str, default_port: int) -> tuple[str, int]:
    """Returns the host, without brackets, and the port: 0 for one that is none."""
    found = _AUTHORITY.fullmatch(authority)
    assert found is not None
    host, port = found.groups()
    if not port:
        number = default_port
    else:
        number = int(port) if port.isascii() and port.isdigit() and len(port) <= 5 else 0
    return host.removeprefix("[").removesuffix("]"), number
