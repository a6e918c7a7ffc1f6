"""A stream that is shorter than its client says is none; others need say nothing."""

from collections.abc import Iterator

import pytest
from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.intake.stream import MAX_CHUNK, MessageStream
from replayd.reasons import Reason

Request = replay_pb2.EnqueueRequest
PROMISED = Request(options=replay_pb2.EnqueueOptions(end_follows=True))
CHUNK = Request(capture_chunk=b"four")
FLOWS = Request(flow_batch=replay_pb2.FlowBatch(flows=[flow_pb2.Flow()] * 3))


def end(capture_bytes: int = 0, flow_count: int = 0) -> Request:
    return Request(end=replay_pb2.StreamEnd(capture_bytes=capture_bytes, flow_count=flow_count))


def read(*messages: Request) -> list[Request]:
    stream = MessageStream(iter([message.SerializeToString() for message in messages]))
    found = list(stream)
    stream.check_end()
    return found


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [CHUNK],
        [PROMISED, end()],
        [PROMISED, CHUNK, CHUNK, end(8)],
        [PROMISED, FLOWS, end(flow_count=3)],
        [FLOWS, end(flow_count=3)],
    ],
)
def test_what_came_is_what_was_sent(messages: list[Request]) -> None:
    assert read(*messages) == [each for each in messages if not each.HasField("end")]


@pytest.mark.parametrize(
    ("messages", "why"),
    [
        ([PROMISED], "its `end` did not come"),
        ([PROMISED, CHUNK], "its `end` did not come"),
        ([PROMISED, CHUNK, end(8)], "4 of 8 bytes of capture came"),
        ([FLOWS, end(flow_count=4)], "3 of 4 flows came"),
        ([PROMISED, CHUNK, end(4), CHUNK], "messages follow after the stream's end"),
    ],
)
def test_another_one_is_not_taken(messages: list[Request], why: str) -> None:
    with pytest.raises(ReplaydError, match=why) as caught:
        read(*messages)
    assert caught.value.reason is Reason.INVALID_STREAM


def test_what_is_left_unread_is_seen_at_the_end() -> None:
    stream = MessageStream(iter([CHUNK.SerializeToString()] * 2))
    next(stream)
    with pytest.raises(ReplaydError, match="messages follow"):
        stream.check_end()
    stream = MessageStream(iter([PROMISED.SerializeToString(), CHUNK.SerializeToString()]))
    next(stream), next(stream)
    with pytest.raises(ReplaydError, match="cut off"):
        stream.check_end()


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"\xff", "not a flowreplay.v1.EnqueueRequest"),
        (Request(capture_chunk=bytes(MAX_CHUNK + 1)).SerializeToString(), "at most 1048576 bytes"),
    ],
)
def test_what_is_no_message(message: bytes, why: str) -> None:
    def messages() -> Iterator[bytes]:
        yield message

    with pytest.raises(ReplaydError, match=why):
        next(MessageStream(messages()))
