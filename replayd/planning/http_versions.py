"""Which version of HTTP a request was captured with, and which ones it may leave with.

Knows the batch's choice and the captured request; what a server then chooses is not known
when a flow is planned.
"""

from replayd.model.flow import Flow, FlowKind, Request
from replayd.model.plan import HttpVersion, HttpVersions

CONNECTION_SPECIFIC = frozenset(
    {
        b"connection",
        b"http2-settings",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
    }
)
"""Fields about one HTTP/1 connection only, malformed in HTTP/2 (RFC 9113 section 8.2.2)."""


_HTTP2 = (b"HTTP/2", b"HTTP/3", b"H2", b"H3")


HTTP1 = HttpVersions.ONE
"""By a name of its own: Python 3.11 takes ten times as long to find a member of an enum."""

_TWO = HttpVersion.TWO


def is_http2(version: bytes) -> bool:
    """Tells whether a captured version is HTTP/2 or HTTP/3, in any spelling."""
    # Nearly all are in the first spelling.
    return version != b"HTTP/1.1" and version.upper().startswith(_HTTP2)


def versions_for(flow: Flow, request: Request, chosen: HttpVersion) -> HttpVersions:
    """Returns what a connection for this flow may speak, as the batch chose.

    Tunnels and WebSockets begin over HTTP/1.1 always.
    """
    http2 = is_http2(request.http_version)
    if not http2 and chosen is not _TWO:
        return HTTP1
    if flow.kind is FlowKind.WEBSOCKET or request.method == b"CONNECT":
        return HTTP1
    if chosen is _TWO or chosen is HttpVersion.RECORDED:
        return HttpVersions.TWO
    # Without TLS nobody can be asked whether HTTP/2 is spoken.
    if chosen is HttpVersion.AUTO and request.scheme == b"https":
        return HttpVersions.TWO_OR_ONE
    return HTTP1
