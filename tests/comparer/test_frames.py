"""Frames through a comparing process's pipes."""

import io

import pytest

from replayd.comparer.frames import Frame, frame, read_frame


def test_there_and_back() -> None:
    pipe = io.BytesIO(frame(Frame.PIECE, b"words") + frame(Frame.END))
    assert read_frame(pipe) == (Frame.PIECE, b"words")
    assert read_frame(pipe) == (Frame.END, b"")


@pytest.mark.parametrize("length", [0, 3, 7])
def test_what_is_cut_is_the_end(length: int) -> None:
    with pytest.raises(EOFError):
        read_frame(io.BytesIO(frame(Frame.PIECE, b"words")[:length]))
