"""Captured HTTP/1 messages, taken apart without being judged."""

import pytest

from replayd.formats.http1_messages import (
    MAX_HEAD,
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
from tests.support.work import limited_time


def head_of(*lines: bytes) -> Head:
    return parse_head(b"".join(line + b"\r\n" for line in (b"GET / HTTP/1.1", *lines, b"")))


def rejoined(head: Head) -> bytes:
    """The head as a plan writes it."""
    return b"".join(b"%b: %b\r\n" % field for field in head.headers)


@pytest.mark.parametrize(
    "fields",
    [
        b"",
        b"Host: a\r\nx-dup: 1\r\nX-DUP: 2\r\nx-dup: \r\n",
        b"X-Latin1: caf\xe9\r\nX-Nul: a\0b\r\nX-Cr: a\rb\r\n",
        b"X-Blanks:   a  b \t\r\nX-Tab: \tb\r\n",
        b"X-Fold: one\r\n two\r\n\tthree\r\n \r\nY: z\r\n",
        b"X-Blank : a\r\n  odd name: b\r\n".replace(b"  odd", b"odd"),
        b"X: :b:c\r\n",
    ],
)
def test_fields_are_kept_byte_for_byte(fields: bytes) -> None:
    head = parse_head(b"GET / HTTP/1.1\r\n" + fields + b"\r\nbody: x\r\n\r\n")
    assert rejoined(head) == fields
    assert (head.start_line, head.bare_line_feeds) == (b"GET / HTTP/1.1", False)
    assert head.end == len(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")


def test_blanks_that_mean_nothing_are_one_space() -> None:
    assert head_of(b"A:1", b"B:").headers == ((b"A", b"1"), (b"B", b""))


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nA: b\n\nx",
        b"GET / HTTP/1.1\r\nA: b\n\r\nx",
        b"\r\n\nGET / HTTP/1.1\nA: b\r\n\nx",
    ],
)
def test_line_feeds_alone_end_lines_too(data: bytes) -> None:
    head = parse_head(data)
    assert (head.start_line, head.headers) == (b"GET / HTTP/1.1", ((b"A", b"b"),))
    assert head.bare_line_feeds
    assert data[head.end :] == b"x"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty line that ends its fields is missing"),
        (b"GET / HTTP/1.1\r\nA: b\r\n", "empty line that ends its fields is missing"),
        (b"GET / HTTP/1.1\r\n folded: b\r\n\r\n", "b' folded: b' is no field"),
        (b"GET / HTTP/1.1\r\nnothing\r\n\r\n", "b'nothing' is no field"),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n", "b': x' is no field"),
    ],
)
def test_what_has_no_head_is_said(data: bytes, said: str) -> None:
    with pytest.raises(MessageError, match=said):
        parse_head(data)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"GET /a b?c HTTP/1.0", (b"GET", b"/a b?c", b"HTTP/1.0")),
        (b"M-SEARCH * HTTP/1.1 ", (b"M-SEARCH", b"*", b"HTTP/1.1")),
        (b"GET /caf\xe9\0 HTTP/1.1", (b"GET", b"/caf\xe9\0", b"HTTP/1.1")),
        (b"GET  HTTP/1.1", (b"GET", b"", b"HTTP/1.1")),
    ],
)
def test_a_request_line_is_taken_apart(line: bytes, parts: tuple[bytes, ...]) -> None:
    assert parse_request_line(line) == parts


@pytest.mark.parametrize(
    "line",
    [b"", b"GET /", b"PRI * HTTP/2.0", b" GET / HTTP/1.1", b"\x16\x03\x01", b"X: y HTTP/1.1"],
)
def test_what_is_no_request_line_is_said(line: bytes) -> None:
    with pytest.raises(MessageError, match="not with a request line"):
        parse_request_line(line)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        (b"HTTP/1.1 200 OK", (b"HTTP/1.1", 200, b"OK")),
        (b"HTTP/1.0 404", (b"HTTP/1.0", 404, b"")),
        (b"HTTP/2 200 ", (b"HTTP/2", 200, b"")),
        (b"HTTP/1.1  500 caf\xe9 x", (b"HTTP/1.1", 500, b"caf\xe9 x")),
    ],
)
def test_a_status_line_is_taken_apart(line: bytes, parts: tuple[bytes, int, bytes]) -> None:
    assert parse_status_line(line) == parts


@pytest.mark.parametrize("line", [b"", b"ICY 200 OK", b"HTTP/1.1 20 OK", b"HTTP/1.1 2000 OK"])
def test_what_is_no_status_line_is_said(line: bytes) -> None:
    with pytest.raises(MessageError, match="not with a status line"):
        parse_status_line(line)


