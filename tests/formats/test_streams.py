"""Streams that are packed, and looked at before they are read."""

import gzip
import io
import tracemalloc
import zlib

import pytest

from replayd.formats.streams import (
    PackedError,
    Peeked,
    Unpacked,
    UpToTear,
    is_packed,
    read_whole,
)
from tests.support.captures import Dribble

CONTENT = bytes(range(256)) * 2000


def all_of(stream: Unpacked | UpToTear | Peeked, size: int = 1000) -> bytes:
    return b"".join(iter(lambda: stream.read(size), b""))


@pytest.mark.parametrize("step", [1, 7, 1 << 20])
def test_what_was_packed_comes_out(step: int) -> None:
    for packed in (gzip.compress(CONTENT), zlib.compress(CONTENT), zlib.compress(CONTENT, 0)):
        assert is_packed(packed)
        assert all_of(Unpacked(Dribble(packed, step))) == CONTENT


@pytest.mark.parametrize("between", [b"", b"\0" * 1000])
@pytest.mark.parametrize("step", [1, 1 << 20])
def test_members_that_follow_each_other_are_one(between: bytes, step: int) -> None:
    packed = (
        gzip.compress(b"a" * 500) + between + gzip.compress(b"") + gzip.compress(b"b") + between
    )
    assert all_of(Unpacked(Dribble(packed, step))) == b"a" * 500 + b"b"


def test_reads_give_no_more_than_was_asked_for() -> None:
    stream = Unpacked(io.BytesIO(gzip.compress(CONTENT)))
    assert 0 < len(stream.read(10)) <= 10


@pytest.mark.parametrize(
    ("damaged", "said"),
    [
        (gzip.compress(CONTENT, mtime=0)[:-1], "ends before it is whole"),
        (gzip.compress(CONTENT, mtime=0)[:-8], "ends before it is whole"),
        (gzip.compress(CONTENT, mtime=0)[:-8] + bytes(8), "is damaged"),
        (gzip.compress(CONTENT, mtime=0) + b"garbage", "is damaged"),
        (b"\x1f\x8bgarbage", "is damaged"),
        (b"\x1f\x8b", "ends before it is whole"),
    ],
)
def test_what_is_damaged_is_said_with_its_place(damaged: bytes, said: str) -> None:
    for step in (1, 1 << 20):
        stream = Unpacked(Dribble(damaged, step))
        pieces: list[bytes] = []
        with pytest.raises(PackedError, match=said) as caught:
            pieces.extend(iter(lambda stream=stream: stream.read(1 << 20), b""))
        assert caught.value.byte_offset == len(b"".join(pieces))
        assert CONTENT.startswith(b"".join(pieces))


def test_a_bomb_is_unpacked_in_little_memory() -> None:
    inflating = zlib.compressobj(wbits=31)
    packed = b"".join(inflating.compress(bytes(1 << 20)) for _ in range(64)) + inflating.flush()
    stream = Unpacked(io.BytesIO(packed))
    tracemalloc.start()
    try:
        size = sum(map(len, iter(lambda: stream.read(1 << 16), b"")))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 64 << 20
    assert peak < 1 << 20


def test_what_was_looked_at_is_read_all_the_same() -> None:
    peeked = Peeked(Dribble(CONTENT, 3), 100)
    assert peeked.head == CONTENT[:100]
    assert all_of(peeked, 64) == CONTENT
    assert Peeked(io.BytesIO(b"ab"), 100).head == b"ab"
    assert not is_packed(b"x")


def test_a_torn_stream_can_be_read_up_to_its_tear() -> None:
    stream = UpToTear(Unpacked(io.BytesIO(gzip.compress(CONTENT, 0)[:-100])))
    found = all_of(stream)
    assert CONTENT.startswith(found)
    assert len(found) > len(CONTENT) - 100
    assert stream.tear is not None
    assert stream.tear.byte_offset == len(found)
    assert stream.read(1) == b""
    whole = UpToTear(Unpacked(io.BytesIO(gzip.compress(CONTENT))))
    assert (all_of(whole), whole.tear) == (CONTENT, None)


def test_a_whole_stream_is_read_up_to_a_size() -> None:
    assert read_whole(Dribble(CONTENT, 7), len(CONTENT)) == CONTENT
    assert read_whole(Dribble(CONTENT, 7), len(CONTENT) - 1) is None
    assert read_whole(io.BytesIO(), 0) == b""
