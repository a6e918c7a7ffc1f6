"""Messages of Enqueue streams, for tests."""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from flowreplay.v1 import flow_pb2, replay_pb2

Message = TypeVar("Message")


def options(**values: object) -> replay_pb2.EnqueueRequest:
    """Makes the first message of a stream."""
    return replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(**values))  # type: ignore[arg-type]


async def unended(*messages: Message) -> AsyncIterator[Message]:
    """Sends messages, and never ends."""
    for message in messages:
        yield message
    await asyncio.Event().wait()


def flows(count: int, *, method: bytes = b"GET") -> replay_pb2.EnqueueRequest:
    """Makes a message of flows that can be replayed."""
    return replay_pb2.EnqueueRequest(
        flow_batch=replay_pb2.FlowBatch(
            flows=[
                flow_pb2.Flow(
                    flow_id=f"flow-{index}",
                    request=flow_pb2.Request(
                        method=method,
                        scheme=b"http",
                        host="127.0.0.1",
                        path=b"/%d" % index,
                        headers=[flow_pb2.Header(name=b"Host", value=b"h")],
                    ),
                )
                for index in range(count)
            ]
        )
    )


def refused_flow(flow_id: str = "bad") -> replay_pb2.EnqueueRequest:
    """Makes a message with a flow that can't be replayed."""
    flow = flow_pb2.Flow(flow_id=flow_id, live=True, request=flows(1).flow_batch.flows[0].request)
    return replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=[flow]))


def post(content: bytes) -> replay_pb2.EnqueueRequest:
    """Makes a message with a flow that has content."""
    headers = [
        flow_pb2.Header(name=b"Host", value=b"h"),
        flow_pb2.Header(name=b"Content-Length", value=b"%d" % len(content)),
    ]
    request = flow_pb2.Request(
        method=b"POST", scheme=b"http", host="127.0.0.1", headers=headers, content=content
    )
    flow = flow_pb2.Flow(request=request)
    return replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=[flow]))


def websocket_flow() -> replay_pb2.EnqueueRequest:
    """Makes a message with a WebSocket: two messages of the client, one of the server."""
    fields = {b"Host": b"h", b"Upgrade": b"websocket", b"Sec-WebSocket-Key": b"a2V5"}
    headers = [flow_pb2.Header(name=name, value=value) for name, value in fields.items()]
    text = flow_pb2.WEB_SOCKET_MESSAGE_KIND_TEXT
    said = ((True, b"hello"), (False, b"hello"), (True, b"bye"))
    flow = flow_pb2.Flow(
        request=flow_pb2.Request(
            method=b"GET", scheme=b"http", host="127.0.0.1", path=b"/chat", headers=headers
        ),
        websocket=flow_pb2.WebSocket(
            messages=[
                flow_pb2.WebSocketMessage(kind=text, from_client=client, content=content)
                for client, content in said
            ],
            client_closed=False,
        ),
    )
    return replay_pb2.EnqueueRequest(flow_batch=replay_pb2.FlowBatch(flows=[flow]))
