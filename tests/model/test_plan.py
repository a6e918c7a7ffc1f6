"""How the end of a request's content is marked."""

import pytest

from replayd.model.plan import Framing, Plan, Target, framed


@pytest.mark.parametrize(
    ("framing", "content", "trailers", "bytes_"),
    [
        (Framing.NONE, b"", b"", b""),
        (Framing.CONTENT_LENGTH, b"abc", b"", b"abc"),
        (Framing.RAW, b"2\r\nab\r\n", b"", b"2\r\nab\r\n"),
        (Framing.CHUNKED, b"a" * 26, b"", b"1a\r\n" + b"a" * 26 + b"\r\n0\r\n\r\n"),
        (Framing.CHUNKED, b"", b"", b"0\r\n\r\n"),
        (Framing.CHUNKED, b"a", b"X: y\r\n", b"1\r\na\r\n0\r\nX: y\r\n\r\n"),
    ],
)
def test_frames(framing: Framing, content: bytes, trailers: bytes, bytes_: bytes) -> None:
    planned = Plan(b"POST", b"", Target("http", "x", 80), b"", framing, len(content), trailers)
    assert b"".join(framed(planned, [content])) == bytes_
