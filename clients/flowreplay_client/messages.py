"""The messages of an Enqueue, or a PlanFlows: options, then a capture's chunks or batches of flows.

Pure. It keeps to the contract's limits (1 MiB a chunk, 8 MiB a message) and knows
nothing of channels, retries or threads.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence

from flowreplay.v1.event_pb2 import Resolution
from flowreplay.v1.flow_pb2 import Flow
from flowreplay.v1.plan_pb2 import WebSocketPace
from flowreplay.v1.replay_pb2 import (
    CaptureFormat,
    ConnectTo,
    ContentChunk,
    EnqueueOptions,
    EnqueueRequest,
    FlowBatch,
    HttpVersion,
    OnInterrupt,
    PlanFlowsRequest,
    ResolveRequest,
    RetryRequest,
    StreamEnd,
)

from flowreplay_client.capture import CHUNK_BYTES, Capture
from flowreplay_client.comparing import CompareSettings, fill_comparing
from flowreplay_client.connect_to import parse_connect_to
from flowreplay_client.listing import state_number
from flowreplay_client.live import LiveSettings, fill_live
from flowreplay_client.pace import PaceSettings, fill_pace
from flowreplay_client.rewriting import RewriteSettings, fill_rewriting
from flowreplay_client.steering import SteeringSettings, fill_steering

Progress = Callable[[int, int | None], None]
"""Called with the bytes handed over so far and the whole (None: not known)."""

BATCH_FLOWS = 256
"""Flows in one message at most: beyond that a message's own cost no longer shows."""

BATCH_BYTES = 1 << 20
"""Bytes of flows in one message at most, so that the daemon never holds much at once."""

INLINE_CONTENT_BYTES = 256 << 10
"""Content of a flow over `BATCH_BYTES` stays in its message up to here, else follows it."""

_FORMAT_PREFIX = "CAPTURE_FORMAT_"

HTTP_VERSIONS = {
    "auto": HttpVersion.HTTP_VERSION_AUTO,
    "recorded": HttpVersion.HTTP_VERSION_RECORDED,
    "1.1": HttpVersion.HTTP_VERSION_ONE,
    "2": HttpVersion.HTTP_VERSION_TWO,
}
"""The contract's choices of a version, by the words that people say."""

WEBSOCKET_PACES = {
    "messages": WebSocketPace.WEB_SOCKET_PACE_AFTER_MESSAGES,
    "recorded": WebSocketPace.WEB_SOCKET_PACE_RECORDED,
}
"""The contract's paces of WebSocket messages, by the words that people say."""

ON_INTERRUPT = {
    "auto": OnInterrupt.ON_INTERRUPT_AUTO,
    "resend": OnInterrupt.ON_INTERRUPT_RESEND,
    "park": OnInterrupt.ON_INTERRUPT_PARK,
    "fail": OnInterrupt.ON_INTERRUPT_FAIL,
}
"""What becomes of a replay that a crash interrupts, by the words that people say."""


RESOLUTIONS = {
    "resend": Resolution.RESOLUTION_RESEND,
    "drop": Resolution.RESOLUTION_DROP,
}
"""What is done with a parked replay, by the words that people say."""


class EnqueueSettings(
    RewriteSettings, PaceSettings, LiveSettings, CompareSettings, SteeringSettings, total=False
):
    """How to take the flows of an Enqueue; what is left out has the daemon's default."""

    format: str
    """The capture's format, such as `mitmproxy`; empty: its first bytes tell."""
    strict: bool
    """Refuse all flows if one is refused."""
    stream: bool
    """Queue flows, and replay them, while the rest is still being sent; what was queued stays
    queued if the call breaks off. Not with `strict`."""
    label: str
    """Free text that the batch's events carry, at most 200 characters."""
    request_id: str
    """Makes the call safe to repeat, at most 200 characters; empty: one is made up."""
    connect_to: Iterable[str | ConnectTo]
    """`[SCHEME://][HOST][:PORT]=HOST:PORT`: dial there instead; the first match wins."""
    raw: bool
    """Send byte for byte as captured, even what makes two requests of one."""
    salvage: bool
    """Take what can be read of a damaged capture, and refuse each flow that can't."""
    http_version: str
    """What requests are sent with: `auto` (as captured, HTTP/2 where the server chooses it in
    TLS), `recorded` (HTTP/2 captures as HTTP/2 or not at all), `1.1` or `2`; empty: auto."""
    refuse_websocket: bool
    """Refuse WebSocket flows."""
    websocket_pace: str
    """When a WebSocket's messages are sent: `messages` (each once as many of the server's came
    as had come before it) or `recorded` (each as long after the handshake); empty: messages."""
    on_interrupt: str
    """What becomes of a replay that may have been sent when the daemon died: `auto` (sent again
    if it is idempotent, else parked), `resend`, `park` (it ends INTERRUPTED) or `fail` (it
    ends FAILED); empty: auto."""
    strict_session: bool
    """Have the later replays of a session wait while one of it is parked, until it is resolved."""
    trust_idempotency_key: bool
    """Take a request with an `Idempotency-Key` for idempotent: it may be sent again."""
    filter: str
    """Take only the flows that this filter expression finds, in mitmproxy's notation, such as
    `~m POST & ~d example.com`; empty: all."""


