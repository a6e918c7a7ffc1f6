"""Flows: model <-> `flowreplay.v1.Flow`.

Contents are kept beside the message (a journal stores them apart), so `encode_flow`
leaves them out and `decode_flow` takes them as arguments. What a WebSocket flow has in
place of its request's content are its messages, as `websocket` encodes a conversation.
"""

from flowreplay.v1 import flow_pb2

from replayd.codec.fields import add_headers, headers_from, set_time, time_of
from replayd.codec.websocket import (
    decode_conversation,
    encode_conversation,
    websocket_message_from,
)
from replayd.model.flow import (
    Flow,
    FlowError,
    FlowKind,
    Request,
    Response,
    WebSocket,
    WebSocketMessage,
)

_DEFAULT_PORTS = {b"http": 80, b"https": 443}


def encode_flow(flow: Flow) -> bytes:
    """Encodes a flow without its contents and WebSocket messages."""
    message = flow_pb2.Flow(
        flow_id=flow.flow_id,
        session_id=flow.session_id,
        kind=flow_pb2.FlowKind.ValueType(flow.kind.value),
        live=flow.live,
        intercepted=flow.intercepted,
        server_name=flow.server_name,
        comment=flow.comment,
        mark=flow.mark,
    )
    if flow.request is not None:
        _fill_request(message.request, flow.request)
    if flow.response is not None:
        _fill_response(message.response, flow.response)
    if flow.error is not None:
        message.error.message = flow.error.message
        set_time(message.error.error_time, flow.error.time)
    if flow.websocket is not None:
        message.websocket.CopyFrom(_websocket_message(flow.websocket))
    return message.SerializeToString()


def request_content(flow: Flow) -> bytes:
    """Returns what is kept beside a flow's message as its request's content."""
    if flow.websocket is not None:
        return encode_conversation(flow.websocket.messages)
    return (flow.request.content or b"") if flow.request else b""


def decode_flow(
    message: flow_pb2.Flow, request_content: bytes | None, recorded_content: bytes | None
) -> Flow:
    """Converts a message to a flow with these contents (None: left out of the capture).

    Raises ValueError: a WebSocket flow's is not what `request_content` made.
    """
    if message.HasField("websocket"):
        messages = tuple(decode_conversation((request_content or b"",)))
        return _flow(message, b"", recorded_content, messages)
    return _flow(message, request_content, recorded_content)


def decode_typed_flow(message: flow_pb2.Flow) -> Flow:
    """Converts a message that carries its contents, as an Enqueue has it."""
    request, response = message.request, message.response
    return _flow(
        message,
        None if request.content_missing else request.content,
        None if response.content_missing else response.content,
        tuple(map(websocket_message_from, message.websocket.messages)),
    )


def strip_contents(message: flow_pb2.Flow) -> bool:
    """Takes contents and WebSocket messages out of a message; False: it has none.

    What is left encodes the flow that `decode_typed_flow` made of all of it, as `encode_flow`
    would, in the sender's own words.
    """
    stripped = False
    for half in (message.request, message.response):
        # Not cleared blindly: that would put an empty half where there is none.
        if half.content:
            half.ClearField("content")
            stripped = True
    if message.websocket.messages:
        message.websocket.ClearField("messages")
        stripped = True
    return stripped


def _flow(
    message: flow_pb2.Flow,
    request_content: bytes | None,
    recorded_content: bytes | None,
    messages: tuple[WebSocketMessage, ...] = (),
) -> Flow:
    return Flow(
        flow_id=message.flow_id,
        session_id=message.session_id,
        kind=_kind(message),
        request=_request(message.request, request_content) if message.HasField("request") else None,
        response=(
            _response(message.response, recorded_content) if message.HasField("response") else None
        ),
        error=(
            FlowError(message.error.message, time_of(message.error, "error_time"))
            if message.HasField("error")
            else None
        ),
        live=message.live,
        intercepted=message.intercepted,
        server_name=message.server_name,
        comment=message.comment,
        mark=message.mark,
        websocket=(
            _websocket(message.websocket, messages) if message.HasField("websocket") else None
        ),
    )


def _kind(message: flow_pb2.Flow) -> FlowKind:
    value: int = message.kind
    if value in (flow_pb2.FLOW_KIND_UNSPECIFIED, flow_pb2.FLOW_KIND_HTTP):
        return FlowKind.WEBSOCKET if message.HasField("websocket") else FlowKind.HTTP
    # A kind that this version does not know is at least not HTTP.
    return FlowKind(value) if value in FlowKind.__members__.values() else FlowKind.TCP


def _websocket_message(websocket: WebSocket) -> flow_pb2.WebSocket:
    message = flow_pb2.WebSocket(
        client_closed=websocket.client_closed,
        close_code=websocket.close_code,
        close_reason=websocket.close_reason,
    )
    set_time(message.end_time, websocket.end_time)
    return message


def _websocket(message: flow_pb2.WebSocket, messages: tuple[WebSocketMessage, ...]) -> WebSocket:
    told = message.HasField("client_closed")
    return WebSocket(
        messages=messages,
        client_closed=message.client_closed if told else None,
        close_code=message.close_code,
        close_reason=message.close_reason,
        end_time=time_of(message, "end_time"),
    )


def _fill_request(message: flow_pb2.Request, request: Request) -> None:
    message.method = request.method
    message.scheme = request.scheme
    message.host = request.host
    message.port = request.port
    message.authority = request.authority
    message.path = request.path
    message.http_version = request.http_version
    add_headers(message.headers, request.headers)
    message.content_missing = request.content is None
    add_headers(message.trailers, request.trailers)
    set_time(message.start_time, request.start_time)
    set_time(message.end_time, request.end_time)


def _request(message: flow_pb2.Request, content: bytes | None) -> Request:
    scheme = message.scheme.lower()
    return Request(
        method=message.method,
        scheme=scheme,
        host=message.host,
        port=message.port or _DEFAULT_PORTS.get(scheme, 0),
        path=message.path or b"/",
        http_version=message.http_version or b"HTTP/1.1",
        headers=headers_from(message.headers),
        content=content,
        authority=message.authority,
        trailers=headers_from(message.trailers),
        start_time=time_of(message, "start_time"),
        end_time=time_of(message, "end_time"),
    )


def _fill_response(message: flow_pb2.Response, response: Response) -> None:
    message.http_version = response.http_version
    message.status_code = response.status_code
    message.reason_phrase = response.reason_phrase
    add_headers(message.headers, response.headers)
    message.content_missing = response.content is None
    add_headers(message.trailers, response.trailers)
    set_time(message.start_time, response.start_time)
    set_time(message.end_time, response.end_time)


def _response(message: flow_pb2.Response, content: bytes | None) -> Response:
    return Response(
        http_version=message.http_version,
        status_code=message.status_code,
        reason_phrase=message.reason_phrase,
        headers=headers_from(message.headers),
        content=content,
        trailers=headers_from(message.trailers),
        start_time=time_of(message, "start_time"),
        end_time=time_of(message, "end_time"),
    )
