"""The messages of a flow, read from HTTP/1 messages as captured (`http1_messages`).

For formats that hold what was on the wire. What makes no difference to a replay, or can't
be told, costs only itself and is noted. Knows nothing of the formats around the messages,
but for what they say about where a request went.
"""

import re
from typing import NamedTuple

from replayd.formats.authority import DEFAULT_PORTS, split_authority
from replayd.formats.header_fields import is_websocket, members_of, value_of
from replayd.formats.http1_messages import (
    Body,
    Head,
    MessageError,
    parse_head,
    parse_request_line,
    parse_status_line,
    request_body,
    response_body,
    skip_empty_lines,
)
from replayd.model.flow import FlowKind, Headers, Request, Response

_ABSOLUTE = re.compile(rb"(https?)://([^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)


class Service(NamedTuple):
    """Where a request was sent, as a capture says it beside the request."""

    scheme: str
    host: str
    port: int


class ReadRequest(NamedTuple):
    """A request, where it ends, and what was odd about it."""

    request: Request
    end: int
    notes: list[str]


class ReadResponse(NamedTuple):
    """A response, where another one follows (None: none does), and what was odd about it."""

    response: Response
    next: int | None
    notes: list[str]


class Times(NamedTuple):
    """When an exchange began and reached each phase, in seconds since the epoch."""

    started: float | None = None
    sent: float | None = None
    answered: float | None = None
    ended: float | None = None


class Exchange(NamedTuple):
    """What could be read of an exchange, and what was odd about it."""

    request: Request | None
    response: Response | None
    notes: list[str]


class Destination(NamedTuple):
    """Where a request goes, and its target without what says so."""

    scheme: bytes
    host: str
    port: int
    authority: bytes
    path: bytes


def read_request(
    data: bytes,
    start: int = 0,
    *,
    end: str,
    service: Service | None = None,
    any_version: bool = False,
    start_time: float | None = None,
    end_time: float | None = None,
) -> ReadRequest:
    """Reads the request at `start`. Raises MessageError.

    `end` says what ends where the data does, such as "the file ends". Without `service` the
    request itself must say where it went. `any_version` also takes HTTP/2 and HTTP/3
    requests, which tools write down like HTTP/1.
    """
    head = parse_head(data, start)
    line = parse_request_line(head.start_line, any_version=any_version)
    notes = []
    if head.bare_line_feeds:
        notes.append("lines of the head that ended with LF alone are sent with CR LF")
    rest = Body(data[head.end :], (), len(data))
    try:
        # An HTTP/2 content, which no field had to mark, is all that follows.
        body = rest if line.http_version >= b"HTTP/2" else request_body(data, head)
    except MessageError as error:
        notes.append(f"the content is not in chunks ({error}): taken as it is")
        body = rest
    if body.content is None:
        notes.append(_cut(data, head, "request", end))
    where = destination(line.method, line.target, head.headers, service)
    request = Request(
        method=line.method,
        scheme=where.scheme,
        host=where.host,
        port=where.port,
        path=where.path,
        http_version=_version(line.http_version),
        headers=head.headers,
        content=body.content,
        authority=where.authority,
        trailers=body.trailers,
        start_time=start_time,
        end_time=end_time,
    )
    stop = len(data) if body.end is None else min(body.end, len(data))
    return ReadRequest(request, stop, notes)


def read_response(
    data: bytes,
    start: int = 0,
    *,
    method: bytes,
    end: str,
    start_time: float | None = None,
    end_time: float | None = None,
) -> ReadResponse:
    """Reads the final response at `start`, to a request of this method. Raises MessageError."""
    head = parse_head(data, start)
    line = parse_status_line(head.start_line)
    while 100 <= line.status_code < 200 and line.status_code != 101:
        # Interim responses (RFC 9110 section 15.2) come before the one that counts.
        head = parse_head(data, head.end)
        line = parse_status_line(head.start_line)
    body = response_body(data, head, line.status_code, method)
    response = Response(
        http_version=_version(line.http_version),
        status_code=line.status_code,
        reason_phrase=line.reason_phrase,
        headers=head.headers,
        content=body.content,
        trailers=body.trailers,
        start_time=start_time,
        end_time=end_time,
    )
    if body.content is None:
        return ReadResponse(response, None, [_cut(data, head, "recorded response", end)])
    following = None if body.end is None else skip_empty_lines(data, body.end)
    goes_on = following is not None and following < len(data)
    return ReadResponse(response, following if goes_on else None, [])


def read_exchange(
    sent: bytes, received: bytes, *, end: str, service: Service | None, times: Times
) -> Exchange:
    """Reads a request that stands alone, of any version, and the response to it, if any."""
    request = response = None
    notes: list[str] = []
    try:
        asked = read_request(
            sent,
            end=end,
            service=service,
            any_version=True,
            start_time=times.started,
            end_time=times.sent,
        )
        request, notes = asked.request, asked.notes
        if skip_empty_lines(sent, asked.end) < len(sent):
            request = _with_rest(asked, sent)
    except MessageError as error:
        notes.append(f"the request can't be read: {error}")
    method = request.method if request else b""
    try:
        if received:
            response, _, odd = read_response(
                received,
                method=method,
                end=end,
                start_time=times.answered,
                end_time=times.ended,
            )
            notes += odd
    except MessageError as error:
        notes.append(f"the recorded response was left out: {error}")
    return Exchange(request, response, notes)


def _with_rest(asked: ReadRequest, sent: bytes) -> Request:
    """Returns a request with what follows its end: all of it was sent, whatever its fields say."""
    request, rest = asked.request, sent[asked.end :]
    if members_of(request.headers, b"transfer-encoding")[-1:] == [b"chunked"]:
        asked.notes.append(f"{len(rest)} bytes after the last chunk were left out")
        return request
    content = (request.content or b"") + rest
    asked.notes.append(
        f"{len(rest)} bytes follow where its fields say that the request ends: they are sent as "
        "content, with the length mended unless it is sent raw"
    )
    return request._replace(content=content)


def destination(
    method: bytes, target: bytes, headers: Headers, service: Service | None = None
) -> Destination:
    """Tells where a request goes: where it was sent, else what its target says (RFC 9112
    section 3.2), else Host.
    """
    absolute = _ABSOLUTE.fullmatch(target)
    if method == b"CONNECT":
        scheme, authority, path = b"http", target, b""
    elif absolute is not None:
        scheme, authority, path = absolute[1].lower(), absolute[2], absolute[3]
    else:
        scheme, authority, path = b"http", b"", target
    if service is not None:
        return Destination(service.scheme.encode(), service.host, service.port, authority, path)
    said = (authority.rpartition(b"@")[2] or value_of(headers, b"host")).strip()
    default = DEFAULT_PORTS[scheme.decode()]
    host, port = split_authority(said.decode("utf-8", "replace"), default)
    return Destination(scheme, host, port, authority, path)


def in_origin_form(request: Request) -> Request:
    """Returns a request to a proxy as that sends it on (RFC 9112 section 3.2.1)."""
    if request.method == b"CONNECT" or not request.authority:
        return request
    path = request.path
    if not path.startswith(b"/"):
        # RFC 9112 section 3.2.4: an empty path of OPTIONS stands for the asterisk.
        path = b"*" if request.method == b"OPTIONS" and not path else b"/" + path
    return request._replace(authority=b"", path=path)


def kind_of(request: Request | None, response: Response | None) -> FlowKind:
    """Tells whether the exchange opened a WebSocket."""
    opened = request and response and is_websocket(request.headers, response.status_code)
    return FlowKind.WEBSOCKET if opened else FlowKind.HTTP


def _version(said: bytes) -> bytes:
    """The one spelling of a version that several tools spell differently."""
    return b"HTTP/2.0" if said == b"HTTP/2" else said


def _cut(data: bytes, head: Head, what: str, end: str) -> str:
    return f"the {what}'s content is cut: {end} after {len(data) - head.end} bytes of it"
