"""Frames through a worker's pipes."""

import io

import pytest

from replayd.workers.frames import HEADER, frame, read_frame


def test_there_and_back() -> None:
    pipe = io.BytesIO(frame(5, b"words") + frame(6))
    assert read_frame(pipe) == (5, b"words")
    assert read_frame(pipe) == (6, b"")


def test_a_frame_tells_its_kind_and_length() -> None:
    encoded = frame(3, b"abc")
    assert HEADER.unpack(encoded[: HEADER.size]) == (3, 3)
    assert encoded[HEADER.size :] == b"abc"


@pytest.mark.parametrize("length", [0, 3, 7])
def test_what_is_cut_is_the_end(length: int) -> None:
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(frame(5, b"words")[:length]))
