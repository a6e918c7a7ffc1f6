"""HTTP/1 messages as captured, taken apart without judging them (RFC 9112).

For formats that hold what was on the wire. The opposite of a server's parser: it keeps
what a server would refuse, since that is often why a request is replayed: the case, order
and duplicates of fields, odd bytes, folded lines, blanks around names and values. Only
where the parts can't be told at all it raises MessageError.

Knows whole messages in memory; knows nothing of sockets, nor of the planning of replays.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from replayd.formats.header_fields import content_length, members_of
from replayd.model.flow import Headers

_REQUEST_LINE = re.compile(rb"([^\s:]+) (.*) (HTTP/[01]\.[0-9])[ \t]*", re.DOTALL)
_ANY_REQUEST_LINE = re.compile(rb"([^\s:]+) (.*) (HTTP/[0-9](?:\.[0-9])?)[ \t]*", re.DOTALL)
_STATUS_LINE = re.compile(rb"(HTTP/[0-9](?:\.[0-9])?)[ \t]+([0-9]{3})(?: (.*))?", re.DOTALL)

_LINE = re.compile(rb"[^\n]*+\n")
_LINE_END = re.compile(rb"\r?\n")
_EMPTY_LINES = re.compile(rb"[\r\n]*+")
_HEAD_END = re.compile(rb"\n\r?\n")
_CHUNK = re.compile(rb"[ \t]*([0-9a-f]{1,15})[ \t]*(?:;[^\n]*)?\r?\n", re.IGNORECASE)
"""A chunk's size and extensions (RFC 9112 section 7.1)."""

_MAX_CHUNK_LINE = 1 << 12

MAX_HEAD = 4 << 20
"""Bytes of a start line and fields that are taken apart, in many times their memory; a
replay's may have fewer (`planning.refusal`).
"""


class MessageError(Exception):
    """The bytes are no HTTP/1 message; the text says why."""


class Head(NamedTuple):
    """A start line and fields."""

    start_line: bytes
    headers: Headers
    end: int
    """Where the content begins."""
    bare_line_feeds: bool
    """Some lines ended with LF alone, which servers take for CR LF."""


class Body(NamedTuple):
    """A content without its framing."""

    content: bytes | None
    """None: not all of it is there."""
    trailers: Headers
    end: int | None
    """Where it ends; beyond the data when `content` is None, None if nobody knows where."""


class RequestLine(NamedTuple):
    """The parts of a request's first line, as they stand."""

    method: bytes
    target: bytes
    http_version: bytes


class StatusLine(NamedTuple):
    """The parts of a response's first line, as they stand."""

    http_version: bytes
    status_code: int
    reason_phrase: bytes


def parse_head(data: bytes, start: int = 0) -> Head:
    """Reads a message's start line and fields. Raises MessageError."""
    # RFC 9112 section 2.2: empty lines before a message mean nothing.
    start = skip_empty_lines(data, start)
    found = _HEAD_END.search(data, start, start + MAX_HEAD)
    if found is None and len(data) - start > MAX_HEAD:
        raise MessageError(f"its fields don't end within {MAX_HEAD} bytes")
    if found is None:
        raise MessageError("the empty line that ends its fields is missing")
    lines = _LINE.findall(data, start, found.start() + 1)
    return Head(
        start_line=lines[0].rstrip(b"\r\n"),
        headers=tuple(_fields(lines[1:])),
        end=found.end(),
        bare_line_feeds=any(not line.endswith(b"\r\n") for line in lines),
    )


def skip_empty_lines(data: bytes, start: int) -> int:
    """Returns where something begins that is no empty line."""
    found = _EMPTY_LINES.match(data, start)
    assert found is not None
    return found.end()


