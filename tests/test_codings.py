"""Contents are unpacked as far as they can be."""

import contextlib
import gzip
import zlib

import pytest

from replayd.codings import CodingError, UnpackedTooLargeError, packed, unpacked
from replayd.model.flow import Headers

PACKED = gzip.compress(b"hello", mtime=0)
RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = RAW.compress(b"hello") + RAW.flush()


def coded(*codings: bytes) -> Headers:
    return tuple((b"Content-Encoding", coding) for coding in codings)


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"hello", (), b"hello"),
        (PACKED, coded(b" GZip "), b"hello"),
        (zlib.compress(b"hello"), coded(b"deflate"), b"hello"),
        (RAW_DEFLATE, coded(b"deflate"), b"hello"),
        (b"hello", coded(b"gzip"), b"hello"),
        (b"hello", coded(b"br"), b"hello"),
        (PACKED, coded(b"gzip", b"gzip"), PACKED),
        (PACKED[:-8], coded(b"gzip"), b"hello"),
        (gzip.compress(b"a" * 1_000_000, mtime=0), coded(b"gzip"), b"a" * 100),
    ],
)
def test_contents_are_unpacked(content: bytes, headers: Headers, expected: bytes) -> None:
    assert unpacked(content, headers, 100) == expected


@pytest.mark.parametrize(
    ("content", "headers", "bits"),
    [
        (b"hello", (), 0),
        (b"hello", coded(b"identity"), 0),
        (PACKED, coded(b" GZip "), 31),
        (gzip.compress(b"hel") + gzip.compress(b"lo"), coded(b"x-gzip"), 31),
        (zlib.compress(b"hello"), coded(b"deflate"), 15),
        (RAW_DEFLATE, coded(b"deflate"), -15),
    ],
)
def test_a_whole_content_is_packed_again_as_it_was(
    content: bytes, headers: Headers, bits: int
) -> None:
    was = packed(content, headers, 5)
    assert was == (b"hello", bits)
    assert packed(was.again(b"hello"), headers, 5) == was
    with pytest.raises(UnpackedTooLargeError) if bits else contextlib.nullcontext():
        packed(content, headers, 4)


@pytest.mark.parametrize(
    ("content", "headers", "wrong"),
    [
        (PACKED[:-8], coded(b"gzip"), "damaged, or no gzip"),
        (PACKED + b"rest", coded(b"gzip"), "damaged"),
        (b"hello", coded(b"gzip"), "damaged"),
        (b"\xff", coded(b"deflate"), "damaged"),
        (b"hello", coded(b"br"), "'br'"),
        (PACKED, coded(b"gzip", b"gzip"), "'gzip, gzip'"),
    ],
)
def test_what_can_not_be_unpacked_whole_is_told(
    content: bytes, headers: Headers, wrong: str
) -> None:
    with pytest.raises(CodingError, match=wrong):
        packed(content, headers, 100)


def test_no_content_can_become_one() -> None:
    was = packed(b"", coded(b"gzip"), 100)
    assert gzip.decompress(was.again(b"hello")) == b"hello"
