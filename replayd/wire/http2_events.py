"""What an HTTP/2 connection has to tell those whose streams it carries. Plain data."""

from typing import NamedTuple

from replayd.errors import WireError
from replayd.model.flow import Headers

HTTP1_INSTEAD = "--http-version 1.1 sends it over HTTP/1.1"
"""What to do where HTTP/2 is not spoken."""


class HeadersCame(NamedTuple):
    """A header list came: a head or trailers."""

    stream_id: int
    fields: Headers
    ends: bool


class ContentCame(NamedTuple):
    """Content came."""

    stream_id: int
    content: bytes
    ends: bool


class StreamFailed(NamedTuple):
    """The server reset a stream, or spoiled it."""

    stream_id: int
    code: int
    error: WireError


class GoingAway(NamedTuple):
    """The server takes no more requests (GOAWAY, RFC 9113 section 6.8)."""

    last_stream_id: int
    """It did nothing with those after this one."""
    code: int
    text: str
    """Which code, and the server's own words; for people."""


class RoomCame(NamedTuple):
    """More content may be sent."""

    stream_id: int
    """0: on every stream."""


Happening = HeadersCame | ContentCame | StreamFailed | GoingAway | RoomCame
