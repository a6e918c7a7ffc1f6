"""Calls of the contract as tests make them: typed flows, captures, events to the end."""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from flowreplay.v1 import event_pb2, flow_pb2, replay_pb2, replay_pb2_grpc

from tests.support.processes import DEADLINE

Event = event_pb2.Event
Stub = replay_pb2_grpc.ReplayServiceStub
CHUNK = 1 << 20
TERMINAL = {"response", "error"}
"""Payloads that end a single replay."""


def flow(
    url: str, *, method: bytes = b"GET", content: bytes = b"", session_id: str = ""
) -> flow_pb2.Flow:
    """A flow for a URL, with Host, and Content-Length where there is content."""
    parts = urlsplit(url)
    headers = [flow_pb2.Header(name=b"Host", value=parts.netloc.encode())]
    if content:
        length = str(len(content)).encode()
        headers.append(flow_pb2.Header(name=b"Content-Length", value=length))
    request = flow_pb2.Request(
        method=method,
        scheme=parts.scheme.encode(),
        host=parts.hostname,
        port=parts.port or 0,
        path=(parts.path or "/").encode() + (f"?{parts.query}".encode() if parts.query else b""),
        headers=headers,
        content=content,
    )
    return flow_pb2.Flow(request=request, session_id=session_id)


def enqueue(
    stub: Stub, flows: Iterable[flow_pb2.Flow], **options: object
) -> replay_pb2.EnqueueResponse:
    """Enqueues typed flows, 500 a message."""

    def messages() -> Iterator[replay_pb2.EnqueueRequest]:
        yield replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(**options))
        waiting = list(flows)
        for at in range(0, len(waiting), 500):
            batch = replay_pb2.FlowBatch(flows=waiting[at : at + 500])
            yield replay_pb2.EnqueueRequest(flow_batch=batch)

    return stub.Enqueue(messages(), timeout=DEADLINE)


def enqueue_capture(stub: Stub, capture: bytes, **options: object) -> replay_pb2.EnqueueResponse:
    """Enqueues a capture's bytes."""

    def messages() -> Iterator[replay_pb2.EnqueueRequest]:
        yield replay_pb2.EnqueueRequest(options=replay_pb2.EnqueueOptions(**options))
        for at in range(0, len(capture), CHUNK):
            yield replay_pb2.EnqueueRequest(capture_chunk=capture[at : at + CHUNK])

    return stub.Enqueue(messages(), timeout=DEADLINE)


def connect_to(scheme: str, port: int) -> replay_pb2.ConnectTo:
    """Dials this machine for every target of a scheme."""
    return replay_pb2.ConnectTo(scheme=scheme, dial_host="127.0.0.1", dial_port=port)


def events(stub: Stub, cursor: str = "", **request: object) -> list[Event]:
    """Every event after a cursor (from the start without one) until the queue is idle."""
    start: dict[str, object] = {"position": replay_pb2.START_POSITION_START}
    if cursor:
        start = {"cursor": cursor}
    call = stub.WatchEvents(
        replay_pb2.WatchEventsRequest(**start, until_idle=True, **request), timeout=2 * DEADLINE
    )
    return [event for response in call for event in response.events]


def wait_for(stub: Stub, wanted: str, count: int = 1, deadline: float = DEADLINE) -> list[Event]:
    """The log's events, once `count` of them have a payload of the kind `wanted`."""
    request = replay_pb2.WatchEventsRequest(position=replay_pb2.START_POSITION_START)
    call = stub.WatchEvents(request, timeout=deadline)
    seen: list[Event] = []
    for response in call:
        seen += response.events
        count -= sum(payload(event) == wanted for event in response.events)
        if count <= 0:
            call.cancel()
            return seen
    raise AssertionError("the stream ended")


def payload(event: Event) -> str:
    """The name of an event's payload."""
    return event.WhichOneof("payload") or ""


def outcomes(seen: Iterable[Event]) -> dict[str, list[Event]]:
    """The events that end a single replay, by replay."""
    found: dict[str, list[Event]] = {}
    for event in seen:
        if payload(event) in TERMINAL:
            found.setdefault(event.replay_id, []).append(event)
    return found