def format_names() -> list[str]:
    """Returns the names of the capture formats that this client knows."""
    names = (name.removeprefix(_FORMAT_PREFIX).lower() for name in CaptureFormat.keys())  # noqa: SIM118
    return [name for name in names if name != "unspecified"]


def format_number(name: str) -> CaptureFormat.ValueType:
    """Returns the contract's value for a format's name; empty: unspecified.

    Raises ValueError for a format that this client does not know.
    """
    if name and name not in format_names():
        raise ValueError(f"{name!r} is not a capture format; use {', '.join(format_names())}")
    return CaptureFormat.Value(_FORMAT_PREFIX + (name or "unspecified").upper())


def http_version_number(name: str) -> HttpVersion.ValueType:
    """Returns the contract's value for a choice of the version; empty: unspecified.

    Raises ValueError for one that there is not.
    """
    if name and name not in HTTP_VERSIONS:
        raise ValueError(f"{name!r} is not an HTTP version; use {', '.join(HTTP_VERSIONS)}")
    return HTTP_VERSIONS.get(name, HttpVersion.HTTP_VERSION_UNSPECIFIED)


def websocket_pace_number(name: str) -> WebSocketPace.ValueType:
    """Returns the contract's value for a pace of WebSocket messages; empty: unspecified.

    Raises ValueError for one that there is not.
    """
    if name and name not in WEBSOCKET_PACES:
        raise ValueError(f"{name!r} is not a pace; use {', '.join(WEBSOCKET_PACES)}")
    return WEBSOCKET_PACES.get(name, WebSocketPace.WEB_SOCKET_PACE_UNSPECIFIED)


def on_interrupt_number(name: str) -> OnInterrupt.ValueType:
    """Returns the contract's value for what becomes of an interrupted replay; empty: unspecified.

    Raises ValueError for one that there is not.
    """
    if name and name not in ON_INTERRUPT:
        raise ValueError(f"{name!r} is not for interrupted replays; use {', '.join(ON_INTERRUPT)}")
    return ON_INTERRUPT.get(name, OnInterrupt.ON_INTERRUPT_UNSPECIFIED)


def enqueue_options(settings: EnqueueSettings) -> EnqueueOptions:
    """Builds the options; raises ValueError for what makes no sense in them."""
    if settings.get("stream") and settings.get("strict"):
        raise ValueError("stream contradicts strict: if a flow is refused is known at the end")
    rules = settings.get("connect_to", ())
    options = EnqueueOptions(
        request_id=settings.get("request_id") or str(uuid.uuid4()),
        end_follows=True,
        format=format_number(settings.get("format", "")),
        strict=settings.get("strict", False),
        stream=settings.get("stream", False),
        label=settings.get("label", ""),
        connect_to=[parse_connect_to(rule) if isinstance(rule, str) else rule for rule in rules],
        raw=settings.get("raw", False),
        salvage=settings.get("salvage", False),
        http_version=http_version_number(settings.get("http_version", "")),
        refuse_websocket=settings.get("refuse_websocket", False),
        websocket_pace=websocket_pace_number(settings.get("websocket_pace", "")),
        on_interrupt=on_interrupt_number(settings.get("on_interrupt", "")),
        strict_session=settings.get("strict_session", False),
        trust_idempotency_key=settings.get("trust_idempotency_key", False),
        filter=settings.get("filter", ""),
    )
    fill_rewriting(options, settings)
    fill_pace(options, settings)
    fill_live(options, settings)
    fill_steering(options, settings)
    fill_comparing(options, settings)
    return options


