"""Frames are cut alike however the bytes come; floods are counted."""

import pytest

from replayd.errors import WireError
from replayd.reasons import Reason
from replayd.wire.http2_frames import MAX_FRAME_SIZE, FloodGuard, Frame, FrameCutter, FrameType
from tests.support.http2_peer import frame

SETTINGS = frame(FrameType.SETTINGS)
PING = frame(FrameType.PING, b"12345678")


def only(raw: bytes) -> Frame:
    """The one frame that these bytes are, after the settings."""
    _, made = FrameCutter().feed(SETTINGS + raw)
    return made


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_frames_are_the_same_for_every_way_of_cutting(size: int) -> None:
    data = SETTINGS + PING + frame(FrameType.DATA, b"x" * 300, stream_id=5, flags=1)
    cutter, frames = FrameCutter(), []
    for at in range(0, len(data), size):
        frames += cutter.feed(data[at : at + size])
    assert [each.kind for each in frames] == [FrameType.SETTINGS, FrameType.PING, FrameType.DATA]
    assert b"".join(each.raw for each in frames) == data
    assert (frames[2].stream_id, frames[2].payload, frames[2].flags) == (5, b"x" * 300, 1)


def test_the_reserved_bit_means_nothing() -> None:
    assert only(frame(FrameType.RST_STREAM, b"\0" * 4, stream_id=0x80000003)).stream_id == 3


def test_what_ends() -> None:
    head = only(frame(FrameType.HEADERS, stream_id=1, flags=0x5))
    assert (head.ends_stream, head.ends_headers) == (True, True)
    assert not only(frame(FrameType.CONTINUATION, stream_id=1, flags=0x1)).ends_stream


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", Reason.VERSION_NOT_SPOKEN),
        (b"HTTP/1.0 ", Reason.VERSION_NOT_SPOKEN),
        (b"SSH-2.0-OpenSSH_9.2p1\r\n", Reason.INVALID_RESPONSE),
        (PING, Reason.INVALID_RESPONSE),
        (frame(FrameType.SETTINGS, flags=1), Reason.INVALID_RESPONSE),
        (SETTINGS + b"\x00\x40\x01" + bytes(6), Reason.INVALID_RESPONSE),
    ],
    ids=["http1", "http10", "ssh", "ping-first", "ack-first", "large"],
)
def test_what_is_no_http2(data: bytes, reason: Reason) -> None:
    with pytest.raises(WireError) as caught:
        list(FrameCutter().feed(data))
    assert caught.value.reason is reason


def test_http1_is_told_with_the_option_that_helps() -> None:
    with pytest.raises(WireError, match=r"'HTTP/1.1 400 Bad.*--http-version"):
        list(FrameCutter().feed(b"HTTP/1.1 400 Bad Request\r\n\r\n"))


def test_the_largest_frame_passes() -> None:
    made = only(frame(FrameType.DATA, bytes(MAX_FRAME_SIZE), stream_id=1))
    assert len(made.payload) == MAX_FRAME_SIZE


def count(guard: FloodGuard, made: Frame, times: int) -> None:
    for _ in range(times):
        guard.count(made)


def test_frames_without_progress_are_counted() -> None:
    guard, ping = FloodGuard(100), only(PING)
    count(guard, ping, 1000)
    with pytest.raises(
        WireError, match="more than 1000 frames that bring nothing on, at last PING"
    ):
        guard.count(ping)


def test_progress_gives_credit_back_but_not_for_ever() -> None:
    guard, ping = FloodGuard(100), only(PING)
    for _ in range(10_000):
        guard.count(ping)
        guard.progress()
    for _ in range(980):
        count(guard, ping, 12)
        guard.progress()
    with pytest.raises(WireError):
        count(guard, ping, 40)


def test_an_unknown_frame_is_told_as_such() -> None:
    guard, other = FloodGuard(100), only(frame(0x77))
    with pytest.raises(WireError, match="at last unknown"):
        count(guard, other, 1001)


def test_a_header_block_is_measured_whole() -> None:
    guard = FloodGuard(100)
    head = only(frame(FrameType.HEADERS, bytes(60), stream_id=3))
    more = only(frame(FrameType.CONTINUATION, bytes(60), stream_id=3, flags=0x4))
    assert not guard.block_too_large(head)
    assert guard.block_stream == 3
    assert guard.block_too_large(more)
    assert guard.block_stream == 0
    assert not guard.block_too_large(head)
    assert not guard.block_too_large(only(PING))
