"""What a filter sees of a replay: its request as it is sent, and what came.

It is made of the log's events, of which none has both. Contents are seen as far as events have
them.
"""

from collections import OrderedDict

from flowreplay.v1 import event_pb2, plan_pb2

from replayd.codec.fields import headers_from
from replayd.codec.websocket import websocket_message_from
from replayd.filters import Subject
from replayd.model.flow import Flow, FlowError, FlowKind, Headers, Request, Response, WebSocket

KEPT_REQUESTS = 4096
KEPT_BYTES = 16 << 20
"""Requests that are remembered until their replays end, and the bytes of all their contents."""


class Replays:
    """Makes subjects of events, and remembers requests for the ends of their replays."""

    def __init__(self) -> None:
        self._requests: OrderedDict[tuple[str, bool], Flow] = OrderedDict()
        self._bytes = 0

    def subject(
        self, event: event_pb2.Event, request: bytes, *, revealed: bool, needs_request: bool
    ) -> Subject | None:
        """Returns what a filter sees at an event that is about a single replay; None: its
        request is needed, and not known. `request`: that of the event's replay, if it is at hand.
        """
        kind = event.WhichOneof("payload")
        key = (event.replay_id, revealed)
        if kind == "request":
            asked = _asked(event.request)
            self._remember(key, asked)
            return _ReplaySubject(asked, event.request.plan.url)
        if request:
            # Whoever sends it once would have to send it again.
            self._remember(key, _asked(event_pb2.RequestEvent.FromString(request)))
        known = self._requests.get(key)
        if kind == "log":
            return None if known is None else Subject(known)
        ended = event.response if kind == "response" else event.error
        if known is None:
            if needs_request:
                return None
            known = Flow(request=Request(ended.method, b"", "", 0, b""))
        return _ReplaySubject(_with_end(known, ended), ended.url)

    def _remember(self, key: tuple[str, bool], asked: Flow) -> None:
        self._forget(self._requests.pop(key, None))
        self._requests[key] = asked
        self._bytes += _size(asked)
        while self._bytes > KEPT_BYTES or len(self._requests) > KEPT_REQUESTS:
            self._forget(self._requests.popitem(last=False)[1])

    def _forget(self, asked: Flow | None) -> None:
        if asked is not None:
            self._bytes -= _size(asked)


class _ReplaySubject(Subject):
    """A replay, whose URL is as its events show it."""

    def __init__(self, flow: Flow, url: bytes) -> None:
        super().__init__(flow)
        self._url = url

    @property
    def url(self) -> str | None:
        """The URL."""
        return self._url.decode("utf-8", "surrogateescape")


def _asked(event: event_pb2.RequestEvent) -> Flow:
    plan = event.plan
    request = Request(
        plan.method,
        plan.target.scheme.encode(),
        plan.target.host,
        plan.target.port,
        b"",
        headers=_fields(plan),
        content=event.content,
    )
    websocket = plan.HasField("websocket")
    return Flow(kind=FlowKind.WEBSOCKET if websocket else FlowKind.HTTP, request=request)


def _fields(plan: plan_pb2.Plan) -> Headers:
    """Reads the fields of a head as far as its lines are such: Host is among them always."""
    lines = (line.partition(b":") for line in plan.head.split(b"\n")[1:])
    return tuple([(name, value.strip()) for name, colon, value in lines if colon])


def _with_end(asked: Flow, ended: event_pb2.ResponseEvent | event_pb2.ErrorEvent) -> Flow:
    response = error = websocket = None
    if ended.HasField("head"):
        head = ended.head
        response = Response(
            head.http_version,
            head.status_code,
            headers=headers_from(head.headers),
            content=ended.content,
        )
    if isinstance(ended, event_pb2.ErrorEvent):
        error = FlowError(ended.message)
    if ended.HasField("websocket"):
        websocket = WebSocket(tuple(map(websocket_message_from, ended.websocket.messages)))
    return asked._replace(response=response, error=error, websocket=websocket)


def _size(asked: Flow) -> int:
    return len(asked.request.content or b"") if asked.request else 0