def parse_request_line(line: bytes, *, any_version: bool = False) -> RequestLine:
    """Takes a request's first line apart; its target may hold blanks. Raises MessageError.

    `any_version`: HTTP/2 and later, which have no such line, are taken too.
    """
    found = (_ANY_REQUEST_LINE if any_version else _REQUEST_LINE).fullmatch(line)
    if found is None:
        raise MessageError(f"it begins with {line[:60]!r}, not with a request line")
    return RequestLine(*found.groups())


def parse_status_line(line: bytes) -> StatusLine:
    """Takes a response's first line apart. Raises MessageError."""
    found = _STATUS_LINE.fullmatch(line)
    if found is None:
        raise MessageError(f"it begins with {line[:60]!r}, not with a status line")
    version, status, reason = found.groups()
    return StatusLine(version, int(status), reason or b"")


def request_body(data: bytes, head: Head) -> Body:
    """Finds a request's content (RFC 9112 section 6.3). Raises MessageError."""
    return _framed_body(data, head) or Body(b"", (), head.end)


def response_body(data: bytes, head: Head, status_code: int, method: bytes) -> Body:
    """Finds the content of a response to `method`. Raises MessageError."""
    if method == b"HEAD" or status_code in (204, 304) or 100 <= status_code < 200:
        return Body(b"", (), head.end)
    return _framed_body(data, head) or Body(data[head.end :], (), len(data))


def _fields(lines: list[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yields fields; a folded one with its line ends and blanks (RFC 9112 section 5.2)."""
    name = ending = b""
    value: list[bytes] = []
    for line in lines:
        content = line.rstrip(b"\r\n")
        if line.startswith((b" ", b"\t")) and name:
            value += (ending, content)
        else:
            if name:
                yield name, b"".join(value)
            name, colon, first = content.partition(b":")
            if not colon or not name or line.startswith((b" ", b"\t")):
                raise MessageError(f"the line {content[:60]!r} is no field")
            # This one is always written; all others are the value's own.
            value = [first.removeprefix(b" ")]
        ending = line[len(content) :]
    if name:
        yield name, b"".join(value)


def _framed_body(data: bytes, head: Head) -> Body | None:
    """Finds a content whose end is marked; None: no field marks it."""
    codings = members_of(head.headers, b"transfer-encoding")
    if codings[-1:] == [b"chunked"]:
        return _chunked_body(data, head.end)
    if not any(name.strip().lower() == b"content-length" for name, _ in head.headers):
        return None
    size = content_length(head.headers)
    if size is None:
        # Which of several it is can't be told: everything that is there.
        return Body(data[head.end :], (), len(data))
    end = head.end + size
    return Body(data[head.end : end] if end <= len(data) else None, (), end)


def _chunked_body(data: bytes, start: int) -> Body:
    """Joins chunks (RFC 9112 section 7.1); they may end before the last one."""
    pieces: list[bytes] = []
    while True:
        found = _CHUNK.match(data, start)
        if found is None:
            if b"\n" in data[start : start + _MAX_CHUNK_LINE]:
                raise MessageError(f"{data[start : start + 30]!r} is no chunk's size")
            return Body(None, (), None)
        start = found.end()
        size = int(found[1], 16)
        if size == 0:
            return _with_trailers(data, start, b"".join(pieces))
        if start + size > len(data):
            return Body(None, (), None)
        pieces.append(data[start : start + size])
        start += size
        ending = _LINE_END.match(data, start)
        if ending is None:
            if start + 2 <= len(data):
                raise MessageError(f"{data[start : start + 30]!r} does not end a chunk")
            return Body(None, (), None)
        start = ending.end()


def _with_trailers(data: bytes, start: int, content: bytes) -> Body:
    ending = _LINE_END.match(data, start)
    if ending is not None:
        return Body(content, (), ending.end())
    found = _HEAD_END.search(data, start, start + MAX_HEAD)
    if found is None:
        return Body(None, (), None)
    lines = _LINE.findall(data, start, found.start() + 1)
    return Body(content, tuple(_fields(lines)), found.end())
