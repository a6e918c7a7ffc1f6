"""Typed flows out of the messages of an Enqueue stream.

A flow's content may follow its flow in chunks: first the request's, then the response's.
The order of messages is checked here; a stream that means nothing is INVALID_STREAM.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from flowreplay.v1 import flow_pb2, replay_pb2

from replayd.codec.flow import decode_typed_flow, strip_contents
from replayd.errors import ReplaydError
from replayd.intake.options import MAX_TEXT
from replayd.model.flow import Flow
from replayd.reasons import Reason


class TypedFlow(NamedTuple):
    """A flow that came as a message."""

    flow: Flow
    encoded: bytes
    """The message without its contents, as a row has it: encoding the flow anew would say
    the same."""


def typed_flows(
    messages: Iterator[replay_pb2.EnqueueRequest],
    hashed: Callable[[bytes], None],
    content_limit: int,
) -> Iterator[TypedFlow]:
    """Yields the flows of the stream; `hashed` is given all that tells streams apart."""
    index = 0
    for message in messages:
        if message.WhichOneof("payload") != "flow_batch":
            raise _invalid("only flow_batch messages may stand here", index)
        flows = message.flow_batch.flows
        last = len(flows) - 1
        for position, flow in enumerate(flows):
            if flow.request.content_follows or flow.response.content_follows:
                if position != last:
                    raise _invalid("content_follows is for the last flow of a message", index)
                _add_contents(flow, messages, content_limit, index)
            encoded = flow.SerializeToString(deterministic=True)
            hashed(encoded)
            yield _typed(flow, encoded)
            index += 1


def _typed(message: flow_pb2.Flow, encoded: bytes) -> TypedFlow:
    flow = decode_typed_flow(message)
    changed = strip_contents(message)
    if len(flow.flow_id) > MAX_TEXT:
        message.flow_id = message.flow_id[:MAX_TEXT]
        flow, changed = flow._replace(flow_id=message.flow_id), True
    return TypedFlow(flow, message.SerializeToString() if changed else encoded)


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
