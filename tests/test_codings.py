"""Contents are unpacked as far as they can be."""

import gzip
import zlib

import pytest

from replayd.codings import unpacked
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
