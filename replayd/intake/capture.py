"""The bytes of a capture as its messages bring them: a stream to read from."""

from collections.abc import Callable, Iterator
from typing import BinaryIO, cast

from flowreplay.v1 import replay_pb2

from replayd.errors import ReplaydError
from replayd.reasons import Reason

SPOOLED_IN_MEMORY = 16 << 20
"""Bytes of a capture that has to be spooled before they go to a file."""


def spool() -> BinaryIO:
    """Makes a file for a capture that has to be read from its end."""
    # Few captures need one, and every worker would import it.
    from tempfile import SpooledTemporaryFile  # noqa: PLC0415

    return cast(BinaryIO, SpooledTemporaryFile(SPOOLED_IN_MEMORY))


class CaptureStream:
    """The bytes of a capture's chunks as a stream to read from."""

    def __init__(
        self, messages: Iterator[replay_pb2.EnqueueRequest], hashed: Callable[[bytes], object]
    ) -> None:
        self._messages = messages
        self._hashed = hashed
        self._chunk = b""
        self._position = 0

    def read(self, size: int, /) -> bytes:
        """Returns at most `size` bytes; none only at the end."""
        while self._position == len(self._chunk):
            message = next(self._messages, None)
            if message is None:
                return b""
            if message.WhichOneof("payload") != "capture_chunk":
                raise ReplaydError(
                    Reason.INVALID_STREAM, "only capture_chunk messages may follow the first one"
                )
            self._chunk, self._position = message.capture_chunk, 0
            self._hashed(self._chunk)
        piece = self._chunk[self._position : self._position + size]
        self._position += len(piece)
        return piece
