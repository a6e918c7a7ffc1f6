"""URLs, and a host and a port as they stand in one or in a Host field, taken apart."""

import re
from typing import NamedTuple

DEFAULT_PORTS = {"http": 80, "https": 443}

_AUTHORITY = re.compile(r"(\[[^\]]*\]|.*?)(?::([^:\]]*))?", re.DOTALL)
"""RFC 3986 section 3.2, an IPv6 address in brackets."""

_URL = re.compile(
    rb"([a-z][a-z0-9+.-]*)://(?:([^/?#]*)@)?([^/?#@]*)([^#]*)(#.*)?", re.DOTALL | re.IGNORECASE
)
"""RFC 3986 appendix B, for a URL with a scheme and an authority."""


class Url(NamedTuple):
    """A URL's parts, as they are written."""

    scheme: bytes
    """In lower case."""
    user: bytes | None
    """User and password; None: there is no @."""
    authority: bytes
    """Host and port, without the user."""
    path: bytes
    """With the query; never empty."""
    fragment: bytes
    """With its #; never sent (RFC 9110 section 4.2.3)."""


def split_url(url: bytes) -> Url | None:
    """Takes a URL apart; None: it is none with a scheme and an authority."""
    found = _URL.fullmatch(url)
    if found is None:
        return None
    scheme, user, authority, path, fragment = found.groups()
    path = path if path.startswith(b"/") else b"/" + path
    return Url(scheme.lower(), user, authority, path, fragment or b"")


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


def ascii_authority(authority: bytes) -> bytes:
    """Returns host and port as a client sends them in Host: a name of other letters in its
    ASCII form (RFC 5890); as they are where it has none.
    """
    if authority.isascii():
        return authority
    try:
        name, colon, port = authority.decode().partition(":")
        return name.encode("idna") + (colon + port).encode()
    except UnicodeError:
        return authority
