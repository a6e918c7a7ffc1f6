"""A stream's records: cut exactly, whatever the stream's pieces are, and bounded."""

import io
import tracemalloc

import pytest

from replayd.formats.tnetstring import Record, Records, TnetstringError
from tests.support.captures import Dribble


def read(data: bytes, step: int = 1 << 20) -> list[Record]:
    return list(Records(Dribble(data, step)))


def error_of(data: bytes, **arguments: int) -> TnetstringError:
    with pytest.raises(TnetstringError) as caught:
        list(Records(io.BytesIO(data), **arguments))
    return caught.value


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1 << 20])
def test_records_do_not_depend_on_the_pieces_that_arrive(step: int) -> None:
    assert read(b"3:abc,0:~14:5:hello,3:ab:,]", step) == [
        Record(0, 2, b"abc", b","),
        Record(6, 8, b"", b"~"),
        Record(9, 12, b"5:hello,3:ab:,", b"]"),
    ]


def test_nothing_is_no_record() -> None:
    assert read(b"") == []


def test_leading_zeros_are_accepted() -> None:
    assert read(b"007:abcdefg,") == [Record(0, 4, b"abcdefg", b",")]


@pytest.mark.parametrize(
    ("data", "offset"),
    [
        (b"x", 0),
        (b"3:abc,x:", 6),
        (b"3:abc,-1:", 6),
        (b"3:abc, 3:abc,", 6),
        (b":abc,", 0),
        (b"1234567890123:", 0),
        (b"12345678901234567890", 0),
        ("٣:abc,".encode(), 0),
    ],
)
def test_a_record_without_its_length_is_refused_where_it_begins(data: bytes, offset: int) -> None:
    error = error_of(data)
    assert error.byte_offset == offset
    assert "length in at most 12 digits" in error.message


@pytest.mark.parametrize("data", [b"3:abc,3", b"3:abc,3:", b"3:abc,3:ab", b"3:abc,3:abc"])
def test_a_cut_record_is_refused_where_it_begins(data: bytes) -> None:
    error = error_of(data)
    assert error.byte_offset == 6
    assert "the capture ends" in error.message


def test_a_huge_length_allocates_nothing() -> None:
    tracemalloc.start()
    try:
        error = error_of(b"199999999:" + b"x" * 1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "inside a record that says to be 199999999 bytes long" in error.message
    assert peak < 1 << 20


def test_a_length_over_the_limit_is_refused_unread() -> None:
    assert error_of(b"999999999999:x").byte_offset == 0
    assert "longer than the limit of 10" in error_of(b"11:hello world,", max_size=10).message
    assert "limit" not in error_of(b"10:hello", max_size=10).message


def test_a_record_longer_than_any_piece_is_whole() -> None:
    content = bytes(range(256)) * 4096
    assert read(b"%d:%b,0:~" % (len(content), content), 1000)[0].payload == content
