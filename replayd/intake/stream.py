"""The messages of an Enqueue, parsed, to their true end.

gRPC takes a message that the end of its stream cuts off for no message at all. So a client may
promise an `end`, which says how much came before it: without it nothing is taken for whole.
"""

from collections.abc import Iterator

from flowreplay.v1 import replay_pb2
from google.protobuf.message import DecodeError

from replayd.errors import ReplaydError
from replayd.reasons import Reason

MAX_CHUNK = 1 << 20
"""Bytes of a chunk."""


class MessageStream(Iterator[replay_pb2.EnqueueRequest]):
    """Yields the messages before the `end`. Raises ReplaydError (INVALID_STREAM) for what is no
    message, and at the end of a stream that is shorter than its client says.
    """

    def __init__(self, messages: Iterator[bytes]) -> None:
        self._messages = messages
        self._end_follows = False
        self._ended = False
        self._capture_bytes = 0
        self._flows = 0

    def __next__(self) -> replay_pb2.EnqueueRequest:
        data = None if self._ended else next(self._messages, None)
        if data is None:
            if self._end_follows and not self._ended:
                raise _cut_off("its `end` did not come")
            raise StopIteration
        message = _parsed(data)
        kind = message.WhichOneof("payload")
        if kind == "end":
            self._ended = True
            self._compare(message.end)
            raise StopIteration
        if kind == "options":
            self._end_follows = message.options.end_follows
        elif kind == "capture_chunk":
            self._capture_bytes += len(message.capture_chunk)
        elif kind == "flow_batch":
            self._flows += len(message.flow_batch.flows)
        return message

    def check_end(self) -> None:
        """Raises ReplaydError unless everything was read, and nothing is missing."""
        if next(self, None) is not None or next(self._messages, None) is not None:
            raise ReplaydError(Reason.INVALID_STREAM, "messages follow after the stream's end")

    def _compare(self, end: replay_pb2.StreamEnd) -> None:
        for came, sent, what in (
            (self._capture_bytes, end.capture_bytes, "bytes of capture"),
            (self._flows, end.flow_count, "flows"),
        ):
            if came != sent:
                raise _cut_off(f"{came} of {sent} {what} came")


def _parsed(data: bytes) -> replay_pb2.EnqueueRequest:
    try:
        message = replay_pb2.EnqueueRequest.FromString(data)
    except DecodeError as error:
        raise ReplaydError(
            Reason.INVALID_STREAM, "a message is not a flowreplay.v1.EnqueueRequest"
        ) from error
    if max(len(message.capture_chunk), len(message.content_chunk.data)) > MAX_CHUNK:
        raise ReplaydError(
            Reason.INVALID_STREAM, f"a chunk may have at most {MAX_CHUNK} bytes; send several"
        )
    return message


def _cut_off(why: str) -> ReplaydError:
    return ReplaydError(
        Reason.INVALID_STREAM, f"the stream was cut off: {why}; send all of it again"
    )
