from collections.abc import Sequence

import pytest
from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.errors import ReplaydError
from replayd.intake.typed import typed_flows
from replayd.model.flow import Flow
from replayd.reasons import Reason

LIMIT = 100


def read(*messages: replay_pb2.EnqueueRequest) -> list[Flow]:
    return [each.flow for each in typed_flows(iter(messages), lambda _: None, LIMIT)]


def batch(*flows: flow_pb2.Flow) -> replay_pb2.EnqueueRequest:
    return replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=flows))


def chunk(data: bytes, *, last: bool = False) -> replay_pb2.EnqueueRequest:
    return replay_pb2.EnqueueRequest(content_chunk=replay_pb2.ContentChunk(data=data, last=last))


def flow(flow_id: str, *, follows: Sequence[str] = (), content: bytes = b"") -> flow_pb2.Flow:
    made = flow_pb2.Flow(flow_id=flow_id)
    made.request.method = b"POST"
    made.request.content = content
    made.request.content_follows = "request" in follows
    if "response" in follows:
        made.response.content_follows = True
    return made


def test_flows_of_many_messages_keep_their_order() -> None:
    found = read(batch(flow("a"), flow("b")), batch(), batch(flow("c")))
    assert [each.flow_id for each in found] == ["a", "b", "c"]


def test_content_follows_in_chunks_request_first() -> None:
    found = read(
        batch(flow("a"), flow("b", follows=["request", "response"], content=b"0")),
        chunk(b"12"),
        chunk(b"3", last=True),
        chunk(b"", last=True),
        batch(flow("c")),
    )
    assert found[1].request is not None
    assert found[1].response is not None
    assert found[1].request.content == b"0123"
    assert found[1].response.content == b""
    assert found[2].flow_id == "c"


@pytest.mark.parametrize(
    "messages",
    [
        [chunk(b"x")],
        [batch(flow("a", follows=["request"]), flow("b"))],
        [batch(flow("a", follows=["request"])), chunk(b"x")],
        [batch(flow("a", follows=["request"])), batch(flow("b"))],
        [batch(), replay_pb2.EnqueueRequest(capture_chunk=b"x")],
        [batch(), replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions())],
        [batch(), replay_pb2.EnqueueRequest()],
    ],
)
def test_an_order_that_means_nothing_is_refused(
    messages: list[replay_pb2.EnqueueRequest],
) -> None:
    with pytest.raises(ReplaydError) as caught:
        read(*messages)
    assert caught.value.reason is Reason.INVALID_STREAM


def test_content_in_chunks_is_bounded() -> None:
    with pytest.raises(ReplaydError, match="more than 100 bytes") as caught:
        read(batch(flow("a", follows=["request"])), chunk(b"x" * 60), chunk(b"x" * 41, last=True))
    assert caught.value.reason is Reason.CONTENT_TOO_LARGE


def test_what_tells_streams_apart_is_hashed() -> None:
    def hashed(*messages: replay_pb2.EnqueueRequest) -> bytes:
        seen: list[bytes] = []
        list(typed_flows(iter(messages), seen.append, LIMIT))
        return b"".join(seen)

    whole = hashed(batch(flow("a"), flow("b", content=b"xy")))
    cut = hashed(batch(flow("a")), batch(flow("b", follows=["request"])), chunk(b"xy", last=True))
    assert whole == cut
    assert whole != hashed(batch(flow("a"), flow("b", content=b"xz")))


def test_a_flow_comes_with_its_message_without_contents() -> None:
    large, small = flow("a" * 201, content=b"content"), flow("b")
    found = list(typed_flows(iter([batch(large, small)]), lambda _: None, LIMIT))
    encoded = [flow_pb2.Flow.FromString(each.encoded) for each in found]
    assert [each.flow_id for each in encoded] == ["a" * 200, "b"]
    assert [each.flow.flow_id for each in found] == ["a" * 200, "b"]
    assert found[0].flow.request is not None
    assert found[0].flow.request.content == b"content"
    assert encoded[0].request.content == b""
    assert encoded[1] == small
