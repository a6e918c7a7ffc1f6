"""Which format it is: told by the first bytes, or said so; the others are named."""

import gzip
import io
import zlib
from collections.abc import Callable

import pytest

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format, read_capture
from replayd.model.flow import DamagedFlow, Flow
from replayd.reasons import Reason
from tests.support.captures import Dribble, flows_of
from tests.support.raw_captures import archive
from tests.support.tnetstring import dumps, state


def test_nothing_holds_no_flows() -> None:
    assert flows_of(io.BytesIO()) == []
    assert list(read_capture(io.BytesIO(), format=Format.MITMPROXY)) == []
    assert list(read_capture(io.BytesIO(), format=Format.GOREPLAY)) == []


HAR = b'{"log": {"entries": [{"request": {"method": "GET", "url": "http://a.test/"}}]}}'
GOREPLAY = "1 a1 1700000000000000000 0\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n\n🐵🙈🙉\n".encode()
DUMP = dumps(state(comment="x" * 2000))
BURP = b"<items burpVersion='1'><item><request>GET / HTTP/1.1\nHost: a.test\n\n</request></item>"
BURP += b"</items>"
EVERY = {Format.MITMPROXY: DUMP, Format.HAR: HAR, Format.GOREPLAY: GOREPLAY, Format.BURP: BURP}
EVERY[Format.HTTP] = b"### x\nGET http://a.test/\n"
EVERY[Format.CURL] = b"# x\ncurl http://a.test/"
EVERY[Format.SAZ] = archive({"raw/1_c.txt": b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"})


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zlib.compress])
@pytest.mark.parametrize("named", EVERY)
def test_every_format_is_told_packed_or_not(named: Format, pack: Callable[[bytes], bytes]) -> None:
    data = EVERY[named]
    assert set(EVERY) == set(Format)
    [flow] = flows_of(io.BytesIO(pack(data)))
    assert list(read_capture(Dribble(pack(data)), format=named)) == [flow]
    if named is not Format.MITMPROXY:
        assert flow.request is not None
        assert flow.request.host == "a.test"


@pytest.mark.parametrize("start", [b"\xef\xbb\xbf", b" \r\n\t", b"\xef\xbb\xbf\n"])
def test_a_har_may_begin_with_a_mark_and_blanks(start: bytes) -> None:
    assert len(flows_of(io.BytesIO(start + HAR))) == 1


def test_a_packed_capture_that_is_damaged_says_where_in_what_was_packed() -> None:
    packed = gzip.compress(DUMP + DUMP)
    with pytest.raises(CaptureError) as caught:
        flows_of(io.BytesIO(packed[:-9]))
    assert caught.value.reason is Reason.DAMAGED_CAPTURE
    assert (caught.value.byte_offset, caught.value.flow_index) == (2 * len(DUMP), 2)


def test_salvage_takes_what_stands_before_a_tear_of_the_packing() -> None:
    packed = gzip.compress(DUMP + DUMP, compresslevel=0)
    for size in (len(packed) - 1, len(packed) - 20, len(DUMP) + 100):
        found = list(read_capture(io.BytesIO(packed[:size]), format=None, salvage=True))
        assert [type(each) for each in found] == [Flow] * (len(found) - 1) + [DamagedFlow]
        assert len(found) == (3 if size == len(packed) - 1 else 2)
        assert found[-1].message == "the packed data ends before it is whole"
    waiting = gzip.compress(GOREPLAY + GOREPLAY)
    found = list(read_capture(io.BytesIO(waiting[:-1]), format=None, salvage=True))
    assert [type(each) for each in found] == [Flow, Flow, DamagedFlow]


def test_salvage_changes_nothing_where_nothing_is_damaged() -> None:
    for data in EVERY.values():
        stream = io.BytesIO(data)
        found = list(read_capture(stream, format=None, salvage=True))
        assert found == list(read_capture(io.BytesIO(data), format=None))
    with pytest.raises(ReplaydError) as caught:
        list(read_capture(io.BytesIO(b"\0"), format=None, salvage=True))
    assert caught.value.reason is Reason.UNKNOWN_FORMAT


def test_what_is_packed_twice_is_named() -> None:
    with pytest.raises(ReplaydError, match="a gzip file inside a packed file"):
        flows_of(io.BytesIO(gzip.compress(gzip.compress(HAR))))


@pytest.mark.parametrize("step", [1, 5, 600, 1 << 20])
def test_a_dump_is_told_by_its_first_bytes(step: int) -> None:
    [flow] = flows_of(Dribble(dumps(state(comment="x" * 2000)), step))
    assert flow.comment == "x" * 2000


def test_nothing_is_read_before_it_is_asked_for() -> None:
    read_capture(io.BytesIO(b"<html>"), format=None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"a": 1}', "JSON, but not like a HAR file"),
        (b"  [1]", "JSON, "),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\n<html lang=en>", "an HTML page"),
        (b"<?xml version='1.0'?><log>", "XML, but not like a Burp export"),
        ('{"log": {}}'.encode("utf-16"), "UTF-16 text (save it as UTF-8)"),
        (b"HTTP/1.1 200 OK\r\n\r\n", "an HTTP message, but not a request"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x00\x01", r"it begins with b'\x00\x01'"),
        (b"   \n", r"it begins with b'   \n'"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, said: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        flows_of(io.BytesIO(data))
    error = caught.value
    assert error.reason is Reason.UNKNOWN_FORMAT
    assert said in error.message
    assert "Read are: mitmproxy flow dumps (of mitmproxy 0.11 to 12)" in error.message
    assert error.metadata["first_bytes"] == repr(data[:16])


def test_a_format_that_was_said_is_not_sniffed() -> None:
    with pytest.raises(CaptureError) as caught:
        list(read_capture(io.BytesIO(b"{}"), format=Format.MITMPROXY))
    assert caught.value.reason is Reason.DAMAGED_CAPTURE
    assert caught.value.byte_offset == 0
