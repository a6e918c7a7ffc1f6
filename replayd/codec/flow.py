"""Flows: model <-> `flowreplay.v1.Flow`.

Contents are kept beside the message (a journal stores them apart), so `encode_flow`
leaves them out and `decode_flow` takes them as arguments. What a WebSocket flow has in
place of its request's content are its messages, as `websocket` encodes a conversation.
"""

from flowreplay.v1 import flow_pb2

from replayd.codec.fields import encode_headers, headers_from, set_time, time_field, time_of
from replayd.codec.websocket import (
    decode_conversation,
    encode_conversation,
    websocket_message_from,
)
from replayd.codec.wire_format import bytes_field, signed, varint
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
    """Encodes a flow without its contents and WebSocket messages. By hand, field by field in
    their order: each flow of a capture is encoded, and generated code takes thrice as long.
    """
    parts = [
        _text_field(b"\x0a", flow.flow_id),
        _text_field(b"\x12", flow.session_id),
        b"\x18",
        varint(flow.kind),
    ]
    if flow.request is not None:
        parts.append(bytes_field(4, _encode_request(flow.request)))
    if flow.response is not None:
        parts.append(bytes_field(5, _encode_response(flow.response)))
    if flow.error is not None:
        error = _text_field(b"\x0a", flow.error.message) + time_field(2, flow.error.time)
        parts.append(bytes_field(6, error))
    if flow.live:
        parts.append(b"\x38\x01")
    if flow.intercepted:
        parts.append(b"\x40\x01")
    parts += (
        _text_field(b"\x4a", flow.server_name),
        _text_field(b"\x52", flow.comment),
        _text_field(b"\x5a", flow.mark),
    )
    if flow.websocket is not None:
        parts.append(bytes_field(12, _websocket_message(flow.websocket).SerializeToString()))
    return b"".join(parts)


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
    has, said = message.HasField, None
    if has("websocket"):
        messages = tuple(decode_conversation((request_content or b"",)))
        request_content, said = b"", _websocket(message.websocket, messages)
    return _flow(
        message,
        _request(message.request, request_content) if has("request") else None,
        _response(message.response, recorded_content) if has("response") else None,
        said,
    )


def decode_typed_flow(message: flow_pb2.Flow) -> Flow:
    """Converts a message that carries its contents, as an Enqueue has it."""
    has = message.HasField
    request = response = said = None
    if has("request"):
        half = message.request
        request = _request(half, None if half.content_missing else half.content)
    if has("response"):
        answer = message.response
        response = _response(answer, None if answer.content_missing else answer.content)
    if has("websocket"):
        messages = tuple(map(websocket_message_from, message.websocket.messages))
        said = _websocket(message.websocket, messages)
    return _flow(message, request, response, said)


def strip_contents(message: flow_pb2.Flow) -> bool:
    """Takes contents and WebSocket messages out of a message; False: it has none.

    What is left encodes the flow that `decode_typed_flow` made of all of it, as `encode_flow`
    would, in the sender's own words.
    """
    # Not cleared blindly: that would put an empty half where there is none.
    has, stripped = message.HasField, False
    if has("request") and message.request.content:
        message.request.ClearField("content")
        stripped = True
    if has("response") and message.response.content:
        message.response.ClearField("content")
        stripped = True
    if has("websocket") and message.websocket.messages:
        message.websocket.ClearField("messages")
        stripped = True
    return stripped


def _flow(
    message: flow_pb2.Flow,
    request: Request | None,
    response: Response | None,
    websocket: WebSocket | None,
) -> Flow:
    error = None
    if message.HasField("error"):
        error = FlowError(message.error.message, time_of(message.error, "error_time"))
    # By position: a flow is made for each one that is taken in.
    return Flow(
        message.flow_id,
        message.session_id,
        _kind(message.kind, websocket),
        request,
        response,
        error,
        message.live,
        message.intercepted,
        message.server_name,
        message.comment,
        message.mark,
        websocket,
    )


_KINDS = {int(kind): kind for kind in FlowKind}


def _kind(value: int, websocket: WebSocket | None) -> FlowKind:
    if value in (flow_pb2.FLOW_KIND_UNSPECIFIED, flow_pb2.FLOW_KIND_HTTP):
        return FlowKind.HTTP if websocket is None else FlowKind.WEBSOCKET
    # A kind that this version does not know is at least not HTTP.
    return _KINDS.get(value, FlowKind.TCP)


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


def _text_field(tag: bytes, text: str) -> bytes:
    return _bytes_field(tag, text.encode()) if text else b""


def _bytes_field(tag: bytes, value: bytes) -> bytes:
    return tag + varint(len(value)) + value if value else b""


def _encode_request(request: Request) -> bytes:
    return b"".join(
        (
            _bytes_field(b"\x0a", request.method),
            _bytes_field(b"\x12", request.scheme),
            _text_field(b"\x1a", request.host),
            b"\x20" + signed(request.port) if request.port else b"",
            _bytes_field(b"\x2a", request.authority),
            _bytes_field(b"\x32", request.path),
            _bytes_field(b"\x3a", request.http_version),
            encode_headers(b"\x42", request.headers),
            b"\x50\x01" if request.content is None else b"",
            encode_headers(b"\x62", request.trailers),
            time_field(13, request.start_time),
            time_field(14, request.end_time),
        )
    )


def _request(message: flow_pb2.Request, content: bytes | None) -> Request:
    scheme = message.scheme.lower()
    trailers = message.trailers
    return Request(
        message.method,
        scheme,
        message.host,
        message.port or _DEFAULT_PORTS.get(scheme, 0),
        message.path or b"/",
        message.http_version or b"HTTP/1.1",
        headers_from(message.headers),
        content,
        message.authority,
        headers_from(trailers) if trailers else (),
        time_of(message, "start_time"),
        time_of(message, "end_time"),
    )


def _encode_response(response: Response) -> bytes:
    return b"".join(
        (
            _bytes_field(b"\x0a", response.http_version),
            b"\x10" + signed(response.status_code) if response.status_code else b"",
            _bytes_field(b"\x1a", response.reason_phrase),
            encode_headers(b"\x22", response.headers),
            b"\x30\x01" if response.content is None else b"",
            encode_headers(b"\x42", response.trailers),
            time_field(9, response.start_time),
            time_field(10, response.end_time),
        )
    )


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
