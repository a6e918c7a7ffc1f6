"""The fast reader: what it accepts, h11 reads alike; what every reader does: `test_reader`."""

from contextlib import suppress
from random import Random

import pytest

from replayd.errors import WireError
from replayd.wire.http1 import H11Reader
from replayd.wire.plain import PlainReader, read_whole
from replayd.wire.reader import ResponseReader
from replayd.wire.settings import WireSettings
from tests.support.responses import Arriving, arriving

SETTINGS = WireSettings(head_size_limit=600, head_field_limit=8)
HEAD = b"HTTP/1.1 200 OK\r\n"


def understood(reader: ResponseReader, given: Arriving) -> tuple[object, ...]:
    """Everything that a reader makes of a response; it is asked after each piece."""
    content = bytearray()
    seen: list[object] = []
    for piece in given.pieces:
        try:
            reader.feed(piece, content.extend)
        except WireError as error:
            seen.append(error.reason)
            break
        seen.append((reader.complete, len(content), reader.head is None))
        if reader.complete and not piece:
            break
    return (
        seen,
        bytes(content),
        reader.head,
        reader.trailers,
        reader.continued,
        reader.lenient,
        reader.complete and reader.reusable,
        reader.idle_seconds,
        reader.bound,
        reader.declared_length,
    )


@pytest.mark.parametrize("seed", range(8))
def test_reads_as_h11_does(seed: int) -> None:
    random, plain = Random(seed), 0
    for _ in range(1000):
        given = arriving(random)
        fast = PlainReader(given.method, SETTINGS)
        expected = understood(H11Reader(given.method, SETTINGS), given)
        assert understood(fast, given) == expected, given
        plain += fast._other is None
    assert plain > 200  # Or it compares h11 with itself.


@pytest.mark.parametrize("seed", range(8))
def test_what_came_at_once_is_read_alike(seed: int) -> None:
    random, read = Random(seed), 0
    for _ in range(1000):
        given = arriving(random)
        data, content = b"".join(given.pieces), bytearray()
        whole = read_whole(data, given.method, SETTINGS)
        if whole is None:
            continue
        read += 1
        reader = H11Reader(given.method, SETTINGS)
        reader.feed(data, content.extend)
        assert reader.complete, given
        expected = (reader.head, content, reader.reusable, reader.idle_seconds, reader.bound)
        assert whole == expected, given
    assert read > 50


PLAIN = {
    "length": HEAD + b"A:b\r\nContent-Length: 2\r\n\r\nab",
    "chunked": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
}
OTHERS = {
    "until-close": HEAD + b"\r\n",
    "http10": b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nab",
    "trailers": HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n\r\n",
    "interim": b"HTTP/1.1 103 Early\r\n\r\n" + HEAD + b"Content-Length: 0\r\n\r\n",
    "large": HEAD + b"A: " + b"b" * 600 + b"\r\nContent-Length: 0\r\n\r\n",
}


@pytest.mark.parametrize("data", PLAIN.values(), ids=PLAIN)
def test_plain_responses_never_reach_h11(data: bytes) -> None:
    reader = PlainReader(b"GET", SETTINGS)
    at = data.find(b"\r\n\r\n") + 4
    reader.feed(data[:at], bytearray().extend)
    for octet in data[at:]:
        reader.feed(bytes([octet]), bytearray().extend)
    assert reader.complete
    assert reader._other is None


@pytest.mark.parametrize("data", OTHERS.values(), ids=OTHERS)
def test_what_is_not_plain_does(data: bytes) -> None:
    reader = PlainReader(b"GET", SETTINGS)
    with suppress(WireError):
        reader.feed(data, bytearray().extend)
    assert reader._other is not None