def body_of(content: bytes, *fields: bytes) -> tuple[Body, int]:
    data = b"".join(line + b"\r\n" for line in (b"POST / HTTP/1.1", *fields, b"")) + content
    head = parse_head(data)
    return request_body(data, head), head.end


@pytest.mark.parametrize(
    ("content", "fields", "expected", "end"),
    [
        (b"abcd", [], b"", 0),
        (b"abcd", [b"Content-Length: 3"], b"abc", 3),
        (b"abcd", [b"content-length : 3, 3"], b"abc", 3),
        (b"abcd", [b"Content-Length: 5"], None, 5),
        # Which one it is can't be told.
        (b"abcd", [b"Content-Length: 3", b"Content-Length: 2"], b"abcd", 4),
        (b"abcd", [b"Content-Length: x"], b"abcd", 4),
        (b"abcd", [b"Transfer-Encoding: identity", b"Content-Length: 2"], b"ab", 2),
        (b"3\r\nabc\r\n0\r\n\r\nx", [b"Transfer-Encoding: gzip, CHUNKED"], b"abc", 13),
        (b"3;a=b\nabc\n1 \r\nd\r\n0\n\nx", [b"Transfer-Encoding: chunked"], b"abcd", 20),
        (b"0\r\n\r\n", [b"Content-Length: 9", b"Transfer-Encoding: chunked"], b"", 5),
    ],
)
def test_a_requests_content_is_found(
    content: bytes, fields: list[bytes], expected: bytes | None, end: int
) -> None:
    body, start = body_of(content, *fields)
    assert body == Body(expected, (), start + end)


CHUNKED = b"Transfer-Encoding: chunked"


def test_trailers_are_kept() -> None:
    body, start = body_of(b"1\r\na\r\n0\r\nX-Sum: 1\r\nx-sum:  2\r\n\r\nrest", CHUNKED)
    assert body == Body(b"a", ((b"X-Sum", b"1"), (b"x-sum", b" 2")), start + 32)


def test_chunks_that_end_early_are_cut_wherever_they_end() -> None:
    whole = b"3\r\nabc\r\na;x=y\r\n0123456789\r\n0\r\nA: b\r\n\r\n"
    for size in range(len(whole)):
        body, _ = body_of(whole[:size], CHUNKED)
        assert body == Body(None, (), None)


@pytest.mark.parametrize(
    "content", [b"x\r\n", b"3\r\nabcd\r\n", b"-1\r\n", b'{"a": 1}\r\n', b"9" * 20 + b"\r\n"]
)
def test_what_are_no_chunks_is_said(content: bytes) -> None:
    with pytest.raises(MessageError, match=r"is no chunk's size|does not end a chunk"):
        body_of(content, CHUNKED)


@pytest.mark.parametrize(
    ("status", "method", "fields", "expected"),
    [
        (200, b"GET", b"", b"abcd"),
        (200, b"GET", b"Content-Length: 2\r\n", b"ab"),
        (200, b"HEAD", b"Content-Length: 2\r\n", b""),
        (304, b"GET", b"Content-Length: 2\r\n", b""),
        (204, b"GET", b"", b""),
        (101, b"GET", b"", b""),
    ],
)
def test_a_responses_content_is_found(
    status: int, method: bytes, fields: bytes, expected: bytes
) -> None:
    data = b"HTTP/1.1 %d X\r\n%b\r\nabcd" % (status, fields)
    head = parse_head(data)
    body = response_body(data, head, status, method)
    assert body == Body(expected, (), head.end + len(expected))


def test_empty_lines_are_stepped_over() -> None:
    assert skip_empty_lines(b"ab\r\n\n\r\ncd", 2) == 7
    assert skip_empty_lines(b"ab", 0) == 0


def test_folded_lines_take_the_time_of_their_bytes() -> None:
    with limited_time(5):
        head = parse_head(b"GET / HTTP/1.1\r\nA: b\r\n" + b" c\r\n" * 250_000 + b"\r\n")
    assert len(head.headers[0][1]) == 1 + 4 * 250_000


def test_a_head_is_bounded() -> None:
    fields = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MAX_HEAD // 6)
    with pytest.raises(MessageError, match=f"don't end within {MAX_HEAD} bytes"):
        parse_head(fields + b"A: b\r\n\r\n")
    head = parse_head(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    body = request_body(bytes(head.end) + b"0\r\n" + fields + b"\r\n", head)
    assert body.content is None
