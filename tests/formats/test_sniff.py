"""Which format it is: told by the first bytes, or said so; the others are named."""

import gzip
import io
import json

import pytest

from replayd.errors import CaptureError, ReplaydError
from replayd.formats import Format, read_capture
from replayd.reasons import Reason
from tests.support.captures import Dribble, flows_of
from tests.support.tnetstring import dumps, state


def test_nothing_holds_no_flows() -> None:
    assert flows_of(io.BytesIO()) == []
    assert list(read_capture(io.BytesIO(), format=Format.MITMPROXY)) == []


@pytest.mark.parametrize("step", [1, 5, 600, 1 << 20])
def test_a_dump_is_told_by_its_first_bytes(step: int) -> None:
    [flow] = flows_of(Dribble(dumps(state(comment="x" * 2000)), step))
    assert flow.comment == "x" * 2000


def test_nothing_is_read_before_it_is_asked_for() -> None:
    read_capture(io.BytesIO(b"<html>"), format=None)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (json.dumps({"log": {"entries": []}}).encode(), "JSON, such as a HAR file"),
        (b'\xef\xbb\xbf{"log": {}}', "JSON, such as a HAR file"),
        (b'{"a": 1}', "JSON, "),
        (b"  [1]", "JSON, "),
        (b"<!DOCTYPE html><html>", "an HTML page"),
        (b"\n<html lang=en>", "an HTML page"),
        (b"<?xml version='1.0'?><items burpVersion='1'>", "XML, such as a Burp export"),
        (gzip.compress(b"1:a,"), "a gzip file (unpack it first)"),
        (b"x\x9cabc", "zlib data"),
        (b"PK\x03\x04abc", "a zip archive"),
        (b"1 d7123d0c 1700000000 0\nGET / HTTP/1.1\r\n", "a GoReplay file"),
        (b"curl https://example.test", "curl commands"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "a plain HTTP message"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x00\x01", r"nothing known (it begins with b'\x00\x01')"),
        (b"   \n", "nothing known"),
    ],
)
def test_what_is_not_read_is_named(data: bytes, said: str) -> None:
    with pytest.raises(ReplaydError) as caught:
        flows_of(io.BytesIO(data))
    error = caught.value
    assert error.reason is Reason.UNKNOWN_FORMAT
    assert f"looks like {said}" in error.message
    assert "Known are: mitmproxy flow dumps (of mitmproxy 0.11 to 12)" in error.message
    assert error.metadata["first_bytes"] == repr(data[:16])


def test_a_format_that_was_said_is_not_sniffed() -> None:
    with pytest.raises(CaptureError) as caught:
        list(read_capture(io.BytesIO(b"{}"), format=Format.MITMPROXY))
    assert caught.value.reason is Reason.DAMAGED_CAPTURE
    assert caught.value.byte_offset == 0
