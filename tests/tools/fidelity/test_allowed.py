"""Each allowed change as docs/fidelity.md has it, and none where none is needed."""

import pytest

from tests.tools.fidelity.requests import HOST, captured, coding, length, lines
from tools.fidelity.allowed import allowed
from tools.fidelity.captured import Captured

TRAILERS = ((b"T", b"1"),)


@pytest.mark.parametrize(
    "request_",
    [
        captured(HOST),
        captured(HOST, length(b"0")),
        captured(HOST, length(b"02"), (b"content-length", b"2, 2"), content=b"hi"),
        captured(HOST, coding(b"chunked"), trailers=TRAILERS),
        captured(HOST, coding(b"gzip")),
        captured(version=b"HTTP/1.0"),
    ],
)
def test_what_fits_stays(request_: Captured) -> None:
    assert allowed(request_) == (request_.own_bytes(), frozenset())


@pytest.mark.parametrize(
    ("request_", "arrives", "kinds"),
    [
        (
            captured(HOST, content=b"hi"),
            lines(b"Host: a.test", b"Content-Length: 2") + b"hi",
            {"CONTENT_LENGTH"},
        ),
        (
            captured((b"CONTENT-length", b"9"), HOST, length(b"2"), content=b"hi"),
            lines(b"CONTENT-length: 2", b"Host: a.test") + b"hi",
            {"CONTENT_LENGTH"},
        ),
        (
            captured(length(b"2"), coding(b"chunked"), HOST, content=b"hi"),
            lines(b"Transfer-Encoding: chunked", b"Host: a.test") + b"2\r\nhi\r\n0\r\n\r\n",
            {"CONTENT_LENGTH", "CHUNK_SIZES"},
        ),
        (
            captured(coding(b"identity"), HOST, content=b"hi"),
            lines(b"Host: a.test", b"Content-Length: 2") + b"hi",
            {"FIELD_REMOVED", "CONTENT_LENGTH"},
        ),
        (
            captured(coding(b"gzip"), HOST, content=b"hi"),
            lines(b"Transfer-Encoding: gzip", b"Transfer-Encoding: chunked", b"Host: a.test")
            + b"2\r\nhi\r\n0\r\n\r\n",
            {"CHUNK_SIZES"},
        ),
        (
            captured(HOST, trailers=TRAILERS),
            lines(b"Host: a.test", b"Transfer-Encoding: chunked") + b"0\r\nT: 1\r\n\r\n",
            {"CHUNK_SIZES"},
        ),
        (
            captured(HOST, version=b"HTTP/1.0", trailers=TRAILERS),
            lines(b"Host: a.test", start=b"POST /x HTTP/1.0"),
            {"FIELD_REMOVED"},
        ),
    ],
)
def test_framing_that_does_not_fit_is_mended(
    request_: Captured, arrives: bytes, kinds: set[str]
) -> None:
    assert allowed(request_) == (arrives, kinds)


@pytest.mark.parametrize(
    ("request_", "arrives", "kinds"),
    [
        (
            captured((b"a", b"1"), authority=b"b.test", version=b"HTTP/2.0"),
            lines(b"Host: b.test", b"a: 1"),
            {"HTTP_VERSION"},
        ),
        (
            captured((b"a", b"1"), port=81, version=b"HTTP/3", content=b"hi"),
            lines(b"Host: a.test:81", b"a: 1", b"content-length: 2") + b"hi",
            {"HTTP_VERSION", "CONTENT_LENGTH"},
        ),
        (
            captured(
                (b"cookie", b"x=1"), (b"a", b"1"), (b"cookie", b"y=2"), HOST, version=b"HTTP/2.0"
            ),
            lines(b"cookie: x=1; y=2", b"a: 1", b"Host: a.test"),
            {"HTTP_VERSION", "COOKIES_JOINED"},
        ),
        (
            captured(
                *((b":path", b"/x"), (b"Connection", b"close"), HOST),
                authority=b"b.test",
                version=b"HTTP/2.0",
            ),
            lines(b"Host: b.test"),
            {"HTTP_VERSION", "FIELD_REMOVED"},
        ),
    ],
)
def test_http2_leaves_as_http1(request_: Captured, arrives: bytes, kinds: set[str]) -> None:
    assert allowed(request_) == (arrives, kinds)
