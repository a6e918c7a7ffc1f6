"""The messages of records: requests, and the responses that are added to them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from replayd.formats.authority import DEFAULT_PORTS, split_authority
from replayd.formats.goreplay.records import Record
from replayd.formats.header_fields import is_websocket, value_of
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
from replayd.model.flow import DamagedFlow, Flow, FlowKind, Request, Response

FILE_SESSION = "file"
"""The session of ids that name no connection."""

_ADDRESSED_ID = re.compile(r"[0-9a-f]{24}")
_ADDRESS = 16
"""Hexadecimal digits of ports and source address, with which such an id begins."""

_ABSOLUTE = re.compile(rb"(https?)://([^/?#]*)(.*)", re.DOTALL | re.IGNORECASE)


@dataclass(slots=True)
class Exchange:
    """A request, and its response once that is known."""

    record_id: str
    request: Request | None
    size: int
    notes: list[str] = field(default_factory=list)
    response: Response | None = None
    answered: bool = False
    damaged: DamagedFlow | None = None
    """What stands in the place of a request that can't be read."""

    def flow(self) -> Flow:
        """Returns the flow."""
        websocket = (
            self.request is not None
            and self.response is not None
            and is_websocket(self.request.headers, self.response.status_code)
        )
        addressed = _ADDRESSED_ID.fullmatch(self.record_id)
        return Flow(
            flow_id=self.record_id,
            session_id=self.record_id[:_ADDRESS] if addressed else FILE_SESSION,
            kind=FlowKind.WEBSOCKET if websocket else FlowKind.HTTP,
            request=self.request,
            response=self.response,
        )


def exchanges(record: Record) -> Iterator[Exchange]:
    """Yields the requests of a record: one, or several that were pipelined."""
    payload, at, first = record.payload, 0, True
    while first or at < len(payload):
        try:
            exchange, at = _request(record, at)
        except MessageError as error:
            if not first:
                left = len(payload) - at
                exchange.notes.append(f"{left} bytes after the request's end were left out")
                return
            torn = "the file ends inside it; " if record.torn else ""
            exchange, at = Exchange(record.id, None, 0), len(payload)
            exchange.notes.append(f"the request can't be read: {torn}{error}")
        yield exchange
        first = False
        at = skip_empty_lines(payload, at)


def _request(record: Record, start: int) -> tuple[Exchange, int]:
    """Reads the request at `start`; returns it and where it ends."""
    payload = record.payload
    head = parse_head(payload, start)
    line = parse_request_line(head.start_line)
    notes = []
    if head.bare_line_feeds:
        notes.append("lines of the head that ended with LF alone are sent with CR LF")
    try:
        body = request_body(payload, head)
    except MessageError as error:
        notes.append(f"the content is not in chunks ({error}): taken as it is")
        body = Body(payload[head.end :], (), len(payload))
    if body.content is None:
        notes.append(_cut(record, head, "request"))
    elif record.torn:
        notes.append("the file ends after it, without the mark of a record's end")
    where = _Destination.of(line.method, line.target, head)
    request = Request(
        method=line.method,
        scheme=where.scheme,
        host=where.host,
        port=where.port,
        path=where.path,
        http_version=line.http_version,
        headers=head.headers,
        content=body.content,
        authority=where.authority,
        trailers=body.trailers,
        start_time=record.time,
        end_time=record.time + record.latency if record.latency > 0 else None,
    )
    end = len(payload) if body.end is None else min(body.end, len(payload))
    return Exchange(record.id, request, end - start, notes), end


def _cut(record: Record, head: Head, what: str) -> str:
    why = "the file ends" if record.torn else "the record ends"
    there = len(record.payload) - head.end
    return f"the {what}'s content is cut: {why} after {there} bytes of it"


@dataclass(frozen=True, slots=True)
class _Destination:
    """Where a request went, as far as it says itself: GoReplay records no address."""

    scheme: bytes
    host: str
    port: int
    authority: bytes
    path: bytes

    @classmethod
    def of(cls, method: bytes, target: bytes, head: Head) -> "_Destination":
        """Tells it from the request target (RFC 9112 section 3.2), else from Host."""
        absolute = _ABSOLUTE.fullmatch(target)
        if method == b"CONNECT":
            scheme, authority, path = b"http", target, b""
        elif absolute is not None:
            scheme, authority, path = absolute[1].lower(), absolute[2], absolute[3]
        else:
            scheme, authority, path = b"http", b"", target
        said = (authority.rpartition(b"@")[2] or value_of(head.headers, b"host")).strip()
        default = DEFAULT_PORTS[scheme.decode()]
        host, port = split_authority(said.decode("utf-8", "replace"), default)
        return cls(scheme, host, port, authority, path)


def add_response(exchange: Exchange, record: Record, start: int) -> int | None:
    """Reads the response at `start`; returns where another one follows, None: none does."""
    payload = record.payload
    method = exchange.request.method if exchange.request else b""
    try:
        head = parse_head(payload, start)
        line = parse_status_line(head.start_line)
        while 100 <= line.status_code < 200 and line.status_code != 101:
            # Interim responses (RFC 9110 section 15.2) come before the one that counts.
            head = parse_head(payload, head.end)
            line = parse_status_line(head.start_line)
        body = response_body(payload, head, line.status_code, method)
    except MessageError as error:
        exchange.notes.append(f"the recorded response was left out: {error}")
        return None
    if body.content is None:
        exchange.notes.append(_cut(record, head, "recorded response"))
    exchange.response = Response(
        http_version=line.http_version,
        status_code=line.status_code,
        reason_phrase=line.reason_phrase,
        headers=head.headers,
        content=body.content,
        trailers=body.trailers,
        start_time=record.time,
    )
    if body.content is None or body.end is None:
        return None
    end = skip_empty_lines(payload, body.end)
    return end if end < len(payload) else None
