"""Contents in content codings, a piece after the other, or as far as they can be unpacked."""

import contextlib
import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard

from replayd import codings
from replayd.codings import CodingError, UnpackedTooLargeError, decoder_of, packed, unpacked
from replayd.model.flow import Headers

TEXT = b"the same words, the same words, again and again. " * 200


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


def decoded(names: list[str], encoded: bytes, size: int) -> bytes:
    decode = decoder_of(names)
    pieces = [encoded[start : start + size] for start in range(0, len(encoded), size)]
    return b"".join(part for piece in pieces for part in decode(piece))


@pytest.mark.parametrize("size", [7, 1 << 20])
@pytest.mark.parametrize(
    ("name", "encode"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:])),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("br", brotli.compress),
        ("zstd", zstandard.compress),
    ],
)
def test_each_coding(name: str, encode: Callable[[bytes], bytes], size: int) -> None:
    assert decoded([name], encode(TEXT), size) == TEXT


def test_several_codings_are_undone_in_their_order() -> None:
    assert decoded(["br", "gzip"], brotli.compress(gzip.compress(TEXT)), 100) == TEXT


@pytest.mark.parametrize("name", ["gzip", "br", "zstd"])
def test_what_is_none_says_so(name: str) -> None:
    with pytest.raises(CodingError, match="can't be decoded"):
        decoded([name], TEXT, 1 << 20)


def test_unknown_and_too_many() -> None:
    with pytest.raises(CodingError, match="'rot13' is not known"):
        decoder_of(["rot13"])
    with pytest.raises(CodingError, match="more than 4"):
        decoder_of(["gzip"] * 5)


@pytest.mark.parametrize(
    ("name", "encode"),
    [("gzip", gzip.compress), ("br", brotli.compress), ("zstd", zstandard.compress)],
)
def test_a_little_that_becomes_much_comes_in_parts(
    name: str, encode: Callable[[bytes], bytes]
) -> None:
    decode = decoder_of([name])
    sizes = [len(part) for part in decode(encode(bytes(20 << 20)))]
    assert sum(sizes) == 20 << 20
    # Of zstd a piece gives what its blocks hold, 8 MiB at most.
    assert max(sizes) <= (8 << 20 if name == "zstd" else 2 * codings.MOST_AT_ONCE)


PACKED = gzip.compress(b"hello", mtime=0)


def coded(*codings: bytes) -> Headers:
    return tuple((b"Content-Encoding", coding) for coding in codings)


@pytest.mark.parametrize(
    ("content", "headers", "expected"),
    [
        (b"hello", (), b"hello"),
        (PACKED, coded(b" GZip "), b"hello"),
        (zlib.compress(b"hello"), coded(b"deflate"), b"hello"),
        (raw_deflate(b"hello"), coded(b"deflate"), b"hello"),
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
        (gzip.compress(b"hel", mtime=0) + gzip.compress(b"lo", mtime=0), coded(b"x-gzip"), 31),
        (zlib.compress(b"hello"), coded(b"deflate"), 15),
        (raw_deflate(b"hello"), coded(b"deflate"), -15),
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
