"""Typed flows out of the messages of an Enqueue stream.

A flow's content may follow its flow in chunks: first the request's, then the response's.
The order of messages is checked here; a stream that means nothing is INVALID_STREAM.
"""

from collections.abc import Callable, Iterator

from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.codec.flow import decode_typed_flow
from replayd.errors import ReplaydError
from replayd.model.flow import Flow
from replayd.reasons import Reason


def typed_flows(
    messages: Iterator[replay_pb2.EnqueueRequest],
    hashed: Callable[[bytes], None],
    content_limit: int,
) -> Iterator[Flow]:
    """Yields the flows of the stream; `hashed` is given all that tells streams apart."""
    index = 0
    for message in messages:
        if message.WhichOneof("payload") != "flow_batch":
            raise _invalid("only flow_batch messages may stand here", index)
        flows = message.flow_batch.flows
        for position, flow in enumerate(flows):
            if flow.request.content_follows or flow.response.content_follows:
                if position != len(flows) - 1:
                    raise _invalid("content_follows is for the last flow of a message", index)
                _add_contents(flow, messages, content_limit, index)
            hashed(flow.SerializeToString(deterministic=True))
            yield decode_typed_flow(flow)
            index += 1


def _add_contents(
    flow: flow_pb2.Flow,
    messages: Iterator[replay_pb2.EnqueueRequest],
    content_limit: int,
    index: int,
) -> None:
    for half in (flow.request, flow.response):
        if half.content_follows:
            half.content += _content(messages, content_limit, index)
            half.content_follows = False


def _content(
    messages: Iterator[replay_pb2.EnqueueRequest], content_limit: int, index: int
) -> bytes:
    content = bytearray()
    for message in messages:
        if message.WhichOneof("payload") != "content_chunk":
            break
        content += message.content_chunk.data
        if len(content) > content_limit:
            raise ReplaydError(
                Reason.CONTENT_TOO_LARGE,
                f"flow {index} has a content of more than {content_limit} bytes; "
                "leave it out or raise the daemon's --body-size-limit",
                flow_index=index,
                limit_bytes=content_limit,
            )
        if message.content_chunk.last:
            return bytes(content)
    raise _invalid("the announced content_chunk messages did not follow up to `last`", index)


def _invalid(what: str, index: int) -> ReplaydError:
    return ReplaydError(Reason.INVALID_STREAM, f"{what} (flow {index})", flow_index=index)
