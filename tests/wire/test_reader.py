"""Every reader of responses answers alike, however the network cuts the bytes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from replayd.errors import WireError
from replayd.model.flow import Headers
from replayd.reasons import Reason
from replayd.wire.http1 import H11Reader
from replayd.wire.plain import PlainReader
from replayd.wire.reader import ResponseReader
from replayd.wire.settings import WireSettings

READERS = [H11Reader, PlainReader]
MakeReader = Callable[[bytes, WireSettings], ResponseReader]


@dataclass(frozen=True)
class Case:
    """A response and what it means."""

    data: bytes
    status: int = 200
    content: bytes = b""
    method: bytes = b"GET"
    trailers: Headers = ()
    interims: tuple[int, ...] = ()
    reusable: bool = True
    lenient: bool = False
    closed: bool = False
    """The server closes after the bytes, and has to."""


CASES = {
    "content-length": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", content=b"hello"),
    "empty": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "no-reason": Case(b"HTTP/1.1 404\r\nContent-Length: 0\r\n\r\n", 404),
    "chunked": Case(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\n\r\n",
        content=b"abc",
    ),
    "trailers": Case(
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\na\r\n0\r\nX-Sum: 1\r\n\r\n",
        content=b"a",
        trailers=((b"X-Sum", b"1"),),
    ),
    "head": Case(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", method=b"HEAD"),
    "204": Case(b"HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n", 204),
    "304": Case(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n", 304),
    "until-close": Case(
        b"HTTP/1.1 200 OK\r\n\r\nto the end", content=b"to the end", reusable=False, closed=True
    ),
    "http10": Case(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na", content=b"a", reusable=False),
    "http10-keep-alive": Case(
        b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\nConnection: Keep-Alive\r\n\r\na", content=b"a"
    ),
    "close": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: x, Close\r\n\r\na",
        content=b"a",
        reusable=False,
    ),
    "interim": Case(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na",
        content=b"a",
        interims=(100, 103),
    ),
    "connect": Case(b"HTTP/1.1 200 OK\r\n\r\n", method=b"CONNECT", reusable=False),
    "connect-refused": Case(
        b"HTTP/1.1 403 No\r\nContent-Length: 1\r\n\r\na", 403, b"a", method=b"CONNECT"
    ),
    "length-and-chunked": Case(
        b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"1\r\na\r\n0\r\n\r\n",
        content=b"a",
        reusable=False,
        lenient=True,
    ),
    "bare-lf": Case(
        b"HTTP/1.1 200 OK\nContent-Length: 1\n\na", content=b"a", reusable=False, lenient=True
    ),
    "folded": Case(
        b"HTTP/1.1 200 OK\r\nX: a\r\n  b\r\nContent-Length: 1\r\n\r\na",
        content=b"a",
        reusable=False,
        lenient=True,
    ),
}

SMALL = WireSettings(head_size_limit=1024, head_field_limit=8, interim_size_limit=512)
HEAD = b"HTTP/1.1 200 OK\r\n"

FAULTS = {
    "garbage": (b"\x16\x03\x01\x02\x00", Reason.INVALID_RESPONSE),
    "ssh": (b"SSH-2.0-OpenSSH_9.2\r\n", Reason.INVALID_RESPONSE),
    "http2": (b"HTTP/2 200\r\n\r\n", Reason.INVALID_RESPONSE),
    "icy": (b"ICY 200 OK\r\n\r\n", Reason.INVALID_RESPONSE),
    "status": (b"HTTP/1.1 99 Hm\r\n\r\n", Reason.INVALID_RESPONSE),
    "field": (HEAD + b"no colon\r\n\r\n", Reason.INVALID_RESPONSE),
    "space-before-colon": (HEAD + b"Content-Length : 3\r\n\r\n", Reason.INVALID_RESPONSE),
    "nul": (HEAD + b"X: \0\r\n\r\n", Reason.INVALID_RESPONSE),
    "lengths": (
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        Reason.INVALID_RESPONSE,
    ),
    "negative": (HEAD + b"Content-Length: -1\r\n\r\n", Reason.INVALID_RESPONSE),
    "coding": (HEAD + b"Transfer-Encoding: gzip\r\n\r\n", Reason.INVALID_RESPONSE),
    "chunk-size": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
        Reason.INVALID_RESPONSE,
    ),
    "chunk-end": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n",
        Reason.INVALID_RESPONSE,
    ),
    "101": (b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n", Reason.INVALID_RESPONSE),
    "long-line": (b"HTTP/1.1 200 " + b"x" * 1100, Reason.HEAD_TOO_LARGE),
    "long-head": (HEAD + b"X: y\r\n" * 200 + b"\r\n", Reason.HEAD_TOO_LARGE),
    "fields": (HEAD + b"X: y\r\n" * 9 + b"\r\n", Reason.HEAD_TOO_LARGE),
    "trailers": (
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * 9 + b"\r\n",
        Reason.HEAD_TOO_LARGE,
    ),
    "interims": (b"HTTP/1.1 102 Wait\r\n\r\n" * 101, Reason.HEAD_TOO_LARGE),
    "interim-bytes": (
        (b"HTTP/1.1 102 Wait\r\nX: " + b"y" * 200 + b"\r\n\r\n") * 3,
        Reason.HEAD_TOO_LARGE,
    ),
}

CUT = {
    "nothing": b"",
    "in-head": HEAD + b"Content-",
    "after-interim": b"HTTP/1.1 100 Continue\r\n\r\n",
    "in-content": HEAD + b"Content-Length: 5\r\n\r\nab",
    "in-chunks": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n",
}


def whole(data: bytes) -> Iterator[bytes]:
    if data:
        yield data


def byte_by_byte(data: bytes) -> Iterator[bytes]:
    return (data[at : at + 1] for at in range(len(data)))


CUTS = pytest.mark.parametrize("cut", [whole, byte_by_byte])
READER = pytest.mark.parametrize("make", READERS)


def feed(reader: ResponseReader, pieces: Iterator[bytes]) -> bytes:
    content: list[bytes] = []
    for piece in pieces:
        reader.feed(piece, content.append)
    return b"".join(content)


@READER
@CUTS
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_reads(make: MakeReader, cut: Callable[[bytes], Iterator[bytes]], case: Case) -> None:
    reader = make(case.method, WireSettings())
    content = feed(reader, cut(case.data))
    if case.closed:
        assert not reader.complete
        content += feed(reader, iter([b""]))
    assert reader.complete
    assert reader.head is not None
    assert (reader.head.status_code, content) == (case.status, case.content)
    assert reader.head.interim_status_codes == case.interims
    assert reader.trailers == case.trailers
    assert (reader.reusable, reader.lenient) == (case.reusable, case.lenient)


@READER
@pytest.mark.parametrize("case", [c for c in CASES.values() if not c.closed])
@pytest.mark.parametrize("apart", [False, True])
def test_bytes_after_the_response_spoil_the_connection(
    make: MakeReader, case: Case, apart: bool
) -> None:
    reader = make(case.method, WireSettings())
    stray = b"HTTP/1.1 200 OK\r\n\r\n"
    content = feed(reader, iter([case.data, stray] if apart else [case.data + stray]))
    assert (content, reader.complete, reader.reusable) == (case.content, True, False)


@READER
@CUTS
@pytest.mark.parametrize(("data", "reason"), FAULTS.values(), ids=FAULTS)
def test_refuses(
    make: MakeReader, cut: Callable[[bytes], Iterator[bytes]], data: bytes, reason: Reason
) -> None:
    reader = make(b"GET", SMALL)
    with pytest.raises(WireError) as caught:
        feed(reader, cut(data))
    assert caught.value.reason is reason
    assert not reader.complete


@READER
@CUTS
@pytest.mark.parametrize("data", CUT.values(), ids=CUT)
def test_tells_when_the_server_closes_early(
    make: MakeReader, cut: Callable[[bytes], Iterator[bytes]], data: bytes
) -> None:
    reader = make(b"GET", WireSettings())
    feed(reader, cut(data))
    with pytest.raises(WireError) as caught:
        feed(reader, iter([b""]))
    assert caught.value.reason is Reason.CLOSED_EARLY


@READER
def test_content_before_a_fault_is_written(make: MakeReader) -> None:
    reader, content = make(b"GET", WireSettings()), bytearray()
    data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\nnonsense\r\n"
    with pytest.raises(WireError):
        reader.feed(data, content.extend)
    assert content == b"ab"


@READER
def test_keeps_case_order_and_duplicates(make: MakeReader) -> None:
    reader = make(b"GET", WireSettings())
    feed(reader, iter([b"HTTP/1.1 200 Fine \xe9\r\nSet-COOKIE: a\r\nB: \xff\r\nset-cookie: b\r\n"]))
    feed(reader, iter([b"Content-Length: 0\r\n\r\n"]))
    assert reader.head is not None
    assert reader.head.reason_phrase == b"Fine \xe9"
    assert reader.head.http_version == b"HTTP/1.1"
    assert reader.head.headers[:3] == (
        (b"Set-COOKIE", b"a"),
        (b"B", b"\xff"),
        (b"set-cookie", b"b"),
    )


@READER
def test_fields_that_decide_are_kept_as_written(make: MakeReader) -> None:
    fields = b"Content-Length: 1\r\nX: a\r\n \t b\r\ncontent-length: 1, 1\r\n\r\na"
    reader = make(b"GET", WireSettings())
    feed(reader, iter([HEAD + fields]))
    assert reader.head is not None
    assert reader.head.headers == (
        (b"Content-Length", b"1"),
        (b"X", b"a b"),
        (b"content-length", b"1, 1"),
    )
    other = make(b"GET", WireSettings())
    feed(other, iter([HEAD + b"Transfer-Encoding: Chunked\r\n\r\n0\r\n\r\n"]))
    assert other.head is not None
    assert other.head.headers == ((b"Transfer-Encoding", b"Chunked"),)


@READER
@pytest.mark.parametrize("chunk", [b"1\r\na\r\n"])
def test_small_chunks_are_written_together(make: MakeReader, chunk: bytes) -> None:
    reader, writes = make(b"GET", WireSettings()), []
    reader.feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 1000, writes.append)
    assert writes == [b"a" * 1000]


@READER
def test_what_the_server_says_about_its_connection(make: MakeReader) -> None:
    reader = make(b"GET", WireSettings())
    fields = (
        b"Keep-Alive: timeout=5, max=100\r\nWWW-Authenticate: NTLM\r\nContent-Length: 3\r\n\r\n"
    )
    assert not reader.declared_length
    feed(reader, iter([HEAD + fields]))
    assert (reader.idle_seconds, reader.bound, reader.declared_length) == (5, True, True)