def resolve_request(resolution: str, replay_ids: Iterable[str], batch_id: str) -> ResolveRequest:
    """Builds a Resolve; raises ValueError for a resolution that there is not."""
    if resolution not in RESOLUTIONS:
        raise ValueError(f"{resolution!r} is no resolution; use {', '.join(RESOLUTIONS)}")
    return ResolveRequest(
        resolution=RESOLUTIONS[resolution], replay_ids=replay_ids, batch_id=batch_id
    )


def retry_request(
    replay_ids: Iterable[str], batch_id: str, states: Iterable[str], request_id: str
) -> RetryRequest:
    """Builds a Retry; raises ValueError for a state that there is not."""
    return RetryRequest(
        replay_ids=replay_ids,
        batch_id=batch_id,
        states=map(state_number, states),
        request_id=request_id or str(uuid.uuid4()),
    )


def capture_messages(
    options: EnqueueOptions, capture: Capture, progress: Progress | None = None
) -> Iterator[EnqueueRequest]:
    """Yields the messages that carry a capture; `progress` hears of each chunk."""
    yield EnqueueRequest(options=options)
    total, sent = capture.size() if progress else None, 0
    for chunk in capture.chunks():
        yield EnqueueRequest(capture_chunk=chunk)
        sent += len(chunk)
        if progress:
            progress(sent, total)
    yield EnqueueRequest(end=StreamEnd(capture_bytes=sent))


def flow_messages(options: EnqueueOptions, flows: Iterable[Flow]) -> Iterator[EnqueueRequest]:
    """Yields the messages that carry typed flows, many small ones in each.

    Those of an iterator that streams go one by one: nobody knows when its next one comes.
    """
    yield EnqueueRequest(options=options)
    at_once = 1 if options.stream and not isinstance(flows, Sequence) else BATCH_FLOWS
    batch: list[Flow] = []
    size = count = 0
    for flow in flows:
        count += 1
        flow_size = flow.ByteSize()
        if batch and size + flow_size > BATCH_BYTES:
            yield EnqueueRequest(flow_batch=FlowBatch(flows=batch))
            batch, size = [], 0
        if flow_size > BATCH_BYTES:
            yield from _large_flow(flow)
        else:
            batch.append(flow)
            size += flow_size
        if len(batch) == at_once:
            yield EnqueueRequest(flow_batch=FlowBatch(flows=batch))
            batch, size = [], 0
    if batch:
        yield EnqueueRequest(flow_batch=FlowBatch(flows=batch))
    yield EnqueueRequest(end=StreamEnd(flow_count=count))


def plan_messages(
    messages: Iterable[EnqueueRequest], content_limit: int | None
) -> Iterator[PlanFlowsRequest]:
    """Yields the messages of a PlanFlows for those of an Enqueue; the first has the options."""
    for message in messages:
        kind = message.WhichOneof("payload")
        if kind == "options":
            yield PlanFlowsRequest(options=message.options, content_limit_bytes=content_limit)
        elif kind == "capture_chunk":
            yield PlanFlowsRequest(capture_chunk=message.capture_chunk)
        elif kind == "flow_batch":
            yield PlanFlowsRequest(flow_batch=message.flow_batch)
        elif kind == "content_chunk":
            yield PlanFlowsRequest(content_chunk=message.content_chunk)
        else:
            yield PlanFlowsRequest(end=message.end)


def _large_flow(flow: Flow) -> Iterator[EnqueueRequest]:
    """One flow in a message of its own; its large contents follow, the request's first."""
    head = Flow()
    head.CopyFrom(flow)
    contents = []
    for half in (head.request, head.response):
        if len(half.content) > INLINE_CONTENT_BYTES:
            contents.append(half.content)
            half.ClearField("content")
            half.content_follows = True
    yield EnqueueRequest(flow_batch=FlowBatch(flows=[head]))
    for content in contents:
        for start in range(0, len(content), CHUNK_BYTES):
            end = start + CHUNK_BYTES
            chunk = ContentChunk(data=content[start:end], last=end >= len(content))
            yield EnqueueRequest(content_chunk=chunk)
