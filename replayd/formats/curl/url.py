"""URLs as curl takes them: without a scheme, with ranges, dots and users in them."""

import re
from typing import NamedTuple
from urllib.parse import unquote_to_bytes

from replayd.formats.authority import DEFAULT_PORTS, ascii_authority, split_authority

_SCHEME = re.compile(rb"([a-z][a-z0-9+.-]*):/{1,3}(?=[^/])", re.IGNORECASE)
_PARTS = re.compile(rb"([^/?#]*)([^?#]*)(\?[^#]*)?(?:#.*)?", re.DOTALL)
_ADDRESS = re.compile(rb"(?:[a-z]+:/{1,3})?(?:[^/@]*@)?\[[0-9a-f:.%]+\]", re.IGNORECASE)
_RANGE = re.compile(rb"(?<!\\)[\[\]{}]")
_ESCAPED = re.compile(rb"\\([\[\]{}])")
REFUSED = re.compile(rb"[\0-\x20\x7f]")
"""What no URL holds."""
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


class UrlError(Exception):
    """No URL that one HTTP request could be sent to; the text says why."""


class Target(NamedTuple):
    """Where a request goes."""

    scheme: str
    host: str
    port: int
    """0: none that is possible."""
    authority: bytes
    """What Host says: without the scheme's own port."""
    path: bytes
    """With the query."""
    user: bytes | None
    """User and password, decoded; None: there are none."""


def target(url: bytes, *, globoff: bool, path_as_is: bool) -> Target:
    """Takes a URL apart. Raises UrlError."""
    url = url if globoff else _without_globbing(url)
    if REFUSED.search(url):
        raise UrlError(f"curl refuses the URL {url[:60]!r}: it holds a blank")
    found = _SCHEME.match(url)
    scheme = found[1].lower().decode() if found else "http"
    if scheme not in DEFAULT_PORTS:
        raise UrlError(f"{url[:60]!r} is no URL of http or https")
    parts = _PARTS.fullmatch(url, found.end() if found else 0)
    assert parts is not None
    user, at, place = parts[1].rpartition(b"@")
    host, port = split_authority(place.decode("utf-8", "replace"), DEFAULT_PORTS[scheme])
    if not host:
        raise UrlError(f"the URL {url[:60]!r} has no host")
    named = place.rpartition(b":")[0] if place.rpartition(b":")[2].isdigit() else place
    default = port in (DEFAULT_PORTS[scheme], 0)
    path = parts[2] if path_as_is else _without_dots(parts[2])
    return Target(
        scheme=scheme,
        host=host,
        port=port,
        authority=ascii_authority(named.rstrip(b":")) + (b"" if default else b":%d" % port),
        path=_encoded(path or b"/") + (parts[3] or b""),
        user=unquote_to_bytes(user) if at else None,
    )


def _without_globbing(url: bytes) -> bytes:
    """Returns the one URL that this stands for."""
    address = _ADDRESS.match(url)
    start = address.end() if address else 0
    if _RANGE.search(url, start):
        raise UrlError(
            f"to curl the URL {url[:60]!r} stands for several: write a command for each, or -g"
        )
    return url[:start] + _ESCAPED.sub(rb"\1", url[start:])


def _encoded(path: bytes) -> bytes:
    """Encodes what is not ASCII, as curl does in paths, not in queries."""
    return _NOT_ASCII.sub(lambda found: b"%%%02x" % ord(found[0]), path)


def _without_dots(path: bytes) -> bytes:
    """Removes dot segments (RFC 3986 section 5.2.4)."""
    if b"/." not in path:
        return path
    kept: list[bytes] = []
    segments = path.split(b"/")[1:]
    for segment in segments:
        if segment == b"..":
            kept[-1:] = []
        elif segment != b".":
            kept.append(segment)
    slash = segments[-1] in (b".", b"..")
    return b"/" + b"/".join(kept) + (b"/" if slash and kept else b"")
