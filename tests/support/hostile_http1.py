"""HTTP/1 responses that nobody should send."""

import gzip
from collections.abc import Iterable

from tests.support.hostile import (
    CHUNKED,
    HEAD,
    PIECE,
    SIZED,
    Hostile,
    drips,
    floods,
    leaves,
    resets,
    says,
    silent,
)
from tests.support.http2_peer import frame
from tests.support.scripted_server import OK

BOMB = gzip.compress(bytes(8 << 20))
"""A thousand times smaller than what it holds."""


def _both(framing: Iterable[bytes], content: bytes) -> bytes:
    return HEAD + b"".join(b"%b\r\n" % field for field in framing) + b"\r\n" + content


HTTP1 = {
    # Without end.
    "endless-status-line": Hostile(floods(b"HTTP/1.1 200 ", PIECE), "HEAD_TOO_LARGE"),
    "endless-field-line": Hostile(floods(HEAD + b"X: ", b"x" * 9999), "HEAD_TOO_LARGE"),
    "endless-fields": Hostile(floods(HEAD, b"X-Y: z\r\n" * 999), "HEAD_TOO_LARGE"),
    "too-many-fields": Hostile(says(HEAD, b"a: b\r\n" * 257, b"\r\n"), "HEAD_TOO_LARGE"),
    "endless-interims": Hostile(floods(b"", b"HTTP/1.1 102 Wait\r\n\r\n" * 99), "HEAD_TOO_LARGE"),
    "endless-early-hints": Hostile(
        floods(b"", b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\n"), "HEAD_TOO_LARGE"
    ),
    "endless-content": Hostile(floods(HEAD + b"\r\n", PIECE), "BODY_TOO_LARGE"),
    "endless-declared-content": Hostile(floods(SIZED % 10**12, PIECE), "BODY_TOO_LARGE"),
    "endless-chunks": Hostile(floods(CHUNKED, b"10000\r\n" + PIECE + b"\r\n"), "BODY_TOO_LARGE"),
    "endless-bytes-as-chunks": Hostile(floods(CHUNKED, b"1\r\nx\r\n" * 9999), "BODY_TOO_LARGE"),
    "one-endless-chunk": Hostile(floods(CHUNKED + b"ffffffff\r\n", PIECE), "BODY_TOO_LARGE"),
    "endless-chunk-extension": Hostile(floods(CHUNKED + b"1;", b"x" * 9999), "HEAD_TOO_LARGE"),
    "endless-chunk-size": Hostile(floods(CHUNKED, b"0" * 9999), "HEAD_TOO_LARGE"),
    "endless-trailers": Hostile(floods(CHUNKED + b"0\r\n", b"X-Y: z\r\n" * 999), "HEAD_TOO_LARGE"),
    # Slow, or silent.
    "silence": Hostile(silent, "FIRST_BYTE_TIMEOUT"),
    "head-stops": Hostile(says(HEAD + b"X: "), "READ_TIMEOUT"),
    "content-stops": Hostile(says(SIZED % 10 + b"12345"), "READ_TIMEOUT"),
    "chunk-stops": Hostile(says(CHUNKED + b"a\r\n12345"), "READ_TIMEOUT"),
    "trailers-stop": Hostile(says(CHUNKED + b"0\r\nX: y\r\n"), "READ_TIMEOUT"),
    "head-drips": Hostile(drips(HEAD), "TOTAL_TIMEOUT"),
    "content-drips": Hostile(drips(SIZED % 10**6), "TOTAL_TIMEOUT"),
    "chunks-drip": Hostile(drips(CHUNKED, b"1\r\nx\r\n"), "TOTAL_TIMEOUT"),
    "interims-drip": Hostile(drips(b"", b"HTTP/1.1 102 Wait\r\n\r\n"), "TOTAL_TIMEOUT"),
    # Broken off.
    "closes": Hostile(leaves, "CLOSED_EARLY"),
    "closes-in-head": Hostile(says(HEAD, close=True), "CLOSED_EARLY"),
    "closes-in-content": Hostile(says(SIZED % 10 + b"12345", close=True), "CLOSED_EARLY"),
    "closes-in-chunk": Hostile(says(CHUNKED + b"a\r\n12345", close=True), "CLOSED_EARLY"),
    "closes-after-interim": Hostile(says(b"HTTP/1.1 102 Wait\r\n\r\n", close=True), "CLOSED_EARLY"),
    "resets": Hostile(resets(b""), "CONNECTION_RESET"),
    # Not HTTP, or not what HTTP allows.
    "chunk-of-2-to-the-80": Hostile(says(CHUNKED + b"1" + b"0" * 20 + b"\r\n"), "INVALID_RESPONSE"),
    "negative-chunk": Hostile(says(CHUNKED + b"-5\r\nhello\r\n"), "INVALID_RESPONSE"),
    "chunk-without-end": Hostile(says(CHUNKED + b"2\r\nokXX0\r\n\r\n"), "INVALID_RESPONSE"),
    "length-in-words": Hostile(says(_both([b"Content-Length: many"], b"ok")), "INVALID_RESPONSE"),
    "two-lengths": Hostile(
        says(_both([b"Content-Length: 2", b"Content-Length: 3"], b"ok?")), "INVALID_RESPONSE"
    ),
    "negative-length": Hostile(says(_both([b"Content-Length: -1"], b"ok")), "INVALID_RESPONSE"),
    "length-of-31-digits": Hostile(
        says(_both([b"Content-Length: 1" + b"0" * 30], b"ok")), "INVALID_RESPONSE"
    ),
    "length-of-4300-digits": Hostile(
        says(_both([b"Content-Length: " + b"9" * 5000], b"ok")), "INVALID_RESPONSE"
    ),
    "nul-in-field": Hostile(says(_both([b"X: a\0b"], b"")), "INVALID_RESPONSE"),
    "space-before-colon": Hostile(says(_both([b"X : y"], b"")), "INVALID_RESPONSE"),
    "field-without-name": Hostile(says(_both([b": y"], b"")), "INVALID_RESPONSE"),
    "field-without-colon": Hostile(says(_both([b"field"], b"")), "INVALID_RESPONSE"),
    "101-unasked": Hostile(
        says(b"HTTP/1.1 101 Go\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), "INVALID_RESPONSE"
    ),
    "coded-as-gzip": Hostile(says(_both([b"Transfer-Encoding: gzip"], b"x")), "INVALID_RESPONSE"),
    "status-of-words": Hostile(says(b"HTTP/1.1 yes\r\n\r\n"), "INVALID_RESPONSE"),
    "status-99": Hostile(says(b"HTTP/1.1 99 Low\r\n\r\n"), "INVALID_RESPONSE"),
    "version-9.9": Hostile(says(b"HTTP/9.9 200 OK\r\n\r\n"), "INVALID_RESPONSE"),
    "http-0.9": Hostile(says(b"<html>hello</html>", close=True), "INVALID_RESPONSE"),
    "another-protocol": Hostile(says(b"SSH-2.0-OpenSSH_9.2p1\r\n"), "INVALID_RESPONSE"),
    "tls-unasked": Hostile(says(b"\x15\x03\x01\x00\x02\x02\x46"), "INVALID_RESPONSE"),
    "http2-unasked": Hostile(says(frame(4)), "INVALID_RESPONSE"),
    # Put up with.
    "length-and-chunks": Hostile(
        says(_both([b"Content-Length: 9", b"Transfer-Encoding: chunked"], b"2\r\nok\r\n0\r\n\r\n")),
        "",
    ),
    "folded-field": Hostile(says(_both([b"X: a", b" b", b"Content-Length: 2"], b"ok")), ""),
    "bare-line-feeds": Hostile(says(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), ""),
    "a-second-response": Hostile(says(OK, b"HTTP/1.1 200 OK\r\nX-Evil: yes\r\n\r\n"), ""),
    "gzip-bomb": Hostile(
        says(_both([b"Content-Encoding: gzip", b"Content-Length: %d" % len(BOMB)], BOMB)), ""
    ),
}
