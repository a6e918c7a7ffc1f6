"""Records of GoReplay files, and what only looks like their end."""

import io
from collections.abc import Iterator

import pytest

from replayd.formats.goreplay import records as module
from replayd.formats.goreplay.records import SEPARATOR, Record, RecordError, Records, begins_record
from tests.support.captures import Dribble
from tests.support.gor import GET, NOW, OK, post, record


def payloads(data: bytes, step: int = 1 << 20) -> list[bytes]:
    return [each.payload for each in Records(Dribble(data, step))]


def test_a_record_has_its_parts() -> None:
    [found] = Records(io.BytesIO(record(GET, 2, "c0ffee", latency=-500_000_000)))
    assert found == Record(module.RecordType.RESPONSE, "c0ffee", NOW / 1e9, -0.5, GET, torn=False)


def test_old_files_have_no_latency() -> None:
    [found] = Records(io.BytesIO(record(GET, latency=None)))
    assert found.latency == 0


FRAMED = b"a" + SEPARATOR + b"1 b2 5 0\nGET / HTTP/1.1\r\n\r\n" + SEPARATOR + b"c"
LENGTH = b"Content-Length: %d" % len(FRAMED)
CHUNKED = b"Transfer-Encoding: chunked"
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(FRAMED), FRAMED)


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
@pytest.mark.parametrize(
    "payload",
    [
        GET,
        post(FRAMED, LENGTH),
        post(CHUNKS, CHUNKED),
        b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n\r\n" + FRAMED,
        # Nothing that could be a record follows: no end, framing or not.
        b"HTTP/1.1 200 OK\r\n\r\na" + SEPARATOR + b"b",
        # Said to go on, but it was cut, or answers HEAD.
        post(b"abc", b"Content-Length: 100"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        post(b"5\r\nab", CHUNKED),
        # Two in one.
        GET + post(FRAMED, LENGTH),
        # No HTTP at all.
        b"\x16\x03\x01", b"",
    ],
    ids=range(12),
)  # fmt: skip
def test_a_payload_ends_where_its_framing_says(payload: bytes, step: int) -> None:
    data = record(payload) + record(OK, 2) + record(payload) + record(payload)
    assert payloads(data, step) == [payload, OK, payload, payload]


def test_a_separator_alone_is_a_records_end() -> None:
    inside = b"HTTP/1.1 200 OK\r\n\r\n" + b"a" + SEPARATOR + b"1 b2 5 0\nb"
    first, second = payloads(record(inside))
    assert first + SEPARATOR + b"1 b2 5 0\n" + second == inside


def test_many_separators_in_a_content_are_looked_beyond_but_not_without_end() -> None:
    few, many = FRAMED * 7, FRAMED * 100
    for content, count in ((few, 1), (many, 101)):
        chunks = post(b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content), CHUNKED)
        assert len(payloads(record(chunks))) == count
        whole = post(content, b"Content-Length: %d" % len(content))
        assert payloads(record(whole)) == [whole]


@pytest.mark.parametrize("missing", range(1, len(SEPARATOR) + 1))
def test_a_torn_record_is_kept(missing: int) -> None:
    data = record(OK, 2) + record(post(b"ab", b"Content-Length: 2"))
    found = list(Records(io.BytesIO(data[:-missing])))
    assert [each.torn for each in found] == [False, True]
    # The separator's own line feed can't be told from a content's.
    assert found[1].payload.removesuffix(b"\n") == post(b"ab", b"Content-Length: 2")


@pytest.mark.parametrize("left", [b"1", b"1 a1", b"1 a1 179539237850000"])
def test_of_a_torn_first_line_nothing_is_read(left: bytes) -> None:
    records = Records(io.BytesIO(record(GET) + left))
    assert len(list(records)) == 1
    assert records.torn_line == left


@pytest.mark.parametrize(
    "begin",
    [b"4 a1 5 0\n", b"1 a1\n", b"1  5 0\n", b"x\n", b"1 a1 5 0 7\n", b"\n", b"1 " + b"a" * 200,
     b"1 " + b"a" * 65 + b" 5\n", b"1 a1 " + b"5" * 20 + b"\n"],
)  # fmt: skip
def test_what_is_no_record_is_said_with_its_place(begin: bytes) -> None:
    with pytest.raises(RecordError) as caught:
        payloads(begin + b"\n")
    assert caught.value.byte_offset == 0
    assert "a record must begin with its type" in caught.value.message


def test_a_record_has_a_largest_size() -> None:
    first = record(OK, 2)
    with pytest.raises(RecordError) as caught:
        list(Records(Dribble(first + record(b"x" * 3000), 100), max_size=2000))
    assert "longer than 2000 bytes" in caught.value.message
    assert caught.value.byte_offset == len(first + b"1 a1 %d 0\n" % NOW)


class Endless:
    """Requests that say to have more content than anybody wants to look ahead for."""

    def __init__(self, count: int) -> None:
        payload = post(b"x", b"Content-Length: 99999999999999")
        self._records: Iterator[bytes] = iter([record(payload)] * count)
        self.taken = 0

    def read(self, _size: int, /) -> bytes:
        self.taken += 1
        return next(self._records, b"")


def test_a_length_that_nobody_has_is_not_looked_for() -> None:
    stream = Endless(1000)
    next(iter(Records(stream)))
    assert stream.taken < 10


def test_records_are_told_by_their_beginning() -> None:
    assert begins_record(record(GET))
    assert begins_record(record(GET, latency=None))
    assert not begins_record(b"1 a1")
    assert not begins_record(b"12:abc,")
