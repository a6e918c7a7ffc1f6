"""Where a request went: a URL as a HAR has it, taken apart into what a request needs.

Nothing is normalised: path and query stay as they are written, for a HAR's URL is the
closest there is to the request target that was sent.
"""

import re
from typing import NamedTuple

from replayd.formats.authority import DEFAULT_PORTS, split_authority
from replayd.formats.fields import FieldError
from replayd.formats.har.values import octets

_URL = re.compile(r"([a-z][a-z0-9+.-]*):(?://([^/?#]*))?([^#]*)(#.*)?", re.DOTALL | re.IGNORECASE)
"""RFC 3986 appendix B, for a URL with a scheme."""

_WEBSOCKET = {"ws": "http", "wss": "https"}


class Url(NamedTuple):
    """A URL's parts."""

    scheme: str
    """`http` or `https` for ws and wss too."""
    websocket: bool
    authority: bytes
    """Host and port as written, without user and password, which no request line has."""
    host: str
    """Without brackets."""
    port: int
    """0: none, or none that is possible."""
    path: bytes
    """With the query."""
    fragment: str
    """Never sent (RFC 9110 section 4.2.3)."""


def parse_url(said: str) -> Url:
    """Takes a URL apart. Raises FieldError when it is none."""
    found = _URL.fullmatch(said.strip())
    if found is None:
        raise FieldError(f"'url' is {said!r:.80}, which is no URL with a scheme")
    given, authority, path, fragment = found.groups()
    scheme = _WEBSOCKET.get(given.lower(), given.lower())
    authority = (authority or "").rpartition("@")[2]
    if not authority.isprintable():
        # Half a character among others: text that no host could be told in.
        raise FieldError(f"'url' has the host {authority!a:.80}, which is no text")
    host, port = split_authority(authority, DEFAULT_PORTS.get(scheme, 0))
    return Url(
        scheme=scheme,
        websocket=given.lower() in _WEBSOCKET,
        authority=octets(authority, "'url'"),
        host=host,
        port=port,
        path=octets(path if path.startswith("/") else f"/{path}", "'url'"),
        fragment=fragment or "",
    )
