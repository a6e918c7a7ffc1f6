"""A capture's chunks are one stream."""

from flowreplay.v1 import replay_pb2

from replayd.intake.capture import CaptureStream


def test_a_capture_reads_on_across_chunks() -> None:
    chunks = [replay_pb2.EnqueueRequest(capture_chunk=data) for data in (b"ab", b"", b"cde")]
    hashed: list[bytes] = []
    stream = CaptureStream(iter(chunks), hashed.append)
    assert [stream.read(3), stream.read(2), stream.read(9), stream.read(9)] == [
        b"ab",
        b"cd",
        b"e",
        b"",
    ]
    assert b"".join(hashed) == b"abcde"
