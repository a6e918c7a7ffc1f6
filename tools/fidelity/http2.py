"""The judge's part for HTTP/2: what may arrive at a server that speaks it.

HTTP/2 has no bytes that could be compared, since its head is compressed: a request is the
text of its fields in their order, then the digest of its content, then its trailers. Written
from docs/fidelity.md and RFC 9113 alone, as `allowed` is.
"""

import hashlib
from dataclasses import replace

from replayd.model.flow import Headers
from tests.support.http2_recorder import Http2Recorded
from tools.fidelity.allowed import HOP_BY_HOP, Allowed, mend_length
from tools.fidelity.captured import Captured, is_field, section
from tools.fidelity.judge import Verdict, first_difference, other_name


def judge_http2(captured: Captured, arrived: Http2Recorded) -> Verdict:
    """Compares a captured HTTP/2 or HTTP/3 request with what arrived over HTTP/2."""
    name = other_name(captured.expected_server_name, arrived.server_name)
    came = text(arrived.headers, arrived.content_size, arrived.content_sha256, arrived.trailers)
    expected, kinds = allowed_http2(captured)
    if came == expected:
        return Verdict(kinds, name)
    return Verdict(wrong="; ".join(filter(None, [first_difference(expected, came), name])))


def text(headers: Headers, size: int, sha256: str, trailers: Headers) -> bytes:
    """A request as text."""
    return b"%b\r\n%d bytes: %b\r\n%b" % (
        section(headers),
        size,
        sha256.encode(),
        section(trailers),
    )


def allowed_http2(captured: Captured) -> tuple[bytes, frozenset[str]]:
    """The text that may arrive, and the kinds of changes that made it of the capture's."""
    made = Allowed(captured)
    if captured.version.upper().startswith((b"HTTP/3", b"H3")):
        made.kinds.add("HTTP_VERSION")
    if any(name != name.lower() for name, _ in (*captured.fields, *captured.trailers)):
        take_form(made)
    if made.request.values(b"content-length"):
        mend_length(made)
    request = made.request
    headers = (*pseudo_fields(request), *request.fields)
    sha256 = hashlib.sha256(request.content).hexdigest()
    return text(headers, len(request.content), sha256, request.trailers), frozenset(made.kinds)


def pseudo_fields(request: Captured) -> Headers:
    """In the order of mitmproxy; without an authority where the capture has none."""
    fields = (
        (b":method", request.method),
        (b":scheme", request.scheme.encode()),
        (b":path", request.path),
        (b":authority", request.authority),
    )
    return fields if request.authority else fields[:3]


def take_form(made: Allowed) -> None:
    """What the capture shows in the form of HTTP/1, though it was HTTP/2, takes its own."""
    request = made.request
    hosts = request.values(b"host")
    listed = {name.strip() for name in b",".join(request.values(b"connection")).lower().split(b",")}
    dropped = HOP_BY_HOP | listed | {b"host"}
    kept = [
        field
        for field in request.fields
        if (is_field(field[0], b"te") and field[1].strip().lower() == b"trailers")
        or not (is_field(field[0], b"te") or field[0].strip().lower() in dropped)
    ]
    if len(kept) < len(request.fields):
        made.kinds.add("FIELD_REMOVED")
    if any(name != name.lower() for name, _ in (*kept, *request.trailers)):
        made.kinds.add("LOWER_CASE")
    made.request = replace(
        request,
        authority=request.authority or (hosts[0].strip() if hosts else b""),
        fields=lowered(tuple(kept)),
        trailers=lowered(request.trailers),
    )


def lowered(fields: Headers) -> Headers:
    """Fields with their names in lower case."""
    return tuple((name.lower(), value) for name, value in fields)
